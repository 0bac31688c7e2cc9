import ExecutionCore
import Foundation
import Journal
import Testing

@testable import Node

/// A journal of three timers in a directory of its own, which goes with the value.
private final class SmallJournal {
  let directory = NSTemporaryDirectory() + "needletail-show-" + UUID().uuidString
  var file: String { directory + "/journal-00000001.ntj" }

  init() throws {
    let writer = try JournalWriter.open(directory, JournalOptions())
    for token in 1...3 as ClosedRange<UInt64> {
      let timer = TimerRecord(due: 1, token: token, strategy: StrategyID(raw: 0))
      #expect(writer.lane.append(RecordHeader(type: .timer), timer, privileged: false) == token)
    }
    try writer.close()
  }
  deinit { try? FileManager.default.removeItem(atPath: directory) }
}

@Suite struct JournalCommandTests {
  @Test func `show and verify read a file and a directory`() throws {
    let journal = try SmallJournal()
    for path in [journal.file, journal.directory] {
      #expect(JournalCommand.run(arguments: ["show", path]) == 0)
      #expect(JournalCommand.run(arguments: ["show", path, "--format", "json", "--to", "2"]) == 0)
      #expect(JournalCommand.run(arguments: ["verify", path]) == 0)
    }
  }

  @Test func `a damaged file exits 65 and names file, byte and remedy`() throws {
    let journal = try SmallJournal()
    var bytes = try #require(FileManager.default.contents(atPath: journal.file))
    bytes[4096 + 100] ^= 1
    try bytes.write(to: URL(fileURLWithPath: journal.file))
    #expect(JournalCommand.run(arguments: ["show", journal.file]) == 65)
    #expect(JournalCommand.run(arguments: ["verify", journal.directory]) == 65)
    let failure = #expect(throws: CommandFailure.self) {
      try JournalCommand.check(journal.file)
    }
    #expect(failure?.code == .dataError)
    #expect(failure?.message.hasPrefix("\(journal.file): byte 4176: ") == true)
    #expect(failure?.message.contains("restore") == true)
  }

  @Test func `a path that is not there exits 66`() {
    #expect(JournalCommand.run(arguments: ["show", "/nonexistent/journal"]) == 66)
    #expect(JournalCommand.run(arguments: ["verify", "/nonexistent/journal"]) == 66)
  }

  @Test(
    arguments: [
      ["show"], ["show", "a", "b"], ["show", "x", "--type", "tmier"],
      ["show", "x", "--order", "0"],
      ["show", "x", "--from", "9", "--to", "3"], ["show", "x", "--format", "xml"],
      ["show", "x", "--from", "-1"], ["shw"], ["verify"], [],
    ])
  func `a wrong command line exits 64`(arguments: [String]) {
    #expect(JournalCommand.run(arguments: arguments) == 64)
  }

  @Test func `types, order and range select records`() throws {
    func selection(_ arguments: String...) throws -> JournalCommand.Selection {
      try JournalCommand.Selection(ParsedOptions(["x"] + arguments, of: JournalCommand.show))
    }
    var header = RecordHeader(type: .intent)
    header.sequence = 7
    var record = DecodedRecord(header: header, type: .intent)
    record.clientOrderID = 5
    #expect(try selection().takes(record))
    #expect(try selection("--type", "intent", "--type", "report").takes(record))
    #expect(try !selection("--type", "report").takes(record))
    #expect(try selection("--order", "5").takes(record))
    #expect(try !selection("--order", "6").takes(record))
    #expect(try selection("--from", "7").takes(record))
    #expect(try !selection("--from", "8").takes(record))
    let failure = #expect(throws: CommandFailure.self) { try selection("--type", "tmier") }
    #expect(failure?.message.contains("did you mean 'timer'") == true)
  }
}
