import ExecutionCore
import Foundation
import Journal
import Testing

/// 2019-12-30 09:35:00.123456789 Eastern (standard time) as session time.
private let winter: Int64 = 1_577_716_500_123_456_789
/// 2023-08-22 09:30:00.000000001 Eastern (daylight time).
private let summer: Int64 = 1_692_711_000_000_000_001

/// A journal of one day's business of order 5, in a directory of its own.
private struct Day {
  let scratch = ScratchDirectory()
  let apple = InstrumentID(raw: 3)

  func header(_ type: RecordType, _ time: Int64 = winter) -> RecordHeader {
    var header = RecordHeader(type: type)
    header.sessionTime = time
    header.account = 0
    header.strategy = 1
    return header
  }

  func write(_ body: (RecordLane) -> Void) throws {
    var options = smallOptions()
    options.acceptsUnfinished = true
    let writer = try JournalWriter.open(scratch.path, options)
    body(writer.lane)
    try writer.close()
  }

  func define(_ lane: RecordLane) {
    var session = SessionRecord()
    session.tradingDay = 20_191_230
    session.nextClientOrderID = 5
    session.ports = 1
    _ = lane.append(header(.sessionStarted), session, privileged: false)
    var facts = InstrumentFacts(symbol: "AAPL")
    facts.previousClose = 28_980_000_000
    facts.shortable = true
    facts.status = .trading
    let record = InstrumentRecord(facts: facts, instrument: apple)
    _ = lane.append(header(.instrumentDefined), record, privileged: false)
  }

  var quote: Quote {
    Quote(
      bid: Price(raw: 28_728_000_000), ask: Price(raw: 28_729_500_000),
      bidQuantity: Quantity(raw: 200), askQuantity: Quantity(raw: 300))
  }

  func request(_ kind: VenueRequest.Kind) -> VenueRequest {
    var request = VenueRequest(
      kind: kind, port: .first, instrument: apple, account: AccountID(raw: 0),
      strategy: StrategyID(raw: 1))
    request.clientOrderID = ClientOrderID(raw: 5)
    request.venueReference = 7
    request.price = 28_729_000_000
    request.quantity = 100
    return request
  }

  func intend(_ lane: RecordLane) {
    let intent = IntentRecord(
      request: request(.new), limitsVersion: 3, quote: quote,
      feedPosition: FeedPosition(channel: 1, sequence: 42).cause)
    var header = header(.intent)
    header.cause = FeedPosition(channel: 1, sequence: 42).cause
    _ = lane.append(header, intent, privileged: false)
  }

  func fill(_ lane: RecordLane) {
    var report = VenueReport(kind: .executed, port: .first, account: AccountID(raw: 0))
    report.venueReference = 7
    report.executionID = VenueIdentifier(number: 9001)
    report.price = 2_872_900
    report.quantity = 100
    report.liquidity = UInt8(ascii: "R")
    _ = lane.append(header(.report, summer), ReportRecord(report), privileged: true)
    var execution = ExecutionRecord(
      instrument: apple, account: AccountID(raw: 0), strategy: StrategyID(raw: 1))
    execution.clientOrderID = ClientOrderID(raw: 5)
    execution.venueReference = 7
    execution.executionID = VenueIdentifier(number: 9001)
    execution.price = 28_729_000_000
    execution.quantity = 100
    execution.fee = -20_500_000
    execution.position = 100
    execution.side = Side.buy.rawValue
    execution.flags = ExecutionRecord.late | ExecutionRecord.overfill
    _ = lane.append(header(.execution), execution, privileged: true)
  }

  func state(_ lane: RecordLane, _ life: OrderLife, leaves: Int64) {
    var state = OrderStateRecord(
      clientOrderID: ClientOrderID(raw: 5), order: OrderHandle(slot: 2, generation: 1),
      instrument: apple, port: .first)
    state.venueReference = 9
    state.price = 28_729_000_000
    state.quantity = 100
    state.leaves = leaves
    state.executed = 100 - leaves
    state.life = life.rawValue
    state.doneReason = life == .done ? DoneReason.filled.rawValue : 0
    state.side = Side.buy.rawValue
    state.cancelState = RequestState.unresolved.rawValue
    _ = lane.append(header(.orderState), state, privileged: true)
  }

  /// Every record as it is printed.
  func printed(_ print: (DecodedRecord) -> String) -> [String] {
    var decoder = RecordDecoder()
    var lines: [String] = []
    let back = ReadBack(scratch.path) { lines.append(print(decoder.decode($0))) }
    #expect(back.error == nil)
    return lines
  }
}

@Suite struct ShowTests {
  @Test func `a day's business reads as sentences`() throws {
    let day = Day()
    try day.write { lane in
      day.define(lane)
      day.intend(lane)
      day.fill(lane)
      day.state(lane, .done, leaves: 0)
      let refusal = Refusal(
        .notionalLimit, scope: .account, limit: 100_000_000_000, observed: 287_300_000_000)
      var record = RefusalRecord(refusal, instrument: day.apple, quote: day.quote)
      record.number = 7
      record.request = VenueRequest.Kind.new.rawValue
      record.side = Side.sellShort.rawValue
      record.price = 28_729_000_000
      record.quantity = 10
      _ = lane.append(day.header(.refusal), record, privileged: false)
    }
    let lines = day.printed(RecordText.line)
    #expect(lines.count == 7)
    #expect(lines[0].contains("09:35:00.123456789  sessionStarted"))
    #expect(lines[0].contains("trading day 20191230"))
    #expect(lines[1].contains("AAPL") && lines[1].contains("tick 0.0100"))
    #expect(lines[1].contains("previous close 289.8000") && lines[1].contains("shortable"))
    #expect(
      lines[2].hasSuffix(
        "AAPL      new buy 100 @ 287.2900 day, order 5, reference 7;"
          + " saw 287.2800 x 200 / 287.2950 x 300"))
    #expect(lines[3].contains("09:30:00.000000001  report"))
    #expect(lines[3].contains("executed 100 @ 287.2900, order 5, reference 7, execution 9001"))
    #expect(lines[4].contains("fee -0.2050, position 100 [late, overfill]"))
    #expect(lines[5].contains("done (filled): buy 100 @ 287.2900, leaves 0, executed 100, order 5"))
    #expect(lines[5].hasSuffix("cancel unresolved"))
    #expect(
      lines[6].contains(
        "notional limit: new sell short 10 @ 287.2900; account limit 1000.0000, observed 2873.0000;"
      ))
    #expect(lines[6].hasSuffix(" (number 7)"))
    #expect(lines.allSatisfy { $0.prefix(10).last?.isNumber == true })
  }

  @Test func `ports, text of a venue, and what was not sent read as sentences`() throws {
    let day = Day()
    try day.write { lane in
      var port = PortRecord(port: PortID(raw: 1), venue: VenueID(raw: 0))
      port.setNames("main", venue: "a venue of a long name")
      port.nextVenueReference = 7
      _ = lane.append(day.header(.portDefined), port, privileged: false)
      var report = VenueReport(kind: .executed, port: PortID(raw: 1), account: AccountID(raw: 0))
      report.executionID = try! #require(
        VenueIdentifier("0000e0d5.65a1b2c3.01.01-and-a-tail-of-40"))
      _ = lane.append(day.header(.report), ReportRecord(report), privileged: true)
      report = VenueReport(notSent: day.request(.new), .tooOld, now: 0)
      _ = lane.append(day.header(.report), ReportRecord(report), privileged: true)
    }
    let lines = day.printed(RecordText.line)
    #expect(lines[0].hasSuffix("number 1, main at a venue of a lon, next reference 7"))
    #expect(
      lines[1].contains("execution 0000e0d5.65a1b2c3.01.01-and-a-tail-of-40")
        && lines[1].hasSuffix("port 1"))
    #expect(lines[2].contains("not sent, of new, tooOld, order 5, reference 7"))
  }

  @Test func `every line of JSON parses and holds the numbers that were written`() throws {
    let day = Day()
    try day.write { lane in
      day.define(lane)
      day.intend(lane)
      day.fill(lane)
      day.state(lane, .working, leaves: 100)
      var command = Command(.kill, scope: .firm).named("A \"quoted\"\u{1b}\\ name")
      command.limit = 200
      _ = lane.append(
        day.header(.command), CommandRecord(command: command), privileged: true)
    }
    let objects = try day.printed(RecordJSON.line).map { line in
      #expect(!line.contains("\n"))
      return try #require(
        JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    for (i, object) in objects.enumerated() {
      #expect(object["sequence"] as? Int == i + 1)
      let type = RecordType.allCases.first { "\($0)" == object["type"] as? String }
      #expect(object["version"] as? Int == type.map { Int($0.version) })
      #expect(object["machineTime"] as? Int == 0)
    }
    #expect(objects[1]["previousClose"] as? String == "289.8000")
    #expect(objects[1]["shortable"] as? Bool == true)
    let intent = objects[2]
    #expect(intent["type"] as? String == "intent" && intent["request"] as? String == "new")
    #expect(intent["sessionTime"] as? String == "\(winter)", "it is beyond 2^53")
    #expect(intent["price"] as? String == "287.2900" && intent["quantity"] as? Int == 100)
    #expect((intent["cause"] as? [String: Int]) == ["channel": 1, "sequence": 42])
    #expect(objects[3]["executionID"] as? String == "9001" && objects[3]["side"] is NSNull)
    #expect(objects[4]["fee"] as? String == "-0.2050")
    #expect(objects[4]["symbol"] as? String == "AAPL")
    #expect(objects[5]["life"] as? String == "working" && objects[5]["order"] as? String == "2:1")
    #expect(objects[6]["person"] as? String == "A \"quoted\"\u{1b}\\ name")
    #expect(objects[6]["limit"] as? Int == 200, "a number without a name stays a number")
    #expect(day.printed(RecordText.line)[6].contains("by A \"quoted\"\\ name: done"))
  }

  @Test(arguments: 1...4) func `any payload is printed without harm`(seed: UInt64) throws {
    print("seed \(seed)")
    let day = Day()
    var random = SplitMix64(state: seed)
    var written = 0
    try day.write { lane in
      for type in Sample.types {
        // The right size with any content, and any other size.
        for size in [72, 80, 96, 24, 32, 48, 88, 120, 128, 168, 0, 7, 500] {
          var sample = Sample.random(&random)
          sample.type = type
          sample.payload = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
          if sample.append(to: lane) != 0 { written += 1 }
        }
      }
    }
    #expect(written == Sample.types.count * 13)
    #expect(
      day.printed(RecordText.line).allSatisfy { !$0.contains("\n") && !$0.contains("\u{1b}") })
    for line in day.printed(RecordJSON.line) {
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    }
    #expect(throws: Never.self) { try JournalSummary.scan(day.scratch.path) }
  }

  @Test func `a report without our order number is found by the venue's reference`() throws {
    let day = Day()
    try day.write { lane in
      day.define(lane)
      day.intend(lane)
      day.fill(lane)
    }
    var decoder = RecordDecoder()
    var decoded: [DecodedRecord] = []
    _ = ReadBack(day.scratch.path) { decoded.append(decoder.decode($0)) }
    #expect(decoded.map(\.clientOrderID) == [0, 0, 5, 5, 5])
    #expect(decoded.map(\.symbol) == ["", "AAPL", "AAPL", "AAPL", "AAPL"])
  }
}
