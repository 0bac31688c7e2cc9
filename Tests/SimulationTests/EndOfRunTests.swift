import ExecutionCore
import Simulation
import Testing
import Trading
import Transport

/// How a run ends whose exchange does not answer, and what it has seen of the market until then.
@Suite struct `The end of a run` {
  private static let second: Int64 = 1_000_000_000

  /// Trades until orders work, then nothing passes between the two hosts any more.
  private func cutOff() throws -> VirtualBench {
    var bench = try VirtualBench(seed: 1, messages: 60_000)
    bench.world.run(until: bench.network.now + Self.second)
    for _ in 0..<10_000 where bench.session.core.workingOrders.isEmpty {
      bench.world.run(until: bench.network.now + 1_000_000)
    }
    #expect(!bench.session.core.workingOrders.isEmpty)
    #expect(bench.network.breakStreams(halfOpen: true) > 0)
    bench.venue.server.loginsRefused = [0: UInt8(ascii: "S")]
    return bench
  }

  @Test func `it waits for the exchange's word on what works, unless nobody wants to wait`() throws
  {
    var bench = try cutOff()
    bench.monitor.stopReason = .signal
    bench.world.run(until: bench.network.now + 3 * Self.second)
    var isFinished = bench.world.loop.isFinished
    #expect(!isFinished)
    let asked = bench.network.now
    bench.monitor.stopReason = .atOnce
    bench.world.run(until: asked + Self.second)
    isFinished = bench.world.loop.isFinished
    let end = bench.world.loop.end
    #expect(isFinished && end == .signal)
    let left = bench.world.loop.path.driver.engine.snapshot().openOrders
    #expect(left.count >= bench.session.core.workingOrders.count && !left.isEmpty, "they are named")
  }

  @Test func `time in which no order can rest on the market is counted as such`() throws {
    var bench = try VirtualBench(seed: 1, messages: 60_000)
    bench.world.run(until: bench.network.now + 2 * Self.second)
    let (sighted, blind) = (bench.world.loop.sight.sightedFor, bench.world.loop.sight.blindFor)
    #expect(sighted > Self.second && blind < Self.second / 10)
    for line in bench.lines {
      bench.network.addLink(NetworkLink(port: line.port, loss: 1_000_000))
    }
    bench.world.run(until: bench.network.now + 10 * Self.second)
    let (later, more) = (bench.world.loop.sight.sightedFor, bench.world.loop.sight.blindFor)
    #expect(later - sighted < 6 * Self.second)
    #expect(more - blind > 4 * Self.second)
    #expect(abs(later + more - sighted - blind - 10 * Self.second) < Self.second / 10)
  }
}
