import Foundation

/// What the figures were measured on, in one line.
enum Machine {
  static func describe() -> String {
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
    let kernel = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8))?
      .trimmingCharacters(in: .whitespacesAndNewlines)
    return "\(model), \(processors().count) processors, kernel \(kernel ?? "unknown")"
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
