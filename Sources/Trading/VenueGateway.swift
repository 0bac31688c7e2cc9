public import ExecutionCore
public import Gateways

/// The gateway of one port, of whatever protocol: a case for each that the product has, and one for a gateway
/// of the caller's own. A new venue is a case here and nothing else in this module.
///
/// In memory of its own, so that a call goes through one pointer and copies nothing.
@safe @usableFromInline
package struct VenueGateway<Own: OrderEntryGateway & ~Copyable>: ~Copyable, OrderEntryGateway {
  @safe @usableFromInline enum Kind {
    case ouch(UnsafeMutablePointer<OUCHGateway>)
    case paper(UnsafeMutablePointer<PaperGateway>)
    case own(UnsafeMutablePointer<Own>)
  }
  @usableFromInline let kind: Kind

  @inlinable package init(ouch gateway: consuming OUCHGateway) {
    let memory = UnsafeMutablePointer<OUCHGateway>.allocate(capacity: 1)
    unsafe memory.initialize(to: gateway)
    kind = unsafe .ouch(memory)
  }
  @inlinable package init(paper gateway: consuming PaperGateway) {
    let memory = UnsafeMutablePointer<PaperGateway>.allocate(capacity: 1)
    unsafe memory.initialize(to: gateway)
    kind = unsafe .paper(memory)
  }
  @inlinable package init(own gateway: consuming Own) {
    let memory = UnsafeMutablePointer<Own>.allocate(capacity: 1)
    unsafe memory.initialize(to: gateway)
    kind = unsafe .own(memory)
  }
  deinit {
    switch kind {
    case .ouch(let gateway):
      unsafe gateway.deinitialize(count: 1)
      unsafe gateway.deallocate()
    case .paper(let gateway):
      unsafe gateway.deinitialize(count: 1)
      unsafe gateway.deallocate()
    case .own(let gateway):
      unsafe gateway.deinitialize(count: 1)
      unsafe gateway.deallocate()
    }
  }

  /// What only the paper broker's gateway counts; nil of another.
  package var paper: (found: UInt64, repeated: UInt64, adjustments: UInt64, adjusted: Int128)? {
    guard case .paper(let gateway) = kind else { return nil }
    return unsafe (
      gateway.pointee.found, gateway.pointee.repeated, gateway.pointee.adjustments,
      gateway.pointee.adjusted
    )
  }

  @inlinable package var isActive: Bool {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.isActive
    case .paper(let gateway): unsafe gateway.pointee.isActive
    case .own(let gateway): unsafe gateway.pointee.isActive
    }
  }
  @inlinable package var isCaughtUp: Bool {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.isCaughtUp
    case .paper(let gateway): unsafe gateway.pointee.isCaughtUp
    case .own(let gateway): unsafe gateway.pointee.isCaughtUp
    }
  }
  @inlinable package var closing: Reconnecting? {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.closing
    case .paper(let gateway): unsafe gateway.pointee.closing
    case .own(let gateway): unsafe gateway.pointee.closing
    }
  }
  @inlinable package var closingReason: String {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.closingReason
    case .paper(let gateway): unsafe gateway.pointee.closingReason
    case .own(let gateway): unsafe gateway.pointee.closingReason
    }
  }
  @inlinable package var fuseTripped: LastHopFuse.Cap? {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.fuseTripped
    case .paper(let gateway): unsafe gateway.pointee.fuseTripped
    case .own(let gateway): unsafe gateway.pointee.fuseTripped
    }
  }
  @inlinable package var counters: GatewayCounters {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.counters
    case .paper(let gateway): unsafe gateway.pointee.counters
    case .own(let gateway): unsafe gateway.pointee.counters
    }
  }
  @inlinable package var hasRoom: Bool {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.hasRoom
    case .paper(let gateway): unsafe gateway.pointee.hasRoom
    case .own(let gateway): unsafe gateway.pointee.hasRoom
    }
  }
  @inlinable package var output: UnsafeRawBufferPointer {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.output
    case .paper(let gateway): unsafe gateway.pointee.output
    case .own(let gateway): unsafe gateway.pointee.output
    }
  }
  @inlinable package var reports: UnsafeBufferPointer<VenueReport> {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.reports
    case .paper(let gateway): unsafe gateway.pointee.reports
    case .own(let gateway): unsafe gateway.pointee.reports
    }
  }

  @inlinable package mutating func encode(_ request: VenueRequest, now: Int64) -> NotSentCause? {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.encode(request, now: now)
    case .paper(let gateway): unsafe gateway.pointee.encode(request, now: now)
    case .own(let gateway): unsafe gateway.pointee.encode(request, now: now)
    }
  }
  @inlinable package mutating func sent(now: Int64) {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.sent(now: now)
    case .paper(let gateway): unsafe gateway.pointee.sent(now: now)
    case .own(let gateway): unsafe gateway.pointee.sent(now: now)
    }
  }
  @inlinable package mutating func receive(_ bytes: UnsafeRawBufferPointer, now: Int64) -> Int {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.receive(bytes, now: now)
    case .paper(let gateway): unsafe gateway.pointee.receive(bytes, now: now)
    case .own(let gateway): unsafe gateway.pointee.receive(bytes, now: now)
    }
  }
  @inlinable package mutating func clearReports() {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.clearReports()
    case .paper(let gateway): unsafe gateway.pointee.clearReports()
    case .own(let gateway): unsafe gateway.pointee.clearReports()
    }
  }
  @inlinable package mutating func connected(now: Int64) {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.connected(now: now)
    case .paper(let gateway): unsafe gateway.pointee.connected(now: now)
    case .own(let gateway): unsafe gateway.pointee.connected(now: now)
    }
  }
  @inlinable package mutating func disconnected(now: Int64) {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.disconnected(now: now)
    case .paper(let gateway): unsafe gateway.pointee.disconnected(now: now)
    case .own(let gateway): unsafe gateway.pointee.disconnected(now: now)
    }
  }
  @inlinable package mutating func tick(now: Int64) {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.tick(now: now)
    case .paper(let gateway): unsafe gateway.pointee.tick(now: now)
    case .own(let gateway): unsafe gateway.pointee.tick(now: now)
    }
  }
  @inlinable package mutating func logout() {
    switch kind {
    case .ouch(let gateway): unsafe gateway.pointee.logout()
    case .paper(let gateway): unsafe gateway.pointee.logout()
    case .own(let gateway): unsafe gateway.pointee.logout()
    }
  }
}

/// No gateway of one's own.
@usableFromInline package enum NoGateway: OrderEntryGateway {
  @inlinable package var isActive: Bool { switch self {} }
  @inlinable package var isCaughtUp: Bool { switch self {} }
  @inlinable package var closing: Reconnecting? { switch self {} }
  @inlinable package var closingReason: String { switch self {} }
  @inlinable package var fuseTripped: LastHopFuse.Cap? { switch self {} }
  @inlinable package var counters: GatewayCounters { switch self {} }
  @inlinable package var hasRoom: Bool { switch self {} }
  @inlinable package var output: UnsafeRawBufferPointer { switch self {} }
  @inlinable package var reports: UnsafeBufferPointer<VenueReport> { switch self {} }
  @inlinable package mutating func encode(_ request: VenueRequest, now: Int64) -> NotSentCause? {
    switch self {}
  }
  @inlinable package mutating func sent(now: Int64) { switch self {} }
  @inlinable package mutating func receive(_ bytes: UnsafeRawBufferPointer, now: Int64) -> Int {
    switch self {}
  }
  @inlinable package mutating func clearReports() { switch self {} }
  @inlinable package mutating func connected(now: Int64) { switch self {} }
  @inlinable package mutating func disconnected(now: Int64) { switch self {} }
  @inlinable package mutating func tick(now: Int64) { switch self {} }
  @inlinable package mutating func logout() { switch self {} }
}
