/// For how much money: the smallest and the largest price × quantity of one order.
extension EngineState {
  mutating func checkNotional(_ t: OrderTerms, reducing: Bool) -> Refusal? {
    guard let notional = instruments[t.instrument].moneyScale.magnitude(t.price, t.quantity) else {
      return Refusal(
        .arithmeticOverflow, scope: .order, limit: Int128(t.quantity), observed: Int128(t.price))
    }
    var worst: Refusal?
    for i in 0..<ScopeLevel.count {
      let level = ScopeLevel.at(i)
      let limit = limits.table[place(of: level, t)].orderNotional
      if notional > limit, limit < (worst?.limit ?? .max) {
        worst = Refusal(.notionalLimit, scope: level.scope, limit: limit, observed: notional)
      }
    }
    // A minimum of entries does not hold an exit up: whether it does at the venue, the venue says.
    let least = Int128(instruments[t.instrument].minimumNotional)
    if worst == nil, !reducing, notional < least {
      return Refusal(.minimumNotional, scope: .instrument, limit: least, observed: notional)
    }
    return worst
  }

  /// No limit is below 0, nor is what an order comes to.
  @inline(__always) mutating func passesNotional(_ t: OrderTerms, _ s: Int) -> Bool {
    let i = t.listing
    let (value, wide) = t.price.multipliedReportingOverflow(by: t.quantity)
    let (signed, over) = value.multipliedReportingOverflow(
      by: limits.instrumentBounds[i].moneyFactor)
    let notional = signed.magnitude
    return !wide && !over
      && notional <= UInt64(bitPattern: limits.instrumentBounds[i].notionalMax)
      && notional >= UInt64(bitPattern: limits.instrumentBounds[i].notionalMin)
      && notional <= UInt64(bitPattern: limits.strategyBounds[s].notionalMax)
  }
}
