/// What a venue says: made by a gateway from the wire, applied by the engine, journalled as it is.
///
/// 128 bytes, no padding. Prices and quantities are at the instrument's exponents when `isScaled`, else
/// in the venue's units; the OUCH gateway gives venue ticks (10⁻⁴) with exponent −4 and the engine,
/// which knows the instrument, converts.
@frozen public struct VenueReport: BitwiseCopyable, Sendable {
  @frozen public enum Kind: UInt8, BitwiseCopyable, Sendable {
    case accepted = 1
    case replaced = 2
    case canceled = 3
    case executed = 4
    /// A trade break: revision of the execution with this match number.
    case broken = 5
    case rejected = 6
    case cancelPending = 7
    case cancelRejected = 8
    case modified = 9
    case priorityUpdated = 10
    case restated = 11
    case massCancelResponse = 12
    case entryDisabled = 13
    case entryEnabled = 14
    /// `venueReference` is the next reference the venue expects.
    case accountQueryResponse = 15
    case systemEvent = 16
    /// Made by the gateway: the session is up, `streamSequence` is the next sequence.
    case sessionUp = 32
    /// Made by the gateway: the session is down; every unresolved request becomes unknown.
    case sessionDown = 33
    /// Made by the gateway: a request it withdrew unsent (too old, over a fuse, queue full). `reason` is the
    /// request's ``VenueRequest/Kind``: a cancel names the reference of its order, so without it the
    /// engine could not tell the two apart, and releases nothing. `orderState` is the ``NotSentCause``.
    case notSent = 34
    /// Made by the gateway: the stream has been drained up to what the venue had at log-in.
    case caughtUp = 35
    /// Made by the gateway: the message at `streamSequence` could not be decoded. `reason` is its type, 0
    /// when it is empty.
    case undecodable = 36
  }
  /// Venue's counter of the request or incarnation that is spoken of (OUCH UserRefNum).
  public var venueReference: UInt64
  /// Replaced: the reference that was replaced.
  public var originalVenueReference: UInt64
  /// Echo of ClOrdID, where the message has one; checked against ours. `none` elsewhere.
  public var clientOrderID: ClientOrderID
  /// The venue's own order number.
  public var venueOrderNumber: UInt64
  /// Executed, broken: the match number.
  public var matchNumber: UInt64
  public var price: Int64
  /// Accepted and replaced: open quantity at the venue. Executed: this execution. Canceled: what was taken away.
  public var quantity: Int64
  /// The venue's time stamp as session time (nanoseconds since 1970 UTC).
  public var venueTime: Int64
  /// Position in the venue's sequenced stream (SoupBinTCP); 0 when it is not from the stream.
  public var streamSequence: UInt64
  /// Machine time of the receive; 0 in virtual time.
  public var receivedAt: Int64
  public var symbol: UInt64
  public var account: AccountID
  public var venue: UInt16
  public var kind: Kind
  /// ``Side/rawValue``; 0 where the message has no side.
  public var side: UInt8
  /// Reason code of cancels and rejects (OUCH: an ASCII letter, or a number for rejects), event code of system events.
  public var reason: UInt16
  /// Liquidity flag of executions (OUCH ASCII letter).
  public var liquidity: UInt8
  /// OUCH order state of accepted and replaced: `L` live, `D` dead.
  public var orderState: UInt8
  public var incarnation: UInt8
  /// Decimal exponent of `price`.
  public var priceExponent: Int8
  /// The venue's letter (OUCH: `0` day, `3` immediate or cancel); 0 where there is none.
  public var timeInForce: UInt8
  public var display: UInt8
  var reserved0: UInt64 = 0
  var reserved1: UInt64 = 0
  var reserved2: UInt64 = 0

  @_noLocks public init(kind: Kind, venue: UInt16, account: AccountID) {
    venueReference = 0
    originalVenueReference = 0
    clientOrderID = .none
    venueOrderNumber = 0
    matchNumber = 0
    price = 0
    quantity = 0
    venueTime = 0
    streamSequence = 0
    receivedAt = 0
    symbol = 0
    self.account = account
    self.venue = venue
    self.kind = kind
    side = 0
    reason = 0
    liquidity = 0
    orderState = 0
    incarnation = 0
    priceExponent = -4
    timeInForce = 0
    display = 0
  }
}
