public import ExecutionCore

/// The client side of an OUCH 5.0 port: SoupBinTCP session, codec and last-hop fuse, in the core's terms. One
/// for each user name, which is one account.
///
/// What the protocol's evidence means is decided here: at log-in the stream is drained up to the answer of an
/// account query, which tells the number that the venue expects next; an inquiry about an order becomes such a
/// query, and what has a number at or above its answer never arrived.
///
/// Sans-I/O, no clock: see ``OrderEntryGateway``. No allocation after `init`. Sources: OUCH 5.0,
/// SoupBinTCP 3.00.
@safe public struct OUCHGateway: ~Copyable, OrderEntryGateway {
  /// The longest packet that a request becomes.
  static var packetBytesMax: Int { 112 }
  /// Room that only the session's own packets may use: log-in, heartbeat, drain query, log-out.
  static var sessionBytes: Int { 4 * packetBytesMax }
  /// Reports that one message may bring.
  static var reportsPerMessageMax: Int { 4 }

  public let settings: OUCHGatewaySettings
  public internal(set) var counters = GatewayCounters()
  /// Set when the connection is of no use any more.
  public internal(set) var mustClose: OUCHCloseReason?
  public internal(set) var fuse: LastHopFuse
  /// The stream has been drained since the log-in; no fate of an older request is still to come.
  public internal(set) var isCaughtUp = false
  /// The last message that could not be decoded.
  public internal(set) var lastFault: OUCHFault?
  var client: SoupClient
  var buffer: SendBuffer
  let reportColumn: HeapColumn<VenueReport>
  var reportCount = 0
  /// By ``InstrumentID``.
  let symbols: HeapColumn<UInt64>
  var request = OUCHRequest(.accountQuery)
  var response = OUCHResponse(.systemEvent)
  var drain = OUCHDrain()
  /// Since when the stream stands still while it is caught up with, and where; 0: it does not.
  private var drainSince: Int64 = 0
  private var drainSequence: UInt64 = 0
  var inquiries: OUCHInquiries
  /// Nothing but inquiries has been encoded since the last account query: its answer will do for another.
  var isQueryLast = false
  private var isUp = false

  /// Takes all its memory.
  ///
  /// - Parameter symbols: by the engine's instrument numbers, eight padded ASCII bytes each (``SymbolCode``).
  public init(_ settings: OUCHGatewaySettings, symbols: [UInt64]) {
    self.settings = settings
    fuse = LastHopFuse(settings.fuse)
    var session = settings.session
    session.findsHistory = true
    client = SoupClient(session)
    buffer = SendBuffer(bytes: max(settings.sendBytes, 1_024) + Self.sessionBytes)
    reportColumn = HeapColumn(
      count: 1_024,
      repeating: VenueReport(kind: .notSent, port: settings.port, account: settings.account))
    self.symbols = HeapColumn(count: symbols.count, repeating: 0)
    for (i, symbol) in symbols.enumerated() { self.symbols[i] = symbol }
    inquiries = OUCHInquiries(most: settings.inquiriesMax)
  }
  deinit {
    reportColumn.free()
    symbols.free()
  }

  @inlinable public var isActive: Bool { isLoggedIn() }
  #if !DEBUG
    @_noLocks
  #endif
  @usableFromInline func isLoggedIn() -> Bool { client.state == .active }
  public var session: SessionName { client.session }
  /// The sequence of the next message of the venue's stream.
  public var nextSequence: UInt64 { client.nextSequence }
  public var closing: Reconnecting? { mustClose?.reconnecting }
  public var closingReason: String { mustClose?.description ?? "" }
  public var fuseTripped: LastHopFuse.Cap? { fuse.tripped }

  // MARK: Reports

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
    var report = VenueReport(kind: kind, port: settings.port, account: settings.account)
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
    buffer.clear()
    guard let room = unsafe buffer.tail(Self.packetBytesMax) else { return }
    buffer.push(unsafe client.connected(now: now, into: room))
  }

  /// The connection is gone: `sessionDown` is reported when a session had been up. What was handed over has
  /// an unknown fate until the next session has caught up.
  public mutating func disconnected(now: Int64) {
    client.disconnected()
    isCaughtUp = false
    isQueryLast = false
    buffer.clear()
    inquiries.clear()
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

  #if !DEBUG
    @_noLocks
  #endif
  public mutating func tick(now: Int64) {
    answerInquiries(now: now)
    // Without room there is no heartbeat, and none needed: bytes wait. The time-out is checked always.
    let room =
      unsafe buffer.tail(Self.packetBytesMax)
      ?? UnsafeMutableRawBufferPointer(start: nil, count: 0)
    var fault: SoupFault?
    let written = unsafe client.tick(now: now, into: room, &fault)
    if let fault { mustClose = .fault(fault) }
    buffer.push(written)
    checkDrain(now: now)
  }

  /// A stream that is being caught up with gives message after message, up to the answer.
  private mutating func checkDrain(now: Int64) {
    guard client.state == .active, !isCaughtUp else {
      drainSince = 0
      return
    }
    if drainSince == 0 || drainSequence != client.nextSequence {
      drainSince = max(now, 1)
      drainSequence = client.nextSequence
    } else if now &- drainSince >= settings.session.timeout {
      mustClose = .unanswered
    }
  }

  /// Behind everything that has been encoded; the venue closes the connection.
  public mutating func logout() {
    guard client.state == .active, let room = unsafe buffer.tail(Self.packetBytesMax) else {
      return
    }
    buffer.push(unsafe SoupClient.logout(into: room))
  }

  /// Arms the tripped fuse again, in the name of a person; false when there is no name.
  public mutating func rearmFuse(by person: String, now: Int64) -> Bool {
    fuse.rearm(by: person, now: now)
  }

  // MARK: Bytes

  @inlinable public var output: UnsafeRawBufferPointer { unsafe encoded() }
  #if !DEBUG
    @_noLocks
  #endif
  @usableFromInline func encoded() -> UnsafeRawBufferPointer { unsafe buffer.bytes }

  #if !DEBUG
    @_noLocks
  #endif
  public mutating func sent(now: Int64) {
    guard buffer.count > 0 else { return }
    counters.bytesSent &+= UInt64(buffer.count)
    buffer.clear()
    client.spoke(now: now)
  }

  #if !DEBUG
    @_noLocks
  #endif
  public mutating func receive(_ bytes: UnsafeRawBufferPointer, now: Int64) -> Int {
    var offset = 0
    answerInquiries(now: now)
    while mustClose == nil, reportRoom >= Self.reportsPerMessageMax,
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

  /// Its answer comes behind everything that the venue had to say of what was sent before. False without room.
  @discardableResult
  mutating func queryAccount() -> Bool {
    guard let room = unsafe buffer.tail(Self.packetBytesMax) else { return false }
    request.reset(.accountQuery)
    let written = unsafe packet(into: room)
    guard written > 0 else { return false }
    buffer.push(written)
    drain.asked()
    return true
  }
}
