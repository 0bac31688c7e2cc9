/// What a venue said, as its gateway gave it. 176 bytes.
///
/// The fields are ``VenueReport``'s; see there what they mean.
@frozen public struct ReportRecord: BitwiseCopyable, Sendable {
  public var venueReference: UInt64
  public var originalVenueReference: UInt64
  public var clientOrderID: ClientOrderID
  public var price: Int64
  public var quantity: Int64
  public var executedQuantity: Int64
  public var venueTime: Int64
  public var streamSequence: UInt64
  public var receivedAt: Int64
  public var venueOrderID: VenueIdentifier
  public var executionID: VenueIdentifier
  public var account: AccountID
  public var port: PortID
  /// ``VenueReport/Kind``.
  public var kind: UInt8
  public var side: UInt8
  public var reason: UInt16
  public var liquidity: UInt8
  /// ``VenueStanding``.
  public var standing: UInt8
  public var incarnation: UInt8
  public var priceExponent: Int8
  public var subject: UInt8
  public var display: UInt8
  public var bookReference: UInt64

  @inline(__always) public init(_ r: VenueReport) {
    venueReference = r.venueReference
    originalVenueReference = r.originalVenueReference
    clientOrderID = r.clientOrderID
    price = r.price
    quantity = r.quantity
    executedQuantity = r.executedQuantity
    venueTime = r.venueTime
    streamSequence = r.streamSequence
    receivedAt = r.receivedAt
    venueOrderID = r.venueOrderID
    executionID = r.executionID
    account = r.account
    port = r.port
    kind = r.kind.rawValue
    side = r.side
    reason = r.reason
    liquidity = r.liquidity
    standing = r.standing.rawValue
    incarnation = r.incarnation
    priceExponent = r.priceExponent
    subject = r.subject
    display = r.display
    bookReference = r.bookReference
  }

  /// As the gateway made it; nil when a number means nothing to this build.
  public var report: VenueReport? {
    guard let kind = VenueReport.Kind(rawValue: kind),
      let standing = VenueStanding(rawValue: standing)
    else { return nil }
    var r = VenueReport(kind: kind, port: port, account: account)
    r.venueReference = venueReference
    r.originalVenueReference = originalVenueReference
    r.clientOrderID = clientOrderID
    r.price = price
    r.quantity = quantity
    r.executedQuantity = executedQuantity
    r.venueTime = venueTime
    r.streamSequence = streamSequence
    r.receivedAt = receivedAt
    r.venueOrderID = venueOrderID
    r.executionID = executionID
    r.side = side
    r.reason = reason
    r.liquidity = liquidity
    r.standing = standing
    r.incarnation = incarnation
    r.priceExponent = priceExponent
    r.subject = subject
    r.display = display
    r.bookReference = bookReference
    return r
  }
}
