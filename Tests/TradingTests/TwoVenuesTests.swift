import ExecutionCore
import Gateways
import Simulation
import Testing

/// A venue of another shape beside the exchange, in one engine: nothing of it is known to the core.
@Suite struct TwoVenuesTests {
  @Test func `two accounts trade at two venues, and every book agrees with the venue's`() throws {
    let two = try TwoVenues()
    two.open()
    var text: [OrderView] = []
    for account in 0..<2 {
      // Through the other side: filled at once.
      _ = try two.placed(account, 0, account == 0 ? .buy : .sell, 100, ticksAway: -20)
      text.append(try two.placed(account, 1, account == 0 ? .buy : .sell, 200))
    }
    #expect(
      text.allSatisfy { two.view($0).life == .working && two.view($0).port == TwoVenues.text })
    two.venue.fill(two.id(text[0]), 50)
    two.venue.fill(two.id(text[1]), 80)
    two.venue.fill(two.id(text[0]), 30)
    two.venue.bust(2)
    two.play(3_000)
    for account in 0..<2 {
      let user = TwoVenues.users[account]
      let symbol = "\(two.exchange.feed.instruments[1].symbol)"
      let held = try #require(two.position(account, 1))
      #expect(held.quantity == two.venue.position(user, symbol))
      #expect(held.byVenue == [0, held.quantity])
      #expect(two.position(account, 0)?.byVenue.first ?? 0 == two.exchangePosition(account))
    }
    #expect(two.position(0, 1)?.quantity == 50 && two.position(1, 1)?.quantity == -80)
    // Fees are each venue's own: the text venue has one price for all.
    #expect(two.position(1, 1)?.fees.raw == Int128(8_000_000))
    #expect(
      two.exchange.core.accounts.allSatisfy { !$0.positions.isEmpty }, "both were filled there")
    let snapshot = two.state
    #expect(snapshot.brokenInvariants == [] && snapshot.alarms == [:])
  }

  @Test func `identifiers of 36 characters are kept whole in the record`() throws {
    let two = try TwoVenues()
    two.open()
    let order = try two.placed(0, 1, .buy, 100)
    let before = two.lane.records.count
    two.venue.fill(two.id(order), 40)
    two.pump()
    let records = [UInt8](two.lane.records[before...])
    let kept = String(decoding: records, as: UTF8.self)
    #expect(kept.contains(two.venue.fills[0].execution))
    #expect(two.venue.fills[0].execution.utf8.count == 36 && two.id(order).utf8.count == 36)
    // Told twice, booked once.
    two.disconnect(2)
    two.connect(2)
    #expect(two.counts.executions == 1)
    #expect(two.counts.duplicateExecutions == 1)
    #expect(two.counts.alarms == 0)
  }

  @Test func `new terms change in place: same reference, no incarnation, what is open on the wire`()
    throws
  {
    let two = try TwoVenues()
    two.open()
    let order = try two.placed(0, 1, .buy, 100)
    #expect(order.replacesLeft == .max)
    two.venue.fill(two.id(order), 30)
    two.pump()
    let price = Price(raw: order.price.raw - 1_000_000)
    let verdict = two.driver.engine.replace(
      order.handle, price: price, quantity: Quantity(raw: 150))
    guard case .accepted = verdict else { throw TwoVenues.Refused() }
    #expect(two.state.brokenInvariants == [], "both held while it is open")
    two.pump()
    let now = two.view(order)
    #expect(now.venueReference == order.venueReference && now.incarnation == 0)
    #expect(now.price == price && now.quantity.raw == 150 && now.leaves.raw == 120)
    #expect(now.replaceState == .confirmed)
    #expect(two.venue.lines.last?.hasSuffix("|120|\(price.raw / 1_000_000)") == true)
    #expect(two.venue.orders[two.id(order)]?.open == 120)
    // One that the venue refuses leaves the order as it was.
    two.venue.fill(two.id(order), 120)
    let late = two.driver.engine.replace(
      order.handle, price: order.price, quantity: Quantity(raw: 200))
    guard case .accepted = late else { throw TwoVenues.Refused() }
    two.pump()
    #expect(two.view(order).doneReason == .filled && two.view(order).replaceState == .refused)
    #expect(two.state.brokenInvariants == [])
    // Its refusal comes after the end, and is no surprise.
    #expect(two.driver.engine.counters.alarms == 0)
  }

  @Test func `what the venue lacks is refused before it is sent`() throws {
    let two = try TwoVenues()
    two.open()
    let lines = two.venue.lines.count
    for change: (inout OrderRequest) -> Void in [
      { $0.timeInForce = .immediateOrCancel }, { $0.display = .hidden }, { $0.flags = .postOnly },
    ] {
      #expect(refusal(two.place(0, 1, .buy, 100, change)) == .notSupported)
      guard case .accepted = two.place(0, 0, .buy, 1, change)
      else {
        Issue.record("the exchange has it")
        continue
      }
    }
    #expect(refusal(two.place(0, 1, .buy, 1_000_001)) == .badQuantity)
    two.pump()
    #expect(two.venue.lines.count == lines)
    let order = try two.placed(0, 1, .buy, 100)
    let modified = two.driver.engine.modify(order.handle, quantity: Quantity(raw: 50))
    let reduced = two.driver.engine.cancel(order.handle, to: Quantity(raw: 50))
    for verdict in [modified, reduced] {
      guard case .refused(let refusal) = verdict else { throw TwoVenues.Refused() }
      #expect(refusal.code == .notSupported)
    }
    var command = Command(.massCancel, scope: .account)
    command.account = AccountID(raw: 0)
    #expect(two.apply(command))
    two.pump()
    #expect(two.view(order).life == .working, "the venue of text has no mass cancel")
  }

  @Test(arguments: 0..<3) func `the break of one session stops nobody else`(broken: Int) throws {
    let two = try TwoVenues()
    two.open()
    two.disconnect(broken)
    for account in 0..<2 {
      for instrument in 0..<2 {
        let port = instrument == 1 ? 2 : account
        let verdict = two.place(account, instrument, .buy, 10, ticksAway: 5)
        if port == broken {
          #expect(refusal(verdict) == .venueDown)
        } else {
          guard case .accepted(let handle) = verdict else { throw TwoVenues.Refused() }
          two.pump()
          #expect(two.order(handle)?.life == .working)
        }
      }
    }
    two.connect(broken)
    #expect((0..<3).allSatisfy { two.isReady($0) })
    #expect(two.state.alarms == [:])
  }

  @Test func `the next venue of a route takes what the first can't`() throws {
    let two = try TwoVenues {
      $0.venues[0].instruments = nil
      $0.routes = [
        RouteConfiguration(
          account: AccountID(raw: 0), instrument: InstrumentID(raw: 1),
          ports: [PortID(raw: 2), PortID(raw: 0)])
      ]
    }
    two.open()
    let first = try two.placed(0, 1, .buy, 10, ticksAway: 5)
    #expect(first.port == TwoVenues.text)
    two.disconnect(2)
    let second = try two.placed(0, 1, .buy, 10, ticksAway: 6)
    #expect(second.port.raw == 0 && two.view(second).life == .working)
    // A cancel goes where its order is.
    _ = two.driver.engine.cancel(first.handle)
    _ = two.driver.engine.cancel(second.handle)
    two.pump()
    #expect(two.view(second).doneReason == .canceled && two.view(first).life == .working)
    two.connect(2)
    #expect(two.view(first).doneReason == .canceled)
    // Nor what it has switched off.
    two.driver.apply(
      VenueReport(kind: .entryDisabled, port: PortID(raw: 2), account: AccountID(raw: 0)),
      sessionTime: two.time, machineTime: 0)
    #expect(two.isReady(2))
    #expect(try two.placed(0, 1, .buy, 10, ticksAway: 7).port.raw == 0)
  }

  @Test func `what was executed while the line was down is found without a stream`() throws {
    let two = try TwoVenues()
    two.open()
    let order = try two.placed(0, 1, .buy, 100)
    let other = try two.placed(1, 1, .sell, 100)
    two.disconnect(2)
    two.venue.fill(two.id(order), 60)
    two.venue.fill(two.id(other), 100)
    two.connect(2)
    #expect(two.isReady(2))
    #expect(two.view(order).leaves.raw == 40 && two.view(other).doneReason == .filled)
    #expect(two.position(0, 1)?.quantity == 60 && two.position(1, 1)?.quantity == -100)
    #expect(two.state.brokenInvariants == [])
  }

  @Test func `requests and answers that were lost are asked for, and settled by what is found`()
    throws
  {
    let two = try TwoVenues()
    two.open()
    // Never arrived: the venue was deaf. Arrived, and the answer was lost.
    two.venue.isDeaf = true
    guard case .accepted(let never) = two.place(0, 1, .buy, 10) else { throw TwoVenues.Refused() }
    two.pump()
    two.venue.isDeaf = false
    guard case .accepted(let arrived) = two.place(1, 1, .buy, 20, ticksAway: 1) else {
      throw TwoVenues.Refused()
    }
    let lost = two.driver.engine.nextRequest(TwoVenues.text, machineTime: 0)
    #expect(lost?.kind == .new)
    two.pump()
    two.disconnect(2)
    two.connect(2)
    #expect(two.isReady(2))
    #expect(two.order(never)?.doneReason == .neverArrived)
    #expect(two.order(arrived)?.life == .working)
    #expect(two.counts.unknownOrders == 0)
    #expect(two.state.brokenInvariants == [])
  }

  @Test func `while queries fail nothing new goes there, and nothing is believed`() throws {
    let two = try TwoVenues()
    two.open()
    two.venue.isDeaf = true
    guard case .accepted(let sent) = two.place(0, 1, .buy, 10) else { throw TwoVenues.Refused() }
    two.pump()
    two.venue.isDeaf = false
    two.disconnect(2)
    two.venue.failsQueries = true
    two.connect(2)
    for _ in 0..<5 { two.wait(2_000_000) }
    #expect(two.venue.queries >= 5)
    #expect(!two.isReady(2) && two.order(sent)?.life == .unknown)
    #expect(refusal(two.place(1, 1, .buy, 10)) == .venueDown)
    // The exchange is another matter.
    two.play(10)
    _ = try two.placed(0, 0, .buy, 10, ticksAway: 5)
    two.venue.failsQueries = false
    for _ in 0..<3 { two.wait(2_000_000) }
    #expect(two.isReady(2) && two.order(sent)?.doneReason == .neverArrived)
    let alarms = two.state.alarms
    #expect(Set(alarms.keys) == [.inquiryFailed])
  }

  @Test func `lines that are no lines stop new orders, and the next one counts`() throws {
    let two = try TwoVenues()
    two.open()
    let order = try two.placed(0, 1, .buy, 10)
    two.venue.take(Array("NONSENSE|x\n".utf8))
    two.pump()
    #expect(two.counters(2).undecodable == 1)
    #expect(two.state.alarms[.undecodableReport] == 1)
    #expect(
      two.state.latches.map { [$0.port.raw] + [UInt16($0.cause.rawValue)] }
        == [[2, UInt16(LatchCause.undecodableReport.rawValue)]], "the exchange is another matter")
    #expect(refusal(two.place(0, 1, .buy, 10)) == .latched)
    _ = try two.placed(0, 0, .buy, 10, ticksAway: 5)
    two.venue.fill(two.id(order), 10)
    two.pump()
    #expect(two.position(0, 1)?.quantity == 10)
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `whatever breaks, both accounts end as both venues have them`(seed: UInt64) throws {
    var random = SplitMix(seed)
    let two = try TwoVenues(seed: seed)
    two.open()
    var orders: [OrderView] = []
    for _ in 0..<400 {
      act(two, &orders, &random)
      #expect(two.state.brokenInvariants == [], "seed \(seed)")
    }
    // Quiet: everybody is there, and says what there is.
    two.venue.failsQueries = false
    two.venue.isDeaf = false
    for port in 0..<3 {
      two.disconnect(port)
      two.connect(port)
    }
    for _ in 0..<10 { two.wait(2_000_000) }
    #expect((0..<3).allSatisfy { two.isReady($0) }, "seed \(seed)")
    let snapshot = two.state
    for account in 0..<2 {
      let symbol = "\(two.exchange.feed.instruments[1].symbol)"
      let there = two.venue.position(TwoVenues.users[account], symbol)
      #expect(two.position(account, 1)?.quantity ?? 0 == there, "seed \(seed)")
      #expect(
        two.position(account, 0)?.quantity ?? 0 == two.exchangePosition(account), "seed \(seed)")
    }
    let open = snapshot.openOrders.filter { $0.port == TwoVenues.text }
    #expect(open.map { two.id($0) }.sorted() == two.venue.working, "seed \(seed)")
    for view in open { #expect(two.venue.orders[two.id(view)]?.open == view.leaves.raw) }
    #expect(snapshot.openOrders.allSatisfy { $0.life == .working }, "seed \(seed)")
    #expect(
      Set(snapshot.alarms.keys).isSubset(of: [.inquiryFailed, .closedByEvidence, .revisedTerms]),
      "seed \(seed): \(snapshot.alarms)")
    #expect(snapshot.brokenInvariants == [], "seed \(seed)")
  }

  private func act(_ two: TwoVenues, _ orders: inout [OrderView], _ random: inout SplitMix) {
    switch random.below(20) {
    case 0..<6:
      let verdict = two.place(
        random.below(2), random.below(2), random.below(2) == 0 ? .buy : .sell,
        Int64(1 + random.below(100)), ticksAway: Int64(random.below(4)))
      if case .accepted(let handle) = verdict, let view = two.order(handle) {
        orders.append(view)
      }
      two.pump()
    case 6, 7:
      guard let order = orders.randomElement(using: &random) else { return }
      _ = two.driver.engine.cancel(order.handle)
      two.pump()
    case 8, 9:
      guard let order = orders.randomElement(using: &random) else { return }
      _ = two.driver.engine.replace(
        order.handle, price: Price(raw: order.price.raw - Int64(random.below(3)) * 1_000_000),
        quantity: Quantity(raw: Int64(1 + random.below(150))))
      two.pump()
    case 10..<13:
      if let id = two.venue.working.randomElement(using: &random) {
        two.venue.fill(id, Int64(1 + random.below(60)))
      }
      two.pump()
    case 13: two.disconnect(random.below(3))
    case 14, 15: two.connect(random.below(3))
    case 16: two.venue.isDeaf = two.isUp[2] && random.below(2) == 0
    case 17: two.venue.failsQueries = random.below(2) == 0
    case 18: two.wait(2_000_000)
    default: two.play(random.below(60))
    }
    // A line on which something was lost breaks before it is used again.
    if two.venue.isDeaf, random.below(3) == 0 {
      two.venue.isDeaf = false
      two.disconnect(2)
    }
  }

  private func refusal(_ verdict: Verdict) -> RefusalCode? {
    if case .refused(let refusal) = verdict { refusal.code } else { nil }
  }
}

/// SplitMix64 with the seed that a failing test prints.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
  mutating func below(_ n: Int) -> Int { Int(next() % UInt64(n)) }
}
