public import ExecutionCore

/// The client side of an OUCH 5.0 port: SoupBinTCP session, codec, send queue and last-hop fuse, in
/// the core's terms.
///
/// How it is driven, all on one thread: `connected` when TCP is up; `receive` with what was read;
/// `encode` for each request of the core; `tick` every few hundred milliseconds; after each of
/// these, `prepareSend` and `sent` until nothing is left, and `reports` handed to the engine and
/// cleared. When `mustClose` is set the caller closes and calls `disconnected`.
///
/// Sans-I/O, no clock: every call gets machine time. No allocation after `init`. Sources: OUCH 5.0,
/// SoupBinTCP 3.00, EXCHANGE.md.
@safe public struct OUCHGateway: ~Copyable {
  public let settings: OUCHGatewaySettings
  public internal(set) var counters = OUCHGatewayCounters()
  /// Set when the connection is of no use any more.
  public internal(set) var mustClose: OUCHCloseReason?
  public internal(set) var fuse: LastHopFuse
  /// The stream has been drained since the log-in; no fate of an older request is still to come.
  public internal(set) var isCaughtUp = false
  /// The last message that could not be decoded.
  public internal(set) var lastFault: OUCHFault?
  var client: SoupClient
  var queue: OUCHSendQueue
  let reportColumn: HeapColumn<VenueReport>
  var reportCount = 0
  var request = OUCHRequest(.accountQuery)
  var response = OUCHResponse(.systemEvent)
  var drain = OUCHDrain()
  private var isUp = false

  /// Takes all its memory.
  public init(_ settings: OUCHGatewaySettings) {
    self.settings = settings
    fuse = LastHopFuse(settings.fuse)
    var session = settings.session
    session.findsHistory = true
    client = SoupClient(session)
    queue = OUCHSendQueue(
      urgentPackets: settings.urgentPackets, ordinaryPackets: settings.ordinaryPackets)
    // Room for everything that waits to be reported at once, and for a batch of messages.
    reportColumn = HeapColumn(
      count: max(settings.urgentPackets, 1) + max(settings.ordinaryPackets, 1)
        + OUCHSendQueue.reserve + OUCHSendQueue.sessionReserve + 256,
      repeating: VenueReport(kind: .notSent, venue: settings.venue, account: settings.account))
  }
  deinit { reportColumn.free() }

  /// Logged in; requests are taken.
  public var isActive: Bool { client.state == .active }
  public var session: SessionName { client.session }
  /// The sequence of the next message of the venue's stream.
  public var nextSequence: UInt64 { client.nextSequence }

  // MARK: Reports

  /// What happened since ``clearReports()``, in order. Valid until the next call that changes the
  /// gateway.
  @inlinable public var reports: UnsafeBufferPointer<VenueReport> { unsafe made() }
  #if !DEBUG
    @_noLocks
  #endif
  @usableFromInline func made() -> UnsafeBufferPointer<VenueReport> {
    unsafe reportColumn.prefix(reportCount)
  }
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func clearReports() { reportCount = 0 }

  mutating func report(_ report: VenueReport) {
    reportColumn[reportCount] = report
    reportCount &+= 1
  }
  /// Places that are free; the last one is kept for `sessionDown`.
  var reportRoom: Int { reportColumn.count &- 1 &- reportCount }
  func blankReport(_ kind: VenueReport.Kind, now: Int64) -> VenueReport {
    var report = VenueReport(kind: kind, venue: settings.venue, account: settings.account)
    report.receivedAt = now
    return report
  }

  // MARK: Connection

  /// TCP is connected: the log-in is queued, asking for the next sequence that we have not seen. The
  /// first asks for the newest: where the stream has a past that we do not know, `mustClose` is
  /// ``OUCHCloseReason/historyFound``, and the next connection asks for that past.
  public mutating func connected(now: Int64) {
    mustClose = nil
    isCaughtUp = false
    guard let room = unsafe queue.room(urgent: true, isCancel: false) else { return }
    let written = unsafe client.connected(now: now, into: room)
    queue.push(OUCHQueued(length: UInt16(truncatingIfNeeded: written)), urgent: true)
  }

  /// The connection is gone. What was waiting and had not been begun is reported as not sent;
  /// `sessionDown` follows when a session had been up. What was handed over has an unknown fate
  /// until the next session has caught up.
  public mutating func disconnected(now: Int64) {
    client.disconnected()
    isCaughtUp = false
    let base = blankReport(.notSent, now: now)
    // Bounded: each turn takes one out.
    while let queued = queue.takeWaiting() {
      guard queued.isRequest else { continue }
      counters.notSent &+= 1
      // The fuse counted it when it was encoded; it never was open.
      if queued.kind == .new { fuse.closed(UInt32(truncatingIfNeeded: queued.venueReference)) }
      // What has no room is settled with all else that has an unknown fate.
      if reportRoom > 0 { report(OUCHGateway.notSent(queued, .sessionDown, base)) }
    }
    guard isUp else { return }
    isUp = false
    var down = blankReport(.sessionDown, now: now)
    down.streamSequence = client.nextSequence
    report(down)
  }

  /// A new trading day: another session, from its first message, with no order open.
  public mutating func newDay(session: SessionName = .blank, now: Int64) {
    disconnected(now: now)
    client.reset(session: session)
    fuse.newDay()
    drain = OUCHDrain()
  }

  /// Heartbeats and time-outs.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func tick(now: Int64) {
    // Without room there is no heartbeat, and none needed: bytes wait. The time-out is checked always.
    let room =
      unsafe queue.room(urgent: true, isCancel: false)
      ?? UnsafeMutableRawBufferPointer(start: nil, count: 0)
    var fault: SoupFault?
    let written = unsafe client.tick(now: now, into: room, &fault)
    if let fault { mustClose = .fault(fault) }
    if written > 0 {
      queue.push(OUCHQueued(length: UInt16(truncatingIfNeeded: written)), urgent: true)
    }
  }

  /// Asks the venue to end the session in order; it closes the connection.
  public mutating func logout() {
    // Behind everything that is to be sent before.
    guard client.state == .active,
      let room = unsafe queue.room(urgent: false, isCancel: true)
    else { return }
    let written = unsafe SoupClient.logout(into: room)
    queue.push(OUCHQueued(length: UInt16(truncatingIfNeeded: written)), urgent: false)
  }

  /// Arms the tripped fuse again, in the name of a person; false when there is no name.
  public mutating func rearmFuse(by person: String, now: Int64) -> Bool {
    fuse.rearm(by: person, now: now)
  }

  // MARK: Bytes

  /// The bytes to send now, cancels first; empty when there are none. Say with ``sent(_:now:)`` how
  /// many were taken, also when it was none: until then nothing of them can be overtaken. New orders
  /// and replaces that waited too long are withdrawn here and reported; while the reports have no room
  /// for that, only cancels and session packets are handed over.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func prepareSend(now: Int64) -> UnsafeRawBufferPointer {
    queue.release()
    let ageMax = settings.ageMax
    var isClean = true
    if ageMax > 0, queue.waitingOrdinary > 0 {
      isClean = withdraw(.tooOld, now: now) { queued in
        queued.createdAt > 0 && now &- queued.createdAt > ageMax
      }
    }
    return unsafe queue.prepare(urgentOnly: !isClean)
  }

  /// Takes back waiting new orders and replaces, as far as the reports have room; false when some that
  /// were chosen are left.
  @discardableResult
  mutating func withdraw(
    _ cause: NotSentCause, now: Int64, _ chosen: (OUCHQueued) -> Bool
  ) -> Bool {
    let column = reportColumn
    let last = column.count &- 1
    var count = reportCount
    var isWhole = true
    let base = blankReport(.notSent, now: now)
    queue.withdraw { queued in
      guard queued.kind == .new || queued.kind == .replace, queued.isRequest, chosen(queued)
      else { return false }
      guard count < last else {
        isWhole = false
        return false
      }
      column[count] = OUCHGateway.notSent(queued, cause, base)
      count &+= 1
      return true
    }
    // The fuse counted them when they were encoded; they are not open.
    for i in reportCount..<count where column[i].reason == UInt16(VenueRequest.Kind.new.rawValue) {
      fuse.closed(UInt32(truncatingIfNeeded: column[i].venueReference))
    }
    counters.notSent &+= UInt64(count &- reportCount)
    reportCount = count
    return isWhole
  }

  /// The connection took the first `bytes` of what ``prepareSend(now:)`` gave, 0 when it had no room.
  /// A packet that was begun is finished first; the rest is laid out anew.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func sent(_ bytes: Int, now: Int64) {
    queue.took(bytes)
    guard bytes > 0 else { return }
    counters.bytesSent &+= UInt64(bytes)
    client.spoke(now: now)
  }

  /// Takes bytes that were read.
  ///
  /// - Returns: how many were used. Fewer than given means that the reports are full, or that
  ///   `mustClose` is set: hand over the reports, clear them, and call again with the rest.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func receive(_ bytes: UnsafeRawBufferPointer, now: Int64) -> Int {
    var offset = 0
    while mustClose == nil, reportRoom >= 4,
      let event = unsafe client.next(bytes, &offset, now: now)
    {
      switch event {
      case .sequenced(let sequence, let message):
        unsafe sequenced(message, sequence: sequence, now: now)
      case .loggedIn(_, let next): loggedIn(next, now: now)
      case .historyFound: mustClose = .historyFound
      case .loginRejected(let reason): mustClose = .loginRejected(reason)
      case .endOfSession: mustClose = .endOfSession
      case .failed(let fault): mustClose = .fault(fault)
      case .unsequenced, .debug: break
      }
    }
    return offset
  }

  private mutating func loggedIn(_ next: UInt64, now: Int64) {
    isUp = true
    counters.sessionsUp &+= 1
    var up = blankReport(.sessionUp, now: now)
    up.streamSequence = next
    report(up)
    drain.begin()
    queryAccount()
  }

  /// The drain marker: its answer comes behind everything that the venue had before.
  mutating func queryAccount() {
    // Never before an order that waits: its number would look as if it had not arrived.
    guard let room = unsafe queue.room(urgent: false, isCancel: true) else { return }
    request.reset(.accountQuery)
    let written = unsafe packet(into: room)
    guard written > 0 else { return }
    queue.push(OUCHQueued(length: UInt16(truncatingIfNeeded: written)), urgent: false)
    drain.asked()
  }
}

/// Tells a fresh answer to an account query from one that a replay brings again.
///
/// Answers of queries of earlier connections may stand in the replay, behind what an earlier client left
/// (``SoupClient/historyEnd``). They come before any answer of this connection, so with `stale` of them
/// possible, the stream is drained for certain when `stale + 1` answers have come; until then each
/// answer is followed by another query.
struct OUCHDrain: BitwiseCopyable {
  /// Queries of earlier connections that may still be answered.
  private var stale = 0
  private var asks = 0
  private var answers = 0
  private var drained = true

  mutating func begin() {
    stale = max(stale &+ asks &- answers, 0)
    if drained { stale = max(asks &- answers, 0) }
    asks = 0
    answers = 0
    drained = false
  }
  mutating func asked() { asks &+= 1 }

  enum Answer: BitwiseCopyable { case drained, askAgain, late }
  mutating func answered() -> Answer {
    answers &+= 1
    if drained { return .late }
    if answers > stale {
      drained = true
      // What is outstanding now is of this connection.
      asks = max(asks &- (answers &- stale), 0)
      answers = 0
      stale = 0
      return .drained
    }
    return .askAgain
  }
}
