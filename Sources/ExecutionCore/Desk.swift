/// What a strategy may do: look, place, change, cancel. Lent for one call-back; can't be kept.
///
/// Threading: the engine's thread. No call allocates, blocks or traps on its arguments: an unknown
/// instrument or a stale handle is refused or answered with nothing.
///
/// Every call is `@_noLocks` in release builds, so that a user's own `@_noLocks` function is checked
/// through it. Debug builds compile file by file, and could not check what lies in another file.
@safe @frozen public struct Desk: ~Copyable, ~Escapable {
  @usableFromInline let core: UnsafeMutablePointer<EngineState>
  public let strategy: StrategyID

  @_lifetime(immortal)
  @inlinable init(_ core: UnsafeMutablePointer<EngineState>, strategy: StrategyID) {
    unsafe self.core = unsafe core
    self.strategy = strategy
  }

  /// The desk of the strategy that many numbers further, for ``Pair``.
  @_lifetime(immortal)
  @inlinable public func shifted(by count: Int) -> Desk {
    unsafe Desk(core, strategy: StrategyID(raw: strategy.raw &+ UInt32(truncatingIfNeeded: count)))
  }
  /// Whether a strategy number is one of the `count` from this desk's on.
  @inlinable public func owns(_ other: StrategyID, of count: Int) -> Bool {
    other.raw >= strategy.raw && other.raw &- strategy.raw < UInt32(truncatingIfNeeded: count)
  }

  // MARK: Time

  /// The feed's time: nanoseconds since 1970 UTC.
  @inlinable public var sessionTime: Int64 { unsafe core.pointee.sessionTime }
  /// The strategy whose timer is firing, during ``Strategy/onTimer(_:_:)``.
  @inlinable public var timerStrategy: StrategyID { unsafe core.pointee.timerStrategy }
  /// Calls ``Strategy/onTimer(_:_:)`` with the token once session time has reached `due`; false when
  /// all timers are in use. A time that has come already is the next record's, or the next call's: no timer
  /// fires twice in one, and of all together at most ``Engine/timersPerCallMax``.
  #if !DEBUG
    @_noLocks
  #endif
  public func setTimer(due: Int64, token: UInt64) -> Bool {
    unsafe core.pointee.setTimer(due: due, token: token, strategy: strategy)
  }

  // MARK: Market

  @inlinable public var instrumentCount: Int { unsafe core.pointee.instrumentCount }
  /// Best bid and offer of the book; zeros for an empty side or an unknown instrument.
  #if !DEBUG
    @_noLocks
  #endif
  public func quote(_ instrument: InstrumentID) -> Quote {
    unsafe core.pointee.quotes.quote(instrument)
  }
  /// The last quote that passed every data-quality gate; its time is 0 when there never was one.
  #if !DEBUG
    @_noLocks
  #endif
  public func goodQuote(_ instrument: InstrumentID) -> GoodQuote {
    unsafe core.pointee.quotes.goodQuote(instrument, now: core.pointee.sessionTime)
  }
  /// Why the present quote is not to be trusted; empty when it passes every gate.
  #if !DEBUG
    @_noLocks
  #endif
  public func gates(_ instrument: InstrumentID) -> QualityGates {
    unsafe core.pointee.quotes.gates(instrument, now: core.pointee.sessionTime)
  }
  /// The last print that counts in the volume; nil before the first.
  #if !DEBUG
    @_noLocks
  #endif
  public func lastTrade(_ instrument: InstrumentID) -> LastTrade? {
    unsafe core.pointee.quotes.lastTrade(instrument)
  }
  /// Whether the instrument trades, market hours apart.
  #if !DEBUG
    @_noLocks
  #endif
  public func status(_ instrument: InstrumentID) -> MarketStatus {
    unsafe core.pointee.quotes.status(instrument)
  }
  /// Where the day of the instrument's market stands.
  #if !DEBUG
    @_noLocks
  #endif
  public func hours(_ instrument: InstrumentID) -> MarketHours {
    unsafe core.pointee.quotes.hours(instrument)
  }
  /// What a short sale of the instrument must hold to.
  #if !DEBUG
    @_noLocks
  #endif
  public func shortSale(_ instrument: InstrumentID) -> ShortSaleRule {
    unsafe core.pointee.quotes.shortSale(instrument)
  }
  /// Price, quantity and orders of the `level`-th best price (0 the best); nil when there is none.
  #if !DEBUG
    @_noLocks
  #endif
  public func depth(_ instrument: InstrumentID, _ side: Side, level: Int) -> DepthLevel? {
    unsafe core.pointee.depth(instrument, side, level: level)
  }
  /// A session is up that takes this strategy's orders in the instrument, and its past is settled.
  #if !DEBUG
    @_noLocks
  #endif
  public func venueIsReady(_ instrument: InstrumentID) -> Bool {
    unsafe core.pointee.isReady(strategy, instrument)
  }
  /// Whether risk would let an order through as far as session, status, book and data age go.
  #if !DEBUG
    @_noLocks
  #endif
  public func isTradable(_ instrument: InstrumentID) -> Bool {
    unsafe core.pointee.isTradable(strategy, instrument)
  }
  /// Not tradable, and only because messages of the feed are missing that another line or a re-request
  /// may bring in a moment. New orders are refused; a strategy may let those rest that work, since the
  /// moment is bounded: then this ends, and ``Strategy/onState(_:_:)`` says so.
  #if !DEBUG
    @_noLocks
  #endif
  public func awaitsRepair(_ instrument: InstrumentID) -> Bool {
    unsafe core.pointee.awaitsRepair(strategy, instrument)
  }
  /// The smallest price step at this price, at the instrument's exponent; 0 for an unknown instrument, or when
  /// no venue takes this strategy's orders in it.
  #if !DEBUG
    @_noLocks
  #endif
  public func tick(_ instrument: InstrumentID, at price: Price) -> Int64 {
    unsafe core.pointee.tickSize(strategy, instrument, at: price.raw)
  }

  // MARK: Own state

  /// Net position of this strategy, executed only.
  #if !DEBUG
    @_noLocks
  #endif
  public func position(_ instrument: InstrumentID) -> Quantity {
    unsafe core.pointee.position(strategy, instrument)
  }
  #if !DEBUG
    @_noLocks
  #endif
  public func openOrderCount(_ instrument: InstrumentID) -> Int {
    unsafe core.pointee.openOrderCount(strategy, instrument)
  }
  #if !DEBUG
    @_noLocks
  #endif
  public func order(_ handle: OrderHandle) -> OrderView? {
    unsafe core.pointee.view(handle)
  }
  /// Walks this strategy's open orders in an instrument, newest first: begin with
  /// ``OrderHandle/none``; nil at the end, or when `after` is no open order any more.
  #if !DEBUG
    @_noLocks
  #endif
  public func openOrder(_ instrument: InstrumentID, after: OrderHandle) -> OrderHandle? {
    unsafe core.pointee.openOrder(strategy, instrument, after: after)
  }
  /// Quantity ahead of our order at its price in the book; nil when the book does not show it.
  #if !DEBUG
    @_noLocks
  #endif
  public func queuePosition(_ handle: OrderHandle) -> Quantity? {
    unsafe core.pointee.queuePosition(handle)
  }

  // MARK: Orders

  /// The number of the last refusal, by which it can be cited: those of a session are counted from 1, and
  /// journalled with it.
  @inlinable public var lastRefusal: UInt64 { unsafe core.pointee.counters.total.refused }

  /// Checks, journals and queues a new limit order.
  #if !DEBUG
    @_noLocks
  #endif
  public func place(
    _ instrument: InstrumentID, _ side: Side, price: Price, quantity: Quantity,
    timeInForce: TimeInForce = .day, flags: OrderFlags = .none
  ) -> Verdict {
    unsafe core.pointee.place(
      OrderRequest(
        instrument: instrument, account: core.pointee.account(of: strategy), strategy: strategy,
        side: side, price: price, quantity: quantity, timeInForce: timeInForce, flags: flags))
  }
  /// Asks for new terms; loses priority at the venue. `quantity` is the whole, executions included.
  #if !DEBUG
    @_noLocks
  #endif
  public func replace(
    _ handle: OrderHandle, price: Price, quantity: Quantity
  ) -> RequestVerdict {
    guard unsafe core.pointee.belongs(handle, to: strategy) else {
      return unsafe core.pointee.unknownOrder()
    }
    return unsafe core.pointee.replace(handle, price: price.raw, quantity: quantity.raw)
  }
  /// Makes an order smaller in place, keeping its priority. `quantity` is the whole.
  #if !DEBUG
    @_noLocks
  #endif
  public func modify(_ handle: OrderHandle, quantity: Quantity) -> RequestVerdict {
    guard unsafe core.pointee.belongs(handle, to: strategy) else {
      return unsafe core.pointee.unknownOrder()
    }
    return unsafe core.pointee.modify(handle, quantity: quantity.raw)
  }
  /// Cancels all of it. Cancels always pass risk.
  #if !DEBUG
    @_noLocks
  #endif
  public func cancel(_ handle: OrderHandle) -> RequestVerdict {
    guard unsafe core.pointee.belongs(handle, to: strategy) else {
      return unsafe core.pointee.unknownOrder()
    }
    return unsafe core.pointee.cancel(handle, quantity: 0)
  }
  /// Cancels this strategy's open orders in an instrument; returns how many were asked for.
  #if !DEBUG
    @_noLocks
  #endif
  public func cancelAll(_ instrument: InstrumentID) -> Int {
    unsafe core.pointee.cancelAll(strategy, instrument)
  }
}

/// One price level of a book.
@frozen public struct DepthLevel: BitwiseCopyable, Sendable, Hashable {
  public var price: Price
  public var quantity: Quantity
  public var orders: Int
  @inlinable public init(price: Price, quantity: Quantity, orders: Int) {
    self.price = price
    self.quantity = quantity
    self.orders = orders
  }
}
