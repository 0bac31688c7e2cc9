import CSupport
import Captures
import ExecutionCore
import Foundation
import Gateways
import Simulation
import Transport

/// `needletail paper`: the paper broker as a process of its own.
enum PaperCommand {
  static let definition = CommandDefinition(
    name: "paper",
    summary: "Run the paper broker alone: fills orders at a recorded or generated market.",
    discussion: """
      Plays a recording of quotes, trades or books by price (.ntc, see 'needletail capture import'), or
      a generated market, at the speed of its own times, takes orders over TCP, and fills them on paper:
      against displayed size where an order takes, when the market trades through it or has worked off
      the queue where it rests. With --feed-to it sends the market to who trades at it. Says its places
      in one JSON line, and goes on until it is stopped (SIGTERM or Ctrl-C).

      With --data it keeps orders, executions and positions in a file of its own: however it ended,
      started again it goes on with all that anybody was told, and with the market where that would be
      by then, or a new one where that is over. How it fills, what --actions takes, and its protocol
      field by field: Sources/Gateways/Paper/Protocol.md.

      When the recording is over nothing trades any more: orders are rejected, clients may still ask.
      """,
    options: [
      .value("feed", "FILE", "The recording (.ntc), or generated. This or --follow is needed."),
      .value("speed", "N", "Times the market's own speed, 0.01 to 10000 (1)."),
      .value(
        "follow", "HOST:PORT[,HOST:PORT]",
        "Fill at a live feed: its line A, and line B; a multicast group, or an address of this machine."
      ),
      .value("follow-kind", "orders|prices", "Order by order (ITCH), or by price (orders)."),
      .value(
        "follow-session", "NAME", "The feed's session. Of orders the snapshot service says it."),
      .value("follow-rerequest", "HOST:PORT", "Where its messages are asked for again (nowhere)."),
      .value("follow-snapshot", "HOST:PORT", "Of orders: where its books are had (nowhere)."),
      .value("follow-user", "NAME", "Who logs in there, with the password (NTAIL1)."),
      .value("instruments", "FILE", "Of a live feed: CSV, or a recording (.ntc) of the same ones."),
      .value("date", "YYYY-MM-DD", "Of a generated market: it begins at 9:29:59 in New York."),
      .value(
        "begin", "NS", "Where the market begins, in nanoseconds since 1970 UTC; of a recording too."
      ),
      .value("style", "NAME", "Of a generated one: as 'capture generate' takes it (calm)."),
      .value("symbols", "N", "Instruments of a generated one, 1 to 256 (2)."),
      .value("rate", "N", "Records a second of a generated one, 1 to 1000000 (500)."),
      .value("listen", "HOST:PORT", "Where clients connect (127.0.0.1:0, a free port)."),
      .value(
        "feed-to", "HOST:PORT[,HOST:PORT]",
        "Publish the market: line A, and line B (Sources/Gateways/Prices/Protocol.md)."),
      .value("rerequest", "HOST:PORT", "Where its messages are asked for again (a free port)."),
      .value("multicast-hops", "N", "Time to live of lines to a multicast group, 0 to 255 (0)."),
      .value("loss", "P", "Lose datagrams of a line with this probability (0)."),
      .value("duplicate", "P", "Send them twice (0)."),
      .value("reorder", "P", "Send them late (0)."),
      .flag("start-on-login", "The market begins at the first log-in."),
      .value(
        "account", "NAME[,NAME]", "Its accounts, 1 to 16 letters, digits, . _ - each (paper)."),
      .value(
        "password-file", "FILE",
        "The accounts' password, a line of 1 to 10 letters and digits, in a file that only its owner "
          + "may read; - is standard input, /dev/fd/N a descriptor. Without one it is: needletail."),
      .value("cash", "D", "Each account's cash at the beginning (1000000)."),
      .value("data", "DIR", "Keep the accounts there. Without it they end with the process."),
      .value(
        "actions", "FILE",
        "Dividends, funding, splits and settlements as a CSV (Protocol.md)."),
      .flag("new-session", "Put what is kept there aside, and begin anew."),
      .flag("new-day", "Begin the market anew; the accounts go on."),
      .value("report", "FILE", "At the end, write its own account of all accounts there, as JSON."),
      .value("fee-added", "BP", "Basis points of what adds liquidity, a rebate if negative (1)."),
      .value("fee-removed", "BP", "The same of what removes it (4)."),
      .value("accept-latency", "US", "Microseconds until a request takes effect (0)."),
      .value("report-latency", "US", "Microseconds until what comes of it is told (0)."),
      .value("queue", "back|front", "Where an order stands at its price (back)."),
      .value("fill-share", "PERCENT", "The most of what is displayed that one fill takes (100)."),
      .value(
        "slippage", "BP",
        "By how much worse an order that takes all that is displayed fills; less takes less (0)."),
      .value(
        "impact", "BP",
        "By how much a fill of all that is displayed moves what its account fills at next; half of it is "
          + "left after a second (0)."),
      .value("seed", "N", "Seed of what is left to chance (1)."),
      .value("rejects", "P", "Reject orders with this probability (0)."),
      .value("forget", "P", "Never tell what happened, with this probability (0)."),
      .value("delay", "P", "Tell it half a second late, with this probability (0)."),
      .value("double", "P", "Tell it twice, with this probability (0)."),
      .value(
        "contradict", "P", "Answer a question about an order untruly, with this probability (0)."),
      .value("drop", "S", "Drop all sessions every so many seconds on the average (0: never)."),
      .flag("cancel-on-disconnect", "Working orders go with the connection."),
    ]
  ) { try run($0) }

  private static func run(_ options: ParsedOptions) throws(CommandFailure) -> ExitCode {
    let origin = try PaperOrigin(options)
    let market = try PaperMarket(try origin.source(), name: origin.name)
    let isLive = options.text("follow") != nil
    if isLive, options.text("feed-to") != nil || options.flag("start-on-login") {
      throw CommandFailure(
        .usage, "'--feed-to' and '--start-on-login' are of a market that is played: leave them out")
    }
    var settings = try settings(options, market.instruments)
    var serving = try serverSettings(options)
    if let actions = options.text("actions") {
      serving.actions = try PaperActions.read(actions, market.instruments)
    }
    // Clients live by the clock on the wall, the broker by its market's.
    settings.heartbeatInterval = max(1, serving.speed * 10)
    if let report = options.text("report") { try RunDirectory.checkPlace(of: report) }
    StopSignal.block()
    _ = nt_clock_calibrate()
    Console.startLog()
    let file = try options.text("data").map { directory throws(CommandFailure) in
      try PaperFile(directory)
    }
    if options.flag("new-session") { try file?.putAside() }
    let broker = try broker(settings, file)
    let longest = Int128(origin.longest(market.source)) * 100_000_000 / Int128(serving.speed)
    let day = try PaperDay(
      isLive ? nil : file,
      "\(origin.name)\(market.source.content), speed \(Decimal8(raw: serving.speed))",
      longest: Int64(clamping: longest), isNew: options.flag("new-day"))
    if let note = day.note { say(.info, note) }
    serving.elapsed = day.elapsed
    if let elapsed = day.elapsed {
      say(
        .info,
        "the market goes on where it would be by now, after \((elapsed / 1_000_000_000).grouped) s; what it told "
          + "meanwhile is made first")
    }
    serving.feed.session = day.session
    var server = PaperServer(
      broker, market, follower: try origin.follower(), file: file, serving, try sockets(serving),
      begins: day.begin, say: say)
    Console.line(server.announcement)
    if let failure = Console.outputFailure {
      throw CommandFailure(
        .inputOutput,
        "nobody can find a paper broker that cannot say its port on standard output: "
          + String(cString: strerror(failure)))
    }
    if let text = server.configuration {
      say(.info, "a run trades here with this in a file of '--config': \(text)")
    }
    // A log that nobody reads must not hold up the market.
    Console.wait(milliseconds: 0)
    // One that came while the market was brought to where it is now.
    var signal = StopSignal.last
    while signal == nil, server.fileFailure == nil {
      server.turn()
      signal = StopSignal.take(milliseconds: 0)
    }
    // What is kept goes on when it is started again, and has not ended.
    server.finish(isOver: file == nil || server.isMarketClosed)
    Console.wait(milliseconds: 2_000)
    sayEnd(server, signal)
    if let path = options.text("report") {
      try RunDirectory.replace(
        path, with: PaperReport(server.broker, server.marketFailure).json + "\n")
    }
    if let failure = server.fileFailure ?? server.follower?.failure { throw failure }
    if let failure = server.marketFailure {
      throw CommandFailure(failure.cause.exitCode, "\(failure)")
    }
    return server.actionsFailed > 0 ? .failed : .ok
  }

  private static func sockets(
    _ settings: PaperServerSettings
  ) throws(CommandFailure) -> PaperSockets {
    do throws(ReactorError) {
      return try PaperSockets.patient(settings)
    } catch {
      throw CommandFailure(
        .listening(errno: error.errorNumber),
        "\(error); give other places with --listen, --rerequest and --feed-to")
    }
  }

  /// As its file has it, or new.
  private static func broker(
    _ settings: PaperSettings, _ file: PaperFile?
  ) throws(CommandFailure) -> PaperBroker {
    guard let file else {
      say(.info, "without --data nothing of its accounts is kept")
      return PaperBroker(settings)
    }
    let bytes = try file.read()
    if bytes.isEmpty {
      try file.append(PaperBroker.header(settings))
      say(.info, "its accounts are kept in \(file.path)")
      return PaperBroker(settings)
    }
    let found = try recovered(settings, bytes, file.path)
    if found.cut > 0 {
      say(
        .warning, "\(file.path): a torn tail of \(found.cut) bytes, which nobody was told, is cut")
    }
    try file.cut(to: found.bytes)
    if found.bytes == 0 { try file.append(PaperBroker.header(settings)) }
    say(
      .info,
      "goes on from \(file.path): \(found.broker.orderCount.grouped) orders, "
        + "\(found.broker.executionCount.grouped) executions")
    return found.broker
  }

  private static func recovered(
    _ settings: PaperSettings, _ bytes: [UInt8], _ path: String
  ) throws(CommandFailure) -> PaperRecovery {
    var problem: PaperFileProblem?
    let found = bytes.withUnsafeBytes { file -> PaperRecovery? in
      do throws(PaperFileProblem) {
        return try PaperBroker.recovered(settings, file: file)
      } catch {
        problem = error
        return nil
      }
    }
    if let found { return found }
    if case .damaged(let offset) = problem {
      throw CommandFailure(
        .dataError,
        "\(path) at offset \(offset): the record there is not what was written, and what lies behind it may have "
          + "been told; nothing is changed: get the file from a copy, or give another --data")
    }
    throw CommandFailure(
      .dataError,
      "\(path): is of other instruments, accounts or cash, or no file of a paper broker; give the feed "
        + "and accounts that it was made with, or another --data")
  }

  private static func sayEnd(_ server: borrowing PaperServer, _ signal: Int32?) {
    let c = server.broker.counters
    let why = signal.map(StopSignal.name) ?? "its file"
    say(
      .info,
      "\(why): ends after \(c.newOrders.grouped) orders (\(c.rejected.grouped) rejected), "
        + "\(c.executions.grouped) executions, \(c.logins.grouped) log-ins")
    let faults: [(String, UInt64)] = [
      ("forgotten", c.forgotten), ("delayed", c.delayed), ("doubled", c.doubled),
      ("contradicted", c.contradicted), ("dropped sessions", c.drops),
    ]
    let said = faults.filter { $0.1 > 0 }.map { "\($0.1.grouped) \($0.0)" }
    if !said.isEmpty { say(.info, "by setting: " + said.joined(separator: ", ")) }
    let bad = [
      ("malformed frames", c.malformed), ("log-ins refused", c.loginsRefused),
      ("sessions of clients that did not read, or asked for too much", c.slow),
      ("connections too many, or without a log-in", server.strangers),
      ("records of the feed that can't be", server.market.counters.malformed),
      ("actions that could not be booked for everybody", UInt64(server.actionsFailed)),
      ("datagrams that did not leave", server.unsentDatagrams),
      ("sockets of the feed that failed", server.feedSocketFailures),
      ("messages of the feed that were told too fast to be sent", server.skippedMessages),
    ].filter { $0.1 > 0 }.map { "\($0.1.grouped) \($0.0)" }
    if !bad.isEmpty { say(.warning, bad.joined(separator: ", ")) }
  }

  static func say(_ level: Console.Level, _ text: String) {
    Console.say(level, "needletail paper: \(text)")
  }
}
