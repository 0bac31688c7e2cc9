import Foundation

/// The figures of one suite, or why it could not measure.
struct SuiteResult: Codable {
  var suite: String
  var question: String
  var figures: [Figure]
  var error: String?
  /// The machine cannot measure it: the gate does not judge it then.
  var isUnable: Bool?
  /// What the machine took meanwhile.
  var noise: Noise?

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

  /// One line for each target that is missed, naming it.
  var misses: [String] {
    let again = "see \(Bench.command) --suite \(suite)"
    if isUnable == true { return [] }
    if let error { return ["gate: \(suite): not measured: \(error); \(again)"] }
    return figures.filter(\.misses).map { figure in
      guard let limit = figure.limit else { return "" }
      let bound = (limit.atLeast ? "at least " : "at most ") + number(limit.value)
      return "gate: \(suite): \(figure.name) is \(number(figure.median)) \(figure.unit), "
        + "must be \(bound); \(again)"
    }
  }
}

/// A whole run, as text for people and as JSON for programs.
struct BenchReport: Codable {
  var machine: String
  /// What its processors do, in one line: ``MachineKernels``.
  var kernels: String?
  /// What spoils the figures, as the machine was before the first was taken.
  var troubles: [String] = []
  var quick: Bool
  var suites: [SuiteResult]
  /// What is drawn: figures over a load or a size.
  var curves: [Curve] = []
  /// The product's own; nil in a user's executable.
  var goals: GoalTable?
  /// The last thing that a run does is to write its report, whole.
  var isComplete = true

  /// 0; 70 when a suite could not measure; with the gate 1 when a figure misses its target or a suite could
  /// not measure at all, and 75 when this machine cannot measure one. A goal that is not met fails nothing.
  func exitCode(gate: Bool) -> Int32 {
    guard gate else { return suites.contains { $0.error != nil } ? 70 : 0 }
    let missed = misses()
    for line in missed {
      FileHandle.standardError.write(Data((line + "\n").utf8))
    }
    let unable = suites.filter { $0.isUnable == true }
    for suite in unable { Bench.notJudged("targets: \(suite.suite)", suite.error ?? "") }
    return missed.isEmpty ? unable.isEmpty ? 0 : Bench.notJudgedCode : 1
  }

  func misses() -> [String] { suites.flatMap(\.misses) }

  func json() -> String {
    guard let data = try? SuiteResult.encoder.encode(self),
      let text = String(data: data, encoding: .utf8)
    else { return "{}" }
    return text
  }

  /// The table of goals alone, and what the machine is.
  func goalsText() -> String {
    ([kernels ?? machine] + warning + [goals?.text ?? ""]).joined(separator: "\n")
  }
  private var warning: [String] {
    quick ? ["--quick: a hundredth of the work; the figures mean little"] : []
  }

  func text() -> String {
    var lines = [kernels ?? machine] + troubles + warning
    for suite in suites {
      lines.append("")
      lines.append("\(suite.suite): \(suite.question)")
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
    if let goals { lines += ["", goals.text] }
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
