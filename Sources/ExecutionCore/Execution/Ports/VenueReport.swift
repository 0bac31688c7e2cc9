/// What a venue says, in the core's words: made by a gateway from the wire, applied by the engine, journalled
/// as it is. What a protocol's message *means* is decided in its gateway.
///
/// 176 bytes, no padding. Prices are at `priceExponent`; the engine, which knows the instrument, converts.
@frozen public struct VenueReport: BitwiseCopyable, Sendable {
  @frozen public enum Kind: UInt8, BitwiseCopyable, Sendable {
    case accepted = 1
    /// The request `venueReference` has taken the place of `originalVenueReference`.
    case replaced = 2
    case canceled = 3
    case executed = 4
    /// A trade break: revision of the execution with this id.
    case broken = 5
    case rejected = 6
    case cancelPending = 7
    case cancelRejected = 8
    /// Changed in place.
    case modified = 9
    case priorityUpdated = 10
    case restated = 11
    case massCancelResponse = 12
    case entryDisabled = 13
    case entryEnabled = 14
    /// The change in place was refused; the order stands as it was.
    case modifyRejected = 15
    /// Of nobody's orders: the venue's session begins or ends, and the like.
    case notice = 16

    // Answers to an inquiry: any number of the first three, then the fourth.

    /// How the order stands: `standing`, open `quantity`, `executedQuantity` of this incarnation.
    case status = 17
    /// The request never reached the venue, and won't.
    case neverArrived = 18
    /// Everything that the venue has to say of the incarnation's requests that were made before the inquiry
    /// has been said. What is still unresolved of them came to nothing.
    case settled = 19
    /// The inquiry about `venueReference` is over; `reason` is an ``InquiryOutcome``.
    case inquiryAnswered = 20

    // Of the gateway's own.

    /// The session is up, `streamSequence` is the next sequence.
    case sessionUp = 32
    /// The session is down; every unresolved request becomes unknown. `reason` is a ``SessionEnd``.
    case sessionDown = 33
    /// A request was not sent. `subject` is the request's ``VenueRequest/Kind``: a cancel names the reference
    /// of its order, so without it the engine could not tell the two apart, and releases nothing. `reason` is
    /// the ``NotSentCause``.
    case notSent = 34
    /// All that the venue had to say at log-in has been said. `venueReference`: the lowest number that it
    /// takes for a request; 0 when it does not count.
    case caughtUp = 35
    /// The message at `streamSequence` could not be decoded. `reason` is its type, 0 when it is empty.
    case undecodable = 36
  }
  /// The port's number of the request or incarnation that is spoken of.
  public var venueReference: UInt64
  /// Replaced: the reference that was replaced.
  public var originalVenueReference: UInt64
  /// Echo of our identifier, where the message has one; checked against ours. `none` elsewhere.
  public var clientOrderID: ClientOrderID
  public var price: Int64
  /// Accepted, replaced, modified, status: open quantity at the venue. Executed: this execution. Canceled:
  /// what was taken away.
  public var quantity: Int64
  /// Status: what the incarnation has executed.
  public var executedQuantity: Int64
  /// The venue's time stamp as session time (nanoseconds since 1970 UTC).
  public var venueTime: Int64
  /// Position in the port's sequenced stream of reports, dense from 1; 0 when it is not from one.
  public var streamSequence: UInt64
  /// Machine time of the receive; in virtual time the network's.
  public var receivedAt: Int64
  /// The venue's own identifier of the order.
  public var venueOrderID: VenueIdentifier
  /// Executed, broken.
  public var executionID: VenueIdentifier
  public var account: AccountID
  public var port: PortID
  public var kind: Kind
  /// ``Side/rawValue``; 0 where the message has no side.
  public var side: UInt8
  /// The venue's reason code of cancels and rejects, 0 without one.
  public var reason: UInt16
  /// The venue's liquidity flag of executions, as its fee schedule has it.
  public var liquidity: UInt8
  public var standing: VenueStanding
  public var incarnation: UInt8
  /// Decimal exponent of `price`.
  public var priceExponent: Int8
  /// ``VenueRequest/Kind`` of what is spoken of, where the kind of report does not tell; 0 elsewhere.
  public var subject: UInt8
  /// Restated: the ``Display/rawValue`` and 1; 0 where the message has none.
  public var display: UInt8
  /// The order's number in the venue's market data, where its place in the queue can be looked up; 0 without.
  public var bookReference: UInt64

  @_noLocks public init(kind: Kind, port: PortID, account: AccountID) {
    venueReference = 0
    originalVenueReference = 0
    clientOrderID = .none
    price = 0
    quantity = 0
    executedQuantity = 0
    venueTime = 0
    streamSequence = 0
    receivedAt = 0
    venueOrderID = .none
    executionID = .none
    self.account = account
    self.port = port
    self.kind = kind
    side = 0
    reason = 0
    liquidity = 0
    standing = .unsaid
    incarnation = 0
    priceExponent = -4
    subject = 0
    display = 0
    bookReference = 0
  }

  /// A request that its gateway could not send.
  #if !DEBUG
    @_noLocks
  #endif
  public init(notSent request: VenueRequest, _ cause: NotSentCause, now: Int64) {
    self.init(kind: .notSent, port: request.port, account: request.account)
    venueReference = request.venueReference
    originalVenueReference = request.originalVenueReference
    clientOrderID = request.clientOrderID
    incarnation = request.incarnation
    quantity = request.quantity
    reason = cause.rawValue
    subject = request.kind.rawValue
    receivedAt = now
  }
}

/// How an order stands at a venue, as a report has it. Never renumber: the numbers are in the journal.
@frozen public enum VenueStanding: UInt8, BitwiseCopyable, Sendable {
  /// The message does not say.
  case unsaid = 0
  case working = 1
  case filled = 2
  case canceled = 3
  case rejected = 4

  /// It is over.
  @inlinable public var isDone: Bool {
    @_noLocks get { rawValue > VenueStanding.working.rawValue }
  }
}

/// How a session ended. Never renumber.
@frozen public enum SessionEnd: UInt16, BitwiseCopyable, Sendable {
  /// The connection broke: what waits in the outbox has not left.
  case broken = 0
  /// The process is gone that had it: what its journal shows as waiting may have left.
  case processDied = 1
}

/// How an inquiry ended: three different answers. Never renumber.
@frozen public enum InquiryOutcome: UInt16, BitwiseCopyable, Sendable {
  case answered = 0
  /// There was no answer; it is asked again later.
  case failed = 1
  /// The venue can't be asked: what is unresolved stays unknown, at its worst case.
  case unsupported = 2
}
