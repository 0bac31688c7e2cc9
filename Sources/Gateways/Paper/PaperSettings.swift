public import ExecutionCore

/// How a ``PaperBroker`` behaves. All of it is there from the start; nothing of it is read from a file here.
public struct PaperSettings: Sendable, Hashable {
  /// Who may log in. An account's session is one at a time: a second log-in ends the first.
  public struct Account: Sendable, Hashable {
    public var name: String
    public var password: String
    public var cash: Money
    public init(name: String, password: String, cash: Money = .zero) {
      self.name = name
      self.password = password
      self.cash = cash
    }
  }
  /// Where an order that rests stands in the queue of its price when it comes there.
  public enum Queue: Sendable, Hashable {
    /// Behind all that is displayed: what trades there, and what is taken back, goes before it.
    case back
    /// Before all others: any trade at its price fills it.
    case front
  }

  public var instruments: [InstrumentFacts]
  public var accounts: [Account]
  /// By the liquidity flags `A` (added) and `R` (removed).
  public var fees = FeeSchedule()
  public var seed: UInt64 = 1
  /// Nanoseconds until a request takes effect, and until what comes of it is told.
  public var acceptLatency: Int64 = 0
  public var reportLatency: Int64 = 0

  public var queue = Queue.back
  /// The most of what is displayed that one fill takes, in percent.
  public var fillShare = 100
  /// By how much worse an order that takes as much as is displayed fills, in basis points of its price; less in
  /// proportion to its share of that.
  public var slippage: Int64 = 0
  /// By how much a fill that takes as much as is displayed moves the prices at which its account fills next, in basis
  /// points; half of it is left after ``impactHalfLife``.
  public var impact: Int64 = 0
  public var impactHalfLife: Int64 = 1_000_000_000

  // What goes wrong, in parts of a million.
  public var rejects: UInt32 = 0
  /// What the broker tells of an order is never sent; sent after ``delay``; sent twice.
  public var forgets: UInt32 = 0
  public var delays: UInt32 = 0
  public var doubles: UInt32 = 0
  /// The answer to a question about an order is not true.
  public var contradicts: UInt32 = 0
  public var delay: Int64 = 500_000_000
  /// Sessions are dropped so often, on the average; 0: never.
  public var dropInterval: Int64 = 0
  public var cancelsOnDisconnect = false

  /// A heartbeat after so long without a frame, in the broker's time.
  public var heartbeatInterval: Int64 = 1_000_000_000

  // Bounds.
  /// Orders of the broker's file; more are rejected.
  public var ordersMax = 1 << 22
  /// Requests that have not taken effect yet, of all accounts; whoever sends more loses the session.
  public var requestsMax = 1 << 16
  /// Bytes that wait for a client that does not read; more end its session.
  public var outputBytes = 1 << 20

  public init(instruments: [InstrumentFacts], accounts: [Account]) {
    self.instruments = instruments
    self.accounts = accounts
  }
}

/// SplitMix64, for what goes wrong and what is left to chance.
struct PaperDice {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
  mutating func below(_ n: UInt64) -> UInt64 { next() % max(1, n) }
  /// In parts of a million; none is drawn for what never happens.
  mutating func happens(_ share: UInt32) -> Bool { share > 0 && below(1_000_000) < UInt64(share) }
}
