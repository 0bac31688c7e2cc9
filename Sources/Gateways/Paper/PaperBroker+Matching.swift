public import ExecutionCore

/// Filling: what an order takes from what is displayed, and what comes to one that rests.
extension PaperBroker {
  // MARK: The market

  /// What is quoted now of an instrument, at its exponents; a side with quantity 0 is empty.
  public mutating func quote(_ instrument: Int, _ quote: Quote, now: Int64) {
    advance(to: now)
    guard instrument >= 0, instrument < books.count, !hasFailed else { return }
    settle()
    books[instrument].bid.show(quote.bid.raw, max(0, quote.bidQuantity.raw))
    books[instrument].ask.show(quote.ask.raw, max(0, quote.askQuantity.raw))
    guard books[instrument].status.isTrading else { return }
    tradeThrough(instrument, buys: true)
    tradeThrough(instrument, buys: false)
    lookAtQueues(instrument, buys: true)
    lookAtQueues(instrument, buys: false)
  }

  /// A trade of the market, and whether who bought was the aggressor; nil where that is not known.
  public mutating func trade(
    _ instrument: Int, price: Int64, quantity: Int64, isBuyer: Bool?, now: Int64
  ) {
    advance(to: now)
    guard instrument >= 0, instrument < books.count, quantity > 0, !hasFailed else {
      return
    }
    settle()
    guard books[instrument].status.isTrading else { return }
    if isBuyer != true { workOff(instrument, buys: true, price, quantity) }
    if isBuyer != false { workOff(instrument, buys: false, price, quantity) }
  }

  public mutating func status(_ instrument: Int, _ status: MarketStatus, now: Int64) {
    advance(to: now)
    guard instrument >= 0, instrument < books.count else { return }
    books[instrument].status = status
  }

  // MARK: Taking

  private func opposite(_ order: PaperOrder) -> PaperBook.Touch {
    order.isBuy ? books[Int(order.instrument)].ask : books[Int(order.instrument)].bid
  }

  func isMarketable(_ order: PaperOrder) -> Bool {
    let touch = opposite(order)
    guard touch.quantity > 0 else { return false }
    return order.isBuy ? order.price >= touch.price : order.price <= touch.price
  }

  /// Fills against what is displayed, at the touch or worse by what size and impact cost; never beyond its limit.
  mutating func take(_ place: Int32) {
    let order = orders[Int(place)]
    let instrument = Int(order.instrument)
    guard isMarketable(order), books[instrument].status.isTrading else { return }
    let touch = opposite(order)
    let lot = grids[instrument].lot
    let most =
      touch.available / 100 * Int64(settings.fillShare)
      + touch.available % 100 * Int64(settings.fillShare) / 100
    let quantity = min(order.open, most) / lot * lot
    guard quantity > 0 else { return }
    guard let price = takePrice(order, touch, quantity) else { return }
    if order.isBuy {
      books[instrument].ask.taken += quantity
    } else {
      books[instrument].bid.taken += quantity
    }
    push(order, quantity, of: touch.quantity)
    execute(place, quantity, at: price, isTaker: true)
  }

  /// The touch, moved by impact and slippage against the order, on the grid; nil beyond its limit.
  private func takePrice(
    _ order: PaperOrder, _ touch: PaperBook.Touch, _ quantity: Int64
  ) -> Int64? {
    guard settings.slippage > 0 || settings.impact > 0 else { return touch.price }
    let impact = accounts[Int(order.account)].impacts[Int(order.instrument)]
      .at(now, halfLife: settings.impactHalfLife)
    // 10⁻⁴ of a basis point, against the order above 0.
    let slippage = Self.share(settings.slippage * 10_000, quantity, of: touch.quantity)
    let worse = max(0, slippage + (order.isBuy ? impact : 0 - impact))
    let move = Int128(touch.price.magnitude) * Int128(worse)
    let tick = Int128(grids[Int(order.instrument)].tick)
    let step = tick * 100_000_000
    let away = (move + step - 1) / step * tick
    let price = Int128(touch.price) + (order.isBuy ? away : 0 - away)
    guard let exact = Int64(exactly: price), exact > 0 || touch.price <= 0 else { return nil }
    return (order.isBuy ? exact <= order.price : exact >= order.price) ? exact : nil
  }

  private mutating func push(_ order: PaperOrder, _ quantity: Int64, of displayed: Int64) {
    guard settings.impact > 0 else { return }
    let amount = Self.share(settings.impact * 10_000, quantity, of: displayed)
    accounts[Int(order.account)].impacts[Int(order.instrument)].push(
      order.isBuy ? amount : 0 - amount, at: now, halfLife: settings.impactHalfLife)
  }

  private static func share(_ whole: Int64, _ part: Int64, of all: Int64) -> Int64 {
    guard all > 0 else { return 0 }
    return Int64(clamping: Int128(whole) * Int128(part) / Int128(all))
  }

  // MARK: Resting

  /// Goes into the book, and learns what is displayed before it.
  mutating func join(_ place: Int32) {
    insert(place)
    let i = Int(place)
    guard orders[i].ahead < 0 else { return }
    let instrument = Int(orders[i].instrument)
    orders[i].ahead = ahead(orders[i], books[instrument])
  }

  private func ahead(_ order: PaperOrder, _ book: PaperBook) -> Int64 {
    if settings.queue == .front { return 0 }
    let own = order.isBuy ? book.bid : book.ask
    guard own.quantity > 0 else { return 0 }
    if order.price == own.price { return own.quantity }
    let isBetter = order.isBuy ? order.price > own.price : order.price < own.price
    return isBetter ? 0 : -1
  }

  /// Behind those of its price that are there.
  mutating func insert(_ place: Int32) {
    let order = orders[Int(place)]
    let instrument = Int(order.instrument)
    if order.isBuy {
      Self.insert(place, order.price, into: &books[instrument].buys) { orders[Int($0)].price }
    } else {
      Self.insert(place, 0 &- order.price, into: &books[instrument].sells) {
        0 &- orders[Int($0)].price
      }
    }
  }

  private static func insert(
    _ place: Int32, _ key: Int64, into list: inout [Int32], _ keyOf: (Int32) -> Int64
  ) {
    var low = 0
    var high = list.count
    // The first whose key is not below: of one price the first to come is the last in the list.
    while low < high {
      let middle = (low + high) / 2
      if keyOf(list[middle]) < key { low = middle + 1 } else { high = middle }
    }
    list.insert(place, at: low)
  }

  mutating func remove(_ place: Int32) {
    let instrument = Int(orders[Int(place)].instrument)
    if orders[Int(place)].isBuy {
      books[instrument].buys.removeAll { $0 == place }
    } else {
      books[instrument].sells.removeAll { $0 == place }
    }
  }

  /// The market offers at the price of one that rests, or beyond: it fills at its own, as far as is displayed.
  private mutating func tradeThrough(_ instrument: Int, buys: Bool) {
    // Ends: each turn fills an order whole, or ends.
    while let place = buys ? books[instrument].buys.last : books[instrument].sells.last {
      let order = orders[Int(place)]
      guard isMarketable(order) else { return }
      let touch = opposite(order)
      let lot = grids[instrument].lot
      let quantity = min(order.open, touch.available) / lot * lot
      guard quantity > 0 else { return }
      if buys {
        books[instrument].ask.taken += quantity
      } else {
        books[instrument].bid.taken += quantity
      }
      fillResting(place, quantity)
      if orders[Int(place)].status == .working { return }
    }
  }

  /// The touch has come to a price, or left it: what is before who rests there is what is displayed at most.
  private mutating func lookAtQueues(_ instrument: Int, buys: Bool) {
    guard settings.queue == .back else { return }
    let own = buys ? books[instrument].bid : books[instrument].ask
    let list = buys ? books[instrument].buys : books[instrument].sells
    for place in list.reversed() {
      let i = Int(place)
      let price = orders[i].price
      if own.quantity == 0 || (buys ? price > own.price : price < own.price) {
        orders[i].ahead = 0
      } else if price == own.price {
        orders[i].ahead =
          orders[i].ahead < 0 ? own.quantity : min(orders[i].ahead, own.quantity)
      } else {
        return
      }
    }
  }

  /// A trade at the price of who rests works off the queue before it, then fills it; one beyond fills it at once.
  private mutating func workOff(_ instrument: Int, buys: Bool, _ price: Int64, _ quantity: Int64) {
    var left = quantity
    let lot = grids[instrument].lot
    for place in (buys ? books[instrument].buys : books[instrument].sells).reversed() {
      let i = Int(place)
      let isThrough = buys ? price < orders[i].price : price > orders[i].price
      guard isThrough || price == orders[i].price, left > 0 else { return }
      if !isThrough {
        // Where it stands is not known: the touch was never at its price, so whoever traded there came before.
        guard orders[i].ahead >= 0 else { continue }
        let worked = min(orders[i].ahead, left)
        orders[i].ahead -= worked
        guard orders[i].ahead == 0 else { continue }
        left -= worked
      }
      let filled = min(orders[i].open, left) / lot * lot
      guard filled > 0 else { continue }
      left -= filled
      fillResting(place, filled)
    }
  }

  private mutating func fillResting(_ place: Int32, _ quantity: Int64) {
    if quantity == orders[Int(place)].open { remove(place) }
    execute(place, quantity, at: orders[Int(place)].price, isTaker: false)
  }

  // MARK: Executing

  private mutating func execute(_ place: Int32, _ quantity: Int64, at price: Int64, isTaker: Bool) {
    let order = orders[Int(place)]
    let facts = settings.instruments[Int(order.instrument)]
    var e = PaperExecution()
    // Not dense: who counts on the next number counts on what no broker promises.
    e.number = executionNumber + 1 + dice.below(3)
    e.order = place
    e.isTaker = isTaker
    e.price = price
    e.quantity = quantity
    e.time = now
    e.fee =
      settings.fees.fee(
        isTaker ? Self.removed : Self.added, of: Quantity(raw: quantity), at: Price(raw: price),
        in: facts) ?? settings.fees.unknown
    counters.executions += 1
    record(.executed(e))
    tellExecution(executions.count - 1, query: 0)
    tell(place, .filled)
  }

  static var added: UInt8 { UInt8(ascii: "A") }
  static var removed: UInt8 { UInt8(ascii: "R") }
}
