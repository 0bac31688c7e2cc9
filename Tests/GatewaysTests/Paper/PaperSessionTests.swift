import ExecutionCore
import Testing

@testable import Gateways

/// The account of the engine and that of the broker are one, whatever happens between them.
@Suite struct PaperSessionTests {
  @Test func `what happened while the line was down is told when it is up again`() throws {
    let desk = try PaperDesk()
    desk.connect()
    desk.quote(0, 60_000_00, 1_000_000, 60_001_00, 2_000_000)
    let filled = try desk.order(.buy, 1_000_000, 60_000_00)
    let cancelled = try desk.order(.buy, 1_000_000, 59_000_00)
    desk.breakLine()
    #expect(!desk.isReady)
    desk.trade(0, 59_990_00, 5_000_000, isBuyer: nil)
    desk.broker.cancelAll(0, .userCanceled)
    #expect(desk.position(0) == 0)
    desk.connect()
    #expect(desk.isReady && desk.position(0) == 1_000_000)
    #expect(desk.isOver(filled) && desk.isOver(cancelled))
    #expect(desk.found == 2 && desk.openOrderCount == 0)
    #expect(desk.invariants == [])
  }

  @Test func `a broker that is killed and made again keeps its account`() throws {
    let desk = try PaperDesk()
    desk.connect()
    desk.quote(0, 60_000_00, 1_000_000, 60_001_00, 2_000_000)
    _ = try desk.order(.buy, 1_500_000, 60_001_00)
    let resting = try desk.order(.buy, 1_000_000, 59_000_00)
    let cash = desk.brokerCash
    try desk.kill()
    #expect(desk.brokerCash == cash && desk.brokerPosition(0).quantity == 1_500_000)
    #expect(desk.broker.openOrders("desk") == 1)
    desk.connect()
    #expect(desk.isReady && desk.view(resting)?.leaves.raw == 1_000_000)
    desk.quote(0, 58_000_00, 1_000_000, 58_001_00, 2_000_000)
    #expect(desk.position(0) == 2_500_000 && desk.isOver(resting))
    #expect(desk.cash == desk.brokerCash && desk.invariants == [])
  }

  @Test func `a broker that has an older account than it told is logged in to no more`() throws {
    let desk = try PaperDesk()
    desk.connect()
    desk.quote(0, 60_000_00, 1_000_000, 60_001_00, 2_000_000)
    let older = desk.file
    _ = try desk.order(.buy, 1_500_000, 60_001_00)
    #expect(desk.position(0) == 1_500_000)
    try desk.kill(file: older)
    #expect(desk.brokerPosition(0).quantity == 0)
    desk.connect()
    #expect(!desk.isReady && desk.closing == .never)
    #expect(desk.closingReason.contains("older than what it has told"))
  }

  @Test func `reports that are never sent are found by asking`() throws {
    var settings = Coins.settings()
    settings.forgets = 1_000_000
    let desk = try PaperDesk(settings)
    desk.connect()
    desk.quote(0, 60_000_00, 1_000_000, 60_001_00, 2_000_000)
    let order = try desk.order(.buy, 3_000_000, 60_001_00)
    #expect(desk.brokerPosition(0).quantity == 2_000_000 && desk.position(0) == 0)
    for _ in 0..<6 { desk.advance(700_000_000) }
    #expect(desk.position(0) == 2_000_000 && desk.view(order)?.leaves.raw == 1_000_000)
    #expect(desk.view(order)?.life == .working)
    desk.cancel(order)
    for _ in 0..<6 { desk.advance(700_000_000) }
    #expect(desk.openOrderCount == 0 && desk.broker.openOrders("desk") == 0)
    #expect(desk.found > 0 && desk.broker.counters.forgotten > 0)
    #expect(desk.state.latches.isEmpty && desk.invariants == [])
  }

  @Test func `reports that come twice are booked once`() throws {
    var settings = Coins.settings()
    settings.doubles = 1_000_000
    let desk = try PaperDesk(settings)
    desk.connect()
    desk.quote(0, 60_000_00, 1_000_000, 60_001_00, 2_000_000)
    let order = try desk.order(.buy, 3_000_000, 60_001_00)
    desk.cancel(order)
    #expect(desk.position(0) == 2_000_000 && desk.openOrderCount == 0)
    #expect(desk.counters.duplicateExecutions == 1)
    #expect(desk.repeated > 0 && desk.counters.alarms == 0)
  }

  @Test func `an answer that is not true is alarmed, and does not lose an execution`() throws {
    var settings = Coins.settings()
    settings.contradicts = 1_000_000
    settings.forgets = 1_000_000
    let desk = try PaperDesk(settings)
    desk.connect()
    desk.quote(0, 60_000_00, 1_000_000, 60_001_00, 2_000_000)
    _ = try desk.order(.buy, 3_000_000, 60_001_00)
    for _ in 0..<10 { desk.advance(700_000_000) }
    #expect(desk.broker.counters.contradicted > 0)
    #expect(desk.position(0) == 2_000_000 && desk.position(0) == desk.brokerPosition(0).quantity)
    #expect(desk.invariants == [])
  }

  @Test func `a log-in that is refused says why`() throws {
    var settings = Coins.settings()
    settings.accounts[0].password = "other"
    let desk = try PaperDesk(settings)
    desk.connect()
    #expect(!desk.isActive && desk.closing == .notAuthorised)
    #expect(desk.closingReason.contains("user name and password"))
    #expect(desk.broker.counters.loginsRefused == 1)
  }

  @Test func `a broker whose file can't be written takes nothing and nobody`() throws {
    let desk = try PaperDesk()
    desk.connect()
    desk.quote(0, 60_000_00, 1_000_000, 60_001_00, 2_000_000)
    // What the broker has said to this is not in its file, and is never told.
    var request = VenueRequest(
      kind: .new, port: .first, instrument: InstrumentID(raw: 0), account: AccountID(raw: 0),
      strategy: StrategyID(raw: 0))
    (request.venueReference, request.price, request.quantity) = (7, 60_001_00, 1_000_000)
    (request.priceExponent, request.quantityExponent) = (-2, -6)
    #expect(desk.gateway.encode(request, now: desk.now) == nil)
    let bytes = Array(desk.gateway.output)
    _ = bytes.withUnsafeBytes { desk.broker.receive($0, desk.client, now: desk.now) }
    #expect(desk.broker.executionCount == 1 && !desk.broker.output(desk.client).isEmpty)
    desk.broker.fileFailed()
    #expect(desk.broker.output(desk.client).isEmpty)
    desk.pump()
    #expect(!desk.isActive)
    desk.connect()
    #expect(desk.closing == .notAvailable)
  }

  @Test(arguments: UInt64(1)...40)
  func `after any day the two accounts are one`(seed: UInt64) throws {
    var dice = PaperDice(seed &* 0x9e37_79b9)
    var settings = Coins.settings()
    settings.seed = seed
    settings.queue = dice.below(2) == 0 ? .back : .front
    if dice.below(2) == 0 { settings.forgets = 50_000 }
    if dice.below(2) == 0 { settings.delays = 50_000 }
    if dice.below(2) == 0 { settings.doubles = 50_000 }
    if dice.below(2) == 0 { settings.rejects = 50_000 }
    if dice.below(3) == 0 { settings.cancelsOnDisconnect = true }
    if dice.below(2) == 0 { settings.acceptLatency = Int64(dice.below(3_000_000)) }
    if dice.below(2) == 0 { settings.reportLatency = Int64(dice.below(3_000_000)) }
    if dice.below(2) == 0 { settings.slippage = 5 }
    if dice.below(2) == 0 { settings.impact = 5 }
    settings.fillShare = [100, 40, 7][Int(dice.below(3))]
    let desk = try PaperDesk(settings)
    desk.connect()
    var middle: [Int64] = [60_000_00, 3_000_00]
    var live: [OrderHandle] = []
    for _ in 0..<400 {
      let i = Int(dice.below(2))
      middle[i] += Int64(dice.below(41)) - 20
      let size = { Int64(100 * (1 + dice.below(20_000))) }
      switch dice.below(20) {
      case 0..<6:
        desk.quote(i, middle[i] - 25, size(), middle[i] + 25, size())
      case 6..<9:
        let isBuyer = dice.below(2) == 0
        desk.trade(i, middle[i] + (isBuyer ? 25 : -25), size(), isBuyer: isBuyer)
      case 9..<14:
        let side: Side = dice.below(2) == 0 ? .buy : .sell
        let away = Int64(dice.below(120)) - 60
        let verdict = desk.place(
          side, size(), middle[i] + away, instrument: UInt32(i),
          dice.below(4) == 0 ? .immediateOrCancel : .day)
        if case .accepted(let handle) = verdict { live.append(handle) }
      case 14 where !live.isEmpty:
        let order = live[Int(dice.below(UInt64(live.count)))]
        desk.change(
          order, price: middle[i] + Int64(dice.below(100)) - 50, quantity: size())
      case 15..<17 where !live.isEmpty:
        desk.cancel(live.remove(at: Int(dice.below(UInt64(live.count)))))
      case 17: desk.advance(Int64(dice.below(900_000_000)))
      case 18 where dice.below(3) == 0:
        desk.breakLine()
        if dice.below(2) == 0 { try desk.kill() }
        desk.advance(Int64(dice.below(50_000_000)))
        desk.connect()
      default: desk.advance(1_000_000)
      }
      if desk.client < 0 { desk.connect() }
    }
    // The day ends: all is cancelled, and asked for until there is no doubt left.
    for _ in 0..<30 {
      _ = desk.driver.engine.cancelAll()
      desk.pump()
      desk.advance(800_000_000)
      if desk.client < 0 { desk.connect() }
      if desk.openOrderCount == 0, desk.broker.openOrders("desk") == 0 { break }
    }
    #expect(desk.broker.openOrders("desk") == 0, "seed \(seed)")
    #expect(desk.openOrderCount == 0, "seed \(seed)")
    for i in 0..<2 {
      #expect(desk.position(i) == desk.brokerPosition(i).quantity, "seed \(seed)")
    }
    #expect(desk.cash == desk.brokerCash, "seed \(seed)")
    #expect(desk.invariants == [], "seed \(seed)")
    // And from its file alone.
    let held = [desk.brokerPosition(0), desk.brokerPosition(1)]
    try desk.kill()
    #expect([desk.brokerPosition(0), desk.brokerPosition(1)] == held, "seed \(seed)")
  }
}
