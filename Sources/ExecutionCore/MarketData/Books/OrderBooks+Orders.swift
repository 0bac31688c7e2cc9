internal import CSupport

/// Where orders lie, how they are found, added and removed.
extension OrderBooks {
  // MARK: Finding

  /// The place of a reference: its low bits, the lowest two of them in front. NASDAQ's matching engines
  /// each number by fours, not at the same pace; so each fills cache lines of its own, one after the
  /// other, and a feed with one dense numbering fills four.
  @_noLocks @inline(__always) func place(_ reference: UInt64) -> UInt32 {
    let low = unsafe UInt32(truncatingIfNeeded: reference & core.pointee.placeMask)
    let engine = unsafe (low & 3) &<< core.pointee.engineShift
    return (low &>> 2 | engine) &+ Self.slotsBefore
  }

  /// Slot of a live order, or 0.
  @_noLocks @inline(__always) func find(_ reference: UInt64) -> UInt32 {
    let slot = place(reference)
    let order = unsafe orders + Int(slot)
    let word = unsafe order.pointee.word
    if unsafe order.pointee.reference == reference, word & OrderSlot.levelMask != 0 { return slot }
    return word & OrderSlot.evictedMask == 0 ? 0 : findOverflowed(reference)
  }

  /// Bucket of the overflow's hash.
  @_noLocks @inline(__always) func bucket(_ reference: UInt64) -> Int {
    unsafe Int(
      truncatingIfNeeded: (reference &* 0x9E37_79B9_7F4A_7C15) &>> core.pointee.overflowShift)
  }

  @_noLocks @inline(never) private func findOverflowed(_ reference: UInt64) -> UInt32 {
    var slot = unsafe core.pointee.overflowHeads[bucket(reference)]
    var steps = 0
    while slot != 0, steps < Self.chainMax {
      if unsafe orders[Int(slot)].reference == reference { return slot }
      slot = unsafe chain(slot).pointee
      steps &+= 1
    }
    return 0
  }

  /// The chain link of a slot of the overflow.
  @_noLocks @inline(__always) private func chain(_ slot: UInt32) -> UnsafeMutablePointer<UInt32> {
    unsafe core.pointee.overflowChains + Int(slot &- core.pointee.overflowStart)
  }

  // MARK: Adding

  /// Puts an order at the end of its level's queue: `depth`, and `top` when its side's best price or the
  /// shares there changed; else `duplicate` or `dropped`, and nothing did. The caller counts.
  @_noLocks @inline(__always) func insert(
    reference: UInt64, _ book: UnsafeMutablePointer<BookState>, locate: UInt16,
    side sideIndex: UInt8, shares: UInt32, price: UInt32, attribution: UInt32
  ) -> BookChange {
    let slot = place(reference)
    let order = unsafe orders + Int(slot)
    if unsafe order.pointee.word & (OrderSlot.levelMask | OrderSlot.evictedMask) != 0 {
      let hindrance = clear(slot, for: reference)
      if !hindrance.isEmpty { return hindrance }
    }
    guard unsafe core.pointee.counters.live < UInt64(core.pointee.orderCapacity) else {
      return .dropped
    }
    let index = unsafe level(book, sideIndex, price: price, locate: locate)
    guard index != 0 else { return .dropped }
    let level = unsafe levels + Int(index)
    let evicted = unsafe order.pointee.word & OrderSlot.evictedMask
    unsafe order.pointee = OrderSlot(reference: reference, shares: shares, word: evicted | index)
    if attribution != 0 {
      unsafe order.pointee.word |= OrderSlot.attributed
      unsafe core.pointee.attributions[Int(slot)] = attribution
    }
    if unsafe core.pointee.hasQueues { unsafe enqueue(slot, level) }
    let isNew = unsafe level.pointee.orders == 0
    let total = unsafe level.pointee.shares &+ UInt64(shares)
    unsafe level.pointee.orders &+= 1
    unsafe level.pointee.shares = total
    unsafe core.pointee.counters.live &+= 1
    let side = unsafe side(book, sideIndex)
    let count = unsafe side.pointee.count
    unsafe side.pointee.count = count &+ nt_choose32(isNew, 1, 0)
    let best = unsafe side.pointee.price
    let isTop = Self.key(price, sideIndex) >= (count == 0 ? 0 : Self.key(best, sideIndex))
    unsafe side.pointee.price = nt_choose32(isTop, price, best)
    unsafe side.pointee.shares = nt_choose64(isTop, total, side.pointee.shares)
    return Self.depth(isTop: isTop, isMoved: isNew, shares: shares)
  }

  /// `depth`, with `top` when the best level came, went or has other shares.
  @_noLocks @inline(__always) static func depth(
    isTop: Bool, isMoved: Bool, shares: UInt32
  ) -> BookChange {
    let changed = nt_choose32(isMoved, 1, shares == 0 ? 0 : 1)
    return BookChange(rawValue: UInt16(truncatingIfNeeded: 2 | nt_choose32(isTop, changed, 0)))
  }

  /// What names the order behind `previous`: its link, or the level's head where there is none. An
  /// address is chosen, not a way: which it is cannot be foreseen.
  @_noLocks @inline(__always) private func head(
    or previous: UInt32, _ level: UnsafeMutablePointer<LevelSlot>
  ) -> UnsafeMutablePointer<UInt32> {
    let link = unsafe UnsafeMutableRawPointer(links + Int(previous))
    let head = unsafe UnsafeMutableRawPointer(level) + 16
    return unsafe (previous == 0 ? head : link).assumingMemoryBound(to: UInt32.self)
  }

  /// What names the order ahead of `next`.
  @_noLocks @inline(__always) private func tail(
    or next: UInt32, _ level: UnsafeMutablePointer<LevelSlot>
  ) -> UnsafeMutablePointer<UInt32> {
    let link = unsafe UnsafeMutableRawPointer(links + Int(next)) + 4
    let tail = unsafe UnsafeMutableRawPointer(level) + 20
    return unsafe (next == 0 ? tail : link).assumingMemoryBound(to: UInt32.self)
  }

  @_noLocks @inline(__always) private func enqueue(
    _ slot: UInt32, _ level: UnsafeMutablePointer<LevelSlot>
  ) {
    let last = unsafe level.pointee.tail
    unsafe links[Int(slot)] = QueueLinks(next: 0, previous: last)
    unsafe level.pointee.tail = slot
    unsafe head(or: last, level).pointee = slot
  }

  /// Makes a place free for a reference: `duplicate` when that is live, `dropped` when the old order
  /// found no room in the overflow, else empty.
  @_noLocks @inline(never) private func clear(
    _ slot: UInt32, for reference: UInt64
  ) -> BookChange {
    if find(reference) != 0 { return .duplicate }
    let old = unsafe orders[Int(slot)]
    guard old.level != 0 else { return .empty }
    // Full already: nothing is moved for an order that will be dropped.
    guard unsafe core.pointee.counters.live < UInt64(core.pointee.orderCapacity) else {
      return .dropped
    }
    return evict(slot, old) ? .empty : .dropped
  }

  /// Moves the order of a place to the overflow; its queue and level do not notice.
  @_noLocks private func evict(_ slot: UInt32, _ old: OrderSlot) -> Bool {
    let bucket = bucket(old.reference)
    let first = unsafe core.pointee.overflowHeads[bucket]
    var at = first
    var length = 0
    while at != 0 {
      length &+= 1
      if length >= Self.chainMax { return false }
      at = unsafe chain(at).pointee
    }
    guard let new = takeOverflow() else { return false }
    unsafe chain(new).pointee = first
    unsafe core.pointee.overflowHeads[bucket] = new
    unsafe orders[Int(new)] = OrderSlot(
      reference: old.reference, shares: old.shares, word: old.word & ~OrderSlot.evictedMask)
    if old.word & OrderSlot.attributed != 0 {
      unsafe core.pointee.attributions[Int(new)] = core.pointee.attributions[Int(slot)]
    }
    if unsafe core.pointee.hasQueues {
      let link = unsafe links[Int(slot)]
      unsafe links[Int(new)] = link
      let level = unsafe levels + Int(old.level)
      unsafe head(or: link.previous, level).pointee = new
      unsafe tail(or: link.next, level).pointee = new
    }
    var evicted = old.word & OrderSlot.evictedMask
    if evicted != OrderSlot.evictedMask { evicted &+= OrderSlot.evictedOne }
    unsafe orders[Int(slot)].word = evicted
    return true
  }

  @_noLocks private func takeOverflow() -> UInt32? {
    let free = unsafe core.pointee.freeOverflow
    if free != 0 {
      unsafe core.pointee.freeOverflow = chain(free).pointee
      return free
    }
    let used = unsafe core.pointee.overflowUsed
    guard unsafe used < core.pointee.orderCapacity else { return nil }
    unsafe core.pointee.overflowUsed = used &+ 1
    return unsafe core.pointee.overflowStart &+ used
  }

  // MARK: Removing

  /// Takes some of a live order's shares away: `depth`, and `top` as in ``insert``.
  @_noLocks @inline(__always) func reduce(
    _ slot: UInt32, by shares: UInt32, _ level: UnsafeMutablePointer<LevelSlot>
  ) -> BookChange {
    unsafe orders[Int(slot)].shares &-= shares
    let left = unsafe level.pointee.shares &- UInt64(shares)
    unsafe level.pointee.shares = left
    let side = unsafe side(books + Int(level.pointee.locate), level.pointee.side)
    let isTop = unsafe side.pointee.price == level.pointee.price
    unsafe side.pointee.shares = nt_choose64(isTop, left, side.pointee.shares)
    return Self.depth(isTop: isTop, isMoved: false, shares: shares)
  }

  /// Takes a live order out of its queue, its level and its place: `depth`, and `top` as in ``insert``.
  @_noLocks @inline(__always) @discardableResult func remove(_ slot: UInt32) -> BookChange {
    let order = unsafe orders[Int(slot)]
    let level = unsafe levels + Int(order.level)
    take(slot, order)
    if unsafe core.pointee.hasQueues { unsafe dequeue(slot, level) }
    let price = unsafe level.pointee.price
    let sideIndex = unsafe level.pointee.side
    let book = unsafe books + Int(level.pointee.locate)
    let total = unsafe level.pointee.shares &- UInt64(order.shares)
    let left = unsafe level.pointee.orders &- 1
    unsafe level.pointee.shares = total
    unsafe level.pointee.orders = left
    let side = unsafe side(book, sideIndex)
    let apart = unsafe side.pointee.price ^ price
    let isTop = apart == 0
    unsafe side.pointee.shares = nt_choose64(isTop, total, side.pointee.shares)
    let below = unsafe leaveLevel(side, order.level, left == 0)
    // The last order of the best level: one question, as each of the two is hard to foresee.
    if left | apart == 0 { unsafe refreshTop(book, sideIndex, below: below) }
    return Self.depth(isTop: isTop, isMoved: left == 0, shares: order.shares)
  }

  @_noLocks @inline(__always) private func dequeue(
    _ slot: UInt32, _ level: UnsafeMutablePointer<LevelSlot>
  ) {
    let link = unsafe links[Int(slot)]
    unsafe head(or: link.previous, level).pointee = link.next
    unsafe tail(or: link.next, level).pointee = link.previous
  }

  /// Takes a slot of the overflow out of the hash, and its place's count of it back.
  @_noLocks @inline(never) private func recycleOverflow(_ slot: UInt32, _ reference: UInt64) {
    let place = unsafe orders + Int(place(reference))
    // A count that stood still at its greatest is not known any more, and stays.
    if unsafe place.pointee.word & OrderSlot.evictedMask != OrderSlot.evictedMask {
      unsafe place.pointee.word &-= OrderSlot.evictedOne
    }
    let bucket = bucket(reference)
    var at = unsafe core.pointee.overflowHeads[bucket]
    if at == slot {
      unsafe core.pointee.overflowHeads[bucket] = chain(slot).pointee
    } else {
      var steps = 0
      while at != 0, steps <= Self.chainMax {
        let next = unsafe chain(at).pointee
        if next == slot {
          unsafe chain(at).pointee = chain(slot).pointee
          break
        }
        at = next
        steps &+= 1
      }
    }
    unsafe chain(slot).pointee = core.pointee.freeOverflow
    unsafe core.pointee.freeOverflow = slot
  }

  // MARK: Emptying

  /// Takes every order of every book, or of one, out of its place, by looking at all slots: books without
  /// queues. Their levels stay, empty, for ``removeLevels(_:)``.
  @_noLocks func sweep(onlyLocate: UInt16?) {
    let end = unsafe Int(core.pointee.overflowStart &+ core.pointee.overflowUsed)
    var slot = Int(Self.slotsBefore)
    while slot < end {
      let order = unsafe orders[slot]
      let level = unsafe levels + Int(order.level)
      slot &+= 1
      guard order.level != 0, onlyLocate == nil || onlyLocate == (unsafe level.pointee.locate)
      else { continue }
      take(UInt32(truncatingIfNeeded: slot &- 1), order)
      unsafe level.pointee.shares &-= UInt64(order.shares)
      unsafe level.pointee.orders &-= 1
    }
  }

  /// Makes the place of a live order free.
  @_noLocks @inline(__always) private func take(_ slot: UInt32, _ order: OrderSlot) {
    unsafe orders[Int(slot)].word = order.word & OrderSlot.evictedMask
    if unsafe slot >= core.pointee.overflowStart { recycleOverflow(slot, order.reference) }
    unsafe core.pointee.counters.live &-= 1
  }
}
