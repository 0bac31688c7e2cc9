import CSupport
import ExecutionCore
import Foundation
import Gateways
import Journal
import Simulation
import Trading
import Transport

/// The loop of `needletail run`, for real and for virtual time.
typealias ProductLoop = TradingLoop<StrategySet, VenueGateway<NoGateway>>

/// The hot thread's work from its first step to its last: makes everything that belongs to it, waits
/// for the exchange's ports, trades, and leaves its result. In virtual time its parts are made one by one, and
/// the loop is driven by others.
///
/// Threading: `run` on the hot thread; `result`, `failure` and `notes` by the main thread after the
/// thread has been joined, or once the phase says `done` or `failed`.
final class HotRun: @unchecked Sendable {
  let plan: RunPlan
  private let journal: JournalWriter
  let monitor: RunMonitor
  let latency: LatencyRecorder
  private let flow: FlowControl?
  private let control: ControlRing?
  let board = RunBoard()
  private(set) var result: HotResult?
  private(set) var failure: CommandFailure?
  private(set) var notes: [String] = []
  private(set) var arenaBytes: UInt64 = 0

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
    let feeds = try openFeeds(&reactor)
    board.lines = feeds.places
    guard let services = awaitServices() else { return nil }
    var loop = try loop(driver, reactor, feeds, services)
    loop.run()
    return result(of: loop)
  }

  /// The loop of a run, whatever network its reactor is on.
  ///
  /// - Parameter services: by the venues' numbers.
  func loop(
    _ driver: consuming Driver<StrategySwitch<StrategySet>>, _ reactor: consuming Reactor,
    _ feeds: consuming RunFeeds, _ services: [VenueServices]
  ) throws(CommandFailure) -> ProductLoop {
    let ports = try plan.portPlans()
    let orders = OrderEntryClients<VenueGateway<NoGateway>>(ports: ports.count) { port in
      let its = ports[Int(port.raw)]
      let place = services[Int(its.venue.number.raw)]
      return OrderEntryClient(
        port, at: its.venue.number, to: place.orderEntry, gateway: gateway(its, place),
        backoff: backoff(port, its.venue.venue))
    }
    for venue in plan.venues {
      let place = services[Int(venue.number.raw)]
      if venue.feed.kind == .orders { feeds.orders.lines.find(place) }
      for i in 0..<feeds.prices.count where feeds.prices[i].channel == venue.channel {
        feeds.prices[i].lines.find(place)
      }
    }
    let path = HotPath(
      reactor: reactor, orders: orders, driver: driver, latency: latency,
      clock: SessionClock(speed: plan.speed.factor, midnight: plan.midnight))
    return TradingLoop(
      feed: feeds.orders, prices: feeds.prices, path: path,
      snapshot: SnapshotClient(credentials: credentials(), midnight: plan.midnight),
      monitor: monitor, settings: loopSettings(services))
  }

  private func gateway(_ port: PortPlan, _ place: VenueServices) -> VenueGateway<NoGateway> {
    switch port.session {
    case .ouch(var settings):
      // Our own exchange says its session before anything else; where it is down, another one may have its port.
      if let session = place.session, !port.venue.venue.isAttached {
        settings.session.session = session
      }
      return VenueGateway(
        ouch: OUCHGateway(settings, symbols: plan.instruments.map(\.symbol.code)))
    case .paper(let settings):
      return VenueGateway(paper: PaperGateway(settings, instruments: plan.instruments))
    }
  }

  /// Of who takes the books from the snapshot service: the first account's; blank where there is none.
  private func credentials() -> SoupCredentials {
    guard let (venue, feed) = plan.orders.map({ ($0.venue, $0.feed) }) else { return .blank }
    let username = feed.snapshotUsername
    let password = feed.snapshotPassword.word
    return SoupCredentials(
      username: username.isEmpty
        ? plan.configuration.usernames(at: venue).first ?? "" : username,
      password: password.isEmpty ? venue.session.password.word : password) ?? .blank
  }

  private func loopSettings(_ services: [VenueServices]) -> TradingLoopSettings {
    let configuration = plan.configuration
    var settings = TradingLoopSettings(wait: configuration.runtime.wait.strategy, flow: flow)
    if let venue = plan.orders {
      settings.snapshotServer = services[Int(venue.number.raw)].snapshot
      settings.ordersChannel = venue.channel
    }
    settings.finiteFeeds = plan.finiteFeeds
    settings.person = configuration.killSwitch.person
    settings.control = control
    let runtime = configuration.runtime
    let age = Int64(runtime.orderAgeMaxMicroseconds) * 1_000
    let ages = Int64(configuration.quality.lagMaxOrderAges)
    settings.lagMax = ages == 0 ? 0 : max(Watchdog.lagFloor, ages * age)
    settings.stallMin = Int64(runtime.stallMilliseconds) * 1_000_000
    settings.pullAfter = Int64(runtime.stallPullMilliseconds) * 1_000_000
    // A session that is dead is found to be within its timeout, and then made again.
    let timeouts = plan.venues.map(\.venue.session.timeoutMilliseconds)
    settings.stopMax += Int64(timeouts.max() ?? 0) * 1_000_000
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
      instruments: plan.instruments, day: plan.day, shares: plan.shares)
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

  func openFeeds(_ reactor: inout Reactor) throws(CommandFailure) -> RunFeeds {
    do throws(ReactorError) {
      return try RunFeeds(plan, on: &reactor)
    } catch {
      throw CommandFailure(
        .listening(errno: error.errorNumber),
        "market data: \(error); give the feed another line_a and line_b")
    }
  }

  /// Waits until the main thread knows where the venues are; nil when it wants to stop instead.
  private func awaitServices() -> [VenueServices]? {
    // Ends: the main thread tells the services, or that it stops, within bounds of its own.
    while true {
      if let services = board.services { return services }
      guard monitor.stopReason == .none else { return nil }
      var pause = timespec(tv_sec: 0, tv_nsec: 1_000_000)
      nanosleep(&pause, nil)
    }
  }

  /// Each port comes back at moments of its own.
  private func backoff(_ port: PortID, _ venue: Configuration.Venue) -> ReconnectBackoff {
    let first = Int64(venue.session.reconnectMilliseconds) * 1_000_000
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

extension FeedLines {
  /// Where its re-requests go, and which session is ours.
  fileprivate mutating func find(_ place: VenueServices) {
    requestServer = place.rerequest
    if let session = place.session { adopt(session) }
  }
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
