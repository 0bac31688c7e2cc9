/// What the engine asks of a venue: made by the coordinator after risk has accepted, journalled as the
/// intent, then encoded by a gateway.
///
/// 128 bytes, no padding. The gateway needs nothing else to encode: it keeps no order state.
@frozen public struct VenueRequest: BitwiseCopyable, Sendable {
  @frozen public enum Kind: UInt8, BitwiseCopyable, Sendable {
    case new = 1
    case replace = 2
    case cancel = 3
    /// Change in place (OUCH M): side or a smaller quantity, priority kept.
    case modify = 4
    case massCancel = 5
    case disableEntry = 6
    case enableEntry = 7
    case accountQuery = 8
  }
  /// Ours; journalled before the wire.
  public var clientOrderID: ClientOrderID
  /// The venue's counter for this request (OUCH UserRefNum), given by the core. Cancel and modify have
  /// none of their own: here too is the reference of the incarnation that is meant.
  public var venueReference: UInt64
  /// For replace, cancel and modify: the reference of the incarnation that is meant. 0 for new.
  public var originalVenueReference: UInt64
  /// Limit price at the instrument's exponent; 0 with `isMarket`.
  public var price: Int64
  /// New and replace: the whole intended quantity, executions of the chain included.
  /// Cancel: the new intended total, 0 to cancel all (EXCHANGE.md).
  public var quantity: Int64
  /// Eight padded ASCII bytes as the wire has them.
  public var symbol: UInt64
  /// Journal sequence of the intent.
  public var intentSequence: UInt64
  /// Machine time at which the engine made it; 0 in virtual time. Older than the maximum age: not sent.
  public var createdAt: Int64
  /// Session time of the input that caused it.
  public var sessionTime: Int64
  public var order: OrderHandle
  public var instrument: InstrumentID
  public var account: AccountID
  public var strategy: StrategyID
  public var venue: UInt16
  public var kind: Kind
  public var side: Side
  public var timeInForce: TimeInForce
  /// OUCH display: `Y` displayed, `N` hidden, `A` attributable.
  public var display: UInt8
  /// OUCH capacity: `A` agency, `P` principal, `R` riskless.
  public var capacity: UInt8
  /// Which of the client order's incarnations at the broker this is, from 0.
  public var incarnation: UInt8
  /// Bit 0: post only. Bit 1: inter-market sweep. Bit 2: market order. Bit 3: reducing.
  public var flags: UInt16
  /// The price's decimal exponent (−8 by default), so that a gateway can convert exactly.
  public var priceExponent: Int8
  public var quantityExponent: Int8
  var reserved0: UInt32 = 0
  var reserved3: UInt32 = 0
  var reserved1: UInt64 = 0
  var reserved2: UInt64 = 0

  public init(kind: Kind, instrument: InstrumentID, account: AccountID, strategy: StrategyID) {
    clientOrderID = .none
    venueReference = 0
    originalVenueReference = 0
    price = 0
    quantity = 0
    symbol = 0
    intentSequence = 0
    createdAt = 0
    sessionTime = 0
    order = .none
    self.instrument = instrument
    self.account = account
    self.strategy = strategy
    venue = 0
    self.kind = kind
    side = .buy
    timeInForce = .day
    display = UInt8(ascii: "Y")
    capacity = UInt8(ascii: "P")
    incarnation = 0
    flags = 0
    priceExponent = -8
    quantityExponent = 0
  }
}
