import Foundation
import Testing

@testable import NeedletailBench

private let bench = Program("needletail-bench")

@Suite struct MachineKernelsTests {
  @Test func `the kernels give sane times, and the same ends every time`() throws {
    let first = try MachineKernels.measure()
    // Beside other tests: no more than that a nanosecond is not taken for a second, or for nothing.
    for time in [first.arithmetic, first.branch, first.load] { #expect(0.05 < time && time < 1e5) }
    #expect(first.othersPercent >= 0 && first.stolenPercent >= 0)
    #expect(0 <= first.clockStep && first.clockStep < 1_000_000_000)
    #expect(try MachineKernels.measure().check == first.check)
    #expect(first.check == MachineKernels.ends)
  }

  @Test func `the line has all of its parts`() throws {
    var kernels = MachineKernels()
    kernels.arithmetic = 1.018
    kernels.branch = 13.449
    kernels.load = 92.04
    kernels.othersPercent = 0.31
    kernels.stolenPercent = 0.08
    kernels.clockStep = 10
    #expect(
      kernels.line("AMD EPYC, 2 processors, kernel 6.18")
        == "machine: AMD EPYC, 2 processors, kernel 6.18; arithmetic 1.02 ns, branch 13.4 ns, "
        + "load 92.0 ns; others 0.3 %, stolen 0.1 %; clock step 10 ns")
  }

  @Test(.enabled(if: bench.isBuilt))
  func `the command prints that line alone, and takes nothing else`() throws {
    let end = try bench.run("machine")
    #expect(end.code == 0 && end.errors.isEmpty)
    let number = #"[0-9.]+"#
    let parts =
      "^machine: .+, [0-9]+ processors, kernel .+; arithmetic \(number) ns, branch \(number) ns, "
      + "load \(number) ns; others \(number) %, stolen \(number) %; clock step [0-9]+ ns\n$"
    #expect(end.output.range(of: parts, options: .regularExpression) != nil, "\(end.output)")
    #expect(try bench.run("machine", "--help").output.hasPrefix("usage: "))
    let wrong = try bench.run("machine", "x")
    #expect(wrong.code == 64 && wrong.errors.contains("takes no arguments"))
  }

  @Test(.enabled(if: bench.isBuilt))
  func `a report begins with the line, as text and as JSON`() throws {
    let lines = try bench.run("--suite", "record", "--quick", "--runs", "1").output
      .split(separator: "\n")
    #expect(lines.first?.hasPrefix("machine: \(Machine.describe()); arithmetic ") == true)
    let json = try bench.run(
      "--suite", "record", "--quick", "--runs", "1", "--format", "json")
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    #expect((report["kernels"] as? String)?.hasPrefix("machine: ") == true)
  }
}
