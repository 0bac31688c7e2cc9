internal import CSupport

func clockTicks() -> UInt64 { nt_clock_ticks() }

/// Placing: risk decides, the intent is journalled, and applied.
extension EngineState {
  @usableFromInline mutating func place(_ request: OrderRequest) -> Verdict {
    if stage.isOn, stage.decided == 0 { stage.decide(at: clockTicks()) }
    guard var terms = terms(of: request) else {
      return .refused(refuse(unknown(request), request))
    }
    if !(request.isPlain && passes(&terms)), let refusal = checkAll(&terms, request.wants) {
      if stage.isOn, stage.checked == 0 { stage.checked = clockTicks() }
      return .refused(refuse(refusal, request))
    }
    if stage.isOn, stage.checked == 0 { stage.checked = clockTicks() }
    return send(request, terms)
  }

  /// Journals and applies what has passed.
  @inline(__always) private mutating func send(
    _ request: OrderRequest, _ terms: OrderTerms
  ) -> Verdict {
    let handle = orders.nextHandle
    guard handle.generation != 0 else {
      return .refused(
        refuse(Refusal(.poolFull, scope: .firm, limit: Int128(orders.count), observed: 0), request))
    }
    let words = RequestWords(
      newOrder: request, terms, handle, limits.instrumentBounds[terms.listing],
      ports.routes[terms.cell].capacity, self)
    guard
      let record = unsafe beginRecord(
        .intent, payloadBytes: MemoryLayout<IntentRecord>.size, account: terms.account,
        strategy: terms.strategy, cause: cause)
    else {
      return .refused(
        refuse(
          Refusal(.journalUnavailable, scope: .firm, limit: 0, observed: 0), request))
    }
    let quote = quotes.quote(request.instrument)
    unsafe words.record(at: record)
    unsafe record[15] = UInt64(bitPattern: quote.bid.raw)
    unsafe record[16] = UInt64(bitPattern: quote.ask.raw)
    unsafe record[17] = UInt64(bitPattern: quote.bidQuantity.raw)
    unsafe record[18] = UInt64(bitPattern: quote.askQuantity.raw)
    unsafe record[19] = feedPosition
    unsafe endRecord(record, payloadBytes: MemoryLayout<IntentRecord>.size)
    applyNew(request, terms, words, handle)
    if stage.isOn, stage.queued == 0 { stage.queued = clockTicks() }
    return .accepted(handle)
  }

  /// The chain's answer without consequences.
  @inline(__always) mutating func evaluate(_ request: OrderRequest) -> Refusal? {
    guard var terms = terms(of: request) else { return unknown(request) }
    if request.isPlain, passes(&terms) { return nil }
    return checkAll(&terms, request.wants)
  }

  /// What is to be checked, or nil when one of the identifiers is unknown.
  @inline(__always) mutating func terms(of r: OrderRequest) -> OrderTerms? {
    let strategy = Int(r.strategy.raw)
    let instrument = Int(r.instrument.raw)
    guard strategy < strategyCount, instrument < instrumentCount,
      Int(r.account.raw) < accountCount, strategies[strategy].account == r.account
    else { return nil }
    let cell = strategy &* instrumentCount &+ instrument
    let hasOneRoute = strategies[strategy].hasOneRoute
    let port = Int(hasOneRoute ? strategies[strategy].port : ports.routes[cell].ports[0])
    let listing =
      hasOneRoute
      ? Int(strategies[strategy].listings) &+ instrument : Int(ports.routes[cell].listing)
    return OrderTerms(
      instrument: instrument, cell: cell, port: port, listing: listing,
      account: r.account, strategy: r.strategy, isBuy: r.side.isBuy, side: r.side,
      price: r.price.raw, quantity: r.quantity.raw, adding: r.quantity.raw, isNew: true)
  }

  /// Which identifier of a request is unknown.
  @inline(never) private mutating func unknown(_ r: OrderRequest) -> Refusal {
    guard Int(r.strategy.raw) < strategyCount else {
      return Refusal(
        .unknownStrategy, scope: .strategy, limit: Int128(strategyCount),
        observed: Int128(r.strategy.raw))
    }
    guard Int(r.account.raw) < accountCount, account(of: r.strategy) == r.account else {
      return Refusal(
        .unknownAccount, scope: .account, limit: Int128(accountCount),
        observed: Int128(r.account.raw))
    }
    return Refusal(
      .unknownInstrument, scope: .instrument, limit: Int128(instrumentCount),
      observed: Int128(r.instrument.raw))
  }

  @inline(never) private mutating func refuse(_ refusal: Refusal, _ r: OrderRequest) -> Refusal {
    refuse(
      refusal, instrument: r.instrument, account: r.account, strategy: r.strategy, kind: .new,
      price: r.price.raw, quantity: r.quantity.raw, side: r.side)
  }

  /// A request about an order, with its terms: under the reference of its present incarnation.
  mutating func request(_ kind: VenueRequest.Kind, about slot: Int) -> VenueRequest {
    let order = orders[slot]
    let instrument = Int(order.instrument.raw)
    var wire = VenueRequest(
      kind: kind, port: PortID(raw: order.port), instrument: order.instrument,
      account: order.account, strategy: order.strategy)
    wire.clientOrderID = order.clientOrderID
    wire.venueReference = order.venueReference
    wire.originalVenueReference = order.venueReference
    wire.price = order.price
    wire.quantity = atVenue(slot, order.quantity)
    wire.createdAt = machineTime
    wire.sessionTime = sessionTime
    wire.order = orders.handle(of: slot)
    wire.venue = VenueID(raw: UInt16(truncatingIfNeeded: ports[Int(order.port)].venue))
    wire.side = order.side
    wire.timeInForce = order.timeInForce
    wire.display = order.display
    wire.capacity = ports.routes[Int(order.cell)].capacity
    wire.incarnation = order.incarnation
    wire.flags = order.flags
    wire.priceExponent = instruments[instrument].priceExponent
    wire.quantityExponent = instruments[instrument].quantityExponent
    return wire
  }

  /// Stores the intent, with the quote that was seen; false when the journal refused it.
  mutating func recordIntent(_ wire: inout VenueRequest, privileged: Bool) -> Bool {
    wire.intentSequence = journal.nextSequence
    let payload = IntentRecord(
      request: wire, limitsVersion: limits.version, quote: quotes.quote(wire.instrument),
      feedPosition: feedPosition)
    let header = header(.intent, wire.account, wire.strategy)
    return journal.append(header, payload, privileged: privileged) != 0
  }

  /// Of what lowers risk or raises none: the journal can't stop it.
  mutating func recordPrivilegedIntent(_ wire: inout VenueRequest) {
    if recordsLost > 0 { tellLostRecords() }
    if !recordIntent(&wire, privileged: true) { loseRecord() }
  }

  /// A new order has the next slot, number and reference, and waits in the outbox.
  @inline(__always) mutating func applyNew(
    _ r: OrderRequest, _ t: OrderTerms, _ words: RequestWords, _ handle: OrderHandle
  ) {
    let slot = Int(handle.slot)
    orders.takeSlot(slot)
    orders.touch(slot)
    open(slot, handle, r, t, words)
    counters.total.newOrders &+= 1
    duplicates.add(duplicateKey(t), at: sessionTime)
    takeTokens(t.account, t.strategy)
  }

  /// Makes the slot the order that has passed: sent, in its cell's list, and held by risk as
  /// ``reserve(_:)`` would hold it.
  @inline(__always) private mutating func open(
    _ slot: Int, _ handle: OrderHandle, _ r: OrderRequest, _ t: OrderTerms, _ words: RequestWords
  ) {
    var entry = ReferenceEntry()
    entry.clientOrderID = ClientOrderID(raw: orders.nextClientOrderID)
    entry.order = handle
    entry.instrument = r.instrument
    entry.account = r.account
    entry.strategy = r.strategy
    entry.side = t.side
    let entered = ports[t.port].enter(words, entry, in: ports.references, slot: slot)
    var order = Order()
    order.clientOrderID = entry.clientOrderID
    order.venueReference = entered.reference
    order.requestNumber = entered.number
    order.generation = handle.generation
    order.instrument = r.instrument
    order.account = r.account
    order.strategy = r.strategy
    order.cell = Int32(truncatingIfNeeded: t.cell)
    order.port = UInt16(truncatingIfNeeded: t.port)
    order.price = t.price
    order.quantity = t.quantity
    order.leaves = t.quantity
    order.side = t.side
    order.timeInForce = r.timeInForce
    order.display = r.display
    order.flags = r.flags
    order.newState = .unresolved
    order.life = .sent
    order.requestedAt = sessionTime
    order.reserved = t.quantity
    order.reservedBuy = t.isBuy
    order.countedOpen = true
    orders[slot] = order
    orders.linkOpen(slot, t.cell)
    orders.doubts[slot] = DoubtLink(earlier: entered.earlier, later: -1)
    if entered.earlier >= 0 {
      orders.doubts[Int(entered.earlier)].later = Int32(truncatingIfNeeded: slot)
    }
    orders.nextClientOrderID &+= 1
    hold(t, orders: 1)
  }

  /// A handle that is not the caller's, or of an order that is gone.
  @usableFromInline mutating func unknownOrder() -> RequestVerdict {
    .refused(
      refuse(
        Refusal(.unknownOrder, scope: .order, limit: 0, observed: 0), instrument: .none,
        account: AccountID(raw: .max), strategy: StrategyID(raw: .max), kind: .replace, price: 0,
        quantity: 0, side: .buy))
  }
}
