import BenchSupport
import CCounted
import CSupport
import Foundation

/// The benchmark suites as a library: `needletail-bench` is ``run(_:strategy:)`` with the example
/// strategy, and a user's own executable is the same call with their strategy.
public enum Bench {
  static var suites: [any Suite.Type] {
    [
      RingSuite.self, ITCHSuite.self, PriceSuite.self, RiskSuite.self, EngineSuite.self,
      WireSuite.self,
      JournalSuite.self, RecordSuite.self, ScaleSuite.self, LoadSuite.self, GrowthSuite.self,
      NetworkSuite.self, PaperSuite.self, StrategySuite.self,
    ]
  }

  /// No figure of theirs is a user's target: curves and sweeps, and what is held by counts and in pairs.
  static let ungated = [
    PriceSuite.name, RiskSuite.name, EngineSuite.name, RecordSuite.name, LoadSuite.name,
    GrowthSuite.name,
    NetworkSuite.name, PaperSuite.name,
  ]

  /// This program's name, and its path as a shell takes it: a user's own executable is not
  /// `needletail-bench`.
  static var name: String { (Machine.executable as NSString).lastPathComponent }
  static var command: String { quoted(Machine.executable) }

  static func quoted(_ path: String) -> String {
    let plain = CharacterSet(charactersIn: "/._-+=:,@%").union(.alphanumerics)
    guard path.isEmpty || path.unicodeScalars.contains(where: { !plain.contains($0) }) else {
      return path
    }
    return "'" + path.replacingOccurrences(of: "'", with: "'\\''") + "'"
  }

  static var help: String {
    """
    usage: \(name) [--suite NAME]... [--format text|json] [--output FILE] [--hgrm DIR]
           [--gate [--thresholds FILE]]
           [--goals [--base PROGRAM] [--quoted FILE | --write-quoted FILE] [--thresholds FILE]]
           [--audit FILE] [--peers FILE]
           [--runs N] [--quick] [--handicap NANOSECONDS] [--scale N] [--list]

      --suite NAME      one of the suites below; all without it
      --format F        text (default) or json
      --output FILE     write there instead, whole or not at all
      --hgrm DIR        write each latency distribution there, in HdrHistogram's text format
      --gate            exit 1 when a figure misses a user's target, and name it
      --thresholds FILE with --gate: instructions of the hot functions too, against FILE; with
                        --goals: of the risk chain
      --goals           the table of goals alone, from the suites that answer one, or of those
                        named: for reading, a goal that is not met fails nothing
      --base PROGRAM    with --goals: the \(name) of the base, each suite run beside ours in the
                        same minutes; a goal that it misses too is not met on this machine
      --quoted FILE     with --goals: the figures that README quotes, of its machine
                        (default \(QuotedFigures.usual), where it is there)
      --write-quoted FILE with --goals: write this machine's figures there, to be quoted
      --audit FILE      for that table: what hot-path-audit --format json printed
      --peers FILE      for that table: what bench-peers wrote (default \(GoalEvidence.peersPath))
      --runs N          measured runs of each figure, 1 to 1000 (default 5)
      --quick           a hundredth of the work: shows that it runs, the figures mean little
      --handicap N      add N busy nanoseconds to every operation under test (0 to 1000000000):
                        shows that a gate can fail
      --scale N         messages of the suite scale, 10000000 to 1000000000; a day has 300000000
                        (default: what fits into 12 seconds)
      --list            the suites and their questions

    \(name) count    instructions of the hot functions; see \(name) count --help
    \(name) compare  this build against another, in pairs; see \(name) compare --help
    \(name) books    our books over one file; see \(name) books --help
    \(name) machine  what this machine is, in one line; see \(name) machine --help

    Figures are medians over the runs with least and greatest. Compare ratios within one run;
    absolute times differ by a third from day to day on a shared machine.
    """
  }

  /// Runs what the arguments ask for (without the program's name) and returns the exit code: 0; 1 when
  /// the gate failed; 64 for wrong usage; 65 or 66 for a file that is wrong or not there; 69 when a tool that
  /// counts is missing; 70 when a suite could not measure; 73 when a file could not be written; 75 when
  /// nothing failed and something could not be judged; 78 for a wrong configuration. Interrupted, it leaves
  /// no file behind.
  ///
  /// A strategy given here is measured by the suite `strategy`, counted as `strategy.message` and
  /// `strategy.alone` and compared as the figure `strategy`, in the built-in market or in that of
  /// `--feed` and `--config`. Only it and errors are judged then: the product's goals are not shown.
  ///
  /// Call it from the main thread. It pins threads and spins on them.
  public static func run(_ arguments: [String], strategy: BenchStrategy? = nil) -> Int32 {
    AtEnd.install()
    var arguments = arguments
    var strategy = strategy
    do {
      let before = try own(arguments, hasStrategy: strategy != nil)
      var market = try MarketChoice(taking: &arguments)
      market.before = before
      try market.check(for: arguments, hasStrategy: strategy != nil)
      strategy?.market = market
      return dispatch(arguments, strategy, market)
    } catch {
      say(text(of: error))
      return exitCode(of: error)
    }
  }

  /// What stands before our arguments on the command line. Where something else was done with them, a process
  /// that this one starts would measure another strategy: counting and comparing are refused.
  private static func own(_ arguments: [String], hasStrategy: Bool) throws -> [String] {
    let all = Array(CommandLine.arguments.dropFirst())
    if arguments.count <= all.count, Array(all.suffix(arguments.count)) == arguments {
      return Array(all.dropLast(arguments.count))
    }
    guard hasStrategy, ["count", "compare"].contains(arguments.first) else { return [] }
    throw AcceptedFileError(
      code: 64,
      message:
        "options of your own stand before those of \(name): what is run is not the end of the "
        + "command line, and '\(arguments.first ?? "")' could not start it again alike")
  }

  private static func dispatch(
    _ arguments: [String], _ strategy: BenchStrategy?, _ market: MarketChoice
  ) -> Int32 {
    switch arguments.first {
    case "count": return CountCommand.run(Array(arguments.dropFirst()), strategy)
    case "counted": return countedInside(Array(arguments.dropFirst()), strategy)
    case "compare": return CompareCommand.run(Array(arguments.dropFirst()), strategy)
    case "paired": return pairedInside(Array(arguments.dropFirst()), strategy)
    case "books": return BookFile.run(Array(arguments.dropFirst()))
    case "machine": return MachineKernels.run(Array(arguments.dropFirst()))
    default: return suites(arguments, strategy, market)
    }
  }

  private static func suites(
    _ arguments: [String], _ strategy: BenchStrategy?, _ market: MarketChoice
  ) -> Int32 {
    let options: BenchOptions
    do {
      options = try BenchOptions(
        arguments, suites: suites.map { $0.name }, ungated: ungated, isOwn: strategy != nil)
    } catch let error as BenchError {
      say("\(error.message); see \(command) --help")
      return 64
    } catch { return 70 }
    if options.help {
      print(help(strategy))
      print("\nsuites:")
      for suite in suites { print("  \(suite.name)  \(suite.question)") }
      return 0
    }
    // A wrong file is said before the minutes of measuring.
    let accepted: CountCommand.Accepted?
    let quoted: QuotedFigures?
    do {
      for file in [options.output, options.writeQuoted] { try file.map(WholeFile.check) }
      if let base = options.base { try OwnChild.check(base) }
      accepted = try options.thresholds.map { try CountCommand.Accepted($0, strategy) }
      quoted = try QuotedFigures.asked(options)
    } catch {
      say(text(of: error))
      return exitCode(of: error)
    }
    // Before a suite pins this thread.
    let machine = Machine.describe()
    let kernels = MachineKernels.line(of: machine)
    let context = BenchContext(
      options, processors: Machine.processors(), strategy: strategy, market: market)
    let troubles = Machine.troubles()
    var witness = options.base.map { GoalWitness(program: $0, options) }
    var results: [SuiteResult] = []
    for suite in asked(options) {
      results.append(measure(suite, context))
      witness?.measure(suite.name, processors: context.processors)
    }
    var others = GoalEvidence.peers(at: options.peers ?? GoalEvidence.peersPath)
    others[.hotPath] = GoalEvidence.audit(at: options.audit)
    for (goal, why) in context.leftOut { others[goal] = .missing(why) }
    if options.goalsOnly, let accepted {
      others[.riskInstructions] = CountCommand.evidence(accepted, strategy)
    }
    let report = BenchReport(
      machine: machine, kernels: kernels, troubles: troubles, quick: options.quick, suites: results,
      curves: context.curves,
      // The gate judges no goal, and a user's executable has none of ours.
      goals: strategy == nil && !options.gate
        ? GoalTable(results, others, witness: witness, quoted: quoted) : nil)
    do {
      try deliver(report, context, options)
      try options.writeQuoted.map { try QuotedFigures(report).write(to: $0) }
    } catch {
      say(text(of: error))
      return 73
    }
    let code = report.exitCode(gate: options.gate)
    guard options.gate else { return code }
    if let why = context.unjudged { notJudged("strategy", why) }
    let judged = worse(code, context.unjudged == nil ? 0 : notJudgedCode)
    return accepted.map { worse(judged, CountCommand.gate($0, strategy)) } ?? judged
  }

  /// Those that are named; else all, for the gate those with a target, and for the table of goals alone those
  /// that answer one.
  private static func asked(_ options: BenchOptions) -> [any Suite.Type] {
    suites.filter { suite in
      if !options.names.isEmpty { return options.names.contains(suite.name) }
      if options.gate { return !ungated.contains(suite.name) }
      return !options.goalsOnly || Goal.allCases.contains { $0.source == .suite(suite.name) }
    }
  }

  /// What callgrind runs: `count` starts it.
  private static func countedInside(_ names: [String], _ strategy: BenchStrategy?) -> Int32 {
    bench_die_with_parent()
    print("dispatch crc32c:\(String(cString: nt_crc32c_path()))")
    do { try CountedOperation.run(names, strategy) } catch {
      say("counted: \(text(of: error))")
      return 70
    }
    return 0
  }

  /// One side of a pair: `compare` starts it.
  private static func pairedInside(
    _ arguments: [String], _ strategy: BenchStrategy?
  ) -> Int32 {
    var plant = 0
    if arguments.first == "--plant", arguments.count == 2, let n = Int(arguments[1]),
      (0...1_000).contains(n)
    {
      plant = n
    } else if !arguments.isEmpty {
      say("usage: \(command) paired [--plant PERCENT]")
      return 64
    }
    do {
      try PairedFigures.serve(
        plant: plant, processors: Machine.processors(), strategy: strategy)
    } catch {
      say("paired: \(text(of: error))")
      return 70
    }
    return 0
  }

  /// Whole or not at all: a run that was killed leaves nothing that looks like a report.
  private static func deliver(
    _ report: BenchReport, _ context: BenchContext, _ options: BenchOptions
  ) throws {
    let text = options.json ? report.json() : options.goalsOnly ? report.goalsText() : report.text()
    if let directory = options.hgrm {
      let files = context.distributions.map { ($0 + ".hgrm", $1.hgrm()) }
      try WholeFile.write(files, into: directory)
    }
    if let output = options.output {
      try WholeFile.write(text + "\n", to: output)
    } else {
      print(text)
    }
  }

  private static func measure(
    _ suite: any Suite.Type, _ context: BenchContext
  ) -> SuiteResult {
    let meter = NoiseMeter()
    do {
      let figures = context.judged(try suite.run(context))
      return SuiteResult(
        suite: suite.name, question: suite.question, figures: figures, noise: meter.end())
    } catch {
      return SuiteResult(
        suite: suite.name, question: suite.question, figures: [], error: text(of: error),
        isUnable: error is OneProcessorError ? true : nil, noise: meter.end())
    }
  }

  /// What a gate could not judge: `perf/scripts/gates` takes up these lines, so that it is not taken for
  /// passed.
  static func notJudged(_ what: String, _ why: String) { say("NOT JUDGED: \(what); \(why)") }

  /// An error in words, and the exit code that it ends a command with.
  static func text(of error: any Error) -> String {
    switch error {
    case let error as AcceptedFileError: error.message
    case let error as BenchError: error.message
    case let error as OneProcessorError: error.message
    default: "\(error)"
    }
  }
  static func exitCode(of error: any Error) -> Int32 { (error as? AcceptedFileError)?.code ?? 70 }

  static func say(_ text: String) {
    FileHandle.standardError.write(Data("\(name): \(text)\n".utf8))
  }
}
