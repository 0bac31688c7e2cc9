import Glibc
import TestSupport
import Testing

@testable import Transport

@Suite struct `Reactor streams` {
  @Test(arguments: Mode.all)
  func `bytes of many sizes come back as they were sent`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    let pair = try reactor.makePair(mode.options, log: &log)
    var random = Randomness(seed: 7)
    for size in [1, 2, 47, 255, 256, 4095, 4096, 4097, 20_000, 65_536] {
      log.events.removeAll()
      let sent = random.bytes(size)
      #expect(reactor.send(sent, on: pair.client) == .queued)
      var echoed = 0
      for _ in 0..<pollLimit where log.bytes(of: pair.client).count < size {
        log.poll(&reactor)
        let got = log.bytes(of: pair.server)
        guard got.count > echoed else { continue }
        #expect(reactor.send(Array(got[echoed...]), on: pair.server) == .queued)
        echoed = got.count
      }
      #expect(log.bytes(of: pair.server) == sent)
      #expect(log.bytes(of: pair.client) == sent)
    }
    #expect(reactor.unsentBytes(of: pair.client) == 0)
  }

  @Test(arguments: Mode.all)
  func `bytes that dribble in one by one keep their order`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    let pair = try reactor.makePair(mode.options, log: &log)
    for value in UInt8(0)..<200 {
      #expect(reactor.send([value], on: pair.client) == .queued)
      reactor.submit()
      if value % 3 == 0 { log.poll(&reactor, .spin) }
    }
    log.poll(&reactor) { $0.bytes(of: pair.server).count >= 200 }
    #expect(log.bytes(of: pair.server) == Array(0..<200))
  }

  @Test(arguments: Mode.all)
  func `a spinning poll moves bytes without ever sleeping`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    let pair = try reactor.makePair(mode.options, log: &log)
    let waits = reactor.counters.waits
    for round in 0..<50 {
      #expect(reactor.send([UInt8(round)], on: pair.client) == .queued)
      var left = 10_000_000
      while left > 0, log.bytes(of: pair.server).count <= round {
        log.poll(&reactor, round % 2 == 0 ? .spin : .spinThenYield(spins: 100))
        left -= 1
      }
    }
    #expect(log.bytes(of: pair.server) == Array(0..<50))
    #expect(reactor.counters.waits == waits)
  }

  @Test(arguments: Mode.all)
  func `what is sent before the connection stands arrives first`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    let listener = try reactor.listen(on: .loopback(), options: mode.options)
    let client = try reactor.connect(
      to: reactor.localEndpoint(of: listener), options: mode.options, token: 5)
    #expect(reactor.send([1, 2, 3], on: client) == .queued)
    #expect(reactor.send([4], on: client) == .queued)
    #expect(reactor.unsentBytes(of: client) == 4)
    log.poll(&reactor) { log in log.events.flatMap(\.bytes).count >= 4 }
    let server = try #require(log.first(.accepted)).connection
    #expect(log.bytes(of: server) == [1, 2, 3, 4])
    #expect(log.first(.connected)?.token == 5)
    #expect(log.first(.connected)?.errorNumber == 0)
  }

  @Test(arguments: Mode.all)
  func `a peer that does not read fills the send buffer, and every byte arrives once`(mode: Mode)
    throws
  {
    var options = mode.options
    options.sendBufferBytes = 4096
    options.receiveBufferBytes = 4096
    // Two reactors: the reading one is not polled while the other is filled up.
    var reader = try Reactor(mode.settings())
    var writer = try Reactor(mode.settings(beside: reader.network) { $0.sendBytes = 16_384 })
    var readerLog = Log()
    var log = Log()
    let listener = try reader.listen(on: .loopback(), options: options)
    let client = try writer.connect(to: reader.localEndpoint(of: listener), options: options)
    log.poll(&writer) { $0.first(.connected) != nil }
    var random = Randomness(seed: 11)
    var sent: [UInt8] = []
    var isFull = false
    for _ in 0..<pollLimit where !isFull {
      let chunk = random.bytes(Int(random.next() % 900) + 1)
      switch writer.send(chunk, on: client) {
      case .queued: sent += chunk
      case .full: isFull = true
      case let other: Issue.record("unexpected \(other)")
      }
      log.poll(&writer, .spin)
    }
    #expect(isFull)
    #expect(writer.unsentBytes(of: client) > 0)
    #expect(writer.counters.refusedSends == 1)
    #expect(log.first(.sendable) == nil)
    for _ in 0..<pollLimit where writer.unsentBytes(of: client) > 0 {
      log.poll(&writer, .block(nanoseconds: 100_000))
      readerLog.poll(&reader, .block(nanoseconds: 100_000))
    }
    let total = sent.count
    readerLog.poll(&reader) { $0.events.flatMap(\.bytes).count >= total }
    log.poll(&writer) { $0.first(.sendable) != nil }
    let server = try #require(readerLog.first(.accepted)).connection
    #expect(readerLog.bytes(of: server) == sent)
    #expect(log.all(.sendable).count == 1)
    #expect(writer.send([1], on: client) == .queued)
  }

  @Test(arguments: Mode.all)
  func `a send longer than the buffer is never taken`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings { $0.sendBytes = 256 })
    var log = Log()
    let pair = try reactor.makePair(mode.options, log: &log)
    #expect(reactor.send([UInt8](repeating: 1, count: 257), on: pair.client) == .tooLong)
    #expect(reactor.send([], on: pair.client) == .queued)
    #expect(reactor.send([UInt8](repeating: 1, count: 256), on: pair.client) == .queued)
    log.poll(&reactor) { $0.bytes(of: pair.server).count == 256 }
  }

  @Test(arguments: Mode.all)
  func `a refused connection is told with its errno, and the slot can be closed`(mode: Mode) throws
  {
    var reactor = try Reactor(mode.settings { $0.connections = 2 })
    var log = Log()
    let listener = try reactor.listen(on: .loopback())
    let endpoint = try reactor.localEndpoint(of: listener)
    #expect(reactor.close(listener) == true)
    log.poll(&reactor)
    for _ in 0..<5 {
      log.events.removeAll()
      let client = try reactor.connect(to: endpoint, options: mode.options)
      log.poll(&reactor) { !$0.events.isEmpty }
      #expect(log.kinds == [.connected])
      #expect(log.events.first?.errorNumber == ECONNREFUSED)
      #expect(reactor.send([1], on: client) == .notConnected)
      #expect(reactor.close(client) == true)
      #expect(reactor.close(client) == false)
      log.poll(&reactor, .spin)
    }
  }

  @Test(arguments: Mode.all)
  func `half a close lets the other direction go on`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    let pair = try reactor.makePair(mode.options, log: &log)
    #expect(reactor.send([1, 2], on: pair.client) == .queued)
    #expect(reactor.shutdown(pair.client) == true)
    #expect(reactor.send([3], on: pair.client) == .notConnected)
    log.poll(&reactor) { $0.first(.ended) != nil }
    #expect(log.first(.ended)?.connection == pair.server)
    #expect(log.bytes(of: pair.server) == [1, 2])
    #expect(reactor.send([9, 8], on: pair.server) == .queued)
    log.poll(&reactor) { $0.bytes(of: pair.client).count == 2 }
    #expect(log.bytes(of: pair.client) == [9, 8])
    #expect(reactor.shutdown(pair.server) == true)
    log.poll(&reactor) { $0.all(.ended).count == 2 }
    #expect(log.all(.failed).isEmpty)
    // Nothing more is said, and nothing spins: a closed pair is silent.
    let before = log.events.count
    for _ in 0..<20 { log.poll(&reactor, .block(nanoseconds: 100_000)) }
    #expect(log.events.count == before)
  }

  @Test(arguments: Mode.all)
  func `a reset is told, behind what was received before it`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    let pair = try reactor.makePair(mode.options, log: &log)
    #expect(reactor.send([7], on: pair.client) == .queued)
    log.poll(&reactor) { $0.bytes(of: pair.server) == [7] }
    #expect(reactor.abort(pair.client) == true)
    log.poll(&reactor) { $0.first(.failed) != nil }
    #expect(log.first(.failed)?.connection == pair.server)
    #expect(log.first(.failed)?.errorNumber == ECONNRESET)
    #expect(reactor.send([1], on: pair.server) == .notConnected)
    #expect(reactor.close(pair.server) == true)
  }

  @Test(arguments: Mode.all)
  func `sending into a closed peer ends in one failure`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    let pair = try reactor.makePair(mode.options, log: &log)
    #expect(reactor.close(pair.server) == true)
    log.poll(&reactor) { $0.first(.ended) != nil }
    for _ in 0..<pollLimit where log.first(.failed) == nil {
      _ = reactor.send([1], on: pair.client)
      log.poll(&reactor)
    }
    #expect(log.all(.failed).count == 1)
    let error = try #require(log.first(.failed)).errorNumber
    #expect(error == EPIPE || error == ECONNRESET)
  }

  @Test(arguments: Mode.all)
  func `what comes for a closed connection is never shown`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    for round in 0..<20 {
      let pair = try reactor.makePair(mode.options, log: &log)
      #expect(reactor.send([UInt8](repeating: 5, count: 100), on: pair.client) == .queued)
      reactor.submit()
      if round % 2 == 0 { _ = reactor.poll(passing: .block(nanoseconds: 1_000_000)) }
      #expect(reactor.close(pair.server) == true)
      #expect(reactor.close(pair.client) == true)
      #expect(reactor.close(pair.listener) == true)
      #expect(reactor.isOpen(pair.server) == false)
      log.events.removeAll()
      for _ in 0..<4 { log.poll(&reactor, .block(nanoseconds: 100_000)) }
      #expect(log.events.allSatisfy { $0.kind == .stale })
      log.events.removeAll()
    }
  }

  @Test(arguments: Mode.all)
  func `events of a connection closed within the batch come out as stale`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    let pair = try reactor.makePair(mode.options, log: &log)
    #expect(reactor.send([1], on: pair.client) == .queued)
    #expect(reactor.send([1], on: pair.server) == .queued)
    var count = 0
    for _ in 0..<pollLimit where count == 0 {
      count = reactor.poll(passing: .block(nanoseconds: 1_000_000))
    }
    try #require(count > 0)
    reactor.close(pair.client)
    reactor.close(pair.server)
    for index in 0..<count { #expect(reactor.event(index).kind == .stale) }
  }

  @Test(arguments: Mode.all)
  func `tokens can be changed, ids index by slot`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings { $0.connections = 3 })
    var log = Log()
    let pair = try reactor.makePair(mode.options, log: &log)
    #expect(Set([pair.listener.slot, pair.client.slot, pair.server.slot]) == [0, 1, 2])
    #expect(log.first(.accepted)?.token == 1)
    #expect(reactor.setToken(77, of: pair.server) == true)
    #expect(reactor.send([1], on: pair.client) == .queued)
    log.poll(&reactor) { $0.first(.received) != nil }
    #expect(log.first(.received)?.token == 77)
    #expect(reactor.setToken(1, of: .none) == false)
    let peer = try reactor.peerEndpoint(of: pair.client)
    #expect(try reactor.localEndpoint(of: pair.server) == peer)
    do {
      _ = try reactor.connect(to: .loopback(port: 9))
      Issue.record("connected with every slot taken")
    } catch {
      #expect(error.errorNumber == ENFILE)
      #expect("\(error)".contains("setting connections"))
    }
  }
}
