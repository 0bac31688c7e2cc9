internal import CSupport

/// How a message type is laid out, in one word, so that the common types are decoded without a branch.
///
/// Bits 0 to 7: length. Then, for the common types, a byte each for the offset of shares, price, second
/// word, symbol and side; 11, the reference, where the type has none. From bit 48, in the same order,
/// whether it has them; then the marks below.
enum Shape {
  /// A, F, E, C, X, D, U, P: what nearly every message is.
  static var common: UInt64 { @_noLocks @inline(__always) get { 1 << 54 } }
  /// Has one more field: C and F.
  static var extra: UInt64 { @_noLocks @inline(__always) get { 1 << 53 } }

  @_noLocks @inline(__always) static func offset(_ shape: UInt64, _ bit: UInt64) -> Int {
    Int(truncatingIfNeeded: shape &>> bit & 0xFF)
  }

  /// All ones when the bit is set, else 0.
  @_noLocks @inline(__always) static func mask(_ shape: UInt64, _ bit: UInt64) -> UInt64 {
    0 &- (shape &>> bit & 1)
  }

  /// The shape of a type; 0 when it is unknown.
  @_noLocks @inline(__always) static func of(_ kind: UInt8) -> UInt64 { nt_itch_shape(kind) }
}
