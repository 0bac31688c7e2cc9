import ExecutionCore
import Testing

/// Cancels without a session, and behind their own order.
@Suite struct CancelPathTests {
  @Test func `the scope of an order cancels nothing, nor that of no instrument`() throws {
    let market = try Market(Recorder())
    _ = try market.working(.buy, 100, 10_000)
    for scope in [RiskScope.order, .instrument] {
      #expect(market.driver.engine.cancelAll(scope: scope) == 0)
      #expect(!market.apply(Command(.cancelAll, scope: scope)))
    }
    #expect(market.sent().isEmpty && market.openOrderCount == 1)
    #expect(
      market.driver.engine.cancelAll(scope: .instrument, instrument: InstrumentID(raw: 0)) == 1)
  }

  @Test func `without a session a cancel is kept, not repeated, and goes when the venue is back`()
    throws
  {
    let market = try Market(Recorder())
    let (handle, _) = try market.working(.buy, 100, 10_000)
    market.report(.sessionDown, 0)
    let records = market.counters
    for _ in 0..<100 { #expect(market.cancel(handle).refusal == nil) }
    #expect(market.cancel(handle, to: Quantity(raw: 50)).refusal?.code == .venueDown)
    #expect(market.sent().isEmpty)
    #expect(market.counters.cancels == records.cancels && market.counters.alarms == 0)
    market.logIn()
    let sent = market.sent()
    #expect(sent.map(\.kind) == [.cancel])
    #expect(sent.last?.quantity == 0 && sent.last?.venueReference == 1)
    #expect(market.invariants == [])
  }

  @Test func `a partial cancel stays behind its own new order`() throws {
    let market = try Market(Recorder())
    let (other, _) = try market.working(.buy, 10, 10_000)
    let handle = try market.place(.buy, 100, 10_000).handle
    #expect(market.cancel(handle, to: Quantity(raw: 40)).refusal == nil)
    #expect(market.cancel(other).refusal == nil)
    let sent = market.sent()
    #expect(sent.map(\.kind) == [.cancel, .new, .cancel])
    #expect(sent[2].venueReference == sent[1].venueReference && sent[2].quantity == 40)
    #expect(market.invariants == [])
  }

  @Test func `a partial cancel stays behind its own replace`() throws {
    let market = try Market(Recorder())
    let (handle, _) = try market.working(.buy, 100, 10_000)
    let price = Price(raw: 9_999_000_000)
    #expect(market.replace(handle, price: price, quantity: Quantity(raw: 150)).refusal == nil)
    #expect(market.cancel(handle, to: Quantity(raw: 40)).refusal == nil)
    let sent = market.sent()
    #expect(sent.map(\.kind) == [.replace, .cancel])
    #expect(sent[1].venueReference == sent[0].venueReference)
  }

  @Test func `a whole cancel of a new order that waits takes its partial cancel back too`() throws {
    let market = try Market(Recorder())
    let handle = try market.place(.buy, 100, 10_000).handle
    #expect(market.cancel(handle, to: Quantity(raw: 40)).refusal == nil)
    #expect(market.cancel(handle).refusal == nil)
    #expect(market.sent().isEmpty)
    #expect(market.order(handle)?.doneReason == .notSent)
    #expect(market.openOrderCount == 0)
    #expect(market.invariants == [])
  }

  @Test func `after a bust totals go out as the venue counts them`() throws {
    let market = try Market(Recorder())
    let (handle, request) = try market.working(.buy, 100, 10_000)
    let reference = request.venueReference
    market.report(.executed, reference, quantity: 40, cents: 10_000, match: 5)
    market.report(.broken, reference, match: 5)
    #expect(market.order(handle)?.executed.raw == 0)
    #expect(market.order(handle)?.leaves.raw == 60)
    // 80 more are wanted; the venue still counts the 40 as executed.
    let price = Price(raw: 9_999_000_000)
    #expect(market.replace(handle, price: price, quantity: Quantity(raw: 80)).refusal == nil)
    let replace = try #require(market.sent().last)
    #expect(replace.quantity == 120)
    #expect(market.invariants == [])
    market.report(.replaced, replace.venueReference, quantity: 80, cents: 9_999) {
      $0.originalVenueReference = reference
    }
    #expect(market.alarms(.revisedTerms) == 0)
    #expect(market.order(handle)?.leaves.raw == 80)
    #expect(market.order(handle)?.quantity.raw == 80)
    #expect(market.cancel(handle, to: Quantity(raw: 30)).refusal == nil)
    #expect(market.sent().last?.quantity == 70)
    #expect(market.invariants == [])
  }

  @Test func `a bust during a replace does not raise what is held for it`() throws {
    let market = try Market(Recorder())
    let (handle, request) = try market.working(.buy, 100, 10_000)
    let reference = request.venueReference
    market.report(.executed, reference, quantity: 40, cents: 10_000, match: 5)
    let price = Price(raw: 9_999_000_000)
    #expect(market.replace(handle, price: price, quantity: Quantity(raw: 120)).refusal == nil)
    let replace = try #require(market.sent().last)
    #expect(replace.quantity == 120)
    market.report(.broken, reference, match: 5)
    // 80 may come: the venue's 120 less the 40 that it counts as executed.
    #expect(market.order(handle)?.pendingQuantity.raw == 80)
    market.report(.replaced, replace.venueReference, quantity: 80, cents: 9_999)
    #expect(market.alarms(.revisedTerms) == 0)
    #expect(market.order(handle)?.quantity.raw == 80)
    #expect(market.invariants == [])
  }
}
