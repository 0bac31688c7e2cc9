/// Session time between messages: at N× it is the first message's time + N × what has passed since,
/// at max it stands at the last applied message's. It never goes back.
///
/// Threading: the hot thread.
@usableFromInline package struct SessionClock {
  /// Times session time at 10⁻⁸; 0 is max.
  @usableFromInline let speed: Int64
  @usableFromInline var firstSession: Int64 = 0
  @usableFromInline var firstMachine: Int64 = 0
  @usableFromInline var lastMessage: Int64 = 0

  /// - Parameter speed: times session time at 10⁻⁸; nil: as fast as it goes.
  package init(speed: Int64?) { self.speed = speed ?? 0 }

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
    }
    if sessionTime > lastMessage { lastMessage = sessionTime }
  }

  /// 0 before the first message.
  @inline(__always) @inlinable
  package func time(now: Int64) -> Int64 {
    guard speed != 0, firstMachine != 0, now > firstMachine else { return lastMessage }
    let passed = Int128(now - firstMachine) * Int128(speed) / 100_000_000
    return max(lastMessage, Int64(clamping: Int128(firstSession) + passed))
  }
}
