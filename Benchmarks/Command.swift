import BenchSupport
import Foundation

/// `needletail-bench`: runs suites, prints their figures, and with `--gate` fails when a target is
/// missed.
@main struct BenchCommand {
  static var suites: [any Suite.Type] {
    [
      RingSuite.self, ITCHSuite.self, RiskSuite.self, EngineSuite.self, WireSuite.self,
      ScaleSuite.self,
    ]
  }

  /// How often a suite is measured under `--gate` before a miss counts.
  static let measurementsMax = 3

  static let help = """
    usage: needletail-bench [--suite NAME]... [--format text|json] [--gate] [--runs N]
                            [--quick] [--handicap NANOSECONDS] [--scale N] [--list]

      --suite NAME      one of the suites below; all without it
      --format F        text (default) or json
      --gate            exit 1 when a figure misses its target, and name it; a suite with a miss
                        is measured again, twice at the most, before it counts
      --runs N          measured runs of each figure, 1 to 1000 (default 5)
      --quick           a hundredth of the work: shows that it runs, the figures mean little
      --handicap N      add N busy nanoseconds to every operation under test (0 to 1000000000):
                        shows that a gate can fail
      --scale N         messages of the suite scale, 10000000 to 1000000000; a day has 300000000
                        (default: what fits into 12 seconds)
      --list            the suites and their questions

    Figures are medians over the runs with least and greatest. Compare ratios within one run;
    absolute times differ by a third from day to day on a shared machine.
    """

  static func main() {
    exit(run(Array(CommandLine.arguments.dropFirst())))
  }

  static func run(_ arguments: [String]) -> Int32 {
    let options: BenchOptions
    do {
      options = try BenchOptions(arguments, suites: suites.map { $0.name })
    } catch let error as BenchError {
      say("\(error.message); see needletail-bench --help")
      return 64
    } catch { return 70 }
    if options.help {
      print(help)
      print("\nsuites:")
      for suite in suites { print("  \(suite.name)  \(suite.question)") }
      return 0
    }
    // Before a suite pins this thread.
    let machine = Machine.describe()
    let context = BenchContext(
      runs: options.runs, quick: options.quick, handicap: options.handicap, scale: options.scale,
      processors: Machine.processors())
    var results: [SuiteResult] = []
    for suite in suites where options.names.isEmpty || options.names.contains(suite.name) {
      results.append(measure(suite, context, gate: options.gate))
    }
    let report = BenchReport(machine: machine, quick: options.quick, suites: results)
    print(options.json ? report.json() : report.text())
    return report.exitCode(gate: options.gate)
  }

  /// With the gate a suite that misses is measured again: on a shared machine one bad minute says
  /// little, and a target that is out of reach is missed every time.
  private static func measure(
    _ suite: any Suite.Type, _ context: BenchContext, gate: Bool
  ) -> SuiteResult {
    var result = once(suite, context)
    var attempts = 1
    while gate, attempts < measurementsMax,
      result.error != nil || result.figures.contains(where: { $0.misses && !$0.isFinal })
    {
      for line in result.misses {
        say("\(line); measuring \(suite.name) again (\(attempts + 1) of \(measurementsMax))")
      }
      // A target met once is met: the others' misses decide.
      result = result.merged(with: once(suite, context))
      attempts += 1
    }
    result.measurements = attempts
    return result
  }

  private static func once(_ suite: any Suite.Type, _ context: BenchContext) -> SuiteResult {
    do {
      return SuiteResult(
        suite: suite.name, question: suite.question, figures: try suite.run(context))
    } catch {
      let message = (error as? BenchError)?.message ?? "\(error)"
      return SuiteResult(
        suite: suite.name, question: suite.question, figures: [], error: message)
    }
  }

  private static func say(_ text: String) {
    FileHandle.standardError.write(Data("needletail-bench: \(text)\n".utf8))
  }
}

struct BenchOptions {
  var names: [String] = []
  var json = false
  var gate = false
  var quick = false
  var help = false
  var runs = 5
  var handicap: Int64 = 0
  var scale: Int?

  init(_ arguments: [String], suites: [String]) throws {
    var rest = arguments[...]
    func value(_ option: String) throws -> String {
      guard let next = rest.popFirst() else { throw BenchError("\(option) needs a value") }
      return next
    }
    while let option = rest.popFirst() {
      switch option {
      case "--help", "-h", "--list": help = true
      case "--gate": gate = true
      case "--quick": quick = true
      case "--suite":
        let name = try value(option)
        guard suites.contains(name) else {
          throw BenchError("no suite '\(name)': there are \(suites.joined(separator: ", "))")
        }
        names.append(name)
      case "--format":
        let format = try value(option)
        guard format == "text" || format == "json" else {
          throw BenchError("--format is text or json, not '\(format)'")
        }
        json = format == "json"
      case "--runs":
        let text = try value(option)
        guard let n = Int(text), (1...1000).contains(n) else {
          throw BenchError("--runs is 1 to 1000, not '\(text)'")
        }
        runs = n
      case "--handicap":
        let text = try value(option)
        guard let n = Int64(text), (0...1_000_000_000).contains(n) else {
          throw BenchError("--handicap is 0 to 1000000000 nanoseconds, not '\(text)'")
        }
        handicap = n
      case "--scale":
        let text = try value(option)
        guard let n = Int(text), (10_000_000...1_000_000_000).contains(n) else {
          throw BenchError("--scale is 10000000 to 1000000000 messages, not '\(text)'")
        }
        scale = n
      default: throw BenchError("unknown option '\(option)'")
      }
    }
  }
}
