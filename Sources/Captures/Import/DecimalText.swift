/// A decimal number as a text has it: `-?digits[.digits]`, exact, zeros behind the point's last digit dropped.
struct DecimalText: Hashable {
  var mantissa: Int64
  /// Digits behind the point.
  var decimals: Int

  /// nil for what is no such text, or has a mantissa of more than 64 bits.
  init?(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
    guard range.lowerBound >= 0, range.upperBound <= bytes.count else { return nil }
    var at = range.lowerBound
    let isNegative = unsafe at < range.upperBound && bytes[at] == 0x2d
    if isNegative { at += 1 }
    var value: UInt64 = 0
    var decimals = 0
    // Zeros behind the point count only where another digit follows.
    var zeros = 0
    var isBehind = false
    var digits = 0
    while at < range.upperBound {
      let byte = unsafe bytes[at]
      at += 1
      if byte == 0x2e {
        guard !isBehind, digits > 0, at < range.upperBound else { return nil }
        isBehind = true
        continue
      }
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      digits += 1
      if isBehind, byte == 0x30 {
        zeros += 1
        continue
      }
      let shift = isBehind ? zeros + 1 : 1
      guard value == 0 || shift <= 19 else { return nil }
      if value > 0 {
        for _ in 0..<shift {
          let (product, over) = value.multipliedReportingOverflow(by: 10)
          guard !over else { return nil }
          value = product
        }
      }
      let (sum, over) = value.addingReportingOverflow(UInt64(byte - 0x30))
      guard !over else { return nil }
      value = sum
      if isBehind { decimals += shift }
      zeros = 0
    }
    guard digits > 0, value <= UInt64(Int64.max) else { return nil }
    mantissa = isNegative ? -Int64(value) : Int64(value)
    self.decimals = decimals
  }

  init?(_ text: String) {
    let bytes = Array(text.utf8)
    let made = unsafe bytes.withUnsafeBytes { unsafe DecimalText($0, 0..<$0.count) }
    guard let made else { return nil }
    self = made
  }

  /// The mantissa at an exponent; nil where the number has digits below it, or more than 64 bits.
  func mantissa(at exponent: Int) -> Int64? {
    guard mantissa != 0 else { return 0 }
    let shift = -decimals - exponent
    guard abs(shift) <= 19 else { return nil }
    var value = mantissa
    for _ in 0..<abs(shift) {
      if shift > 0 {
        let (product, over) = value.multipliedReportingOverflow(by: 10)
        guard !over else { return nil }
        value = product
      } else {
        guard value % 10 == 0 else { return nil }
        value /= 10
      }
    }
    return value
  }
}
