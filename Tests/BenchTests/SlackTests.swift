import BenchSupport
import Foundation
import Testing

@testable import NeedletailBench

private let bench = Program("needletail-bench")

private func run(_ medians: [String: Double], build: String = "b", unit: String = "x")
  -> GateHistory
{
  var made = GateHistory(build: build, machine: "m", quick: false, suites: [])
  made.figures = medians.sorted { $0.key < $1.key }.map {
    .init(suite: "s", name: $0.key, unit: unit, atLeast: true, goal: 0.13, median: $0.value)
  }
  return made
}

@Suite struct SlackTests {
  @Test func `the median of an even number of runs is the mean of the middle two`() {
    #expect(Figure("f", "x", [4, 1, 3, 2]).median == 2.5)
    #expect(Figure("f", "x", [3, 1, 2]).median == 2)
    #expect(Figure("f", "x", []).median.isNaN)
  }

  @Test func `a slack is the worst run's distance, and at least twice that of a tenth`() {
    // One bad run of twenty counts once.
    var values = [Double](repeating: 1, count: 19) + [1.5]
    #expect(SlackFile.Line(values, unit: "x", atLeast: false).slack == 1.5)
    // Three are how it is: the tenth is 1.5, and that twice is more.
    values[17...18] = [1.5, 1.5]
    #expect(SlackFile.Line(values, unit: "x", atLeast: false).slack == 2.25)
    // What does not scatter has the least.
    let still = [Double](repeating: 7, count: 20)
    #expect(SlackFile.Line(still, unit: "x", atLeast: true).slack == 1.03)
    #expect(abs(SlackFile.Line(still, unit: "ns", atLeast: true).slack - 1.03 * 1.333) < 0.001)
  }

  @Test(arguments: [true, false])
  func `the bad side alone counts`(_ atLeast: Bool) {
    let values = (0..<20).map { i in pow(1.1, Double(i < 3 ? -1 : i > 16 ? 3 : 0)) }
    let slack = SlackFile.Line(values, unit: "x", atLeast: atLeast).slack
    #expect(abs(slack - pow(1.1, atLeast ? 2 : 6)) < 0.002)
  }

  @Test func `a goal that is met is held itself, one that is not by what was reached`() {
    var limit = Figure.Limit(goal: 0.13, atLeast: true)
    #expect(limit.gate == nil)
    limit.held = .init(reached: 0.2, slack: 1.1, runs: 20)
    #expect(limit.gate == 0.13 && limit.hold.isEmpty)
    limit.held = .init(reached: 0.11, slack: 1.1, runs: 20)
    #expect(abs((limit.gate ?? 0) - 0.1) < 1e-12)
    #expect(limit.hold == "held at 0.1000, 20 runs' 0.1100 / 1.10")
    // Met by less than it scatters.
    limit.held = .init(reached: 0.14, slack: 1.12, runs: 20)
    #expect(abs((limit.gate ?? 0) - 0.125) < 1e-12)
    var most = Figure.Limit(goal: 5, atLeast: false)
    most.held = .init(reached: 6, slack: 1.5, runs: 20)
    #expect(most.gate == 9 && !most.passes(9.1) && most.passes(9))
    #expect(Figure.Limit(value: 5, atLeast: false).gate == 5)
  }

  private func result(_ figure: Figure) -> SuiteResult {
    SuiteResult(suite: "itch", question: "?", figures: [figure])
  }

  @Test func `a miss says the goal, what is held and why; a goal that nothing holds fails`() throws
  {
    let line = SlackFile.Line([Double](repeating: 0.11, count: 20), unit: "x", atLeast: true)
    let file = SlackFile(machine: "m", figures: ["itch: books": line])
    func held(_ median: Double, _ name: String = "books") -> Figure {
      file.holding(Figure(name, "x", [median], goal: .booksLevels), of: "itch", on: "m")
    }
    #expect(held(0.107).verdict == "not met; held at 0.1068, 20 runs' 0.1100 / 1.03")
    #expect(result(held(0.107)).misses.isEmpty && held(0.2).verdict == "met")
    let miss = try #require(result(held(0.1)).misses.first)
    #expect(miss.contains("gate: itch: books is 0.1000 x, must be at least 0.1068"))
    #expect(miss.contains("(goal 0.1300 not met; held at 0.1068, 20 runs' 0.1100 / 1.03)"))
    // Even one that is met: what it has to spare nobody knows.
    let unheld = try #require(result(held(0.2, "other")).misses.first)
    #expect(unheld.contains("itch: other is held by nothing: perf/slack.json has no line of it"))
    #expect(unheld.hasSuffix("slack --suite itch --write perf/slack.json"))
  }

  @Test func `absolute times of another processor get twice the slack, ratios the same`() {
    let values = [Double](repeating: 100, count: 20)
    let file = SlackFile(
      machine: "m",
      figures: [
        "s: time": .init(values, unit: "ns", atLeast: false),
        "s: ratio": .init(values, unit: "x", atLeast: false),
      ])
    func gate(_ name: String, _ unit: String, _ machine: String) -> Double? {
      let figure = Figure(name, unit, [1], limit: .init(goal: 1, atLeast: false))
      return file.holding(figure, of: "s", on: machine).limit?.gate
    }
    #expect(gate("ratio", "x", "m") == gate("ratio", "x", "other"))
    #expect(gate("time", "ns", "m").map { $0 * 2 } == gate("time", "ns", "other"))
    // The same name in another unit is another figure.
    #expect(gate("time", "us", "m") == nil)
  }

  @Test func `the file is read as it was written, and what is wrong in it named with its place`()
    throws
  {
    let values = (0..<20).map { 0.11 + Double($0) / 1e3 }
    let file = SlackFile(
      machine: "a \"quoted\" machine",
      figures: ["s: a / b": .init(values, unit: "x", atLeast: true)])
    #expect(try SlackFile.parse(Data(file.json.utf8), "f") == file)
    for (what, with, place) in [
      ("\"runs\": 20", "\"runs\": 9", "figures.s: a / b: runs: is 9"),
      ("\"slack\": 1.", "\"slack\": 2.", "figures.s: a / b: slack: is 2."),
      ("\"median\": 0.1195", "\"median\": -1", "figures.s: a / b: median, tenth and worst are"),
      ("\"worst\": 0.11,", "\"worst\": 0.14,", "figures.s: a / b: tenth lies between"),
      ("\"worst\": 0.11,", "", "figures.s: a / b: 'worst' is missing"),
      ("\"machine\"", "\"machines\"", "the file: 'machine' is missing"),
      ("{", "", "the file: "),
    ] {
      let text = file.json.replacing(what, with: with, maxReplacements: 1)
      #expect(text != file.json)
      let error = #expect(throws: AcceptedFileError.self) {
        try SlackFile.parse(Data(text.utf8), "f.json")
      }
      #expect(error?.code == 65)
      #expect(error?.message.hasPrefix("f.json: \(place)") == true, "\(error?.message ?? "")")
    }
  }

  @Test func `a line cut off is no run, and the next one goes after the whole ones`() throws {
    let folder = Folder()
    let path = folder.path("h.jsonl")
    #expect(try GateHistory.read(path).isEmpty)
    for i in 0..<3 { try run(["f": 1 + Double(i)]).append(to: path) }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try WholeFile.write(String(text.dropLast(20)), to: path)
    #expect(try GateHistory.read(path).map { $0.figures[0].median } == [1, 2])
    try run(["f": 9]).append(to: path)
    #expect(try GateHistory.read(path).map { $0.figures[0].median } == [1, 2, 9])
    try WholeFile.write("{}\n" + text, to: path)
    let error = #expect(throws: AcceptedFileError.self) { try GateHistory.read(path) }
    #expect(error?.code == 65 && error?.message.contains("h.jsonl:1: ") == true)
  }

  @Test func `runs of the last build count, and a figure has to be in all of them`() throws {
    let lines = [run(["f": 5], build: "old")] + (0..<10).map { run(["f": 1 + Double($0)]) }
    let newest = try SlackCommand.newest(lines, "h")
    #expect(newest.count == 10)
    #expect(try SlackCommand.derive(newest, []).figures["s: f"]?.median == 5.5)
    let error = #expect(throws: AcceptedFileError.self) {
      try SlackCommand.derive(newest + [run(["f": 1, "g": 1])], [])
    }
    #expect(error?.message.contains("'s: g' is in 1 of 11 runs") == true)
  }
}

@Suite(.serialized, .enabled(if: bench.isBuilt)) struct SlackCommandTests {
  @Test(arguments: [
    ["--runs", "0"], ["--runs"], ["--suite", "load"], ["--nonsense", "x"],
    ["--runs", "9", "--write", "f"], ["--quick", "--write", "f"],
  ])
  func `what is no option is refused with the way out`(_ arguments: [String]) throws {
    let end = try bench.run(["slack"] + arguments)
    #expect(end.code == 64 && end.errors.contains("slack --help") && end.output.isEmpty)
  }

  @Test func `a history becomes a file, and what the file does not name is held by nothing`() throws
  {
    let folder = Folder()
    let history = folder.path("history.jsonl")
    let file = folder.path("slack.json")
    let gate = ["--suite", "record", "--quick", "--runs", "1", "--gate"]
    let unheld = try bench.run(gate + ["--history", history, "--slack", "nowhere.json"])
    #expect(unheld.code == 66 && unheld.errors.contains("slack --write nowhere.json"))
    let few = try bench.run("slack", "--from", history)
    #expect(few.code == 66)
    for _ in 0..<10 { try run(["histogram, one record": 2.5], unit: "ns").append(to: history) }
    // That history is of a suite 's': the gate's own figure is not in it.
    let made = try bench.run("slack", "--from", history, "--write", file)
    #expect(made.code == 0, "\(made.errors)")
    let end = try bench.run(gate + ["--slack", file])
    #expect(
      end.code == 1 && end.errors.contains("record: histogram, one record is held by nothing"))
  }

  @Test func `it measures run by run, goes on where it was, and shows what it found`() throws {
    let folder = Folder()
    let path = folder.path("runs.jsonl")
    let words = ["slack", "--suite", "record", "--quick", "--measured", path]
    let first = try bench.run(words + ["--runs", "1"])
    #expect(first.code == 0 && first.errors.contains("slack: run 1 of 1"))
    try FileManager.default.moveItem(atPath: path + ".done", toPath: path)
    let second = try bench.run(words + ["--runs", "2"])
    #expect(second.code == 0 && !second.errors.contains("run 1 of"))
    #expect(second.errors.contains("slack: run 2 of 2"))
    #expect(second.output.contains("record: histogram, one record"))
    #expect(try GateHistory.read(path + ".done").count == 2)
  }
}
