import ExecutionCore
import Testing

/// A journal brings an engine to where the one was that wrote it, or says where and why it does not.
@Suite struct ReplayTests {
  /// Two accounts at two venues: one with references, one that changes in place and answers no inquiry.
  static func configuration() -> EngineConfiguration {
    var c = Market<Recorder>.configuration()
    var other = VenueConfiguration.tested
    other.name = "other \\ venue\n"
    other.capabilities.replacing = .inPlace
    other.capabilities.answersInquiries = false
    other.capabilities.quantityIsWhole = false
    other.instruments = [InstrumentID(raw: 1)]
    c.venues = [.tested, other]
    c.accounts.append(AccountConfiguration(name: "B", cash: Money(raw: 1 << 70)))
    c.strategies.append(
      StrategyConfiguration(
        name: "three", account: AccountID(raw: 1), limits: RiskLimits(orderQuantity: 5_000)))
    c.ports = [0, 1].flatMap { venue in
      [0, 1].map { account in
        PortConfiguration(
          name: "\(venue)-\(account)", venue: VenueID(raw: venue),
          accounts: [AccountID(raw: account)])
      }
    }
    c.routes = [
      RouteConfiguration(
        account: AccountID(raw: 1), instrument: InstrumentID(raw: 1),
        ports: [PortID(raw: 3), PortID(raw: 1)])
    ]
    c.beginWithPortsUp()
    c.instrumentLimits = [InstrumentID(raw: 1): RiskLimits(position: 40_000)]
    c.openingPositions = [
      OpeningPosition(
        account: AccountID(raw: 1), strategy: StrategyID(raw: 2), instrument: InstrumentID(raw: 0),
        quantity: 700, cost: Money(raw: 70_000 * 100_000_000))
    ]
    c.duplicateWindow = 1_000
    c.acknowledgeTimeout = 3_000_000_000
    c.poolCapacity = 32
    c.outboxCapacity = 16
    c.ordersPerDayMax = 1_024
    c.executionsMax = 512
    c.stateHashRecords = 50
    c.stateHashInterval = 0
    return c
  }

  @Test func `a configuration reads back from its text, and each line of it counts`() throws {
    var c = Self.configuration()
    c.restricted = [InstrumentID(raw: 1)]
    c.standingCauses = LatchCauses(.streamGap)
    c.venues[1].fees.perUnit[200] = -5
    c.origin.settings = ["feed.line = a"]
    let market = try Market(Recorder(), c, opens: false)
    var replay = Replay()
    try market.eachRecord { try replay.take($0) }
    let isRunning = replay.isRunning
    #expect(isRunning)
    let text = replay.configurationText
    #expect(text.contains("venues.1.name = other \\\\ venue\\n\n"))
    #expect(text.contains("run.settings.feed.line = a\n"))
    #expect(text.contains("firm.orderQuantity = 10000\n"))
    let hash = replay.stateHash()
    #expect(hash == market.stateHash)
    // Without any one of its lines, or with a word in its place, the engine is not made.
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("run.") }
    #expect(lines.count > 150)
    for i in lines.indices {
      for line in ["", lines[i].prefix { $0 != "=" } + "= nonsense"] {
        if lines[i].contains(".name = "), !line.isEmpty { continue }
        var changed = lines.map(String.init)
        changed[i] = String(line)
        #expect(throws: ReplayError.self, "\(lines[i])") {
          try self.begin(market, changed.joined(separator: "\n") + "\n")
        }
      }
    }
  }

  /// Begins with another text in place of the journalled one.
  private func begin(_ market: Market<Recorder>, _ text: String) throws {
    var replay = Replay()
    var isFirst = true
    try market.eachRecord { record in
      let header = record.loadUnaligned(as: RecordHeader.self)
      guard header.type == RecordType.configuration.rawValue else {
        var bytes = Array(record)
        if header.type == RecordType.sessionStarted.rawValue {
          let at = 48 + MemoryLayout<SessionRecord>.offset(of: \.configurationBytes)!
          withUnsafeBytes(of: UInt32(text.utf8.count)) {
            bytes.replaceSubrange(at..<(at + 4), with: $0)
          }
        }
        return try bytes.withUnsafeBytes { try replay.take($0) }
      }
      guard isFirst else { return }
      isFirst = false
      var bytes = Array(record[..<48]) + Array(text.utf8)
      bytes += [UInt8](repeating: 0, count: (8 - (bytes.count + 4) % 8) % 8 + 4)
      try bytes.withUnsafeBytes { try replay.take($0) }
    }
  }

  @Test(arguments: 1...24 as ClosedRange<UInt64>)
  func `whatever was asked and said, the journal leads to the same state`(seed: UInt64) throws {
    let (market, boundaries) = try Self.business(seed, steps: 800)
    #expect(try market.replay(boundaries, "seed \(seed)") > 700)
  }

  @Test func `all that is recorded comes up in the business that is replayed`() throws {
    var seen: [UInt16: Int] = [:]
    for seed in 1...6 as ClosedRange<UInt64> {
      let (market, _) = try Self.business(seed, steps: 800)
      market.eachRecord { seen[$0.loadUnaligned(as: RecordHeader.self).type, default: 0] += 1 }
    }
    let others: [RecordType] = [.timer, .strategyState, .padding, .recordsLost]
    for type in RecordType.allCases where !others.contains(type) {
      #expect(seen[type.rawValue, default: 0] > 0, "\(type)")
    }
  }

  /// The records of a business as bytes, with one of a type changed.
  private func records(
    _ market: Market<Recorder>, _ change: (RecordHeader, inout [UInt8]) -> Bool
  ) -> [[UInt8]] {
    var all: [[UInt8]] = []
    var isChanged = false
    market.eachRecord { record in
      var bytes = Array(record)
      let header = record.loadUnaligned(as: RecordHeader.self)
      if !isChanged, change(header, &bytes) { isChanged = true }
      if !bytes.isEmpty { all.append(bytes) }
    }
    #expect(isChanged)
    return all
  }

  private func error(_ records: [[UInt8]]) -> ReplayError? {
    var replay = Replay(isForLooking: true)
    for record in records {
      do {
        try unsafe record.withUnsafeBytes { try unsafe replay.take($0) }
      } catch {
        return error as? ReplayError
      }
    }
    return replay.differences.first
  }

  private static func isKind(_ header: RecordHeader, _ type: RecordType) -> Bool {
    header.type == type.rawValue && header.sequence > 60
  }

  @Test func `a consequence that is another, one that is missing, and one too many are named`()
    throws
  {
    let (market, _) = try Self.business(3, steps: 300)
    var place: UInt64 = 0
    let changed = records(market) { header, bytes in
      guard Self.isKind(header, .orderState) else { return false }
      place = header.sequence
      bytes[48 + MemoryLayout<OrderStateRecord>.offset(of: \.leaves)!] ^= 1
      return true
    }
    guard case .difference(place, .orderState, let replayed)? = error(changed) else {
      Issue.record("\(String(describing: error(changed)))")
      return
    }
    #expect(replayed.count == 136)
    let missing = records(market) { header, bytes in
      guard Self.isKind(header, .orderState) else { return false }
      bytes = []
      return true
    }
    switch error(missing) {
    case .missing, .difference: break
    case let other: Issue.record("\(String(describing: other))")
    }
    let doubled = records(market) { header, bytes in
      guard Self.isKind(header, .execution) else { return false }
      bytes += bytes
      return true
    }
    var parted: [[UInt8]] = []
    for bytes in doubled {
      let length = Int(unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: UInt32.self) })
      parted += bytes.count > length ? [Array(bytes[..<length]), Array(bytes[length...])] : [bytes]
    }
    guard case .difference(_, .execution, _)? = error(parted) else {
      Issue.record("\(String(describing: error(parted)))")
      return
    }
  }

  @Test func `a hash that is another is named, and not compared where it is of another version`()
    throws
  {
    let (market, _) = try Self.business(4, steps: 300)
    let changed = records(market) { header, bytes in
      guard header.type == RecordType.stateHash.rawValue else { return false }
      bytes[48] ^= 1
      return true
    }
    guard case .hash(_, let recorded, let replayed)? = error(changed) else {
      Issue.record("no difference")
      return
    }
    #expect(recorded == replayed ^ 1)
    #expect(error(Self.foreign(changed)) == nil)
  }

  /// As if another version of the rules had written them.
  static func foreign(_ records: [[UInt8]]) -> [[UInt8]] {
    var records = records
    records[0][48 + MemoryLayout<SessionRecord>.offset(of: \.applyVersion)!] = 99
    return records
  }

  @Test func `an input that is not there, not known or not possible ends the replay`() throws {
    let (market, _) = try Self.business(5, steps: 400)
    let dropped = records(market) { header, bytes in
      guard Self.isKind(header, .intent) else { return false }
      bytes = []
      return true
    }
    #expect(error(dropped) != nil)
    let unknown = records(market) { header, bytes in
      guard Self.isKind(header, .report) else { return false }
      bytes[48 + MemoryLayout<ReportRecord>.offset(of: \.kind)!] = 99
      return true
    }
    guard case .unknownValue(_, .report)? = error(unknown) else {
      Issue.record("\(String(describing: error(unknown)))")
      return
    }
    let other = records(market) { header, bytes in
      guard Self.isKind(header, .intent) else { return false }
      bytes[6] = 77
      return true
    }
    guard case .unknownVersion(_, .intent, 77)? = error(other) else {
      Issue.record("\(String(describing: error(other)))")
      return
    }
  }

  @Test func `records of any bytes, type and length end a replay without harm`() throws {
    // Whatever the bytes of a record are, however short it is, and whatever type it claims: nothing traps.
    let (market, _) = try Self.business(6, steps: 60)
    var all: [[UInt8]] = []
    market.eachRecord { all.append(Array($0)) }
    var dice = Dice(6)
    for _ in 0..<3_000 {
      var records = all
      let record = dice.below(records.count)
      switch dice.below(4) {
      case 0: records[record].removeLast(8 * dice.below((records[record].count - 48) / 8))
      case 1:
        let types = RecordType.allCases
        let type = types[dice.below(types.count)]
        records[record][4] = UInt8(truncatingIfNeeded: type.rawValue)
        records[record][5] = UInt8(truncatingIfNeeded: type.rawValue >> 8)
        records[record][6] = UInt8(type.version)
      default:
        let byte = 16 + dice.below(records[record].count - 20)
        records[record][byte] ^= UInt8(1 << dice.below(8))
      }
      _ = error(records)
    }
  }

  @Test func `a replayed engine goes on, and its journal leads on`() throws {
    let market = try Market(Recorder(), Self.configuration(), laneBytes: 8 << 20)
    var business = Business(market: market, dice: Dice(9))
    for _ in 0..<400 { business.act() }
    var replay = Replay()
    try market.eachRecord { try replay.take($0) }
    let lane = MemoryLane(bytes: 4 << 20, firstSequence: UInt64(market.recordCount + 1))
    guard let engine = replay.finish(lane: lane.lane) else {
      Issue.record("no engine")
      return
    }
    let (first, second) = (market.snapshot, engine.snapshot())
    #expect(second.brokenInvariants == [])
    #expect(second.positions.map(\.quantity) == first.positions.map(\.quantity))
    #expect(second.positions.map(\.realised) == first.positions.map(\.realised))
    #expect(second.openOrders == first.openOrders)
    #expect(second.cash == first.cash && second.ports == first.ports)
    #expect(second.latches == first.latches)
    #expect(second.nextClientOrderID == first.nextClientOrderID)
  }

  @Test func `where the journal took no more is where a replay ends`() throws {
    var c = Self.configuration()
    c.stateHashRecords = 0
    let market = try Market(Recorder(), c, laneBytes: 60_000, reserve: 4_096)
    var business = Business(market: market, dice: Dice(11))
    while market.alarms(.journalLost) == 0 { business.act() }
    _ = market.driver.engine.cancelAll()
    var records: [[UInt8]] = []
    market.eachRecord { records.append(Array($0)) }
    // A place is kept to say so at once.
    guard case .lost(let sequence, 1)? = error(records) else {
      Issue.record("\(String(describing: error(records)))")
      return
    }
    #expect(error(Array(records[..<Int(sequence - 1)])) == nil)
    let causes = market.driver.engine.firmCauses
    #expect(causes.contains(.journalLost))
    // It takes records again: how many are missing, and that the firm is stopped.
    market.lane.rewind()
    market.report(.notice, 0)
    market.report(.notice, 0)
    let lost = market.records(.recordsLost, RecordsLostRecord.self)
    #expect(lost.map(\.count).first ?? 0 > 0 && lost.count == 1)
    let latch = market.records(.latch, LatchRecord.self).first
    #expect(latch?.changed == LatchCauses(.journalLost).raw && latch?.isSet == 1)
    #expect(market.place(.buy, 100, 10_000).refusal?.code == .latched)
    #expect(!market.apply(Command(.rearm, scope: .firm).named("Ada", because: "to see")))
  }

  @Test func `a cancel that went ahead of a full queue is replayed`() throws {
    var c = Market<Recorder>.configuration()
    c.outboxCapacity = 16
    let market = try Market(Recorder(), c)
    let (handle, _) = try market.working(.buy, 100, 10_000)
    for _ in 0..<16 { _ = try market.place(.buy, 10, 10_000).handle }
    #expect(market.place(.buy, 10, 10_000).refusal?.code == .outboxFull)
    market.cancel(handle)
    #expect(try market.replay([market.boundary()]) == 1)
  }

  @Test func `an order that is settled by its answer and not by its inquiry keeps no port waiting`()
    throws
  {
    var c = Market<Recorder>.configuration()
    c.acknowledgeTimeout = 1_000_000_000
    let market = try Market(Recorder(), c)
    _ = try market.place(.buy, 100, 10_000).handle
    let order = try #require(market.sent().first)
    market.report(.sessionDown, 0)
    market.logIn()
    let inquiry = try #require(market.sent().first { $0.kind == .inquiry })
    market.report(.inquiryAnswered, inquiry.venueReference) {
      $0.reason = InquiryOutcome.failed.rawValue
    }
    market.report(.accepted, order.venueReference, quantity: 100, cents: 10_000)
    #expect(!market.venueIsReady)
    // It is asked about again, and then there is no doubt left.
    market.time += 3_000_000_000
    market.advance(by: 0)
    let again = try #require(market.sent().first { $0.kind == .inquiry })
    market.answer(again, next: order.venueReference + 1)
    #expect(market.venueIsReady)
    market.report(.sessionDown, 0)
    #expect(try market.replay([market.boundary()]) == 1)
  }

  @Test func `a cancel that could not be sent is asked for again when it is late, not at once`()
    throws
  {
    var c = Market<Recorder>.configuration()
    c.acknowledgeTimeout = 1_000_000_000
    let market = try Market(Recorder(), c)
    let (handle, request) = try market.working(.buy, 100, 10_000)
    market.cancel(handle)
    #expect(market.sent().map(\.kind) == [.cancel])
    market.report(.notSent, request.venueReference) {
      $0.subject = VenueRequest.Kind.cancel.rawValue
    }
    #expect(market.sent().isEmpty)
    market.time += 3_000_000_000
    market.advance(by: 0)
    #expect(market.sent().map(\.kind) == [.cancel])
  }

  @Test(arguments: ["a name\r", "\u{301}x", " = ", "\\n\n\\", "", "run.name = x"])
  func `any name reads back`(name: String) throws {
    var c = Self.configuration()
    c.venues[0].name = name
    c.accounts[0].name = name
    let market = try Market(Recorder(), c, opens: false)
    #expect(try market.replay([market.boundary()]) == 1)
  }

  @Test(arguments: [Command.Kind.cancelAll, .kill], [0, 1] as [Int64])
  func `a process that dies before the cancels of a command does not lose them`(
    kind: Command.Kind, value: Int64
  ) throws {
    let market = try Market(Recorder())
    _ = try market.working(.buy, 10, 10_000)
    _ = try market.working(.buy, 20, 10_000)
    var command = Command(kind, scope: .firm).named("Ada", because: "to see")
    command.value = value
    #expect(market.apply(command))
    // All up to the command: the cancels behind it never came to be.
    var records: [[UInt8]] = []
    market.eachRecord { records.append(Array($0)) }
    let end = try #require(
      records.firstIndex { $0[4] == UInt8(RecordType.command.rawValue) && $0[5] == 0 })
    var replay = Replay()
    for record in records[...end] { try record.withUnsafeBytes { try replay.take($0) } }
    let lane = MemoryLane(bytes: 1 << 20, firstSequence: UInt64(end + 2))
    guard var engine = replay.finish(lane: lane.lane) else {
      Issue.record("no engine")
      return
    }
    let isResumed = engine.resume(sessionTime: market.time, machineTime: 1)
    #expect(isResumed)
    for kind in [VenueReport.Kind.sessionUp, .caughtUp] {
      let report = VenueReport(kind: kind, port: .first, account: AccountID(raw: 0))
      engine.apply(report, sessionTime: market.time, machineTime: 1)
    }
    var asked: [VenueRequest.Kind] = []
    while let request = engine.nextRequest(machineTime: 1), asked.count < 9 {
      asked.append(request.kind)
      engine.requestTaken()
    }
    // A kill that is to leave working orders alone leaves them.
    let wanted = kind == .kill && value != 0 ? 0 : 2
    #expect(asked.count { $0 == .cancel } == wanted, "\(asked)")
    let broken = engine.brokenInvariants()
    #expect(broken == [])
  }

  @Test func `what waited when the process died may have left, and is asked about`() throws {
    let market = try Market(Recorder(), Market<Recorder>.configuration())
    let waiting = try market.place(.buy, 100, 10_000).handle
    var replay = Replay()
    try market.eachRecord { try replay.take($0) }
    let lane = MemoryLane(bytes: 1 << 20, firstSequence: UInt64(market.recordCount + 1))
    guard var engine = replay.finish(lane: lane.lane) else {
      Issue.record("no engine")
      return
    }
    // Until it is told to go on it does nothing by itself.
    engine.advance(sessionTime: market.time + 60_000_000_000, machineTime: 1)
    let cancelled = engine.cancel(waiting)
    let offered = engine.nextRequest(machineTime: 1)
    #expect(cancelled.refusal != nil && offered == nil)
    let isResumed = engine.resume(sessionTime: market.time, machineTime: 1)
    #expect(isResumed)
    let life = engine.order(waiting)?.life
    #expect(life == .unknown)
    for kind in [VenueReport.Kind.sessionUp, .caughtUp] {
      let report = VenueReport(kind: kind, port: .first, account: AccountID(raw: 0))
      engine.apply(report, sessionTime: market.time, machineTime: 1)
    }
    let next = engine.nextRequest(machineTime: 1)
    #expect(next?.kind == .inquiry && next?.order == waiting)
  }
}
