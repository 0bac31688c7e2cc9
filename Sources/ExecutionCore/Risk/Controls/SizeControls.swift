/// How much: what the venue takes, the lot, the largest order of each scope.
extension EngineState {
  mutating func checkVenueQuantity(_ t: OrderTerms) -> Refusal? {
    let least = ports.listings[t.listing].quantityMin
    let most = ports.listings[t.listing].quantityMax
    guard t.quantity >= least, t.quantity <= most else {
      return Refusal(
        .badQuantity, scope: .order, limit: Int128(t.quantity < least ? least : most),
        observed: Int128(t.quantity))
    }
    return nil
  }

  mutating func checkLot(_ t: OrderTerms) -> Refusal? {
    guard ports.listings[t.listing].lotTest.divides(t.quantity) else {
      return Refusal(
        .lotSize, scope: .instrument, limit: Int128(ports.listings[t.listing].lot),
        observed: Int128(t.quantity))
    }
    return nil
  }

  mutating func checkQuantity(_ t: OrderTerms) -> Refusal? {
    // The strictest of the limits that are broken is named.
    var worst: Refusal?
    for i in 0..<ScopeLevel.count {
      let level = ScopeLevel.at(i)
      let limit = units(limits.table[place(of: level, t)].orderQuantity, of: level, t)
      if t.quantity > limit, Int128(limit) < (worst?.limit ?? .max) {
        worst = Refusal(
          .quantityLimit, scope: level.scope, limit: Int128(limit), observed: Int128(t.quantity))
      }
    }
    return worst
  }

  /// A limit of quantity at the instrument's exponent: its own is, the others are in whole units.
  mutating func units(_ limit: Int64, of level: ScopeLevel, _ t: OrderTerms) -> Int64 {
    switch level {
    case .instrument: limit
    case .firm, .account, .strategy:
      LimitScale.scaled(limit, by: instruments[t.instrument].unit)
    }
  }

  @inline(__always) mutating func passesSize(_ t: OrderTerms, _ s: Int) -> Bool {
    let i = t.listing
    return t.quantity >= limits.instrumentBounds[i].quantityMin
      && t.quantity <= limits.instrumentBounds[i].quantityMax
      && t.quantity <= limits.strategyBounds[s].quantityMax
      && limits.instrumentBounds[i].lotTest.divides(t.quantity)
  }
}
