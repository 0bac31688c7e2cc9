public import ExecutionCore

/// The 14 bytes of an OUCH ClOrdID, echoed as they came.
public struct ClOrdID: BitwiseCopyable, Hashable, Sendable {
  /// Bytes 0 to 7 in memory order.
  public var head: UInt64
  /// Bytes 8 to 13 in memory order; the top 16 bits are 0.
  public var tail: UInt64

  public init(head: UInt64 = 0x2020_2020_2020_2020, tail: UInt64 = 0x2020_2020_2020) {
    self.head = head
    self.tail = tail & 0xffff_ffff_ffff
  }
}

/// A request of one account as the matching core takes it: an OUCH 5.0 inbound message, decoded.
///
/// Prices are in the venue's ticks of 10⁻⁴ dollars. Fields that a message does not have are 0.
public struct OrderRequest: BitwiseCopyable, Hashable, Sendable {
  /// The raw value is the OUCH message type.
  public enum Kind: UInt8, BitwiseCopyable, Sendable, CaseIterable {
    case enter = 0x4F  // O
    case replace = 0x55  // U
    case cancel = 0x58  // X
    case modify = 0x4D  // M
    case massCancel = 0x43  // C
    case disableEntry = 0x44  // D
    case enableEntry = 0x45  // E
    case accountQuery = 0x51  // Q
  }
  public var kind: Kind
  /// The request's own number (enter, replace, mass cancel, disable, enable) or the order that is meant.
  public var userRefNum: UInt32 = 0
  /// Replace: the order that is replaced.
  public var originalUserRefNum: UInt32 = 0
  /// `B`, `S`, `T` (short), `E` (short exempt).
  public var side: UInt8 = 0
  /// Shares; of a cancel the new intended total.
  public var quantity: UInt32 = 0
  /// Eight padded ASCII bytes; blanks (or 0) in a mass cancel mean every symbol.
  public var symbol: UInt64 = 0
  public var price: UInt64 = 0
  /// `0` day, `3` immediate or cancel, `5` extended hours, `6` until a time, `E` after hours.
  public var timeInForce: UInt8 = 0x30
  /// `Y` displayed, `N` hidden, `A` attributable.
  public var display: UInt8 = 0x59
  public var capacity: UInt8 = 0x50
  public var interMarketSweep: UInt8 = 0x4E
  public var crossType: UInt8 = 0x4E
  public var postOnly: Bool = false
  public var minimumQuantity: UInt32 = 0
  public var firm: UInt32 = 0x2020_2020
  public var clOrdID = ClOrdID()

  public init(_ kind: Kind) { self.kind = kind }
}

/// What the exchange says to one account: an OUCH 5.0 outbound message before encoding.
///
/// Prices are in 10⁻⁴ dollars, `time` is session time (nanoseconds since 1970 UTC).
public struct OrderEvent: BitwiseCopyable, Hashable, Sendable {
  /// The raw value is the OUCH message type.
  public enum Kind: UInt8, BitwiseCopyable, Sendable, CaseIterable {
    case systemEvent = 0x53  // S
    case accepted = 0x41  // A
    case replaced = 0x55  // U
    case canceled = 0x43  // C
    case antiInternalization = 0x44  // D
    case executed = 0x45  // E
    case broken = 0x42  // B
    case rejected = 0x4A  // J
    case cancelPending = 0x50  // P
    case cancelRejected = 0x49  // I
    case priorityUpdate = 0x54  // T
    case restated = 0x52  // R
    case modified = 0x4D  // M
    case massCancelResponse = 0x58  // X
    case disableResponse = 0x47  // G
    case enableResponse = 0x4B  // K
    case accountQueryResponse = 0x51  // Q
  }
  public var kind: Kind
  public var time: Int64
  /// The order or the request; of an account query the next number that is expected.
  public var userRefNum: UInt32 = 0
  public var originalUserRefNum: UInt32 = 0
  public var side: UInt8 = 0
  /// Accepted and replaced: open shares. Executed: this execution. Canceled: what was taken away.
  public var quantity: UInt32 = 0
  public var symbol: UInt64 = 0
  public var price: UInt64 = 0
  public var timeInForce: UInt8 = 0
  public var display: UInt8 = 0
  public var capacity: UInt8 = 0
  public var interMarketSweep: UInt8 = 0
  public var crossType: UInt8 = 0
  /// `L` live, `D` dead.
  public var orderState: UInt8 = 0
  public var orderReference: UInt64 = 0
  public var matchNumber: UInt64 = 0
  /// `A` added displayed, `J` added hidden, `R` removed.
  public var liquidity: UInt8 = 0
  /// A letter (canceled, broken, restated, system event) or a number (rejected).
  public var reason: UInt16 = 0
  public var firm: UInt32 = 0x2020_2020
  public var clOrdID = ClOrdID()

  public init(_ kind: Kind, time: Int64) {
    self.kind = kind
    self.time = time
  }
}

/// Reasons of a Rejected message (OUCH 5.0, order reject reasons) that this exchange uses.
public enum RejectReason: UInt16, Sendable, CaseIterable {
  case destinationClosed = 0x0002
  case invalidDisplay = 0x0003
  case halted = 0x0007
  case invalidSide = 0x0009
  case firmNotAuthorized = 0x000C
  case other = 0x000F
  case cancelNotAllowed = 0x0010
  case invalidQuantity = 0x0013
  case replaceNotAllowed = 0x0015
  case invalidSymbol = 0x0017
  case invalidPrice = 0x001D
  case shortSellRestricted = 0x0023
}

/// Reasons of a Canceled message that this exchange uses (ASCII).
public enum CancelReason: UInt8, Sendable, CaseIterable {
  /// The regular session is over.
  case closed = 0x45  // E
  /// A post-only order would have met a displayed order.
  case postOnly = 0x47  // G
  case immediateOrCancel = 0x49  // I
  case selfMatch = 0x51  // Q
  case supervisory = 0x53  // S
  case user = 0x55  // U
  /// By the system: replace with invalid details, cancel on disconnect.
  case system = 0x5A  // Z
}

/// One message that the exchange publishes.
public struct PublishedMessage: BitwiseCopyable, Sendable {
  public var record: MarketRecord
  /// A message of history that is passed on as it came.
  public var isVerbatim: Bool

  public init(record: MarketRecord, isVerbatim: Bool) {
    self.record = record
    self.isVerbatim = isVerbatim
  }
}

/// One message for the sequenced stream of an account.
public struct AddressedEvent: BitwiseCopyable, Hashable, Sendable {
  public var account: UInt32
  public var event: OrderEvent

  public init(account: UInt32, event: OrderEvent) {
    self.account = account
    self.event = event
  }
}

/// References and match numbers with this bit are ours, never history's (EXCHANGE.md).
public let ownReferenceBit: UInt64 = 1 << 63
