import CSupport
import ExecutionCore

/// The histograms of one run: each stage of the path of an order, and the whole of it.
///
/// Threading: the hot thread records; any thread reads percentiles, at most a moment old.
struct LatencyRecorder: @unchecked Sendable {
  enum Stage: Int, CaseIterable {
    case receive, decode, book, strategy, risk, encode, submit, tickToOrder
    var name: String { self == .tickToOrder ? "tick_to_order" : "\(self)" }
  }
  // In an arena that lives until the process ends: a recorder is made once per run.
  // By stage; no array, whose buffer is counted.
  private let histograms: UnsafeMutablePointer<UnsafeMutablePointer<nt_histogram>>

  /// nil when there is no memory.
  init?() {
    var arena: OpaquePointer?
    let bytes = UInt64(Stage.allCases.count) * (nt_histogram_bytes() + 64)
    let options = nt_arena_options(
      numa_node: -1, huge_pages: false, lock: false, prefault: true)
    guard nt_arena_create(&arena, bytes, options, nil) == 0, let arena else { return nil }
    var made: [UnsafeMutablePointer<nt_histogram>] = []
    for _ in Stage.allCases {
      guard let histogram = nt_histogram_create(arena) else { return nil }
      made.append(histogram)
    }
    histograms = .allocate(capacity: made.count)
    histograms.initialize(from: made, count: made.count)
  }

  @inline(__always) func record(_ stage: Stage, nanoseconds: Int64) {
    nt_histogram_record(histograms[stage.rawValue], nanoseconds)
  }

  /// From stamp to stamp; nothing where either was not taken.
  @inline(__always) func record(_ stage: Stage, from: UInt64, to: UInt64) {
    guard from != 0, to != 0 else { return }
    let span = to >= from ? nt_clock_ticks_to_nanoseconds(to &- from) : 0
    nt_histogram_record(histograms[stage.rawValue], span)
  }

  func percentiles(_ stage: Stage) -> RunSummary.Percentiles {
    let histogram = histograms[stage.rawValue]
    var result = RunSummary.Percentiles(name: stage.name)
    result.count = nt_histogram_count(histogram)
    let ranks: [UInt32] = [500_000, 900_000, 990_000, 999_000]
    var values = [Int64](repeating: 0, count: ranks.count)
    nt_histogram_percentiles(histogram, ranks, &values, UInt32(ranks.count))
    (result.p50, result.p90, result.p99, result.p999) = (values[0], values[1], values[2], values[3])
    result.max = nt_histogram_maximum(histogram)
    return result
  }

  /// All, as the summary has them.
  var stages: [RunSummary.Percentiles] {
    Stage.allCases.filter { $0 != .tickToOrder }.map(percentiles)
  }
}
