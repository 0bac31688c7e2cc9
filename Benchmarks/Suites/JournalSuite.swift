import BenchSupport
import CFloors
import ExecutionCore
import Foundation
import Journal

/// How fast do events become durable, and how fast is a journal read back?
///
/// One pinned thread appends a million records of 128 bytes to the lane, as the engine does; the journal's
/// own thread on the other processor makes them durable behind its back, a mebibyte or more at a time.
/// That is mode shared: nobody waits for the disk, and no order is held back until its record is durable.
/// The goal of group commit (mode disk) is none of the figures.
enum JournalSuite: Suite {
  static let name = "journal"
  static let question = "how fast do events become durable, and how fast is a journal read back?"
  static let recordBytes = 128
  /// What the journal thread makes durable at once, and the floor too.
  static let blockBytes = 1 << 20

  static func run(_ context: BenchContext) throws -> [Figure] {
    pin(context.processors[context.processors.count - 1])
    let count = context.quick ? 10_000 : 1_000_000
    var floor: [Double] = []
    var durable: [Double] = []
    var read: [Double] = []
    var refused: [Double] = []
    var errors = 0
    try warmUp(count / 10, context)
    for run in 0..<context.runs {
      let folder = try ScratchFolder(in: BenchContext.cache, "journal")
      defer { folder.remove() }
      let rate = { (seconds: Double) in Double(count) / seconds / 1e6 }
      func floors() throws { floor.append(rate(try Self.floor(count, folder.path + "/floor"))) }
      if run % 2 == 0 { try floors() }
      let written = try write(count, folder.path + "/journal", context)
      durable.append(rate(written.seconds))
      refused.append(Double(written.refused))
      if run % 2 == 1 { try floors() }
      let back = try self.read(folder.path + "/journal", count)
      read.append(back.seconds)
      errors += back.errors
    }
    let recovery = try recovery(records: context.quick ? 20_000 : 1_000_000, runs: context.runs)
    errors += recovery.errors
    let disk = onMemory(BenchContext.cache) ? "in memory (tmpfs), no disk" : nil
    return [
      Figure("floor: write and fdatasync, a MiB at a time", "M/s", floor, note: disk),
      Figure(
        "128 B appended, mode shared, until all is durable", "M/s", durable,
        note: disk ?? "made durable behind the engine, nobody waits: not group commit"),
      Figure("the same / floor", "x", zip(durable, floor).map { $0 / $1 }),
      Figure(
        "full segments waited for, refused appends", "count", refused,
        note: "each tried again, as a benchmark may and an engine does not"),
      Figure(
        "\(number(Double(count))) records read back and checked", "s", read,
        note: "checksums and numbers, from the page cache; no engine is rebuilt: not recovery"),
      Figure(
        "a day of \(number(recovery.records)) records, checked", "s", recovery.scan,
        note: "as above, of what an engine wrote"),
      Figure(
        "an engine recovered from it", "s", recovery.recover, goal: .recovery,
        note:
          "applied, compared, hashes compared; the engine's memory taken, on huge pages as a run asks for, books empty"
      ),
      Figure(
        "checked / recovered", "x", zip(recovery.scan, recovery.recover).map { $0 / $1 },
        limit: context.quick ? nil : .init(value: 0.4, atLeast: true)),
      Figure(
        "errors", "errors", [Double(errors)], limit: .init(value: 0, atLeast: false)),
    ]
  }

  /// The first file, the first thread and the first pages of a process are of another kind.
  private static func warmUp(_ count: Int, _ context: BenchContext) throws {
    let folder = try ScratchFolder(in: BenchContext.cache, "journal")
    defer { folder.remove() }
    _ = try floor(count, folder.path + "/floor")
    _ = try write(count, folder.path + "/journal", context)
    _ = try read(folder.path + "/journal", count)
  }

  /// Seconds.
  private static func floor(_ count: Int, _ path: String) throws -> Double {
    let bytes = [UInt8](repeating: 7, count: count * recordBytes)
    let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    guard file >= 0 else { throw BenchError("\(path): errno \(errno)") }
    defer { close(file) }
    let reserved = posix_fallocate(file, 0, off_t(bytes.count))
    guard reserved == 0, fsync(file) == 0 else { throw BenchError("\(path): errno \(reserved)") }
    let start = nanoseconds()
    let error = floor_disk_append(file, bytes, bytes.count, blockBytes)
    guard error == 0 else { throw BenchError("the floor cannot write \(path): errno \(error)") }
    return Double(nanoseconds() - start) / 1e9
  }

  /// From the first append to the end of the close, when the last record is durable.
  private static func write(
    _ count: Int, _ directory: String, _ context: BenchContext
  ) throws -> (seconds: Double, refused: UInt64) {
    var options = JournalOptions(facts: JournalFacts(build: "bench"))
    options.flushBytes = blockBytes
    // One processor has room for both, in turn.
    options.cpu = context.processors[0]
    do {
      let writer = try JournalWriter.open(directory, options)
      try writer.start()
      let start = nanoseconds()
      try append(count, to: writer.lane, handicap: context.handicap)
      try writer.close()
      return (Double(nanoseconds() - start) / 1e9, writer.statistics.refused)
    } catch let error as JournalError { throw BenchError("\(error)") }
  }

  private static func append(_ count: Int, to lane: RecordLane, handicap: Int64) throws {
    let payload = UnsafeMutableRawBufferPointer.allocate(
      byteCount: payloadBytes, alignment: 16)
    defer { payload.deallocate() }
    payload.initializeMemory(as: UInt8.self, repeating: 7)
    let header = RecordHeader(type: .strategyState)
    let patience = nanoseconds() + 60_000_000_000
    for i in 0..<count {
      payload.storeBytes(of: UInt64(i), as: UInt64.self)
      if handicap > 0 { spend(handicap) }
      while lane.append(header, payload.baseAddress, payloadBytes, privileged: false) == 0 {
        // The next segment is not there yet.
        guard lane.failure == 0, nanoseconds() < patience else {
          throw BenchError("the journal took \(i) of \(count) records: errno \(lane.failure)")
        }
        sched_yield()
      }
    }
  }
  /// Header and checksum are 52.
  private static let payloadBytes = recordBytes - 52

  private static func read(_ directory: String, _ count: Int) throws -> (
    seconds: Double, errors: Int
  ) {
    var next: UInt64 = 0
    var wrong = 0
    let start = nanoseconds()
    do throws(JournalError) {
      let end = try JournalReader(directory).read { record in
        if record.load(0, as: UInt64.self) != next { wrong += 1 }
        next += 1
        return true
      }
      let seconds = Double(nanoseconds() - start) / 1e9
      let isWhole = end.records == UInt64(count) && end.isSealed && end.torn == nil
      return (seconds, wrong + (isWhole ? 0 : 1))
    } catch { throw BenchError("\(error)") }
  }

  /// A file system that has no disk, as the kernel lists it by its device.
  private static func onMemory(_ path: String) -> Bool {
    var facts = stat()
    guard stat(path, &facts) == 0 else { return false }
    // makedev(3).
    let minor = facts.st_dev & 0xFF | facts.st_dev &>> 12 & 0xFFF00
    let device = "\(facts.st_dev &>> 8 & 0xFFF):\(minor)"
    let mounts = try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
    return (mounts ?? "").split(separator: "\n").contains { line in
      let fields = line.split(separator: " ")
      guard fields.count > 2, fields[2] == device, let dash = fields.firstIndex(of: "-"),
        dash + 1 < fields.count
      else { return false }
      return ["tmpfs", "ramfs"].contains(fields[dash + 1])
    }
  }
}
