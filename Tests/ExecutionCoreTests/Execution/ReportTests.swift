import ExecutionCore
import Testing

/// What the venue says, in every order that the field has seen (FIELD.md, F1 and on).
@Suite struct ReportTests {
  @Test func `an order lives from intent to fill`() throws {
    let market = try Market(Recorder())
    let handle = try market.place(.buy, 100, 10_000).handle
    #expect(market.order(handle)?.life == .sent)
    let request = try #require(market.sent().first)
    #expect(request.kind == .new)
    #expect(request.clientOrderID.raw == 1 && request.venueReference == 1)
    #expect(request.price == 10_000_000_000 && request.intentSequence > 0)
    market.report(.accepted, 1, quantity: 100, cents: 10_000)
    #expect(market.order(handle)?.life == .working)
    market.report(.executed, 1, quantity: 40, cents: 10_000, match: 1)
    market.report(.executed, 1, quantity: 60, cents: 9_999, match: 2)
    let view = try #require(market.order(handle))
    #expect(view.life == .done && view.doneReason == .filled && view.executed.raw == 100)
    #expect(market.position() == 100)
    #expect(market.updates.map(\.kind) == [.accepted, .executed, .executed])
    #expect(market.invariants == [])
    #expect(market.openOrderCount == 0)
  }

  @Test func `a fill before the ack is booked and the ack finds it`() throws {
    let market = try Market(Recorder())
    let handle = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    market.report(.executed, 1, quantity: 40, cents: 10_000, match: 1)
    #expect(market.order(handle)?.life == .working)
    market.report(.accepted, 1, quantity: 100, cents: 10_000)
    #expect(market.order(handle)?.leaves.raw == 60)
    market.report(.executed, 1, quantity: 60, cents: 10_000, match: 2)
    #expect(market.order(handle)?.doneReason == .filled)
    #expect(market.counters.alarms == 0)
    #expect(market.invariants == [])
  }

  @Test func `a whole fill before the ack stays filled`() throws {
    let market = try Market(Recorder())
    let handle = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    market.report(.executed, 1, quantity: 100, cents: 10_000, match: 1)
    market.report(.accepted, 1, quantity: 100, cents: 10_000)
    #expect(market.order(handle)?.doneReason == .filled)
    #expect(market.counters.alarms == 0)
    #expect(market.invariants == [])
  }

  @Test func `a late fill after the cancel is booked`() throws {
    let market = try Market(Recorder())
    let (handle, request) = try market.working(.sell, 100, 10_010)
    market.report(.canceled, request.venueReference, quantity: 100)
    #expect(market.order(handle)?.doneReason == .canceled)
    market.report(.executed, request.venueReference, quantity: 30, cents: 10_010, match: 9)
    #expect(market.position() == -30)
    #expect(market.order(handle)?.life == .done)
    #expect(market.counters.lateExecutions == 1)
    #expect(market.alarms(.lateExecution) == 1)
    #expect(market.invariants == [])
  }

  @Test func `an execution for a slot given away is booked from its reference`() throws {
    var c = Market<Recorder>.configuration()
    c.poolCapacity = 1
    let market = try Market(Recorder(), c)
    let (old, first) = try market.working(.buy, 100, 10_000)
    market.report(.canceled, first.venueReference, quantity: 100)
    _ = try market.working(.buy, 7, 10_000, strategy: 1)
    #expect(market.order(old) == nil)
    market.report(.executed, first.venueReference, quantity: 30, cents: 10_000, match: 9)
    #expect(market.position() == 30)
    #expect(market.position(1) == 0)
    #expect(market.counters.lateExecutions == 1)
    #expect(market.invariants == [])
  }

  @Test func `duplicates are ignored, and other content under one key stops the firm`() throws {
    let market = try Market(Recorder())
    let (_, request) = try market.working(.buy, 100, 10_000)
    market.report(.executed, request.venueReference, quantity: 10, cents: 10_000, match: 5)
    market.report(.executed, request.venueReference, quantity: 10, cents: 10_000, match: 5)
    #expect(market.counters.duplicateExecutions == 1 && !market.isStopped)
    market.report(.executed, request.venueReference, quantity: 11, cents: 10_000, match: 5)
    #expect(market.alarms(.executionMismatch) == 1 && market.isStopped)
    #expect(market.position() == 10)
    #expect(market.invariants == [])
  }

  @Test func `an execution without an identifier is booked, and stops the firm`() throws {
    let market = try Market(Recorder())
    let (_, request) = try market.working(.buy, 100, 10_000)
    market.report(.executed, request.venueReference, quantity: 10, cents: 10_000) {
      $0.executionID = .none
    }
    #expect(market.position() == 10 && market.alarms(.illegalReport) == 1)
    #expect(market.isStopped && market.invariants == [])
  }

  @Test(arguments: [false, true])
  func `an acknowledgement of nothing that lives ends no order`(_ isReplace: Bool) throws {
    let market = try Market(Recorder())
    let handle = try market.place(.buy, 100, 10_000).handle
    if isReplace {
      market.report(.accepted, 1, quantity: 100, cents: 10_000)
      let verdict = market.replace(
        handle, price: Price(raw: 9_999_000_000), quantity: Quantity(raw: 150))
      #expect(verdict.refusal == nil)
    }
    let reference = try #require(market.sent().last).venueReference
    market.report(isReplace ? .replaced : .accepted, reference, quantity: 0, cents: 9_999)
    #expect(market.alarms(.illegalReport) == 1 && market.openOrderCount == 1)
    let view = try #require(market.order(handle))
    #expect(view.life.isOpen && view.leaves.raw == 100)
    #expect((isReplace ? view.replaceState : view.newState) == .unresolved)
    #expect(market.invariants == [])
  }

  @Test func `both sides of one trade share a match number and are two executions`() throws {
    let market = try Market(Recorder())
    let (_, buy) = try market.working(.buy, 10, 10_000)
    let (_, sell) = try market.working(.sell, 10, 10_010, strategy: 1)
    market.report(.executed, buy.venueReference, quantity: 10, cents: 10_000, match: 5)
    market.report(.executed, sell.venueReference, quantity: 10, cents: 10_000, match: 5)
    #expect(market.counters.executions == 2)
    #expect(market.invariants == [])
  }

  @Test func `an overfill is kept and alarmed`() throws {
    let market = try Market(Recorder())
    let (handle, request) = try market.working(.buy, 100, 10_000)
    market.report(.executed, request.venueReference, quantity: 150, cents: 10_000, match: 5)
    let view = try #require(market.order(handle))
    #expect(view.executed.raw == 150 && view.overfilled.raw == 50 && view.life == .done)
    #expect(market.alarms(.overfill) == 1)
    #expect(market.position() == 150)
    #expect(market.invariants == [])
  }

  @Test func `a bust takes the execution back, fee and all`() throws {
    let market = try Market(Recorder())
    let (handle, request) = try market.working(.buy, 100, 10_000)
    market.report(.executed, request.venueReference, quantity: 40, cents: 10_000, match: 5)
    #expect(market.snapshot.positions.first?.fees.raw == -8_000_000)
    market.report(.broken, request.venueReference, match: 5)
    market.report(.broken, request.venueReference, match: 5)
    let snapshot = market.snapshot
    #expect(snapshot.counters.busts == 1)
    #expect(snapshot.positions.first?.fees.raw == 0)
    #expect(snapshot.positions.first?.quantity == 0)
    #expect(snapshot.cash == [.zero])
    // A bust gives nothing back to the order: 60 are open, as the venue has it.
    #expect(market.order(handle)?.leaves.raw == 60)
    #expect(market.invariants == [])
  }

  @Test func `a bust before its execution reverses it when it comes`() throws {
    let market = try Market(Recorder())
    let (_, request) = try market.working(.buy, 100, 10_000)
    market.report(.broken, request.venueReference, match: 5)
    #expect(market.alarms(.unknownBust) == 1)
    market.report(.executed, request.venueReference, quantity: 40, cents: 10_000, match: 5)
    #expect(market.position() == 0)
    #expect(market.counters.executions == 1)
    #expect(market.counters.busts == 1)
    #expect(market.invariants == [])
  }

  @Test func `a reference never used is alarmed and changes nothing`() throws {
    let market = try Market(Recorder())
    let before = market.stateHash
    for kind in [VenueReport.Kind.canceled, .broken, .rejected] {
      market.report(kind, 77, quantity: 10, cents: 10_000, match: 1)
    }
    #expect(market.alarms(.unknownReference) == 3)
    #expect(market.stateHash == before)
  }

  @Test(arguments: [VenueReport.Kind.accepted, .replaced, .executed])
  func `an order or a fill of a reference never used stops new orders`(
    _ kind: VenueReport.Kind
  ) throws {
    let market = try Market(Recorder())
    market.report(kind, 77, quantity: 10, cents: 10_000, match: 1)
    #expect(market.alarms(.unknownReference) == 1)
    #expect(market.place(.buy, 100, 10_000).refusal?.code == .latched)
    #expect(market.position() == 0)
    #expect(market.invariants == [])
  }

  @Test func `a wrong echo of the client order id is alarmed`() throws {
    let market = try Market(Recorder())
    _ = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    market.report(.accepted, 1, quantity: 100, cents: 10_000) {
      $0.clientOrderID = ClientOrderID(raw: 99)
    }
    #expect(market.alarms(.echoMismatch) == 1)
  }

  @Test func `the venue's terms rule where they differ`() throws {
    let market = try Market(Recorder())
    let handle = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    market.report(.accepted, 1, quantity: 80, cents: 9_990) { $0.side = Side.buy.rawValue }
    let view = try #require(market.order(handle))
    #expect(view.quantity.raw == 80 && view.leaves.raw == 80 && view.price.raw == 9_990_000_000)
    #expect(market.alarms(.revisedTerms) == 1)
    #expect(market.invariants == [])
  }

  @Test func `a price that is not exact at our exponent is booked and stops new orders`() throws {
    let market = try Market(Recorder())
    let (_, request) = try market.working(.buy, 100, 10_000)
    market.report(.executed, request.venueReference, quantity: 1, match: 5) {
      $0.price = 1
      $0.priceExponent = -9
    }
    #expect(market.alarms(.unrepresentable) == 1)
    #expect(market.position() == 1)
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .latched)
  }

  @Test(arguments: [Side.buy, .sell])
  func `a value beyond all money is booked without wrapping and stops new orders`(
    _ side: Side
  ) throws {
    let sign: Int128 = side.isBuy ? 1 : -1
    for (price, quantity, isKept) in [
      (1 << 58, 1 << 38, true), (-1 << 58, 1 << 38, true), (1 << 62, 1 << 36, true),
      (1 << 60, 1 << 38, true), (1 << 62, 1 << 38, false), (.max, 1 << 38, false),
      (.min, 1 << 38, false), (.max, 1, false),
    ] as [(Int64, Int64, Bool)] {
      let market = try Market(Recorder())
      let (_, request) = try market.working(side, 100, 10_000)
      for match in 1...9 as ClosedRange<UInt64> {
        market.report(.executed, request.venueReference, quantity: quantity, match: match) {
          $0.price = price
          $0.priceExponent = -8
        }
      }
      let booked = try #require(market.snapshot.positions.first)
      #expect(booked.quantity == 9 * quantity * Int64(sign))
      let value = side.isBuy ? booked.boughtValue.raw : booked.soldValue.raw
      #expect(value.magnitude <= 9 * (UInt128(1) << 100) && (value < 0) == (price < 0))
      #expect(booked.cashFlow.raw == 0 - sign * value)
      #expect((value == 9 * Int128(price) * Int128(quantity)) == isKept, "\(price) × \(quantity)")
      #expect(market.alarms(.unrepresentable) == (isKept ? 0 : 9), "\(price) × \(quantity)")
      #expect(market.isStopped == !isKept)
      for match in 1...9 as ClosedRange<UInt64> {
        market.report(.broken, request.venueReference, match: match)
      }
      #expect(market.snapshot.positions.first?.cashFlow == .zero)
      #expect(market.invariants == [])
    }
  }

  @Test func `a rejected order frees its exposure`() throws {
    let market = try Market(Recorder())
    let handle = try market.place(.buy, 100, 10_000).handle
    _ = market.sent()
    market.report(.rejected, 1) { $0.reason = 7 }
    #expect(market.order(handle)?.doneReason == .rejected)
    #expect(market.updates.last?.reason == 7)
    #expect(market.counters.rejected == 1)
    #expect(market.invariants == [])
  }

  @Test func `an IOC that dies on arrival is canceled`() throws {
    let market = try Market(Recorder())
    let handle = try market.place(.buy, 100, 10_010, timeInForce: .immediateOrCancel).handle
    #expect(market.sent().first?.timeInForce == .immediateOrCancel)
    market.report(.accepted, 1, quantity: 100, cents: 10_010) {
      $0.standing = .canceled
    }
    #expect(market.order(handle)?.doneReason == .canceled)
    #expect(market.invariants == [])
  }

  @Test func `a repeated sequenced report is not applied again, its execution is still safe`()
    throws
  {
    let market = try Market(Recorder())
    let (handle, request) = try market.working(.buy, 100, 10_000)
    market.report(.canceled, request.venueReference, quantity: 40) { $0.streamSequence = 1 }
    market.report(.canceled, request.venueReference, quantity: 40) { $0.streamSequence = 1 }
    #expect(market.order(handle)?.leaves.raw == 60)
    #expect(market.alarms(.repeatedReport) == 1)
    market.report(.executed, request.venueReference, quantity: 5, cents: 10_000, match: 1) {
      $0.streamSequence = 3
    }
    #expect(market.alarms(.streamGap) == 1)
    #expect(market.order(handle)?.leaves.raw == 55)
    #expect(market.invariants == [])
  }

  @Test func `an unknown liquidity flag books the worst fee and is alarmed`() throws {
    let market = try Market(Recorder())
    let (_, request) = try market.working(.buy, 100, 10_000)
    market.report(.executed, request.venueReference, quantity: 10, cents: 10_000, match: 1) {
      $0.liquidity = UInt8(ascii: "?")
    }
    #expect(market.alarms(.unknownLiquidity) == 1)
    #expect(market.snapshot.positions.first?.fees.raw == 3_000_000)
  }
}
