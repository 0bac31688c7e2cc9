internal import ExecutionCore

/// An order as the broker keeps it. Prices and quantities are at the instrument's exponents.
struct PaperOrder: Sendable {
  var id = PaperID.none
  var number: UInt64 = 0
  var account: Int32 = 0
  var instrument: Int32 = 0
  var isBuy = true
  var isImmediate = false
  var isPostOnly = false
  var status = PaperStatus.working
  var reason = PaperReason.none
  var price: Int64 = 0
  /// The whole, what has been executed included.
  var quantity: Int64 = 0
  var executed: Int64 = 0
  var revision: UInt64 = 0
  var time: Int64 = 0
  /// Place of its first execution among the account's; −1 before.
  var firstExecution: Int32 = -1
  /// What is displayed before it at its price; below 0: not known, its price is not the touch.
  var ahead: Int64 = -1

  var open: Int64 { status == .working ? quantity &- executed : 0 }
}

/// An execution as the broker keeps it.
struct PaperExecution: Sendable {
  var number: UInt64 = 0
  var order: Int32 = 0
  var isTaker = false
  var price: Int64 = 0
  var quantity: Int64 = 0
  /// 10⁻⁸ of the currency.
  var fee: Int64 = 0
  var time: Int64 = 0
  /// Of the order, this one included.
  var executed: Int64 = 0
}

/// What an account holds of an instrument.
public struct PaperPosition: Sendable, Hashable {
  public var quantity: Int64 = 0
  /// By executions.
  public var bought: Int64 = 0
  public var sold: Int64 = 0
  /// Received less paid, without fees, at 10⁻⁸.
  public var cashFlow: Int128 = 0
  public var fees: Int128 = 0
  /// Dividends, funding, settlements.
  public var adjustments: Int128 = 0
  public init() {}
}

/// The market of an instrument as the broker sees it, and the orders that rest in it.
struct PaperBook: Sendable {
  struct Touch: Sendable {
    var price: Int64 = 0
    /// Displayed; 0: nobody.
    var quantity: Int64 = 0
    /// Of that what our fills have taken, of which the feed knows nothing.
    var taken: Int64 = 0
    var available: Int64 { max(0, quantity &- taken) }

    /// What is shown now. At the same price what comes anew is there for us too, and what goes was what we took.
    mutating func show(_ newPrice: Int64, _ newQuantity: Int64) {
      taken = newPrice == price ? min(taken, newQuantity) : 0
      price = newPrice
      quantity = newQuantity
    }
  }
  var bid = Touch()
  var ask = Touch()
  var status = MarketStatus.unknown
  /// Somebody shows what it is worth: without that no order is taken, for it would fill at whatever it asks for.
  var isQuoted: Bool { bid.quantity > 0 || ask.quantity > 0 }
  /// The best one last; of one price the first one last.
  var buys: [Int32] = []
  var sells: [Int32] = []
}

/// A number of basis points of a price that halves with time: what an account's fills have done to a market.
struct PaperImpact: Sendable {
  /// 10⁻⁴ of a basis point; above 0: up.
  private var value: Int64 = 0
  private var since: Int64 = 0

  /// Now, in 10⁻⁴ of a basis point.
  func at(_ time: Int64, halfLife: Int64) -> Int64 {
    guard value != 0, halfLife > 0 else { return value }
    let halves = max(0, time &- since) / halfLife
    if halves >= 62 { return 0 }
    let low = value >> halves
    // Between two halvings in a straight line: no more than 6 percent from the curve.
    let part = max(0, time &- since) % halfLife
    let (share, over) = (low / 2).multipliedReportingOverflow(by: part)
    return over ? low : low &- share / halfLife
  }
  mutating func push(_ amount: Int64, at time: Int64, halfLife: Int64) {
    let (sum, over) = at(time, halfLife: halfLife).addingReportingOverflow(amount)
    value = over ? value : min(max(sum, -50_000_000), 50_000_000)
    since = time
  }
}

/// Places of orders by their names, which lie in the orders themselves: open addressing, at most half full.
struct PaperNames: Sendable {
  private struct Entry: Sendable {
    var hash: UInt32 = 0
    /// -1: free.
    var place: Int32 = -1
  }
  private var entries = [Entry](repeating: Entry(), count: 64)
  private var count = 0

  /// nil for a name that is not there.
  func place(of name: PaperID, in orders: [PaperOrder]) -> Int32? {
    let hash = UInt32(truncatingIfNeeded: name.mixed)
    var at = Int(hash) & (entries.count - 1)
    // Ends: at least half of the entries are free.
    while entries[at].place >= 0 {
      if entries[at].hash == hash, orders[Int(entries[at].place)].id == name {
        return entries[at].place
      }
      at = (at + 1) & (entries.count - 1)
    }
    return nil
  }

  /// A name that is not there.
  mutating func insert(_ name: PaperID, _ place: Int32) {
    if count * 2 >= entries.count {
      let old = entries
      entries = [Entry](repeating: Entry(), count: old.count * 2)
      for entry in old where entry.place >= 0 { put(entry) }
    }
    put(Entry(hash: UInt32(truncatingIfNeeded: name.mixed), place: place))
    count += 1
  }

  private mutating func put(_ entry: Entry) {
    var at = Int(entry.hash) & (entries.count - 1)
    while entries[at].place >= 0 { at = (at + 1) & (entries.count - 1) }
    entries[at] = entry
  }
}
