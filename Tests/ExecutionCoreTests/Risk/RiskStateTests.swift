import ExecutionCore
import Testing

/// Checks that stand on the market's or the engine's state: unknown means refused.
@Suite struct RiskStateTests {
  @Test func `without market hours nothing passes`() throws {
    let market = try Market(NoStrategy())
    market.event("M")
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .sessionClosed)
    let early = try Market(NoStrategy(), opens: false)
    #expect(
      early.place(.buy, 1, 10_000).refusal
        == Refusal(
          .sessionClosed, scope: .instrument, limit: Int128(MarketHours.open.rawValue), observed: 0)
    )
  }

  @Test(
    arguments: [("H", .halted), ("P", .paused), ("Q", .quotationOnly)]
      as [(Character, MarketStatus)])
  func `a symbol that is not trading is refused`(letter: Character, status: MarketStatus) throws {
    let market = try Market(NoStrategy())
    market.state("H", 1, letter)
    let refusal = try #require(market.place(.buy, 1, 10_000).refusal)
    #expect(refusal.code == .halted)
    #expect(refusal.observed == Int128(status.rawValue))
    _ = try market.place(.buy, 1, 20_000, instrument: 1).handle
  }

  @Test func `a symbol without a state is refused`() throws {
    let market = try Market(NoStrategy(), opens: false)
    market.event("O")
    market.event("Q")
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .noInstrumentState)
    market.state("R", 1, "Q")
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .noInstrumentState)
  }

  @Test func `without a good quote there is no reference price`() throws {
    let market = try Market(NoStrategy(), opens: false)
    market.event("O")
    market.event("Q")
    market.state("R", 1, "Q")
    market.state("H", 1, "T")
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .noReferencePrice)
    market.add(1, "B", 500, 1_000_000)
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .noReferencePrice)
    market.add(1, "S", 500, 1_001_000)
    _ = try market.place(.buy, 1, 10_000).handle
  }

  @Test func `a book that is not whole is refused`() throws {
    let market = try Market(NoStrategy(), opens: false)
    // No start of messages: what came before is unknown.
    market.event("Q")
    market.state("R", 1, "Q")
    market.state("H", 1, "T")
    market.add(1, "B", 500, 1_000_000)
    market.add(1, "S", 500, 1_001_000)
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .bookNotWhole)
  }

  @Test func `a crossed book stops orders that raise risk`() throws {
    let market = try Market(NoStrategy())
    market.add(1, "B", 100, 1_002_000)
    let refusal = try #require(market.place(.buy, 1, 10_000).refusal)
    #expect(refusal.code == .crossedBook)
    #expect(refusal.limit == 10_010_000_000)
    #expect(refusal.observed == 10_020_000_000)
  }

  @Test func `data is good at its age limit and stale beyond`() throws {
    var c = Market<NoStrategy>.configuration()
    c.dataAgeMax = 1_000
    let market = try Market(NoStrategy(), c)
    market.advance(by: 1_000)
    _ = try market.place(.buy, 1, 10_000).handle
    market.advance(by: 1_001)
    #expect(
      market.place(.buy, 2, 10_000).refusal
        == Refusal(.staleData, scope: .instrument, limit: 1_000, observed: 1_001))
  }

  @Test func `a quote that fails a gate is kept for a while only`() throws {
    var c = Market<NoStrategy>.configuration()
    c.goodQuoteAgeMax = 1_000
    let market = try Market(NoStrategy(), c, opens: false)
    market.open()
    let ask = market.reference - 2
    market.delete(ask)
    _ = try market.place(.buy, 1, 10_000).handle
    market.advance(by: 1_000)
    _ = try market.place(.buy, 2, 10_000).handle
    market.advance(by: 1_001)
    #expect(
      market.place(.buy, 3, 10_000).refusal
        == Refusal(.staleData, scope: .instrument, limit: 1_000, observed: 1_001))
  }

  @Test(arguments: [false, true])
  func `a quote that a repair or a snapshot has made good fails no more`(bySnapshot: Bool) throws {
    var c = Market<NoStrategy>.configuration()
    c.goodQuoteAgeMax = 1_000
    let market = try Market(NoStrategy(), c)
    let books = market.driver.engine.market
    books.gapDetected()
    // The first part of what was missing: the quote moves, and fails while the rest is missing.
    market.add(1, "B", 100, 1_000_500)
    if bySnapshot {
      books.beginSnapshot()
      for (side, ticks) in [("B", 1_000_500), ("S", 1_001_000)] as [(Character, UInt32)] {
        var record = market.added(1, side, 100, ticks)
        _ = books.applySnapshot(&record)
      }
      books.endSnapshot(next: 100)
    } else {
      books.gapRepaired()
    }
    // The feed goes on, elsewhere, for longer than a failing quote is kept.
    market.time += 1_001
    market.add(2, "B", 100, 1_999_000)
    _ = try market.place(.buy, 1, 10_000).handle
    #expect(market.invariants == [])
  }

  /// Good before it, and in it one-sided or not there at all: the last good quote stands in for it.
  @Test(arguments: [true, false])
  func `a quote that fails in a snapshot is kept for a while only, too`(isEmpty: Bool) throws {
    var c = Market<NoStrategy>.configuration()
    c.goodQuoteAgeMax = 1_000
    let market = try Market(NoStrategy(), c)
    let books = market.driver.engine.market
    books.gapLost(missing: 0)
    books.beginSnapshot()
    if !isEmpty {
      var record = market.added(1, "B", 100, 1_000_000)
      _ = books.applySnapshot(&record)
    }
    books.endSnapshot(next: 100)
    market.time += 1_001
    market.add(2, "B", 100, 1_999_000)
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .staleData)
  }

  @Test func `the static collar holds at its edges and refuses without a close`() throws {
    var c = Market<NoStrategy>.configuration()
    c.staticCollar = PriceCollar(basisPoints: 100)
    let market = try Market(NoStrategy(), c)
    _ = try market.place(.buy, 1, 9_900).handle
    _ = try market.place(.sell, 1, 10_100).handle
    let low = try #require(market.place(.buy, 1, 9_899).refusal)
    #expect(
      low
        == Refusal(
          .staticCollar, scope: .instrument, limit: 9_900_000_000, observed: 9_899_000_000))
    #expect(market.place(.sell, 1, 10_101).refusal?.code == .staticCollar)
    c.instruments[0].previousClose = 0
    let blind = try Market(NoStrategy(), c)
    #expect(blind.place(.buy, 1, 10_000).refusal?.code == .staticCollar)
  }

  @Test func `the dynamic collar stands around the middle of the good quote`() throws {
    var c = Market<NoStrategy>.configuration()
    c.dynamicCollar = PriceCollar(basisPoints: 0, absolute: 100_000_000)
    let market = try Market(NoStrategy(), c)
    // The middle is 100.05.
    _ = try market.place(.buy, 1, 9_905).handle
    _ = try market.place(.sell, 1, 10_105).handle
    #expect(
      market.place(.buy, 1, 9_904).refusal
        == Refusal(
          .dynamicCollar, scope: .instrument, limit: 9_905_000_000, observed: 9_904_000_000))
    #expect(market.place(.sell, 1, 10_106).refusal?.code == .dynamicCollar)
    c.dynamicCollar = PriceCollar(basisPoints: 0)
    let closed = try Market(NoStrategy(), c)
    #expect(closed.place(.buy, 1, 10_000).refusal?.code == .dynamicCollar)
  }

  @Test func `bands of the instruments file bind`() throws {
    var c = Market<NoStrategy>.configuration()
    c.instruments[0].lowerBand = 9_950_000_000
    c.instruments[0].upperBand = 10_050_000_000
    let market = try Market(NoStrategy(), c)
    _ = try market.place(.buy, 1, 9_950).handle
    _ = try market.place(.sell, 1, 10_050).handle
    #expect(market.place(.buy, 1, 9_949).refusal?.code == .staticCollar)
    #expect(market.place(.sell, 1, 10_051).refusal?.code == .staticCollar)
  }

  @Test func `a restricted symbol takes reducing orders only, and no two of them flip it`() throws {
    var c = Market<NoStrategy>.configuration()
    c.restricted = [InstrumentID(raw: 0)]
    c.openingPositions = [
      OpeningPosition(
        account: AccountID(raw: 0), strategy: StrategyID(raw: 0), instrument: InstrumentID(raw: 0),
        quantity: 100, cost: Money(raw: 100 * 10_000_000_000))
    ]
    let market = try Market(NoStrategy(), c)
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .restricted)
    _ = try market.place(.sell, 60, 10_010).handle
    #expect(market.place(.sell, 41, 10_010).refusal?.code == .restricted)
    _ = try market.place(.sell, 40, 10_010).handle
    #expect(market.place(.sell, 1, 10_010).refusal?.code == .restricted)
  }

  @Test func `short sales are marked by the core from the position less working sells`() throws {
    var c = Market<NoStrategy>.configuration()
    c.openingPositions = [
      OpeningPosition(
        account: AccountID(raw: 0), strategy: StrategyID(raw: 0), instrument: InstrumentID(raw: 0),
        quantity: 100, cost: Money(raw: 100 * 10_000_000_000))
    ]
    c.instruments[1].shortable = false
    let market = try Market(NoStrategy(), c)
    _ = try market.place(.sell, 100, 10_010).handle
    _ = try market.place(.sell, 1, 10_011).handle
    #expect(market.sent().map(\.side) == [.sell, .sellShort])
    let refusal = try #require(market.place(.sell, 1, 20_020, instrument: 1).refusal)
    #expect(refusal == Refusal(.shortSale, scope: .account, limit: 0, observed: 1))
  }

  @Test(arguments: ["1", "2"] as [Character])
  func `under Reg SHO a short sale must be above the best bid`(rule: Character) throws {
    let market = try Market(NoStrategy())
    market.state("Y", 1, rule)
    #expect(
      market.place(.sell, 1, 10_000).refusal
        == Refusal(
          .shortSale, scope: .instrument, limit: 10_000_000_000, observed: 10_000_000_000))
    _ = try market.place(.sell, 1, 10_001).handle
  }

  @Test func `an unknown Reg SHO state forbids short sales`() throws {
    let market = try Market(NoStrategy(), opens: false)
    market.event("O")
    market.event("Q")
    market.state("R", 1, "Q")
    market.state("H", 1, "T")
    market.add(1, "B", 500, 1_000_000)
    market.add(1, "S", 500, 1_001_000)
    #expect(market.place(.sell, 1, 10_010).refusal?.code == .shortSale)
    _ = try market.place(.buy, 1, 10_000).handle
  }

  @Test(arguments: [4, 8, 1 << 15, 0xffff as UInt16])
  func `a flag that means nothing is refused, and named`(_ flags: UInt16) throws {
    let market = try Market(NoStrategy())
    let request = OrderRequest(
      instrument: InstrumentID(raw: 0), account: AccountID(raw: 0), strategy: StrategyID(raw: 0),
      side: .buy, price: Price(raw: 10_000_000_000), quantity: Quantity(raw: 100),
      flags: OrderFlags(rawValue: flags))
    let refusal = try #require(market.place(request).refusal)
    #expect(refusal == Refusal(.unknownFlag, scope: .order, limit: 3, observed: Int128(flags)))
    #expect(market.driver.engine.check(request) == refusal)
  }

  @Test func `identifiers that were not given are refused`() throws {
    let market = try Market(NoStrategy())
    #expect(market.place(.buy, 1, 10_000, instrument: 2).refusal?.code == .unknownInstrument)
    #expect(market.place(.buy, 1, 10_000, strategy: 2).refusal?.code == .unknownStrategy)
    let foreign = OrderRequest(
      instrument: InstrumentID(raw: 0), account: AccountID(raw: 1), strategy: StrategyID(raw: 0),
      side: .buy, price: Price(raw: 10_000_000_000), quantity: Quantity(raw: 1))
    #expect(market.place(foreign).refusal?.code == .unknownAccount)
  }

  @Test(arguments: [0, -1, 1_000_000] as [Int64])
  func `a quantity that the venue can't take is refused`(quantity: Int64) throws {
    let market = try Market(NoStrategy())
    #expect(market.place(.buy, quantity, 10_000).refusal?.code == .badQuantity)
  }

  @Test(arguments: [0, -1, 20_000_000, .max / 1_000_000] as [Int64])
  func `a price that the venue can't take is refused`(cents: Int64) throws {
    let market = try Market(NoStrategy())
    #expect(market.place(.buy, 1, cents).refusal?.code == .badPrice)
  }

  @Test func `nothing passes before the venue is ready`() throws {
    var c = Market<NoStrategy>.configuration()
    c.ports[0].isUpAtStart = false
    let market = try Market(NoStrategy(), c)
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .venueDown)
    market.report(.sessionUp, 0)
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .venueDown)
    market.report(.caughtUp, 7)
    #expect(market.sent().isEmpty, "there is nothing to ask")
    _ = try market.place(.buy, 1, 10_000).handle
    // The venue's counter was ahead: a lower number would be ignored silently.
    #expect(market.sent().map(\.venueReference) == [7])
  }

  @Test func `the kill switch is latched, cancels pass, and only a named person re-arms`() throws {
    for scope in [RiskScope.firm, .account, .strategy] {
      let market = try Market(NoStrategy())
      let (working, _) = try market.working(.buy, 10, 10_000)
      var kill = Command(.kill, scope: scope)
      kill.account = AccountID(raw: 0)
      kill.strategy = StrategyID(raw: 0)
      kill.value = 1
      #expect(market.apply(kill))
      #expect(
        market.place(.buy, 1, 10_000).refusal
          == Refusal(.latched, scope: scope, limit: 0, observed: 1))
      let replace = market.replace(
        working, price: Price(raw: 10_001_000_000), quantity: Quantity(raw: 10))
      #expect(replace.refusal?.code == .latched)
      #expect(market.cancel(working).refusal == nil)
      #expect(market.sent().map(\.kind) == [.cancel])
      var rearm = Command(.rearm, scope: scope)
      rearm.account = AccountID(raw: 0)
      rearm.strategy = StrategyID(raw: 0)
      #expect(!market.apply(rearm))
      #expect(market.place(.buy, 1, 10_000).refusal?.code == .latched)
      #expect(!market.apply(rearm.named("Ada Lovelace")), "for no reason")
      let named = rearm.named("Ada Lovelace", because: "looked, all is well")
      #expect(named.personName == "Ada Lovelace")
      #expect(market.apply(named))
      _ = try market.place(.buy, 1, 10_000).handle
    }
  }

  @Test func `killing cancels what is working unless told not to`() throws {
    let market = try Market(NoStrategy())
    _ = try market.working(.buy, 10, 10_000)
    _ = try market.working(.sell, 10, 10_010, strategy: 1)
    var kill = Command(.kill, scope: .strategy)
    kill.strategy = StrategyID(raw: 1)
    #expect(market.apply(kill))
    #expect(market.sent().map(\.strategy) == [StrategyID(raw: 1)])
    _ = try market.place(.buy, 1, 10_000).handle
  }

  @Test func `a full journal stops new orders and lets cancels pass`() throws {
    let market = try Market(NoStrategy(), laneBytes: 32_768, reserve: 12_000)
    let (working, _) = try market.working(.buy, 10, 10_000)
    var refusal: Refusal?
    for i in 0..<200 where refusal == nil {
      refusal = market.place(.buy, Int64(i + 1), 10_000).refusal
    }
    #expect(refusal?.code == .journalUnavailable)
    _ = market.sent()
    #expect(market.cancel(working).refusal == nil)
    #expect(market.sent().map(\.kind) == [.cancel])
    #expect(market.alarms(.journalLost) == 0)
  }

  @Test func `a limit changed at run time binds the next order`() throws {
    let market = try Market(NoStrategy())
    #expect(market.change([LimitChange(.orderQuantity, ofFirm: 50)]))
    #expect(market.place(.buy, 51, 10_000).refusal?.limit == 50)
    _ = try market.place(.buy, 50, 10_000).handle
  }
}
