import CSupport
import ExecutionCore
import Foundation
import Gateways
import Journal
import Simulation
import Trading
import Transport

/// What the hot thread found, told when it has ended.
struct HotResult: Sendable {
  var state: EngineSnapshot
  var mold: MoldCounters
  /// All order sessions together.
  var gateway: GatewayCounters
  var datagrams: UInt64
  var bytes: UInt64
  var malformed: UInt64
  /// Messages of a type that is not known, and messages whose time was not taken.
  var skipped: UInt64
  var implausibleTimes: UInt64
  var socketFailures: UInt64
  /// Line A, line B, and the re-request server's answers.
  var lines: [MoldLineCounters]
  /// The session of the feed, and the last one that was not it; nil: it was never known, there was none.
  var session: SessionName?
  var foreignSession: SessionName?
  var connects: UInt64
  var end: RunEnd?
  var backEnd: String
  var trouble: String
  /// A port's log-ins are refused now.
  var isLoginRefused: Bool
  /// The snapshot service has refused every log-in; it was still to give the books.
  var isSnapshotRefused: Bool
  var isSnapshotAwaited: Bool
  var elapsed: Int64
  /// Machine time since trading began in which new orders could rest on the market, and in which not.
  var sightedFor: Int64
  var blindFor: Int64
  /// In five seconds or more of trading no new order could ever rest on the market; less than that is no evidence.
  var sawNothing: Bool { sightedFor == 0 && blindFor >= 5_000_000_000 }
  var sessionSpan: Int64
  var symbolsWhole: Int
  /// The first instrument that the feed has not named.
  var firstUnnamed: String?
  /// Times that the books were taken from a snapshot.
  var snapshots: UInt64
  /// Every order session was up, and all its reports seen, when the run ended.
  var isSessionUp: Bool
  /// Memory that the engine took at the start.
  var arenaBytes: UInt64
  var watchdog: Watchdog
  /// The cap of the last hop that was passed; nil while its fuse is armed.
  var fuseTripped: LastHopFuse.Cap?
}

/// The loop of `needletail run`, for real and for virtual time.
typealias ProductLoop = TradingLoop<StrategySet, VenueGateway<NoGateway>>

/// The hot thread's work from its first step to its last: makes everything that belongs to it, waits
/// for the exchange's ports, trades, and leaves its result. In virtual time its parts are made one by one, and
/// the loop is driven by others.
///
/// Threading: `run` on the hot thread; `result`, `failure` and `notes` by the main thread after the
/// thread has been joined, or once the phase says `done` or `failed`.
final class HotRun: @unchecked Sendable {
  private let plan: RunPlan
  private let journal: JournalWriter
  private let monitor: RunMonitor
  private let latency: LatencyRecorder
  private let flow: FlowControl?
  private let control: ControlRing?
  private(set) var result: HotResult?
  private(set) var failure: CommandFailure?
  private(set) var notes: [String] = []
  private var arenaBytes: UInt64 = 0

  init(
    _ plan: RunPlan, journal: JournalWriter, monitor: RunMonitor, latency: LatencyRecorder,
    flow: FlowControl?, control: ControlRing? = nil
  ) {
    self.plan = plan
    self.journal = journal
    self.monitor = monitor
    self.latency = latency
    self.flow = flow
    self.control = control
  }

  func run() {
    do throws(CommandFailure) {
      result = try trade()
      monitor.phase = .done
    } catch {
      failure = error
      monitor.phase = .failed
    }
  }

  private func trade() throws(CommandFailure) -> HotResult? {
    let driver = try driver()
    var reactor = try makeReactor()
    let feed = try openFeed(&reactor)
    guard let services = awaitServices() else { return nil }
    var loop = try loop(driver, reactor, feed, services)
    loop.run()
    return result(of: loop)
  }

  /// The loop of a run, whatever network its reactor is on.
  func loop(
    _ driver: consuming Driver<StrategySwitch<StrategySet>>, _ reactor: consuming Reactor,
    _ feed: consuming FeedClient, _ services: ExchangeServices
  ) throws(CommandFailure) -> ProductLoop {
    feed.lines.requestServer = services.rerequest
    if let session = services.session { feed.lines.adopt(session) }
    var sessions = try gatewaySettings(plan)
    // Our own exchange says its session before anything else; where it is down, another one may have its port.
    if let session = services.session, !plan.exchange.isAttached {
      for i in sessions.indices { sessions[i].session.session = session }
    }
    let symbols = plan.instruments.map(\.symbol.code)
    let orders = OrderEntryClients<VenueGateway<NoGateway>>(ports: sessions.count) { port in
      let gateway = OUCHGateway(sessions[Int(port.raw)], symbols: symbols)
      return OrderEntryClient(
        port, to: services.orderEntry, gateway: VenueGateway(ouch: gateway), backoff: backoff(port))
    }
    let path = HotPath(
      reactor: reactor, orders: orders, driver: driver, latency: latency,
      clock: SessionClock(speed: plan.speed.factor, midnight: plan.midnight))
    return TradingLoop(
      feed: feed, path: path,
      snapshot: SnapshotClient(
        credentials: sessions[0].session.credentials, midnight: plan.midnight),
      monitor: monitor,
      settings: loopSettings(services))
  }

  /// What the loop has found, when it has ended.
  func result(of loop: borrowing ProductLoop) -> HotResult {
    let begun = loop.path.clock.begunAt
    let clients = loop.path.orders
    var counters = GatewayCounters()
    for i in 0..<clients.count { counters.add(clients[i].gateway.counters) }
    let mold = loop.feed.lines.receiver.counters
    let foreign = loop.feed.lines.receiver.foreignSession
    let rerequests = loop.feed.lines.receiver.requestLine
    var lines = (0...rerequests).map { loop.feed.lines.receiver.line($0) }
    lines[rerequests].foreignSession &+= loop.feed.lines.answersRefused
    return HotResult(
      state: loop.path.driver.engine.snapshot(), mold: mold,
      gateway: counters, datagrams: loop.feed.lines.datagrams,
      bytes: loop.feed.lines.bytes, malformed: loop.feed.malformed,
      skipped: loop.feed.skipped &+ loop.snapshot.skipped,
      implausibleTimes: loop.feed.implausibleTimes, socketFailures: loop.feed.lines.failures,
      lines: lines, session: loop.feed.lines.receiver.session,
      foreignSession: mold.foreignSession > 0 ? foreign : nil,
      connects: (0..<clients.count).reduce(0) { $0 + clients[$1].connects },
      end: loop.end,
      backEnd: loop.path.reactor.backEnd.rawValue,
      trouble: Self.trouble(clients),
      isLoginRefused: (0..<clients.count).contains { clients[$0].refusals.count > 0 },
      isSnapshotRefused: loop.snapshot.isRefused, isSnapshotAwaited: loop.snapshot.isWanted,
      elapsed: begun == 0 ? 0 : loop.path.reactor.now - begun,
      sightedFor: loop.sight.sightedFor, blindFor: loop.sight.blindFor,
      sessionSpan: loop.path.clock.span,
      symbolsWhole: loop.path.driver.engine.symbolsWhole,
      firstUnnamed: firstUnnamed(loop.path.driver.engine.market), snapshots: loop.snapshot.taken,
      isSessionUp: (0..<clients.count).allSatisfy { clients[$0].gateway.isCaughtUp },
      arenaBytes: arenaBytes, watchdog: loop.watchdog,
      fuseTripped: (0..<clients.count).lazy.compactMap { clients[$0].gateway.fuseTripped }.first)
  }

  private func firstUnnamed(_ market: ITCHMarket) -> String? {
    let place = plan.instruments.indices.first {
      market.locate(InstrumentID(raw: UInt32($0))) == nil
    }
    return place.map { "\(plan.instruments[$0].symbol)" }
  }

  /// Of the port that was given up, where one was.
  private static func trouble(_ clients: OrderEntryClients<VenueGateway<NoGateway>>) -> String {
    let ports = 0..<clients.count
    let place =
      ports.first { clients[$0].isRefused } ?? ports.first { !clients[$0].trouble.isEmpty }
    return place.map { clients[$0].trouble } ?? ""
  }

  private func loopSettings(_ services: ExchangeServices) -> TradingLoopSettings {
    let configuration = plan.configuration
    var settings = TradingLoopSettings(wait: configuration.runtime.wait.strategy, flow: flow)
    settings.snapshotServer = services.snapshot
    settings.person = configuration.killSwitch.person
    settings.control = control
    let runtime = configuration.runtime
    let age = Int64(runtime.orderAgeMaxMicroseconds) * 1_000
    let ages = Int64(configuration.quality.lagMaxOrderAges)
    settings.lagMax = ages == 0 ? 0 : max(Watchdog.lagFloor, ages * age)
    settings.stallMin = Int64(runtime.stallMilliseconds) * 1_000_000
    settings.pullAfter = Int64(runtime.stallPullMilliseconds) * 1_000_000
    // A session that is dead is found to be within its timeout, and then made again.
    settings.stopMax += Int64(plan.exchange.session.timeoutMilliseconds) * 1_000_000
    settings.gapGrace = configuration.quality.gapGraceMicroseconds * 1_000
    return settings
  }

  func driver() throws(CommandFailure) -> Driver<StrategySwitch<StrategySet>> {
    let strategies = try StrategySet(plan.configuration, instruments: plan.instruments)
    let engine = try Self.engine(plan, journal)
    let memory = engine.memory
    arenaBytes = memory.bytes
    var text = [CChar](repeating: 0, count: 512)
    let length = withUnsafePointer(to: memory) { nt_arena_report_text($0, &text, text.count) }
    if length > 0 {
      notes.append(
        String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    return Driver(engine: engine, strategy: StrategySwitch(strategies))
  }

  /// The engine of a run, its numbers beginning where the journal's directory left off.
  static func engine(
    _ plan: RunPlan, _ journal: JournalWriter
  ) throws(CommandFailure) -> Engine {
    var configuration = try plan.configuration.engine(
      instruments: plan.instruments, day: plan.day)
    configuration.firstClientOrderID = journal.previous.highestClientOrderID.raw + 1
    configuration.standingCauses = journal.previous.standingCauses
    let hashes = plan.configuration.journal
    if plan.options.isVirtualTime {
      configuration.origin = Origin.virtual(plan.configuration)
      configuration.stateHashRecords = UInt64(hashes.stateHashRecords)
      configuration.stateHashInterval = 0
    } else {
      configuration.origin = Origin.now(plan.configuration)
      configuration.stateHashInterval = Int64(hashes.stateHashMilliseconds) * 1_000_000
    }
    do throws(EngineConfigurationError) {
      return try Engine(configuration, lane: journal.lane)
    } catch {
      throw CommandFailure(.configuration, "\(error)")
    }
  }

  /// - Parameter network: in memory; nil: the kernel's.
  func makeReactor(on network: MemoryNetwork? = nil) throws(CommandFailure) -> Reactor {
    do throws(ReactorError) {
      var settings = Self.reactorSettings(plan.configuration)
      settings.network = network
      // The journal is looked at before every turn: of one event each, then no turn fills a segment.
      if network != nil { settings.eventsPerPoll = 1 }
      let reactor = try Reactor(settings)
      notes.append(reactor.backEndReason)
      return reactor
    } catch {
      throw CommandFailure(.unavailable, "network: \(error)")
    }
  }

  func openFeed(_ reactor: inout Reactor) throws(CommandFailure) -> FeedClient {
    let equities = plan.equities
    let own = (try? Endpoint.parseAddress(plan.exchange.address)) ?? 0x7f00_0001
    let any = Endpoint(address: own, port: 0)
    do throws(ReactorError) {
      let feed = try FeedClient(
        on: &reactor, lineA: (try? Endpoint(parsing: equities.lineA)) ?? any,
        lineB: (try? Endpoint(parsing: equities.lineB)) ?? any, interface: own,
        midnight: plan.midnight, speed: plan.speed.factor,
        repair: plan.configuration.quality.repair)
      monitor.set(.portB, UInt64(try reactor.localEndpoint(of: feed.lines.lineB).port))
      monitor.set(.portA, UInt64(try reactor.localEndpoint(of: feed.lines.lineA).port))
      return feed
    } catch {
      throw CommandFailure(
        .listening(errno: error.errorNumber),
        "market data: \(error); give the feed another line_a and line_b")
    }
  }

  /// Waits until the main thread knows where the exchange is; nil when it wants to stop instead.
  private func awaitServices() -> ExchangeServices? {
    // Ends: the main thread tells the services, or that it stops, within bounds of its own.
    while monitor.get(.orderEntry) == 0 {
      guard monitor.stopReason == .none else { return nil }
      var pause = timespec(tv_sec: 0, tv_nsec: 1_000_000)
      nanosleep(&pause, nil)
    }
    var services = ExchangeServices(address: 0)
    services.orderEntry = ExchangeServices.endpoint(monitor.get(.orderEntry))
    services.rerequest = ExchangeServices.endpoint(monitor.get(.rerequest))
    services.snapshot = ExchangeServices.endpoint(monitor.get(.snapshot))
    services.session = ExchangeServices.session(monitor)
    return services
  }

  /// Each port comes back at moments of its own.
  private func backoff(_ port: PortID) -> ReconnectBackoff {
    let first = Int64(plan.exchange.session.reconnectMilliseconds) * 1_000_000
    return ReconnectBackoff(
      first: first, longest: first * 10, attemptsMax: 200,
      seed: plan.configuration.run.seed &+ UInt64(port.raw))
  }

  static func reactorSettings(_ configuration: Configuration) -> ReactorSettings {
    let backEnd: ReactorBackEnd =
      switch configuration.runtime.network {
      case .automatic: .automatic
      case .ioUring: .ioUring
      case .epoll: .epoll
      }
    return .ofTradingLoop(on: backEnd)
  }
}

extension Engine {
  /// Instruments whose book holds every order of the feed.
  var symbolsWhole: Int {
    let quotes = quotes
    return (0..<UInt32(quotes.count)).count { quotes.isWhole(InstrumentID(raw: $0)) }
  }
}

/// The settings of the order sessions, one for each account, which is the port of the same number; the same for
/// real and for virtual time.
func gatewaySettings(_ plan: RunPlan) throws(CommandFailure) -> [OUCHGatewaySettings] {
  var all: [OUCHGatewaySettings] = []
  for (i, username) in plan.configuration.usernames(at: plan.exchange).enumerated() {
    all.append(try gatewaySettings(plan, account: i, username: username))
  }
  return all
}

private func gatewaySettings(
  _ plan: RunPlan, account: Int, username: String
) throws(CommandFailure) -> OUCHGatewaySettings {
  let session = plan.exchange.session
  guard let credentials = SoupCredentials(username: username, password: session.password.word)
  else {
    throw CommandFailure(
      .configuration, "venue '\(plan.exchange.name)': user name or password is too long")
  }
  var soup = SoupClientSettings(credentials: credentials)
  soup.heartbeatInterval = Int64(session.heartbeatMilliseconds) * 1_000_000
  soup.timeout = Int64(session.timeoutMilliseconds) * 1_000_000
  var settings = OUCHGatewaySettings(
    session: soup, port: PortID(raw: UInt16(account)), account: AccountID(raw: UInt32(account)),
    midnight: plan.midnight)
  settings.fuse = FuseLimits(behind: plan.configuration.limits, speed: plan.speed)
  return settings
}

extension Configuration.Waiting {
  var strategy: Transport.WaitStrategy {
    switch self {
    case .spin: .spin
    case .spinYield: .spinThenYield(spins: 64)
    case .block: .block(nanoseconds: 1_000_000)
    }
  }
}
