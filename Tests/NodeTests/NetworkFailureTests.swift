import ExecutionCore
import Foundation
import Gateways
import Journal
import Simulation
import TestSupport
import Testing
import Transport

@testable import Node
@testable import Trading

/// The reactor of a run breaks while its orders work: nothing can be sent any more, and nothing is awaited.
@Suite struct `A run whose network breaks` {
  /// Such a run of the command in virtual time, as far as its loop and its journal; in 2 s of it orders work.
  private final class BrokenRun {
    let plan: RunPlan
    let summary: RunSummary
    let trouble: CommandFailure?
    /// Open when it broke.
    let open: [OrderView]
    let data: String

    init(in directory: String, _ errorNumber: Int32) throws {
      data = directory + "/data"
      plan = try RunPlan(
        RunOptions(ParsedOptions(["--virtual-time", "--seed", "7"], of: RunCommand.definition)))
      let folder = try RunDirectory(path: data)
      let journal = try JournalWriter.open(data, JournalOptions())
      let latency = try #require(LatencyRecorder())
      let monitor = RunMonitor()
      let hot = HotRun(plan, journal: journal, monitor: monitor, latency: latency, flow: nil)
      let venues = try VirtualVenues(plan, folder)
      var world = try VirtualRun.world(plan, hot, venues, journal)
      let begin = world.network.now + 2_000_000_000
      while world.network.now < begin || world.loop.path.driver.engine.openOrderCount == 0 {
        try #require(!world.loop.isFinished && world.network.now < begin * 10)
        world.step()
        journal.pump()
      }
      open = world.loop.path.driver.engine.snapshot().openOrders
      world.loop.path.reactor.inject(
        ReactorFault(.poll, times: .max, errorNumber: errorNumber))
      let end = world.network.now + 1_000_000_000
      world.run(until: end)
      #expect(world.loop.isFinished && world.network.now < end)
      world.finish()
      let result = hot.result(of: world.loop)
      var summary = RunSummary(plan, result, latency)
      summary.close(result)
      self.summary = summary
      trouble = plan.trouble(result)
      try journal.close()
    }
  }

  @Test(arguments: [EIO, EBADF, ENETDOWN])
  func `ends with the reason and the orders that may still work in its summary`(
    _ errorNumber: Int32
  ) throws {
    let directory = try TemporaryDirectory()
    let run = try BrokenRun(in: directory.path, errorNumber)
    let reason = "network failure: \(ReactorError.text(ofErrorNumber: errorNumber))"
    #expect(reason.contains(String(cString: strerror(errorNumber))))
    #expect(run.summary.run.endedBy == reason)
    #expect(run.trouble?.code == .unavailable && run.trouble?.message == reason)
    let left = run.summary.orders.left
    #expect(!left.isEmpty)
    #expect(left.map(\.clientOrderID) == run.open.map(\.clientOrderID.raw).sorted())
    #expect(run.summary.orders.working + run.summary.orders.unknown == left.count)
    #expect(!run.summary.holds)
    #expect(run.summary.notes.contains { $0.contains("may still work at the venue") })
    let json = try SummaryJSON(run.summary.json)
    #expect(json.text("run", "ended_by") == reason)
    #expect(json.broken.contains { $0.contains("nothing left open") })
  }

  @Test func `ends its journal, which names the orders to whoever goes on with it`() throws {
    let directory = try TemporaryDirectory()
    let run = try BrokenRun(in: directory.path, EIO)
    var replay = JournalReplay()
    let end = try replay.run(JournalReader(run.data))
    #expect(end.isSealed && end.torn == nil)
    let session = try #require(replay.sessions.last)
    #expect(session.end == .networkFailed(EIO))
    #expect(session.isEnded && session.lastSequence == end.lastSequence)
    let open = session.snapshot?.openOrders.map(\.clientOrderID.raw).sorted()
    #expect(open == run.summary.orders.left.map(\.clientOrderID))
    // No other run begins in its directory as if nothing were open.
    let refusal = #expect(throws: JournalError.self) {
      try JournalWriter.open(run.data, JournalOptions())
    }
    #expect("\(refusal as Any)".contains("ends with \(run.open.count) open orders ("))
  }
}
