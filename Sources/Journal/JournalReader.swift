public import ExecutionCore
internal import Glibc

/// One record as it lies in a segment. Valid only within the call that hands it over.
///
/// Bounds, checksum, type and sequence have been checked; the meaning of the payload has not.
@safe public struct JournalRecord {
  public let header: RecordHeader
  public let type: RecordType
  /// Segment file and the record's first byte in it.
  public let file: String
  public let offset: Int
  let bytes: UnsafeRawBufferPointer

  /// Payload bytes including up to 7 of zero padding.
  public var payloadCount: Int { unsafe bytes.count - RecordScan.headerBytes - 4 }

  /// An integer of the payload; nil beyond its end.
  public func load<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as: T.Type) -> T? {
    guard offset >= 0, offset <= payloadCount - MemoryLayout<T>.size else { return nil }
    return unsafe bytes.loadUnaligned(
      fromByteOffset: RecordScan.headerBytes + offset, as: T.self)
  }

  /// A copy of the payload, padding included.
  public var payload: [UInt8] {
    unsafe Array(bytes[RecordScan.headerBytes..<(bytes.count - 4)])
  }

  /// Whether the payload has the size of this layout, padding to 8 allowed for.
  public func fits<T: BitwiseCopyable>(_: T.Type) -> Bool {
    let size = MemoryLayout<T>.size
    return payloadCount >= size && payloadCount < size + 8
  }
}

/// How a journal ends.
public struct JournalEnd: Sendable, Equatable {
  /// Bytes behind the last whole record that are no record, and nothing whole behind them: what a
  /// crash in the middle of a write leaves. Never acknowledged in mode disk.
  public struct TornTail: Sendable, Equatable {
    public var file: String
    public var offset: Int
    public var reason: String
  }
  public var records: UInt64 = 0
  /// 0 when there are none.
  public var firstSequence: UInt64 = 0
  public var lastSequence: UInt64 = 0
  /// A writer has the directory open: what follows is still being written.
  public var isBeingWritten = false
  /// The last segment was closed in an orderly way.
  public var isSealed = false
  public var torn: TornTail?
  public init() {}
}

/// Reads a segment file or all segments of a data directory, and believes nothing: header, lengths,
/// checksums, types and the density of sequences are checked.
///
/// Of a journal that is being written it reads what is published. Segments are read, not mapped, so
/// that a file cut under the reader is an error and not a signal; one segment is in memory at a time.
///
/// Threading: a value; each `read` is on its own.
public struct JournalReader: Sendable {
  public let path: String
  private let files: [String]
  /// The directory's numbers, in step with `files`; empty for a lone file.
  private let numbers: [UInt64]
  private let directory: String
  private let disk = Disk()

  /// Throws `.notFound` when there is no such path, or no segment in the directory.
  public init(_ path: String) throws(JournalError) {
    self.path = path
    guard try disk.isDirectory(path) else {
      files = [path]
      numbers = []
      directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
      return
    }
    directory = path
    let data = DataDirectory(path: path, disk: disk)
    numbers = try data.segments()
    files = numbers.map(data.file)
    if files.isEmpty {
      throw JournalError(
        .notFound, "there is no journal in this directory", file: path,
        remedy:
          "give the --data directory of a run, or one of its \(DataDirectory.fileName(1)) files")
    }
  }

  /// Hands over every record in order, padding left out, until the body returns false. What is whole
  /// before a corruption has been handed over when that is thrown.
  public func read(_ body: (JournalRecord) -> Bool) throws(JournalError) -> JournalEnd {
    try read(isBeingWritten: DataDirectory.isInUse(directory), body)
  }

  func read(isBeingWritten: Bool, _ body: (JournalRecord) -> Bool) throws(JournalError)
    -> JournalEnd
  {
    var walk = JournalWalk(isBeingWritten: isBeingWritten)
    if numbers.first == 1 { walk.expected = 1 }
    for (i, file) in files.enumerated() {
      if i > 0, numbers[i] != numbers[i - 1] + 1 {
        throw JournalError(
          .corruption,
          "the segment before this one, \(DataDirectory.fileName(numbers[i] - 1)), is missing",
          file: file, remedy: "restore the missing file from a copy")
      }
      let segment = try SegmentContent(file, isBeingWritten: walk.isBeingWritten, disk)
      if i < numbers.count, segment.header.number != numbers[i] {
        throw JournalError(
          .corruption, "the header says segment \(segment.header.number)", file: file, offset: 16,
          remedy: "give the file its right name back")
      }
      guard try walk.segment(segment, isLast: i == files.count - 1, body) else { break }
    }
    return walk.end
  }
}

/// A segment file's bytes, read once.
@safe final class SegmentContent {
  let file: String
  let header: SegmentHeader
  let bytes: UnsafeRawBufferPointer

  /// Reads what is published while the journal is being written, else the whole file.
  init(_ file: String, isBeingWritten: Bool, _ disk: Disk) throws(JournalError) {
    let descriptor = try disk.open(file, O_RDONLY, doing: "cannot open")
    defer { disk.close(descriptor) }
    let size = try disk.size(descriptor, file)
    let sizeMax = JournalOptions.segmentBytesMax
    guard size <= sizeMax else {
      throw JournalError(
        .unsupported, "\(size) bytes are more than a segment can have (\(sizeMax))", file: file,
        remedy: "give a journal segment")
    }
    // The header first: records up to its published word are whole from then on.
    let headerBytes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: SegmentHeader.bytes, alignment: 8)
    defer { unsafe headerBytes.deallocate() }
    let got = try unsafe disk.read(descriptor, headerBytes, at: 0, file)
    header = try SegmentHeader(decoding: unsafe Array(headerBytes[..<got]), file: file)
    let wanted = isBeingWritten && !header.isSealed ? min(size, Int(header.published)) : size
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: wanted, alignment: 4096)
    do throws(JournalError) {
      let count = try unsafe disk.read(descriptor, buffer, at: 0, file)
      unsafe bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
    } catch {
      unsafe buffer.deallocate()
      throw error
    }
    self.file = file
  }

  deinit { unsafe bytes.deallocate() }
}

/// The state of a walk over segments.
struct JournalWalk {
  var end = JournalEnd()
  /// Sequence of the next record; nil before the first record of a journal whose beginning is absent.
  var expected: UInt64?
  let isBeingWritten: Bool
  /// A segment ended without padding record or seal: nothing may follow it.
  private var openSegment: String?

  init(isBeingWritten: Bool) {
    self.isBeingWritten = isBeingWritten
    end.isBeingWritten = isBeingWritten
  }

  /// Walks one segment. False when the body wants no more or a journal that is being written ends here.
  mutating func segment(
    _ segment: SegmentContent, isLast: Bool, _ body: (JournalRecord) -> Bool
  ) throws(JournalError) -> Bool {
    let bytes = unsafe segment.bytes
    let header = segment.header
    end.isSealed = header.isSealed
    // Of a closed segment nothing counts that was not there when it was closed.
    let limit = header.isSealed ? min(bytes.count, Int(header.published)) : bytes.count
    var offset = SegmentHeader.bytes
    while case .record(let length) = unsafe RecordScan.look(bytes, offset, limit) {
      let head = unsafe RecordScan.header(bytes, offset)
      guard let type = try check(head, segment, offset) else {
        offset += length
        try ended(segment, offset, isPadded: true, isLast: isLast)
        return true
      }
      let record = unsafe JournalRecord(
        header: head, type: type, file: segment.file, offset: offset,
        bytes: UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + length)]))
      end.records += 1
      if end.firstSequence == 0 { end.firstSequence = head.sequence }
      end.lastSequence = head.sequence
      expected = head.sequence &+ 1
      offset += length
      if !body(record) { return false }
    }
    try ended(segment, offset, isPadded: false, isLast: isLast)
    return header.isSealed || !isBeingWritten
  }

  /// The type, nil for padding; throws when number, type or place cannot be.
  private func check(_ head: RecordHeader, _ segment: SegmentContent, _ offset: Int)
    throws(JournalError) -> RecordType?
  {
    if let openSegment {
      throw corrupt(
        segment, offset, "a record follows, but \(openSegment) before it has no proper end")
    }
    let wanted = expected ?? head.sequence
    guard head.sequence == wanted, head.sequence != 0 else {
      throw corrupt(
        segment, offset, "record \(wanted) is expected here and record \(head.sequence) found")
    }
    guard let type = RecordType(rawValue: head.type) else {
      throw JournalError(
        .unsupported, "record \(head.sequence) is whole, but its type \(head.type) is not known",
        file: segment.file, offset: offset,
        remedy: "read it with the build that wrote it, or a later one")
    }
    return type == .padding ? nil : type
  }

  /// Judges what lies behind the last whole record.
  private mutating func ended(
    _ segment: SegmentContent, _ offset: Int, isPadded: Bool, isLast: Bool
  ) throws(JournalError) {
    let bytes = unsafe segment.bytes
    let header = segment.header
    if header.isSealed, Int(header.published) != bytes.count {
      throw corrupt(
        segment, offset,
        "the file has \(bytes.count) bytes, but was closed with \(header.published)")
    }
    if offset == bytes.count, header.isSealed || isBeingWritten || isPadded {
      return try checkSeal(segment)
    }
    let found = unsafe RecordScan.look(bytes, offset, bytes.count)
    var reason: String
    switch found {
    case .nothing:
      guard header.isSealed || max(header.published, header.committed) > UInt64(offset) else {
        if !isPadded && offset > SegmentHeader.bytes { openSegment = segment.file }
        return
      }
      reason = "there are zeros where records were published"
    case .bad(let what): reason = what
    case .record: reason = "a record lies behind the one that ends the segment"
    }
    if header.isSealed || isPadded || isBeingWritten { throw corrupt(segment, offset, reason) }
    if header.committed > UInt64(offset) {
      throw corrupt(
        segment, offset, reason + ", although everything up to byte \(header.committed) was durable"
      )
    }
    if let later = unsafe RecordScan.laterRecord(
      bytes, after: offset, bytes.count, expected: expected ?? 1)
    {
      throw corrupt(segment, offset, reason + ", and a whole record follows at byte \(later)")
    }
    openSegment = segment.file
    end.torn = JournalEnd.TornTail(file: segment.file, offset: offset, reason: reason)
  }

  private func checkSeal(_ segment: SegmentContent) throws(JournalError) {
    let header = segment.header
    guard header.isSealed else { return }
    let (first, last) = unsafe RecordScan.sequences(segment.bytes)
    guard header.firstSequence == first, header.lastSequence == last,
      header.committed == header.published
    else {
      throw corrupt(
        segment, 256, "the header says records \(header.firstSequence) to \(header.lastSequence)")
    }
  }

  private func corrupt(_ segment: SegmentContent, _ offset: Int, _ what: String) -> JournalError {
    let whole = end.lastSequence
    let remedy =
      "do not trade on this directory: restore the file from a copy"
      + (whole == 0 ? "" : "; records up to \(whole) are whole (journal show --to \(whole))")
    return JournalError(
      .corruption, what, file: segment.file, offset: offset, remedy: remedy)
  }
}
