import BenchSupport
import CSupport
import ExecutionCore

/// What does one change of a book by price (L2) cost, and one plain quote (L1), through the engine into the view that
/// risk and strategies read?
///
/// Eight instruments of some 500 levels a side, quality gates on, batches of 16 as a datagram brings them. Changes as a
/// crypto venue has them: most within five levels of the touch, some within fifty, few far away. Each is an event of its
/// own, so that each writes the quote where the touch has moved.
enum PriceSuite: Suite {
  static let name = "prices"
  static let question = "what does a change of a book by price cost, in the book and in the view?"
  static let batch = 16

  static func run(_ context: BenchContext) throws -> [Figure] {
    pin(context.processors[context.processors.count - 1])
    _ = nt_clock_calibrate()
    let rounds = context.quick ? 500 : 40_000
    var levels: [Double] = []
    var tails: [Double] = []
    var quotes: [Double] = []
    // The first warms up.
    for run in 0...context.runs {
      var bench = try PriceBench(seed: UInt64(run) + 1)
      let level = try bench.measure(.level, rounds: rounds, handicap: context.handicap)
      let quote = try bench.measure(.quote, rounds: rounds, handicap: context.handicap)
      guard run > 0 else { continue }
      levels.append(level.median)
      tails.append(level.tail)
      quotes.append(quote.median)
    }
    return [
      Figure(
        "a level changes, book and view, batches of 16, p50", "ns", levels, goal: .priceUpdate),
      Figure("the same, p99 of the batches", "ns", tails),
      Figure("a plain quote, p50", "ns", quotes),
    ]
  }
}

/// An engine with books by price, and changes of them in a row that ends as it began.
struct PriceBench: ~Copyable {
  private var driver: Driver<NoStrategy>
  private let lane: MemoryLane
  private var changes: [FeedRecord] = []
  private var quotes: [FeedRecord] = []
  private var next = 0
  private static let start: Int64 = 1_723_161_255_000_000_000
  private static let instruments = 8
  private static let depth = 500
  private static let middle: Int64 = 6_000_000

  init(seed: UInt64) throws {
    let lane = MemoryLane(bytes: 1 << 20)
    var made: Driver<NoStrategy>
    do {
      made = Driver(
        engine: try Engine(Self.configuration, lane: lane.lane), strategy: NoStrategy())
    } catch { throw BenchError("\(error)") }
    var random = BenchRandom(seed: seed)
    var opening: [FeedRecord] = []
    for i in 0..<UInt32(Self.instruments) {
      let facts = made.engine.configuration.instruments[Int(i)]
      let bound = made.engine.prices.bind(
        0, i, facts.symbol, priceExponent: facts.priceExponent,
        quantityExponent: facts.quantityExponent)
      guard bound == .bound else { throw BenchError("\(facts.symbol): \(bound)") }
      opening.append(FeedRecord(.clear, instrument: i, at: Self.start))
      for away in 1...Int64(Self.depth) {
        for side in [FeedRecord.buy, FeedRecord.sell] {
          opening.append(Self.level(i, side, away * 2, Int64(1_000 + random.below(100_000))))
        }
      }
    }
    self.lane = lane
    driver = made
    feed(opening, from: 0, count: opening.count)
    makeChanges(&random)
  }

  private static var configuration: EngineConfiguration {
    let facts = (0..<instruments).map { i in
      var facts = InstrumentFacts(symbol: Symbol("COIN\(i)-USD") ?? .none)
      facts.priceExponent = -2
      facts.quantityExponent = -8
      facts.tick = 1
      facts.previousClose = middle
      facts.status = .trading
      return facts
    }
    var c = EngineConfiguration(
      instruments: facts, accounts: [AccountConfiguration(name: "bench")],
      strategies: [StrategyConfiguration(name: "bench", account: AccountID(raw: 0))],
      venues: [VenueConfiguration(name: "any")])
    c.feeds = [FeedConfiguration(name: "bench", kind: .prices, hours: .open)]
    c.beginWithPortsUp()
    return c
  }

  private static func level(
    _ instrument: UInt32, _ side: UInt8, _ away: Int64, _ quantity: Int64
  ) -> FeedRecord {
    var record = FeedRecord(.level, instrument: instrument, at: start)
    record.side = side
    record.price = side == FeedRecord.buy ? middle - away : middle + away
    record.quantity = quantity
    record.flags = .last
    return record
  }

  /// Twice as many as are taken out are changed; all that is taken out is put back before the row ends.
  private mutating func makeChanges(_ random: inout BenchRandom) {
    var taken: [FeedRecord] = []
    let count = 1 << 14
    while changes.count < count - 64 {
      let instrument = UInt32(random.below(UInt64(Self.instruments)))
      let side = random.below(2) == 0 ? FeedRecord.buy : FeedRecord.sell
      let place = random.below(100)
      let reach: UInt64 = place < 70 ? 5 : place < 95 ? 50 : UInt64(Self.depth)
      // Odd prices are those between two that are always there.
      let away = Int64(1 + random.below(2 * reach))
      let quantity = Int64(1_000 + random.below(100_000))
      changes.append(Self.level(instrument, side, away, quantity))
      if away % 2 == 1 { taken.append(Self.level(instrument, side, away, 0)) }
      if taken.count >= 32 { changes.append(taken.remove(at: Int(random.below(32)))) }
    }
    changes += taken
    while changes.count % PriceSuite.batch != 0 { changes.append(changes[0]) }
    for (i, change) in changes.enumerated() {
      var record = FeedRecord(.quote, instrument: change.instrument, at: Self.start)
      (record.price, record.quantity) = (Self.middle - 1 - Int64(i % 5), change.quantity + 1)
      (record.askPrice, record.askQuantity) = (Self.middle + 1 + Int64(i % 7), 1_000)
      quotes.append(record)
    }
  }

  private mutating func feed(_ records: [FeedRecord], from: Int, count: Int) {
    records.withUnsafeBufferPointer { all in
      guard let base = all.baseAddress else { return }
      driver.ingest(base + from, count: count, channel: 0, machineTime: 0)
    }
  }

  /// Nanoseconds of one record: the median, and the hundredth batch.
  mutating func measure(
    _ kind: FeedRecord.Kind, rounds: Int, handicap: Int64
  ) throws -> (median: Double, tail: Double) {
    var samples = [UInt32](repeating: 0, count: rounds)
    let before = driver.engine.prices.counters(0).applied
    for round in 0..<rounds {
      let from = next
      next = (next + PriceSuite.batch) % changes.count
      let start = nt_clock_ticks()
      if kind == .level {
        feed(changes, from: from, count: PriceSuite.batch)
      } else {
        feed(quotes, from: from, count: PriceSuite.batch)
      }
      for _ in 0..<(handicap > 0 ? PriceSuite.batch : 0) { spend(handicap) }
      samples[round] = UInt32(clamping: nt_clock_ticks() - start)
    }
    let counters = driver.engine.prices.counters(0)
    guard counters.applied - before == UInt64(rounds * PriceSuite.batch),
      counters.malformed == 0, counters.unrepresentable == 0, counters.unlisted == 0,
      driver.engine.quotes.isWhole(InstrumentID(raw: 0))
    else { throw BenchError("the books did not take what they were given: \(counters)") }
    samples.sort()
    func each(_ percent: Int) -> Double {
      let ticks = samples[min(rounds - 1, rounds * percent / 100)]
      return Double(nt_clock_ticks_to_nanoseconds(UInt64(ticks) * 1_000)) / 1_000
        / Double(PriceSuite.batch)
    }
    return (each(50), each(99))
  }

  /// Changes of levels, one after the other, for the paired figures.
  mutating func change(_ operations: Int) {
    var left = operations
    while left > 0 {
      let count = min(left, PriceSuite.batch, changes.count - next)
      feed(changes, from: next, count: count)
      next = next + count == changes.count ? 0 : next + count
      left -= count
    }
  }
}
