/// The configuration as it came to be, every default filled in, for who reads a journal.
extension Configuration {
  /// `name = value` for each setting, by its name in the file. Each ``Secret`` is one; paths are left out where they are not
  /// wanted.
  func lines(withPaths: Bool) -> [String] {
    var lines: [String] = []
    Self.collect(self, "", withPaths, into: &lines)
    return lines
  }

  private static let paths: Set<String> = ["source", "instruments_file", "file"]

  /// `durationSeconds` is `duration_seconds`.
  private static func key(_ label: String) -> String {
    var key = ""
    for character in label {
      key += character.isUppercase ? "_" + character.lowercased() : String(character)
    }
    return key
  }

  private static func collect(
    _ value: Any, _ path: String, _ withPaths: Bool, into lines: inout [String]
  ) {
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .struct where !(value is any CustomStringConvertible), .class, .tuple:
      for child in mirror.children {
        let name = key(child.label ?? "")
        if !withPaths && paths.contains(name) { continue }
        collect(child.value, path.isEmpty ? name : "\(path).\(name)", withPaths, into: &lines)
      }
    case .collection, .set:
      for (i, child) in mirror.children.enumerated() {
        collect(child.value, "\(path)[\(i)]", withPaths, into: &lines)
      }
    case .optional:
      if let child = mirror.children.first {
        collect(child.value, path, withPaths, into: &lines)
      } else {
        lines.append("\(path) = none")
      }
    default:
      let word = (value as? any RawRepresentable)?.rawValue ?? value
      lines.append("\(path) = \(word)")
    }
  }
}

/// A venue as the file has it: what those of its kind have, the settings of its sessions beside the rest.
extension Configuration.Venue: CustomReflectable {
  public var customMirror: Mirror {
    var children: [Mirror.Child] = [
      ("name", name), ("kind", kind), ("feed", feed), ("attach", attach), ("address", address),
      ("cancelOnDisconnect", cancelOnDisconnect), ("username", session.username),
      ("password", session.password),
    ]
    if kind == .exchange {
      children.append(("heartbeatMilliseconds", session.heartbeatMilliseconds))
    }
    children += [
      ("timeoutMilliseconds", session.timeoutMilliseconds),
      ("reconnectMilliseconds", session.reconnectMilliseconds),
    ]
    switch kind {
    case .exchange: children.append(("fees", fees))
    case .paper: children += [("fees", paperFees), ("fill", fill)]
    }
    return Mirror(self, children: children, displayStyle: .struct)
  }
}
