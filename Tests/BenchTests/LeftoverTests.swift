import BenchSupport
import Foundation
import Testing

@testable import NeedletailBench

private let bench = Program("needletail-bench")

/// What is killed half way leaves no files, and no program that goes on.
@Suite(.serialized) struct LeftoverTests {
  private static let hasValgrind: Bool = {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return ["valgrind", "objcopy"].allSatisfy { tool in
      path.split(separator: ":").contains { access("\($0)/\(tool)", X_OK) == 0 }
    }
  }()

  /// Runs it with a folder of its own for temporary files, until `isReady`, and sends it a signal.
  private func end(
    _ arguments: [String], _ folder: Folder, by signal: Int32, when isReady: (pid_t) -> Bool
  ) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: bench.path)
    process.arguments = arguments
    var environment = ProcessInfo.processInfo.environment
    environment["TMPDIR"] = folder.path("")
    process.environment = environment
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    while process.isRunning, !isReady(process.processIdentifier) { sched_yield() }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal)
  }

  private func files(_ folder: Folder) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path(""))
  }

  private func children(of parent: pid_t) -> [pid_t] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap { pid_t($0) }.filter { state(of: $0)?.parent == parent }
  }

  /// State letter and parent (proc(5)); nil where there is no such process.
  private func state(of process: pid_t) -> (letter: String, parent: pid_t)? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let end = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 1, let parent = pid_t(fields[1]) else { return nil }
    return (String(fields[0]), parent)
  }

  @Test(.enabled(if: bench.isBuilt && hasValgrind), arguments: [SIGTERM, SIGINT])
  func `counting that is ended leaves neither valgrind nor files`(_ signal: Int32) throws {
    let folder = Folder()
    var child: pid_t = 0
    try end(["count", "--swift", "1"], folder, by: signal) { process in
      child =
        children(of: process).first {
          (try? String(contentsOfFile: "/proc/\($0)/cmdline", encoding: .utf8))?
            .contains("callgrind") == true
        } ?? 0
      return child != 0
    }
    #expect(child != 0)
    #expect(state(of: child) == nil || state(of: child)?.letter == "Z")
    #expect(try files(folder).isEmpty)
  }

  @Test(.enabled(if: bench.isBuilt && ProcessInfo.processInfo.activeProcessorCount >= 2))
  func `a wire suite that is ended leaves no journal`() throws {
    let folder = Folder()
    try end(["--suite", "wire", "--quick", "--runs", "500"], folder, by: SIGTERM) { _ in
      (try? files(folder))?.contains { $0.hasPrefix("needletail-wire-") } == true
    }
    #expect(try files(folder).isEmpty)
  }

  @Test func `a folder whose owner is gone is removed, and one that is in use stays`() throws {
    let folder = Folder()
    let parent = folder.path("")
    let used = try ScratchFolder(in: parent, "needletail-test")
    try FileManager.default.createDirectory(
      atPath: parent + "/needletail-test-left", withIntermediateDirectories: true)
    ScratchFolder.removeLeft(in: parent, "needletail-test-", youth: 60)
    #expect(try files(folder).count == 2, "a young one may not be locked yet")
    ScratchFolder.removeLeft(in: parent, "needletail-test-", youth: -1)
    #expect(
      try files(folder) == [used.path.split(separator: "/").dropLast().last.map(String.init) ?? ""])
    used.remove()
    #expect(try files(folder).isEmpty)
  }

  @Test func `files for a folder are all there or none, and others in it stay`() throws {
    let folder = Folder()
    let target = folder.path("hgrm")
    try WholeFile.write([("a", "1"), ("b", "2")], into: target)
    try WholeFile.write([("b", "3"), ("c", "4")], into: target)
    let names = try FileManager.default.contentsOfDirectory(atPath: target).sorted()
    #expect(names == ["a", "b", "c"])
    #expect(try String(contentsOfFile: target + "/b", encoding: .utf8) == "3")
    #expect(try files(folder) == ["hgrm"])
    let none = folder.path("none")
    #expect(throws: BenchError.self) {
      try WholeFile.write([("a", "1"), ("a/b", "2")], into: none)
    }
    #expect(!FileManager.default.fileExists(atPath: none))
    #expect(try files(folder) == ["hgrm"])
  }
}
