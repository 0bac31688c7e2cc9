import ExecutionCore
import Journal

/// `needletail journal show`, `needletail journal verify` and `needletail journal replay`.
public enum JournalCommand {
  /// To be listed in ``CommandTable/all``.
  public static let definitions = [show, verify, replay]

  /// Runs `journal …` with the words behind `journal`; the exit code is of sysexits(3).
  public static func run(arguments: [String]) -> Int32 {
    CommandTable.main(["journal"] + arguments, commands: definitions).rawValue
  }

  enum Format: String, CaseIterable {
    case text
    case json
  }

  static let show = CommandDefinition(
    name: "journal show",
    summary: "Print the records of a journal, for people or for programs.",
    discussion: """
      Reads one segment file or all of a data directory, also while a run is writing it. Every length,
      checksum and sequence number is checked. What is whole before a corruption is printed; then the
      place is named and the exit code is 65.

      Text: one line a record: sequence, time of day US Eastern, type, symbol, what happened.
      JSON: one object a line with the keys sequence, type, version, sessionTime (nanoseconds since
      1970 UTC), machineTime (nanoseconds of CLOCK_MONOTONIC, in virtual time of the network in memory,
      which begins at one second; 0 while the session is set up), cause (null, the sequence of a
      record, or {"channel":N,"sequence":N} of a feed), account, strategy (null for none) and the
      payload's fields. Prices and other numbers with decimals are strings, whole quantities are
      numbers, what is absent is null.
      """,
    operands: [path],
    options: [
      .value("format", "text|json", "Text for people (the default) or JSON for programs."),
      .value(
        "type", "TYPE", "Only records of this type.", repeats: true),
      .value("order", "ID", "Only records of the client order with this number."),
      .value("from", "SEQ", "Begin with this record."),
      .value("to", "SEQ", "End with this record."),
    ]
  ) { options in
    let selection = try Selection(options)
    let isJSON = try options.choice("format", of: Format.self) == .json
    return try list(options.operands[0], selection, isJSON: isJSON)
  }

  static let verify = CommandDefinition(
    name: "journal verify",
    summary: "Check every record of a journal and say how it ends.",
    discussion: """
      Exits 0 when all records are whole and lead from one to the other, 65 when one is not or does
      not (journal replay says more). A torn tail, which a crash leaves and the next run cuts off, is
      said and is no error.
      """,
    operands: [path]
  ) { options in
    try check(options.operands[0])
  }

  private static let path = OperandDefinition(
    "FILE|DIR", "A segment file (journal-00000001.ntj) or the data directory of a run.")

  /// Which records are wanted.
  struct Selection {
    var types: Set<UInt16> = []
    var order: UInt64?
    var from: UInt64 = 1
    var to: UInt64 = .max

    init(_ options: ParsedOptions) throws(CommandFailure) {
      let known = RecordType.allCases.filter { $0 != .padding }
      for text in options.texts("type") {
        guard let type = known.first(where: { "\($0)" == text }) else {
          let names = known.map { "\($0)" }
          let hint = Nearest.hint(text, among: names)
          throw options.refuse("type", text, "one of \(names.joined(separator: ", "))\(hint)")
        }
        types.insert(type.rawValue)
      }
      order = try Selection.number("order", options)
      from = try Selection.number("from", options) ?? 1
      to = try Selection.number("to", options) ?? .max
      if from > to {
        throw options.refuse("from", "\(from)", "a record that is not behind --to \(to)")
      }
    }

    static func number(
      _ name: String, _ options: ParsedOptions
    ) throws(CommandFailure) -> UInt64? {
      guard let text = options.text(name) else { return nil }
      guard let value = UInt64(text), value > 0 else {
        throw options.refuse(name, text, "a whole number above 0")
      }
      return value
    }

    func takes(_ record: DecodedRecord) -> Bool {
      record.header.sequence >= from && (types.isEmpty || types.contains(record.header.type))
        && (order == nil || order == record.clientOrderID)
    }
  }

  /// Prints the selected records; throws what the reader found wrong once the whole ones are out.
  static func list(
    _ path: String, _ selection: Selection, isJSON: Bool
  ) throws(CommandFailure) -> ExitCode {
    var decoder = RecordDecoder()
    var pending = isJSON ? "" : RecordText.heading + "\n"
    let chunk = 1 << 16
    let end: Result<JournalEnd, JournalError>
    do throws(JournalError) {
      let reader = try JournalReader(path)
      let read = try reader.read { record in
        guard record.header.sequence <= selection.to else { return false }
        let decoded = decoder.decode(record)
        guard selection.takes(decoded) else { return true }
        pending += (isJSON ? RecordJSON.line(decoded) : RecordText.line(decoded)) + "\n"
        if pending.utf8.count >= chunk {
          Console.out(pending)
          pending = ""
        }
        return true
      }
      end = .success(read)
    } catch {
      if error.kind == .notFound || error.offset == nil { pending = "" }
      end = .failure(error)
    }
    Console.out(pending)
    switch end {
    case .failure(let error): throw CommandFailure(error)
    case .success(let end):
      if let torn = end.torn { Console.error(note(torn)) }
      return .ok
    }
  }

  static func check(_ path: String) throws(CommandFailure) -> ExitCode {
    do throws(JournalError) {
      let end = try JournalReader(path).read { _ in true }
      let state =
        end.isBeingWritten
        ? "being written" : end.isSealed ? "closed in order" : "left open by a crash"
      Console.line(
        "\(path): \(end.records) records, \(end.firstSequence) to \(end.lastSequence), all whole;"
          + " \(state)")
      if let torn = end.torn { Console.line(note(torn)) }
      let summary = try JournalSummary.scan(path)
      Console.line(
        "highest client order \(summary.highestClientOrderID.raw), highest venue reference"
          + " \(summary.highestVenueReference); "
          + (summary.unfinished ?? "no order and no position is open"))
      return .ok
    } catch {
      throw CommandFailure(error)
    }
  }

  static func note(_ torn: JournalEnd.TornTail) -> String {
    "\(torn.file): byte \(torn.offset): torn tail: \(torn.reason); a crash left it, the records before"
      + " it are whole, and the next run cuts it off"
  }
}
