import ExecutionCore
import Gateways
import Simulation
import Testing
import Trading
import Transport

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
    #expect(outcome.ended == "duration" && !outcome.fills.isEmpty)
    #expect(directory.named == 3)
    #expect(directory.unlisted == 0 && directory.unequalLots == 0)
  }

  @Test func `a symbol that they lack and a round lot that differs are counted once`() throws {
    var instruments = Self.instruments()
    let lacked = instruments.removeLast()
    instruments[1].roundLot = 10
    // Taken by snapshot a second time.
    var faults = VirtualFaults()
    faults.loss = 300_000
    var bench = try VirtualBench(seed: 1, faults: faults, instruments: instruments)
    _ = bench.run(for: Self.second)
    let directory = bench.world.loop.path.driver.engine.market.feedState.directory
    #expect(directory.named == 2)
    #expect(directory.unlisted == 1 && directory.lastUnlisted == lacked.symbol)
    #expect(directory.unequalLots == 1 && directory.lastUnequalLot == instruments[1].symbol)
    #expect(directory.lastLot == 100)
    #expect(bench.monitor.get(.unlisted) == 1 && bench.monitor.get(.unequalLots) == 1)
  }

  @Test func `a feed that names none of them ends the run`() throws {
    let other = InstrumentFacts(symbol: try #require(SymbolCode.encode("AAPL")))
    var bench = try VirtualBench(seed: 1, messages: 60_000, instruments: [other])
    let begun = bench.network.now
    bench.world.run(until: begun + 10 * Self.second)
    let (isFinished, reason, now) = (
      bench.world.loop.isFinished, bench.world.loop.endReason, bench.network.now
    )
    #expect(isFinished && reason == "no instrument")
    #expect(now < begun + 5 * Self.second)
  }
}
