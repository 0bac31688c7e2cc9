import BenchSupport
import Foundation
import Testing

@testable import NeedletailBench

private let bench = Program("needletail-bench")

@Suite struct GoalTableTests {
  private func table(_ figures: [Figure], _ others: [Goal: GoalEvidence] = [:]) -> [Goal:
    GoalTable.Row]
  {
    let suites = [SuiteResult(suite: "s", question: "q", figures: figures)]
    let rows = GoalTable(suites, others).rows
    #expect(rows.map(\.goal) == Goal.allCases, "every goal has its row, measured or not")
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.goal, $0) })
  }

  @Test func `a median at its bound is met, beyond it is not, in both directions`() {
    for goal in Goal.allCases {
      guard let bound = goal.bound else {
        let row = table([Figure("f", goal.unit, [7], goal: goal)])[goal]
        #expect(row?.verdict == "reported" && row?.measured == 7)
        continue
      }
      let worse = bound.value + (bound.atLeast ? -1 : 1) * 0.001 * max(bound.value, 1)
      let at = table([Figure("f", goal.unit, [bound.value], goal: goal)])[goal]
      #expect(at?.verdict == "met" && at?.measured == bound.value)
      #expect(table([Figure("f", goal.unit, [worse], goal: goal)])[goal]?.verdict == "not met")
    }
  }

  @Test func `every row says what was measured or why not, none is blank`() {
    let empty = table([])
    for goal in Goal.allCases {
      #expect(empty[goal]?.measured == nil)
      #expect(empty[goal]?.verdict.hasPrefix("not measured: ") == true)
      #expect((empty[goal]?.verdict.count ?? 0) > "not measured: ".count + 5)
    }
    let text = GoalTable([], [:]).text
    for line in text.split(separator: "\n").dropFirst(2).dropLast() {
      #expect(line.contains(" -  ") && line.contains("not measured: "), "\(line)")
    }
    #expect(text.hasSuffix("\(Goal.allCases.count) not measured"))
  }

  @Test func `a suite that failed, was not run or lacks the figure is named with the reason`() {
    #expect(table([])[.riskChain]?.verdict == "not measured: suite risk was not run")
    let failed = SuiteResult(suite: "ring", question: "q", figures: [], error: "one processor")
    let lacking = SuiteResult(suite: "wire", question: "q", figures: [])
    let rows = GoalTable([failed, lacking], [.wireRing: .missing("no io_uring here")]).rows
    func verdict(_ goal: Goal) -> String? { rows.first { $0.goal == goal }?.verdict }
    #expect(verdict(.ringMany) == "not measured: suite ring: one processor")
    #expect(verdict(.wireRatio) == "not measured: suite wire: gave no such figure")
    #expect(verdict(.wireRing) == "not measured: no io_uring here")
    // A suite without a run is not a suite that met its goal.
    let row = table([Figure("f", "ns", [], goal: .riskChain)])[.riskChain]
    #expect(row?.measured == nil && row?.verdict.hasPrefix("not measured") == true)
  }

  private let suite = SuiteResult(
    suite: "risk", question: "q",
    figures: [
      Figure("a", "ns", [51], goal: .riskChain), Figure("b", "M/s", [15], goal: .riskRate),
      Figure("c", "ns", [90], goal: .riskTail),
    ])

  @Test func `what is not met is named in the last line, and fails nothing`() {
    let goals = GoalTable([suite], [:])
    #expect(
      goals.summary.hasPrefix(
        "goals: 1 met, 1 NOT met (\(Goal.riskChain.title)), 0 not met on this machine"))
    #expect(goals.text.contains("<= 50.00 ns       NOT met"))
    let report = BenchReport(machine: "m", quick: false, suites: [suite], goals: goals)
    #expect(report.exitCode(gate: false) == 0 && report.exitCode(gate: true) == 0)
  }

  @Test func `what the accepted base misses here too is not met on this machine`() {
    func row(_ base: Double?) -> GoalTable.Row? {
      let table = GoalTable(
        [suite], [:], base: base.map { [.riskChain: $0] } ?? [:], quoted: nil)
      return table.rows.first { $0.goal == .riskChain }
    }
    #expect(row(52)?.verdict == "not met on this machine" && row(52)?.base == 52)
    // The base meets it, in the same minutes: this build does not.
    #expect(row(49)?.verdict == "not met")
    #expect(row(nil)?.verdict == "not met" && row(nil)?.base == nil)
    // A base that is slower takes nothing from a goal that is met.
    let met = GoalTable([suite], [:], base: [.riskRate: 3], quoted: nil)
    #expect(met.rows.first { $0.goal == .riskRate }?.verdict == "met")
  }

  @Test func `README's figures stand beside, with their machine, and judge nothing`() {
    let quoted = QuotedFigures(
      machine: "another", made: "then", figures: ["riskChain": 46, "nonsense": 1])
    let table = GoalTable([suite], [:], base: [.riskChain: 50.5], quoted: quoted)
    let row = table.rows.first { $0.goal == .riskChain }
    #expect(row?.quoted == 46 && row?.verdict == "not met on this machine")
    let line = table.text.split(separator: "\n").first { $0.contains(Goal.riskChain.title) }
    #expect(line?.contains("51.00     50.50     46.00  <= 50.00 ns") == true, "\(line ?? "")")
    #expect(table.text.contains("README's figures are of: another"))
  }

  @Test func `the base's report is read for the goals of its suite, whatever else is in it`() throws
  {
    let json = #"""
      {"goals": {"rows": [{"goal": "riskChain", "measured": 7.5, "new": 1},
        {"goal": "booksTime", "measured": 3}, {"goal": "riskTail"}, {"goal": "gone", "measured": 1},
        {"goal": "riskRate", "measured": "nan"}]}}
      """#
    #expect(try GoalWitness.read(Data(json.utf8), of: "risk") == [.riskChain: 7.5])
    #expect(throws: BenchError.self) { try GoalWitness.read(Data("{}".utf8), of: "risk") }
  }

  @Test func `a tail is shown with what the machine took meanwhile`() {
    let noise = Noise(
      othersPercent: 1, stolenPercent: 2, preemptions: 3, lateWakes: 4, latestWakeMicroseconds: 5,
      seconds: 6)
    let suite = SuiteResult(
      suite: "wire", question: "q", figures: [Figure("f", "us", [26], goal: .wireFarTail)],
      noise: noise)
    let row = GoalTable([suite], [:]).rows.first { $0.goal == .wireFarTail }
    #expect(row?.note == noise.text && row?.verdict == "reported")
  }
}

@Suite struct GoalEvidenceTests {
  private func peers(_ json: String) throws -> [Goal: GoalEvidence] {
    let folder = Folder()
    try WholeFile.write(json, to: folder.path("peers.json"))
    return GoalEvidence.peers(at: folder.path("peers.json"))
  }

  @Test func `a figure of the peers' run says so, with its date and commit`() throws {
    let found = try peers(
      #"{"made": "2026-01-02T03:04:05Z", "commit": "abc1234", "goals": {"ringWide": 4.5, "x": 1}}"#)
    #expect(found[.ringWide]?.value == 4.5)
    #expect(found[.ringWide]?.source == "of bench-peers, 2026-01-02T03:04:05Z, commit abc1234")
    #expect(found[.ringWide]?.note == nil && found[.riskChain] == nil)
    #expect(
      try peers(#"{"goals": {"ringWide": 4.5}}"#)[.ringWide]?.source == "of bench-peers, no date")
    let mine = SuiteResult(
      suite: "s", question: "q", figures: [Figure("f", "x", [3], goal: .ringNarrow)])
    let rows = GoalTable([mine], [.ringNarrow: GoalEvidence(value: 9, source: "other")]).rows
    let row = rows.first { $0.goal == .ringNarrow }
    #expect(row?.measured == 3 && row?.source == nil)
  }

  @Test func `a peer that is missing or failed is named in the rows that lack it`() throws {
    let found = try peers(
      """
      {"goals": {"ringWide": 4.5}, "missing": [{"peer": "ck", "why": "no header", "install": "apt"},
        {"peer": "hftbacktest", "why": "not in venv", "install": "pip"},
        {"peer": "sockperf", "why": "not on the PATH", "install": "apt"}],
       "rows": [{"goal": "ringWide", "peer": "boost", "ratio": null, "verdict": "DRIVER FAILED: x"},
        {"goal": "ringWide", "peer": "rte_ring", "ratio": 4.5, "verdict": "met"}]}
      """)
    #expect(found[.ringWide]?.value == 4.5)
    #expect(found[.ringWide]?.note == "without boost (DRIVER FAILED: x), ck (no header)")
    #expect(found[.ringNarrow]?.value == nil)
    #expect(found[.ringNarrow]?.note?.hasSuffix("without ck (no header)") == true)
    // rte_ring alone counts there.
    #expect(found[.ringBatched]?.note?.contains("ck") == false)
    #expect(found[.booksPython]?.note?.contains("hftbacktest (not in venv)") == true)
  }

  @Test func `a quick run of the peers, a damaged file and none answer no goal and say why`() throws
  {
    let quick = try peers(#"{"quick": true, "goals": {"ringWide": 4.5}}"#)[.ringWide]
    #expect(quick?.value == nil && quick?.note?.contains("--quick") == true)
    for damaged in ["", "{", "[]", #"{"goals": 3}"#] {
      let found = try peers(damaged)
      #expect(found.count == 4 && found.values.allSatisfy { $0.value == nil && $0.note != nil })
    }
    let leftOut = try peers(#"{"leftOut": "--no-peers"}"#)[.booksPython]
    #expect(leftOut?.note == "left out by --no-peers")
    let none = GoalEvidence.peers(at: Folder().path("peers.json"))[.ringWide]
    #expect(none?.note?.contains("is not there") == true)
  }

  @Test func `the audit's counts are summed, named where they are not 0, and never guessed`() throws
  {
    let clean =
      #"{"events": 1000000, "allocations": 0, "frees": 0, "objects": 0, "retains": 0, "#
      + #""releases": 0, "locks": 0, "system_calls": 0, "sockets": null}"#
    let folder = Folder()
    func found(_ json: String) throws -> GoalEvidence {
      try WholeFile.write(json, to: folder.path("audit.json"))
      return GoalEvidence.audit(at: folder.path("audit.json"))
    }
    #expect(try found(clean).value == 0)
    #expect(try found(clean).source == "of hot-path-audit, 1,000,000 events")
    let dirty = clean.replacing(#""retains": 0"#, with: #""retains": 3"#)
      .replacing(#""locks": 0"#, with: #""locks": 2"#)
    #expect(
      try found(dirty)
        == GoalEvidence(
          value: 5, source: "of hot-path-audit, 1,000,000 events", note: "3 retains, 2 locks"))
    for damaged in [
      "", "{", clean.replacing(#""locks": 0, "#, with: ""), clean.replacing("1000000", with: "0"),
    ] {
      let none = try found(damaged)
      #expect(none.value == nil && none.note?.contains("audit.json") == true)
    }
    #expect(GoalEvidence.audit(at: nil).note?.contains("make goals") == true)
  }

  @Test func `the risk chain's instructions are held beside the accepted ones`() {
    func counts(_ instructions: Double, _ dispatch: String = "d") -> Thresholds {
      Thresholds(
        swift: "6", architecture: "a", dispatch: dispatch,
        operations: ["risk.accept": .init(instructions: instructions, dataReferences: 1, misses: 0)]
      )
    }
    let accepted = counts(400)
    #expect(accepted.evidence(counts(404), "f").value == 1.01)
    #expect(accepted.evidence(counts(404), "f").note == "404.0 instructions, 400.0 accepted")
    #expect(accepted.evidence(counts(404, "other"), "f").value == nil)
    var none = counts(1)
    none.operations = [:]
    #expect(accepted.evidence(none, "f").value == nil)
  }
}

@Suite(.enabled(if: bench.isBuilt)) struct GoalCommandTests {
  /// This build as its own base: both are measured, and each has its column.
  @Test func `a base is measured beside, suite by suite, and figures are kept to be quoted`() throws
  {
    let folder = Folder()
    let words = ["--goals", "--quick", "--runs", "1", "--suite", "record"]
    let made = try bench.run(words + ["--write-quoted", folder.path("quoted.json")])
    #expect(made.code == 0, "\(made.errors)")
    let end = try bench.run(
      words + ["--base", bench.path, "--quoted", folder.path("quoted.json"), "--format", "json"])
    #expect(end.code == 0, "\(end.errors)")
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(end.output.utf8)) as? [String: Any])
    let rows = (report["goals"] as? [String: Any])?["rows"] as? [[String: Any]]
    let row = try #require(rows?.first { $0["goal"] as? String == "histogram" })
    for name in ["measured", "base", "quoted"] {
      #expect(try #require(row[name] as? Double) > 0, "\(name)")
    }
  }

  @Test func `a base that cannot measure is said, and the table is there all the same`() throws {
    let end = try bench.run(
      "--goals", "--quick", "--runs", "1", "--suite", "record", "--base", "/bin/false")
    #expect(end.code == 0 && end.errors.contains("goals: the base's suite record: it ended with 1"))
    #expect(end.output.contains("\ngoals: "))
  }

  @Test(arguments: [
    ["--base", "x"], ["--quoted", "x"], ["--write-quoted", "x"],
    ["--goals", "--quoted", "x", "--write-quoted", "y"], ["--goals", "--gate"],
  ])
  func `what would be ignored is refused`(_ arguments: [String]) throws {
    #expect(try bench.run(arguments).code == 64)
  }

  @Test func `a file of quoted figures that is missing or wrong is refused before measuring`()
    throws
  {
    let folder = Folder()
    try WholeFile.write("{}", to: folder.path("wrong.json"))
    for (name, code) in [("none.json", Int32(66)), ("wrong.json", 65)] {
      let end = try bench.run("--goals", "--quoted", folder.path(name))
      #expect(end.code == code && end.errors.contains("--write-quoted \(folder.path(name))"))
      #expect(end.output.isEmpty)
    }
  }

  @Test func `the command's table has every row, with the files that it was given`() throws {
    let folder = Folder()
    try WholeFile.write(
      #"{"goals": {"ringWide": 1.5}, "made": "then"}"#, to: folder.path("peers.json"))
    let arguments = [
      "--goals", "--quick", "--runs", "1", "--suite", "record", "--peers",
      folder.path("peers.json"), "--audit", folder.path("none.json"),
    ]
    let end = try bench.run(arguments)
    #expect(end.code == 0, "a row that is not met fails nothing: \(end.errors)")
    for goal in Goal.allCases { #expect(end.output.contains("  \(goal.title) ")) }
    #expect(end.output.contains("NOT met  (of bench-peers, then)"))
    #expect(end.output.contains("not measured: \(folder.path("none.json")) is not there"))
    #expect(end.output.contains("\ngoals: "))
  }
}

/// The script with programs played: what it hands to the table, and what it makes of their ends.
@Suite struct GoalScriptTests {
  private func goals(audit: String, bench: String) throws -> Program.End {
    let played = try Played(bench: bench, audit: audit)
    return try Program(path: Played.scripts.appendingPathComponent("goals").path)
      .run("--no-peers", "--no-base", played.folder.path(""), "--runs", "3")
  }
  private let shown = """
    echo "$@"; while [ $# -gt 0 ]; do case $1 in --audit | --peers) cat "$2" ;; esac; shift; done
    """

  @Test func `the table gets what the audit printed, and the words that are for it`() throws {
    let end = try goals(audit: #"echo "{\"asked\": \"$*\"}""#, bench: shown)
    #expect(end.code == 0, "\(end.errors)")
    #expect(end.output.hasPrefix("--goals --audit ") && end.output.contains(" --runs 3\n"))
    #expect(end.output.contains(#"{"asked": "--format json"}"#))
    #expect(end.output.contains(#"{"leftOut": "--no-peers"}"#))
  }

  @Test func `a count above 0 is for its row, and an audit that fails ends with 70`() throws {
    #expect(try goals(audit: "exit 1", bench: shown).code == 0)
    #expect(try goals(audit: "exit 70", bench: shown).code == 70)
    #expect(try goals(audit: "exit 0", bench: "exit 73").code == 73)
  }

  @Test func `the base is handed on, and may be left out`() throws {
    let played = try Played(bench: shown)
    let script = Program(path: Played.scripts.appendingPathComponent("goals").path)
    let base = played.folder.path("base")
    let with = try script.run("--no-peers", "--base", base, played.folder.path(""))
    #expect(with.code == 0 && with.output.contains(" --base \(base)"), "\(with.errors)")
    let without = try script.run("--no-peers", "--no-base", played.folder.path(""))
    #expect(without.code == 0 && !without.output.contains("--base"))
  }

  @Test(arguments: [[], ["--nonsense"], ["--no-peers"], ["--base"]])
  func `wrong usage is refused`(_ arguments: [String]) throws {
    let path = Played.scripts.appendingPathComponent("goals").path
    let end = try Program(path: path).run(arguments)
    #expect(end.code == 64 && end.errors.contains("usage: goals"))
  }
}
