import Foundation
import TestSupport
import Testing

@testable import Node

/// What may end a run or a part of it in mid-session, and what is left then. Over real sockets: signals, files and
/// another process are what is held.
@Suite(
  .serialized, .oneAtATime,
  .enabled(
    if: CommandProcess.executable != nil, "the needletail executable is not beside the tests"))
struct RunStopTests {
  @Test func `a run over sockets ends by itself when its duration is over`() throws {
    let directory = try TemporaryDirectory()
    let result = try CommandProcess.run([
      "run", "--duration", "10", "--data", directory.path, "--summary", "json",
    ])
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(json.text("run", "ended_by") == "duration")
  }

  @Test func `an exchange killed in mid-run costs no lost or doubled fill`() throws {
    let directory = try TemporaryDirectory()
    let command = try RunningCommand.run(in: directory.path)
    var killed: [Int32] = []
    for _ in 0..<2 {
      #expect(command.wait { command.hasTraded && command.exchange != nil })
      let exchange = try #require(command.exchange)
      #expect(!killed.contains(exchange))
      killed.append(exchange)
      #expect(kill(exchange, SIGKILL) == 0)
      #expect(command.wait { command.exchange.map { !killed.contains($0) } ?? false })
    }
    let sessions = command.sessions
    #expect(command.wait { command.sessions > sessions }, "it has logged in again")
    let result = try command.interrupt()
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(json.venue("exchange", "restarts") == 2)
    #expect(json.venue("exchange", "session", "reconnects") >= 1)
    #expect(
      json.venue("exchange", "fills", "count") == json.venue("exchange", "own_account", "fills"))
    #expect(json["fills", "count"] > 0)
    #expect(result.errors.contains("was killed by signal 9; it was started again"))
  }

  @Test func `an exchange that cannot live is not started for ever, and the run says it is lost`()
    throws
  {
    let directory = try TemporaryDirectory()
    let command = try RunningCommand.run(in: directory.path)
    #expect(command.wait { command.hasTraded && command.exchange != nil })
    let exchange = try #require(command.exchange)
    // It finds its store damaged each time.
    let store = directory.path + "/data/exchange/inputs.ntx"
    try Data("this is no store of an exchange".utf8).write(to: URL(fileURLWithPath: store + ".new"))
    #expect(rename(store + ".new", store) == 0)
    #expect(kill(exchange, SIGKILL) == 0)
    let result = try command.finish()
    #expect(result.status == 69, "\(result.errors)")
    #expect(result.errors.contains("the exchange is lost: it ended with exit code 65"))
    #expect(result.errors.contains("it is started again in 100 ms"))
    #expect(result.errors.contains("it is started again in 3200 ms"))
    let json = try SummaryJSON(result.output)
    #expect(json.venue("exchange", "restarts") == RestartPolicy.restartsMax)
    #expect(json.text("run", "ended_by") == "exchange lost")
  }

  @Test func `the exchange's password is no argument of its process`() throws {
    let directory = try TemporaryDirectory()
    let config = directory.path + "/c.yaml"
    try "venues: [{name: exchange, password: hidden7}]\n".write(
      toFile: config, atomically: true, encoding: .utf8)
    let command = try RunningCommand.run(in: directory.path, "--config", config)
    #expect(command.wait { command.hasTraded && command.exchange != nil })
    let exchange = try #require(command.exchange)
    let place = "/proc/\(exchange)/"
    let arguments = try String(contentsOfFile: place + "cmdline", encoding: .utf8)
    let environment = try String(contentsOfFile: place + "environ", encoding: .utf8)
    #expect(arguments.contains("--password-file"))
    #expect(!arguments.contains("hidden7") && !environment.contains("hidden7"))
    let result = try command.interrupt()
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    for case let file as String in FileManager.default.enumerator(
      atPath: directory.path + "/data") ?? FileManager.DirectoryEnumerator()
    {
      let bytes = FileManager.default.contents(atPath: directory.path + "/data/" + file) ?? Data()
      #expect(bytes.range(of: Data("hidden7".utf8)) == nil, "\(file)")
    }
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `a stop signal cancels what works, and ends with the summary`(_ signal: Int32) throws {
    let directory = try TemporaryDirectory()
    let command = try RunningCommand.run(in: directory.path)
    #expect(command.wait { command.hasTraded })
    let exchange = command.exchange
    let result = try command.interrupt(signal)
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(json["orders", "working"] == 0)
    #expect(json.text("run", "ended_by") == "signal")
    if let exchange { #expect(kill(exchange, 0) != 0, "the exchange has ended too") }
  }

  @Test func `the exchange ends when the run is killed, and its directory is refused`() throws {
    let directory = try TemporaryDirectory()
    let data = directory.path + "/data"
    let command = try RunningCommand.run(in: directory.path)
    #expect(command.wait { command.hasTraded && command.exchange != nil })
    let exchange = try #require(command.exchange)
    kill(command.process.processIdentifier, SIGKILL)
    command.process.waitUntilExit()
    var isGone = false
    for _ in 0..<30_000 where !isGone {
      isGone = kill(exchange, 0) != 0
      if !isGone { RunningCommand.pause(milliseconds: 10) }
    }
    #expect(isGone)
    let again = try CommandProcess.run(["run", "--duration", "1", "--data", data])
    #expect(again.status == 73, "\(again.errors)")
    #expect(again.errors.contains("open"))
  }

  @Test func `a kill file that is there from the start lets no order out all session`() throws {
    let directory = try TemporaryDirectory()
    let data = directory.path + "/data"
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
    try "".write(toFile: data + "/kill", atomically: true, encoding: .utf8)
    let result = try CommandProcess.run([
      "run", "--feed", try RunTests.feed(in: directory.path), "--speed", "max", "--data",
      data, "--summary", "json",
    ])
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.text("run", "ended_by") == "end of feed")
    #expect(json["feed", "messages"] + json["feed", "by_snapshot"] >= 10_000)
    let refused = (json.root["orders"] as? [String: Any])?["refused"] as? [String: Any]
    #expect(refused?["latched"] as? Int ?? 0 > 0, "they were wanted")
    #expect(json["orders", "sent"] == 0)
    #expect(json["fills", "count"] == 0)
  }

  @Test func `a run in virtual time hears what people ask of it`() throws {
    let directory = try TemporaryDirectory()
    let data = directory.path + "/data"
    let run = try RunningCommand(
      ["run", "--virtual-time", "--duration", "86400", "--data", data, "--summary", "json"],
      directory: directory.path)
    #expect(run.wait { FileManager.default.fileExists(atPath: RunDirectory.control(in: data)) })
    let asked = try CommandProcess.run([
      "kill", "--data", data, "--person", "Ada", "--reason", "enough",
    ])
    #expect(asked.status == 0, "\(asked.errors)\(asked.output)")
    let result = try run.interrupt()
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(result.output.contains("Ada"))
    #expect(result.output.contains("enough"))
  }

  @Test func `a kill file that appears cancels what works and stops new orders`() throws {
    let directory = try TemporaryDirectory()
    let run = try RunningCommand.run(in: directory.path)
    #expect(run.wait { run.hasTraded })
    try "".write(toFile: directory.path + "/data/kill", atomically: true, encoding: .utf8)
    #expect(run.wait { !run.journalled("command").isEmpty })
    // The strategies go on wanting orders.
    #expect(
      run.wait { run.journalled("refusal").contains { $0["code"] as? String == "latched" } })
    let result = try run.interrupt()
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(json["orders", "working"] == 0)
    let killed = (run.journalled("command").first?["sequence"] as? NSNumber)?.intValue ?? 0
    let later = run.journalled("intent").filter {
      ($0["sequence"] as? NSNumber)?.intValue ?? 0 > killed
    }
    #expect(later.contains { $0["request"] as? String == "cancel" })
    #expect(!later.contains { $0["request"] as? String == "new" })
  }
}
