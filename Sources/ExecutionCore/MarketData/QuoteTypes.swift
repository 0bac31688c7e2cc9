/// Whether an instrument trades, in the words of all venues. Only ``trading`` lets a new order pass.
///
/// The raw values lie in journals.
@frozen public enum MarketStatus: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// Never said, or said in a word that is not known: risk refuses.
  case unknown = 0
  case preOpen = 1
  case auction = 2
  case trading = 3
  /// For a moment, as by a volatility rule: it goes on by itself.
  case paused = 4
  case halted = 5
  /// Quotes are taken, and nothing trades.
  case quotationOnly = 6
  case closed = 7

  public var isTrading: Bool {
    @_noLocks get {
      switch self {
      case .trading: true
      default: false
      }
    }
  }
  /// As ``init(rawValue:)``, for hot code.
  @_noLocks init?(code: UInt8) {
    switch code {
    case 0: self = .unknown
    case 1: self = .preOpen
    case 2: self = .auction
    case 3: self = .trading
    case 4: self = .paused
    case 5: self = .halted
    case 6: self = .quotationOnly
    case 7: self = .closed
    default: return nil
    }
  }
  /// The raw value, for hot code.
  var code: UInt8 {
    @_noLocks get {
      switch self {
      case .unknown: 0
      case .preOpen: 1
      case .auction: 2
      case .trading: 3
      case .paused: 4
      case .halted: 5
      case .quotationOnly: 6
      case .closed: 7
      }
    }
  }
}

/// What a short sale of an instrument must hold to. The raw values lie in journals.
@frozen public enum ShortSaleRule: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// Never said, or said in a word that is not known: risk refuses short sales.
  case unknown = 0
  case unrestricted = 1
  /// Above the best bid only, since a fall of today (Regulation SHO, rule 201).
  case restricted = 2
  /// As ``restricted``, since a fall of the day before.
  case remainsRestricted = 3

  var isUnrestricted: Bool {
    @_noLocks get {
      switch self {
      case .unrestricted: true
      default: false
      }
    }
  }
  /// The raw value, for hot code.
  var code: UInt8 {
    @_noLocks get {
      switch self {
      case .unknown: 0
      case .unrestricted: 1
      case .restricted: 2
      case .remainsRestricted: 3
      }
    }
  }
}

/// Where the trading day of a feed's market stands. The raw values lie in journals.
@frozen public enum MarketHours: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  case unknown = 0
  case preOpen = 1
  case open = 2
  case closed = 3

  public var isOpen: Bool {
    @_noLocks get {
      switch self {
      case .open: true
      default: false
      }
    }
  }
  /// The raw value, for hot code.
  var code: UInt8 {
    @_noLocks get {
      switch self {
      case .unknown: 0
      case .preOpen: 1
      case .open: 2
      case .closed: 3
      }
    }
  }
}

/// Reasons not to trust a quote. Empty when it passed all gates.
@frozen public struct QualityGates: OptionSet, BitwiseCopyable, Hashable, Sendable {
  public var rawValue: UInt8
  @_noLocks @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// No flag; the set's own operations are concrete here, so that hot code may use them.
  @inlinable public static var empty: QualityGates { @_noLocks get { QualityGates(rawValue: 0) } }
  @inlinable public var isEmpty: Bool { @_noLocks get { rawValue == 0 } }
  @_noLocks @inlinable public func contains(_ flags: QualityGates) -> Bool {
    rawValue & flags.rawValue == flags.rawValue
  }
  @_noLocks @inlinable public func union(_ flags: QualityGates) -> QualityGates {
    QualityGates(rawValue: rawValue | flags.rawValue)
  }
  @_noLocks @inlinable public mutating func formUnion(_ flags: QualityGates) {
    rawValue |= flags.rawValue
  }
  @_noLocks @inlinable public mutating func subtract(_ flags: QualityGates) {
    rawValue &= ~flags.rawValue
  }
  /// The feed has a hole that is not repaired, or the book is not whole for another reason.
  @inlinable public static var gap: QualityGates { @_noLocks get { QualityGates(rawValue: 1) } }
  /// Older than the configured age, by session time.
  @inlinable public static var stale: QualityGates { @_noLocks get { QualityGates(rawValue: 2) } }
  /// Best bid above best offer.
  @inlinable public static var crossed: QualityGates { @_noLocks get { QualityGates(rawValue: 4) } }
  /// Best bid equal to best offer.
  @inlinable public static var locked: QualityGates { @_noLocks get { QualityGates(rawValue: 8) } }
  /// The middle moved further from the last good one than configured.
  @inlinable public static var outlier: QualityGates {
    @_noLocks get { QualityGates(rawValue: 16) }
  }
  /// A side is empty.
  @inlinable public static var oneSided: QualityGates {
    @_noLocks get { QualityGates(rawValue: 32) }
  }
}

/// The last quote that passed every gate, at the instrument's exponents.
@frozen public struct GoodQuote: BitwiseCopyable, Hashable, Sendable {
  public var bid: Price
  public var ask: Price
  /// Session time at which it became so; 0 when there never was one.
  public var time: Int64
  /// It is the present quote, which fails no gate now.
  public var isCurrent: Bool
  @inlinable public var isKnown: Bool { time != 0 }

  @_noLocks @inlinable public init(bid: Price, ask: Price, time: Int64, isCurrent: Bool) {
    self.bid = bid
    self.ask = ask
    self.time = time
    self.isCurrent = isCurrent
  }
}

/// The last print that counts in the volume, at the instrument's exponents.
@frozen public struct LastTrade: BitwiseCopyable, Hashable, Sendable {
  public var price: Price
  public var quantity: Quantity
  /// Session time.
  public var time: Int64

  @_noLocks @inlinable public init(price: Price, quantity: Quantity, time: Int64) {
    self.price = price
    self.quantity = quantity
    self.time = time
  }
}

/// One feed, as far as it bears on all of its instruments at once.
///
/// Books are whole from the start of the day, or a snapshot, until messages are lost. While a hole is being
/// repaired, and while a snapshot is loaded, none is whole.
@frozen public struct QuoteChannel: BitwiseCopyable, Hashable, Sendable {
  /// Session time of the feed's last message; 0 before the first.
  public internal(set) var lastTime: Int64 = 0
  public private(set) var hours = MarketHours.unknown
  /// Nothing is lost: every book is whole, unless one of its own has been dropped.
  public private(set) var isWhole = false
  /// A hole is known and its re-request is under way.
  public private(set) var gapPending = false
  /// That repair has taken longer than strategies are to bear: they withdraw.
  public private(set) var repairIsLate = false
  /// A snapshot is being loaded.
  public private(set) var isLoading = false
  /// What comes now was sent too long ago: the books are true, of a moment that is over.
  public private(set) var isLate = false
  /// Market hours, and the books can be believed: most checks need to know no more.
  private(set) var isOpenAndWhole = false

  @_noLocks init() {}

  @_noLocks mutating func set(hours: MarketHours) {
    self.hours = hours
    sumUp()
  }
  /// Nothing is missing, by whatever means.
  @_noLocks mutating func becomeWhole() {
    isWhole = true
    sumUp()
  }
  /// Messages are lost for good.
  @_noLocks mutating func lose() {
    isWhole = false
    gapPending = false
    sumUp()
  }
  @_noLocks mutating func openGap() {
    gapPending = true
    repairIsLate = false
    sumUp()
  }
  @_noLocks mutating func closeGap() {
    gapPending = false
    sumUp()
  }
  @_noLocks mutating func findRepairLate() { repairIsLate = true }
  @_noLocks mutating func set(late: Bool) {
    isLate = late
    sumUp()
  }
  @_noLocks mutating func beginLoading() {
    isLoading = true
    sumUp()
  }
  @_noLocks mutating func endLoading() {
    isLoading = false
    gapPending = false
    isWhole = true
    sumUp()
  }

  @_noLocks private mutating func sumUp() {
    isOpenAndWhole = canBeBelieved && !gapPending && !isLate && hours.isOpen
  }
  /// What is written now is true, though messages behind it may be missing.
  var canBeBelieved: Bool { @_noLocks @inline(__always) get { isWhole && !isLoading } }
}
