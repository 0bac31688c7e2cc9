import BenchSupport
import CSupport
import ExecutionCore
import Foundation
import Gateways
import Journal
import Trading
import Transport

/// What a ``ProbeRun`` is made of.
struct ProbeSettings: Sendable {
  var engine: EngineConfiguration
  var gateway: OUCHGatewaySettings
  /// The exchange's order entry.
  var orderEntry: Endpoint
  /// A directory of its own, for a journal in mode shared.
  var journal: String
  /// The hot thread's processor; −1: the last that there is.
  var processor = -1
  /// False: the feed and the order connection go through io_uring instead of direct calls.
  var isDirect = true
  var backEnd = ReactorBackEnd.automatic
  /// Busy nanoseconds that the strategy adds before each order.
  var handicap: Int64 = 0

  init(
    engine: EngineConfiguration, gateway: OUCHGatewaySettings, orderEntry: Endpoint,
    journal: String
  ) {
    self.engine = engine
    self.gateway = gateway
    self.orderEntry = orderEntry
    self.journal = journal
  }
}

/// What the hot thread counted, and what went wrong there.
struct ProbeResult: Sendable {
  var ordersPlaced = 0
  var ordersEncoded: UInt64 = 0
  /// Withdrawn because they waited too long, or for want of a session.
  var ordersNotSent: UInt64 = 0
  /// Refused by risk.
  var ordersRefused: UInt64 = 0
  var openOrders: Int = 0
  var records: UInt64 = 0
  /// Datagrams received, and messages that were found missing.
  var datagrams: UInt64 = 0
  var missing: UInt64 = 0
  /// Malformed messages of either side.
  var malformed: UInt64 = 0
  var journalRefused: UInt64 = 0
  var backEnd = ""
  /// Risk's reasons, with how often; empty when it refused nothing.
  var refusals = ""
  /// The product's own stamps: p50 of each stage in nanoseconds, and of the whole, from the bytes in
  /// its hands to the kernel's return from the send.
  var stages: [Stage] = []

  struct Stage: Sendable {
    var name: String
    var p50: Int64
  }
  var trouble = ""

  init() {}
}

/// `needletail run`'s own hot loop with a strategy that answers every rise of a bid with one order:
/// what the benchmark and the tests hold against the wire.
///
/// The loop, the feed client, the order entry client, risk and journal are those of a run; only the
/// strategy and the far ends are another's.
///
/// Threading: one thread makes, starts and stops it; the loop has a pinned thread of its own.
final class ProbeRun: @unchecked Sendable {
  private let settings: ProbeSettings
  private let monitor = RunMonitor()
  private let latency: LatencyRecorder
  private let journal: JournalWriter
  private var thread: HotThread?
  // Written by the hot thread, read after it has been joined.
  private var result = ProbeResult()

  /// Opens the journal; throws what hinders it.
  init(_ settings: ProbeSettings) throws {
    guard let latency = LatencyRecorder() else {
      throw BenchError("no memory for the histograms")
    }
    self.settings = settings
    self.latency = latency
    var options = JournalOptions(facts: JournalFacts(build: "probe"))
    options.mode = .shared
    journal = try JournalWriter.open(settings.journal, options)
    try journal.start()
    _ = nt_clock_calibrate()
  }

  /// Starts the hot thread; returns where it listens for the feed. It connects by itself.
  func start() throws -> Endpoint {
    thread = try HotThread(processor: settings.processor, locksMemory: false) { self.run() }
    while monitor.get(.portA) == 0 || monitor.get(.portB) == 0 {
      guard monitor.phase != .failed else { throw BenchError(result.trouble) }
      usleep(200)
    }
    let port = monitor.get(settings.isDirect ? .portA : .portB)
    return .loopback(port: UInt16(truncatingIfNeeded: port))
  }

  /// Logged in, and market data has come.
  var isTrading: Bool { monitor.phase == .trading }
  /// Ended without being asked to: ``stop()`` tells why.
  var hasEnded: Bool { monitor.phase == .failed || monitor.phase == .done }
  /// Market records that the engine had applied at the last look, at most 5 ms ago.
  var records: UInt64 { monitor.get(.messages) }

  /// Asks the loop to end: it cancels what is open and logs out. The far end must go on answering
  /// until ``hasEnded``.
  func requestStop() { monitor.stopReason = .signal }

  /// Ends the loop and gives what it found.
  func stop() throws -> ProbeResult {
    requestStop()
    thread?.join()
    thread = nil
    var found = result
    found.journalRefused = journal.statistics.refused
    try journal.close()
    return found
  }

  // MARK: The hot thread

  private func run() {
    do {
      try trade()
      monitor.phase = .done
    } catch {
      result.trouble = Bench.text(of: error)
      monitor.phase = .failed
    }
  }

  private func trade() throws {
    let driver = Driver(
      engine: try Engine(settings.engine, lane: journal.lane),
      strategy: StrategySwitch(WireProbe(handicap: settings.handicap)))
    var reactor = try Reactor(.ofTradingLoop(on: settings.backEnd))
    result.backEnd = reactor.backEnd.rawValue
    var feed = try FeedClient(
      on: &reactor, lineA: .loopback(), lineB: .loopback(), interface: Endpoint.loopback().address,
      midnight: settings.gateway.midnight, speed: nil)
    feed.lines.adopt(WireExchange.session)
    monitor.set(.portB, UInt64(try reactor.localEndpoint(of: feed.lines.lineB).port))
    monitor.set(.portA, UInt64(try reactor.localEndpoint(of: feed.lines.lineA).port))
    let orders = OrderEntryClients<VenueGateway<NoGateway>>(ports: 1) { port in
      OrderEntryClient(
        port, to: settings.orderEntry,
        gateway: VenueGateway(
          ouch: OUCHGateway(
            settings.gateway, symbols: settings.engine.instruments.map(\.symbol.code))),
        backoff: ReconnectBackoff(
          first: 10_000_000, longest: 100_000_000, attemptsMax: 5, seed: 1),
        sockets: settings.isDirect ? .direct : SocketOptions())
    }
    let path = HotPath(
      reactor: reactor, orders: orders, driver: driver, latency: latency,
      clock: SessionClock(speed: nil, midnight: settings.gateway.midnight))
    var ofLoop = TradingLoopSettings(wait: .spin)
    // What is measured is every order, however slow the machine or a handicap makes it.
    ofLoop.lagMax = 0
    var loop = TradingLoop(
      feed: feed, path: path,
      snapshot: SnapshotClient(
        credentials: settings.gateway.session.credentials, midnight: settings.gateway.midnight),
      monitor: monitor, settings: ofLoop)
    loop.run()
    let gateway = loop.path.orders[0].gateway.counters
    result.ordersPlaced = loop.path.driver.strategy.inner.placed
    result.ordersEncoded = gateway.encoded
    result.ordersNotSent = gateway.notSent
    result.ordersRefused = loop.path.driver.engine.counters.refused
    result.records = loop.path.driver.engine.counters.marketRecords
    result.datagrams = loop.feed.lines.datagrams
    result.missing = loop.feed.lines.receiver.counters.missing
    result.openOrders = loop.path.driver.engine.openOrderCount
    result.malformed = loop.feed.malformed + gateway.undecodable + gateway.damagedOptions
    let state = loop.path.driver.engine.snapshot()
    result.refusals = state.refusals.map { "\($0.key) \($0.value)" }.sorted()
      .joined(separator: ", ")
    result.stages = LatencyRecorder.Stage.allCases.map {
      ProbeResult.Stage(name: $0.name, p50: latency.percentiles($0).p50)
    }
    if loop.end != .signal {
      result.trouble = "\(loop.end?.text ?? "") \(loop.path.orders[0].trouble)"
    }
  }
}

/// Takes the offer whenever the bid of an instrument rises to 99.995: one order a datagram.
struct WireProbe: Strategy {
  /// Bid that is answered, at exponent −8.
  static var signal: Int64 { 9_999_500_000 }

  let handicap: Int64
  private var wanted = InstrumentID.none
  private(set) var placed = 0

  init(handicap: Int64) { self.handicap = handicap }

  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    if desk.quote(instrument).bid.raw == Self.signal { wanted = instrument }
  }

  mutating func onBatchEnd(_ desk: borrowing Desk) {
    guard wanted != .none else { return }
    if handicap > 0 {
      let end = nt_clock_now() &+ handicap
      while nt_clock_now() < end {}
    }
    let verdict = desk.place(
      wanted, .buy, price: desk.quote(wanted).ask, quantity: Quantity(raw: 100),
      timeInForce: .immediateOrCancel)
    if case .accepted = verdict { placed &+= 1 }
    wanted = .none
  }
}
