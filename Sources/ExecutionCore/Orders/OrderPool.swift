extension EngineState {
  /// What the next new order will be called; none when every order in the pool is open. Slots of done orders are
  /// reused oldest first, so that late reports mostly still find their order.
  var nextHandle: OrderHandle {
    @inline(__always) mutating get {
      let slot = freeHead >= 0 ? freeHead : doneHead
      guard slot >= 0 else { return .none }
      return OrderHandle(
        slot: UInt32(truncatingIfNeeded: slot), generation: orders[Int(slot)].generation &+ 1)
    }
  }

  /// The slot of ``nextHandle`` is free no more. The caller overwrites all of it.
  @inline(__always) mutating func takeSlot(_ slot: Int) {
    let next = links[slot].next
    if freeHead >= 0 {
      freeHead = next
    } else {
      // The first of its list: nothing is before it.
      doneHead = next
      if next >= 0 { links[Int(next)].previous = -1 } else { doneTail = -1 }
    }
    if next >= 0 { orders.prefetch(Int(next)) }
  }

  /// A slot could be had now.
  var hasSlot: Bool { freeHead >= 0 || doneHead >= 0 }

  /// The slot of a handle, nil when it is of another generation or nonsense.
  mutating func slot(of handle: OrderHandle) -> Int? {
    let i = Int(handle.slot)
    guard orders.holds(i), orders[i].generation == handle.generation, handle.generation != 0 else {
      return nil
    }
    return i
  }

  /// As ``slot(of:)``, of an order that is about to change.
  mutating func slotToChange(_ handle: OrderHandle) -> Int? {
    guard let slot = slot(of: handle) else { return nil }
    hashing.orders.touch(slot)
    return slot
  }

  mutating func handle(of slot: Int) -> OrderHandle {
    OrderHandle(slot: UInt32(truncatingIfNeeded: slot), generation: orders[slot].generation)
  }

  /// Puts an order at the head of its cell's open list.
  mutating func linkOpen(_ slot: Int) {
    let cell = Int(orders[slot].cell)
    let head = openHead[cell]
    links[slot].next = head
    links[slot].previous = -1
    if head >= 0 { links[Int(head)].previous = Int32(slot) }
    openHead[cell] = Int32(slot)
  }

  mutating func unlinkOpen(_ slot: Int) {
    let next = links[slot].next
    let previous = links[slot].previous
    if previous >= 0 {
      links[Int(previous)].next = next
    } else {
      openHead[Int(orders[slot].cell)] = next
    }
    if next >= 0 { links[Int(next)].previous = previous }
  }

  mutating func linkDone(_ slot: Int) {
    links[slot].next = -1
    links[slot].previous = doneTail
    if doneTail >= 0 { links[Int(doneTail)].next = Int32(slot) } else { doneHead = Int32(slot) }
    doneTail = Int32(slot)
  }

  mutating func unlinkDone(_ slot: Int32) {
    let next = links[Int(slot)].next
    let previous = links[Int(slot)].previous
    if previous >= 0 { links[Int(previous)].next = next } else { doneHead = next }
    if next >= 0 { links[Int(next)].previous = previous } else { doneTail = previous }
  }

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
      if old == .done { unlinkDone(Int32(slot)) }
      linkOpen(slot)
      // It lives after all: what was asked of it is looked at again.
      if old == .done, orders[slot].hasToBeListed { postpone(slot) }
      if orders[slot].cancelWanted { ports[Int(orders[slot].port)].cancelsWanted &+= 1 }
    } else if wasOpen && !life.isOpen {
      unlinkOpen(slot)
      unlinkDoubt(slot)
      setSettling(slot, false)
      setMissing(slot, false)
      if orders[slot].cancelWanted { ports[Int(orders[slot].port)].cancelsWanted &-= 1 }
      linkDone(slot)
    }
    if life == .unknown { counters.unknownOrders &+= 1 }
    if old == .unknown { counters.unknownOrders &-= 1 }
    return true
  }

  // MARK: Views

  @usableFromInline mutating func view(_ handle: OrderHandle) -> OrderView? {
    guard let slot = slot(of: handle) else { return nil }
    return OrderView(orders[slot], slot: slot, ports[Int(orders[slot].port)].capabilities)
  }

  @usableFromInline mutating func belongs(_ handle: OrderHandle, to strategy: StrategyID) -> Bool {
    guard let slot = slot(of: handle) else { return false }
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
      let head = openHead[cell]
      return head < 0 ? nil : handle(of: Int(head))
    }
    guard let slot = slot(of: after), orders[slot].life.isOpen, Int(orders[slot].cell) == cell
    else {
      return nil
    }
    let next = links[slot].next
    return next < 0 ? nil : handle(of: Int(next))
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
