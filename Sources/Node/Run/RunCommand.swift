import Captures
import ExecutionCore
import Journal
import Simulation
import Transport

/// `needletail run`: the main job.
enum RunCommand {
  static let definition = CommandDefinition(
    name: "run",
    summary: "Trade a generated or a recorded market over real sockets.",
    discussion: """
      Starts an exchange on loopback as a process of its own, the core and the strategies, shows one
      line a second on a terminal, and ends with a summary. Where standard error is no terminal, it
      gets lines with UTC time and level: one a minute, and what happens at once. Ctrl-C, and every
      other signal that can be caught, Ctrl-Z among them, cancels the working orders, waits for the
      confirmations, writes the summary and exits 0. A processor that is given as runtime.processor
      is refused with 75 when another run has it, with 78 when it is not there. The end of the feed
      ends a run in the same way, also where the exchange that it attached to is stopped and says so.
      When the exchange cannot be reached, refuses the log-in, is lost, or is gone before it has
      confirmed every cancel the exit code is 69, when the journal or the summary cannot be written 74,
      when the recording is cut or damaged 65; the summary is printed all the same.
      """,
    options: RunOptions.definitions
  ) { options in
    if options.flag("print-config") {
      Console.out(try Configuration.example(with: options.text("config")))
      return .ok
    }
    if options.flag("check-config") { return try checkConfiguration(options) }
    return try run(RunOptions(options))
  }

  /// With the options that go before it.
  private static func checkConfiguration(
    _ options: ParsedOptions
  ) throws(CommandFailure) -> ExitCode {
    guard let file = options.text("config") else {
      throw CommandFailure(.usage, "'--check-config' needs '--config FILE'")
    }
    _ = try RunOptions(options)
    Console.line("\(file): the configuration is good")
    return .ok
  }

  static func run(_ options: RunOptions) throws(CommandFailure) -> ExitCode {
    // From here on a signal ends the run in order, however early it comes. Reading a large file is
    // simply broken off: nothing has been made yet.
    if options.configuration.feeds.allSatisfy(\.isGenerated) { StopSignal.block() }
    // Before anything is written: a start that is refused leaves nothing.
    let processor =
      options.isVirtualTime ? nil : try HotProcessor(options.configuration.runtime.processor)
    let plan = try RunPlan(options)
    StopSignal.block()
    StopSignal.endAtFaults()
    if !options.isVirtualTime { Console.startLog() }
    let directory = try RunDirectory(path: options.dataDirectory)
    let journal = try open(options, directory)
    var outcome: RunOutcome
    Console.wait(milliseconds: 0)
    do throws(CommandFailure) {
      // Nothing trades any more: who reads slowly is waited for a little.
      defer { Console.wait(milliseconds: 2_000) }
      if let processor {
        outcome = try RunSession.run(plan, directory, journal, processor)
      } else {
        outcome = try VirtualRun.run(plan, directory, journal)
      }
    } catch {
      try? journal.close()
      throw error
    }
    if outcome.trouble == nil, outcome.summary.run.endedBy == "end of feed",
      let failure = plan.feed?.failure ?? plan.feed?.lateFailure
    {
      outcome.trouble = CommandFailure(failure.cause.exitCode, "\(failure)")
    }
    close(journal, &outcome.summary)
    return finish(outcome, options, directory)
  }

  /// Prints the summary first: a full disk must not take it from the reader. Then writes it, and says
  /// all that was wrong; the exit code is that of the worst.
  private static func finish(
    _ outcome: RunOutcome, _ options: RunOptions, _ directory: RunDirectory
  ) -> ExitCode {
    let summary = outcome.summary
    switch options.configuration.summary.format {
    case .text: Console.out(summary.text(symbolsMax: options.configuration.summary.symbolsMax))
    case .json: Console.out(summary.json)
    }
    var code: ExitCode = summary.holds ? .ok : .failed
    func fail(_ failure: CommandFailure) {
      say(failure.message)
      code = failure.code
    }
    for left in summary.leftInWords { say(left) }
    for broken in summary.brokenInWords { say(broken) }
    if let trouble = outcome.trouble { fail(trouble) }
    if !summary.journal.error.isEmpty {
      code = .inputOutput
      if !outcome.isJournalFailureSaid { say("the journal failed: \(summary.journal.error)") }
    }
    do throws(CommandFailure) {
      try RunDirectory.replace(directory.summary, with: summary.json)
    } catch {
      fail(CommandFailure(.inputOutput, error.message))
    }
    return code
  }

  private static func say(_ text: String) { Console.say(.error, "needletail run: \(text)") }

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
