import ExecutionCore
import Testing

/// Asks for the next timer whenever one fires.
private struct Restless: Strategy {
  /// From the time that was due, or from the time that it is.
  enum From { case due, now }
  var from: From
  var period: Int64
  var due: Int64 = 0
  var fired: [Int64] = []

  mutating func onBatchEnd(_ desk: borrowing Desk) {
    if due == 0 { ask(desk.sessionTime + max(period, 1), desk) }
  }
  mutating func onTimer(_ token: UInt64, _ desk: borrowing Desk) {
    fired.append(desk.sessionTime)
    ask((from == .due ? due : desk.sessionTime) + period, desk)
  }
  private mutating func ask(_ time: Int64, _ desk: borrowing Desk) {
    due = time
    _ = desk.setTimer(due: time, token: 7)
  }
}

/// What fires is bounded, whatever is asked for and however far time leaps.
@Suite struct TimerTests {
  private static let hour: Int64 = 3_600_000_000_000
  private let most = UInt64(Engine.timersPerCallMax)

  private func market(_ from: Restless.From, _ period: Int64) throws -> Market<Restless> {
    let market = try Market(Restless(from: from, period: period))
    market.event("Q")
    return market
  }

  private func pass(_ nanoseconds: Int64, _ market: Market<Restless>) {
    market.time += nanoseconds
    market.advance(by: 0)
  }

  @Test(arguments: [0, -1, -1_000_000_000 as Int64])
  func `a timer for a time that has come fires once, and again at the next call`(_ period: Int64)
    throws
  {
    let market = try market(.now, period)
    let before = market.counters.timersFired
    for i in 1...5 {
      pass(1_000, market)
      #expect(market.counters.timersFired - before == UInt64(i))
    }
    market.time += 1_000
    market.event("Q")
    #expect(market.counters.timersFired - before <= 7)
    #expect(market.counters.timersDeferred == 0)
  }

  @Test(arguments: [1_000, 1_000_000 as Int64])
  func `time that leaps by an hour fires so many and goes on from where it is`(_ period: Int64)
    throws
  {
    let market = try market(.now, period)
    market.time += Self.hour
    market.event("Q")
    #expect(market.counters.timersFired == most && market.counters.timersDeferred > 0)
    let leapt = market.counters.timersFired
    // The one that was left over fires late, and the next is in step again.
    pass(10 * period, market)
    #expect(market.counters.timersFired - leapt <= 12)
    #expect(market.driver.strategy.fired.last.map { market.time - $0 } == 0)
  }

  @Test func `who counts from what was due is late, and holds nothing up`() throws {
    let market = try market(.due, 1_000)
    market.time += Self.hour
    for _ in 0..<5 {
      let before = market.counters.timersFired
      pass(1_000, market)
      #expect(market.counters.timersFired - before <= most)
    }
    #expect(market.counters.timersDeferred > 0)
  }

  @Test func `within the bound each fires at its time, as often as it was asked for`() throws {
    let market = try market(.now, 1_000)
    pass(100_000, market)
    #expect(market.counters.timersFired == 100 && market.counters.timersDeferred == 0)
    let fired = market.driver.strategy.fired
    #expect(zip(fired, fired.dropFirst()).allSatisfy { $1 - $0 == 1_000 })
  }
}
