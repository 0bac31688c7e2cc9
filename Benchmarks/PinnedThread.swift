import BenchSupport
import CSupport

/// A thread of the benchmark, pinned and named through the product's own thread calls.
final class PinnedThread {
  private var thread: OpaquePointer?

  /// - Parameter stackBytes: 0 for the usual size.
  init(
    name: String, cpu: Int32, stackBytes: UInt64 = 0, _ body: @escaping @Sendable () -> Void
  ) throws {
    let box = Unmanaged.passRetained(Body(body))
    let error = name.withCString { text in
      nt_thread_start(
        &thread,
        nt_thread_options(
          name: text, cpu: cpu, fifo_priority: 0, stack_bytes: stackBytes, prefault_stack: true),
        { context in
          guard let context else { return }
          Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        }, box.toOpaque(), nil)
    }
    guard error == 0 else {
      box.release()
      throw BenchError("no thread '\(name)': errno \(error)")
    }
  }

  func join() {
    if let thread { nt_thread_join(thread) }
    thread = nil
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
}

/// Pins the calling thread; a refusal leaves it where it is, and the spread of the figures shows it.
func pin(_ cpu: Int32) {
  var one = cpu
  _ = nt_thread_pin_self(&one, 1)
}

/// The p50 of the samples, which it sorts.
func median(_ samples: inout [UInt32]) -> Double {
  samples.sort()
  return samples.isEmpty ? .nan : Double(samples[samples.count / 2])
}
