import ExecutionCore
import Gateways
import Testing
import Transport

@testable import Simulation
@testable import Trading

@Suite struct `Virtual time` {
  private static let second: Int64 = 1_000_000_000

  private static func run(
    _ seed: UInt64, faults: VirtualFaults = VirtualFaults(), messages: UInt64 = 6_000,
    for time: Int64 = 2 * second
  ) throws -> VirtualBench.Outcome {
    var bench = try VirtualBench(seed: seed, messages: messages, faults: faults)
    return bench.run(for: time)
  }

  private static func check(
    _ outcome: VirtualBench.Outcome, _ seed: UInt64, _ location: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.violations == [], "seed \(seed)", sourceLocation: location)
    #expect(outcome.brokenInvariants == [], "seed \(seed)", sourceLocation: location)
    #expect(outcome.working == 0, "seed \(seed)", sourceLocation: location)
    #expect(
      UInt64(outcome.fills.count) == outcome.executions, "seed \(seed)", sourceLocation: location)
    #expect(outcome.position == outcome.exchangePosition, "seed \(seed)", sourceLocation: location)
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `the same seed gives the same journal byte for byte`(_ seed: UInt64) throws {
    let once = try Self.run(seed)
    #expect(once == (try Self.run(seed)), "seed \(seed)")
    Self.check(once, seed)
    #expect(!once.fills.isEmpty, "seed \(seed)")
    #expect(once.ended == .duration)
    #expect(once.journal.count > 1_000)
  }

  @Test func `another seed or faults give another journal`() throws {
    let plain = try Self.run(1)
    #expect(try Self.run(2).journal != plain.journal)
    var faults = VirtualFaults()
    faults.loss = 100_000
    let lossy = try Self.run(1, faults: faults)
    #expect(lossy.journal != plain.journal)
    #expect(lossy == (try Self.run(1, faults: faults)))
    #expect(lossy.network.lost > 0)
    Self.check(lossy, 1)
  }

  @Test func `a fault as seldom as a number can say comes never`() throws {
    var faults = VirtualFaults()
    faults.resetInterval = .max
    faults.halfOpenInterval = .max
    faults.cutInterval = .max
    faults.stallInterval = .max
    let outcome = try Self.run(1, faults: faults)
    #expect(outcome == (try Self.run(1)))
  }

  @Test func `however many faults are asked for, time goes on between them, and the run ends`()
    throws
  {
    for interval in [100_000_000, 200_000_000] as [Int64] {
      var faults = VirtualFaults()
      faults.stallInterval = interval
      faults.cutInterval = interval
      let outcome = try Self.run(6, faults: faults)
      #expect(outcome.ended != nil && outcome.stalls > 0)
    }
  }

  @Test func `a feed that ends ends the run with nothing under way`() throws {
    let outcome = try Self.run(4, messages: 800, for: 60 * Self.second)
    Self.check(outcome, 4)
    #expect(outcome.ended == .feedEnded)
  }

  @Test func `what is read after a stall is old, and nothing new rests on it`() throws {
    var faults = VirtualFaults()
    faults.stallInterval = Self.second
    let outcome = try Self.run(5, faults: faults, messages: 20_000, for: 6 * Self.second)
    Self.check(outcome, 5)
    #expect(outcome.stalls > 1)
    #expect(outcome.pulls > 0)
    #expect(outcome.refusedLate > 0, "the strategy asked while the backlog was read")
    #expect(!outcome.isLate)
    #expect(!outcome.fills.isEmpty)
    let plain = try Self.run(5, messages: 20_000, for: 6 * Self.second)
    #expect(plain.stalls == 0 && plain.refusedLate == 0 && !plain.isLate)
  }

  /// A message that cannot be read, and a snapshot that is long under way: what is kept meanwhile is applied behind it
  /// in one go, and the strategy is called at each batch of it.
  @Test func `nothing new rests on what was kept while a snapshot was awaited`() throws {
    var bench = try VirtualBench(seed: 5, messages: 20_000)
    bench.network.addLink(
      NetworkLink(port: bench.venue.server.snapshot.port, latency: 400_000_000))
    bench.world.run(until: bench.network.now + 2 * Self.second)
    let before = bench.world.loop.path.driver.engine.counters.newOrders
    #expect(before > 0)
    _ = [UInt8(ascii: "D"), 1].withUnsafeBytes { bench.session.stream.append($0) }
    var asked: (sent: UInt64, late: UInt64, datagrams: UInt64) = (0, 0, 0)
    bench.world.loop.path.driver.strategy.inner.patience = 1
    let end = bench.network.now + 10 * Self.second
    for _ in 0..<1_000_000 where bench.network.now < end && bench.world.loop.snapshot.taken == 0 {
      asked = (
        bench.world.loop.path.driver.engine.counters.newOrders,
        bench.world.loop.path.driver.engine.refusals(.lateData),
        bench.world.loop.feed.lines.datagrams
      )
      bench.world.step()
    }
    bench.world.loop.path.driver.strategy.inner.patience = 37
    let taken = bench.world.loop.snapshot.taken
    let pushes = bench.world.pushes
    #expect(taken == 1 && pushes == 0)
    let sent = bench.world.loop.path.driver.engine.counters.newOrders
    let late = bench.world.loop.path.driver.engine.refusals(.lateData)
    // Asked at once when the last of it is in, and after each datagram that was read in the same turn.
    let read = bench.world.loop.feed.lines.datagrams - asked.datagrams
    #expect(sent - asked.sent <= 1 + read)
    #expect(late - asked.late >= 2, "the strategy asked meanwhile, after each part of it")
    let outcome = bench.run(for: Self.second)
    Self.check(outcome, 5)
  }

  @Test func `a cut and half-open sessions leave nothing behind`() throws {
    var (cut, halfOpen, fills): (UInt64, UInt64, Int) = (0, 0, 0)
    for seed in UInt64(1)...5 {
      var faults = VirtualFaults()
      faults.seed = seed
      faults.cutInterval = 2 * Self.second
      faults.halfOpenInterval = 2 * Self.second
      let outcome = try Self.run(seed, faults: faults, messages: 9_000, for: 4 * Self.second)
      Self.check(outcome, seed)
      cut += outcome.network.cut
      halfOpen += outcome.network.halfOpens
      fills += outcome.fills.count
    }
    #expect(
      cut > 0 && halfOpen > 0 && fills > 0, "\(cut) cut, \(halfOpen) half open, \(fills) fills")
  }

  @Test(arguments: [UInt64(1), 2])
  func `with everything going wrong the same seed gives the same journal`(_ seed: UInt64) throws {
    var faults = VirtualFaults()
    faults.seed = seed
    faults.loss = 100_000
    faults.reordering = 100_000
    faults.duplication = 50_000
    faults.short = 100_000
    faults.resetInterval = Self.second
    faults.halfOpenInterval = 2 * Self.second
    faults.cutInterval = 2 * Self.second
    faults.stallInterval = 2 * Self.second
    let once = try Self.run(seed, faults: faults, messages: 9_000, for: 4 * Self.second)
    #expect(once == (try Self.run(seed, faults: faults, messages: 9_000, for: 4 * Self.second)))
    Self.check(once, seed)
    #expect(once.stalls > 0 && once.network.cut > 0)
  }

  @Test(arguments: 1...20)
  func `under loss, reordering, resets and short calls fills and positions equal the exchange's`(
    _ decade: Int
  ) throws {
    var fills = 0
    var broken: UInt64 = 0
    // The market opens after a second of the session.
    for seed in UInt64(decade * 10 - 9)...UInt64(decade * 10) {
      var faults = VirtualFaults()
      faults.seed = seed
      faults.loss = 200_000
      faults.reordering = 200_000
      faults.duplication = 50_000
      faults.short = 200_000
      faults.resetInterval = Self.second / 2
      let outcome = try Self.run(seed, faults: faults, messages: 9_000, for: 2 * Self.second)
      Self.check(outcome, seed)
      fills += outcome.fills.count
      broken += outcome.network.resets
    }
    #expect(fills > 20 && broken > 10, "\(fills) fills, \(broken) resets")
  }
}
