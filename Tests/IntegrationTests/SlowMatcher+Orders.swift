/// Our orders: OUCH 5.0 as the exchange takes it, read from the bytes.
extension SlowMatcher {
  mutating func submit(_ message: RawMessage) {
    switch message.kind {
    case "O": enter(message)
    case "U": replaceOurs(message)
    case "X": cancel(message.number(1, 4), intended: message.number(5, 4))
    case "M": modify(message)
    case "C":
      guard consume(message.number(1, 4)) else { return }
      let symbol = message.text(9, 8)
      let side = options(message, at: 17).side
      ours.removeAll {
        (symbol.isEmpty || $0.symbol == symbol) && (side == nil || $0.side == side)
      }
    case "D", "E":
      if consume(message.number(1, 4)) { isEntryEnabled = message.kind == "E" }
    case "Q": break
    default: unsupported.append("message type \(message.kind)")
    }
  }

  /// The account's connection is gone, and the port is one that cancels then.
  mutating func disconnect() { ours.removeAll() }

  /// "UserRefNum is strictly increasing; one not above the last processed is silently ignored."
  private mutating func consume(_ number: Int) -> Bool {
    guard number > lastNumber else { return false }
    lastNumber = number
    return true
  }

  /// Post-only (tag 12) and the kind of sale (27) are the options that are known here.
  private mutating func options(
    _ message: RawMessage, at start: Int
  ) -> (postOnly: Bool, side: Character?) {
    var at = start + 2
    let end = at + message.number(start, 2)
    var found: (postOnly: Bool, side: Character?) = (false, nil)
    while at + 2 <= end {
      switch message.number(at + 1, 1) {
      case 12: found.postOnly = message.letter(at + 2) == "P"
      case 27: found.side = message.letter(at + 2)
      default: unsupported.append("option \(message.number(at + 1, 1))")
      }
      at += 1 + max(1, message.number(at, 1))
    }
    return found
  }

  private mutating func enter(_ message: RawMessage) {
    guard consume(message.number(1, 4)) else { return }
    let symbol = message.text(10, 8)
    guard !isClosed, isEntryEnabled, let locate = locates[symbol] else { return }
    let order = Ours(
      number: message.number(1, 4), symbol: symbol, locate: locate, side: message.letter(5),
      price: message.number(18, 8), timeInForce: message.letter(26),
      isHidden: message.letter(27) == "N", total: message.number(6, 4))
    guard "BSTE".contains(order.side), isValid(order) else { return }
    ours.append(order)
    work(order.number, postOnly: options(message, at: 45).postOnly)
  }

  /// Limits of OUCH, tick, "IOC is rejected" while matching stops, Reg SHO.
  private mutating func isValid(_ order: Ours) -> Bool {
    guard (1...999_999).contains(order.total), (1...1_999_999_900).contains(order.price) else {
      // Orders at the market's price are none of those that are sent here.
      if order.price > 1_999_999_900 { unsupported.append("price \(order.price)") }
      return false
    }
    guard order.price < 10_000 || order.price % Self.tick == 0 else { return false }
    if !isMatching(order.locate), order.timeInForce == "3" { return false }
    // "Reg SHO restriction forbids short at or below the best bid."
    if order.side == "T", restricted.contains(order.locate),
      let bid = bestBid(order.locate), order.price <= bid
    {
      return false
    }
    return true
  }

  private func bestBid(_ locate: Int) -> Int? {
    let theirs = (history[locate] ?? []).filter { $0.isBuy && $0.open > 0 }.map(\.price).max()
    let mine = ranked(locate, oursBuy: true).first { !$0.isHidden }?.price
    return [theirs, mine].compactMap { $0 }.max()
  }

  private mutating func replaceOurs(_ message: RawMessage) {
    let number = message.number(5, 4)
    // "(a) original dead or number used: silence"
    guard number > lastNumber,
      let at = ours.firstIndex(where: { $0.number == message.number(1, 4) })
    else { return }
    var order = ours.remove(at: at)
    order.number = number
    order.total = message.number(9, 4)
    order.price = message.number(13, 8)
    order.timeInForce = message.letter(21)
    order.isHidden = message.letter(22) == "N"
    order.arrival = nil
    // Choice: a sale may become another kind of sale with a replace; nothing else may change its
    // side.
    let options = options(message, at: 38)
    let old = order.side
    order.side = options.side ?? old
    guard order.side == old || ("STE".contains(old) && "STE".contains(order.side)) else { return }
    // "(b) details invalid: the original is Canceled, the new number not consumed"
    guard !isClosed, isEntryEnabled, order.open > 0, isValid(order) else { return }
    // "(d) Replaced, priority lost. Its quantity includes the chain's earlier executions."
    lastNumber = number
    ours.append(order)
    work(number, postOnly: options.postOnly)
  }

  /// "Cancel's quantity is the new intended total (0 cancels all). A superfluous cancel gets
  /// silence."
  private mutating func cancel(_ number: Int, intended: Int) {
    guard let at = ours.firstIndex(where: { $0.number == number }), intended < ours[at].total
    else { return }
    if intended <= ours[at].executed {
      ours.remove(at: at)
    } else {
      ours[at].total = intended
    }
  }

  private mutating func modify(_ message: RawMessage) {
    let quantity = message.number(6, 4)
    guard let at = ours.firstIndex(where: { $0.number == message.number(1, 4) }),
      (message.letter(5) == "B") == ours[at].isBuy, (1...ours[at].total).contains(quantity)
    else { return }
    ours[at].side = message.letter(5)
    if quantity <= ours[at].executed {
      ours.remove(at: at)
    } else {
      ours[at].total = quantity
    }
  }

  // MARK: Ours in the book

  /// Trades what can be traded at once; the rest rests, or goes when it may not rest.
  private mutating func work(_ number: Int, postOnly: Bool) {
    let order = ours.first { $0.number == number }!
    if isMatching(order.locate) {
      if postOnly, facing(order) != nil {
        ours.removeAll { $0.number == number }
        return
      }
      take(number)
    }
    guard let at = ours.firstIndex(where: { $0.number == number }) else { return }
    if ours[at].open == 0 || ours[at].timeInForce == "3" {
      ours.remove(at: at)
    } else {
      ours[at].arrival = nextArrival()
    }
  }

  private enum Facing {
    case history(at: Int, price: Int, open: Int)
    case ours(number: Int, price: Int, open: Int, isHidden: Bool)
  }

  /// The first order of the other side that this one would trade with: price, displayed before
  /// hidden,
  /// time, history's and ours in one queue.
  private func facing(_ order: Ours) -> Facing? {
    struct Candidate {
      var price: Int
      var isHidden: Bool
      var arrival: Int
      var facing: Facing
    }
    var candidates: [Candidate] = []
    for (at, other) in (history[order.locate] ?? []).enumerated()
    where other.isBuy != order.isBuy && other.open > 0 {
      candidates.append(
        Candidate(
          price: other.price, isHidden: false, arrival: other.arrival,
          facing: .history(at: at, price: other.price, open: other.open)))
    }
    for other in ranked(order.locate, oursBuy: !order.isBuy) {
      candidates.append(
        Candidate(
          price: other.price, isHidden: other.isHidden, arrival: other.arrival!,
          facing: .ours(
            number: other.number, price: other.price, open: other.open, isHidden: other.isHidden)))
    }
    let reached = candidates.filter {
      order.isBuy ? $0.price <= order.price : $0.price >= order.price
    }
    return reached.min { a, b in
      if a.price != b.price { return order.isBuy ? a.price < b.price : a.price > b.price }
      if a.isHidden != b.isHidden { return b.isHidden }
      return a.arrival < b.arrival
    }?.facing
  }

  /// Ours takes, at the prices of what rests. Returns whether it traded.
  @discardableResult private mutating func take(_ number: Int) -> Bool {
    var hasTraded = false
    while let order = ours.first(where: { $0.number == number }), order.open > 0,
      let met = facing(order)
    {
      hasTraded = true
      switch met {
      case .history(let at, let price, let open):
        let quantity = min(order.open, open)
        history[order.locate]![at].open -= quantity
        fill(number, quantity, price: price, liquidity: "R")
      case .ours(let other, let price, let open, let isHidden):
        // Choice: two of ours trade with each other; the taker's side is told first.
        let quantity = min(order.open, open)
        fill(number, quantity, price: price, liquidity: "R")
        fill(other, quantity, price: price, liquidity: isHidden ? "J" : "A")
      }
    }
    return hasTraded
  }

  /// Choice: when matching goes on, those of ours that now cross take, in the order of their
  /// arrival,
  /// and what is left of one that took rests behind everybody.
  mutating func resume(_ locate: Int) {
    guard isMatching(locate) else { return }
    let waiting = ours.filter { $0.locate == locate && $0.arrival != nil }
      .sorted { $0.arrival! < $1.arrival! }.map(\.number)
    for number in waiting {
      guard let at = ours.firstIndex(where: { $0.number == number }),
        facing(ours[at]) != nil
      else { continue }
      ours[at].arrival = nil
      take(number)
      guard let now = ours.firstIndex(where: { $0.number == number }) else { continue }
      if ours[now].open == 0 {
        ours.remove(at: now)
      } else {
        ours[now].arrival = nextArrival()
      }
    }
  }
}
