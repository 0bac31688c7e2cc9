public import ExecutionCore

/// OUCH's ClOrdID: 14 bytes of text that the venue echoes and does not interpret.
///
/// Ours is 13 base-36 digits of the 64-bit ``ExecutionCore/ClientOrderID`` and one base-36 digit of
/// the incarnation.
@frozen public struct OUCHClOrdID: BitwiseCopyable, Hashable, Sendable {
  /// Bytes 0–7, most significant first.
  public var high: UInt64
  /// Bytes 8–13 in the low 48 bits, most significant first.
  public var low: UInt64

  @_noLocks public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low & 0xffff_ffff_ffff
  }
  public static var size: Int { 14 }
  /// Incarnations that one digit can tell apart.
  public static var incarnationsMax: UInt8 { 36 }
  public static var blank: OUCHClOrdID {
    @_noLocks get { OUCHClOrdID(high: 0x2020_2020_2020_2020, low: 0x2020_2020_2020) }
  }

  /// nil when the incarnation does not fit one digit.
  @_noLocks public init?(_ id: ClientOrderID, incarnation: UInt8) {
    guard incarnation < 36 else { return nil }
    // Two halves, so that the two chains of divisions run side by side: 36⁶ = 2,176,782,336.
    var upper = id.raw / 2_176_782_336
    let lower = id.raw % 2_176_782_336
    // Digits 0–6 are bytes 0–6; digits 7–12 are bytes 7–12; byte 13 is the incarnation.
    var high: UInt64 = 0x3030_3030_3030_3000
    // Few have used up two thousand million numbers: seven zeros.
    if upper != 0 {
      high = 0
      var i: UInt64 = 0
      while i < 7 {
        high |= Self.digit(upper % 36, at: i &+ 1)
        upper /= 36
        i &+= 1
      }
    }
    // Again two halves: 36³ = 46,656.
    let first = lower / 46_656
    let second = lower % 46_656
    self.high = high | Self.digit(first / 1_296, at: 0)
    low =
      Self.digit(UInt64(incarnation), at: 0) | Self.digit(second % 36, at: 1)
      | Self.digit(second / 36 % 36, at: 2) | Self.digit(second / 1_296, at: 3)
      | Self.digit(first % 36, at: 4) | Self.digit(first / 36 % 36, at: 5)
  }
  @_noLocks @inline(__always) private static func digit(_ value: UInt64, at byte: UInt64) -> UInt64
  {
    UInt64(digit(value)) &<< (8 &* byte)
  }

  /// Ours again; nil unless all 14 characters are base-36 digits in capitals and the number fits 64
  /// bits.
  public var decoded: (id: ClientOrderID, incarnation: UInt8)? {
    @_noLocks get {
      var value: UInt64 = 0
      var i = 0
      while i < 13 {
        guard let digit = Self.value(byte(i)) else { return nil }
        let (scaled, overflow) = value.multipliedReportingOverflow(by: 36)
        let (sum, carry) = scaled.addingReportingOverflow(digit)
        if overflow || carry { return nil }
        value = sum
        i &+= 1
      }
      guard let incarnation = Self.value(byte(13)) else { return nil }
      return (ClientOrderID(raw: value), UInt8(truncatingIfNeeded: incarnation))
    }
  }

  @_noLocks private func byte(_ index: Int) -> UInt8 {
    index < 8
      ? UInt8(truncatingIfNeeded: high &>> UInt64(56 &- 8 &* index))
      : UInt8(truncatingIfNeeded: low &>> UInt64(8 &* (13 &- index)))
  }
  @_noLocks @inline(__always) private static func digit(_ value: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: value < 10 ? 0x30 &+ value : 0x37 &+ value)
  }
  @_noLocks @inline(__always) private static func value(_ byte: UInt8) -> UInt64? {
    if byte >= 0x30, byte <= 0x39 { return UInt64(byte &- 0x30) }
    if byte >= 0x41, byte <= 0x5a { return UInt64(byte &- 0x37) }
    return nil
  }
}

extension OUCHClOrdID: CustomStringConvertible {
  /// For people; bytes that are not printable become `?`.
  public var description: String {
    var text = ""
    for i in 0..<Self.size {
      let c = byte(i)
      text.unicodeScalars.append(c >= 0x20 && c < 0x7f ? Unicode.Scalar(c) : "?")
    }
    return text
  }
}

extension WireView {
  @_noLocks @inline(__always) func clOrdID(_ offset: Int) -> OUCHClOrdID {
    OUCHClOrdID(
      high: u64(offset), low: UInt64(u16(offset &+ 8)) << 32 | UInt64(u32(offset &+ 10)))
  }
}

extension WireWriter {
  @_noLocks @inline(__always) func clOrdID(_ offset: Int, _ id: OUCHClOrdID) {
    u64(offset, id.high)
    u16(offset &+ 8, UInt16(truncatingIfNeeded: id.low >> 32))
    u32(offset &+ 10, UInt32(truncatingIfNeeded: id.low))
  }
}
