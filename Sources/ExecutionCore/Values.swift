/// Scaled numbers, sides and the dense identifiers of the core.
///
/// Money and prices are integers everywhere. No floating point decides about money.

/// A price: Int64 mantissa at the instrument's price exponent (default 10⁻⁸).
@frozen public struct Price: BitwiseCopyable, Hashable, Comparable, Sendable {
  public var raw: Int64
  @_noLocks @inlinable public init(raw: Int64) { self.raw = raw }
  @_noLocks @inlinable public static func < (a: Price, b: Price) -> Bool { a.raw < b.raw }
}

/// A quantity: Int64 mantissa at the instrument's quantity exponent (0 for whole shares).
@frozen public struct Quantity: BitwiseCopyable, Hashable, Comparable, Sendable {
  public var raw: Int64
  @_noLocks @inlinable public init(raw: Int64) { self.raw = raw }
  @_noLocks @inlinable public static func < (a: Quantity, b: Quantity) -> Bool { a.raw < b.raw }
}

/// Money: Int128 at 10⁻⁸ of the account's currency.
@frozen public struct Money: BitwiseCopyable, Hashable, Comparable, Sendable {
  public var raw: Int128
  @_noLocks @inlinable public init(raw: Int128) { self.raw = raw }
  @_noLocks @inlinable public static func < (a: Money, b: Money) -> Bool { a.raw < b.raw }
  public static let zero = Money(raw: 0)
}

/// Dense index of an instrument, given at start-up; `none` is no instrument.
@frozen public struct InstrumentID: BitwiseCopyable, Hashable, Sendable {
  public var raw: UInt32
  @_noLocks @inlinable public init(raw: UInt32) { self.raw = raw }
  @inlinable public static var none: InstrumentID { @_noLocks get { InstrumentID(raw: .max) } }
}

/// Dense index of an account, given at start-up.
@frozen public struct AccountID: BitwiseCopyable, Hashable, Sendable {
  public var raw: UInt32
  @_noLocks @inlinable public init(raw: UInt32) { self.raw = raw }
}

/// Dense index of a strategy, given at start-up.
@frozen public struct StrategyID: BitwiseCopyable, Hashable, Sendable {
  public var raw: UInt32
  @_noLocks @inlinable public init(raw: UInt32) { self.raw = raw }
}

/// Dense index of a venue, given at start-up: who executes.
@frozen public struct VenueID: BitwiseCopyable, Hashable, Sendable {
  public var raw: UInt16
  @_noLocks @inlinable public init(raw: UInt16) { self.raw = raw }
}

/// Dense index of a port, given at start-up: one order-entry session at a venue, for one or more accounts.
@frozen public struct PortID: BitwiseCopyable, Hashable, Sendable {
  public var raw: UInt16
  @_noLocks @inlinable public init(raw: UInt16) { self.raw = raw }
  /// The only one there is, where there is one.
  @inlinable public static var first: PortID { @_noLocks get { PortID(raw: 0) } }
}

/// Our own order number: from a durable high-water mark, never reused. 0 is none.
@frozen public struct ClientOrderID: BitwiseCopyable, Hashable, Sendable {
  public var raw: UInt64
  @_noLocks @inlinable public init(raw: UInt64) { self.raw = raw }
  @inlinable public static var none: ClientOrderID { @_noLocks get { ClientOrderID(raw: 0) } }
}

/// Pool slot and generation of an order; a handle of an earlier generation finds nothing.
@frozen public struct OrderHandle: BitwiseCopyable, Hashable, Sendable {
  public var slot: UInt32
  public var generation: UInt32
  @_noLocks @inlinable public init(slot: UInt32, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }
  @inlinable public static var none: OrderHandle {
    @_noLocks get { OrderHandle(slot: .max, generation: 0) }
  }
}

/// Side as FIX tag 54 has it; sell short is chosen by the core, never by a strategy, which can only ask that a
/// sale be marked exempt should it be short.
@frozen public enum Side: UInt8, BitwiseCopyable, Sendable {
  case buy = 1
  case sell = 2
  case sellShort = 5
  case sellShortExempt = 6
  @inlinable public var isBuy: Bool {
    @_noLocks get {
      switch self {
      case .buy: true
      default: false
      }
    }
  }
  /// Should it be a short sale, it is exempt from the price test.
  var isExempt: Bool {
    switch self {
    case .sellShortExempt: true
    default: false
    }
  }
}

/// Time in force as FIX tag 59 has it.
@frozen public enum TimeInForce: UInt8, BitwiseCopyable, Sendable {
  case day = 0
  case immediateOrCancel = 3

  /// The number of the case, which is also how it lies in memory.
  @inline(__always) var ordinal: UInt8 {
    switch self {
    case .day: 0
    case .immediateOrCancel: 1
    }
  }
}

/// Whether others see an order. Never renumber: the numbers are in the journal.
@frozen public enum Display: UInt8, BitwiseCopyable, Sendable {
  case displayed = 0
  case hidden = 1
  /// Displayed with our name.
  case attributed = 2
}

/// For whom we trade, as FIX tag 528 has it. Never renumber: the numbers are in the journal.
@frozen public enum OrderCapacity: UInt8, BitwiseCopyable, Sendable {
  case principal = 0
  case agency = 1
  case risklessPrincipal = 2
}

/// What an order asks for beyond its terms.
@frozen public struct OrderFlags: OptionSet, BitwiseCopyable, Hashable, Sendable {
  public let rawValue: UInt16
  @_noLocks @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
  @inlinable public static var none: OrderFlags { @_noLocks get { OrderFlags(rawValue: 0) } }
  /// Never to take what rests: rejected, or repriced by the venue, instead.
  @inlinable public static var postOnly: OrderFlags { OrderFlags(rawValue: 1) }
  /// An inter-market sweep order (Regulation NMS, rule 600(b)).
  @inlinable public static var intermarketSweep: OrderFlags { OrderFlags(rawValue: 2) }
  /// No limit. Taken from no strategy: a limit is what every check stands on.
  @inlinable public static var market: OrderFlags { OrderFlags(rawValue: 4) }
}

/// Best bid and offer of one instrument. Prices are 0 on an empty side, with quantity 0.
@frozen public struct Quote: BitwiseCopyable, Hashable, Sendable {
  public var bid: Price
  public var ask: Price
  public var bidQuantity: Quantity
  public var askQuantity: Quantity
  @_noLocks @inlinable public init(
    bid: Price, ask: Price, bidQuantity: Quantity, askQuantity: Quantity
  ) {
    self.bid = bid
    self.ask = ask
    self.bidQuantity = bidQuantity
    self.askQuantity = askQuantity
  }
}
