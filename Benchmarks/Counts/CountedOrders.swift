import BenchSupport
import ExecutionCore
import Gateways

/// The engine's operations: from a batch of the feed to an order's bytes, and the venue's answer.
extension CountedOperation {
  private static let orders = OrderBench.orders

  static var ordering: [CountedOperation] {
    [
      .init(
        name: "ingest", what: "Driver.ingest: one message, in datagrams of 8; no strategy",
        times: 16_000, prepare: ingest),
      .init(
        name: "risk.accept", what: "the whole chain lets one order pass; nothing is reserved",
        times: 4 * orders
      ) { try check(100) },
      .init(
        name: "risk.refuse", what: "the chain refuses one order by its quantity", times: 4 * orders
      ) { try check(1_000_000) },
      .init(
        name: "place",
        what: "session time goes on; one order checked, reserved, journalled, queued, taken",
        times: orders, prepare: place),
      .init(
        name: "report", what: "one order's rejection applied: released, journalled", times: orders,
        prepare: report),
      .init(
        name: "encode", what: "one OUCH Enter Order encoded, framed and taken as sent",
        times: orders, prepare: encode),
      .init(
        name: "tickToOrder",
        what: "one order's round: a rising bid encoded by the feed, decoded, booked, decided, "
          + "checked, journalled, encoded; the venue's rejection encoded, received, applied; the "
          + "bid's delete encoded, decoded, booked; clock reads. Not the trip alone: see engine",
        times: 2_000, prepare: tickToOrder),
    ]
  }

  private static func check(_ quantity: Int64) throws -> (Int, () -> Void) {
    let bench = try OrderBench(quantity: quantity)
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
    _ = try placed()
    let bench = try OrderBench()
    return (orders, { for i in 0..<orders { bench.place(i) } })
  }

  private static func report() throws -> (Int, () -> Void) {
    let bench = try placed()
    return (orders, { for i in 0..<orders { bench.reject(UInt64(i + 1)) } })
  }

  private static func placed() throws -> OrderBench {
    let bench = try OrderBench()
    for i in 0..<orders { bench.place(i) }
    guard bench.open == orders else {
      throw BenchError("\(bench.open) of \(orders) orders are open")
    }
    return bench
  }

  private static func encode() throws -> (Int, () -> Void) {
    let bench = try OrderBench()
    let gateway = Kept(
      try BenchMarket.gateway(symbols: (0..<OrderBench.instruments).map(BenchMarket.symbol)))
    bench.driver.pointee.engine.advance(sessionTime: OrderBench.session + 1, machineTime: 0)
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
          gateway.value.sent(now: 2)
        }
      }
    )
  }

  private static func ingest() throws -> (Int, () -> Void) {
    let bench = try OrderBench()
    let count = 16_000
    let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: count)
    var sequence = bench.driver.pointee.engine.market.feedState.expected
    for i in 0..<count {
      var record = MarketRecord()
      record.sequence = sequence
      sequence += 1
      record.sessionTime = OrderBench.session + Int64(i) * 1_000
      record.locate = UInt16(i / 2 % OrderBench.instruments + 1)
      record.reference = UInt64(1_000_000 + i / 2)
      record.kind = i % 2 == 0 ? ITCHDecoder.Kind.add : ITCHDecoder.Kind.delete
      if i % 2 == 0 {
        record.symbol = BenchMarket.symbol(i / 2 % OrderBench.instruments)
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
        guard (try? bench.value.ticks(2_000, handicap: 0)) != nil else {
          fatalError("the engine's ticks failed")
        }
      }
    )
  }
}
