import ExecutionCore
import Testing

@testable import Trading

private let midnight: Int64 = 1_577_941_200_000_000_000
private let second: Int64 = 1_000_000_000
private let opening = midnight + 34_200 * second

/// Feeds times one by one, or many in a batch.
private struct Bench {
  var times: FeedTimes
  var now: Int64 = 1
  /// Each batch came in a datagram of its own, but where it is held.
  var datagram: UInt64 = 0
  var isHeld = false

  init(speed: Int64? = nil, opened: Bool = true) {
    times = FeedTimes(midnight: midnight, speed: speed)
    if opened {
      _ = take([opening])
      _ = take([opening])
    }
  }
  mutating func take(_ stamps: [Int64]) -> [Int64] {
    var records = stamps.map { stamp in
      var record = MarketRecord()
      record.sessionTime = stamp
      return record
    }
    if !isHeld { datagram += 1 }
    records.withUnsafeMutableBufferPointer {
      times.check($0.baseAddress!, $0.count, of: datagram, now: now)
    }
    return records.map(\.sessionTime)
  }
}

@Suite struct `Times of the feed` {
  private static let wild: [Int64] = [
    midnight + (1 << 48) - 1, midnight + 72_000 * second, midnight + 86_400 * second,
    opening + 2 * second, .max,
  ]

  @Test(arguments: wild, [1, 3])
  func `one message far ahead is applied at the last good time, and counted`(
    _ stamp: Int64, _ batch: Int
  ) {
    var bench = Bench()
    let stamps = [opening + 5, stamp, opening + 6, opening + 7, opening + second]
    var got: [Int64] = []
    for start in stride(from: 0, to: stamps.count, by: batch) {
      got += bench.take(Array(stamps[start..<min(start + batch, stamps.count)]))
    }
    #expect(got == [opening + 5, opening + 5, opening + 6, opening + 7, opening + second])
    #expect(bench.times.implausible == 1 && bench.times.last == opening + second)
  }

  @Test(arguments: [Int64.max, .min, 0, midnight + 86_400 * second])
  func `while a time waits no time at all is taken unseen`(_ stamp: Int64) {
    var bench = Bench(speed: 100_000_000)
    #expect(bench.take([opening + 3_600 * second]) == [opening])
    #expect(bench.take([stamp]) == [opening])
    #expect(bench.times.last == opening)
  }

  @Test func `times that creep to the end of the feed's days end there`() {
    var bench = Bench()
    var last = opening
    while last < midnight + 86_400 * second - second {
      last += second
      #expect(bench.take([last]) == [last])
    }
    let end = midnight + 86_400 * second
    for stamp in [end, end + 5, end + second] {
      #expect(bench.take([stamp, stamp]) == [last, last])
    }
    #expect(bench.times.last == last && bench.times.last < end)
  }

  @Test func `an old order of a snapshot says nothing about a time that waits`() {
    var bench = Bench(speed: 100_000_000)
    let evening = midnight + 72_000 * second
    _ = bench.take([evening])
    #expect(bench.times.isWaiting)
    #expect(!bench.times.isAhead(opening - 3_600 * second) && !bench.times.isAhead(opening))
    #expect(bench.times.isAhead(evening), "it may bear it out")
  }

  @Test func `what a second message bears out is believed`() {
    var bench = Bench()
    let later = opening + 3_600 * second
    #expect(bench.take([later, later + 1, later + 2]) == [opening, later + 1, later + 2])
    #expect(bench.times.implausible == 0)
  }

  @Test func `no time of another day is, however many say so`() {
    var bench = Bench()
    let stamp = midnight + 90_000 * second
    #expect(bench.take([stamp, stamp, stamp]) == [opening, opening, opening])
    #expect(bench.times.implausible == 3)
  }

  @Test func `a thin feed without a clock goes on one message behind`() {
    var bench = Bench()
    var got: [Int64] = []
    for i in 1...5 as ClosedRange<Int64> { got += bench.take([opening + i * 10 * second]) }
    #expect(got == [0, 10, 20, 30, 40].map { opening + $0 * second })
    #expect(bench.times.implausible == 0)
  }

  @Test(arguments: [1, 20] as [Int64])
  func `at N times our own clock is the second source`(_ speed: Int64) {
    var bench = Bench(speed: speed * 100_000_000)
    // Ten minutes without a message.
    bench.now += 600 * second
    let late = opening + 600 * second * speed
    #expect(bench.take([late]) == [late])
    #expect(bench.take([late + 72_000 * second]) == [late])
    #expect(bench.take([late + 1]) == [late + 1])
    #expect(bench.times.implausible == 1)
    // A pause of the day that our clock did not see: three datagrams in a second, and it is reckoned from there.
    let after = late + 3_000 * second
    #expect(bench.take([after, after]) == [late + 1, late + 1])
    #expect(bench.take([after]) == [late + 1])
    #expect(bench.take([after]) == [late + 1], "a burst")
    bench.now += second
    #expect(bench.take([after + 1, after + 2]) == [after + 1, after + 2])
    bench.now += 5 * second
    #expect(bench.take([after + 5 * second * speed]) == [after + 5 * second * speed])
    #expect(bench.times.implausible == 1)
  }

  @Test(arguments: 1...5)
  func `what one packet says against our clock is one word, however often`(_ messages: Int) {
    var bench = Bench(speed: 100_000_000)
    let evening = midnight + 72_000 * second
    for turn in 1...20 as ClosedRange<Int64> {
      let good = opening + turn
      #expect(bench.take(Array(repeating: evening, count: messages)).allSatisfy { $0 < evening })
      // Also as the second packet of its kind: between them somebody says otherwise.
      #expect(bench.take([good]) == [good])
    }
    #expect(bench.times.last == opening + 20)
    #expect(bench.times.implausible == 20 * UInt64(messages))
  }

  @Test func `nor is it more when it is looked at in parts, nor before the first message`() {
    var bench = Bench(speed: 100_000_000)
    let evening = midnight + 72_000 * second
    bench.isHeld = true
    for _ in 0..<10 {
      bench.now += second
      #expect(bench.take([evening]) == [opening])
    }
    bench.isHeld = false
    #expect(bench.take([opening + 12 * second]) == [opening + 12 * second])
    #expect(bench.times.implausible == 10)
    var fresh = Bench(speed: 100_000_000, opened: false)
    #expect(fresh.take([evening, evening, evening]) == [midnight, midnight, midnight])
    #expect(fresh.take([opening, opening]) == [midnight, midnight])
    #expect(fresh.take([opening + 1]) == [opening + 1])
    #expect(fresh.times.implausible == 3)
  }

  @Test func `times that go back do not move the clock, and far ones are counted`() {
    var bench = Bench()
    #expect(bench.take([opening + 9]) == [opening + 9])
    #expect(bench.take([opening + 3]) == [opening + 3], "as it was stamped")
    #expect(bench.times.last == opening + 9 && bench.times.implausible == 0)
    #expect(bench.take([midnight, opening - 2 * second]) == [opening + 9, opening + 9])
    #expect(bench.times.implausible == 2 && bench.times.last == opening + 9)
  }

  @Test func `the very first message waits for the second`() {
    var bench = Bench(opened: false)
    let evening = midnight + 72_000 * second
    #expect(bench.take([evening]) == [midnight])
    #expect(bench.take([opening, opening + 1]) == [midnight, opening + 1])
    #expect(bench.times.implausible == 1)
  }

  @Test func `a thread that was not scheduled has not waited`() {
    var clock = LookClock(interval: 5)
    clock.begin(now: 100)
    #expect(clock.look(now: 104) == 0 && clock.look(now: 105) == 5 && clock.look(now: 105) == 5)
    // A second in which it did not look, and could not ask.
    #expect(clock.look(now: 1_000_000_105) == 10)
    #expect(clock.look(now: 1_000_000_109) == 10 && clock.look(now: 1_000_000_110) == 15)
    clock.begin(now: 1_000_000_110)
    #expect(clock.look(now: 1_000_000_111) == 0)
  }

  @Test func `the session's clock goes on where the feed leaps`() {
    var clock = SessionClock(speed: 100_000_000, midnight: midnight)
    clock.applied(midnight, now: 10)
    clock.applied(opening, now: 20)
    #expect(clock.time(now: 30) == opening + 10 && clock.span == 0)
    clock.applied(opening + 5, now: 25)
    #expect(clock.span == 5)
    // A gap that our clock has seen changes nothing.
    clock.applied(opening + 10 * second, now: 20 + 10 * second)
    #expect(clock.time(now: 20 + 10 * second + 7) == opening + 10 * second + 7)
    // One that it has not is leapt over.
    clock.applied(opening + 60 * second, now: 20 + 10 * second)
    #expect(clock.time(now: 20 + 11 * second) == opening + 61 * second)
    #expect(clock.span == 60 * second)
  }

  @Test func `a stall is counted and pulls quotes whatever lag is allowed`() {
    for lagMax in [0, 10, 1_000_000] as [Int64] {
      var watchdog = Watchdog(lagMax: lagMax, stallMin: 100, pullAfter: 500)
      #expect(watchdog.gapMin == (lagMax == 10 ? 11 : 100))
      #expect(watchdog.find(200, isStall: true) == .stalled)
      #expect(watchdog.find(500, isStall: true) == .pull)
      #expect(watchdog.find(500, isStall: false) == .late)
      #expect(watchdog.stalls == 2 && watchdog.pulls == 1 && watchdog.longestStall == 500)
      #expect(watchdog.isLate == (lagMax == 10))
    }
    #expect(Watchdog(lagMax: 0, stallMin: 0, pullAfter: 0).gapMin == .max)
  }
}
