/// What the last messages of a stream were, so that a second copy of one can be held against the first.
struct MessageDigests {
  private static let count = 1 << 16
  private var digests = [(sequence: UInt64, digest: UInt64)](
    repeating: (0, 0), count: Self.count)

  mutating func keep(_ message: UnsafeRawBufferPointer, of sequence: UInt64) {
    digests[Int(truncatingIfNeeded: sequence) & (Self.count - 1)] =
      (sequence, unsafe Self.digest(message))
  }

  /// Whether the sequence's first copy is remembered, and was another message.
  func differs(_ message: UnsafeRawBufferPointer, of sequence: UInt64) -> Bool {
    let kept = digests[Int(truncatingIfNeeded: sequence) & (Self.count - 1)]
    return unsafe kept.sequence == sequence && kept.digest != Self.digest(message)
  }

  /// FNV-1a, eight bytes at a time.
  static func digest(_ message: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(message.count)
    var at = 0
    while at < message.count {
      var word: UInt64 = 0
      if at + 8 <= message.count {
        word = unsafe message.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      } else {
        for i in at..<message.count { word = word << 8 | UInt64(unsafe message[i]) }
      }
      hash = (hash ^ word) &* 0x0000_0100_0000_01B3
      hash ^= hash >> 29
      at += 8
    }
    return hash
  }
}
