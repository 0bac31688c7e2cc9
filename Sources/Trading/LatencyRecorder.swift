public import CSupport
public import ExecutionCore

/// The histograms of one run: each stage of the path of an order, and the whole of it.
///
/// Threading: the hot thread records; any thread reads percentiles, at most a moment old.
@safe @usableFromInline package struct LatencyRecorder: @unchecked Sendable {
  @usableFromInline package enum Stage: Int, CaseIterable, Sendable {
    case receive, decode, book, strategy, risk, encode, submit, tickToOrder, lag
    /// Without the whole, and without the lag of data that no order came of.
    package static var ofOrders: [Stage] { allCases.filter { $0.rawValue < tickToOrder.rawValue } }
    package var name: String { self == .tickToOrder ? "tick_to_order" : "\(self)" }
  }
  // In an arena that lives until the process ends: a recorder is made once per run.
  // By stage; no array, whose buffer is counted.
  @usableFromInline let histograms: UnsafeMutablePointer<UnsafeMutablePointer<nt_histogram>>
  /// Behind those of the stages: of the whole path, by venue.
  @usableFromInline let venues: Int
  @inlinable static var stages: Int { 9 }

  /// nil when there is no memory.
  package init?(venues: Int = 1) {
    var arena: OpaquePointer?
    let count = Stage.allCases.count + max(1, venues)
    let bytes = UInt64(count) * (nt_histogram_bytes() + 64)
    let options = nt_arena_options(
      numa_node: -1, huge_pages: false, lock: false, prefault: true)
    guard unsafe nt_arena_create(&arena, bytes, options, nil) == 0, let arena = unsafe arena else {
      return nil
    }
    var made: [UnsafeMutablePointer<nt_histogram>] = unsafe []
    for _ in 0..<count {
      guard let histogram = unsafe nt_histogram_create(arena) else { return nil }
      unsafe made.append(histogram)
    }
    unsafe histograms = .allocate(capacity: made.count)
    unsafe histograms.initialize(from: made, count: made.count)
    self.venues = max(1, venues)
  }

  @inline(__always) @inlinable package func record(_ stage: Stage, nanoseconds: Int64) {
    unsafe nt_histogram_record(histograms[stage.rawValue], nanoseconds)
  }

  /// From stamp to stamp; nothing where either was not taken.
  @inline(__always) @inlinable package func record(_ stage: Stage, from: UInt64, to: UInt64) {
    guard from != 0, to != 0 else { return }
    let span = to >= from ? nt_clock_ticks_to_nanoseconds(to &- from) : 0
    unsafe nt_histogram_record(histograms[stage.rawValue], span)
  }

  /// The whole path of an order that went to a venue.
  @inline(__always) @inlinable package func recordOrder(
    at venue: VenueID, from: UInt64, to: UInt64
  ) {
    guard from != 0, to != 0, Int(venue.raw) < venues else { return }
    let span = to >= from ? nt_clock_ticks_to_nanoseconds(to &- from) : 0
    unsafe nt_histogram_record(histograms[Self.stages &+ Int(venue.raw)], span)
  }

  /// What one stage took.
  package struct Percentiles: Sendable {
    package var stage: Stage
    package var count: UInt64
    /// Nanoseconds.
    package var p50, p90, p99, p999, max: Int64
  }

  package func percentiles(_ stage: Stage) -> Percentiles {
    unsafe percentiles(stage, histograms[stage.rawValue])
  }

  /// Of the whole path, of the orders that went to one venue.
  package func percentiles(at venue: VenueID) -> Percentiles {
    let place = Self.stages + min(Int(venue.raw), venues - 1)
    return unsafe percentiles(.tickToOrder, histograms[place])
  }

  private func percentiles(
    _ stage: Stage, _ histogram: UnsafeMutablePointer<nt_histogram>
  ) -> Percentiles {
    let ranks: [UInt32] = [500_000, 900_000, 990_000, 999_000]
    var values = [Int64](repeating: 0, count: ranks.count)
    unsafe nt_histogram_percentiles(histogram, ranks, &values, UInt32(ranks.count))
    return Percentiles(
      stage: stage, count: unsafe nt_histogram_count(histogram), p50: values[0], p90: values[1],
      p99: values[2], p999: values[3], max: unsafe nt_histogram_maximum(histogram))
  }
}
