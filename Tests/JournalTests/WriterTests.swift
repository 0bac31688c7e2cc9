import ExecutionCore
import Glibc
import Journal
import Testing

@Suite struct WriterTests {
  @Test(arguments: JournalOptions.Mode.allCases, [1, 2, 3, 4] as [UInt64])
  func `what was appended comes back in order through many segments`(
    mode: JournalOptions.Mode, seed: UInt64
  ) throws {
    print("seed \(seed), mode \(mode)")
    let scratch = ScratchDirectory(onDisk: true)
    var random = SplitMix64(state: seed)
    let writer = try JournalWriter.open(scratch.path, smallOptions(mode))
    var written: [Sample] = []
    for _ in 0..<2000 {
      let sample = Sample.random(&random, payloadMax: seed == 1 ? 4044 : 300)
      let sequence = sample.append(to: writer.lane)
      if sequence != 0 { written.append(sample) }
      #expect(sequence == 0 || sequence == UInt64(written.count))
      if random.next() % 8 == 0 { writer.pump() }
    }
    try writer.close()
    #expect(written.count > 1000)
    #expect(writer.statistics.segments > 3)
    var at = 0
    let back = ReadBack(scratch.path) { record in
      #expect(at < written.count && written[at].matches(record), "record \(at + 1), seed \(seed)")
      at += 1
    }
    #expect(back.error == nil)
    #expect(at == written.count)
    let end = try #require(back.end)
    #expect(end.isSealed && !end.isBeingWritten && end.torn == nil)
    #expect(end.firstSequence == 1 && end.lastSequence == UInt64(written.count))
  }

  @Test func `the bytes do not depend on mode, nor on when the journal thread looks`() throws {
    var images: [[[UInt8]]] = []
    for run in 0..<4 {
      let scratch = ScratchDirectory()
      var random = SplitMix64(state: 77)
      let writer = try JournalWriter.open(
        scratch.path, smallOptions(run % 2 == 0 ? .shared : .memory))
      if run >= 2 { try writer.start() }
      var written = 0
      while written < 1500 {
        let sample = Sample.random(&random)
        // With a thread, wait for the next segment; without, do its work at odd times.
        while sample.append(to: writer.lane) == 0 {
          if run < 2 { writer.pump() } else { sched_yield() }
          try #require(writer.failure == nil)
        }
        written += 1
        if run < 2, written % (run == 0 ? 1 : 97) == 0 { writer.pump() }
        // A record is refused only when no segment is ready, so rolls happen at the same places.
      }
      try writer.close()
      images.append(
        names(in: scratch.path).filter { $0.hasSuffix(".ntj") }.map {
          contents(scratch.file($0))
        })
    }
    #expect(images[0].count > 3)
    #expect(images.allSatisfy { $0 == images[0] })
  }

  @Test func `files are cut to their length and the unused segment is removed`() throws {
    let scratch = ScratchDirectory()
    let writer = try JournalWriter.open(scratch.path, smallOptions())
    writer.pump()
    #expect(names(in: scratch.path).count == 3)
    var random = SplitMix64(state: 5)
    _ = Sample.random(&random).append(to: writer.lane)
    try writer.close()
    #expect(names(in: scratch.path) == ["journal-00000001.ntj", "lock"])
    #expect(contents(scratch.file("journal-00000001.ntj")).count < 4096 + 400)
  }

  @Test func `a journal without records leaves no segment`() throws {
    let scratch = ScratchDirectory()
    try JournalWriter.open(scratch.path, smallOptions()).close()
    #expect(names(in: scratch.path) == ["lock"])
    #expect(ReadBack(scratch.path).error?.kind == .notFound)
  }

  @Test func `a second run continues numbers of records and segments`() throws {
    let scratch = ScratchDirectory()
    var random = SplitMix64(state: 6)
    for run in 0..<3 {
      let writer = try JournalWriter.open(scratch.path, smallOptions())
      #expect(writer.previous.lastSequence == UInt64(run * 10))
      for i in 1...10 {
        #expect(Sample.random(&random).append(to: writer.lane) == UInt64(run * 10 + i))
      }
      try writer.close()
    }
    let back = ReadBack(scratch.path)
    #expect(back.sequences == Array(1...30))
    #expect(names(in: scratch.path).count == 4)
  }

  @Test func `a directory in use is refused and free again after close`() throws {
    let scratch = ScratchDirectory()
    let writer = try JournalWriter.open(scratch.path, smallOptions())
    let error = #expect(throws: JournalError.self) {
      try JournalWriter.open(scratch.path, smallOptions())
    }
    #expect(error?.kind == .locked)
    #expect(error?.description.contains("in use") == true)
    try writer.close()
    try JournalWriter.open(scratch.path, smallOptions()).close()
  }

  @Test func `appends after close are refused`() throws {
    let scratch = ScratchDirectory()
    var random = SplitMix64(state: 9)
    let writer = try JournalWriter.open(scratch.path, smallOptions())
    _ = Sample.random(&random).append(to: writer.lane)
    writer.pump()
    try writer.close()
    #expect(Sample.random(&random).append(to: writer.lane) == 0)
    #expect(Sample.random(&random).append(to: writer.lane, privileged: true) == 0)
    #expect(!writer.lane.hasRoom(payloadBytes: 8))
  }

  @Test(arguments: JournalOptions.Mode.allCases)
  func `a running journal can be read up to what is published`(mode: JournalOptions.Mode) throws {
    let scratch = ScratchDirectory()
    var random = SplitMix64(state: 10)
    let writer = try JournalWriter.open(scratch.path, smallOptions(mode))
    for i in 1...500 {
      while Sample.random(&random).append(to: writer.lane) == 0 { writer.pump() }
      if i % 50 == 0 {
        writer.pump()
        let back = ReadBack(scratch.path)
        #expect(back.error == nil)
        #expect(back.end?.isBeingWritten == true)
        #expect(back.sequences == Array(1...UInt64(i)))
      }
    }
    try writer.close()
  }

  @Test func `readers and the journal thread run beside the appender`() throws {
    let scratch = ScratchDirectory()
    var random = SplitMix64(state: 11)
    let writer = try JournalWriter.open(scratch.path, smallOptions())
    try writer.start()
    var written: UInt64 = 0
    for _ in 0..<40 {
      for _ in 0..<100 {
        while Sample.random(&random).append(to: writer.lane) == 0 { sched_yield() }
        written += 1
      }
      let back = ReadBack(scratch.path)
      #expect(back.error == nil)
      #expect(back.sequences == Array(1...written))
    }
    try writer.close()
    #expect(ReadBack(scratch.path).sequences.count == 4000)
  }

  @Test func `settings outside their range are refused with the range`() {
    let scratch = ScratchDirectory()
    var wrong = [JournalOptions](repeating: smallOptions(), count: 5)
    wrong[0].segmentBytes = 4096
    wrong[1].segmentBytes = JournalOptions.segmentBytesMin + 8
    wrong[2].reserveBytes = JournalOptions.segmentBytesMin
    wrong[3].pollMicroseconds = 0
    wrong[4].facts.build = String(repeating: "x", count: 33)
    for options in wrong {
      let error = #expect(throws: JournalError.self) {
        try JournalWriter.open(scratch.path, options)
      }
      #expect(error?.kind == .invalid)
    }
  }
}
