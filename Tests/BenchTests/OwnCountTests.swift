import ExecutionCore
import Foundation
import Testing

@testable import NeedletailBench

private func count(_ instructions: Double, _ references: Double = 50, _ misses: Double = 0)
  -> Thresholds.Count
{
  .init(instructions: instructions, dataReferences: references, misses: misses)
}

private func thresholds(
  _ operations: [String: Thresholds.Count], market: String? = nil,
  requests: StrategyRequests? = nil
) -> Thresholds {
  .init(
    swift: "6.3.1", architecture: "x86_64", dispatch: "crc32c:sse4.2", market: market,
    requests: requests, operations: operations)
}

/// What a strategy adds to a message is judged by itself.
@Suite struct OwnCountTests {
  private let message = CountedOperation.strategyName
  private let alone = CountedOperation.strategyAloneName

  @Test func `a tenth more of the strategy fails by its name, where the message still passes`()
    throws
  {
    let accepted = thresholds([message: count(908), alone: count(75)])
    let lines = accepted.judge(
      thresholds([message: count(915.5), alone: count(82.5)]), "counts.json")
    #expect(lines.count == 1)
    let line = try #require(lines.first)
    #expect(
      line.hasPrefix("gate: counts: strategy.alone: 82.5 instructions, accepted 75.0 +- 1.00 %"))
    #expect(
      line.hasSuffix("count --operation strategy.alone"), "\(line)")
  }

  @Test func `what is added is the difference, to the digits of the file, and never negative`() {
    #expect(
      count(908.12, 450.5, 0.35).less(count(833.05, 400.2, 0.25)) == count(75.07, 50.3, 0.1))
    #expect(count(10, 5, 0.1).less(count(11, 6, 0.2)) == count(0, 0, 0))
  }

  @Test func `a strategy that adds next to nothing has the hundredths of its count for tolerance`()
    throws
  {
    let accepted = thresholds([alone: count(0.1)])
    #expect(accepted.judge(thresholds([alone: count(0.15)]), "f").isEmpty)
    #expect(accepted.judge(thresholds([alone: count(0.16)]), "f").count == 1)
    // Half of what a whole operation may differ by: the path of its orders is in it too.
    for (now, passes) in [(101.0, true), (99, true), (101.1, false), (98.9, false)] {
      let lines = thresholds([alone: count(100)]).judge(thresholds([alone: count(now)]), "f")
      #expect(lines.isEmpty == passes, "\(now)")
    }
    let nothing = thresholds([message: count(833), alone: count(0, 0)])
    #expect(try Thresholds.parse(Data(nothing.json.utf8), "x") == nothing)
    #expect(throws: AcceptedFileError.self) {
      try Thresholds.parse(Data(thresholds([message: count(0)]).json.utf8), "x")
    }
  }

  @Test func `a file says which market it was made for, and another is refused`() throws {
    let made = thresholds([message: count(908)], market: "feed of 56000 messages 966a2721")
    #expect(try Thresholds.parse(Data(made.json.utf8), "x") == made)
    try made.requireMarket("feed of 56000 messages 966a2721", "the market of a.pcap", "counts.json")
    // One from before there was a choice is of the built-in market.
    let old = thresholds([message: count(908)])
    try old.requireMarket(StrategyMarket.builtIn, "the built-in market", "counts.json")
    // Where there is no strategy no market is judged, nor by a file without one.
    try thresholds(["ring": count(67)]).requireMarket("feed of 1 messages 0", "", "counts.json")
    try made.requireMarket(nil, "", "counts.json")
    for (file, running) in [(made, StrategyMarket.builtIn), (old, "feed of 1 messages 0")] {
      let error = #expect(throws: AcceptedFileError.self) {
        try file.requireMarket(running, "the market of b.pcap", "counts.json")
      }
      #expect(error?.code == 65)
      let message = error?.message ?? ""
      #expect(message.hasPrefix("counts.json: market: its counts are of '"), "\(message)")
      #expect(message.contains("this run plays '\(running)', the market of b.pcap"))
      #expect(message.contains("(--feed, --config)") && message.contains("--write-thresholds FILE"))
    }
  }

  @Test func `a strategy that trades less or is refused more fails, though it costs less`() throws {
    func judge(_ accepted: StrategyRequests?, _ now: StrategyRequests?) -> [String] {
      thresholds([message: count(908)], requests: accepted)
        .judge(thresholds([message: count(908)], requests: now), "counts.json")
    }
    let accepted = StrategyRequests(sent: 1_000, refused: 0)
    for (sent, refused, passes) in [
      (1_000, 0, true), (980, 20, true), (1_020, 0, true), (979, 0, false), (1_021, 0, false),
      (1_000, 21, false), (0, 1_000, false), (0, 0, false),
    ] {
      let lines = judge(accepted, .init(sent: sent, refused: refused))
      #expect(lines.isEmpty == passes, "\(sent) \(refused): \(lines)")
    }
    let line = try #require(judge(accepted, .init(sent: 3, refused: 997)).first)
    #expect(line.hasPrefix("gate: counts: the strategy sent 3 requests and 997 were refused"))
    #expect(line.contains("to accept: \"requests\": {\"sent\": 3, \"refused\": 997}"))
    // A file's numbers are anybody's.
    #expect(judge(.init(sent: .max, refused: .max), .init(sent: 0, refused: 1)).count == 1)
    // What the file does not say nothing would hold; where no strategy was counted there is nothing to hold.
    #expect(judge(nil, accepted).first?.contains("requests is not in counts.json") == true)
    #expect(judge(nil, nil).isEmpty && judge(accepted, nil).isEmpty)
    let file = thresholds([message: count(908)], market: "built-in", requests: accepted)
    #expect(try Thresholds.parse(Data(file.json.utf8), "x") == file)
    let wrong = thresholds([message: count(908)], requests: .init(sent: -1, refused: 0))
    #expect(throws: AcceptedFileError.self) { try Thresholds.parse(Data(wrong.json.utf8), "x") }
  }

  @Test func `a failure goes before what is not judged, and that before a pass`() {
    for (a, b, code) in [
      (0, 0, 0), (0, 75, 75), (75, 75, 75), (1, 75, 1), (70, 75, 70), (0, 1, 1), (1, 70, 70),
    ] as [(Int32, Int32, Int32)] {
      #expect(Bench.worse(a, b) == code)
      #expect(Bench.worse(b, a) == code)
    }
  }
}

/// A strategy that sends no order is not judged, and that is no pass.
@Suite struct IdleStrategyTests {
  private let bench = Program("own-strategy-bench")

  @Test func `one that sends nothing in the market is found, one that trades is not`() throws {
    let market = try StrategyMarket(messages: 5_000)
    let idle = try StrategyTrial(BenchStrategy("idle") { NoStrategy() }, market)
    let why = try #require(idle.idle)
    #expect(why.hasPrefix("it sends no order in 5000 messages of the built-in market; "))
    #expect(why.contains("--feed FILE") && why.contains("--config FILE"))
    #expect(idle.requests == StrategyRequests(sent: 0, refused: 0))
    let buyer = try StrategyTrial(BenchStrategy("buyer") { Buyer() }, market)
    #expect(buyer.idle == nil && buyer.requests.sent > 0)
  }

  @Test func `what the risk chain refused of it is said`() throws {
    let market = try StrategyMarket(messages: 5_000)
    let greedy = BenchStrategy("greedy") { Buyer(quantity: 900_000) }
    let trial = try StrategyTrial(greedy, market)
    let why = try #require(trial.idle)
    #expect(trial.requests.sent == 0 && trial.requests.refused > 0)
    #expect(why.contains("(refused by the risk chain: quantityLimit "), "\(why)")
  }

  @Test func `its counts are neither made nor judged, whatever the file says of them`() throws {
    let subject = try CountSubject(BenchStrategy("idle") { NoStrategy() })
    #expect(subject.names == CountedOperation.all.map(\.name))
    #expect(subject.market == "built-in" && subject.unjudged != nil)
    #expect(subject.requests == StrategyRequests(sent: 0, refused: 0))
    let file = CountCommand.Accepted(
      path: "f", thresholds: thresholds(["ring": count(1), "strategy.alone": count(75)]))
    #expect(subject.judged(file).thresholds.operations.keys.sorted() == ["ring"])
    #expect(subject.closing(0) == 75 && subject.closing(1) == 1)
    let trading = try CountSubject(BenchStrategy("buyer") { Buyer() })
    #expect(trading.names.suffix(2) == ["strategy.message", "strategy.alone"])
    #expect(trading.market == "built-in" && trading.closing(0) == 0)
    #expect(trading.judged(file).thresholds == file.thresholds)
  }

  @Test func `its pairs are not judged, and the others are`() throws {
    let why = try #require(try PairedFigures.idle(BenchStrategy("idle") { NoStrategy() }))
    #expect(why.contains("it sends no order in 56000 messages"))
    #expect(try PairedFigures.idle(BenchStrategy("buyer") { Buyer() }) == nil)
    let judged = PairedJudgement(
      [:], figures: ["risk", "strategy"], programs: [.base: "/b"], idle: why)
    #expect(judged.unjudged.filter { $0.why == why }.map(\.0.name) == ["strategy", "strategy p90"])
    #expect(judged.unjudged.count == 4)
  }

  @Test func `a base whose strategy sends nothing is no measure of one that trades`() throws {
    var found = PairedSamples()
    for _ in 0..<10 {
      found.add([.base: 50, .new: 100, .same: 100, .more: 110], requests: [.base: 0, .new: 40])
    }
    let judged = PairedJudgement(
      ["strategy": found, "strategy p90": found], figures: ["strategy"], programs: [.base: "/b"])
    #expect(judged.slower.isEmpty && judged.passed.isEmpty && judged.unjudged.count == 2)
    #expect(judged.unjudged[0].why.contains("sends no order"))
    #expect(
      PairedTable.text(["strategy": found], title: "").contains(
        "requests in a slice: new 40, base 0")
    )
  }

  @Test func `an answer says times and requests, and what is neither is no answer`() {
    func slice(_ line: String) -> PairedSlice? { PairedSlice(line.split(separator: " ")) }
    #expect(slice("12.5 13 requests=40")?.times == [12.5, 13])
    #expect(slice("12.5 13 requests=40")?.requests == 40 && slice("12.5")?.requests == nil)
    for wrong in ["", "requests=4", "12 -1", "12 nan", "12 x", "12 requests=-4", "12 inf"] {
      #expect(slice(wrong) == nil, "\(wrong)")
    }
  }

  @Test(.enabled(if: Program("own-strategy-bench").isBuilt))
  func `its suite's gate ends with 75 and says what to do`() throws {
    let gate = ["--suite", "strategy", "--quick", "--runs", "1"]
    let idle = try bench.run(["--idle"] + gate + ["--gate"])
    #expect(idle.code == 75, "\(idle.errors)")
    #expect(idle.errors.contains("NOT JUDGED: strategy; it sends no order in 20000 messages"))
    let trading = try bench.run(gate + ["--gate"])
    #expect(trading.code == 0 && trading.errors.isEmpty, "\(trading.errors)")
    #expect(try bench.run(["--idle"] + gate).code == 0, "without the gate nothing is judged")
  }
}

/// Buys at the offer whenever nothing is open.
private struct Buyer: Strategy {
  var quantity: Int64 = 100

  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    guard desk.isTradable(instrument), desk.openOrderCount(instrument) == 0 else { return }
    _ = desk.place(
      instrument, .buy, price: desk.quote(instrument).ask, quantity: Quantity(raw: quantity),
      timeInForce: .immediateOrCancel)
  }
}
