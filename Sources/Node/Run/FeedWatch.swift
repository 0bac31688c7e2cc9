import CSupport
import Gateways
import Trading
import Transport

/// Says when it happens what of the feed was not believed, and that the hot thread was not run: the first once each,
/// the second each time, but not more often than every ``pause``.
///
/// Threading: the main thread.
struct FeedWatch {
  typealias Remark = (level: Console.Level, text: String)
  /// Nanoseconds of machine time between two remarks on the thread.
  static let pause: Int64 = 10_000_000_000

  private var said: Set<RunMonitor.Word> = []
  private var saidStalls: UInt64 = 0
  private var saidLates: UInt64 = 0
  private var saidAt: Int64?

  /// Empty when there is nothing new.
  mutating func look(_ monitor: RunMonitor, now: Int64 = nt_clock_now()) -> [Remark] {
    var remarks: [Remark] = []
    for (word, level, text) in Self.feed where monitor.get(word) > 0 && !said.contains(word) {
      said.insert(word)
      remarks.append((level, text(monitor)))
    }
    if let remark = lookAtThread(monitor, now: now) { remarks.append(remark) }
    return remarks
  }

  private mutating func lookAtThread(_ monitor: RunMonitor, now: Int64) -> Remark? {
    let stalls = monitor.get(.stalls)
    let lates = monitor.get(.lates)
    guard stalls > saidStalls || lates > saidLates else { return nil }
    if let saidAt, now - saidAt < Self.pause { return nil }
    saidAt = now
    saidStalls = stalls
    saidLates = lates
    let pulls = monitor.get(.pulls)
    let longest = monitor.get(.longestStall) / 1_000_000
    return (
      .warning,
      "market data is read late: nothing new rests on it until it has all been read "
        + "(\(lates.grouped) times so far, \(stalls.grouped) of them the hot thread was not run, "
        + "the longest for \(longest.grouped) ms; quotes pulled \(pulls.grouped) times)"
    )
  }

  /// What is said once.
  private static let feed:
    [(word: RunMonitor.Word, level: Console.Level, text: @Sendable (RunMonitor) -> String)] = [
      (
        .foreign, .warning,
        { monitor in
          let name = SessionName(
            high: monitor.get(.foreignHigh),
            low: UInt16(truncatingIfNeeded: monitor.get(.foreignLow)))
          return "datagrams of another session, '\(name)', come on our lines: they are not applied"
        }
      ),
      (
        .implausible, .warning,
        { _ in
          "a sequence number lies where nothing else supports it: it is not believed "
            + "(feed.implausible counts)"
        }
      ),
      (
        .doubtedLines, .warning,
        { _ in
          "a line has claimed messages that nobody had: its word alone is not taken any more "
            + "while the other line is heard (feed.doubted_lines counts)"
        }
      ),
      (
        .socketFailures, .error,
        { monitor in
          let error = Int32(truncatingIfNeeded: monitor.get(.socketError))
          return
            "a socket of the feed has failed (\(ReactorError.text(ofErrorNumber: error))): it is opened "
            + "again (feed.socket_failures counts)"
        }
      ),
      (
        .answersRefused, .warning,
        { _ in
          "somebody else than the re-request server answers: that is not looked into "
            + "(feed.lines.rerequest.foreign counts)"
        }
      ),
      (
        .implausibleTimes, .warning,
        { _ in
          "a message's time lies far from those around it: it is not taken "
            + "(feed.implausible_times counts)"
        }
      ),
      (
        .skipped, .warning,
        { _ in "messages of a type that is not known are passed over (feed.skipped counts)" }
      ),
      (
        .malformed, .warning,
        { _ in
          "a message cannot be read: the books are taken from a snapshot (feed.malformed counts)"
        }
      ),
      (
        .disagreements, .warning,
        { _ in
          "a message comes in two forms under one number: the books are taken from a snapshot "
            + "(feed.disagreements counts)"
        }
      ),
      (
        .unlisted, .info,
        { _ in
          "symbols of the feed are not among the instruments: not traded "
            + "(feed.symbols_unlisted counts)"
        }
      ),
      (
        .unequalLots, .warning,
        { _ in
          "a round lot is another one in the feed than the instruments': is their file of another "
            + "day or venue? (feed.unequal_lots counts)"
        }
      ),
    ]
}
