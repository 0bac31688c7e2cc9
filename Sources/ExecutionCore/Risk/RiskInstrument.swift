/// What risk and the ledger need of an instrument, worked out at start-up so that no check divides.
struct RiskInstrument: BitwiseCopyable {
  var symbol = Symbol.none
  /// Static collar; refuses where the previous close is not known.
  var previousClose: Int64 = 0
  var lowest: Int64 = 0
  var highest: Int64 = 0
  var lowerBand: Int64 = 0
  var upperBand: Int64 = 0
  var moneyScale = MoneyScale()
  /// Mantissas of a whole unit of quantity.
  var unit: Int64 = 1
  /// Money at 10⁻⁸ that an order must come to; 0: none.
  var minimumNotional: Int64 = 0
  var priceExponent: Int8 = -8
  var quantityExponent: Int8 = 0
  var shortable = false
  var knowsPreviousClose = false
}

/// Whether a number is a multiple of another, by one multiplication (Granlund and Montgomery,
/// "Division by invariant integers using multiplication", section 9).
struct DivisibilityTest: BitwiseCopyable {
  private var inverse: UInt64
  private var shift: UInt64
  private var most: UInt64

  /// `divisor` is above 0.
  init(_ divisor: Int64) {
    let positive = UInt64(max(1, divisor))
    shift = UInt64(positive.trailingZeroBitCount)
    let odd = positive >> shift
    // Newton's iteration for the inverse modulo 2⁶⁴: each step doubles the correct bits, from 3.
    var x = odd
    for _ in 0..<5 { x = x &* (2 &- odd &* x) }
    inverse = x
    most = UInt64.max / positive
  }

  func divides(_ n: Int64) -> Bool {
    let product = n.magnitude &* inverse
    let rotated = (product &>> shift) | (product &<< (64 &- shift))
    return rotated <= most
  }
}
