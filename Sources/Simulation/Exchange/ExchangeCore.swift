public import ExecutionCore
import Gateways

/// The exchange without any input or output of its own: history and requests in, publications and
/// events out, bit for bit the same for the same inputs.
///
/// History's orders and ours stand in one book, price then time. An order of history remembers what the
/// file alone would have left of it, so that what is published is never more than what is true here.
/// The same code serves the process with sockets and the session in virtual time.
///
/// Threading: one owner. Memory grows with live orders, fills and accounts only; ``published`` and
/// ``events`` grow until the caller drains them.
public struct ExchangeCore: Sendable {
  public let settings: ExchangeSettings
  /// What to publish, in order; the caller sends it and then calls ``clearOutput()``.
  public private(set) var published: [PublishedMessage] = []
  /// What the accounts are told, in order.
  public private(set) var events: [AddressedEvent] = []
  public internal(set) var counters = ExchangeCounters()
  /// Executions of ours in order, busted ones included.
  public internal(set) var fills: [ExchangeFill] = []
  public internal(set) var accounts: [ExchangeAccount] = []
  /// Session time of the last input.
  public private(set) var time: Int64 = 0

  var book = ExchangeBook()
  var symbols: [SymbolSession] = []
  var locates: [UInt64: UInt16] = [:]
  var own: [OwnOrder] = []
  var freeOwn: [Int32] = []
  /// ClOrdID of each fill, for a later Broken Trade.
  var fillClOrdIDs: [OUCHClOrdID] = []
  /// account × 2³² + UserRefNum of open orders.
  var ownByNumber: [UInt64: Int32] = [:]
  /// History's match number → our fills that came from it.
  var fillsBySource: [UInt64: SourceMatch] = [:]
  var nextOwnReference: UInt64 = 1
  var nextMatch: UInt64 = 1
  var nextFreeLocate: UInt16 = .max
  /// No order is taken any more: the ITCH event E or C has passed.
  var isClosed = false

  /// What became of one execution of history that ours took part in.
  struct SourceMatch: Sendable {
    var fills: [Int] = []
    /// Some of it was published under its own number.
    var isPassedOn = false
  }

  public init(settings: ExchangeSettings = ExchangeSettings()) { self.settings = settings }

  /// Prepares a symbol from the instruments file; call it before the first input. The feed overrides.
  ///
  /// - Parameter locate: the feed's locate of it, or nil when the feed does not have it.
  /// - Returns: the locate; nil when none is free.
  @discardableResult
  public mutating func define(_ facts: InstrumentFacts, locate: UInt16?) -> UInt16? {
    let place: UInt16
    if let known = locates[facts.symbol.code] ?? locate {
      place = known
    } else {
      while nextFreeLocate > 0, Int(nextFreeLocate) < symbols.count,
        symbols[Int(nextFreeLocate)].symbol != 0
      {
        nextFreeLocate -= 1
      }
      guard nextFreeLocate > 0 else { return nil }
      place = nextFreeLocate
    }
    register(place, symbol: facts.symbol.code)
    let index = Int(place)
    symbols[index].tradingState = facts.status.itch
    symbols[index].regSHO = facts.shortSale.itch
    symbols[index].averageVolume = facts.averageVolume
    symbols[index].roundLot = UInt32(clamping: facts.roundLot)
    if let tick = Self.venueTicks(facts.tick, exponent: facts.priceExponent) {
      symbols[index].tick = tick
    }
    return place
  }

  /// Adds an account; its first event is the start of day. nil above the maximum.
  public mutating func openAccount() -> UInt32? {
    guard accounts.count < settings.accountsMax else { return nil }
    accounts.append(ExchangeAccount())
    let account = UInt32(accounts.count - 1)
    var event = response(.systemEvent)
    event.reason = UInt16(UInt8(ascii: "S"))
    emit(account, event)
    return account
  }

  /// Forgets what has been drained.
  public mutating func clearOutput() {
    published.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
  }

  /// Moves the clock; it never goes back.
  public mutating func advance(to sessionTime: Int64) { time = max(time, sessionTime) }

  /// Whether cancels pass (0), wait (1: Cancel Pending) or are refused (2: Cancel Reject), as within a cross.
  public mutating func setCancelHold(symbol: UInt64, _ hold: UInt8) {
    guard let locate = locates[symbol] else { return }
    symbols[Int(locate)].cancelHold = hold
    if hold == 0 { releasePendingCancels(locate) }
  }

  // MARK: - Helpers of all parts

  static func isMarketPrice(_ price: UInt64) -> Bool {
    price == OUCHLimits.marketPrice || price == OUCHLimits.crossMarketPrice
  }

  /// A mantissa at another exponent as 10⁻⁴ dollars; nil when that is not exact or out of range.
  static func venueTicks(_ value: Int64, exponent: Int8) -> UInt32? {
    var scaled = value
    var at = exponent
    while at < -4 {
      guard scaled % 10 == 0 else { return nil }
      scaled /= 10
      at += 1
    }
    while at > -4 {
      let product = scaled.multipliedReportingOverflow(by: 10)
      guard !product.overflow else { return nil }
      scaled = product.partialValue
      at -= 1
    }
    return scaled > 0 ? UInt32(exactly: scaled) : nil
  }

  mutating func register(_ locate: UInt16, symbol: UInt64) {
    if Int(locate) >= symbols.count {
      let missing = Int(locate) + 1 - symbols.count
      symbols.append(contentsOf: repeatElement(SymbolSession(), count: missing))
    }
    if symbols[Int(locate)].symbol == 0 { symbols[Int(locate)].symbol = symbol }
    if locates[symbol] == nil { locates[symbol] = locate }
  }

  func isMatching(_ locate: UInt16) -> Bool {
    Int(locate) >= symbols.count || symbols[Int(locate)].isMatching
  }

  mutating func publish(_ record: MarketRecord, verbatim: Bool) {
    counters.published &+= 1
    published.append(PublishedMessage(record: record, isVerbatim: verbatim))
  }

  /// A publication of ours: a header with the time of now.
  func ownRecord(_ kind: UInt8, locate: UInt16) -> MarketRecord {
    var record = MarketRecord()
    record.kind = kind
    record.locate = locate
    record.sessionTime = time
    return record
  }

  /// An event of now.
  func response(_ kind: OUCHResponse.Kind) -> OUCHResponse {
    var event = OUCHResponse(kind)
    event.timestamp = UInt64(max(0, time &- settings.midnight))
    event.firm = 0x2020_2020
    return event
  }

  mutating func emit(_ account: UInt32, _ event: OUCHResponse) {
    counters.events &+= 1
    events.append(AddressedEvent(account: account, event: event))
  }

  static func ownKey(_ account: UInt32, _ number: UInt32) -> UInt64 {
    UInt64(account) << 32 | UInt64(number)
  }

  func ownIndex(_ account: UInt32, _ number: UInt32) -> Int? {
    ownByNumber[Self.ownKey(account, number)].map(Int.init)
  }
}
