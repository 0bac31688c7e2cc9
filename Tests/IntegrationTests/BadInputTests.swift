import ExecutionCore
import Foundation
import Journal
import TestSupport
import Testing
import Trading

// The bad input of the issue, and the test that covers each:
//   truncated file and frame, lying length, unknown type, zero length:
//     TransportTests/FeedFileTests,
//     NodeTests/BookCommandTests, ExecutionCoreTests/ITCHDecoderTests
//   .gz cut short, pcap of the wrong link type: TransportTests, NodeTests/BookCommandTests
//   feed gap, duplicate, reorder: BadFeedTests; GatewaysTests/MoldTests,
//     SimulationTests/ExchangeServerTests
//   login refused, wrong sequence: here; GatewaysTests/SoupTests
//   heartbeat lost, exchange killed and restarted: KilledExchangeTests; GatewaysTests/SoupTests
//   half an OUCH message, OUCH for an unknown token: here, both directions;
//     GatewaysTests/OUCHCodecTests
//   port in use: here; TransportTests/ReactorBackEndTests
//   no permission to pin or lock, no huge pages: here; CSupportTests/MachineTests
//   no io_uring: here by setting; TransportTests/ReactorBackEndTests where it is forbidden
//   disk full under the journal: here; JournalTests/FaultTests
//   configuration with a typo, directory with open orders: NodeTests/RunTests,
//     NodeTests/ConfigurationTests
extension Integration {
  @Suite struct BadInputTests {
    private func write(_ text: String, _ file: String) throws -> String {
      try text.write(toFile: file, atomically: true, encoding: .utf8)
      return file
    }

    private func notes(_ summary: SummaryJSON) -> String {
      (summary.root["notes"] as? [String] ?? []).joined(separator: "\n")
    }

    // MARK: The order session, us as the client

    /// A run attached to a venue that this test plays, one call for each connection.
    private func attach(
      _ directory: String, _ connections: Int, says text: String = "",
      _ serve: (Int, RawSocket) throws -> Void
    ) throws -> SummaryJSON {
      let listener = try RawSocket.listening()
      let line = try PortRange.free()
      let config = try write(
        """
        venues: [{name: exchange, reconnect_milliseconds: 1, heartbeat_milliseconds: 50}]
        feeds: [{name: equities, line_a: "127.0.0.1:\(line)", line_b: "127.0.0.1:\(line + 1)"}]

        """, directory + "/c.yaml")
      let command = try RunningCommand.run(
        in: directory, "--exchange", "127.0.0.1:\(listener.port)", "--config", config,
        "--instruments", SomeInstruments.write(in: directory))
      for index in 0..<connections { try serve(index, listener.accepted()) }
      let result = try command.finish()
      #expect(result.status == 69, "\(result.errors)\(result.output)")
      #expect(text.isEmpty || result.errors.contains(text), "\(result.errors)")
      return try SummaryJSON(result.output)
    }

    private func accept(_ peer: RawSocket, sequence: Int = 1) throws {
      #expect(peer.business()?.type == "L")
      try peer.send("A", RawSocket.left("NT00000001", 10) + RawSocket.right("\(sequence)", 20))
    }
    /// By default not authorised: the run gives up, after a few if one was accepted before.
    private func refuse(_ peer: RawSocket, _ reason: Character = "A") throws {
      #expect(peer.business()?.type == "L")
      try peer.send("J", [reason.asciiValue ?? 0])
      _ = peer.business()
    }

    @Test func `a refused login ends the run, and the summary says why`() throws {
      let directory = try TemporaryDirectory()
      let summary = try attach(directory.path, 1) { _, peer in try refuse(peer) }
      #expect(summary.text("run", "ended_by") == "exchange lost")
      #expect(notes(summary).contains("log"), "\(notes(summary))")
      #expect(summary["orders", "sent"] == 0)
    }

    @Test func `a session that is not available is said at once, and tried again`() throws {
      let directory = try TemporaryDirectory()
      let summary = try attach(
        directory.path, 40,
        says:
          "refuses the log-in of port 0 (account HOUSE, user NTAIL1): its session is not available"
      ) { index, peer in
        try refuse(peer, index < 39 ? "S" : "A")
      }
      #expect(summary.text("run", "ended_by") == "exchange lost")
    }

    @Test func `a login at a sequence that is not ours is not taken`() throws {
      let directory = try TemporaryDirectory()
      let summary = try attach(directory.path, 1 + LoginRefusals.unauthorisedMax) { index, peer in
        guard index == 0 else { return try refuse(peer) }
        try accept(peer, sequence: 1_000)
        // It closes: what lies between is unknown.
        while peer.packet() != nil {}
      }
      #expect(summary.text("run", "ended_by") == "exchange lost")
      #expect(summary["orders", "sent"] == 0)
    }

    @Test func `an execution of an unknown token is an alarm, and half a message is none`() throws {
      let directory = try TemporaryDirectory()
      // Executed: time, token, shares, price, flag, match number, no options.
      let stranger: [UInt8] =
        [UInt8(ascii: "E")] + RawSocket.big(34_200_000_000_000, 8) + RawSocket.big(999, 4)
        + RawSocket.big(100, 4) + RawSocket.big(1_000_000, 8) + [UInt8(ascii: "A")]
        + RawSocket.big(7, 8) + [0, 0]
      let summary = try attach(directory.path, 1 + LoginRefusals.unauthorisedMax) { index, peer in
        guard index == 0 else { return try refuse(peer) }
        try accept(peer)
        try peer.send("S", stranger)
        // A packet that says 60 bytes, and ends after a few.
        try peer.write([0, 60, UInt8(ascii: "S")] + stranger.prefix(12))
      }
      #expect(summary.text("run", "ended_by") == "exchange lost")
      #expect(summary["fills", "count"] == 0)
      var alarms: [UInt64] = []
      _ = try JournalReader(directory.path + "/data").read { record in
        if record.type == .alarm, let alarm = record.payload(as: AlarmRecord.self) {
          alarms.append(alarm.venueReference)
        }
        return true
      }
      #expect(alarms == [999])
    }

    // MARK: The order session, the exchange as the server

    @Test func `the exchange survives refused logins, half messages and unknown tokens`() throws {
      let directory = try TemporaryDirectory()
      let exchange = try RunningCommand(
        ["exchange", "--messages", "2000", "--report", directory.path + "/report.json"],
        directory: directory.path)
      #expect(exchange.wait { exchange.printed.contains("\n") })
      let said = try SummaryJSON(exchange.printed)
      let endpoint = try #require(said.root["order_entry"] as? String)
      let port = try #require(endpoint.split(separator: ":").last.flatMap { UInt16($0) })
      for (password, sequence, reason) in [("wrong", 1, "A"), ("needletail", 4_000, "S")] {
        let peer = try RawSocket.connected(to: port)
        try peer.logIn(password: password, sequence: sequence)
        let answer = peer.business()
        #expect(answer?.type == "J")
        if reason == "A" { #expect(answer?.payload.letter(0) == "A") }
      }
      // Half an OUCH message: the packet is cut with the connection.
      let cut = try RawSocket.connected(to: port)
      try cut.logIn()
      #expect(cut.business()?.type == "A")
      try cut.write([0, 48, UInt8(ascii: "U"), UInt8(ascii: "O"), 0, 0])
      // Half an OUCH message in a whole packet, a cancel of nothing, then a query that is answered.
      let peer = try RawSocket.connected(to: port)
      try peer.logIn()
      try peer.send("U", [UInt8(ascii: "O"), 0, 0, 0, 1])
      try peer.send("U", [UInt8(ascii: "X")] + RawSocket.big(77, 4) + RawSocket.big(0, 4))
      try peer.send("U", [UInt8(ascii: "Q")])
      var answers = ""
      while let next = peer.business(), !answers.hasSuffix("Q") {
        answers.append(next.type == "S" ? next.payload.kind : next.type)
        if answers.hasSuffix("Q") {
          #expect(next.payload.number(9, 4) == 1, "no number was consumed")
          break
        }
      }
      #expect(answers.hasSuffix("Q") && !answers.contains("J"), "\(answers)")
      kill(exchange.process.processIdentifier, SIGTERM)
      #expect(try exchange.finish().status == 0)
      let report = try SummaryJSON(
        String(contentsOfFile: directory.path + "/report.json", encoding: .utf8))
      #expect(report["server", "logins_refused"] == 2)
      #expect(report["counters", "ignored_requests"] == 1)
    }

    // MARK: The machine

    @Test func `a port in use is named with what to change`() throws {
      let directory = try TemporaryDirectory()
      let taken = try RawSocket.bound(udp: true)
      let config = try write(
        """
        venues: [{name: exchange, attach: "127.0.0.1:9"}]
        feeds: [{name: equities, line_a: "127.0.0.1:\(taken.port)"}]

        """, directory.path + "/c.yaml")
      let run = try CommandProcess.run([
        "run", "--config", config, "--data", directory.path + "/data", "--instruments",
        SomeInstruments.write(in: directory.path),
      ])
      #expect(run.status == 75, "\(run.errors)")
      #expect(run.errors.contains("give the feed another line_a"), "\(run.errors)")
      let listener = try RawSocket.listening()
      let exchange = try CommandProcess.run([
        "exchange", "--listen", "127.0.0.1:\(listener.port)",
      ])
      #expect(exchange.status == 75, "\(exchange.errors)")
      #expect(exchange.errors.contains("--listen"), "\(exchange.errors)")
    }

    private static let isRoot = geteuid() == 0
    private static func has(_ tools: String...) -> Bool {
      tools.allSatisfy { FileManager.default.isExecutableFile(atPath: "/usr/bin/" + $0) }
    }

    // Takes rights away, which only root has to give.
    @Test(
      .enabled(
        if: isRoot && has("setpriv", "prlimit"), "needs root, setpriv and prlimit"))
    func `without rights to lock and to priority, on epoll, it says so and trades`() throws {
      let directory = try TemporaryDirectory()
      let feed = try generatedFeed(
        directory.path, seed: 62, style: "volatile", "--messages", "10000")
      let config = try write(
        "runtime: {network: epoll, priority: 50}\n", directory.path + "/c.yaml")
      let result = try CommandProcess.run(
        URL(fileURLWithPath: "/usr/bin/prlimit"),
        [
          "--memlock=65536:65536", "/usr/bin/setpriv", "--inh-caps=-ipc_lock,-sys_nice",
          "--bounding-set=-ipc_lock,-sys_nice", CommandProcess.located().path, "run", "--config",
          config, "--feed", feed, "--speed", "max", "--data", directory.path + "/data",
          "--summary", "json",
        ])
      #expect(result.status == 0, "\(result.errors)\(result.output)")
      #expect(result.errors.contains("memory is not locked"), "\(result.errors)")
      #expect(result.errors.contains("no real-time priority"), "\(result.errors)")
      let pages = try? String(contentsOfFile: "/proc/sys/vm/nr_hugepages", encoding: .utf8)
      if pages == "0\n" {
        #expect(result.errors.contains("no explicit huge pages"), "\(result.errors)")
      }
      let summary = try SummaryJSON(result.output)
      #expect(summary.text("latency", "network") == "epoll")
      #expect(summary["fills", "count"] > 0)
      #expect(summary.broken.isEmpty)
    }

    // Mounts a small file system, which only root may.
    @Test(.enabled(if: isRoot && has("mount", "umount"), "needs root to mount a small disk"))
    func `a disk that fills under the journal stops new orders and says so`() throws {
      let directory = try TemporaryDirectory()
      let data = directory.path + "/data"
      // The exchange's state lies elsewhere: only our journal's disk is full.
      let elsewhere = directory.path + "/exchange"
      for path in [data, elsewhere] {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      }
      let mounted = try CommandProcess.run(
        URL(fileURLWithPath: "/usr/bin/mount"),
        ["-t", "tmpfs", "-o", "size=2600k", "tmpfs", data])
      guard mounted.status == 0 else {
        // A container without the right to mount: said, not passed over.
        withKnownIssue("no tmpfs can be mounted: \(mounted.errors)") {
          #expect(mounted.status == 0)
        }
        return
      }
      defer {
        _ = try? CommandProcess.run(URL(fileURLWithPath: "/usr/bin/umount"), ["-l", data])
      }
      try FileManager.default.createSymbolicLink(
        atPath: data + "/exchange", withDestinationPath: elsewhere)
      let config = try write("journal: {segment_mebibytes: 1}\n", directory.path + "/c.yaml")
      let result = try RunningCommand.run(
        in: directory.path, "--config", config, "--speed", "max"
      ).finish()
      #expect(result.status == 74, "\(result.errors)\(result.output)")
      let summary = try SummaryJSON(result.output)
      #expect(summary.text("run", "ended_by") == "journal failed")
      #expect(!result.errors.contains("check its address"), "\(result.errors)")
      #expect(result.errors.contains("No space left"), "\(result.errors)")
      #expect(
        summary.text("journal", "error").contains("No space left"),
        "\(summary.root["journal"] ?? "")")
      // What had been sent before is accounted for: the books agree, nothing works on.
      #expect(summary.standingFills > 0)
      #expect(
        summary.venue("exchange", "fills", "count")
          == summary.venue("exchange", "own_account", "fills"))
      #expect(summary["orders", "working"] == 0)
    }
  }
}
