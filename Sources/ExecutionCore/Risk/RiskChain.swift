/// The terms that are checked, of a new order or of what a replace asks for.
struct OrderTerms: BitwiseCopyable {
  var instrument: Int
  var cell: Int
  /// Where it goes, and the instrument there.
  var port: Int
  var listing: Int
  var account: AccountID
  var strategy: StrategyID
  var isBuy: Bool
  /// As it was asked for; then, for sells, as the short-sale check chooses it.
  var side: Side
  var price: Int64
  /// Whole quantity, executions of the chain included.
  var quantity: Int64
  /// What is added to the worst case: the quantity of a new order, the increase of a replace.
  var adding: Int64
  var isNew: Bool
  /// For a replace, what the order itself holds among the working sells.
  var ownReserved: Int64 = 0
}

/// The chain of pre-trade checks: fail closed, the first refusal ends it.
///
/// Cheap and certain things first; the message-rate token, which an accepted order consumes, last.
/// A *reducing* order skips restricted list, position, open-order count, static collar and the age and
/// crossing of the quote; it keeps quantity, notional, tick, lot, halt and the collar around the last
/// good quote (DESIGN.md, "The data path", 5).
extension EngineState {
  /// Of new terms for an order that the venue has.
  @inline(__always) mutating func check(_ terms: inout OrderTerms) -> Refusal? {
    if passes(&terms) { return nil }
    return checkAll(&terms, nil)
  }

  /// Each check in its order, for an order that the quick pass did not let through.
  ///
  /// - Parameter wants: what a new order wants beyond price and quantity.
  @inline(never) mutating func checkAll(
    _ terms: inout OrderTerms, _ wants: OrderWants?
  ) -> Refusal? {
    if let wants,
      !wants.isPlain || !ports.routes[terms.cell].isPlain || !ports[terms.port].takesOrders,
      let refusal = checkWants(&terms, wants)
    {
      return refusal
    }
    if let refusal = checkTerms(terms) { return refusal }
    if let refusal = checkLatches(terms) { return refusal }
    let reducing = isReducing(terms)
    if let refusal = checkMarket(terms, reducing: reducing) { return refusal }
    if let refusal = checkGrid(terms) { return refusal }
    if let refusal = checkSize(terms) { return refusal }
    if let refusal = checkCollars(terms, reducing: reducing) { return refusal }
    if let refusal = checkShortSale(&terms) { return refusal }
    if !reducing {
      if let refusal = checkRestricted(terms) { return refusal }
      if terms.adding > 0, let refusal = checkPosition(terms) { return refusal }
      if terms.isNew, let refusal = checkOpenOrders(terms) { return refusal }
    }
    if let refusal = checkDuplicate(terms) { return refusal }
    if let refusal = checkResources(terms) { return refusal }
    return checkRate(terms)
  }

  /// At every level that has a position limit: cell, account, firm.
  mutating func isReducing(_ t: OrderTerms) -> Bool {
    let adding = max(0, t.adding)
    return exposures.cells[t.cell].isReducing(isBuy: t.isBuy, adding: adding)
      && exposures.accounts[accountCell(t.account, InstrumentID(raw: UInt32(t.instrument)))]
        .isReducing(isBuy: t.isBuy, adding: adding)
      && exposures.instruments[t.instrument].isReducing(isBuy: t.isBuy, adding: adding)
  }

  /// Chooses the first venue of the route that takes orders; what is wanted means something, and it has it.
  private mutating func checkWants(_ t: inout OrderTerms, _ wants: OrderWants) -> Refusal? {
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

  /// What the venue takes.
  private mutating func checkTerms(_ t: OrderTerms) -> Refusal? {
    let i = t.listing
    guard t.quantity >= ports.listings[i].quantityMin, t.quantity <= ports.listings[i].quantityMax
    else {
      let isFew = t.quantity < ports.listings[i].quantityMin
      let limit = isFew ? ports.listings[i].quantityMin : ports.listings[i].quantityMax
      return Refusal(
        .badQuantity, scope: .order, limit: Int128(limit), observed: Int128(t.quantity))
    }
    guard t.price >= ports.listings[i].priceMin, t.price <= ports.listings[i].priceMax else {
      let limit =
        t.price < ports.listings[i].priceMin
        ? ports.listings[i].priceMin : ports.listings[i].priceMax
      return Refusal(.badPrice, scope: .order, limit: Int128(limit), observed: Int128(t.price))
    }
    return nil
  }

  private mutating func checkLatches(_ t: OrderTerms) -> Refusal? {
    if let refusal = latched(0, .firm) { return refusal }
    if let refusal = latched(accountScope(t.account), .account) { return refusal }
    if let refusal = latched(strategyScope(t.strategy), .strategy) { return refusal }
    if let refusal = latched(place(ofPort: t.port), .port) { return refusal }
    if settings.journalLost || !journal.hasRoom(payloadBytes: RecordLane.payloadMax) {
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

  /// Session, status and the data that the order stands on.
  private mutating func checkMarket(_ t: OrderTerms, reducing: Bool) -> Refusal? {
    let instrument = InstrumentID(raw: UInt32(t.instrument))
    let hours = quotes.hours(instrument)
    guard hours.isOpen || !ports.listings[t.listing].needsMarketHours else {
      return Refusal(
        .sessionClosed, scope: .instrument, limit: Int128(MarketHours.open.code),
        observed: Int128(hours.code))
    }
    let status = quotes.status(instrument)
    guard quotes.isNamed(instrument), status.code != MarketStatus.unknown.code else {
      return Refusal(
        .noInstrumentState, scope: .instrument, limit: Int128(MarketStatus.trading.code),
        observed: 0)
    }
    guard status.isTrading else {
      return Refusal(
        .halted, scope: .instrument, limit: Int128(MarketStatus.trading.code),
        observed: Int128(status.code))
    }
    guard quotes.isWhole(instrument) else {
      return Refusal(.bookNotWhole, scope: .instrument, limit: 1, observed: 0)
    }
    guard quotes.goodQuote(instrument, now: sessionTime).isKnown else {
      return Refusal(.noReferencePrice, scope: .instrument, limit: 0, observed: 0)
    }
    return reducing ? nil : checkData(instrument)
  }

  /// The quote is not crossed, and neither it nor the feed is too old.
  private mutating func checkData(_ instrument: InstrumentID) -> Refusal? {
    let gates = quotes.gates(instrument, now: sessionTime)
    if gates.contains(.crossed) {
      let quote = quotes.quote(instrument)
      return Refusal(
        .crossedBook, scope: .instrument, limit: Int128(quote.ask.raw),
        observed: Int128(quote.bid.raw))
    }
    let age = quotes.feedAge(instrument, now: sessionTime)
    guard age <= settings.dataAgeMax, age >= 0 else {
      return Refusal(
        .staleData, scope: .instrument, limit: Int128(settings.dataAgeMax), observed: Int128(age))
    }
    if gates.contains(.stale) {
      return Refusal(
        .staleData, scope: .instrument, limit: Int128(settings.symbolAgeMax),
        observed: Int128(quotes.age(instrument, now: sessionTime)))
    }
    // The present quote fails a gate, and the last good one is being kept: not for ever.
    let since = quotes.failingSince(instrument)
    let kept = since == 0 ? 0 : sessionTime &- since
    guard kept <= settings.goodQuoteAgeMax else {
      return Refusal(
        .staleData, scope: .instrument, limit: Int128(settings.goodQuoteAgeMax),
        observed: Int128(kept))
    }
    return nil
  }

  private mutating func checkGrid(_ t: OrderTerms) -> Refusal? {
    guard ports.listings[t.listing].isOnGrid(t.price) else {
      return Refusal(
        .tickSize, scope: .instrument, limit: Int128(ports.listings[t.listing].step(at: t.price)),
        observed: Int128(t.price))
    }
    guard ports.listings[t.listing].lotTest.divides(t.quantity) else {
      return Refusal(
        .lotSize, scope: .instrument, limit: Int128(ports.listings[t.listing].lot),
        observed: Int128(t.quantity))
    }
    return nil
  }

  private mutating func checkSize(_ t: OrderTerms) -> Refusal? {
    let notional = Int128(t.price) * Int128(t.quantity) * Int128(risk[t.instrument].moneyScale)
    let quantity = t.quantity
    // The strictest of the limits that are broken is named.
    var worst: Refusal?
    for i in 0..<ScopeLevel.count {
      let level = ScopeLevel.at(i)
      let l = limits(of: level, t)
      if quantity > l.orderQuantity, Int128(l.orderQuantity) < (worst?.limit ?? .max) {
        worst = Refusal(
          .quantityLimit, scope: level.scope, limit: Int128(l.orderQuantity),
          observed: Int128(quantity))
      }
    }
    if worst != nil { return worst }
    for i in 0..<ScopeLevel.count {
      let level = ScopeLevel.at(i)
      let l = limits(of: level, t)
      if notional > l.orderNotional, l.orderNotional < (worst?.limit ?? .max) {
        worst = Refusal(
          .notionalLimit, scope: level.scope, limit: l.orderNotional, observed: notional)
      }
    }
    return worst
  }

  private mutating func checkCollars(_ t: OrderTerms, reducing: Bool) -> Refusal? {
    let r = risk[t.instrument]
    if r.lowerBand > 0, t.price < r.lowerBand {
      return Refusal(
        .staticCollar, scope: .instrument, limit: Int128(r.lowerBand), observed: Int128(t.price))
    }
    if r.upperBand > 0, t.price > r.upperBand {
      return Refusal(
        .staticCollar, scope: .instrument, limit: Int128(r.upperBand), observed: Int128(t.price))
    }
    if !reducing {
      guard r.previousClose > 0 else {
        return Refusal(
          .staticCollar, scope: .instrument, limit: Int128(r.previousClose),
          observed: Int128(t.price))
      }
      guard t.price >= r.lowest, t.price <= r.highest else {
        return Refusal(
          .staticCollar, scope: .instrument,
          limit: Int128(t.price < r.lowest ? r.lowest : r.highest),
          observed: Int128(t.price))
      }
    }
    return checkDynamicCollar(t)
  }

  /// Around the middle of the last good quote: all is doubled instead of halved, and multiplied by the
  /// 10,000 basis points of the whole instead of divided.
  private mutating func checkDynamicCollar(_ t: OrderTerms) -> Refusal? {
    let good = quotes.goodQuote(InstrumentID(raw: UInt32(t.instrument)), now: sessionTime)
    let doubled = Int128(good.bid.raw) + Int128(good.ask.raw)
    let distance = (Int128(t.price) * 2 - doubled).magnitude
    let share = doubled.magnitude * UInt128(settings.dynamicBasisPoints)
    let absolute = UInt128(settings.dynamicAbsolute) * 20_000
    let width = max(share, absolute)
    guard distance * 10_000 <= width else {
      // The last price to the inside that would have passed.
      let reach = Int128(clamping: width / 10_000)
      let above = Int128(t.price) * 2 > doubled
      let twice = above ? doubled + reach : doubled - reach
      let isWhole = twice & 1 == 0
      let bound = above || isWhole ? twice >> 1 : (twice >> 1) + 1
      return Refusal(.dynamicCollar, scope: .instrument, limit: bound, observed: Int128(t.price))
    }
    return nil
  }

  private mutating func checkRestricted(_ t: OrderTerms) -> Refusal? {
    risk[t.instrument].restricted
      ? Refusal(.restricted, scope: .instrument, limit: 0, observed: 1) : nil
  }

  /// Chooses sell or sell short from the account's position less its working sells, and refuses short
  /// sales that may not be made. An order that is partly covered is short as a whole.
  private mutating func checkShortSale(_ t: inout OrderTerms) -> Refusal? {
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
    guard risk[t.instrument].shortable else {
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
}
