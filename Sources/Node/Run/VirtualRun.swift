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
    guard let latency = LatencyRecorder(venues: plan.venues.count), let control = ControlRing()
    else {
      throw CommandFailure(.unavailable, "no memory for the histograms and the control ring")
    }
    let monitor = RunMonitor()
    let hot = HotRun(
      plan, journal: journal, monitor: monitor, latency: latency, flow: nil, control: control)
    let venues = try VirtualVenues(plan, directory)
    var world = try world(plan, hot, venues, journal)
    var watch = try RunWatch(plan, directory, journal, monitor, latency, control)
    for note in plan.notes { watch.say(.info, note) }
    watch.lookForKillFile()
    watch.begin()
    let (deadline, overflow) = world.network.now.addingReportingOverflow(plan.machineDuration)
    var ended: Int64?
    var isEndHeard = true
    while !world.loop.isFinished {
      if ended == nil, venues.areFeedsDone { ended = world.network.now }
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
    return try outcome(
      plan, directory, hot.result(of: world.loop), latency, watch, world.network.counters,
      isEndHeard: isEndHeard, pushes: world.pushes, reports: venues.reports)
  }

  static func world(
    _ plan: RunPlan, _ hot: HotRun, _ venues: VirtualVenues, _ journal: JournalWriter
  ) throws(CommandFailure) -> VirtualWorld<StrategySet, VenueGateway<NoGateway>> {
    let faults = plan.configuration.faults.ofWorld(runSeed: plan.configuration.run.seed)
    let network = try network(seed: faults.seed)
    let driver = try hot.driver()
    var reactor = try hot.makeReactor(on: network)
    let feeds = try hot.openFeeds(&reactor)
    let services = try venues.open(on: network, lines: feeds.places)
    addLinks(
      plan.configuration.virtualTime, to: network, core: reactor.host,
      lines: feeds.places.flatMap { $0.all.map(\.port) })
    faults.apply(to: network)
    return VirtualWorld(
      network: network, loop: try hot.loop(driver, reactor, feeds, services),
      servers: venues.servers, journal: journal, faults: faults)
  }

  private static func network(seed: UInt64) throws(CommandFailure) -> MemoryNetwork {
    do throws(ReactorError) {
      return try MemoryNetwork(seed: seed)
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

  /// - Parameter reports: the venues' own accounts, by their numbers.
  private static func outcome(
    _ plan: RunPlan, _ directory: RunDirectory, _ result: HotResult, _ latency: LatencyRecorder,
    _ watch: RunWatch, _ network: NetworkCounters, isEndHeard: Bool, pushes: UInt64,
    reports: [String]
  ) throws(CommandFailure) -> RunOutcome {
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
    summary.close(result)
    let accounts = reports.map { ReportedAccount(json: Data($0.utf8)) }
    for (venue, account) in zip(plan.venues, accounts) {
      summary.reconcile(
        venue, (account, "its report cannot be read"), result.state,
        usernames: plan.configuration.usernames(at: venue.venue))
    }
    var outcome = RunOutcome(summary)
    outcome.isJournalFailureSaid = watch.isJournalFailureSaid
    outcome.take(plan.trouble(result))
    for (venue, account) in zip(plan.venues, accounts) { outcome.take(venue, account) }
    do throws(CommandFailure) {
      for (venue, report) in zip(plan.venues, reports) {
        try RunDirectory.replace(directory.places(of: venue.venue).report, with: report + "\n")
      }
    } catch {
      outcome.trouble = error
    }
    return outcome
  }
}
