import CSupport
import ExecutionCore
import Foundation
import Gateways
import Journal
import Simulation
import Trading
import Transport

/// One run over real sockets, as the main thread sees it: starts the parts in order, watches them, and
/// ends them in order.
///
/// Threading: the main thread.
struct RunSession {
  private let plan: RunPlan
  private let directory: RunDirectory
  private let journal: JournalWriter
  private let monitor = RunMonitor()
  private let latency: LatencyRecorder
  private var deadline: Int64 = .max
  /// By the venues' numbers; nil of one that is attached.
  private var processes: [VenueProcess?] = []
  private let control: ControlRing
  private var services: [VenueServices] = []
  private var watch: RunWatch
  private let processor: HotProcessor
  private var watchedSince: Int64 = 0
  private var isSilenceSaid = false

  /// What the run came to, when it has ended in order.
  static func run(
    _ plan: RunPlan, _ directory: RunDirectory, _ journal: JournalWriter, _ processor: HotProcessor
  ) throws(CommandFailure) -> RunOutcome {
    var session = try RunSession(plan, directory, journal, processor)
    return try session.run()
  }

  private init(
    _ plan: RunPlan, _ directory: RunDirectory, _ journal: JournalWriter, _ processor: HotProcessor
  ) throws(CommandFailure) {
    guard let latency = LatencyRecorder(venues: plan.venues.count), let control = ControlRing()
    else {
      throw CommandFailure(.unavailable, "no memory for the histograms and the control ring")
    }
    self.control = control
    self.plan = plan
    self.directory = directory
    self.journal = journal
    self.latency = latency
    self.processor = processor
    watch = try RunWatch(plan, directory, journal, monitor, latency, control)
  }

  private mutating func run() throws(CommandFailure) -> RunOutcome {
    _ = nt_clock_calibrate()
    // Before anything is started that would inherit where it runs: the exchange among them.
    processor.choice.leaveHotProcessor()
    if let note = processor.note { watch.say(.warning, note) }
    let flow = try flowControl()
    let hot = HotRun(
      plan, journal: journal, monitor: monitor, latency: latency, flow: flow, control: control)
    let thread = try hotThread { hot.run() }
    for note in thread.notes { watch.say(.warning, note) }
    do throws(CommandFailure) {
      try start(hot)
    } catch {
      // The hot thread waits for the exchange; told to stop it ends by itself.
      if monitor.stopReason == .none { monitor.stopReason = .exchangeLost }
      thread.join()
      if let failure = hot.failure { throw failure }
      if error == VenueProcess.interrupted { return interrupted() }
      throw error
    }
    attend()
    thread.join()
    let accounts = finish()
    if let failure = hot.failure { throw failure }
    guard let result = hot.result else { return interrupted() }
    if !Console.isTerminal { watch.say(.info, "ended by \(result.end?.inWords ?? "nothing")") }
    var outcome = RunOutcome(summary(result, accounts))
    outcome.take(plan.trouble(result))
    for (venue, account) in zip(plan.venues, accounts) { outcome.take(venue, account?.report) }
    outcome.isJournalFailureSaid = watch.isJournalFailureSaid
    return outcome
  }

  /// The venues end one after the other, and give their own accounts.
  private mutating func finish() -> [(report: ReportedAccount?, trouble: String)?] {
    processes.indices.map { i in
      processes[i]?.finish(isAtOnce: monitor.stopReason == .atOnce) { watch.say(.info, $0) }
    }
  }

  /// Stopped by a signal before there was anything to trade with: nothing was sent.
  private func interrupted() -> RunOutcome {
    var summary = RunSummary()
    summary.describe(plan)
    summary.run.endedBy = "signal"
    summary.latency.clock = String(cString: nt_clock_source())
    summary.latency.stages = RunSummary.stages(latency)
    let name = StopSignal.last.map(StopSignal.name) ?? "a signal"
    summary.notes.append("stopped by \(name) before trading began: nothing was sent")
    return RunOutcome(summary)
  }

  private func hotThread(_ body: @escaping @Sendable () -> Void) throws(CommandFailure) -> HotThread
  {
    let runtime = plan.configuration.runtime
    do throws(HotThreadError) {
      return try HotThread(
        at: processor.choice, priority: runtime.priority, locksMemory: runtime.lockMemory,
        body: body)
    } catch {
      throw CommandFailure(.unavailable, "\(error)")
    }
  }

  private func flowControl() throws(CommandFailure) -> FlowControl? {
    do throws(FlowControlError) {
      return try FlowControl(path: directory.flowControl, creates: true)
    } catch {
      throw CommandFailure(.creating(errno: error.errorNumber), "\(error)")
    }
  }

  /// Starts the venues, or takes those that run, and tells the hot thread where they are.
  private mutating func start(_ hot: HotRun) throws(CommandFailure) {
    while hot.board.lines == nil, monitor.phase != .failed {
      watch.lookAtSignals(milliseconds: 1)
      if monitor.stopReason != .none { break }
    }
    guard monitor.phase != .failed, monitor.stopReason == .none, let lines = hot.board.lines else {
      throw VenueProcess.interrupted
    }
    for note in hot.notes + plan.notes { watch.say(.info, note) }
    // Known before the hot thread can trade: a kill file that is there from the start stops the first order.
    watch.lookForKillFile()
    var services: [VenueServices] = []
    for venue in plan.venues {
      services.append(try start(venue, lines[Int(venue.number.raw)]))
    }
    // Of several feeds it is not known which one a word in the monitor is about.
    if services.count == 1 { services[0].publish(monitor) }
    hot.board.services = services
    self.services = services
    if let duration = plan.configuration.durationNanoseconds {
      deadline = nt_clock_now() &+ duration
    }
  }

  private mutating func start(
    _ venue: VenuePlan, _ lines: FeedPlaces
  ) throws(CommandFailure) -> VenueServices {
    var services: VenueServices
    if venue.venue.isAttached {
      services = try attached(venue)
      processes.append(nil)
    } else {
      let started = try VenueProcess(VenueLaunch(plan, venue, directory, lines: lines.all))
      services = started.services
      processes.append(started)
    }
    if !venue.feed.session.isEmpty { services.session = SessionName(venue.feed.session) }
    return services
  }

  /// The services of a running venue, as ``RunOptions`` has completed them.
  private func attached(_ venue: VenuePlan) throws(CommandFailure) -> VenueServices {
    var services = VenueServices(address: 0)
    do throws(EndpointError) {
      services.orderEntry = try Endpoint(parsing: venue.venue.attach)
      // Of a feed of orders that the paper broker trades both may be left out: then nobody is asked.
      if !venue.feed.rerequest.isEmpty {
        services.rerequest = try Endpoint(parsing: venue.feed.rerequest)
      }
      if !venue.feed.snapshot.isEmpty {
        services.snapshot = try Endpoint(parsing: venue.feed.snapshot)
      }
    } catch {
      throw CommandFailure(.usage, "\(error)")
    }
    return services
  }

  /// Until the hot thread has ended: signals, the clock, the exchange's health, the kill file, the line.
  private mutating func attend() {
    watch.begin()
    watchedSince = nt_clock_now()
    while monitor.phase != .done, monitor.phase != .failed {
      watch.lookAtSignals(milliseconds: 20)
      if nt_clock_now() >= deadline, monitor.stopReason == .none {
        monitor.stopReason = .duration
      }
      lookAtStart()
      supervise()
      watch.look()
    }
    watch.end()
  }

  /// Nobody waits for a venue that does not answer without knowing.
  private mutating func lookAtStart() {
    guard monitor.phase == .starting else {
      if isSilenceSaid, monitor.phase == .trading {
        isSilenceSaid = false
        let who = plan.venues.count == 1 ? "\(plan.venues[0].name) answers" : "there is an answer"
        watch.say(.info, "\(who): trading")
      }
      return
    }
    guard !isSilenceSaid, nt_clock_now() &- watchedSince >= Self.silenceMax else { return }
    isSilenceSaid = true
    let ports = plan.ports.count
    let datagrams = monitor.get(.lineA) + monitor.get(.lineB)
    var parts: [String] = []
    for (venue, place) in zip(plan.venues, services) {
      let own = plan.venues.count == 1 ? "" : " of \(venue.name)"
      let lines =
        venue.venue.isAttached
        ? "\(venue.feed.lineA) and \(venue.feed.lineB)" : "free ports of \(venue.venue.address)"
      parts.append("order entry\(own) at \(place.orderEntry), market data at \(lines)")
      // Who starts the exchange is there from its first message.
      if venue.feed.kind == .orders, venue.venue.isAttached {
        let isTaken = monitor.get(.snapshots) > 0
        parts.append(
          "books from the snapshot service at \(place.snapshot): \(isTaken ? "taken" : "not taken")"
        )
      }
    }
    watch.say(
      .warning,
      "not trading yet: \(monitor.get(.portsReady)) of \(ports) sessions up, \(datagrams.grouped) datagrams of market "
        + "data came: \(parts.joined(separator: "; ")); what is missing is tried again and again")
  }
  private static let silenceMax: Int64 = 1_500_000_000

  private mutating func supervise() {
    for i in processes.indices where monitor.get(.lostVenues) >> UInt64(i) & 1 == 0 {
      do throws(CommandFailure) {
        guard let said = try processes[i]?.supervise() else { continue }
        watch.say(.warning, said)
      } catch {
        watch.say(.error, error.message)
        // Also where the run is ending already: it does not wait for that one then.
        monitor.set(.lostVenues, monitor.get(.lostVenues) | 1 << UInt64(i))
        if monitor.stopReason == .none { monitor.stopReason = .exchangeLost }
      }
    }
  }

  // MARK: Summary

  private func summary(
    _ result: HotResult, _ accounts: [(report: ReportedAccount?, trouble: String)?]
  ) -> RunSummary {
    var summary = RunSummary(plan, result, latency)
    if let note = processor.note { summary.notes.append(note) }
    watch.tell(&summary)
    summary.close(result)
    for (i, venue) in plan.venues.enumerated() {
      summary.venues[i].restarts = i < processes.count ? processes[i]?.restarts ?? 0 : 0
      summary.reconcile(
        venue, i < accounts.count ? accounts[i] : nil, result.state,
        usernames: plan.configuration.usernames(at: venue.venue))
    }
    return summary
  }
}
