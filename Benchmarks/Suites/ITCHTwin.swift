/// The best bid and offer of every book, kept in dictionaries and decoded by the specification's offsets:
/// slow, obviously right, and sharing nothing with ``OrderBooks``.
struct ITCHTwin {
  private struct Order {
    var side: Int
    var price: UInt32
    var shares: UInt64
  }
  private struct Side {
    var levels: [UInt32: (shares: UInt64, orders: Int)] = [:]
    var best: UInt32?
  }

  private var orders: [UInt64: Order] = [:]
  /// Bids of a locate at twice its number, asks behind.
  private var sides = [Side](repeating: Side(), count: 2 * 65_536)
  private(set) var changes = QuoteChanges()

  static func changes(of bytes: UnsafeBufferPointer<UInt8>) -> QuoteChanges {
    var twin = ITCHTwin()
    var at = 0
    while at + 2 < bytes.count {
      let length = Int(bytes[at]) << 8 | Int(bytes[at + 1])
      guard at + 2 + length <= bytes.count else { break }
      twin.apply(UnsafeBufferPointer(rebasing: bytes[at + 2..<at + 2 + length]))
      at += 2 + length
    }
    return twin.changes
  }

  private mutating func apply(_ m: UnsafeBufferPointer<UInt8>) {
    func number(_ from: Int, _ size: Int) -> UInt64 {
      m[from..<from + size].reduce(0) { $0 << 8 | UInt64($1) }
    }
    let locate = Int(number(1, 2))
    let before = top(locate)
    switch m[0] {
    case UInt8(ascii: "A"), UInt8(ascii: "F"):
      let side = 2 * locate + (m[19] == UInt8(ascii: "B") ? 0 : 1)
      add(number(11, 8), side, UInt32(number(32, 4)), number(20, 4))
    case UInt8(ascii: "E"), UInt8(ascii: "C"), UInt8(ascii: "X"):
      take(number(11, 8), number(19, 4))
    case UInt8(ascii: "D"):
      take(number(11, 8), .max)
    case UInt8(ascii: "U"):
      guard let old = orders[number(11, 8)] else { return }
      take(number(11, 8), .max)
      add(number(19, 8), old.side, UInt32(number(31, 4)), number(27, 4))
    default: return
    }
    let after = top(locate)
    if before != after {
      changes.add(
        locate: UInt16(locate), bid: after.0, ask: after.1, bidShares: after.2, askShares: after.3)
    }
  }

  private func top(_ locate: Int) -> (UInt32, UInt32, UInt64, UInt64) {
    let bids = sides[2 * locate]
    let asks = sides[2 * locate + 1]
    return (
      bids.best ?? 0, asks.best ?? 0, bids.best.flatMap { bids.levels[$0]?.shares } ?? 0,
      asks.best.flatMap { asks.levels[$0]?.shares } ?? 0
    )
  }

  private mutating func add(_ reference: UInt64, _ side: Int, _ price: UInt32, _ shares: UInt64) {
    orders[reference] = Order(side: side, price: price, shares: shares)
    let level = sides[side].levels[price] ?? (0, 0)
    sides[side].levels[price] = (level.shares + shares, level.orders + 1)
    let best = sides[side].best ?? price
    sides[side].best = side % 2 == 0 ? max(best, price) : min(best, price)
  }

  private mutating func take(_ reference: UInt64, _ shares: UInt64) {
    guard var order = orders[reference] else { return }
    let taken = min(shares, order.shares)
    order.shares -= taken
    let isGone = order.shares == 0
    orders[reference] = isGone ? nil : order
    guard let level = sides[order.side].levels[order.price] else { return }
    guard isGone, level.orders == 1 else {
      sides[order.side].levels[order.price] = (
        level.shares - taken, level.orders - (isGone ? 1 : 0)
      )
      return
    }
    sides[order.side].levels[order.price] = nil
    if sides[order.side].best == order.price {
      let prices = sides[order.side].levels.keys
      sides[order.side].best = order.side % 2 == 0 ? prices.max() : prices.min()
    }
  }
}

/// Number and hash of the changes of best bids and offers, in order.
struct QuoteChanges: Equatable {
  var count: UInt64 = 0
  var hash: UInt64 = 0

  @inline(__always) mutating func add(
    locate: UInt16, bid: UInt32, ask: UInt32, bidShares: UInt64, askShares: UInt64
  ) {
    let prices = (UInt64(ask) &<< 32 | UInt64(bid)) &* 0x9E37_79B9_7F4A_7C15
    let sizes = bidShares &* 0xBF58_476D_1CE4_E5B9 ^ askShares &* 0x94D0_49BB_1331_11EB
    hash = (hash ^ prices ^ sizes &+ UInt64(locate)) &* 0xFF51_AFD7_ED55_8CCD
    hash ^= hash &>> 29
    count &+= 1
  }
}
