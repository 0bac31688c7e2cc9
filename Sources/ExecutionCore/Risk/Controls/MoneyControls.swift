/// For how much money: the largest price × quantity of one order.
extension EngineState {
  mutating func checkNotional(_ t: OrderTerms) -> Refusal? {
    let scale = instruments[t.instrument].moneyScale
    let notional = Int128(t.price) * Int128(t.quantity) * Int128(scale)
    var worst: Refusal?
    for i in 0..<ScopeLevel.count {
      let level = ScopeLevel.at(i)
      let limit = limits.table[place(of: level, t)].orderNotional
      if notional > limit, limit < (worst?.limit ?? .max) {
        worst = Refusal(.notionalLimit, scope: level.scope, limit: limit, observed: notional)
      }
    }
    return worst
  }

  @inline(__always) mutating func passesNotional(_ t: OrderTerms) -> Bool {
    let i = t.listing
    let (value, wide) = t.price.multipliedReportingOverflow(by: t.quantity)
    let (notional, over) = value.multipliedReportingOverflow(
      by: limits.instrumentBounds[i].moneyScale)
    return !wide && !over && notional <= limits.instrumentBounds[i].notionalMax
      && notional <= limits.strategyBounds[Int(t.strategy.raw)].notionalMax
  }
}
