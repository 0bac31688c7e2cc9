import Glibc
import Testing

@testable import Transport

/// Two processes on a network in memory, polled in turn.
private struct Hosts: ~Copyable {
  let network: MemoryNetwork
  var one: Reactor
  var two: Reactor
  var logOne = Log()
  var logTwo = Log()

  init(seed: UInt64 = 1, packets: Int = 1 << 16) throws {
    let network = try MemoryNetwork(seed: seed, packets: packets)
    var settings = ReactorSettings()
    settings.network = network
    let first = try Reactor(settings)
    let second = try Reactor(settings)
    self.network = network
    one = first
    two = second
  }

  /// Both at this moment, until neither has more to say.
  mutating func settle() {
    for _ in 0..<pollLimit {
      let before = logOne.events.count + logTwo.events.count
      for index in 0..<max(0, one.poll(.spin)) { logOne.events.append(Seen(one.event(index))) }
      for index in 0..<max(0, two.poll(.spin)) { logTwo.events.append(Seen(two.event(index))) }
      if logOne.events.count + logTwo.events.count == before { return }
    }
    Issue.record("they never settle")
  }

  /// Until `time` has passed, arrival by arrival.
  mutating func run(for time: Int64) {
    let end = network.now + time
    settle()
    for _ in 0..<1_000_000 {
      guard let next = network.next, next <= end else { break }
      network.advance(to: next)
      settle()
    }
    network.advance(to: end)
    settle()
  }

  /// A receiver on two, a sender on one.
  mutating func datagrams() throws -> (to: Endpoint, sender: ConnectionID) {
    let receiver = try two.openDatagram(bind: .loopback(port: 7_000))
    return (try two.localEndpoint(of: receiver), try one.openDatagram(bind: .loopback()))
  }

  /// So many datagrams, all under way at once.
  mutating func crowd(_ count: Int, _ way: (to: Endpoint, sender: ConnectionID)) {
    for _ in 0..<count {
      #expect(one.sendDatagram([1], to: way.to, on: way.sender) == .queued)
      one.submit()
    }
  }

  mutating func streams(_ options: SocketOptions = SocketOptions()) throws -> (
    client: ConnectionID, server: ConnectionID
  ) {
    _ = try two.listen(on: .loopback(port: 7_001), options: options)
    let client = try one.connect(to: .loopback(port: 7_001), options: options)
    run(for: 2_000_000_000)
    return (client, try #require(logTwo.first(.accepted)).connection)
  }

  var received: [UInt8] { logTwo.all(.received).flatMap(\.bytes) }
}

@Suite struct `A network in memory` {
  @Test func `a datagram arrives when its latency has passed and not before`() throws {
    var hosts = try Hosts()
    hosts.network.link.latency = 250_000
    let (to, sender) = try hosts.datagrams()
    let sent = hosts.network.now
    #expect(hosts.one.sendDatagram([1, 2], to: to, on: sender) == .queued)
    hosts.settle()
    #expect(hosts.network.next == sent + 250_000)
    hosts.network.advance(to: sent + 249_999)
    hosts.settle()
    #expect(hosts.received.isEmpty)
    hosts.network.advance(to: sent + 250_000)
    hosts.settle()
    #expect(hosts.received == [1, 2])
    #expect(hosts.two.now == sent + 250_000)
    #expect(hosts.network.next == nil)
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `loss, duplication and reordering come as often as asked, and alike for a seed`(
    seed: UInt64
  ) throws {
    func run(_ seed: UInt64) throws -> (got: [UInt8], counters: NetworkCounters) {
      var hosts = try Hosts(seed: seed)
      hosts.network.link.loss = 200_000
      hosts.network.link.duplication = 100_000
      hosts.network.link.reordering = 50_000
      let (to, sender) = try hosts.datagrams()
      for value in 0..<2_000 {
        #expect(
          hosts.one.sendDatagram([UInt8(value & 255), UInt8(value >> 8)], to: to, on: sender)
            == .queued)
        hosts.run(for: 20_000)
      }
      hosts.run(for: 10_000_000)
      return (hosts.received, hosts.network.counters)
    }
    let first = try run(seed)
    #expect((330...550).contains(first.counters.lost), "\(first.counters)")
    #expect((140...260).contains(first.counters.duplicated))
    #expect((60...150).contains(first.counters.reordered))
    #expect(
      first.counters.arrived == 2_000 + first.counters.duplicated - first.counters.lost)
    let again = try run(seed)
    #expect(again.got == first.got)
    #expect(again.counters == first.counters)
    #expect(try run(seed + 100).got != first.got)
  }

  @Test func `a stream under every fault but a break brings each byte once and in order`() throws {
    for seed in UInt64(1)...20 {
      var hosts = try Hosts(seed: seed)
      hosts.network.link.loss = 100_000
      hosts.network.link.jitter = 500_000
      hosts.network.link.shortReads = 300_000
      hosts.network.link.shortWrites = 300_000
      hosts.network.link.duplication = 200_000
      hosts.network.link.reordering = 200_000
      let (client, server) = try hosts.streams()
      var random = Randomness(seed: seed)
      var sent: [UInt8] = []
      for _ in 0..<300 {
        let bytes = random.bytes(Int(random.next() % 3_000) + 1)
        if hosts.one.send(bytes, on: client) == .queued { sent += bytes }
        hosts.run(for: Int64(random.next() % 2_000_000))
      }
      #expect(hosts.one.shutdown(client) == true)
      hosts.run(for: 60_000_000_000)
      #expect(hosts.logTwo.bytes(of: server) == sent, "seed \(seed)")
      #expect(hosts.logTwo.all(.ended).count == 1, "seed \(seed)")
      #expect(hosts.network.counters.retransmitted > 0)
    }
  }

  @Test func `a link takes what matches it, the first that was added`() throws {
    var hosts = try Hosts()
    let (to, sender) = try hosts.datagrams()
    #expect(hosts.one.host == 1 && hosts.two.host == 2)
    #expect(
      hosts.network.addLink(
        NetworkLink(to: 2, port: to.port, transport: .datagram, loss: 1_000_000))
        == 1)
    #expect(hosts.network.addLink(NetworkLink(to: 2, latency: 9_000)) == 2)
    #expect(hosts.one.sendDatagram([1], to: to, on: sender) == .queued)
    hosts.run(for: 1_000_000)
    #expect(hosts.received.isEmpty)
    #expect(hosts.network.counters.lost == 1)
    hosts.network[1].loss = 0
    #expect(hosts.network[1].loss == 0)
    #expect(hosts.one.sendDatagram([2], to: to, on: sender) == .queued)
    hosts.run(for: 1_000_000)
    #expect(hosts.received == [2])
    #expect(hosts.network.addLink(NetworkLink(loss: 1_000_001)) == nil)
    var endless = NetworkLink()
    endless.cutUntil = .max
    #expect(hosts.network.addLink(endless) == nil)
  }

  @Test func `a cut loses datagrams and holds streams up until it is over`() throws {
    var hosts = try Hosts()
    let (to, sender) = try hosts.datagrams()
    let (client, _) = try hosts.streams()
    hosts.network.link.cutUntil = hosts.network.now + 3_000_000_000
    #expect(hosts.one.sendDatagram([1], to: to, on: sender) == .queued)
    #expect(hosts.one.send([7], on: client) == .queued)
    hosts.run(for: 2_999_000_000)
    #expect(hosts.received.isEmpty)
    hosts.run(for: 2_000_000)
    #expect(hosts.received == [7])
    #expect(hosts.network.counters.cut == 2)
  }

  @Test(arguments: [false, true])
  func `who sends on a stream that was reset, before he looks, still learns that it is over`(
    isDirect: Bool
  ) throws {
    var hosts = try Hosts()
    let (client, _) = try hosts.streams(isDirect ? .direct : SocketOptions())
    #expect(hosts.network.breakStreams(port: 7_001) == 1)
    _ = hosts.one.send([1, 2, 3], on: client)
    _ = hosts.one.submit()
    hosts.run(for: 1_000_000_000)
    let ends = hosts.logOne.events.filter { $0.kind == .ended || $0.kind == .failed }
    #expect(ends.count == 1)
  }

  @Test func `a reset is seen by both ends, what came before it is still read`() throws {
    var hosts = try Hosts()
    let (client, server) = try hosts.streams()
    #expect(hosts.one.send([1, 2, 3], on: client) == .queued)
    hosts.one.submit()
    hosts.network.advance(to: hosts.network.now + 100_000)
    #expect(hosts.network.breakStreams(port: 7_001) == 1)
    hosts.run(for: 1_000_000)
    #expect(hosts.logOne.first(.failed)?.errorNumber == ECONNRESET)
    #expect(hosts.logTwo.first(.failed)?.errorNumber == ECONNRESET)
    #expect(hosts.logTwo.bytes(of: server) == [1, 2, 3])
    #expect(hosts.one.send([4], on: client) == .notConnected)
    #expect(hosts.network.breakStreams() == 0)
  }

  @Test func `a half-open stream takes bytes until its window is full and tells nobody`() throws {
    var hosts = try Hosts()
    var options = SocketOptions()
    options.sendBufferBytes = 10_000
    let (client, server) = try hosts.streams(options)
    #expect(hosts.network.breakStreams(halfOpen: true) == 1)
    #expect(hosts.one.send(Array(repeating: 1, count: 60_000), on: client) == .queued)
    #expect(hosts.two.send([9], on: server) == .queued)
    hosts.run(for: 600_000_000_000)
    #expect(hosts.received.isEmpty && hosts.logOne.all(.received).isEmpty)
    #expect(hosts.one.unsentBytes(of: client) == 50_000)
    #expect(hosts.logOne.all(.failed).isEmpty && hosts.logTwo.all(.failed).isEmpty)
    #expect(hosts.network.counters.halfOpens == 1)
  }

  @Test func `who does not poll loses the datagrams that its buffer cannot hold`() throws {
    var hosts = try Hosts()
    var options = SocketOptions()
    options.receiveBufferBytes = 10_000
    let receiver = try hosts.two.openDatagram(bind: .loopback(port: 7_000), options: options)
    let to = try hosts.two.localEndpoint(of: receiver)
    let sender = try hosts.one.openDatagram(bind: .loopback())
    for value in UInt8(0)..<30 {
      #expect(
        hosts.one.sendDatagram(Array(repeating: value, count: 1_000), to: to, on: sender)
          == .queued)
      hosts.one.submit()
      hosts.network.advance(to: hosts.network.now + 100_000)
    }
    hosts.settle()
    #expect(hosts.logTwo.all(.received).map(\.bytes.first) == (0..<10).map { UInt8($0) })
    #expect(hosts.network.counters.overflowed == 20)
  }

  @Test func `nobody there is refused, and a full backlog is tried again`() throws {
    var hosts = try Hosts()
    _ = try hosts.one.connect(to: .loopback(port: 7_001))
    hosts.run(for: 1_000_000)
    #expect(hosts.logOne.first(.connected)?.errorNumber == ECONNREFUSED)
    #expect(hosts.network.counters.refused == 1)
    let sender = try hosts.one.openDatagram(bind: .loopback())
    #expect(hosts.one.sendDatagram([1], to: .loopback(port: 9), on: sender) == .queued)
    hosts.settle()
    #expect(hosts.network.counters.unreachable == 1)

    var options = SocketOptions()
    options.backlog = 2
    hosts.logOne.events.removeAll()
    _ = try hosts.two.listen(on: .loopback(port: 7_001), options: options)
    for _ in 0..<5 { _ = try hosts.one.connect(to: .loopback(port: 7_001)) }
    // Host two does not run: only its backlog answers.
    for _ in 0..<10 {
      hosts.network.advance(to: hosts.network.now + 10_000)
      for index in 0..<max(0, hosts.one.poll(.spin)) {
        hosts.logOne.events.append(Seen(hosts.one.event(index)))
      }
    }
    #expect(hosts.logOne.all(.connected).count == 2)
    hosts.run(for: 2_000_000_000)
    #expect(hosts.logOne.all(.connected).filter { $0.errorNumber == 0 }.count == 5)
  }

  @Test func `a link's width delays what passes, and its queue is bounded`() throws {
    var hosts = try Hosts()
    hosts.network.link.latency = 0
    hosts.network.link.bytesPerSecond = 1_000_000
    hosts.network.link.queueBytes = 5_000
    let (to, sender) = try hosts.datagrams()
    let start = hosts.network.now
    for _ in 0..<10 {
      #expect(
        hosts.one.sendDatagram(Array(repeating: 0, count: 1_000), to: to, on: sender) == .queued)
    }
    hosts.one.submit()
    #expect(hosts.network.next == start + 1_000_001)
    hosts.run(for: 100_000_000)
    #expect(hosts.network.counters.queueFull == 4)
    #expect(hosts.logTwo.all(.received).count == 6)
  }

  @Test func `without room for packets datagrams are lost, and streams wait`() throws {
    var hosts = try Hosts(packets: 16)
    let way = try hosts.datagrams()
    let (client, _) = try hosts.streams()
    hosts.crowd(40, way)
    #expect(hosts.network.counters.noRoom == 24)
    #expect(hosts.one.send([7], on: client) == .queued)
    for _ in 0..<3 { hosts.run(for: 1_000_000) }
    #expect(hosts.received.filter { $0 == 1 }.count == 16)
    #expect(hosts.received.last == 7)
  }

  @Test func `a connection is opened and ended however full the network is`() throws {
    var hosts = try Hosts(packets: 16)
    let way = try hosts.datagrams()
    let (client, _) = try hosts.streams()
    hosts.crowd(40, way)
    #expect(hosts.network.counters.noRoom == 24)
    #expect(hosts.one.close(client) == true)
    _ = try hosts.one.connect(to: .loopback(port: 7_001))
    hosts.run(for: 1_000_000)
    #expect(hosts.logTwo.all(.ended).count == 1)
    #expect(hosts.logTwo.all(.accepted).count == 2)
    #expect(hosts.logOne.all(.connected).filter { $0.errorNumber == 0 }.count == 2)
    #expect(hosts.network.counters.noRoom == 24)
  }

  @Test func `what goes over a slow link holds nothing up on another`() throws {
    var hosts = try Hosts()
    let (slow, sender) = try hosts.datagrams()
    let other = try hosts.two.openDatagram(bind: .loopback(port: 7_002))
    let quick = try hosts.two.localEndpoint(of: other)
    hosts.network.addLink(NetworkLink(to: 2, port: slow.port, latency: 1_000_000_000))
    hosts.network.addLink(NetworkLink(to: 2, port: quick.port, latency: 1_000))
    #expect(hosts.one.sendDatagram([1], to: slow, on: sender) == .queued)
    #expect(hosts.one.sendDatagram([2], to: quick, on: sender) == .queued)
    hosts.run(for: 1_000_000)
    #expect(hosts.received == [2])
    hosts.run(for: 1_000_000_000)
    #expect(hosts.received == [2, 1])
  }

  @Test func `datagrams that are late by chance do not overtake each other`() throws {
    var hosts = try Hosts()
    hosts.network.link.jitter = 5_000_000
    let (to, sender) = try hosts.datagrams()
    for value in UInt8(0)..<200 {
      #expect(hosts.one.sendDatagram([value], to: to, on: sender) == .queued)
      hosts.run(for: 100_000)
    }
    hosts.run(for: 10_000_000)
    #expect(hosts.received == Array(0..<200))
  }

  @Test func `a link that resets what is sent on it is seen by both ends`() throws {
    var hosts = try Hosts()
    let (client, _) = try hosts.streams()
    hosts.network.link.reset = 1_000_000
    _ = hosts.one.send([1, 2, 3], on: client)
    hosts.run(for: 1_000_000)
    #expect(hosts.logOne.first(.failed)?.errorNumber == ECONNRESET)
    #expect(hosts.logTwo.first(.failed)?.errorNumber == ECONNRESET)
    #expect(hosts.network.counters.resets == 1 && hosts.received.isEmpty)
  }

  @Test func `a link that leaves a stream half open lets nothing through, and tells nobody`() throws
  {
    var hosts = try Hosts()
    let (client, server) = try hosts.streams()
    hosts.network.link.halfOpen = 1_000_000
    #expect(hosts.one.send([1, 2, 3], on: client) == .queued)
    hosts.run(for: 1_000_000)
    hosts.network.link.halfOpen = 0
    #expect(hosts.two.send([4], on: server) == .queued)
    hosts.run(for: 60_000_000_000)
    #expect(hosts.received.isEmpty && hosts.logOne.all(.received).isEmpty)
    #expect(hosts.logOne.all(.failed).isEmpty && hosts.logTwo.all(.failed).isEmpty)
    #expect(hosts.network.counters.halfOpens == 1)
  }

  @Test func `a process that ends closes its sockets, and another takes its place`() throws {
    let network = try MemoryNetwork(seed: 1)
    var settings = ReactorSettings()
    settings.network = network
    var client = try Reactor(settings)
    var log = Log()
    for round in 1...100 {
      var server = try Reactor(settings)
      #expect(server.host == 2)
      _ = try server.listen(on: .loopback(port: 7_001))
      let id = try client.connect(to: .loopback(port: 7_001))
      var serverLog = Log()
      serverLog.poll(&server) { $0.first(.accepted) != nil }
      log.poll(&client) { $0.all(.connected).count == round }
      _ = consume server
      log.poll(&client) { $0.all(.ended).count + $0.all(.failed).count == round }
      #expect(client.close(id) == true)
    }
  }

  @Test func `a reactor without a network cannot ask for one in memory`() {
    var settings = ReactorSettings()
    settings.backEnd = .memory
    #expect(throws: ReactorError.self) { _ = try Reactor(settings) }
    #expect(throws: ReactorError.self) { _ = try MemoryNetwork(seed: 1, start: 0) }
    #expect(throws: ReactorError.self) { _ = try MemoryNetwork(seed: 1, sockets: 0) }
  }
}
