import ExecutionCore
import Gateways

/// What the engine, the feed's receiver and the gateway counted, in the summary's words.
extension RunSummary {
  mutating func take(
    _ state: EngineSnapshot, accounts: [String], strategies: [String],
    instruments: [InstrumentFacts]
  ) {
    takeCounters(state)
    positions = state.positions.map { position in
      Position(
        position, Self.facts(instruments, position.instrument),
        account: Self.name(accounts, position.account.raw),
        strategy: Self.name(strategies, position.strategy.raw))
    }
    pnl.realised = positions.reduce(0) { $0 + $1.realised }
    pnl.unrealised = positions.reduce(0) { $0 + $1.unrealised }
    pnl.fees = positions.reduce(0) { $0 + $1.fees }
    fills.shares = positions.reduce(0) {
      $1.quantityExponent == 0 ? $0 + $1.bought + $1.sold : $0
    }
    fills.notional = state.positions.reduce(0) { $0 + $1.boughtValue.raw + $1.soldValue.raw }
    feed.symbols = instruments.count
    takeStops(state, accounts: accounts, strategies: strategies)
    takeAlarms(state)
    invariants.append(
      Invariant(
        "the engine's sums agree", holds: state.brokenInvariants.isEmpty,
        state.brokenInvariants.isEmpty
          ? "orders, exposure, executions, positions and cash"
          : state.brokenInvariants.joined(separator: "; ")))
  }

  /// What the order session must never show: both say that something is wrong with us or with the venue.
  mutating func take(_ gateway: GatewayCounters, fuse: LastHopFuse.Cap?) {
    invariants.append(
      Invariant(
        "last-hop fuse not tripped", holds: fuse == nil,
        fuse.map { "tripped by \($0): the limits before it did not hold" } ?? "armed to the end"))
    invariants.append(
      Invariant(
        "every report decoded", holds: gateway.undecodable == 0,
        "\(gateway.undecodable.grouped) messages of the venue could not be decoded"))
  }

  /// After one of these, what the engine believes of its orders or positions may be wrong.
  static let seriousAlarms: [AlarmCode] = [
    .illegalReport, .unknownReference, .streamGap, .executionMismatch, .ledgerFull, .updateLost,
    .executionsMissing, .unknownPort, .overfill,
  ]

  private mutating func takeAlarms(_ state: EngineSnapshot) {
    let serious = Self.seriousAlarms.compactMap { code in
      state.alarms[code].map { "\(code) \($0)" }
    }
    if let count = state.alarms[.unknownReference] {
      notes.append(
        "a venue reported \(count.grouped) times on orders that this run never sent, "
          + "such as an earlier run's with the account: new orders were stopped; start the venue "
          + "with --new-session")
    }
    invariants.append(
      Invariant(
        "no serious alarm", holds: serious.isEmpty,
        serious.isEmpty ? "none was raised" : serious.joined(separator: ", ")))
  }

  private mutating func takeCounters(_ state: EngineSnapshot) {
    let counters = state.counters
    feed.messages = counters.marketRecords
    feed.unknownReferences = state.books.unknown
    feed.duplicateReferences = state.books.duplicate
    feed.liveOrders = state.books.live
    orders.sent = counters.newOrders &- min(counters.newOrders, counters.newOrdersNotSent)
    orders.acknowledged = counters.acknowledged
    orders.filled = counters.filled
    orders.cancelled = counters.canceled
    orders.rejected = counters.rejected
    orders.replaced = counters.replaced
    orders.notSent = counters.notSent
    orders.neverArrived = counters.neverArrived
    orders.unknown = state.openOrders.count { $0.life == .unknown }
    orders.working = state.openOrders.count - orders.unknown
    orders.refused = RefusalCode.allCases.compactMap { code in
      state.refusals[code].map { Refused(code: "\(code)", count: $0) }
    }
    if counters.timersDeferred > 0 {
      notes.append(
        "timers were due \(counters.timersDeferred.grouped) times and waited: strategies ask for more than "
          + "\(Engine.timersPerCallMax.grouped) of one call")
    }
    fills.count = counters.standingExecutions
    fills.broken = counters.busts
    fills.duplicates = counters.duplicateExecutions
    fills.overfills = counters.overfills
    bounds = state.bounds.map { Bound(name: $0.bound.name, use: $0) }
    for bound in state.bounds where bound.isNear {
      notes.append(
        "four fifths and more of \(bound.bound.setting) were used (\(bound.highest.grouped) of "
          + "\(bound.most.grouped)): \(bound.bound.consequence)")
    }
    for latch in state.latches {
      let place =
        latch.record == 0 ? "from an earlier run on" : "journal record \(latch.record.grouped)"
      notes.append(
        "new orders of \(latch.scopeInWords) were stopped to the end by \(latch.cause) (\(place)): "
          + latch.cause.inWords)
    }
    if !state.alarms.isEmpty {
      let named = AlarmCode.allCases.compactMap { code in
        state.alarms[code].map { "\(code) \($0)" }
      }
      notes.append("alarms: \(named.joined(separator: ", "))")
    }
  }

  mutating func take(_ mold: MoldCounters, datagrams: UInt64, bytes: UInt64, malformed: UInt64) {
    feed.datagrams = datagrams
    feed.bytes = bytes
    feed.malformed = malformed &+ mold.malformed
    feed.gaps = mold.gaps
    feed.duplicates = mold.duplicates
    feed.reordered = mold.buffered
    feed.requests = mold.requests
    feed.requestsUnsent = mold.requestsUnsent
    feed.bySnapshot = mold.spliced
    feed.disagreements = mold.disagreements
    feed.foreignSession = mold.foreignSession
    feed.unidentified = mold.unidentified
    feed.implausible = mold.implausible &+ mold.snapshotsImplausible
    feed.doubtedLines = mold.doubtedLines
  }

  /// - Parameter lines: A, B and the re-request server's.
  mutating func take(_ lines: [MoldLineCounters], skipped: UInt64, times: UInt64) {
    feed.skipped = skipped
    feed.implausibleTimes = times
    guard lines.count == 3 else { return }
    feed.lines = Lines(a: Line(lines[0]), b: Line(lines[1]), rerequest: Line(lines[2]))
    feed.recovered = feed.lines.rerequest.first
  }

  private static func facts(
    _ instruments: [InstrumentFacts], _ id: InstrumentID
  ) -> InstrumentFacts {
    Int(id.raw) < instruments.count ? instruments[Int(id.raw)] : InstrumentFacts(symbol: .none)
  }

  static func name(_ names: [String], _ index: UInt32) -> String {
    Int(index) < names.count ? names[Int(index)] : "\(index)"
  }
}

extension RunSummary.Line {
  init(_ counters: MoldLineCounters) {
    datagrams = counters.datagrams
    first = counters.firstMessages
    duplicate = counters.duplicateMessages
    missed = counters.missedMessages
    malformed = counters.malformed
    foreign = counters.foreignSession
    implausible = counters.implausible
  }
}

extension RunSummary.Position {
  /// With four decimals at least, where it has as many.
  var markText: String {
    let text = RunSummary.quantity(mark, exponent: priceExponent)
    guard let point = text.firstIndex(of: "."), priceExponent < -4 else { return text }
    var end = text.endIndex
    let least = text.index(point, offsetBy: 5)
    while end > least, text[text.index(before: end)] == "0" { end = text.index(before: end) }
    return String(text[..<end])
  }

  init(
    _ position: PositionSummary, _ facts: InstrumentFacts, account: String, strategy: String
  ) {
    self.init(account: account, strategy: strategy, symbol: position.symbol)
    quantityExponent = Int(facts.quantityExponent)
    priceExponent = Int(facts.priceExponent)
    shares = position.quantity
    bought = position.bought
    sold = position.sold
    fills = UInt64(clamping: position.executions)
    mark = position.mark?.raw ?? 0
    isMarkStale = position.markIsStale
    realised = position.realised.raw
    unrealised = position.unrealised.raw
    fees = position.fees.raw
  }
}
