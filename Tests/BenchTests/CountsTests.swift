import Foundation
import Testing

@testable import NeedletailBench

private let bench = Program("needletail-bench")

private func count(_ instructions: Double, _ references: Double = 50, _ misses: Double = 0)
  -> Thresholds.Count
{
  .init(instructions: instructions, dataReferences: references, misses: misses)
}

private func thresholds(
  _ operations: [String: Thresholds.Count], dispatch: String = "crc32c:sse4.2"
) -> Thresholds {
  .init(swift: "6.3.1", architecture: "x86_64", dispatch: dispatch, operations: operations)
}

@Suite struct ThresholdsTests {
  @Test func `two percent pass in both directions and more fails in both`() {
    let accepted = thresholds(["ring": count(100)])
    for (instructions, passes) in [
      (100.0, true), (102, true), (98, true), (102.1, false), (97.9, false),
    ] {
      let lines = accepted.judge(thresholds(["ring": count(instructions)]))
      #expect(lines.isEmpty == passes, "\(instructions)")
    }
  }

  @Test
  func `a failure names the operation, the figure, the bound, how to see it and how to accept it`()
    throws
  {
    let lines = thresholds(["ring": count(100)]).judge(thresholds(["ring": count(110, 60, 2)]))
    let line = try #require(lines.first)
    #expect(lines.count == 1)
    #expect(line.hasPrefix("gate: counts: ring: 110.0 instructions, accepted 100.0 +- 2.00 %"))
    #expect(line.contains("60.0 data references, accepted 50.0"))
    #expect(line.contains("2.0 last-level misses, accepted 0.0"))
    #expect(
      line.contains(
        "to accept: \"ring\": {\"instructions\": 110.00, \"dataReferences\": 60.00, \"misses\": 2.000}"
      ))
    #expect(line.contains("see needletail-bench count --operation ring"))
  }

  @Test func `fewer data references are no failure`() {
    let lines = thresholds(["ring": count(100, 50, 3)]).judge(
      thresholds(["ring": count(100, 20, 0)]))
    #expect(lines.isEmpty)
  }

  @Test func `an operation that was not counted fails`() {
    let lines = thresholds(["ring": count(100)]).judge(thresholds(["journal": count(100)]))
    #expect(lines == ["gate: counts: ring was not counted"])
  }

  @Test func `counts of another dispatch path are not compared`() throws {
    let lines = thresholds(["ring": count(100)])
      .judge(thresholds(["ring": count(100)], dispatch: "crc32c:table"))
    #expect(try #require(lines.first).contains("not to be compared"))
  }

  @Test func `what is written is read back the same`() throws {
    let accepted = thresholds(["ring": count(67.04, 44.05, 0.001), "journal": count(215)])
    #expect(try Thresholds.parse(Data(accepted.json.utf8), "x") == accepted)
  }

  @Test(arguments: [
    ("{", "not valid JSON"), ("{}", "'swift' is missing"),
    (#"{"swift":"1","architecture":"a","dispatch":"d","operations":{}}"#, "operations: is empty"),
    (
      #"{"swift":"1","architecture":"a","dispatch":"d","operations":{"ring":{"instructions":"x"}}}"#,
      "operations.ring.instructions"
    ),
    (
      #"{"swift":"1","architecture":"a","dispatch":"d","operations":{"rang":{"instructions":1,"#
        + #""dataReferences":1,"misses":0}}}"#,
      "operations.rang is not an operation; there are decode.add"
    ),
    (
      #"{"swift":"1","architecture":"a","dispatch":"d","operations":{"ring":{"instructions":-1,"#
        + #""dataReferences":1,"misses":0}}}"#,
      "operations.ring: counts are finite and not negative"
    ),
  ])
  func `a wrong file is refused with the place`(_ text: String, _ message: String) {
    let error = #expect(throws: ThresholdsError.self) {
      try Thresholds.parse(Data(text.utf8), "counts.json")
    }
    #expect(error?.code == 65)
    #expect(error?.message.hasPrefix("counts.json: ") == true)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test func `creep is counted against the release, and only upwards`() {
    let release = thresholds(["ring": count(100)])
    for (now, code) in [(104.0, Int32(0)), (106, 1), (50, 0)] {
      let measured = thresholds(["ring": count(now)])
      #expect(CountCommand.verdict(measured, nil, release) == code)
    }
  }
}

@Suite struct CallgrindDumpTests {
  @Test func `totals are read by the names of their columns, and columns left out are nothing`()
    throws
  {
    let text = """
      version: 1
      events: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw
      fn=(1) body
      +3 7 1 1
      totals: 1200 300 200 1 2
      """
    let totals = try Callgrind.parse(text)
    #expect(totals == ["Ir": 1200, "Dr": 300, "Dw": 200, "I1mr": 1, "D1mr": 2])
  }

  @Test func `a dump without totals is an error`() {
    #expect(throws: (any Error).self) { try Callgrind.parse("events: Ir\n") }
  }
}

@Suite(.enabled(if: bench.isBuilt)) struct CountCommandTests {
  @Test func `every operation runs and says how often`() throws {
    let end = try bench.run("counted")
    #expect(end.code == 0)
    let names = end.output.split(separator: "\n").filter { $0.hasPrefix("counted ") }
      .compactMap { $0.split(separator: " ").dropFirst().first.map(String.init) }
    #expect(names == CountedOperation.all.map(\.name))
    #expect(end.output.contains("dispatch crc32c:"))
  }

  @Test func `a thresholds file that is not there is refused before anything is measured`() throws {
    for arguments in [
      ["--gate", "--thresholds", "/nonexistent.json"],
      ["count", "--thresholds", "/nonexistent.json"],
    ] {
      let end = try bench.run(arguments)
      #expect(end.code == 66)
      #expect(end.errors.contains("/nonexistent.json: cannot be read"))
      #expect(end.output.isEmpty)
    }
  }

  @Test(arguments: [
    ["count", "--operation", "nonsense"], ["count", "--thresholds"], ["count", "--nonsense", "1"],
    ["compare"], ["compare", "--pairs", "9"], ["compare", "--nonsense"],
    ["paired", "--plant", "x"],
  ])
  func `wrong usage says so`(_ arguments: [String]) throws {
    let end = try bench.run(arguments)
    #expect(end.code == 64)
    #expect(end.errors.contains("needletail-bench"))
  }
}
