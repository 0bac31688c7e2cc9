package import ExecutionCore
package import Gateways
package import Transport

/// Where a ``PricePublisher`` sends, and how.
package struct PricePublisherSettings: Sendable {
  /// Of the stream: the same name is the same messages under the same numbers.
  package var session: SessionName
  /// Where the A and the B line go: one or two.
  package var feedTo: [Endpoint] = []
  package var rerequest = Endpoint.loopback()
  package var multicastHops: UInt8 = 0
  package var faults = FeedFaults()
  package var heartbeatInterval: Int64 = 1_000_000_000
  /// The newest messages, which can be asked for again.
  package var messagesKept = 1 << 20

  package init(session: SessionName) { self.session = session }
}

/// A feed by price on sockets: its lines and its re-request server.
///
/// Messages are numbered in the order in which they are told. Those told before ``begin(now:)`` are history: they are not
/// sent, and can be asked for.
///
/// Threading: one thread, whose reactor it is given at each call.
@safe package struct PricePublisher: ~Copyable {
  package let settings: PricePublisherSettings
  /// Nobody is sent anything: no socket is open.
  package var isOff: Bool { settings.feedTo.isEmpty }
  /// Where it really is.
  package let rerequest: Endpoint
  package private(set) var lines = FeedLineCounters()
  package private(set) var datagrams: UInt64 = 0
  package private(set) var answers: UInt64 = 0
  package private(set) var answersUnsent: UInt64 = 0
  /// Times that a socket failed, or could not be opened again.
  package private(set) var socketFailures: UInt64 = 0
  /// Messages that were told faster than they could be sent, and are not kept any more.
  package private(set) var skipped: UInt64 = 0
  private var hasBegun = false
  private let token: UInt64
  private var store: RetainedMessages
  private var mold: MoldPublisher
  private var retransmitter: MoldRetransmitter
  private var outputs: [FeedLine]
  private var rerequestSocket: ConnectionID
  private var reopening = Reopening()
  /// The sequence that is published next.
  private var next: UInt64 = 1
  private var lastEnd: Int64 = 0
  private var isEnded = false
  private let scratch: UnsafeMutableRawBufferPointer

  /// Opens every socket.
  ///
  /// - Parameter token: of the events of its sockets.
  package init(
    _ settings: PricePublisherSettings, on reactor: inout Reactor, token: UInt64
  ) throws(ReactorError) {
    var answering = ConnectionID.none
    var place = Endpoint.any(port: 0)
    if !settings.feedTo.isEmpty {
      answering = try Self.rerequests(at: settings.rerequest, token, on: &reactor)
      place = try reactor.localEndpoint(of: answering)
    }
    var opened: [FeedLine] = []
    for (i, target) in settings.feedTo.enumerated() {
      let socket = try FeedLine.open(
        to: target, interface: settings.rerequest.address, hops: settings.multicastHops,
        token: token, on: &reactor)
      opened.append(FeedLine(target: target, socket: socket, faults: settings.faults, index: i))
    }
    self.settings = settings
    self.token = token
    rerequestSocket = answering
    rerequest = place
    outputs = opened
    let kept = settings.feedTo.isEmpty ? 1 : max(1, settings.messagesKept)
    store = RetainedMessages(messages: kept, bytes: kept * PriceMessage.size)
    retransmitter = MoldRetransmitter(session: settings.session)
    mold = MoldPublisher(session: settings.session, nextSequence: 1)
    unsafe scratch = .allocate(byteCount: 2_048, alignment: 8)
  }
  deinit { unsafe scratch.deallocate() }

  private static func rerequests(
    at place: Endpoint, _ token: UInt64, on reactor: inout Reactor
  ) throws(ReactorError) -> ConnectionID {
    var options = SocketOptions()
    options.reportsPeer = true
    return try reactor.openDatagram(bind: place, options: options, token: token)
  }

  /// The number of the next message.
  package var nextSequence: UInt64 { store.nextSequence }

  // MARK: Telling

  package mutating func tell(_ facts: InstrumentFacts, number: UInt32) {
    append(unsafe PriceMessage.write(facts, number: number, into: scratch))
  }
  package mutating func tell(_ record: FeedRecord) {
    append(unsafe PriceMessage.write(record, into: scratch))
  }
  private mutating func append(_ length: Int) {
    unsafe store.append(
      UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(scratch)[..<length]))
  }

  /// What was told so far is history; what comes is sent.
  package mutating func begin(now: Int64) { goOn(at: store.nextSequence, now: now) }

  private mutating func goOn(at sequence: UInt64, now: Int64) {
    if hasBegun { skipped &+= sequence &- next }
    hasBegun = true
    next = sequence
    mold = MoldPublisher(
      session: settings.session, nextSequence: next, heartbeatInterval: settings.heartbeatInterval,
      now: now)
  }

  /// Sends what was told, a heartbeat where there was nothing for long, and the end again and again.
  package mutating func send(now: Int64, on reactor: inout Reactor) {
    if isOff { return }
    if isSocketMissing { openAgain(now: now, on: &reactor) }
    if isEnded { return sayEnd(now: now, on: &reactor) }
    if next < store.firstSequence { goOn(at: store.firstSequence, now: now) }
    while next < store.nextSequence, let message = unsafe store.message(at: next) {
      switch unsafe mold.append(message) {
      case .sequence: next += 1
      case .full: flush(now: now, on: &reactor)
      // All have one length, which a datagram holds many times.
      case .tooLong: preconditionFailure("a message is longer than a datagram")
      }
    }
    flush(now: now, on: &reactor)
    if let heartbeat = unsafe mold.heartbeat(now: now) { unsafe broadcast(heartbeat, on: &reactor) }
  }

  private mutating func flush(now: Int64, on reactor: inout Reactor) {
    guard let datagram = unsafe mold.take(now: now) else { return }
    unsafe broadcast(datagram, on: &reactor)
    datagrams &+= 1
  }
  private mutating func broadcast(_ datagram: UnsafeRawBufferPointer, on reactor: inout Reactor) {
    for i in outputs.indices {
      unsafe outputs[i].send(datagram, on: &reactor, counters: &lines)
    }
  }

  /// The feed is over: nothing more is sent but that, once a second, for who comes late.
  package mutating func end(now: Int64, on reactor: inout Reactor) {
    guard !isEnded, !isOff else { return }
    send(now: now, on: &reactor)
    isEnded = true
    lastEnd = now &- Self.endInterval
    sayEnd(now: now, on: &reactor)
  }
  private static var endInterval: Int64 { 1_000_000_000 }
  private mutating func sayEnd(now: Int64, on reactor: inout Reactor) {
    guard now &- lastEnd >= Self.endInterval, let datagram = unsafe mold.endOfSession(now: now)
    else { return }
    lastEnd = now
    unsafe broadcast(datagram, on: &reactor)
    for i in outputs.indices { outputs[i].flush(on: &reactor, counters: &lines) }
  }

  /// Machine time at which ``send(now:on:)`` has something to do if nothing is told before.
  package var due: Int64 {
    if isOff { return .max }
    if next < store.nextSequence { return .min }
    return isEnded ? lastEnd &+ Self.endInterval : mold.heartbeatDue
  }

  // MARK: Sockets

  /// One event of its sockets.
  package mutating func handle(_ event: borrowing ReactorEvent, on reactor: inout Reactor) {
    let connection = event.connection
    switch event.kind {
    case .received where connection == rerequestSocket:
      answer(event, on: &reactor)
    case .failed:
      if connection == rerequestSocket {
        rerequestSocket = .none
      } else if let i = outputs.firstIndex(where: { $0.socket == connection }) {
        outputs[i].socket = .none
      } else {
        return
      }
      reactor.close(connection)
      socketFailures &+= 1
    default: break
    }
  }

  private mutating func answer(_ event: borrowing ReactorEvent, on reactor: inout Reactor) {
    let part = unsafe UnsafeMutableRawBufferPointer(rebasing: scratch[..<1_472])
    let socket = rerequestSocket
    let peer = event.peer
    let found = unsafe retransmitter.answers(event.bytes, from: store, before: next, into: part) {
      datagram in
      unsafe reactor.sendDatagram(datagram, to: peer, on: socket) == .queued
    }
    answers &+= found.sent
    if found.isCut { answersUnsent &+= 1 }
  }

  private var isSocketMissing: Bool {
    rerequestSocket == .none || outputs.contains { $0.socket == .none }
  }
  /// Where they were: who asks again, asks there.
  private mutating func openAgain(now: Int64, on reactor: inout Reactor) {
    guard reopening.isDue(now: now) else { return }
    if rerequestSocket == .none {
      do throws(ReactorError) {
        rerequestSocket = try Self.rerequests(at: rerequest, token, on: &reactor)
      } catch {
        socketFailures &+= 1
      }
    }
    for i in outputs.indices where outputs[i].socket == .none {
      do throws(ReactorError) {
        outputs[i].socket = try FeedLine.open(
          to: outputs[i].target, interface: rerequest.address, hops: settings.multicastHops,
          token: token, on: &reactor)
      } catch {
        socketFailures &+= 1
      }
    }
  }
}
