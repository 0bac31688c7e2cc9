import BenchSupport
import CSupport
import Foundation

/// `needletail-bench slack`: how far each goal's figure scatters from run to run, and with it what the
/// gate holds it to.
enum SlackCommand {
  static var help: String {
    """
    usage: \(Bench.name) slack [--runs N] [--suite NAME]... [--write FILE]
           [--measured FILE | --from FILE] [--quick]

      --runs N          runs of the suites that have a goal, each a process of its own, \
    \(SlackFile.runsMin) to
                        1000 if it is to be written (default 20; with --from: all)
      --suite NAME      these only; --write leaves the lines of others as they are
      --write FILE      write the slacks there: accepts them (\(SlackFile.usual))
      --measured FILE   keep what is measured there and go on from it when interrupted
                        (default \(measured)); with all runs done it ends as FILE.done
      --from FILE       measure nothing: take the last build's lines of a file that
                        '--gate --history FILE' made
      --quick           a hundredth of the work: shows that it runs, and writes nothing

    slack = how far the worst run's median lay from the middle one, as a factor; at least twice as
    far (squared) as the run that a tenth are worse than, and \(SlackFile.Line.least); for absolute figures times
    \(SlackFile.Line.dayToDay). The gate holds a figure to its goal, or to what is reached with the slack, whichever
    is looser. A run takes about a minute; progress is told.
    """
  }

  static let measured = BenchContext.cache + "/slack-runs.jsonl"
  /// Of runs that could not measure, in a row.
  private static let failuresMax = 3

  private struct Options {
    var runs: Int?
    var suites: [String] = []
    var output: String?
    var measured = SlackCommand.measured
    var from: String?
    var quick = false

    init(_ arguments: [String]) throws {
      var rest = arguments[...]
      let gated = Bench.suites.map { $0.name }.filter { !Bench.ungated.contains($0) }
      while let option = rest.popFirst() {
        if option == "--quick" {
          quick = true
          continue
        }
        guard let value = rest.popFirst() else { throw BenchError("\(option) needs a value") }
        switch option {
        case "--runs":
          guard let n = Int(value), (1...1_000).contains(n) else {
            throw BenchError("--runs is 1 to 1000, not '\(value)'")
          }
          runs = n
        case "--suite":
          guard gated.contains(value) else {
            throw BenchError(
              "no suite '\(value)' with a gate: there are \(gated.joined(separator: ", "))")
          }
          suites.append(value)
        case "--write": output = value
        case "--measured": measured = value
        case "--from": from = value
        default: throw BenchError("unknown option '\(option)'")
        }
      }
      guard output != nil else { return }
      if quick { throw BenchError("--quick says nothing about the gate: leave out --write") }
      if let runs, runs < SlackFile.runsMin {
        throw BenchError("--write needs --runs \(SlackFile.runsMin) at least, not \(runs)")
      }
    }
  }

  static func run(_ arguments: [String]) -> Int32 {
    if arguments.contains(where: { $0 == "--help" || $0 == "-h" }) {
      print(help)
      return 0
    }
    let options: Options
    do { options = try Options(arguments) } catch {
      Bench.say(
        "\((error as? BenchError)?.message ?? "\(error)"); see \(Bench.command) slack --help")
      return 64
    }
    do {
      // A file that could not be joined is said before the long measuring.
      let before = try options.output.flatMap { path in
        FileManager.default.fileExists(atPath: path) ? try SlackFile.accepted(path) : nil
      }
      let lines = try options.from.map { try given($0, options) } ?? measure(options)
      let made = try derive(lines, options.suites)
      print(text(made, lines))
      if let output = options.output {
        try WholeFile.write(joined(made, before, options.suites).json + "\n", to: output)
        Bench.say("slack: wrote \(output)")
      }
      if options.from == nil {
        try? FileManager.default.removeItem(atPath: options.measured + ".done")
        try FileManager.default.moveItem(
          atPath: options.measured, toPath: options.measured + ".done")
      }
      return 0
    } catch let error as AcceptedFileError {
      Bench.say(error.message)
      return error.code
    } catch {
      Bench.say("slack: \((error as? BenchError)?.message ?? "\(error)")")
      return 70
    }
  }

  // MARK: Where the lines come from

  private static func given(_ path: String, _ options: Options) throws -> [GateHistory] {
    guard FileManager.default.fileExists(atPath: path) else {
      throw AcceptedFileError(
        code: 66, message: "\(path): is not there; \(Bench.command) --gate --history makes it")
    }
    let lines = try newest(GateHistory.read(path).filter { options.quick == $0.quick }, path)
    let wanted = options.runs ?? lines.count
    guard lines.count >= wanted, options.output == nil || wanted >= SlackFile.runsMin else {
      throw AcceptedFileError(
        code: 65,
        message: "\(path): has \(lines.count) runs of its last build, "
          + "\(max(wanted, SlackFile.runsMin)) are needed")
    }
    return Array(lines.suffix(wanted))
  }

  /// Of the build and the machine of the last line.
  static func newest(_ lines: [GateHistory], _ path: String) throws -> [GateHistory] {
    guard let last = lines.last else {
      throw AcceptedFileError(code: 65, message: "\(path): holds no run")
    }
    return lines.filter { $0.build == last.build && $0.machine == last.machine }
  }

  private static func measure(_ options: Options) throws -> [GateHistory] {
    let wanted = options.runs ?? 20
    let build = GateHistory.ownBuild()
    let machine = Machine.processor()
    for trouble in Machine.troubles() { Bench.say(trouble) }
    var failures = 0
    var seconds = 0.0
    var made = 0.0
    while true {
      let lines = try GateHistory.read(options.measured).filter {
        $0.build == build && $0.machine == machine && $0.quick == options.quick
          && (options.suites.isEmpty || Set($0.figures.map(\.suite)).isSubset(of: options.suites))
      }
      if lines.count >= wanted { return Array(lines.suffix(wanted)) }
      let minutes = made > 0 ? seconds / made / 60 * Double(wanted - lines.count) : 0
      Bench.say(
        "slack: run \(lines.count + 1) of \(wanted)"
          + (made > 0 ? String(format: "; about %.0f min left", minutes.rounded(.up)) : ""))
      let start = nanoseconds()
      // A suite without a goal is run once, to find that out.
      let suites = lines.last.map { Set($0.figures.map(\.suite)).sorted() } ?? options.suites
      if try once(suites, options) {
        failures = 0
        made += 1
        seconds += Double(nanoseconds() - start) / 1e9
      } else {
        failures += 1
        guard failures < failuresMax else {
          throw BenchError("\(failures) runs in a row could not measure; see above")
        }
      }
    }
  }

  /// One run, in a process of its own that ends with this one.
  private static func once(_ suites: [String], _ options: Options) throws -> Bool {
    let words =
      ["once", "--gate", "--history", options.measured]
      + suites.flatMap { ["--suite", $0] } + (options.quick ? ["--quick"] : [])
    return try OwnProcess.run(words) == 0
  }

  // MARK: What they say

  static func derive(_ lines: [GateHistory], _ suites: [String]) throws -> SlackFile {
    var values: [String: [GateHistory.Value]] = [:]
    for line in lines {
      for value in line.figures where suites.isEmpty || suites.contains(value.suite) {
        values[SlackFile.name(value.suite, value.name), default: []].append(value)
      }
    }
    guard let machine = lines.last?.machine, !values.isEmpty else {
      throw AcceptedFileError(code: 65, message: "slack: no figure of a goal was measured")
    }
    for (name, found) in values.sorted(by: { $0.key < $1.key }) where found.count != lines.count {
      throw AcceptedFileError(
        code: 65,
        message: "slack: '\(name)' is in \(found.count) of \(lines.count) runs: measure anew, or "
          + "leave out the runs of other suites with --runs")
    }
    return SlackFile(
      machine: machine,
      figures: values.mapValues {
        SlackFile.Line($0.map(\.median), unit: $0[0].unit, atLeast: $0[0].atLeast)
      })
  }

  /// The lines of suites that were not measured stay.
  private static func joined(
    _ made: SlackFile, _ before: SlackFile?, _ suites: [String]
  ) throws -> SlackFile {
    guard let before, !suites.isEmpty else { return made }
    guard before.machine == made.machine else {
      throw AcceptedFileError(
        code: 65,
        message: "slack: the file is of \(before.machine), this is \(made.machine): one file is of "
          + "one machine; leave out --suite")
    }
    var made = made
    for (name, line) in before.figures
    where !suites.contains(where: { name.hasPrefix(SlackFile.name($0, "")) }) {
      made.figures[name] = line
    }
    return made
  }

  private static func text(_ made: SlackFile, _ lines: [GateHistory]) -> String {
    var out = [
      "\(made.machine): \(lines.count) runs of build \(lines.last?.build ?? "")",
      "  " + pad("", 62) + left("median", 11) + left("tenth", 11) + left("worst", 11)
        + left("slack", 8)
        + left("goal", 11) + left("held at", 11),
    ]
    for value in lines.last?.figures ?? [] {
      let name = SlackFile.name(value.suite, value.name)
      guard let line = made.figures[name] else { continue }
      var limit = Figure.Limit(goal: value.goal, atLeast: value.atLeast)
      limit.held = .init(reached: line.median, slack: line.slack, runs: line.runs)
      let verdict = limit.isMet(by: line.median) ? "met" : "not met"
      out.append(
        "  " + pad(name, 62) + left(number(line.median), 11) + left(number(line.tenth), 11)
          + left(number(line.worst), 11)
          + left(String(format: "%.3f", line.slack), 8) + left(number(value.goal), 11)
          + left(number(limit.gate ?? .nan), 11) + "  \(verdict)")
    }
    return out.joined(separator: "\n")
  }
}
