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
    /// The accepted base's, on this machine in the same minutes; nil: not measured.
    var base: Double?
    /// The one that README quotes, of its machine.
    var quoted: Double?
    /// `met`, `not met`, `not met on this machine` (the base misses it here too), `reported`, or `not
    /// measured` and why.
    var verdict: String
    /// Where the figure is from; nil: measured in this run.
    var source: String?
    /// What belongs to it: its manner, the noise, what it lacks.
    var note: String?
  }
  var rows: [Row]
  /// The machine of the quoted figures; nil: nothing is quoted.
  var quotedMachine: String?

  static let met = "met"
  static let unmet = "not met"
  static let unmetHere = "not met on this machine"

  /// - Parameters:
  ///   - others: what no suite measures, and what a suite could not, with the reason.
  ///   - witness: what the base reached beside this run.
  ///   - quoted: the figures of README's machine.
  init(
    _ suites: [SuiteResult], _ others: [Goal: GoalEvidence], witness: GoalWitness? = nil,
    quoted: QuotedFigures? = nil
  ) {
    self.init(suites, others, base: witness?.figures ?? [:], quoted: quoted)
  }

  init(
    _ suites: [SuiteResult], _ others: [Goal: GoalEvidence], base: [Goal: Double],
    quoted: QuotedFigures?
  ) {
    quotedMachine = quoted.map { "\($0.machine) (\($0.made))" }
    rows = Goal.allCases.map { goal in
      var row = Self.row(goal, Self.evidence(goal, suites, others))
      row.base = base[goal]
      row.quoted = quoted?[goal]
      if row.verdict == Self.unmet, let base = base[goal], goal.bound?.isMet(by: base) == false {
        row.verdict = Self.unmetHere
      }
      return row
    }
  }

  private static func evidence(
    _ goal: Goal, _ suites: [SuiteResult], _ others: [Goal: GoalEvidence]
  ) -> GoalEvidence {
    for suite in suites {
      guard let figure = suite.figures.first(where: { $0.goal == goal }), figure.median.isFinite
      else { continue }
      return GoalEvidence(value: figure.median, note: note(of: figure, in: suite))
    }
    return others[goal] ?? .missing(absence(of: goal, suites))
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
    row.verdict = goal.bound.map { $0.isMet(by: value) ? met : unmet } ?? "reported"
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
    var lines = [
      "goals: medians of this run where no other is named; ratios compare within it",
      "  " + pad("", 60) + left("here", 8) + left("base", 10) + left("README", 10) + "  goal",
    ]
    for row in rows {
      let bound =
        row.bound.map { "\($0.atLeast ? ">=" : "<=") \(Self.short($0.value)) \(row.unit)" }
        ?? row.unit
      // Every cell says something: an empty one would look like nothing to complain of.
      let verdict =
        row.verdict.hasPrefix(Self.unmet) ? "NOT" + row.verdict.dropFirst(3) : row.verdict
      let about = [row.source, row.note].compactMap { $0 }
      lines.append(
        "  " + pad(row.title, 60) + Self.cell(row.measured, 8) + Self.cell(row.base, 10)
          + Self.cell(row.quoted, 10) + "  " + pad(bound, 18) + verdict
          + (about.isEmpty ? "" : "  (\(about.joined(separator: "; ")))"))
    }
    if let quotedMachine { lines.append("README's figures are of: \(quotedMachine)") }
    return (lines + [summary]).joined(separator: "\n")
  }

  private static func cell(_ x: Double?, _ width: Int) -> String {
    left(x.map(short) ?? "-", width)
  }
  private static func short(_ x: Double) -> String { x == 0 ? "0" : number(x) }

  /// How many of each; what is not met is named.
  var summary: String {
    let count = { (verdict: String) in rows.filter { $0.verdict == verdict }.count }
    func named(_ verdict: String) -> String {
      let titles = rows.filter { $0.verdict == verdict }.map(\.title)
      return titles.isEmpty ? "" : " (\(titles.joined(separator: "; ")))"
    }
    return "goals: \(count(Self.met)) met, \(count(Self.unmet)) NOT met\(named(Self.unmet)), "
      + "\(count(Self.unmetHere)) not met on this machine, nor by the base here"
      + "\(named(Self.unmetHere)), \(count("reported")) reported, "
      + "\(rows.filter { $0.measured == nil }.count) not measured"
  }
}
