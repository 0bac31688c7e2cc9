/// A new order as a strategy asks for it. The side is buy or sell: the core marks short sales, and those that
/// are asked for as exempt as exempt from the price test of Regulation SHO (rule 201(c) and (d)).
@frozen public struct OrderRequest: BitwiseCopyable, Sendable, Hashable {
  public var instrument: InstrumentID
  public var account: AccountID
  public var strategy: StrategyID
  /// At the instrument's exponents.
  public var price: Price
  public var quantity: Quantity
  /// Market orders are not taken: a limit is what every check stands on. A bit that means nothing is refused.
  public var flags: OrderFlags
  public var timeInForce: TimeInForce
  public var display: Display
  public var side: Side
  /// The bits that mean something.
  @usableFromInline static var flagsKnown: UInt16 { 3 }

  /// Displayed, without flags.
  @inline(__always) var isPlain: Bool { wants.isPlain }
  /// What it wants beyond price and quantity.
  @inline(__always) var wants: OrderWants {
    OrderWants(flags: flags, timeInForce: timeInForce, display: display)
  }

  @inlinable public init(
    instrument: InstrumentID, account: AccountID, strategy: StrategyID, side: Side, price: Price,
    quantity: Quantity, timeInForce: TimeInForce = .day, display: Display = .displayed,
    flags: OrderFlags = .none
  ) {
    self.instrument = instrument
    self.account = account
    self.strategy = strategy
    self.side = side
    self.price = price
    self.quantity = quantity
    self.timeInForce = timeInForce
    self.display = display
    self.flags = flags
  }
}

/// What an order wants beyond price and quantity.
struct OrderWants: BitwiseCopyable {
  var flags: OrderFlags
  var timeInForce: TimeInForce
  var display: Display
  /// Displayed, without flags.
  var isPlain: Bool { flags.rawValue | UInt16(display.rawValue) == 0 }
}

/// The answer to replace, modify and cancel.
@frozen public enum RequestVerdict: BitwiseCopyable, Sendable {
  /// The request is on its way (or, for a cancel, was not needed any more).
  case accepted
  case refused(Refusal)
}

/// What a strategy is told about its orders.
@frozen public struct OrderUpdate: BitwiseCopyable, Sendable {
  @frozen public enum Kind: UInt8, BitwiseCopyable, Sendable {
    case accepted = 1
    case replaced = 2
    case canceled = 3
    case executed = 4
    case busted = 5
    case rejected = 6
    /// The replace or modify was refused; the order stands as it was.
    case replaceRejected = 7
    case cancelRejected = 8
    case modified = 9
    /// The request was withdrawn before the wire.
    case notSent = 10
    /// The session broke or time ran out; the outcome is open.
    case unknown = 11
    /// An unknown outcome was settled: the order is done.
    case closed = 12
    case restated = 13
  }
  public var handle: OrderHandle
  public var clientOrderID: ClientOrderID
  /// Of this execution, or what a cancel took away.
  public var lastPrice: Price
  public var lastQuantity: Quantity
  public var leaves: Quantity
  public var executed: Quantity
  public var instrument: InstrumentID
  public var account: AccountID
  public var strategy: StrategyID
  public var kind: Kind
  public var side: Side
  public var life: OrderLife
  public var doneReason: DoneReason
  /// The venue's reason code, 0 without one; of ``Kind/notSent`` a ``NotSentCause``.
  public var reason: UInt16
  public var liquidity: UInt8
  var reserved: UInt8 = 0
}
