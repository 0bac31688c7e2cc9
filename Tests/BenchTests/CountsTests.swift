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
  private func judge(_ accepted: [String: Thresholds.Count], _ measured: [String: Thresholds.Count])
    -> [String]
  {
    thresholds(accepted).judge(thresholds(measured), "counts.json")
  }

  @Test func `two percent pass in both directions and more fails in both`() {
    for (instructions, passes) in [
      (100.0, true), (102, true), (98, true), (102.1, false), (97.9, false),
    ] {
      let lines = judge(["ring": count(100)], ["ring": count(instructions)])
      #expect(lines.isEmpty == passes, "\(instructions)")
    }
  }

  @Test
  func `a failure names the operation, the figure, the bound, how to see it and how to accept it`()
    throws
  {
    let lines = judge(["ring": count(100)], ["ring": count(110, 60, 2)])
    let line = try #require(lines.first)
    #expect(lines.count == 1)
    #expect(line.hasPrefix("gate: counts: ring: 110.0 instructions, accepted 100.0 +- 2.00 %"))
    #expect(line.contains("60.0 data references, accepted 50.0 + 2.5;"))
    #expect(line.contains("2.000 last-level misses, accepted 0.000 + 0.250;"))
    #expect(
      line.contains(
        "to accept: \"ring\": {\"instructions\": 110.00, \"dataReferences\": 60.00, \"misses\": 2.000}"
      ))
    // The program that runs, not the one of this package.
    #expect(line.hasSuffix("see \(Bench.quoted(Machine.executable)) count --operation ring"))
    #expect(line.contains("see /") || line.contains("see '/"))
  }

  @Test func `fewer data references are no failure`() {
    #expect(judge(["ring": count(100, 50, 3)], ["ring": count(100, 20, 0)]).isEmpty)
  }

  @Test(arguments: [
    // Five percent, or a few stray ones where five percent are less.
    (50.0, 0.0, 52.5, 0.0, true), (50, 0, 52.6, 0, false), (2, 0, 2.5, 0, true),
    (2, 0, 2.51, 0, false), (50, 0.5, 50, 0.75, true), (50, 0.5, 50, 0.76, false),
    (50, 20, 50, 21, true), (50, 20, 50, 21.01, false),
  ])
  func `data references and misses may grow by what the help says`(
    _ references: Double, _ misses: Double, _ then: Double, _ missesThen: Double, _ passes: Bool
  ) {
    let lines = judge(
      ["ring": count(100, references, misses)], ["ring": count(100, then, missesThen)])
    #expect(lines.isEmpty == passes, "\(lines)")
    #expect(
      CountCommand.help(nil).contains("more than 5 %, and by\n") && Thresholds.dataTolerance == 0.05
        && CountCommand.help(nil).contains("more than 0.5 references or 0.25 misses")
        && Thresholds.referencesTolerance == 0.5 && Thresholds.missesTolerance == 0.25)
  }

  @Test func `an operation that was not counted fails with the command that counts it`() {
    let lines = judge(
      ["ring": count(100), "journal": count(100)], ["journal": count(100)])
    #expect(
      lines == [
        "gate: counts: ring was not counted; see \(Bench.command) count --operation ring"
      ])
  }

  @Test func `an operation without a line fails with the line to add`() {
    let lines = judge(["journal": count(100)], ["journal": count(100), "ring": count(67, 44, 0.4)])
    #expect(
      lines == [
        "gate: counts: ring is not in counts.json: nothing holds it; add to its operations: "
          + "\"ring\": {\"instructions\": 67.00, \"dataReferences\": 44.00, \"misses\": 0.400}"
      ])
  }

  @Test
  func `counts of another dispatch path are not compared, and the command for a file is given`()
    throws
  {
    let lines = thresholds(["ring": count(100)])
      .judge(thresholds(["ring": count(100)], dispatch: "crc32c:table"), "perf/counts.json")
    #expect(lines.count == 1)
    let line = try #require(lines.first)
    #expect(line.contains("not to be compared"))
    #expect(line.contains("\(Bench.command) count --write-thresholds perf/counts-x86_64.json"))
  }

  @Test func `counts of another Swift are refused with what to do`() throws {
    let accepted = thresholds(["ring": count(100)])
    try accepted.requireSwift("6.3.1", "counts.json")
    let error = #expect(throws: AcceptedFileError.self) {
      try accepted.requireSwift("6.4", "counts.json")
    }
    #expect(error?.code == 65)
    let message = try #require(error?.message)
    #expect(message.hasPrefix("counts.json: swift: its counts are of 6.3.1, this is Swift 6.4"))
    #expect(message.contains("\(Bench.command) count --write-thresholds FILE"))
  }

  @Test func `an operation that the program has not is refused`() throws {
    let accepted = thresholds(["ring": count(100), "rang": count(100)])
    let error = #expect(throws: AcceptedFileError.self) {
      try accepted.requireKnown(["ring", "journal"], "counts.json")
    }
    #expect(error?.code == 65)
    #expect(
      error?.message.hasPrefix(
        "counts.json: operations.rang is not an operation of this program; there are ring, journal")
        == true)
    #expect(error?.message.contains("--write-thresholds counts.json") == true)
  }

  @Test func `what is written is read back the same`() throws {
    let accepted = thresholds([
      "ring": count(67.04, 44.05, 0.001), "journal": count(215),
      CountedOperation.strategyName: count(900),
    ])
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
      #"{"swift":"1","architecture":"a","dispatch":"d","operations":{"ring":{"instructions":-1,"#
        + #""dataReferences":1,"misses":0}}}"#,
      "operations.ring: counts are finite and not negative"
    ),
  ])
  func `a wrong file is refused with the place`(_ text: String, _ message: String) {
    let error = #expect(throws: AcceptedFileError.self) {
      try Thresholds.parse(Data(text.utf8), "counts.json")
    }
    #expect(error?.code == 65)
    #expect(error?.message.hasPrefix("counts.json: ") == true)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test func `a path with blanks is a word of the command`() {
    #expect(Bench.quoted("/a/b-1.2/c") == "/a/b-1.2/c")
    #expect(Bench.quoted("/my build/it's") == #"'/my build/it'\''s'"#)
  }
}

@Suite struct CreepTests {
  private func creep(_ then: [String: Thresholds.Count], _ measured: [String: Thresholds.Count])
    -> (failures: [String], notes: [(name: String, why: String)])
  {
    thresholds(then).creep(thresholds(measured), "old.json")
  }

  @Test func `creep is counted against a build long ago, and only upwards`() {
    let longAgo = CountCommand.Accepted(
      path: "old.json", thresholds: thresholds(["ring": count(100)]))
    for (now, code) in [(104.0, Int32(0)), (106, 1), (50, 0)] {
      let measured = thresholds(["ring": count(now)])
      #expect(CountCommand.verdict(measured, nil, longAgo) == code)
    }
  }

  @Test func `a creep names that build's figure and offers nothing to accept`() throws {
    let line = try #require(creep(["ring": count(100)], ["ring": count(110)]).failures.first)
    #expect(
      line.hasPrefix(
        "gate: creep: ring: 110.0 instructions, 100.0 in a build long ago, at most + 5.00 %; see "))
    #expect(line.hasSuffix(" count --operation ring --creep old.json"))
    #expect(!line.contains("accept"))
  }

  @Test func `an operation renamed since then is said and fails nothing`() throws {
    let (failures, notes) = creep(
      ["rang": count(100), "journal": count(100)], ["ring": count(900), "journal": count(100)])
    #expect(failures.isEmpty)
    #expect(
      notes.map { "\($0.name); \($0.why)" } == [
        "ring; it is not in old.json, of a build long ago",
        "rang; old.json has it, and it is no operation any more (renamed?)",
      ])
    // As the command reads it: with a name that it does not know.
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("needletail-creep-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(thresholds(["rang": count(100)]).json.utf8).write(to: file)
    let longAgo = try CountCommand.Accepted(creep: file.path, nil, swift: "6.3.1")
    #expect(longAgo.thresholds.operations.keys.contains("rang"))
    #expect(throws: AcceptedFileError.self) {
      try CountCommand.Accepted(file.path, nil, swift: "6.3.1")
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
    ["compare"], ["compare", "--rounds", "9"], ["compare", "--nonsense"],
    ["paired", "--plant", "x"], ["--thresholds", "counts.json"],
    ["--suite", "ring", "--thresholds", "counts.json"], ["--gate", "--suite", "load"],
    ["--gate", "--suite", "growth"], ["--suite", "ring", "--suite", "load", "--gate"],
  ])
  func `wrong usage says so`(_ arguments: [String]) throws {
    let end = try bench.run(arguments)
    #expect(end.code == 64)
    #expect(end.errors.contains("needletail-bench"))
    #expect(end.output.isEmpty)
  }

  @Test(arguments: [
    ["count", "--write-thresholds"], ["--suite", "risk", "--output"],
    ["--goals", "--suite", "risk", "--write-quoted"],
  ])
  func `a file that cannot be written is said before anything is measured`(_ words: [String]) throws
  {
    for path in ["/proc/none/x.json", "/tmp"] {
      let end = try bench.run(words + [path])
      #expect(end.code == 73)
      #expect(end.errors.contains("cannot write \(path): "), "\(end.errors)")
      #expect(end.output.isEmpty)
    }
  }

  @Test func `a base that is no program is said before anything is measured`() throws {
    let end = try bench.run("--goals", "--base", "/nonexistent")
    #expect(end.code == 66 && end.errors.contains("/nonexistent is no program"))
    #expect(end.output.isEmpty)
  }

  @Test func `what a gate would ignore is refused with the way out`() throws {
    let lone = try bench.run("--thresholds", "counts.json")
    #expect(lone.errors.contains("--thresholds is judged with --gate, and a row with --goals: add"))
    for suite in Bench.ungated {
      let empty = try bench.run("--gate", "--suite", suite)
      #expect(empty.errors.contains("--gate --suite \(suite) would measure nothing"))
    }
  }

  @Test func `counts of another Swift are refused before anything is measured`() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("needletail-counts-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(thresholds(["ring": count(100)]).json.utf8).write(to: file)
    for option in ["--thresholds", "--creep"] {
      let end = try bench.run("count", "--swift", "9.9", option, file.path)
      #expect(end.code == 65)
      #expect(
        end.errors.contains("\(file.path): swift: its counts are of 6.3.1, this is Swift 9.9"))
      #expect(end.output.isEmpty)
    }
  }
}
