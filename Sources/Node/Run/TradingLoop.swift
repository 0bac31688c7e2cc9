import CSupport
import ExecutionCore
import Foundation
import Gateways
import Transport

/// The inline topology: receive, decode, engine, strategy, risk, encode and send on one thread.
///
/// Each round polls the reactor, applies what came, hands the engine's requests to the wire, and every
/// ``tickInterval`` looks at timers, connections and the main thread's wishes.
///
/// Threading: made, run and ended on the hot thread.
struct TradingLoop<S: Strategy>: ~Copyable {
  static var tickInterval: Int64 { 5_000_000 }

  var feed: FeedClient
  var path: HotPath<S>
  let monitor: RunMonitor
  let settings: TradingLoopSettings
  private var nextTick: Int64 = 0
  private var batches: UInt64 = 0
  private var stopDeadline: Int64 = 0
  private var endReason = ""
  private var isKilled = false
  private var isFinished = false

  init(
    feed: consuming FeedClient, path: consuming HotPath<S>, monitor: RunMonitor,
    settings: TradingLoopSettings
  ) {
    self.feed = feed
    self.path = path
    self.monitor = monitor
    self.settings = settings
  }

  /// Runs until everything has been ended in order. Returns why it ended.
  mutating func run() -> String {
    path.now = nt_clock_now()
    tick()
    while !isFinished {
      let count = path.reactor.poll(settings.wait)
      guard count >= 0 else {
        monitor.set(.failure, UInt64(-count))
        return "network failure: \(ReactorError.text(ofErrorNumber: Int32(-count)))"
      }
      path.now = nt_clock_now()
      for index in 0..<count { handle(path.reactor.event(index)) }
      if path.now >= nextTick { tick() }
    }
    return endReason
  }

  @inline(__always)
  private mutating func handle(_ event: borrowing ReactorEvent) {
    switch event.token {
    case FeedClient.Token.lineA, FeedClient.Token.lineB, FeedClient.Token.request:
      if event.kind == .received { receiveFeed(event) }
    case OrderEntryClient.token:
      path.receiveReports(event)
    default: break
    }
  }

  // MARK: Market data

  private mutating func receiveFeed(_ event: borrowing ReactorEvent) {
    let received = nt_clock_ticks()
    let arrived = event.receiveTime
    feed.receive(event.bytes, token: event.token) { records, count in
      path.apply(records, count, received: received)
    }
    let stage = path.driver.engine.stage
    if stage.decided != 0 || batches & 63 == 0 { path.record(stage, arrived: arrived) }
    batches &+= 1
    if let consumed = settings.consumed {
      nt_word_store(consumed, feed.receiver.nextSequence &- 1)
    }
    let events = feed.takeEvents()
    if !events.isEmpty { feedEvents(events) }
  }

  private mutating func feedEvents(_ events: MoldEvents) {
    if events.contains(.gapOpened) || events.contains(.needsSnapshot) {
      feed.request(&path.reactor, now: path.now)
    }
    if events.contains(.endOfSession) { beginStop("end of feed") }
  }

  // MARK: Every few milliseconds

  private mutating func tick() {
    nextTick = path.now &+ Self.tickInterval
    path.realtimeOffset = Self.realtime() &- path.now
    path.orders.tick(&path.reactor, now: path.now)
    feed.request(&path.reactor, now: path.now)
    if path.clock.hasBegun {
      path.driver.advance(sessionTime: path.clock.time(now: path.now), machineTime: path.now)
    }
    path.drain()
    report()
    if monitor.phase == .starting, path.orders.gateway.isCaughtUp, path.clock.hasBegun {
      monitor.phase = .trading
    }
    checkStop()
  }

  private static func realtime() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  private func report() {
    let counters = path.driver.engine.counters
    monitor.set(.messages, counters.marketRecords)
    monitor.set(.sessionTime, UInt64(bitPattern: path.clock.lastMessage))
    monitor.set(.ordersSent, counters.newOrders)
    monitor.set(.fills, counters.executions)
    monitor.set(.openOrders, UInt64(bitPattern: counters.openOrders))
  }

  // MARK: The end

  private mutating func checkStop() {
    switch monitor.stopReason {
    case .none: break
    case .signal: beginStop("signal")
    case .duration: beginStop("duration")
    case .exchangeLost: beginStop("exchange lost")
    }
    if path.orders.isRefused { beginStop("exchange lost") }
    guard !endReason.isEmpty else { return }
    let isQuiet = path.driver.engine.counters.openOrders == 0
    guard isQuiet || path.now >= stopDeadline || path.orders.isRefused else { return }
    path.orders.close(&path.reactor, now: path.now)
    path.driver.engine.end()
    report()
    isFinished = true
  }

  /// The strategies fall silent, every working order is cancelled, and the confirmations are awaited.
  private mutating func beginStop(_ reason: String) {
    guard endReason.isEmpty else { return }
    endReason = reason
    stopDeadline = path.now &+ settings.stopMax
    monitor.phase = .stopping
    path.driver.strategy.isOn = false
    _ = path.driver.engine.cancelAll()
    path.drain()
  }
}

/// What a ``TradingLoop`` is told.
struct TradingLoopSettings: @unchecked Sendable {
  var speed: Configuration.Speed
  var wait: WaitStrategy
  /// Flow control of a `max` run: the exchange reads here what was consumed. It outlives the loop.
  var consumed: UnsafeMutablePointer<UInt64>?
  /// Machine time to wait for the confirmations at the end.
  var stopMax: Int64 = 5_000_000_000
}
