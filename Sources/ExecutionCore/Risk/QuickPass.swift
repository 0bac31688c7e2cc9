/// The quick pass of the chain: whether an order certainly passes every check, in one straight line.
///
/// Everything that is known before the order comes is worked out when it changes, at start-up or by a
/// command: the strictest limit of all scopes, the narrowest of all price ranges. An order within all
/// of that passes each check of ``EngineState/checkAll(_:_:)`` too. One that is not is no refusal yet: the
/// chain itself decides, and says why.

/// What the quick pass needs of an instrument at a venue: two cache lines.
struct InstrumentBounds: BitwiseCopyable {
  /// Prices on the grid of `priceTest` that every collar and band lets through; none to begin with.
  var lowest: Int64 = 1
  var highest: Int64 = 0
  var priceTest = DivisibilityTest(1)
  var lotTest = DivisibilityTest(1)
  // The second cache line: the instrument's own limits.
  var quantityMax: Int64 = 0
  var notionalMax: Int64 = 0
  var positionMax: Int64 = 0
  var openOrdersMax: Int64 = 0
  var quantityMin: Int64 = 1
  var moneyScale: Int64 = 1
  var shortable = false
  var priceExponent: Int8 = -8
  var quantityExponent: Int8 = 0
  var reserved0: UInt8 = 0
  var reserved1: UInt32 = 0
  var reserved2: Int64 = 0
}

/// The strictest limits of a strategy, its account and the firm: a cache line.
struct StrategyBounds: BitwiseCopyable {
  var quantityMax: Int64 = 0
  var notionalMax: Int64 = 0
  var positionMax: Int64 = 0
  var accountPositionMax: Int64 = 0
  var openOrdersMax: Int64 = 0
  var accountOpenOrdersMax: Int64 = 0
  var firmOpenOrdersMax: Int64 = 0
  var firmPositionMax: Int64 = 0
}

/// The market's part, the same for all instruments.
struct MarketBounds: BitwiseCopyable {
  /// Oldest feed and symbol that passes.
  var feedAgeMax: Int64 = -1
  var symbolAgeMax: Int64 = -1
  /// The dynamic collar's width, doubled and by 10,000 basis points as it is compared.
  var collarShare: Int64 = 0
  var collarAbsolute: Int64 = 0
}

extension EngineState {
  /// Works all bounds out, at start-up.
  mutating func setBounds() {
    for i in 0..<instrumentCount { setBounds(instrument: i) }
    setStrategyBounds()
    let silence = market.settings.feedStaleAfter
    let age = market.settings.staleAfter
    marketBounds.feedAgeMax = min(settings.dataAgeMax, silence > 0 ? silence : .max)
    if settings.goodQuoteAgeMax < 0 { marketBounds.feedAgeMax = -1 }
    marketBounds.symbolAgeMax = age > 0 ? age : .max
    marketBounds.collarShare = settings.dynamicBasisPoints
    marketBounds.collarAbsolute = Int64(clamping: Int128(settings.dynamicAbsolute) * 20_000)
  }

  /// After a limit of firm, account or strategy changed.
  mutating func setStrategyBounds() {
    for i in 0..<strategyCount { setBounds(strategy: i) }
  }

  /// After a limit of the instrument changed, or its place on the restricted list.
  mutating func setBounds(instrument i: Int) {
    for venue in 0..<venueCount { setBounds(instrument: i, venue: venue) }
  }

  private mutating func setBounds(instrument i: Int, venue: Int) {
    let r = risk[i]
    var l = ports.listings[venue &* instrumentCount &+ i]
    let own = instrumentLimits[i]
    var bounds = InstrumentBounds()
    bounds.priceExponent = r.priceExponent
    bounds.quantityExponent = r.quantityExponent
    bounds.shortable = r.shortable
    bounds.moneyScale = r.moneyScale
    bounds.lotTest = l.lotTest
    bounds.quantityMin = max(1, l.quantityMin)
    bounds.quantityMax = min(own.orderQuantity, l.quantityMax)
    bounds.notionalMax = Int64(clamping: own.orderNotional)
    bounds.positionMax = own.position
    bounds.openOrdersMax = own.openOrders
    var lowest = max(max(1, r.lowest), max(r.lowerBand, l.priceMin))
    var highest = min(r.highest, l.priceMax)
    if r.upperBand > 0 { highest = min(highest, r.upperBand) }
    // One grid for all prices of the range: that of its highest. Those on others are left to the chain.
    let band = l.band(of: highest)
    bounds.priceTest = l.bands[band].test
    if band > 0 { lowest = max(lowest, l.bands[band].from) }
    if r.previousClose > 0, !r.restricted, ports.takesPlain[venue] {
      bounds.lowest = lowest
      bounds.highest = highest
    }
    instrumentBounds[venue &* instrumentCount &+ i] = bounds
  }

  private mutating func setBounds(strategy i: Int) {
    let id = StrategyID(raw: UInt32(i))
    let own = limits[strategyScope(id)]
    let account = limits[accountScope(account(of: id))]
    let firm = limits[0]
    var bounds = StrategyBounds()
    bounds.quantityMax = min(min(own.orderQuantity, account.orderQuantity), firm.orderQuantity)
    bounds.notionalMax = Int64(
      clamping: min(min(own.orderNotional, account.orderNotional), firm.orderNotional))
    bounds.positionMax = own.position
    bounds.accountPositionMax = account.position
    bounds.openOrdersMax = own.openOrders
    bounds.accountOpenOrdersMax = account.openOrders
    bounds.firmOpenOrdersMax = firm.openOrders
    bounds.firmPositionMax = firm.position
    strategyBounds[i] = bounds
  }

  /// Whether the order passes every check for certain; then it has its side, and the buckets are
  /// refilled. False leaves the answer to the chain.
  @inline(__always) mutating func passes(_ t: inout OrderTerms) -> Bool {
    passesSize(t) && passesLatches(t) && passesMarket(&t) && passesExposure(t)
      && passesCounts(&t)
  }

  @inline(__always) private mutating func passesSize(_ t: OrderTerms) -> Bool {
    let i = t.listing
    let s = Int(t.strategy.raw)
    guard t.quantity >= instrumentBounds[i].quantityMin,
      t.quantity <= instrumentBounds[i].quantityMax,
      t.quantity <= strategyBounds[s].quantityMax, t.price >= instrumentBounds[i].lowest,
      t.price <= instrumentBounds[i].highest, instrumentBounds[i].priceTest.divides(t.price),
      instrumentBounds[i].lotTest.divides(t.quantity)
    else { return false }
    let (value, wide) = t.price.multipliedReportingOverflow(by: t.quantity)
    let (notional, over) = value.multipliedReportingOverflow(by: instrumentBounds[i].moneyScale)
    return !wide && !over && notional <= instrumentBounds[i].notionalMax
      && notional <= strategyBounds[s].notionalMax
  }

  @inline(__always) private mutating func passesLatches(_ t: OrderTerms) -> Bool {
    let account = accountScope(t.account)
    return latches.causes[0].isEmpty && latches.causes[account].isEmpty
      && latches.causes[strategyScope(t.strategy)].isEmpty && !settings.journalLost
      && journal.hasRoomForAny
  }

  /// Session, status, book, quote, ages, the collar around the quote, and the side of a sale.
  @inline(__always) private mutating func passesMarket(_ t: inout OrderTerms) -> Bool {
    let i = t.instrument
    guard quotes.passes(i, now: sessionTime, marketBounds) else { return false }
    let (doubled, deep) = quotes[i].bid.addingReportingOverflow(quotes[i].ask)
    let (share, wide) = doubled.multipliedReportingOverflow(by: marketBounds.collarShare)
    let distance = ((t.price &* 2) &- doubled).magnitude
    let (scaled, over) = distance.multipliedReportingOverflow(by: 10_000)
    guard !deep, !wide, !over, t.price < 1 << 62,
      scaled <= max(share, marketBounds.collarAbsolute).magnitude
    else { return false }
    if t.isBuy { return true }
    let account = accountCell(t.account, InstrumentID(raw: UInt32(truncatingIfNeeded: i)))
    let free = exposures.accounts[account].free(of: t.ownReserved)
    if free >= max(t.adding &+ t.ownReserved, 0) {
      t.side = .sell
      return true
    }
    guard instrumentBounds[t.listing].shortable, quotes[i].shortSale.isUnrestricted else {
      return false
    }
    if !t.side.isExempt { t.side = .sellShort }
    return true
  }

  @inline(__always) private mutating func passesExposure(_ t: OrderTerms) -> Bool {
    let i = t.instrument
    let s = Int(t.strategy.raw)
    let account = accountCell(t.account, InstrumentID(raw: UInt32(truncatingIfNeeded: i)))
    let own = exposures.cells[t.cell].worstCase(isBuy: t.isBuy, adding: t.adding)
    let accounts = exposures.accounts[account].worstCase(isBuy: t.isBuy, adding: t.adding)
    let all = exposures.instruments[i].worstCase(isBuy: t.isBuy, adding: t.adding)
    return own <= strategyBounds[s].positionMax && accounts <= strategyBounds[s].accountPositionMax
      && all <= instrumentBounds[t.listing].positionMax && all <= strategyBounds[s].firmPositionMax
      && exposures.instruments[i].openOrders < instrumentBounds[t.listing].openOrdersMax
      && exposures.openOrders[strategyScope(t.strategy)] < strategyBounds[s].openOrdersMax
      && exposures.openOrders[accountScope(t.account)] < strategyBounds[s].accountOpenOrdersMax
      && exposures.openOrders[0] < strategyBounds[s].firmOpenOrdersMax
  }

  /// The port, duplicates, room for the order, and the message rate last.
  @inline(__always) private mutating func passesCounts(_ t: inout OrderTerms) -> Bool {
    guard orders.hasSlot, ports[t.port].takesOrder(in: ports.references),
      duplicates.isClear(duplicateKey(t), at: sessionTime)
    else { return false }
    return buckets[strategyScope(t.strategy)].refilledAllows(at: sessionTime)
      && buckets[accountScope(t.account)].refilledAllows(at: sessionTime)
      && buckets[0].refilledAllows(at: sessionTime)
  }
}

extension Quotes {
  /// The market is open, the instrument trades, its book is whole, and its present quote fails no gate and is
  /// not old. False is no verdict.
  @inline(__always) func passes(_ i: Int, now: Int64, _ bounds: MarketBounds) -> Bool {
    let channel = channel(of: i)
    // `now` is never below 0, so that a difference that wraps is below 0.
    let silence = now &- channel.lastTime
    let age = now &- self[i].lastTime
    return channel.isOpenAndWhole && silence >= 0 && silence <= bounds.feedAgeMax && age >= 0
      && age <= bounds.symbolAgeMax && self[i].gates.isEmpty && self[i].status.isTrading
  }
}
