import Testing

@testable import ExecutionCore

/// Limits, orders and money in one scale, whatever the exponents and the multiplier (CASES.md, C8).
@Suite struct ExponentTests {
  /// An instrument whose price of about 50 and quantity of about 3 fit the exponents, or nil.
  private func facts(
    _ price: Int, _ quantity: Int, multiplier: Int64 = 1, _ exponent: Int8 = 0
  ) -> InstrumentFacts {
    var facts = PriceMarket.bitcoin
    facts.priceExponent = Int8(price)
    facts.quantityExponent = Int8(quantity)
    facts.multiplier = multiplier
    facts.multiplierExponent = exponent
    facts.previousClose = mantissa(50, price)
    facts.tick = 1
    facts.roundLot = 1
    return facts
  }
  private func mantissa(_ whole: Int64, _ exponent: Int) -> Int64 {
    var value = whole
    for _ in 0..<max(0, -exponent) { value *= 10 }
    for _ in 0..<max(0, exponent) { value = max(1, value / 10) }
    return value
  }
  private static let exponents: [(Int, Int)] = (-12...2).flatMap { p in
    (-9...0).map { (p, $0) }
  }

  /// With seven of them and ten quantity exponents, each meets each.
  private static let multipliers: [(Int64, Int8)] = [
    (1, 0), (50, 0), (1, -4), (125, -3), (1, 2), (100, 0), (25, -5),
  ]

  /// The quote stands at the previous close, one step wide.
  private func market(_ facts: InstrumentFacts, _ change: (inout EngineConfiguration) -> Void)
    throws -> PriceMarket
  {
    var c = PriceMarket.configuration([facts])
    change(&c)
    let market = try PriceMarket(c)
    let close = facts.previousClose
    market.feed(market.quote(close, 1_000, close + 1, 1_000))
    return market
  }

  /// 10⁻⁸ of price × quantity × multiplier, rounded to the nearest, by decimal digits alone.
  private func value(_ f: InstrumentFacts, _ price: Int64, _ quantity: Int64) -> Int128 {
    let product = Int128(price) * Int128(quantity) * Int128(f.multiplier)
    var shift =
      Int(f.priceExponent) + Int(f.quantityExponent) + Int(f.multiplierExponent) + 8
    var digits = Array("\(product.magnitude)".utf8).map { Int($0) - 48 }
    while shift > 0 {
      digits.append(0)
      shift -= 1
    }
    var last = 0
    while shift < 0 {
      last = digits.popLast() ?? 0
      shift += 1
    }
    let whole = digits.reduce(Int128(0)) { $0 * 10 + Int128($1) } + (last >= 5 ? 1 : 0)
    return product < 0 ? -whole : whole
  }

  @Test func `a limit in whole units holds at every exponent`() throws {
    for (price, quantity) in Self.exponents {
      let facts = facts(price, quantity)
      let unit = mantissa(1, quantity)
      let market = try market(facts) {
        $0.firmLimits.orderQuantity = 3
        $0.strategies[0].limits.position = 5
      }
      let close = facts.previousClose
      let at = "price 10^\(price), quantity 10^\(quantity)"
      let fits = market.verdicts(.buy, 3 * unit, close)
      #expect(fits.refusal == nil, "\(at)")
      // The quick pass leaves to the chain what 64 bits do not hold.
      #expect(fits.quick != close.multipliedReportingOverflow(by: 3 * unit).overflow, "\(at)")
      let over = market.verdicts(.buy, 3 * unit + 1, close)
      #expect(over.refusal?.code == .quantityLimit && !over.quick, "\(at)")
      #expect(over.refusal?.limit == Int128(3 * unit), "\(at)")
      _ = try market.place(.buy, 3 * unit, close).handle
      #expect(market.verdicts(.buy, 2 * unit, close).refusal == nil, "\(at)")
      let position = market.verdicts(.buy, 2 * unit + 1, close)
      #expect(position.refusal?.code == .positionLimit && !position.quick, "\(at)")
      #expect(market.driver.engine.brokenInvariants() == [])
    }
  }

  @Test func `a limit of an instrument is at its own exponent`() throws {
    var c = PriceMarket.configuration()
    c.instrumentLimits[InstrumentID(raw: 0)] = RiskLimits(
      orderQuantity: 50_000_000, position: 60_000_000)
    let market = try PriceMarket(c)
    market.feed(market.quote(60_000_00, 1, 60_001_00, 1))
    #expect(market.verdicts(.buy, 50_000_000, 60_000_00).refusal == nil)
    #expect(market.verdicts(.buy, 50_000_001, 60_000_00).refusal?.code == .quantityLimit)
    _ = try market.place(.buy, 40_000_000, 60_000_00).handle
    #expect(market.verdicts(.buy, 20_000_001, 60_000_00).refusal?.code == .positionLimit)
  }

  @Test func `a limit of money holds at every exponent and multiplier`() throws {
    for (i, (price, quantity)) in Self.exponents.enumerated() {
      let (multiplier, exponent) = Self.multipliers[i % Self.multipliers.count]
      guard price + quantity + Int(exponent) >= MoneyScale.exponentMin else { continue }
      let facts = facts(price, quantity, multiplier: multiplier, exponent)
      let unit = mantissa(1, quantity)
      let close = facts.previousClose
      let exact = value(facts, close, 3 * unit)
      guard exact >= 1 else { continue }
      let at = "price 10^\(price), quantity 10^\(quantity), \(multiplier) × 10^\(exponent)"
      let market = try market(facts) { $0.firmLimits.orderNotional = Money(raw: exact) }
      let fits = market.verdicts(.buy, 3 * unit, close)
      #expect(fits.refusal == nil, "\(at)")
      let over = market.verdicts(.buy, 3 * unit + 1, close)
      #expect(over.refusal?.code == .notionalLimit && !over.quick, "\(at)")
      // One 10⁻⁸ less, and the same order does not pass.
      guard exact > 1 else { continue }
      let less = try self.market(facts) { $0.firmLimits.orderNotional = Money(raw: exact - 1) }
      let refused = less.verdicts(.buy, 3 * unit, close)
      #expect(refused.refusal?.code == .notionalLimit && !refused.quick, "\(at)")
    }
  }

  @Test func `what is booked is price times quantity times multiplier at every exponent`() throws {
    for (i, (price, quantity)) in Self.exponents.enumerated() {
      let (multiplier, exponent) = Self.multipliers[(i + 1) % Self.multipliers.count]
      guard price + quantity + Int(exponent) >= MoneyScale.exponentMin else { continue }
      let facts = facts(price, quantity, multiplier: multiplier, exponent)
      let market = try market(facts) { _ in }
      let close = facts.previousClose
      let amount = 3 * mantissa(1, quantity) + 1
      _ = try market.place(.buy, amount, close + 1).handle
      let request = try #require(market.sent().last)
      market.execute(request, 1)
      let held = try #require(market.driver.engine.snapshot().positions.first)
      let exact = value(facts, close + 1, amount)
      let at = "price 10^\(price), quantity 10^\(quantity), \(multiplier) × 10^\(exponent)"
      #expect(held.cost.raw == exact && held.cashFlow.raw == -exact, "\(at)")
      #expect(held.quantity == amount)
      #expect(market.driver.engine.brokenInvariants() == [], "\(at)")
      _ = try market.place(.sell, amount, close).handle
      let sale = try #require(market.sent().last)
      market.execute(sale, 2)
      let flat = try #require(market.driver.engine.snapshot().positions.first)
      #expect(flat.quantity == 0 && flat.cost.raw == 0, "\(at)")
      #expect(flat.realised.raw == value(facts, close, amount) - exact, "\(at)")
      #expect(market.driver.engine.brokenInvariants() == [], "\(at)")
    }
  }

  @Test func `a fee is for whole units, for notional, or for both`() throws {
    var c = PriceMarket.configuration()
    c.venues[0].fees = FeeSchedule(
      perUnit: [UInt8(ascii: "A"): 100_000_000, UInt8(ascii: "C"): 3],
      perNotional: [UInt8(ascii: "B"): 40_000, UInt8(ascii: "C"): -10_000])
    let market = try PriceMarket(c)
    market.feed(market.quote(60_000_00, 1, 60_001_00, 1))
    // Half a coin at 60,000: a unit costs 1, four basis points of 30,000 are 12, and one back of them is 3.
    var paid: Int128 = 0
    for (i, (flag, fee)) in [("A", 50_000_000), ("B", 12_00_000_000), ("C", 2 - 3_00_000_000)]
      .enumerated()
    {
      _ = try market.place(.buy, 50_000_000, 60_000_00).handle
      let request = try #require(market.sent().last)
      market.execute(request, UInt64(i + 1), liquidity: Character(flag))
      paid += Int128(fee)
      #expect(market.driver.engine.snapshot().positions.first?.fees.raw == paid, "\(flag)")
    }
  }

  @Test func `an order below the smallest notional is refused, one that reduces is not`() throws {
    var facts = PriceMarket.bitcoin
    facts.minimumNotional = 5 * 100_000_000
    facts.roundLot = 1
    let market = try market(facts) { _ in }
    let close = facts.previousClose
    // 5 dollars at 60,000.00: 8,334 × 10⁻⁸ coins, rounded up.
    #expect(market.verdicts(.buy, 8_334, close).refusal == nil)
    let less = market.verdicts(.buy, 8_333, close)
    #expect(less.refusal?.code == .minimumNotional && !less.quick)
    _ = try market.place(.buy, 10_000, close + 1).handle
    market.execute(try #require(market.sent().last), 1)
    #expect(market.verdicts(.sell, 10, close).refusal == nil)
    #expect(market.verdicts(.buy, 10, close).refusal?.code == .minimumNotional)
  }

  @Test func `prices below zero are prices where the instrument has them`() throws {
    var facts = facts(-2, 0)
    facts.allowsNegativePrices = true
    facts.previousClose = -5_00
    let collar: (inout EngineConfiguration) -> Void = {
      $0.staticCollar = PriceCollar(basisPoints: 0, absolute: 50_00)
      $0.dynamicCollar = PriceCollar(basisPoints: 0, absolute: 20_00)
    }
    let market = try PriceMarket(
      {
        var c = PriceMarket.configuration([facts])
        collar(&c)
        return c
      }())
    market.feed(market.quote(-6_00, 10, -5_00, 10))
    #expect(market.seen().bid.raw == -6_00 && market.isWhole())
    for price in [-6_00, 0, 5_00] as [Int64] {
      #expect(market.verdicts(.buy, 10, price).refusal == nil, "\(price)")
    }
    #expect(market.verdicts(.buy, 10, 20_00).refusal?.code == .dynamicCollar)
    #expect(market.verdicts(.sell, 10, -60_00).refusal?.code == .staticCollar)
    _ = try market.place(.buy, 10, -5_00).handle
    market.execute(try #require(market.sent().last), 1)
    let held = try #require(market.driver.engine.snapshot().positions.first)
    #expect(held.cost.raw == -50 * 100_000_000)
    #expect(market.driver.engine.brokenInvariants() == [])
    var c = PriceMarket.configuration([facts])
    collar(&c)
    c.firmLimits.orderNotional = Money(raw: 50 * 100_000_000)
    let tight = try PriceMarket(c)
    tight.feed(tight.quote(-6_00, 10, -5_00, 10))
    #expect(tight.verdicts(.buy, 10, -5_00).refusal == nil)
    #expect(tight.verdicts(.sell, 11, -5_00).refusal?.code == .notionalLimit)
    // The same prices, of an instrument without them.
    facts.allowsNegativePrices = false
    facts.previousClose = 5_00
    let plain = try PriceMarket(PriceMarket.configuration([facts]))
    plain.feed(plain.quote(4_00, 1, 6_00, 1))
    #expect(plain.verdicts(.buy, 1, -1).refusal?.code == .badPrice)
    plain.feed(plain.level(FeedRecord.buy, -1, 1))
    #expect(plain.counters.malformed == 1)
  }

  @Test func `facts that no sum can hold are refused by name`() throws {
    func problem(_ change: (inout InstrumentFacts) -> Void) -> String? {
      var facts = PriceMarket.bitcoin
      change(&facts)
      do throws(EngineConfigurationError) {
        try PriceMarket.configuration([facts]).check()
        return nil
      } catch {
        return error.description
      }
    }
    #expect(problem { _ in } == nil)
    #expect(problem { $0.priceExponent = -13 }?.contains("price exponent") ?? false)
    #expect(problem { $0.priceExponent = 3 }?.contains("price exponent") ?? false)
    #expect(problem { $0.quantityExponent = -10 }?.contains("quantity exponent") ?? false)
    #expect(problem { $0.quantityExponent = 1 }?.contains("quantity exponent") ?? false)
    #expect(problem { $0.multiplier = 0 }?.contains("multiplier") ?? false)
    #expect(problem { $0.multiplierExponent = 10 }?.contains("multiplier") ?? false)
    #expect(problem { $0.multiplier = .max }?.contains("multiplier") ?? false)
    #expect(problem { $0.symbol = .none }?.contains("symbol") ?? false)
    #expect(problem { $0.currency = Currency(raw: 0) }?.contains("currency") ?? false)
    #expect(problem { $0.minimumNotional = -1 }?.contains("minimum notional") ?? false)
    #expect(
      problem {
        $0.priceExponent = -12
        $0.quantityExponent = -9
        $0.multiplierExponent = -9
      }?.contains("add to -30") ?? false)
    var other = PriceMarket.bitcoin
    other.symbol = "ETH-EUR"
    other.currency = try #require(Currency("EUR"))
    #expect(throws: EngineConfigurationError.self) {
      try PriceMarket.configuration([PriceMarket.bitcoin, other]).check()
    }
    let fed = PriceMarket.configuration()
    #expect(throws: EngineConfigurationError.self) {
      var c = fed
      c.feeds = [FeedConfiguration(name: "itch", kind: .orders)]
      try c.check()
    }
    #expect(throws: EngineConfigurationError.self) {
      var c = fed
      c.feeds[0].instruments = []
      try c.check()
    }
    #expect(throws: EngineConfigurationError.self) {
      var c = fed
      c.feeds = Array(repeating: FeedConfiguration(name: "x", kind: .orders), count: 2)
      try c.check()
    }
  }

  @Test func `a symbol has up to 32 bytes, and eight of them are a code of ITCH`() {
    for text in ["A", "BTC-USD", "BTCUSD_PERP", String(repeating: "x", count: 32)] {
      let symbol = Symbol(text)
      #expect(symbol?.description == text)
      #expect((symbol?.code == 0) == (text.count > 8))
      #expect(symbol?.code == SymbolCode.encode(text) ?? 0)
    }
    for text in ["", "A B", "é", String(repeating: "x", count: 33)] {
      #expect(Symbol(text) == nil)
    }
    #expect(("A B" as Symbol).isNone)
    #expect(Symbol(code: SymbolCode.encode("AAPL")!) == "AAPL")
    #expect(Symbol.none.isNone && Symbol.none.code == 0)
    #expect(Currency("USDT")?.description == "USDT" && Currency("usd") == nil)
    #expect(Currency.usDollar.description == "USD")
  }
}
