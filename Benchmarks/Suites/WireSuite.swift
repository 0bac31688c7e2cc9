import BenchSupport
import ExecutionCore
import Foundation
import Gateways
import Node
import Transport

/// How long from a tick's datagram in to the order's bytes out, over real loopback sockets?
///
/// The calling thread is the exchange, pinned to the first processor; the product's own hot loop
/// (that of `needletail run`, risk and journal in mode shared on) spins on the last. Beside it runs a
/// C program in its place that receives as many bytes and sends as many, and does no work: with plain
/// calls for the direct sockets, with io_uring for the sockets that go through it. Each leg makes quiet
/// trips, one datagram and one order, and trips with a market going by. Legs alternate, and so does
/// which of the two comes first.
enum WireSuite: Suite {
  static let name = "wire"
  static let question = "how long from a datagram in to the order's bytes out, over loopback?"
  static let pairsMin = 10

  static func run(_ context: BenchContext) throws -> [Figure] {
    guard context.processors.count >= 2 else { throw OneProcessorError() }
    pin(context.processors[0])
    let trips = WireTrips(context)
    let refusal = Reactor.ioUringRefusal()
    if let refusal {
      Bench.say("wire: without the rows of io_uring: \(refusal)")
      context.leaveOut(.wireRing, because: "no io_uring here: \(refusal)")
    }
    var direct = WirePairs()
    var ring = WirePairs()
    var errors = 0
    // Told by the first order; the floor sends as many.
    var orderBytes = 0
    for pair in 0..<(context.quick ? context.runs : max(Self.pairsMin, context.runs)) {
      for isDirect in Self.legs(refusal) {
        func product() throws -> WireSamples {
          let leg = try Self.product(trips, isDirect: isDirect, seed: UInt64(pair), context)
          errors += leg.errors
          orderBytes = leg.orderBytes
          if isDirect { direct.add(leg.stages) } else { ring.add(leg.stages) }
          return leg.samples
        }
        func floor() throws -> WireSamples {
          try WireFloor.leg(
            isDirect ? .plain : .ring, trips, orderBytes: orderBytes, seed: UInt64(pair), context)
        }
        let isFirst = pair % 2 == 0
        let early = isFirst ? try product() : try floor()
        let late = isFirst ? try floor() : try product()
        let (mine, floors) = isFirst ? (early, late) : (late, early)
        if isDirect { direct.add(mine, floors) } else { ring.add(mine, floors) }
      }
    }
    direct.keep("wire-direct", context)
    var figures = WireFigures.direct(direct)
    if refusal == nil {
      ring.keep("wire-io_uring", context)
      figures += WireFigures.ring(ring)
    }
    figures += WireFigures.stages(direct)
    if !context.gate {
      let curve = try openLoop(context)
      figures += curve.figures
      errors += curve.errors
    }
    figures.append(
      Figure(
        "errors", "errors", [Double(errors)], limit: .init(value: 0, atLeast: false)))
    return figures
  }

  /// Direct sockets, and those through io_uring where there is one: one of them missing is no reason to
  /// measure nothing.
  static func legs(_ refusal: String?) -> [Bool] { refusal == nil ? [true, false] : [true] }

  // MARK: The product

  struct Leg {
    var samples: WireSamples
    var errors: Int
    var orderBytes: Int
    var stages: [ProbeResult.Stage]
  }

  private static func product(
    _ trips: WireTrips, isDirect: Bool, seed: UInt64, _ context: BenchContext
  ) throws -> Leg {
    var samples = WireSamples()
    let end = try session(Product(context, isDirect: isDirect)) { session in
      // The first trips find cold caches and untouched pages; they are not counted.
      _ = try session.trips(trips.warm)
      samples.quiet = try session.trips(trips.quiet)
      samples.flow = try session.flowTrips(trips.flow, seed: seed)
    }
    return Leg(
      samples: samples, errors: end.errors, orderBytes: end.orderBytes, stages: end.stages)
  }

  /// What runs at the near end, and where.
  struct Product {
    var processors: [Int32]
    var isDirect = true
    var backEnd = ReactorBackEnd.automatic
    /// Busy nanoseconds before each order.
    var handicap: Int64 = 0
  }

  /// One product in a process: made, opened, used and ended.
  static func session(
    _ product: Product, _ body: (WireSession) throws -> Void
  ) throws -> (errors: Int, orderBytes: Int, stages: [ProbeResult.Stage]) {
    let folder = try ScratchFolder("needletail-wire")
    defer { folder.remove() }
    let sockets = try WireSockets()
    let probe = try made(product, journal: folder.path, sockets)
    try sockets.connectDatagrams(to: try probe.start().port)
    do {
      try sockets.accept()
      let session = WireSession(exchange: try WireExchange(sockets), probe)
      try session.open()
      try body(session)
      let end = try session.close()
      try check(end.backEnd, isDirect: product.isDirect)
      return (end.errors, session.exchange.lastOrderBytes, end.stages)
    } catch {
      let what = Bench.text(of: error)
      guard let end = try? probe.stop() else { throw BenchError(what) }
      throw BenchError("\(what); the hot thread: \(end)")
    }
  }

  /// Sockets that went another way than io_uring are not to be shown as io_uring's.
  static func check(_ backEnd: String, isDirect: Bool) throws {
    guard isDirect || backEnd == ReactorBackEnd.ioUring.rawValue else {
      throw BenchError("the product's sockets went through \(backEnd), not through io_uring")
    }
  }

  static func made(
    _ product: Product, journal directory: String, _ sockets: WireSockets
  ) throws -> ProbeRun {
    var engine = BenchMarket.configuration(instruments: WireSession.instruments)
    for i in engine.ports.indices { engine.ports[i].isUpAtStart = false }
    engine.ordersPerDayMax = 1 << 17
    // An order that is late because others hold the processor is measured, not withdrawn.
    engine.outboxAgeMax = WireExchange.patience
    // Nor is a session given up because others hold this one: who serves it says how long is too long.
    var session = SoupClientSettings(credentials: try WireExchange.credentials())
    session.timeout = 2 * WireExchange.patience
    var gateway = OUCHGatewaySettings(
      session: session, port: .first, account: AccountID(raw: 0), midnight: WireExchange.midnight)
    gateway.fuse.ordersPerSecondMax = .max
    gateway.fuse.notionalPerSecondMax = .max
    gateway.fuse.openOrdersMax = 1 << 17
    var settings = ProbeSettings(
      engine: engine, gateway: gateway, orderEntry: .loopback(port: sockets.port),
      journal: directory)
    settings.processor = Int(product.processors[product.processors.count - 1])
    settings.isDirect = product.isDirect
    settings.backEnd = product.backEnd
    settings.handicap = product.handicap
    do { return try ProbeRun(settings) } catch {
      throw BenchError((error as? CommandFailure)?.message ?? "\(error)")
    }
  }

  // MARK: The open loop

  private static let rates: [Double] = [
    10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 80_000, 100_000, 150_000, 200_000,
  ]

  /// Latency against load: orders at fixed rates until they are not kept up with, from when each signal
  /// should have been sent, so that a stall counts for all that it delays.
  private static func openLoop(
    _ context: BenchContext
  ) throws -> (figures: [Figure], errors: Int) {
    var curve = Curve(
      name: "wire-load", title: "datagram in to order out against load, from the intended send",
      xLabel: "orders a second", yLabel: "us", series: ["p50", "p99", "p99.9", "max"],
      yIsLogarithmic: true, points: [])
    var figures: [Figure] = []
    let end = try session(Product(context, isDirect: true)) { session in
      _ = try session.trips(10)
      for rate in rates {
        let count = context.quick ? 50 : Int(min(8_000, max(2_000, rate / 4)))
        let step = try session.openLoop(rate: rate, count: count)
        let all = Distribution(step.samples)
        let values = [0.5, 0.99, 0.999, 1].map { all.percentile($0) / 1e3 }
        curve.points.append(Curve.Point(x: rate, values: values))
        context.keep(step.samples, as: "wire-load-\(Int(rate))")
        let reached = "p99.9 \(number(values[2])), reached \(number(step.reached))/s"
        figures.append(
          Figure(
            "open loop, \(number(rate)) orders/s, p50", "us", [values[0]],
            note: "p99 \(number(values[1])), \(reached)"))
        if step.reached < 0.95 * rate { break }
      }
    }
    context.keep(curve)
    return (figures, end.errors)
  }
}

extension WireSuite.Product {
  init(_ context: BenchContext, isDirect: Bool) {
    self.init(
      processors: context.processors, isDirect: isDirect, handicap: context.handicap)
  }
}
