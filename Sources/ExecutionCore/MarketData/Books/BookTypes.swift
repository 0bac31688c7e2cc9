/// How much an ``OrderBooks`` may hold. Given at start-up; full is a counted condition, never a crash.
@frozen public struct BookCapacity: BitwiseCopyable, Hashable, Sendable {
  /// Live orders at one time, over all books.
  public var orders: Int
  /// Price levels at one time outside of windows, over all books and both sides.
  public var levels: Int
  /// Sides of books that have a window: 256 prices a cent apart, near the touch, that are found without
  /// a search, 8 KiB each. Given in the order in which sides get their first order; a side without one keeps
  /// all its prices in a sorted vector, which costs it time.
  public var windows: Int
  /// Slots of the sorted price vectors, which hold what no window does. A side with n levels holds the next power of two, at least 8.
  public var ladderSlots: Int
  /// Keep the queue of each level (the default), so that any order's place in it is known
  /// (``OrderBooks/queuePosition(_:)``) and orders can be walked in priority. Without queues the books
  /// hold the same orders, levels and quotes, take eight bytes an order less and less time a message;
  /// emptying a single book looks at all orders.
  public var queues: Bool

  /// Rounded so that the rest follows from the number of orders: a level for every order at worst is not
  /// assumed; half as many levels as orders, but at least 4096.
  public init(orders: Int) {
    let wanted = min(max(orders, 64), Self.ordersMax)
    self.orders = wanted
    levels = max(wanted / 2, 4096)
    // Two sides of 65,536 locates cannot all be in use; 8 slots for 2 sides of 12,000 symbols, and
    // four slots for every level that may live.
    ladderSlots = levels * 4 + 192_000
    windows = min(max(wanted / 64, 64), 24_576)
    queues = true
  }

  /// A whole NASDAQ day: 1.7 million live orders at the peak, with room.
  public static var wholeDay: BookCapacity { BookCapacity(orders: 1 << 21) }
  /// A few symbols, or tests.
  public static var small: BookCapacity { BookCapacity(orders: 1 << 16) }
  /// Most orders that 32-bit slots and two GiB allow.
  @inlinable public static var ordersMax: Int { 1 << 24 }
}

/// What happened to the messages, counted since the start. Single writer: the engine's thread.
@frozen public struct BookCounters: BitwiseCopyable, Hashable, Sendable {
  /// A and F put into a book. (A zero-share order is an order.)
  public var added: UInt64 = 0
  /// E, C, X, D, U that named an order that is not in any book.
  public var unknown: UInt64 = 0
  /// A, F, U whose new reference was already live; ignored.
  public var duplicate: UInt64 = 0
  /// E, C, X of more shares than were left; the order was removed.
  public var overExecuted: UInt64 = 0
  /// A, F whose side is neither `B` nor `S`; ignored, and their book is not whole.
  public var badSide: UInt64 = 0
  /// A, F, U dropped because orders, levels, ladder slots or a hash chain were full; their book is not whole.
  public var full: UInt64 = 0
  /// A, F whose stock is not the one their locate stands for; booked, and the book is not whole.
  public var symbolMismatch: UInt64 = 0
  /// Orders in all books now.
  public var live: UInt64 = 0
  @_noLocks @inlinable public init() {}
}

/// One live order as the feed described it.
@frozen public struct BookOrder: BitwiseCopyable, Hashable, Sendable {
  public var reference: UInt64
  /// Shares left.
  public var shares: UInt32
  /// Venue ticks, 10⁻⁴ dollars.
  public var price: UInt32
  public var locate: UInt16
  /// `B` or `S`.
  public var side: UInt8
  /// MPID bytes in memory order (F); 0 when there was none.
  public var attribution: UInt32

  @_noLocks @inlinable public init(
    reference: UInt64, shares: UInt32, price: UInt32, locate: UInt16, side: UInt8,
    attribution: UInt32
  ) {
    self.reference = reference
    self.shares = shares
    self.price = price
    self.locate = locate
    self.side = side
    self.attribution = attribution
  }
}

/// One price level of one side.
@frozen public struct BookLevel: BitwiseCopyable, Hashable, Sendable {
  /// Venue ticks, 10⁻⁴ dollars.
  public var price: UInt32
  public var shares: UInt64
  public var orders: UInt32

  @_noLocks @inlinable public init(price: UInt32, shares: UInt64, orders: UInt32) {
    self.price = price
    self.shares = shares
    self.orders = orders
  }
}

/// Best bid and offer in venue ticks (10⁻⁴ dollars); price and shares are 0 on an empty side.
@frozen public struct BookTop: BitwiseCopyable, Hashable, Sendable {
  public var bid: UInt32 = 0
  public var ask: UInt32 = 0
  public var bidShares: UInt64 = 0
  public var askShares: UInt64 = 0
  @_noLocks @inlinable public init() {}
  @_noLocks @inlinable public func isSame(as other: BookTop) -> Bool {
    bid == other.bid && ask == other.ask && bidShares == other.bidShares
      && askShares == other.askShares
  }
}

/// Where an order stands in the queue of its level.
@frozen public struct QueuePosition: BitwiseCopyable, Hashable, Sendable {
  public var sharesAhead: UInt64
  public var ordersAhead: UInt32
  /// Levels of the same side at better prices.
  public var levelsAhead: UInt32

  @_noLocks @inlinable public init(sharesAhead: UInt64, ordersAhead: UInt32, levelsAhead: UInt32) {
    self.sharesAhead = sharesAhead
    self.ordersAhead = ordersAhead
    self.levelsAhead = levelsAhead
  }
}

/// A side of a book.
@frozen public enum BookSide: UInt8, BitwiseCopyable, Sendable {
  case bid = 0
  case ask = 1
  /// From the wire's `B` or `S`; nil for anything else.
  @_noLocks @inlinable public init?(wire: UInt8) {
    switch wire {
    case UInt8(ascii: "B"): self = .bid
    case UInt8(ascii: "S"): self = .ask
    default: return nil
    }
  }
  /// 0 for bids, 1 for asks.
  @inlinable public var index: UInt8 {
    @_noLocks get {
      switch self {
      case .bid: 0
      case .ask: 1
      }
    }
  }
  /// `B` or `S`.
  @inlinable public var wire: UInt8 { @_noLocks get { index == 0 ? 66 : 83 } }
  @inlinable public var opposite: BookSide { @_noLocks get { index == 0 ? .ask : .bid } }
}

/// Exact conversion between venue ticks (10⁻⁴ dollars) and prices at the default exponent −8.
public enum VenueTicks {
  @inlinable public static var exponent: Int { @_noLocks get { -4 } }
  /// 10⁻⁴ as a multiple of 10⁻⁸.
  @inlinable public static var scale: Int64 { @_noLocks get { 10_000 } }
  @_noLocks @inlinable public static func price(_ ticks: UInt32) -> Price {
    Price(raw: Int64(ticks) &* scale)
  }
  /// nil when the price is negative, too large, or not a whole number of ticks.
  @inlinable public static func ticks(_ price: Price) -> UInt32? {
    let (quotient, remainder) = price.raw.quotientAndRemainder(dividingBy: scale)
    guard remainder == 0 else { return nil }
    return UInt32(exactly: quotient)
  }
}
