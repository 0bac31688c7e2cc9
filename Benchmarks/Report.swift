import Foundation

/// The figures of one suite, or why it could not measure.
struct SuiteResult: Codable {
  var suite: String
  var question: String
  var figures: [Figure]
  var error: String?
  /// What the machine took meanwhile.
  var noise: Noise?
  /// How often the suite was measured: more than once only where the gate had missed.
  var measurements = 1

  static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return encoder
  }
  static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }

  /// The file of slacks that its goals are held by.
  var slackFile = SlackFile.usual

  /// One line for each target that is missed, naming it.
  var misses: [String] {
    let again = "see \(Bench.command) --suite \(suite)"
    if let error { return ["gate: \(suite): not measured: \(error); \(again)"] }
    return figures.filter { $0.misses || $0.isUnheld }.map { figure in
      if figure.isUnheld {
        return "gate: \(suite): \(figure.name) is held by nothing: \(slackFile) has no line of it; "
          + "measure and accept it: \(SlackFile.accepting(slackFile, suite: suite))"
      }
      guard let limit = figure.limit else { return "" }
      let bound = (limit.atLeast ? "at least " : "at most ") + number(limit.gate ?? limit.value)
      let goal = limit.hold.isEmpty ? "" : " (goal \(number(limit.value)) not met; \(limit.hold))"
      return "gate: \(suite): \(figure.name) is \(number(figure.median)) \(figure.unit), "
        + "must be \(bound)\(goal); \(again)"
    }
  }

  /// This result with what a repetition did better: a figure that missed, and in the repetition does
  /// not, is taken from there. Errors counted are never taken back: those of both count.
  func merged(with other: SuiteResult) -> SuiteResult {
    if error != nil { return other }
    guard other.error == nil, other.figures.count == figures.count else { return self }
    var result = self
    for (i, figure) in figures.enumerated() where other.figures[i].name == figure.name {
      let again = other.figures[i]
      if figure.isFinal {
        result.figures[i].median += again.median
        result.figures[i].min += again.min
        result.figures[i].max += again.max
      } else if figure.misses, !again.misses {
        result.figures[i] = again
      }
    }
    return result
  }
}

/// A whole run, as text for people and as JSON for programs.
struct BenchReport: Codable {
  var machine: String
  /// What spoils the figures, as the machine was before the first was taken.
  var troubles: [String] = []
  var quick: Bool
  var suites: [SuiteResult]
  /// What is drawn: figures over a load or a size.
  var curves: [Curve] = []
  var goals: GoalTable
  /// The last thing that a run does is to write its report, whole.
  var isComplete = true

  /// 0; 70 when a suite could not measure. With the gate 1 when a figure misses its target or a suite could
  /// not measure at all; for the table of goals 1 when one that was measured is not met.
  func exitCode(gate: Bool, goals isAsked: Bool = false) -> Int32 {
    let isUnmet = isAsked && !goals.unmet.isEmpty
    let failed = suites.contains { $0.error != nil }
    guard gate else { return isUnmet ? 1 : failed ? 70 : 0 }
    let missed = misses()
    for line in missed {
      FileHandle.standardError.write(Data((line + "\n").utf8))
    }
    return missed.isEmpty && !isUnmet ? 0 : 1
  }

  func misses() -> [String] { suites.flatMap(\.misses) }

  func json() -> String {
    guard let data = try? SuiteResult.encoder.encode(self),
      let text = String(data: data, encoding: .utf8)
    else { return "{}" }
    return text
  }

  func text() -> String {
    var lines = [machine] + troubles
    if quick { lines.append("--quick: a hundredth of the work; the figures mean little") }
    for suite in suites {
      lines.append("")
      lines.append("\(suite.suite): \(suite.question)")
      if suite.measurements > 1 {
        lines.append("  measured \(suite.measurements) times: a target was missed at first")
      }
      if let error = suite.error { lines.append("  not measured: \(error)") }
      if let noise = suite.noise { lines.append("  \(noise.text)") }
      for f in suite.figures {
        var line =
          "  " + pad(f.name, 46) + left(number(f.median), 12) + " " + pad(f.unit, 9)
          + pad("[\(number(f.min)) - \(number(f.max))] of \(f.runs)", 32)
        if let limit = f.limit {
          line +=
            " \(limit.atLeast ? ">=" : "<=") \(number(limit.value)) \(f.verdict)"
        }
        if let note = f.note { line += "  " + note }
        while line.last == " " { line.removeLast() }
        lines.append(line)
      }
    }
    for curve in curves { lines += ["", curve.text] }
    lines += ["", goals.text]
    return lines.joined(separator: "\n")
  }
}

/// Four significant digits, thousands grouped.
func number(_ x: Double) -> String {
  guard x.isFinite else { return "-" }
  if abs(x) >= 1000 {
    let digits = String(Int64(x.rounded()))
    var out = ""
    for (i, c) in digits.enumerated() {
      if i > 0, (digits.count - i) % 3 == 0, out != "-" { out += "," }
      out.append(c)
    }
    return out
  }
  return String(format: abs(x) >= 100 ? "%.1f" : abs(x) >= 1 ? "%.2f" : "%.4f", x)
}

func pad(_ text: String, _ width: Int) -> String {
  text.count >= width ? text + " " : text + String(repeating: " ", count: width - text.count)
}

func left(_ text: String, _ width: Int) -> String {
  text.count >= width ? text : String(repeating: " ", count: width - text.count) + text
}
