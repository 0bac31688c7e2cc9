import ExecutionCore
import Testing

/// SplitMix64: small, and its seed is all that a failing test has to print.
struct Dice {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
  mutating func below(_ n: Int) -> Int { Int(next() % UInt64(max(1, n))) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

/// Keeps what it is told, places what a test hands it.
struct Recorder: Strategy {
  var updates: [OrderUpdate] = []
  var books: [InstrumentID] = []
  var trades: [Trade] = []
  var timers: [UInt64] = []
  var states: [InstrumentID] = []
  var batches = 0
  var timersToSet: [(due: Int64, token: UInt64)] = []

  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    books.append(instrument)
  }
  mutating func onTrade(_ trade: Trade, _ desk: borrowing Desk) { trades.append(trade) }
  mutating func onReport(_ update: OrderUpdate, _ desk: borrowing Desk) { updates.append(update) }
  mutating func onTimer(_ token: UInt64, _ desk: borrowing Desk) { timers.append(token) }
  mutating func onState(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    states.append(instrument)
  }
  mutating func onBatchEnd(_ desk: borrowing Desk) {
    batches += 1
    for timer in timersToSet { _ = desk.setTimer(due: timer.due, token: timer.token) }
    timersToSet = []
  }
}

/// An engine with a market: AAPL at 100.00 to 100.10, MSFT at 200.00 to 200.20, trading, venue up.
///
/// A class, so that the expectations of Swift Testing can hold it.
final class Market<S: Strategy> {
  let lane: MemoryLane
  var driver: Driver<S>
  var time: Int64 = 1_577_716_200_000_000_000
  var reference: UInt64 = 1_000
  /// Number of the next record in the feed; 0 is unsequenced.
  var sequence: UInt64 = 0

  static func configuration() -> EngineConfiguration {
    var instruments: [InstrumentFacts] = []
    for (name, close) in [("AAPL", 100), ("MSFT", 200)] {
      var facts = InstrumentFacts(symbol: Symbol(name)!)
      facts.previousClose = Int64(close) * 100_000_000
      facts.shortable = true
      instruments.append(facts)
    }
    let firm = RiskLimits(
      orderQuantity: 10_000, orderNotional: Money(raw: 10_000_000 * 100_000_000),
      position: 100_000, openOrders: 1_000,
      messageRate: MessageRate(perSecond: 100_000, burst: 10_000, keptForCancels: 100))
    var c = EngineConfiguration(
      instruments: instruments, accounts: [AccountConfiguration(name: "A")],
      strategies: [
        StrategyConfiguration(name: "one", account: AccountID(raw: 0)),
        StrategyConfiguration(name: "two", account: AccountID(raw: 0)),
      ], venues: [.tested])
    c.firmLimits = firm
    c.duplicateWindow = 0
    c.beginWithPortsUp()
    c.tradingDay = 20_191_230
    c.poolCapacity = 256
    c.ordersPerDayMax = 4_096
    c.executionsMax = 4_096
    return c
  }

  init(
    _ strategy: S, _ configuration: EngineConfiguration = Market.configuration(),
    laneBytes: Int = 4 << 20, reserve: Int = 0, opens: Bool = true
  ) throws {
    let lane = MemoryLane(bytes: laneBytes, reserve: reserve)
    let engine = try Engine(configuration, lane: lane.lane)
    self.lane = lane
    driver = Driver(engine: engine, strategy: strategy)
    if opens { open() }
  }

  /// Of an engine that journals have made.
  init(
    _ strategy: S, recovered engine: consuming Engine, lane: consuming MemoryLane, time: Int64
  ) {
    self.lane = lane
    driver = Driver(engine: engine, strategy: strategy)
    self.time = time
  }

  func feed(_ record: MarketRecord) {
    var record = record
    record.sessionTime = time
    if sequence != 0 {
      record.sequence = sequence
      sequence += 1
    }
    withUnsafePointer(to: record) { driver.ingest($0, count: 1, machineTime: 0) }
  }

  func event(_ letter: Character) {
    var r = MarketRecord()
    r.kind = UInt8(ascii: "S")
    r.code = UInt16(letter.asciiValue!)
    feed(r)
  }

  func state(_ kind: Character, _ locate: UInt16, _ letter: Character) {
    var r = MarketRecord()
    r.kind = kind.asciiValue!
    r.locate = locate
    r.code = UInt16(letter.asciiValue!)
    r.symbol = SymbolCode.encode(locate == 1 ? "AAPL" : "MSFT")!
    r.shares = 100
    feed(r)
  }

  /// Adds an order to the market's book, in ticks of 10⁻⁴; its reference.
  @discardableResult
  func add(_ locate: UInt16, _ side: Character, _ shares: UInt32, _ ticks: UInt32)
    -> UInt64
  {
    feed(added(locate, side, shares, ticks))
    return reference
  }

  /// The record of such an order, under the next reference.
  func added(
    _ locate: UInt16, _ side: Character, _ shares: UInt32, _ ticks: UInt32
  ) -> MarketRecord {
    reference += 1
    var r = MarketRecord()
    r.kind = UInt8(ascii: "A")
    r.locate = locate
    r.side = side.asciiValue!
    r.reference = reference
    r.shares = shares
    r.price = ticks
    r.symbol = SymbolCode.encode(locate == 1 ? "AAPL" : "MSFT")!
    r.sessionTime = time
    return r
  }

  func delete(_ reference: UInt64) {
    var r = MarketRecord()
    r.kind = UInt8(ascii: "D")
    r.reference = reference
    feed(r)
  }

  func open() {
    event("O")
    for locate in [UInt16(1), 2] {
      state("R", locate, "Q")
      state("H", locate, "T")
      state("Y", locate, "0")
      add(locate, "B", 500, locate == 1 ? 1_000_000 : 2_000_000)
      add(locate, "S", 500, locate == 1 ? 1_001_000 : 2_002_000)
    }
    event("Q")
  }

  // MARK: Orders

  func place(
    _ side: Side, _ quantity: Int64, _ cents: Int64, instrument: UInt32 = 0, strategy: UInt32 = 0,
    timeInForce: TimeInForce = .day
  ) -> Verdict {
    driver.engine.place(
      OrderRequest(
        instrument: InstrumentID(raw: instrument), account: AccountID(raw: 0),
        strategy: StrategyID(raw: strategy), side: side, price: Price(raw: cents * 1_000_000),
        quantity: Quantity(raw: quantity), timeInForce: timeInForce))
  }

  /// Everything that waits for the wire.
  func sent(machineTime: Int64 = 0, port: PortID = .first) -> [VenueRequest] {
    var list: [VenueRequest] = []
    while let request = driver.engine.nextRequest(port, machineTime: machineTime) {
      driver.engine.requestTaken(port)
      list.append(request)
    }
    driver.deliver()
    return list
  }

  func report(
    _ kind: VenueReport.Kind, _ reference: UInt64, quantity: Int64 = 0, cents: Int64 = 0,
    match: UInt64 = 0, change: (inout VenueReport) -> Void = { _ in }
  ) {
    var r = VenueReport(kind: kind, port: .first, account: AccountID(raw: 0))
    r.venueReference = reference
    r.quantity = quantity
    r.price = cents * 100
    r.executionID = VenueIdentifier(number: match)
    r.liquidity = UInt8(ascii: "A")
    change(&r)
    driver.apply(r, sessionTime: time, machineTime: 0)
  }

  /// The log-in after a break: up, and all said.
  func logIn(next: UInt64 = 0) {
    report(.sessionUp, 0)
    report(.caughtUp, next)
  }

  /// What a venue with a counter says to an inquiry when it expects this number next.
  func answer(_ inquiry: VenueRequest, next: UInt64) {
    for reference in [inquiry.originalVenueReference, inquiry.venueReference] where reference > 0 {
      report(reference < next ? .settled : .neverArrived, reference)
    }
    report(.inquiryAnswered, inquiry.venueReference)
  }

  /// Places, sends and acknowledges an order; its handle and its request.
  func working(
    _ side: Side, _ quantity: Int64, _ cents: Int64, instrument: UInt32 = 0, strategy: UInt32 = 0
  ) throws -> (OrderHandle, VenueRequest) {
    let handle = try place(side, quantity, cents, instrument: instrument, strategy: strategy).handle
    let request = try #require(sent().last)
    report(.accepted, request.venueReference, quantity: quantity, cents: cents) {
      $0.clientOrderID = request.clientOrderID
      $0.venueOrderID = VenueIdentifier(number: request.venueReference)
      $0.bookReference = request.venueReference | 1 << 63
    }
    return (handle, request)
  }

  var invariants: [String] { driver.engine.brokenInvariants() }

  // MARK: The engine's own, by reference

  func place(_ request: OrderRequest) -> Verdict { driver.engine.place(request) }
  func replace(_ order: OrderHandle, price: Price, quantity: Quantity) -> RequestVerdict {
    driver.engine.replace(order, price: price, quantity: quantity)
  }
  func modify(_ order: OrderHandle, quantity: Quantity) -> RequestVerdict {
    driver.engine.modify(order, quantity: quantity)
  }
  @discardableResult
  func cancel(_ order: OrderHandle, to quantity: Quantity = Quantity(raw: 0)) -> RequestVerdict {
    driver.engine.cancel(order, to: quantity)
  }
  func apply(_ command: Command) -> Bool {
    driver.apply(command, sessionTime: time, machineTime: 0)
  }
  /// As the next version of the limits, in Ada's name; false when it is refused.
  func change(_ changes: [LimitChange]) -> Bool {
    let commands = Command.limits(changes, after: driver.engine.limitsVersion)
    return commands.map { apply($0.named("Ada", because: "to see")) }.last ?? false
  }
  func advance(by nanoseconds: Int64) {
    driver.advance(sessionTime: time + nanoseconds, machineTime: 0)
  }
  /// The payloads of a type in the journal, with the strategy that each concerns.
  func recordsWithStrategy<T: BitwiseCopyable>(_ type: RecordType, _: T.Type) -> [(T, UInt32)] {
    let bytes = lane.records
    var found: [(T, UInt32)] = []
    var offset = 0
    while offset + MemoryLayout<RecordHeader>.size <= bytes.count {
      let header = bytes.loadUnaligned(fromByteOffset: offset, as: RecordHeader.self)
      guard header.length > 0 else { break }
      if header.type == type.rawValue {
        let payload = offset + MemoryLayout<RecordHeader>.size
        found.append((bytes.loadUnaligned(fromByteOffset: payload, as: T.self), header.strategy))
      }
      offset += Int(header.length)
    }
    return found
  }
  func records<T: BitwiseCopyable>(_ type: RecordType, _ payload: T.Type) -> [T] {
    recordsWithStrategy(type, payload).map(\.0)
  }
  func order(_ handle: OrderHandle) -> OrderView? { driver.engine.order(handle) }
  func position(_ strategy: UInt32 = 0, _ instrument: UInt32 = 0) -> Int64 {
    driver.engine.position(StrategyID(raw: strategy), InstrumentID(raw: instrument)).raw
  }
  func alarms(_ code: AlarmCode) -> UInt64 { driver.engine.alarms(code) }
  var counters: EngineCounters { driver.engine.counters }
  var openOrderCount: Int { driver.engine.openOrderCount }
  var venueIsReady: Bool { driver.engine.isReady() }
  var nextReference: UInt64 { snapshot.ports[0].nextReference }
  var snapshot: EngineSnapshot { driver.engine.snapshot() }
  /// New orders are stopped somewhere.
  var isStopped: Bool { !snapshot.latches.isEmpty }
  var stateHash: UInt64 { driver.engine.stateHash() }
  var updates: [OrderUpdate] { (driver.strategy as? Recorder)?.updates ?? [] }
}

extension VenueConfiguration {
  /// At most 999,999 shares and $199,999.99, cents from one dollar on, references of 32 bits.
  static var tested: VenueConfiguration {
    var rules = VenueRules()
    rules.quantities = 1...999_999
    rules.prices = DecimalRange(1...1_999_999_900, exponent: -4)
    rules.grid = PriceGrid(
      exponent: -4, bands: [PriceGrid.Band(from: 0, step: 1), PriceGrid.Band(from: 10_000)])
    var capabilities = VenueCapabilities()
    capabilities.cancelsAll = true
    capabilities.switchesEntry = true
    capabilities.flags = [.postOnly, .intermarketSweep]
    capabilities.replacesMax = 35
    capabilities.referenceMax = UInt64(UInt32.max) - 1
    return VenueConfiguration(
      name: "tested", rules: rules, capabilities: capabilities,
      fees: FeeSchedule(
        perUnit: [UInt8(ascii: "A"): -200_000, UInt8(ascii: "R"): 300_000], unknown: 300_000))
  }
}

extension Verdict {
  struct Refused: Error { let refusal: Refusal }
  var handle: OrderHandle {
    get throws {
      switch self {
      case .accepted(let handle): return handle
      case .refused(let refusal): throw Refused(refusal: refusal)
      }
    }
  }
  var refusal: Refusal? {
    if case .refused(let refusal) = self { refusal } else { nil }
  }
}

extension RequestVerdict {
  var refusal: Refusal? {
    if case .refused(let refusal) = self { refusal } else { nil }
  }
}
