/// Looking into the books. On the engine's thread; nothing here changes anything.
extension OrderBooks {
  /// Best bid and offer; a copy of what is kept at hand.
  @_noLocks public func top(_ locate: UInt16) -> BookTop {
    let book = unsafe books + Int(locate)
    var top = BookTop()
    unsafe top.bid = book.pointee.bids.price
    unsafe top.ask = book.pointee.asks.price
    unsafe top.bidShares = book.pointee.bids.shares
    unsafe top.askShares = book.pointee.asks.shares
    return top
  }

  /// Number of price levels of a side.
  @_noLocks public func levelCount(_ locate: UInt16, _ side: BookSide) -> Int {
    unsafe Int(self.side(books + Int(locate), side.index).pointee.count)
  }

  /// The level at a depth, 0 is the best; nil when there is none.
  @_noLocks public func level(_ locate: UInt16, _ side: BookSide, depth: Int) -> BookLevel? {
    let state = unsafe self.side(books + Int(locate), side.index)
    let count = unsafe Int(state.pointee.count)
    guard depth >= 0, depth < count else { return nil }
    let entry = unsafe ladder[Int(state.pointee.start) &+ count &- 1 &- depth]
    let level = unsafe levels[Int(entry.level)]
    return BookLevel(price: level.price, shares: level.shares, orders: level.orders)
  }

  /// Shares displayed at a price; 0 when there are none.
  @_noLocks public func shares(_ locate: UInt16, _ side: BookSide, price: UInt32) -> UInt64 {
    let state = unsafe self.side(books + Int(locate), side.index)
    let key = Self.key(price, side.index)
    let position = unsafe lowerBound(state, key)
    guard position < (unsafe Int(state.pointee.count)) else { return 0 }
    let entry = unsafe ladder[Int(state.pointee.start) &+ position]
    return entry.key == key ? unsafe levels[Int(entry.level)].shares : 0
  }

  /// A live order by its reference.
  @_noLocks public func order(_ reference: UInt64) -> BookOrder? {
    let slot = find(reference)
    return slot == 0 ? nil : describe(slot)
  }

  @_noLocks func describe(_ slot: UInt32) -> BookOrder {
    let order = unsafe orders[Int(slot)]
    let level = unsafe levels[Int(order.level)]
    return BookOrder(
      reference: order.reference, shares: order.shares, price: level.price, locate: level.locate,
      side: level.side == 0 ? UInt8(ascii: "B") : UInt8(ascii: "S"),
      attribution: attribution(slot))
  }

  /// MPID bytes of a live order; 0 when there are none.
  @_noLocks @inline(__always) func attribution(_ slot: UInt32) -> UInt32 {
    let isAttributed = unsafe orders[Int(slot)].word & OrderSlot.attributed != 0
    return isAttributed ? unsafe core.pointee.attributions[Int(slot)] : 0
  }

  /// Shares and orders that stand before a live order; nil when it is not live, and in books without
  /// queues.
  ///
  /// Walks from the order to the head of its level: as many steps as there are orders ahead.
  @_noLocks public func queuePosition(_ reference: UInt64) -> QueuePosition? {
    let slot = find(reference)
    guard slot != 0, hasQueues else { return nil }
    let levelIndex = unsafe orders[Int(slot)].level
    let level = unsafe levels[Int(levelIndex)]
    var position = QueuePosition(sharesAhead: 0, ordersAhead: 0, levelsAhead: 0)
    var at = unsafe links[Int(slot)].previous
    while at != 0, position.ordersAhead < level.orders {
      unsafe position.sharesAhead &+= UInt64(orders[Int(at)].shares)
      position.ordersAhead &+= 1
      at = unsafe links[Int(at)].previous
    }
    let state = unsafe side(books + Int(level.locate), level.side)
    let place = unsafe lowerBound(state, Self.key(level.price, level.side))
    unsafe position.levelsAhead =
      state.pointee.count &- 1 &- UInt32(truncatingIfNeeded: place)
    return position
  }

  /// Live orders of one book.
  @_noLocks public func orderCount(_ locate: UInt16) -> Int {
    unsafe Int(books[Int(locate)].orders)
  }

  /// Stock of a locate, from R or else its first A or F; 0 when none was seen.
  @_noLocks public func symbol(_ locate: UInt16) -> UInt64 { unsafe books[Int(locate)].symbol }

  /// Says which stock a locate stands for (R).
  @_noLocks public func setSymbol(_ locate: UInt16, _ symbol: UInt64) {
    unsafe books[Int(locate)].symbol = symbol
  }

  /// Whether an order of this book was dropped (full, bad side, wrong stock) since it was last reset.
  @_noLocks public func hasDropped(_ locate: UInt16) -> Bool {
    unsafe books[Int(locate)].flags & BookState.dropped != 0
  }

  /// Nothing was dropped, and no snapshot of this book is half loaded.
  @_noLocks func isComplete(_ locate: UInt16) -> Bool { unsafe books[Int(locate)].flags == 0 }

  @_noLocks func setLoading(_ locate: UInt16, _ isLoading: Bool) {
    if isLoading {
      unsafe books[Int(locate)].flags |= BookState.loading
    } else {
      unsafe books[Int(locate)].flags &= ~BookState.loading
    }
  }

  // MARK: Snapshots

  /// Starts a walk over the live orders of one side in priority order: best level first, first come
  /// first. The walk is invalid after any change to the books, and empty in books without queues.
  @_noLocks public func orders(_ locate: UInt16, _ side: BookSide) -> OrderWalk {
    let state = unsafe self.side(books + Int(locate), side.index)
    return unsafe OrderWalk(
      locate: locate, side: side, levelsLeft: hasQueues ? Int(state.pointee.count) : 0, slot: 0)
  }

  /// The next order of a walk; nil at its end.
  @_noLocks public func next(_ walk: inout OrderWalk) -> BookOrder? {
    if walk.slot == 0 {
      guard walk.levelsLeft > 0 else { return nil }
      walk.levelsLeft &-= 1
      let state = unsafe self.side(books + Int(walk.locate), walk.side.index)
      let entry = unsafe ladder[Int(state.pointee.start) &+ walk.levelsLeft]
      walk.slot = unsafe levels[Int(entry.level)].head
    }
    let order = describe(walk.slot)
    walk.slot = unsafe links[Int(walk.slot)].next
    return order
  }

  /// Removes every order of one book and forgets that some were dropped; the symbol stays.
  @_noLocks public func reset(_ locate: UInt16) {
    if !hasQueues, orderCount(locate) > 0 { sweep(onlyLocate: locate) }
    var side: UInt8 = 0
    while side < 2, hasQueues {
      let state = unsafe self.side(books + Int(locate), side)
      side &+= 1
      var left = unsafe books[Int(locate)].orders
      while left > 0, unsafe state.pointee.count > 0 {
        let entry = unsafe ladder[Int(state.pointee.start) &+ Int(state.pointee.count) &- 1]
        unsafe remove(levels[Int(entry.level)].head)
        left &-= 1
      }
    }
    unsafe books[Int(locate)].flags &= ~BookState.dropped
  }

  /// Removes every order of every book.
  @_noLocks public func resetAll() {
    if !hasQueues { sweep(onlyLocate: nil) }
    var locate = 0
    while locate < Self.locates {
      reset(UInt16(truncatingIfNeeded: locate))
      locate &+= 1
    }
  }
}

/// A walk over one side of a book; see ``OrderBooks/orders(_:_:)``.
@frozen public struct OrderWalk: BitwiseCopyable, Sendable {
  public let locate: UInt16
  public let side: BookSide
  var levelsLeft: Int
  var slot: UInt32
}
