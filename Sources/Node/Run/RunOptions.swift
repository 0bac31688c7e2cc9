/// What `needletail run` was asked: the configuration file with the command line over it.
struct RunOptions: Sendable {
  var configuration = Configuration()
  var dataDirectory = "needletail-data"
  var isVirtualTime = false

  static let definitions: [OptionDefinition] = [
    .value("config", "FILE", "Configuration; the options here go before it. Default: none."),
    .flag("print-config", "Print a commented configuration with every default, and stop."),
    .value(
      "feed", "FILE|generated",
      "Framed ITCH 5.0 (raw or .gz), a pcap of MoldUDP64, or the generated market (default)."),
    .value("seed", "N", "Seed of the generated market. Default: 1."),
    .value(
      "speed", "N|max", "Times session time, or max: as fast as the core consumes. Default: 1."),
    .value("duration", "SECONDS", "Ends the run after so long. Default: 30."),
    .value(
      "instruments", "FILE",
      "CSV: symbol, tick, round lot, previous close, average volume, shortable, Reg SHO, trading "
        + "state, session date."),
    .flag(
      "virtual-time", "Everything in this process, in virtual time: the same bytes every time."),
    .value(
      "data", "DIR",
      "Where everything is written. Default: needletail-data. One with open orders or positions is "
        + "refused."),
    .value("summary", "text|json", "How the summary is printed. Default: text."),
    .value(
      "exchange", "HOST:PORT",
      "Attach to the order entry of a running exchange instead of starting one (not at speed max)."),
    .value(
      "strategy", "NAME",
      "Run only this one of the configured strategies. Default: all of them.", repeats: true),
  ]

  init() {}

  init(_ options: ParsedOptions) throws(CommandFailure) {
    if let file = options.text("config") { configuration = try Configuration.load(file) }
    if let feed = options.text("feed") {
      guard !feed.isEmpty else { throw options.refuse("feed", feed, "generated or a file") }
      configuration.feed.source = feed
    }
    if let seed = try options.integer("seed", in: 0...Int.max) {
      configuration.feed.seed = UInt64(seed)
    }
    if let text = options.text("speed") {
      guard let speed = Configuration.Speed(text) else {
        throw options.refuse("speed", text, String(Configuration.Speed.wanted.dropFirst(9)))
      }
      configuration.feed.speed = speed
    }
    if let text = options.text("duration") {
      let range = Configuration.Feed.durationRange
      guard let seconds = Decimal8(text), range.contains(seconds) else {
        throw options.refuse(
          "duration", text, "seconds from \(range.lowerBound) to \(range.upperBound)")
      }
      configuration.feed.durationSeconds = seconds
    }
    if let file = options.text("instruments") { configuration.feed.instrumentsFile = file }
    if let endpoint = options.text("exchange") {
      guard Wanted.isEndpoint(endpoint) else {
        throw options.refuse("exchange", endpoint, String(Wanted.endpoint.dropFirst(9)))
      }
      configuration.exchange.attach = endpoint
    }
    if let format = try options.choice("summary", of: Configuration.Format.self) {
      configuration.summary.format = format
    }
    if let directory = options.text("data") { dataDirectory = directory }
    isVirtualTime = options.flag("virtual-time")
    try select(options.texts("strategy"))
    try check()
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

  /// What no single option can see.
  private func check() throws(CommandFailure) {
    let isAttached = !configuration.exchange.attach.isEmpty
    if isAttached, configuration.feed.speed == .max {
      throw CommandFailure(
        .usage,
        "'--speed max' needs an exchange of our own, because it is flow-controlled: give a number, "
          + "or leave '--exchange' out")
    }
    if isAttached, isVirtualTime {
      throw CommandFailure(
        .usage, "'--virtual-time' runs in one process: it cannot attach to an exchange")
    }
    if dataDirectory.isEmpty {
      throw CommandFailure(.usage, "'--data' needs the name of a directory")
    }
  }
}
