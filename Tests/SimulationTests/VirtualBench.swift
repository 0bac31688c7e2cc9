import ExecutionCore
import Gateways
import Simulation
import Testing
import Trading
import Transport

/// Buys and sells in turn at the touch, and takes sometimes: enough to have every kind of event.
struct TestTrader: Strategy {
  /// Each of an account of its own; they take turns.
  var strategies = 1
  /// Asks after so many batches.
  var patience = 37
  var batches = 0
  /// Times that it was told of the market's state.
  var told = 0

  mutating func onState(_ instrument: InstrumentID, _ desk: borrowing Desk) { told += 1 }

  mutating func onBatchEnd(_ desk: borrowing Desk) {
    batches += 1
    guard batches % patience == 0 else { return }
    let turn = batches / patience
    let instrument = InstrumentID(raw: UInt32(turn % 3))
    let quote = desk.quote(instrument)
    guard quote.bid.raw > 0, quote.ask.raw > 0 else { return }
    let isBuy = turn % 2 == 0
    let takes = turn % 3 == 0
    let price = isBuy == takes ? quote.ask : quote.bid
    _ = desk.shifted(by: turn / 6 % strategies).place(
      instrument, isBuy ? .buy : .sell, price: price, quantity: Quantity(raw: 100),
      timeInForce: takes ? .immediateOrCancel : .day)
  }
}

/// Core, exchange and the network between them in virtual time, on a generated market.
struct VirtualBench: ~Copyable {
  static let midnight: Int64 = 1_577_941_200_000_000_000

  let network: MemoryNetwork
  let lane: MemoryLane
  let session: ExchangeSession
  let monitor: RunMonitor
  var world: VirtualWorld<TestTrader, VenueGateway<NoGateway>>
  let venue: VirtualExchange
  /// Hosts of the network.
  let core: Int
  let exchange: Int
  /// Where the lines go.
  let lines: [Endpoint]

  /// - Parameters:
  ///   - network: one that others are on too; nil: one of its own.
  ///   - loop: the exchange's places, and `timeout` on top of `stopMax`, come to it here.
  ///   - snapshots: who gives snapshots in the exchange's place.
  init(
    seed: UInt64, messages: UInt64 = 6_000, faults: VirtualFaults = VirtualFaults(),
    heartbeat: Int64 = 1_000_000_000, timeout: Int64 = 15_000_000_000, accounts: Int = 1,
    instruments: [InstrumentFacts]? = nil, knowsSession: Bool = true,
    network: MemoryNetwork? = nil, snapshots: Endpoint? = nil,
    loop loopSettings: TradingLoopSettings = TradingLoopSettings(wait: .spin),
    _ change: (inout ExchangeServerSettings) -> Void = { _ in }
  ) throws {
    let feed = ExchangeFeed(
      generated: GeneratorSettings(
        seed: seed, style: .volatile, symbols: 3, rate: 2_000, messagesMax: messages,
        midnight: Self.midnight))
    let network = try network ?? MemoryNetwork(seed: seed)
    let lane = MemoryLane(bytes: 8 << 20)
    let instruments = instruments ?? feed.instruments
    let usernames = (0..<accounts).map { "NTAIL\($0 + 1)" }
    let engine = try Engine(
      Self.configuration(instruments, accounts: usernames), lane: lane.lane)
    var reactorSettings = ReactorSettings.ofTradingLoop(on: .memory)
    reactorSettings.network = network
    reactorSettings.prefaults = false
    var reactor = try Reactor(reactorSettings)
    var repair = MoldReceiverSettings()
    repair.windowMessages = 1 << 13
    var client = try FeedClient(
      on: &reactor, lineA: .loopback(), lineB: .loopback(), interface: 0x7F00_0001,
      midnight: Self.midnight, speed: 100_000_000, repair: repair)
    var ofSession = ExchangeSessionSettings()
    ofSession.accounts = usernames
    let session = try ExchangeSession(settings: ofSession, feed: feed)
    var settings = ExchangeServerSettings()
    settings.reactor.network = network
    settings.startsAtLogin = true
    settings.heartbeatInterval = heartbeat
    settings.timeout = timeout
    settings.feedTo = [
      try reactor.localEndpoint(of: client.lines.lineA),
      try reactor.localEndpoint(of: client.lines.lineB),
    ]
    change(&settings)
    let server = try ExchangeServer(session: session, settings: settings, flow: nil)
    client.lines.requestServer = server.rerequest
    if knowsSession { client.lines.adopt(session.name) }
    let sessions = try usernames.indices.map { i in
      let credentials = try #require(
        SoupCredentials(username: usernames[i], password: "needletail"))
      var soup = SoupClientSettings(credentials: credentials)
      soup.heartbeatInterval = heartbeat
      soup.timeout = timeout
      return OUCHGatewaySettings(
        session: soup, port: PortID(raw: UInt16(i)), account: AccountID(raw: UInt32(i)),
        midnight: Self.midnight)
    }
    let symbols = instruments.map(\.symbol.code)
    let orderEntry = server.orderEntry
    let orders = OrderEntryClients<VenueGateway<NoGateway>>(ports: accounts) { port in
      let gateway = OUCHGateway(sessions[Int(port.raw)], symbols: symbols)
      return OrderEntryClient(
        port, to: orderEntry, gateway: VenueGateway(ouch: gateway),
        backoff: ReconnectBackoff(
          first: 10_000_000, longest: 100_000_000, attemptsMax: 200, seed: seed))
    }
    var loopSettings = loopSettings
    loopSettings.snapshotServer = snapshots ?? server.snapshot
    loopSettings.stopMax += timeout
    let latency = try #require(LatencyRecorder())
    let monitor = RunMonitor()
    let hosts = (core: reactor.host, exchange: server.host)
    let path = HotPath(
      reactor: reactor, orders: orders,
      driver: Driver(engine: engine, strategy: StrategySwitch(TestTrader(strategies: accounts))),
      latency: latency, clock: SessionClock(speed: 100_000_000, midnight: Self.midnight))
    let loop = TradingLoop(
      feed: client, path: path,
      snapshot: SnapshotClient(
        credentials: sessions[0].session.credentials, midnight: Self.midnight),
      monitor: monitor, settings: loopSettings)
    faults.apply(to: network)
    lines = settings.feedTo
    venue = VirtualExchange(server)
    let world = VirtualWorld(
      network: network, loop: loop, servers: [venue], journal: nil, faults: faults)
    (core, exchange) = hosts
    self.network = network
    self.session = session
    self.monitor = monitor
    self.lane = lane
    self.world = world
  }

  private static func configuration(
    _ instruments: [InstrumentFacts], accounts: [String]
  ) -> EngineConfiguration {
    var configuration = EngineConfiguration(
      instruments: instruments, accounts: accounts.map { AccountConfiguration(name: $0) },
      strategies: accounts.indices.map {
        StrategyConfiguration(name: "\($0)", account: AccountID(raw: UInt32($0)))
      }, venues: [.nasdaq()])
    configuration.firmLimits = RiskLimits(
      orderQuantity: 10_000, orderNotional: Money(raw: 10_000_000 * 100_000_000),
      position: 100_000, openOrders: 1_000,
      messageRate: MessageRate(perSecond: 100_000, burst: 10_000, keptForCancels: 100))
    configuration.duplicateWindow = 0
    configuration.executionsMax = 1 << 14
    configuration.ordersPerDayMax = 1 << 16
    configuration.tradingDay = 20_200_102
    return configuration
  }

  /// What a run came to.
  struct Outcome: Equatable {
    var journal: [UInt8]
    var fills: [ExchangeFill]
    var working: Int
    var executions: UInt64
    var violations: [String]
    var brokenInvariants: [String]
    var ended: RunEnd?
    var network: NetworkCounters
    var refusedLate: UInt64
    var stalls: UInt64
    var pulls: UInt64
    var isLate: Bool
    var position: [Int64]
    var exchangePosition: [Int64]
  }

  /// Trades for so long, then ends in order.
  mutating func run(for time: Int64) -> Outcome {
    world.run(until: network.now + time)
    if monitor.stopReason == .none { monitor.stopReason = .duration }
    world.run(until: network.now + 60_000_000_000)
    let isFinished = world.loop.isFinished
    #expect(isFinished, "it does not end")
    world.finish()
    let state = world.loop.path.driver.engine.snapshot()
    let symbols = session.feed.instruments.map(\.symbol.code)
    return Outcome(
      journal: Array(lane.records), fills: session.core.fills,
      working: session.core.workingOrders.count, executions: state.counters.executions,
      violations: session.core.verify(), brokenInvariants: state.brokenInvariants,
      ended: world.loop.end, network: network.counters,
      refusedLate: state.refusals[.lateData] ?? 0, stalls: world.loop.watchdog.stalls,
      pulls: world.loop.watchdog.pulls, isLate: world.loop.watchdog.isLate,
      position: symbols.map { symbol in
        state.positions.filter { $0.symbol == SymbolCode.decode(symbol) }
          .reduce(0) { $0 + $1.quantity }
      },
      exchangePosition: symbols.map { session.core.accounts[0].positions[$0]?.shares ?? 0 })
  }
}
