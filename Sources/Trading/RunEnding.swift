public import ExecutionCore

/// The end of a run while it is under way: why, and for how long what has been awaited.
@usableFromInline package struct RunEnding {
  /// nil while the run goes on.
  @usableFromInline package internal(set) var reason: RunEnd?
  /// Since it began.
  @usableFromInline var clock: LookClock
  /// Since a venue's last answer.
  @usableFromInline var answering: LookClock
  /// Since the hole of the feed opened that is open, or the end began.
  @usableFromInline var repairing: LookClock
  @usableFromInline var openSeen = 0
  @usableFromInline var readySeen = 0

  @inlinable init(interval: Int64) {
    clock = LookClock(interval: interval)
    answering = clock
    repairing = clock
  }

  @inlinable mutating func begin(_ reason: RunEnd, now: Int64) {
    self.reason = reason
    clock.begin(now: now)
    answering.begin(now: now)
    repairing.begin(now: now)
  }

  /// Machine time without an answer: orders that end and sessions that come up are one.
  @inlinable mutating func sinceAnswer(open: Int, ready: Int, now: Int64) -> Int64 {
    if open < openSeen || ready > readySeen { answering.begin(now: now) }
    openSeen = open
    readySeen = ready
    return answering.look(now: now)
  }
}
