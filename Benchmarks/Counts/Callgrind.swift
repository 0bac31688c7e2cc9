import BenchSupport
import CSupport
import Foundation

/// Runs a program's counted operations under callgrind, all in one run, and reads its dumps.
///
/// Counts are of the simulated machine, so they are the same whatever else the machine does, to a few
/// parts in a million: where stack and arenas lie decides how some copies are made.
/// Valgrind 3.19 knows no AVX-512: the path that ran behind run-time dispatch is part of the result.
enum Callgrind {
  /// Without them it takes the sizes of the machine that it runs on, and misses differ from one to the
  /// next. So large a last level is missed by what is touched for the first time, and no more.
  private static let caches = ["--I1=32768,8,64", "--D1=49152,12,64", "--LL=268435456,16,64"]

  /// - Parameters:
  ///   - version: of Swift, as the thresholds are named.
  ///   - names: the operations that the program must count.
  ///   - program: an executable made with ``Bench/run(_:strategy:)``.
  ///   - arguments: with which it counts them.
  static func count(
    swift version: String, names: [String], program: String = Machine.executable,
    arguments: [String] = ["counted"]
  ) throws -> Thresholds {
    let folder = try ScratchFolder("needletail-counts")
    defer { folder.remove() }
    let copy = try stripped(program, into: folder)
    let output = try run(
      "valgrind",
      [
        "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=bench_*counted",
        "--dump-after=bench_counted", "--cache-sim=yes",
        "--callgrind-out-file=\(folder.path)/out",
      ] + caches + [copy] + arguments, temporary: folder.path)
    var operations: [String: Thresholds.Count] = [:]
    var dispatch = ""
    var dump = 0
    for line in output.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == "dispatch" { dispatch = String(words[1]) }
      guard words.count == 3, words[0] == "counted", let times = Double(words[2]), times > 0 else {
        continue
      }
      dump += 1
      let totals = try read("\(folder.path)/out.\(dump)")
      operations[String(words[1])] = try perOperation(totals, times, String(words[1]))
    }
    guard Set(operations.keys) == Set(names) else {
      throw BenchError(
        "\(operations.count) of \(names.count) operations were counted:\n\(output)")
    }
    try takeAlone(&operations)
    return Thresholds(
      swift: version, architecture: Machine.architecture, dispatch: dispatch,
      operations: operations)
  }

  /// What the strategy adds is counted as the market without it.
  private static func takeAlone(_ operations: inout [String: Thresholds.Count]) throws {
    let name = CountedOperation.strategyAloneName
    guard let without = operations[name] else { return }
    guard let with = operations[CountedOperation.strategyName] else {
      throw BenchError("\(name) is counted with \(CountedOperation.strategyName) only")
    }
    operations[name] = with.less(without)
  }

  private static func perOperation(
    _ totals: [String: Double], _ times: Double, _ name: String
  ) throws -> Thresholds.Count {
    guard let instructions = totals["Ir"], instructions > 0 else {
      throw BenchError("callgrind counted nothing for \(name)")
    }
    func sum(_ events: String...) -> Double { events.reduce(0) { $0 + (totals[$1] ?? 0) } }
    // As many digits as the file keeps.
    func kept(_ x: Double, _ parts: Double) -> Double { (x / times * parts).rounded() / parts }
    return .init(
      instructions: kept(instructions, 100), dataReferences: kept(sum("Dr", "Dw"), 100),
      misses: kept(sum("ILmr", "DLmr", "DLmw"), 1_000))
  }

  /// `events:` names the columns, `totals:` or `summary:` holds them.
  static func read(_ path: String) throws -> [String: Double] {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw BenchError("callgrind left no \(path)")
    }
    return try parse(text)
  }

  static func parse(_ text: String) throws -> [String: Double] {
    var events: [String] = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("events:") {
        events = line.split(separator: " ").dropFirst().map(String.init)
      }
      guard line.hasPrefix("summary:") || line.hasPrefix("totals:") else { continue }
      let numbers = line.split(separator: " ").dropFirst().compactMap { Double($0) }
      guard !events.isEmpty, numbers.count <= events.count else { continue }
      // Columns at the end that are 0 are left out.
      return Dictionary(uniqueKeysWithValues: zip(events, numbers))
    }
    throw BenchError("a dump of callgrind has no totals")
  }

  /// A copy without debug information, which this valgrind cannot read.
  private static func stripped(_ program: String, into folder: ScratchFolder) throws -> String {
    let copy = folder.path + "/counted-bench"
    _ = try run("objcopy", ["--strip-debug", program, copy])
    return copy
  }

  /// The version of the Swift that is here; nil where there is none.
  static func swiftVersion() -> String? {
    guard let text = try? run("swift", ["--version"]) else { return nil }
    return text.firstMatch(of: /Swift version ([0-9]+(?:\.[0-9]+)*)/).map { String($0.1) }
  }

  /// Runs a program to its end; what it wrote to standard output.
  ///
  /// - Parameter temporary: where it puts what it needs for a moment.
  private static func run(
    _ name: String, _ arguments: [String], temporary: String? = nil
  ) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [name] + arguments
    var environment = ProcessInfo.processInfo.environment
    environment["SWIFT_DETERMINISTIC_HASHING"] = "1"
    if let temporary { environment["TMPDIR"] = temporary }
    process.environment = environment
    let out = Pipe()
    let log = try ChildLog()
    process.standardOutput = out
    process.standardError = log.handle
    do { try AtEnd.shared.start(process) } catch { throw BenchError("\(name): \(error)") }
    defer { AtEnd.shared.forget(child: process.processIdentifier) }
    let text = out.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let remedy = "; install it: apt-get install valgrind binutils"
      throw BenchError(
        "\(name) ended with \(process.terminationStatus)\(log.said)"
          + (process.terminationStatus == 127 ? remedy : ""))
    }
    return String(decoding: text, as: UTF8.self)
  }
}
