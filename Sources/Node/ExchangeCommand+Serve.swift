import CSupport
import Captures
import ExecutionCore
import Foundation
import Simulation
import Trading
import Transport

/// An exchange that runs: from its sockets to its report, and what is said of it.
extension ExchangeCommand {
  static func serve(
    _ options: ParsedOptions, feed: ExchangeFeed, notes: [String], seed: UInt64
  ) throws(CommandFailure) -> ExitCode {
    StopSignal.block()
    _ = nt_clock_calibrate()
    let settings = try serverSettings(options, seed: seed)
    var flow: FlowControl?
    if let path = options.text("flow-control") {
      do throws(FlowControlError) {
        flow = try FlowControl(path: path, creates: false)
      } catch {
        throw CommandFailure(.opening(errno: error.errorNumber), "\(error)")
      }
    }
    if settings.pace == .max, flow == nil {
      throw CommandFailure(
        .usage,
        "'--speed max' needs '--flow-control FILE', or nothing keeps the feed from outrunning its reader"
      )
    }
    if let report = options.text("report") { try RunDirectory.checkPlace(of: report) }
    Console.startLog()
    // A log that nobody reads must not hold up the market.
    Console.wait(milliseconds: 0)
    if options.text("password") != nil {
      say(
        .warning,
        "every user of this machine can read --password in the list of its processes; give "
          + "--password-file")
    }
    for note in notes + feed.notes { say(.info, note) }
    let session = try open(options, feed: feed)
    if session.cutBytes > 0 {
      say(.warning, "a torn tail of \(session.cutBytes) bytes was cut from the store")
    }
    let log = ExchangeLog()
    var server = try open(session, settings, flow, log)
    sayStart(options, session)
    say(.info, server.backEndReason)
    Console.line(server.announcement)
    if let failure = Console.outputFailure {
      throw CommandFailure(
        .inputOutput,
        "nobody can find an exchange that cannot say its ports on standard output: "
          + String(cString: strerror(failure)))
    }
    var turns = 0
    var signal: Int32?
    while !server.isDone, signal == nil {
      server.turn()
      turns &+= 1
      guard turns & 63 == 0 else { continue }
      signal = StopSignal.take(milliseconds: 0)
      log.look()
    }
    log.finish()
    if server.isSessionOver { part(&server, log) }
    sayEnd(options, session, signal, isOver: server.isSessionOver)
    server.finish()
    Console.wait(milliseconds: 2_000)
    return try finish(options, session: session, counters: server.counters)
  }

  /// The kernel gives back the ports of a process that has ended a moment after that: they are tried for a second.
  private static func open(
    _ session: ExchangeSession, _ settings: ExchangeServerSettings, _ flow: FlowControl?,
    _ log: ExchangeLog
  ) throws(CommandFailure) -> ExchangeServer {
    var tries = 20
    while true {
      do throws(ReactorError) {
        return try ExchangeServer(session: session, settings: settings, flow: flow) {
          log.take($0)
        }
      } catch {
        tries -= 1
        guard error.errorNumber == EADDRINUSE, tries > 0 else {
          throw CommandFailure(
            .listening(errno: error.errorNumber),
            "\(error); give other ports with --listen, --rerequest, --snapshot")
        }
        var pause = timespec(tv_sec: 0, tv_nsec: 50_000_000)
        nanosleep(&pause, nil)
      }
    }
  }

  /// Lets clients take off what works for them, and go; a second signal waits for nobody.
  private static func part(_ server: inout ExchangeServer, _ log: ExchangeLog) {
    if !server.isDeserted {
      say(
        .info,
        "the session is over, and the feed says so: who is logged in has "
          + "\(ExchangeServer.partingMax / 1_000_000_000) s to cancel what works and to go")
    }
    server.beginEnd()
    let end = nt_clock_now() &+ ExchangeServer.partingMax
    while !server.isDeserted, nt_clock_now() < end, StopSignal.take(milliseconds: 0) == nil {
      server.turn()
    }
    log.finish()
  }

  private static func finish(
    _ options: ParsedOptions, session: ExchangeSession, counters: ExchangeServerCounters
  ) throws(CommandFailure) -> ExitCode {
    let report = ExchangeReport(session, server: counters)
    if let path = options.text("report") {
      try RunDirectory.replace(path, with: report.json + "\n")
    }
    for violation in report.violations { say(.error, "invariant broken: \(violation)") }
    if let failure = session.failure {
      throw CommandFailure(.inputOutput, "\(failure)")
    }
    if let failure = session.feed.lateFailure {
      throw CommandFailure(failure.cause.exitCode, "\(failure)")
    }
    return report.violations.isEmpty ? .ok : .failed
  }

  static func sayStart(_ options: ParsedOptions, _ session: ExchangeSession) {
    let name = "session \(session.name.trimmed)"
    guard let directory = options.text("data") else {
      return say(.info, "\(name) begins; without --data nothing of it is kept")
    }
    guard session.position > 0 || session.recoveredInputs > 0 else {
      return say(.info, "\(name) begins; it is kept in \(directory)")
    }
    say(
      .info,
      "\(name) goes on from \(directory): \(session.position.grouped) messages of the feed and "
        + "\(session.recoveredInputs.grouped) inputs of its accounts are behind it, and "
        + "\(session.core.workingOrders.count.grouped) orders work")
  }

  static func sayEnd(
    _ options: ParsedOptions, _ session: ExchangeSession, _ signal: Int32?, isOver: Bool
  ) {
    // Its own error says it.
    guard session.failure == nil else { return }
    let why = signal.map(StopSignal.name) ?? "the feed is over and nobody is connected"
    let orders = session.core.workingOrders.count.grouped
    say(
      .info,
      "\(why): the exchange ends with \(orders) orders at work; session \(session.name.trimmed) "
        + (isOver ? "is over" : "goes on when it is started again with its --data"))
  }

  static func say(_ level: Console.Level, _ text: String) {
    Console.say(level, "needletail exchange: \(text)")
  }
}
