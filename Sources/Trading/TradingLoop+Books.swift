public import ExecutionCore
public import Gateways
public import Transport

/// The session's name, and the books by snapshot.
extension TradingLoop where Gateway: ~Copyable {
  /// Books by snapshot, and the feed spliced to it by sequence. After a gap; never inlined for that.
  @inline(never) @inlinable
  mutating func receiveSnapshot(_ event: borrowing ReactorEvent) {
    let market = path.driver.engine.market
    let now = path.now
    let progress = snapshot.handle(event, &path.reactor, market, now: now) { time in
      feed.timeInSnapshot(time, now: now)
    }
    identify()
    guard case .complete = progress else { return }
    loading.begin(now: now)
    spliceLoaded()
  }

  /// Who is told the session by nobody learns it from the snapshot service.
  @inlinable mutating func identify() {
    guard feed.lines.receiver.session == nil else { return }
    if let session = snapshot.session {
      feed.lines.adopt(session)
    } else {
      snapshot.learn(now: path.now)
    }
  }

  @inlinable mutating func tickSnapshot() {
    identify()
    if snapshot.loaded != 0 { spliceLoaded() }
    let isWhole = path.driver.engine.market.channelState.isWhole
    snapshot.look(isWhole: isWhole, now: path.now)
    let session = feed.lines.receiver.session
    let isGoingOn = snapshot.tick(
      &path.reactor, at: settings.snapshotServer, of: session, now: path.now)
    if !isGoingOn { beginStop(session == nil ? .noSession : .noSnapshot) }
  }

  /// Goes on behind the snapshot that is loaded, when the lines have come to where it ends: what it alone says is
  /// not believed. No book is whole until then.
  @inlinable mutating func spliceLoaded() {
    let market = path.driver.engine.market
    let next = snapshot.loaded
    switch feed.lines.receiver.standing(of: next) {
    case .fits: break
    case .early where loading.look(now: path.now) < settings.loadedMax:
      // It has been consumed, as far as whoever waits for that is concerned.
      if let flow = settings.flow { flow.consumed = max(flow.consumed, next &- 1) }
      return
    case .early, .older: return snapshot.refuse()
    case .implausible:
      feed.lines.receiver.refuseSnapshot()
      return snapshot.refuse()
    }
    let lost = feed.lines.receiver.unseen(before: next)
    if lost > 0 { market.gapLost(missing: lost) }
    market.endSnapshot(next: next)
    // What was kept meanwhile is old, and comes now: nothing rests on a quote before the last of it is in.
    market.feedIsLate()
    let received = path.reactor.ticks
    unsafe feed.splice(at: next, now: path.now, market: market) { records, count in
      unsafe path.apply(records, count, received: received)
    }
    snapshot.accept()
    settings.flow?.consumed = feed.lines.receiver.nextSequence &- 1
    // A gap above the snapshot, the end of the session: both may lie in what was kept.
    feedEvents(feed.lines.takeEvents())
    guard !watchdog.isLate else { return }
    market.feedIsTimely()
    announceState()
  }

  /// A feed that has orders, and has named none of the instruments: there is nothing to trade in it. ITCH names all
  /// symbols of the day before the first order.
  @inlinable mutating func checkDirectory() {
    let market = path.driver.engine.market
    guard market.feedState.directory.named == 0, end == nil, market.channelState.isWhole,
      market.books.live > 0
    else {
      isNameless = false
      return
    }
    if !isNameless {
      isNameless = true
      nameless.begin(now: path.now)
    } else if nameless.look(now: path.now) >= settings.namelessMax {
      beginStop(.noInstrument)
    }
  }

  /// What of the feeds was not believed, for the main thread to say: of all of them together, but what is of lines.
  @inlinable mutating func reportFeed() {
    var counts = FeedCounts()
    counts.add(feed.lines)
    counts.implausibleTimes = feed.implausibleTimes
    counts.malformed = feed.malformed
    let directory = path.driver.engine.market.feedState.directory
    counts.unlisted = UInt64(directory.unlisted)
    for i in 0..<prices.count {
      counts.add(prices[i].lines)
      counts.implausibleTimes &+= prices[i].implausibleTimes
      counts.malformed &+= prices[i].malformed
      counts.unlisted &+= prices[i].unlisted
      counts.lost &+= prices[i].losses
      counts.unequal &+= prices[i].unequal
    }
    counts.tell(monitor)
    monitor.set(.skipped, feed.skipped &+ snapshot.skipped)
    monitor.set(.snapshots, snapshot.taken)
    monitor.set(.lost, feed.lines.receiver.counters.lost)
    monitor.set(.unequalLots, UInt64(directory.unequalLots))
    if feed.lines.isOff, prices.count > 0 {
      tellLines(prices[0].lines)
    } else {
      tellLines(feed.lines)
    }
    reportWatchdog()
  }

  @inlinable func tellLines(_ lines: borrowing FeedLines) {
    monitor.set(.lineA, lines.receiver.line(0).datagrams)
    monitor.set(.lineB, lines.receiver.line(1).datagrams)
  }

  /// What the thread has missed, in the order in which whoever reads it looks at it.
  @inlinable func reportWatchdog() {
    monitor.set(.longestStall, UInt64(watchdog.longestStall))
    monitor.set(.pulls, watchdog.pulls)
    monitor.set(.stalls, watchdog.stalls)
    monitor.set(.lates, watchdog.lates)
  }
}
