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
  /// The market that the strategy's counts are of (``StrategyMarket/identity``); nil: the built-in one,
  /// or none are of a strategy.
  var market: String?
  /// What the strategy did in it; nil: none are of a strategy.
  var requests: StrategyRequests?
  var operations: [String: Count]

  /// Instructions may differ by this share before the gate fails, data references and misses be above
  /// by that one. A few stray ones are no trend: these many are allowed an operation in any case.
  static let tolerance = 0.02
  /// Of what the user's strategy adds, which has the path of its orders in it too: that hides less.
  static let aloneTolerance = 0.01
  static let instructionsTolerance = 0.05
  static let dataTolerance = 0.05
  static let referencesTolerance = 0.5
  static let missesTolerance = 0.25
  /// Against a build of long ago.
  static let creep = 0.05

  /// Reads a file; what is wrong with it names the file, the place and the remedy.
  static func read(_ path: String) throws -> Thresholds {
    try parse(AcceptedFile.bytes(path, remedy: accepting(path)), path)
  }

  /// What makes such a file.
  static func accepting(_ path: String) -> String {
    "\(Bench.command) count --write-thresholds \(Bench.quoted(path))"
  }

  /// Which operations there are is for ``requireKnown(_:_:)``.
  static func parse(_ data: Data, _ path: String) throws -> Thresholds {
    let made = try AcceptedFile.decode(Thresholds.self, data, at: path)
    for (name, count) in made.operations.sorted(by: { $0.key < $1.key }) {
      let values = [count.instructions, count.dataReferences, count.misses]
      // What a strategy adds may be nothing.
      let isAlone = name == CountedOperation.strategyAloneName
      guard values.allSatisfy({ $0.isFinite && $0 >= 0 }), isAlone || count.instructions > 0 else {
        throw AcceptedFileError(
          code: 65,
          message: "\(path): operations.\(name): counts are finite and not negative, "
            + "instructions above 0")
      }
    }
    if let requests = made.requests, requests.sent < 0 || requests.refused < 0 {
      throw AcceptedFileError(code: 65, message: "\(path): requests: counts are not negative")
    }
    guard !made.operations.isEmpty else {
      throw AcceptedFileError(code: 65, message: "\(path): operations: is empty")
    }
    return made
  }

  /// A gate of something that is not there would hold nothing.
  func requireKnown(_ known: [String], _ path: String) throws {
    guard let name = operations.keys.sorted().first(where: { !known.contains($0) }) else { return }
    throw AcceptedFileError(
      code: 65,
      message: "\(path): operations.\(name) is not an operation of this program; there are "
        + "\(known.joined(separator: ", ")); delete the line, or write the file anew: "
        + Self.accepting(path))
  }

  /// Another compiler makes other instructions.
  /// - Parameter remedy: what to do about it; nil: another file.
  func requireSwift(_ running: String, _ path: String, remedy: String? = nil) throws {
    guard swift != running else { return }
    let file = "give the file of \(running), or make one: " + Self.accepting("FILE")
    throw AcceptedFileError(
      code: 65,
      message: "\(path): swift: its counts are of \(swift), this is Swift \(running): not to be "
        + "compared; \(remedy ?? file)")
  }

  /// Another market asks other things of a strategy.
  /// - Parameters:
  ///   - running: the identity of the market that is played; nil: no strategy is judged.
  ///   - name: that market's, for people.
  func requireMarket(_ running: String?, _ name: String, _ path: String, remedy: String? = nil)
    throws
  {
    let accepted = market ?? StrategyMarket.builtIn
    let isOfStrategy = market != nil || operations[CountedOperation.strategyName] != nil
    guard let running, isOfStrategy, accepted != running else { return }
    let file =
      "give the market that it was made with (--feed, --config), or make a file of this one: "
      + Self.accepting("FILE")
    throw AcceptedFileError(
      code: 65,
      message: "\(path): market: its counts are of '\(accepted)', this run plays '\(running)', "
        + "\(name): not to be compared; \(remedy ?? file)")
  }

  /// What a run says against this file, a line for each failure, with the change that would accept it.
  /// The file is named `path` in them.
  func judge(_ measured: Thresholds, _ path: String) -> [String] {
    if let line = incomparable(measured, path) {
      let own = "counts-\(measured.architecture).json"
      let folder = (path as NSString).deletingLastPathComponent as NSString
      return [
        "gate: counts: \(line); make a file of its own: "
          + Self.accepting(folder.appendingPathComponent(own))
      ]
    }
    var lines = behaviour(measured, path)
    for name in Self.ordered(Set(operations.keys).union(measured.operations.keys)) {
      guard let bound = operations[name] else {
        let count = measured.operations[name].map(Self.json) ?? ""
        lines.append(
          "gate: counts: \(name) is not in \(path): nothing holds it; add to its operations: "
            + "\"\(name)\": \(count)")
        continue
      }
      guard let count = measured.operations[name] else {
        lines.append(
          "gate: counts: \(name) was not counted; see \(Bench.command) count --operation \(name)")
        continue
      }
      let what = differences(name, count, bound)
      guard !what.isEmpty else { continue }
      lines.append(
        "gate: counts: \(name): \(what.joined(separator: "; ")); to accept: "
          + "\"\(name)\": \(Self.json(count)); see \(Bench.command) count --operation \(name)")
    }
    return lines
  }

  /// A strategy that has stopped trading, or whose orders are refused, would pass as one that costs less.
  private func behaviour(_ measured: Thresholds, _ path: String) -> [String] {
    guard let now = measured.requests else { return [] }
    let accept = "\"requests\": \(Self.json(now))"
    guard let accepted = requests else {
      let isHeld = operations[CountedOperation.strategyName] != nil
      return isHeld
        ? [
          "gate: counts: requests is not in \(path): nothing holds what the strategy sends; "
            + "add: \(accept)"
        ] : []
    }
    guard !now.isLike(accepted) else { return [] }
    return [
      "gate: counts: the strategy sent \(now.sent) requests and \(now.refused) were refused, "
        + "accepted \(accepted.sent) and \(accepted.refused) +- "
        + "\(number(StrategyRequests.tolerance * 100)) %: what it costs is of another behaviour; to "
        + "accept: \(accept), and its counts; see \(Bench.command) --suite \(StrategySuite.name)"
    ]
  }

  /// What this file accepts of the risk chain beside what a run counted.
  func evidence(_ measured: Thresholds, _ path: String) -> GoalEvidence {
    let name = "risk.accept"
    if let line = incomparable(measured, path) { return .missing(line) }
    guard let then = operations[name], let now = measured.operations[name] else {
      return .missing("\(path) or the run has no \(name)")
    }
    return GoalEvidence(
      value: now.instructions / then.instructions, source: "of count",
      note: "\(text(now.instructions)) instructions, \(text(then.instructions)) accepted")
  }

  private func differences(_ name: String, _ count: Count, _ bound: Count) -> [String] {
    var what: [String] = []
    let isAlone = name == CountedOperation.strategyAloneName
    let tolerance = isAlone ? Self.aloneTolerance : Self.tolerance
    // Counts are kept to a hundredth: of a strategy that adds next to nothing that is some percent.
    let instructions = max(Self.instructionsTolerance, bound.instructions * tolerance)
    if abs(count.instructions - bound.instructions) > instructions {
      what.append(
        "\(text(count.instructions)) instructions, accepted \(text(bound.instructions)) "
          + "+- \(number(tolerance * 100)) %")
    }
    let references = max(Self.referencesTolerance, bound.dataReferences * Self.dataTolerance)
    if count.dataReferences - bound.dataReferences > references {
      what.append(
        "\(text(count.dataReferences)) data references, accepted \(text(bound.dataReferences)) "
          + "+ \(text(references))")
    }
    let misses = max(Self.missesTolerance, bound.misses * Self.dataTolerance)
    if count.misses - bound.misses > misses {
      what.append(
        String(
          format: "%.3f last-level misses, accepted %.3f + %.3f", count.misses, bound.misses, misses
        ))
    }
    return what
  }

  /// What a run says against this file of a build long ago: growth only. There is nothing to accept, for that
  /// build stands. What only one of the two has is a note, for operations come, go and are renamed.
  func creep(_ measured: Thresholds, _ path: String) -> (
    failures: [String], notes: [(name: String, why: String)]
  ) {
    if let line = incomparable(measured, path) {
      return (["gate: creep: \(line); \(Self.withoutCreep)"], [])
    }
    var failures: [String] = []
    var notes: [(name: String, why: String)] = []
    for name in Self.ordered(Set(operations.keys).union(measured.operations.keys)) {
      guard let then = operations[name] else {
        notes.append((name, "it is not in \(path), of a build long ago"))
        continue
      }
      guard let now = measured.operations[name] else {
        notes.append((name, "\(path) has it, and it is no operation any more (renamed?)"))
        continue
      }
      guard now.instructions > then.instructions * (1 + Self.creep) else { continue }
      failures.append(
        "gate: creep: \(name): \(text(now.instructions)) instructions, "
          + "\(text(then.instructions)) in a build long ago, at most + \(number(Self.creep * 100)) %; "
          + "see \(Bench.command) count --operation \(name) --creep \(Bench.quoted(path))")
    }
    return (failures, notes)
  }

  static let withoutCreep = "leave --creep out until that build has such a file"

  /// Nil where the two ran the same code.
  private func incomparable(_ measured: Thresholds, _ path: String) -> String? {
    guard measured.architecture != architecture || measured.dispatch != dispatch else { return nil }
    return
      "this run is \(measured.architecture) with \(measured.dispatch), \(path) is \(architecture) "
      + "with \(dispatch): not to be compared"
  }

  /// As they are counted, then by name.
  static func ordered(_ names: some Collection<String>) -> [String] {
    let order = CountedOperation.all.map(\.name) + CountedOperation.strategyNames
    return names.sorted { a, b in
      (order.firstIndex(of: a) ?? order.count, a) < (order.firstIndex(of: b) ?? order.count, b)
    }
  }

  private func text(_ x: Double) -> String { String(format: "%.1f", x) }

  private static func json(_ requests: StrategyRequests) -> String {
    "{\"sent\": \(requests.sent), \"refused\": \(requests.refused)}"
  }

  static func json(_ count: Count) -> String {
    String(
      format: "{\"instructions\": %.2f, \"dataReferences\": %.2f, \"misses\": %.3f}",
      count.instructions, count.dataReferences, count.misses)
  }

  /// One operation a line, in the order in which they are counted, for diffs to be read.
  var json: String {
    var lines = [
      "{", "  \"swift\": \"\(swift)\",", "  \"architecture\": \"\(architecture)\",",
      "  \"dispatch\": \"\(dispatch)\",",
    ]
    if let market { lines.append("  \"market\": \"\(market)\",") }
    if let requests { lines.append("  \"requests\": \(Self.json(requests)),") }
    lines.append("  \"operations\": {")
    let present = Self.ordered(operations.keys)
    for name in present {
      guard let count = operations[name] else { continue }
      lines.append("    \"\(name)\": \(Self.json(count))\(name == present.last ? "" : ",")")
    }
    return (lines + ["  }", "}"]).joined(separator: "\n")
  }
}
