import Foundation
import Testing
import Trading

@testable import Node

/// What a run says, and to whom.
@Suite struct LogTests {
  @Test func `a line of the log has the time by RFC 3339, the level and the text`() {
    let time = timespec(tv_sec: 1_577_941_200, tv_nsec: 7_654_321)
    #expect(
      Console.logged(.warning, "needletail run: one\nmore", at: time)
        == "2020-01-02T05:00:00.007Z warning needletail run: one\n"
        + "2020-01-02T05:00:00.007Z warning more\n")
  }

  @Test(arguments: [1, 2, 20, 79, 80, 81, 200])
  func `the live line is shorter than any terminal is wide`(_ columns: Int) {
    let monitor = RunMonitor()
    for word in [RunMonitor.Word.ordersSent, .fills, .grossPosition] { monitor.set(word, 1 << 60) }
    var percentiles = RunSummary.Percentiles(name: "")
    percentiles.p99 = 1 << 60
    let text = LiveLine.text(
      elapsed: 1 << 60, perSecond: 1 << 60, monitor: monitor, tickToOrder: percentiles)
    #expect(LiveLine.cut(text, columns: columns).count == min(text.count, columns - 1))
    #expect(LiveLine.cut(text, columns: nil).count == 79)
  }

  @Test func `sessions that are down and a feed that is away are said, and that they are back`() {
    let monitor = RunMonitor()
    var watch = SessionWatch()
    func look(_ now: Int64) -> [String] { watch.look(monitor, ports: 2, now: now).map(\.text) }
    // Nothing is missed before trading has begun.
    #expect(look(0).isEmpty && look(SessionWatch.patience).isEmpty)
    monitor.phase = .trading
    monitor.set(.portsReady, 2)
    #expect(look(10).isEmpty)
    monitor.set(.portsReady, 1)
    monitor.set(.openOrders, 40)
    monitor.set(.sight, TradingSight.silent.rawValue)
    #expect(look(20).isEmpty && look(19 + SessionWatch.patience).isEmpty)
    let down = look(20 + SessionWatch.patience)
    #expect(down.count == 2)
    #expect(down.first?.hasPrefix("1 of 2 order sessions are down") == true)
    #expect(down.first?.contains("40 orders of ours may work") == true)
    #expect(down.last?.hasPrefix("the feed is silent, for 1.0 s") == true)
    #expect(look(30 + SessionWatch.patience).isEmpty)
    #expect(look(20 + SessionWatch.patience + SessionWatch.pause).count == 2, "again, in a minute")
    monitor.set(.portsReady, 2)
    monitor.set(.sight, TradingSight.clear.rawValue)
    let up = look(20 + 22 * SessionWatch.patience + SessionWatch.pause)
    #expect(up.count == 2 && up.allSatisfy { $0.contains("again after") })
    #expect(look(30 + 22 * SessionWatch.patience + SessionWatch.pause).isEmpty)
    // A moment is no word worth.
    monitor.set(.portsReady, 0)
    #expect(look(100 * SessionWatch.pause).isEmpty)
    monitor.set(.portsReady, 2)
    #expect(look(100 * SessionWatch.pause + 5).isEmpty)
  }

  @Test func `an end that takes long says what it awaits`() {
    let monitor = RunMonitor()
    var watch = EndWatch()
    func look(_ now: Int64) -> String? { watch.look(monitor, ports: 2, now: now) }
    monitor.phase = .trading
    monitor.set(.openOrders, 3)
    monitor.set(.portsReady, 1)
    monitor.set(.sight, TradingSight.gap.rawValue)
    #expect(look(0) == nil && look(EndWatch.pause) == nil, "it is not ending")
    monitor.phase = .stopping
    let begun = 2 * EndWatch.pause
    #expect(look(begun) == nil && look(begun + EndWatch.patience - 1) == nil)
    #expect(
      look(begun + EndWatch.patience)
        == "the run has been ending for 1.0 s, and awaits the exchange's word on 3 orders, 1 of 2 order sessions, "
        + "which are down, missing messages of the feed")
    #expect(look(begun + EndWatch.pause) == nil)
    #expect(look(begun + EndWatch.patience + EndWatch.pause) != nil)
  }

  @Test func `only who asks three times leaves orders without the exchange's word`() {
    let monitor = RunMonitor()
    let second = EndWatch.patience
    var watch = EndWatch()
    monitor.stopReason = .signal
    monitor.set(.openOrders, 1)
    watch.begin(now: 0)
    #expect(watch.hurry(monitor, now: second - 1) == nil, "of the same wish")
    let warning = watch.hurry(monitor, now: 3 * second)
    #expect(warning?.contains("1 order of ours may work") == true)
    #expect(watch.hurry(monitor, now: 3 * second + 1) == nil)
    #expect(monitor.stopReason == .signal)
    #expect(watch.hurry(monitor, now: 5 * second)?.contains("MAY STILL WORK") == true)
    #expect(monitor.stopReason == .atOnce)

    var other = EndWatch()
    monitor.stopReason = .signal
    monitor.set(.openOrders, 0)
    other.begin(now: 0)
    #expect(other.hurry(monitor, now: second) == "the run ends at once")
    #expect(monitor.stopReason == .atOnce)
  }

  @Test func `a re-request server that answers nothing is said once`() {
    let monitor = RunMonitor()
    var watch = FeedWatch()
    func look(_ now: Int64) -> [String] { watch.look(monitor, now: now).map(\.text) }
    let max = FeedWatch.answerMax
    monitor.set(.requests, FeedWatch.requestsMin - 1)
    #expect(look(0).isEmpty && look(max).isEmpty)
    monitor.set(.requests, FeedWatch.requestsMin)
    monitor.set(.answers, 1)
    #expect(look(max).isEmpty)
    monitor.set(.answers, 0)
    #expect(look(max - 1).isEmpty, "an answer may be under way")
    #expect(look(max).first?.hasPrefix("none of 3 re-requests was answered: what") == true)
    #expect(look(max).isEmpty)
  }

  @Test func `every signal that can be caught and would end a process has a name`() {
    // Faults, those that are ignored or cannot be caught, and those of the C library are not among
    // them.
    let apart: Set<Int32> = [
      SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGSEGV, SIGPIPE, SIGCHLD, SIGCONT,
      SIGSTOP, SIGURG, SIGWINCH, SIGSYS,
    ]
    for number in 1..<Int32(32) where !apart.contains(number) {
      #expect(StopSignal.names[number] != nil, "signal \(number)")
    }
    #expect(StopSignal.realTime.contains(40))
    #expect(StopSignal.name(SIGTSTP) == "SIGTSTP")
    #expect(StopSignal.name(StopSignal.realTime.lowerBound + 3) == "real-time signal 3")
  }

  @Test
  func `who writes to a reader that stands still waits as long as he was told, and no longer`()
    throws
  {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    #expect(Console.write("first\n", to: ends[1], patience: 0))
    // More than a pipe holds.
    #expect(!Console.write(String(repeating: "x", count: 1 << 20), to: ends[1], patience: 0))
    #expect(!Console.write("second\n", to: ends[1], patience: 1))
    var taken = [UInt8](repeating: 0, count: 1 << 21)
    #expect(read(ends[0], &taken, taken.count) > 6)
    #expect(String(decoding: taken.prefix(6), as: UTF8.self) == "first\n")
    #expect(Console.write("third\n", to: ends[1], patience: 0))
  }
}
