public import CSupport
public import Gateways

/// The words by which the hot thread and the main thread know of each other: each has one writer, and
/// is read as it is at the moment.
///
/// Threading: `set` by the word's one writer, `get` by any thread.
@safe @usableFromInline package final class RunMonitor: @unchecked Sendable {
  @usableFromInline package enum Word: Int, CaseIterable, Sendable {
    // Written by the main thread.
    /// ``StopReason``; 0: go on.
    case stop
    /// 1 while the kill file exists.
    case killFile
    /// The venues that do not come back, one bit each: no answer of theirs is awaited any more.
    case lostVenues
    /// Where the exchange's services are: address × 2¹⁶ + port; 0: not known yet.
    case orderEntry
    case rerequest
    case snapshot
    /// The feed's session as a ``SessionName``: its high word, and its low one + 1; 0: not known.
    case sessionHigh
    case sessionLow
    // Written by the hot thread.
    case phase
    /// Our ports of the two lines; 0: not open yet.
    case portA
    case portB
    case messages
    case sessionTime
    case ordersSent
    /// Executions that stand.
    case fills
    /// Σ |shares| of all positions.
    case grossPosition
    /// Net profit in 10⁻⁴ dollars, two's complement.
    case netProfit
    case openOrders
    /// Order sessions that are up, and a ``TradingSight``.
    case portsReady
    case sight
    /// ``Engine/lastLatch``, and how many have been set so far, which is written last.
    case latchPlace
    case latchCause
    case latches
    /// ``Engine/boundsNear``.
    case boundsNear
    /// Datagrams of other sessions, and the last of these by its high and its low word.
    case foreign
    case foreignHigh
    case foreignLow
    /// Sequences, and times, that were not believed; messages that were passed over, and that cannot be read.
    case implausible
    case implausibleTimes
    case skipped
    case malformed
    case disagreements
    /// Lines whose word alone is not taken any more.
    case doubtedLines
    /// Datagrams of each line; snapshots that the books were taken from, and messages that were lost.
    case lineA
    case lineB
    case snapshots
    case lost
    /// Times that a socket of the feed failed, or could not be opened again, and the last errno.
    case socketFailures
    case socketError
    /// Datagrams on the re-request socket that its server did not send.
    case answersRefused
    /// Re-requests sent, and datagrams that answered one.
    case requests
    case answers
    /// Re-requests that could not be sent.
    case requestsUnsent
    /// ``Watchdog``: times that market data was late, and that the thread was not run, the longest of these in
    /// nanoseconds, and how often quotes were pulled for it.
    case lates
    case stalls
    case longestStall
    case pulls
    /// Symbols of the feed's directory that are no instruments of ours, and round lots that differ.
    case unlisted
    case unequalLots
    /// Of feeds by price: times that messages were given up; instruments whose exponents, multiplier or currency are
    /// others than ours.
    case priceLosses
    case unequal
    /// ``LoginRefusal``; 0: none.
    case loginRefusal
  }
  /// A port whose log-ins are refused, as one word.
  @usableFromInline package struct LoginRefusal: Equatable {
    package let port: Int
    package let kind: Reconnecting
    /// The venue has taken one before.
    package let hasLoggedIn: Bool

    package init?(word: UInt64) {
      guard let kind = Reconnecting(rawValue: UInt8(truncatingIfNeeded: word)) else { return nil }
      self.kind = kind
      hasLoggedIn = word >> 8 & 1 == 1
      port = Int(truncatingIfNeeded: word >> 16 & 0xffff)
    }
    @inlinable static func word(_ refusals: LoginRefusals, port: Int) -> UInt64 {
      guard refusals.count > 0 else { return 0 }
      return UInt64(refusals.last.rawValue) | (refusals.hasLoggedIn ? 1 << 8 : 0)
        | UInt64(truncatingIfNeeded: port) << 16
    }
  }
  @usableFromInline package enum Phase: UInt64 {
    case starting = 0
    /// An order session is up and market data flows.
    case trading = 1
    /// Working orders are being cancelled.
    case stopping = 2
    case done = 3
    case failed = 4
  }
  @usableFromInline package enum StopReason: UInt64 {
    case none = 0
    case signal = 1
    case duration = 2
    case exchangeLost = 3
    /// Nobody waits any more for what the end still awaits.
    case atOnce = 4
  }

  // Lives as long as this object; both threads hold it.
  @usableFromInline let words: UnsafeMutablePointer<UInt64>

  package init() {
    unsafe words = .allocate(capacity: Word.allCases.count)
    unsafe words.initialize(repeating: 0, count: Word.allCases.count)
  }
  deinit { unsafe words.deallocate() }

  @inline(__always) @inlinable package func set(_ word: Word, _ value: UInt64) {
    unsafe nt_word_store(words + word.rawValue, value)
  }
  @inline(__always) @inlinable package func get(_ word: Word) -> UInt64 {
    unsafe nt_word_load(words + word.rawValue)
  }

  @inlinable package var phase: Phase {
    get { Phase(rawValue: get(.phase)) ?? .failed }
    set { set(.phase, newValue.rawValue) }
  }
  @inlinable package var stopReason: StopReason {
    get { StopReason(rawValue: get(.stop)) ?? .signal }
    set { set(.stop, newValue.rawValue) }
  }
}
