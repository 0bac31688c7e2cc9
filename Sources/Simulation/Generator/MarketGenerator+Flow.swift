import ExecutionCore
import Gateways

extension MarketGenerator {
  static var tick: Int64 { 100 }

  /// Lets the symbol's hidden value wander for the time since its last message; starts and ends halts.
  mutating func age(_ index: Int) {
    let elapsed = min(max(0, time &- symbols[index].lastEvent), 60_000_000_000)
    symbols[index].lastEvent = time
    var value = symbols[index].value
    let root = Int64(ExchangeCore.squareRoot(UInt64(elapsed)))
    // √1 s is 31,623 √ns.
    let deviation = value / 1_000_000 * style.volatility * root / 31_623
    value += random.gaussian(deviation: deviation)
    if style.drift > 0 {
      let drift = value / 1_000_000 * style.drift / 1_000 * (elapsed / 1_000) / 1_000
      value += symbols[index].isUp ? drift : -drift
      // A trend turns about every hundred seconds.
      if happens(perMegasecond: 10_000, elapsed) { symbols[index].isUp.toggle() }
    }
    if style.jumpsPerMegasecond > 0, happens(perMegasecond: style.jumpsPerMegasecond, elapsed) {
      let jump = value / 1_000_000 * style.jumpSize
      value += random.below(UInt64(2)) == 0 ? jump : -jump
    }
    // Between $2 and $5,000.
    symbols[index].value = min(max(value, 20_000_000), 50_000_000_000)
    ageHalt(index, elapsed)
  }

  private mutating func ageHalt(_ index: Int, _ elapsed: Int64) {
    let until = symbols[index].haltedUntil
    if until > 0 {
      guard time >= until else { return }
      symbols[index].haltedUntil = 0
      action(index, state: UInt8(ascii: "T"))
    } else if style.haltsPerMegasecond > 0,
      happens(perMegasecond: style.haltsPerMegasecond, elapsed)
    {
      symbols[index].haltedUntil = time &+ style.haltLength
      action(index, state: UInt8(ascii: "H"))
    }
  }

  private mutating func happens(perMegasecond rate: Int64, _ elapsed: Int64) -> Bool {
    // Probability = rate × elapsed / (10⁶ s × 10⁹ ns); in units of 10⁻⁹.
    let chance = rate * (elapsed / 1_000) / 1_000
    return random.below(UInt64(1_000_000_000)) < UInt64(max(0, chance))
  }

  /// One message of this symbol; false when it can have none of the kind that was drawn.
  mutating func act(_ index: Int) -> Bool {
    let isBuy = random.below(UInt64(2)) == 0
    let isHalted = symbols[index].haltedUntil > 0
    if !isHalted, chase(index) { return true }
    let live = isBuy ? symbols[index].bids : symbols[index].asks
    if live < style.depth / 2 + 1 { return add(index, isBuy: isBuy) }
    let draw = random.below(UInt64(1_000))
    switch draw {
    case 0..<450:
      return live > style.depth * 3 / 2
        ? delete(index, isBuy: isBuy) : add(index, isBuy: isBuy)
    case 450..<850:
      return live < style.depth * 3 / 4
        ? add(index, isBuy: isBuy) : delete(index, isBuy: isBuy)
    case 850..<920: return replace(index, isBuy: isBuy)
    case 920..<970: return !isHalted && execute(index, isBuy: isBuy)
    case 970..<990: return reduce(index, isBuy: isBuy)
    case 990..<999: return !isHalted && trade(index, isBuy: isBuy)
    default: return breakTrade()
    }
  }

  /// The value has left the quote behind: takers come for the side that is wrong.
  private mutating func chase(_ index: Int) -> Bool {
    let locate = UInt16(index + 1)
    let value = symbols[index].value / 1_000
    for isBuy in [true, false] {
      guard let best = book.bestDisplayed(locate, isBuy: isBuy) else { continue }
      let isWrong = isBuy ? Int64(best) > value : Int64(best) < value
      if isWrong { return random.below(UInt64(4)) > 0 && execute(index, isBuy: isBuy) }
    }
    return false
  }

  /// A new order near the value, never locking or crossing the other side.
  @discardableResult mutating func add(_ index: Int, isBuy: Bool) -> Bool {
    guard let price = freePrice(index, isBuy: isBuy) else { return false }
    let isAttributed = random.below(UInt64(40)) == 0
    place(index, isBuy: isBuy, price: price, shares: size(), isAttributed: isAttributed, near: true)
    return true
  }

  /// An order of the opening far from the market: 100 to 4,000 ticks away.
  mutating func addBackground(_ index: Int, isBuy: Bool) {
    let value = symbols[index].value / 100_000 * Self.tick
    let away = (100 + Int64(random.below(UInt64(3_900)))) * Self.tick
    let price = isBuy ? max(Self.tick, value - away) : value + away
    place(
      index, isBuy: isBuy, price: UInt32(clamping: price), shares: size(), isAttributed: false,
      near: false)
  }

  private mutating func place(
    _ index: Int, isBuy: Bool, price: UInt32, shares: UInt32, isAttributed: Bool, near: Bool
  ) {
    var record = header(UInt8(ascii: "A"), index)
    if isAttributed {
      record.kind = UInt8(ascii: "F")
      // MPID in memory order.
      record.detail = 0x5A44_4C4E
    }
    record.reference = takeReference()
    record.side = isBuy ? UInt8(ascii: "B") : UInt8(ascii: "S")
    record.shares = shares
    record.price = price
    insert(record, isBuy: isBuy, reference: record.reference, near: near)
    put(record)
  }

  /// `shift` marks the orders that count as near the market.
  private mutating func insert(
    _ record: MarketRecord, isBuy: Bool, reference: UInt64, near: Bool
  ) {
    _ = book.insert(
      BookedOrder(
        reference: reference, arrival: 0, price: record.price, shares: record.shares,
        fileShares: record.shares, owner: -1, level: -1, previous: -1, next: -1,
        shift: near ? 1 : 0, locate: record.locate, isBuy: isBuy, isHidden: false))
    count(Int(record.locate) - 1, isBuy: isBuy, near ? 1 : 0)
  }

  private mutating func count(_ index: Int, isBuy: Bool, _ change: Int) {
    if isBuy { symbols[index].bids += change } else { symbols[index].asks += change }
  }

  private mutating func freePrice(_ index: Int, isBuy: Bool) -> UInt32? {
    let value = symbols[index].value / 1_000
    let half = max(1, style.spread * Self.tick / 2)
    // Most orders close to the touch, a few further out.
    let away = random.exponential(mean: 4 * Self.tick * max(1, style.spread / 2))
    var price = isBuy ? value - half - away : value + half + away
    price = price / Self.tick * Self.tick + (isBuy ? 0 : Self.tick)
    if let other = book.bestDisplayed(UInt16(index + 1), isBuy: !isBuy) {
      let edge = Int64(other) + (isBuy ? -Self.tick : Self.tick)
      price = isBuy ? min(price, edge) : max(price, edge)
    }
    guard price >= Self.tick, price <= Int64(OUCHLimits.priceMax) else { return nil }
    return UInt32(price)
  }

  /// Mostly one to five round lots, sometimes odd, sometimes large.
  private mutating func size() -> UInt32 {
    switch random.below(UInt64(100)) {
    case 0..<15: UInt32(1 + random.below(UInt64(99)))
    case 15..<95: UInt32(100 * (1 + random.below(UInt64(5))))
    default: UInt32(100 * (5 + random.below(UInt64(45))))
    }
  }

  /// A live order of the side, more often near the touch.
  private mutating func pick(_ index: Int, isBuy: Bool) -> Int32? {
    let locate = UInt16(index + 1)
    let depths = book.levelCount(locate, isBuy: isBuy)
    guard depths > 0 else { return nil }
    let depth = min(
      Int(random.exponential(mean: 6)), depths - 1, random.below(min(depths, 64)) + 8)
    let level = book.levels[Int(book.level(locate, isBuy: isBuy, depth: depth))]
    var slot = level.head
    for _ in 0..<random.below(min(Int(level.orders), 8)) { slot = book.order(slot).next }
    return slot
  }

  private mutating func forget(_ slot: Int32, _ index: Int) {
    let order = book.order(slot)
    count(index, isBuy: order.isBuy, order.shift > 0 ? -1 : 0)
    book.remove(slot)
  }

  private mutating func delete(_ index: Int, isBuy: Bool) -> Bool {
    guard let slot = pick(index, isBuy: isBuy) else { return false }
    var record = header(UInt8(ascii: "D"), index)
    record.symbol = 0
    record.reference = book.order(slot).reference
    forget(slot, index)
    put(record)
    return true
  }

  private mutating func replace(_ index: Int, isBuy: Bool) -> Bool {
    guard let slot = pick(index, isBuy: isBuy), let price = freePrice(index, isBuy: isBuy) else {
      return false
    }
    var record = header(UInt8(ascii: "U"), index)
    record.symbol = 0
    record.reference = book.order(slot).reference
    record.second = takeReference()
    record.shares = size()
    record.price = price
    forget(slot, index)
    insert(record, isBuy: isBuy, reference: record.second, near: true)
    put(record)
    return true
  }

  private mutating func reduce(_ index: Int, isBuy: Bool) -> Bool {
    guard let slot = pick(index, isBuy: isBuy) else { return false }
    let order = book.order(slot)
    guard order.shares > 1 else { return delete(index, isBuy: isBuy) }
    var record = header(UInt8(ascii: "X"), index)
    record.symbol = 0
    record.reference = order.reference
    record.shares = UInt32(1 + random.below(UInt64(order.shares - 1)))
    book.reduce(slot, shares: record.shares, fileShares: record.shares)
    put(record)
    return true
  }

  /// An aggressor takes from the front of the best queue of this side.
  private mutating func execute(_ index: Int, isBuy: Bool) -> Bool {
    let locate = UInt16(index + 1)
    guard book.levelCount(locate, isBuy: isBuy) > 0 else { return false }
    let level = book.levels[Int(book.level(locate, isBuy: isBuy, depth: 0))]
    let order = book.order(level.head)
    // One in twenty at a price of its own (C), one of these in four not printed.
    let isAtPrice = random.below(UInt64(20)) == 0
    var record = header(isAtPrice ? UInt8(ascii: "C") : UInt8(ascii: "E"), index)
    record.symbol = 0
    record.reference = order.reference
    let isWhole = random.below(UInt64(10)) < 7
    record.shares = isWhole ? order.shares : UInt32(1 + random.below(UInt64(order.shares)))
    record.second = takeMatch()
    if isAtPrice {
      record.code = UInt16(
        random.below(UInt64(4)) == 0 ? UInt8(ascii: "N") : UInt8(ascii: "Y"))
      record.price = order.price
    }
    remember(match: record.second, locate: locate)
    if record.shares == order.shares {
      forget(level.head, index)
    } else {
      book.reduce(level.head, shares: record.shares, fileShares: record.shares)
    }
    put(record)
    return true
  }

  /// A trade with a hidden order, from bid to ask, the midpoint included.
  private mutating func trade(_ index: Int, isBuy: Bool) -> Bool {
    let locate = UInt16(index + 1)
    guard let bid = book.bestDisplayed(locate, isBuy: true),
      let ask = book.bestDisplayed(locate, isBuy: false), bid < ask
    else { return false }
    var record = header(UInt8(ascii: "P"), index)
    let halves = UInt64(ask - bid) * 2 / UInt64(Self.tick)
    let steps = random.below(halves + 1)
    record.price = bid + UInt32(steps * UInt64(Self.tick) / 2)
    record.side = UInt8(ascii: "B")
    record.shares = size()
    record.second = takeMatch()
    remember(match: record.second, locate: locate)
    put(record)
    return true
  }

  /// The last execution is broken, about once in a thousand messages at the most.
  private mutating func breakTrade() -> Bool {
    guard random.below(UInt64(10)) == 0, let last = takeLastMatch() else { return false }
    var record = header(UInt8(ascii: "B"), Int(last.locate) - 1)
    record.symbol = 0
    record.second = last.number
    put(record)
    return true
  }
}
