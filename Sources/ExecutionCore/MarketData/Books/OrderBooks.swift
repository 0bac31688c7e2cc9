internal import CSupport

/// Full-depth, order-by-order books of all locates of a feed, price then time.
///
/// A handle of one pointer into an arena, freely copied; the state behind it has a single writer, the
/// engine's thread, and no locks.
///
/// An order lies where the low bits of its 64-bit reference say, so that it is found without a search and
/// the orders of a feed that numbers nearly densely, as NASDAQ does, lie side by side. When a new
/// order's place is still taken by an old one, the old one moves to an overflow that is found through
/// a chained hash: any reference is as correct, and a place is worth twice the live orders. Each side
/// of a book has a window of 256 cents near the touch, in which a price says where its level is, and for
/// all other prices a sorted vector; with ``BookCapacity/queues`` each level has a queue of its orders.
///
/// Memory is taken once (``bytes(for:)``); when orders, levels or vectors are full, the order is
/// dropped, counted, and its book is no longer whole.
@safe public struct OrderBooks: BitwiseCopyable {
  /// Locates are 16 bits.
  @inlinable public static var locates: Int { @_noLocks get { 65_536 } }
  /// Size classes of the price vectors: 8 to 262,144 levels a side.
  static var sizeClasses: Int { @_noLocks get { 16 } }
  /// Overflowed orders in one hash bucket at most; more is counted as full. The expected length is
  /// two at most.
  @inlinable public static var chainMax: Int { @_noLocks get { 256 } }
  /// Slots before the first place: 0 means none, and four orders share a cache line.
  static var slotsBefore: UInt32 { @_noLocks get { 4 } }
  /// The first vector's first slot, and as many before slot 0: the search reads so far before a short
  /// vector. Slot 0 means none.
  static var ladderStart: Int { @_noLocks get { 16 } }
  /// Records of a batch that looking ahead remembers: more than its longest distance.
  static var aheadSize: Int { @_noLocks @inline(__always) get { 32 } }

  let core: UnsafeMutablePointer<BooksCore>

  /// Arena bytes that ``init(capacity:arena:)`` takes, alignment included.
  public static func bytes(for capacity: BookCapacity) -> UInt64 {
    let slots = slots(for: capacity)
    let parts = [
      slots * MemoryLayout<OrderSlot>.stride,
      (capacity.queues ? slots : 1) * MemoryLayout<QueueLinks>.stride,
      slots * MemoryLayout<UInt32>.stride,
      places(for: capacity) / 4 * MemoryLayout<UInt32>.stride,
      (capacity.orders + 1) * MemoryLayout<UInt32>.stride,
      levelSlots(for: capacity) * MemoryLayout<LevelSlot>.stride,
      (capacity.ladderSlots + 2 * ladderStart) * MemoryLayout<LadderEntry>.stride,
      locates * MemoryLayout<BookState>.stride,
      aheadSize * MemoryLayout<LookAhead>.stride,
      unsafe MemoryLayout<BooksCore>.stride,
    ]
    return parts.reduce(64) { $0 + UInt64($1) + 64 }
  }

  /// Takes its memory from an arena (an `nt_arena *`), which must outlive it.
  ///
  /// nil when the arena has too little left, or a capacity is out of range.
  public init?(capacity: BookCapacity, arena: OpaquePointer) {
    let limit = BookCapacity.ordersMax
    guard (1...limit).contains(capacity.orders), (1...limit).contains(capacity.levels),
      (8...limit * 8).contains(capacity.ladderSlots),
      (0...2 * Self.locates).contains(capacity.windows),
      Self.levelSlots(for: capacity) <= Int(OrderSlot.levelMask)
    else { return nil }
    let slots = Self.slots(for: capacity)
    let places = Self.places(for: capacity)
    guard let core = unsafe Self.take(BooksCore.self, 1, arena),
      let orders = unsafe Self.take(OrderSlot.self, slots, arena),
      let links = unsafe Self.take(QueueLinks.self, capacity.queues ? slots : 1, arena),
      let attributions = unsafe Self.take(UInt32.self, slots, arena),
      let heads = unsafe Self.take(UInt32.self, places / 4, arena),
      let chains = unsafe Self.take(UInt32.self, capacity.orders + 1, arena),
      let levels = unsafe Self.take(LevelSlot.self, Self.levelSlots(for: capacity), arena),
      let ladder = unsafe Self.take(
        LadderEntry.self, capacity.ladderSlots + 2 * Self.ladderStart, arena),
      let books = unsafe Self.take(BookState.self, Self.locates, arena),
      let ahead = unsafe Self.take(LookAhead.self, Self.aheadSize, arena)
    else { return nil }
    unsafe self.core = core
    unsafe core.pointee = BooksCore(
      orders: orders, levels: levels, ladder: ladder + Self.ladderStart, books: books, links: links,
      placeMask: UInt64(places - 1), engineShift: UInt32(places.trailingZeroBitCount - 2),
      orderCapacity: UInt32(capacity.orders),
      hasQueues: capacity.queues, ahead: ahead, counters: BookCounters(), freeLevel: 0,
      levelsUsed: UInt32(Self.windowSize * (capacity.windows + 1)),
      levelsEnd: UInt32(Self.levelSlots(for: capacity)),
      attributions: attributions, overflowHeads: heads, overflowChains: chains,
      overflowShift: UInt64(64 - (places / 4).trailingZeroBitCount),
      overflowStart: UInt32(places) + Self.slotsBefore, freeOverflow: 0, overflowUsed: 0,
      nextWindow: UInt32(Self.windowSize),
      windowsEnd: UInt32(Self.windowSize * (capacity.windows + 1)),
      ladderCapacity: UInt32(capacity.ladderSlots),
      ladderUsed: UInt32(Self.ladderStart), freeLadders: .init(repeating: 0))
  }

  /// The windows, a window's worth of slots before them, of which 0 means none, and the pool.
  private static func levelSlots(for capacity: BookCapacity) -> Int {
    windowSize * (capacity.windows + 1) + capacity.levels
  }

  /// Two places an order, a power of two.
  private static func places(for capacity: BookCapacity) -> Int {
    var places = 1024
    while places < capacity.orders * 2, places < 1 << 25 { places *= 2 }
    return places
  }

  /// The places, and an overflow that could hold every order.
  private static func slots(for capacity: BookCapacity) -> Int {
    Int(slotsBefore) + places(for: capacity) + capacity.orders
  }

  static func take<T: BitwiseCopyable>(
    _ type: T.Type, _ count: Int, _ arena: OpaquePointer, alignment: UInt64 = 64
  ) -> UnsafeMutablePointer<T>? {
    let bytes = UInt64(count * MemoryLayout<T>.stride)
    guard let raw = unsafe nt_arena_take(arena, bytes, alignment) else { return nil }
    return unsafe raw.bindMemory(to: type, capacity: count)
  }

  public var counters: BookCounters { @_noLocks get { unsafe core.pointee.counters } }

  /// Live orders in all books.
  public var live: UInt64 { @_noLocks get { unsafe core.pointee.counters.live } }

  /// Live orders that there is room for.
  public var orderCapacity: UInt32 { @_noLocks get { unsafe core.pointee.orderCapacity } }

  /// Queues are kept; without them there are no places in a queue and no walks.
  public var hasQueues: Bool { @_noLocks get { unsafe core.pointee.hasQueues } }

  // MARK: The parts, for the extensions

  var orders: UnsafeMutablePointer<OrderSlot> {
    @_noLocks @inline(__always) get { unsafe core.pointee.orders }
  }
  var links: UnsafeMutablePointer<QueueLinks> {
    @_noLocks @inline(__always) get { unsafe core.pointee.links }
  }
  var levels: UnsafeMutablePointer<LevelSlot> {
    @_noLocks @inline(__always) get { unsafe core.pointee.levels }
  }
  var ladder: UnsafeMutablePointer<LadderEntry> {
    @_noLocks @inline(__always) get { unsafe core.pointee.ladder }
  }
  var books: UnsafeMutablePointer<BookState> {
    @_noLocks @inline(__always) get { unsafe core.pointee.books }
  }

  @_noLocks @inline(__always) func side(
    _ book: UnsafeMutablePointer<BookState>, _ index: UInt8
  ) -> UnsafeMutablePointer<SideState> {
    // The two sides are the first members of BookState, one after the other: asserted by a test.
    let raw = UnsafeMutableRawPointer(book)
    return unsafe (raw + Int(index) &* MemoryLayout<SideState>.stride)
      .assumingMemoryBound(to: SideState.self)
  }

  /// What ``ITCHMarket`` keeps beside a book.
  @_noLocks @inline(__always) func stated(_ locate: UInt16) -> UnsafeMutablePointer<LocateState> {
    let raw = unsafe UnsafeMutableRawPointer(books + Int(locate))
    return unsafe (raw + Self.statedOffset).assumingMemoryBound(to: LocateState.self)
  }

  /// Of that in ``BookState``, of the windows, and of the bits in ``SideState``: asserted by a test.
  static var statedOffset: Int { @_noLocks @inline(__always) get { 144 } }
  static var windowsOffset: Int { @_noLocks @inline(__always) get { 128 } }
  static var presentOffset: Int { @_noLocks @inline(__always) get { 32 } }

  @_noLocks @inline(__always) static func key(_ price: UInt32, _ side: UInt8) -> UInt32 {
    price ^ (0 &- UInt32(side))
  }
}
