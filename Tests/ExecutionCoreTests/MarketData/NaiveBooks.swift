/// Order books written to be obviously right: dictionaries and arrays, decoded byte by byte with the
/// offsets of the specification. The oracle for ``OrderBooks``; shares no code with it.
struct NaiveBooks {
  struct Order: Equatable {
    var reference: UInt64
    var locate: UInt16
    var isBid: Bool
    var shares: Int
    var price: UInt32
  }
  struct Side: Hashable {
    var locate: UInt16
    var isBid: Bool
  }

  var orders: [UInt64: Order] = [:]
  /// Orders by side and price, first come first.
  var queues: [Side: [UInt32: [UInt64]]] = [:]
  var symbols: [UInt16: String] = [:]
  var types: [UInt8: Int] = [:]
  var malformed = 0
  var added = 0
  var unknown = 0
  var duplicate = 0
  var overExecuted = 0

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
      let reference = number(m, 11, 8)
      if symbols[locate] == nil { symbols[locate] = text(m, 24) }
      guard orders[reference] == nil else {
        duplicate += 1
        return
      }
      guard m[19] == 66 || m[19] == 83 else { return }
      added += 1
      put(
        Order(
          reference: reference, locate: locate, isBid: m[19] == 66, shares: Int(number(m, 20, 4)),
          price: UInt32(number(m, 32, 4))))
    case "E", "C", "X":
      let reference = number(m, 11, 8)
      guard let order = orders[reference] else {
        unknown += 1
        return
      }
      let left = order.shares - Int(number(m, 19, 4))
      if left < 0 { overExecuted += 1 }
      if left <= 0 { drop(reference) } else { orders[reference]?.shares = left }
    case "D":
      let reference = number(m, 11, 8)
      if orders[reference] == nil { unknown += 1 } else { drop(reference) }
    case "U":
      let new = number(m, 19, 8)
      let isLive = orders[new] != nil
      if isLive { duplicate += 1 }
      guard let old = orders[number(m, 11, 8)] else {
        unknown += 1
        return
      }
      if isLive { return }
      drop(old.reference)
      put(
        Order(
          reference: new, locate: old.locate, isBid: old.isBid, shares: Int(number(m, 27, 4)),
          price: UInt32(number(m, 31, 4))))
    default: break
    }
  }

  private mutating func put(_ order: Order) {
    orders[order.reference] = order
    let side = Side(locate: order.locate, isBid: order.isBid)
    queues[side, default: [:]][order.price, default: []].append(order.reference)
  }

  private mutating func drop(_ reference: UInt64) {
    guard let order = orders.removeValue(forKey: reference) else { return }
    let side = Side(locate: order.locate, isBid: order.isBid)
    queues[side]?[order.price]?.removeAll { $0 == reference }
    if queues[side]?[order.price]?.isEmpty == true { queues[side]?[order.price] = nil }
  }

  /// Levels of a side, best first: price, and the orders in priority order.
  func levels(_ locate: UInt16, isBid: Bool) -> [(price: UInt32, orders: [Order])] {
    let queue = queues[Side(locate: locate, isBid: isBid)] ?? [:]
    let prices = queue.keys.sorted { isBid ? $0 > $1 : $0 < $1 }
    return prices.map { price in
      (price, (queue[price] ?? []).compactMap { orders[$0] })
    }
  }

  var locates: [UInt16] { Set(queues.keys.map(\.locate)).sorted() }

  private func number(_ m: [UInt8], _ at: Int, _ size: Int) -> UInt64 {
    m[at..<at + size].reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func text(_ m: [UInt8], _ at: Int) -> String {
    String(decoding: m[at..<at + 8], as: UTF8.self).trimmed
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
