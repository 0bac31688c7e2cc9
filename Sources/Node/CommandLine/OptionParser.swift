/// What a command line said, checked against the command's table.
///
/// Asking for an option that the table does not have is a defect of the caller and traps.
public struct ParsedOptions: Sendable {
  public let operands: [String]
  public let wantsHelp: Bool
  public let wantsVersion: Bool
  let command: String
  let declared: Set<String>
  let values: [String: [String]]

  /// Reads `arguments` (without the program's and the command's name).
  ///
  /// `--name value` and `--name=value` mean the same; `--` ends the options; a lone `-` is an operand.
  /// Unknown options are refused with the nearest that there is. With `--help` or `--version` among
  /// the arguments nothing else is checked.
  public init(_ arguments: [String], of command: CommandDefinition) throws(CommandFailure) {
    var operands: [String] = []
    var values: [String: [String]] = [:]
    let head = arguments.prefix { $0 != "--" }
    wantsHelp = head.contains { $0 == "--help" || $0 == "-h" }
    wantsVersion = head.contains("--version")
    self.command = command.name
    declared = Set(command.options.map(\.name))
    var index = 0
    var onlyOperands = false
    while index < arguments.count, !wantsHelp, !wantsVersion {
      let argument = arguments[index]
      index += 1
      if onlyOperands || argument == "-" || !argument.hasPrefix("-") {
        operands.append(argument)
        continue
      }
      if argument == "--" {
        onlyOperands = true
        continue
      }
      let (option, attached) = try Self.find(argument, in: command)
      if option.placeholder == nil {
        guard attached == nil else {
          throw command.usage("'--\(option.name)' takes no value")
        }
        values[option.name, default: []].append("")
      } else if let attached {
        values[option.name, default: []].append(attached)
      } else {
        guard index < arguments.count else {
          throw command.usage("'--\(option.name)' needs a value: \(option.placeholder ?? "")")
        }
        values[option.name, default: []].append(arguments[index])
        index += 1
      }
      if !option.repeats, values[option.name, default: []].count > 1 {
        throw command.usage("'--\(option.name)' is given twice")
      }
    }
    self.operands = operands
    self.values = values
    if !wantsHelp, !wantsVersion { try checkOperands(of: command) }
  }

  private static func find(
    _ argument: String, in command: CommandDefinition
  ) throws(CommandFailure) -> (OptionDefinition, String?) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let written = String(parts[0])
    let attached = parts.count > 1 ? String(parts[1]) : nil
    if let option = command.options.first(where: { "--\($0.name)" == written }) {
      return (option, attached)
    }
    let known = command.options.map { "--\($0.name)" } + ["--help", "--version"]
    throw command.usage("unknown option '\(written)'\(Nearest.hint(written, among: known))")
  }

  private func checkOperands(of command: CommandDefinition) throws(CommandFailure) {
    let required = command.operands.prefix { $0.isRequired }
    if operands.count < required.count {
      throw command.usage("\(command.operands[operands.count].name) is missing")
    }
    let takesMore = command.operands.last?.repeats ?? false
    if operands.count > command.operands.count, !takesMore {
      throw command.usage("unexpected argument '\(operands[command.operands.count])'")
    }
  }

  private func list(_ name: String) -> [String] {
    precondition(declared.contains(name), "option \(name) is not in the table of \(command)")
    return values[name] ?? []
  }

  public func flag(_ name: String) -> Bool { !list(name).isEmpty }
  public func text(_ name: String) -> String? { list(name).last }
  public func texts(_ name: String) -> [String] { list(name) }

  /// A whole number within the range; nil when the option is not given.
  public func integer(_ name: String, in range: ClosedRange<Int>) throws(CommandFailure) -> Int? {
    guard let text = text(name) else { return nil }
    guard let value = Int(text), range.contains(value) else {
      throw refuse(name, text, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// A number, decimals allowed, within the range; nil when the option is not given.
  public func number(
    _ name: String, in range: ClosedRange<Double>
  ) throws(CommandFailure) -> Double? {
    guard let text = text(name) else { return nil }
    guard let value = Double(text), value.isFinite, range.contains(value) else {
      throw refuse(name, text, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// One of the choices; nil when the option is not given.
  public func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String, of type: Choice.Type
  ) throws(CommandFailure) -> Choice? where Choice.RawValue == String {
    guard let text = text(name) else { return nil }
    if let value = Choice(rawValue: text) { return value }
    let known = type.allCases.map(\.rawValue)
    let hint = Nearest.hint(text, among: known)
    throw refuse(name, text, "one of \(known.joined(separator: ", "))\(hint)")
  }

  /// The error for a value that is not what the option takes.
  public func refuse(_ name: String, _ text: String, _ wanted: String) -> CommandFailure {
    CommandFailure(.usage, "'--\(name) \(text)' is refused: it takes \(wanted)")
  }
}

extension CommandDefinition {
  func usage(_ what: String) -> CommandFailure {
    CommandFailure(.usage, "\(what)\nRun 'needletail \(name) --help' for the options.")
  }
}

/// Finds what was probably meant.
enum Nearest {
  /// `; did you mean 'x'?`, or nothing when nothing is near.
  static func hint(_ text: String, among known: [String]) -> String {
    guard let best = match(text, among: known) else { return "" }
    return "; did you mean '\(best)'?"
  }

  /// The nearest of `known` by edits, when it is within a third of the length (at least two edits).
  static func match(_ text: String, among known: [String]) -> String? {
    let scored = known.map { (name: $0, edits: distance(text, $0)) }
    guard let best = scored.min(by: { ($0.edits, $0.name) < ($1.edits, $1.name) }) else {
      return nil
    }
    return best.edits <= max(2, text.count / 3) ? best.name : nil
  }

  /// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
  static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a.utf8.prefix(64))
    let b = Array(b.utf8.prefix(64))
    var before: [Int] = []
    var above = Array(0...b.count)
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var best = min(above[j + 1] + 1, row[j] + 1, above[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
        row.append(best)
      }
      before = above
      above = row
    }
    return above[b.count]
  }
}
