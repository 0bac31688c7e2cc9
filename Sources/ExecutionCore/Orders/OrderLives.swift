extension EngineState {
  /// Moves an order to another life if the table allows it; what does not change is fine.
  @discardableResult
  mutating func become(_ slot: Int, _ life: OrderLife, _ reason: DoneReason = .none) -> Bool {
    let old = orders[slot].life
    if old == life { return true }
    guard old.canBecome(life) else { return false }
    if old == .done, !orders[slot].doneReason.isInferred { return false }
    let wasOpen = old.isOpen
    orders[slot].life = life
    orders[slot].doneReason = reason
    if life.isOpen && !wasOpen {
      if old == .done { orders.unlinkDone(Int32(slot)) }
      orders.linkOpen(slot)
      // It lives after all: what was asked of it is looked at again.
      if old == .done, orders[slot].hasToBeListed { postpone(slot) }
      if orders[slot].cancelWanted { ports[Int(orders[slot].port)].cancelsWanted &+= 1 }
    } else if wasOpen && !life.isOpen {
      orders.unlinkOpen(slot)
      unlinkDoubt(slot)
      setSettling(slot, false)
      setMissing(slot, false)
      if orders[slot].cancelWanted { ports[Int(orders[slot].port)].cancelsWanted &-= 1 }
      orders.linkDone(slot)
    }
    if life == .unknown { counters.total.unknownOrders &+= 1 }
    if old == .unknown { counters.total.unknownOrders &-= 1 }
    return true
  }

  // MARK: Views

  @usableFromInline mutating func view(_ handle: OrderHandle) -> OrderView? {
    guard let slot = orders.slot(of: handle) else { return nil }
    return OrderView(orders[slot], slot: slot, ports[Int(orders[slot].port)].capabilities)
  }

  @usableFromInline mutating func belongs(_ handle: OrderHandle, to strategy: StrategyID) -> Bool {
    guard let slot = orders.slot(of: handle) else { return false }
    return orders[slot].strategy == strategy
  }

  mutating func cell(_ strategy: StrategyID, _ instrument: InstrumentID) -> Int? {
    guard Int(strategy.raw) < strategyCount, Int(instrument.raw) < instrumentCount else {
      return nil
    }
    return Int(strategy.raw) &* instrumentCount &+ Int(instrument.raw)
  }

  @usableFromInline mutating func openOrder(
    _ strategy: StrategyID, _ instrument: InstrumentID, after: OrderHandle
  ) -> OrderHandle? {
    guard let cell = cell(strategy, instrument) else { return nil }
    if after == .none {
      let head = orders.openHead[cell]
      return head < 0 ? nil : orders.handle(of: Int(head))
    }
    guard let slot = orders.slot(of: after), orders[slot].life.isOpen,
      Int(orders[slot].cell) == cell
    else {
      return nil
    }
    let next = orders.links[slot].next
    return next < 0 ? nil : orders.handle(of: Int(next))
  }

  @usableFromInline mutating func openOrderCount(
    _ strategy: StrategyID, _ instrument: InstrumentID
  ) -> Int {
    guard let cell = cell(strategy, instrument) else { return 0 }
    return Int(exposures.cells[cell].openOrders)
  }

  @usableFromInline mutating func account(of strategy: StrategyID) -> AccountID {
    let i = Int(strategy.raw)
    return strategies.holds(i) ? strategies[i].account : AccountID(raw: .max)
  }
}
