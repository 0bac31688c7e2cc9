import BenchSupport
import ExecutionCore
import Node

/// What does a strategy cost on a generated market, everything on? The user's own one, where their
/// executable gives it (perf/README.md, "Your own strategy"); else the product's market maker.
enum StrategySuite: Suite {
  static let name = "strategy"
  static let question =
    "what does a message cost with this strategy, and how long from tick to order?"
  static let batch = 16
  static let symbols = 20
  static let messages = 500_000

  static func run(_ context: BenchContext) throws -> [Figure] {
    pin(context.processors[context.processors.count - 1])
    let strategy = context.strategy ?? BenchStrategy("market maker") { marketMaker() }
    let nothing = BenchStrategy("none") { NoStrategy() }
    let market = try context.market.market(messages: context.quick ? 20_000 : messages)
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
      Figure("refused by the risk chain", "requests", ticks.refused, note: ticks.refusals.reasons),
      Figure(
        "errors", "count", [ticks.errors.reduce(0, +)], limit: .init(value: 0, atLeast: false),
        note: ticks.troubles.isEmpty ? nil : ticks.troubles.joined(separator: "; ")),
    ]
    if ticks.samples.isEmpty {
      for i in [2, 3] { figures[i].note = "it sent nothing: there is no latency to measure" }
      context.unjudged = StrategyTrial.idle(
        context.market, market.messages, refusals: ticks.refusals.reasons)
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
  var refusals = Refusals()

  func percentile(_ share: Double) -> [Double] {
    samples.map { Distribution($0).percentile(share) }
  }
}

/// How often the risk chain refused, by reason.
struct Refusals {
  var counts: [String: UInt64] = [:]

  var total: Int { Int(clamping: counts.values.reduce(0, +)) }

  /// The most frequent first; nil where nothing was refused.
  var reasons: String? {
    let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return sorted.isEmpty
      ? nil : sorted.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }
}
