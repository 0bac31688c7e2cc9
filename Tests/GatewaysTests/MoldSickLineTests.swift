import Testing

@testable import Gateways

/// Lines that alter what they carry, or that carry what is none of ours.
@Suite struct `Lines that the re-request server contradicts` {
  /// Line 0 has lost three disputes.
  private static func sick(_ listener: MoldListener, from first: UInt64, _ now: inout Int64) {
    for next in first..<first + 3 {
      listener.loseDispute(next, now: now)
      now += 10_000_000
    }
  }

  @Test func `where both have been, what either brings is taken`() {
    let listener = MoldListener()
    var now: Int64 = 1
    listener.receive(moldRun(1, 10))
    Self.sick(listener, from: 11, &now)
    for next in 14...16 as ClosedRange<UInt64> {
      listener.wait(900, from: &now)
      listener.receive(moldRun(next))
      listener.receive(moldDatagram(next, [[9]]), line: 1)
      #expect(listener.poll(now: now).map(\.first) == [next])
      #expect(listener.receive(moldRun(next), line: 2) == .settled)
    }
    #expect(listener.receiver.counters.doubtedLines == 2)
    listener.receive(moldRun(17))
    listener.receive(moldRun(18), line: 1)
    #expect(listener.order.last == 18)
  }

  @Test(arguments: [true, false])
  func `one is set aside for another that is heard, not for what is none of ours on its port`(
    _ isForeign: Bool
  ) {
    let listener = MoldListener()
    var now: Int64 = 1
    listener.receive(moldRun(1, 10))
    Self.sick(listener, from: 11, &now)
    listener.wait(900, from: &now)
    let strange = isForeign ? moldDatagram(14, [[1]], session: SessionName("THEIRS")!) : [1, 2, 3]
    for _ in 0..<3 {
      listener.receive(strange, line: 1)
      listener.wait(450, from: &now)
    }
    listener.receive(moldRun(14))
    #expect(listener.order.last == 14)
  }

  /// The line alters every message, far more of them than one answer has, before the first answer comes.
  @Test(arguments: [40, 300, 3_000] as [UInt64])
  func `one that alters all that it carries is set aside, without a snapshot`(_ count: UInt64) {
    let listener = MoldListener()
    var now: Int64 = 1
    listener.receive(moldRun(1))
    for next in 2..<2 + count {
      listener.receive(moldRun(next))
      listener.receive(moldDatagram(next, [[9]]), line: 1)
    }
    #expect(listener.isDisputed && !listener.all.contains(.disagreement))
    var asked = 0
    var next = 2 + count
    for _ in 0..<200 where listener.isDisputed {
      for request in listener.poll(now: now) {
        asked += 1
        // It goes on meanwhile.
        listener.receive(moldRun(next))
        listener.receive(moldDatagram(next, [[9]]), line: 1)
        next += 1
        listener.receive(moldRun(request.first, UInt64(request.count)), line: 2)
      }
      now += 10_000_000
    }
    #expect(!listener.isDisputed && asked >= 2)
    let isSetAside = asked >= MoldVote.contradictionsMax
    #expect(listener.receiver.counters.doubtedLines == (isSetAside ? 1 : 0))
    // More than are asked for is for a snapshot, and the line is set aside by then.
    #expect(listener.all.contains(.disagreement) == (count > MoldVote.messagesMax))
    listener.receive(moldDatagram(next, [[9]]), line: 1)
    listener.receive(moldRun(next))
    #expect(listener.delivered[next] == (isSetAside ? moldMessage(next) : [9]))
  }

  /// Else the good line would be set aside, and what the sick one alters believed.
  @Test
  func `one whose single copy was damaged is not blamed for what another one alters beside it`() {
    let listener = MoldListener()
    var now: Int64 = 1
    listener.receive(moldRun(1))
    listener.receive(moldRun(2), line: 1)
    listener.receive(moldDatagram(2, [[7]]))
    for next in 3..<203 as Range<UInt64> {
      listener.receive(moldRun(next))
      listener.receive(moldDatagram(next, [[9]]), line: 1)
    }
    for _ in 0..<100 where listener.isDisputed {
      for request in listener.poll(now: now) {
        listener.receive(moldRun(request.first, UInt64(request.count)), line: 2)
      }
      now += 10_000_000
    }
    #expect(!listener.isDisputed && !listener.all.contains(.disagreement))
    #expect(listener.receiver.isContradicted(1) && !listener.receiver.isContradicted(0))
    listener.receive(moldDatagram(203, [[9]]), line: 1)
    listener.receive(moldRun(203))
    #expect(listener.delivered[203] == moldMessage(203))
  }

  @Test func `a few lost disputes are forgiven with time, so that noise is no sick line`() {
    let listener = MoldListener()
    var now: Int64 = 1
    listener.receive(moldRun(1, 10))
    for next in 11...16 as ClosedRange<UInt64> {
      listener.loseDispute(next, now: now)
      listener.wait(Int(MoldVote.forgivingWaits) + 500, from: &now)
    }
    #expect(listener.receiver.counters.doubtedLines == 0)
  }

  @Test func `one line is the first with a message, whoever brings it again in its turn`() {
    let listener = MoldListener()
    listener.receive(moldRun(1))
    listener.receive(moldRun(3, 2))
    listener.receive(moldRun(2, 4), line: 1)
    let lines = (0...2).map { listener.receiver.line($0) }
    #expect(lines.map(\.firstMessages) == [3, 2, 0])
    #expect(lines.map(\.duplicateMessages) == [0, 2, 0])
    #expect(listener.receiver.counters.delivered == 5 && listener.receiver.counters.duplicates == 2)
  }

  @Test func `what was disputed below a snapshot is behind it`() {
    let listener = MoldListener()
    listener.receive(moldRun(1, 10))
    listener.receive(moldRun(12), line: 1)
    listener.receive(moldDatagram(12, [[9]]))
    #expect(listener.receiver.window.disputed == 1)
    _ = listener.receiver.distrust()
    listener.receive(moldRun(13, 10))
    listener.receive(moldRun(13, 10), line: 1)
    _ = listener.splice(20)
    #expect(listener.receiver.window.disputed == 0)
  }
}
