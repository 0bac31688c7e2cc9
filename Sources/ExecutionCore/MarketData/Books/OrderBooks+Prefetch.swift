internal import CSupport

/// Looking ahead: what a later message of the batch will touch is fetched while this one is applied.
/// Nothing here changes a book, and nothing that is found is believed later.
///
/// Which type comes next cannot be foreseen: addresses are chosen here, not ways.
extension OrderBooks {
  /// First stage, 16 messages ahead: the order's place and the book. Needs nothing but the record.
  @_noLocks @inline(__always) private func prefetchFirst(
    _ record: UnsafePointer<MarketRecord>, _ index: Int
  ) {
    let place = unsafe place(record.pointee.reference)
    unsafe noted(index).pointee.place = place
    unsafe nt_prefetch_write(orders + Int(place))
    let book = unsafe UnsafeRawPointer(books + Int(record.pointee.locate))
    unsafe nt_prefetch_write(book)
    unsafe nt_prefetch_write(book + 64)
    unsafe nt_prefetch_write(book + 128)
  }

  /// Second stage, 8 messages ahead: the level that an A or F will join if the window has it, else
  /// the order's level; and the order's links.
  @_noLocks @inline(__always) private func prefetchSecond(
    _ record: UnsafePointer<MarketRecord>, _ index: Int
  ) {
    let note = unsafe noted(index)
    let place = unsafe Int(note.pointee.place)
    let sideCode = unsafe record.pointee.side
    let old = unsafe orders[place].level
    let joined = unsafe joined(record, sideCode & 1)
    let level = nt_choose32(sideCode != 0, joined, old)
    unsafe note.pointee.level = level
    unsafe nt_prefetch_write(levels + Int(level))
    if unsafe core.pointee.hasQueues { unsafe nt_prefetch_write(links + place) }
  }

  /// Third stage, 4 messages ahead: what a U will join and where its new order will lie, and the
  /// neighbours in the queue.
  @_noLocks @inline(__always) private func prefetchThird(
    _ record: UnsafePointer<MarketRecord>, _ index: Int
  ) {
    let isReplace = unsafe record.pointee.kind == ITCHDecoder.Kind.replace
    // A way all the same: one in fourteen is a U.
    guard unsafe core.pointee.hasQueues || isReplace else { return }
    let note = unsafe noted(index).pointee
    let level = unsafe levels + Int(note.level)
    if isReplace {
      unsafe nt_prefetch_write(levels + Int(joined(record, level.pointee.side & 1)))
      unsafe nt_prefetch_write(orders + Int(place(record.pointee.second)))
    }
    guard unsafe core.pointee.hasQueues else { return }
    let link = unsafe links[Int(note.place)]
    let isAdd = unsafe record.pointee.side != 0
    let tail = unsafe level.pointee.tail
    unsafe nt_prefetch_write(links + Int(nt_choose32(isAdd, tail, link.previous)))
    unsafe nt_prefetch_write(links + Int(nt_choose32(isAdd, tail, link.next)))
  }

  @_noLocks @inline(__always) private func noted(
    _ index: Int
  ) -> UnsafeMutablePointer<LookAhead> {
    unsafe core.pointee.ahead + (index & (Self.aheadSize &- 1))
  }

  /// The cell of a record's price; any cell where the price has none. B is even, S odd; a side that is
  /// neither is found out when the record is applied.
  @_noLocks @inline(__always) private func joined(
    _ record: UnsafePointer<MarketRecord>, _ sideIndex: UInt8
  ) -> UInt32 {
    let rank = unsafe Self.nearRank(record.pointee.price, sideIndex)
    return unsafe cell(books + Int(record.pointee.locate), sideIndex, rank)
  }

  /// All stages for a batch that will be applied in order; call it with each index before
  /// applying that record.
  @_noLocks @inline(__always) public func prefetch(
    _ records: UnsafePointer<MarketRecord>, at index: Int, count: Int
  ) {
    if index == 0 { unsafe start(records, count) }
    if index &+ 16 < count {
      unsafe prefetchFirst(records + (index &+ 16), index &+ 16)
      unsafe prefetchSecond(records + (index &+ 8), index &+ 8)
      unsafe prefetchThird(records + (index &+ 4), index &+ 4)
      return
    }
    if index &+ 8 < count { unsafe prefetchSecond(records + (index &+ 8), index &+ 8) }
    if index &+ 4 < count { unsafe prefetchThird(records + (index &+ 4), index &+ 4) }
  }

  /// What the stages have not seen of a batch that begins. One or two records are not worth a look.
  @_noLocks @inline(never) private func start(
    _ records: UnsafePointer<MarketRecord>, _ count: Int
  ) {
    guard count > 2 else { return }
    var index = 0
    while index < min(16, count) {
      unsafe prefetchFirst(records + index, index)
      index &+= 1
    }
    index = 0
    while index < min(8, count) {
      unsafe prefetchSecond(records + index, index)
      index &+= 1
    }
    index = 0
    while index < min(4, count) {
      unsafe prefetchThird(records + index, index)
      index &+= 1
    }
  }
}
