internal import ExecutionCore

/// Makes a recording of Binance's websocket streams as collectors write them: one line a message, the local receive
/// stamp in nanoseconds, a space and the JSON text, raw or .gz.
///
/// `depthUpdate` becomes level records that share the sequence `u`, the last of them flagged; `bookTicker` a quote;
/// `trade` (or `aggTrade` where there is no `trade`) a trade with its aggressor. A depth snapshot of the REST
/// interface among the lines becomes a clear and levels, flagged as a snapshot; the depth events that came before it
/// and are newer than it follow once more, as Binance's documentation has a book built. Other messages are counted.
///
/// Continuity: on spot `U` is the `u` before + 1, on futures `pu` is the `u` before. Where it is not, and before the
/// first snapshot, stands a gap record: from there on the book holds only what was seen since. A snapshot has the
/// best levels of a side (1,000 of them at most), deeper ones are known only once they change.
///
/// Session time is `T`, or `E` where that is not there. Where both are not (spot's bookTicker, a snapshot) it is the
/// receive stamp, moved by what the venue's clock and the collector's lay apart at the message before that had both:
/// a collector's clock may be seconds off. The files are read twice: prices and quantities get the exponents that
/// hold all.
public struct BinanceImport {
  public struct Options: Sendable {
    /// Instead of those that the first reading finds.
    public var priceExponent: Int?
    public var quantityExponent: Int?
    public var channel: String?
    /// Replace a recording that is there.
    public var replaces = false

    public init() {}
  }

  /// Reads the sources one behind the other and writes the recording `path`. A source that is damaged gives what
  /// stands before, and ``ImportReport/failure``; so does a price or quantity that its exponent cannot hold.
  public static func run(
    _ sources: [ImportSource], to path: String, options: Options = Options()
  ) throws(ImportFailure) -> ImportReport {
    var survey = BinanceSurvey()
    for source in sources { try survey.read(source) }
    let header = try survey.header(sources, options)
    var output = try ImportOutput(path, header, replaces: options.replaces)
    var books = header.instruments.map { BinanceBook($0) }
    var clocks = survey.clocks
    for source in sources {
      do throws(ImportFailure) { try read(source, survey, &books, &clocks, &output) } catch {
        throw output.abandon(after: error)
      }
      guard output.report.failure == nil else { break }
    }
    if output.report.failure == nil, output.report.messages != survey.messages {
      output.report.failure = FeedError(
        path: sources.first?.path ?? path, offset: nil, cause: .data,
        problem: "has other lines than when it was read first",
        remedy: "give a file that is complete, and no pipe")
    }
    return try output.finish()
  }

  private static func read(
    _ source: ImportSource, _ survey: BinanceSurvey, _ books: inout [BinanceBook],
    _ clocks: inout Int64, _ output: inout ImportOutput
  ) throws(ImportFailure) {
    var lines = LineInput(try source.open())
    var message = BinanceMessage()
    // Ends with the source.
    while let line = unsafe lines.next() {
      output.report.messages += 1
      var touched = 0
      do throws(JSONError) {
        guard !lines.isTooLong else { throw JSONError(offset: 0, problem: "the line is too long") }
        try unsafe message.parse(line)
        guard message.kind != .other else {
          output.report.count("other messages")
          continue
        }
        guard message.kind != .aggregateTrade || !survey.hasTrades else {
          output.report.count("aggregate trades beside the trades")
          continue
        }
        touched = try survey.instrument(message)
        try apply(message, touched, &books[touched], &clocks, &output)
      } catch {
        output.report.malformed(
          "\(source.name) line \(lines.number), offset \(error.offset): \(error.problem)")
        continue
      }
      if let problem = books[touched].misfit {
        output.report.failure = FeedError(
          path: source.path, offset: lines.offset, cause: .data,
          problem: "line \(lines.number): \(problem)",
          remedy: "give exponents that hold it, or none: then they are found")
        break
      }
      try books[touched].drain(&output)
    }
    output.report.sourceBytes += lines.offset
    if let failure = lines.failure { output.report.failure = failure }
  }

  private static func apply(
    _ message: BinanceMessage, _ index: Int, _ book: inout BinanceBook, _ clocks: inout Int64,
    _ output: inout ImportOutput
  ) throws(JSONError) {
    let venueTime = try message.venueTime()
    if let venueTime {
      clocks = venueTime - message.receiveTime
    } else {
      output.report.count("messages without a time of the venue")
    }
    let (moved, isTooLarge) = message.receiveTime.addingReportingOverflow(clocks)
    if venueTime == nil, isTooLarge || moved < 0 {
      throw JSONError(offset: 0, problem: "the local stamp is no time by the venue's clock")
    }
    let time = venueTime ?? moved
    let instrument = UInt32(truncatingIfNeeded: index)
    switch message.kind {
    case .depth: try book.depth(message, instrument, time, &output.report)
    case .snapshot: try book.snapshot(message, instrument, time, &output.report)
    case .bookTicker: try book.ticker(message, instrument, time)
    case .trade, .aggregateTrade: try book.trade(message, instrument, time, &output.report)
    case .other: break
    }
  }
}

/// The first reading: which instruments there are, of which market, and how many digits they need.
struct BinanceSurvey {
  struct Found {
    var priceDecimals = 0
    var quantityDecimals = 0
    var contents: CapturedInstrument.Contents = []
    var isFutures = false
  }
  static var instrumentsMax: Int { 4_096 }

  private(set) var symbols: [String] = []
  private(set) var numbers: [String: Int] = [:]
  private(set) var found: [Found] = []
  private(set) var messages = 0
  private(set) var hasTrades = false
  private var isCoin = false
  private var firstTime: Int64?
  private var firstClocks: Int64?
  /// The venue's clock less the collector's, at the first message that had both.
  var clocks: Int64 { firstClocks ?? 0 }

  /// The number of the instrument that the message is about.
  func instrument(_ message: BinanceMessage) throws(JSONError) -> Int {
    if let symbol = message.symbolText {
      guard let number = numbers[symbol] else {
        throw message.fail("symbol '\(symbol)' is of no message that could be read", .symbol)
      }
      return number
    }
    guard message.kind == .snapshot, symbols.count == 1 else {
      throw message.fail("the message does not say of which symbol it is", .symbol)
    }
    return 0
  }

  mutating func read(_ source: ImportSource) throws(ImportFailure) {
    var lines = LineInput(try source.open())
    var message = BinanceMessage()
    // Ends with the source.
    while let line = unsafe lines.next() {
      messages += 1
      guard !lines.isTooLong else { continue }
      do throws(JSONError) {
        try unsafe message.parse(line)
        try take(message)
      } catch {
        // The second reading counts it, and says where.
        continue
      }
    }
    if let failure = lines.failure, messages == 0 { throw .source(failure) }
  }

  private mutating func take(_ message: BinanceMessage) throws(JSONError) {
    guard message.kind != .other else { return }
    var one = Found()
    switch message.kind {
    case .depth, .snapshot:
      one.contents = .levels
      one.isFutures = message[.previousUpdate] != nil
      let isDepth = message.kind == .depth
      for field in isDepth ? [BinanceMessage.Field.bids, .asks] : [.snapshotBids, .snapshotAsks] {
        try message.levels(field) { (price, quantity) throws(JSONError) in
          one.priceDecimals = max(one.priceDecimals, price.decimals)
          one.quantityDecimals = max(one.quantityDecimals, quantity.decimals)
        }
      }
    case .bookTicker:
      one.contents = .quotes
      one.priceDecimals = max(
        try message.decimal(.bids).decimals, try message.decimal(.asks).decimals)
      one.quantityDecimals = max(
        try message.decimal(.bidQuantity).decimals, try message.decimal(.askQuantity).decimals)
    case .trade, .aggregateTrade:
      one.contents = .trades
      one.priceDecimals = try message.decimal(.price).decimals
      one.quantityDecimals = try message.decimal(.quantity).decimals
      if message.kind == .trade { hasTrades = true }
    case .other: return
    }
    if message[.pair] != nil { isCoin = true }
    if firstTime == nil { firstTime = message.receiveTime }
    if firstClocks == nil, let time = try message.venueTime() {
      // Neither is below zero.
      firstClocks = time - message.receiveTime
    }
    try add(one, message)
  }

  private mutating func add(_ one: Found, _ message: BinanceMessage) throws(JSONError) {
    let number: Int
    if let symbol = message.symbolText {
      if let known = numbers[symbol] {
        number = known
      } else {
        guard symbols.count < Self.instrumentsMax,
          CapturedInstrument(symbol: symbol, priceExponent: 0, quantityExponent: 0).problem == nil
        else { throw message.fail("symbol '\(symbol)' cannot be recorded", .symbol) }
        number = symbols.count
        symbols.append(symbol)
        numbers[symbol] = number
        found.append(Found())
      }
    } else {
      // A snapshot names none: it is of the one symbol that the file has.
      if symbols.isEmpty { found.append(Found()) }
      number = 0
      guard symbols.count <= 1, message.kind == .snapshot else { return }
    }
    found[number].priceDecimals = max(found[number].priceDecimals, one.priceDecimals)
    found[number].quantityDecimals = max(found[number].quantityDecimals, one.quantityDecimals)
    found[number].contents.formUnion(one.contents)
    if one.isFutures { found[number].isFutures = true }
  }

  func header(
    _ sources: [ImportSource], _ options: BinanceImport.Options
  ) throws(ImportFailure) -> CaptureHeader {
    guard !symbols.isEmpty else {
      throw .source(
        FeedError(
          path: sources.first?.path ?? "", offset: 0, cause: .data,
          problem: "none of its \(messages) lines is a depthUpdate, bookTicker or trade of Binance",
          remedy: "expected is a line a message: the receive stamp in nanoseconds, a space, JSON"))
    }
    let isFutures = found.contains { $0.isFutures }
    let market = isCoin ? "coinm" : isFutures ? "usdm" : "spot"
    var header = CaptureHeader(channel: options.channel ?? "binance-\(market)", instruments: [])
    header.source = ImportSource.names(sources)
    header.day = firstTime.map { Int32(clamping: $0 / 86_400_000_000_000) }
    for (index, symbol) in symbols.enumerated() {
      var instrument = CapturedInstrument(
        symbol: symbol,
        priceExponent: options.priceExponent ?? max(-12, -found[index].priceDecimals),
        quantityExponent: options.quantityExponent ?? max(-9, -found[index].quantityDecimals))
      instrument.contents = found[index].contents
      header.instruments.append(instrument)
    }
    return header
  }
}
