import ExecutionCore
import Gateways

/// Which of ours an aggressor of history meets: one side of one symbol, from the best price to `stop`.
struct Sweep: Sendable {
  /// Who qualifies at the last price.
  enum AtStop: Sendable {
    case everything
    case displayed
    /// Displayed and earlier in the queue than this arrival.
    case displayedBefore(UInt64)
  }
  var locate: UInt16
  /// The side of ours.
  var isBuy: Bool
  var stop: UInt32
  var atStop: AtStop
  /// Ours must be at least as good to the aggressor as this price.
  var floor: UInt32
  var cause: UInt8
  var sourceMatch: UInt64
  var counterReference: UInt64
}

/// The order that one of ours meets next.
struct Meeting {
  var slot: Int32
  var price: UInt32
}

extension ExchangeCore {
  /// `a` is a better price than `b` for an order of this side to be executed at first.
  static func isBetter(_ a: UInt32, than b: UInt32, isBuy: Bool) -> Bool {
    isBuy ? a > b : a < b
  }

  func wouldCrossOurs(_ locate: UInt16, isBuy: Bool, price: UInt32) -> Bool {
    isMatching(locate) && book.ownOrders(locate, isBuy: !isBuy) > 0
      && nextOfOurs(
        Sweep(
          locate: locate, isBuy: !isBuy, stop: price, atStop: .everything, floor: price, cause: 0,
          sourceMatch: 0, counterReference: 0)) != nil
  }

  /// Fills ours as far as the sweep reaches. Returns the shares that ours took.
  mutating func fillOurs(_ sweep: Sweep, shares: UInt32) -> UInt32 {
    var left = shares
    // Each turn fills an order of ours completely, or is the last.
    while left > 0, let slot = nextOfOurs(sweep) {
      let order = book.order(slot)
      let quantity = min(left, order.shares)
      if let best = book.bestDisplayed(sweep.locate, isBuy: sweep.isBuy),
        Self.isBetter(best, than: order.price, isBuy: sweep.isBuy)
      {
        counters.fillsThroughBetterPrice &+= 1
      }
      fillResting(slot, shares: quantity, match: takeMatchNumber(), sweep: sweep)
      left -= quantity
    }
    if left > 0, let best = book.bestDisplayed(sweep.locate, isBuy: sweep.isBuy),
      Self.isBetter(best, than: sweep.stop, isBuy: sweep.isBuy)
    {
      counters.blockedThroughs &+= 1
    }
    return shares - left
  }

  /// The order of ours that ranks first within the sweep.
  func nextOfOurs(_ sweep: Sweep) -> Int32? {
    for depth in 0..<book.levelCount(sweep.locate, isBuy: sweep.isBuy) {
      let level = book.levels[Int(book.level(sweep.locate, isBuy: sweep.isBuy, depth: depth))]
      let isLast = level.price == sweep.stop
      if !isLast, !Self.isBetter(level.price, than: sweep.stop, isBuy: sweep.isBuy) { return nil }
      if Self.isBetter(sweep.floor, than: level.price, isBuy: sweep.isBuy) { return nil }
      if level.ownOrders > 0 {
        if let slot = firstOfOurs(level, atStop: isLast ? sweep.atStop : .everything) {
          return slot
        }
      }
      // No fill through a better displayed price, even where the file itself traded through one.
      if level.historyShares > 0, !isLast { return nil }
      if isLast { return nil }
    }
    return nil
  }

  private func firstOfOurs(_ level: BookedLevel, atStop: Sweep.AtStop) -> Int32? {
    var hidden: Int32?
    var slot = level.head
    // Bounded by the orders of the level.
    for _ in 0..<level.orders {
      guard slot >= 0 else { break }
      let order = book.order(slot)
      if order.isOurs, order.shares > 0 {
        switch atStop {
        case .everything:
          if !order.isHidden { return slot }
          if hidden == nil { hidden = slot }
        case .displayed:
          if !order.isHidden { return slot }
        case .displayedBefore(let arrival):
          if order.arrival > arrival { return nil }
          if !order.isHidden { return slot }
        }
      }
      slot = order.next
    }
    return hidden
  }

  /// One of ours that rests is executed.
  mutating func fillResting(_ slot: Int32, shares: UInt32, match: UInt64, sweep: Sweep) {
    let order = book.order(slot)
    let index = Int(order.owner)
    if case .displayedBefore(let arrival) = sweep.atStop, order.price == sweep.stop,
      order.arrival > arrival
    {
      counters.fillsOutOfTurn &+= 1
    }
    let liquidity = order.isHidden ? UInt8(ascii: "J") : UInt8(ascii: "A")
    record(
      fillOf: index, shares: shares, price: order.price, match: match, liquidity: liquidity,
      cause: sweep.cause, sourceMatch: sweep.sourceMatch, counter: sweep.counterReference)
    book.reduce(slot, shares: shares, fileShares: 0)
    var message = ownRecord(
      order.isHidden ? UInt8(ascii: "P") : UInt8(ascii: "E"), locate: order.locate)
    message.shares = shares
    message.second = match
    if order.isHidden {
      message.side = UInt8(ascii: "B")
      message.symbol = own[index].symbol
      message.price = order.price
    } else {
      message.reference = order.reference
    }
    publish(message, verbatim: false)
    symbols[Int(order.locate)].volume &+= UInt64(shares)
    if own[index].open == 0 { forget(index) }
  }

  /// Books an execution of one of ours and tells its account.
  mutating func record(
    fillOf index: Int, shares: UInt32, price: UInt32, match: UInt64, liquidity: UInt8, cause: UInt8,
    sourceMatch: UInt64, counter: UInt64
  ) {
    own[index].executed &+= shares
    let order = own[index]
    let fill = ExchangeFill(
      matchNumber: match, sourceMatch: sourceMatch, orderReference: order.reference,
      counterReference: counter, symbol: order.symbol, time: time,
      fee: settings.fees.perShare(liquidity).multipliedReportingOverflow(by: Int64(shares))
        .partialValue, account: order.account, userRefNum: order.userRefNum, quantity: shares,
      price: price, locate: order.locate, side: order.side, liquidity: liquidity, isBusted: false,
      cause: cause)
    fills.append(fill)
    fillClOrdIDs.append(order.clOrdID)
    counters.fills &+= 1
    counters.ownExecutedShares &+= UInt64(shares)
    if sourceMatch != 0 {
      fillsBySource[sourceMatch, default: SourceMatch()].fills.append(fills.count - 1)
    }
    book(fill: fill, sign: 1)
    var event = response(.executed)
    event.userRefNum = order.userRefNum
    event.quantity = shares
    event.price = UInt64(price)
    event.liquidityFlag = liquidity
    event.matchNumber = match
    emit(order.account, event)
  }

  /// Adds a fill to the account's position, or with sign −1 takes it away again.
  mutating func book(fill: ExchangeFill, sign: Int64) {
    var position = accounts[Int(fill.account)].positions[fill.symbol] ?? ExchangePosition()
    let shares = Int64(fill.quantity) * sign
    let value = Int128(fill.price) * 10_000 * Int128(shares)
    if fill.side == UInt8(ascii: "B") {
      position.shares += shares
      position.bought += shares
      position.cash -= value
    } else {
      position.shares -= shares
      position.sold += shares
      position.cash += value
    }
    position.fees += Int128(fill.fee) * Int128(sign)
    accounts[Int(fill.account)].positions[fill.symbol] = position
  }

  mutating func takeMatchNumber() -> UInt64 {
    defer { nextMatch &+= 1 }
    return ownReferenceBit | nextMatch
  }

  // MARK: - Ours taking

  /// The first order that one of ours would meet at or within its limit.
  func nextToTake(_ locate: UInt16, isBuy: Bool, limit: UInt32) -> Meeting? {
    for depth in 0..<book.levelCount(locate, isBuy: !isBuy) {
      let level = book.levels[Int(book.level(locate, isBuy: !isBuy, depth: depth))]
      if isBuy ? level.price > limit : level.price < limit { return nil }
      if level.displayedShares == 0, level.ownOrders == 0 { continue }
      var hidden: Int32?
      var slot = level.head
      // Bounded by the orders of the level.
      for _ in 0..<level.orders {
        guard slot >= 0 else { break }
        let order = book.order(slot)
        if order.shares > 0 {
          if !order.isHidden { return Meeting(slot: slot, price: level.price) }
          if hidden == nil { hidden = slot }
        }
        slot = order.next
      }
      if let hidden { return Meeting(slot: hidden, price: level.price) }
    }
    return nil
  }

  /// Trades an order of ours with the book as far as its limit and the book reach.
  mutating func take(_ index: Int) {
    let order = own[index]
    guard isMatching(order.locate) else { return }
    // Each turn exhausts the order of the book, or ours, and is then the last.
    while own[index].isOpen, own[index].open > 0,
      let meeting = nextToTake(order.locate, isBuy: order.isBuy, limit: order.limit)
    {
      let resting = book.order(meeting.slot)
      let shares = min(own[index].open, resting.shares)
      if resting.isOurs {
        let other = Int(resting.owner)
        if settings.preventsSelfMatch, own[other].account == order.account {
          preventSelfMatch(other, index, shares: shares)
          continue
        }
        tradeOurs(index, with: meeting.slot, shares: shares)
      } else {
        takeHistory(index, slot: meeting.slot, shares: shares)
      }
    }
  }

  private mutating func takeHistory(_ index: Int, slot: Int32, shares: UInt32) {
    let resting = book.order(slot)
    let match = takeMatchNumber()
    book.reduce(slot, shares: shares, fileShares: 0)
    counters.historyTradedWithOurs &+= UInt64(shares)
    record(
      fillOf: index, shares: shares, price: resting.price, match: match,
      liquidity: UInt8(ascii: "R"),
      cause: UInt8(ascii: "O"), sourceMatch: 0, counter: resting.reference)
    var message = ownRecord(UInt8(ascii: "E"), locate: resting.locate)
    message.reference = resting.reference
    message.shares = shares
    message.second = match
    publish(message, verbatim: false)
    symbols[Int(resting.locate)].volume &+= UInt64(shares)
    noteImpact(resting.locate, shares: own[index].isBuy ? Int64(shares) : -Int64(shares))
  }

  /// Both sides are ours: they share the match number.
  private mutating func tradeOurs(_ index: Int, with slot: Int32, shares: UInt32) {
    let resting = book.order(slot)
    let match = takeMatchNumber()
    record(
      fillOf: index, shares: shares, price: resting.price, match: match,
      liquidity: UInt8(ascii: "R"),
      cause: UInt8(ascii: "O"), sourceMatch: 0, counter: resting.reference)
    let sweep = Sweep(
      locate: resting.locate, isBuy: resting.isBuy, stop: resting.price, atStop: .everything,
      floor: resting.price, cause: UInt8(ascii: "O"), sourceMatch: 0,
      counterReference: own[index].reference)
    fillResting(slot, shares: shares, match: match, sweep: sweep)
  }

  /// Matching goes on: ours that now cross take, in the order of their arrival.
  mutating func resumeIfMatching(_ locate: UInt16) {
    guard isMatching(locate) else { return }
    var crossing: [Int32] = []
    for isBuy in [true, false] where book.ownOrders(locate, isBuy: isBuy) > 0 {
      for depth in 0..<book.levelCount(locate, isBuy: isBuy) {
        let level = book.levels[Int(book.level(locate, isBuy: isBuy, depth: depth))]
        var slot = level.ownOrders > 0 ? level.head : -1
        while slot >= 0 {
          if book.order(slot).isOurs { crossing.append(slot) }
          slot = book.order(slot).next
        }
      }
    }
    crossing.sort { book.order($0).arrival < book.order($1).arrival }
    let references = crossing.map { book.order($0).reference }
    for reference in references {
      guard let slot = book.slot(of: reference), book.order(slot).isOurs else { continue }
      takeFromRest(Int(book.order(slot).owner))
    }
  }

  /// An order of ours that rests takes: it leaves the book for the time of the taking.
  private mutating func takeFromRest(_ index: Int) {
    let order = own[index]
    guard nextToTake(order.locate, isBuy: order.isBuy, limit: order.limit) != nil else { return }
    unrest(index, publishes: true)
    take(index)
    guard own[index].isOpen else { return }
    if own[index].open == 0 {
      forget(index)
    } else {
      renewReference(index)
      rest(index, replacing: nil)
    }
  }
}
