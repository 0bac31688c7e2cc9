/// What has happened, counted: outside of trading state, for people.
@safe @usableFromInline struct Counters {
  @usableFromInline var total = EngineCounters()
  /// By code.
  private var refusals: Column<UInt64>
  private var alarms: Column<UInt64>
  var refusalLog: RefusalLog
  var bounds = BoundWatch()

  init(_ b: inout ColumnBuilder, _ c: EngineConfiguration) {
    refusals = b.column(0, 64)
    alarms = b.column(0, 64)
    refusalLog = RefusalLog(&b, cells: c.strategies.count * c.instruments.count)
  }

  func refusals(_ code: RefusalCode) -> UInt64 { refusals[Int(code.rawValue)] }
  func alarms(_ code: AlarmCode) -> UInt64 { alarms[Int(code.rawValue)] }

  mutating func count(_ code: RefusalCode) {
    total.refused &+= 1
    refusals[Int(code.rawValue)] &+= 1
  }
  mutating func count(_ code: AlarmCode) {
    total.alarms &+= 1
    alarms[Int(code.rawValue)] &+= 1
  }
}

/// Plain counters, single writer, read when the engine stands still or as torn-but-harmless words.
@frozen public struct EngineCounters: BitwiseCopyable, Sendable, Hashable {
  public var marketRecords: UInt64 = 0
  public var reports: UInt64 = 0
  /// Requests put into the outbox, by kind.
  public var newOrders: UInt64 = 0
  public var replaces: UInt64 = 0
  public var cancels: UInt64 = 0
  public var modifies: UInt64 = 0
  public var otherRequests: UInt64 = 0
  /// Requests taken by the gateway.
  public var sent: UInt64 = 0
  public var notSent: UInt64 = 0
  /// Of these, new orders.
  public var newOrdersNotSent: UInt64 = 0
  public var acknowledged: UInt64 = 0
  public var replaced: UInt64 = 0
  /// Executions booked, and orders filled whole.
  public var executions: UInt64 = 0
  public var filled: UInt64 = 0
  public var busts: UInt64 = 0
  public var canceled: UInt64 = 0
  public var rejected: UInt64 = 0
  public var refused: UInt64 = 0
  public var duplicateExecutions: UInt64 = 0
  public var lateExecutions: UInt64 = 0
  public var overfills: UInt64 = 0
  public var alarms: UInt64 = 0
  public var unknownOrders: UInt64 = 0
  public var openOrders: Int64 = 0
  public var timersFired: UInt64 = 0
  /// Times that timers were due and waited for the next record or call: ``Engine/timersPerCallMax`` had fired.
  public var timersDeferred: UInt64 = 0
  /// New orders that were handed to the wire and never came to the venue, as it has said.
  public var neverArrived: UInt64 = 0
  public init() {}

  /// Executions booked less those that the exchange broke: what positions, shares and notional hold.
  @inlinable public var standingExecutions: UInt64 { executions &- min(executions, busts) }
}

/// The most that was seen of each bound.
struct BoundWatch: BitwiseCopyable {
  static var interval: Int64 { 1_000_000_000 }
  var highest = InlineArray<8, Int>(repeating: 0)
  var near: UInt32 = 0
  var alarms: UInt32 = 0
  var next: Int64 = .min
}
