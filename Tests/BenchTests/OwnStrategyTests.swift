import ExecutionCore
import Foundation
import Testing

@testable import NeedletailBench

private let bench = Program("own-strategy-bench")

private let root = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

private let hasValgrind: Bool = {
  let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
  return ["valgrind", "objcopy"].allSatisfy { tool in
    path.split(separator: ":").contains { access("\($0)/\(tool)", X_OK) == 0 }
  }
}()

/// A strategy of the user's own, in their own executable, is held by every gate that counts or times.
@Suite(.serialized, .enabled(if: bench.isBuilt)) struct OwnStrategyTests {
  private let names = CountedOperation.strategyNames

  @Test func `their strategy is an operation that is counted, after the fifteen`() throws {
    let end = try bench.run("count", "--list")
    #expect(end.code == 0)
    let lines = end.output.split(separator: "\n")
    #expect(lines.count == CountedOperation.all.count + 2)
    for (line, name) in zip(lines.suffix(2), ["strategy.message", "strategy.alone"]) {
      #expect(line.hasPrefix("\(name) ") && line.contains("'leaning'"), "\(line)")
      let counted = try bench.run("counted", name)
      #expect(counted.code == 0)
      #expect(counted.output.contains("counted \(name) 10000"))
    }
  }

  /// More orders than the last-hop fuse lets be open at a time, nearly all of which the venue cancels.
  @Test func `a strategy that orders at every change trades to the end of the market`() throws {
    let market = try StrategyMarket(messages: 80_000)
    let bench = try StrategyBench(BenchStrategy("eager") { Eager() }, market)
    var ticks = StrategyTicks()
    try bench.ticks(&ticks, handicap: 0)
    #expect(ticks.errors == [0], "\(ticks.troubles)")
    #expect(bench.requests > 12_000)
    #expect(try #require(ticks.samples.first).count > 12_000, "orders that became bytes")
    #expect(ticks.refusals.reasons?.hasPrefix("duplicateOrder ") ?? true)
  }

  @Test
  func `what a strategy does about reports goes out at once, and the venue keeps to the rules`()
    throws
  {
    let market = try StrategyMarket(messages: 20_000)
    let bench = try StrategyBench(BenchStrategy("worker") { Worker() }, market)
    var ticks = StrategyTicks()
    try bench.ticks(&ticks, handicap: 0)
    #expect(ticks.errors == [0], "\(ticks.troubles)")
    // Each order is replaced when it is taken, and cancelled when it is replaced.
    #expect(ticks.samples.first.map { bench.requests > 2 * $0.count } == true)
  }

  /// A little slower is much of the strategy and little of a message: only the count of the strategy alone
  /// sees it.
  @Test(.enabled(if: hasValgrind, "callgrind counts"))
  func `a strategy made slower fails its own count by name, and the same one passes`() throws {
    // The beginning of the built-in market: each run takes a fifth of the time.
    let market = try StrategyMarket(messages: 2_000)
    let folder = Folder()
    try Data(bytes: market.bytes, count: market.offsets[market.messages])
      .write(to: URL(fileURLWithPath: folder.path("day.itch")))
    let feed = ["--feed", folder.path("day.itch")]
    func count(work: Int) throws -> Thresholds {
      try Callgrind.count(
        swift: "6.3.1", names: names, program: bench.path,
        arguments: ["--work", "\(work)", "counted"] + names + feed)
    }
    func alone(_ counts: Thresholds) throws -> Double {
      try #require(counts.operations["strategy.alone"]?.instructions)
    }
    let accepted = try count(work: 0)
    let same = try count(work: 0)
    #expect(accepted.judge(same, "counts.json").isEmpty)
    // Where the kernel laid stack and arenas moves a copy by an instruction or two: parts in a million.
    let (before, again) = (try alone(accepted), try alone(same))
    #expect(abs(again - before) < before / 1_000, "\(again), \(before)")
    let message = try #require(accepted.operations["strategy.message"]?.instructions)
    #expect(before > 0 && before < message)
    let step = (try alone(try count(work: 100)) - before) / 100
    try #require(step > 0)
    // Three percent of itself: fewer of the message, of which it is a part.
    let slower = try count(work: Int((0.03 * before / step).rounded(.up)))
    let lines = accepted.judge(slower, "counts.json")
    let line = try #require(lines.last)
    #expect(line.hasPrefix("gate: counts: strategy.alone: "))
    #expect(line.contains(" instructions, accepted "))
  }

  @Test func `a thresholds file from before their strategy was counted fails with the line to add`()
    throws
  {
    let all = CountedOperation.all.map(\.name)
    func thresholds(_ names: [String]) -> Thresholds {
      let count = Thresholds.Count(instructions: 1, dataReferences: 1, misses: 0)
      return Thresholds(
        swift: "6.3.1", architecture: "x86_64", dispatch: "d",
        operations: Dictionary(uniqueKeysWithValues: names.map { ($0, count) }))
    }
    let lines = thresholds(all).judge(thresholds(all + names), "counts.json")
    #expect(lines.count == 2)
    for (line, name) in zip(lines, names) {
      #expect(line.hasPrefix("gate: counts: \(name) is not in counts.json"), "\(line)")
      #expect(line.contains("add to its operations: \"\(name)\": {\"instructions\": 1.00"))
    }
  }

  @Test func `their strategy is timed in pairs`() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: bench.path)
    process.arguments = ["paired", "--plant", "10"]
    let input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    input.fileHandleForWriting.write(Data("strategy\n".utf8))
    try input.fileHandleForWriting.close()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    try #require(lines.count == 2 && lines[1].count == 4)
    #expect(lines[0].first == "ready" && lines[0].last == "strategy")
    #expect(lines[1][0] == "strategy")
    #expect(try #require(Double(lines[1][1])) > 0)
    // What it sent in the slice: a base that sends nothing is no measure.
    #expect(try #require(lines[1].last?.wholeMatch(of: /requests=[1-9][0-9]*/)) != nil)
  }

  @Test func `the library's sample trades`() throws {
    let end = try Program("library-example").run()
    #expect(end.code == 0)
    #expect(end.output == "new buy 100 at 10001000000\n", "\(end.output)")
  }

  @Test func `a sample that is not the program that is built is found`() throws {
    let script = Program(path: root.appending(path: "perf/scripts/samples").path)
    #expect(try script.run().code == 0)
    let folder = Folder()
    let text = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    let other = text.replacingOccurrences(of: "> 4 * quote", with: "> 5 * quote")
    try #require(other != text)
    try WholeFile.write(other, to: folder.path("README.md"))
    let file = root.appending(path: "Examples/library/main.swift").path
    let end = try script.run(folder.path("README.md"), file)
    #expect(end.code == 1 && end.errors.contains(file), "\(end.errors)")
    #expect(try script.run(folder.path("none"), file).code == 66)
  }

  @Test func `a file and a program are named as they are, not as needletail-bench`() throws {
    let end = try bench.run("count", "--swift", "1", "--thresholds", "/nonexistent.json")
    #expect(end.code == 66)
    #expect(end.errors.hasPrefix("own-strategy-bench: "))
    #expect(
      end.errors.contains("\(bench.path) count --write-thresholds /nonexistent.json"),
      "\(end.errors)")
    #expect(!end.errors.contains("needletail-bench"))
  }
}

/// Orders at each change of a best price, a little less each time, for no order is to look like the last.
private struct Eager: Strategy {
  var count: Int64 = 0

  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    let quote = desk.quote(instrument)
    guard desk.isTradable(instrument) else { return }
    count += 1
    _ = desk.place(
      instrument, .buy, price: quote.ask, quantity: Quantity(raw: 1 + count % 97),
      timeInForce: .immediateOrCancel)
  }
}

/// Lets one order rest, makes it smaller when it is taken and cancels it then.
private struct Worker: Strategy {
  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    let quote = desk.quote(instrument)
    guard desk.isTradable(instrument), desk.openOrderCount(instrument) == 0 else { return }
    _ = desk.place(
      instrument, .buy, price: quote.bid, quantity: Quantity(raw: 200), timeInForce: .day)
  }

  mutating func onReport(_ update: OrderUpdate, _ desk: borrowing Desk) {
    guard let order = desk.order(update.handle), order.life.isOpen else { return }
    switch update.kind {
    case .accepted:
      _ = desk.replace(update.handle, price: order.price, quantity: Quantity(raw: 100))
    case .replaced: _ = desk.cancel(update.handle)
    default: break
    }
  }
}
