internal import CSupport
internal import Glibc

/// One segment as its writer has it: the file, and the memory into which the engine appends.
///
/// In mode shared that memory is the file, mapped MAP_SHARED: what is stored there belongs to the
/// kernel and survives SIGKILL. In mode memory it is anonymous and copied out by the journal thread.
///
/// Threading: the journal thread's; the engine reaches `descriptor` through the lane only.
@safe final class SegmentFile {
  let number: UInt64
  let path: String
  let capacity: Int
  let isShared: Bool
  /// The lane's description; lives as long as this object.
  let descriptor: UnsafeMutablePointer<nt_lane_segment>
  private let disk: Disk
  private let facts: JournalFacts
  private let file: Int32
  private let base: UnsafeMutableRawPointer
  /// Bytes that are in the file, header included (mode memory; in mode shared all are).
  private var copied = SegmentHeader.bytes
  /// Bytes known to be durable, header included.
  private(set) var committed = SegmentHeader.bytes
  private var prefaultedTo = 0

  /// Creates the file under a temporary name, preallocates, maps and prefaults it, and only then
  /// gives it its name: a segment that can be seen is a segment that can be written.
  init(
    number: UInt64, in directory: DataDirectory, capacity: Int, isShared: Bool,
    facts: JournalFacts
  ) throws(JournalError) {
    let disk = directory.disk
    let path = directory.file(number)
    let temporary = path + ".new"
    let file = try disk.open(
      temporary, O_RDWR | O_CREAT | O_TRUNC, doing: "cannot create a journal segment")
    do throws(JournalError) {
      try disk.preallocate(file, capacity, temporary)
      let header = SegmentHeader(number: number, capacity: UInt64(capacity), facts: facts)
      let raw = header.encoded()
      try writeBytes(raw, disk, file, 0, temporary)
      let base = try unsafe disk.map(isShared ? file : -1, capacity, temporary)
      unsafe self.base = base
      do throws(JournalError) {
        if !isShared {
          unsafe raw.withUnsafeBytes {
            unsafe base.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: raw.count)
          }
        }
        try disk.sync(file, temporary)
        try disk.rename(temporary, path)
        try disk.syncDirectory(directory.path)
      } catch {
        unsafe disk.unmap(base, capacity)
        throw error
      }
    } catch {
      disk.close(file)
      try? disk.remove(temporary)
      throw error
    }
    self.disk = disk
    self.file = file
    self.facts = facts
    self.number = number
    self.path = path
    self.capacity = capacity
    self.isShared = isShared
    unsafe descriptor = .allocate(capacity: 1)
    unsafe descriptor.initialize(
      to: nt_lane_segment(
        base: base.assumingMemoryBound(to: UInt8.self), capacity: UInt64(capacity),
        start: UInt64(SegmentHeader.bytes),
        published: (base + SegmentHeader.publishedOffset).assumingMemoryBound(to: UInt64.self),
        number: number))
  }

  deinit {
    unsafe disk.unmap(base, capacity)
    disk.close(file)
    unsafe descriptor.deallocate()
  }

  /// Bytes the engine has published, header included. Acquire pairs with `nt_lane_publish`.
  var published: Int {
    Int(truncatingIfNeeded: unsafe nt_lane_load_published(descriptor.pointee.published))
  }

  var isEmpty: Bool { published == SegmentHeader.bytes }

  /// Brings what is published into the file (mode memory), records first, then the word that says so.
  func copyOut() throws(JournalError) {
    let end = published
    guard !isShared, end > copied else { return }
    try unsafe disk.write(
      file, UnsafeRawBufferPointer(start: base + copied, count: end - copied), at: copied, path)
    try writeWord(UInt64(end), at: SegmentHeader.publishedOffset)
    copied = end
  }

  /// Makes what is in the file durable and says so in the header.
  func flush() throws(JournalError) {
    let end = isShared ? published : copied
    guard end > committed else { return }
    if isShared {
      // Only pages with new records: the pages ahead stay writable without a fault.
      let page = 4096
      let first = committed / page * page
      try unsafe disk.sync(base + first, end - first, path)
    } else {
      try disk.sync(file, path)
    }
    committed = end
    if isShared {
      unsafe nt_segment_store(base + SegmentHeader.committedOffset, UInt64(end))
    } else {
      try writeWord(UInt64(end), at: SegmentHeader.committedOffset)
    }
  }

  /// Write-faults the pages just ahead of the engine again, which the kernel's own write-back may have
  /// made read-only, so that the engine does not take the fault.
  func prefaultAhead() {
    let window = 1 << 18
    let from = published / 4096 * 4096
    guard isShared, from + window / 2 > prefaultedTo, from < capacity else { return }
    let bytes = min(window, capacity - from)
    unsafe disk.prefault(base + from, bytes)
    prefaultedTo = from + bytes
  }

  private func writeWord(_ value: UInt64, at offset: Int) throws(JournalError) {
    var raw = [UInt8](repeating: 0, count: 8)
    put(&raw, 0, value)
    try writeBytes(raw, disk, file, offset, path)
  }

  /// Ends the segment for good: all bytes durable, cut to its used length, header sealed. The engine
  /// must have left it.
  func seal() throws(JournalError) {
    try copyOut()
    try flush()
    let end = published
    try unsafe SegmentFile.seal(
      file, path, disk,
      SegmentHeader(number: number, capacity: UInt64(capacity), facts: facts),
      UnsafeRawBufferPointer(start: base, count: end))
  }

  /// Ends a segment that a crash left open: cuts it behind its last whole record and seals it, or
  /// removes it when it has none. Its records have been checked before.
  static func finish(_ path: String, _ disk: Disk) throws(JournalError) {
    let content = try SegmentContent(path, isBeingWritten: false, disk)
    guard !content.header.isSealed else { return }
    var end = SegmentHeader.bytes
    while case .record(let length) = unsafe RecordScan.look(
      content.bytes, end, content.bytes.count)
    {
      end += length
    }
    guard end > SegmentHeader.bytes else { return try disk.remove(path) }
    let file = try disk.open(path, O_RDWR, doing: "cannot open")
    defer { disk.close(file) }
    try disk.sync(file, path)
    try unsafe seal(
      file, path, disk, content.header, UnsafeRawBufferPointer(rebasing: content.bytes[..<end]))
  }

  /// Seals a file whose records, header included, are `content`: cuts it there and writes the header.
  static func seal(
    _ file: Int32, _ path: String, _ disk: Disk, _ open: SegmentHeader,
    _ content: UnsafeRawBufferPointer
  ) throws(JournalError) {
    var header = open
    header.published = UInt64(content.count)
    header.committed = UInt64(content.count)
    let sequences = unsafe RecordScan.sequences(content)
    header.firstSequence = sequences.first
    header.lastSequence = sequences.last
    header.isSealed = true
    try disk.truncate(file, content.count, path)
    try writeBytes(header.encoded(), disk, file, 0, path)
    try disk.sync(file, path)
  }
}

private func writeBytes(
  _ raw: [UInt8], _ disk: Disk, _ file: Int32, _ offset: Int, _ path: String
) throws(JournalError) {
  // withUnsafeBytes cannot rethrow a typed error through its own generic one on every path.
  let result: Result<Void, JournalError> = unsafe raw.withUnsafeBytes { bytes in
    do throws(JournalError) {
      try unsafe disk.write(file, bytes, at: offset, path)
      return .success(())
    } catch {
      return .failure(error)
    }
  }
  try result.get()
}
