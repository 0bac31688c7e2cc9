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
@safe struct Timers {
  private var heap: Column<StrategyTimer>
  private(set) var count = 0
  private var sequence: UInt64 = 0
  /// That may still fire in this call, and the time before which they do.
  private var left = 0
  private var horizon: Int64 = .min
  /// Times that some were due and waited; see ``EngineCounters/timersDeferred``.
  private(set) var deferred: UInt64 = 0

  init(_ builder: inout ColumnBuilder, most: Int) {
    heap = builder.column(StrategyTimer(), most)
  }
  var most: Int { heap.count }

  /// A call of the driver begins: so many may fire in it.
  mutating func beginCall() { left = Engine.timersPerCallMax }

  /// False when all are in use.
  mutating func set(due: Int64, token: UInt64, strategy: StrategyID, now: Int64) -> Bool {
    guard count < heap.count else { return false }
    let due = due > now ? due : max(due, horizon)
    sequence &+= 1
    var i = count
    count &+= 1
    heap[i] = StrategyTimer(due: due, sequence: sequence, token: token, strategy: strategy)
    while i > 0 {
      let parent = (i &- 1) / 2
      guard heap[i].isBefore(heap[parent]) else { break }
      swap(i, parent)
      i = parent
    }
    return true
  }

  /// Whether one is due before `time`: asked before each market record.
  @inline(__always) mutating func isDue(before time: Int64) -> Bool {
    horizon = time
    return count > 0 && heap[0].due < time
  }

  /// Removes the soonest, which is due; nil, counted, when as many have fired in this call as may.
  mutating func take() -> StrategyTimer? {
    guard left > 0 else {
      deferred &+= 1
      return nil
    }
    left &-= 1
    let timer = heap[0]
    count &-= 1
    heap[0] = heap[count]
    var i = 0
    while true {
      var least = i
      let child = 2 &* i &+ 1
      if child < count, heap[child].isBefore(heap[least]) { least = child }
      if child &+ 1 < count, heap[child &+ 1].isBefore(heap[least]) { least = child &+ 1 }
      if least == i { break }
      swap(i, least)
      i = least
    }
    return timer
  }

  /// What does not hold of it by itself.
  func broken() -> [String] {
    let isHeap = (1..<max(1, count)).allSatisfy { !heap[$0].isBefore(heap[($0 - 1) / 2]) }
    return isHeap ? [] : ["a timer is behind one that is due later"]
  }

  private mutating func swap(_ a: Int, _ b: Int) {
    let kept = heap[a]
    heap[a] = heap[b]
    heap[b] = kept
  }
}

extension EngineState {
  @usableFromInline mutating func setTimer(
    due: Int64, token: UInt64, strategy: StrategyID
  ) -> Bool {
    timers.set(due: due, token: token, strategy: strategy, now: sessionTime)
  }

  mutating func beginCall(machineTime: Int64) {
    self.machineTime = machineTime
    timers.beginCall()
  }

  /// Removes the soonest timer that is due before `time`, sets session time to its due time, and journals
  /// that it fires.
  mutating func takeTimer(before time: Int64) -> UInt64? {
    guard timers.isDue(before: time) else { return nil }
    guard let timer = timers.take() else {
      counters.total.timersDeferred = timers.deferred
      return nil
    }
    sessionTime = max(sessionTime, timer.due)
    cause = 0
    cause = record(
      .timer, TimerRecord(due: timer.due, token: timer.token, strategy: timer.strategy),
      account: account(of: timer.strategy), strategy: timer.strategy)
    counters.total.timersFired &+= 1
    timerStrategy = timer.strategy
    return timer.token
  }
}
