/// One of the two builds that are compared, with the market that its strategy plays.
struct PairedBuild {
  let path: String
  /// The words that choose it.
  let market: [String]

  init(_ path: String, _ strategy: BenchStrategy?) {
    self.path = path
    market = strategy?.market.words ?? []
  }

  /// This program.
  static func own(_ strategy: BenchStrategy?) -> PairedBuild {
    PairedBuild(Machine.executable, strategy)
  }

  /// As a shell takes it.
  var command: String { ([path] + market).map(Bench.quoted).joined(separator: " ") }
}

/// The figure of the user's strategy.
extension PairedFigures {
  static let strategyBlock = 160
  /// Of a slice: its warm-up, a quarter, is in it, and a tenth more work planted.
  private static let strategyMessagesPerBlock = 220
  private static let strategyBlocksMax = 240
  /// Fewer blocks have no p90.
  private static let strategyBlocksMin = 20
  static let strategyMessagesMin = strategyBlocksMin * strategyMessagesPerBlock

  /// As many as its market has messages for.
  static func strategyBlocks(_ market: StrategyMarket) -> Int {
    min(strategyBlocksMax, market.messages / strategyMessagesPerBlock)
  }

  /// The figures but the strategy's, where it sends nothing: it would be timed as a fast one. That it is not
  /// judged is said.
  static func judged(_ names: [String], _ strategy: BenchStrategy?) throws -> [String] {
    let own = shares.map { "strategy" + $0.name }
    guard let strategy, names.contains(where: own.contains),
      let idle = try IdleStrategy(strategy, try strategy.market.compared())
    else { return names }
    for name in names where own.contains(name) { Bench.notJudged("paired: \(name)", idle.why) }
    return names.filter { !own.contains($0) }
  }
}
