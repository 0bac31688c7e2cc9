import ExecutionCore
import Glibc
import Journal
import Testing

/// Fills the lane as an engine does: ordinary records until refused.
private func fill(_ lane: RecordLane, _ random: inout SplitMix64) -> UInt64 {
  var last: UInt64 = 0
  let tries = 100_000
  for _ in 0..<tries {
    let sequence = Sample.random(&random).append(to: lane)
    if sequence == 0 { return last }
    last = sequence
  }
  return last
}

@Suite struct FaultTests {
  @Test(arguments: JournalOptions.Mode.allCases)
  func `a full disk stops orders, takes cancels, and loses nothing`(mode: JournalOptions.Mode)
    throws
  {
    let scratch = ScratchDirectory()
    let faults = JournalFaults()
    var options = smallOptions(mode)
    options.faults = faults
    faults.fail(.preallocate, at: 2, code: ENOSPC)
    var random = SplitMix64(state: 41)
    let writer = try JournalWriter.open(scratch.path, options)
    #expect(Sample.random(&random).append(to: writer.lane) == 1)
    #expect(writer.lane.failure == 0 && writer.failure == nil)
    writer.pump()
    #expect(writer.lane.failure == ENOSPC)
    let reason = try #require(writer.failure)
    #expect(reason.kind == .system(code: ENOSPC))
    #expect(reason.description.contains("No space left on device"))
    #expect(reason.description.contains("journal-00000002.ntj"))
    #expect(reason.description.contains("free space"))
    #expect(Sample.random(&random).append(to: writer.lane) == 0, "a new order")
    #expect(!writer.lane.hasRoom(payloadBytes: 8))
    for sequence in 2...20 {
      #expect(
        Sample.random(&random).append(to: writer.lane, privileged: true) == UInt64(sequence))
    }
    for _ in 0..<5 { writer.pump() }
    #expect(faults.count(.preallocate) == 2, "no second try")
    let thrown = #expect(throws: JournalError.self) { try writer.close() }
    #expect(thrown == reason)
    let back = ReadBack(scratch.path)
    #expect(back.error == nil && back.sequences == Array(1...20))
    #expect(back.end?.isSealed == true)
    #expect(names(in: scratch.path) == ["journal-00000001.ntj", "lock"])
  }

  @Test func `without a next segment cancels use the reserve to its end and no further`() throws {
    let scratch = ScratchDirectory()
    var random = SplitMix64(state: 42)
    let writer = try JournalWriter.open(scratch.path, smallOptions(reserve: 8192))
    let ordinary = fill(writer.lane, &random)
    #expect(ordinary > 100 && writer.lane.refused == 1)
    #expect(writer.lane.nextSequence == ordinary + 1, "a refused record uses up no number")
    var privileged = ordinary
    while Sample.random(&random).append(to: writer.lane, privileged: true) != 0 { privileged += 1 }
    let used = (privileged - ordinary) * 56
    #expect(privileged - ordinary >= 8192 / 400 && used <= 8192 + 400)
    #expect(!writer.lane.hasRoom(payloadBytes: 0))
    writer.pump()
    #expect(writer.lane.hasRoom(payloadBytes: 4044), "the next segment is there")
    #expect(Sample.random(&random).append(to: writer.lane) == privileged + 1)
    try writer.close()
    #expect(ReadBack(scratch.path).sequences == Array(1...(privileged + 1)))
  }

  @Test func `a record that is too long is refused, the longest is not`() throws {
    let scratch = ScratchDirectory()
    let writer = try JournalWriter.open(scratch.path, smallOptions())
    var sample = Sample(
      type: .strategyState, sessionTime: 1, cause: 0, account: 0,
      payload: [UInt8](repeating: 7, count: RecordLane.payloadMax + 1))
    #expect(sample.append(to: writer.lane, privileged: true) == 0)
    sample.payload.removeLast()
    #expect(sample.append(to: writer.lane) == 1)
    #expect(writer.lane.append(RecordHeader(type: .timer), nil, -1, privileged: true) == 0)
    try writer.close()
    var matched = false
    let back = ReadBack(scratch.path) { matched = sample.matches($0) }
    #expect(back.error == nil && matched)
  }

  @Test(arguments: [EIO, ENOSPC]) func `a failed flush is never tried again`(code: Int32) throws {
    let scratch = ScratchDirectory()
    let faults = JournalFaults()
    var options = smallOptions(.memory)
    options.faults = faults
    options.flushBytes = 1
    var random = SplitMix64(state: 43)
    let writer = try JournalWriter.open(scratch.path, options)
    writer.pump()
    _ = Sample.random(&random).append(to: writer.lane)
    faults.fail(.sync, at: faults.count(.sync) + 1, code: code)
    let before = faults.count(.sync)
    for _ in 0..<10 { writer.pump() }
    #expect(faults.count(.sync) == before + 1)
    #expect(writer.lane.failure == code)
    let thrown = #expect(throws: JournalError.self) { try writer.close() }
    #expect(thrown?.message.contains("cannot flush") == true)
    #expect(faults.count(.sync) == before + 1)
    let back = ReadBack(scratch.path)
    #expect(back.error == nil && back.sequences == [1] && back.end?.isSealed == false)
  }

  @Test func `a short write fails the journal`() throws {
    let scratch = ScratchDirectory()
    let faults = JournalFaults()
    var options = smallOptions(.memory)
    options.faults = faults
    var random = SplitMix64(state: 44)
    let writer = try JournalWriter.open(scratch.path, options)
    writer.pump()
    for _ in 0..<10 { _ = Sample.random(&random).append(to: writer.lane) }
    faults.fail(.write, at: faults.count(.write) + 1, code: 0, short: true)
    writer.pump()
    #expect(writer.failure?.kind == .shortWrite && writer.lane.failure == EIO)
    #expect(throws: JournalError.self) { try writer.close() }
    let back = ReadBack(scratch.path)
    #expect(back.error == nil && back.sequences.count < 10)
  }

  /// Nth-failure sweep: every operation fails at every place until the run gets through.
  @Test(arguments: JournalFaults.Operation.allCases, JournalOptions.Mode.allCases)
  func `whatever operation fails first, nothing published to the file is lost`(
    operation: JournalFaults.Operation, mode: JournalOptions.Mode
  ) throws {
    let placesMax = 200
    for place in 1...placesMax {
      let scratch = ScratchDirectory()
      let faults = JournalFaults()
      faults.fail(operation, at: place, code: EIO)
      var options = smallOptions(mode)
      options.faults = faults
      options.flushBytes = 4096
      var random = SplitMix64(state: 45)
      let writer: JournalWriter
      do throws(JournalError) { writer = try JournalWriter.open(scratch.path, options) } catch {
        #expect(error.code == EIO && !error.file.isEmpty)
        #expect(names(in: scratch.path).allSatisfy { $0 == "lock" || $0.hasSuffix(".ntj") })
        continue
      }
      var last: UInt64 = 0
      for i in 0..<500 {
        let sequence = Sample.random(&random).append(to: writer.lane)
        if sequence != 0 { last = sequence }
        if i % 20 == 0 { writer.pump() }
      }
      var failed = false
      do throws(JournalError) { try writer.close() } catch { failed = true }
      #expect(failed == (writer.failure != nil))
      let back = ReadBack(scratch.path)
      #expect(back.error == nil, "\(operation) at \(place)")
      if mode == .shared || !failed {
        #expect(back.sequences == Array(1...last), "\(operation) at \(place)")
      }
      #expect(back.sequences == back.sequences.indices.map { UInt64($0) + 1 })
      if !failed {
        #expect(faults.count(operation) < place)
        return
      }
    }
    Issue.record("the run never got through")
  }

  @Test func `a directory that cannot be written is refused with its errno`() {
    let error = #expect(throws: JournalError.self) {
      try JournalWriter.open("/proc/needletail", smallOptions())
    }
    #expect(error?.description.contains("/proc/needletail") == true)
    #expect(error?.remedy.isEmpty == false)
  }
}

/// A file system of its own that is too small for two segments.
private final class TinyFileSystem {
  let scratch = ScratchDirectory()
  init?(bytes: Int) {
    guard mount("tmpfs", scratch.path, "tmpfs", 0, "size=\(bytes)") == 0 else { return nil }
  }
  deinit { umount2(scratch.path, Int32(MNT_DETACH)) }
  static var isPossible: Bool { TinyFileSystem(bytes: 1 << 20) != nil }
}

@Suite struct FullDiskTests {
  // Mounting takes root; without it this test is shown as skipped.
  @Test(
    .enabled(
      if: TinyFileSystem.isPossible, "needs the right to mount a tmpfs of 100 KiB (root)"),
    arguments: JournalOptions.Mode.allCases)
  func `a file system without room for the next segment stops orders in time`(
    mode: JournalOptions.Mode
  ) throws {
    let tiny = try #require(TinyFileSystem(bytes: 100 << 10))
    var random = SplitMix64(state: 46)
    let writer = try JournalWriter.open(tiny.scratch.path + "/data", smallOptions(mode))
    #expect(Sample.random(&random).append(to: writer.lane) == 1)
    writer.pump()
    #expect(writer.failure?.kind == .system(code: ENOSPC))
    #expect(Sample.random(&random).append(to: writer.lane) == 0)
    var last: UInt64 = 1
    while true {
      let sequence = Sample.random(&random).append(to: writer.lane, privileged: true)
      if sequence == 0 { break }
      last = sequence
    }
    #expect(last > 200)
    #expect(throws: JournalError.self) { try writer.close() }
    #expect(ReadBack(tiny.scratch.path + "/data").sequences == Array(1...last))
  }

  @Test(.enabled(if: TinyFileSystem.isPossible, "needs the right to mount a tmpfs (root)"))
  func `a file system without room for one segment is refused at the start`() throws {
    let tiny = try #require(TinyFileSystem(bytes: 40 << 10))
    let error = #expect(throws: JournalError.self) {
      try JournalWriter.open(tiny.scratch.path, smallOptions())
    }
    #expect(error?.kind == .system(code: ENOSPC))
    #expect(names(in: tiny.scratch.path) == ["lock"])
  }
}
