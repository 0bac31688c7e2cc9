/// How much in all: positions at worst case, open orders at worst case included, and how many of these.
extension EngineState {
  /// At every level that has a position limit: cell, account, firm.
  mutating func isReducing(_ t: OrderTerms) -> Bool {
    let adding = max(0, t.adding)
    return exposures.cells[t.cell].isReducing(isBuy: t.isBuy, adding: adding)
      && exposures.accounts[accountCell(t.account, InstrumentID(raw: UInt32(t.instrument)))]
        .isReducing(isBuy: t.isBuy, adding: adding)
      && exposures.instruments[t.instrument].isReducing(isBuy: t.isBuy, adding: adding)
  }

  /// Positions per instrument: the strategy's, the account's, and for instrument and firm everybody's.
  private mutating func exposure(of level: ScopeLevel, _ t: OrderTerms) -> Exposure {
    switch level {
    case .strategy: exposures.cells[t.cell]
    case .account:
      exposures.accounts[accountCell(t.account, InstrumentID(raw: UInt32(t.instrument)))]
    case .instrument, .firm: exposures.instruments[t.instrument]
    }
  }

  mutating func checkPosition(_ t: OrderTerms) -> Refusal? {
    var worst: Refusal?
    for i in 0..<ScopeLevel.count {
      let level = ScopeLevel.at(i)
      let limit = units(limits.table[place(of: level, t)].position, of: level, t)
      let e = exposure(of: level, t)
      let observed = e.worstCase(isBuy: t.isBuy, adding: t.adding)
      if observed > limit, !e.isReducing(isBuy: t.isBuy, adding: t.adding),
        Int128(limit) < (worst?.limit ?? .max)
      {
        worst = Refusal(
          .positionLimit, scope: level.scope, limit: Int128(limit), observed: Int128(observed))
      }
    }
    return worst
  }

  mutating func checkOpenOrders(_ t: OrderTerms) -> Refusal? {
    var worst: Refusal?
    for i in 0..<ScopeLevel.count {
      let level = ScopeLevel.at(i)
      let limit = limits.table[place(of: level, t)].openOrders
      let open: Int64 =
        switch level {
        case .strategy: exposures.openOrders[limits.place(of: t.strategy)]
        case .account: exposures.openOrders[limits.place(of: t.account)]
        case .instrument: exposures.instruments[t.instrument].openOrders
        case .firm: exposures.openOrders[0]
        }
      if open &+ 1 > limit, Int128(limit) < (worst?.limit ?? .max) {
        worst = Refusal(
          .openOrderLimit, scope: level.scope, limit: Int128(limit), observed: Int128(open &+ 1))
      }
    }
    return worst
  }

  @inline(__always) mutating func passesPosition(_ t: OrderTerms, _ s: Int) -> Bool {
    let i = t.instrument
    let account = accountCell(t.account, InstrumentID(raw: UInt32(truncatingIfNeeded: i)))
    let own = exposures.cells[t.cell].worstCase(isBuy: t.isBuy, adding: t.adding)
    let accounts = exposures.accounts[account].worstCase(isBuy: t.isBuy, adding: t.adding)
    let all = exposures.instruments[i].worstCase(isBuy: t.isBuy, adding: t.adding)
    return own <= limits.strategyBounds[s].positionMax
      && accounts <= limits.strategyBounds[s].accountPositionMax
      && all <= limits.instrumentBounds[t.listing].positionMax
      && all <= limits.strategyBounds[s].firmPositionMax
      && exposures.instruments[i].openOrders < limits.instrumentBounds[t.listing].openOrdersMax
      && exposures.openOrders[limits.place(of: t.strategy)] < limits.strategyBounds[s].openOrdersMax
      && exposures.openOrders[limits.place(of: t.account)]
        < limits.strategyBounds[s].accountOpenOrdersMax
      && exposures.openOrders[0] < limits.strategyBounds[s].firmOpenOrdersMax
  }
}
