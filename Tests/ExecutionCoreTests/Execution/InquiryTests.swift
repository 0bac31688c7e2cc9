import ExecutionCore
import Testing

/// Asking what became of a request: behind what waits, at log-in and when an answer is late.
@Suite struct InquiryTests {
  private func timed(
    _ change: (inout EngineConfiguration) -> Void = { _ in }
  ) throws -> Market<Recorder> {
    var c = Market<Recorder>.configuration()
    c.acknowledgeTimeout = 1_000
    change(&c)
    return try Market(Recorder(), c)
  }
  private func pass(_ market: Market<Recorder>, by nanoseconds: Int64 = 2_000) {
    market.advance(by: nanoseconds)
    market.time += nanoseconds
  }

  @Test func `an inquiry does not overtake new orders, nor close them as never arrived`() throws {
    let market = try Market(Recorder())
    let handle = try market.place(.buy, 100, 10_000).handle
    #expect(market.apply(Command(.inquire, scope: .firm)))
    let later = try market.place(.buy, 50, 10_000).handle
    let sent = market.sent()
    #expect(sent.map(\.kind) == [.new, .inquiry, .new])
    market.report(.accepted, 1, quantity: 100, cents: 10_000)
    market.answer(sent[1], next: 2)
    #expect(market.order(handle)?.life == .working)
    #expect(market.order(later)?.life == .sent, "asked after the inquiry")
    #expect(market.alarms(.closedByEvidence) == 0)
    #expect(market.invariants == [])
  }

  @Test func `an answer leaves alone what was asked after the inquiry`() throws {
    let market = try timed()
    let (handle, _) = try market.working(.buy, 100, 10_000)
    #expect(market.modify(handle, quantity: Quantity(raw: 60)).refusal == nil)
    _ = market.sent()
    pass(market)
    let inquiry = try #require(market.sent().first)
    market.report(.modified, 1, quantity: 60)
    #expect(market.modify(handle, quantity: Quantity(raw: 50)).refusal == nil)
    #expect(market.sent().map(\.kind) == [.modify])
    market.answer(inquiry, next: 2)
    #expect(market.order(handle)?.replaceState == .unresolved)
    #expect(market.sent().isEmpty)
  }

  @Test func `evidence that nobody asked for moves nothing`() throws {
    let market = try Market(Recorder())
    let handle = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    for kind in [VenueReport.Kind.settled, .neverArrived, .inquiryAnswered] {
      market.report(kind, 1)
    }
    market.report(.status, 1) { $0.standing = .canceled }
    #expect(market.order(handle)?.life == .sent)
    #expect(market.alarms(.illegalReport) == 4)
  }

  @Test func `a mass cancel does not lose an inquiry that waits`() throws {
    let market = try Market(Recorder())
    let sent = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    market.report(.sessionDown, 0)
    market.logIn()
    var command = Command(.massCancel, scope: .account)
    command.account = AccountID(raw: 0)
    #expect(market.apply(command))
    let wire = market.sent()
    #expect(wire.map(\.kind) == [.massCancel, .inquiry])
    market.answer(wire[1], next: 1)
    #expect(market.order(sent)?.doneReason == .neverArrived)
    #expect(market.counters.neverArrived == 1)
    #expect(market.venueIsReady)
  }

  @Test func `a replace without an answer is asked for once, and settled by the answer`() throws {
    let market = try timed()
    let (handle, _) = try market.working(.buy, 100, 10_000)
    let price = Price(raw: 9_999_000_000)
    #expect(market.replace(handle, price: price, quantity: Quantity(raw: 150)).refusal == nil)
    #expect(market.sent().map(\.kind) == [.replace])
    for _ in 0..<5 { pass(market) }
    let wire = market.sent()
    #expect(wire.map(\.kind) == [.inquiry])
    market.answer(wire[0], next: 2)
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
    let wire = market.sent()
    #expect(wire.map(\.kind) == [.inquiry, .inquiry])
    for inquiry in wire { market.answer(inquiry, next: 3) }
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
    let wire = market.sent()
    #expect(wire.map(\.kind) == [.inquiry])
    market.answer(wire[0], next: 1)
    #expect(market.order(handle)?.doneReason == .neverArrived)
    #expect(market.openOrderCount == 0)
  }

  @Test func `an inquiry that fails is asked again later, and the port is not ready before`() throws
  {
    let market = try timed()
    let handle = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    market.report(.sessionDown, 0)
    market.logIn()
    for round in 0..<3 {
      let wire = market.sent()
      #expect(wire.map(\.kind) == [.inquiry], "round \(round)")
      market.report(.inquiryAnswered, 1) { $0.reason = InquiryOutcome.failed.rawValue }
      #expect(market.sent().isEmpty, "not at once")
      #expect(!market.venueIsReady && market.order(handle)?.life == .unknown)
      pass(market)
    }
    #expect(market.alarms(.inquiryFailed) == 3)
    market.answer(try #require(market.sent().first), next: 1)
    #expect(market.venueIsReady && market.order(handle)?.doneReason == .neverArrived)
  }

  @Test func `a venue that can't be asked leaves it unknown, at its worst case`() throws {
    let market = try timed { $0.venues[0].capabilities.answersInquiries = false }
    let handle = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    market.report(.sessionDown, 0)
    market.logIn()
    #expect(market.sent().isEmpty && market.venueIsReady)
    #expect(market.order(handle)?.life == .unknown && market.openOrderCount == 1)
    #expect(market.alarms(.inquiryFailed) == 1)
    for _ in 0..<5 { pass(market) }
    #expect(market.alarms(.inquiryFailed) == 1 && market.sent().isEmpty)
  }

  @Test func `a status brings the venue's terms, and what was booked since is not open`() throws {
    let market = try timed()
    let handle = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    pass(market)
    _ = market.sent()
    market.report(.executed, 1, quantity: 30, cents: 10_000, match: 1)
    market.report(.status, 1, quantity: 90, cents: 9_999) {
      $0.standing = .working
      $0.executedQuantity = 10
    }
    market.report(.inquiryAnswered, 1)
    let view = try #require(market.order(handle))
    #expect(view.life == .working && view.newState == .confirmed)
    #expect(view.leaves.raw == 70 && view.executed.raw == 30 && view.quantity.raw == 100)
    #expect(view.price.raw == 9_999_000_000)
    #expect(market.counters.unknownOrders == 0 && market.invariants == [])
  }

  @Test(arguments: [
    (VenueStanding.filled, DoneReason.filled), (.canceled, .canceled), (.rejected, .rejected),
  ])
  func `a status that says that it is over ends it`(
    _ standing: VenueStanding, _ reason: DoneReason
  ) throws {
    let market = try timed()
    let handle = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    pass(market)
    _ = market.sent()
    if standing == .filled {
      market.report(.executed, 1, quantity: 100, cents: 10_000, match: 1)
    }
    market.report(.status, 1) {
      $0.standing = standing
      $0.executedQuantity = standing == .filled ? 100 : 0
    }
    market.report(.inquiryAnswered, 1)
    #expect(market.order(handle)?.doneReason == reason)
    #expect(market.openOrderCount == 0 && market.invariants == [])
    #expect(!market.isStopped)
  }

  @Test(arguments: [
    (VenueStanding.filled, Int64(100)), (.filled, 0), (.canceled, 40), (.rejected, 1),
  ])
  func `over with executions that we do not have is asked for twice, then stops the firm`(
    _ standing: VenueStanding, _ counted: Int64
  ) throws {
    let market = try timed()
    let handle = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    for round in 0..<2 {
      pass(market)
      #expect(market.sent().map(\.kind) == [.inquiry], "round \(round)")
      #expect(!market.isStopped && market.openOrderCount == 1)
      #expect(market.order(handle)?.leaves.raw == 100, "at its worst case")
      market.report(.status, 1) {
        $0.standing = standing
        $0.executedQuantity = counted
      }
      market.report(.inquiryAnswered, 1)
    }
    #expect(market.isStopped && market.alarms(.executionsMissing) == 1)
    #expect(market.order(handle)?.life == .done && market.invariants == [])
  }

  @Test(arguments: [true, false])
  func `a cancel of before the log-in goes again where nobody says what became of it`(
    _ canAnswer: Bool
  ) throws {
    let market = try timed { $0.venues[0].capabilities.answersInquiries = canAnswer }
    let (handle, _) = try market.working(.buy, 100, 10_000)
    #expect(market.cancel(handle).refusal == nil)
    #expect(market.sent().map(\.kind) == [.cancel])
    market.report(.sessionDown, 0)
    market.logIn()
    if canAnswer {
      #expect(market.sent().map(\.kind) == [.inquiry])
      market.report(.inquiryAnswered, 1) { $0.reason = InquiryOutcome.failed.rawValue }
    }
    #expect(market.sent().map(\.kind) == [.cancel])
    market.report(.canceled, 1, quantity: 100)
    #expect(market.order(handle)?.doneReason == .canceled && market.invariants == [])
  }

  @Test func `an inquiry that the session took along is asked again in the next`() throws {
    let market = try timed()
    let (handle, _) = try market.working(.buy, 100, 10_000)
    #expect(market.modify(handle, quantity: Quantity(raw: 60)).refusal == nil)
    _ = market.sent()
    pass(market)
    #expect(market.sent().map(\.kind) == [.inquiry])
    // Nothing is in doubt any more, but for the answer.
    market.report(.modified, 1, quantity: 60)
    pass(market)
    market.report(.sessionDown, 0)
    market.logIn()
    #expect(market.modify(handle, quantity: Quantity(raw: 50)).refusal == nil)
    #expect(market.sent().map(\.kind) == [.modify])
    pass(market)
    #expect(market.sent().map(\.kind) == [.inquiry])
  }

  @Test func `without a time-out a wanted cancel is repeated, and a port gets ready`()
    throws
  {
    let market = try Market(Recorder())
    let (handle, _) = try market.working(.buy, 100, 10_000)
    let other = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    market.report(.sessionDown, 0)
    market.cancel(handle)
    market.logIn()
    #expect(market.sent().map(\.kind).contains(.inquiry) && !market.venueIsReady)
    market.report(.notSent, 1) { $0.subject = VenueRequest.Kind.cancel.rawValue }
    // The end of the one that it waits for came by itself.
    market.report(.accepted, 2, quantity: 100, cents: 10_000)
    market.report(.canceled, 2, quantity: 100)
    #expect(market.order(other)?.life == .done)
    pass(market, by: 2_000_000_000)
    #expect(market.venueIsReady)
    pass(market, by: 2_000_000_000)
    #expect(market.sent().map(\.kind) == [.cancel])
  }

  @Test func `an order that lives after all is cancelled again`() throws {
    let market = try timed()
    let handle = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    #expect(market.cancel(handle).refusal == nil)
    #expect(market.sent().map(\.kind) == [.cancel])
    pass(market)
    market.answer(try #require(market.sent().first), next: 1)
    #expect(market.order(handle)?.doneReason == .neverArrived)
    market.report(.accepted, 1, quantity: 100, cents: 10_000)
    #expect(market.order(handle)?.life == .working && market.alarms(.resurrected) == 1)
    #expect(market.sent().map(\.kind) == [.cancel])
    #expect(market.invariants == [])
  }

  @Test func `executions that we do not have are asked for twice, then stop the firm`() throws {
    let market = try timed()
    let handle = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    for round in 0..<2 {
      pass(market)
      #expect(market.sent().map(\.kind) == [.inquiry], "round \(round)")
      #expect(!market.isStopped)
      market.report(.status, 1, quantity: 60, cents: 10_000) {
        $0.standing = .working
        $0.executedQuantity = 40
      }
      market.report(.inquiryAnswered, 1)
    }
    #expect(market.isStopped && market.alarms(.executionsMissing) == 1)
    // On its way all the time: it is booked, and asked about no more.
    market.report(.executed, 1, quantity: 40, cents: 10_000, match: 9)
    #expect(market.position() == 40 && market.order(handle)?.leaves.raw == 20)
  }

  @Test func `executions that were only late stop nobody`() throws {
    let market = try timed()
    let handle = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    pass(market)
    _ = market.sent()
    for round in 0..<2 {
      market.report(.status, 1, quantity: 60, cents: 10_000) {
        $0.standing = .working
        $0.executedQuantity = 40
      }
      market.report(.inquiryAnswered, 1)
      market.report(.executed, 1, quantity: 40, cents: 10_000, match: 9)
      pass(market)
      #expect(market.sent().map(\.kind) == (round == 0 ? [.inquiry] : []))
    }
    #expect(!market.isStopped && market.alarms(.executionsMissing) == 0)
    #expect(market.order(handle)?.leaves.raw == 60 && market.invariants == [])
  }

  @Test func `late orders are found without a walk over the pool, as many as there are`() throws {
    let market = try timed {
      $0.poolCapacity = 1 << 12; $0.outboxCapacity = 1 << 12
    }
    var handles: [OrderHandle] = []
    for i in 0..<1_000 {
      handles.append(try market.place(.buy, 1, 10_000 - Int64(i % 50)).handle)
    }
    _ = market.sent()
    // Half of them are answered.
    for i in 0..<500 { market.report(.accepted, UInt64(2 * i + 1), quantity: 1, cents: 10_000) }
    var rounds = 0
    market.time += 2_000
    while market.counters.unknownOrders < 500, rounds < 100 {
      market.advance(by: 0)
      rounds += 1
    }
    #expect(market.counters.unknownOrders == 500 && rounds <= 1_000 / 64 + 1)
    let wire = market.sent()
    #expect(wire.count == 500 && wire.allSatisfy { $0.kind == .inquiry })
    for inquiry in wire { market.answer(inquiry, next: 1) }
    #expect(market.openOrderCount == 500 && market.invariants == [])
  }

  @Test func `more doubts than the outbox has room for are asked one after the other`() throws {
    let market = try timed { $0.outboxCapacity = 16 }
    for i in 0..<100 {
      _ = try market.place(.buy, Int64(i + 1), 10_000).handle
      _ = market.sent()
    }
    market.report(.sessionDown, 0)
    market.logIn(next: 101)
    var asked = 0
    for _ in 0..<200 where !market.venueIsReady {
      for inquiry in market.sent() {
        asked += 1
        market.answer(inquiry, next: 51)
      }
    }
    #expect(asked == 100 && market.venueIsReady && market.openOrderCount == 0)
    #expect(market.alarms(.closedByEvidence) == 50)
  }
}
