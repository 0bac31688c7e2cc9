import ExecutionCore
import Gateways
import Simulation
import Testing
import Trading
import Transport

/// What a run makes of log-ins that its venue refuses.
@Suite struct `Refused log-ins` {
  private static let second: Int64 = 1_000_000_000
  private static let unavailable = UInt8(ascii: "S")
  private static let unauthorised = UInt8(ascii: "A")

  /// Trades until orders work at the exchange.
  private func trade(_ bench: inout VirtualBench) {
    bench.world.run(until: bench.network.now + Self.second)
    for _ in 0..<10_000 where bench.session.core.workingOrders.isEmpty {
      bench.world.run(until: bench.network.now + 1_000_000)
    }
    #expect(!bench.session.core.workingOrders.isEmpty)
  }

  private func trouble(_ bench: borrowing VirtualBench, _ port: Int = 0) -> String {
    bench.world.loop.path.orders[port].trouble
  }

  @Test func `a session that is not available in mid-run is tried again, and nothing is left`()
    throws
  {
    var bench = try VirtualBench(seed: 1, messages: 60_000)
    trade(&bench)
    bench.venue.server.loginsRefused = [0: Self.unavailable]
    bench.network.breakStreams()
    bench.world.run(until: bench.network.now + 5 * Self.second)
    let (isFinished, refused) = (
      bench.world.loop.isFinished, bench.venue.server.counters.loginsRefused
    )
    #expect(!isFinished && refused > 10)
    #expect(trouble(bench).contains("session not available"))
    #expect(
      RunMonitor.LoginRefusal(word: bench.monitor.get(.loginRefusal))
        == RunMonitor.LoginRefusal(word: UInt64(Reconnecting.notAvailable.rawValue) | 1 << 8))
    bench.venue.server.loginsRefused = [:]
    let before = bench.session.core.fills.count
    let outcome = bench.run(for: 2 * Self.second)
    #expect(outcome.ended == .duration)
    #expect(outcome.working == 0 && outcome.violations == [] && outcome.brokenInvariants == [])
    #expect(outcome.position == outcome.exchangePosition)
    #expect(outcome.fills.count > before, "it trades again")
    #expect(bench.monitor.get(.loginRefusal) == 0)
  }

  @Test func `a run that began to end while its session was away cancels when it is back`() throws {
    var bench = try VirtualBench(seed: 2, messages: 60_000)
    trade(&bench)
    bench.venue.server.loginsRefused = [0: Self.unavailable]
    bench.network.breakStreams()
    bench.world.run(until: bench.network.now + Self.second)
    bench.monitor.stopReason = .duration
    bench.world.run(until: bench.network.now + 2 * Self.second)
    bench.venue.server.loginsRefused = [:]
    let outcome = bench.run(for: 0)
    #expect(outcome.working == 0 && outcome.ended == .duration)
  }

  @Test func `before any log-in a session that is not available ends the run after ten seconds`()
    throws
  {
    var bench = try VirtualBench(seed: 1)
    bench.venue.server.loginsRefused = [0: Self.unavailable]
    let begun = bench.network.now
    bench.world.run(until: begun + 9 * Self.second)
    var isFinished = bench.world.loop.isFinished
    #expect(!isFinished)
    #expect(
      RunMonitor.LoginRefusal(word: bench.monitor.get(.loginRefusal))?.hasLoggedIn == false)
    bench.world.run(until: begun + 11 * Self.second)
    isFinished = bench.world.loop.isFinished
    let end = bench.world.loop.end
    #expect(isFinished && end == .exchangeLost)
    #expect(trouble(bench).contains("session not available"))
  }

  @Test func `before any log-in a session that becomes available is taken`() throws {
    var bench = try VirtualBench(seed: 1)
    bench.venue.server.loginsRefused = [0: Self.unavailable]
    bench.world.run(until: bench.network.now + 3 * Self.second)
    bench.venue.server.loginsRefused = [:]
    let outcome = bench.run(for: 2 * Self.second)
    #expect(outcome.ended == .duration && !outcome.fills.isEmpty && outcome.working == 0)
  }

  @Test func `who is not authorised before any log-in is told at once`() throws {
    var bench = try VirtualBench(seed: 1)
    bench.venue.server.loginsRefused = [0: Self.unauthorised]
    bench.world.run(until: bench.network.now + Self.second / 10)
    let (isFinished, end, refused) = (
      bench.world.loop.isFinished, bench.world.loop.end,
      bench.venue.server.counters.loginsRefused
    )
    #expect(isFinished && end == .exchangeLost && refused == 1)
  }

  @Test func `an authorisation that comes back within a few log-ins goes on`() throws {
    var bench = try VirtualBench(seed: 1, messages: 60_000)
    trade(&bench)
    for _ in 0..<3 {
      bench.venue.server.loginsRefused = [0: Self.unauthorised]
      bench.network.breakStreams()
      let refused = bench.venue.server.counters.loginsRefused
      for _ in 0..<10_000 {
        guard bench.venue.server.counters.loginsRefused < refused + 4 else { break }
        bench.world.step()
      }
      let tries = bench.venue.server.counters.loginsRefused - refused
      #expect(tries == 4)
      bench.venue.server.loginsRefused = [:]
      bench.world.run(until: bench.network.now + Self.second)
    }
    let outcome = bench.run(for: Self.second)
    #expect(outcome.ended == .duration && outcome.working == 0)
  }

  @Test func `an authorisation that is gone ends the run, and what is left is known`() throws {
    var bench = try VirtualBench(seed: 1, messages: 60_000)
    trade(&bench)
    bench.venue.server.loginsRefused = [0: Self.unauthorised]
    bench.network.breakStreams()
    let refused = bench.venue.server.counters.loginsRefused
    bench.world.run(until: bench.network.now + 5 * Self.second)
    let (isFinished, end, tries) = (
      bench.world.loop.isFinished, bench.world.loop.end,
      Int(bench.venue.server.counters.loginsRefused - refused)
    )
    #expect(isFinished && end == .exchangeLost)
    #expect(tries == LoginRefusals.unauthorisedMax)
    let left = bench.world.loop.path.driver.engine.snapshot().openOrders
    #expect(left.count >= bench.session.core.workingOrders.count && !left.isEmpty)
  }

  @Test func `with one of two ports lost the other's orders are cancelled and confirmed`() throws {
    var bench = try VirtualBench(seed: 1, messages: 60_000, accounts: 2)
    trade(&bench)
    for _ in 0..<10_000 {
      let accounts = Set(bench.session.core.workingOrders.map(\.account))
      guard accounts.count < 2 else { break }
      bench.world.run(until: bench.network.now + 1_000_000)
    }
    bench.venue.server.loginsRefused = [1: Self.unauthorised]
    bench.network.breakStreams()
    bench.world.run(until: bench.network.now + 10 * Self.second)
    let (isFinished, end) = (bench.world.loop.isFinished, bench.world.loop.end)
    #expect(isFinished && end == .exchangeLost)
    let working = bench.session.core.workingOrders
    #expect(!working.isEmpty && working.allSatisfy { $0.account == 1 })
    let left = bench.world.loop.path.driver.engine.snapshot().openOrders
    #expect(left.allSatisfy { $0.port.raw == 1 } && left.count >= working.count)
  }
}
