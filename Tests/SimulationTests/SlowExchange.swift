import ExecutionCore
import Gateways
import Simulation

/// The rules of EXCHANGE.md once more, slowly: one list of orders, searched anew for every question.
/// Shares nothing with the exchange but the shapes of its inputs.
struct SlowExchange {
  struct Order {
    var reference: UInt64
    var locate: UInt16
    var isBuy: Bool
    var price: Int
    /// Open here, and open by the file alone.
    var open: Int
    var file: Int
    /// Our number; nil for history's.
    var number: UInt32?
    var limitTotal = 0
    var executed = 0
  }
  struct Fill: Hashable {
    var number: UInt32
    var shares: Int
    var price: Int
    var takes: Bool
  }
  /// In order of arrival.
  var orders: [Order] = []
  var fills: [Fill] = []
  var halted: Set<UInt16> = []
  var locates: [UInt64: UInt16] = [:]
  var last: UInt32 = 0

  private func matches(_ locate: UInt16) -> Bool { !halted.contains(locate) }

  /// Places in the list, best price first, then time.
  private func ranked(_ locate: UInt16, isBuy: Bool) -> [Int] {
    orders.indices.filter { orders[$0].locate == locate && orders[$0].isBuy == isBuy }.sorted {
      let a = orders[$0]
      let b = orders[$1]
      if a.price != b.price { return isBuy ? a.price > b.price : a.price < b.price }
      return $0 < $1
    }
  }

  private func place(_ reference: UInt64) -> Int? {
    orders.firstIndex { $0.number == nil && $0.reference == reference }
  }

  mutating func apply(_ record: MarketRecord) {
    switch record.kind {
    case UInt8(ascii: "A"), UInt8(ascii: "F"):
      locates[record.symbol] = record.locate
      guard place(record.reference) == nil else { return }
      arrive(
        record, record.reference, isBuy: record.side == UInt8(ascii: "B"), locate: record.locate,
        shares: Int(record.shares))
    case UInt8(ascii: "U"):
      guard let at = place(record.reference) else { return }
      guard record.reference == record.newReference || place(record.newReference) == nil else {
        return
      }
      let old = orders.remove(at: at)
      let taken = max(0, old.file - old.open)
      arrive(
        record, record.newReference, isBuy: old.isBuy, locate: old.locate,
        shares: max(0, Int(record.shares) - taken))
    case UInt8(ascii: "E"), UInt8(ascii: "C"): execute(record)
    case UInt8(ascii: "X"):
      guard let at = place(record.reference) else { return }
      let shares = min(Int(record.shares), orders[at].file)
      orders[at].open -= min(shares, orders[at].open)
      orders[at].file -= shares
      if orders[at].file == 0 { orders.remove(at: at) }
    case UInt8(ascii: "D"):
      if let at = place(record.reference) { orders.remove(at: at) }
    case UInt8(ascii: "P"): trade(record)
    case UInt8(ascii: "H"):
      locates[record.symbol] = record.locate
      if record.code & 0xff == UInt16(UInt8(ascii: "T")) {
        halted.remove(record.locate)
        resume(record.locate)
      } else {
        halted.insert(record.locate)
      }
    case UInt8(ascii: "R"): locates[record.symbol] = record.locate
    default: break
    }
  }

  private mutating func arrive(
    _ record: MarketRecord, _ reference: UInt64, isBuy: Bool, locate: UInt16, shares: Int
  ) {
    var rest = shares
    if matches(locate) {
      rest -= sweep(locate, isBuy: !isBuy, shares: rest) { slow, at in
        let price = slow.orders[at].price
        return isBuy ? price <= Int(record.price) : price >= Int(record.price)
      }
    }
    orders.append(
      Order(
        reference: reference, locate: locate, isBuy: isBuy, price: Int(record.price), open: rest,
        file: Int(record.shares), number: nil))
  }

  /// Fills ours that qualify, best first, never past a better displayed price of history.
  private mutating func sweep(
    _ locate: UInt16, isBuy: Bool, shares: Int, _ qualifies: (SlowExchange, Int) -> Bool
  ) -> Int {
    var left = shares
    while left > 0 {
      let ranks = ranked(locate, isBuy: isBuy)
      guard let at = ranks.first(where: { orders[$0].number != nil && qualifies(self, $0) }) else {
        break
      }
      let order = orders[at]
      let isPassed = ranks.contains {
        orders[$0].number == nil && orders[$0].open > 0
          && (isBuy ? orders[$0].price > order.price : orders[$0].price < order.price)
      }
      if isPassed { break }
      let quantity = min(left, order.open)
      fill(at, quantity, price: order.price, takes: false)
      left -= quantity
    }
    return shares - left
  }

  private mutating func fill(_ at: Int, _ shares: Int, price: Int, takes: Bool) {
    fills.append(
      Fill(number: orders[at].number ?? 0, shares: shares, price: price, takes: takes))
    orders[at].open -= shares
    orders[at].executed += shares
    if orders[at].open == 0 { orders.remove(at: at) }
  }

  private mutating func execute(_ record: MarketRecord) {
    guard let before = place(record.reference) else { return }
    let target = orders[before]
    let wanted = min(Int(record.shares), target.file)
    var left = wanted
    let floor = record.kind == UInt8(ascii: "C") ? Int(record.price) : target.price
    if matches(target.locate) {
      left -= sweep(target.locate, isBuy: target.isBuy, shares: wanted) { slow, at in
        let mine = slow.orders[at]
        let reaches = target.isBuy ? mine.price >= floor : mine.price <= floor
        if mine.price == target.price {
          return reaches && at < slow.place(record.reference) ?? 0
        }
        return reaches
          && (target.isBuy ? mine.price > target.price : mine.price < target.price)
      }
    }
    guard let at = place(record.reference) else { return }
    orders[at].open -= min(left, orders[at].open)
    orders[at].file -= wanted
    if orders[at].file == 0 { orders.remove(at: at) }
  }

  private mutating func trade(_ record: MarketRecord) {
    guard matches(record.locate) else { return }
    func best(_ isBuy: Bool) -> Int? {
      ranked(record.locate, isBuy: isBuy).first {
        orders[$0].number == nil && orders[$0].file > 0
      }.map { orders[$0].price }
    }
    let price = Int(record.price)
    let sells: Bool
    switch (best(true), best(false)) {
    case (let bid?, let ask?):
      if 2 * price == bid + ask { return }
      sells = 2 * price < bid + ask
    case (let bid?, nil):
      if price > bid { return }
      sells = true
    case (nil, let ask?):
      if price < ask { return }
      sells = false
    case (nil, nil): return
    }
    _ = sweep(record.locate, isBuy: sells, shares: Int(record.shares)) { slow, at in
      sells ? slow.orders[at].price >= price : slow.orders[at].price <= price
    }
  }

  // MARK: - Ours: displayed day and immediate orders of one account

  mutating func submit(_ request: OUCHRequest) {
    switch request.kind {
    case .enter:
      guard request.userRefNum > last, let locate = locates[request.symbol] else { return }
      last = request.userRefNum
      if !matches(locate), request.timeInForce == UInt8(ascii: "3") { return }
      enter(
        Order(
          reference: 0, locate: locate, isBuy: request.side == UInt8(ascii: "B"),
          price: Int(request.price), open: Int(request.quantity), file: 0,
          number: request.userRefNum, limitTotal: Int(request.quantity)),
        rests: request.timeInForce != UInt8(ascii: "3"))
    case .cancel:
      guard let at = mine(request.userRefNum), Int(request.quantity) < orders[at].limitTotal else {
        return
      }
      let open = max(0, Int(request.quantity) - orders[at].executed)
      orders[at].limitTotal = Int(request.quantity)
      orders[at].open = open
      if open == 0 { orders.remove(at: at) }
    case .replace:
      guard request.userRefNum > last, let at = mine(request.originalUserRefNum) else { return }
      var order = orders.remove(at: at)
      let isHaltedIOC = !matches(order.locate) && request.timeInForce == UInt8(ascii: "3")
      guard Int(request.quantity) > order.executed, !isHaltedIOC else { return }
      last = request.userRefNum
      order.number = request.userRefNum
      order.price = Int(request.price)
      order.limitTotal = Int(request.quantity)
      order.open = order.limitTotal - order.executed
      enter(order, rests: request.timeInForce != UInt8(ascii: "3"))
    default: break
    }
  }

  func mine(_ number: UInt32) -> Int? { orders.firstIndex { $0.number == number } }

  private mutating func enter(_ order: Order, rests: Bool) {
    orders.append(order)
    if matches(order.locate) { take(order.number ?? 0) }
    guard !rests, let at = mine(order.number ?? 0) else { return }
    orders.remove(at: at)
  }

  /// Trades the order with the other side until neither reaches the other.
  private mutating func take(_ number: UInt32) {
    while let at = mine(number) {
      let order = orders[at]
      let facing = ranked(order.locate, isBuy: !order.isBuy).first { orders[$0].open > 0 }
      guard let facing else { return }
      let other = orders[facing]
      guard order.isBuy ? other.price <= order.price : other.price >= order.price else { return }
      let quantity = min(order.open, other.open)
      fills.append(Fill(number: number, shares: quantity, price: other.price, takes: true))
      orders[at].open -= quantity
      orders[at].executed += quantity
      if let mine = other.number {
        fills.append(Fill(number: mine, shares: quantity, price: other.price, takes: false))
        orders[facing].executed += quantity
      }
      orders[facing].open -= quantity
      let isDone = orders[at].open == 0
      let isOtherDone = orders[facing].open == 0 && other.number != nil
      for index in [at, facing].sorted(by: >)
      where index == at ? isDone : isOtherDone { orders.remove(at: index) }
    }
  }

  private mutating func resume(_ locate: UInt16) {
    for number in orders.filter({ $0.locate == locate }).compactMap(\.number) {
      guard let at = mine(number) else { continue }
      let before = fills.count
      take(number)
      // One that took rests again behind everybody.
      if fills.count > before, let now = mine(number) {
        let order = orders.remove(at: now)
        orders.append(order)
      }
      _ = at
    }
  }
}
