import Foundation

/// What answers a goal and no suite of this run measured, or why it could not be.
struct GoalEvidence: Equatable {
  /// nil: not measured.
  var value: Double?
  /// Whose figure it is; nil with a figure of this run.
  var source: String?
  /// Why it was not measured, or what it consists of.
  var note: String?

  static func missing(_ why: String) -> GoalEvidence { GoalEvidence(note: why) }

  /// The object in a file of JSON, or what is wrong with the file.
  private static func object(_ path: String) -> (found: [String: Any]?, trouble: String) {
    guard let data = FileManager.default.contents(atPath: path) else {
      return (nil, "\(path) is not there")
    }
    guard let found = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      return (nil, "\(path) is \(data.isEmpty ? "empty" : "no JSON object"): what wrote it failed")
    }
    return (found, "")
  }

  // MARK: The peers

  /// Where `make bench-peers` leaves its figures.
  static let peersPath = BenchContext.cache + "/peers/peers.json"

  /// Ratios of ours to the best peer, by goal: of another run, which its date and commit say. Which peers
  /// are not among them is said, and why there is no ratio.
  static func peers(at path: String = peersPath) -> [Goal: GoalEvidence] {
    let file = object(path)
    var all: [Goal: GoalEvidence] = [:]
    for goal in Goal.allCases {
      guard case .peers(let part) = goal.source else { continue }
      all[goal] =
        file.found.map { of($0, goal, part) } ?? missing("make bench-peers; \(file.trouble)")
    }
    return all
  }

  private static func of(_ file: [String: Any], _ goal: Goal, _ part: String) -> GoalEvidence {
    if let option = file["leftOut"] as? String { return missing("left out by \(option)") }
    if file["quick"] as? Bool == true {
      return missing("make bench-peers; the last was --quick, a hundredth of the work")
    }
    let rows = (file["rows"] as? [[String: Any]] ?? []).filter {
      $0["goal"] as? String == goal.rawValue && !($0["ratio"] is Double)
    }
    // What decides nothing is named: a peer that crashed is not one that was beaten.
    var absent = rows.map { row in
      "\(row["peer"] as? String ?? "?") (\(row["verdict"] as? String ?? "not measured"))"
    }
    for one in file["missing"] as? [[String: Any]] ?? [] {
      let names = one["peer"] as? String ?? "?"
      guard partOf(names) == part, goal != .ringBatched || names.contains("rte_ring") else {
        continue
      }
      absent.append("\(names) (\(one["why"] as? String ?? "missing"))")
    }
    guard let ratio = (file["goals"] as? [String: Any])?[goal.rawValue] as? Double else {
      let why = absent.isEmpty ? "" : "; without \(absent.joined(separator: ", "))"
      return missing("make bench-peers: no ratio in its file\(why)")
    }
    let commit = (file["commit"] as? String).map { ", commit \($0)" } ?? ""
    let origin = "of bench-peers, \(file["made"] as? String ?? "no date")\(commit)"
    return GoalEvidence(
      value: ratio, source: origin,
      note: absent.isEmpty ? nil : "without \(absent.joined(separator: ", "))")
  }

  private static func partOf(_ peers: String) -> String {
    if peers.contains("sockperf") { return "sockets" }
    return peers.contains("nautilus_trader") || peers.contains("hftbacktest") ? "books" : "rings"
  }

  // MARK: The audit

  /// The sum of what `hot-path-audit --format json` counted in process.
  static func audit(at path: String?) -> GoalEvidence {
    guard let path else { return missing("make goals runs hot-path-audit, which counts them") }
    let file = object(path)
    guard let found = file.found else { return missing(file.trouble) }
    let names = [
      "allocations", "frees", "objects", "retains", "releases", "locks", "system_calls",
    ]
    let counts = names.compactMap { found[$0] as? Double }
    guard counts.count == names.count, let events = found["events"] as? Double, events > 0 else {
      return missing("\(path) lacks a count: is it of hot-path-audit --format json?")
    }
    let seen = zip(names, counts).filter { $1 != 0 }.map { "\(Int($1)) \($0)" }
    return GoalEvidence(
      value: counts.reduce(0, +), source: "of hot-path-audit, \(number(events)) events",
      note: seen.isEmpty ? nil : seen.joined(separator: ", "))
  }
}
