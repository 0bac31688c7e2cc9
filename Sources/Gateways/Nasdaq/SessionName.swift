/// The ten bytes that name a MoldUDP64 or SoupBinTCP session, as they lie on the wire.
///
/// MoldUDP64 (spec 1.00, section 3) and SoupBinTCP (3.00, sections 2.2.1 and 2.3.1).
@frozen public struct SessionName: BitwiseCopyable, Hashable, Sendable {
  /// The first eight bytes, most significant first.
  public var high: UInt64
  /// The last two bytes.
  public var low: UInt16

  @inlinable public init(high: UInt64, low: UInt16) {
    self.high = high
    self.low = low
  }
  /// Ten blanks: "the session that is active now" in a log-in, no session in a MoldUDP64 capture.
  @inlinable public static var blank: SessionName {
    SessionName(high: 0x2020_2020_2020_2020, low: 0x2020)
  }
  /// Left-justified and padded with blanks. nil when longer than ten or not printable ASCII.
  public init?(_ text: some StringProtocol) {
    self = .blank
    var index = 0
    for byte in text.utf8 {
      guard index < Self.size, byte >= 0x20, byte < 0x7f else { return nil }
      self[index] = byte
      index += 1
    }
  }
  public static var size: Int { 10 }
  @inlinable public var isBlank: Bool { self == .blank }

  public subscript(index: Int) -> UInt8 {
    get {
      index < 8
        ? UInt8(truncatingIfNeeded: high >> UInt64(56 &- 8 &* index))
        : UInt8(truncatingIfNeeded: low >> UInt16(8 &* (9 &- index)))
    }
    set {
      if index < 8 {
        let shift = UInt64(56 &- 8 &* index)
        high = (high & ~(0xff << shift)) | (UInt64(newValue) << shift)
      } else {
        let shift = UInt16(8 &* (9 &- index))
        low = (low & ~(0xff << shift)) | (UInt16(newValue) << shift)
      }
    }
  }
  /// Without leading blanks, so that names padded on either side compare equal.
  public var leftJustified: SessionName {
    get {
      var result = SessionName.blank
      var written = 0
      for i in 0..<Self.size where written > 0 || self[i] != 0x20 {
        result[written] = self[i]
        written &+= 1
      }
      return result
    }
  }
  /// Padded on the left, as SoupBinTCP servers send it.
  public var rightJustified: SessionName {
    get {
      let left = leftJustified
      var length = Self.size
      while length > 0, left[length &- 1] == 0x20 { length &-= 1 }
      var result = SessionName.blank
      for i in 0..<length { result[Self.size &- length &+ i] = left[i] }
      return result
    }
  }
}

extension SessionName: CustomStringConvertible {
  /// For people; bytes that are not printable become `?`.
  public var description: String {
    var text = ""
    for i in 0..<Self.size {
      let byte = self[i]
      text.unicodeScalars.append(byte >= 0x20 && byte < 0x7f ? Unicode.Scalar(byte) : "?")
    }
    return text
  }
}

extension WireView {
  @inline(__always) func sessionName(_ offset: Int) -> SessionName {
    SessionName(high: u64(offset), low: u16(offset &+ 8))
  }
}

extension WireWriter {
  @inline(__always) func sessionName(_ offset: Int, _ name: SessionName) {
    u64(offset, name.high)
    u16(offset &+ 8, name.low)
  }
}
