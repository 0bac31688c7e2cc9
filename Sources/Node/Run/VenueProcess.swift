import CSupport
import Foundation
import Gateways
import Simulation
import Trading
import Transport

/// A venue of a run in a process of its own: started, watched, started again at the same ports when it dies
/// (``RestartPolicy``), and asked for its own account at the end.
///
/// Threading: the main thread.
struct VenueProcess {
  /// Starts in a row that may find its ports or its store still held: the kernel takes a moment to let
  /// go of what a killed process had in io_uring.
  static let busyMax = 200
  static let busyWait: Int64 = 50_000_000
  /// Of these, as many as are said: the ports are usually free by then.
  static let busySaid = 20
  static let announcementMax = 60_000
  /// Milliseconds that it may take to write its report.
  private static let finishMax = 10_000
  /// A signal came before the exchange was ready.
  static let interrupted = CommandFailure(.unavailable, "interrupted before trading began")

  let launch: VenueLaunch
  private var child: ChildProcess
  private(set) var services: VenueServices
  private(set) var restarts = 0
  private var policy = RestartPolicy()
  private var busy = 0
  private var startAt: Int64 = 0
  /// Times that it has said its ports, and one more is awaited of it.
  private var announced = 1
  private var isAwaited = false
  /// How it died, as long as it is not started again.
  private var died: ChildProcess.End?

  /// Starts it, and waits until it has said its ports.
  init(_ launch: VenueLaunch) throws(CommandFailure) {
    self.launch = launch
    try? FileManager.default.removeItem(atPath: launch.report)
    try RunDirectory.replace(launch.log, with: "")
    let any = VenueServices(address: launch.plan.address)
    child = try Self.start(launch, at: any, isFirst: true)
    services = any
    for _ in 0..<(Self.announcementMax / 10) {
      if let end = child.ended() {
        throw CommandFailure(
          .unavailable, "\(launch.name) \(end) before it was ready: \(Self.lastLine(launch.log))")
      }
      if let found = Self.announcements(launch.log).first {
        services = found
        return
      }
      if StopSignal.wait(milliseconds: 10) {
        _ = child.stop(milliseconds: 1_000)
        throw Self.interrupted
      }
    }
    _ = child.stop(milliseconds: 1_000)
    throw CommandFailure(
      .unavailable, "\(launch.name) has not said its ports; see \(launch.log)")
  }

  private static func start(
    _ launch: VenueLaunch, at services: VenueServices, isFirst: Bool
  ) throws(CommandFailure) -> ChildProcess {
    try ChildProcess(
      arguments: launch.arguments(services, isFirst: isFirst), input: launch.password + "\n",
      inherited: launch.inherited, log: launch.log)
  }

  var pid: Int32 { child.pid }

  /// Starts it again when it has died and its pause is over; what there is to say, or nil. Throws
  /// when it dies too often: it is lost.
  mutating func supervise() throws(CommandFailure) -> String? {
    let now = nt_clock_now()
    if startAt != 0 {
      guard now >= startAt else { return nil }
      startAt = 0
      return try startAgain()
    }
    try checkSession()
    guard let end = child.ended() else { return nil }
    if restarts > 0, end == .exited(ExitCode.tryAgain.rawValue) {
      busy += 1
      guard busy <= Self.busyMax else { throw lost(end) }
      startAt = now &+ Self.busyWait
      guard busy == Self.busySaid else { return nil }
      return "\(launch.name) \(end) \(busy) times, and is tried again: \(Self.lastLine(launch.log))"
    }
    busy = 0
    guard let pause = policy.died(at: now) else { throw lost(end) }
    died = end
    guard pause > 0 else { return try startAgain() }
    startAt = now &+ pause
    return "\(launch.name) \(end); it is started again in \(pause / 1_000_000) ms"
  }

  /// Started again it goes on with the session that it had: what we hold is of that one.
  private mutating func checkSession() throws(CommandFailure) {
    guard isAwaited else { return }
    let all = Self.announcements(launch.log)
    guard all.count > announced, let last = all.last else { return }
    announced = all.count
    isAwaited = false
    guard last.session == services.session else {
      throw CommandFailure(
        .unavailable,
        "\(launch.name) is lost: it came back with another session, "
          + "'\(last.session?.trimmed ?? "")', and what we know is of '\(services.session?.trimmed ?? "")'"
      )
    }
  }

  private func lost(_ end: ChildProcess.End) -> CommandFailure {
    CommandFailure(
      .unavailable,
      "\(launch.name) is lost: it \(end), and had been started again \(restarts) times, at most "
        + "\(RestartPolicy.restartsMax) in \(RestartPolicy.window / 1_000_000_000) s: "
        + Self.lastLine(launch.log))
  }

  /// What there is to say about it; nil when the last start found its ports or its store held.
  private mutating func startAgain() throws(CommandFailure) -> String? {
    child = try Self.start(launch, at: services, isFirst: false)
    isAwaited = true
    guard let end = died else { return nil }
    died = nil
    restarts += 1
    return "\(launch.name) \(end); it was started again, and its session goes on"
  }

  /// Asks it to end, and for its report; nil with the reason where there is none.
  ///
  /// - Parameters:
  ///   - isAtOnce: a person waits for nothing any more; so does who sends a signal meanwhile.
  ///   - say: called once, where it takes long.
  mutating func finish(
    isAtOnce: Bool, _ say: (String) -> Void
  ) -> (report: ReportedAccount?, trouble: String) {
    let longest = isAtOnce ? 500 : Self.finishMax
    let end = child.stop(milliseconds: longest) { waited, hasSignal in
      if waited == 1_000 {
        say(
          "the run awaits the own account of \(launch.name), for \(longest / 1_000) s at the most")
      }
      return !hasSignal
    }
    guard let account = ReportedAccount(file: launch.report) else {
      return (nil, "it \(end) without a report: \(Self.lastLine(launch.log))")
    }
    return (account, "")
  }

  /// Each time that it has said its ports, in order.
  private static func announcements(_ log: String) -> [VenueServices] {
    guard let text = try? String(contentsOfFile: log, encoding: .utf8) else { return [] }
    // Only whole lines: the last may still be growing.
    return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      .compactMap { VenueServices(announcement: String($0)) }
  }

  private static func lastLine(_ log: String) -> String {
    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").last.map { String(Console.unlogged($0)) }
      ?? "it said nothing"
  }
}
