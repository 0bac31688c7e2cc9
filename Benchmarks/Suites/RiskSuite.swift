import BenchSupport
import CSupport
import ExecutionCore

/// What does the pre-trade risk chain cost, and a whole placed order with its journalled intent?
enum RiskSuite: Suite {
  static let name = "risk"
  static let question = "what does the whole pre-trade risk chain cost an order?"
  static let batch = 16

  static func run(_ context: BenchContext) throws -> [Figure] {
    pin(context.processors[context.processors.count - 1])
    let rounds = context.quick ? 500 : 40_000
    var chain: [Double] = []
    var placed: [Double] = []
    var rate: [Double] = []
    var timer: [Double] = []
    for run in 0..<context.runs {
      var bench = try RiskBench(instruments: 1_000, seed: UInt64(run) + 1)
      timer.append(timerFloor())
      chain.append(try bench.check(rounds: rounds, handicap: context.handicap))
      placed.append(try bench.place(rounds: rounds, handicap: context.handicap))
      rate.append(1e3 / placed[run])
    }
    return [
      Figure("floor: two clock reads, p50", "ns", timer),
      Figure(
        "chain, batches of 16, 1,000 instruments, p50", "ns/order", chain,
        limit: .init(value: 150, atLeast: false, slack: 2)),
      Figure("check, reserve, journal, queue, p50", "ns/order", placed),
      Figure(
        "the same as a rate", "M/s", rate, limit: .init(value: 0.033481, atLeast: true)),
    ]
  }

  private static func timerFloor() -> Double {
    var samples = [UInt32](repeating: 0, count: 10_000)
    for i in 0..<samples.count {
      let start = nanoseconds()
      samples[i] = UInt32(clamping: nanoseconds() - start)
    }
    return median(&samples)
  }
}

/// An engine with a quoted book for each instrument, and random orders of which a tenth is refused.
///
/// A struct that cannot be copied, for the reason that ``EngineBench`` is one.
struct RiskBench: ~Copyable {
  private var driver: Driver<NoStrategy>
  private let lane: MemoryLane
  /// ``RiskSuite/batch`` × 64 of them, used in turn.
  private let requests: UnsafeMutablePointer<OrderRequest>
  private static let session: Int64 = 1_577_716_200_000_000_000

  init(instruments: Int, seed: UInt64) throws {
    let lane = MemoryLane(bytes: 256 << 20)
    var driver: Driver<NoStrategy>
    do {
      driver = Driver(
        engine: try Engine(BenchMarket.configuration(instruments: instruments), lane: lane.lane),
        strategy: NoStrategy())
    } catch { throw BenchError("\(error)") }
    BenchMarket.open(&driver, instruments: instruments, at: Self.session)
    guard driver.engine.venueIsReady else { throw BenchError("the engine's venue is not ready") }
    var random = BenchRandom(seed: seed)
    let made = (0..<(RiskSuite.batch * 64)).map { _ in Self.request(&random, instruments) }
    let refused = made.filter { driver.engine.check($0) != nil }.count
    guard (made.count / 20...made.count / 6).contains(refused) else {
      throw BenchError("\(refused) of \(made.count) orders are refused, about a tenth should be")
    }
    self.lane = lane
    self.driver = driver
    requests = .allocate(capacity: made.count)
    requests.initialize(from: made, count: made.count)
  }

  deinit { requests.deallocate() }

  /// One in ten is over the quantity limit.
  private static func request(_ random: inout BenchRandom, _ instruments: Int) -> OrderRequest {
    let quantity: Int64 =
      random.below(10) == 0 ? 1_000_000 : Int64(random.below(9) + 1) * 100
    let buys = random.below(2) == 0
    return OrderRequest(
      instrument: InstrumentID(raw: UInt32(random.below(UInt64(instruments)))),
      account: AccountID(raw: 0), strategy: StrategyID(raw: 0), side: buys ? .buy : .sell,
      price: Price(raw: (buys ? 9_999 : 10_001) * 1_000_000), quantity: Quantity(raw: quantity))
  }

  /// The chain alone, on terms that stay the same.
  mutating func check(rounds: Int, handicap: Int64) throws -> Double {
    var samples = [UInt32](repeating: 0, count: rounds)
    var refused = 0
    for round in 0..<rounds {
      let first = (round % 64) * RiskSuite.batch
      let start = nanoseconds()
      for i in 0..<RiskSuite.batch where driver.engine.check(requests[first + i]) != nil {
        refused += 1
      }
      spend(handicap * Int64(RiskSuite.batch))
      samples[round] = UInt32(clamping: nanoseconds() - start)
    }
    guard refused > 0 else { throw BenchError("nothing was refused") }
    return median(&samples) / Double(RiskSuite.batch)
  }

  /// Placing for good: every order reserves, is journalled and queued; the venue then rejects it, which
  /// releases what it held, outside the measured time.
  mutating func place(rounds: Int, handicap: Int64) throws -> Double {
    var samples = [UInt32](repeating: 0, count: rounds)
    var time = Self.session + 1_000_000_000
    for round in 0..<rounds {
      // A millisecond later: the duplicate window has passed, the message rate has refilled.
      time += 2_000_000
      driver.advance(sessionTime: time, machineTime: 0)
      lane.rewind()
      let first = (round % 64) * RiskSuite.batch
      let start = nanoseconds()
      for i in 0..<RiskSuite.batch { _ = driver.engine.place(requests[first + i]) }
      spend(handicap * Int64(RiskSuite.batch))
      samples[round] = UInt32(clamping: nanoseconds() - start)
      while let request = driver.engine.nextRequest(machineTime: 0) {
        driver.engine.requestTaken()
        var report = VenueReport(kind: .rejected, venue: 0, account: request.account)
        report.venueReference = request.venueReference
        report.clientOrderID = request.clientOrderID
        driver.engine.apply(report, sessionTime: time, machineTime: 0)
      }
    }
    let counters = driver.engine.counters
    guard counters.newOrders > 0, driver.engine.openOrderCount == 0 else {
      throw BenchError("\(driver.engine.openOrderCount) orders were not released")
    }
    return median(&samples) / Double(RiskSuite.batch)
  }
}
