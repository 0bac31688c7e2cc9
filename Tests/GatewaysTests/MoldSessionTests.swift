import Gateways
import Testing

private typealias Listener = MoldListener

@Suite struct `The session of a feed` {
  private let other = SessionName("NT20191231")!

  @Test func `nothing is applied until the owner has said which it is`() {
    let listener = Listener { $0.session = nil }
    for line in 0..<3 { #expect(listener.receive(moldRun(1, 3), line: line) == []) }
    listener.receive(moldEnd(4))
    #expect(listener.order.isEmpty && listener.poll(now: 0).isEmpty)
    #expect(listener.receiver.session == nil && listener.receiver.counters.unidentified == 4)
    listener.receiver.adopt(session: moldSession)
    listener.receive(moldRun(1, 3))
    #expect(listener.order == [1, 2, 3])
  }

  @Test func `a datagram never chooses it, first or last`() {
    let listener = Listener()
    #expect(listener.receive(moldDatagram(1, [], session: other), line: 1) == .sessionChanged)
    listener.receive(moldRun(1))
    #expect(listener.receive(moldDatagram(1, [[9]], session: other)) == [], "it is said once")
    // Yesterday's end.
    #expect(listener.receive(moldDatagram(2, [], session: other, count: 0xffff)) == [])
    #expect(listener.receiver.foreignSession == other)
    #expect(listener.receiver.counters.foreignSession == 3)
    #expect(listener.receiver.line(0).foreignSession == 2)
    #expect(listener.receiver.line(1).foreignSession == 1)
    listener.receive(moldEnd(2))
    #expect(listener.receive(moldEnd(2), line: 1) == .endOfSession)
    #expect(listener.receive(moldDatagram(1, [[7]], session: other)) == [])
    #expect(listener.receiver.session == moldSession && listener.order == [1])
    // The owner does.
    listener.receiver.adopt(session: other)
    #expect(listener.receive(moldDatagram(1, [[7]], session: other)) == [])
    #expect(listener.delivered[1] == [7])
  }

  @Test func `its end takes two lines`() {
    let listener = Listener()
    listener.receive(moldRun(1, 3))
    for _ in 0..<50 { #expect(listener.receive(moldEnd(4)) == []) }
    #expect(!listener.ended)
    #expect(listener.receive(moldEnd(4), line: 1) == .endOfSession)
    #expect(listener.ended)
  }

  @Test func `or one that says so for as long as every line that lives is heard`() {
    let listener = Listener()
    var now: Int64 = 0
    listener.receive(moldRun(1, 3))
    listener.receive(moldEnd(4))
    listener.wait(399, from: &now)
    #expect(listener.receive(moldEnd(4)) == [])
    listener.wait(1, from: &now)
    #expect(listener.receive(moldEnd(4)) == .endOfSession)
  }

  @Test func `what comes behind it, and another line's heartbeat, refute it`() {
    let listener = Listener()
    var now: Int64 = 0
    listener.receive(moldRun(1, 3))
    listener.receive(moldEnd(4))
    listener.receive(moldRun(4))
    #expect(listener.receive(moldEnd(4), line: 1) == [], "below what was delivered")
    #expect(listener.receiver.counters.implausible == 1)
    listener.receive(moldEnd(5))
    for _ in 0..<10 {
      listener.wait(200, from: &now)
      listener.receive(moldHeartbeat(5), line: 1)
      #expect(listener.receive(moldEnd(5)) == [])
    }
    #expect(!listener.ended)
    // Two sources, of a place that was not the end after all.
    listener.receive(moldEnd(8))
    listener.receive(moldEnd(8), line: 1)
    listener.receive(moldRun(5, 4), line: 2)
    #expect(!listener.ended && listener.order == Array(1...8))
    listener.receive(moldEnd(9))
    #expect(listener.receive(moldEnd(9), line: 1) == .endOfSession)
  }

  @Test(arguments: [[], [[1]], [[1], [2]]] as [[[UInt8]]])
  func `sequence 0 is refused on a feed that is numbered`(_ messages: [[UInt8]]) {
    let listener = Listener()
    listener.receive(moldRun(1))
    #expect(listener.receive(moldDatagram(0, messages), line: 1) == [])
    #expect(listener.unsequenced.isEmpty && listener.order == [1])
    #expect(listener.receiver.line(1).implausible == 1)
    #expect(listener.receiver.counters.dropped == UInt64(messages.count))
  }
}
