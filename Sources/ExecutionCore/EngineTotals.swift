/// The sums that a live display shows.
@frozen public struct EngineTotals: BitwiseCopyable, Sendable, Hashable {
  /// Σ |net quantity| over all positions, in whole units.
  public var grossPosition: Int64 = 0
  /// Realised and unrealised, less fees.
  public var netProfit = Money.zero
  @inlinable public init() {}
}

extension Engine {
  /// As the positions were when ``refreshTotals(most:)`` last looked at each. Costs nothing.
  public var totals: EngineTotals { unsafe core.pointee.portfolio.totals }

  /// Looks at the next `most` of the positions that were ever traded, marks them at the last good quotes, and brings
  /// ``totals`` up: for every few milliseconds, so that no look holds anything up however many there are. Allocates
  /// nothing.
  ///
  /// ```swift
  /// engine.refreshTotals()  // each tick
  /// show(engine.totals.netProfit)  // now and then
  /// ```
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func refreshTotals(most: Int = 64) {
    unsafe core.pointee.refreshTotals(most: most)
  }
}

extension EngineState {
  mutating func refreshTotals(most: Int) {
    for _ in 0..<min(max(0, most), portfolio.usedCount) {
      guard let cell = portfolio.nextToMark() else { return }
      portfolio.mark(
        cell, profit: netProfit(cell), unit: instruments[cell % instrumentCount].unit)
    }
  }

  private mutating func netProfit(_ cell: Int) -> Int128 {
    let index = cell % instrumentCount
    let position = portfolio.positions[cell]
    let good = quotes.goodQuote(
      InstrumentID(raw: UInt32(truncatingIfNeeded: index)), now: sessionTime)
    return position.realised &+ marked(position, index, good) &- position.cost &- position.fees
  }

  /// What a position is worth: long at the bid, short at the ask of the last good quote; without any it stands at cost,
  /// and no profit is claimed.
  func marked(_ position: PositionBook, _ instrument: Int, _ good: GoodQuote) -> Int128 {
    guard good.isKnown else { return position.cost }
    let mark = position.net > 0 ? good.bid.raw : good.ask.raw
    // A feed can say anything: what no money can hold is no mark.
    let value = instruments[instrument].moneyScale.money(mark, position.net)
    guard let value, value.magnitude >> 120 == 0 else { return position.cost }
    return value
  }
}
