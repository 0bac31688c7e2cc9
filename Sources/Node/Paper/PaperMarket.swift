import Captures
import ExecutionCore
import Gateways

/// A recording, played at the speed of its own times: quotes and trades for a paper broker.
struct PaperMarket: ~Copyable {
  let instruments: [InstrumentFacts]
  /// Of the first record.
  let begin: Int64
  private(set) var isOver = false
  /// Records played so far.
  private(set) var played: UInt64 = 0
  private var reader: CaptureReader
  private let market: PriceMarket
  private let records: UnsafeMutableBufferPointer<FeedRecord>
  private let stamps: UnsafeMutableBufferPointer<Int64>
  private var count = 0
  private var next = 0
  private static let batch = 4_096

  /// Throws for a recording that can't be read, is empty, or of orders.
  init(_ path: String) throws(CommandFailure) {
    let reader = try Self.open(path)
    let instruments = reader.header.instruments.map(\.facts)
    guard let times = reader.timeRange else {
      throw CommandFailure(.dataError, "\(path): has no records; import one that has")
    }
    if reader.header.instruments.allSatisfy({ $0.contents == .orders }) {
      throw CommandFailure(
        .dataError,
        "\(path): is a recording of orders, which has no quotes for paper; give one of quotes or of books by "
          + "price")
    }
    market = try Self.market(instruments, path)
    self.instruments = instruments
    begin = times.lowerBound
    self.reader = reader
    records = .allocate(capacity: Self.batch)
    records.initialize(repeating: FeedRecord())
    stamps = .allocate(capacity: Self.batch)
    stamps.initialize(repeating: 0)
  }

  private static func open(_ path: String) throws(CommandFailure) -> CaptureReader {
    do throws(FeedError) { return try CaptureReader(path: path) } catch {
      throw CommandFailure(error.cause.exitCode, "\(error)")
    }
  }
  private static func market(
    _ instruments: [InstrumentFacts], _ path: String
  ) throws(CommandFailure) -> PriceMarket {
    do throws(EngineConfigurationError) { return try PriceMarket(instruments) } catch {
      throw CommandFailure(.dataError, "\(path): \(error)")
    }
  }
  deinit {
    records.deallocate()
    stamps.deallocate()
  }

  /// Why it ended before its end; nil while it goes on, and when all was played.
  var failure: FeedError? { reader.failure }
  var counters: PriceFeedCounters { market.counters }

  /// Session time of the next record; nil behind the last.
  mutating func nextTime() -> Int64? {
    if next == count, !isOver {
      count = reader.read(
        into: records.baseAddress!, receiveTimes: stamps.baseAddress!, capacity: Self.batch)
      next = 0
      isOver = count == 0
    }
    return isOver ? nil : records[next].sessionTime
  }

  /// Plays what is due at a session time, so many records at most; false when more is due.
  mutating func play(to broker: inout PaperBroker, until now: Int64, most: Int) -> Bool {
    for _ in 0..<most {
      guard let time = nextTime(), time <= now else { return true }
      let record = records[next]
      next += 1
      played += 1
      let effect = market.apply(record)
      let i = Int(effect.instrument.raw)
      guard i < instruments.count else { continue }
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
    return false
  }
}
