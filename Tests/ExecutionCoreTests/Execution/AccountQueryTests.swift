import ExecutionCore
import Testing

/// The account query of a running session: behind what waits, and the answer to time-outs.
@Suite struct AccountQueryTests {
  @Test func `a query does not overtake new orders, nor close them as never arrived`() throws {
    let market = try Market(Recorder())
    let handle = try market.place(.buy, 100, 10_000).handle
    #expect(market.apply(Command(.accountQuery, scope: .firm)))
    let later = try market.place(.buy, 50, 10_000).handle
    #expect(market.sent().map(\.kind) == [.new, .accountQuery, .new])
    market.report(.accepted, 1, quantity: 100, cents: 10_000)
    market.report(.accountQueryResponse, 2)
    #expect(market.order(handle)?.life == .working)
    #expect(market.order(later)?.life == .sent, "asked after the query")
    #expect(market.alarms(.closedByEvidence) == 0)
    #expect(market.invariants == [])
  }

  @Test func `an answer leaves alone what was asked after the query`() throws {
    let market = try Market(Recorder())
    let (handle, _) = try market.working(.buy, 100, 10_000)
    let (other, _) = try market.working(.buy, 100, 10_000)
    #expect(market.apply(Command(.accountQuery, scope: .firm)))
    #expect(market.modify(handle, quantity: Quantity(raw: 50)).refusal == nil)
    #expect(market.cancel(other).refusal == nil)
    #expect(market.sent().count == 3)
    market.report(.accountQueryResponse, 3)
    #expect(market.order(handle)?.replaceState == .unresolved)
    #expect(market.order(other)?.cancelState == .unresolved)
    #expect(market.sent().isEmpty, "no cancel is sent twice")
  }

  @Test func `a mass cancel does not lose a query that waits`() throws {
    let market = try Market(Recorder())
    market.report(.sessionDown, 0)
    market.report(.sessionUp, 0)
    market.report(.caughtUp, 0)
    var command = Command(.massCancel, scope: .account)
    command.account = AccountID(raw: 0)
    #expect(market.apply(command))
    #expect(market.sent().map(\.kind) == [.massCancel, .accountQuery])
    market.report(.accountQueryResponse, 2)
    #expect(market.venueIsReady)
  }

  private func timed() throws -> Market<Recorder> {
    var c = Market<Recorder>.configuration()
    c.acknowledgeTimeout = 1_000
    return try Market(Recorder(), c)
  }
  private func pass(_ market: Market<Recorder>) {
    market.advance(by: 2_000)
    market.time += 2_000
  }

  @Test func `a replace without an answer is asked for once, and settled by the answer`() throws {
    let market = try timed()
    let (handle, _) = try market.working(.buy, 100, 10_000)
    let price = Price(raw: 9_999_000_000)
    #expect(market.replace(handle, price: price, quantity: Quantity(raw: 150)).refusal == nil)
    #expect(market.sent().map(\.kind) == [.replace])
    for _ in 0..<5 { pass(market) }
    #expect(market.sent().map(\.kind) == [.accountQuery])
    market.report(.accountQueryResponse, 2)
    let view = try #require(market.order(handle))
    #expect(view.life == .working && view.replaceState == .lost)
    for _ in 0..<5 { pass(market) }
    #expect(market.sent().isEmpty)
    #expect(market.invariants == [])
  }

  @Test func `a modify and a partial cancel without an answer are settled too`() throws {
    let market = try timed()
    let (modified, _) = try market.working(.buy, 100, 10_000)
    let (reduced, _) = try market.working(.buy, 100, 10_000)
    #expect(market.modify(modified, quantity: Quantity(raw: 50)).refusal == nil)
    #expect(market.cancel(reduced, to: Quantity(raw: 50)).refusal == nil)
    _ = market.sent()
    pass(market)
    #expect(market.sent().map(\.kind) == [.accountQuery])
    market.report(.accountQueryResponse, 3)
    #expect(market.order(modified)?.replaceState == .lost)
    #expect(market.order(reduced)?.cancelState == .lost)
    let price = Price(raw: 9_999_000_000)
    for handle in [modified, reduced] {
      let verdict = market.replace(handle, price: price, quantity: Quantity(raw: 150))
      #expect(verdict.refusal == nil, "it can be changed again")
    }
    #expect(market.invariants == [])
  }

  @Test func `a new order without an answer is unknown, then closed by the answer`() throws {
    let market = try timed()
    let handle = try market.place(.buy, 100, 10_000).handle
    #expect(market.sent().map(\.kind) == [.new])
    pass(market)
    #expect(market.order(handle)?.life == .unknown)
    #expect(market.sent().map(\.kind) == [.accountQuery])
    market.report(.accountQueryResponse, 1)
    #expect(market.order(handle)?.doneReason == .neverArrived)
    #expect(market.openOrderCount == 0)
  }
}
