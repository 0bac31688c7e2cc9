import CSupport

/// For tests: makes an operation of the reactor fail or fall short, with either back end (a system
/// call tracer cannot see io_uring's).
public struct ReactorFault: Sendable {
  public enum Operation: UInt32, Sendable, CaseIterable {
    case socket, bind, listen, connect, accept, receive, send
    /// Taking a receive buffer: as if none were left.
    case buffer
    /// Taking an entry of io_uring's submission ring: as if it were full.
    case submission
    /// Entering the kernel to wait or reap.
    case poll
  }

  public var operation: Operation
  /// 1 is the next operation of this kind.
  public var nth: UInt64
  /// How many operations in a row are hit.
  public var times: UInt64
  /// The errno to fail with; 0 shortens instead.
  public var errorNumber: Int32
  /// With errno 0: at most so many bytes (sent datagrams: so many of a batch) are handled.
  public var limit: UInt32

  public init(
    _ operation: Operation, nth: UInt64 = 1, times: UInt64 = 1, errorNumber: Int32 = 0,
    limit: UInt32 = 0
  ) {
    self.operation = operation
    self.nth = nth
    self.times = times
    self.errorNumber = errorNumber
    self.limit = limit
  }
}

/// What the reactor has done since creation.
public struct ReactorCounters: Equatable, Sendable {
  public var polls: UInt64 = 0
  /// Polls that went to sleep.
  public var waits: UInt64 = 0
  /// Times that the kernel was entered to submit or reap; with epoll, flushes of queued sends.
  public var submits: UInt64 = 0
  public var receivedEvents: UInt64 = 0
  public var receivedBytes: UInt64 = 0
  public var sentBytes: UInt64 = 0
  /// The kernel took less than was offered.
  public var partialSends: UInt64 = 0
  /// Sends refused as full.
  public var refusedSends: UInt64 = 0
  public var accepted: UInt64 = 0
  /// Closed at once because every slot was taken.
  public var refusedAccepts: UInt64 = 0
  /// Datagrams given up unsent after an error.
  public var droppedDatagrams: UInt64 = 0
  public var truncatedDatagrams: UInt64 = 0
  /// Completions of closed connections, ignored.
  public var stale: UInt64 = 0
  /// Multishot operations armed again.
  public var rearmed: UInt64 = 0
  public var exhaustedBuffers: UInt64 = 0
  public var submissionFull: UInt64 = 0
  public var completionOverflows: UInt64 = 0
  public var faults: UInt64 = 0
  /// Socket options that the system did not grant.
  public var refusedOptions: UInt64 = 0
}

extension Reactor {
  /// Arms a fault; one of each operation at a time. `nth` 0 clears it.
  public mutating func inject(_ fault: ReactorFault) {
    _ = unsafe nt_net_fault(
      net, fault.operation.rawValue, fault.nth, fault.times, fault.errorNumber, fault.limit)
  }

  /// Operations of this kind so far: what a sweep over all of them counts up to.
  public func operations(_ operation: ReactorFault.Operation) -> UInt64 {
    unsafe nt_net_operations(net, operation.rawValue)
  }

  public var counters: ReactorCounters {
    let c = unsafe nt_net_counters_of(net).pointee
    return ReactorCounters(
      polls: c.polls, waits: c.waits, submits: c.submits, receivedEvents: c.received,
      receivedBytes: c.received_bytes, sentBytes: c.sent_bytes, partialSends: c.partial_sends,
      refusedSends: c.sends_refused, accepted: c.accepted, refusedAccepts: c.accepts_refused,
      droppedDatagrams: c.datagrams_dropped, truncatedDatagrams: c.datagrams_truncated,
      stale: c.stale, rearmed: c.rearmed, exhaustedBuffers: c.buffers_exhausted,
      submissionFull: c.submission_full, completionOverflows: c.completion_overflow,
      faults: c.faults, refusedOptions: c.options_refused)
  }
}
