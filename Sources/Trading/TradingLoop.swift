public import ExecutionCore
public import Gateways
public import Transport

/// The inline topology: receive, decode, engine, strategy, risk, encode and send on one thread.
///
/// Each round polls the reactor, applies what came, hands the engine's requests to the wire, and every
/// ``tickInterval`` looks at timers, connections and the main thread's wishes.
///
/// Threading: made, run and ended on the hot thread.
@safe @usableFromInline
package struct TradingLoop<S: Strategy, Gateway: OrderEntryGateway & ~Copyable>: ~Copyable {
  @inlinable static var tickInterval: Int64 { 5_000_000 }
  /// The same while something is missing: what to ask for is looked at as often.
  @inlinable static var repairInterval: Int64 { 500_000 }
  @inlinable static var totalsInterval: Int64 { 500_000_000 }
  @inlinable static var commandsPerTick: Int { 16 }

  /// The feed of orders; off where there is none.
  @usableFromInline package internal(set) var feed: FeedClient
  /// The feeds by price.
  @usableFromInline package let prices: PriceFeedClients
  @usableFromInline package internal(set) var path: HotPath<S, Gateway>
  @usableFromInline package internal(set) var snapshot: SnapshotClient
  @usableFromInline let monitor: RunMonitor
  @usableFromInline package internal(set) var watchdog: Watchdog
  @usableFromInline let settings: TradingLoopSettings
  @usableFromInline var nextTick: Int64 = 0
  @usableFromInline var nextTotals: Int64 = 0
  @usableFromInline package internal(set) var sight = MarketSight()
  @usableFromInline package internal(set) var ending = RunEnding(interval: Self.tickInterval)
  /// Since a snapshot is loaded that the lines have not come to.
  @usableFromInline var loading = LookClock(interval: Self.tickInterval)
  /// Since there are books, and none of an instrument of ours.
  @usableFromInline var nameless = LookClock(interval: Self.tickInterval)
  @usableFromInline var isNameless = false
  @usableFromInline var isKillFileThere = false
  /// The channels of the feeds that have ended, one bit each.
  @usableFromInline var endedFeeds: UInt8 = 0
  /// What works in a latched scope, or at the end, has been cancelled for so many causes.
  @usableFromInline var latchesSeen: UInt64 = 0
  /// Session nanoseconds without a message after which the feed counts as silent.
  @usableFromInline let feedAgeMax: Int64
  @usableFromInline package internal(set) var isFinished = false

  @inlinable package init(
    feed: consuming FeedClient, prices: PriceFeedClients = PriceFeedClients(),
    path: consuming HotPath<S, Gateway>, snapshot: consuming SnapshotClient,
    monitor: RunMonitor, settings: TradingLoopSettings
  ) {
    let quality = path.driver.engine.configuration.marketData.feedStaleAfter
    let dataAgeMax = path.driver.engine.configuration.dataAgeMax
    feedAgeMax = quality > 0 ? min(quality, dataAgeMax) : dataAgeMax
    self.snapshot = snapshot
    self.feed = feed
    self.prices = prices
    self.path = path
    self.monitor = monitor
    self.settings = settings
    watchdog = Watchdog(
      lagMax: settings.lagMax, stallMin: settings.stallMin, pullAfter: settings.pullAfter)
  }

  @inlinable deinit { prices.free() }

  /// Why it ends or has ended; nil while it goes on.
  @inlinable package var end: RunEnd? { ending.reason }

  /// Runs until everything has been ended in order; then ``end`` says why.
  @inlinable package mutating func run() {
    begin()
    while !isFinished { turn() }
  }

  /// The first tick. Who does not ``run()`` begins with it, then calls ``turn()`` when it is ``due``.
  @inlinable package mutating func begin() {
    path.now = path.reactor.now
    tick()
  }

  /// Machine time at which a turn has something to do if nothing arrives before; a moment of the past where it has
  /// already. For who shares the thread with it, over a network in memory.
  @inlinable package var due: Int64 { min(nextTick, path.reactor.due ?? .max) }

  /// One look at the sockets and what follows from it, and every few milliseconds all the rest.
  @inlinable package mutating func turn() {
    let error = look()
    if error != 0 { fail(error) }
    if path.now >= nextTick, !isFinished { tick() }
  }

  /// One look at the sockets, and what follows from it. Returns 0, or the errno of a broken reactor.
  ///
  /// Never inlined: what `run` says at the end is text, and its machine code could not be held to the rules
  /// of the hot path (perf/hot-symbols).
  @inline(never) @inlinable
  mutating func look() -> Int32 {
    let count = path.reactor.poll(settings.wait)
    guard count >= 0 else { return Int32(truncatingIfNeeded: -count) }
    let now = path.reactor.now
    let gap = now &- path.now
    path.now = now
    if gap >= watchdog.gapMin { wasLate(gap, isStall: true) }
    for index in 0..<count { handle(path.reactor.event(index)) }
    path.resume()
    if watchdog.isLate, watchdog.looked(foundAny: count > 0) { isTimelyAgain() }
    return 0
  }

  /// The thread was not run for so long, or read what had arrived so long ago. All that is read until the sockets are
  /// empty is old: nothing new rests on it. Never inlined: after a stall only.
  @inline(never) @inlinable
  mutating func wasLate(_ lag: Int64, isStall: Bool) {
    let finding = watchdog.find(lag, isStall: isStall)
    if watchdog.isLate { setLate(true) }
    switch finding {
    case .late: return
    case .pull: _ = path.driver.engine.cancelAll()
    case .stalled: break
    }
    announceState()
    path.drain()
  }

  @inline(never) @inlinable mutating func isTimelyAgain() {
    watchdog.isLate = false
    setLate(false)
    // Who has withdrawn, or waited, looks again.
    announceState()
  }

  @inline(__always) @inlinable
  mutating func handle(_ event: borrowing ReactorEvent) {
    let token = event.token
    if feed.lines.isOwn(token) {
      guard event.kind == .received else { return feedFailed(event) }
      return feed.lines.isRequest(token) ? receiveAnswer(event) : receiveFeed(event)
    }
    if let index = OrderEntryToken.index(token, of: path.orders.count) {
      return path.receiveReports(event, index)
    }
    if let index = PriceFeedToken.index(token, of: prices.count) {
      return receivePrices(event, index)
    }
    if token == SnapshotClient.token { receiveSnapshot(event) }
  }

  // MARK: Market data

  /// Never inlined: rare.
  @inline(never) @inlinable mutating func feedFailed(_ event: borrowing ReactorEvent) {
    feed.lines.failed(event, &path.reactor, now: path.now)
  }

  @inline(__always) @inlinable mutating func receiveFeed(_ event: borrowing ReactorEvent) {
    let received = path.reactor.ticks
    let arrived = event.receiveTime
    let isTimely = arrived != 0 && isTimely(arrived)
    let market = path.driver.engine.market
    unsafe feed.receive(event.bytes, token: event.token, now: path.now, market: market) {
      records, count in
      unsafe path.apply(records, count, received: received, arrived: arrived)
    }
    settings.flow?.consumed = feed.lines.receiver.nextSequence &- 1
    let events = feed.lines.takeEvents()
    if !events.isEmpty { feedEvents(events) }
    // What lies behind it came later still; and now it is in the books, with the hole before it if there is one.
    if isTimely { isTimelyAgain() }
  }

  /// Looks at when a datagram arrived; true where it is the first one in time after others that were late.
  @inline(__always) @inlinable mutating func isTimely(_ arrived: Int64) -> Bool {
    let lag = path.now &+ path.realtimeOffset &- arrived
    path.latency.record(.lag, nanoseconds: max(0, lag))
    guard lag > watchdog.lagMax else { return watchdog.isLate }
    wasLate(lag, isStall: false)
    return false
  }

  /// A re-request was answered: the next one follows at once. Never inlined: after a gap only.
  @inline(never) @inlinable
  mutating func receiveAnswer(_ event: borrowing ReactorEvent) {
    guard feed.lines.isAnswer(from: event.peer) else { return }
    receiveFeed(event)
    guard feed.lines.receiver.hasGap || feed.lines.receiver.isDisputed else { return }
    feed.lines.request(&path.reactor, now: path.now)
    let events = feed.lines.takeEvents()
    if !events.isEmpty { feedEvents(events) }
  }

  /// A gap, a loss, the end of the session. Never inlined: what it may say is text.
  @inline(never) @inlinable
  mutating func feedEvents(_ said: MoldEvents) {
    var events = said
    // One of two copies is wrong, and it may be the one that is in the books.
    if events.contains(.disagreement) { events.formUnion(feed.lines.receiver.distrust()) }
    let market = path.driver.engine.market
    if events.contains(.gapOpened) {
      market.gapDetected()
      sight.gapSince = path.now
      ending.repairing.begin(now: path.now)
    }
    if events.contains(.disputed), !feed.lines.receiver.hasGap {
      market.gapDetected()
      sight.gapSince = path.now
    }
    let isOver = events.contains(.gapClosed) || events.contains(.settled)
    let isRepaired =
      isOver && !feed.lines.receiver.hasGap && !feed.lines.receiver.isDisputed && !snapshot.isWanted
    if isRepaired { market.gapRepaired() }
    if events.contains(.needsSnapshot) {
      // Given up: no book is whole until the snapshot, which tells how many messages it went over.
      market.gapLost(missing: 0)
      snapshot.begin(now: path.now)
    }
    if events.contains(.gapOpened) || events.contains(.disputed) {
      feed.lines.request(&path.reactor, now: path.now)
      nextTick = min(nextTick, path.now &+ Self.repairInterval)
    }
    let wasBlind = sight.isBlind
    checkSight()
    // Who was not told to withdraw has waited with its quotes: they are looked at again.
    if isRepaired, !wasBlind, !sight.isBlind { announceState() }
    if events.contains(.endOfSession) { feedHasEnded(settings.ordersChannel) }
  }

  // MARK: Every few milliseconds

  @inlinable mutating func tick() {
    let isRepairing =
      feed.lines.receiver.hasGap || feed.lines.receiver.isDisputed || snapshot.loaded != 0
      || pricesAreRepairing
    nextTick = path.now &+ (isRepairing ? Self.repairInterval : Self.tickInterval)
    countSight()
    path.realtimeOffset = path.reactor.realtimeOffset
    path.tick()
    feed.lines.request(&path.reactor, now: path.now)
    let events = feed.lines.takeEvents()
    if !events.isEmpty { feedEvents(events) }
    if !feed.lines.isOff {
      tickSnapshot()
      checkDirectory()
    }
    tickPrices()
    if path.clock.hasBegun {
      path.driver.advance(sessionTime: path.clock.time(now: path.now), machineTime: path.now)
    }
    path.drain()
    checkSight()
    report()
    checkKillFile()
    takeCommands()
    checkLatches()
    if monitor.phase == .starting, path.driver.engine.portsReady > 0, path.clock.hasBegun {
      monitor.phase = .trading
    }
    checkStop()
  }

  /// The kill file appears: the firm is stopped. It goes: a person may re-arm from now on, and nobody has yet.
  @inlinable mutating func checkKillFile() {
    guard monitor.get(.killFile) != (isKillFileThere ? 1 : 0) else { return }
    isKillFileThere.toggle()
    var command = Command(isKillFileThere ? .kill : .conditionEnded, scope: .firm)
    command.cause = LatchCause.killFile.rawValue
    _ = carryOut(command.named(settings.person, because: "the kill file"))
  }

  /// What people have asked since the last look.
  @inlinable mutating func takeCommands() {
    guard let control = settings.control else { return }
    // Bounded: each command takes a place of the ring, and an answer gives it back.
    for _ in 0..<Self.commandsPerTick {
      guard let command = control.next() else { return }
      let isDone = carryOut(command)
      control.tell(
        ControlRing.Answer(
          command, isDone: isDone, causes: path.driver.engine.causes(command),
          everywhere: path.driver.engine.allCauses))
    }
  }

  @inlinable mutating func carryOut(_ command: Command) -> Bool {
    let isDone = path.driver.apply(
      command, sessionTime: path.clock.time(now: path.now), machineTime: path.now)
    path.drain()
    return isDone
  }

  /// Quotes rest on what the feed says. When it says nothing, or a part of it is missing for longer than
  /// ``TradingLoopSettings/gapGrace``, strategies are told, so that they can withdraw; and again when it goes
  /// on. Until then they place nothing new: no book is whole.
  @inlinable mutating func checkSight() {
    let isMissing = feed.lines.receiver.hasGap || feed.lines.receiver.isDisputed
    let isLate = isMissing && path.now &- sight.gapSince >= settings.gapGrace
    if isLate { path.driver.engine.market.repairIsLate() }
    guard path.clock.hasBegun else { return }
    let time = path.clock.time(now: path.now)
    if !feed.lines.isOff {
      let isSilent = path.driver.engine.market.feedAge(now: time) > feedAgeMax
      sight.state =
        snapshot.isWanted ? .snapshot : isLate ? .gap : isSilent ? .silent : .clear
    }
    var changed = sight.isNewlyBlind(isReady: path.driver.engine.portsReady > 0)
    for i in 0..<prices.count where look(atPrices: i, time) { changed = true }
    if changed { announceState() }
  }

  @inlinable mutating func countSight() {
    let canSend = !watchdog.isLate && path.driver.engine.portsReady > 0
    let hasBegun = monitor.phase == .trading
    var isClear = !feed.lines.isOff && sight.state == .clear
    for i in 0..<prices.count {
      let isOwnClear = prices[i].sight.state == .clear
      isClear = isClear || isOwnClear
      prices[i].sight.count(canSend && isOwnClear, hasBegun: hasBegun, now: path.now)
    }
    sight.count(canSend && isClear, hasBegun: hasBegun, now: path.now)
  }

  @inlinable mutating func announceState() {
    guard path.clock.hasBegun else { return }
    path.driver.stateChanged(
      sessionTime: path.clock.time(now: path.now), machineTime: path.now)
    path.drain()
  }

  /// What stops new orders for good stops the re-pricing of those that work: they are cancelled, once, or
  /// once more when the session comes back. Without a journal or a fuse the run ends.
  @inlinable mutating func checkLatches() {
    if path.driver.engine.journalFailure != 0 { beginStop(.journalFailed) }
    for i in 0..<path.orders.count where path.orders[i].gateway.fuseTripped != nil {
      beginStop(.fuseTripped)
    }
    let latched = path.driver.engine.latchesSet
    let isNew = latched > latchesSeen
    var isMore = false
    for i in 0..<path.orders.count where path.orders[i].isReadyAnew(path.driver.engine) {
      isMore = true
    }
    latchesSeen = latched
    if isNew { tellLatches() }
    guard isNew || isMore, path.driver.engine.portsReady > 0 else { return }
    _ = end == nil ? path.driver.engine.cancelLatched() : path.driver.engine.cancelAll()
    path.drain()
  }

  @inlinable mutating func tellLatches() {
    let last = path.driver.engine.lastLatch
    monitor.set(.latchPlace, UInt64(last.place))
    monitor.set(.latchCause, UInt64(last.cause.rawValue))
    monitor.set(.latches, path.driver.engine.latchesSet)
  }

  /// The port whose log-ins are refused now, for the main thread to say.
  @inlinable func reportRefusals() {
    var word: UInt64 = 0
    for i in 0..<path.orders.count where word == 0 {
      word = RunMonitor.LoginRefusal.word(path.orders[i].refusals, port: i)
    }
    monitor.set(.loginRefusal, word)
  }

  @inlinable mutating func report() {
    let counters = path.driver.engine.counters
    monitor.set(.messages, counters.marketRecords)
    reportFeed()
    reportRefusals()
    monitor.set(.sessionTime, UInt64(bitPattern: path.clock.lastMessage))
    monitor.set(.ordersSent, counters.newOrders)
    monitor.set(.fills, counters.standingExecutions)
    monitor.set(.openOrders, UInt64(bitPattern: counters.openOrders))
    monitor.set(.portsReady, UInt64(path.driver.engine.portsReady))
    monitor.set(.sight, worstSight.rawValue)
    monitor.set(.boundsNear, path.driver.engine.boundsNear)
    path.driver.engine.refreshTotals()
    guard path.now >= nextTotals else { return }
    nextTotals = path.now &+ Self.totalsInterval
    let totals = path.driver.engine.totals
    monitor.set(.grossPosition, UInt64(clamping: totals.grossPosition))
    let profit = Int64(clamping: totals.netProfit.raw / 10_000)
    monitor.set(.netProfit, UInt64(bitPattern: profit))
  }

}
