import ExecutionCore

/// What `needletail book` prints of a recording: counts, and its books as they stand at the end.
struct RecordingReport {
  var bytes: UInt64 = 0
  var kinds: [(kind: FeedRecord.Kind, count: Int)] = []
  /// Records of kinds that are not known.
  var otherKinds = 0
  /// Some instruments have levels or quotes.
  var hasPrices = false
  var prices = PriceFeedCounters()
  var orders = RecordedOrders(instruments: 0)
  /// In the order of the table, non-empty ones only.
  var books: [Book] = []

  struct Book {
    /// Its place in the recording's table.
    var number: Int
    /// L1, L2 or L3.
    var kind: String
    var isWhole: Bool
    /// Unknown where the recording does not say.
    var status: MarketStatus
    var book: ReportedBook
  }

  var records: Int { kinds.reduce(otherKinds) { $0 + $1.count } }
  var malformed: UInt64 { prices.malformed + UInt64(orders.malformed) + UInt64(otherKinds) }

  // MARK: JSON

  /// One line, keys in a fixed order, as `needletail book --help` documents it.
  var json: String {
    JSONValue.object([
      ("bytes", .count(bytes)), ("records", .count(records)),
      ("kinds", .object(kinds.map { ($0.kind.word, .count($0.count)) })),
      ("malformed", .count(malformed)), ("unlisted", .count(prices.unlisted)),
      ("unrepresentable", .count(prices.unrepresentable)), ("older", .count(prices.older)),
      ("backwards", .count(prices.backwards)),
      (
        "orders",
        .object([
          ("added", .count(orders.added)), ("unknown", .count(orders.unknown)),
          ("duplicate", .count(orders.duplicate)), ("live", .count(orders.live)),
        ])
      ),
      ("books", .array(books.map(Self.json))),
    ]).line
  }

  private static func json(_ one: Book) -> JSONValue {
    func levels(_ side: [ReportedBook.Level]) -> JSONValue {
      .array(
        side.map {
          .array([
            .text(one.book.price($0)), .text(one.book.quantity($0)),
            $0.orders.map { .count($0) } ?? .null,
          ])
        })
    }
    return .object([
      ("symbol", .text(one.book.symbol)), ("number", .count(one.number)),
      ("kind", .text(one.kind)), ("whole", .bool(one.isWhole)), ("status", .text("\(one.status)")),
      ("bids", levels(one.book.bids)), ("asks", levels(one.book.asks)),
    ])
  }

  // MARK: Text

  var text: String {
    var lines = ["\(bytes) bytes, \(records) records, \(malformed) malformed"]
    var counts = kinds.map { "\($0.kind.word) \($0.count)" }
    if otherKinds > 0 { counts.append("other kinds \(otherKinds)") }
    if !counts.isEmpty { lines.append("kinds: " + counts.joined(separator: ", ")) }
    if orders.records > 0 {
      lines.append(
        "orders: \(orders.added) added, \(orders.unknown) unknown, \(orders.duplicate) duplicate, "
          + "\(orders.live) live")
    }
    if hasPrices {
      lines.append(
        "levels and quotes: \(prices.unlisted) unlisted, \(prices.unrepresentable) too large, "
          + "\(prices.older) older, \(prices.backwards) times backwards")
    }
    for one in books {
      var facts = [one.kind]
      if one.status != .unknown { facts.append("\(one.status)") }
      if !one.isWhole { facts.append("not whole") }
      lines.append("")
      lines.append("\(one.book.symbol) (\(facts.joined(separator: ", ")))")
      lines += one.book.lines
    }
    return lines.joined(separator: "\n")
  }
}
