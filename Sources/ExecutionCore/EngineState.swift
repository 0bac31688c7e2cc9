/// All trading state of the one writer, in arena memory behind one stable pointer. Its functions are
/// spread over the rooms: Orders, Risk, Execution, Portfolio.
///
/// Threading: one thread, always the same. No locks, no allocation after start-up.
///
/// Its functions are mutating even where they only read: for a struct of this size the compiler makes a
/// copy on the stack for every call of a function that borrows it.
@usableFromInline struct EngineState: ~Copyable {
  // Time and causes.
  @usableFromInline var sessionTime: Int64 = 0
  @usableFromInline var machineTime: Int64 = 0
  /// ``FeedPosition/cause`` of the last market record.
  var feedPosition: UInt64 = 0
  /// What the next records have as their cause.
  var cause: UInt64 = 0
  var orderChannel: UInt16 = 0
  @usableFromInline var stage = StageStamps()
  @usableFromInline var timerStrategy = StrategyID(raw: .max)

  // Dimensions.
  @usableFromInline let instrumentCount: Int
  @usableFromInline let accountCount: Int
  @usableFromInline let strategyCount: Int
  /// The firm, the accounts, the strategies.
  var scopeCount: Int { limits.scopeCount }
  let venueCount: Int
  let portCount: Int
  var tradingDay: UInt32 = 0

  // Orders.
  var orders: OrderStore

  // Ports.
  var ports: Ports

  // Risk.
  var instruments: Column<RiskInstrument>
  var limits: Limits
  var latches: Latches
  var exposures: Exposures
  var duplicates: DuplicateWindow

  // Portfolio.
  var portfolio: Portfolio

  // Execution.
  var updates: UpdateQueue
  var timers: Timers
  var strategies: Column<StrategyFacts>
  @usableFromInline var counters: Counters
  /// Session time from which there is something to look at again; see ``doChores()``.
  var nextChores: Int64 = .min
  /// Number of the last report that was not applied, among ``EngineCounters/reports``.
  var ignoredReport: UInt64 = 0

  // Journal.
  var journal: RecordLane
  /// How many records the journal has not been told of that it did not take.
  var recordsLost: UInt64 = 0
  var hashing = StateHashing()
  /// A journal is being replayed: nobody is told, nothing is asked, and no order passes.
  var isReplaying = false

  // Market data.
  let market: ITCHMarket
  let prices: PriceBooks
  /// What is written of it, which is all that anything else looks at.
  @usableFromInline let quotes: Quotes
}

/// TSC stamps of one batch; 0 where a stage was not reached or stamping is off. They are measured,
/// never consulted: no decision may depend on them.
@frozen public struct StageStamps: BitwiseCopyable, Sendable {
  /// Handed in by the caller: bytes received, batch decoded.
  public var received: UInt64 = 0
  public var decoded: UInt64 = 0
  /// The last record of the batch is in the books.
  public var booked: UInt64 = 0
  /// The strategy asked for the batch's first order.
  public var decided: UInt64 = 0
  /// Risk accepted or refused it.
  public var checked: UInt64 = 0
  /// Its intent is journalled and it lies in the outbox.
  public var queued: UInt64 = 0
  /// Stamping is on for this batch.
  public var isOn = false
  public init() {}

  /// The first order of the batch. One that is decided between two records ends the book stage too.
  mutating func decide(at ticks: UInt64) {
    decided = ticks
    if booked == 0 { booked = ticks }
  }
}
