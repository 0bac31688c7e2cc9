import ExecutionCore
import Foundation
import Gateways
import Simulation
import Testing

/// Every fill derived again by ``SlowExchange``, and every publication believed by ``Subscriber``.
@Suite struct RandomFlowTests {
  /// Sends random requests between the messages of a feed and compares after each.
  struct Pair {
    var core: ExchangeCore
    var slow = SlowExchange()
    var subscriber = Subscriber()
    /// The file's own subscriber: what it does not know the file did not say.
    var file = Subscriber()
    var random: SeededRandom
    var number: UInt32 = 0
    var live: [UInt32] = []
    var fills: [SlowExchange.Fill] = []
    var unlike = 0

    init(seed: UInt64) {
      core = ExchangeCore()
      _ = core.openAccount()
      random = SeededRandom(seed: seed)
      drain()
    }

    mutating func drain() {
      for message in core.published { subscriber.apply(message.record) }
      for addressed in core.events where addressed.event.kind == .executed {
        let event = addressed.event
        fills.append(
          SlowExchange.Fill(
            number: event.userRefNum, shares: Int(event.quantity), price: Int(event.price),
            takes: event.liquidityFlag == UInt8(ascii: "R")))
      }
      core.clearOutput()
    }

    mutating func apply(_ record: MarketRecord) {
      file.apply(record)
      core.apply(record)
      slow.apply(record)
      drain()
    }

    mutating func submit(_ request: OUCHRequest) {
      core.submit(request, account: 0, at: core.time)
      slow.submit(request)
      drain()
    }

    /// A request near the market of the symbol that `record` spoke of.
    mutating func act(near record: MarketRecord) {
      guard let symbol = symbol(record) else { return }
      let bid = core.displayedOrders(locate: record.locate).first { $0.isBuy }?.price
      let ask = core.displayedOrders(locate: record.locate).first { !$0.isBuy }?.price
      guard let near = bid ?? ask else { return }
      number += 1
      let away = (Int64(random.below(UInt64(7))) - 3) * 100
      let price = UInt64(max(100, (Int64(near) + away) / 100 * 100))
      let shares = UInt32(1 + random.below(UInt64(400)))
      switch random.below(UInt64(10)) {
      case 0..<6:
        var request = Flow.enter(
          number, random.below(UInt64(2)) == 0 ? "B" : "S", shares, price,
          timeInForce: random.below(UInt64(4)) == 0 ? "3" : "0")
        request.symbol = symbol
        live.append(number)
        submit(request)
      case 6..<8:
        guard !live.isEmpty else { return }
        submit(
          Flow.cancel(live[random.below(live.count)], to: UInt32(random.below(UInt64(3)) * 50)))
      default:
        guard !live.isEmpty else { return }
        live.append(number)
        submit(
          Flow.replace(order: live[random.below(live.count - 1)], by: number, shares, price))
      }
    }

    private func symbol(_ record: MarketRecord) -> UInt64? {
      let symbol = core.symbol(at: record.locate)
      return symbol == 0 ? nil : symbol
    }

    func check(_ name: String) {
      #expect(fills == slow.fills, "\(name)")
      #expect(core.verify() == [], "\(name)")
      #expect(subscriber.excess == 0, "\(name)")
      #expect(subscriber.duplicates == 0, "\(name)")
      #expect(subscriber.unknown == core.counters.unknownReferences, "\(name)")
      for locate in core.knownLocates {
        #expect(subscriber.orders(of: locate) == core.displayedOrders(locate: locate), "\(name)")
      }
    }
  }

  @Test(arguments: MarketStyle.allCases, [UInt64(1), 2, 3])
  func `every fill in a generated market is derived again`(_ style: MarketStyle, _ seed: UInt64) {
    var settings = GeneratorSettings(
      seed: seed, style: style, symbols: 3, rate: 500, messagesMax: 2_500, midnight: 0)
    settings.depth = 10
    var generator = MarketGenerator(settings: settings)
    var pair = Pair(seed: seed &* 31)
    while let record = generator.next() {
      // The end of market hours cancels day orders, which the slow one does not know.
      if record.kind == UInt8(ascii: "S"), "MEC".utf8.contains(UInt8(record.code)) { break }
      pair.apply(record)
      if pair.random.below(UInt64(3)) == 0 { pair.act(near: record) }
    }
    pair.check("style \(style), seed \(seed)")
    #expect(pair.fills.count > 20, "style \(style), seed \(seed)")
    #expect(pair.core.counters.unknownReferences == 0)
    #expect(pair.core.counters.excessShares == 0)
  }

  @Test(arguments: [UInt64(11), 12, 13, 14, 15, 16, 17, 18])
  func `wild flow that no exchange would send breaks no invariant`(_ seed: UInt64) {
    var pair = Pair(seed: seed)
    pair.apply(Flow.add(1, "B", 100, 1_000_000))
    for step in 0..<1_500 {
      let reference = 1 + pair.random.below(UInt64(60))
      let price = UInt32(999_500 + pair.random.below(UInt64(10)) * 100)
      let shares = UInt32(1 + pair.random.below(UInt64(300)))
      let record: MarketRecord
      switch pair.random.below(UInt64(12)) {
      case 0..<5:
        record = Flow.add(reference, pair.random.below(UInt64(2)) == 0 ? "B" : "S", shares, price)
      case 5: record = Flow.execute(reference, shares, match: UInt64(step))
      case 6: record = Flow.executeAt(reference, shares, price: price, match: UInt64(step))
      case 7: record = Flow.reduce(reference, shares)
      case 8: record = Flow.delete(reference)
      case 9:
        record = Flow.replace(reference, by: 1 + pair.random.below(UInt64(60)), shares, price)
      case 10: record = Flow.trade(shares, price, match: UInt64(step))
      default: record = Flow.action(pair.random.below(UInt64(3)) == 0 ? "H" : "T")
      }
      pair.apply(record)
      if pair.random.below(UInt64(2)) == 0 { pair.act(near: record) }
      #expect(pair.core.verify() == [], "seed \(seed), step \(step)")
    }
    #expect(pair.subscriber.duplicates == 0, "seed \(seed)")
    #expect(pair.subscriber.excess == 0, "seed \(seed)")
    #expect(pair.subscriber.unknown == pair.core.counters.unknownReferences, "seed \(seed)")
    #expect(
      pair.subscriber.orders(of: Flow.locate) == pair.core.displayedOrders(locate: Flow.locate),
      "seed \(seed)")
    #expect(pair.fills == pair.slow.fills, "seed \(seed)")
  }

  // The file is not part of the project; the test is skipped where it is not there.
  @Test(.enabled(if: SharedData.hasApple, "needs ../shared/data/itch"))
  func `every fill in the recorded Apple flow is derived again`() throws {
    let midnight = SessionCalendar.midnight(
      try #require(SessionDate(year: 2019, month: 12, day: 30)))
    let records = try SharedData.records(of: SharedData.apple, midnight: midnight)
    #expect(records.count == 25_000)
    var pair = Pair(seed: 5)
    for (index, record) in records.prefix(6_000).enumerated() {
      pair.apply(record)
      if index % 10 == 9 { pair.act(near: record) }
    }
    pair.check("AAPL")
    #expect(pair.fills.count > 50)
    #expect(pair.core.counters.unknownReferences > 100)
  }

  @Test(.enabled(if: SharedData.hasApple, "needs ../shared/data/itch"))
  func `without orders of ours the recorded flow is published as it is`() throws {
    let records = try SharedData.records(of: SharedData.apple, midnight: 0)
    var core = ExchangeCore()
    for record in records {
      core.apply(record)
      if core.published.count == 1, core.published[0].isVerbatim { core.clearOutput() }
    }
    #expect(core.published.isEmpty)
    #expect(core.counters.unknownReferences == 2_268)
    #expect(core.verify() == [])
  }
}
