/// Notices that the hot thread was not run, or that what it reads was sent long ago. It acts when the thread runs again:
/// whoever is not run can do nothing.
///
/// Threading: the hot thread.
@usableFromInline package struct Watchdog: Sendable {
  /// Machine time between two looks at the sockets, or from the arrival of a datagram to its being read, beyond which
  /// market data is late; the same from which on a stall is counted, and from which on quotes are pulled. 0: never.
  @usableFromInline let lagMax: Int64
  @usableFromInline let stallMin: Int64
  @usableFromInline let pullAfter: Int64
  /// The least time between two looks that is one of these.
  @usableFromInline let gapMin: Int64
  /// What is read now was sent too long ago: no order that adds risk rests on it.
  @usableFromInline package internal(set) var isLate = false
  /// Looks that found nothing at all since then.
  @usableFromInline var emptyLooks = 0
  /// Times that market data was late.
  @usableFromInline package internal(set) var lates: UInt64 = 0
  /// Times that the thread was not run for ``stallMin``, the longest, and how often quotes were pulled for it.
  @usableFromInline package internal(set) var stalls: UInt64 = 0
  @usableFromInline package internal(set) var longestStall: Int64 = 0
  @usableFromInline package internal(set) var pulls: UInt64 = 0

  /// Less than this no lag can be bounded to: a loop with nothing to do looks as seldom.
  package static var lagFloor: Int64 { 10_000_000 }
  /// The sockets are empty after so many looks without anything: a look asks some of them only.
  @inlinable static var emptyLooksMin: Int { 4 }

  @inlinable package init(lagMax: Int64, stallMin: Int64, pullAfter: Int64) {
    self.lagMax = lagMax > 0 ? lagMax : .max
    self.stallMin = stallMin > 0 ? stallMin : .max
    self.pullAfter = pullAfter > 0 ? pullAfter : .max
    let late = self.lagMax < .max ? self.lagMax + 1 : .max
    gapMin = min(late, self.stallMin, self.pullAfter)
  }

  /// What a stall asks for.
  @usableFromInline enum Finding { case late, stalled, pull }

  /// A look came this long after the one before it, or found something that old.
  @inlinable mutating func find(_ lag: Int64, isStall: Bool) -> Finding {
    if lag > lagMax {
      if !isLate { lates &+= 1 }
      isLate = true
      emptyLooks = 0
    }
    guard isStall, lag >= min(stallMin, pullAfter) else { return .late }
    if lag >= stallMin {
      stalls &+= 1
      longestStall = max(longestStall, lag)
    }
    guard lag >= pullAfter else { return .stalled }
    pulls &+= 1
    return .pull
  }

  /// A look is over; true when what was late has all been read, as far as looks can tell.
  @inlinable mutating func looked(foundAny: Bool) -> Bool {
    emptyLooks = foundAny ? 0 : emptyLooks &+ 1
    return emptyLooks >= Self.emptyLooksMin
  }
}
