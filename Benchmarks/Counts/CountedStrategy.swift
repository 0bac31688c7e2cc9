import BenchSupport
import Gateways

/// The user's own strategy on the market of the suite `strategy`.
extension CountedOperation {
  static let strategyName = "strategy.message"
  private static let marketMessages = 10_000

  static func deciding(_ strategy: BenchStrategy) -> CountedOperation {
    .init(
      name: strategyName,
      what: "a market's message decoded, booked, decided by '\(strategy.name)', its orders sent",
      times: marketMessages
    ) {
      let market = try StrategyMarket(messages: marketMessages, symbols: StrategySuite.symbols)
      // The venue's answers are not counted: they are the exchange's work.
      // The same on another engine shows that the market comes through.
      let other = try StrategyBench(strategy, market)
      var gateway = try BenchMarket.gateway()
      other.play(market.messages, &gateway)
      let found = try other.check(gateway)
      guard found.errors == 0 else { throw BenchError(found.troubles.joined(separator: "; ")) }
      let bench = try StrategyBench(strategy, market)
      let counted = Kept(try BenchMarket.gateway())
      return (market.messages, { bench.play(market.messages, &counted.value, isCounted: true) })
    }
  }
}
