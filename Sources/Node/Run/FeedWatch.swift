import CSupport
import Foundation
import Gateways
import Trading
import Transport

/// Says when it happens what of the feed was not believed, once each; and each time that market data was read late, that
/// the books were taken from a snapshot, and that a line is silent, but not more often than every ``pause``.
///
/// Threading: the main thread.
struct FeedWatch {
  typealias Remark = (level: Console.Level, text: String)
  /// Nanoseconds of the run's clock between two remarks on the same.
  static let pause: Int64 = 10_000_000_000
  /// The same that a line may be silent while the other one speaks: ten heartbeats.
  static let silenceMax: Int64 = 10_000_000_000

  /// Re-requests without an answer after which the server is taken for absent.
  static let requestsMin: UInt64 = 3
  /// The same in time.
  static let answerMax: Int64 = 1_000_000_000

  private var said: Set<RunMonitor.Word> = []
  private var saidStalls: UInt64 = 0
  private var saidLates: UInt64 = 0
  private var saidAt: Int64?
  private var saidSnapshots: UInt64 = 0
  private var saidLost: UInt64 = 0
  /// When the first re-request was seen.
  private var askedSince: Int64?
  private var snapshotsSaidAt: Int64?
  /// Of the lines A and B: datagrams so far, and when there was a new one.
  private var heard: [(count: UInt64, at: Int64)] = []
  private var isSilenceSaid = [false, false]

  /// Empty when there is nothing new.
  ///
  /// - Parameter now: of the run's clock.
  mutating func look(_ monitor: RunMonitor, now: Int64 = nt_clock_now()) -> [Remark] {
    var remarks: [Remark] = []
    for (word, level, text) in Self.feed where monitor.get(word) > 0 && !said.contains(word) {
      said.insert(word)
      remarks.append((level, text(monitor)))
    }
    if let remark = lookAtThread(monitor, now: now) { remarks.append(remark) }
    if let remark = lookAtSnapshots(monitor, now: now) { remarks.append(remark) }
    if let remark = lookAtRequests(monitor, now: now) { remarks.append(remark) }
    return remarks + lookAtLines(monitor, now: now)
  }

  private mutating func lookAtSnapshots(_ monitor: RunMonitor, now: Int64) -> Remark? {
    let snapshots = monitor.get(.snapshots)
    guard snapshots > saidSnapshots else { return nil }
    if let snapshotsSaidAt, now - snapshotsSaidAt < Self.pause { return nil }
    snapshotsSaidAt = now
    let lost = monitor.get(.lost)
    defer {
      saidSnapshots = snapshots
      saidLost = lost
    }
    let times = snapshots == 1 ? "" : " (\(snapshots.grouped) times so far)"
    guard lost > saidLost else {
      return (.info, "the books were taken from a snapshot\(times)")
    }
    return (
      .warning,
      "\((lost - saidLost).grouped) messages of the feed were lost, and the books taken from a snapshot\(times)"
    )
  }

  /// Nobody is there to ask: what the lines lose is made good by snapshots alone.
  private mutating func lookAtRequests(_ monitor: RunMonitor, now: Int64) -> Remark? {
    let requests = monitor.get(.requests)
    guard requests > 0, monitor.get(.answers) == 0 else { return nil }
    let since = askedSince ?? now
    askedSince = since
    guard requests >= Self.requestsMin, now - since >= Self.answerMax else { return nil }
    guard said.insert(.requests).inserted else { return nil }
    let word = monitor.get(.rerequest)
    let server = word == 0 ? "" : " by \(VenueServices.endpoint(word))"
    return (
      .warning,
      "none of \(requests.grouped) re-requests was answered\(server): what the lines lose costs a snapshot "
        + "each time; look at the service, or check 'rerequest' of the feed"
    )
  }

  /// One line is dead while the other lives: nothing is lost yet, and nothing is left to lose.
  private mutating func lookAtLines(_ monitor: RunMonitor, now: Int64) -> [Remark] {
    let counts = [monitor.get(.lineA), monitor.get(.lineB)]
    guard counts.contains(where: { $0 > 0 }) else { return [] }
    if heard.isEmpty { heard = counts.map { ($0, now) } }
    for i in counts.indices where counts[i] != heard[i].count { heard[i] = (counts[i], now) }
    var remarks: [Remark] = []
    for i in counts.indices {
      let name = i == 0 ? "A" : "B"
      let isSilent = now - heard[i].at >= Self.silenceMax
      let isAlone = now - heard[1 - i].at < Self.silenceMax / 5
      if isSilent, isAlone, !isSilenceSaid[i] {
        isSilenceSaid[i] = true
        remarks.append(
          (
            .warning,
            "line \(name) of the feed has been silent for \(Self.silenceMax / 1_000_000_000) s while the other "
              + "one speaks: what that one loses is lost (feed.lines.\(name.lowercased()) counts)"
          ))
      } else if !isSilent, isSilenceSaid[i] {
        isSilenceSaid[i] = false
        remarks.append((.info, "line \(name) of the feed speaks again"))
      }
    }
    return remarks
  }

  private mutating func lookAtThread(_ monitor: RunMonitor, now: Int64) -> Remark? {
    let stalls = monitor.get(.stalls)
    let lates = monitor.get(.lates)
    guard stalls > saidStalls || lates > saidLates, monitor.get(.messages) > 0 else { return nil }
    if let saidAt, now - saidAt < Self.pause { return nil }
    saidAt = now
    saidStalls = stalls
    saidLates = lates
    let longest = monitor.get(.longestStall) / 1_000_000
    let why =
      stalls == 0
      ? ""
      : "; the hot thread was not run \(Self.times(stalls)), for \(longest.grouped) ms at the most, and quotes "
        + "were pulled for it \(Self.times(monitor.get(.pulls)))"
    return (
      .warning,
      "market data was read late \(Self.times(lates)) so far: no new order rests on what is late\(why)"
    )
  }

  private static func times(_ count: UInt64) -> String {
    count == 1 ? "once" : "\(count.grouped) times"
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
          let ours = VenueServices.session(monitor).map { "; ours is '\($0.trimmed)'" } ?? ""
          return "datagrams of another session, '\(name.trimmed)', come on our lines: they are not "
            + "applied\(ours). Where the venue has begun another one, end this run: its orders and "
            + "positions are of the old one"
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
          "a line has claimed what nobody had, or sent what the re-request server has otherwise: it is not believed "
            + "alone any more while the other one is heard (feed.doubted_lines counts)"
        }
      ),
      (
        .socketFailures, .error,
        { monitor in
          let error = Int32(truncatingIfNeeded: monitor.get(.socketError))
          return
            "a socket of the feed has failed (\(ReactorError.text(ofErrorNumber: error))): to open it "
            + "again is tried until it succeeds (feed.socket_failures counts)"
        }
      ),
      (
        .requestsUnsent, .warning,
        { _ in
          "a re-request could not be sent: what it asked for is asked for again "
            + "(feed.requests_unsent counts)"
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
          "a message's time lies far from those around it: the message is applied at the time of those "
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
          "a message cannot be read: nothing rests on the feed's books until they are had anew (feed.malformed counts)"
        }
      ),
      (
        .disagreements, .warning,
        { _ in
          "a message comes in two forms under one number: the re-request server is asked, and where it does not "
            + "bear out what was applied the books are taken from a snapshot (feed.disagreements counts)"
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
        .priceLosses, .warning,
        { _ in
          "messages of a feed by price were given up: its instruments are traded again as the feed tells each anew "
            + "(feed.prices counts)"
        }
      ),
      (
        .unequal, .warning,
        { _ in
          "a feed by price names an instrument of ours with other exponents, multiplier or currency: it is not traded "
            + "(feed.prices counts)"
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

extension SessionName {
  /// Without the blanks that fill it up.
  var trimmed: String { "\(self)".trimmingCharacters(in: .whitespaces) }
}
