import ExecutionCore
import Foundation
import Gateways
import TestSupport
import Testing
import Trading
import Transport

@testable import Simulation

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
    #expect(counters.lines.lost > 0)
    #expect(counters.lines.duplicated > 0)
    #expect(counters.lines.reordered > 0)
    #expect(counters.lines.unsent == 0)
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

  @Test func `before its session ends clients have time to cancel, and history stands still`()
    throws
  {
    let bench = try ServerBench(messages: 60_000, startsAtLogin: true, pace: .real)
    try bench.connect()
    let isIn = bench.until { $0.events.count == 1 && $0.messages.count > 500 }
    #expect(isIn)
    var request = Flow.enter(1, "B", 100, 100)
    request.symbol = bench.server.session.core.symbol(at: 1)
    bench.send(request)
    let isAccepted = bench.until { $0.events.last?.kind == .accepted }
    #expect(isAccepted)
    bench.server.beginEnd()
    let position = bench.server.session.position
    let isTold = bench.until { $0.isFeedEndSaid }
    #expect(isTold && !bench.isEndSaid)
    let isDeserted = bench.server.isDeserted
    #expect(!isDeserted)
    request.userRefNum = 2
    bench.send(request)
    let isRejected = bench.until { $0.events.last?.kind == .rejected }
    #expect(isRejected, "nothing new comes in any more")
    bench.send(Flow.numbered(.cancel, 1))
    let isCanceled = bench.until { $0.events.last?.kind == .canceled }
    #expect(isCanceled && !bench.isEndSaid)
    let stands = bench.server.session.position == position
    #expect(stands)
    bench.reactor.close(bench.orders)
    let isAlone = bench.until { $0.server.isDeserted }
    #expect(isAlone)
  }

  @Test func `a session that is kept is not called ended before its server stops`() throws {
    let directory = TestDirectory()
    let bench = try ServerBench(messages: 2_000, directory: directory)
    try bench.connect()
    let isUnderWay = bench.until { $0.events.count == 1 && $0.messages.count > 400 }
    #expect(isUnderWay)
    bench.server.beginEnd()
    let isOn = bench.until { $0.messages.count > 800 }
    #expect(isOn && !bench.isFeedEndSaid)
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
