import Glibc
import Testing

@testable import Transport

/// Whether multicast over the loopback interface works here; containers may forbid it.
private let canMulticast: Bool = {
  do {
    var settings = ReactorSettings()
    settings.backEnd = .epoll
    var reactor = try Reactor(settings)
    let group: UInt32 = 0xEFFF_0001
    let receiver = try reactor.openDatagram(bind: Endpoint(address: group, port: 0))
    try reactor.join(group: group, interface: 0x7F00_0001, on: receiver)
    let port = try reactor.localEndpoint(of: receiver).port
    let sender = try reactor.openDatagram(bind: .loopback())
    try reactor.setMulticastOutput(interface: 0x7F00_0001, hops: 0, loop: true, on: sender)
    _ = reactor.sendDatagram([1], to: Endpoint(address: group, port: port), on: sender)
    return reactor.poll(.block(nanoseconds: 200_000_000)) > 0
  } catch {
    return false
  }
}()

@Suite struct `Reactor datagrams` {
  @Test(arguments: Mode.all, [false, true])
  func `a burst arrives whole, in order, with its sender`(mode: Mode, reportsPeer: Bool) throws {
    var reactor = try Reactor(mode.settings { $0.receiveBuffers = 16 })
    var log = Log()
    var options = mode.options
    options.reportsPeer = reportsPeer
    options.receiveBufferBytes = 1 << 20
    let receiver = try reactor.openDatagram(bind: .loopback(), options: options, token: 4)
    let sender = try reactor.openDatagram(bind: .loopback(), options: mode.options)
    let to = try reactor.localEndpoint(of: receiver)
    var random = Randomness(seed: 3)
    var sent: [[UInt8]] = []
    for index in 0..<100 {
      let bytes = random.bytes(index % 9 == 0 ? 0 : Int(random.next() % 1400))
      #expect(reactor.sendDatagram(bytes, to: to, on: sender) == .queued)
      sent.append(bytes)
      if index % 40 == 39 { reactor.submit() }
      if index % 8 == 7 { log.poll(&reactor, .spin) }
    }
    log.poll(&reactor) { $0.all(.received).count >= 100 }
    let got = log.all(.received)
    let isSame = got.map(\.bytes) == sent
    #expect(isSame)
    #expect(got.allSatisfy { $0.token == 4 && !$0.isTruncated && $0.receiveTime == 0 })
    if reportsPeer {
      let from = try reactor.localEndpoint(of: sender)
      #expect(got.allSatisfy { $0.peer == from })
    }
  }

  @Test(arguments: Mode.all)
  func `the kernel's receive time comes with the datagram when asked for`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    var options = mode.options
    options.reportsReceiveTime = true
    let receiver = try reactor.openDatagram(bind: .loopback(), options: options)
    let sender = try reactor.openDatagram(bind: .loopback())
    var before = timespec()
    clock_gettime(CLOCK_REALTIME, &before)
    let to = try reactor.localEndpoint(of: receiver)
    #expect(reactor.sendDatagram([1, 2, 3], to: to, on: sender) == .queued)
    log.poll(&reactor) { $0.first(.received) != nil }
    let event = try #require(log.first(.received))
    #expect(event.bytes == [1, 2, 3])
    // Of a network in memory the clock is its own.
    let earliest =
      reactor.network.map { $0.now - 1_000_000 } ?? Int64(before.tv_sec) * 1_000_000_000
    #expect(event.receiveTime >= earliest)
    #expect(reactor.counters.refusedOptions == 0)
  }

  @Test(arguments: Mode.all)
  func `one datagram of sixteen carries the time where that is enough`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    var options = mode.options
    options.reportsReceiveTime = true
    options.samplesReceiveTime = true
    let receiver = try reactor.openDatagram(bind: .loopback(), options: options)
    let sender = try reactor.openDatagram(bind: .loopback())
    let to = try reactor.localEndpoint(of: receiver)
    for value in UInt8(0)..<32 {
      #expect(reactor.sendDatagram([value], to: to, on: sender) == .queued)
    }
    log.poll(&reactor) { $0.all(.received).count >= 32 }
    let stamped = log.all(.received).count { $0.receiveTime != 0 }
    // A multishot receive carries it with each: there the kernel is asked once for all of them.
    let isMultishot = mode.backEnd == .ioUring && !options.isDirect
    #expect(stamped == (isMultishot ? 32 : 2))
  }

  @Test(arguments: Mode.all)
  func `a stream is heard beside a feed that never falls silent`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    let receiver = try reactor.openDatagram(bind: .loopback(), options: mode.options)
    let sender = try reactor.openDatagram(bind: .loopback())
    let to = try reactor.localEndpoint(of: receiver)
    let pair = try reactor.makePair(mode.options, log: &log)
    #expect(reactor.send([9], on: pair.client) == .queued)
    var polls = 0
    while log.bytes(of: pair.server).isEmpty, polls < 10_000 {
      _ = reactor.sendDatagram([1], to: to, on: sender)
      log.poll(&reactor, .spin)
      polls += 1
    }
    #expect(log.bytes(of: pair.server) == [9])
  }

  @Test(arguments: Mode.all, [false, true])
  func `a datagram longer than a buffer is cut and flagged`(mode: Mode, reportsPeer: Bool) throws {
    var reactor = try Reactor(mode.settings { $0.receiveBufferBytes = 512 })
    var log = Log()
    var options = mode.options
    options.reportsPeer = reportsPeer
    let receiver = try reactor.openDatagram(bind: .loopback(), options: options)
    let sender = try reactor.openDatagram(bind: .loopback())
    let to = try reactor.localEndpoint(of: receiver)
    var random = Randomness(seed: 5)
    let sizes = [511, 512, 513, 600, 700, 9000, 1]
    let sent = sizes.map { random.bytes($0) }
    for bytes in sent { #expect(reactor.sendDatagram(bytes, to: to, on: sender) == .queued) }
    log.poll(&reactor) { $0.all(.received).count == sizes.count }
    #expect(log.all(.received).map(\.bytes) == sent.map { Array($0.prefix(512)) })
    #expect(log.all(.received).map(\.isTruncated) == sizes.map { $0 > 512 })
    #expect(reactor.counters.truncatedDatagrams == 4)
  }

  @Test(arguments: Mode.all)
  func `the queue of datagrams wraps, fills and empties`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings { $0.sendBytes = 1024 })
    var log = Log()
    var buffered = SocketOptions()
    buffered.receiveBufferBytes = 1 << 20
    let receiver = try reactor.openDatagram(bind: .loopback(), options: buffered)
    // Not direct: what is queued stays queued until submitted.
    let sender = try reactor.openDatagram(bind: .loopback())
    let to = try reactor.localEndpoint(of: receiver)
    var random = Randomness(seed: 9)
    var sent: [[UInt8]] = []
    var fulls = 0
    for _ in 0..<300 {
      let bytes = random.bytes(Int(random.next() % 400))
      switch reactor.sendDatagram(bytes, to: to, on: sender) {
      case .queued: sent.append(bytes)
      default:
        fulls += 1
        reactor.submit()
        log.poll(&reactor, .spin)
      }
    }
    let total = sent.count
    log.poll(&reactor) { $0.all(.received).count >= total }
    let isSame = log.all(.received).map(\.bytes) == sent
    #expect(isSame)
    #expect(fulls > 10)
    #expect(log.all(.sendable).count > 0)
    #expect(reactor.sendDatagram(random.bytes(1009), to: to, on: sender) == .tooLong)
    #expect(
      reactor.sendDatagram([UInt8](repeating: 0, count: 65_508), to: to, on: sender) == .tooLong)
    #expect(reactor.sendDatagram(random.bytes(1008), to: to, on: sender) == .queued)
    #expect(reactor.send([1], on: sender) == .notConnected)
  }

  @Test(arguments: Mode.all)
  func `a datagram that cannot be sent is dropped and told, those behind it go on`(mode: Mode)
    throws
  {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    let receiver = try reactor.openDatagram(bind: .loopback(), options: mode.options)
    let sender = try reactor.openDatagram(bind: .loopback(), options: mode.options, token: 8)
    let to = try reactor.localEndpoint(of: receiver)
    #expect(reactor.sendDatagram([1], to: to, on: sender) == .queued)
    #expect(reactor.sendDatagram([2], to: .loopback(port: 0), on: sender) == .queued)
    #expect(reactor.sendDatagram([3], to: to, on: sender) == .queued)
    log.poll(&reactor) { $0.all(.received).count == 2 && $0.first(.sendFailed) != nil }
    #expect(log.all(.received).map(\.bytes) == [[1], [3]])
    #expect(log.first(.sendFailed)?.token == 8)
    #expect(log.first(.sendFailed)?.errorNumber == EINVAL)
    #expect(reactor.counters.droppedDatagrams == 1)
  }

  @Test(
    .enabled(if: canMulticast, "multicast over loopback is not permitted here"), arguments: Mode.all
  )
  func `every member of a group hears it, others do not`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    let group: UInt32 = 0xEFFF_0002
    let lo: UInt32 = 0x7F00_0001
    var options = mode.options
    options.reportsPeer = true
    let first = try reactor.openDatagram(bind: Endpoint(address: group, port: 0), options: options)
    let to = try reactor.localEndpoint(of: first)
    let second = try reactor.openDatagram(bind: to, options: options)
    let stranger = try reactor.openDatagram(bind: to, options: options)
    try reactor.join(group: group, interface: lo, on: first)
    try reactor.join(group: group, interface: lo, on: second)
    let sender = try reactor.openDatagram(bind: .loopback())
    try reactor.setMulticastOutput(interface: lo, hops: 1, loop: true, on: sender)
    #expect(reactor.sendDatagram([42], to: to, on: sender) == .queued)
    log.poll(&reactor) { $0.all(.received).count >= 2 }
    #expect(Set(log.all(.received).map(\.connection)) == [first, second])
    #expect(log.bytes(of: stranger).isEmpty)
    try reactor.leave(group: group, interface: lo, on: second)
    log.events.removeAll()
    #expect(reactor.sendDatagram([43], to: to, on: sender) == .queued)
    log.poll(&reactor) { $0.first(.received) != nil }
    #expect(log.all(.received).map(\.connection) == [first])
  }

  @Test(arguments: Mode.all)
  func `joining what is no group, or on a stream, is an error with words`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    let socket = try reactor.openDatagram(bind: .loopback())
    do {
      try reactor.join(group: 0x7F00_0001, interface: 0x7F00_0001, on: socket)
      Issue.record("joined a unicast address")
    } catch {
      #expect(error.errorNumber == EINVAL)
      #expect("\(error)".hasPrefix("cannot join the multicast group 127.0.0.1: "))
    }
    let listener = try reactor.listen(on: .loopback())
    do {
      try reactor.join(group: 0xEFFF_0002, interface: 0x7F00_0001, on: listener)
      Issue.record("joined on a stream")
    } catch {
      #expect(error.errorNumber == EOPNOTSUPP)
    }
  }
}
