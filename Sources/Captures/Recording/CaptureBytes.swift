internal import CSupport

/// Appends little-endian words.
struct ByteSink {
  var bytes: [UInt8] = []

  mutating func word<Word: FixedWidthInteger>(_ value: Word) {
    var rest = value
    for _ in 0..<MemoryLayout<Word>.size {
      bytes.append(UInt8(truncatingIfNeeded: rest))
      rest = Word.bitWidth > 8 ? rest >> 8 : 0
    }
  }
  /// Behind its length in one byte; the caller has seen that it is at most 255 bytes.
  mutating func shortText(_ text: String) {
    bytes.append(UInt8(truncatingIfNeeded: text.utf8.count))
    bytes += text.utf8
  }
  /// Behind its length in two bytes; the caller has seen that it is at most 65,535 bytes.
  mutating func text(_ text: String) {
    word(UInt16(truncatingIfNeeded: text.utf8.count))
    bytes += text.utf8
  }
  mutating func put<Word: FixedWidthInteger>(_ value: Word, at place: Int) {
    for index in 0..<MemoryLayout<Word>.size {
      bytes[place + index] = UInt8(truncatingIfNeeded: value >> Word(8 * index))
    }
  }
}

/// Takes little-endian words from the front; nil where the bytes end before.
struct ByteSource {
  private let bytes: [UInt8]
  private let end: Int
  private(set) var at: Int

  init(_ bytes: [UInt8], from start: Int = 0, to end: Int? = nil) {
    self.bytes = bytes
    self.end = min(end ?? bytes.count, bytes.count)
    at = min(start, self.end)
  }

  var left: Int { end - at }

  /// The next `count` bytes alone; nil where there are fewer.
  func prefix(_ count: Int) -> ByteSource? {
    count <= left ? ByteSource(bytes, from: at, to: at + count) : nil
  }
  /// False where there are fewer.
  mutating func skip(_ count: Int) -> Bool {
    guard count <= left else { return false }
    at += count
    return true
  }

  mutating func word<Word: FixedWidthInteger>(_ type: Word.Type) -> Word? {
    let size = MemoryLayout<Word>.size
    guard left >= size else { return nil }
    var value: Word = 0
    for index in 0..<size {
      value |= Word(truncatingIfNeeded: bytes[at + index]) << Word(8 * index)
    }
    at += size
    return value
  }
  mutating func shortText() -> String? {
    guard let count = word(UInt8.self) else { return nil }
    return text(Int(count))
  }
  mutating func text() -> String? {
    guard let count = word(UInt16.self) else { return nil }
    return text(Int(count))
  }
  private mutating func text(_ count: Int) -> String? {
    guard left >= count else { return nil }
    let text = String(validating: bytes[at..<at + count], as: UTF8.self)
    at += count
    return text
  }
}

/// CRC-32C (Castagnoli, RFC 3720) as the whole project has it.
enum Checksum {
  static func of(_ bytes: [UInt8], from start: Int, to end: Int, after before: UInt32 = 0) -> UInt32
  {
    guard start >= 0, start < end, end <= bytes.count else { return before }
    return unsafe bytes.withUnsafeBytes {
      unsafe nt_crc32c(before, $0.baseAddress.map { unsafe $0 + start }, end - start)
    }
  }
}
