/// The commented example of a configuration, line by line, so that what a file sets can stand in the place of the
/// defaults.
struct ConfigurationText {
  private let lines: [Substring]

  init(_ example: String) {
    lines = example.split(separator: "\n", omittingEmptySubsequences: false)
  }

  /// Groups of settings keep their comments. A list that is set stands as it was given: what its entries leave out
  /// is at its default.
  func merged(with root: YAMLNode) -> String {
    var out: [String] = []
    /// The groups that the line lies in, each with what is set of it.
    var groups: [(indent: Int, node: YAMLNode?)] = [(-1, root)]
    /// Inside the example's own list, which the file has another for.
    var replacedBelow: Int?
    for line in lines {
      let text = line.drop { $0 == " " }
      let indent = line.count - text.count
      if let limit = replacedBelow {
        // Comments before the next group belong to that.
        if text.isEmpty || indent > limit { continue }
        replacedBelow = nil
        out.append("")
      }
      guard let key = Self.key(of: text) else {
        out.append(String(line))
        continue
      }
      while let last = groups.last, last.indent >= indent { groups.removeLast() }
      let set = groups.last?.node.flatMap { Self.value(key, of: $0) }
      let isGroup = text.dropFirst(key.count + 1).allSatisfy { $0 == " " }
      switch set?.content {
      case nil:
        out.append(String(line))
        groups.append((indent, nil))
      case .mapping where isGroup:
        out.append(String(line))
        groups.append((indent, set))
      case .scalar("", isPlain: true):
        // A group with nothing in it: its defaults.
        out.append(String(line))
        groups.append((indent, nil))
      default:
        let space = String(repeating: " ", count: indent)
        out += Self.lines(of: set, behind: space + key + ":", indent: indent + 2)
        if isGroup { replacedBelow = indent }
        groups.append((indent, nil))
      }
    }
    return out.joined(separator: "\n")
  }

  /// Of a line `key: …`; nil for a comment, an entry of a list, or nothing.
  private static func key(of text: Substring) -> String? {
    guard let colon = text.firstIndex(of: ":") else { return nil }
    let key = text[..<colon]
    let isWord = key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    return isWord && !key.isEmpty ? String(key) : nil
  }

  private static func value(_ key: String, of node: YAMLNode) -> YAMLNode? {
    guard case .mapping(let pairs) = node.content else { return nil }
    return pairs.first {
      if case .scalar(key, _) = $0.key.content { return true }
      return false
    }?.value
  }

  /// A value as YAML behind its head (`key:` or `-`).
  static func lines(of node: YAMLNode?, behind head: String, indent: Int) -> [String] {
    let space = String(repeating: " ", count: indent)
    switch node?.content {
    case nil: return [head]
    case .scalar(let text, let isPlain):
      return [head + " " + (isPlain ? text : JSONValue.quote(text))]
    case .sequence(let items):
      guard !items.isEmpty else { return [head + " []"] }
      return [head] + items.flatMap { lines(of: $0, behind: space + "-", indent: indent + 2) }
    case .mapping(let pairs):
      guard !pairs.isEmpty else { return [head + " {}"] }
      return [head]
        + pairs.flatMap { key, value in
          lines(of: value, behind: space + Self.text(of: key) + ":", indent: indent + 2)
        }
    }
  }

  static func text(of key: YAMLNode) -> String {
    if case .scalar(let text, _) = key.content { return text }
    return ""
  }
}
