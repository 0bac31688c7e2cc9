/// A decimal number at 10⁻⁸, as prices and money are held: read and printed exactly, never through
/// floating point.
public struct Decimal8: Hashable, Comparable, Sendable, CustomStringConvertible,
  ExpressibleByIntegerLiteral
{
  /// The number times 10⁸.
  public var raw: Int64

  public init(raw: Int64) { self.raw = raw }
  public init(integerLiteral value: Int64) { raw = value * 100_000_000 }

  /// nil unless the text is digits with at most one point and eight decimals, an optional minus
  /// before, and fits.
  public init?(_ text: String) {
    guard let value = Self.wide(text), let raw = Int64(exactly: value) else { return nil }
    self.raw = raw
  }

  /// The number times 10⁸ of a text as ``init(_:)`` reads it, of sums that may be beyond 64 bits.
  static func wide(_ text: String) -> Int128? {
    var digits = Substring(text)
    let isNegative = digits.hasPrefix("-")
    if isNegative { digits = digits.dropFirst() }
    let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, !whole.isEmpty else { return nil }
    let fraction = parts.count > 1 ? parts[1] : "0"
    // No number of 128 bits has more than 39 digits.
    guard (1...8).contains(fraction.utf8.count), whole.utf8.count <= 39 else { return nil }
    var value: Int128 = 0
    let padded = fraction.utf8 + Array(repeating: UInt8(ascii: "0"), count: 8 - fraction.utf8.count)
    for byte in Array(whole.utf8) + Array(padded) {
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = product.addingReportingOverflow(Int128(byte - 0x30))
      if overflow || carried { return nil }
      value = sum
    }
    return isNegative ? -value : value
  }

  public static func < (a: Decimal8, b: Decimal8) -> Bool { a.raw < b.raw }

  /// Without trailing zeros.
  public var description: String {
    Self.text(Int128(raw), decimals: 0)
  }

  /// `raw` × 10⁻⁸ with at least so many decimals, and no trailing zeros beyond them.
  static func text(_ raw: Int128, decimals: Int) -> String {
    let magnitude = raw.magnitude
    var fraction = Array(String(magnitude % 100_000_000))
    fraction = Array(repeating: "0", count: 8 - fraction.count) + fraction
    while fraction.count > decimals, fraction.last == "0" { fraction.removeLast() }
    let whole = String(magnitude / 100_000_000)
    let sign = raw < 0 ? "-" : ""
    return fraction.isEmpty ? sign + whole : "\(sign)\(whole).\(String(fraction))"
  }
}
