/// The market as risk, strategies and the journal see it: by instrument, at the instrument's exponents.
extension EngineState {
  /// A quote that passed all gates.
  struct GoodPrices: BitwiseCopyable {
    var bid: Int64 = 0
    var ask: Int64 = 0
    var isKnown = false
    /// It is the present quote.
    var isCurrent = false
  }

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
    counters.marketRecords &+= 1
    let position = unsafe FeedPosition(channel: feedChannel, sequence: record.pointee.sequence)
    feedPosition = position.cause
    cause = feedPosition
    let change = unsafe market.apply(records, at: index, count: count)
    if change.contains(.ignored) { return MarketEffect() }
    unsafe sessionTime = max(sessionTime, record.pointee.sessionTime)
    var effect = MarketEffect()
    if change.isEmpty { return effect }
    let locate = unsafe locateTouched(by: record)
    effect.instrument = market.instrument(locate)
    let isOurs = effect.instrument.raw < UInt32(truncatingIfNeeded: instrumentCount)
    if change.contains(.marketChanged) || change.contains(.gap) {
      effect.stateChanged = true
      recordMarketState(isOurs ? effect.instrument : .none, locate)
      if !isOurs { return effect }
    }
    guard isOurs else { return MarketEffect() }
    effect.quoteChanged = change.contains(.topChanged)
    if change.contains(.qualityChanged) || change.contains(.wholenessChanged) {
      noteQuality(effect.instrument, locate)
    }
    let states: UInt32 =
      MarketChange.statusChanged.rawValue | MarketChange.regSHOChanged.rawValue
      | MarketChange.wholenessChanged.rawValue | MarketChange.bound.rawValue
    if change.rawValue & states != 0 {
      effect.stateChanged = true
      recordMarketState(effect.instrument, locate)
    }
    effect.stateChanged = effect.stateChanged || change.contains(.qualityChanged)
    if change.contains(.trade) { noteTrade(&effect) }
    return effect
  }

  /// E, C, X, D and U act on the book of the order that they name, whatever locate they carry.
  private mutating func locateTouched(by record: UnsafePointer<MarketRecord>) -> UInt16 {
    switch unsafe record.pointee.kind {
    case UInt8(ascii: "E"), UInt8(ascii: "C"), UInt8(ascii: "X"), UInt8(ascii: "D"),
      UInt8(ascii: "U"):
      market.lastResting.locate
    default: unsafe record.pointee.locate
    }
  }

  private mutating func noteQuality(_ instrument: InstrumentID, _ locate: UInt16) {
    let i = Int(instrument.raw)
    if market.gates(locate, now: sessionTime).isEmpty {
      failingSince[i] = 0
    } else if failingSince[i] == 0 {
      failingSince[i] = max(1, sessionTime)
    }
  }

  /// The end of a gap and a snapshot make books whole and tell nobody what changed: every quote is examined anew,
  /// an empty book's too, and since when it fails is noted. An age is left to the next message.
  mutating func noteWhole() {
    for i in 0..<instrumentCount {
      let instrument = InstrumentID(raw: UInt32(truncatingIfNeeded: i))
      guard let locate = market.locate(instrument) else { continue }
      market.reexamine(locate)
      var gates = market.gates(locate, now: sessionTime)
      gates.subtract(.stale)
      if gates.isEmpty {
        failingSince[i] = 0
      } else if failingSince[i] == 0 {
        failingSince[i] = max(1, sessionTime)
      }
    }
  }

  private mutating func noteTrade(_ effect: inout MarketEffect) {
    let trade = market.lastTrade
    guard trade.isPrintable else { return }
    effect.hasTrade = true
    let price = VenueTicks.price(trade.price).raw
    var resting: Side?
    if trade.aggressor == UInt8(ascii: "B") { resting = .sell }
    if trade.aggressor == UInt8(ascii: "S") { resting = .buy }
    effect.trade = Trade(
      instrument: effect.instrument,
      price: Price(raw: atExponent(price, Int(effect.instrument.raw))),
      quantity: Quantity(raw: Int64(clamping: trade.shares)), restingSide: resting,
      matchNumber: trade.matchNumber)
  }

  private mutating func recordMarketState(_ instrument: InstrumentID, _ locate: UInt16) {
    let i = Int(instrument.raw)
    let isKnown = i < instrumentCount
    var payload = MarketStateRecord(
      symbol: isKnown ? risk[i].symbol : 0, instrument: instrument)
    payload.feedPosition = feedPosition
    payload.systemEvent = market.feedState.systemEvent
    payload.tradingState = isKnown ? tradingState(i) : 0
    payload.regSHO = isKnown ? regSHO(i) : 0
    payload.whole = isKnown ? (market.isWhole(locate) ? 1 : 0) : (market.feedState.isWhole ? 1 : 0)
    _ = recordIfRoom(
      .marketState, payload, account: AccountID(raw: .max), strategy: StrategyID(raw: .max))
  }

  // MARK: Looking

  mutating func atExponent(_ price: Int64, _ instrument: Int) -> Int64 {
    let divisor = risk[instrument].quoteDivisor
    return divisor == 1 ? price : price / divisor
  }

  @usableFromInline mutating func quote(_ instrument: InstrumentID) -> Quote {
    guard var quote = market.quote(instrument) else {
      return Quote(
        bid: Price(raw: 0), ask: Price(raw: 0), bidQuantity: Quantity(raw: 0),
        askQuantity: Quantity(raw: 0))
    }
    let i = Int(instrument.raw)
    quote.bid.raw = atExponent(quote.bid.raw, i)
    quote.ask.raw = atExponent(quote.ask.raw, i)
    return quote
  }

  /// The last quote that passed every gate.
  mutating func goodQuote(_ instrument: Int) -> GoodPrices {
    var prices = GoodPrices()
    guard
      let good = market.goodQuote(
        InstrumentID(raw: UInt32(truncatingIfNeeded: instrument)), now: sessionTime),
      good.time != 0
    else { return prices }
    prices.bid = atExponent(good.quote.bid.raw, instrument)
    prices.ask = atExponent(good.quote.ask.raw, instrument)
    prices.isKnown = true
    prices.isCurrent = !good.isStale
    return prices
  }

  @usableFromInline mutating func depth(
    _ instrument: InstrumentID, _ side: Side, level: Int
  ) -> DepthLevel? {
    guard let locate = market.locate(instrument),
      let found = market.books.level(locate, side.isBuy ? .bid : .ask, depth: level)
    else { return nil }
    let price = atExponent(VenueTicks.price(found.price).raw, Int(instrument.raw))
    return DepthLevel(
      price: Price(raw: price), quantity: Quantity(raw: Int64(clamping: found.shares)),
      orders: Int(found.orders))
  }

  /// The feed's word, else the instruments file's; 0 is unknown. An ITCH letter.
  mutating func tradingState(_ instrument: Int) -> UInt8 {
    let id = InstrumentID(raw: UInt32(truncatingIfNeeded: instrument))
    if let locate = market.locate(id) {
      let status = market.status(locate).code
      if status != 0 { return status }
    }
    return risk[instrument].tradingState
  }

  mutating func regSHO(_ instrument: Int) -> UInt8 {
    let id = InstrumentID(raw: UInt32(truncatingIfNeeded: instrument))
    if let locate = market.locate(id) {
      let rule = market.regSHO(locate)
      if rule != 0 { return rule }
    }
    return risk[instrument].regSHO
  }

  @usableFromInline mutating func isTradable(
    _ strategy: StrategyID, _ instrument: InstrumentID
  ) -> Bool {
    guard let locate = market.locate(instrument) else { return false }
    let i = Int(instrument.raw)
    guard isReady(strategy, instrument), market.feedState.systemEvent == Self.marketOpenEvent,
      tradingState(i) == Self.tradingStatus, market.isWhole(locate)
    else { return false }
    let age = market.feedAge(now: sessionTime)
    return age >= 0 && age <= settings.dataAgeMax && goodQuote(i).isKnown
      && market.gates(locate, now: sessionTime).isEmpty
  }

  /// As ``isTradable(_:_:)`` but for a hole of the feed whose repair is not late.
  @usableFromInline mutating func awaitsRepair(
    _ strategy: StrategyID, _ instrument: InstrumentID
  ) -> Bool {
    guard let locate = market.locate(instrument), market.awaitsRepair(locate) else { return false }
    let i = Int(instrument.raw)
    guard isReady(strategy, instrument), market.feedState.systemEvent == Self.marketOpenEvent,
      tradingState(i) == Self.tradingStatus
    else { return false }
    let age = market.feedAge(now: sessionTime)
    return age >= 0 && age <= settings.dataAgeMax && goodQuote(i).isKnown
      && market.gates(locate, now: sessionTime).subtracting(.gap).isEmpty
  }

  /// The step of the venue that the strategy's orders go to now; 0 without a route.
  @usableFromInline mutating func tickSize(
    _ strategy: StrategyID, _ instrument: InstrumentID, at price: Int64
  ) -> Int64 {
    guard let cell = cell(strategy, instrument), !routes[cell].isNone else {
      return 0
    }
    return listings[listing(port(on: routes[cell]), Int(instrument.raw))].step(at: price)
  }

  @usableFromInline mutating func queuePosition(_ handle: OrderHandle) -> Quantity? {
    guard let slot = slot(of: handle) else { return nil }
    let number = orders[slot].bookReference
    guard number != 0, let position = market.books.queuePosition(number) else { return nil }
    return Quantity(raw: Int64(clamping: position.sharesAhead))
  }
}
