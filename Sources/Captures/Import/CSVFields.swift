/// The fields of a line of comma-separated values without quotes, one after the other.
///
/// Threading: one thread; the line must outlive it.
@safe struct CSVFields {
  @unsafe private let line: UnsafeRawBufferPointer
  private var at = 0
  private var isAtEnd = false

  init(_ line: UnsafeRawBufferPointer) { unsafe self.line = unsafe line }

  /// Where the next field stands; nil behind the last.
  mutating func next() -> Range<Int>? {
    guard !isAtEnd else { return nil }
    let start = at
    while unsafe at < line.count && line[at] != 0x2c { at += 1 }
    let end = at
    if unsafe at < line.count { at += 1 } else { isAtEnd = true }
    return start..<end
  }

  /// A whole number with or without a sign; nil where the field is none, or there is none.
  mutating func integer() -> Int64? { decimal(at: 0) }

  /// A decimal number as a mantissa at an exponent.
  mutating func decimal(at exponent: Int) -> Int64? {
    next().flatMap { unsafe DecimalText(line, $0)?.mantissa(at: exponent) }
  }

  mutating func text() -> String? {
    next().flatMap { unsafe String(validating: line[$0], as: UTF8.self) }
  }

  var isDone: Bool { isAtEnd }
}
