import ExecutionCore

extension PriceGenerator {
  /// How long a value stays where it is: below, its steps would be lost in rounding.
  private static var stay: Int64 { 10_000_000 }
  private static var elapsedMax: Int64 { 10_000_000_000 }

  /// One event of an instrument: appends one to four records.
  mutating func act(_ index: Int) {
    if age(index) { return }
    let isBid = random.below(UInt64(2)) == 0
    for isBid in [isBid, !isBid] where books[index][isBid].count <= pace.levels / 2 {
      return refill(index, isBid: isBid)
    }
    let isHalted = books[index].haltedUntil > 0
    if !isHalted, chase(index) { return }
    if improve(index, isBid: isBid) { return }
    let isDone =
      switch random.below(UInt64(1_000)) {
      case 0..<500: false
      case 500..<700: add(index, isBid: isBid)
      case 700..<900: remove(index, isBid: isBid)
      default: !isHalted && take(index, isBid: isBid)
      }
    if !isDone { resize(index, isBid: isBid) }
  }

  // MARK: The value

  /// Lets the hidden value wander for the time since it last did; starts and ends halts, and then
  /// true: that is the event.
  private mutating func age(_ index: Int) -> Bool {
    let since = time - books[index].agedAt
    guard since >= Self.stay else { return false }
    let elapsed = min(since, Self.elapsedMax)
    books[index].agedAt = time
    var value = books[index].value
    let root = Int64(ExchangeCore.squareRoot(UInt64(elapsed)))
    // √1 s is 31,623 √ns.
    value += random.gaussian(deviation: value * style.volatility * root / 31_623 / 1_000_000)
    if style.drift > 0 {
      let drift = value / 1_000 * style.drift * (elapsed / 1_000) / 1_000_000_000
      value += books[index].isUp ? drift : -drift
      // A trend turns about every hundred seconds.
      if happens(perMegasecond: 10_000, elapsed) { books[index].isUp.toggle() }
    }
    if style.jumpsPerMegasecond > 0, happens(perMegasecond: style.jumpsPerMegasecond, elapsed) {
      let jump = value / 1_000_000 * style.jumpSize
      value += random.below(UInt64(2)) == 0 ? jump : -jump
    }
    let first = books[index].firstValue
    books[index].value = min(max(value, first / 4), first * 4)
    return ageHalt(index, elapsed)
  }

  private mutating func ageHalt(_ index: Int, _ elapsed: Int64) -> Bool {
    let until = books[index].haltedUntil
    if until > 0 {
      guard time >= until else { return false }
      books[index].haltedUntil = 0
      putStatus(index, .trading)
      return true
    }
    guard style.haltsPerMegasecond > 0, happens(perMegasecond: style.haltsPerMegasecond, elapsed)
    else { return false }
    books[index].haltedUntil = time &+ style.haltLength
    putStatus(index, .halted)
    return true
  }

  private mutating func happens(perMegasecond rate: Int64, _ elapsed: Int64) -> Bool {
    // Probability = rate × elapsed / (10⁶ s × 10⁹ ns); in units of 10⁻⁹.
    let chance = rate * (elapsed / 1_000) / 1_000
    return random.below(UInt64(1_000_000_000)) < UInt64(max(0, chance))
  }

  // MARK: Events

  /// The value has gone through the touch: takers come for what is on its wrong side, and makers
  /// pull the rest.
  private mutating func chase(_ index: Int) -> Bool {
    for isBid in [true, false] {
      let side = books[index][isBid]
      let value = books[index].valueKey(isBid)
      guard side.best.key > value, random.below(UInt64(4)) > 0 else { continue }
      var wrong = 1
      while wrong < 3, side[wrong].key > value { wrong += 1 }
      // Three levels and their trades would be more records than an event has.
      for depth in 0..<(wrong == 2 ? 2 : 1) {
        putTrade(
          index, isBuyer: !isBid, isBid ? side[depth].key : -side[depth].key, side[depth].quantity)
      }
      for _ in 0..<wrong { drop(index, isBid: isBid, depth: 0) }
      return true
    }
    return false
  }

  /// The touch has fallen behind the value: somebody bids better.
  private mutating func improve(_ index: Int, isBid: Bool) -> Bool {
    let wanted = books[index].valueKey(isBid) - books[index].halfSpread
    guard books[index][isBid].best.key < wanted - books[index].gap else { return false }
    let key = wanted - random.exponential(mean: books[index].gap / 4)
    return place(index, isBid: isBid, key)
  }

  /// A level more, near the touch and behind it.
  private mutating func add(_ index: Int, isBid: Bool) -> Bool {
    let away = 1 + random.exponential(mean: 4 * books[index].gap)
    return place(index, isBid: isBid, books[index][isBid].best.key - away)
  }

  /// Levels more at the far end, and further apart while the value runs away.
  private mutating func refill(_ index: Int, isBid: Bool) {
    let behind = books[index][isBid].best.key - books[index].valueKey(isBid)
    var placed = 0
    for _ in 0..<3 {
      let mean = max(books[index].gap, behind / 8)
      let key = books[index][isBid].furthest.key - 1 - random.exponential(mean: mean)
      if place(index, isBid: isBid, key) { placed += 1 }
    }
    // A bid has nowhere to go below the lowest price.
    if placed == 0 { resize(index, isBid: isBid) }
  }

  /// A new level, unless it would lock or cross, or there is one; the furthest makes room for it.
  private mutating func place(_ index: Int, isBid: Bool, _ key: Int64) -> Bool {
    let limit = -books[index][!isBid].best.key
    let key = min(key, limit - 1)
    let side = books[index][isBid]
    guard !isBid || key > 0, !side.has(key) else { return false }
    if side.count >= pace.levelsMax {
      guard key > side.furthest.key else { return false }
      drop(index, isBid: isBid, depth: side.count - 1)
    }
    var depth = 0
    while depth < side.count, side[depth].key > key { depth += 1 }
    let quantity = books[index].quantity(depth, &random)
    let level = GeneratedSide.Level(key: key, quantity: quantity)
    if isBid { books[index].bids.insert(level) } else { books[index].asks.insert(level) }
    putLevel(index, isBid: isBid, level)
    return true
  }

  private mutating func remove(_ index: Int, isBid: Bool) -> Bool {
    let count = books[index][isBid].count
    guard count > pace.levels * 3 / 4 else { return false }
    drop(index, isBid: isBid, depth: near(count))
    return true
  }

  /// Somebody takes from the best level of a side: all of it three times in ten.
  private mutating func take(_ index: Int, isBid: Bool) -> Bool {
    let side = books[index][isBid]
    let best = side.best
    let isWhole = random.below(UInt64(10)) < 3
    guard isWhole || best.quantity > 1 else { return false }
    let part = 1 + Int64(random.below(UInt64(max(1, best.quantity - 1))))
    let quantity = isWhole ? best.quantity : part
    putTrade(index, isBuyer: !isBid, isBid ? best.key : -best.key, quantity)
    if isWhole {
      drop(index, isBid: isBid, depth: 0)
    } else {
      set(index, isBid: isBid, depth: 0, best.quantity - quantity)
    }
    return true
  }

  /// One to three levels near the touch have more or less than they had.
  private mutating func resize(_ index: Int, isBid: Bool) {
    let count = books[index][isBid].count
    for _ in 0...random.below(UInt64(3)) {
      let depth = near(count)
      let quantity = books[index].quantity(depth, &random)
      set(index, isBid: isBid, depth: depth, quantity)
    }
  }

  /// A depth: the touch most often, each further one less.
  private mutating func near(_ count: Int) -> Int {
    min(count - 1, Int(random.exponential(mean: 3)))
  }

  // MARK: Changes

  private mutating func set(_ index: Int, isBid: Bool, depth: Int, _ quantity: Int64) {
    if isBid {
      books[index].bids.set(depth, quantity)
    } else {
      books[index].asks.set(depth, quantity)
    }
    putLevel(index, isBid: isBid, books[index][isBid][depth])
  }

  private mutating func drop(_ index: Int, isBid: Bool, depth: Int) {
    var level = books[index][isBid][depth]
    level.quantity = 0
    if isBid { books[index].bids.remove(depth) } else { books[index].asks.remove(depth) }
    putLevel(index, isBid: isBid, level)
  }
}
