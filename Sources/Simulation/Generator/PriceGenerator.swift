public import ExecutionCore

/// Makes an endless market by price (L2) from a seed: coins in dollars, as a crypto venue tells
/// them.
///
/// ```swift
/// var generator = PriceGenerator(PriceGeneratorSettings(begin: time))
/// let market = try PriceMarket(generator.instruments)
/// while … { market.apply(generator.next()) }
/// ```
///
/// First each instrument is told whole: a clear with ``FeedRecord/Flags/snapshot``, then its
/// levels, the last of them with ``FeedRecord/Flags/last``. Then come events of one to four records that
/// share their time, the last of them with that flag too: levels that change near the touch, and
/// trades with their aggressor, each flagged as an event by itself and followed by the levels that
/// they changed. In turn an instrument is told whole again, as it stands and flagged as that
/// (``FeedRecord/Flags/refresh``): whoever missed something has its book from there on, and nobody else's
/// changes by it.
///
/// No book is ever crossed or locked. Prices wander around a hidden value of each instrument; its
/// levels follow it, and so do takers. Integers only, so the same settings give the same records
/// everywhere.
///
/// Threading: one owner. A copy goes on by itself, with the same records. Memory: some kilobytes an
/// instrument, however long it runs.
public struct PriceGenerator: Sendable {
  /// With everything in its range.
  public let settings: PriceGeneratorSettings
  /// By the numbers that records have in ``FeedRecord/instrument``.
  public let instruments: [InstrumentFacts]

  var random: SeededRandom
  let style: StyleNumbers
  let pace: PricePace
  var books: [GeneratedPrices] = []
  var time: Int64
  /// The records of one event or snapshot, and how many of them were given.
  private var pending: [FeedRecord] = []
  private var given = 0
  /// Instruments that were told at the beginning.
  private var told = 0
  private var sequence: UInt64 = 0
  private var trades: UInt64 = 0
  private var nextEvent: Int64
  private var nextSnapshot: Int64
  private var snapshotOf = 0
  private var weights: [UInt64] = []

  public init(_ settings: PriceGeneratorSettings) {
    let settings = settings.bounded
    self.settings = settings
    var random = SeededRandom(seed: settings.seed)
    style = StyleNumbers(GeneratorSettings(seed: settings.seed, style: settings.style, midnight: 0))
    pace = PricePace(settings, style)
    time = settings.begin
    nextEvent = settings.begin
    nextSnapshot = settings.begin &+ pace.snapshotStep
    let made = (0..<settings.instruments).map { Self.coin($0, &random) }
    instruments = made
    self.random = random
    var total: UInt64 = 0
    for rank in made.indices {
      total += 1_000_000_000 / UInt64(rank + 1)
      weights.append(total)
      books.append(GeneratedPrices(made[rank], style, pace, at: time, random: &self.random))
    }
    pending.reserveCapacity(1 + 2 * pace.levelsMax)
  }

  /// What an instrument is: the first three as they are known, the others of one make.
  private static func coin(_ rank: Int, _ random: inout SeededRandom) -> InstrumentFacts {
    let known: [(name: String, price: Int64, priceExponent: Int8, quantityExponent: Int8)] = [
      ("BTC-USD", 60_000_00, -2, -5), ("ETH-USD", 3_000_00, -2, -4), ("SOL-USD", 150_000, -3, -3),
    ]
    let number = rank + 1
    var (name, price, priceExponent, quantityExponent) =
      rank < known.count
      ? known[rank] : ("COIN\(number < 10 ? "0" : "")\(number)-USD", 25_0000, -4, -2)
    // The known within a tenth, the others from one dollar to fifty.
    let reach = rank < known.count ? price / 10 : price - 1_0000
    price += Int64(random.below(UInt64(2 * reach + 1))) - reach
    var facts = InstrumentFacts(symbol: Symbol(name) ?? .none)
    facts.priceExponent = priceExponent
    facts.quantityExponent = quantityExponent
    facts.tick = 1
    facts.roundLot = 1
    facts.previousClose = price
    facts.averageVolume = GeneratedPrices.quantity(worth: 500_000_000 / Int64(number), facts)
    facts.minimumNotional = 5 * 100_000_000
    facts.currency = .usDollar
    facts.shortable = true
    facts.shortSale = .unrestricted
    facts.status = .trading
    return facts
  }

  /// The next record. ``FeedRecord/sequence`` counts them from 1; session time never goes back.
  public mutating func next() -> FeedRecord {
    if given == pending.count { make() }
    var record = pending[given]
    given += 1
    sequence &+= 1
    record.sequence = sequence
    return record
  }

  /// Makes the records of what comes next, one at least.
  private mutating func make() {
    pending.removeAll(keepingCapacity: true)
    given = 0
    if told < books.count {
      tellWhole(told)
      told += 1
    } else if nextSnapshot <= nextEvent {
      time = max(time, nextSnapshot)
      nextSnapshot = Self.later(nextSnapshot, pace.snapshotStep)
      tellWhole(snapshotOf)
      snapshotOf = snapshotOf + 1 < books.count ? snapshotOf + 1 : 0
    } else {
      time = max(time, nextEvent)
      act(pickInstrument())
      // Half of the events come in clusters.
      let isClustered = random.below(UInt64(2)) == 0
      let mean = pace.meanGap * Int64(pending.count)
      let gap = random.exponential(mean: isClustered ? mean / 10 : mean * 19 / 10)
      nextEvent = Self.later(time, gap)
    }
    pending[pending.count - 1].flags.insert(.last)
  }

  private static func later(_ time: Int64, _ by: Int64) -> Int64 {
    let (sum, isOver) = time.addingReportingOverflow(by)
    return isOver ? .max : sum
  }

  private mutating func pickInstrument() -> Int {
    let ticket = random.below(weights[weights.count - 1])
    var low = 0
    var high = weights.count - 1
    while low < high {
      let middle = (low + high) / 2
      if weights[middle] <= ticket { low = middle + 1 } else { high = middle }
    }
    return low
  }

  // MARK: Records

  /// The book as it stands, the best levels first.
  private mutating func tellWhole(_ index: Int) {
    put(.clear, index)
    for isBid in [true, false] {
      let side = books[index][isBid]
      for depth in 0..<side.count { putLevel(index, isBid: isBid, side[depth]) }
    }
    let flags: FeedRecord.Flags = told < books.count ? .snapshot : [.snapshot, .refresh]
    for place in pending.indices { pending[place].flags = flags }
  }

  private mutating func put(_ kind: FeedRecord.Kind, _ index: Int) {
    pending.append(
      FeedRecord(kind, instrument: UInt32(truncatingIfNeeded: index), at: time))
  }

  mutating func putLevel(_ index: Int, isBid: Bool, _ level: GeneratedSide.Level) {
    put(.level, index)
    pending[pending.count - 1].side = isBid ? FeedRecord.buy : FeedRecord.sell
    pending[pending.count - 1].price = isBid ? level.key : -level.key
    pending[pending.count - 1].quantity = level.quantity
  }

  mutating func putTrade(_ index: Int, isBuyer: Bool, _ price: Int64, _ quantity: Int64) {
    put(.trade, index)
    trades &+= 1
    pending[pending.count - 1].side = isBuyer ? FeedRecord.buy : FeedRecord.sell
    pending[pending.count - 1].price = price
    pending[pending.count - 1].quantity = quantity
    pending[pending.count - 1].reference = trades
    pending[pending.count - 1].flags = .last
  }

  mutating func putStatus(_ index: Int, _ status: MarketStatus) {
    put(.status, index)
    pending[pending.count - 1].detail = status.rawValue
  }
}
