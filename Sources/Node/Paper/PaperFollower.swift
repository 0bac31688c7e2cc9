import ExecutionCore
import Gateways
import Trading
import Transport

/// A live feed that a paper broker fills at: the loop of every run, without an order session. Its holes, snapshots and
/// silences are handled as those of a run are; what is not whole is nothing to fill at.
///
/// Threading: one thread, the broker's.
final class PaperFollower {
  let instruments: [InstrumentFacts]
  private let lane: MemoryLane
  private let monitor = RunMonitor()
  private let tape = PaperTape()
  private var loop: TradingLoop<PaperListener, VenueGateway<NoGateway>>

  struct Settings {
    var kind = Configuration.FeedKind.orders
    var lineA = Endpoint.any(port: 0)
    var lineB = Endpoint.any(port: 0)
    /// Of this machine, by which groups are joined.
    var interface: UInt32 = 0x7f00_0001
    var rerequest = Endpoint.any(port: 0)
    var snapshot = Endpoint.any(port: 0)
    /// nil: the snapshot service names it.
    var session: SessionName?
    var credentials = SoupCredentials.blank
    var midnight: Int64 = 0
    /// At 10⁻⁸.
    var speed: Int64 = 100_000_000
  }

  init(
    _ settings: Settings, _ instruments: [InstrumentFacts]
  ) throws(CommandFailure) {
    self.instruments = instruments
    lane = MemoryLane(bytes: 1 << 20)
    let engine = try Self.engine(settings.kind, instruments, lane)
    guard let latency = LatencyRecorder() else {
      throw CommandFailure(.unavailable, "no memory for the histograms")
    }
    var kernel = ReactorSettings()
    kernel.connections = 16
    do throws(ReactorError) {
      var reactor = try Reactor(kernel)
      var orders = FeedClient(off: settings.midnight)
      var prices = PriceFeedClients()
      switch settings.kind {
      case .orders:
        orders = try FeedClient(
          on: &reactor, lineA: settings.lineA, lineB: settings.lineB,
          interface: settings.interface, midnight: settings.midnight, speed: settings.speed)
        orders.lines.requestServer = settings.rerequest
        if let session = settings.session { orders.lines.adopt(session) }
      case .prices:
        prices = try PriceFeedClients(count: 1) { _ throws(ReactorError) in
          try PriceFeedClient(
            on: &reactor, lineA: settings.lineA, lineB: settings.lineB,
            interface: settings.interface, token: PriceFeedToken.first, channel: 0,
            instruments: instruments, midnight: settings.midnight, speed: settings.speed)
        }
        prices[0].lines.requestServer = settings.rerequest
        if let session = settings.session { prices[0].lines.adopt(session) }
      }
      var looping = TradingLoopSettings(wait: .spin)
      looping.snapshotServer = settings.snapshot
      let path = HotPath(
        reactor: reactor, orders: OrderEntryClients<VenueGateway<NoGateway>>(),
        driver: Driver(engine: engine, strategy: StrategySwitch(PaperListener(tape: tape))),
        latency: latency,
        clock: SessionClock(speed: settings.speed, midnight: settings.midnight))
      loop = TradingLoop(
        feed: orders, prices: prices, path: path,
        snapshot: SnapshotClient(credentials: settings.credentials, midnight: settings.midnight),
        monitor: monitor, settings: looping)
    } catch {
      throw CommandFailure(
        .listening(errno: error.errorNumber),
        "market data: \(error); give other lines with --follow")
    }
    loop.begin()
  }

  private static func engine(
    _ kind: Configuration.FeedKind, _ instruments: [InstrumentFacts],
    _ lane: borrowing MemoryLane
  ) throws(CommandFailure) -> Engine {
    // Nobody trades in it: one account and a venue, because an engine has them.
    var engine = EngineConfiguration(
      instruments: instruments, accounts: [AccountConfiguration(name: "none")],
      strategies: [StrategyConfiguration(name: "none", account: AccountID(raw: 0))],
      venues: [.paper()])
    engine.feeds = [
      FeedConfiguration(
        name: "feed", kind: kind == .orders ? .orders : .prices,
        hours: kind == .orders ? .unknown : .open)
    ]
    engine.marketData = MarketDataSettings(capacity: BookCapacity(orders: 262_144))
    engine.stateHashInterval = 0
    engine.ordersPerDayMax = 64
    engine.executionsMax = 64
    do throws(EngineConfigurationError) {
      return try Engine(engine, lane: lane.lane)
    } catch {
      throw CommandFailure(.configuration, "\(error)")
    }
  }

  /// Session time now; 0 before the feed's first message.
  var sessionTime: Int64 { loop.path.clock.time(now: loop.path.reactor.now) }
  var messages: UInt64 { loop.path.driver.engine.counters.marketRecords }
  /// The feed has ended, or can't be followed any more.
  var isOver: Bool { loop.end != nil }
  /// Why it can't; nil while it can, and where it has ended in order.
  var failure: CommandFailure? {
    switch loop.end {
    case nil, .feedEnded: nil
    case .noSession, .noSnapshot:
      CommandFailure(
        .unavailable,
        "the feed can't be followed: its session or its books could not be had from the snapshot service; check "
          + "--follow-session and --follow-snapshot")
    case .noInstrument:
      CommandFailure(
        .dataError,
        "the feed names none of the instruments; give the file of what it plays with --instruments")
    case .some(let end): CommandFailure(.unavailable, "the feed can't be followed: \(end.inWords)")
    }
  }

  /// Reads what has come, and tells the broker.
  func turn(_ broker: inout PaperBroker) {
    // Bounded: what comes meanwhile waits for the next turn.
    for _ in 0..<64 where !isOver {
      let before = tape.events.count
      loop.turn()
      if tape.events.count == before { break }
    }
    // The engine's own records are nobody's.
    lane.rewind()
    for event in tape.events { event.tell(&broker) }
    tape.events.removeAll(keepingCapacity: true)
  }
}

/// What the loop's strategy has seen, for the broker.
final class PaperTape {
  var events: [PaperTapeEvent] = []
}

enum PaperTapeEvent {
  case quote(Int, Quote, MarketStatus, at: Int64)
  case trade(Trade, at: Int64)

  func tell(_ broker: inout PaperBroker) {
    switch self {
    case .quote(let i, let quote, let status, let time):
      broker.status(i, status, now: time)
      broker.quote(i, quote, now: time)
    case .trade(let trade, let time):
      broker.trade(
        Int(trade.instrument.raw), price: trade.price.raw, quantity: trade.quantity.raw,
        isBuyer: trade.restingSide.map { !$0.isBuy }, now: time)
    }
  }
}

/// Writes down what a broker has to know of the market.
struct PaperListener: Strategy {
  let tape: PaperTape

  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    tell(instrument, desk)
  }
  mutating func onTrade(_ trade: Trade, _ desk: borrowing Desk) {
    tape.events.append(.trade(trade, at: desk.sessionTime))
  }
  mutating func onState(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    guard instrument == .none else { return tell(instrument, desk) }
    for i in 0..<UInt32(desk.instrumentCount) { tell(InstrumentID(raw: i), desk) }
  }

  private func tell(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    // What is not known to be all that there is, is nothing to fill at.
    let isKnown = !desk.gates(instrument).contains(.gap)
    let empty = Quote(
      bid: Price(raw: 0), ask: Price(raw: 0), bidQuantity: Quantity(raw: 0),
      askQuantity: Quantity(raw: 0))
    let status = desk.hours(instrument).isOpen ? desk.status(instrument) : .closed
    tape.events.append(
      .quote(
        Int(instrument.raw), isKnown ? desk.quote(instrument) : empty, status,
        at: desk.sessionTime))
  }
}
