/// A timer that a strategy asked for, in session time.
struct StrategyTimer: BitwiseCopyable {
  var due: Int64 = 0
  var sequence: UInt64 = 0
  var token: UInt64 = 0
  var strategy = StrategyID(raw: .max)

  func isBefore(_ other: StrategyTimer) -> Bool {
    due != other.due ? due < other.due : sequence < other.sequence
  }
}

/// A binary heap, soonest first, equal ones in the order they were asked for.
///
/// What fires is bounded, whatever strategies ask for and however far time leaps: so many in one call of the
/// driver, and what is asked for at a time that has come waits for the next record or the next call. What is
/// left over fires late, is counted, and finds session time where it is then.
extension EngineState {
  @usableFromInline mutating func setTimer(
    due: Int64, token: UInt64, strategy: StrategyID
  ) -> Bool {
    guard timerCount < timers.count else { return false }
    let due = due > sessionTime ? due : max(due, timerHorizon)
    timerSequence &+= 1
    var i = timerCount
    timerCount &+= 1
    timers[i] = StrategyTimer(due: due, sequence: timerSequence, token: token, strategy: strategy)
    while i > 0 {
      let parent = (i &- 1) / 2
      guard timers[i].isBefore(timers[parent]) else { break }
      swapTimers(i, parent)
      i = parent
    }
    return true
  }

  /// A call of the driver begins: so many timers may fire in it.
  mutating func beginCall(machineTime: Int64) {
    self.machineTime = machineTime
    timersLeft = Engine.timersPerCallMax
  }

  /// Removes the soonest timer that is due before `time`, sets session time to its due time, and journals
  /// that it fires.
  mutating func takeTimer(before time: Int64) -> UInt64? {
    timerHorizon = time
    guard timerCount > 0, timers[0].due < time else { return nil }
    guard timersLeft > 0 else {
      counters.timersDeferred &+= 1
      return nil
    }
    timersLeft &-= 1
    let timer = timers[0]
    timerCount &-= 1
    timers[0] = timers[timerCount]
    var i = 0
    while true {
      var least = i
      let left = 2 &* i &+ 1
      if left < timerCount, timers[left].isBefore(timers[least]) { least = left }
      if left &+ 1 < timerCount, timers[left &+ 1].isBefore(timers[least]) { least = left &+ 1 }
      if least == i { break }
      swapTimers(i, least)
      i = least
    }
    sessionTime = max(sessionTime, timer.due)
    cause = 0
    cause = record(
      .timer, TimerRecord(due: timer.due, token: timer.token, strategy: timer.strategy),
      account: account(of: timer.strategy), strategy: timer.strategy)
    counters.timersFired &+= 1
    timerStrategy = timer.strategy
    return timer.token
  }

  private mutating func swapTimers(_ a: Int, _ b: Int) {
    let kept = timers[a]
    timers[a] = timers[b]
    timers[b] = kept
  }
}
