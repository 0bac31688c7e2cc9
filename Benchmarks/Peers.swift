import Foundation

/// What `make bench-peers` left: ratios of ours to the best peer, by goal.
enum Peers {
  static let path = BenchContext.cache + "/peers/peers.json"

  /// Empty where there is none or it says nothing of a goal.
  static func measured(at path: String = path) -> [Goal: Double] {
    guard let data = FileManager.default.contents(atPath: path),
      let report = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
      let goals = report["goals"] as? [String: Double]
    else { return [:] }
    var found: [Goal: Double] = [:]
    for (name, ratio) in goals {
      if let goal = Goal(rawValue: name) { found[goal] = ratio }
    }
    return found
  }
}
