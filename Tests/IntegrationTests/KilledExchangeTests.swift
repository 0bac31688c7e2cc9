import Foundation
import TestSupport
import Testing

extension Integration {
  /// The exchange dies by SIGKILL in mid-run and comes back: nothing is lost, nothing comes twice,
  /// and
  /// its own account equals ours.
  @Suite struct KilledExchangeTests {
    /// Bytes of inputs that the exchange has stored.
    private func stored(_ data: String) -> Int {
      var status = stat()
      return stat(data + "/exchange/inputs.ntx", &status) == 0 ? Int(status.st_size) : 0
    }

    /// Kills the exchange whenever it has stored so many more bytes; returns the number of kills.
    private func kill(_ command: RunningCommand, _ data: String, at steps: [Int]) -> Int {
      var kills = 0
      var target = 0
      var last: Int32 = 0
      for step in steps {
        target = stored(data) + step
        guard
          command.wait(until: {
            stored(data) >= target && (command.exchange.map { $0 != last } ?? false)
          }), let exchange = command.exchange
        else { break }
        last = exchange
        if Foundation.kill(exchange, SIGKILL) == 0 { kills += 1 }
      }
      return kills
    }

    /// The run, the exchange's report and the slow matcher agree on every fill.
    private func check(_ data: String, _ feed: String, _ summary: SummaryJSON, _ what: String)
      throws
    {
      #expect(summary.broken.isEmpty, "\(what): \(summary.broken)")
      let run = try Derivation(data: data, feed: feed)
      #expect(!run.derived.isEmpty, "\(what)")
      let byExchange = Derivation.difference(run.derived, run.reported)
      #expect(byExchange == nil, "\(what), derived | reported: \(byExchange ?? "")")
      let byUs = Derivation.difference(run.reported, run.journalled)
      #expect(byUs == nil, "\(what), reported | journalled: \(byUs ?? "")")
      #expect(summary.standingFills == run.reported.count { !$0.isBusted }, "\(what)")
      let positions = summary.root["positions"] as? [[String: Any]] ?? []
      var ours: [String: Int] = [:]
      for entry in positions {
        ours[entry["symbol"] as? String ?? "", default: 0] +=
          (entry["shares"] as? NSNumber)?.intValue ?? 0
      }
      var theirs: [String: Int] = [:]
      for entry in run.report.root["positions"] as? [[String: Any]] ?? [] {
        theirs[entry["symbol"] as? String ?? ""] = (entry["shares"] as? NSNumber)?.intValue
      }
      #expect(ours == theirs, "\(what)")
    }

    /// Three seeds, or as many as NEEDLETAIL_SEEDS says, for a longer look.
    private static let seeds: [Int] = {
      let asked = ProcessInfo.processInfo.environment["NEEDLETAIL_SEEDS"].flatMap { Int($0) }
      return Array(41..<(41 + max(3, asked ?? 3)))
    }()

    // With every second seed the port is one that cancels working orders when a connection breaks.
    @Test(arguments: seeds)
    func `killed at points that a seed chooses`(_ seed: Int) throws {
      let directory = try TemporaryDirectory()
      let config = directory.path + "/c.yaml"
      try "venues: [{name: exchange, cancel_on_disconnect: \(seed % 2 == 0)}]\n".write(
        toFile: config, atomically: true, encoding: .utf8)
      let feed = directory.path + "/F_20200102.itch50"
      let written = try CommandProcess.run([
        "exchange", "--feed", "generated", "--seed", "\(seed)", "--style", "volatile", "--date",
        "2020-01-02", "--messages", "30000", "--write-feed", feed,
      ])
      #expect(written.status == 0, "\(written.errors)")
      let data = directory.path + "/data"
      let command = try RunningCommand(
        [
          "run", "--feed", feed, "--speed", "max", "--seed", "\(seed)", "--config", config,
          "--data", data, "--summary", "json",
        ], directory: directory.path)
      var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15
      let steps = (0..<3).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return 200 + Int(state >> 33) % 6_000
      }
      let kills = kill(command, data, at: steps)
      let result = try command.finish()
      #expect(kills > 0, "seed \(seed), steps \(steps)")
      #expect(result.status == 0, "seed \(seed), steps \(steps): \(result.errors)\(result.output)")
      let summary = try SummaryJSON(result.output)
      #expect(summary.venue("exchange", "restarts") == kills, "seed \(seed)")
      #expect(summary.venue("exchange", "session", "reconnects") >= 1, "seed \(seed)")
      #expect(summary["feed", "lost"] == 0, "seed \(seed)")
      try check(data, feed, summary, "seed \(seed), steps \(steps)")
    }

    /// The generated market of a run, as far as its exchange has come and further, in a file.
    private func written(_ directory: String, _ data: String, seed: Int) throws -> String {
      let report = try SummaryJSON(
        String(contentsOfFile: data + "/exchange.json", encoding: .utf8))
      let messages = (report.root["feed_messages"] as? NSNumber)?.intValue ?? 0
      let feed = directory + "/F_20200102.itch50"
      // Five thousand messages are a second, more or less.
      let written = try CommandProcess.run([
        "exchange", "--feed", "generated", "--seed", "\(seed)", "--date", "2020-01-02",
        "--duration", "\(messages / 4_000 + 5)", "--write-feed", feed,
      ])
      #expect(written.status == 0, "\(written.errors)")
      return feed
    }

    // A silent exchange is no dead one: the session ends by its time-out and is taken up again.
    @Test func `heartbeats that stay away end the connection, and it is made again`() throws {
      let directory = try TemporaryDirectory()
      let data = directory.path + "/data"
      let config = directory.path + "/c.yaml"
      // Twice the exchange's own heartbeat: it is silent for longer only when it is stopped.
      try """
      venues:
        - name: exchange
          heartbeat_milliseconds: 500
          timeout_milliseconds: 2000
          reconnect_milliseconds: 20
      """.write(toFile: config, atomically: true, encoding: .utf8)
      let command = try RunningCommand.run(
        in: directory.path, "--config", config, "--seed", "44")
      #expect(command.wait { stored(data) > 4_000 && command.exchange != nil })
      let exchange = try #require(command.exchange)
      #expect(Foundation.kill(exchange, SIGSTOP) == 0)
      // The silence lasts until it has been noticed.
      #expect(
        command.wait {
          command.journalled("report").contains { $0["report"] as? String == "sessionDown" }
        })
      let sessions = command.sessions
      #expect(Foundation.kill(exchange, SIGCONT) == 0)
      #expect(command.wait { command.sessions > sessions })
      let result = try command.interrupt()
      #expect(result.status == 0, "\(result.errors)\(result.output)")
      let summary = try SummaryJSON(result.output)
      #expect(summary.venue("exchange", "session", "reconnects") >= 1)
      #expect(summary.venue("exchange", "restarts") == 0)
      try check(data, written(directory.path, data, seed: 44), summary, "silence")
    }

    @Test func `Ctrl-C cancels what works, and every fill is accounted for`() throws {
      let directory = try TemporaryDirectory()
      let data = directory.path + "/data"
      let command = try RunningCommand.run(
        in: directory.path, "--seed", "45", "--venues", "exchange")
      #expect(command.wait { stored(data) > 6_000 })
      let result = try command.interrupt()
      #expect(result.status == 0, "\(result.errors)\(result.output)")
      let summary = try SummaryJSON(result.output)
      #expect(summary.text("run", "ended_by") == "signal")
      #expect(summary["orders", "working"] == 0)
      #expect(summary["orders", "cancelled"] > 0)
      let report = try SummaryJSON(
        String(contentsOfFile: data + "/exchange.json", encoding: .utf8))
      #expect((report.root["working_orders"] as? NSNumber)?.intValue == 0)
      try check(data, written(directory.path, data, seed: 45), summary, "Ctrl-C")
    }
  }
}
