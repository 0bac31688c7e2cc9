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
    let scale = Int128(instruments[Int(r.instrument.raw)].moneyScale)
    let (value, over) = (Int128(r.price) * Int128(r.quantity)).multipliedReportingOverflow(
      by: scale)
    return !over && value.magnitude >> UInt128(Self.executionValueBits) == 0
  }

  /// Takes back what this version has booked and books what is recorded.
  mutating func restate(_ replayed: ExecutionRecord?, as recorded: ExecutionRecord?) {
    if let replayed, let recorded, replayed.isBooked(as: recorded) { return }
    if let replayed { trade(replayed, isTakenBack: true) }
    if let recorded { trade(recorded, isTakenBack: false) }
    guard let record = recorded ?? replayed, let at = portfolio.ledger.find(LedgerKey(record))
    else { return }
    var entry = portfolio.ledger[at]
    entry.key = LedgerKey(record)
    entry.price = record.price
    entry.quantity = record.quantity
    entry.fee = record.revision == 0 ? record.fee : 0 &- record.fee
    entry.instrument = record.instrument
    entry.account = record.account
    entry.strategy = record.strategy
    entry.side = Side(rawValue: record.side) ?? .buy
    entry.liquidity = record.liquidity
    entry.incarnation = record.incarnation
    // What was not booked is known all the same: said again, it is a repetition.
    let isBooked = recorded != nil ? record.revision == 0 : record.revision != 0
    entry.state = isBooked ? .booked : .busted
    portfolio.ledger.set(at, entry)
  }

  private mutating func trade(_ r: ExecutionRecord, isTakenBack: Bool) {
    guard let cell = cell(r.strategy, r.instrument), let side = Side(rawValue: r.side) else {
      return
    }
    let isBust = r.revision != 0
    let scale = Int128(instruments[Int(r.instrument.raw)].moneyScale)
    let signed = portfolio.book(
      Portfolio.Trade(
        account: Int(r.account.raw), venue: ports[Int(r.port.raw)].venue, isBuy: side.isBuy,
        isBust: isBust != isTakenBack, quantity: r.quantity,
        value: Int128(r.price) &* Int128(r.quantity) &* scale,
        fee: isBust ? 0 &- r.fee : r.fee), cell)
    exposures.trade(cell, r.account, r.instrument, signed)
  }
}

extension ExecutionRecord {
  /// The same execution, or the same bust of one.
  func isSameExecution(as other: ExecutionRecord) -> Bool {
    LedgerKey(self) == LedgerKey(other) && revision == other.revision
  }
  /// What positions and cash come to is the same.
  func isBooked(as other: ExecutionRecord) -> Bool {
    price == other.price && quantity == other.quantity && fee == other.fee && side == other.side
      && account == other.account && strategy == other.strategy && instrument == other.instrument
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
