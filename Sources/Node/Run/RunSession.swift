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
  private var exchange: ExchangeProcess?
  private var isLost = false
  private let control: ControlRing
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
    guard let latency = LatencyRecorder(), let control = ControlRing() else {
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
      if error == ExchangeProcess.interrupted { return interrupted() }
      throw error
    }
    attend()
    thread.join()
    let account = exchange?.finish(isAtOnce: monitor.stopReason == .atOnce) {
      watch.say(.info, $0)
    }
    if let failure = hot.failure { throw failure }
    guard let result = hot.result else { return interrupted() }
    if !Console.isTerminal { watch.say(.info, "ended by \(result.end?.inWords ?? "nothing")") }
    var outcome = RunOutcome(summary(result, account))
    outcome.take(trouble(result))
    if outcome.trouble == nil, let failure = account?.report?.feedFailure {
      outcome.take(
        CommandFailure(
          .dataError,
          "\(plan.equities.source) \(failure); get the whole file again, and leave it alone"
        ))
    }
    outcome.isJournalFailureSaid = watch.isJournalFailureSaid
    return outcome
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

  /// Why the exchange was of no use to the run; nil when it was, or when a signal ended the run.
  private func trouble(_ result: HotResult) -> CommandFailure? {
    RunTrouble(
      end: result.end, sessionTrouble: result.trouble,
      isLoginRefused: result.isLoginRefused,
      hasLoggedIn: result.gateway.sessionsUp > 0, isSessionUp: result.isSessionUp,
      hasTraded: result.sightedFor + result.blindFor > 0, isBlind: result.sawNothing,
      openOrders: result.state.counters.openOrders,
      feed: FeedTrouble(result), exchange: plan.exchange, equities: plan.equities
    ).failure
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

  /// Starts the exchange, or takes the one that runs, and tells the hot thread where it is.
  private mutating func start(_ hot: HotRun) throws(CommandFailure) {
    while monitor.get(.portA) == 0, monitor.phase != .failed {
      watch.lookAtSignals(milliseconds: 1)
      if monitor.stopReason != .none { break }
    }
    guard monitor.phase != .failed, monitor.stopReason == .none else {
      throw ExchangeProcess.interrupted
    }
    for note in hot.notes + plan.notes { watch.say(.info, note) }
    // Known before the hot thread can trade: a kill file that is there from the start stops the first order.
    watch.lookForKillFile()
    let own = (try? Endpoint.parseAddress(plan.exchange.address)) ?? 0x7f00_0001
    if !plan.exchange.isAttached {
      let lines = [RunMonitor.Word.portA, .portB].map {
        Endpoint(address: own, port: UInt16(truncatingIfNeeded: monitor.get($0)))
      }
      let started = try ExchangeProcess(plan, directory, lines: lines, address: own)
      exchange = started
      var services = started.services
      let session = plan.equities.session
      if !session.isEmpty { services.session = SessionName(session) }
      services.publish(monitor)
    } else {
      try attached().publish(monitor)
    }
    if let duration = plan.configuration.durationNanoseconds {
      deadline = nt_clock_now() &+ duration
    }
  }

  /// The services of a running exchange, as ``RunOptions`` has completed them.
  private func attached() throws(CommandFailure) -> ExchangeServices {
    let feed = plan.equities
    var services = ExchangeServices(address: 0)
    do throws(EndpointError) {
      services.orderEntry = try Endpoint(parsing: plan.exchange.attach)
      services.rerequest = try Endpoint(parsing: feed.rerequest)
      services.snapshot = try Endpoint(parsing: feed.snapshot)
    } catch {
      throw CommandFailure(.usage, "\(error)")
    }
    if !feed.session.isEmpty { services.session = SessionName(feed.session) }
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

  /// Nobody waits for an exchange that does not answer without knowing.
  private mutating func lookAtStart() {
    guard monitor.phase == .starting else {
      if isSilenceSaid, monitor.phase == .trading {
        isSilenceSaid = false
        watch.say(.info, "the exchange answers: trading")
      }
      return
    }
    guard !isSilenceSaid, nt_clock_now() &- watchedSince >= Self.silenceMax else { return }
    isSilenceSaid = true
    let place = { [monitor] (word: RunMonitor.Word) in
      "\(ExchangeServices.endpoint(monitor.get(word)))"
    }
    let ports = UInt64(plan.configuration.accounts.count)
    let datagrams = monitor.get(.lineA) + monitor.get(.lineB)
    let lines =
      plan.exchange.isAttached
      ? "\(plan.equities.lineA) and \(plan.equities.lineB)"
      : "ports \(monitor.get(.portA)) and \(monitor.get(.portB)) of \(plan.exchange.address)"
    var parts = [
      "order entry at \(place(.orderEntry)): \(monitor.get(.portsReady)) of \(ports) sessions up",
      "market data at \(lines): \(datagrams.grouped) datagrams",
    ]
    // Who starts the exchange is there from its first message.
    if plan.exchange.isAttached {
      let isTaken = monitor.get(.snapshots) > 0
      parts.append(
        "books from the snapshot service at \(place(.snapshot)): \(isTaken ? "taken" : "not taken")"
      )
    }
    watch.say(
      .warning,
      "not trading yet: \(parts.joined(separator: "; ")); what is missing is tried again and again")
  }
  private static let silenceMax: Int64 = 1_500_000_000

  private mutating func supervise() {
    guard !isLost else { return }
    do throws(CommandFailure) {
      guard let said = try exchange?.supervise() else { return }
      watch.say(.warning, said)
    } catch {
      isLost = true
      watch.say(.error, error.message)
      // Also where the run is ending already: it waits for nobody then.
      monitor.stopReason = .exchangeLost
    }
  }

  // MARK: Summary

  private func summary(
    _ result: HotResult, _ account: (report: ReportedAccount?, trouble: String)?
  ) -> RunSummary {
    var summary = RunSummary(plan, result, latency)
    summary.exchange.restarts = exchange?.restarts ?? 0
    if let note = processor.note { summary.notes.append(note) }
    watch.tell(&summary)
    summary.close(result.state)
    if let account {
      summary.reconcile(
        account.report, account.trouble, result.state,
        usernames: plan.configuration.usernames(at: plan.exchange))
    } else {
      summary.noteUnreconciled()
    }
    return summary
  }
}
