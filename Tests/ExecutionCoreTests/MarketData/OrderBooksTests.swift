import Testing

@testable import ExecutionCore

/// Messages for the books, as records and as bytes for the twin.
struct Flow {
  static func add(
    _ reference: UInt64, _ side: Character, _ shares: UInt32, _ price: UInt32, locate: UInt16 = 1,
    symbol: String = "NEEDLE"
  ) -> MarketRecord {
    var record = MarketRecord()
    record.kind = ITCHDecoder.Kind.add
    record.reference = reference
    record.side = side.asciiValue ?? 0
    record.shares = shares
    record.price = price
    record.locate = locate
    record.symbol = SymbolCode.encode(symbol) ?? 0
    return record
  }
  static func on(
    _ kind: Character, _ reference: UInt64, _ shares: UInt32 = 0, locate: UInt16 = 1
  ) -> MarketRecord {
    var record = MarketRecord()
    record.kind = kind.asciiValue ?? 0
    record.reference = reference
    record.shares = shares
    record.locate = locate
    return record
  }
  static func replace(
    _ reference: UInt64, _ new: UInt64, _ shares: UInt32, _ price: UInt32, locate: UInt16 = 1
  ) -> MarketRecord {
    var record = on("U", reference, shares, locate: locate)
    record.second = new
    record.price = price
    return record
  }
  static func bytes(_ record: MarketRecord) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: 64)
    let written = withUnsafePointer(to: record) {
      ITCHEncoder.encode($0, midnight: 0, into: &out, capacity: 64)
    }
    return Array(out.prefix(written))
  }
}

struct OrderBooksTests {
  @Test func `slots have the sizes that their layout counts on`() {
    #expect(MemoryLayout<OrderSlot>.stride == 16)
    #expect(MemoryLayout<QueueLinks>.stride == 8)
    #expect(MemoryLayout<LevelSlot>.stride == 32)
    #expect(MemoryLayout<LadderEntry>.stride == 8)
    #expect(MemoryLayout<SideState>.stride == 64)
    #expect(MemoryLayout<SideState>.offset(of: \.present) == OrderBooks.presentOffset)
    #expect(MemoryLayout<BookState>.stride == 192)
    #expect(MemoryLayout<BookState>.offset(of: \.bidWindow) == OrderBooks.windowsOffset)
    #expect(MemoryLayout<BookState>.offset(of: \.askWindow) == OrderBooks.windowsOffset + 4)
    #expect(MemoryLayout<BookState>.offset(of: \.stated) == OrderBooks.statedOffset)
    #expect(MemoryLayout<LevelSlot>.offset(of: \.head) == 16)
    #expect(MemoryLayout<LevelSlot>.offset(of: \.tail) == 20)
    #expect(MemoryLayout<QueueLinks>.offset(of: \.next) == 0)
    #expect(MemoryLayout<QueueLinks>.offset(of: \.previous) == 4)
    #expect(MemoryLayout<BookState>.offset(of: \.bids) == 0)
    #expect(MemoryLayout<BookState>.offset(of: \.asks) == 64)
  }

  @Test func `a whole day of a market fits in two GiB`() {
    let books = OrderBooks.bytes(for: .wholeDay)
    #expect(BookCapacity.wholeDay.orders >= 1_700_000)
    let windows =
      UInt64(BookCapacity.wholeDay.windows * OrderBooks.windowSize)
      * UInt64(MemoryLayout<LevelSlot>.stride)
    #expect(windows < 200 << 20)
    #expect(books - windows < 260 << 20)
    let all = ITCHMarket.bytes(for: MarketDataSettings(), instruments: 12_000)
    #expect(all - windows < 300 << 20)
  }

  @Test func `orders at a price queue first come first served`() throws {
    let bench = try BookBench()
    #expect(bench.apply(Flow.add(1, "B", 100, 10_000)) == [.depth, .top])
    #expect(bench.apply(Flow.add(2, "B", 200, 10_000)) == [.depth, .top])
    #expect(bench.apply(Flow.add(3, "B", 300, 9_900)) == .depth)
    #expect(
      bench.books.queuePosition(2)
        == QueuePosition(sharesAhead: 100, ordersAhead: 1, levelsAhead: 0))
    #expect(
      bench.books.queuePosition(3) == QueuePosition(sharesAhead: 0, ordersAhead: 0, levelsAhead: 1))
    #expect(bench.apply(Flow.on("E", 1, 40)) == [.depth, .top])
    #expect(bench.books.queuePosition(2)?.sharesAhead == 60)
    #expect(bench.apply(Flow.on("D", 1)) == [.depth, .top])
    #expect(bench.books.queuePosition(2)?.ordersAhead == 0)
    #expect(bench.books.queuePosition(1) == nil)
    #expect(bench.books.order(2)?.shares == 200)
    #expect(bench.books.level(1, .bid, depth: 1)?.price == 9_900)
    #expect(bench.books.level(1, .bid, depth: 2) == nil)
    #expect(bench.books.level(1, .bid, depth: -1) == nil)
  }

  @Test func `a replaced order loses its place and keeps its side`() throws {
    let bench = try BookBench()
    bench.apply(Flow.add(1, "S", 100, 10_000))
    bench.apply(Flow.add(2, "S", 100, 10_000))
    #expect(bench.apply(Flow.replace(1, 3, 100, 10_000)) == .depth)
    #expect(bench.books.queuePosition(3)?.ordersAhead == 1)
    #expect(bench.books.order(3)?.side == UInt8(ascii: "S"))
    #expect(bench.apply(Flow.replace(2, 4, 50, 9_990)) == [.depth, .top])
    #expect(bench.books.top(1).ask == 9_990)
  }

  @Test func `unknown, duplicate and over-executed orders are counted and harmless`() throws {
    let bench = try BookBench()
    bench.apply(Flow.add(1, "B", 100, 10_000))
    bench.apply(Flow.add(2, "B", 100, 10_000))
    for kind in "ECXD" { #expect(bench.apply(Flow.on(kind, 99, 10)) == .unknown) }
    #expect(bench.apply(Flow.replace(99, 100, 10, 10_000)) == .unknown)
    #expect(bench.books.order(100) == nil)
    #expect(bench.apply(Flow.add(1, "S", 5, 20_000)) == .duplicate)
    #expect(bench.apply(Flow.replace(1, 2, 10, 10_000)) == .duplicate)
    #expect(bench.apply(Flow.replace(1, 1, 10, 10_000)) == .duplicate)
    #expect(bench.apply(Flow.replace(98, 2, 10, 10_000)) == [.unknown, .duplicate])
    #expect(bench.books.order(1)?.shares == 100)
    #expect(bench.apply(Flow.on("X", 1, 101)) == [.depth, .top, .overExecuted])
    #expect(bench.books.order(1) == nil)
    let counters = bench.books.counters
    #expect(counters.unknown == 6 && counters.duplicate == 4 && counters.overExecuted == 1)
    #expect(counters.added == 2 && counters.live == 1)
  }

  @Test func `an order of neither side is not booked and its book is not whole`() throws {
    let bench = try BookBench()
    #expect(bench.apply(Flow.add(1, "X", 100, 10_000)) == .dropped)
    #expect(bench.books.counters.badSide == 1)
    #expect(bench.books.hasDropped(1))
    #expect(bench.books.live == 0)
  }

  @Test func `another stock than the locate's is counted and booked`() throws {
    let bench = try BookBench()
    bench.apply(Flow.add(1, "B", 100, 10_000))
    let change = bench.apply(Flow.add(2, "B", 100, 10_000, symbol: "OTHER"))
    #expect(change.contains(.dropped) && change.contains(.depth))
    #expect(bench.books.counters.symbolMismatch == 1)
    #expect(SymbolCode.decode(bench.books.symbol(1)) == "NEEDLE")
  }

  @Test func `full is counted, crashes nothing, and ends when orders go`() throws {
    var capacity = BookCapacity(orders: 64)
    capacity.levels = 16
    let bench = try BookBench(capacity)
    for reference in 1...64 {
      bench.apply(Flow.add(UInt64(reference), "B", 1, UInt32(10_000 + reference % 8)))
    }
    #expect(bench.books.live == 64)
    #expect(bench.apply(Flow.add(65, "B", 1, 10_000)) == .dropped)
    #expect(bench.books.counters.full == 1)
    #expect(bench.books.hasDropped(1))
    bench.apply(Flow.on("D", 1))
    #expect(bench.apply(Flow.add(66, "B", 1, 10_000)).contains(.depth))
    for reference in 2...9 { bench.apply(Flow.on("D", UInt64(reference))) }
    for price in 1...8 {
      bench.apply(Flow.add(UInt64(1_000 + price), "S", 1, UInt32(20_000 + price)))
    }
    #expect(bench.apply(Flow.add(2_000, "S", 1, 30_000)) == .dropped)
    #expect(bench.books.counters.full == 2)
    bench.books.reset(1)
    #expect(bench.books.live == 0 && !bench.books.hasDropped(1))
    #expect(bench.apply(Flow.add(2_001, "S", 1, 30_000)).contains(.depth))
  }

  @Test func `an overflow chain at its longest is full and not endless`() throws {
    let bench = try BookBench(BookCapacity(orders: 4096))
    let wanted = bench.books.bucket(0)
    var found = 0
    var reference: UInt64 = 0
    while found <= OrderBooks.chainMax {
      if bench.books.bucket(reference) == wanted {
        bench.apply(Flow.add(reference, "B", 1, 10_000))
        // The same place: the first one moves to the overflow.
        let rival = reference | 1 << 50
        #expect(bench.books.place(rival) == bench.books.place(reference))
        let change = bench.apply(Flow.add(rival, "B", 1, 10_000))
        found += 1
        #expect(change.contains(.depth) == (found <= OrderBooks.chainMax))
        #expect(bench.books.order(reference)?.reference == reference)
      }
      reference += 1
    }
    #expect(bench.books.counters.full == 1)
    #expect(bench.books.live == UInt64(2 * OrderBooks.chainMax + 1))
    bench.books.resetAll()
    #expect(bench.books.live == 0)
  }

  @Test func `more orders of one place than their count can say stay found, and are not doubled`()
    throws
  {
    let bench = try BookBench(BookCapacity(orders: 4096))
    var twin = NaiveBooks()
    func apply(_ record: MarketRecord) {
      bench.apply(record)
      twin.apply(message: Flow.bytes(record))
    }
    let references = (0..<200).map { UInt64($0) << 40 | 77 }
    for reference in references { apply(Flow.add(reference, "S", 10, 10_000)) }
    for reference in references { apply(Flow.add(reference, "S", 10, 10_000)) }
    #expect(bench.books.counters.duplicate == 200)
    expectSame(bench.books, twin)
    for reference in references.dropLast(3) { apply(Flow.on("D", reference)) }
    expectSame(bench.books, twin)
    for reference in references { apply(Flow.on("X", reference, 4)) }
    expectSame(bench.books, twin)
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `books without queues have the same orders, levels and quotes`(_ seed: UInt64) throws {
    var capacity = BookCapacity.small
    let full = try BookBench(capacity)
    capacity.queues = false
    let bare = try BookBench(capacity)
    #expect(OrderBooks.bytes(for: capacity) < OrderBooks.bytes(for: .small))
    var flow = RandomFlow(seed: seed)
    var references: [UInt64] = []
    for step in 0..<6_000 {
      let record = flow.next()
      references.append(record.reference)
      #expect(full.apply(record) == bare.apply(record), "seed \(seed) step \(step)")
      #expect(full.books.top(record.locate) == bare.books.top(record.locate))
      if step == 4_000 { for bench in [full, bare] { bench.books.reset(1) } }
    }
    for reference in references {
      #expect(full.books.order(reference) == bare.books.order(reference))
      #expect(bare.books.queuePosition(reference) == nil)
    }
    for locate in [UInt16(0), 1, 2, 65_535] {
      for side in [BookSide.bid, .ask] {
        #expect(full.books.levelCount(locate, side) == bare.books.levelCount(locate, side))
        for depth in 0..<full.books.levelCount(locate, side) {
          #expect(
            full.books.level(locate, side, depth: depth)
              == bare.books.level(locate, side, depth: depth))
        }
        var walk = bare.books.orders(locate, side)
        #expect(bare.books.next(&walk) == nil)
      }
    }
    #expect(full.books.counters == bare.books.counters)
    bare.books.resetAll()
    #expect(bare.books.live == 0 && bare.books.levelCount(1, .bid) == 0)
  }

  @Test func `a capacity out of range or an arena too small gives no books`() throws {
    let arena = try makeArena(1 << 20)
    #expect(OrderBooks(capacity: .small, arena: arena) == nil)
    var capacity = BookCapacity.small
    capacity.orders = 0
    #expect(OrderBooks(capacity: capacity, arena: arena) == nil)
    #expect(BookCapacity(orders: .max).orders == BookCapacity.ordersMax)
  }

  @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6])
  func `books equal the naive twin's on random flow`(_ seed: UInt64) throws {
    let bench = try BookBench()
    var twin = NaiveBooks()
    var flow = RandomFlow(seed: seed)
    for step in 0..<6_000 {
      let record = flow.next()
      // An order acts in the book it was added to, whatever locate the message carries.
      let isAdd = record.kind == ITCHDecoder.Kind.add
      let locate =
        isAdd ? record.locate : bench.books.order(record.reference)?.locate ?? record.locate
      let before = bench.books.top(locate)
      let change = bench.apply(record)
      twin.apply(message: Flow.bytes(record))
      let moved = before != bench.books.top(locate)
      #expect(change.contains(.top) == moved || record.shares == 0, "seed \(seed) step \(step)")
      if step % 500 == 499 { expectSame(bench.books, twin, "seed \(seed) step \(step)") }
    }
    #expect(twin.unknown > 0 && twin.duplicate > 0 && twin.overExecuted > 0)
  }

  @Test func `looking ahead changes nothing, on books that are full, recycled or empty too`() throws
  {
    var capacity = BookCapacity(orders: 256)
    capacity.levels = 24
    capacity.ladderSlots = 96
    let plain = try BookBench(capacity)
    let ahead = try BookBench(capacity)
    var flow = RandomFlow(seed: 77)
    let records = (0..<4_000).map { _ in flow.next() }
    records.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for index in 0..<buffer.count {
        ahead.books.prefetch(base, at: index, count: buffer.count)
        #expect(plain.apply(base[index]) == ahead.apply(base[index]))
        if index % 500 == 0 { for bench in [plain, ahead] { bench.books.resetAll() } }
      }
    }
    #expect(plain.books.counters == ahead.books.counters)
    #expect(plain.books.counters.full > 0)
  }

  @Test func `prices convert exactly or not at all`() {
    #expect(VenueTicks.price(2_872_900) == Price(raw: 28_729_000_000))
    #expect(VenueTicks.price(.max).raw == 42_949_672_950_000)
    #expect(VenueTicks.ticks(Price(raw: 28_729_000_000)) == 2_872_900)
    #expect(VenueTicks.ticks(Price(raw: 28_729_000_001)) == nil)
    #expect(VenueTicks.ticks(Price(raw: -10_000)) == nil)
    #expect(VenueTicks.ticks(Price(raw: .max)) == nil)
  }
}

/// Flow that looks like a market's and does everything wrong now and then.
struct RandomFlow {
  private var random: SplitMix
  private var live: [(reference: UInt64, locate: UInt16)] = []
  private var counter: UInt64 = 1_000

  init(seed: UInt64) { random = SplitMix(state: seed) }

  mutating func next() -> MarketRecord {
    switch random.below(100) {
    case 0..<45: return add()
    case 45..<48: return Flow.on("D", random.next())
    case 48..<50: return Flow.on("E", random.next(), 10)
    default: break
    }
    guard !live.isEmpty else { return add() }
    let index = random.below(live.count)
    let (reference, locate) = live[index]
    switch random.below(10) {
    case 0..<4:
      live.remove(at: index)
      return Flow.on("D", reference, locate: locate)
    case 4..<6: return Flow.on("E", reference, UInt32(1 + random.below(150)), locate: locate)
    case 6: return Flow.on("X", reference, UInt32(random.below(400)), locate: locate)
    case 7: return Flow.on("C", reference, UInt32(1 + random.below(50)), locate: locate)
    default:
      let isRepeat = random.below(10) == 0
      let new = isRepeat ? live[random.below(live.count)].reference : newReference()
      if !isRepeat { live[index].reference = new }
      return Flow.replace(reference, new, shares(), price(), locate: locate)
    }
  }

  private mutating func add() -> MarketRecord {
    let isRepeat = !live.isEmpty && random.below(25) == 0
    if isRepeat {
      let (reference, locate) = live[random.below(live.count)]
      return Flow.add(reference, "B", shares(), price(), locate: locate)
    }
    let reference = newReference()
    let locate = [UInt16(0), 1, 2, 65_535][random.below(4)]
    live.append((reference, locate))
    return Flow.add(
      reference, random.below(2) == 0 ? "B" : "S", shares(), price(), locate: locate)
  }

  /// Mostly dense, sometimes any 64 bits, sometimes ours with the top bit set.
  private mutating func newReference() -> UInt64 {
    switch random.below(10) {
    case 0: return random.next()
    case 1:
      counter += 1
      return counter | 1 << 63
    default:
      counter += 1 + UInt64(random.below(3))
      return counter
    }
  }

  private mutating func shares() -> UInt32 {
    random.below(40) == 0
      ? UInt32(truncatingIfNeeded: random.next()) : UInt32(100 + random.below(3) * 50)
  }

  /// Around a touch of 100 dollars, sometimes sub-penny, sometimes anywhere.
  private mutating func price() -> UInt32 {
    switch random.below(20) {
    case 0: UInt32(truncatingIfNeeded: random.next())
    case 1: UInt32(1_000_000 + random.below(100))
    case 2: UInt32(random.below(20_000))
    default: UInt32(1_000_000 + random.below(60) * 100)
    }
  }
}
