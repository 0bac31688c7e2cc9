/// What a market record changes, and the market as strategies and the journal ask for it.
extension EngineState {
  mutating func beginBatch(machineTime: Int64, received: UInt64, decoded: UInt64) {
    beginCall(machineTime: machineTime)
    stage = StageStamps()
    stage.received = received
    stage.decoded = decoded
    stage.isOn = decoded != 0
  }

  mutating func endBatch() {
    if stage.isOn, stage.booked == 0 { stage.booked = clockTicks() }
  }

  /// Applies one market record of a batch to the books and says what changed for whom.
  mutating func apply(
    _ records: UnsafePointer<MarketRecord>, at index: Int, count: Int
  ) -> MarketEffect {
    let record = unsafe records + index
    counters.total.marketRecords &+= 1
    let position = unsafe FeedPosition(channel: orderChannel, sequence: record.pointee.sequence)
    feedPosition = position.cause
    cause = feedPosition
    let change = unsafe market.apply(records, at: index, count: count)
    if change.contains(.ignored) { return MarketEffect() }
    unsafe sessionTime = max(sessionTime, record.pointee.sessionTime)
    var effect = MarketEffect()
    if change.isEmpty { return effect }
    effect.instrument = unsafe market.instrument(touchedBy: record)
    let isOurs = effect.instrument.raw < UInt32(truncatingIfNeeded: instrumentCount)
    if change.contains(.marketChanged) || change.contains(.gap) {
      effect.stateChanged = true
      recordMarketState(
        isOurs ? effect.instrument : .none, channel: UInt8(truncatingIfNeeded: orderChannel))
      if !isOurs { return effect }
    }
    guard isOurs else { return MarketEffect() }
    effect.quoteChanged = change.contains(.topChanged)
    let states: UInt32 =
      MarketChange.statusChanged.rawValue | MarketChange.shortSaleChanged.rawValue
      | MarketChange.wholenessChanged.rawValue | MarketChange.bound.rawValue
    if change.rawValue & states != 0 {
      effect.stateChanged = true
      recordMarketState(effect.instrument, channel: UInt8(truncatingIfNeeded: orderChannel))
    }
    effect.stateChanged = effect.stateChanged || change.contains(.qualityChanged)
    if change.contains(.trade), let trade = market.lastPrint {
      effect.hasTrade = true
      effect.trade = trade
    }
    return effect
  }

  /// Applies one record of a feed by price and says what changed for whom.
  mutating func apply(_ record: UnsafePointer<FeedRecord>, channel: UInt8) -> MarketEffect {
    guard prices.isFeed(channel) else { return MarketEffect() }
    counters.total.marketRecords &+= 1
    let position = unsafe FeedPosition(
      channel: UInt16(channel), sequence: record.pointee.sequence)
    feedPosition = position.cause
    cause = feedPosition
    let applied = unsafe prices.apply(record.pointee, channel)
    unsafe sessionTime = max(sessionTime, record.pointee.sessionTime)
    let change = applied.change
    var effect = MarketEffect()
    if change.isEmpty { return effect }
    effect.instrument = applied.instrument
    effect.quoteChanged = change.contains(.topChanged)
    let states: UInt32 =
      MarketChange.statusChanged.rawValue | MarketChange.wholenessChanged.rawValue
      | MarketChange.marketChanged.rawValue
    if change.rawValue & states != 0 {
      effect.stateChanged = true
      recordMarketState(effect.instrument, channel: channel)
    }
    effect.stateChanged = effect.stateChanged || change.contains(.qualityChanged)
    if change.contains(.trade) {
      effect.hasTrade = true
      effect.trade = prices.lastTrade
    }
    return effect
  }

  /// Of an instrument, or of the market.
  ///
  /// - Parameter channel: of the feed that says so.
  private mutating func recordMarketState(_ instrument: InstrumentID, channel number: UInt8) {
    let i = Int(instrument.raw)
    let isKnown = i < instrumentCount
    var payload = MarketStateRecord(instrument: instrument)
    let channel = unsafe quotes.channel(number).pointee
    payload.feedPosition = feedPosition
    payload.hours = channel.hours.code
    payload.status = quotes.status(instrument).code
    payload.shortSale = quotes.shortSale(instrument).code
    payload.whole = (isKnown ? quotes.isWhole(instrument) : channel.isWhole) ? 1 : 0
    _ = recordIfRoom(
      .marketState, payload, account: AccountID(raw: .max), strategy: StrategyID(raw: .max))
  }

  // MARK: Looking

  @usableFromInline mutating func depth(
    _ instrument: InstrumentID, _ side: Side, level: Int
  ) -> DepthLevel? {
    guard let locate = market.locate(instrument) else {
      return prices.level(instrument, side, depth: level)
    }
    guard let found = market.books.level(locate, side.isBuy ? .bid : .ask, depth: level)
    else { return nil }
    let price = Int64(found.price) &* Int64(quotes[Int(instrument.raw)].priceScale)
    return DepthLevel(
      price: Price(raw: price), quantity: Quantity(raw: Int64(clamping: found.shares)),
      orders: Int(found.orders))
  }

  @usableFromInline mutating func isTradable(
    _ strategy: StrategyID, _ instrument: InstrumentID
  ) -> Bool {
    quotes.isWhole(instrument) && isFit(strategy, instrument, but: .empty)
  }

  /// As ``isTradable(_:_:)`` but for a hole of the feed whose repair is not late.
  @usableFromInline mutating func awaitsRepair(
    _ strategy: StrategyID, _ instrument: InstrumentID
  ) -> Bool {
    quotes.awaitsRepair(instrument) && isFit(strategy, instrument, but: .gap)
  }

  /// Venue, session, status and quote are as an order needs them, some gates apart.
  private mutating func isFit(
    _ strategy: StrategyID, _ instrument: InstrumentID, but passed: QualityGates
  ) -> Bool {
    guard isReady(strategy, instrument), quotes.hours(instrument).isOpen,
      quotes.status(instrument).isTrading
    else { return false }
    let age = quotes.feedAge(instrument, now: sessionTime)
    var gates = quotes.gates(instrument, now: sessionTime)
    gates.subtract(passed)
    return age >= 0 && age <= limits.settings.dataAgeMax && gates.isEmpty
      && quotes.goodQuote(instrument, now: sessionTime).isKnown
  }

  /// The step of the venue that the strategy's orders go to now; 0 without a route.
  @usableFromInline mutating func tickSize(
    _ strategy: StrategyID, _ instrument: InstrumentID, at price: Int64
  ) -> Int64 {
    guard let cell = cell(strategy, instrument), !ports.routes[cell].isNone else {
      return 0
    }
    return ports.listings[ports.listing(ports.port(on: ports.routes[cell]), Int(instrument.raw))]
      .step(at: price)
  }

  @usableFromInline mutating func queuePosition(_ handle: OrderHandle) -> Quantity? {
    guard let slot = orders.slot(of: handle) else { return nil }
    let number = orders[slot].bookReference
    guard number != 0, let position = market.books.queuePosition(number) else { return nil }
    return Quantity(raw: Int64(clamping: position.sharesAhead))
  }
}
