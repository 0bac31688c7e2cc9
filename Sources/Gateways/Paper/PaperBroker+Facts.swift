public import ExecutionCore

/// The only code that changes what the broker keeps: live, and from its file.
extension PaperBroker {
  /// It names what is there; of a file that may be damaged.
  func isPossible(_ fact: PaperFact) -> Bool {
    func isOrder(_ i: Int32) -> Bool { i >= 0 && Int(i) < orders.count }
    func isPlace(_ account: Int32, _ instrument: Int32) -> Bool {
      account >= 0 && Int(account) < accounts.count && instrument >= 0
        && Int(instrument) < books.count
    }
    switch fact {
    case .entered(let o):
      return isPlace(o.account, o.instrument)
        && accounts[Int(o.account)].orders.place(of: o.id, in: orders) == nil
        && o.quantity > 0 && o.quantity <= Self.quantityMax && o.number == UInt64(orders.count) + 1
    case .changed(let order, _, let quantity, _):
      return isOrder(order) && orders[Int(order)].status == .working
        && quantity > orders[Int(order)].executed && quantity <= Self.quantityMax
    case .ended(let order, _, _):
      return isOrder(order) && orders[Int(order)].status == .working
    case .executed(let e):
      return isOrder(e.order) && e.number > executionNumber && e.quantity > 0
        && e.quantity <= orders[Int(e.order)].open
    case .adjusted(let a, let account, let instrument, _):
      return isPlace(account, instrument) && isBookable(a, account, instrument)
    case .acted(_, let instrument, _, let time):
      return instrument >= 0 && Int(instrument) < books.count && time >= actionsDone.time
    }
  }

  /// Sums hold it.
  func isBookable(_ a: PaperAdjustment, _ account: Int32, _ instrument: Int32) -> Bool {
    let held = accounts[Int(account)].positions[Int(instrument)].quantity
    let (quantity, over) = held.addingReportingOverflow(a.quantity)
    let (cash, wide) = accounts[Int(account)].cash.addingReportingOverflow(a.amount)
    return !over && !wide && quantity.magnitude <= 1 << 62 && cash.magnitude <= 1 << 125
  }

  /// No quantity is larger: of 2²² orders no sum overflows.
  static var quantityMax: Int64 { 1 << 40 }

  mutating func apply(_ fact: PaperFact) {
    switch fact {
    case .entered(let order):
      let place = Int32(orders.count)
      orders.append(order)
      accounts[Int(order.account)].orders.insert(order.id, place)
      if order.status == .working { accounts[Int(order.account)].working += 1 }
      revise(place, order.time)
    case .changed(let place, let price, let quantity, let time):
      orders[Int(place)].price = price
      orders[Int(place)].quantity = quantity
      revise(place, time)
    case .ended(let place, let reason, let time):
      orders[Int(place)].status = .canceled
      orders[Int(place)].reason = reason
      accounts[Int(orders[Int(place)].account)].working -= 1
      revise(place, time)
    case .executed(let e): apply(e)
    case .adjusted(let a, let account, let instrument, _): apply(a, account, instrument)
    case .acted(let action, let instrument, let price, let time):
      for one in adjustments(action, instrument, price) {
        if let adjustment = one.adjustment { apply(adjustment, one.account, instrument) }
      }
      let count = actionsDone.time == time ? actionsDone.count + 1 : 1
      actionsDone = PaperActionsDone(time: time, count: count)
    }
  }

  private mutating func apply(_ a: PaperAdjustment, _ account: Int32, _ instrument: Int32) {
    accounts[Int(account)].cash &+= a.amount
    accounts[Int(account)].positions[Int(instrument)].adjustments &+= a.amount
    accounts[Int(account)].positions[Int(instrument)].quantity &+= a.quantity
  }

  private mutating func apply(_ execution: PaperExecution) {
    var e = execution
    executionNumber = e.number
    let order = Int(e.order)
    let account = Int(orders[order].account)
    let instrument = Int(orders[order].instrument)
    orders[order].executed &+= e.quantity
    e.executed = orders[order].executed
    if orders[order].firstExecution < 0 {
      orders[order].firstExecution = Int32(accounts[account].executions.count)
    }
    if orders[order].executed >= orders[order].quantity {
      orders[order].status = .filled
      accounts[account].working -= 1
    }
    accounts[account].executions.append(Int32(executions.count))
    executions.append(e)
    revise(e.order, e.time)
    let value = value(e, instrument)
    let isBuy = orders[order].isBuy
    let flow = isBuy ? 0 &- value : value
    accounts[account].positions[instrument].quantity &+= isBuy ? e.quantity : 0 &- e.quantity
    if isBuy {
      accounts[account].positions[instrument].bought &+= e.quantity
    } else {
      accounts[account].positions[instrument].sold &+= e.quantity
    }
    accounts[account].positions[instrument].cashFlow &+= flow
    accounts[account].positions[instrument].fees &+= Int128(e.fee)
    accounts[account].cash &+= flow &- Int128(e.fee)
  }

  /// What it comes to; nothing where no money can hold it, which no order that was accepted can lead to.
  private func value(_ e: PaperExecution, _ instrument: Int) -> Int128 {
    settings.instruments[instrument].value(
      of: Quantity(raw: e.quantity), at: Price(raw: e.price))?.raw ?? 0
  }

  private mutating func revise(_ place: Int32, _ time: Int64) {
    let account = Int(orders[Int(place)].account)
    accounts[account].revision += 1
    orders[Int(place)].revision = accounts[account].revision
    orders[Int(place)].time = time
    accounts[account].changes.append((accounts[account].revision, place))
  }

  /// What works goes into the books, behind everybody: where it stood in a queue is not known any more.
  mutating func rest() {
    for (i, order) in orders.enumerated() where order.status == .working {
      orders[i].ahead = -1
      insert(Int32(i))
    }
  }

  // MARK: Looking

  /// What an account holds of an instrument; nil for one that is not there.
  public func position(_ account: String, _ symbol: Symbol) -> PaperPosition? {
    guard let a = names[account], let i = symbols[symbol] else { return nil }
    return accounts[Int(a)].positions[Int(i)]
  }
  public func cash(_ account: String) -> Money? {
    names[account].map { Money(raw: accounts[Int($0)].cash) }
  }
  /// Orders of an account that work.
  public func openOrders(_ account: String) -> Int? {
    names[account].map { accounts[Int($0)].working }
  }
  /// Orders and executions of all accounts.
  public var orderCount: Int { orders.count }
  public var executionCount: Int { executions.count }

  // MARK: Adjusting

  /// Books what no order brought, and tells the account. False, and nothing is booked, for an account or instrument that
  /// is not there, and for more than sums can hold.
  public mutating func adjust(
    _ account: String, _ symbol: Symbol, _ adjustment: PaperAdjustment, now: Int64
  ) -> Bool {
    advance(to: now)
    guard let a = names[account], let i = symbols[symbol], !hasFailed else { return false }
    let fact = PaperFact.adjusted(adjustment, account: a, instrument: i, time: self.now)
    guard isPossible(fact) else { return false }
    record(fact)
    tellCash(a, i, adjustment)
    return true
  }
}
