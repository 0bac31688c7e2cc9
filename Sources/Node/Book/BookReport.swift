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
    var symbol: String
    var locate: UInt16
    /// Best first.
    var bids: [BookLevel]
    var asks: [BookLevel]
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
          symbol: symbol, locate: locate,
          bids: Self.levels(books, locate, .bid, levels),
          asks: Self.levels(books, locate, .ask, levels)))
    }
  }

  private static func levels(
    _ books: OrderBooks, _ locate: UInt16, _ side: BookSide, _ most: Int
  ) -> [BookLevel] {
    var walk = books.levels(locate, side)
    var found: [BookLevel] = []
    while found.count < most, let level = books.next(&walk) { found.append(level) }
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

  private static func json(_ book: Book) -> JSONValue {
    .object([
      ("symbol", .text(book.symbol)), ("locate", .count(book.locate)),
      ("bids", .array(book.bids.map(json))), ("asks", .array(book.asks.map(json))),
    ])
  }

  private static func json(_ level: BookLevel) -> JSONValue {
    .array([.text(price(level.price)), .count(level.shares), .count(level.orders)])
  }

  /// Ticks of 10⁻⁴ dollars with four decimals.
  static func price(_ ticks: UInt32) -> String {
    let fraction = String(ticks % 10_000)
    return "\(ticks / 10_000)." + String(repeating: "0", count: 4 - fraction.count) + fraction
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
    for book in books {
      lines.append("")
      lines.append("\(book.symbol) (locate \(book.locate))")
      lines.append("  orders     shares         bid |         ask     shares  orders")
      for depth in 0..<max(book.bids.count, book.asks.count) {
        let bid = depth < book.bids.count ? book.bids[depth] : nil
        let ask = depth < book.asks.count ? book.asks[depth] : nil
        let left =
          Self.right(bid.map { "\($0.orders)" }, 8) + Self.right(bid.map { "\($0.shares)" }, 11)
          + Self.right(bid.map { Self.price($0.price) }, 12)
        let right =
          Self.right(ask.map { Self.price($0.price) }, 12)
          + Self.right(ask.map { "\($0.shares)" }, 11) + Self.right(ask.map { "\($0.orders)" }, 8)
        lines.append("\(left) |\(right)")
      }
    }
    return lines.joined(separator: "\n")
  }

  private static func right(_ text: String?, _ width: Int) -> String {
    let text = text ?? ""
    return String(repeating: " ", count: max(1, width - text.count)) + text
  }
}
