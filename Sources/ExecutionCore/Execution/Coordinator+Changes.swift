/// Replace and modify: the whole chain on the new terms, the worse of old and new held meanwhile.
extension EngineState {
  @usableFromInline mutating func replace(
    _ handle: OrderHandle, price: Int64, quantity: Int64
  ) -> RequestVerdict {
    if stage.isOn, stage.decided == 0 { stage.decide(at: clockTicks()) }
    guard let slot = orders.slot(of: handle) else { return unknownOrder() }
    if let refusal = changeRefusal(slot, quantity: quantity) ?? replaceRefusal(slot) {
      return refuseChange(refusal, slot, .replace, price, quantity)
    }
    var terms = changeTerms(slot, price: price, quantity: quantity)
    let refusal = check(&terms)
    if stage.isOn, stage.checked == 0 { stage.checked = clockTicks() }
    if let refusal { return refuseChange(refusal, slot, .replace, price, quantity) }
    // With what was busted since it may be more than a quantity can be.
    guard isPossible(atVenue(slot, terms.quantity)) else {
      let refusal = Refusal(
        .badQuantity, scope: .order, limit: Int128(Self.executionQuantityMax),
        observed: Int128(quantity))
      return refuseChange(refusal, slot, .replace, price, quantity)
    }
    let isInPlace = capabilities(of: slot).replacing == .inPlace
    var wire = changeRequest(.replace, slot, terms)
    if !isInPlace {
      wire.venueReference = ports[terms.port].nextReference
      wire.incarnation = orders[slot].incarnation &+ 1
    }
    guard recordIntent(&wire, privileged: false) else {
      let refusal = Refusal(.journalUnavailable, scope: .firm, limit: 0, observed: 0)
      return refuseChange(refusal, slot, .replace, price, quantity)
    }
    applyChange(slot, wire)
    if stage.isOn, stage.queued == 0 { stage.queued = clockTicks() }
    return .accepted
  }

  private mutating func takeReference(_ slot: Int, _ wire: borrowing VenueRequest) -> UInt64 {
    var entry = ReferenceEntry()
    entry.clientOrderID = wire.clientOrderID
    entry.order = wire.order
    entry.instrument = wire.instrument
    entry.account = wire.account
    entry.strategy = wire.strategy
    entry.kind = .replace
    entry.side = wire.side
    entry.incarnation = wire.incarnation
    return ports[Int(orders[slot].port)].takeReference(entry, in: ports.references)
  }

  /// Less quantity in place, priority kept.
  @usableFromInline mutating func modify(
    _ handle: OrderHandle, quantity: Int64
  ) -> RequestVerdict {
    guard let slot = orders.slot(of: handle) else { return unknownOrder() }
    let order = orders[slot]
    if let refusal = changeRefusal(slot, quantity: quantity) {
      return refuseChange(refusal, slot, .modify, order.price, quantity)
    }
    guard capabilities(of: slot).reducesInPlace else {
      return refuseChange(Self.notSupported, slot, .modify, order.price, quantity)
    }
    guard quantity < order.quantity else {
      let refusal = Refusal(
        .badQuantity, scope: .order, limit: Int128(order.quantity) - 1, observed: Int128(quantity))
      return refuseChange(refusal, slot, .modify, order.price, quantity)
    }
    var terms = changeTerms(slot, price: order.price, quantity: quantity)
    if let refusal = check(&terms) {
      return refuseChange(refusal, slot, .modify, order.price, quantity)
    }
    // In place the side's marking stays as the venue has it.
    terms.side = order.side
    var wire = changeRequest(.modify, slot, terms)
    guard recordIntent(&wire, privileged: false) else {
      let refusal = Refusal(.journalUnavailable, scope: .firm, limit: 0, observed: 0)
      return refuseChange(refusal, slot, .modify, order.price, quantity)
    }
    applyChange(slot, wire)
    return .accepted
  }

  /// A replace or modify is asked of the order, and waits in the outbox.
  mutating func applyChange(_ slot: Int, _ wire: borrowing VenueRequest) {
    orders.touch(slot)
    let quantity = ours(slot, wire.quantity)
    // What keeps its reference is changed in place.
    let isInPlace = wire.venueReference == orders[slot].venueReference
    orders[slot].pendingReference = isInPlace ? wire.venueReference : takeReference(slot, wire)
    orders[slot].pendingInPlace = isInPlace
    orders[slot].pendingPrice = wire.price
    orders[slot].pendingQuantity = quantity
    orders[slot].pendingSide = wire.side
    orders[slot].executedPending = 0
    orders[slot].replaceState = .unresolved
    noteRequest(slot)
    reserve(slot)
    ports[Int(orders[slot].port)].outbox.push(wire, urgent: false)
    takeTokens(wire.account, wire.strategy)
    switch wire.kind {
    case .replace:
      counters.total.replaces &+= 1
      duplicates.add(
        DuplicateWindow.Key(
          price: wire.price, quantity: quantity, instrument: wire.instrument.raw,
          account: wire.account.raw, isBuy: wire.side.isBuy), at: sessionTime)
    default: counters.total.modifies &+= 1
    }
  }

  mutating func capabilities(of slot: Int) -> VenueCapabilities {
    ports[Int(orders[slot].port)].capabilities
  }

  static var notSupported: Refusal {
    Refusal(.notSupported, scope: .order, limit: 0, observed: 1)
  }

  /// Why the venue would not take another replace of the order.
  private mutating func replaceRefusal(_ slot: Int) -> Refusal? {
    let venue = capabilities(of: slot)
    switch venue.replacing {
    case .none: return Self.notSupported
    case .inPlace: return nil
    case .newReference:
      guard orders[slot].incarnation >= venue.replacesMax else { return nil }
      return Refusal(
        .incarnationLimit, scope: .order, limit: Int128(venue.replacesMax),
        observed: Int128(venue.replacesMax) + 1)
    }
  }

  /// Why an order can't be changed now, whatever the terms.
  private mutating func changeRefusal(_ slot: Int, quantity: Int64) -> Refusal? {
    let order = orders[slot]
    guard order.life.isOpen else {
      return Refusal(.unknownOrder, scope: .order, limit: 0, observed: Int128(order.life.rawValue))
    }
    // One request at a time: two would leave open which terms the venue holds.
    guard order.life == .working, order.newState != .unresolved, order.replaceState != .unresolved,
      order.cancelState != .unresolved, !order.cancelWanted
    else { return Refusal(.pendingRequest, scope: .order, limit: 0, observed: 1) }
    guard quantity > order.executed else {
      return Refusal(
        .badQuantity, scope: .order, limit: Int128(order.executed) + 1, observed: Int128(quantity))
    }
    return nil
  }

  mutating func changeTerms(_ slot: Int, price: Int64, quantity: Int64) -> OrderTerms {
    let order = orders[slot]
    let port = Int(order.port)
    return OrderTerms(
      instrument: Int(order.instrument.raw), cell: Int(order.cell), port: port,
      listing: ports.listing(port, Int(order.instrument.raw)), account: order.account,
      strategy: order.strategy, isBuy: order.side.isBuy, side: order.side,
      price: price, quantity: quantity,
      adding: quantity &- order.executed &- order.reserved, isNew: false,
      ownReserved: order.side.isBuy ? 0 : order.reserved)
  }

  /// The terms as the venue counts them; the intent keeps what was asked.
  private mutating func changeRequest(
    _ kind: VenueRequest.Kind, _ slot: Int, _ terms: OrderTerms
  ) -> VenueRequest {
    var wire = request(kind, about: slot)
    wire.price = terms.price
    wire.side = terms.side
    wire.quantity = atVenue(slot, terms.quantity)
    return wire
  }

  private mutating func refuseChange(
    _ refusal: Refusal, _ slot: Int, _ kind: VenueRequest.Kind, _ price: Int64, _ quantity: Int64
  ) -> RequestVerdict {
    let order = orders[slot]
    return .refused(
      refuse(
        refusal, instrument: order.instrument, account: order.account, strategy: order.strategy,
        kind: kind, price: price, quantity: quantity, side: order.side,
        clientOrderID: order.clientOrderID))
  }
}
