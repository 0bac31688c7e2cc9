extension EngineState {
  /// Makes what risk holds for an order equal to what may still execute of it: the one place where
  /// exposure is reserved and released, so that the two are exact.
  mutating func reserve(_ slot: Int) {
    let order = orders[slot]
    let isBuy = order.side.isBuy
    let target = order.worstCaseLeaves
    if order.reserved != target || order.reservedBuy != isBuy {
      addWorking(order, -order.reserved, isBuy: order.reservedBuy)
      addWorking(order, target, isBuy: isBuy)
      orders[slot].reserved = target
      orders[slot].reservedBuy = isBuy
    }
    let open = order.life.isOpen
    if open != order.countedOpen {
      addOpen(order, open ? 1 : -1)
      orders[slot].countedOpen = open
    }
  }

  /// What ``reserve(_:)`` does for an order that is new (1), and when it ends untouched (-1).
  @inline(__always) mutating func hold(_ t: OrderTerms, orders count: Int64) {
    let account = accountCell(
      t.account, InstrumentID(raw: UInt32(truncatingIfNeeded: t.instrument)))
    let buying = t.isBuy ? t.quantity &* count : 0
    let selling = t.isBuy ? 0 : t.quantity &* count
    exposure[t.cell].add(buying: buying, selling: selling, orders: count)
    accountExposure[account].add(buying: buying, selling: selling, orders: count)
    instrumentExposure[t.instrument].add(buying: buying, selling: selling, orders: count)
    scopes[0].openOrders &+= count
    scopes[accountScope(t.account)].openOrders &+= count
    scopes[strategyScope(t.strategy)].openOrders &+= count
    counters.openOrders &+= count
  }

  private mutating func addWorking(_ order: Order, _ quantity: Int64, isBuy: Bool) {
    if quantity == 0 { return }
    let account = accountCell(order.account, order.instrument)
    let instrument = Int(order.instrument.raw)
    if isBuy {
      exposure[Int(order.cell)].workingBuy &+= quantity
      accountExposure[account].workingBuy &+= quantity
      instrumentExposure[instrument].workingBuy &+= quantity
    } else {
      exposure[Int(order.cell)].workingSell &+= quantity
      accountExposure[account].workingSell &+= quantity
      instrumentExposure[instrument].workingSell &+= quantity
    }
  }

  private mutating func addOpen(_ order: Order, _ change: Int64) {
    exposure[Int(order.cell)].openOrders &+= change
    accountExposure[accountCell(order.account, order.instrument)].openOrders &+= change
    instrumentExposure[Int(order.instrument.raw)].openOrders &+= change
    scopes[0].openOrders &+= change
    scopes[accountScope(order.account)].openOrders &+= change
    scopes[strategyScope(order.strategy)].openOrders &+= change
    counters.openOrders &+= change
  }

  mutating func accountCell(_ account: AccountID, _ instrument: InstrumentID) -> Int {
    Int(account.raw) &* instrumentCount &+ Int(instrument.raw)
  }
  /// Scope columns hold the firm, then the accounts, then the strategies.
  mutating func accountScope(_ account: AccountID) -> Int { 1 &+ Int(account.raw) }
  mutating func strategyScope(_ strategy: StrategyID) -> Int {
    1 &+ accountCount &+ Int(strategy.raw)
  }
}
