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

  @Test func `the same ratios give the same interval`() {
    let some = ratios(1.02, spread: 0.1, count: 15, seed: 7)
    #expect(PairedEstimate(some) == PairedEstimate(some))
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
    let figures = ["decode", "risk"]
    input.fileHandleForWriting.write(Data((figures.joined(separator: "\n") + "\n").utf8))
    try input.fileHandleForWriting.close()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    let ready = try #require(lines.first)
    #expect(ready.first == "ready")
    #expect(PairedFigures.names(nil).starts(with: ready.dropFirst()))
    #expect(lines.dropFirst().map { $0[0] } == figures)
    for line in lines.dropFirst() {
      #expect(line.count == 1 + PairedFigures.shares.count)
      let (p50, p90) = (try #require(Double(line[1])), try #require(Double(line[2])))
      #expect(p50 > 0 && p90 >= p50)
    }
  }

  @Test func `a base that is no such build is named`() throws {
    let end = try bench.run("compare", "--base", "/bin/true")
    #expect(end.code == 70)
    #expect(end.errors.contains("/bin/true has no mode 'paired'"))
    #expect(try bench.run("compare", "--base", "/nonexistent").code == 66)
  }
}
