import ExecutionCore
import Testing

@Suite struct OrderLifeTests {
  @Test func `the table of transitions is exactly this`() {
    let legal: Set<[OrderLife]> = [
      [.draft, .denied], [.draft, .sent], [.sent, .unknown], [.sent, .working], [.sent, .done],
      [.unknown, .working], [.unknown, .done], [.working, .done], [.done, .working],
    ]
    for from in OrderLife.allCases {
      for to in OrderLife.allCases {
        #expect(from.canBecome(to) == legal.contains([from, to]), "\(from) to \(to)")
      }
    }
    #expect(OrderLife.allCases.filter(\.isOpen) == [.sent, .unknown, .working])
  }

  @Test func `only what we concluded ourselves may be contradicted`() {
    #expect(
      DoneReason.allCases.filter(\.isInferred) == [.notSent, .closedByEvidence, .neverArrived])
  }

  @Test func `a handle of an earlier generation finds nothing`() throws {
    var c = Market<Recorder>.configuration()
    c.poolCapacity = 1
    let market = try Market(Recorder(), c)
    let first = try market.place(.buy, 1, 10_000).handle
    market.cancel(first)
    #expect(market.order(first)?.life == .done)
    let second = try market.place(.buy, 2, 10_000).handle
    #expect(second.slot == first.slot && second.generation == first.generation + 1)
    #expect(market.order(first) == nil)
    #expect(market.cancel(first).refusal?.code == .unknownOrder)
    #expect(market.place(.buy, 3, 10_000).refusal?.code == .poolFull)
    #expect(market.order(OrderHandle(slot: 99, generation: 1)) == nil)
    #expect(market.order(.none) == nil)
  }

  @Test func `client order ids and venue references go on from their marks`() throws {
    var c = Market<Recorder>.configuration()
    c.firstClientOrderID = 1_000_000
    c.ports[0].firstReference = 500
    let market = try Market(Recorder(), c)
    _ = try market.place(.buy, 1, 10_000).handle
    _ = try market.place(.buy, 2, 10_000).handle
    let sent = market.sent()
    #expect(sent.map(\.clientOrderID.raw) == [1_000_000, 1_000_001])
    #expect(sent.map(\.venueReference) == [500, 501])
    // A refused order consumes none.
    _ = market.place(.buy, 0, 10_000)
    #expect(market.snapshot.nextClientOrderID == 1_000_002)
    #expect(market.nextReference == 502)
  }

  @Test func `the day's references end with a refusal`() throws {
    var c = Market<Recorder>.configuration()
    c.ordersPerDayMax = 64
    let market = try Market(Recorder(), c)
    for i in 0..<64 {
      let handle = try market.place(.buy, Int64(i + 1), 10_000).handle
      market.cancel(handle)
    }
    let refusal = try #require(market.place(.buy, 1, 10_000).refusal)
    #expect(refusal == Refusal(.poolFull, scope: .account, limit: 64, observed: 65))
  }
}
