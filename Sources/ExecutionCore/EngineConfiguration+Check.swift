extension EngineConfiguration {
  /// Throws what is impossible, before anything is taken.
  public func check() throws(EngineConfigurationError) {
    if instruments.isEmpty { throw .noInstruments }
    if accounts.isEmpty { throw .noAccounts }
    if strategies.isEmpty { throw .noStrategies }
    if venues.isEmpty || ports.isEmpty { throw .noVenues }
    try checkMarket()
    try checkVenues()
    try checkPorts()
    try checkCurrencies()
    for (i, strategy) in strategies.enumerated() where Int(strategy.account.raw) >= accounts.count {
      throw .unknownAccount(strategy: i)
    }
    var held: Set<[UInt32]> = []
    var sums: [UInt32: UInt64] = [:]
    for (i, position) in openingPositions.enumerated() {
      guard Int(position.strategy.raw) < strategies.count,
        Int(position.instrument.raw) < instruments.count,
        Int(position.venue.raw) < venues.count, position.quantity.magnitude <= 1 << 60,
        position.cost.raw.magnitude <= 1 << 120,
        strategies[Int(position.strategy.raw)].account == position.account
      else { throw .unknownPosition(index: i) }
      // Sums over strategies must stay far from overflow.
      let (sum, over) = sums[position.instrument.raw, default: 0].addingReportingOverflow(
        position.quantity.magnitude)
      guard !over, sum <= 1 << 60 else { throw .unknownPosition(index: i) }
      sums[position.instrument.raw] = sum
      guard position.quantity != 0 || position.cost.raw == 0 else {
        throw .emptyPosition(index: i)
      }
      let cell = [UInt32(position.strategy.raw), position.instrument.raw]
      guard held.insert(cell).inserted else { throw .duplicatePosition(index: i) }
    }
    let named = Array(instrumentLimits.keys) + Array(restricted)
    if let id = named.filter({ Int($0.raw) >= instruments.count }).min(by: { $0.raw < $1.raw }) {
      throw .unknownInstrument(id)
    }
    try checkLimits()
    try checkSizes()
  }

  /// Instruments and feeds by themselves.
  func checkMarket() throws(EngineConfigurationError) {
    if instruments.isEmpty { throw .noInstruments }
    try checkInstruments()
    try checkFeeds()
  }

  private func checkInstruments() throws(EngineConfigurationError) {
    var seen: Set<Symbol> = []
    for (i, facts) in instruments.enumerated() {
      if let problem = facts.problem { throw .badFacts(instrument: i, problem: problem) }
      if facts.tick <= 0 { throw .badTick(instrument: i) }
      if facts.roundLot <= 0 { throw .badLot(instrument: i) }
      if !seen.insert(facts.symbol).inserted { throw .duplicateSymbol("\(facts.symbol)") }
    }
  }

  private func checkFeeds() throws(EngineConfigurationError) {
    // The last channel is kept free, see `orderChannel`.
    guard (1..<Quotes.channelsMax).contains(feeds.count) else {
      throw .badFeed(
        "\(feeds.count) feeds are given: 1 to \(Quotes.channelsMax - 1) are possible")
    }
    if feeds.filter({ $0.kind == .orders }).count > 1 {
      throw .badFeed("two feeds are of orders: there can be one")
    }
    if feeds.filter({ $0.instruments == nil }).count > 1 {
      throw .badFeed("two feeds are to have the instruments that no other has: name those of one")
    }
    var taken: [InstrumentID: String] = [:]
    for feed in feeds {
      if feed.kind == .prices, !(1...1 << 16).contains(feed.levelsMax) {
        throw .badFeed("feed \(feed.name): the levels of a side must be 1 to 65,536")
      }
      for id in (feed.instruments ?? []).sorted(by: { $0.raw < $1.raw }) {
        guard Int(id.raw) < instruments.count else { throw .unknownInstrument(id) }
        if let other = taken.updateValue(feed.name, forKey: id) {
          let symbol = instruments[Int(id.raw)].symbol
          throw .badFeed("\(symbol) is in feed \(other) and in feed \(feed.name): name it once")
        }
      }
    }
    for (i, channel) in channels().enumerated() {
      guard let channel else {
        throw .badFeed("no feed has \(instruments[i].symbol): name it in the one that does")
      }
      if feeds[channel].kind == .orders, let problem = instruments[i].problemInOrders {
        throw .badFacts(instrument: i, problem: problem)
      }
    }
  }

  private func checkCurrencies() throws(EngineConfigurationError) {
    for account in accounts.indices {
      let id = AccountID(raw: UInt32(account))
      var first: Currency?
      for (i, facts) in instruments.enumerated()
      where !route(of: id, in: InstrumentID(raw: UInt32(i))).isEmpty {
        if let first, first != facts.currency {
          throw .mixedCurrencies(account: account, first: first, second: facts.currency)
        }
        first = facts.currency
      }
    }
  }

  private func checkLimits() throws(EngineConfigurationError) {
    if firmLimits.orderQuantity == nil { throw .missingFirmLimit("order quantity") }
    if firmLimits.orderNotional == nil { throw .missingFirmLimit("order notional") }
    if firmLimits.position == nil { throw .missingFirmLimit("position") }
    if firmLimits.openOrders == nil { throw .missingFirmLimit("open orders") }
    if firmLimits.messageRate == nil { throw .missingFirmLimit("message rate") }
    let all =
      [firmLimits] + accounts.map(\.limits) + strategies.map(\.limits) + instrumentLimits.values
    for limit in all {
      // The greatest number stands for no limit.
      if let q = limit.orderQuantity, q <= 0 || q == .max { throw .badLimit("order quantity") }
      if let n = limit.orderNotional?.raw, n <= 0 || n == .max { throw .badLimit("order notional") }
      if let p = limit.position, p < 0 || p == .max { throw .badLimit("position") }
      if let o = limit.openOrders, o <= 0 || o == .max { throw .badLimit("open orders") }
      if let r = limit.messageRate {
        guard (1...1_000_000_000).contains(r.perSecond), (1...1_000_000_000).contains(r.burst),
          (0..<r.burst).contains(r.keptForCancels)
        else { throw .badLimit("message rate") }
      }
    }
    for (instrument, limits) in instrumentLimits where limits.messageRate != nil {
      throw .messageRate(of: instrument)
    }
    guard staticCollar.basisPoints >= 0, staticCollar.absolute >= 0,
      staticCollar.basisPoints <= 1_000_000, dynamicCollar.basisPoints >= 0,
      dynamicCollar.basisPoints <= 1_000_000, dynamicCollar.absolute >= 0
    else { throw .badLimit("price collar") }
    guard dataAgeMax > 0, goodQuoteAgeMax >= 0 else { throw .badLimit("data age") }
    guard duplicateWindow >= 0, duplicatesMax > 0 else { throw .badLimit("duplicate orders") }
  }

  private func checkSizes() throws(EngineConfigurationError) {
    let books = marketData.capacity
    let sizes = [books.orders, books.levels, books.windows, books.ladderSlots]
    guard sizes.allSatisfy({ (0...1 << 32).contains($0) }) else { throw .badSize("books") }
    guard (1...1 << 20).contains(poolCapacity) else { throw .badSize("pool capacity (1 to 2^20)") }
    guard (64...1 << 24).contains(ordersPerDayMax) else {
      throw .badSize("orders per day (64 to 2^24)")
    }
    guard (64...1 << 24).contains(executionsMax) else { throw .badSize("executions (64 to 2^24)") }
    guard (1...1 << 16).contains(outboxCapacity) else { throw .badSize("outbox (1 to 2^16)") }
    guard (1...1 << 16).contains(timersMax) else { throw .badSize("timers (1 to 2^16)") }
    guard outboxAgeMax > 0 else { throw .badSize("the outbox's maximum age (above 0)") }
    guard accounts.count * instruments.count <= 1 << 24,
      strategies.count * instruments.count <= 1 << 24
    else { throw .badSize("accounts or strategies times instruments (up to 2^24)") }
    guard firstClientOrderID > 0, firstClientOrderID < UInt64.max / 2 else {
      throw .badHighWaterMark("the first client order id")
    }
    guard ordersPerDayMax.nextPowerOfTwo * ports.count <= 1 << 26 else {
      throw .badSize("orders per day times ports (up to 2^26)")
    }
    guard accounts.count * instruments.count * venues.count <= 1 << 24,
      strategies.count * instruments.count * venues.count <= 1 << 24
    else { throw .badSize("accounts or strategies times instruments times venues (up to 2^24)") }
  }
}

extension EngineConfiguration {
  private func checkVenues() throws(EngineConfigurationError) {
    guard venues.count <= 256 else { throw .badSize("venues (1 to 256)") }
    for venue in venues {
      if let problem = venue.rules.problem { throw .badRules(venue: venue.name, problem: problem) }
      for id in venue.instruments ?? [] where Int(id.raw) >= instruments.count {
        throw .unknownInstrument(id)
      }
      for (i, facts) in instruments.enumerated() where venue.trades(i) {
        for band in venue.rules.grid.bands {
          let exponent = venue.rules.grid.exponent
          guard rescaled(band.from, from: exponent, to: facts.priceExponent) != nil,
            rescaled(band.step, from: exponent, to: facts.priceExponent) != nil
          else {
            throw .badRules(
              venue: venue.name,
              problem: "the grid's band from \(band.from) is not exact for instrument \(i)")
          }
        }
      }
    }
  }

  private func checkPorts() throws(EngineConfigurationError) {
    guard ports.count <= 1_024 else { throw .badSize("ports (1 to 1,024)") }
    for (i, port) in ports.enumerated() {
      guard Int(port.venue.raw) < venues.count else {
        throw .unknownPort("port \(i) is of venue \(port.venue.raw), which is not given")
      }
      guard !port.accounts.isEmpty, port.accounts.allSatisfy({ Int($0.raw) < accounts.count })
      else { throw .unknownPort("port \(i) has no account, or one that is not given") }
      let last = venues[Int(port.venue.raw)].capabilities.referenceMax
      guard port.firstReference > 0, port.firstReference < last,
        last - port.firstReference > UInt64(ordersPerDayMax)
      else { throw .badHighWaterMark("the first reference of port \(i)") }
    }
    for (i, route) in routes.enumerated() {
      guard Int(route.account.raw) < accounts.count,
        route.instrument.map({ Int($0.raw) < instruments.count }) ?? true
      else {
        throw .unknownPort("route \(i) names an account or instrument that is not given")
      }
      guard (1...Route.portsMax).contains(route.ports.count) else {
        throw .unknownPort("route \(i) has \(route.ports.count) ports: give 1 to \(Route.portsMax)")
      }
      for port in route.ports {
        guard Int(port.raw) < ports.count, ports[Int(port.raw)].accounts.contains(route.account)
        else {
          throw .unknownPort(
            "route \(i) goes to port \(port.raw), which does not serve its account")
        }
      }
    }
  }
}

extension InstrumentFacts {
  /// What can't be right in it; nil when nothing is.
  var problem: String? {
    if symbol.isNone { return "it has no symbol of 1 to 32 printable characters" }
    guard (-12...2).contains(priceExponent) else { return "the price exponent must be -12 to 2" }
    guard (-9...0).contains(quantityExponent) else {
      return "the quantity exponent must be -9 to 0"
    }
    guard (-9...9).contains(multiplierExponent), multiplier > 0 else {
      return "the multiplier must be above 0, and its exponent -9 to 9"
    }
    let sum = Int(priceExponent) + Int(quantityExponent) + Int(multiplierExponent)
    if sum < MoneyScale.exponentMin {
      return "price, quantity and multiplier exponents add to \(sum); at least "
        + "\(MoneyScale.exponentMin) is needed"
    }
    if MoneyScale.wide(self).factor > MoneyScale.factorMax {
      return "a unit at a price of 1 comes to more money than sums can hold: the multiplier or its "
        + "exponent is too large"
    }
    if currency.raw == 0 { return "it has no currency" }
    if minimumNotional < 0 { return "the minimum notional must not be below 0" }
    return nil
  }

  /// What a feed of orders can't say of it, or not exactly.
  fileprivate var problemInOrders: String? {
    if symbol.code == 0 { return "a symbol of a feed of orders has at most eight characters" }
    guard (-8...(-4)).contains(priceExponent), quantityExponent == 0, !allowsNegativePrices else {
      return
        "with a feed of orders the price exponent must be -8 to -4, the quantity exponent 0 (whole "
        + "shares), and prices above 0"
    }
    return nil
  }
}

extension VenueRules {
  /// What can't be right in it; nil when nothing is.
  var problem: String? {
    if quantities.lowerBound < 1 { return "the smallest quantity must be above 0" }
    if quantities.upperBound > EngineState.executionQuantityMax {
      return "the largest quantity must be at most 2^38"
    }
    guard (-12...2).contains(prices.exponent), (-12...2).contains(grid.exponent) else {
      return "price exponents must be -12 to 2"
    }
    guard (1...PriceGrid.bandsMax).contains(grid.bands.count) else {
      return "a grid has 1 to \(PriceGrid.bandsMax) bands"
    }
    for (i, band) in grid.bands.enumerated() {
      if band.step < 0 { return "a step of the grid must not be below 0" }
      if i > 0, band.from <= grid.bands[i - 1].from { return "the grid's bands must rise" }
    }
    return nil
  }
}
