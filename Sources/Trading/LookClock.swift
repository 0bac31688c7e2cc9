/// How long something has been awaited, counted in looks at it: time in which nobody looked does not count, so that
/// a thread which was not scheduled for a while gives up nothing that it has not tried.
///
/// Threading: one thread.
@usableFromInline struct LookClock {
  /// What one look counts for, and the least machine time between two that count.
  @usableFromInline let interval: Int64
  @usableFromInline var looks: Int64 = 0
  @usableFromInline var next: Int64 = 0

  @inlinable init(interval: Int64) { self.interval = interval }

  /// Awaited from now on.
  @inlinable mutating func begin(now: Int64) {
    looks = 0
    next = now &+ interval
  }
  /// Looks; nanoseconds that have been awaited.
  @inlinable mutating func look(now: Int64) -> Int64 {
    if now >= next {
      looks &+= 1
      next = now &+ interval
    }
    return looks &* interval
  }
}
