internal import CSupport

/// Full-depth, order-by-order books of all locates of a feed, price then time.
///
/// A handle of pointers into an arena, freely copied; the state behind it has a single writer, the
/// engine's thread, and no locks. An order is found by its 64-bit reference through a chained hash
/// whose neighbouring buckets hold neighbouring references: NASDAQ numbers orders nearly densely, so
/// recent orders share cache lines; any other reference is as correct. Each side of a book keeps its
/// prices in a sorted vector with the best at the end, and a queue of orders for each.
///
/// Memory is taken once (``bytes(for:)``); when orders, levels or vectors are full, the order is
/// dropped, counted, and its book is no longer whole.
@safe public struct OrderBooks {
  /// Locates are 16 bits.
  @inlinable public static var locates: Int { @_noLocks get { 65_536 } }
  /// Size classes of the price vectors: 8 to 262,144 levels a side.
  static var sizeClasses: Int { @_noLocks get { 16 } }
  /// Orders in one hash bucket at most; more is counted as full. The expected length is below two.
  @inlinable public static var chainMax: Int { @_noLocks get { 256 } }

  let heads: UnsafeMutablePointer<UInt32>
  let headMask: UInt64
  let foldShift: UInt64
  let orders: UnsafeMutablePointer<OrderSlot>
  let levels: UnsafeMutablePointer<LevelSlot>
  let ladder: UnsafeMutablePointer<LadderEntry>
  let books: UnsafeMutablePointer<BookState>
  let core: UnsafeMutablePointer<BooksCore>
  let orderCapacity: UInt32
  let levelCapacity: UInt32
  let ladderCapacity: UInt32

  /// Arena bytes that ``init(capacity:arena:)`` takes, alignment included.
  public static func bytes(for capacity: BookCapacity) -> UInt64 {
    let parts = [
      buckets(for: capacity) * MemoryLayout<UInt32>.stride,
      (capacity.orders + 1) * MemoryLayout<OrderSlot>.stride,
      (capacity.levels + 1) * MemoryLayout<LevelSlot>.stride,
      (capacity.ladderSlots + 8) * MemoryLayout<LadderEntry>.stride,
      locates * MemoryLayout<BookState>.stride,
      MemoryLayout<BooksCore>.stride,
    ]
    return parts.reduce(0) { $0 + UInt64($1) + 64 }
  }

  /// Takes its memory from an arena (an `nt_arena *`), which must outlive it.
  ///
  /// nil when the arena has too little left, or a capacity is out of range.
  public init?(capacity: BookCapacity, arena: OpaquePointer) {
    let limit = BookCapacity.ordersMax
    guard (1...limit).contains(capacity.orders), (1...limit).contains(capacity.levels),
      (8...limit * 8).contains(capacity.ladderSlots),
      let heads = unsafe Self.take(UInt32.self, Self.buckets(for: capacity), arena),
      let orders = unsafe Self.take(OrderSlot.self, capacity.orders + 1, arena),
      let levels = unsafe Self.take(LevelSlot.self, capacity.levels + 1, arena),
      let ladder = unsafe Self.take(LadderEntry.self, capacity.ladderSlots + 8, arena),
      let books = unsafe Self.take(BookState.self, Self.locates, arena),
      let core = unsafe Self.take(BooksCore.self, 1, arena)
    else { return nil }
    unsafe self.heads = heads
    unsafe self.orders = orders
    unsafe self.levels = levels
    unsafe self.ladder = ladder
    unsafe self.books = books
    unsafe self.core = core
    let buckets = Self.buckets(for: capacity)
    headMask = UInt64(buckets - 1)
    foldShift = UInt64(buckets.trailingZeroBitCount)
    orderCapacity = UInt32(capacity.orders)
    levelCapacity = UInt32(capacity.levels)
    ladderCapacity = UInt32(capacity.ladderSlots)
    unsafe core.pointee.ordersUsed = 1
    unsafe core.pointee.levelsUsed = 1
    unsafe core.pointee.ladderUsed = 8
  }

  /// Two buckets an order, a power of two.
  private static func buckets(for capacity: BookCapacity) -> Int {
    var buckets = 1024
    while buckets < capacity.orders * 2, buckets < 1 << 26 { buckets *= 2 }
    return buckets
  }

  static func take<T: BitwiseCopyable>(
    _ type: T.Type, _ count: Int, _ arena: OpaquePointer
  ) -> UnsafeMutablePointer<T>? {
    let bytes = UInt64(count * MemoryLayout<T>.stride)
    guard let raw = unsafe nt_arena_take(arena, bytes, 64) else { return nil }
    return unsafe raw.bindMemory(to: type, capacity: count)
  }

  public var counters: BookCounters { @_noLocks get { unsafe core.pointee.counters } }

  /// Live orders in all books.
  public var live: UInt64 { @_noLocks get { unsafe core.pointee.counters.live } }

  // MARK: Finding

  /// Bucket of a reference: its low bits, so that dense references are neighbours, xored with a mix of
  /// the high ones, so that references a whole table apart do not pile up.
  @_noLocks @inline(__always) func bucket(_ reference: UInt64) -> Int {
    let mixed = (reference &>> foldShift) &* 0x9E37_79B9_7F4A_7C15
    // The low four bits are left alone: sixteen neighbours stay in one cache line.
    return Int(truncatingIfNeeded: (reference ^ (mixed &>> 32) &<< 4) & headMask)
  }

  /// Slot of a live order, or 0.
  @_noLocks @inline(__always) func find(_ reference: UInt64) -> UInt32 {
    var slot = unsafe heads[bucket(reference)]
    var steps = 0
    while slot != 0, steps < Self.chainMax {
      let order = unsafe orders + Int(slot)
      if unsafe order.pointee.reference == reference { return slot }
      slot = unsafe order.pointee.chain
      steps &+= 1
    }
    return 0
  }

  @_noLocks @inline(__always) func side(
    _ book: UnsafeMutablePointer<BookState>, _ index: UInt8
  ) -> UnsafeMutablePointer<SideState> {
    // The two sides are the first members of BookState, one after the other: asserted by a test.
    let raw = UnsafeMutableRawPointer(book)
    return unsafe (raw + (index == 0 ? 0 : MemoryLayout<SideState>.stride))
      .assumingMemoryBound(to: SideState.self)
  }

  @_noLocks @inline(__always) static func key(_ price: UInt32, _ side: UInt8) -> UInt32 {
    price ^ (0 &- UInt32(side))
  }

  // MARK: Adding

  /// Puts an order at the end of its level's queue. The caller has counted.
  @_noLocks func insert(
    reference: UInt64, locate: UInt16, side sideIndex: UInt8, shares: UInt32, price: UInt32,
    attribution: UInt32
  ) -> InsertResult {
    let bucket = bucket(reference)
    let first = unsafe heads[bucket]
    var slot = first
    var steps = 0
    while slot != 0 {
      let other = unsafe orders + Int(slot)
      if unsafe other.pointee.reference == reference { return .duplicate }
      slot = unsafe other.pointee.chain
      steps &+= 1
      if steps >= Self.chainMax { return .full }
    }
    let book = unsafe books + Int(locate)
    let side = unsafe side(book, sideIndex)
    guard let new = takeOrder() else { return .full }
    let levelIndex = unsafe level(side, sideIndex, price: price, locate: locate)
    guard levelIndex != 0 else {
      giveOrder(new)
      return .full
    }
    let level = unsafe levels + Int(levelIndex)
    let last = unsafe level.pointee.tail
    unsafe orders[Int(new)] = OrderSlot(
      reference: reference, chain: first, shares: shares, next: 0, previous: last,
      level: levelIndex, attribution: attribution)
    unsafe heads[bucket] = new
    if last == 0 {
      unsafe level.pointee.head = new
    } else {
      unsafe orders[Int(last)].next = new
    }
    unsafe level.pointee.tail = new
    unsafe level.pointee.orders &+= 1
    unsafe level.pointee.shares &+= UInt64(shares)
    unsafe book.pointee.orders &+= 1
    unsafe core.pointee.counters.live &+= 1
    if unsafe isBest(side, levelIndex) {
      unsafe side.pointee.price = price
      unsafe side.pointee.shares = level.pointee.shares
    }
    return .inserted
  }

  @_noLocks @inline(__always) func isBest(
    _ side: UnsafeMutablePointer<SideState>, _ level: UInt32
  ) -> Bool {
    let count = unsafe Int(side.pointee.count)
    guard count > 0 else { return false }
    return unsafe ladder[Int(side.pointee.start) &+ count &- 1].level == level
  }

  @_noLocks @inline(__always) func takeOrder() -> UInt32? {
    let free = unsafe core.pointee.freeOrder
    if free != 0 {
      unsafe core.pointee.freeOrder = orders[Int(free)].next
      return free
    }
    let fresh = unsafe core.pointee.ordersUsed
    guard fresh <= orderCapacity else { return nil }
    unsafe core.pointee.ordersUsed = fresh &+ 1
    return fresh
  }

  @_noLocks @inline(__always) func giveOrder(_ slot: UInt32) {
    unsafe orders[Int(slot)].next = core.pointee.freeOrder
    unsafe core.pointee.freeOrder = slot
  }

  // MARK: Removing

  /// Takes shares away; `shares` at or above what is left removes the order.
  @_noLocks @inline(__always) func reduce(_ slot: UInt32, by shares: UInt32) {
    let order = unsafe orders + Int(slot)
    let left = unsafe order.pointee.shares
    guard shares < left else {
      remove(slot)
      return
    }
    unsafe order.pointee.shares = left &- shares
    let levelIndex = unsafe order.pointee.level
    let level = unsafe levels + Int(levelIndex)
    unsafe level.pointee.shares &-= UInt64(shares)
    let side = unsafe side(books + Int(level.pointee.locate), level.pointee.side)
    if unsafe isBest(side, levelIndex) { unsafe side.pointee.shares = level.pointee.shares }
  }

  /// Takes a live order out of its queue, its level and the hash.
  @_noLocks func remove(_ slot: UInt32) {
    let order = unsafe orders[Int(slot)]
    unchain(slot, order)
    let level = unsafe levels + Int(order.level)
    if order.previous == 0 {
      unsafe level.pointee.head = order.next
    } else {
      unsafe orders[Int(order.previous)].next = order.next
    }
    if order.next == 0 {
      unsafe level.pointee.tail = order.previous
    } else {
      unsafe orders[Int(order.next)].previous = order.previous
    }
    unsafe level.pointee.shares &-= UInt64(order.shares)
    unsafe level.pointee.orders &-= 1
    let book = unsafe books + Int(level.pointee.locate)
    let side = unsafe side(book, level.pointee.side)
    unsafe book.pointee.orders &-= 1
    unsafe core.pointee.counters.live &-= 1
    giveOrder(slot)
    if unsafe level.pointee.orders == 0 {
      unsafe removeLevel(side, order.level)
    } else if unsafe isBest(side, order.level) {
      unsafe side.pointee.shares = level.pointee.shares
    }
  }

  @_noLocks @inline(__always) private func unchain(_ slot: UInt32, _ order: OrderSlot) {
    let bucket = bucket(order.reference)
    var at = unsafe heads[bucket]
    if at == slot {
      unsafe heads[bucket] = order.chain
      return
    }
    var steps = 0
    while at != 0, steps <= Self.chainMax {
      let next = unsafe orders[Int(at)].chain
      if next == slot {
        unsafe orders[Int(at)].chain = order.chain
        return
      }
      at = next
      steps &+= 1
    }
  }
}

/// What became of an insertion.
enum InsertResult: UInt8, BitwiseCopyable {
  case inserted
  case duplicate
  case full
  var isInserted: Bool {
    @_noLocks get {
      switch self {
      case .inserted: true
      default: false
      }
    }
  }
}
