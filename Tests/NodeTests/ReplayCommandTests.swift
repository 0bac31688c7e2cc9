import ExecutionCore
import Foundation
import Journal
import TestSupport
import Testing

@testable import Node

/// `journal replay` of runs, ended in order and killed.
@Suite(
  .serialized, .oneAtATime,
  .enabled(
    if: CommandProcess.executable != nil, "the needletail executable is not beside the tests"))
struct ReplayCommandTests {
  private func json(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func `the journal of a run that was killed leads to the last hash in it`() throws {
    let directory = try TemporaryDirectory()
    let config = directory.path + "/hashes.yaml"
    try "journal: {state_hash_milliseconds: 50}\n".write(
      toFile: config, atomically: true, encoding: .utf8)
    let run = try RunningCommand.run(in: directory.path, "--config", config)
    #expect(run.wait { run.hasTraded && run.journalled("stateHash").count >= 20 })
    kill(run.process.processIdentifier, SIGKILL)
    run.process.waitUntilExit()
    let last = try #require(run.journalled("stateHash").last)
    let result = try CommandProcess.run(["journal", "replay", directory.path + "/data"])
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    #expect(result.output.contains("not ended"))
    let hash = try #require(UInt64(last["stateHash"] as? String ?? ""))
    let sequence = try #require(last["sequence"] as? Int)
    #expect(result.output.contains("  last hash \(hash), record \(sequence)\n"))
    // At that record, the state has that hash.
    let beyond = try CommandProcess.run([
      "journal", "replay", directory.path + "/data", "--to", "99999999",
    ])
    #expect(beyond.status == 65 && beyond.errors.contains("there is no record 99999999"))
    // No key twice in any line that is shown.
    let shown = try CommandProcess.run([
      "journal", "show", directory.path + "/data", "--format", "json",
    ])
    for line in shown.output.split(separator: "\n") {
      let flat = line.replacing(/\{"channel"[^}]*\}/, with: "null")
      let keys = flat.matches(of: /[{,]"([A-Za-z]+)":/).map { String($0.1) }
      #expect(Set(keys).count == keys.count, "\(line)")
    }
    let there = try CommandProcess.run([
      "journal", "replay", directory.path + "/data", "--to", "\(sequence)", "--format", "json",
    ])
    #expect(there.status == 0, "\(there.errors)")
    let state = try #require(try json(there.output)["state"] as? [String: Any])
    #expect(state["hash"] as? String == "\(hash)" && state["sequence"] as? Int == sequence)
  }

  @Test func `a run in virtual time is replayed hash by hash, and a changed record is named`()
    throws
  {
    let directory = try TemporaryDirectory()
    let config = directory.path + "/hashes.yaml"
    let data = directory.path + "/data"
    try "journal: {state_hash_records: 10}\n".write(
      toFile: config, atomically: true, encoding: .utf8)
    let run = try CommandProcess.run([
      "run", "--virtual-time", "--duration", "10", "--config", config, "--data", data,
    ])
    #expect(run.status == 0, "\(run.errors)\(run.output)")
    let replayed = try CommandProcess.run(["journal", "replay", data, "--format", "json"])
    #expect(replayed.status == 0, "\(replayed.errors)")
    let sessions = try #require(try json(replayed.output)["sessions"] as? [[String: Any]])
    #expect(sessions.count == 1 && sessions[0]["isEnded"] as? Bool == true)
    #expect(sessions[0]["hashes"] as? Int ?? 0 > 100)
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Sources/Node/JournalReplay.md")
    let words = try String(contentsOf: page, encoding: .utf8)
    for key in try keys(of: json(replayed.output)) { #expect(words.contains("`\(key)`"), "\(key)") }
    let shown = try CommandProcess.run(["journal", "show", data, "--type", "configuration"])
    for words in [
      "firm.orderQuantity = 10000", "run.build = needletail",
      "run.settings.journal.state_hash_records = 10", "run.settings.venues[0].password = (secret)",
    ] {
      #expect(shown.output.contains(words), "\(words)")
    }
    #expect(!shown.output.contains(directory.path), "paths are left out")
  }

  /// Of an object and of all within it.
  private func keys(of value: Any) -> Set<String> {
    switch value {
    case let object as [String: Any]:
      Set(object.keys).union(object.values.flatMap { keys(of: $0) })
    case let list as [Any]: Set(list.flatMap { keys(of: $0) })
    default: []
    }
  }

  @Test func `what can't be replayed exits 65, and says why`() throws {
    let directory = try TemporaryDirectory()
    let data = directory.path + "/data"
    let writer = try JournalWriter.open(data, JournalOptions())
    let timer = TimerRecord(due: 1, token: 1, strategy: StrategyID(raw: 0))
    #expect(writer.lane.append(RecordHeader(type: .timer), timer, privileged: false) == 1)
    try writer.close()
    let result = try CommandProcess.run(["journal", "replay", data])
    #expect(result.status == 65 && result.errors.contains("no session begins here"))
    #expect(try CommandProcess.run(["journal", "replay", "/nonexistent"]).status == 66)
    #expect(try CommandProcess.run(["journal", "replay", data, "--to", "0"]).status == 64)
    #expect(try CommandProcess.run(["journal", "replay"]).status == 64)
  }
}
