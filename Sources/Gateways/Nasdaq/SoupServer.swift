/// Settings of a ``SoupServer``. Times in nanoseconds of machine time.
@frozen public struct SoupServerSettings: BitwiseCopyable, Sendable {
  public var session: SessionName
  public var credentials: SoupCredentials
  public var heartbeatInterval: Int64 = 1_000_000_000
  /// Silence of the client after which it is given up; a 4.00 log-in may say another.
  public var timeout: Int64 = 15_000_000_000
  /// A client that has not logged in so long after it connected is given up, whatever it sends: the
  /// protocol lets the server close such a one, and heartbeats are no log-in.
  public var loginTimeout: Int64 = 10_000_000_000
  public var packetBytesMax: Int = 4_096

  public init(session: SessionName, credentials: SoupCredentials) {
    self.session = session
    self.credentials = credentials
  }
}

/// What a ``SoupServer`` found in the bytes.
@safe public enum SoupServerEvent {
  /// Answer it with ``SoupServer/answer(_:firstSequence:nextSequence:now:into:)``.
  case login(SoupLogin)
  case unsequenced(UnsafeRawBufferPointer)
  case debug(UnsafeRawBufferPointer)
  case logout
  /// The connection must be closed.
  case failed(SoupFault)
}

/// One client's connection to a SoupBinTCP server: log-in, replay from the requested sequence, live
/// messages, heartbeats both ways.
///
/// The stream itself is the caller's ``MessageStore``: the server only knows which sequence it
/// sends next, so replay and live sending are the same ``pump(_:now:into:)``. Make one for each
/// connection. Sans-I/O. Threading: one thread. No allocation after `init`. Source: SoupBinTCP 3.00
/// and 4.00.
@safe public struct SoupServer: ~Copyable {
  @frozen public enum State: UInt8, BitwiseCopyable, Sendable { case awaitsLogin, active, closed }
  @frozen public enum Answer: BitwiseCopyable, Sendable, Equatable {
    /// Accepted; this many bytes are to be sent, then ``SoupServer/pump(_:now:into:)``.
    case accepted(bytes: Int)
    /// Rejected with `A` or `S`: send the bytes, then close.
    case rejected(reason: UInt8, bytes: Int)
    /// The buffer is too short (33 bytes are enough).
    case noRoom
  }
  public private(set) var state: State = .awaitsLogin
  /// The sequence that ``pump(_:now:into:)`` sends next.
  public private(set) var nextToSend: UInt64 = 0
  public private(set) var packets: UInt64 = 0
  private let settings: SoupServerSettings
  private var timeout: Int64
  private var deframer: SoupDeframer
  private let openedAt: Int64
  private var heardAt: Int64
  private var spokeAt: Int64

  public init(_ settings: SoupServerSettings, now: Int64) {
    self.settings = settings
    timeout = settings.timeout
    deframer = SoupDeframer(packetBytesMax: settings.packetBytesMax)
    openedAt = now
    heardAt = now
    spokeAt = now
  }

  /// The next event in `input` from `offset` on; nil when it is used up.
  public mutating func next(
    _ input: UnsafeRawBufferPointer, _ offset: inout Int, now: Int64
  ) -> SoupServerEvent? {
    while state != .closed, let packet = unsafe deframer.next(input, &offset) {
      packets &+= 1
      heardAt = now
      if let event = handle(packet) { return event }
    }
    if let fault = deframer.fault, state != .closed { return fail(fault) }
    return nil
  }

  /// Decides about a log-in and writes the answer (33 or 4 bytes).
  ///
  /// `A` rejects user name or password; `S` another session, a sequence that the store no longer
  /// holds, and one beyond its end: such a client has messages that this stream never sent.
  ///
  /// - Parameter credentials: what the log-in must have; nil: those of the settings. A port of several accounts
  ///   finds out by the user name whose they are to be, and whose stream is asked for.
  public mutating func answer(
    _ login: SoupLogin, credentials: SoupCredentials? = nil, firstSequence: UInt64,
    nextSequence: UInt64, now: Int64,
    into out: UnsafeMutableRawBufferPointer
  ) -> Answer {
    let writer = unsafe WireWriter(out)
    guard writer.count >= 33 else { return .noRoom }
    let sameSession =
      login.session.isBlank || login.session.leftJustified == settings.session.leftJustified
    let newest = nextSequence > firstSequence ? nextSequence &- 1 : nextSequence
    let from = login.sequence == 0 ? newest : login.sequence
    var reason: UInt8? = nil
    if !sameSession || from < firstSequence || from > nextSequence { reason = 0x53 }
    if login.credentials != credentials ?? settings.credentials { reason = 0x41 }
    if let reason { return unsafe reject(reason, now: now, into: out) }
    spokeAt = now
    writer.u16(0, 31)
    writer.u8(2, SoupPacketType.loginAccepted)
    writer.sessionName(3, settings.session.rightJustified)
    writer.decimal(13, 20, from)
    if login.heartbeatTimeoutMilliseconds > 0 {
      timeout = Int64(login.heartbeatTimeoutMilliseconds) * 1_000_000
    }
    nextToSend = from
    state = .active
    return .accepted(bytes: 33)
  }

  /// Refuses a log-in whatever it says, with one of the reasons of an answer.
  public mutating func reject(
    _ reason: UInt8, now: Int64, into out: UnsafeMutableRawBufferPointer
  ) -> Answer {
    let writer = unsafe WireWriter(out)
    guard writer.count >= 4 else { return .noRoom }
    spokeAt = now
    writer.u16(0, 2)
    writer.u8(2, SoupPacketType.loginRejected)
    writer.u8(3, reason)
    state = .closed
    return .rejected(reason: reason, bytes: 4)
  }

  /// Writes as many stored messages, as sequenced data, as fit: the replay after a log-in and
  /// everything since. Bytes written; call again when they are handed over.
  public mutating func pump(
    _ store: borrowing some MessageStore & ~Copyable, now: Int64,
    into out: UnsafeMutableRawBufferPointer
  ) -> Int {
    guard state == .active else { return 0 }
    var used = 0
    let writer = unsafe WireWriter(out)
    while nextToSend < store.nextSequence, let message = unsafe store.message(at: nextToSend) {
      let written = unsafe SoupWrite.data(
        SoupPacketType.sequencedData, message, into: writer.part(used, writer.count &- used))
      guard written > 0 else { break }
      used &+= written
      nextToSend &+= 1
    }
    if used > 0 { spokeAt = now }
    return used
  }

  /// To be called at least once a heartbeat interval. Writes a heartbeat when one is due (3 bytes).
  /// `fault` gets ``SoupFault/timedOut`` when the client was silent too long, or has not logged in
  /// in time.
  public mutating func tick(
    now: Int64, into out: UnsafeMutableRawBufferPointer, _ fault: inout SoupFault?
  ) -> Int {
    guard state != .closed else { return 0 }
    let isLate =
      state == .awaitsLogin
      ? now &- openedAt >= settings.loginTimeout : now &- heardAt >= timeout
    if isLate {
      fault = .timedOut
      state = .closed
      return 0
    }
    guard state == .active, now &- spokeAt >= settings.heartbeatInterval else { return 0 }
    let written = unsafe SoupWrite.empty(SoupPacketType.serverHeartbeat, into: out)
    if written > 0 { spokeAt = now }
    return written
  }

  /// The end of the session: 3 bytes; the client logs out, then close.
  public mutating func endOfSession(
    now: Int64, into out: UnsafeMutableRawBufferPointer
  ) -> Int {
    spokeAt = now
    return unsafe SoupWrite.empty(SoupPacketType.endOfSession, into: out)
  }
  /// An unsequenced message for the client.
  public static func unsequenced(
    _ message: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer
  ) -> Int {
    unsafe SoupWrite.data(SoupPacketType.unsequencedData, message, into: out)
  }
  /// Text for people who watch the line.
  public static func debug(
    _ text: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer
  ) -> Int {
    unsafe SoupWrite.data(SoupPacketType.debug, text, into: out)
  }

  private mutating func fail(_ fault: SoupFault) -> SoupServerEvent {
    state = .closed
    return .failed(fault)
  }

  private mutating func handle(_ packet: SoupPacket) -> SoupServerEvent? {
    switch packet.type {
    case SoupPacketType.unsequencedData where state == .active:
      return unsafe .unsequenced(packet.payload)
    case SoupPacketType.clientHeartbeat:
      guard unsafe packet.payload.count == 0 else { return fail(.badLength) }
      return nil
    case SoupPacketType.debug:
      return unsafe .debug(packet.payload)
    case SoupPacketType.logoutRequest:
      guard unsafe packet.payload.count == 0 else { return fail(.badLength) }
      state = .closed
      return .logout
    case SoupPacketType.loginRequest where state == .awaitsLogin:
      var fault: SoupFault?
      guard let login = unsafe SoupLogin(packet.payload, &fault) else {
        return fail(fault ?? .badLength)
      }
      return .login(login)
    default:
      return fail(.unexpectedPacket)
    }
  }
}
