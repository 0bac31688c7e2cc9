import Glibc
import Testing

@testable import Transport

/// Denies io_uring_setup to the calling thread, as containers do. Test processes only: for good.
private func forbidIOUring() -> Bool {
  typealias Prctl =
    @convention(c) (CInt, CUnsignedLong, CUnsignedLong, CUnsignedLong, CUnsignedLong)
    -> CInt
  guard let symbol = dlsym(UnsafeMutableRawPointer(bitPattern: 0), "prctl") else { return false }
  let prctl = unsafeBitCast(symbol, to: Prctl.self)
  // struct sock_filter: u16 code, u8 jt, u8 jf, u32 k; packed little-endian into one word each.
  func instruction(_ code: UInt64, _ k: UInt64, _ jt: UInt64 = 0, _ jf: UInt64 = 0) -> UInt64 {
    code | jt << 16 | jf << 24 | k << 32
  }
  let program = [
    instruction(0x20, 0),  // load the system call's number
    instruction(0x15, 425, 0, 1),  // io_uring_setup, on every architecture
    instruction(0x06, 0x0005_0001),  // errno EPERM
    instruction(0x06, 0x7FFF_0000),  // allow
  ]
  return program.withUnsafeBufferPointer { program in
    // struct sock_fprog: u16 count, pointer.
    var header: (UInt64, UInt) = (UInt64(program.count), UInt(bitPattern: program.baseAddress))
    return withUnsafePointer(to: &header) { header in
      prctl(38, 1, 0, 0, 0) == 0  // PR_SET_NO_NEW_PRIVS
        && prctl(22, 2, UInt(bitPattern: header), 0, 0) == 0  // PR_SET_SECCOMP, filter
    }
  }
}

/// A whole round trip on this back end.
private func works(_ reactor: inout Reactor) throws -> Bool {
  var log = Log()
  let pair = try reactor.makePair(log: &log)
  guard reactor.send([1, 2, 3], on: pair.client) == .queued else { return false }
  log.poll(&reactor) { $0.bytes(of: pair.server) == [1, 2, 3] }
  return log.bytes(of: pair.server) == [1, 2, 3]
}

@Suite struct `Reactor back ends` {
  @Test func `epoll by setting says so`() throws {
    var settings = ReactorSettings()
    settings.backEnd = .epoll
    var reactor = try Reactor(settings)
    #expect(reactor.backEnd == .epoll)
    #expect(reactor.backEndReason == "epoll: chosen by setting")
    #expect(try works(&reactor))
  }

  @Test func `the automatic choice works and says why`() throws {
    var reactor = try Reactor()
    #expect(reactor.backEndReason.hasPrefix(reactor.backEnd.rawValue + ": "))
    #expect(reactor.backEnd == availableBackEnds[0])
    #expect((Reactor.ioUringRefusal() == nil) == (reactor.backEnd == .ioUring))
    #expect(try works(&reactor))
  }

  @Test(
    .enabled(
      if: access("/proc/sys/kernel/seccomp/actions_avail", R_OK) == 0,
      "this kernel has no seccomp filters to forbid io_uring with"))
  func `where io_uring is really forbidden, epoll takes over and says why`() async {
    await #expect(processExitsWith: .success) {
      guard forbidIOUring() else { exit(4) }
      var reactor = try Reactor()
      guard reactor.backEnd == .epoll, reactor.backEndReason.contains("forbidden here"),
        reactor.backEndReason.contains("errno 1"), try works(&reactor)
      else { exit(1) }
      var settings = ReactorSettings()
      settings.backEnd = .ioUring
      do {
        _ = try Reactor(settings)
        exit(2)
      } catch {
        guard let error = error as? ReactorError, error.errorNumber == EPERM,
          "\(error)".contains("forbidden here")
        else { exit(3) }
        guard Reactor.ioUringRefusal() == "\(error)" else { exit(5) }
      }
      exit(0)
    }
  }

  @Test func `impossible settings are refused by name and range`() {
    let cases: [(String, (inout ReactorSettings) -> Void)] = [
      ("connections: 1 to 65536", { $0.connections = 0 }),
      ("connections: 1 to 65536", { $0.connections = 65_537 }),
      ("receive_buffers: a power of two", { $0.receiveBuffers = 3 }),
      ("receive_buffer_bytes: 64 to 65536", { $0.receiveBufferBytes = 63 }),
      ("send_bytes: a power of two", { $0.sendBytes = 1000 }),
      ("timers: 1 to 65536", { $0.timers = 0 }),
      ("submission_entries: a power of two", { $0.submissionEntries = 100 }),
      ("completion_entries: a power of two", { $0.completionEntries = 128 }),
      ("eventsPerPoll: 1 to 4096", { $0.eventsPerPoll = 0 }),
      ("out of its range", { $0.connections = -1 }),
      ("out of its range", { $0.sendBytes = 1 << 40 }),
    ]
    for (words, change) in cases {
      var settings = ReactorSettings()
      change(&settings)
      do {
        _ = try Reactor(settings)
        Issue.record("taken: \(words)")
      } catch {
        #expect(error.errorNumber == EINVAL)
        #expect("\(error)".contains(words), "\(error)")
      }
    }
  }

  @Test(arguments: availableBackEnds)
  func `a port in use is a clear error, and costs no slot`(backEnd: ReactorBackEnd) throws {
    let settings = Mode(backEnd: backEnd, isDirect: false).settings { $0.connections = 2 }
    var reactor = try Reactor(settings)
    let listener = try reactor.listen(on: .loopback())
    let endpoint = try reactor.localEndpoint(of: listener)
    for _ in 0..<5 {
      do {
        _ = try reactor.listen(on: endpoint)
        Issue.record("bound twice")
      } catch {
        #expect(error.errorNumber == EADDRINUSE)
        #expect(
          "\(error)".hasPrefix("cannot listen on \(endpoint): Address already in use (errno 98)"))
        #expect("\(error)".contains("another program has this port"))
      }
    }
    let socket = try reactor.openDatagram(bind: .loopback())
    let taken = try reactor.localEndpoint(of: socket)
    reactor.close(listener)
    for _ in 0..<3 { _ = reactor.poll(.spin) }
    do {
      _ = try reactor.openDatagram(bind: taken)
      Issue.record("bound twice")
    } catch {
      #expect(error.errorNumber == EADDRINUSE)
    }
    #expect(reactor.close(socket) == true)
  }

  @Test(arguments: availableBackEnds)
  func `a waker ends a sleeping poll from another thread`(backEnd: ReactorBackEnd) throws {
    var reactor = try Reactor(Mode(backEnd: backEnd, isDirect: false).settings())
    var log = Log()
    // Before the poll: seen at once.
    reactor.waker.wake()
    reactor.waker.wake()
    log.poll(&reactor, .spin)
    #expect(log.kinds == [.woken])
    // During it: another thread wakes each time that it saw this one asleep. A sleep that is not ended lasts a second,
    // the longest of the reactor's own, and each of them would: the quickest tells, however busy the machine is.
    let sleeper = try #require(ownState())
    var quickest = Int64.max
    for round in 0..<20 {
      log.events.removeAll()
      let waker = Unmanaged.passRetained(Box(reactor.waker, sleeper))
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        { argument in
          guard let argument else { return nil }
          let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
          while !isAsleep(box.sleeper) { sched_yield() }
          box.waker.wake()
          return nil
        }, waker.toOpaque())
      let begin = reactor.now
      while log.events.isEmpty { log.poll(&reactor, .block(nanoseconds: .max)) }
      quickest = min(quickest, reactor.now - begin)
      pthread_join(thread, nil)
      #expect(log.kinds == [.woken], "round \(round)")
    }
    #expect(quickest < 500_000_000, "\(quickest) ns")
  }

  @Test(.enabled(if: availableBackEnds.contains(.ioUring), "io_uring is not granted here"))
  func `polling on a thread that is not the owner is an error, not a hang`() throws {
    let box = Held(try Reactor(Mode(backEnd: .ioUring, isDirect: false).settings()))
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let held = Unmanaged<Held>.fromOpaque(argument).takeUnretainedValue()
        held.result = held.reactor.poll(.block(nanoseconds: 1_000_000))
        return nil
      }, Unmanaged.passUnretained(box).toOpaque())
    pthread_join(thread, nil)
    #expect(box.result == -Int(EEXIST))
    let error = ReactorError(operation: .poll, errorNumber: EEXIST)
    #expect("\(error)".contains("the thread that created it"))
  }

  @Test func `calls on what was never opened are refused`() throws {
    var reactor = try Reactor()
    for id in [ConnectionID.none, ConnectionID(rawValue: .max), ConnectionID(rawValue: 1 << 32)] {
      #expect(reactor.isOpen(id) == false)
      #expect(reactor.send([1], on: id) == .notConnected)
      #expect(reactor.sendDatagram([1], to: .loopback(port: 9), on: id) == .notConnected)
      #expect(reactor.close(id) == false)
      #expect(reactor.shutdown(id) == false)
      #expect(reactor.unsentBytes(of: id) == 0)
    }
    #expect(reactor.cancel(TimerID(rawValue: .max)) == false)
    #expect(reactor.poll(.spin) == 0)
    #expect(reactor.poll(.block(nanoseconds: -5)) == 0)
  }
}

private final class Box {
  let waker: ReactorWaker
  /// Whose sleep is waited for.
  let sleeper: String

  init(_ waker: ReactorWaker, _ sleeper: String) {
    self.waker = waker
    self.sleeper = sleeper
  }
}

/// The file in which the kernel says what the calling thread does.
private func ownState() -> String? {
  var target = [CChar](repeating: 0, count: 64)
  guard readlink("/proc/thread-self", &target, target.count - 1) > 0 else { return nil }
  return "/proc/"
    + String(decoding: target.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    + "/stat"
}

/// Whether that thread sleeps: the state is behind the name, which is in brackets.
private func isAsleep(_ file: String) -> Bool {
  var text = [UInt8](repeating: 0, count: 256)
  let descriptor = open(file, O_RDONLY)
  guard descriptor >= 0 else { return true }
  let count = read(descriptor, &text, text.count)
  close(descriptor)
  guard let bracket = text.prefix(max(0, count)).lastIndex(of: UInt8(ascii: ")")) else {
    return true
  }
  return bracket + 2 < count && text[bracket + 2] == UInt8(ascii: "S")
}

private final class Held {
  var reactor: Reactor
  var result = 0

  init(_ reactor: consuming Reactor) { self.reactor = reactor }
}
