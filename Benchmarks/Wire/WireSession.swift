import BenchSupport
import ExecutionCore

/// One product leg: the market is opened over the wire, then every trip is one rising bid.
final class WireSession {
  static let instruments = 100
  /// Silence between trips, for product and floor: the rejection and the delete are through by then.
  static let pause: Int64 = 40_000
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
  func settle() throws {
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
      samples.append(try trip())
    }
    return samples
  }

  /// Trips with the flow's datagrams before each signal.
  func flowTrips(_ count: Int, seed: UInt64) throws -> [Int64] {
    var flow = WireFlow(seed: seed, instruments: Self.instruments)
    return try (0..<count).map { _ in
      // Encoded before the first is sent: the floor's are ready too, and encoding between them would
      // give the product time that the floor does not have.
      let burst = try flow.burst(at: time).map {
        (gap: $0.gap, bytes: [UInt8](try exchange.datagram($0.records)))
      }
      let signal = [UInt8](try exchange.datagram([rise()]))
      for datagram in burst {
        try serve(for: datagram.gap)
        try datagram.bytes.withUnsafeBytes { try exchange.send($0) }
      }
      return try signal.withUnsafeBytes { try trip($0) }
    }
  }

  private func trip() throws -> Int64 { try trip(try exchange.datagram([rise()])) }

  private func trip(_ signal: UnsafeRawBufferPointer) throws -> Int64 {
    let sample = try exchange.trip(signal)
    try exchange.answer()
    try exchange.publish(fall())
    try serve(for: Self.pause)
    return sample
  }

  /// Signals at a fixed rate, whatever the answers do: nanoseconds from when each should have been sent
  /// to its order's last byte, and the rate that was reached.
  func openLoop(rate: Double, count: Int) throws -> (samples: [UInt32], reached: Double) {
    var datagrams: [[UInt8]] = []
    for _ in 0..<count {
      // The order before is taken back in the datagram that raises the next bid.
      let back = fall()
      datagrams.append([UInt8](try exchange.datagram([back, rise()])))
    }
    let first = exchange.orders
    let start = nanoseconds() + 100_000
    let interval = 1e9 / rate
    var samples: [UInt32] = []
    samples.reserveCapacity(count)
    var sent = 0
    var last = start
    while samples.count < count {
      let due = start + Int64(Double(sent) * interval)
      if sent < count, nanoseconds() >= due {
        try datagrams[sent].withUnsafeBytes { try exchange.send($0) }
        sent += 1
      }
      let found = try exchange.look()
      let now = nanoseconds()
      if found {
        last = now
        while samples.count < exchange.orders - first {
          let due = start + Int64(Double(samples.count) * interval)
          samples.append(UInt32(clamping: now - due))
        }
        // Now and then, so that not all of them are open at once.
        if samples.count % 32 == 0 || samples.count == sent { try exchange.answer() }
      }
      guard now - last < WireExchange.patience else {
        throw BenchError("\(samples.count) of \(sent) orders came at \(Int(rate)) a second")
      }
    }
    try exchange.answer()
    try settle()
    return (samples, Double(count) * 1e9 / Double(max(1, last - start)))
  }

  /// Ends the run in order; returns everything that was not as it must be, and the product's stamps.
  func close() throws -> (errors: Int, stages: [ProbeResult.Stage], backEnd: String) {
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
    let errors =
      exchange.errors + lost + wrong + Int(result.journalRefused + result.missing)
      + (result.trouble.isEmpty ? 0 : 1)
    if errors > 0 {
      Bench.say(
        "wire: \(made) signals, \(exchange.orders) orders in, \(result.ordersPlaced) placed, "
          + "\(refused) refused [\(result.refusals)], \(exchange.errors) wrong at the exchange, "
          + "\(wrong) open, withdrawn or malformed, \(result.missing) messages missing, "
          + "\(result.journalRefused) not journalled, \(attempts) attempts; \(result.trouble)")
    }
    return (errors, result.stages, result.backEnd)
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
