public import ExecutionCore
public import Gateways

/// Exchange, order session and core on one thread in virtual time: the same code as between processes,
/// with bytes in memory for sockets.
///
/// Events happen in the order (time; exchange, feed, reports, timers; source sequence). Machine time is
/// 0 in everything that is journalled, so that the journal's bytes depend on feed, seed, configuration
/// and build alone. A strategy's timer fires between the events around it. Threading: one owner.
@safe public struct VirtualSession<S: Strategy>: ~Copyable {
  public var driver: Driver<S>
  public let exchange: ExchangeSession
  public let settings: VirtualSettings
  /// Session time of the last event.
  public private(set) var time: Int64
  public private(set) var events: UInt64 = 0

  /// The order sessions, one for each port of the engine and account of the exchange.
  private let ports: [VirtualPort]
  private var queue = VirtualQueue()
  private var random: SeededRandom
  /// When the last datagram of the feed arrives: it does not overtake itself.
  private var lastFeed = Int64.min
  private var published: UInt64
  private var records: [MarketRecord]
  private var buffer: [UInt8]
  private var mayApplyHistory = true

  /// Rounds of requests and reports after one event at most.
  private static var roundsMax: Int { 64 }
  /// Nanoseconds before the first message at which the core logs in.
  private static var loginLead: Int64 { 1_000_000 }

  /// Connects the core to the exchange.
  ///
  /// - Parameters:
  ///   - exchange: without a store, at the start of its feed.
  ///   - gateways: one for each port of the engine, in their order; the user name of each must be that of the
  ///     exchange's account of the same number.
  public init(
    driver: consuming Driver<S>, exchange: ExchangeSession, gateways: [OUCHGatewaySettings],
    settings: VirtualSettings = VirtualSettings()
  ) {
    self.driver = driver
    self.exchange = exchange
    self.settings = settings
    random = SeededRandom(seed: settings.seed)
    let first = exchange.feed.peek()?.sessionTime ?? exchange.feed.midnight
    time = first - Self.loginLead
    let symbols = self.driver.engine.configuration.instruments.map(\.symbol)
    let start = time
    ports = gateways.map {
      VirtualPort(
        gateway: OUCHGateway($0, symbols: symbols),
        soup: SoupServer(
          SoupServerSettings(session: exchange.name, credentials: $0.session.credentials),
          now: start))
    }
    published = exchange.nextSequence
    records = [MarketRecord](repeating: MarketRecord(), count: 1_024)
    buffer = [UInt8](repeating: 0, count: 65_536)
    for (i, port) in ports.enumerated() {
      port.gateway.connected(now: time)
      flush(i)
    }
  }

  /// What the gateways counted, together.
  public var gatewayCounters: GatewayCounters {
    ports.reduce(into: GatewayCounters()) { $0.add($1.gateway.counters) }
  }
  /// The cap that a gateway's fuse was tripped by; nil while all are armed.
  public var fuseTripped: LastHopFuse.Cap? {
    ports.lazy.compactMap { $0.gateway.fuseTripped }.first
  }

  /// Lets the next event happen; false when nothing is left to happen.
  @discardableResult public mutating func step() -> Bool {
    let history = mayApplyHistory ? exchange.feed.peek()?.sessionTime : nil
    let next = queue.first
    if let history, next.map({ history <= $0.time }) ?? true {
      begin(max(history, time))
      exchange.applyNext()
      answer()
      return true
    }
    guard let event = queue.pop() else { return false }
    begin(event.time)
    switch event.payload {
    case .orders(let port, let bytes): arriveAtExchange(bytes, port)
    case .feed(let bytes, let sequence): ingest(bytes, firstSequence: sequence)
    case .reports(let port, let bytes): receive(bytes, port)
    }
    return true
  }

  /// Until the feed is over and nothing is under way.
  public mutating func run() { while step() {} }

  /// Until session time has reached `end`, or nothing is left to happen.
  public mutating func run(until end: Int64) {
    while time < end {
      let history = exchange.feed.peek()?.sessionTime ?? .max
      guard min(history, queue.first?.time ?? .max) < end, step() else { return }
    }
  }

  /// The end: cancels what works, lets the confirmations arrive without any further history, and
  /// journals the session's end. True when nothing is left working.
  public mutating func finish() -> Bool {
    mayApplyHistory = false
    for _ in 0..<settings.finishStepsMax where step() {}
    _ = driver.engine.cancelAll()
    drain()
    for _ in 0..<settings.finishStepsMax where step() {}
    driver.engine.end()
    return exchange.core.workingOrders.isEmpty
  }

  /// Time moves on: timers that are due before the event fire first.
  private mutating func begin(_ moment: Int64) {
    events &+= 1
    if moment > time {
      driver.advance(sessionTime: moment - 1, machineTime: 0)
      time = moment - 1
      drain()
      driver.engine.journalHash()
      time = moment
    }
  }

  /// When something of a stream arrives whose last thing arrives at `last`.
  private mutating func arrival(after last: Int64, _ latency: Int64) -> Int64 {
    let extra = settings.jitter > 0 ? Int64(random.below(UInt64(settings.jitter) + 1)) : 0
    return max(last, time + latency + extra)
  }

  // MARK: - Exchange

  private mutating func arriveAtExchange(_ bytes: [UInt8], _ port: Int) {
    var offset = 0
    unsafe bytes.withUnsafeBytes { input in
      // Each turn consumes bytes or ends.
      while let found = unsafe ports[port].soup.next(input, &offset, now: time) {
        switch found {
        case .login(let login): logIn(login, port)
        case .unsequenced(let message):
          _ = unsafe exchange.submit(
            message, account: UInt32(truncatingIfNeeded: port), at: time)
        case .debug, .logout, .failed: continue
        }
      }
    }
    answer()
  }

  private mutating func logIn(_ login: SoupLogin, _ port: Int) {
    let stream = exchange.orderStreams[port]
    let answer = unsafe buffer.withUnsafeMutableBytes { out in
      unsafe ports[port].soup.answer(
        login, firstSequence: stream.firstSequence, nextSequence: stream.nextSequence, now: time,
        into: out)
    }
    switch answer {
    case .accepted(let count), .rejected(_, let count): report(count, port)
    case .noRoom: break
    }
  }

  /// Sends on what the last input to the exchange has brought forth.
  private mutating func answer() {
    for port in ports.indices {
      while true {
        let count = unsafe buffer.withUnsafeMutableBytes { out in
          unsafe ports[port].soup.pump(exchange.orderStreams[port], now: time, into: out)
        }
        guard count > 0 else { break }
        report(count, port)
      }
    }
    guard published < exchange.nextSequence else { return }
    var framed: [UInt8] = []
    let first = published
    while published < exchange.nextSequence {
      if let message = unsafe exchange.stream.message(at: published) {
        framed.append(UInt8(truncatingIfNeeded: message.count >> 8))
        framed.append(UInt8(truncatingIfNeeded: message.count))
        unsafe framed.append(contentsOf: message)
      }
      published += 1
    }
    lastFeed = arrival(after: lastFeed, settings.feedLatency)
    queue.push(.feed(framed[...], firstSequence: first), at: lastFeed)
  }

  private mutating func report(_ count: Int, _ port: Int) {
    let at = arrival(after: ports[port].lastReports, settings.reportLatency)
    ports[port].lastReports = at
    queue.push(.reports(port, Array(buffer[..<count])), at: at)
  }

  // MARK: - Core

  private mutating func ingest(_ bytes: ArraySlice<UInt8>, firstSequence: UInt64) {
    var sequence = firstSequence
    // Out of the session for the while, so that the driver may be changed inside.
    var batchRecords = records
    records = []
    defer { records = batchRecords }
    unsafe bytes.withUnsafeBufferPointer { input in
      unsafe batchRecords.withUnsafeMutableBufferPointer { records in
        guard let base = input.baseAddress, let into = records.baseAddress else { return }
        var offset = 0
        // Each turn consumes a frame at least, or ends.
        while offset < input.count {
          let batch = unsafe ITCHDecoder.decodeFrames(
            base + offset, count: input.count - offset, midnight: exchange.feed.midnight,
            firstSequence: sequence, into: into, capacity: records.count)
          if batch.records > 0 {
            unsafe driver.ingest(into, count: batch.records, machineTime: 0)
          }
          guard batch.consumed > 0 else { return }
          offset += batch.consumed
          sequence += UInt64(batch.frames)
        }
      }
    }
    drain()
  }

  private mutating func receive(_ bytes: [UInt8], _ port: Int) {
    var offset = 0
    // Each turn consumes bytes, or frees the reports, or ends.
    while offset < bytes.count {
      let used = unsafe bytes.withUnsafeBytes { input -> Int in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: input[offset...])
        return unsafe ports[port].gateway.receive(rest, now: time)
      }
      offset += used
      let isStuck = unsafe used == 0 && ports[port].gateway.reports.isEmpty
      drain()
      if isStuck { return }
    }
  }

  /// Requests to the wire and reports to the engine, until neither has more.
  private mutating func drain() {
    for _ in 0..<Self.roundsMax {
      var isAny = false
      for port in ports.indices where drain(port) { isAny = true }
      if !isAny { return }
    }
  }

  private mutating func drain(_ index: Int) -> Bool {
    let port = ports[index]
    let id = PortID(raw: UInt16(truncatingIfNeeded: index))
    var taken = 0
    while port.gateway.isActive, port.gateway.hasRoom,
      let request = driver.engine.nextRequest(id, machineTime: 0)
    {
      _ = port.gateway.encode(request, now: time)
      driver.engine.requestTaken(id)
      taken += 1
    }
    flush(index)
    let reports = unsafe Array(port.gateway.reports)
    port.gateway.clearReports()
    for var report in reports {
      report.receivedAt = 0
      driver.apply(report, sessionTime: time, machineTime: 0)
    }
    return taken > 0 || !reports.isEmpty
  }

  private mutating func flush(_ index: Int) {
    let port = ports[index]
    let bytes = unsafe Array(port.gateway.output)
    guard !bytes.isEmpty else { return }
    port.gateway.sent(now: time)
    port.lastOrders = arrival(after: port.lastOrders, settings.orderLatency)
    queue.push(.orders(index, bytes), at: port.lastOrders)
  }
}

/// Both ends of one order session.
private final class VirtualPort {
  var gateway: OUCHGateway
  var soup: SoupServer
  /// When the last bytes of each direction arrive: they do not overtake themselves.
  var lastOrders = Int64.min
  var lastReports = Int64.min

  init(gateway: consuming OUCHGateway, soup: consuming SoupServer) {
    self.gateway = gateway
    self.soup = soup
  }
}
