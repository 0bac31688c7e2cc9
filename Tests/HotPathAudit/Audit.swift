import BenchSupport
import CAudit
import Glibc
import NeedletailBench

/// `hot-path-audit`: a million events through the hot path in process, with every allocation, retain,
/// release, lock and system call counted; then orders over real sockets, with every system call of
/// the hot thread counted by name. Exit code 0 when there was nothing but socket input and output, 75 when a
/// kind of sockets is forbidden here and nothing else was wrong.
@main struct Audit {
  static let help = """
    usage: hot-path-audit [--events N] [--orders N] [--sockets WHICH] [--format text|json]
                          [--plant WHAT]

      --events N       market records, requests and reports, 1000 to 100000000 (default 1000000)
      --orders N       orders over real sockets, 1 to 100000 (default 500), quiet and again with a
                       market going by; 0 leaves that out
      --sockets WHICH  direct, epoll, io_uring or all (default): by plain calls, the same where epoll has
                       the rest, through io_uring; where that is forbidden it is not judged: exit code 75
      --format F       text (default) or json
      --plant WHAT     does one such thing on the measured path on purpose, which must make it fail:
                       allocation, object, retain, lock, syscall; or one in each send over sockets:
                       socket-syscall, socket-allocation, socket-retain, socket-lock; or tracer: what
                       counts the system calls there hangs, exit code 70
    """

  struct Options {
    var events: UInt64 = 1_000_000
    var orders = 500
    var sockets = WireAudit.Sockets.allCases
    var isJSON = false
    var plant: Plant?
  }

  static func main() {
    let options = parse()
    do {
      exit(try run(options))
    } catch {
      say("cannot measure: \((error as? BenchError)?.message ?? "\(error)")")
      exit(70)
    }
  }

  private static func parse() -> Options {
    var options = Options()
    var rest = CommandLine.arguments.dropFirst()
    while let option = rest.popFirst() {
      if option == "--help" {
        print(help)
        exit(0)
      }
      guard let text = rest.popFirst() else { usage(option) }
      switch option {
      case "--events":
        guard let n = UInt64(text), (1_000...100_000_000).contains(n) else { usage(option) }
        options.events = n
      case "--orders":
        guard let n = Int(text), (0...100_000).contains(n) else { usage(option) }
        options.orders = n
      case "--sockets":
        let which = WireAudit.Sockets(rawValue: text)
        guard which != nil || text == "all" else { usage(option) }
        options.sockets = which.map { [$0] } ?? WireAudit.Sockets.allCases
      case "--format":
        guard text == "text" || text == "json" else { usage(option) }
        options.isJSON = text == "json"
      case "--plant":
        guard let what = Plant(rawValue: text) else { usage(option) }
        options.plant = what
      default: usage(option)
      }
    }
    return options
  }

  private static func run(_ options: Options) throws -> Int32 {
    guard audit_counts_allocations() else {
      say("not under a sanitizer: it has a malloc of its own")
      return 69
    }
    if let unseen = try unseen() {
      say("the counters do not work with this runtime: \(unseen)")
      return 70
    }
    var path = try AuditPath()
    // Lazy things of the runtime and of the first order are not the steady state.
    for _ in 0..<1_000 { path.step() }
    let before = path.events
    let isInProcess = options.plant.map { Plant.inProcess.contains($0) } ?? false
    let found = try Found.around {
      if isInProcess, let plant = options.plant { plant.sow() }
      while path.events &- before < options.events { path.step() }
    }
    let named = SystemCalls.found().map { "\($0.calls.count) \($0.name)" }
    if let trouble = path.trouble() {
      say(trouble)
      return 70
    }
    let sockets = try Self.sockets(options)
    report(path, path.events - before, found, sockets, options)
    var troubles = found.isClean ? [] : ["the hot path must do none of these: \(found.text)"]
    if !named.isEmpty {
      troubles.append("system calls in process: \(named.joined(separator: ", "))")
    }
    troubles += sockets.parts.flatMap(\.troubles)
    if sockets.errors > 0 { troubles.append("\(sockets.errors) orders or messages went wrong") }
    for line in troubles { say("gate: hot-path: \(line); see \(command) --format json") }
    for line in sockets.unjudged { say(line) }
    return !troubles.isEmpty ? 1 : sockets.unjudged.isEmpty ? 0 : 75
  }

  private struct Sockets {
    var parts: [SocketPart] = []
    var errors = 0
    /// Why some could not be looked at.
    var unjudged: [String] = []
  }

  private static func sockets(_ options: Options) throws -> Sockets {
    var all = Sockets()
    guard options.orders > 0 else { return all }
    let plant = options.plant.flatMap { Plant.inProcess.contains($0) ? nil : $0 }
    for which in options.sockets {
      if let refusal = WireAudit.refusal(which) {
        all.unjudged.append("NOT JUDGED: hot path over sockets, \(which.rawValue); \(refusal)")
        continue
      }
      let run = try SocketPart.run(which, orders: options.orders, plant: plant)
      all.parts += run.parts
      all.errors += run.errors
    }
    return all
  }

  private static func report(
    _ path: borrowing AuditPath, _ events: UInt64, _ found: Found, _ sockets: Sockets,
    _ options: Options
  ) {
    if options.isJSON {
      let parts = sockets.parts.map(\.json).joined(separator: ", ")
      let unjudged = sockets.unjudged.count
      print(
        "{\"events\": \(events), \(found.json), \"sockets\": [\(parts)], "
          + "\"not_judged\": \(unjudged)}")
      return
    }
    print(
      "hot-path-audit: \(events) events (\(path.requests) requests, \(path.reports) reports, "
        + "\(path.fills) fills): \(found.text)")
    for part in sockets.parts { print("hot-path-audit: \(part.text)") }
  }

  /// What is done on purpose and not seen; nil when all is.
  private static func unseen() throws -> String? {
    for plant in Plant.inProcess {
      let found = try Found.around { plant.sow() }
      if !plant.isSeen(in: found) { return "one \(plant) gave \(found.text)" }
    }
    let found = try Found.around {}
    return found.isClean ? nil : "nothing gave \(found.text)"
  }

  private static func say(_ text: String) {
    let line = "hot-path-audit: \(text)\n"
    _ = line.withCString { write(2, $0, strlen($0)) }
  }

  private static var command: String { CommandLine.arguments[0] }

  private static func usage(_ option: String) -> Never {
    say("'\(option)' is not an option, or its value is missing or out of range; see --help")
    exit(64)
  }
}
