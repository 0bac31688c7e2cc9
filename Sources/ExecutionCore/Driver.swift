/// The engine and one strategy on one thread: takes inputs, lets the engine apply them, calls the
/// strategy. Thin and inlinable, so that a strategy of any module is specialised there.
///
/// After every call the caller drains ``Engine/nextRequest(_:machineTime:)`` into its gateway.
@safe @frozen public struct Driver<S: Strategy>: ~Copyable {
  public var engine: Engine
  public var strategy: S

  /// The strategy's first number is 0; it must not take more numbers than the engine has strategies.
  @inlinable public init(engine: consuming Engine, strategy: S) {
    precondition(S.strategyCount <= engine.strategyCount)
    self.engine = engine
    self.strategy = strategy
  }

  /// Applies a batch of market records in order, calling the strategy after each and at the end.
  ///
  /// - Parameters:
  ///   - records: `count` records, read before the call returns.
  ///   - machineTime: nanoseconds of CLOCK_MONOTONIC; in virtual time the network's.
  ///   - received, decoded: raw clock stamps of the batch when stages are to be measured, else 0.
  @inlinable public mutating func ingest(
    _ records: UnsafePointer<MarketRecord>, count: Int, machineTime: Int64, received: UInt64 = 0,
    decoded: UInt64 = 0
  ) {
    unsafe engineBeginBatch(engine.core, machineTime, received, decoded)
    for i in 0..<max(0, count) {
      while let token = unsafe engineTimer(engine.core, before: (records + i).pointee.sessionTime) {
        fire(token)
      }
      let effect = unsafe engineApply(engine.core, records, at: i, count: count)
      if effect.isNothing { continue }
      if effect.quoteChanged { strategy.onBook(effect.instrument, desk()) }
      if effect.hasTrade { strategy.onTrade(effect.trade, desk()) }
      if effect.stateChanged { strategy.onState(effect.instrument, desk()) }
    }
    unsafe engineBooked(engine.core)
    strategy.onBatchEnd(desk())
    deliver()
  }

  /// Applies a batch of records of a feed by price in order, as ``ingest(_:count:machineTime:received:decoded:)``.
  ///
  /// - Parameter channel: the feed's place in ``EngineConfiguration/feeds``; records of one that is not by price are not
  ///   looked at.
  @inlinable public mutating func ingest(
    _ records: UnsafePointer<FeedRecord>, count: Int, channel: UInt8, machineTime: Int64,
    received: UInt64 = 0, decoded: UInt64 = 0
  ) {
    unsafe engineBeginBatch(engine.core, machineTime, received, decoded)
    for i in 0..<max(0, count) {
      while let token = unsafe engineTimer(engine.core, before: (records + i).pointee.sessionTime) {
        fire(token)
      }
      let effect = unsafe engineApply(engine.core, records + i, channel: channel)
      if effect.isNothing { continue }
      if effect.quoteChanged { strategy.onBook(effect.instrument, desk()) }
      if effect.hasTrade { strategy.onTrade(effect.trade, desk()) }
      if effect.stateChanged { strategy.onState(effect.instrument, desk()) }
    }
    unsafe engineBooked(engine.core)
    strategy.onBatchEnd(desk())
    deliver()
  }

  /// Applies what a venue or its gateway says.
  @inlinable public mutating func apply(
    _ report: VenueReport, sessionTime: Int64, machineTime: Int64
  ) {
    engine.apply(report, sessionTime: sessionTime, machineTime: machineTime)
    deliver()
  }

  /// Carries out a command; false when it was refused.
  @inlinable public mutating func apply(
    _ command: Command, sessionTime: Int64, machineTime: Int64
  ) -> Bool {
    let done = engine.apply(command, sessionTime: sessionTime, machineTime: machineTime)
    deliver()
    return done
  }

  /// Lets session time pass without market data: timers fire, data ages.
  @inlinable public mutating func advance(sessionTime: Int64, machineTime: Int64) {
    unsafe engineBeginAdvance(engine.core, machineTime)
    // `before` is exclusive, and what is due at this very moment is to fire.
    let bound = sessionTime == .max ? sessionTime : sessionTime + 1
    while let token = unsafe engineTimer(engine.core, before: bound) { fire(token) }
    engine.advance(sessionTime: sessionTime, machineTime: machineTime)
    deliver()
  }

  /// The market's state changed without a record: the feed fell silent or goes on, a gap opened or closed.
  /// The strategy hears ``Strategy/onState(_:_:)`` of the whole market (`none`) and decides at once.
  @inlinable public mutating func stateChanged(sessionTime: Int64, machineTime: Int64) {
    engine.advance(sessionTime: sessionTime, machineTime: machineTime)
    strategy.onState(.none, desk())
    strategy.onBatchEnd(desk())
    deliver()
  }

  /// Hands the strategy what happened to its orders since the last call.
  @inlinable public mutating func deliver() {
    // Bounded: each round may ask for more, but every answer takes a place in a bounded queue.
    for _ in 0..<Engine.updatesPerCallMax {
      guard let update = unsafe engineUpdate(engine.core) else { return }
      strategy.onReport(update, desk())
    }
  }

  /// The desk of strategy 0, on the engine's stable memory, so it overlaps nothing of `self`.
  @_lifetime(immortal)
  @inlinable func desk() -> Desk { unsafe Desk(engine.core, strategy: StrategyID(raw: 0)) }

  @inlinable mutating func fire(_ token: UInt64) {
    strategy.onTimer(token, desk())
    deliver()
  }
}

/// What one market record did, for the call-backs.
@frozen public struct MarketEffect: BitwiseCopyable, Sendable {
  public var instrument = InstrumentID.none
  public var quoteChanged = false
  public var stateChanged = false
  public var hasTrade = false
  public var trade = Trade(
    instrument: .none, price: Price(raw: 0), quantity: Quantity(raw: 0), restingSide: nil,
    matchNumber: 0)
  @inlinable public init() {}
  @inlinable public var isNothing: Bool { !(quoteChanged || stateChanged || hasTrade) }
}

#if !DEBUG
  @_noLocks
#endif
@usableFromInline func engineBeginBatch(
  _ core: UnsafeMutablePointer<EngineState>, _ machineTime: Int64, _ received: UInt64,
  _ decoded: UInt64
) {
  unsafe core.pointee.beginBatch(machineTime: machineTime, received: received, decoded: decoded)
}

#if !DEBUG
  @_noLocks
#endif
@usableFromInline func engineBeginAdvance(
  _ core: UnsafeMutablePointer<EngineState>, _ machineTime: Int64
) {
  unsafe core.pointee.beginCall(machineTime: machineTime)
}

#if !DEBUG
  @_noLocks
#endif
@usableFromInline func engineApply(
  _ core: UnsafeMutablePointer<EngineState>, _ records: UnsafePointer<MarketRecord>, at index: Int,
  count: Int
) -> MarketEffect {
  unsafe core.pointee.apply(records, at: index, count: count)
}

#if !DEBUG
  @_noLocks
#endif
@usableFromInline func engineApply(
  _ core: UnsafeMutablePointer<EngineState>, _ record: UnsafePointer<FeedRecord>, channel: UInt8
) -> MarketEffect {
  unsafe core.pointee.apply(record, channel: channel)
}

#if !DEBUG
  @_noLocks
#endif
@usableFromInline func engineBooked(_ core: UnsafeMutablePointer<EngineState>) {
  unsafe core.pointee.endBatch()
}

#if !DEBUG
  @_noLocks
#endif
@usableFromInline func engineTimer(
  _ core: UnsafeMutablePointer<EngineState>, before time: Int64
) -> UInt64? {
  unsafe core.pointee.takeTimer(before: time)
}

#if !DEBUG
  @_noLocks
#endif
@usableFromInline func engineUpdate(
  _ core: UnsafeMutablePointer<EngineState>
) -> OrderUpdate? {
  unsafe core.pointee.updates.take()
}
