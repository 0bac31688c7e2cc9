import CSupport
import Foundation

/// What no file tells: measured for a second or so, where `--measure` asks for it.
extension InspectedMachine {
  static let hiccupNanoseconds: Int64 = 1_000_000_000
  static let hiccupProcessorsMax = 4
  static let syncs = 200

  func measurements() -> [Finding] {
    hot.prefix(Self.hiccupProcessorsMax).map { hiccups(on: $0) } + [sync()]
  }

  /// A thread that only reads the time: what it misses, somebody took.
  private func hiccups(on processor: Int) -> Finding {
    let name = "hiccups on processor \(processor)"
    let why = "a spinning thread that loses the processor answers late by as much"
    let source = "measured"
    let probe = HiccupProbe(nanoseconds: Self.hiccupNanoseconds)
    if let reason = probe.run(on: processor) {
      return Finding(
        name: name, level: .unknown, observed: reason, source: source, why: why)
    }
    let longest = probe.longest / 1_000
    let seen =
      "longest \(longest) us, \(probe.count) above 10 us, "
      + "\(Self.decimal(Double(probe.lost) / Double(Self.hiccupNanoseconds) * 100)) % lost"
    let level: Finding.Level = longest > 1_000 ? .problem : longest > 100 ? .warning : .ok
    return Finding(
      name: name, level: level, observed: seen, source: source, why: why,
      cure: level == .ok
        ? nil
        : Finding.Cure(command: "isolate the processor: see isolation, timer tick, interrupts"))
  }

  /// Blocks of 4 KiB into a file that has its size, each made durable before the next.
  private func sync() -> Finding {
    let name = "time to make durable"
    let why = "group commit waits for it; the hot thread does not, while its lane has room"
    func finding(_ level: Finding.Level, _ seen: String, _ cure: String? = nil) -> Finding {
      Finding(
        name: name, level: level, observed: seen, source: "measured in \(wishes.data)", why: why,
        cure: cure.map { Finding.Cure(command: $0) })
    }
    var directory = wishes.data
    while access(directory, F_OK) != 0, !directory.isEmpty, directory != "/" {
      directory = (directory as NSString).deletingLastPathComponent
    }
    let times: [Int64]
    do throws(Unreadable) {
      times = try SyncProbe.run(directory.isEmpty ? "." : directory, count: Self.syncs)
    } catch { return finding(.unknown, error.reason) }
    let sorted = times.sorted()
    guard let last = sorted.last else { return finding(.unknown, "nothing was written") }
    let seen =
      "p50 \(sorted[sorted.count / 2] / 1_000) us, longest \(last / 1_000) us of \(sorted.count)"
    if last < 10_000_000 { return finding(.ok, seen) }
    let cure = "give '--data' a local NVMe file system of its own"
    return last < 100_000_000 ? finding(.warning, seen, cure) : finding(.problem, seen, cure)
  }
}

/// Threading: `run` starts the thread and joins it; the figures are read afterwards.
private final class HiccupProbe: @unchecked Sendable {
  private let nanoseconds: Int64
  private(set) var longest: Int64 = 0
  private(set) var count = 0
  private(set) var lost: Int64 = 0

  init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Why there is nothing to tell; nil when it was measured.
  func run(on processor: Int) -> String? {
    _ = nt_clock_calibrate()
    let context = Unmanaged.passRetained(self)
    var thread: OpaquePointer?
    var report = nt_thread_report()
    let code = "nt-doctor".withCString { name in
      nt_thread_start(
        &thread,
        nt_thread_options(
          name: name, cpu: Int32(clamping: processor), fifo_priority: 0, stack_bytes: 0,
          prefault_stack: true),
        { Unmanaged<HiccupProbe>.fromOpaque($0!).takeRetainedValue().spin() }, context.toOpaque(),
        &report)
    }
    guard code == 0, let thread else {
      context.release()
      return "no thread: \(String(cString: strerror(code)))"
    }
    nt_thread_join(thread)
    return report.pin_errno == 0
      ? nil : "cannot be pinned: \(String(cString: strerror(report.pin_errno)))"
  }

  private func spin() {
    var last = nt_clock_now()
    let end = last + nanoseconds
    while last < end {
      let now = nt_clock_now()
      let gap = now - last
      if gap > 10_000 {
        count += 1
        lost += gap
        longest = max(longest, gap)
      }
      last = now
    }
  }
}

private enum SyncProbe {
  static let bytes = 4_096
  static let nanosecondsMax: Int64 = 1_000_000_000

  static func run(_ directory: String, count: Int) throws(Unreadable) -> [Int64] {
    let path = "\(directory)/.needletail-doctor-\(getpid())"
    func failed(_ step: String) -> Unreadable {
      Unreadable(source: path, reason: "\(step): \(String(cString: strerror(errno)))")
    }
    let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failed("no file there") }
    defer {
      close(file)
      unlink(path)
    }
    guard posix_fallocate(file, 0, off_t(count * bytes)) == 0 else { throw failed("no room") }
    let block = [UInt8](repeating: 0x5a, count: bytes)
    var times: [Int64] = []
    let begin = nt_clock_now()
    for index in 0..<count {
      let start = nt_clock_now()
      guard pwrite(file, block, bytes, off_t(index * bytes)) == bytes, fdatasync(file) == 0 else {
        throw failed("writing")
      }
      let now = nt_clock_now()
      times.append(now - start)
      if now - begin > nanosecondsMax { break }
    }
    return times
  }
}
