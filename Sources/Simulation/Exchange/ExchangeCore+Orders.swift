import ExecutionCore
public import Gateways

extension ExchangeCore {
  /// Applies one request of an account at this session time.
  ///
  /// A number that is not above the last processed one, an order that is not open, a superfluous cancel:
  /// silence, as OUCH has it, and ``ExchangeCounters/ignoredRequests`` counts them.
  public mutating func submit(_ request: OUCHRequest, account: UInt32, at sessionTime: Int64) {
    guard Int(account) < accounts.count else { return }
    counters.requests &+= 1
    guard !ignores(request, account: account) else {
      counters.ignoredRequests &+= 1
      return
    }
    advance(to: sessionTime)
    switch request.kind {
    case .enter: enter(request, account)
    case .replace: replace(request, account)
    case .cancel: cancel(request, account)
    case .modify: modify(request, account)
    case .massCancel: massCancel(request, account)
    case .disableEntry, .enableEntry: switchEntry(request, account)
    case .accountQuery:
      var event = response(.accountQueryResponse)
      event.userRefNum = accounts[Int(account)].lastUserRefNum &+ 1
      emit(account, event)
    }
  }

  /// The request would be answered by silence, and changes nothing: not even the time.
  ///
  /// Whoever stores requests need not store this one: doing all others again gives the same
  /// session.
  public func ignores(_ request: OUCHRequest, account: UInt32) -> Bool {
    guard Int(account) < accounts.count else { return true }
    let isUsed = request.userRefNum <= accounts[Int(account)].lastUserRefNum
    switch request.kind {
    case .accountQuery: return false
    case .enter, .massCancel, .disableEntry, .enableEntry: return isUsed
    case .replace: return isUsed || ownIndex(account, request.originalUserRefNum) == nil
    case .cancel:
      guard let index = ownIndex(account, request.userRefNum) else { return true }
      return symbols[Int(own[index].locate)].cancelHold == 0
        && request.quantity >= own[index].total
    case .modify:
      guard let index = ownIndex(account, request.userRefNum) else { return true }
      return !isSameDirection(request.side, own[index].side)
        || !(1...own[index].total).contains(request.quantity)
    }
  }

  /// Orders of the account that work.
  public func workingCount(account: UInt32) -> Int {
    Int(account) < accounts.count ? accounts[Int(account)].working.count : 0
  }

  /// The port's connection is gone: cancels the account's working orders (cancel on disconnect).
  public mutating func disconnect(account: UInt32, at sessionTime: Int64) {
    advance(to: sessionTime)
    cancel(working(of: account), reason: .system)
  }

  private func isPostOnly(_ request: OUCHRequest) -> Bool {
    request.options.value(.postOnly) == UInt64(UInt8(ascii: "P"))
  }

  /// The Side option of a replace or a mass cancel.
  private func side(_ request: OUCHRequest) -> UInt8? {
    request.options.value(.side).map { UInt8(truncatingIfNeeded: $0) }
  }

  private func minimum(_ request: OUCHRequest) -> UInt32 {
    UInt32(clamping: request.options.value(.minimumQuantity) ?? 0)
  }

  // MARK: - Enter

  private mutating func enter(_ request: OUCHRequest, _ account: UInt32) {
    consume(request.userRefNum, account)
    if let reason = rejection(request, account) {
      reject(request, account, reason)
      return
    }
    let locate = locates[request.symbol] ?? 0
    let index = newOwn(
      OwnOrder(
        account: account, userRefNum: request.userRefNum, side: request.side,
        timeInForce: request.timeInForce, display: request.display, capacity: request.capacity,
        interMarketSweep: request.interMarketSweep, crossType: request.crossType, locate: locate,
        isOpen: true, pendingCancel: -1, symbol: request.symbol, price: request.price,
        total: request.quantity, executed: 0, reference: takeOwnReference(), slot: -1,
        clOrdID: request.clOrdID))
    counters.acceptedOrders &+= 1
    counters.ownEnteredShares &+= UInt64(request.quantity)
    emit(account, echo(.accepted, index))
    work(index, postOnly: isPostOnly(request), minimum: minimum(request), replacing: nil)
  }

  /// Trades what can be traded, then rests or is cancelled.
  private mutating func work(
    _ index: Int, postOnly: Bool, minimum: UInt32, replacing: BookedOrder?
  ) {
    let order = own[index]
    if isMatching(order.locate) {
      if postOnly, nextToTake(order.locate, isBuy: order.isBuy, limit: order.limit) != nil {
        withdraw(replacing)
        die(index, reason: .postOnly)
        return
      }
      if minimum > 0, reachable(order, upTo: minimum) < UInt64(minimum) {
        withdraw(replacing)
        die(index, reason: .immediateOrCancel)
        return
      }
      if let replacing {
        if nextToTake(order.locate, isBuy: order.isBuy, limit: order.limit) != nil {
          withdraw(replacing)
          take(index)
          settle(index, replacing: nil)
        } else {
          settle(index, replacing: replacing)
        }
        return
      }
      take(index)
    }
    settle(index, replacing: replacing)
  }

  private mutating func settle(_ index: Int, replacing: BookedOrder?) {
    guard own[index].isOpen else { return }
    if own[index].open == 0 {
      withdraw(replacing)
      forget(index)
    } else if own[index].timeInForce == UInt8(ascii: "3") || own[index].isMarket {
      withdraw(replacing)
      die(index, reason: .immediateOrCancel)
    } else {
      rest(index, replacing: replacing)
    }
  }

  private func reachable(_ order: OwnOrder, upTo shares: UInt32) -> UInt64 {
    var sum: UInt64 = 0
    for depth in 0..<book.levelCount(order.locate, isBuy: !order.isBuy) {
      let level = book.levels[
        Int(book.level(order.locate, isBuy: !order.isBuy, depth: depth))]
      if order.isBuy ? level.price > order.limit : level.price < order.limit { break }
      sum += level.displayedShares
      if sum >= UInt64(shares) { break }
    }
    return sum
  }

  /// Why an enter is rejected; nil when it is not.
  private func rejection(_ request: OUCHRequest, _ account: UInt32) -> RejectReason? {
    if isClosed { return .destinationClosed }
    if !accounts[Int(account)].isEntryEnabled { return .firmNotAuthorized }
    if ownByNumber.count >= settings.workingOrdersMax { return .other }
    guard let locate = locates[request.symbol] else { return .invalidSymbol }
    let state = symbols[Int(locate)]
    switch request.side {
    case UInt8(ascii: "B"), UInt8(ascii: "S"), UInt8(ascii: "T"), UInt8(ascii: "E"): break
    default: return .invalidSide
    }
    if let reason = invalidDetails(
      quantity: request.quantity, price: request.price, timeInForce: request.timeInForce,
      display: request.display, tick: state.tick)
    {
      return reason
    }
    if minimum(request) > request.quantity { return .invalidQuantity }
    if !state.isMatching, request.timeInForce == UInt8(ascii: "3") { return .halted }
    if isShortRestricted(side: request.side, price: request.price, locate: locate) {
      return .shortSellRestricted
    }
    return nil
  }

  private func invalidDetails(
    quantity: UInt32, price: UInt64, timeInForce: UInt8, display: UInt8, tick: UInt32
  ) -> RejectReason? {
    guard (1...OUCHLimits.quantityMax).contains(quantity) else { return .invalidQuantity }
    if !Self.isMarketPrice(price) {
      guard (1...OUCHLimits.priceMax).contains(price) else { return .invalidPrice }
      // At one dollar and above whole ticks, below it 10⁻⁴ dollars.
      guard price < 10_000 || price % UInt64(max(1, tick)) == 0 else { return .invalidPrice }
    }
    switch display {
    case UInt8(ascii: "Y"), UInt8(ascii: "N"), UInt8(ascii: "A"): break
    default: return .invalidDisplay
    }
    switch timeInForce {
    case UInt8(ascii: "0"), UInt8(ascii: "3"), UInt8(ascii: "5"), UInt8(ascii: "6"),
      UInt8(ascii: "E"):
      return nil
    default: return .other
    }
  }

  /// Regulation SHO rule 201: no short sale at or below the best bid; exempt ones (`E`) pass.
  private func isShortRestricted(side: UInt8, price: UInt64, locate: UInt16) -> Bool {
    guard side == UInt8(ascii: "T") else { return false }
    let action = symbols[Int(locate)].regSHO
    guard action == UInt8(ascii: "1") || action == UInt8(ascii: "2") else { return false }
    if Self.isMarketPrice(price) { return true }
    guard let bid = book.bestDisplayed(locate, isBuy: true) else { return false }
    return price <= UInt64(bid)
  }

  // MARK: - Replace

  private mutating func replace(_ request: OUCHRequest, _ account: UInt32) {
    // (a) The original is dead or the number is used: silence.
    guard let index = ownIndex(account, request.originalUserRefNum) else { return }
    let original = own[index]
    let state = symbols[Int(original.locate)]
    // (c) The original cannot be cancelled: it stays, and the number is consumed.
    guard state.cancelHold == 0 else {
      consume(request.userRefNum, account)
      reject(request, account, .replaceNotAllowed)
      return
    }
    // (b) The details are invalid: the original is canceled, the number is not consumed.
    let isHaltedIOC = !state.isMatching && request.timeInForce == UInt8(ascii: "3")
    // The Side option marks a sale anew: long, short, exempt.
    let side = side(request) ?? original.side
    let isShut = isClosed || !accounts[Int(account)].isEntryEnabled
    if isShut || isHaltedIOC || request.quantity <= original.executed
      || invalidDetails(
        quantity: request.quantity, price: request.price, timeInForce: request.timeInForce,
        display: request.display, tick: state.tick) != nil
      || !isSameDirection(side, original.side)
      || isShortRestricted(side: side, price: request.price, locate: original.locate)
    {
      unrest(index, publishes: true)
      die(index, reason: .system)
      return
    }
    // (d) Replaced; priority is lost.
    consume(request.userRefNum, account)
    let replaced = original.slot >= 0 ? book.order(original.slot) : nil
    unrest(index, publishes: false)
    ownByNumber[Self.ownKey(account, original.userRefNum)] = nil
    ownByNumber[Self.ownKey(account, request.userRefNum)] = Int32(index)
    counters.ownCancelledShares &+= UInt64(original.open)
    own[index].userRefNum = request.userRefNum
    setSide(index, side)
    own[index].price = request.price
    own[index].total = request.quantity
    own[index].timeInForce = request.timeInForce
    own[index].display = request.display
    own[index].interMarketSweep = request.interMarketSweep
    own[index].clOrdID = request.clOrdID
    own[index].reference = takeOwnReference()
    counters.ownEnteredShares &+= UInt64(own[index].open)
    counters.replacedOrders &+= 1
    var event = echo(.replaced, index)
    event.originalUserRefNum = original.userRefNum
    emit(account, event)
    work(
      index, postOnly: isPostOnly(request), minimum: minimum(request), replacing: replaced)
  }

  // MARK: - Cancel, modify

  private mutating func cancel(_ request: OUCHRequest, _ account: UInt32) {
    guard let index = ownIndex(account, request.userRefNum) else { return }
    switch symbols[Int(own[index].locate)].cancelHold {
    case 0: cancel(index, intendedTotal: request.quantity)
    case 1:
      own[index].pendingCancel = Int64(request.quantity)
      var event = response(.cancelPending)
      event.userRefNum = request.userRefNum
      emit(account, event)
    default:
      var event = response(.cancelReject)
      event.userRefNum = request.userRefNum
      emit(account, event)
    }
  }

  private mutating func cancel(_ index: Int, intendedTotal: UInt32) {
    let order = own[index]
    guard intendedTotal < order.total else {
      counters.ignoredRequests &+= 1
      return
    }
    counters.cancels &+= 1
    guard intendedTotal > order.executed else {
      unrest(index, publishes: true)
      die(index, reason: .user)
      return
    }
    let decrement = order.total - intendedTotal
    shrink(index, by: decrement)
    var event = response(.canceled)
    event.userRefNum = order.userRefNum
    event.quantity = decrement
    event.reason = UInt16(CancelReason.user.rawValue)
    emit(order.account, event)
  }

  private mutating func modify(_ request: OUCHRequest, _ account: UInt32) {
    guard let index = ownIndex(account, request.userRefNum) else { return }
    setSide(index, request.side)
    if request.quantity <= own[index].executed {
      unrest(index, publishes: true)
      die(index, reason: .user)
      return
    }
    shrink(index, by: own[index].total - request.quantity)
    var event = response(.modified)
    event.userRefNum = request.userRefNum
    event.side = request.side
    event.quantity = own[index].open
    emit(account, event)
  }

  /// A sale may become another kind of sale; a purchase stays one.
  private func isSameDirection(_ a: UInt8, _ b: UInt8) -> Bool {
    let sales: (UInt8) -> Bool = { $0 == 0x53 || $0 == 0x54 || $0 == 0x45 }
    return a == b || (sales(a) && sales(b))
  }

  /// Takes open shares away in place; the order keeps its priority.
  mutating func shrink(_ index: Int, by decrement: UInt32) {
    guard decrement > 0 else { return }
    own[index].total &-= decrement
    counters.ownCancelledShares &+= UInt64(decrement)
    let slot = own[index].slot
    guard slot >= 0 else { return }
    book.reduce(slot, shares: decrement, fileShares: 0)
    guard !book.order(slot).isHidden else { return }
    var record = ownRecord(UInt8(ascii: "X"), locate: own[index].locate)
    record.reference = own[index].reference
    record.shares = decrement
    publish(record, verbatim: false)
  }

  mutating func releasePendingCancels(_ locate: UInt16) {
    for index in allWorking(locate: locate) {
      let total = own[index].pendingCancel
      guard total >= 0 else { continue }
      own[index].pendingCancel = -1
      cancel(index, intendedTotal: UInt32(clamping: total))
    }
  }

  // MARK: - Mass cancel, disable, enable

  private mutating func massCancel(_ request: OUCHRequest, _ account: UInt32) {
    consume(request.userRefNum, account)
    let isAll = request.symbol == 0 || request.symbol == 0x2020_2020_2020_2020
    var event = response(.massCancelResponse)
    event.userRefNum = request.userRefNum
    event.firm = request.firm
    event.symbol = request.symbol
    emit(account, event)
    let side = side(request)
    if isAll {
      cancel(working(of: account, side: side), reason: .user)
    } else if let locate = locates[request.symbol] {
      cancel(working(of: account, locate: locate, side: side), reason: .user)
    }
  }

  private mutating func switchEntry(_ request: OUCHRequest, _ account: UInt32) {
    consume(request.userRefNum, account)
    let enables = request.kind == .enableEntry
    accounts[Int(account)].isEntryEnabled = enables
    var event = response(enables ? .enableEntryResponse : .disableEntryResponse)
    event.userRefNum = request.userRefNum
    event.firm = request.firm
    emit(account, event)
  }
}
