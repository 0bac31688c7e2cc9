public import ExecutionCore
public import Gateways

/// The end of a run: in order, or without a network at once.
extension TradingLoop where Gateway: ~Copyable {
  /// Without a network nothing is left to be done.
  @inline(never) @inlinable mutating func fail(_ error: Int32) {
    loseMissing()
    path.driver.engine.end(.networkFailed(error))
    report()
    ending.reason = .networkFailed(error)
    isFinished = true
  }

  @inlinable mutating func checkStop() {
    switch monitor.stopReason {
    case .none: break
    case .signal: beginStop(.signal)
    case .duration: beginStop(.duration)
    case .exchangeLost: beginStop(.exchangeLost)
    case .atOnce: beginStop(.signal)
    }
    if isRefused { beginStop(.exchangeLost) }
    guard end != nil else { return }
    let waited = ending.clock.look(now: path.now)
    let isAtOnce = monitor.stopReason == .atOnce
    let isOver = waited >= settings.stopLongest || isAtOnce
    let open = openOrdersInReach
    guard open == 0 || isOver || !isAnswered(open: open) else { return }
    let mayRepair = isBehind && monitor.stopReason != .exchangeLost && !isOver
    guard !mayRepair || ending.repairing.look(now: path.now) >= settings.repairMax else { return }
    guard !isReconnecting || isAtOnce || waited >= settings.reconnectMax else { return }
    loseMissing()
    for i in 0..<path.orders.count { path.orders[i].close(&path.reactor, now: path.now) }
    path.driver.engine.end(end ?? .unsaid)
    report()
    isFinished = true
  }

  /// A session that was up is being made again: a run is not to end in the middle of that.
  @inlinable var isReconnecting: Bool {
    for i in 0..<path.orders.count
    where path.orders[i].refusals.hasLoggedIn && !path.orders[i].gateway.isCaughtUp && !isGone(i) {
      return true
    }
    return false
  }

  @inlinable mutating func isAnswered(open: Int) -> Bool {
    let ready = path.driver.engine.portsReady
    return ending.sinceAnswer(open: open, ready: ready, now: path.now) < settings.stopMax
  }

  /// Messages are missing, or the books that a snapshot gives.
  @usableFromInline var isBehind: Bool {
    feed.lines.receiver.hasGap || snapshot.isWanted || pricesAreRepairing
  }

  /// What is still missing when the run ends will not be repaired any more: it is lost, and no book is
  /// whole.
  @inlinable mutating func loseMissing() {
    for i in 0..<prices.count { prices[i].loseMissing(path.driver.engine.prices) }
    guard feed.lines.receiver.hasGap || snapshot.isWanted else { return }
    path.driver.engine.market.gapLost(missing: feed.lines.receiver.missing)
  }

  /// The strategies fall silent, every working order is cancelled, and the confirmations are awaited.
  @inlinable mutating func beginStop(_ reason: RunEnd) {
    guard end == nil else { return }
    ending.begin(reason, now: path.now)
    monitor.phase = .stopping
    path.driver.strategy.isOn = false
    _ = path.driver.engine.cancelAll()
    path.drain()
  }

  /// A port is given up: what works there can be neither cancelled nor asked about any more.
  @inlinable var isRefused: Bool {
    for i in 0..<path.orders.count where path.orders[i].isRefused { return true }
    return false
  }

  /// Nothing more is awaited of a port: it is given up, or its venue does not come back, says who started that.
  @inlinable func isGone(_ i: Int) -> Bool {
    path.orders[i].isRefused
      || monitor.get(.lostVenues) &>> UInt64(path.orders[i].venue.raw) & 1 != 0
  }

  /// Open orders that can still be confirmed as cancelled.
  @inlinable var openOrdersInReach: Int {
    var open = path.driver.engine.openOrderCount
    guard open > 0 else { return 0 }
    for i in 0..<path.orders.count where isGone(i) {
      open &-= path.driver.engine.openOrderCount(of: path.orders[i].port)
    }
    return open
  }
}
