import BenchSupport
import CSupport
import Foundation

/// `needletail-bench count`: instructions of the hot functions, exact.
enum CountCommand {
  static let help = """
    usage: needletail-bench count [--list] [--operation NAME]... [--swift VERSION]
                                  [--thresholds FILE] [--release FILE] [--write-thresholds FILE]

      --list                  the operations
      --operation NAME        print only these
      --swift VERSION         the version that the thresholds are kept under (default: unnamed)
      --thresholds FILE       exit 1 where a count differs from the file by more than 2 % (data
                              references and last-level misses: above by more than 5 %)
      --release FILE          exit 1 where a count is above this file's, of the last release, by
                              more than 5 %
      --write-thresholds FILE write what was counted there: accepts it

    Counts are by operation, from valgrind's callgrind; they do not depend on the machine's load.
    """

  static func run(_ arguments: [String]) -> Int32 {
    var thresholds: String?
    var release: String?
    var output: String?
    var version = "unnamed"
    var names: [String] = []
    var rest = arguments[...]
    while let option = rest.popFirst() {
      if option == "--help" || option == "-h" {
        print(help)
        return 0
      }
      if option == "--list" {
        for operation in CountedOperation.all {
          print("\(pad(operation.name, 16)) \(operation.what)")
        }
        return 0
      }
      guard let value = rest.popFirst() else { return usage("\(option) needs a value") }
      switch option {
      case "--thresholds": thresholds = value
      case "--release": release = value
      case "--write-thresholds": output = value
      case "--swift": version = value
      case "--operation":
        guard CountedOperation.all.contains(where: { $0.name == value }) else {
          return usage("no operation '\(value)'; see needletail-bench count --list")
        }
        names.append(value)
      default: return usage("unknown option '\(option)'")
      }
    }
    do {
      // Before the minute of counting.
      let accepted = try thresholds.map(Thresholds.read)
      let released = try release.map(Thresholds.read)
      let measured = try Callgrind.count(swift: version)
      show(measured, accepted, names)
      if let output { try WholeFile.write(measured.json + "\n", to: output) }
      return verdict(measured, accepted, released)
    } catch let error as ThresholdsError {
      Bench.say(error.message)
      return error.code
    } catch {
      Bench.say("count: \((error as? BenchError)?.message ?? "\(error)")")
      return 70
    }
  }

  /// Counts and judges; 0 or 1, 70 when nothing could be counted.
  static func gate(_ accepted: Thresholds) -> Int32 {
    do {
      let measured = try Callgrind.count(swift: accepted.swift)
      show(measured, accepted, [])
      return verdict(measured, accepted, nil)
    } catch {
      Bench.say("count: \((error as? BenchError)?.message ?? "\(error)")")
      return 70
    }
  }

  /// What the gate says; 0 or 1.
  static func verdict(
    _ measured: Thresholds, _ accepted: Thresholds?, _ released: Thresholds?
  ) -> Int32 {
    var lines = accepted?.judge(measured) ?? []
    if let released {
      let creep = released.judge(measured, slack: Thresholds.creep, dataSlack: nil)
      // Fewer than the release had is no creep.
      lines += creep.filter { line in
        guard let name = measured.operations.keys.first(where: { line.contains(" \($0): ") }),
          let now = measured.operations[name], let then = released.operations[name]
        else { return true }
        return now.instructions > then.instructions
      }.map { $0.replacingOccurrences(of: "gate: counts:", with: "gate: creep:") }
    }
    for line in lines { FileHandle.standardError.write(Data((line + "\n").utf8)) }
    return lines.isEmpty ? 0 : 1
  }

  private static func show(_ measured: Thresholds, _ accepted: Thresholds?, _ names: [String]) {
    print("counts by operation (\(measured.architecture), dispatch \(measured.dispatch)):")
    print(
      "  " + pad("", 16) + left("instructions", 14) + left("data refs", 12) + left("LL misses", 12)
        + (accepted == nil ? "" : left("accepted", 12) + left("change", 10)))
    for operation in CountedOperation.all where names.isEmpty || names.contains(operation.name) {
      guard let count = measured.operations[operation.name] else { continue }
      var line = "  " + pad(operation.name, 16)
      line += left(String(format: "%.1f", count.instructions), 14)
      line += left(String(format: "%.1f", count.dataReferences), 12)
      line += left(String(format: "%.3f", count.misses), 12)
      if let bound = accepted?.operations[operation.name] {
        let change = 100 * (count.instructions / bound.instructions - 1)
        line += left(String(format: "%.1f", bound.instructions), 12)
        line += left(String(format: "%+.2f %%", change), 10)
      }
      print(line)
    }
  }

  private static func usage(_ message: String) -> Int32 {
    Bench.say("\(message); see needletail-bench count --help")
    return 64
  }
}
