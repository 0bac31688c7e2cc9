public import Gateways
public import Transport

/// The sockets of one MoldUDP64 feed and its receiver: two lines and one for re-requests, opened again where they fail.
/// What the messages say is its owner's to decode.
///
/// Threading: the hot thread. No allocation after `init`.
@safe @usableFromInline package struct FeedLines: ~Copyable {
  /// What the reactor's events of these sockets carry: the line's number above the feed's first token.
  @usableFromInline package enum Place: UInt64 {
    case lineA = 0
    case lineB = 1
    case request = 2
  }
  /// Asked of the kernel for each socket: room for bursts.
  package static let socketBytes: Int32 = 4 << 20

  @usableFromInline package internal(set) var receiver: MoldReceiver
  /// `none` while it is not open: one that failed is opened again by ``request(_:now:)``.
  @usableFromInline package private(set) var lineA = ConnectionID.none
  @usableFromInline package private(set) var lineB = ConnectionID.none
  package private(set) var requestSocket = ConnectionID.none
  /// There is no such feed: no socket is open, and nothing comes.
  @usableFromInline package let isOff: Bool
  /// Of its first line's events.
  private let token: UInt64
  /// Where they are bound, and the interface of their groups.
  private var places: (lineA: Endpoint, lineB: Endpoint, request: Endpoint)
  private let interface: UInt32
  private var openAt: Int64 = 0
  /// Machine time between two attempts at opening a socket again.
  static let openWait: Int64 = 250_000_000
  /// Times that a socket failed, or could not be opened again, and why the last did.
  @usableFromInline package private(set) var failures: UInt64 = 0
  @usableFromInline package private(set) var lastFailure: Int32 = 0
  /// Datagrams that the reactor had dropped when it was last asked.
  private var requestsSeenDropped: UInt64 = 0
  /// Where re-requests go; `any(port: 0)` until it is known.
  @usableFromInline package var requestServer = Endpoint.any(port: 0)
  @usableFromInline package internal(set) var datagrams: UInt64 = 0
  @usableFromInline package internal(set) var bytes: UInt64 = 0
  /// Datagrams that came to the re-request socket from elsewhere than the server: they are not looked into.
  @usableFromInline package internal(set) var answersRefused: UInt64 = 0
  /// What the receiver has said since the last ``takeEvents()``.
  @usableFromInline var events: MoldEvents = []

  /// Opens the two lines' sockets and one for re-requests.
  ///
  /// A line that is a multicast group is joined on `interface`; else it is an address of this machine,
  /// port 0 for any free one. Holes are repaired as `repair` says.
  ///
  /// - Parameter token: of line A's events; the next two are line B's and the re-requests'.
  package init(
    on reactor: inout Reactor, lineA atA: Endpoint, lineB atB: Endpoint, interface: UInt32,
    token: UInt64, repair: MoldReceiverSettings = MoldReceiverSettings()
  ) throws(ReactorError) {
    isOff = false
    self.interface = interface
    self.token = token
    places = (atA, atB, Endpoint(address: interface, port: 0))
    receiver = MoldReceiver(repair)
    try open(on: &reactor)
    // Opened again they are where they were: the venue sends there.
    places.lineA.port = try reactor.localEndpoint(of: lineA).port
    places.lineB.port = try reactor.localEndpoint(of: lineB).port
  }

  /// Of a feed that there is not.
  package init(off token: UInt64) {
    isOff = true
    interface = 0
    self.token = token
    let nowhere = Endpoint.any(port: 0)
    places = (nowhere, nowhere, nowhere)
    var settings = MoldReceiverSettings()
    settings.windowMessages = 16
    settings.compareMessages = 0
    receiver = MoldReceiver(settings)
  }

  /// Those that are not open, each by itself: where one cannot be opened the others are all the same.
  private mutating func open(on reactor: inout Reactor) throws(ReactorError) {
    var failure: ReactorError?
    var options = SocketOptions()
    options.receiveBufferBytes = Self.socketBytes
    options.reportsReceiveTime = true
    Self.open(
      &lineB, at: places.lineB, interface, options, token &+ Place.lineB.rawValue, &reactor,
      &failure)
    options.isDirect = true
    options.samplesReceiveTime = true
    Self.open(
      &lineA, at: places.lineA, interface, options, token &+ Place.lineA.rawValue, &reactor,
      &failure)
    options = SocketOptions()
    options.receiveBufferBytes = Self.socketBytes
    options.reportsPeer = true
    Self.open(
      &requestSocket, at: places.request, interface, options, token &+ Place.request.rawValue,
      &reactor, &failure)
    if let failure { throw failure }
  }

  private static func open(
    _ socket: inout ConnectionID, at place: Endpoint, _ interface: UInt32,
    _ options: SocketOptions, _ token: UInt64, _ reactor: inout Reactor,
    _ failure: inout ReactorError?
  ) {
    guard socket == .none else { return }
    do throws(ReactorError) {
      socket = try open(place, interface, options, token, &reactor)
    } catch {
      failure = failure ?? error
    }
  }

  private static func open(
    _ place: Endpoint, _ interface: UInt32, _ options: SocketOptions, _ token: UInt64,
    _ reactor: inout Reactor
  ) throws(ReactorError) -> ConnectionID {
    let socket = try reactor.openDatagram(bind: place, options: options, token: token)
    guard place.isMulticast else { return socket }
    do throws(ReactorError) {
      try reactor.join(group: place.address, interface: interface, on: socket)
    } catch {
      _ = reactor.close(socket)
      throw error
    }
    return socket
  }

  /// One of its sockets has failed, or what was queued there to be sent has. Never inlined: rare.
  @inline(never) @usableFromInline package mutating func failed(
    _ event: borrowing ReactorEvent, _ reactor: inout Reactor, now: Int64
  ) {
    guard event.kind == .failed else {
      if event.kind == .sendFailed { requestsDropped(reactor.counters.droppedDatagrams) }
      return
    }
    switch event.connection {
    case .none: return
    case lineA: lineA = .none
    case lineB: lineB = .none
    case requestSocket: requestSocket = .none
    default: return
    }
    _ = reactor.close(event.connection)
    failures &+= 1
    lastFailure = event.errorNumber
    openAt = now
  }

  /// Nothing but re-requests leaves as datagrams: the reactor counts them, for one event may be of several.
  private mutating func requestsDropped(_ dropped: UInt64) {
    receiver.requestsFailed(dropped &- requestsSeenDropped)
    requestsSeenDropped = dropped
  }

  @inline(never) private mutating func openAgain(_ reactor: inout Reactor, now: Int64) {
    guard now >= openAt else { return }
    openAt = now &+ Self.openWait
    do throws(ReactorError) {
      try open(on: &reactor)
    } catch {
      failures &+= 1
      lastFailure = error.errorNumber
    }
  }

  /// Takes one datagram; `deliver` gets each contiguous run of messages, in order.
  @inline(__always)
  mutating func receive(
    _ datagram: UnsafeRawBufferPointer, token: UInt64, _ deliver: (MoldSpan) -> Void
  ) {
    let place = token &- self.token
    let line =
      place == Place.request.rawValue
      ? receiver.requestLine : place == Place.lineB.rawValue ? 1 : 0
    events.formUnion(unsafe receiver.receive(datagram, line: line, deliver))
  }

  /// The event is of these sockets.
  @inline(__always) @usableFromInline func isOwn(_ token: UInt64) -> Bool {
    token &- self.token <= Place.request.rawValue
  }
  @inline(__always) @usableFromInline func isRequest(_ token: UInt64) -> Bool {
    token &- self.token == Place.request.rawValue
  }

  /// The session is known: what comes from now on is applied.
  @usableFromInline package mutating func adopt(_ session: SessionName) {
    receiver.adopt(session: session)
  }

  /// Whether what came to the re-request socket comes from the server; counted where not. Of a server that listens on
  /// every address only the port is known.
  @usableFromInline mutating func isAnswer(from peer: Endpoint) -> Bool {
    let isServer =
      requestServer.address == 0
      ? peer.port == requestServer.port && peer.port != 0 : peer == requestServer
    if !isServer { answersRefused &+= 1 }
    return isServer
  }

  /// Sends the re-requests that are due, and opens what has failed. Bounded: a few at a time.
  @usableFromInline package mutating func request(_ reactor: inout Reactor, now: Int64) {
    if isOff { return }
    if lineA == .none || lineB == .none || requestSocket == .none { openAgain(&reactor, now: now) }
    guard requestServer.port != 0 else {
      // Nobody can be asked.
      if receiver.isDisputed { events.formUnion(receiver.distrust()) }
      return receiver.tick(now: now)
    }
    unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { buffer in
      for _ in 0..<8 {
        let length = unsafe receiver.poll(now: now, into: buffer, &events)
        guard length > 0 else { return }
        let result = unsafe reactor.sendDatagram(
          UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<length]),
          to: requestServer, on: requestSocket)
        // The next one would not leave either: it keeps its turn.
        guard result == .queued else { return receiver.requestsFailed(1) }
      }
    }
  }

  @inlinable package mutating func takeEvents() -> MoldEvents {
    defer { events = [] }
    return events
  }
}
