internal import CSupport
import ExecutionCore

/// What a fuzzer calls with any bytes: decodes them as frames, encodes each record back and compares,
/// and applies them to small books whose sums are then checked. Cold code.
public struct ITCHFuzzTarget: ~Copyable {
  private let arena: OpaquePointer
  private let market: ITCHMarket
  private let records: UnsafeMutablePointer<MarketRecord>
  private static var batch: Int { 64 }

  /// nil when there is no memory.
  public init?() {
    var settings = MarketDataSettings(capacity: BookCapacity(orders: 256))
    settings.bindsAtFirstAdd = true
    let bytes = ITCHMarket.bytes(for: settings, instruments: 0)
    var made: OpaquePointer?
    let options = nt_arena_options(numa_node: -1, huge_pages: false, lock: false, prefault: false)
    guard nt_arena_create(&made, bytes, options, nil) == 0, let arena = made
    else {
      return nil
    }
    guard let market = ITCHMarket(settings: settings, symbols: [], arena: arena) else {
      nt_arena_destroy(arena)
      return nil
    }
    self.arena = arena
    self.market = market
    records = .allocate(capacity: Self.batch)
    records.initialize(repeating: MarketRecord(), count: Self.batch)
  }

  deinit {
    records.deallocate()
    nt_arena_destroy(arena)
  }

  /// False when something that must always hold did not.
  public func run(_ bytes: UnsafePointer<UInt8>, count: Int) -> Bool {
    var at = 0
    var touched: Set<UInt16> = []
    // Ends: every turn consumes bytes or stops.
    while at < count {
      let batch = ITCHDecoder.decodeFrames(
        bytes + at, count: count - at, midnight: 0, firstSequence: 0, into: records,
        capacity: Self.batch)
      guard batch.consumed > 0, batch.consumed <= count - at else { break }
      if batch.malformed == 0, !isIdentity(bytes + at, batch) { return false }
      for index in 0..<batch.records {
        _ = market.apply(records + index)
        let locate = records[index].locate
        touched.insert(locate)
        if !sumsHold(locate) { return false }
      }
      at += batch.consumed
    }
    let isSound = market.books.live <= 256
    for locate in touched { market.books.reset(locate) }
    return isSound && market.books.live == 0
  }

  private func isIdentity(_ bytes: UnsafePointer<UInt8>, _ batch: ITCHBatch) -> Bool {
    var at = 0
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { out in
      guard let base = out.baseAddress else { return false }
      for index in 0..<batch.records {
        let length = ITCHEncoder.encodeFrame(
          records + index, midnight: 0, into: base, capacity: 64)
        guard length > 0 else { return false }
        for i in 0..<length where base[i] != bytes[at + i] { return false }
        at += length
      }
      return at == batch.consumed
    }
  }

  /// The best levels of both sides agree with the kept top, and their queues with their sums.
  private func sumsHold(_ locate: UInt16) -> Bool {
    let books = market.books
    let top = books.top(locate)
    for side in [BookSide.bid, .ask] {
      var walk = books.orders(locate, side)
      guard let best = books.level(locate, side, depth: 0) else {
        if books.next(&walk) != nil { return false }
        continue
      }
      let kept = side == .bid ? (top.bid, top.bidShares) : (top.ask, top.askShares)
      guard kept == (best.price, best.shares), best.orders > 0 else { return false }
      var shares: UInt64 = 0
      for _ in 0..<best.orders {
        guard let order = books.next(&walk), order.price == best.price else { return false }
        shares += UInt64(order.shares)
      }
      if shares != best.shares { return false }
    }
    return true
  }
}
