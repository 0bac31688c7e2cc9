import CSupport
import ExecutionCore
import Gateways
import Simulation
import Testing

/// Buys and sells in turn at the touch, and takes sometimes: enough to have every kind of event.
struct TestTrader: Strategy {
  var batches = 0
  var fills = 0
  var isOn = true

  mutating func onReport(_ update: OrderUpdate, _ desk: borrowing Desk) { fills += 1 }
  mutating func onBatchEnd(_ desk: borrowing Desk) {
    batches += 1
    guard batches % 37 == 0, isOn else { return }
    let turn = batches / 37
    let instrument = InstrumentID(raw: UInt32(turn % 3))
    let quote = desk.quote(instrument)
    guard quote.bid.raw > 0, quote.ask.raw > 0 else { return }
    let isBuy = turn % 2 == 0
    let takes = turn % 3 == 0
    let price = isBuy == takes ? quote.ask : quote.bid
    _ = desk.place(
      instrument, isBuy ? .buy : .sell, price: price, quantity: Quantity(raw: 100),
      timeInForce: takes ? .immediateOrCancel : .day)
  }
}

@Suite struct VirtualSessionTests {
  struct Outcome: Equatable {
    var journal: [UInt8]
    var fills: [ExchangeFill]
    var events: UInt64
    var isQuiet: Bool
    var executions: UInt64
    var violations: [String]
  }

  static func run(seed: UInt64, jitter: Int64 = 0, messages: UInt64 = 6_000) throws -> Outcome {
    let midnight: Int64 = 1_577_941_200_000_000_000
    let feed = ExchangeFeed(
      generated: GeneratorSettings(
        seed: seed, style: .volatile, symbols: 3, rate: 2_000, messagesMax: messages,
        midnight: midnight))
    var configuration = EngineConfiguration(
      instruments: feed.instruments, accounts: [AccountConfiguration(name: "A")],
      strategies: [StrategyConfiguration(name: "one", account: AccountID(raw: 0))],
      venues: [.nasdaq()])
    configuration.firmLimits = RiskLimits(
      orderQuantity: 10_000, orderNotional: Money(raw: 10_000_000 * 100_000_000),
      position: 100_000, openOrders: 1_000,
      messageRate: MessageRate(perSecond: 100_000, burst: 10_000, keptForCancels: 100))
    configuration.duplicateWindow = 0
    configuration.tradingDay = 20_200_102
    let lane = MemoryLane(bytes: 16 << 20)
    let engine = try Engine(configuration, lane: lane.lane)
    let exchange = try ExchangeSession(settings: ExchangeSessionSettings(), feed: feed)
    let credentials = try #require(SoupCredentials(username: "NTAIL1", password: "needletail"))
    var settings = VirtualSettings()
    settings.jitter = jitter
    var session = VirtualSession(
      driver: Driver(engine: engine, strategy: TestTrader()), exchange: exchange,
      gateways: [
        OUCHGatewaySettings(
          session: SoupClientSettings(credentials: credentials), port: .first,
          account: AccountID(raw: 0), midnight: midnight)
      ], settings: settings)
    // The last messages end the day, and with it the day's orders: stop before.
    session.run(until: midnight + 34_200_000_000_000 + 2_000_000_000)
    session.driver.strategy.isOn = false
    let isQuiet = session.finish()
    return Outcome(
      journal: Array(lane.records), fills: exchange.core.fills, events: session.events,
      isQuiet: isQuiet, executions: UInt64(session.driver.engine.counters.executions),
      violations: exchange.core.verify())
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `the same seed gives the same journal byte for byte`(_ seed: UInt64) throws {
    let once = try Self.run(seed: seed)
    let again = try Self.run(seed: seed)
    #expect(once.journal == again.journal, "seed \(seed)")
    #expect(once == again, "seed \(seed)")
    #expect(once.violations == [])
    #expect(!once.fills.isEmpty, "seed \(seed)")
    #expect(once.isQuiet, "seed \(seed)")
    #expect(UInt64(once.fills.count) == once.executions, "seed \(seed)")
    #expect(once.journal.count > 1_000)
  }

  @Test func `another seed or a jitter gives another journal`() throws {
    let plain = try Self.run(seed: 1)
    #expect(try Self.run(seed: 2).journal != plain.journal)
    let jittered = try Self.run(seed: 1, jitter: 300_000)
    #expect(jittered.journal != plain.journal)
    #expect(jittered == (try Self.run(seed: 1, jitter: 300_000)))
    #expect(UInt64(jittered.fills.count) == jittered.executions)
  }

  @Test func `a feed that ends leaves nothing under way`() throws {
    let outcome = try Self.run(seed: 4, messages: 800)
    #expect(outcome.isQuiet)
    #expect(UInt64(outcome.fills.count) == outcome.executions)
    #expect(outcome.events > 800)
  }
}
