import Foundation
import TestSupport
import Testing

@testable import Node

struct DoctorCommandTests {
  private func run(
    _ machine: FixtureMachine, _ arguments: String...
  ) throws -> (code: ExitCode, output: String) {
    var output = ""
    let code = try DoctorCommand.run(
      ParsedOptions(arguments, of: DoctorCommand.definition), files: machine.files,
      live: FixtureMachine.live
    ) { output += $0 }
    return (code, output)
  }

  @Test func `without a problem it exits 0, with one 1, and both are told in words`() throws {
    let machine = try FixtureMachine()
    let good = try run(machine, "--cores", "2-3")
    #expect(good.code == .ok)
    #expect(good.output.contains("0 problem, 1 warning, 0 unknown"))
    try machine.put("/sys/devices/system/cpu/isolated", "")
    let bad = try run(machine, "--cores", "2-3")
    #expect(bad.code == .failed)
    #expect(bad.output.contains("PROBLEM  isolation"))
    #expect(bad.output.contains("[/sys/devices/system/cpu/isolated]"))
    #expect(bad.output.contains("; then reboot"))
  }

  @Test func `JSON has every finding with its keys`() throws {
    struct Report: Decodable {
      struct Row: Decodable {
        var name, level, observed, source, why: String
        var fix: String?
        var reboot: Bool
      }
      var processors: [Int]
      var counts: [String: Int]
      var findings: [Row]
    }
    let machine = try FixtureMachine()
    let made = try run(machine, "--cores=2-3", "--format", "json")
    let report = try JSONDecoder().decode(Report.self, from: Data(made.output.utf8))
    #expect(report.processors == [2, 3])
    #expect(report.counts.values.reduce(0, +) == report.findings.count)
    #expect(report.findings.first?.fix != nil)
  }

  @Test func `the configuration says which processor, which priority and which addresses`() throws {
    let directory = try TemporaryDirectory()
    let file = directory.path + "/doctor.yaml"
    try """
    runtime:
      processor: 3
      priority: 10
    venues:
      - name: exchange
        attach: 10.1.0.5:26400
    """.write(toFile: file, atomically: true, encoding: .utf8)
    let machine = try FixtureMachine()
    let made = try run(machine, "--config", file)
    #expect(made.output.hasPrefix("hot processors: 3\n"))
    #expect(made.output.contains("real-time priority"))
    #expect(made.output.contains("network card"))
  }

  @Test(arguments: [
    ["--cores", "x"], ["--cores", ""], ["--format", "xml"], ["--data", ""], ["5"],
  ])
  func `bad usage is refused`(_ arguments: [String]) throws {
    let machine = try FixtureMachine()
    #expect {
      _ = try DoctorCommand.run(
        ParsedOptions(arguments, of: DoctorCommand.definition), files: machine.files,
        live: FixtureMachine.live
      ) { _ in }
    } throws: {
      ($0 as? CommandFailure)?.code == .usage
    }
  }

  @Test func `measuring leaves nothing behind, and tells both`() throws {
    let data = try TemporaryDirectory()
    let machine = try FixtureMachine()
    var wishes = FixtureMachine.wishes
    wishes.data = data.path
    wishes.cores = [0]
    let findings = machine.machine(wishes).measurements()
    #expect(findings.map(\.name) == ["hiccups on processor 0", "time to make durable"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: data.path) == [])
  }
}
