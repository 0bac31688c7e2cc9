import BenchSupport

/// What the command line asks for.
struct BenchOptions {
  var names: [String] = []
  var json = false
  var gate = false
  var quick = false
  var help = false
  var runs = 5
  var handicap: Int64 = 0
  var scale: Int?
  var output: String?
  var hgrm: String?
  var goalsOnly = false
  var thresholds: String?
  var base: String?
  var quoted: String?
  var writeQuoted: String?
  var audit: String?
  var peers: String?

  /// What is about the product's goals: no option of a user's own executable.
  private static let ofGoals: Set = [
    "--goals", "--audit", "--peers", "--base", "--quoted", "--write-quoted",
  ]

  /// - Parameters:
  ///   - ungated: suites that measure nothing under the gate.
  ///   - isOwn: of a user's own executable.
  init(
    _ arguments: [String], suites: [String], ungated: [String] = [], isOwn: Bool = false
  ) throws {
    var rest = arguments[...]
    func value(_ option: String) throws -> String {
      guard let next = rest.popFirst() else { throw BenchError("\(option) needs a value") }
      return next
    }
    while let option = rest.popFirst() {
      if isOwn, Self.ofGoals.contains(option) { throw BenchError("unknown option '\(option)'") }
      switch option {
      case "--help", "-h", "--list": help = true
      case "--gate": gate = true
      case "--quick": quick = true
      case "--goals": goalsOnly = true
      case "--output": output = try value(option)
      case "--thresholds": thresholds = try value(option)
      case "--base": base = try value(option)
      case "--quoted": quoted = try value(option)
      case "--write-quoted": writeQuoted = try value(option)
      case "--audit": audit = try value(option)
      case "--peers": peers = try value(option)
      case "--hgrm": hgrm = try value(option)
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
    if help { return }
    // What would be ignored is no gate, and looks like one that passed.
    if thresholds != nil, !gate, !goalsOnly {
      throw BenchError(
        isOwn
          ? "--thresholds is judged with --gate: add it"
          : "--thresholds is judged with --gate, and a row with --goals: add one of them")
    }
    if gate, goalsOnly {
      throw BenchError("--gate judges and --goals is for reading: leave out one of the two")
    }
    if base ?? quoted ?? writeQuoted != nil, !goalsOnly {
      throw BenchError(
        "--base, --quoted and --write-quoted are for the table of goals: add --goals")
    }
    if quoted != nil, writeQuoted != nil {
      throw BenchError("--quoted reads what --write-quoted makes: leave out one of the two")
    }
    if gate, let name = names.first(where: ungated.contains) {
      throw BenchError(
        "--gate --suite \(name) would measure nothing: no figure of \(name) is the gate's; "
          + "leave out one of the two")
    }
  }
}
