internal import ExecutionCore

/// One field of all records of a block, in the order in which a block has them: what a field's context needs stands
/// before it.
enum CaptureColumn: String, CaseIterable {
  case kind
  case side
  case flags
  case detail
  case instrument
  case sessionTime = "session_time"
  case receiveTime = "receive_time"
  case sequence
  case price
  case quantity
  case askPrice = "ask_price"
  case askQuantity = "ask_quantity"
  case reference

  enum Encoding: UInt8 {
    /// A byte a value.
    case raw = 0
    /// The difference from the value before, as a zigzag varint.
    case delta = 1
    /// The value, as a zigzag varint.
    case plain = 2
    /// The difference from the last value of the same context, as a zigzag varint.
    case contextDelta = 3
  }

  var width: UInt8 {
    switch self {
    case .kind, .side, .flags, .detail: 1
    case .instrument: 4
    default: 8
    }
  }
  var isSigned: Bool {
    switch self {
    case .kind, .side, .flags, .detail, .instrument, .sequence, .reference: false
    default: true
    }
  }
  var encoding: Encoding {
    switch self {
    case .kind, .side, .flags, .detail: .raw
    case .instrument, .sessionTime, .receiveTime: .delta
    case .quantity: .plain
    case .sequence, .price, .askPrice, .askQuantity, .reference: .contextDelta
    }
  }
}

/// Turns the records of a block into columns and back. Holds what it needs for one block, whatever the file's size.
///
/// Threading: one thread.
struct CaptureColumns {
  /// Most records of a block.
  static var blockMax: Int { 4_096 }
  /// Bytes of a column beside its values: its length.
  private static var lengthWord: Int { 4 }
  private static var varintMax: Int { 10 }
  private static var contexts: Int { 2_048 }
  /// Most bytes of a block's columns: four of one byte a value, nine of at most ten.
  static var rawMax: Int { 13 * lengthWord + blockMax * (4 + 9 * varintMax) }

  private var last = [UInt64](repeating: 0, count: contexts)

  /// What the differences of a field are taken within: kind, side and the low bits of the instrument's number.
  private static func context(_ record: borrowing FeedRecord) -> Int {
    Int(record.kind & 31) | Int(record.side & 3) << 5
      | Int(truncatingIfNeeded: record.instrument & 15) << 7
  }

  // MARK: Writing

  /// Encodes the records, at most ``blockMax``, into `raw`, which has room for ``rawMax``; gives the bytes' number.
  mutating func encode(
    _ records: [FeedRecord], _ receiveTimes: [Int64], into raw: inout [UInt8]
  ) -> Int {
    var at = 0
    for column in CaptureColumn.allCases {
      let start = at + Self.lengthWord
      at = unsafe raw.withUnsafeMutableBytes {
        unsafe encode(column, records, receiveTimes, into: $0, at: start)
      }
      let length = UInt32(truncatingIfNeeded: at - start)
      for index in 0..<4 {
        raw[start - 4 + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index))
      }
    }
    return at
  }

  private mutating func encode(
    _ column: CaptureColumn, _ records: [FeedRecord], _ receiveTimes: [Int64],
    into raw: UnsafeMutableRawBufferPointer, at start: Int
  ) -> Int {
    var at = start
    switch column.encoding {
    case .raw:
      for record in records {
        unsafe raw[at] = UInt8(truncatingIfNeeded: Self.value(column, record, 0))
        at += 1
      }
    case .plain:
      for record in records { at = unsafe Self.put(Self.value(column, record, 0), raw, at) }
    case .delta:
      var before: UInt64 = 0
      for index in records.indices {
        let value = Self.value(column, records[index], receiveTimes[index])
        at = unsafe Self.put(value &- before, raw, at)
        before = value
      }
    case .contextDelta:
      forget()
      for record in records {
        let context = Self.context(record)
        let value = Self.value(column, record, 0)
        at = unsafe Self.put(value &- last[context], raw, at)
        last[context] = value
      }
    }
    return at
  }

  private mutating func forget() {
    for index in last.indices { last[index] = 0 }
  }

  private static func value(
    _ column: CaptureColumn, _ record: borrowing FeedRecord, _ receiveTime: Int64
  ) -> UInt64 {
    switch column {
    case .kind: UInt64(record.kind)
    case .side: UInt64(record.side)
    case .flags: UInt64(record.flags.rawValue)
    case .detail: UInt64(record.detail)
    case .instrument: UInt64(record.instrument)
    case .sessionTime: UInt64(bitPattern: record.sessionTime)
    case .receiveTime: UInt64(bitPattern: receiveTime)
    case .sequence: record.sequence
    case .price: UInt64(bitPattern: record.price)
    case .quantity: UInt64(bitPattern: record.quantity)
    case .askPrice: UInt64(bitPattern: record.askPrice)
    case .askQuantity: UInt64(bitPattern: record.askQuantity)
    case .reference: record.reference
    }
  }

  /// Zigzag, then seven bits a byte, low ones first; at most ten bytes.
  private static func put(
    _ difference: UInt64, _ raw: UnsafeMutableRawBufferPointer, _ start: Int
  ) -> Int {
    let signed = Int64(bitPattern: difference)
    var rest = UInt64(bitPattern: signed << 1 ^ signed >> 63)
    var at = start
    while rest >= 0x80 {
      unsafe raw[at] = UInt8(truncatingIfNeeded: rest) | 0x80
      rest >>= 7
      at += 1
    }
    unsafe raw[at] = UInt8(truncatingIfNeeded: rest)
    return at + 1
  }

  // MARK: Reading

  /// Decodes `count` records out of the first `length` bytes of `raw`; what is wrong in words, or nil.
  mutating func decode(
    _ raw: [UInt8], _ length: Int, count: Int, records: inout [FeedRecord],
    receiveTimes: inout [Int64]
  ) -> String? {
    guard count <= Self.blockMax, count <= records.count, count <= receiveTimes.count,
      length <= raw.count
    else { return "more records than a block has" }
    for index in 0..<count { records[index] = FeedRecord() }
    var at = 0
    for column in CaptureColumn.allCases {
      var source = ByteSource(raw, from: at, to: length)
      guard let size = source.word(UInt32.self), Int(size) <= length - at - Self.lengthWord else {
        return "column \(column.rawValue) is longer than the block"
      }
      at += Self.lengthWord
      let end = at + Int(size)
      let isWhole = unsafe raw.withUnsafeBytes {
        unsafe decode(
          column, UnsafeRawBufferPointer(rebasing: $0[at..<end]), count, &records, &receiveTimes)
      }
      guard isWhole else { return "column \(column.rawValue) does not fit its \(count) records" }
      at = end
    }
    return at == length ? nil : "bytes behind its last column"
  }

  private mutating func decode(
    _ column: CaptureColumn, _ raw: UnsafeRawBufferPointer, _ count: Int,
    _ records: inout [FeedRecord], _ receiveTimes: inout [Int64]
  ) -> Bool {
    var at = 0
    if column.encoding == .raw {
      guard raw.count == count else { return false }
      for index in 0..<count {
        unsafe Self.set(column, &records[index], &receiveTimes[index], UInt64(raw[index]))
      }
      return true
    }
    if column.encoding == .contextDelta { forget() }
    var before: UInt64 = 0
    for index in 0..<count {
      guard let difference = unsafe Self.take(raw, &at) else { return false }
      switch column.encoding {
      case .contextDelta:
        let context = Self.context(records[index])
        last[context] = last[context] &+ difference
        before = last[context]
      case .delta: before = before &+ difference
      case .plain, .raw: before = difference
      }
      if column == .instrument, before > UInt64(UInt32.max) { return false }
      Self.set(column, &records[index], &receiveTimes[index], before)
    }
    return at == raw.count
  }

  private static func set(
    _ column: CaptureColumn, _ record: inout FeedRecord, _ receiveTime: inout Int64,
    _ value: UInt64
  ) {
    switch column {
    case .kind: record.kind = UInt8(truncatingIfNeeded: value)
    case .side: record.side = UInt8(truncatingIfNeeded: value)
    case .flags: record.flags = FeedRecord.Flags(rawValue: UInt8(truncatingIfNeeded: value))
    case .detail: record.detail = UInt8(truncatingIfNeeded: value)
    case .instrument: record.instrument = UInt32(truncatingIfNeeded: value)
    case .sessionTime: record.sessionTime = Int64(bitPattern: value)
    case .receiveTime: receiveTime = Int64(bitPattern: value)
    case .sequence: record.sequence = value
    case .price: record.price = Int64(bitPattern: value)
    case .quantity: record.quantity = Int64(bitPattern: value)
    case .askPrice: record.askPrice = Int64(bitPattern: value)
    case .askQuantity: record.askQuantity = Int64(bitPattern: value)
    case .reference: record.reference = value
    }
  }

  /// nil where a varint is cut, or has more than 64 bits.
  private static func take(_ raw: UnsafeRawBufferPointer, _ at: inout Int) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while at < raw.count {
      let byte = unsafe UInt64(raw[at])
      at += 1
      if shift == 63, byte > 1 { return nil }
      value |= (byte & 0x7f) << shift
      if byte < 0x80 { return value >> 1 ^ (0 &- (value & 1)) }
      shift += 7
      if shift > 63 { return nil }
    }
    return nil
  }
}
