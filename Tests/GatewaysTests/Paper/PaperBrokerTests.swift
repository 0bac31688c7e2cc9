import ExecutionCore
import Testing

@testable import Gateways

@Suite struct PaperBrokerTests {
  private func desk(_ change: (inout PaperSettings) -> Void = { _ in }) throws -> PaperDesk {
    var settings = Coins.settings()
    change(&settings)
    let desk = try PaperDesk(settings)
    desk.connect()
    desk.quote(0, 60_000_00, 1_000_000, 60_001_00, 2_000_000)
    desk.quote(1, 3_000_00, 5_000_000, 3_000_50, 5_000_000)
    // Where it has latency, its answers at the log-in have it too.
    for _ in 0..<10 where !desk.isReady { desk.advance(10_000_000) }
    #expect(desk.isReady)
    return desk
  }

  @Test func `an order that takes fills against what is displayed, and rests with the rest`() throws
  {
    let desk = try desk()
    let order = try desk.order(.buy, 3_000_000, 60_001_00)
    #expect(desk.position(0) == 2_000_000)
    #expect(desk.view(order)?.leaves.raw == 1_000_000)
    // What was taken is not there a second time.
    _ = try desk.order(.buy, 500_000, 60_001_00, .immediateOrCancel)
    #expect(desk.position(0) == 2_000_000)
    // More is shown: that much fills who rests at that price.
    desk.quote(0, 60_000_00, 1_000_000, 60_001_00, 2_600_000)
    #expect(desk.position(0) == 2_600_000)
    desk.quote(0, 60_000_00, 1_000_000, 60_000_50, 1_000_000)
    #expect(desk.position(0) == 3_000_000 && desk.isOver(order))
    #expect(desk.brokerPosition(0).quantity == 3_000_000)
    #expect(desk.cash == desk.brokerCash && desk.invariants == [])
  }

  @Test func `an order that rests fills when the queue before it is worked off`() throws {
    let desk = try desk()
    _ = try desk.order(.buy, 1_000_000, 60_000_00)
    // A million is displayed before it.
    desk.trade(0, 60_000_00, 600_000, isBuyer: false)
    #expect(desk.position(0) == 0)
    // A buyer's trade is at the offer: nobody sold to a bid.
    desk.trade(0, 60_000_00, 600_000, isBuyer: true)
    #expect(desk.position(0) == 0)
    desk.trade(0, 60_000_00, 600_000, isBuyer: false)
    #expect(desk.position(0) == 200_000)
    // One below its price went through it.
    desk.trade(0, 59_999_00, 10_000_000, isBuyer: nil)
    #expect(desk.position(0) == 1_000_000)
  }

  @Test func `what is taken back before it lets it come nearer`() throws {
    let desk = try desk()
    _ = try desk.order(.sell, 1_000_000, 60_001_00)
    desk.quote(0, 60_000_00, 1_000_000, 60_001_00, 100_000)
    desk.trade(0, 60_001_00, 300_000, isBuyer: true)
    #expect(desk.position(0) == -200_000)
    // Deeper than the touch its place is not known until the touch comes to it.
    _ = try desk.order(.sell, 1_000_000, 60_002_00)
    desk.trade(0, 60_002_00, 5_000_000, isBuyer: nil)
    #expect(desk.position(0) == -1_000_000, "the one at the better price is through, the other not")
  }

  @Test func `with a place in front any trade at its price fills`() throws {
    let desk = try desk { $0.queue = .front }
    _ = try desk.order(.buy, 1_000_000, 60_000_00)
    desk.trade(0, 60_000_00, 600_000, isBuyer: false)
    #expect(desk.position(0) == 600_000)
  }

  @Test func `an order changes in place under its name`() throws {
    let desk = try desk()
    let order = try desk.order(.buy, 1_000_000, 59_990_00)
    #expect(desk.change(order, price: 59_995_00, quantity: 2_000_000))
    var view = try #require(desk.view(order))
    #expect(view.price.raw == 59_995_00 && view.leaves.raw == 2_000_000)
    desk.trade(0, 59_990_00, 500_000, isBuyer: false)
    view = try #require(desk.view(order))
    #expect(view.executed.raw == 500_000 && view.leaves.raw == 1_500_000)
    // To the touch: it takes.
    #expect(desk.change(order, price: 60_001_00, quantity: 1_000_000))
    #expect(desk.position(0) == 1_000_000 && desk.isOver(order))
    #expect(desk.broker.orderCount == 1 && desk.invariants == [])
  }

  @Test func `what can't be is rejected with its reason, and stands in the file`() throws {
    let desk = try desk { $0.rejects = 0 }
    let small = Coins.instruments[0]
    #expect(small.minimumNotional > 0)
    // Ours would stop it; the broker does by itself.
    var order = PaperOrder()
    for (reason, change): (PaperReason, (inout PaperOrder) -> Void) in [
      (.badQuantity, { $0.quantity = 150 }), (.badQuantity, { $0.quantity = -100 }),
      (.badPrice, { $0.price = 0 }), (.badPrice, { $0.price = -1 }),
      (
        .tooSmall,
        {
          $0.quantity = 100; $0.price = 1_00
        }
      ),
    ] {
      order.quantity = 1_000_000
      order.price = 60_000_00
      change(&order)
      #expect(desk.broker.refusal(order.price, order.quantity, 0) == reason)
    }
    let post = try desk.order(.buy, 1_000_000, 60_001_00, flags: .postOnly)
    #expect(desk.isOver(post))
    #expect(desk.broker.counters.rejected == 1 && desk.position(0) == 0)
    desk.broker.status(0, .halted, now: desk.now)
    _ = try desk.order(.buy, 1_000_000, 60_001_00)
    #expect(desk.broker.counters.rejected == 2 && desk.openOrderCount == 0)
    try desk.kill()
    #expect(desk.broker.orderCount == 2)
    // Made again it has seen no quote: nobody knows what an order would be worth.
    desk.connect()
    _ = try desk.order(.buy, 1_000_000, 60_001_00)
    #expect(desk.broker.counters.rejected == 1 && desk.openOrderCount == 0)
  }

  @Test func `size and impact make a fill worse, never beyond the limit`() throws {
    let desk = try desk {
      $0.slippage = 10
      $0.impact = 20
    }
    // Half of what is displayed: 5 basis points of 60,001.00 are 30.01, up to a whole cent.
    _ = try desk.order(.buy, 1_000_000, 60_100_00, .immediateOrCancel)
    let first = try #require(desk.state.positions.first)
    #expect(first.quantity == 1_000_000)
    #expect(first.cost.raw == 60_031_01 * 1_000_000)
    // Its own trace: 10 basis points more.
    _ = try desk.order(.buy, 1_000_000, 60_200_00, .immediateOrCancel)
    let second = try #require(desk.state.positions.first)
    #expect(second.cost.raw - first.cost.raw == 60_091_01 * 1_000_000)
    // Beyond the limit nothing fills.
    desk.quote(0, 60_000_00, 1_000_000, 60_002_00, 2_000_000)
    _ = try desk.order(.buy, 1_000_000, 60_010_00, .immediateOrCancel)
    #expect(desk.position(0) == 2_000_000)
    #expect(desk.cash == desk.brokerCash)
  }

  @Test func `latency makes a fill later, at what is quoted then`() throws {
    let desk = try desk {
      $0.acceptLatency = 5_000_000
      $0.reportLatency = 3_000_000
    }
    let order = try desk.order(.buy, 1_000_000, 60_005_00)
    #expect(desk.broker.orderCount == 0)
    desk.quote(0, 60_003_00, 1_000_000, 60_004_00, 2_000_000)
    desk.advance(5_000_000)
    #expect(desk.brokerPosition(0).quantity == 1_000_000 && desk.position(0) == 0)
    desk.advance(3_000_000)
    #expect(desk.position(0) == 1_000_000 && desk.isOver(order))
    #expect(desk.brokerPosition(0).cashFlow == -60_004_00 * 1_000_000)
  }

  @Test func `dividends, funding, splits and settlements are cash and positions, and survive`()
    throws
  {
    let desk = try desk()
    _ = try desk.order(.buy, 2_000_000, 60_001_00)
    let before = desk.brokerCash
    let btc = Coins.instruments[0].symbol
    func act(_ kind: PaperAction.Kind) {
      let isBooked = desk.broker.carryOut(PaperAction(kind, btc, at: desk.now), now: desk.now)
      #expect(isBooked, "\(kind)")
    }
    act(.dividend(perUnit: Money(raw: 3_00_000_000)))
    #expect(desk.brokerCash - before == 6_00_000_000)
    // A basis point of 120,000.00, paid by who is long.
    desk.quote(0, 59_999_00, 1_000_000, 60_001_00, 2_000_000)
    let moment = desk.now
    act(.funding(rate: 10_000))
    #expect(desk.brokerCash - before == 6_00_000_000 - 12_00_000_000)
    act(.settlement(at: Price(raw: 60_010_00), before: Price(raw: 60_000_00)))
    #expect(desk.brokerCash - before == 14_00_000_000)
    act(.split(numerator: 3, denominator: 2))
    #expect(desk.brokerPosition(0).quantity == 3_000_000)
    desk.pump()
    #expect(desk.adjustments == 4 && desk.adjusted == 14_00_000_000)
    let cash = desk.brokerCash
    try desk.kill()
    #expect(desk.brokerCash == cash && desk.brokerPosition(0).quantity == 3_000_000)
    #expect(desk.broker.actionsDone == PaperActionsDone(time: moment, count: 3))
    let isBooked = desk.broker.adjust(
      "nobody", btc, PaperAdjustment(.deposit, amount: 1), now: desk.now)
    #expect(!isBooked)
    // Half of the smallest unit at 40,000.00 is left over of 4,500,000.5: two cents.
    desk.quote(0, 39_999_00, 1_000_000, 40_001_00, 2_000_000)
    let isHeld = desk.broker.adjust(
      "desk", btc, PaperAdjustment(.deposit, amount: 0, quantity: 1), now: desk.now)
    #expect(isHeld)
    let held = desk.brokerCash
    act(.split(numerator: 3, denominator: 2))
    #expect(desk.brokerPosition(0).quantity == 4_500_001)
    #expect(desk.brokerCash - held == 2_000_000)
    // What no sum can hold is not booked, and said.
    let tooMuch = PaperAdjustment(.deposit, amount: .max, quantity: .max)
    let isTaken = desk.broker.adjust("desk", btc, tooMuch, now: desk.now)
    #expect(!isTaken && desk.brokerPosition(0).quantity == 4_500_001)
  }

  @Test func `a file that is cut anywhere gives what was whole, and never another account`() throws
  {
    let desk = try desk()
    for i in 0..<12 {
      let order = try desk.order(i % 2 == 0 ? .buy : .sell, 300_000, 60_000_00 + Int64(i % 3) * 50)
      if i % 3 == 0 { desk.change(order, price: 60_000_00, quantity: 400_000) }
      if i % 4 == 0 { desk.cancel(order) }
    }
    desk.trade(0, 59_000_00, 5_000_000, isBuyer: nil)
    let file = desk.file
    var orders = 0
    var executions = 0
    for length in 0...file.count {
      let found = try Array(file[..<length]).withUnsafeBytes {
        try PaperBroker.recovered(Coins.settings(), file: $0)
      }
      #expect(found.bytes + found.cut == length)
      #expect(found.broker.orderCount >= orders && found.broker.executionCount >= executions)
      (orders, executions) = (found.broker.orderCount, found.broker.executionCount)
    }
    #expect(orders == desk.broker.orderCount && executions == desk.broker.executionCount)
    // One byte that is another stops it where it lies: what is behind was told, and is not cut away.
    for at in stride(from: PaperBroker.header(Coins.settings()).count, to: file.count, by: 7) {
      var bytes = file
      bytes[at] ^= 0x40
      do throws(PaperFileProblem) {
        let found = try Self.recovered(Coins.settings(), bytes)
        // Only of the last record a length may look like one that was cut off.
        #expect(found.bytes <= at && at - found.bytes < 8 && found.cut <= PaperFact.bytesMax)
      } catch {
        guard case .damaged(let offset) = error else {
          Issue.record("\(error)")
          continue
        }
        #expect(offset <= at)
      }
    }
    var other = Coins.settings()
    other.accounts[0].name = "another"
    #expect(throws: PaperFileProblem.foreign) { try Self.recovered(other, file) }
    // Length without content is of a write that was cut off.
    let zeros = try Self.recovered(Coins.settings(), file + [UInt8](repeating: 0, count: 300))
    #expect(zeros.bytes == file.count && zeros.cut == 300)
  }

  private static func recovered(
    _ settings: PaperSettings, _ file: [UInt8]
  ) throws(PaperFileProblem) -> PaperRecovery {
    var found: Result<PaperRecovery, PaperFileProblem> = .failure(.foreign)
    file.withUnsafeBytes { bytes in
      do throws(PaperFileProblem) {
        found = .success(try PaperBroker.recovered(settings, file: bytes))
      } catch {
        found = .failure(error)
      }
    }
    return try found.get()
  }

  @Test func `an order that is only to rest does not take by a change either`() throws {
    let desk = try desk()
    let order = try desk.order(.buy, 1_000_000, 59_990_00, flags: .postOnly)
    #expect(desk.change(order, price: 60_001_00, quantity: 1_000_000))
    #expect(desk.position(0) == 0 && desk.view(order)?.price.raw == 59_990_00)
    #expect(desk.broker.counters.refusals == 1 && desk.invariants == [])
  }

  @Test(arguments: UInt64(1)...6)
  func `any bytes end the session, and harm nobody else`(seed: UInt64) throws {
    let desk = try desk()
    _ = try desk.order(.buy, 300_000, 59_000_00)
    var state = seed
    func random() -> UInt8 {
      state = state &* 6_364_136_223_846_793_005 &+ 1
      return UInt8(truncatingIfNeeded: state >> 40)
    }
    for _ in 0..<300 {
      let other = desk.broker.connected(now: desk.now)
      var bytes = (0..<200).map { _ in random() }
      // Half of them look like frames.
      if random() & 1 == 0 {
        let kinds = Array("LNCXAQOEPHZ".utf8)
        let kind = kinds[Int(random()) % kinds.count]
        bytes[0] = 0
        bytes[1] = UInt8(PaperProtocol.length(of: kind)! + 1)
        bytes[2] = kind
        if kind == UInt8(ascii: "L") { bytes[3] = PaperProtocol.version }
      }
      _ = bytes.withUnsafeBytes { desk.broker.receive($0, other, now: desk.now) }
      desk.broker.disconnected(other, now: desk.now)
    }
    #expect(desk.broker.openOrders("desk") == 1)
    desk.advance(1_000_000)
    #expect(desk.isCaughtUp)
    for _ in 0..<300 {
      let bytes = (0..<200).map { _ in random() }
      desk.garble(bytes)
      desk.breakLine()
      desk.connect()
    }
    #expect(desk.isCaughtUp)
  }

  @Test func `a client that does not read is let go, and others go on`() throws {
    let desk = try desk { $0.outputBytes = 4_096 }
    let stranger = desk.broker.connected(now: desk.now)
    var frame: [UInt8] = [0, 42, UInt8(ascii: "L"), PaperProtocol.version]
    frame += Array("desk".utf8) + [UInt8](repeating: 0, count: 12)
    frame += Array("secret".utf8) + [UInt8](repeating: 0, count: 10)
    frame += [UInt8](repeating: 0, count: 8)
    _ = frame.withUnsafeBytes { desk.broker.receive($0, stranger, now: desk.now) }
    // It has the account's session now: the desk's is over.
    desk.pump()
    #expect(!desk.isActive)
    var query: [UInt8] = [0, 9, UInt8(ascii: "P")]
    query += [0, 0, 0, 1, 0, 0, 0, 0]
    for _ in 0..<1_000 where !desk.broker.isClosing(stranger) {
      _ = query.withUnsafeBytes { desk.broker.receive($0, stranger, now: desk.now) }
    }
    #expect(desk.broker.isClosing(stranger))
    desk.broker.disconnected(stranger, now: desk.now)
    desk.connect()
    #expect(desk.isCaughtUp)
  }
}
