/// What became of a request that the venue has not answered: the engine asks, the port's gateway says what
/// the venue's evidence means, and only that settles it. A time-out yields *unknown* and a question.
///
/// Orders with a request that may be unresolved hang in a list of their port, by the time of the last request:
/// who looks for late ones looks at its head, and never at the whole pool.
extension EngineState {
  /// Most orders that one sweep of a port looks at.
  static var doubtsPerSweepMax: Int { 64 }

  // MARK: The list

  /// Puts an order at the end of its port's list: something has just been asked of it.
  @inline(__always) mutating func linkDoubt(_ slot: Int, _ port: Int) {
    let tail = ports[port].doubtTail
    orders.doubts[slot].earlier = tail
    orders.doubts[slot].later = -1
    if tail >= 0 {
      orders.doubts[Int(tail)].later = Int32(truncatingIfNeeded: slot)
    } else {
      ports[port].doubtHead = Int32(truncatingIfNeeded: slot)
    }
    ports[port].doubtTail = Int32(truncatingIfNeeded: slot)
  }

  mutating func unlinkDoubt(_ slot: Int) {
    let link = orders.doubts[slot]
    guard link.isListed else { return }
    let port = Int(orders[slot].port)
    if link.earlier >= 0 {
      orders.doubts[Int(link.earlier)].later = link.later
    } else {
      ports[port].doubtHead = link.later
    }
    if link.later >= 0 {
      orders.doubts[Int(link.later)].earlier = link.earlier
    } else {
      ports[port].doubtTail = link.earlier
    }
    orders.doubts[slot].earlier = DoubtLink.apart
    orders.doubts[slot].later = DoubtLink.apart
  }

  /// Something has been asked of the order now.
  mutating func noteRequest(_ slot: Int) {
    let port = Int(orders[slot].port)
    ports[port].requests &+= 1
    orders[slot].requestNumber = ports[port].requests
    postpone(slot)
  }

  /// The order is looked at when so much time has passed as after a request.
  mutating func postpone(_ slot: Int) {
    orders[slot].requestedAt = sessionTime
    unlinkDoubt(slot)
    linkDoubt(slot, Int(orders[slot].port))
  }

  /// A walk over the orders that were in the list at its start; what is done meanwhile may move the order that
  /// it has come to, or take it out.
  struct DoubtWalk: BitwiseCopyable {
    fileprivate var next: Int32
    fileprivate let last: Int32
    /// Each step goes on to another order of the pool.
    fileprivate var steps: Int
  }

  mutating func walkDoubts(_ port: Int) -> DoubtWalk {
    DoubtWalk(next: ports[port].doubtHead, last: ports[port].doubtTail, steps: orders.count)
  }

  mutating func nextDoubt(_ walk: inout DoubtWalk) -> Int? {
    guard walk.next >= 0, walk.steps > 0 else { return nil }
    let slot = Int(walk.next)
    orders.touch(slot)
    walk.next = walk.next == walk.last ? -1 : orders.doubts[slot].later
    walk.steps &-= 1
    return slot
  }

  /// Who is in no list is never looked at again; and each list is whole both ways.
  mutating func brokenDoubts() -> [String] {
    var broken: [String] = []
    var listed: Set<Int> = []
    for port in 0..<portCount {
      var earlier: Int32 = -1
      var slot = ports[port].doubtHead
      while slot >= 0, listed.insert(Int(slot)).inserted {
        let link = orders.doubts[Int(slot)]
        if link.earlier != earlier || Int(orders[Int(slot)].port) != port {
          broken.append("port \(port): its list of doubts is not whole at order \(slot)")
        }
        earlier = slot
        slot = link.later
      }
      if slot >= 0 || earlier != ports[port].doubtTail {
        broken.append("port \(port): its list of doubts does not end")
      }
    }
    for slot in 0..<orders.count {
      let isListed = listed.contains(slot)
      if isListed != orders.doubts[slot].isListed {
        broken.append("order \(slot): listed as in doubt, and in no list")
      }
      if orders[slot].life.isOpen, orders[slot].hasToBeListed, !isListed {
        broken.append("order \(slot): in doubt, and not in its port's list")
      }
    }
    return broken
  }

  // MARK: Asking

  /// New orders that have waited too long become unknown; what is late is asked for, and again after an
  /// inquiry that failed.
  mutating func sweepTimeouts() {
    for port in 0..<portCount { sweepTimeouts(port) }
  }

  private mutating func sweepTimeouts(_ port: Int) {
    // Without a time-out nothing is late, and most ports have nothing else to be done.
    guard limits.settings.acknowledgeTimeout > 0 || ports[port].hasMore else { return }
    for _ in 0..<Self.doubtsPerSweepMax {
      let slot = Int(ports[port].doubtHead)
      guard slot >= 0, sessionTime &- orders[slot].requestedAt > limits.settings.inquiryInterval
      else {
        break
      }
      if orders[slot].hasToBeListed { timeOut(slot) } else { unlinkDoubt(slot) }
    }
    askUnasked(port)
  }

  /// Journals that an order's last request is late, applies it, and asks what it asks for.
  private mutating func timeOut(_ slot: Int) {
    let order = orders[slot]
    cause = 0
    cause = record(
      .timedOut, OrderNoteRecord(order.clientOrderID, orders.handle(of: slot)),
      account: order.account,
      strategy: order.strategy)
    applyTimeOut(slot)
    askLate(slot)
  }

  /// A new order that the venue has not spoken of is unknown; the next time-out is as far away as after a request.
  mutating func applyTimeOut(_ slot: Int) {
    orders.touch(slot)
    postpone(slot)
    if limits.settings.acknowledgeTimeout > 0, orders[slot].life == .sent {
      become(slot, .unknown)
      notify(.unknown, slot)
    }
  }

  private mutating func askLate(_ slot: Int) {
    let order = orders[slot]
    // A cancel of everything may pend at the venue for long; it is wanted until the order is done.
    let isLate =
      order.newState == .unresolved || order.replaceState == .unresolved
      || order.cancelState == .unresolved && !order.cancelWanted
    if order.isSettling || order.executionsMissing
      || limits.settings.acknowledgeTimeout > 0 && isLate
    {
      inquire(slot)
    } else if order.cancelWanted, order.cancelState != .unresolved, ports[Int(order.port)].isReady {
      _ = sendCancel(slot, quantity: 0)
    }
  }

  /// Asks about every order of the port that is in doubt; how many.
  mutating func inquireAll(_ port: Int) -> Int {
    var asked = 0
    var walk = walkDoubts(port)
    while let slot = nextDoubt(&walk) {
      if orders[slot].isInDoubt, inquire(slot) { asked &+= 1 }
    }
    return asked
  }

  /// Asks, as far as there is room, about orders whose fate is open since before the log-in.
  mutating func askUnasked(_ port: Int) {
    guard ports[port].hasCaughtUp, ports[port].unasked > 0, ports[port].outbox.hasRoom else {
      return
    }
    var walk = walkDoubts(port)
    while let slot = nextDoubt(&walk) {
      if orders[slot].isUnasked { inquire(slot) }
    }
  }

  /// Since before the log-in it is open what became of the order, or not any more.
  mutating func setSettling(_ slot: Int, _ isSettling: Bool) {
    setUnasked(slot, isSettling)
    guard orders[slot].isSettling != isSettling else { return }
    orders[slot].isSettling = isSettling
    let port = Int(orders[slot].port)
    ports[port].settling &+= isSettling ? 1 : -1
    // The last doubt is gone.
    if ports[port].settling == 0, ports[port].hasCaughtUp { ports[port].setReady(true) }
  }

  private mutating func setUnasked(_ slot: Int, _ isUnasked: Bool) {
    guard orders[slot].isUnasked != isUnasked else { return }
    orders[slot].isUnasked = isUnasked
    ports[Int(orders[slot].port)].unasked &+= isUnasked ? 1 : -1
  }

  /// Journals and applies an inquiry. False when one is under way, or there is no room.
  @discardableResult
  mutating func inquire(_ slot: Int) -> Bool {
    let order = orders[slot]
    let port = Int(order.port)
    guard !order.isInquired, ports[port].hasCaughtUp, ports[port].outbox.hasRoom,
      ports[port].capabilities.answersInquiries
    else { return false }
    var wire = request(.inquiry, about: slot)
    let isReplacing = order.replaceState == .unresolved && !order.pendingInPlace
    wire.originalVenueReference = isReplacing ? order.pendingReference : 0
    recordPrivilegedIntent(&wire)
    applyInquiry(slot, wire)
    return true
  }

  /// The venue is asked about the order: behind everything that waits, for were it to overtake an order, its
  /// answer would say that the order never arrived.
  mutating func applyInquiry(_ slot: Int, _ wire: borrowing VenueRequest) {
    orders.touch(slot)
    let port = Int(orders[slot].port)
    ports[port].outbox.push(wire, urgent: false)
    counters.total.otherRequests &+= 1
    orders[slot].inquiryNumber = ports[port].requests
    orders[slot].isInquired = true
    setUnasked(slot, false)
  }

  // MARK: Answers

  /// What was asked of the incarnation before the inquiry, and is not resolved by now, came to nothing.
  mutating func settled(_ report: VenueReport, _ port: Int, arrived: Bool) {
    guard let place = known(report, port),
      let slot = orders.slotToChange(ports.references[place].order)
    else {
      return
    }
    let order = orders[slot]
    guard order.isInquired else { return illegal(report, ports.references[place]) }
    guard order.life.isOpen else { return }
    let isOlder = order.requestNumber <= order.inquiryNumber
    if order.replaceState == .unresolved, !order.pendingInPlace,
      order.pendingReference == report.venueReference
    {
      if isOlder { closeReplace(slot, arrived: arrived) }
      return
    }
    guard order.venueReference == report.venueReference else { return }
    if order.newState == .unresolved { return closeNew(slot, arrived: arrived) }
    // A request that was made since the inquiry is not spoken of.
    guard isOlder else { return }
    if order.replaceState == .unresolved, order.pendingInPlace {
      closeReplace(slot, arrived: false)
    }
    loseCancel(slot)
  }

  private mutating func loseCancel(_ slot: Int) {
    guard orders[slot].cancelState == .unresolved else { return }
    orders[slot].cancelState = .lost
    recordState(slot, nil)
  }

  private mutating func closeNew(_ slot: Int, arrived: Bool) {
    let order = orders[slot]
    if arrived {
      alarm(
        .closedByEvidence, instrument: order.instrument, clientOrderID: order.clientOrderID,
        port: Int(order.port), reference: order.venueReference)
    }
    orders[slot].newState = .lost
    orders[slot].leaves = 0
    // Should it live after all, the cancel has to be repeated.
    loseCancel(slot)
    become(slot, .done, arrived ? .closedByEvidence : .neverArrived)
    if !arrived { counters.total.neverArrived &+= 1 }
    reserve(slot)
    notify(.closed, slot)
  }

  private mutating func closeReplace(_ slot: Int, arrived: Bool) {
    let order = orders[slot]
    if arrived {
      // Silence after it arrived: the original was dead, or the number used.
      alarm(
        .closedByEvidence, instrument: order.instrument, clientOrderID: order.clientOrderID,
        port: Int(order.port), reference: order.pendingReference)
    }
    dropReplace(slot, .lost)
    notify(.replaceRejected, slot)
  }

  /// How the order stands, as the venue says when it is asked.
  mutating func status(_ report: VenueReport, _ port: Int) {
    guard let place = known(report, port),
      let slot = orders.slotToChange(ports.references[place].order)
    else {
      return
    }
    let entry = ports.references[place]
    guard orders[slot].isInquired, orders[slot].venueReference == report.venueReference,
      isPossible(report.quantity), isPossible(report.executedQuantity), report.standing != .unsaid
    else { return illegal(report, entry) }
    let isWaiting = noteMissing(slot, report)
    if orders[slot].life == .done {
      guard !report.standing.isDone, orders[slot].doneReason.isInferred else { return }
      alarm(
        .resurrected, instrument: entry.instrument, clientOrderID: entry.clientOrderID, port: port,
        reference: report.venueReference, observed: report.quantity, report: report.kind)
    }
    ports.setAcknowledged(place)
    if report.standing.isDone {
      if isWaiting {
        // What is missing would be asked for no more once it is over: it stands as it is until the next answer.
        if orders[slot].newState == .unresolved { orders[slot].newState = .confirmed }
        return recordState(slot, nil)
      }
      setMissing(slot, false)
    }
    switch report.standing {
    case .unsaid: return
    case .working: takeStanding(slot, report)
    case .filled: end(slot, place, .filled)
    case .canceled: end(slot, place, .canceled)
    case .rejected: end(slot, place, .rejected)
    }
    notify(.restated, slot, reason: report.reason)
  }

  /// The venue counts executions that we do not have. They may be on their way, behind its answer: the
  /// question is asked once more (true) before it is believed.
  private mutating func noteMissing(_ slot: Int, _ report: VenueReport) -> Bool {
    let order = orders[slot]
    // What it calls filled has been executed whole, whether it counts or not.
    let whole = report.standing == .filled && order.life.isOpen ? order.leaves : 0
    let counted = max(report.executedQuantity, order.executedHere &+ whole)
    guard counted > order.executedHere else {
      setMissing(slot, false)
      return false
    }
    guard order.executionsMissing || order.life == .done else {
      setMissing(slot, true)
      postpone(slot)
      return true
    }
    alarm(
      .executionsMissing, instrument: order.instrument, clientOrderID: order.clientOrderID,
      port: Int(order.port), reference: order.venueReference, expected: order.executedHere,
      observed: counted, report: report.kind)
    stopFirm(.executionsMissing)
    return false
  }

  mutating func setMissing(_ slot: Int, _ isMissing: Bool) {
    guard orders[slot].executionsMissing != isMissing else { return }
    orders[slot].executionsMissing = isMissing
    ports[Int(orders[slot].port)].missing &+= isMissing ? 1 : -1
  }

  private mutating func takeStanding(_ slot: Int, _ report: VenueReport) {
    if orders[slot].newState == .unresolved { orders[slot].newState = .confirmed }
    if report.bookReference != 0 { orders[slot].bookReference = report.bookReference }
    let order = orders[slot]
    let isOlder = order.requestNumber <= order.inquiryNumber
    let price = report.price == 0 ? nil : scaled(report, Int(order.instrument.raw))
    // What we have booked since the venue looked is not open any more.
    let leaves = max(0, report.quantity &- max(0, order.executedHere &- report.executedQuantity))
    if isOlder, order.replaceState == .unresolved, order.pendingInPlace {
      // The venue shows either the old terms or the new ones.
      let isTaken =
        leaves &+ order.executed == order.pendingQuantity
        && (price ?? order.pendingPrice)
          == order.pendingPrice
      if isTaken { dropReplace(slot, .confirmed) } else { closeReplace(slot, arrived: false) }
    }
    orders[slot].leaves = leaves
    orders[slot].quantity = order.executed &+ leaves
    if let price { orders[slot].price = price }
    if isOlder { loseCancel(slot) }
    become(slot, .working)
    reserve(slot)
  }

  mutating func inquiryAnswered(_ report: VenueReport, _ port: Int) {
    guard let place = known(report, port),
      let slot = orders.slotToChange(ports.references[place].order)
    else {
      return
    }
    guard orders[slot].isInquired, let outcome = InquiryOutcome(rawValue: report.reason) else {
      return illegal(report, ports.references[place])
    }
    inquiryEnded(slot, outcome)
  }

  mutating func inquiryEnded(_ slot: Int, _ outcome: InquiryOutcome) {
    let port = Int(orders[slot].port)
    orders[slot].isInquired = false
    setUnasked(slot, false)
    if outcome != .answered {
      alarm(
        .inquiryFailed, instrument: orders[slot].instrument,
        clientOrderID: orders[slot].clientOrderID, port: port,
        reference: orders[slot].venueReference, observed: Int64(outcome.rawValue))
    }
    // Nothing more can be known where the venue can't be asked. What failed, or misses executions, is asked
    // again.
    if outcome == .unsupported || outcome == .answered && !orders[slot].executionsMissing {
      setSettling(slot, false)
    }
    // Nobody says whether the cancel of before arrived; another one does no harm.
    if outcome != .answered, orders[slot].life.isOpen, orders[slot].cancelWanted, ports[port].isUp,
      orders[slot].requestNumber <= orders[slot].inquiryNumber
    {
      loseCancel(slot)
    }
  }
}
