import ExecutionCore

/// One side of a generated book by price: sorted levels, the best last.
struct GeneratedSide: Sendable {
  struct Level: BitwiseCopyable, Hashable, Sendable {
    /// Of a bid the price, of an offer the price with its sign turned: higher is better on both.
    var key: Int64
    var quantity: Int64
  }
  private var levels: [Level] = []

  var count: Int { levels.count }
  /// The level so many behind the best, which there is.
  subscript(_ depth: Int) -> Level { levels[levels.count - 1 - depth] }
  var best: Level { self[0] }
  var furthest: Level { levels[0] }

  func has(_ key: Int64) -> Bool { levels.contains { $0.key == key } }

  /// A level at a key that none has; there is room.
  mutating func insert(_ level: Level) {
    var place = levels.count
    while place > 0, levels[place - 1].key > level.key { place -= 1 }
    levels.insert(level, at: place)
  }
  mutating func set(_ depth: Int, _ quantity: Int64) {
    levels[levels.count - 1 - depth].quantity = quantity
  }
  mutating func remove(_ depth: Int) { levels.remove(at: levels.count - 1 - depth) }
}

/// One instrument of a generated market by price: its book and its hidden value.
struct GeneratedPrices: Sendable {
  var bids = GeneratedSide()
  var asks = GeneratedSide()
  /// In thousandths of a price's mantissa.
  var value: Int64
  /// It goes no further than to a quarter or the fourfold of this.
  let firstValue: Int64
  /// When the value last wandered.
  var agedAt: Int64
  var isUp: Bool
  /// Session time at which a halt ends; 0 when there is none.
  var haltedUntil: Int64 = 0
  /// Half of the usual spread, and what levels are apart, as mantissas of prices.
  let halfSpread: Int64
  let gap: Int64
  /// What rests at the touch on the average.
  let size: Int64

  subscript(_ isBid: Bool) -> GeneratedSide { isBid ? bids : asks }

  init(
    _ facts: InstrumentFacts, _ style: StyleNumbers, _ pace: PricePace, at time: Int64,
    random: inout SeededRandom
  ) {
    let price = facts.previousClose
    let unit = max(1, price / 1_000_000)
    value = price * 1_000
    firstValue = value
    agedAt = time
    isUp = random.below(UInt64(2)) == 0
    halfSpread = max(1, style.spread * unit / 2)
    gap = 4 * unit * max(1, style.spread / 2)
    // Thin markets have fewer levels, and less at each.
    size = max(10, Self.quantity(worth: 100 * Int64(pace.levels), facts))
    for isBid in [true, false] {
      var key = (isBid ? price : -price) - halfSpread
      for depth in 0..<pace.levels {
        let level = GeneratedSide.Level(key: key, quantity: quantity(depth, &random))
        if isBid { bids.insert(level) } else { asks.insert(level) }
        key -= 1 + random.exponential(mean: gap)
      }
    }
  }

  /// So many dollars' worth at the previous close, as a mantissa.
  static func quantity(worth dollars: Int64, _ facts: InstrumentFacts) -> Int64 {
    var quantity = dollars
    for _ in 0..<(-Int(facts.priceExponent) - Int(facts.quantityExponent)) { quantity *= 10 }
    return quantity / max(1, facts.previousClose)
  }

  /// More rests further from the touch. Never 1, so that a part can be taken.
  func quantity(_ depth: Int, _ random: inout SeededRandom) -> Int64 {
    2 + random.exponential(mean: size * Int64(4 + depth) / 4)
  }

  /// Where the value is by a side's keys.
  func valueKey(_ isBid: Bool) -> Int64 { isBid ? value / 1_000 : -(value / 1_000) }
}
