/// Applying what the venue says. A report that is not possible is alarmed, counted and left; an
/// execution is booked always, in any life, however late.
extension EngineState {
  /// Journals a report, applies it, and asks for what it leaves wanted.
  mutating func take(_ report: VenueReport) {
    cause = feedPosition
    cause = record(.report, ReportRecord(report), account: report.account)
    apply(report)
    ask(after: report)
  }

  /// Requests of our own. In a replay they come from the journal.
  private mutating func ask(after report: VenueReport) {
    let port = Int(report.port.raw)
    guard port < portCount, ports[port].cancelsWanted | ports[port].unasked > 0 else { return }
    // What was not applied asks for nothing.
    guard ignoredReport != counters.total.reports else { return }
    switch report.kind {
    case .caughtUp: askAfterCatchingUp(port)
    // A cancel that could not be sent is asked for again when it is late.
    case .notSent where report.subject == VenueRequest.Kind.cancel.rawValue: break
    case .accepted, .replaced, .rejected, .modified, .modifyRejected, .notSent, .inquiryAnswered:
      if let place = ports.place(of: report.venueReference, port),
        let slot = orders.slot(of: ports.references[place].order)
      {
        repeatCancel(slot)
      }
      askUnasked(port)
    default: break
    }
  }

  mutating func apply(_ report: VenueReport) {
    counters.total.reports &+= 1
    let port = Int(report.port.raw)
    guard port < portCount else { return ofUnknownPort(report) }
    if report.streamSequence != 0, !isNextInStream(report, port) {
      ignoredReport = counters.total.reports
      return
    }
    switch report.kind {
    case .accepted: accepted(report, port)
    case .replaced: replaced(report, port)
    case .canceled: canceled(report, port)
    case .executed: executed(report, port)
    case .broken: broken(report, port)
    case .rejected: rejected(report, port)
    case .cancelPending: break
    case .cancelRejected: cancelRejected(report, port)
    case .modified: modified(report, port)
    case .modifyRejected: modifyRejected(report, port)
    case .priorityUpdated, .restated: restated(report, port)
    case .massCancelResponse, .notice: break
    case .entryDisabled: ports[port].setEntry(disabled: true)
    case .entryEnabled: ports[port].setEntry(disabled: false)
    case .status: status(report, port)
    case .neverArrived: settled(report, port, arrived: false)
    case .settled: settled(report, port, arrived: true)
    case .inquiryAnswered: inquiryAnswered(report, port)
    case .sessionUp: sessionUp(port, report)
    case .sessionDown:
      sessionDown(port, SessionEnd(rawValue: report.reason) ?? .broken)
    case .caughtUp: caughtUp(port, report)
    case .undecodable: undecodable(report, port)
    case .notSent:
      notSent(
        port, kind: VenueRequest.Kind(rawValue: report.subject), reference: report.venueReference,
        cause: report.reason)
    }
  }

  /// Whoever applied it has wired something wrong, and it may have been a fill.
  private mutating func ofUnknownPort(_ report: VenueReport) {
    alarm(
      .unknownPort, clientOrderID: report.clientOrderID, port: Int(report.port.raw),
      reference: report.venueReference, expected: Int64(portCount),
      observed: Int64(report.port.raw), report: report.kind)
    stopFirm(.unknownPort)
  }

  /// Keeps count of the port's sequenced stream. What comes again is not applied again, except executions
  /// and busts, which their keys protect.
  private mutating func isNextInStream(_ report: VenueReport, _ port: Int) -> Bool {
    // The gateway's own reports carry a position, and are none, but for what it could not read.
    if report.kind != .undecodable, report.kind.rawValue >= VenueReport.Kind.sessionUp.rawValue {
      return true
    }
    let expected = ports[port].streamSequence &+ 1
    if report.streamSequence < expected {
      alarm(
        .repeatedReport, port: port, reference: report.venueReference,
        expected: Int64(truncatingIfNeeded: expected),
        observed: Int64(truncatingIfNeeded: report.streamSequence), report: report.kind)
      switch report.kind {
      case .executed, .broken: return true
      default: return false
      }
    }
    if report.streamSequence > expected {
      alarm(
        .streamGap, port: port, reference: report.venueReference,
        expected: Int64(truncatingIfNeeded: expected),
        observed: Int64(truncatingIfNeeded: report.streamSequence), report: report.kind)
      // What is missing may be a fill.
      stopPort(.streamGap, port)
    }
    ports[port].streamSequence = report.streamSequence
    return true
  }

  /// It may have been a fill: nothing new may be sent until a person has looked.
  private mutating func undecodable(_ report: VenueReport, _ port: Int) {
    alarm(
      .undecodableReport, port: port, reference: report.venueReference,
      observed: Int64(truncatingIfNeeded: report.streamSequence), report: report.kind)
    stopPort(.undecodableReport, port)
  }

  mutating func illegal(_ report: VenueReport, _ entry: ReferenceEntry) {
    ignoredReport = counters.total.reports
    alarm(
      .illegalReport, instrument: entry.instrument, clientOrderID: entry.clientOrderID,
      port: Int(report.port.raw), reference: report.venueReference, report: report.kind)
  }

  /// The table's place of the report's reference, after the cross-check of the echo; nil, alarmed, for a
  /// reference that we never used.
  mutating func known(_ report: VenueReport, _ port: Int) -> Int? {
    guard let place = ports.place(of: report.venueReference, port) else {
      alarm(
        .unknownReference, clientOrderID: report.clientOrderID, port: port,
        reference: report.venueReference,
        observed: Int64(truncatingIfNeeded: report.executionID.key.low), report: report.kind)
      switch report.kind {
      // An order or a position that is in no book of ours: a person has to look.
      case .accepted, .replaced, .executed, .status: stopPort(.unknownReference, port)
      default: break
      }
      return nil
    }
    let entry = ports.references[place]
    if report.clientOrderID != .none, report.clientOrderID != entry.clientOrderID {
      alarm(
        .echoMismatch, instrument: entry.instrument, clientOrderID: entry.clientOrderID,
        port: port, reference: report.venueReference,
        expected: Int64(truncatingIfNeeded: entry.clientOrderID.raw),
        observed: Int64(truncatingIfNeeded: report.clientOrderID.raw), report: report.kind)
    }
    return place
  }

  // MARK: Accepted, replaced

  private mutating func accepted(_ report: VenueReport, _ port: Int) {
    guard let place = known(report, port) else { return }
    let entry = ports.references[place]
    guard entry.kind == .new, !entry.isAcknowledged else { return illegal(report, entry) }
    guard let slot = orders.slotToChange(entry.order) else { return openWithoutSlot(report, entry) }
    let order = orders[slot]
    guard order.venueReference == report.venueReference, isOpen(report) else {
      return illegal(report, entry)
    }
    let open = max(0, report.quantity &- order.executedHere)
    // Dead, and not because all that was sent has been filled: an Accepted after its own Canceled.
    if entry.isDead, order.doneReason != .filled { return illegal(report, entry) }
    ports.setAcknowledged(place)
    ports.setDead(place, false)
    if order.life == .done, open > 0, !report.standing.isDone {
      alarm(
        .resurrected, instrument: entry.instrument, clientOrderID: entry.clientOrderID, port: port,
        reference: report.venueReference, observed: open, report: report.kind)
    }
    orders[slot].newState = .confirmed
    orders[slot].bookReference = report.bookReference
    takeTerms(slot, place, report, whole: report.quantity)
    counters.total.acknowledged &+= 1
    takeOpen(slot, place, open: open, isDead: report.standing.isDone)
    notify(.accepted, slot, reason: report.reason)
  }

  /// The venue holds an order whose slot we have long given away: its exposure can't be counted, so
  /// nothing new may be sent until a person has looked.
  private mutating func openWithoutSlot(_ report: VenueReport, _ entry: ReferenceEntry) {
    alarm(
      .resurrected, instrument: entry.instrument, clientOrderID: entry.clientOrderID,
      port: Int(report.port.raw), reference: report.venueReference, observed: report.quantity,
      report: report.kind)
    stopFirm(.untrackedOrder)
  }

  private mutating func replaced(_ report: VenueReport, _ port: Int) {
    guard let place = known(report, port) else { return }
    let entry = ports.references[place]
    guard let slot = orders.slotToChange(entry.order) else { return openWithoutSlot(report, entry) }
    guard entry.kind == .replace, !entry.isAcknowledged, !entry.isDead, isOpen(report),
      report.venueReference > orders[slot].venueReference
    else { return illegal(report, entry) }
    let isPending =
      orders[slot].replaceState == .unresolved
      && orders[slot].pendingReference == report.venueReference
    if !isPending || orders[slot].life == .done {
      alarm(
        .resurrected, instrument: entry.instrument, clientOrderID: entry.clientOrderID, port: port,
        reference: report.venueReference, observed: report.quantity, report: report.kind)
    }
    if let old = ports.place(of: orders[slot].venueReference, port) { ports.setDead(old, true) }
    ports.setAcknowledged(place)
    let here = isPending ? orders[slot].executedPending : 0
    let open = max(0, report.quantity &- here)
    orders[slot].venueReference = report.venueReference
    orders[slot].bookReference = report.bookReference
    orders[slot].incarnation = entry.incarnation
    orders[slot].executedHere = here
    orders[slot].executedPending = 0
    if orders[slot].newState == .unresolved { orders[slot].newState = .confirmed }
    if isPending {
      orders[slot].replaceState = .confirmed
      orders[slot].price = orders[slot].pendingPrice
      orders[slot].side = orders[slot].pendingSide
      orders[slot].quantity = orders[slot].pendingQuantity
      orders[slot].pendingReference = 0
    }
    takeTerms(slot, place, report, whole: orders[slot].executed &- here &+ report.quantity)
    counters.total.replaced &+= 1
    takeOpen(slot, place, open: open, isDead: report.standing.isDone)
    notify(.replaced, slot, reason: report.reason)
  }

  /// The incarnation is at the venue with this much open, or dead on arrival.
  private mutating func takeOpen(_ slot: Int, _ place: Int, open: Int64, isDead: Bool) {
    orders[slot].leaves = isDead ? 0 : open
    if isDead || open == 0 {
      if orders[slot].life != .done {
        end(slot, place, isDead && open > 0 ? .canceled : .filled)
      } else {
        ports.setDead(place, true)
      }
    } else if !become(slot, .working) {
      // The venue had said that it is over, and has it open: nobody holds what may still be executed of it.
      stopFirm(.untrackedOrder)
    }
    reserve(slot)
  }

  /// The venue's terms rule; where they differ from ours it is said.
  private mutating func takeTerms(_ slot: Int, _ place: Int, _ report: VenueReport, whole: Int64) {
    var differs = whole != orders[slot].quantity
    let order = orders[slot]
    if let price = scaled(report, Int(order.instrument.raw)), report.price != 0 {
      differs = differs || price != order.price
      orders[slot].price = price
    }
    if let side = Side(rawValue: report.side) {
      differs = differs || side.rawValue != order.side.rawValue
      take(side, slot, place)
    }
    orders[slot].quantity = whole
    if differs {
      alarm(
        .revisedTerms, instrument: order.instrument, clientOrderID: order.clientOrderID,
        port: Int(order.port), reference: report.venueReference, expected: order.quantity,
        observed: whole, report: report.kind)
    }
  }

  /// The venue's marking of a sale rules for what is executed from now on. A purchase never becomes
  /// a sale, nor a sale a purchase: executions go by the side that was sent.
  mutating func take(_ side: Side, _ slot: Int, _ place: Int) {
    guard side.isBuy == ports.references[place].side.isBuy else { return }
    orders[slot].side = side
    ports.setSide(place, side)
  }

  /// Nothing above is believed to be an exact quantity of anything: sums stay far from overflow.
  func isPossible(_ quantity: Int64) -> Bool {
    quantity >= 0 && quantity <= Self.executionQuantityMax
  }

  /// What lives has something open: nothing, and not dead, is no word that ends an order.
  private func isOpen(_ report: VenueReport) -> Bool {
    isPossible(report.quantity) && (report.quantity > 0 || report.standing.isDone)
  }

  /// The report's price at the instrument's exponent; nil, alarmed, when that is not exact or too large.
  mutating func scaled(_ report: VenueReport, _ instrument: Int) -> Int64? {
    let exact = rescaled(
      report.price, from: report.priceExponent, to: instruments[instrument].priceExponent)
    if let exact { return exact }
    alarm(
      .unrepresentable, instrument: InstrumentID(raw: UInt32(truncatingIfNeeded: instrument)),
      port: Int(report.port.raw), reference: report.venueReference, observed: report.price,
      report: report.kind)
    return nil
  }

  /// The order is over, by the venue's word; whatever else was asked of it is settled with it.
  mutating func end(_ slot: Int, _ place: Int, _ reason: DoneReason) {
    ports.setDead(place, true)
    if orders[slot].newState == .unresolved {
      orders[slot].newState = reason == .rejected ? .refused : .confirmed
    }
    if orders[slot].replaceState == .unresolved {
      // The venue refuses it or says nothing, or has cancelled the original because of it.
      orders[slot].replaceState = .refused
      orders[slot].pendingReference = 0
      orders[slot].pendingInPlace = false
    }
    if orders[slot].cancelState == .unresolved {
      orders[slot].cancelState = reason == .canceled ? .confirmed : .refused
    }
    orders[slot].leaves = 0
    become(slot, .done, reason)
    reserve(slot)
    switch reason {
    case .filled: counters.total.filled &+= 1
    case .canceled: counters.total.canceled &+= 1
    case .rejected: counters.total.rejected &+= 1
    default: break
    }
  }

}
