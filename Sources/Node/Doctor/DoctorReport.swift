/// All findings, the worst first, as text for people and as JSON for programs.
struct DoctorReport: Sendable {
  var processors: [Int]
  var findings: [Finding]

  /// Every check that has something to say, in the order of their levels.
  init(_ machine: InspectedMachine, measures: Bool = false) {
    processors = machine.hot
    let all =
      Check.all.compactMap { $0.finding(machine) } + (measures ? machine.measurements() : [])
    findings = Finding.Level.allCases.flatMap { level in all.filter { $0.level == level } }
  }

  func count(_ level: Finding.Level) -> Int { findings.count { $0.level == level } }
  /// 1 when there is a problem.
  var exitCode: ExitCode { count(.problem) > 0 ? .failed : .ok }

  var text: String {
    let widest = findings.map(\.name.count).max() ?? 0
    var lines = ["hot processors: \(ProcessorList.text(processors))", ""]
    for finding in findings {
      let head =
        HelpText.pad(finding.level.rawValue.uppercased(), 9) + HelpText.pad(finding.name, widest)
      lines.append("\(head)  \(finding.observed)  [\(finding.source)]")
      guard finding.level != .ok else { continue }
      lines.append("         why: \(finding.why)")
      if let cure = finding.cure {
        lines.append("         fix: \(cure.command)\(cure.needsReboot ? "; then reboot" : "")")
      }
    }
    let sums = Finding.Level.allCases.map { "\(count($0)) \($0.rawValue)" }
    lines += ["", sums.joined(separator: ", ")]
    return lines.joined(separator: "\n") + "\n"
  }

  var json: String {
    let rows = findings.map { finding in
      JSONValue.object([
        ("name", .text(finding.name)), ("level", .text(finding.level.rawValue)),
        ("observed", .text(finding.observed)), ("source", .text(finding.source)),
        ("why", .text(finding.why)), ("fix", finding.cure.map { .text($0.command) } ?? .null),
        ("reboot", .bool(finding.cure?.needsReboot ?? false)),
      ])
    }
    let counts = Finding.Level.allCases.map { ($0.rawValue, JSONValue.count(count($0))) }
    return JSONValue.object([
      ("processors", .array(processors.map { .count($0) })), ("counts", .object(counts)),
      ("findings", .array(rows)),
    ]).pretty() + "\n"
  }
}

extension Check {
  static let all = processors + power + memory + scheduling + network + storage
}
