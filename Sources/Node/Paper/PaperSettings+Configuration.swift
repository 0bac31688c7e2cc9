import ExecutionCore
import Gateways

extension PaperSettings {
  /// As the configuration of a venue, or the options of a process, say it; all accounts have one password and one cash.
  init(
    instruments: [InstrumentFacts], names: [String], password: String,
    fees: Configuration.PaperFees, fill: Configuration.Fill, seed: UInt64
  ) {
    let cash = Money(raw: Int128(fill.cash.raw))
    self.init(
      instruments: instruments,
      accounts: names.map { Account(name: $0, password: password, cash: cash) })
    self.fees = fees.schedule
    self.seed = seed
    acceptLatency = Int64(fill.acceptLatencyMicroseconds) * 1_000
    reportLatency = Int64(fill.reportLatencyMicroseconds) * 1_000
    queue = fill.queue == .back ? .back : .front
    fillShare = fill.sharePercent
    slippage = Int64(fill.slippageBasisPoints)
    impact = Int64(fill.impactBasisPoints)
    rejects = Self.parts(fill.rejects)
    forgets = Self.parts(fill.forgets)
    delays = Self.parts(fill.delays)
    doubles = Self.parts(fill.doubles)
    contradicts = Self.parts(fill.contradicts)
    dropInterval = Int64(fill.dropSeconds) * 1_000_000_000
  }

  /// A probability in parts of a million.
  static func parts(_ probability: Decimal8) -> UInt32 { UInt32(clamping: probability.raw / 100) }
}

extension Configuration.PaperFees {
  /// By the broker's liquidity flags: A added, R removed. 10,000 parts of 10⁻⁸ of the notional are a basis point.
  var schedule: FeeSchedule {
    FeeSchedule(perNotional: [
      UInt8(ascii: "A"): addedBasisPoints.raw / 10_000,
      UInt8(ascii: "R"): removedBasisPoints.raw / 10_000,
    ])
  }
}
