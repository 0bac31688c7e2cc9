import Testing

@testable import ExecutionCore

/// Engines that records have made, before they are told to go on and after.
@Suite struct ResumeTests {
  private func records(_ market: Market<Recorder>) -> [[UInt8]] {
    var all: [[UInt8]] = []
    market.eachRecord { all.append(Array($0)) }
    return all
  }

  private func type(_ record: [UInt8]) -> RecordType? {
    RecordType(rawValue: UInt16(record[4]) | UInt16(record[5]) << 8)
  }

  /// Nothing that is asked of it leaves a trace, and nothing is offered.
  private func expectStill(_ market: Market<Recorder>, _ seed: UInt64) {
    let (hash, count) = (market.stateHash, market.recordCount)
    #expect(market.place(.buy, 1, 10_000).refusal != nil, "seed \(seed)")
    for order in market.snapshot.openOrders {
      #expect(market.cancel(order.handle).refusal != nil)
      #expect(market.modify(order.handle, quantity: Quantity(raw: 1)).refusal != nil)
    }
    for kind in [Command.Kind.kill, .cancelAll, .dropLimits, .resume] {
      #expect(!market.apply(Command(kind, scope: .firm).named("Ada", because: "to see")))
    }
    for port in 0..<4 as Range<UInt16> {
      let port = PortID(raw: port)
      market.driver.engine.withdrawOld(port, machineTime: 1 << 60)
      let offered = market.driver.engine.nextRequest(port, machineTime: 1 << 60)
      #expect(offered == nil, "seed \(seed)")
    }
    let asked = market.driver.engine.cancelAll() + market.driver.engine.cancelLatched()
    #expect(asked == 0 && market.stateHash == hash, "seed \(seed)")
    // Refusals are journalled, and nothing else.
    #expect(records(market).dropFirst(count).allSatisfy { type($0) == .refusal }, "seed \(seed)")
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `after a crash anywhere, and another, the whole journal leads to the same state`(
    seed: UInt64
  )
    throws
  {
    var dice = Dice(seed &* 104_729)
    var market = try Market(Recorder(), ReplayTests.configuration(), laneBytes: 8 << 20)
    var business = ReplayTests.Business(market: market, dice: dice)
    for _ in 0..<(100 + dice.below(300)) { business.act() }
    var all = records(market)
    let begun = try #require(all.firstIndex { type($0) == .intent || type($0) == .report })
    for _ in 0..<3 {
      all = Array(all[..<(begun + dice.below(all.count - begun + 1))])
      market = try Market.recovered(all, time: market.time)
      let torn = market.recordCount
      expectStill(market, seed)
      let resumed = market.driver.engine.resume(sessionTime: market.time, machineTime: 1)
      let again = market.driver.engine.resume(sessionTime: market.time, machineTime: 1)
      #expect(resumed && !again && torn <= market.recordCount, "seed \(seed)")
      market.open()
      var next = ReplayTests.Business(market: market, dice: dice)
      (next.handles, next.open, next.machineTime) = (
        business.handles, business.open, business.machineTime
      )
      for _ in 0..<60 {
        next.session()
        next.act()
      }
      (business, dice) = (next, next.dice)
      #expect(market.invariants == [], "seed \(seed)")
      all += records(market)
      var whole = Replay()
      for record in all { try record.withUnsafeBytes { try whole.take($0) } }
      let hash = whole.stateHash(at: market.driver.engine.sessionTime)
      #expect(hash == market.stateHash, "seed \(seed)")
    }
  }

  @Test func `a report that comes before it goes on is missed, and stops the firm`() throws {
    let market = try Market(Recorder())
    let (_, request) = try market.working(.buy, 100, 10_000)
    var all = records(market)
    let live = try Market.recovered(all, time: market.time)
    let hash = live.stateHash
    live.report(.executed, request.venueReference, quantity: 30, cents: 10_000)
    #expect(live.stateHash == hash && live.recordCount == 0)
    let isResumed = live.driver.engine.resume(sessionTime: live.time, machineTime: 0)
    let causes = live.driver.engine.firmCauses
    #expect(isResumed && causes.contains(.streamGap) && live.invariants == [])
    all += records(live)
    var whole = Replay()
    for record in all { try record.withUnsafeBytes { try whole.take($0) } }
    let again = whole.stateHash(at: live.driver.engine.sessionTime)
    #expect(again == live.stateHash)
  }

  @Test func `records that were lost before it goes on stop the firm afterwards`() throws {
    let market = try Market(Recorder())
    let (_, request) = try market.working(.buy, 100, 10_000)
    market.report(.executed, request.venueReference, quantity: 30, cents: 10_000)
    var all = records(market)
    // The execution is torn off, and the lane has no room for it; then it has, and a timer fires.
    all.removeLast(all.count - (try #require(all.firstIndex { type($0) == .execution })))
    var replay = Replay()
    for record in all { try record.withUnsafeBytes { try replay.take($0) } }
    let lane = MemoryLane(bytes: 4_096, firstSequence: UInt64(all.count + 1))
    while lane.lane.append(RecordHeader(type: .strategyState), nil, 0, privileged: true) != 0 {}
    guard let engine = replay.finish(lane: lane.lane) else {
      Issue.record("no engine")
      return
    }
    let live = Market(Recorder(), recovered: engine, lane: lane, time: market.time)
    live.lane.rewind()
    live.driver.strategy.timersToSet = [(live.time, 1)]
    live.open()
    live.time += 1
    live.open()
    let isResumed = live.driver.engine.resume(sessionTime: live.time, machineTime: 0)
    #expect(isResumed)
    let causes = live.driver.engine.firmCauses
    #expect(causes.contains(.journalLost))
    #expect(live.place(.buy, 1, 10_000).refusal?.code == .latched)
  }
}

/// What is asked and journalled is what a replay believes.
@Suite struct JournalledQuantityTests {
  @Test(arguments: [100, 101, 1 << 39, .max] as [Int64])
  func `a cancel down to no less is refused`(quantity: Int64) throws {
    let market = try Market(Recorder())
    let (handle, _) = try market.working(.buy, 100, 10_000)
    let refusal = market.cancel(handle, to: Quantity(raw: quantity)).refusal
    #expect(refusal?.code == .badQuantity && refusal?.limit == 99 && market.sent().isEmpty)
    #expect(market.cancel(handle, to: Quantity(raw: 99)).refusal == nil)
    #expect(try market.replay([market.boundary()]) == 1)
  }

  @Test func `a replace to more than there can be behind a bust is refused`() throws {
    var c = Market<Recorder>.configuration()
    c.venues[0].rules.quantities = 1...(1 << 38)
    c.firmLimits.orderQuantity = 1 << 40
    c.firmLimits.position = 1 << 60
    c.firmLimits.orderNotional = Money(raw: 1 << 120)
    let market = try Market(Recorder(), c)
    let (handle, request) = try market.working(.buy, 100, 10_000)
    for kind in [VenueReport.Kind.executed, .broken] {
      market.report(kind, request.venueReference, quantity: 30, cents: 10_000) {
        $0.executionID = VenueIdentifier(number: 1)
      }
    }
    let price = Price(raw: 10_000_000_000)
    let refusal = market.replace(handle, price: price, quantity: Quantity(raw: 1 << 38)).refusal
    #expect(refusal?.code == .badQuantity)
    #expect(
      market.replace(handle, price: price, quantity: Quantity(raw: 1 << 38 - 1_000)).refusal == nil)
    #expect(try market.replay([market.boundary()]) == 1)
  }
}
