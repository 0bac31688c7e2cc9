/// Executions that another version of ``Engine/applyVersion`` has booked: they stand as they are recorded, whatever
/// this one comes to. Orders are as this one has them.
extension EngineState {
  /// Whom and what it names is there, and it is money that the sums can hold.
  func canBook(_ r: ExecutionRecord) -> Bool {
    guard Int(r.strategy.raw) < strategyCount, Int(r.account.raw) < accountCount,
      strategies[Int(r.strategy.raw)].account == r.account,
      Int(r.instrument.raw) < instrumentCount, Int(r.port.raw) < portCount,
      Side(rawValue: r.side) != nil, r.quantity > 0, r.quantity <= Self.executionQuantityMax,
      r.revision <= 1, r.price.magnitude <= UInt64(Self.executionPriceMax), r.fee != .min
    else { return false }
    let value = instruments[Int(r.instrument.raw)].moneyScale.money(r.price, r.quantity)
    return value.map { $0.magnitude >> UInt128(Self.executionValueBits) == 0 } ?? false
  }

  /// Takes back what this version has booked and books what is recorded, as far as the ledger allows it: no execution
  /// is booked twice, and no bust takes back another than the one that it names.
  mutating func restate(_ replayed: ExecutionRecord?, as recorded: ExecutionRecord?) {
    if let replayed, let recorded, replayed.isBooked(as: recorded) { return }
    if let replayed, replayed.revision != 0, let recorded, !isBust(recorded, of: replayed) {
      return
    }
    if let replayed { takeBack(replayed) }
    if let recorded { book(recorded, isKnown: replayed != nil) }
  }

  /// Both take the same execution back, and only what it was charged for differs.
  private func isBust(_ recorded: ExecutionRecord, of replayed: ExecutionRecord) -> Bool {
    var same = recorded
    same.fee = replayed.fee
    return replayed.isBooked(as: same)
  }

  private mutating func takeBack(_ r: ExecutionRecord) {
    let isBust = r.revision != 0
    guard let at = portfolio.ledger.find(LedgerKey(r)) else { return trade(r, isTakenBack: true) }
    var entry = portfolio.ledger[at]
    guard entry.state == (isBust ? .busted : .booked) else { return }
    trade(r, isTakenBack: true)
    // What was not booked is known all the same: said again, it is a repetition.
    entry.state = isBust ? .booked : .busted
    portfolio.ledger.set(at, entry)
  }

  /// - Parameter isKnown: this version has booked it too, and it has just been taken back.
  private mutating func book(_ r: ExecutionRecord, isKnown: Bool) {
    guard let at = portfolio.ledger.find(LedgerKey(r)) else {
      counters.count(.ledgerFull)
      latchUnrecorded(.ledgerFull)
      return trade(r, isTakenBack: false)
    }
    var entry = portfolio.ledger[at]
    let isBust = r.revision != 0
    let isAllowed =
      isBust
      ? entry.state == .booked && entry.isExecution(of: r)
      : isKnown || entry.state == .free || entry.state == .bustedBefore
    guard isAllowed else { return }
    trade(r, isTakenBack: false)
    entry.key = LedgerKey(r)
    entry.price = r.price
    entry.quantity = r.quantity
    entry.fee = isBust ? 0 &- r.fee : r.fee
    entry.instrument = r.instrument
    entry.account = r.account
    entry.strategy = r.strategy
    entry.side = Side(rawValue: r.side) ?? .buy
    entry.liquidity = r.liquidity
    entry.incarnation = r.incarnation
    entry.state = isBust ? .busted : .booked
    portfolio.ledger.set(at, entry)
  }

  private mutating func trade(_ r: ExecutionRecord, isTakenBack: Bool) {
    guard let cell = cell(r.strategy, r.instrument), let side = Side(rawValue: r.side) else {
      return
    }
    let isBust = r.revision != 0
    let scale = instruments[Int(r.instrument.raw)].moneyScale
    let signed = portfolio.book(
      Portfolio.Trade(
        account: Int(r.account.raw), venue: ports[Int(r.port.raw)].venue, isBuy: side.isBuy,
        isBust: isBust != isTakenBack, quantity: r.quantity,
        value: scale.money(r.price, r.quantity) ?? 0,
        fee: isBust ? 0 &- r.fee : r.fee), cell)
    exposures.trade(cell, r.account, r.instrument, signed)
    switch (isBust, isTakenBack) {
    case (true, true): counters.total.busts &-= 1
    case (true, false): counters.total.busts &+= 1
    case (false, true): counters.total.executions &-= 1
    case (false, false): counters.total.executions &+= 1
    }
  }
}

extension ExecutionRecord {
  /// The same execution, or the same bust of one.
  func isSameExecution(as other: ExecutionRecord) -> Bool {
    isOfSameExecution(as: other) && revision == other.revision
  }
  func isOfSameExecution(as other: ExecutionRecord) -> Bool {
    LedgerKey(self) == LedgerKey(other)
  }
  /// What positions and cash come to is the same.
  func isBooked(as other: ExecutionRecord) -> Bool {
    price == other.price && quantity == other.quantity && fee == other.fee && side == other.side
      && account == other.account && strategy == other.strategy && instrument == other.instrument
  }
}

extension ExecutionLedger.Entry {
  /// What a bust names.
  fileprivate func isExecution(of bust: ExecutionRecord) -> Bool {
    price == bust.price && quantity == bust.quantity && side.rawValue == bust.side
      && account == bust.account && strategy == bust.strategy && instrument == bust.instrument
  }
}

extension LedgerKey {
  fileprivate init(_ r: ExecutionRecord) {
    self.init()
    reference = r.venueReference
    execution = r.executionID.key
    port = r.port.raw
  }
}
