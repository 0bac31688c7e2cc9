import Foundation
import Testing

@testable import NeedletailBench

private let hasGit =
  (try? Program(path: "/usr/bin/env").run("git", "-C", Played.scripts.path, "rev-parse", "HEAD"))?
  .code
  == 0

@Suite(.enabled(if: hasGit, "no git checkout")) struct GateRepeatTests {
  private func repeated(_ runs: String, _ body: String, _ folder: Folder) throws -> Program.End {
    let script = folder.path("gates.sh")
    try WholeFile.write(body, to: script)
    return try Program(path: Played.scripts.appendingPathComponent("gates-repeat").path).run(
      "--runs", runs, "--out", folder.path("out"), "bash", script)
  }

  private func record(_ folder: Folder) throws -> (name: String, text: String) {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path("out"))
    let name = try #require(names.first)
    #expect(names.count == 1)
    return (name, try String(contentsOfFile: folder.path("out/\(name)"), encoding: .utf8))
  }

  @Test func `each run has its lines, and the table at the end what was measured again`() throws {
    let folder = Folder()
    let end = try repeated(
      "2",
      """
      echo run >>'\(folder.path("count"))'
      if [ "$(wc -l <'\(folder.path("count"))')" = 2 ]; then
        echo 'needletail-bench: gate: wire: p50 is 9; see x; measuring wire again (2 of 3)' >&2
        echo 'paired: self-test 2 of 3, the same build: x'
        echo 'paired: slower: risk p90; 24 new pairs'
        echo 'gates: done: 6 passed, 1 in part (paired), 0 failed, 1 not judged: paired: ring'
      else
        echo 'gates: done: 7 passed, 0 in part, 0 failed, 0 not judged'
      fi
      """, folder)
    #expect(end.code == 0, "\(end.errors)")
    let (name, text) = try record(folder)
    #expect(name.hasPrefix("gates-") && !name.contains("unfinished"))
    #expect(text.contains("2 of 2 passed; in 1 of 2 something was not judged."))
    let rows = text.split(separator: "\n").suffix(2).map(String.init)
    #expect(rows[0].hasPrefix("| 1 | ") && rows[0].hasSuffix(" | passed |  |  |"))
    #expect(
      rows[1].hasSuffix(
        " | passed | paired: risk p90, paired: self-test (2), suite wire (2) | paired: ring |"))
    #expect(text.contains("## Run 2: passed, ") && text.contains("measuring wire again"))
  }

  @Test func `a run that fails fails all, and the others are made`() throws {
    let folder = Folder()
    let end = try repeated("3", "echo 'gate: itch: x'; exit 1", folder)
    #expect(end.code == 1)
    let text = try record(folder).text
    #expect(text.components(separatedBy: "| FAILED (exit 1) |").count == 4)
    #expect(text.contains("0 of 3 passed"))
  }

  @Test func `killed half way it leaves nothing that looks whole`() throws {
    let folder = Folder()
    let end = try repeated("2", "kill -KILL $PPID", folder)
    #expect(end.code != 0)
    #expect(try record(folder).name.hasSuffix(".unfinished.md"))
  }

  @Test(arguments: [
    ["--runs", "0", "x"], ["--runs", "ten", "x"], ["--runs"], ["--nonsense", "x"], [],
  ])
  func `wrong usage is refused`(_ arguments: [String]) throws {
    let end = try Program(path: Played.scripts.appendingPathComponent("gates-repeat").path).run(
      arguments)
    #expect(end.code == 64)
    #expect(end.errors.hasPrefix("gates-repeat: "))
  }
}
