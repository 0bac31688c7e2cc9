import ExecutionCore
import Testing

extension ReplayTests {
  /// Anything that can be asked of an engine, or said to it.
  struct Business {
    let market: Market<Recorder>
    var dice: Dice
    var handles: [OrderHandle] = []
    var machineTime: Int64 = 1_000_000_000
    var open: [VenueRequest] = []

    mutating func act() {
      machineTime += Int64(dice.below(400_000))
      switch dice.below(20) {
      case 0...4: place()
      case 5, 6: change()
      case 7, 8: send()
      case 9...13: answer()
      case 14: if dice.chance(40) { anything() } else { rearm() }
      case 15:
        market.time += Int64(dice.below(2_000_000_000))
        market.driver.advance(sessionTime: market.time, machineTime: machineTime)
        market.driver.engine.journalHash()
      case 16: command()
      case 17: market.driver.engine.withdrawOld(port(), machineTime: machineTime)
      case 18:
        _ = market.add(1, "B", 100, 999_900)
        _ = market.driver.engine.cancelAll(
          scope: .account, account: AccountID(raw: UInt32(dice.below(2))))
      default: if dice.chance(30) { session() }
      }
    }

    mutating func port() -> PortID { PortID(raw: UInt16(dice.below(4))) }

    mutating func place() {
      let strategy = UInt32(dice.below(3))
      let side: Side = dice.chance(50) ? .buy : dice.chance(80) ? .sell : .sellShortExempt
      let instrument = UInt32(dice.below(2))
      let verdict = market.driver.engine.place(
        OrderRequest(
          instrument: InstrumentID(raw: instrument), account: AccountID(raw: strategy == 2 ? 1 : 0),
          strategy: StrategyID(raw: strategy), side: side,
          price: Price(raw: Int64(instrument + 1) * 10_000_000_000),
          quantity: Quantity(raw: Int64(1 + dice.below(300))),
          timeInForce: dice.chance(20) ? .immediateOrCancel : .day,
          flags: dice.chance(10) ? .postOnly : .none))
      if case .accepted(let handle) = verdict { handles.append(handle) }
    }

    mutating func change() {
      guard !handles.isEmpty else { return }
      let handle = handles.suffix(16)[handles.count - 1 - dice.below(min(16, handles.count))]
      let quantity = Quantity(raw: Int64(dice.below(300)))
      switch dice.below(4) {
      case 0: market.cancel(handle)
      case 1: market.cancel(handle, to: quantity)
      case 2: _ = market.modify(handle, quantity: quantity)
      default: _ = market.replace(handle, price: Price(raw: 10_001_000_000), quantity: quantity)
      }
    }

    mutating func send() {
      let port = port()
      for _ in 0..<dice.below(6) {
        guard let request = market.driver.engine.nextRequest(port, machineTime: machineTime) else {
          return
        }
        if dice.chance(90) {
          market.driver.engine.requestTaken(port)
          open.append(request)
        }
      }
    }

    /// What the venue might say to a request that it has.
    mutating func answer() {
      guard !open.isEmpty else { return }
      let q = open[dice.below(open.count)]
      let kinds: [VenueReport.Kind] =
        switch q.kind {
        case .new: [.accepted, .accepted, .executed, .rejected, .canceled, .notSent, .broken]
        case .replace: [.replaced, .modified, .rejected, .modifyRejected, .executed]
        case .cancel: [.canceled, .cancelRejected]
        case .modify: [.modified, .modifyRejected]
        case .inquiry: [.status, .settled, .neverArrived, .inquiryAnswered, .inquiryAnswered]
        default: [.massCancelResponse, .entryDisabled, .entryEnabled]
        }
      report(kinds[dice.below(kinds.count)], q)
    }

    mutating func report(_ kind: VenueReport.Kind, _ q: VenueRequest) {
      var r = VenueReport(kind: kind, port: q.port, account: q.account)
      r.venueReference = q.venueReference
      r.originalVenueReference = q.originalVenueReference
      if dice.chance(95) { r.clientOrderID = q.clientOrderID }
      r.quantity = dice.chance(80) ? max(1, q.quantity) : Int64(dice.below(400))
      r.executedQuantity = dice.chance(90) ? 0 : 50
      r.price = dice.chance(90) ? q.price / 10_000 : Int64(dice.below(3)) * 7
      r.executionID = VenueIdentifier(number: UInt64(1 + dice.below(40)))
      r.liquidity = [UInt8(ascii: "A"), UInt8(ascii: "R"), 7][dice.below(3)]
      r.side = dice.chance(20) ? Side.sellShort.rawValue : 0
      r.standing = VenueStanding(rawValue: UInt8(dice.below(5))) ?? .unsaid
      r.reason = UInt16(dice.below(3))
      r.subject = q.kind.rawValue
      r.bookReference = dice.next()
      market.driver.apply(r, sessionTime: market.time, machineTime: machineTime)
    }

    mutating func anything() {
      var r = VenueReport(
        kind: VenueReport.Kind(rawValue: UInt8(1 + dice.below(36))) ?? .executed,
        port: PortID(raw: UInt16(dice.below(5))), account: AccountID(raw: 0))
      r.venueReference = UInt64(dice.below(40))
      r.quantity = Int64(dice.below(500)) - 20
      r.streamSequence = dice.chance(30) ? UInt64(dice.below(20)) : 0
      r.executionID = VenueIdentifier(number: UInt64(dice.below(40)))
      r.price = Int64(dice.below(2_000_000))
      market.driver.apply(r, sessionTime: market.time, machineTime: machineTime)
    }

    mutating func session() {
      let port = port()
      for kind in [.sessionDown, .sessionUp, .caughtUp] as [VenueReport.Kind] {
        let r = VenueReport(kind: kind, port: port, account: AccountID(raw: 0))
        market.driver.apply(r, sessionTime: market.time, machineTime: machineTime)
        if dice.chance(35) { return }
      }
    }

    /// Everywhere: what stands for good would leave nothing to be seen of orders.
    mutating func rearm() {
      var places = [Command(.rearm, scope: .firm)]
      for i in 0..<4 as Range<UInt16> {
        var c = Command(.rearm, scope: .port)
        c.port = PortID(raw: i)
        places.append(c)
        c.scope = i < 2 ? .account : .strategy
        c.account = AccountID(raw: UInt32(i))
        c.strategy = StrategyID(raw: UInt32(i) - (i < 2 ? 0 : 1))
        places.append(c)
      }
      for c in places {
        _ = market.driver.apply(
          c.named("Ada", because: "to see"), sessionTime: market.time, machineTime: machineTime)
      }
    }

    mutating func limits() {
      var changes: [LimitChange] = []
      for _ in 0...dice.below(3) {
        let whole: [LimitKind] = [.orderQuantity, .orderNotional, .position, .openOrders]
        let kinds = dice.chance(80) ? whole : LimitKind.allCases
        let kind = kinds[dice.below(kinds.count)]
        let value = Int128(kind == .restricted ? dice.below(2) : 1_000 + dice.below(9_000))
        let change: LimitChange =
          switch dice.below(4) {
          case 0: LimitChange(kind, ofFirm: kind == .orderNotional ? value << 70 : value)
          case 1: LimitChange(kind, of: AccountID(raw: UInt32(dice.below(2))), value)
          case 2: LimitChange(kind, of: StrategyID(raw: UInt32(dice.below(3))), nil)
          default: LimitChange(kind, of: InstrumentID(raw: UInt32(dice.below(2))), value)
          }
        changes.append(change)
      }
      for command in Command.limits(changes, after: market.driver.engine.limitsVersion) {
        if dice.chance(4) { continue }
        let command = command.named("Ada", because: "to see")
        _ = market.driver.apply(command, sessionTime: market.time, machineTime: machineTime)
      }
    }

    mutating func command() {
      if dice.chance(30) { return limits() }
      let kinds: [Command.Kind] = [
        .kill, .rearm, .rearm, .rearm, .cancelAll, .massCancel, .disableEntry, .enableEntry,
        .dropLimits, .setLimit, .inquire, .conditionEnded, .commitLimits,
      ]
      let scopes: [RiskScope] = [.firm, .account, .strategy, .instrument, .port]
      var c = Command(kinds[dice.below(kinds.count)], scope: scopes[dice.below(5)])
        .named("Ada", because: "to see")
      c.account = AccountID(raw: UInt32(dice.below(3)))
      c.strategy = StrategyID(raw: UInt32(dice.below(4)))
      c.instrument = InstrumentID(raw: UInt32(dice.below(3)))
      c.port = port()
      c.limit = UInt8(dice.below(6))
      c.value = Int64(dice.below(3)) * (c.kind == .setLimit ? 2_000 : 1)
      if c.kind == .conditionEnded { c.cause = LatchCause.killFile.rawValue }
      _ = market.driver.apply(c, sessionTime: market.time, machineTime: machineTime)
    }
  }

  static func business(_ seed: UInt64, steps: Int) throws -> (Market<Recorder>, [Boundary]) {
    let market = try Market(Recorder(), configuration(), laneBytes: 8 << 20)
    var business = Business(market: market, dice: Dice(seed))
    var boundaries: [Boundary] = []
    for _ in 0..<steps {
      business.act()
      boundaries.append(market.boundary())
    }
    #expect(market.invariants == [], "seed \(seed)")
    market.driver.engine.end()
    return (market, boundaries)
  }
}
