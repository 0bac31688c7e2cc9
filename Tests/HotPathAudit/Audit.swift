import BenchSupport
import CAudit
import Glibc

/// `hot-path-audit`: a million events through the hot path, with every allocation and every retain
/// and release counted. Exit code 0 when there was none, 1 when there was one.
@main struct Audit {
  static let help = """
    usage: hot-path-audit [--events N] [--plant allocation|object|retain]

      --events N    market records, requests and reports, 1000 to 100000000 (default 1000000)
      --plant WHAT  does one such thing on the measured path on purpose: shows that it is seen
    """

  enum Plant: String { case allocation, object, retain }

  static func main() {
    var events: UInt64 = 1_000_000
    var plant: Plant?
    var rest = CommandLine.arguments.dropFirst()
    while let option = rest.popFirst() {
      switch (option, rest.first) {
      case ("--help", _):
        print(help)
        exit(0)
      case ("--events", let text?):
        guard let n = UInt64(text), (1_000...100_000_000).contains(n) else { usage(option) }
        events = n
        rest.removeFirst()
      case ("--plant", let text?):
        guard let what = Plant(rawValue: text) else { usage(option) }
        plant = what
        rest.removeFirst()
      default: usage(option)
      }
    }
    do {
      exit(try run(events, plant))
    } catch {
      say("cannot begin: \((error as? BenchError)?.message ?? "\(error)")")
      exit(70)
    }
  }

  private static func run(_ events: UInt64, _ plant: Plant?) throws -> Int32 {
    guard audit_counts_allocations() else {
      say("not under a sanitizer: it has a malloc of its own")
      return 69
    }
    if let unseen = unseen() {
      say("the counters do not work with this runtime: \(unseen)")
      return 70
    }
    var path = try AuditPath()
    // Lazy things of the runtime and of the first order are not the steady state.
    for _ in 0..<1_000 { path.step() }
    let before = path.events
    audit_begin()
    if let plant { sow(plant) }
    while path.events &- before < events { path.step() }
    let found = audit_end()
    if let trouble = path.trouble() {
      say(trouble)
      return 70
    }
    let text =
      "\(path.events - before) events (\(path.requests) requests, \(path.reports) reports, "
      + "\(path.fills) fills): \(found.allocations) allocations, \(found.frees) frees, "
      + "\(found.objects) objects, \(found.retains) retains, \(found.releases) releases"
    let isClean = found.isClean
    print("hot-path-audit: \(text)")
    if !isClean { say("the hot path must do none of these") }
    return isClean ? 0 : 1
  }

  /// What is done on purpose and not seen; nil when all is.
  private static func unseen() -> String? {
    for plant in [Plant.allocation, .object, .retain] {
      audit_begin()
      sow(plant)
      let found = audit_end()
      let isSeen =
        switch plant {
        case .allocation: found.allocations > 0 && found.frees > 0
        case .object: found.objects > 0
        case .retain: found.retains > 0 && found.releases > 0
        }
      if !isSeen { return "one \(plant) gave \(found)" }
    }
    audit_begin()
    let found = audit_end()
    return found.isClean ? nil : "nothing gave \(found)"
  }

  private static func say(_ text: String) {
    let line = "hot-path-audit: \(text)\n"
    _ = line.withCString { write(2, $0, strlen($0)) }
  }

  private static func usage(_ option: String) -> Never {
    say("'\(option)' is not an option, or its value is out of range; see --help")
    exit(64)
  }
}

extension audit_counts {
  var isClean: Bool {
    allocations == 0 && frees == 0 && objects == 0 && retains == 0 && releases == 0
  }
}

private final class Seed: Sendable { let value = 1 }
/// Made before anything is measured.
private let kept = Seed()

@inline(never) private func sow(_ plant: Audit.Plant) {
  switch plant {
  case .allocation: free(sink(malloc(24)))
  case .object: bury(Seed())
  case .retain: audit_retain_and_release(Unmanaged.passUnretained(kept).toOpaque())
  }
}

/// Keeps the compiler from leaving the pair out.
@inline(never) private func sink(_ memory: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  memory?.storeBytes(of: 1, as: UInt8.self)
  return memory
}

@inline(never) @_optimize(none) private func bury(_ seed: Seed) { _ = seed.value }
