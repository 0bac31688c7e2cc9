public import ExecutionCore

/// A record with the session time that its feed gave it.
@usableFromInline protocol SessionTimed: BitwiseCopyable {
  var sessionTime: Int64 { get set }
}
extension MarketRecord: SessionTimed {}
extension FeedRecord: SessionTimed {}

/// Holds each message's time against the one before it, so that a single message does not move the session's
/// clock: what is stamped far ahead, or far back, is applied at the last good time and counted.
///
/// A time further ahead than ``aheadMax`` is believed when our own clock says as much (at N×: what has passed
/// since the last time that was set against it, and ``leewayMax`` of machine time more). What our clock speaks
/// against needs ``supportMin`` more datagrams over ``leewayMax`` of machine time, and none that says otherwise: two
/// messages of one packet are one word, and so is a burst, while a line that lives speaks in between. Before the first message, where our clock says nothing yet, one more datagram is enough; at max speed, where
/// it never does, the next message. Times are within the feed's days, or they are none. What was believed once is not
/// taken back: session time never goes back, and where it was wrong nothing more is traded that day.
///
/// Threading: the hot thread. One compare for each record that is in order.
@usableFromInline struct FeedTimes {
  /// Session nanoseconds that a message may be stamped ahead of the last, or behind it, without a word.
  @inlinable static var aheadMax: Int64 { 1_000_000_000 }
  /// Machine time by which our clock may be behind the exchange's: a datagram may have waited.
  @usableFromInline static var leewayMax: Int64 { 1_000_000_000 }
  /// Datagrams that bear out a time which our clock speaks against.
  @usableFromInline static var supportMin: Int { 2 }
  @usableFromInline static var day: Int64 { 86_400_000_000_000 }

  @usableFromInline let midnight: Int64
  /// No time is later.
  @usableFromInline let end: Int64
  /// Times session time at 10⁻⁸; 0 is max.
  @usableFromInline let speed: Int64
  /// The last good time.
  @usableFromInline var last: Int64
  /// The lowest time that needs no second look, and how far above it the first lies that does; 0: each does.
  @usableFromInline var floor: Int64
  @usableFromInline var reach: UInt64
  /// A time that waits for others to bear it out; meaningful while `isWaiting`.
  @usableFromInline var suspect: Int64 = 0
  @usableFromInline var isWaiting = false
  /// Messages that wait with it, datagrams that bear it out so far, and the last of these.
  private var waiting: UInt64 = 0
  private var suspectedAt: Int64 = 0
  private var support = 0
  private var supporter: UInt64 = 0
  /// The last time that was held against our clock, and the machine time then; 0: none yet.
  @usableFromInline var anchor: Int64 = 0
  @usableFromInline var anchoredAt: Int64 = 0
  /// Messages whose time was not taken, and whom the next one did not bear out.
  @usableFromInline var implausible: UInt64 = 0

  /// - Parameters:
  ///   - speed: times session time at 10⁻⁸; nil: as fast as it goes.
  ///   - days: from midnight on, that the feed may last: one of a market that closes.
  @usableFromInline init(midnight: Int64, speed: Int64?, days: Int64 = 1) {
    self.midnight = midnight
    end = midnight &+ days &* Self.day
    self.speed = speed ?? 0
    last = midnight
    floor = 0
    reach = 0
    settle()
  }

  /// Puts the last good time in the place of what is not to be believed.
  ///
  /// - Parameter datagram: a number of its own for each that the messages may have come in.
  @inline(__always) @usableFromInline
  mutating func check<Record: SessionTimed>(
    _ records: UnsafeMutablePointer<Record>, _ count: Int, of datagram: UInt64, now: Int64
  ) {
    var isAside = false
    for i in 0..<count {
      let over = unsafe UInt64(bitPattern: records[i].sessionTime &- floor)
      isAside = isAside || over >= reach
    }
    if isAside {
      for i in 0..<count {
        unsafe records[i].sessionTime = judge(records[i].sessionTime, of: datagram, now: now)
      }
      return
    }
    let time = unsafe records[count &- 1].sessionTime
    guard time > last else { return }
    last = time
    settle()
  }

  /// The time to apply a message at that is stamped so. Never inlined: beside the path of what is in order.
  @inline(never) @usableFromInline
  mutating func judge(_ time: Int64, of datagram: UInt64, now: Int64) -> Int64 {
    defer { settle() }
    if isWaiting {
      // Those behind it are as late, or it was wrong.
      if time >= suspect &- Self.aheadMax, time < end {
        if datagram != supporter {
          supporter = datagram
          support += 1
        }
        guard isBorneOut(now: now) else {
          waiting &+= 1
          return last
        }
        accept(suspect, now: now)
      } else {
        implausible &+= waiting
      }
      isWaiting = false
    }
    if time >= last &- Self.aheadMax, time <= last &+ Self.aheadMax, time < end {
      last = max(last, time)
      return time
    }
    guard time > last, time < end else {
      implausible &+= 1
      return last
    }
    if isWithinClock(time, now: now) {
      accept(time, now: now)
      return time
    }
    suspect = time
    isWaiting = true
    suspectedAt = now
    waiting = 1
    support = 0
    supporter = datagram
    return last
  }

  /// Beyond what a snapshot's order may be stamped; an older one says nothing about a time that waits.
  @usableFromInline func isAhead(_ time: Int64) -> Bool { time > last &+ Self.aheadMax }

  private mutating func accept(_ time: Int64, now: Int64) {
    last = max(last, time)
    if !isWithinClock(time, now: now) || anchoredAt == 0 {
      anchor = time
      anchoredAt = max(now, 1)
    }
  }

  private func isBorneOut(now: Int64) -> Bool {
    guard speed != 0 else { return true }
    guard hasClock else { return support >= 1 }
    return support >= Self.supportMin && now &- suspectedAt >= Self.leewayMax
  }

  private var hasClock: Bool { speed != 0 && anchoredAt != 0 }

  private func isWithinClock(_ time: Int64, now: Int64) -> Bool {
    guard hasClock else { return false }
    let passed = Int128(now &- anchoredAt) + Int128(Self.leewayMax)
    let clock = Int128(anchor) + passed * Int128(speed) / 100_000_000
    return Int128(time) <= clock + Int128(Self.aheadMax)
  }

  /// While a time waits for the next message, that one is looked at, whatever it says.
  private mutating func settle() {
    floor = last &- Self.aheadMax
    reach = isWaiting ? 0 : UInt64(bitPattern: min(2 &* Self.aheadMax &+ 1, end &- floor))
  }
}
