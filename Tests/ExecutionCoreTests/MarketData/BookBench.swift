import CSupport
import Testing

@testable import ExecutionCore

/// An arena and a ``ITCHMarket`` or ``OrderBooks`` in it, given back at the end.
final class BookBench {
  let arena: OpaquePointer
  let books: OrderBooks
  let resting: UnsafeMutablePointer<RestingOrder>

  init(_ capacity: BookCapacity = .small) throws {
    arena = try makeArena(OrderBooks.bytes(for: capacity))
    books = try #require(OrderBooks(capacity: capacity, arena: arena))
    resting = .allocate(capacity: 1)
    resting.initialize(to: RestingOrder())
  }

  deinit {
    resting.deallocate()
    nt_arena_destroy(arena)
  }

  @discardableResult func apply(_ record: MarketRecord) -> BookChange {
    withUnsafePointer(to: record) { books.apply($0, resting: resting) }
  }
}

func makeArena(_ bytes: UInt64) throws -> OpaquePointer {
  var arena: OpaquePointer?
  let options = nt_arena_options(numa_node: -1, huge_pages: false, lock: false, prefault: false)
  let result = nt_arena_create(&arena, bytes, options, nil)
  #expect(result == 0)
  return try #require(arena)
}

/// Decodes a framed file whole.
func decodeAll(_ bytes: [UInt8], firstSequence: UInt64 = 0, midnight: Int64 = 0) -> (
  records: [MarketRecord], batch: ITCHBatch
) {
  var records = [MarketRecord](repeating: MarketRecord(), count: bytes.count / 2 + 1)
  let batch = bytes.withUnsafeBufferPointer { input in
    guard let base = input.baseAddress else {
      return ITCHBatch(records: 0, malformed: 0, consumed: 0)
    }
    return ITCHDecoder.decodeFrames(
      base, count: input.count, midnight: midnight, firstSequence: firstSequence, into: &records,
      capacity: records.count)
  }
  records.removeLast(records.count - batch.records)
  return (records, batch)
}

/// SplitMix64, so that a failing seed can be run again.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
  mutating func below(_ n: Int) -> Int { Int(next() % UInt64(n)) }
}

/// Compares every level, every queue and every order of the fast books with the naive twin's; of books
/// without queues, every level and order. Behind the first hundred of a queue, one place in five thousand
/// is asked for: the answer takes as many steps as orders are ahead.
func expectSame(
  _ books: OrderBooks, _ naive: NaiveBooks, _ comment: Comment? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  var differences: [String] = []
  let counters = books.counters
  let counts = (counters.added, counters.unknown, counters.duplicate, counters.overExecuted)
  let expected = (
    UInt64(naive.added), UInt64(naive.unknown), UInt64(naive.duplicate),
    UInt64(naive.overExecuted)
  )
  if counts != expected { differences.append("counters \(counts), twin \(expected)") }
  if counters.live != naive.orders.count { differences.append("live \(counters.live)") }
  for locate in naive.locates {
    for side in [BookSide.bid, .ask] {
      compare(books, naive, locate, side, &differences)
    }
  }
  let found = differences.prefix(5).joined(separator: "; ")
  #expect(
    differences.isEmpty, "\(comment?.rawValue ?? ""): \(found)", sourceLocation: sourceLocation)
}

private func compare(
  _ books: OrderBooks, _ naive: NaiveBooks, _ locate: UInt16, _ side: BookSide,
  _ differences: inout [String]
) {
  let levels = naive.levels(locate, isBid: side == .bid)
  let place = "locate \(locate) \(side)"
  if books.levelCount(locate, side) != levels.count {
    differences.append("\(place): \(books.levelCount(locate, side)) levels, not \(levels.count)")
    return
  }
  var walk = books.orders(locate, side)
  var levelWalk = books.levels(locate, side)
  for (depth, level) in levels.enumerated() {
    let shares = level.orders.reduce(0) { $0 + UInt64($1.shares) }
    let wanted = BookLevel(
      price: level.price, shares: shares, orders: UInt32(level.orders.count))
    // What is asked by depth walks there: the first ones, and some.
    let isAsked = depth < 100 || depth.isMultiple(of: 10_000)
    if books.next(&levelWalk) != wanted
      || isAsked && books.level(locate, side, depth: depth) != wanted
    {
      differences.append("\(place) depth \(depth): not \(wanted)")
    }
    if books.shares(locate, side, price: level.price) != shares {
      differences.append("\(place) shares at \(level.price)")
    }
    compare(books, level.orders, side, UInt32(depth), &walk, &differences)
  }
  if books.next(&walk) != nil { differences.append("\(place): more orders") }
  if books.next(&levelWalk) != nil { differences.append("\(place): more levels") }
  let top = books.top(locate)
  let best = levels.first.map { ($0.price, $0.orders.reduce(0) { $0 + UInt64($1.shares) }) }
  let mine = side == .bid ? (top.bid, top.bidShares) : (top.ask, top.askShares)
  if mine != (best ?? (0, 0)) { differences.append("\(place): top \(mine)") }
}

/// The orders of one level, in priority order.
private func compare(
  _ books: OrderBooks, _ orders: [NaiveBooks.Order], _ side: BookSide, _ depth: UInt32,
  _ walk: inout OrderWalk, _ differences: inout [String]
) {
  var ahead = QueuePosition(sharesAhead: 0, ordersAhead: 0, levelsAhead: depth)
  for order in orders {
    let found = books.hasQueues ? books.next(&walk) : books.order(order.reference)
    if found?.reference != order.reference || found?.shares != UInt32(order.shares)
      || found?.price != order.price || found?.locate != order.locate || found?.side != side.wire
    {
      differences.append("\(side) order \(order.reference): \(String(describing: found))")
    }
    let isAsked = ahead.ordersAhead < 100 || ahead.ordersAhead.isMultiple(of: 5_000)
    if isAsked, books.queuePosition(order.reference) != (books.hasQueues ? ahead : nil) {
      differences.append("\(side) order \(order.reference): place is not \(ahead)")
    }
    ahead.sharesAhead += UInt64(order.shares)
    ahead.ordersAhead += 1
  }
}
