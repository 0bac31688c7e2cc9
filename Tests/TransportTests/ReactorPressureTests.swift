import Glibc
import TestSupport
import Testing

@testable import Transport

@Suite struct `Reactor under pressure` {
  /// Many connections that all talk at once: what each client sends comes out of its server side.
  private func babble(_ reactor: inout Reactor, _ mode: Mode, connections: Int, bytes: Int) throws {
    var log = Log()
    let listener = try reactor.listen(on: .loopback(), options: mode.options)
    let endpoint = try reactor.localEndpoint(of: listener)
    var clients: [ConnectionID] = []
    for index in 0..<connections {
      let client = try reactor.connect(to: endpoint, options: mode.options, token: 1)
      let text = [UInt8](repeating: UInt8(index), count: bytes)
      #expect(reactor.send(text, on: client) == .queued)
      clients.append(client)
    }
    log.poll(&reactor) { log in
      log.events.reduce(0) { $0 + $1.bytes.count } >= connections * bytes
    }
    let servers = log.all(.accepted).map(\.connection)
    let values = servers.map { server in
      let got = log.bytes(of: server)
      return got.count == bytes && Set(got).count == 1 ? Int(got[0]) : -1
    }
    #expect(values.sorted() == Array(0..<connections))
    #expect(log.all(.failed).isEmpty)
  }

  @Test(.enabled(if: availableBackEnds.contains(.ioUring), "io_uring is not granted here"))
  func `a submission ring of one entry is submitted as often as it takes`() throws {
    let mode = Mode(backEnd: .ioUring, isDirect: false)
    var reactor = try Reactor(
      mode.settings {
        $0.submissionEntries = 1
        $0.completionEntries = 64
      })
    try babble(&reactor, mode, connections: 20, bytes: 300)
    #expect(reactor.counters.submissionFull > 0)
  }

  @Test(.enabled(if: availableBackEnds.contains(.ioUring), "io_uring is not granted here"))
  func `a completion ring that overflows loses nothing`() throws {
    let mode = Mode(backEnd: .ioUring, isDirect: false)
    var reactor = try Reactor(
      mode.settings {
        $0.submissionEntries = 2
        $0.completionEntries = 2
        $0.eventsPerPoll = 3
      })
    try babble(&reactor, mode, connections: 24, bytes: 300)
    #expect(reactor.counters.completionOverflows > 0)
  }

  @Test(arguments: Mode.all)
  func `a submission ring that seems full for long only delays`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    reactor.inject(ReactorFault(.submission, nth: 2, times: 25, errorNumber: EAGAIN))
    try babble(&reactor, mode, connections: 5, bytes: 100)
  }

  @Test(arguments: Mode.all)
  func `two receive buffers are enough for many connections`(mode: Mode) throws {
    var reactor = try Reactor(
      mode.settings {
        $0.receiveBuffers = 2
        $0.receiveBufferBytes = 64
      })
    try babble(&reactor, mode, connections: 20, bytes: 900)
  }

  @Test(arguments: Mode.all)
  func `bytes held back exhaust the buffers, and reception resumes when they are released`(
    mode: Mode
  ) throws {
    var reactor = try Reactor(
      mode.settings {
        $0.receiveBuffers = 4
        $0.receiveBufferBytes = 64
        $0.releasesExplicitly = true
      })
    var log = Log()
    let pair = try reactor.makePair(mode.options, log: &log)
    var random = Randomness(seed: 13)
    let sent = random.bytes(4000)
    #expect(reactor.send(sent, on: pair.client) == .queued)
    var got: [UInt8] = []
    var held: [ReactorEvent] = []
    for _ in 0..<pollLimit where held.count < 4 {
      for index in 0..<max(0, reactor.poll(passing: .block(nanoseconds: 100_000))) {
        let event = reactor.event(index)
        if event.kind == .received { held.append(event) }
      }
    }
    #expect(held.count == 4)
    // Nothing more can come, and what is held stays as it was.
    for _ in 0..<10 {
      let count = reactor.poll(passing: .block(nanoseconds: 100_000))
      #expect(count == 0)
    }
    #expect(reactor.counters.exhaustedBuffers > 0)
    for event in held {
      got += event.bytes
      #expect(reactor.release(event) == true)
      #expect(reactor.release(event) == false)
    }
    for _ in 0..<pollLimit where got.count < sent.count {
      for index in 0..<max(0, reactor.poll(passing: .block(nanoseconds: 100_000))) {
        let event = reactor.event(index)
        got += event.bytes
        #expect(reactor.release(event) == true)
      }
    }
    let isSame = got == sent
    #expect(isSame)
  }

  @Test(arguments: Mode.all)
  func `a connection closed while the kernel is busy frees its slot for the next`(mode: Mode) throws
  {
    var reactor = try Reactor(mode.settings { $0.connections = 3 })
    var log = Log()
    var generations: Set<ConnectionID> = []
    for _ in 0..<100 {
      let pair = try reactor.makePair(mode.options, log: &log)
      #expect(generations.insert(pair.server).inserted)
      #expect(generations.insert(pair.client).inserted)
      #expect(reactor.send([UInt8](repeating: 1, count: 3000), on: pair.client) == .queued)
      reactor.close(pair.server)
      reactor.close(pair.client)
      reactor.close(pair.listener)
      log.events.removeAll()
      // The kernel lets go within a few polls.
      for _ in 0..<4 { log.poll(&reactor, .block(nanoseconds: 100_000)) }
    }
  }

  @Test(arguments: Mode.all, [UInt64(1), 2, 3])
  func `random calls under random faults leak no slot and no buffer`(mode: Mode, seed: UInt64)
    throws
  {
    var random = Randomness(seed: seed)
    func pick(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
    var reactor = try Reactor(
      mode.settings {
        $0.connections = 40
        $0.receiveBuffers = 8
        $0.receiveBufferBytes = 128
        $0.sendBytes = 1024
        $0.submissionEntries = 4
        $0.completionEntries = 8
        $0.eventsPerPoll = 5
      })
    let listener = try reactor.listen(on: .loopback(), options: mode.options)
    let endpoint = try reactor.localEndpoint(of: listener)
    var open: [ConnectionID] = []
    let text = [UInt8](repeating: 7, count: 900)
    for _ in 0..<4000 {
      switch pick(8) {
      case 0:
        // A refusal by an injected fault or a full table is what is to be survived here.
        if let id = try? reactor.connect(to: endpoint, options: mode.options) { open.append(id) }
      case 1 where !open.isEmpty:
        let id = open.remove(at: pick(open.count))
        _ = pick(2) == 0 ? reactor.close(id) : reactor.abort(id)
      case 2 where !open.isEmpty: reactor.shutdown(open[pick(open.count)])
      case 3:
        let operation = ReactorFault.Operation.allCases[pick(10)]
        let errorNumber = [0, EAGAIN, EINTR, ENOBUFS, ECONNRESET, EPIPE][pick(6)]
        reactor.inject(
          ReactorFault(
            operation, nth: UInt64(pick(5) + 1), times: UInt64(pick(3) + 1),
            errorNumber: errorNumber, limit: UInt32(pick(50) + 1)))
      case 4,
        5 where !open.isEmpty:
        _ =
          open.isEmpty ? .full : reactor.send(Array(text[..<pick(900)]), on: open[pick(open.count)])
      default:
        for index in 0..<max(0, reactor.poll(passing: .block(nanoseconds: Int64(pick(2) * 20_000))))
        {
          let event = reactor.event(index)
          let isTrue = event.bytes.allSatisfy { $0 == 7 }
          #expect(isTrue, "seed \(seed)")
          if event.kind == .accepted { open.append(event.connection) }
        }
      }
    }
    for operation in ReactorFault.Operation.allCases {
      reactor.inject(ReactorFault(operation, nth: 0))
    }
    for id in open + [listener] { reactor.close(id) }
    for _ in 0..<100 {
      for index in 0..<max(0, reactor.poll(passing: .block(nanoseconds: 10_000))) {
        let event = reactor.event(index)
        if event.kind == .accepted { reactor.close(event.connection) }
      }
    }
    // Every slot is there again: pairs take all but one of the rest.
    var log = Log()
    var pairs: [Pair] = []
    for _ in 0..<13 { pairs.append(try reactor.makePair(mode.options, log: &log)) }
    // And so are the buffers: each connection gets more through than one buffer holds.
    for pair in pairs {
      #expect(reactor.send(text, on: pair.client) == .queued)
      log.poll(&reactor) { $0.bytes(of: pair.server).count == 900 }
    }
  }
}
