import BenchSupport
import Foundation

/// The figures that README quotes, as its machine gave them: `perf/quoted.json`. They stand beside another
/// machine's for reading, and judge nothing.
struct QuotedFigures: Codable, Equatable {
  var machine: String
  /// When and with what they were made.
  var made: String
  /// By the goal that each answers.
  var figures: [String: Double]

  static let usual = "perf/quoted.json"

  init(machine: String, made: String, figures: [String: Double]) {
    self.machine = machine
    self.made = made
    self.figures = figures
  }

  /// This machine's, of one run.
  init(_ report: BenchReport) {
    let rows = (report.goals?.rows ?? []).compactMap { row in
      row.measured.map { (row.goal.rawValue, $0) }
    }
    self.init(
      machine: report.machine,
      made: "\(Date().ISO8601Format()), "
        + (report.quick ? "--quick: they mean little" : "make goals"),
      figures: Dictionary(uniqueKeysWithValues: rows))
  }

  subscript(_ goal: Goal) -> Double? { figures[goal.rawValue] }

  /// What the options name; the usual file where none is named and it is there.
  static func asked(_ options: BenchOptions) throws -> QuotedFigures? {
    guard options.goalsOnly, options.writeQuoted == nil else { return nil }
    if options.quoted == nil, !FileManager.default.fileExists(atPath: usual) { return nil }
    let path = options.quoted ?? usual
    let remedy = "\(Bench.command) --goals --write-quoted \(Bench.quoted(path))"
    return try AcceptedFile.decode(
      QuotedFigures.self, AcceptedFile.bytes(path, remedy: remedy), at: path,
      remedy: "make it anew: \(remedy)")
  }

  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = try encoder.encode(self)
    try WholeFile.write(String(decoding: data, as: UTF8.self) + "\n", to: path)
  }
}
