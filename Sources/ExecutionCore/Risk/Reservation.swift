extension EngineState {
  /// Makes what risk holds for an order equal to what may still execute of it: the one place where
  /// exposure is reserved and released, so that the two are exact.
  mutating func reserve(_ slot: Int) {
    let order = orders[slot]
    let isBuy = order.side.isBuy
    let isOpen = order.life.isOpen
    let target = order.worstCaseLeaves
    if order.reserved == target, order.reservedBuy == isBuy, order.countedOpen == isOpen { return }
    orders[slot].reserved = target
    orders[slot].reservedBuy = isBuy
    orders[slot].countedOpen = isOpen
    hold(
      cell: Int(order.cell), order.account, order.strategy, Int(order.instrument.raw),
      buying: (isBuy ? target : 0) &- (order.reservedBuy ? order.reserved : 0),
      selling: (isBuy ? 0 : target) &- (order.reservedBuy ? 0 : order.reserved),
      orders: (isOpen ? 1 : 0) &- (order.countedOpen ? 1 : 0))
  }

  /// What ``reserve(_:)`` does for an order that is new (1), and when it ends untouched (-1).
  @inline(__always) mutating func hold(_ t: OrderTerms, orders count: Int64) {
    hold(
      cell: t.cell, t.account, t.strategy, t.instrument,
      buying: t.isBuy ? t.quantity &* count : 0, selling: t.isBuy ? 0 : t.quantity &* count,
      orders: count)
  }

  @inline(__always) private mutating func hold(
    cell: Int, _ account: AccountID, _ strategy: StrategyID, _ instrument: Int, buying: Int64,
    selling: Int64, orders count: Int64
  ) {
    let ofAccount = accountCell(account, InstrumentID(raw: UInt32(truncatingIfNeeded: instrument)))
    exposures.cells[cell].add(buying: buying, selling: selling, orders: count)
    exposures.accounts[ofAccount].add(buying: buying, selling: selling, orders: count)
    exposures.instruments[instrument].add(buying: buying, selling: selling, orders: count)
    exposures.openOrders[0] &+= count
    exposures.openOrders[limits.place(of: account)] &+= count
    exposures.openOrders[limits.place(of: strategy)] &+= count
    counters.total.openOrders &+= count
  }

  mutating func accountCell(_ account: AccountID, _ instrument: InstrumentID) -> Int {
    exposures.accountCell(account, instrument)
  }
}
