/// Hard caps of the last hop. Notional in 10⁻⁴ of the currency.
@frozen public struct FuseLimits: BitwiseCopyable, Sendable {
  /// New orders and replaces in any one second.
  public var ordersPerSecondMax: Int = 1_000
  /// Their notional in any one second: 10⁻⁴ of the currency, so 10 M are 100,000,000,000. A market
  /// order counts at the price on the wire, where the protocol has one for it.
  public var notionalPerSecondMax: Int64 = 1_000_000_000_000
  /// Orders that may be open at the venue.
  public var openOrdersMax: Int = 10_000

  public init() {}
}

/// The fuse behind all other checks: it sees only what is encoded and what comes back, shares no
/// state with the engine, and stops new orders for good when a cap is passed, until a named person
/// arms it again. Cancels are not its business.
///
/// Threading: the gateway's thread. No allocation after `init`.
@safe public struct LastHopFuse: ~Copyable {
  @frozen public enum Cap: UInt8, BitwiseCopyable, Sendable {
    case ordersPerSecond = 1
    case notionalPerSecond = 2
    case openOrders = 3
  }
  public let limits: FuseLimits
  /// The cap that was passed; nil while the fuse is armed.
  public private(set) var tripped: Cap?
  public private(set) var trippedAt: Int64 = 0
  public private(set) var trips: UInt64 = 0
  public private(set) var stopped: UInt64 = 0
  /// Who armed it last; empty when nobody had to.
  public private(set) var rearmedBy = ""
  public private(set) var rearmedAt: Int64 = 0
  private var open: OpenOrderTable
  // A second in sixteen slices, the oldest forgotten as a whole: never less than a second is
  // counted.
  private var orders = InlineArray<17, Int>(repeating: 0)
  private var notional = InlineArray<17, Int64>(repeating: 0)
  private var slice: Int64 = 0
  private var ordersInWindow = 0
  private var notionalInWindow: Int64 = 0
  private static var sliceLength: Int64 { 62_500_000 }

  public init(_ limits: FuseLimits = FuseLimits()) {
    self.limits = limits
    open = OpenOrderTable(ordersMax: min(max(limits.openOrdersMax, 1), 1 << 22))
  }
  public var openOrders: Int { open.count }

  /// May this order go out? Counts it when it may. `value` is price times quantity, at 10⁻⁴, from what was
  /// encoded; `now` is machine time and must move.
  public mutating func admits(value: Int64, isNew: Bool, now: Int64) -> Bool {
    guard tripped == nil else {
      stopped &+= 1
      return false
    }
    advance(to: now)
    let (sum, carry) = notionalInWindow.addingReportingOverflow(max(value, 0))
    if ordersInWindow >= limits.ordersPerSecondMax {
      trip(.ordersPerSecond, now)
    } else if carry || sum > limits.notionalPerSecondMax {
      trip(.notionalPerSecond, now)
    } else if isNew, open.count >= limits.openOrdersMax {
      trip(.openOrders, now)
    }
    guard tripped == nil else {
      stopped &+= 1
      return false
    }
    let index = Int(slice % 17)
    orders[index] &+= 1
    notional[index] &+= max(value, 0)
    ordersInWindow &+= 1
    notionalInWindow = sum
    return true
  }
  public mutating func opened(_ reference: UInt64, quantity: UInt64) {
    open.insert(reference, leaves: quantity)
  }
  /// Executed or canceled.
  public mutating func reduced(_ reference: UInt64, by quantity: UInt64) {
    open.reduce(reference, by: quantity)
  }
  public mutating func atMost(_ reference: UInt64, _ quantity: UInt64) {
    open.limit(reference, to: quantity)
  }
  public mutating func closed(_ reference: UInt64) { open.remove(reference) }
  /// The venue's next number, told when nothing is on its way: no order has this or a higher one.
  public mutating func neverArrived(from next: UInt64) { open.remove(from: next) }

  /// Arms the fuse again, in the name of a person; false when there is no name. The seconds begin
  /// anew, the open orders stay counted.
  public mutating func rearm(by person: String, now: Int64) -> Bool {
    guard person.contains(where: { $0.isLetter }) else { return false }
    rearmedBy = person
    rearmedAt = now
    tripped = nil
    clearWindow()
    return true
  }
  /// A new trading day: no order of yesterday is open.
  public mutating func newDay() {
    open.clear()
    clearWindow()
  }

  private mutating func clearWindow() {
    for i in 0..<17 {
      orders[i] = 0
      notional[i] = 0
    }
    ordersInWindow = 0
    notionalInWindow = 0
  }
  private mutating func trip(_ cap: Cap, _ now: Int64) {
    tripped = cap
    trippedAt = now
    trips &+= 1
  }
  private mutating func advance(to now: Int64) {
    let target = max(now, 0) / Self.sliceLength
    guard target > slice else { return }
    if target - slice >= 17 {
      clearWindow()
      slice = target
      return
    }
    while slice < target {
      slice += 1
      let index = Int(slice % 17)
      ordersInWindow &-= orders[index]
      notionalInWindow &-= notional[index]
      orders[index] = 0
      notional[index] = 0
    }
  }
}

/// Quantities still open by reference: an open-addressed table that never grows.
@safe struct OpenOrderTable: ~Copyable {
  private struct Entry: BitwiseCopyable {
    /// 0 is free: references begin at 1.
    var reference: UInt64 = 0
    var leaves: UInt64 = 0
  }
  private let entries: HeapColumn<Entry>
  private let mask: Int
  private(set) var count = 0

  init(ordersMax: Int) {
    var size = 64
    while size < ordersMax * 4 { size *= 2 }
    entries = HeapColumn(count: size, repeating: Entry())
    mask = size - 1
  }
  deinit { entries.free() }

  /// Eight numbers that follow each other lie side by side, in two cache lines or three; blocks of eight are
  /// scattered, so that no long run of places is taken.
  private func home(_ reference: UInt64) -> Int {
    let block = ((reference >> 3) &* 0x9e37_79b9_7f4a_7c15) >> 32
    return Int(truncatingIfNeeded: block << 3 | reference & 7) & mask
  }
  private func find(_ reference: UInt64) -> Int? {
    guard reference != 0 else { return nil }
    var at = home(reference)
    for _ in 0...mask {
      if entries[at].reference == reference { return at }
      if entries[at].reference == 0 { return nil }
      at = (at &+ 1) & mask
    }
    return nil
  }
  mutating func insert(_ reference: UInt64, leaves: UInt64) {
    if let at = find(reference) {
      entries[at].leaves = leaves
      return
    }
    // Half full is the most: the rest is refused by the cap long before.
    guard reference != 0, count <= mask / 2 else { return }
    var at = home(reference)
    while entries[at].reference != 0 { at = (at &+ 1) & mask }
    entries[at] = Entry(reference: reference, leaves: leaves)
    count &+= 1
  }
  mutating func reduce(_ reference: UInt64, by quantity: UInt64) {
    guard let at = find(reference) else { return }
    if entries[at].leaves <= quantity {
      remove(reference)
    } else {
      entries[at].leaves &-= quantity
    }
  }
  mutating func limit(_ reference: UInt64, to quantity: UInt64) {
    guard let at = find(reference) else { return }
    if quantity == 0 {
      remove(reference)
    } else if entries[at].leaves > quantity {
      entries[at].leaves = quantity
    }
  }
  /// Removes, and moves back what was pushed on by it, so that no grave is left.
  mutating func remove(_ reference: UInt64) {
    guard var hole = find(reference) else { return }
    count &-= 1
    var at = hole
    for _ in 0...mask {
      at = (at &+ 1) & mask
      let entry = entries[at]
      if entry.reference == 0 { break }
      let distance = (at &- home(entry.reference)) & mask
      if distance >= (at &- hole) & mask {
        entries[hole] = entry
        hole = at
      }
    }
    entries[hole] = Entry()
  }
  /// Removes this reference and all above it; 0 is none. Looks at the whole table.
  mutating func remove(from reference: UInt64) {
    guard reference != 0 else { return }
    for i in 0...mask {
      // A removal may move another entry here. Bounded: each turn removes one.
      while entries[i].reference >= reference { remove(entries[i].reference) }
    }
  }
  mutating func clear() {
    for i in 0...mask { entries[i] = Entry() }
    count = 0
  }
}
