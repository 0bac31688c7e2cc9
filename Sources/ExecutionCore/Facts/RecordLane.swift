internal import CSupport

/// The engine's end of the journal: whole records are appended here by the hot thread.
///
/// A borrowed pointer to a lane of `nt_lane.h`, whose owner (the Journal module's writer, or a
/// ``MemoryLane``) must outlive it. Appending neither enters the kernel nor allocates.
///
/// Threading: one thread appends and reads ``nextSequence``; the counters may be read by any.
@safe @frozen public struct RecordLane: BitwiseCopyable, @unchecked Sendable {
  @usableFromInline let raw: UnsafeMutableRawPointer

  /// Lane of `nt_lane.h` at this address; the owner keeps it alive.
  public init(lane: UnsafeMutableRawPointer) { unsafe raw = lane }

  var lane: UnsafeMutablePointer<nt_lane> {
    unsafe raw.assumingMemoryBound(to: nt_lane.self)
  }

  /// Sequence of the record that is appended next; stays what it is when an append is refused.
  public var nextSequence: UInt64 {
    @_noLocks get { unsafe lane.pointee.next_sequence }
  }

  /// The next record has this number. For replays, whose records nobody keeps.
  func renumber(from sequence: UInt64) { unsafe lane.pointee.next_sequence = sequence }

  /// Appends header, payload, padding and checksum, and publishes the record.
  ///
  /// The lane sets `length` and `sequence` of the header. `privileged` records (cancels, reports,
  /// executions, state changes) may use the reserve and are taken from a failed journal too.
  /// Returns the sequence, or 0 when refused: lane full, journal failed, or payload above
  /// ``payloadMax``.
  @_noLocks public func append(
    _ header: RecordHeader, _ payload: UnsafeRawPointer?, _ count: Int, privileged: Bool
  ) -> UInt64 {
    var header = header.inLane
    // A count that does not fit is above every maximum, and refused as such.
    let bytes =
      count < 0 || count > Self.payloadMax ? UInt32.max : UInt32(truncatingIfNeeded: count)
    return unsafe nt_lane_append(lane, &header, payload, bytes, privileged)
  }

  /// Appends into the place that is kept for one record of at most 16 bytes of payload behind all others, once: that
  /// records are missing from here on.
  func appendLast<Payload: BitwiseCopyable>(_ header: RecordHeader, _ payload: Payload) {
    var header = header.inLane
    unsafe withUnsafePointer(to: payload) {
      _ = unsafe nt_lane_append_last(
        lane, &header, UnsafeRawPointer($0), UInt32(MemoryLayout<Payload>.size))
    }
  }

  /// Appends a fixed-layout payload, as ``append(_:_:_:privileged:)``.
  @inlinable public func append<Payload: BitwiseCopyable>(
    _ header: RecordHeader, _ payload: Payload, privileged: Bool
  ) -> UInt64 {
    unsafe withUnsafePointer(to: payload) {
      unsafe append(
        header, UnsafeRawPointer($0), MemoryLayout<Payload>.size, privileged: privileged)
    }
  }

  /// True when an ordinary record with this payload would be taken now.
  @_noLocks public func hasRoom(payloadBytes: Int) -> Bool {
    guard payloadBytes >= 0, payloadBytes <= Self.payloadMax else { return false }
    let bytes = UInt32(truncatingIfNeeded: payloadBytes)
    return unsafe nt_lane_has_room(lane, UInt64(nt_record_length(bytes)))
  }

  /// Bytes of a record around a payload of whole words: header, four zeros, checksum.
  static var frameBytes: Int { 56 }

  /// Where a record with a payload of whole words is laid out in place, to be ended with
  /// ``end(_:payloadBytes:)``; nil, counted, when it is refused.
  @inline(__always) func begin(
    payloadBytes: Int, privileged: Bool
  ) -> UnsafeMutablePointer<UInt64>? {
    let bytes = UInt64(truncatingIfNeeded: payloadBytes &+ Self.frameBytes)
    guard let place = unsafe nt_lane_begin(lane, bytes, privileged) else { return nil }
    return unsafe UnsafeMutableRawPointer(place).assumingMemoryBound(to: UInt64.self)
  }
  @inline(__always) func end(_ record: UnsafeMutablePointer<UInt64>, payloadBytes: Int) {
    unsafe nt_lane_end(lane, record, UInt32(truncatingIfNeeded: payloadBytes &+ Self.frameBytes))
  }

  /// True when an ordinary record of any size would be taken now.
  @inline(__always) var hasRoomForAny: Bool {
    unsafe nt_lane_has_room(lane, UInt64(RecordHeader.lengthMax))
  }

  /// The journal's errno, 0 while it is healthy. Once set, ordinary appends are refused for good.
  public var failure: Int32 {
    @_noLocks get { unsafe nt_lane_load_failed(lane) }
  }
  /// Records appended and appends refused since the lane was made.
  public var appended: UInt64 { unsafe nt_lane_load_appended(lane) }
  public var refused: UInt64 { unsafe nt_lane_load_refused(lane) }

  /// Largest payload of one record.
  @inlinable public static var payloadMax: Int { 4044 }
}

extension RecordHeader {
  /// Length and sequence are the lane's.
  fileprivate var inLane: nt_record_header {
    @_noLocks get {
      nt_record_header(
        length: 0, type: type, version: version, sequence: 0, session_time: sessionTime,
        machine_time: machineTime, cause: cause, account: account, strategy: strategy)
    }
  }
}

/// A lane of one anonymous segment and no journal behind it: for tests and benchmarks of the engine.
///
/// Threading: as ``RecordLane``.
@safe public struct MemoryLane: ~Copyable {
  private let memory: UnsafeMutableRawPointer
  private let bytes: Int
  /// Valid as long as this owner lives.
  public let lane: RecordLane

  /// `bytes` of records, of which `reserve` are kept for privileged ones; numbering begins with
  /// `firstSequence`. Touches all of the memory.
  public init(bytes: Int, reserve: Int = 0, firstSequence: UInt64 = 1) {
    self.init(untouched: bytes, reserve: reserve, firstSequence: firstSequence)
    unsafe memory.initializeMemory(
      as: SIMD64<UInt8>.self, repeating: .zero, count: self.bytes / 64 + 1)
    rewind()
  }

  /// Touches only what is written.
  init(untouched bytes: Int, reserve: Int = 0, firstSequence: UInt64 = 1) {
    let size = (max(bytes, 4096) + 63) & ~63
    unsafe memory = UnsafeMutableRawPointer.allocate(byteCount: size + 64, alignment: 64)
    self.bytes = size
    let segment = unsafe nt_lane_segment(
      base: memory.assumingMemoryBound(to: UInt8.self), capacity: UInt64(size + 64), start: 64,
      published: memory.assumingMemoryBound(to: UInt64.self), number: 1)
    guard let made = unsafe nt_lane_create(segment, firstSequence, UInt64(max(0, reserve))) else {
      fatalError("out of memory for a journal lane of \(size) bytes")
    }
    unsafe lane = RecordLane(lane: UnsafeMutableRawPointer(made))
  }

  /// The records appended so far, as they would lie in a file; valid until the next ``rewind()``.
  public var records: UnsafeRawBufferPointer {
    let end = unsafe nt_lane_load_published(memory.assumingMemoryBound(to: UInt64.self))
    return unsafe UnsafeRawBufferPointer(start: memory + 64, count: Int(end) - 64)
  }

  /// Forgets the records, keeps the numbering. Only between appends of the owning thread.
  public func rewind() {
    unsafe lane.lane.pointee.offset = 64
    unsafe memory.storeBytes(of: 64, as: UInt64.self)
  }

  deinit {
    unsafe nt_lane_destroy(lane.lane)
    unsafe memory.deallocate()
  }
}
