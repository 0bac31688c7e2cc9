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
  private let killFile: String
  private var deadline: Int64 = .max
  private var exchange: ExchangeProcess?
  private var isLost = false
  private let control: ControlRing
  private var server: ControlServer?
  private var saidBounds: UInt64 = 0
  private var saidLatches: UInt64 = 0
  private var isJournalFailureSaid = false
  private var line: LiveLine
  private let processors: ProcessorChoice
  /// What was stopped so far, the oldest first.
  private var stops: [RunSummary.Stop] = []
  /// The signal that ends the run.
  private var signal: Int32?
  private var watchedSince: Int64 = 0
  private var isSilenceSaid = false

  /// What the run came to, when it has ended in order.
  static func run(
    _ plan: RunPlan, _ directory: RunDirectory, _ journal: JournalWriter
  ) throws(CommandFailure) -> RunOutcome {
    var session = try RunSession(plan, directory, journal)
    return try session.run()
  }

  private init(
    _ plan: RunPlan, _ directory: RunDirectory, _ journal: JournalWriter
  ) throws(CommandFailure) {
    guard let latency = LatencyRecorder(), let control = ControlRing() else {
      throw CommandFailure(.unavailable, "no memory for the histograms and the control ring")
    }
    self.control = control
    self.plan = plan
    self.directory = directory
    self.journal = journal
    self.latency = latency
    line = LiveLine(monitor, latency)
    processors = try Self.processors(plan.configuration.runtime.processor)
    let file = plan.configuration.killSwitch.file
    killFile = file.isEmpty ? directory.defaultKillFile : file
  }

  private static func processors(_ wanted: Int) throws(CommandFailure) -> ProcessorChoice {
    do throws(ProcessorChoice.Taken) {
      return try ProcessorChoice(wanted: wanted)
    } catch {
      throw CommandFailure(
        .tryAgain,
        "processor \(error.processor) is taken by another run's hot thread, and two on one stop "
          + "each other: give another as runtime.processor, or -1 for one that is free")
    }
  }

  private mutating func run() throws(CommandFailure) -> RunOutcome {
    _ = nt_clock_calibrate()
    // Before anything is started that would inherit where it runs: the exchange among them.
    processors.leaveHotProcessor()
    if let note = processors.note { say(.warning, note) }
    let flow = try flowControl()
    server = try ControlServer(
      path: RunDirectory.control(in: directory.path), ring: control,
      accounts: plan.configuration.accounts.map(\.name),
      strategies: plan.configuration.orderedStrategies.map(\.name))
    let hot = HotRun(
      plan, journal: journal, monitor: monitor, latency: latency, flow: flow, control: control)
    let thread = try hotThread { hot.run() }
    for note in thread.notes { say(.warning, note) }
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
    watch()
    thread.join()
    line.end()
    let account = exchange?.finish()
    if let failure = hot.failure { throw failure }
    guard let result = hot.result else { return interrupted() }
    if !Console.isTerminal { say(.info, "ended by \(result.endReason)") }
    var outcome = RunOutcome(summary(result, account))
    outcome.trouble = trouble(result)
    outcome.isJournalFailureSaid = isJournalFailureSaid
    return outcome
  }

  /// Stopped by a signal before there was anything to trade with: nothing was sent.
  private func interrupted() -> RunOutcome {
    var summary = RunSummary()
    summary.describe(plan)
    summary.run.endedBy = "signal"
    summary.exchange.isOurs = plan.configuration.exchange.attach.isEmpty
    summary.latency.clock = String(cString: nt_clock_source())
    summary.latency.stages = RunSummary.stages(latency)
    summary.notes.append("stopped by a signal before trading began: nothing was sent")
    return RunOutcome(summary)
  }

  /// Why the exchange was of no use to the run; nil when it was, or when a signal ended the run.
  private func trouble(_ result: HotResult) -> CommandFailure? {
    RunTrouble(
      endReason: result.endReason, sessionTrouble: result.trouble,
      hasLoggedIn: result.gateway.sessionsUp > 0, isSessionUp: result.isSessionUp,
      hasData: result.datagrams > 0,
      attached: plan.configuration.exchange
    ).failure
  }

  private func hotThread(_ body: @escaping @Sendable () -> Void) throws(CommandFailure) -> HotThread
  {
    let runtime = plan.configuration.runtime
    do throws(HotThreadError) {
      return try HotThread(
        at: processors, priority: runtime.priority, locksMemory: runtime.lockMemory, body: body)
    } catch {
      throw CommandFailure(.unavailable, "\(error)")
    }
  }

  private mutating func say(_ level: Console.Level, _ text: String) {
    line.end()
    Console.say(level, "needletail run: \(text)")
  }

  /// Takes a signal within so many milliseconds; trading ends in order.
  private mutating func lookAtSignals(milliseconds: Int) {
    guard let number = StopSignal.take(milliseconds: milliseconds) else { return }
    let name = StopSignal.name(number)
    guard monitor.stopReason == .none else {
      say(.info, "\(name): the run is ending already")
      return
    }
    monitor.stopReason = .signal
    signal = number
    say(.info, "\(name): the run ends; what works is cancelled, and the confirmations awaited")
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
      lookAtSignals(milliseconds: 1)
      if monitor.stopReason != .none { break }
    }
    guard monitor.phase != .failed, monitor.stopReason == .none else {
      throw ExchangeProcess.interrupted
    }
    for note in hot.notes + plan.feed.notes { say(.info, note) }
    // Known before the hot thread can trade: a kill file that is there from the start stops the first order.
    lookForKillFile()
    let settings = plan.configuration.exchange
    let own = (try? Endpoint.parseAddress(settings.address)) ?? 0x7f00_0001
    if settings.attach.isEmpty {
      let lines = [RunMonitor.Word.portA, .portB].map {
        Endpoint(address: own, port: UInt16(truncatingIfNeeded: monitor.get($0)))
      }
      let started = try ExchangeProcess(plan, directory, lines: lines, address: own)
      exchange = started
      started.services.publish(monitor)
    } else {
      try attached().publish(monitor)
    }
    if let duration = plan.configuration.feed.durationNanoseconds {
      deadline = nt_clock_now() &+ duration
    }
  }

  /// The services of a running exchange, as ``RunOptions`` has completed them.
  private func attached() throws(CommandFailure) -> ExchangeServices {
    let settings = plan.configuration.exchange
    var services = ExchangeServices(address: 0)
    do throws(EndpointError) {
      services.orderEntry = try Endpoint(parsing: settings.attach)
      services.rerequest = try Endpoint(parsing: settings.rerequest)
      services.snapshot = try Endpoint(parsing: settings.snapshot)
    } catch {
      throw CommandFailure(.usage, "\(error)")
    }
    return services
  }

  /// Until the hot thread has ended: signals, the clock, the exchange's health, the kill file, the line.
  private mutating func watch() {
    line = LiveLine(monitor, latency)
    watchedSince = nt_clock_now()
    while monitor.phase != .done, monitor.phase != .failed {
      lookAtSignals(milliseconds: 20)
      if nt_clock_now() >= deadline, monitor.stopReason == .none {
        monitor.stopReason = .duration
      }
      lookAtStart()
      lookForKillFile()
      supervise()
      lookAtJournal()
      if let said = server?.poll() { say(.warning, said) }
      lookAtLatches()
      lookAtBounds()
      line.tick()
    }
    line.end()
  }

  private mutating func lookForKillFile() {
    let wasThere = monitor.get(.killFile) == 1
    if access(killFile, F_OK) == 0 {
      monitor.set(.killFile, 1)
      if !wasThere { say(.warning, "the kill file \(killFile) is there") }
    } else if errno == ENOENT || errno == ENOTDIR {
      // What cannot be looked at has not been taken away.
      monitor.set(.killFile, 0)
      if wasThere { say(.info, "the kill file has gone; what it stopped a person re-arms") }
    }
  }

  /// Nobody waits for an exchange that does not answer without knowing.
  private mutating func lookAtStart() {
    guard monitor.phase == .starting else {
      if isSilenceSaid, monitor.phase == .trading {
        isSilenceSaid = false
        say(.info, "the exchange answers: trading")
      }
      return
    }
    guard !isSilenceSaid, nt_clock_now() &- watchedSince >= Self.silenceMax else { return }
    isSilenceSaid = true
    let exchange = plan.configuration.exchange
    let place = { [monitor] (word: RunMonitor.Word) in
      ExchangeServices.endpoint(monitor.get(word))
    }
    var text =
      "not trading yet: the exchange at \(place(.orderEntry)) does not answer, or sends no data"
    if !exchange.attach.isEmpty {
      text +=
        "; tried again and again are order entry there, re-requests at \(place(.rerequest)), "
        + "snapshots at \(place(.snapshot)), market data at \(exchange.lineA) and \(exchange.lineB)"
    }
    say(.warning, text)
  }
  private static let silenceMax: Int64 = 1_500_000_000

  /// What stops new orders is said when it happens, each time.
  private mutating func lookAtLatches() {
    let count = monitor.get(.latches)
    guard count > saidLatches else { return }
    let more = count - saidLatches - 1
    saidLatches = count
    guard let cause = LatchCause(rawValue: UInt8(truncatingIfNeeded: monitor.get(.latchCause)))
    else { return }
    let scope = scopeName(Int(truncatingIfNeeded: monitor.get(.latchPlace)))
    // What a person said, and who it was, the control socket knows.
    if cause != .person { stops.append(RunSummary.Stop(scope: scope, cause: cause)) }
    say(
      .error,
      "NEW ORDERS OF \(scope.uppercased()) ARE STOPPED: \(cause.inWords); what works there is cancelled"
        + (more > 0 ? " (and \(more) more; see the journal's records of type latch)" : "")
        + ". Look, then: needletail rearm --data \(directory.path) --scope \(scope) --person … --reason …"
    )
  }

  /// As `--scope` takes it.
  private func scopeName(_ place: Int) -> String {
    let accounts = plan.configuration.accounts.map { "account:\($0.name)" }
    let strategies = plan.configuration.orderedStrategies.map { "strategy:\($0.name)" }
    let ports = accounts.indices.map { "port:\($0)" }
    let all = ["firm"] + accounts + strategies + ports
    return all.indices.contains(place) ? all[place] : "firm"
  }

  /// What is nearly used up is said once, while something can be done about it.
  private mutating func lookAtBounds() {
    let near = monitor.get(.boundsNear)
    let isOfAnotherPort = near >> 32 > saidBounds >> 32
    for bound in EngineBound.allCases where near >> UInt64(bound.rawValue) & 1 == 1 {
      let isSaid = saidBounds >> UInt64(bound.rawValue) & 1 == 1
      guard !isSaid || isOfAnotherPort && bound.isOfPorts else { continue }
      say(.warning, "four fifths of \(bound.setting) are used: \(bound.consequence)")
    }
    saidBounds = near
  }

  /// A journal that fails is said when it happens: from then on no order leaves.
  private mutating func lookAtJournal() {
    guard !isJournalFailureSaid, let failure = journal.failure else { return }
    isJournalFailureSaid = true
    say(.error, "the journal failed, and no new order leaves any more: \(failure)")
  }

  private mutating func supervise() {
    guard !isLost else { return }
    do throws(CommandFailure) {
      guard let said = try exchange?.supervise() else { return }
      say(.warning, said)
    } catch {
      isLost = true
      say(.error, error.message)
      if monitor.stopReason == .none { monitor.stopReason = .exchangeLost }
    }
  }

  // MARK: Summary

  private func summary(
    _ result: HotResult, _ account: (report: ReportedAccount?, trouble: String)?
  ) -> RunSummary {
    var summary = RunSummary()
    summary.describe(plan)
    summary.run.elapsedNanoseconds = result.elapsed
    summary.run.sessionNanoseconds = result.sessionSpan
    summary.run.endedBy = result.endReason
    summary.take(
      result.state, accounts: plan.configuration.accounts.map(\.name),
      strategies: plan.configuration.orderedStrategies.map(\.name),
      instruments: plan.instruments.count)
    summary.take(
      result.mold, datagrams: result.datagrams, bytes: result.bytes, malformed: result.malformed)
    summary.take(result.gateway, fuse: result.fuseTripped)
    summary.feed.recovered = result.recovered
    summary.feed.snapshots = result.snapshots
    summary.feed.symbolsWhole = result.symbolsWhole
    summary.memory = RunSummary.Memory(
      arenaBytes: result.arenaBytes, peakResidentBytes: ProcessMemory.peakResidentBytes)
    summary.latency.clock = String(cString: nt_clock_source())
    summary.latency.network = result.backEnd
    summary.latency.tickToOrder = RunSummary.Percentiles(latency.percentiles(.tickToOrder))
    summary.latency.stages = RunSummary.stages(latency)
    summary.exchange.isOurs = plan.configuration.exchange.attach.isEmpty
    summary.exchange.restarts = exchange?.restarts ?? 0
    let sessions = UInt64(plan.configuration.accounts.count)
    summary.exchange.reconnects =
      result.gateway.sessionsUp &- min(sessions, result.gateway.sessionsUp)
    if !result.trouble.isEmpty {
      summary.notes.append(
        "the order session was \(result.gateway.sessionsUp > 0 ? "lost" : "never up"), "
          + "the last time by: \(result.trouble)")
    }
    if let signal { summary.notes.append("ended by \(StopSignal.name(signal))") }
    if let note = processors.note { summary.notes.append(note) }
    let said = (server?.kills ?? []).map {
      RunSummary.Stop(
        scope: $0.request.scopeText, cause: .person,
        by: "\($0.request.person) (user \($0.user))", why: $0.request.reason)
    }
    summary.add(stops: stops + said)
    summary.close(result.state)
    if let account {
      summary.reconcile(
        account.report, account.trouble, result.state, usernames: plan.configuration.usernames)
    } else {
      summary.noteUnreconciled()
    }
    return summary
  }
}

extension RunSummary {
  mutating func describe(_ plan: RunPlan) {
    run.source = plan.sourceName
    run.seed = plan.configuration.feed.seed
    run.speed = plan.configuration.feed.speed.text
    run.sessionDate = plan.date.text
    run.isVirtualTime = plan.options.isVirtualTime
    notes += plan.feed.notes
    if plan.instruments.allSatisfy({ $0.lowerBand == 0 && $0.upperBand == 0 }) {
      notes.append(
        "limit-up/limit-down bands are neither in the feed nor in an instruments file: not checked")
    }
  }

  /// What must hold at every end.
  mutating func close(_ state: EngineSnapshot) {
    feed.lost = state.feed.missing
    invariants.append(
      Invariant(
        "no market data lost", holds: feed.lost == 0, "\(feed.lost.grouped) messages missing"))
    invariants.append(
      Invariant(
        "nothing left open", holds: orders.working == 0 && orders.unknown == 0,
        "\(orders.working) orders working, \(orders.unknown) of unknown fate"))
  }

  /// One that was attached gives its account to whoever started it, and only at its end.
  mutating func noteUnreconciled() {
    notes.append(
      "not checked: fills, positions, cash and fees against the exchange's own account, which one that "
        + "was attached does not give; compare with what its '--report FILE' says when it has ended"
    )
  }

  mutating func reconcile(
    _ account: ReportedAccount?, _ trouble: String, _ state: EngineSnapshot, usernames: [String]
  ) {
    guard let account else {
      invariants.append(
        Invariant("the exchange's own account", holds: false, trouble))
      return
    }
    exchange.fills = account.fills
    exchange.shares = account.shares
    exchange.unknownReferences = account.unknownReferences
    if account.unknownReferences > 0 {
      notes.append(
        "\(account.unknownReferences.grouped) messages of the recording name orders that it does not "
          + "have: the queue ahead of our orders is a lower bound")
    }
    invariants += account.reconcile(state, usernames: usernames)
  }
}
