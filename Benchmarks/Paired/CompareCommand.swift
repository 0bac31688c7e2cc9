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
    [--pairs N]\(MarketChoice.usage(strategy))

      --base PROGRAM    the \(Bench.name) of the other build
      --creep PROGRAM   that of a build long ago, held by the same rule: several changes, each of which
                        loses less than is seen, may not lose more together
      --figure NAME     these only; all without it: \(PairedFigures.names(strategy).joined(separator: ", "))
      --pairs N         pairs of processes, 10 to 1000 (default \(pairsUsual))\(MarketChoice.help(strategy))

    Each figure is judged by the p50 and by the p90 of its blocks. Slower is: certainly (95 %) by more
    than 3 %, and by more than 5 % in the middle, twice. Passed is: certainly less than a tenth slower.

    Exit code 0: nothing is slower; 1: something is; 75: nothing is, and some figure was not judged:
    the machine is too noisy, or another build has not got it.
    """
  }
  static let pairsUsual = 16
  /// How often more rounds are made for what cannot be told yet.
  static let attemptsMax = 3

  private struct Options {
    var base = ""
    var creep: String?
    var pairs = pairsUsual
    var figures: [String] = []

    init(_ arguments: [String], known: [String]) throws {
      var rest = arguments[...]
      while let option = rest.popFirst() {
        guard let value = rest.popFirst() else { throw BenchError("\(option) needs a value") }
        switch option {
        case "--base": base = value
        case "--creep": creep = value
        case "--pairs":
          guard let n = Int(value), (10...1_000).contains(n) else {
            throw BenchError("--pairs is 10 to 1000, not '\(value)'")
          }
          pairs = n
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
      for program in [options.base, options.creep].compactMap({ $0 })
      where access(program, X_OK) != 0 {
        Bench.say("compare: \(program) is no program: build it first")
        return 66
      }
      do { return try compare(options, strategy) } catch {
        Bench.say("compare: \((error as? BenchError)?.message ?? "\(error)")")
        return 70
      }
    } catch {
      let what = (error as? BenchError)?.message ?? "\(error)"
      Bench.say("\(what); see \(Bench.command) compare --help")
      return 64
    }
  }

  private static func compare(_ options: Options, _ strategy: BenchStrategy?) throws -> Int32 {
    let rounds = PairedRounds(
      base: options.base, creep: options.creep, market: strategy?.market ?? MarketChoice())
    // Before the minutes of measuring: whether the others can answer at all.
    for path in [options.base, options.creep].compactMap({ $0 }) {
      try PairedProgram(path: path, market: rounds.market).end()
    }
    var idle: String?
    if let strategy, options.figures.contains(PairedFigures.strategyName) {
      idle = try PairedFigures.idle(strategy)
    }
    let figures = options.figures.filter { $0 != PairedFigures.strategyName || idle == nil }
    let samples =
      figures.isEmpty ? [:] : try proven(rounds, figures, pairs: options.pairs)
    print(PairedTable.text(samples, title: "paired: \(options.pairs) pairs, more where needed"))
    var judgement = PairedJudgement(
      samples, figures: options.figures, programs: rounds.programs, idle: idle)
    let suspects = judgement.suspects
    if !suspects.isEmpty {
      print("paired: slower: \(suspects.joined(separator: ", ")); \(2 * options.pairs) new pairs")
      let again = try rounds.measure(
        figures.filter { judgement.isSuspect($0) }, rounds: 2 * options.pairs)
      print(PairedTable.text(again, title: "paired: \(2 * options.pairs) new pairs"))
      judgement.look(again)
    }
    return judgement.say(rounds)
  }

  /// Rounds of all figures, and more of those that cannot be told yet.
  private static func proven(
    _ rounds: PairedRounds, _ figures: [String], pairs: Int
  ) throws -> [String: PairedSamples] {
    var samples = try rounds.measure(figures, rounds: pairs)
    for _ in 1..<attemptsMax {
      let open = figures.filter { name in
        PairedFigures.shares.contains { samples[name + $0.name]?.isOpen == true }
      }
      if open.isEmpty { break }
      print("paired: not told yet: \(open.joined(separator: ", ")); \(pairs) more pairs")
      for (name, more) in try rounds.measure(open, rounds: pairs) {
        samples[name, default: PairedSamples()].add(more)
      }
    }
    return samples
  }
}
