public import CSupport

/// The one writer: market data, reports, commands and time in; requests, records and updates out.
///
/// It owns books, orders, risk, positions and limits, in one arena taken at start-up. It reads no clock
/// and no randomness: the same inputs give the same outputs, bit for bit. Nothing after
/// ``init(_:lane:)`` allocates, locks or enters the kernel.
///
/// Threading: belongs to one thread. Use it through a ``Driver``, which calls the strategy.
@safe public struct Engine: ~Copyable {
  @usableFromInline let core: UnsafeMutablePointer<EngineState>
  private let arena: OpaquePointer
  /// Bytes of the arena, and what it was really made of.
  public let memory: nt_arena_report
  public let configuration: EngineConfiguration
  /// Of an engine that was recovered from a session of another ``applyVersion``: in how many places this one comes to
  /// something else than was recorded. Somebody has to answer for it in ``resume(sessionTime:machineTime:origin:person:reason:)``.
  public internal(set) var unacceptedDifferences = 0
  /// A report came before the engine was told to go on.
  var missesReport = false

  /// Most updates handed to a strategy in one call.
  @inlinable public static var updatesPerCallMax: Int { 1 << 16 }

  /// Raised with every change of what applying an input does: a journal of another version is replayed with its
  /// differences listed.
  @inlinable public static var applyVersion: UInt32 { 2 }

  /// Most timers that fire in one call of the driver: a strategy that asks for the next one each time, and time
  /// that leaps, hold nothing up.
  @inlinable public static var timersPerCallMax: Int { 4_096 }

  /// Takes all memory, journals the session's beginning and every instrument.
  ///
  /// - Parameter lane: where records go; must outlive the engine.
  public init(
    _ configuration: EngineConfiguration, lane: RecordLane
  ) throws(EngineConfigurationError) {
    try self.init(configuration, lane: lane, isReplaying: false)
  }

  /// For ``Replay``: nobody is told what happens; who only looks takes memory as it is needed.
  init(
    replaying configuration: EngineConfiguration, lane: RecordLane, isForLooking: Bool
  ) throws(EngineConfigurationError) {
    try self.init(
      configuration, lane: lane, isReplaying: true, takesMemory: !isForLooking)
  }

  private init(
    _ configuration: EngineConfiguration, lane: RecordLane, isReplaying: Bool,
    takesMemory: Bool = true
  ) throws(EngineConfigurationError) {
    try configuration.check()
    let bytes = EngineState.bytes(configuration)
    var arena: OpaquePointer?
    var report = nt_arena_report()
    let options = nt_arena_options(
      numa_node: configuration.memory.numaNode, huge_pages: configuration.memory.hugePages,
      lock: configuration.memory.isLocked, prefault: takesMemory)
    let error = unsafe nt_arena_create(&arena, bytes, options, &report)
    guard error == 0, let arena = unsafe arena else {
      throw .outOfMemory(bytes: bytes, errno: Int32(error))
    }
    guard let core = unsafe EngineState.make(configuration, arena: arena, lane: lane) else {
      unsafe nt_arena_destroy(arena)
      throw .outOfMemory(bytes: bytes, errno: 12)
    }
    unsafe self.arena = arena
    unsafe self.core = core
    memory = report
    self.configuration = configuration
    unsafe core.pointee.isReplaying = isReplaying
    unsafe core.pointee.recordStart(configuration)
  }

  deinit { unsafe nt_arena_destroy(arena) }

  public var strategyCount: Int { unsafe core.pointee.strategyCount }

  // MARK: Inputs

  /// Applies a venue's or gateway's report. Updates for strategies wait until the driver takes them. One that comes
  /// before ``resume(sessionTime:machineTime:origin:person:reason:)`` is not applied, and stops the firm then.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func apply(_ report: VenueReport, sessionTime: Int64, machineTime: Int64) {
    if unsafe core.pointee.isReplaying {
      missesReport = true
      return
    }
    setTime(sessionTime, machineTime)
    unsafe core.pointee.take(report)
  }

  /// Carries out a command; false, journalled with the reason, when it can't be: ``refusal(of:)`` says it before.
  /// Nothing has changed then.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func apply(
    _ command: Command, sessionTime: Int64, machineTime: Int64
  ) -> Bool {
    if unsafe core.pointee.isReplaying { return false }
    setTime(sessionTime, machineTime)
    return unsafe core.pointee.take(command)
  }

  /// Why ``apply(_:sessionTime:machineTime:)`` would refuse the command now; nil when it would not. Journals nothing.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func refusal(of command: Command) -> CommandRefusal? {
    unsafe core.pointee.refusal(of: command)
  }

  /// Lets session time pass: data ages, requests time out. It never goes back.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func advance(sessionTime: Int64, machineTime: Int64) {
    setTime(sessionTime, machineTime)
    if unsafe core.pointee.isReplaying { return }
    unsafe core.pointee.sweepTimeouts()
    if unsafe core.pointee.sessionTime >= core.pointee.nextChores {
      unsafe core.pointee.doChores()
    }
  }

  /// Journals the state's hash when ``EngineConfiguration/stateHashInterval`` or
  /// ``EngineConfiguration/stateHashRecords`` say that it is time to: for a moment when there is nothing else to do,
  /// every few milliseconds. Of what has changed since the last one it works off a part in each call, some 10 µs;
  /// twice as much in the next one while more is left.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func journalHash() {
    if unsafe core.pointee.isReplaying { return }
    unsafe core.pointee.recordHash()
  }

  /// Nanoseconds of CLOCK_MONOTONIC; in virtual time the network's: what is journalled from now on has it.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func setMachineTime(_ time: Int64) { unsafe core.pointee.machineTime = time }

  func setTime(_ sessionTime: Int64, _ machineTime: Int64) {
    unsafe core.pointee.sessionTime = max(core.pointee.sessionTime, sessionTime)
    unsafe core.pointee.machineTime = machineTime
  }

  /// A new order from outside a strategy's call-back (tests, manual trading): the same checks.
  public mutating func place(_ request: OrderRequest) -> Verdict {
    unsafe core.pointee.place(request)
  }
  /// What the whole chain would say to a new order now, or nil when it would pass. Places, journals and
  /// counts nothing.
  public mutating func check(_ request: OrderRequest) -> Refusal? {
    unsafe core.pointee.evaluate(request)
  }
  public mutating func replace(
    _ order: OrderHandle, price: Price, quantity: Quantity
  ) -> RequestVerdict {
    unsafe core.pointee.replace(order, price: price.raw, quantity: quantity.raw)
  }
  public mutating func modify(_ order: OrderHandle, quantity: Quantity) -> RequestVerdict {
    unsafe core.pointee.modify(order, quantity: quantity.raw)
  }
  /// Cancels down to a new intended total; 0 cancels all.
  public mutating func cancel(
    _ order: OrderHandle, to quantity: Quantity = Quantity(raw: 0)
  ) -> RequestVerdict {
    unsafe core.pointee.cancel(order, quantity: quantity.raw)
  }
  /// Cancels every open order of a scope; how many were asked for.
  public mutating func cancelAll(
    scope: RiskScope = .firm, account: AccountID = AccountID(raw: .max),
    strategy: StrategyID = StrategyID(raw: .max), instrument: InstrumentID = .none
  ) -> Int {
    unsafe core.pointee.cancelAll(
      scope: scope, account: account, strategy: strategy, instrument: instrument)
  }

  /// Cancels every open order in scopes that take no new ones; how many were asked for.
  public mutating func cancelLatched() -> Int { unsafe core.pointee.cancelLatched() }

  // MARK: Outputs

  /// The request of a port to hand to the wire next, or nil. Cancels come before new orders; a new order or
  /// replace older than its maximum age is withdrawn on the way and told as not sent (no age in virtual time,
  /// `machineTime` 0). It stays until ``requestTaken(_:)``; ask only when the socket would take it now.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func nextRequest(_ port: PortID = .first, machineTime: Int64) -> VenueRequest? {
    guard unsafe Int(port.raw) < core.pointee.portCount else { return nil }
    return unsafe core.pointee.nextRequest(Int(port.raw), machineTime: machineTime)
  }
  /// The gateway has taken what ``nextRequest(_:machineTime:)`` offered last: that, and nothing that was put
  /// into the engine since, is not offered again. Without one that was offered, or when it has been withdrawn
  /// since, nothing is taken, and nothing counted as sent.
  ///
  /// To be called before its bytes are given to the socket: what the journal does not have as handed over has not
  /// left, and is taken back when the engine is recovered.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func requestTaken(_ port: PortID = .first) {
    guard unsafe Int(port.raw) < core.pointee.portCount else { return }
    unsafe core.pointee.requestTaken(Int(port.raw))
  }
  /// Withdraws the port's new orders and replaces that are older than their maximum age, as
  /// ``nextRequest(_:machineTime:)`` does: for while its socket takes nothing.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func withdrawOld(_ port: PortID = .first, machineTime: Int64) {
    guard unsafe Int(port.raw) < core.pointee.portCount else { return }
    unsafe core.pointee.withdrawOld(Int(port.raw), machineTime: machineTime)
  }

  /// Stage stamps of the batch that is being worked on.
  public var stage: StageStamps { unsafe core.pointee.stage }
  /// The first order of the batch has been handed over: later ones are not stamped.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func stageSent() { unsafe core.pointee.stage.isOn = false }
  /// The stamps, and an end to stamping until the next batch.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func takeStage() -> StageStamps {
    defer { unsafe core.pointee.stage = StageStamps() }
    return unsafe core.pointee.stage
  }

  /// Journals a strategy's saved state, at most ``RecordHeader/lengthMax`` less its frame; false when
  /// it is too long or the journal is full.
  public mutating func recordStrategyState(
    _ strategy: StrategyID, _ bytes: UnsafeRawBufferPointer
  ) -> Bool {
    unsafe !core.pointee.isReplaying && core.pointee.recordStrategyState(strategy, bytes)
  }

  /// Journals the session's end with the state's hash, and why it ended.
  public mutating func end(_ reason: RunEnd = .unsaid) {
    if unsafe core.pointee.isReplaying { return }
    unsafe core.pointee.recordEnd(reason, stateHash: stateHash())
  }
}
