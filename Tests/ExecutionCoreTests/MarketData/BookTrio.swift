import Testing

@testable import ExecutionCore

/// Books with queues, books without, and the naive twin, fed the same flow: after each message what
/// changed, and the best prices of the book it acted on, must be the twin's. Every other batch the one
/// looks ahead, the others the other, at places in memory whose last records are still remembered.
final class BookTrio {
  let full: BookBench
  let bare: BookBench
  private(set) var twin = NaiveBooks()
  private(set) var messages = 0
  private(set) var topChanges = 0
  private var tops = [BookTop](repeating: BookTop(), count: OrderBooks.locates)
  private var batches = 0
  private var differences: [String] = []

  init(_ capacity: BookCapacity) throws {
    var capacity = capacity
    full = try BookBench(capacity)
    capacity.queues = false
    bare = try BookBench(capacity)
  }

  /// Applies a batch in order.
  func apply(_ records: [MarketRecord]) {
    batches += 1
    let fullLooks = batches.isMultiple(of: 2)
    records.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for index in 0..<buffer.count {
        (fullLooks ? full : bare).books.prefetch(base, at: index, count: buffer.count)
        let change = full.books.apply(base + index, resting: full.resting)
        let other = bare.books.apply(base + index, resting: bare.resting)
        messages += 1
        if change != other { differ(base[index], "\(change), without queues \(other)") }
        compare(change, base[index])
      }
    }
  }

  /// Applies a message that finds no room: the books count it and let it be, the twin is told `instead`.
  func drop(
    _ record: MarketRecord, instead: MarketRecord? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for bench in [full, bare] {
      let before = bench.books.counters.full
      let change = bench.apply(record)
      #expect(
        change.contains(.dropped) && change.contains(.depth) == (instead != nil),
        sourceLocation: sourceLocation)
      #expect(bench.books.counters.full == before + 1, sourceLocation: sourceLocation)
    }
    if let instead { tell(instead) }
    for locate in twin.locates { tops[Int(locate)] = full.books.top(locate) }
  }

  func expectSame(_ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation) {
    let found = differences.prefix(5).joined(separator: "; ")
    #expect(
      differences.isEmpty, "\(comment.rawValue): \(found)", sourceLocation: sourceLocation)
    for bench in [full, bare] {
      ExecutionCoreTests.expectSame(bench.books, twin, comment, sourceLocation: sourceLocation)
    }
    #expect(full.books.counters == bare.books.counters, comment, sourceLocation: sourceLocation)
  }

  /// Gives the books back empty, and a twin that has seen nothing yet. Counters stay the twin's.
  func resetAll() {
    for bench in [full, bare] { bench.books.resetAll() }
    twin.orders = [:]
    twin.sides = [:]
    tops = [BookTop](repeating: BookTop(), count: OrderBooks.locates)
  }

  /// The twin forgets one book, which has been emptied.
  func forget(_ locate: UInt16) {
    for reference in twin.orders.filter({ $0.value.locate == locate }).keys {
      twin.orders[reference] = nil
    }
    twin.sides = twin.sides.filter { $0.key.locate != locate }
    tops[Int(locate)] = BookTop()
  }

  @discardableResult private func tell(_ r: MarketRecord) -> NaiveBooks.Side? {
    switch r.kind {
    case UInt8(ascii: "A"), UInt8(ascii: "F"):
      twin.add(r.reference, r.locate, side: r.side, shares: Int(r.shares), price: r.price)
    case UInt8(ascii: "E"), UInt8(ascii: "C"), UInt8(ascii: "X"):
      twin.reduce(r.reference, by: Int(r.shares))
    case UInt8(ascii: "D"): twin.delete(r.reference)
    case UInt8(ascii: "U"):
      twin.replace(r.reference, by: r.second, shares: Int(r.shares), price: r.price)
    default: nil
    }
  }

  private func compare(_ change: BookChange, _ record: MarketRecord) {
    let side = tell(record)
    if change.contains(.depth) != (side != nil) { differ(record, "\(change), twin \(side as Any)") }
    guard let side else { return }
    let top = full.books.top(side.locate)
    let best = twin.best(side.locate, isBid: side.isBid)
    let price = side.isBid ? top.bid : top.ask
    let shares = side.isBid ? top.bidShares : top.askShares
    let last = tops[Int(side.locate)]
    let otherStands =
      side.isBid
      ? top.ask == last.ask && top.askShares == last.askShares
      : top.bid == last.bid && top.bidShares == last.bidShares
    if price != best.price || shares != UInt64(best.shares) || !otherStands {
      differ(record, "top \(top), twin \(best), before \(last)")
    }
    let moved = !top.isSame(as: last)
    if moved { topChanges += 1 }
    if change.contains(.top) != moved { differ(record, "\(change), top \(last) then \(top)") }
    if !top.isSame(as: bare.books.top(side.locate)) { differ(record, "top without queues") }
    tops[Int(side.locate)] = top
  }

  private func differ(_ record: MarketRecord, _ what: String) {
    guard differences.count < 5 else { return }
    differences.append("message \(messages) \(record): \(what)")
  }
}

/// Orders come and go at prices and under references of one's choice. Some messages name orders that are
/// not there, or are there already.
struct ChosenFlow {
  var random: SplitMix
  /// In a hundred messages.
  var adds = 50
  var locates: [UInt16] = [1]
  /// The n-th reference.
  var reference: (inout SplitMix, UInt64) -> UInt64
  var price: (inout SplitMix) -> UInt32
  private var live: [UInt64] = []
  private var count: UInt64 = 0

  init(
    seed: UInt64, reference: @escaping (inout SplitMix, UInt64) -> UInt64,
    price: @escaping (inout SplitMix) -> UInt32
  ) {
    random = SplitMix(state: seed)
    self.reference = reference
    self.price = price
  }

  mutating func batch(_ count: Int) -> [MarketRecord] { (0..<count).map { _ in next() } }

  mutating func next() -> MarketRecord {
    guard live.count > 1, random.below(100) >= adds else { return add(newReference()) }
    let index = random.below(live.count)
    let reference = live[index]
    switch random.below(20) {
    case 0: return add(reference)
    case 1: return Flow.on("X", random.next(), 10)
    case 2..<9:
      live.swapAt(index, live.count - 1)
      live.removeLast()
      return Flow.on("D", reference)
    case 9..<12: return Flow.on("E", reference, shares())
    case 12: return Flow.on("C", reference, 1 + shares() / 2)
    case 13..<15: return Flow.on("X", reference, 1 + shares() / 4)
    default:
      live[index] = newReference()
      return Flow.replace(reference, live[index], shares(), price(&random))
    }
  }

  private mutating func newReference() -> UInt64 {
    count += 1
    return reference(&random, count)
  }

  private mutating func add(_ reference: UInt64) -> MarketRecord {
    live.append(reference)
    return Flow.add(
      reference, random.below(2) == 0 ? "B" : "S", shares(), price(&random),
      locate: locates[random.below(locates.count)])
  }

  private mutating func shares() -> UInt32 { UInt32(1 + random.below(5)) * 100 }
}
