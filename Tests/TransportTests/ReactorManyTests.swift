import Glibc
import TestSupport
import Testing

@testable import Transport

@Suite struct `Reactor with many connections` {
  @Test(arguments: availableBackEnds)
  func `two hundred connections each get their own bytes back`(backEnd: ReactorBackEnd) throws {
    let count = 200
    let mode = Mode(backEnd: backEnd, isDirect: false)
    var reactor = try Reactor(
      mode.settings {
        $0.connections = 2 * count + 1
        $0.sendBytes = 1024
        $0.receiveBuffers = 32
        $0.receiveBufferBytes = 64
        $0.submissionEntries = 16
        $0.completionEntries = 32
      })
    var log = Log()
    let listener = try reactor.listen(on: .loopback())
    let endpoint = try reactor.localEndpoint(of: listener)
    var expected: [ConnectionID: [UInt8]] = [:]
    for index in 0..<count {
      let client = try reactor.connect(to: endpoint, token: UInt64(index) + 100)
      let bytes =
        [UInt8(index), UInt8(index / 7), 3] + [UInt8](repeating: UInt8(index), count: 150)
      #expect(reactor.send(bytes, on: client) == .queued)
      expected[client] = bytes
    }
    var echoed = 0
    var received = 0
    for _ in 0..<pollLimit where received < count * 153 {
      log.poll(&reactor)
      while echoed < log.events.count {
        let event = log.events[echoed]
        echoed += 1
        if event.token >= 100 { received += event.bytes.count }
        if event.kind == .received && event.token == 0 {
          #expect(reactor.send(event.bytes, on: event.connection) == .queued)
        }
      }
    }
    for (client, bytes) in expected { #expect(log.bytes(of: client) == bytes) }
    #expect(log.all(.connected).count == count)
    #expect(log.all(.accepted).count == count)
    #expect(reactor.counters.accepted == UInt64(count))
    #expect(log.all(.failed).isEmpty)
  }

  @Test(arguments: Mode.all)
  func `a storm of more connections than slots is bounded, and slots come back`(mode: Mode) throws {
    var server = try Reactor(mode.settings { $0.connections = 5 })
    var clients = try Reactor(mode.settings(beside: server.network) { $0.connections = 64 })
    var log = Log()
    var clientLog = Log()
    let listener = try server.listen(on: .loopback(), options: mode.options)
    let endpoint = try server.localEndpoint(of: listener)
    for storm in 0..<3 {
      log.events.removeAll()
      clientLog.events.removeAll()
      var ids: [ConnectionID] = []
      for _ in 0..<40 { ids.append(try clients.connect(to: endpoint)) }
      let refusedBefore = server.counters.refusedAccepts
      for _ in 0..<pollLimit
      where log.all(.accepted).count < 4 || server.counters.refusedAccepts < refusedBefore + 36 {
        log.poll(&server, .block(nanoseconds: 100_000))
        clientLog.poll(&clients, .block(nanoseconds: 100_000))
      }
      #expect(log.all(.accepted).count == 4, "storm \(storm)")
      #expect(server.counters.refusedAccepts == refusedBefore + 36)
      clientLog.poll(&clients) { $0.all(.ended).count + $0.all(.failed).count == 36 }
      for accepted in log.all(.accepted) { #expect(server.close(accepted.connection) == true) }
      for id in ids { #expect(clients.close(id) == true) }
      for _ in 0..<4 {
        log.poll(&server, .block(nanoseconds: 100_000))
        clientLog.poll(&clients, .block(nanoseconds: 100_000))
      }
    }
  }

  @Test(arguments: Mode.all)
  func `random traffic over random connections arrives in order, whatever closes`(mode: Mode) throws
  {
    let seed: UInt64 = 20_261_121
    var random = Randomness(seed: seed)
    var reactor = try Reactor(
      mode.settings {
        $0.connections = 33
        $0.sendBytes = 4096
        $0.receiveBuffers = 8
        $0.receiveBufferBytes = 256
        $0.eventsPerPoll = 7
      })
    var traffic = Traffic()
    let listener = try reactor.listen(on: .loopback(), options: mode.options)
    let endpoint = try reactor.localEndpoint(of: listener)
    var open: [(id: ConnectionID, name: UInt8)] = []
    var name: UInt8 = 0
    for _ in 0..<1500 {
      switch random.next() % 8 {
      case 0 where open.count < 12 && name < 250:
        let id = try reactor.connect(to: endpoint, options: mode.options, token: 9)
        name += 1
        #expect(reactor.send([name], on: id) == .queued)
        traffic.sent[name] = [name]
        open.append((id, name))
      case 1 where open.count > 4:
        let victim = open.remove(at: Int(random.next() % UInt64(open.count)))
        #expect(reactor.shutdown(victim.id) == true)
        traffic.poll(&reactor) { $0.isWhole(victim.name) && $0.ended.contains(victim.name) }
        #expect(reactor.close(victim.id) == true)
        let server = try #require(traffic.servers.first { $0.value == victim.name })
        #expect(reactor.close(server.key) == true)
        traffic.servers[server.key] = nil
      case 2...6 where !open.isEmpty:
        let pick = open[Int(random.next() % UInt64(open.count))]
        let bytes = random.bytes(Int(random.next() % 700) + 1)
        if reactor.send(bytes, on: pick.id) == .queued {
          traffic.sent[pick.name, default: []] += bytes
        }
      default:
        traffic.poll(&reactor, .spin)
      }
    }
    traffic.poll(&reactor) { traffic in open.allSatisfy { traffic.isWhole($0.name) } }
    #expect(traffic.failures.isEmpty, "seed \(seed)")
    #expect(name > 50)
  }
}

/// What went in on clients, each named by its first byte, and what came out on the server side.
private struct Traffic {
  var sent: [UInt8: [UInt8]] = [:]
  var got: [UInt8: [UInt8]] = [:]
  var servers: [ConnectionID: UInt8] = [:]
  var ended: Set<UInt8> = []
  var failures: [Int32] = []

  func isWhole(_ name: UInt8) -> Bool { got[name] == sent[name] }

  mutating func poll(_ reactor: inout Reactor, _ wait: WaitStrategy) {
    for index in 0..<max(0, reactor.poll(passing: wait)) {
      let event = reactor.event(index)
      switch event.kind {
      case .received where event.token == 0:
        let name = servers[event.connection] ?? event.bytes[0]
        servers[event.connection] = name
        got[name, default: []] += event.bytes
      case .ended where event.token == 0:
        if let name = servers[event.connection] { ended.insert(name) }
      case .failed, .acceptFailed: failures.append(event.errorNumber)
      default: break
      }
    }
  }

  mutating func poll(_ reactor: inout Reactor, until isDone: (Traffic) -> Bool) {
    for _ in 0..<pollLimit {
      if isDone(self) { return }
      poll(&reactor, .block(nanoseconds: 1_000_000))
    }
    Issue.record("not reached after \(pollLimit) polls")
  }
}
