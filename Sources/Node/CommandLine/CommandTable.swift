import Foundation

/// The commands of `needletail`, and the way from arguments to an exit code.
public enum CommandTable {
  /// In the order in which `--help` lists them.
  public static let all: [CommandDefinition] =
    [
      RunCommand.definition, BookCommand.definition, ExchangeCommand.definition,
      DoctorCommand.definition, PaperCommand.definition,
    ]
    + CaptureCommand.definitions + ControlCommand.definitions + JournalCommand.definitions

  /// Runs the command that the arguments (without the program's name) ask for. Errors go to standard
  /// error as `needletail COMMAND: message`.
  public static func main(_ arguments: [String]) -> ExitCode {
    main(arguments, commands: all)
  }

  static func main(_ arguments: [String], commands: [CommandDefinition]) -> ExitCode {
    let code = run(arguments, commands)
    // Whoever has read enough closes a pipe: that is no failure.
    guard let failure = Console.outputFailure, failure != EPIPE else { return code }
    Console.error(
      "needletail: standard output: \(String(cString: strerror(failure))): what was printed is cut off"
    )
    return code == .ok ? .inputOutput : code
  }

  private static func run(_ arguments: [String], _ commands: [CommandDefinition]) -> ExitCode {
    // A peer or a pipe that goes away is an error value of the write, never the end of the process.
    signal(SIGPIPE, SIG_IGN)
    var name = "needletail"
    do {
      guard let found = try find(arguments, among: commands) else { return .ok }
      name += " " + found.command.name
      let options = try ParsedOptions(found.rest, of: found.command)
      if options.wantsHelp {
        Console.out(HelpText.command(found.command))
        return .ok
      }
      if options.wantsVersion {
        Console.line("needletail \(Version.text)")
        return .ok
      }
      return try found.command.run(options)
    } catch let failure as CommandFailure {
      Console.error("\(name): \(failure.message)")
      return failure.code
    } catch {
      Console.error("\(name): \(error)")
      return .internalError
    }
  }

  /// The command of the longest name that the arguments begin with; nil when help or the version was
  /// all that was asked, and has been printed.
  private static func find(
    _ arguments: [String], among commands: [CommandDefinition]
  ) throws(CommandFailure) -> (command: CommandDefinition, rest: [String])? {
    let byLength = commands.sorted { $0.name.count > $1.name.count }
    for command in byLength {
      let words = command.name.split(separator: " ").map(String.init)
      if arguments.starts(with: words) {
        return (command, Array(arguments.dropFirst(words.count)))
      }
    }
    guard let first = arguments.first else {
      throw CommandFailure(.usage, "no command given\n\n" + HelpText.overview(commands))
    }
    if first == "--version" {
      Console.line("needletail \(Version.text)")
      return nil
    }
    let group = commands.filter { $0.name.hasPrefix(first + " ") }
    if first == "--help" || first == "-h" || first == "help" {
      Console.out(HelpText.overview(commands))
      return nil
    }
    if !group.isEmpty {
      if let word = arguments.dropFirst().first, !word.hasPrefix("-") {
        let second = group.map { String($0.name.dropFirst(first.count + 1)) }
        throw CommandFailure(
          .usage,
          "unknown command '\(first) \(word)'\(Nearest.hint(word, among: second))\n"
            + "Run 'needletail \(first) --help' for its commands.")
      }
      if arguments.dropFirst().first == "--version" {
        Console.line("needletail \(Version.text)")
        return nil
      }
      if arguments.dropFirst().contains(where: { $0 == "--help" || $0 == "-h" }) {
        Console.out(HelpText.overview(group))
        return nil
      }
      let names = group.map { "'needletail \($0.name)'" }.joined(separator: ", ")
      throw CommandFailure(.usage, "'\(first)' needs one more word: \(names)")
    }
    let hint = Nearest.hint(first, among: commands.map(\.name) + ["--help", "--version"])
    throw CommandFailure(
      .usage, "unknown command '\(first)'\(hint)\nRun 'needletail --help' for the commands.")
  }
}
