/// Applying what the venue says. A report that is not possible is alarmed, counted and left; an
/// execution is booked always, in any life, however late.
extension EngineState {
  mutating func apply(_ report: VenueReport) {
    counters.reports &+= 1
    cause = feedPosition
    cause = record(.report, report, account: report.account)
    if report.streamSequence != 0, !isNextInStream(report) { return }
    switch report.kind {
    case .accepted: accepted(report)
    case .replaced: replaced(report)
    case .canceled: canceled(report)
    case .executed: executed(report)
    case .broken: broken(report)
    case .rejected: rejected(report)
    case .cancelPending: break
    case .cancelRejected: cancelRejected(report)
    case .modified: modified(report)
    case .priorityUpdated: priorityUpdated(report)
    case .restated: restated(report)
    case .massCancelResponse, .systemEvent: break
    case .entryDisabled: setEntry(report.account, disabled: true)
    case .entryEnabled: setEntry(report.account, disabled: false)
    case .accountQueryResponse: accountAnswered(report)
    case .sessionUp: sessionUp(report)
    case .sessionDown: sessionDown()
    case .caughtUp: caughtUp()
    case .undecodable: undecodable(report)
    case .notSent:
      notSent(
        kind: VenueRequest.Kind(rawValue: UInt8(truncatingIfNeeded: report.reason)),
        reference: report.venueReference)
    }
  }

  /// Keeps count of the sequenced stream. What comes again is not applied again, except executions and
  /// busts, which their keys protect.
  private mutating func isNextInStream(_ report: VenueReport) -> Bool {
    // The gateway's own reports carry a position, and are none, but for what it could not read.
    if report.kind != .undecodable, report.kind.rawValue >= VenueReport.Kind.sessionUp.rawValue {
      return true
    }
    let expected = session.streamSequence &+ 1
    if report.streamSequence < expected {
      alarm(
        .repeatedReport, reference: report.venueReference,
        expected: Int64(truncatingIfNeeded: expected),
        observed: Int64(truncatingIfNeeded: report.streamSequence), report: report.kind)
      switch report.kind {
      case .executed, .broken: return true
      default: return false
      }
    }
    if report.streamSequence > expected {
      alarm(
        .streamGap, reference: report.venueReference,
        expected: Int64(truncatingIfNeeded: expected),
        observed: Int64(truncatingIfNeeded: report.streamSequence), report: report.kind)
      // What is missing may be a fill.
      scopes[0].killed = true
    }
    session.streamSequence = report.streamSequence
    return true
  }

  /// It may have been a fill: nothing new may be sent until a person has looked.
  private mutating func undecodable(_ report: VenueReport) {
    alarm(
      .undecodableReport, reference: report.venueReference,
      observed: Int64(truncatingIfNeeded: report.streamSequence), report: report.kind)
    scopes[0].killed = true
  }

  mutating func illegal(_ report: VenueReport, _ entry: ReferenceEntry) {
    alarm(
      .illegalReport, instrument: entry.instrument, clientOrderID: entry.clientOrderID,
      reference: report.venueReference, report: report.kind)
  }

  /// The table's place of the report's reference, after the cross-check of the echo; nil, alarmed, for a
  /// reference that we never used.
  mutating func known(_ report: VenueReport) -> Int? {
    guard let place = place(of: report.venueReference) else {
      alarm(
        .unknownReference, clientOrderID: report.clientOrderID, reference: report.venueReference,
        observed: Int64(truncatingIfNeeded: report.matchNumber), report: report.kind)
      switch report.kind {
      // An order or a position that is in no book of ours: a person has to look.
      case .accepted, .replaced, .executed: scopes[0].killed = true
      default: break
      }
      return nil
    }
    let entry = references[place]
    if report.clientOrderID != .none, report.clientOrderID != entry.clientOrderID {
      alarm(
        .echoMismatch, instrument: entry.instrument, clientOrderID: entry.clientOrderID,
        reference: report.venueReference,
        expected: Int64(truncatingIfNeeded: entry.clientOrderID.raw),
        observed: Int64(truncatingIfNeeded: report.clientOrderID.raw), report: report.kind)
    }
    return place
  }

  // MARK: Accepted, replaced

  private mutating func accepted(_ report: VenueReport) {
    guard let place = known(report) else { return }
    let entry = references[place]
    guard entry.kind == .new, !entry.isAcknowledged else { return illegal(report, entry) }
    guard let slot = slot(of: entry.order) else { return openWithoutSlot(report, entry) }
    let order = orders[slot]
    guard order.venueReference == report.venueReference, report.quantity >= 0 else {
      return illegal(report, entry)
    }
    let open = max(0, report.quantity &- order.executedHere)
    // Dead, and not because all that was sent has been filled: an Accepted after its own Canceled.
    if entry.isDead, order.doneReason != .filled { return illegal(report, entry) }
    references[place].isAcknowledged = true
    references[place].isDead = false
    if order.life == .done, open > 0, report.orderState != UInt8(ascii: "D") {
      alarm(
        .resurrected, instrument: entry.instrument, clientOrderID: entry.clientOrderID,
        reference: report.venueReference, observed: open, report: report.kind)
    }
    orders[slot].newState = .confirmed
    orders[slot].venueOrderNumber = report.venueOrderNumber
    takeTerms(slot, place, report, whole: report.quantity)
    counters.acknowledged &+= 1
    takeOpen(slot, place, open: open, isDead: report.orderState == UInt8(ascii: "D"))
    notify(.accepted, slot, reason: report.reason)
    repeatCancel(slot)
  }

  /// The venue holds an order whose slot we have long given away: its exposure can't be counted, so
  /// nothing new may be sent until a person has looked.
  private mutating func openWithoutSlot(_ report: VenueReport, _ entry: ReferenceEntry) {
    alarm(
      .resurrected, instrument: entry.instrument, clientOrderID: entry.clientOrderID,
      reference: report.venueReference, observed: report.quantity, report: report.kind)
    scopes[0].killed = true
  }

  private mutating func replaced(_ report: VenueReport) {
    guard let place = known(report) else { return }
    let entry = references[place]
    guard let slot = slot(of: entry.order) else { return openWithoutSlot(report, entry) }
    guard entry.kind == .replace, !entry.isAcknowledged, !entry.isDead, report.quantity >= 0,
      report.venueReference > orders[slot].venueReference
    else { return illegal(report, entry) }
    let isPending =
      orders[slot].replaceState == .unresolved
      && orders[slot].pendingReference == report.venueReference
    if !isPending || orders[slot].life == .done {
      alarm(
        .resurrected, instrument: entry.instrument, clientOrderID: entry.clientOrderID,
        reference: report.venueReference, observed: report.quantity, report: report.kind)
    }
    if let old = self.place(of: orders[slot].venueReference) { references[old].isDead = true }
    references[place].isAcknowledged = true
    let here = isPending ? orders[slot].executedPending : 0
    let open = max(0, report.quantity &- here)
    orders[slot].venueReference = report.venueReference
    orders[slot].venueOrderNumber = report.venueOrderNumber
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
    counters.replaced &+= 1
    takeOpen(slot, place, open: open, isDead: report.orderState == UInt8(ascii: "D"))
    notify(.replaced, slot, reason: report.reason)
    repeatCancel(slot)
  }

  /// The incarnation is at the venue with this much open, or dead on arrival.
  private mutating func takeOpen(_ slot: Int, _ place: Int, open: Int64, isDead: Bool) {
    orders[slot].leaves = isDead ? 0 : open
    if isDead || open == 0 {
      if orders[slot].life != .done {
        end(slot, place, isDead && open > 0 ? .canceled : .filled)
      } else {
        references[place].isDead = true
      }
    } else {
      become(slot, .working)
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
    if let side = Self.side(report.side) {
      differs = differs || side.rawValue != order.side.rawValue
      take(side, slot, place)
    }
    orders[slot].quantity = whole
    if differs {
      alarm(
        .revisedTerms, instrument: order.instrument, clientOrderID: order.clientOrderID,
        reference: report.venueReference, expected: order.quantity, observed: whole,
        report: report.kind)
    }
  }

  /// The venue's marking of a sale rules for what is executed from now on. A purchase never becomes
  /// a sale, nor a sale a purchase: executions go by the side that was sent.
  mutating func take(_ side: Side, _ slot: Int, _ place: Int) {
    guard side.isBuy == references[place].side.isBuy else { return }
    orders[slot].side = side
    references[place].side = side
  }

  /// The side of a report: FIX numbers or OUCH letters; nil when it has none.
  static func side(_ code: UInt8) -> Side? {
    switch code {
    case 1, UInt8(ascii: "B"): .buy
    case 2, UInt8(ascii: "S"): .sell
    case 5, UInt8(ascii: "T"): .sellShort
    case 6, UInt8(ascii: "E"): .sellShortExempt
    default: nil
    }
  }

  /// The report's price at the instrument's exponent; nil, alarmed, when that is not exact or too large.
  mutating func scaled(_ report: VenueReport, _ instrument: Int) -> Int64? {
    var shift = Int(report.priceExponent) - Int(risk[instrument].priceExponent)
    var price = report.price
    var isExact = shift >= -18 && shift <= 18
    while isExact, shift > 0 {
      let (next, over) = price.multipliedReportingOverflow(by: 10)
      isExact = !over
      price = next
      shift -= 1
    }
    while isExact, shift < 0 {
      isExact = price % 10 == 0
      price /= 10
      shift += 1
    }
    if isExact { return price }
    alarm(
      .unrepresentable, instrument: InstrumentID(raw: UInt32(truncatingIfNeeded: instrument)),
      reference: report.venueReference, observed: report.price, report: report.kind)
    return nil
  }

  /// The order is over, by the venue's word; whatever else was asked of it is settled with it.
  mutating func end(_ slot: Int, _ place: Int, _ reason: DoneReason) {
    references[place].isDead = true
    if orders[slot].newState == .unresolved {
      orders[slot].newState = reason == .rejected ? .refused : .confirmed
    }
    if orders[slot].replaceState == .unresolved {
      // The venue stays silent, or cancelled the original because of it (EXCHANGE.md, (a) and (b)).
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
    case .filled: counters.filled &+= 1
    case .canceled: counters.canceled &+= 1
    case .rejected: counters.rejected &+= 1
    default: break
    }
  }

  private mutating func setEntry(_ account: AccountID, disabled: Bool) {
    guard Int(account.raw) < accountCount else { return }
    scopes[accountScope(account)].entryDisabled = disabled
  }
}
