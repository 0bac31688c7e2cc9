// What the quick pass compares with (``EngineState/passes(_:)``): everything that is known before the order comes,
// worked out when it changes, at start-up or with a version of the limits. The strictest limit of all scopes, the
// narrowest of all price ranges.

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
  /// A product of price and quantity times this is money at 10⁻⁸ divided by ``LimitScale/divisor``, as are the
  /// notionals that it is held against.
  var moneyFactor: Int64 = 1
  var notionalMin: Int64 = 0
  /// Where the bounds of strategies begin that are at the instrument's scale.
  var strategies: Int32 = 0
  var shortable = false
  var priceExponent: Int8 = -8
  var quantityExponent: Int8 = 0
  var reserved0: UInt8 = 0

  init() {}
  /// - Parameter strategies: see ``strategies``.
  init(
    _ r: RiskInstrument, _ listing: Listing, _ own: ScopeLimits, strategies: Int, takesPlain: Bool
  ) {
    var l = listing
    priceExponent = r.priceExponent
    quantityExponent = r.quantityExponent
    shortable = r.shortable
    self.strategies = Int32(truncatingIfNeeded: strategies)
    moneyFactor = r.moneyScale.factor
    notionalMin = LimitScale.scaled(r.minimumNotional, by: r.moneyScale.divisor)
    lotTest = l.lotTest
    quantityMin = max(1, l.quantityMin)
    quantityMax = min(own.orderQuantity, l.quantityMax)
    notionalMax = LimitScale.scaled(
      Int64(clamping: own.orderNotional), by: r.moneyScale.divisor)
    positionMax = own.position
    openOrdersMax = own.openOrders
    var lowest = max(r.lowest, l.priceMin)
    if r.lowerBand > 0 { lowest = max(lowest, r.lowerBand) }
    var highest = min(r.highest, l.priceMax)
    if r.upperBand > 0 { highest = min(highest, r.upperBand) }
    // One grid for all prices of the range: that of its highest. Those on others are left to the chain.
    let band = l.band(of: highest)
    priceTest = l.bands[band].test
    if band > 0 { lowest = max(lowest, l.bands[band].from) }
    if r.knowsPreviousClose, !own.isRestricted, takesPlain {
      // What can be doubled.
      self.lowest = max(lowest, -(1 << 62) + 1)
      self.highest = min(highest, 1 << 62 - 1)
    }
  }
}

/// The strictest limits of a strategy, its account and the firm, at the scale of some instruments: a cache line.
struct StrategyBounds: BitwiseCopyable {
  var quantityMax: Int64 = 0
  var notionalMax: Int64 = 0
  var positionMax: Int64 = 0
  var accountPositionMax: Int64 = 0
  var openOrdersMax: Int64 = 0
  var accountOpenOrdersMax: Int64 = 0
  var firmOpenOrdersMax: Int64 = 0
  var firmPositionMax: Int64 = 0

  init() {}
  init(_ own: ScopeLimits, account: ScopeLimits, firm: ScopeLimits, _ scale: LimitScale) {
    func units(_ limit: Int64) -> Int64 { LimitScale.scaled(limit, by: scale.unit) }
    quantityMax = units(min(min(own.orderQuantity, account.orderQuantity), firm.orderQuantity))
    notionalMax = LimitScale.scaled(
      Int64(clamping: min(min(own.orderNotional, account.orderNotional), firm.orderNotional)),
      by: scale.divisor)
    positionMax = units(own.position)
    accountPositionMax = units(account.position)
    openOrdersMax = own.openOrders
    accountOpenOrdersMax = account.openOrders
    firmOpenOrdersMax = firm.openOrders
    firmPositionMax = units(firm.position)
  }
}

/// The market's part, the same for all instruments.
struct MarketBounds: BitwiseCopyable {
  /// Oldest feed and symbol that passes.
  var feedAgeMax: Int64 = -1
  var symbolAgeMax: Int64 = -1
  /// The dynamic collar's width, doubled and by 10,000 basis points as it is compared.
  var collarShare: Int64 = 0
  var collarAbsolute: Int64 = 0

  init() {}
  init(_ c: EngineConfiguration) {
    let silence = c.marketData.feedStaleAfter
    let age = c.marketData.staleAfter
    feedAgeMax = c.goodQuoteAgeMax < 0 ? -1 : min(c.dataAgeMax, silence > 0 ? silence : .max)
    symbolAgeMax = age > 0 ? age : .max
    collarShare = c.dynamicCollar.basisPoints
    collarAbsolute = Int64(clamping: Int128(c.dynamicCollar.absolute) * 20_000)
  }
}
