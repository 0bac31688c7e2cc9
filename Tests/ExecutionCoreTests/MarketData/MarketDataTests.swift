import CSupport
import Testing

@testable import ExecutionCore

/// A ``MarketData`` for NEEDLE (0) and OTHER (1) in its own arena.
final class MarketBench {
  let arena: OpaquePointer
  let market: MarketData
  var time: Int64 = 1_000_000_000
  var sequence: UInt64 = 0

  init(_ change: (inout MarketDataSettings) -> Void = { _ in }) throws {
    var settings = MarketDataSettings(capacity: BookCapacity(orders: 1024))
    change(&settings)
    let symbols = ["NEEDLE", "OTHER"].compactMap { SymbolCode.encode($0) }
    arena = try makeArena(MarketData.bytes(for: settings, instruments: 2))
    market = try #require(MarketData(settings: settings, symbols: symbols, arena: arena))
  }
  deinit { nt_arena_destroy(arena) }

  /// Applies the record as the next of the sequence, a microsecond later.
  @discardableResult func apply(_ record: MarketRecord, sequence given: UInt64? = nil)
    -> MarketChange
  {
    var record = record
    time += 1_000
    record.sessionTime = time
    if let given { sequence = given } else { sequence += 1 }
    record.sequence = sequence
    return withUnsafePointer(to: record) { market.apply($0) }
  }
  @discardableResult func applySnapshot(_ record: MarketRecord) -> MarketChange {
    withUnsafePointer(to: record) { market.applySnapshot($0) }
  }

  /// Start of day: NEEDLE is locate 7 and trades.
  func open() {
    apply(state("S", code: "O", locate: 0))
    apply(directory("NEEDLE", locate: 7))
    apply(state("H", code: "T", locate: 7))
  }
  func quote(bid: UInt32, ask: UInt32) {
    apply(Flow.add(sequence + 1_000, "B", 100, bid, locate: 7))
    apply(Flow.add(sequence + 1_000, "S", 100, ask, locate: 7))
  }
  func directory(_ symbol: String, locate: UInt16) -> MarketRecord {
    var record = state("R", code: "Q", locate: locate)
    record.symbol = SymbolCode.encode(symbol) ?? 0
    record.shares = 100
    return record
  }
  func state(_ kind: Character, code: Character, locate: UInt16 = 7) -> MarketRecord {
    var record = Flow.on(kind, 0, locate: locate)
    record.code = UInt16(code.asciiValue ?? 0)
    return record
  }
}

struct MarketDataTests {
  @Test func `a locate is bound by the directory and quotes are at exponent minus eight`() throws {
    let bench = try MarketBench()
    let market = bench.market
    #expect(market.quote(InstrumentID(raw: 0)) == nil)
    #expect(market.instrument(symbol: SymbolCode.encode("OTHER") ?? 0) == InstrumentID(raw: 1))
    #expect(market.instrument(symbol: SymbolCode.encode("NONE") ?? 0) == .none)
    bench.apply(bench.state("S", code: "O", locate: 0))
    #expect(bench.apply(bench.directory("NEEDLE", locate: 7)) == .bound)
    #expect(bench.apply(bench.directory("NEEDLE", locate: 7)) == .empty)
    #expect(market.locate(InstrumentID(raw: 0)) == 7)
    #expect(market.instrument(7) == InstrumentID(raw: 0))
    #expect(market.roundLot(7) == 100)
    bench.quote(bid: 2_872_900, ask: 2_873_200)
    let quote = try #require(market.quote(InstrumentID(raw: 0)))
    #expect(quote.bid == Price(raw: 28_729_000_000) && quote.ask == Price(raw: 28_732_000_000))
    #expect(quote.bidQuantity == Quantity(raw: 100))
    #expect(bench.apply(bench.directory("OTHER", locate: 7)) == .bound)
    #expect(market.instrument(7) == InstrumentID(raw: 1))
    #expect(market.locate(InstrumentID(raw: 0)) == nil)
    #expect(bench.apply(bench.directory("NEEDLE", locate: 9)) == .bound)
    #expect(bench.apply(bench.directory("NEEDLE", locate: 8)) == .bound)
    #expect(market.instrument(9) == .none)
  }

  @Test func `a feed without a directory binds at the first order when told to`() throws {
    let bench = try MarketBench { $0.bindsAtFirstAdd = true }
    let change = bench.apply(Flow.add(1, "B", 100, 10_000, locate: 13))
    #expect(change.contains(.bound) && change.contains(.topChanged))
    #expect(bench.market.locate(InstrumentID(raw: 0)) == 13)
    let plain = try MarketBench()
    #expect(!plain.apply(Flow.add(1, "B", 100, 10_000, locate: 13)).contains(.bound))
  }

  @Test func `depth and top are the same bits of a book's change and the market's`() {
    #expect(UInt32(BookChange.top.rawValue) == MarketChange.topChanged.rawValue)
    #expect(UInt32(BookChange.depth.rawValue) == MarketChange.depthChanged.rawValue)
    #expect(BookChange.top.union(.depth).rawValue == 3)
  }

  @Test func `symbols that stand twice are refused`() throws {
    let settings = MarketDataSettings(capacity: BookCapacity(orders: 1024))
    let arena = try makeArena(MarketData.bytes(for: settings, instruments: 2))
    defer { nt_arena_destroy(arena) }
    #expect(MarketData(settings: settings, symbols: [5, 5], arena: arena) == nil)
  }

  @Test func `trading status follows H, h and the market-wide breaker`() throws {
    let bench = try MarketBench()
    let market = bench.market
    bench.apply(bench.state("S", code: "O", locate: 0))
    bench.apply(bench.directory("NEEDLE", locate: 7))
    #expect(market.status(7) == .unknown && !market.isTradable(7))
    #expect(bench.apply(bench.state("H", code: "T")) == .statusChanged)
    #expect(market.status(7) == .trading && market.isTradable(7))
    #expect(bench.apply(bench.state("H", code: "T")) == .empty)
    for (code, status) in [("P", TradingStatus.paused), ("Q", .quotationOnly), ("H", .halted)] {
      #expect(bench.apply(bench.state("H", code: Character(code))) == .statusChanged)
      #expect(market.status(7) == status && !market.isTradable(7))
    }
    bench.apply(bench.state("H", code: "Z"))
    #expect(market.status(7) == .unknown)
    bench.apply(bench.state("H", code: "T"))
    var halt = bench.state("h", code: "H")
    halt.code |= UInt16(UInt8(ascii: "B")) << 8
    #expect(bench.apply(halt) == .empty)
    halt.code = UInt16(UInt8(ascii: "H")) | UInt16(UInt8(ascii: "Q")) << 8
    #expect(bench.apply(halt) == .statusChanged)
    #expect(market.status(7) == .operationalHalt)
    halt.code = UInt16(UInt8(ascii: "T")) | UInt16(UInt8(ascii: "Q")) << 8
    #expect(bench.apply(halt) == .statusChanged)
    #expect(bench.apply(bench.state("W", code: "1", locate: 0)).contains(.statusChanged))
    #expect(market.status(7) == .halted && market.feedState.breachedLevel == 0x31)
    #expect(bench.apply(bench.state("H", code: "T")) == .statusChanged)
    #expect(market.isTradable(7))
  }

  @Test func `Reg SHO, collar, breaker levels and system events are kept`() throws {
    let bench = try MarketBench()
    #expect(bench.apply(bench.state("Y", code: "1")).contains(.regSHOChanged))
    #expect(bench.apply(bench.state("Y", code: "1")) == .empty)
    #expect(bench.market.regSHO(7) == UInt8(ascii: "1"))
    var collar = bench.state("J", code: " ")
    collar.price = 110
    collar.shares = 90
    collar.detail = 100 | 2 << 32
    #expect(bench.apply(collar) == .collarChanged)
    let kept = bench.market.collar(7)
    #expect(kept.upper == 110 && kept.lower == 90 && kept.reference == 100 && kept.extensions == 2)
    var levels = Flow.on("V", 1)
    levels.second = 2
    levels.detail = 3
    #expect(bench.apply(levels) == .marketChanged)
    #expect(bench.market.feedState.breakerLevel3 == 3)
    #expect(bench.apply(bench.state("S", code: "Q", locate: 0)).contains(.marketChanged))
    #expect(bench.market.feedState.systemEvent == UInt8(ascii: "Q"))
    #expect(bench.apply(Flow.on("B", 0)) == .tradeBroken)
  }

  @Test func `executions are prints with their aggressor`() throws {
    let bench = try MarketBench()
    bench.open()
    bench.apply(Flow.add(1, "B", 100, 10_000, locate: 7))
    bench.apply(Flow.add(2, "S", 100, 10_200, locate: 7))
    var e = Flow.on("E", 1, 30, locate: 7)
    e.second = 555
    #expect(bench.apply(e).contains(.trade))
    var trade = bench.market.lastTrade
    #expect(trade.price == 10_000 && trade.shares == 30 && trade.matchNumber == 555)
    #expect(trade.aggressor == UInt8(ascii: "S") && trade.isPrintable && trade.reference == 1)
    #expect(bench.market.lastResting.shares == 100)
    var c = Flow.on("C", 2, 300, locate: 7)
    c.price = 10_100
    c.code = UInt16(UInt8(ascii: "N"))
    #expect(bench.apply(c).contains(.anomaly))
    trade = bench.market.lastTrade
    #expect(trade.price == 10_100 && trade.shares == 100 && !trade.isPrintable)
    #expect(trade.aggressor == UInt8(ascii: "B"))
    #expect(bench.market.lastTrade(7).ticks == 10_000)
    #expect(bench.apply(Flow.on("E", 99, 1, locate: 7)) == .anomaly)
  }

  @Test func `the aggressor of a hidden execution is told from the quote`() throws {
    let bench = try MarketBench()
    bench.open()
    bench.quote(bid: 10_000, ask: 10_200)
    for (price, side) in [(10_200, "B"), (10_300, "B"), (10_000, "S"), (9_000, "S"), (10_100, "")] {
      var p = Flow.on("P", 0, 10, locate: 7)
      p.price = UInt32(price)
      #expect(bench.apply(p) == .trade)
      #expect(bench.market.lastTrade.aggressor == Character(side.isEmpty ? "\0" : side).asciiValue)
    }
    var q = Flow.on("Q", 0, locate: 7)
    #expect(bench.apply(q) == .empty)
    q.reference = 5_000_000_000
    q.price = 10_050
    #expect(bench.apply(q) == .trade)
    #expect(bench.market.lastTrade.shares == 5_000_000_000)
    #expect(bench.market.books.top(7).bid == 10_000)
  }
}

struct QualityGateTests {
  @Test func `locked, crossed and one-sided quotes close their gates and good ones open them`()
    throws
  {
    let bench = try MarketBench()
    let market = bench.market
    bench.open()
    bench.apply(Flow.add(1, "B", 100, 10_000, locate: 7))
    #expect(market.gates(7, now: bench.time) == .oneSided)
    #expect(bench.apply(Flow.add(2, "S", 100, 10_100, locate: 7)).contains(.qualityChanged))
    #expect(market.gates(7, now: bench.time).isEmpty)
    let good = market.goodQuote(7, now: bench.time)
    #expect(good.quote == market.quote(7) && good.time == bench.time && !good.isStale)
    bench.apply(Flow.add(3, "B", 100, 10_100, locate: 7))
    #expect(market.gates(7, now: bench.time) == .locked)
    bench.apply(Flow.add(4, "B", 100, 10_200, locate: 7))
    #expect(market.gates(7, now: bench.time) == .crossed)
    let kept = market.goodQuote(7, now: bench.time)
    #expect(kept.quote == good.quote && kept.time == good.time && kept.isStale)
    bench.apply(Flow.on("D", 4, locate: 7))
    #expect(bench.apply(Flow.on("D", 3, locate: 7)).contains(.qualityChanged))
    #expect(market.gates(7, now: bench.time).isEmpty)
  }

  @Test func `data grows stale by session time, of a symbol and of the feed`() throws {
    let bench = try MarketBench {
      $0.staleAfter = 1_000_000
      $0.feedStaleAfter = 10_000_000
    }
    bench.open()
    bench.quote(bid: 10_000, ask: 10_100)
    let last = bench.time
    #expect(bench.market.gates(7, now: last + 1_000_000).isEmpty)
    #expect(bench.market.gates(7, now: last + 1_000_001) == .stale)
    #expect(bench.market.goodQuote(7, now: last + 1_000_001).isStale)
    #expect(bench.market.age(7, now: last + 5) == 5)
    #expect(bench.market.age(8, now: last) == .max)
    #expect(bench.market.feedAge(now: last + 3) == 3)
    let feedOnly = try MarketBench {
      $0.staleAfter = 0
      $0.feedStaleAfter = 10
    }
    #expect(feedOnly.market.gates(7, now: 5).contains(.stale))
  }

  @Test func `an outlier is not a good quote until it has stood`() throws {
    let bench = try MarketBench {
      $0.outlierParts = 1_000
      $0.outlierAcceptedAfter = 5_000
    }
    let market = bench.market
    bench.open()
    bench.quote(bid: 10_000, ask: 10_100)
    bench.apply(Flow.on("D", bench.sequence + 999, locate: 7))
    bench.apply(Flow.add(50, "S", 100, 14_000, locate: 7))
    #expect(market.gates(7, now: bench.time) == .outlier)
    #expect(market.goodQuote(7, now: bench.time).quote.ask == VenueTicks.price(10_100))
    var reference: UInt64 = 60
    while market.gates(7, now: bench.time) == .outlier, reference < 100 {
      bench.apply(Flow.add(reference, "B", 100, 10_000, locate: 7))
      reference += 1
    }
    #expect(reference == 65)
    #expect(market.goodQuote(7, now: bench.time).quote.ask == VenueTicks.price(14_000))
  }
}

struct WholenessTests {
  @Test func `books are whole from sequence one or the start of messages and not from the middle`()
    throws
  {
    let first = try MarketBench()
    #expect(first.apply(Flow.add(1, "B", 1, 1, locate: 7)).contains(.wholenessChanged))
    #expect(first.market.isWhole(7))
    let middle = try MarketBench()
    middle.apply(Flow.add(1, "B", 1, 1, locate: 7), sequence: 500)
    #expect(!middle.market.isWhole(7))
    #expect(middle.market.gates(7, now: middle.time).contains(.gap))
    middle.apply(middle.state("S", code: "O", locate: 0))
    #expect(!middle.market.isWhole(7))
    let file = try MarketBench()
    #expect(
      file.apply(file.state("S", code: "O", locate: 0), sequence: 0).contains(.wholenessChanged))
    #expect(file.market.isWhole(7))
    let told = try MarketBench { $0.startsWhole = true }
    #expect(told.market.isWhole(7))
    told.apply(Flow.add(1, "B", 1, 1, locate: 7), sequence: 0)
    #expect(told.market.isWhole(7))
    told.apply(Flow.add(2, "B", 1, 1, locate: 7), sequence: 9)
    #expect(!told.market.isWhole(7))
  }

  @Test func `a repeated sequence is ignored and a missing one costs wholeness`() throws {
    let bench = try MarketBench()
    bench.open()
    bench.quote(bid: 10_000, ask: 10_100)
    #expect(bench.apply(Flow.add(9, "B", 1, 10_000, locate: 7), sequence: 5) == .ignored)
    #expect(bench.market.books.order(9) == nil)
    #expect(bench.market.feedState.repeated == 1)
    #expect(bench.apply(Flow.add(9, "B", 1, 10_050, locate: 7), sequence: 9).contains(.gap))
    #expect(bench.market.feedState.missing == 3 && bench.market.feedState.gaps == 1)
    #expect(bench.market.books.order(9) != nil)
    #expect(!bench.market.isWhole(7) && !bench.market.isTradable(7))
    #expect(bench.market.gates(7, now: bench.time).contains(.gap))
    #expect(bench.market.goodQuote(7, now: bench.time).isStale)
    bench.apply(bench.state("S", code: "O", locate: 0))
    #expect(!bench.market.isWhole(7))
  }

  @Test func `a gap under repair suspends and a repaired one restores`() throws {
    let bench = try MarketBench()
    bench.open()
    bench.market.gapDetected()
    #expect(!bench.market.isTradable(7))
    bench.market.gapRepaired()
    #expect(bench.market.isTradable(7))
    bench.market.gapDetected()
    bench.market.gapLost(missing: 4)
    #expect(!bench.market.isTradable(7) && bench.market.feedState.missing == 4)
  }

  @Test func `sequences that held nothing to apply can be passed over`() throws {
    let bench = try MarketBench()
    bench.open()
    bench.market.skip(2)
    #expect(!bench.apply(Flow.add(1, "B", 1, 1, locate: 7), sequence: 6).contains(.gap))
    #expect(bench.market.isWhole(7))
  }

  @Test func `a snapshot splices by sequence`() throws {
    let bench = try MarketBench()
    bench.open()
    bench.quote(bid: 10_000, ask: 10_100)
    bench.apply(Flow.on("D", 77, locate: 7), sequence: 20)
    bench.market.beginSnapshot()
    #expect(bench.market.books.live == 0 && !bench.market.isWhole(7))
    bench.applySnapshot(Flow.add(101, "B", 10, 9_900, locate: 7))
    bench.applySnapshot(Flow.add(102, "B", 20, 9_900, locate: 7))
    bench.applySnapshot(Flow.add(103, "S", 30, 9_990, locate: 7))
    bench.market.endSnapshot(next: 31)
    #expect(bench.market.isTradable(7))
    #expect(bench.market.goodQuote(7, now: bench.time).quote.bid == VenueTicks.price(9_900))
    #expect(bench.apply(Flow.on("D", 101, locate: 7), sequence: 30) == .ignored)
    #expect(bench.apply(Flow.on("D", 101, locate: 7), sequence: 31).contains(.topChanged))
    #expect(bench.market.books.queuePosition(102)?.ordersAhead == 0)
    #expect(bench.apply(Flow.on("D", 102, locate: 7), sequence: 33).contains(.gap))
    #expect(!bench.market.isWhole(7))
  }

  @Test func `one book can be repaired alone, until the next loss`() throws {
    let bench = try MarketBench()
    bench.open()
    bench.apply(bench.directory("OTHER", locate: 8))
    bench.apply(Flow.on("D", 77, locate: 7), sequence: 40)
    bench.market.beginSnapshot(7)
    bench.applySnapshot(Flow.add(101, "B", 10, 9_900, locate: 7))
    #expect(!bench.market.isWhole(7))
    bench.market.endSnapshot(7)
    #expect(bench.market.isWhole(7) && !bench.market.isWhole(8))
    bench.apply(Flow.on("D", 77, locate: 7), sequence: 50)
    #expect(!bench.market.isWhole(7))
  }

  @Test func `a book that dropped an order is not whole until its snapshot`() throws {
    let bench = try MarketBench()
    bench.open()
    #expect(bench.apply(Flow.add(1, "?", 1, 1, locate: 7)).contains(.wholenessChanged))
    #expect(!bench.market.isWhole(7) && bench.market.isWhole(8))
    bench.market.beginSnapshot(7)
    #expect(!bench.market.isWhole(7))
    bench.market.endSnapshot(7)
    #expect(bench.market.isWhole(7))
  }

  @Test func `books walked and loaded elsewhere are the same books`() throws {
    let bench = try BookBench()
    var twin = NaiveBooks()
    var flow = RandomFlow(seed: 11)
    for _ in 0..<3_000 {
      let record = flow.next()
      bench.apply(record)
      twin.apply(message: Flow.bytes(record))
    }
    let copy = try BookBench()
    var reloaded = NaiveBooks()
    for locate in twin.locates {
      for side in [BookSide.bid, .ask] {
        var walk = bench.books.orders(locate, side)
        while let order = bench.books.next(&walk) {
          let record = Flow.add(
            order.reference, side == .bid ? "B" : "S", order.shares, order.price, locate: locate)
          copy.apply(record)
          reloaded.apply(message: Flow.bytes(record))
        }
      }
    }
    #expect(reloaded.holdsSame(as: twin))
    expectSame(copy.books, reloaded)
    copy.books.resetAll()
    #expect(copy.books.live == 0)
    #expect(copy.books.top(1) == BookTop())
  }

  @Test func `a new session forgets books, states and bindings`() throws {
    let bench = try MarketBench()
    bench.open()
    bench.quote(bid: 10_000, ask: 10_100)
    bench.market.startSession()
    #expect(bench.market.books.live == 0 && bench.market.feedState == FeedState())
    #expect(bench.market.locate(InstrumentID(raw: 0)) == nil)
    #expect(bench.market.status(7) == .unknown)
    bench.sequence = 0
    bench.open()
    #expect(bench.market.isTradable(7))
  }

  @Test func `time that runs backwards is counted and does not move the feed's clock`() throws {
    let bench = try MarketBench()
    bench.open()
    let last = bench.market.feedState.lastTime
    bench.time -= 500_000
    bench.apply(Flow.add(1, "B", 1, 1, locate: 7))
    #expect(bench.market.feedState.backwards == 1)
    #expect(bench.market.feedState.lastTime == last)
  }
}
