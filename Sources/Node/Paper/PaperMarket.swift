import ExecutionCore
import Gateways
import Simulation

/// The market of a paper broker, played at the speed of its own times: quotes and trades for the broker, and the same
/// records for who publishes them.
///
/// What is published is a function of the source alone: the same messages under the same numbers, whenever it is played.
struct PaperMarket: ~Copyable {
  var instruments: [InstrumentFacts] { source.instruments }
  /// Session time of the first record.
  var begin: Int64 { source.begin }
  var isOver: Bool { source.isOver }
  /// Records played so far.
  private(set) var played: UInt64 = 0
  private(set) var source: PaperSource
  private let market: PriceMarket
  /// By instrument: it has been named to who listens; the source has quotes of it; an event of it is not told whole.
  private var isNamed: [Bool]
  private var hasQuotes: [Bool]
  private var isMidEvent: [Bool]
  /// The instrument that is told again next, and when.
  private var refreshed = 0
  private var refreshAt: Int64

  /// How often each instrument is told again; where there are books of many levels less often.
  private static let refreshInterval: Int64 = 1_000_000_000
  private static let refreshPerLevel: Int64 = 1_000_000

  /// Throws for instruments that no engine takes.
  init(_ source: consuming PaperSource, name: String) throws(CommandFailure) {
    market = try Self.market(source.instruments, name)
    isNamed = Array(repeating: false, count: source.instruments.count)
    hasQuotes = isNamed
    isMidEvent = isNamed
    refreshAt = source.begin
    self.source = source
    // What lies before its begin only leads there.
    while let record = self.source.peek(), record.sessionTime < self.source.begin {
      self.source.drop()
      _ = market.apply(record)
    }
  }

  private static func market(
    _ instruments: [InstrumentFacts], _ name: String
  ) throws(CommandFailure) -> PriceMarket {
    do throws(EngineConfigurationError) { return try PriceMarket(instruments) } catch {
      throw CommandFailure(.dataError, "\(name): \(error)")
    }
  }

  var counters: PriceFeedCounters { market.counters }

  /// Session time of the next record; nil behind the last.
  mutating func nextTime() -> Int64? { source.peek()?.sessionTime }

  /// Plays what is due at a session time, so many records at most; false when more is due.
  mutating func play(
    to broker: inout PaperBroker, _ feed: inout PricePublisher, until now: Int64, most: Int
  ) -> Bool {
    for _ in 0..<most {
      guard let record = source.peek(), record.sessionTime <= now else { return true }
      source.drop()
      played += 1
      tell(market.apply(record), at: record.sessionTime, &broker)
      if !feed.isOff { publish(record, &feed) }
    }
    return false
  }

  /// Plays without a broker, what nobody was there for, as long as nobody wants it to end.
  mutating func skip(to now: Int64, _ feed: inout PricePublisher, isStopped: () -> Bool) {
    // Ends: the source comes to that time, or is over.
    while let record = source.peek(), record.sessionTime <= now {
      if played & 0xFFFF == 0, isStopped() { return }
      source.drop()
      played += 1
      _ = market.apply(record)
      if !feed.isOff { publish(record, &feed) }
    }
  }

  /// The broker sees the market as it stands.
  func show(to broker: inout PaperBroker, now: Int64) {
    for i in instruments.indices {
      var effect = MarketEffect()
      effect.instrument = InstrumentID(raw: UInt32(i))
      effect.quoteChanged = true
      effect.stateChanged = true
      tell(effect, at: now, &broker)
    }
  }

  private func tell(_ effect: MarketEffect, at time: Int64, _ broker: inout PaperBroker) {
    let i = Int(effect.instrument.raw)
    guard i < instruments.count else { return }
    if effect.quoteChanged || effect.stateChanged {
      let isWhole = market.quotes.isWhole(effect.instrument)
      let empty = Quote(
        bid: Price(raw: 0), ask: Price(raw: 0), bidQuantity: Quantity(raw: 0),
        askQuantity: Quantity(raw: 0))
      // What is not known to be all that there is, is nothing to fill at.
      broker.quote(i, isWhole ? market.quotes.quote(effect.instrument) : empty, now: time)
      if effect.stateChanged {
        broker.status(i, market.quotes.status(effect.instrument), now: time)
      }
    }
    if effect.hasTrade {
      let side = effect.trade.restingSide
      broker.trade(
        i, price: effect.trade.price.raw, quantity: effect.trade.quantity.raw,
        isBuyer: side.map { !$0.isBuy }, now: time)
    }
  }

  // MARK: Publishing

  private mutating func publish(_ record: FeedRecord, _ feed: inout PricePublisher) {
    let i = Int(record.instrument)
    guard i < instruments.count else { return feed.tell(record) }
    let isClear = record.kind == FeedRecord.Kind.clear.rawValue
    if isClear && record.flags.contains(.snapshot) || !isNamed[i] {
      name(i, at: record.sessionTime, &feed)
    }
    feed.tell(record)
    if record.kind == FeedRecord.Kind.quote.rawValue { hasQuotes[i] = true }
    let isPart = isClear || record.kind == FeedRecord.Kind.level.rawValue
    if isPart { isMidEvent[i] = !record.flags.contains(.last) }
    guard !source.refreshes, record.sessionTime >= refreshAt, !isMidEvent[refreshed] else { return }
    refresh(refreshed, at: record.sessionTime, &feed)
    refreshed = (refreshed + 1) % instruments.count
  }

  /// What it is called, and whether it trades: a word that was lost is said again.
  private mutating func name(_ i: Int, at time: Int64, _ feed: inout PricePublisher) {
    feed.tell(instruments[i], number: UInt32(i))
    isNamed[i] = true
    var record = FeedRecord(.status, instrument: UInt32(i), at: time)
    record.detail = market.quotes.status(InstrumentID(raw: UInt32(i))).rawValue
    record.flags = .refresh
    feed.tell(record)
  }

  /// All that is known of an instrument, for who came late: its book where that is whole, its quote where it has one.
  private mutating func refresh(_ i: Int, at time: Int64, _ feed: inout PricePublisher) {
    let id = InstrumentID(raw: UInt32(i))
    let levels = market.books.levels(id, .buy) + market.books.levels(id, .sell)
    refreshAt =
      time
      + max(
        Self.refreshInterval / Int64(instruments.count), Int64(levels) * Self.refreshPerLevel)
    name(i, at: time, &feed)
    var record = FeedRecord(.clear, instrument: UInt32(i), at: time)
    record.flags = levels == 0 ? [.snapshot, .refresh, .last] : [.snapshot, .refresh]
    if market.books.isWhole(id) {
      feed.tell(record)
      var left = levels
      for side in [Side.buy, .sell] {
        for depth in 0..<market.books.levels(id, side) {
          guard let level = market.books.level(id, side, depth: depth) else { continue }
          left -= 1
          record = FeedRecord(.level, instrument: UInt32(i), at: time)
          record.side = side.isBuy ? FeedRecord.buy : FeedRecord.sell
          record.price = level.price.raw
          record.quantity = level.quantity.raw
          record.flags = left == 0 ? [.snapshot, .refresh, .last] : [.snapshot, .refresh]
          feed.tell(record)
        }
      }
    }
    guard hasQuotes[i], market.quotes.isWhole(id) else { return }
    let quote = market.quotes.quote(id)
    record = FeedRecord(.quote, instrument: UInt32(i), at: time)
    record.price = quote.bid.raw
    record.quantity = quote.bidQuantity.raw
    record.askPrice = quote.ask.raw
    record.askQuantity = quote.askQuantity.raw
    record.flags = [.snapshot, .refresh, .last]
    feed.tell(record)
  }
}
