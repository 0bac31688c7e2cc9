import ExecutionCore
import Gateways
import Glibc
import TestSupport
import Testing
import Transport

@testable import Simulation
@testable import Trading

/// How long the loop waits for what may not come, each bound from both of its sides, in virtual time.
@Suite struct `Bounds of the loop` {
  private static let second: Int64 = 1_000_000_000
  private static let millisecond: Int64 = 1_000_000

  private static func settings(
    _ change: (inout TradingLoopSettings) -> Void
  ) -> TradingLoopSettings {
    var settings = TradingLoopSettings(wait: .spin)
    change(&settings)
    return settings
  }

  /// What the bounds decide, at one moment.
  private struct Look {
    let isBlind, hasGap, isWanted, isFinished, isUp: Bool
    let told: Int
    let taken, implausible, loaded, pushes: UInt64
    let open: Int
    let end: RunEnd?

    init(_ bench: borrowing VirtualBench) {
      isBlind = bench.world.loop.sight.isBlind
      hasGap = bench.world.loop.feed.lines.receiver.hasGap
      isWanted = bench.world.loop.snapshot.isWanted
      isFinished = bench.world.loop.isFinished
      isUp = bench.world.loop.path.orders[0].gateway.isCaughtUp
      told = bench.world.loop.path.driver.strategy.inner.told
      taken = bench.world.loop.snapshot.taken
      implausible = bench.world.loop.feed.lines.receiver.counters.snapshotsImplausible
      loaded = bench.world.loop.snapshot.loaded
      pushes = bench.world.pushes
      open = bench.world.loop.path.driver.engine.openOrderCount
      end = bench.world.loop.end
    }
  }

  /// Nothing passes for so long to this port, and to and from who listens there.
  private static func cut(
    _ bench: borrowing VirtualBench, port: UInt16, _ transport: NetworkLink.Transport,
    for time: Int64
  ) {
    var link = NetworkLink(port: port, transport: transport)
    link.cutUntil = bench.network.now + time
    bench.network.addLink(link)
  }

  /// Steps until it holds, bounded; virtual time that it took. Nil: it never did.
  private static func run(
    _ bench: inout VirtualBench, until holds: (borrowing VirtualBench) -> Bool
  ) -> Int64? {
    let begin = bench.network.now
    while !holds(bench) {
      guard bench.network.now < begin + 600 * second else { return nil }
      bench.world.step()
    }
    return bench.network.now - begin
  }

  // MARK: A gap

  /// A gap whose repair takes 20 ms, for the re-request server is that far away.
  @Test(arguments: [(8, true), (15, true), (30, false)] as [(Int64, Bool)])
  func `of a gap strategies are told when it has been open for its grace, and not before`(
    _ grace: Int64, _ isTold: Bool
  ) throws {
    var bench = try VirtualBench(
      seed: 1, messages: 20_000, loop: Self.settings { $0.gapGrace = grace * Self.millisecond })
    bench.network.addLink(
      NetworkLink(port: bench.venue.server.rerequest.port, latency: 20 * Self.millisecond))
    bench.world.run(until: bench.network.now + 2 * Self.second)
    let before = Look(bench)
    #expect(!before.isBlind && !before.hasGap)
    for line in bench.lines {
      Self.cut(bench, port: line.port, .datagram, for: 5 * Self.millisecond)
    }
    #expect(Self.run(&bench) { $0.world.loop.feed.lines.receiver.hasGap } != nil)
    let waited = Self.run(&bench) {
      $0.world.loop.sight.isBlind || !$0.world.loop.feed.lines.receiver.hasGap
    }
    let during = Look(bench)
    #expect(during.isBlind == isTold && during.hasGap == isTold)
    if isTold {
      let range = grace * Self.millisecond..<(grace + 1) * Self.millisecond
      #expect(range.contains(waited ?? 0), "\(waited ?? 0) ns")
      #expect(bench.monitor.get(.sight) == TradingSight.gap.rawValue)
      #expect(during.told == before.told + 1)
    }
    #expect(
      Self.run(&bench) { !$0.world.loop.sight.isBlind && !$0.world.loop.feed.lines.receiver.hasGap }
        != nil)
    // Told of its end too; and who was not told to withdraw looks again at what it has waited with.
    #expect(Look(bench).told == before.told + (isTold ? 2 : 1))
  }

  // MARK: A snapshot

  /// The books are taken anew while the lines come late by so many milliseconds: the snapshot is ahead of them.
  @Test(arguments: [(1_800, true), (2_200, false)] as [(Int64, Bool)])
  func `a snapshot waits two seconds for the lines to come to where it ends`(
    _ late: Int64, _ isTaken: Bool
  ) throws {
    var bench = try VirtualBench(seed: 5, messages: 40_000)
    for line in bench.lines {
      bench.network.addLink(NetworkLink(port: line.port, latency: late * Self.millisecond))
    }
    bench.world.run(until: bench.network.now + 4 * Self.second)
    _ = [UInt8(ascii: "D"), 1].withUnsafeBytes { bench.session.stream.append($0) }
    #expect(Self.run(&bench) { $0.world.loop.snapshot.loaded != 0 } != nil)
    let standing = bench.world.loop.feed.lines.receiver.standing(of: Look(bench).loaded)
    #expect(standing == .early)
    let waited = Self.run(&bench) { $0.world.loop.snapshot.loaded == 0 } ?? 0
    let look = Look(bench)
    #expect(look.taken == (isTaken ? 1 : 0))
    // The other one is refused, and asked for again.
    #expect(look.isWanted == !isTaken)
    let bound = 2 * Self.second
    let range = isTaken ? bound / 2..<bound : bound..<bound + 20 * Self.millisecond
    #expect(range.contains(waited), "\(waited) ns")
  }

  /// What a snapshot says of where it ends, beside where the feed is.
  enum End: String, CaseIterable, CustomTestStringConvertible {
    case now, below, farAbove
    var testDescription: String { rawValue }
  }

  @Test(arguments: End.allCases)
  func `a snapshot of before the feed or far beyond it is refused, and another one taken`(
    _ end: End
  ) throws {
    let network = try MemoryNetwork(seed: 1)
    var service = try SnapshotStub(on: network)
    var bench = try VirtualBench(
      seed: 5, messages: 20_000, network: network, snapshots: service.endpoint)
    bench.world.run(until: network.now + 2 * Self.second)
    service.session = bench.session.name
    // A hole that nobody mends: half a second later the books are to be taken anew.
    let request = bench.venue.server.rerequest.port
    Self.cut(bench, port: request, .datagram, for: 3_600 * Self.second)
    for line in bench.lines {
      Self.cut(bench, port: line.port, .datagram, for: 5 * Self.millisecond)
    }
    #expect(Self.run(&bench) { $0.world.loop.snapshot.isWanted } != nil)
    let place = bench.world.loop.feed.lines.receiver.nextSequence
    let isOver = Self.run(&bench) { bench in
      let now = bench.session.nextSequence
      service.next =
        switch end {
        case .now: now
        case .below: place - 1
        case .farAbove: now + 1_000_000
        }
      service.poll()
      return bench.world.loop.snapshot.taken > 0 || service.given == 3
    }
    #expect(isOver != nil)
    let look = Look(bench)
    let given = service.given
    switch end {
    case .now: #expect(look.taken == 1 && given == 1 && look.implausible == 0)
    case .below: #expect(look.taken == 0 && given == 3 && look.implausible == 0)
    case .farAbove: #expect(look.taken == 0 && given == 3 && look.implausible == 2)
    }
    #expect(look.loaded == 0 && look.isWanted == (end != .now))
  }

  // MARK: The end

  /// Asks for the end; virtual time until it is there.
  private static func end(_ bench: inout VirtualBench) -> Int64 {
    bench.monitor.stopReason = .duration
    #expect(run(&bench) { $0.world.loop.end != nil } != nil)
    return run(&bench) { $0.world.loop.isFinished } ?? .max
  }

  /// Seconds that may pass without an answer, that the end may take in all, and that it takes.
  enum Wait: CaseIterable {
    case longest, silence, none
    private var seconds: Int64 { 1_000_000_000 }
    var silenceMax: Int64 { self == .silence ? 16 * seconds : 60 * seconds }
    var longest: Int64 { self == .longest ? 20 * seconds : 120 * seconds }
    var expected: Int64 {
      switch self {
      case .longest: longest
      case .silence: silenceMax
      case .none: 0
      }
    }
  }

  @Test(arguments: Wait.allCases)
  func `orders that nobody confirms hold the end up, but not beyond the longest it may take`(
    _ wait: Wait
  ) throws {
    let timeout = 100 * Self.second
    var bench = try VirtualBench(
      seed: 2, messages: 20_000, timeout: timeout,
      loop: Self.settings {
        $0.stopMax = wait.silenceMax - timeout
        $0.stopLongest = wait.longest
      })
    bench.world.run(until: bench.network.now + 2 * Self.second)
    #expect(Self.run(&bench) { $0.world.loop.path.driver.engine.openOrderCount > 0 } != nil)
    if wait != .none {
      let port = bench.venue.server.orderEntry.port
      Self.cut(bench, port: port, .stream, for: 3_600 * Self.second)
    }
    let took = Self.end(&bench)
    #expect((wait.expected...wait.expected + Self.second / 10).contains(took), "\(took) ns")
    let look = Look(bench)
    #expect((look.open == 0) == (wait == .none), "\(look.open) orders are left")
    #expect(look.end == .duration)
  }

  @Test(arguments: [(500, 500), (2_500, 2_500), (3_600_000, 3_000)] as [(Int64, Int64)])
  func `with nothing open a session may take three seconds at the end to come up again`(
    _ cut: Int64, _ expected: Int64
  ) throws {
    var bench = try VirtualBench(seed: 2, messages: 20_000)
    bench.world.loop.path.driver.strategy.inner.patience = .max
    bench.world.run(until: bench.network.now + 2 * Self.second)
    let port = bench.venue.server.orderEntry.port
    Self.cut(bench, port: port, .stream, for: cut * Self.millisecond)
    #expect(bench.network.breakStreams(port: port) == 1)
    #expect(Self.run(&bench) { !$0.world.loop.path.orders[0].gateway.isCaughtUp } != nil)
    let took = Self.end(&bench)
    // It begins some ticks after the cut; the first packet of a connection is tried again every 200 ms.
    let range = (expected - 10) * Self.millisecond...(expected + 250) * Self.millisecond
    #expect(range.contains(took), "\(took) ns")
    #expect(Look(bench).isUp == (cut == expected))
  }

  /// A partition swallows what connects as well: the kernel would try again after one, three, seven… seconds, and a
  /// network that is back would not be noticed while orders work.
  @Test(arguments: [3, 10, 31] as [Int64])
  func `a session is up again within a second of the network, however long that was away`(
    _ seconds: Int64
  ) throws {
    var bench = try VirtualBench(seed: 2, messages: 200_000)
    bench.world.run(until: bench.network.now + 2 * Self.second)
    #expect(Look(bench).isUp)
    let port = bench.venue.server.orderEntry.port
    let back = bench.network.now + seconds * Self.second
    Self.cut(bench, port: port, .stream, for: seconds * Self.second)
    #expect(bench.network.breakStreams(port: port) == 1)
    #expect(Self.run(&bench) { !$0.world.loop.path.orders[0].gateway.isCaughtUp } != nil)
    bench.world.run(until: back)
    #expect(!Look(bench).isUp)
    #expect(Self.run(&bench) { $0.world.loop.path.orders[0].gateway.isCaughtUp } != nil)
    #expect(bench.network.now - back < Self.second, "\(bench.network.now - back) ns")
    let attempts = Int64(bench.world.loop.path.orders[0].connects)
    #expect(attempts >= seconds / 3 && attempts <= 2 + seconds)
    let trouble = bench.world.loop.path.orders[0].trouble
    #expect(trouble.contains("no answer within 2 s"))
    let outcome = bench.run(for: Self.second)
    #expect(outcome.working == 0 && outcome.position == outcome.exchangePosition)
  }

  // MARK: Virtual time

  /// Polls that come to nothing, with something to be read: at one moment so many, and then time goes on.
  @Test(arguments: [(98, 0), (99, 0), (100, 1), (1_050, 10)] as [(UInt64, UInt64)])
  func `time goes on over unfinished work after so many turns at one moment, and it is counted`(
    _ faults: UInt64, _ pushes: UInt64
  ) throws {
    var bench = try VirtualBench(seed: 1)
    bench.world.turnsMax = 100
    bench.world.run(until: bench.network.now + 2 * Self.second)
    #expect(Self.run(&bench) { $0.world.loop.path.reactor.due == .min } != nil)
    #expect(Look(bench).pushes == 0)
    bench.world.turnsNow = 0
    bench.world.loop.path.reactor.inject(
      ReactorFault(.poll, times: faults, errorNumber: EINTR))
    let outcome = bench.run(for: Self.second)
    #expect(Look(bench).pushes == pushes)
    #expect(outcome.ended == .duration && outcome.violations == [] && outcome.working == 0)
    #expect(outcome.position == outcome.exchangePosition)
  }
}

/// A snapshot service that says of nothing but where its snapshot ends.
private struct SnapshotStub: ~Copyable {
  let endpoint: Endpoint
  var session: SessionName?
  /// Where the next one ends.
  var next: UInt64 = 1
  /// Snapshots so far.
  private(set) var given = 0
  private var reactor: Reactor
  private var out = [UInt8](repeating: 0, count: 256)

  init(on network: MemoryNetwork) throws {
    var reactor = try Reactor(.on(network))
    let listener = try reactor.listen(on: .loopback())
    endpoint = try reactor.localEndpoint(of: listener)
    self.reactor = reactor
  }

  mutating func poll() {
    for index in 0..<max(0, reactor.poll(.spin)) {
      let event = reactor.event(index)
      if event.kind == .received { answer(event) }
    }
  }

  private mutating func answer(_ event: ReactorEvent) {
    guard let session,
      let credentials = SoupCredentials(username: "NTAIL1", password: "needletail")
    else { return }
    var messages = RetainedMessages(messages: 4, bytes: 256)
    let digits = Array(String(next).utf8)
    let end = [UInt8(ascii: "G")] + [UInt8](repeating: 0x20, count: 20 - digits.count) + digits
    _ = end.withUnsafeBytes { messages.append($0) }
    var soup = SoupServer(
      SoupServerSettings(session: session, credentials: credentials), now: 0)
    var offset = 0
    while let found = soup.next(event.bytes, &offset, now: 0) {
      guard case .login(let login) = found else { continue }
      out.withUnsafeMutableBytes { out in
        var length = 0
        if case .accepted(let bytes) = soup.answer(
          login, firstSequence: 1, nextSequence: messages.nextSequence, now: 0, into: out)
        {
          let rest = UnsafeMutableRawBufferPointer(rebasing: out[bytes...])
          length = bytes + soup.pump(messages, now: 0, into: rest)
        }
        let answer = UnsafeRawBufferPointer(rebasing: out[..<length])
        _ = reactor.send(answer, on: event.connection)
      }
      reactor.submit()
      given += 1
    }
  }
}
