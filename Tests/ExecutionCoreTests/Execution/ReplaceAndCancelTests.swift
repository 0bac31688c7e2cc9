import ExecutionCore
import Testing

/// OUCH's four branches of a replace, and the silence of cancels (EXCHANGE.md).
@Suite struct ReplaceAndCancelTests {
  private func replacing() throws -> (Market<Recorder>, OrderHandle, VenueRequest) {
    let market = try Market(Recorder())
    let (handle, _) = try market.working(.buy, 100, 10_000)
    let verdict = market.replace(
      handle, price: Price(raw: 9_999_000_000), quantity: Quantity(raw: 150))
    #expect(verdict.refusal == nil)
    let request = try #require(market.sent().last)
    return (market, handle, request)
  }

  @Test func `a replace holds the worse of old and new until it is answered`() throws {
    let (market, handle, request) = try replacing()
    #expect(request.kind == .replace)
    #expect(request.originalVenueReference == 1 && request.venueReference == 2)
    #expect(request.quantity == 150 && request.incarnation == 1)
    #expect(market.invariants == [])
    // Worst case is 150: with a limit of 100,000 there is room for 99,850 more.
    #expect(market.place(.buy, 9_999, 10_000).refusal == nil)
    market.report(.replaced, 2, quantity: 150, cents: 9_999) { $0.originalVenueReference = 1 }
    let view = try #require(market.order(handle))
    #expect(view.venueReference == 2 && view.leaves.raw == 150 && view.price.raw == 9_999_000_000)
    #expect(view.replaceState == .confirmed && view.incarnation == 1)
    #expect(market.invariants == [])
  }

  @Test func `the venue's marking of a sale rules for its executions, and only among sales`() throws
  {
    let market = try Market(Recorder())
    let sale = try market.place(.sell, 100, 10_000).handle
    #expect(market.sent().last?.side == .sellShort)
    market.report(.accepted, 1, quantity: 100, cents: 10_000) { $0.side = Side.sell.rawValue }
    #expect(market.order(sale)?.side == .sell)
    market.report(.executed, 1, quantity: 100, cents: 10_000, match: 1)
    #expect(market.updates.last?.side == .sell)
    #expect(market.position() == -100)
    let purchase = try market.place(.buy, 100, 10_000).handle
    #expect(market.sent().last?.side == .buy)
    market.report(.accepted, 2, quantity: 100, cents: 10_000) { $0.side = Side.sell.rawValue }
    #expect(market.order(purchase)?.side == .buy)
    market.report(.executed, 2, quantity: 100, cents: 10_000, match: 2)
    #expect(market.position() == 0)
    #expect(market.alarms(.revisedTerms) == 2)
    #expect(market.invariants == [])
  }

  @Test func `(a) silence because the original is dead ends with the original`() throws {
    let (market, handle, _) = try replacing()
    market.report(.executed, 1, quantity: 100, cents: 10_000, match: 1)
    let view = try #require(market.order(handle))
    #expect(view.doneReason == .filled && view.replaceState == .refused)
    #expect(market.openOrderCount == 0)
    #expect(market.invariants == [])
  }

  @Test func `(b) invalid details cancel the original`() throws {
    let (market, handle, _) = try replacing()
    market.report(.canceled, 1, quantity: 100)
    #expect(market.order(handle)?.doneReason == .canceled)
    #expect(market.order(handle)?.replaceState == .refused)
    #expect(market.invariants == [])
  }

  @Test func `(c) rejected leaves the original as it was`() throws {
    let (market, handle, _) = try replacing()
    market.report(.rejected, 2)
    let view = try #require(market.order(handle))
    #expect(view.life == .working && view.leaves.raw == 100 && view.venueReference == 1)
    #expect(view.replaceState == .refused)
    #expect(market.updates.last?.kind == .replaceRejected)
    #expect(market.invariants == [])
  }

  @Test func `(d) executions of the earlier incarnation stay in the chain`() throws {
    let (market, handle, _) = try replacing()
    market.report(.executed, 1, quantity: 30, cents: 10_000, match: 1)
    market.report(.replaced, 2, quantity: 120, cents: 9_999) { $0.originalVenueReference = 1 }
    var view = try #require(market.order(handle))
    #expect(view.executed.raw == 30 && view.leaves.raw == 120 && view.quantity.raw == 150)
    #expect(market.alarms(.revisedTerms) == 0)
    // One more of the old incarnation, late: booked, and the open quantity is the venue's.
    market.report(.executed, 1, quantity: 5, cents: 10_000, match: 2)
    view = try #require(market.order(handle))
    #expect(view.executed.raw == 35 && view.leaves.raw == 120)
    #expect(market.alarms(.overfill) == 0)
    #expect(market.invariants == [])
  }

  @Test func `an execution of the new incarnation may overtake Replaced`() throws {
    let (market, handle, _) = try replacing()
    market.report(.executed, 2, quantity: 50, cents: 9_999, match: 1)
    market.report(.replaced, 2, quantity: 150, cents: 9_999) { $0.originalVenueReference = 1 }
    let view = try #require(market.order(handle))
    #expect(view.executed.raw == 50 && view.leaves.raw == 100 && view.quantity.raw == 150)
    #expect(market.invariants == [])
  }

  @Test func `a replace goes through the whole chain`() throws {
    var c = Market<Recorder>.configuration()
    c.firmLimits.position = 150
    let market = try Market(Recorder(), c)
    let (handle, _) = try market.working(.buy, 100, 10_000)
    func replace(_ cents: Int64, _ quantity: Int64) -> RefusalCode? {
      market.replace(
        handle, price: Price(raw: cents * 1_000_000), quantity: Quantity(raw: quantity)
      ).refusal?.code
    }
    #expect(replace(10_000, 151) == .positionLimit)
    #expect(replace(5_000, 100) == .staticCollar)
    #expect(replace(10_000, 0) == .badQuantity)
    market.state("H", 1, "H")
    #expect(replace(10_001, 100) == .halted)
    market.state("H", 1, "T")
    #expect(replace(10_001, 150) == nil)
    #expect(replace(10_002, 150) == .pendingRequest)
    #expect(market.invariants == [])
  }

  @Test func `a modify lowers the quantity in place`() throws {
    let market = try Market(Recorder())
    let (handle, request) = try market.working(.buy, 100, 10_000)
    let more = market.modify(handle, quantity: Quantity(raw: 100))
    #expect(more.refusal?.code == .badQuantity)
    #expect(market.modify(handle, quantity: Quantity(raw: 60)).refusal == nil)
    let wire = try #require(market.sent().last)
    #expect(wire.kind == .modify && wire.venueReference == request.venueReference)
    market.report(.modified, request.venueReference, quantity: 60)
    #expect(market.order(handle)?.leaves.raw == 60)
    #expect(market.order(handle)?.replaceState == .confirmed)
    #expect(market.invariants == [])
  }

  @Test func `a cancel in the queue withdraws its order unsent`() throws {
    let market = try Market(Recorder())
    let handle = try market.place(.buy, 100, 10_000).handle
    #expect(market.cancel(handle).refusal == nil)
    #expect(market.sent().isEmpty)
    #expect(market.order(handle)?.doneReason == .notSent)
    #expect(market.updates.map(\.kind) == [.notSent])
    #expect(market.updates.last?.reason == NotSentCause.overtaken.rawValue)
    #expect(market.counters.notSent == 1)
    #expect(market.invariants == [])
  }

  @Test func `cancels overtake new orders, and the same one goes once`() throws {
    let market = try Market(Recorder())
    let (handle, _) = try market.working(.buy, 100, 10_000)
    _ = try market.place(.buy, 7, 10_000).handle
    #expect(market.cancel(handle).refusal == nil)
    #expect(market.cancel(handle).refusal == nil)
    #expect(market.sent().map(\.kind) == [.cancel, .new])
    market.report(.canceled, 1, quantity: 100) { $0.reason = UInt16(UInt8(ascii: "U")) }
    #expect(market.order(handle)?.cancelState == .confirmed)
    #expect(market.cancel(handle).refusal == nil)
    #expect(market.sent().isEmpty)
  }

  @Test func `a fill closes a cancel that came too late`() throws {
    let market = try Market(Recorder())
    let (handle, _) = try market.working(.buy, 100, 10_000)
    _ = market.cancel(handle)
    market.report(.executed, 1, quantity: 100, cents: 10_000, match: 1)
    let view = try #require(market.order(handle))
    #expect(view.doneReason == .filled && view.cancelState == .refused)
  }

  @Test func `a cancel reject leaves the order working and is not repeated`() throws {
    let market = try Market(Recorder())
    let (handle, _) = try market.working(.buy, 100, 10_000)
    _ = market.cancel(handle)
    _ = market.sent()
    market.report(.cancelRejected, 1)
    #expect(market.order(handle)?.life == .working)
    #expect(market.order(handle)?.cancelState == .refused)
    #expect(market.sent().isEmpty)
    _ = market.cancel(handle)
    #expect(market.sent().map(\.kind) == [.cancel])
  }

  @Test func `a cancel behind a replace names the new incarnation, and the old one if that fails`()
    throws
  {
    let (market, handle, request) = try replacing()
    _ = market.cancel(handle)
    let cancel = try #require(market.sent().last)
    #expect(cancel.kind == .cancel && cancel.venueReference == request.venueReference)
    market.report(.rejected, 2)
    let again = try #require(market.sent().last)
    #expect(again.kind == .cancel && again.venueReference == 1)
    market.report(.canceled, 1, quantity: 100)
    #expect(market.order(handle)?.life == .done)
    #expect(market.invariants == [])
  }

  @Test func `a partial cancel leaves the rest working`() throws {
    let market = try Market(Recorder())
    let (handle, _) = try market.working(.buy, 100, 10_000)
    #expect(market.cancel(handle, to: Quantity(raw: 30)).refusal == nil)
    #expect(market.sent().last?.quantity == 30)
    market.report(.canceled, 1, quantity: 70)
    let view = try #require(market.order(handle))
    #expect(view.life == .working && view.leaves.raw == 30 && view.cancelState == .confirmed)
    #expect(market.invariants == [])
  }

  @Test func `a new order too old for the wire is withdrawn, a cancel never`() throws {
    let market = try Market(Recorder())
    let (working, _) = try market.working(.buy, 100, 10_000)
    market.driver.engine.setMachineTime(1_000_000)
    let fresh = try market.place(.buy, 1, 10_000).handle
    let old = try market.place(.buy, 2, 10_000).handle
    _ = market.cancel(working)
    // At its age limit it still goes.
    let atLimit = market.driver.engine.nextRequest(machineTime: 2_000_000)
    #expect(atLimit?.kind == .cancel)
    market.driver.engine.requestTaken()
    #expect(market.driver.engine.nextRequest(machineTime: 2_000_000)?.quantity == 1)
    market.driver.engine.requestTaken()
    #expect(market.sent(machineTime: 2_000_001).isEmpty)
    #expect(market.order(fresh)?.life == .sent)
    #expect(market.order(old)?.doneReason == .notSent)
    #expect(market.updates.last?.kind == .notSent)
    #expect(market.updates.last?.reason == NotSentCause.tooOld.rawValue)
    #expect(market.invariants == [])
  }

  @Test func `a cancel that comes while an order is handed over is not taken for it`() throws {
    let market = try Market(Recorder())
    let (working, _) = try market.working(.buy, 100, 10_000)
    _ = try market.place(.buy, 7, 10_000).handle
    let given = market.driver.engine.nextRequest(machineTime: 0)
    #expect(given?.kind == .new && given?.quantity == 7)
    _ = market.cancel(working)
    market.driver.engine.requestTaken()
    // Nothing was given: nothing is taken.
    market.driver.engine.requestTaken()
    #expect(market.sent().map(\.kind) == [.cancel])
    #expect(market.sent().isEmpty)
    #expect(market.invariants == [])
  }

  @Test func `only what was given and taken counts as sent`() throws {
    let market = try Market(Recorder())
    market.driver.engine.requestTaken()
    #expect(market.counters.sent == 0)
    let handle = try market.place(.buy, 7, 10_000).handle
    market.driver.engine.requestTaken()
    #expect(market.counters.sent == 0, "it was not given")
    #expect(market.driver.engine.nextRequest(machineTime: 0)?.quantity == 7)
    market.driver.engine.requestTaken()
    market.driver.engine.requestTaken()
    #expect(market.counters.sent == 1)
    #expect(market.order(handle)?.life == .sent)
    // Withdrawn between the two: it was not sent, and is not counted twice.
    let gone = try market.place(.buy, 8, 10_000).handle
    #expect(market.driver.engine.nextRequest(machineTime: 0)?.quantity == 8)
    _ = market.cancel(gone)
    let notSent = market.counters.notSent
    market.driver.engine.requestTaken()
    #expect(market.order(gone)?.doneReason == .notSent)
    #expect(market.counters.sent == 1 && notSent == 1 && market.counters.notSent == 1)
    #expect(market.sent().isEmpty)
    #expect(market.invariants == [])
  }

  @Test func `requests are handed over once and in order, however full the queue has been`() throws
  {
    let seed: UInt64 = 0x0B0C
    var random = SplitMix(state: seed)
    let market = try Market(Recorder())
    var expected: [Int64] = []
    var placed: Int64 = 0
    var taken = 0
    for _ in 0..<4_000 {
      if expected.count < 12, random.below(5) < (taken % 400 < 300 ? 3 : 2) {
        placed = placed % 900 + 1
        let handle = try market.place(.buy, placed, 10_000).handle
        #expect(market.order(handle)?.life == .sent)
        expected.append(placed)
      } else if !expected.isEmpty {
        let given = market.driver.engine.nextRequest(machineTime: 0)
        let request = try #require(given, "seed \(seed)")
        let next = expected.removeFirst()
        try #require(request.quantity == next, "seed \(seed), request \(taken)")
        market.driver.engine.requestTaken()
        taken += 1
        // The venue rejects it, so that neither pool nor limits fill up.
        market.report(.rejected, UInt64(truncatingIfNeeded: request.venueReference))
      }
    }
    #expect(taken > 1_500)
    #expect(market.invariants == [])
  }

  @Test func `a mass cancel withdraws what waits, whose numbers it would overtake`() throws {
    let market = try Market(Recorder())
    let waiting = try market.place(.buy, 1, 10_000).handle
    var command = Command(.massCancel, scope: .account)
    command.account = AccountID(raw: 0)
    command.instrument = InstrumentID(raw: 0)
    #expect(market.apply(command))
    #expect(market.order(waiting)?.doneReason == .notSent)
    let wire = market.sent()
    #expect(market.updates.last?.reason == NotSentCause.overtaken.rawValue)
    #expect(wire.map(\.kind) == [.massCancel])
    #expect(wire.first?.venueReference == 2)
    #expect(wire.first?.instrument == InstrumentID(raw: 0))
  }

  @Test func `entry disabled at the venue stops new orders of the account`() throws {
    let market = try Market(Recorder())
    market.report(.entryDisabled, 0)
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .entryDisabled)
    market.report(.entryEnabled, 0)
    _ = try market.place(.buy, 1, 10_000).handle
  }
}
