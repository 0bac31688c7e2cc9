import ExecutionCore

/// A book as `needletail book` prints it, whatever it was told by.
struct ReportedBook: Sendable {
  struct Level: Hashable, Sendable {
    /// Mantissas at the book's exponents.
    var price: Int64
    var quantity: Int64
    /// nil where the feed does not tell them.
    var orders: Int?
  }

  var symbol: String
  /// Best first.
  var bids: [Level] = []
  var asks: [Level] = []
  var priceExponent = -4
  var quantityExponent = 0
  /// What quantities are called.
  var unit = "shares"

  func price(_ level: Level) -> String { CaptureText.decimal(level.price, priceExponent) }
  func quantity(_ level: Level) -> String { CaptureText.decimal(level.quantity, quantityExponent) }

  /// Both sides beside each other; a column of orders where they are told.
  var lines: [String] {
    let all = bids + asks
    let hasOrders = all.contains { $0.orders != nil }
    let orders = hasOrders ? 8 : 0
    let quantities = max(11, 2 + (all.map { quantity($0).count }.max() ?? 0))
    let prices = max(12, 2 + (all.map { price($0).count }.max() ?? 0))
    func left(_ words: (String?, String?, String?)) -> String {
      Self.right(words.0, orders) + Self.right(words.1, quantities) + Self.right(words.2, prices)
    }
    func right(_ words: (String?, String?, String?)) -> String {
      Self.right(words.2, prices) + Self.right(words.1, quantities) + Self.right(words.0, orders)
    }
    let name: String? = hasOrders ? "orders" : nil
    var lines = [left((name, unit, "bid")) + " |" + right((name, unit, "ask"))]
    for depth in 0..<max(bids.count, asks.count) {
      lines.append(
        left(depth < bids.count ? words(bids[depth]) : (nil, nil, nil)) + " |"
          + right(depth < asks.count ? words(asks[depth]) : (nil, nil, nil)))
    }
    return lines
  }

  private func words(_ level: Level) -> (String?, String?, String?) {
    (level.orders.map { "\($0)" }, quantity(level), price(level))
  }

  private static func right(_ text: String?, _ width: Int) -> String {
    guard width > 0 else { return "" }
    let text = text ?? ""
    return String(repeating: " ", count: max(1, width - text.count)) + text
  }
}
