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
    let ticks = context.quick ? 2_000 : 200_000
    var median: [Double] = []
    var tail: [Double] = []
    var rate: [Double] = []
    for _ in 0..<context.runs {
      var bench = try EngineBench(instruments: 100)
      let samples = try bench.ticks(ticks, handicap: context.handicap)
      median.append(Double(samples[samples.count / 2]))
      tail.append(Double(samples[samples.count * 99 / 100]))
      rate.append(1e3 * Double(samples.count) / samples.reduce(0) { $0 + Double($1) })
    }
    return [
      Figure(
        "tick -> decode, book, strategy, risk, journal, order, p50", "ns", median,
        limit: .init(value: 1_000, atLeast: false, slack: 2)),
      Figure("the same, p99", "ns", tail),
      Figure("ticks that each make an order", "M/s", rate),
    ]
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
  private var time: Int64 = 1_577_716_201_000_000_000
  private var lastReference: UInt64 = 0
  private static let frameMax = 64
  private static let recordsMax = 16

  init(instruments: Int) throws {
    let lane = MemoryLane(bytes: 16 << 20)
    var driver: Driver<ProbeTaker>
    do {
      driver = Driver(
        engine: try Engine(BenchMarket.configuration(instruments: instruments), lane: lane.lane),
        strategy: ProbeTaker())
    } catch { throw BenchError("\(error)") }
    let gateway = try BenchMarket.gateway()
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
    for i in 0..<count {
      time += 2_000_000
      var record = MarketRecord()
      record.sessionTime = time
      record.locate = UInt16(i % instruments + 1)
      record.kind = ITCHDecoder.Kind.add
      record.symbol = BenchMarket.symbol(i % instruments)
      record.side = UInt8(ascii: "B")
      record.price = 999_950
      record.shares = 100
      record.reference = UInt64(1_000_000 + i)
      encode(&record)
      samples[i] = tick(handicap)
      try reject()
      record.kind = ITCHDecoder.Kind.delete
      encode(&record)
      _ = tick(0)
    }
    guard driver.strategy.placed == count else {
      throw BenchError("\(driver.strategy.placed) orders for \(count) ticks")
    }
    guard driver.engine.openOrderCount == 0 else { throw BenchError("orders were not released") }
    samples.sort()
    return samples
  }

  private mutating func encode(_ record: inout MarketRecord) {
    frameBytes = ITCHEncoder.encodeFrame(
      &record, midnight: 0, into: frame, capacity: Self.frameMax)
  }

  private mutating func tick(_ handicap: Int64) -> UInt32 {
    let start = nanoseconds()
    let batch = ITCHDecoder.decodeFrames(
      frame, count: frameBytes, midnight: time - time % 86_400_000_000_000,
      firstSequence: sequence, into: records, capacity: Self.recordsMax)
    driver.ingest(records, count: batch.records, machineTime: start)
    while let request = driver.engine.nextRequest(machineTime: start) {
      _ = gateway.encode(request, now: start)
      lastReference = request.venueReference
      driver.engine.requestTaken()
    }
    let bytes = gateway.prepareSend(now: start)
    spend(handicap)
    let end = nanoseconds()
    sequence += 1
    gateway.sent(bytes.count, now: start)
    return UInt32(clamping: end - start)
  }

  /// The venue rejects what was sent, so that nothing stays open.
  private mutating func reject() throws {
    guard gateway.counters.notSent == 0, lastReference != 0 else {
      throw BenchError("the gateway withdrew an order")
    }
    var report = VenueReport(kind: .rejected, venue: 0, account: AccountID(raw: 0))
    report.venueReference = lastReference
    driver.apply(report, sessionTime: time, machineTime: 0)
    lane.rewind()
  }
}
