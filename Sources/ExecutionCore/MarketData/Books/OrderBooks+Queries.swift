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

  /// The level at a depth, 0 is the best; nil when there is none. Walks there from the best: for all levels
  /// of a side take ``levels(_:_:)``.
  @_noLocks public func level(_ locate: UInt16, _ side: BookSide, depth: Int) -> BookLevel? {
    guard depth >= 0, depth < levelCount(locate, side) else { return nil }
    var walk = levels(locate, side)
    var left = depth
    while left > 0 {
      _ = nextLevel(&walk)
      left &-= 1
    }
    return next(&walk)
  }

  /// Starts a walk over the levels of one side, best first. It is invalid after any change to the books.
  @_noLocks public func levels(_ locate: UInt16, _ side: BookSide) -> LevelWalk {
    let state = unsafe self.side(books + Int(locate), side.index)
    return unsafe LevelWalk(
      locate: locate, side: side, below: UInt32(truncatingIfNeeded: Self.windowSize),
      listed: state.pointee.listed)
  }

  /// The next level of a walk; nil at its end.
  @_noLocks public func next(_ walk: inout LevelWalk) -> BookLevel? {
    let index = nextLevel(&walk)
    guard index != 0 else { return nil }
    let level = unsafe levels[Int(index)]
    return BookLevel(price: level.price, shares: level.shares, orders: level.orders)
  }

  /// Shares displayed at a price; 0 when there are none.
  @_noLocks public func shares(_ locate: UInt16, _ side: BookSide, price: UInt32) -> UInt64 {
    // Slot 0 has no shares.
    unsafe levels[Int(findLevel(locate, side.index, price: price))].shares
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
    position.levelsAhead = levelsAhead(level)
    return position
  }

  /// Levels of the same side at better prices.
  @_noLocks private func levelsAhead(_ level: LevelSlot) -> UInt32 {
    let state = unsafe side(books + Int(level.locate), level.side)
    let key = Self.key(level.price, level.side)
    // The next better cent; of an ask between two cents that is the one its price contains.
    let cents = level.price / 100
    let isBetween = cents &* 100 != level.price
    let rank = Self.rank(cents &* 100, level.side) &+ (isBetween && level.side == 1 ? 0 : 1)
    var ahead = unsafe presentCount(state, from: rank)
    if unsafe state.pointee.listed != 0, unsafe key < state.pointee.listedBest {
      let place = unsafe UInt32(truncatingIfNeeded: lowerBound(state, key &+ 1))
      unsafe ahead &+= state.pointee.listed &- place
    }
    return ahead
  }

  /// Whether a book has live orders.
  @_noLocks public func hasOrders(_ locate: UInt16) -> Bool {
    let book = unsafe books + Int(locate)
    return unsafe book.pointee.bids.count | book.pointee.asks.count != 0
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

  // MARK: Snapshots

  /// Starts a walk over the live orders of one side in priority order: best level first, first come
  /// first. The walk is invalid after any change to the books, and empty in books without queues.
  @_noLocks public func orders(_ locate: UInt16, _ side: BookSide) -> OrderWalk {
    var walk = OrderWalk(levels: levels(locate, side))
    if !hasQueues {
      walk.levels.below = 0
      walk.levels.listed = 0
    }
    return walk
  }

  /// The next order of a walk; nil at its end.
  @_noLocks public func next(_ walk: inout OrderWalk) -> BookOrder? {
    if walk.slot == 0 {
      let level = nextLevel(&walk.levels)
      guard level != 0 else { return nil }
      walk.slot = unsafe levels[Int(level)].head
    }
    let order = describe(walk.slot)
    walk.slot = unsafe links[Int(walk.slot)].next
    return order
  }

  /// Removes every order of one book and forgets that some were dropped; the symbol stays.
  @_noLocks public func reset(_ locate: UInt16) {
    if !hasQueues, hasOrders(locate) { sweep(onlyLocate: locate) }
    empty(locate)
  }

  /// Removes every order of every book.
  @_noLocks public func resetAll() {
    if !hasQueues { sweep(onlyLocate: nil) }
    var locate = 0
    while locate < Self.locates {
      empty(UInt16(truncatingIfNeeded: locate))
      locate &+= 1
    }
  }

  /// Ends a reset of one book. With queues the orders go here, from the best price on, so that what goes
  /// is always a vector's last entry; without, they have gone and their levels follow.
  @_noLocks private func empty(_ locate: UInt16) {
    let book = unsafe books + Int(locate)
    var sideIndex: UInt8 = 0
    while sideIndex < 2 {
      if !hasQueues { unsafe removeLevels(side(book, sideIndex)) }
      var left = hasQueues ? live : 0
      while left > 0 {
        let best = unsafe bestLevel(book, sideIndex, below: UInt32(Self.windowSize))
        guard best != 0 else { break }
        unsafe remove(levels[Int(best)].head)
        left &-= 1
      }
      sideIndex &+= 1
    }
    unsafe book.pointee.flags &= ~BookState.dropped
  }
}

/// A walk over one side of a book; see ``OrderBooks/orders(_:_:)``.
@frozen public struct OrderWalk: BitwiseCopyable, Sendable {
  var levels: LevelWalk
  var slot: UInt32

  @_noLocks init(levels: LevelWalk) {
    self.levels = levels
    slot = 0
  }
}
