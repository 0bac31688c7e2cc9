/// One position with its money, for people and the summary.
public struct PositionSummary: Sendable, Hashable {
  public var account: AccountID
  public var strategy: StrategyID
  public var instrument: InstrumentID
  public var symbol: String
  public var quantity: Int64
  public var bought: Int64
  public var sold: Int64
  /// Σ(price × quantity) of what was bought and of what was sold.
  public var boughtValue: Money
  public var soldValue: Money
  /// What the open quantity cost in all; negative: received.
  public var cost: Money
  public var realised: Money
  /// Marked value less cost: long at the bid, short at the ask of the last good quote.
  public var unrealised: Money
  /// Paid less rebates.
  public var fees: Money
  /// Received less paid, fees apart; an opening position counts as paid for.
  public var cashFlow: Money
  /// The price used, at the instrument's exponent; nil when no good quote was ever seen.
  public var mark: Price?
  /// The mark is kept from an earlier quote: the present one fails a gate, or there is none.
  public var markIsStale: Bool
  public var executions: Int64
  public var openOrders: Int64
  /// The quantity by ``VenueID``.
  public var byVenue: [Int64]

  public var grossProfit: Money { Money(raw: realised.raw + unrealised.raw) }
  public var netProfit: Money { Money(raw: realised.raw + unrealised.raw - fees.raw) }
}

/// A port as it stands, for people and the summary.
public struct PortSummary: Sendable, Hashable {
  public var port: PortID
  public var venue: VenueID
  public var isUp: Bool
  /// As ``Engine/isReady(_:)``.
  public var isReady: Bool
  /// Of the next request.
  public var nextReference: UInt64
  /// References that can still be given out: what is left of the day's number, or of the venue's.
  public var referencesLeft: UInt64
  /// Position of the stream up to which reports have been applied.
  public var streamSequence: UInt64
  /// Requests that wait.
  public var waiting: Int
}

/// The engine's state as plain values: taken when it stands still, on its thread. Allocates.
public struct EngineSnapshot: Sendable {
  public var sessionTime: Int64
  public var counters: EngineCounters
  public var books: BookCounters
  public var feed: FeedState
  public var positions: [PositionSummary]
  public var openOrders: [OrderView]
  public var refusals: [RefusalCode: UInt64]
  public var alarms: [AlarmCode: UInt64]
  /// By account.
  public var cash: [Money]
  public var nextClientOrderID: UInt64
  /// By ``PortID``.
  public var ports: [PortSummary]
  /// Scopes that take no new order, and why.
  public var latches: [LatchSummary]
  /// Of the limits that are in force; 0 is the configuration's.
  public var limitsVersion: UInt32
  public var bounds: [BoundUse]
  public var stateHash: UInt64
  /// What does not hold; empty when all is well.
  public var brokenInvariants: [String]
}

extension Engine {
  public var counters: EngineCounters { unsafe core.pointee.counters.total }
  public var sessionTime: Int64 { unsafe core.pointee.sessionTime }
  public var portCount: Int { unsafe core.pointee.portCount }
  /// The port's session is up, drained and settled. The venue may still have switched order entry off; an order
  /// goes to the next port of its route then, and is refused when there is none. False for a port that there is not.
  public func isReady(_ port: PortID = .first) -> Bool {
    unsafe Int(port.raw) < core.pointee.portCount && core.pointee.ports[Int(port.raw)].isReady
  }
  /// How many ports are ready.
  public var portsReady: Int { unsafe core.pointee.portsReady() }
  /// Why no new order passes, for the whole firm: until a named person arms it again.
  public var firmCauses: LatchCauses { unsafe core.pointee.causes(at: 0) }
  /// The same, for orders through one port; of a port that there is not, every cause.
  public func causes(of port: PortID) -> LatchCauses {
    guard unsafe Int(port.raw) < core.pointee.portCount else { return .every }
    return unsafe core.pointee.ports[Int(port.raw)].causes
  }
  /// Causes at a command's scope; of one that there is not, every cause.
  public func causes(_ command: Command) -> LatchCauses {
    unsafe core.pointee.causes(of: command)
  }
  /// Causes at all scopes together.
  public var allCauses: LatchCauses { unsafe core.pointee.allCauses() }
  /// The firm, the accounts and the strategies; as places behind them come the ports.
  var scopeCount: Int { unsafe core.pointee.scopeCount }
  /// The cause that was set last, and where: 0 is the firm, then come the accounts, the strategies, the ports.
  public var lastLatch: (place: Int, cause: LatchCause) { unsafe core.pointee.latches.last }
  /// How many causes have come to stand since the start, at all scopes: who sees it grow has to
  /// ``cancelLatched()``.
  public var latchesSet: UInt64 { unsafe core.pointee.latches.count }
  /// Every cause that stands, at every scope. Cold.
  public func latches() -> [LatchSummary] { unsafe core.pointee.latchSummaries() }
  /// Why the journal takes no more, as an errno; 0 while it does.
  public var journalFailure: Int32 {
    let lost = unsafe core.pointee.counters.alarms(.journalLost) > 0
    let failure = unsafe core.pointee.journal.failure
    return failure == 0 && lost ? 28 : failure  // ENOSPC: the lane has no room even for cancels.
  }
  /// How often the limits have been changed since the configuration's; see ``Command/limits(_:after:)``.
  public var limitsVersion: UInt32 { unsafe core.pointee.limits.version }
  /// The limits that are in force: of the firm, and of whatever a scope sets besides; nil of one that there is not.
  public func limits() -> RiskLimits { unsafe core.pointee.limits.table[0].riskLimits }
  public func limits(_ account: AccountID) -> RiskLimits? {
    guard unsafe Int(account.raw) < core.pointee.accountCount else { return nil }
    return unsafe row(core.pointee.limits.place(of: account)).riskLimits
  }
  public func limits(_ strategy: StrategyID) -> RiskLimits? {
    guard unsafe Int(strategy.raw) < core.pointee.strategyCount else { return nil }
    return unsafe row(core.pointee.limits.place(of: strategy)).riskLimits
  }
  public func limits(_ instrument: InstrumentID) -> RiskLimits? {
    guard unsafe Int(instrument.raw) < core.pointee.instrumentCount else { return nil }
    return unsafe row(core.pointee.limits.place(ofInstrument: Int(instrument.raw))).riskLimits
  }
  /// Orders that increase a position in it are refused, as in one that there is not.
  public func isRestricted(_ instrument: InstrumentID) -> Bool {
    guard unsafe Int(instrument.raw) < core.pointee.instrumentCount else { return true }
    return unsafe row(core.pointee.limits.place(ofInstrument: Int(instrument.raw))).isRestricted
  }
  private func row(_ place: Int) -> ScopeLimits { unsafe core.pointee.limits.table[place] }
  public var openOrderCount: Int { unsafe Int(core.pointee.counters.total.openOrders) }
  /// Open orders of one port. Cold: walks the pool.
  public func openOrderCount(of port: PortID) -> Int {
    unsafe core.pointee.openOrderCount(of: port)
  }
  /// Requests that wait, over all ports.
  public var outboxCount: Int { unsafe core.pointee.outboxCount() }
  /// The feed's books; a loop tells it of holes and snapshots.
  public var market: ITCHMarket { unsafe core.pointee.market }
  /// The books of the feeds by price, and what their numbers stand for (``PriceBooks/bind(_:_:_:priceExponent:quantityExponent:)``).
  public var prices: PriceBooks { unsafe core.pointee.prices }
  /// What risk and strategies see of the market.
  public var quotes: Quotes { unsafe core.pointee.quotes }

  public func order(_ handle: OrderHandle) -> OrderView? { unsafe core.pointee.view(handle) }
  public func position(_ strategy: StrategyID, _ instrument: InstrumentID) -> Quantity {
    unsafe core.pointee.position(strategy, instrument)
  }
  public func refusals(_ code: RefusalCode) -> UInt64 {
    unsafe core.pointee.counters.refusals(code)
  }
  public func alarms(_ code: AlarmCode) -> UInt64 {
    unsafe core.pointee.counters.alarms(code)
  }
  /// Over all trading state, buckets refilled to session time; see ``RecordType/stateHash``. Cold.
  public func stateHash() -> UInt64 { unsafe core.pointee.stateHash() }

  /// What does not hold of the sums over orders, ledger and positions; empty when all is well. Cold.
  public func brokenInvariants() -> [String] { unsafe core.pointee.brokenInvariants() }

  /// Everything, as plain values. Cold: walks pool and cells.
  public func snapshot() -> EngineSnapshot { unsafe core.pointee.snapshot() }
}

extension EngineState {
  mutating func snapshot() -> EngineSnapshot {
    var open: [OrderView] = []
    for slot in 0..<orders.count where orders[slot].life.isOpen {
      open.append(OrderView(orders[slot], slot: slot, capabilities(of: slot)))
    }
    open.sort { $0.clientOrderID.raw < $1.clientOrderID.raw }
    var refused: [RefusalCode: UInt64] = [:]
    for code in RefusalCode.allCases where counters.refusals(code) > 0 {
      refused[code] = counters.refusals(code)
    }
    var alarmed: [AlarmCode: UInt64] = [:]
    for code in AlarmCode.allCases where counters.alarms(code) > 0 {
      alarmed[code] = counters.alarms(code)
    }
    return EngineSnapshot(
      sessionTime: sessionTime, counters: counters.total, books: market.books.counters,
      feed: market.feedState, positions: positionSummaries(), openOrders: open, refusals: refused,
      alarms: alarmed, cash: (0..<accountCount).map { Money(raw: portfolio.cash[$0]) },
      nextClientOrderID: orders.nextClientOrderID, ports: portSummaries(),
      latches: latchSummaries(),
      limitsVersion: limits.version, bounds: boundUses(), stateHash: stateHash(),
      brokenInvariants: brokenInvariants())
  }

  func openOrderCount(of port: PortID) -> Int {
    var open = 0
    for slot in 0..<orders.count where orders[slot].life.isOpen && orders[slot].port == port.raw {
      open &+= 1
    }
    return open
  }

  func portsReady() -> Int {
    var ready = 0
    for i in 0..<portCount where ports[i].isReady { ready &+= 1 }
    return ready
  }

  func outboxCount() -> Int {
    var waiting = 0
    for i in 0..<portCount { waiting &+= ports[i].outbox.count }
    return waiting
  }

  private func portSummaries() -> [PortSummary] {
    (0..<portCount).map { i in
      let ofVenue = ports[i].referencesOfVenue
      let port = ports[i]
      let ofDay = UInt64(max(0, ports.referencesMax - port.referencesUsed))
      return PortSummary(
        port: PortID(raw: UInt16(i)), venue: VenueID(raw: UInt16(port.venue)), isUp: port.isUp,
        isReady: port.isReady, nextReference: port.nextReference,
        referencesLeft: min(ofDay, ofVenue), streamSequence: port.streamSequence,
        waiting: port.outbox.count)
    }
  }

  mutating func positionSummaries() -> [PositionSummary] {
    var list: [PositionSummary] = []
    for cell in 0..<portfolio.positions.count {
      let p = portfolio.positions[cell]
      let open = exposures.cells[cell].openOrders
      if !p.isUsed, open == 0 { continue }
      let instrument = InstrumentID(raw: UInt32(cell % instrumentCount))
      let strategy = StrategyID(raw: UInt32(cell / instrumentCount))
      list.append(summary(p, strategy, instrument, open: open))
    }
    return list
  }

  private mutating func summary(
    _ p: PositionBook, _ strategy: StrategyID, _ instrument: InstrumentID, open: Int64
  ) -> PositionSummary {
    let r = instruments[Int(instrument.raw)]
    let good = quotes.goodQuote(instrument, now: sessionTime)
    let mark = p.net > 0 ? good.bid.raw : good.ask.raw
    let marked = marked(p, Int(instrument.raw), good)
    return PositionSummary(
      account: account(of: strategy), strategy: strategy, instrument: instrument,
      symbol: "\(r.symbol)", quantity: p.net, bought: p.bought, sold: p.sold,
      boughtValue: Money(raw: p.boughtValue), soldValue: Money(raw: p.soldValue),
      cost: Money(raw: p.cost), realised: Money(raw: p.realised),
      unrealised: Money(raw: marked - p.cost), fees: Money(raw: p.fees),
      cashFlow: Money(raw: p.cashFlow), mark: good.isKnown ? Price(raw: mark) : nil,
      markIsStale: !good.isCurrent, executions: p.executions, openOrders: open,
      byVenue: (0..<venueCount).map { byVenue($0, strategy, instrument) })
  }

  private mutating func byVenue(
    _ venue: Int, _ strategy: StrategyID, _ instrument: InstrumentID
  ) -> Int64 {
    cell(strategy, instrument).map { portfolio.net($0, venue: venue) } ?? 0
  }

  // MARK: Invariants

  /// Checks the sums against the orders, the ledger and each other.
  mutating func brokenInvariants() -> [String] {
    var broken: [String] = []
    var buy = [Int64](repeating: 0, count: exposures.cells.count)
    var sell = buy
    var open = buy
    var counts = [[Int]](repeating: [0, 0, 0, 0], count: portCount)
    for slot in 0..<orders.count where orders[slot].life.isOpen {
      let o = orders[slot]
      let port = Int(o.port)
      for (i, holds) in [o.isSettling, o.isUnasked, o.executionsMissing, o.cancelWanted]
        .enumerated()
      where holds { counts[port][i] += 1 }
      open[Int(o.cell)] += 1
      if o.side.isBuy {
        buy[Int(o.cell)] += o.worstCaseLeaves
      } else {
        sell[Int(o.cell)] += o.worstCaseLeaves
      }
    }
    for p in 0..<portCount {
      let port = ports[p]
      if counts[p] != [port.settling, port.unasked, port.missing, port.cancelsWanted] {
        broken.append("port \(p): what is to be done about its orders is miscounted")
      }
    }
    var net = [Int64](repeating: 0, count: exposures.cells.count)
    var flow = [Int128](repeating: 0, count: exposures.cells.count)
    for i in portfolio.ledger.used where portfolio.ledger[i].state == .booked {
      let e = portfolio.ledger[i]
      guard let cell = cell(e.strategy, e.instrument) else { continue }
      let sign: Int64 = e.side.isBuy ? 1 : -1
      net[cell] += sign * e.quantity
      let scale = instruments[Int(e.instrument.raw)].moneyScale
      flow[cell] -= Int128(sign) * (scale.money(e.price, e.quantity) ?? 0)
    }
    for cell in 0..<exposures.cells.count {
      let e = exposures.cells[cell]
      let p = portfolio.positions[cell]
      if e.workingBuy != buy[cell] || e.workingSell != sell[cell] || e.openOrders != open[cell] {
        broken.append("cell \(cell): exposure differs from the open orders")
      }
      if e.net != p.net { broken.append("cell \(cell): exposure and position differ") }
      let opening = p.net - (p.bought - p.sold)
      if counters.alarms(.ledgerFull) == 0, p.net - opening != net[cell] {
        broken.append("cell \(cell): position is not the sum of the executions")
      }
      if opening == 0, p.boughtValue - p.soldValue != 0 - p.cashFlow {
        broken.append("cell \(cell): traded values and cash flow differ")
      }
      if opening == 0, counters.alarms(.ledgerFull) == 0, flow[cell] != p.cashFlow {
        broken.append("cell \(cell): cash flow is not the sum of the executions")
      }
    }
    _ = stateHash()
    return broken + orders.broken() + ports.broken() + limits.broken() + portfolio.broken()
      + timers.broken() + brokenDoubts() + brokenExposures()
  }
}
