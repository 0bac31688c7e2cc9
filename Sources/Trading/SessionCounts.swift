public import ExecutionCore

/// What has gone to a venue through one order session, and what it has said.
@frozen @usableFromInline package struct SessionCounts: BitwiseCopyable, Sendable, Equatable {
  /// Given to the gateway and encoded.
  @usableFromInline package var newOrders: UInt64 = 0
  @usableFromInline package var replaces: UInt64 = 0
  @usableFromInline package var cancels: UInt64 = 0
  /// Said.
  @usableFromInline package var accepted: UInt64 = 0
  @usableFromInline package var rejected: UInt64 = 0
  @usableFromInline package var replaced: UInt64 = 0
  @usableFromInline package var canceled: UInt64 = 0
  @usableFromInline package var executions: UInt64 = 0
  /// Of a cancel or a change.
  @usableFromInline package var refused: UInt64 = 0

  @inlinable package init() {}

  @inline(__always) @inlinable mutating func sent(_ kind: VenueRequest.Kind) {
    switch kind {
    case .new: newOrders &+= 1
    case .replace, .modify: replaces &+= 1
    case .cancel, .massCancel: cancels &+= 1
    case .disableEntry, .enableEntry, .inquiry: break
    }
  }

  @inline(__always) @inlinable mutating func said(_ kind: VenueReport.Kind) {
    switch kind {
    case .accepted: accepted &+= 1
    case .rejected: rejected &+= 1
    case .replaced, .modified: replaced &+= 1
    case .canceled: canceled &+= 1
    case .executed: executions &+= 1
    case .cancelRejected, .modifyRejected: refused &+= 1
    default: break
    }
  }

  package mutating func add(_ other: SessionCounts) {
    newOrders &+= other.newOrders
    replaces &+= other.replaces
    cancels &+= other.cancels
    accepted &+= other.accepted
    rejected &+= other.rejected
    replaced &+= other.replaced
    canceled &+= other.canceled
    executions &+= other.executions
    refused &+= other.refused
  }
}
