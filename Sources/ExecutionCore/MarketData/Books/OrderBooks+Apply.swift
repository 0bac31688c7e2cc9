internal import CSupport

/// What a message did to the books.
@frozen public struct BookChange: OptionSet, BitwiseCopyable, Sendable {
  public var rawValue: UInt16
  @_noLocks @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// No flag; the set's own operations are concrete here, so that hot code may use them.
  @inlinable public static var empty: BookChange { @_noLocks get { BookChange(rawValue: 0) } }
  @inlinable public var isEmpty: Bool { @_noLocks get { rawValue == 0 } }
  @_noLocks @inlinable public func contains(_ flags: BookChange) -> Bool {
    rawValue & flags.rawValue == flags.rawValue
  }
  @_noLocks @inlinable public func union(_ flags: BookChange) -> BookChange {
    BookChange(rawValue: rawValue | flags.rawValue)
  }
  @_noLocks @inlinable public mutating func formUnion(_ flags: BookChange) {
    rawValue |= flags.rawValue
  }
  @_noLocks @inlinable public mutating func subtract(_ flags: BookChange) {
    rawValue &= ~flags.rawValue
  }
  /// Best price or the shares at it changed, on either side.
  @inlinable public static var top: BookChange { @_noLocks get { BookChange(rawValue: 1) } }
  /// Something in the book changed.
  @inlinable public static var depth: BookChange { @_noLocks get { BookChange(rawValue: 2) } }
  /// An order was named that is not in any book; nothing changed.
  @inlinable public static var unknown: BookChange { @_noLocks get { BookChange(rawValue: 4) } }
  /// A new reference was already live; the message was ignored.
  @inlinable public static var duplicate: BookChange { @_noLocks get { BookChange(rawValue: 8) } }
  /// More was taken than was left; the order was removed.
  @inlinable public static var overExecuted: BookChange {
    @_noLocks get { BookChange(rawValue: 16) }
  }
  /// Unknown, duplicate or over-executed.
  @inlinable public var isAnomaly: Bool { @_noLocks get { rawValue & 28 != 0 } }
  /// The book is not whole any more: full, a bad side, or the wrong stock.
  @inlinable public static var dropped: BookChange { @_noLocks get { BookChange(rawValue: 32) } }
}

/// A resting order as it was before a message executed against it.
@frozen public struct RestingOrder: BitwiseCopyable, Hashable, Sendable {
  public var reference: UInt64 = 0
  public var price: UInt32 = 0
  /// Shares before the execution.
  public var shares: UInt32 = 0
  public var locate: UInt16 = 0
  public var side: BookSide = .bid
  @_noLocks @inlinable public init() {}
}

extension OrderBooks {
  /// Applies one decoded message; only A, F, E, C, X, D, U change books, every other is ignored.
  ///
  /// An order belongs to the book of the locate it was added under: E, C, X, D, U act there, whatever
  /// locate they carry, and only if they carry a reference that is live. Which book was touched is in
  /// `resting.locate` for those, else in the record.
  ///
  /// - Parameter resting: filled for E, C, X, D, U on a known order.
  @_noLocks public func apply(
    _ record: UnsafePointer<MarketRecord>, resting: UnsafeMutablePointer<RestingOrder>
  ) -> BookChange {
    typealias Kind = ITCHDecoder.Kind
    switch unsafe record.pointee.kind {
    case Kind.add, Kind.addAttributed:
      return unsafe add(record)
    case Kind.executed, Kind.executedAtPrice, Kind.cancel, Kind.delete:
      return unsafe take(record, resting: resting)
    case Kind.replace:
      return unsafe replace(record, resting: resting)
    default:
      return .empty
    }
  }

  @_noLocks @inline(__always) func add(_ r: UnsafePointer<MarketRecord>) -> BookChange {
    let locate = unsafe r.pointee.locate
    let book = unsafe books + Int(locate)
    // B is even and S odd; neither can be foreseen, so the one is made from the other.
    let sideIndex = unsafe r.pointee.side & 1
    guard unsafe r.pointee.side == UInt8(ascii: "B") &+ 17 &* sideIndex else {
      unsafe core.pointee.counters.badSide &+= 1
      unsafe book.pointee.flags |= BookState.dropped
      return .dropped
    }
    var change: BookChange = .empty
    if unsafe book.pointee.symbol != r.pointee.symbol {
      if unsafe book.pointee.symbol == 0 {
        unsafe book.pointee.symbol = r.pointee.symbol
      } else {
        unsafe core.pointee.counters.symbolMismatch &+= 1
        unsafe book.pointee.flags |= BookState.dropped
        change = .dropped
      }
    }
    let done = unsafe insert(
      reference: r.pointee.reference, book, locate: locate, side: sideIndex,
      shares: r.pointee.shares, price: r.pointee.price,
      attribution: UInt32(truncatingIfNeeded: r.pointee.detail))
    if done.contains(.depth) {
      unsafe core.pointee.counters.added &+= 1
    } else if done.contains(.duplicate) {
      unsafe core.pointee.counters.duplicate &+= 1
    } else {
      unsafe core.pointee.counters.full &+= 1
      unsafe book.pointee.flags |= BookState.dropped
    }
    return change.union(done)
  }

  /// What of a side is its part of the quote.
  private struct SideTop: BitwiseCopyable {
    let shares: UInt64
    let price: UInt32
    let isEmpty: Bool

    @_noLocks @inline(__always) init(_ side: UnsafeMutablePointer<SideState>) {
      unsafe shares = side.pointee.shares
      unsafe price = side.pointee.price
      unsafe isEmpty = side.pointee.count == 0
    }
  }

  /// `top` when the best price or its shares changed, or the side became empty or no longer is.
  @_noLocks @inline(__always) private static func topChange(
    from before: SideTop, to now: UnsafeMutablePointer<SideState>
  ) -> BookChange {
    let moved = unsafe before.shares ^ now.pointee.shares
    let price = unsafe before.price ^ now.pointee.price
    let isSame =
      unsafe moved | UInt64(price) == 0 && before.isEmpty == (now.pointee.count == 0)
    return BookChange(rawValue: isSame ? 0 : 1)
  }

  /// Fills `resting` from a live order; its level.
  @_noLocks @inline(__always) private func describe(
    _ slot: UInt32, _ resting: UnsafeMutablePointer<RestingOrder>
  ) -> UnsafeMutablePointer<LevelSlot> {
    let order = unsafe orders + Int(slot)
    let level = unsafe levels + Int(order.pointee.level)
    unsafe resting.pointee.reference = order.pointee.reference
    unsafe resting.pointee.price = level.pointee.price
    unsafe resting.pointee.shares = order.pointee.shares
    unsafe resting.pointee.locate = level.pointee.locate
    unsafe resting.pointee.side = level.pointee.side == 0 ? .bid : .ask
    return unsafe level
  }

  /// E, C, X and D.
  @_noLocks @inline(__always) func take(
    _ r: UnsafePointer<MarketRecord>, resting: UnsafeMutablePointer<RestingOrder>
  ) -> BookChange {
    let slot = unsafe find(r.pointee.reference)
    guard slot != 0 else {
      unsafe core.pointee.counters.unknown &+= 1
      return .unknown
    }
    let level = unsafe describe(slot, resting)
    let isWhole = unsafe r.pointee.kind == ITCHDecoder.Kind.delete
    let left = unsafe resting.pointee.shares
    let taken = unsafe nt_choose32(isWhole, left, r.pointee.shares)
    if taken < left { return unsafe reduce(slot, by: taken, level) }
    let change = remove(slot)
    if taken == left { return change }
    unsafe core.pointee.counters.overExecuted &+= 1
    return change.union(.overExecuted)
  }

  @_noLocks @inline(__always) func replace(
    _ r: UnsafePointer<MarketRecord>, resting: UnsafeMutablePointer<RestingOrder>
  ) -> BookChange {
    let slot = unsafe find(r.pointee.reference)
    let isDuplicate = unsafe find(r.pointee.second) != 0
    guard slot != 0, !isDuplicate else {
      // Both may be true of one message, and then both are counted.
      var change: BookChange = .empty
      if slot == 0 {
        unsafe core.pointee.counters.unknown &+= 1
        change.formUnion(.unknown)
      }
      if isDuplicate {
        unsafe core.pointee.counters.duplicate &+= 1
        change.formUnion(.duplicate)
      }
      return change
    }
    _ = unsafe describe(slot, resting)
    let locate = unsafe resting.pointee.locate
    let sideIndex = unsafe resting.pointee.side.index
    let book = unsafe books + Int(locate)
    let state = unsafe side(book, sideIndex)
    // Of both steps together: an order that is replaced by the like of it changes nothing.
    let before = unsafe SideTop(state)
    let attribution = attribution(slot)
    remove(slot)
    var change = unsafe insert(
      reference: r.pointee.second, book, locate: locate, side: sideIndex,
      shares: r.pointee.shares, price: r.pointee.price, attribution: attribution)
    if !change.contains(.depth) {
      unsafe core.pointee.counters.full &+= 1
      unsafe book.pointee.flags |= BookState.dropped
    }
    change.subtract(.top)
    return unsafe change.union(.depth).union(Self.topChange(from: before, to: state))
  }
}
