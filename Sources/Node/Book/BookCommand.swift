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
    summary: "Decode a recorded feed and print its books at the end.",
    discussion: """
      FILE is framed ITCH 5.0, a pcap or pcapng capture of MoldUDP64, raw or .gz, or a recording (.ntc,
      see 'needletail capture'); its kind is told by its content; - is standard input. Of a capture one
      session is applied, in the order of its sequences, each once; gaps, copies, and what else is in it
      are told on standard error. What is cut or damaged, a message that is malformed or cut, or a .gz
      with other bytes behind it, prints what was read and exits 65; so does a file without one
      well-formed message.

      Of a recording books by order (L3) and by price (L2) are shown, and quotes (L1) of what has no
      book; a book is not whole where the recording says that something is missing.

      JSON: one line, an object with the keys bytes (of the file, decompressed), messages (well-formed),
      types (of messages, by their letter), malformed, orders {added, unknown, duplicate, live} and
      books, an array of the non-empty ones {symbol, locate, bids, asks}. Bids and asks are arrays of
      levels, best first, each ["PRICE", SHARES, ORDERS]; the price is text in dollars with four
      decimals.

      Of a recording: bytes (of the file), records, kinds, malformed, unlisted, unrepresentable, older
      and backwards (of levels and quotes), orders as above, and books {symbol, number, kind (L1, L2 or
      L3), whole, status, bids, asks}, levels as ["PRICE", "QUANTITY", ORDERS], orders null where they
      are not told.
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
    let outcome = try outcome(options, symbols, levels)
    out(format == .json ? outcome.json : outcome.text)
    outcome.notes.forEach(err)
    if let failure = outcome.failure {
      err("needletail book: \(failure.description)")
      return failure.cause.exitCode
    }
    return .ok
  }

  /// What reading a file came to.
  struct Outcome {
    var text: String
    var json: String
    /// For people, on standard error: gaps, duplicates, what was passed over.
    var notes: [String]
    /// Why the file could not be read to its end.
    var failure: FeedError?
  }

  private static func outcome(
    _ options: ParsedOptions, _ symbols: Set<String>, _ levels: Int
  ) throws(CommandFailure) -> Outcome {
    let choice = try FeedOptions.choice(options)
    let file = try open(options.operands[0])
    guard try isRecording(file) else {
      for symbol in symbols where SymbolCode.encode(symbol) == nil {
        throw options.refuse("symbol", symbol, "one to eight printable ASCII characters")
      }
      do throws(FeedError) {
        let found = try BookReader.read(file, choice: choice, symbols: symbols, levels: levels)
        return Outcome(
          text: found.report.text, json: found.report.json, notes: found.notes,
          failure: found.failure)
      } catch {
        throw CommandFailure(error.cause.exitCode, error.description)
      }
    }
    if let option = FeedOptions.given(options).first {
      throw CommandFailure(
        .usage,
        "'--\(option)' chooses what of a capture is read, and \(file.path) is a recording, which is of "
          + "one feed: leave it out")
    }
    return try RecordingBooks.read(file, symbols: symbols, levels: levels)
  }

  private static func open(_ path: String) throws(CommandFailure) -> FeedFile {
    do throws(FeedError) { return try FeedFile(path: path) } catch {
      throw CommandFailure(error.cause.exitCode, error.description)
    }
  }

  private static func isRecording(_ file: borrowing FeedFile) throws(CommandFailure) -> Bool {
    do throws(FeedError) { return try file.kind() == .recording } catch {
      throw CommandFailure(error.cause.exitCode, error.description)
    }
  }
}
