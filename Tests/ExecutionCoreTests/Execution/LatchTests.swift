import ExecutionCore
import Testing

/// What the venue says about nothing of ours, or what can't be read: nothing new until a person has looked.
@Suite struct LatchTests {
  @Test(arguments: [Command.Kind.massCancel, .disableEntry, .enableEntry])
  func `an execution or bust of a request that is no order is alarmed and stops the firm`(
    kind: Command.Kind
  ) throws {
    for report in [VenueReport.Kind.executed, .broken] {
      let market = try Market(Recorder())
      var command = Command(kind, scope: .account)
      command.account = AccountID(raw: 0)
      #expect(market.apply(command))
      let reference = try #require(market.sent().last).venueReference
      market.report(report, reference, quantity: 10, cents: 10_000, match: 1)
      #expect(market.alarms(.illegalReport) == 1)
      #expect(market.snapshot.firmIsKilled)
      #expect(market.counters.executions == 0 && market.counters.busts == 0)
      #expect(market.position() == 0)
      #expect(market.invariants == [])
    }
  }

  @Test func `a gap in the venue's stream stops the firm, for a fill may be missing`() throws {
    let market = try Market(Recorder())
    let (handle, request) = try market.working(.buy, 100, 10_000)
    market.report(.executed, request.venueReference, quantity: 10, cents: 10_000, match: 1) {
      $0.streamSequence = 1
    }
    #expect(!market.snapshot.firmIsKilled)
    market.report(.executed, request.venueReference, quantity: 10, cents: 10_000, match: 3) {
      $0.streamSequence = 3
    }
    #expect(market.alarms(.streamGap) == 1)
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .killSwitch)
    #expect(market.position() == 20, "what came is booked")
    #expect(market.cancel(handle).refusal == nil, "cancels pass")
  }

  @Test func `a report that can't be decoded stops the firm and is no gap afterwards`() throws {
    let market = try Market(Recorder())
    let (_, request) = try market.working(.buy, 100, 10_000)
    market.report(.undecodable, 0) { $0.streamSequence = 1 }
    #expect(market.alarms(.undecodableReport) == 1)
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .killSwitch)
    market.report(.executed, request.venueReference, quantity: 10, cents: 10_000, match: 3) {
      $0.streamSequence = 2
    }
    #expect(market.alarms(.streamGap) == 0)
    #expect(market.apply(Command(.rearm, scope: .firm).named("A. Person")))
    #expect(market.place(.buy, 1, 10_000).refusal == nil)
  }
}
