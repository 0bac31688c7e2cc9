/// Session time between messages: at N× it is the first message's time + N × what has passed since,
/// at max it stands at the last applied message's. It never goes back. Where the feed leaps ahead of it
/// (a pause of the day, the second message after one that was not believed: ``FeedTimes``) it goes
/// on from there.
///
/// Threading: the hot thread.
@usableFromInline package struct SessionClock {
  /// Times session time at 10⁻⁸; 0 is max.
  @usableFromInline let speed: Int64
  @usableFromInline let midnight: Int64
  @usableFromInline var firstSession: Int64 = 0
  @usableFromInline var firstMachine: Int64 = 0
  @usableFromInline var lastMessage: Int64 = 0
  /// What time is reckoned from.
  @usableFromInline var baseSession: Int64 = 0
  @usableFromInline var baseMachine: Int64 = 0

  /// - Parameters:
  ///   - speed: times session time at 10⁻⁸; nil: as fast as it goes.
  ///   - midnight: of the session's day, in session time.
  package init(speed: Int64?, midnight: Int64) {
    self.speed = speed ?? 0
    self.midnight = midnight
  }

  /// Session time from the first message to the last.
  @inlinable package var span: Int64 { lastMessage - firstSession }
  @inlinable var hasBegun: Bool { firstMachine != 0 }
  /// Machine time of the first message.
  @inlinable package var begunAt: Int64 { firstMachine }

  @inline(__always) @inlinable
  package mutating func applied(_ sessionTime: Int64, now: Int64) {
    if firstMachine == 0 {
      firstMachine = max(now, 1)
      firstSession = sessionTime
      lastMessage = sessionTime
      baseSession = sessionTime
      baseMachine = firstMachine
    }
    if sessionTime > lastMessage {
      if sessionTime &- lastMessage > FeedTimes.aheadMax { leap(to: sessionTime, now: now) }
      lastMessage = sessionTime
    }
  }

  /// Never inlined: beside the path of what is in order.
  @inline(never) @inlinable
  mutating func leap(to sessionTime: Int64, now: Int64) {
    // The very first message was applied at midnight, where it waited for this one.
    if lastMessage == midnight { firstSession = sessionTime }
    guard sessionTime &- time(now: now) > FeedTimes.aheadMax else { return }
    baseSession = sessionTime
    baseMachine = now
  }

  /// 0 before the first message.
  @inline(__always) @inlinable
  package func time(now: Int64) -> Int64 {
    guard speed != 0, baseMachine != 0, now > baseMachine else { return lastMessage }
    let passed = Int128(now - baseMachine) * Int128(speed) / 100_000_000
    return max(lastMessage, Int64(clamping: Int128(baseSession) + passed))
  }
}
