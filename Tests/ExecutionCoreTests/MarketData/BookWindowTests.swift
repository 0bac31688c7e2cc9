import Testing

@testable import ExecutionCore

/// The window of a side, which moves with the touch, against the naive twin: levels that it leaves behind
/// or meets again, cells that are still taken, sides that get no window.
struct BookWindowTests {
  /// A touch that walks, jumps or swings.
  enum Walk: CaseIterable {
    case up, down, swing, jump

    /// Cents.
    func touch(at round: Int, _ random: inout SplitMix) -> Int {
      switch self {
      case .up: 500 + round * 7
      case .down: 4_000 - round * 7
      case .swing: 2_000 + abs(round % 200 - 100) * 9
      case .jump: 300 + random.below(8) * 1_003
      }
    }
  }

  private func play(_ walk: Walk, seed: UInt64, windows: Int?) throws {
    var capacity = BookCapacity(orders: 8_192)
    if let windows { capacity.windows = windows }
    let trio = try BookTrio(capacity)
    var steps = SplitMix(state: seed &+ 1)
    // Mostly near the touch, some far behind it or ahead, so that old levels are met by the window again.
    let price: (Int) -> (inout SplitMix) -> UInt32 = { touch in
      { random in
        let away =
          switch random.below(12) {
          case 0: random.below(2_000) - 1_000
          case 1: 256 * (random.below(7) - 3)
          default: random.below(60) - 30
          }
        let ticks = UInt32(max(1, touch + away)) * 100
        return random.below(40) == 0 ? ticks + 50 : ticks
      }
    }
    var flow = ChosenFlow(seed: seed, reference: { _, n in n }, price: price(500))
    flow.locates = [1, 2, 3]
    for round in 0..<400 {
      flow.price = price(walk.touch(at: round, &steps))
      flow.adds = round % 100 < 60 ? 55 : 42
      trio.apply(flow.batch(40))
      if round % 50 == 49 { trio.expectSame("\(walk), seed \(seed), round \(round)") }
    }
    #expect(trio.full.books.counters.full == 0)
    trio.resetAll()
    trio.apply(flow.batch(400))
    trio.expectSame("\(walk), seed \(seed), emptied and used again")
  }

  @Test(arguments: Walk.allCases, [UInt64(1), 2, 3])
  func `books whose touch moves are the naive twin's`(_ walk: Walk, _ seed: UInt64) throws {
    try play(walk, seed: seed, windows: nil)
  }

  @Test(arguments: [0, 1, 3])
  func `sides without a window have the same levels`(_ windows: Int) throws {
    try play(.swing, seed: 4, windows: windows)
  }

  @Test func `a hundred thousand levels a cent apart are the naive twin's`() throws {
    let seed: UInt64 = 100_000
    let trio = try BookTrio(BookCapacity(orders: 1 << 19))
    var flow = ChosenFlow(
      seed: seed, reference: { _, n in n }, price: { 100 * UInt32(1 + $0.below(130_000)) })
    flow.adds = 100
    for _ in 0..<2_000 { trio.apply(flow.batch(100)) }
    #expect(trio.full.books.levelCount(1, .bid) > 50_000)
    trio.expectSame("seed \(seed), all orders")
    flow.adds = 20
    for _ in 0..<200 { trio.apply(flow.batch(100)) }
    trio.expectSame("seed \(seed), \(trio.messages) messages")
  }

  @Test func `a level that the window has left keeps its orders, and their places in the queue`()
    throws
  {
    let bench = try BookBench()
    for reference in 1...3 { bench.apply(Flow.add(UInt64(reference), "B", 100, 10_000)) }
    // 256 and 1,000 cents higher: the first has the same cell.
    bench.apply(Flow.add(4, "B", 100, 35_600))
    bench.apply(Flow.add(5, "B", 100, 110_000))
    #expect(bench.books.levelCount(1, .bid) == 3)
    #expect(
      bench.books.queuePosition(3)
        == QueuePosition(sharesAhead: 200, ordersAhead: 2, levelsAhead: 2))
    bench.apply(Flow.on("D", 5))
    #expect(bench.books.top(1).bid == 35_600)
    bench.apply(Flow.on("D", 4))
    #expect(bench.books.top(1).bid == 10_000 && bench.books.top(1).bidShares == 300)
    // Empty, the window comes back; the old level is still found where it was.
    bench.apply(Flow.add(6, "B", 50, 10_000))
    bench.apply(Flow.add(7, "B", 50, 10_100))
    #expect(bench.books.shares(1, .bid, price: 10_000) == 350)
    #expect(bench.books.levelCount(1, .bid) == 2)
    var walk = bench.books.levels(1, .bid)
    #expect(bench.books.next(&walk)?.price == 10_100)
    #expect(bench.books.next(&walk)?.orders == 4)
    #expect(bench.books.next(&walk) == nil)
  }

  @Test func `the least and the greatest price and orders of no shares are the naive twin's`()
    throws
  {
    let seed: UInt64 = 4_294_967_295
    let trio = try BookTrio(BookCapacity(orders: 4_096))
    // Keys of 0, ranks at both ends, and beside them what a window has; a third of the time no shares.
    let prices: [UInt32] = [0, 50, 100, 25_500, 25_600, .max, .max - 50, .max - 95, .max - 25_595]
    var flow = ChosenFlow(
      seed: seed, reference: { _, n in n }, price: { prices[$0.below(prices.count)] })
    for round in 0..<400 {
      flow.adds = round % 20 < 10 ? 55 : 30
      var batch = flow.batch(50)
      for index in stride(from: round % 3, to: batch.count, by: 3) {
        // The least bid of no shares looks like no bid: the twin's top tells no difference there.
        let isEnd = batch[index].price == 0 || batch[index].price > .max - 100
        if batch[index].side != 0, !isEnd { batch[index].shares = 0 }
      }
      trio.apply(batch)
    }
    trio.expectSame("seed \(seed), \(trio.messages) messages")
    #expect(trio.topChanges > 1_000)
  }
}
