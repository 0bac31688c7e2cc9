import BenchSupport
import ExecutionCore
import Gateways

/// The engine's operations: from a batch of the feed to an order's bytes, and the venue's answer.
extension CountedOperation {
  private static let instruments = 256
  private static let orders = 4_000
  private static let session: Int64 = 1_577_716_200_000_000_000

  static var ordering: [CountedOperation] {
    [
      .init(
        name: "ingest", what: "Driver.ingest, a datagram of 8 messages, by message",
        prepare: ingest),
      .init(name: "risk.accept", what: "the whole chain lets an order pass") { try check(100) },
      .init(name: "risk.refuse", what: "the chain refuses an order by its quantity") {
        try check(1_000_000)
      },
      .init(
        name: "place", what: "check, reserve, journal the intent, queue, take", prepare: place),
      .init(name: "report", what: "a rejection applied: released, journalled", prepare: report),
      .init(name: "encode", what: "OUCH Enter Order encoded and framed", prepare: encode),
      .init(
        name: "tickToOrder", what: "a frame decoded, booked, decided, checked, journalled, encoded",
        prepare: tickToOrder),
    ]
  }

  /// An engine whose market is open, at an address of its own.
  private final class Bench {
    let driver = UnsafeMutablePointer<Driver<NoStrategy>>.allocate(capacity: 1)
    let lane = MemoryLane(bytes: 16 << 20)
    let requests = UnsafeMutablePointer<OrderRequest>.allocate(capacity: orders)

    init(quantity: Int64 = 100) throws {
      var configuration = BenchMarket.configuration(instruments: instruments)
      configuration.firmLimits.openOrders = 2 * orders
      configuration.ordersPerDayMax = 1 << 14
      do {
        driver.initialize(
          to: Driver(
            engine: try Engine(configuration, lane: lane.lane), strategy: NoStrategy()))
      } catch { throw BenchError("\(error)") }
      BenchMarket.open(&driver.pointee, instruments: instruments, at: session)
      for i in 0..<orders {
        let buys = i % 2 == 0
        (requests + i).initialize(
          to: OrderRequest(
            instrument: InstrumentID(raw: UInt32(i * 37 % instruments)),
            account: AccountID(raw: 0), strategy: StrategyID(raw: 0), side: buys ? .buy : .sell,
            price: Price(raw: (buys ? 9_999 : 10_001) * 1_000_000 - Int64(i % 7) * 1_000_000),
            quantity: Quantity(raw: quantity)))
      }
    }
  }

  private static func check(_ quantity: Int64) throws -> (Int, () -> Void) {
    let bench = try Bench(quantity: quantity)
    let refused = (0..<orders).filter {
      bench.driver.pointee.engine.check(bench.requests[$0]) != nil
    }.count
    guard refused == (quantity > 999_999 ? orders : 0) else {
      throw BenchError("\(refused) of \(orders) orders are refused")
    }
    return (
      orders * 4,
      {
        for i in 0..<orders * 4 {
          _ = bench.driver.pointee.engine.check(bench.requests[i % orders])
        }
      }
    )
  }

  private static func place() throws -> (Int, () -> Void) {
    // The same on another engine shows that all of them pass.
    try place(all: try Bench())
    let bench = try Bench()
    return (
      orders,
      {
        for i in 0..<orders {
          bench.driver.pointee.engine.advance(
            sessionTime: session + 1_000_000 * Int64(i + 1), machineTime: 0)
          _ = bench.driver.pointee.engine.place(bench.requests[i])
          _ = bench.driver.pointee.engine.nextRequest(machineTime: 0)
          bench.driver.pointee.engine.requestTaken()
        }
      }
    )
  }

  private static func report() throws -> (Int, () -> Void) {
    let bench = try Bench()
    try place(all: bench)
    let engine = { (i: Int) in
      var report = VenueReport(kind: .rejected, venue: 0, account: AccountID(raw: 0))
      report.venueReference = UInt64(i + 1)
      bench.driver.pointee.apply(report, sessionTime: session, machineTime: 0)
    }
    return (orders, { for i in 0..<orders { engine(i) } })
  }

  private static func place(all bench: Bench) throws {
    for i in 0..<orders {
      bench.driver.pointee.engine.advance(
        sessionTime: session + 1_000_000 * Int64(i + 1), machineTime: 0)
      _ = bench.driver.pointee.engine.place(bench.requests[i])
      _ = bench.driver.pointee.engine.nextRequest(machineTime: 0)
      bench.driver.pointee.engine.requestTaken()
    }
    guard bench.driver.pointee.engine.openOrderCount == orders else {
      throw BenchError(
        "\(bench.driver.pointee.engine.openOrderCount) of \(orders) orders are open")
    }
  }

  private static func encode() throws -> (Int, () -> Void) {
    let bench = try Bench()
    let gateway = Kept(try BenchMarket.gateway())
    bench.driver.pointee.engine.advance(sessionTime: session + 1, machineTime: 0)
    _ = bench.driver.pointee.engine.place(bench.requests[0])
    guard let made = bench.driver.pointee.engine.nextRequest(machineTime: 0) else {
      throw BenchError("no request")
    }
    return (
      orders,
      {
        var request = made
        for i in 0..<orders {
          request.venueReference = UInt64(i + 1)
          _ = gateway.value.encode(request, now: 2)
          gateway.value.sent(gateway.value.prepareSend(now: 2).count, now: 2)
        }
      }
    )
  }

  private static func ingest() throws -> (Int, () -> Void) {
    let bench = try Bench()
    let count = 16_000
    let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: count)
    var sequence = bench.driver.pointee.engine.market.feedState.expected
    for i in 0..<count {
      var record = MarketRecord()
      record.sequence = sequence
      sequence += 1
      record.sessionTime = session + Int64(i) * 1_000
      record.locate = UInt16(i / 2 % instruments + 1)
      record.reference = UInt64(1_000_000 + i / 2)
      record.kind = i % 2 == 0 ? ITCHDecoder.Kind.add : ITCHDecoder.Kind.delete
      if i % 2 == 0 {
        record.symbol = BenchMarket.symbol(i / 2 % instruments)
        record.side = UInt8(ascii: "B")
        record.price = 999_800
        record.shares = 100
      }
      (records + i).initialize(to: record)
    }
    return (
      count,
      {
        for i in stride(from: 0, to: count, by: 8) {
          bench.driver.pointee.ingest(records + i, count: 8, machineTime: 0)
        }
      }
    )
  }

  private static func tickToOrder() throws -> (Int, () -> Void) {
    let bench = Kept(try EngineBench(instruments: 100))
    return (
      2_000,
      {
        // Rises and falls: one order a rise; the benchmark's own clock reads are in it.
        guard (try? bench.value.ticks(2_000, handicap: 0)) != nil else {
          fatalError("the engine's ticks failed")
        }
      }
    )
  }
}
