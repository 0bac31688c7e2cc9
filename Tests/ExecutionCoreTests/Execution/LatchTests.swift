import Testing

@testable import ExecutionCore

/// What the venue says about nothing of ours, or what can't be read: nothing new until a person has looked.
@Suite struct LatchTests {
  @Test func `a kill cancels in its own scope`() throws {
    let market = try Market(Recorder())
    let (kept, _) = try market.working(.buy, 100, 10_000)
    let (other, _) = try market.working(.buy, 100, 10_000, strategy: 1)
    var kill = Command(.kill, scope: .strategy)
    (kill.strategy, kill.value) = (StrategyID(raw: 0), 1)
    #expect(market.apply(kill) && market.sent().isEmpty)
    (kill.strategy, kill.value) = (StrategyID(raw: 1), 0)
    #expect(market.apply(kill) && market.sent().map(\.order) == [other])
    var port = Command(.kill, scope: .port)
    port.port = .first
    #expect(market.apply(port) && market.sent().map(\.order) == [kept])
  }

  @Test func `what lasts as long as the engine is ended by no command`() throws {
    let market = try Market(Recorder())
    for cause in LatchCause.allCases where cause != .killFile {
      var ended = Command(.conditionEnded, scope: .firm)
      ended.cause = cause.rawValue
      let refusal = market.driver.engine.refusal(of: ended)
      #expect(refusal == .unknownCause && !market.apply(ended), "\(cause)")
    }
  }

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
      #expect(market.isStopped)
      #expect(market.counters.executions == 0 && market.counters.busts == 0)
      #expect(market.position() == 0)
      #expect(market.invariants == [])
    }
  }

  /// The setting, and whom a doubt about one port's reports stops then.
  @Test(arguments: [false, true])
  func `a gap in the venue's stream stops the port, for a fill may be missing`(firm: Bool) throws {
    var c = Market<Recorder>.configuration()
    c.portLatchesFirm = firm
    let market = try Market(Recorder(), c)
    let (handle, request) = try market.working(.buy, 100, 10_000)
    market.report(.executed, request.venueReference, quantity: 10, cents: 10_000, match: 1) {
      $0.streamSequence = 1
    }
    #expect(!market.isStopped)
    market.report(.executed, request.venueReference, quantity: 10, cents: 10_000, match: 3) {
      $0.streamSequence = 3
    }
    #expect(market.alarms(.streamGap) == 1)
    let latch = try #require(market.snapshot.latches.first)
    #expect(market.snapshot.latches.count == 1 && latch.cause == .streamGap)
    #expect(latch.scope == (firm ? .firm : .port) && latch.since == market.time)
    #expect(market.driver.engine.firmCauses.isEmpty != firm)
    #expect(
      market.place(.buy, 1, 10_000).refusal
        == Refusal(
          .latched, scope: firm ? .firm : .port, limit: 0,
          observed: 1 << Int128(LatchCause.streamGap.rawValue)))
    #expect(market.position() == 20, "what came is booked")
    #expect(market.cancel(handle).refusal == nil, "cancels pass")
  }

  @Test func `a report that can't be decoded stops the port and is no gap afterwards`() throws {
    let market = try Market(Recorder())
    let (_, request) = try market.working(.buy, 100, 10_000)
    market.report(.undecodable, 0) { $0.streamSequence = 1 }
    #expect(market.alarms(.undecodableReport) == 1)
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .latched)
    market.report(.executed, request.venueReference, quantity: 10, cents: 10_000, match: 3) {
      $0.streamSequence = 2
    }
    #expect(market.alarms(.streamGap) == 0)
    #expect(!market.apply(Command(.rearm, scope: .firm).named("A. Person", because: "looked")))
    var rearm = Command(.rearm, scope: .port).named("A. Person", because: "looked")
    #expect(!market.apply(rearm), "of no port")
    rearm.port = PortID(raw: 9)
    #expect(!market.apply(rearm), "of a port that there is not")
    rearm.port = .first
    #expect(market.apply(rearm))
    #expect(market.place(.buy, 1, 10_000).refusal == nil)
    #expect(!market.apply(rearm), "nothing stands any more")
  }

  @Test func `the end of one cause clears no other, and the kill file's own only a person clears`()
    throws
  {
    var c = Market<Recorder>.configuration()
    c.portLatchesFirm = true
    let market = try Market(Recorder(), c)
    var file = Command(.kill, scope: .firm).named("operator", because: "the kill file")
    file.cause = LatchCause.killFile.rawValue
    var gone = Command(.conditionEnded, scope: .firm).named("operator", because: "the kill file")
    gone.cause = file.cause
    let rearm = Command(.rearm, scope: .firm).named("Ada Lovelace", because: "looked")
    func causes() -> [LatchCause] { market.driver.engine.firmCauses.all }

    market.report(.undecodable, 0) { $0.streamSequence = 1 }
    #expect(market.apply(file) && causes() == [.killFile, .undecodableReport])
    #expect(market.apply(file), "twice is once")
    #expect(market.snapshot.latches.count == 2)
    // The file is still there.
    #expect(market.apply(rearm) && causes() == [.killFile])
    #expect(!market.apply(rearm) && causes() == [.killFile])
    market.report(.undecodable, 0) { $0.streamSequence = 2 }
    #expect(market.apply(gone) && causes() == [.killFile, .undecodableReport])
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .latched)
    var one = rearm
    one.cause = LatchCause.streamGap.rawValue
    #expect(!market.apply(one), "it does not stand")
    one.cause = 200
    #expect(!market.apply(one), "there is no such cause")
    one.cause = LatchCause.killFile.rawValue
    #expect(market.apply(one) && causes() == [.undecodableReport])
    #expect(market.apply(rearm) && causes().isEmpty)
    #expect(market.place(.buy, 1, 10_000).refusal == nil)
    #expect(market.invariants == [])
  }

  @Test func `what a latch stops is cancelled, at its scope alone`() throws {
    let market = try Market(Recorder())
    _ = try market.working(.buy, 10, 10_000)
    _ = try market.working(.buy, 20, 10_000, strategy: 1)
    var kill = Command(.kill, scope: .strategy).named("Ada Lovelace", because: "it is mad")
    kill.strategy = StrategyID(raw: 1)
    kill.value = 1
    #expect(market.apply(kill) && market.sent().isEmpty)
    #expect(market.driver.engine.latchesSet == 1)
    #expect(market.driver.engine.cancelLatched() == 1)
    #expect(market.sent().map(\.strategy) == [StrategyID(raw: 1)])
    _ = market.driver.engine.cancelLatched()
    #expect(market.sent().isEmpty, "it is asked once")
  }

  @Test func `every cause is in the set of all`() {
    #expect(LatchCauses.every.all == LatchCause.allCases)
    #expect(LatchCauses.every.raw.nonzeroBitCount == LatchCause.allCases.count)
  }

  @Test func `a full ledger stays full, whoever re-arms`() throws {
    var c = Market<Recorder>.configuration()
    c.executionsMax = 64
    let market = try Market(Recorder(), c)
    let (_, request) = try market.working(.buy, 1_000, 10_000)
    for match in 1...65 as ClosedRange<UInt64> {
      market.report(.executed, request.venueReference, quantity: 1, cents: 10_000, match: match)
    }
    #expect(market.driver.engine.firmCauses.all == [.ledgerFull])
    #expect(!market.apply(Command(.rearm, scope: .firm).named("Ada", because: "let me")))
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .latched)
  }

  @Test func `what stopped the run before stops the firm from the start, and can be cleared`()
    throws
  {
    var c = Market<Recorder>.configuration()
    c.standingCauses = LatchCauses(.streamGap)
    c.standingCauses.insert(.killFile)
    let market = try Market(Recorder(), c)
    #expect(market.driver.engine.firmCauses.all == [.killFile, .streamGap])
    #expect(market.place(.buy, 1, 10_000).refusal?.code == .latched)
    let latches = market.records(.latch, LatchRecord.self)
    #expect(latches.count == 2 && latches.last?.standing == c.standingCauses.raw)
    #expect(market.apply(Command(.rearm, scope: .firm).named("Ada", because: "looked")))
    #expect(market.place(.buy, 1, 10_000).refusal == nil)
  }

  @Test func `each stop is told anew, with its place`() throws {
    let market = try Market(Recorder())
    let rearm = {
      var command = Command(.rearm, scope: .port).named("Ada", because: "looked")
      command.port = .first
      return market.apply(command)
    }
    for n in 1...3 as ClosedRange<UInt64> {
      market.report(.undecodable, 0) { $0.streamSequence = n }
      let (place, cause) = market.driver.engine.lastLatch
      #expect(market.driver.engine.latchesSet == n && cause == .undecodableReport)
      #expect(place == market.driver.engine.scopeCount)
      #expect(rearm())
    }
  }

  /// Put again before anybody has re-armed, or there still when a stopped run is started again.
  @Test(arguments: [false, true])
  func `a kill file that is there again cannot be cleared`(isCarried: Bool) throws {
    var c = Market<Recorder>.configuration()
    if isCarried { c.standingCauses = LatchCauses(.killFile) }
    let market = try Market(Recorder(), c)
    var file = Command(.kill, scope: .firm).named("operator", because: "the kill file")
    file.cause = LatchCause.killFile.rawValue
    var gone = Command(.conditionEnded, scope: .firm)
    gone.cause = file.cause
    let rearm = Command(.rearm, scope: .firm).named("Ada", because: "looked")
    if !isCarried { #expect(market.apply(file) && market.apply(gone)) }
    #expect(market.apply(file))
    #expect(!market.apply(rearm) && market.driver.engine.firmCauses.all == [.killFile])
    #expect(market.apply(gone) && market.apply(rearm))
    #expect(market.driver.engine.firmCauses.isEmpty)
  }
}
