import Testing

@testable import ExecutionCore

/// What of the refusals is journalled: the first of each kind at once, then one record a second for all alike.
@Suite struct RefusalLogTests {
  private func records(_ market: Market<Recorder>) -> [RefusalRecord] {
    market.records(.refusal, RefusalRecord.self)
  }
  private func asking(_ quantity: Int64, _ cents: Int64) -> OrderRequest {
    OrderRequest(
      instrument: InstrumentID(raw: 0), account: AccountID(raw: 0), strategy: StrategyID(raw: 0),
      side: .buy, price: Price(raw: cents * 1_000_000), quantity: Quantity(raw: quantity))
  }
  private func checked(_ request: OrderRequest, _ market: Market<Recorder>) -> Refusal? {
    market.driver.engine.check(request)
  }
  private func tick(_ market: Market<Recorder>, _ nanoseconds: Int64 = 1_000_000_000) {
    market.time += nanoseconds
    market.driver.advance(sessionTime: market.time, machineTime: 0)
  }

  @Test
  func `the first of each strategy, instrument and code is journalled at once, with its number`()
    throws
  {
    let market = try Market(Recorder())
    for n in 1...5 {
      #expect(market.place(.buy, 2_000_000, 10_000).refusal != nil)
      #expect(market.counters.refused == UInt64(n))
    }
    _ = market.place(.buy, 2_000_000, 20_000, instrument: 1)
    _ = market.place(.buy, 2_000_000, 10_000, strategy: 1)
    _ = market.place(.buy, 1, 1_000)
    #expect(records(market).map(\.number) == [1, 6, 7, 8])
    #expect(records(market).allSatisfy { $0.count == 1 && $0.firstNumber == $0.number })
    #expect(market.counters.refused == 8)
    // A verdict without consequences is none.
    #expect(checked(asking(2_000_000, 10_000), market) != nil && market.counters.refused == 8)
  }

  @Test func `then one record a second stands for all alike, and none is lost at the end`() throws {
    let market = try Market(Recorder())
    for _ in 0..<4 { _ = market.place(.buy, 2_000_000, 10_000) }
    tick(market, 999_999_999)
    #expect(records(market).count == 1)
    tick(market, EngineState.choresInterval)
    let second = try #require(records(market).last)
    #expect(records(market).count == 2)
    #expect(second.count == 3 && second.firstNumber == 2 && second.number == 4)
    tick(market)
    #expect(records(market).count == 2, "nothing came")
    // After a second of silence the next is a first again.
    _ = market.place(.buy, 2_000_000, 10_000)
    #expect(records(market).count == 3)
    _ = market.place(.buy, 2_000_000, 10_000)
    market.driver.engine.end()
    let last = try #require(records(market).last)
    #expect(last.count == 1 && last.number == 6 && last.firstNumber == 6)
  }

  /// Against a count of one's own: every refusal is in exactly one record, whatever comes when.
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `every refusal is stood for by one record`(seed: UInt64) throws {
    var c = Market<Recorder>.configuration()
    c.dataAgeMax = .max / 2
    c.marketData.staleAfter = 0
    c.marketData.feedStaleAfter = 0
    let market = try Market(Recorder(), c, laneBytes: 8 << 20, reserve: 65_536)
    var dice = Dice(seed)
    var asked: [UInt64: UInt64] = [:]
    for _ in 0..<3_000 {
      let strategy = UInt32(dice.below(2))
      let instrument = UInt32(dice.below(2))
      let refusal = try #require(
        dice.below(2) == 0
          ? market.place(
            .buy, 2_000_000, instrument == 0 ? 10_000 : 20_000, instrument: instrument,
            strategy: strategy
          ).refusal
          : market.place(.buy, 1, 1, instrument: instrument, strategy: strategy).refusal)
      asked[
        UInt64(refusal.code.rawValue) << 8 | UInt64(strategy) << 4 | UInt64(instrument), default: 0] +=
        1
      if dice.below(5) == 0 { tick(market, Int64(dice.below(400_000_000))) }
    }
    market.driver.engine.end()
    var found: [UInt64: UInt64] = [:]
    for (record, strategy) in market.recordsWithStrategy(.refusal, RefusalRecord.self) {
      let key = UInt64(record.code) << 8 | UInt64(strategy) << 4 | UInt64(record.instrument.raw)
      found[key, default: 0] += UInt64(record.count)
      #expect(record.firstNumber <= record.number && record.count >= 1)
    }
    #expect(found == asked, "seed \(seed)")
    #expect(records(market).count < 1_500)
  }

  @Test func `the dynamic collar names the last price that passes`() throws {
    for (basisPoints, absolute) in [(100, 0), (1, 0), (7, 0), (0, 3_000_000)] as [(Int64, Int64)] {
      var c = Market<Recorder>.configuration()
      c.dynamicCollar = PriceCollar(basisPoints: basisPoints, absolute: absolute)
      c.staticCollar = PriceCollar(basisPoints: 1_000_000)
      c.instruments[0].tick = 1
      let market = try Market(Recorder(), c)
      for price in [5_000_000_000, 15_000_000_000] as [Int64] {
        var request = asking(1, 10_000)
        request.price = Price(raw: price)
        let refusal = try #require(checked(request, market))
        #expect(refusal.code == .dynamicCollar)
        let bound = Int64(refusal.limit)
        request.price = Price(raw: bound)
        #expect(checked(request, market)?.code != .dynamicCollar, "\(bound) passes")
        request.price = Price(raw: bound + (price > bound ? 1 : -1))
        #expect(checked(request, market)?.code == .dynamicCollar, "\(bound) is the last")
      }
    }
  }
}
