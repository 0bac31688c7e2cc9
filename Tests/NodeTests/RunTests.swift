import Foundation
import Simulation
import TestSupport
import Testing
import Trading
import Transport

@testable import Node

// Each of these starts processes of its own on ports of its own; together they would starve each other
// of the machine's few processors. Over real sockets, because that is what is held: the program as it is started.
@Suite(
  .serialized, .oneAtATime,
  .enabled(
    if: CommandProcess.executable != nil, "the needletail executable is not beside the tests"))
struct RunTests {
  private func journals(_ directory: String) throws -> [String: Data] {
    var found: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: directory)
    where name.hasPrefix("journal-") {
      found[name] = FileManager.default.contents(atPath: directory + "/" + name)
    }
    return found
  }

  private func virtual(_ directory: String, _ more: String...) throws -> CommandProcess {
    try CommandProcess.run(
      ["run", "--virtual-time", "--data", directory, "--summary", "json"] + more)
  }

  /// Journals, the exchange's own files and both reports: what the run has left behind, and what it has printed.
  private func left(by result: CommandProcess, in directory: String) throws -> [String: Data] {
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    var found = ["": Data(result.output.utf8)]
    for name in try FileManager.default.subpathsOfDirectory(atPath: directory) {
      found[name] = FileManager.default.contents(atPath: directory + "/" + name)
    }
    return found
  }

  @Test(arguments: ["", "loss=3,reorder=3,duplicate=3,short=3"])
  func `two runs in virtual time with one seed give the same bytes, another seed others`(
    _ faults: String
  ) throws {
    let directory = try TemporaryDirectory()
    func run(_ name: String, _ seed: String, _ more: String = "") throws -> [String: Data] {
      var arguments = ["run", "--virtual-time", "--duration", "2", "--summary", "json"]
      arguments += ["--seed", seed, "--data", directory.path + name]
      if !faults.isEmpty { arguments += ["--faults", faults + more] }
      return try left(by: CommandProcess.run(arguments), in: directory.path + name)
    }
    let first = try run("/a", "7")
    let again = try run("/b", "7")
    #expect(first.keys.sorted() == again.keys.sorted())
    for (name, bytes) in first { #expect(again[name] == bytes, "\(name) is another") }
    #expect(first["summary.json"] == first[""])
    #expect(try first["exchange.json"] != nil && !journals(directory.path + "/a").isEmpty)
    #expect(try run("/c", "8")[""] != first[""])
    #expect(try journals(directory.path + "/a") != journals(directory.path + "/c"))
    let json = try SummaryJSON(String(decoding: first[""] ?? Data(), as: UTF8.self))
    #expect(json["fills", "count"] > 0)
    #expect(json.broken.isEmpty)
    #expect(json.invariants >= 8)
    #expect(json.venue("exchange", "own_process") == 0)
    #expect((json["feed", "gaps"] > 0) == !faults.isEmpty)
    guard !faults.isEmpty else { return }
    // The market of the first, with other faults.
    _ = try run("/d", "7", ",seed=8")
    #expect(try journals(directory.path + "/a") != journals(directory.path + "/d"))
  }

  @Test func `a directory that was left with positions is refused with what is in it`() throws {
    let directory = try TemporaryDirectory()
    let first = try virtual(directory.path, "--duration", "2")
    #expect(first.status == 0)
    let second = try virtual(directory.path, "--duration", "2")
    #expect(second.status == 73)
    #expect(second.output.isEmpty)
    #expect(second.errors.contains("open positions"))
    #expect(second.errors.contains("choose another --data"))
  }

  @Test func `a directory that ended flat goes on with the next numbers`() throws {
    let directory = try TemporaryDirectory()
    let config = directory.path + "/c.yaml"
    // Everything is restricted for a single symbol: no order is ever sent.
    try "feeds: [{name: equities, generator: {symbols: 1}}]\nrestricted: [QAAAZ]\n".write(
      toFile: config, atomically: true, encoding: .utf8)
    let data = directory.path + "/data"
    let first = try virtual(data, "--duration", "0.5", "--config", config)
    #expect(first.status == 0, "\(first.errors)")
    let one = try SummaryJSON(first.output)
    let second = try virtual(data, "--duration", "0.5", "--config", config)
    #expect(second.status == 0, "\(second.errors)")
    let two = try SummaryJSON(second.output)
    #expect(two["journal", "first_sequence"] == one["journal", "last_sequence"] + 1)
    #expect(try CommandProcess.run(["journal", "verify", data]).status == 0)
  }

  /// A generated feed in a file: at full speed it is traded to its end, however long that takes.
  static func feed(in directory: String) throws -> String {
    let file = directory + "/feed_20200102.itch"
    let made = try CommandProcess.run(
      "exchange", "--write-feed", file, "--style", "volatile", "--messages", "10000")
    #expect(made.status == 0, "\(made.errors)")
    return file
  }

  @Test func `a run over sockets trades, and the exchange agrees`() throws {
    let directory = try TemporaryDirectory()
    let data = directory.path + "/data"
    let run = try RunningCommand.run(in: directory.path)
    #expect(run.wait { run.hasTraded && run.messagesTraded > 1_000 })
    let result = try run.interrupt()
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(json["feed", "messages"] > 1_000)
    #expect(json["orders", "sent"] > 0)
    #expect(json["fills", "count"] > 0)
    #expect(
      json.venue("exchange", "fills", "count") == json.venue("exchange", "own_account", "fills"))
    #expect(json["feed", "lost"] == 0)
    #expect(json.venue("exchange", "own_process") == 1)
    let saved = try String(contentsOfFile: data + "/summary.json", encoding: .utf8)
    #expect(saved == result.output)
    #expect(try CommandProcess.run(["journal", "verify", data]).status == 0)
  }

  @Test(arguments: ["--virtual-time", "--speed=max"])
  func `the exchange charges the fees of the configuration`(_ how: String) throws {
    let directory = try TemporaryDirectory()
    let config = directory.path + "/c.yaml"
    try """
    venues:
      - name: exchange
        fees: {added_per_share: -0.5, added_hidden_per_share: 0, removed_per_share: 0.75}
    """.write(toFile: config, atomically: true, encoding: .utf8)
    let result = try CommandProcess.run([
      "run", "--feed", try RunTests.feed(in: directory.path), how, "--config", config,
      "--data", directory.path + "/data", "--summary", "json",
    ])
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(json["fills", "count"] > 0)
    #expect(
      json.venue("exchange", "fills", "count") == json.venue("exchange", "own_account", "fills"))
  }

  @Test func `a recording that is cut is traded to there, said, and exits 65`() throws {
    let directory = try TemporaryDirectory()
    let feed = directory.path + "/feed.itch"
    let made = try CommandProcess.run(
      "exchange", "--write-feed", feed, "--messages", "4000", "--symbols", "3")
    #expect(made.status == 0, "\(made.errors)")
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    gzip.arguments = ["gzip", "-n", feed]
    try gzip.run()
    gzip.waitUntilExit()
    let archive = try Data(contentsOf: URL(fileURLWithPath: feed + ".gz"))
    let cut = directory.path + "/cut.gz"
    try archive.dropLast(20).write(to: URL(fileURLWithPath: cut))
    for more in [["--virtual-time"], ["--speed", "max"]] {
      let result = try CommandProcess.run(
        [
          "run", "--feed", cut, "--date", "2020-01-02", "--summary", "json", "--data",
          directory.path + "/data" + more[0],
        ] + more)
      #expect(result.status == 65, "\(result.errors)\(result.output)")
      #expect(result.errors.contains("\(cut) at offset "))
      let json = try SummaryJSON(result.output)
      #expect(json.broken.isEmpty)
      #expect(json["feed", "messages"] > 1_000)
      #expect(result.output.contains("the recording ends early at offset "))
      #expect(!result.output.contains(directory.path))
    }
  }

  // Reads ../shared/data, which is not part of the package.
  @Test(.enabled(if: SharedData.isThere, "the recorded feeds are not there"))
  func `the recorded feed is traded over sockets at full speed`() throws {
    let directory = try TemporaryDirectory()
    let result = try CommandProcess.run([
      "run", "--feed", SharedData.apple, "--speed", "max", "--data", directory.path, "--summary",
      "json",
    ])
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    // On a busy machine the run may come late, and take the beginning from a snapshot.
    #expect(json["feed", "messages"] + json["feed", "by_snapshot"] >= 25_000)
    #expect(json["feed", "messages"] > 10_000)
    #expect(json["feed", "unknown_references"] >= 2_268 || json["feed", "by_snapshot"] > 0)
    #expect(json["feed", "lost"] == 0)
    #expect(json["fills", "count"] > 0)
    #expect(json["feed", "symbols_whole"] == 1)
    #expect(json.text("run", "ended_by") == "end of feed")
  }

  // Reads ../shared/data, which is not part of the package.
  @Test(.enabled(if: SharedData.isThere, "the recorded feeds are not there"))
  func `the recorded feed in virtual time gives the same bytes twice`() throws {
    let directory = try TemporaryDirectory()
    for name in ["/a", "/b"] {
      let result = try virtual(directory.path + name, "--feed", SharedData.apple)
      #expect(result.status == 0, "\(result.errors)\(result.output)")
    }
    let first = try journals(directory.path + "/a")
    #expect(!first.isEmpty)
    #expect(try first == journals(directory.path + "/b"))
  }

  @Test func `what cannot run says so with its own exit code`() throws {
    let directory = try TemporaryDirectory()
    let data = directory.path + "/data"
    func status(_ arguments: String...) throws -> Int32 {
      try CommandProcess.run(["run", "--data", data] + arguments).status
    }
    #expect(try status("--feed", directory.path + "/missing.itch") == 66)
    #expect(try status("--config", directory.path + "/missing.yaml") == 66)
    let config = directory.path + "/c.yaml"
    try "feed_s: 1\n".write(toFile: config, atomically: true, encoding: .utf8)
    let wrong = try CommandProcess.run(["run", "--config", config, "--data", data])
    #expect(wrong.status == 78)
    #expect(wrong.errors.contains("\(config):1:1: feed_s: unknown key; did you mean 'feeds'?"))
    try "restricted: [NONE]\n".write(toFile: config, atomically: true, encoding: .utf8)
    #expect(try status("--config", config, "--virtual-time") == 78)
    try "x".write(toFile: directory.path + "/file", atomically: true, encoding: .utf8)
    #expect(
      try CommandProcess.run(["run", "--data", directory.path + "/file"]).status == 73)
    #expect(try status("--exchange", "127.0.0.1:9", "--speed", "max") == 64)
    #expect(try status("--exchange", "127.0.0.1:9") == 64)
  }

  @Test(arguments: ["run", "exchange"])
  func `a wrong input file is named with what is wrong with it`(_ command: String) throws {
    let directory = try TemporaryDirectory()
    let data = ["--data", directory.path + "/data"]
    func expect(_ arguments: [String], _ status: Int32, _ said: String) throws {
      let result = try CommandProcess.run([command] + arguments + data)
      #expect(result.status == status, "\(arguments)")
      #expect(result.errors == "needletail \(command): \(said)\n")
    }
    let missing = directory.path + "/missing"
    let here = directory.path
    try expect(["--feed", here], 66, "feed \(here): is a directory; name a file with '--feed'")
    try expect(
      ["--feed", missing], 66, "feed \(missing): No such file or directory; check '--feed'")
    let facts = "instruments file"
    try expect(
      ["--instruments", missing], 66,
      "\(facts) \(missing): No such file or directory; check '--instruments'")
    try expect(
      ["--instruments", here], 66,
      "\(facts) \(here): is a directory; name a file with '--instruments'")
    let binary = directory.path + "/binary"
    try Data([0xff, 0xfe, 0]).write(to: URL(fileURLWithPath: binary))
    try expect(
      ["--instruments", binary], 65,
      "\(facts) \(binary): is not text in UTF-8; give a CSV with '--instruments'")
    #expect(!FileManager.default.fileExists(atPath: directory.path + "/data"))
  }

  @Test func `a core that attaches late takes the snapshot, and trades`() throws {
    let directory = try TemporaryDirectory()
    let at = try PortRange.addresses()
    let place = directory.path + "/exchange"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let report = directory.path + "/report.json"
    let exchange = try RunningCommand(
      [
        "exchange", "--listen", at[0], "--rerequest", at[1], "--snapshot", at[2], "--feed-to",
        "\(at[3]),\(at[4])", "--rate", "200000", "--data", place, "--report", report,
        "--flow-control", directory.path + "/flow", "--write-instruments", place + "/i.csv",
      ], directory: place)
    // More messages than re-requests are good for must have gone by.
    let flow = try FlowControl(path: directory.path + "/flow", creates: false)
    #expect(exchange.wait { flow.published > 100_000 }, "\(exchange.complaints)")
    let config = directory.path + "/c.yaml"
    try """
    feeds:
      - {name: equities, line_a: "\(at[3])", line_b: "\(at[4])", rerequest: "\(at[1])", snapshot: "\(at[2])"}
    """.write(toFile: config, atomically: true, encoding: .utf8)
    let run = try RunningCommand.run(
      in: directory.path, "--exchange", at[0], "--config", config, "--instruments",
      place + "/i.csv")
    #expect(run.wait { run.hasTraded })
    let result = try run.interrupt()
    _ = try exchange.interrupt(SIGTERM)
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(json["feed", "snapshots"] >= 1)
    #expect(json["feed", "symbols_whole"] == 20)
    #expect(json["fills", "count"] > 0)
    let account = try #require(ReportedAccount(file: report))
    #expect(Int(account.fills) == json.standingFills)
    #expect(account.workingOrders == 0)
    // Its account is not there yet when the run ends: said, and no number stands for it.
    let notes = json.root["notes"] as? [String] ?? []
    #expect(notes.contains { $0.hasPrefix("not checked: fills, positions, cash and fees") })
    let venues = try #require(json.root["venues"] as? [[String: Any]])
    #expect(venues.count == 1 && venues[0]["own_account"] is NSNull)
  }

  @Test func `an exchange that nobody answers at ends the run`() throws {
    let directory = try TemporaryDirectory()
    let config = directory.path + "/c.yaml"
    try "venues: [{name: exchange, reconnect_milliseconds: 1}]\n".write(
      toFile: config, atomically: true, encoding: .utf8)
    let port = try PortRange.free()
    let result = try RunningCommand.run(
      in: directory.path, "--exchange", "127.0.0.1:\(port)", "--config", config,
      "--instruments", SomeInstruments.write(in: directory.path)
    ).finish()
    #expect(result.status == 69)
    #expect(result.errors.contains("never logged in to the exchange: 127.0.0.1:\(port): "))
    let saved = try String(contentsOfFile: directory.path + "/data/summary.json", encoding: .utf8)
    #expect(saved == result.output)
    let json = try SummaryJSON(result.output)
    #expect(json.text("run", "ended_by") == "exchange lost")
    #expect(json["orders", "sent"] == 0)
  }

  @Test func `the commented configuration is printed whole`() throws {
    let result = try CommandProcess.run("run", "--print-config")
    #expect(result.status == 0)
    #expect(result.output == Configuration.example)
  }
}
