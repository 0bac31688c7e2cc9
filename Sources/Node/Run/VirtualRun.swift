import ExecutionCore
import Foundation
import Gateways
import Journal
import Simulation
import Trading
import Transport

/// One run in virtual time: the loop of every run and the exchange's server on this thread, over a network in memory.
/// The journal's bytes depend on feed, seed, configuration and build alone.
///
/// Threading: the main thread.
enum VirtualRun {
  /// Steps of the world between two looks at what is outside of it.
  private static let stepsPerRound = 1_024
  /// Virtual nanoseconds for which the end of a feed may be under way: longer than any repair and snapshot takes.
  private static let endMax: Int64 = 300_000_000_000

  static func run(
    _ plan: RunPlan, _ directory: RunDirectory, _ journal: JournalWriter
  ) throws(CommandFailure) -> RunOutcome {
    guard let latency = LatencyRecorder(), let control = ControlRing() else {
      throw CommandFailure(.unavailable, "no memory for the histograms and the control ring")
    }
    let monitor = RunMonitor()
    let hot = HotRun(
      plan, journal: journal, monitor: monitor, latency: latency, flow: nil, control: control)
    let exchange = try exchange(plan, directory)
    var world = try world(plan, hot, exchange, journal)
    var watch = try RunWatch(plan, directory, journal, monitor, latency, control)
    for note in plan.notes { watch.say(.info, note) }
    watch.lookForKillFile()
    watch.begin()
    let (deadline, overflow) = world.network.now.addingReportingOverflow(plan.machineDuration)
    var ended: Int64?
    var isEndHeard = true
    while !world.loop.isFinished {
      if exchange.isFeedDone, ended == nil { ended = world.network.now }
      // The end that is said again and again never arrives.
      if let ended, world.network.now - ended > Self.endMax, monitor.stopReason == .none {
        monitor.stopReason = .duration
        isEndHeard = false
        watch.say(.error, "the feed has ended, and its end never came; the run ends")
      }
      // Between two rounds only what people ask comes in: without them the rounds make no difference.
      for _ in 0..<stepsPerRound where !world.loop.isFinished {
        world.step()
        if !overflow, world.network.now >= deadline, monitor.stopReason == .none {
          monitor.stopReason = .duration
        }
      }
      journal.pump()
      watch.look(now: world.network.now) { world.step() }
      watch.lookAtSignals(milliseconds: 0)
    }
    world.finish()
    journal.pump()
    watch.look(now: world.network.now)
    watch.end()
    return outcome(
      plan, directory, hot.result(of: world.loop), latency, watch, world.network.counters,
      isEndHeard: isEndHeard, pushes: world.pushes,
      report: ExchangeReport(exchange, server: world.exchange.counters).json)
  }

  /// The exchange keeps its inputs as its process does: every fill can be derived from them again.
  static func exchange(
    _ plan: RunPlan, _ directory: RunDirectory
  ) throws(CommandFailure) -> ExchangeSession {
    var settings = ExchangeSessionSettings()
    settings.accounts = plan.configuration.usernames(at: plan.exchange)
    settings.exchange.fees = plan.exchange.fees.ofExchange
    settings.cancelsOnDisconnect = plan.exchange.cancelOnDisconnect
    settings.directory = directory.exchange
    settings.startsNewSession = true
    guard let feed = plan.feed else {
      throw CommandFailure(.internalError, "virtual time has no exchange to attach to")
    }
    do throws(StoreError) {
      return try ExchangeSession(settings: settings, feed: feed)
    } catch {
      throw CommandFailure(.inputOutput, "\(error)")
    }
  }

  static func world(
    _ plan: RunPlan, _ hot: HotRun, _ exchange: ExchangeSession, _ journal: JournalWriter
  ) throws(CommandFailure) -> VirtualWorld<StrategySet, VenueGateway<NoGateway>> {
    let faults = plan.configuration.faults.ofWorld(runSeed: plan.configuration.run.seed)
    let network = try network(seed: faults.seed)
    let driver = try hot.driver()
    var reactor = try hot.makeReactor(on: network)
    let feed = try hot.openFeed(&reactor)
    let server = try server(plan, exchange, feed, reactor)
    addLinks(
      plan.configuration.virtualTime, to: network, core: reactor.host,
      lines: server.settings.feedTo.map(\.port))
    faults.apply(to: network)
    var services = ExchangeServices(address: 0)
    services.orderEntry = server.orderEntry
    services.rerequest = server.rerequest
    services.snapshot = server.snapshot
    let configured = plan.equities.session
    services.session = configured.isEmpty ? exchange.name : SessionName(configured)
    return VirtualWorld(
      network: network, loop: try hot.loop(driver, reactor, feed, services), exchange: server,
      journal: journal, faults: faults)
  }

  private static func network(seed: UInt64) throws(CommandFailure) -> MemoryNetwork {
    do throws(ReactorError) {
      return try MemoryNetwork(seed: seed)
    } catch {
      throw CommandFailure(.unavailable, "\(error)")
    }
  }

  private static func server(
    _ plan: RunPlan, _ exchange: ExchangeSession, _ feed: borrowing FeedClient,
    _ reactor: borrowing Reactor
  ) throws(CommandFailure) -> ExchangeServer {
    var settings = ExchangeServerSettings()
    settings.reactor.network = reactor.network
    settings.password = plan.exchange.session.password.word
    settings.startsAtLogin = true
    if let factor = plan.speed.factor { settings.pace = .times(factor) }
    do throws(ReactorError) {
      settings.feedTo = [
        try reactor.localEndpoint(of: feed.lines.lineA),
        try reactor.localEndpoint(of: feed.lines.lineB),
      ]
      return try ExchangeServer(session: exchange, settings: settings, flow: nil)
    } catch {
      throw CommandFailure(.unavailable, "\(error)")
    }
  }

  private static func addLinks(
    _ delays: Configuration.VirtualTime, to network: MemoryNetwork, core: Int, lines: [UInt16]
  ) {
    func add(
      _ latency: Int64, from: Int = 0, to: Int = 0, port: UInt16 = 0,
      _ transport: NetworkLink.Transport
    ) {
      var link = NetworkLink(from: from, to: to, port: port, transport: transport, latency: latency)
      link.jitter = delays.jitterNanoseconds
      network.addLink(link)
    }
    // A link each: either line may be the first.
    for port in lines { add(delays.feedLatencyNanoseconds, port: port, .datagram) }
    add(delays.feedLatencyNanoseconds, .datagram)
    add(delays.orderLatencyNanoseconds, from: core, .stream)
    add(delays.reportLatencyNanoseconds, to: core, .stream)
  }

  private static func outcome(
    _ plan: RunPlan, _ directory: RunDirectory, _ result: HotResult, _ latency: LatencyRecorder,
    _ watch: RunWatch, _ network: NetworkCounters, isEndHeard: Bool,
    pushes: UInt64, report: String
  ) -> RunOutcome {
    var summary = RunSummary(plan, result, latency)
    watch.tell(&summary)
    summary.take(network)
    summary.invariants.append(
      RunSummary.Invariant(
        "virtual time waited for everybody", holds: pushes == 0,
        pushes == 0
          ? "each moment ended" : "\(pushes.grouped) times it was moved on over unfinished work"))
    if !isEndHeard {
      summary.invariants.append(
        RunSummary.Invariant(
          "the feed's end was heard", holds: false, "it was said again and again, and never came"))
    }
    summary.close(result.state)
    summary.reconcile(
      ReportedAccount(json: Data(report.utf8)), "its report cannot be read", result.state,
      usernames: plan.configuration.usernames(at: plan.exchange))
    var outcome = RunOutcome(summary)
    outcome.isJournalFailureSaid = watch.isJournalFailureSaid
    outcome.take(
      RunTrouble(
        end: result.end, sessionTrouble: result.trouble,
        isLoginRefused: result.isLoginRefused,
        hasLoggedIn: result.gateway.sessionsUp > 0, isSessionUp: result.isSessionUp,
        hasTraded: result.sightedFor + result.blindFor > 0, isBlind: result.sawNothing,
        openOrders: result.state.counters.openOrders,
        feed: FeedTrouble(result), exchange: plan.exchange, equities: plan.equities
      ).failure)
    do throws(CommandFailure) {
      try RunDirectory.replace(directory.exchangeReport, with: report + "\n")
    } catch {
      outcome.trouble = error
    }
    return outcome
  }
}
