/// Where the venue's session stands. New orders pass only when it is ready: logged in, the missed part
/// of the stream drained, and every doubt about earlier requests settled.
struct VenueSession: BitwiseCopyable {
  var isUp = false
  var isReady = false
  var queryPending = false
  var queryAtLogin = true
  /// Our next reference when the account query was asked: what is older is settled by the answer.
  var queryReference: UInt64 = 0
  /// Replaces, modifies and cancels asked so far, and how many of them when the query was asked: it
  /// goes behind those, and its answer settles them.
  var requests: UInt64 = 0
  var queryNumber: UInt64 = 0
  /// Last sequenced report applied.
  var streamSequence: UInt64 = 0
  var lastTimeoutSweep: Int64 = 0
}

extension EngineState {
  /// Everything that the venue has not answered is unknown now; what had not left is withdrawn.
  mutating func sessionDown() {
    session.isUp = false
    session.isReady = false
    session.queryPending = false
    withdrawAll()
    for slot in 0..<orders.count where orders[slot].life == .sent {
      become(slot, .unknown)
      reserve(slot)
      notify(.unknown, slot)
    }
  }

  /// Empties the outbox: new orders are done, replaces are off, cancels stay wanted.
  mutating func withdrawAll() {
    for _ in 0..<outbox.capacity {
      guard let request = outbox.offer() else { return }
      outbox.drop()
      notSent(kind: request.kind, reference: request.venueReference)
    }
  }

  mutating func sessionUp(_ report: borrowing VenueReport) {
    session.isUp = true
    session.isReady = false
    if session.streamSequence == 0, report.streamSequence > 0 {
      session.streamSequence = report.streamSequence &- 1
    }
  }

  /// All that the venue had said by log-in has been applied. Now ask it how far it has heard us.
  mutating func caughtUp() {
    guard session.isUp else { return }
    if session.queryAtLogin {
      askAccount()
    } else {
      session.queryNumber = session.requests
      settle(nextReference: nextVenueReference, askedAt: nextVenueReference)
    }
  }

  /// Queues an account query, behind everything that waits: were it to overtake an order, its answer
  /// would say that the order never arrived. False when there is no room.
  @discardableResult
  mutating func askAccount() -> Bool {
    guard outbox.hasRoom else { return false }
    var wire = VenueRequest(
      kind: .accountQuery, instrument: .none, account: AccountID(raw: 0),
      strategy: StrategyID(raw: .max))
    wire.venue = venue
    wire.createdAt = machineTime
    wire.sessionTime = sessionTime
    if !recordIntent(&wire, privileged: true) {
      settings.journalLost = true
      countAlarm(.journalLost)
    }
    outbox.push(wire, urgent: false)
    counters.otherRequests &+= 1
    session.queryPending = true
    session.queryReference = nextVenueReference
    session.queryNumber = session.requests
    return true
  }

  /// The venue's next expected reference, in the stream: everything below it has its fate before this.
  mutating func accountAnswered(_ report: borrowing VenueReport) {
    guard session.queryPending else { return }
    session.queryPending = false
    settle(nextReference: report.venueReference, askedAt: session.queryReference)
    if report.venueReference > nextVenueReference {
      alarm(
        .referenceRaised, expected: Int64(truncatingIfNeeded: nextVenueReference),
        observed: Int64(truncatingIfNeeded: report.venueReference))
      nextVenueReference = report.venueReference
    }
  }

  /// Settles what is unresolved among the references older than `asked`: at or above `next` it never
  /// arrived; below, the drained stream would have told, so it is closed by that evidence.
  private mutating func settle(nextReference next: UInt64, askedAt asked: UInt64) {
    for slot in 0..<orders.count where orders[slot].life.isOpen {
      let order = orders[slot]
      if order.newState == .unresolved, order.venueReference < asked {
        closeNew(slot, arrived: order.venueReference < next)
        continue
      }
      let isOlder = order.requestNumber <= session.queryNumber
      if order.replaceState == .unresolved {
        let isSettled = order.pendingInPlace ? isOlder : order.pendingReference < asked
        if isSettled { closeReplace(slot, next: next) }
      }
      if order.cancelState == .unresolved, isOlder { orders[slot].cancelState = .lost }
      if orders[slot].cancelState == .unresolved {
        repeatCancel(slot)
      } else if order.cancelWanted {
        _ = sendCancel(slot, quantity: 0)
      }
    }
    session.isReady = session.isUp
  }

  private mutating func closeNew(_ slot: Int, arrived: Bool) {
    let order = orders[slot]
    if arrived {
      alarm(
        .closedByEvidence, instrument: order.instrument, clientOrderID: order.clientOrderID,
        reference: order.venueReference)
    }
    orders[slot].newState = .lost
    orders[slot].leaves = 0
    become(slot, .done, arrived ? .closedByEvidence : .neverArrived)
    reserve(slot)
    notify(.closed, slot)
  }

  private mutating func closeReplace(_ slot: Int, next: UInt64) {
    let order = orders[slot]
    if !order.pendingInPlace, order.pendingReference < next {
      // Silence after it arrived: the original was dead or the number used (EXCHANGE.md, replace (a)).
      alarm(
        .closedByEvidence, instrument: order.instrument, clientOrderID: order.clientOrderID,
        reference: order.pendingReference)
    }
    dropReplace(slot, .lost)
    notify(.replaceRejected, slot)
  }

  /// The gateway, or our own outbox, withdrew a request before the wire.
  mutating func notSent(kind: VenueRequest.Kind?, reference: UInt64) {
    if kind == .accountQuery { session.queryPending = false }
    guard let place = place(of: reference), let slot = slot(of: references[place].order) else {
      counters.notSent &+= 1
      return
    }
    switch kind {
    case .new where orders[slot].newState == .unresolved && orders[slot].executedHere == 0:
      closeUnsent(slot)
    case .replace, .modify:
      counters.notSent &+= 1
      guard orders[slot].replaceState == .unresolved, orders[slot].pendingReference == reference
      else { return }
      dropReplace(slot, .lost)
      notify(.notSent, slot)
      repeatCancel(slot)
    default:
      counters.notSent &+= 1
      if kind == .cancel, orders[slot].cancelState == .unresolved {
        orders[slot].cancelState = .lost
        recordState(slot, nil)
      }
    }
  }

  /// A wanted cancel named an incarnation that is not the living one: name that.
  mutating func repeatCancel(_ slot: Int) {
    guard orders[slot].cancelWanted, orders[slot].life.isOpen, session.isUp,
      orders[slot].cancelReference != orders[slot].venueReference
    else { return }
    _ = sendCancel(slot, quantity: 0)
  }

  /// New orders that have waited too long become unknown. A time-out decides nothing itself: it asks the
  /// venue how far it has heard us, once, and the answer settles whatever was asked before.
  mutating func sweepTimeouts() {
    let limit = settings.acknowledgeTimeout
    guard limit > 0, sessionTime &- session.lastTimeoutSweep >= limit / 4 else { return }
    session.lastTimeoutSweep = sessionTime
    var isLate = false
    for slot in 0..<orders.count where orders[slot].life.isOpen {
      guard sessionTime &- orders[slot].requestedAt > limit else { continue }
      // A cancel of everything may pend at the venue for long; it is wanted until the order is done.
      let order = orders[slot]
      isLate =
        isLate || order.newState == .unresolved || order.replaceState == .unresolved
        || order.cancelState == .unresolved && !order.cancelWanted
      guard order.life == .sent else { continue }
      become(slot, .unknown)
      notify(.unknown, slot)
    }
    if isLate, session.isReady, session.queryAtLogin, !session.queryPending { askAccount() }
  }
}
