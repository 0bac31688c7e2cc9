import ExecutionCore

extension RunSummary {
  /// An order that was open when the run ended: it may still work at the venue.
  public struct LeftOrder: Equatable, Sendable {
    public var port: Int
    public var account: String
    public var symbol: String
    public var clientOrderID: UInt64
    /// `buy`, `sell`, `sellShort` or `sellShortExempt`.
    public var side: String
    /// What may still execute.
    public var shares: Int64
    /// The venue has not said whether it has it.
    public var isUnknown: Bool
  }

  /// Client order ids that are named in words; all of them are in the JSON.
  private static let leftNamedMax = 20

  mutating func takeLeft(_ state: EngineSnapshot, symbols: [String], accounts: [String]) {
    orders.left = state.openOrders.map { order in
      LeftOrder(
        port: Int(order.port.raw), account: Self.name(accounts, order.account.raw),
        symbol: Self.name(symbols, order.instrument.raw), clientOrderID: order.clientOrderID.raw,
        side: "\(order.side)", shares: order.leaves.raw, isUnknown: order.life == .unknown)
    }
    notes += leftInWords
  }

  /// A line for each invariant that does not hold, but for what is said otherwise: orders left, and the journal.
  var brokenInWords: [String] {
    let said = ["the journal is whole"] + (orders.left.isEmpty ? [] : ["nothing left open"])
    return invariants.filter { !$0.holds && !said.contains($0.name) }
      .map { "broken: \($0.name): \($0.detail)" }
  }

  /// A line for each port that left orders: how many of which symbols, and their client order ids.
  var leftInWords: [String] {
    Set(orders.left.map(\.port)).sorted().map { port in
      let left = orders.left.filter { $0.port == port }
      var bySymbol: [String: Int] = [:]
      for order in left { bySymbol[order.symbol, default: 0] += 1 }
      let counts = bySymbol.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      let ids = left.prefix(Self.leftNamedMax).map { "\($0.clientOrderID)" }
      let more = left.count - ids.count
      return
        "\(left.count) order\(left.count == 1 ? "" : "s") could not be cancelled and may still work at the venue: "
        + "port \(port), account \(left[0].account): \(counts.joined(separator: ", ")) (client order ids "
        + ids.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "") + ")"
    }
  }
}

extension RunSummary.LeftOrder {
  var value: JSONValue {
    .object([
      ("port", .integer(Int64(port))), ("account", .text(account)), ("symbol", .text(symbol)),
      ("client_order_id", .count(clientOrderID)), ("side", .text(side)),
      ("shares", .integer(shares)), ("unknown", .bool(isUnknown)),
    ])
  }
}
