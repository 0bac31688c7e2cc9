import Captures
import ExecutionCore
import Simulation

extension CaptureCommand {
  /// The markets that can be generated.
  enum GeneratedKind: String, CaseIterable {
    case prices
    case orders
  }

  static let generate = CommandDefinition(
    name: "capture generate",
    summary: "Make a recording of a generated market.",
    discussion: """
      prices: books by price (L2) and trades of coins in dollars, BTC-USD, ETH-USD, SOL-USD and so on,
      from midnight UTC of the day. Each book is told whole at the beginning, and again about every
      second, less often where that would be more than half of the records.
      orders: books by order (L3) and trades of invented shares, from the opening at 9:30 in New York:
      the same as 'needletail exchange' generates and --write-feed writes, imported as itch.

      The same options give the same records on every machine: their hash is said at the end, with
      counts (Sources/Captures/Format.md).

      JSON: one object with the keys of 'capture import'.
      """,
    operands: [OperandDefinition("FILE", "The recording to write (.ntc).")],
    options: [
      .value("kind", "prices|orders", "The market (prices)."),
      .value("seed", "N", "Its seed (1)."),
      .value(
        "style", "NAME", "calm (the default), volatile, thin, trending, jumping or halting."),
      .value("symbols", "N", "Instruments: 1 to 256 (2); of orders 1 to 12000 (20)."),
      .value(
        "rate", "N",
        "Records a second, 1 to 1000000 (500); of orders messages, 1 to 100000000 (5000)."),
      .value("seconds", "S", "How long, in session time: 0.001 to 86400 (60)."),
      .value("date", "YYYY-MM-DD", "The session's day (2020-01-02)."),
      .flag("replace", "Replace the file where it is."),
      format,
    ]
  ) { options in
    try generate(options)
  }

  private static func generate(_ options: ParsedOptions) throws(CommandFailure) -> ExitCode {
    let kind = try options.choice("kind", of: GeneratedKind.self) ?? .prices
    let isJSON = try options.choice("format", of: Format.self) == .json
    let market = try GeneratedMarket(kind, options)
    let path = options.operands[0]
    let report: ImportReport
    do throws(ImportFailure) {
      report = try market.record(to: path, replaces: options.flag("replace"))
    } catch { throw failure(error) }
    let text = [
      "\(path): \(report.records) records, \(report.bytes) bytes, of \(market.name)",
      kinds(report), "hash \(report.hash.text)",
    ]
    Console.line(isJSON ? json(report) : text.joined(separator: "\n"))
    return .ok
  }
}

/// A generated market of a stated length, to be recorded.
struct GeneratedMarket {
  private enum Market {
    case prices(PriceGeneratorSettings)
    case orders(GeneratorSettings)
  }
  private let market: Market
  private let date: SessionDate
  private let duration: Int64
  /// What it was made by, for people.
  let name: String

  init(_ kind: CaptureCommand.GeneratedKind, _ options: ParsedOptions) throws(CommandFailure) {
    date = try Self.date(options)
    let seconds = try options.number("seconds", in: 0.001...86_400) ?? 60
    duration = Int64((seconds * 1_000_000_000).rounded())
    let seed = UInt64(try options.integer("seed", in: 0...Int.max) ?? 1)
    let style = try options.choice("style", of: MarketStyle.self) ?? .calm
    let isOrders = kind == .orders
    let symbolsMax =
      isOrders ? GeneratorSettings.symbolsMax : PriceGeneratorSettings.instrumentsMax
    let rateMax = isOrders ? GeneratorSettings.rateMax : PriceGeneratorSettings.rateMax
    let symbols = try options.integer("symbols", in: 1...symbolsMax) ?? (isOrders ? 20 : 2)
    let rate = Int64(
      try options.integer("rate", in: 1...Int(rateMax)) ?? (isOrders ? 5_000 : 500))
    name =
      "a generated market: \(kind.rawValue), seed \(seed), \(style.rawValue), \(symbols) "
      + "instruments, \(rate) a second"
    switch kind {
    case .prices:
      var settings = PriceGeneratorSettings(
        begin: Int64(date.daysSince1970) * 86_400 * 1_000_000_000)
      settings.seed = seed
      settings.style = style
      settings.instruments = symbols
      settings.rate = rate
      market = .prices(settings)
    case .orders:
      market = .orders(
        GeneratorSettings(
          seed: seed, style: style, symbols: symbols, rate: rate, duration: duration,
          midnight: SessionCalendar.midnight(date)))
    }
  }

  private static func date(_ options: ParsedOptions) throws(CommandFailure) -> SessionDate {
    var given: SessionDate?
    if let text = options.text("date") {
      guard let date = SessionDate(parsing: text) else {
        throw options.refuse("date", text, "a day such as 2019-12-30")
      }
      given = date
    }
    return try SessionDay(given: given, instruments: nil, signs: nil).date
  }

  /// Writes the recording, from the beginning each time.
  func record(to path: String, replaces: Bool) throws(ImportFailure) -> ImportReport {
    switch market {
    case .prices(let settings):
      do throws(CaptureOutputError) {
        return try record(PriceGenerator(settings), to: path, replaces: replaces)
      } catch { throw .output(error) }
    case .orders(let settings):
      var options = ITCHImport.Options()
      options.day = date
      options.channel = "generated"
      options.replaces = replaces
      return try ITCHImport.run(
        made: {
          var generator = MarketGenerator(settings: settings)
          return { generator.next() }
        }, name: name, to: path, options: options)
    }
  }

  private func record(
    _ market: PriceGenerator, to path: String, replaces: Bool
  ) throws(CaptureOutputError) -> ImportReport {
    var header = CaptureHeader(
      channel: "generated",
      instruments: market.instruments.map {
        CapturedInstrument($0, contents: [.levels, .trades])
      })
    header.source = name
    header.day = Int32(clamping: date.daysSince1970)
    var recorder = try CaptureRecorder(path: path, header: header, replaces: replaces)
    var generator = market
    let end = generator.settings.begin + duration
    var report = ImportReport()
    var counts = [Int](repeating: 0, count: 256)
    // Ends: session time goes on. The records of an event share theirs: none is cut.
    while true {
      let record = generator.next()
      guard record.sessionTime < end else { break }
      try recorder.append(record)
      counts[Int(record.kind)] += 1
    }
    try recorder.finish()
    for kind in FeedRecord.Kind.allCases where counts[Int(kind.rawValue)] > 0 {
      report.kinds[kind] = counts[Int(kind.rawValue)]
    }
    report.messages = Int(clamping: recorder.records)
    report.records = recorder.records
    report.hash = recorder.hash
    report.bytes = recorder.bytes
    return report
  }
}
