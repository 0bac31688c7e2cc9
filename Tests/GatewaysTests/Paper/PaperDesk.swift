import ExecutionCore
import Testing

@testable import Gateways

/// Coins of two kinds, priced in cents, in parts of 10⁻⁶.
enum Coins {
  static let instruments: [InstrumentFacts] = [("BTC-USD", 60_000), ("ETH-USD", 3_000)].map {
    var facts = InstrumentFacts(symbol: Symbol($0.0) ?? .none)
    facts.priceExponent = -2
    facts.quantityExponent = -6
    facts.tick = 1
    facts.roundLot = 100
    facts.previousClose = Int64($0.1) * 100
    facts.minimumNotional = 100_000_000
    facts.status = .trading
    facts.shortSale = .unrestricted
    facts.shortable = true
    return facts
  }
  static let fees = FeeSchedule(
    perNotional: [UInt8(ascii: "A"): 10_000, UInt8(ascii: "R"): 40_000])

  static func settings() -> PaperSettings {
    var settings = PaperSettings(
      instruments: instruments,
      accounts: [PaperSettings.Account(name: "desk", password: "secret")])
    settings.fees = fees
    return settings
  }
}

/// An engine, its gateway, and the paper broker at the other end of a line that a test holds: bytes go in pieces, the
/// line breaks, the broker dies and is made again from its file.
final class PaperDesk {
  struct Quiet: Strategy {}
  let lane = MemoryLane(bytes: 32 << 20)
  var driver: Driver<Quiet>
  var gateway: PaperGateway
  var broker: PaperBroker
  /// The broker's file.
  private(set) var file: [UInt8]
  private(set) var client = -1
  private(set) var now: Int64 = 1_723_161_255_000_000_000
  private var toBroker: [UInt8] = []
  private var toGateway: [UInt8] = []
  private var pieces: UInt64 = 1
  private var settings: PaperSettings
  private(set) var sessions = 0

  init(_ settings: PaperSettings = Coins.settings()) throws {
    self.settings = settings
    var c = EngineConfiguration(
      instruments: Coins.instruments, accounts: [AccountConfiguration(name: "desk")],
      strategies: [StrategyConfiguration(name: "quiet", account: AccountID(raw: 0))],
      venues: [.paper(fees: Coins.fees)])
    c.feeds = [FeedConfiguration(name: "coins", kind: .prices, hours: .open)]
    c.firmLimits.orderQuantity = 1_000
    c.firmLimits.orderNotional = Money(raw: 100_000_000 * 100_000_000)
    c.firmLimits.position = 100_000
    c.firmLimits.messageRate = MessageRate(
      perSecond: 1_000_000, burst: 100_000, keptForCancels: 100)
    c.dataAgeMax = 1 << 60
    c.marketData.staleAfter = 0
    c.marketData.feedStaleAfter = 0
    c.marketData.outlierParts = 0
    c.staticCollar = PriceCollar(basisPoints: 5_000)
    c.dynamicCollar = PriceCollar(basisPoints: 5_000)
    c.duplicateWindow = 0
    c.acknowledgeTimeout = 1_000_000_000
    c.outboxAgeMax = 1 << 60
    c.poolCapacity = 512
    driver = Driver(engine: try Engine(c, lane: lane.lane), strategy: Quiet())
    for (i, facts) in Coins.instruments.enumerated() {
      _ = driver.engine.prices.bind(
        0, UInt32(i), facts.symbol, priceExponent: facts.priceExponent,
        quantityExponent: facts.quantityExponent)
    }
    gateway = PaperGateway(
      PaperGatewaySettings(
        port: .first, account: AccountID(raw: 0), username: "desk", password: "secret"),
      instruments: Coins.instruments)
    broker = PaperBroker(settings)
    file = PaperBroker.header(settings)
  }

  // MARK: The line

  func connect() {
    client = broker.connected(now: now)
    sessions += 1
    gateway.connected(now: now)
    pump()
  }

  /// What is on its way is lost.
  func breakLine() {
    guard client >= 0 else { return }
    toBroker = []
    toGateway = []
    broker.disconnected(client, now: now)
    keep()
    client = -1
    gateway.disconnected(now: now)
    deliver()
  }

  /// The process of the broker is killed: what is in its file is all that is left.
  ///
  /// - Parameter file: in place of its own.
  func kill(file other: [UInt8]? = nil) throws {
    toBroker = []
    toGateway = []
    client = -1
    gateway.disconnected(now: now)
    deliver()
    let bytes = other ?? file
    file = bytes
    let recovered = try bytes.withUnsafeBytes { try PaperBroker.recovered(settings, file: $0) }
    #expect(recovered.cut == 0)
    broker = recovered.broker
  }

  private func keep() { broker.keep { file += $0 } }

  /// Until nothing moves any more; bytes in pieces of a seed.
  func pump() {
    for _ in 0..<10_000 {
      var isAny = false
      while gateway.isActive, gateway.hasRoom,
        let request = driver.engine.nextRequest(machineTime: now)
      {
        _ = gateway.encode(request, now: now)
        driver.engine.requestTaken()
        isAny = true
      }
      let out = gateway.output
      if out.count > 0 {
        toBroker += out
        gateway.sent(now: now)
        isAny = true
      }
      isAny = moveToBroker() || isAny
      isAny = moveToGateway() || isAny
      isAny = deliver() || isAny
      if !isAny { return }
    }
    Issue.record("it does not come to rest")
  }

  private func piece(_ most: Int) -> Int {
    pieces = pieces &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return min(most, 1 + Int(pieces >> 33) % 300)
  }

  private func moveToBroker() -> Bool {
    guard client >= 0, !toBroker.isEmpty else { return false }
    let count = piece(toBroker.count)
    let used = toBroker[..<count].withUnsafeBytes { broker.receive($0, client, now: now) }
    // Before anybody is told.
    keep()
    toBroker.removeFirst(used)
    if used == 0, broker.isClosing(client) { toBroker = [] }
    return true
  }

  private func moveToGateway() -> Bool {
    guard client >= 0 else { return false }
    keep()
    let out = Array(broker.output(client))
    broker.sent(client, out.count)
    toGateway += out
    guard !toGateway.isEmpty else {
      guard broker.isClosing(client) else { return false }
      breakLine()
      return true
    }
    let count = piece(toGateway.count)
    let used = toGateway[..<count].withUnsafeBytes { gateway.receive($0, now: now) }
    toGateway.removeFirst(used)
    if gateway.closing != nil { breakLine() }
    return true
  }

  @discardableResult private func deliver() -> Bool {
    let reports = Array(gateway.reports)
    gateway.clearReports()
    for report in reports { driver.apply(report, sessionTime: now, machineTime: now) }
    return !reports.isEmpty
  }

  /// Bytes that no broker has sent.
  func garble(_ bytes: [UInt8]) {
    _ = bytes.withUnsafeBytes { gateway.receive($0, now: now) }
  }

  // MARK: Time and market

  func advance(_ nanoseconds: Int64) {
    now += nanoseconds
    driver.advance(sessionTime: now, machineTime: now)
    broker.tick(now: now)
    keep()
    if client >= 0 { gateway.tick(now: now) }
    pump()
  }

  func quote(
    _ instrument: Int, _ bid: Int64, _ bidQuantity: Int64, _ ask: Int64, _ askQuantity: Int64
  ) {
    now += 1_000
    var record = FeedRecord(.quote, instrument: UInt32(instrument), at: now)
    (record.price, record.quantity) = (bid, bidQuantity)
    (record.askPrice, record.askQuantity) = (ask, askQuantity)
    withUnsafePointer(to: record) { driver.ingest($0, count: 1, channel: 0, machineTime: now) }
    broker.quote(
      instrument,
      Quote(
        bid: Price(raw: bid), ask: Price(raw: ask), bidQuantity: Quantity(raw: bidQuantity),
        askQuantity: Quantity(raw: askQuantity)), now: now)
    pump()
  }
  func trade(_ instrument: Int, _ price: Int64, _ quantity: Int64, isBuyer: Bool?) {
    now += 1_000
    broker.trade(instrument, price: price, quantity: quantity, isBuyer: isBuyer, now: now)
    pump()
  }

  // MARK: Orders

  func place(
    _ side: Side, _ quantity: Int64, _ price: Int64, instrument: UInt32 = 0,
    _ timeInForce: TimeInForce = .day, flags: OrderFlags = .none
  ) -> Verdict {
    var request = OrderRequest(
      instrument: InstrumentID(raw: instrument), account: AccountID(raw: 0),
      strategy: StrategyID(raw: 0), side: side, price: Price(raw: price),
      quantity: Quantity(raw: quantity), timeInForce: timeInForce)
    request.flags = flags
    let verdict = driver.engine.place(request)
    pump()
    return verdict
  }
  /// Its handle; the test fails where it is refused.
  func order(
    _ side: Side, _ quantity: Int64, _ price: Int64, instrument: UInt32 = 0,
    _ timeInForce: TimeInForce = .day, flags: OrderFlags = .none
  ) throws -> OrderHandle {
    switch place(side, quantity, price, instrument: instrument, timeInForce, flags: flags) {
    case .accepted(let handle): return handle
    case .refused(let refusal):
      Issue.record("refused: \(refusal)")
      throw Refused(refusal: refusal)
    }
  }
  struct Refused: Error { let refusal: Refusal }

  /// False when it was refused.
  @discardableResult
  func change(_ order: OrderHandle, price: Int64, quantity: Int64) -> Bool {
    defer { pump() }
    switch driver.engine.replace(
      order, price: Price(raw: price), quantity: Quantity(raw: quantity))
    {
    case .accepted: return true
    case .refused: return false
    }
  }
  func cancel(_ order: OrderHandle) {
    _ = driver.engine.cancel(order)
    pump()
  }
  func view(_ order: OrderHandle) -> OrderView? { driver.engine.order(order) }
  func isOver(_ order: OrderHandle) -> Bool { view(order).map { $0.life == .done } ?? true }

  func position(_ instrument: Int) -> Int64 {
    driver.engine.position(StrategyID(raw: 0), InstrumentID(raw: UInt32(instrument))).raw
  }
  func brokerPosition(_ instrument: Int) -> PaperPosition {
    broker.position("desk", Coins.instruments[instrument].symbol) ?? PaperPosition()
  }
  // What can't be copied, a test can't look into.
  var isReady: Bool { driver.engine.isReady() }
  var isActive: Bool { gateway.isActive }
  var isCaughtUp: Bool { gateway.isCaughtUp }
  var found: UInt64 { gateway.found }
  var repeated: UInt64 { gateway.repeated }
  var openOrderCount: Int { driver.engine.openOrderCount }
  var counters: EngineCounters { driver.engine.counters }
  var state: EngineSnapshot { driver.engine.snapshot() }
  var closing: Reconnecting? { gateway.closing }
  var closingReason: String { gateway.closingReason }
  var adjustments: UInt64 { gateway.adjustments }
  var adjusted: Int128 { gateway.adjusted }
  var invariants: [String] { driver.engine.brokenInvariants() }
  /// Cash of the engine's account: what it had not, and has.
  var cash: Int128 {
    driver.engine.snapshot().positions.reduce(0) { $0 + $1.cashFlow.raw - $1.fees.raw }
  }
  var brokerCash: Int128 { broker.cash("desk")?.raw ?? 0 }
}
