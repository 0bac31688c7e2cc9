internal import CSupport

/// The window of a side: 256 prices a cent apart, each with a cell of its own for its level.
///
/// A price's rank is its number of cents, counted so that the better price has the higher one. The
/// window's ranks move with the touch, the cells do not: a rank has the cell of its number modulo
/// 256, so that nothing is copied when it moves.
extension OrderBooks {
  /// Cells of a window.
  static var windowSize: Int { @_noLocks @inline(__always) get { 256 } }
  /// Where in the window a price comes to be for which it is moved: with 64 better ones above.
  private static var anchor: UInt32 { @_noLocks get { 191 } }
  /// Of a price that is not in whole cents: no window has it.
  private static var noRank: UInt32 { @_noLocks @inline(__always) get { 0x7FFF_FFFF } }

  @_noLocks @inline(__always) static func rank(_ price: UInt32, _ sideIndex: UInt8) -> UInt32 {
    price / 100 &* 100 == price ? nearRank(price, sideIndex) : noRank
  }

  /// The rank of the cent that a price is or lies above.
  @_noLocks @inline(__always) static func nearRank(
    _ price: UInt32, _ sideIndex: UInt8
  ) -> UInt32 {
    // The greatest price has 42,949,672: an ask's rank is what is left up to there.
    let mask = 0 &- UInt32(sideIndex)
    return (price / 100 ^ mask) &+ (42_949_673 & mask)
  }

  /// A level slot; meaningful while the side has a window and the rank is in it.
  @_noLocks @inline(__always) func cell(
    _ book: UnsafeMutablePointer<BookState>, _ sideIndex: UInt8, _ rank: UInt32
  ) -> UInt32 {
    unsafe window(book, sideIndex).pointee &+ rank & (UInt32(Self.windowSize) &- 1)
  }

  @_noLocks @inline(__always) private func window(
    _ book: UnsafeMutablePointer<BookState>, _ sideIndex: UInt8
  ) -> UnsafeMutablePointer<UInt32> {
    let raw = unsafe UnsafeMutableRawPointer(book) + (Self.windowsOffset &+ 4 &* Int(sideIndex))
    return unsafe raw.assumingMemoryBound(to: UInt32.self)
  }

  // MARK: Which cells are taken

  @_noLocks @inline(__always) func present(
    _ side: UnsafeMutablePointer<SideState>
  ) -> UnsafeMutablePointer<UInt64> {
    let raw = unsafe UnsafeMutableRawPointer(side) + Self.presentOffset
    return unsafe raw.assumingMemoryBound(to: UInt64.self)
  }

  @_noLocks @inline(__always) func isPresent(
    _ side: UnsafeMutablePointer<SideState>, _ rank: UInt32
  ) -> Bool {
    guard unsafe rank &- side.pointee.low < UInt32(Self.windowSize) else { return false }
    let word = unsafe present(side)[Int(rank &>> 6 & 3)]
    return word &>> UInt64(rank & 63) & 1 != 0
  }

  @_noLocks @inline(__always) func setPresent(
    _ side: UnsafeMutablePointer<SideState>, _ rank: UInt32
  ) {
    unsafe present(side)[Int(rank &>> 6 & 3)] |= 1 &<< UInt64(rank & 63)
  }

  /// False when it was not set. Of a rank, or of any number that is the same modulo 256.
  @_noLocks @inline(__always) func clearPresent(
    _ side: UnsafeMutablePointer<SideState>, _ rank: UInt32
  ) -> Bool {
    let word = unsafe present(side) + Int(rank &>> 6 & 3)
    let bit: UInt64 = 1 &<< UInt64(rank & 63)
    guard unsafe word.pointee & bit != 0 else { return false }
    unsafe word.pointee ^= bit
    return true
  }

  /// Levels of the window at a rank or above.
  @_noLocks func presentCount(_ side: UnsafeMutablePointer<SideState>, from rank: UInt32) -> UInt32
  {
    let offset = unsafe Int32(bitPattern: rank &- side.pointee.low)
    let first = UInt32(max(0, min(offset, Int32(Self.windowSize))))
    return unsafe nt_window_count(present(side), side.pointee.low, first)
  }

  // MARK: Moving

  /// Moves the window, or gives the side one, so that it has a rank; false where it should not or
  /// cannot have it.
  @_noLocks func moveWindow(
    _ book: UnsafeMutablePointer<BookState>, _ sideIndex: UInt8, to rank: UInt32
  ) -> Bool {
    let side = unsafe side(book, sideIndex)
    let low = unsafe side.pointee.low
    let window = unsafe window(book, sideIndex)
    guard rank != Self.noRank else { return false }
    if unsafe window.pointee == 0 {
      guard unsafe core.pointee.nextWindow < core.pointee.windowsEnd else { return false }
      unsafe window.pointee = core.pointee.nextWindow
      unsafe core.pointee.nextWindow &+= UInt32(Self.windowSize)
    } else {
      if rank &- low < UInt32(Self.windowSize) { return true }
      let top = unsafe nt_window_highest(present(side), low, UInt32(Self.windowSize))
      if top < UInt32(Self.windowSize) {
        let isBetter = Int32(bitPattern: rank &- low) >= 0
        return unsafe isBetter
          ? raise(book, sideIndex, to: rank &- Self.anchor)
          : lower(side, to: low &+ top &- Self.anchor, for: rank)
      }
    }
    unsafe side.pointee.low = rank &- Self.anchor
    return true
  }

  /// Down to where the best of the window has its usual distance from the upper end: what is there stays.
  @_noLocks private func lower(
    _ side: UnsafeMutablePointer<SideState>, to low: UInt32, for rank: UInt32
  ) -> Bool {
    guard unsafe Int32(bitPattern: low &- side.pointee.low) < 0,
      Int32(bitPattern: rank &- low) >= 0
    else { return false }
    unsafe side.pointee.low = low
    return true
  }

  /// Up; the levels that the window leaves are listed. False, and nothing is changed, when slots are full.
  @_noLocks private func raise(
    _ book: UnsafeMutablePointer<BookState>, _ sideIndex: UInt8, to low: UInt32
  ) -> Bool {
    let side = unsafe side(book, sideIndex)
    let old = unsafe side.pointee.low
    let all = unsafe presentCount(side, from: old)
    let left = unsafe all &- presentCount(side, from: low)
    guard unsafe reserve(side, left) else { return false }
    let end = min(low &- old, UInt32(Self.windowSize))
    var offset: UInt32 = 0
    while offset < end {
      let rank = old &+ offset
      if unsafe clearPresent(side, rank) {
        let index = unsafe cell(book, sideIndex, rank)
        unsafe list(side, Self.key(levels[Int(index)].price, sideIndex), index)
      }
      offset &+= 1
    }
    unsafe side.pointee.low = low
    return true
  }
}
