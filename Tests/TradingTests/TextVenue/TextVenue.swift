import ExecutionCore

/// The venue behind a ``TextGateway``: takes lines, keeps orders, fills them when it is told to.
final class TextVenue {
  struct Live {
    var account: String
    var symbol: String
    var isBuy: Bool
    var open: Int64
    var executed: Int64
    var cents: Int64
    var state = "WORKING"
  }
  struct Fill {
    var id: Substring
    var execution: String
    var quantity: Int64
    var cents: Int64
    var isBusted = false
  }
  private(set) var orders: [Substring: Live] = [:]
  private(set) var fills: [Fill] = []
  /// Queries that come are not answered, but for that they failed.
  var failsQueries = false
  /// Requests that come are lost, as if the line had broken before.
  var isDeaf = false
  private(set) var isConnected = false
  private(set) var queries = 0
  private(set) var lines: [String] = []
  /// What is to be sent.
  private var out = ""

  static let capabilities: VenueCapabilities = {
    var c = VenueCapabilities()
    c.replacing = .inPlace
    c.reducesInPlace = false
    c.cancelsPart = false
    c.quantityIsWhole = false
    c.timesInForce = .day
    c.displays = Displays(.displayed)
    return c
  }()
  /// Cents everywhere, at most a million of anything, at any hour.
  static let rules: VenueRules = {
    var r = VenueRules()
    r.quantities = 1...1_000_000
    r.prices = DecimalRange(1...100_000_000, exponent: -2)
    r.grid = PriceGrid(exponent: -2, bands: [PriceGrid.Band(from: 0, step: 1)])
    r.hours = .always
    return r
  }()

  func take(_ bytes: [UInt8]) {
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where !isDeaf {
      lines.append(String(line))
      take(line.split(separator: "|", omittingEmptySubsequences: false))
    }
  }
  /// Everything that waits for the client; lost when there is none.
  func takeOutput() -> [UInt8] {
    defer { out = "" }
    return isConnected ? Array(out.utf8) : []
  }
  func drop() {
    isConnected = false
    out = ""
  }

  private func say(_ line: String) { if isConnected { out += line + "\n" } }

  private func take(_ words: [Substring]) {
    switch words[0] {
    case "LOGIN":
      isConnected = true
      say("WELCOME")
    case "EXECS":
      for fill in fills { tell(fill) }
      say("EXECSEND")
    case "NEW" where words.count == 7: enter(words)
    case "CHG" where words.count == 4: change(words[1], Int64(words[2])!, Int64(words[3])!)
    case "CXL" where words.count == 2: cancel(words[1])
    case "QRY" where words.count == 2: query(words[1])
    default: say("WHAT|\(words[0])")
    }
  }

  private func enter(_ words: [Substring]) {
    let id = words[1]
    guard orders[id] == nil else { return say("REJ|\(id)") }
    let live = Live(
      account: String(words[2]), symbol: String(words[3]), isBuy: words[4] == "B",
      open: Int64(words[5])!, executed: 0, cents: Int64(words[6])!)
    orders[id] = live
    say("ACK|\(id)|\(Self.own(orders.count))|\(live.open)|\(live.cents)")
  }

  private func change(_ id: Substring, _ open: Int64, _ cents: Int64) {
    guard var live = orders[id], live.state == "WORKING", open > 0 else {
      return say("CHGREJ|\(id)")
    }
    (live.open, live.cents) = (open, cents)
    orders[id] = live
    say("CHGD|\(id)|\(open)|\(cents)")
  }

  private func cancel(_ id: Substring) {
    guard var live = orders[id], live.state == "WORKING" else { return say("CXLREJ|\(id)") }
    let taken = live.open
    (live.open, live.state) = (0, "CANCELED")
    orders[id] = live
    say("CXLD|\(id)|\(taken)")
  }

  private func query(_ id: Substring) {
    queries += 1
    if failsQueries { return say("QRYFAIL|\(id)") }
    guard let live = orders[id] else { return say("NONE|\(id)") }
    say("STATUS|\(id)|\(live.state)|\(live.open)|\(live.executed)|\(live.cents)")
  }

  /// Identifiers of the venue's own: 36 characters too.
  private static func own(_ n: Int) -> String {
    let digits = String(n)
    return "c0ffee00-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
  }

  // MARK: What a test does

  func fill(_ id: Substring, _ quantity: Int64) {
    guard var live = orders[id], live.state == "WORKING" else { return }
    let taken = min(quantity, live.open)
    live.open -= taken
    live.executed += taken
    if live.open == 0 { live.state = "FILLED" }
    orders[id] = live
    let fill = Fill(
      id: id, execution: Self.own(1_000_000 + fills.count), quantity: taken, cents: live.cents)
    fills.append(fill)
    tell(fill)
  }
  func bust(_ index: Int) {
    fills[index].isBusted = true
    say("BUST|\(fills[index].id)|\(fills[index].execution)")
  }
  private func tell(_ fill: Fill) {
    say("FILL|\(fill.id)|\(fill.execution)|\(fill.quantity)|\(fill.cents)")
    if fill.isBusted { say("BUST|\(fill.id)|\(fill.execution)") }
  }

  /// What an account holds of a symbol.
  func position(_ account: String, _ symbol: String) -> Int64 {
    fills.reduce(0) { sum, fill in
      guard let order = orders[fill.id], order.account == account, order.symbol == symbol,
        !fill.isBusted
      else { return sum }
      return sum + (order.isBuy ? fill.quantity : -fill.quantity)
    }
  }
  var working: [Substring] { orders.filter { $0.value.state == "WORKING" }.keys.sorted() }
}
