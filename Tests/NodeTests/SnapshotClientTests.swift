import ExecutionCore
import Gateways
import TestSupport
import Testing
import Trading
import Transport

@testable import Node

/// The client of the snapshot service against one that a test writes, over a network in memory.
struct SnapshotClientTests {
  private static let credentials = SoupCredentials(username: "NTAIL1", password: "secret")!
  private static let session = SessionName("TODAY")!

  /// A service that gives each connection the same messages.
  private struct Service: ~Copyable {
    var reactor: Reactor
    let endpoint: Endpoint
    var accepted = 0
    var messages = RetainedMessages(messages: 64, bytes: 4_096)
    private var soup: SoupServer
    private var out = [UInt8](repeating: 0, count: 4_096)

    init(on network: MemoryNetwork) throws {
      var reactor = try Reactor(.on(network))
      let listener = try reactor.listen(on: .loopback(), token: 1)
      endpoint = try reactor.localEndpoint(of: listener)
      self.reactor = reactor
      soup = SoupServer(
        SoupServerSettings(session: session, credentials: credentials), now: 0)
    }

    mutating func append(_ message: [UInt8]) {
      _ = message.withUnsafeBytes { messages.append($0) }
    }
    mutating func end(at next: UInt64) {
      let digits = Array(String(next).utf8)
      append(
        [UInt8(ascii: "G")] + [UInt8](repeating: 0x20, count: 20 - digits.count) + digits)
    }

    mutating func poll() {
      let count = reactor.poll(passing: .block(nanoseconds: 1_000_000))
      for index in 0..<max(0, count) {
        let event = reactor.event(index)
        if event.kind == .accepted {
          accepted += 1
          soup = SoupServer(
            SoupServerSettings(session: session, credentials: credentials), now: 0)
        }
        guard event.kind == .received else { continue }
        var offset = 0
        while let found = soup.next(event.bytes, &offset, now: 0) {
          guard case .login(let login) = found else { continue }
          out.withUnsafeMutableBytes { out in
            let answer = soup.answer(
              login, firstSequence: 1, nextSequence: messages.nextSequence, now: 0, into: out)
            if case .rejected(_, let bytes) = answer {
              _ = reactor.send(
                UnsafeRawBufferPointer(rebasing: out[..<bytes]), on: event.connection)
            }
            guard case .accepted(let bytes) = answer else { return }
            _ = reactor.send(UnsafeRawBufferPointer(rebasing: out[..<bytes]), on: event.connection)
            for _ in 0..<100 {
              let length = soup.pump(messages, now: 0, into: out)
              guard length > 0 else { break }
              _ = reactor.send(
                UnsafeRawBufferPointer(rebasing: out[..<length]), on: event.connection)
            }
          }
          _ = reactor.submit()
        }
      }
    }
  }

  /// The client on a clock of the test's own: 50 ms from look to look.
  private struct Bench: ~Copyable {
    var service: Service
    var reactor: Reactor
    var client = SnapshotClient(credentials: credentials, midnight: 0)
    let walk: StrategyTests.Walk<NoStrategy>
    /// The feed's session, where it is known.
    var expected: SessionName?
    var now: Int64 = 0
    /// Machine times at which a snapshot was complete.
    var completed: [Int64] = []
    var failed = 0

    init() throws {
      let walk = try StrategyTests.Walk(NoStrategy(), seed: 1)
      let network = try MemoryNetwork(seed: 1)
      let reactor = try Reactor(.on(network))
      service = try Service(on: network)
      self.reactor = reactor
      self.walk = walk
    }

    /// False when the client has given up.
    mutating func turn(_ isWhole: Bool = false) -> Bool {
      now += 50_000_000
      client.look(isWhole: isWhole, now: now)
      let isGoing = client.tick(&reactor, at: service.endpoint, of: expected, now: now)
      for _ in 0..<4 {
        let count = reactor.poll(passing: .block(nanoseconds: 500_000))
        for index in 0..<max(0, count) {
          switch client.handle(
            reactor.event(index), &reactor, walk.driver.engine.market, now: now)
          {
          case .complete: completed.append(now)
          case .failed: failed += 1
          case .more, .named: break
          }
        }
        service.poll()
      }
      return isGoing
    }
  }

  private func add(_ kind: String = "D", bytes: Int = 19) -> [UInt8] {
    Array(kind.utf8) + [UInt8](repeating: 0, count: bytes - 1)
  }

  @Test func `the log-in names the session, and empties no book`() throws {
    var bench = try Bench()
    let isWhole = bench.walk.driver.engine.market.channelState.isWhole
    #expect(isWhole)
    bench.client.learn(now: 0)
    for _ in 0..<200 {
      _ = bench.turn()
      if bench.client.session != nil { break }
    }
    let named = bench.client.session
    let isLearning = bench.client.isLearning
    #expect(named == Self.session && !isLearning)
    #expect(bench.walk.driver.engine.market.channelState.isWhole)
    #expect(!bench.walk.driver.engine.market.channelState.isLoading)
    #expect(bench.service.accepted == 1 && bench.completed.isEmpty)
  }

  @Test func `an exchange's announcement names the session, and one without is as good`() {
    let services =
      #""{"order_entry":"127.0.0.1:1","rerequest":"127.0.0.1:2","snapshot":"127.0.0.1:3""#
      .dropFirst()
    let named = VenueServices(announcement: services + #","feed":[],"session":"NT00000001"}"#)
    #expect(named?.session == SessionName("NT00000001"))
    let unnamed = VenueServices(announcement: services + "}")
    #expect(unnamed != nil && unnamed?.session == nil)
    let monitor = RunMonitor()
    unnamed?.publish(monitor)
    #expect(VenueServices.session(monitor) == nil)
    named?.publish(monitor)
    #expect(VenueServices.session(monitor) == SessionName("NT00000001"))
  }

  @Test func `what of a feed is not believed is said once`() {
    let monitor = RunMonitor()
    var watch = FeedWatch()
    #expect(watch.look(monitor).isEmpty)
    monitor.set(.foreignHigh, Self.session.high)
    monitor.set(.foreignLow, UInt64(Self.session.low))
    monitor.set(.foreign, 1)
    let said = watch.look(monitor)
    #expect(said.count == 1 && said.first?.text.contains("another session, 'TODAY'") == true)
    monitor.set(.foreign, 2)
    #expect(watch.look(monitor).isEmpty)
    let words: [RunMonitor.Word] = [
      .implausible, .implausibleTimes, .skipped, .malformed, .disagreements, .doubtedLines,
      .answersRefused, .requestsUnsent, .unlisted, .unequalLots,
    ]
    for word in words { monitor.set(word, 1) }
    let all = watch.look(monitor)
    #expect(all.count == words.count && all.count { $0.level == .info } == 1)
    #expect(watch.look(monitor).isEmpty)
  }

  @Test func `a line that is silent while the other speaks is said, and that it speaks again`() {
    let monitor = RunMonitor()
    var watch = FeedWatch()
    func look(_ second: Int64, _ a: UInt64, _ b: UInt64) -> [String] {
      monitor.set(.lineA, a)
      monitor.set(.lineB, b)
      return watch.look(monitor, now: second * 1_000_000_000).map(\.text)
    }
    #expect(look(1, 0, 0).isEmpty && look(60, 0, 0).isEmpty, "nothing has come yet")
    for second in 61...70 as ClosedRange<Int64> {
      #expect(look(second, UInt64(second), 0).isEmpty)
    }
    #expect(look(71, 71, 0).first?.hasPrefix("line B of the feed has been silent for 10 s") == true)
    #expect(look(72, 72, 0).isEmpty)
    #expect(look(73, 73, 1) == ["line B of the feed speaks again"])
    // Both: that is the feed's silence, which is told otherwise.
    #expect(look(74, 73, 1).isEmpty && look(120, 73, 1).isEmpty)
  }

  @Test func `that the books were taken from a snapshot is said, and what was lost`() {
    let monitor = RunMonitor()
    var watch = FeedWatch()
    monitor.set(.snapshots, 1)
    #expect(watch.look(monitor, now: 1).map(\.text) == ["the books were taken from a snapshot"])
    monitor.set(.snapshots, 2)
    monitor.set(.lost, 1_500)
    #expect(watch.look(monitor, now: FeedWatch.pause).isEmpty)
    let said = watch.look(monitor, now: 1 + FeedWatch.pause)
    #expect(said.count == 1 && said.first?.level == .warning)
    #expect(said.first?.text.hasPrefix("1,500 messages of the feed were lost") == true)
  }

  @Test func `that the hot thread was not run is said each time, but not without a pause`() {
    let monitor = RunMonitor()
    var watch = FeedWatch()
    #expect(watch.look(monitor, now: 1).isEmpty)
    monitor.set(.messages, 1)
    func stall(_ count: UInt64, pulls: UInt64) {
      monitor.set(.longestStall, 812_000_000)
      monitor.set(.pulls, pulls)
      monitor.set(.stalls, count)
      monitor.set(.lates, count + 1)
    }
    stall(1, pulls: 0)
    let first = watch.look(monitor, now: 2)
    #expect(first.first?.text.contains("was not run once, for 812 ms at the most") == true)
    #expect(watch.look(monitor, now: 3).isEmpty)
    stall(2, pulls: 1)
    #expect(watch.look(monitor, now: FeedWatch.pause).isEmpty)
    let second = watch.look(monitor, now: 2 + FeedWatch.pause)
    #expect(second.first?.text.contains("read late 3 times so far") == true)
    #expect(watch.look(monitor, now: 3 + 2 * FeedWatch.pause).isEmpty)
  }

  @Test func `without a service the session cannot be learned`() throws {
    var reactor = try Reactor(.on(MemoryNetwork(seed: 1)))
    var client = SnapshotClient(credentials: Self.credentials, midnight: 0)
    #expect(client.tick(&reactor, at: .any(port: 0), of: nil, now: 0), "nobody wants it yet")
    client.learn(now: 0)
    #expect(!client.tick(&reactor, at: .any(port: 0), of: nil, now: 0))
  }

  @Test func `a snapshot of another session than the feed's is none`() throws {
    var bench = try Bench()
    bench.service.end(at: 7)
    bench.expected = SessionName("ANOTHER")
    bench.client.begin(now: 0)
    for _ in 0..<100 { _ = bench.turn() }
    #expect(bench.completed.isEmpty && bench.failed > 1)
    bench.expected = Self.session
    for _ in 0..<200 where bench.completed.isEmpty { _ = bench.turn() }
    #expect(bench.completed.count == 1)
  }

  @Test func `snapshots that do not help follow each other more and more slowly`() throws {
    var bench = try Bench()
    bench.service.end(at: 7)
    for _ in 0..<800 where bench.completed.count < 7 {
      bench.client.begin(now: bench.now)
      _ = bench.turn()
      if bench.client.loaded != 0 { bench.client.accept() }
    }
    try #require(bench.completed.count == 7)
    let waits = zip(bench.completed, bench.completed.dropFirst()).map { $1 - $0 }
    for (wait, least) in zip(waits, [250, 500, 1_000, 2_000, 4_000, 4_000] as [Int64]) {
      #expect(wait >= least * 1_000_000 && wait <= least * 1_000_000 + 600_000_000, "\(waits)")
    }
    // The books stay whole for a while: then the next one is taken at once.
    for _ in 0..<220 { _ = bench.turn(true) }
    let asked = bench.now
    bench.client.begin(now: asked)
    for _ in 0..<20 where bench.completed.count < 8 { _ = bench.turn() }
    #expect(bench.completed.count == 8 && bench.completed[7] - asked < 1_000_000_000)
  }

  @Test func `one that is refused is taken again, a bounded number of times`() throws {
    var bench = try Bench()
    bench.service.end(at: 1 << 60)
    bench.client.begin(now: 0)
    var isGoing = true
    for _ in 0..<2_000 where isGoing {
      isGoing = bench.turn()
      if bench.client.loaded != 0 { bench.client.refuse() }
    }
    #expect(!isGoing && bench.completed.count == SnapshotClient.attemptsMax)
    let taken = bench.client.taken
    #expect(taken == 0)
  }

  @Test func `a service that has never taken our log-in is asked for ten seconds`() throws {
    var bench = try Bench()
    bench.service.end(at: 7)
    bench.expected = SessionName("ANOTHER")
    bench.client.begin(now: 0)
    var isGoing = true
    for _ in 0..<2_000 where isGoing { isGoing = bench.turn() }
    let waited = bench.now
    #expect(!isGoing && bench.completed.isEmpty && bench.failed > 3)
    let longest = LoginRefusals.unavailableMax
    #expect((longest...longest + 1_000_000_000).contains(waited), "\(waited) ns")
  }

  @Test func `in a snapshot a type that is not known is passed over`() throws {
    var bench = try Bench()
    bench.service.append(add("z", bytes: 30))
    bench.service.append(add("Z", bytes: 1))
    bench.service.end(at: 7)
    bench.client.begin(now: 0)
    for _ in 0..<100 where bench.completed.isEmpty { _ = bench.turn() }
    let skipped = bench.client.skipped
    #expect(bench.completed.count == 1 && skipped == 2)
  }

  @Test(arguments: [18, 20, 1])
  func `a known type of another length fails it, and it is taken again`(_ bytes: Int) throws {
    var bench = try Bench()
    bench.service.append(add("D", bytes: bytes))
    bench.service.end(at: 7)
    bench.client.begin(now: 0)
    for _ in 0..<60 { _ = bench.turn() }
    #expect(bench.completed.isEmpty)
    #expect(bench.failed >= 3 && bench.failed <= 5, "after 0, 250, 750, 1,750 ms")
  }
}
