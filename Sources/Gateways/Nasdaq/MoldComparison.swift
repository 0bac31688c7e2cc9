/// Checksums of recent messages, to compare what the lines say.
@safe struct MoldComparison: ~Copyable {
  private let sequences: HeapColumn<UInt64>
  /// The checksum, and above it the line that brought it, or ``several``.
  private let words: HeapColumn<UInt64>
  private let mask: UInt64
  private static let several: UInt64 = 0xFFFF_FFFF
  private static let window: UInt64 = 0xFFFF_FFFE
  let isOn: Bool
  /// Of the last `other`, the line that brought the copy before; nil where nobody or more than one did.
  private(set) var contradicted: Int?

  init(messages: Int) {
    var count = 1
    while count < messages, count < 1 << 22 { count <<= 1 }
    isOn = messages > 0
    mask = UInt64(count - 1)
    sequences = HeapColumn(count: count, repeating: 0)
    words = HeapColumn(count: count, repeating: 0)
  }
  deinit {
    sequences.free()
    words.free()
  }

  /// What a copy says of the one that came first.
  enum Copy { case same, other, outvoted }

  /// A message that is given out of the window: what comes later is held against it.
  mutating func note(_ sequence: UInt64, _ checksum: UInt32) {
    let index = Int(truncatingIfNeeded: sequence & mask)
    guard sequences[index] < sequence else { return }
    sequences[index] = sequence
    words[index] = Self.window << 32 | UInt64(checksum)
  }

  /// Something is remembered of it.
  func knows(_ sequence: UInt64) -> Bool {
    sequences[Int(truncatingIfNeeded: sequence & mask)] == sequence
  }

  /// - Parameter replaces: this copy is the one that is delivered, whatever was heard before.
  /// - Returns: `other` where a copy that is still remembered had other bytes, `outvoted` where two lines had said
  ///   the same already.
  mutating func hear(
    _ sequence: UInt64, _ checksum: UInt32, line: Int, replaces: Bool
  ) -> Copy {
    let index = Int(truncatingIfNeeded: sequence & mask)
    let word = UInt64(UInt32(truncatingIfNeeded: line)) << 32 | UInt64(checksum)
    let known = sequences[index]
    guard known == sequence else {
      if known < sequence {
        sequences[index] = sequence
        words[index] = word
      }
      return .same
    }
    let first = words[index]
    if first == word { return .same }
    if UInt32(truncatingIfNeeded: first) == checksum {
      words[index] = Self.several << 32 | UInt64(checksum)
      return .same
    }
    if first >> 32 == Self.several { return .outvoted }
    contradicted = first >> 32 < Self.window ? Int(first >> 32) : nil
    if replaces { words[index] = word }
    return .other
  }

  mutating func clear() {
    for i in 0..<sequences.count { sequences[i] = 0 }
  }
}
