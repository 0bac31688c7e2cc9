public import ExecutionCore
public import Gateways
public import Transport

/// From records to bytes on the wire, and from reports back into the engine: what the loop does between two
/// looks at the sockets.
///
/// Threading: the hot thread. Nothing here allocates.
@safe @usableFromInline
package struct HotPath<S: Strategy, Gateway: OrderEntryGateway & ~Copyable>: ~Copyable {
  /// Requests of a port drained in one go, and rounds of drain and report; what is left comes next time round.
  @inlinable static var requestsMax: Int { 4_096 }
  @inlinable static var roundsMax: Int { 64 }

  @usableFromInline package var reactor: Reactor
  /// One for each port.
  @usableFromInline package let orders: OrderEntryClients<Gateway>
  @usableFromInline package var driver: Driver<StrategySwitch<S>>
  @usableFromInline package let latency: LatencyRecorder
  @usableFromInline package var clock: SessionClock
  /// Machine time of this round.
  @usableFromInline package var now: Int64 = 0
  /// CLOCK_REALTIME less machine time, for the kernel's receive stamps.
  @usableFromInline var realtimeOffset: Int64 = 0
  @usableFromInline var batches: UInt64 = 0

  @inlinable package init(
    reactor: consuming Reactor, orders: OrderEntryClients<Gateway>,
    driver: consuming Driver<StrategySwitch<S>>, latency: LatencyRecorder, clock: SessionClock
  ) {
    self.reactor = reactor
    self.orders = orders
    self.driver = driver
    self.latency = latency
    self.clock = clock
  }

  @inlinable deinit { orders.free() }

  @inline(__always) @inlinable
  package mutating func apply(
    _ records: UnsafePointer<MarketRecord>, _ count: Int, received: UInt64, arrived: Int64 = 0
  ) {
    let decoded = reactor.ticks
    unsafe clock.applied(records[count - 1].sessionTime, now: now)
    unsafe driver.ingest(
      records, count: count, machineTime: now, received: received, decoded: decoded)
    applied(arrived: arrived)
  }

  /// As that, of the records of a feed by price.
  @inline(__always) @inlinable
  package mutating func apply(
    _ records: UnsafePointer<FeedRecord>, _ count: Int, channel: UInt8, received: UInt64,
    arrived: Int64 = 0
  ) {
    let decoded = reactor.ticks
    unsafe clock.applied(records[count - 1].sessionTime, now: now)
    unsafe driver.ingest(
      records, count: count, channel: channel, machineTime: now, received: received,
      decoded: decoded)
    applied(arrived: arrived)
  }

  @inline(__always) @inlinable mutating func applied(arrived: Int64) {
    drain()
    // Taken now: what is sent later, for a report or a timer, does not come from this datagram.
    let stage = driver.engine.takeStage()
    if stage.decided != 0 || batches & 63 == 0 { record(stage, arrived: arrived) }
    batches &+= 1
  }

  // MARK: Orders

  /// Hands requests to the wire and reports to the engine until neither has more; bounded.
  @inlinable package mutating func drain() {
    for _ in 0..<Self.roundsMax {
      var taken = 0
      for i in 0..<orders.count { taken &+= send(i) }
      if !deliver(), taken == 0 { return }
    }
  }

  @inline(__always) @inlinable mutating func send(_ i: Int) -> Int {
    var taken = 0
    while taken < Self.requestsMax {
      let count = orders[i].encode(from: &driver.engine, reactor, now: now)
      if count == 0 { break }
      taken &+= count
      let encoded = reactor.ticks
      orders[i].flush(&reactor, now: now)
      stampSent(encoded: encoded, submitted: reactor.ticks, at: orders[i].venue)
    }
    return taken
  }

  /// Goes on sending what was held back, if there is anything. To be called after each poll.
  @inline(__always) @inlinable
  package mutating func resume() {
    var isHeldBack = false
    for i in 0..<orders.count where orders[i].isHeldBack {
      orders[i].flush(&reactor, now: now)
      isHeldBack = true
    }
    if isHeldBack { drain() }
  }

  /// To be called every few milliseconds: connections, heartbeats, and the age of what waits.
  @inlinable package mutating func tick() {
    for i in 0..<orders.count {
      orders[i].tick(&reactor, now: now)
      driver.engine.withdrawOld(orders[i].port, machineTime: now)
    }
    driver.engine.journalHash()
  }

  /// The gateways' reports into the engine; false when there were none.
  @inlinable package mutating func deliver() -> Bool {
    var isAny = false
    for i in 0..<orders.count where deliver(i) { isAny = true }
    return isAny
  }

  @inline(__always) @inlinable mutating func deliver(_ index: Int) -> Bool {
    let reports = unsafe orders[index].gateway.reports
    guard !reports.isEmpty else { return false }
    let sessionTime = clock.time(now: now)
    for i in 0..<reports.count {
      let report = unsafe reports[i]
      orders[index].counts.said(report.kind)
      if report.kind == .sessionUp || report.kind == .caughtUp {
        orders[index].came(to: report.kind)
      }
      driver.apply(report, sessionTime: sessionTime, machineTime: now)
    }
    orders[index].gateway.clearReports()
    return true
  }

  @inlinable mutating func receiveReports(_ event: borrowing ReactorEvent, _ index: Int) {
    if event.kind == .received, event.connection == orders[index].connection {
      var rest = unsafe event.bytes
      // Each turn uses bytes, or ends.
      while rest.count > 0 {
        let after = unsafe orders[index].receive(rest, now: now)
        let isStuck = unsafe after.count == rest.count && orders[index].gateway.reports.isEmpty
        unsafe rest = after
        drain()
        if isStuck { break }
      }
      orders[index].flush(&reactor, now: now)
      orders[index].checkClosing(&reactor, now: now)
    } else {
      orders[index].handle(event, &reactor, now: now)
    }
    drain()
  }

  // MARK: Stages

  @inlinable mutating func stampSent(encoded: UInt64, submitted: UInt64, at venue: VenueID) {
    let stage = driver.engine.stage
    guard stage.isOn, stage.decided != 0 else { return }
    driver.engine.stageSent()
    latency.record(.encode, from: stage.queued, to: encoded)
    latency.record(.submit, from: encoded, to: submitted)
    latency.record(.tickToOrder, from: stage.received, to: submitted)
    latency.recordOrder(at: venue, from: stage.received, to: submitted)
  }

  @inlinable mutating func record(_ stage: StageStamps, arrived: Int64) {
    if arrived != 0 {
      latency.record(.receive, nanoseconds: max(0, now &+ realtimeOffset &- arrived))
    }
    latency.record(.decode, from: stage.received, to: stage.decoded)
    latency.record(.book, from: stage.decoded, to: stage.booked)
    latency.record(.strategy, from: stage.booked, to: stage.decided)
    latency.record(.risk, from: stage.decided, to: stage.checked)
  }
}
