import ExecutionCore
import Gateways
import Simulation
import Testing
import Trading

@testable import Simulation

/// Hears what happens to its orders; a test places them.
struct Listener: Strategy {
  static var strategyCount: Int { 2 }
  var updates: [OrderUpdate] = []
  mutating func onReport(_ update: OrderUpdate, _ desk: borrowing Desk) { updates.append(update) }
}

/// One engine with two accounts at two venues: `GS0` at the exchange, a session for each account; `GS1` at the
/// venue of text, one session for both. Bytes go from end to end in memory; the market data is the exchange's.
final class TwoVenues {
  enum End { case exchange(account: Int), text }
  static let users = ["ONE", "TWO"]
  static let text = PortID(raw: 2)

  let lane = MemoryLane(bytes: 32 << 20)
  var driver: Driver<Listener>
  let exchange: ExchangeSession
  let venue = TextVenue()
  /// As the loop holds them: one type for the gateways of all protocols.
  private let gateways: UnsafeMutablePointer<VenueGateway<TextGateway>>
  private final class Server {
    var soup: SoupServer
    init(_ soup: consuming SoupServer) { self.soup = soup }
  }
  private var soups: [Server] = []
  let ends: [End] = [.exchange(account: 0), .exchange(account: 1), .text]
  private(set) var isUp = [false, false, false]
  private(set) var time: Int64
  private var published: UInt64
  /// Bytes to an end, and from it, are lost.
  var loses = [false, false, false]

  init(
    seed: UInt64 = 1, _ change: (inout EngineConfiguration) -> Void = { _ in }
  ) throws {
    let midnight: Int64 = 1_577_941_200_000_000_000
    let feed = ExchangeFeed(
      generated: GeneratorSettings(
        seed: seed, style: .calm, symbols: 2, rate: 2_000, midnight: midnight))
    var c = EngineConfiguration(
      instruments: feed.instruments, accounts: Self.users.map { AccountConfiguration(name: $0) },
      strategies: (0..<2).map {
        StrategyConfiguration(name: "s\($0)", account: AccountID(raw: UInt32($0)))
      },
      venues: [
        .nasdaq(),
        VenueConfiguration(
          name: "text", rules: TextVenue.rules, capabilities: TextVenue.capabilities,
          fees: FeeSchedule(unknown: 100_000), instruments: [InstrumentID(raw: 1)]),
      ])
    c.venues[0].instruments = [InstrumentID(raw: 0)]
    c.ports = [
      PortConfiguration(name: "one", venue: VenueID(raw: 0), accounts: [AccountID(raw: 0)]),
      PortConfiguration(name: "two", venue: VenueID(raw: 0), accounts: [AccountID(raw: 1)]),
      PortConfiguration(
        name: "text", venue: VenueID(raw: 1), accounts: [AccountID(raw: 0), AccountID(raw: 1)]),
    ]
    for i in c.instruments.indices { c.instruments[i].shortable = true }
    c.duplicateWindow = 0
    c.acknowledgeTimeout = 1_000_000
    c.ordersPerDayMax = 1 << 12
    c.executionsMax = 1 << 12
    c.firmLimits.messageRate = MessageRate(perSecond: 1_000_000, burst: 100_000, keptForCancels: 10)
    change(&c)
    driver = Driver(engine: try Engine(c, lane: lane.lane), strategy: Listener())
    var settings = ExchangeSessionSettings()
    settings.accounts = Self.users
    exchange = try ExchangeSession(settings: settings, feed: feed)
    published = exchange.nextSequence
    time = feed.peek()?.sessionTime ?? midnight
    gateways = .allocate(capacity: 3)
    let symbols = feed.instruments.map(\.symbol.code)
    for (i, user) in Self.users.enumerated() {
      let credentials = try #require(SoupCredentials(username: user, password: "secret"))
      let port = PortID(raw: UInt16(i))
      (gateways + i).initialize(
        to: VenueGateway(
          ouch: OUCHGateway(
            OUCHGatewaySettings(
              session: SoupClientSettings(credentials: credentials), port: port,
              account: AccountID(raw: UInt32(i)), midnight: midnight), symbols: symbols)))
      soups.append(server(i))
    }
    (gateways + 2).initialize(
      to: VenueGateway(
        own: TextGateway(
          port: Self.text, symbols: symbols.map(SymbolCode.decode), accounts: Self.users)))
  }
  deinit {
    gateways.deinitialize(count: 3)
    gateways.deallocate()
  }

  private func server(_ account: Int) -> Server {
    let credentials = SoupCredentials(username: Self.users[account], password: "secret")!
    return Server(
      SoupServer(SoupServerSettings(session: exchange.name, credentials: credentials), now: time))
  }

  // MARK: Lines

  func connect(_ port: Int) {
    guard !isUp[port] else { return }
    isUp[port] = true
    if case .exchange(let account) = ends[port] { soups[account] = server(account) }
    gateways[port].connected(now: time)
    pump()
  }
  func disconnect(_ port: Int) {
    guard isUp[port] else { return }
    isUp[port] = false
    if case .text = ends[port] { venue.drop() }
    gateways[port].disconnected(now: time)
    pump()
  }
  func isCaughtUp(_ port: Int) -> Bool { gateways[port].isCaughtUp }
  func counters(_ port: Int) -> GatewayCounters { gateways[port].counters }

  /// Requests, answers and reports, until nobody has more.
  func pump() {
    for _ in 0..<1_000 {
      var isAny = false
      for port in 0..<3 { isAny = exchange(port) || isAny }
      if !isAny { return }
    }
    Issue.record("the lines never fall silent")
  }

  private func exchange(_ port: Int) -> Bool {
    let id = PortID(raw: UInt16(port))
    var isAny = false
    while isUp[port], gateways[port].isActive, gateways[port].hasRoom,
      let request = driver.engine.nextRequest(id, machineTime: 0)
    {
      _ = gateways[port].encode(request, now: time)
      driver.engine.requestTaken(id)
      isAny = true
    }
    let bytes = [UInt8](gateways[port].output)
    if !bytes.isEmpty, isUp[port] {
      gateways[port].sent(now: time)
      if !loses[port] { deliver(bytes, port) }
      isAny = true
    }
    let back = isUp[port] ? answers(port) : []
    if !back.isEmpty, !loses[port] {
      var at = 0
      while at < back.count {
        at += back.withUnsafeBytes {
          gateways[port].receive(UnsafeRawBufferPointer(rebasing: $0[at...]), now: time)
        }
        report(port)
        if gateways[port].closing == .atOnce {
          disconnect(port)
          connect(port)
          return true
        }
      }
      isAny = true
    }
    return report(port) || isAny
  }

  @discardableResult private func report(_ port: Int) -> Bool {
    let reports = Array(gateways[port].reports)
    gateways[port].clearReports()
    for report in reports { driver.apply(report, sessionTime: time, machineTime: 0) }
    return !reports.isEmpty
  }

  private func deliver(_ bytes: [UInt8], _ port: Int) {
    guard case .exchange(let account) = ends[port] else { return venue.take(bytes) }
    var offset = 0
    bytes.withUnsafeBytes { input in
      while let found = soups[account].soup.next(input, &offset, now: time) {
        switch found {
        case .login(let login):
          let stream = exchange.orderStreams[account]
          var out = [UInt8](repeating: 0, count: 64)
          let answer = out.withUnsafeMutableBytes {
            soups[account].soup.answer(
              login, firstSequence: 1, nextSequence: stream.nextSequence, now: time, into: $0)
          }
          if case .accepted(let count) = answer { logins[account] += Array(out[..<count]) }
        case .unsequenced(let message):
          let isTaken = exchange.submit(message, account: UInt32(account), at: time)
          #expect(isTaken)
        case .debug, .logout, .failed: continue
        }
      }
    }
  }
  private var logins: [[UInt8]] = [[], []]

  private func answers(_ port: Int) -> [UInt8] {
    guard case .exchange(let account) = ends[port] else { return venue.takeOutput() }
    var bytes = logins[account]
    logins[account] = []
    var out = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = out.withUnsafeMutableBytes {
        soups[account].soup.pump(exchange.orderStreams[account], now: time, into: $0)
      }
      if count == 0 { break }
      bytes += out[..<count]
    }
    return bytes
  }

  // MARK: The market

  /// So many messages of history, and what follows from them.
  func play(_ messages: Int) {
    for _ in 0..<messages {
      guard let next = exchange.feed.peek()?.sessionTime else { return }
      time = max(time, next)
      exchange.applyNext()
      publish()
    }
    driver.advance(sessionTime: time, machineTime: 0)
    pump()
  }
  private func publish() {
    while published < exchange.nextSequence {
      let message = exchange.publishedBytes(at: published)!
      let framed = [UInt8(message.count >> 8), UInt8(message.count & 255)] + message
      var record = MarketRecord()
      let batch = framed.withUnsafeBufferPointer { bytes in
        ITCHDecoder.decodeFrames(
          bytes.baseAddress!, count: bytes.count, midnight: exchange.feed.midnight,
          firstSequence: published, into: &record, capacity: 1)
      }
      if batch.records > 0 { driver.ingest(&record, count: 1, machineTime: 0) }
      published += 1
    }
  }
  /// Session time passes, and nothing else.
  func wait(_ nanoseconds: Int64) {
    time += nanoseconds
    driver.advance(sessionTime: time, machineTime: 0)
    pump()
  }

  /// Both venues there, and the market open.
  func open() {
    for port in 0..<3 { connect(port) }
    for _ in 0..<400 where !isOpen { play(50) }
    #expect(isOpen)
  }
  private var isOpen: Bool {
    (0..<2).allSatisfy { i in
      let quote = quote(i)
      return quote.bid.raw > 0 && quote.ask.raw > 0
    } && driver.engine.market.channelState.hours == .open
  }

  // MARK: Orders

  func quote(_ instrument: Int) -> Quote {
    driver.engine.quotes.quote(InstrumentID(raw: UInt32(instrument)))
  }
  func place(
    _ account: Int, _ instrument: Int, _ side: Side, _ quantity: Int64, ticksAway: Int64 = 0,
    _ change: (inout OrderRequest) -> Void = { _ in }
  ) -> Verdict {
    let quote = quote(instrument)
    let price =
      side.isBuy
      ? quote.bid.raw - ticksAway * 1_000_000 : quote.ask.raw + ticksAway * 1_000_000
    var request = OrderRequest(
      instrument: InstrumentID(raw: UInt32(instrument)), account: AccountID(raw: UInt32(account)),
      strategy: StrategyID(raw: UInt32(account)), side: side,
      price: Price(raw: price / 1_000_000 * 1_000_000), quantity: Quantity(raw: quantity))
    change(&request)
    return driver.engine.place(request)
  }
  func placed(
    _ account: Int, _ instrument: Int, _ side: Side, _ quantity: Int64, ticksAway: Int64 = 0
  ) throws -> OrderView {
    guard
      case .accepted(let handle) = place(account, instrument, side, quantity, ticksAway: ticksAway)
    else { throw Refused() }
    pump()
    guard let view = order(handle) else { throw Refused() }
    return view
  }
  struct Refused: Error {}
  func order(_ handle: OrderHandle) -> OrderView? { driver.engine.order(handle) }
  var state: EngineSnapshot { driver.engine.snapshot() }
  var counts: EngineCounters { driver.engine.counters }
  func apply(_ command: Command) -> Bool {
    driver.apply(command, sessionTime: time, machineTime: 0)
  }
  func view(_ order: OrderView) -> OrderView { driver.engine.order(order.handle) ?? order }
  func id(_ order: OrderView) -> Substring {
    Substring(TextGateway.id(order.venueReference, order.clientOrderID))
  }
  func position(_ account: Int, _ instrument: Int) -> PositionSummary? {
    driver.engine.snapshot().positions.first {
      $0.account.raw == UInt32(account) && $0.instrument.raw == UInt32(instrument)
    }
  }
  func isReady(_ port: Int) -> Bool { driver.engine.isReady(PortID(raw: UInt16(port))) }
  func exchangePosition(_ account: Int) -> Int64 {
    exchange.core.accounts[account].positions[exchange.feed.instruments[0].symbol.code]?.shares ?? 0
  }
}
