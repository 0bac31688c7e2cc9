import CSupport
import Foundation

/// The one thread that trades: named, on a processor of its own, with priority where that was asked
/// for. What the system does not grant is said in one line each, and the run goes on.
///
/// Threading: started and joined by the main thread.
struct HotThread {
  private let thread: OpaquePointer
  /// One line for each wish that was not granted.
  let notes: [String]

  /// Runs `body` on the thread. `body` must not throw: it tells its failure by the monitor.
  init(
    _ runtime: Configuration.Runtime, body: @escaping @Sendable () -> Void
  ) throws(CommandFailure) {
    var notes: [String] = []
    if runtime.lockMemory {
      let code = nt_memory_lock_all()
      if code != 0 {
        notes.append(
          "memory is not locked (\(String(cString: strerror(code)))): raise 'ulimit -l', or set "
            + "runtime.lock_memory to false")
      }
    }
    final class Body: Sendable {
      let run: @Sendable () -> Void
      init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    let context = Unmanaged.passRetained(Body(body))
    var report = nt_thread_report()
    var thread: OpaquePointer?
    let code = "nt-hot".withCString { name in
      let options = nt_thread_options(
        name: name, cpu: Self.processor(runtime.processor), fifo_priority: Int32(runtime.priority),
        stack_bytes: 8 << 20, prefault_stack: true)
      return nt_thread_start(
        &thread, options, { Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run() },
        context.toOpaque(), &report)
    }
    guard code == 0, let thread else {
      context.release()
      throw CommandFailure(
        .unavailable, "the hot thread cannot be started: \(String(cString: strerror(code)))")
    }
    var text = [CChar](repeating: 0, count: 512)
    if nt_thread_report_text(&report, "hot thread", &text, text.count) > 0 {
      let line = String(
        decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      notes += line.split(separator: "\n").map(String.init)
    }
    self.thread = thread
    self.notes = notes
  }

  /// The processor that was asked for, or the last of those that this process may use; −1 (any) when
  /// there is only one, which the exchange needs too.
  private static func processor(_ wanted: Int) -> Int32 {
    if wanted >= 0 { return Int32(wanted) }
    var allowed = [Int32](repeating: 0, count: Int(NT_CPUS_MAX))
    let count = Int(nt_cpu_allowed(&allowed, UInt32(allowed.count)))
    return count < 2 ? -1 : allowed[min(count, allowed.count) - 1]
  }

  func join() { _ = nt_thread_join(thread) }
}
