/// A user's own executable: it measures, counts and compares with their strategy, and judges that and
/// errors alone. The product's goals and targets are ours and not theirs.
extension Bench {
  /// EX_TEMPFAIL: nothing failed, and something could not be judged, which is no pass.
  static let notJudgedCode: Int32 = 75

  /// Of two exit codes the one to end with: a failure goes before what was not judged, and that before
  /// 0.
  static func worse(_ a: Int32, _ b: Int32) -> Int32 {
    func rank(_ code: Int32) -> Int { code == 0 ? 0 : code == notJudgedCode ? 1 : 2 }
    if rank(a) == rank(b) { return max(a, b) }
    return rank(a) > rank(b) ? a : b
  }

  static func help(_ strategy: BenchStrategy?) -> String {
    strategy.map { ownHelp($0) } ?? help
  }

  private static func ownHelp(_ strategy: BenchStrategy) -> String {
    """
    usage: \(name) [--suite NAME]... [--format text|json] [--output FILE] [--hgrm DIR]
           [--gate [--thresholds FILE]] [--feed FILE] [--config FILE]
           [--runs N] [--quick] [--handicap NANOSECONDS] [--scale N] [--list]

      --suite NAME      one of the suites below; all without it. '\(StrategySuite.name)' measures '\(strategy.name)'
      --format F        text (default) or json
      --output FILE     write there instead, whole or not at all
      --hgrm DIR        write each latency distribution there, in HdrHistogram's text format
      --gate            exit 1 when there is an error, and name it; 75 when nothing failed and
                        '\(strategy.name)' could not be judged
      --thresholds FILE with --gate: instructions of '\(strategy.name)' and of the hot functions too,
                        against FILE
    \(MarketChoice.optionsHelp)
      --runs N          measured runs of each figure, 1 to 1000 (default 5)
      --quick           a hundredth of the work: shows that it runs, the figures mean little
      --handicap N      add N busy nanoseconds to every operation under test (0 to 1000000000)
      --scale N         messages of the suite scale, 10000000 to 1000000000; a day has 300000000
                        (default: what fits into 12 seconds)
      --list            the suites and their questions

    \(name) count    instructions of the hot functions; see \(name) count --help
    \(name) compare  this build against another, in pairs; see \(name) compare --help

    Figures are medians over the runs with least and greatest. Compare ratios within one run;
    absolute times differ by a third from day to day on a shared machine.
    """
  }
}

extension BenchContext {
  /// The figures as this program judges them.
  func judged(_ figures: [Figure]) -> [Figure] {
    guard strategy != nil else { return figures }
    return figures.map { figure in
      var figure = figure
      figure.goal = nil
      if !figure.countsErrors { figure.limit = nil }
      return figure
    }
  }
}

extension MarketChoice {
  static let optionsHelp = """
      --feed FILE       the market of '\(StrategySuite.name)', instead of the built-in one: framed ITCH 5.0
                        or a pcap of MoldUDP64, raw or .gz; its first \(StrategySuite.messages) messages, and
                        of count and compare its first \(messagesMax)
      --config FILE     with instruments, accounts, limits, collars and data quality of this
                        configuration of 'needletail run': strategy number n has the limits of its
                        n-th, market makers first
    """

  /// Behind another command's usage and options, where there is a strategy.
  static func usage(_ strategy: BenchStrategy?) -> String {
    strategy == nil ? "" : "\n       [--feed FILE] [--config FILE]"
  }
  static func help(_ strategy: BenchStrategy?) -> String {
    strategy == nil ? "" : "\n" + optionsHelp
  }
}
