import BenchSupport
import CAudit
import Glibc

/// What was counted between ``begin()`` and ``end()`` on the calling thread.
struct Found {
  var counts = audit_counts()
  var systemCalls: UInt64 = 0

  var isClean: Bool {
    counts.allocations == 0 && counts.frees == 0 && counts.objects == 0 && counts.retains == 0
      && counts.releases == 0 && counts.locks == 0 && systemCalls == 0
  }

  var text: String { counted + ", \(systemCalls) system calls" }
  /// All but the system calls.
  var counted: String {
    "\(counts.allocations) allocations, \(counts.frees) frees, \(counts.objects) objects, "
      + "\(counts.retains) retains, \(counts.releases) releases, \(counts.locks) locks"
  }

  var json: String { countedJSON + ", \"system_calls\": \(systemCalls)" }
  var countedJSON: String {
    "\"allocations\": \(counts.allocations), \"frees\": \(counts.frees), "
      + "\"objects\": \(counts.objects), \"retains\": \(counts.retains), "
      + "\"releases\": \(counts.releases), \"locks\": \(counts.locks)"
  }

  /// Counts around `work`, on this thread.
  static func around(_ work: () -> Void) throws -> Found {
    try SystemCalls.begin(audit_thread_own())
    audit_begin()
    work()
    let counts = audit_end()
    try SystemCalls.end()
    return Found(counts: counts, systemCalls: audit_calls_total())
  }
}

/// The counter of system calls, in Swift.
enum SystemCalls {
  struct Call {
    var name: String
    var calls: audit_call
  }

  static func begin(_ thread: Int32) throws {
    let error = audit_calls_begin(thread)
    if error == ETIMEDOUT { throw BenchError("system calls cannot be counted: \(Self.silence)") }
    guard error == 0 else {
      throw BenchError(
        "system calls cannot be counted (errno \(error)): ptrace is forbidden here, or a debugger "
          + "traces this process")
    }
  }

  static func end() throws {
    let error = audit_calls_end()
    if error == ETIMEDOUT { throw BenchError("system calls were not counted: \(Self.silence)") }
    guard error == 0 else {
      throw BenchError("the thread, or what counted its system calls, ended before its time")
    }
  }

  private static let silence =
    "the process that traces them did not answer within \(AUDIT_TRACER_SECONDS) s"

  /// Every call that was made, most frequent first.
  static func found() -> [Call] {
    (0..<UInt32(AUDIT_CALLS_MAX)).compactMap { number in
      let calls = audit_calls_of(number)
      guard calls.count > 0 else { return nil }
      let name = audit_call_name(number).map { String(cString: $0) } ?? ""
      return Call(name: name == "system call" ? "system call \(number)" : name, calls: calls)
    }.sorted { ($0.calls.count, $0.name) > ($1.calls.count, $1.name) }
  }
}
