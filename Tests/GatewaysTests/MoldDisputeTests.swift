import Gateways
import Testing

@Suite struct `Copies that differ` {
  private static let forged = moldDatagram(12, [[9, 9, 9]])

  @Test(arguments: [true, false])
  func `of what is kept while a snapshot is awaited neither is given out, and the server is asked`(
    _ isForgedFirst: Bool
  ) {
    let listener = MoldListener()
    listener.receive(moldRun(1, 10))
    _ = listener.receiver.distrust()
    let copies = [Self.forged, moldRun(12)]
    listener.receive(copies[isForgedFirst ? 0 : 1])
    listener.receive(moldRun(11), line: 1)
    listener.receive(copies[isForgedFirst ? 1 : 0], line: 1)
    listener.receive(moldRun(13), line: 1)
    // Whoever repeats himself settles nothing.
    listener.receive(Self.forged)
    #expect(listener.receiver.counters.disagreements >= 1)
    #expect(listener.splice(11) == .gapOpened)
    #expect(listener.order == Array(1...11))
    #expect(listener.poll(now: 1).map(\.first) == [12])
    listener.receive(moldRun(12), line: 2)
    #expect(!listener.hasGap && listener.delivered[12] == moldMessage(12))
    #expect(listener.order == Array(1...13))
  }

  @Test func `one that comes in its turn after all is an alarm`() {
    let listener = MoldListener()
    listener.receive(moldRun(1, 10))
    listener.receive(moldRun(12), line: 1)
    listener.receive(Self.forged)
    #expect(listener.receiver.counters.disagreements == 1 && !listener.isDisputed)
    listener.receive(moldRun(11), line: 1)
    #expect(listener.order.last == 11 && listener.hasGap, "12 is a hole")
    #expect(listener.receive(Self.forged).contains(.disputed))
  }

  @Test func `of several that come in their turn each is asked about`() {
    let listener = MoldListener()
    listener.receive(moldRun(1, 10))
    let forged = moldDatagram(12, [[9], moldMessage(13), [7]])
    listener.receive(moldRun(12, 3), line: 1)
    listener.receive(forged)
    listener.receive(moldRun(11), line: 1)
    #expect(listener.receive(forged).contains(.disputed))
    #expect(listener.poll(now: 1).map(\.count) == [3])
    #expect(listener.receive(moldRun(12, 3), line: 2).contains(.disagreement))
  }

  @Test func `messages far ahead do not switch the comparison off`() {
    let listener = MoldListener()
    listener.receive(moldRun(1))
    for i in 0..<21 as Range<UInt64> {
      listener.receive(moldDatagram(20_000 + i * 400, Array(repeating: [1], count: 400)))
    }
    listener.receive(moldDatagram(2, [[7]]))
    #expect(listener.receive(moldRun(2), line: 1).contains(.disputed))
  }

  @Test func `what is given out of the window is held against what comes later`() {
    let listener = MoldListener { $0.compareMessages = 16 }
    listener.receive(moldRun(1))
    // Too far ahead to be compared when it comes.
    listener.receive(moldDatagram(40, [[7]]))
    listener.receive(moldRun(2, 38))
    #expect(listener.order == Array(1...40))
    #expect(listener.receive(moldRun(40), line: 1).contains(.disputed))
  }

  @Test func `a gap that is given up with a hole behind the snapshot judges nobody`() {
    let listener = MoldListener()
    var now: Int64 = 0
    listener.receive(moldRun(1, 10))
    var next: UInt64 = 11
    for _ in 0..<4 {
      listener.receive(moldHeartbeat(next + 5), line: 1)
      for _ in 0..<400 where !listener.awaitsSnapshot { listener.wait(1, from: &now) }
      listener.receive(moldRun(next + 8), line: 1)
      listener.receive(moldRun(next + 8))
      #expect(listener.splice(next + 6) == .gapOpened)
      listener.wait(2, from: &now)
      listener.receive(moldRun(next + 6, 2), line: 2)
      #expect(!listener.hasGap)
      next += 9
    }
    #expect(!listener.receiver.isDoubted(0) && !listener.receiver.isDoubted(1))
  }

  // MARK: The re-request server decides

  /// 11 came on line 0 and otherwise on line 1.
  private static func dispute(isForgedFirst: Bool) -> MoldListener {
    let listener = MoldListener()
    listener.receive(moldRun(1, 10))
    let copies = [moldDatagram(11, [[9]]), moldRun(11)]
    listener.receive(copies[isForgedFirst ? 0 : 1])
    #expect(listener.receive(copies[isForgedFirst ? 1 : 0], line: 1) == .disputed)
    #expect(listener.isDisputed)
    let asked = listener.poll(now: 1)
    #expect(asked.map(\.first) == [11] && asked.map(\.count) == [1])
    return listener
  }

  @Test func `what it bears out stands`() {
    let listener = Self.dispute(isForgedFirst: false)
    #expect(listener.receive(moldRun(11), line: 2) == .settled)
    #expect(!listener.isDisputed && !listener.awaitsSnapshot)
    #expect(!listener.all.contains(.disagreement))
  }

  @Test func `what it says otherwise is not to be trusted`() {
    let listener = Self.dispute(isForgedFirst: true)
    #expect(listener.receive(moldRun(11), line: 2) == .disagreement)
    #expect(!listener.isDisputed)
  }

  @Test func `where it does not answer nothing is to be trusted either`() {
    let listener = Self.dispute(isForgedFirst: false)
    var now: Int64 = 1
    listener.wait(30, from: &now)
    #expect(listener.all.contains(.disagreement) && !listener.isDisputed)
  }

  @Test func `several in a row are one question`() {
    let listener = MoldListener()
    listener.receive(moldRun(1, 10))
    listener.receive(moldDatagram(8, [[1], [2], [3]]), line: 1)
    #expect(listener.poll(now: 1).map(\.count) == [3])
    #expect(listener.receive(moldRun(8, 2), line: 2) == [])
    #expect(listener.poll(now: 10_000_000).map(\.first) == [10], "the rest")
    #expect(listener.receive(moldRun(10), line: 2) == .settled)
  }

  @Test func `a line that it contradicts again and again brings nothing first`() {
    let listener = MoldListener()
    var now: Int64 = 1
    listener.receive(moldRun(1, 10))
    for next in 11...13 as ClosedRange<UInt64> {
      listener.loseDispute(next, now: now)
      now += 10_000_000
    }
    #expect(listener.receiver.counters.doubtedLines == 1)
    listener.receive(moldDatagram(14, [[9]]))
    #expect(listener.order.last == 13)
    listener.receive(moldRun(14), line: 1)
    #expect(listener.order.last == 14 && listener.delivered[14] == moldMessage(14))
    // Nothing of it opens a dispute any more, or makes a snapshot fit.
    #expect(listener.receive(moldDatagram(12, [[8]])) == [] && !listener.isDisputed)
    listener.receive(moldDatagram(1 << 60, [[8]]))
    #expect(listener.receiver.standing(of: 1 << 59) == .implausible)
    #expect(listener.receiver.line(0).expected < 100)
    // Where the other one has fallen silent, it is better than none.
    listener.wait(900, from: &now)
    listener.receive(moldRun(15))
    #expect(listener.order.last == 15)
  }
}
