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

/// The chain of pre-trade checks: fail closed, the first refusal ends it. Each family of controls is a file of its
/// own in `Controls`, with what explains a refusal and its part of the quick pass.
///
/// Cheap and certain things first; the message-rate token, which an accepted order consumes, last.
/// A *reducing* order skips restricted list, position, open-order count, static collar and the age and
/// crossing of the quote; it keeps quantity, notional, tick, lot, halt and the collar around the last
/// good quote.
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
    if let refusal = checkVenueQuantity(terms) { return refusal }
    if let refusal = checkVenuePrice(terms) { return refusal }
    if let refusal = checkStops(terms) { return refusal }
    let reducing = isReducing(terms)
    if let refusal = checkMarket(terms, reducing: reducing) { return refusal }
    if let refusal = checkTick(terms) { return refusal }
    if let refusal = checkLot(terms) { return refusal }
    if let refusal = checkQuantity(terms) { return refusal }
    if let refusal = checkNotional(terms, reducing: reducing) { return refusal }
    if let refusal = checkStaticCollar(terms, reducing: reducing) { return refusal }
    if let refusal = checkDynamicCollar(terms) { return refusal }
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

  /// The quick pass: whether the order passes every check for certain, in one straight line; then it has its side,
  /// and the buckets are refilled. False leaves the answer to the chain, which says why.
  ///
  /// What it compares with has been worked out before: the strictest limit of all scopes, the narrowest of all price
  /// ranges (``InstrumentBounds``, ``StrategyBounds``, ``MarketBounds``).
  @inline(__always) mutating func passes(_ t: inout OrderTerms) -> Bool {
    // Of the strategy, at the instrument's scale.
    let s =
      Int(limits.instrumentBounds[t.listing].strategies) &+ Int(t.strategy.raw)
    return passesSize(t, s) && passesPrice(t) && passesNotional(t, s) && passesStops(t)
      && quotes.passes(t.instrument, now: sessionTime, limits.marketBounds)
      && passesDynamicCollar(t) && passesPosition(t, s) && passesResources(t)
      && passesDuplicate(t) && passesRate(t) && passesShortSale(&t)
  }

  // MARK: Bounds of the quick pass

  /// Works all bounds out, at start-up.
  mutating func setBounds() {
    for i in 0..<instrumentCount { setBounds(instrument: i) }
    setStrategyBounds()
  }

  /// After a limit of firm, account or strategy changed.
  mutating func setStrategyBounds() {
    for i in 0..<strategyCount {
      let strategy = StrategyID(raw: UInt32(truncatingIfNeeded: i))
      limits.setBounds(strategy, account(of: strategy))
    }
  }

  /// After a limit of the instrument changed, or its place on the restricted list.
  mutating func setBounds(instrument i: Int) {
    for venue in 0..<venueCount {
      limits.setBounds(
        instrument: i, venue: venue, instruments[i],
        ports.listings[venue &* instrumentCount &+ i], takesPlain: ports.takesPlain[venue])
    }
  }
}
