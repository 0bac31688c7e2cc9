import ExecutionCore
import Foundation
import Gateways
import TestSupport
import Testing
import Trading
import Transport

@testable import Simulation

/// A server and a client over a network in memory. (Over real sockets the command's own tests have them.)
final class ServerBench {
  let network: MemoryNetwork
  var server: ExchangeServer
  var reactor: Reactor
  var receiver: MoldReceiver
  var soup: SoupClient
  let line: ConnectionID
  let request: ConnectionID
  var orders = ConnectionID.none
  let flow: FlowControl?
  let path: String
  /// Messages of the feed in order, with their bytes.
  var messages: [[UInt8]] = []
  /// The sequenced stream from where we logged in.
  var events: [OUCHResponse] = []
  var refused: UInt8?
  var isClosed = false
  /// Of the order session, and of the feed.
  var isEndSaid = false
  var isFeedEndSaid = false
  var underwayMax: UInt64 = 0
  var consumes = true

  static func settings(_ messages: UInt64) -> GeneratorSettings {
    GeneratorSettings(
      seed: 7, symbols: 3, rate: 10_000, messagesMax: messages,
      midnight: 1_577_941_200_000_000_000)
  }

  init(
    messages: UInt64 = 800, directory: TestDirectory? = nil, password: String = "needletail",
    asks nextSequence: UInt64 = 1, faults: FeedFaults = FeedFaults(), startsAtLogin: Bool = false,
    continues flowPath: String? = nil, firstSequence: UInt64 = 1, pace: ExchangePace = .max,
    tell: ((ExchangeEvent) -> Void)? = nil
  ) throws {
    var sessionSettings = ExchangeSessionSettings()
    sessionSettings.directory = directory?.path
    let session = try ExchangeSession(
      settings: sessionSettings, feed: ExchangeFeed(generated: Self.settings(messages)))
    let path = flowPath ?? NSTemporaryDirectory() + "flow-\(UUID().uuidString)"
    let flow = try FlowControl(path: path, creates: flowPath == nil)
    let credentials = try #require(SoupCredentials(username: "NTAIL1", password: password))
    let network = try MemoryNetwork(seed: 7)
    var reactor = try Reactor(.on(network))
    let line = try reactor.openDatagram(bind: .loopback())
    let request = try reactor.openDatagram(bind: .loopback())
    var settings = ExchangeServerSettings()
    settings.reactor.network = network
    settings.feedTo = [try reactor.localEndpoint(of: line)]
    settings.pace = pace
    settings.faults = faults
    settings.startsAtLogin = startsAtLogin
    settings.heartbeatInterval = 20_000_000
    let server = try ExchangeServer(session: session, settings: settings, flow: flow, tell: tell)
    var client = SoupClientSettings(credentials: credentials)
    client.nextSequence = nextSequence
    var feed = MoldReceiverSettings()
    feed.session = session.name
    // One line is all there is to say that the session ends: it need not be long.
    feed.supportingWaits = 10
    feed.firstSequence = firstSequence
    self.network = network
    self.line = line
    self.request = request
    self.path = path
    self.flow = flow
    self.server = server
    soup = SoupClient(client)
    receiver = MoldReceiver(feed)
    self.reactor = reactor
  }

  deinit { unlink(path) }

  func connect() throws {
    orders = try reactor.connect(to: server.orderEntry)
  }

  func turn() {
    server.turn()
    listen()
  }

  /// A turn without the server.
  func listen() {
    let count = reactor.poll(.spin)
    for index in 0..<max(0, count) {
      let event = reactor.event(index)
      switch event.kind {
      case .connected where event.connection == orders:
        let length = withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { out in
          let length = soup.connected(now: network.now, into: out)
          _ = reactor.send(UnsafeRawBufferPointer(rebasing: out[..<length]), on: orders)
          return length
        }
        #expect(length > 0)
      case .received where event.connection == orders: receive(event.bytes)
      case .received: receive(event)
      case .ended, .failed: isClosed = true
      default: break
      }
    }
    if let flow {
      underwayMax = max(underwayMax, flow.published - min(flow.published, flow.consumed))
      if consumes { flow.consumed = receiver.nextSequence - 1 }
    }
    askAgain()
    reactor.submit()
    network.pass(until: server.due)
  }

  private func receive(_ event: ReactorEvent) {
    let number = event.connection == request ? receiver.requestLine : 0
    if MoldHeader(parsing: event.bytes)?.isEndOfSession == true { isFeedEndSaid = true }
    var taken: [[UInt8]] = []
    _ = receiver.receive(event.bytes, line: number) { span in
      var offset = 0
      while offset + 2 <= span.framed.count {
        let length = Int(span.framed[offset]) << 8 | Int(span.framed[offset + 1])
        taken.append(Array(span.framed[offset + 2..<offset + 2 + length]))
        offset += 2 + length
      }
    }
    messages += taken
  }

  private func askAgain() {
    var found: MoldEvents = []
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { out in
      let length = receiver.poll(now: network.now, into: out, &found)
      guard length > 0 else { return }
      _ = reactor.sendDatagram(
        UnsafeRawBufferPointer(rebasing: out[..<length]), to: server.rerequest, on: request)
    }
  }

  private func receive(_ bytes: UnsafeRawBufferPointer) {
    var offset = 0
    while let event = soup.next(bytes, &offset, now: network.now) {
      switch event {
      case .sequenced(_, let message):
        var response = OUCHResponse(.systemEvent)
        var skipped: UInt64 = 0
        #expect(response.decode(message, skipped: &skipped) == nil)
        events.append(response)
      case .loginRejected(let reason): refused = reason
      case .endOfSession: isEndSaid = true
      default: break
      }
    }
  }

  func send(_ request: OUCHRequest) {
    let bytes = DurableSessionTests.bytes(request)
    withUnsafeTemporaryAllocation(byteCount: 512, alignment: 8) { out in
      let length = bytes.withUnsafeBytes { SoupClient.unsequenced($0, into: out) }
      _ = reactor.send(UnsafeRawBufferPointer(rebasing: out[..<length]), on: orders)
    }
  }

  /// Virtual nanoseconds after which a test that hangs ends.
  static let timeMax: Int64 = 300_000_000_000

  /// Turns until it is so; false when it has not become so in minutes of virtual time.
  func until(_ condition: (ServerBench) -> Bool) -> Bool {
    let limit = network.now + Self.timeMax
    while network.now < limit {
      turn()
      if condition(self) { return true }
    }
    return false
  }

  /// The published messages as the session has them.
  var expected: [[UInt8]] {
    (1..<server.session.nextSequence).compactMap { server.session.publishedBytes(at: $0) }
  }
}
