/// One message of a feed that is not ITCH: a plain quote (L1), a level of a book by price (L2), an order of a book
/// by order (L3), a trade, a state. 64 bytes, one cache line, no padding.
///
/// What a recording holds, a feed by price is decoded into, and ``PriceBooks`` takes. A feed numbers its instruments
/// from 0; prices and quantities are mantissas at the exponents that the feed states for each.
///
/// ```swift
/// var record = FeedRecord(.level, instrument: 0, at: time)
/// record.side = FeedRecord.buy
/// record.price = 61_837_63  // 61,837.63 at a price exponent of -2
/// record.quantity = 0  // nobody bids there any more
/// ```
@frozen public struct FeedRecord: BitwiseCopyable, Hashable, Sendable {
  /// What a record says. The raw values are the letters that lie in recordings and on the wire.
  @frozen public enum Kind: UInt8, BitwiseCopyable, Sendable, CaseIterable {
    /// L1. Best bid (`price`, `quantity`) and offer (`askPrice`, `askQuantity`); with a `side` only that one is
    /// spoken of, in the fields that are its own. A side with quantity 0 is empty.
    case quote = 0x51  // Q
    /// L2. All that rests at `side` and `price` is `quantity` now; 0: nothing.
    case level = 0x4c  // L
    /// A trade of `quantity` at `price`; `side` is the aggressor's where it is known, `reference` the venue's number.
    /// It changes no book: what it took from one is told by a record of its own.
    case trade = 0x54  // T
    /// L3. The order `reference` rests on `side` with `quantity` at `price`.
    case add = 0x41  // A
    /// L3. The order `reference` has the terms `price` and `quantity` from now on. It keeps its place in the queue only
    /// where the price stays and the quantity does not rise.
    case modify = 0x4d  // M
    /// L3. `quantity` of the order `reference` is taken back.
    case cancel = 0x58  // X
    /// L3. The order `reference` is gone.
    case delete = 0x44  // D
    /// L3. `quantity` of the order `reference` has been executed, at `price` where that is not 0 and not the order's.
    case execute = 0x45  // E
    /// The instrument's book is empty; what follows builds it up. With ``Flags/snapshot``: until the record with
    /// ``Flags/last`` it is not whole.
    case clear = 0x43  // C
    /// Messages before this one are lost, `quantity` of them where that is known (0: unknown): the instrument's book is
    /// not whole until it is built up anew.
    case gap = 0x47  // G
    /// The instrument trades as `detail`, a ``MarketStatus``, says.
    case status = 0x48  // H
  }
  /// How a record hangs together with those around it.
  @frozen public struct Flags: OptionSet, BitwiseCopyable, Hashable, Sendable {
    public let rawValue: UInt8
    @_noLocks @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The last of those that one event of the venue is made of: only behind it is the book one that the venue had.
    @inlinable public static var last: Flags { Flags(rawValue: 1) }
    /// A state, not a change: of a book that is told whole.
    @inlinable public static var snapshot: Flags { Flags(rawValue: 2) }
    /// Said again for who came late or has lost something: passed over where the book, or the quote, is whole.
    @inlinable public static var refresh: Flags { Flags(rawValue: 4) }
  }
  @inlinable public static var buy: UInt8 { @_noLocks get { 0x42 } }  // B
  @inlinable public static var sell: UInt8 { @_noLocks get { 0x53 } }  // S
  /// `instrument` of a record that is about all of a feed's instruments.
  @inlinable public static var all: UInt32 { @_noLocks get { .max } }

  /// Session time: when the venue says that it happened, nanoseconds since 1970 UTC.
  public var sessionTime: Int64
  /// The feed's own number of the message, rising; 0 where it has none. Several records of one message share it.
  public var sequence: UInt64
  public var price: Int64
  public var quantity: Int64
  public var askPrice: Int64
  public var askQuantity: Int64
  /// The venue's number of the order or trade; 0 without one.
  public var reference: UInt64
  /// The feed's number of the instrument, or ``all``.
  public var instrument: UInt32
  /// ``Kind/rawValue``: bytes from outside may be none.
  public var kind: UInt8
  /// ``buy``, ``sell``, or 0.
  public var side: UInt8
  public var flags: Flags
  public var detail: UInt8

  @_noLocks @inlinable public init() {
    sessionTime = 0
    sequence = 0
    price = 0
    quantity = 0
    askPrice = 0
    askQuantity = 0
    reference = 0
    instrument = 0
    kind = 0
    side = 0
    flags = Flags(rawValue: 0)
    detail = 0
  }
  @inlinable public init(_ kind: Kind, instrument: UInt32, at time: Int64) {
    self.init()
    self.kind = kind.rawValue
    self.instrument = instrument
    sessionTime = time
  }
}
