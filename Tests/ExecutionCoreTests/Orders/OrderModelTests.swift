import ExecutionCore
import Testing

/// The order model against naive twins: garbage reports, and a venue behind a line that breaks.
@Suite struct OrderModelTests {
  /// What the ledger must come to: unique executions, less those that were busted.
  struct NaiveLedger {
    struct Key: Hashable {
      var reference: UInt64
      var match: UInt64
    }
    var quantities: [Key: Int64] = [:]
    var busts: Set<Key> = []
    func position(_ isBuy: [UInt64: Bool]) -> Int64 {
      quantities.reduce(0) { sum, e in
        busts.contains(e.key) ? sum : sum + (isBuy[e.key.reference]! ? e.value : -e.value)
      }
    }
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func `any reports in any order keep position, exposure and lives consistent`(seed: UInt64) throws
  {
    var dice = Dice(seed)
    var c = Market<Recorder>.configuration()
    c.poolCapacity = 16
    c.executionsMax = 256
    c.ordersPerDayMax = 1_024
    let market = try Market(Recorder(), c, laneBytes: 2 << 20)
    var isBuy: [UInt64: Bool] = [:]
    var handles: [OrderHandle] = []
    var ledger = NaiveLedger()
    var boundaries: [Boundary] = []
    for step in 0..<600 {
      switch dice.below(10) {
      case 0, 1:
        let side: Side = dice.chance(50) ? .buy : .sell
        let verdict = market.place(side, Int64(1 + dice.below(200)), side == .buy ? 10_000 : 10_010)
        if case .accepted(let handle) = verdict {
          handles.append(handle)
          isBuy[market.order(handle)!.venueReference] = side == .buy
        }
      case 2:
        guard let handle = handles.isEmpty ? nil : handles[dice.below(handles.count)] else { break }
        if dice.chance(50) {
          _ = market.cancel(handle, to: Quantity(raw: Int64(dice.below(3) * 20)))
        } else {
          let next = market.nextReference
          let verdict = market.replace(
            handle, price: Price(raw: 10_005_000_000),
            quantity: Quantity(raw: Int64(dice.below(300))))
          if case .accepted = verdict { isBuy[next] = market.order(handle)!.side.isBuy }
        }
      case 3: _ = market.sent()
      default:
        let kinds: [VenueReport.Kind] = [
          .accepted, .replaced, .canceled, .executed, .executed, .broken, .rejected, .modified,
          .cancelRejected, .notSent, .priorityUpdated, .restated, .sessionDown, .sessionUp,
          .caughtUp, .settled, .neverArrived, .inquiryAnswered, .status, .modifyRejected,
          .executed, .accepted, .accepted, .sessionUp, .caughtUp,
        ]
        let kind = kinds[dice.below(kinds.count)]
        let reference = UInt64(dice.below(isBuy.count + 3))
        let quantity = Int64(dice.below(120)) - 5
        let match = UInt64(dice.below(6))
        market.report(
          kind, reference, quantity: quantity, cents: 10_000 + Int64(dice.below(3)), match: match
        ) {
          $0.reason = UInt16(dice.below(5))
          $0.subject = UInt8(dice.below(10))
          $0.standing = VenueStanding(rawValue: UInt8(dice.below(5))) ?? .unsaid
          if kind == .executed { $0.price = 1_000_000 }
        }
        let key = NaiveLedger.Key(reference: reference, match: match)
        if isBuy[reference] != nil {
          if kind == .executed, quantity > 0, ledger.quantities[key] == nil {
            ledger.quantities[key] = quantity
          }
          if kind == .broken { ledger.busts.insert(key) }
        }
      }
      boundaries.append(market.boundary())
      let broken = market.invariants
      #expect(broken == [], "seed \(seed) step \(step)")
      #expect(market.position() == ledger.position(isBuy), "seed \(seed) step \(step)")
      if !broken.isEmpty { return }
    }
    // Every order that is not open has exactly one end, and the counts agree.
    let views = handles.compactMap { market.order($0) }
    #expect(views.allSatisfy { $0.life.isOpen == ($0.doneReason == .none) }, "seed \(seed)")
    #expect(market.snapshot.openOrders.count == market.openOrderCount, "seed \(seed)")
    #expect(try market.replay(boundaries, "seed \(seed)") > 500)
  }

  /// A venue that follows the rules, and a line that delays, breaks, loses requests and repeats reports.
  struct Venue {
    struct Live {
      var open: Int64
      var executed: Int64
      var isBuy: Bool
      var cents: Int64
    }
    var orders: [UInt64: Live] = [:]
    var inFlight: [VenueRequest] = []
    var stream: [VenueReport] = []
    var delivered = 0
    var processed: UInt64 = 0
    var position: Int64 = 0
    var match: UInt64 = 0
    var executions = 0

    mutating func say(
      _ kind: VenueReport.Kind, _ reference: UInt64, _ change: (inout VenueReport) -> Void
    ) {
      var r = VenueReport(kind: kind, port: .first, account: AccountID(raw: 0))
      r.venueReference = reference
      r.liquidity = UInt8(ascii: "R")
      r.streamSequence = UInt64(stream.count + 1)
      change(&r)
      stream.append(r)
    }

    mutating func process(_ q: VenueRequest, _ dice: inout Dice) {
      let ticks = q.price / 10_000
      switch q.kind {
      case .new:
        guard q.venueReference > processed else { return }
        processed = q.venueReference
        if dice.chance(10) { return say(.rejected, q.venueReference) { $0.reason = 1 } }
        orders[q.venueReference] = Live(
          open: q.quantity, executed: 0, isBuy: q.side.isBuy, cents: ticks / 100)
        say(.accepted, q.venueReference) {
          $0.quantity = q.quantity
          $0.price = ticks
          $0.clientOrderID = q.clientOrderID
        }
      case .replace: replace(q, ticks, &dice)
      case .cancel:
        guard var live = orders[q.venueReference] else { return }
        let left = max(0, q.quantity - live.executed)
        guard left < live.open else { return }
        if dice.chance(10) { return say(.cancelRejected, q.venueReference) { _ in } }
        let taken = live.open - left
        live.open = left
        orders[q.venueReference] = left == 0 ? nil : live
        say(.canceled, q.venueReference) { $0.quantity = taken }
      case .inquiry:
        for reference in [q.originalVenueReference, q.venueReference] where reference > 0 {
          say(reference <= processed ? .settled : .neverArrived, reference) { _ in }
        }
        say(.inquiryAnswered, q.venueReference) { _ in }
      default: break
      }
    }

    private mutating func replace(_ q: VenueRequest, _ ticks: Int64, _ dice: inout Dice) {
      guard q.venueReference > processed else { return }
      // (a)
      guard let live = orders[q.originalVenueReference] else { return }
      if dice.chance(10) {  // (b)
        orders[q.originalVenueReference] = nil
        return say(.canceled, q.originalVenueReference) { $0.quantity = live.open }
      }
      processed = q.venueReference
      if dice.chance(10) { return say(.rejected, q.venueReference) { _ in } }  // (c)
      orders[q.originalVenueReference] = nil
      let open = q.quantity - live.executed
      if open <= 0 { return say(.canceled, q.originalVenueReference) { $0.quantity = live.open } }
      orders[q.venueReference] = Live(
        open: open, executed: live.executed, isBuy: live.isBuy, cents: ticks / 100)
      say(.replaced, q.venueReference) {
        $0.quantity = open
        $0.price = ticks
        $0.originalVenueReference = q.originalVenueReference
      }
    }

    mutating func trade(_ dice: inout Dice) {
      let references = orders.keys.sorted()
      guard !references.isEmpty else { return }
      let reference = references[dice.below(references.count)]
      var live = orders[reference]!
      let quantity = min(live.open, Int64(1 + dice.below(100)))
      live.open -= quantity
      live.executed += quantity
      orders[reference] = live.open == 0 ? nil : live
      position += live.isBuy ? quantity : -quantity
      match += 1
      executions += 1
      let number = match
      say(.executed, reference) {
        $0.quantity = quantity
        $0.price = live.cents * 100
        $0.executionID = VenueIdentifier(number: number)
      }
    }

    /// What may still be executed on a side, of what is open and of what is on its way.
    func potential(buy: Bool) -> Int64 {
      var sum = orders.values.reduce(0) { $0 + ($1.isBuy == buy ? $1.open : 0) }
      for q in inFlight where q.side.isBuy == buy {
        if q.kind == .new { sum += q.quantity }
        if q.kind == .replace, let live = orders[q.originalVenueReference] {
          sum += max(0, q.quantity - live.executed - live.open)
        }
      }
      return sum
    }
  }

  private func deliver(_ market: Market<Recorder>, _ venue: inout Venue, most: Int) {
    let end = min(venue.stream.count, venue.delivered + min(most, venue.stream.count))
    while venue.delivered < end {
      market.driver.apply(
        venue.stream[venue.delivered], sessionTime: market.time, machineTime: 0)
      venue.delivered += 1
    }
  }

  private func reconnect(_ market: Market<Recorder>, _ venue: inout Venue, _ dice: inout Dice) {
    venue.inFlight.removeAll()
    market.report(.sessionDown, 0)
    if dice.chance(50) { venue.trade(&dice) }
    market.report(.sessionUp, 0) { $0.streamSequence = UInt64(venue.delivered + 1) }
    // Some of what was delivered comes again.
    venue.delivered = max(0, venue.delivered - dice.below(4))
    deliver(market, &venue, most: .max)
    market.report(.caughtUp, 0)
    for q in market.sent() { venue.process(q, &dice) }
    deliver(market, &venue, most: .max)
    for q in market.sent() { venue.process(q, &dice) }
  }

  private func act(_ market: Market<Recorder>, _ handles: inout [OrderHandle], _ dice: inout Dice) {
    if dice.chance(50) || handles.isEmpty {
      let side: Side = dice.chance(50) ? .buy : .sell
      let verdict = market.place(side, Int64(1 + dice.below(200)), side == .buy ? 10_000 : 10_010)
      if case .accepted(let handle) = verdict { handles.append(handle) }
      return
    }
    let handle = handles[dice.below(handles.count)]
    if dice.chance(40) {
      _ = market.cancel(handle)
    } else {
      _ = market.replace(
        handle, price: Price(raw: Int64(10_000 + dice.below(10)) * 1_000_000),
        quantity: Quantity(raw: Int64(1 + dice.below(300))))
    }
  }

  @Test(arguments: 100...130 as ClosedRange<UInt64>)
  func `exposure is never under-counted and the end agrees with the venue`(seed: UInt64) throws {
    var dice = Dice(seed)
    var c = Market<Recorder>.configuration()
    c.executionsMax = 512
    c.ordersPerDayMax = 1_024
    let market = try Market(Recorder(), c, laneBytes: 2 << 20)
    var venue = Venue()
    var handles: [OrderHandle] = []
    for step in 0..<500 {
      switch dice.below(12) {
      case 0...3: act(market, &handles, &dice)
      case 4, 5: venue.inFlight += market.sent()
      case 6, 7:
        for _ in 0..<dice.below(3) where !venue.inFlight.isEmpty {
          venue.process(venue.inFlight.removeFirst(), &dice)
        }
      case 8, 9: venue.trade(&dice)
      case 10: deliver(market, &venue, most: dice.below(5))
      default: if dice.chance(25) { reconnect(market, &venue, &dice) }
      }
      guard check(market, venue, "seed \(seed) step \(step)") else { return }
    }
    // Quiet: everything arrives.
    for _ in 0..<20 {
      venue.inFlight += market.sent()
      while !venue.inFlight.isEmpty { venue.process(venue.inFlight.removeFirst(), &dice) }
      deliver(market, &venue, most: .max)
    }
    reconnect(market, &venue, &dice)
    deliver(market, &venue, most: .max)
    #expect(market.position() == venue.position, "seed \(seed)")
    #expect(market.counters.executions == UInt64(venue.executions), "seed \(seed)")
    let ours = market.snapshot.openOrders.map { [$0.venueReference, UInt64($0.leaves.raw)] }
    let theirs = venue.orders.map { [$0.key, UInt64($0.value.open)] }
    #expect(Set(ours) == Set(theirs), "seed \(seed)")
    #expect(market.alarms(.illegalReport) == 0, "seed \(seed)")
    #expect(market.alarms(.overfill) == 0, "seed \(seed)")
    #expect(market.alarms(.resurrected) == 0, "seed \(seed)")
  }

  private func check(_ market: Market<Recorder>, _ venue: Venue, _ place: String) -> Bool {
    let snapshot = market.snapshot
    #expect(snapshot.brokenInvariants == [], "\(place)")
    for buy in [true, false] {
      let worst = snapshot.openOrders.reduce(Int64(0)) { sum, view in
        guard view.side.isBuy == buy else { return sum }
        let pending =
          view.replaceState == .unresolved ? view.pendingQuantity.raw - view.executed.raw : 0
        return sum + max(view.leaves.raw, pending)
      }
      let sign: Int64 = buy ? 1 : -1
      let ours = sign * market.position() + worst
      let theirs = sign * venue.position + venue.potential(buy: buy)
      #expect(ours >= theirs, "\(place): worst case under-counted")
      if ours < theirs { return false }
    }
    return snapshot.brokenInvariants.isEmpty
  }
}
