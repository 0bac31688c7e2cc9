import ExecutionCore
import Simulation
import Testing

/// A book by price kept the simplest way: what rests at each price of each side.
private struct NaivePrices: Equatable {
  var bids: [Int64: Int64] = [:]
  var asks: [Int64: Int64] = [:]

  mutating func apply(_ record: FeedRecord) {
    switch record.kind {
    case FeedRecord.Kind.clear.rawValue: self = NaivePrices()
    case FeedRecord.Kind.level.rawValue:
      let quantity = record.quantity == 0 ? nil : record.quantity
      if record.side == FeedRecord.buy {
        bids[record.price] = quantity
      } else {
        asks[record.price] = quantity
      }
    default: break
    }
  }
  var isCrossed: Bool { (bids.keys.max() ?? .min) >= (asks.keys.min() ?? .max) }

  /// What a market holds of an instrument.
  init(_ market: PriceMarket, _ index: Int) {
    let id = InstrumentID(raw: UInt32(index))
    for side in [Side.buy, .sell] {
      for depth in 0..<market.books.levels(id, side) {
        guard let level = market.books.level(id, side, depth: depth) else { continue }
        if side.isBuy {
          bids[level.price.raw] = level.quantity.raw
        } else {
          asks[level.price.raw] = level.quantity.raw
        }
      }
    }
  }
  init() {}
}

@Suite struct PriceGeneratorTests {
  static let begin: Int64 = 1_723_161_600_000_000_000
  static let seed: UInt64 = 20_261_201

  static func generator(
    _ style: MarketStyle = .calm, seed: UInt64 = seed, instruments: Int = 3, rate: Int64 = 2_000
  ) -> PriceGenerator {
    var settings = PriceGeneratorSettings(begin: begin)
    settings.seed = seed
    settings.style = style
    settings.instruments = instruments
    settings.rate = rate
    return PriceGenerator(settings)
  }
  static func take(_ count: Int, _ generator: inout PriceGenerator) -> [FeedRecord] {
    (0..<count).map { _ in generator.next() }
  }
  static func isLast(_ record: FeedRecord) -> Bool { record.flags.contains(.last) }
  static func isSnapshot(_ record: FeedRecord) -> Bool { record.flags.contains(.snapshot) }

  @Test(arguments: MarketStyle.allCases)
  func `the same seed gives the same records and another gives others`(_ style: MarketStyle) {
    var one = Self.generator(style)
    var two = Self.generator(style)
    #expect(one.instruments == two.instruments)
    let first = Self.take(20_000, &one)
    #expect(first == Self.take(20_000, &two))
    var other = Self.generator(style, seed: Self.seed + 1)
    #expect(first != Self.take(20_000, &other))
  }

  @Test func `styles differ`() {
    let flows = MarketStyle.allCases.map { style in
      var generator = Self.generator(style)
      return Self.take(5_000, &generator)
    }
    #expect(Set(flows).count == MarketStyle.allCases.count)
  }

  @Test func `a copy goes on with the same records and leaves the other alone`() {
    var generator = Self.generator(.volatile)
    _ = Self.take(12_345, &generator)
    var copy = generator
    let ahead = Self.take(5_000, &copy)
    #expect(ahead == Self.take(5_000, &generator))
    #expect(generator.next() == copy.next())
  }

  @Test(arguments: MarketStyle.allCases)
  func `every book becomes and stays whole and uncrossed, and is what a naive one holds`(
    _ style: MarketStyle
  ) throws {
    var generator = Self.generator(style)
    let count = generator.instruments.count
    let market = try PriceMarket(generator.instruments, levelsMax: 64)
    var naive = [NaivePrices](repeating: NaivePrices(), count: count)
    var before = naive
    var event = 0
    var statuses = 0
    for number in 1...200_000 {
      let record = generator.next()
      let index = Int(record.instrument)
      try #require(index < count && record.sequence == UInt64(number))
      let isState = Self.isSnapshot(record)
      if record.kind == FeedRecord.Kind.clear.rawValue { before[index] = naive[index] }
      naive[index].apply(record)
      _ = market.apply(record)
      event += 1
      if record.kind == FeedRecord.Kind.status.rawValue { statuses += 1 }
      // A trade is an event by itself to a book, and here the first record of one.
      guard Self.isLast(record), record.kind != FeedRecord.Kind.trade.rawValue else { continue }
      #expect(event <= (isState ? 1 + 2 * 24 : 4))
      event = 0
      let id = InstrumentID(raw: record.instrument)
      try #require(market.quotes.isWhole(id), "record \(number), seed \(Self.seed)")
      try #require(!naive[index].isCrossed, "record \(number), seed \(Self.seed)")
      let quote = market.quotes.quote(id)
      try #require(quote.bid.raw > 0 && quote.bid.raw < quote.ask.raw)
      try #require(quote.bid.raw == naive[index].bids.keys.max())
      try #require(quote.ask.raw == naive[index].asks.keys.min())
      // Whoever had the book has the same book behind a snapshot.
      if isState, number > 200 { try #require(naive[index] == before[index]) }
    }
    for index in 0..<count { #expect(NaivePrices(market, index) == naive[index]) }
    let counters = market.counters
    #expect(counters.malformed == 0 && counters.unrepresentable == 0 && counters.backwards == 0)
    #expect(counters.applied == 200_000 && counters.unlisted == 0)
    #expect((statuses > 4) == (style == .halting))
  }

  @Test func `whoever comes late is whole after one round of snapshots`() throws {
    var generator = Self.generator(.volatile, instruments: 7, rate: 10_000)
    let full = try PriceMarket(generator.instruments)
    let late = try PriceMarket(generator.instruments)
    for _ in 0..<33_333 { _ = full.apply(generator.next()) }
    var told: Set<UInt32> = []
    var records = 0
    // Two rounds of snapshots are 20,000 records at the most.
    while told.count < 7 || records < 12_000, records < 20_000 {
      let record = generator.next()
      records += 1
      if Self.isSnapshot(record), Self.isLast(record) { told.insert(record.instrument) }
      _ = full.apply(record)
      _ = late.apply(record)
      let id = InstrumentID(raw: record.instrument)
      guard Self.isLast(record), record.kind == FeedRecord.Kind.level.rawValue else { continue }
      try #require(late.quotes.isWhole(id) == told.contains(record.instrument))
    }
    #expect(told.count == 7)
    for index in 0..<7 {
      #expect(late.quotes.isWhole(InstrumentID(raw: UInt32(index))))
      #expect(NaivePrices(late, index) == NaivePrices(full, index))
    }
  }

  @Test(arguments: MarketStyle.allCases)
  func `what a trade takes is gone from its level in the same event`(_ style: MarketStyle) throws {
    var generator = Self.generator(style)
    var naive = [NaivePrices](repeating: NaivePrices(), count: 3)
    var owed: [FeedRecord] = []
    var trades: UInt64 = 0
    for _ in 0..<100_000 {
      let record = generator.next()
      let index = Int(record.instrument)
      if record.kind == FeedRecord.Kind.trade.rawValue {
        trades += 1
        try #require(record.reference == trades && Self.isLast(record) && record.quantity > 0)
        let isBuyer = record.side == FeedRecord.buy
        let resting = isBuyer ? naive[index].asks : naive[index].bids
        try #require(record.quantity <= resting[record.price] ?? 0)
        owed.append(record)
      } else if let trade = owed.first {
        try #require(record.kind == FeedRecord.Kind.level.rawValue)
        try #require(record.price == trade.price && record.side != trade.side)
        try #require(record.sessionTime == trade.sessionTime && index == Int(trade.instrument))
        let resting = trade.side == FeedRecord.buy ? naive[index].asks : naive[index].bids
        try #require(record.quantity == (resting[trade.price] ?? 0) - trade.quantity)
        owed.removeFirst()
      }
      naive[index].apply(record)
    }
    #expect(trades > 1_000)
  }

  @Test(
    arguments: [
      (1, 1), (2, 500), (2, 1_000_000), (5, 20_000), (256, 1), (256, 500), (256, 100_000),
    ] as [(Int, Int64)])
  func `time never goes back and the rate is what was asked for`(
    _ instruments: Int, _ rate: Int64
  ) {
    var generator = Self.generator(instruments: instruments, rate: rate)
    // Telling all of them once is over before the clock runs.
    for _ in 0..<instruments * 41 { #expect(generator.next().sessionTime == Self.begin) }
    let begun = generator.next()
    var last = begun.sessionTime
    let count = 100_000
    for _ in 0..<count {
      let time = generator.next().sessionTime
      #expect(time >= last)
      last = time
    }
    let wanted = Int64(count) * 1_000_000_000 / rate
    let took = last - begun.sessionTime
    #expect(took > wanted * 8 / 10 && took < wanted * 12 / 10, "\(took) for \(wanted)")
  }

  @Test func `a snapshot of each instrument comes about every second`() {
    var generator = Self.generator(instruments: 4, rate: 5_000)
    var times = [[Int64]](repeating: [], count: 4)
    for _ in 0..<100_000 {
      let record = generator.next()
      if record.kind == FeedRecord.Kind.clear.rawValue {
        times[Int(record.instrument)].append(record.sessionTime)
      }
    }
    for of in times {
      #expect(of.count >= 18)
      let waits = zip(of.dropFirst(2), of.dropFirst()).map { $0 - $1 }
      #expect(waits.allSatisfy { abs($0 - 1_000_000_000) < 100_000_000 }, "\(waits)")
    }
    #expect(Set(times.compactMap { $0.dropFirst().first }).count == 4)
  }

  @Test func `what is out of its range is the nearest that is in it`() {
    var settings = PriceGeneratorSettings(begin: .min)
    settings.instruments = 0
    settings.rate = -5
    settings.snapshotInterval = .min
    var least = PriceGenerator(settings)
    #expect(least.instruments.count == 1 && least.settings.rate == 1)
    #expect(least.next().sessionTime == 0)
    settings.begin = .max
    settings.instruments = .max
    settings.rate = .max
    settings.snapshotInterval = .max
    settings.seed = .max
    var most = PriceGenerator(settings)
    #expect(most.instruments.count == 256 && most.settings.rate == 1_000_000)
    var last = Int64.min
    for _ in 0..<30_000 {
      let time = most.next().sessionTime
      #expect(time >= last)
      last = time
    }
  }

  @Test func `instruments are coins that an engine takes`() throws {
    let coins = Self.generator(instruments: 256).instruments
    _ = try PriceMarket(coins, levelsMax: 32)
    #expect(
      coins.prefix(4).map { "\($0.symbol)" } == ["BTC-USD", "ETH-USD", "SOL-USD", "COIN04-USD"])
    #expect(coins.prefix(3).map(\.priceExponent) == [-2, -2, -3])
    #expect(coins.prefix(3).map(\.quantityExponent) == [-5, -4, -3])
    for coin in coins {
      #expect(coin.status == .trading && coin.previousClose > 0 && coin.minimumNotional > 0)
      #expect(coin.tick > 0 && coin.roundLot > 0 && coin.averageVolume > 0)
      #expect(coin.currency == .usDollar)
    }
  }

  @Test func `prices wander, and a jump is told within seconds`() throws {
    var generator = Self.generator(.jumping, instruments: 1, rate: 1_000)
    let market = try PriceMarket(generator.instruments)
    var mids: [Int64] = []
    for number in 1...300_000 {
      _ = market.apply(generator.next())
      let quote = market.quotes.quote(InstrumentID(raw: 0))
      if number % 5_000 == 0 { mids.append((quote.bid.raw + quote.ask.raw) / 2) }
    }
    let steps = zip(mids.dropFirst(), mids).map { abs($0 - $1) * 1_000_000 / mids[0] }
    // 50 parts in a million a second are about 110 in five; jumps have 3,000.
    #expect(steps.filter { $0 > 2_000 }.count > 5, "\(steps), seed \(Self.seed)")
    #expect(Set(mids).count > 50)
  }
}
