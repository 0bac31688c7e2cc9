/// What one record changed, so that the engine knows whom to call.
@frozen public struct MarketChange: OptionSet, BitwiseCopyable, Sendable {
  public var rawValue: UInt32
  @_noLocks @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// No flag; the set's own operations are concrete here, so that hot code may use them.
  @inlinable public static var empty: MarketChange { @_noLocks get { MarketChange(rawValue: 0) } }
  @inlinable public var isEmpty: Bool { @_noLocks get { rawValue == 0 } }
  @_noLocks @inlinable public func contains(_ flags: MarketChange) -> Bool {
    rawValue & flags.rawValue == flags.rawValue
  }
  @_noLocks @inlinable public func union(_ flags: MarketChange) -> MarketChange {
    MarketChange(rawValue: rawValue | flags.rawValue)
  }
  @_noLocks @inlinable public mutating func formUnion(_ flags: MarketChange) {
    rawValue |= flags.rawValue
  }
  @_noLocks @inlinable public mutating func subtract(_ flags: MarketChange) {
    rawValue &= ~flags.rawValue
  }
  /// Best price or size changed (``Quotes/quote(_:)``).
  @inlinable public static var topChanged: MarketChange {
    @_noLocks get { MarketChange(rawValue: 1) }
  }
  /// Something in the book changed.
  @inlinable public static var depthChanged: MarketChange {
    @_noLocks get { MarketChange(rawValue: 2) }
  }
  /// A trade was printed (``ITCHMarket/lastTrade``).
  @inlinable public static var trade: MarketChange { @_noLocks get { MarketChange(rawValue: 4) } }
  /// The instrument's status changed (``MarketStatus``).
  @inlinable public static var statusChanged: MarketChange {
    @_noLocks get { MarketChange(rawValue: 8) }
  }
  /// Its short-sale rule changed (``ShortSaleRule``).
  @inlinable public static var shortSaleChanged: MarketChange {
    @_noLocks get { MarketChange(rawValue: 16) }
  }
  /// A data-quality gate closed or opened.
  @inlinable public static var qualityChanged: MarketChange {
    @_noLocks get { MarketChange(rawValue: 32) }
  }
  @inlinable public static var collarChanged: MarketChange {
    @_noLocks get { MarketChange(rawValue: 64) }
  }
  /// System event, or market-wide circuit breaker: concerns every symbol.
  @inlinable public static var marketChanged: MarketChange {
    @_noLocks get { MarketChange(rawValue: 128) }
  }
  /// A book or all books became whole, or stopped being so.
  @inlinable public static var wholenessChanged: MarketChange {
    @_noLocks get { MarketChange(rawValue: 256) }
  }
  /// A locate was bound to an instrument.
  @inlinable public static var bound: MarketChange { @_noLocks get { MarketChange(rawValue: 512) } }
  /// The record was not applied: an old sequence, or sequences missing before it.
  @inlinable public static var ignored: MarketChange {
    @_noLocks get { MarketChange(rawValue: 1024) }
  }
  /// Sequences were missing before this record. It was applied, and no book is whole.
  @inlinable public static var gap: MarketChange { @_noLocks get { MarketChange(rawValue: 2048) } }
  /// A broken trade: the match number is in the record.
  @inlinable public static var tradeBroken: MarketChange {
    @_noLocks get { MarketChange(rawValue: 4096) }
  }
  /// Named an unknown or already live order, or took more than was left.
  @inlinable public static var anomaly: MarketChange {
    @_noLocks get { MarketChange(rawValue: 8192) }
  }
}

/// One print: an execution against a displayed order, a trade against a hidden one, or a cross.
@frozen public struct MarketTrade: BitwiseCopyable, Hashable, Sendable {
  public var sessionTime: Int64 = 0
  public var matchNumber: UInt64 = 0
  /// Order that was executed against; 0 for P and Q.
  public var reference: UInt64 = 0
  public var shares: UInt64 = 0
  /// Venue ticks, 10⁻⁴ dollars.
  public var price: UInt32 = 0
  public var locate: UInt16 = 0
  /// `E`, `C`, `P` or `Q`.
  public var kind: UInt8 = 0
  /// Side of the aggressor, `B` or `S`; 0 when it cannot be told (cross, or P inside the quote).
  public var aggressor: UInt8 = 0
  /// Counts in volume. False for a C that is not printable.
  public var isPrintable: Bool = false
  @_noLocks @inlinable public init() {}
}

/// Auction collar of a reopening (J), in venue ticks; not limit-up/limit-down bands.
@frozen public struct AuctionCollar: BitwiseCopyable, Hashable, Sendable {
  public var reference: UInt32 = 0
  public var upper: UInt32 = 0
  public var lower: UInt32 = 0
  public var extensions: UInt32 = 0
  @_noLocks @inlinable public init() {}
}

/// Settings of ``ITCHMarket``, fixed at start-up.
@frozen public struct MarketDataSettings: BitwiseCopyable, Hashable, Sendable {
  public var capacity: BookCapacity
  /// A symbol's data is stale when its last message is older, in session nanoseconds. 0 switches the gate off.
  public var staleAfter: Int64
  /// The whole feed is stale when its last message is older. 0 switches the gate off.
  public var feedStaleAfter: Int64
  /// A middle further than this many parts in 10,000 from the last good one is an outlier. 0 switches the gate off.
  public var outlierParts: UInt32
  /// An outlier that stands this long in session nanoseconds is taken for the new market.
  public var outlierAcceptedAfter: Int64
  /// Bind a locate at its first A or F too, for feeds without R.
  public var bindsAtFirstAdd: Bool
  /// Take the books for whole from the first message on, for unsequenced files that start at the beginning.
  public var startsWhole: Bool

  public init(capacity: BookCapacity = .wholeDay) {
    self.capacity = capacity
    staleAfter = 60_000_000_000
    feedStaleAfter = 5_000_000_000
    outlierParts = 1_000
    outlierAcceptedAfter = 1_000_000_000
    bindsAtFirstAdd = false
    startsWhole = false
  }
}

/// Where an ITCH feed stands, its channel's part in ``QuoteChannel`` apart.
@frozen public struct FeedState: BitwiseCopyable, Hashable, Sendable {
  /// The sequence that comes next; 0 before the first sequenced record.
  public var expected: UInt64 = 0
  public var applied: UInt64 = 0
  /// Records with a sequence that had been applied already; ignored.
  public var repeated: UInt64 = 0
  /// Holes in the sequence, and how many messages they held.
  public var gaps: UInt64 = 0
  public var missing: UInt64 = 0
  /// Times that session time went backwards.
  public var backwards: UInt64 = 0
  /// Messages have been lost, whether or not a snapshot came since.
  public var hasLost: Bool = false
  /// Highest market-wide circuit-breaker level breached today, `1` to `3`, 0 for none (W).
  public var breachedLevel: UInt8 = 0
  /// Session time of the last breach: a symbol trades again when H says so after it.
  public var breachTime: Int64 = 0
  /// Circuit-breaker levels 1 to 3 at 10⁻⁸ dollars (V).
  public var breakerLevel1: UInt64 = 0
  public var breakerLevel2: UInt64 = 0
  public var breakerLevel3: UInt64 = 0
  public var directory = FeedDirectory()
  @_noLocks @inlinable public init() {}
}

/// What the feed's stock directory (R) says against what was given at start-up: each symbol is counted once.
@frozen public struct FeedDirectory: BitwiseCopyable, Hashable, Sendable {
  /// Instruments of ours that it has named.
  public var named: UInt32 = 0
  /// Symbols of its that are no instrument of ours, and the last of these.
  public var unlisted: UInt32 = 0
  public var lastUnlisted: UInt64 = 0
  /// Instruments of ours whose round lot is another one there, and the last of these.
  public var unequalLots: UInt32 = 0
  public var lastUnequalLot: UInt64 = 0
  /// The round lot that it has there.
  public var lastLot: UInt32 = 0
  @_noLocks @inlinable public init() {}
}
