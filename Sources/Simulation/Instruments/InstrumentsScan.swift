public import ExecutionCore

/// Derives what an instruments file would say from a feed that comes without one.
///
/// Symbols in order of appearance; the reference price is the first trade's, else the middle of the
/// first quote that has two sides; states come from the feed's own R, H, Y, and where it has none, T
/// and 0 are assumed and said so.
public struct InstrumentsScan: Sendable {
  /// What the exchange must know of one symbol of a feed.
  public struct Found: Sendable, Hashable {
    public var facts: InstrumentFacts
    public var locate: UInt16
    /// The feed has R for it.
    public var hasDirectory: Bool
    public var hasTradingAction: Bool
    public var hasRegSHO: Bool
  }
  public private(set) var found: [Found] = []
  /// The feed has system events.
  public private(set) var hasSystemEvents = false
  /// Session time of the first and of the last message.
  public private(set) var firstTime: Int64?
  public private(set) var lastTime: Int64 = 0
  public private(set) var messages: UInt64 = 0

  private var bySymbol: [UInt64: Int] = [:]
  private var byLocate: [UInt16: Int] = [:]
  private var firstBid: [Int: UInt32] = [:]
  private var firstAsk: [Int: UInt32] = [:]
  private var orderPrices: [UInt64: (price: UInt32, index: Int)] = [:]
  private var volume: [Int: Int64] = [:]
  /// Symbols whose price comes from a trade.
  private var traded: Set<Int> = []
  /// Order prices that are remembered until the first trades are known.
  private static let orderPricesMax = 1 << 20

  public init() {}

  /// Looks at one message of the feed.
  public mutating func look(_ record: MarketRecord) {
    messages += 1
    if firstTime == nil { firstTime = record.sessionTime }
    lastTime = max(lastTime, record.sessionTime)
    switch record.kind {
    case UInt8(ascii: "S"): hasSystemEvents = true
    case UInt8(ascii: "R"):
      let index = place(record)
      found[index].hasDirectory = true
      if record.shares > 0 { found[index].facts.roundLot = Int64(record.shares) }
    case UInt8(ascii: "H"):
      let index = place(record)
      if !found[index].hasTradingAction {
        found[index].facts.status = MarketStatus(itch: UInt8(truncatingIfNeeded: record.code))
      }
      found[index].hasTradingAction = true
    case UInt8(ascii: "Y"):
      let index = place(record)
      if !found[index].hasRegSHO {
        found[index].facts.shortSale = ShortSaleRule(
          itch: UInt8(truncatingIfNeeded: record.code))
      }
      found[index].hasRegSHO = true
    case UInt8(ascii: "A"), UInt8(ascii: "F"): lookAtOrder(record)
    case UInt8(ascii: "E"):
      guard let order = orderPrices[record.reference] else { return }
      trade(order.index, price: order.price, shares: Int64(record.shares))
    case UInt8(ascii: "C"):
      guard let index = byLocate[record.locate] else { return }
      trade(index, price: record.price, shares: Int64(record.shares))
    case UInt8(ascii: "P"), UInt8(ascii: "Q"):
      trade(place(record), price: record.price, shares: Int64(record.shares))
    default: break
    }
  }

  private mutating func lookAtOrder(_ record: MarketRecord) {
    let index = place(record)
    if orderPrices.count < Self.orderPricesMax {
      orderPrices[record.reference] = (record.price, index)
    }
    guard found[index].facts.previousClose == 0 else { return }
    if record.side == UInt8(ascii: "B") {
      if firstBid[index] == nil { firstBid[index] = record.price }
    } else if firstAsk[index] == nil {
      firstAsk[index] = record.price
    }
  }

  private mutating func trade(_ index: Int, price: UInt32, shares: Int64) {
    volume[index, default: 0] += shares
    guard price > 0, traded.insert(index).inserted else { return }
    found[index].facts.previousClose = Int64(price) * 10_000
  }

  private mutating func place(_ record: MarketRecord) -> Int {
    if let known = bySymbol[record.symbol] { return known }
    let index = found.count
    bySymbol[record.symbol] = index
    byLocate[record.locate] = index
    found.append(
      Found(
        facts: InstrumentFacts(symbol: Symbol(code: record.symbol)), locate: record.locate,
        hasDirectory: false,
        hasTradingAction: false, hasRegSHO: false))
    return index
  }

  /// The instruments with what had to be assumed, and one line for each kind of assumption.
  public func result() -> (instruments: [InstrumentFacts], assumptions: [String]) {
    var instruments: [InstrumentFacts] = []
    var stateless = 0
    var quoted = 0
    var unpriced = 0
    for (index, entry) in found.enumerated() {
      var facts = entry.facts
      if facts.previousClose == 0, let bid = firstBid[index], let ask = firstAsk[index] {
        quoted += 1
        facts.previousClose = (Int64(bid) + Int64(ask)) / 2 * 10_000
      }
      if facts.previousClose == 0 { unpriced += 1 }
      if !entry.hasTradingAction || !entry.hasRegSHO { stateless += 1 }
      if !entry.hasTradingAction { facts.status = .trading }
      if !entry.hasRegSHO { facts.shortSale = .unrestricted }
      facts.averageVolume = volume[index] ?? 0
      facts.shortable = true
      instruments.append(facts)
    }
    func symbols(_ count: Int) -> String { "\(count) symbol\(count == 1 ? "" : "s")" }
    var said: [String] = []
    if stateless > 0 {
      said.append(
        "\(symbols(stateless)) without H or without Y in the feed: assumed trading (T) and no short-sale "
          + "restriction (0)")
    }
    if !instruments.isEmpty {
      said.append(
        "previous close assumed from the first trade of the feed"
          + (quoted > 0 ? ", for \(symbols(quoted)) from the first quote" : "")
          + (unpriced > 0 ? "; \(symbols(unpriced)) without any" : "")
          + "; every symbol assumed shortable, tick $0.01, average volume = the feed's own")
    }
    return (instruments, said)
  }

  /// The locate of each symbol of the feed.
  public var locates: [UInt64: UInt16] {
    Dictionary(
      found.map { ($0.facts.symbol.code, $0.locate) }, uniquingKeysWith: { first, _ in first })
  }
}
