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

  /// The shape of a type; 0 when it is unknown. A table once compiled.
  @_noLocks @inline(__always) static func of(_ kind: UInt8) -> UInt64 {
    switch kind {
    case UInt8(ascii: "A"): 0x005B_1318_0B20_1424
    case UInt8(ascii: "F"): 0x007B_1318_0B20_1428
    case UInt8(ascii: "E"): 0x0045_0B0B_170B_131F
    case UInt8(ascii: "C"): 0x0067_0B0B_1720_1324
    case UInt8(ascii: "X"): 0x0041_0B0B_0B0B_1317
    case UInt8(ascii: "D"): 0x0040_0B0B_0B0B_0B13
    case UInt8(ascii: "U"): 0x0047_0B0B_131F_1B23
    case UInt8(ascii: "P"): 0x005F_1318_2420_142C
    case UInt8(ascii: "Q"): 40
    case UInt8(ascii: "B"): 19
    case UInt8(ascii: "I"): 50
    case UInt8(ascii: "S"), UInt8(ascii: "W"): 12
    case UInt8(ascii: "R"): 39
    case UInt8(ascii: "H"): 25
    case UInt8(ascii: "Y"), UInt8(ascii: "N"): 20
    case UInt8(ascii: "L"): 26
    case UInt8(ascii: "V"), UInt8(ascii: "J"): 35
    case UInt8(ascii: "K"): 28
    case UInt8(ascii: "h"): 21
    case UInt8(ascii: "O"): 48
    default: 0
    }
  }
}
