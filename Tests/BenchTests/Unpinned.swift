import CSupport

/// Runs what pins the calling thread, and gives the thread back to whoever runs tests on it as it was: other
/// tests, and the programs that they start, would share the one processor.
func unpinned<Result>(_ body: () throws -> Result) rethrows -> Result {
  defer {
    var all = [Int32](repeating: 0, count: 1_024)
    let count = nt_cpu_allowed(&all, UInt32(all.count))
    _ = nt_thread_pin_self(all, min(count, UInt32(all.count)))
  }
  return try body()
}
