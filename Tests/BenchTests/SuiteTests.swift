import ExecutionCore
import Foundation
import Testing

@testable import NeedletailBench

private let bench = Program("needletail-bench")

@Suite(.serialized, .enabled(if: bench.isBuilt)) struct SuiteTests {
  private func report(_ arguments: [String]) throws -> [String: Any] {
    let end = try bench.run(arguments + ["--quick", "--runs", "1", "--format", "json"])
    #expect(end.code == 0, "\(end.errors)")
    return try #require(
      try JSONSerialization.jsonObject(with: Data(end.output.utf8)) as? [String: Any])
  }

  private func figures(_ report: [String: Any]) throws -> [String: Double] {
    let suite = try #require((report["suites"] as? [[String: Any]])?.first)
    #expect(suite["error"] == nil, "\(suite["error"] ?? "")")
    let figures = try #require(suite["figures"] as? [[String: Any]])
    return Dictionary(
      uniqueKeysWithValues: figures.compactMap { figure in
        guard let name = figure["name"] as? String, let x = figure["median"] as? Double else {
          return nil
        }
        return (name, x)
      })
  }

  private func curve(_ name: String, _ report: [String: Any]) throws -> [(x: Double, [Double])] {
    let curves = try #require(report["curves"] as? [[String: Any]])
    let found = try #require(curves.first { $0["name"] as? String == name })
    let points = try #require(found["points"] as? [[String: Any]])
    return points.compactMap { point in
      guard let x = point["x"] as? Double, let values = point["values"] as? [Double] else {
        return nil
      }
      return (x, values)
    }
  }

  @Test(.enabled(if: ProcessInfo.processInfo.activeProcessorCount >= 2))
  func `the open loop gives a curve, and percentiles that rise`() throws {
    let folder = Folder()
    let report = try report(["--suite", "load", "--hgrm", folder.path("hgrm")])
    let points = try curve("load", report)
    #expect(points.count >= 4)
    #expect(points.map(\.x) == points.map(\.x).sorted())
    for (_, values) in points { #expect(values == values.sorted() && values.count == 3) }
    #expect(try figures(report).keys.contains("saturation: as fast as the ring takes them"))
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path("hgrm"))
    #expect(files.contains("load-closed-loop.hgrm") && files.contains("load-10k.hgrm"))
  }

  @Test func `growth has a curve for each thing that grows`() throws {
    let report = try report(["--suite", "growth"])
    for name in ["symbols", "orders", "instruments", "strategies"] {
      let points = try curve("growth-\(name)", report)
      #expect(points.count >= 2)
      for (_, values) in points { #expect(values.allSatisfy { $0 > 0 }) }
    }
  }

  @Test func `the example strategy trades the generated market without an error`() throws {
    let found = try figures(try report(["--suite", "strategy"]))
    #expect(found["errors"] == 0)
    #expect(try #require(found["orders, replaces and cancels"]) > 100)
    #expect(try #require(found["market maker: tick to encoded order, p50"]) > 0)
  }

  @Test func `a strategy of another module is measured, and named, and may do nothing`() throws {
    let context = try context()
    let taker = BenchContext(
      try BenchOptions(["--quick", "--runs", "1"], suites: []), processors: [0],
      strategy: BenchStrategy("taker") { EveryRise() })
    let found = try unpinned { try StrategySuite.run(taker) }
    #expect(found.first?.name.hasPrefix("taker: a message") == true)
    #expect(found.first { $0.name == "errors" }?.median == 0)
    #expect((found.first { $0.name == "orders, replaces and cancels" }?.median ?? 0) > 100)
    let idle = try unpinned { try StrategySuite.run(context) }
    #expect(idle.first { $0.name == "orders, replaces and cancels" }?.median == 0)
    #expect(idle.contains { $0.note?.contains("sent nothing") == true })
    #expect(taker.unjudged == nil)
    #expect(context.unjudged?.contains("sends no order in 20000 messages of the built-in") == true)
  }

  private func context() throws -> BenchContext {
    BenchContext(
      try BenchOptions(["--quick", "--runs", "1"], suites: []), processors: [0],
      strategy: BenchStrategy("idle") { NoStrategy() })
  }

  @Test func `on one processor a suite of two spinning ends says so and ends with 70`() throws {
    for suite in ["load", "ring"] {
      let end = try run(
        "taskset", "-c", "0", bench.path, "--suite", suite, "--quick", "--runs", "1")
      #expect(end.code == 70)
      if suite == "ring" {
        let gate = try run(
          "taskset", "-c", "0", bench.path, "--suite", suite, "--quick", "--runs", "1", "--gate")
        #expect(gate.code == 75, "\(gate.errors)")
        #expect(gate.errors.contains("NOT JUDGED: targets: ring; needs two processors"))
      }
      #expect(end.output.contains("not measured: needs two processors, there is one"))
      #expect(end.output.contains("one processor: suites that need two spinning ends"))
    }
  }

  @Test(arguments: [SIGTERM, SIGKILL])
  func `a run that is killed half way leaves no file`(_ signal: Int32) throws {
    let folder = Folder()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: bench.path)
    process.arguments = [
      "--suite", "risk", "--quick", "--runs", "1000", "--output", folder.path("figures.json"),
      "--format", "json", "--hgrm", folder.path("hgrm"),
    ]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    // It measures: beside the thread that waits for signals the noise meter has its own.
    while process.isRunning, threads(of: process.processIdentifier) < 3 { sched_yield() }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("")).isEmpty)
  }

  private func threads(of process: Int32) -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task"))?.count ?? 0
  }
}

/// Takes the offer of every instrument whose bid has just risen.
private struct EveryRise: Strategy {
  private var last: InlineArray<64, Int64> = .init(repeating: 0)

  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    let quote = desk.quote(instrument)
    let i = Int(instrument.raw) % 64
    defer { last[i] = quote.bid.raw }
    guard quote.bid.raw > last[i], desk.isTradable(instrument) else { return }
    _ = desk.place(
      instrument, .buy, price: quote.ask, quantity: Quantity(raw: 100),
      timeInForce: .immediateOrCancel)
  }
}

@Suite struct FloorTests {
  /// The ratios of years compare only while the floors are the same programs.
  @Test func `the floors are the ones that were frozen`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let end = try run(
      "sh", "-c", "cd '\(root.path)' && sha256sum --check --quiet perf/floors.sha256")
    #expect(end.code == 0, "a floor has changed, see 'make lint': \(end.output)\(end.errors)")
    let listed = try String(contentsOf: root.appending(path: "perf/floors.sha256"), encoding: .utf8)
    let folder = root.appending(path: "Benchmarks/Floors")
    let files = try #require(FileManager.default.enumerator(atPath: folder.path))
    for case let file as String in files where file.hasSuffix(".c") || file.hasSuffix(".h") {
      #expect(listed.contains("Benchmarks/Floors/\(file)\n"), "\(file) is not in floors.sha256")
    }
  }
}

/// A program on the PATH.
private func run(_ arguments: String...) throws -> Program.End {
  var program = Program("env")
  program.path = "/usr/bin/env"
  return try program.run(arguments)
}
