import Testing

@testable import Transport

@Suite struct `Reactor timers` {
  @Test(arguments: availableBackEnds)
  func `timers fire in the order of their deadlines, and of arming among equals`(
    backEnd: ReactorBackEnd
  ) throws {
    var reactor = try Reactor(Mode(backEnd: backEnd, isDirect: false).settings())
    var log = Log()
    let now = reactor.now
    let offsets: [Int64] = [5, 1, 3, 3, 2, 9, 1, 0, 7, 3]
    for (index, offset) in offsets.enumerated() {
      #expect(reactor.armTimer(at: now + offset * 100_000, token: UInt64(index)) != nil)
    }
    log.poll(&reactor) { $0.all(.timer).count == offsets.count }
    let expected = offsets.indices.sorted { (offsets[$0], $0) < (offsets[$1], $1) }
    #expect(log.all(.timer).map { Int($0.token) } == expected)
    #expect(reactor.now >= now + 900_000)
  }

  @Test(arguments: availableBackEnds)
  func `a sleeping poll ends at the first deadline, not at its own limit`(backEnd: ReactorBackEnd)
    throws
  {
    var reactor = try Reactor(Mode(backEnd: backEnd, isDirect: false).settings())
    var log = Log()
    let limit: Int64 = 300_000_000_000
    let end = reactor.now + limit
    _ = reactor.armTimer(after: 1_000_000, token: 3)
    while log.events.isEmpty, reactor.now < end {
      log.poll(&reactor, .block(nanoseconds: limit))
    }
    #expect(log.kinds == [.timer])
    #expect(log.events.first?.token == 3)
    #expect(reactor.now < end, "it slept as long as it might")
  }

  @Test func `a model of arming, cancelling and firing holds over thousands of steps`() throws {
    let seed: UInt64 = 42
    var random = Randomness(seed: seed)
    var reactor = try Reactor(Mode(backEnd: .epoll, isDirect: false).settings { $0.timers = 20 })
    var armed: [TimerID: UInt64] = [:]
    var past: [TimerID] = []
    var token: UInt64 = 0
    for step in 0..<5000 {
      switch random.next() % 4 {
      case 0, 1:
        token += 1
        let isDue = random.next() % 3 == 0
        let deadline = isDue ? Int64(step) : Int64.max - Int64(random.next() % 1000)
        let timer = reactor.armTimer(at: deadline, token: token)
        #expect((timer == nil) == (armed.count == 20), "seed \(seed) step \(step)")
        if let timer {
          #expect(armed[timer] == nil)
          armed[timer] = token
        }
      case 2:
        if let timer = armed.keys.sorted(by: { $0.rawValue < $1.rawValue }).first {
          #expect(reactor.cancel(timer) == true)
          #expect(reactor.cancel(timer) == false)
          armed[timer] = nil
          past.append(timer)
        }
      default:
        let count = reactor.poll(.spin)
        for index in 0..<max(0, count) {
          let event = reactor.event(index)
          #expect(event.kind == .timer)
          #expect(armed.removeValue(forKey: event.timer) == event.token)
          past.append(event.timer)
        }
      }
      if let old = past.last {
        #expect(reactor.cancel(old) == false, "a spent timer, seed \(seed)")
      }
    }
    #expect(token > 1000)
  }

  @Test func `extreme deadlines neither trap nor fire early`() throws {
    var reactor = try Reactor(Mode(backEnd: .epoll, isDirect: false).settings())
    #expect(reactor.armTimer(after: .max, token: 1) != nil)
    #expect(reactor.armTimer(at: .min, token: 2) != nil)
    #expect(reactor.armTimer(after: .min, token: 3) != nil)
    var log = Log()
    log.poll(&reactor) { $0.events.count >= 2 }
    log.poll(&reactor, .block(nanoseconds: 10_000))
    #expect(Set(log.events.map(\.token)) == [2, 3])
  }

  @Test(arguments: availableBackEnds)
  func `a timer does not starve sockets, nor sockets a timer`(backEnd: ReactorBackEnd) throws {
    var reactor = try Reactor(
      Mode(backEnd: backEnd, isDirect: false).settings { $0.eventsPerPoll = 1 })
    var log = Log()
    let pair = try reactor.makePair(log: &log)
    log.events.removeAll()
    for index in 0..<5 { _ = reactor.armTimer(after: 0, token: UInt64(index)) }
    #expect(reactor.send([1], on: pair.client) == .queued)
    log.poll(&reactor) { $0.all(.timer).count == 5 && $0.first(.received) != nil }
    #expect(log.all(.timer).map(\.token) == [0, 1, 2, 3, 4])
  }
}
