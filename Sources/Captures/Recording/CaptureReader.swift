public import ExecutionCore

/// Reads a recording (`.ntc`, Format.md): in order, or from a time on by its index.
///
/// A recording whose writer was killed has no index: its blocks are walked, and ``failure`` says that it is not
/// finished. A damaged block is named there with its offset, once everything before it has been given.
/// Threading: one thread. Memory: one block, and 88 bytes a block for the index.
///
/// ```swift
/// var reader = try CaptureReader(path: "day.ntc")
/// reader.seek(toTime: nine)
/// while true {
///   let count = reader.read(into: records, receiveTimes: stamps, capacity: 4_096)
///   guard count > 0 else { break }
/// }
/// if let failure = reader.failure { … }
/// ```
@safe public struct CaptureReader: ~Copyable {
  public let header: CaptureHeader
  /// It has its index and its tail, and they hold together. Blocks are looked at when they are read.
  public let isFinished: Bool
  /// Why the records ended before the recording's end: a block that is damaged, or that there is no end; nil while
  /// there is more, and when all was read.
  public private(set) var failure: FeedError?
  /// What the index says of all records; of a recording that is not finished, of those in its blocks.
  public var recordCount: UInt64 { index.records }
  public var blockCount: Int { index.entries.count }
  /// Bytes of the file.
  public var byteCount: UInt64 { storage.size }
  /// Session times of the earliest and the latest record; nil without records.
  public var timeRange: ClosedRange<Int64>? {
    guard let lowest = index.entries.map(\.times.lowest).min(),
      let highest = index.entries.map(\.times.highest).max(), lowest <= highest
    else { return nil }
    return lowest...highest
  }
  /// The hash that the writer states for all records; nil where it is not finished.
  public var statedHash: CaptureHash? { isFinished ? CaptureHash(index.hash) : nil }

  private let storage: CaptureStorage
  private let index: CaptureIndex
  /// Why there is nothing behind the last block of the index.
  private let endFailure: FeedError?
  private let unpacker: BlockUnpacker
  private var columns = CaptureColumns()
  private var buffer: [UInt8] = []
  // These grow to what the largest block needs.
  private var raw: [UInt8] = []
  private var records: [FeedRecord] = []
  private var times: [Int64] = []
  /// Records of the present block that were decoded, and how many of them were given.
  private var decoded = 0
  private var given = 0
  private var nextBlock = 0
  /// Which blocks are wanted.
  private var wantedTimes = Int64.min...Int64.max
  private var wantedInstrument: UInt32?

  public init(path: String) throws(FeedError) {
    try self.init(storage: CaptureStorage(path: path))
  }

  /// Reads an open file, or a copy of what can be read only once.
  public init(file: borrowing FeedFile) throws(FeedError) {
    try self.init(storage: CaptureStorage(file))
  }

  /// Reads bytes that are in memory already, for tests and fuzzing; `path` is for messages.
  public init(bytes: [UInt8], path: String) throws(FeedError) {
    try self.init(storage: CaptureStorage(bytes: bytes, path: path))
  }

  private init(storage: CaptureStorage) throws(FeedError) {
    let (header, length) = try Self.header(storage)
    guard let unpacker = BlockUnpacker() else {
      throw FeedError(
        path: storage.path, offset: nil, cause: .system(12),
        problem: "no memory to decompress with",
        remedy: "free some memory")
    }
    let end = UInt64(length)
    if let index = try Self.index(storage, from: end) {
      self.init(header, storage, unpacker, index, endsWith: nil)
    } else {
      let (index, failure) = try Self.walk(storage, from: end)
      self.init(header, storage, unpacker, index, endsWith: failure)
    }
  }

  private init(
    _ header: CaptureHeader, _ storage: CaptureStorage, _ unpacker: BlockUnpacker,
    _ index: CaptureIndex, endsWith failure: FeedError?
  ) {
    self.header = header
    self.storage = storage
    self.unpacker = unpacker
    self.index = index
    endFailure = failure
    isFinished = failure == nil
  }

  // MARK: Opening

  private static func header(
    _ storage: CaptureStorage
  ) throws(FeedError) -> (CaptureHeader, UInt64) {
    var bytes: [UInt8] = []
    try storage.read(CaptureHeader.prefix, at: 0, into: &bytes)
    do throws(CaptureHeader.Problem) {
      let length = try CaptureHeader.length(bytes)
      try readAll(storage, length, &bytes)
      return (try CaptureHeader(decoding: bytes), UInt64(length))
    } catch {
      let (problem, remedy) =
        switch error {
        case .notARecording:
          ("is no recording of this format", "give a .ntc file, or import it: 'capture import'")
        case .version(let version):
          ("has version \(version) of the format", "version 1 is read: get a newer program")
        case .cut: ("ends inside its header", "get the whole file again")
        case .damaged(let what): ("has \(what)", "get the file again: it is damaged")
        }
      throw FeedError(
        path: storage.path, offset: 0, cause: .data, problem: problem, remedy: remedy)
    }
  }

  /// A file that cannot be read counts as one that is cut there: the walk that follows tells the errno.
  private static func readAll(
    _ storage: CaptureStorage, _ count: Int, _ bytes: inout [UInt8]
  ) throws(CaptureHeader.Problem) {
    do throws(FeedError) { try storage.read(count, at: 0, into: &bytes) } catch { throw .cut }
  }

  private static func index(
    _ storage: CaptureStorage, from start: UInt64
  ) throws(FeedError) -> CaptureIndex? {
    guard storage.size >= start + UInt64(CaptureIndex.headSize + CaptureIndex.tailSize) else {
      return nil
    }
    var bytes: [UInt8] = []
    try storage.read(
      CaptureIndex.tailSize, at: storage.size - UInt64(CaptureIndex.tailSize), into: &bytes)
    guard let place = CaptureIndex.place(tail: bytes, size: storage.size), place.offset >= start
    else { return nil }
    try storage.read(place.length, at: place.offset, into: &bytes)
    return CaptureIndex(decoding: bytes, blocksFrom: start, to: place.offset)
  }

  /// The index that the heads of the blocks give, and what stands behind the last of them.
  private static func walk(
    _ storage: CaptureStorage, from start: UInt64
  ) throws(FeedError) -> (CaptureIndex, FeedError) {
    var index = CaptureIndex()
    var offset = start
    var bytes: [UInt8] = []
    // Each turn passes over a block.
    while index.entries.count < CaptureIndex.blocksMax {
      try storage.read(CaptureBlockHead.size, at: offset, into: &bytes)
      guard let head = CaptureBlockHead(decoding: bytes), head.firstRecord == index.records,
        storage.size - offset >= UInt64(head.length)
      else { break }
      index.entries.append(CaptureIndexEntry(head, offset: offset))
      index.records += UInt64(head.count)
      offset += UInt64(head.length)
    }
    return (index, end(storage.path, bytes, at: offset))
  }

  private static func end(_ path: String, _ bytes: [UInt8], at offset: UInt64) -> FeedError {
    var source = ByteSource(bytes)
    let magic = source.word(UInt32.self)
    let isCut = bytes.isEmpty || magic == nil || magic == CaptureBlockHead.magic
    let (problem, remedy) =
      if magic == CaptureIndex.magic {
        (
          "its index is damaged, cut or followed by other bytes",
          "its blocks have been read without it; get the file again"
        )
      } else if isCut {
        (
          "is not finished: its last block is cut, or its writer ended before it",
          "everything before this place has been read"
        )
      } else {
        (
          "has no block here", "the file is damaged; everything before this place has been read"
        )
      }
    return FeedError(path: path, offset: offset, cause: .data, problem: problem, remedy: remedy)
  }

  // MARK: Reading

  /// Goes to the first record, in the order of the recording, whose session time is not before `time`: what
  /// ``read(into:receiveTimes:capacity:)`` gives next. Where times do not rise, earlier ones may follow.
  public mutating func seek(toTime time: Int64) {
    decoded = 0
    given = 0
    failure = nil
    nextBlock = index.entries.firstIndex { $0.times.highest >= time } ?? index.entries.count
    guard nextBlock < index.entries.count else { return }
    guard loadBlock(index.entries[nextBlock]) else { return }
    nextBlock += 1
    // The block says that it is there; one that does not keep its word is read from its end on.
    while given < decoded, records[given].sessionTime < time { given += 1 }
  }

  /// Passes over blocks that hold nothing of these times or of this instrument. Their other records are given: a
  /// block is taken whole.
  public mutating func want(times: ClosedRange<Int64>, instrument: UInt32? = nil) {
    wantedTimes = times
    wantedInstrument = instrument
  }

  /// The next records, at most `capacity`; 0 at the end, and then ``failure`` says whether it came before its time.
  /// `receiveTimes` are nanoseconds since 1970 UTC, 0 where not known.
  public mutating func read(
    into out: UnsafeMutablePointer<FeedRecord>, receiveTimes: UnsafeMutablePointer<Int64>? = nil,
    capacity: Int
  ) -> Int {
    var count = 0
    // Each turn gives records, passes over a block or ends.
    while count < capacity, failure == nil {
      if given == decoded {
        guard nextBlock < index.entries.count else {
          failure = endFailure
          break
        }
        let entry = index.entries[nextBlock]
        if isWanted(entry), !loadBlock(entry) { break }
        nextBlock += 1
        continue
      }
      let step = min(capacity - count, decoded - given)
      for place in 0..<step {
        unsafe out[count + place] = records[given + place]
        unsafe receiveTimes?[count + place] = times[given + place]
      }
      given += step
      count += step
    }
    return count
  }

  private func isWanted(_ entry: CaptureIndexEntry) -> Bool {
    let span = entry.times
    guard span.highest >= wantedTimes.lowerBound, span.lowest <= wantedTimes.upperBound else {
      return false
    }
    guard let wanted = wantedInstrument, span.highestInstrument != FeedRecord.all else {
      return true
    }
    return span.lowestInstrument <= wanted && wanted <= span.highestInstrument
  }

  /// False, with ``failure``, where the block is not what its check sum says.
  private mutating func loadBlock(_ entry: CaptureIndexEntry) -> Bool {
    decoded = 0
    given = 0
    do throws(FeedError) {
      try storage.read(entry.length, at: entry.offset, into: &buffer)
    } catch {
      failure = error
      return false
    }
    if let problem = decodeBlock(entry) {
      failure = FeedError(
        path: storage.path, offset: entry.offset, cause: .data,
        problem: "the block of records \(entry.firstRecord) on is damaged: \(problem)",
        remedy: "get the file again; everything before this place has been read")
      return false
    }
    decoded = entry.count
    return true
  }

  private mutating func makeRoom(_ head: CaptureBlockHead) {
    if raw.count < head.rawLength {
      raw += repeatElement(0, count: head.rawLength - raw.count)
    }
    if records.count < head.count {
      records += repeatElement(FeedRecord(), count: head.count - records.count)
      times += repeatElement(0, count: head.count - times.count)
    }
  }

  /// What is wrong, in words; nil when its records are there.
  private mutating func decodeBlock(_ entry: CaptureIndexEntry) -> String? {
    guard let head = CaptureBlockHead(decoding: buffer), buffer.count == entry.length,
      CaptureIndexEntry(head, offset: entry.offset) == entry
    else { return "its head is not what the index says" }
    guard Checksum.of(buffer, from: 8, to: head.length) == head.checksum else {
      return "its check sum is another"
    }
    makeRoom(head)
    guard unpacker.unpack(buffer[CaptureBlockHead.size...], into: &raw, head.rawLength) else {
      return "it is no zstd frame of \(head.rawLength) bytes"
    }
    if let problem = columns.decode(
      raw, head.rawLength, count: head.count, records: &records, receiveTimes: &times)
    {
      return problem
    }
    let instruments = header.instruments.count
    for record in records[..<head.count]
    where record.instrument >= instruments && record.instrument != FeedRecord.all {
      return "instrument \(record.instrument) is not in the header"
    }
    return nil
  }
}
