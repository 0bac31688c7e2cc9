/// The payloads behind ``RecordHeader``, one struct for each ``RecordType``: fixed layout, a multiple
/// of 8 bytes, aligned to 8, no padding the compiler chose. What is an enumeration in memory is its raw value
/// here, and nothing but identifiers is a type that the engine works with: either could change without a word. Whoever
/// changes one raises ``RecordType/version``.

/// A 128-bit number in two words, because a record is only aligned to 8.
@frozen public struct Wide: BitwiseCopyable, Sendable, Hashable {
  public var low: UInt64
  public var high: Int64
  public init(low: UInt64, high: Int64) {
    self.low = low
    self.high = high
  }
  @inlinable public init(_ value: Int128) {
    low = UInt64(truncatingIfNeeded: value)
    high = Int64(truncatingIfNeeded: value >> 64)
  }
  @inlinable public var value: Int128 { Int128(high) << 64 | Int128(low) }
}

/// A quote at the instrument's exponents. 32 bytes.
@frozen public struct QuoteWords: BitwiseCopyable, Sendable, Hashable {
  public var bid: Int64
  public var ask: Int64
  public var bidQuantity: Int64
  public var askQuantity: Int64
  public init(_ quote: Quote) {
    bid = quote.bid.raw
    ask = quote.ask.raw
    bidQuantity = quote.bidQuantity.raw
    askQuantity = quote.askQuantity.raw
  }
}

/// Begins and ends a session. 88 bytes.
@frozen public struct SessionRecord: BitwiseCopyable, Sendable {
  /// Trading day as year × 10,000 + month × 100 + day.
  public var tradingDay: UInt64 = 0
  /// FNV-1a of the engine's configuration.
  public var configurationHash: UInt64 = 0
  public var nextClientOrderID: UInt64 = 0
  /// At the end: ``Engine/stateHash()``; 0 at the beginning.
  public var stateHash: UInt64 = 0
  public var instruments: UInt32 = 0
  public var accounts: UInt32 = 0
  public var strategies: UInt32 = 0
  public var ports: UInt32 = 0
  public var openOrders: UInt64 = 0
  public var executions: UInt64 = 0
  public var alarms: UInt64 = 0
  /// ``Engine/applyVersion``.
  public var applyVersion: UInt32 = 0
  /// At the beginning: ``LatchCauses`` that stood before it, which stop the firm from the start.
  public var standingCauses: UInt32 = 0
  /// At the beginning: of all ``RecordType/configuration`` records that follow, together.
  public var configurationBytes: UInt32 = 0
  /// At the end: ``RunEnd/raw``.
  public var end: UInt32 = 0
  public init() {}
}

/// The state's hash, at the record's session time. 16 bytes.
@frozen public struct StateHashRecord: BitwiseCopyable, Sendable {
  public var stateHash: UInt64
  public var reserved: UInt64 = 0
  public init(stateHash: UInt64) { self.stateHash = stateHash }
}

/// How many records the journal has not taken: the first of a loss says 1, the next one how many in all. 16 bytes.
@frozen public struct RecordsLostRecord: BitwiseCopyable, Sendable {
  public var count: UInt64
  public var reserved: UInt64 = 0
  public init(count: UInt64) { self.count = count }
}

/// A port as it was at start-up. 48 bytes.
@frozen public struct PortRecord: BitwiseCopyable, Sendable {
  /// Of port and venue: as much as fits of UTF-8, zero-padded.
  public var name: InlineArray<2, UInt64>
  public var venueName: InlineArray<2, UInt64>
  /// Number of its first request.
  public var nextVenueReference: UInt64
  public var port: PortID
  public var venue: VenueID
  public var reserved: UInt32 = 0
  public init(port: PortID, venue: VenueID) {
    self.port = port
    self.venue = venue
    name = [0, 0]
    venueName = [0, 0]
    nextVenueReference = 0
  }

  /// Both names, each cut at 16 bytes.
  public mutating func setNames(_ name: String, venue: String) {
    self.name = Self.packed(name)
    venueName = Self.packed(venue)
  }
  private static func packed(_ text: String) -> InlineArray<2, UInt64> {
    var words: InlineArray<2, UInt64> = [0, 0]
    for (i, byte) in text.utf8.prefix(16).enumerated() {
      words[i / 8] |= UInt64(byte) << (8 * UInt64(i % 8))
    }
    return words
  }
}

/// A request that was not made, and why. 120 bytes.
@frozen public struct RefusalRecord: BitwiseCopyable, Sendable {
  public var limit: Wide
  public var observed: Wide
  /// `none` for a new order: a refused one consumes no number.
  public var clientOrderID: ClientOrderID
  public var price: Int64
  public var quantity: Int64
  public var quote: QuoteWords
  public var feedPosition: UInt64
  public var instrument: InstrumentID
  public var code: UInt16
  public var scope: UInt8
  /// ``VenueRequest/Kind`` of what was asked.
  public var request: UInt8
  public var side: UInt8
  public var timeInForce: UInt8
  public var reserved: UInt16 = 0
  /// For how many alike (strategy, instrument, code) the record stands, this one among them.
  public var count: UInt32 = 1
  /// Number of this one, which is the last, and of the first.
  public var number: UInt64 = 0
  public var firstNumber: UInt64 = 0

  /// Of nothing.
  init() {
    self.init(
      Refusal(.unknownOrder, scope: .order, limit: 0, observed: 0), instrument: .none,
      quote: Quote(
        bid: Price(raw: 0), ask: Price(raw: 0), bidQuantity: Quantity(raw: 0),
        askQuantity: Quantity(raw: 0)))
    count = 0
  }

  public init(_ refusal: Refusal, instrument: InstrumentID, quote: Quote) {
    limit = Wide(refusal.limit)
    observed = Wide(refusal.observed)
    clientOrderID = .none
    price = 0
    quantity = 0
    self.quote = QuoteWords(quote)
    feedPosition = 0
    self.instrument = instrument
    code = refusal.code.rawValue
    scope = refusal.scope.rawValue
    request = 0
    side = 0
    timeInForce = 0
  }
}

/// An order after one of its three facts changed. 80 bytes.
@frozen public struct OrderStateRecord: BitwiseCopyable, Sendable {
  public var clientOrderID: ClientOrderID
  /// The reference of the current incarnation, and of the pending replacement (0 when there is none).
  public var venueReference: UInt64
  public var pendingReference: UInt64
  public var price: Int64
  public var quantity: Int64
  public var leaves: Int64
  public var executed: Int64
  public var order: OrderHandle
  public var instrument: InstrumentID
  /// ``OrderLife``, ``DoneReason``, then a ``RequestState`` each for new, replace, cancel.
  public var life: UInt8
  public var doneReason: UInt8
  public var newState: UInt8
  public var replaceState: UInt8
  public var cancelState: UInt8
  public var side: UInt8
  public var incarnation: UInt8
  /// ``OrderUpdate/Kind`` that goes with the change; 0 when there is none.
  public var update: UInt8
  public var port: PortID
  public var reserved: UInt16 = 0

  public init(
    clientOrderID: ClientOrderID, order: OrderHandle, instrument: InstrumentID, port: PortID
  ) {
    self.port = port
    self.clientOrderID = clientOrderID
    self.order = order
    self.instrument = instrument
    venueReference = 0
    pendingReference = 0
    price = 0
    quantity = 0
    leaves = 0
    executed = 0
    life = 0
    doneReason = 0
    newState = 0
    replaceState = 0
    cancelState = 0
    side = 0
    incarnation = 0
    update = 0
  }
}

/// An execution that was booked, or a revision of one. 128 bytes.
@frozen public struct ExecutionRecord: BitwiseCopyable, Sendable {
  /// Bits of `flags`.
  public static var late: UInt8 { 1 }
  public static var overfill: UInt8 { 2 }
  /// The order's slot had been given to another order: booked from the reference's tombstone.
  public static var orphan: UInt8 { 4 }
  public static var bust: UInt8 { 8 }

  public var clientOrderID: ClientOrderID
  public var venueReference: UInt64
  public var executionID: VenueIdentifier
  /// At the instrument's exponent.
  public var price: Int64
  public var quantity: Int64
  /// 10⁻⁸ of the currency; negative is a rebate. A bust gives back what was charged.
  public var fee: Int64
  public var venueTime: Int64
  /// Net position of account, strategy and instrument afterwards.
  public var position: Int64
  public var instrument: InstrumentID
  public var account: AccountID
  public var strategy: StrategyID
  /// 0 the execution, 1 its bust.
  public var revision: UInt32
  public var tradingDay: UInt32
  public var venue: VenueID
  public var port: PortID
  public var side: UInt8
  public var liquidity: UInt8
  public var incarnation: UInt8
  public var flags: UInt8
  public var reserved: UInt32 = 0

  public init(instrument: InstrumentID, account: AccountID, strategy: StrategyID) {
    self.instrument = instrument
    self.account = account
    self.strategy = strategy
    clientOrderID = .none
    venueReference = 0
    executionID = .none
    price = 0
    quantity = 0
    fee = 0
    venueTime = 0
    position = 0
    revision = 0
    tradingDay = 0
    venue = VenueID(raw: 0)
    port = .first
    side = 0
    liquidity = 0
    incarnation = 0
    flags = 0
  }
}

/// Something that must not pass unseen. 48 bytes.
@frozen public struct AlarmRecord: BitwiseCopyable, Sendable {
  public var clientOrderID: ClientOrderID
  public var venueReference: UInt64
  /// What was expected and what came; the meaning goes with ``AlarmCode``.
  public var expected: Int64
  public var observed: Int64
  public var instrument: InstrumentID
  public var code: UInt16
  /// ``VenueReport/Kind`` that led to it, 0 when none did.
  public var report: UInt8
  /// ``EngineBound`` that is nearly used up, 0 when none is.
  public var bound: UInt8 = 0
  /// All bits set where none is concerned.
  public var port: PortID
  public var reserved1: UInt16 = 0
  public var reserved2: UInt32 = 0

  public init(code: AlarmCode, instrument: InstrumentID) {
    self.code = code.rawValue
    self.instrument = instrument
    clientOrderID = .none
    venueReference = 0
    expected = 0
    observed = 0
    report = 0
    port = PortID(raw: .max)
  }
}

/// Causes were set at a scope, or cleared. 16 bytes.
@frozen public struct LatchRecord: BitwiseCopyable, Sendable {
  /// ``LatchCauses``: those that changed, and all that stand now.
  public var changed: UInt32
  public var standing: UInt32
  public var scope: UInt8
  /// 1 when they were set, 0 when cleared.
  public var isSet: UInt8
  /// All bits set where the scope is none.
  public var port: PortID
  public var reserved: UInt32 = 0
  public init(changed: UInt32, left: UInt32, isSet: Bool) {
    self.changed = changed
    standing = left
    self.isSet = isSet ? 1 : 0
    scope = 0
    port = PortID(raw: .max)
  }
}

/// A version of the limits is in force, by the command that is its cause. 24 bytes.
@frozen public struct LimitsRecord: BitwiseCopyable, Sendable {
  /// 0 is the configuration's.
  public var version: UInt32
  public var reserved: UInt32 = 0
  /// How many changes made it.
  public var changes: UInt64
  /// Of the whole table.
  public var hash: UInt64
  public init(version: UInt32, changes: UInt64, hash: UInt64) {
    self.version = version
    self.changes = changes
    self.hash = hash
  }
}

/// An instrument's trading state changed, or without one the market's. 16 bytes.
@frozen public struct MarketStateRecord: BitwiseCopyable, Sendable {
  public var feedPosition: UInt64
  public var instrument: InstrumentID
  /// Of ``MarketStatus``, ``ShortSaleRule`` and ``MarketHours``.
  public var status: UInt8
  public var shortSale: UInt8
  public var hours: UInt8
  /// 1 when the book is whole.
  public var whole: UInt8
  public init(instrument: InstrumentID) {
    self.instrument = instrument
    feedPosition = 0
    status = 0
    shortSale = 0
    hours = 0
    whole = 0
  }
}

/// A strategy's timer fired. 24 bytes.
@frozen public struct TimerRecord: BitwiseCopyable, Sendable {
  public var due: Int64
  public var token: UInt64
  public var strategy: StrategyID
  public var reserved: UInt32 = 0
  public init(due: Int64, token: UInt64, strategy: StrategyID) {
    self.due = due
    self.token = token
    self.strategy = strategy
  }
}
