import Foundation
import TestSupport
import Testing

@testable import Node

/// How a run ends that did not go well: what it says, what it leaves, what it exits with. Over real sockets: what is
/// held is the program with its exchange as another process.
@Suite(
  .serialized, .oneAtATime,
  .enabled(
    if: CommandProcess.executable != nil, "the needletail executable is not beside the tests"))
struct RunEndTests {
  private func exchange(
    at port: UInt16, in directory: borrowing TemporaryDirectory, _ more: String...
  ) throws -> RunningCommand {
    let place = directory.path + "/exchange"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let command = try RunningCommand(
      [
        "exchange", "--listen", "127.0.0.1:\(port)", "--write-instruments",
        Self.instruments(directory),
      ] + more, directory: place)
    #expect(command.wait { command.printed.contains("\n") })
    return command
  }

  /// Where that exchange writes its instruments.
  private static func instruments(_ directory: borrowing TemporaryDirectory) -> String {
    directory.path + "/instruments.csv"
  }

  @Test func `in virtual time another session's name is another session too`() throws {
    let directory = try TemporaryDirectory()
    let config = directory.path + "/c.yaml"
    try "feeds: [{name: equities, session: THEIRS}]\n".write(
      toFile: config, atomically: true, encoding: .utf8)
    let result = try CommandProcess.run([
      "run", "--virtual-time", "--config", config, "--duration", "2", "--data",
      directory.path + "/data", "--summary", "json",
    ])
    #expect(result.status == 69, "\(result.errors)")
    #expect(result.errors.contains("session not available"), "\(result.errors)")
    #expect(try SummaryJSON(result.output)["orders", "sent"] == 0)
  }

  @Test func `an exchange at a port is found without any configuration`() throws {
    let directory = try TemporaryDirectory()
    let port = try PortRange.free()
    let exchange = try exchange(at: port, in: directory)
    for service in 1...4 {
      #expect(exchange.printed.contains("\"127.0.0.1:\(port + UInt16(service))\""))
    }
    let run = try RunningCommand.run(
      in: directory.path, "--exchange", "127.0.0.1:\(port)", "--instruments",
      Self.instruments(directory))
    #expect(run.wait { run.hasTraded && run.messagesTraded > 1_000 })
    let result = try run.interrupt()
    _ = try exchange.interrupt(SIGTERM)
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(json["feed", "messages"] > 1_000)
    #expect(json["feed", "symbols_whole"] == 20)
    #expect(json["orders", "sent"] > 0)
    #expect(json["memory", "arena_bytes"] > 0)
    #expect(json["memory", "peak_resident_bytes"] > json["memory", "arena_bytes"] / 2)
  }

  @Test func `an exchange at any free port has no lines of its own`() throws {
    let directory = try TemporaryDirectory()
    let exchange = try exchange(at: 0, in: directory)
    #expect(exchange.printed.contains("\"feed\":[]"))
    _ = try exchange.interrupt(SIGTERM)
    let high = try CommandProcess.run(["exchange", "--listen", "127.0.0.1:65532"])
    #expect(high.status == 64)
    #expect(high.errors.contains("up to port 65531"))
  }

  @Test func `books that are too small for the feed are named, and the run fails`() throws {
    let directory = try TemporaryDirectory()
    let config = directory.path + "/c.yaml"
    try "runtime: {book_orders_max: 1024}\n".write(
      toFile: config, atomically: true, encoding: .utf8)
    let result = try CommandProcess.run([
      "run", "--virtual-time", "--duration", "3", "--config", config, "--data",
      directory.path + "/data", "--summary", "json",
    ])
    #expect(result.status == 1, "\(result.errors)")
    #expect(result.errors.contains("four fifths of runtime.book_orders_max are used"))
    let json = try SummaryJSON(result.output)
    #expect(json.broken.count == 1 && json.broken[0].contains("raise runtime.book_orders_max"))
  }

  @Test func `with the standard streams closed nothing is printed into the journal`() throws {
    let directory = try TemporaryDirectory()
    let data = directory.path + "/data"
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = [
      "-c", "exec \"$0\" run --virtual-time --duration 2 --data \"$1\" 0<&- 1>&- 2>&-",
      try #require(CommandProcess.executable).path, data,
    ]
    try shell.run()
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 0)
    let replay = try CommandProcess.run(["journal", "replay", data])
    #expect(replay.status == 0, "\(replay.errors)")
  }

  @Test func `a refused log-in exits 69 and says why`() throws {
    let directory = try TemporaryDirectory()
    let port = try PortRange.free()
    let exchange = try exchange(at: port, in: directory)
    let config = directory.path + "/c.yaml"
    try "venues: [{name: exchange, password: wrong}]\n".write(
      toFile: config, atomically: true, encoding: .utf8)
    let result = try RunningCommand.run(
      in: directory.path, "--exchange", "127.0.0.1:\(port)", "--config", config,
      "--instruments", Self.instruments(directory)
    ).finish()
    _ = try exchange.interrupt(SIGTERM)
    #expect(result.status == 69)
    #expect(result.errors.contains("log-in rejected: not authorised"))
    let json = try SummaryJSON(result.output)
    #expect(json.text("run", "ended_by") == "exchange lost")
    #expect(json["orders", "sent"] == 0)
    let saved = try String(contentsOfFile: directory.path + "/data/summary.json", encoding: .utf8)
    #expect(saved == result.output)
  }

  @Test func `an exchange that goes away for good exits 69`() throws {
    let directory = try TemporaryDirectory()
    let port = try PortRange.free()
    let exchange = try exchange(at: port, in: directory)
    let config = directory.path + "/c.yaml"
    try "venues: [{name: exchange, reconnect_milliseconds: 1}]\n".write(
      toFile: config, atomically: true, encoding: .utf8)
    let run = try RunningCommand.run(
      in: directory.path, "--exchange", "127.0.0.1:\(port)", "--config", config,
      "--instruments", Self.instruments(directory))
    #expect(run.wait { run.hasTraded })
    kill(exchange.process.processIdentifier, SIGKILL)
    let result = try run.finish()
    #expect(result.status == 69, "\(result.errors)")
    #expect(result.errors.contains("the exchange was lost: "))
    let json = try SummaryJSON(result.output)
    #expect(json.text("run", "ended_by") == "exchange lost")
    // The market maker always has something at work.
    let left = (json.root["orders"] as? [String: Any])?["left"] as? [[String: Any]] ?? []
    #expect(!left.isEmpty && left.count == json["orders", "working"] + json["orders", "unknown"])
    let first = try #require(left.first?["client_order_id"] as? Int)
    let symbol = try #require(left.first?["symbol"] as? String)
    let said = result.errors.split(separator: "\n").first { $0.contains("may still work") } ?? ""
    #expect(said.contains("\(left.count) order"), "\(result.errors)")
    #expect(said.contains("port 0, account ") && said.contains(symbol) && said.contains("\(first)"))
    let notes = json.root["notes"] as? [String] ?? []
    #expect(notes.contains { $0.contains("may still work at the venue: port 0") })
  }

  @Test func `no market data at the configured lines exits 69 and names them`() throws {
    let directory = try TemporaryDirectory()
    let port = try PortRange.free()
    let other = try PortRange.free()
    let exchange = try exchange(at: port, in: directory)
    let config = directory.path + "/c.yaml"
    try """
    feeds: [{name: equities, line_a: "127.0.0.1:\(other)", line_b: "127.0.0.1:\(other + 1)"}]
    """.write(toFile: config, atomically: true, encoding: .utf8)
    // Time to log in, or that would be the trouble.
    let result = try CommandProcess.run([
      "run", "--exchange", "127.0.0.1:\(port)", "--config", config, "--duration", "10", "--data",
      directory.path + "/data", "--summary", "json", "--instruments", Self.instruments(directory),
    ])
    _ = try exchange.interrupt(SIGTERM)
    #expect(result.status == 69)
    #expect(result.errors.contains("no market data came at 127.0.0.1:\(other) and "))
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `a signal before trading begins ends with a summary and exit code 0`(
    _ signal: Int32
  ) throws {
    let directory = try TemporaryDirectory()
    let data = directory.path + "/data"
    let run = try RunningCommand(
      ["run", "--data", data, "--summary", "json"], directory: directory.path)
    #expect(run.wait { FileManager.default.fileExists(atPath: data + "/lock") })
    let result = try run.interrupt(signal)
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.text("run", "ended_by") == "signal")
    #expect(json.broken.isEmpty)
    let saved = try String(contentsOfFile: data + "/summary.json", encoding: .utf8)
    #expect(saved == result.output)
  }

  @Test func `a summary that cannot be written is printed first, and exits 74`() throws {
    let directory = try TemporaryDirectory()
    try FileManager.default.createDirectory(
      atPath: directory.path + "/summary.json", withIntermediateDirectories: true)
    let result = try CommandProcess.run([
      "run", "--virtual-time", "--duration", "0.5", "--data", directory.path, "--summary", "json",
    ])
    #expect(result.status == 74)
    #expect(result.errors.contains("summary.json is not written: "))
    #expect(try SummaryJSON(result.output).broken.isEmpty)
  }

  @Test func `a journal that fails in mid-run is said once, with the remedy, and exits 74`() throws
  {
    let directory = try TemporaryDirectory()
    let config = directory.path + "/c.yaml"
    try "journal: {segment_mebibytes: 1}\n".write(
      toFile: config, atomically: true, encoding: .utf8)
    let data = directory.path + "/data"
    let run = try RunningCommand.run(in: directory.path, "--config", config, "--speed", "max")
    // The second segment is there before it is needed; the third cannot be made any more.
    #expect(run.wait { FileManager.default.fileExists(atPath: data + "/exchange.log") })
    #expect(run.wait { run.hasTraded })
    try FileManager.default.moveItem(atPath: data, toPath: directory.path + "/moved")
    #expect(run.wait { run.complaints.contains("the journal failed") })
    let result = try run.interrupt()
    #expect(result.status == 74, "\(result.errors)")
    #expect(result.errors.components(separatedBy: "the journal failed").count == 2)
    #expect(result.errors.contains("No such file or directory; check the path"))
    #expect(try !SummaryJSON(result.output).text("journal", "error").isEmpty)
  }

  @Test func `a duration in virtual time is of session time, also of a file`() throws {
    let directory = try TemporaryDirectory()
    let feed = directory.path + "/feed_20200102.itch"
    let made = try CommandProcess.run([
      "exchange", "--write-feed", feed, "--duration", "4", "--date", "2020-01-02",
    ])
    #expect(made.status == 0, "\(made.errors)")
    func messages(_ name: String, _ more: String...) throws -> SummaryJSON {
      let result = try CommandProcess.run(
        [
          "run", "--virtual-time", "--feed", feed, "--date", "2020-01-02", "--data",
          directory.path + name, "--summary", "json",
        ] + more)
      #expect(result.status == 0, "\(result.errors)")
      return try SummaryJSON(result.output)
    }
    let whole = try messages("/whole")
    let half = try messages("/half", "--duration", "2")
    #expect(whole.text("run", "ended_by") == "end of feed")
    #expect(half.text("run", "ended_by") == "duration")
    #expect(half["feed", "messages"] < whole["feed", "messages"])
    #expect(half["feed", "messages"] > whole["feed", "messages"] / 4)
    // At another speed the clock of the machine goes so much slower, and the session is the same.
    let fast = try messages("/fast", "--duration", "2", "--speed", "10")
    let span = { (summary: SummaryJSON) in summary["run", "session_ns"] }
    #expect(abs(span(fast) - span(half)) < 200_000_000, "\(span(fast)), \(span(half))")
  }

  @Test func `the version is printed wherever it is asked for`() throws {
    let words = [
      [], ["run"], ["book"], ["exchange"], ["journal"], ["journal", "show"], ["journal", "verify"],
    ]
    for command in words {
      let result = try CommandProcess.run(command + ["--version"])
      #expect(result.status == 0, "\(command)")
      #expect(result.output == "needletail \(Version.text)\n", "\(command)")
    }
  }
}
