import BenchSupport
import Foundation

/// What the accepted base reaches on this machine in the same minutes: each suite of it runs right after ours.
///
/// A goal is set for one machine. Another is slower in some things by half and quicker in others, and no figure
/// of the machine itself says in which: only a build that was accepted, measured beside ours, does.
struct GoalWitness {
  let program: String
  private let options: [String]
  private(set) var figures: [Goal: Double] = [:]

  init(program: String, _ options: BenchOptions) {
    self.program = program
    self.options =
      ["--runs", "\(options.runs)"] + (options.quick ? ["--quick"] : [])
      + (options.scale.map { ["--scale", "\($0)"] } ?? [])
  }

  /// Runs the base's suite, where one of its figures answers a goal.
  ///
  /// - Parameter processors: those it may run on, whatever this thread has been pinned to.
  mutating func measure(_ suite: String, processors: [Int32]) {
    guard Goal.allCases.contains(where: { $0.source == .suite(suite) }) else { return }
    do {
      let folder = try ScratchFolder("needletail-witness")
      defer { folder.remove() }
      let path = folder.path + "/base.json"
      let words = ["--suite", suite, "--format", "json", "--output", path] + options
      let code = try OwnChild.run(program, words, processors: processors)
      guard let data = FileManager.default.contents(atPath: path) else {
        throw BenchError("it ended with \(code) and left no figures")
      }
      figures.merge(try Self.read(data, of: suite)) { $1 }
    } catch {
      let why = Bench.text(of: error)
      Bench.say("goals: the base's suite \(suite): \(why)")
    }
  }

  /// The rows of a report that the suite answers. A base of another day may have other goals and other fields:
  /// what is not understood is left out.
  static func read(_ data: Data, of suite: String) throws -> [Goal: Double] {
    let report = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
    guard let table = report?["goals"] as? [String: Any],
      let rows = table["rows"] as? [[String: Any]]
    else { throw BenchError("its report has no table of goals") }
    var found: [Goal: Double] = [:]
    for row in rows {
      guard let goal = (row["goal"] as? String).flatMap(Goal.init(rawValue:)),
        goal.source == .suite(suite), let measured = row["measured"] as? Double
      else { continue }
      found[goal] = measured
    }
    return found
  }
}
