import Foundation
import Testing

@testable import NeedletailBench

/// Programs in the place of the benchmark and the audit, that say what the test wants.
struct Played {
  static let scripts = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("perf/scripts")

  let folder = Folder()

  init(bench: String, base: String = "exit 0", creep: String = "exit 1", audit: String = "exit 0")
    throws
  {
    let bodies = [
      ("needletail-bench", bench), ("base", base), ("creep", creep), ("hot-path-audit", audit),
    ]
    for (name, body) in bodies {
      try WholeFile.write("#!/usr/bin/env bash\n\(body)\n", to: folder.path(name))
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: folder.path(name))
    }
  }

  func gates(_ only: [String], _ arguments: [String] = []) throws -> Program.End {
    try Program(path: Self.scripts.appendingPathComponent("gates").path).run(
      only.flatMap { ["--only", $0] }
        + ["--base", folder.path("base"), "--creep", folder.path("creep"), folder.path("")]
        + arguments)
  }
}

private func last(_ end: Program.End) -> String {
  end.output.split(separator: "\n").last.map(String.init) ?? ""
}

@Suite struct GateScriptTests {
  private let others = "hot-path-seen (--only); compiler (--only); machine-code (--only)"

  @Test func `what passed is counted, and what was left out is named as not judged`() throws {
    let end = try Played(bench: "exit 0").gates(["hot-path", "targets", "paired"])
    #expect(end.code == 0, "\(end.errors)")
    #expect(
      last(end) == "gates: done: 3 passed, 0 in part, 0 failed, 4 not judged: \(others); "
        + "counts (--only)")
  }

  @Test func `what a gate could not judge is in the last line, and the gate passed in part only`()
    throws
  {
    let bench = """
      case $1 in
      --gate) echo 'needletail-bench: NOT JUDGED: wire: a, b / c; no io_uring' >&2
              echo 'needletail-bench: NOT JUDGED: wire: a, b / c; no io_uring' >&2 ;;
      compare) echo 'needletail-bench: NOT JUDGED: paired: ring; machine too noisy' >&2; exit 75 ;;
      esac
      """
    let end = try Played(bench: bench).gates(["targets", "paired"])
    #expect(end.code == 0)
    #expect(last(end).contains("0 passed, 2 in part (targets; paired), 0 failed, 7 not judged: "))
    // Each once, however often it was said.
    #expect(last(end).components(separatedBy: "wire: a, b / c").count == 2)
    #expect(last(end).hasSuffix("counts (--only); paired: ring"))
    #expect(end.errors.contains("no io_uring"), "the reason stays where it was said")
  }

  @Test func `a gate that says nothing of what it did not judge is not judged as a whole`() throws {
    let end = try Played(bench: "[ $1 != compare ] || exit 75").gates(["paired"])
    #expect(end.code == 0)
    #expect(last(end).hasPrefix("gates: done: 0 passed, 0 in part, 0 failed, 7 not judged: "))
    #expect(last(end).hasSuffix("; paired"))
  }

  @Test func `a failure is named with its code, and what else was not judged stays named`() throws {
    let bench = "echo 'x: NOT JUDGED: wire: ring; why' >&2; exit 1"
    let end = try Played(bench: bench, audit: "exit 70").gates(["hot-path", "targets"])
    #expect(end.code == 1)
    #expect(last(end).contains("0 in part, 2 failed (hot-path (exit 70); targets (exit 1)), "))
    #expect(last(end).contains("; wire: ring"))
  }

  @Test func `a target that is missed fails, and is measured once`() throws {
    let folder = Folder()
    let miss =
      "[ $1 != machine ] || exit 0; echo >> \(folder.path("runs")); echo 'gate: wire: p50 is 16 ms' >&2; exit 1"
    let end = try Played(bench: miss).gates(["targets"])
    #expect(end.code == 1)
    #expect(last(end).contains("1 failed (targets (exit 1))"))
    #expect(try String(contentsOfFile: folder.path("runs"), encoding: .utf8).count == 1)
  }

  private let shown = "[ $1 != compare ] || echo \"$@\" >&2"

  @Test func `time is compared with the base and with the build that creep is held against`() throws
  {
    let played = try Played(bench: shown)
    let end = try played.gates(["paired"])
    #expect(end.code == 0)
    #expect(
      end.errors.contains(
        "compare --base \(played.folder.path("base")) --creep \(played.folder.path("creep"))\n"))
  }

  @Test func `where both are one build it is measured once, and said`() throws {
    let played = try Played(bench: shown, base: "exit 0", creep: "exit 0")
    let end = try played.gates(["paired"])
    #expect(end.code == 0)
    #expect(end.errors.contains("compare --base \(played.folder.path("base"))\n"), "\(end.errors)")
    #expect((end.output + end.errors).contains("one comparison answers both"))
  }

  @Test func `some suites only, or a hundredth of the work, are not all targets`() throws {
    for option in ["--suite itch", "--quick"] {
      let words = option.split(separator: " ").map(String.init)
      let end = try Played(bench: "exit 0").gates(["targets"], words)
      #expect(end.code == 0)
      #expect(last(end).contains("targets (\(words[0]))"))
    }
  }

  @Test func `told to end, it ends what measures too`() throws {
    let played = try Played(bench: "[ $1 = machine ] || { echo pid $$; exec sleep 600; }")
    let process = Process()
    // A test's thread may hold signals back, and what it starts would never see them.
    process.executableURL = URL(fileURLWithPath: "/usr/bin/perl")
    process.arguments = [
      "-MPOSIX", "-e", "sigprocmask(SIG_SETMASK, POSIX::SigSet->new); exec @ARGV",
      Played.scripts.appendingPathComponent("gates").path, "--only", "targets",
      played.folder.path(""),
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    // Until it says its number, or the output ends.
    var said = ""
    while said.firstMatch(of: /pid ([0-9]+)\n/) == nil {
      let more = output.fileHandleForReading.availableData
      if more.isEmpty { break }
      said += String(decoding: more, as: UTF8.self)
    }
    let pid = said.firstMatch(of: /pid ([0-9]+)\n/).flatMap { pid_t($0.1) }
    process.terminate()
    process.waitUntilExit()
    #expect(process.terminationStatus == 143)
    #expect(kill(try #require(pid), 0) == -1 && errno == ESRCH)
  }

  @Test(arguments: [["--only", "nonsense", "x"], ["--only"], ["--nonsense", "x"], []])
  func `wrong usage is refused before anything runs`(_ arguments: [String]) throws {
    let end = try Program(path: Played.scripts.appendingPathComponent("gates").path).run(arguments)
    #expect(end.code == 64)
    #expect(end.errors.hasPrefix("gates: ") && end.output.isEmpty)
  }
}
