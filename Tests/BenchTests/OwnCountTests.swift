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
  _ operations: [String: Thresholds.Count], market: String? = nil
) -> Thresholds {
  .init(
    swift: "6.3.1", architecture: "x86_64", dispatch: "crc32c:sse4.2", market: market,
    operations: operations)
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

  @Test func `a strategy that adds next to nothing has the hundredths of its count for slack`()
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
    // Where no strategy is judged no market is.
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
    let idle = try #require(
      try IdleStrategy(BenchStrategy("idle") { NoStrategy() }, market))
    #expect(idle.why.hasPrefix("it sends no order in 5000 messages of the built-in market; "))
    #expect(idle.why.contains("--feed FILE") && idle.why.contains("--config FILE"))
    #expect(try IdleStrategy(BenchStrategy("buyer") { Buyer() }, market) == nil)
  }

  @Test func `what the risk chain refused of it is said`() throws {
    let market = try StrategyMarket(messages: 5_000)
    let greedy = BenchStrategy("greedy") { Buyer(quantity: 900_000) }
    let why = try #require(try IdleStrategy(greedy, market)).why
    #expect(why.contains("(refused by the risk chain: quantityLimit "), "\(why)")
  }

  @Test func `its counts are neither made nor judged, whatever the file says of them`() throws {
    let subject = try CountSubject(BenchStrategy("idle") { NoStrategy() })
    #expect(subject.names == CountedOperation.all.map(\.name))
    #expect(subject.market == nil && subject.unjudged != nil)
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
