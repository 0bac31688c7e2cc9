/// Everything that `needletail run` can be told, with its defaults. `Examples/needletail.yaml` says the
/// same in words; a test keeps the two equal.
///
/// Times, prices and money are integers or exact decimals; the unit is the last word of the name.
public struct Configuration: Equatable, Sendable {
  public var run = Run()
  public var feeds = [Feed.equities, Feed.coins]
  public var venues = [Venue.exchange, Venue.paper]
  public var runtime = Runtime()
  public var journal = Journal()
  public var limits = Limits.firm
  public var accounts = [Account(name: "HOUSE")]
  public var strategies = [Strategy.marketMaker, Strategy.taker]
  public var collars = Collars()
  public var quality = Quality()
  public var killSwitch = KillSwitch()
  public var virtualTime = VirtualTime()
  public var faults = Faults()
  public var summary = Summary()
  /// Symbols that may not be traded at all.
  public var restricted: [String] = []

  public init() {}

  /// How fast recorded or generated time passes.
  public enum Speed: Equatable, Sendable {
    /// So many times session time.
    case times(Decimal8)
    /// As fast as the core consumes; flow-controlled, so nothing is lost.
    case max

    /// Times session time at 10⁻⁸; nil: max.
    var factor: Int64? {
      switch self {
      case .times(let factor): factor.raw
      case .max: nil
      }
    }

    static let range: ClosedRange<Decimal8> = Decimal8(raw: 1_000_000)...10_000
    static let wanted = "it takes a number from 0.01 to 10000, or max"

    init?(_ text: String) {
      if text == "max" {
        self = .max
      } else {
        guard let number = Decimal8(text), Self.range.contains(number) else { return nil }
        self = .times(number)
      }
    }
    var text: String {
      switch self {
      case .max: "max"
      case .times(let number): number.description
      }
    }
  }

  public enum Topology: String, CaseIterable, Sendable { case inline }
  public enum Waiting: String, CaseIterable, Sendable {
    case spin
    case spinYield = "spin_yield"
    case block
  }
  public enum Network: String, CaseIterable, Sendable {
    case automatic = "auto"
    case ioUring = "io_uring"
    case epoll
  }
  public struct Runtime: Equatable, Sendable {
    public var topology = Topology.inline
    /// The hot thread's processor; −1: the last free one. See `ProcessorChoice`.
    public var processor = -1
    /// SCHED_FIFO priority of the hot thread; 0: the ordinary scheduler.
    public var priority = 0
    public var lockMemory = true
    public var hugePages = true
    public var numaNode = -1
    public var wait = Waiting.spinYield
    public var network = Network.automatic
    /// The hot thread was not run for so long: it is counted; quotes are pulled. 0: never.
    public var stallMilliseconds = 100
    public var stallPullMilliseconds = 500
    /// A new order older than this is withdrawn, never sent late.
    public var orderAgeMaxMicroseconds = 1_000
    public var ordersMax = 16_384
    /// Of a day: new orders and replaces of each account (0: 4,194,304, less where there are many accounts), and
    /// executions of all.
    public var requestsPerDayMax = 0
    public var executionsMax = 3_000_000
    public var bookOrdersMax = 262_144
    public init() {}
  }

  public enum JournalMode: String, CaseIterable, Sendable { case memory, shared }
  public struct Journal: Equatable, Sendable {
    public var mode = JournalMode.shared
    public var segmentMebibytes = 64
    /// The state's hash is journalled so often: in virtual time after so many records, else in session time.
    public var stateHashRecords = 1_000
    public var stateHashMilliseconds = 1_000
    public init() {}
  }

  /// Limits of one scope. The strictest of order, strategy, account and firm wins.
  public struct Limits: Equatable, Sendable {
    public var orderQuantity: Int64
    /// Dollars.
    public var orderNotional: Decimal8
    /// Shares of one instrument, long or short, working orders included at worst case.
    public var position: Int64
    public var openOrders: Int64
    /// Messages to the exchange: the rate, how many may come at once, and how many of those are kept
    /// for cancels.
    public var messagesPerSecond: Int64
    public var messageBurst: Int64
    public var cancelTokens: Int64

    static let firm = Limits(
      orderQuantity: 10_000, orderNotional: 5_000_000, position: 50_000, openOrders: 2_000,
      messagesPerSecond: 20_000, messageBurst: 4_000, cancelTokens: 1_000)
    static let account = Limits(
      orderQuantity: 5_000, orderNotional: 2_000_000, position: 20_000, openOrders: 1_000,
      messagesPerSecond: 10_000, messageBurst: 2_000, cancelTokens: 500)
    static let strategy = Limits(
      orderQuantity: 1_000, orderNotional: 1_000_000, position: 5_000, openOrders: 500,
      messagesPerSecond: 5_000, messageBurst: 1_000, cancelTokens: 250)
  }

  public struct Account: Equatable, Sendable {
    public var name: String
    /// Of its order sessions; empty: the venue's.
    public var username = ""
    public var limits = Limits.account
  }

  public enum StrategyKind: String, CaseIterable, Sendable {
    case marketMaker = "market_maker"
    case taker
  }

  public struct Strategy: Equatable, Sendable {
    public var name: String
    public var kind: StrategyKind
    public var account: String
    /// Symbols it trades; empty: all.
    public var symbols: [String] = []
    public var limits = Limits.strategy
    public var quantity: Int64 = 100
    /// Dollars of an order in an instrument that trades in fractions.
    public var notional: Decimal8 = 1_000
    public var positionMax: Int64 = 500
    public var marketMaker = MarketMaker()
    public var taker = Taker()

    static let marketMaker = Strategy(name: "maker", kind: .marketMaker, account: "HOUSE")
    static let taker = Strategy(name: "taker", kind: .taker, account: "HOUSE")
  }

  public struct MarketMaker: Equatable, Sendable {
    /// Ticks behind the best price of the market.
    public var edgeTicks: Int64 = 0
    /// Ticks by which both quotes move for every `quantity` held.
    public var skewTicks: Int64 = 1
    /// A quote keeps its place while it is no more than this from where it should be.
    public var toleranceTicks: Int64 = 1
    /// Session time to wait on a side after a change of its order.
    public var pauseMicroseconds: Int64 = 10_000
  }

  public struct Taker: Equatable, Sendable {
    /// 300: three times as many shares on one side of the quote as on the other.
    public var ratioPercent: Int64 = 300
    public var sharesMin: Int64 = 100
    public var spreadTicksMax: Int64 = 10
    public var coolDownMicroseconds: Int64 = 250_000
    public var holdingMilliseconds: Int64 = 10_000
  }

  public struct Collars: Equatable, Sendable {
    /// From the previous close.
    public var staticBasisPoints: Int64 = 2_000
    /// From the middle of the last good quote.
    public var dynamicBasisPoints: Int64 = 500
    /// Dollars; the wider of the two widths holds.
    public var absoluteWidth = Decimal8(raw: 5_000_000)
  }

  public struct Quality: Equatable, Sendable {
    /// Orders are refused on quotes older than this; session time.
    public var dataAgeMaxMilliseconds = 5_000
    /// How long the last good quote stands in for a one-sided, crossed or bad one; session time.
    public var goodQuoteAgeMaxMilliseconds = 5_000
    /// Orders alike within the window, beyond the count, are refused as duplicates.
    public var duplicateWindowMicroseconds: Int64 = 1_000
    public var duplicatesMax = 1
    /// After so long without the exchange's answer a request counts as unknown; session time.
    public var acknowledgeTimeoutMilliseconds = 1_000
    /// A hole of the feed is left to the other line for so long before it is asked for; machine time.
    public var arbitrationWaitMicroseconds: Int64 = 1_000
    /// From arrival to decision, in multiples of the orders' own maximum age; 0: unbounded.
    public var lagMaxOrderAges = 10
    /// A message is asked for again and again for so long before a snapshot goes over it; machine time.
    public var repairMaxMilliseconds = 500
    /// A hole that is open for longer makes strategies withdraw what works; machine time.
    public var gapGraceMicroseconds: Int64 = 10_000
  }

  public struct KillSwitch: Equatable, Sendable {
    /// While this file exists no new order leaves; empty: `kill` in the data directory.
    public var file = ""
    /// Who is named in the journal when it trips.
    public var person = "operator"
    /// What makes one session's reports doubtful stops the firm, not that session alone.
    public var sessionDoubtStopsFirm = false
  }

  public struct VirtualTime: Equatable, Sendable {
    public var feedLatencyNanoseconds: Int64 = 5_000
    public var orderLatencyNanoseconds: Int64 = 5_000
    public var reportLatencyNanoseconds: Int64 = 5_000
    public var jitterNanoseconds: Int64 = 0
  }

  public enum Format: String, CaseIterable, Sendable { case text, json }
  public struct Summary: Equatable, Sendable {
    public var format = Format.text
    public var symbolsMax = 20
  }
}
