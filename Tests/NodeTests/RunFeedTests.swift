import ExecutionCore
import Foundation
import Gateways
import TestSupport
import Testing
import Trading
import Transport

@testable import Node

/// Datagrams over a network in memory into records.
struct RunFeedTests {
  private func message(_ index: UInt64) -> [UInt8] {
    var record = MarketRecord()
    record.kind = UInt8(ascii: "D")
    record.sessionTime = Int64(index)
    record.reference = index
    var bytes = [UInt8](repeating: 0, count: 64)
    let length = bytes.withUnsafeMutableBufferPointer {
      ITCHEncoder.encode(&record, midnight: 0, into: $0.baseAddress!, capacity: $0.count)
    }
    return Array(bytes[..<length])
  }

  /// Everything a test needs on one thread: the client, a sender, a re-request server's socket.
  private struct Bench: ~Copyable {
    var reactor: Reactor
    var feed: FeedClient
    let sender: ConnectionID
    let server: ConnectionID
    let to: Endpoint
    let toB: Endpoint
    var publisher = MoldPublisher(session: SessionName("TEST")!)
    var got: [(sequence: UInt64, reference: UInt64)] = []
    var requests: [MoldHeader] = []
    var requester = Endpoint.any()

    init() throws {
      var reactor = try Reactor(.on(MemoryNetwork(seed: 1)))
      var feed = try FeedClient(
        on: &reactor, lineA: .loopback(), lineB: .loopback(), interface: 0x7f00_0001, midnight: 0,
        speed: nil)
      feed.lines.adopt(SessionName("TEST")!)
      var options = SocketOptions()
      options.reportsPeer = true
      let sender = try reactor.openDatagram(bind: .loopback(), token: 100)
      let server = try reactor.openDatagram(bind: .loopback(), options: options, token: 101)
      feed.lines.requestServer = try reactor.localEndpoint(of: server)
      let to = try reactor.localEndpoint(of: feed.lines.lineA)
      let toB = try reactor.localEndpoint(of: feed.lines.lineB)
      self.sender = sender
      self.server = server
      self.to = to
      self.toB = toB
      self.reactor = reactor
      self.feed = feed
    }

    mutating func send(_ messages: [[UInt8]], a: Bool = true, b: Bool = false) {
      for message in messages { _ = message.withUnsafeBytes { publisher.append($0) } }
      guard let datagram = publisher.take(now: 0) else { return }
      if a { _ = reactor.sendDatagram(datagram, to: to, on: sender) }
      if b { _ = reactor.sendDatagram(datagram, to: toB, on: sender) }
    }

    /// Polls until the condition holds; bounded.
    mutating func run(until holds: (borrowing Bench) -> Bool) {
      for _ in 0..<60_000 where !holds(self) {
        let count = reactor.poll(passing: .block(nanoseconds: 1_000_000))
        for index in 0..<max(0, count) {
          let event = reactor.event(index)
          guard event.kind == .received else {
            feed.lines.failed(event, &reactor, now: reactor.now)
            continue
          }
          if event.token == 101 {
            if let header = MoldHeader(parsing: event.bytes) { requests.append(header) }
            requester = event.peer
          } else if event.token <= FeedClient.token + 2 {
            var records: [(sequence: UInt64, reference: UInt64)] = []
            feed.receive(event.bytes, token: event.token, now: reactor.now, market: nil) {
              pointer, count in
              for i in 0..<count { records.append((pointer[i].sequence, pointer[i].reference)) }
            }
            got += records
          }
        }
        feed.lines.request(&reactor, now: reactor.now)
      }
    }
  }

  @Test func `messages of both lines arrive once and in order`() throws {
    var bench = try Bench()
    for index in 0..<50 as Range<UInt64> {
      bench.send([message(index * 2 + 1), message(index * 2 + 2)], a: true, b: true)
    }
    bench.run { $0.got.count >= 100 && $0.feed.lines.datagrams >= 100 }
    #expect(bench.got.map(\.sequence) == Array(1...100))
    #expect(bench.got.map(\.reference) == Array(1...100))
    #expect(bench.feed.lines.receiver.counters.duplicates == 100)
    #expect(bench.feed.malformed == 0)
  }

  @Test func `what one line loses the other brings`() throws {
    var bench = try Bench()
    for index in 1...60 as ClosedRange<UInt64> {
      bench.send([message(index)], a: index % 3 != 0, b: index % 3 == 0)
    }
    bench.run { $0.got.count >= 60 }
    #expect(bench.got.map(\.sequence) == Array(1...60))
  }

  @Test func `a gap is asked for again, and closes`() throws {
    var bench = try Bench()
    bench.send([message(1)])
    bench.send([message(2), message(3)], a: false)
    bench.send([message(4)])
    bench.run { !$0.requests.isEmpty }
    #expect(bench.got.map(\.sequence) == [1])
    let request = try #require(bench.requests.first)
    #expect(request.sequence == 2)
    #expect(request.count == 2)
    var again = MoldPublisher(session: SessionName("TEST")!, nextSequence: 2)
    for index in 2...3 as ClosedRange<UInt64> {
      _ = message(index).withUnsafeBytes { again.append($0) }
    }
    let reply = again.take(now: 0)
    let datagram = try #require(reply)
    _ = bench.reactor.sendDatagram(datagram, to: bench.requester, on: bench.server)
    bench.run { $0.got.count >= 4 }
    #expect(bench.got.map(\.sequence) == [1, 2, 3, 4])
    let events = bench.feed.lines.takeEvents()
    #expect(events.contains(.gapOpened) && events.contains(.gapClosed))
    #expect(bench.feed.lines.takeEvents().isEmpty)
  }

  /// A re-request is made as soon as the gap is seen; by then the lines' datagrams have left.
  private func openGap(_ bench: inout Bench) {
    bench.send([message(1)])
    bench.send([message(2), message(3)], a: false)
    bench.send([message(4)])
    bench.reactor.submit()
  }

  @Test func `a re-request that the kernel drops is none, and is made again`() throws {
    var bench = try Bench()
    openGap(&bench)
    bench.reactor.inject(ReactorFault(.send, errorNumber: EPERM))
    bench.run { !$0.requests.isEmpty }
    let counters = bench.feed.lines.receiver.counters
    #expect(counters.requests == 1 && counters.requestsUnsent == 1)
    #expect(bench.requests.map(\.sequence) == [2])
  }

  @Test func `while there is no socket for re-requests none is counted as sent`() throws {
    var bench = try Bench()
    // What comes to that socket next fails it, and the first attempt to open it again finds no descriptor.
    let place = try bench.reactor.localEndpoint(of: bench.feed.lines.requestSocket)
    _ = [UInt8(1)].withUnsafeBytes {
      bench.reactor.sendDatagram($0, to: place, on: bench.server)
    }
    bench.reactor.inject(ReactorFault(.receive, errorNumber: ENETDOWN))
    bench.reactor.inject(ReactorFault(.socket, errorNumber: EMFILE))
    bench.run { $0.feed.lines.failures >= 1 }
    #expect(bench.feed.lines.requestSocket == .none)
    openGap(&bench)
    bench.run { $0.feed.lines.receiver.counters.requestsUnsent > 0 }
    #expect(bench.feed.lines.receiver.counters.requests == 0)
    bench.run { !$0.requests.isEmpty }
    #expect(bench.feed.lines.receiver.counters.requests == 1)
    #expect(bench.requests.map(\.sequence) == [2])
  }

  @Test func `a malformed message is counted and takes its sequence`() throws {
    var bench = try Bench()
    bench.send([message(1), [UInt8(ascii: "D"), 0], [], message(4)])
    bench.run { $0.got.count >= 2 }
    #expect(bench.got.map(\.sequence) == [1, 4])
    #expect(bench.feed.malformed == 2)
    #expect(bench.feed.lines.takeEvents() == .needsSnapshot)
  }

  private struct Taken {
    var channel: QuoteChannel
    var feed: FeedState
    var events: MoldEvents
    var skipped: UInt64
    var malformed: UInt64
  }
  /// What a market makes of messages, applied as the loop does.
  private func taken(_ messages: [[UInt8]]) throws -> Taken {
    var bench = try Bench()
    let walk = try StrategyTests.Walk(NoStrategy(), seed: 1)
    let market = walk.driver.engine.market
    let datagram = Self.datagram(messages)
    datagram.withUnsafeBytes { bytes in
      bench.feed.receive(bytes, token: FeedClient.token, now: 1, market: market) {
        records, count in
        for i in 0..<count { _ = market.apply(records + i) }
      }
    }
    return withExtendedLifetime(walk) {
      Taken(
        channel: market.channelState, feed: market.feedState, events: bench.feed.lines.takeEvents(),
        skipped: bench.feed.skipped, malformed: bench.feed.malformed)
    }
  }
  private static func datagram(_ messages: [[UInt8]]) -> [UInt8] {
    var publisher = MoldPublisher(session: SessionName("TEST")!)
    for message in messages { _ = message.withUnsafeBytes { publisher.append($0) } }
    return publisher.take(now: 0).map { [UInt8]($0) } ?? []
  }

  @Test(arguments: [0, 1, 4])
  func `a type that is not known takes its sequence and costs no book`(_ at: Int) throws {
    var messages = (1...4 as ClosedRange<UInt64>).map { message($0) }
    messages.insert(Array("z2345678901".utf8), at: at)
    messages.insert(Array("Z".utf8), at: at)
    let taken = try taken(messages)
    #expect(taken.skipped == 2 && taken.malformed == 0 && taken.events.isEmpty)
    #expect(taken.channel.isWhole && taken.feed.gaps == 0 && taken.feed.expected == 7)
  }

  private static let unreadable: [[UInt8]] = [
    [UInt8(ascii: "D")], [], [1, 2, 3], [UInt8(ascii: "D")] + [UInt8](repeating: 0, count: 19),
  ]
  @Test(arguments: unreadable)
  func `a message that cannot be read asks for a snapshot at once`(_ bad: [UInt8]) throws {
    let taken = try taken([message(1), bad, message(3)])
    #expect(taken.skipped == 0 && taken.malformed == 1 && taken.events == .needsSnapshot)
    #expect(!taken.channel.isWhole)
    #expect(taken.feed.missing == 0, "it was not lost: it came")
  }

  @Test func `bytes that are no datagram of the feed are counted`() throws {
    var bench = try Bench()
    let to = bench.to
    _ = [UInt8](repeating: 7, count: 9).withUnsafeBytes {
      bench.reactor.sendDatagram($0, to: to, on: bench.sender)
    }
    bench.run { $0.feed.lines.datagrams >= 1 }
    #expect(bench.got.isEmpty)
    #expect(bench.feed.lines.receiver.counters.malformed == 1)
  }
}
