internal import CSupport

func clockTicks() -> UInt64 { nt_clock_ticks() }

/// Placing, changing and cancelling: risk, then the journalled intent, then the outbox.
extension EngineState {
  @usableFromInline mutating func place(_ request: OrderRequest) -> Verdict {
    if stage.isOn, stage.decided == 0 { stage.decide(at: clockTicks()) }
    var terms: OrderTerms
    switch resolve(request) {
    case .left(let found): terms = found
    case .right(let refusal): return .refused(refuse(refusal, request))
    }
    let refusal = check(&terms)
    if stage.isOn, stage.checked == 0 { stage.checked = clockTicks() }
    if let refusal { return .refused(refuse(refusal, request)) }
    guard let slot = takeSlot() else {
      return .refused(
        refuse(Refusal(.poolFull, scope: .firm, limit: Int128(orders.count), observed: 0), request))
    }
    let handle = handle(of: slot)
    var wire = wireRequest(.new, terms, handle)
    wire.clientOrderID = ClientOrderID(raw: nextClientOrderID)
    wire.venueReference = nextVenueReference
    wire.timeInForce = request.timeInForce
    wire.display = request.display
    wire.flags = request.flags & 3
    guard recordIntent(&wire, privileged: false) else {
      orders[slot].next = freeHead
      freeHead = Int32(slot)
      return .refused(
        refuse(
          Refusal(.journalUnavailable, scope: .firm, limit: 0, observed: 0), request))
    }
    nextClientOrderID &+= 1
    fill(slot, from: wire, terms)
    outbox.push(wire, urgent: false)
    counters.newOrders &+= 1
    duplicates.add(duplicateKey(terms), at: sessionTime)
    takeTokens(terms.account, terms.strategy)
    if stage.isOn, stage.queued == 0 { stage.queued = clockTicks() }
    return .accepted(handle)
  }

  /// The chain's answer without consequences.
  mutating func evaluate(_ request: OrderRequest) -> Refusal? {
    switch resolve(request) {
    case .left(var terms): check(&terms)
    case .right(let refusal): refusal
    }
  }

  enum Resolution: BitwiseCopyable {
    case left(OrderTerms)
    case right(Refusal)
  }

  /// The identifiers of a request as indices, or which of them is unknown.
  mutating func resolve(_ r: OrderRequest) -> Resolution {
    guard Int(r.strategy.raw) < strategyCount else {
      return .right(
        Refusal(
          .unknownStrategy, scope: .strategy, limit: Int128(strategyCount),
          observed: Int128(r.strategy.raw)))
    }
    guard Int(r.account.raw) < accountCount, account(of: r.strategy) == r.account else {
      return .right(
        Refusal(
          .unknownAccount, scope: .account, limit: Int128(accountCount),
          observed: Int128(r.account.raw)))
    }
    guard let cell = cell(r.strategy, r.instrument) else {
      return .right(
        Refusal(
          .unknownInstrument, scope: .instrument, limit: Int128(instrumentCount),
          observed: Int128(r.instrument.raw)))
    }
    return .left(
      OrderTerms(
        instrument: Int(r.instrument.raw), cell: cell, account: r.account, strategy: r.strategy,
        isBuy: r.side.isBuy, side: r.side.isBuy ? .buy : .sell, price: r.price.raw,
        quantity: r.quantity.raw, adding: r.quantity.raw, isNew: true))
  }

  private mutating func refuse(_ refusal: Refusal, _ r: OrderRequest) -> Refusal {
    refuse(
      refusal, instrument: r.instrument, account: r.account, strategy: r.strategy, kind: .new,
      price: r.price.raw, quantity: r.quantity.raw, side: r.side)
  }

  /// What every request to the venue carries.
  mutating func wireRequest(
    _ kind: VenueRequest.Kind, _ t: OrderTerms, _ handle: OrderHandle
  ) -> VenueRequest {
    let r = risk[t.instrument]
    var wire = VenueRequest(
      kind: kind, instrument: InstrumentID(raw: UInt32(t.instrument)), account: t.account,
      strategy: t.strategy)
    wire.symbol = r.symbol
    wire.price = t.price
    wire.quantity = t.quantity
    wire.side = t.side
    wire.order = handle
    wire.venue = venue
    wire.capacity = capacityCode
    wire.createdAt = machineTime
    wire.sessionTime = sessionTime
    wire.priceExponent = r.priceExponent
    wire.quantityExponent = r.quantityExponent
    return wire
  }

  /// Stores the intent, with the quote that was seen; false when the journal refused it.
  mutating func recordIntent(_ wire: inout VenueRequest, privileged: Bool) -> Bool {
    wire.intentSequence = journal.nextSequence
    let payload = IntentRecord(
      request: wire, quote: quote(wire.instrument), feedPosition: feedPosition)
    let header = header(.intent, wire.account, wire.strategy)
    return journal.append(header, payload, privileged: privileged) != 0
  }

  /// Makes the slot the order that the intent describes.
  private mutating func fill(_ slot: Int, from wire: borrowing VenueRequest, _ t: OrderTerms) {
    var entry = ReferenceEntry()
    entry.clientOrderID = wire.clientOrderID
    entry.order = wire.order
    entry.instrument = wire.instrument
    entry.account = wire.account
    entry.strategy = wire.strategy
    entry.side = wire.side
    let reference = takeReference(entry)
    orders[slot].clientOrderID = wire.clientOrderID
    orders[slot].instrument = wire.instrument
    orders[slot].account = wire.account
    orders[slot].strategy = wire.strategy
    orders[slot].cell = Int32(t.cell)
    orders[slot].price = wire.price
    orders[slot].quantity = wire.quantity
    orders[slot].leaves = wire.quantity
    orders[slot].venueReference = reference
    orders[slot].side = wire.side
    orders[slot].timeInForce = wire.timeInForce
    orders[slot].display = wire.display
    orders[slot].flags = wire.flags
    orders[slot].newState = .unresolved
    orders[slot].requestedAt = sessionTime
    become(slot, .sent)
    reserve(slot)
  }

  /// A handle that is not the caller's, or of an order that is gone.
  @usableFromInline mutating func strange() -> RequestVerdict {
    .refused(
      refuse(
        Refusal(.unknownOrder, scope: .order, limit: 0, observed: 0), instrument: .none,
        account: AccountID(raw: .max), strategy: StrategyID(raw: .max), kind: .replace, price: 0,
        quantity: 0, side: .buy))
  }
}
