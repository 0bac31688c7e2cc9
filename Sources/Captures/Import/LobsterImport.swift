public import ExecutionCore

/// Makes a recording of a LOBSTER message file (order by order, prices in 10^-4 dollars), with the book that it begins
/// with out of the order-book file, where that is given.
///
/// 1 becomes an add, 2 a cancel, 3 a delete, 4 an execute, 5 (a hidden order's execution) and 6 (a cross) trades, 7 a
/// status. The venue's other orders lie in the order-book file's first row, by price alone: each of its levels becomes
/// one order with a number of ``anonymous`` and more, added behind a clear, flagged as a snapshot. A message about an
/// order from before the file takes from the one at its price; where there is none (a price deeper than the rows, or no
/// order-book file) it makes nothing, but for the trade of an execution. Without an order-book file the book begins
/// with a gap. LOBSTER writes no message of what happens behind the last level of a row: a level that comes into view
/// again as another loses its orders and gets one of these numbers, flagged as a snapshot; so the recorded book is the
/// row's after each event.
///
/// Format: lobsterdata.com, "Output files".
public struct LobsterImport {
  /// Numbers of the orders that stand for all that rested at a price before the file; venues' numbers are lower.
  public static var anonymous: UInt64 { 1 << 63 }

  public struct Options: Sendable {
    /// The session's day; out of the file's name where it is nil.
    public var day: SessionDate?
    /// Out of the file's name where it is nil.
    public var symbol: String?
    public var channel: String?
    /// The order-book file beside the messages.
    public var book: ImportSource?
    /// Compare the book after each message with its row of the order-book file.
    public var checks = false
    /// Replace a recording that is there.
    public var replaces = false

    public init() {}
  }

  /// Reads the source and writes the recording `path`. One that is damaged gives what stands before, and
  /// ``ImportReport/failure``.
  public static func run(
    _ source: ImportSource, to path: String, options: Options = Options()
  ) throws(ImportFailure) -> ImportReport {
    guard let day = options.day ?? SessionDate(fileName: source.name) else {
      throw refused(source, "has no day in its name", "name it as LOBSTER does, or give the day")
    }
    let named = String(source.name.prefix { $0 != "_" })
    var instrument = CapturedInstrument(
      symbol: options.symbol ?? named, priceExponent: -4, quantityExponent: 0)
    instrument.currency = "USD"
    instrument.contents = [.orders, .trades]
    if let problem = instrument.problem { throw refused(source, problem, "give the symbol") }
    var header = CaptureHeader(channel: options.channel ?? "lobster", instruments: [instrument])
    header.source = ImportSource.names([source] + (options.book.map { [$0] } ?? []))
    header.day = Int32(clamping: day.daysSince1970)
    let lines = LineInput(try source.open())
    let rows = try options.book.map { (book) throws(ImportFailure) in LineInput(try book.open()) }
    var reading = LobsterReading(
      source, lines, rows, checks: options.checks && options.book != nil,
      midnight: SessionCalendar.midnight(day),
      try ImportOutput(path, header, replaces: options.replaces))
    try reading.run()
    return try reading.finish()
  }

  private static func refused(
    _ source: ImportSource, _ problem: String, _ remedy: String
  ) -> ImportFailure {
    .source(
      FeedError(path: source.path, offset: nil, cause: .data, problem: problem, remedy: remedy))
  }

  /// How the recorded book and the rows of the order-book file compare.
  public struct Check: Hashable, Sendable {
    /// Rows that were compared, and those of them that are equal as far as the row before reached: what was deeper
    /// then, nobody knows.
    public var rows = 0
    public var equal = 0
    public var levels = 0
    /// The number of the first row that is not equal.
    public var firstUnequal: Int?
  }
}

/// One line of a message file.
struct LobsterMessage: Hashable {
  var time: Int64
  var type: Int64
  var order: UInt64
  var size: Int64
  var price: Int64
  /// 1: a buy order, -1: a sell order.
  var direction: Int64

  /// nil where the line is none.
  init?(_ line: UnsafeRawBufferPointer, midnight: Int64) {
    var fields = unsafe CSVFields(line)
    guard let time = fields.decimal(at: -9), let type = fields.integer(),
      let order = fields.integer(), let size = fields.integer(), let price = fields.integer(),
      let direction = fields.integer(), time >= 0, time < 86_400_000_000_000,
      (1...7).contains(type), order >= 0, size >= 0 || type == 7, abs(direction) == 1
    else { return nil }
    // Some files have a seventh column, the market maker.
    self.time = midnight + time
    self.type = type
    self.order = UInt64(order)
    self.size = size
    self.price = price
    self.direction = direction
  }

  var side: UInt8 { direction == 1 ? FeedRecord.buy : FeedRecord.sell }
  /// "Execution of a sell (buy) limit order corresponds to a buyer (seller) initiated trade."
  var aggressor: UInt8 { direction == 1 ? FeedRecord.sell : FeedRecord.buy }
}

/// One row of an order-book file: price and size, ask and bid in turn, best first.
struct LobsterRow: Hashable {
  struct Level: Hashable {
    var price: Int64
    var size: Int64
  }
  static var levelsMax: Int { 1_024 }
  private static var emptyPrice: Int64 { 9_999_999_999 }

  var asks: [Level] = []
  var bids: [Level] = []
  /// Levels of a side that the row has room for.
  var depth = 0

  init?(_ line: UnsafeRawBufferPointer) {
    var fields = unsafe CSVFields(line)
    // Each turn takes four fields.
    while !fields.isDone {
      depth += 1
      guard depth <= Self.levelsMax, let ask = fields.integer(),
        let askSize = fields.integer(), let bid = fields.integer(), let bidSize = fields.integer(),
        askSize >= 0, bidSize >= 0
      else { return nil }
      // Levels that are not there have a price far out.
      if ask < Self.emptyPrice { asks.append(Level(price: ask, size: askSize)) }
      if bid > -Self.emptyPrice { bids.append(Level(price: bid, size: bidSize)) }
    }
    guard !asks.isEmpty || !bids.isEmpty else { return nil }
  }
}
