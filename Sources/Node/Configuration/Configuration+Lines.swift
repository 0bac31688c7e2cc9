/// The configuration as it came to be, every default filled in, for who reads a journal.
extension Configuration {
  /// `name = value` for each setting. Secrets are left out, and paths where they are not wanted.
  func lines(withPaths: Bool) -> [String] {
    var lines: [String] = []
    Self.collect(self, "", withPaths, into: &lines)
    return lines
  }

  private static let secrets: Set<String> = ["password"]
  private static let paths: Set<String> = ["source", "instrumentsFile", "file"]

  private static func collect(
    _ value: Any, _ path: String, _ withPaths: Bool, into lines: inout [String]
  ) {
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .struct where !(value is Decimal8), .class, .tuple:
      for child in mirror.children {
        let name = child.label ?? ""
        if secrets.contains(name) || !withPaths && paths.contains(name) { continue }
        collect(child.value, path.isEmpty ? name : "\(path).\(name)", withPaths, into: &lines)
      }
    case .collection, .set:
      for (i, child) in mirror.children.enumerated() {
        collect(child.value, "\(path).\(i)", withPaths, into: &lines)
      }
    case .optional:
      if let child = mirror.children.first {
        collect(child.value, path, withPaths, into: &lines)
      } else {
        lines.append("\(path) = none")
      }
    default: lines.append("\(path) = \(value)")
    }
  }
}
