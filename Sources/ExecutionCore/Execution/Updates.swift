extension EngineState {
  /// Tells the strategy and the journal that something happened to an order.
  mutating func notify(
    _ kind: OrderUpdate.Kind, _ slot: Int, lastPrice: Int64 = 0, lastQuantity: Int64 = 0,
    reason: UInt16 = 0, liquidity: UInt8 = 0
  ) {
    let order = orders[slot]
    recordState(slot, kind)
    let update = OrderUpdate(
      handle: orders.handle(of: slot), clientOrderID: order.clientOrderID,
      lastPrice: Price(raw: lastPrice), lastQuantity: Quantity(raw: lastQuantity),
      leaves: Quantity(raw: order.leaves), executed: Quantity(raw: order.executed),
      instrument: order.instrument, account: order.account, strategy: order.strategy, kind: kind,
      side: order.side, life: order.life, doneReason: order.doneReason, reason: reason,
      liquidity: liquidity)
    push(update)
  }

  mutating func push(_ update: OrderUpdate) {
    if isReplaying { return }
    if !updates.push(update) {
      alarm(.updateLost, instrument: update.instrument, clientOrderID: update.clientOrderID)
    }
  }

  mutating func recordState(_ slot: Int, _ kind: OrderUpdate.Kind?) {
    let order = orders[slot]
    var payload = OrderStateRecord(
      clientOrderID: order.clientOrderID, order: orders.handle(of: slot),
      instrument: order.instrument,
      port: PortID(raw: order.port))
    payload.venueReference = order.venueReference
    payload.pendingReference = order.replaceState == .unresolved ? order.pendingReference : 0
    payload.price = order.price
    payload.quantity = order.quantity
    payload.leaves = order.leaves
    payload.executed = order.executed
    payload.life = order.life.rawValue
    payload.doneReason = order.doneReason.rawValue
    payload.newState = order.newState.rawValue
    payload.replaceState = order.replaceState.rawValue
    payload.cancelState = order.cancelState.rawValue
    payload.side = order.side.rawValue
    payload.incarnation = order.incarnation
    payload.update = kind?.rawValue ?? 0
    record(.orderState, payload, account: order.account, strategy: order.strategy)
  }
}
