import Gateways
extension ExchangeCore {
  /// By how many 10⁻⁴ dollars the impact model moves a new price of history; 0 while it is off.
  ///
  /// The shifted price never locks or crosses the other side of the book.
  func impactShift(_ locate: UInt16, price: UInt32, isBuy: Bool) -> Int32 {
    let model = settings.impact
    guard model.isEnabled, Int(locate) < symbols.count else { return 0 }
    let state = symbols[Int(locate)]
    let net = decayedNet(state)
    guard net != 0 else { return 0 }
    let volume = max(1, state.averageVolume > 0 ? state.averageVolume : model.defaultVolume)
    // √(net / volume) in parts per million.
    let ratio = Int128(net.magnitude) * 1_000_000_000_000 / Int128(volume)
    let root = Int128(Self.squareRoot(UInt64(clamping: ratio)))
    let scaled =
      Int128(price) * Int128(model.dailyVolatility) * Int128(model.coefficient) / 1_000_000_000_000
    let ticks = Int128(max(1, price >= 10_000 ? state.tick : 1))
    let size = (scaled * root / 1_000_000) / ticks * ticks
    var shifted = Int64(price) + Int64(clamping: net > 0 ? size : -size)
    if let other = book.bestOfFile(locate, isBuy: !isBuy) {
      let wasCrossing = isBuy ? price >= other : price <= other
      let edge = Int64(other) + Int64(isBuy ? -ticks : ticks)
      if !wasCrossing { shifted = isBuy ? min(shifted, edge) : max(shifted, edge) }
    }
    shifted = min(max(shifted, Int64(ticks)), Int64(OUCHLimits.priceMax))
    return Int32(clamping: shifted - Int64(price))
  }

  /// Notes what we took (buys positive).
  mutating func noteImpact(_ locate: UInt16, shares: Int64) {
    guard settings.impact.isEnabled else { return }
    let net = decayedNet(symbols[Int(locate)])
    symbols[Int(locate)].impactNet = net.addingReportingOverflow(shares).partialValue
    symbols[Int(locate)].impactTime = time
  }

  /// Halved for each whole half-life, in between by a straight line.
  private func decayedNet(_ state: SymbolSession) -> Int64 {
    let half = max(1, settings.impact.halfLife)
    let age = max(0, time &- state.impactTime)
    let halvings = age / half
    guard halvings < 62 else { return 0 }
    let start = state.impactNet / (Int64(1) << halvings)
    let part = Int128(start) * Int128(age % half) / Int128(half) / 2
    return start - Int64(clamping: part)
  }

  /// The integer part of a square root.
  static func squareRoot(_ value: UInt64) -> UInt64 {
    var low: UInt64 = 0
    var high: UInt64 = 1 << 32
    // Bounded: 33 halvings.
    while low + 1 < high {
      let middle = (low + high) / 2
      if middle * middle <= value { low = middle } else { high = middle }
    }
    return low
  }
}
