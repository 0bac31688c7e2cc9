public import ExecutionCore
public import Gateways
public import Transport

/// The order-entry end of the hot thread for one port: one TCP connection, kept up, with its gateway on it.
///
/// A connection that breaks is made again, and the session resumes at the next report that we have not seen:
/// none is lost or taken twice.
///
/// Threading: the hot thread. No allocation after `init`, but for making a connection.
@safe @usableFromInline
package struct OrderEntryClient<Gateway: OrderEntryGateway & ~Copyable>: ~Copyable {
  /// Machine time that a connection may take to be made. The kernel would wait for minutes, its tries further and
  /// further apart, while orders work and nobody can cancel them; this is its first try and one more.
  @inlinable package static var connectMax: Int64 { 2_000_000_000 }
  /// Requests of one piece.
  @inlinable static var requestsPerFlush: Int { 256 }

  @usableFromInline package var gateway: Gateway
  @usableFromInline package let port: PortID
  @usableFromInline package let venue: VenueID
  /// Its events carry it.
  @usableFromInline let token: UInt64
  @usableFromInline package internal(set) var connection = ConnectionID.none
  @usableFromInline package internal(set) var connects: UInt64 = 0
  /// The last trouble, in words; empty while there was none.
  @usableFromInline package internal(set) var trouble = ""
  /// Given up: no attempt is made any more.
  @usableFromInline package internal(set) var isRefused = false
  /// The log-ins that were refused since the last one that was taken.
  @usableFromInline package internal(set) var refusals = LoginRefusals()
  @usableFromInline package let endpoint: Endpoint
  @usableFromInline let sockets: SocketOptions
  @usableFromInline var backoff: ReconnectBackoff
  @usableFromInline var connectAt: Int64 = 0
  /// A connection is being made, and since when: a thread that was not run gives nothing up.
  @usableFromInline var isConnecting = false
  @usableFromInline var connecting = LookClock(interval: 5_000_000)
  /// The session in which this port was ready when that was last asked: ``isReadyAnew(_:)``.
  @usableFromInline var readySession: UInt64 = 0
  @usableFromInline package internal(set) var counts = SessionCounts()
  /// The kernel has not taken what it was given: what waits is tried again after each poll.
  @usableFromInline package internal(set) var isHeldBack = false

  /// - Parameter port: the port of the engine whose requests go here; the gateway's reports name it.
  @inlinable package init(
    _ port: PortID, at venue: VenueID = VenueID(raw: 0), to endpoint: Endpoint,
    gateway: consuming Gateway, backoff: ReconnectBackoff, sockets: SocketOptions = .direct
  ) {
    self.port = port
    self.venue = venue
    token = OrderEntryToken.first &+ UInt64(port.raw)
    self.endpoint = endpoint
    self.sockets = sockets
    self.backoff = backoff
    self.gateway = gateway
  }

  /// Connects when it is time to. To be called every few milliseconds.
  @inlinable package mutating func tick(_ reactor: inout Reactor, now: Int64) {
    if connection == .none {
      if !isRefused, now >= connectAt { connect(&reactor, now: now) }
      return
    }
    if isConnecting, connecting.look(now: now) >= Self.connectMax {
      return connectFailed(&reactor, now: now)
    }
    gateway.tick(now: now)
    flush(&reactor, now: now)
    checkClosing(&reactor, now: now)
  }

  /// Never inlined: what it says when there is no socket is text.
  @inline(never) @inlinable mutating func connect(_ reactor: inout Reactor, now: Int64) {
    do throws(ReactorError) {
      connection = try reactor.connect(to: endpoint, options: sockets, token: token)
      connects &+= 1
      isConnecting = true
      connecting.begin(now: now)
    } catch {
      lost("\(error)", &reactor, now: now)
    }
  }

  /// Never inlined: what it says is text.
  @inline(never) @inlinable mutating func connectFailed(_ reactor: inout Reactor, now: Int64) {
    lost(
      "\(endpoint): no answer within \(Self.connectMax / 1_000_000_000) s", &reactor, now: now)
  }

  /// One event of this connection. Reports wait in ``gateway``. Never inlined: what it says when a
  /// connection breaks is text, and has no place in the code of the hot loop.
  @inline(never) @inlinable
  package mutating func handle(
    _ event: borrowing ReactorEvent, _ reactor: inout Reactor, now: Int64
  ) {
    guard event.connection == connection else { return }
    switch event.kind {
    case .connected where event.errorNumber == 0:
      isHeldBack = false
      isConnecting = false
      gateway.connected(now: now)
      flush(&reactor, now: now)
    case .connected, .failed:
      lost(
        "\(endpoint): \(ReactorError.text(ofErrorNumber: event.errorNumber))", &reactor, now: now)
    case .ended:
      lost("\(endpoint): the venue closed the connection", &reactor, now: now)
    default: break
    }
  }

  /// Bytes came in. What the gateway could not take yet is returned: hand over the reports, and call
  /// again with the rest.
  @inline(__always) @inlinable
  package mutating func receive(_ bytes: UnsafeRawBufferPointer, now: Int64)
    -> UnsafeRawBufferPointer
  {
    let used = unsafe gateway.receive(bytes, now: now)
    return unsafe UnsafeRawBufferPointer(rebasing: bytes[used...])
  }

  /// Encodes the engine's requests, as many as one piece may have; how many. ``flush(_:now:)`` hands it over.
  ///
  /// Nothing is encoded while the kernel has not taken the piece before it: what waits in the reactor can be
  /// neither overtaken nor withdrawn, and would go out however old it is. So at most the rest of one piece
  /// waits there; the requests wait in the engine's outbox, where cancels pass and age counts.
  @inline(__always) @inlinable
  package mutating func encode(
    from engine: inout Engine, _ reactor: borrowing Reactor, now: Int64
  ) -> Int {
    guard gateway.isActive, isClear(reactor) else { return 0 }
    var count = 0
    while count < Self.requestsPerFlush, gateway.hasRoom,
      let request = engine.nextRequest(port, machineTime: now)
    {
      if gateway.encode(request, now: now) == nil { counts.sent(request.kind) }
      engine.requestTaken(port)
      count &+= 1
    }
    return count
  }

  /// The kernel has taken all that it was given.
  @inline(__always) @inlinable mutating func isClear(_ reactor: borrowing Reactor) -> Bool {
    isHeldBack = reactor.unsentBytes(of: connection) != 0
    return !isHeldBack
  }

  /// Hands what is encoded to the kernel.
  @inline(__always) @inlinable
  package mutating func flush(_ reactor: inout Reactor, now: Int64) {
    guard connection != .none, isClear(reactor) else { return }
    let bytes = unsafe gateway.output
    guard bytes.count > 0 else { return }
    switch unsafe reactor.send(bytes, on: connection) {
    case .queued:
      gateway.sent(now: now)
      _ = reactor.submit()
    // Its buffer is empty, and longer than the gateway's.
    case .full, .tooLong: isHeldBack = true
    // The event that says so is on its way; what was encoded has an unknown fate until the next session.
    case .notConnected: break
    }
  }

  /// Closes where the gateway says that the connection is of no use any more.
  @inlinable mutating func checkClosing(_ reactor: inout Reactor, now: Int64) {
    guard let next = gateway.closing, connection != .none else { return }
    close(next, &reactor, now: now)
  }

  /// Never inlined: what it says is text.
  @inline(never) @inlinable
  mutating func close(_ next: Reconnecting, _ reactor: inout Reactor, now: Int64) {
    switch next {
    case .atOnce:
      refusals.taken()
      _ = reactor.close(connection)
      connection = .none
      gateway.disconnected(now: now)
      connectAt = now
    case .never:
      isRefused = true
      lost("\(endpoint): \(gateway.closingReason)", &reactor, now: now)
    case .later:
      lost("\(endpoint): \(gateway.closingReason)", &reactor, now: now)
    case .notAvailable, .notAuthorised:
      lost("\(endpoint): \(gateway.closingReason)", &reactor, now: now)
      if let latest = refusals.take(next, now: now) {
        connectAt = min(connectAt, latest)
      } else {
        isRefused = true
      }
    }
  }

  @inline(never) @inlinable mutating func lost(
    _ why: String, _ reactor: inout Reactor, now: Int64
  ) {
    trouble = why
    isConnecting = false
    if connection != .none {
      _ = reactor.close(connection)
      connection = .none
    }
    gateway.disconnected(now: now)
    if let wait = backoff.next() {
      connectAt = now + wait
    } else {
      isRefused = true
    }
  }

  /// The gateway says how far the session has come.
  @inlinable mutating func came(to kind: VenueReport.Kind) {
    switch kind {
    // A log-in is taken, which is no session that works: who is thrown out again waits longer and longer.
    case .sessionUp: refusals.taken()
    // The next break begins with short waits again.
    case .caughtUp: backoff.reset()
    default: break
    }
  }

  /// The port has become ready in a session in which this was not said before.
  @inlinable mutating func isReadyAnew(_ engine: borrowing Engine) -> Bool {
    let session = gateway.counters.sessionsUp
    guard engine.isReady(port), session != readySession else { return false }
    readySession = session
    return true
  }

  /// Logs out and closes.
  @inlinable mutating func close(_ reactor: inout Reactor, now: Int64) {
    gateway.logout()
    flush(&reactor, now: now)
    if connection != .none { _ = reactor.shutdown(connection) }
  }
}

/// Tokens of the order-entry connections: this one and the port's number.
@usableFromInline enum OrderEntryToken {
  @inlinable static var first: UInt64 { 16 }

  /// The place of the client whose event this is; nil for others' events.
  @inline(__always) @inlinable static func index(_ token: UInt64, of count: Int) -> Int? {
    let index = token &- first
    return index < UInt64(count) ? Int(index) : nil
  }
}
