internal import CSupport

/// The sorted price vectors of the sides and their levels.
extension OrderBooks {
  /// Entries from the best that are tried one by one before the search is by halves: most orders join
  /// near the touch.
  private static var nearLevels: Int { @_noLocks get { 8 } }

  private static var entryBytes: Int { @_noLocks get { MemoryLayout<LadderEntry>.stride } }

  /// Whether a level, live, free or none, is the one of a price.
  @_noLocks @inline(__always) func isLevel(
    _ index: UInt32, _ sideIndex: UInt8, price: UInt32, locate: UInt16
  ) -> Bool {
    let level = unsafe levels + Int(index)
    // Level 0 and free ones have no orders.
    return unsafe level.pointee.price == price && level.pointee.locate == locate
      && level.pointee.side == sideIndex && level.pointee.orders != 0
  }

  /// The level of a price, made when there is none, and then the side's best price with it; 0 when
  /// levels or slots are full.
  @_noLocks func level(
    _ side: UnsafeMutablePointer<SideState>, _ sideIndex: UInt8, price: UInt32, locate: UInt16
  ) -> UInt32 {
    let wanted = Self.key(price, sideIndex)
    let position = unsafe lowerBound(side, wanted)
    let count = unsafe Int(side.pointee.count)
    if position < count {
      let entry = unsafe ladder[Int(side.pointee.start) &+ position]
      if entry.key == wanted { return entry.level }
    }
    guard unsafe reserve(side), let index = takeLevel() else { return 0 }
    let entries = unsafe ladder + Int(side.pointee.start)
    let behind = count &- position
    if behind == 0 {
      unsafe side.pointee.price = price
    } else {
      // Moves at most one side's vector: 262,144 entries of 8 bytes.
      unsafe nt_move(entries + (position &+ 1), entries + position, behind &* Self.entryBytes)
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
    var position = count
    let stop = max(0, count &- Self.nearLevels)
    while position > stop {
      if unsafe entries[position &- 1].key < wanted { return position }
      position &-= 1
    }
    var low = 0
    while low < position {
      let middle = (low &+ position) &>> 1
      if unsafe entries[middle].key < wanted { low = middle &+ 1 } else { position = middle }
    }
    return low
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
      unsafe nt_move(
        entries + position, entries + (position &+ 1), (count &- position) &* Self.entryBytes)
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
