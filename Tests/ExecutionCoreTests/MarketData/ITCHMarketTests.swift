import CSupport
import Testing

@testable import ExecutionCore

/// A ``ITCHMarket`` for NEEDLE (0) and OTHER (1) in its own arena.
final class MarketBench {
  let arena: OpaquePointer
  let market: ITCHMarket
  var time: Int64 = 1_000_000_000
  var sequence: UInt64 = 0

  init(
    _ change: (inout MarketDataSettings) -> Void = { _ in },
    facts: (inout InstrumentFacts) -> Void = { _ in }
  ) throws {
    var settings = MarketDataSettings(capacity: BookCapacity(orders: 1024))
    change(&settings)
    let instruments = ["NEEDLE", "OTHER"].map {
      var made = InstrumentFacts(symbol: Symbol($0) ?? .none)
      facts(&made)
      return made
    }
    arena = try makeArena(ITCHMarket.bytes(for: settings, instruments: 2))
    market = try #require(ITCHMarket(settings: settings, instruments: instruments, arena: arena))
  }
  var needle: InstrumentID { InstrumentID(raw: 0) }
  var quotes: Quotes { market.quotes }
  var status: MarketStatus { quotes.status(needle) }
  /// That NEEDLE's quote fails after so much more time.
  func gates(after age: Int64 = 0) -> QualityGates { quotes.gates(needle, now: time + age) }
  var good: GoodQuote { quotes.goodQuote(needle, now: time) }
  var isWhole: Bool { quotes.isWhole(needle) }
  var isTradable: Bool { isWhole && status.isTrading }
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
    var record = record
    record.sessionTime = time
    return withUnsafePointer(to: record) { market.applySnapshot($0) }
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

struct ITCHMarketTests {
  @Test func `a locate is bound by the directory and quotes are at exponent minus eight`() throws {
    let bench = try MarketBench()
    let market = bench.market
    #expect(!bench.quotes.isNamed(bench.needle) && bench.gates().contains(.gap))
    #expect(market.instrument(symbol: SymbolCode.encode("OTHER") ?? 0) == InstrumentID(raw: 1))
    #expect(market.instrument(symbol: SymbolCode.encode("NONE") ?? 0) == .none)
    bench.apply(bench.state("S", code: "O", locate: 0))
    #expect(bench.apply(bench.directory("NEEDLE", locate: 7)) == .bound)
    #expect(bench.apply(bench.directory("NEEDLE", locate: 7)) == .empty)
    #expect(market.locate(InstrumentID(raw: 0)) == 7)
    #expect(market.instrument(7) == InstrumentID(raw: 0))
    #expect(market.roundLot(7) == 100)
    bench.quote(bid: 2_872_900, ask: 2_873_200)
    let quote = bench.quotes.quote(bench.needle)
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
    let arena = try makeArena(ITCHMarket.bytes(for: settings, instruments: 2))
    defer { nt_arena_destroy(arena) }
    #expect(ITCHMarket(settings: settings, symbols: [5, 5], arena: arena) == nil)
  }

  @Test func `trading status follows H, h and the market-wide breaker`() throws {
    let bench = try MarketBench()
    bench.apply(bench.state("S", code: "O", locate: 0))
    bench.apply(bench.directory("NEEDLE", locate: 7))
    #expect(bench.status == .unknown && !bench.isTradable)
    #expect(bench.apply(bench.state("H", code: "T")) == .statusChanged)
    #expect(bench.status == .trading && bench.isTradable)
    #expect(bench.apply(bench.state("H", code: "T")) == .empty)
    for (code, status) in [("P", MarketStatus.paused), ("Q", .quotationOnly), ("H", .halted)] {
      #expect(bench.apply(bench.state("H", code: Character(code))) == .statusChanged)
      #expect(bench.status == status && !bench.isTradable)
    }
    bench.apply(bench.state("H", code: "Z"))
    #expect(bench.status == .unknown)
    bench.apply(bench.state("H", code: "T"))
    var halt = bench.state("h", code: "H")
    halt.code |= UInt16(UInt8(ascii: "B")) << 8
    #expect(bench.apply(halt) == .empty)
    halt.code = UInt16(UInt8(ascii: "H")) | UInt16(UInt8(ascii: "Q")) << 8
    #expect(bench.apply(halt) == .statusChanged)
    #expect(bench.status == .halted)
    halt.code = UInt16(UInt8(ascii: "T")) | UInt16(UInt8(ascii: "Q")) << 8
    #expect(bench.apply(halt) == .statusChanged)
    #expect(bench.apply(bench.state("W", code: "1", locate: 0)).contains(.statusChanged))
    #expect(bench.status == .halted && bench.market.feedState.breachedLevel == 0x31)
    #expect(bench.apply(bench.state("H", code: "T")) == .statusChanged)
    #expect(bench.isTradable)
  }

  /// The instruments file says that it trades, and the feed has not spoken, or in no word that is known.
  @Test func `a file's word that it trades holds through no halt and no unknown state`() throws {
    let bench = try MarketBench {
      $0.startsWhole = true
    } facts: {
      $0.status = .trading
    }
    bench.apply(bench.directory("NEEDLE", locate: 7))
    #expect(bench.isTradable)
    bench.apply(bench.state("W", code: "1", locate: 0))
    #expect(bench.status == .halted)
    let halted = try MarketBench {
      $0.startsWhole = true
    } facts: {
      $0.status = .trading
    }
    halted.apply(halted.directory("NEEDLE", locate: 7))
    var halt = halted.state("h", code: "H")
    halt.code |= UInt16(UInt8(ascii: "Q")) << 8
    halted.apply(halt)
    #expect(halted.status == .halted)
    let strange = try MarketBench {
      $0.startsWhole = true
    } facts: {
      $0.status = .trading
      $0.shortSale = .unrestricted
    }
    strange.apply(strange.directory("NEEDLE", locate: 7))
    #expect(strange.quotes.shortSale(strange.needle) == .unrestricted)
    strange.apply(strange.state("H", code: "Z"))
    strange.apply(strange.state("Y", code: "7"))
    #expect(strange.status == .unknown && strange.quotes.shortSale(strange.needle) == .unknown)
  }

  /// What another locate was called is known no more; what the file says of the instrument stays.
  @Test func `an instrument that loses its locate is known by its file alone`() throws {
    let bench = try MarketBench {
      $0.startsWhole = true
    } facts: {
      $0.status = .paused
    }
    bench.apply(bench.directory("NEEDLE", locate: 7))
    bench.apply(bench.state("H", code: "T"))
    bench.quote(bid: 10_000, ask: 10_100)
    #expect(bench.isTradable && bench.good.isCurrent)
    bench.apply(bench.directory("OTHER", locate: 7))
    #expect(bench.status == .paused && !bench.isWhole && !bench.good.isKnown)
    #expect(bench.quotes.quote(InstrumentID(raw: 1)).bid == VenueTicks.price(10_000))
  }

  @Test func `Reg SHO, collar, breaker levels and system events are kept`() throws {
    let bench = try MarketBench()
    bench.apply(bench.directory("NEEDLE", locate: 7))
    for (code, rule) in [
      ("0", ShortSaleRule.unrestricted), ("1", .restricted), ("2", .remainsRestricted),
      ("3", .unknown),
    ] {
      #expect(bench.apply(bench.state("Y", code: Character(code))).contains(.shortSaleChanged))
      #expect(bench.apply(bench.state("Y", code: Character(code))) == .empty)
      #expect(bench.quotes.shortSale(bench.needle) == rule)
    }
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
    for (code, hours) in [
      ("S", MarketHours.preOpen), ("Q", .open), ("M", .closed), ("E", .closed), ("C", .closed),
      ("?", .unknown),
    ] {
      let event = bench.state("S", code: Character(code), locate: 0)
      #expect(bench.apply(event).contains(.marketChanged))
      #expect(bench.quotes.hours(bench.needle) == hours)
    }
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
    #expect(
      bench.quotes.lastTrade(bench.needle)?.price == VenueTicks.price(10_000), "it is not printable"
    )
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
