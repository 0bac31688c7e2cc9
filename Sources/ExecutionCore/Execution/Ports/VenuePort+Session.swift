/// A port's session as its gateway reports it.
extension EngineState {
  /// Everything that the venue has not answered is unknown now; what had not left is withdrawn, unless it may have.
  mutating func sessionDown(_ port: Int, _ end: SessionEnd) {
    ports[port].isUp = false
    ports[port].hasCaughtUp = false
    ports[port].setReady(false)
    emptyOutbox(port, isWithdrawn: end.rawValue == SessionEnd.broken.rawValue)
    var walk = walkDoubts(port)
    while let slot = nextDoubt(&walk) {
      orders[slot].isInquired = false
      setSettling(slot, false)
      guard orders[slot].life == .sent else { continue }
      become(slot, .unknown)
      reserve(slot)
      notify(.unknown, slot)
    }
  }

  /// What is withdrawn: new orders are done, replaces are off, cancels stay wanted.
  private mutating func emptyOutbox(_ port: Int, isWithdrawn: Bool) {
    for _ in 0..<ports[port].outbox.capacity {
      _ = ports[port].outbox.offer(at: 0)
      guard let request = ports[port].outbox.offered else { return }
      _ = ports[port].outbox.takeOffer()
      guard isWithdrawn else { continue }
      notSent(
        port, kind: request.kind, reference: request.venueReference,
        cause: NotSentCause.sessionDown.rawValue)
    }
  }

  mutating func sessionUp(_ port: Int, _ report: borrowing VenueReport) {
    ports[port].isUp = true
    ports[port].hasCaughtUp = false
    ports[port].setReady(false)
    if ports[port].streamSequence == 0, report.streamSequence > 0 {
      ports[port].streamSequence = report.streamSequence &- 1
    }
  }

  /// All that the venue had to say has been applied. What it has not spoken of is to be asked for; the port is
  /// ready when there is no doubt left.
  mutating func caughtUp(_ port: Int, _ report: borrowing VenueReport) {
    guard ports[port].isUp else { return }
    ports[port].hasCaughtUp = true
    raiseReference(port, to: report.venueReference)
    var walk = walkDoubts(port)
    while let slot = nextDoubt(&walk) {
      guard orders[slot].life.isOpen, orders[slot].isInDoubt else { continue }
      setSettling(slot, true)
      if !ports[port].capabilities.answersInquiries {
        orders[slot].inquiryNumber = ports[port].requests
        inquiryEnded(slot, .unsupported)
      }
    }
    if ports[port].settling == 0 { ports[port].setReady(true) }
  }

  /// Asks about the doubts, and for the wanted cancels of orders that are in none.
  mutating func askAfterCatchingUp(_ port: Int) {
    guard ports[port].hasCaughtUp else { return }
    var walk = walkDoubts(port)
    while let slot = nextDoubt(&walk) {
      if orders[slot].isUnasked {
        inquire(slot)
      } else if !orders[slot].isSettling {
        repeatCancel(slot)
      }
    }
  }

  /// The venue takes no number below this one.
  private mutating func raiseReference(_ port: Int, to reference: UInt64) {
    guard reference > ports[port].nextReference else { return }
    alarm(
      .referenceRaised, port: port,
      expected: Int64(truncatingIfNeeded: ports[port].nextReference),
      observed: Int64(truncatingIfNeeded: reference))
    ports[port].setReference(reference)
    if reference > ports[port].referenceMax {
      alarm(
        .referencesExhausted, port: port,
        expected: Int64(truncatingIfNeeded: ports[port].referenceMax),
        observed: Int64(truncatingIfNeeded: reference))
    }
  }

  /// Takes a request back that lies in the outbox: journalled, then applied. False when it does not lie there.
  mutating func withdraw(
    _ port: Int, _ kind: VenueRequest.Kind, _ reference: UInt64, _ why: NotSentCause
  ) -> Bool {
    guard ports[port].outbox.holds(kind: kind, reference: reference) else { return false }
    let outer = cause
    cause = record(
      .withdrawn,
      RequestFateRecord(
        kind, reference, port: PortID(raw: UInt16(truncatingIfNeeded: port)), cause: why.rawValue))
    applyWithdrawal(port, kind, reference, why.rawValue)
    cause = outer
    return true
  }

  mutating func applyWithdrawal(
    _ port: Int, _ kind: VenueRequest.Kind, _ reference: UInt64, _ why: UInt16
  ) {
    ports[port].outbox.withdraw(kind: kind, reference: reference)
    notSent(port, kind: kind, reference: reference, cause: why)
  }

  /// A request was withdrawn before the wire, by its gateway or by ourselves.
  mutating func notSent(
    _ port: Int, kind: VenueRequest.Kind?, reference: UInt64, cause: UInt16
  ) {
    guard let place = ports.place(of: reference, port),
      let slot = orders.slotToChange(ports.references[place].order)
    else {
      counters.total.notSent &+= 1
      return
    }
    switch kind {
    case .new where orders[slot].newState == .unresolved && orders[slot].executedHere == 0:
      closeUnsent(slot, cause: cause)
    case .replace, .modify:
      counters.total.notSent &+= 1
      guard orders[slot].replaceState == .unresolved, orders[slot].pendingReference == reference
      else { return }
      dropReplace(slot, .lost)
      notify(.notSent, slot, reason: cause)
    case .inquiry:
      counters.total.notSent &+= 1
      orders[slot].isInquired = false
    default:
      counters.total.notSent &+= 1
      if kind == .cancel, orders[slot].cancelState == .unresolved {
        orders[slot].cancelState = .lost
        recordState(slot, nil)
      }
    }
  }

  /// A wanted cancel named an incarnation that is not the living one: name that.
  mutating func repeatCancel(_ slot: Int) {
    guard orders[slot].cancelWanted, orders[slot].life.isOpen, ports[Int(orders[slot].port)].isUp,
      orders[slot].cancelState != .unresolved
        || orders[slot].cancelReference != orders[slot].venueReference
    else { return }
    _ = sendCancel(slot, quantity: 0)
  }

  // MARK: Handing over

  /// The request that is to be sent next; see ``Engine/nextRequest(_:machineTime:)``.
  mutating func nextRequest(_ port: Int, machineTime: Int64) -> VenueRequest? {
    if isReplaying { return nil }
    if machineTime != 0 { self.machineTime = machineTime }
    for _ in 0..<ports[port].outbox.capacity {
      guard ports[port].outbox.offer(at: machineTime) else { return ports[port].outbox.offered }
      if let old = ports[port].outbox.offered { withdrawOld(port, old) }
    }
    return nil
  }

  /// Withdraws what has waited too long behind a socket that takes nothing.
  mutating func withdrawOld(_ port: Int, machineTime: Int64) {
    if isReplaying { return }
    for _ in 0..<ports[port].outbox.capacity {
      guard let request = ports[port].outbox.oldest(tooOldAt: machineTime) else { return }
      withdrawOld(port, request)
    }
  }

  /// Time is its cause; what was wanted of its order may go now.
  private mutating func withdrawOld(_ port: Int, _ request: borrowing VenueRequest) {
    let outer = cause
    cause = 0
    _ = withdraw(port, request.kind, request.venueReference, .tooOld)
    if let slot = orders.slot(of: request.order) { repeatCancel(slot) }
    cause = outer
  }

  /// The gateway takes what was offered last: journalled before it can be on the wire. Taking it from the outbox
  /// says what is to be journalled, and nothing comes between the two.
  mutating func requestTaken(_ port: Int) {
    guard let offer = applyHandOver(port) else { return }
    recordHandOver(offer, port)
  }

  /// Of the offered request; nil when it does not lie in the outbox any more.
  @inline(__always) mutating func applyHandOver(_ port: Int) -> Outbox.Label? {
    let offer = ports[port].outbox.takeOffer()
    if offer != nil { counters.total.sent &+= 1 }
    return offer
  }

  @inline(__always) private mutating func recordHandOver(_ offer: Outbox.Label, _ port: Int) {
    let bytes = MemoryLayout<RequestFateRecord>.size
    guard recordsLost == 0,
      let record = unsafe beginRecord(
        .handedOver, payloadBytes: bytes, account: offer.account, strategy: offer.strategy,
        cause: offer.intentSequence)
    else { return recordLateHandOver(offer, port) }
    unsafe record[0] = offer.reference
    unsafe record[1] = UInt64(truncatingIfNeeded: port) | UInt64(offer.kind.rawValue) << 32
    unsafe endRecord(record, payloadBytes: bytes)
  }

  /// What is on the wire is told all the same: it may use what is kept for such records.
  @inline(never) private mutating func recordLateHandOver(_ offer: Outbox.Label, _ port: Int) {
    let outer = cause
    cause = offer.intentSequence
    record(
      .handedOver,
      RequestFateRecord(
        offer.kind, offer.reference, port: PortID(raw: UInt16(truncatingIfNeeded: port))),
      account: offer.account, strategy: offer.strategy)
    cause = outer
  }
}
