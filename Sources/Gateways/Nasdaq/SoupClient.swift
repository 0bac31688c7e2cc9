/// Settings of a ``SoupClient``. Times in nanoseconds of machine time.
@frozen public struct SoupClientSettings: BitwiseCopyable, Sendable {
  public var credentials: SoupCredentials
  /// Blank: the session that is active; the server names it.
  public var session: SessionName = .blank
  /// The next sequence wanted; 1 at the start of a day, 0 to begin with the newest.
  public var nextSequence: UInt64 = 1
  /// The first log-in asks for the newest message, to learn how far the stream has come without us:
  /// see ``SoupClientEvent/historyFound(newest:)``. Of no effect with `nextSequence` 0.
  public var findsHistory = false
  /// Silence of ours after which a heartbeat is sent.
  public var heartbeatInterval: Int64 = 1_000_000_000
  /// Silence of the server after which the connection is given up.
  public var timeout: Int64 = 15_000_000_000
  /// Speak 4.00, whose log-in tells the server our time-out.
  public var version4 = false
  /// The longest packet taken.
  public var packetBytesMax: Int = 4_096

  public init(credentials: SoupCredentials) { self.credentials = credentials }
}

/// What a ``SoupClient`` found in the bytes.
@safe public enum SoupClientEvent {
  /// Logged in; the next sequenced message will have this sequence.
  case loggedIn(session: SessionName, nextSequence: UInt64)
  /// The stream has messages of before this client, up to this sequence: close, and connect again,
  /// which asks for the first that we want.
  case historyFound(newest: UInt64)
  /// `A` not authorised, `S` session not available.
  case loginRejected(reason: UInt8)
  case sequenced(sequence: UInt64, message: UnsafeRawBufferPointer)
  case unsequenced(UnsafeRawBufferPointer)
  case debug(UnsafeRawBufferPointer)
  case endOfSession
  /// The connection must be closed.
  case failed(SoupFault)
}

/// The client of a SoupBinTCP session: log-in, heartbeats both ways, sequence counting, resume.
///
/// Sans-I/O: bytes and times come in, packets are written into the caller's buffers. One of these
/// lives through reconnects: it remembers the session and the next sequence. Threading: one thread.
/// No allocation after `init`. Source: SoupBinTCP 3.00 and 4.00.
@safe public struct SoupClient: ~Copyable {
  @frozen public enum State: UInt8, BitwiseCopyable, Sendable {
    case disconnected, loggingIn, active, ended
  }
  public private(set) var state: State = .disconnected
  /// The session, once a server has named it.
  public private(set) var session: SessionName
  /// The sequence of the next message to come.
  public private(set) var nextSequence: UInt64
  public private(set) var packets: UInt64 = 0
  public private(set) var heartbeats: UInt64 = 0
  public private(set) var logins: UInt64 = 0
  private let settings: SoupClientSettings
  private var deframer: SoupDeframer
  private var heardAt: Int64 = 0
  private var spokeAt: Int64 = 0
  private var requested: UInt64 = 0
  private var findsHistory: Bool
  /// The last message that was in the stream before this client first logged in; 0 when there was none
  /// that it had not seen, or ``SoupClientSettings/findsHistory`` is off.
  public private(set) var historyEnd: UInt64 = 0

  public init(_ settings: SoupClientSettings) {
    self.settings = settings
    session = settings.session
    nextSequence = settings.nextSequence
    findsHistory = settings.findsHistory && settings.nextSequence > 0
    deframer = SoupDeframer(packetBytesMax: settings.packetBytesMax)
  }

  /// The connection is made: writes the log-in (49 bytes, 54 in 4.00), 0 when there is no room.
  public mutating func connected(
    now: Int64, into out: UnsafeMutableRawBufferPointer
  ) -> Int {
    deframer.clear()
    heardAt = now
    spokeAt = now
    requested = findsHistory ? 0 : nextSequence
    let login = SoupLogin(
      credentials: settings.credentials, session: session, sequence: requested,
      heartbeatTimeoutMilliseconds: UInt32(
        truncatingIfNeeded: min(max(settings.timeout / 1_000_000, 0), 99_999)))
    let written = unsafe login.write(into: out, version4: settings.version4)
    if written > 0 {
      state = .loggingIn
      logins &+= 1
    }
    return written
  }
  /// The connection is gone. The session and the next sequence stay for the next one.
  public mutating func disconnected() {
    if state != .ended { state = .disconnected }
    deframer.clear()
  }
  /// Begins another session (a new day): forgets the name and the sequence.
  public mutating func reset(session: SessionName = .blank, nextSequence: UInt64 = 1) {
    self.session = session
    self.nextSequence = nextSequence
    findsHistory = settings.findsHistory && nextSequence > 0
    historyEnd = 0
    state = .disconnected
    deframer.clear()
  }
  /// The caller has handed bytes to the connection: no heartbeat is due for a while.
  public mutating func spoke(now: Int64) { spokeAt = now }

  /// The next event in `input` from `offset` on; nil when it is used up. After `failed` nothing
  /// more comes until the next ``connected(now:into:)``.
  public mutating func next(
    _ input: UnsafeRawBufferPointer, _ offset: inout Int, now: Int64
  ) -> SoupClientEvent? {
    while let packet = unsafe deframer.next(input, &offset) {
      packets &+= 1
      heardAt = now
      if let event = handle(packet) { return event }
    }
    if let fault = deframer.fault, state != .disconnected {
      return fail(fault)
    }
    return nil
  }

  /// To be called at least once a heartbeat interval. Writes a heartbeat when one is due (3 bytes).
  /// `fault` gets ``SoupFault/timedOut`` when the server was silent too long.
  public mutating func tick(
    now: Int64, into out: UnsafeMutableRawBufferPointer, _ fault: inout SoupFault?
  ) -> Int {
    guard state == .loggingIn || state == .active else { return 0 }
    if now &- heardAt >= settings.timeout {
      fault = .timedOut
      state = .disconnected
      return 0
    }
    guard state == .active, now &- spokeAt >= settings.heartbeatInterval else { return 0 }
    let written = unsafe SoupWrite.empty(SoupPacketType.clientHeartbeat, into: out)
    if written > 0 { spokeAt = now }
    return written
  }

  /// An unsequenced message for the server: `3 + message.count` bytes, 0 when there is no room.
  public static func unsequenced(
    _ message: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer
  ) -> Int {
    unsafe SoupWrite.data(SoupPacketType.unsequencedData, message, into: out)
  }
  /// The request to log out: 3 bytes. The server closes.
  public static func logout(into out: UnsafeMutableRawBufferPointer) -> Int {
    unsafe SoupWrite.empty(SoupPacketType.logoutRequest, into: out)
  }

  private mutating func fail(_ fault: SoupFault) -> SoupClientEvent {
    state = .disconnected
    return .failed(fault)
  }

  private mutating func handle(_ packet: SoupPacket) -> SoupClientEvent? {
    switch packet.type {
    case SoupPacketType.sequencedData where state == .active:
      let sequence = nextSequence
      nextSequence &+= 1
      return unsafe .sequenced(sequence: sequence, message: packet.payload)
    case SoupPacketType.serverHeartbeat where state == .active:
      guard unsafe packet.payload.count == 0 else { return fail(.badLength) }
      heartbeats &+= 1
      return nil
    case SoupPacketType.debug:
      return unsafe .debug(packet.payload)
    case SoupPacketType.unsequencedData where state == .active:
      return unsafe .unsequenced(packet.payload)
    case SoupPacketType.endOfSession where state == .active:
      guard unsafe packet.payload.count == 0 else { return fail(.badLength) }
      state = .ended
      return .endOfSession
    case SoupPacketType.loginAccepted where state == .loggingIn:
      return unsafe accepted(WireView(packet.payload))
    case SoupPacketType.loginRejected where state == .loggingIn:
      let view = unsafe WireView(packet.payload)
      guard view.count == 1 else { return fail(.badLength) }
      state = .disconnected
      return .loginRejected(reason: view.u8(0))
    default:
      // Once the connection is given up, what was still in the pipe is nobody's fault.
      return state == .disconnected || state == .ended ? nil : fail(.unexpectedPacket)
    }
  }

  private mutating func accepted(_ view: WireView) -> SoupClientEvent {
    guard view.count == 30 else { return fail(.badLength) }
    let named = view.sessionName(0)
    guard let sequence = view.decimal(10, 20) else { return fail(.badNumber) }
    if !session.isBlank, named.leftJustified != session.leftJustified { return fail(.wrongSession) }
    if findsHistory {
      findsHistory = false
      if sequence != nextSequence {
        session = named
        historyEnd = sequence
        state = .disconnected
        return .historyFound(newest: sequence)
      }
    } else if requested > 0 {
      if sequence < requested { return fail(.sequenceBehind) }
      if sequence > requested { return fail(.sequenceAhead) }
    }
    session = named
    nextSequence = sequence
    state = .active
    return .loggedIn(session: named, nextSequence: sequence)
  }
}
