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
    case Kind.executed, Kind.executedAtPrice, Kind.cancel:
      return unsafe take(
        record.pointee.reference, shares: record.pointee.shares, whole: false, resting: resting)
    case Kind.delete:
      return unsafe take(record.pointee.reference, shares: 0, whole: true, resting: resting)
    case Kind.replace:
      return unsafe replace(record, resting: resting)
    default:
      return .empty
    }
  }

  @_noLocks @inline(__always) private func add(_ r: UnsafePointer<MarketRecord>) -> BookChange {
    let locate = unsafe r.pointee.locate
    let book = unsafe books + Int(locate)
    guard let side = unsafe BookSide(wire: r.pointee.side) else {
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
    let state = unsafe self.side(book, side.index)
    let price = unsafe state.pointee.price
    let shares = unsafe state.pointee.shares
    let levels = unsafe state.pointee.count
    let attribution = unsafe UInt32(truncatingIfNeeded: r.pointee.detail)
    switch unsafe insert(
      reference: r.pointee.reference, locate: locate, side: side.index,
      shares: r.pointee.shares, price: r.pointee.price, attribution: attribution)
    {
    case .inserted:
      unsafe core.pointee.counters.added &+= 1
      change.formUnion(.depth)
    case .duplicate:
      unsafe core.pointee.counters.duplicate &+= 1
      return change.union(.duplicate)
    case .full:
      unsafe core.pointee.counters.full &+= 1
      unsafe book.pointee.flags |= BookState.dropped
      return change.union(.dropped)
    }
    if unsafe state.pointee.price != price || state.pointee.shares != shares || levels == 0 {
      change.formUnion(.top)
    }
    return change
  }

  /// Fills `resting` from a live order.
  @_noLocks @inline(__always) private func describe(
    _ slot: UInt32, _ resting: UnsafeMutablePointer<RestingOrder>
  ) -> UnsafeMutablePointer<SideState> {
    let order = unsafe orders + Int(slot)
    let level = unsafe levels + Int(order.pointee.level)
    unsafe resting.pointee.reference = order.pointee.reference
    unsafe resting.pointee.price = level.pointee.price
    unsafe resting.pointee.shares = order.pointee.shares
    unsafe resting.pointee.locate = level.pointee.locate
    unsafe resting.pointee.side = level.pointee.side == 0 ? .bid : .ask
    return unsafe side(books + Int(level.pointee.locate), level.pointee.side)
  }

  @_noLocks @inline(__always) private func take(
    _ reference: UInt64, shares taken: UInt32, whole: Bool,
    resting: UnsafeMutablePointer<RestingOrder>
  ) -> BookChange {
    let slot = find(reference)
    guard slot != 0 else {
      unsafe core.pointee.counters.unknown &+= 1
      return .unknown
    }
    let state = unsafe describe(slot, resting)
    let price = unsafe state.pointee.price
    let shares = unsafe state.pointee.shares
    let levels = unsafe state.pointee.count
    var change: BookChange = .depth
    if whole {
      remove(slot)
    } else {
      if unsafe taken > resting.pointee.shares {
        unsafe core.pointee.counters.overExecuted &+= 1
        change.formUnion(.overExecuted)
      }
      reduce(slot, by: taken)
    }
    if unsafe state.pointee.price != price || state.pointee.shares != shares
      || (levels != 0 && state.pointee.count == 0)
    {
      change.formUnion(.top)
    }
    return change
  }

  @_noLocks @inline(__always) private func replace(
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
    let state = unsafe describe(slot, resting)
    let locate = unsafe resting.pointee.locate
    let side = unsafe resting.pointee.side
    let price = unsafe state.pointee.price
    let shares = unsafe state.pointee.shares
    let attribution = unsafe orders[Int(slot)].attribution
    remove(slot)
    var change: BookChange = .depth
    let result = unsafe insert(
      reference: r.pointee.second, locate: locate, side: side.index, shares: r.pointee.shares,
      price: r.pointee.price, attribution: attribution)
    if !result.isInserted {
      unsafe core.pointee.counters.full &+= 1
      unsafe books[Int(locate)].flags |= BookState.dropped
      change.formUnion(.dropped)
    }
    if unsafe state.pointee.price != price || state.pointee.shares != shares {
      change.formUnion(.top)
    }
    return change
  }

  // MARK: Prefetching

  /// First stage, about 32 messages ahead: the bucket and the book. Needs nothing but the record.
  @_noLocks public func prefetchFirst(_ record: UnsafePointer<MarketRecord>) {
    unsafe nt_prefetch_write(heads + bucket(record.pointee.reference))
    unsafe nt_prefetch_write(books + Int(record.pointee.locate))
    if unsafe record.pointee.kind == ITCHDecoder.Kind.replace {
      unsafe nt_prefetch_write(heads + bucket(record.pointee.second))
    }
  }

  /// Second stage, about 16 messages ahead: the order that the bucket names and the best prices.
  @_noLocks public func prefetchSecond(_ record: UnsafePointer<MarketRecord>) {
    let slot = unsafe heads[bucket(record.pointee.reference)]
    unsafe nt_prefetch_write(orders + Int(slot))
    let book = unsafe books + Int(record.pointee.locate)
    let state = unsafe side(book, record.pointee.side == UInt8(ascii: "S") ? 1 : 0)
    let last = unsafe Int(state.pointee.start) &+ max(0, Int(state.pointee.count) &- 1)
    unsafe nt_prefetch_write(ladder + last)
    if unsafe record.pointee.kind == ITCHDecoder.Kind.replace {
      unsafe nt_prefetch_write(orders + Int(heads[bucket(record.pointee.second)]))
    }
  }

  /// Third stage, about 8 messages ahead: the order's level and its neighbours in the queue.
  @_noLocks public func prefetchThird(_ record: UnsafePointer<MarketRecord>) {
    if let side = unsafe BookSide(wire: record.pointee.side) {
      unsafe nt_prefetch_write(levels + Int(nearestLevel(record, side)))
      return
    }
    let slot = unsafe heads[bucket(record.pointee.reference)]
    guard slot != 0 else { return }
    let order = unsafe orders + Int(slot)
    unsafe nt_prefetch_write(levels + Int(order.pointee.level))
    unsafe nt_prefetch_write(orders + Int(order.pointee.previous))
    unsafe nt_prefetch_write(orders + Int(order.pointee.next))
  }

  /// Fourth stage, about 4 messages ahead: the last order of the level that an A or F will join.
  @_noLocks public func prefetchFourth(_ record: UnsafePointer<MarketRecord>) {
    guard let side = unsafe BookSide(wire: record.pointee.side) else { return }
    unsafe nt_prefetch_write(orders + Int(levels[Int(nearestLevel(record, side))].tail))
  }

  /// The level at a record's price, or a neighbour of it; 0 on an empty side, whose slots of the
  /// ladder may hold anything.
  @_noLocks @inline(__always) private func nearestLevel(
    _ record: UnsafePointer<MarketRecord>, _ side: BookSide
  ) -> UInt32 {
    let state = unsafe self.side(books + Int(record.pointee.locate), side.index)
    let count = unsafe Int(state.pointee.count)
    guard count > 0 else { return 0 }
    let wanted = unsafe Self.key(record.pointee.price, side.index)
    let position = unsafe min(lowerBound(state, wanted), count &- 1)
    return unsafe ladder[Int(state.pointee.start) &+ position].level
  }

  /// All stages for a batch that will be applied in order; call it with each index before
  /// applying that record.
  @_noLocks public func prefetch(
    _ records: UnsafePointer<MarketRecord>, at index: Int, count: Int
  ) {
    if index &+ 32 < count { unsafe prefetchFirst(records + (index &+ 32)) }
    if index &+ 16 < count { unsafe prefetchSecond(records + (index &+ 16)) }
    if index &+ 8 < count { unsafe prefetchThird(records + (index &+ 8)) }
    if index &+ 4 < count { unsafe prefetchFourth(records + (index &+ 4)) }
  }
}
