import BenchSupport
import CSupport
import ExecutionCore

/// What does the pre-trade risk chain cost, and each part of the order path behind it?
///
/// All rows: random orders in random instruments of 1,000, a tenth of them refused; breakers and
/// data-quality gates on; stamps by the time stamp counter, their own cost subtracted nowhere.
enum RiskSuite: Suite {
  static let name = "risk"
  static let question = "what does the whole pre-trade risk chain cost an order?"
  static let batch = 16

  static func run(_ context: BenchContext) throws -> [Figure] {
    pin(context.processors[context.processors.count - 1])
    _ = nt_clock_calibrate()
    let rounds = context.quick ? 500 : 40_000
    var rows: [Row: [Double]] = [:]
    // The first warms up.
    for run in 0...context.runs {
      var bench = try RiskBench(instruments: 1_000, seed: UInt64(run) + 1)
      for (row, value) in try bench.all(rounds: rounds, handicap: context.handicap) {
        if run > 0 { rows[row, default: []].append(value) }
      }
    }
    return Row.allCases.map { row in
      Figure(row.rawValue, row.unit, rows[row] ?? [], goal: row.goal)
    }
  }

  /// What is measured, in the order in which it is shown.
  enum Row: String, CaseIterable {
    case timer = "floor: two stamps, p50"
    case timerTail = "floor: two stamps, p99"
    case chain = "chain alone, batches of 16, p50"
    case whole = "chain, reserve, release, batches of 16, p50"
    case rate = "the same as a rate, all batches and stamps"
    case single = "the same, one at a time, p50"
    case singleTail = "the same, one at a time, p99"
    case refused = "chain, every order refused by its quantity, p50"
    case refusedWhole = "the same with its journal record, p50"
    case pool = "order pool, take and give, p50"
    case append = "journal append, 128 B, p50"
    case placed = "check, reserve, journal, queue, p50"
    case worked = "the same, taken off the queue and rejected by the venue, p50"

    var goal: Goal? {
      switch self {
      case .whole: .riskChain
      case .rate: .riskRate
      case .pool: .orderPool
      case .append: .journalAppend
      case .singleTail: .riskTail
      case .timerTail: .riskTimer
      default: nil
      }
    }
    var unit: String {
      switch self {
      case .rate: "M/s"
      case .timer, .timerTail, .single, .singleTail: "ns"
      default: "ns/order"
      }
    }
  }
}

/// An engine with a quoted book for each instrument, and random orders of which a tenth is refused.
///
/// A struct that cannot be copied, for the reason that ``EngineBench`` is one.
struct RiskBench: ~Copyable {
  private var driver: Driver<NoStrategy>
  private let lane: MemoryLane
  private let instruments: Int
  /// ``RiskSuite/batch`` × ``turns`` of them, used in turn; behind them as many that are all refused.
  private let requests: UnsafeMutablePointer<OrderRequest>
  private let held: UnsafeMutablePointer<Bool>
  private var time: Int64 = 1_577_716_200_000_000_000
  private var sequence: UInt64
  /// How often the market went on.
  private var steps = 0
  private let turns: Int

  /// - Parameters:
  ///   - instruments: 10 to 10,000.
  ///   - strategies: 1 to 64, all of one account.
  ///   - turns: batches of different orders.
  init(instruments: Int, strategies: Int = 1, turns: Int = 64, seed: UInt64) throws {
    let lane = MemoryLane(bytes: 4 << 20)
    var driver: Driver<NoStrategy>
    do {
      let configuration = BenchMarket.configuration(
        instruments: instruments, strategies: strategies)
      driver = Driver(
        engine: try Engine(configuration, lane: lane.lane), strategy: NoStrategy())
    } catch { throw BenchError("\(error)") }
    BenchMarket.open(&driver, instruments: instruments, at: time)
    guard driver.engine.isReady() else { throw BenchError("the engine's port is not ready") }
    var random = BenchRandom(seed: seed)
    let count = RiskSuite.batch * turns
    var made = (0..<count).map { _ in Self.request(&random, instruments, strategies) }
    let refused = made.filter { driver.engine.check($0) != nil }.count
    guard (made.count / 20...made.count / 6).contains(refused) else {
      throw BenchError("\(refused) of \(made.count) orders are refused, about a tenth should be")
    }
    made += made.map {
      var request = $0
      request.quantity = Quantity(raw: 1_000_000)
      return request
    }
    self.lane = lane
    self.instruments = instruments
    self.turns = turns
    sequence = driver.engine.market.feedState.expected
    self.driver = driver
    requests = .allocate(capacity: made.count)
    requests.initialize(from: made, count: made.count)
    held = .allocate(capacity: count)
    held.initialize(repeating: false, count: count)
  }

  deinit {
    requests.deallocate()
    held.deallocate()
  }

  /// One in ten is over the quantity limit.
  private static func request(
    _ random: inout BenchRandom, _ instruments: Int, _ strategies: Int
  ) -> OrderRequest {
    let quantity: Int64 =
      random.below(10) == 0 ? 1_000_000 : Int64(random.below(9) + 1) * 100
    let buys = random.below(2) == 0
    return OrderRequest(
      instrument: InstrumentID(raw: UInt32(random.below(UInt64(instruments)))),
      account: AccountID(raw: 0),
      strategy: StrategyID(raw: UInt32(random.below(UInt64(strategies)))),
      side: buys ? .buy : .sell,
      price: Price(raw: (buys ? 9_999 : 10_001) * 1_000_000), quantity: Quantity(raw: quantity))
  }

  /// Every row, one after the other.
  mutating func all(rounds: Int, handicap: Int64) throws -> [(RiskSuite.Row, Double)] {
    var rows: [(RiskSuite.Row, Double)] = []
    var timer = timerFloor()
    rows.append((.timer, Self.nanoseconds(&timer, 50)))
    rows.append((.timerTail, Self.nanoseconds(&timer, 99)))
    rows.append((.chain, try chain(rounds, handicap, from: 0)))
    rows.append((.refused, try chain(rounds, handicap, from: RiskSuite.batch * turns)))
    let whole = try whole(rounds: rounds, handicap: handicap)
    rows.append((.whole, whole.median))
    rows.append((.rate, whole.rate))
    var single = try singles(rounds: rounds, handicap: handicap)
    rows.append((.single, Self.nanoseconds(&single, 50)))
    rows.append((.singleTail, Self.nanoseconds(&single, 99)))
    rows.append((.refusedWhole, try refusals(rounds: rounds, handicap: handicap)))
    let placed = try place(rounds: rounds, handicap: handicap)
    rows.append((.placed, placed.placed))
    rows.append((.worked, placed.worked))
    rows.append((.pool, try pool(rounds: rounds)))
    rows.append((.append, try append(rounds: rounds)))
    return rows
  }

  /// A percentile in nanoseconds; sorts.
  private static func nanoseconds(_ ticks: inout [UInt32], _ percent: Int) -> Double {
    ticks.sort()
    let at = min(ticks.count - 1, ticks.count * percent / 100)
    // In thousands, so that parts of a nanosecond stay.
    return Double(nt_clock_ticks_to_nanoseconds(UInt64(ticks[at]) * 1_000)) / 1_000
  }
  /// Of a batch, by operation.
  private static func each(_ ticks: inout [UInt32]) -> Double {
    nanoseconds(&ticks, 50) / Double(RiskSuite.batch)
  }

  private func timerFloor() -> [UInt32] {
    (0..<10_000).map { _ in
      let start = nt_clock_ticks()
      return UInt32(clamping: nt_clock_ticks() - start)
    }
  }

  /// Lets the market go on: two milliseconds later, with a quote of the next instrument. The duplicate window
  /// has passed then, and the message rate has refilled.
  private mutating func goOn() {
    time += 2_000_000
    BenchMarket.goOn(
      &driver, instrument: steps % instruments, at: time, sequence: &sequence,
      reference: 1 << 40 + UInt64(steps))
    steps += 1
  }

  /// The chain alone, on state that stays the same.
  mutating func chain(_ rounds: Int, _ handicap: Int64, from offset: Int) throws -> Double {
    var samples = [UInt32](repeating: 0, count: rounds)
    var refused = 0
    for round in 0..<rounds {
      if round % 64 == 0 { goOn() }
      let first = offset + (round % turns) * RiskSuite.batch
      let start = nt_clock_ticks()
      for i in 0..<RiskSuite.batch where driver.engine.check(requests[first + i]) != nil {
        refused += 1
      }
      spend(handicap * Int64(RiskSuite.batch))
      samples[round] = UInt32(clamping: nt_clock_ticks() - start)
    }
    let share = Double(refused) / Double(rounds * RiskSuite.batch)
    guard offset == 0 ? (0.05...0.17).contains(share) : share == 1 else {
      throw BenchError("\(refused) orders were refused")
    }
    return Self.each(&samples)
  }

  /// Each order is checked and held, and an earlier one, 64 before it, released.
  mutating func whole(rounds: Int, handicap: Int64) throws -> (median: Double, rate: Double) {
    var samples = [UInt32](repeating: 0, count: rounds)
    var sum: UInt64 = 0
    for round in 0..<rounds {
      goOn()
      let first = (round % turns) * RiskSuite.batch
      let start = nt_clock_ticks()
      for i in first..<first + RiskSuite.batch { turn(i) }
      spend(handicap * Int64(RiskSuite.batch))
      let ticks = nt_clock_ticks() - start
      sum += ticks
      samples[round] = UInt32(clamping: ticks)
    }
    try releaseAll()
    let orders = Double(rounds * RiskSuite.batch)
    return (Self.each(&samples), orders * 1e3 / Double(nt_clock_ticks_to_nanoseconds(sum)))
  }

  @inline(__always) private mutating func turn(_ i: Int) {
    let count = RiskSuite.batch * turns
    held[i] = driver.engine.hold(requests[i])
    let earlier = (i + count - 64) % count
    if held[earlier] {
      driver.engine.release(requests[earlier])
      held[earlier] = false
    }
  }

  private mutating func releaseAll() throws {
    for i in 0..<RiskSuite.batch * turns where held[i] {
      driver.engine.release(requests[i])
      held[i] = false
    }
    guard driver.engine.openOrderCount == 0 else {
      throw BenchError("\(driver.engine.openOrderCount) orders were not released")
    }
  }

  private mutating func singles(rounds: Int, handicap: Int64) throws -> [UInt32] {
    var samples = [UInt32](repeating: 0, count: rounds)
    for round in 0..<rounds {
      goOn()
      let i = round % (RiskSuite.batch * turns)
      let start = nt_clock_ticks()
      turn(i)
      spend(handicap)
      samples[round] = UInt32(clamping: nt_clock_ticks() - start)
    }
    try releaseAll()
    return samples
  }

  /// Refused orders with all that follows: counted and journalled.
  private mutating func refusals(rounds: Int, handicap: Int64) throws -> Double {
    var samples = [UInt32](repeating: 0, count: rounds)
    let before = driver.engine.counters.refused
    for round in 0..<rounds {
      goOn()
      lane.rewind()
      let first = (turns + round % turns) * RiskSuite.batch
      let start = nt_clock_ticks()
      for i in 0..<RiskSuite.batch { _ = driver.engine.place(requests[first + i]) }
      spend(handicap * Int64(RiskSuite.batch))
      samples[round] = UInt32(clamping: nt_clock_ticks() - start)
    }
    guard driver.engine.counters.refused - before == UInt64(rounds * RiskSuite.batch) else {
      throw BenchError("an order that is too large was not refused")
    }
    return Self.each(&samples)
  }

  /// Placing for good: every order reserves, is journalled and queued. Then it is taken off the queue
  /// and the venue rejects it, which releases what it held: that is in the second figure only.
  mutating func place(
    rounds: Int, handicap: Int64
  ) throws -> (placed: Double, worked: Double) {
    var placed = [UInt32](repeating: 0, count: rounds)
    var worked = [UInt32](repeating: 0, count: rounds)
    for round in 0..<rounds {
      goOn()
      lane.rewind()
      let first = (round % turns) * RiskSuite.batch
      let start = nt_clock_ticks()
      for i in 0..<RiskSuite.batch { _ = driver.engine.place(requests[first + i]) }
      spend(handicap * Int64(RiskSuite.batch))
      placed[round] = UInt32(clamping: nt_clock_ticks() - start)
      while let request = driver.engine.nextRequest(machineTime: 0) {
        driver.engine.requestTaken()
        var report = VenueReport(kind: .rejected, port: request.port, account: request.account)
        report.venueReference = request.venueReference
        report.clientOrderID = request.clientOrderID
        driver.engine.apply(report, sessionTime: time, machineTime: 0)
      }
      worked[round] = UInt32(clamping: nt_clock_ticks() - start)
      driver.deliver()
    }
    let counters = driver.engine.counters
    guard counters.newOrders > 0, driver.engine.openOrderCount == 0 else {
      throw BenchError("\(driver.engine.openOrderCount) orders were not released")
    }
    return (Self.each(&placed), Self.each(&worked))
  }

  private mutating func pool(rounds: Int) throws -> Double {
    var samples = [UInt32](repeating: 0, count: rounds)
    for round in 0..<rounds {
      let start = nt_clock_ticks()
      let isTaken = driver.engine.takeAndGive(slots: RiskSuite.batch)
      samples[round] = UInt32(clamping: nt_clock_ticks() - start)
      guard isTaken else { throw BenchError("the order pool is too small") }
    }
    return Self.each(&samples)
  }

  private mutating func append(rounds: Int) throws -> Double {
    var samples = [UInt32](repeating: 0, count: rounds)
    var payload = AppendedPayload()
    let header = RecordHeader(type: .orderState)
    for round in 0..<rounds {
      if round % 1_024 == 0 { lane.rewind() }
      let before = lane.records.count
      let start = nt_clock_ticks()
      for i in 0..<RiskSuite.batch {
        payload.words[0] = UInt64(truncatingIfNeeded: i)
        _ = lane.lane.append(header, payload, privileged: false)
      }
      samples[round] = UInt32(clamping: nt_clock_ticks() - start)
      guard lane.records.count - before == 128 * RiskSuite.batch else {
        throw BenchError("the journal did not take 128 bytes a record")
      }
    }
    lane.rewind()
    return Self.each(&samples)
  }
}

/// As long as makes a record of 128 bytes.
struct AppendedPayload: BitwiseCopyable {
  var words = InlineArray<9, UInt64>(repeating: 0)
}
