import Testing

@testable import ExecutionCore

/// The books against the naive twin where books are at their largest and flow at its strangest.
struct ExtremeBooksTests {
  /// A cent is 100 ticks, 100 dollars are a million.
  static let touch: UInt32 = 1_000_000

  // MARK: One symbol with a million orders

  @Test func `a million orders of one symbol are the naive twin's`() throws {
    let seed: UInt64 = 0x1_000_000
    let million = 1_000_000
    let trio = try BookTrio(BookCapacity(orders: million))
    var flow = ChosenFlow(
      seed: seed, reference: { random, n in n * 4 + UInt64(random.below(4)) },
      price: { random in
        // A third waits at one price; the rest around it, a cent apart and in between.
        switch random.below(6) {
        case 0, 1: Self.touch
        case 2: Self.touch - 5_000 + UInt32(random.below(10_000))
        default: Self.touch - 50_000 + UInt32(random.below(1_000)) * 100
        }
      })
    flow.adds = 97
    while trio.full.books.live < million - 64 { trio.apply(flow.batch(64)) }
    flow.adds = 100
    trio.apply(flow.batch(million - Int(trio.full.books.live)))
    #expect(trio.full.books.live == UInt64(million))
    trio.drop(flow.next())
    #expect(trio.full.books.hasDropped(1))
    flow.adds = 0
    for _ in 0..<8 { trio.apply(flow.batch(64)) }
    flow.adds = 30
    for _ in 0..<800 { trio.apply(flow.batch(64)) }
    trio.expectSame("seed \(seed), \(trio.messages) messages")
    trio.resetAll()
    #expect(trio.full.books.live == 0 && trio.bare.books.levelCount(1, .bid) == 0)
    for _ in 0..<10 { trio.apply(flow.batch(64)) }
    trio.expectSame("seed \(seed), emptied and used again")
  }

  // MARK: Half a million price levels

  @Test func `half a million price levels are the naive twin's, and one more is counted`() throws {
    let seed: UInt64 = 524_288
    let sideMax = 262_144
    var capacity = BookCapacity(orders: 1 << 20)
    // What a window holds is beside the vectors, which are to be full here.
    capacity.windows = 0
    let trio = try BookTrio(capacity)
    #expect(BookCapacity(orders: 1 << 20).levels == 2 * sideMax)
    var random = SplitMix(state: seed)
    var references: UInt64 = 0
    /// So many prices of one side, from the worst to the best; a few come later, in no order.
    func fill(_ locate: UInt16, _ side: Character, _ count: Int) {
      let step = UInt64(UInt32.max) / UInt64(count)
      var prices = (0..<count).map { i in
        UInt32(UInt64(i) * step + UInt64(random.below(Int(step))))
      }
      if side == "S" { prices.reverse() }
      let late = prices.indices.filter { _ in random.below(300) == 0 }
      let lateSet = Set(late)
      let order = prices.indices.filter { !lateSet.contains($0) } + late.shuffled(using: &random)
      for start in stride(from: 0, to: count, by: 64) {
        trio.apply(
          order[start..<min(count, start + 64)].map { index in
            references += 1
            return Flow.add(references, side, 100, prices[index], locate: locate)
          })
      }
    }
    fill(1, "B", sideMax)
    // The side is at its largest.
    let best = trio.full.books.top(1).bid
    let free = (0...best).reversed().first {
      trio.full.books.shares(1, .bid, price: $0) == 0
    }
    let beyond = try #require(free)
    trio.drop(Flow.add(1 << 40, "B", 100, beyond))
    #expect(trio.full.books.hasDropped(1) && !trio.full.books.hasDropped(2))
    // At the prices that are there, and on the other side, all goes on.
    trio.apply([
      Flow.add(1 << 41, "B", 100, best), Flow.add(1 << 42, "S", 100, beyond),
      Flow.on("D", 1 << 42),
    ])
    // A replaced order gives its place up before it asks for another; the last of its level, it gets it.
    trio.drop(Flow.replace(1 << 41, 1 << 43, 100, beyond), instead: Flow.on("D", 1 << 41))
    trio.apply([
      Flow.replace(UInt64(sideMax / 2), 1 << 44, 100, beyond), Flow.on("D", 1 << 44),
      Flow.add(1 << 45, "B", 100, beyond),
    ])
    #expect(trio.full.books.levelCount(1, .bid) == sideMax)

    // The rest of half a million, across a few symbols: then no level is left for anybody.
    fill(2, "S", sideMax / 2)
    fill(3, "B", sideMax / 4)
    fill(65_535, "S", sideMax / 4)
    trio.drop(Flow.add(1 << 46, "B", 100, 1, locate: 4))
    var flow = ChosenFlow(
      seed: seed, reference: { random, _ in 1 + UInt64(random.below(2 * sideMax)) },
      price: { random in UInt32(truncatingIfNeeded: random.next()) })
    flow.adds = 0
    for _ in 0..<20 { trio.apply(flow.batch(64)) }
    // Eaten from the best price on: every message moves the top.
    let before = trio.topChanges
    let gone = 20_000
    for last in stride(from: references, to: references - UInt64(gone), by: -64) {
      trio.apply((0..<64).map { Flow.on("D", last - $0) })
    }
    #expect(trio.topChanges - before > gone / 2)
    trio.expectSame("seed \(seed), \(trio.messages) messages")
    trio.resetAll()
    fill(7, "S", 1_000)
    trio.expectSame("seed \(seed), emptied and used again")
  }

  @Test func `price vectors that find no room to grow leave their side as it was`() throws {
    var capacity = BookCapacity(orders: 4_096)
    capacity.ladderSlots = 64
    capacity.windows = 0
    let trio = try BookTrio(capacity)
    // Vectors of 8, 16 and 32 slots; what the bids outgrew the asks take.
    for (side, levels) in [("B" as Character, 32), ("S", 16)] {
      let base: UInt64 = side == "B" ? 0 : 1_000
      trio.apply(
        (0..<levels).map {
          Flow.add(base + UInt64($0), side, 100, Self.touch + UInt32($0 * 37 % 64) * 100)
        })
      for price in [1, Self.touch + 50, Self.touch + 10_000] {
        trio.drop(Flow.add(base + 500, side, 100, price))
      }
      trio.apply([Flow.add(base + 500, side, 100, Self.touch), Flow.on("E", base, 30)])
      trio.expectSame("\(side) full")
      trio.apply([Flow.on("D", base + 5), Flow.add(base + 501, side, 100, Self.touch + 50)])
      trio.drop(Flow.add(base + 502, side, 100, 1))
    }
    trio.expectSame("both sides full")
    #expect(trio.full.books.counters.full == 8)
    trio.resetAll()
    trio.apply((1...32).map { Flow.add(UInt64($0), "B", 100, UInt32($0)) })
    trio.expectSame("emptied and used again")
  }

  // MARK: Prices

  @Test(arguments: [UInt64(1), 2, 3])
  func `prices from none to the largest, beside the touch, are the naive twin's`(
    _ seed: UInt64
  ) throws {
    // 200,000 dollars is the largest price of the specification, a cent and a tick the smallest; beyond it
    // and at none at all a feed is wrong, and its books right.
    let extremes: [UInt32] = [
      0, 1, 2, 99, 100, 2_000_000_000 - 100, 2_000_000_000 - 1, 2_000_000_000, 2_000_000_001,
      1 << 31 - 1, 1 << 31, 1 << 31 + 1, .max - 100, .max - 1, .max,
    ]
    let trio = try BookTrio(.small)
    var flow = ChosenFlow(
      seed: seed, reference: { _, n in n },
      price: { random in
        switch random.below(10) {
        case 0, 1: extremes[random.below(extremes.count)]
        default: Self.touch + UInt32(random.below(40)) * 100
        }
      })
    flow.locates = [0, 1, 65_535]
    for round in 0..<300 {
      flow.adds = round < 100 ? 60 : 40
      trio.apply(flow.batch(64))
      if round % 60 == 0 { trio.expectSame("seed \(seed), \(trio.messages) messages") }
    }
    trio.expectSame("seed \(seed), \(trio.messages) messages")
    #expect(trio.full.books.counters.full == 0)
  }

  @Test(arguments: [UInt64(1), 2])
  func `sub-penny prices are levels of their own, as the naive twin's`(_ seed: UInt64) throws {
    let trio = try BookTrio(.small)
    var flow = ChosenFlow(
      seed: seed, reference: { _, n in n },
      price: { random in
        switch random.below(4) {
        // Below a dollar every tick is a price.
        case 0, 1: UInt32(1 + random.below(9_999))
        // Around the touch between the cents, halves and fours of them among it.
        case 2: Self.touch + UInt32(random.below(8)) * 25
        default: Self.touch + UInt32(random.below(300))
        }
      })
    flow.adds = 60
    for _ in 0..<300 { trio.apply(flow.batch(64)) }
    trio.expectSame("seed \(seed), \(trio.messages) messages")
    #expect(trio.full.books.levelCount(1, .bid) > 1_000)
  }

  // MARK: References

  /// How references are chosen; each is one test.
  enum References: CaseIterable {
    case random, highBits, fromTheTop, sameLow17, sameLow20, sameLow32, sameLow48, pairs, mixed

    func next(_ random: inout SplitMix, _ n: UInt64) -> UInt64 {
      switch self {
      case .random: random.next()
      case .highBits: n | 1 << 63
      case .fromTheTop: .max - n + 1
      // The places of the small books are 17 bits: all of these have one and the same.
      case .sameLow17: n << 17
      case .sameLow20: n << 20 | 0x9_1357
      case .sameLow32: n << 32 | 0xFFFF_FFFF
      case .sameLow48: n << 48 | n >> 16
      // Two of each place, told apart by the highest bit only.
      case .pairs: n >> 1 | (n & 1) << 63
      case .mixed:
        Self.allCases[random.below(Self.allCases.count - 1)].next(&random, n)
      }
    }
  }

  @Test(arguments: References.allCases)
  func `references that are not dense are as right as dense ones`(_ references: References) throws {
    let seed: UInt64 = 2_026
    let trio = try BookTrio(.small)
    var flow = ChosenFlow(
      seed: seed, reference: { references.next(&$0, $1) },
      price: { Self.touch + UInt32($0.below(100)) * 100 })
    flow.locates = [1, 2]
    for round in 0..<400 {
      flow.adds = round < 200 ? 80 : 35
      trio.apply(flow.batch(64))
      if round == 199 { trio.expectSame("seed \(seed), \(trio.messages) messages") }
    }
    trio.expectSame("seed \(seed), \(trio.messages) messages")
    #expect(trio.full.books.counters.full == 0)
    #expect(trio.twin.unknown > 0 && trio.twin.duplicate > 0 && trio.twin.overExecuted > 0)
    trio.resetAll()
    for _ in 0..<50 { trio.apply(flow.batch(64)) }
    trio.expectSame("seed \(seed), emptied and used again")
  }
}
