import ExecutionCore
import Gateways
import Simulation
import Testing

/// EXCHANGE.md, "Matching our orders with recorded flow", rule by rule.
@Suite struct MatchingRuleTests {
  @Test func `an arriving order executes against ours first and the rest rests`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "S", 100, 1_000_000))
    exchange.history(Flow.add(1, "B", 300, 1_000_100))
    #expect(exchange.executions == ["1:100@1000000 A"])
    #expect(exchange.publishedKinds == "EA")
    #expect(exchange.published.last?.shares == 200)
    #expect(exchange.core.workingOrders.isEmpty)
  }

  @Test func `an arriving order that ours absorbs is never published`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "S", 500, 1_000_000))
    exchange.history(Flow.add(1, "B", 300, 1_000_000))
    #expect(exchange.publishedKinds == "E")
    // The file goes on about it; nobody hears of it.
    exchange.history(Flow.execute(1, 100, match: 9), Flow.reduce(1, 100), Flow.delete(1))
    #expect(exchange.publishedKinds == "")
    #expect(exchange.core.counters.droppedShares == 300)
    #expect(exchange.core.counters.unknownReferences == 0)
  }

  @Test func `an execution fills ours ahead in the queue before what is left of its order`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.history(Flow.add(1, "B", 300, 1_000_000))
    exchange.history(Flow.execute(1, 150, match: 5))
    #expect(exchange.executions == ["1:100@1000000 A"])
    #expect(exchange.publishedKinds == "EE")
    #expect(exchange.published.last?.shares == 50)
    #expect(exchange.published.last?.second == 5)
  }

  @Test func `an execution leaves ours behind in the queue alone`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "B", 300, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    #expect(exchange.core.queueAhead(account: 0, userRefNum: 1) == 300)
    exchange.history(Flow.execute(1, 200, match: 5))
    #expect(exchange.executions.isEmpty)
    #expect(exchange.core.queueAhead(account: 0, userRefNum: 1) == 100)
    exchange.history(Flow.execute(1, 100, match: 6))
    #expect(exchange.core.queueAhead(account: 0, userRefNum: 1) == 0)
    #expect(exchange.executions.isEmpty)
  }

  @Test func `an execution fills ours at better prices first`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 300, 1_000_300))
    exchange.submit(Flow.enter(1, "S", 100, 1_000_200), Flow.enter(2, "S", 100, 1_000_100))
    exchange.history(Flow.execute(1, 150, match: 5))
    #expect(exchange.executions == ["2:100@1000100 A", "1:50@1000200 A"])
  }

  @Test func `what the file's execution left of its order leaves with the file's end`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.history(Flow.add(1, "B", 300, 1_000_000))
    exchange.history(Flow.execute(1, 300, match: 5))
    #expect(exchange.publishedKinds == "EED")
    #expect(exchange.core.counters.releasedShares == 100)
    #expect(exchange.subscriber.live.isEmpty)
  }

  @Test func `an execution at another price fills only ours that are as good`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "B", 300, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 100, 1_000_100), Flow.enter(2, "B", 100, 1_000_300))
    exchange.history(Flow.executeAt(1, 200, price: 1_000_200, match: 5))
    #expect(exchange.executions == ["2:100@1000300 A"])
    #expect(exchange.published.last?.shares == 100)
  }

  @Test func `shares that we took are dropped and counted`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 300, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 200, 1_000_000, timeInForce: "3"))
    #expect(exchange.executions == ["1:200@1000000 R"])
    #expect(exchange.publishedKinds == "E")
    exchange.history(Flow.execute(1, 150, match: 5))
    #expect(exchange.published.map(\.shares) == [100])
    #expect(exchange.core.counters.droppedShares == 50)
    exchange.history(Flow.execute(1, 150, match: 6))
    #expect(exchange.publishedKinds == "")
    #expect(exchange.core.counters.droppedShares == 200)
  }

  @Test func `a partial cancel acts on what is left`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 300, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 250, 1_000_000, timeInForce: "3"))
    exchange.history(Flow.reduce(1, 100))
    // Nothing is left here, though the file still has 200.
    #expect(exchange.publishedKinds == "D")
    exchange.history(Flow.delete(1))
    #expect(exchange.publishedKinds == "")
  }

  @Test func `a delete of an order that we took whole is not passed on`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 300, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 300, 1_000_000))
    exchange.history(Flow.delete(1))
    #expect(exchange.publishedKinds == "")
    #expect(exchange.core.counters.droppedMessages == 1)
    #expect(exchange.subscriber.unknown == 0)
  }

  @Test func `a replace of history loses priority and carries what we took`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 300, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000, timeInForce: "3"))
    exchange.submit(Flow.enter(2, "S", 100, 1_000_000))
    exchange.history(Flow.replace(1, by: 2, 300, 1_000_000))
    #expect(exchange.publishedKinds == "U")
    #expect(exchange.published.last?.shares == 200)
    #expect(exchange.core.queueAhead(account: 0, userRefNum: 2) == 0)
    exchange.history(Flow.execute(2, 100, match: 8))
    #expect(exchange.executions == ["2:100@1000000 A"])
  }

  @Test func `a replace of an order that nobody sees any more is published as new`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 300, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 300, 1_000_000))
    exchange.history(Flow.replace(1, by: 2, 500, 1_000_100))
    #expect(exchange.publishedKinds == "A")
    #expect(exchange.published.last?.shares == 200)
    #expect(exchange.published.last?.symbol == Flow.symbol)
  }

  @Test func `a replace of history that would cross ours executes first`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "B", 300, 999_900))
    exchange.submit(Flow.enter(1, "S", 100, 1_000_000))
    exchange.history(Flow.replace(1, by: 2, 250, 1_000_000))
    #expect(exchange.executions == ["1:100@1000000 A"])
    #expect(exchange.publishedKinds == "DEA")
    #expect(exchange.published.last?.shares == 150)
    #expect(exchange.published.last?.reference == 2)
  }

  @Test func `a hidden trade fills ours at a better price and displayed ones at its price`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "B", 300, 1_000_000), Flow.add(2, "S", 300, 1_001_000))
    exchange.submit(
      Flow.enter(1, "B", 100, 1_000_300), Flow.enter(2, "B", 100, 1_000_200),
      Flow.enter(3, "B", 100, 1_000_200, display: "N"), Flow.enter(4, "B", 100, 1_000_100))
    exchange.history(Flow.trade(500, 1_000_200, match: 4))
    #expect(exchange.executions == ["1:100@1000300 A", "2:100@1000200 A"])
    #expect(exchange.publishedKinds == "EEP")
    #expect(exchange.published.last?.shares == 300)
  }

  @Test func `a hidden trade above the middle is a buyer's and fills our sales`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "B", 300, 1_000_000), Flow.add(2, "S", 300, 1_001_000))
    exchange.submit(Flow.enter(1, "S", 100, 1_000_700), Flow.enter(2, "B", 100, 1_000_100))
    exchange.history(Flow.trade(100, 1_000_700, match: 4))
    #expect(exchange.executions == ["1:100@1000700 A"])
    #expect(exchange.publishedKinds == "E")
  }

  @Test func `a hidden trade at the midpoint fills nobody`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "B", 300, 1_000_000), Flow.add(2, "S", 300, 1_001_000))
    exchange.submit(Flow.enter(1, "B", 100, 1_000_600), Flow.enter(2, "S", 100, 1_000_700))
    exchange.history(Flow.trade(100, 1_000_500, match: 4))
    #expect(exchange.executions.isEmpty)
    #expect(exchange.publishedKinds == "P")
    #expect(exchange.core.counters.tradesWithoutAggressor == 1)
  }

  @Test func `a hidden order of ours ranks behind displayed ones at its price`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "S", 100, 1_000_000, display: "N"))
    #expect(exchange.publishedKinds == "")
    exchange.history(Flow.add(1, "S", 100, 1_000_000))
    exchange.history(Flow.execute(1, 100, match: 1))
    #expect(exchange.executions.isEmpty)
    exchange.history(Flow.add(2, "B", 100, 1_000_000))
    #expect(exchange.executions == ["1:100@1000000 J"])
    #expect(exchange.publishedKinds == "P")
  }

  @Test func `a cross never fills continuous orders`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_600))
    exchange.history(Flow.cross(10_000, 900_000, match: 3))
    #expect(exchange.executions.isEmpty)
    #expect(exchange.publishedKinds == "Q")
  }

  @Test func `a non-printable execution is left out of volume`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "B", 300, 1_000_000))
    exchange.history(Flow.executeAt(1, 100, price: 1_000_000, match: 5, printable: "N"))
    #expect(exchange.core.volume(at: Flow.locate) == 0)
    exchange.history(Flow.executeAt(1, 50, price: 1_000_000, match: 6))
    #expect(exchange.core.volume(at: Flow.locate) == 50)
  }

  @Test func `a broken trade busts the fills that came from its match number`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.history(Flow.add(1, "B", 300, 1_000_000), Flow.execute(1, 150, match: 5))
    #expect(exchange.core.accounts[0].positions[Flow.symbol]?.shares == 100)
    exchange.history(Flow.broken(match: 5))
    #expect(exchange.kinds == "B")
    #expect(exchange.publishedKinds == "BB")
    #expect(exchange.core.accounts[0].positions[Flow.symbol]?.shares == 0)
    #expect(exchange.core.accounts[0].positions[Flow.symbol]?.cash == 0)
    #expect(exchange.core.accounts[0].positions[Flow.symbol]?.fees == 0)
    #expect(exchange.core.fills[0].isBusted)
    // Once broken it is broken: a second B finds nothing of ours.
    exchange.history(Flow.broken(match: 5))
    #expect(exchange.kinds == "")
  }

  @Test func `a break of a trade that ours absorbed whole is told to us alone`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.history(Flow.add(1, "B", 300, 1_000_000), Flow.execute(1, 100, match: 5))
    let own = exchange.core.fills[0].matchNumber
    exchange.history(Flow.broken(match: 5))
    #expect(exchange.published.map(\.second) == [own])
  }

  @Test func `an unknown reference touches nothing and is counted and passed on`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.history(
      Flow.execute(77, 100, match: 5), Flow.reduce(78, 5), Flow.delete(79),
      Flow.replace(80, by: 81, 100, 1_000_000))
    #expect(exchange.executions.isEmpty)
    #expect(exchange.publishedKinds == "EXDU")
    #expect(exchange.core.counters.unknownReferences == 4)
  }

  @Test func `history that bears our bit cannot touch ours`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    let own = exchange.published[0].reference
    #expect(own & ownReferenceBit != 0)
    exchange.history(Flow.delete(own), Flow.add(own, "B", 5, 5))
    #expect(exchange.publishedKinds == "")
    #expect(exchange.core.counters.malformedHistory == 2)
    #expect(exchange.core.workingOrders.count == 1)
  }

  @Test func `a duplicate reference is ignored and counted`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "B", 300, 1_000_000))
    exchange.history(Flow.add(1, "B", 300, 1_000_100))
    #expect(exchange.publishedKinds == "")
    #expect(exchange.core.counters.duplicateReferences == 1)
  }

  @Test func `more shares than the order has are cut and counted`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "B", 300, 1_000_000))
    exchange.history(Flow.execute(1, 500, match: 5))
    #expect(exchange.published.map(\.shares) == [300])
    #expect(exchange.core.counters.excessShares == 200)
  }

  @Test func `no fill goes through a better displayed price`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "B", 300, 1_000_500))
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.history(Flow.add(2, "B", 300, 1_000_000))
    // The file itself trades through its best bid.
    exchange.history(Flow.execute(2, 100, match: 5))
    #expect(exchange.executions.isEmpty)
    #expect(exchange.core.counters.blockedThroughs == 1)
    #expect(exchange.core.counters.fillsThroughBetterPrice == 0)
  }

  @Test func `ours take price by price in time order and the rest rests`() {
    var exchange = TestExchange()
    exchange.history(
      Flow.add(1, "S", 100, 1_000_100), Flow.add(2, "S", 100, 1_000_000),
      Flow.add(3, "S", 100, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 350, 1_000_100))
    #expect(
      exchange.executions == ["1:100@1000000 R", "1:100@1000000 R", "1:100@1000100 R"])
    #expect(exchange.published.map(\.reference).prefix(3) == [2, 3, 1])
    #expect(exchange.publishedKinds == "EEEA")
    #expect(exchange.core.workingOrders.map(\.open) == [50])
  }

  @Test func `matching stops in a halt and cancels pass and resumption matches what crosses`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 100, 1_000_000), Flow.action("H"))
    exchange.submit(Flow.enter(1, "B", 50, 1_000_000), Flow.enter(2, "B", 80, 1_000_000))
    #expect(exchange.executions.isEmpty)
    exchange.submit(Flow.enter(3, "B", 50, 1_000_000, timeInForce: "3"))
    #expect(exchange.kinds == "J")
    #expect(exchange.events[0].reason == RejectReason.halted.rawValue)
    exchange.submit(Flow.cancel(1))
    #expect(exchange.kinds == "C")
    exchange.history(Flow.execute(1, 40, match: 6))
    #expect(exchange.executions.isEmpty)
    exchange.history(Flow.action("T"))
    #expect(exchange.executions == ["2:60@1000000 R"])
    #expect(exchange.kinds == "ET")
    #expect(exchange.core.workingOrders.map(\.open) == [20])
  }

  @Test func `an operational halt of our market stops matching and of another does not`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 100, 1_000_000))
    var halt = Flow.record("h")
    halt.symbol = Flow.symbol
    halt.code = UInt16(UInt8(ascii: "H")) | UInt16(UInt8(ascii: "B")) << 8
    exchange.history(halt)
    exchange.submit(Flow.enter(1, "B", 50, 1_000_000))
    #expect(exchange.executions.count == 1)
    halt.code = UInt16(UInt8(ascii: "H")) | UInt16(UInt8(ascii: "Q")) << 8
    exchange.history(halt)
    exchange.submit(Flow.enter(2, "B", 50, 1_000_000))
    #expect(exchange.executions.isEmpty)
  }

  @Test func `with impact on later flow moves away from what we took and never crosses`() {
    var settings = ExchangeSettings()
    settings.impact.isEnabled = true
    settings.impact.defaultVolume = 10_000
    var exchange = TestExchange(settings)
    exchange.history(Flow.add(1, "S", 1_000, 1_000_000), Flow.add(2, "B", 100, 999_000))
    exchange.submit(Flow.enter(1, "B", 900, 1_000_000, timeInForce: "3"))
    exchange.history(Flow.add(3, "S", 100, 1_000_100))
    // 100 × 2 % × √(900 / 10,000) = 0.60 dollars.
    #expect(exchange.published.last?.price == 1_006_100)
    exchange.history(Flow.add(4, "B", 100, 999_800))
    #expect(exchange.published.last?.price == 999_900)
    exchange.history(Flow.delete(3))
    #expect(exchange.publishedKinds == "D")
  }
}
