/// The exchange's rules once more, from their description alone, as slowly and plainly as they can be
/// put:
/// lists that are searched anew for every question, the feed's and the orders' bytes read afresh.
/// Nothing of Sources/ is used.
///
/// Where that leaves a choice, the exchange's documented one is taken; each is marked
/// "choice".
struct SlowMatcher {
  /// An order of history, in one list a symbol, in order of arrival.
  struct History {
    var reference: Int
    var arrival: Int
    var isBuy: Bool
    var price: Int
    /// Shares that are open in the common book, and those that the file alone would have open.
    var open: Int
    var file: Int
  }
  struct Ours {
    var number: Int
    var symbol: String
    var locate: Int
    var side: Character
    var price: Int
    var timeInForce: Character
    var isHidden: Bool
    /// The whole quantity that is intended, and what the chain has executed.
    var total: Int
    var executed = 0
    /// In price-time order; nil while it does not rest.
    var arrival: Int?
    var isBuy: Bool { side == "B" }
    var open: Int { total - executed }
  }
  /// One execution of one of ours, as exchange and journal must both have it.
  struct Fill: Hashable, CustomStringConvertible {
    var number: Int
    var symbol: String
    var side: Character
    var shares: Int
    /// 10⁻⁴ dollars.
    var price: Int
    /// `A` added and displayed, `J` added and hidden, `R` removed.
    var liquidity: Character
    var isBusted = false
    var description: String {
      "\(number) \(side) \(shares) \(symbol) @\(price) \(liquidity)\(isBusted ? " busted" : "")"
    }
  }

  var history: [Int: [History]] = [:]
  var ours: [Ours] = []
  var fills: [Fill] = []
  /// What a message needs that these rules do not have: a test must find this empty.
  var unsupported: [String] = []
  var locates: [String: Int] = [:]
  /// Match number of an execution of history → the fills that ours got from it.
  private var fillsOfMatch: [Int: [Int]] = [:]
  var halted: Set<Int> = []
  private var operationallyHalted: Set<Int> = []
  var restricted: Set<Int> = []
  var isClosed = false
  var isEntryEnabled = true
  var lastNumber = 0
  private var arrivals = 0

  /// The prices of ours are whole cents from one dollar on, 10⁻⁴ dollars below.
  static let tick = 100

  mutating func nextArrival() -> Int {
    arrivals += 1
    return arrivals
  }
  func isMatching(_ locate: Int) -> Bool {
    !halted.contains(locate) && !operationallyHalted.contains(locate)
  }

  // MARK: History

  mutating func apply(_ message: RawMessage) {
    let locate = message.number(1, 2)
    switch message.kind {
    case "A", "F": add(message, locate)
    case "E": execute(message, locate, shares: message.number(19, 4), price: nil)
    case "C":
      execute(message, locate, shares: message.number(19, 4), price: message.number(32, 4))
    case "X": cancelPart(message, locate)
    case "D": history[locate]?.removeAll { $0.reference == message.number(11, 8) }
    case "U": replace(message, locate)
    case "P": trade(message, locate)
    case "B":
      // "B (broken trade) busts the fills that came from its match number."
      for index in fillsOfMatch.removeValue(forKey: message.number(11, 8)) ?? [] {
        fills[index].isBusted = true
      }
    default: changeState(message, locate)
    }
  }

  private mutating func add(_ message: RawMessage, _ locate: Int) {
    locates[message.text(24, 8)] = locate
    let reference = message.number(11, 8)
    guard place(reference, locate) == nil, message.number(20, 4) > 0 else { return }
    arrive(
      locate, reference, isBuy: message.letter(19) == "B", price: message.number(32, 4),
      file: message.number(20, 4), shares: message.number(20, 4))
  }

  private mutating func replace(_ message: RawMessage, _ locate: Int) {
    guard let at = place(message.number(11, 8), locate) else { return }
    let new = message.number(19, 8)
    guard new == message.number(11, 8) || place(new, locate) == nil else { return }
    let old = history[locate]![at]
    history[locate]!.remove(at: at)
    // "X, D, U act on what is left of R": what ours took of it does not come back with U.
    let taken = max(0, old.file - old.open)
    let shares = message.number(27, 4)
    arrive(
      locate, new, isBuy: old.isBuy, price: message.number(31, 4), file: shares,
      shares: max(0, shares - taken))
  }

  /// "A, F: first executes against ours where it would cross; the rest rests."
  private mutating func arrive(
    _ locate: Int, _ reference: Int, isBuy: Bool, price: Int, file: Int, shares: Int
  ) {
    let met = sweep(locate, oursBuy: !isBuy, shares: shares, match: nil) { order in
      isBuy ? order.price <= price : order.price >= price
    }
    history[locate, default: []].append(
      History(
        reference: reference, arrival: nextArrival(), isBuy: isBuy, price: price,
        open: shares - met, file: file))
  }

  /// "E, C on reference R, n shares: an aggressor at the execution price. It first fills ours that
  /// outrank R, then what is left of R. Shares of R that we took earlier are dropped."
  private mutating func execute(_ message: RawMessage, _ locate: Int, shares: Int, price: Int?) {
    guard let at = place(message.number(11, 8), locate) else { return }
    let target = history[locate]![at]
    let wanted = min(shares, target.file)
    let limit = price ?? target.price
    let met = sweep(
      locate, oursBuy: target.isBuy, shares: wanted, match: message.number(23, 8)
    ) { order in
      let reachesPrice = target.isBuy ? order.price >= limit : order.price <= limit
      let isBetter = target.isBuy ? order.price > target.price : order.price < target.price
      // At R's own price: what came before it and is displayed; hidden ranks behind displayed.
      let isAhead =
        order.price == target.price && !order.isHidden && order.arrival! < target.arrival
      return reachesPrice && (isBetter || isAhead)
    }
    history[locate]![at].open -= min(wanted - met, target.open)
    history[locate]![at].file -= wanted
    // Choice: what ours saved of R leaves the book when the file has no more of R.
    if history[locate]![at].file == 0 { history[locate]!.remove(at: at) }
  }

  private mutating func cancelPart(_ message: RawMessage, _ locate: Int) {
    guard let at = place(message.number(11, 8), locate) else { return }
    let shares = min(message.number(19, 4), history[locate]![at].file)
    history[locate]![at].open -= min(shares, history[locate]![at].open)
    history[locate]![at].file -= shares
    if history[locate]![at].file == 0 { history[locate]!.remove(at: at) }
  }

  /// "P at price p: ours at a better price, or displayed at p, fill first. The aggressor's side is
  /// inferred from the quote; at the midpoint there is no fill."
  private mutating func trade(_ message: RawMessage, _ locate: Int) {
    locates[message.text(24, 8)] = locate
    let price = message.number(32, 4)
    // Choice: the quote is the file's own, without ours.
    let open = (history[locate] ?? []).filter { $0.file > 0 }
    let bid = open.filter(\.isBuy).map(\.price).max()
    let ask = open.filter { !$0.isBuy }.map(\.price).min()
    let sells: Bool
    switch (bid, ask) {
    case (let bid?, let ask?) where 2 * price != bid + ask: sells = 2 * price < bid + ask
    // Choice: with one side only, the aggressor is known at that side's price or beyond it.
    case (let bid?, nil) where price <= bid: sells = true
    case (nil, let ask?) where price >= ask: sells = false
    default: return
    }
    _ = sweep(
      locate, oursBuy: sells, shares: message.number(20, 4), match: message.number(36, 8)
    ) { order in
      let isBetter = sells ? order.price > price : order.price < price
      return isBetter || (order.price == price && !order.isHidden)
    }
  }

  /// An aggressor of history meets those of ours that qualify, in price-time order, each at its own
  /// price.
  /// Returns the shares that they took.
  private mutating func sweep(
    _ locate: Int, oursBuy: Bool, shares: Int, match: Int?, _ qualifies: (Ours) -> Bool
  ) -> Int {
    guard isMatching(locate) else { return 0 }
    var left = shares
    while left > 0 {
      let next = ranked(locate, oursBuy: oursBuy).first(where: qualifies)
      guard let next else { break }
      // "No fill through a better displayed price."
      let isPassed = (history[locate] ?? []).contains {
        $0.isBuy == oursBuy && $0.open > 0
          && (oursBuy ? $0.price > next.price : $0.price < next.price)
      }
      if isPassed { break }
      let quantity = min(left, next.open)
      fill(next.number, quantity, price: next.price, liquidity: next.isHidden ? "J" : "A")
      if let match { fillsOfMatch[match, default: []].append(fills.count - 1) }
      left -= quantity
    }
    return shares - left
  }

  /// Ours of one side that rest: price, then displayed before hidden, then time.
  func ranked(_ locate: Int, oursBuy: Bool) -> [Ours] {
    ours.filter { $0.locate == locate && $0.isBuy == oursBuy && $0.arrival != nil && $0.open > 0 }
      .sorted { a, b in
        if a.price != b.price { return oursBuy ? a.price > b.price : a.price < b.price }
        if a.isHidden != b.isHidden { return b.isHidden }
        return a.arrival! < b.arrival!
      }
  }

  /// Books an execution of one of ours; one that is executed whole is gone.
  mutating func fill(_ number: Int, _ shares: Int, price: Int, liquidity: Character) {
    let at = ours.firstIndex { $0.number == number }!
    ours[at].executed += shares
    fills.append(
      Fill(
        number: number, symbol: ours[at].symbol, side: ours[at].side, shares: shares, price: price,
        liquidity: liquidity))
    if ours[at].open == 0, ours[at].arrival != nil { ours.remove(at: at) }
  }

  func place(_ reference: Int, _ locate: Int) -> Int? {
    history[locate]?.firstIndex { $0.reference == reference }
  }

  // MARK: States

  private mutating func changeState(_ message: RawMessage, _ locate: Int) {
    switch message.kind {
    case "S": systemEvent(message.letter(11))
    case "R": locates[message.text(11, 8)] = locate
    case "H":
      locates[message.text(11, 8)] = locate
      if message.letter(19) == "T" { halted.remove(locate) } else { halted.insert(locate) }
      resume(locate)
    case "h" where message.letter(19) == "Q":
      if message.letter(20) == "H" {
        operationallyHalted.insert(locate)
      } else {
        operationallyHalted.remove(locate)
      }
      resume(locate)
    case "Y":
      if "12".contains(message.letter(19)) {
        restricted.insert(locate)
      } else {
        restricted.remove(locate)
      }
    default: break
    }
  }

  /// Choice: the end of market hours (M) ends day orders, the end of system hours (E) and of
  /// messages
  /// (C) every order, and nothing is accepted after those.
  private mutating func systemEvent(_ code: Character) {
    switch code {
    case "O", "S", "Q": isClosed = false
    case "M": ours.removeAll { $0.timeInForce == "0" }
    case "E", "C":
      ours.removeAll()
      isClosed = true
    default: break
    }
  }
}
