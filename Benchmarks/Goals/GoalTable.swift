/// The table of goals of one run. Every goal has its row, measured or not.
struct GoalTable: Codable {
  struct Row: Codable {
    var goal: Goal
    var title: String
    /// nil: reported only.
    var bound: Figure.Limit?
    var unit: String
    /// nil: not measured in this run.
    var measured: Double?
    /// `met`, `not met`, `reported`, or `not measured` and why.
    var verdict: String
    /// Where the figure is from; nil: measured in this run.
    var source: String?
    /// What belongs to it: its manner, the noise, what it lacks.
    var note: String?
  }
  var rows: [Row]

  /// - Parameters:
  ///   - others: what no suite measures, and what a suite could not, with the reason.
  init(_ suites: [SuiteResult], _ others: [Goal: GoalEvidence]) {
    rows = Goal.allCases.map { goal in
      for suite in suites {
        guard let figure = suite.figures.first(where: { $0.goal == goal }), figure.median.isFinite
        else { continue }
        return Self.row(
          goal, GoalEvidence(value: figure.median, note: Self.note(of: figure, in: suite)))
      }
      return Self.row(goal, others[goal] ?? .missing(Self.absence(of: goal, suites)))
    }
  }

  private static func row(_ goal: Goal, _ found: GoalEvidence) -> Row {
    var row = Row(
      goal: goal, title: goal.title, bound: goal.bound, unit: goal.unit, measured: nil, verdict: "")
    guard let value = found.value, value.isFinite else {
      row.verdict = "not measured: \(found.note ?? "nobody says why")"
      return row
    }
    row.measured = value
    row.source = found.source
    row.note = found.note
    row.verdict = goal.bound.map { $0.isMet(by: value) ? "met" : "not met" } ?? "reported"
    return row
  }

  /// A tail means nothing without what the machine took meanwhile.
  private static func note(of figure: Figure, in suite: SuiteResult) -> String? {
    guard figure.goal?.bound == nil else { return nil }
    switch figure.goal {
    case .ringMany, .ringBroadcast: return figure.name
    default: return suite.noise?.text
    }
  }

  private static func absence(of goal: Goal, _ suites: [SuiteResult]) -> String {
    switch goal.source {
    case .nothing(let why): return why
    case .peers: return "make bench-peers"
    case .audit: return "hot-path-audit counts them: make goals"
    case .counts: return "--thresholds names the accepted counts: make goals"
    case .suite(let name):
      guard let suite = suites.first(where: { $0.suite == name }) else {
        return "suite \(name) was not run"
      }
      return "suite \(name): \(suite.error ?? "gave no such figure")"
    }
  }

  var text: String {
    var lines = ["goals: medians of this run where no other is named; ratios compare within it"]
    for row in rows {
      let bound =
        row.bound.map { "\($0.atLeast ? ">=" : "<=") \(Self.short($0.value)) \(row.unit)" }
        ?? row.unit
      // Every cell says something: an empty one would look like nothing to complain of.
      let verdict = row.verdict == "not met" ? "NOT met" : row.verdict
      let about = [row.source, row.note].compactMap { $0 }
      lines.append(
        "  " + pad(row.title, 60) + left(row.measured.map(Self.short) ?? "-", 8) + "  "
          + pad(bound, 18) + verdict
          + (about.isEmpty ? "" : "  (\(about.joined(separator: "; ")))"))
    }
    return (lines + [summary]).joined(separator: "\n")
  }

  private static func short(_ x: Double) -> String { x == 0 ? "0" : number(x) }

  /// How many of each.
  var summary: String {
    let unmet = unmet.map(\.title)
    let count = { (verdict: String) in rows.filter { $0.verdict == verdict }.count }
    return "goals: \(count("met")) met, \(unmet.count) NOT met"
      + (unmet.isEmpty ? "" : " (\(unmet.joined(separator: "; ")))")
      + ", \(count("reported")) reported, \(rows.filter { $0.measured == nil }.count) not measured"
  }

  var unmet: [Row] { rows.filter { $0.verdict == "not met" } }
}
