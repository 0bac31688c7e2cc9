import CSupport
import Captures
import ExecutionCore
import Foundation
import Gateways
import Transport

/// `needletail paper`: the paper broker as a process of its own.
enum PaperCommand {
  static let definition = CommandDefinition(
    name: "paper",
    summary: "Run the paper broker alone: fills orders at a recorded market.",
    discussion: """
      Plays a recording of quotes, trades or books by price (.ntc, see 'needletail capture import') at
      the speed of its own times, takes orders over TCP, and fills them on paper: against displayed size
      where an order takes, when the market trades through it or has worked off the queue where it
      rests. Says its port in one JSON line, and goes on until it is stopped (SIGTERM or Ctrl-C).

      With --data it keeps orders, executions and positions in a file of its own: killed and started again
      it goes on with all that anybody was told. How it fills, and its protocol field by field:
      Sources/Gateways/Paper/Protocol.md.

      When the recording is over nothing trades any more: orders are rejected, clients may still ask.
      """,
    options: [
      .value("feed", "FILE", "The recording (.ntc). Needed."),
      .value("speed", "N", "Times the recording's own speed, 0.01 to 10000 (1)."),
      .value("listen", "HOST:PORT", "Where clients connect (127.0.0.1:0, a free port)."),
      .value(
        "account", "NAME[,NAME]", "Its accounts, 1 to 16 letters, digits, . _ - each (paper)."),
      .value(
        "password-file", "FILE",
        "The accounts' password, a line of 1 to 10 letters and digits, in a file that only its owner "
          + "may read; - is standard input, /dev/fd/N a descriptor. Without one it is: needletail."),
      .value("cash", "D", "Each account's cash at the beginning (1000000)."),
      .value("data", "DIR", "Keep the accounts there. Without it they end with the process."),
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
    guard let feed = options.text("feed") else {
      throw CommandFailure(
        .usage,
        "'--feed FILE' is needed: a recording (.ntc), as 'needletail capture import' makes it")
    }
    try InputFile.check(feed, what: "feed", option: "--feed")
    let market = try PaperMarket(feed)
    let speed = try number(options, "speed", in: Decimal8(raw: 1_000_000)...10_000, or: 1)
    var settings = try settings(options, market.instruments)
    // Clients live by the clock on the wall, the broker by its market's.
    settings.heartbeatInterval = max(1, speed.raw * 10)
    let place = try endpoint(options)
    StopSignal.block()
    _ = nt_clock_calibrate()
    Console.startLog()
    let file = try options.text("data").map { directory throws(CommandFailure) in
      try PaperFile(directory)
    }
    let broker = try broker(settings, file)
    var server: PaperServer
    do throws(ReactorError) {
      server = try PaperServer(
        broker, market, file: file, at: place, speed: speed.raw, say: say)
    } catch {
      throw CommandFailure(
        .listening(errno: error.errorNumber), "\(error); give another place with --listen")
    }
    Console.line("{\"paper\":\"\(server.endpoint)\"}")
    if let failure = Console.outputFailure {
      throw CommandFailure(
        .inputOutput,
        "nobody can find a paper broker that cannot say its port on standard output: "
          + String(cString: strerror(failure)))
    }
    var signal: Int32?
    while signal == nil, server.fileFailure == nil {
      server.turn()
      signal = StopSignal.take(milliseconds: 0)
    }
    server.finish()
    sayEnd(server, signal)
    if let failure = server.fileFailure { throw failure }
    if let failure = server.market.failure {
      throw CommandFailure(failure.cause.exitCode, "\(failure)")
    }
    return .ok
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
    ].filter { $0.1 > 0 }.map { "\($0.1.grouped) \($0.0)" }
    if !bad.isEmpty { say(.warning, bad.joined(separator: ", ")) }
  }

  private static func say(_ level: Console.Level, _ text: String) {
    Console.say(level, "needletail paper: \(text)")
  }

  // MARK: Options

  private static func settings(
    _ options: ParsedOptions, _ instruments: [InstrumentFacts]
  ) throws(CommandFailure) -> PaperSettings {
    let names = (options.text("account") ?? "paper").split(separator: ",").map(String.init)
    let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    guard !names.isEmpty, names.count <= 256, Set(names).count == names.count,
      names.allSatisfy({ (1...16).contains($0.count) && $0.allSatisfy(allowed.contains) })
    else {
      throw options.refuse(
        "account", options.text("account") ?? "",
        "1 to 256 different names of 1 to 16 letters, digits, . _ - each")
    }
    let password = try options.text("password-file").map(PasswordFile.read)
    let cash = try number(options, "cash", in: 0...10_000_000_000, or: 1_000_000)
    var settings = PaperSettings(
      instruments: instruments,
      accounts: names.map {
        PaperSettings.Account(
          name: $0, password: password?.word ?? "needletail", cash: Money(raw: Int128(cash.raw)))
      })
    let basisPoints: ClosedRange<Decimal8> = -1_000...1_000
    settings.fees = FeeSchedule(perNotional: [
      UInt8(ascii: "A"): try number(options, "fee-added", in: basisPoints, or: 1).raw / 10_000,
      UInt8(ascii: "R"): try number(options, "fee-removed", in: basisPoints, or: 4).raw / 10_000,
    ])
    let latency = 0...60_000_000
    settings.acceptLatency = Int64(try options.integer("accept-latency", in: latency) ?? 0) * 1_000
    settings.reportLatency = Int64(try options.integer("report-latency", in: latency) ?? 0) * 1_000
    if let queue = options.text("queue") {
      guard queue == "back" || queue == "front" else {
        throw options.refuse("queue", queue, "back or front")
      }
      settings.queue = queue == "back" ? .back : .front
    }
    settings.fillShare = try options.integer("fill-share", in: 1...100) ?? 100
    settings.slippage = Int64(try options.integer("slippage", in: 0...10_000) ?? 0)
    settings.impact = Int64(try options.integer("impact", in: 0...10_000) ?? 0)
    settings.seed = UInt64(try options.integer("seed", in: 0...Int.max) ?? 1)
    settings.rejects = try share(options, "rejects")
    settings.forgets = try share(options, "forget")
    settings.delays = try share(options, "delay")
    settings.doubles = try share(options, "double")
    settings.contradicts = try share(options, "contradict")
    settings.dropInterval = Int64(try options.integer("drop", in: 0...86_400) ?? 0) * 1_000_000_000
    settings.cancelsOnDisconnect = options.flag("cancel-on-disconnect")
    return settings
  }

  private static func number(
    _ options: ParsedOptions, _ name: String, in range: ClosedRange<Decimal8>, or usual: Decimal8
  ) throws(CommandFailure) -> Decimal8 {
    guard let text = options.text(name) else { return usual }
    guard let number = Decimal8(text), range.contains(number) else {
      throw options.refuse(
        name, text, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// A probability, in parts of a million.
  private static func share(
    _ options: ParsedOptions, _ name: String
  ) throws(CommandFailure) -> UInt32 {
    UInt32(try number(options, name, in: 0...1, or: 0).raw / 100)
  }

  private static func endpoint(_ options: ParsedOptions) throws(CommandFailure) -> Endpoint {
    guard let text = options.text("listen") else { return .loopback() }
    guard let endpoint = try? Endpoint(parsing: text) else {
      throw options.refuse("listen", text, "HOST:PORT")
    }
    return endpoint
  }
}
