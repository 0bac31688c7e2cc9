/// What the engine asks of a venue: made by the coordinator after risk has accepted, journalled as the
/// intent, then encoded by the port's gateway.
///
/// 120 bytes, no padding. The gateway needs nothing else to encode but what a venue calls an instrument: it
/// keeps no order state.
@frozen public struct VenueRequest: BitwiseCopyable, Sendable {
  @frozen public enum Kind: UInt8, BitwiseCopyable, Sendable, CaseIterable {
    case new = 1
    /// New terms: under a new reference, or, where the venue replaces in place, under the same one.
    case replace = 2
    case cancel = 3
    /// Less quantity in place, priority kept.
    case modify = 4
    case massCancel = 5
    case disableEntry = 6
    case enableEntry = 7
    /// What became of the order's requests that are unresolved? See ``VenueReport/Kind/inquiryAnswered``.
    case inquiry = 8
  }
  /// Ours; journalled before the wire.
  public var clientOrderID: ClientOrderID
  /// The port's number of this request, given by the core, rising. Cancel, modify, inquiry and what replaces in
  /// place have none of their own: here too is the reference of the incarnation that is meant.
  public var venueReference: UInt64
  /// Replace, cancel and modify: the reference of the incarnation that is meant. Inquiry: that of a replace
  /// that is unresolved, 0 without one. 0 for new.
  public var originalVenueReference: UInt64
  /// Limit price at the instrument's exponent; 0 for a market order.
  public var price: Int64
  /// New and replace: the whole intended quantity, executions of the chain included (what is to be open, where
  /// the venue does not count them: ``VenueCapabilities/quantityIsWhole``).
  /// Cancel: the new intended total, 0 to cancel all.
  public var quantity: Int64
  /// Journal sequence of the intent.
  public var intentSequence: UInt64
  /// Machine time at which the engine made it; in virtual time the network's. Older than the maximum age: not sent.
  public var createdAt: Int64
  /// Session time of the input that caused it.
  public var sessionTime: Int64
  public var order: OrderHandle
  public var instrument: InstrumentID
  public var account: AccountID
  public var strategy: StrategyID
  public var venue: VenueID
  public var port: PortID
  public var kind: Kind
  public var side: Side
  public var timeInForce: TimeInForce
  public var display: Display
  public var capacity: OrderCapacity
  /// Which of the client order's incarnations at the venue this is, from 0.
  public var incarnation: UInt8
  public var flags: OrderFlags
  /// The price's decimal exponent (−8 by default), so that a gateway can convert exactly.
  public var priceExponent: Int8
  public var quantityExponent: Int8
  var reserved0: UInt16 = 0
  var reserved1: UInt32 = 0
  var reserved2: UInt64 = 0
  var reserved3: UInt64 = 0

  public init(
    kind: Kind, port: PortID, instrument: InstrumentID, account: AccountID, strategy: StrategyID
  ) {
    clientOrderID = .none
    venueReference = 0
    originalVenueReference = 0
    price = 0
    quantity = 0
    intentSequence = 0
    createdAt = 0
    sessionTime = 0
    order = .none
    self.instrument = instrument
    self.account = account
    self.strategy = strategy
    venue = VenueID(raw: 0)
    self.port = port
    self.kind = kind
    side = .buy
    timeInForce = .day
    display = .displayed
    capacity = .principal
    incarnation = 0
    flags = .none
    priceExponent = -8
    quantityExponent = 0
  }
}
