import ExecutionCore
import Gateways
import Simulation
import Transport

/// Where a paper broker's market comes from, as the options say.
enum PaperOrigin {
  /// Its file, and session time at which it begins; nil: with its first record.
  case recording(String, from: Int64?)
  case generated(PriceGeneratorSettings)
  /// A feed that somebody else sends.
  case live(PaperFollower.Settings, [InstrumentFacts])

  /// Nanoseconds from midnight in New York at which a generated market begins: with that of orders.
  static let begin: Int64 = 34_199_000_000_000
  private static let ofGenerated = ["style", "symbols", "rate"]
  private static let ofLive = [
    "follow-kind", "follow-rerequest", "follow-snapshot", "follow-session", "follow-user",
    "instruments",
  ]

  init(_ options: ParsedOptions) throws(CommandFailure) {
    if let lines = options.text("follow") {
      for name in ["feed", "begin"] + Self.ofGenerated where options.text(name) != nil {
        throw CommandFailure(
          .usage,
          "'--\(name)' is of a market that is played, and '--follow' takes a live one: give one of the two"
        )
      }
      self = try Self.live(options, lines)
      return
    }
    for name in Self.ofLive where options.text(name) != nil {
      throw CommandFailure(
        .usage, "'--\(name)' is of a live feed: give '--follow', or leave it out")
    }
    guard let feed = options.text("feed") else {
      throw CommandFailure(
        .usage,
        "'--feed FILE' is needed: a recording (.ntc), as 'needletail capture import' makes it, or generated; or "
          + "'--follow LINES' for a live feed")
    }
    guard feed == "generated" else {
      for name in ["date"] + Self.ofGenerated where options.text(name) != nil {
        throw CommandFailure(
          .usage, "'--\(name)' is of a generated market: give '--feed generated', or leave it out")
      }
      try InputFile.check(feed, what: "feed", option: "--feed")
      self = .recording(feed, from: try Self.begin(options))
      return
    }
    let text = options.text("date") ?? "2020-01-02"
    guard let date = SessionDate(parsing: text) else {
      throw options.refuse("date", text, "a date as YYYY-MM-DD")
    }
    var settings = PriceGeneratorSettings(begin: SessionCalendar.midnight(date) + Self.begin)
    settings.begin = try Self.begin(options) ?? settings.begin
    settings.seed = UInt64(try options.integer("seed", in: 0...Int.max) ?? 1)
    settings.style = try options.choice("style", of: MarketStyle.self) ?? .calm
    settings.instruments =
      try options.integer("symbols", in: 1...PriceGeneratorSettings.instrumentsMax) ?? 2
    settings.rate = Int64(
      try options.integer("rate", in: 1...Int(PriceGeneratorSettings.rateMax)) ?? 500)
    self = .generated(settings)
  }

  private static func begin(_ options: ParsedOptions) throws(CommandFailure) -> Int64? {
    try options.integer("begin", in: 0...Int(PriceGeneratorSettings.beginMax)).map(Int64.init)
  }

  /// Session nanoseconds after which it is not gone on with: behind the end of a recording, and where too much would have
  /// to be generated first.
  func longest(_ source: borrowing PaperSource) -> Int64 {
    switch self {
    case .recording: source.end - source.begin
    case .generated(let settings): 100_000_000 / max(1, settings.rate) * 1_000_000_000
    case .live: 0
    }
  }

  /// What it is, for people; the same name is the same market.
  var name: String {
    switch self {
    case .recording(let path, let from): path + (from.map { ", from \($0)" } ?? "")
    case .generated(let s):
      "generated: seed \(s.seed), \(s.style.rawValue), \(s.instruments) instruments, "
        + "\(s.rate) records a second, from \(s.begin)"
    case .live(let s, _): "live: \(s.lineA)"
    }
  }

  func source() throws(CommandFailure) -> PaperSource {
    switch self {
    case .recording(let path, let from): try PaperSource(recording: path, from: from)
    case .generated(let settings): PaperSource(settings)
    case .live(_, let instruments): PaperSource(live: instruments)
    }
  }

  /// nil of a market that is played.
  func follower() throws(CommandFailure) -> PaperFollower? {
    guard case .live(let settings, let instruments) = self else { return nil }
    return try PaperFollower(settings, instruments)
  }

  // MARK: Live

  private static func live(
    _ options: ParsedOptions, _ lines: String
  ) throws(CommandFailure) -> PaperOrigin {
    var settings = PaperFollower.Settings()
    settings.kind = try options.choice("follow-kind", of: Configuration.FeedKind.self) ?? .orders
    let places = lines.split(separator: ",", omittingEmptySubsequences: false)
      .map { try? Endpoint(parsing: String($0)) }
    let good = places.compactMap { $0 }
    guard (1...2).contains(places.count), good.count == places.count else {
      throw options.refuse("follow", lines, "one or two of HOST:PORT, separated by a comma")
    }
    settings.lineA = good[0]
    settings.lineB = good.count > 1 ? good[1] : Endpoint(address: settings.interface, port: 0)
    settings.rerequest =
      try PaperCommand.endpoint(options, "follow-rerequest") ?? settings.rerequest
    settings.snapshot = try PaperCommand.endpoint(options, "follow-snapshot") ?? settings.snapshot
    if let text = options.text("follow-session") {
      guard let session = SessionName(text), !session.isBlank else {
        throw options.refuse("follow-session", text, "one to ten printable ASCII characters")
      }
      settings.session = session
    } else if settings.kind == .prices || settings.snapshot.port == 0 {
      throw CommandFailure(
        .usage,
        "'--follow' needs '--follow-session NAME', the feed's session, or of orders '--follow-snapshot', whose service "
          + "names it")
    }
    let word = try options.text("password-file").map(PasswordFile.read)?.word ?? "needletail"
    let user = options.text("follow-user") ?? "NTAIL1"
    guard let credentials = SoupCredentials(username: user, password: word) else {
      throw options.refuse("follow-user", user, "1 to 6 printable ASCII characters")
    }
    settings.credentials = credentials
    settings.speed = try PaperCommand.serverSettings(options).speed
    let (instruments, date) = try Self.instruments(options)
    settings.midnight = SessionCalendar.midnight(date)
    return .live(settings, instruments)
  }

  /// Of a CSV, or those of a recording; and the day.
  private static func instruments(
    _ options: ParsedOptions
  ) throws(CommandFailure) -> ([InstrumentFacts], SessionDate) {
    guard let path = options.text("instruments") else {
      throw CommandFailure(
        .usage,
        "'--follow' needs '--instruments FILE': the CSV that 'needletail exchange --write-instruments' writes, or a "
          + "recording (.ntc) of them")
    }
    let given = options.text("date")
    let date = given.flatMap { SessionDate(parsing: $0) }
    if let given, date == nil { throw options.refuse("date", given, "a date as YYYY-MM-DD") }
    guard !InputFile.isRecording(path) else {
      let source = try PaperSource(recording: path)
      return (source.instruments, date ?? SessionDate(newYork: source.begin) ?? OrdersPlan.anyDay)
    }
    guard let file = try InputFile.instruments(path) else { return ([], OrdersPlan.anyDay) }
    // Shares are traded one by one.
    let instruments = file.instruments.map { facts in
      var single = facts
      single.roundLot = 1
      return single
    }
    return (instruments, date ?? file.date)
  }
}
