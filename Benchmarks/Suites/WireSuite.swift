import BenchSupport
import CFloors
import CSupport
import ExecutionCore
import Foundation
import Gateways
import Node
import Transport

/// How long from a tick's datagram in to the order's bytes out, over real loopback sockets?
///
/// The calling thread is the exchange, pinned to the first processor; the product's own hot loop
/// (that of `needletail run`, risk and journal in mode shared on) spins on the last. The floor is a
/// C program in its place that receives once and sends once the same number of bytes, and does no
/// work. Legs alternate: floor, product with direct sockets, product with io_uring.
enum WireSuite: Suite {
  static let name = "wire"
  static let question = "how long from a datagram in to the order's bytes out, over loopback?"
  /// Silence between trips, for both: the rejection and the delete are through by then.
  static let pause: Int64 = 40_000

  static func run(_ context: BenchContext) throws -> [Figure] {
    guard context.processors.count >= 2 else {
      throw BenchError("needs two processors, there is one: two spinning ends would share it")
    }
    pin(context.processors[0])
    let trips = context.quick ? 50 : 4_000
    var floor = WireLeg()
    var direct = WireLeg()
    var uring = WireLeg()
    var errors = 0.0
    var orderBytes = 0
    for _ in 0..<context.runs {
      for isDirect in [true, false] {
        let leg = try product(trips, isDirect: isDirect, context)
        if isDirect { direct.add(leg.samples) } else { uring.add(leg.samples) }
        errors += Double(leg.errors)
        orderBytes = leg.orderBytes
        if isDirect { floor.add(try Self.floor(trips, orderBytes: orderBytes, context)) }
      }
    }
    return figures(floor, direct, uring, errors: errors)
  }

  private static func figures(
    _ floor: WireLeg, _ direct: WireLeg, _ uring: WireLeg, errors: Double
  ) -> [Figure] {
    let medians = floor.medians
    let note = "interleaved pairs: \(medians.count)"
    var figures = [
      Figure("floor: one receive, one send, no work, p50", "us", medians),
      Figure("floor, p99", "us", floor.p99s),
      Figure("floor, p99.9 of all trips", "us", [floor.percentile(99_900)]),
      Figure(
        "datagram in -> order bytes out, p50", "us", direct.medians,
        limit: .init(value: 15_500, atLeast: false), note: "risk and journal on"),
      Figure("the same, p99", "us", direct.p99s),
      Figure(
        "the same, p99.9 of all trips", "us", [direct.percentile(99_900)],
        limit: .init(value: 100_000, atLeast: false)),
      Figure(
        "datagram in -> order bytes out / floor", "x", zip(direct.medians, medians).map { $0 / $1 },
        limit: .init(value: 1.5, atLeast: false, slack: 2), note: note),
    ]
    figures += [
      Figure(
        "io_uring: datagram in -> order bytes out, p50", "us", uring.medians,
        limit: .init(value: 15_500, atLeast: false)),
      Figure("io_uring, p99", "us", uring.p99s),
      Figure("io_uring, p99.9 of all trips", "us", [uring.percentile(99_900)]),
      Figure("io_uring / floor", "x", zip(uring.medians, medians).map { $0 / $1 }),
      Figure("errors", "errors", [errors], limit: .init(value: 0, atLeast: false), isFinal: true),
    ]
    return figures
  }

  // MARK: The product

  private static func product(
    _ trips: Int, isDirect: Bool, _ context: BenchContext
  ) throws -> (samples: [Int64], errors: Int, orderBytes: Int) {
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("needletail-bench-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let sockets = try WireSockets()
    let probe = try made(directory, sockets, isDirect: isDirect, context)
    try sockets.connectDatagrams(to: try probe.start().port)
    do {
      try sockets.accept()
      let leg = WireSession(exchange: try WireExchange(sockets), probe)
      try leg.open()
      // The first trips find cold caches and untouched pages; they are not counted.
      _ = try leg.trips(max(10, trips / 8))
      let samples = try leg.trips(trips)
      let errors = try leg.close()
      return (samples, errors, leg.exchange.lastOrderBytes)
    } catch {
      let what = (error as? BenchError)?.message ?? "\(error)"
      guard let end = try? probe.stop() else { throw BenchError(what) }
      throw BenchError("\(what); the hot thread: \(end)")
    }
  }

  private static func made(
    _ directory: String, _ sockets: WireSockets, isDirect: Bool, _ context: BenchContext
  ) throws -> ProbeRun {
    var engine = BenchMarket.configuration(instruments: WireSession.instruments)
    engine.venueIsUpAtStart = false
    engine.queryAccountAtLogin = true
    engine.ordersPerDayMax = 1 << 17
    // An order that is late because others hold the processor is measured, not withdrawn.
    engine.outboxAgeMax = WireExchange.patience
    var gateway = OUCHGatewaySettings(
      session: SoupClientSettings(credentials: try WireExchange.credentials()), venue: 0,
      account: AccountID(raw: 0), midnight: WireExchange.midnight)
    gateway.ageMax = WireExchange.patience
    gateway.fuse.ordersPerSecondMax = .max
    gateway.fuse.notionalPerSecondMax = .max
    gateway.fuse.openOrdersMax = 1 << 17
    var settings = ProbeSettings(
      engine: engine, gateway: gateway, orderEntry: .loopback(port: sockets.port),
      journal: directory)
    settings.processor = Int(context.processors[context.processors.count - 1])
    settings.isDirect = isDirect
    settings.handicap = context.handicap
    do { return try ProbeRun(settings) } catch {
      throw BenchError((error as? CommandFailure)?.message ?? "\(error)")
    }
  }

  // MARK: The floor

  private static func floor(
    _ trips: Int, orderBytes: Int, _ context: BenchContext
  ) throws -> [Int64] {
    let sockets = try WireSockets()
    let feed = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    let orders = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer {
      close(feed)
      close(orders)
    }
    try sockets.connectDatagrams(to: try WireSockets.bindLoopback(feed))
    var address = WireSockets.loopback(sockets.port)
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(orders, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { throw BenchError("the floor found no port: errno \(errno)") }
    WireSockets.noDelay(orders)
    try sockets.accept()
    let warm = max(10, trips / 8)
    let job = FloorJob(feed, orders, orderBytes, UInt64(trips + warm))
    let thread = try PinnedThread(
      name: "wire-floor", cpu: context.processors[context.processors.count - 1]
    ) { job.run() }
    defer {
      job.stop()
      thread.join()
    }
    let pinger = FloorPing(sockets, datagramBytes: WireSession.datagramBytes, orderBytes)
    for _ in 0..<warm { _ = try pinger.trip() }
    return try (0..<trips).map { _ in try pinger.trip() }
  }
}

/// The samples of one kind of leg: medians and tails by leg, the far tail over all.
struct WireLeg {
  private(set) var medians: [Double] = []
  private(set) var p99s: [Double] = []
  private var all: [Int64] = []

  mutating func add(_ samples: [Int64]) {
    let sorted = samples.sorted()
    guard let last = sorted.last else { return }
    medians.append(Double(sorted[sorted.count / 2]) / 1e3)
    p99s.append(Double(sorted.count >= 100 ? sorted[sorted.count * 99 / 100] : last) / 1e3)
    all += samples
  }

  /// Microseconds; per hundred thousand.
  func percentile(_ rank: Int) -> Double {
    let sorted = all.sorted()
    guard !sorted.isEmpty else { return .nan }
    return Double(sorted[min(sorted.count - 1, sorted.count * rank / 100_000)]) / 1e3
  }
}

/// One product leg: the market is opened over the wire, then every trip is one rising bid.
final class WireSession {
  static let instruments = 100
  /// MoldUDP64 header, length, and an Add Order.
  static let datagramBytes = 20 + 2 + 36

  let exchange: WireExchange
  private let probe: ProbeRun
  private var time = WireExchange.midnight + 10 * 3_600_000_000_000
  private var reference: UInt64 = 1_000_000
  private var next = 0
  private var made = 0
  /// Rises of the opening, of which all but one may be refused.
  private var attempts = 0

  init(exchange: WireExchange, _ probe: ProbeRun) {
    self.exchange = exchange
    self.probe = probe
  }

  /// Sends the opening messages, and serves the log-in until the product trades.
  func open() throws {
    let deadline = nanoseconds() + WireExchange.patience
    while exchange.lastOrderBytes == 0 { try waitOneTurn(deadline, "no log-in came") }
    var sent = 0
    try BenchMarket.opening(instruments: Self.instruments, at: time) {
      try exchange.publish($0)
      sent += 1
      // Loopback drops what a full socket cannot take.
      if sent % 64 == 0 { try serve(for: 200_000) }
    }
    while !probe.isTrading || probe.records < UInt64(sent) {
      try waitOneTurn(deadline, "the product does not trade")
    }
    try awaitFirstOrder(deadline)
  }

  /// The engine asks for the venue's counter itself, and takes no order before the answer is in: rising
  /// bids until one is answered. Those before it are refused, as they must be.
  private func awaitFirstOrder(_ deadline: Int64) throws {
    while exchange.orders == 0 {
      try exchange.publish(rise())
      attempts += 1
      try serve(for: 2_000_000)
      try exchange.answer()
      try exchange.publish(fall())
      try waitOneTurn(deadline, "no order comes")
    }
    try settle()
  }

  /// Until the product has applied everything that was published, and its orders are in: an order that
  /// comes late would be taken for that of a later trip.
  private func settle() throws {
    let deadline = nanoseconds() + WireExchange.patience
    while probe.records < exchange.published {
      try waitOneTurn(deadline, "the product does not take the feed")
    }
    // Its orders were handed over before the count was told; they are in the socket.
    try exchange.serve()
    try exchange.answer()
  }

  private func rise() -> MarketRecord {
    made += 1
    // Past the duplicate window.
    time += 2_000_000
    reference += 1
    next = (next + 1) % Self.instruments
    var record = MarketRecord()
    record.sessionTime = time
    record.locate = UInt16(next + 1)
    record.kind = ITCHDecoder.Kind.add
    record.symbol = BenchMarket.symbol(next)
    record.side = UInt8(ascii: "B")
    record.price = 999_950
    record.shares = 100
    record.reference = reference
    return record
  }

  /// The last rise is taken back.
  private func fall() -> MarketRecord {
    var record = MarketRecord()
    record.sessionTime = time
    record.locate = UInt16(next + 1)
    record.kind = ITCHDecoder.Kind.delete
    record.reference = reference
    return record
  }

  func trips(_ count: Int) throws -> [Int64] {
    var samples: [Int64] = []
    samples.reserveCapacity(count)
    for _ in 0..<count {
      samples.append(try exchange.trip(try exchange.datagram(rise())))
      try exchange.answer()
      try exchange.publish(fall())
      try serve(for: WireSuite.pause)
    }
    return samples
  }

  /// Ends the run in order; returns everything that was not as it must be.
  func close() throws -> Int {
    try settle()
    probe.requestStop()
    let deadline = nanoseconds() + WireExchange.patience
    while !probe.hasEnded, nanoseconds() < deadline { try exchange.serve() }
    let result = try probe.stop()
    let refused = Int(result.ordersRefused)
    let lost =
      abs(made - refused - exchange.orders) + abs(result.ordersPlaced - exchange.orders)
      + max(0, refused - (attempts - 1))
    let wrong = result.openOrders + Int(result.ordersNotSent + result.malformed)
    return exchange.errors + lost + wrong + Int(result.journalRefused + result.missing)
      + (result.trouble.isEmpty ? 0 : 1)
  }

  private func serve(for pause: Int64) throws {
    let end = nanoseconds() + pause
    while nanoseconds() < end { try exchange.serve() }
  }

  private func waitOneTurn(_ deadline: Int64, _ what: String) throws {
    try exchange.serve()
    guard nanoseconds() < deadline, !probe.hasEnded else { throw BenchError(what) }
  }
}

/// The floor's thread.
private final class FloorJob: @unchecked Sendable {
  private let feed: Int32
  private let orders: Int32
  private let bytes: Int
  private let count: UInt64
  private let stopped = UnsafeMutablePointer<Int32>.allocate(capacity: 1)

  init(_ feed: Int32, _ orders: Int32, _ bytes: Int, _ count: UInt64) {
    self.feed = feed
    self.orders = orders
    self.bytes = bytes
    self.count = count
    stopped.initialize(to: 0)
  }
  deinit { stopped.deallocate() }

  func run() { _ = floor_wire_reply(feed, orders, bytes, count, stopped) }
  func stop() { floor_stop(stopped) }
}

/// The exchange's part against the floor: the same sizes, the same silence between trips.
private final class FloorPing {
  private let sockets: WireSockets
  private let out: [UInt8]
  private let bytes: Int
  private var buffer = [UInt8](repeating: 0, count: 1 << 12)

  init(_ sockets: WireSockets, datagramBytes: Int, _ bytes: Int) {
    self.sockets = sockets
    out = [UInt8](repeating: 1, count: datagramBytes)
    self.bytes = bytes
  }

  func trip() throws -> Int64 {
    let start = nanoseconds()
    guard send(sockets.datagram, out, out.count, 0) == out.count else {
      throw BenchError("the floor's datagram was not taken: errno \(errno)")
    }
    var got = 0
    while got < bytes {
      let n = recv(sockets.stream, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if n > 0 { got += n }
      guard n != 0, nanoseconds() - start < WireExchange.patience else {
        throw BenchError("the floor did not answer")
      }
    }
    let time = nanoseconds() - start
    let end = nanoseconds() + WireSuite.pause
    while nanoseconds() < end {
      _ = recv(sockets.stream, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    }
    return time
  }
}
