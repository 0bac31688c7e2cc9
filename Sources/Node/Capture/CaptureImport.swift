import Captures
import ExecutionCore
import Foundation

extension CaptureCommand {
  /// The formats that can be imported.
  enum SourceFormat: String, CaseIterable {
    case binance
    case lobster
    case databento
    case quantconnect
    case itch
  }

  static let importing = CommandDefinition(
    name: "capture import",
    summary: "Make a recording of files that other programs recorded.",
    discussion: """
      binance: websocket streams (depth, bookTicker, trade, aggTrade) and depth snapshots, one line a
      message: the local receive stamp in nanoseconds, a space, JSON; raw or .gz. Several files are one
      recording, in the order in which they are named.
      lobster: a message file; the order-book file beside it (its name with _orderbook_ for _message_)
      gives the book that it begins with.
      databento: one DBN file of version 1 or 2, schema mbo or mbp-1, raw or .zst.
      quantconnect: Lean's ticks of US equities, 20131007_quote.zip and _trade.zip of symbols and days,
      merged by time; each venue of a symbol is an instrument of its own, as BAC.Q.
      itch: framed NASDAQ TotalView-ITCH 5.0, raw or .gz: orders, executions, trades, trading actions.

      What was read, written, passed over and not understood is counted at the end, with the hash of
      the records (Sources/Captures/Format.md). A source that is cut, damaged or has malformed lines
      gives what is whole, names the first place and exits 65.

      JSON: one object with the keys messages, sourceBytes, records, bytes, hash, kinds, gaps,
      malformed, firstMalformed, unknownOrders and others. Whole numbers above 2^53 are text.
      """,
    operands: [
      OperandDefinition(
        "FORMAT", "What the files are: binance, lobster, databento, quantconnect or itch."),
      OperandDefinition("FILE", "The files.", repeats: true),
    ],
    options: [
      .value("output", "FILE", "The recording to write. It is not replaced where it is."),
      .flag("replace", "Replace it."),
      .value("channel", "NAME", "What the recording calls the feed."),
      .value("date", "DATE", "The session's day, where the file's name does not say it."),
      .value("symbol", "S", "The symbol, where the file's name does not say it."),
      .flag(
        "check", "lobster: compare the book after each message with the order-book file's row."),
      .value(
        "price-exponent", "N", "Prices are integers at 10^N; found in the files by default."),
      .value(
        "quantity-exponent", "N", "Quantities are integers at 10^N; found in the files by default."),
      format,
    ]
  ) { options in
    try importFiles(options)
  }

  private static func importFiles(_ options: ParsedOptions) throws(CommandFailure) -> ExitCode {
    guard let kind = SourceFormat(rawValue: options.operands[0]) else {
      let known = SourceFormat.allCases.map(\.rawValue)
      throw CommandFailure(
        .usage,
        "format '\(options.operands[0])' is none of \(known.joined(separator: ", "))"
          + Nearest.hint(options.operands[0], among: known))
    }
    guard let output = options.text("output") else {
      throw importing.usage("'--output FILE' is missing")
    }
    guard options.operands.count == 2 || kind == .binance || kind == .quantconnect else {
      throw importing.usage("\(kind.rawValue) takes one file a recording")
    }
    let isJSON = try options.choice("format", of: Format.self) == .json
    let sources = options.operands.dropFirst().map { ImportSource.file($0) }
    let chosen = try Chosen(options)
    let report: ImportReport
    do throws(ImportFailure) {
      report = try run(kind, sources, to: output, chosen)
    } catch { throw failure(error) }
    Console.line(isJSON ? json(report) : text(report, output))
    if let failure = report.failure {
      throw CommandFailure(exitCode(failure), failure.description)
    }
    if let first = report.firstMalformed {
      throw CommandFailure(
        .dataError, "\(report.malformed) messages are malformed, the first: \(first)")
    }
    return .ok
  }

  /// What the options say, of all formats.
  private struct Chosen {
    var priceExponent: Int?
    var quantityExponent: Int?
    var channel: String?
    var replaces: Bool
    var day: SessionDate?
    var symbol: String?
    var checks: Bool

    init(_ options: ParsedOptions) throws(CommandFailure) {
      if let text = options.text("date") {
        guard let date = SessionDate(parsing: text) else {
          throw options.refuse("date", text, "a day such as 2012-06-21")
        }
        day = date
      }
      symbol = options.text("symbol")
      checks = options.flag("check")
      priceExponent = try options.integer("price-exponent", in: -12...2)
      quantityExponent = try options.integer("quantity-exponent", in: -9...0)
      channel = options.text("channel")
      replaces = options.flag("replace")
    }
  }

  private static func run(
    _ kind: SourceFormat, _ sources: [ImportSource], to output: String, _ chosen: Chosen
  ) throws(ImportFailure) -> ImportReport {
    switch kind {
    case .binance:
      var options = BinanceImport.Options()
      options.priceExponent = chosen.priceExponent
      options.quantityExponent = chosen.quantityExponent
      options.channel = chosen.channel
      options.replaces = chosen.replaces
      return try BinanceImport.run(sources, to: output, options: options)
    case .lobster:
      var options = LobsterImport.Options()
      options.day = chosen.day
      options.symbol = chosen.symbol
      options.channel = chosen.channel
      options.book = bookFile(beside: sources[0].path)
      options.checks = chosen.checks
      options.replaces = chosen.replaces
      return try LobsterImport.run(sources[0], to: output, options: options)
    case .databento:
      var options = DatabentoImport.Options()
      options.channel = chosen.channel
      options.replaces = chosen.replaces
      return try DatabentoImport.run(sources[0], to: output, options: options)
    case .quantconnect:
      var options = QuantConnectImport.Options()
      options.day = chosen.day
      options.symbol = chosen.symbol
      options.channel = chosen.channel
      options.replaces = chosen.replaces
      return try QuantConnectImport.run(sources, to: output, options: options)
    case .itch:
      var options = ITCHImport.Options()
      options.day = chosen.day
      options.channel = chosen.channel
      options.replaces = chosen.replaces
      return try ITCHImport.run(sources[0], to: output, options: options)
    }
  }

  /// The order-book file of a message file, where it is there.
  private static func bookFile(beside path: String) -> ImportSource? {
    guard let place = path.ranges(of: "_message_").last else { return nil }
    let book = path.replacingCharacters(in: place, with: "_orderbook_")
    return access(book, R_OK) == 0 ? .file(book) : nil
  }

  private static func text(_ report: ImportReport, _ output: String) -> String {
    var lines = [
      "\(output): \(report.records) records, \(report.bytes) bytes, of \(report.messages) messages, "
        + "\(report.sourceBytes) bytes"
    ]
    lines.append(kinds(report))
    lines.append(
      "gaps \(report.gaps), malformed \(report.malformed), unknown orders \(report.unknownOrders)")
    for other in report.others { lines.append("\(other.name): \(other.count)") }
    lines.append("hash \(report.hash.text)")
    return lines.joined(separator: "\n")
  }

  /// Records that were written, in a line for people.
  static func kinds(_ report: ImportReport) -> String {
    let kinds = FeedRecord.Kind.allCases.compactMap { kind in
      report.kinds[kind].map { "\(kind.word) \($0)" }
    }
    return "kinds: " + (kinds.isEmpty ? "none" : kinds.joined(separator: ", "))
  }

  static func json(_ report: ImportReport) -> String {
    let kinds = FeedRecord.Kind.allCases.compactMap { kind in
      report.kinds[kind].map { (kind.word, JSONValue.exact($0)) }
    }
    return JSONValue.object([
      ("messages", .exact(report.messages)), ("sourceBytes", .exact(report.sourceBytes)),
      ("records", .exact(report.records)), ("bytes", .exact(report.bytes)),
      ("hash", .text(report.hash.text)), ("kinds", .object(kinds)), ("gaps", .exact(report.gaps)),
      ("malformed", .exact(report.malformed)),
      ("firstMalformed", report.firstMalformed.map { .text($0) } ?? .null),
      ("unknownOrders", .exact(report.unknownOrders)),
      ("others", .object(report.others.map { ($0.name, .exact($0.count)) })),
    ]).line
  }
}
