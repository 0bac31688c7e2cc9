/// Where a block lies, and what it holds.
struct CaptureIndexEntry: Hashable {
  static var size: Int { 64 }

  var offset: UInt64
  var length: Int
  var count: Int
  var firstRecord: UInt64
  var times: CaptureSpan

  init(_ head: CaptureBlockHead, offset: UInt64) {
    self.offset = offset
    length = head.length
    count = head.count
    firstRecord = head.firstRecord
    times = head.times
  }

  init?(_ source: inout ByteSource) {
    guard let offset = source.word(UInt64.self), let length = source.word(UInt32.self),
      let count = source.word(UInt32.self), let firstRecord = source.word(UInt64.self),
      let first = source.word(Int64.self), let last = source.word(Int64.self),
      let lowest = source.word(Int64.self), let highest = source.word(Int64.self),
      let lowestInstrument = source.word(UInt32.self),
      let highestInstrument = source.word(UInt32.self)
    else { return nil }
    self.offset = offset
    self.length = Int(length)
    self.count = Int(count)
    self.firstRecord = firstRecord
    times = CaptureSpan(
      first: first, last: last, lowest: lowest, highest: highest,
      lowestInstrument: lowestInstrument, highestInstrument: highestInstrument)
  }

  func put(_ sink: inout ByteSink) {
    sink.word(offset)
    sink.word(UInt32(truncatingIfNeeded: length))
    sink.word(UInt32(truncatingIfNeeded: count))
    sink.word(firstRecord)
    sink.word(times.first)
    sink.word(times.last)
    sink.word(times.lowest)
    sink.word(times.highest)
    sink.word(times.lowestInstrument)
    sink.word(times.highestInstrument)
  }
}

/// The index behind the last block, and the tail that leads to it. Format.md has the layout.
struct CaptureIndex: Hashable {
  static var magic: UInt32 { 0x4943_544e }  // "NTCI"
  static var tailMagic: UInt32 { 0x4543_544e }  // "NTCE"
  static var headSize: Int { 32 }
  static var tailSize: Int { 32 }
  /// Blocks of an index that is believed: 17 thousand million records.
  static var blocksMax: Int { 1 << 22 }

  var entries: [CaptureIndexEntry] = []
  var records: UInt64 = 0
  var hash = CaptureHash.start

  /// The index and the tail, as they stand at `offset`.
  func encoded(at offset: UInt64) -> [UInt8] {
    var sink = ByteSink()
    sink.word(Self.magic)
    sink.word(UInt32(0))
    sink.word(UInt64(entries.count))
    sink.word(records)
    sink.word(hash)
    for entry in entries { entry.put(&sink) }
    let length = sink.bytes.count
    sink.put(Checksum.of(sink.bytes, from: 8, to: length), at: 4)
    sink.word(Self.tailMagic)
    sink.word(UInt32(0))
    sink.word(offset)
    sink.word(UInt64(length))
    sink.word(offset + UInt64(length) + UInt64(Self.tailSize))
    sink.put(Checksum.of(sink.bytes, from: length + 8, to: sink.bytes.count), at: length + 4)
    return sink.bytes
  }

  /// Where the index of a file of `size` bytes lies, by its tail; nil where the tail is none.
  static func place(tail: [UInt8], size: UInt64) -> (offset: UInt64, length: Int)? {
    var source = ByteSource(tail)
    guard tail.count == tailSize, source.word(UInt32.self) == tailMagic,
      source.word(UInt32.self) == Checksum.of(tail, from: 8, to: tailSize),
      let offset = source.word(UInt64.self), let length = source.word(UInt64.self),
      source.word(UInt64.self) == size
    else { return nil }
    guard length >= headSize, length <= headSize + blocksMax * CaptureIndexEntry.size,
      offset < size, size - offset == length + UInt64(tailSize)
    else { return nil }
    return (offset, Int(length))
  }

  /// nil where the bytes are no index of blocks that lie one behind the other from `start` to `end`.
  init?(decoding bytes: [UInt8], blocksFrom start: UInt64, to end: UInt64) {
    var source = ByteSource(bytes)
    guard bytes.count >= Self.headSize, source.word(UInt32.self) == Self.magic,
      source.word(UInt32.self) == Checksum.of(bytes, from: 8, to: bytes.count),
      let count = source.word(UInt64.self), let records = source.word(UInt64.self),
      let hash = source.word(UInt64.self), count <= Self.blocksMax,
      bytes.count == Self.headSize + Int(count) * CaptureIndexEntry.size
    else { return nil }
    var offset = start
    var record: UInt64 = 0
    entries.reserveCapacity(Int(count))
    for _ in 0..<count {
      guard let entry = CaptureIndexEntry(&source), entry.offset == offset,
        entry.firstRecord == record, entry.count > 0, entry.count <= CaptureColumns.blockMax,
        entry.length > CaptureBlockHead.size,
        entry.length <= CaptureBlockHead.size + CaptureBlockHead.packedMax
      else { return nil }
      entries.append(entry)
      offset += UInt64(entry.length)
      record += UInt64(entry.count)
      guard offset <= end else { return nil }
    }
    guard offset == end, record == records else { return nil }
    self.records = records
    self.hash = hash
  }

  init() {}
}
