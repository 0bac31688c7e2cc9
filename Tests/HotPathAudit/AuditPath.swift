import BenchSupport
import ExecutionCore
import Gateways

/// Answers every rise of a bid with an order, flattens what was filled, and cancels what rests: a
/// strategy of another module, as a user writes one.
struct AuditTrader: Strategy {
  private var wanted = InstrumentID.none
  private(set) var placed: UInt64 = 0
  private(set) var refused: UInt64 = 0
  private(set) var refusal: Refusal?

  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    if desk.quote(instrument).bid.raw == 9_999_500_000 { wanted = instrument }
  }

  mutating func onBatchEnd(_ desk: borrowing Desk) {
    guard wanted != .none else { return }
    let quote = desk.quote(wanted)
    let sells = desk.position(wanted).raw > 0
    let verdict = desk.place(
      wanted, sells ? .sell : .buy, price: quote.ask,
      quantity: Quantity(raw: 100), timeInForce: .day)
    switch verdict {
    case .accepted: placed &+= 1
    case .refused(let why):
      refused &+= 1
      refusal = why
    }
    wanted = .none
  }

  mutating func onReport(_ update: OrderUpdate, _ desk: borrowing Desk) {
    guard case .accepted = update.kind, let view = desk.order(update.handle), view.life.isOpen
    else { return }
    // One that has been filled or cancelled in the meantime is left alone by the engine.
    _ = desk.cancel(update.handle)
  }
}

#if !DEBUG
  // The compiler checks the strategy and all that it calls, as in any user's module.
  @_noLocks func checkAuditTrader(
    _ driver: inout Driver<AuditTrader>, _ records: UnsafePointer<MarketRecord>, _ count: Int,
    _ report: VenueReport
  ) {
    driver.ingest(records, count: count, machineTime: 0)
    driver.apply(report, sessionTime: 0, machineTime: 0)
  }
#endif

/// From a frame of the feed to the order's bytes, and from the venue's bytes back into the engine.
struct AuditPath: ~Copyable {
  static let instruments = 100
  private static let roundsMax = 8
  private static let recordsMax = 16

  private var driver: Driver<AuditTrader>
  private var gateway: OUCHGateway
  private var venue = AuditVenue()
  private let lane: MemoryLane
  private let records: UnsafeMutablePointer<MarketRecord>
  private let frame: UnsafeMutablePointer<UInt8>
  private let symbols: UnsafeMutablePointer<UInt64>
  private var sequence: UInt64
  private var time: Int64 = 1_577_716_201_000_000_000
  private var turn = 0
  /// Market records, requests and reports.
  private(set) var events: UInt64 = 0
  private(set) var requests: UInt64 = 0
  private(set) var reports: UInt64 = 0
  var fills: UInt64 { driver.engine.counters.executions }

  init() throws {
    let lane = MemoryLane(bytes: 16 << 20)
    var configuration = BenchMarket.configuration(instruments: Self.instruments)
    configuration.executionsMax = 1 << 19
    var driver = Driver(
      engine: try Engine(configuration, lane: lane.lane), strategy: AuditTrader())
    let gateway = try BenchMarket.gateway(
      symbols: (0..<Self.instruments).map(BenchMarket.symbol))
    BenchMarket.open(&driver, instruments: Self.instruments, at: time)
    sequence = driver.engine.market.feedState.expected
    self.lane = lane
    self.driver = driver
    self.gateway = gateway
    records = .allocate(capacity: Self.recordsMax)
    records.initialize(repeating: MarketRecord(), count: Self.recordsMax)
    frame = .allocate(capacity: 64)
    frame.initialize(repeating: 0, count: 64)
    symbols = .allocate(capacity: Self.instruments)
    symbols.initialize(
      from: (0..<Self.instruments).map(BenchMarket.symbol), count: Self.instruments)
  }

  deinit {
    records.deallocate()
    frame.deallocate()
    symbols.deallocate()
  }

  /// One order's life: a bid rises, an order goes out, the venue's answers come back, the bid goes.
  mutating func step() {
    time += 2_000_000
    turn += 1
    var record = MarketRecord()
    record.sessionTime = time
    record.locate = UInt16(truncatingIfNeeded: turn % Self.instruments + 1)
    record.kind = ITCHDecoder.Kind.add
    record.symbol = symbols[turn % Self.instruments]
    record.side = UInt8(ascii: "B")
    record.price = 999_950
    record.shares = 100
    record.reference = UInt64(1_000_000 + turn)
    tick(&record)
    record.kind = ITCHDecoder.Kind.delete
    tick(&record)
    lane.rewind()
  }

  private mutating func tick(_ record: inout MarketRecord) {
    let midnight = time - time % 86_400_000_000_000
    let length = ITCHEncoder.encodeFrame(&record, midnight: midnight, into: frame, capacity: 64)
    let batch = ITCHDecoder.decodeFrames(
      frame, count: length, midnight: midnight, firstSequence: sequence, into: records,
      capacity: Self.recordsMax)
    sequence += 1
    driver.ingest(records, count: batch.records, machineTime: time)
    events &+= UInt64(batch.records)
    for _ in 0..<Self.roundsMax where !exchange() { break }
  }

  /// Requests out, answers in; false when there was nothing to send.
  private mutating func exchange() -> Bool {
    while let request = driver.engine.nextRequest(machineTime: time) {
      _ = gateway.encode(request, now: time)
      driver.engine.requestTaken()
      requests &+= 1
      events &+= 1
    }
    let bytes = gateway.output
    guard bytes.count > 0 else { return false }
    venue.clear()
    venue.take(bytes)
    gateway.sent(now: time)
    _ = gateway.receive(venue.answers, now: time)
    for report in gateway.reports {
      driver.apply(report, sessionTime: time, machineTime: time)
      reports &+= 1
      events &+= 1
    }
    gateway.clearReports()
    return true
  }

  /// What is not as it must be, in words: an audit of a path that did nothing would prove nothing.
  func trouble() -> String? {
    let counters = driver.engine.counters
    let placed = driver.strategy.placed
    guard placed == UInt64(turn), driver.strategy.refused == 0 else {
      return "\(placed) orders for \(turn) ticks, \(driver.strategy.refused) refused: "
        + "\(driver.strategy.refusal.map { "\($0)" } ?? "")"
    }
    guard driver.engine.openOrderCount == 0, counters.alarms == 0, venue.wrong == 0,
      gateway.counters.notSent == 0, gateway.counters.undecodable == 0
    else { return "orders or messages went wrong: \(counters), \(gateway.counters)" }
    guard counters.executions > 0, counters.rejected > 0, counters.cancels > 0,
      counters.canceled > 0
    else { return "some fate never happened: \(counters)" }
    return nil
  }
}
