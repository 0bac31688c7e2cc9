public import ExecutionCore
import Gateways

extension ExchangeCore {
  /// Applies one message of history: matches ours with it, and publishes what of it is still true.
  ///
  /// A message that is passed on unchanged is marked as verbatim.
  public mutating func apply(_ record: MarketRecord) {
    advance(to: record.sessionTime)
    counters.historyMessages &+= 1
    switch record.kind {
    case UInt8(ascii: "A"), UInt8(ascii: "F"): applyAdd(record)
    case UInt8(ascii: "E"), UInt8(ascii: "C"): applyExecution(record)
    case UInt8(ascii: "X"): applyPartialCancel(record)
    case UInt8(ascii: "D"): applyDelete(record)
    case UInt8(ascii: "U"): applyReplace(record)
    case UInt8(ascii: "P"): applyTrade(record)
    case UInt8(ascii: "B"): applyBroken(record)
    default: applyState(record)
    }
  }

  // MARK: - Orders

  private mutating func applyAdd(_ record: MarketRecord) {
    guard isWellFormed(record.reference, record) else { return }
    register(record.locate, symbol: record.symbol)
    guard book.slot(of: record.reference) == nil else {
      counters.duplicateReferences &+= 1
      counters.droppedMessages &+= 1
      return
    }
    arrive(record, reference: record.reference, shares: record.shares, original: nil)
  }

  private mutating func applyReplace(_ record: MarketRecord) {
    guard isWellFormed(record.newReference, record) else { return }
    guard let slot = knownSlot(record) else { return }
    guard
      record.newReference == record.reference || book.slot(of: record.newReference) == nil
    else {
      counters.duplicateReferences &+= 1
      counters.droppedMessages &+= 1
      return
    }
    let original = book.order(slot)
    // What we took of the original is not passed on into the new order.
    let taken = original.fileShares > original.shares ? original.fileShares - original.shares : 0
    let shares = record.shares > taken ? record.shares - taken : 0
    counters.droppedShares &+= UInt64(record.shares - shares)
    counters.historyCancelledShares &+= UInt64(original.shares)
    book.remove(slot)
    arrive(record, reference: record.newReference, shares: shares, original: original)
  }

  /// A new order of history: first against ours where it would cross, then the rest rests.
  private mutating func arrive(
    _ record: MarketRecord, reference: UInt64, shares: UInt32, original: BookedOrder?
  ) {
    let isBuy = original?.isBuy ?? (record.side == UInt8(ascii: "B"))
    let locate = original?.locate ?? record.locate
    let shift = impactShift(locate, price: record.price, isBuy: isBuy)
    let price = UInt32(clamping: Int64(record.price) + Int64(shift))
    counters.historyAddedShares &+= UInt64(shares)
    let isSeen = (original?.shares ?? 0) > 0
    let crosses = shares > 0 && wouldCrossOurs(locate, isBuy: isBuy, price: price)
    if crosses, isSeen, let original {
      // The original leaves before its successor trades.
      publishDelete(original.reference, locate: locate)
    }
    var rest = shares
    if crosses {
      let sweep = Sweep(
        locate: locate, isBuy: !isBuy, stop: price, atStop: .everything, floor: price,
        cause: record.kind, sourceMatch: 0, counterReference: reference)
      rest -= fillOurs(sweep, shares: shares)
      counters.historyTradedWithOurs &+= UInt64(shares - rest)
    }
    _ = book.insert(
      BookedOrder(
        reference: reference, arrival: 0, price: price, shares: rest, fileShares: record.shares,
        owner: -1, level: -1, previous: -1, next: -1, shift: shift, locate: locate, isBuy: isBuy,
        isHidden: false))
    publishArrival(
      record, original: crosses ? nil : original, locate: locate, isBuy: isBuy, price: price,
      rest: rest, isNew: original == nil)
  }

  private mutating func publishArrival(
    _ record: MarketRecord, original: BookedOrder?, locate: UInt16, isBuy: Bool, price: UInt32,
    rest: UInt32, isNew: Bool
  ) {
    let isSeen = (original?.shares ?? 0) > 0
    guard rest > 0 else {
      counters.droppedMessages &+= 1
      if isSeen, let original { publishDelete(original.reference, locate: locate) }
      return
    }
    var changed = record
    changed.shares = rest
    changed.price = price
    if isNew || isSeen {
      publish(changed, verbatim: rest == record.shares && price == record.price)
      return
    }
    // Subscribers do not know the original: to them this order is new.
    changed.kind = UInt8(ascii: "A")
    changed.reference = record.newReference
    changed.second = 0
    changed.side = isBuy ? UInt8(ascii: "B") : UInt8(ascii: "S")
    changed.symbol = symbols[Int(locate)].symbol
    publish(changed, verbatim: false)
  }

  private mutating func applyExecution(_ record: MarketRecord) {
    guard let slot = knownSlot(record) else { return }
    let target = book.order(slot)
    let wanted = min(record.shares, target.fileShares)
    counters.excessShares &+= UInt64(record.shares - wanted)
    var left = wanted
    if isMatching(target.locate), book.ownOrders(target.locate, isBuy: target.isBuy) > 0 {
      var floor = target.price
      if record.kind == UInt8(ascii: "C") {
        floor = UInt32(clamping: Int64(record.price) + Int64(target.shift))
      }
      let sweep = Sweep(
        locate: target.locate, isBuy: target.isBuy, stop: target.price,
        atStop: .displayedBefore(target.arrival), floor: floor, cause: record.kind,
        sourceMatch: record.matchNumber, counterReference: target.reference)
      left -= fillOurs(sweep, shares: wanted)
    }
    let executed = min(left, book.order(slot).shares)
    counters.droppedShares &+= UInt64(left - executed)
    counters.historyExecutedShares &+= UInt64(executed)
    book.reduce(slot, shares: executed, fileShares: wanted)
    if executed > 0 {
      var changed = record
      changed.shares = executed
      if record.kind == UInt8(ascii: "C") {
        changed.price = UInt32(clamping: Int64(record.price) + Int64(target.shift))
      }
      publish(changed, verbatim: executed == record.shares && changed.price == record.price)
      if record.kind == UInt8(ascii: "E") || record.code & 0xff == UInt16(UInt8(ascii: "Y")) {
        symbols[Int(target.locate)].volume &+= UInt64(executed)
      }
      fillsBySource[record.matchNumber]?.isPassedOn = true
    } else {
      counters.droppedMessages &+= 1
    }
    endIfFileIsDone(slot)
  }

  private mutating func applyPartialCancel(_ record: MarketRecord) {
    guard let slot = knownSlot(record) else { return }
    let target = book.order(slot)
    let wanted = min(record.shares, target.fileShares)
    counters.excessShares &+= UInt64(record.shares - wanted)
    let cancelled = min(wanted, target.shares)
    counters.droppedShares &+= UInt64(wanted - cancelled)
    counters.historyCancelledShares &+= UInt64(cancelled)
    book.reduce(slot, shares: cancelled, fileShares: wanted)
    let after = book.order(slot)
    if cancelled == 0 {
      counters.droppedMessages &+= 1
    } else if after.shares == 0, after.fileShares > 0 {
      // Nothing is left here, though the file goes on.
      publishDelete(target.reference, locate: target.locate)
    } else {
      var changed = record
      changed.shares = cancelled
      publish(changed, verbatim: cancelled == record.shares)
    }
    endIfFileIsDone(slot)
  }

  private mutating func applyDelete(_ record: MarketRecord) {
    guard let slot = knownSlot(record) else { return }
    let target = book.order(slot)
    if target.shares > 0 {
      counters.historyCancelledShares &+= UInt64(target.shares)
      publish(record, verbatim: true)
    } else {
      counters.droppedMessages &+= 1
    }
    if target.fileShares > target.shares {
      counters.droppedShares &+= UInt64(target.fileShares - target.shares)
    }
    book.remove(slot)
  }

  /// The file has no more of this order: what ours left of it goes too.
  private mutating func endIfFileIsDone(_ slot: Int32) {
    let order = book.order(slot)
    guard order.fileShares == 0 else { return }
    if order.shares > 0 {
      counters.releasedShares &+= UInt64(order.shares)
      publishDelete(order.reference, locate: order.locate)
    }
    book.remove(slot)
  }

  private mutating func publishDelete(_ reference: UInt64, locate: UInt16) {
    var record = ownRecord(UInt8(ascii: "D"), locate: locate)
    record.reference = reference
    publish(record, verbatim: false)
  }

  // MARK: - Trades

  private mutating func applyTrade(_ record: MarketRecord) {
    register(record.locate, symbol: record.symbol)
    var left = record.shares
    let shift = impactShift(record.locate, price: record.price, isBuy: true)
    let price = UInt32(clamping: Int64(record.price) + Int64(shift))
    if isMatching(record.locate) {
      // In twice the price, so that the midpoint is whole.
      let bid = book.bestOfFile(record.locate, isBuy: true)
      let ask = book.bestOfFile(record.locate, isBuy: false)
      if let hitsBids = Self.aggressorSells(price: record.price, bid: bid, ask: ask) {
        if book.ownOrders(record.locate, isBuy: hitsBids) > 0 {
          let sweep = Sweep(
            locate: record.locate, isBuy: hitsBids, stop: price, atStop: .displayed, floor: price,
            cause: record.kind, sourceMatch: record.matchNumber, counterReference: 0)
          left -= fillOurs(sweep, shares: left)
        }
      } else {
        counters.tradesWithoutAggressor &+= 1
      }
    }
    guard left > 0 else {
      counters.droppedMessages &+= record.shares > 0 ? 1 : 0
      if record.shares == 0 { publish(record, verbatim: true) }
      return
    }
    symbols[Int(record.locate)].volume &+= UInt64(left)
    fillsBySource[record.matchNumber]?.isPassedOn = true
    var changed = record
    changed.shares = left
    changed.price = price
    publish(changed, verbatim: left == record.shares && price == record.price)
  }

  /// Whether a trade at this price was a seller's (true) or a buyer's (false) doing, by the file's quote.
  static func aggressorSells(price: UInt32, bid: UInt32?, ask: UInt32?) -> Bool? {
    switch (bid, ask) {
    case (let bid?, let ask?):
      let twice = UInt64(price) * 2
      let middle = UInt64(bid) + UInt64(ask)
      return twice == middle ? nil : twice < middle
    case (let bid?, nil): return price <= bid ? true : nil
    case (nil, let ask?): return price >= ask ? false : nil
    case (nil, nil): return nil
    }
  }

  private mutating func applyBroken(_ record: MarketRecord) {
    guard let source = fillsBySource.removeValue(forKey: record.matchNumber) else {
      publish(record, verbatim: true)
      return
    }
    for index in source.fills where !fills[index].isBusted { bust(index, record: record) }
    if source.isPassedOn { publish(record, verbatim: true) }
  }

  private mutating func bust(_ index: Int, record: MarketRecord) {
    fills[index].isBusted = true
    counters.bustedFills &+= 1
    book(fill: fills[index], sign: -1)
    let fill = fills[index]
    var event = response(.brokenTrade)
    event.userRefNum = fill.userRefNum
    event.matchNumber = fill.matchNumber
    event.reason = UInt16(UInt8(ascii: "S"))
    event.clOrdID = fillClOrdIDs[index]
    emit(fill.account, event)
    var broken = ownRecord(UInt8(ascii: "B"), locate: fill.locate)
    broken.second = fill.matchNumber
    publish(broken, verbatim: false)
  }

  // MARK: - States

  private mutating func applyState(_ record: MarketRecord) {
    publish(record, verbatim: true)
    let code = UInt8(truncatingIfNeeded: record.code)
    switch record.kind {
    case UInt8(ascii: "R"):
      register(record.locate, symbol: record.symbol)
      if record.shares > 0 { symbols[Int(record.locate)].roundLot = record.shares }
    case UInt8(ascii: "H"):
      register(record.locate, symbol: record.symbol)
      symbols[Int(record.locate)].tradingState = code
      resumeIfMatching(record.locate)
    case UInt8(ascii: "h"):
      register(record.locate, symbol: record.symbol)
      // Low byte: action; high byte: market. Only our own market's halts stop this book.
      guard UInt8(truncatingIfNeeded: record.code >> 8) == UInt8(ascii: "Q") else { return }
      symbols[Int(record.locate)].isOperationallyHalted = code == UInt8(ascii: "H")
      resumeIfMatching(record.locate)
    case UInt8(ascii: "Y"):
      register(record.locate, symbol: record.symbol)
      symbols[Int(record.locate)].regSHO = code
    case UInt8(ascii: "S"):
      applySystemEvent(code)
    default: break
    }
  }

  private mutating func applySystemEvent(_ code: UInt8) {
    switch code {
    case UInt8(ascii: "O"), UInt8(ascii: "S"), UInt8(ascii: "Q"):
      isClosed = false
    case UInt8(ascii: "M"):
      cancel(
        allWorking().filter { own[$0].timeInForce == UInt8(ascii: "0") }, reason: .closed)
    case UInt8(ascii: "E"):
      cancel(allWorking(), reason: .closed)
      isClosed = true
    case UInt8(ascii: "C"):
      cancel(allWorking(), reason: .closed)
      isClosed = true
      for account in 0..<accounts.count {
        var event = response(.systemEvent)
        event.reason = UInt16(UInt8(ascii: "E"))
        emit(UInt32(account), event)
      }
    default: break
    }
  }

  // MARK: - Checks

  /// nil for an order that the file did not add: the message touches nothing and is passed on.
  private mutating func knownSlot(_ record: MarketRecord) -> Int32? {
    guard let slot = book.slot(of: record.reference), !book.order(slot).isOurs else {
      if record.reference & ownReferenceBit != 0 {
        // Passed on it would touch an order of ours in the subscribers' books.
        counters.malformedHistory &+= 1
        counters.droppedMessages &+= 1
      } else {
        counters.unknownReferences &+= 1
        publish(record, verbatim: true)
      }
      return nil
    }
    return slot
  }

  private mutating func isWellFormed(_ reference: UInt64, _ record: MarketRecord) -> Bool {
    let isSided =
      record.kind == UInt8(ascii: "U") || record.side == UInt8(ascii: "B")
      || record.side == UInt8(ascii: "S")
    guard reference & ownReferenceBit == 0, record.shares > 0, record.price > 0, isSided else {
      counters.malformedHistory &+= 1
      counters.droppedMessages &+= 1
      return false
    }
    return true
  }
}
