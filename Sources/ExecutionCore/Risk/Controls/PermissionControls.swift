/// Who may order what, and where: what the venue has, what is stopped, the restricted list, short sales.
extension EngineState {
  /// Chooses the first venue of the route that takes orders; what is wanted means something, and it has it.
  mutating func checkWants(_ t: inout OrderTerms, _ wants: OrderWants) -> Refusal? {
    guard wants.flags.rawValue & ~OrderRequest.flagsKnown == 0 else {
      return Refusal(
        .unknownFlag, scope: .order, limit: Int128(OrderRequest.flagsKnown),
        observed: Int128(wants.flags.rawValue))
    }
    guard !ports.routes[t.cell].isNone else {
      return Refusal(.noRoute, scope: .account, limit: 0, observed: 0)
    }
    if !ports[t.port].takesOrders {
      t.port = ports.port(on: ports.routes[t.cell])
      t.listing = ports.listing(t.port, t.instrument)
    }
    return ports[t.port].capabilities.refusal(of: wants)
  }

  /// Nothing stops firm, account, strategy or port, and the port's session takes orders.
  mutating func checkStops(_ t: OrderTerms) -> Refusal? {
    if let refusal = latched(0, .firm) { return refusal }
    if let refusal = latched(limits.place(of: t.account), .account) { return refusal }
    if let refusal = latched(limits.place(of: t.strategy), .strategy) { return refusal }
    if let refusal = latched(place(ofPort: t.port), .port) { return refusal }
    if isReplaying || !journal.hasRoom(payloadBytes: RecordLane.payloadMax) {
      return Refusal(.journalUnavailable, scope: .firm, limit: 0, observed: 0)
    }
    if !ports[t.port].isReady {
      return Refusal(.venueDown, scope: .account, limit: 1, observed: 0)
    }
    if ports[t.port].entryDisabled {
      return Refusal(.entryDisabled, scope: .account, limit: 0, observed: 1)
    }
    return nil
  }

  /// What is observed is the set of causes.
  private mutating func latched(_ place: Int, _ scope: RiskScope) -> Refusal? {
    let causes = causes(at: place)
    guard !causes.isEmpty else { return nil }
    return Refusal(.latched, scope: scope, limit: 0, observed: Int128(causes.raw))
  }

  /// The port apart, which is among what ``passesResources(_:)`` asks.
  @inline(__always) mutating func passesStops(_ t: OrderTerms) -> Bool {
    let account = limits.place(of: t.account)
    return latches.causes[0].isEmpty && latches.causes[account].isEmpty
      && latches.causes[limits.place(of: t.strategy)].isEmpty && !isReplaying
      && journal.hasRoomForAny
  }

  mutating func checkRestricted(_ t: OrderTerms) -> Refusal? {
    limits.table[limits.place(ofInstrument: t.instrument)].isRestricted
      ? Refusal(.restricted, scope: .instrument, limit: 0, observed: 1) : nil
  }

  /// Chooses sell or sell short from the account's position less its working sells, and refuses short
  /// sales that may not be made. An order that is partly covered is short as a whole.
  mutating func checkShortSale(_ t: inout OrderTerms) -> Refusal? {
    guard !t.isBuy else { return nil }
    let account = exposures.accounts[
      accountCell(t.account, InstrumentID(raw: UInt32(t.instrument)))]
    let free = account.free(of: t.ownReserved)
    let needed = max(t.adding &+ t.ownReserved, 0)
    if free >= needed {
      t.side = .sell
      return nil
    }
    let isExempt = t.side.isExempt
    if !isExempt { t.side = .sellShort }
    guard instruments[t.instrument].shortable else {
      return Refusal(
        .shortSale, scope: .account, limit: Int128(max(0, free)), observed: Int128(needed))
    }
    let instrument = InstrumentID(raw: UInt32(t.instrument))
    let rule = quotes.shortSale(instrument)
    if rule.isUnrestricted || isExempt { return nil }
    let bid = quotes.quote(instrument).bid.raw
    // Restricted: above the best bid only. Unknown rule or no bid: no short sale at all.
    let isKnown = rule.code != ShortSaleRule.unknown.code
    guard isKnown, bid > 0, t.price > bid else {
      return Refusal(
        .shortSale, scope: .instrument, limit: Int128(bid), observed: Int128(t.price))
    }
    return nil
  }

  /// Chooses the side of a sale too.
  @inline(__always) mutating func passesShortSale(_ t: inout OrderTerms) -> Bool {
    if t.isBuy { return true }
    let i = t.instrument
    let account = accountCell(t.account, InstrumentID(raw: UInt32(truncatingIfNeeded: i)))
    let free = exposures.accounts[account].free(of: t.ownReserved)
    if free >= max(t.adding &+ t.ownReserved, 0) {
      t.side = .sell
      return true
    }
    guard limits.instrumentBounds[t.listing].shortable, quotes[i].shortSale.isUnrestricted else {
      return false
    }
    if !t.side.isExempt { t.side = .sellShort }
    return true
  }
}
