import ExecutionCore
import Glibc
import Testing

@testable import Journal

/// Asks for nothing.
struct Quiet: Strategy {}

/// An engine that journals into a directory: one instrument at 100.00 to 100.10, its venue ready.
final class TradingDay {
  let writer: JournalWriter
  var driver: Driver<Quiet>
  var time: Int64 = 1_577_716_200_000_000_000
  private var match: UInt64 = 0

  static func configuration(_ previous: JournalSummary = JournalSummary()) -> EngineConfiguration {
    var facts = InstrumentFacts(symbol: "AAPL")
    facts.previousClose = 10_000_000_000
    facts.shortable = true
    var c = EngineConfiguration(
      instruments: [facts], accounts: [AccountConfiguration(name: "A")],
      strategies: [StrategyConfiguration(name: "one", account: AccountID(raw: 0))],
      venues: [VenueConfiguration(name: "tested")])
    c.beginWithPortsUp()
    c.tradingDay = 20_191_230
    c.poolCapacity = 64
    c.ordersPerDayMax = 1_024
    c.executionsMax = 1_024
    c.duplicateWindow = 0
    c.stateHashRecords = 20
    c.stateHashInterval = 0
    c.firstClientOrderID = previous.highestClientOrderID.raw + 1
    c.standingCauses = previous.standingCauses
    return c
  }

  static func options(acceptsUnfinished: Bool = false) -> JournalOptions {
    var options = smallOptions()
    options.segmentBytes = 1 << 20
    options.acceptsUnfinished = acceptsUnfinished
    return options
  }

  init(_ path: String, acceptsUnfinished: Bool = false) throws {
    let writer = try JournalWriter.open(
      path, Self.options(acceptsUnfinished: acceptsUnfinished))
    self.writer = writer
    driver = Driver(
      engine: try Engine(Self.configuration(writer.previous), lane: writer.lane),
      strategy: Quiet())
    open()
  }

  /// Goes on with an engine that was recovered.
  init(_ writer: JournalWriter, _ engine: consuming Engine) {
    self.writer = writer
    driver = Driver(engine: engine, strategy: Quiet())
    open()
  }

  private func open() {
    feed("S") { $0.code = UInt16(UInt8(ascii: "O")) }
    feed("R") {
      $0.code = UInt16(UInt8(ascii: "Q"))
      $0.shares = 100
    }
    feed("H") { $0.code = UInt16(UInt8(ascii: "T")) }
    feed("Y") { $0.code = UInt16(UInt8(ascii: "0")) }
    for (i, (side, price)) in [("B", 1_000_000), ("S", 1_001_000)].enumerated() {
      feed("A") {
        $0.side = side.utf8.first!
        $0.price = UInt32(price)
        $0.shares = 500
        $0.reference = UInt64(i + 1)
      }
    }
    feed("S") { $0.code = UInt16(UInt8(ascii: "Q")) }
  }

  private func feed(_ kind: Character, _ change: (inout MarketRecord) -> Void) {
    var r = MarketRecord()
    r.kind = kind.asciiValue!
    r.locate = 1
    r.symbol = SymbolCode.encode("AAPL")!
    r.sessionTime = time
    change(&r)
    withUnsafePointer(to: r) { driver.ingest($0, count: 1, machineTime: 0) }
  }

  func place(_ side: Side = .buy) throws -> VenueRequest {
    let verdict = driver.engine.place(
      OrderRequest(
        instrument: InstrumentID(raw: 0), account: AccountID(raw: 0), strategy: StrategyID(raw: 0),
        side: side, price: Price(raw: 10_000_000_000), quantity: Quantity(raw: 100)))
    guard case .accepted = verdict else { throw Stopped(verdict: "\(verdict)") }
    let next = driver.engine.nextRequest(machineTime: 0)
    let request = try #require(next)
    driver.engine.requestTaken()
    return request
  }
  struct Stopped: Error { var verdict: String }

  func report(
    _ kind: VenueReport.Kind, _ request: VenueRequest, quantity: Int64 = 100
  ) {
    var r = VenueReport(kind: kind, port: .first, account: AccountID(raw: 0))
    r.venueReference = request.venueReference
    r.quantity = quantity
    r.price = 1_000_000
    match += 1
    r.executionID = VenueIdentifier(number: match)
    time += 1_000_000
    driver.apply(r, sessionTime: time, machineTime: 0)
    driver.advance(sessionTime: time, machineTime: 0)
    driver.engine.journalHash()
  }

  /// The venue's session comes up, and what it was asked about it has not heard of.
  func logIn() {
    for kind in [VenueReport.Kind.sessionUp, .caughtUp] {
      let r = VenueReport(kind: kind, port: .first, account: AccountID(raw: 0))
      driver.apply(r, sessionTime: time, machineTime: 0)
    }
    while let inquiry = driver.engine.nextRequest(machineTime: 0) {
      driver.engine.requestTaken()
      report(.neverArrived, inquiry)
      report(.inquiryAnswered, inquiry)
    }
  }

  /// Ends it in order.
  func close() throws {
    driver.engine.end()
    try writer.close()
  }
}

@Suite struct JournalReplayTests {
  @Test func `open orders and positions are told, and the directory is refused`() throws {
    let scratch = ScratchDirectory()
    let day = try TradingDay(scratch.path)
    let order = try day.place()
    try day.close()
    var summary = try JournalSummary.scan(scratch.path)
    #expect(summary.openOrders.map(\.clientOrderID.raw) == [1])
    #expect(summary.openOrders[0].life == .sent)
    #expect(summary.highestClientOrderID.raw == 1 && summary.highestVenueReference == 1)
    #expect(summary.unfinished == "the journal ends with 1 open orders (1 in AAPL)")
    let before = names(in: scratch.path)
    let error = #expect(throws: JournalError.self) {
      try JournalWriter.open(scratch.path, TradingDay.options())
    }
    #expect(error?.kind == .invalid)
    #expect(error?.description.contains("1 open orders (1 in AAPL)") == true)
    #expect(error?.description.contains("journal replay") == true)
    #expect(names(in: scratch.path) == before)
    _ = order

    let second = ScratchDirectory()
    let other = try TradingDay(second.path)
    let bought = try other.place()
    other.report(.accepted, bought)
    other.report(.executed, bought, quantity: 60)
    try other.close()
    summary = try JournalSummary.scan(second.path)
    #expect(summary.openOrders.map(\.leaves.raw) == [40])
    #expect(summary.unfinished?.hasSuffix("and 1 open positions (60 AAPL)") == true)
  }

  /// One order, cancelled, and a report that could not be read.
  private func stoppedDay(_ path: String) throws {
    let day = try TradingDay(path)
    day.report(.canceled, try day.place())
    let unknown = VenueReport(kind: .undecodable, port: .first, account: AccountID(raw: 0))
    day.driver.apply(unknown, sessionTime: day.time, machineTime: 0)
    try day.close()
  }

  @Test func `a second session has numbers of its own, and what stopped the first stops it`() throws
  {
    let scratch = ScratchDirectory()
    try stoppedDay(scratch.path)
    let second = try TradingDay(scratch.path)
    #expect(second.writer.previous.unfinished == nil)
    #expect(second.writer.previous.standingCauses == LatchCauses(.undecodableReport))
    #expect(throws: TradingDay.Stopped.self) { try second.place() }
    let rearm = Command(.rearm, scope: .firm).named("Ada", because: "looked")
    let isDone = second.driver.apply(rearm, sessionTime: second.time, machineTime: 0)
    #expect(isDone)
    #expect(try second.place().clientOrderID.raw == 2)
    try second.close()
    var replay = JournalReplay()
    try replay.run(JournalReader(scratch.path))
    let sessions = replay.sessions
    #expect(sessions.count == 2 && sessions.allSatisfy { $0.isEnded && $0.hashes > 0 })
    #expect(sessions[0].snapshot?.latches.map(\.cause) == [.undecodableReport])
    #expect(sessions[1].snapshot?.latches == [])
  }

  @Test func `an engine is recovered, trades on, and its journal leads on`() throws {
    let scratch = ScratchDirectory()
    let first = try TradingDay(scratch.path)
    var requests: [VenueRequest] = []
    for i in 0..<30 {
      requests.append(try first.place(i % 2 == 0 ? .buy : .sell))
      first.report(.accepted, requests[i])
      if i % 3 == 0 { first.report(.executed, requests[i], quantity: i % 2 == 0 ? 70 : 100) }
    }
    let hash = first.driver.engine.stateHash()
    // As after a crash: no end of the session.
    try first.writer.close()
    let writer = try JournalWriter.open(
      scratch.path, TradingDay.options(acceptsUnfinished: true))
    let recovered = try Engine.recover(from: scratch.path, lane: writer.lane)
    guard let recovered else {
      Issue.record("no engine")
      return
    }
    let second = TradingDay(writer, recovered)
    #expect(second.driver.engine.openOrderCount == first.driver.engine.openOrderCount)
    // The books that the feed brings are no trading state, and time is where it was.
    second.time = first.time
    #expect(second.driver.engine.stateHash() == hash)
    // It does nothing until it is told to, and then its sessions are down.
    #expect(throws: TradingDay.Stopped.self) { try second.place() }
    #expect(second.driver.engine.nextRequest(machineTime: 1) == nil)
    let isResumed = second.driver.engine.resume(sessionTime: second.time, machineTime: 0)
    #expect(isResumed)
    #expect(!second.driver.engine.isReady() && second.driver.engine.stateHash() != hash)
    second.logIn()
    second.report(.executed, requests[1], quantity: 50)
    let more = try second.place()
    #expect(more.clientOrderID.raw == 31)
    second.report(.accepted, more)
    let end = second.driver.engine.stateHash()
    try second.close()
    var replay = JournalReplay()
    try replay.run(JournalReader(scratch.path))
    let (replayed, count) = (replay.last?.snapshot?.stateHash, replay.sessions.count)
    #expect(replayed == end && count == 1)
    let broken = replay.last?.snapshot?.brokenInvariants
    #expect(broken == [])
  }

  /// The directory's only segment, changed and given its checksums again.
  private func forge(_ path: String, _ change: (RecordHeader, inout [UInt8]) -> Void) throws {
    let file = path + "/journal-00000001.ntj"
    var image = contents(file)
    var places: [(Int, Int)] = []
    _ = ReadBack(path) { places.append(($0.offset, Int($0.header.length))) }
    for (offset, length) in places {
      var record = Array(image[offset..<(offset + length)])
      let header = record.withUnsafeBytes { $0.loadUnaligned(as: RecordHeader.self) }
      change(header, &record)
      let sum = crc32c(record[..<(length - 4)])
      withUnsafeBytes(of: sum) { record.replaceSubrange((length - 4)..., with: $0) }
      image.replaceSubrange(offset..<(offset + length), with: record)
    }
    store(image, file)
  }

  /// RFC 3720, appendix B.4, bit by bit.
  private func crc32c(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 0 ? 0 : 0x82F6_3B78) }
    }
    return ~crc
  }

  private func traded() throws -> ScratchDirectory {
    let scratch = ScratchDirectory()
    let day = try TradingDay(scratch.path)
    for _ in 0..<3 {
      let order = try day.place()
      day.report(.accepted, order)
      day.report(.executed, order)
    }
    try day.close()
    return scratch
  }

  @Test func `a record that says something else is named with its fields, and not opened`() throws {
    let scratch = try traded()
    var place: UInt64 = 0
    try forge(scratch.path) { header, record in
      guard place == 0, header.type == RecordType.execution.rawValue else { return }
      place = header.sequence
      record[48 + MemoryLayout<ExecutionRecord>.offset(of: \.fee)!] = 7
    }
    #expect(throws: Never.self) { try JournalReader(scratch.path).read { _ in true } }
    let error = #expect(throws: JournalError.self) { try JournalSummary.scan(scratch.path) }
    #expect(error?.kind == .unreplayable)
    #expect(error?.message.contains("record \(place): execution differs") == true)
    #expect(error?.message.contains("fee \"0.00000007\" and not \"0.0000\"") == true)
    #expect(throws: JournalError.self) {
      try JournalWriter.open(scratch.path, TradingDay.options(acceptsUnfinished: true))
    }
    // Up to there it leads somewhere.
    var replay = JournalReplay()
    try replay.run(JournalReader(scratch.path), to: place - 1)
    let broken = replay.last?.snapshot?.brokenInvariants
    #expect(broken == [])
  }

  @Test func `of another version of the rules, differences are listed to the end`() throws {
    let scratch = try traded()
    var places: [UInt64] = []
    try forge(scratch.path) { header, record in
      if header.type == RecordType.sessionStarted.rawValue {
        record[48 + MemoryLayout<SessionRecord>.offset(of: \.applyVersion)!] = 99
      }
      guard header.type == RecordType.execution.rawValue else { return }
      places.append(header.sequence)
      record[48 + MemoryLayout<ExecutionRecord>.offset(of: \.fee)!] = 7
    }
    var replay = JournalReplay()
    try replay.run(JournalReader(scratch.path))
    let last = replay.last
    let session = try #require(last)
    #expect(session.applyVersion == 99 && session.isEnded)
    #expect(session.differenceCount == places.count && session.unacceptedCount == places.count)
    #expect(session.snapshot?.positions.first?.fees == Money(raw: Int128(7 * places.count)))
    for (words, place) in zip(session.differences, places) {
      #expect(words.hasPrefix("record \(place): execution differs"))
    }
    // Nobody begins behind that, and only a named person goes on with it.
    let refusal = #expect(throws: JournalError.self) {
      try JournalWriter.open(scratch.path, TradingDay.options())
    }
    #expect(refusal?.message.contains("3 records that this build's rules") == true)
    let writer = try JournalWriter.open(
      scratch.path, TradingDay.options(acceptsUnfinished: true))
    guard var engine = try Engine.recover(from: scratch.path, lane: writer.lane) else {
      Issue.record("no engine")
      return
    }
    let (before, after) = (session.snapshot?.stateHash, engine.stateHash())
    #expect(before == after)
    let refused = engine.resume(sessionTime: 0, machineTime: 0)
    let isResumed = engine.resume(sessionTime: 0, machineTime: 0, person: "Ada", reason: "looked")
    #expect(!refused && isResumed)
    engine.end()
    try writer.close()
    var again = JournalReplay()
    try again.run(JournalReader(scratch.path))
    let end = again.last
    #expect(end?.unacceptedCount == 0 && end?.differenceCount == 3 && end?.hashes == 1)
    #expect(throws: Never.self) {
      let next = try JournalWriter.open(scratch.path, TradingDay.options(acceptsUnfinished: true))
      try next.close()
    }
  }

  /// As a crash leaves a segment: not sealed, nothing known durable, cut within the next record.
  private func cut(_ image: [UInt8], behind end: Int) -> [UInt8] {
    var cut = Array(image[..<min(image.count, end + 20)])
    for i in 128..<136 { cut[i] = 0 }
    cut[129] = 0x10
    for i in 192..<200 { cut[i] = 0 }
    cut[193] = 0x10
    for i in 256..<272 { cut[i] = 0 }
    for i in 4088..<4096 { cut[i] = 0 }
    return cut
  }

  @Test func `a tail that was torn in the middle of an input's consequences is gone on from`()
    throws
  {
    let scratch = try traded()
    let file = scratch.file("journal-00000001.ntj")
    let image = contents(file)
    var ends: [Int] = []
    _ = ReadBack(scratch.path) { ends.append($0.offset + Int($0.header.length)) }
    for end in ends.suffix(12) {
      let crashed = ScratchDirectory()
      store(cut(image, behind: end), crashed.file("journal-00000001.ntj"))
      var replay = JournalReplay()
      let read = try replay.run(JournalReader(crashed.path))
      #expect(read.lastSequence == UInt64(ends.firstIndex(of: end)! + 1))
      let broken = replay.last?.snapshot?.brokenInvariants
      #expect(broken == [])
      // What it had not journalled yet is journalled before anything else is.
      let writer = try JournalWriter.open(
        crashed.path, TradingDay.options(acceptsUnfinished: true))
      guard let engine = try Engine.recover(from: crashed.path, lane: writer.lane) else {
        Issue.record("no engine")
        return
      }
      let day = TradingDay(writer, engine)
      let isResumed = day.driver.engine.resume(sessionTime: day.time, machineTime: 0)
      #expect(isResumed)
      try day.close()
      var again = JournalReplay()
      try again.run(JournalReader(crashed.path))
      let isEnded = again.last?.isEnded
      #expect(isEnded == true)
    }
  }

  @Test func `a session that died in its beginning leaves numbers and causes as they were`() throws
  {
    let scratch = ScratchDirectory()
    try stoppedDay(scratch.path)
    let second = try TradingDay(scratch.path)
    try second.close()
    let file = scratch.file("journal-00000002.ntj")
    let image = contents(file)
    var ends: [Int] = []
    _ = ReadBack(file) { ends.append($0.offset + Int($0.header.length)) }
    #expect(ends.count >= 5)
    for end in [4096] + ends {
      store(cut(image, behind: end), file)
      let summary = try JournalSummary.scan(scratch.path)
      #expect(summary.highestClientOrderID.raw == 1, "cut behind byte \(end)")
      #expect(summary.standingCauses == LatchCauses(.undecodableReport), "cut behind byte \(end)")
    }
  }
}
