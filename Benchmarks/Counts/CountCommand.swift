import BenchSupport
import CSupport
import Foundation

/// `needletail-bench count`: instructions of the hot functions, exact.
enum CountCommand {
  static func help(_ strategy: BenchStrategy?) -> String {
    """
    usage: \(Bench.name) count [--list] [--operation NAME]... [--swift VERSION]
           [--thresholds FILE] [--creep FILE] [--write-thresholds FILE]\(MarketChoice.usage(strategy))

      --list                  the operations: how many of each are counted, and what one is
      --operation NAME        print only these; all are counted and judged
      --swift VERSION         the version that the thresholds are kept under (default: what
                              'swift --version' says)
      --thresholds FILE       exit 1 where a count differs from the file by more than 2 %, of
                              strategy.alone by more than 1 %, and by more than 0.05
                              instructions (data references and last-level
                              misses: above by more than 5 %, and by
                              more than 0.5 references or 0.25 misses an operation), and where
                              the file has no line for an operation
      --creep FILE            exit 1 where a count is above this file's, of a build long ago, by
                              more than 5 %
      --write-thresholds FILE write what was counted there: accepts it\(MarketChoice.help(strategy))

    Counts are by operation, from valgrind's callgrind; they do not depend on the machine's load.
    """
  }

  /// A thresholds file that this program and this Swift can be held to.
  struct Accepted {
    let path: String
    let thresholds: Thresholds

    /// - Parameter swift: the running version; nil: as `swift --version` says.
    init(_ path: String, _ strategy: BenchStrategy?, swift: String? = nil) throws {
      self.path = path
      thresholds = try Thresholds.read(path)
      try thresholds.requireKnown(names(strategy), path)
      try thresholds.requireSwift(try version(swift), path)
      try CountSubject(strategy).require(thresholds, path)
    }

    /// A build's of long ago: what it names may be gone.
    init(creep path: String, _ strategy: BenchStrategy?, swift: String) throws {
      self.path = path
      thresholds = try Thresholds.read(path)
      try thresholds.requireSwift(swift, path, remedy: Thresholds.withoutCreep)
      try CountSubject(strategy).require(thresholds, path, remedy: Thresholds.withoutCreep)
    }

    init(path: String, thresholds: Thresholds) {
      self.path = path
      self.thresholds = thresholds
    }
  }

  private struct Options {
    var thresholds: String?
    var creep: String?
    var output: String?
    var version: String?
    var names: [String] = []
  }

  static func run(_ arguments: [String], _ strategy: BenchStrategy?) -> Int32 {
    var options = Options()
    var rest = arguments[...]
    while let option = rest.popFirst() {
      if option == "--help" || option == "-h" {
        print(help(strategy))
        return 0
      }
      if option == "--list" {
        for operation in CountedOperation.all(strategy) {
          let times = operation.times.map { "\($0)" } ?? "each"
          print("\(pad(operation.name, 16))\(left(times, 6)) x \(operation.what)")
        }
        return 0
      }
      guard let value = rest.popFirst() else { return usage("\(option) needs a value") }
      switch option {
      case "--thresholds": options.thresholds = value
      case "--creep": options.creep = value
      case "--write-thresholds": options.output = value
      case "--swift": options.version = value
      case "--operation":
        guard names(strategy).contains(value) else {
          return usage("no operation '\(value)'; see \(Bench.command) count --list")
        }
        options.names.append(value)
      default: return usage("unknown option '\(option)'")
      }
    }
    return counting { try count(options, strategy) }
  }

  private static func count(_ options: Options, _ strategy: BenchStrategy?) throws -> Int32 {
    // What is wrong is said before the minute of counting.
    let swift = try version(options.version)
    try options.output.map(WholeFile.check)
    let accepted = try options.thresholds.map { try Accepted($0, strategy, swift: swift) }
    let longAgo = try options.creep.map { try Accepted(creep: $0, strategy, swift: swift) }
    let subject = try CountSubject(strategy)
    let measured = try subject.count(swift: swift)
    show(measured, accepted, options.names)
    let code = verdict(measured, accepted.map(subject.judged), longAgo.map(subject.judged))
    if let output = options.output {
      // Half a file would look like an accepted one.
      if subject.unjudged == nil {
        try WholeFile.write(measured.json + "\n", to: output)
      } else {
        Bench.say("\(output) is not written: the strategy has no counts")
      }
    }
    return subject.closing(code)
  }

  /// Counts and judges; 0 or 1, 70 when nothing could be counted, 75 when the strategy is not judged.
  static func gate(_ accepted: Accepted, _ strategy: BenchStrategy?) -> Int32 {
    counting {
      let subject = try CountSubject(strategy)
      let measured = try subject.count(swift: accepted.thresholds.swift)
      show(measured, accepted, [])
      return subject.closing(verdict(measured, subject.judged(accepted), nil))
    }
  }

  /// The risk chain's instructions by the accepted ones, for the table of goals.
  static func evidence(_ accepted: Accepted, _ strategy: BenchStrategy?) -> GoalEvidence {
    do {
      let measured = try CountSubject(strategy).count(swift: accepted.thresholds.swift)
      return accepted.thresholds.evidence(measured, accepted.path)
    } catch {
      return .missing("count: \(Bench.text(of: error))")
    }
  }

  private static func counting(_ body: () throws -> Int32) -> Int32 {
    do { return try body() } catch {
      Bench.say("count: \(Bench.text(of: error))")
      return Bench.exitCode(of: error)
    }
  }

  private static func names(_ strategy: BenchStrategy?) -> [String] {
    CountedOperation.all(strategy).map(\.name)
  }

  /// Counts belong to the Swift that made them.
  private static func version(_ given: String?) throws -> String {
    guard let version = given ?? Callgrind.swiftVersion() else {
      throw AcceptedFileError(
        code: 69,
        message: "counts are held to a Swift version and 'swift --version' says none: put swift on "
          + "PATH, or say it: \(Bench.command) count --swift VERSION")
    }
    return version
  }

  /// What the gate says; 0 or 1.
  static func verdict(
    _ measured: Thresholds, _ accepted: Accepted?, _ longAgo: Accepted?
  ) -> Int32 {
    var lines = accepted.map { $0.thresholds.judge(measured, $0.path) } ?? []
    if let longAgo {
      let creep = longAgo.thresholds.creep(measured, longAgo.path)
      for (name, why) in creep.notes { Bench.notJudged("creep: \(name)", why) }
      lines += creep.failures
    }
    for line in lines { FileHandle.standardError.write(Data((line + "\n").utf8)) }
    return lines.isEmpty ? 0 : 1
  }

  private static func show(_ measured: Thresholds, _ accepted: Accepted?, _ names: [String]) {
    print("counts by operation (\(measured.architecture), dispatch \(measured.dispatch)):")
    print(
      "  " + pad("", 16) + left("instructions", 14) + left("data refs", 12) + left("LL misses", 12)
        + (accepted == nil ? "" : left("accepted", 12) + left("change", 10)))
    for name in Thresholds.ordered(measured.operations.keys)
    where names.isEmpty || names.contains(name) {
      guard let count = measured.operations[name] else { continue }
      var line = "  " + pad(name, 16)
      line += left(String(format: "%.1f", count.instructions), 14)
      line += left(String(format: "%.1f", count.dataReferences), 12)
      line += left(String(format: "%.3f", count.misses), 12)
      if let bound = accepted?.thresholds.operations[name] {
        let change = 100 * (count.instructions / bound.instructions - 1)
        line += left(String(format: "%.1f", bound.instructions), 12)
        line += left(String(format: "%+.2f %%", change), 10)
      }
      print(line)
    }
  }

  private static func usage(_ message: String) -> Int32 {
    Bench.say("\(message); see \(Bench.command) count --help")
    return 64
  }
}
