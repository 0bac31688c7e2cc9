import BenchSupport
import Foundation

/// `needletail-bench compare`: this build against another one, in pairs.
///
/// Processes of both run beside each other on one processor and take turns of some milliseconds,
/// A B B A: a machine that grows slower or faster hits both alike. A dozen such pairs tell the build from
/// where its pages happened to lie. What is slower is measured again in more pairs, and
/// fails only if it is slower in both. Before that the gate proves itself, figure by figure: this build
/// against itself must pass, and against itself with a tenth more work must fail; a figure for which
/// that cannot be shown is not judged.
enum CompareCommand {
  static var help: String {
    """
    usage: \(Bench.name) compare --base PROGRAM [--pairs N]

      --base PROGRAM    the \(Bench.name) of the other build
      --pairs N         pairs of processes, 10 to 1000 (default 12)

    Exit code 0: nothing is slower; 1: something is; 75: nothing is, and the machine is too noisy to
    judge some figure, tried three times: that one is not judged, which is no pass.
    """
  }
  static let attemptsMax = 3
  /// Of one pair of processes.
  static let turns = 5

  static func run(_ arguments: [String], _ strategy: BenchStrategy?) -> Int32 {
    var base: String?
    var pairs = 12
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "--help", "-h":
        print(help)
        return 0
      case "--base":
        guard let value = rest.popFirst() else { return usage("--base needs a program") }
        base = value
      case "--pairs":
        guard let text = rest.popFirst(), let n = Int(text), (10...1_000).contains(n) else {
          return usage("--pairs is 10 to 1000")
        }
        pairs = n
      default: return usage("unknown option '\(option)'")
      }
    }
    guard let base else { return usage("--base PROGRAM is missing") }
    guard access(base, X_OK) == 0 else {
      Bench.say("compare: \(base) is no program: build the base first")
      return 66
    }
    let names = PairedFigures.names(strategy).flatMap { name in
      PairedFigures.shares.map { name + $0.name }
    }
    do { return try compare(base, pairs, names) } catch {
      Bench.say("compare: \((error as? BenchError)?.message ?? "\(error)")")
      return 70
    }
  }

  private static func compare(_ base: String, _ pairs: Int, _ names: [String]) throws -> Int32 {
    let own = Machine.executable
    // Before the minute of proving: whether the base can answer at all.
    try PairedProgram(path: base).end()
    let judged = try provenFigures(own, pairs, names)
    let first = try estimates(base, own, pairs: pairs, of: judged)
    show("new / base, \(pairs) pairs", first)
    let missing = judged.filter { first[$0] == nil }
    for name in missing { Bench.notJudged("paired: \(name)", "it is not in the base") }
    let suspects = judged.filter { first[$0]?.isSlower == true }
    var code: Int32 = 0
    if !suspects.isEmpty {
      print("paired: slower: \(suspects.joined(separator: ", ")); \(2 * pairs) new pairs")
      let second = try estimates(base, own, pairs: 2 * pairs, of: suspects)
      show("new / base, \(2 * pairs) pairs", second)
      for name in suspects {
        guard let estimate = second[name], estimate.isSlower else { continue }
        code = 1
        fail(name, estimate, base)
      }
    }
    let isWhole = judged.count == names.count && missing.isEmpty
    return code == 0 && !isWhole ? 75 : code
  }

  private static func fail(_ name: String, _ estimate: PairedEstimate, _ base: String) {
    let line =
      "gate: paired: \(name) is \(factor(estimate.median)) of the base "
      + "[\(factor(estimate.low)) - \(factor(estimate.high))], must be at most 1.05 and not "
      + "certainly above 1.03; see \(Bench.command) compare "
      + "--base \(Bench.quoted(base))\n"
    FileHandle.standardError.write(Data(line.utf8))
  }

  /// The figures for which a tenth more work is seen on this machine now, and nothing is seen where
  /// nothing is.
  private static func provenFigures(_ own: String, _ pairs: Int, _ names: [String]) throws
    -> [String]
  {
    var open = names
    for attempt in 1...attemptsMax where !open.isEmpty {
      let same = try estimates(own, own, pairs: pairs, of: open)
      let more = try estimates(own, own, planted: 10, pairs: pairs, of: open)
      show("self-test \(attempt) of \(attemptsMax), the same build", same)
      show("self-test \(attempt) of \(attemptsMax), a tenth more work", more)
      open = open.filter { same[$0]?.isSlower != false || more[$0]?.isSlower != true }
    }
    for name in open {
      Bench.notJudged("paired: \(name)", "machine too noisy, tried \(attemptsMax) times")
    }
    return names.filter { !open.contains($0) }
  }

  private static func estimates(
    _ base: String, _ new: String, planted: Int = 0, pairs: Int, of names: [String]
  ) throws -> [String: PairedEstimate] {
    var ratios: [String: [Double]] = [:]
    for pair in 0..<pairs {
      // New processes for each pair: where pages and code lie differs from process to process, and no
      // number of turns within one would show it.
      let a = try PairedProgram(path: base)
      let b = try PairedProgram(path: new, plant: planted)
      defer {
        a.end()
        b.end()
      }
      for name in a.names where b.names.contains(name) {
        let wanted = PairedFigures.shares.map { name + $0.name }
        guard wanted.contains(where: names.contains) else { continue }
        // An old build has fewer shares.
        for (share, found) in zip(wanted, try turns(b, a, name, isFirst: pair % 2 == 1))
        where names.contains(share) {
          ratios[share, default: []].append(found)
        }
      }
    }
    return ratios.mapValues { PairedEstimate($0) }
  }

  /// Median of the turns of two running processes, A B B A, B A A B, for each share that both give.
  private static func turns(
    _ new: PairedProgram, _ base: PairedProgram, _ name: String, isFirst: Bool
  ) throws -> [Double] {
    var ratios: [[Double]] = []
    for turn in 0..<turns {
      let isOuter = (turn % 2 == 0) == isFirst
      let (outer, inner) = isOuter ? (new, base) : (base, new)
      let times = [
        try outer.time(name), try inner.time(name), try inner.time(name), try outer.time(name),
      ]
      let shares = times.map(\.count).min() ?? 0
      ratios.append(
        (0..<shares).map { i in
          let ratio = (times[1][i] * times[2][i] / (times[0][i] * times[3][i])).squareRoot()
          return isOuter ? 1 / ratio : ratio
        })
    }
    return (0..<(ratios.map(\.count).min() ?? 0)).map { i in middle(ratios.map { $0[i] }) }
  }

  private static func show(_ title: String, _ estimates: [String: PairedEstimate]) {
    let parts = estimates.sorted { $0.key < $1.key }.map { name, estimate in
      "\(name) \(factor(estimate.median)) [\(factor(estimate.low))-\(factor(estimate.high))]"
    }
    print("paired: \(title): \(parts.joined(separator: ", "))")
  }

  private static func factor(_ x: Double) -> String { String(format: "%.3f", x) }

  private static func usage(_ message: String) -> Int32 {
    Bench.say("\(message); see \(Bench.command) compare --help")
    return 64
  }
}

/// A build's `needletail-bench paired`, waiting for the name of a figure.
private final class PairedProgram {
  let names: [String]
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let errors: ChildLog
  private let path: String
  private var rest: [UInt8] = []

  init(path: String, plant: Int = 0) throws {
    self.path = path
    errors = try ChildLog()
    // A child that has ended is found out by its answer.
    signal(SIGPIPE, SIG_IGN)
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = ["paired"] + (plant > 0 ? ["--plant", "\(plant)"] : [])
    process.standardInput = input
    process.standardOutput = output
    process.standardError = errors.handle
    do { try process.run() } catch { throw BenchError("\(path): \(error)") }
    AtEnd.shared.remember(child: process.processIdentifier)
    let words = Self.line(output, &rest).split(separator: " ").map(String.init)
    guard words.first == "ready" else {
      try? input.fileHandleForWriting.close()
      process.terminate()
      process.waitUntilExit()
      AtEnd.shared.forget(child: process.processIdentifier)
      throw BenchError(
        "\(path) has no mode 'paired': is it a build from before it?\(errors.said)")
    }
    names = Array(words.dropFirst())
  }

  /// Nanoseconds of one operation, from one slice: its shares.
  func time(_ name: String) throws -> [Double] {
    try? input.fileHandleForWriting.write(contentsOf: Data((name + "\n").utf8))
    let words = Self.line(output, &rest).split(separator: " ")
    let times = words.dropFirst().compactMap { Double($0) }
    guard words.first ?? "" == name, !times.isEmpty, times.count == words.count - 1,
      times.allSatisfy({ $0 > 0 })
    else { throw BenchError("\(path) paired gave no time of \(name)\(errors.said)") }
    return times
  }

  func end() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
    AtEnd.shared.forget(child: process.processIdentifier)
  }

  /// Empty at the end of the output.
  private static func line(_ output: Pipe, _ rest: inout [UInt8]) -> String {
    while !rest.contains(10) {
      let data = output.fileHandleForReading.availableData
      if data.isEmpty { return "" }
      rest += data
    }
    let end = rest.firstIndex(of: 10) ?? 0
    defer { rest.removeFirst(end + 1) }
    return String(decoding: rest[..<end], as: UTF8.self)
  }
}
