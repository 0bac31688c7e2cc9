import CSupport
import Captures
import ExecutionCore
import Foundation
import Simulation
import Trading
import Transport

/// `needletail exchange`: the exchange as a process of its own.
enum ExchangeCommand {
  static let definition = CommandDefinition(
    name: "exchange",
    summary: "Run the exchange alone: market data, order entry, snapshots.",
    discussion: """
      Publishes a generated or a recorded market as MoldUDP64, takes OUCH 5.0 orders over SoupBinTCP
      and matches them with the flow. Says its ports in one JSON line, and goes on until it is stopped
      (SIGTERM or Ctrl-C). With --data it is durable: killed and started again it goes on. Without, its
      session ends with it: the feed says so, and runs that are attached have five seconds to cancel
      what works and to log out, which ends them with exit code 0; a second signal ends it at once.

      'needletail exchange --listen 127.0.0.1:26400' is found by 'needletail run --exchange
      127.0.0.1:26400 --instruments FILE': both put the re-request server at port 26401, the snapshot
      service at 26402, and the A and the B line at 26403 and 26404. --write-instruments makes FILE.

      An account serves one run. Another that logs in is told of the first one's orders, which are in no
      book of its own, and stops its own: before it, start the exchange again, with --new-session where
      there is a --data.

      Lines to a multicast group leave through the interface of --listen and stay on this machine (time
      to live 0), whoever has joined the group elsewhere; --multicast-hops lets them go further.

      Standard error says who logs in and from where, who is refused or closed and why, and what of its
      sockets fails; where it is no terminal, with UTC time and level. Of more than ten such lines of a
      kind in a minute only the number is said.
      """,
    options: options
  ) { try run($0) }

  static let options: [OptionDefinition] =
    [
      .value(
        "feed", "FILE|generated",
        "History: a file of framed ITCH messages or a pcap or pcapng of MoldUDP64, raw or .gz (- is standard "
          + "input), or a market made from --seed."),
      .value("seed", "N", "Seed of the generated market and of injected faults (1)."),
      .value(
        "style", "NAME",
        "Of the generated market: calm, volatile, thin, trending, jumping, halting."),
      .value("symbols", "N", "Of the generated market (20)."),
      .value("rate", "N", "Messages a second of session time of the generated market (5000)."),
      .value("messages", "N", "The generated market ends after so many messages."),
      .value("duration", "S", "The generated market ends after so many seconds of session time."),
      .value(
        "write-feed", "FILE",
        "Write the generated market to a file of framed ITCH messages, and end."
      ),
      .value(
        "write-instruments", "FILE",
        "Write the instruments and the session date as the CSV that --instruments of 'needletail run' reads, "
          + "before the ports are said."),
      .value(
        "speed", "N|max",
        "Times the original speed (1), or as fast as the core consumes; that needs --flow-control."),
      .value(
        "instruments", "FILE", "Instruments file (CSV); without one it is derived from the feed."),
      .value(
        "date", "YYYY-MM-DD",
        "Session date; else the instruments file's, the feed file name's, or the day of a capture's packets."
      ),
      .value(
        "listen", "HOST:PORT",
        "Order entry (127.0.0.1:0, a free port). With a PORT, the other services follow it by default."
      ),
      .value(
        "rerequest", "HOST:PORT",
        "Re-request server over UDP (PORT of --listen + 1, or a free port with port 0)."),
      .value(
        "snapshot", "HOST:PORT", "Snapshot service (PORT of --listen + 2, or a free port)."),
      .value(
        "feed-to", "HOST:PORT[,HOST:PORT]",
        "Where the A and the B line go, unicast or multicast (PORT of --listen + 3 and + 4 at its "
          + "HOST; nowhere with port 0)."),
      .value(
        "multicast-hops", "N",
        "Routers and networks that multicast lines may pass, their time to live: 0 stays on this machine, "
          + "1 on its network (0)."),
      .value(
        "username", "NAME[,NAME]", "The user names of its accounts, one for each (NTAIL1)."),
      .value(
        "password-file", "FILE",
        "The accounts' password, a line of 1 to 10 letters and digits, in a file that only its owner "
          + "may read; - is standard input, /dev/fd/N a descriptor. Without one it is: needletail."),
      .value(
        "password", "TEXT",
        "The same among the arguments, where every user of the machine can read it: for tests."),
      .value(
        "login-timeout", "S", "Close who has not logged in so long after connecting (10)."),
      .value(
        "message-rate", "N",
        "Close a connection that sends more messages to order entry in a second (200000)."),
      .value(
        "account-mebibytes", "N",
        "Room of an account in the store and in its stream; in the last sixteenth it may only cancel "
          + "(2048)."),
      .value(
        "data", "DIR",
        "Durable state: stopped and started again its session goes on; without it the session ends with the process."
      ),
      .flag("new-session", "Forget a stored session and begin a new one."),
      .flag("cancel-on-disconnect", "Working orders go with the connection."),
      .flag("start-on-login", "The feed begins at the first log-in to order entry."),
      .value(
        "flow-control", "FILE", "Shared counter of what the core has consumed, for --speed max."),
      .value(
        "report", "FILE", "Write the exchange's own account of the session at the end, as JSON."),
      .value("idle", "S", "End so long after the feed's end when nobody is connected (0: never)."),
      .value("loss", "P", "Lose datagrams of each line with this probability."),
      .value("duplicate", "P", "Send datagrams twice with this probability."),
      .value("reorder", "P", "Send datagrams after the next one with this probability."),
      .value(
        "fee-added", "D",
        "Dollars a share that added displayed liquidity, a rebate if negative (-0.002)."),
      .value("fee-added-hidden", "D", "The same of hidden liquidity (-0.001)."),
      .value("fee-removed", "D", "The same of liquidity that was removed (0.003)."),
      .flag("impact", "Later flow moves with what we took, by the square-root model."),
    ] + FeedOptions.definitions

  static func run(_ options: ParsedOptions) throws(CommandFailure) -> ExitCode {
    let seed = UInt64(try options.integer("seed", in: 0...Int.max) ?? 1)
    let file = options.text("feed").flatMap { $0 == "generated" ? nil : $0 }
    let choice = try FeedOptions.choice(options)
    try checkFeed(options, file, choice)
    let instruments = try InputFile.instruments(options.text("instruments"))
    let recording = try file.map(InputFile.feed)
    var signs: SessionDay.Signs?
    switch recording {
    case .some(let recording): signs = SessionDay.Signs(file: file ?? "", feed: recording)
    case .none: break
    }
    let day = try SessionDay(
      given: try givenDate(options), instruments: instruments?.date, signs: signs)
    let date = day.date
    let midnight = SessionCalendar.midnight(date)
    if let path = options.text("write-feed") {
      let settings = try generator(options, seed: seed, midnight: midnight, needsEnd: true)
      try writeInstruments(options, ExchangeFeed(generated: settings).instruments, date)
      return try writeFeed(settings, path: path)
    }
    let feed: ExchangeFeed
    if let recording {
      do throws(FeedError) {
        feed = try ExchangeFeed(
          file: recording, instruments: instruments?.instruments, midnight: midnight, choice: choice
        )
      } catch {
        throw CommandFailure(error.cause.exitCode, "\(error)")
      }
    } else {
      feed = ExchangeFeed(
        generated: try generator(options, seed: seed, midnight: midnight, needsEnd: false))
    }
    try writeInstruments(options, feed.instruments, date)
    return try serve(options, feed: feed, notes: day.notes, seed: seed)
  }

  // MARK: - Options

  private static func checkFeed(
    _ options: ParsedOptions, _ file: String?, _ choice: CaptureChoice
  ) throws(CommandFailure) {
    guard let file else {
      guard choice == CaptureChoice() else { throw FeedOptions.needCapture }
      return
    }
    guard file == "-" else {
      return try InputFile.check(file, what: "feed", option: "--feed")
    }
    if options.text("password-file") == "-" {
      throw CommandFailure(
        .usage, "'--feed -' and '--password-file -' both want standard input: name a file for one")
    }
  }

  private static func givenDate(_ options: ParsedOptions) throws(CommandFailure) -> SessionDate? {
    guard let text = options.text("date") else { return nil }
    guard let date = SessionDate(parsing: text) else {
      throw options.refuse("date", text, "a date as 2019-12-30")
    }
    return date
  }

  private static func generator(
    _ options: ParsedOptions, seed: UInt64, midnight: Int64, needsEnd: Bool
  ) throws(CommandFailure) -> GeneratorSettings {
    var settings = GeneratorSettings(
      seed: seed, style: try options.choice("style", of: MarketStyle.self) ?? .calm,
      symbols: try options.integer("symbols", in: 1...GeneratorSettings.symbolsMax) ?? 20,
      rate: Int64(
        try options.integer("rate", in: 1...Int(GeneratorSettings.rateMax)) ?? 5_000),
      midnight: midnight)
    settings.messagesMax = (try options.integer("messages", in: 10...Int.max)).map(UInt64.init)
    settings.duration = (try options.number("duration", in: 0.001...86_400))
      .map { Int64($0 * 1_000_000_000) }
    if needsEnd, settings.messagesMax == nil, settings.duration == nil {
      throw CommandFailure(.usage, "'--write-feed' needs '--messages N' or '--duration S'")
    }
    return settings
  }

  private static func writeInstruments(
    _ options: ParsedOptions, _ instruments: [InstrumentFacts], _ date: SessionDate
  ) throws(CommandFailure) {
    guard let path = options.text("write-instruments") else { return }
    let file = InstrumentsFile(instruments: instruments, date: date)
    let text = file.text
    var again: InstrumentsFile?
    var problem = "it would be read as others"
    do throws(InstrumentsFile.ParseError) {
      again = try InstrumentsFile(parsing: text, name: path)
    } catch {
      problem = "\(error)"
    }
    // Who reads it is to know what we know, and nothing else.
    guard again == file else {
      throw CommandFailure(.dataError, "\(path): the instruments are not written: \(problem)")
    }
    try RunDirectory.replace(path, with: text, mode: 0o644)
  }

  private static func writeFeed(
    _ settings: GeneratorSettings, path: String
  ) throws(CommandFailure) -> ExitCode {
    do throws(StoreError) {
      let result = try FeedWriter.write(settings, to: path)
      Console.line("{\"messages\":\(result.messages),\"bytes\":\(result.bytes)}")
      return .ok
    } catch {
      throw CommandFailure(.creating(errno: error.errorNumber), "\(error)")
    }
  }

  static func serverSettings(
    _ options: ParsedOptions, seed: UInt64
  ) throws(CommandFailure) -> ExchangeServerSettings {
    var settings = ExchangeServerSettings()
    settings.orderEntry = try endpoint(options, "listen") ?? .loopback()
    let entry = settings.orderEntry
    guard entry.port <= DefaultPort.orderEntryMax || !needsDefaultPorts(options) else {
      throw CommandFailure(
        .usage,
        "'--listen \(entry)' is refused: up to port \(DefaultPort.orderEntryMax) the other services "
          + "follow at the next four; give --rerequest, --snapshot and --feed-to, or a lower port")
    }
    settings.rerequest =
      try endpoint(options, "rerequest") ?? DefaultPort.rerequest.endpoint(above: entry)
      ?? .loopback()
    settings.snapshot =
      try endpoint(options, "snapshot") ?? DefaultPort.snapshot.endpoint(above: entry)
      ?? .loopback()
    if let text = options.text("feed-to") {
      let parts = text.split(separator: ",")
      guard (1...2).contains(parts.count) else {
        throw options.refuse("feed-to", text, "one or two of HOST:PORT, separated by a comma")
      }
      for part in parts { settings.feedTo.append(try parse(options, "feed-to", String(part))) }
    } else {
      settings.feedTo = [DefaultPort.lineA, .lineB].compactMap { $0.endpoint(above: entry) }
    }
    settings.multicastHops = UInt8(try options.integer("multicast-hops", in: 0...255) ?? 0)
    if let text = options.text("speed") { settings.pace = try pace(options, text) }
    settings.startsAtLogin = options.flag("start-on-login")
    settings.password = try password(options)?.word ?? settings.password
    if let seconds = try options.number("login-timeout", in: 0.1...3_600) {
      settings.limits.loginTimeout = Int64(seconds * 1_000_000_000)
    }
    if let rate = try options.integer("message-rate", in: 1...1_000_000_000) {
      settings.limits.messagesPerSecond = rate
    }
    settings.idleMax = Int64((try options.number("idle", in: 0...86_400) ?? 0) * 1_000_000_000)
    settings.faults.seed = seed
    settings.faults.loss = try probability(options, "loss")
    settings.faults.duplication = try probability(options, "duplicate")
    settings.faults.reordering = try probability(options, "reorder")
    return settings
  }

  private static func pace(
    _ options: ParsedOptions, _ text: String
  ) throws(CommandFailure) -> ExchangePace {
    if text == "max" { return .max }
    let range = Decimal8(raw: 100_000)...1_000_000
    guard let speed = Decimal8(text), range.contains(speed) else {
      throw options.refuse(
        "speed", text, "max, or a number from 0.001 to 1000000 with eight decimals at the most")
    }
    return .times(speed.raw)
  }

  static func password(_ options: ParsedOptions) throws(CommandFailure) -> Secret? {
    if let file = options.text("password-file") {
      guard options.text("password") == nil else {
        throw CommandFailure(.usage, "'--password' and '--password-file' exclude each other")
      }
      return try PasswordFile.read(file)
    }
    guard let word = options.text("password") else { return nil }
    guard Configuration.Session.isPassword(word) else {
      throw options.refuse("password", "…", Configuration.Session.passwordWanted)
    }
    return Secret(word)
  }

  private static func fees(
    _ options: ParsedOptions
  ) throws(CommandFailure) -> Configuration.Fees {
    var fees = Configuration.Fees()
    fees.addedPerShare = try fee(options, "fee-added") ?? fees.addedPerShare
    fees.addedHiddenPerShare = try fee(options, "fee-added-hidden") ?? fees.addedHiddenPerShare
    fees.removedPerShare = try fee(options, "fee-removed") ?? fees.removedPerShare
    return fees
  }

  private static func fee(
    _ options: ParsedOptions, _ name: String
  ) throws(CommandFailure) -> Decimal8? {
    guard let text = options.text(name) else { return nil }
    let range = Configuration.Fees.range
    guard let fee = Decimal8(text), range.contains(fee) else {
      throw options.refuse(
        name, text,
        "dollars from \(range.lowerBound) to \(range.upperBound), at most eight decimals")
    }
    return fee
  }

  private static func needsDefaultPorts(_ options: ParsedOptions) -> Bool {
    ["rerequest", "snapshot", "feed-to"].contains { options.text($0) == nil }
  }

  private static func probability(
    _ options: ParsedOptions, _ name: String
  ) throws(CommandFailure) -> UInt64 {
    UInt64((try options.number(name, in: 0...1) ?? 0) * 1_000_000)
  }

  private static func endpoint(
    _ options: ParsedOptions, _ name: String
  ) throws(CommandFailure) -> Endpoint? {
    guard let text = options.text(name) else { return nil }
    return try parse(options, name, text)
  }

  private static func parse(
    _ options: ParsedOptions, _ name: String, _ text: String
  ) throws(CommandFailure) -> Endpoint {
    do throws(EndpointError) {
      return try Endpoint(parsing: text)
    } catch {
      throw CommandFailure(.usage, "'--\(name) \(text)' is refused: \(error)")
    }
  }

  private static func usernames(_ options: ParsedOptions) throws(CommandFailure) -> [String] {
    let text = options.text("username") ?? "NTAIL1"
    let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard names.allSatisfy(Configuration.Session.isUsername), Set(names).count == names.count else {
      throw CommandFailure(
        .usage,
        "'--username \(text)' is refused: each account has a name of 1 to 6 letters and digits of its own"
      )
    }
    return names
  }

  static func open(
    _ options: ParsedOptions, feed: ExchangeFeed
  ) throws(CommandFailure) -> ExchangeSession {
    var settings = ExchangeSessionSettings()
    settings.accounts = try usernames(options)
    settings.directory = options.text("data")
    settings.firstNumber = .random(in: 1...99_999_999)
    settings.startsNewSession = options.flag("new-session")
    settings.cancelsOnDisconnect = options.flag("cancel-on-disconnect")
    if let room = try options.integer("account-mebibytes", in: 1...4_096) {
      settings.accountBytesMax = room << 20
    }
    settings.exchange.impact.isEnabled = options.flag("impact")
    settings.exchange.fees = try fees(options).ofExchange
    if let directory = settings.directory { try RunDirectory.make(directory) }
    do throws(StoreError) {
      return try ExchangeSession(settings: settings, feed: feed)
    } catch {
      let code: ExitCode =
        error.errorNumber == EAGAIN
        ? .tryAgain
        : error.errorNumber == 0 ? .dataError : .opening(errno: error.errorNumber)
      throw CommandFailure(code, "\(error)")
    }
  }
}

extension FeedError.Cause {
  /// The exit code of a feed that cannot be read for this cause.
  var exitCode: ExitCode {
    switch self {
    case .data: .dataError
    case .system(let code): .opening(errno: code)
    }
  }
}
