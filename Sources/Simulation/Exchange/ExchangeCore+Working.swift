import Gateways

/// Where the working orders of one account begin, for each symbol and side.
///
/// The orders themselves are linked: whoever looks for those of an account, of a symbol, of a side
/// pays for these alone, however many there have been.
struct WorkingLists: Sendable {
  /// Locate × 2⁸ + side → the newest such order. Nothing where none works.
  fileprivate(set) var heads: [UInt32: Int32] = [:]
  /// Orders in all lists.
  fileprivate(set) var count = 0

  static func key(_ locate: UInt16, side: UInt8) -> UInt32 { UInt32(locate) << 8 | UInt32(side) }
}

extension ExchangeCore {
  /// Sides that an order can have.
  private static let sides = "BSTE".utf8.map { $0 }

  /// Puts an open order into its account's lists.
  mutating func link(_ index: Int) {
    let order = own[index]
    let key = WorkingLists.key(order.locate, side: order.side)
    let account = Int(order.account)
    let next = accounts[account].working.heads[key] ?? -1
    own[index].next = next
    own[index].previous = -1
    if next >= 0 { own[Int(next)].previous = Int32(index) }
    accounts[account].working.heads[key] = Int32(index)
    accounts[account].working.count += 1
  }

  /// Takes an order out of its account's lists: before its side changes, and when it is done.
  mutating func unlink(_ index: Int) {
    let order = own[index]
    let account = Int(order.account)
    if order.previous >= 0 {
      own[Int(order.previous)].next = order.next
    } else {
      accounts[account].working.heads[WorkingLists.key(order.locate, side: order.side)] =
        order.next >= 0 ? order.next : nil
    }
    if order.next >= 0 { own[Int(order.next)].previous = order.previous }
    accounts[account].working.count -= 1
  }

  mutating func setSide(_ index: Int, _ side: UInt8) {
    guard own[index].side != side else { return }
    unlink(index)
    own[index].side = side
    link(index)
  }

  /// Working orders of an account in the order of their entry.
  ///
  /// - Parameters:
  ///   - locate: of one symbol only; nil: of all.
  ///   - side: of one side only; nil: of all.
  func working(of account: UInt32, locate: UInt16? = nil, side: UInt8? = nil) -> [Int] {
    var found: [Int] = []
    let lists = accounts[Int(account)].working
    if let locate {
      for side in side.map({ [$0] }) ?? Self.sides {
        collect(lists.heads[WorkingLists.key(locate, side: side)], &found)
      }
    } else {
      for (key, head) in lists.heads where side == nil || UInt8(truncatingIfNeeded: key) == side {
        collect(head, &found)
      }
    }
    found.sort { own[$0].reference < own[$1].reference }
    return found
  }

  /// Working orders of all accounts in the order of their entry.
  func allWorking(locate: UInt16? = nil) -> [Int] {
    var found = accounts.indices.flatMap { working(of: UInt32($0), locate: locate) }
    if accounts.count > 1 { found.sort { own[$0].reference < own[$1].reference } }
    return found
  }

  private func collect(_ head: Int32?, _ found: inout [Int]) {
    var index = head ?? -1
    // Ends with the list.
    while index >= 0 {
      found.append(Int(index))
      index = own[Int(index)].next
    }
  }

  /// Cancels these working orders.
  mutating func cancel(_ indices: [Int], reason: CancelReason) {
    for index in indices {
      unrest(index, publishes: true)
      die(index, reason: reason)
    }
  }

  /// What does not hold of the lists, in words.
  func verifyWorking(_ found: inout [String]) {
    let listed = allWorking()
    if listed.count != ownByNumber.count
      || accounts.map(\.working.count).reduce(0, +) != listed.count
    {
      found.append("\(listed.count) orders in the accounts' lists, \(ownByNumber.count) working")
    }
    for order in listed.map({ own[$0] }) {
      if !order.isOpen {
        found.append("order \(order.userRefNum) is done and in its account's list")
      }
      guard order.slot >= 0 else { continue }
      let resting = book.order(order.slot)
      if resting.shares != order.open || resting.reference != order.reference {
        found.append("order \(order.userRefNum) has \(order.open) open, the book \(resting.shares)")
      }
    }
  }
}
