import CSupport
import ExecutionCore
import Foundation
import Journal
import Trading

/// What people are told while a run goes on, and what they ask meanwhile; the same over sockets and in virtual time.
///
/// Threading: the main thread.
struct RunWatch {
  private let plan: RunPlan
  private let directory: RunDirectory
  private let journal: JournalWriter
  private let monitor: RunMonitor
  private let latency: LatencyRecorder
  private let server: ControlServer
  private let killFile: String
  private var line: LiveLine
  private var feed = FeedWatch()
  private var logins = LoginWatch()
  private var sessions = SessionWatch()
  private var ending = EndWatch()
  private var saidBounds: UInt64 = 0
  private var saidLatches: UInt64 = 0
  private(set) var isJournalFailureSaid = false
  /// What was stopped so far, the oldest first.
  private var stops: [RunSummary.Stop] = []
  /// The signal that ends the run.
  private var signal: Int32?

  /// Opens the control socket.
  init(
    _ plan: RunPlan, _ directory: RunDirectory, _ journal: JournalWriter, _ monitor: RunMonitor,
    _ latency: LatencyRecorder, _ control: ControlRing
  ) throws(CommandFailure) {
    self.plan = plan
    self.directory = directory
    self.journal = journal
    self.monitor = monitor
    self.latency = latency
    line = LiveLine(monitor, latency)
    let file = plan.configuration.killSwitch.file
    killFile = file.isEmpty ? directory.defaultKillFile : file
    server = try ControlServer(
      path: RunDirectory.control(in: directory.path), ring: control,
      accounts: plan.configuration.accounts.map(\.name),
      strategies: plan.configuration.orderedStrategies.map(\.name), ports: plan.ports)
  }

  /// The live line counts from here.
  mutating func begin() { line = LiveLine(monitor, latency) }

  /// One look at everything but the signals.
  ///
  /// - Parameter now: of the run's clock.
  /// - Parameter meanwhile: as of ``ControlServer/poll(meanwhile:)``.
  mutating func look(
    now: Int64 = nt_clock_now(), meanwhile: () -> Void = ControlServer.pause
  ) {
    lookForKillFile()
    lookAtJournal()
    if let said = server.poll(meanwhile: meanwhile) { say(.warning, said) }
    lookAtLatches()
    lookAtBounds()
    for said in feed.look(monitor, now: now) { say(said.level, said.text) }
    lookAtLogins()
    let ports = portCount
    for said in sessions.look(monitor, ports: ports, now: now) { say(said.level, said.text) }
    if let said = ending.look(monitor, ports: ports, now: now) { say(.info, said) }
    line.tick()
  }

  mutating func end() { line.end() }

  /// What was seen and asked, for who reads the summary.
  func tell(_ summary: inout RunSummary) {
    if let signal {
      let isWhy = summary.run.endedBy == RunEnd.signal.text
      let name = StopSignal.name(signal)
      summary.notes.append(
        isWhy ? "ended by \(name)" : "\(name) came when the run was ending already")
    }
    if Console.linesLost > 0 {
      summary.notes.append(
        "lines of the log that nobody read, and that were left out: \(Console.linesLost)")
    }
    let said = server.kills.map {
      RunSummary.Stop(
        scope: $0.request.scopeText, cause: .person,
        by: "\($0.request.person) (user \($0.user))", why: $0.request.reason)
    }
    summary.add(stops: stops + said)
  }

  mutating func say(_ level: Console.Level, _ text: String) {
    line.end()
    Console.say(level, "needletail run: \(text)")
  }

  /// Takes a signal within so many milliseconds; trading ends in order.
  mutating func lookAtSignals(milliseconds: Int) {
    guard let number = StopSignal.take(milliseconds: milliseconds) else { return }
    let name = StopSignal.name(number)
    guard monitor.stopReason == .none else {
      let said = ending.hurry(monitor, now: nt_clock_now())
      say(.warning, "\(name): \(said ?? "the run is ending already")")
      return
    }
    monitor.stopReason = .signal
    signal = number
    ending.begin(now: nt_clock_now())
    say(.info, "\(name): the run ends; what works is cancelled, and the confirmations awaited")
  }

  mutating func lookForKillFile() {
    switch monitor.look(forKillFile: killFile) {
    case true: say(.warning, "the kill file \(killFile) is there")
    case false: say(.info, "the kill file has gone; what it stopped a person re-arms")
    case nil: break
    }
  }

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
    let advice =
      cause == .unknownReference
      ? " If it is an earlier run's, that run's positions are not in our books: do not re-arm, end this run, "
        + "and start the venue with --new-session."
      : ""
    say(
      .error,
      "NEW ORDERS OF \(scope.uppercased()) ARE STOPPED: \(cause.inWords); what works there is cancelled"
        + (more > 0 ? " (and \(more) more; see the journal's records of type latch)" : "")
        + ".\(advice) Look, then: needletail rearm --data \(directory.path) --scope \(scope) --person … --reason …"
    )
  }

  private var portCount: Int { plan.ports.count }

  /// As `--scope` takes it.
  private func scopeName(_ place: Int) -> String {
    let accounts = plan.configuration.accounts.map { "account:\($0.name)" }
    let strategies = plan.configuration.orderedStrategies.map { "strategy:\($0.name)" }
    let ports = (0..<portCount).map { "port:\($0)" }
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

  private mutating func lookAtLogins() {
    if let said = logins.look(monitor, plan) { say(said.level, said.text) }
  }

  /// A journal that fails is said when it happens: from then on no order leaves.
  private mutating func lookAtJournal() {
    guard !isJournalFailureSaid, let failure = journal.failure else { return }
    isJournalFailureSaid = true
    say(.error, "the journal failed, and no new order leaves any more: \(failure)")
  }
}

extension RunMonitor {
  /// Tells the hot thread whether the file is there; nil where that is what it knew.
  func look(forKillFile path: String) -> Bool? {
    let wasThere = get(.killFile) == 1
    let isThere = access(path, F_OK) == 0
    // What cannot be looked at has not been taken away.
    guard isThere != wasThere, isThere || errno == ENOENT || errno == ENOTDIR else { return nil }
    set(.killFile, isThere ? 1 : 0)
    return isThere
  }
}
