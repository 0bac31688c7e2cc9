internal import CSupport
internal import Glibc

/// The one thread that trades: named, on a processor of its own, with priority where that was asked
/// for. What the system does not grant is said in one line each, and the run goes on.
///
/// Threading: started and joined by the main thread.
@safe package struct HotThread {
  private let thread: OpaquePointer
  /// One line for each wish that was not granted.
  package let notes: [String]

  /// Runs `body` where it was chosen; see the other initialiser.
  package init(
    at choice: ProcessorChoice, priority: Int = 0, locksMemory: Bool,
    body: @escaping @Sendable () -> Void
  ) throws(HotThreadError) {
    try self.init(cpu: choice.processor, priority: priority, locksMemory: locksMemory) {
      if choice.processor < 0 { choice.leaveHotProcessor() }
      body()
    }
  }

  /// Runs `body` on the thread. `body` must not throw: it tells its failure by the monitor.
  ///
  /// - Parameters:
  ///   - processor: −1: the last that there is, whoever else is there.
  ///   - priority: of SCHED_FIFO; 0: none.
  ///   - locksMemory: of the whole process.
  package init(
    processor: Int, priority: Int = 0, locksMemory: Bool,
    body: @escaping @Sendable () -> Void
  ) throws(HotThreadError) {
    try self.init(
      cpu: Self.processor(processor), priority: priority, locksMemory: locksMemory, body: body)
  }

  private init(
    cpu: Int32, priority: Int, locksMemory: Bool, body: @escaping @Sendable () -> Void
  ) throws(HotThreadError) {
    var notes: [String] = []
    if locksMemory {
      let code = nt_memory_lock_all()
      if code != 0 {
        notes.append(
          unsafe "memory is not locked (\(String(cString: strerror(code)))): raise 'ulimit -l', or do "
            + "not ask for it (runtime.lock_memory)")
      }
    }
    final class Body: Sendable {
      let run: @Sendable () -> Void
      init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    let context = unsafe Unmanaged.passRetained(Body(body))
    var report = nt_thread_report()
    var thread: OpaquePointer?
    let code = unsafe "nt-hot".withCString { name in
      let options = unsafe nt_thread_options(
        name: name, cpu: cpu, fifo_priority: Int32(clamping: priority),
        stack_bytes: 8 << 20, prefault_stack: true)
      return unsafe nt_thread_start(
        &thread, options, { unsafe Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run() },
        unsafe context.toOpaque(), &report)
    }
    guard code == 0, let thread = unsafe thread else {
      unsafe context.release()
      throw HotThreadError(errorNumber: code)
    }
    var text = [CChar](repeating: 0, count: 512)
    if unsafe nt_thread_report_text(&report, "hot thread", &text, text.count) > 0 {
      let line = String(
        decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      notes += line.split(separator: "\n").map(String.init)
    }
    unsafe self.thread = thread
    self.notes = notes
  }

  /// The processor that was asked for, or the last of those that this process may use; −1 (any) when
  /// there is only one, which the exchange needs too.
  private static func processor(_ wanted: Int) -> Int32 {
    if wanted >= 0 { return Int32(wanted) }
    let allowed = ProcessorChoice.allowed
    return allowed.count < 2 ? -1 : allowed[allowed.count - 1]
  }

  package func join() { _ = unsafe nt_thread_join(thread) }
}

/// The system has no thread for us.
package struct HotThreadError: Error, CustomStringConvertible {
  package let errorNumber: Int32
  package var description: String {
    "the hot thread cannot be started: \(unsafe String(cString: strerror(errorNumber)))"
  }
}
