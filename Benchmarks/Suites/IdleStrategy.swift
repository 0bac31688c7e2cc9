import BenchSupport

/// A strategy that sends nothing in its market: what an order costs with it cannot be judged there, and
/// not judged is no pass.
struct IdleStrategy {
  let why: String

  /// Nil where it sends something. What goes wrong in the market is thrown.
  init?(_ strategy: BenchStrategy, _ market: StrategyMarket) throws {
    let bench = try StrategyBench(strategy, market)
    var gateway = try BenchMarket.gateway()
    bench.play(market.messages, &gateway)
    let found = try bench.check(gateway)
    guard found.errors == 0 else { throw BenchError(found.troubles.joined(separator: "; ")) }
    guard bench.requests == 0 else { return nil }
    self.init(strategy.market, market.messages, refusals: bench.refusals().reasons)
  }

  /// - Parameter refusals: of the risk chain, in words; nil: there were none.
  init(_ choice: MarketChoice, _ messages: Int, refusals: String?) {
    let refused = refusals.map { " (refused by the risk chain: \($0))" } ?? ""
    why =
      "it sends no order in \(messages) messages of \(choice.name)\(refused); "
      + "give a market that it trades in with --feed FILE, and its configuration with --config FILE"
  }
}
