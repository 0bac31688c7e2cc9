/// Order reference → slot: open addressing, linear probing, deletion by backward shift.
///
/// Grows by doubling when three quarters full. Threading: one owner.
struct ReferenceMap: Sendable {
  private var keys: [UInt64]
  private var slots: [Int32]
  private var mask: Int
  private(set) var count = 0
  /// `Int32.min` marks a free place, so that every reference is a legal key.
  private static let free = Int32.min

  init(minimumCapacity: Int = 1024) {
    var capacity = 16
    while capacity < minimumCapacity && capacity < 1 << 30 { capacity <<= 1 }
    keys = [UInt64](repeating: 0, count: capacity)
    slots = [Int32](repeating: Self.free, count: capacity)
    mask = capacity &- 1
  }

  /// nil when the reference is unknown.
  func slot(of key: UInt64) -> Int32? {
    var place = home(key)
    while true {
      let slot = slots[place]
      if slot == Self.free { return nil }
      if keys[place] == key { return slot }
      place = (place &+ 1) & mask
    }
  }

  /// False when the reference is already there, and then nothing changes.
  mutating func insert(_ key: UInt64, _ slot: Int32) -> Bool {
    if count &* 4 >= (mask &+ 1) &* 3 { grow() }
    var place = home(key)
    while slots[place] != Self.free {
      if keys[place] == key { return false }
      place = (place &+ 1) & mask
    }
    keys[place] = key
    slots[place] = slot
    count &+= 1
    return true
  }

  /// The slot that was there, nil when the reference is unknown.
  mutating func remove(_ key: UInt64) -> Int32? {
    var place = home(key)
    while true {
      if slots[place] == Self.free { return nil }
      if keys[place] == key { break }
      place = (place &+ 1) & mask
    }
    let removed = slots[place]
    closeGap(at: place)
    count &-= 1
    return removed
  }

  private mutating func closeGap(at start: Int) {
    var gap = start
    var place = (gap &+ 1) & mask
    while slots[place] != Self.free {
      let wanted = home(keys[place])
      // The entry may move into the gap when its home does not lie behind it.
      if (place &- wanted) & mask >= (place &- gap) & mask {
        keys[gap] = keys[place]
        slots[gap] = slots[place]
        gap = place
      }
      place = (place &+ 1) & mask
    }
    slots[gap] = Self.free
  }

  private func home(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 20) & mask
  }

  private mutating func grow() {
    let oldKeys = keys
    let oldSlots = slots
    let capacity = (mask &+ 1) &* 2
    keys = [UInt64](repeating: 0, count: capacity)
    slots = [Int32](repeating: Self.free, count: capacity)
    mask = capacity &- 1
    for i in 0..<oldSlots.count where oldSlots[i] != Self.free {
      var place = home(oldKeys[i])
      while slots[place] != Self.free { place = (place &+ 1) & mask }
      keys[place] = oldKeys[i]
      slots[place] = oldSlots[i]
    }
  }
}
