public import ExecutionCore
internal import Glibc

/// Writes a recording (`.ntc`, Format.md) of L1, L2 and L3 records.
///
/// It is written beside its place, as `FILE.partial`, and takes its place with ``finish()``: who finds a `.ntc` finds
/// it whole. What a killed writer leaves is readable up to its last block. Threading: one thread. Memory: one block,
/// and 64 bytes a block for the index. Not for the hot path: it allocates and waits for the disk.
///
/// ```swift
/// var recorder = try CaptureRecorder(path: "day.ntc", header: header)
/// try recorder.append(record, receiveTime: stamp)
/// try recorder.finish()
/// ```
@safe public struct CaptureRecorder: ~Copyable {
  public var path: String { output.path }
  /// Where it is written until it is whole.
  public var partialPath: String { output.partialPath }
  /// Records so far.
  public private(set) var records: UInt64 = 0
  /// Of the records so far.
  public private(set) var hash = CaptureHash()
  /// Bytes written so far.
  public var bytes: UInt64 { output.bytes }

  private let instruments: UInt32
  private let blockRecords: Int
  private let output: CaptureOutput
  private var isFinished = false
  private let packer: BlockPacker
  private var columns = CaptureColumns()
  private var index = CaptureIndex()
  private var pending: [FeedRecord] = []
  private var pendingTimes: [Int64] = []
  private var span = CaptureSpan()
  private var raw = [UInt8](repeating: 0, count: CaptureColumns.rawMax)
  private var packed = [UInt8](repeating: 0, count: CaptureBlockHead.packedMax)

  /// Makes the file and writes its header. Throws where there is one already, unless it `replaces` it.
  public init(
    path: String, header: CaptureHeader, replaces: Bool = false
  ) throws(CaptureOutputError) {
    try self.init(
      path: path, header: header, replaces: replaces, blockRecords: CaptureColumns.blockMax)
  }

  /// With fewer records a block than a whole one has, for tests.
  init(
    path: String, header: CaptureHeader, replaces: Bool = false, blockRecords: Int
  ) throws(CaptureOutputError) {
    if let problem = header.problem {
      throw CaptureOutputError(
        path: path, cause: .refused, problem: "its header is refused: \(problem)",
        remedy: "state what the format holds")
    }
    let encoded = header.encoded()
    guard encoded.count <= CaptureHeader.bytesMax else {
      throw CaptureOutputError(
        path: path, cause: .refused, problem: "its header has \(encoded.count) bytes",
        remedy: "\(CaptureHeader.bytesMax) are the most: record fewer instruments")
    }
    guard let packer = BlockPacker() else {
      throw CaptureOutputError(
        path: path, cause: .create(ENOMEM), problem: "no memory to compress with",
        remedy: "free some memory")
    }
    let output = try CaptureOutput(path: path, replaces: replaces)
    try output.write(encoded, encoded.count)
    self.init(output, packer, instruments: header.instruments.count, blockRecords: blockRecords)
  }

  private init(
    _ output: CaptureOutput, _ packer: BlockPacker, instruments: Int, blockRecords: Int
  ) {
    self.output = output
    self.packer = packer
    self.blockRecords = min(max(blockRecords, 1), CaptureColumns.blockMax)
    self.instruments = UInt32(truncatingIfNeeded: instruments)
    pending.reserveCapacity(CaptureColumns.blockMax)
    pendingTimes.reserveCapacity(CaptureColumns.blockMax)
  }

  /// Adds a record. `receiveTime` is when this side had it, nanoseconds since 1970 UTC; 0 where that is not known.
  /// Throws for an instrument that the header does not describe, and when a block cannot be written.
  public mutating func append(
    _ record: FeedRecord, receiveTime: Int64 = 0
  ) throws(CaptureOutputError) {
    guard record.instrument < instruments || record.instrument == FeedRecord.all else {
      throw CaptureOutputError(
        path: path, cause: .refused,
        problem: "a record is of instrument \(record.instrument), the header has \(instruments)",
        remedy: "describe each instrument in the header")
    }
    if pending.isEmpty {
      span = CaptureSpan()
      span.first = record.sessionTime
    }
    span.last = record.sessionTime
    span.lowest = min(span.lowest, record.sessionTime)
    span.highest = max(span.highest, record.sessionTime)
    span.lowestInstrument = min(span.lowestInstrument, record.instrument)
    span.highestInstrument = max(span.highestInstrument, record.instrument)
    pending.append(record)
    pendingTimes.append(receiveTime)
    hash.add(record, receiveTime: receiveTime)
    records += 1
    if pending.count == blockRecords { try writeBlock() }
  }

  /// Writes what is left, the index and the tail, and gives the file its name. Afterwards nothing more may be
  /// appended.
  public mutating func finish() throws(CaptureOutputError) {
    guard !isFinished else { return }
    try writeBlock()
    index.records = records
    index.hash = hash.value
    let end = index.encoded(at: output.bytes)
    try output.write(end, end.count)
    try output.finish()
    isFinished = true
  }

  /// Removes what was written, of a recording that nobody wants.
  public mutating func discard() {
    guard !isFinished else { return }
    output.discard()
    isFinished = true
  }

  private mutating func writeBlock() throws(CaptureOutputError) {
    guard !pending.isEmpty else { return }
    var head = CaptureBlockHead()
    head.rawLength = columns.encode(pending, pendingTimes, into: &raw)
    guard
      let length = packer.pack(raw, head.rawLength, into: &packed, at: CaptureBlockHead.size)
    else { throw output.failure("a block cannot be compressed", ENOMEM) }
    head.packedLength = length
    head.count = pending.count
    head.firstRecord = records - UInt64(pending.count)
    head.times = span
    head.hash = hash.value
    var sink = ByteSink(bytes: head.encoded())
    for place in sink.bytes.indices { packed[place] = sink.bytes[place] }
    sink.put(Checksum.of(packed, from: 8, to: head.length), at: 4)
    for place in 4..<8 { packed[place] = sink.bytes[place] }
    index.entries.append(CaptureIndexEntry(head, offset: output.bytes))
    guard index.entries.count <= CaptureIndex.blocksMax else {
      throw output.failure("has more blocks than an index holds", EFBIG)
    }
    try output.write(packed, head.length)
    pending.removeAll(keepingCapacity: true)
    pendingTimes.removeAll(keepingCapacity: true)
  }
}
