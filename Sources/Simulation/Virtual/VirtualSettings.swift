/// Latencies of a session in virtual time, in session nanoseconds.
public struct VirtualSettings: Hashable, Sendable {
  /// From the exchange's publication to the core.
  public var feedLatency: Int64 = 5_000
  /// From the core to the exchange.
  public var orderLatency: Int64 = 5_000
  /// From the exchange's answer to the core.
  public var reportLatency: Int64 = 5_000
  /// Added to each, uniform from 0 to this; the order within a stream stays.
  public var jitter: Int64 = 0
  /// Of the jitter.
  public var seed: UInt64 = 1
  /// Events that the end may take to confirm the cancels.
  public var finishStepsMax = 1_000_000

  public init() {}
}

/// Something on its way. Simultaneous events go by rank, then by sequence.
struct VirtualEvent {
  enum Payload {
    /// Bytes from a port of the core, arriving at the exchange.
    case orders(Int, [UInt8])
    /// What the exchange published at once, arriving at the core.
    case feed(ArraySlice<UInt8>, firstSequence: UInt64)
    /// Bytes from the exchange, arriving at a port of the core.
    case reports(Int, [UInt8])
  }
  var time: Int64
  var sequence: UInt64
  var payload: Payload

  /// Exchange, feed, reports.
  var rank: Int {
    switch payload {
    case .orders: 0
    case .feed: 1
    case .reports: 2
    }
  }

  func isBefore(_ other: VirtualEvent) -> Bool {
    (time, rank, sequence) < (other.time, other.rank, other.sequence)
  }
}

/// A binary heap of events.
struct VirtualQueue {
  private var heap: [VirtualEvent] = []
  private var sequence: UInt64 = 0
  var first: VirtualEvent? { heap.first }
  var isEmpty: Bool { heap.isEmpty }

  mutating func push(_ payload: VirtualEvent.Payload, at time: Int64) {
    sequence += 1
    heap.append(VirtualEvent(time: time, sequence: sequence, payload: payload))
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].isBefore(heap[parent]) else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  mutating func pop() -> VirtualEvent? {
    guard let top = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return top }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if heap[child].isBefore(heap[least]) { least = child }
      }
      if least == parent { return top }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
