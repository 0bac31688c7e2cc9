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

@Suite(.serialized) struct ExchangeServerTests {
  @Test func `a line to another machine does not leave from loopback, where the kernel refuses it`()
  {
    let near = FeedLine.source(of: .loopback(port: 26_403))
    #expect(near == .loopback())
    let far = FeedLine.source(of: Endpoint(address: 0xC000_0201, port: 26_403))
    #expect(far == .any())
    #expect(FeedLine.source(of: Endpoint(address: 0xEF01_0101, port: 26_403)) == .any())
  }

  @Test func `the feed arrives whole and in order and never more than the window ahead`() throws {
    let bench = try ServerBench()
    let isOver = bench.until { $0.receiver.ended }
    #expect(isOver)
    let same = bench.messages == bench.expected
    #expect(same)
    let count = bench.messages.count
    #expect(count == 800)
    let underway = bench.underwayMax
    #expect(underway <= FlowControl.windowMax)
    #expect(underway > 0)
  }

  @Test func `without a reader the exchange stops at the window`() throws {
    let bench = try ServerBench()
    bench.consumes = false
    let isThere = bench.until { $0.flow?.published == FlowControl.windowMax }
    #expect(isThere)
    for _ in 0..<200 { bench.turn() }
    let published = bench.flow?.published
    #expect(published == FlowControl.windowMax)
    bench.consumes = true
    let isOver = bench.until { $0.receiver.ended }
    #expect(isOver)
  }

  @Test func `lost and doubled and late datagrams are made good by re-requests`() throws {
    var faults = FeedFaults()
    faults.seed = 3
    faults.loss = 100_000
    faults.duplication = 100_000
    faults.reordering = 100_000
    let bench = try ServerBench(faults: faults)
    let isOver = bench.until { $0.receiver.ended }
    #expect(isOver)
    let same = bench.messages == bench.expected
    #expect(same)
    let counters = bench.server.counters
    #expect(counters.lost > 0)
    #expect(counters.duplicated > 0)
    #expect(counters.reordered > 0)
    #expect(counters.unsent == 0)
  }

  @Test func `orders are accepted over the wire and their books are published`() throws {
    let bench = try ServerBench(startsAtLogin: true)
    for _ in 0..<50 { bench.turn() }
    let silent = bench.messages.isEmpty
    #expect(silent)
    try bench.connect()
    let isIn = bench.until { $0.events.count == 1 && $0.messages.count > 500 }
    #expect(isIn)
    var request = Flow.enter(1, "B", 100, 100)
    request.symbol = bench.server.session.core.symbol(at: 1)
    bench.send(request)
    bench.send(Flow.numbered(.accountQuery, 0))
    let isAnswered = bench.until { $0.events.count == 3 }
    #expect(isAnswered)
    let kinds = bench.events.map(\.kind)
    #expect(kinds == [.systemEvent, .accepted, .accountQueryResponse])
    let next = bench.events.last?.userRefNum
    #expect(next == 2)
  }

  @Test func `an order that finds the feed behind does not send it back in time`() throws {
    let bench = try ServerBench(messages: 60_000, startsAtLogin: true, pace: .real)
    try bench.connect()
    let isIn = bench.until { $0.messages.count > 500 }
    #expect(isIn)
    for number in 1...3 as ClosedRange<UInt32> {
      // The process stands still; an order waits for it.
      var request = Flow.enter(number, "B", 100, 100)
      request.symbol = bench.server.session.core.symbol(at: 1)
      bench.send(request)
      bench.reactor.submit()
      bench.network.advance(to: bench.network.now + 1_500_000_000)
      let isAnswered = bench.until { $0.events.filter { $0.kind == .accepted }.count == number }
      #expect(isAnswered)
    }
    for _ in 0..<2_000 { bench.turn() }
    let times = bench.messages.map { $0[5..<11].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
    #expect(times.count > 30_000)
    let back = zip(times, times.dropFirst()).filter { $0 > $1 }
    #expect(back.isEmpty, "\(back.count) of \(times.count), the first \(back.first ?? (0, 0))")
  }

  @Test func `a wrong password is refused and the connection closed`() throws {
    let bench = try ServerBench(password: "guess")
    try bench.connect()
    let isClosed = bench.until { $0.isClosed }
    #expect(isClosed)
    let reason = bench.refused
    #expect(reason == UInt8(ascii: "A"))
    let refusals = bench.server.counters.loginsRefused
    #expect(refusals == 1)
  }

  @Test func `a sequence that was never sent is refused`() throws {
    let bench = try ServerBench(asks: 99)
    try bench.connect()
    let isClosed = bench.until { $0.isClosed }
    #expect(isClosed)
    let reason = bench.refused
    #expect(reason == UInt8(ascii: "S"))
  }

  @Test func `a snapshot has every displayed order and the sequence to splice in at`() throws {
    let bench = try ServerBench(messages: 3_000)
    let isUnderWay = bench.until { $0.messages.count > 1_000 }
    #expect(isUnderWay)
    // Nothing moves any more while the snapshot is taken.
    bench.consumes = false
    for _ in 0..<100 { bench.turn() }
    bench.orders = try bench.reactor.connect(to: bench.server.snapshot)
    var client = SnapshotReader()
    let limit = bench.network.now + ServerBench.timeMax
    while client.end == nil, bench.network.now < limit { client.turn(bench) }
    let core = bench.server.session.core
    #expect(client.end == bench.server.session.nextSequence)
    for locate in core.knownLocates {
      #expect(client.subscriber.orders(of: locate) == core.displayedOrders(locate: locate))
    }
    #expect(client.kinds.filter { $0 == UInt8(ascii: "R") }.count == 3)
  }

  @Test func `a restarted exchange goes on with session and numbers and fills`() throws {
    let directory = TestDirectory()
    let first = try ServerBench(messages: 2_000, directory: directory)
    try first.connect()
    let isUnderWay = first.until { $0.events.count == 1 && $0.messages.count > 400 }
    #expect(isUnderWay)
    var request = Flow.enter(1, "B", 100, 100)
    request.symbol = first.server.session.core.symbol(at: 1)
    first.send(request)
    let isAccepted = first.until { $0.events.count == 2 }
    #expect(isAccepted)
    let name = first.server.session.name
    let seen = first.messages
    let consumed = first.flow?.consumed ?? 0
    let copy = TestDirectory()
    for file in ["inputs.ntx", "progress.ntx"] {
      try Data(contentsOf: URL(fileURLWithPath: directory.path + "/" + file))
        .write(to: URL(fileURLWithPath: copy.path + "/" + file))
    }
    let path = NSTemporaryDirectory() + "flow-\(UUID().uuidString)"
    do {
      let flow = try FlowControl(path: path, creates: true)
      flow.consumed = consumed
    }
    let second = try ServerBench(
      messages: 2_000, directory: copy, asks: 3, continues: path,
      firstSequence: UInt64(seen.count) + 1)
    let again = second.server.session.name
    #expect(again == name)
    let working = second.server.session.core.workingOrders.count
    #expect(working == 1)
    try second.connect()
    second.messages = seen
    let isOver = second.until { $0.receiver.ended && $0.events.count >= 1 }
    #expect(isOver)
    let same = second.messages == second.expected
    #expect(same)
    let kinds = second.events.map(\.kind)
    #expect(kinds.first == .canceled)
  }

  /// A process that is told to stop, or whose disk is full, is started again, and its session goes on.
  @Test(arguments: [true, false])
  func `a server that stops calls its session ended only where nothing of it is kept`(
    isKept: Bool
  ) throws {
    let directory = isKept ? TestDirectory() : nil
    let bench = try ServerBench(messages: 2_000, directory: directory)
    try bench.connect()
    let isUnderWay = bench.until { $0.events.count == 1 && $0.messages.count > 400 }
    #expect(isUnderWay)
    bench.server.finish()
    for _ in 0..<1_000 {
      bench.listen()
      bench.network.advance(to: bench.network.now + 1_000_000)
    }
    #expect(bench.isEndSaid == !isKept)
    #expect(bench.isFeedEndSaid == !isKept)
    withExtendedLifetime(directory) {}
  }

  @Test func `a port in use is a clear error`() throws {
    let bench = try ServerBench()
    var settings = ExchangeServerSettings()
    settings.reactor.network = bench.network
    settings.orderEntry = bench.server.orderEntry
    let session = try ExchangeSession(
      settings: ExchangeSessionSettings(), feed: ExchangeFeed(generated: ServerBench.settings(10)))
    var found: ReactorError?
    do {
      _ = try ExchangeServer(session: session, settings: settings, flow: nil)
    } catch { found = error }
    #expect(found?.errorNumber == EADDRINUSE)
    #expect(found?.description.contains("\(settings.orderEntry.port)") == true)
  }

  @Test(arguments: [100_000_000_000, 123_456_789, 1_230_000] as [Int64])
  func `session time follows the machine's at the exact speed`(speed: Int64) throws {
    var settings = ExchangeServerSettings()
    let network = try MemoryNetwork(seed: 7)
    settings.reactor.network = network
    settings.pace = .times(speed)
    let session = try ExchangeSession(
      settings: ExchangeSessionSettings(), feed: ExchangeFeed(generated: ServerBench.settings(500)))
    var server = try ExchangeServer(session: session, settings: settings, flow: nil)
    let start = network.now
    let first = session.feed.peek()?.sessionTime ?? 0
    while !session.isFeedDone, network.now < start + 100 * ServerBench.timeMax {
      server.turn()
      network.pass(until: server.due)
    }
    #expect(session.isFeedDone)
    let passed = Int64(Int128(session.core.time - first) * 100_000_000 / Int128(speed))
    #expect(abs(network.now - start - passed) < 10_000_000, "\(network.now - start) of \(passed)")
    #expect(session.position == 500)
    let announcement = server.announcement
    let object = try JSONSerialization.jsonObject(with: Data(announcement.utf8))
    let json = try #require(object as? [String: Any])
    #expect(
      Set(json.keys) == ["order_entry", "rerequest", "snapshot", "feed", "session"])
  }
}

/// Reads a snapshot over the bench's connection.
struct SnapshotReader: ~Copyable {
  var subscriber = Subscriber()
  var kinds: [UInt8] = []
  var end: UInt64?
  private var soup = SoupClient(
    SoupClientSettings(
      credentials: SoupCredentials(username: "NTAIL1", password: "needletail")!))

  init() {}

  mutating func turn(_ bench: ServerBench) {
    bench.server.turn()
    let count = bench.reactor.poll(.spin)
    for index in 0..<max(0, count) {
      let event = bench.reactor.event(index)
      guard event.connection == bench.orders else { continue }
      if event.kind == .connected {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { out in
          let length = soup.connected(now: bench.network.now, into: out)
          _ = bench.reactor.send(
            UnsafeRawBufferPointer(rebasing: out[..<length]), on: bench.orders)
        }
      } else if event.kind == .received {
        take(event.bytes, now: bench.network.now)
      }
    }
    bench.reactor.submit()
    bench.network.pass(until: bench.server.due)
  }

  private mutating func take(_ bytes: UnsafeRawBufferPointer, now: Int64) {
    var offset = 0
    while let event = soup.next(bytes, &offset, now: now) {
      guard case .sequenced(_, let message) = event else { continue }
      kinds.append(message[0])
      if message[0] == ExchangeSession.endOfSnapshot {
        let digits = String(decoding: message.dropFirst(), as: UTF8.self)
        end = UInt64(digits.filter { $0 != " " })
        continue
      }
      var record = MarketRecord()
      let base = message.baseAddress!.assumingMemoryBound(to: UInt8.self)
      guard
        ITCHDecoder.decode(base, length: message.count, midnight: 0, sequence: 0, into: &record)
      else { continue }
      subscriber.apply(record)
    }
  }
}
