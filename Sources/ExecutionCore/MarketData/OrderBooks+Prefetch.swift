internal import CSupport

/// Looking ahead: what a later message of the batch will touch is fetched while this one is applied.
/// Nothing here changes a book, and nothing that is found is believed later without a look.
extension OrderBooks {
  /// Where is noted what was found for a record.
  @_noLocks @inline(__always) func hint(
    _ record: UnsafePointer<MarketRecord>
  ) -> UnsafeMutablePointer<LadderHint> {
    let at = UInt(bitPattern: record) / UInt(MemoryLayout<MarketRecord>.stride)
    return unsafe core.pointee.hints + Int(at & UInt(Self.hintCount &- 1))
  }

  /// First stage, about 32 messages ahead: the order's place and the book. Needs nothing but the record.
  @_noLocks @inline(__always) public func prefetchFirst(_ record: UnsafePointer<MarketRecord>) {
    unsafe nt_prefetch_write(orders + Int(place(record.pointee.reference)))
    let book = unsafe books + Int(record.pointee.locate)
    unsafe nt_prefetch_write(book)
    unsafe nt_prefetch_write(UnsafeRawPointer(book) + 64)
    if unsafe record.pointee.kind == ITCHDecoder.Kind.replace {
      unsafe nt_prefetch_write(orders + Int(place(record.pointee.second)))
    }
  }

  /// Second stage, about 16 messages ahead: the best prices that an A or F will join, else the order's
  /// level and its links.
  ///
  /// Which type comes next cannot be foreseen: here and below addresses are chosen, not ways.
  @_noLocks @inline(__always) public func prefetchSecond(_ record: UnsafePointer<MarketRecord>) {
    let sideCode = unsafe record.pointee.side
    let isAdd = sideCode != 0
    let book = unsafe books + Int(record.pointee.locate)
    let state = unsafe side(book, sideCode & 1)
    let end = unsafe UnsafeRawPointer(
      ladder + (Int(state.pointee.start) &+ Int(state.pointee.count)))
    let slot = unsafe Int(place(record.pointee.reference))
    let level = unsafe UnsafeRawPointer(levels + Int(orders[slot].level))
    unsafe nt_prefetch_write(isAdd ? end - 8 : level)
    unsafe nt_prefetch_write(isAdd ? end - 72 : UnsafeRawPointer(links + slot))
    unsafe nt_prefetch_write(isAdd ? end - 128 : level)
  }

  /// Third stage, about 8 messages ahead: the level that an A, F or U will join, else the best prices;
  /// and the order's neighbours in the queue.
  @_noLocks @inline(__always) public func prefetchThird(_ record: UnsafePointer<MarketRecord>) {
    let sideCode = unsafe record.pointee.side
    let isAdd = sideCode != 0
    let slot = unsafe Int(place(record.pointee.reference))
    let old = unsafe orders[slot].level
    // B is even, S odd; a side that is neither is found out when the record is applied.
    let sideIndex = unsafe isAdd ? sideCode & 1 : levels[Int(old)].side & 1
    let state = unsafe side(books + Int(record.pointee.locate), sideIndex)
    let isSearched = unsafe isAdd || record.pointee.kind == ITCHDecoder.Kind.replace
    let searched = unsafe isSearched ? state : core.pointee.noSide
    let position = unsafe lowerBound(searched, Self.key(record.pointee.price, sideIndex))
    let start = unsafe Int(searched.pointee.start)
    let last = unsafe Int(searched.pointee.count) &- 1
    // The slots of an empty side may hold anything.
    let entry = unsafe ladder[start &+ max(0, min(position, last))]
    let found = last < 0 ? 0 : entry.level
    let level = unsafe UnsafeRawPointer(levels + Int(found))
    let end = unsafe state.pointee.start &+ state.pointee.count
    // When an order that goes was the last of the best level, the next one becomes the best.
    let next = end &- 2
    unsafe hint(record).pointee = LadderHint(
      position: isSearched ? UInt32(truncatingIfNeeded: position) : next, level: found)
    unsafe nt_prefetch_write(
      isSearched ? level : UnsafeRawPointer(ladder + Int(Int32(bitPattern: next))))
    guard unsafe core.pointee.hasQueues else { return }
    let link = unsafe links[isAdd ? 0 : slot]
    unsafe nt_prefetch_write(links + Int(link.previous))
    unsafe nt_prefetch_write(links + Int(link.next))
  }

  /// Fourth stage, about 4 messages ahead: the last order of the level that an A or F will join, or the
  /// level behind the best.
  @_noLocks @inline(__always) public func prefetchFourth(_ record: UnsafePointer<MarketRecord>) {
    let hint = unsafe hint(record).pointee
    let isJoin = unsafe record.pointee.side != 0 || record.pointee.kind == ITCHDecoder.Kind.replace
    let next = unsafe ladder[isJoin ? 0 : Int(Int32(bitPattern: hint.position))].level
    let level = unsafe UnsafeRawPointer(levels + Int(next))
    // Books without queues have no tails: link 0.
    let tail = unsafe UnsafeRawPointer(links + Int(levels[Int(hint.level)].tail))
    unsafe nt_prefetch_write(isJoin ? tail : level)
  }

  /// All stages for a batch that will be applied in order; call it with each index before
  /// applying that record.
  @_noLocks @inline(__always) public func prefetch(
    _ records: UnsafePointer<MarketRecord>, at index: Int, count: Int
  ) {
    if index == 0 { unsafe start(records, count) }
    if index &+ 32 < count {
      unsafe prefetchFirst(records + (index &+ 32))
      unsafe prefetchSecond(records + (index &+ 16))
      unsafe prefetchThird(records + (index &+ 8))
      unsafe prefetchFourth(records + (index &+ 4))
      return
    }
    if index &+ 16 < count { unsafe prefetchSecond(records + (index &+ 16)) }
    if index &+ 8 < count { unsafe prefetchThird(records + (index &+ 8)) }
    if index &+ 4 < count { unsafe prefetchFourth(records + (index &+ 4)) }
  }

  /// What the stages have not seen of a batch that begins. One or two records are not worth a look.
  @_noLocks @inline(never) private func start(
    _ records: UnsafePointer<MarketRecord>, _ count: Int
  ) {
    guard count > 2 else { return }
    var index = 0
    while index < min(32, count) {
      unsafe prefetchFirst(records + index)
      index &+= 1
    }
    index = 0
    while index < min(16, count) {
      unsafe prefetchSecond(records + index)
      index &+= 1
    }
    index = 0
    while index < min(8, count) {
      unsafe prefetchThird(records + index)
      index &+= 1
    }
  }
}
