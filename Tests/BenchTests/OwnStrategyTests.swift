import Foundation
import Testing

@testable import NeedletailBench

private let bench = Program("own-strategy-bench")

private let hasValgrind: Bool = {
  let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
  return ["valgrind", "objcopy"].allSatisfy { tool in
    path.split(separator: ":").contains { access("\($0)/\(tool)", X_OK) == 0 }
  }
}()

/// A strategy of the user's own, in their own executable, is held by every gate that counts or times.
@Suite(.serialized, .enabled(if: bench.isBuilt)) struct OwnStrategyTests {
  private let name = CountedOperation.strategyName

  @Test func `their strategy is an operation that is counted, after the fifteen`() throws {
    let end = try bench.run("count", "--list")
    #expect(end.code == 0)
    let lines = end.output.split(separator: "\n")
    #expect(lines.count == CountedOperation.all.count + 1)
    #expect(lines.last?.hasPrefix("strategy.message") == true)
    #expect(lines.last?.contains("'leaning'") == true)
    let counted = try bench.run("counted", name)
    #expect(counted.code == 0)
    #expect(counted.output.contains("counted strategy.message 10000"))
  }

  @Test(.enabled(if: hasValgrind, "callgrind counts"))
  func `a strategy made slower fails its count by name, and the same one passes`() throws {
    func count(work: Int) throws -> Thresholds {
      try Callgrind.count(
        swift: "6.3.1", names: [name], program: bench.path,
        arguments: ["--work", "\(work)", "counted", name])
    }
    let accepted = try count(work: 0)
    let same = try count(work: 0)
    let slower = try count(work: 400)
    #expect(accepted.judge(same, "counts.json").isEmpty)
    // Where the kernel laid stack and arenas moves a copy by an instruction or two: parts in a million.
    let counted = try [accepted, same].map { try #require($0.operations[name]?.instructions) }
    #expect(abs(counted[0] - counted[1]) < counted[0] / 10_000, "\(counted)")
    let lines = accepted.judge(slower, "counts.json")
    #expect(lines.count == 1)
    let line = try #require(lines.first)
    #expect(line.hasPrefix("gate: counts: strategy.message: "))
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
    let lines = thresholds(all).judge(thresholds(all + [name]), "counts.json")
    #expect(lines.count == 1)
    #expect(lines.first?.hasPrefix("gate: counts: strategy.message is not in counts.json") == true)
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
    try #require(lines.count == 2 && lines[1].count == 3)
    #expect(lines[0].first == "ready" && lines[0].last == "strategy")
    #expect(lines[1][0] == "strategy")
    #expect(try #require(Double(lines[1][1])) > 0)
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
