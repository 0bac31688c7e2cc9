/// One thing wrong in a configuration file, with its place.
public struct ConfigurationProblem: Error, Equatable, Sendable, CustomStringConvertible {
  public var file: String
  /// Both from 1.
  public var line: Int
  public var column: Int
  /// Such as `strategies[2].limits.position`; empty for the document itself.
  public var path: String
  public var message: String

  public var description: String {
    "\(file):\(line):\(column): \(path.isEmpty ? "" : path + ": ")\(message)"
  }
}

/// All that was found wrong, while the rest is still read.
final class ProblemList {
  let file: String
  private(set) var problems: [ConfigurationProblem] = []

  init(file: String) { self.file = file }

  func add(_ message: String, at node: YAMLNode, path: String) {
    problems.append(
      ConfigurationProblem(
        file: file, line: node.line, column: node.column, path: path, message: message))
  }
}

/// Reads one mapping into typed settings. A key that is absent leaves the default in place; a value
/// that is not allowed is noted with what is allowed; ``finish()`` notes the keys nobody asked for.
struct SectionReader {
  let node: YAMLNode
  let path: String
  let problems: ProblemList
  private var values: [String: YAMLNode] = [:]
  private var keys: [YAMLNode] = []
  private var known: [String] = []
  private var moved: Set<String> = []

  init(_ node: YAMLNode, path: String, problems: ProblemList) {
    self.node = node
    self.path = path
    self.problems = problems
    switch node.content {
    case .mapping(let pairs):
      for (key, value) in pairs {
        guard case .scalar(let name, _) = key.content else {
          problems.add("a key must be a plain word", at: key, path: path)
          continue
        }
        if let first = values[name] {
          problems.add(
            "given twice (first on line \(first.line))", at: key, path: child(name))
          continue
        }
        values[name] = value
        keys.append(key)
      }
    case .scalar("", isPlain: true): break  // a section with all its keys commented out
    case .scalar, .sequence:
      problems.add("a group of settings is needed, not \(node.description)", at: node, path: path)
    }
  }

  func child(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  func has(_ key: String) -> Bool { values[key] != nil }

  /// Notes that the key's value, well-formed by itself, does not go with the rest.
  func refuse(_ key: String, _ message: String) {
    problems.add(message, at: values[key] ?? node, path: child(key))
  }

  /// The value, with its key noted as known; nil when it is absent.
  mutating func take(_ key: String) -> YAMLNode? {
    known.append(key)
    return values[key]
  }

  /// Notes keys that are there and that what is read does not have; `owner` is such as "a taker".
  mutating func refuse(_ keys: [String], notOf owner: String) {
    for key in keys where has(key) {
      if let node = take(key) {
        problems.add("\(owner) has no such settings", at: node, path: child(key))
      }
    }
  }

  /// The kind of what is read, which says what else there may be: where it is none, false, and nothing else is looked at.
  mutating func readKind<Kind: RawRepresentable & CaseIterable>(_ kind: inout Kind) -> Bool
  where Kind.RawValue == String {
    let before = problems.problems.count
    read("kind", into: &kind)
    guard problems.problems.count > before else { return true }
    known += values.keys
    return false
  }

  /// Notes a key that is there and has another place now, once, at the key; it is no longer one that is known.
  mutating func refuseMoved(_ key: String, _ message: (YAMLNode) -> String) {
    guard let value = values[key] else { return }
    moved.insert(key)
    let place = keys.first {
      if case .scalar(key, _) = $0.content { return true }
      return false
    }
    problems.add(message(value), at: place ?? value, path: child(key))
  }

  /// Notes every key that no read asked for.
  func finish() {
    for key in keys {
      guard case .scalar(let name, _) = key.content, !known.contains(name), !moved.contains(name)
      else { continue }
      let hint = Nearest.match(name, among: known).map { "; did you mean '\($0)'?" }
      let fallback = "; known here: \(known.joined(separator: ", "))"
      problems.add("unknown key\(hint ?? fallback)", at: key, path: child(name))
    }
  }

  private func scalar(_ key: String, _ node: YAMLNode, wanted: String) -> String? {
    if case .scalar(let text, _) = node.content, !node.isEmpty { return text }
    refuse(key, node, wanted)
    return nil
  }

  private func refuse(_ key: String, _ node: YAMLNode, _ wanted: String) {
    problems.add("\(node.description) is refused: \(wanted)", at: node, path: child(key))
  }

  mutating func read(_ key: String, into value: inout Bool) {
    guard let node = take(key) else { return }
    let wanted = "it takes true or false"
    switch scalar(key, node, wanted: wanted) {
    case "true": value = true
    case "false": value = false
    case nil: break
    default: refuse(key, node, wanted)
    }
  }

  mutating func read<Value: FixedWidthInteger & Sendable>(
    _ key: String, into value: inout Value, in range: ClosedRange<Value>
  ) {
    guard let node = take(key) else { return }
    let wanted = "it takes a whole number from \(range.lowerBound) to \(range.upperBound)"
    guard let text = scalar(key, node, wanted: wanted) else { return }
    guard let number = Value(text), range.contains(number) else {
      return refuse(key, node, wanted)
    }
    value = number
  }

  /// A decimal number, read exactly.
  mutating func read(
    _ key: String, into value: inout Decimal8, in range: ClosedRange<Decimal8>
  ) {
    guard let node = take(key) else { return }
    let wanted =
      "it takes a number from \(range.lowerBound) to \(range.upperBound), at most eight decimals"
    guard let text = scalar(key, node, wanted: wanted) else { return }
    guard let number = Decimal8(text), range.contains(number) else {
      return refuse(key, node, wanted)
    }
    value = number
  }

  mutating func read<Choice: RawRepresentable & CaseIterable>(
    _ key: String, into value: inout Choice
  ) where Choice.RawValue == String {
    guard let node = take(key) else { return }
    let names = Choice.allCases.map(\.rawValue)
    let wanted = "it takes one of \(names.joined(separator: ", "))"
    guard let text = scalar(key, node, wanted: wanted) else { return }
    guard let choice = Choice(rawValue: text) else {
      return refuse(key, node, wanted + Nearest.hint(text, among: names))
    }
    value = choice
  }

  /// Text, checked by `isAllowed`; `wanted` says what is allowed ("it takes …").
  mutating func read(
    _ key: String, into value: inout String, wanted: String, where isAllowed: (String) -> Bool
  ) {
    guard let node = take(key) else { return }
    guard case .scalar(let text, _) = node.content else { return refuse(key, node, wanted) }
    guard isAllowed(text) else { return refuse(key, node, wanted) }
    value = text
  }

  /// A value of a type of its own that reads itself from text.
  mutating func read<Value>(
    _ key: String, into value: inout Value, wanted: String, isSecret: Bool = false,
    parse: (String) -> Value?
  ) {
    guard let node = take(key) else { return }
    guard let text = scalar(key, node, wanted: wanted) else { return }
    guard let parsed = parse(text) else {
      // What it is need not be repeated, in a log above all.
      guard isSecret else { return refuse(key, node, wanted) }
      return problems.add("what stands there is refused: \(wanted)", at: node, path: child(key))
    }
    value = parsed
  }

  /// A group of settings of its own.
  mutating func section(_ key: String, _ body: (inout SectionReader) -> Void) {
    guard let node = take(key) else { return }
    var reader = SectionReader(node, path: child(key), problems: problems)
    body(&reader)
    reader.finish()
  }

  /// A list of groups: replaces the default as a whole.
  mutating func list<Element>(
    _ key: String, into value: inout [Element], count range: ClosedRange<Int>, empty: Element,
    _ body: (inout SectionReader, inout Element) -> Void
  ) {
    guard let nodes = sequence(key, count: range) else { return }
    value = nodes.enumerated().map { index, node in
      var element = empty
      var reader = SectionReader(node, path: "\(child(key))[\(index)]", problems: problems)
      body(&reader, &element)
      reader.finish()
      return element
    }
  }

  /// A list of words: replaces the default as a whole.
  mutating func words(
    _ key: String, into value: inout [String], count range: ClosedRange<Int>, wanted: String,
    where isAllowed: (String) -> Bool
  ) {
    guard let nodes = sequence(key, count: range) else { return }
    value = nodes.enumerated().compactMap { index, node in
      if case .scalar(let text, _) = node.content, isAllowed(text) { return text }
      problems.add(
        "\(node.description) is refused: \(wanted)", at: node, path: "\(child(key))[\(index)]")
      return nil
    }
  }

  private mutating func sequence(_ key: String, count range: ClosedRange<Int>) -> [YAMLNode]? {
    guard let node = take(key) else { return nil }
    let wanted = "it takes a list of \(range.lowerBound) to \(range.upperBound) entries"
    guard case .sequence(let nodes) = node.content else {
      refuse(key, node, wanted)
      return nil
    }
    guard range.contains(nodes.count) else {
      problems.add("\(nodes.count) entries are refused: \(wanted)", at: node, path: child(key))
      return nil
    }
    return nodes
  }
}
