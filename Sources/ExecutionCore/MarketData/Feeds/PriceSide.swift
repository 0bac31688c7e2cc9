internal import CSupport

/// A price that somebody rests at, and how much. Of a bid `key` is the price, of an offer the price with its sign turned:
/// a higher key is better on both sides.
struct PriceLevel: BitwiseCopyable {
  var key: Int64
  var quantity: Int64
}

/// One side of a book by price: the levels in a row, the best one last, so that what changes near the touch moves little.
@safe struct PriceSide: BitwiseCopyable {
  // Of the arena, which outlives it; nil of an instrument without a book by price, which has room for nothing.
  private var memory: UnsafeMutablePointer<PriceLevel>?
  private var capacity = 0
  private(set) var count = 0
  /// A level was left away for lack of room, and this is the best key of those: what is not better is not known.
  private(set) var floor = Int64.min
  private(set) var isCut = false

  /// Looked at one by one, from the touch, before the rest is searched.
  private static var nearby: Int { 8 }

  init() { unsafe memory = nil }
  init(_ levels: UnsafeMutablePointer<PriceLevel>, capacity: Int) {
    unsafe memory = levels
    self.capacity = capacity
  }
  private var levels: UnsafeMutablePointer<PriceLevel> {
    @_noLocks @inline(__always) get { unsafe memory.unsafelyUnwrapped }
  }

  /// What a change of a level comes to.
  enum Change {
    case nothing
    case depth
    case top
  }

  /// All that rests at the key is `quantity` now, which is above 0.
  @_noLocks @inline(__always) mutating func set(_ key: Int64, _ quantity: Int64) -> Change {
    guard capacity > 0 else { return .nothing }
    let at = place(key)
    let isTop = at &+ 1 >= count
    if at >= 0, unsafe levels[at].key == key {
      if unsafe levels[at].quantity == quantity { return .nothing }
      unsafe levels[at].quantity = quantity
      return isTop ? .top : .depth
    }
    if count == capacity {
      guard makeRoom(for: key, behind: at) else { return .depth }
      return insert(key, quantity, behind: at &- 1) ? .top : .depth
    }
    return insert(key, quantity, behind: at) ? .top : .depth
  }

  /// Nothing rests at the key any more.
  @_noLocks @inline(__always) mutating func remove(_ key: Int64) -> Change {
    guard count > 0 else { return .nothing }
    let at = place(key)
    guard at >= 0, unsafe levels[at].key == key else { return .nothing }
    count &-= 1
    if at == count { return .top }
    unsafe nt_move(levels + at, levels + at + 1, (count &- at) &* MemoryLayout<PriceLevel>.stride)
    return .depth
  }

  /// The highest place whose key is not above this one; -1 where all are.
  @_noLocks @inline(__always) private func place(_ key: Int64) -> Int {
    var at = count &- 1
    let near = max(-1, at &- Self.nearby)
    while at > near {
      if unsafe levels[at].key <= key { return at }
      at &-= 1
    }
    // What lies above `at` is above the key.
    var low = 0
    var high = at &+ 1
    while low < high {
      let middle = (low &+ high) &>> 1
      if unsafe levels[middle].key <= key { low = middle &+ 1 } else { high = middle }
    }
    return low &- 1
  }

  /// True when it is the best one now.
  @_noLocks @inline(__always) private mutating func insert(
    _ key: Int64, _ quantity: Int64, behind at: Int
  ) -> Bool {
    let place = at &+ 1
    let behind = count &- place
    if behind > 0 {
      unsafe nt_move(
        levels + place + 1, levels + place, behind &* MemoryLayout<PriceLevel>.stride)
    }
    unsafe levels[place] = PriceLevel(key: key, quantity: quantity)
    count &+= 1
    return behind == 0
  }

  /// The level furthest from the touch is left away, be it the new one: then false.
  @_noLocks @inline(never) private mutating func makeRoom(for key: Int64, behind at: Int) -> Bool {
    isCut = true
    guard at >= 0 else {
      floor = max(floor, key)
      return false
    }
    floor = unsafe max(floor, levels[0].key)
    count &-= 1
    unsafe nt_move(levels, levels + 1, count &* MemoryLayout<PriceLevel>.stride)
    return true
  }

  @_noLocks mutating func clear() {
    count = 0
    floor = .min
    isCut = false
  }

  /// What is the best level, is: nothing that was left away is better.
  var isTopKnown: Bool { unsafe !isCut || count > 0 && levels[count &- 1].key > floor }

  /// The level that is so many behind the best; nil where there is none.
  @_noLocks @inline(__always) subscript(_ depth: Int) -> PriceLevel? {
    depth >= 0 && depth < count ? unsafe levels[count &- 1 &- depth] : nil
  }
}
