import CSupport
import Foundation

/// What the machine took from a suite while it ran: the kernel's own counters, and pauses that a
/// sampler saw which only sleeps and wakes. A third spinning thread would itself be the noise on a
/// machine of two processors, and so would a sampler that woke more often: one trip of the suite wire
/// is some ten microseconds and a wake a few, so that every 5 ms one in five hundred trips meets a wake,
/// but every millisecond one in a hundred, which is the p99. A second sleeper of 1 ms beside the suite
/// raised the p99 of its floor to 10.6 to 12.4 us, from 8.0 to 10.0 us beside one of 5 ms. So pauses below a
/// millisecond are not the sampler's but the preemptions', which the kernel counts.
struct Noise: Codable {
  /// Share of the processors' time that others used or the hypervisor took, percent of one processor.
  var othersPercent: Double
  var stolenPercent: Double
  /// This process was put off its processor so often by something else.
  var preemptions: Int
  /// Wake-ups of the sampler that came over a millisecond late, and the latest.
  var lateWakes: Int
  var latestWakeMicroseconds: Double
  var seconds: Double

  /// More than a tenth of a processor went to others: the figures are of a loaded machine.
  var isLoud: Bool { othersPercent + stolenPercent > 10 }

  var text: String {
    let others = String(format: "others %.1f %%, stolen %.1f %%", othersPercent, stolenPercent)
    let wakes = String(format: "%d (latest %.0f us)", lateWakes, latestWakeMicroseconds)
    return "noise: \(others) of a processor; \(preemptions) preemptions; late wakes \(wakes)"
      + (isLoud ? "; LOADED MACHINE" : "")
  }
}

/// Runs beside a suite.
final class NoiseMeter: @unchecked Sendable {
  private let lock = NSLock()
  private var stopped = false
  private var late = 0
  private var latest: Int64 = 0
  private let before = ProcessorTime.read()
  private let usage = NoiseMeter.ownUsage()
  private let start = nanoseconds()
  private let finished = DispatchSemaphore(value: 0)
  private static let period: Int64 = 5_000_000

  init() {
    // Asleep all but a few microseconds in five milliseconds.
    let thread = Thread { [self] in
      while !isStopped() {
        let due = nanoseconds() + Self.period
        var pause = timespec(tv_sec: 0, tv_nsec: Int(Self.period))
        nanosleep(&pause, nil)
        let over = nanoseconds() - due
        lock.lock()
        if over > 1_000_000 { late += 1 }
        latest = max(latest, over)
        lock.unlock()
      }
      finished.signal()
    }
    thread.name = "hiccups"
    thread.start()
  }

  private func isStopped() -> Bool {
    lock.lock()
    defer { lock.unlock() }
    return stopped
  }

  func end() -> Noise {
    lock.lock()
    stopped = true
    lock.unlock()
    finished.wait()
    let seconds = Double(nanoseconds() - start) / 1e9
    let after = ProcessorTime.read()
    let own = Self.ownUsage()
    let busy = after.busy - before.busy
    let mine = own.seconds - usage.seconds
    return Noise(
      othersPercent: max(0, 100 * (busy - mine) / seconds),
      stolenPercent: max(0, 100 * (after.stolen - before.stolen) / seconds),
      preemptions: own.preemptions - usage.preemptions, lateWakes: late,
      latestWakeMicroseconds: Double(latest) / 1e3, seconds: seconds)
  }

  static func ownUsage() -> (seconds: Double, preemptions: Int) {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    var children = rusage()
    getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &children)
    func seconds(_ t: timeval) -> Double { Double(t.tv_sec) + Double(t.tv_usec) / 1e6 }
    let spent = [usage, children].map { seconds($0.ru_utime) + seconds($0.ru_stime) }
    return (spent.reduce(0, +), usage.ru_nivcsw)
  }
}

/// Seconds since boot over all processors, from /proc/stat; zeros where it cannot be read.
struct ProcessorTime {
  var busy = 0.0
  var stolen = 0.0

  static func read() -> ProcessorTime {
    guard let text = try? String(contentsOfFile: "/proc/stat", encoding: .utf8) else {
      return .init()
    }
    return parse(text)
  }

  /// The line `cpu user nice system idle iowait irq softirq steal …` in hundredths (proc(5)).
  static func parse(_ text: String) -> ProcessorTime {
    let line = text.split(separator: "\n").first { $0.hasPrefix("cpu ") } ?? ""
    let fields = line.split(separator: " ").dropFirst().compactMap { Double($0) }
    guard fields.count >= 8 else { return .init() }
    let hundredths = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
    let busy = fields[0] + fields[1] + fields[2] + fields[5] + fields[6]
    return ProcessorTime(busy: busy / hundredths, stolen: fields[7] / hundredths)
  }
}
