/// What one account, strategy and instrument has traded, in exact sums.
///
/// Average cost, without an average: `cost` is what the open quantity cost in all (negative: received,
/// for a short one). Closing part of it takes the same part of the cost, rounded towards zero; the
/// remainder stays in `cost`, and closing everything takes all of it. So at every moment, exactly:
/// realised + (mark × net − cost) = cash flow + mark × net.
/// A bust is booked as the opposite trade at the same price, so the identity holds through it.
struct PositionBook: BitwiseCopyable {
  /// Money at 10⁻⁸.
  var cost: Int128 = 0
  var realised: Int128 = 0
  /// Paid less rebates.
  var fees: Int128 = 0
  /// Received less paid, without fees, since the start (opening positions count as paid).
  var cashFlow: Int128 = 0
  /// Σ(price × quantity) of executions that stand, in money.
  var boughtValue: Int128 = 0
  var soldValue: Int128 = 0
  var bought: Int64 = 0
  var sold: Int64 = 0
  var net: Int64 = 0
  /// Executions that stand.
  var executions: Int64 = 0
  /// Something was ever booked or carried in, even if it was taken back.
  var isUsed = false

  /// A position carried in.
  mutating func open(quantity: Int64, cost: Int128) {
    isUsed = true
    net = quantity
    self.cost = cost
    cashFlow = 0 &- cost
  }

  /// Books `quantity` bought (positive) or sold (negative) for `value` = price × quantity in money, of
  /// the same sign as quantity where prices are positive.
  mutating func trade(quantity: Int64, value: Int128) {
    isUsed = true
    cashFlow &-= value
    guard net != 0, (net > 0) != (quantity > 0), quantity != 0 else {
      net &+= quantity
      cost &+= value
      return
    }
    let closing = min(quantity.magnitude, net.magnitude)
    // The part of the trade's value that closes; the rest opens on the other side.
    let closed = Self.part(value, closing, of: quantity.magnitude)
    let removed = Self.part(cost, closing, of: net.magnitude)
    realised &-= closed &+ removed
    cost &-= removed
    cost &+= value &- closed
    net &+= quantity
  }

  /// value × part ÷ whole, towards zero; exactly value when part is the whole.
  private static func part(_ value: Int128, _ part: UInt64, of whole: UInt64) -> Int128 {
    if part == whole { return value }
    let (product, overflow) = value.multipliedReportingOverflow(by: Int128(part))
    return overflow ? value / Int128(whole) &* Int128(part) : product / Int128(whole)
  }

  mutating func count(quantity: Int64, value: Int128, isBuy: Bool, isBust: Bool) {
    let sign: Int64 = isBust ? -1 : 1
    if isBuy {
      bought &+= sign &* quantity
      boughtValue &+= Int128(sign) &* value
    } else {
      sold &+= sign &* quantity
      soldValue &+= Int128(sign) &* value
    }
    executions &+= sign
  }
}

extension PositionBook {
  func mix(into h: inout StateHasher) {
    h.mix(cost)
    h.mix(realised)
    h.mix(fees)
    h.mix(cashFlow)
    h.mix(boughtValue)
    h.mix(soldValue)
    h.mix(bought)
    h.mix(sold)
    h.mix(net)
    h.mix(executions)
    h.mix(isUsed ? 1 as UInt64 : 0)
  }
}
