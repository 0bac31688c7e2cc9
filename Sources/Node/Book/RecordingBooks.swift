import Captures
import ExecutionCore

/// Reads a whole recording (`.ntc`) into books: by order, by price, and plain quotes.
struct RecordingBooks {
  private let path: String
  private let header: CaptureHeader
  private let bytes: UInt64
  private var kinds = [Int](repeating: 0, count: 256)
  private var orders: RecordedOrders
  /// Of the instruments with levels or quotes; nil without one.
  private var market: PriceMarket?
  /// The market's number of each instrument; nil for one that has neither levels nor quotes.
  private var numbers: [UInt32?] = []
  private var statuses: [MarketStatus]
  /// Levels and quotes of instruments that have none by the recording's own table.
  private var unlisted: UInt64 = 0
  private var otherKinds = 0

  /// - Parameters:
  ///   - symbols: books to report; all when empty.
  ///   - levels: most levels of a side in the report.
  static func read(
    _ file: borrowing FeedFile, symbols: Set<String>, levels: Int
  ) throws(CommandFailure) -> BookCommand.Outcome {
    var reader = try open(file)
    var books = try RecordingBooks(reader.header, reader.byteCount, path: file.path)
    try CaptureCommand.each(&reader) { (record, _) throws(CommandFailure) in
      books.apply(record)
      return true
    }
    let report = books.report(symbols, levels)
    return BookCommand.Outcome(
      text: report.text, json: report.json, notes: books.notes(symbols, report),
      failure: reader.failure)
  }

  private static func open(_ file: borrowing FeedFile) throws(CommandFailure) -> CaptureReader {
    do throws(FeedError) {
      let input = try file.input()
      guard !input.isCompressed else {
        throw FeedError(
          path: file.path, offset: nil, cause: .data,
          problem: "is a compressed recording, which cannot be read in place",
          remedy: "unpack it first: its blocks are compressed already")
      }
      return try CaptureReader(file: file)
    } catch { throw CommandFailure(error.cause.exitCode, error.description) }
  }

  private init(_ header: CaptureHeader, _ bytes: UInt64, path: String) throws(CommandFailure) {
    self.path = path
    self.header = header
    self.bytes = bytes
    let count = header.instruments.count
    orders = RecordedOrders(instruments: count)
    statuses = [MarketStatus](repeating: .unknown, count: count)
    var priced: UInt32 = 0
    for instrument in header.instruments {
      let isPriced = !instrument.contents.isDisjoint(with: [.quotes, .levels])
      numbers.append(isPriced ? priced : nil)
      if isPriced { priced += 1 }
    }
    if priced > 0 { market = try Self.market(Int(priced), path) }
  }

  private static func market(_ count: Int, _ path: String) throws(CommandFailure) -> PriceMarket {
    guard count <= PriceBooks.numbersMax else {
      throw CommandFailure(
        .dataError,
        "\(path): has \(count) instruments with levels or quotes, \(PriceBooks.numbersMax) are the "
          + "most; take some with 'needletail capture cut --symbol'")
    }
    // By numbers alone: two may have one symbol, or one that no engine takes.
    let instruments = (0..<count).map { InstrumentFacts(symbol: Symbol("#\($0)") ?? .none) }
    do throws(EngineConfigurationError) {
      return try PriceMarket(instruments, levelsMax: min(1 << 16, max(1_024, (1 << 22) / count)))
    } catch {
      // Its instruments are ours: there is no memory for them.
      throw CommandFailure(.inputOutput, "\(path): \(error)")
    }
  }

  private mutating func apply(_ record: FeedRecord) {
    kinds[Int(record.kind)] += 1
    guard let kind = FeedRecord.Kind(rawValue: record.kind) else {
      otherKinds += 1
      return
    }
    switch kind {
    case .add, .modify, .cancel, .delete, .execute:
      // A table may leave out that it has orders: they are shown all the same.
      orders.apply(record)
      return
    case .clear, .gap: orders.apply(record)
    case .status: takeStatus(record)
    case .quote, .level, .trade: break
    }
    var record = record
    if record.instrument != FeedRecord.all {
      guard let number = numbers[Int(record.instrument)] else {
        if kind == .quote || kind == .level { unlisted += 1 }
        return
      }
      record.instrument = number
    }
    _ = market?.apply(record)
  }

  private mutating func takeStatus(_ record: FeedRecord) {
    guard let status = MarketStatus(rawValue: record.detail) else { return }
    for index in statuses.indices
    where record.instrument == FeedRecord.all || Int(record.instrument) == index {
      statuses[index] = status
    }
  }

  // MARK: The report

  private func report(_ symbols: Set<String>, _ most: Int) -> RecordingReport {
    var report = RecordingReport()
    report.bytes = bytes
    for kind in FeedRecord.Kind.allCases where kinds[Int(kind.rawValue)] > 0 {
      report.kinds.append((kind, kinds[Int(kind.rawValue)]))
    }
    report.otherKinds = otherKinds
    report.hasPrices = market != nil
    report.prices = market?.counters ?? PriceFeedCounters()
    report.prices.unlisted += unlisted
    report.orders = orders
    for (index, instrument) in header.instruments.enumerated()
    where symbols.isEmpty || symbols.contains(instrument.symbol) {
      var book = ReportedBook(symbol: instrument.symbol)
      book.priceExponent = instrument.priceExponent
      book.quantityExponent = instrument.quantityExponent
      book.unit = "quantity"
      var one = RecordingReport.Book(
        number: index, kind: "L3", isWhole: orders.books[index].isWhole, status: statuses[index],
        book: book)
      if !orders.books[index].isEmpty {
        one.book.bids = orders.levels(index, isBid: true, most: most)
        one.book.asks = orders.levels(index, isBid: false, most: most)
        report.books.append(one)
      }
      guard let market, let number = numbers[index] else { continue }
      one.book = book
      one.take(market, InstrumentID(raw: number), most: most)
      if !one.book.bids.isEmpty || !one.book.asks.isEmpty { report.books.append(one) }
    }
    return report
  }

  /// What is asked for and not there.
  private func notes(_ symbols: Set<String>, _ report: RecordingReport) -> [String] {
    var notes: [String] = []
    let named = Set(header.instruments.map(\.symbol))
    let shown = Set(report.books.map(\.book.symbol))
    for symbol in symbols.sorted() where !shown.contains(symbol) {
      notes.append(
        named.contains(symbol)
          ? "\(path): nothing is in the book of \(symbol) at its end"
          : "\(path): it has no instrument \(symbol)"
            + Nearest.hint(symbol, among: named.sorted()))
    }
    if orders.overExecuted > 0 {
      notes.append("\(path): \(orders.overExecuted) executions or cancels of more than was left")
    }
    return notes
  }
}

extension RecordingReport.Book {
  /// The levels of a book by price, or the quote where there is none.
  fileprivate mutating func take(_ market: PriceMarket, _ id: InstrumentID, most: Int) {
    isWhole = market.quotes.isWhole(id)
    kind = "L2"
    for side in [Side.buy, .sell] {
      let found = (0..<min(most, market.books.levels(id, side))).compactMap { depth in
        market.books.level(id, side, depth: depth).map {
          ReportedBook.Level(price: $0.price.raw, quantity: $0.quantity.raw, orders: nil)
        }
      }
      if side.isBuy { book.bids = found } else { book.asks = found }
    }
    guard book.bids.isEmpty, book.asks.isEmpty else { return }
    kind = "L1"
    let quote = market.quotes.quote(id)
    if quote.bidQuantity.raw > 0 {
      book.bids = [
        ReportedBook.Level(price: quote.bid.raw, quantity: quote.bidQuantity.raw, orders: nil)
      ]
    }
    if quote.askQuantity.raw > 0 {
      book.asks = [
        ReportedBook.Level(price: quote.ask.raw, quantity: quote.askQuantity.raw, orders: nil)
      ]
    }
  }
}
