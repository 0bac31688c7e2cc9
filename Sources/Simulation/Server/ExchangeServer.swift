import ExecutionCore
import Gateways
public import Trading
public import Transport

/// How fast the exchange goes through its feed.
public enum ExchangePace: Hashable, Sendable {
  /// Session time is the feed's start + this × 10⁻⁸ × elapsed machine time: the unit of the core's own session clock,
  /// so that the two never part.
  case times(Int64)
  /// As fast as the core consumes; session time is the last applied message's.
  case max

  /// As time passes.
  public static var real: ExchangePace { .times(unit) }
  static let unit: Int64 = 100_000_000
}

/// Faults that are injected into the datagrams of each line, by seed; for tests, off by default.
public struct FeedFaults: Hashable, Sendable {
  public var seed: UInt64 = 1
  /// Parts per million of the datagrams.
  public var loss: UInt64 = 0
  public var duplication: UInt64 = 0
  public var reordering: UInt64 = 0
  public init() {}
  public var isActive: Bool { loss > 0 || duplication > 0 || reordering > 0 }
}

/// Settings of an ``ExchangeServer``.
public struct ExchangeServerSettings: Sendable {
  public var orderEntry = Endpoint.loopback()
  public var rerequest = Endpoint.loopback()
  public var snapshot = Endpoint.loopback()
  /// Where the A and the B line go: one or two.
  public var feedTo: [Endpoint] = []
  /// Time to live of lines that go to a multicast group: 0 stays on this machine.
  public var multicastHops: UInt8 = 0
  public var pace = ExchangePace.real
  public var faults = FeedFaults()
  /// The feed begins at the first log-in to order entry, not at once.
  public var startsAtLogin = false
  public var password = "needletail"
  /// Messages of history that lie closer together than this, in session time, leave in one datagram.
  public var packingTime: Int64 = 10_000
  /// Nanoseconds of machine time.
  public var heartbeatInterval: Int64 = 1_000_000_000
  public var timeout: Int64 = 15_000_000_000
  /// After the end of the feed, without a client, for so long: the server ends. 0 is never.
  public var idleMax: Int64 = 0
  public var limits = ExchangeServerLimits()
  public var reactor = ReactorSettings()

  public init() {}
}

/// The exchange on sockets: order entry over SoupBinTCP, MoldUDP64 with re-requests, snapshots.
///
/// Drive it from one thread, the one that makes it: ``turn()`` until ``isDone`` or a stop signal.
@safe public struct ExchangeServer: ~Copyable {
  enum Token {
    static let orderEntry: UInt64 = 1
    static let snapshot: UInt64 = 2
    static let rerequest: UInt64 = 3
    static let line: UInt64 = 4
  }
  /// Messages of history applied in one turn at most.
  static let feedBatchMax = 256

  public let session: ExchangeSession
  public let settings: ExchangeServerSettings
  /// Where the services really are.
  public private(set) var orderEntry: Endpoint
  public private(set) var rerequest: Endpoint
  public private(set) var snapshot: Endpoint
  public var counters = ExchangeServerCounters()
  /// Log-ins to order entry that are refused whatever they say, with the reason, by the account's number; for
  /// tests of what clients make of it.
  public var loginsRefused: [Int: UInt8] = [:]
  public var backEndReason: String { reactor.backEndReason }
  /// The number by which a ``NetworkLink`` knows it.
  public var host: Int { reactor.host }

  var reactor: Reactor
  let flow: FlowControl?
  var publisher: MoldPublisher
  var retransmitter: MoldRetransmitter
  var lines: [FeedLine] = []
  /// `none` while it is not open, as a line's.
  var rerequestSocket: ConnectionID
  var reopening = Reopening()
  /// Datagrams that the reactor had dropped when it was last asked.
  var droppedSeen: UInt64 = 0
  var clients: [OrderClient] = []
  var snapshots: [SnapshotSubscriber] = []
  /// By account.
  var loginAllowances: [Allowance]
  var snapshotAllowance: Allowance
  /// The last snapshot that was made, and what had been applied and published by then.
  var lastSnapshot: (stream: OrderStream, position: UInt64, nextSequence: UInt64)?
  /// The sequence that is published next.
  var nextToPublish: UInt64
  /// Machine time at which session time began to run; nil while it stands.
  var startedAt: Int64?
  /// Session time at ``startedAt``.
  var startTime: Int64 = 0
  var endedAt: Int64?
  var lastEndOfSession: Int64 = 0
  /// The end was said on the feed: nothing is published any more, whatever orders still do.
  var isEnded = false
  /// ``beginEnd()``: history goes no further.
  private var isEnding = false
  var lastActivity: Int64
  /// Machine time of the last turn, and how long the next may wait with nothing but heartbeats to do.
  private var lastTurn: Int64
  private static let housekeeping: Int64 = 10_000_000
  /// Machine time at which the feed goes on; the past: at once.
  private var nextMessageAt: Int64 = .min
  /// At `max` pace, between two looks at what the core has consumed.
  private static let windowWait: Int64 = 100_000
  let scratch: UnsafeMutableRawBufferPointer

  let tell: ((ExchangeEvent) -> Void)?

  /// Opens every socket. Throws ``ReactorError`` for a port in use, an address that is not ours, and so on.
  ///
  /// - Parameter tell: hears of what happens, in the turn in which it does: it must be quick. nil: nobody does.
  public init(
    session: ExchangeSession, settings: ExchangeServerSettings, flow: FlowControl?,
    tell: ((ExchangeEvent) -> Void)? = nil
  ) throws(ReactorError) {
    let accounts = session.settings.accounts.count
    var kernel = settings.reactor
    // Room for whoever is let in or waits to be, two listeners, the re-request server and the lines.
    kernel.connections = max(
      kernel.connections,
      2 * (accounts + settings.limits.snapshotsMax) + 3 * settings.limits.strangersMax + 8)
    var reactor = try Reactor(kernel)
    let sockets = try Sockets(settings, on: &reactor)
    let now = reactor.now
    // After a restart the numbers go on; what may not have been sent any more is sent again.
    var next = session.position == 0 ? 1 : session.nextSequence
    if session.position > 0, let flow {
      let consumed = min(flow.consumed, session.nextSequence &- 1)
      next = max(session.stream.firstSequence, consumed &+ 1)
    }
    self.session = session
    self.settings = settings
    self.tell = tell
    self.flow = flow
    orderEntry = sockets.orderEntry
    snapshot = sockets.snapshot
    rerequest = sockets.rerequest
    rerequestSocket = sockets.rerequestSocket
    lines = sockets.lines
    loginAllowances = [Allowance](
      repeating: Allowance(perSecond: settings.limits.loginsPerSecond), count: accounts)
    snapshotAllowance = Allowance(perSecond: settings.limits.snapshotsPerSecond)
    nextToPublish = next
    publisher = MoldPublisher(
      session: session.name, nextSequence: next, heartbeatInterval: settings.heartbeatInterval,
      now: now)
    retransmitter = MoldRetransmitter(session: session.name)
    lastActivity = now
    lastTurn = now
    unsafe scratch = .allocate(byteCount: 65_536, alignment: 8)
    self.reactor = reactor
  }

  deinit { unsafe scratch.deallocate() }

  /// The feed is over, nobody is connected, and the idle time has passed.
  public var isDone: Bool {
    guard session.failure == nil else { return true }
    guard settings.idleMax > 0, let endedAt, clients.isEmpty else { return false }
    return reactor.now - max(endedAt, lastActivity) >= settings.idleMax
  }

  /// The ports, as one JSON object on one line.
  public var announcement: String {
    let feed = settings.feedTo.map { "\"\($0)\"" }.joined(separator: ",")
    return
      "{\"order_entry\":\"\(orderEntry)\",\"rerequest\":\"\(rerequest)\","
      + "\"snapshot\":\"\(snapshot)\",\"feed\":[\(feed)],\"session\":\"\(sessionText)\"}"
  }

  var sessionText: String {
    var text = ""
    for i in 0..<SessionName.size { text.unicodeScalars.append(Unicode.Scalar(session.name[i])) }
    return text
  }

  /// Machine time at which a turn has something to do if nothing arrives before; a moment of the past where it has
  /// already. For who shares the thread with it, over a network in memory.
  public var due: Int64 {
    min(reactor.due ?? .max, lastTurn &+ Self.housekeeping, nextMessageAt)
  }

  /// When session time has come to the next message's: when it is applied.
  private func machineTime(of next: Int64) -> Int64 {
    guard let startedAt, case .times(let factor) = settings.pace else { return .min }
    let ahead = next &- startTime
    guard factor != ExchangePace.unit, ahead > 0 else { return startedAt &+ ahead }
    let whole = Int128(ahead) * Int128(ExchangePace.unit)
    let wait = (whole + Int128(factor) - 1) / Int128(max(1, factor))
    return startedAt &+ Int64(clamping: wait)
  }

  /// One round: events, feed, publication, streams, heartbeats. Waits at most about a millisecond.
  public mutating func turn() {
    let count = reactor.poll(waiting())
    let now = reactor.now
    lastTurn = now
    for index in 0..<max(0, count) { handle(reactor.event(index), now: now) }
    if isSocketMissing { openAgain(now: now) }
    feed(now: now)
    publish(now: now)
    pumpClients(now: now)
    pumpSnapshots(now: now)
    reactor.submit()
  }

  private func waiting() -> WaitStrategy {
    guard startedAt != nil, !session.isFeedDone else { return .block(nanoseconds: 1_000_000) }
    switch settings.pace {
    case .max: return .spinThenYield(spins: 8)
    case .times: return .block(nanoseconds: 100_000)
    }
  }

  /// The session ends with the server: its feed is over, or nothing of it is kept. One that is kept goes on when the
  /// server is started again, and must not have been called ended.
  public var isSessionOver: Bool {
    session.settings.directory == nil || session.isFeedDone && session.failure == nil
  }

  /// The feed says the end of its session, where ``isSessionOver``, and history stands still; clients are served as
  /// before, so that they can take off what works for them and go: until ``isDeserted``, or not longer than
  /// ``partingMax``. Then ``finish()``.
  public mutating func beginEnd() {
    guard isSessionOver, !isEnding else { return }
    let now = reactor.now
    publish(now: now)
    isEnding = true
    session.closeEntry()
    endOfSession(now: now, force: true)
    reactor.submit()
  }

  /// Nobody is logged in to order entry.
  public var isDeserted: Bool { !clients.contains(where: \.isLoggedIn) }
  /// Nanoseconds that clients have from the end of the feed to that of their sessions.
  public static let partingMax: Int64 = 5_000_000_000

  /// Says goodbye: end of session on the feed and to the clients, where ``isSessionOver``. Else its sessions break.
  public mutating func finish() {
    let now = reactor.now
    publish(now: now)
    if isSessionOver {
      endOfSession(now: now, force: true)
      for index in clients.indices {
        let length = unsafe clients[index].soup.endOfSession(now: now, into: scratch)
        transmit(length, to: clients[index])
      }
    }
    reactor.submit()
    // Gives the kernel what is queued; bounded.
    for _ in 0..<10 { _ = reactor.poll(.block(nanoseconds: 1_000_000)) }
  }

  // MARK: - Time

  /// Session time of now, whether the feed has come to it or not.
  private func paceTime(now: Int64) -> Int64 {
    guard let startedAt, case .times(let factor) = settings.pace else {
      return session.core.time
    }
    var elapsed = now - startedAt
    if factor != ExchangePace.unit {
      elapsed = Int64(clamping: Int128(elapsed) * Int128(factor) / Int128(ExchangePace.unit))
    }
    return max(session.core.time, startTime &+ elapsed)
  }

  /// When an input happens that arrives now. A feed that is behind has messages of before now still to come: it
  /// happens before these, or what is published would go back in time.
  func sessionTime(now: Int64) -> Int64 {
    let next = session.feed.peek()?.sessionTime ?? .max
    return max(session.core.time, min(paceTime(now: now), next))
  }

  private mutating func start(now: Int64) {
    guard startedAt == nil else { return }
    startedAt = now
    // The prologue has its own time; session time runs from the first message on.
    startTime = max(session.core.time, session.feed.peek()?.sessionTime ?? session.core.time)
  }

  // MARK: - Feed

  private mutating func feed(now: Int64) {
    if startedAt == nil {
      guard !settings.startsAtLogin || session.position > 0 || clients.contains(where: \.isLoggedIn)
      else {
        nextMessageAt = .max
        return
      }
      start(now: now)
    }
    nextMessageAt = .max
    guard !session.isFeedDone, !isEnding else { return }
    let time = paceTime(now: now)
    nextMessageAt = .min
    batch: for _ in 0..<Self.feedBatchMax {
      guard let next = session.feed.peek() else {
        session.applyNext()
        break batch
      }
      switch settings.pace {
      case .max:
        // What waits counts too: then the window bounds it all.
        guard session.nextSequence - nextToPublish < windowLeft() else {
          nextMessageAt = now &+ Self.windowWait
          break batch
        }
      case .times:
        guard next.sessionTime <= time else {
          nextMessageAt = machineTime(of: next.sessionTime)
          break batch
        }
      }
      session.applyNext()
      let following = session.feed.peek()?.sessionTime ?? .max
      if following &- next.sessionTime > settings.packingTime { publish(now: now) }
    }
    if session.isFeedDone {
      endedAt = now
      nextMessageAt = .max
    }
  }

  /// Messages that may be published now.
  private func windowLeft() -> UInt64 {
    guard case .max = settings.pace, let flow else { return .max }
    let underway = nextToPublish &- 1 &- min(flow.consumed, nextToPublish &- 1)
    return underway >= FlowControl.windowMax ? 0 : FlowControl.windowMax - underway
  }

  mutating func publish(now: Int64) {
    guard !isEnded else {
      endOfSession(now: now, force: false)
      return
    }
    var left = windowLeft()
    while nextToPublish < session.nextSequence, left > 0,
      let message = unsafe session.stream.message(at: nextToPublish)
    {
      switch unsafe publisher.append(message) {
      case .sequence:
        nextToPublish += 1
        left -= 1
      case .full: sendDatagram(now: now)
      case .tooLong: return
      }
    }
    sendDatagram(now: now)
    if let heartbeat = unsafe publisher.heartbeat(now: now) { unsafe broadcast(heartbeat) }
    if session.isFeedDone { endOfSession(now: now, force: false) }
  }

  private mutating func sendDatagram(now: Int64) {
    guard let datagram = unsafe publisher.take(now: now) else { return }
    unsafe broadcast(datagram)
    counters.datagrams &+= 1
    flow?.published = nextToPublish &- 1
  }

  private mutating func broadcast(_ datagram: UnsafeRawBufferPointer) {
    for index in lines.indices {
      unsafe lines[index].send(datagram, on: &reactor, counters: &counters.lines)
    }
  }

  /// End of session is repeated once a second, for receivers that come late. It waits until nothing is left.
  private mutating func endOfSession(now: Int64, force: Bool) {
    guard isEnded || force || nextToPublish == session.nextSequence,
      force || now - lastEndOfSession >= 1_000_000_000,
      let datagram = unsafe publisher.endOfSession(now: now)
    else { return }
    lastEndOfSession = now
    isEnded = true
    unsafe broadcast(datagram)
    for index in lines.indices { lines[index].flush(on: &reactor, counters: &counters.lines) }
  }
}
