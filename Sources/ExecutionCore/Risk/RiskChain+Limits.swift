/// The scopes that limits are set at, in the order in which they are asked.
enum ScopeLevel: UInt8, BitwiseCopyable {
  case strategy
  case account
  case instrument
  case firm

  static var count: UInt8 { 4 }
  static func at(_ i: UInt8) -> ScopeLevel {
    switch i {
    case 0: .strategy
    case 1: .account
    case 2: .instrument
    default: .firm
    }
  }
  var scope: RiskScope {
    switch self {
    case .strategy: .strategy
    case .account: .account
    case .instrument: .instrument
    case .firm: .firm
    }
  }
}

extension EngineState {
  mutating func limits(of level: ScopeLevel, _ t: OrderTerms) -> ScopeLimits {
    switch level {
    case .strategy: limits[strategyScope(t.strategy)]
    case .account: limits[accountScope(t.account)]
    case .instrument: instrumentLimits[t.instrument]
    case .firm: limits[0]
    }
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
      let limit = limits(of: level, t).position
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
      let limit = limits(of: level, t).openOrders
      let open: Int64 =
        switch level {
        case .strategy: exposures.openOrders[strategyScope(t.strategy)]
        case .account: exposures.openOrders[accountScope(t.account)]
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

  @inline(__always) mutating func duplicateKey(_ t: OrderTerms) -> DuplicateWindow.Key {
    DuplicateWindow.Key(
      price: t.price, quantity: t.quantity, instrument: UInt32(truncatingIfNeeded: t.instrument),
      account: t.account.raw, isBuy: t.isBuy)
  }

  mutating func checkDuplicate(_ t: OrderTerms) -> Refusal? {
    if duplicates.isFull(at: sessionTime) {
      return Refusal(
        .messageRate, scope: .firm, limit: Int128(DuplicateWindow.entriesMax),
        observed: Int128(DuplicateWindow.entriesMax + 1))
    }
    let alike = duplicates.count(duplicateKey(t), at: sessionTime)
    guard alike < duplicates.most else {
      return Refusal(
        .duplicateOrder, scope: .account, limit: Int128(duplicates.most),
        observed: Int128(alike + 1))
    }
    return nil
  }

  mutating func checkResources(_ t: OrderTerms) -> Refusal? {
    if t.isNew, !orders.hasSlot {
      return Refusal(
        .poolFull, scope: .firm, limit: Int128(orders.count), observed: Int128(orders.count + 1))
    }
    guard ports[t.port].hasReference(in: ports.references) else {
      return Refusal(
        .poolFull, scope: .account, limit: Int128(ports.referencesMax),
        observed: Int128(ports[t.port].referencesUsed + 1))
    }
    guard ports[t.port].outbox.hasRoom else {
      return Refusal(
        .outboxFull, scope: .account, limit: 0, observed: Int128(ports[t.port].outbox.count))
    }
    return nil
  }

  /// Asks all buckets before anything is taken; see ``takeTokens(_:_:)``.
  mutating func checkRate(_ t: OrderTerms) -> Refusal? {
    for i in 0..<ScopeLevel.count {
      let level = ScopeLevel.at(i)
      guard let b = bucket(of: level, t.account, t.strategy) else { continue }
      buckets[b].refill(at: sessionTime)
      if !buckets[b].allowsOrder {
        return Refusal(
          .messageRate, scope: level.scope, limit: Int128(buckets[b].orderBurst),
          observed: Int128(buckets[b].orderBurst &+ 1))
      }
    }
    return nil
  }

  /// Every request takes a token at each level, cancels too, which go even when none is left.
  @inline(__always) mutating func takeTokens(_ account: AccountID, _ strategy: StrategyID) {
    buckets[strategyScope(strategy)].refillAndTake(at: sessionTime)
    buckets[accountScope(account)].refillAndTake(at: sessionTime)
    buckets[0].refillAndTake(at: sessionTime)
  }

  private mutating func bucket(of level: ScopeLevel, _ account: AccountID, _ strategy: StrategyID)
    -> Int?
  {
    switch level {
    case .strategy: strategyScope(strategy)
    case .account: accountScope(account)
    case .firm: 0
    case .instrument: nil
    }
  }
}
