/// Order books written to be obviously right: dictionaries and arrays, decoded byte by byte with the
/// offsets of the specification. The oracle for ``OrderBooks``; shares no code with it. A message costs
/// the same with a million orders as with ten, so that the extremes are compared too.
struct NaiveBooks {
  struct Order {
    var reference: UInt64
    var locate: UInt16
    var isBid: Bool
    var shares: Int
    var price: UInt32
    /// Counts all that came: an order that is gone and one that took its reference again differ.
    var arrival = 0
    var side: Side { Side(locate: locate, isBid: isBid) }
  }
  struct Side: Hashable {
    var locate: UInt16
    var isBid: Bool
  }
  struct Level {
    var shares = 0
    var count = 0
    /// Who came, first come first; those who are gone stay in it.
    var queue: [(reference: UInt64, arrival: Int)] = []
  }

  var orders: [UInt64: Order] = [:]
  var sides: [Side: SideLevels] = [:]
  var symbols: [UInt16: String] = [:]
  var types: [UInt8: Int] = [:]
  var malformed = 0
  var added = 0
  var unknown = 0
  var duplicate = 0
  var overExecuted = 0
  private var arrivals = 0

  static let lengths: [Character: Int] = [
    "S": 12, "R": 39, "H": 25, "Y": 20, "L": 26, "V": 35, "W": 12, "K": 28, "J": 35, "h": 21,
    "A": 36, "F": 40, "E": 31, "C": 36, "X": 23, "D": 19, "U": 35, "P": 44, "Q": 40, "B": 19,
    "I": 50, "N": 20, "O": 48,
  ]

  /// Applies a whole framed file: 2-byte length, message, and so on; a cut end counts as malformed.
  mutating func apply(file bytes: [UInt8]) {
    var at = 0
    while at < bytes.count {
      guard at + 2 <= bytes.count else {
        malformed += 1
        return
      }
      let length = Int(bytes[at]) * 256 + Int(bytes[at + 1])
      guard at + 2 + length <= bytes.count else {
        malformed += 1
        return
      }
      apply(message: Array(bytes[at + 2..<at + 2 + length]))
      at += 2 + length
    }
  }

  mutating func apply(message m: [UInt8]) {
    guard let first = m.first, Self.lengths[Character(Unicode.Scalar(first))] == m.count else {
      malformed += 1
      return
    }
    types[first, default: 0] += 1
    let locate = UInt16(number(m, 1, 2))
    switch Character(Unicode.Scalar(first)) {
    case "R": symbols[locate] = text(m, 11)
    case "A", "F":
      if symbols[locate] == nil { symbols[locate] = text(m, 24) }
      add(
        number(m, 11, 8), locate, side: m[19], shares: Int(number(m, 20, 4)),
        price: UInt32(number(m, 32, 4)))
    case "E", "C", "X": reduce(number(m, 11, 8), by: Int(number(m, 19, 4)))
    case "D": delete(number(m, 11, 8))
    case "U":
      replace(
        number(m, 11, 8), by: number(m, 19, 8), shares: Int(number(m, 27, 4)),
        price: UInt32(number(m, 31, 4)))
    default: break
    }
  }

  // MARK: What a message does; the side that it acted on, nil when it did nothing.

  @discardableResult mutating func add(
    _ reference: UInt64, _ locate: UInt16, side: UInt8, shares: Int, price: UInt32
  ) -> Side? {
    guard orders[reference] == nil else {
      duplicate += 1
      return nil
    }
    guard side == 66 || side == 83 else { return nil }
    added += 1
    return put(
      Order(
        reference: reference, locate: locate, isBid: side == 66, shares: shares, price: price))
  }

  @discardableResult mutating func reduce(_ reference: UInt64, by shares: Int) -> Side? {
    guard let order = orders[reference] else {
      unknown += 1
      return nil
    }
    if shares > order.shares { overExecuted += 1 }
    guard shares < order.shares else { return drop(order) }
    orders[reference]?.shares -= shares
    sides[order.side]?.take(shares, at: order.price)
    return order.side
  }

  @discardableResult mutating func delete(_ reference: UInt64) -> Side? {
    guard let order = orders[reference] else {
      unknown += 1
      return nil
    }
    return drop(order)
  }

  @discardableResult mutating func replace(
    _ reference: UInt64, by new: UInt64, shares: Int, price: UInt32
  ) -> Side? {
    let isLive = orders[new] != nil
    if isLive { duplicate += 1 }
    guard let old = orders[reference] else {
      unknown += 1
      return nil
    }
    if isLive { return nil }
    drop(old)
    return put(
      Order(
        reference: new, locate: old.locate, isBid: old.isBid, shares: shares, price: price))
  }

  @discardableResult private mutating func put(_ order: Order) -> Side {
    arrivals += 1
    var order = order
    order.arrival = arrivals
    orders[order.reference] = order
    sides[order.side, default: SideLevels(isBid: order.isBid)].put(order)
    return order.side
  }

  @discardableResult private mutating func drop(_ order: Order) -> Side {
    orders[order.reference] = nil
    sides[order.side]?.drop(order)
    return order.side
  }

  // MARK: Looking

  /// Levels of a side, best first: price, and the orders in priority order.
  func levels(_ locate: UInt16, isBid: Bool) -> [(price: UInt32, orders: [Order])] {
    let levels = sides[Side(locate: locate, isBid: isBid)]?.levels ?? [:]
    let prices = levels.keys.sorted { isBid ? $0 > $1 : $0 < $1 }
    return prices.map { price in
      let came = levels[price]?.queue ?? []
      return (
        price,
        came.compactMap { who in
          orders[who.reference].flatMap { $0.arrival == who.arrival ? $0 : nil }
        }
      )
    }
  }

  /// Best price of a side and the shares at it; zeros when it is empty.
  func best(_ locate: UInt16, isBid: Bool) -> (price: UInt32, shares: Int) {
    guard let side = sides[Side(locate: locate, isBid: isBid)], let price = side.best else {
      return (0, 0)
    }
    return (price, side.levels[price]?.shares ?? 0)
  }

  /// The same orders in the same queues, however they came there.
  func holdsSame(as other: NaiveBooks) -> Bool {
    Set(locates + other.locates).allSatisfy { locate in
      [true, false].allSatisfy { isBid in
        levels(locate, isBid: isBid).elementsEqual(other.levels(locate, isBid: isBid)) { a, b in
          a.price == b.price
            && a.orders.elementsEqual(b.orders) {
              $0.reference == $1.reference && $0.shares == $1.shares
            }
        }
      }
    }
  }

  var locates: [UInt16] { Set(sides.keys.map(\.locate)).sorted() }

  private func number(_ m: [UInt8], _ at: Int, _ size: Int) -> UInt64 {
    m[at..<at + size].reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func text(_ m: [UInt8], _ at: Int) -> String {
    String(decoding: m[at..<at + 8], as: UTF8.self).trimmed
  }
}

extension NaiveBooks {
  /// The levels of one side by price, and the best price. Which price comes after the best is known from
  /// a heap, in which prices that have no level any more stay until they come to its top.
  struct SideLevels {
    let isBid: Bool
    private(set) var levels: [UInt32: Level] = [:]
    private(set) var best: UInt32?
    private var heap: [UInt32] = []

    init(isBid: Bool) { self.isBid = isBid }

    mutating func put(_ order: Order) {
      if levels[order.price] == nil {
        push(order.price)
        if best.map({ isBetter(order.price, $0) }) ?? true { best = order.price }
      }
      change(order.price) { level in
        level.shares += order.shares
        level.count += 1
        level.queue.append((order.reference, order.arrival))
      }
    }

    mutating func take(_ shares: Int, at price: UInt32) { change(price) { $0.shares -= shares } }

    mutating func drop(_ order: Order) {
      change(order.price) { level in
        level.shares -= order.shares
        level.count -= 1
      }
      guard levels[order.price]?.count == 0 else { return }
      levels[order.price] = nil
      guard order.price == best else { return }
      while let first = heap.first, levels[first] == nil { pop() }
      best = heap.first
    }

    private mutating func change(_ price: UInt32, _ body: (inout Level) -> Void) {
      body(&levels[price, default: Level()])
    }

    private func isBetter(_ a: UInt32, _ b: UInt32) -> Bool { isBid ? a > b : a < b }

    private mutating func push(_ price: UInt32) {
      var at = heap.count
      heap.append(price)
      while at > 0, isBetter(price, heap[(at - 1) / 2]) {
        heap[at] = heap[(at - 1) / 2]
        at = (at - 1) / 2
      }
      heap[at] = price
    }

    private mutating func pop() {
      let last = heap.removeLast()
      guard !heap.isEmpty else { return }
      var at = 0
      while true {
        var child = 2 * at + 1
        guard child < heap.count else { break }
        if child + 1 < heap.count, isBetter(heap[child + 1], heap[child]) { child += 1 }
        guard isBetter(heap[child], last) else { break }
        heap[at] = heap[child]
        at = child
      }
      heap[at] = last
    }
  }
}

extension String {
  /// Without trailing blanks.
  fileprivate var trimmed: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
