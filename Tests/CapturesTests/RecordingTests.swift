import ExecutionCore
import Foundation
import Testing

@testable import Captures

struct RecordingTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func path(_ name: String) -> String { directory.url.appendingPathComponent(name).path }

  private func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private func arbitrary(_ count: Int, seed: UInt64) -> [Stamped] {
    var numbers = SeededNumbers(state: seed)
    return (0..<count).map { _ in
      Stamped(record: numbers.record(instruments: 3), receiveTime: numbers.extreme())
    }
  }

  /// A market as it comes: prices near each other, times that rise.
  private func lifelike(_ count: Int) -> [Stamped] {
    var numbers = SeededNumbers(state: 7)
    return (0..<count).map { index in
      let time = 1_700_000_000_000_000_000 + Int64(index) * 1_000_000
      var record = FeedRecord(.level, instrument: UInt32(index % 3), at: time)
      record.sequence = UInt64(index / 4)
      record.price = 6_000_000 + Int64(numbers.below(200))
      record.quantity = Int64(numbers.below(1_000))
      record.side = index % 2 == 0 ? FeedRecord.buy : FeedRecord.sell
      record.flags = index % 4 == 3 ? .last : FeedRecord.Flags(rawValue: 0)
      return Stamped(record: record, receiveTime: time + 500)
    }
  }

  @Test func `an instrument of ours is described, and taken back as far as it is`() throws {
    var facts = InstrumentFacts(symbol: "BTC-USD")
    facts.priceExponent = -2
    facts.quantityExponent = -5
    facts.tick = 5
    facts.roundLot = 10
    facts.multiplier = 50
    facts.multiplierExponent = -1
    facts.currency = try #require(Currency("EUR"))
    facts.status = .trading
    let captured = CapturedInstrument(facts, contents: [.levels])
    #expect(captured.problem == nil && captured.contents == .levels)
    #expect(captured.facts == facts)
    // What a source does not say.
    let bare = CapturedInstrument(symbol: "a b±", priceExponent: -2, quantityExponent: 0).facts
    #expect(bare.symbol == .none && bare.tick == 1 && bare.roundLot == 1)
    #expect(bare.currency == .usDollar && bare.multiplier == 1)
  }

  @Test func `whatever a record holds is read as it was written`() throws {
    for count in [0, 1, 7, 8, 9, 4_095, 4_096, 4_097, 9_000] {
      let seed = UInt64.random(in: 0 ... .max)
      let records = arbitrary(count, seed: seed)
      let path = path("any.ntc")
      let hash = try Recordings.write(
        records, to: path, blockRecords: count < 4_000 ? 8 : 4_096)
      let back = try ReadBack(path: path, capacity: 1 + Int(seed % 5_000))
      #expect(back.isFinished && back.recordCount == UInt64(count), "seed \(seed)")
      #expect(back.header == Recordings.header())
      #expect(back.statedHash == hash)
      #expect(back.records == records, "seed \(seed), \(count) records")
      #expect(back.failure == nil)
      var again = CaptureHash()
      for one in back.records { again.add(one.record, receiveTime: one.receiveTime) }
      #expect(again == hash)
    }
  }

  @Test func `the hash is FNV-1a over the bytes that the format states`() {
    var record = FeedRecord(.level, instrument: 2, at: 1)
    record.sequence = 2
    record.price = -3
    record.quantity = 4
    record.askPrice = 5
    record.askQuantity = 6
    record.reference = 7
    record.side = FeedRecord.buy
    record.flags = .last
    record.detail = 9
    var bytes = withUnsafeBytes(of: record) { Array($0) }
    bytes += withUnsafeBytes(of: Int64(-1).littleEndian) { Array($0) }
    #expect(bytes.count == 72)
    let expected = bytes.reduce(CaptureHash.start) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    var hash = CaptureHash()
    hash.add(record, receiveTime: -1)
    #expect(hash.value == expected)
    #expect(CaptureHash(0xab).text == "00000000000000ab")
  }

  @Test func `a file that is cut anywhere gives the first of its records and says that it is cut`()
    throws
  {
    let records = lifelike(60) + arbitrary(20, seed: 3)
    let path = path("whole.ntc")
    _ = try Recordings.write(records, to: path, blockRecords: 16)
    let whole = try bytes(path)
    var counts: Set<Int> = []
    for length in 0..<whole.count {
      var read: [Stamped] = []
      do throws(FeedError) {
        let back = try ReadBack(bytes: Array(whole[..<length]))
        #expect(!back.isFinished && back.failure?.cause == .data, "cut at \(length)")
        #expect((back.failure?.offset ?? .max) <= UInt64(length))
        read = back.records
      } catch {
        #expect(error.cause == .data, "\(error)")
      }
      #expect(read.count % 16 == 0 && read == Array(records[..<read.count]), "cut at \(length)")
      counts.insert(read.count)
    }
    #expect(counts == [0, 16, 32, 48, 64, 80])
  }

  @Test func `a byte that is flipped anywhere never gives a wrong record`() throws {
    let records = lifelike(40) + arbitrary(8, seed: 4)
    let path = path("whole.ntc")
    _ = try Recordings.write(records, to: path, blockRecords: 16)
    let whole = try bytes(path)
    var numbers = SeededNumbers(state: 5)
    for place in whole.indices {
      var damaged = whole
      damaged[place] ^= UInt8(1 + numbers.below(255))
      do throws(FeedError) {
        let back = try ReadBack(bytes: damaged)
        #expect(back.failure != nil, "flipped at \(place)")
        #expect(back.records == Array(records[..<back.records.count]), "flipped at \(place)")
      } catch {
        #expect(error.cause == .data, "\(error)")
      }
    }
  }

  @Test func `a damaged block is named and all before it is given`() throws {
    let records = lifelike(64)
    let path = path("whole.ntc")
    _ = try Recordings.write(records, to: path, blockRecords: 16)
    var damaged = try bytes(path)
    let magic = Array("NTCB".utf8)
    let blocks = damaged.indices.filter { damaged[$0...].starts(with: magic) }
    #expect(blocks.count == 4)
    damaged[blocks[2] + 90] ^= 1
    let back = try ReadBack(bytes: damaged)
    #expect(back.isFinished && back.records == Array(records[..<32]))
    let failure = try #require(back.failure)
    #expect(failure.offset == UInt64(blocks[2]) && failure.problem.contains("records 32 on"))
  }

  @Test func `bytes of chance are refused or give no record`() {
    var numbers = SeededNumbers(state: 11)
    for turn in 0..<3_000 {
      var bytes = (0..<numbers.below(400)).map { _ in UInt8(numbers.below(256)) }
      if turn % 2 == 0 { bytes = CaptureHeader.magic + [1, 0, 0, 0] + bytes }
      guard let back = try? ReadBack(bytes: bytes) else { continue }
      #expect(back.records.isEmpty && back.failure != nil)
    }
  }

  /// The check sums are right, so that every length is believed as far as it goes.
  @Test func `a block of chance with a right check sum gives a failure and no trap`() throws {
    let path = path("whole.ntc")
    _ = try Recordings.write(arbitrary(16, seed: 6), to: path, blockRecords: 16)
    let whole = try bytes(path)
    let start = try #require(whole.indices.first { whole[$0...].starts(with: Array("NTCB".utf8)) })
    let packer = try #require(BlockPacker())
    var numbers = SeededNumbers(state: 12)
    var head = try #require(CaptureBlockHead(decoding: Array(whole[start..<start + 80])))
    for _ in 0..<3_000 {
      var raw = (0..<1 + numbers.below(300)).map { _ in UInt8(numbers.below(256)) }
      // Lengths that fit more often than chance has them.
      for place in stride(from: 0, to: raw.count - 4, by: 4) where numbers.below(3) == 0 {
        raw.replaceSubrange(place..<place + 4, with: [UInt8(numbers.below(40)), 0, 0, 0])
      }
      var packed = [UInt8](repeating: 0, count: 2_000)
      head.packedLength = try #require(packer.pack(raw, raw.count, into: &packed, at: 80))
      head.rawLength = raw.count
      head.count = 1 + numbers.below(40)
      packed.replaceSubrange(0..<80, with: head.encoded())
      var sum = ByteSink(bytes: packed)
      sum.put(Checksum.of(packed, from: 8, to: head.length), at: 4)
      let file = Array(whole[..<start]) + sum.bytes[..<head.length]
      let back = try ReadBack(bytes: Array(file))
      #expect(back.blockCount == 1 && back.failure != nil)
    }
  }

  @Test func `seeking by time finds the first record at or behind it`() throws {
    var numbers = SeededNumbers(state: 21)
    // Times that fall back now and then.
    let records = lifelike(500).map { one in
      var one = one
      one.record.sessionTime -= Int64(numbers.below(4)) * 30_000_000
      return one
    }
    let path = path("times.ntc")
    _ = try Recordings.write(records, to: path, blockRecords: 16)
    var reader = try CaptureReader(path: path)
    let times = records.map(\.record.sessionTime)
    let lowest = try #require(times.min())
    let highest = try #require(times.max())
    #expect(try ReadBack(path: path).timeRange == lowest...highest)
    for _ in 0..<200 {
      let time = lowest - 5 + Int64(numbers.next() % UInt64(highest - lowest + 10))
      reader.seek(toTime: time)
      let from = times.firstIndex { $0 >= time } ?? times.count
      #expect(Recordings.rest(of: &reader) == Array(records[from...]), "\(time)")
    }
    reader.seek(toTime: .min)
    #expect(Recordings.rest(of: &reader) == records)
  }

  @Test func `blocks without what is wanted are passed over, and nothing wanted is`() throws {
    let records = lifelike(320).enumerated().map { index, one in
      var one = one
      one.record.instrument = index == 300 ? FeedRecord.all : UInt32(index / 120)
      return one
    }
    let path = path("wanted.ntc")
    _ = try Recordings.write(records, to: path, blockRecords: 16)
    for instrument in UInt32(0)..<3 {
      var reader = try CaptureReader(path: path)
      let from = records[60].record.sessionTime
      let to = records[310].record.sessionTime
      reader.want(times: from...to, instrument: instrument)
      let isWanted = { (one: Stamped) in
        let record = one.record
        return (from...to).contains(record.sessionTime)
          && (record.instrument == instrument || record.instrument == FeedRecord.all)
      }
      let read = Recordings.rest(of: &reader)
      #expect(read.filter(isWanted) == records.filter(isWanted) && read.count < records.count)
    }
  }

  @Test func `a writer that is killed leaves what is readable beside the place`() throws {
    let records = lifelike(40)
    let place = path("killed.ntc")
    do {
      var recorder = try CaptureRecorder(
        path: place, header: Recordings.header(), blockRecords: 16)
      for one in records { try recorder.append(one.record, receiveTime: one.receiveTime) }
    }
    #expect(!FileManager.default.fileExists(atPath: place))
    let back = try ReadBack(path: place + ".partial")
    #expect(!back.isFinished && back.statedHash == nil)
    #expect(back.records == Array(records[..<32]))
    #expect(back.failure?.problem.contains("not finished") == true)
  }

  @Test func `a recording takes no place that is taken and says why it cannot be made`() throws {
    let place = path("taken.ntc")
    _ = try Recordings.write([], to: place)
    #expect(throws: CaptureOutputError.self) {
      var recorder = try CaptureRecorder(path: place, header: Recordings.header())
      recorder.discard()
    }
    var recorder = try CaptureRecorder(path: path("late.ntc"), header: Recordings.header())
    _ = try directory.write([1], "late.ntc")
    do {
      try recorder.finish()
      Issue.record("took the place of another file")
    } catch {
      #expect(error.cause == .write(17))
    }
    recorder.discard()
    #expect(!FileManager.default.fileExists(atPath: path("late.ntc.partial")))
    do {
      _ = try CaptureRecorder(path: "/nowhere/at/all.ntc", header: Recordings.header())
      Issue.record("made in a folder that is not there")
    } catch {
      #expect(error.cause == .create(2) && error.problem.contains("No such file"))
    }
  }

  @Test func `a record of an instrument that is not described is refused`() throws {
    var recorder = try CaptureRecorder(path: path("stray.ntc"), header: Recordings.header(2))
    do {
      try recorder.append(FeedRecord(.trade, instrument: 2, at: 1))
      Issue.record("an instrument that is not there was taken")
    } catch {
      #expect(error.cause == .refused)
    }
    try recorder.append(FeedRecord(.trade, instrument: 1, at: 1))
    try recorder.append(FeedRecord(.status, instrument: FeedRecord.all, at: 1))
    try recorder.finish()
    #expect(try ReadBack(path: path("stray.ntc")).recordCount == 2)
  }

  @Test func `a header that is out of range is refused`() {
    var bad = [Recordings.header(), Recordings.header(), Recordings.header(), Recordings.header()]
    bad[0].instruments[0].symbol = String(repeating: "x", count: 33)
    bad[1].instruments[1].priceExponent = 3
    bad[2].instruments[1].multiplier = 0
    bad[3].source = String(repeating: "x", count: 65_536)
    for header in bad {
      #expect(throws: CaptureOutputError.self) {
        _ = try CaptureRecorder(path: path("bad.ntc"), header: header)
      }
    }
  }
}
