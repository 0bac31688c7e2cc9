/// `--help`, made from the tables that the parser reads.
enum HelpText {
  static let width = 100

  static func overview(_ commands: [CommandDefinition]) -> String {
    let widest = commands.map(\.name.count).max() ?? 0
    var text = """
      needletail \(Version.text): an execution core for trading systems

      Usage: needletail COMMAND [OPTIONS]

      Commands:

      """
    for command in commands {
      text += "  \(pad(command.name, widest))  \(command.summary)\n"
    }
    text += """

      'needletail COMMAND --help' tells more of one command; 'needletail --version' the version.

      """
    return text
  }

  static func command(_ command: CommandDefinition) -> String {
    var text = "\(command.summary)\n\nUsage: needletail \(command.name)"
    for operand in command.operands {
      text += operand.isRequired ? " \(operand.name)" : " [\(operand.name)]"
      if operand.repeats { text += "..." }
    }
    text += " [OPTIONS]\n"
    if !command.discussion.isEmpty { text += "\n\(command.discussion)\n" }
    if !command.operands.isEmpty {
      text += "\nArguments:\n" + table(command.operands.map { ($0.name, $0.help) })
    }
    var rows = command.options.map { option in
      (
        "--\(option.name)" + (option.placeholder.map { " \($0)" } ?? ""),
        option.help + (option.repeats ? " May be given several times." : "")
      )
    }
    rows.append(("--help, -h", "Print this help."))
    rows.append(("--version", "Print the version."))
    text += "\nOptions:\n" + table(rows)
    text += "\nExit codes:\n"
    text += table(ExitCode.allCases.map { (String($0.rawValue), $0.meaning) })
    return text
  }

  private static func table(_ rows: [(String, String)]) -> String {
    let column = min(28, rows.map(\.0.count).max() ?? 0)
    var text = ""
    for (name, help) in rows {
      let lines = wrap(help, to: width - column - 4)
      text += "  \(pad(name, column))"
      if name.count > column { text += "\n  \(pad("", column))" }
      text += "  \(lines.first ?? "")\n"
      for line in lines.dropFirst() { text += "  \(pad("", column))  \(line)\n" }
    }
    return text
  }

  private static func wrap(_ text: String, to width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? String(word) : " \(word)"
    }
    return line.isEmpty ? lines : lines + [line]
  }

  static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
  static func padLeft(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
