public import ExecutionCore

extension VenueConfiguration {
  /// The paper broker as the engine sees it: orders change in place and keep their name, nothing is displayed but
  /// what is, everything can be asked for.
  public static func paper(
    name: String = "paper", fees: FeeSchedule = FeeSchedule(),
    instruments: Set<InstrumentID>? = nil
  ) -> VenueConfiguration {
    var rules = VenueRules()
    rules.quantities = 1...1 << 38
    // Below zero where the instrument has such prices.
    rules.prices = DecimalRange(-(1 << 40)...1 << 40, exponent: 0)
    rules.takesOddLots = false
    rules.hours = .always
    var capabilities = VenueCapabilities()
    capabilities.replacing = .inPlace
    capabilities.reducesInPlace = false
    capabilities.cancelsPart = false
    capabilities.flags = [.postOnly]
    capabilities.displays = Displays(.displayed)
    return VenueConfiguration(
      name: name, rules: rules, capabilities: capabilities, fees: fees, instruments: instruments)
  }
}

/// Settings of a ``PaperGateway``. Times in nanoseconds.
public struct PaperGatewaySettings: Sendable {
  public var port: PortID
  public var account: AccountID
  /// Up to 16 bytes each.
  public var username: String
  public var password: String
  /// A heartbeat is sent after so long without a frame; the broker is taken for dead after so long without one.
  public var heartbeatInterval: Int64 = 1_000_000_000
  public var timeout: Int64 = 15_000_000_000
  /// What changed since it was last asked for is asked for so often: a report that was never sent is found by it.
  public var sweepInterval: Int64 = 1_000_000_000
  public var fuse = FuseLimits()
  /// Bytes that are handed to the socket in one go.
  public var sendBytes = 16 * 1024
  /// Inquiries that may be under way.
  public var inquiriesMax = 1_024

  public init(port: PortID, account: AccountID, username: String, password: String) {
    self.port = port
    self.account = account
    self.username = username
    self.password = password
  }
}

/// Why the connection is to be closed.
enum PaperCloseReason: BitwiseCopyable {
  case version
  case notAuthorised
  case notAvailable
  case silence
  case malformed
  /// What was asked at the log-in stays without an answer.
  case unanswered
  /// Its account is older than what it had told.
  case forgotten

  var reconnecting: Reconnecting {
    switch self {
    case .version, .forgotten: .never
    case .notAuthorised: .notAuthorised
    case .notAvailable: .notAvailable
    case .silence, .malformed, .unanswered: .later
    }
  }
  var description: String {
    switch self {
    case .version: "the paper broker speaks another version of its protocol"
    case .forgotten:
      "the paper broker's account is older than what it has told: its file was replaced, or its disk has lost a part"
    case .notAuthorised:
      "the paper broker refuses the log-in: check the venue's user name and password"
    case .notAvailable: "the paper broker can't write its file, and takes nobody in"
    case .silence: "the paper broker has not been heard for too long"
    case .malformed: "the paper broker sent what is no frame of its protocol"
    case .unanswered: "the paper broker does not answer what it is asked at the log-in"
    }
  }
}

/// What the gateway knows of an instrument.
struct PaperListing: BitwiseCopyable {
  var symbol = Symbol.none
  var quantityExponent: Int8 = 0
  /// The product of price and quantity, times this and divided by that, is money at 10⁻⁴, for the fuse.
  var factor: Int64 = 1
  var divisor: Int64 = 1

  init() {}
  init(_ facts: InstrumentFacts) {
    symbol = facts.symbol
    quantityExponent = facts.quantityExponent
    var exponent =
      Int(facts.priceExponent) + Int(facts.quantityExponent) + Int(facts.multiplierExponent) + 4
    factor = facts.multiplier
    while exponent > 0 {
      let (next, over) = factor.multipliedReportingOverflow(by: 10)
      factor = over ? .max : next
      exponent -= 1
    }
    while exponent < 0 {
      let (next, over) = divisor.multipliedReportingOverflow(by: 10)
      if over { break }
      divisor = next
      exponent += 1
    }
  }

  /// 10⁻⁴ of the currency, rounded up; what is too large is the largest.
  func value(_ price: Int64, _ quantity: Int64) -> Int64 {
    let product = Int128(price.magnitude) &* Int128(quantity.magnitude)
    let (scaled, over) = product.multipliedReportingOverflow(by: Int128(factor))
    if over { return .max }
    let whole = scaled / Int128(divisor)
    return Int64(clamping: whole &+ (scaled % Int128(divisor) == 0 ? 0 : 1))
  }
}

/// The names of our orders: 36 characters, of which the broker is told and which it echoes.
///
/// `NT`, sixteen hexadecimal digits of our number, a dash, sixteen of the port's, and a digit that is their check.
enum PaperOrderID {
  @inline(__always) static func write(
    _ writer: WireWriter, _ offset: Int, _ order: ClientOrderID, _ reference: UInt64
  ) {
    writer.u8(offset, 0x4e)
    writer.u8(offset &+ 1, 0x54)
    for i in 0..<16 {
      let shift = UInt64(60 &- 4 &* i)
      writer.u8(offset &+ 2 &+ i, digit(order.raw &>> shift))
      writer.u8(offset &+ 19 &+ i, digit(reference &>> shift))
    }
    writer.u8(offset &+ 18, 0x2d)
    writer.u8(offset &+ 35, digit(check(order.raw, reference)))
  }

  /// nil for a name that is not of ours.
  @inline(__always) static func read(
    _ view: WireView, _ offset: Int
  ) -> (order: ClientOrderID, reference: UInt64)? {
    guard view.u8(offset) == 0x4e, view.u8(offset &+ 1) == 0x54, view.u8(offset &+ 18) == 0x2d
    else { return nil }
    var order: UInt64 = 0
    var reference: UInt64 = 0
    for i in 0..<16 {
      guard let high = value(view.u8(offset &+ 2 &+ i)),
        let low = value(view.u8(offset &+ 19 &+ i))
      else { return nil }
      order = order &<< 4 | high
      reference = reference &<< 4 | low
    }
    guard value(view.u8(offset &+ 35)) == check(order, reference) else { return nil }
    return (ClientOrderID(raw: order), reference)
  }

  private static func check(_ a: UInt64, _ b: UInt64) -> UInt64 {
    var sum = (a &* 0x9e37_79b9_7f4a_7c15) ^ (b &* 0xc2b2_ae3d_27d4_eb4f)
    sum ^= sum &>> 32
    return sum & 15
  }
  private static func digit(_ value: UInt64) -> UInt8 {
    let nibble = UInt8(truncatingIfNeeded: value & 15)
    return nibble < 10 ? 0x30 &+ nibble : 0x57 &+ nibble
  }
  private static func value(_ byte: UInt8) -> UInt64? {
    if byte >= 0x30, byte <= 0x39 { return UInt64(byte &- 0x30) }
    if byte >= 0x61, byte <= 0x66 { return UInt64(byte &- 0x57) }
    return nil
  }
}
