import Testing

@testable import ExecutionCore

struct QualityGateTests {
  @Test func `locked, crossed and one-sided quotes close their gates and good ones open them`()
    throws
  {
    let bench = try MarketBench()
    bench.open()
    bench.apply(Flow.add(1, "B", 100, 10_000, locate: 7))
    #expect(bench.gates() == .oneSided && !bench.good.isKnown)
    #expect(bench.apply(Flow.add(2, "S", 100, 10_100, locate: 7)).contains(.qualityChanged))
    #expect(bench.gates().isEmpty && bench.quotes.failingSince(bench.needle) == 0)
    let good = bench.good
    #expect(good.bid == VenueTicks.price(10_000) && good.ask == VenueTicks.price(10_100))
    #expect(good.time == bench.time && good.isCurrent)
    bench.apply(Flow.add(3, "B", 100, 10_100, locate: 7))
    #expect(bench.gates() == .locked)
    let since = bench.time
    bench.apply(Flow.add(4, "B", 100, 10_200, locate: 7))
    #expect(bench.gates() == .crossed && bench.quotes.failingSince(bench.needle) == since)
    var kept = good
    kept.isCurrent = false
    #expect(bench.good == kept)
    bench.apply(Flow.on("D", 4, locate: 7))
    #expect(bench.apply(Flow.on("D", 3, locate: 7)).contains(.qualityChanged))
    #expect(bench.gates().isEmpty && bench.quotes.failingSince(bench.needle) == 0)
  }

  @Test func `data grows stale by session time, of a symbol and of the feed`() throws {
    let bench = try MarketBench {
      $0.staleAfter = 1_000_000
      $0.feedStaleAfter = 10_000_000
    }
    bench.open()
    bench.quote(bid: 10_000, ask: 10_100)
    let last = bench.time
    #expect(bench.gates(after: 1_000_000).isEmpty)
    #expect(bench.gates(after: 1_000_001) == .stale)
    #expect(!bench.quotes.goodQuote(bench.needle, now: last + 1_000_001).isCurrent)
    #expect(bench.quotes.age(bench.needle, now: last + 5) == 5)
    #expect(bench.quotes.age(InstrumentID(raw: 1), now: last) == .max)
    #expect(bench.market.feedAge(now: last + 3) == 3)
    let feedOnly = try MarketBench {
      $0.staleAfter = 0
      $0.feedStaleAfter = 10
    }
    #expect(feedOnly.quotes.gates(feedOnly.needle, now: 5).contains(.stale))
  }

  @Test func `an outlier is not a good quote until it has stood`() throws {
    let bench = try MarketBench {
      $0.outlierParts = 1_000
      $0.outlierAcceptedAfter = 5_000
    }
    bench.open()
    bench.quote(bid: 10_000, ask: 10_100)
    bench.apply(Flow.on("D", bench.sequence + 999, locate: 7))
    bench.apply(Flow.add(50, "S", 100, 14_000, locate: 7))
    #expect(bench.gates() == .outlier)
    #expect(bench.good.ask == VenueTicks.price(10_100))
    var reference: UInt64 = 60
    while bench.gates() == .outlier, reference < 100 {
      bench.apply(Flow.add(reference, "B", 100, 10_000, locate: 7))
      reference += 1
    }
    #expect(reference == 65)
    #expect(bench.good.ask == VenueTicks.price(14_000))
  }
}

extension QualityGateTests {
  /// A side that vanishes for a moment, and one far off in its place: that has not stood.
  @Test func `an outlier that is broken off begins anew`() throws {
    let bench = try MarketBench {
      $0.outlierParts = 1_000
      $0.outlierAcceptedAfter = 5_000
    }
    bench.open()
    bench.quote(bid: 10_000, ask: 10_100)
    bench.apply(Flow.on("D", bench.sequence + 999, locate: 7))
    bench.apply(Flow.add(50, "S", 100, 14_000, locate: 7))
    #expect(bench.gates() == .outlier)
    bench.apply(Flow.on("D", 50, locate: 7))
    #expect(bench.gates() == .oneSided)
    bench.time += 1_000_000
    bench.apply(Flow.add(51, "S", 100, 13_900, locate: 7))
    #expect(bench.gates() == .outlier && bench.good.ask == VenueTicks.price(10_100))
    bench.time += 5_000
    bench.apply(Flow.add(52, "S", 100, 13_900, locate: 7))
    #expect(bench.gates().isEmpty && bench.good.ask == VenueTicks.price(13_900))
  }
}

struct WholenessTests {
  /// NEEDLE's book from a first record with that sequence.
  private func joined(_ sequence: UInt64, _ change: (inout MarketDataSettings) -> Void = { _ in })
    throws -> (bench: MarketBench, first: MarketChange)
  {
    let bench = try MarketBench(change)
    let first = bench.apply(bench.directory("NEEDLE", locate: 7), sequence: sequence)
    return (bench, first)
  }

  @Test func `books are whole from sequence one or the start of messages and not from the middle`()
    throws
  {
    let first = try MarketBench()
    #expect(first.apply(first.state("H", code: "T")).contains(.wholenessChanged))
    first.apply(first.directory("NEEDLE", locate: 7))
    #expect(first.isWhole)
    let middle = try joined(500).bench
    #expect(!middle.isWhole && middle.gates().contains(.gap))
    middle.apply(middle.state("S", code: "O", locate: 0))
    #expect(middle.isWhole, "nothing was in the books")
    let late = try MarketBench()
    late.apply(Flow.add(1, "B", 1, 1, locate: 7), sequence: 500)
    late.apply(late.directory("NEEDLE", locate: 7))
    late.apply(late.state("S", code: "O", locate: 0))
    #expect(!late.isWhole)
    let file = try joined(0).bench
    #expect(
      file.apply(file.state("S", code: "O", locate: 0), sequence: 0).contains(.wholenessChanged))
    #expect(file.isWhole)
    let told = try joined(0) { $0.startsWhole = true }.bench
    #expect(told.isWhole)
    told.apply(Flow.add(1, "B", 1, 1, locate: 7), sequence: 0)
    #expect(told.isWhole)
    told.apply(Flow.add(2, "B", 1, 1, locate: 7), sequence: 9)
    #expect(!told.isWhole)
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
    #expect(!bench.isWhole && bench.gates() == .gap)
    #expect(bench.good.bid == VenueTicks.price(10_000), "what came after the loss is not good")
    #expect(!bench.good.isCurrent && bench.quotes.failingSince(bench.needle) == bench.time)
    bench.apply(bench.state("S", code: "O", locate: 0))
    #expect(!bench.isWhole)
  }

  @Test func `a gap under repair suspends and a repaired one restores`() throws {
    let bench = try MarketBench()
    bench.open()
    bench.quote(bid: 10_000, ask: 10_100)
    bench.market.gapDetected()
    #expect(!bench.isWhole && bench.gates() == .gap && bench.quotes.awaitsRepair(bench.needle))
    bench.market.repairIsLate()
    #expect(!bench.quotes.awaitsRepair(bench.needle))
    // What was missing comes in its order, and is as good as any.
    bench.apply(Flow.add(9, "B", 1, 10_050, locate: 7))
    #expect(!bench.isWhole && bench.quotes.failingSince(bench.needle) == 0)
    bench.market.gapRepaired()
    #expect(bench.isWhole && bench.gates().isEmpty)
    #expect(bench.good.bid == VenueTicks.price(10_050))
    bench.market.gapDetected()
    bench.market.gapLost(missing: 4)
    #expect(!bench.isWhole && bench.market.feedState.missing == 4)
    #expect(!bench.quotes.awaitsRepair(bench.needle))
  }

  @Test func `sequences that held nothing to apply can be passed over`() throws {
    let bench = try MarketBench()
    bench.open()
    bench.market.skip(2, from: 4)
    #expect(!bench.apply(Flow.add(1, "B", 1, 1, locate: 7), sequence: 6).contains(.gap))
    #expect(bench.isWhole)
  }

  @Test func `a snapshot splices by sequence`() throws {
    let bench = try MarketBench()
    bench.open()
    bench.quote(bid: 10_000, ask: 10_100)
    bench.apply(Flow.on("D", 77, locate: 7), sequence: 20)
    bench.market.beginSnapshot()
    #expect(bench.market.books.live == 0 && !bench.isWhole)
    #expect(bench.quotes.quote(bench.needle).bidQuantity.raw == 0)
    bench.applySnapshot(Flow.add(101, "B", 10, 9_900, locate: 7))
    bench.applySnapshot(Flow.add(102, "B", 20, 9_900, locate: 7))
    bench.applySnapshot(Flow.add(103, "S", 30, 9_990, locate: 7))
    #expect(bench.good.bid == VenueTicks.price(10_000), "what is half loaded is not good")
    bench.market.endSnapshot(next: 31)
    #expect(bench.isTradable && bench.gates().isEmpty)
    #expect(bench.good.bid == VenueTicks.price(9_900) && bench.good.isCurrent)
    #expect(bench.apply(Flow.on("D", 101, locate: 7), sequence: 30) == .ignored)
    #expect(bench.apply(Flow.on("D", 101, locate: 7), sequence: 31).contains(.topChanged))
    #expect(bench.market.books.queuePosition(102)?.ordersAhead == 0)
    #expect(bench.apply(Flow.on("D", 102, locate: 7), sequence: 33).contains(.gap))
    #expect(!bench.isWhole)
  }

  @Test func `a book that dropped an order is not whole until a snapshot`() throws {
    let bench = try MarketBench()
    bench.open()
    bench.apply(bench.directory("OTHER", locate: 8))
    bench.quote(bid: 10_000, ask: 10_100)
    #expect(bench.apply(Flow.add(1, "?", 1, 1, locate: 7)).contains(.wholenessChanged))
    #expect(!bench.isWhole && bench.quotes.isWhole(InstrumentID(raw: 1)))
    #expect(bench.gates() == .gap && bench.good.bid == VenueTicks.price(10_000))
    bench.market.beginSnapshot()
    #expect(!bench.isWhole)
    bench.market.endSnapshot(next: 31)
    #expect(bench.isWhole)
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
    #expect(bench.status == .unknown && !bench.isWhole && !bench.good.isKnown)
    bench.sequence = 0
    bench.open()
    #expect(bench.isTradable)
  }

  @Test func `time that runs backwards is counted and does not move the feed's clock`() throws {
    let bench = try MarketBench()
    bench.open()
    let last = bench.market.channelState.lastTime
    bench.time -= 500_000
    bench.apply(Flow.add(1, "B", 1, 1, locate: 7))
    #expect(bench.market.feedState.backwards == 1)
    #expect(bench.market.channelState.lastTime == last)
  }
}
