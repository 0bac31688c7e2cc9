/// An identifier that a venue has given (order, execution): text of up to 40 bytes as the venue wrote it, or a
/// number, or none.
///
/// The record keeps it whole; what has to find it again holds its ``key``.
@frozen public struct VenueIdentifier: BitwiseCopyable, Sendable {
  /// Text, padded with zeros; of a number the first word is 0 and the second is the number. A text begins
  /// with no zero, so that the two can't be taken for each other.
  var words: InlineArray<5, UInt64>

  /// Longest text.
  @inlinable public static var bytesMax: Int { 40 }
  public static var none: VenueIdentifier { @_noLocks get { VenueIdentifier(number: 0) } }

  /// 0 is none.
  @_noLocks public init(number: UInt64) {
    words = [0, number, 0, 0, 0]
  }

  /// nil when the text is empty, too long or has a byte 0: such an identifier can't be kept whole.
  @_noLocks public init?(_ text: UnsafeRawBufferPointer) {
    words = [0, 0, 0, 0, 0]
    guard text.count > 0, text.count <= Self.bytesMax else { return nil }
    for i in 0..<text.count {
      let byte = unsafe text[i]
      guard byte != 0 else { return nil }
      words[i / 8] |= UInt64(byte) &<< UInt64(8 &* (i % 8))
    }
  }

  public var isNone: Bool { @_noLocks get { words[0] == 0 && words[1] == 0 } }

  /// The number that it is; nil for text and none.
  public var number: UInt64? {
    @_noLocks get { words[0] == 0 && words[1] != 0 ? words[1] : nil }
  }

  /// The text's byte at a place; 0 behind its end.
  @_noLocks public func byte(_ i: Int) -> UInt8 {
    guard i >= 0, i < Self.bytesMax else { return 0 }
    return UInt8(truncatingIfNeeded: words[i / 8] &>> UInt64(8 &* (i % 8)))
  }

  /// What tells it from every other: the number itself, the bytes themselves of a text of up to 16, else 128
  /// bits of a hash. Two texts of one key are told apart by nothing but their contents; an execution under a
  /// key that is known, with other contents, is alarmed.
  @inline(__always) var key: IdentifierKey {
    if words[0] == 0 { return IdentifierKey(low: words[1], high: 0) }
    if words[2] == 0 { return IdentifierKey(low: words[0], high: words[1] ^ 1 << 63) }
    return hashed
  }

  @inline(never) private var hashed: IdentifierKey {
    var low: UInt64 = 0x9e37_79b9_7f4a_7c15
    var high: UInt64 = 0xc2b2_ae3d_27d4_eb4f
    for i in 0..<5 {
      low = Self.folded(low ^ words[i], 0xa076_1d64_78bd_642f &+ high)
      high = Self.folded(high ^ words[i], 0xe703_7ed1_a0b4_28db ^ low)
    }
    return IdentifierKey(low: low, high: high | 1)
  }

  /// Both halves of the product of two words (Wang Yi, "wyhash"): every bit depends on every other.
  private static func folded(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b | 1)
    return product.high ^ product.low
  }
}

extension VenueIdentifier: Hashable {
  public static func == (a: VenueIdentifier, b: VenueIdentifier) -> Bool {
    for i in 0..<5 where a.words[i] != b.words[i] { return false }
    return true
  }
  public func hash(into hasher: inout Hasher) {
    for i in 0..<5 { hasher.combine(words[i]) }
  }
}

extension VenueIdentifier: CustomStringConvertible {
  /// As text: nil when it is longer than 40 bytes, empty, or has a zero in it.
  public init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    let made = unsafe bytes.withUnsafeBytes { unsafe VenueIdentifier($0) }
    guard let made else { return nil }
    self = made
  }

  /// For people; empty for none, bytes that are not printable become `?`.
  public var description: String {
    if isNone { return "" }
    if let number { return "\(number)" }
    var text = ""
    for i in 0..<Self.bytesMax {
      let byte = byte(i)
      if byte == 0 { break }
      text.unicodeScalars.append(byte >= 0x20 && byte < 0x7f ? Unicode.Scalar(byte) : "?")
    }
    return text
  }
}

/// 128 bits that stand for a ``VenueIdentifier`` in hot structures.
struct IdentifierKey: BitwiseCopyable, Equatable {
  var low: UInt64 = 0
  var high: UInt64 = 0
}
