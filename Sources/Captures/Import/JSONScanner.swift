/// Why a text is no JSON: where, from its beginning, and what is wrong.
struct JSONError: Error, Hashable {
  var offset: Int
  var problem: String
}

/// A value of a JSON text: its kind, and where it stands; of a string the bytes between its quotes.
struct JSONSlot: Hashable {
  enum Kind: UInt8 {
    case string
    case number
    case object
    case array
    case isTrue
    case isFalse
    case null
  }
  var kind: Kind
  var start: Int
  var end: Int
}

/// Walks a JSON text (RFC 8259) from its front, strictly: no comments, no numbers of other forms, no control
/// characters in strings, UTF-8 that is none refused. Nothing is copied and nothing recurses: what is nested deeper
/// than ``depthMax`` is refused.
///
/// Made for the flat messages of market data; it builds no tree. Threading: one thread; the bytes must outlive it.
@safe struct JSONScanner {
  static var depthMax: Int { 64 }

  @unsafe let bytes: UnsafeRawBufferPointer
  private let end: Int
  private(set) var at: Int

  init(_ bytes: UnsafeRawBufferPointer, from start: Int = 0, to end: Int? = nil) {
    unsafe self.bytes = unsafe bytes
    self.end = min(end ?? bytes.count, bytes.count)
    at = min(start, self.end)
  }

  /// 0 at the end: no JSON text has it outside of strings, nor in them.
  private var here: UInt8 { at < end ? unsafe bytes[at] : 0 }

  func fail(_ problem: String) -> JSONError { JSONError(offset: at, problem: problem) }

  private mutating func skipSpace() {
    while at < end {
      let byte = here
      guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
      at += 1
    }
  }

  private mutating func expect(_ byte: UInt8) throws(JSONError) {
    guard here == byte, at < end else {
      throw fail(at < end ? "'\(Self.name(byte))' is expected" : "the text ends")
    }
    at += 1
  }

  private static func name(_ byte: UInt8) -> Character { Character(Unicode.Scalar(byte)) }

  // MARK: Objects and arrays

  mutating func beginObject() throws(JSONError) {
    skipSpace()
    try expect(0x7b)
  }

  /// The next key, and the scanner stands at its value; nil at the object's end, which is passed.
  mutating func nextKey(isFirst: Bool) throws(JSONError) -> JSONSlot? {
    skipSpace()
    if here == 0x7d {
      at += 1
      return nil
    }
    if !isFirst {
      try expect(0x2c)
      skipSpace()
    }
    let key = try string()
    skipSpace()
    try expect(0x3a)
    return key
  }

  mutating func beginArray() throws(JSONError) {
    skipSpace()
    try expect(0x5b)
  }

  /// Whether there is another element, at which the scanner then stands; false at the array's end, which is passed.
  mutating func nextElement(isFirst: Bool) throws(JSONError) -> Bool {
    skipSpace()
    if here == 0x5d {
      at += 1
      return false
    }
    if !isFirst { try expect(0x2c) }
    return true
  }

  /// Nothing but space may follow.
  mutating func finish() throws(JSONError) {
    skipSpace()
    guard at == end else { throw fail("something follows the text's end") }
  }

  // MARK: Values

  /// Passes over a value, whatever it is, and says what it was.
  mutating func value() throws(JSONError) -> JSONSlot {
    skipSpace()
    switch here {
    case 0x7b, 0x5b: return try nested()
    default: return try scalar()
    }
  }

  private mutating func scalar() throws(JSONError) -> JSONSlot {
    switch here {
    case 0x22: return try string()
    case 0x74: return try word("true", .isTrue)
    case 0x66: return try word("false", .isFalse)
    case 0x6e: return try word("null", .null)
    case 0x2d, 0x30...0x39: return try number()
    default: throw fail(at < end ? "no value begins so" : "the text ends")
    }
  }

  /// An object or array with all that is in it: the open ones are bits of a word, 1 for an object.
  private mutating func nested() throws(JSONError) -> JSONSlot {
    let start = at
    let kind: JSONSlot.Kind = here == 0x7b ? .object : .array
    var open: UInt64 = 0
    var depth = 0
    // Each turn passes a bracket or a value.
    repeat {
      skipSpace()
      if here == 0x7b || here == 0x5b {
        guard depth < Self.depthMax else { throw fail("nested deeper than \(Self.depthMax)") }
        let isObject = here == 0x7b
        open = open << 1 | (isObject ? 1 : 0)
        depth += 1
        at += 1
        skipSpace()
        if here == (isObject ? 0x7d : 0x5d) {
          at += 1
          open >>= 1
          depth -= 1
        } else {
          if isObject { try keyAndColon() }
          continue
        }
      } else {
        _ = try scalar()
      }
      try afterValue(&open, &depth)
    } while depth > 0
    return JSONSlot(kind: kind, start: start, end: at)
  }

  /// Closes what ends here; then either all is closed, or the scanner stands at the next value.
  private mutating func afterValue(_ open: inout UInt64, _ depth: inout Int) throws(JSONError) {
    // Each turn closes a bracket or ends.
    while depth > 0 {
      skipSpace()
      let isObject = open & 1 == 1
      if here == (isObject ? 0x7d : 0x5d) {
        at += 1
        open >>= 1
        depth -= 1
        continue
      }
      try expect(0x2c)
      if isObject { try keyAndColon() }
      return
    }
  }

  private mutating func keyAndColon() throws(JSONError) {
    skipSpace()
    _ = try string()
    skipSpace()
    try expect(0x3a)
  }

  private mutating func word(_ word: StaticString, _ kind: JSONSlot.Kind) throws(JSONError)
    -> JSONSlot
  {
    let start = at
    for index in 0..<word.utf8CodeUnitCount {
      try expect(unsafe word.utf8Start[index])
    }
    return JSONSlot(kind: kind, start: start, end: at)
  }

  private mutating func digits() throws(JSONError) {
    guard here >= 0x30, here <= 0x39 else { throw fail("a digit is expected") }
    while here >= 0x30, here <= 0x39 { at += 1 }
  }

  private mutating func number() throws(JSONError) -> JSONSlot {
    let start = at
    if here == 0x2d { at += 1 }
    if here == 0x30 { at += 1 } else { try digits() }
    if here == 0x2e {
      at += 1
      try digits()
    }
    if here == 0x65 || here == 0x45 {
      at += 1
      if here == 0x2b || here == 0x2d { at += 1 }
      try digits()
    }
    return JSONSlot(kind: .number, start: start, end: at)
  }

  private mutating func string() throws(JSONError) -> JSONSlot {
    try expect(0x22)
    let start = at
    while at < end {
      let byte = here
      if byte == 0x22 {
        at += 1
        return JSONSlot(kind: .string, start: start, end: at - 1)
      }
      guard byte >= 0x20 else { throw fail("a control character in a string") }
      if byte == 0x5c {
        try escape()
      } else if byte < 0x80 {
        at += 1
      } else {
        try multiByte()
      }
    }
    throw fail("the text ends in a string")
  }

  private mutating func escape() throws(JSONError) {
    at += 1
    switch here {
    case 0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74: at += 1
    case 0x75:
      at += 1
      for _ in 0..<4 {
        switch here {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: at += 1
        default: throw fail("four hexadecimal digits are expected")
        }
      }
    default: throw fail("no escape of JSON")
    }
  }

  /// One character of two to four bytes, by the table of well-formed UTF-8 (Unicode, table 3-7).
  private mutating func multiByte() throws(JSONError) {
    let lead = here
    let (count, second): (Int, ClosedRange<UInt8>)
    switch lead {
    case 0xc2...0xdf: (count, second) = (1, 0x80...0xbf)
    case 0xe0: (count, second) = (2, 0xa0...0xbf)
    case 0xe1...0xec, 0xee...0xef: (count, second) = (2, 0x80...0xbf)
    case 0xed: (count, second) = (2, 0x80...0x9f)
    case 0xf0: (count, second) = (3, 0x90...0xbf)
    case 0xf1...0xf3: (count, second) = (3, 0x80...0xbf)
    case 0xf4: (count, second) = (3, 0x80...0x8f)
    default: throw fail("no UTF-8")
    }
    at += 1
    guard second.contains(here) else { throw fail("no UTF-8") }
    at += 1
    for _ in 1..<count {
      guard (0x80...0xbf).contains(here) else { throw fail("no UTF-8") }
      at += 1
    }
  }

  // MARK: What a slot holds

  /// Whether the slot's bytes are these.
  func equals(_ slot: JSONSlot, _ text: StaticString) -> Bool {
    guard slot.end - slot.start == text.utf8CodeUnitCount else { return false }
    for index in 0..<text.utf8CodeUnitCount
    where unsafe bytes[slot.start + index] != text.utf8Start[index] {
      return false
    }
    return true
  }

  /// A number without sign, point or exponent that fits; nil otherwise.
  func unsigned(_ slot: JSONSlot) -> UInt64? {
    guard slot.kind == .number, slot.end > slot.start else { return nil }
    var value: UInt64 = 0
    for place in slot.start..<slot.end {
      let byte = unsafe bytes[place]
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      let (tenfold, over) = value.multipliedReportingOverflow(by: 10)
      let (sum, overSum) = tenfold.addingReportingOverflow(UInt64(byte - 0x30))
      guard !over, !overSum else { return nil }
      value = sum
    }
    return value
  }

  /// A string's bytes as they stand; nil where it has escapes.
  func text(_ slot: JSONSlot) -> String? {
    guard slot.kind == .string else { return nil }
    for place in slot.start..<slot.end where unsafe bytes[place] == 0x5c { return nil }
    return unsafe String(validating: bytes[slot.start..<slot.end], as: UTF8.self)
  }

  /// A decimal number in a string, as venues write prices; nil where it is none.
  func decimal(_ slot: JSONSlot) -> DecimalText? {
    guard slot.kind == .string else { return nil }
    return unsafe DecimalText(bytes, slot.start..<slot.end)
  }
}
