import Foundation
import Testing

@testable import NeedletailBench

private let bench = Program("needletail-bench")

@Suite struct PairedEstimateTests {
  /// Ratios around a middle, with a spread, from a seed.
  private func ratios(_ middle: Double, spread: Double, count: Int, seed: UInt64) -> [Double] {
    var random = BenchRandom(seed: seed)
    return (0..<count).map { _ in
      middle * (1 + spread * (Double(random.below(2_001)) / 1_000 - 1))
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `the same build is not slower, and one a tenth slower is`(_ seed: UInt64) {
    let same = PairedEstimate(ratios(1, spread: 0.03, count: 12, seed: seed))
    let slower = PairedEstimate(ratios(1.1, spread: 0.03, count: 12, seed: seed))
    #expect(!same.isSlower)
    #expect(slower.isSlower)
    #expect(same.low <= same.median && same.median <= same.high)
  }

  @Test func `a wide spread judges nothing slower`() {
    let wild = PairedEstimate([0.5, 2, 0.6, 1.8, 1.1, 0.9, 1.5, 0.7, 1.2, 1.3])
    #expect(!wild.isSlower && wild.low < 1 && wild.high > 1)
  }

  @Test func `one outlier does not make a build slower`() {
    #expect(!PairedEstimate([1, 1, 1, 1, 1, 1, 1, 1, 1, 9]).isSlower)
  }

  @Test func `certain but small is not slower, and neither is large but uncertain`() {
    #expect(!PairedEstimate([Double](repeating: 1.04, count: 12)).isSlower)
    #expect(PairedEstimate([Double](repeating: 1.06, count: 12)).isSlower)
    #expect(!PairedEstimate([1.0, 1.12, 0.99, 1.15, 1.0, 1.11, 1.01, 1.2, 1.02, 1.1]).isSlower)
  }

  @Test func `faster is slower the other way round`() {
    #expect(PairedEstimate([Double](repeating: 0.9, count: 12)).isFaster)
    #expect(!PairedEstimate([Double](repeating: 0.96, count: 12)).isFaster)
    #expect(!PairedEstimate([Double](repeating: 1.1, count: 12)).isFaster)
  }

  @Test func `the same ratios give the same interval`() {
    let some = ratios(1.02, spread: 0.1, count: 15, seed: 7)
    #expect(PairedEstimate(some) == PairedEstimate(some))
  }
}

/// Rounds made up: nanoseconds of each side, that scatter a little.
private func samples(
  base: Double? = 1, creep: Double? = nil, same: Double = 1, more: Double = 1.1, rounds: Int = 16,
  seed: UInt64 = 1
) -> PairedSamples {
  var random = BenchRandom(seed: seed)
  var made = PairedSamples()
  for _ in 0..<rounds {
    func near(_ x: Double) -> Double { x * (0.99 + Double(random.below(2_001)) / 100_000) }
    var round: [PairedSide: Double] = [
      .new: near(100), .same: near(100 * same), .more: near(100 * more),
    ]
    // How much slower this build is than the other.
    round[.base] = base.map { near(100 / $0) }
    round[.creep] = creep.map { near(100 / $0) }
    made.add(round)
  }
  return made
}

@Suite struct PairedJudgementTests {
  private let programs: [PairedSide: String] = [.base: "/b", .creep: "/c", .new: "/n"]
  private let rounds = PairedRounds(base: "/b", creep: "/c")

  private func judge(
    _ found: [String: PairedSamples], _ programs: [PairedSide: String]? = nil,
    again: [String: PairedSamples] = [:]
  ) -> PairedJudgement {
    var made = PairedJudgement(
      found, figures: ["risk"], programs: programs ?? [.base: "/b", .new: "/n"])
    made.look(again)
    return made
  }

  @Test func `a figure is judged only where a tenth is told from nothing`() {
    #expect(samples().isProven)
    #expect(!samples(more: 1.02).isProven, "a tenth is not seen")
    #expect(!samples(same: 1.1).isProven, "the same build seems slower")
    #expect(!samples(same: 0.9).isProven, "or faster")
    #expect(!PairedSamples().isProven)
    let judged = judge(["risk": samples(base: 1.2, more: 1.02), "risk p90": samples()])
    #expect(judged.unjudged.map(\.0.name) == ["risk"] && judged.slower.isEmpty)
    #expect(judged.passed.map(\.name) == ["risk p90"])
    #expect(judged.say(rounds) == 75)
  }

  @Test func `what is slower at both looks fails, and what is at one only passes`() {
    let slow = ["risk": samples(base: 1.1), "risk p90": samples()]
    let first = PairedJudgement(slow, figures: ["risk"], programs: programs)
    #expect(first.suspects == ["risk"] && first.isSuspect("risk") && !first.isSuspect("tick"))
    let failed = judge(slow, again: ["risk": samples(base: 1.1, seed: 2)])
    #expect(failed.slower.map(\.0.name) == ["risk"] && failed.say(rounds) == 1)
    let passed = judge(slow, again: ["risk": samples(seed: 2)])
    #expect(passed.slower.isEmpty && passed.say(rounds) == 0)
    // The second look has to be able to tell as well.
    let unsure = judge(slow, again: ["risk": samples(base: 1.1, more: 1)])
    #expect(unsure.slower.isEmpty && unsure.say(rounds) == 75)
  }

  @Test func `what may be a tenth slower or not is not passed`() {
    var wide = PairedSamples()
    for i in 0..<16 {
      let base = i % 2 == 0 ? 100.0 : 84
      wide.add([.base: base, .new: 100, .same: 100, .more: 110])
    }
    #expect(wide.isProven && wide.isOpen)
    let judged = judge(["risk": wide, "risk p90": samples()])
    #expect(judged.passed.map(\.name) == ["risk p90"] && judged.unjudged.count == 1)
    // Nor what the other build gave in some rounds only.
    var few = samples(base: nil)
    few.add([.base: 100, .new: 100, .same: 100, .more: 110])
    #expect(judge(["risk": few, "risk p90": samples()]).unjudged.count == 1)
  }

  @Test func `several small losses together are creep, though the base shows none`() {
    let found = [
      "risk": samples(base: 1.03, creep: 1.12), "risk p90": samples(base: 1.03, creep: 1.0),
    ]
    let judged = PairedJudgement(found, figures: ["risk"], programs: programs)
    #expect(judged.slower.map(\.0) == [.init(name: "risk", comparison: .creep)])
  }

  @Test func `a figure that the other build lacks is not judged, and the ones it has are`() {
    let found = ["risk": samples(base: nil, creep: 1), "risk p90": samples(base: nil, creep: 1)]
    let judged = PairedJudgement(found, figures: ["risk"], programs: programs)
    #expect(judged.unjudged.map(\.0.comparison) == [.base, .base])
    #expect(judged.passed.map(\.comparison) == [.creep, .creep])
  }

  @Test
  func `less than a cycle an operation is where its code lies, and a tenth is not passed by it`() {
    func verdict(_ base: Double, ns: Double) -> PairedJudgement {
      var found = PairedSamples()
      for _ in 0..<16 {
        found.add([.base: ns / base, .new: ns, .same: ns, .more: 1.1 * ns])
      }
      return PairedJudgement(
        ["risk": found, "risk p90": found], figures: ["risk"], programs: [.base: "/b"])
    }
    #expect(verdict(1.09, ns: 1.4).passed.count == 2)
    #expect(verdict(1.09, ns: 4).slower.count == 2)
    // A tenth or more stays open: nobody passes by being small.
    #expect(verdict(1.12, ns: 1.4).unjudged.count == 2)
    #expect(verdict(1.3, ns: 1.4).slower.count == 2)
  }

  @Test func `a figure that was not measured at all is not passed`() {
    #expect(judge([:]).unjudged.count == 2)
  }
}

@Suite(.serialized, .enabled(if: bench.isBuilt)) struct PairedModeTests {
  /// The format is the contract with builds of other days.
  @Test func `it says its figures, then the time of each that it is asked for`() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: bench.path)
    process.arguments = ["paired"]
    let input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let figures = ["decode", "risk", "pool", "append", "histogram"]
    input.fileHandleForWriting.write(Data((figures.joined(separator: "\n") + "\n").utf8))
    try input.fileHandleForWriting.close()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    let ready = try #require(lines.first)
    #expect(ready.first == "ready")
    #expect(PairedFigures.names(nil) == Array(ready.dropFirst()))
    #expect(lines.dropFirst().map { $0[0] } == figures)
    for line in lines.dropFirst() {
      #expect(line.count == 1 + PairedFigures.percentiles.count)
      let (p50, p90) = (try #require(Double(line[1])), try #require(Double(line[2])))
      #expect(p50 > 0 && p90 >= p50)
    }
  }

  @Test func `a base that is no such build is named`() throws {
    let end = try bench.run("compare", "--base", "/bin/true")
    #expect(end.code == 70)
    #expect(end.errors.contains("/bin/true has no mode 'paired'"))
    for path in ["/nonexistent", "/tmp", "/etc/passwd"] {
      let none = try bench.run("compare", "--base", path)
      #expect(none.code == 66 && none.errors.contains("\(path) is no program"), "\(none.errors)")
    }
  }

  @Test(arguments: [
    [], ["--base"], ["--base", "x", "--figure", "nonsense"], ["--base", "x", "--rounds", "9"],
    ["--nonsense", "x"],
  ])
  func `what is no option of compare is refused with the way out`(_ arguments: [String]) throws {
    let end = try bench.run(["compare"] + arguments)
    #expect(end.code == 64 && end.errors.contains("compare --help") && end.output.isEmpty)
  }

  /// With this build as the other ones; what the machine makes of it is not for a test to say.
  @Test func `one figure alone is compared, with its own self-test, and every case accounted for`()
    throws
  {
    let end = try bench.run(
      "compare", "--base", bench.path, "--creep", bench.path, "--figure", "histogram", "--rounds",
      "10")
    #expect([0, 1, 75].contains(end.code), "\(end.errors)")
    #expect(end.output.contains("\n  histogram ") && end.output.contains("\n  histogram p90 "))
    #expect(!end.output.contains("\n  decode "))
    let line = try #require(end.output.split(separator: "\n").last)
    let unjudged = end.errors.components(separatedBy: "NOT JUDGED: ").count - 1
    #expect(line == "paired: judged \(4 - unjudged) of 4")
    #expect((end.code == 75) == (unjudged > 0 && !end.errors.contains("gate: ")))
  }
}
