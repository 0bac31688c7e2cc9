internal import CSupport

/// Start-up and end: the only places that may allocate.
extension EngineState {
  /// Arena bytes for a configuration: the columns', the market's, and this struct's own.
  static func bytes(_ c: EngineConfiguration) -> UInt64 {
    var counting = unsafe ColumnBuilder(base: nil)
    let parts = EngineColumns(&counting, c)
    let market =
      ITCHMarket.bytes(for: c.orderSettings, instruments: c.instruments.count) + PriceBooks.bytes(c)
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
      let quotes = unsafe Quotes(
        c.instruments, channels: c.channels(), QuoteSettings(c.marketData), arena: arena),
      let market = unsafe ITCHMarket(
        settings: c.orderSettings, instruments: c.instruments, quotes: quotes,
        channel: c.orderChannel, arena: arena),
      let prices = unsafe PriceBooks(c, quotes, arena: arena)
    else { return nil }
    var builder = unsafe ColumnBuilder(base: block)
    let columns = EngineColumns(&builder, c)
    let core = unsafe own.bindMemory(to: EngineState.self, capacity: 1)
    unsafe core.initialize(
      to: EngineState(c, columns, market, prices, lane))
    return unsafe core
  }

  private init(
    _ c: EngineConfiguration, _ columns: EngineColumns, _ market: ITCHMarket, _ prices: PriceBooks,
    _ journal: RecordLane
  ) {
    instrumentCount = c.instruments.count
    accountCount = c.accounts.count
    strategyCount = c.strategies.count
    orders = columns.orders
    venueCount = c.venues.count
    portCount = c.ports.count
    ports = columns.ports
    instruments = columns.instruments
    limits = columns.limits
    latches = columns.latches
    exposures = columns.exposures
    duplicates = columns.duplicates
    portfolio = columns.portfolio
    updates = columns.updates
    timers = columns.timers
    strategies = columns.strategies
    counters = columns.counters
    self.market = market
    self.prices = prices
    quotes = market.quotes
    self.journal = journal
    setUp(c)
  }

  private mutating func setUp(_ c: EngineConfiguration) {
    orderChannel = UInt16(c.orderChannel)
    feedPosition = FeedPosition(channel: orderChannel, sequence: 0).cause
    cause = 0
    tradingDay = c.tradingDay
    hashing.everyRecords = c.stateHashRecords
    hashing.interval = c.stateHashInterval
    orders.linkFree()
    limits.open(c)
    for (i, facts) in c.instruments.enumerated() { instruments[i] = RiskInstrument(facts, c) }
    for (i, strategy) in c.strategies.enumerated() { strategies[i].account = strategy.account }
    ports.open(c)
    for strategy in 0..<strategyCount { setCommonRoute(strategy) }
    setUpPositions(c)
    setBounds()
  }

  private mutating func setCommonRoute(_ strategy: Int) {
    let cells = strategy * instrumentCount..<(strategy + 1) * instrumentCount
    guard let first = cells.first, !ports.routes[first].isNone else { return }
    strategies[strategy].listings = ports.routes[first].listing
    strategies[strategy].port = ports.routes[first].ports[0]
    strategies[strategy].hasOneRoute = cells.allSatisfy { cell in
      !ports.routes[cell].isNone && ports.routes[cell].ports[0] == ports.routes[first].ports[0]
        && Int(ports.routes[cell].listing) == Int(ports.routes[first].listing) + cell - first
    }
  }

  private mutating func setUpPositions(_ c: EngineConfiguration) {
    portfolio.open(c)
    for position in c.openingPositions {
      guard let cell = cell(position.strategy, position.instrument) else { continue }
      portfolio.open(cell, position)
      exposures.trade(cell, position.account, position.instrument, position.quantity)
    }
  }

  mutating func recordStart(_ c: EngineConfiguration) {
    let text = Array((c.text + c.origin.text).utf8)
    var session = sessionRecord()
    session.configurationHash = c.hash
    session.standingCauses = c.standingCauses.raw
    session.configurationBytes = UInt32(clamping: text.count)
    record(.sessionStarted, session)
    recordConfiguration(text)
    for (i, port) in c.ports.enumerated() {
      var payload = PortRecord(port: PortID(raw: UInt16(i)), venue: port.venue)
      payload.setNames(port.name, venue: c.venues[Int(port.venue.raw)].name)
      payload.nextVenueReference = port.firstReference
      record(.portDefined, payload)
    }
    for (i, facts) in c.instruments.enumerated() {
      record(
        .instrumentDefined,
        InstrumentRecord(facts: facts, instrument: InstrumentID(raw: UInt32(i))))
    }
    carry(c.standingCauses)
    scheduleHash()
  }

  /// A process goes on with the session: by whom, and where it runs.
  mutating func recordResumption(_ command: Command, _ origin: [UInt8]) {
    cause = 0
    record(.command, CommandRecord(command: command))
    recordConfiguration(origin)
    scheduleHash()
  }

  private static var lineEnd: UInt8 { 10 }

  /// In pieces that end with a line where they can.
  private mutating func recordConfiguration(_ text: [UInt8]) {
    let header = header(.configuration, AccountID(raw: .max), StrategyID(raw: .max))
    var rest = text[...]
    while !rest.isEmpty {
      var piece = rest.prefix(RecordLane.payloadMax)
      if piece.count < rest.count, let end = piece.lastIndex(of: Self.lineEnd) {
        piece = piece[...end]
      }
      unsafe piece.withUnsafeBytes {
        if unsafe journal.append(header, $0.baseAddress, $0.count, privileged: true) == 0 {
          loseRecord()
        }
      }
      rest = rest[piece.endIndex...]
    }
  }

  private func sessionRecord() -> SessionRecord {
    var session = SessionRecord()
    session.tradingDay = UInt64(tradingDay)
    session.nextClientOrderID = orders.nextClientOrderID
    session.instruments = UInt32(instrumentCount)
    session.accounts = UInt32(accountCount)
    session.strategies = UInt32(strategyCount)
    session.ports = UInt32(portCount)
    session.applyVersion = Engine.applyVersion
    return session
  }

  mutating func recordEnd(_ end: RunEnd, stateHash: UInt64) {
    flushRefusals(isEnd: true)
    counters.bounds.next = .min
    watchBounds()
    var session = sessionRecord()
    session.stateHash = stateHash
    session.end = end.raw
    session.openOrders = UInt64(max(0, counters.total.openOrders))
    session.executions = counters.total.executions
    session.alarms = counters.total.alarms
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

extension EngineConfiguration {
  /// The channel of the feed of orders; where there is none, one that no instrument has.
  var orderChannel: UInt8 {
    UInt8(feeds.firstIndex { $0.kind == .orders } ?? Quotes.channelsMax - 1)
  }
  /// Without such a feed its books hold next to nothing.
  fileprivate var orderSettings: MarketDataSettings {
    var settings = marketData
    if !feeds.contains(where: { $0.kind == .orders }) {
      settings.capacity = BookCapacity(orders: 64)
    }
    return settings
  }
}

extension RiskInstrument {
  init(_ facts: InstrumentFacts, _ c: EngineConfiguration) {
    symbol = facts.symbol
    previousClose = facts.previousClose
    knowsPreviousClose = facts.knowsPreviousClose
    let share =
      Int128(previousClose.magnitude) * Int128(c.staticCollar.basisPoints) / 10_000
    let width = max(share, Int128(c.staticCollar.absolute))
    lowest = Int64(clamping: Int128(previousClose) - width)
    highest = Int64(clamping: Int128(previousClose) + width)
    lowerBand = facts.lowerBand
    upperBand = facts.upperBand
    moneyScale = MoneyScale(facts)
    unit = Self.power(0 - Int(facts.quantityExponent))
    minimumNotional = facts.minimumNotional
    priceExponent = facts.priceExponent
    quantityExponent = facts.quantityExponent
    shortable = facts.shortable
  }

  static func power(_ exponent: Int) -> Int64 {
    var value: Int64 = 1
    for _ in 0..<max(0, min(18, exponent)) { value *= 10 }
    return value
  }
}

/// The columns of the state, made twice: to count bytes, then for good.
struct EngineColumns {
  let orders: OrderStore
  let ports: Ports
  let instruments: Column<RiskInstrument>
  let limits: Limits
  let latches: Latches
  let exposures: Exposures
  let duplicates: DuplicateWindow
  let portfolio: Portfolio
  let updates: UpdateQueue
  let timers: Timers
  let strategies: Column<StrategyFacts>
  let counters: Counters

  init(_ b: inout ColumnBuilder, _ c: EngineConfiguration) {
    orders = OrderStore(&b, c)
    ports = Ports(&b, c)
    instruments = b.column(RiskInstrument(), c.instruments.count)
    limits = Limits(&b, c)
    latches = Latches(&b, scopes: limits.scopeCount, ports: c.ports.count)
    exposures = Exposures(&b, c)
    duplicates = DuplicateWindow(&b, window: c.duplicateWindow, most: c.duplicatesMax)
    portfolio = Portfolio(&b, c)
    updates = UpdateQueue(&b, poolCapacity: c.poolCapacity)
    timers = Timers(&b, most: c.timersMax)
    strategies = b.column(StrategyFacts(), c.strategies.count)
    counters = Counters(&b, c)
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
