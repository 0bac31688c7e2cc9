import BenchSupport
import ExecutionCore
import Node
import Simulation

/// What does a strategy cost on a generated market, everything on? The user's own one, where their
/// executable gives it (perf/README.md, "Your own strategy"); else the product's market maker.
enum StrategySuite: Suite {
  static let name = "strategy"
  static let question =
    "what does a message cost with this strategy, and how long from tick to order?"
  static let batch = 16
  static let symbols = 20

  static func run(_ context: BenchContext) throws -> [Figure] {
    pin(context.processors[context.processors.count - 1])
    let strategy = context.strategy ?? BenchStrategy("market maker") { marketMaker() }
    let nothing = BenchStrategy("none") { NoStrategy() }
    let market = try StrategyMarket(messages: context.quick ? 20_000 : 500_000, symbols: symbols)
    var message: [Double] = []
    var empty: [Double] = []
    var ticks = StrategyTicks()
    // The first warms up.
    var unseen = StrategyTicks()
    try StrategyBench(strategy, market).ticks(&unseen, handicap: 0)
    for _ in 0..<context.runs {
      empty.append(try StrategyBench(nothing, market).messages(handicap: 0))
      message.append(try StrategyBench(strategy, market).messages(handicap: context.handicap))
      try StrategyBench(strategy, market).ticks(&ticks, handicap: context.handicap)
    }
    let name = strategy.name
    var figures = [
      Figure("\(name): a message, p50, batches of \(batch)", "ns", message),
      Figure("no strategy: the same", "ns", empty),
      Figure("\(name): tick to encoded order, p50", "ns", ticks.percentile(0.5)),
      Figure("the same, p99", "ns", ticks.percentile(0.99)),
      Figure("orders, replaces and cancels", "requests", ticks.requests),
      Figure("of \(market.messages) messages, these made one at once", "ticks", ticks.ordering),
      Figure("refused by the risk chain", "requests", ticks.refused, note: ticks.reasons),
      Figure(
        "errors", "count", ticks.errors, limit: .init(value: 0, atLeast: false),
        note: ticks.troubles.isEmpty ? nil : ticks.troubles.joined(separator: "; ")),
    ]
    if ticks.samples.isEmpty {
      for i in [2, 3] { figures[i].note = "it sent nothing: there is no latency to measure" }
    } else {
      context.keep(ticks.samples.flatMap { $0 }, as: "strategy-tick-to-order")
    }
    return figures
  }

  private static func marketMaker() -> MarketMaker {
    var parameters = MarketMaker.Parameters()
    parameters.instruments = symbols
    return MarketMaker(parameters)
  }
}

/// What was measured tick by tick, by run.
struct StrategyTicks {
  /// Nanoseconds of the ticks that made a request; a run without one has no entry.
  var samples: [[UInt32]] = []
  var requests: [Double] = []
  var ordering: [Double] = []
  var refused: [Double] = []
  var errors: [Double] = []
  /// What the errors are, each once.
  var troubles: [String] = []
  /// Why the risk chain refused, and how often in the last run.
  var refusals: [String: UInt64] = [:]

  /// The most frequent first; nil where nothing was refused.
  var reasons: String? {
    let sorted = refusals.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return sorted.isEmpty
      ? nil : sorted.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }

  func percentile(_ share: Double) -> [Double] {
    samples.map { Distribution($0).percentile(share) }
  }
}

/// A generated session in memory, as frames.
final class StrategyMarket {
  let messages: Int
  let instruments: [InstrumentFacts]
  let bytes: UnsafeMutablePointer<UInt8>
  /// Where each frame begins, and the end of the last.
  let offsets: [Int]
  static let midnight: Int64 = 1_577_664_000_000_000_000

  init(messages wanted: Int, symbols: Int) throws {
    let settings = GeneratorSettings(
      seed: 20_191_230, symbols: symbols, rate: 20_000, messagesMax: UInt64(wanted),
      midnight: Self.midnight)
    var generator = MarketGenerator(settings: settings)
    instruments = generator.instruments
    var all: [UInt8] = []
    all.reserveCapacity(wanted * 40)
    var starts = [0]
    var frame = [UInt8](repeating: 0, count: 64)
    while var record = generator.next() {
      let n = ITCHEncoder.encodeFrame(
        &record, midnight: Self.midnight, into: &frame, capacity: frame.count)
      guard n > 0 else { throw BenchError("the generator made a message that has no encoding") }
      all += frame[0..<n]
      starts.append(all.count)
    }
    messages = starts.count - 1
    offsets = starts
    bytes = .allocate(capacity: all.count)
    bytes.initialize(from: all, count: all.count)
  }

  deinit { bytes.deallocate() }
}
