import BenchSupport
import CSupport
import ExecutionCore
import Gateways

/// How long from a tick's bytes to an order's bytes inside one process, everything on?
enum EngineSuite: Suite {
  static let name = "engine"
  static let question = "how long from a tick's bytes to the order's bytes, in process?"

  static func run(_ context: BenchContext) throws -> [Figure] {
    pin(context.processors[context.processors.count - 1])
    _ = nt_clock_calibrate()
    let ticks = context.quick ? 2_000 : 200_000
    var rows: [[Double]] = Array(repeating: [], count: 3 + EngineBench.stages.count)
    var floor: [Double] = []
    for _ in 0..<context.runs {
      floor.append(stampFloor())
      var bench = try EngineBench(instruments: 100)
      // A fresh engine's first ticks are of another kind.
      _ = try bench.ticks(ticks / 20, handicap: 0)
      let samples = try bench.ticks(ticks, handicap: context.handicap)
      rows[0].append(Double(samples[samples.count / 2]))
      rows[1].append(Double(samples[samples.count * 99 / 100]))
      rows[2].append(1e3 * Double(samples.count) / samples.reduce(0) { $0 + Double($1) })
      context.keep(samples, as: "engine")
      for (i, value) in try bench.split(ticks / 4).enumerated() { rows[3 + i].append(value) }
    }
    return [
      Figure("floor: two stamps, p50", "ns", floor),
      Figure(
        "tick -> decode, book, strategy, risk, journal, order, p50", "ns", rows[0],
        goal: .tickToOrder),
      Figure("the same, p99", "ns", rows[1], goal: .tickToOrderTail),
      Figure("ticks that each make an order", "M/s", rows[2]),
    ]
      + EngineBench.stages.enumerated().map { i, stage in
        Figure("of it: \(stage), p50, stamp included", "ns", rows[3 + i])
      }
  }

  private static func stampFloor() -> Double {
    var samples = (0..<10_000).map { _ in
      let start = nt_clock_ticks()
      return UInt32(clamping: nt_clock_ticks() - start)
    }
    samples.sort()
    return Double(nt_clock_ticks_to_nanoseconds(UInt64(samples[samples.count / 2]) * 1_000)) / 1e3
  }
}

/// Takes the offer whenever the bid of an instrument rises: one order a tick.
struct ProbeTaker: Strategy {
  private var wanted = InstrumentID.none
  private var bid = Price(raw: 0)
  private(set) var placed = 0

  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    let quote = desk.quote(instrument)
    if quote.bid.raw == 9_999_500_000 { wanted = instrument }
  }

  mutating func onBatchEnd(_ desk: borrowing Desk) {
    guard wanted != .none else { return }
    let quote = desk.quote(wanted)
    let verdict = desk.place(
      wanted, .buy, price: quote.ask, quantity: Quantity(raw: 100),
      timeInForce: .immediateOrCancel)
    if case .accepted = verdict { placed += 1 }
    wanted = .none
  }
}

/// Feed frames, the engine with the probe, and the OUCH gateway, joined as the hot loop joins them.
///
/// A struct that cannot be copied: a class's fields would be reached through exclusivity checks, and the
/// suite would measure itself.
struct EngineBench: ~Copyable {
  private var driver: Driver<ProbeTaker>
  private var gateway: OUCHGateway
  private let lane: MemoryLane
  private let instruments: Int
  private let records: UnsafeMutablePointer<MarketRecord>
  /// One framed message.
  private let frame: UnsafeMutablePointer<UInt8>
  private var frameBytes = 0
  private var sequence: UInt64
  private let venue = BenchVenue()
  private var orders: UInt64 = 0
  private var time: Int64 = 1_577_716_201_000_000_000
  private var lastReference: UInt64 = 0
  private var lastID = ClientOrderID.none
  /// Stages of one tick, between the stamps.
  static let stages = [
    "decode", "book and strategy", "risk", "journal and queue", "encode and frame",
  ]
  private static let frameMax = 64
  private static let recordsMax = 16

  init(instruments: Int) throws {
    let lane = MemoryLane(bytes: 16 << 20)
    var driver: Driver<ProbeTaker>
    do {
      driver = Driver(
        engine: try Engine(
          BenchMarket.configuration(instruments: instruments), lane: lane.lane),
        strategy: ProbeTaker())
    } catch { throw BenchError("\(error)") }
    let gateway = try BenchMarket.gateway(symbols: (0..<instruments).map(BenchMarket.symbol))
    BenchMarket.open(&driver, instruments: instruments, at: time)
    sequence = driver.engine.market.feedState.expected
    self.instruments = instruments
    self.lane = lane
    self.driver = driver
    self.gateway = gateway
    records = .allocate(capacity: Self.recordsMax)
    records.initialize(repeating: MarketRecord(), count: Self.recordsMax)
    frame = .allocate(capacity: Self.frameMax)
    frame.initialize(repeating: 0, count: Self.frameMax)
  }

  deinit {
    records.deallocate()
    frame.deallocate()
  }

  /// Nanoseconds of each tick, sorted.
  mutating func ticks(_ count: Int, handicap: Int64) throws -> [UInt32] {
    var samples = [UInt32](repeating: 0, count: count)
    let before = driver.strategy.placed
    for i in 0..<count {
      try rise(i)
      let ticks = tick(handicap, stamps: false)
      samples[i] = UInt32(clamping: nt_clock_ticks_to_nanoseconds(ticks))
      try reject()
      fall()
    }
    try check(driver.strategy.placed - before, count)
    samples.sort()
    return samples
  }

  /// The medians of the stages, each with the cost of its stamp.
  mutating func split(_ count: Int) throws -> [Double] {
    var samples = Self.stages.map { _ in [UInt32](repeating: 0, count: count) }
    let before = driver.strategy.placed
    for i in 0..<count {
      try rise(i)
      let end = tick(0, stamps: true)
      let stage = driver.engine.takeStage()
      let stamps = [
        stage.received, stage.decoded, stage.decided, stage.checked, stage.queued,
        stage.received + end,
      ]
      for s in 0..<Self.stages.count {
        samples[s][i] = UInt32(clamping: stamps[s + 1] - stamps[s])
      }
      try reject()
      fall()
    }
    try check(driver.strategy.placed - before, count)
    return samples.indices.map {
      samples[$0].sort()
      let ticks = UInt64(samples[$0][count / 2])
      return Double(nt_clock_ticks_to_nanoseconds(ticks * 1_000)) / 1e3
    }
  }

  private func check(_ placed: Int, _ count: Int) throws {
    guard placed == count else { throw BenchError("\(placed) orders for \(count) ticks") }
    guard driver.engine.openOrderCount == 0, gateway.counters.notSent == 0 else {
      throw BenchError("orders were not released")
    }
  }

  private mutating func rise(_ i: Int) throws {
    time += 2_000_000
    orders += 1
    var record = MarketRecord()
    record.sessionTime = time
    record.locate = UInt16(i % instruments + 1)
    record.kind = ITCHDecoder.Kind.add
    record.symbol = BenchMarket.symbol(i % instruments)
    record.side = UInt8(ascii: "B")
    record.price = 999_950
    record.shares = 100
    record.reference = 1_000_000 + orders
    encode(&record)
  }

  private mutating func fall() {
    var record = MarketRecord()
    record.sessionTime = time
    record.locate = records[0].locate
    record.kind = ITCHDecoder.Kind.delete
    record.reference = 1_000_000 + orders
    encode(&record)
    _ = tick(0, stamps: false)
  }

  private mutating func encode(_ record: inout MarketRecord) {
    frameBytes = ITCHEncoder.encodeFrame(
      &record, midnight: midnight, into: frame, capacity: Self.frameMax)
  }

  /// From the frame in memory to the order's bytes ready for the socket, in ticks of the clock. The
  /// batch's machine time is taken from its first stamp, as the loop of a run does.
  private mutating func tick(_ handicap: Int64, stamps: Bool) -> UInt64 {
    let start = nt_clock_ticks()
    let now = nt_clock_at(start)
    let batch = ITCHDecoder.decodeFrames(
      frame, count: frameBytes, midnight: midnight,
      firstSequence: sequence, into: records, capacity: Self.recordsMax)
    driver.ingest(
      records, count: batch.records, machineTime: now, received: stamps ? start : 0,
      decoded: stamps ? nt_clock_ticks() : 0)
    while let request = driver.engine.nextRequest(machineTime: now) {
      _ = gateway.encode(request, now: now)
      lastReference = request.venueReference
      lastID = request.clientOrderID
      driver.engine.requestTaken()
    }
    spend(handicap)
    let end = nt_clock_ticks()
    sequence += 1
    gateway.sent(now: now)
    return end - start
  }

  private var midnight: Int64 { time - time % 86_400_000_000_000 }

  /// The venue rejects what was sent, over the gateway, so that nothing stays open.
  private mutating func reject() throws {
    guard let packet = venue.rejection(of: lastReference, lastID) else {
      throw BenchError("the gateway withdrew an order")
    }
    let now = nt_clock_now()
    guard gateway.receive(packet, now: now) == packet.count else {
      throw BenchError("the gateway did not take the rejection")
    }
    for report in gateway.reports {
      driver.apply(report, sessionTime: time, machineTime: now)
    }
    gateway.clearReports()
    lane.rewind()
  }
}
