/// One option of a command: parsed, checked and printed by `--help` from this one description.
public struct OptionDefinition: Sendable {
  /// Without the dashes.
  public var name: String
  /// What stands for the value in `--help`; nil for a flag, which has none.
  public var placeholder: String?
  /// One or more sentences, wrapped by `--help`.
  public var help: String
  /// Given several times, all count; otherwise twice is an error.
  public var repeats: Bool

  public static func flag(_ name: String, _ help: String) -> OptionDefinition {
    OptionDefinition(name: name, placeholder: nil, help: help, repeats: false)
  }
  public static func value(
    _ name: String, _ placeholder: String, _ help: String, repeats: Bool = false
  ) -> OptionDefinition {
    OptionDefinition(name: name, placeholder: placeholder, help: help, repeats: repeats)
  }
}

/// An argument without dashes, by position.
public struct OperandDefinition: Sendable {
  /// As `--help` shows it, such as `FILE`.
  public var name: String
  public var help: String
  public var isRequired: Bool
  /// Takes all arguments that are left: the last of its command only.
  public var repeats: Bool

  public init(_ name: String, _ help: String, isRequired: Bool = true, repeats: Bool = false) {
    self.name = name
    self.help = help
    self.isRequired = isRequired
    self.repeats = repeats
  }
}

/// One command of `needletail`: its place in `--help`, its options, and what it does.
///
/// The module's commands stand in ``CommandTable/all``.
public struct CommandDefinition: Sendable {
  /// One word or two, such as `run` or `journal show`.
  public var name: String
  /// One line for the list of commands.
  public var summary: String
  /// What it does, for `needletail NAME --help`; lines are printed as they are.
  public var discussion: String
  public var operands: [OperandDefinition]
  public var options: [OptionDefinition]
  /// Does the work. What it throws goes to standard error behind the command's name.
  public var run: @Sendable (ParsedOptions) throws -> ExitCode

  public init(
    name: String, summary: String, discussion: String = "", operands: [OperandDefinition] = [],
    options: [OptionDefinition] = [], run: @escaping @Sendable (ParsedOptions) throws -> ExitCode
  ) {
    self.name = name
    self.summary = summary
    self.discussion = discussion
    self.operands = operands
    self.options = options
    self.run = run
  }
}
