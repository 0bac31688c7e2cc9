/// A request before it goes to the wire, with the quote that was seen. 160 bytes.
///
/// The fields are ``VenueRequest``'s; see there what they mean.
@frozen public struct IntentRecord: BitwiseCopyable, Sendable {
  public var clientOrderID: ClientOrderID
  public var venueReference: UInt64
  public var originalVenueReference: UInt64
  public var price: Int64
  public var quantity: Int64
  /// The record's own sequence.
  public var intentSequence: UInt64
  public var createdAt: Int64
  public var sessionTime: Int64
  public var order: OrderHandle
  public var instrument: InstrumentID
  public var account: AccountID
  public var strategy: StrategyID
  public var venue: VenueID
  public var port: PortID
  /// ``VenueRequest/Kind``, then ``Side``, ``TimeInForce``, ``Display``, ``OrderCapacity``.
  public var kind: UInt8
  public var side: UInt8
  public var timeInForce: UInt8
  public var display: UInt8
  public var capacity: UInt8
  public var incarnation: UInt8
  /// ``OrderFlags``.
  public var flags: UInt16
  public var priceExponent: Int8
  public var quantityExponent: Int8
  public var reserved0: UInt16 = 0
  /// ``Engine/limitsVersion`` that it was decided with.
  public var limitsVersion: UInt32
  public var reserved2: UInt64 = 0
  public var reserved3: UInt64 = 0
  public var quote: QuoteWords
  /// ``FeedPosition/cause`` of the last market record applied.
  public var feedPosition: UInt64

  public init(request r: VenueRequest, limitsVersion: UInt32, quote: Quote, feedPosition: UInt64) {
    self.limitsVersion = limitsVersion
    clientOrderID = r.clientOrderID
    venueReference = r.venueReference
    originalVenueReference = r.originalVenueReference
    price = r.price
    quantity = r.quantity
    intentSequence = r.intentSequence
    createdAt = r.createdAt
    sessionTime = r.sessionTime
    order = r.order
    instrument = r.instrument
    account = r.account
    strategy = r.strategy
    venue = r.venue
    port = r.port
    kind = r.kind.rawValue
    side = r.side.rawValue
    timeInForce = r.timeInForce.rawValue
    display = r.display.rawValue
    capacity = r.capacity.rawValue
    incarnation = r.incarnation
    flags = r.flags.rawValue
    priceExponent = r.priceExponent
    quantityExponent = r.quantityExponent
    self.quote = QuoteWords(quote)
    self.feedPosition = feedPosition
  }

  /// As the engine made it; nil when a number means nothing to this build.
  public var request: VenueRequest? {
    guard let kind = VenueRequest.Kind(rawValue: kind), let side = Side(rawValue: side),
      let timeInForce = TimeInForce(rawValue: timeInForce),
      let display = Display(rawValue: display), let capacity = OrderCapacity(rawValue: capacity)
    else { return nil }
    var r = VenueRequest(
      kind: kind, port: port, instrument: instrument, account: account, strategy: strategy)
    r.clientOrderID = clientOrderID
    r.venueReference = venueReference
    r.originalVenueReference = originalVenueReference
    r.price = price
    r.quantity = quantity
    r.intentSequence = intentSequence
    r.createdAt = createdAt
    r.sessionTime = sessionTime
    r.order = order
    r.venue = venue
    r.side = side
    r.timeInForce = timeInForce
    r.display = display
    r.capacity = capacity
    r.incarnation = incarnation
    r.flags = OrderFlags(rawValue: flags)
    r.priceExponent = priceExponent
    r.quantityExponent = quantityExponent
    return r
  }
}

/// What became of a request that waited for the wire: handed over, or withdrawn. 16 bytes.
@frozen public struct RequestFateRecord: BitwiseCopyable, Sendable {
  public var venueReference: UInt64
  public var port: PortID
  /// ``NotSentCause`` of a withdrawal, else 0.
  public var cause: UInt16
  /// ``VenueRequest/Kind``: a cancel names the reference of its order.
  public var kind: UInt8
  public var reserved0: UInt8 = 0
  public var reserved1: UInt16 = 0
  public init(_ kind: VenueRequest.Kind, _ reference: UInt64, port: PortID, cause: UInt16 = 0) {
    venueReference = reference
    self.port = port
    self.cause = cause
    self.kind = kind.rawValue
  }
}

/// An order that something was noted of: that its request is late, or that a cancel is wanted. 16 bytes.
@frozen public struct OrderNoteRecord: BitwiseCopyable, Sendable {
  public var clientOrderID: ClientOrderID
  public var order: OrderHandle
  public init(_ clientOrderID: ClientOrderID, _ order: OrderHandle) {
    self.clientOrderID = clientOrderID
    self.order = order
  }
}
