import BenchSupport
import CSupport

/// What does a latency cost to keep? One record of a histogram that lies in the caches.
enum RecordSuite: Suite {
  static let name = "record"
  static let question = "what does recording one latency in a histogram cost?"

  static func run(_ context: BenchContext) throws -> [Figure] {
    let records = context.quick ? 100_000 : 20_000_000
    pin(context.processors[context.processors.count - 1])
    let bench = try RecordBench()
    var runs: [Double] = []
    // The first warms up.
    for run in 0...context.runs {
      bench.reset()
      let start = nanoseconds()
      bench.record(records, handicap: context.handicap)
      let time = Double(nanoseconds() - start) / Double(records)
      if run > 0 { runs.append(time) }
      guard bench.count == UInt64(records) else {
        throw BenchError("the histogram lost records")
      }
    }
    return [Figure("histogram, one record", "ns", runs, goal: .histogram)]
  }
}

/// A histogram, and latencies for it: most within one power of two, a tail over five.
final class RecordBench {
  private static let values = 4096
  private let memory: UnsafeMutableRawPointer
  private let histogram: UnsafeMutablePointer<nt_histogram>
  private let samples = UnsafeMutablePointer<Int64>.allocate(capacity: values)

  init() throws {
    let bytes = Int(nt_histogram_bytes())
    memory = .allocate(byteCount: bytes, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    guard let made = nt_histogram_initialise(memory) else {
      memory.deallocate()
      samples.deallocate()
      throw BenchError("no histogram could be made in \(bytes) bytes")
    }
    histogram = made
    var random = BenchRandom(seed: 7)
    for i in 0..<Self.values {
      let width: UInt64 = random.below(100) < 95 ? 8_000 : 250_000
      samples[i] = Int64(4_000 + random.below(width))
    }
  }

  deinit {
    memory.deallocate()
    samples.deallocate()
  }

  var count: UInt64 { nt_histogram_count(histogram) }
  func reset() { nt_histogram_reset(histogram) }

  /// Records that many, from the first on.
  func record(_ records: Int, handicap: Int64 = 0) {
    for i in 0..<records {
      nt_histogram_record(histogram, samples[i & (Self.values - 1)])
      spend(handicap)
    }
  }
}
