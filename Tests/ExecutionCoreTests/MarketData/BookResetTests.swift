import Testing

@testable import ExecutionCore

/// Books that are emptied give every order's place and every level back, wherever the level lay.
@Suite struct BookResetTests {
  /// Levels in the window, left behind by it, and in the pool; orders in their places and in the
  /// overflow.
  private func fill(_ trio: BookTrio, _ flow: inout ChosenFlow, rounds: Int) {
    for round in 0..<rounds {
      let touch = 40_000 + 700 * (round % 5)
      flow.price = { random in
        let away = random.below(3) == 0 ? random.below(30_000) : random.below(100)
        return UInt32(max(1, touch - away)) * 100 + (random.below(20) == 0 ? 50 : 0)
      }
      trio.apply(flow.batch(64))
    }
  }

  private func flow(_ seed: UInt64) -> ChosenFlow {
    var flow = ChosenFlow(
      seed: seed,
      // Two to a place.
      reference: { _, n in n / 2 | (n & 1) << 50 },
      price: { _ in 100 })
    flow.locates = [1, 2, 3]
    flow.adds = 70
    return flow
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `books emptied all at once are the naive twin's when used again`(_ seed: UInt64) throws {
    let trio = try BookTrio(BookCapacity(orders: 8_192))
    var flow = flow(seed)
    for turn in 0..<4 {
      fill(trio, &flow, rounds: 100)
      trio.expectSame("seed \(seed), turn \(turn)")
      trio.resetAll()
      for bench in [trio.full, trio.bare] {
        #expect(bench.books.live == 0)
        for locate in flow.locates {
          #expect(!bench.books.hasOrders(locate))
          #expect(bench.books.top(locate).isSame(as: BookTop()))
        }
      }
    }
    #expect(trio.full.books.counters.full == 0)
  }

  @Test func `one book emptied leaves the others as they were`() throws {
    let trio = try BookTrio(BookCapacity(orders: 8_192))
    var flow = flow(4)
    fill(trio, &flow, rounds: 100)
    for bench in [trio.full, trio.bare] { bench.books.reset(2) }
    trio.forget(2)
    trio.expectSame("book 2 emptied")
    fill(trio, &flow, rounds: 50)
    trio.expectSame("and used again")
  }

  /// A level that were not given back would be missing in a later turn.
  @Test(arguments: [0, 1])
  func `as many levels as there are room for come back every time`(_ windows: Int) throws {
    var capacity = BookCapacity(orders: 4_096)
    capacity.windows = windows
    capacity.queues = false
    let bench = try BookBench(capacity)
    var random = SplitMix(state: 5)
    for _ in 0..<6 {
      var prices = (1...4_096).map { UInt32($0) * 100 + 50 }
      prices.shuffle(using: &random)
      let before = bench.books.counters.full
      var added = 0
      for (i, price) in prices.enumerated()
      where bench.apply(Flow.add(UInt64(i), i % 2 == 0 ? "B" : "S", 100, price)).contains(.depth) {
        added += 1
      }
      // Where levels or vectors end is the same every time.
      #expect(bench.books.counters.full - before == UInt64(prices.count - added))
      #expect(added == prices.count)
      #expect(bench.books.levelCount(1, .bid) + bench.books.levelCount(1, .ask) == added)
      bench.books.resetAll()
      #expect(bench.books.levelCount(1, .bid) == 0 && bench.books.levelCount(1, .ask) == 0)
    }
  }
}
