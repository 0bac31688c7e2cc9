import ExecutionCore

@testable import Captures

/// SplitMix64: the same numbers from the same seed everywhere.
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// Extreme values as often as others, and differences that need any number of bytes.
  mutating func extreme() -> Int64 {
    switch below(8) {
    case 0: .max
    case 1: .min
    case 2: 0
    case 3: -1
    case 4: 1
    default: Int64(bitPattern: next()) >> Int64(below(64))
    }
  }

  mutating func record(instruments: Int) -> FeedRecord {
    var record = FeedRecord()
    record.sessionTime = extreme()
    record.sequence = UInt64(bitPattern: extreme())
    record.price = extreme()
    record.quantity = extreme()
    record.askPrice = extreme()
    record.askQuantity = extreme()
    record.reference = UInt64(bitPattern: extreme())
    record.instrument = below(9) == 0 ? FeedRecord.all : UInt32(below(instruments))
    let kinds = FeedRecord.Kind.allCases
    record.kind = below(5) == 0 ? UInt8(below(256)) : kinds[below(kinds.count)].rawValue
    record.side = [0, FeedRecord.buy, FeedRecord.sell, UInt8(below(256))][below(4)]
    record.flags = FeedRecord.Flags(rawValue: UInt8(below(256)))
    record.detail = UInt8(below(256))
    return record
  }
}

/// A record and when it was received.
struct Stamped: Hashable {
  var record: FeedRecord
  var receiveTime: Int64
}

/// What a recording gave, and what it said of itself. The reader itself cannot stand in an expectation.
struct ReadBack {
  var header: CaptureHeader
  var isFinished: Bool
  var recordCount: UInt64
  var blockCount: Int
  var timeRange: ClosedRange<Int64>?
  var statedHash: CaptureHash?
  var records: [Stamped]
  var failure: FeedError?

  init(path: String, capacity: Int = 100) throws(FeedError) {
    self.init(try CaptureReader(path: path), capacity)
  }
  init(bytes: [UInt8], capacity: Int = 100) throws(FeedError) {
    self.init(try CaptureReader(bytes: bytes, path: "memory"), capacity)
  }
  private init(_ opened: consuming CaptureReader, _ capacity: Int) {
    var reader = opened
    records = Recordings.rest(of: &reader, capacity: capacity)
    header = reader.header
    isFinished = reader.isFinished
    recordCount = reader.recordCount
    blockCount = reader.blockCount
    timeRange = reader.timeRange
    statedHash = reader.statedHash
    failure = reader.failure
  }
}

enum Recordings {
  static func header(_ instruments: Int = 3) -> CaptureHeader {
    var header = CaptureHeader(
      channel: "test",
      instruments: (0..<instruments).map {
        var instrument = CapturedInstrument(
          symbol: "S\($0)", priceExponent: -2 - $0 % 3, quantityExponent: -$0 % 3)
        instrument.currency = $0 % 2 == 0 ? "USD" : ""
        instrument.tick = Int64($0)
        instrument.contents = [.levels, .trades]
        return instrument
      })
    header.source = "made by a test, ±∞"
    header.day = 19_943
    return header
  }

  static func write(
    _ records: [Stamped], to path: String, instruments: Int = 3, blockRecords: Int = 4_096
  ) throws(CaptureOutputError) -> CaptureHash {
    var recorder = try CaptureRecorder(
      path: path, header: header(instruments), replaces: true, blockRecords: blockRecords)
    for one in records { try recorder.append(one.record, receiveTime: one.receiveTime) }
    try recorder.finish()
    return recorder.hash
  }

  /// What is left to be read, `capacity` at a time.
  static func rest(of reader: inout CaptureReader, capacity: Int = 100) -> [Stamped] {
    var records = [FeedRecord](repeating: FeedRecord(), count: capacity)
    var times = [Int64](repeating: 0, count: capacity)
    var all: [Stamped] = []
    while true {
      let count = reader.read(into: &records, receiveTimes: &times, capacity: capacity)
      guard count > 0 else { return all }
      for index in 0..<count {
        all.append(Stamped(record: records[index], receiveTime: times[index]))
      }
    }
  }
}
