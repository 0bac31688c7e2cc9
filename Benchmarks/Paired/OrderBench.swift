import BenchSupport
import ExecutionCore

/// An engine with an open market of 256 instruments and orders that all pass.
final class OrderBench {
  static let instruments = 256
  static let orders = 4_000
  static let session: Int64 = 1_577_716_200_000_000_000

  /// Not in the object: its fields would be reached through exclusivity checks.
  let driver = UnsafeMutablePointer<Driver<NoStrategy>>.allocate(capacity: 1)
  /// Empty where the caller has another.
  let lane: MemoryLane
  let requests = UnsafeMutablePointer<OrderRequest>.allocate(capacity: orders)
  private var time = session
  private var sequence: UInt64
  private var steps = 0
  /// Orders from one step of the market to the next: all instruments are seen within 17 seconds.
  private static let ordersPerStep = 64

  /// - Parameter other: where it journals; nil: into ``lane``.
  init(quantity: Int64 = 100, into other: RecordLane? = nil) throws {
    lane = MemoryLane(bytes: other == nil ? 16 << 20 : 4_096)
    var configuration = BenchMarket.configuration(instruments: Self.instruments)
    configuration.firmLimits.openOrders = 2 * Self.orders
    configuration.firmLimits.position = 1 << 40
    configuration.executionsMax = 1 << 18
    sequence = 0
    do {
      driver.initialize(
        to: Driver(
          engine: try Engine(configuration, lane: other ?? lane.lane), strategy: NoStrategy()))
    } catch { throw BenchError("\(error)") }
    BenchMarket.open(&driver.pointee, instruments: Self.instruments, at: Self.session)
    sequence = driver.pointee.engine.market.feedState.expected
    for i in 0..<Self.orders {
      let buys = i % 2 == 0
      let price = (buys ? 9_999 : 10_001) * 1_000_000 - Int64(i % 7) * 1_000_000
      (requests + i).initialize(
        to: OrderRequest(
          instrument: InstrumentID(raw: UInt32(i * 37 % Self.instruments)),
          account: AccountID(raw: 0), strategy: StrategyID(raw: 0), side: buys ? .buy : .sell,
          price: Price(raw: price), quantity: Quantity(raw: quantity)))
    }
  }

  /// A millisecond later than the last one: the duplicate window has passed. The market stands still: all
  /// ``orders`` are placed before its age is the gates' limit, five seconds.
  func place(_ i: Int) {
    time += 1_000_001
    driver.pointee.engine.advance(sessionTime: time, machineTime: 0)
    _ = driver.pointee.engine.place(requests[i])
    _ = driver.pointee.engine.nextRequest(machineTime: 0)
    driver.pointee.engine.requestTaken()
  }

  /// The venue's answer to the order with this reference.
  func reject(_ reference: UInt64) {
    var report = VenueReport(kind: .rejected, port: .first, account: AccountID(raw: 0))
    report.venueReference = reference
    driver.pointee.apply(report, sessionTime: time, machineTime: 0)
  }

  func placeAndReject(_ next: inout Int) {
    placeAndAnswer(&next) { self.reject($0.venueReference) }
  }

  func apply(_ report: VenueReport) {
    driver.pointee.apply(report, sessionTime: time, machineTime: 0)
  }

  @inline(__always)
  func placeAndAnswer(_ next: inout Int, _ answer: (VenueRequest) -> Void) {
    time += 1_000_001
    if next % Self.ordersPerStep == 0 {
      BenchMarket.goOn(
        &driver.pointee, instrument: steps % Self.instruments, at: time, sequence: &sequence,
        reference: 1 << 40 + UInt64(steps))
      steps += 1
    }
    driver.pointee.engine.advance(sessionTime: time, machineTime: 0)
    _ = driver.pointee.engine.place(requests[next])
    next = (next + 1) % Self.orders
    while let request = driver.pointee.engine.nextRequest(machineTime: 0) {
      driver.pointee.engine.requestTaken()
      answer(request)
    }
  }

  var open: Int { driver.pointee.engine.openOrderCount }
}
