import ExecutionCore
import Gateways
import Simulation
import Testing

/// EXCHANGE.md, "OUCH 5.0 over SoupBinTCP, complete", one test each.
@Suite struct OrderEntryTests {
  @Test func `an order is accepted with everything that it said and published with our bit`() {
    var exchange = TestExchange()
    var request = Flow.enter(5, "B", 100, 1_000_000)
    request.clOrdID = OUCHClOrdID(high: 7, low: 8)
    exchange.submit(request)
    #expect(exchange.kinds == "A")
    let event = exchange.events[0]
    #expect(event.userRefNum == 5)
    #expect(event.quantity == 100)
    #expect(event.price == 1_000_000)
    #expect(event.symbol == Flow.symbol)
    #expect(event.orderState == UInt8(ascii: "L"))
    #expect(event.clOrdID == OUCHClOrdID(high: 7, low: 8))
    #expect(event.orderReference & ownReferenceBit != 0)
    #expect(exchange.published.map(\.reference) == [event.orderReference])
  }

  @Test func `a number that is not above the last is silently ignored`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(5, "B", 100, 1_000_000))
    exchange.submit(Flow.enter(5, "B", 100, 1_000_000))
    #expect(exchange.kinds == "")
    exchange.submit(Flow.enter(4, "B", 100, 1_000_000))
    #expect(exchange.kinds == "")
    #expect(exchange.core.counters.ignoredRequests == 2)
    #expect(exchange.core.workingOrders.count == 1)
  }

  @Test func `numbers are counted by account`() {
    var exchange = TestExchange(accounts: 2)
    exchange.submit(Flow.enter(5, "B", 100, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000), account: 1)
    #expect(exchange.kinds == "A")
  }

  @Test func `a rejected number is consumed`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(5, "B", 0, 1_000_000))
    #expect(exchange.kinds == "J")
    exchange.submit(Flow.enter(5, "B", 100, 1_000_000))
    #expect(exchange.kinds == "")
  }

  @Test(
    arguments: [
      ("quantity 0", UInt32(0), UInt64(1_000_000), RejectReason.invalidQuantity),
      ("quantity 1,000,000", 1_000_000, 1_000_000, .invalidQuantity),
      ("price 0", 100, 0, .invalidPrice),
      ("price above $199,999.99", 100, 1_999_999_901, .invalidPrice),
      ("half a cent above a dollar", 100, 1_000_050, .invalidPrice),
    ])
  func `details beyond the limits are rejected`(
    _ name: String, _ quantity: UInt32, _ price: UInt64, _ reason: RejectReason
  ) {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", quantity, price))
    #expect(exchange.kinds == "J", "\(name)")
    #expect(exchange.events.first?.reason == reason.rawValue, "\(name)")
  }

  @Test func `details at the limits are accepted`() {
    var exchange = TestExchange()
    exchange.submit(
      Flow.enter(1, "S", 999_999, 1_999_999_900), Flow.enter(2, "B", 1, 1),
      Flow.enter(3, "B", 1, 9_999))
    #expect(exchange.kinds == "AAA")
  }

  @Test func `unknown symbol and side and display are rejected`() {
    var exchange = TestExchange()
    var request = Flow.enter(1, "B", 100, 1_000_000)
    request.symbol = 1
    exchange.submit(
      request, Flow.enter(2, "X", 100, 1_000_000),
      Flow.enter(3, "B", 100, 1_000_000, display: "?"))
    #expect(
      exchange.events.map(\.reason) == [
        RejectReason.invalidSymbol.rawValue, RejectReason.invalidSide.rawValue,
        RejectReason.invalidDisplay.rawValue,
      ])
  }

  @Test(arguments: [UInt64(2_000_000_000), 0x7FFF_FFFF])
  func `a market order takes at any price and never rests`(_ price: UInt64) {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 100, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 150, price))
    #expect(exchange.kinds == "AEC")
    #expect(exchange.events.last?.quantity == 50)
    #expect(exchange.core.workingOrders.isEmpty)
  }

  @Test func `what an immediate order cannot fill is canceled`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 100, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 150, 1_000_000, timeInForce: "3"))
    #expect(exchange.kinds == "AEC")
    #expect(exchange.events[2].reason == UInt16(UInt8(ascii: "I")))
  }

  @Test func `a post-only order that would take is canceled`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 100, 1_000_000))
    var request = Flow.enter(1, "B", 150, 1_000_000)
    request.options.set(.postOnly, UInt64(UInt8(ascii: "P")))
    exchange.submit(request)
    #expect(exchange.kinds == "AC")
    #expect(exchange.events[1].reason == UInt16(UInt8(ascii: "G")))
  }

  @Test func `a minimum quantity that cannot be had takes nothing`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 100, 1_000_000))
    var request = Flow.enter(1, "B", 300, 1_000_000, timeInForce: "3")
    request.options.set(.minimumQuantity, 200)
    exchange.submit(request)
    #expect(exchange.kinds == "AC")
    #expect(exchange.executions.isEmpty)
  }

  // MARK: - Replace

  @Test func `a replace of a dead order or with a used number meets silence`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000), Flow.enter(2, "B", 100, 1_000_000))
    exchange.submit(Flow.cancel(1))
    exchange.submit(Flow.replace(order: 1, by: 3, 100, 1_000_000))
    #expect(exchange.kinds == "")
    exchange.submit(Flow.replace(order: 2, by: 2, 100, 1_000_000))
    #expect(exchange.kinds == "")
    // The number of the first was not consumed.
    exchange.submit(Flow.numbered(.accountQuery, 0))
    #expect(exchange.events[0].userRefNum == 3)
  }

  @Test func `a replace with invalid details cancels the original and keeps the number`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.submit(Flow.replace(order: 1, by: 2, 100, 1_000_050))
    #expect(exchange.kinds == "C")
    #expect(exchange.events[0].userRefNum == 1)
    #expect(exchange.publishedKinds == "D")
    exchange.submit(Flow.numbered(.accountQuery, 0))
    #expect(exchange.events[0].userRefNum == 2)
  }

  @Test func `a replace of an order that cannot be cancelled is rejected and consumes its number`()
  {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.change { $0.setCancelHold(symbol: Flow.symbol, 2) }
    exchange.submit(Flow.replace(order: 1, by: 2, 50, 1_000_000))
    #expect(exchange.kinds == "J")
    #expect(exchange.events[0].userRefNum == 2)
    #expect(exchange.core.workingOrders.map(\.userRefNum) == [1])
    exchange.submit(Flow.numbered(.accountQuery, 0))
    #expect(exchange.events[0].userRefNum == 3)
  }

  @Test func `a replace loses priority and its quantity includes the chain's executions`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.history(Flow.add(1, "B", 300, 1_000_000), Flow.execute(1, 40, match: 1))
    #expect(exchange.executions == ["1:40@1000000 A"])
    exchange.submit(Flow.replace(order: 1, by: 2, 100, 1_000_000))
    #expect(exchange.kinds == "U")
    #expect(exchange.publishedKinds == "U")
    #expect(exchange.events[0].quantity == 60)
    #expect(exchange.events[0].originalUserRefNum == 1)
    #expect(exchange.core.queueAhead(account: 0, userRefNum: 2) == 300)
    exchange.submit(Flow.replace(order: 2, by: 3, 40, 1_000_000))
    #expect(exchange.kinds == "C")
  }

  @Test func `a replace may mark a sale anew and never turn it round`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "S", 100, 1_000_000))
    var request = Flow.replace(order: 1, by: 2, 100, 1_000_100)
    request.options.set(.side, UInt64(UInt8(ascii: "T")))
    exchange.submit(request)
    #expect(exchange.kinds == "U")
    #expect(exchange.events[0].side == UInt8(ascii: "T"))
    request = Flow.replace(order: 2, by: 3, 100, 1_000_100)
    request.options.set(.side, UInt64(UInt8(ascii: "B")))
    exchange.submit(request)
    #expect(exchange.kinds == "C")
  }

  @Test func `a mass cancel may name a side`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "S", 100, 1_000_000), Flow.enter(2, "B", 100, 999_000))
    var request = Flow.numbered(.massCancel, 3)
    request.options.set(.side, UInt64(UInt8(ascii: "B")))
    exchange.submit(request)
    #expect(exchange.events.map(\.userRefNum) == [3, 2])
  }

  @Test func `a replace that crosses takes`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 60, 1_000_100))
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.submit(Flow.replace(order: 1, by: 2, 100, 1_000_100))
    #expect(exchange.kinds == "UE")
    #expect(exchange.publishedKinds == "DEA")
    #expect(exchange.core.workingOrders.map(\.open) == [40])
  }

  // MARK: - Cancel, modify

  @Test func `a cancel's quantity is the new intended total`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.history(Flow.add(1, "B", 300, 1_000_000), Flow.execute(1, 40, match: 1))
    exchange.submit(Flow.cancel(1, to: 70))
    #expect(exchange.kinds == "C")
    #expect(exchange.events[0].quantity == 30)
    #expect(exchange.publishedKinds == "X")
    exchange.submit(Flow.cancel(1, to: 40))
    #expect(exchange.events[0].quantity == 30)
    #expect(exchange.core.workingOrders.isEmpty)
  }

  @Test func `a superfluous cancel meets silence`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.submit(Flow.cancel(1, to: 100), Flow.cancel(1, to: 500), Flow.cancel(9))
    #expect(exchange.kinds == "")
    exchange.submit(Flow.cancel(1))
    #expect(exchange.kinds == "C")
    exchange.submit(Flow.cancel(1))
    #expect(exchange.kinds == "")
  }

  @Test func `a modify makes smaller in place and changes the kind of a sale`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "S", 100, 1_000_000))
    exchange.history(Flow.add(1, "S", 300, 1_000_000))
    var modify = Flow.numbered(.modify, 1)
    modify.side = UInt8(ascii: "T")
    modify.quantity = 60
    exchange.submit(modify)
    #expect(exchange.kinds == "M")
    #expect(exchange.events[0].quantity == 60)
    #expect(exchange.events[0].side == UInt8(ascii: "T"))
    #expect(exchange.publishedKinds == "X")
    #expect(exchange.core.queueAhead(account: 0, userRefNum: 1) == 0)
    modify.quantity = 61
    exchange.submit(modify)
    #expect(exchange.kinds == "")
    modify.quantity = 50
    modify.side = UInt8(ascii: "B")
    exchange.submit(modify)
    #expect(exchange.kinds == "")
  }

  @Test func `a cancel that must wait is pending and one that comes too late is refused`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000), Flow.enter(2, "B", 100, 1_000_000))
    exchange.change { $0.setCancelHold(symbol: Flow.symbol, 1) }
    exchange.submit(Flow.cancel(1))
    #expect(exchange.kinds == "P")
    exchange.change { $0.setCancelHold(symbol: Flow.symbol, 2) }
    exchange.submit(Flow.cancel(2))
    #expect(exchange.kinds == "I")
    exchange.change { $0.setCancelHold(symbol: Flow.symbol, 0) }
    #expect(exchange.kinds == "C")
    #expect(exchange.core.workingOrders.map(\.userRefNum) == [2])
  }

  @Test func `a mass cancel is answered and cancels what it names`() {
    var exchange = TestExchange(accounts: 2)
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000), Flow.enter(2, "B", 100, 999_900))
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000), account: 1)
    var request = Flow.numbered(.massCancel, 3)
    request.symbol = 5
    exchange.submit(request)
    #expect(exchange.kinds == "X")
    request.userRefNum = 4
    request.symbol = Flow.symbol
    exchange.submit(request)
    #expect(exchange.kinds == "XCC")
    #expect(exchange.core.workingOrders.map(\.account) == [1])
  }

  @Test func `while entry is disabled new orders are rejected and cancels pass`() {
    var exchange = TestExchange()
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.submit(Flow.numbered(.disableEntry, 2))
    #expect(exchange.kinds == "G")
    exchange.submit(Flow.enter(3, "B", 100, 1_000_000))
    #expect(exchange.kinds == "J")
    exchange.submit(Flow.cancel(1))
    #expect(exchange.kinds == "C")
    exchange.submit(Flow.numbered(.enableEntry, 4))
    #expect(exchange.kinds == "K")
    exchange.submit(Flow.enter(5, "B", 100, 1_000_000))
    #expect(exchange.kinds == "A")
  }

  @Test func `an account query tells the next number`() {
    var exchange = TestExchange()
    exchange.submit(Flow.numbered(.accountQuery, 0))
    #expect(exchange.kinds == "Q")
    #expect(exchange.events[0].userRefNum == 1)
    exchange.submit(Flow.enter(17, "B", 100, 1_000_000))
    exchange.submit(Flow.numbered(.accountQuery, 0))
    #expect(exchange.events[0].userRefNum == 18)
  }

  // MARK: - Sessions and rules

  @Test func `an account hears the start of day and the end of it`() {
    var core = ExchangeCore()
    _ = core.openAccount()
    #expect(core.events.map(\.event.kind) == [.systemEvent])
    core.clearOutput()
    core.apply(Flow.system("C"))
    #expect(core.events.map(\.event.reason) == [UInt16(UInt8(ascii: "E"))])
  }

  @Test func `day orders end with market hours and nothing is taken after system hours`() {
    var exchange = TestExchange()
    exchange.submit(
      Flow.enter(1, "B", 100, 1_000_000), Flow.enter(2, "B", 100, 1_000_000, timeInForce: "5"))
    exchange.history(Flow.system("M"))
    #expect(exchange.kinds == "C")
    #expect(exchange.events[0].reason == UInt16(UInt8(ascii: "E")))
    exchange.history(Flow.system("E"))
    #expect(exchange.events.map(\.userRefNum) == [2])
    exchange.submit(Flow.enter(3, "B", 100, 1_000_000))
    #expect(exchange.events[0].reason == RejectReason.destinationClosed.rawValue)
  }

  @Test func `short sales at or below the best bid are rejected under restriction`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "B", 100, 1_000_000), Flow.shortSale("1"))
    exchange.submit(Flow.enter(1, "T", 100, 1_000_000))
    #expect(exchange.events[0].reason == RejectReason.shortSellRestricted.rawValue)
    exchange.submit(Flow.enter(2, "T", 100, 1_000_100), Flow.enter(3, "E", 50, 1_000_000))
    #expect(exchange.kinds == "AAE")
    exchange.history(Flow.shortSale("0"))
    exchange.submit(Flow.enter(4, "T", 10, 1_000_000))
    #expect(exchange.kinds == "AE")
  }

  @Test func `both sides of a trade between ours share a match number`() {
    var exchange = TestExchange(accounts: 2)
    exchange.submit(Flow.enter(1, "S", 100, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 60, 1_000_000), account: 1)
    let fills = exchange.core.fills
    #expect(fills.count == 2)
    #expect(Set(fills.map(\.matchNumber)).count == 1)
    #expect(Set(fills.map(\.account)) == [0, 1])
    #expect(exchange.publishedKinds == "E")
  }

  @Test func `self match prevention cancels the older order whole, in one message`() {
    var settings = ExchangeSettings()
    settings.preventsSelfMatch = true
    var exchange = TestExchange(settings)
    exchange.submit(Flow.enter(1, "S", 100, 1_000_000))
    exchange.submit(Flow.enter(2, "B", 60, 1_000_000))
    #expect(exchange.core.fills.isEmpty)
    #expect(exchange.kinds.contains("D"))
    let cancels = exchange.events.filter { $0.kind == .aiqCanceled }
    #expect(cancels.map(\.userRefNum) == [1])
    #expect(cancels.map(\.quantity) == [100])
    #expect(cancels.map(\.quantityPrevented) == [60])
    #expect(exchange.core.accounts[0].positions[Flow.symbol]?.shares ?? 0 == 0)
  }

  @Test func `fees and rebates are booked by liquidity flag`() {
    var exchange = TestExchange()
    exchange.history(Flow.add(1, "S", 100, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    #expect(exchange.core.accounts[0].positions[Flow.symbol]?.fees == 30_000_000)
    exchange.submit(Flow.enter(2, "S", 100, 1_000_000))
    exchange.history(Flow.add(2, "B", 100, 1_000_000))
    let position = exchange.core.accounts[0].positions[Flow.symbol]
    #expect(position?.fees == 10_000_000)
    #expect(position?.shares == 0)
    #expect(position?.cash == 0)
    #expect(position?.bought == 100)
  }

  @Test func `above the working orders' maximum new orders are rejected`() {
    var settings = ExchangeSettings()
    settings.workingOrdersMax = 2
    var exchange = TestExchange(settings)
    exchange.submit(
      Flow.enter(1, "B", 100, 1_000_000), Flow.enter(2, "B", 100, 1_000_000),
      Flow.enter(3, "B", 100, 1_000_000))
    #expect(exchange.kinds == "AAJ")
  }

  @Test func `cancel on disconnect takes the account's orders`() {
    var exchange = TestExchange(accounts: 2)
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000))
    exchange.submit(Flow.enter(1, "B", 100, 1_000_000), account: 1)
    exchange.change { $0.disconnect(account: 0, at: 0) }
    #expect(exchange.kinds == "C")
    #expect(exchange.events[0].reason == UInt16(UInt8(ascii: "Z")))
    #expect(exchange.core.workingOrders.map(\.account) == [1])
  }
}
