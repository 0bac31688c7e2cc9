/// A venue as the engine is told of it at start-up. ``Engine`` knows no protocol: what a venue's reports mean
/// is decided in its gateway.
public struct VenueConfiguration: Sendable, Hashable {
  public var name: String
  public var rules: VenueRules
  public var capabilities: VenueCapabilities
  /// What executions there cost.
  public var fees: FeeSchedule
  /// The instruments that it trades; nil: all.
  public var instruments: Set<InstrumentID>?

  public init(
    name: String, rules: VenueRules = VenueRules(),
    capabilities: VenueCapabilities = VenueCapabilities(), fees: FeeSchedule = FeeSchedule(),
    instruments: Set<InstrumentID>? = nil
  ) {
    self.name = name
    self.rules = rules
    self.capabilities = capabilities
    self.fees = fees
    self.instruments = instruments
  }

  func trades(_ instrument: Int) -> Bool {
    instruments?.contains(InstrumentID(raw: UInt32(truncatingIfNeeded: instrument))) ?? true
  }
}

/// One order-entry session at a venue.
public struct PortConfiguration: Sendable, Hashable {
  public var name: String
  public var venue: VenueID
  /// Whose orders may go through it.
  public var accounts: [AccountID]
  /// Of the first request of the day.
  public var firstReference: UInt64 = 1
  /// No log-in is awaited (replays, benchmarks).
  public var isUpAtStart = false

  public init(name: String, venue: VenueID, accounts: [AccountID]) {
    self.name = name
    self.venue = venue
    self.accounts = accounts
  }
}

/// Where the orders of an account in an instrument go, in the order of preference: the first whose session is
/// ready takes them. Changes and cancels go where their order is.
public struct RouteConfiguration: Sendable, Hashable {
  public var account: AccountID
  /// nil: every instrument that has no route of its own.
  public var instrument: InstrumentID?
  public var ports: [PortID]

  public init(account: AccountID, instrument: InstrumentID? = nil, ports: [PortID]) {
    self.account = account
    self.instrument = instrument
    self.ports = ports
  }
}

/// What an execution costs by the venue's liquidity flag, per unit of quantity, by what it comes to, or the sum of both;
/// negative is a rebate. Each is rounded to the nearest 10⁻⁸ of the currency, half away from zero.
public struct FeeSchedule: Sendable, Hashable {
  /// Liquidity flag, one byte as the gateway gives it → 10⁻⁸ of the currency a whole unit.
  public var perUnit: [UInt8: Int64]
  /// Liquidity flag → 10⁻⁸ of the notional: 10,000 is a basis point.
  public var perNotional: [UInt8: Int64]
  /// A whole unit, booked with an alarm for a flag that is in neither table. Two empty tables are one price for all.
  public var unknown: Int64
  public init(
    perUnit: [UInt8: Int64] = [:], perNotional: [UInt8: Int64] = [:], unknown: Int64 = 0
  ) {
    self.perUnit = perUnit
    self.perNotional = perNotional
    self.unknown = unknown
  }
}
