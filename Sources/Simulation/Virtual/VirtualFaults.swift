public import Transport

/// What goes wrong in a ``VirtualWorld``, all of it from a seed. Nothing by default.
///
/// Parts are per million of datagrams, of pieces of a stream, or of calls; intervals are the mean of those between two
/// events, in nanoseconds of virtual time, 0 for never.
@usableFromInline package struct VirtualFaults: Hashable, Sendable {
  package var seed: UInt64 = 1
  /// Of datagrams; pieces of streams come 200 ms later.
  package var loss: UInt32 = 0
  package var duplication: UInt32 = 0
  package var reordering: UInt32 = 0
  /// Of reads and writes of streams: fewer bytes than there are.
  package var short: UInt32 = 0
  /// Every stream is reset.
  package var resetInterval: Int64 = 0
  /// Every stream is left open with nothing between its ends.
  package var halfOpenInterval: Int64 = 0
  /// Nothing passes between the hosts for up to ``cutMax``.
  package var cutInterval: Int64 = 0
  package var cutMax: Int64 = 2_000_000_000
  /// The core's thread is not run for up to ``stallMax``, as if stopped by SIGSTOP.
  package var stallInterval: Int64 = 0
  package var stallMax: Int64 = 2_000_000_000

  @usableFromInline package init() {}

  package var isActive: Bool {
    var none = VirtualFaults()
    none.seed = seed
    none.cutMax = cutMax
    none.stallMax = stallMax
    return self != none
  }

  /// Puts what befalls single packets on all links of the network.
  package func apply(to network: MemoryNetwork) {
    for number in 0..<network.linkCount {
      network[number].loss = loss
      network[number].duplication = duplication
      network[number].reordering = reordering
      network[number].shortReads = short
      network[number].shortWrites = short
    }
  }
}

/// When the faults that are events happen.
@usableFromInline struct FaultSchedule {
  private enum Fault: Int, CaseIterable { case reset, halfOpen, cut, stall }
  private let faults: VirtualFaults
  private var random: SeededRandom
  /// When each happens next.
  private var times: [Int64]
  /// Until then the core's thread does not run.
  @usableFromInline private(set) var stalledUntil: Int64 = .min
  /// When anything happens next.
  @usableFromInline private(set) var next: Int64 = .max

  @usableFromInline init(_ faults: VirtualFaults, from now: Int64) {
    self.faults = faults
    random = SeededRandom(seed: faults.seed ^ 0x6661_756C_7473)
    times = Fault.allCases.map { _ in .max }
    for fault in Fault.allCases { plan(fault, now: now) }
  }

  private func interval(_ fault: Fault) -> Int64 {
    switch fault {
    case .reset: faults.resetInterval
    case .halfOpen: faults.halfOpenInterval
    case .cut: faults.cutInterval
    case .stall: faults.stallInterval
    }
  }

  private mutating func plan(_ fault: Fault, now: Int64) {
    // Longer than any run, and short enough for sums of two.
    let mean = min(interval(fault), 1 << 60)
    if mean > 0 {
      times[fault.rawValue] = now &+ 1 &+ Int64(random.below(UInt64(mean) &* 2))
    }
    next = times.min() ?? .max
  }

  @usableFromInline mutating func act(on network: MemoryNetwork, now: Int64) {
    guard now >= next else { return }
    for fault in Fault.allCases where times[fault.rawValue] <= now {
      // The next one of its kind begins when this one is over: however many are asked for, time goes on between them.
      var over = now
      switch fault {
      case .reset: network.breakStreams()
      case .halfOpen: network.breakStreams(halfOpen: true)
      case .cut:
        let end = now &+ Int64(random.below(UInt64(max(1, faults.cutMax))))
        over = end
        for number in 0..<network.linkCount {
          network[number].cutUntil = max(network[number].cutUntil, end)
        }
      case .stall:
        let length = Int64(random.below(UInt64(max(1, faults.stallMax))))
        stalledUntil = now &+ length
        over = stalledUntil
      }
      plan(fault, now: over)
    }
  }
}
