/// How often: the same order again, and requests a second; and whether there is room for one more.
extension EngineState {
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

  @inline(__always) mutating func passesDuplicate(_ t: OrderTerms) -> Bool {
    duplicates.isClear(duplicateKey(t), at: sessionTime)
  }

  /// Places for the order, its reference and its request.
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

  /// The port takes orders too.
  @inline(__always) mutating func passesResources(_ t: OrderTerms) -> Bool {
    orders.hasSlot && ports[t.port].takesOrder(in: ports.references)
  }

  /// Asks all buckets before anything is taken; see ``takeTokens(_:_:)``.
  mutating func checkRate(_ t: OrderTerms) -> Refusal? {
    for i in 0..<ScopeLevel.count {
      let level = ScopeLevel.at(i)
      let b = place(of: level, t)
      // Instruments have none.
      guard b < limits.scopeCount else { continue }
      limits.buckets[b].refill(at: sessionTime)
      if !limits.buckets[b].allowsOrder {
        return Refusal(
          .messageRate, scope: level.scope, limit: Int128(limits.buckets[b].orderBurst),
          observed: Int128(limits.buckets[b].orderBurst &+ 1))
      }
    }
    return nil
  }

  @inline(__always) mutating func passesRate(_ t: OrderTerms) -> Bool {
    limits.buckets[limits.place(of: t.strategy)].refilledAllows(at: sessionTime)
      && limits.buckets[limits.place(of: t.account)].refilledAllows(at: sessionTime)
      && limits.buckets[0].refilledAllows(at: sessionTime)
  }

  /// Every request takes a token at each level, cancels too, which go even when none is left.
  @inline(__always) mutating func takeTokens(_ account: AccountID, _ strategy: StrategyID) {
    limits.buckets[limits.place(of: strategy)].refillAndTake(at: sessionTime)
    limits.buckets[limits.place(of: account)].refillAndTake(at: sessionTime)
    limits.buckets[0].refillAndTake(at: sessionTime)
  }
}
