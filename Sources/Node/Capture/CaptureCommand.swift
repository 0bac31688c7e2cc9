import Captures
import ExecutionCore

/// `needletail capture import`, `generate`, `show`, `stat` and `cut`: recordings of market data (`.ntc`).
public enum CaptureCommand {
  /// To be listed in ``CommandTable/all``.
  public static let definitions = [importing, generate, show, stat, cut]

  /// Runs `capture …` with the words behind `capture`; the exit code is of sysexits(3).
  public static func run(arguments: [String]) -> Int32 {
    CommandTable.main(["capture"] + arguments, commands: definitions).rawValue
  }

  enum Format: String, CaseIterable {
    case text
    case json
  }

  static let file = OperandDefinition("FILE", "A recording (.ntc).")
  static let format = OptionDefinition.value(
    "format", "text|json", "Text for people (the default) or JSON for programs.")
  static let times: [OptionDefinition] = [
    .value("from", "TIME", "Begin with this session time: 2024-08-08T23:54:15Z, or nanoseconds."),
    .value("to", "TIME", "End with this session time."),
    .value("symbol", "S", "Only this instrument, and what is about all.", repeats: true),
  ]

  /// A record that is wanted, by time and instrument.
  struct Selection {
    var times: ClosedRange<Int64>
    /// By number; nil: all.
    var instruments: Set<UInt32>?

    init(_ options: ParsedOptions, _ header: CaptureHeader) throws(CommandFailure) {
      let from = try Selection.time("from", options) ?? .min
      let to = try Selection.time("to", options) ?? .max
      guard from <= to else {
        throw options.refuse("from", options.text("from") ?? "", "a time that is not behind --to")
      }
      times = from...to
      let symbols = options.texts("symbol")
      guard !symbols.isEmpty else { return }
      var numbers: Set<UInt32> = []
      for symbol in symbols {
        let found = header.instruments.indices.filter { header.instruments[$0].symbol == symbol }
        guard !found.isEmpty else {
          let hint = Nearest.hint(symbol, among: header.instruments.map(\.symbol))
          throw options.refuse("symbol", symbol, "a symbol of the recording's table\(hint)")
        }
        numbers.formUnion(found.map { UInt32($0) })
      }
      instruments = numbers
    }

    private static func time(
      _ name: String, _ options: ParsedOptions
    ) throws(CommandFailure) -> Int64? {
      guard let text = options.text(name) else { return nil }
      guard let time = CaptureText.parseTime(text) else {
        throw options.refuse(name, text, CaptureText.timeWanted)
      }
      return time
    }

    func takes(_ record: FeedRecord) -> Bool {
      guard times.contains(record.sessionTime) else { return false }
      guard let instruments, record.instrument != FeedRecord.all else { return true }
      return instruments.contains(record.instrument)
    }

    /// Blocks without anything of it need not be read.
    func narrow(_ reader: inout CaptureReader) {
      reader.want(times: times, instrument: instruments?.count == 1 ? instruments?.first : nil)
    }
  }

  static func open(_ path: String) throws(CommandFailure) -> CaptureReader {
    do throws(FeedError) { return try CaptureReader(path: path) } catch {
      throw CommandFailure(exitCode(error), error.description)
    }
  }

  static func exitCode(_ error: FeedError) -> ExitCode {
    switch error.cause {
    case .system(let code): .opening(errno: code)
    case .data: .dataError
    }
  }

  static func failure(_ error: CaptureOutputError) -> CommandFailure {
    let code: ExitCode =
      switch error.cause {
      case .create: .cannotCreate
      case .write: .inputOutput
      case .refused: .dataError
      }
    return CommandFailure(code, error.description)
  }

  static func failure(_ error: ImportFailure) -> CommandFailure {
    switch error {
    case .source(let error): CommandFailure(exitCode(error), error.description)
    case .output(let error): failure(error)
    }
  }

  /// Gives each record in order with its receive time, while `body` says so.
  static func each(
    _ reader: inout CaptureReader,
    _ body: (FeedRecord, Int64) throws(CommandFailure) -> Bool
  ) throws(CommandFailure) {
    let capacity = 4_096
    let records = UnsafeMutablePointer<FeedRecord>.allocate(capacity: capacity)
    let times = UnsafeMutablePointer<Int64>.allocate(capacity: capacity)
    records.initialize(repeating: FeedRecord(), count: capacity)
    times.initialize(repeating: 0, count: capacity)
    defer {
      records.deallocate()
      times.deallocate()
    }
    // Ends with the recording.
    while true {
      let count = reader.read(into: records, receiveTimes: times, capacity: capacity)
      guard count > 0 else { return }
      for index in 0..<count {
        guard try body(records[index], times[index]) else { return }
      }
    }
  }

  // MARK: show

  static let show = CommandDefinition(
    name: "capture show",
    summary: "Print the records of a recording, for people or for programs.",
    discussion: """
      Blocks whose times and instruments are not wanted are passed over by the index. What is whole
      before a damage is printed; then the place is named and the exit code is 65, as it is for a
      recording that was not finished.

      JSON: one object a line with the keys kind, symbol (null: all), sessionTime and receiveTime
      (nanoseconds since 1970 UTC; null where not known), sequence, reference, side, price, quantity,
      askPrice, askQuantity (decimal text), flags and detail. Whole numbers above 2^53 are text.
      """,
    operands: [file],
    options: times + [.value("limit", "N", "Print at most so many records."), format]
  ) { options in
    try list(options)
  }

  private static func list(_ options: ParsedOptions) throws(CommandFailure) -> ExitCode {
    let limit = try options.integer("limit", in: 0...Int.max) ?? .max
    let isJSON = try options.choice("format", of: Format.self) == .json
    var reader = try open(options.operands[0])
    let header = reader.header
    let selection = try Selection(options, header)
    selection.narrow(&reader)
    var pending = isJSON ? "" : CaptureLine.heading + "\n"
    var left = limit
    let chunk = 1 << 16
    if left > 0 {
      try each(&reader) { (record, receiveTime) throws(CommandFailure) in
        guard selection.takes(record) else { return true }
        let place = Int(record.instrument)
        let line = CaptureLine(
          record: record, receiveTime: receiveTime,
          instrument: place < header.instruments.count ? header.instruments[place] : nil)
        pending += (isJSON ? line.json : line.text) + "\n"
        if pending.utf8.count >= chunk {
          Console.out(pending)
          pending = ""
        }
        left -= 1
        return left > 0 && Console.outputFailure == nil
      }
    }
    Console.out(pending)
    if left > 0, let failure = reader.failure {
      throw CommandFailure(exitCode(failure), failure.description)
    }
    return .ok
  }

  // MARK: cut

  static let cut = CommandDefinition(
    name: "capture cut",
    summary: "Write a part of a recording as a recording of its own.",
    discussion: """
      Times and symbols select records, in their order; with symbols the table has these instruments
      alone. Where the beginning is cut off, each instrument with a book begins with a gap: what rested
      there is not known. The exit code is 65 where the recording is damaged or not finished; what is
      whole is written.
      """,
    operands: [file],
    options: times + [
      .value("output", "FILE", "The recording to write. It is not replaced where it is."),
      .flag("replace", "Replace it."),
    ]
  ) { options in
    try cut(options)
  }

  private static func cut(_ options: ParsedOptions) throws(CommandFailure) -> ExitCode {
    guard let path = options.text("output") else { throw cut.usage("'--output FILE' is missing") }
    var reader = try open(options.operands[0])
    var header = reader.header
    let selection = try Selection(options, header)
    let kept = header.instruments.indices.filter {
      selection.instruments?.contains(UInt32($0)) ?? true
    }
    var numbers = [UInt32](repeating: FeedRecord.all, count: header.instruments.count)
    for (number, index) in kept.enumerated() { numbers[index] = UInt32(number) }
    let isBook = header.instruments.map { !$0.contents.isDisjoint(with: [.levels, .orders]) }
    header.instruments = kept.map { header.instruments[$0] }
    let isBehind = reader.timeRange.map { $0.lowerBound < selection.times.lowerBound } ?? false
    var needsGap = isBook.map { $0 && isBehind }
    selection.narrow(&reader)
    do {
      var recorder = try CaptureRecorder(
        path: path, header: header, replaces: options.flag("replace"))
      try each(&reader) { (record, receiveTime) throws(CommandFailure) in
        guard selection.takes(record) else { return true }
        var record = record
        let place = Int(record.instrument)
        if record.instrument != FeedRecord.all { record.instrument = numbers[place] }
        do throws(CaptureOutputError) {
          if place < needsGap.count, needsGap[place] {
            needsGap[place] = false
            var gap = FeedRecord(.gap, instrument: record.instrument, at: record.sessionTime)
            gap.sequence = record.sequence
            try recorder.append(gap, receiveTime: receiveTime)
          }
          try recorder.append(record, receiveTime: receiveTime)
        } catch { throw failure(error) }
        return true
      }
      try recorder.finish()
      Console.line("\(path): \(recorder.records) records, \(recorder.bytes) bytes")
    } catch let error as CaptureOutputError {
      throw failure(error)
    } catch let error as CommandFailure {
      throw error
    } catch {
      throw CommandFailure(.internalError, "\(error)")
    }
    if let failure = reader.failure {
      throw CommandFailure(exitCode(failure), failure.description)
    }
    return .ok
  }
}
