/// Cancels: they pass risk always, and overtake what waits in the outbox.
///
/// That a cancel of everything is wanted is in trading state, so that it is repeated where it may have been lost:
/// its intent says so, or, where none can go now, a record of its own.
extension EngineState {
  /// `quantity` is the new intended total; 0 cancels all. Not needed any more is an acceptance.
  @usableFromInline mutating func cancel(
    _ handle: OrderHandle, quantity: Int64
  ) -> RequestVerdict {
    // An engine that has not been told to go on does nothing; see ``Engine/resume(sessionTime:machineTime:origin:person:reason:)``.
    if isReplaying {
      return .refused(Refusal(.journalUnavailable, scope: .firm, limit: 0, observed: 0))
    }
    guard let slot = orders.slot(of: handle) else { return unknownOrder() }
    guard orders[slot].life.isOpen else { return .accepted }
    // Less may count as executed than nothing: of what was booked by another build and then busted.
    let whole = quantity <= max(0, orders[slot].executed)
    if whole, withdrawQueued(slot) { return .accepted }
    let port = Int(orders[slot].port)
    guard whole || ports[port].capabilities.cancelsPart else { return .refused(Self.notSupported) }
    let most = max(orders[slot].quantity, orders[slot].pendingTotal)
    guard whole || quantity < most && isPossible(atVenue(slot, quantity)) else {
      return .refused(
        Refusal(
          .badQuantity, scope: .order, limit: Int128(most) - 1, observed: Int128(quantity)))
    }
    // Without a session nothing can go: what is wanted goes when the next one has been settled.
    guard ports[port].isUp else {
      guard whole else {
        return .refused(Refusal(.venueDown, scope: .account, limit: 1, observed: 0))
      }
      noteCancelWanted(slot)
      return .accepted
    }
    // The same cancel is on its way already: once is enough (a hundred would not be quicker).
    let target = cancelTarget(slot)
    if orders[slot].cancelState == .unresolved, orders[slot].cancelReference == target, whole,
      orders[slot].cancelQuantity == 0
    {
      return .accepted
    }
    if sendCancel(slot, quantity: whole ? 0 : quantity) { return .accepted }
    if whole { noteCancelWanted(slot) }
    return .refused(
      Refusal(.outboxFull, scope: .account, limit: 0, observed: Int128(ports[port].outbox.count)))
  }

  /// Journals and applies that a cancel is wanted which cannot be asked for now.
  private mutating func noteCancelWanted(_ slot: Int) {
    // As a command has it: that says so already.
    if orders[slot].cancelWanted { return }
    let order = orders[slot]
    record(
      .cancelWanted, OrderNoteRecord(order.clientOrderID, orders.handle(of: slot)),
      account: order.account, strategy: order.strategy)
    applyCancelWanted(slot)
  }

  mutating func applyCancelWanted(_ slot: Int) {
    orders.touch(slot)
    setCancelWanted(slot, true)
    postpone(slot)
  }

  /// The incarnation that the venue will hold when the cancel arrives: it reads requests in order.
  private mutating func cancelTarget(_ slot: Int) -> UInt64 {
    let order = orders[slot]
    return order.replaceState == .unresolved ? order.pendingReference : order.venueReference
  }

  /// A new order that has not left is withdrawn instead of cancelled (true), a replace that has not
  /// left is taken back first.
  private mutating func withdrawQueued(_ slot: Int) -> Bool {
    let order = orders[slot]
    let port = Int(order.port)
    if order.cancelState == .unresolved {
      // A partial cancel that waits behind its own order; the whole one takes its place.
      _ = withdraw(port, .cancel, order.cancelReference, .overtaken)
    }
    if order.newState == .unresolved,
      withdraw(port, .new, order.venueReference, .overtaken)
    {
      return true
    }
    if order.replaceState == .unresolved,
      !withdraw(port, .replace, order.pendingReference, .overtaken)
    {
      _ = withdraw(port, .modify, order.pendingReference, .overtaken)
    }
    return false
  }

  /// An intended total as the venue counts it: with what was executed, that which was busted since among it, or
  /// without.
  mutating func atVenue(_ slot: Int, _ quantity: Int64) -> Int64 {
    capabilities(of: slot).quantityIsWhole
      ? quantity &+ orders[slot].busted : max(0, quantity &- orders[slot].executed)
  }

  /// The other way: the intended total, busts taken off, of what a request asked for.
  mutating func ours(_ slot: Int, _ quantity: Int64) -> Int64 {
    capabilities(of: slot).quantityIsWhole
      ? quantity &- orders[slot].busted : quantity &+ orders[slot].executed
  }

  /// A new order that never reached the wire.
  mutating func closeUnsent(_ slot: Int, cause: UInt16) {
    counters.total.notSent &+= 1
    counters.total.newOrdersNotSent &+= 1
    orders[slot].newState = .lost
    orders[slot].leaves = 0
    become(slot, .done, .notSent)
    reserve(slot)
    notify(.notSent, slot, reason: cause)
  }

  /// A replace or modify came to nothing: the order stands as it was.
  mutating func dropReplace(_ slot: Int, _ state: RequestState) {
    orders[slot].replaceState = state
    orders[slot].pendingReference = 0
    orders[slot].pendingInPlace = false
    reserve(slot)
  }

  /// A cancel of everything is wanted of an open order, or not any more.
  mutating func setCancelWanted(_ slot: Int, _ isWanted: Bool) {
    guard orders[slot].cancelWanted != isWanted else { return }
    orders[slot].cancelWanted = isWanted
    ports[Int(orders[slot].port)].cancelsWanted &+= isWanted ? 1 : -1
  }

  /// Journals and applies a cancel. The journal can't stop it: a cancel lowers risk.
  mutating func sendCancel(_ slot: Int, quantity: Int64) -> Bool {
    let order = orders[slot]
    let port = Int(order.port)
    let target = cancelTarget(slot)
    // The venue would not know the order yet, and stay silent.
    let isBehind = quantity > 0 && ports[port].outbox.holds(reference: target)
    guard isBehind ? ports[port].outbox.hasRoom : ports[port].outbox.hasUrgentRoom else {
      alarm(
        .cancelNotQueued, instrument: order.instrument, clientOrderID: order.clientOrderID,
        port: port, reference: order.venueReference)
      return false
    }
    var wire = request(.cancel, about: slot)
    wire.venueReference = target
    wire.originalVenueReference = target
    wire.quantity = quantity == 0 ? 0 : atVenue(slot, quantity)
    recordPrivilegedIntent(&wire)
    applyCancel(slot, wire)
    return true
  }

  /// A cancel is asked of the order, and waits in the outbox: behind the request of its incarnation if it leaves
  /// a part, and that waits there too; else before all others.
  mutating func applyCancel(_ slot: Int, _ wire: borrowing VenueRequest) {
    orders.touch(slot)
    let port = Int(orders[slot].port)
    let isWhole = wire.quantity == 0
    let target = wire.venueReference
    let isBehind = !isWhole && ports[port].outbox.holds(reference: target)
    if isWhole { setCancelWanted(slot, true) }
    orders[slot].cancelState = .unresolved
    orders[slot].cancelReference = target
    orders[slot].cancelQuantity = isWhole ? 0 : ours(slot, wire.quantity)
    noteRequest(slot)
    ports[port].outbox.push(wire, urgent: !isBehind)
    counters.total.cancels &+= 1
    takeTokens(wire.account, wire.strategy)
  }

  /// Cancels every open order of a strategy in an instrument.
  @usableFromInline mutating func cancelAll(
    _ strategy: StrategyID, _ instrument: InstrumentID
  ) -> Int {
    guard let cell = cell(strategy, instrument) else { return 0 }
    var asked = 0
    var slot = orders.openHead[cell]
    // Bounded by the pool: each step goes on to another open order.
    for _ in 0..<orders.count {
      guard slot >= 0 else { break }
      let next = orders.links[Int(slot)].next
      if case .accepted = cancel(orders.handle(of: Int(slot)), quantity: 0) { asked &+= 1 }
      slot = next
    }
    return asked
  }

  /// Cancels every open order in a scope; `instrument` narrows it unless it is none. Nothing is in the scope of
  /// an order, nor of no instrument.
  mutating func cancelAll(
    scope: RiskScope, account: AccountID, strategy: StrategyID, instrument: InstrumentID
  ) -> Int {
    var asked = 0
    for slot in 0..<orders.count where orders[slot].life.isOpen {
      guard
        isIn(
          scope, orders[slot], account: account, strategy: strategy, instrument: instrument)
      else { continue }
      if case .accepted = cancel(orders.handle(of: slot), quantity: 0) { asked &+= 1 }
    }
    return asked
  }

  func isIn(
    _ scope: RiskScope, _ order: Order, account: AccountID, strategy: StrategyID,
    instrument: InstrumentID
  ) -> Bool {
    let isIn =
      switch scope {
      case .firm: true
      case .instrument: instrument != .none
      // One order is cancelled by its handle.
      case .order, .port: false
      case .account: order.account == account
      case .strategy: order.strategy == strategy
      }
    return isIn && (instrument == .none || order.instrument == instrument)
  }
}
