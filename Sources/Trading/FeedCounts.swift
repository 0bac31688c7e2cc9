public import Gateways

/// What is told of all feeds together while a run goes on.
@usableFromInline struct FeedCounts {
  @usableFromInline var foreign: UInt64 = 0
  @usableFromInline var foreignSession = SessionName.blank
  @usableFromInline var implausible: UInt64 = 0
  @usableFromInline var implausibleTimes: UInt64 = 0
  @usableFromInline var malformed: UInt64 = 0
  @usableFromInline var disagreements: UInt64 = 0
  @usableFromInline var doubtedLines: UInt64 = 0
  @usableFromInline var requests: UInt64 = 0
  @usableFromInline var requestsUnsent: UInt64 = 0
  @usableFromInline var answers: UInt64 = 0
  @usableFromInline var answersRefused: UInt64 = 0
  @usableFromInline var socketFailures: UInt64 = 0
  @usableFromInline var socketError: Int32 = 0
  @usableFromInline var unlisted: UInt64 = 0
  /// Of feeds by price: times that messages were given up, and instruments that can't be ours.
  @usableFromInline var lost: UInt64 = 0
  @usableFromInline var unequal: UInt64 = 0

  @usableFromInline init() {}

  @usableFromInline mutating func add(_ lines: borrowing FeedLines) {
    let counters = lines.receiver.counters
    foreign &+= counters.foreignSession
    if counters.foreignSession > 0 { foreignSession = lines.receiver.foreignSession }
    implausible &+= counters.implausible &+ counters.snapshotsImplausible
    disagreements &+= counters.disagreements
    doubtedLines &+= counters.doubtedLines
    requests &+= counters.requests
    requestsUnsent &+= counters.requestsUnsent
    answers &+= lines.receiver.line(lines.receiver.requestLine).datagrams
    answersRefused &+= lines.answersRefused
    socketFailures &+= lines.failures
    if lines.failures > 0 { socketError = lines.lastFailure }
  }

  @usableFromInline func tell(_ monitor: RunMonitor) {
    monitor.set(.foreign, foreign)
    monitor.set(.foreignHigh, foreignSession.high)
    monitor.set(.foreignLow, UInt64(foreignSession.low))
    monitor.set(.implausible, implausible)
    monitor.set(.implausibleTimes, implausibleTimes)
    monitor.set(.malformed, malformed)
    monitor.set(.disagreements, disagreements)
    monitor.set(.doubtedLines, doubtedLines)
    monitor.set(.requests, requests)
    monitor.set(.requestsUnsent, requestsUnsent)
    monitor.set(.answers, answers)
    monitor.set(.answersRefused, answersRefused)
    monitor.set(.socketFailures, socketFailures)
    monitor.set(.socketError, UInt64(UInt32(bitPattern: socketError)))
    monitor.set(.unlisted, unlisted)
    monitor.set(.priceLosses, lost)
    monitor.set(.unequal, unequal)
  }
}
