/// Limits of one scope. nil: this scope sets none; the firm must set every one. The strictest wins.
public struct RiskLimits: Sendable, Hashable {
  /// Largest quantity of one order. Of firm, account and strategy in whole units (shares, contracts, coins), whatever
  /// the instrument; of an instrument at its quantity exponent.
  public var orderQuantity: Int64?
  /// Largest price × quantity of one order.
  public var orderNotional: Money?
  /// Largest absolute position in one instrument, open orders at worst case included; in the unit of
  /// ``orderQuantity``.
  public var position: Int64?
  public var openOrders: Int?
  public var messageRate: MessageRate?

  public init(
    orderQuantity: Int64? = nil, orderNotional: Money? = nil, position: Int64? = nil,
    openOrders: Int? = nil, messageRate: MessageRate? = nil
  ) {
    self.orderQuantity = orderQuantity
    self.orderNotional = orderNotional
    self.position = position
    self.openOrders = openOrders
    self.messageRate = messageRate
  }

  /// Small enough to hurt nobody, large enough to trade a test market.
  public static var firmDefault: RiskLimits {
    RiskLimits(
      orderQuantity: 10_000, orderNotional: Money(raw: 5_000_000 * 100_000_000), position: 50_000,
      openOrders: 1_000,
      messageRate: MessageRate(perSecond: 10_000, burst: 2_000, keptForCancels: 500))
  }
}

/// A token bucket in session time: requests a second, the bucket's size, and the part of it that only
/// cancels may use.
public struct MessageRate: Sendable, Hashable {
  public var perSecond: Int
  public var burst: Int
  public var keptForCancels: Int
  public init(perSecond: Int, burst: Int, keptForCancels: Int) {
    self.perSecond = perSecond
    self.burst = burst
    self.keptForCancels = keptForCancels
  }
}

/// A price band around a reference: the wider of a share of the reference and an absolute width, for
/// prices near or below zero. Both 0: every order is refused.
public struct PriceCollar: Sendable, Hashable {
  /// Hundredths of a percent.
  public var basisPoints: Int64
  /// At the instrument's price exponent.
  public var absolute: Int64
  public init(basisPoints: Int64, absolute: Int64 = 0) {
    self.basisPoints = basisPoints
    self.absolute = absolute
  }
}

/// Where market data comes from: a feed is a channel of ``Quotes``, with a sequence and a wholeness of its own.
public struct FeedConfiguration: Sendable, Hashable {
  /// How its messages make a quote. Never renumber: the numbers are in the journal.
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// Order by order (``ITCHMarket``). There is one at most.
    case orders = 1
    /// ``FeedRecord``s: books by price, or quotes without a book (``PriceBooks``).
    case prices = 2
  }
  public var name: String
  public var kind: Kind
  /// The instruments whose quotes it makes; nil: those that no other feed has.
  public var instruments: Set<InstrumentID>?
  /// Of a market that never says so itself: open, for one that never closes. A feed of orders says it.
  public var hours: MarketHours
  /// Prices: the most levels kept of each side of a book. Those further from the touch are left away.
  public var levelsMax: Int

  public init(
    name: String, kind: Kind, instruments: Set<InstrumentID>? = nil,
    hours: MarketHours = .unknown, levelsMax: Int = 1_024
  ) {
    self.name = name
    self.kind = kind
    self.instruments = instruments
    self.hours = hours
    self.levelsMax = levelsMax
  }
}

public struct AccountConfiguration: Sendable, Hashable {
  public var name: String
  public var limits: RiskLimits
  /// Opening cash.
  public var cash: Money
  /// In which its orders are sent.
  public var capacity = OrderCapacity.principal
  public init(name: String, limits: RiskLimits = RiskLimits(), cash: Money = .zero) {
    self.name = name
    self.limits = limits
    self.cash = cash
  }
}

public struct StrategyConfiguration: Sendable, Hashable {
  public var name: String
  /// The only account it may trade for.
  public var account: AccountID
  public var limits: RiskLimits
  public init(name: String, account: AccountID, limits: RiskLimits = RiskLimits()) {
    self.name = name
    self.account = account
    self.limits = limits
  }
}

/// A position carried in from before.
public struct OpeningPosition: Sendable, Hashable {
  public var account: AccountID
  public var strategy: StrategyID
  public var instrument: InstrumentID
  public var quantity: Int64
  /// Where it is held.
  public var venue = VenueID(raw: 0)
  /// What it cost in all: positive for long, negative (received) for short.
  public var cost: Money
  public init(
    account: AccountID, strategy: StrategyID, instrument: InstrumentID, quantity: Int64, cost: Money
  ) {
    self.account = account
    self.strategy = strategy
    self.instrument = instrument
    self.quantity = quantity
    self.cost = cost
  }
}

/// What the engine's memory is to be made of, as far as the machine has it.
public struct EngineMemory: Sendable, Hashable {
  /// -1: wherever.
  public var numaNode: Int32
  public var hugePages: Bool
  /// In main memory for good.
  public var isLocked: Bool
  public init(numaNode: Int32 = -1, hugePages: Bool = false, isLocked: Bool = false) {
    self.numaNode = numaNode
    self.hugePages = hugePages
    self.isLocked = isLocked
  }
}

/// Everything the engine is told before the day begins. Start-up only: plain Swift, may allocate.
public struct EngineConfiguration: Sendable {
  public var instruments: [InstrumentFacts]
  public var accounts: [AccountConfiguration]
  public var strategies: [StrategyConfiguration]
  public var venues: [VenueConfiguration]
  /// Their places are the numbers of their channels.
  public var feeds = [FeedConfiguration(name: "feed", kind: .orders)]
  /// To begin with, one for each venue and account.
  public var ports: [PortConfiguration]
  /// For accounts and instruments without one: the ports that serve the account and whose venue trades the
  /// instrument, in their order, the first four of them.
  public var routes: [RouteConfiguration] = []
  public var openingPositions: [OpeningPosition] = []
  public var firmLimits = RiskLimits.firmDefault
  /// By instrument; missing or nil entries set none.
  public var instrumentLimits: [InstrumentID: RiskLimits] = [:]
  /// Restricted at the start; reducing orders pass.
  public var restricted: Set<InstrumentID> = []

  /// Around the previous close, and around the middle of the last good quote.
  public var staticCollar = PriceCollar(basisPoints: 2_000)
  public var dynamicCollar = PriceCollar(basisPoints: 500, absolute: 0)
  /// Oldest market data that an order may stand on, in session nanoseconds.
  public var dataAgeMax: Int64 = 5_000_000_000
  /// How long a symbol's last good quote may be kept while its present one is one-sided, crossed or bad.
  public var goodQuoteAgeMax: Int64 = 5_000_000_000
  /// Two orders alike in account, instrument, side, price and quantity within this many session
  /// nanoseconds are one too many; 0 switches the check off.
  public var duplicateWindow: Int64 = 1_000_000
  /// How many alike are let through in the window.
  public var duplicatesMax = 1
  /// Session time without the venue's answer after which a request is *unknown*; 0: never.
  public var acknowledgeTimeout: Int64 = 0
  /// What makes one port's reports doubtful (a gap of its stream, a report that can't be read, or of an order that
  /// is in no book) stops the firm, not that port alone.
  public var portLatchesFirm = false
  /// What stopped the last run with the same books, at whatever scope, and nobody has cleared: it stops the firm.
  public var standingCauses = LatchCauses()
  /// Oldest new order or replace that may still be handed to the wire, in machine nanoseconds.
  public var outboxAgeMax: Int64 = 1_000_000
  /// The state's hash is journalled when so many records have been since the last; 0: never for that.
  public var stateHashRecords: UInt64 = 0
  /// And when so much session time has passed since; 0: never for that.
  public var stateHashInterval: Int64 = 1_000_000_000
  /// For people who read the journal.
  public var origin = SessionOrigin()

  /// Year × 10,000 + month × 100 + day.
  public var tradingDay: UInt32 = 0
  /// High-water mark.
  public var firstClientOrderID: UInt64 = 1

  // Sizes. Everything is taken from one arena at start-up.
  public var poolCapacity = 4_096
  /// New orders and replaces of the day, for each port: its references.
  public var ordersPerDayMax = 1 << 20
  public var executionsMax = 1 << 17
  public var outboxCapacity = 1_024
  public var timersMax = 256
  /// Capacity of the books, and the gates that make data too old, crossed or an outlier.
  public var marketData = MarketDataSettings(capacity: .small)
  public var memory = EngineMemory()

  public init(
    instruments: [InstrumentFacts], accounts: [AccountConfiguration],
    strategies: [StrategyConfiguration], venues: [VenueConfiguration]
  ) {
    self.instruments = instruments
    self.accounts = accounts
    self.strategies = strategies
    self.venues = venues
    ports = venues.indices.flatMap { v in
      accounts.indices.map { a in
        PortConfiguration(
          name: "\(venues[v].name)-\(accounts[a].name)", venue: VenueID(raw: UInt16(clamping: v)),
          accounts: [AccountID(raw: UInt32(clamping: a))])
      }
    }
  }

  /// No log-in is awaited at any port (replays, benchmarks).
  public mutating func beginWithPortsUp() {
    for i in ports.indices { ports[i].isUpAtStart = true }
  }

  /// The channel of the feed that makes each instrument's quotes, by instrument; nil for one without any.
  func channels() -> [Int?] {
    let rest = feeds.firstIndex { $0.instruments == nil }
    return instruments.indices.map { i in
      let id = InstrumentID(raw: UInt32(truncatingIfNeeded: i))
      return feeds.firstIndex { $0.instruments?.contains(id) ?? false } ?? rest
    }
  }

  /// The ports of an account in an instrument, in the order of preference.
  func route(of account: AccountID, in instrument: InstrumentID) -> [PortID] {
    let own = routes.first { $0.account == account && $0.instrument == instrument }
    if let route = own ?? routes.first(where: { $0.account == account && $0.instrument == nil }) {
      return route.ports.filter { trades($0, instrument) }
    }
    return ports.indices.map { PortID(raw: UInt16(clamping: $0)) }
      .filter { ports[Int($0.raw)].accounts.contains(account) && trades($0, instrument) }
  }

  private func trades(_ port: PortID, _ instrument: InstrumentID) -> Bool {
    venues[Int(ports[Int(port.raw)].venue.raw)].trades(Int(instrument.raw))
  }
}

/// Who runs what, where and since when: journalled for people, and nothing else. In virtual time nothing of it is
/// said, so that two runs of one session are alike.
public struct SessionOrigin: Sendable, Hashable {
  /// What is run: a name and a checksum.
  public var build = ""
  public var host = ""
  public var user = ""
  /// CLOCK_REALTIME and CLOCK_MONOTONIC of one moment, in nanoseconds.
  public var utc: Int64 = 0
  public var machineTime: Int64 = 0
  /// Whatever else was set, as `name = value`.
  public var settings: [String] = []
  public init() {}
}

/// Why an engine can't be started: what, where and what to do is in ``description``.
public enum EngineConfigurationError: Error, Equatable, CustomStringConvertible {
  case noInstruments
  case noAccounts
  case noStrategies
  /// What is wrong with one of the exponents, the multiplier, the currency or the minimum notional.
  case badFacts(instrument: Int, problem: String)
  /// Two instruments that an account can trade are priced in two currencies, which would be added up.
  case mixedCurrencies(account: Int, first: Currency, second: Currency)
  /// A feed that can't be, or an instrument that has none, or two.
  case badFeed(String)
  case badTick(instrument: Int)
  case badLot(instrument: Int)
  case duplicateSymbol(String)
  case unknownAccount(strategy: Int)
  case unknownPosition(index: Int)
  /// An opening position of nothing that cost something.
  case emptyPosition(index: Int)
  /// A second opening position of the same strategy and instrument.
  case duplicatePosition(index: Int)
  /// Limits or a restriction of an instrument that is not given.
  case unknownInstrument(InstrumentID)
  case noVenues
  /// A port or route names a venue, account, instrument or port that is not given, or one that can't serve it.
  case unknownPort(String)
  /// A venue's rules that can't hold for an instrument.
  case badRules(venue: String, problem: String)
  case missingFirmLimit(String)
  case badLimit(String)
  /// Message rates are of the firm, accounts and strategies.
  case messageRate(of: InstrumentID)
  case badSize(String)
  case badHighWaterMark(String)
  case outOfMemory(bytes: UInt64, errno: Int32)

  public var description: String {
    switch self {
    case .noInstruments: "no instruments: give at least one"
    case .noAccounts: "no accounts: give at least one"
    case .noStrategies: "no strategies: give at least one"
    case .badFacts(let i, let problem): "instrument \(i): \(problem)"
    case .mixedCurrencies(let account, let first, let second):
      "account \(account) would hold \(first) and \(second) in one sum: give it ports and routes for "
        + "instruments of one currency, and another account the others"
    case .badFeed(let problem): problem
    case .badTick(let i): "instrument \(i): the tick must be above 0"
    case .badLot(let i): "instrument \(i): the round lot must be above 0"
    case .duplicateSymbol(let symbol): "symbol \(symbol) is given twice"
    case .unknownAccount(let s): "strategy \(s) names an account that is not given"
    case .unknownPosition(let i):
      "opening position \(i) names an account, strategy or instrument that is not given, or is more than 2^60 "
        + "with the others of its instrument"
    case .emptyPosition(let i): "opening position \(i) has a cost and no quantity"
    case .duplicatePosition(let i):
      "opening position \(i) is the second of its strategy and instrument: give one with their sum"
    case .unknownInstrument(let id):
      "limits or a restriction name instrument \(id.raw), which is not given"
    case .noVenues: "no venues or ports: give at least one of each"
    case .unknownPort(let what): what
    case .badRules(let venue, let problem): "venue \(venue): \(problem)"
    case .missingFirmLimit(let what): "the firm's limit on \(what) is missing: set it"
    case .badLimit(let what): "the limit on \(what) must be above 0, and below the greatest number"
    case .messageRate(let id):
      "instrument \(id.raw): a message rate is of the firm, an account or a strategy; leave it out"
    case .badSize(let what): "\(what) is out of its range"
    case .badHighWaterMark(let what): "\(what) must be above 0 and leave room for the day"
    case .outOfMemory(let bytes, let errno):
      "can't get \(bytes) bytes for the engine (errno \(errno)): lower its sizes or free memory"
    }
  }
}
