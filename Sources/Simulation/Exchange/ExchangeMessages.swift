public import ExecutionCore
public import Gateways

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
public struct AddressedEvent: BitwiseCopyable, Equatable, Sendable {
  public var account: UInt32
  public var event: OUCHResponse

  public init(account: UInt32, event: OUCHResponse) {
    self.account = account
    self.event = event
  }
}

/// References and match numbers with this bit are ours, never history's.
public let ownReferenceBit: UInt64 = 1 << 63
