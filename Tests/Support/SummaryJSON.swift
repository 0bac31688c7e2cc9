import Foundation

/// A run's summary, or another JSON object, looked into by path.
package struct SummaryJSON {
  package let root: [String: Any]

  package init(_ text: String) throws {
    let parsed = try JSONSerialization.jsonObject(with: Data(text.utf8))
    guard let object = parsed as? [String: Any] else { throw TestTrouble("not a JSON object") }
    root = object
  }

  package subscript(_ section: String, _ field: String) -> Int {
    ((root[section] as? [String: Any])?[field] as? NSNumber)?.intValue ?? -1
  }
  /// A number of what was done at a venue, by the keys that lead to it; true is 1.
  package func venue(_ name: String, _ keys: String...) -> Int {
    let venues = root["venues"] as? [[String: Any]] ?? []
    var value: Any? = venues.first { $0["name"] as? String == name }
    for key in keys { value = (value as? [String: Any])?[key] }
    return (value as? NSNumber)?.intValue ?? -1
  }
  package func text(_ section: String, _ field: String) -> String {
    (root[section] as? [String: Any])?[field] as? String ?? ""
  }
  /// Executions that stand: those that the exchange broke are counted in `broken` alone.
  package var standingFills: Int { self["fills", "count"] }
  /// The invariants that do not hold.
  package var broken: [String] {
    let results = (root["invariants"] as? [String: Any])?["results"] as? [[String: Any]] ?? []
    return results.filter { $0["holds"] as? Bool != true }.map { "\($0)" }
  }
  package var invariants: Int {
    ((root["invariants"] as? [String: Any])?["results"] as? [Any])?.count ?? 0
  }
}

/// What a test's preparation could not do.
package struct TestTrouble: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
