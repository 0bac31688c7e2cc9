/// The head of a Databento file (DBN version 1 or 2): which instruments its numbers mean.
///
/// Format: databento.com/docs/standards-and-conventions/databento-binary-encoding.
struct DatabentoMetadata {
  static var prefix: Int { 8 }
  /// Without magic, version and length.
  static var fixed: Int { 100 }
  static var bytesMax: Int { 64 << 20 }

  var version: UInt8
  var dataset = ""
  /// A time of eight bytes stands behind each record.
  var hasTimeOut = false
  /// Symbols by the instrument numbers of the file, in the order of the file.
  var symbols: [(number: UInt32, symbol: String)] = []

  /// The length of the whole head by its first ``prefix`` bytes; what is wrong in words where it is none.
  static func length(_ prefix: ArraySlice<UInt8>) -> Result<Int, DatabentoProblem> {
    var source = ByteSource(Array(prefix))
    guard source.word(UInt8.self) == 0x44, source.word(UInt8.self) == 0x42,
      source.word(UInt8.self) == 0x4e, let version = source.word(UInt8.self),
      let length = source.word(UInt32.self)
    else { return .failure(DatabentoProblem("is no Databento file (DBN)")) }
    guard version == 1 || version == 2 else {
      return .failure(DatabentoProblem("has version \(version) of DBN; 1 and 2 are read"))
    }
    guard length >= fixed, length <= bytesMax else {
      return .failure(DatabentoProblem("has a head of \(length) bytes"))
    }
    return .success(Self.prefix + Int(length))
  }

  /// nil where the head does not fit its length.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= Self.prefix + Self.fixed else { return nil }
    version = bytes[3]
    dataset = Self.text(bytes, Self.prefix, 16)
    // Dataset, schema, start, end, limit; version 1 has a count of records too.
    var at = Self.prefix + 16 + 2 + 8 + 8 + 8 + (version == 1 ? 8 : 0)
    at += 2
    hasTimeOut = bytes[at] != 0
    at += 1
    var symbolLength = 22
    if version > 1 {
      symbolLength = Int(bytes[at]) | Int(bytes[at + 1]) << 8
      guard symbolLength > 0 else { return nil }
    }
    var source = ByteSource(bytes, from: Self.prefix + Self.fixed)
    guard let definition = source.word(UInt32.self), Int(definition) <= source.left else {
      return nil
    }
    source = ByteSource(bytes, from: source.at + Int(definition))
    // Symbols asked for, resolved in part, not found.
    for _ in 0..<3 {
      guard let count = source.word(UInt32.self), Int(count) <= source.left / symbolLength else {
        return nil
      }
      source = ByteSource(bytes, from: source.at + Int(count) * symbolLength)
    }
    guard let mappings = source.word(UInt32.self) else { return nil }
    for _ in 0..<mappings {
      guard take(&source, bytes, symbolLength) else { return nil }
    }
  }

  private mutating func take(
    _ source: inout ByteSource, _ bytes: [UInt8], _ symbolLength: Int
  ) -> Bool {
    guard source.left >= symbolLength + 4 else { return false }
    let symbol = Self.text(bytes, source.at, symbolLength)
    source = ByteSource(bytes, from: source.at + symbolLength)
    guard let intervals = source.word(UInt32.self),
      Int(intervals) <= source.left / (8 + symbolLength)
    else { return false }
    for _ in 0..<intervals {
      // First day, day behind the last, and the number that stands for the symbol in between.
      if let number = UInt32(Self.text(bytes, source.at + 8, symbolLength)) {
        symbols.append((number, symbol))
      }
      source = ByteSource(bytes, from: source.at + 8 + symbolLength)
    }
    return true
  }

  private static func text(_ bytes: [UInt8], _ at: Int, _ count: Int) -> String {
    String(decoding: bytes[at..<at + count].prefix { $0 != 0 }, as: UTF8.self)
  }
}

/// What is wrong with a Databento file, in words.
struct DatabentoProblem: Error {
  var text: String
  init(_ text: String) { self.text = text }
}
