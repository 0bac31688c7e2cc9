import Gateways
import Testing

private typealias Listener = MoldListener

@Suite struct `What a line alone claims` {
  /// What one datagram may say of a place far ahead.
  enum Kind: CaseIterable {
    case heartbeat, data, end
    func bytes(_ at: UInt64) -> [UInt8] {
      switch self {
      case .heartbeat: moldDatagram(at, [])
      case .data: moldDatagram(at - 1, [[1, 2, 3]])
      case .end: moldDatagram(at, [], count: 0xffff)
      }
    }
  }
  private static let places: [UInt64] = [1 << 60, 1 << 62, .max - 1, 50_007, 1_000_000]

  @Test(arguments: Kind.allCases, places)
  func `a claim far ahead moves nothing, and is counted`(_ kind: Kind, _ at: UInt64) {
    let listener = Listener()
    listener.receive(moldRun(1, 5))
    for _ in 0..<3 { #expect(listener.receive(kind.bytes(at), line: 1) == []) }
    #expect(!listener.hasGap && !listener.awaitsSnapshot && !listener.ended)
    #expect(listener.receiver.endSequence == 6)
    #expect(listener.receiver.counters.implausible == 3)
    #expect(
      listener.receiver.line(1).implausible == 3 && listener.receiver.line(0).implausible == 0)
    // The feed goes on, and so does every whole gap of it.
    listener.receive(moldRun(6, 2))
    #expect(listener.receive(moldRun(9)) == .gapOpened)
    #expect(listener.receive(moldRun(8), line: 1) == .gapClosed)
    #expect(listener.order == Array(1...9))
    #expect(listener.receiver.line(1).missedMessages == 0, "8 is the first that it numbers")
  }

  @Test func `within what is plausible it opens a gap as ever`() {
    let listener = Listener { $0.plausibleAhead = 100 }
    listener.receive(moldRun(1))
    #expect(listener.receive(moldHeartbeat(102)) == .gapOpened)
    let other = Listener { $0.plausibleAhead = 100 }
    other.receive(moldRun(1))
    #expect(other.receive(moldHeartbeat(103)) == [])
  }

  @Test(arguments: [-50_000, -1, 0, 1, 50_000] as [Int64])
  func `another line that claims about as much makes it believed`(_ apart: Int64) {
    let listener = Listener()
    listener.receive(moldRun(1))
    #expect(listener.receive(moldHeartbeat(1 << 40)) == [])
    let near = UInt64(Int64(1 << 40) + apart)
    #expect(listener.receive(moldHeartbeat(near), line: 1) == [.gapOpened, .needsSnapshot])
    #expect(listener.receiver.counters.implausible == 1)
    #expect(listener.splice(near) == [])
    listener.receive(moldRun(near))
    #expect(listener.order == [1, near])
  }

  @Test func `another line that claims something else does not`() {
    let listener = Listener()
    listener.receive(moldRun(1))
    listener.receive(moldHeartbeat(1 << 40))
    #expect(listener.receive(moldHeartbeat(1 << 41), line: 1) == [])
    #expect(listener.receive(moldHeartbeat((1 << 40) + 50_001), line: 1) == [])
    #expect(!listener.hasGap)
  }

  @Test(arguments: [true, false])
  func `the re-request server is asked, and what it has is believed`(_ withData: Bool) {
    let listener = Listener { $0.requestRetry = 10 }
    listener.receive(moldRun(1))
    listener.receive(moldHeartbeat(1 << 40))
    let asked = listener.poll(now: 0)
    #expect(asked.map(\.first) == [(1 << 40) - 1] && asked.map(\.count) == [1])
    #expect(listener.poll(now: 9).isEmpty)
    #expect(listener.poll(now: 20).count == 1, "again, after longer and longer waits")
    #expect(listener.poll(now: 30).isEmpty)
    let answer = withData ? moldRun((1 << 40) - 1) : moldHeartbeat((1 << 40) - 1)
    #expect(listener.receive(answer, line: 2) == [.gapOpened, .needsSnapshot])
    #expect(listener.splice(1 << 40) == [])
  }

  @Test func `the server's word of what nobody asked about is a claim like any other`() {
    let listener = Listener()
    listener.receive(moldRun(1))
    #expect(listener.receive(moldRun(1 << 40), line: 2) == [])
    #expect(listener.receive(moldHeartbeat(1 << 40), line: 2) == [])
    #expect(!listener.hasGap && !listener.awaitsSnapshot)
    #expect(listener.receiver.line(2).implausible == 2)
  }

  @Test func `an answer that brings more than was asked for is used`() {
    let listener = Listener()
    listener.receive(moldRun(1))
    listener.receive(moldRun(40))
    #expect(listener.poll(now: 0).map(\.first) == [2, 34])
    listener.receive(moldRun(34, 10), line: 2)
    #expect(listener.receiver.endSequence == 44)
    #expect(listener.receive(moldRun(2, 32), line: 2) == .gapClosed)
    #expect(listener.order == Array(1...43))
  }

  @Test func `a line that goes on from there, alone and for long, is believed`() {
    let listener = Listener { $0.lines = 1 }
    listener.receive(moldRun(1))
    var now: Int64 = 0
    var sequence: UInt64 = 1 << 40
    for step in 0..<500 where !listener.awaitsSnapshot {
      listener.receive(moldRun(sequence))
      sequence += 1
      listener.wait(1, from: &now)
      if step < 390 { #expect(!listener.hasGap, "two seconds") }
    }
    #expect(listener.awaitsSnapshot)
    #expect(listener.splice(sequence) == [])
    listener.receive(moldRun(sequence))
    #expect(listener.order == [1, sequence])
  }

  @Test func `a count that the datagram does not have moves nothing`() {
    let listener = Listener()
    listener.receive(moldRun(1, 5))
    let events = listener.receive(moldDatagram(6, [moldMessage(6)], count: 0xfffe), line: 1)
    #expect(events == .malformed)
    #expect(listener.receiver.line(1).expected == 7 && listener.receiver.endSequence == 7)
    #expect(listener.receiver.standing(of: 40_000) == .early, "no line has come to it")
    listener.receive(moldRun(7), line: 1)
    #expect(listener.receiver.line(1).missedMessages == 0 && listener.order == Array(1...7))
  }

  @Test func `however many datagrams come in a moment, they are no evidence`() {
    let listener = Listener()
    listener.receive(moldRun(1))
    for i in 0..<10_000 as Range<UInt64> { listener.receive(moldRun((1 << 40) + i)) }
    #expect(!listener.hasGap)
    // And none while another line goes on as it did.
    var now: Int64 = 0
    for i in 0..<2_000 as Range<UInt64> {
      listener.receive(moldRun((1 << 40) + i))
      if i % 200 == 0 { listener.receive(moldHeartbeat(2), line: 1) }
      listener.wait(1, from: &now)
    }
    #expect(!listener.hasGap && !listener.awaitsSnapshot)
  }

  @Test func `a datagram of the old numbering on the same line refutes it`() {
    let listener = Listener()
    listener.receive(moldRun(1))
    listener.receive(moldHeartbeat(1 << 40))
    listener.receive(moldRun(2))
    #expect(
      listener.receive(moldHeartbeat(1 << 40), line: 1) == [], "there is nothing left to support")
    #expect(listener.poll(now: 0).map(\.first) == [(1 << 40) - 1], "now of the other line")
  }

  // MARK: A late start

  @Test(arguments: [1 << 60, 5_000_000] as [UInt64])
  func `before anything is known the first claim asks for a snapshot, which decides`(_ at: UInt64) {
    let listener = Listener()
    #expect(listener.receive(moldHeartbeat(at)) == .needsSnapshot)
    #expect(listener.receive(moldRun(4_000), line: 1) == [])
    #expect(listener.receiver.counters.implausible == 0, "nothing is known yet to hold it against")
    #expect(listener.splice(4_000) == [])
    #expect(listener.order == [4_000] && !listener.hasGap)
    #expect(listener.receiver.counters.implausible == 1)
    #expect(listener.receiver.line(0).implausible == 1)
    listener.receive(moldRun(4_001), line: 1)
    #expect(listener.order == [4_000, 4_001])
    #expect(listener.receiver.counters.snapshotsNeeded == 1)
  }

  @Test func `a late start keeps what two lines say while it waits for its snapshot`() {
    let listener = Listener()
    #expect(listener.receive(moldRun(5_000_000)) == .needsSnapshot)
    for sequence in 5_000_000...5_000_100 as ClosedRange<UInt64> {
      listener.receive(moldRun(sequence), line: 1)
      listener.receive(moldRun(sequence))
    }
    #expect(listener.splice(5_000_050) == [])
    #expect(listener.order == Array(5_000_050...5_000_100))
    #expect(listener.receiver.counters.implausible == 0, "the snapshot bears out what they said")
  }

  // MARK: Claims that are plausible and false

  /// A server and a snapshot service that have what was published, and no more.
  private func repair(_ listener: Listener, _ published: UInt64, _ now: inout Int64) {
    for _ in 0..<400 where listener.hasGap && !listener.awaitsSnapshot {
      now += 5_000_000
      for (first, count) in listener.poll(now: now) where first < published {
        listener.receive(moldRun(first, min(UInt64(count), published - first)), line: 2)
      }
    }
  }

  @Test(arguments: Kind.allCases)
  func `a false claim is gone with the snapshot, and its line is believed alone no more`(
    _ kind: Kind
  ) {
    let listener = Listener { $0.windowMessages = 65_536 }
    var now: Int64 = 0
    listener.receive(moldRun(1, 10))
    #expect(listener.receive(kind.bytes(40_000), line: 1) == .gapOpened)
    repair(listener, 11, &now)
    #expect(listener.awaitsSnapshot)
    listener.receive(moldRun(11, 3))
    // It repeats itself while the snapshot is taken.
    listener.receive(kind.bytes(40_000), line: 1)
    #expect(listener.splice(12) == [])
    #expect(!listener.hasGap && listener.order == Array(1...10) + [12, 13])
    #expect(listener.receiver.isDoubted(1) && !listener.receiver.isDoubted(0))
    for i in 0..<1_000 as Range<UInt64> {
      listener.receive(kind.bytes(40_000 - i), line: 1)
      listener.receive(moldRun(14 + i))
      #expect(!listener.hasGap)
    }
    #expect(listener.receiver.counters.snapshotsNeeded == 1)
    #expect(listener.receiver.counters.implausible > 900)
    // What the other line lacks is still seen.
    #expect(listener.receive(moldRun(1_015)) == .gapOpened)
    #expect(listener.receive(moldRun(1_014), line: 1) == .gapClosed)
  }

  @Test func `who claims a little more ever again, so that no gap closes, is doubted`() {
    let listener = Listener()
    var now: Int64 = 0
    listener.receive(moldRun(1, 10))
    var next: UInt64 = 11
    var steps = 0
    func step() {
      listener.receive(moldHeartbeat(next + 20), line: 1)
      listener.receive(moldRun(next))
      next += 1
      listener.wait(1, from: &now)
      steps += 1
    }
    while steps < 400, !listener.receiver.isDoubted(1) { step() }
    #expect(listener.receiver.isDoubted(1) && !listener.receiver.isDoubted(0))
    #expect(steps < 100, "\(steps) steps")
    for _ in 0..<30 { step() }
    #expect(!listener.hasGap && !listener.awaitsSnapshot)
    #expect(listener.receiver.counters.implausible > 0)
    #expect(listener.order == Array(1..<next))
  }

  @Test func `who tells of what the server then has is believed for ever, however often`() {
    let listener = Listener()
    var now: Int64 = 0
    listener.receive(moldRun(1, 10))
    var next: UInt64 = 11
    for _ in 0..<400 {
      // Both lines lose three of four.
      listener.receive(moldRun(next))
      listener.receive(moldHeartbeat(next + 20), line: 1)
      now += 5_000_000
      for (first, count) in listener.poll(now: now) where first < next + 4 {
        listener.receive(moldRun(first, min(UInt64(count), next + 4 - first)), line: 2)
      }
      next += 4
    }
    #expect(!listener.receiver.isDoubted(1) && !listener.receiver.isDoubted(0))
    #expect(listener.receiver.counters.implausible == 0)
  }

  @Test func `of a line in doubt the server's word is enough, and that of no other line heard`() {
    let listener = Listener { $0.requestRetry = 10 }
    listener.receive(moldRun(1, 10))
    listener.receive(moldHeartbeat(40_000), line: 1)
    while !listener.awaitsSnapshot { repairNothing(listener) }
    #expect(listener.splice(11) == [] && listener.receiver.isDoubted(1))
    let now = time + 10_000
    // 11 is lost; only the line in doubt says so, and the other one is there.
    listener.receive(moldHeartbeat(11))
    #expect(listener.receive(moldRun(12), line: 1) == [])
    #expect(listener.poll(now: now).map(\.first) == [12])
    #expect(listener.receive(moldRun(12), line: 2) == .gapOpened)
    #expect(listener.receive(moldRun(11), line: 2) == .gapClosed)
    // The other line falls silent: then there is no other word to wait for.
    var later = now
    for _ in 0..<1_000 {
      later += 10
      _ = listener.poll(now: later)
    }
    #expect(listener.receive(moldRun(14), line: 1) == .gapOpened)
  }
  private let time: Int64 = 1_000_000
  private func repairNothing(_ listener: Listener) {
    for now in stride(from: 0, through: time, by: 10) { _ = listener.poll(now: now) }
  }

  @Test func `heartbeats that are again and again a little ahead put their line in doubt`() {
    let listener = Listener()
    var next: UInt64 = 1
    var opened = 0
    for _ in 0..<100 {
      if listener.receive(moldHeartbeat(next + 10), line: 1).contains(.gapOpened) { opened += 1 }
      listener.receive(moldRun(next, 20))
      next += 20
      #expect(!listener.hasGap)
    }
    #expect(opened == 3 && listener.receiver.isDoubted(1))
    #expect(listener.receiver.counters.doubtedLines == 1)
  }

  @Test func `a line that tells the truth of what was lost stays believed`() {
    let listener = Listener()
    var next: UInt64 = 1
    for i in 0..<50 {
      listener.receive(moldRun(next, 3), line: i % 2)
      #expect(listener.receive(moldHeartbeat(next + 5), line: i % 2) == .gapOpened)
      #expect(listener.receive(moldRun(next + 3, 2), line: 2) == .gapClosed)
      next += 5
    }
    #expect(listener.receiver.counters.doubtedLines == 0)
  }

  // MARK: Snapshots

  @Test func `a snapshot far beyond the lines is refused, and taken when they come up to it`() {
    let listener = Listener { $0.repairableMessagesMax = 50 }
    listener.receive(moldRun(1))
    #expect(listener.receive(moldRun(60)).contains(.needsSnapshot))
    for place in [1 << 60, 1 << 62, .max, 50_062] as [UInt64] {
      #expect(listener.receiver.standing(of: place) == .implausible)
      #expect(listener.splice(place) == nil)
    }
    #expect(listener.receiver.counters.snapshotsImplausible == 4)
    #expect(listener.awaitsSnapshot, "another one is needed")
    #expect(listener.receiver.standing(of: 70) == .early)
    #expect(listener.splice(70) == nil)
    listener.receive(moldRun(69), line: 1)
    #expect(listener.receiver.standing(of: 70) == .fits)
    #expect(listener.splice(70) == [])
    listener.receive(moldRun(70))
    #expect(listener.order == [1, 70])
  }

  @Test func `where the lines have said nothing the snapshot begins the stream`() {
    let listener = Listener()
    #expect(listener.splice(1 << 40) == [])
    listener.receive(moldRun(1 << 40))
    #expect(listener.order == [1 << 40])
  }

  @Test func `what cannot be read is made good by a snapshot that ends below it`() {
    let listener = Listener()
    listener.receive(moldRun(1, 100))
    #expect(listener.receiver.standing(of: 90) == .older)
    #expect(listener.receiver.distrust() == .needsSnapshot)
    #expect(listener.receiver.distrust() == [], "said once")
    #expect(listener.receiver.standing(of: 90) == .fits)
    listener.receive(moldRun(101), line: 1)
    #expect(listener.splice(90) == .gapOpened)
    #expect(listener.poll(now: 0).map(\.first) == [90])
    #expect(listener.receive(moldRun(90, 11), line: 2) == .gapClosed)
    #expect(listener.order.suffix(12) == [90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101])
    #expect(listener.receiver.standing(of: 95) == .older)
  }

  // MARK: Whoever forges for the whole day

  /// Honest are line A, which loses, the re-request server and the snapshot service; B is another's.
  @Test(arguments: 0..<24)
  func `forged datagrams on one line for a whole run cost a snapshot or two`(seed: Int) {
    var random = Random(seed: UInt64(seed))
    let listener = Listener { $0.windowMessages = 65_536 }
    let isGenuineToo = random.chance(50)
    var published: UInt64 = 1
    var now: Int64 = 0
    var snapshotAt: Int64?
    var wholeTurns = 0
    for turn in 0..<4_000 {
      now += 1_000_000
      let count = UInt64(random.below(4))
      let bytes = moldRun(published, count)
      published += count
      if count > 0, !random.chance(5) { listener.receive(bytes) }
      if count > 0, isGenuineToo, !random.chance(5) { listener.receive(bytes, line: 1) }
      if turn % 1_000 == 999 { listener.receive(moldHeartbeat(published)) }
      for _ in 0..<random.below(4) {
        let far: [UInt64] = [1 << 60, 1 << 62, 60_000, 49_000, 40_000, 3_000, 200]
        let at = published + far[random.below(far.count)] + UInt64(random.below(100))
        listener.receive(Kind.allCases[random.below(3)].bytes(at), line: 1)
      }
      for (first, count) in listener.poll(now: now) where first < published {
        listener.receive(moldRun(first, min(UInt64(count), published - first)), line: 2)
      }
      if listener.awaitsSnapshot, snapshotAt == nil { snapshotAt = now + 20_000_000 }
      if let at = snapshotAt, now >= at {
        if listener.receiver.standing(of: published) == .fits {
          #expect(listener.splice(published) != nil)
          snapshotAt = nil
        }
      }
      if turn >= 2_000, !listener.hasGap, !listener.awaitsSnapshot { wholeTurns += 1 }
    }
    #expect(listener.receiver.counters.snapshotsNeeded <= 2, "seed \(seed)")
    #expect(wholeTurns > 1_800, "seed \(seed): \(wholeTurns) of 2,000")
    #expect(listener.isInOrder && !listener.ended, "seed \(seed)")
    #expect(listener.receiver.nextSequence + 50 > published, "seed \(seed)")
    #expect(listener.receiver.counters.implausible > 1_000, "seed \(seed)")
  }
}
