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
  public private(set) var gateway: OUCHGateway
  public let settings: VirtualSettings
  /// Session time of the last event.
  public private(set) var time: Int64
  public private(set) var events: UInt64 = 0

  private var soup: SoupServer
  private var queue = VirtualQueue()
  private var random: SeededRandom
  /// When the last event of each stream arrives: streams do not overtake themselves.
  private var lastArrival = (orders: Int64.min, feed: Int64.min, reports: Int64.min)
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
  ///   - gateway: its user name must be the exchange's first account's.
  public init(
    driver: consuming Driver<S>, exchange: ExchangeSession, gateway: OUCHGatewaySettings,
    settings: VirtualSettings = VirtualSettings()
  ) {
    self.driver = driver
    self.exchange = exchange
    self.gateway = OUCHGateway(gateway)
    self.settings = settings
    random = SeededRandom(seed: settings.seed)
    let first = exchange.feed.peek()?.sessionTime ?? exchange.feed.midnight
    time = first - Self.loginLead
    soup = SoupServer(
      SoupServerSettings(session: exchange.name, credentials: gateway.session.credentials),
      now: time)
    published = exchange.nextSequence
    records = [MarketRecord](repeating: MarketRecord(), count: 1_024)
    buffer = [UInt8](repeating: 0, count: 65_536)
    self.gateway.connected(now: time)
    flush()
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
    case .orders(let bytes): arriveAtExchange(bytes)
    case .feed(let bytes, let sequence): ingest(bytes, firstSequence: sequence)
    case .reports(let bytes): receive(bytes)
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
      time = moment
    }
  }

  private mutating func delay(
    _ latency: Int64, _ stream: WritableKeyPath<(orders: Int64, feed: Int64, reports: Int64), Int64>
  ) -> Int64 {
    let extra = settings.jitter > 0 ? Int64(random.below(UInt64(settings.jitter) + 1)) : 0
    let arrival = max(lastArrival[keyPath: stream], time + latency + extra)
    lastArrival[keyPath: stream] = arrival
    return arrival
  }

  // MARK: - Exchange

  private mutating func arriveAtExchange(_ bytes: [UInt8]) {
    var offset = 0
    unsafe bytes.withUnsafeBytes { input in
      // Each turn consumes bytes or ends.
      while let found = unsafe soup.next(input, &offset, now: time) {
        switch found {
        case .login(let login): logIn(login)
        case .unsequenced(let message):
          _ = unsafe exchange.submit(message, account: 0, at: time)
        case .debug, .logout, .failed: continue
        }
      }
    }
    answer()
  }

  private mutating func logIn(_ login: SoupLogin) {
    let stream = exchange.orderStreams[0]
    let answer = unsafe buffer.withUnsafeMutableBytes { out in
      unsafe soup.answer(
        login, firstSequence: stream.firstSequence, nextSequence: stream.nextSequence, now: time,
        into: out)
    }
    switch answer {
    case .accepted(let count), .rejected(_, let count): report(count)
    case .noRoom: break
    }
  }

  /// Sends on what the last input to the exchange has brought forth.
  private mutating func answer() {
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { out in
        unsafe soup.pump(exchange.orderStreams[0], now: time, into: out)
      }
      guard count > 0 else { break }
      report(count)
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
    let arrival = delay(settings.feedLatency, \.feed)
    queue.push(.feed(framed[...], firstSequence: first), at: arrival)
  }

  private mutating func report(_ count: Int) {
    let arrival = delay(settings.reportLatency, \.reports)
    queue.push(.reports(Array(buffer[..<count])), at: arrival)
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

  private mutating func receive(_ bytes: [UInt8]) {
    var offset = 0
    // Each turn consumes bytes, or frees the reports, or ends.
    while offset < bytes.count {
      let used = unsafe bytes.withUnsafeBytes { input -> Int in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: input[offset...])
        return unsafe gateway.receive(rest, now: time)
      }
      offset += used
      let isStuck = unsafe used == 0 && gateway.reports.isEmpty
      drain()
      if isStuck { return }
    }
  }

  /// Requests to the wire and reports to the engine, until neither has more.
  private mutating func drain() {
    for _ in 0..<Self.roundsMax {
      var taken = 0
      while let request = driver.engine.nextRequest(machineTime: 0) {
        guard gateway.hasRoom(for: request) else { break }
        _ = gateway.encode(request, now: time)
        driver.engine.requestTaken()
        taken += 1
        // The gateway's queue is bounded: what it holds leaves first.
        if taken & 255 == 0 { flush() }
      }
      flush()
      let reports = unsafe Array(gateway.reports)
      gateway.clearReports()
      for var report in reports {
        report.receivedAt = 0
        driver.apply(report, sessionTime: time, machineTime: 0)
      }
      if taken == 0, reports.isEmpty { return }
    }
  }

  private mutating func flush() {
    var bytes: [UInt8] = []
    while true {
      let part = unsafe gateway.prepareSend(now: time)
      guard part.count > 0 else { break }
      unsafe bytes.append(contentsOf: part)
      gateway.sent(part.count, now: time)
    }
    guard !bytes.isEmpty else { return }
    queue.push(.orders(bytes), at: delay(settings.orderLatency, \.orders))
  }
}
