import BenchSupport
import Gateways

/// The figure of the user's strategy.
extension PairedFigures {
  static let strategyName = "strategy"
  private static let strategyBlock = 160
  /// Of a slice: its warm-up, a quarter, is in it, and a tenth more work planted.
  private static let strategyMessagesPerBlock = 220
  private static let strategyBlocksMax = 240
  /// Fewer blocks have no p90.
  private static let strategyBlocksMin = 20
  static let strategyMessagesMin = strategyBlocksMin * strategyMessagesPerBlock

  /// Why the strategy's figure says nothing in its market: it sends nothing there, and would be timed as a fast
  /// one. nil: it says something.
  static func idle(_ strategy: BenchStrategy) throws -> String? {
    try StrategyTrial(strategy, try strategy.market.compared()).idle
  }

  /// A message of a market with the user's strategy, the venue's answers in it.
  static func deciding(_ strategy: BenchStrategy) throws -> Item {
    let market = try strategy.market.compared()
    var bench: StrategyBench?
    let gateway = Kept(try market.gateway())
    func fresh() throws {
      bench = try StrategyBench(strategy, market)
      gateway.value = try market.gateway()
    }
    var item = Item(
      name: strategyName, block: strategyBlock,
      // As many as its market has messages for.
      blocks: min(strategyBlocksMax, market.messages / strategyMessagesPerBlock),
      body: { operations in
        var left = operations
        while left > 0, let now = bench {
          let done = now.play(left, &gateway.value)
          left -= done
          // Its end is reached with much planted only.
          guard done == 0 else { continue }
          guard (try? fresh()) != nil else { fatalError("no memory for another engine") }
        }
      },
      // Every slice plays the same part of the market.
      begin: fresh)
    item.requests = { bench?.requests }
    return item
  }
}
