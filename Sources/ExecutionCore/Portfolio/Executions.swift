/// Booking executions: the third fact.
extension EngineState {
  /// Quantities above this are not believed to be an exact quantity of anything. Of 2²⁴ executions, the most
  /// that a ledger holds, and 2²⁰ open orders, no sum overflows.
  static var executionQuantityMax: Int64 { 1 << 38 }
  static var executionPriceMax: Int64 { 1 << 62 }
  /// One execution's value in money has fewer bits than this: 2²⁷ of them cannot overflow a sum.
  static var executionValueBits: Int { 100 }

  mutating func executed(_ report: VenueReport, _ port: Int) {
    guard let place = known(report, port), isOrder(report, place) else { return }
    let entry = ports.references[place]
    guard report.quantity > 0, report.quantity <= Self.executionQuantityMax else {
      return illegal(report, entry)
    }
    if report.executionID.isNone {
      // The next one without an identifier looks like a repetition of it.
      illegal(report, entry)
      stopFirm(.impossibleExecution)
    }
    var booked = ExecutionLedger.Entry()
    booked.key = LedgerKey(report)
    booked.price = bookable(report, Int(entry.instrument.raw))
    booked.quantity = report.quantity
    booked.instrument = entry.instrument
    booked.account = entry.account
    booked.strategy = entry.strategy
    booked.side = entry.side
    booked.liquidity = report.liquidity
    booked.incarnation = entry.incarnation
    guard let at = portfolio.ledger.find(booked.key) else {
      alarm(.ledgerFull, instrument: entry.instrument, port: port, reference: report.venueReference)
      stopFirm(.ledgerFull)
      book(&booked, report, place, isBust: false)
      return
    }
    let found = portfolio.ledger[at]
    switch found.state {
    case .booked, .busted:
      compare(found, booked, report)
    case .free:
      book(&booked, report, place, isBust: false)
      booked.state = .booked
      portfolio.ledger.set(at, booked)
    case .bustedBefore:
      book(&booked, report, place, isBust: false)
      book(&booked, report, place, isBust: true)
      booked.state = .busted
      portfolio.ledger.set(at, booked)
    }
  }

  /// The price at which a report is booked: what it says, wherever that is exact and its value is money that
  /// the sums can hold.
  private mutating func bookable(_ report: VenueReport, _ instrument: Int) -> Int64 {
    let scale = instruments[instrument].moneyScale
    let exact = scaled(report, instrument)
    if let exact, exact.magnitude <= UInt64(Self.executionPriceMax),
      let value = scale.money(exact, report.quantity),
      value.magnitude >> UInt128(Self.executionValueBits) == 0
    {
      return exact
    }
    // Booked all the same, at what was said or as near to it as there is money; but nobody trades on from
    // here.
    stopFirm(.unrepresentable)
    if exact != nil {
      alarm(
        .unrepresentable, instrument: InstrumentID(raw: UInt32(truncatingIfNeeded: instrument)),
        port: Int(report.port.raw), reference: report.venueReference, observed: report.price,
        report: report.kind)
    }
    let valueMax = (Int128(1) << Int128(Self.executionValueBits)) &- 1
    let (priceMax, over) = (valueMax / (Int128(report.quantity) &* Int128(scale.factor)))
      .multipliedReportingOverflow(by: Int128(scale.divisor))
    let most =
      over ? Self.executionPriceMax : min(Self.executionPriceMax, Int64(clamping: priceMax))
    return max(0 &- most, min(most, exact ?? report.price))
  }

  /// A mass cancel or an entry switch executes nothing: such a report has no order, account and side to
  /// be booked to. What it speaks of is not in our books, so a person has to look.
  private mutating func isOrder(_ report: VenueReport, _ place: Int) -> Bool {
    let entry = ports.references[place]
    if entry.kind == .new || entry.kind == .replace { return true }
    illegal(report, entry)
    stopFirm(.impossibleExecution)
    return false
  }

  /// The same key again: the same content is a repetition. Other content may be another execution, which is not
  /// booked: a person has to look.
  private mutating func compare(
    _ found: ExecutionLedger.Entry, _ again: ExecutionLedger.Entry, _ report: VenueReport
  ) {
    if found.price == again.price, found.quantity == again.quantity {
      counters.total.duplicateExecutions &+= 1
      return
    }
    alarm(
      .executionMismatch, instrument: found.instrument, port: Int(found.key.port),
      reference: found.key.reference,
      expected: found.quantity, observed: again.quantity, report: report.kind)
    stopFirm(.executionMismatch)
  }

  /// A trade break: the execution's next revision takes it back, fee and all.
  mutating func broken(_ report: VenueReport, _ port: Int) {
    guard let place = known(report, port), isOrder(report, place) else { return }
    let entry = ports.references[place]
    let key = LedgerKey(report)
    guard let at = portfolio.ledger.find(key) else {
      alarm(.ledgerFull, instrument: entry.instrument, port: port, reference: report.venueReference)
      stopFirm(.ledgerFull)
      return
    }
    var found = portfolio.ledger[at]
    switch found.state {
    case .booked:
      book(&found, report, place, isBust: true)
      found.state = .busted
      portfolio.ledger.set(at, found)
    case .busted, .bustedBefore:
      counters.total.duplicateExecutions &+= 1
    case .free:
      alarm(
        .unknownBust, instrument: entry.instrument, clientOrderID: entry.clientOrderID, port: port,
        reference: report.venueReference,
        observed: Int64(truncatingIfNeeded: key.execution.low), report: report.kind)
      found.key = key
      found.account = entry.account
      found.instrument = entry.instrument
      found.strategy = entry.strategy
      found.state = .bustedBefore
      portfolio.ledger.set(at, found)
    }
  }

  /// Order, position, exposure, cash, journal, strategy: one execution or its bust.
  private mutating func book(
    _ e: inout ExecutionLedger.Entry, _ report: VenueReport, _ place: Int, isBust: Bool
  ) {
    var payload = ExecutionRecord(
      instrument: e.instrument, account: e.account, strategy: e.strategy)
    let slot = orders.slotToChange(ports.references[place].order)
    if !isBust { e.fee = fee(of: e) }
    payload.flags = isBust ? ExecutionRecord.bust : 0
    if let slot {
      payload.flags |= isBust ? unfill(slot, e) : fill(slot, place, e, report)
    } else {
      payload.flags |= ExecutionRecord.orphan | (isBust ? 0 : ExecutionRecord.late)
      if !isBust { noteLate(e, report, ports.references[place].clientOrderID) }
    }
    bookPosition(e, isBust: isBust)
    payload.clientOrderID = ports.references[place].clientOrderID
    payload.venueReference = e.key.reference
    payload.executionID = report.executionID
    payload.price = e.price
    payload.quantity = e.quantity
    payload.fee = isBust ? 0 &- e.fee : e.fee
    payload.venueTime = report.venueTime
    payload.revision = isBust ? 1 : 0
    payload.tradingDay = tradingDay
    payload.venue = VenueID(raw: UInt16(truncatingIfNeeded: venue(of: e)))
    payload.port = report.port
    payload.side = e.side.rawValue
    payload.liquidity = e.liquidity
    payload.incarnation = e.incarnation
    if let cell = cell(e.strategy, e.instrument) {
      payload.position = portfolio.positions[cell].net
    }
    record(.execution, payload, account: e.account, strategy: e.strategy)
    guard let slot else { return }
    notify(
      isBust ? .busted : .executed, slot, lastPrice: e.price, lastQuantity: e.quantity,
      reason: report.reason, liquidity: e.liquidity)
  }

  private mutating func noteLate(
    _ e: ExecutionLedger.Entry, _ report: VenueReport, _ clientOrderID: ClientOrderID
  ) {
    counters.total.lateExecutions &+= 1
    alarm(
      .lateExecution, instrument: e.instrument, clientOrderID: clientOrderID,
      port: Int(e.key.port), reference: e.key.reference, observed: e.quantity, report: report.kind)
  }

  /// What an execution does to its order; returns the record's flags.
  private mutating func fill(
    _ slot: Int, _ place: Int, _ e: ExecutionLedger.Entry, _ report: VenueReport
  ) -> UInt8 {
    var flags: UInt8 = 0
    let before = orders[slot]
    orders[slot].executed &+= e.quantity
    if before.life == .done {
      noteLate(e, report, before.clientOrderID)
      flags |= ExecutionRecord.late
    }
    if before.venueReference == e.key.reference {
      orders[slot].executedHere &+= e.quantity
      orders[slot].leaves = max(0, before.leaves &- e.quantity)
      if before.life.isOpen {
        // An execution proves that the venue has it; the ack may still bring other terms.
        if before.newState == .unresolved { orders[slot].newState = .confirmed }
        become(slot, .working)
        if orders[slot].leaves == 0 { end(slot, place, .filled) }
      }
    } else if before.replaceState == .unresolved, before.pendingReference == e.key.reference {
      orders[slot].executedPending &+= e.quantity
    } else if before.life.isOpen {
      // An earlier incarnation: the venue's open quantity of the present one does not count it.
      orders[slot].quantity &+= e.quantity
    }
    let over = orders[slot].executed &- max(orders[slot].quantity, before.pendingTotal)
    if over > 0, over > before.overfilled {
      orders[slot].overfilled = over
      counters.total.overfills &+= 1
      flags |= ExecutionRecord.overfill
      alarm(
        .overfill, instrument: e.instrument, clientOrderID: before.clientOrderID,
        port: Int(e.key.port), reference: e.key.reference, expected: orders[slot].quantity,
        observed: orders[slot].executed,
        report: report.kind)
    }
    reserve(slot)
    return flags
  }

  /// A bust lowers what was executed; it gives nothing back to the order, which stays as dead or open.
  private mutating func unfill(_ slot: Int, _ e: ExecutionLedger.Entry) -> UInt8 {
    orders[slot].executed &-= e.quantity
    orders[slot].busted &+= e.quantity
    if orders[slot].replaceState == .unresolved { orders[slot].pendingQuantity &-= e.quantity }
    orders[slot].quantity &-= orders[slot].life.isOpen ? e.quantity : 0
    orders[slot].overfilled = max(0, min(orders[slot].overfilled, orders[slot].executed))
    reserve(slot)
    return 0
  }

  private mutating func bookPosition(_ e: ExecutionLedger.Entry, isBust: Bool) {
    guard let cell = cell(e.strategy, e.instrument) else { return }
    // There always is one: see `bookable`.
    let value = instruments[Int(e.instrument.raw)].moneyScale.money(e.price, e.quantity) ?? 0
    let signed = portfolio.book(
      Portfolio.Trade(
        account: Int(e.account.raw), venue: venue(of: e), isBuy: e.side.isBuy, isBust: isBust,
        quantity: e.quantity, value: value, fee: e.fee), cell)
    exposures.trade(cell, e.account, e.instrument, signed)
    if isBust {
      counters.total.busts &+= 1
    } else {
      counters.total.executions &+= 1
    }
  }

  mutating func venue(of e: ExecutionLedger.Entry) -> Int { ports[Int(e.key.port)].venue }

  /// 10⁻⁸ of the currency, by the venue's liquidity flag: by unit, by notional, or both.
  private mutating func fee(of e: ExecutionLedger.Entry) -> Int64 {
    let fee = portfolio.fee(venue(of: e), e.liquidity)
    if !fee.isKnown {
      alarm(
        .unknownLiquidity, instrument: e.instrument, port: Int(e.key.port),
        reference: e.key.reference, observed: Int64(e.liquidity))
    }
    let instrument = instruments[Int(e.instrument.raw)]
    return fee.of(
      e.quantity, unit: instrument.unit, value: instrument.moneyScale.money(e.price, e.quantity))
  }

  // MARK: Looking

  @usableFromInline mutating func position(
    _ strategy: StrategyID, _ instrument: InstrumentID
  ) -> Quantity {
    guard let cell = cell(strategy, instrument) else { return Quantity(raw: 0) }
    return Quantity(raw: portfolio.positions[cell].net)
  }
}

extension Order {
  /// The whole quantity that an unresolved replace would allow.
  var pendingTotal: Int64 { replaceState == .unresolved ? pendingQuantity : 0 }
}
