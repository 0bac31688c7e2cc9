public import ExecutionCore

/// Settings of an ``OUCHGateway``. Times in nanoseconds.
@frozen public struct OUCHGatewaySettings: BitwiseCopyable, Sendable {
  public var session: SoupClientSettings
  public var port: PortID
  public var account: AccountID
  /// Midnight Eastern of the session date as nanoseconds since 1970 UTC: venue time stamps count
  /// from there.
  public var midnight: Int64
  /// Four bytes of text for mass cancels and entry switches; blanks are the account's own firm.
  public var firm: UInt32 = 0x2020_2020
  public var fuse = FuseLimits()
  /// What is set in an order's reference number where the market data shows it.
  public var bookReferenceBits: UInt64 = 1 << 63
  /// Bytes that are handed to the socket in one go.
  public var sendBytes = 16 * 1024
  /// Inquiries that may wait for the answer to an account query.
  public var inquiriesMax = 4_096

  public init(
    session: SoupClientSettings, port: PortID, account: AccountID, midnight: Int64
  ) {
    self.session = session
    self.port = port
    self.account = account
    self.midnight = midnight
  }
}

/// Why the connection is to be closed.
@frozen public enum OUCHCloseReason: BitwiseCopyable, Sendable, Equatable {
  case fault(SoupFault)
  /// `A` not authorised, `S` session not available.
  case loginRejected(UInt8)
  case endOfSession
  /// The stream has messages that an earlier client of the account caused, and its end is known now:
  /// connect again at once.
  case historyFound
  /// Logged in, and heard, but what was asked about our requests stays without an answer: nothing can be sent.
  case unanswered
}

extension OUCHCloseReason: CustomStringConvertible {
  var reconnecting: Reconnecting {
    switch self {
    case .fault, .unanswered: .later
    case .loginRejected(0x41): .notAuthorised
    case .loginRejected: .notAvailable
    case .endOfSession: .never
    case .historyFound: .atOnce
    }
  }

  public var description: String {
    switch self {
    case .fault(let fault): fault.description
    case .loginRejected(0x41):
      "SoupBinTCP log-in rejected: not authorised; check the venue's username and password"
    case .loginRejected(0x53):
      "SoupBinTCP log-in rejected: session not available; check session name and sequence"
    case .loginRejected(let reason): "SoupBinTCP log-in rejected with code \(reason)"
    case .endOfSession: "the venue has ended the session"
    case .unanswered: "the venue does not answer the account query"
    case .historyFound: "the venue's stream has a past that this client does not know"
    }
  }
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
  static func display(_ display: Display) -> UInt8 {
    switch display {
    case .displayed: 0x59
    case .hidden: 0x4e
    case .attributed: 0x41
    }
  }
  /// As ``VenueReport/display`` has it; 0 for another letter.
  static func display(_ letter: UInt8) -> UInt8 {
    switch letter {
    case 0x59: Display.displayed.rawValue &+ 1
    case 0x4e: Display.hidden.rawValue &+ 1
    case 0x41: Display.attributed.rawValue &+ 1
    default: 0
    }
  }
  static func capacity(_ capacity: OrderCapacity) -> UInt8 {
    switch capacity {
    case .principal: 0x50
    case .agency: 0x41
    case .risklessPrincipal: 0x52
    }
  }
}
