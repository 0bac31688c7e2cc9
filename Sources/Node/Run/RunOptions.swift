import Simulation
import Transport

/// What `needletail run` was asked: the configuration file with the command line over it.
struct RunOptions: Sendable {
  var configuration = Configuration()
  var dataDirectory = "needletail-data"
  var isVirtualTime = false
  /// What was left out of the configuration because of what was asked, in words.
  var notes: [String] = []
  /// Of the feeds of a capture.
  var choice = CaptureChoice()

  static let definitions: [OptionDefinition] =
    [
      .value("config", "FILE", "Configuration; the options here go before it. Default: none."),
      .flag(
        "print-config",
        "Print a commented configuration with every default, or with what --config sets, and stop."),
      .flag("check-config", "Read --config, say what is wrong with it and where, and stop."),
      .value(
        "feed", "FILE|generated",
        "Framed ITCH 5.0 or a pcap or pcapng of MoldUDP64, raw or .gz (- is standard input), or the generated "
          + "market: the exchange trades it. Or a recording (.ntc), which is traded on paper. No other venue is "
          + "traded at. Default: as configured, a generated market for each venue."),
      .value("seed", "N", "Seed of the generated market. Default: 1."),
      .value(
        "speed", "N|max",
        "Times session time, or max: as fast as the core consumes; with --exchange what the exchange has. "
          + "Default: 1."),
      .value(
        "duration", "SECONDS",
        "Ends the run after so long; with --virtual-time, of session time. Default: 30 for the generated "
          + "market, until the end of the feed for a file and with --exchange."),
      .value(
        "date", "YYYY-MM-DD",
        "Session date. Default: the instruments file's, else the one in the feed file's name, else New York's "
          + "day of a capture's first packet. The feed's times count from its midnight: a wrong date moves every time in the journal by whole days."
      ),
      .value(
        "instruments", "FILE",
        "CSV: \(InstrumentsFile.columns.joined(separator: ", ")); the bands may be left out. With "
          + "--exchange it is needed: what is known of the venue's market comes from it alone."),
      .flag(
        "virtual-time",
        "Everything in this process, in virtual time: the same bytes every time, unless a person meddles "
          + "with it ('needletail kill' and 'rearm', the kill file, Ctrl-C)."),
      .value(
        "faults", "NAME=N,…",
        "With --virtual-time: what goes wrong, from a seed. Percent (0 to 100): loss, duplicate, reorder, "
          + "short; how often a minute (0 to 6000): resets, half_opens, cuts, stalls; decimals are allowed. "
          + "seed is a whole number (0: the run's). Those that are named go before the configuration's "
          + "faults, which keep the others."),
      .value(
        "data", "DIR",
        "Where everything is written, but for the empty lock files of the processors "
          + "(/run/lock/needletail-cpuN.lock). Default: needletail-data. One with open orders or positions "
          + "is refused."),
      .value("summary", "text|json", "How the summary is printed. Default: text."),
      .value(
        "venues", "NAME[,NAME]",
        "Trade at these of the configured venues only, and take in only the feeds that they trade. Default: all "
          + "of them."),
      .value(
        "exchange", "HOST:PORT",
        "Attach to the order entry of a running exchange instead of starting one (not at speed max), and trade at "
          + "no other venue; needs --instruments, as 'needletail exchange --write-instruments' writes them. "
          + "Unless the configuration says otherwise, re-requests are at PORT + 1, snapshots at + 2, and "
          + "the A and B line are received at + 3 and + 4 of HOST. Its accounts serve one run: before the "
          + "next one start it again, with --new-session if it has a --data."),
      .value(
        "strategy", "NAME",
        "Run only this one of the configured strategies. Default: all of them.", repeats: true),
    ] + FeedOptions.definitions

  init() {}

  init(_ options: ParsedOptions) throws(CommandFailure) {
    isVirtualTime = options.flag("virtual-time")
    if let file = options.text("config") {
      configuration = try Configuration.load(file, isVirtualTime: isVirtualTime)
    }
    if let names = options.text("venues") { try keepVenues(names) }
    try readRun(options)
    try readMarket(options)
    if let format = try options.choice("summary", of: Configuration.Format.self) {
      configuration.summary.format = format
    }
    if let directory = options.text("data") { dataDirectory = directory }
    if let text = options.text("faults"), let problem = configuration.faults.take(text) {
      throw CommandFailure(.usage, "'--faults \(text)' is refused: \(problem)")
    }
    choice = try FeedOptions.choice(options)
    try select(options.texts("strategy"))
    try check()
    try completeExchange()
  }

  /// What goes over the group `run` of the configuration.
  private mutating func readRun(_ options: ParsedOptions) throws(CommandFailure) {
    if let seed = try options.integer("seed", in: 0...Int.max) {
      configuration.run.seed = UInt64(seed)
    }
    if let text = options.text("speed") {
      guard let speed = Configuration.Speed(text) else {
        throw options.refuse("speed", text, String(Configuration.Speed.wanted.dropFirst(9)))
      }
      configuration.run.speed = speed
      // Who has said nothing of feeds and venues gets the one that goes with it.
      let usual = Configuration()
      if speed == .max, !isVirtualTime, configuration.feeds == usual.feeds,
        configuration.venues == usual.venues
      {
        configuration.keepVenues { $0.kind == .exchange }
        notes.append("speed max goes with one feed: the exchange's is traded, and nothing on paper")
      }
    }
    if let text = options.text("duration") {
      let range = Configuration.Run.durationRange
      guard let seconds = Decimal8(text), range.contains(seconds) else {
        throw options.refuse(
          "duration", text, "seconds from \(range.lowerBound) to \(range.upperBound)")
      }
      configuration.run.durationSeconds = seconds
    }
    if let date = options.text("date") {
      guard Wanted.isDate(date) else { throw options.refuse("date", date, "a date as 2019-12-30") }
      configuration.run.date = date
    }
  }

  /// What goes over the exchange and its feed. Of those that say what the market is, no other stays beside it.
  private mutating func readMarket(_ options: ParsedOptions) throws(CommandFailure) {
    if let feed = options.text("feed") {
      guard !feed.isEmpty else { throw options.refuse("feed", feed, "generated or a file") }
      try takeFeed(feed)
    }
    if let file = options.text("instruments") {
      try needExchange("instruments", file)
      configuration.equities?.instrumentsFile = file
    }
    if let endpoint = options.text("exchange") {
      guard Wanted.isEndpoint(endpoint) else {
        throw options.refuse("exchange", endpoint, String(Wanted.endpoint.dropFirst(9)))
      }
      try needExchange("exchange", endpoint)
      configuration.keepVenues { $0.kind == .exchange }
      configuration.exchange?.attach = endpoint
    }
    if options.text("seed") != nil, let exchange = configuration.exchange, exchange.isAttached {
      throw CommandFailure(
        .usage,
        "'--seed' is of the generated market, and the exchange at "
          + "\(exchange.attach) plays one of its own: leave '--seed' out")
    }
  }

  /// A recording of ours is traded on paper, everything else at the exchange; at no other venue.
  private mutating func takeFeed(_ feed: String) throws(CommandFailure) {
    guard InputFile.isRecording(feed) else {
      try needExchange("feed", feed)
      configuration.keepVenues { $0.kind == .exchange }
      configuration.equities?.source = feed
      return
    }
    guard let paper = configuration.venues.first(where: { $0.kind == .paper }),
      let place = configuration.feeds.firstIndex(where: { $0.name == paper.feed })
    else {
      throw CommandFailure(
        .usage,
        "'--feed \(feed)' is refused: it is a recording, which a venue of kind paper trades, and the run has none"
      )
    }
    configuration.feeds[place].source = feed
    configuration.keepVenues { $0.name == paper.name }
  }

  private func needExchange(_ option: String, _ text: String) throws(CommandFailure) {
    guard configuration.exchange == nil else { return }
    let names = configuration.venues.map(\.name).joined(separator: ", ")
    throw CommandFailure(
      .usage,
      "'--\(option) \(text)' is refused: it is of a venue of kind exchange, and the run has \(names)"
    )
  }

  private mutating func keepVenues(_ text: String) throws(CommandFailure) {
    let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let known = configuration.venues.map(\.name)
    for name in names where !known.contains(name) {
      throw CommandFailure(
        .usage,
        "'--venues \(text)' is refused: there is no venue '\(name)'; configured are "
          + "\(known.joined(separator: ", "))" + Nearest.hint(name, among: known))
    }
    configuration.keepVenues { names.contains($0.name) }
  }

  private mutating func select(_ names: [String]) throws(CommandFailure) {
    guard !names.isEmpty else { return }
    let known = configuration.strategies.map(\.name)
    for name in names where !known.contains(name) {
      throw CommandFailure(
        .usage,
        "'--strategy \(name)' is refused: configured are \(known.joined(separator: ", "))"
          + Nearest.hint(name, among: known))
    }
    configuration.strategies.removeAll { !names.contains($0.name) }
  }

  /// Of a running exchange, what is not configured is where `needletail exchange --listen` puts it.
  private mutating func completeExchange() throws(CommandFailure) {
    guard let exchange = configuration.exchange, var feed = configuration.equities,
      let entry = try? Endpoint(parsing: exchange.attach)
    else { return }
    func place(_ text: String, _ port: DefaultPort) throws(CommandFailure) -> String {
      guard text.isEmpty else { return text }
      guard let endpoint = port.endpoint(above: entry) else {
        throw CommandFailure(
          .usage,
          "'--exchange \(entry)' is refused: above port \(DefaultPort.orderEntryMax) configure line_a, "
            + "line_b, rerequest and snapshot of its feed")
      }
      return endpoint.description
    }
    feed.rerequest = try place(feed.rerequest, .rerequest)
    feed.snapshot = try place(feed.snapshot, .snapshot)
    feed.lineA = try place(feed.lineA, .lineA)
    feed.lineB = try place(feed.lineB, .lineB)
    configuration.equities = feed
  }

  /// What no single option can see.
  private func check() throws(CommandFailure) {
    let isAttached = configuration.isAttached
    if configuration.run.speed == .max {
      if isAttached {
        throw CommandFailure(
          .usage,
          "'--speed max' needs an exchange of our own, because it is flow-controlled: give a number, "
            + "or leave '--exchange' out")
      }
      if configuration.feeds.count > 1, !isVirtualTime {
        throw CommandFailure(
          .usage,
          "'--speed max' is refused: \(Configuration.Speed.needsOneFeed), as with '--venues NAME'")
      }
      if !isVirtualTime,
        let paper = configuration.venues.first(where: { $0.kind == .paper && !$0.isAttached })
      {
        throw CommandFailure(
          .usage,
          "'--speed max' needs an exchange alone, because only that is flow-controlled, and the run has the paper venue "
            + "'\(paper.name)': give a number, or '--venues NAME'")
      }
    }
    if isAttached, isVirtualTime {
      throw CommandFailure(
        .usage, "'--virtual-time' runs in one process: it cannot attach to an exchange")
    }
    if let exchange = configuration.exchange, let feed = configuration.equities {
      try check(exchange, feed)
    }
    for venue in configuration.venues where venue.kind == .paper && !venue.isAttached {
      guard let feed = configuration.feed(of: venue), !feed.session.isEmpty else { continue }
      throw CommandFailure(
        .configuration,
        "feed '\(feed.name)': session is of a venue that is attached; the one that is started says its own: leave it "
          + "out")
    }
    if let (venue, feed) = configuration.orders, venue.kind == .paper, !venue.isAttached {
      throw CommandFailure(
        .configuration,
        "venue '\(venue.name)' trades the feed of orders '\(feed.name)', which somebody else sends: start 'needletail "
          + "paper --follow', and give its place as 'attach'")
    }
    for venue in configuration.venues where venue.kind == .paper && venue.isAttached {
      guard let feed = configuration.feed(of: venue) else { continue }
      let needed =
        feed.kind == .prices
        ? [("line_a", feed.lineA), ("rerequest", feed.rerequest), ("session", feed.session)]
        : [
          ("line_a", feed.lineA), ("instruments_file", feed.instrumentsFile),
          ("session' or 'snapshot", feed.session + feed.snapshot),
        ]
      guard let missing = needed.first(where: { $0.1.isEmpty }) else { continue }
      throw CommandFailure(
        .configuration,
        "venue '\(venue.name)' is attached, and its feed '\(feed.name)' has no '\(missing.0)': give what "
          + "'needletail paper' says at its start, and its '--feed-to'")
    }
    if choice != CaptureChoice(),
      configuration.exchange?.isAttached ?? true || configuration.equities?.isGenerated ?? true
    {
      throw FeedOptions.needCapture
    }
    if configuration.faults.isActive, !isVirtualTime {
      throw CommandFailure(.usage, Configuration.Faults.needVirtualTime)
    }
    if dataDirectory.isEmpty {
      throw CommandFailure(.usage, "'--data' needs the name of a directory")
    }
  }

  /// What is known of the market of an exchange that runs already.
  private func check(
    _ exchange: Configuration.Venue, _ feed: Configuration.Feed
  ) throws(CommandFailure) {
    guard exchange.isAttached else { return }
    if !feed.isGenerated {
      throw CommandFailure(
        .usage,
        "'--feed \(feed.source)' is refused: the exchange at "
          + "\(exchange.attach) plays a feed of its own; leave '--feed' out, or '--exchange'")
    }
    if feed.instrumentsFile.isEmpty {
      throw CommandFailure(
        .usage,
        "'--exchange \(exchange.attach)' needs '--instruments FILE' (instruments_file of its feed): ticks, "
          + "previous closes, volumes, short-sale states and the session date of what runs there; 'needletail "
          + "exchange --write-instruments FILE' writes them")
    }
  }
}
