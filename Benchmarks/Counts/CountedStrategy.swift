import BenchSupport
import ExecutionCore
import Gateways

/// The user's own strategy on the market of the suite `strategy`, and the same market without one: what the
/// strategy adds is judged by itself, for it is a small part of what a message costs.
extension CountedOperation {
  static let strategyName = "strategy.message"
  /// Counted is the market without a strategy; what is reported is how much more the strategy's has.
  static let strategyAloneName = "strategy.alone"

  static let strategyNames = [strategyName, strategyAloneName]

  static func deciding(_ strategy: BenchStrategy) -> [CountedOperation] {
    [
      .init(
        name: strategyName,
        what: "a market's message decoded, booked, decided by '\(strategy.name)', its orders sent",
        times: nil
      ) { try play(strategy, in: strategy.market) },
      .init(
        name: strategyAloneName,
        what: "what '\(strategy.name)' adds to a message: less the same market without a strategy",
        times: nil
      ) { try play(BenchStrategy("none") { NoStrategy() }, in: strategy.market) },
    ]
  }

  private static func play(
    _ strategy: BenchStrategy, in choice: MarketChoice
  ) throws -> (Int, () -> Void) {
    let market = try choice.counted()
    // The same on another engine: what happens once in a process is not counted.
    let other = try StrategyBench(strategy, market)
    var unseen = try market.gateway()
    other.play(market.messages, &unseen)
    let bench = try StrategyBench(strategy, market)
    let gateway = Kept(try market.gateway())
    // The venue's answers are not counted: they are the exchange's work.
    return (market.messages, { bench.play(market.messages, &gateway.value, isCounted: true) })
  }
}

extension Thresholds.Count {
  /// What this has more than the other; never below 0.
  func less(_ other: Self) -> Self {
    func kept(_ x: Double, _ parts: Double) -> Double { max(0, (x * parts).rounded() / parts) }
    return .init(
      instructions: kept(instructions - other.instructions, 100),
      dataReferences: kept(dataReferences - other.dataReferences, 100),
      misses: kept(misses - other.misses, 1_000))
  }
}
