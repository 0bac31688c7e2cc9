import BenchSupport

/// What a strategy does in a market, played once: whether its cost there says anything, and what a thresholds
/// file says it must go on doing.
struct StrategyTrial {
  let requests: StrategyRequests
  /// Why its cost cannot be judged: it sent nothing, and would be counted and timed as a cheap one. nil: it
  /// traded.
  let idle: String?

  /// What goes wrong in the market is thrown.
  init(_ strategy: BenchStrategy, _ market: StrategyMarket) throws {
    let bench = try StrategyBench(strategy, market)
    var gateway = try market.gateway()
    bench.play(market.messages, &gateway)
    let found = try bench.check(gateway)
    guard found.errors == 0 else { throw BenchError(found.troubles.joined(separator: "; ")) }
    let refusals = bench.refusals()
    requests = StrategyRequests(sent: bench.requests, refused: refusals.total)
    idle =
      bench.requests > 0
      ? nil : Self.idle(strategy.market, market.messages, refusals: refusals.reasons)
  }

  /// - Parameter refusals: of the risk chain, in words; nil: there were none.
  static func idle(_ choice: MarketChoice, _ messages: Int, refusals: String?) -> String {
    let refused = refusals.map { " (refused by the risk chain: \($0))" } ?? ""
    return
      "it sends no order in \(messages) messages of \(choice.name)\(refused); "
      + "give a market that it trades in with --feed FILE, and its configuration with --config FILE"
  }
}

/// How many orders, replaces and cancels of a strategy were sent in its market, and how many the risk chain refused.
struct StrategyRequests: Codable, Equatable {
  var sent: Int
  var refused: Int

  /// They are the same from run to run: what is beyond this share is another behaviour.
  static let tolerance = 0.02

  func isLike(_ other: Self) -> Bool {
    // By what it tried: a handful of refusals among thousands of orders is a share of those.
    let most = (Double(other.sent) + Double(other.refused)) * Self.tolerance
    return Double(abs(sent - other.sent)) <= most && Double(abs(refused - other.refused)) <= most
  }
}
