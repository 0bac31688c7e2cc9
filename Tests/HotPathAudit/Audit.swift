import BenchSupport
import CAudit
import Glibc

/// `hot-path-audit`: a million events through the hot path in process, with every allocation, retain,
/// release, lock and system call counted; then orders over real sockets, with every system call of
/// the hot thread counted by name. Exit code 0 when there was nothing but socket input and output.
@main struct Audit {
  static let help = """
    usage: hot-path-audit [--events N] [--orders N] [--format text|json] [--plant WHAT]

      --events N    market records, requests and reports, 1000 to 100000000 (default 1000000)
      --orders N    orders over real sockets, 1 to 100000 (default 500); 0 leaves that part out
      --format F    text (default) or json
      --plant WHAT  does one such thing on the measured path on purpose, which must make it fail:
                    allocation, object, retain, lock, syscall; or one in each send over sockets:
                    socket-syscall, socket-allocation, socket-retain, socket-lock
    """

  struct Options {
    var events: UInt64 = 1_000_000
    var orders = 500
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
    let sockets =
      options.orders == 0
      ? nil : try SocketPart(orders: options.orders, plant: isInProcess ? nil : options.plant)
    report(path, path.events - before, found, sockets, options)
    var troubles = found.isClean ? [] : ["the hot path must do none of these: \(found.text)"]
    if !named.isEmpty {
      troubles.append("system calls in process: \(named.joined(separator: ", "))")
    }
    troubles += sockets?.troubles ?? []
    for line in troubles { say("gate: hot-path: \(line); see \(command) --format json") }
    return troubles.isEmpty ? 0 : 1
  }

  private static func report(
    _ path: borrowing AuditPath, _ events: UInt64, _ found: Found, _ sockets: SocketPart?,
    _ options: Options
  ) {
    if options.isJSON {
      let part = sockets.map { "{\($0.json)}" } ?? "null"
      print("{\"events\": \(events), \(found.json), \"sockets\": \(part)}")
      return
    }
    print(
      "hot-path-audit: \(events) events (\(path.requests) requests, \(path.reports) reports, "
        + "\(path.fills) fills): \(found.text)")
    if let sockets { print("hot-path-audit: \(sockets.text)") }
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
