import Glibc
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
      for index in 0..<max(0, reactor.poll(.block(nanoseconds: 100_000))) {
        let event = reactor.event(index)
        if event.kind == .received { held.append(event) }
      }
    }
    #expect(held.count == 4)
    // Nothing more can come, and what is held stays as it was.
    for _ in 0..<10 {
      let count = reactor.poll(.block(nanoseconds: 100_000))
      #expect(count == 0)
    }
    #expect(reactor.counters.exhaustedBuffers > 0)
    for event in held {
      got += event.bytes
      #expect(reactor.release(event) == true)
      #expect(reactor.release(event) == false)
    }
    for _ in 0..<pollLimit where got.count < sent.count {
      for index in 0..<max(0, reactor.poll(.block(nanoseconds: 100_000))) {
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
}
