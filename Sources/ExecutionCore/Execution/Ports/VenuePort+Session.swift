/// A port's session as its gateway reports it.
extension EngineState {
  /// Everything that the venue has not answered is unknown now; what had not left is withdrawn.
  mutating func sessionDown(_ port: Int) {
    ports[port].isUp = false
    ports[port].hasCaughtUp = false
    ports[port].setReady(false)
    withdrawAll(port)
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

  /// Empties the outbox: new orders are done, replaces are off, cancels stay wanted.
  private mutating func withdrawAll(_ port: Int) {
    for _ in 0..<ports[port].outbox.capacity {
      guard let request = ports[port].outbox.offer() else { return }
      ports[port].outbox.drop()
      notSent(port, request, .sessionDown)
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

  /// All that the venue had to say has been applied. What it has not spoken of is asked for, and wanted
  /// cancels go out; the port is ready when there is no doubt left.
  mutating func caughtUp(_ port: Int, _ report: borrowing VenueReport) {
    guard ports[port].isUp else { return }
    ports[port].hasCaughtUp = true
    raiseReference(port, to: report.venueReference)
    var walk = walkDoubts(port)
    while let slot = nextDoubt(&walk) {
      guard orders[slot].life.isOpen else { continue }
      if orders[slot].isInDoubt {
        setSettling(slot, true)
      } else if orders[slot].cancelWanted {
        _ = sendCancel(slot, quantity: 0)
      }
    }
    settleNext(port)
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

  /// We withdrew a request before the wire.
  mutating func notSent(_ port: Int, _ request: VenueRequest, _ cause: NotSentCause) {
    notSent(port, kind: request.kind, reference: request.venueReference, cause: cause.rawValue)
  }

  /// A request was withdrawn before the wire, by its gateway or by ourselves.
  mutating func notSent(
    _ port: Int, kind: VenueRequest.Kind?, reference: UInt64, cause: UInt16
  ) {
    guard let place = place(of: reference, port), let slot = slot(of: references[place].order)
    else {
      counters.notSent &+= 1
      return
    }
    switch kind {
    case .new where orders[slot].newState == .unresolved && orders[slot].executedHere == 0:
      closeUnsent(slot, cause: cause)
    case .replace, .modify:
      counters.notSent &+= 1
      guard orders[slot].replaceState == .unresolved, orders[slot].pendingReference == reference
      else { return }
      dropReplace(slot, .lost)
      notify(.notSent, slot, reason: cause)
      repeatCancel(slot)
    case .inquiry:
      counters.notSent &+= 1
      orders[slot].isInquired = false
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
    guard orders[slot].cancelWanted, orders[slot].life.isOpen, ports[Int(orders[slot].port)].isUp,
      orders[slot].cancelState != .unresolved
        || orders[slot].cancelReference != orders[slot].venueReference
    else { return }
    _ = sendCancel(slot, quantity: 0)
  }

  // MARK: Handing over

  /// The request that is to be sent next; see ``Engine/nextRequest(_:machineTime:)``.
  mutating func nextRequest(_ port: Int, machineTime: Int64) -> VenueRequest? {
    if machineTime != 0 { self.machineTime = machineTime }
    for _ in 0..<ports[port].outbox.capacity {
      guard let request = ports[port].outbox.offer() else { return nil }
      guard ports[port].outbox.isTooOld(request, at: machineTime) else { return request }
      ports[port].outbox.drop()
      notSent(port, request, .tooOld)
    }
    return nil
  }

  /// Withdraws what has waited too long behind a socket that takes nothing.
  mutating func withdrawOld(_ port: Int, machineTime: Int64) {
    for _ in 0..<ports[port].outbox.capacity {
      guard let request = ports[port].outbox.takeTooOld(at: machineTime) else { return }
      notSent(port, request, .tooOld)
    }
  }

  mutating func requestTaken(_ port: Int) {
    if ports[port].outbox.drop() { counters.sent &+= 1 }
  }
}
