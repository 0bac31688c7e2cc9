import ExecutionCore
import Gateways
import Testing
import Trading
import Transport

@testable import Simulation

/// The instruments of a run against those that the feed names.
@Suite struct `Instruments against the feed` {
  private static let second: Int64 = 1_000_000_000

  private static func instruments() -> [InstrumentFacts] {
    ExchangeFeed(
      generated: GeneratorSettings(
        seed: 1, style: .volatile, symbols: 3, rate: 2_000, messagesMax: 10,
        midnight: VirtualBench.midnight)
    ).instruments
  }

  @Test func `those of the feed agree with it`() throws {
    var bench = try VirtualBench(seed: 1)
    let outcome = bench.run(for: 2 * Self.second)
    let directory = bench.world.loop.path.driver.engine.market.feedState.directory
    #expect(outcome.ended == .duration && !outcome.fills.isEmpty)
    #expect(directory.named == 3)
    #expect(directory.unlisted == 0 && directory.unequalLots == 0)
  }

  @Test func `a symbol that they lack and a round lot that differs are counted once`() throws {
    var instruments = Self.instruments()
    let lacked = instruments.removeLast()
    instruments[1].roundLot = 10
    var bench = try VirtualBench(seed: 1, instruments: instruments)
    bench.world.run(until: bench.network.now + Self.second / 2)
    // It cannot be read: the directory comes a second time, by snapshot.
    _ = [UInt8(ascii: "D"), 1].withUnsafeBytes { bench.session.stream.append($0) }
    _ = bench.run(for: Self.second)
    let taken = bench.world.loop.snapshot.taken
    #expect(taken >= 1)
    let directory = bench.world.loop.path.driver.engine.market.feedState.directory
    #expect(directory.named == 2)
    #expect(directory.unlisted == 1 && directory.lastUnlisted == lacked.symbol.code)
    #expect(directory.unequalLots == 1 && directory.lastUnequalLot == instruments[1].symbol.code)
    #expect(directory.lastLot == 100)
    #expect(bench.monitor.get(.unlisted) == 1 && bench.monitor.get(.unequalLots) == 1)
  }

  @Test func `a feed that names none of them ends the run`() throws {
    let other = InstrumentFacts(symbol: "AAPL")
    var bench = try VirtualBench(seed: 1, messages: 60_000, instruments: [other])
    let begun = bench.network.now
    bench.world.run(until: begun + 10 * Self.second)
    let (isFinished, end, now) = (
      bench.world.loop.isFinished, bench.world.loop.end, bench.network.now
    )
    #expect(isFinished && end == .noInstrument)
    #expect(now < begun + 5 * Self.second)
  }
}
