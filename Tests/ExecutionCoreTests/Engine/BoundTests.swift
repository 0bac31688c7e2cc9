import Testing

@testable import ExecutionCore

/// What there is a fixed number of: its use is shown, and said before it is used up.
@Suite struct BoundTests {
  private func use(_ bound: EngineBound, _ market: Market<Recorder>) throws -> BoundUse {
    try #require(market.driver.engine.bounds().first { $0.bound == bound })
  }
  private func tick(_ market: Market<Recorder>) {
    market.time += 1_000_000_000
    market.driver.advance(sessionTime: market.time, machineTime: 0)
  }

  @Test
  func `four fifths of a day's requests and executions are alarmed, once, before they are used up`()
    throws
  {
    var c = Market<Recorder>.configuration()
    c.ordersPerDayMax = 64
    c.executionsMax = 100
    c.duplicateWindow = 0
    c.dataAgeMax = .max / 2
    c.marketData.staleAfter = 0
    c.marketData.feedStaleAfter = 0
    let market = try Market(Recorder(), c)
    tick(market)
    #expect(market.alarms(.boundNear) == 0 && market.driver.engine.boundsNear == 0)
    var match: UInt64 = 0
    for number in 1...52 {
      let (_, request) = try market.working(.buy, 2, 10_000)
      for _ in 0..<(number <= 40 ? 2 : 0) {
        match += 1
        market.report(.executed, request.venueReference, quantity: 1, cents: 10_000, match: match)
      }
      tick(market)
      let wanted = (number >= 52 ? 1 : 0) + (number >= 40 ? 1 : 0)
      #expect(market.alarms(.boundNear) == UInt64(wanted), "order \(number)")
    }
    #expect(
      try use(.requests, market)
        == BoundUse(bound: .requests, used: 52, highest: 52, most: 64))
    #expect(
      try use(.executions, market)
        == BoundUse(bound: .executions, used: 80, highest: 80, most: 100))
    let near = EngineBound.allCases.filter {
      market.driver.engine.boundsNear >> $0.rawValue & 1 == 1
    }
    #expect(near == [.requests, .executions])
    for _ in 0..<12 { _ = try market.working(.buy, 2, 10_000) }
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .poolFull)
    tick(market)
    #expect(market.alarms(.boundNear) == 2 && !market.isStopped)
  }

  @Test func `what is given back is used no more, and its highest use is kept`() throws {
    var c = Market<Recorder>.configuration()
    c.poolCapacity = 10
    c.duplicateWindow = 0
    let market = try Market(Recorder(), c)
    var open: [UInt64] = []
    for _ in 0..<7 { open.append(try market.working(.buy, 1, 10_000).1.venueReference) }
    tick(market)
    #expect(market.alarms(.boundNear) == 0)
    for reference in open { market.report(.canceled, reference, quantity: 1) }
    tick(market)
    #expect(
      try use(.openOrders, market)
        == BoundUse(bound: .openOrders, used: 0, highest: 7, most: 10))
    #expect(try use(.bookOrders, market).used > 0)
  }

  /// Every number of executions that a ledger is made for finds its place.
  @Test(arguments: [64, 96, 100, 1_000, 3_000])
  func `a ledger takes as many executions as it is made for, and says when it is full`(most: Int)
    throws
  {
    var counting = ColumnBuilder(base: nil)
    _ = ExecutionLedger(&counting, executionsMax: most)
    let raw = UnsafeMutableRawPointer.allocate(byteCount: counting.offset, alignment: 64)
    defer { raw.deallocate() }
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: counting.offset)
    var builder = ColumnBuilder(base: raw)
    var ledger = ExecutionLedger(&builder, executionsMax: most)
    func key(_ i: Int) -> LedgerKey {
      var key = LedgerKey()
      key.reference = UInt64(i)
      return key
    }
    for i in 1...most {
      let at = try #require(ledger.find(key(i)))
      var entry = ExecutionLedger.Entry()
      entry.key = key(i)
      entry.state = .booked
      ledger.set(at, entry)
    }
    #expect(ledger.count == most && ledger.find(key(most + 1)) == nil)
    for i in 1...most { #expect(ledger.find(key(i)).map { ledger[$0].key } == key(i)) }
  }
}
