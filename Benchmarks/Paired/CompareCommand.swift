import BenchSupport
import Foundation

/// `needletail-bench compare`: this build against another one, in pairs.
///
/// Processes of both run beside each other and take turns (``PairedRounds``), and with them this build once
/// more and with a tenth more work: that shows, figure by figure, whether this machine now can tell a
/// tenth from nothing. A figure for which it cannot is not judged. What seems slower is measured again in
/// twice as many rounds, and fails only if it is slower in those alone too.
enum CompareCommand {
  static func help(_ strategy: BenchStrategy?) -> String {
    """
    usage: \(Bench.name) compare --base PROGRAM [--creep PROGRAM] [--figure NAME]... \
    [--rounds N]\(MarketChoice.usage(strategy))

      --base PROGRAM    the \(Bench.name) of the other build
      --creep PROGRAM   that of a build long ago, held by the same rule: several changes, each of which
                        loses less than is seen, may not lose more together
      --figure NAME     these only; all without it: \(PairedFigures.names(strategy).joined(separator: ", "))
      --rounds N        rounds of new processes, 10 to 1000 (default \(roundsUsual))\(MarketChoice.help(strategy))

    Each figure is judged by the p50 and by the p90 of its blocks. Slower is: certainly (95 %) by more
    than 3 %, and by more than 5 % and \(PairedSamples.cycle) ns in the middle, twice. Passed is: certainly less
    than a tenth slower.

    Exit code 0: nothing is slower; 1: something is; 75: nothing is, and some figure was not judged:
    the machine is too noisy, or another build has not got it.
    """
  }
  static let roundsUsual = 16
  /// How often more rounds are made for what cannot be told yet.
  static let attemptsMax = 3

  private struct Options {
    var base = ""
    var creep: String?
    var rounds = roundsUsual
    var figures: [String] = []
    var others: [String] { [base, creep].compactMap { $0 } }

    init(_ arguments: [String], known: [String]) throws {
      var rest = arguments[...]
      while let option = rest.popFirst() {
        guard let value = rest.popFirst() else { throw BenchError("\(option) needs a value") }
        switch option {
        case "--base": base = value
        case "--creep": creep = value
        case "--rounds":
          guard let n = Int(value), (10...1_000).contains(n) else {
            throw BenchError("--rounds is 10 to 1000, not '\(value)'")
          }
          rounds = n
        case "--figure":
          guard known.contains(value) else {
            throw BenchError("no figure '\(value)': there are \(known.joined(separator: ", "))")
          }
          figures.append(value)
        default: throw BenchError("unknown option '\(option)'")
        }
      }
      guard !base.isEmpty else { throw BenchError("--base PROGRAM is missing") }
      // In their order, each once.
      figures = known.filter { figures.isEmpty || figures.contains($0) }
    }
  }

  static func run(_ arguments: [String], _ strategy: BenchStrategy?) -> Int32 {
    if arguments.contains(where: { $0 == "--help" || $0 == "-h" }) {
      print(help(strategy))
      return 0
    }
    do {
      let options = try Options(arguments, known: PairedFigures.names(strategy))
      do {
        for program in options.others { try OwnChild.check(program) }
        return try compare(options, strategy)
      } catch {
        Bench.say("compare: \(Bench.text(of: error))")
        return Bench.exitCode(of: error)
      }
    } catch {
      Bench.say("\(Bench.text(of: error)); see \(Bench.command) compare --help")
      return 64
    }
  }

  private static func compare(_ options: Options, _ strategy: BenchStrategy?) throws -> Int32 {
    let rounds = PairedRounds(
      base: options.base, creep: options.creep, market: strategy?.market ?? MarketChoice())
    // Before the minutes of measuring: whether the others can answer at all.
    for path in options.others {
      try PairedProgram(path: path, market: rounds.market).end()
      if FileManager.default.contentsEqual(atPath: path, andPath: Machine.executable) {
        print("paired: \(path) is this very program: only the machine is compared")
      }
    }
    var idle: String?
    if let strategy, options.figures.contains(PairedFigures.strategyName) {
      idle = try PairedFigures.idle(strategy)
    }
    let figures = options.figures.filter { $0 != PairedFigures.strategyName || idle == nil }
    let samples =
      figures.isEmpty ? [:] : try proven(rounds, figures, count: options.rounds)
    print(PairedTable.text(samples, title: "paired: \(options.rounds) rounds, more where needed"))
    var judgement = PairedJudgement(
      samples, figures: options.figures, programs: rounds.programs, idle: idle)
    let suspects = judgement.suspects
    if !suspects.isEmpty {
      print("paired: slower: \(suspects.joined(separator: ", ")); \(2 * options.rounds) new rounds")
      let again = try rounds.measure(
        figures.filter { judgement.isSuspect($0) }, rounds: 2 * options.rounds)
      print(PairedTable.text(again, title: "paired: \(2 * options.rounds) new rounds"))
      judgement.look(again)
    }
    return judgement.say(rounds)
  }

  /// Rounds of all figures, and more of those that cannot be told yet.
  private static func proven(
    _ rounds: PairedRounds, _ figures: [String], count: Int
  ) throws -> [String: PairedSamples] {
    var samples = try rounds.measure(figures, rounds: count)
    for _ in 1..<attemptsMax {
      let open = figures.filter { name in
        PairedFigures.percentiles.contains { samples[name + $0.name]?.isOpen == true }
      }
      if open.isEmpty { break }
      print("paired: not told yet: \(open.joined(separator: ", ")); \(count) more rounds")
      for (name, more) in try rounds.measure(open, rounds: count) {
        samples[name, default: PairedSamples()].add(more)
      }
    }
    return samples
  }
}
