import Captures
import ExecutionCore
import Simulation

/// `needletail book`: decodes a recorded feed and prints the books at its end.
public enum BookCommand {
  enum Format: String, CaseIterable {
    case text
    case json
  }

  public static let definition = CommandDefinition(
    name: "book",
    summary: "Decode a recorded ITCH feed and print its books.",
    discussion: """
      FILE is framed ITCH 5.0 or a pcap or pcapng capture of MoldUDP64, raw or .gz; its kind is told by
      its content; - is standard input. Of a capture one session is applied, in the order of its
      sequences, each once; gaps, copies, and what else is in it are told on standard error. A recording
      that is cut or damaged, a message that is malformed or cut, or a .gz with other bytes behind it,
      prints what was read and exits 65; so does a file without one well-formed message.

      JSON: one line, an object with the keys bytes (of the file, decompressed), messages (well-formed),
      types (of messages, by their letter), malformed, orders {added, unknown, duplicate, live} and
      books, an array of the non-empty ones {symbol, locate, bids, asks}. Bids and asks are arrays of
      levels, best first, each ["PRICE", SHARES, ORDERS]; the price is text in dollars with four
      decimals.
      """,
    operands: [OperandDefinition("FILE", "The recorded feed; - is standard input.")],
    options: [
      .value("symbol", "S", "Show only this symbol.", repeats: true),
      .value("levels", "N", "Price levels of a side, 5 by default."),
      .value("format", "text|json", "How to print; text by default."),
    ] + FeedOptions.definitions
  ) { options in
    try run(options, out: Console.line, err: Console.error)
  }

  /// Runs the command with the arguments behind `book`, and gives the exit code (sysexits). `output` and
  /// `errorOutput` get whole lines without their end.
  public static func run(
    arguments: [String], output: @escaping (String) -> Void,
    errorOutput: @escaping (String) -> Void
  ) -> Int32 {
    do throws(CommandFailure) {
      let options = try ParsedOptions(arguments, of: definition)
      return try run(options, out: output, err: errorOutput).rawValue
    } catch {
      errorOutput("needletail book: \(error.message)")
      return error.code.rawValue
    }
  }

  private static func run(
    _ options: ParsedOptions, out: (String) -> Void, err: (String) -> Void
  ) throws(CommandFailure) -> ExitCode {
    let levels = try options.integer("levels", in: 1...1_000_000) ?? 5
    let format = try options.choice("format", of: Format.self) ?? .text
    let symbols = Set(options.texts("symbol"))
    for symbol in symbols where SymbolCode.encode(symbol) == nil {
      throw options.refuse("symbol", symbol, "one to eight printable ASCII characters")
    }
    let choice = try FeedOptions.choice(options)
    let result: BookReader.Result
    do throws(FeedError) {
      result = try BookReader.read(
        path: options.operands[0], choice: choice, symbols: symbols, levels: levels)
    } catch {
      throw CommandFailure(error.cause.exitCode, error.description)
    }
    out(format == .json ? result.report.json : result.report.text)
    result.notes.forEach(err)
    if let failure = result.failure {
      err("needletail book: \(failure.description)")
      return failure.cause.exitCode
    }
    return .ok
  }
}
