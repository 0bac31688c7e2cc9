import ExecutionCore
import Testing

/// A broken session: unknown is unknown until the drained stream or an inquiry settles it.
@Suite struct SessionTests {
  private func broken() throws -> (Market<Recorder>, OrderHandle, OrderHandle) {
    let market = try Market(Recorder())
    let (working, _) = try market.working(.buy, 100, 10_000)
    let sent = try market.place(.buy, 50, 10_000).handle
    _ = market.sent()
    market.report(.sessionDown, 0)
    return (market, working, sent)
  }

  @Test func `what was sent becomes unknown and is counted at worst case`() throws {
    let (market, working, sent) = try broken()
    #expect(market.order(sent)?.life == .unknown)
    #expect(market.order(working)?.life == .working)
    #expect(market.counters.unknownOrders == 1)
    #expect(market.openOrderCount == 2)
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .venueDown)
    #expect(market.invariants == [])
  }

  @Test func `what never arrived is closed as such`() throws {
    let (market, working, sent) = try broken()
    market.logIn(next: 2)
    let inquiry = try #require(market.sent().first)
    #expect(inquiry.kind == .inquiry && inquiry.venueReference == 2)
    #expect(!market.venueIsReady)
    market.answer(inquiry, next: 2)
    #expect(market.venueIsReady)
    #expect(market.order(sent)?.doneReason == .neverArrived)
    #expect(market.order(working)?.life == .working)
    #expect(market.updates.last?.kind == .closed)
    // Never with a number that is used already: the counter goes on.
    _ = try market.place(.buy, 1, 10_000).handle
    #expect(market.sent().last?.venueReference == 3)
    #expect(market.counters.unknownOrders == 0)
    #expect(market.invariants == [])
  }

  @Test func `what arrived and has no fate in the stream is closed by evidence, alarmed`() throws {
    let (market, _, sent) = try broken()
    market.logIn()
    market.answer(try #require(market.sent().first), next: 3)
    #expect(market.order(sent)?.doneReason == .closedByEvidence)
    #expect(market.alarms(.closedByEvidence) == 1)
  }

  @Test func `what the drained stream tells is settled by it`() throws {
    let (market, _, sent) = try broken()
    market.report(.sessionUp, 0)
    market.report(.accepted, 2, quantity: 50, cents: 10_000)
    market.report(.executed, 2, quantity: 20, cents: 10_000, match: 1)
    market.report(.caughtUp, 3)
    #expect(market.sent().isEmpty, "nothing is left to ask")
    let view = try #require(market.order(sent))
    #expect(view.life == .working && view.leaves.raw == 30)
    #expect(market.venueIsReady)
    #expect(market.counters.alarms == 0)
    #expect(market.invariants == [])
  }

  @Test func `an order closed by inference that lives after all is taken back, alarmed`() throws {
    let (market, _, sent) = try broken()
    market.logIn()
    market.answer(try #require(market.sent().first), next: 2)
    #expect(market.order(sent)?.life == .done)
    market.report(.accepted, 2, quantity: 50, cents: 10_000)
    #expect(market.order(sent)?.life == .working)
    #expect(market.alarms(.resurrected) == 1)
    #expect(market.openOrderCount == 2)
    #expect(market.invariants == [])
  }

  @Test func `what waits in the outbox is withdrawn, never sent late`() throws {
    let market = try Market(Recorder())
    let (working, _) = try market.working(.buy, 100, 10_000)
    let waiting = try market.place(.buy, 1, 10_000).handle
    _ = market.cancel(working)
    market.report(.sessionDown, 0)
    #expect(market.order(waiting)?.doneReason == .notSent)
    #expect(market.sent().isEmpty)
    #expect(market.updates.last?.reason == NotSentCause.sessionDown.rawValue)
    // The cancel is still wanted, and goes when the venue is back.
    market.logIn()
    #expect(market.sent().map(\.kind) == [.cancel])
    #expect(market.invariants == [])
  }

  @Test func `a replace that never arrived leaves the original`() throws {
    let market = try Market(Recorder())
    let (handle, _) = try market.working(.buy, 100, 10_000)
    _ = market.replace(
      handle, price: Price(raw: 9_999_000_000), quantity: Quantity(raw: 150))
    _ = market.sent()
    market.report(.sessionDown, 0)
    #expect(market.invariants == [])
    market.logIn()
    let inquiry = try #require(market.sent().first)
    #expect(inquiry.venueReference == 1 && inquiry.originalVenueReference == 2)
    market.answer(inquiry, next: 2)
    #expect(market.alarms(.closedByEvidence) == 0)
    let view = try #require(market.order(handle))
    #expect(view.life == .working && view.leaves.raw == 100 && view.replaceState == .lost)
    #expect(market.invariants == [])
  }

  @Test func `the gateway's withdrawal names the kind of request`() throws {
    let market = try Market(Recorder())
    let (working, _) = try market.working(.buy, 100, 10_000)
    let handle = try market.place(.buy, 1, 10_000).handle
    _ = market.sent()
    // A cancel that was withdrawn has the order's reference: it must not close the order.
    market.report(.notSent, 1) { $0.subject = VenueRequest.Kind.cancel.rawValue }
    market.report(.notSent, 2)
    #expect(market.order(working)?.life == .working)
    #expect(market.order(handle)?.life == .sent)
    market.report(.notSent, 2) {
      $0.subject = VenueRequest.Kind.new.rawValue
      $0.reason = NotSentCause.fuse.rawValue
    }
    #expect(market.order(handle)?.doneReason == .notSent)
    #expect(market.updates.last?.reason == NotSentCause.fuse.rawValue)
    #expect(market.invariants == [])
  }

  @Test func `a time-out yields unknown and nothing else`() throws {
    var c = Market<Recorder>.configuration()
    c.acknowledgeTimeout = 1_000
    let market = try Market(Recorder(), c)
    let handle = try market.place(.buy, 10, 10_000).handle
    _ = market.sent()
    market.advance(by: 1_000)
    #expect(market.order(handle)?.life == .sent)
    market.advance(by: 2_000)
    #expect(market.order(handle)?.life == .unknown)
    #expect(market.openOrderCount == 1)
    market.report(.accepted, 1, quantity: 10, cents: 10_000)
    #expect(market.order(handle)?.life == .working)
    #expect(market.invariants == [])
  }
}
