import Gateways
import Testing

private typealias Listener = MoldListener

private func datagram(_ first: UInt64, _ messages: [[UInt8]]) -> [UInt8] {
  moldDatagram(first, messages)
}
private func message(_ sequence: UInt64) -> [UInt8] { moldMessage(sequence) }

@Suite struct `MoldUDP64 repair` {
  @Test func `one request goes over many small holes, as far as a datagram reaches`() {
    let listener = Listener {
      $0.requestMessagesMax = 10
      $0.requestsOutstandingMax = 2
    }
    // Of 1 to 40 every third message is there: two are missing each time.
    for sequence in stride(from: 3 as UInt64, through: 39, by: 3) {
      listener.receive(datagram(sequence, [message(sequence)]))
    }
    var asked = listener.poll(now: 0)
    // 1 to 10, and behind it 11 to 20; what is kept at an end is not asked for.
    #expect(asked.map(\.first) == [1, 11] && asked.map(\.count) == [10, 10])
    listener.receive(datagram(1, (1...10).map(message)), line: 2)
    #expect(listener.order == Array(1...10))
    asked = listener.poll(now: 1)
    #expect(asked.map(\.first) == [22] && asked.map(\.count) == [10], "22 to 31: 21 is there")
    listener.receive(datagram(11, (11...20).map(message)), line: 2)
    #expect(listener.order == Array(1...21))
    asked = listener.poll(now: 2)
    #expect(asked.map(\.first) == [32] && asked.map(\.count) == [7], "32 to 38: 39 is there")
  }

  @Test func `a hole waits for the other line before it is asked for`() {
    let listener = Listener { $0.arbitrationWait = 100 }
    listener.receive(datagram(1, [message(1)]), line: 0)
    #expect(listener.receive(datagram(3, [message(3)]), line: 0) == .gapOpened)
    #expect(listener.poll(now: 1_000).isEmpty)
    // A second hole, later than the first: it has its own wait.
    listener.receive(datagram(5, [message(5)]), line: 0)
    #expect(listener.poll(now: 1_099).isEmpty)
    #expect(listener.poll(now: 1_100).map(\.first) == [2])
    #expect(listener.poll(now: 1_199).isEmpty)
    #expect(listener.receive(datagram(2, [message(2)]), line: 2) == [])
    #expect(listener.receive(datagram(4, [message(4)]), line: 1) == .gapClosed)
    #expect(listener.poll(now: 1_300).isEmpty)
    #expect(listener.receiver.counters.requests == 1)
    // The next gap waits anew.
    #expect(listener.receive(datagram(7, [message(7)]), line: 0) == .gapOpened)
    #expect(listener.poll(now: 1_400).isEmpty)
    #expect(listener.receive(datagram(6, [message(6)]), line: 1) == .gapClosed)
    #expect(listener.receiver.counters.requests == 1 && listener.receiver.counters.gaps == 2)
    #expect(listener.order == Array(1...7))
  }

  @Test func `a repair that does not keep up with the feed ends in a snapshot`() {
    let listener = Listener {
      $0.requestMessagesMax = 4
      $0.requestsOutstandingMax = 1
      $0.requestRetry = 10
      $0.repairWaitsMax = 20
      $0.windowMessages = 1_024
    }
    // Each round the feed loses ten messages, and one request for four is answered.
    var sequence: UInt64 = 1
    var now: Int64 = 0
    for _ in 0..<1_000 where !listener.awaitsSnapshot {
      sequence += 10
      now += 10
      listener.receive(datagram(sequence, [message(sequence)]))
      for (first, count) in listener.poll(now: now) {
        listener.receive(datagram(first, (first..<first + UInt64(count)).map(message)), line: 2)
      }
    }
    #expect(listener.awaitsSnapshot)
    #expect(now <= 600, "the backlog grows by 2.5 from look to look: one of 20 waits comes soon")
    #expect(listener.receiver.counters.repairsTooSlow == 1)
    #expect(listener.receiver.counters.requests < 61, "all were answered: none is repeated")
    #expect(listener.splice(sequence) == [])
    #expect(listener.order.last == sequence && !listener.hasGap && listener.isInOrder)
  }

  @Test func `a repair that keeps up goes on for as long as the feed loses`() {
    let listener = Listener {
      $0.requestRetry = 10
      $0.repairWaitsMax = 3
      $0.arbitrationWait = 5
    }
    // Every second message is lost on the lines, so that something is always missing.
    var now: Int64 = 0
    for sequence in stride(from: 2 as UInt64, through: 20_000, by: 2) {
      now += 10
      listener.receive(datagram(sequence, [message(sequence)]))
      for (first, count) in listener.poll(now: now) {
        listener.receive(datagram(first, (first..<first + UInt64(count)).map(message)), line: 2)
      }
    }
    #expect(!listener.all.contains(.needsSnapshot))
    #expect(listener.receiver.nextSequence > 19_990)
    #expect(listener.receiver.counters.requests <= 10_000)
  }

  @Test func `a thread that was not scheduled for long does not give up a repair`() {
    let listener = Listener { $0.requestRetry = 10 }
    listener.receive(datagram(3, [message(3)]))
    #expect(listener.poll(now: 0).map(\.first) == [1])
    #expect(listener.poll(now: 1_000_000_000_000).map(\.first) == [1])
    #expect(!listener.awaitsSnapshot)
    #expect(listener.receive(datagram(1, (1...2).map(message)), line: 2) == .gapClosed)
  }

  @Test func `a server that stands still is asked seldom, is not given up, and answers in the end`()
  {
    let listener = Listener {
      $0.requestRetry = 10
      $0.requestRetryMax = 80
      $0.repairWaitsMax = 200
    }
    listener.receive(datagram(2, [message(2)]))
    var asked = 0
    for now in 0..<1_900 as Range<Int64> { asked += listener.poll(now: now).count }
    #expect(asked < 40, "every ten would be 190 times")
    #expect(!listener.awaitsSnapshot)
    #expect(listener.receive(datagram(1, [message(1)]), line: 2) == .gapClosed)
    #expect(listener.order == [1, 2] && listener.receiver.counters.lost == 0)
  }

  @Test func `an answer in part makes the waits short again`() {
    let listener = Listener {
      $0.requestRetry = 10
      $0.requestRetryMax = 1_000
    }
    listener.receive(datagram(4, [message(4)]))
    for now in [0, 10, 30, 70] as [Int64] { #expect(listener.poll(now: now).map(\.first) == [1]) }
    listener.receive(datagram(1, [message(1)]), line: 2)
    #expect(listener.poll(now: 71).isEmpty)
    #expect(listener.poll(now: 81).map(\.first) == [2])
    #expect(listener.poll(now: 100).isEmpty)
    #expect(listener.poll(now: 101).map(\.first) == [2])
  }

  @Test func `a late start repaired in part has lost what it heard of and nothing from before`() {
    let listener = Listener()
    // It hears the feed from 100 on, without 101 to 110; re-requests bring 1 to 32 and then nothing.
    #expect(listener.receive(datagram(100, [message(100)])) == .gapOpened)
    #expect(listener.poll(now: 0).first?.first == 1)
    listener.receive(datagram(1, (1...32).map(message)), line: 2)
    listener.receive(datagram(111, [message(111)]))
    #expect(listener.receiver.unseen(before: 101) == 0)
    #expect(listener.receiver.unseen(before: 111) == 10, "101 to 110")
    #expect(listener.splice(111) == [])
    #expect(listener.receiver.counters.lost == 10)
    #expect(listener.order == Array(1...32) + [111])
    // A snapshot may be ahead of the feed: what comes later was not lost.
    #expect(listener.receiver.unseen(before: 114) == 0)
    #expect(listener.receive(datagram(112, [message(112)])) == [])
    // From then on it is a start like any other.
    #expect(listener.receive(datagram(115, [message(115)])) == .gapOpened)
    #expect(listener.receiver.unseen(before: 115) == 2)
  }

  @Test func `what is missing above a snapshot that delivered nothing is lost with the next`() {
    let listener = Listener { $0.repairableMessagesMax = 50 }
    // A late start whose first books end before 101; 101 to 109 never come.
    #expect(listener.receive(datagram(100, [message(100)])).contains(.needsSnapshot))
    #expect(listener.splice(101) == [])
    #expect(listener.receiver.counters.delivered == 0)
    #expect(listener.receive(datagram(110, [message(110)])) == .gapOpened)
    #expect(listener.receiver.unseen(before: 110) == 9)
    #expect(listener.splice(110) == [])
    #expect(listener.receiver.counters.lost == 9)
  }
}
