import ExecutionCore

/// What `needletail book` prints: counts of a feed, and its books as they stand at the end.
struct BookReport: Sendable {
  /// Bytes of the file after decompression.
  var bytes: UInt64 = 0
  /// Well-formed messages by type.
  var types: [UInt8: Int] = [:]
  var malformed = 0
  var counters = BookCounters()
  /// In locate order, non-empty ones only.
  var books: [Book] = []

  struct Book: Sendable {
    var locate: UInt16
    var book: ReportedBook
  }

  var messages: Int { types.values.reduce(0, +) }

  /// Takes the counts and the books out of the engine's structures.
  ///
  /// - Parameters:
  ///   - symbols: show only these; all when empty.
  ///   - levels: most levels of a side.
  mutating func collect(_ books: OrderBooks, symbols: Set<String>, levels: Int) {
    counters = books.counters
    self.books = []
    for code in 0..<OrderBooks.locates {
      let locate = UInt16(truncatingIfNeeded: code)
      guard books.hasOrders(locate) else { continue }
      let symbol = SymbolCode.decode(books.symbol(locate))
      guard symbols.isEmpty || symbols.contains(symbol) else { continue }
      self.books.append(
        Book(
          locate: locate,
          book: ReportedBook(
            symbol: symbol, bids: Self.levels(books, locate, .bid, levels),
            asks: Self.levels(books, locate, .ask, levels))))
    }
  }

  private static func levels(
    _ books: OrderBooks, _ locate: UInt16, _ side: BookSide, _ most: Int
  ) -> [ReportedBook.Level] {
    var walk = books.levels(locate, side)
    var found: [ReportedBook.Level] = []
    while found.count < most, let level = books.next(&walk) {
      found.append(
        ReportedBook.Level(
          price: Int64(level.price), quantity: Int64(clamping: level.shares),
          orders: Int(level.orders)))
    }
    return found
  }

  // MARK: JSON

  /// One line, keys in a fixed order, as `needletail book --help` documents it.
  var json: String {
    let types = types.filter { $0.value > 0 }.sorted { $0.key < $1.key }
    let counts = types.map { kind, count in
      (String(Character(Unicode.Scalar(kind))), JSONValue.count(count))
    }
    return JSONValue.object([
      ("bytes", .count(bytes)),
      ("messages", .count(messages)),
      ("types", .object(counts)),
      ("malformed", .count(malformed)),
      (
        "orders",
        .object([
          ("added", .count(counters.added)), ("unknown", .count(counters.unknown)),
          ("duplicate", .count(counters.duplicate)), ("live", .count(counters.live)),
        ])
      ),
      ("books", .array(books.map(Self.json))),
    ]).line
  }

  private static func json(_ one: Book) -> JSONValue {
    func levels(_ side: [ReportedBook.Level]) -> JSONValue {
      .array(
        side.map {
          .array([.text(one.book.price($0)), .count($0.quantity), .count($0.orders ?? 0)])
        })
    }
    return .object([
      ("symbol", .text(one.book.symbol)), ("locate", .count(one.locate)),
      ("bids", levels(one.book.bids)), ("asks", levels(one.book.asks)),
    ])
  }

  // MARK: Text

  var text: String {
    var lines: [String] = []
    let types = types.filter { $0.value > 0 }.sorted { $0.key < $1.key }
    let list = types.map { "\(Character(Unicode.Scalar($0.key))) \($0.value)" }
    lines.append("\(bytes) bytes, \(messages) messages, \(malformed) malformed")
    if !list.isEmpty { lines.append("types: " + list.joined(separator: ", ")) }
    lines.append(
      "orders: \(counters.added) added, \(counters.unknown) unknown, "
        + "\(counters.duplicate) duplicate, \(counters.live) live")
    for one in books {
      lines.append("")
      lines.append("\(one.book.symbol) (locate \(one.locate))")
      lines += one.book.lines
    }
    return lines.joined(separator: "\n")
  }
}
