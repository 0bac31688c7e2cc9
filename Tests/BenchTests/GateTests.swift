import Foundation
import Testing

private let bench = Program("needletail-bench")

/// The gate is shown to fail where a target must be missed whatever the machine does: the handicap
/// alone is longer than the target allows. That the product meets its targets is for 'make gates'.
@Suite(.serialized, .enabled(if: bench.isBuilt)) struct GateTests {
  @Test func `a message of 50 microseconds misses the user's targets, and is named`() throws {
    let end = try bench.run(
      "--suite", "itch", "--quick", "--runs", "1", "--gate", "--handicap", "50000")
    #expect(end.code == 1)
    #expect(end.errors.contains("gate: itch: market-data operations a second (books) is"))
    #expect(end.errors.contains("must be at least 33,481"))
    #expect(end.errors.contains("gate: itch: time of one message (books) is"))
    #expect(end.errors.contains("must be at most 0.0300"))
    // A goal of ours is no target of anybody's, however far it is missed.
    #expect(!end.errors.contains("/ walk"))
    #expect(end.output.contains("not met") && !end.output.contains("goals:"))
  }

  /// Two spinning threads need two processors.
  @Test(.enabled(if: ProcessInfo.processInfo.activeProcessorCount >= 2))
  func `an order that takes 16 milliseconds over the sockets misses the target`() throws {
    let end = try bench.run(
      "--suite", "wire", "--quick", "--runs", "1", "--gate", "--handicap", "16000000")
    #expect(end.code == 1)
    #expect(end.errors.contains("gate: wire: order path, p50 is"))
    #expect(end.errors.contains("must be at most 15.50"))
    #expect(!end.errors.contains("/ floor"), "a ratio is judged by nothing but the base")
  }

  @Test(arguments: ["risk", "engine", "record", "load", "growth"])
  func `a gate over a suite without a user's target would hold nothing, and is refused`(
    _ suite: String
  ) throws {
    let end = try bench.run("--suite", suite, "--gate")
    #expect(end.code == 64 && end.errors.contains("would measure nothing"))
  }

  @Test func `without the gate a miss is shown and nothing fails`() throws {
    let end = try bench.run("--suite", "itch", "--quick", "--runs", "1", "--handicap", "50000")
    #expect(end.code == 0)
    #expect(end.output.contains("MISSED"))
    #expect(end.errors.isEmpty)
  }
}

@Suite(.enabled(if: bench.isBuilt)) struct BenchCommandTests {
  @Test(arguments: [
    ["--suite", "nonsense"], ["--suite"], ["--format", "xml"], ["--runs", "0"], ["--runs", "x"],
    ["--handicap", "-1"], ["--scale", "5"], ["--nonsense"], ["stray"],
  ])
  func `what is no option is refused with the way out`(_ arguments: [String]) throws {
    let end = try bench.run(arguments)
    #expect(end.code == 64)
    #expect(end.errors.contains("needletail-bench --help"))
    #expect(end.output.isEmpty)
  }

  @Test func `the help names every suite and its question`() throws {
    let end = try bench.run("--help")
    #expect(end.code == 0)
    for suite in ["ring", "itch", "risk", "engine", "wire", "scale"] {
      #expect(end.output.contains("\n  \(suite)  "))
    }
  }

  @Test func `the JSON has every figure with its unit, spread and limit`() throws {
    let end = try bench.run(
      "--suite", "risk", "--suite", "engine", "--quick", "--runs", "3", "--format", "json")
    #expect(end.code == 0)
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(end.output.utf8)) as? [String: Any])
    #expect(report["machine"] is String)
    #expect(report["quick"] as? Bool == true)
    let suites = try #require(report["suites"] as? [[String: Any]])
    #expect(suites.map { $0["suite"] as? String } == ["risk", "engine"])
    for suite in suites {
      #expect(suite["error"] == nil)
      let figures = try #require(suite["figures"] as? [[String: Any]])
      #expect(!figures.isEmpty)
      for figure in figures {
        #expect(figure["runs"] as? Int == 3)
        let (least, median, most) = (figure["min"], figure["median"], figure["max"])
        let order = [least, median, most].compactMap { $0 as? Double }
        #expect(order.count == 3 && order == order.sorted())
      }
      let limits = figures.compactMap { $0["limit"] as? [String: Any] }
      #expect(!limits.isEmpty && limits.allSatisfy { $0["value"] is Double })
    }
  }

  @Test func `the day's engine loses nothing of a generated flow`() throws {
    let end = try bench.run("--suite", "scale", "--quick", "--format", "json")
    #expect(end.code == 0)
    #expect(end.output.contains("\"orders live at the peak\""))
    #expect(!end.output.contains("\"error\""))
  }
}
