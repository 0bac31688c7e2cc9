import ExecutionCore
import Testing

/// Each check: accepted at the limit, refused one beyond it, refused when an input is unknown.
@Suite struct RiskLimitTests {
  @Test(arguments: [RiskScope.firm, .account, .strategy, .instrument])
  func `quantity is accepted at the limit and refused beyond, in each scope`(scope: RiskScope)
    throws
  {
    var c = Market<NoStrategy>.configuration()
    set(&c, scope, RiskLimits(orderQuantity: 300))
    let market = try Market(NoStrategy(), c)
    _ = try market.place(.buy, 300, 10_000).handle
    let refusal = try #require(market.place(.buy, 301, 10_000).refusal)
    #expect(refusal == Refusal(.quantityLimit, scope: scope, limit: 300, observed: 301))
  }

  @Test(arguments: [RiskScope.firm, .account, .strategy, .instrument])
  func `notional is accepted at the limit and refused beyond, in each scope`(scope: RiskScope)
    throws
  {
    var c = Market<NoStrategy>.configuration()
    set(&c, scope, RiskLimits(orderNotional: Money(raw: 10_000 * 100_000_000)))
    let market = try Market(NoStrategy(), c)
    _ = try market.place(.buy, 100, 10_000).handle
    let refusal = try #require(market.place(.buy, 100, 10_001).refusal)
    #expect(
      refusal
        == Refusal(
          .notionalLimit, scope: scope, limit: 10_000 * 100_000_000, observed: 10_001 * 100_000_000)
    )
  }

  @Test(arguments: [RiskScope.firm, .account, .strategy, .instrument])
  func `position counts working orders at worst case`(scope: RiskScope) throws {
    var c = Market<NoStrategy>.configuration()
    set(&c, scope, RiskLimits(position: 500))
    let market = try Market(NoStrategy(), c)
    _ = try market.place(.buy, 300, 10_000).handle
    #expect(
      market.place(.buy, 201, 10_000).refusal
        == Refusal(.positionLimit, scope: scope, limit: 500, observed: 501))
    _ = try market.place(.buy, 200, 10_000).handle
    // The other side has room of its own: nothing nets until it is executed.
    #expect(
      market.place(.sell, 501, 10_010).refusal
        == Refusal(.positionLimit, scope: scope, limit: 500, observed: 501))
    _ = try market.place(.sell, 500, 10_010).handle
    #expect(market.invariants == [])
  }

  @Test(arguments: [RiskScope.firm, .account, .strategy, .instrument])
  func `open orders are accepted up to the limit`(scope: RiskScope) throws {
    var c = Market<NoStrategy>.configuration()
    set(&c, scope, RiskLimits(openOrders: 2))
    let market = try Market(NoStrategy(), c)
    _ = try market.place(.buy, 1, 10_000).handle
    let second = try market.place(.buy, 2, 10_000).handle
    #expect(
      market.place(.buy, 3, 10_000).refusal
        == Refusal(.openOrderLimit, scope: scope, limit: 2, observed: 3))
    _ = market.cancel(second)
    _ = try market.place(.buy, 3, 10_000).handle
  }

  @Test func `the strictest scope is named`() throws {
    var c = Market<NoStrategy>.configuration()
    set(&c, .firm, RiskLimits(orderQuantity: 300))
    set(&c, .strategy, RiskLimits(orderQuantity: 200))
    set(&c, .account, RiskLimits(orderQuantity: 100))
    let market = try Market(NoStrategy(), c)
    #expect(market.place(.buy, 301, 10_000).refusal?.scope == .account)
    #expect(market.place(.buy, 301, 10_000).refusal?.limit == 100)
  }

  @Test(arguments: [RiskScope.firm, .account, .strategy])
  func `a message rate keeps tokens for cancels and refills in session time`(scope: RiskScope)
    throws
  {
    var c = Market<NoStrategy>.configuration()
    set(
      &c, scope, RiskLimits(messageRate: MessageRate(perSecond: 10, burst: 5, keptForCancels: 2)))
    let market = try Market(NoStrategy(), c)
    var handles: [OrderHandle] = []
    for i in 0..<3 { handles.append(try market.place(.buy, Int64(i + 1), 10_000).handle) }
    _ = market.sent()
    #expect(
      market.place(.buy, 9, 10_000).refusal
        == Refusal(.messageRate, scope: scope, limit: 3, observed: 4))
    for handle in handles { #expect(market.cancel(handle).refusal == nil) }
    #expect(market.sent().count == 3)
    // Five tokens, six requests: empty, and cancels went all the same. Three for orders need 0.3 s and
    // the two kept ones come first.
    market.advance(by: 299_999_999)
    #expect(market.place(.buy, 9, 10_000).refusal?.code == .messageRate)
    market.advance(by: 300_000_000)
    _ = try market.place(.buy, 9, 10_000).handle
    #expect(market.place(.buy, 8, 10_000).refusal?.code == .messageRate)
  }

  @Test func `an order like another is refused until the window is over`() throws {
    var c = Market<NoStrategy>.configuration()
    c.duplicateWindow = 1_000
    c.duplicatesMax = 2
    let market = try Market(NoStrategy(), c)
    _ = try market.place(.buy, 10, 10_000).handle
    _ = try market.place(.buy, 10, 10_000).handle
    #expect(
      market.place(.buy, 10, 10_000).refusal
        == Refusal(.duplicateOrder, scope: .account, limit: 2, observed: 3))
    // Other price, quantity, side or instrument is another order.
    _ = try market.place(.buy, 10, 10_001).handle
    _ = try market.place(.buy, 11, 10_000).handle
    _ = try market.place(.sell, 10, 10_000).handle
    market.advance(by: 1_000)
    #expect(market.place(.buy, 10, 10_000).refusal?.code == .duplicateOrder)
    market.advance(by: 1_001)
    _ = try market.place(.buy, 10, 10_000).handle
  }

  @Test func `prices must lie on the tick, below a dollar on the small one`() throws {
    var c = Market<NoStrategy>.configuration()
    c.instruments[1].previousClose = 99_000_000
    c.staticCollar = PriceCollar(basisPoints: 10_000)
    c.dynamicCollar = PriceCollar(basisPoints: 10_000)
    let market = try Market(NoStrategy(), c, opens: false)
    market.event("O")
    for locate in [UInt16(1), 2] {
      market.state("R", locate, "Q")
      market.state("H", locate, "T")
      market.state("Y", locate, "0")
    }
    market.add(1, "B", 500, 1_000_000)
    market.add(1, "S", 500, 1_001_000)
    market.add(2, "B", 500, 9_900)
    market.add(2, "S", 500, 10_000)
    market.event("Q")
    func request(_ raw: Int64, _ instrument: UInt32) -> OrderRequest {
      OrderRequest(
        instrument: InstrumentID(raw: instrument), account: AccountID(raw: 0),
        strategy: StrategyID(raw: 0), side: .buy, price: Price(raw: raw), quantity: Quantity(raw: 1)
      )
    }
    _ = try market.place(request(10_001_000_000, 0)).handle
    #expect(
      market.place(request(10_000_500_000, 0)).refusal
        == Refusal(.tickSize, scope: .instrument, limit: 1_000_000, observed: 10_000_500_000))
    _ = try market.place(request(99_010_000, 1)).handle
    #expect(market.place(request(99_005_000, 1)).refusal?.code == .tickSize)
    #expect(market.place(request(100_010_000, 1)).refusal?.code == .tickSize)
    _ = try market.place(request(100_000_000, 1)).handle
  }

  @Test func `lots bind only where odd lots are not allowed`() throws {
    var c = Market<NoStrategy>.configuration()
    let market = try Market(NoStrategy(), c)
    _ = try market.place(.buy, 101, 10_000).handle
    c.venues[0].rules.takesOddLots = false
    let strict = try Market(NoStrategy(), c)
    _ = try strict.place(.buy, 200, 10_000).handle
    #expect(
      strict.place(.buy, 201, 10_000).refusal
        == Refusal(.lotSize, scope: .instrument, limit: 100, observed: 201))
  }

  private func set(_ c: inout EngineConfiguration, _ scope: RiskScope, _ limits: RiskLimits) {
    switch scope {
    case .firm:
      if let q = limits.orderQuantity { c.firmLimits.orderQuantity = q }
      if let n = limits.orderNotional { c.firmLimits.orderNotional = n }
      if let p = limits.position { c.firmLimits.position = p }
      if let o = limits.openOrders { c.firmLimits.openOrders = o }
      if let r = limits.messageRate { c.firmLimits.messageRate = r }
    case .account: c.accounts[0].limits = limits
    case .strategy: c.strategies[0].limits = limits
    case .instrument, .order, .port: c.instrumentLimits[InstrumentID(raw: 0)] = limits
    }
  }
}
