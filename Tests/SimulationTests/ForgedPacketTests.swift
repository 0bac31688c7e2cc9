import ExecutionCore
import Gateways
import Glibc
import Testing
import TestSupport
import Transport

@testable import Simulation
@testable import Trading

/// What one packet says, in the loop as it trades: a stranger on the network, or the venue's own feed with something
/// in it that nobody has seen before.
@Suite struct `What one packet says` {
  private static let second: Int64 = 1_000_000_000

  /// Somebody who can send to line A.
  private struct Stranger: ~Copyable {
    var reactor: Reactor
    let socket: ConnectionID
    let target: Endpoint

    init(on network: MemoryNetwork, to target: Endpoint) throws {
      var reactor = try Reactor(.on(network))
      socket = try reactor.openDatagram(bind: .loopback())
      self.target = target
      self.reactor = reactor
    }

    mutating func send(_ bytes: [UInt8]) {
      _ = bytes.withUnsafeBytes { reactor.sendDatagram($0, to: target, on: socket) }
      reactor.submit()
    }
  }

  enum Forgery: String, CaseIterable, CustomTestStringConvertible {
    case heartbeat, farHeartbeat, end, data, zero, nearHeartbeat, foreignHeartbeat, foreignEnd
    case endBelow
    var testDescription: String { rawValue }

    func packet(_ session: SessionName, next: UInt64) -> [UInt8] {
      let other = SessionName("YESTERDAY")!
      return switch self {
      case .heartbeat: Self.header(session, 1 << 60, 0)
      case .farHeartbeat: Self.header(session, 1 << 62, 0)
      case .nearHeartbeat: Self.header(session, next + 30_000, 0)
      case .end: Self.header(session, 1 << 60, MoldHeader.endOfSession)
      case .endBelow: Self.header(session, 1, MoldHeader.endOfSession)
      case .data: Self.header(session, 1 << 60, 1) + Self.bid
      case .zero: Self.header(session, 0, 1) + Self.bid
      case .foreignHeartbeat: Self.header(other, 1, 0)
      case .foreignEnd: Self.header(other, 5_000, MoldHeader.endOfSession)
      }
    }

    static func bid(_ session: SessionName, at sequence: UInt64) -> [UInt8] {
      header(session, sequence, 1) + bid
    }
    static func end(_ session: SessionName, at sequence: UInt64) -> [UInt8] {
      header(session, sequence, MoldHeader.endOfSession)
    }

    private static func header(
      _ session: SessionName, _ sequence: UInt64, _ count: UInt16
    ) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: MoldHeader.size)
      _ = bytes.withUnsafeMutableBytes {
        MoldHeader(session: session, sequence: sequence, count: count).write(into: $0)
      }
      return bytes
    }

    /// An order to buy at $150,000, framed.
    private static var bid: [UInt8] {
      var record = MarketRecord()
      record.kind = UInt8(ascii: "A")
      record.locate = 1
      record.sessionTime = VirtualBench.midnight + 34_200_000_000_000
      record.reference = 1 << 40
      record.side = UInt8(ascii: "B")
      record.shares = 100
      record.price = 1_500_000_000
      return ForgedMessage.framed(record)
    }
  }

  /// Trades for three seconds with `disturb` called every five milliseconds.
  private static func trade(
    _ bench: inout VirtualBench, _ disturb: (inout VirtualBench) -> Void
  ) {
    let end = bench.network.now + 3 * second
    while bench.network.now < end, !bench.world.loop.isFinished {
      bench.world.run(until: bench.network.now + 5_000_000)
      disturb(&bench)
    }
  }

  private static func ordersSent(_ bench: borrowing VirtualBench) -> UInt64 {
    bench.world.loop.path.driver.engine.counters.newOrders
  }

  /// The books are whole, orders went on to the end, and both sides tell the same story.
  private static func check(
    _ bench: inout VirtualBench, _ location: SourceLocation = #_sourceLocation
  ) {
    let whole = (0..<3).allSatisfy {
      bench.world.loop.path.driver.engine.quotes.isWhole(InstrumentID(raw: $0))
    }
    #expect(whole, "a book is not whole", sourceLocation: location)
    let outcome = bench.run(for: 0)
    #expect(outcome.ended == .duration, sourceLocation: location)
    #expect(outcome.violations == [], sourceLocation: location)
    #expect(outcome.working == 0, sourceLocation: location)
    #expect(
      UInt64(outcome.fills.count) == outcome.executions, sourceLocation: location)
    #expect(outcome.position == outcome.exchangePosition, sourceLocation: location)
  }

  @Test(arguments: Forgery.allCases)
  func `a stranger on one line moves nothing, however often he says it`(_ forgery: Forgery) throws {
    var plain = try VirtualBench(seed: 1, messages: 20_000)
    Self.trade(&plain) { _ in }
    let expected = Self.ordersSent(plain)
    var bench = try VirtualBench(seed: 1, messages: 20_000)
    var stranger = try Stranger(on: bench.network, to: bench.lines[0])
    var late: UInt64 = 0
    let middle = bench.network.now + 2 * Self.second
    Self.trade(&bench) { bench in
      stranger.send(forgery.packet(bench.session.name, next: bench.session.nextSequence))
      if bench.network.now < middle { late = Self.ordersSent(bench) }
    }
    let sent = Self.ordersSent(bench)
    #expect(sent > late, "orders stopped")
    #expect(sent * 10 >= expected * 8, "\(sent) orders of \(expected)")
    let counters = bench.world.loop.feed.lines.receiver.counters
    #expect(counters.implausible + counters.foreignSession > 0 || forgery == .nearHeartbeat)
    let snapshots = bench.world.loop.snapshot.taken
    #expect(snapshots <= 3, "\(snapshots) snapshots")
    Self.check(&bench)
  }

  @Test func `who answers in the re-request server's place is not heard`() throws {
    var bench = try VirtualBench(seed: 1, messages: 20_000)
    let socket = bench.world.loop.feed.lines.requestSocket
    let place = try bench.world.loop.path.reactor.localEndpoint(of: socket)
    var stranger = try Stranger(on: bench.network, to: place)
    Self.trade(&bench) { bench in
      let next = bench.session.nextSequence
      stranger.send(Forgery.nearHeartbeat.packet(bench.session.name, next: next))
      stranger.send(Forgery.bid(bench.session.name, at: next))
    }
    let refused = bench.world.loop.feed.lines.answersRefused
    #expect(refused > 1_000 && bench.monitor.get(.answersRefused) > 1_000)
    let counters = bench.world.loop.feed.lines.receiver.counters
    #expect(counters.gaps == 0 && counters.disagreements == 0 && counters.snapshotsNeeded == 0)
    Self.check(&bench)
  }

  /// Five messages of one datagram: to look at it in parts does not make it more than one.
  @Test func `what one packet says of the time between unknown types is one word`() throws {
    var bench = try VirtualBench(seed: 3, messages: 20_000)
    var step = 0
    Self.trade(&bench) { bench in
      step += 1
      guard step == 300 else { return }
      for novelty in [Novelty.evening, .unknownType, .evening, .unknownType, .evening] {
        _ = novelty.message.withUnsafeBytes { bench.session.stream.append($0) }
      }
    }
    let times = bench.world.loop.feed.implausibleTimes
    let skipped = bench.world.loop.feed.skipped
    #expect(times == 3 && skipped == 2)
    Self.check(&bench)
  }

  @Test func `a socket of the feed that fails is said, and opened where it was`() throws {
    var bench = try VirtualBench(seed: 3, messages: 20_000)
    let ports = try [bench.world.loop.feed.lines.lineA, bench.world.loop.feed.lines.lineB].map {
      try bench.world.loop.path.reactor.localEndpoint(of: $0).port
    }
    var step = 0
    Self.trade(&bench) { bench in
      step += 1
      // Whatever is read next: a line, mostly.
      guard step > 250, bench.world.loop.feed.lines.failures < 3 else { return }
      bench.world.loop.path.reactor.inject(ReactorFault(.receive, errorNumber: ENETDOWN))
    }
    let failures = bench.world.loop.feed.lines.failures
    #expect(failures == 3 && bench.monitor.get(.socketFailures) == 3)
    #expect(bench.monitor.get(.socketError) == UInt64(ENETDOWN))
    let again = try [bench.world.loop.feed.lines.lineA, bench.world.loop.feed.lines.lineB].map {
      try bench.world.loop.path.reactor.localEndpoint(of: $0).port
    }
    #expect(again == ports)
    Self.check(&bench)
  }

  /// A bid of $150,000 under the very number that is due: it is applied, for it is the first; the true message says
  /// otherwise, and the books are taken anew.
  @Test func `what stands in a book and nobody else says is out of it at once`() throws {
    var bench = try VirtualBench(seed: 1, messages: 20_000)
    var stranger = try Stranger(on: bench.network, to: bench.lines[0])
    var step = 0
    Self.trade(&bench) { bench in
      step += 1
      guard step % 200 == 100 else { return }
      let next = bench.session.nextSequence
      stranger.send(Forgery.bid(bench.session.name, at: next))
    }
    let counters = bench.world.loop.feed.lines.receiver.counters
    #expect(counters.disagreements >= 2)
    let snapshots = bench.world.loop.snapshot.taken
    #expect(snapshots >= 2 && snapshots <= counters.disagreements)
    Self.check(&bench)
  }

  /// Ten times a second under the number that is due: three disputes, and the line brings nothing first.
  @Test(arguments: [1, 2])
  func `who forges again and again on one line stops nothing`(_ every: Int) throws {
    var plain = try VirtualBench(seed: 1, messages: 20_000)
    Self.trade(&plain) { _ in }
    let expected = Self.ordersSent(plain)
    var bench = try VirtualBench(seed: 1, messages: 20_000)
    var stranger = try Stranger(on: bench.network, to: bench.lines[0])
    var step = 0
    Self.trade(&bench) { bench in
      step += 1
      guard step > 250, step % (10 * every) == 0 else { return }
      stranger.send(Forgery.bid(bench.session.name, at: bench.session.nextSequence))
    }
    let sent = Self.ordersSent(bench)
    // Three snapshots one after the other cost most of a second.
    #expect(sent * 2 >= expected, "\(sent) orders of \(expected)")
    let counters = bench.world.loop.feed.lines.receiver.counters
    #expect(counters.doubtedLines == 1 && bench.monitor.get(.doubtedLines) == 1)
    let snapshots = bench.world.loop.snapshot.taken
    #expect(snapshots <= 3, "\(snapshots) snapshots")
    Self.check(&bench)
  }

  /// What the lines say is not the same, and the re-request server knows: nobody needs a snapshot.
  @Test func `a dispute that the re-request server settles needs no snapshot service`() throws {
    var bench = try VirtualBench(seed: 1, messages: 20_000)
    var nowhere = NetworkLink(port: bench.venue.server.snapshot.port)
    nowhere.cutUntil = bench.network.now + 3_600 * Self.second
    bench.network.addLink(nowhere)
    var stranger = try Stranger(on: bench.network, to: bench.lines[1])
    var step = 0
    Self.trade(&bench) { bench in
      step += 1
      // It was delivered long ago.
      guard step == 300 else { return }
      stranger.send(Forgery.bid(bench.session.name, at: bench.session.nextSequence - 5))
    }
    let counters = bench.world.loop.feed.lines.receiver.counters
    #expect(counters.disagreements == 1 && counters.snapshotsNeeded == 0)
    Self.check(&bench)
  }

  /// Far ahead of where the feed is, and often: the feed comes there, and goes on.
  @Test func `an end that one line says again and again, and the feed passes, is none`() throws {
    var bench = try VirtualBench(seed: 1, messages: 20_000)
    var stranger = try Stranger(on: bench.network, to: bench.lines[0])
    let place = bench.session.nextSequence + 3_400
    Self.trade(&bench) { bench in
      stranger.send(Forgery.end(bench.session.name, at: place))
    }
    let next = bench.world.loop.feed.lines.receiver.nextSequence
    #expect(next > place + 300)
    Self.check(&bench)
  }

  @Test(arguments: [Forgery.foreignHeartbeat, .foreignEnd])
  func `who speaks first does not decide the session`(_ forgery: Forgery) throws {
    var bench = try VirtualBench(seed: 2, messages: 20_000, knowsSession: false)
    var stranger = try Stranger(on: bench.network, to: bench.lines[0])
    stranger.send(forgery.packet(bench.session.name, next: 1))
    stranger.send(forgery.packet(bench.session.name, next: 1))
    Self.trade(&bench) { _ in }
    let session = bench.world.loop.feed.lines.receiver.session
    #expect(session == bench.session.name, "learnt from the snapshot service's log-in")
    #expect(Self.ordersSent(bench) > 0)
    let counters = bench.world.loop.feed.lines.receiver.counters
    #expect(counters.unidentified + counters.foreignSession >= 2)
    Self.check(&bench)
  }

  /// Messages of the venue's own feed that were not there before.
  enum Novelty: String, CaseIterable, CustomTestStringConvertible {
    case unknownType, longer, shorter, empty, lastNanosecond, evening, past
    var testDescription: String { rawValue }

    var message: [UInt8] {
      var record = MarketRecord()
      record.kind = UInt8(ascii: "D")
      record.locate = 1
      record.reference = 1 << 41
      record.sessionTime = VirtualBench.midnight + 34_201_000_000_000
      var bytes = ForgedMessage.bytes(record)
      switch self {
      case .unknownType: bytes[0] = UInt8(ascii: "z")
      case .longer: bytes.append(0)
      case .shorter: bytes.removeLast()
      case .empty: bytes = []
      case .lastNanosecond: bytes.replaceSubrange(5..<11, with: repeatElement(0xFF, count: 6))
      case .evening:
        let time = UInt64(72_000_000_000_000)
        bytes.replaceSubrange(5..<11, with: (0..<6).map { UInt8(time >> (40 - 8 * $0) & 255) })
      case .past: bytes.replaceSubrange(5..<11, with: repeatElement(0, count: 6))
      }
      return bytes
    }
  }

  @Test(arguments: Novelty.allCases)
  func `a message that nobody knows yet stops nobody for long`(_ novelty: Novelty) throws {
    var bench = try VirtualBench(seed: 3, messages: 20_000)
    var step = 0
    var before: UInt64 = 0
    Self.trade(&bench) { bench in
      step += 1
      guard step == 300 else { return }
      before = Self.ordersSent(bench)
      _ = novelty.message.withUnsafeBytes { bench.session.stream.append($0) }
    }
    let sent = Self.ordersSent(bench)
    #expect(before > 0 && sent > before, "orders stopped: \(before), then \(sent)")
    let feed = [
      bench.world.loop.feed.skipped, bench.world.loop.feed.malformed,
      bench.world.loop.feed.implausibleTimes, UInt64(bench.world.loop.snapshot.taken),
    ]
    let expected: [UInt64] =
      switch novelty {
      case .unknownType: [1, 0, 0, 0]
      case .longer, .shorter, .empty: [0, 1, 0, 1]
      case .lastNanosecond, .evening, .past: [0, 0, 1, 0]
      }
    #expect(feed == expected, "skipped, malformed, times, snapshots")
    Self.check(&bench)
  }
}

enum ForgedMessage {
  static func bytes(_ record: MarketRecord) -> [UInt8] {
    var record = record
    var bytes = [UInt8](repeating: 0, count: 64)
    let length = bytes.withUnsafeMutableBufferPointer {
      ITCHEncoder.encode(
        &record, midnight: VirtualBench.midnight, into: $0.baseAddress!, capacity: $0.count)
    }
    return Array(bytes[..<length])
  }

  static func framed(_ record: MarketRecord) -> [UInt8] {
    let message = bytes(record)
    return [UInt8(message.count >> 8), UInt8(message.count & 255)] + message
  }
}
