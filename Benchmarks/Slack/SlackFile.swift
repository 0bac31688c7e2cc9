import BenchSupport
import Foundation

/// What the goals' figures really reach and how far they scatter, as `perf/slack.json` has it: the gate
/// holds each to its goal or to what is reached, whichever is looser.
struct SlackFile: Codable, Equatable {
  /// What several runs of one figure showed.
  struct Line: Codable, Equatable {
    var unit: String
    var atLeast: Bool
    var runs: Int
    /// Of the runs' medians: the middle, the one that a tenth of them are worse than, and the worst.
    var median: Double
    var tenth: Double
    var worst: Double
    var slack: Double

    /// - Parameter values: the figure's median in each of the runs, as the gate sees it; positive.
    init(_ values: [Double], unit: String, atLeast: Bool) {
      self.unit = unit
      self.atLeast = atLeast
      runs = values.count
      let worstFirst = values.sorted { atLeast ? $0 < $1 : $0 > $1 }
      median = Self.kept(middle(values))
      tenth = Self.kept(values.isEmpty ? .nan : worstFirst[values.count / 10])
      worst = Self.kept(worstFirst.first ?? .nan)
      slack = 1
      slack = derived
    }

    /// How far the worst lay from the middle, as a factor; and at least twice as far as the run that a
    /// tenth were worse than, and ``least``.
    ///
    /// One run in twenty is worse than the worst of twenty were, and the gate measures three times before
    /// it fails: three in a row are one in 8,000. But bad minutes come together. What scatters in every
    /// run gets its distance twice; what one bad run did counts once, or a single stall would open the
    /// gate for good.
    ///
    /// A ratio to a floor of the same run needs no more. An absolute time does: twenty runs in a row do
    /// not see by how much one day differs from the next.
    var derived: Double {
      func distance(_ x: Double) -> Double { atLeast ? median / x : x / median }
      let shown = max(Self.least, distance(worst), distance(tenth) * distance(tenth))
      let slack = shown * (isRatio ? 1 : Self.dayToDay)
      return (slack * 1_000 - 1e-6).rounded(.up) / 1_000
    }

    var isRatio: Bool { unit == "x" }

    /// Where pages lie differs from process to process, by about three percent.
    static let least = 1.03
    /// A shared machine is slower by a quarter to a third on a bad day.
    static let dayToDay = 1.333

    /// As many digits as the file keeps.
    private static func kept(_ x: Double) -> Double { Double(String(format: "%.4g", x)) ?? x }
  }

  /// The processor that measured. Absolute times of another say little about this one.
  var machine: String
  /// By ``name(_:_:)``.
  var figures: [String: Line]

  /// Where the repository keeps it; read where it is, also without `--slack`.
  static let usual = "perf/slack.json"
  /// The fewest runs that say anything about a tail.
  static let runsMin = 10
  /// Absolute times of another machine may be worse by this factor more.
  static let otherMachine = 2.0

  static func name(_ suite: String, _ figure: String) -> String { "\(suite): \(figure)" }

  /// - Parameter path: nil: the usual one, if it is there.
  static func accepted(_ path: String?) throws -> SlackFile? {
    if path == nil, !FileManager.default.fileExists(atPath: usual) { return nil }
    let path = path ?? usual
    return try parse(AcceptedFile.bytes(path, remedy: accepting(path)), path)
  }

  /// What makes such a file.
  static func accepting(_ path: String, suite: String? = nil) -> String {
    "\(Bench.command) slack" + (suite.map { " --suite \($0)" } ?? "")
      + " --write \(Bench.quoted(path))"
  }

  static func parse(_ data: Data, _ path: String) throws -> SlackFile {
    let made = try AcceptedFile.decode(SlackFile.self, data, at: path)
    for (name, line) in made.figures.sorted(by: { $0.key < $1.key }) {
      func refuse(_ what: String) -> AcceptedFileError {
        AcceptedFileError(
          code: 65, message: "\(path): figures.\(name): \(what); make it anew: \(accepting(path))")
      }
      guard line.runs >= runsMin else {
        throw refuse("runs: is \(line.runs), at least \(runsMin) say how far a figure scatters")
      }
      let order = [line.worst, line.tenth, line.median]
      guard order.allSatisfy({ $0.isFinite && $0 > 0 }) else {
        throw refuse("median, tenth and worst are finite and above 0")
      }
      guard order == (line.atLeast ? order.sorted() : order.sorted(by: >)) else {
        throw refuse("tenth lies between median and worst, and worst on the bad side")
      }
      // A slack is what the runs showed, never a wish.
      guard abs(line.slack - line.derived) < 0.000_5 else {
        throw refuse(
          "slack: is \(number(line.slack)), median, tenth and worst make it \(number(line.derived))"
        )
      }
    }
    return made
  }

  /// The figure with what the gate holds it to; a target of a user stays as it stands.
  /// - Parameter processor: this machine's.
  func holding(_ figure: Figure, of suite: String, on processor: String) -> Figure {
    guard let limit = figure.limit, limit.isGoal,
      let line = figures[Self.name(suite, figure.name)], line.unit == figure.unit,
      line.atLeast == limit.atLeast
    else { return figure }
    var figure = figure
    let other = line.isRatio || processor == machine ? 1 : Self.otherMachine
    figure.limit?.held = .init(
      reached: line.median, slack: line.slack * other, runs: line.runs)
    return figure
  }

  /// One figure a line, for diffs to be read.
  var json: String {
    func quoted(_ text: String) -> String {
      let data = try? JSONSerialization.data(
        withJSONObject: text, options: [.fragmentsAllowed, .withoutEscapingSlashes])
      return data.flatMap { String(data: $0, encoding: .utf8) } ?? "\"\""
    }
    let lines = figures.sorted { $0.key < $1.key }.map { name, line in
      "    \(quoted(name)): {\"unit\": \(quoted(line.unit)), \"atLeast\": \(line.atLeast), "
        + "\"runs\": \(line.runs), \"median\": \(Self.text(line.median)), "
        + "\"tenth\": \(Self.text(line.tenth)), \"worst\": \(Self.text(line.worst)), \"slack\": \(String(format: "%.3f", line.slack))}"
    }
    return "{\n  \"machine\": \(quoted(machine)),\n  \"figures\": {\n"
      + lines.joined(separator: ",\n") + "\n  }\n}"
  }

  private static func text(_ x: Double) -> String { String(format: "%.4g", x) }
}
