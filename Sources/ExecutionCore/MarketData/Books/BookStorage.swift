// What ``OrderBooks`` keeps, all in arena memory.

/// A live order, or a free place of one: 16 bytes, four to a cache line. Its slot number is where it
/// lies: slot 0 is never used and means none.
struct OrderSlot: BitwiseCopyable {
  var reference: UInt64
  var shares: UInt32
  /// Level in the low 25 bits, 0 when the slot is free; then how many orders of this place live in the
  /// overflow (63: that many or more, for good); the highest bit: the order has an attribution.
  var word: UInt32

  static var levelMask: UInt32 { @_noLocks get { 0x01FF_FFFF } }
  static var evictedOne: UInt32 { @_noLocks get { 0x0200_0000 } }
  static var evictedMask: UInt32 { @_noLocks get { 0x7E00_0000 } }
  static var attributed: UInt32 { @_noLocks get { 0x8000_0000 } }

  @_noLocks @inline(__always) init(reference: UInt64, shares: UInt32, word: UInt32) {
    self.reference = reference
    self.shares = shares
    self.word = word
  }
  var level: UInt32 { @_noLocks @inline(__always) get { word & Self.levelMask } }
}

/// An order's neighbours in the queue of its level, beside the orders: only books with queues touch it.
struct QueueLinks: BitwiseCopyable {
  /// Behind this one.
  var next: UInt32
  /// Ahead of this one.
  var previous: UInt32

  @_noLocks @inline(__always) init(next: UInt32, previous: UInt32) {
    self.next = next
    self.previous = previous
  }
}

/// A price level: 32 bytes, in a cell of a window or, behind all windows, in the pool. Slot 0 is never used.
/// A cell without orders is free.
struct LevelSlot: BitwiseCopyable {
  var shares: UInt64
  var price: UInt32
  var orders: UInt32
  /// First in priority.
  var head: UInt32
  /// Last in priority; in a free slot, the next free slot.
  var tail: UInt32
  var locate: UInt16
  var side: UInt8
  var reserved0: UInt8
  var reserved1: UInt32

  /// An empty level.
  @_noLocks init(price: UInt32, locate: UInt16, side: UInt8) {
    shares = 0
    self.price = price
    orders = 0
    head = 0
    tail = 0
    self.locate = locate
    self.side = side
    reserved0 = 0
    reserved1 = 0
  }
}

/// One entry of a side's sorted vector, which has the prices that the window has not. Keys ascend to the best price, which is last: a bid's key is
/// its price, an ask's key its complement.
struct LadderEntry: BitwiseCopyable {
  var key: UInt32
  var level: UInt32

  @_noLocks init(key: UInt32, level: UInt32) {
    self.key = key
    self.level = level
  }
}

/// One side of a book: best price and size at hand, which prices of its window are there, and where its
/// vector is. 64 bytes, one cache line.
struct SideState: BitwiseCopyable {
  /// Shares at the best price; 0 when the side is empty.
  var shares: UInt64
  /// Best price; 0 when the side is empty.
  var price: UInt32
  /// Levels, in the window and in the vector.
  var count: UInt32
  /// First slot of the vector, a multiple of 8, times two, and the size class in the lowest four bits:
  /// slots are 8 << class. 0 while there is no vector.
  var vector: UInt32
  /// Levels in the vector.
  var listed: UInt32
  /// The vector's best key; 0 while it is empty.
  var listedBest: UInt32
  /// Lowest rank of the window; its 256 ranks may begin below 0.
  var low: UInt32
  /// Bit i: the level of the rank that is i modulo 256 is in cell i of the window.
  var present: [4 of UInt64]

  var start: UInt32 { @_noLocks @inline(__always) get { (vector &>> 4) &<< 3 } }
}

/// One book and what the feed says of its locate: 192 bytes, three cache lines. The two sides come first, so
/// that a side is found by index; their windows behind them likewise.
struct BookState: BitwiseCopyable {
  var bids: SideState
  var asks: SideState
  /// First level slots of the sides' windows; 0 while a side has none.
  var bidWindow: UInt32
  var askWindow: UInt32
  /// The stock, from R or else the first A or F; 0 before.
  var symbol: UInt64
  /// Kept by ``ITCHMarket``.
  var stated: LocateState
  /// Bit 0: something was dropped, the book is not whole until it is reset.
  var flags: UInt8
  static var dropped: UInt8 { @_noLocks get { 1 } }
}

/// What looking ahead has found out about a record of the batch; nothing is believed later.
struct LookAhead: BitwiseCopyable {
  /// Of the order that it names first.
  var place: UInt32
  var level: UInt32
}

/// Everything behind the handle, in one place: what is fixed at start-up, then what changes.
@unsafe struct BooksCore: BitwiseCopyable {
  // Fixed. By slot: the places of references first, then the overflow.
  var orders: UnsafeMutablePointer<OrderSlot>
  var levels: UnsafeMutablePointer<LevelSlot>
  var ladder: UnsafeMutablePointer<LadderEntry>
  var books: UnsafeMutablePointer<BookState>
  var links: UnsafeMutablePointer<QueueLinks>
  var placeMask: UInt64
  /// Where the lowest two bits of a reference go: two below the width of `placeMask`.
  var engineShift: UInt32
  var orderCapacity: UInt32
  var hasQueues: Bool
  /// Of the record at an index of its batch modulo 32.
  var ahead: UnsafeMutablePointer<LookAhead>
  // Changes.
  var counters: BookCounters
  /// Levels outside of windows: first free one, first one never used, and where they end.
  var freeLevel: UInt32
  var levelsUsed: UInt32
  var levelsEnd: UInt32
  // Seldom touched.
  var attributions: UnsafeMutablePointer<UInt32>
  /// Hash of the overflow: heads, and the chains through its slots.
  var overflowHeads: UnsafeMutablePointer<UInt32>
  var overflowChains: UnsafeMutablePointer<UInt32>
  var overflowShift: UInt64
  /// First slot of the overflow, and its first free slot.
  var overflowStart: UInt32
  var freeOverflow: UInt32
  var overflowUsed: UInt32
  /// First level slots of the window that is given next, and of the first level outside of windows.
  var nextWindow: UInt32
  var windowsEnd: UInt32
  var ladderCapacity: UInt32
  var ladderUsed: UInt32
  /// Heads of the free lists of ladder vectors by size class; the next one is in the first entry's level.
  var freeLadders: [16 of UInt32]
}
