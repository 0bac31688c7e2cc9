public import ExecutionCore

/// The client side of a session at the paper broker (``PaperProtocol``), in the core's terms.
///
/// What this protocol's evidence means is decided here. There is no stream whose numbers could be missing: at the
/// log-in, and every second while anything goes on, executions and changed orders since the last complete answer are
/// asked for, so that a report that was never sent is found. An inquiry about an order asks for its executions first,
/// then how it stands.
///
/// Sans-I/O, no clock: see ``OrderEntryGateway``. No allocation after `init`.
@safe public struct PaperGateway: ~Copyable, OrderEntryGateway {
  static var reportsPerFrameMax: Int { 2 }
  /// Room that only the session's own frames may use.
  static var sessionBytes: Int { 4 * PaperProtocol.frameBytesMax }

  public let settings: PaperGatewaySettings
  public internal(set) var counters = GatewayCounters()
  public internal(set) var fuse: LastHopFuse
  public internal(set) var isCaughtUp = false
  /// Reports that the broker had never sent, and were found by asking.
  public internal(set) var found: UInt64 = 0
  /// Frames about an order that had come before, by their revision.
  public internal(set) var repeated: UInt64 = 0
  /// What the broker said of money that no order brought: dividends, funding and the like.
  public internal(set) var adjustments: UInt64 = 0
  public internal(set) var adjusted: Int128 = 0
  var mustClose: PaperCloseReason?
  var buffer: SendBuffer
  let reportColumn: HeapColumn<VenueReport>
  var reportCount = 0
  let listings: HeapColumn<PaperListing>
  /// Places of the listings by their symbols, and 1; open-addressed.
  let places: HeapColumn<UInt32>
  let input: Block
  var inputCount = 0
  var sync = PaperSync()
  var inquiries: PaperInquiries
  let seenRevisions: HeapColumn<UInt64>
  let seenExecutions: HeapColumn<UInt64>
  var isLoggedIn = false
  private var isUp = false
  var isConnected = false
  var lastHeard: Int64 = 0
  var lastSpoken: Int64 = 0
  /// Something has gone on since the last sweep began.
  var isStirred = false

  /// So many of the newest are known to have been told.
  static var seenSize: Int { 1 << 14 }

  /// Takes all its memory.
  ///
  /// - Parameter instruments: by the engine's numbers.
  public init(_ settings: PaperGatewaySettings, instruments: [InstrumentFacts]) {
    self.settings = settings
    fuse = LastHopFuse(settings.fuse)
    buffer = SendBuffer(bytes: max(settings.sendBytes, 1_024) + Self.sessionBytes)
    reportColumn = HeapColumn(
      count: 1_024,
      repeating: VenueReport(kind: .notSent, port: settings.port, account: settings.account))
    listings = HeapColumn(count: instruments.count, repeating: PaperListing())
    var size = 16
    while size < instruments.count * 2 { size *= 2 }
    places = HeapColumn(count: size, repeating: 0)
    input = Block(count: PaperProtocol.frameBytesMax)
    inquiries = PaperInquiries(most: settings.inquiriesMax)
    seenRevisions = HeapColumn(count: Self.seenSize, repeating: 0)
    seenExecutions = HeapColumn(count: Self.seenSize, repeating: 0)
    for (i, facts) in instruments.enumerated() {
      listings[i] = PaperListing(facts)
      places[place(of: facts.symbol)] = UInt32(i) + 1
    }
  }
  deinit {
    reportColumn.free()
    listings.free()
    places.free()
    seenRevisions.free()
    seenExecutions.free()
  }

  /// The entry of a symbol, or the free one where it would go.
  func place(of symbol: Symbol) -> Int {
    let words = symbol.words
    var hash = words[0] ^ words[1] &* 3 ^ words[2] &* 5 ^ words[3] &* 7
    hash = (hash &* 0x9e37_79b9_7f4a_7c15) &>> 32
    var at = Int(truncatingIfNeeded: hash) & (places.count &- 1)
    // Ends: at least half of the entries are free.
    while places[at] != 0,
      listings[Int(places[at]) &- 1].symbol.words[0] != words[0] || !isSame(at, symbol)
    {
      at = (at &+ 1) & (places.count &- 1)
    }
    return at
  }
  private func isSame(_ at: Int, _ symbol: Symbol) -> Bool {
    let a = listings[Int(places[at]) &- 1].symbol.words
    let b = symbol.words
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3]
  }

  @inlinable public var isActive: Bool { isTaking() }
  #if !DEBUG
    @_noLocks
  #endif
  @usableFromInline func isTaking() -> Bool { isLoggedIn }
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

  public mutating func connected(now: Int64) {
    mustClose = nil
    isConnected = true
    isCaughtUp = false
    inputCount = 0
    lastHeard = now
    buffer.clear()
    guard let writer = room(for: PaperProtocol.Kind.login) else { return }
    writer.u8(3, PaperProtocol.version)
    writer.text(4, PaperProtocol.accountBytes, settings.username)
    writer.text(4 &+ PaperProtocol.accountBytes, PaperProtocol.accountBytes, settings.password)
    writer.u64(4 &+ 2 &* PaperProtocol.accountBytes, sync.revision)
    push(PaperProtocol.Kind.login)
  }

  /// What was handed over has an unknown fate until the next session has caught up.
  public mutating func disconnected(now: Int64) {
    isConnected = false
    isLoggedIn = false
    isCaughtUp = false
    inputCount = 0
    buffer.clear()
    inquiries.clear()
    sync.stop()
    guard isUp else { return }
    isUp = false
    report(blankReport(.sessionDown, now: now))
  }

  mutating func loggedIn(now: Int64) {
    isLoggedIn = true
    isUp = true
    counters.sessionsUp &+= 1
    report(blankReport(.sessionUp, now: now))
    sync.begin(isLogin: true, now: now)
    askSync()
  }

  #if !DEBUG
    @_noLocks
  #endif
  public mutating func tick(now: Int64) {
    guard isConnected else { return }
    if now &- lastHeard >= settings.timeout { mustClose = .silence }
    guard isLoggedIn else { return }
    if sync.isAsking, now &- sync.since >= settings.timeout {
      if isCaughtUp { sync.stop() } else { mustClose = .unanswered }
    }
    // Nobody answers: the engine asks again.
    while reportRoom >= 1, let reference = inquiries.takeOverdue(now: now, after: settings.timeout)
    {
      answer(reference, .failed, now: now)
    }
    if isCaughtUp, isStirred, !sync.isAsking, now &- sync.since >= settings.sweepInterval {
      isStirred = false
      sync.begin(isLogin: false, now: now)
      askSync()
    }
    if now &- lastSpoken >= settings.heartbeatInterval,
      room(for: PaperProtocol.Kind.heartbeat) != nil
    {
      push(PaperProtocol.Kind.heartbeat)
    }
  }

  public mutating func logout() {
    guard isLoggedIn, room(for: PaperProtocol.Kind.logout) != nil else { return }
    push(PaperProtocol.Kind.logout)
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
    lastSpoken = now
  }

  /// Room for a frame, its header written; nil where there is none.
  func room(for kind: UInt8) -> WireWriter? {
    let length = PaperProtocol.length(of: kind) ?? 0
    guard let room = unsafe buffer.tail(PaperProtocol.headerBytes &+ length) else { return nil }
    let writer = unsafe WireWriter(room)
    _ = writer.frame(kind, payload: length)
    return writer
  }
  mutating func push(_ kind: UInt8) {
    buffer.push(PaperProtocol.headerBytes &+ (PaperProtocol.length(of: kind) ?? 0))
  }

  @inlinable public var hasRoom: Bool { canEncode() }
  #if !DEBUG
    @_noLocks
  #endif
  @usableFromInline func canEncode() -> Bool {
    reportRoom > 0 && buffer.room >= PaperProtocol.frameBytesMax &+ Self.sessionBytes
  }

  // MARK: Requests

  #if !DEBUG
    @_noLocks
  #endif
  public mutating func encode(_ asked: VenueRequest, now: Int64) -> NotSentCause? {
    let cause = tryEncode(asked, now: now)
    guard let cause else {
      counters.encoded &+= 1
      isStirred = true
      return nil
    }
    counters.notSent &+= 1
    if reportRoom > 0 { report(VenueReport(notSent: asked, cause, now: now)) }
    return cause
  }

  private mutating func tryEncode(_ asked: VenueRequest, now: Int64) -> NotSentCause? {
    guard isLoggedIn else { return .sessionDown }
    guard asked.account == settings.account, hasRoom else {
      return asked.account == settings.account ? .noRoom : .unsupported
    }
    guard asked.venueReference > 0 else { return .reference }
    typealias Kind = PaperProtocol.Kind
    switch asked.kind {
    case .new, .replace:
      return encodeTerms(asked, now: now)
    case .cancel:
      guard asked.quantity == 0 else { return .unsupported }
      guard let writer = room(for: Kind.cancel) else { return .noRoom }
      PaperOrderID.write(writer, 3, asked.clientOrderID, asked.venueReference)
      push(Kind.cancel)
      return nil
    case .inquiry:
      guard inquiries.push(asked.clientOrderID, asked.venueReference, now: now) else {
        return .noRoom
      }
      askInquiry(inquiries.lastQuery)
      return nil
    case .modify, .massCancel, .disableEntry, .enableEntry: return .unsupported
    }
  }

  private mutating func encodeTerms(_ asked: VenueRequest, now: Int64) -> NotSentCause? {
    typealias Kind = PaperProtocol.Kind
    let instrument = Int(asked.instrument.raw)
    guard instrument < listings.count, asked.flags.rawValue & ~OrderFlags.postOnly.rawValue == 0
    else { return .unsupported }
    guard asked.quantity > 0 else { return .quantityRange }
    let kind = asked.kind == .new ? Kind.new : Kind.change
    guard let writer = room(for: kind) else { return .noRoom }
    let value = listings[instrument].value(asked.price, asked.quantity)
    guard fuse.admits(value: value, isNew: asked.kind == .new, now: now) else { return .fuse }
    PaperOrderID.write(writer, 3, asked.clientOrderID, asked.venueReference)
    if asked.kind == .new {
      fuse.opened(asked.venueReference, quantity: UInt64(asked.quantity))
      writer.symbol(39, listings[instrument].symbol)
      writer.u8(71, asked.side.isBuy ? 1 : 2)
      writer.u8(72, asked.timeInForce.rawValue)
      writer.u8(73, asked.flags.rawValue & OrderFlags.postOnly.rawValue != 0 ? 1 : 0)
      writer.u8(74, UInt8(bitPattern: asked.priceExponent))
      writer.u8(75, UInt8(bitPattern: asked.quantityExponent))
      writer.i64(76, asked.price)
      writer.i64(84, asked.quantity)
    } else {
      writer.i64(39, asked.price)
      writer.i64(47, asked.quantity)
    }
    push(kind)
    return nil
  }

  /// Arms the tripped fuse again, in the name of a person; false when there is no name.
  public mutating func rearmFuse(by person: String, now: Int64) -> Bool {
    fuse.rearm(by: person, now: now)
  }
}

extension WireWriter {
  /// As much as there is room for, padded with zeros.
  func text(_ offset: Int, _ width: Int, _ text: String) {
    var i = 0
    for byte in text.utf8 where i < width {
      u8(offset &+ i, byte)
      i &+= 1
    }
    while i < width {
      u8(offset &+ i, 0)
      i &+= 1
    }
  }
}
