import ExecutionCore
import Journal
import Testing

/// A small journal of one segment, closed, with the offset behind each record.
private struct SmallJournal {
  let scratch = ScratchDirectory()
  var image: [UInt8] = []
  var ends: [Int] = []
  var file: String { scratch.file("journal-00000001.ntj") }

  init(records: Int, seed: UInt64) throws {
    var random = SplitMix64(state: seed)
    let writer = try JournalWriter.open(scratch.path, smallOptions())
    for _ in 0..<records {
      #expect(Sample.random(&random, payloadMax: 60).append(to: writer.lane) != 0)
    }
    try writer.close()
    image = contents(file)
    _ = ReadBack(scratch.path) { ends.append($0.offset + Int($0.header.length)) }
    #expect(ends.count == records && ends.last == image.count)
  }

  /// As a crash leaves it: not sealed, nothing known durable, zeros behind the records.
  var crashed: [UInt8] {
    var open = image
    for i in 128..<136 { open[i] = 0 }
    open[129] = 0x10  // 4096
    for i in 192..<200 { open[i] = 0 }
    open[193] = 0x10
    for i in 256..<272 { open[i] = 0 }
    for i in 4088..<4096 { open[i] = 0 }
    return open + [UInt8](repeating: 0, count: 512)
  }

  func wholeRecords(_ bytes: Int) -> Int { ends.filter { $0 <= bytes }.count }
}

@Suite struct CorruptionTests {
  @Test func `a closed journal cut anywhere is corrupt and gives its whole records`() throws {
    let journal = try SmallJournal(records: 12, seed: 21)
    for cut in 0..<journal.image.count where cut % 16 == 0 || cut > 4080 {
      store(Array(journal.image[..<cut]), journal.file)
      let back = ReadBack(journal.file)
      #expect(back.error?.kind == .corruption, "cut at \(cut)")
      #expect(back.error?.file == journal.file && back.error?.offset != nil)
      #expect(back.sequences.count == journal.wholeRecords(cut), "cut at \(cut)")
    }
  }

  @Test func `a journal cut by a crash at any byte keeps every whole record`() throws {
    let journal = try SmallJournal(records: 12, seed: 22)
    let open = journal.crashed
    for cut in 4096..<(journal.image.count + 64) {
      store(Array(open[..<cut]), journal.file)
      let back = ReadBack(journal.file)
      let whole = journal.wholeRecords(cut)
      #expect(back.error == nil, "cut at \(cut)")
      #expect(back.sequences == Array(1...UInt64(max(1, whole))).prefix(whole).map { $0 })
      let edge = whole == 0 ? 4096 : journal.ends[whole - 1]
      let rest = open[edge..<cut]
      #expect((back.end?.torn != nil) == rest.contains { $0 != 0 }, "cut at \(cut)")
      if let torn = back.end?.torn { #expect(torn.offset == edge && torn.file == journal.file) }
    }
  }

  @Test func `a tail of which only the first bytes reached the disk is torn at any byte`() throws {
    let journal = try SmallJournal(records: 6, seed: 23)
    let open = journal.crashed
    for cut in 4096..<journal.image.count {
      var image = open
      for i in cut..<image.count { image[i] = 0 }
      store(image, journal.file)
      let back = ReadBack(journal.file)
      #expect(back.error == nil, "cut at \(cut)")
      // A record whose last bytes are zeros anyway is whole without them.
      #expect(back.sequences.count >= journal.wholeRecords(cut))
      #expect(back.sequences.count <= journal.wholeRecords(cut) + 1)
    }
  }

  @Test func `every flipped bit of a closed journal is found`() throws {
    let journal = try SmallJournal(records: 3, seed: 24)
    // Every bit of the header's fields and of the records; of the zeros between one in 37.
    let fields: [Range<Int>] = [0..<104, 120..<136, 192..<200, 256..<360, 4088..<1_000_000]
    let bits = (0..<(journal.image.count * 8)).filter { (bit: Int) -> Bool in
      let byte: Int = bit / 8
      return bit % 37 == 0 || fields.contains { $0.contains(byte) }
    }
    for bit in bits {
      var image = journal.image
      image[bit / 8] ^= 1 << UInt8(bit % 8)
      store(image, journal.file)
      let back = ReadBack(journal.file)
      #expect(back.error != nil, "bit \(bit % 8) of byte \(bit / 8)")
      if bit / 8 >= 4096 {
        #expect(back.error?.kind == .corruption)
        let start = ([4096] + journal.ends).last { $0 <= bit / 8 }
        #expect(back.error?.offset == start, "bit \(bit % 8) of byte \(bit / 8)")
        #expect(back.sequences.count == journal.wholeRecords(start!))
      }
    }
  }

  @Test func `a bit flipped in a crashed journal is corruption before the last record`() throws {
    let journal = try SmallJournal(records: 3, seed: 25)
    let open = journal.crashed
    for bit in (4096 * 8)..<(journal.image.count * 8) {
      var image = open
      image[bit / 8] ^= 1 << UInt8(bit % 8)
      store(image, journal.file)
      let back = ReadBack(journal.file)
      let start = ([4096] + journal.ends).last { $0 <= bit / 8 }!
      if start == journal.ends[journal.ends.count - 2] {
        #expect(back.error == nil && back.end?.torn?.offset == start, "bit \(bit)")
      } else {
        #expect(back.error?.kind == .corruption && back.error?.offset == start, "bit \(bit)")
      }
    }
  }

  @Test func `damage within what was durable is corruption even at the end`() throws {
    let journal = try SmallJournal(records: 3, seed: 26)
    var image = journal.crashed
    let end = UInt64(journal.image.count)
    for i in 0..<8 { image[192 + i] = UInt8(truncatingIfNeeded: end >> (8 * UInt64(i))) }
    image[journal.image.count - 1] ^= 1
    store(image, journal.file)
    let error = ReadBack(journal.file).error
    #expect(error?.kind == .corruption && error?.message.contains("durable") == true)
  }

  @Test func `a missing segment and a segment under a wrong name are named`() throws {
    let scratch = ScratchDirectory()
    var random = SplitMix64(state: 27)
    for _ in 0..<3 {
      let writer = try JournalWriter.open(scratch.path, smallOptions())
      _ = Sample.random(&random).append(to: writer.lane)
      try writer.close()
    }
    let second = scratch.file("journal-00000002.ntj")
    let image = contents(second)
    store(contents(scratch.file("journal-00000003.ntj")), second)
    #expect(ReadBack(scratch.path).error?.message.contains("segment 3") == true)
    unlinkFile(second)
    let missing = ReadBack(scratch.path)
    #expect(missing.error?.kind == .corruption && missing.sequences == [1])
    #expect(missing.error?.message.contains("journal-00000002.ntj") == true)
    store(image, second)
    #expect(ReadBack(scratch.path).sequences == [1, 2, 3])
    #expect(ReadBack(second).sequences == [2])
  }

  @Test func `what is no journal is refused in words`() {
    let scratch = ScratchDirectory()
    #expect(ReadBack(scratch.path + "/absent").error?.kind == .notFound)
    #expect(ReadBack(scratch.path).error?.kind == .notFound)
    let file = scratch.file("noise")
    var random = SplitMix64(state: 28)
    for count in [0, 1, 100, 4095, 4096, 20_000] {
      store((0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }, file)
      let error = ReadBack(file).error
      #expect(error?.kind == .corruption && error?.remedy.isEmpty == false)
    }
  }

  @Test(arguments: 1...8) func `noise behind a header never becomes a record`(seed: UInt64) throws {
    print("seed \(seed)")
    let journal = try SmallJournal(records: 2, seed: seed)
    var random = SplitMix64(state: seed)
    for _ in 0..<50 {
      var image = journal.crashed
      for i in journal.image.count..<image.count {
        image[i] = random.next() % 3 == 0 ? UInt8.random(in: 0...255, using: &random) : 0
      }
      store(image, journal.file)
      let back = ReadBack(journal.file)
      #expect(back.error == nil && back.sequences == [1, 2])
      #expect(back.end?.torn?.offset == journal.image.count)
    }
  }

  @Test func `a torn tail is cut off by the next run, which goes on behind it`() throws {
    let journal = try SmallJournal(records: 5, seed: 29)
    store(Array(journal.crashed[..<(journal.image.count - 3)]), journal.file)
    let writer = try JournalWriter.open(journal.scratch.path, smallOptions())
    #expect(writer.previous.torn?.offset == journal.ends[3])
    #expect(writer.previous.lastSequence == 4)
    var random = SplitMix64(state: 30)
    #expect(Sample.random(&random).append(to: writer.lane) == 5)
    try writer.close()
    let back = ReadBack(journal.scratch.path)
    #expect(back.sequences == [1, 2, 3, 4, 5] && back.end?.torn == nil)
    #expect(contents(journal.file).count == journal.ends[3])
  }

  @Test func `a corrupt directory is not written to`() throws {
    let journal = try SmallJournal(records: 5, seed: 31)
    var image = journal.image
    image[journal.ends[1] + 20] ^= 4
    store(image, journal.file)
    let error = #expect(throws: JournalError.self) {
      try JournalWriter.open(journal.scratch.path, smallOptions())
    }
    #expect(error?.kind == .corruption && error?.offset == journal.ends[1])
    #expect(contents(journal.file) == image)
  }
}
