extension EngineConfiguration {
  /// Throws what is impossible, before anything is taken.
  public func check() throws(EngineConfigurationError) {
    if instruments.isEmpty { throw .noInstruments }
    if accounts.isEmpty { throw .noAccounts }
    if strategies.isEmpty { throw .noStrategies }
    try checkInstruments()
    for (i, strategy) in strategies.enumerated() where Int(strategy.account.raw) >= accounts.count {
      throw .unknownAccount(strategy: i)
    }
    var held: Set<[UInt32]> = []
    for (i, position) in openingPositions.enumerated() {
      guard Int(position.strategy.raw) < strategies.count,
        Int(position.instrument.raw) < instruments.count,
        strategies[Int(position.strategy.raw)].account == position.account
      else { throw .unknownPosition(index: i) }
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

  private func checkInstruments() throws(EngineConfigurationError) {
    var seen: Set<UInt64> = []
    for (i, facts) in instruments.enumerated() {
      let sum = Int(facts.priceExponent) + Int(facts.quantityExponent)
      if sum < -8 { throw .exponentsTooFine(instrument: i, sum: sum) }
      guard (-8...(-4)).contains(facts.priceExponent), facts.quantityExponent == 0 else {
        throw .exponentOutOfRange(instrument: i)
      }
      if facts.tick <= 0 { throw .badTick(instrument: i) }
      if facts.roundLot <= 0 { throw .badLot(instrument: i) }
      if facts.symbol == 0 || !seen.insert(facts.symbol).inserted {
        throw .duplicateSymbol(SymbolCode.decode(facts.symbol))
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
      if let q = limit.orderQuantity, q <= 0 { throw .badLimit("order quantity") }
      if let n = limit.orderNotional, n.raw <= 0 { throw .badLimit("order notional") }
      if let p = limit.position, p < 0 { throw .badLimit("position") }
      if let o = limit.openOrders, o <= 0 { throw .badLimit("open orders") }
      if let r = limit.messageRate {
        guard (1...1_000_000_000).contains(r.perSecond), (1...1_000_000_000).contains(r.burst),
          (0..<r.burst).contains(r.keptForCancels)
        else { throw .badLimit("message rate") }
      }
    }
    guard staticCollar.basisPoints >= 0, staticCollar.absolute >= 0,
      staticCollar.basisPoints <= 1_000_000, dynamicCollar.basisPoints >= 0,
      dynamicCollar.basisPoints <= 1_000_000, dynamicCollar.absolute >= 0
    else { throw .badLimit("price collar") }
    guard dataAgeMax > 0, goodQuoteAgeMax >= 0 else { throw .badLimit("data age") }
    guard duplicateWindow >= 0, duplicatesMax > 0 else { throw .badLimit("duplicate orders") }
  }

  private func checkSizes() throws(EngineConfigurationError) {
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
    guard firstVenueReference > 0,
      firstVenueReference < UInt64(UInt32.max) - UInt64(ordersPerDayMax)
    else { throw .badHighWaterMark("the first venue reference") }
  }

  /// FNV-1a over what decides the engine's behaviour; sizes and names included.
  var hash: UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    // Dictionaries and sets print in no fixed order: sorted first.
    let parts = [
      "\(instruments)", "\(accounts)", "\(strategies)", "\(openingPositions)", "\(firmLimits)",
      "\(instrumentLimits.sorted { $0.key.raw < $1.key.raw })",
      "\(restricted.map(\.raw).sorted())", "\(staticCollar)", "\(dynamicCollar)",
      "\(oddLotsAllowed) \(dataAgeMax) \(goodQuoteAgeMax) \(duplicateWindow) \(duplicatesMax)",
      "\(acknowledgeTimeout) \(outboxAgeMax) \(fees.perUnit.sorted { $0.key < $1.key })",
      "\(fees.unknown) \(capacity) \(venue) \(tradingDay) \(marketData)", "\(poolCapacity)",
    ]
    for byte in parts.joined(separator: "|").utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    return hash
  }
}
