public import ExecutionCore

/// Settings of an ``OUCHGateway``. Times in nanoseconds.
@frozen public struct OUCHGatewaySettings: BitwiseCopyable, Sendable {
  public var session: SoupClientSettings
  public var venue: UInt16
  public var account: AccountID
  /// Midnight Eastern of the session date as nanoseconds since 1970 UTC: venue time stamps count
  /// from there.
  public var midnight: Int64
  /// Four bytes of text for mass cancels and entry switches; blanks are the account's own firm.
  public var firm: UInt32 = 0x2020_2020
  public var fuse = FuseLimits()
  /// A new order or replace that waited longer is withdrawn, not sent late. Counted from
  /// `VenueRequest.createdAt`; requests without that time (virtual time) are never too old. 0: off.
  public var ageMax: Int64 = 1_000_000
  /// Cancels and session packets that may wait.
  public var urgentPackets: Int = 4_096
  /// New orders, replaces and modifies that may wait.
  public var ordinaryPackets: Int = 1_024

  public init(
    session: SoupClientSettings, venue: UInt16, account: AccountID, midnight: Int64
  ) {
    self.session = session
    self.venue = venue
    self.account = account
    self.midnight = midnight
  }
}

/// Why the connection is to be closed. After it: `disconnected`, and a new connection when it makes
/// sense (not after `endOfSession`, and after `loginRejected` only with other settings).
@frozen public enum OUCHCloseReason: BitwiseCopyable, Sendable, Equatable {
  case fault(SoupFault)
  /// `A` not authorised, `S` session not available.
  case loginRejected(UInt8)
  case endOfSession
  /// The stream has messages that an earlier client of the account caused, and its end is known now:
  /// connect again at once.
  case historyFound
}

extension OUCHCloseReason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .fault(let fault): fault.description
    case .loginRejected(0x41):
      "SoupBinTCP log-in rejected: not authorised; check user name and password"
    case .loginRejected(0x53):
      "SoupBinTCP log-in rejected: session not available; check session name and sequence"
    case .loginRejected(let reason): "SoupBinTCP log-in rejected with code \(reason)"
    case .endOfSession: "the venue has ended the session"
    case .historyFound: "the venue's stream has a past that this client does not know"
    }
  }
}

/// Counters of an ``OUCHGateway``.
@frozen public struct OUCHGatewayCounters: BitwiseCopyable, Sendable, Equatable {
  public var encoded: UInt64 = 0
  public var notSent: UInt64 = 0
  public var bytesSent: UInt64 = 0
  public var messages: UInt64 = 0
  /// Messages of a type we do not know, or too short for their type: an alarm.
  public var undecodable: UInt64 = 0
  /// Messages whose fixed part was good and whose appendage was not.
  public var badAppendages: UInt64 = 0
  public var skippedOptions: UInt64 = 0
  /// Echoed ClOrdIDs that are not of our form.
  public var foreignClOrdIDs: UInt64 = 0
  public var sessionsUp: UInt64 = 0

  public init() {}
}

/// Exact conversions between the core's numbers and the venue's.
enum OUCHConvert {
  enum Price: BitwiseCopyable { case ticks(UInt64), notExact, outOfRange }

  /// A price at a decimal exponent as ticks of 10⁻⁴.
  static func price(_ mantissa: Int64, exponent: Int8) -> Price {
    guard mantissa > 0 else { return .outOfRange }
    if exponent == -8 {
      let (ticks, rest) = UInt64(mantissa).quotientAndRemainder(dividingBy: 10_000)
      guard rest == 0 else { return .notExact }
      return ticks <= OUCHLimits.priceMax ? .ticks(ticks) : .outOfRange
    }
    var ticks = UInt64(mantissa)
    var shift = Int(exponent) &+ 4
    while shift < 0 {
      guard ticks % 10 == 0 else { return .notExact }
      ticks /= 10
      shift &+= 1
    }
    while shift > 0 {
      ticks &*= 10
      guard ticks <= OUCHLimits.priceMax else { return .outOfRange }
      shift &-= 1
    }
    return ticks <= OUCHLimits.priceMax ? .ticks(ticks) : .outOfRange
  }
  /// A quantity at a decimal exponent as shares; nil when it is not a whole, non-negative number.
  static func quantity(_ mantissa: Int64, exponent: Int8) -> UInt64? {
    guard mantissa >= 0 else { return nil }
    var shares = UInt64(mantissa)
    var shift = Int(exponent)
    while shift < 0 {
      guard shares % 10 == 0 else { return nil }
      shares /= 10
      shift &+= 1
    }
    while shift > 0 {
      // Beyond the venue's largest it does not matter by how much.
      if shares > UInt64(OUCHLimits.quantityMax) { return shares }
      shares &*= 10
      shift &-= 1
    }
    return shares
  }
  static func side(_ side: Side) -> UInt8 {
    switch side {
    case .buy: 0x42
    case .sell: 0x53
    case .sellShort: 0x54
    case .sellShortExempt: 0x45
    }
  }
  /// The core's number of a side letter; 0 when it is none.
  static func side(_ letter: UInt8) -> UInt8 {
    switch letter {
    case 0x42: Side.buy.rawValue
    case 0x53: Side.sell.rawValue
    case 0x54: Side.sellShort.rawValue
    case 0x45: Side.sellShortExempt.rawValue
    default: 0
    }
  }
}
