/// The sums that a live display shows.
@frozen public struct EngineTotals: BitwiseCopyable, Sendable, Hashable {
  /// Σ |net quantity| over all positions.
  public var grossPosition: Int64 = 0
  /// Realised and unrealised, less fees.
  public var netProfit = Money.zero
  @inlinable public init() {}
}

extension Engine {
  /// Walks the positions that were ever traded: for once a second, not for every message. Allocates nothing.
  public var totals: EngineTotals { unsafe core.pointee.totals() }
}

extension EngineState {
  mutating func totals() -> EngineTotals {
    var totals = EngineTotals()
    for i in 0..<portfolio.usedCount {
      let cell = portfolio.used(i)
      let position = portfolio.positions[cell]
      let index = cell % instrumentCount
      let good = quotes.goodQuote(InstrumentID(raw: UInt32(index)), now: sessionTime)
      let mark = position.net > 0 ? good.bid.raw : good.ask.raw
      let marked =
        good.isKnown
        ? Int128(mark) * Int128(position.net) * Int128(instruments[index].moneyScale)
        : position.cost
      totals.grossPosition &+= abs(position.net)
      totals.netProfit.raw += position.realised + marked - position.cost - position.fees
    }
    return totals
  }
}
