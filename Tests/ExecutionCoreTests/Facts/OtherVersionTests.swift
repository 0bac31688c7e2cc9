import ExecutionCore
import Testing

/// Sessions that another version of the engine's rules wrote, which booked otherwise.
@Suite struct OtherVersionTests {
  /// Three executions of 30 at $100: a session, its records, and where these have executions.
  private func session() throws -> (market: Market<Recorder>, records: [[UInt8]], executions: [Int])
  {
    let market = try Market(Recorder())
    let (_, request) = try market.working(.buy, 100, 10_000)
    for id in 1...3 as ClosedRange<UInt64> {
      market.report(.executed, request.venueReference, quantity: 30, cents: 10_000) {
        $0.executionID = VenueIdentifier(number: id)
      }
    }
    var records: [[UInt8]] = []
    market.eachRecord { records.append(Array($0)) }
    let executions = records.indices.filter {
      UInt16(records[$0][4]) | UInt16(records[$0][5]) << 8 == RecordType.execution.rawValue
    }
    #expect(executions.count == 3)
    return (market, ReplayTests.foreign(records), executions)
  }

  private func snapshot(_ replay: inout Replay) throws -> EngineSnapshot {
    let snapshot = replay.snapshot()
    return try #require(snapshot)
  }

  private func replay(_ records: [[UInt8]]) throws -> Replay {
    var replay = Replay()
    for record in records { try record.withUnsafeBytes { try replay.take($0) } }
    return replay
  }

  private func set<Value>(
    _ field: PartialKeyPath<ExecutionRecord>, _ value: Value, in record: inout [UInt8]
  ) { Self.set(field, value, in: &record) }

  private static func set<Value>(
    _ field: PartialKeyPath<ExecutionRecord>, _ value: Value, in record: inout [UInt8]
  ) {
    let at = 48 + MemoryLayout<ExecutionRecord>.offset(of: field)!
    withUnsafeBytes(of: value) { record.replaceSubrange(at..<(at + $0.count), with: $0) }
  }

  private func position(_ snapshot: EngineSnapshot) -> (Int64, Int128, Int128) {
    let position = snapshot.positions.first
    return (
      position?.quantity ?? 0, position?.fees.raw ?? 0, snapshot.cash[0].raw
    )
  }

  @Test func `an execution stands as it was booked: price, quantity, fee`() throws {
    var (market, records, executions) = try session()
    let fee = try #require(market.records(.execution, ExecutionRecord.self).first?.fee)
    set(\.fee, Int64(7), in: &records[executions[0]])
    set(\.price, Int64(99 * 100_000_000), in: &records[executions[1]])
    set(\.quantity, Int64(40), in: &records[executions[2]])
    var replay = try self.replay(records)
    let counts = (replay.differenceCount, replay.unacceptedCount)
    #expect(counts == (3, 3))
    let snapshot = try self.snapshot(&replay)
    let paid = (30 * 100 + 30 * 99 + 40 * 100) * 100_000_000 as Int128
    let (quantity, fees, cash) = position(snapshot)
    let charged = Int128(7 + fee * 2)
    #expect(quantity == 100)
    #expect(fees == charged)
    #expect(cash == -paid - charged)
    #expect(snapshot.brokenInvariants == [])
  }

  @Test func `what was not booked is not, and what was booked besides is`() throws {
    var (market, records, executions) = try session()
    var besides = records[executions[2]]
    set(\.executionID, VenueIdentifier(number: 77), in: &besides)
    records[executions[1]] = besides
    var first = try replay(records)
    var snapshot = try self.snapshot(&first)
    #expect(position(snapshot).0 == 90 && snapshot.brokenInvariants == [])
    records.remove(at: executions[1])
    first = try replay(records)
    snapshot = try self.snapshot(&first)
    #expect(position(snapshot).0 == 60 && snapshot.brokenInvariants == [])
    // Said again it is a repetition.
    let lane = MemoryLane(bytes: 1 << 20, firstSequence: UInt64(market.recordCount + 1))
    guard var engine = first.finish(lane: lane.lane) else {
      Issue.record("no engine")
      return
    }
    let isResumed = engine.resume(
      sessionTime: market.time, machineTime: 0, person: "Ada", reason: "looked")
    #expect(isResumed)
    market.eachRecord { record in
      guard record.loadUnaligned(as: RecordHeader.self).type == RecordType.report.rawValue,
        let report = record.loadUnaligned(fromByteOffset: 48, as: ReportRecord.self).report,
        report.kind == .executed
      else { return }
      engine.apply(report, sessionTime: market.time, machineTime: 0)
    }
    let after = engine.snapshot()
    #expect(position(after).0 == 60 && after.brokenInvariants == [])
  }

  @Test func `a bust that was booked besides takes its execution back`() throws {
    var (_, records, executions) = try session()
    var bust = records[executions[0]]
    set(\.revision, UInt32(1), in: &bust)
    records.insert(bust, at: executions[0] + 2)
    var replay = try self.replay(records)
    let snapshot = try self.snapshot(&replay)
    #expect(position(snapshot).0 == 60 && snapshot.brokenInvariants == [])
  }

  @Test func `only a named person with a reason goes on past differences, and it is recorded`()
    throws
  {
    var (market, records, executions) = try session()
    set(\.fee, Int64(7), in: &records[executions[0]])
    let next = UInt64(market.recordCount + 1)
    let lane = MemoryLane(bytes: 1 << 20, firstSequence: next)
    guard var engine = try replay(records).finish(lane: lane.lane) else {
      Issue.record("no engine")
      return
    }
    let count = engine.unacceptedDifferences
    #expect(count == 1)
    for (person, reason) in [("", ""), ("Ada", ""), ("", "looked")] {
      let isDone = engine.resume(
        sessionTime: market.time, machineTime: 5, person: person, reason: reason)
      #expect(!isDone && lane.records.isEmpty)
    }
    var origin = SessionOrigin()
    origin.host = "other"
    let isDone = engine.resume(
      sessionTime: market.time, machineTime: 5, origin: origin, person: "Ada", reason: "looked")
    #expect(isDone)
    let again = engine.resume(
      sessionTime: market.time, machineTime: 5, person: "Ada", reason: "looked")
    #expect(!again)
    engine.end()
    // The whole journal, what came before and what came after, is replayed without a question.
    var whole = try replay(records)
    var hashes = 0
    try eachRecord(lane.records) { record in
      try whole.take(record)
      let header = record.loadUnaligned(as: RecordHeader.self)
      if header.type == RecordType.command.rawValue {
        let command = record.loadUnaligned(fromByteOffset: 48, as: CommandRecord.self).command
        #expect(command?.kind == .resume && command?.personName == "Ada" && command?.value == 1)
      }
      if header.type == RecordType.sessionEnded.rawValue { hashes += 1 }
    }
    let counts = (whole.unacceptedCount, whole.differenceCount, whole.hashes)
    #expect(counts == (0, 1, 1) && hashes == 1)
    // Behind that, nothing may differ.
    var strict = try replay(records)
    #expect(throws: ReplayError.self) {
      try eachRecord(lane.records) { record in
        var bytes = Array(record)
        if bytes[4] == UInt8(RecordType.sessionEnded.rawValue) {
          bytes[48 + MemoryLayout<SessionRecord>.offset(of: \.stateHash)!] ^= 1
        }
        try bytes.withUnsafeBytes { try strict.take($0) }
      }
    }
  }

  private func eachRecord(
    _ records: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var at = 0
    while at < records.count {
      let length = Int(records.loadUnaligned(fromByteOffset: at, as: UInt32.self))
      try body(UnsafeRawBufferPointer(rebasing: records[at..<(at + length)]))
      at += length
    }
  }

  @Test func `the last input is booked live as every later replay books it`() throws {
    var (market, records, executions) = try session()
    // The end is torn off behind an execution that this version books under another id.
    records = Array(records[...executions[2]])
    set(\.executionID, VenueIdentifier(number: 77), in: &records[executions[2]])
    let live = try Market<Recorder>.recovered(records, time: market.time)
    let isDone = live.driver.engine.resume(
      sessionTime: live.time, machineTime: 0, person: "Ada", reason: "looked")
    #expect(isDone && live.snapshot.positions.first?.quantity == 90 && live.invariants == [])
    live.driver.engine.end()
    live.eachRecord { records.append(Array($0)) }
    var again = try replay(records)
    let snapshot = try self.snapshot(&again)
    let (hash, unaccepted) = (snapshot.stateHash, again.unacceptedCount)
    #expect(hash == live.snapshot.stateHash && unaccepted == 0)
  }

  /// What a record might say that the ledger says otherwise: the same execution again, or a bust of another.
  private static var contradictions: [(String, (inout [UInt8]) -> Void)] {
    [
      ("again", { _ in }),
      ("of an unknown one", { set(\.executionID, VenueIdentifier(number: 77), in: &$0) }),
      ("of more", { set(\.quantity, Int64(40), in: &$0) }),
      ("at another price", { set(\.price, Int64(99 * 100_000_000), in: &$0) }),
      ("of the other side", { set(\.side, Side.sell.rawValue, in: &$0) }),
      ("of another strategy", { set(\.strategy, StrategyID(raw: 1), in: &$0) }),
      ("of another instrument", { set(\.instrument, InstrumentID(raw: 1), in: &$0) }),
    ]
  }

  @Test(arguments: 0..<7) func `what contradicts the ledger is listed and not booked`(_ i: Int)
    throws
  {
    let (name, edit) = Self.contradictions[i]
    for isAtOnce in [true, false] {
      var (_, records, executions) = try session()
      var other = records[executions[0]]
      if i > 0 { set(\.revision, UInt32(1), in: &other) }
      edit(&other)
      records.insert(other, at: isAtOnce ? executions[0] + 1 : executions[2] + 2)
      var replay = try self.replay(records)
      let (snapshot, count) = (try self.snapshot(&replay), replay.unacceptedCount)
      #expect(snapshot.positions.map(\.quantity) == [90], "\(name)")
      #expect(snapshot.brokenInvariants == [] && count > 0, "\(name)")
    }
  }

  @Test func `past a full ledger the firm is stopped`() throws {
    var c = Market<Recorder>.configuration()
    c.executionsMax = 65
    let market = try Market(Recorder(), c)
    let (_, request) = try market.working(.buy, 100, 10_000)
    for id in 1...33 as ClosedRange<UInt64> {
      market.report(.executed, request.venueReference, quantity: 1, cents: 10_000) {
        $0.executionID = VenueIdentifier(number: id)
      }
    }
    market.report(.notice, 0)
    var records: [[UInt8]] = []
    market.eachRecord { records.append(Array($0)) }
    records = ReplayTests.foreign(records)
    var id: UInt64 = 1_000
    for i in records.indices where records[i][4] == UInt8(RecordType.execution.rawValue) {
      id += 1
      set(\.executionID, VenueIdentifier(number: id), in: &records[i])
    }
    let live = try Market<Recorder>.recovered(records, time: market.time)
    let causes = live.driver.engine.firmCauses
    #expect(causes.contains(.ledgerFull) && live.snapshot.positions.first?.quantity == 33)
    #expect(live.invariants == [])
  }

  @Test(arguments: [("Bob", 98), ("", 2), ("Bob", -1), ("Bob", 1 << 32 | 2)] as [(String, Int64)])
  func `what another build or nobody has answered for is not accepted`(
    person: String, version: Int64
  ) throws {
    var (market, records, executions) = try session()
    set(\.fee, Int64(7), in: &records[executions[1]])
    var resume = Command(.resume, scope: .firm).named(person, because: person)
    (resume.value, resume.valueHigh) = (1, version)
    let like = records[executions[0]]
    var bytes = Array(like[..<48])
    withUnsafeBytes(of: CommandRecord(command: resume)) { bytes += Array($0) }
    bytes += [UInt8](repeating: 0, count: 8)
    bytes[0] = UInt8(bytes.count)
    bytes[4] = UInt8(RecordType.command.rawValue)
    bytes[6] = UInt8(RecordType.command.version)
    records.append(bytes)
    let live = try Market<Recorder>.recovered(records, time: market.time)
    let (count, isDone) = (
      live.driver.engine.unacceptedDifferences,
      live.driver.engine.resume(sessionTime: live.time, machineTime: 0)
    )
    #expect(count == 1 && !isDone)
  }

  @Test func `an execution whose bust came first, both at another price, is nothing`() throws {
    let market = try Market(Recorder())
    let (_, request) = try market.working(.buy, 100, 10_000)
    for kind in [VenueReport.Kind.broken, .executed] {
      market.report(kind, request.venueReference, quantity: 30, cents: 10_000) {
        $0.executionID = VenueIdentifier(number: 1)
      }
    }
    var records: [[UInt8]] = []
    market.eachRecord { records.append(Array($0)) }
    records = ReplayTests.foreign(records)
    for i in records.indices where records[i][4] == UInt8(RecordType.execution.rawValue) {
      set(\.price, Int64(99 * 100_000_000), in: &records[i])
    }
    let live = try Market<Recorder>.recovered(records, time: market.time)
    let position = try #require(live.snapshot.positions.first)
    #expect(position.quantity == 0 && position.cashFlow == .zero && position.executions == 0)
    #expect(live.invariants == [])
  }

  @Test func `an execution of nobody, of nothing, or of more than there is, is not believed`()
    throws
  {
    let (_, records, executions) = try session()
    let edits: [(PartialKeyPath<ExecutionRecord>, Int64, Int)] = [
      (\.strategy, 9, 4), (\.account, 9, 4), (\.instrument, 9, 4), (\.port, 9, 2), (\.side, 9, 1),
      (\.quantity, 0, 8), (\.quantity, -1, 8), (\.quantity, .max, 8), (\.price, .max, 8),
      (\.price, .min, 8), (\.revision, 2, 4), (\.fee, .min, 8),
    ]
    for (field, value, width) in edits {
      var forged = records
      let at = 48 + MemoryLayout<ExecutionRecord>.offset(of: field)!
      withUnsafeBytes(of: value) {
        forged[executions[0]].replaceSubrange(at..<(at + width), with: $0.prefix(width))
      }
      let error = #expect(throws: ReplayError.self) { _ = try replay(forged) }
      guard case .unknownValue(_, .execution)? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }
}
