import CSupport
import Foundation

/// What the figures were measured on, in one line.
enum Machine {
  static var architecture: String {
    #if arch(x86_64)
      "x86_64"
    #elseif arch(arm64)
      "arm64"
    #else
      "other"
    #endif
  }

  /// Path of this program.
  static var executable: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? CommandLine.arguments[0]
  }

  static func processor() -> String {
    var model = "unknown processor"
    if let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) {
      for line in text.split(separator: "\n")
      where line.hasPrefix("model name") || line.hasPrefix("CPU implementer") {
        model =
          line.split(separator: ":").last.map(String.init)?
          .trimmingCharacters(in: .whitespaces) ?? model
        break
      }
    }
    return model
  }

  static func describe() -> String {
    let kernel = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8))?
      .trimmingCharacters(in: .whitespacesAndNewlines)
    return "\(processor()), \(processors().count) processors, kernel \(kernel ?? "unknown")"
  }

  /// What will spoil the figures, said before they are taken.
  static func troubles() -> [String] {
    var lines: [String] = []
    let count = processors().count
    if count < 2 {
      lines.append("one processor: suites that need two spinning ends cannot measure")
    }
    let load = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8))
      .flatMap { $0.split(separator: " ").first }.flatMap { Double($0) }
    if let load, load > Double(count) / 2 {
      lines.append(
        "loaded machine: \(load) runnable on \(count) processors over the last minute; "
          + "stop what runs, or read the ratios only")
    }
    if !canPin() {
      lines.append("threads cannot be pinned here (sched_setaffinity): expect a wide spread")
    }
    return lines
  }

  private static func canPin() -> Bool {
    // All that are allowed: changes nothing where it is permitted.
    let all = processors()
    return nt_thread_pin_self(all, UInt32(all.count)) == 0
  }

  /// Processors that this process may run on, lowest first, as the kernel lists them.
  static func processors() -> [Int32] {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: {
        $0.hasPrefix("Cpus_allowed_list:")
      })
    else { return [0] }
    var out: [Int32] = []
    for part in line.dropFirst("Cpus_allowed_list:".count).split(separator: ",") {
      let ends = part.trimmingCharacters(in: .whitespaces).split(separator: "-")
        .compactMap { Int32($0) }
      if let first = ends.first, let last = ends.last, first <= last { out += first...last }
    }
    return out.isEmpty ? [0] : out.sorted()
  }
}

/// Machine time of the floors and of the suites: nanoseconds of CLOCK_MONOTONIC.
func nanoseconds() -> Int64 {
  Int64(clock_gettime_nsec_np())
}

@inline(__always)
private func clock_gettime_nsec_np() -> UInt64 {
  var t = timespec()
  clock_gettime(CLOCK_MONOTONIC, &t)
  return UInt64(t.tv_sec) &* 1_000_000_000 &+ UInt64(t.tv_nsec)
}

/// Spins for the handicap: work put in on purpose, so that a gate can be seen to fail.
@inline(__always)
func spend(_ handicap: Int64) {
  guard handicap > 0 else { return }
  let end = nanoseconds() + handicap
  while nanoseconds() < end {}
}
