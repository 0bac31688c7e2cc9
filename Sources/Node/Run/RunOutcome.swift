import ExecutionCore
import Foundation
import Gateways
import Trading
import Transport

/// What a run came to: its summary, and what the exit code must say beside it.
struct RunOutcome {
  var summary: RunSummary
  /// Why the exchange could not be used, or what could not be written.
  var trouble: CommandFailure?
  /// The journal's failure has been said already.
  var isJournalFailureSaid = false

  init(_ summary: RunSummary) { self.summary = summary }

  /// What went wrong beside the invariants: the reader of the summary is to know it too.
  mutating func take(_ trouble: CommandFailure?) {
    self.trouble = trouble
    if let trouble { summary.notes.append(trouble.message) }
  }

  /// A recording that could not be played to its end, as its venue's own account says it.
  mutating func take(_ venue: VenuePlan, _ account: ReportedAccount?) {
    guard trouble == nil, let failure = account?.feedFailure else { return }
    take(
      CommandFailure(
        .dataError,
        "\(venue.feed.source) \(failure); get the whole file again, and leave it alone"))
  }
}

extension RunEnd {
  /// As the log and a summary say it.
  var inWords: String {
    guard case .networkFailed(let error) = self else { return text }
    return "network failure: \(ReactorError.text(ofErrorNumber: error))"
  }
}

/// The end of a run as seen from one venue: was it there, did it let us in, did it stay?
struct RunTrouble {
  var end: RunEnd?
  /// The order session's last trouble, in words.
  var sessionTrouble: String
  var isLoginRefused = false
  var hasLoggedIn: Bool
  var isSessionUp: Bool
  /// A port of it was given up, or its process does not come back.
  var isGone = false
  /// Trading began.
  var hasTraded = true
  /// Trading began, and no new order could ever rest on its market.
  var isBlind = false
  /// Orders there that were open at the end.
  var openOrders: Int64 = 0
  var feed: FeedTrouble
  var venue: Configuration.Venue
  var market: Configuration.Feed

  private var name: String { venue.inWords }

  /// nil when all was well, and when a signal or our own journal ended the run: what had not come from the
  /// venue by then is no fault of its. What had come, and was of no use, is.
  var failure: CommandFailure? {
    if feed.isNameless, [.noInstrument, .duration, .feedEnded].contains(end) {
      return CommandFailure(.dataError, nameless)
    }
    if end == .signal || end == .journalFailed {
      return feed.isUseless ? CommandFailure(.unavailable, feed.reason) : nil
    }
    return reason.map { CommandFailure(.unavailable, $0) }
  }

  private var reason: String? {
    let cause = sessionTrouble.isEmpty ? "no answer" : sessionTrouble
    if case .networkFailed = end { return end?.inWords }
    if !hasLoggedIn, isLoginRefused { return "\(name) refused the log-in: \(cause)" }
    if !hasLoggedIn { return "never logged in to \(name): \(cause); check its address" }
    if end == .exchangeLost { return isGone ? "\(name) was lost: \(cause)" : nil }
    if market.kind == .orders, let reason = ordersReason { return reason }
    if venue.isAttached, feed.datagrams == 0 {
      return "no market data came at \(market.lineA) and \(market.lineB): these must be where "
        + "\(name) sends its lines ('--feed-to'); set 'line_a' and 'line_b' of the feed"
    }
    if feed.applied == 0 { return feed.reason }
    if end == .feedEnded, !hasTraded, venue.isAttached {
      return "the feed was over before trading could begin: nothing was traded"
    }
    if isBlind {
      return
        "the market of \(name) was never seen as one that new orders may rest on: what came was late, silent or "
        + "incomplete; see the log, and give the run processors of its own ('needletail doctor')"
    }
    if !isSessionUp, end == .feedEnded, openOrders > 0 {
      return "\(name) was gone before it had confirmed every cancel: \(cause)"
    }
    if !isSessionUp, end == .duration {
      return "the order session at \(name) was down at the end: \(cause)"
    }
    return nil
  }

  /// Of a feed of orders: its session and its snapshots.
  private var ordersReason: String? {
    if end == .noSession || end == .noSnapshot, feed.isSnapshotRefused {
      return
        "the snapshot service\(place(market.snapshot)) refused every log-in; check the venue's username and password"
    }
    if end == .noSession {
      return
        "the feed's session was never known: the snapshot service\(place(market.snapshot)) did not name it in "
        + "\(SnapshotClient.attemptsMax) attempts; set 'session', or check 'snapshot', of the feed"
    }
    if end == .noSnapshot, feed.foreign > 0, feed.applied == 0 { return feed.reason }
    if end == .noSnapshot {
      return
        "the books could not be taken from the snapshot service\(place(market.snapshot)): no "
        + "whole snapshot in \(SnapshotClient.attemptsMax) attempts; check 'snapshot' of the feed"
    }
    return nil
  }

  private var nameless: String {
    if market.kind == .prices {
      return
        "the feed of \(name) names none of the instruments, or as others than ours: nothing was traded; give the "
        + "same 'source' as it plays"
    }
    return venue.isAttached
      ? "the feed of the exchange \(venue.attach) names none of the instruments: nothing was traded; give the "
        + "instruments file of what runs there with '--instruments' ('needletail exchange --write-instruments "
        + "FILE' writes it)"
      : "the feed names none of the instruments: nothing was traded; give the instruments file of this feed, or none"
  }

  private func place(_ endpoint: String) -> String { endpoint.isEmpty ? "" : " at \(endpoint)" }
}

extension RunPlan {
  /// What went wrong at a venue, the first of them, one that is gone before the others; nil when nothing did.
  func trouble(_ result: HotResult) -> CommandFailure? {
    let all = Array(zip(venues, result.venues))
    for (plan, found) in all.filter({ $0.1.isGone }) + all.filter({ !$0.1.isGone }) {
      let trouble = RunTrouble(
        end: result.end, sessionTrouble: found.trouble, isLoginRefused: found.isLoginRefused,
        hasLoggedIn: found.gateway.sessionsUp > 0, isSessionUp: found.isSessionUp,
        isGone: found.isGone, hasTraded: result.sight.sightedFor + result.sight.blindFor > 0,
        isBlind: result.sight.sawNothing
          || result.prices.contains { $0.channel == plan.channel && $0.sight.sawNothing },
        openOrders: found.openOrders, feed: FeedTrouble(result, plan),
        venue: plan.venue, market: plan.feed)
      if let failure = trouble.failure { return failure }
    }
    return nil
  }
}

/// A feed that gave nothing to trade on: why, in one sentence.
struct FeedTrouble {
  /// Received; of these, of other sessions, and while ours was not known.
  var datagrams: UInt64 = 0
  var foreign: UInt64 = 0
  var unidentified: UInt64 = 0
  /// Messages that reached the books.
  var applied: UInt64 = 0
  var session: SessionName?
  var foreignSession: SessionName?
  /// The snapshot service has refused every log-in; it has still to give the books.
  var isSnapshotRefused = false
  var isSnapshotAwaited = false
  /// It has named none of the instruments.
  var isNameless = false

  init() {}

  /// Of a venue's feed.
  init(_ result: HotResult, _ plan: VenuePlan) {
    guard plan.feed.kind == .prices else {
      self.init(result)
      return
    }
    self.init()
    guard let found = result.prices.first(where: { $0.channel == plan.channel }) else { return }
    datagrams = found.datagrams
    foreign = found.mold.foreignSession
    unidentified = found.mold.unidentified
    applied = found.books.applied
    session = found.session
    foreignSession = found.foreignSession
    isNameless = found.mold.delivered > 0 && found.named == 0
  }

  init(_ result: HotResult) {
    datagrams = result.datagrams
    foreign = result.mold.foreignSession
    unidentified = result.mold.unidentified
    let priced = result.prices.reduce(0) { $0 &+ $1.books.applied }
    let records = result.state.counters.marketRecords
    applied = records &- min(records, priced)
    session = result.session
    foreignSession = result.foreignSession
    isSnapshotRefused = result.isSnapshotRefused
    isSnapshotAwaited = result.isSnapshotAwaited
    isNameless = applied > 0 && result.state.feed.directory.named == 0
  }

  /// Datagrams came, and nothing of them could be applied.
  var isUseless: Bool { applied == 0 && datagrams > 0 }

  var reason: String {
    if let session {
      if foreign > 0, let foreignSession {
        return
          "no market data was applied: \(foreign.grouped) of \(datagrams.grouped) datagrams were of another session, "
          + "such as '\(foreignSession.trimmed)', and ours is '\(session.trimmed)'; check 'session' of the feed"
      }
      return "no market data was applied: \(datagrams.grouped) datagrams came, "
        + (isSnapshotAwaited
          ? "and the books that they go on from did not; check 'snapshot' of the feed"
          : "and none of use")
    }
    return
      "no market data was applied: the feed's session was not known (\(unidentified.grouped) datagrams came "
      + "meanwhile); set 'session', or check 'snapshot', of the feed"
  }
}
