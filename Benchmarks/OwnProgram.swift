/// A user's own executable: it measures, counts and compares with their strategy.
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
