import ExecutionCore
import Gateways

/// What a run did: printed as text, and as the JSON that `Summary.md` documents field by field.
public struct RunSummary: Equatable, Sendable {
  public var run = Run()
  public var feed = Feed()
  public var orders = Orders()
  public var fills = Fills()
  public var positions: [Position] = []
  public var pnl = ProfitAndLoss()
  public var latency = Latency()
  public var watchdog = Watching()
  /// nil where it is not measured: in virtual time.
  public var memory: Memory?
  public var bounds: [Bound] = []
  /// What kept new orders from leaving; empty when nothing did.
  public var stops: [Stop] = []
  public var journal = Journal()
  public var invariants: [Invariant] = []
  /// In the order of the configuration.
  public var venues: [Venue] = []
  /// What a reader must know to judge the figures, one sentence each.
  public var notes: [String] = []

  public init() {}

  public var holds: Bool { invariants.allSatisfy(\.holds) }

  public struct Run: Equatable, Sendable {
    public var version = Version.text
    public var source = "generated"
    /// nil: no market was generated or played here, but attached to.
    public var seed: UInt64? = 0
    public var speed = "1"
    public var sessionDate = ""
    public var isVirtualTime = false
    /// As `--faults` takes them; empty: none were asked for.
    public var faults = ""
    /// Machine time; 0 in virtual time.
    public var elapsedNanoseconds: Int64 = 0
    /// From the first to the last message.
    public var sessionNanoseconds: Int64 = 0
    /// `duration`, `end of feed`, `signal`, `exchange lost`, `no snapshot`, `no session`, `no instrument`,
    /// `journal failed`, `fuse tripped` or
    /// `network failure: …`.
    public var endedBy = ""
  }

  public struct Feed: Equatable, Sendable {
    public var datagrams: UInt64 = 0
    public var bytes: UInt64 = 0
    public var messages: UInt64 = 0
    public var malformed: UInt64 = 0
    public var skipped: UInt64 = 0
    public var foreignSession: UInt64 = 0
    public var unidentified: UInt64 = 0
    public var implausible: UInt64 = 0
    public var implausibleTimes: UInt64 = 0
    public var doubtedLines: UInt64 = 0
    public var socketFailures: UInt64 = 0
    public var gaps: UInt64 = 0
    public var duplicates: UInt64 = 0
    public var reordered: UInt64 = 0
    public var requests: UInt64 = 0
    public var requestsUnsent: UInt64 = 0
    public var recovered: UInt64 = 0
    public var lost: UInt64 = 0
    public var snapshots: UInt64 = 0
    public var bySnapshot: UInt64 = 0
    public var disagreements: UInt64 = 0
    public var unknownReferences: UInt64 = 0
    public var duplicateReferences: UInt64 = 0
    public var liveOrders: UInt64 = 0
    public var symbols = 0
    public var symbolsWhole = 0
    public var lines = Lines()
    /// From the kernel's receive stamp to the read, of some datagrams of line A and all of line B.
    public var lag = Percentiles(name: "lag")
    public var symbolsNamed: UInt32 = 0
    public var symbolsUnlisted: UInt32 = 0
    public var unequalLots: UInt32 = 0
    /// The feeds by price, each by itself; the counts above are of all feeds together, but for `lines` and what only a feed
    /// of orders has.
    public var prices: [Prices] = []
  }

  /// A feed by price.
  public struct Prices: Equatable, Sendable {
    public var name: String
    public var datagrams: UInt64
    public var messages: UInt64
    public var gaps: UInt64
    public var recovered: UInt64
    /// Times that messages were given up, and how many.
    public var losses: UInt64
    public var lost: UInt64
    /// Records passed over, that say again what was known.
    public var refreshed: UInt64
    public var named: UInt64
    public var unlisted: UInt64
    public var unequal: UInt64
    /// Messages that can't be read, and records that can't be.
    public var malformed: UInt64
    public var implausibleTimes: UInt64
    public var lines: Lines

    init(_ name: String, _ found: PriceFeedResult) {
      self.name = name
      datagrams = found.datagrams
      messages = found.mold.delivered
      gaps = found.mold.gaps
      recovered = found.lines.last?.firstMessages ?? 0
      losses = found.losses
      lost = found.lost
      refreshed = found.books.refreshed
      named = found.named
      unlisted = found.unlisted
      unequal = found.unequal
      let cannotBe = found.books.malformed &+ found.books.orders &+ found.books.unrepresentable
      malformed = found.malformed &+ cannotBe
      implausibleTimes = found.implausibleTimes
      lines = Lines(
        a: Line(found.lines[0]), b: Line(found.lines[1]), rerequest: Line(found.lines[2]))
    }
  }

  /// Where the datagrams came from.
  public struct Lines: Equatable, Sendable {
    public var a = Line()
    public var b = Line()
    /// The re-request server's answers.
    public var rerequest = Line()
  }
  public struct Line: Equatable, Sendable {
    public var datagrams: UInt64 = 0
    public var first: UInt64 = 0
    public var duplicate: UInt64 = 0
    public var missed: UInt64 = 0
    public var malformed: UInt64 = 0
    public var foreign: UInt64 = 0
    public var implausible: UInt64 = 0
  }

  /// Whether the hot thread was run when it had to be.
  public struct Watching: Equatable, Sendable {
    public var stalls: UInt64 = 0
    public var longestNanoseconds: Int64 = 0
    public var pulls: UInt64 = 0
    /// Times that market data was read too long after it had arrived.
    public var lates: UInt64 = 0
    /// Machine time since trading began in which new orders could rest on the market, and in which not.
    public var sightedNanoseconds: Int64 = 0
    public var blindNanoseconds: Int64 = 0
  }

  public struct Orders: Equatable, Sendable {
    public var sent: UInt64 = 0
    public var acknowledged: UInt64 = 0
    public var filled: UInt64 = 0
    public var cancelled: UInt64 = 0
    public var rejected: UInt64 = 0
    public var replaced: UInt64 = 0
    public var notSent: UInt64 = 0
    public var neverArrived: UInt64 = 0
    public var working = 0
    public var unknown = 0
    /// By the name of the code, only codes that occurred, in the order of the codes.
    public var refused: [Refused] = []
    /// Open at the end, in the order of their ids.
    public var left: [LeftOrder] = []
    public var refusedTotal: UInt64 { refused.reduce(0) { $0 &+ $1.count } }
  }
  public struct Refused: Equatable, Sendable {
    public var code: String
    public var count: UInt64
  }

  public struct Fills: Equatable, Sendable {
    /// Executions that stand, as `shares` and `notional` are of them alone.
    public var count: UInt64 = 0
    /// Of instruments in whole units only.
    public var shares: Int64 = 0
    /// 10⁻⁸ dollars.
    public var notional: Int128 = 0
    /// Executions that were booked and then broken by the exchange; not in `count`.
    public var broken: UInt64 = 0
    public var duplicates: UInt64 = 0
    public var overfills: UInt64 = 0
  }

  public struct Position: Equatable, Sendable {
    public var account: String
    public var strategy: String
    public var symbol: String
    /// `shares`, `bought` and `sold` are whole units times 10 to the power of minus this.
    public var quantityExponent = 0
    public var shares: Int64 = 0
    public var bought: Int64 = 0
    public var sold: Int64 = 0
    public var fills: UInt64 = 0
    /// A unit's price at `priceExponent`; 0 is unknown.
    public var mark: Int64 = 0
    public var priceExponent = -8
    public var isMarkStale = false
    /// All 10⁻⁸ dollars.
    public var realised: Int128 = 0
    public var unrealised: Int128 = 0
    public var fees: Int128 = 0
    public var net: Int128 { realised + unrealised - fees }
  }

  public struct ProfitAndLoss: Equatable, Sendable {
    public var currency = "USD"
    public var realised: Int128 = 0
    public var unrealised: Int128 = 0
    public var fees: Int128 = 0
    public var net: Int128 { realised + unrealised - fees }
  }

  /// Percentiles of one stage, in nanoseconds of machine time.
  public struct Percentiles: Equatable, Sendable {
    public var name: String
    public var count: UInt64 = 0
    public var p50: Int64 = 0
    public var p90: Int64 = 0
    public var p99: Int64 = 0
    public var p999: Int64 = 0
    public var max: Int64 = 0
    public init(name: String) { self.name = name }
  }

  public struct Latency: Equatable, Sendable {
    public var clock = ""
    public var network = ""
    public var tickToOrder = Percentiles(name: "tick_to_order")
    /// In the order of the path: receive, decode, book, strategy, risk, encode, submit.
    public var stages: [Percentiles] = []
  }

  /// Something that the engine has a fixed number of.
  public struct Bound: Equatable, Sendable {
    public var name: String
    public var used: Int
    public var highest: Int
    public var most: Int

    init(name: String, use: BoundUse) {
      self.name = name
      used = use.used
      highest = use.highest
      most = use.most
    }
  }

  public struct Memory: Equatable, Sendable {
    /// Taken by the engine at the start, for the whole run.
    public var arenaBytes: UInt64
    /// Most of this process that was in memory at once; nil where the system does not say.
    public var peakResidentBytes: UInt64?
  }

  public struct Journal: Equatable, Sendable {
    public var mode = ""
    public var records: UInt64 = 0
    public var bytes: UInt64 = 0
    public var firstSequence: UInt64 = 0
    public var lastSequence: UInt64 = 0
    public var refused: UInt64 = 0
    public var error = ""
  }

  public struct Invariant: Equatable, Sendable {
    public var name: String
    public var holds: Bool
    /// What was compared, with both values when it does not hold.
    public var detail: String
    public init(_ name: String, holds: Bool, _ detail: String) {
      self.name = name
      self.holds = holds
      self.detail = detail
    }
  }
}
