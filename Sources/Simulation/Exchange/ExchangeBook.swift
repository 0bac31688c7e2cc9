/// One order of the exchange's book, history's or ours.
struct BookedOrder: BitwiseCopyable, Sendable {
  var reference: UInt64
  /// Order of arrival over the whole book: the time in price-time priority.
  var arrival: UInt64
  /// In 10⁻⁴ dollars.
  var price: UInt32
  /// Open in this book.
  var shares: UInt32
  /// Open by the file alone, had we never traded; 0 for ours.
  var fileShares: UInt32
  /// Index of our order; -1 for history's.
  var owner: Int32
  var level: Int32
  var previous: Int32
  var next: Int32
  /// By how much the impact model moved the file's price.
  var shift: Int32
  var locate: UInt16
  var isBuy: Bool
  var isHidden: Bool
  var isOurs: Bool { owner >= 0 }
}

/// One price of one side: a queue of orders, first in first out.
struct BookedLevel: BitwiseCopyable, Sendable {
  var price: UInt32
  var head: Int32
  var tail: Int32
  var orders: Int32
  var ownOrders: Int32
  /// Shares of history that are open here.
  var historyShares: UInt64
  /// Shares of history that would be open, had we never traded.
  var fileShares: UInt64
  /// Our displayed shares.
  var ownShares: UInt64
  /// Displayed shares, history's and ours.
  var displayedShares: UInt64 { historyShares &+ ownShares }
}

/// Prices of one side of one symbol; the best is the last.
struct BookedSide: Sendable {
  /// Price for bids, its complement for asks: the greater the better.
  var keys: [UInt32] = []
  var levels: [Int32] = []
  var ownOrders = 0

  /// Index of the level with this key, or where it belongs.
  func place(of key: UInt32) -> (index: Int, found: Bool) {
    // Most activity is near the best price: look there first.
    var index = keys.count
    let near = max(0, index - 8)
    while index > near {
      let k = keys[index - 1]
      if k == key { return (index - 1, true) }
      if k < key { return (index, false) }
      index -= 1
    }
    var low = 0
    var high = index
    while low < high {
      let middle = (low + high) / 2
      if keys[middle] < key { low = middle + 1 } else { high = middle }
    }
    return (low, low < keys.count && keys[low] == key)
  }
}

/// Price-time books of all symbols with history's orders and ours, and what the file alone would have.
///
/// An order of history stays in its queue, with 0 open shares, as long as the file has it. Threading: one owner.
struct ExchangeBook: Sendable {
  private(set) var orders: [BookedOrder] = []
  private(set) var levels: [BookedLevel] = []
  private(set) var references = ReferenceMap()
  private var sides: [BookedSide] = []
  private var freeOrders: [Int32] = []
  private var freeLevels: [Int32] = []
  private var arrivals: UInt64 = 0
  /// Orders in the book, those with 0 open shares included.
  var count: Int { references.count }

  static func key(_ price: UInt32, isBuy: Bool) -> UInt32 { isBuy ? price : ~price }

  func side(_ locate: UInt16, isBuy: Bool) -> BookedSide? {
    let index = Int(locate) * 2 + (isBuy ? 0 : 1)
    return index < sides.count ? sides[index] : nil
  }

  func ownOrders(_ locate: UInt16, isBuy: Bool) -> Int {
    let index = Int(locate) * 2 + (isBuy ? 0 : 1)
    return index < sides.count ? sides[index].ownOrders : 0
  }

  func levelCount(_ locate: UInt16, isBuy: Bool) -> Int {
    let index = Int(locate) * 2 + (isBuy ? 0 : 1)
    return index < sides.count ? sides[index].levels.count : 0
  }

  /// Level number `depth` from the best, 0 is the best.
  func level(_ locate: UInt16, isBuy: Bool, depth: Int) -> Int32 {
    let index = Int(locate) * 2 + (isBuy ? 0 : 1)
    let count = sides[index].levels.count
    return sides[index].levels[count - 1 - depth]
  }

  func order(_ slot: Int32) -> BookedOrder { orders[Int(slot)] }
  func slot(of reference: UInt64) -> Int32? { references.slot(of: reference) }

  /// Best price with displayed open shares.
  func bestDisplayed(_ locate: UInt16, isBuy: Bool) -> UInt32? {
    for depth in 0..<levelCount(locate, isBuy: isBuy) {
      let level = levels[Int(self.level(locate, isBuy: isBuy, depth: depth))]
      if level.displayedShares > 0 { return level.price }
    }
    return nil
  }

  /// Best price that the file alone would show.
  func bestOfFile(_ locate: UInt16, isBuy: Bool) -> UInt32? {
    for depth in 0..<levelCount(locate, isBuy: isBuy) {
      let level = levels[Int(self.level(locate, isBuy: isBuy, depth: depth))]
      if level.fileShares > 0 { return level.price }
    }
    return nil
  }

  /// Appends at the end of its price's queue. nil when the reference is already there.
  mutating func insert(_ new: BookedOrder) -> Int32? {
    let slot = takeOrderSlot()
    guard references.insert(new.reference, slot) else {
      freeOrders.append(slot)
      return nil
    }
    var order = new
    arrivals &+= 1
    order.arrival = arrivals
    order.next = -1
    let level = levelSlot(order.locate, isBuy: order.isBuy, price: order.price)
    order.level = level
    order.previous = levels[Int(level)].tail
    if order.previous >= 0 {
      orders[Int(order.previous)].next = slot
    } else {
      levels[Int(level)].head = slot
    }
    levels[Int(level)].tail = slot
    levels[Int(level)].orders &+= 1
    if order.isOurs {
      levels[Int(level)].ownOrders &+= 1
      sides[Int(order.locate) * 2 + (order.isBuy ? 0 : 1)].ownOrders &+= 1
      if !order.isHidden { levels[Int(level)].ownShares &+= UInt64(order.shares) }
    } else {
      levels[Int(level)].historyShares &+= UInt64(order.shares)
      levels[Int(level)].fileShares &+= UInt64(order.fileShares)
    }
    orders[Int(slot)] = order
    return slot
  }

  /// Takes away open shares and shares of the file; the caller has checked that they are there.
  mutating func reduce(_ slot: Int32, shares: UInt32, fileShares: UInt32) {
    orders[Int(slot)].shares &-= shares
    orders[Int(slot)].fileShares &-= fileShares
    let order = orders[Int(slot)]
    if !order.isOurs {
      levels[Int(order.level)].historyShares &-= UInt64(shares)
      levels[Int(order.level)].fileShares &-= UInt64(fileShares)
    } else if !order.isHidden {
      levels[Int(order.level)].ownShares &-= UInt64(shares)
    }
  }

  /// Removes the order with whatever is left of it.
  mutating func remove(_ slot: Int32) {
    let order = orders[Int(slot)]
    reduce(slot, shares: order.shares, fileShares: order.fileShares)
    let level = Int(order.level)
    if order.previous >= 0 {
      orders[Int(order.previous)].next = order.next
    } else {
      levels[level].head = order.next
    }
    if order.next >= 0 {
      orders[Int(order.next)].previous = order.previous
    } else {
      levels[level].tail = order.previous
    }
    levels[level].orders &-= 1
    let side = Int(order.locate) * 2 + (order.isBuy ? 0 : 1)
    if order.isOurs {
      levels[level].ownOrders &-= 1
      sides[side].ownOrders &-= 1
    }
    if levels[level].orders == 0 {
      let place = sides[side].place(of: Self.key(order.price, isBuy: order.isBuy))
      sides[side].keys.remove(at: place.index)
      sides[side].levels.remove(at: place.index)
      freeLevels.append(Int32(level))
    }
    _ = references.remove(order.reference)
    freeOrders.append(slot)
  }

  private mutating func takeOrderSlot() -> Int32 {
    if let slot = freeOrders.popLast() { return slot }
    orders.append(
      BookedOrder(
        reference: 0, arrival: 0, price: 0, shares: 0, fileShares: 0, owner: -1, level: -1,
        previous: -1, next: -1, shift: 0, locate: 0, isBuy: false, isHidden: false))
    return Int32(orders.count - 1)
  }

  private mutating func levelSlot(_ locate: UInt16, isBuy: Bool, price: UInt32) -> Int32 {
    let index = Int(locate) * 2 + (isBuy ? 0 : 1)
    if index >= sides.count {
      let missing = index + 1 - sides.count
      sides.append(contentsOf: repeatElement(BookedSide(), count: missing))
    }
    let key = Self.key(price, isBuy: isBuy)
    let place = sides[index].place(of: key)
    if place.found { return sides[index].levels[place.index] }
    let empty = BookedLevel(
      price: price, head: -1, tail: -1, orders: 0, ownOrders: 0, historyShares: 0, fileShares: 0,
      ownShares: 0)
    let slot: Int32
    if let free = freeLevels.popLast() {
      slot = free
      levels[Int(slot)] = empty
    } else {
      slot = Int32(levels.count)
      levels.append(empty)
    }
    sides[index].keys.insert(key, at: place.index)
    sides[index].levels.insert(slot, at: place.index)
    return slot
  }
}
