import Foundation
import TestSupport
import Testing

@testable import Node

struct CommandLineTests {
  static let command = CommandDefinition(
    name: "trade", summary: "Trade.",
    operands: [
      OperandDefinition("FILE", "What to read."), OperandDefinition("TO", "", isRequired: false),
    ],
    options: [
      .flag("dry", "Only pretend."),
      .value("speed", "N", "How fast."),
      .value("symbol", "S", "Which symbol.", repeats: true),
      .value("format", "F", "How."),
    ]
  ) { _ in .ok }

  private func parse(_ arguments: String...) throws(CommandFailure) -> ParsedOptions {
    try ParsedOptions(arguments, of: Self.command)
  }
  private func message(_ arguments: String...) -> String {
    do throws(CommandFailure) {
      _ = try ParsedOptions(arguments, of: Self.command)
      return ""
    } catch {
      return "\(error.code.rawValue) " + error.message.prefix { $0 != "\n" }
    }
  }

  @Test func `options and operands mix, with and without an equals sign`() throws {
    let parsed = try parse("--dry", "a", "--speed=2.5", "--symbol", "X", "--symbol=Y=Z", "b")
    #expect(parsed.flag("dry"))
    #expect(parsed.operands == ["a", "b"])
    #expect(try parsed.number("speed", in: 0...10) == 2.5)
    #expect(parsed.texts("symbol") == ["X", "Y=Z"])
    #expect(parsed.text("format") == nil)
  }

  @Test func `two dashes end the options, and one alone is an operand`() throws {
    #expect(try parse("--", "--dry").operands == ["--dry"])
    #expect(try parse("-").operands == ["-"])
  }

  @Test func `a negative number can be a value`() throws {
    #expect(try parse("f", "--speed", "-3").text("speed") == "-3")
  }

  @Test func `help and version win over everything that is wrong`() throws {
    #expect(try parse("--nonsense", "--help").wantsHelp)
    #expect(try parse("-h").wantsHelp)
    #expect(try parse("--version").wantsVersion)
    #expect(try !parse("f", "--", "--help").wantsHelp)
  }

  @Test func `what is wrong is refused by name`() {
    #expect(
      message("f", "--sped", "1") == "64 unknown option '--sped'; did you mean '--speed'?")
    #expect(message("f", "--zzzzzzzz") == "64 unknown option '--zzzzzzzz'")
    #expect(message("f", "-x") == "64 unknown option '-x'")
    #expect(message("f", "--speed") == "64 '--speed' needs a value: N")
    #expect(message("f", "--dry=1") == "64 '--dry' takes no value")
    #expect(message("f", "--speed", "1", "--speed", "2") == "64 '--speed' is given twice")
    #expect(message() == "64 FILE is missing")
    #expect(message("a", "b", "c") == "64 unexpected argument 'c'")
  }

  @Test func `values that do not fit their type are refused with what they may be`() throws {
    let parsed = try parse("f", "--speed", "fast", "--format", "jsno")
    #expect(
      throws: CommandFailure(
        .usage, "'--speed fast' is refused: it takes a whole number from 1 to 9")
    ) { try parsed.integer("speed", in: 1...9) }
    #expect(
      throws: CommandFailure(
        .usage,
        "'--format jsno' is refused: it takes one of text, json; did you mean 'json'?")
    ) { try parsed.choice("format", of: Configuration.Format.self) }
    for text in ["nan", "inf", "11", "-1", ""] {
      let parsed = try parse("f", "--speed", text)
      #expect(throws: CommandFailure.self) { try parsed.number("speed", in: 0...10) }
    }
  }

  @Test func `help shows every option of the table`() {
    let help = HelpText.command(Self.command)
    for word in ["FILE", "[TO]", "--dry", "--speed N", "--symbol S", "--help", "64", "several"] {
      #expect(help.contains(word), "\(word)")
    }
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 100 })
  }

  @Test func `help of every command fits the page and names every option`() {
    for command in CommandTable.all {
      let help = HelpText.command(command)
      #expect(help.split(separator: "\n").allSatisfy { $0.count <= 100 }, "\(command.name)")
      for option in command.options { #expect(help.contains("--\(option.name)")) }
      #expect(HelpText.overview(CommandTable.all).contains(command.summary))
    }
  }

  @Test(
    arguments: [
      ("speed", "speed", 0), ("sped", "speed", 1), ("spede", "speed", 1), ("seeed", "speed", 1),
      ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3),
    ])
  func `edits between words are counted`(_ a: String, _ b: String, _ edits: Int) {
    #expect(Nearest.distance(a, b) == edits)
    #expect(Nearest.distance(b, a) == edits)
  }

  @Test func `errno becomes the exit code that says the same`() {
    #expect(ExitCode.opening(errno: ENOENT) == .noInput)
    #expect(ExitCode.opening(errno: EACCES) == .noPermission)
    #expect(ExitCode.opening(errno: EIO) == .inputOutput)
  }
}

// The executable product is built with the tests by 'swift test'; only a bundle moved away lacks it.
@Suite(
  .enabled(
    if: CommandProcess.executable != nil, "the needletail executable is not beside the tests"))
struct CommandLineProcessTests {
  @Test(arguments: [
    "--help", "--version", "run --print-config", "run --virtual-time --duration 1 --data @/run",
    "exchange --listen 127.0.0.1:0 --messages 10",
  ])
  func `an output that cannot be written is exit code 74`(_ line: String) throws {
    let directory = try TemporaryDirectory()
    let words = line.replacing("@", with: directory.path)
    let program = try CommandProcess.located().path
    let result = try CommandProcess.run(
      URL(fileURLWithPath: "/bin/sh"), ["-c", "'\(program)' \(words) > /dev/full"],
      directory: URL(fileURLWithPath: directory.path))
    #expect(result.status == 74, "\(result.errors)")
    #expect(result.errors.contains("standard output: No space left on device"))
  }

  @Test func `the version is one line`() throws {
    let result = try CommandProcess.run("--version")
    #expect(result.status == 0)
    #expect(result.output == "needletail \(Version.text)\n")
    #expect(result.errors.isEmpty)
  }

  @Test func `help lists the commands`() throws {
    let result = try CommandProcess.run("--help")
    #expect(result.status == 0)
    #expect(result.output.contains("Usage: needletail COMMAND"))
  }

  @Test func `every command has help and version`() throws {
    for command in CommandTable.all {
      for option in ["--help", "--version"] {
        let words = command.name.split(separator: " ").map(String.init)
        let process = try CommandProcess.run(words + [option])
        #expect(process.status == 0, "\(command.name) \(option)")
        #expect(process.output.hasPrefix(option == "--help" ? command.summary : "needletail "))
      }
    }
  }

  @Test func `no command, an unknown one and a wrong option exit 64 on standard error`() throws {
    let none = try CommandProcess.run()
    #expect(none.status == 64)
    #expect(none.output.isEmpty)
    let unknown = try CommandProcess.run("rnu")
    #expect(unknown.status == 64)
    #expect(unknown.errors.hasPrefix("needletail: unknown command 'rnu'; did you mean 'run'?"))
    let second = try CommandProcess.run("journal", "tail", "--help")
    #expect(second.status == 64)
    #expect(second.output.isEmpty)
    #expect(second.errors.hasPrefix("needletail: unknown command 'journal tail'\n"))
    #expect(try CommandProcess.run("journal", "--help").status == 0)
    let option = try CommandProcess.run("run", "--sede", "1")
    #expect(option.status == 64)
    #expect(option.errors.contains("unknown option '--sede'; did you mean '--seed'?"))
  }
}
