import Gateways
import Transport

extension ExchangeServer {
  /// The sockets of a server, opened together.
  struct Sockets {
    let orderEntry: Endpoint
    let snapshot: Endpoint
    let rerequest: Endpoint
    let rerequestSocket: ConnectionID
    var lines: [FeedLine] = []

    init(_ settings: ExchangeServerSettings, on reactor: inout Reactor) throws(ReactorError) {
      let orders = try reactor.listen(on: settings.orderEntry, token: Token.orderEntry)
      orderEntry = try reactor.localEndpoint(of: orders)
      let snapshots = try reactor.listen(on: settings.snapshot, token: Token.snapshot)
      snapshot = try reactor.localEndpoint(of: snapshots)
      rerequestSocket = try Self.rerequest(at: settings.rerequest, on: &reactor)
      rerequest = try reactor.localEndpoint(of: rerequestSocket)
      for (index, target) in settings.feedTo.enumerated() {
        let socket = try Self.line(to: target, settings, on: &reactor)
        lines.append(
          FeedLine(target: target, socket: socket, faults: settings.faults, index: index))
      }
    }

    static func rerequest(
      at place: Endpoint, on reactor: inout Reactor
    ) throws(ReactorError) -> ConnectionID {
      var options = SocketOptions()
      options.reportsPeer = true
      return try reactor.openDatagram(bind: place, options: options, token: Token.rerequest)
    }

    static func line(
      to target: Endpoint, _ settings: ExchangeServerSettings, on reactor: inout Reactor
    ) throws(ReactorError) -> ConnectionID {
      try FeedLine.open(
        to: target, interface: settings.orderEntry.address, hops: settings.multicastHops,
        token: Token.line, on: &reactor)
    }
  }

  // MARK: - Sockets that fail

  var isSocketMissing: Bool {
    rerequestSocket == .none || lines.contains { $0.socket == .none }
  }

  /// Whether it is a socket of the server's own that has failed, and not a client's: it is opened again.
  mutating func isOwn(_ event: ReactorEvent) -> Bool {
    let socket: ExchangeEvent.Socket
    if event.connection == rerequestSocket {
      rerequestSocket = .none
      socket = .rerequests
    } else if let line = lines.firstIndex(where: { $0.socket == event.connection }) {
      lines[line].socket = .none
      socket = .line(line)
    } else {
      return false
    }
    reactor.close(event.connection)
    counters.socketFailures &+= 1
    tell?(.socketFailed(socket, errorNumber: event.errorNumber))
    return true
  }

  /// Where they were: who asks again, asks there.
  mutating func openAgain(now: Int64) {
    guard reopening.isDue(now: now) else { return }
    if rerequestSocket == .none {
      do throws(ReactorError) {
        rerequestSocket = try Sockets.rerequest(at: rerequest, on: &reactor)
        tell?(.socketOpened(.rerequests))
      } catch {
        tell?(.socketNotOpened(.rerequests, errorNumber: error.errorNumber))
      }
    }
    for line in lines.indices where lines[line].socket == .none {
      do throws(ReactorError) {
        lines[line].socket = try Sockets.line(to: lines[line].target, settings, on: &reactor)
        tell?(.socketOpened(.line(line)))
      } catch {
        tell?(.socketNotOpened(.line(line), errorNumber: error.errorNumber))
      }
    }
  }

  /// Datagrams that had been queued did not leave: one event may be of several, and the reactor counts them.
  mutating func countUnsent(_ event: ReactorEvent) {
    let dropped = reactor.counters.droppedDatagrams
    let count = dropped &- droppedSeen
    droppedSeen = dropped
    guard event.connection == rerequestSocket else {
      counters.lines.unsent &+= count
      let line = lines.firstIndex { $0.socket == event.connection } ?? 0
      tell?(.unsent(.line(line), errorNumber: event.errorNumber))
      return
    }
    tell?(.unsent(.rerequests, errorNumber: event.errorNumber))
    counters.answers &-= min(counters.answers, count)
    counters.answersUnsent &+= count
  }

  // MARK: - Re-requests

  mutating func answer(_ event: ReactorEvent) {
    let part = unsafe UnsafeMutableRawBufferPointer(rebasing: scratch[..<1_472])
    // What has not been published yet is not given out either.
    var server = retransmitter
    let session = session
    let found = unsafe server.answers(
      event.bytes, from: session.stream, before: nextToPublish, into: part
    ) { datagram in
      unsafe send(answer: datagram, to: event.peer)
    }
    retransmitter = server
    counters.answers &+= found.sent
    guard found.isCut else { return }
    counters.answersUnsent &+= 1
    tell?(.unsent(.rerequests, errorNumber: 0))
  }

  /// A queue that is full is given to the kernel once.
  private mutating func send(answer: UnsafeRawBufferPointer, to peer: Endpoint) -> Bool {
    var result = unsafe reactor.sendDatagram(answer, to: peer, on: rerequestSocket)
    if result == .full {
      reactor.submit()
      result = unsafe reactor.sendDatagram(answer, to: peer, on: rerequestSocket)
    }
    return result == .queued
  }
}

/// When sockets that have failed are opened again: at once, then after waits that grow while it does not last.
///
/// Threading: one owner.
struct Reopening {
  static let first: Int64 = 250_000_000
  static let longest: Int64 = 8_000_000_000
  private var dueAt = Int64.min / 2
  private var wait = Self.first

  /// One attempt; false while it is too early for it.
  mutating func isDue(now: Int64) -> Bool {
    guard now >= dueAt else { return false }
    // Nothing has failed for a while.
    if now &- dueAt >= Self.longest { wait = Self.first }
    dueAt = now &+ wait
    wait = min(2 * wait, Self.longest)
    return true
  }
}
