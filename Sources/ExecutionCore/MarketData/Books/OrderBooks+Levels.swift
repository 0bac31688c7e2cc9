internal import CSupport

/// The levels of a side: which one a price has, how it comes and goes, and which one is the best.
///
/// A level is in a cell of the side's window when its price is there and the cell is free, else in the
/// pool and listed in the side's vector. A level whose cell the window has left behind stays where it is,
/// so that its orders need not be told, and is listed too.
extension OrderBooks {
  /// The level of a price, without orders where it is made; 0 when levels or slots are full. The caller
  /// puts an order in, and counts the level if it was the first.
  @_noLocks @inline(__always) func level(
    _ book: UnsafeMutablePointer<BookState>, _ sideIndex: UInt8, price: UInt32, locate: UInt16
  ) -> UInt32 {
    let side = unsafe side(book, sideIndex)
    let rank = Self.rank(price, sideIndex)
    let index = unsafe cell(book, sideIndex, rank)
    let level = unsafe levels + Int(index)
    // A cell with orders has the price's level if it has the price; one without can have it if the window
    // has the rank and the vector, whose keys are no better than its best, does not have the key. A side
    // without a window has cells that never have orders, and none to give. Whether a level is new
    // cannot be foreseen: nothing here is a way but the last.
    let isFree = unsafe level.pointee.orders == 0
    let isIn: UInt32 = unsafe rank &- side.pointee.low < UInt32(Self.windowSize) ? 1 : 0
    let isBetter: UInt32 = unsafe Self.key(price, sideIndex) > side.pointee.listedBest ? 1 : 0
    let hasWindow: UInt32 = index >= UInt32(Self.windowSize) ? 1 : 0
    let isSame: UInt32 = unsafe level.pointee.price == price ? 1 : 0
    guard nt_choose32(isFree, isIn & isBetter & hasWindow, isSame) != 0 else {
      return unsafe otherLevel(book, sideIndex, price: price, locate: locate, rank: rank)
    }
    unsafe present(side)[Int(rank &>> 6 & 3)] |= nt_choose64(isFree, 1, 0) &<< UInt64(rank & 63)
    unsafe level.pointee.price = price
    unsafe level.pointee.locate = locate
    unsafe level.pointee.side = sideIndex
    return index
  }

  /// The level of a price; 0 when there is none.
  @_noLocks func findLevel(_ locate: UInt16, _ sideIndex: UInt8, price: UInt32) -> UInt32 {
    let book = unsafe books + Int(locate)
    let side = unsafe side(book, sideIndex)
    let rank = Self.rank(price, sideIndex)
    if unsafe isPresent(side, rank) { return unsafe cell(book, sideIndex, rank) }
    return unsafe findListed(side, Self.key(price, sideIndex))
  }

  /// A level that is not in the window, or that has to be made outside of it or by moving it.
  @_noLocks @inline(never) private func otherLevel(
    _ book: UnsafeMutablePointer<BookState>, _ sideIndex: UInt8, price: UInt32, locate: UInt16,
    rank: UInt32
  ) -> UInt32 {
    let side = unsafe side(book, sideIndex)
    let key = Self.key(price, sideIndex)
    let listed = unsafe findListed(side, key)
    if listed != 0 { return listed }
    var index: UInt32 = 0
    if unsafe moveWindow(book, sideIndex, to: rank) {
      let cell = unsafe cell(book, sideIndex, rank)
      // A level that the window has left may still be there.
      if unsafe levels[Int(cell)].orders == 0 {
        index = cell
        unsafe setPresent(side, rank)
      }
    }
    if index == 0 {
      guard unsafe reserve(side, 1), let taken = takeLevel() else { return 0 }
      index = taken
      unsafe list(side, key, index)
    }
    unsafe levels[Int(index)] = LevelSlot(price: price, locate: locate, side: sideIndex)
    return index
  }

  /// Takes the last order's level out of its side when `isLast`. An offset of the window from which on
  /// there is nothing better than this level; the window's size when that is not known.
  @_noLocks @inline(__always) func leaveLevel(
    _ side: UnsafeMutablePointer<SideState>, _ index: UInt32, _ isLast: Bool
  ) -> UInt32 {
    let position = index & (UInt32(Self.windowSize) &- 1)
    let word = unsafe present(side) + Int(position &>> 6)
    let bit: UInt64 = 1 &<< UInt64(position & 63)
    unsafe side.pointee.count &-= nt_choose32(isLast, 1, 0)
    // The cell of a level that the window has left is no other's: its bit is not set.
    if unsafe index < core.pointee.windowsEnd, unsafe word.pointee & bit != 0 {
      unsafe word.pointee ^= nt_choose64(isLast, bit, 0)
      return unsafe (position &- side.pointee.low) & (UInt32(Self.windowSize) &- 1)
    }
    if isLast { unsafe dropListed(side, index) }
    return UInt32(Self.windowSize)
  }

  /// Takes an empty level out of its side's vector.
  @_noLocks @inline(never) private func dropListed(
    _ side: UnsafeMutablePointer<SideState>, _ index: UInt32
  ) {
    unsafe unlist(side, Self.key(levels[Int(index)].price, levels[Int(index)].side))
    if unsafe index >= core.pointee.windowsEnd { recycleLevel(index) }
  }

  /// Looks for a side's best when the level that was it has gone.
  @_noLocks @inline(never) func refreshTop(
    _ book: UnsafeMutablePointer<BookState>, _ sideIndex: UInt8, below: UInt32
  ) {
    let side = unsafe side(book, sideIndex)
    let best = unsafe levels + Int(bestLevel(book, sideIndex, below: below))
    // Slot 0 has neither price nor shares.
    unsafe side.pointee.price = best.pointee.price
    unsafe side.pointee.shares = best.pointee.shares
  }

  /// Takes all levels out of a side; their orders have gone. One at a time, in the order of the orders'
  /// places, each would move what is behind it in the vector.
  @_noLocks func removeLevels(_ side: UnsafeMutablePointer<SideState>) {
    let entries = unsafe ladder + Int(side.pointee.start)
    var left = unsafe Int(side.pointee.listed)
    while left > 0 {
      left &-= 1
      let index = unsafe entries[left].level
      if unsafe index >= core.pointee.windowsEnd { recycleLevel(index) }
    }
    unsafe side.pointee.listed = 0
    unsafe side.pointee.listedBest = 0
    unsafe side.pointee.present = [0, 0, 0, 0]
    unsafe side.pointee.count = 0
    unsafe side.pointee.price = 0
    unsafe side.pointee.shares = 0
  }

  /// The best level of a side whose window has none from offset `below` on; 0 when the side is empty.
  @_noLocks @inline(__always) func bestLevel(
    _ book: UnsafeMutablePointer<BookState>, _ sideIndex: UInt8, below: UInt32
  ) -> UInt32 {
    let side = unsafe side(book, sideIndex)
    let offset = unsafe nt_window_highest(present(side), side.pointee.low, below)
    let listed = unsafe side.pointee.listed
    if offset < UInt32(Self.windowSize) {
      let cell = unsafe cell(book, sideIndex, side.pointee.low &+ offset)
      guard listed != 0,
        unsafe side.pointee.listedBest > Self.key(levels[Int(cell)].price, sideIndex)
      else { return cell }
    }
    return listed == 0 ? 0 : unsafe (ladder + Int(side.pointee.start))[Int(listed &- 1)].level
  }

  // MARK: The pool

  @_noLocks @inline(__always) private func takeLevel() -> UInt32? {
    let free = unsafe core.pointee.freeLevel
    if free != 0 {
      unsafe core.pointee.freeLevel = levels[Int(free)].tail
      return free
    }
    let fresh = unsafe core.pointee.levelsUsed
    guard unsafe fresh < core.pointee.levelsEnd else { return nil }
    unsafe core.pointee.levelsUsed = fresh &+ 1
    return fresh
  }

  @_noLocks @inline(__always) private func recycleLevel(_ index: UInt32) {
    unsafe levels[Int(index)].tail = core.pointee.freeLevel
    unsafe core.pointee.freeLevel = index
  }

  // MARK: Walking

  /// The next level of a walk; 0 at its end.
  @_noLocks @inline(__always) func nextLevel(_ walk: inout LevelWalk) -> UInt32 {
    let book = unsafe books + Int(walk.locate)
    let sideIndex = walk.side.index
    let side = unsafe side(book, sideIndex)
    let offset = unsafe nt_window_highest(present(side), side.pointee.low, walk.below)
    let entries = unsafe ladder + Int(side.pointee.start)
    if offset < UInt32(Self.windowSize) {
      let cell = unsafe cell(book, sideIndex, side.pointee.low &+ offset)
      let key = unsafe Self.key(levels[Int(cell)].price, sideIndex)
      if walk.listed == 0 || (unsafe entries[Int(walk.listed &- 1)].key < key) {
        walk.below = offset
        return cell
      }
    }
    guard walk.listed != 0 else { return 0 }
    walk.listed &-= 1
    return unsafe entries[Int(walk.listed)].level
  }
}

/// A walk over the levels of one side of a book, best first; see ``OrderBooks/levels(_:_:)``.
@frozen public struct LevelWalk: BitwiseCopyable, Sendable {
  public let locate: UInt16
  public let side: BookSide
  /// Offsets of the window that are still to come, and entries of the vector.
  var below: UInt32
  var listed: UInt32

  @_noLocks init(locate: UInt16, side: BookSide, below: UInt32, listed: UInt32) {
    self.locate = locate
    self.side = side
    self.below = below
    self.listed = listed
  }
}
