internal import CSupport

/// Looking ahead: what a later message of the batch will touch is fetched while this one is applied.
/// Nothing here changes a book, and nothing that is found is believed later without a look.
extension OrderBooks {
  /// Where the level is noted that was found for a record.
  @_noLocks @inline(__always) func hint(
    _ record: UnsafePointer<MarketRecord>
  ) -> UnsafeMutablePointer<UInt32> {
    let at = UInt(bitPattern: record) / UInt(MemoryLayout<MarketRecord>.stride)
    return unsafe core.pointee.hints + Int(at & UInt(Self.hintCount &- 1))
  }

  /// First stage, about 32 messages ahead: the order's place and the book. Needs nothing but the record.
  @_noLocks @inline(__always) public func prefetchFirst(_ record: UnsafePointer<MarketRecord>) {
    unsafe nt_prefetch_write(orders + Int(place(record.pointee.reference)))
    unsafe nt_prefetch_write(books + Int(record.pointee.locate))
    if unsafe record.pointee.kind == ITCHDecoder.Kind.replace {
      unsafe nt_prefetch_write(orders + Int(place(record.pointee.second)))
    }
  }

  /// Second stage, about 16 messages ahead: the order's level and its links, or the best prices.
  @_noLocks @inline(__always) public func prefetchSecond(_ record: UnsafePointer<MarketRecord>) {
    let slot = unsafe Int(place(record.pointee.reference))
    let level = unsafe orders[slot].level
    unsafe nt_prefetch_write(levels + Int(level))
    if unsafe core.pointee.hasQueues { unsafe nt_prefetch_write(links + slot) }
    let book = unsafe books + Int(record.pointee.locate)
    let state = unsafe side(book, record.pointee.side == UInt8(ascii: "S") ? 1 : 0)
    let last = unsafe Int(state.pointee.start) &+ max(0, Int(state.pointee.count) &- 1)
    unsafe nt_prefetch_write(ladder + last)
  }

  /// Third stage, about 8 messages ahead: the level that an A or F will join, or the order's neighbours
  /// in the queue.
  @_noLocks @inline(__always) public func prefetchThird(_ record: UnsafePointer<MarketRecord>) {
    let hint = unsafe hint(record)
    if let side = unsafe BookSide(wire: record.pointee.side) {
      let level = unsafe nearestLevel(record, side.index)
      unsafe hint.pointee = level
      unsafe nt_prefetch_write(levels + Int(level))
      return
    }
    unsafe hint.pointee = 0
    if unsafe record.pointee.kind == ITCHDecoder.Kind.replace {
      // The side is the old order's.
      let old = unsafe orders[Int(place(record.pointee.reference))].level
      let level = unsafe old == 0 ? 0 : nearestLevel(record, levels[Int(old)].side)
      unsafe hint.pointee = level
      unsafe nt_prefetch_write(levels + Int(level))
    }
    guard unsafe core.pointee.hasQueues else { return }
    let link = unsafe links[Int(place(record.pointee.reference))]
    unsafe nt_prefetch_write(links + Int(link.previous))
    unsafe nt_prefetch_write(links + Int(link.next))
  }

  /// Fourth stage, about 4 messages ahead: the last order of the level that an A or F will join.
  @_noLocks @inline(__always) public func prefetchFourth(_ record: UnsafePointer<MarketRecord>) {
    guard unsafe core.pointee.hasQueues else { return }
    unsafe nt_prefetch_write(links + Int(levels[Int(hint(record).pointee)].tail))
  }

  /// The level at a record's price, or a neighbour of it; 0 on an empty side, whose slots of the
  /// ladder may hold anything.
  @_noLocks @inline(__always) private func nearestLevel(
    _ record: UnsafePointer<MarketRecord>, _ side: UInt8
  ) -> UInt32 {
    let state = unsafe self.side(books + Int(record.pointee.locate), side)
    let count = unsafe Int(state.pointee.count)
    guard count > 0 else { return 0 }
    let wanted = unsafe Self.key(record.pointee.price, side)
    let position = unsafe min(lowerBound(state, wanted), count &- 1)
    return unsafe ladder[Int(state.pointee.start) &+ position].level
  }

  /// All stages for a batch that will be applied in order; call it with each index before
  /// applying that record.
  @_noLocks @inline(__always) public func prefetch(
    _ records: UnsafePointer<MarketRecord>, at index: Int, count: Int
  ) {
    if index &+ 32 < count { unsafe prefetchFirst(records + (index &+ 32)) }
    if index &+ 16 < count { unsafe prefetchSecond(records + (index &+ 16)) }
    if index &+ 8 < count { unsafe prefetchThird(records + (index &+ 8)) }
    if index &+ 4 < count { unsafe prefetchFourth(records + (index &+ 4)) }
  }
}
