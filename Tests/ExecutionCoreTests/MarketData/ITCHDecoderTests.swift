import FuzzTargets
import Testing

@testable import ExecutionCore

struct ITCHDecoderTests {
  let midnight: Int64 = 1_577_682_000_000_000_000

  func decode(_ kind: Character) throws -> MarketRecord {
    let bytes = ITCHVectors.bytes(kind)
    var record = MarketRecord()
    let isDecoded = bytes.withUnsafeBufferPointer { input in
      guard let base = input.baseAddress else { return false }
      return ITCHDecoder.decode(
        base, length: bytes.count, midnight: midnight, sequence: 77, into: &record)
    }
    try #require(isDecoded)
    return record
  }

  let symbol = SymbolCode.encode("NEEDLE")
  let reference: UInt64 = 0x9192_9394_9596_9798
  let second: UInt64 = 0xa1a2_a3a4_a5a6_a7a8
  let shares: UInt32 = 0xb1b2_b3b4
  let price: UInt32 = 0xc1c2_c3c4

  @Test func `a record is one cache line without holes`() {
    #expect(MemoryLayout<MarketRecord>.size == 64)
    #expect(MemoryLayout<MarketRecord>.stride == 64)
  }

  @Test func `every type has the length of the specification and every other has none`() {
    for kind in 0...255 {
      let letter = Character(Unicode.Scalar(UInt8(kind)))
      #expect(ITCHDecoder.length(of: UInt8(kind)) == NaiveBooks.lengths[letter] ?? 0)
    }
    #expect(Set(ITCHDecoder.kinds) == Set(NaiveBooks.lengths.keys.compactMap(\.asciiValue)))
    #expect(ITCHDecoder.kinds == ITCHDecoder.kinds.sorted())
    #expect(NaiveBooks.lengths.values.max() == ITCHDecoder.lengthMax)
    for vector in ITCHVectors.all {
      #expect(vector.bytes.count == NaiveBooks.lengths[vector.kind], "\(vector.kind)")
    }
    #expect(ITCHVectors.all.count == 23)
  }

  @Test(arguments: ITCHVectors.all.map(\.kind))
  func `the header of every type is decoded`(_ kind: Character) throws {
    let record = try decode(kind)
    #expect(record.kind == kind.asciiValue)
    #expect(record.locate == 0x0102)
    #expect(record.tracking == 0x0304)
    #expect(record.sessionTime == midnight + 0x0506_0708_090a)
    #expect(record.sequence == 77)
  }

  @Test func `orders are decoded field by field`() throws {
    let a = try decode("A")
    #expect(a.reference == reference && a.side == 66 && a.shares == shares)
    #expect(a.symbol == symbol && a.price == price && a.detail == 0)
    let f = try decode("F")
    #expect(f.reference == reference && f.side == 83 && f.shares == shares && f.price == price)
    #expect(f.symbol == symbol && f.detail == 0x4449_504d)
    let e = try decode("E")
    #expect(e.reference == reference && e.shares == shares && e.matchNumber == second)
    #expect(e.price == 0 && e.code == 0)
    let c = try decode("C")
    #expect(c.reference == reference && c.shares == shares && c.matchNumber == second)
    #expect(c.price == price && c.code == UInt16(UInt8(ascii: "Y")))
    let x = try decode("X")
    #expect(x.reference == reference && x.shares == shares)
    #expect(try decode("D").reference == reference)
    let u = try decode("U")
    #expect(u.reference == reference && u.newReference == second)
    #expect(u.shares == shares && u.price == price)
  }

  @Test func `trades are decoded field by field`() throws {
    let p = try decode("P")
    #expect(p.reference == reference && p.side == 66 && p.shares == shares && p.price == price)
    #expect(p.symbol == symbol && p.matchNumber == second)
    let q = try decode("Q")
    #expect(q.reference == reference && q.symbol == symbol && q.price == price)
    #expect(q.matchNumber == second && q.code == UInt16(UInt8(ascii: "O")))
    #expect(try decode("B").matchNumber == second)
    let i = try decode("I")
    #expect(i.reference == reference && i.second == second && i.side == 66 && i.symbol == symbol)
    #expect(i.shares == shares && i.price == price && i.detail == 0xd1d2_d3d4)
    #expect(i.code == 0x4c4f)
  }

  @Test func `states are decoded field by field`() throws {
    #expect(try decode("S").code == 81)
    let h = try decode("H")
    #expect(h.symbol == symbol && h.code == 0x2054 && h.detail == 0x5044_554c)
    let y = try decode("Y")
    #expect(y.symbol == symbol && y.code == 0x31)
    let halt = try decode("h")
    #expect(halt.symbol == symbol && halt.code == 0x5148)
    let j = try decode("J")
    #expect(j.symbol == symbol && j.price == price && j.shares == shares)
    #expect(j.detail == 0xe1e2_e3e4_d1d2_d3d4)
    #expect(try decode("W").code == 0x32)
    let v = try decode("V")
    #expect(v.reference == reference && v.second == second)
    #expect(v.detail == 0xd1d2_d3d4_e1e2_e3e4)
  }

  @Test func `the rest is decoded field by field`() throws {
    let r = try decode("R")
    #expect(r.symbol == symbol && r.code == 0x4e51 && r.shares == shares && r.side == 89)
    #expect(r.detail == 0x7931_6e4e_5078_5a43 && r.price == 0xd1d2_d3d4 && r.reference == 122)
    let l = try decode("L")
    #expect(l.detail == 0x4f43_5347 && l.symbol == symbol && l.code == 0x4e59 && l.side == 65)
    let k = try decode("K")
    #expect(k.symbol == symbol && k.shares == shares && k.code == 65 && k.price == price)
    let n = try decode("N")
    #expect(n.symbol == symbol && n.code == 65)
    let o = try decode("O")
    #expect(o.symbol == symbol && o.code == 89 && o.second == 0xc1c2_c3c4_b1b2_b3b4)
    #expect(o.price == 0xd1d2_d3d4 && o.reference == reference)
    #expect(o.detail == 0x0102_0305_e1e2_e3e4)
  }

  @Test(arguments: ITCHVectors.all.map(\.kind))
  func `a message of another length than its type's is refused`(_ kind: Character) {
    let right = ITCHVectors.bytes(kind)
    let padded = right + [UInt8](repeating: 0, count: 300)
    for length in 0...padded.count where length != right.count {
      var record = MarketRecord()
      let isDecoded = padded.withUnsafeBufferPointer { input in
        guard let base = input.baseAddress else { return true }
        return ITCHDecoder.decode(base, length: length, midnight: 0, sequence: 0, into: &record)
      }
      #expect(!isDecoded, "\(kind) of \(length) bytes")
      #expect(record.kind == 0)
    }
  }

  @Test(arguments: ITCHVectors.all.map(\.kind))
  func `every type is encoded to the bytes it was decoded from`(_ kind: Character) throws {
    let bytes = ITCHVectors.bytes(kind)
    let record = try decode(kind)
    #expect(encode(record, midnight: midnight, capacity: 64) == bytes)
    #expect(encode(record, midnight: midnight, capacity: bytes.count) == bytes)
    #expect(encode(record, midnight: midnight, capacity: bytes.count - 1) == [])
  }

  @Test func `random bodies of every type survive decoding and encoding`() throws {
    let seed: UInt64 = 20_191_230
    var random = SplitMix(state: seed)
    for round in 0..<4_000 {
      let kind = ITCHDecoder.kinds[random.below(ITCHDecoder.kinds.count)]
      var bytes = (0..<ITCHDecoder.length(of: kind)).map { _ in
        UInt8(truncatingIfNeeded: random.next())
      }
      bytes[0] = kind
      let (records, batch) = decodeAll(ITCHVectors.frame(bytes), midnight: midnight)
      try #require(batch.records == 1)
      #expect(
        encode(records[0], midnight: midnight, capacity: 64) == bytes, "seed \(seed) round \(round)"
      )
    }
  }

  @Test func `a record of no type is not encoded`() {
    #expect(encode(MarketRecord(), midnight: 0, capacity: 64) == [])
  }

  private func encode(_ record: MarketRecord, midnight: Int64, capacity: Int) -> [UInt8] {
    var out = [UInt8](repeating: 0xee, count: 64)
    let written = withUnsafePointer(to: record) { record in
      out.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return 0 }
        return ITCHEncoder.encode(record, midnight: midnight, into: base, capacity: capacity)
      }
    }
    #expect(out[written...].allSatisfy { $0 == 0xee })
    return Array(out.prefix(written))
  }
}

struct ITCHFramesTests {
  let file = ITCHVectors.all.flatMap { ITCHVectors.frame($0.bytes) }

  @Test func `sequences count every frame, malformed ones too`() {
    let good = ITCHVectors.frame(ITCHVectors.bytes("D"))
    let bytes = good + [0, 0] + good + [0, 3, 90, 1, 2] + [0, 1, 68] + good
    let (records, batch) = decodeAll(bytes, firstSequence: 10)
    #expect(records.map(\.sequence) == [10, 12, 15])
    #expect(batch == ITCHBatch(records: 3, malformed: 3, consumed: bytes.count))
    #expect(batch.frames == 6)
    #expect(decodeAll(bytes).records.map(\.sequence) == [0, 0, 0])
  }

  @Test func `a file cut at any byte gives the whole frames before the cut`() {
    for size in 0...file.count {
      let (records, batch) = decodeAll(Array(file[..<size]))
      var twin = NaiveBooks()
      twin.apply(file: Array(file[..<size]))
      let whole = twin.types.values.reduce(0, +)
      #expect(records.count == whole)
      #expect(batch.consumed <= size)
      #expect((batch.consumed < size ? 1 : 0) + batch.malformed == twin.malformed)
    }
  }

  @Test func `a length that lies is skipped or waited for and never read beyond`() {
    let delete = ITCHVectors.bytes("D")
    for lie in [0, 1, 18, 20, 21, 255, 256, 65_535] {
      let bytes = [UInt8(lie >> 8), UInt8(lie & 255)] + delete
      let (records, batch) = decodeAll(bytes)
      #expect(records.isEmpty)
      #expect(batch.consumed <= bytes.count)
      if lie > delete.count { #expect(batch.consumed == 0) }
    }
  }

  @Test func `decoding stops when records or frames are used up and goes on from there`() {
    var at = 0
    var kinds: [UInt8] = []
    var record = MarketRecord()
    while at < file.count {
      let batch = file.withUnsafeBufferPointer { input in
        guard let base = input.baseAddress else {
          return ITCHBatch(records: 0, malformed: 0, consumed: 0)
        }
        return ITCHDecoder.decodeFrames(
          base + at, count: input.count - at, midnight: 0, firstSequence: 1, into: &record,
          capacity: 1)
      }
      #expect(batch.records == 1)
      guard batch.consumed > 0 else { break }
      kinds.append(record.kind)
      at += batch.consumed
    }
    #expect(kinds == ITCHVectors.all.compactMap(\.kind.asciiValue))
  }

  @Test func `no more frames are taken than are asked for`() {
    var records = [MarketRecord](repeating: MarketRecord(), count: 8)
    let batch = file.withUnsafeBufferPointer { input in
      guard let base = input.baseAddress else {
        return ITCHBatch(records: 0, malformed: 0, consumed: 0)
      }
      return ITCHDecoder.decodeFrames(
        base, count: input.count, midnight: 0, firstSequence: 0, into: &records, capacity: 8,
        framesMax: 2)
    }
    #expect(batch == ITCHBatch(records: 2, malformed: 0, consumed: 14 + 41))
  }

  @Test func `the fuzz target holds on random and on damaged bytes`() {
    guard let target = ITCHFuzzTarget() else {
      Issue.record("no memory for the fuzz target")
      return
    }
    let seed: UInt64 = 5
    var random = SplitMix(state: seed)
    for round in 0..<300 {
      var bytes = file
      for _ in 0..<random.below(6) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
      if round % 3 == 0 {
        bytes = (0..<random.below(200)).map { _ in UInt8(random.below(256)) }
      }
      let isSound = bytes.withUnsafeBufferPointer { input in
        input.baseAddress.map { target.run($0, count: input.count) } ?? true
      }
      #expect(isSound, "seed \(seed) round \(round)")
    }
  }
}
