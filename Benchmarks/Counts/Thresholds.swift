import BenchSupport
import Foundation

/// The accepted counts of one Swift version, as `perf/thresholds/<version>/counts.json` has them.
struct Thresholds: Codable, Equatable {
  struct Count: Codable, Equatable {
    var instructions: Double
    /// Reads and writes of data, and last-level misses of callgrind's model cache, by operation.
    var dataReferences: Double
    var misses: Double
  }
  var swift: String
  var architecture: String
  /// Which code ran behind run-time dispatch: counts of another path say nothing.
  var dispatch: String
  var operations: [String: Count]

  /// Instructions may differ by this share before the gate fails, data references and misses by that.
  static let slack = 0.02
  static let dataSlack = 0.05
  /// Against the last release.
  static let creep = 0.05

  /// Reads a file; what is wrong with it names the file, the place and the remedy.
  static func read(_ path: String) throws -> Thresholds {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ThresholdsError(
        code: 66,
        message:
          "\(path): cannot be read; make it with needletail-bench count --write-thresholds \(path)")
    }
    return try parse(data, path)
  }

  static func parse(_ data: Data, _ path: String) throws -> Thresholds {
    let made: Thresholds
    do { made = try JSONDecoder().decode(Thresholds.self, from: data) } catch {
      throw ThresholdsError(code: 65, message: "\(path): \(describe(error))")
    }
    for (name, count) in made.operations.sorted(by: { $0.key < $1.key }) {
      let values = [count.instructions, count.dataReferences, count.misses]
      guard values.allSatisfy({ $0.isFinite && $0 >= 0 }), count.instructions > 0 else {
        throw ThresholdsError(
          code: 65,
          message: "\(path): operations.\(name): counts are finite and not negative, "
            + "instructions above 0")
      }
      guard CountedOperation.all.contains(where: { $0.name == name }) else {
        let known = CountedOperation.all.map(\.name).joined(separator: ", ")
        throw ThresholdsError(
          code: 65, message: "\(path): operations.\(name) is not an operation; there are \(known)")
      }
    }
    guard !made.operations.isEmpty else {
      throw ThresholdsError(code: 65, message: "\(path): operations: is empty")
    }
    return made
  }

  private static func describe(_ error: any Error) -> String {
    func path(_ context: DecodingError.Context) -> String {
      let path = context.codingPath.map(\.stringValue).joined(separator: ".")
      return path.isEmpty ? "the file" : path
    }
    switch error as? DecodingError {
    case .keyNotFound(let key, let context)?:
      return "\(path(context)): '\(key.stringValue)' is missing"
    case .typeMismatch(let type, let context)?: return "\(path(context)): is not a \(type)"
    case .valueNotFound(_, let context)?: return "\(path(context)): is null"
    case .dataCorrupted(let context)?:
      let reason = (context.underlyingError as NSError?)?.userInfo["NSDebugDescription"]
      return "\(path(context)): \(reason.map { "\($0)" } ?? context.debugDescription)"
    default: return "\(error)"
    }
  }

  /// What a run says against this file, a line for each failure, with the change that would accept it.
  func judge(_ measured: Thresholds, slack: Double = slack, dataSlack: Double? = dataSlack)
    -> [String]
  {
    guard measured.architecture == architecture, measured.dispatch == dispatch else {
      return [
        "gate: counts: this run is \(measured.architecture) with \(measured.dispatch), the thresholds "
          + "are \(architecture) with \(dispatch): not to be compared; make a file of its own"
      ]
    }
    var lines: [String] = []
    for operation in CountedOperation.all.map(\.name) {
      guard let bound = operations[operation] else { continue }
      guard let count = measured.operations[operation] else {
        lines.append("gate: counts: \(operation) was not counted")
        continue
      }
      var what: [String] = []
      if abs(count.instructions - bound.instructions) > bound.instructions * slack {
        what.append(
          "\(text(count.instructions)) instructions, accepted \(text(bound.instructions)) "
            + "+- \(number(slack * 100)) %")
      }
      if let dataSlack {
        // A few stray references are no trend: half of one is allowed in any case.
        if count.dataReferences - bound.dataReferences > max(0.5, bound.dataReferences * dataSlack)
        {
          what.append(
            "\(text(count.dataReferences)) data references, accepted \(text(bound.dataReferences))")
        }
        if count.misses - bound.misses > max(0.25, bound.misses * dataSlack) {
          what.append("\(text(count.misses)) last-level misses, accepted \(text(bound.misses))")
        }
      }
      guard !what.isEmpty else { continue }
      lines.append(
        "gate: counts: \(operation): \(what.joined(separator: "; ")); to accept: "
          + "\"\(operation)\": \(Self.json(count)); see needletail-bench count --operation \(operation)"
      )
    }
    return lines
  }

  private func text(_ x: Double) -> String { String(format: "%.1f", x) }

  static func json(_ count: Count) -> String {
    String(
      format: "{\"instructions\": %.2f, \"dataReferences\": %.2f, \"misses\": %.3f}",
      count.instructions, count.dataReferences, count.misses)
  }

  /// One operation a line, in the order in which they are counted, for diffs to be read.
  var json: String {
    var lines = [
      "{", "  \"swift\": \"\(swift)\",", "  \"architecture\": \"\(architecture)\",",
      "  \"dispatch\": \"\(dispatch)\",", "  \"operations\": {",
    ]
    let present = CountedOperation.all.map(\.name).filter { operations[$0] != nil }
    for name in present {
      guard let count = operations[name] else { continue }
      lines.append("    \"\(name)\": \(Self.json(count))\(name == present.last ? "" : ",")")
    }
    return (lines + ["  }", "}"]).joined(separator: "\n")
  }
}

struct ThresholdsError: Error {
  /// By sysexits: 65 wrong data, 66 no input.
  var code: Int32
  var message: String
}
