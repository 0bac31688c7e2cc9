import ExecutionCore
import Foundation
import Gateways
import Simulation
import TestSupport
import Testing
import Transport

@testable import Node

/// What happens to a paper broker's accounts without an order, by `--actions`.
struct PaperActionsTests {
  private static let coins = PriceGenerator(PriceGeneratorSettings(begin: begin)).instruments
  /// 2024-08-08 16:00 UTC.
  private static let begin: Int64 = 1_723_132_800_000_000_000

  private func read(_ text: String) throws -> [PaperAction] {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/a.csv"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return try PaperActions.read(path, Self.coins)
  }

  @Test func `a file of actions is read in the order of its times`() throws {
    let actions = try read(
      """
      time,symbol,action,value
      # the second hour
      2024-08-08T17:00:00Z,BTC-USD,split,10:1
      2024-08-08T16:00:01Z,BTC-USD,funding,-0.0001
      2024-08-08T16:00:01Z, ETH-USD , dividend , 0.25

      2024-08-08T16:00:00Z,BTC-USD,settlement,60000.5:59999
      """)
    let (btc, eth) = (Self.coins[0].symbol, Self.coins[1].symbol)
    #expect(
      actions == [
        PaperAction(
          .settlement(at: Price(raw: 60_000_50), before: Price(raw: 59_999_00)), btc,
          at: Self.begin),
        PaperAction(.funding(rate: -10_000), btc, at: Self.begin + 1_000_000_000),
        PaperAction(
          .dividend(perUnit: Money(raw: 25_000_000)), eth, at: Self.begin + 1_000_000_000),
        PaperAction(
          .split(numerator: 10, denominator: 1), btc, at: Self.begin + 3_600_000_000_000),
      ])
  }

  @Test(arguments: [
    ("2024-08-08T17:00:00Z,BTC-USD,split", "line 1: four fields are needed"),
    ("\n2024-08-08 17:00:00,BTC-USD,split,2:1", "line 2: '2024-08-08 17:00:00' is no time"),
    ("2024-08-08T24:00:00Z,BTC-USD,split,2:1", "is no time"),
    ("2024-08-08T17:00:00Z,BTCUSD,split,2:1", "did you mean 'BTC-USD'?"),
    ("2024-08-08T17:00:00Z,BTC-USD,split,2:0", "'split 2:0' is none of: dividend DOLLARS"),
    ("2024-08-08T17:00:00Z,BTC-USD,funding,2", "'funding 2' is none of"),
    ("2024-08-08T17:00:00Z,BTC-USD,dividend,1e3", "'dividend 1e3' is none of"),
    ("2024-08-08T17:00:00Z,BTC-USD,settlement,1.001:1", "'settlement 1.001:1' is none of"),
    ("2024-08-08T17:00:00Z,BTC-USD,settlement,99999999999999999999:1", "is none of"),
  ])
  func `what is no action is refused with its line`(_ text: String, _ said: String) throws {
    #expect {
      _ = try read(text)
    } throws: {
      guard let failure = $0 as? CommandFailure else { return false }
      return failure.code == .dataError && failure.message.contains(said)
    }
  }

  /// A broker on a generated market, which holds a coin since before it began.
  private func server(
    _ broker: PaperBroker, _ actions: [PaperAction], _ network: MemoryNetwork
  ) throws -> PaperServer {
    var settings = PaperServerSettings()
    settings.reactor.network = network
    settings.actions = actions
    let source = PaperSource(PriceGeneratorSettings(begin: Self.begin))
    return PaperServer(
      broker, try PaperMarket(source, name: "coins"), file: nil, settings,
      try PaperSockets(settings), say: { _, _ in })
  }

  @Test func `each is booked once at its time, also by a broker that is made again`() throws {
    let coins = Self.coins
    let one: Int64 = coins[0].quantityExponent == -5 ? 100_000 : 0
    try #require(one > 0)
    let actions = [1, 2, 3].map { second in
      PaperAction(
        .dividend(perUnit: Money(raw: Int128(second) * 100_000_000)), coins[0].symbol,
        at: Self.begin + Int64(second) * 1_000_000_000)
    }
    let settings = PaperSettings(
      instruments: coins, accounts: [.init(name: "A", password: "b")])
    var broker = PaperBroker(settings)
    let isHeld = broker.adjust(
      "A", coins[0].symbol, PaperAdjustment(.deposit, amount: 0, quantity: one), now: Self.begin)
    #expect(isHeld)
    let cash = try #require(broker.cash("A")).raw
    var got: [Int128] = []
    for (run, seconds) in [3, 5].enumerated() {
      let network = try MemoryNetwork(seed: UInt64(run))
      var server = try server(broker, actions, network)
      for _ in 0..<(seconds * 100) {
        network.advance(to: network.now + 10_000_000)
        server.turn()
        // Ends in the middle of the second second, and begins the market again.
        if run == 0, network.now - (server.startedAt ?? network.now) > 2_500_000_000 { break }
      }
      #expect(server.actionsFailed == 0)
      broker = server.broker
      got.append(try #require(broker.cash("A")).raw - cash)
    }
    #expect(got == [300_000_000, 600_000_000])
  }

  @Test func `actions of one time are each booked once, wherever it stops between them`() throws {
    let coins = Self.coins
    let settings = PaperSettings(
      instruments: coins, accounts: [.init(name: "A", password: "b")])
    let actions = [0, 1, 1, 1, 2].map { second in
      PaperAction(
        .dividend(perUnit: Money(raw: 100_000_000)), coins[0].symbol,
        at: Self.begin + Int64(second))
    }
    for stop in 0...actions.count {
      var file = PaperBroker.header(settings)
      var broker = PaperBroker(settings)
      for action in actions[..<stop] {
        let isBooked = broker.carryOut(action, now: Self.begin + 1_000)
        #expect(isBooked, "nobody holds any")
      }
      // What was bought behind an action has none of it.
      let isHeld = broker.adjust(
        "A", coins[0].symbol, PaperAdjustment(.deposit, amount: 0, quantity: 100_000),
        now: Self.begin + 1_000)
      #expect(isHeld)
      broker.keep { file += $0 }
      var again = try file.withUnsafeBytes { try PaperBroker.recovered(settings, file: $0) }.broker
      let next = again.actionsDone.next(of: actions)
      #expect(next == stop)
      let before = try #require(again.cash("A")).raw
      for action in actions[next...] {
        let isBooked = again.carryOut(action, now: Self.begin + 2_000)
        #expect(isBooked)
      }
      let got = try #require(again.cash("A")).raw - before
      #expect(got == Int128(actions.count - stop) * 100_000_000)
      let isTakenLate = again.carryOut(actions[0], now: Self.begin + 3_000)
      #expect(!isTakenLate)
    }
  }

  @Test func `what nothing is quoted for is booked for nobody, and said`() throws {
    let coins = Self.coins
    var broker = PaperBroker(
      PaperSettings(instruments: coins, accounts: [.init(name: "A", password: "b")]))
    let funding = PaperAction(.funding(rate: 10_000), coins[0].symbol, at: Self.begin)
    let isFlat = broker.carryOut(funding, now: Self.begin)
    #expect(isFlat, "nobody holds any")
    let isHeld = broker.adjust(
      "A", coins[0].symbol, PaperAdjustment(.deposit, amount: 0, quantity: 10_000),
      now: Self.begin)
    #expect(isHeld)
    let isBooked = broker.carryOut(funding, now: Self.begin)
    #expect(!isBooked)
    let quote = Quote(
      bid: Price(raw: 60_000_00), ask: Price(raw: 60_000_02), bidQuantity: Quantity(raw: 10),
      askQuantity: Quantity(raw: 10))
    broker.quote(0, quote, now: Self.begin)
    let before = try #require(broker.cash("A")).raw
    let isPaid = broker.carryOut(funding, now: Self.begin)
    #expect(isPaid)
    // A basis point of a tenth of 60,000.01.
    #expect(try #require(broker.cash("A")).raw - before == -60_000_010)
  }
}
