/// Whole numbers of JSON, for every writer of it.
///
/// Many readers keep numbers as doubles, in which those beyond 2⁵³ are no longer themselves (RFC 8259, 6): an order's
/// id would come back as its neighbour. So these are text.
public enum JSONNumber {
  /// Up to here, on either side of 0, a double is exact and no other whole number is rounded to it.
  public static let exactMax = (1 << 53) - 1

  public static func text(_ value: some BinaryInteger) -> String {
    let isExact = value >= -exactMax && value <= exactMax
    return isExact ? "\(value)" : "\"\(value)\""
  }
}
