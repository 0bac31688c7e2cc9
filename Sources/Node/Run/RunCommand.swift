import ExecutionCore
import Journal

/// `needletail run`: the main job.
enum RunCommand {
  static let definition = CommandDefinition(
    name: "run",
    summary: "Trade a generated or a recorded market over real sockets.",
    discussion: """
      Starts an exchange on loopback as a process of its own, the core and the strategies, shows one
      line a second on a terminal, and ends with a summary. Ctrl-C cancels the working orders, waits
      for the confirmations, writes the summary and exits 0.
      """,
    options: RunOptions.definitions
  ) { options in
    if options.flag("print-config") {
      Console.out(Configuration.example)
      return .ok
    }
    return try run(RunOptions(options))
  }

  static func run(_ options: RunOptions) throws(CommandFailure) -> ExitCode {
    let plan = try RunPlan(options)
    let directory = try RunDirectory(path: options.dataDirectory)
    let journal = try open(options, directory)
    var summary: RunSummary
    do throws(CommandFailure) {
      summary =
        options.isVirtualTime
        ? try VirtualRun.run(plan, directory, journal)
        : try RunSession.run(plan, directory, journal)
    } catch {
      try? journal.close()
      throw error
    }
    close(journal, &summary)
    try RunDirectory.replace(directory.summary, with: summary.json)
    switch options.configuration.summary.format {
    case .text: Console.out(summary.text(symbolsMax: options.configuration.summary.symbolsMax))
    case .json: Console.out(summary.json)
    }
    return summary.holds ? .ok : .failed
  }

  private static func open(
    _ options: RunOptions, _ directory: RunDirectory
  ) throws(CommandFailure) -> JournalWriter {
    let settings = options.configuration.journal
    var wanted = JournalOptions(facts: JournalFacts(build: "needletail \(Version.text)"))
    wanted.mode = settings.mode == .shared ? .shared : .memory
    wanted.segmentBytes = settings.segmentMebibytes << 20
    do throws(JournalError) {
      let journal = try JournalWriter.open(directory.path, wanted)
      if !options.isVirtualTime { try journal.start() }
      return journal
    } catch {
      throw CommandFailure(error)
    }
  }

  /// Ends the journal, and tells the summary what it came to.
  private static func close(_ journal: JournalWriter, _ summary: inout RunSummary) {
    let statistics = journal.statistics
    summary.journal.mode = journal.options.mode.rawValue
    summary.journal.records = statistics.records
    summary.journal.refused = statistics.refused
    summary.journal.firstSequence = journal.previous.lastSequence + 1
    summary.journal.lastSequence = journal.previous.lastSequence + statistics.records
    do throws(JournalError) {
      try journal.close()
    } catch {
      summary.journal.error = error.description
    }
    summary.journal.bytes = UInt64(journal.statistics.durableBytes)
    summary.invariants.append(
      RunSummary.Invariant(
        "the journal is whole", holds: summary.journal.error.isEmpty,
        summary.journal.error.isEmpty
          ? "\(statistics.records.grouped) records" : summary.journal.error))
  }
}
