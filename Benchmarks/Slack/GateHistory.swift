import BenchSupport
import CSupport
import Foundation

/// One measurement of the goals' figures, as the gate saw it first: a line of JSON in a file to which each
/// run of the gate adds one.
struct GateHistory: Codable, Equatable {
  struct Value: Codable, Equatable {
    var suite: String
    var name: String
    var unit: String
    var atLeast: Bool
    var goal: Double
    var median: Double
  }
  /// Which program, and on what: figures of two builds are no scatter.
  var build: String
  var machine: String
  var quick: Bool
  var figures: [Value]

  /// - Parameter suites: of one run; what could not be measured is not in it.
  init(build: String, machine: String, quick: Bool, suites: [SuiteResult]) {
    self.build = build
    self.machine = machine
    self.quick = quick
    figures = suites.flatMap { suite in
      suite.figures.compactMap { figure in
        guard let limit = figure.limit, limit.isGoal, figure.median.isFinite, figure.median > 0
        else { return nil }
        return Value(
          suite: suite.suite, name: figure.name, unit: figure.unit, atLeast: limit.atLeast,
          goal: limit.value, median: figure.median)
      }
    }
  }

  /// This program's bytes, so that a rebuild begins anew.
  static func ownBuild() -> String {
    let bytes = (try? Data(contentsOf: URL(fileURLWithPath: Machine.executable))) ?? Data()
    let sum = bytes.withUnsafeBytes { nt_crc32c(0, $0.baseAddress, $0.count) }
    return String(format: "%08x", sum)
  }

  func append(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let before = FileManager.default.contents(atPath: path).map {
      String(decoding: $0, as: UTF8.self)
    }
    // What was cut off is no line.
    let whole = (before ?? "").split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    let line = String(decoding: try encoder.encode(self), as: UTF8.self)
    try WholeFile.write((whole + [line[...], ""]).joined(separator: "\n"), to: path)
  }

  /// All whole lines; empty where there is no file.
  static func read(_ path: String) throws -> [GateHistory] {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    let lines = String(decoding: data, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    return try lines.enumerated().filter { !$0.element.isEmpty }.map { index, line in
      try AcceptedFile.decode(
        GateHistory.self, Data(line.utf8), at: "\(path):\(index + 1)", remedy: "delete the line")
    }
  }
}
