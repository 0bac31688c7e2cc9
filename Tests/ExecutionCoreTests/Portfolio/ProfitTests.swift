import ExecutionCore
import Testing

/// Money in exact sums: what was made is what came in, whatever the path.
@Suite struct ProfitTests {
  private func first(_ market: Market<Recorder>) -> PositionSummary {
    market.snapshot.positions.first { $0.instrument.raw == 0 && $0.strategy.raw == 0 }!
  }

  @Test func `a round trip realises exactly what the cash shows`() throws {
    let market = try Market(Recorder())
    let (_, buy) = try market.working(.buy, 300, 10_000)
    market.report(.executed, buy.venueReference, quantity: 300, cents: 10_000, match: 1)
    var p = first(market)
    #expect(p.realised == .zero && p.cost.raw == 30_000 * 100_000_000)
    // Long at the bid of 100.00: nothing made yet; the rebate of 0.0020 a share is earned.
    #expect(p.unrealised == .zero && p.fees.raw == -60_000_000 && !p.markIsStale)
    let (_, sell) = try market.working(.sell, 100, 10_010)
    market.report(.executed, sell.venueReference, quantity: 100, cents: 10_010, match: 2)
    p = first(market)
    #expect(p.realised.raw == 10 * 100_000_000)
    #expect(p.quantity == 200 && p.bought == 300 && p.sold == 100)
    #expect(p.netProfit.raw == p.grossProfit.raw - p.fees.raw)
    #expect(market.snapshot.cash[0].raw == p.cashFlow.raw - p.fees.raw)
    #expect(market.invariants == [])
  }

  @Test func `short is marked at the ask`() throws {
    let market = try Market(Recorder())
    let (_, sell) = try market.working(.sell, 100, 10_010)
    market.report(.executed, sell.venueReference, quantity: 100, cents: 10_010, match: 1)
    let p = first(market)
    #expect(p.quantity == -100 && p.mark?.raw == 10_010_000_000 && p.unrealised == .zero)
  }

  @Test func `a one-sided market keeps the last good mark, flagged`() throws {
    let market = try Market(Recorder())
    let (_, buy) = try market.working(.buy, 100, 10_000)
    market.report(.executed, buy.venueReference, quantity: 100, cents: 9_990, match: 1)
    market.delete(1_001)
    let p = first(market)
    #expect(p.markIsStale && p.mark?.raw == 10_000_000_000)
    #expect(p.unrealised.raw == 10 * 100_000_000)
  }

  @Test func `an opening position counts with its cost`() throws {
    var c = Market<Recorder>.configuration()
    c.openingPositions = [
      OpeningPosition(
        account: AccountID(raw: 0), strategy: StrategyID(raw: 0), instrument: InstrumentID(raw: 0),
        quantity: 100, cost: Money(raw: 9_900 * 100_000_000))
    ]
    c.accounts[0].cash = Money(raw: 1_000_000 * 100_000_000)
    let market = try Market(Recorder(), c)
    #expect(market.position() == 100)
    #expect(first(market).unrealised.raw == 100 * 100_000_000)
    let (_, sell) = try market.working(.sell, 100, 10_010)
    #expect(sell.side == .sell)
    market.report(.executed, sell.venueReference, quantity: 100, cents: 10_010, match: 1)
    #expect(first(market).realised.raw == 110 * 100_000_000)
    #expect(market.invariants == [])
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `realised, unrealised and fees reconcile with cash and marked position`(seed: UInt64) throws
  {
    var dice = Dice(seed)
    let market = try Market(Recorder(), laneBytes: 2 << 20)
    var cash: Int128 = 0
    var net: Int64 = 0
    var fees: Int128 = 0
    for match in 1...200 as ClosedRange<UInt64> {
      let side: Side = dice.chance(50) ? .buy : .sell
      let quantity = Int64(1 + dice.below(300))
      guard let (_, request) = try? market.working(side, quantity, side == .buy ? 10_000 : 10_010)
      else { continue }
      let cents = Int64(9_900 + dice.below(200))
      let flag: Character = dice.chance(50) ? "A" : "R"
      market.report(
        .executed, request.venueReference, quantity: quantity, cents: cents, match: match
      ) { $0.liquidity = flag.asciiValue! }
      let sign: Int128 = side == .buy ? 1 : -1
      let value = Int128(cents) * 1_000_000 * Int128(quantity)
      let fee = Int128(flag == "A" ? -200_000 : 300_000) * Int128(quantity)
      if dice.chance(10) {
        market.report(.broken, request.venueReference, match: match)
      } else {
        cash -= sign * value
        net += Int64(sign) * quantity
        fees += fee
      }
      let p = first(market)
      let mark = p.mark!.raw
      #expect(p.quantity == net && p.cashFlow.raw == cash && p.fees.raw == fees, "seed \(seed)")
      #expect(
        p.realised.raw + p.unrealised.raw == cash + Int128(mark) * Int128(net),
        "seed \(seed) execution \(match)")
      #expect(market.snapshot.cash[0].raw == cash - fees, "seed \(seed)")
      if net == 0 { #expect(p.cost == .zero && p.realised.raw == cash, "seed \(seed)") }
    }
    #expect(market.invariants == [])
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `the totals are the sums over all positions, whatever was looked at when`(seed: UInt64)
    throws
  {
    let market = try Market(Recorder(), ReplayTests.configuration(), laneBytes: 8 << 20)
    var business = ReplayTests.Business(market: market, dice: Dice(seed))
    for step in 0..<400 {
      business.act()
      market.driver.engine.refreshTotals(most: step % 3)
      guard step % 50 == 49 else { continue }
      let cells = market.snapshot.positions
      market.driver.engine.refreshTotals(most: cells.count)
      let totals = market.driver.engine.totals
      #expect(totals.netProfit.raw == cells.reduce(0) { $0 + $1.netProfit.raw }, "seed \(seed)")
      #expect(
        totals.grossPosition == cells.reduce(0) { $0 + abs($1.quantity) }, "seed \(seed)")
    }
    #expect(!market.snapshot.positions.isEmpty, "seed \(seed)")
  }

  @Test func `nothing traded comes to nothing, and no number of looks is too many or too few`()
    throws
  {
    let market = try Market(Recorder())
    for most in [0, -1, .min, .max, 1] { market.driver.engine.refreshTotals(most: most) }
    let totals = market.driver.engine.totals
    #expect(totals == EngineTotals())
  }
}
