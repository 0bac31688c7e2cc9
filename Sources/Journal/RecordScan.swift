internal import CSupport
internal import ExecutionCore

/// Finds records in bytes that are not believed. Pure functions.
enum RecordScan {
  /// What lies at an offset.
  enum Found: Equatable {
    case record(length: Int)
    /// Nothing but zeros to the end.
    case nothing
    case bad(String)
  }

  static let lengthMin = 56
  static let headerBytes = 48

  static func header(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> RecordHeader {
    unsafe bytes.loadUnaligned(fromByteOffset: offset, as: RecordHeader.self)
  }

  /// Looks at one record: bounds, then checksum. `end` bounds what may be read.
  static func look(_ bytes: UnsafeRawBufferPointer, _ offset: Int, _ end: Int) -> Found {
    let left = end - offset
    guard left >= lengthMin else {
      return unsafe isZero(bytes, offset, end) ? .nothing : .bad("\(left) bytes are no record")
    }
    let length = Int(unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    if length == 0, unsafe isZero(bytes, offset, end) { return .nothing }
    guard length >= lengthMin, length <= RecordHeader.lengthMax, length % 8 == 0 else {
      return .bad("a record cannot be \(length) bytes long")
    }
    guard length <= left else {
      return .bad("a record of \(length) bytes where the file has \(left) left")
    }
    let base = unsafe bytes.baseAddress.unsafelyUnwrapped + offset
    let stored = unsafe bytes.loadUnaligned(fromByteOffset: offset + length - 4, as: UInt32.self)
    guard unsafe nt_crc32c(0, base, length - 4) == stored else {
      return .bad("the checksum of the record does not match")
    }
    return .record(length: length)
  }

  static func isZero(_ bytes: UnsafeRawBufferPointer, _ from: Int, _ end: Int) -> Bool {
    var offset = from
    while offset + 8 <= end {
      if unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != 0 { return false }
      offset += 8
    }
    while offset < end {
      if unsafe bytes[offset] != 0 { return false }
      offset += 1
    }
    return true
  }

  /// The first whole, well-numbered record behind a bad place: the difference between a torn tail and
  /// corruption. Records begin at multiples of 8.
  static func laterRecord(
    _ bytes: UnsafeRawBufferPointer, after offset: Int, _ end: Int, expected: UInt64
  ) -> Int? {
    var at = (offset / 8 + 1) * 8
    // No more records than this fit in between, so higher numbers are chance.
    let highest = expected &+ UInt64(max(0, end - offset) / lengthMin) &+ 1
    while at + lengthMin <= end {
      let length = Int(unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
      if length >= lengthMin, length <= min(RecordHeader.lengthMax, end - at), length % 8 == 0 {
        let header = unsafe header(bytes, at)
        if RecordType(rawValue: header.type) != nil, header.sequence >= expected,
          header.sequence <= highest, case .record = unsafe look(bytes, at, end)
        {
          return at
        }
      }
      at += 8
    }
    return nil
  }

  /// First and last sequence of whole records from behind the segment header; 0 and 0 without any.
  /// The padding record at the end uses up no number.
  static func sequences(_ bytes: UnsafeRawBufferPointer) -> (first: UInt64, last: UInt64) {
    var first: UInt64 = 0
    var last: UInt64 = 0
    var offset = SegmentHeader.bytes
    while case .record(let length) = unsafe look(bytes, offset, bytes.count) {
      let header = unsafe header(bytes, offset)
      if header.type != RecordType.padding.rawValue {
        if first == 0 { first = header.sequence }
        last = header.sequence
      }
      offset += length
    }
    return (first, last)
  }
}
