internal import CSupport

/// Start-up and end: the only places that may allocate.
extension EngineState {
  /// Arena bytes for a configuration: the columns', the market's, and this struct's own.
  static func bytes(_ c: EngineConfiguration) -> UInt64 {
    var counting = unsafe ColumnBuilder(base: nil)
    let parts = EngineColumns(&counting, c)
    let market = MarketData.bytes(for: c.marketData, instruments: c.instruments.count)
    _ = parts
    return UInt64(counting.offset) + market + UInt64(MemoryLayout<EngineState>.stride) + 4096
  }

  /// The state in the arena, or nil when something did not fit.
  static func make(
    _ c: EngineConfiguration, arena: OpaquePointer, lane: RecordLane
  ) -> UnsafeMutablePointer<EngineState>? {
    var counting = unsafe ColumnBuilder(base: nil)
    _ = EngineColumns(&counting, c)
    guard
      let own = unsafe nt_arena_take(arena, UInt64(MemoryLayout<EngineState>.stride), 64),
      let block = unsafe nt_arena_take(arena, UInt64(counting.offset), 64),
      let market = unsafe MarketData(
        settings: c.marketData, symbols: c.instruments.map(\.symbol), arena: arena)
    else { return nil }
    var builder = unsafe ColumnBuilder(base: block)
    let columns = EngineColumns(&builder, c)
    let core = unsafe own.bindMemory(to: EngineState.self, capacity: 1)
    unsafe core.initialize(
      to: EngineState(c, columns, market, lane))
    return unsafe core
  }

  private init(
    _ c: EngineConfiguration, _ columns: EngineColumns, _ market: MarketData,
    _ journal: RecordLane
  ) {
    instrumentCount = c.instruments.count
    accountCount = c.accounts.count
    strategyCount = c.strategies.count
    orders = columns.orders
    links = columns.links
    openHead = columns.openHead
    references = columns.references
    referenceMask = UInt64(columns.references.count - 1)
    risk = columns.risk
    limits = columns.limits
    instrumentLimits = columns.instrumentLimits
    buckets = columns.buckets
    scopes = columns.scopes
    exposure = columns.exposure
    accountExposure = columns.accountExposure
    instrumentExposure = columns.instrumentExposure
    duplicates = columns.duplicates
    instrumentBounds = columns.instrumentBounds
    strategyBounds = columns.strategyBounds
    positions = columns.positions
    cash = columns.cash
    ledger = columns.ledger
    fees = columns.fees
    feeKnown = columns.feeKnown
    outbox = columns.outbox
    updates = columns.updates
    timers = columns.timers
    strategyAccounts = columns.strategyAccounts
    refusals = columns.refusals
    alarms = columns.alarms
    failingSince = columns.failingSince
    self.market = market
    self.journal = journal
    setUp(c)
  }

  private mutating func setUp(_ c: EngineConfiguration) {
    feedChannel = c.feedChannel
    feedPosition = FeedPosition(channel: feedChannel, sequence: 0).cause
    cause = 0
    tradingDay = c.tradingDay
    venue = c.venue
    capacityCode = c.capacity
    nextClientOrderID = c.firstClientOrderID
    nextVenueReference = c.firstVenueReference
    unknownFee = c.fees.unknown
    for (flag, amount) in c.fees.perUnit {
      fees[Int(flag)] = amount
      feeKnown[Int(flag)] = true
    }
    settings.dynamicBasisPoints = c.dynamicCollar.basisPoints
    settings.dynamicAbsolute = c.dynamicCollar.absolute
    settings.dataAgeMax = c.dataAgeMax
    settings.goodQuoteAgeMax = c.goodQuoteAgeMax
    settings.symbolAgeMax = c.marketData.staleAfter
    settings.acknowledgeTimeout = c.acknowledgeTimeout
    session.isUp = c.venueIsUpAtStart
    session.isReady = c.venueIsUpAtStart
    session.queryAtLogin = c.queryAccountAtLogin
    setUpOrders()
    setUpLimits(c)
    for (i, facts) in c.instruments.enumerated() {
      risk[i] = RiskInstrument(facts, c)
      risk[i].restricted = c.restricted.contains(InstrumentID(raw: UInt32(i)))
    }
    setUpPositions(c)
    setBounds()
  }

  private mutating func setUpOrders() {
    for i in 0..<orders.count {
      links[i].next = i + 1 < orders.count ? Int32(i + 1) : -1
    }
    freeHead = 0
  }

  private mutating func setUpLimits(_ c: EngineConfiguration) {
    limits[0] = ScopeLimits(c.firmLimits)
    buckets[0] = TokenBucket(c.firmLimits.messageRate)
    for (i, account) in c.accounts.enumerated() {
      limits[1 + i] = ScopeLimits(account.limits)
      buckets[1 + i] = TokenBucket(account.limits.messageRate)
      cash[i] = account.cash.raw
    }
    for (i, strategy) in c.strategies.enumerated() {
      limits[1 + accountCount + i] = ScopeLimits(strategy.limits)
      buckets[1 + accountCount + i] = TokenBucket(strategy.limits.messageRate)
      strategyAccounts[i] = strategy.account
    }
    for (instrument, limit) in c.instrumentLimits where Int(instrument.raw) < instrumentCount {
      instrumentLimits[Int(instrument.raw)] = ScopeLimits(limit)
    }
  }

  private mutating func setUpPositions(_ c: EngineConfiguration) {
    for position in c.openingPositions {
      guard let cell = cell(position.strategy, position.instrument) else { continue }
      positions[cell].open(quantity: position.quantity, cost: position.cost.raw)
      exposure[cell].net &+= position.quantity
      accountExposure[accountCell(position.account, position.instrument)].net &+=
        position.quantity
      instrumentExposure[Int(position.instrument.raw)].net &+= position.quantity
    }
  }

  mutating func recordStart(_ c: EngineConfiguration) {
    var session = SessionRecord()
    session.tradingDay = UInt64(tradingDay)
    session.configurationHash = c.hash
    session.nextClientOrderID = nextClientOrderID
    session.nextVenueReference = nextVenueReference
    session.instruments = UInt32(instrumentCount)
    session.accounts = UInt32(accountCount)
    session.strategies = UInt32(strategyCount)
    session.venue = UInt32(venue)
    record(.sessionStarted, session)
    for (i, facts) in c.instruments.enumerated() {
      record(
        .instrumentDefined,
        InstrumentRecord(facts: facts, instrument: InstrumentID(raw: UInt32(i))))
    }
  }

  mutating func recordEnd(stateHash: UInt64) {
    var session = SessionRecord()
    session.tradingDay = UInt64(tradingDay)
    session.nextClientOrderID = nextClientOrderID
    session.nextVenueReference = nextVenueReference
    session.stateHash = stateHash
    session.instruments = UInt32(instrumentCount)
    session.accounts = UInt32(accountCount)
    session.strategies = UInt32(strategyCount)
    session.venue = UInt32(venue)
    session.openOrders = UInt64(max(0, counters.openOrders))
    session.executions = counters.executions
    session.alarms = counters.alarms
    cause = 0
    record(.sessionEnded, session)
  }

  mutating func recordStrategyState(
    _ strategy: StrategyID, _ bytes: UnsafeRawBufferPointer
  ) -> Bool {
    let header = header(.strategyState, account(of: strategy), strategy)
    return unsafe journal.append(header, bytes.baseAddress, bytes.count, privileged: false) != 0
  }
}

extension RiskInstrument {
  init(_ facts: InstrumentFacts, _ c: EngineConfiguration) {
    symbol = facts.symbol
    dollar = Self.power(-Int(facts.priceExponent))
    tick = facts.tick
    subDollarTick = Self.power(-4 - Int(facts.priceExponent))
    tickTest = DivisibilityTest(tick)
    subDollarTest = DivisibilityTest(subDollarTick)
    lot = c.oddLotsAllowed ? 1 : facts.roundLot
    lotTest = DivisibilityTest(lot)
    previousClose = facts.previousClose
    let share = Int128(previousClose) * Int128(c.staticCollar.basisPoints) / 10_000
    let width = max(share, Int128(c.staticCollar.absolute))
    lowest = Int64(clamping: Int128(previousClose) - width)
    highest = Int64(clamping: Int128(previousClose) + width)
    lowerBand = facts.lowerBand
    upperBand = facts.upperBand
    moneyScale = Self.power(Int(facts.priceExponent) + Int(facts.quantityExponent) + 8)
    priceExponent = facts.priceExponent
    quantityExponent = facts.quantityExponent
    quoteDivisor = Self.power(Int(facts.priceExponent) + 8)
    tradingState = facts.tradingState
    regSHO = facts.regSHO
    shortable = facts.shortable
  }

  private static func power(_ exponent: Int) -> Int64 {
    var value: Int64 = 1
    for _ in 0..<max(0, min(18, exponent)) { value *= 10 }
    return value
  }
}

/// The columns of the state, made twice: to count bytes, then for good.
struct EngineColumns {
  let orders: Column<Order>
  let links: Column<OrderLink>
  let openHead: Column<Int32>
  let references: Column<ReferenceEntry>
  let risk: Column<RiskInstrument>
  let limits: Column<ScopeLimits>
  let instrumentLimits: Column<ScopeLimits>
  let buckets: Column<TokenBucket>
  let scopes: Column<ScopeState>
  let exposure: Column<Exposure>
  let accountExposure: Column<Exposure>
  let instrumentExposure: Column<Exposure>
  let duplicates: DuplicateWindow
  let instrumentBounds: Column<InstrumentBounds>
  let strategyBounds: Column<StrategyBounds>
  let positions: Column<PositionBook>
  let cash: Column<Int128>
  let ledger: ExecutionLedger
  let fees: Column<Int64>
  let feeKnown: Column<Bool>
  let outbox: Outbox
  let updates: Column<OrderUpdate>
  let timers: Column<StrategyTimer>
  let strategyAccounts: Column<AccountID>
  let refusals: Column<UInt64>
  let alarms: Column<UInt64>
  let failingSince: Column<Int64>

  init(_ b: inout ColumnBuilder, _ c: EngineConfiguration) {
    let instruments = c.instruments.count
    let cells = c.strategies.count * instruments
    let scopeCount = 1 + c.accounts.count + c.strategies.count
    orders = b.column(Order(), c.poolCapacity)
    links = b.column(OrderLink(), c.poolCapacity)
    openHead = b.column(-1, cells)
    references = b.column(ReferenceEntry(), c.ordersPerDayMax.nextPowerOfTwo)
    risk = b.column(RiskInstrument(), instruments)
    limits = b.column(ScopeLimits(), scopeCount)
    instrumentLimits = b.column(ScopeLimits(), instruments)
    buckets = b.column(TokenBucket(nil), scopeCount)
    scopes = b.column(ScopeState(), scopeCount)
    exposure = b.column(Exposure(), cells)
    accountExposure = b.column(Exposure(), c.accounts.count * instruments)
    instrumentExposure = b.column(Exposure(), instruments)
    duplicates = DuplicateWindow(&b, window: c.duplicateWindow, most: c.duplicatesMax)
    instrumentBounds = b.column(InstrumentBounds(), instruments)
    strategyBounds = b.column(StrategyBounds(), c.strategies.count)
    positions = b.column(PositionBook(), cells)
    cash = b.column(0, c.accounts.count)
    ledger = ExecutionLedger(&b, executionsMax: c.executionsMax)
    fees = b.column(0, 256)
    feeKnown = b.column(false, 256)
    outbox = Outbox(
      &b, capacity: c.outboxCapacity, poolCapacity: c.poolCapacity, ageMax: c.outboxAgeMax)
    updates = b.column(OrderUpdate.none, max(1024, c.poolCapacity * 2).nextPowerOfTwo)
    timers = b.column(StrategyTimer(), c.timersMax)
    strategyAccounts = b.column(AccountID(raw: .max), c.strategies.count)
    refusals = b.column(0, 64)
    alarms = b.column(0, 64)
    failingSince = b.column(0, instruments)
  }
}

extension OrderUpdate {
  static var none: OrderUpdate {
    OrderUpdate(
      handle: .none, clientOrderID: .none, lastPrice: Price(raw: 0), lastQuantity: Quantity(raw: 0),
      leaves: Quantity(raw: 0), executed: Quantity(raw: 0), instrument: .none,
      account: AccountID(raw: .max), strategy: StrategyID(raw: .max), kind: .restated, side: .buy,
      life: .draft, doneReason: .none, reason: 0, liquidity: 0)
  }
}
