import BenchSupport
import Foundation

/// `needletail-bench compare`: this build against another one, in pairs.
///
/// Runs of the two builds alternate (A B B A), so that a machine that grows slower or faster hits both
/// alike. What is slower in twelve pairs is measured again in twenty new ones, and fails only if it is
/// slower in both. Before that the gate proves itself: this build against itself must pass, and against
/// itself with a tenth more work must fail; a machine on which that cannot be shown judges nothing.
enum CompareCommand {
  static let help = """
    usage: needletail-bench compare --base PROGRAM [--pairs N] [--skip-self-test]

      --base PROGRAM    the needletail-bench of the other build
      --pairs N         pairs of runs, 10 to 200 (default 12)

    Exit code 0: nothing is slower; 1: something is; 75: the machine is too noisy to tell, tried three
    times: not judged, which is no pass.
    """
  static let attemptsMax = 3
  static let repeatedPairs = 20

  static func run(_ arguments: [String]) -> Int32 {
    var base: String?
    var pairs = 12
    var testsItself = true
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "--help", "-h":
        print(help)
        return 0
      case "--skip-self-test": testsItself = false
      case "--base":
        guard let value = rest.popFirst() else { return usage("--base needs a program") }
        base = value
      case "--pairs":
        guard let text = rest.popFirst(), let n = Int(text), (10...200).contains(n) else {
          return usage("--pairs is 10 to 200")
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
    do { return try compare(base, pairs, testsItself) } catch {
      Bench.say("compare: \((error as? BenchError)?.message ?? "\(error)")")
      return 70
    }
  }

  private static func compare(_ base: String, _ pairs: Int, _ testsItself: Bool) throws -> Int32 {
    let own = PairedProgram(path: Machine.executable)
    if testsItself, try !isQuiet(own, pairs) {
      print("paired: machine too noisy, tried \(attemptsMax) times: NOT JUDGED")
      return 75
    }
    let other = PairedProgram(path: base)
    let first = try estimates(other, own, pairs)
    show("new / base, \(pairs) pairs", first)
    let suspects = first.filter { $0.value.isSlower }.map(\.key)
    guard !suspects.isEmpty else { return 0 }
    print("paired: \(suspects.sorted().joined(separator: ", ")) slower: \(repeatedPairs) new pairs")
    let second = try estimates(other, own, repeatedPairs)
    show("new / base, \(repeatedPairs) pairs", second)
    var code: Int32 = 0
    for name in suspects.sorted() {
      guard let estimate = second[name], estimate.isSlower else { continue }
      code = 1
      let line =
        "gate: paired: \(name) is \(factor(estimate.median)) of the base "
        + "[\(factor(estimate.low)) - \(factor(estimate.high))], must be at most 1.05 and not "
        + "certainly above 1.03; see needletail-bench compare --base \(base)\n"
      FileHandle.standardError.write(Data(line.utf8))
    }
    return code
  }

  /// Whether a tenth more work is seen here, and nothing is seen where nothing is.
  private static func isQuiet(_ own: PairedProgram, _ pairs: Int) throws -> Bool {
    for attempt in 1...attemptsMax {
      let same = try estimates(own, own, pairs)
      let falseAlarms = same.filter { $0.value.isSlower }.map(\.key).sorted()
      let more = try estimates(own, own.planted(10), pairs)
      let unseen = more.filter { !$0.value.isSlower }.map(\.key).sorted()
      show("self-test, the same build, \(pairs) pairs", same)
      show("self-test, a tenth more work, \(pairs) pairs", more)
      if falseAlarms.isEmpty, unseen.isEmpty { return true }
      print(
        "paired: self-test \(attempt) of \(attemptsMax): false alarms: "
          + "\(falseAlarms.isEmpty ? "none" : falseAlarms.joined(separator: ", ")); not seen: "
          + (unseen.isEmpty ? "none" : unseen.joined(separator: ", ")))
    }
    return false
  }

  private static func estimates(
    _ a: PairedProgram, _ b: PairedProgram, _ pairs: Int
  ) throws -> [String: PairedEstimate] {
    var ratios: [String: [Double]] = [:]
    for pair in 0..<pairs {
      let (first, second) = pair % 2 == 0 ? (a, b) : (b, a)
      let one = try first.figures()
      let two = try second.figures()
      let (base, new) = pair % 2 == 0 ? (one, two) : (two, one)
      for (name, time) in new {
        guard let before = base[name], before > 0 else { continue }
        ratios[name, default: []].append(time / before)
      }
    }
    guard !ratios.isEmpty else { throw BenchError("the two builds have no figure in common") }
    return ratios.mapValues { PairedEstimate($0) }
  }

  private static func show(_ title: String, _ estimates: [String: PairedEstimate]) {
    let parts = PairedFigures.names.compactMap { name in
      estimates[name].map { "\(name) \(factor($0.median)) [\(factor($0.low))-\(factor($0.high))]" }
    }
    print("paired: \(title): \(parts.joined(separator: ", "))")
  }

  private static func factor(_ x: Double) -> String { String(format: "%.3f", x) }

  private static func usage(_ message: String) -> Int32 {
    Bench.say("\(message); see needletail-bench compare --help")
    return 64
  }
}

/// A build's `needletail-bench paired`.
struct PairedProgram {
  var path: String
  var plant = 0

  func planted(_ percent: Int) -> PairedProgram { .init(path: path, plant: percent) }

  /// Nanoseconds by figure, of one run.
  func figures() throws -> [String: Double] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = ["paired"] + (plant > 0 ? ["--plant", "\(plant)"] : [])
    let out = Pipe()
    process.standardOutput = out
    process.standardError = FileHandle.nullDevice
    do { try process.run() } catch { throw BenchError("\(path): \(error)") }
    let text = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw BenchError(
        "\(path) paired ended with \(process.terminationStatus): is it a build from before the mode?"
      )
    }
    return Self.parse(text)
  }

  static func parse(_ text: String) -> [String: Double] {
    var found: [String: Double] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 3, words[0] == "paired", let time = Double(words[2]), time > 0 else {
        continue
      }
      found[String(words[1])] = time
    }
    return found
  }
}
