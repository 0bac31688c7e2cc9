internal import CSupport

/// The sorted price vectors of the sides and their levels.
extension OrderBooks {
  /// Entries from the best that are tried before the search is by halves.
  private static var nearLevels: Int { @_noLocks get { 16 } }

  private static var entryBytes: Int { @_noLocks get { MemoryLayout<LadderEntry>.stride } }

  /// The level of a price, made when there is none, and then the side's best price with it; 0 when
  /// levels or slots are full.
  ///
  /// - Parameter hint: a position that may be the price's; it is looked at before it is believed.
  @_noLocks @inline(__always) func level(
    _ side: UnsafeMutablePointer<SideState>, _ sideIndex: UInt8, price: UInt32, locate: UInt16,
    hint: UInt32
  ) -> UInt32 {
    let wanted = Self.key(price, sideIndex)
    let count = unsafe Int(side.pointee.count)
    let entries = unsafe ladder + Int(side.pointee.start)
    var position = Int(hint)
    let isPlace =
      unsafe position <= count
      && (position == count || entries[position].key >= wanted)
      && (position == 0 || entries[position &- 1].key < wanted)
    if !isPlace { position = unsafe lowerBound(side, wanted) }
    if position < count, unsafe entries[position].key == wanted {
      return unsafe entries[position].level
    }
    return unsafe insertLevel(side, sideIndex, price: price, locate: locate, at: position)
  }

  @_noLocks @inline(__always) private func insertLevel(
    _ side: UnsafeMutablePointer<SideState>, _ sideIndex: UInt8, price: UInt32, locate: UInt16,
    at position: Int
  ) -> UInt32 {
    let wanted = Self.key(price, sideIndex)
    let count = unsafe Int(side.pointee.count)
    guard unsafe reserve(side), let index = takeLevel() else { return 0 }
    let entries = unsafe ladder + Int(side.pointee.start)
    let behind = count &- position
    if behind == 0 {
      unsafe side.pointee.price = price
    } else {
      unsafe shift(entries + position, by: 1, behind)
    }
    unsafe entries[position] = LadderEntry(key: wanted, level: index)
    unsafe side.pointee.count &+= 1
    unsafe levels[Int(index)] = LevelSlot(price: price, locate: locate, side: sideIndex)
    return index
  }

  /// Position of the first entry whose key is not below `wanted`.
  @_noLocks @inline(__always) func lowerBound(
    _ side: UnsafeMutablePointer<SideState>, _ wanted: UInt32
  ) -> Int {
    let entries = unsafe ladder + Int(side.pointee.start)
    let count = unsafe Int(side.pointee.count)
    // Most orders join near the touch: the best sixteen are compared at once, without a branch.
    let near = unsafe Int(
      nt_ladder_not_below(entries + count, UInt32(truncatingIfNeeded: count), wanted))
    if near < Self.nearLevels || near == count { return count &- near }
    var low = 0
    var high = count &- near
    while low < high {
      let middle = (low &+ high) &>> 1
      if unsafe entries[middle].key < wanted { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// Moves entries up or down by one: at most one side's vector, 262,144 entries of 8 bytes.
  @_noLocks @inline(__always) private func shift(
    _ from: UnsafeMutablePointer<LadderEntry>, by step: Int, _ count: Int
  ) {
    unsafe nt_move(from + step, from, count &* Self.entryBytes)
  }

  /// Takes an empty level out of its side and refreshes the side's best.
  @_noLocks @inline(__always) func removeLevel(
    _ side: UnsafeMutablePointer<SideState>, _ index: UInt32
  ) {
    let level = unsafe levels + Int(index)
    let entries = unsafe ladder + Int(side.pointee.start)
    let count = unsafe Int(side.pointee.count) &- 1
    unsafe side.pointee.count = UInt32(truncatingIfNeeded: count)
    if unsafe side.pointee.price != level.pointee.price {
      let key = unsafe Self.key(level.pointee.price, level.pointee.side)
      // The best entry, behind the new count, is no other's.
      let position = unsafe lowerBound(side, key)
      unsafe shift(entries + (position &+ 1), by: -1, count &- position)
    } else {
      if count == 0 {
        unsafe side.pointee.price = 0
        unsafe side.pointee.shares = 0
      } else {
        let best = unsafe levels + Int(entries[count &- 1].level)
        unsafe side.pointee.price = best.pointee.price
        unsafe side.pointee.shares = best.pointee.shares
      }
    }
    unsafe level.pointee.tail = core.pointee.freeLevel
    unsafe core.pointee.freeLevel = index
  }

  @_noLocks @inline(__always) private func takeLevel() -> UInt32? {
    let free = unsafe core.pointee.freeLevel
    if free != 0 {
      unsafe core.pointee.freeLevel = levels[Int(free)].tail
      return free
    }
    let fresh = unsafe core.pointee.levelsUsed
    guard unsafe fresh <= core.pointee.levelCapacity else { return nil }
    unsafe core.pointee.levelsUsed = fresh &+ 1
    return fresh
  }

  /// Makes room for one more entry; false when the vector is at its largest or slots are full.
  @_noLocks @inline(__always) private func reserve(_ side: UnsafeMutablePointer<SideState>) -> Bool
  {
    if unsafe side.pointee.start != 0,
      unsafe side.pointee.count < 8 &<< side.pointee.sizeClass
    {
      return true
    }
    return unsafe grow(side)
  }

  @_noLocks @inline(never) private func grow(_ side: UnsafeMutablePointer<SideState>) -> Bool {
    let start = unsafe side.pointee.start
    let sizeClass = unsafe start == 0 ? 0 : Int(side.pointee.sizeClass) &+ 1
    guard sizeClass < Self.sizeClasses else { return false }
    let size: UInt32 = 8 &<< UInt32(truncatingIfNeeded: sizeClass)
    var taken = unsafe core.pointee.freeLadders[sizeClass]
    if taken != 0 {
      unsafe core.pointee.freeLadders[sizeClass] = ladder[Int(taken)].level
    } else {
      taken = unsafe core.pointee.ladderUsed
      guard unsafe UInt64(taken) + UInt64(size) <= UInt64(core.pointee.ladderCapacity) + 8 else {
        return false
      }
      unsafe core.pointee.ladderUsed = taken &+ size
    }
    if start != 0 {
      unsafe nt_move(
        ladder + Int(taken), ladder + Int(start), Int(side.pointee.count) &* Self.entryBytes)
      unsafe ladder[Int(start)].level = core.pointee.freeLadders[sizeClass &- 1]
      unsafe core.pointee.freeLadders[sizeClass &- 1] = start
    }
    unsafe side.pointee.start = taken
    unsafe side.pointee.sizeClass = UInt32(truncatingIfNeeded: sizeClass)
    return true
  }
}
