public import Gateways
public import Transport

/// The order-entry end of the hot thread: one TCP connection, kept up, with the OUCH gateway on it.
///
/// A connection that breaks is made again, and the session resumes at the next sequence that we have
/// not seen: no report is lost or taken twice.
///
/// Threading: the hot thread. No allocation after `init`, but for making a connection.
@safe @usableFromInline package struct OrderEntryClient: ~Copyable {
  @inlinable static var token: UInt64 { 4 }
  /// Pieces handed to the reactor in one flush.
  @inlinable static var piecesMax: Int { 1_024 }

  @usableFromInline package var gateway: OUCHGateway
  @usableFromInline package internal(set) var connection = ConnectionID.none
  @usableFromInline package internal(set) var connects: UInt64 = 0
  /// The last trouble, in words; empty while there was none.
  @usableFromInline package internal(set) var trouble = ""
  /// The venue has said that it will not have us: no attempt is made any more.
  @usableFromInline var isRefused = false
  package let endpoint: Endpoint
  private let sockets: SocketOptions
  @usableFromInline var backoff: ReconnectBackoff
  private var connectAt: Int64 = 0
  @usableFromInline var isWaitingForRoom = false
  /// Something is held back until the kernel has taken what it was given: try ``flush(_:now:)`` after each poll.
  @usableFromInline package internal(set) var isHeldBack = false

  package init(
    to endpoint: Endpoint, gateway: OUCHGatewaySettings, backoff: ReconnectBackoff,
    sockets: SocketOptions = .direct
  ) {
    self.endpoint = endpoint
    self.sockets = sockets
    self.backoff = backoff
    self.gateway = OUCHGateway(gateway)
  }

  /// Connects when it is time to. To be called every few milliseconds.
  @usableFromInline package mutating func tick(_ reactor: inout Reactor, now: Int64) {
    if connection == .none {
      guard !isRefused, now >= connectAt else { return }
      do throws(ReactorError) {
        connection = try reactor.connect(to: endpoint, options: sockets, token: Self.token)
        connects &+= 1
      } catch {
        lost("\(error)", &reactor, now: now)
      }
      return
    }
    gateway.tick(now: now)
    if isHeldBack || isWaitingForRoom { withdrawOld(now: now) }
    flush(&reactor, now: now)
    checkClosing(&reactor, now: now)
  }

  /// One event of this connection. Reports wait in ``gateway``. Never inlined: what it says when a
  /// connection breaks is text, and has no place in the code of the hot loop.
  @inline(never) @usableFromInline
  package mutating func handle(
    _ event: borrowing ReactorEvent, _ reactor: inout Reactor, now: Int64
  ) {
    guard event.connection == connection else { return }
    switch event.kind {
    case .connected where event.errorNumber == 0:
      isWaitingForRoom = false
      isHeldBack = false
      gateway.connected(now: now)
      flush(&reactor, now: now)
    case .connected, .failed:
      lost(
        "\(endpoint): \(ReactorError.text(ofErrorNumber: event.errorNumber))", &reactor, now: now)
    case .ended:
      lost("\(endpoint): the exchange closed the connection", &reactor, now: now)
    case .sendable:
      isWaitingForRoom = false
      flush(&reactor, now: now)
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

  /// Hands what is queued to the kernel, as far as it takes it.
  ///
  /// Nothing is handed over while the kernel has not taken the piece before it: what waits in the
  /// reactor can be neither overtaken nor withdrawn, and would go out however old it is. So at most the rest
  /// of one piece waits there; the others wait in the gateway, where cancels pass and age counts.
  @inline(__always) @inlinable
  package mutating func flush(_ reactor: inout Reactor, now: Int64) {
    guard connection != .none, !isWaitingForRoom else { return }
    isHeldBack = false
    for _ in 0..<Self.piecesMax {
      guard reactor.unsentBytes(of: connection) == 0 else {
        isHeldBack = true
        break
      }
      let bytes = unsafe gateway.prepareSend(now: now)
      guard bytes.count > 0 else { break }
      switch unsafe reactor.send(bytes, on: connection) {
      case .queued: gateway.sent(bytes.count, now: now)
      case .full:
        // Nothing of it was taken: it can be withdrawn again.
        gateway.sent(0, now: now)
        isWaitingForRoom = true
        return
      case .tooLong, .notConnected:
        gateway.sent(0, now: now)
        return
      }
    }
    _ = reactor.submit()
  }

  /// Takes back what has waited too long behind a connection that takes nothing; the reports say so.
  private mutating func withdrawOld(now: Int64) {
    _ = unsafe gateway.prepareSend(now: now)
    gateway.sent(0, now: now)
  }

  /// Closes where the gateway says that the connection is of no use any more.
  @usableFromInline mutating func checkClosing(_ reactor: inout Reactor, now: Int64) {
    guard let reason = gateway.mustClose, connection != .none else { return }
    switch reason {
    case .historyFound:
      // Nothing is wrong: the first connection was to learn how long the stream is.
      _ = reactor.close(connection)
      connection = .none
      gateway.disconnected(now: now)
      connectAt = now
      return
    case .loginRejected, .endOfSession: isRefused = true
    case .fault: break
    }
    lost("\(endpoint): \(reason)", &reactor, now: now)
  }

  private mutating func lost(_ why: String, _ reactor: inout Reactor, now: Int64) {
    trouble = why
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

  /// The session works: the next break begins with short waits again.
  @inlinable mutating func settled() { backoff.reset() }

  /// Logs out and closes.
  @usableFromInline mutating func close(_ reactor: inout Reactor, now: Int64) {
    gateway.logout()
    flush(&reactor, now: now)
    if connection != .none { _ = reactor.shutdown(connection) }
  }
}
