import Glibc
import Testing

@testable import Transport

@Suite struct `Reactor faults` {
  /// Errnos after which the operation is tried again.
  static let transient: [Int32] = [EAGAIN, EINTR, ENOBUFS, ENOMEM]

  /// A session with every kind of operation. Returns what each end received, or nil when a step
  /// failed in an orderly way.
  private func session(_ mode: Mode, _ fault: ReactorFault?, _ counts: inout [UInt64]) throws
    -> (request: [UInt8], answer: [UInt8], failed: Bool)
  {
    var reactor = try Reactor(mode.settings { $0.receiveBufferBytes = 256 })
    if let fault { reactor.inject(fault) }
    defer {
      counts = ReactorFault.Operation.allCases.map { reactor.operations($0) }
    }
    var log = Log()
    let request = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
    let answer = request.reversed() + [1, 2, 3]
    let listener: ConnectionID
    let client: ConnectionID
    do {
      listener = try reactor.listen(on: .loopback(), options: mode.options)
      client = try reactor.connect(to: reactor.localEndpoint(of: listener), options: mode.options)
    } catch {
      #expect(error.errorNumber == fault?.errorNumber)
      return ([], [], true)
    }
    _ = reactor.send(request, on: client)
    var didAnswer = false
    for _ in 0..<pollLimit {
      log.poll(&reactor)
      let server = log.first(.accepted)?.connection ?? .none
      if !didAnswer, log.bytes(of: server).count == request.count {
        didAnswer = true
        _ = reactor.send(answer, on: server)
        reactor.shutdown(server)
      }
      let failed =
        !log.all(.failed).isEmpty || log.all(.connected).contains { $0.errorNumber != 0 }
        || !log.all(.acceptFailed).isEmpty
      let isOver = log.all(.ended).contains { $0.connection == client }
      if failed || isOver {
        // Whatever arrived is a true beginning of what was sent.
        let got = log.bytes(of: server)
        let back = log.bytes(of: client)
        #expect(request.starts(with: got))
        #expect(answer.starts(with: back))
        for id in [client, server, listener] where reactor.isOpen(id) {
          #expect(reactor.close(id) == true)
        }
        for _ in 0..<3 { _ = reactor.poll(.spin) }
        return (got, back, failed)
      }
    }
    Issue.record("hangs with \(String(describing: fault)): \(log.kinds)")
    return ([], [], true)
  }

  private func sweep(_ mode: Mode, errorNumber: Int32, limit: UInt32) throws {
    var clean: [UInt64] = []
    let whole = try session(mode, nil, &clean)
    #expect(whole.failed == false)
    #expect(whole.request.count == 1000 && whole.answer.count == 1003)
    for operation in ReactorFault.Operation.allCases {
      if errorNumber == 0 && operation != .send && operation != .receive { continue }
      // The number of polls is not the same in each run: a bounded part of them is enough.
      let last = min(clean[Int(operation.rawValue)], 12)
      for nth in 1..<(last + 1) {
        let fault = ReactorFault(operation, nth: nth, errorNumber: errorNumber, limit: limit)
        var counts: [UInt64] = []
        let result = try session(mode, fault, &counts)
        let mustPass =
          errorNumber == 0 || operation == .buffer || operation == .submission
          || (Self.transient.contains(errorNumber)
            && [.send, .receive, .poll].contains(operation) && errorNumber != ENOBUFS
            && errorNumber != ENOMEM)
          || (Self.transient.contains(errorNumber) && [.send, .receive].contains(operation))
        if mustPass {
          #expect(
            !result.failed && result.request.count == 1000 && result.answer.count == 1003,
            "\(mode.testDescription) \(operation) \(nth) errno \(errorNumber)")
        }
      }
    }
  }

  @Test(arguments: Mode.all, [ECONNRESET, EPIPE])
  func `any one operation may fail for good, and the rest stays orderly`(
    mode: Mode, errorNumber: Int32
  ) throws {
    try sweep(mode, errorNumber: errorNumber, limit: 0)
  }

  @Test(arguments: Mode.all, transient)
  func `any one operation may fail for a moment, and nothing is lost`(
    mode: Mode, errorNumber: Int32
  ) throws {
    try sweep(mode, errorNumber: errorNumber, limit: 0)
  }

  @Test(arguments: Mode.all, [1, 2, 47, 255])
  func `any one receive or send may be short, and nothing is lost`(mode: Mode, limit: UInt32) throws
  {
    try sweep(mode, errorNumber: 0, limit: limit)
  }

  @Test(arguments: Mode.all, [1, 3, 100])
  func `every receive and every send may be short`(mode: Mode, limit: UInt32) throws {
    var reactor = try Reactor(mode.settings { $0.eventsPerPoll = 5 })
    var log = Log()
    let pair = try reactor.makePair(mode.options, log: &log)
    reactor.inject(ReactorFault(.receive, times: .max, limit: limit))
    reactor.inject(ReactorFault(.send, times: .max, limit: limit))
    var random = Randomness(seed: UInt64(limit))
    let sent = random.bytes(700)
    #expect(reactor.send(sent, on: pair.client) == .queued)
    log.poll(&reactor) { $0.bytes(of: pair.server).count >= 700 }
    let isSame = log.bytes(of: pair.server) == sent
    #expect(isSame)
    #expect(log.all(.received).allSatisfy { $0.bytes.count <= Int(limit) })
    #expect(reactor.counters.faults > 0)
    #expect(reactor.counters.partialSends > 0)
    // The buffers that were split come back: go round more often than there are.
    reactor.inject(ReactorFault(.receive, nth: 0))
    reactor.inject(ReactorFault(.send, nth: 0))
    for round in 0..<300 {
      #expect(reactor.send([UInt8(round % 256)], on: pair.client) == .queued)
      log.poll(&reactor) { $0.bytes(of: pair.server).count == 701 + round }
    }
    #expect(reactor.counters.exhaustedBuffers == 0)
  }

  @Test(arguments: Mode.all)
  func `a connection closed between two parts of a buffer gives the buffer back`(mode: Mode) throws
  {
    var reactor = try Reactor(
      mode.settings {
        $0.eventsPerPoll = 1
        $0.receiveBuffers = 2
      })
    var log = Log()
    for _ in 0..<8 {
      let pair = try reactor.makePair(mode.options, log: &log)
      reactor.inject(ReactorFault(.receive, times: .max, limit: 1))
      #expect(reactor.send([1, 2, 3, 4], on: pair.client) == .queued)
      log.poll(&reactor) { !$0.bytes(of: pair.server).isEmpty }
      for id in [pair.client, pair.server, pair.listener] { reactor.close(id) }
      reactor.inject(ReactorFault(.receive, nth: 0))
      log.events.removeAll()
      for _ in 0..<3 { log.poll(&reactor, .spin) }
    }
    let pair = try reactor.makePair(mode.options, log: &log)
    #expect(reactor.send([9], on: pair.client) == .queued)
    log.poll(&reactor) { $0.bytes(of: pair.server) == [9] }
  }

  @Test(arguments: Mode.all)
  func `datagrams meet faults too`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    let receiver = try reactor.openDatagram(bind: .loopback(), options: mode.options)
    // Not direct: the fault of the next receive is to meet the receiver, whosever turn it is.
    let sender = try reactor.openDatagram(bind: .loopback(), token: 6)
    let to = try reactor.localEndpoint(of: receiver)
    reactor.inject(ReactorFault(.send, nth: 2, errorNumber: EPERM))
    for value in UInt8(1)...3 {
      #expect(reactor.sendDatagram([value, value], to: to, on: sender) == .queued)
      reactor.submit()
    }
    log.poll(&reactor) { $0.all(.received).count == 2 && $0.first(.sendFailed) != nil }
    #expect(log.all(.received).map(\.bytes) == [[1, 1], [3, 3]])
    #expect(log.first(.sendFailed)?.errorNumber == EPERM)
    reactor.inject(ReactorFault(.receive, limit: 1))
    log.events.removeAll()
    #expect(reactor.sendDatagram([7, 8], to: to, on: sender) == .queued)
    reactor.submit()
    log.poll(&reactor) { $0.first(.received) != nil }
    #expect(log.first(.received)?.bytes == [7])
    #expect(log.first(.received)?.isTruncated == true)
    reactor.inject(ReactorFault(.receive, errorNumber: EIO))
    #expect(reactor.sendDatagram([7, 8], to: to, on: sender) == .queued)
    reactor.submit()
    log.poll(&reactor) { $0.first(.failed) != nil }
    #expect(log.first(.failed)?.connection == receiver)
    #expect(log.first(.failed)?.errorNumber == EIO)
  }
}
