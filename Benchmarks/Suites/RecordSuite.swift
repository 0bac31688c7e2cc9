import BenchSupport
import CSupport

/// What does a latency cost to keep? One record of a histogram that lies in the caches.
enum RecordSuite: Suite {
  static let name = "record"
  static let question = "what does recording one latency in a histogram cost?"
  private static let values = 4096

  static func run(_ context: BenchContext) throws -> [Figure] {
    let records = context.quick ? 100_000 : 20_000_000
    pin(context.processors[context.processors.count - 1])
    let bytes = Int(nt_histogram_bytes())
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    guard let histogram = nt_histogram_initialise(memory) else {
      throw BenchError("no histogram could be made in \(bytes) bytes")
    }
    // Like latencies: most within one power of two, a tail over five.
    var random = BenchRandom(seed: 7)
    let samples = UnsafeMutablePointer<Int64>.allocate(capacity: values)
    defer { samples.deallocate() }
    for i in 0..<values {
      let width: UInt64 = random.below(100) < 95 ? 8_000 : 250_000
      samples[i] = Int64(4_000 + random.below(width))
    }
    var runs: [Double] = []
    // The first warms up.
    for run in 0...context.runs {
      nt_histogram_reset(histogram)
      let start = nanoseconds()
      for i in 0..<records {
        nt_histogram_record(histogram, samples[i & (values - 1)])
        spend(context.handicap)
      }
      let time = Double(nanoseconds() - start) / Double(records)
      if run > 0 { runs.append(time) }
      guard nt_histogram_count(histogram) == UInt64(records) else {
        throw BenchError("the histogram lost records")
      }
    }
    return [Figure("histogram, one record", "ns", runs, goal: .histogram)]
  }
}
