import Testing

@testable import ExecutionCore

/// The quick pass against the chain: what it lets through, each check lets through, with the same side.
@Suite struct QuickPassTests {
  /// What both said about one order.
  struct Answer {
    var quick: Bool
    var refusal: Refusal?
    var sidesAgree: Bool
  }

  private func ask(_ market: Market<Recorder>, _ request: OrderRequest) -> Answer? {
    let core = market.driver.engine.core
    guard let terms = core.pointee.terms(of: request) else { return nil }
    return ask(core, terms)
  }
  private func ask(_ core: UnsafeMutablePointer<EngineState>, _ terms: OrderTerms) -> Answer {
    var first = terms
    var second = terms
    let quick = core.pointee.passes(&first)
    let refusal = core.pointee.checkAll(&second, nil)
    return Answer(quick: quick, refusal: refusal, sidesAgree: first.side == second.side)
  }

  private func limits(_ dice: inout Dice) -> RiskLimits {
    var l = RiskLimits()
    if dice.chance(40) { l.orderQuantity = Int64(100 + dice.below(600)) }
    if dice.chance(40) {
      l.orderNotional = Money(raw: Int128(10_000 + dice.below(90_000)) * 100_000_000)
    }
    if dice.chance(40) { l.position = Int64(200 + dice.below(2_000)) }
    if dice.chance(40) { l.openOrders = 1 + dice.below(12) }
    if dice.chance(25) {
      l.messageRate = MessageRate(perSecond: 1_000, burst: 40, keptForCancels: 4)
    }
    return l
  }

  private func configuration(_ dice: inout Dice) -> EngineConfiguration {
    var c = Market<Recorder>.configuration()
    let firm = limits(&dice)
    c.firmLimits.orderQuantity = firm.orderQuantity ?? 100_000
    c.firmLimits.orderNotional =
      firm.orderNotional ?? Money(raw: 100_000_000 * 100_000_000)
    c.firmLimits.position = firm.position ?? 1_000_000
    c.firmLimits.openOrders = firm.openOrders ?? 1_000
    c.firmLimits.messageRate = firm.messageRate ?? c.firmLimits.messageRate
    c.accounts = [AccountConfiguration(name: "A"), AccountConfiguration(name: "B")]
    c.ports[0].accounts.append(AccountID(raw: 1))
    for i in 0..<2 { c.accounts[i].limits = limits(&dice) }
    c.strategies = (0..<3).map {
      var s = StrategyConfiguration(
        name: "s\($0)", account: AccountID(raw: $0 == 2 ? 1 : 0))
      s.limits = limits(&dice)
      return s
    }
    for i in 0..<2 {
      if dice.chance(50) {
        var own = limits(&dice)
        own.messageRate = nil
        c.instrumentLimits[InstrumentID(raw: UInt32(i))] = own
      }
      c.instruments[i].shortable = dice.chance(70)
      if dice.chance(15) { c.instruments[i].previousClose = 0 }
      if dice.chance(15) { c.instruments[i].lowerBand = 99 * 100_000_000 }
      if dice.chance(15) { c.instruments[i].upperBand = 201 * 100_000_000 }
      if dice.chance(20) { c.instruments[i].tick = 5_000_000 }
    }
    if dice.chance(20) { c.restricted = [InstrumentID(raw: UInt32(dice.below(2)))] }
    c.venues[0].rules.takesOddLots = dice.chance(60)
    c.duplicateWindow = [0, 1_000_000, 1_000_000_000][dice.below(3)]
    c.duplicatesMax = 1 + dice.below(3)
    c.dynamicCollar = PriceCollar(
      basisPoints: Int64(dice.below(200)), absolute: Int64(dice.below(3)) * 10_000_000)
    if dice.chance(20) { c.dynamicCollar.basisPoints = 1_000_000 }
    c.staticCollar = PriceCollar(basisPoints: Int64(50 + dice.below(3_000)))
    c.poolCapacity = 24
    c.outboxCapacity = 16
    return c
  }

  private func disturb(_ market: Market<Recorder>, _ dice: inout Dice) {
    let locate = UInt16(1 + dice.below(2))
    switch dice.below(16) {
    case 0: market.state("H", locate, dice.chance(30) ? "H" : "T")
    case 1: market.state("Y", locate, dice.chance(40) ? "1" : "0")
    case 2:
      // Crosses the book for a while.
      let other = market.add(locate, "B", 100, locate == 1 ? 1_002_000 : 2_003_000)
      if dice.chance(80) { market.delete(other) }
    case 3: market.time += [100_000, 1_000_000, 900_000_000, 70_000_000_000][dice.below(4)]
    case 4, 5, 6:
      var changes: [LimitChange] = []
      for _ in 0...dice.below(3) {
        let kind = LimitKind.allCases[dice.below(LimitKind.allCases.count)]
        var change = LimitChange(kind, ofFirm: Int128(dice.below(3_000)))
        if kind == .orderNotional { change.value = Int128(dice.below(3_000)) * 10_000_000_000 }
        if dice.chance(5) { change.value = nil }
        change.scope = [.firm, .account, .strategy, .instrument][dice.below(4)]
        change.account = AccountID(raw: UInt32(dice.below(2)))
        change.strategy = StrategyID(raw: UInt32(dice.below(3)))
        change.instrument = InstrumentID(raw: UInt32(dice.below(2)))
        changes.append(change)
      }
      _ = market.change(changes)
    case 7:
      let instrument = InstrumentID(raw: UInt32(dice.below(2)))
      _ = market.change([LimitChange(.restricted, of: instrument, dice.chance(20) ? 1 : 0)])
    case 8:
      var c = Command(dice.chance(20) ? .kill : .rearm, scope: dice.chance(50) ? .firm : .account)
      c.account = AccountID(raw: 0)
      c.person[0] = 1
      c.reason[0] = 1
      _ = market.apply(c)
    case 9: market.event(dice.chance(15) ? "M" : "Q")
    case 10: market.driver.engine.market.gapDetected()
    case 11: market.driver.engine.market.gapRepaired()
    case 12: market.driver.engine.market.feedIsLate()
    case 13, 14: market.driver.engine.market.feedIsTimely()
    default: market.add(locate, "B", 100, locate == 1 ? 999_000 : 1_999_000)
    }
  }

  private func settle(_ market: Market<Recorder>, _ dice: inout Dice) {
    for request in market.sent() where request.kind == .new || request.kind == .replace {
      let account = request.account
      market.report(
        request.kind == .new ? .accepted : .replaced, request.venueReference,
        quantity: request.quantity, cents: request.price / 1_000_000
      ) {
        $0.account = account
        $0.clientOrderID = request.clientOrderID
        $0.originalVenueReference = request.originalVenueReference
      }
      if dice.chance(60) {
        market.report(
          .executed, request.venueReference, quantity: 1 + Int64(dice.below(Int(request.quantity))),
          cents: request.price / 1_000_000, match: request.venueReference
        ) { $0.account = account }
      } else if dice.chance(50) {
        market.report(.canceled, request.venueReference, quantity: request.quantity) {
          $0.account = account
        }
      }
    }
  }

  private func request(_ dice: inout Dice) -> OrderRequest {
    let instrument = UInt32(dice.below(2))
    let strategy = UInt32(dice.below(3))
    let cents = (instrument == 0 ? 10_000 : 20_000) + Int64(dice.below(120)) - 50
    var price = cents * 1_000_000
    if dice.chance(3) { price += 10_000 }
    if dice.chance(3) { price = Int64(dice.below(200)) * 1_000_000 }
    if dice.chance(1) { price = Int64.max - Int64(dice.below(3)) }
    return OrderRequest(
      instrument: InstrumentID(raw: instrument), account: AccountID(raw: strategy == 2 ? 1 : 0),
      strategy: StrategyID(raw: strategy), side: dice.chance(50) ? .buy : .sell,
      price: Price(raw: price),
      quantity: Quantity(
        raw: dice.chance(4) ? Int64(dice.below(2_000_000)) : Int64(1 + dice.below(7)) * 100))
  }

  @Test(arguments: 1...60 as ClosedRange<UInt64>)
  func `what the quick pass lets through every check lets through`(seed: UInt64) throws {
    var dice = Dice(seed)
    let market = try Market(Recorder(), configuration(&dice), laneBytes: 8 << 20)
    var handles: [OrderHandle] = []
    for step in 0..<500 {
      if dice.chance(15) { disturb(market, &dice) }
      if dice.chance(25) { settle(market, &dice) }
      let request = request(&dice)
      let answer = try #require(ask(market, request))
      if answer.quick {
        #expect(answer.refusal == nil && answer.sidesAgree, "seed \(seed) step \(step)")
      }
      let verdict = market.place(request)
      #expect(verdict.refusal == answer.refusal, "seed \(seed) step \(step)")
      if case .accepted(let handle) = verdict { handles.append(handle) }
      guard let handle = handles.last, dice.chance(30) else { continue }
      let core = market.driver.engine.core
      if let slot = core.pointee.orders.slot(of: handle) {
        let change = core.pointee.changeTerms(
          slot, price: request.price.raw, quantity: request.quantity.raw)
        let answer = ask(core, change)
        if answer.quick {
          #expect(answer.refusal == nil && answer.sidesAgree, "seed \(seed) step \(step)")
        }
      }
      _ = market.replace(handle, price: request.price, quantity: request.quantity)
    }
    #expect(market.invariants == [])
  }

  @Test func `an ordinary order needs only the quick pass, on both sides and below a dollar`()
    throws
  {
    var c = Market<Recorder>.configuration()
    c.duplicateWindow = 1_000_000
    let market = try Market(Recorder(), c)
    for side in [Side.buy, .sell] {
      let request = OrderRequest(
        instrument: InstrumentID(raw: 0), account: AccountID(raw: 0), strategy: StrategyID(raw: 0),
        side: side, price: Price(raw: 10_005_000_000), quantity: Quantity(raw: 100))
      #expect(try #require(ask(market, request)).quick)
      // The same again within the window is the chain's to answer.
      _ = try market.place(request).handle
      let again = try #require(ask(market, request))
      #expect(!again.quick && again.refusal?.code == .duplicateOrder)
    }
    let gates = market.driver.engine.core.pointee.limits.instrumentBounds
    #expect(gates[0].lowest == 8_000_000_000 && gates[0].highest == 12_000_000_000)
  }
}

/// The words of a new order against the struct that they are read as.
@Suite struct RequestWordsTests {
  @Test
  func `a new order's words are its request, field by field, in the queue and in the journal`()
    throws
  {
    var c = Market<NoStrategy>.configuration()
    c.venues.append(.tested)
    var port = PortConfiguration(
      name: "second", venue: VenueID(raw: 1), accounts: [AccountID(raw: 0)])
    port.isUpAtStart = true
    c.ports.append(port)
    c.routes = [RouteConfiguration(account: AccountID(raw: 0), ports: [PortID(raw: 1)])]
    c.accounts[0].capacity = .agency
    let market = try Market(NoStrategy(), c)
    for (side, time, flags) in [
      (Side.buy, TimeInForce.day, OrderFlags()), (.sell, .immediateOrCancel, .intermarketSweep),
      (.buy, .day, .postOnly),
    ] {
      let before = market.lane.records.count
      let next = market.snapshot.ports[1].nextReference
      let asked = OrderRequest(
        instrument: InstrumentID(raw: 1), account: AccountID(raw: 0), strategy: StrategyID(raw: 1),
        side: side, price: Price(raw: 20_010_000_000), quantity: Quantity(raw: 300),
        timeInForce: time, display: .hidden, flags: flags)
      let handle = try market.place(asked).handle
      #expect(market.sent().isEmpty, "the other port's outbox")
      let request = try #require(market.sent(port: PortID(raw: 1)).first)
      #expect(request.kind == .new && request.side == (side == .buy ? .buy : .sellShort))
      #expect(request.timeInForce == time && request.flags == flags)
      #expect(request.display == .hidden && request.capacity == .agency)
      #expect(
        request.venue.raw == 1 && request.port.raw == 1 && request.incarnation == 0
          && request.order == handle)
      #expect(request.instrument == asked.instrument && request.strategy == asked.strategy)
      #expect(request.account == asked.account)
      #expect(request.price == asked.price.raw && request.quantity == 300)
      #expect(request.priceExponent == -8 && request.quantityExponent == 0)
      #expect(request.venueReference == next && request.originalVenueReference == 0)
      #expect(request.sessionTime == market.time && request.createdAt == 0)
      let record = UnsafeRawBufferPointer(rebasing: market.lane.records[before...])
      let header = record.loadUnaligned(as: RecordHeader.self)
      #expect(header.type == RecordType.intent.rawValue && header.length == 216)
      #expect(header.sequence == request.intentSequence && header.strategy == 1)
      let intent = record.loadUnaligned(fromByteOffset: 48, as: IntentRecord.self)
      withUnsafeBytes(of: try #require(intent.request)) { journalled in
        withUnsafeBytes(of: request) { #expect(journalled.elementsEqual($0)) }
      }
      let quote = market.driver.engine.quotes.quote(InstrumentID(raw: 1))
      let same = IntentRecord(
        request: request, limitsVersion: intent.limitsVersion, quote: quote,
        feedPosition: intent.feedPosition)
      withUnsafeBytes(of: same) { whole in
        withUnsafeBytes(of: intent) { #expect(whole.elementsEqual($0)) }
      }
    }
  }
}
