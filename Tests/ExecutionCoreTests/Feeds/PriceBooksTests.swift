import Testing

@testable import ExecutionCore

@Suite struct PriceBooksTests {
  private let buy = FeedRecord.buy
  private let sell = FeedRecord.sell

  @Test func `a level is what rests at its price, and the best of them is the quote`() throws {
    let market = try PriceMarket()
    market.feed(market.record(.clear))
    market.feed([
      market.level(buy, 60_000_00, 5), market.level(sell, 60_001_00, 7),
      market.level(buy, 59_999_00, 9),
    ])
    #expect(market.seen().bid.raw == 60_000_00 && market.seen().bidQuantity.raw == 5)
    #expect(market.seen().ask.raw == 60_001_00 && market.seen().askQuantity.raw == 7)
    market.feed(market.level(buy, 60_000_00, 0))
    #expect(market.seen().bid.raw == 59_999_00 && market.seen().bidQuantity.raw == 9)
    // Told again that it is gone: nothing goes with it (C5).
    market.feed(market.level(buy, 60_000_00, 0))
    #expect(market.levels(.buy).map(\.price.raw) == [59_999_00])
    #expect(market.isWhole())
    #expect(market.driver.strategy.books.count == 4)
  }

  @Test func `an event is seen whole, not in the middle of it`() throws {
    let market = try PriceMarket()
    market.feed(market.record(.clear))
    market.feed([market.level(buy, 100, 1), market.level(sell, 110, 1)])
    var first = market.level(sell, 110, 0)
    first.flags = FeedRecord.Flags(rawValue: 0)
    market.feed(first)
    #expect(market.seen().ask.raw == 110)
    market.feed(market.level(buy, 110, 4))
    #expect(market.seen().bid.raw == 110 && market.seen().askQuantity.raw == 0)
  }

  @Test func `a book is whole from a clear on, of a snapshot from its end on`() throws {
    let market = try PriceMarket()
    market.feed([market.level(buy, 100, 1), market.level(sell, 110, 1)])
    // Levels without a beginning: seen, and not to be traded on.
    #expect(market.seen().bid.raw == 100 && !market.isWhole())
    var clear = market.record(.clear)
    clear.flags = .snapshot
    market.feed(clear)
    #expect(market.seen().bidQuantity.raw == 0)
    var level = market.level(buy, 101, 1)
    level.flags = .snapshot
    market.feed(level)
    #expect(!market.isWhole())
    level = market.level(sell, 111, 1)
    level.flags = [.snapshot, .last]
    market.feed(level)
    #expect(market.isWhole() && market.seen().bid.raw == 101 && market.seen().ask.raw == 111)
    market.feed(market.record(.gap))
    #expect(!market.isWhole())
    #expect(market.driver.engine.quotes.gates(.init(raw: 0), now: market.time).contains(.gap))
    market.feed(market.record(.clear))
    #expect(market.isWhole())
    #expect(market.counters.gaps == 1)
  }

  @Test func `a quote is whole by itself, and the newer word of two stands`() throws {
    let market = try PriceMarket()
    market.feed(market.quote(100, 1, 110, 2))
    #expect(market.isWhole() && market.seen().askQuantity.raw == 2)
    market.feed(market.record(.clear))
    #expect(market.seen().bid.raw == 100)
    var old = market.quote(1, 1, 2, 2)
    old.sequence = 5
    market.feed(old)
    #expect(market.seen().bid.raw == 100 && market.counters.older == 1)
    market.feed([market.level(buy, 99, 3), market.level(sell, 109, 4)])
    #expect(market.seen().bid.raw == 99 && market.seen().ask.raw == 109)
    var side = market.quote(98, 6, 0, 0)
    side.side = buy
    market.feed(side)
    #expect(market.seen().bid.raw == 98 && market.seen().ask.raw == 109)
  }

  @Test func `what no room was left for takes the touch with it when all else is gone`() throws {
    let market = try PriceMarket(PriceMarket.configuration(levelsMax: 4))
    market.feed(market.record(.clear))
    market.feed(market.level(sell, 200, 1))
    for price in 100..<106 { market.feed(market.level(buy, Int64(price), 1)) }
    #expect(market.levels(.buy).map(\.price.raw) == [105, 104, 103, 102])
    #expect(market.isWhole())
    // One below the worst of them: there is no room for it, and it is not known from here on.
    market.feed(market.level(buy, 90, 1))
    for price in [105, 104, 103] { market.feed(market.level(buy, Int64(price), 0)) }
    #expect(market.isWhole() && market.seen().bid.raw == 102)
    market.feed(market.level(buy, 102, 0))
    #expect(!market.isWhole())
    market.feed(market.level(buy, 150, 1))
    #expect(!market.isWhole(), "a book that has lost its touch is told anew before it is believed")
    market.feed(market.record(.clear))
    #expect(market.isWhole())
  }

  @Test func `trades change no book`() throws {
    let market = try PriceMarket()
    market.feed(market.record(.clear))
    market.feed([market.level(buy, 100, 10), market.level(sell, 110, 10)])
    var trade = market.record(.trade)
    (trade.price, trade.quantity, trade.side, trade.reference) = (110, 3, buy, 77)
    market.feed(trade)
    #expect(market.seen().askQuantity.raw == 10)
    let seen = try #require(market.driver.strategy.trades.last)
    #expect(seen.price.raw == 110 && seen.quantity.raw == 3 && seen.matchNumber == 77)
    #expect(seen.restingSide == .sell)
    #expect(market.driver.engine.quotes.lastTrade(.init(raw: 0))?.quantity.raw == 3)
  }

  @Test func `what can't be is counted, and what can't be held makes the book not whole`() throws {
    let market = try PriceMarket()
    market.feed(market.record(.clear))
    market.feed([market.level(buy, 100, 10), market.level(sell, 110, 10)])
    for change: (inout FeedRecord) -> Void in [
      { $0.price = 0 }, { $0.price = -5 }, { $0.quantity = -1 }, { $0.side = 0 }, { $0.side = 9 },
      { $0.kind = 0 }, { $0.kind = 255 }, { $0.instrument = FeedRecord.all },
      { $0.instrument = .max - 1 },
    ] {
      var record = market.level(buy, 105, 1)
      change(&record)
      market.feed(record)
    }
    #expect(market.counters.malformed == 9)
    #expect(market.seen().bid.raw == 100 && market.isWhole())
    var other = market.level(buy, 105, 1)
    other.instrument = 7
    market.feed(other)
    #expect(market.counters.unlisted == 1)
    for wide in [Int64.max, .min, 1 << 62 + 1] {
      market.feed(market.record(.clear))
      #expect(market.isWhole())
      market.feed(market.level(buy, wide, 1))
      #expect(!market.isWhole() || wide < 0)
      market.feed(market.level(buy, 5, wide))
      #expect(!market.isWhole() || wide < 0)
    }
    #expect(market.counters.unrepresentable >= 4)
    market.feed(market.record(.add))
    #expect(market.counters.orders == 1 && !market.isWhole())
  }

  @Test func `a feed's exponents are converted exactly, or its instrument is not bound`() throws {
    let market = try PriceMarket()
    let prices = market.driver.engine.prices
    let symbol: Symbol = "BTC-USD"
    #expect(prices.bind(0, 3, symbol, priceExponent: 1, quantityExponent: -3) == .bound)
    market.feed(market.record(.clear, 3))
    market.feed(market.level(buy, 6_000, 2, 3))
    #expect(market.seen().bid.raw == 60_000_00)
    #expect(market.seen().bidQuantity.raw == 200_000)
    #expect(prices.bind(0, 4, symbol, priceExponent: -3, quantityExponent: -3) == .tooFine)
    #expect(prices.bind(0, 4, symbol, priceExponent: -2, quantityExponent: -9) == .tooFine)
    #expect(prices.bind(0, 4, "ETH-USD", priceExponent: -2, quantityExponent: -8) == .unlisted)
    #expect(
      prices.bind(0, 1 << 20, symbol, priceExponent: -2, quantityExponent: -8) == .numberTooLarge)
    #expect(prices.bind(1, 1, symbol, priceExponent: -2, quantityExponent: -8) == .noSuchFeed)
    #expect(prices.bind(255, 1, symbol, priceExponent: -2, quantityExponent: -8) == .noSuchFeed)
  }

  @Test(arguments: UInt64(1)...20)
  func `books are those of a twin that keeps them in a dictionary`(seed: UInt64) throws {
    var dice = Dice(seed)
    let room = [6, 24, 400][dice.below(3)]
    let market = try PriceMarket(PriceMarket.configuration(levelsMax: room))
    var bids: [Int64: Int64] = [:]
    var asks: [Int64: Int64] = [:]
    market.feed(market.record(.clear))
    var wasCut = false
    for _ in 0..<4_000 {
      let isBid = dice.chance(50)
      let middle: Int64 = 10_000
      let away = Int64(1 + (dice.chance(80) ? dice.below(12) : dice.below(600)))
      let price = isBid ? middle - away : middle + away
      let quantity = Int64(dice.chance(45) ? 0 : 1 + dice.below(1_000))
      if isBid { bids[price] = quantity } else { asks[price] = quantity }
      if quantity == 0 {
        bids[price] = nil
        asks[price] = nil
      }
      market.feed(market.level(isBid ? buy : sell, price, quantity))
      wasCut = wasCut || bids.count > room || asks.count > room
      guard market.isWhole() else { break }
      let bid = bids.max { $0.key < $1.key }
      let ask = asks.min { $0.key < $1.key }
      #expect(market.seen().bid.raw == bid?.key ?? 0, "seed \(seed)")
      #expect(market.seen().bidQuantity.raw == bid?.value ?? 0)
      #expect(market.seen().ask.raw == ask?.key ?? 0)
      #expect(market.seen().askQuantity.raw == ask?.value ?? 0)
      guard !wasCut else { continue }
      #expect(
        market.levels(.buy).map { [$0.price.raw, $0.quantity.raw] }
          == bids.sorted { $0.key > $1.key }.map { [$0.key, $0.value] })
      #expect(
        market.levels(.sell).map { [$0.price.raw, $0.quantity.raw] }
          == asks.sorted { $0.key < $1.key }.map { [$0.key, $0.value] })
    }
    #expect(wasCut || market.isWhole())
  }
}
