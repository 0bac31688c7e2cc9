import BenchSupport

/// What a program counts: our operations, and those of its strategy where there is one.
struct CountSubject {
  /// Those that are counted now.
  let names: [String]
  /// Why the strategy's are not; nil: they are, or there is no strategy.
  let unjudged: String?
  /// The identity of the strategy's market; nil: there is no strategy.
  let market: String?
  /// What the strategy did in it.
  let requests: StrategyRequests?
  private let choice: MarketChoice

  /// Plays the strategy's market once, so that what is wrong with it is said before the minute of
  /// counting.
  init(_ strategy: BenchStrategy?) throws {
    choice = strategy?.market ?? MarketChoice()
    guard let strategy else {
      (names, unjudged, market, requests) = (CountedOperation.all.map(\.name), nil, nil, nil)
      return
    }
    let market = try choice.counted()
    let trial = try StrategyTrial(strategy, market)
    (unjudged, requests) = (trial.idle, trial.requests)
    self.market = market.identity
    names = CountedOperation.all(unjudged == nil ? strategy : nil).map(\.name)
  }

  func count(swift: String) throws -> Thresholds {
    var measured = try Callgrind.count(
      swift: swift, names: names, arguments: choice.before + ["counted"] + names + choice.words)
    (measured.market, measured.requests) = (market, requests)
    return measured
  }

  /// That a file's counts may be held against this program's.
  ///
  /// - Parameter remedy: what to do where they may not; nil: another file.
  func require(_ thresholds: Thresholds, _ path: String, remedy: String? = nil) throws {
    try thresholds.requireMarket(market, choice.name, path, remedy: remedy)
  }

  /// What is not counted is not judged either.
  func judged(_ accepted: CountCommand.Accepted) -> CountCommand.Accepted {
    guard unjudged != nil else { return accepted }
    var thresholds = accepted.thresholds
    for name in CountedOperation.strategyNames { thresholds.operations[name] = nil }
    return .init(path: accepted.path, thresholds: thresholds)
  }

  /// The code with what could not be judged, which is said.
  func closing(_ code: Int32) -> Int32 {
    guard let unjudged else { return code }
    Bench.notJudged("counts: \(CountedOperation.strategyNames.joined(separator: ", "))", unjudged)
    return Bench.worse(code, Bench.notJudgedCode)
  }
}
