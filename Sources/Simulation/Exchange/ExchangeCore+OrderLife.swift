import ExecutionCore
import Gateways

/// The life of an order of ours, from its number to its end.
extension ExchangeCore {
  /// The number is processed: ``ignores(_:account:)`` has seen that it is above the last one.
  mutating func consume(_ number: UInt32, _ account: UInt32) {
    accounts[Int(account)].lastUserRefNum = number
  }

  mutating func reject(_ request: OUCHRequest, _ account: UInt32, _ reason: RejectReason) {
    counters.rejectedOrders &+= 1
    var event = response(.rejected)
    event.userRefNum = request.userRefNum
    event.reason = reason.rawValue
    event.clOrdID = request.clOrdID
    emit(account, event)
  }

  func echo(_ kind: OUCHResponse.Kind, _ index: Int) -> OUCHResponse {
    let order = own[index]
    var event = response(kind)
    event.userRefNum = order.userRefNum
    event.side = order.side
    event.quantity = order.open
    event.symbol = order.symbol
    event.price = order.price
    event.timeInForce = order.timeInForce
    event.display = order.display
    event.orderReference = order.reference
    event.capacity = order.capacity
    event.interMarketSweep = order.interMarketSweep
    event.crossType = order.crossType
    event.orderState = UInt8(ascii: "L")
    event.clOrdID = order.clOrdID
    return event
  }

  mutating func newOwn(_ order: OwnOrder) -> Int {
    let index: Int
    if let free = freeOwn.popLast() {
      index = Int(free)
      own[index] = order
    } else {
      index = own.count
      own.append(order)
    }
    ownByNumber[Self.ownKey(order.account, order.userRefNum)] = Int32(index)
    link(index)
    return index
  }

  mutating func takeOwnReference() -> UInt64 {
    defer { nextOwnReference &+= 1 }
    return ownReferenceBit | nextOwnReference
  }

  /// Puts the order at the end of its price's queue; `replacing` is what subscribers still see of its
  /// predecessor, already out of the book.
  mutating func rest(_ index: Int, replacing: BookedOrder?) {
    let order = own[index]
    let isHidden = order.display == UInt8(ascii: "N")
    let slot = book.insert(
      BookedOrder(
        reference: order.reference, arrival: 0, price: order.limit, shares: order.open,
        fileShares: 0, owner: Int32(index), level: -1, previous: -1, next: -1, shift: 0,
        locate: order.locate, isBuy: order.isBuy, isHidden: isHidden))
    own[index].slot = slot ?? -1
    if isHidden {
      withdraw(replacing)
      return
    }
    var record = ownRecord(UInt8(ascii: "A"), locate: order.locate)
    record.shares = order.open
    record.price = order.limit
    if let replacing, !replacing.isHidden {
      record.kind = UInt8(ascii: "U")
      record.reference = replacing.reference
      record.second = order.reference
    } else {
      record.reference = order.reference
      record.side = order.isBuy ? UInt8(ascii: "B") : UInt8(ascii: "S")
      record.symbol = order.symbol
    }
    publish(record, verbatim: false)
  }

  /// Takes the order out of the book, if it is there.
  mutating func unrest(_ index: Int, publishes: Bool) {
    let slot = own[index].slot
    guard slot >= 0 else { return }
    let resting = book.order(slot)
    book.remove(slot)
    own[index].slot = -1
    if publishes { withdraw(resting) }
  }

  /// Tells subscribers that a displayed order of ours is gone.
  mutating func withdraw(_ resting: BookedOrder?) {
    guard let resting, !resting.isHidden else { return }
    var record = ownRecord(UInt8(ascii: "D"), locate: resting.locate)
    record.reference = resting.reference
    publish(record, verbatim: false)
  }

  /// Cancels what is open; the order is out of the book already.
  mutating func die(_ index: Int, reason: CancelReason) {
    let order = own[index]
    counters.ownCancelledShares &+= UInt64(order.open)
    var event = response(.canceled)
    event.userRefNum = order.userRefNum
    event.quantity = order.open
    event.reason = UInt16(reason.rawValue)
    emit(order.account, event)
    own[index].total = order.executed
    forget(index)
  }

  /// The order is done: its place may be used again.
  mutating func forget(_ index: Int) {
    let slot = own[index].slot
    if slot >= 0 { book.remove(slot) }
    ownByNumber[Self.ownKey(own[index].account, own[index].userRefNum)] = nil
    unlink(index)
    own[index].isOpen = false
    own[index].slot = -1
    freeOwn.append(Int32(index))
  }

  /// Two orders of one account would trade: the older one, by its reference, is cancelled whole in one
  /// message, which says how many shares did not trade for it.
  mutating func preventSelfMatch(_ one: Int, _ other: Int, shares: UInt32) {
    let older = own[one].reference < own[other].reference ? one : other
    let order = own[older]
    var event = response(.aiqCanceled)
    event.userRefNum = order.userRefNum
    event.quantity = order.open
    event.price = UInt64(order.limit)
    event.quantityPrevented = shares
    event.liquidityFlag = UInt8(ascii: "A")
    event.reason = UInt16(CancelReason.selfMatch.rawValue)
    emit(order.account, event)
    counters.ownCancelledShares &+= UInt64(order.open)
    own[older].total = order.executed
    unrest(older, publishes: true)
    forget(older)
  }

  /// A new reference for an order that rests again after it has taken; its account is told (Priority Update).
  mutating func renewReference(_ index: Int) {
    own[index].reference = takeOwnReference()
    var event = response(.priorityUpdate)
    event.userRefNum = own[index].userRefNum
    event.price = own[index].price
    event.display = own[index].display
    event.orderReference = own[index].reference
    emit(own[index].account, event)
  }
}
