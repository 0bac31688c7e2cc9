internal import CSupport

/// The sorted vector of a side: the levels that are not in its window.
extension OrderBooks {
  /// Entries from the best that are tried before the search is by halves.
  private static var nearLevels: Int { @_noLocks get { 16 } }
  private static var entryBytes: Int { @_noLocks get { MemoryLayout<LadderEntry>.stride } }

  /// The listed level with a key; 0 when there is none.
  @_noLocks @inline(__always) func findListed(
    _ side: UnsafeMutablePointer<SideState>, _ key: UInt32
  ) -> UInt32 {
    guard unsafe side.pointee.listed != 0, unsafe key <= side.pointee.listedBest else { return 0 }
    // Not behind the best: there is an entry.
    let entry = unsafe ladder[Int(side.pointee.start) &+ lowerBound(side, key)]
    return entry.key == key ? entry.level : 0
  }

  /// Position of the first entry whose key is not below `wanted`.
  @_noLocks @inline(__always) func lowerBound(
    _ side: UnsafeMutablePointer<SideState>, _ wanted: UInt32
  ) -> Int {
    let entries = unsafe ladder + Int(side.pointee.start)
    let count = unsafe Int(side.pointee.listed)
    // Most are near the best: sixteen are compared at once, without a branch.
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

  /// Lists a level under a key that is not there; room has been reserved.
  @_noLocks @inline(__always) func list(
    _ side: UnsafeMutablePointer<SideState>, _ key: UInt32, _ level: UInt32
  ) {
    let count = unsafe Int(side.pointee.listed)
    let isBest = unsafe count == 0 || key > side.pointee.listedBest
    let position = isBest ? count : unsafe lowerBound(side, key)
    let entry = unsafe ladder + (Int(side.pointee.start) &+ position)
    unsafe nt_move(entry + 1, entry, (count &- position) &* Self.entryBytes)
    unsafe entry.pointee = LadderEntry(key: key, level: level)
    unsafe side.pointee.listed &+= 1
    if isBest { unsafe side.pointee.listedBest = key }
  }

  /// Takes the entry of a key that is there out.
  @_noLocks @inline(__always) func unlist(
    _ side: UnsafeMutablePointer<SideState>, _ key: UInt32
  ) {
    let position = unsafe lowerBound(side, key)
    let left = unsafe Int(side.pointee.listed) &- 1
    let entries = unsafe ladder + Int(side.pointee.start)
    unsafe nt_move(
      entries + position, entries + (position &+ 1), (left &- position) &* Self.entryBytes)
    unsafe side.pointee.listed = UInt32(truncatingIfNeeded: left)
    unsafe side.pointee.listedBest = left == 0 ? 0 : entries[left &- 1].key
  }

  /// Makes room for so many more entries, 256 at most; false when the vector would be too large or slots
  /// are full.
  @_noLocks @inline(__always) func reserve(
    _ side: UnsafeMutablePointer<SideState>, _ more: UInt32
  ) -> Bool {
    // Ends: a turn doubles the vector, sixteen times at most.
    while unsafe side.pointee.listed &+ more > capacity(side) {
      guard unsafe grow(side) else { return false }
    }
    return true
  }

  /// Entries that the vector can hold.
  @_noLocks @inline(__always) private func capacity(
    _ side: UnsafeMutablePointer<SideState>
  ) -> UInt32 {
    let vector = unsafe side.pointee.vector
    return vector == 0 ? 0 : 8 &<< (vector & 15)
  }

  @_noLocks @inline(never) private func grow(_ side: UnsafeMutablePointer<SideState>) -> Bool {
    let vector = unsafe side.pointee.vector
    let start = unsafe side.pointee.start
    let sizeClass = vector == 0 ? 0 : Int(vector & 15) &+ 1
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
    if vector != 0 {
      unsafe nt_move(
        ladder + Int(taken), ladder + Int(start), Int(side.pointee.listed) &* Self.entryBytes)
      unsafe ladder[Int(start)].level = core.pointee.freeLadders[sizeClass &- 1]
      unsafe core.pointee.freeLadders[sizeClass &- 1] = start
    }
    // Starts are multiples of 8.
    unsafe side.pointee.vector = taken &<< 1 | UInt32(truncatingIfNeeded: sizeClass)
    return true
  }
}
