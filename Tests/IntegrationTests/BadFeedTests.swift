import Foundation
import Simulation
import TestSupport
import Testing
import Trading

extension Integration {
  /// A feed that loses, doubles and reorders, from an exchange that runs on its own: how long a repair
  /// takes depends on the machine, so that every run here goes on until something has happened.
  @Suite struct BadFeedTests {
    /// The exchange's process, in a directory of its own.
    private struct Venue {
      let at: [String]
      let command: RunningCommand
      let report: String
      /// As it has said it.
      var session: String {
        let said = try? JSONSerialization.jsonObject(with: Data(command.printed.utf8))
        return (said as? [String: Any])?["session"] as? String ?? ""
      }

      init(_ directory: String, _ more: String...) throws {
        at = try PortRange.addresses()
        let place = directory + "/venue"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        report = place + "/report.json"
        command = try RunningCommand(
          [
            "exchange", "--listen", at[0], "--rerequest", at[1], "--snapshot", at[2], "--feed-to",
            "\(at[3]),\(at[4])", "--report", report, "--write-instruments", place + "/i.csv",
          ] + more, directory: place)
        #expect(command.wait { command.printed.contains("\n") }, "\(command.complaints)")
      }
    }

    /// Starts a run that is attached to it.
    private func attach(
      to venue: Venue, _ directory: String, rerequest: String? = nil, snapshot: String? = nil,
      session: String = "", quality: String = ""
    ) throws -> RunningCommand {
      let at = venue.at
      let config = directory + "/c.yaml"
      try """
      feeds:
        - {name: equities, line_a: "\(at[3])", line_b: "\(at[4])", rerequest: "\(rerequest ?? at[1])",
           snapshot: "\(snapshot ?? at[2])", session: "\(session)"}
      quality: {\(quality)}
      """.write(toFile: config, atomically: true, encoding: .utf8)
      return try RunningCommand.run(
        in: directory, "--exchange", at[0], "--config", config, "--instruments",
        directory + "/venue/i.csv")
    }

    /// Re-requests are answered in the end, however long the exchange is kept from it.
    private let patience = "repair_max_milliseconds: 600000"

    @Test func `gaps, duplicates and late datagrams cost nothing`() throws {
      let directory = try TemporaryDirectory()
      let venue = try Venue(
        directory.path, "--seed", "61", "--loss", "0.2", "--duplicate", "0.1", "--reorder", "0.1",
        "--messages", "15000", "--start-on-login")
      let result = try attach(to: venue, directory.path, quality: patience).finish()
      #expect(try venue.command.interrupt(SIGTERM).status == 0)
      #expect(result.status == 0, "\(result.errors)\(result.output)")
      let summary = try SummaryJSON(result.output)
      #expect(summary.broken.isEmpty)
      #expect(summary["feed", "gaps"] > 0 && summary["feed", "recovered"] > 0)
      #expect(summary["feed", "duplicates"] > 0 && summary["feed", "reordered"] > 0)
      #expect(summary["feed", "lost"] == 0)
      #expect(summary.text("run", "ended_by") == "end of feed")
      #expect(summary["feed", "symbols_whole"] == summary["feed", "symbols"])
      let theirs = try SummaryJSON(String(contentsOfFile: venue.report, encoding: .utf8))
      #expect((theirs.root["fills"] as? NSNumber)?.intValue == summary.standingFills)
      #expect(theirs["server", "lost"] > 0 && theirs["server", "reordered"] > 0)
    }

    @Test func `a run that ends with a gap that nobody repairs says what it has lost`() throws {
      let directory = try TemporaryDirectory()
      let venue = try Venue(
        directory.path, "--seed", "61", "--loss", "0.5", "--start-on-login")
      // Re-requests are heard and not answered, and nobody is where snapshots are looked for.
      let deaf = try RawSocket.bound(udp: true)
      let run = try attach(
        to: venue, directory.path, rerequest: "127.0.0.1:\(deaf.port)", snapshot: "127.0.0.1:1",
        session: venue.session)
      #expect(deaf.read(20) != nil, "a gap was seen: it is asked for")
      let result = try run.interrupt()
      _ = try venue.command.interrupt(SIGTERM)
      let summary = try SummaryJSON(result.output)
      #expect(result.status != 0, "\(result.errors)")
      #expect(summary["feed", "lost"] > 0)
      #expect(summary["feed", "symbols_whole"] == 0)
      #expect(summary.broken.count == 1 && summary.broken[0].contains("no market data lost"))
    }

    @Test func `a run that nobody tells its session ends, and says what to set`() throws {
      let directory = try TemporaryDirectory()
      let venue = try Venue(directory.path, "--seed", "61", "--start-on-login")
      let result = try attach(to: venue, directory.path, snapshot: "127.0.0.1:1").finish()
      _ = try venue.command.interrupt(SIGTERM)
      let summary = try SummaryJSON(result.output)
      #expect(result.status == 69 && result.errors.contains("set 'session'"))
      #expect(summary.text("run", "ended_by") == "no session")
      #expect(summary["feed", "messages"] == 0 && summary["feed", "unidentified"] > 0)
    }

    @Test func `a late start catches up with a feed that loses half of what each line sends`()
      throws
    {
      let directory = try TemporaryDirectory()
      // At full speed the exchange goes as far as it is told that its feed was taken, and a little
      // beyond: there it stands until the run is there too.
      let gate = try FlowControl(path: directory.path + "/gate", creates: true)
      gate.consumed = 2_000
      let venue = try Venue(
        directory.path, "--seed", "61", "--loss", "0.5", "--messages", "10000", "--speed", "max",
        "--flow-control", gate.path)
      #expect(venue.command.wait { gate.published > 2_000 })
      let run = try attach(to: venue, directory.path)
      #expect(run.wait { run.sessions > 0 })
      let taken = try FlowControl(
        path: directory.path + "/data/exchange/flow", creates: false)
      // Now the feed goes on with the run.
      while run.process.isRunning {
        gate.consumed = max(2_000, taken.consumed)
        RunningCommand.pause(milliseconds: 1)
      }
      let result = try run.finish()
      _ = try venue.command.interrupt(SIGTERM)
      let summary = try SummaryJSON(result.output)
      #expect(summary.text("run", "ended_by") == "end of feed", "\(result.errors)")
      #expect(summary["feed", "symbols_whole"] == summary["feed", "symbols"], "\(result.errors)")
      #expect(summary["feed", "symbols"] > 0)
      // The gap that a late start begins with closed, again and again, or a snapshot went over it.
      #expect(summary["feed", "gaps"] + summary["feed", "snapshots"] > 1)
    }

    @Test func `what the other line brings in a moment costs no quote its place`() throws {
      let directory = try TemporaryDirectory()
      // With this seed no datagram is lost on both lines: the other one has it, though often late.
      let venue = try Venue(
        directory.path, "--seed", "23", "--loss", "0.01", "--reorder", "0.3", "--messages",
        "25000", "--start-on-login")
      let result = try attach(
        to: venue, directory.path, quality: "gap_grace_microseconds: 1000000, \(patience)"
      ).finish()
      _ = try venue.command.interrupt(SIGTERM)
      let summary = try SummaryJSON(result.output)
      #expect(result.status == 0, "\(result.errors)\(summary.broken)")
      #expect(summary.text("run", "ended_by") == "end of feed")
      #expect(summary["feed", "gaps"] > 50 && summary["orders", "acknowledged"] > 0)
      // Two dozen quotes rest: withdrawn at every gap they would be many times as many as the gaps.
      #expect(summary["orders", "cancelled"] < summary["feed", "gaps"])
    }
  }
}
