import Foundation
import TestSupport
import Testing

extension Integration {
  /// Datagrams that the exchange did not send, in a run of the real program: that nothing of the way from the socket
  /// to the exit code is left out. What each kind of them does is held over the network in memory
  /// (SimulationTests, ForgedPacketTests).
  @Suite struct ForgedFeedTests {
    private typealias Datagram = FeedRelay.Datagram

    /// A run behind a relay, to the end of its feed or until it has said something.
    private func run(
      _ directory: String, settings: String = "", until said: String? = nil,
      _ change: @escaping @Sendable (Int, FeedRelay.Datagram) -> [FeedRelay.Datagram]
    ) throws -> (summary: SummaryJSON, status: Int32, errors: String) {
      let at = try PortRange.addresses()
      let ours = try PortRange.free()
      let relay = try FeedRelay(to: [ours, ours + 1], change)
      defer { relay.stop() }
      let place = directory + "/venue"
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      let venue = try RunningCommand(
        [
          "exchange", "--listen", at[0], "--rerequest", at[1], "--snapshot", at[2], "--feed-to",
          relay.lines.joined(separator: ","), "--seed", "61", "--messages", "15000",
          "--start-on-login", "--write-instruments", place + "/i.csv",
        ], directory: place)
      #expect(venue.wait { venue.printed.contains("\n") }, "\(venue.complaints)")
      let config = directory + "/c.yaml"
      try """
      feeds:
        - {name: equities, line_a: "127.0.0.1:\(ours)", line_b: "127.0.0.1:\(ours + 1)", rerequest: "\(at[1])",
           snapshot: "\(at[2])"\(settings)}
      """.write(toFile: config, atomically: true, encoding: .utf8)
      let command = try RunningCommand.run(
        in: directory, "--exchange", at[0], "--config", config, "--instruments", place + "/i.csv")
      if let said { #expect(command.wait { command.complaints.contains(said) }) }
      let result = try said == nil ? command.finish() : command.interrupt()
      _ = try venue.interrupt(SIGTERM)
      return (try SummaryJSON(result.output), result.status, result.errors)
    }

    @Test func `who forges on one line for the whole run stops nothing`() throws {
      let directory = try TemporaryDirectory()
      let other = Array("YESTERDAY0".utf8)
      let result = try run(directory.path) { line, datagram in
        guard line == 0 else { return [datagram] }
        let session = datagram.session
        let end = datagram.sequence + UInt64(datagram.messages.count)
        return [
          Datagram(session: other, sequence: 1), datagram,
          Datagram(session: other, sequence: 7, count: 0xffff),
          Datagram(session: session, sequence: 1 << 60),
          Datagram(session: session, sequence: 1 << 62, messages: [[1]]),
          Datagram(session: session, sequence: 1 << 61, count: 0xffff),
          Datagram(session: session, sequence: end + 40_000),
          Datagram(session: session, sequence: 1, count: 0xffff),
          Datagram(session: session, sequence: 0, messages: [[UInt8(ascii: "A")]]),
        ]
      }
      let summary = result.summary
      #expect(summary.text("run", "ended_by") == "end of feed", "\(result.errors)")
      #expect(
        summary["feed", "symbols_whole"] == summary["feed", "symbols"], "\(summary.root["feed"]!)")
      #expect(summary["orders", "acknowledged"] > 50, "\(result.errors)")
      let feed = { summary["feed", $0] }
      #expect(feed("foreign_session") > 1_000 && feed("implausible") > 1_000)
      #expect(feed("snapshots") <= 3 && feed("doubted_lines") == 1)
      #expect(result.errors.contains("another session, 'YESTERDAY0'"))
    }

    @Test func `a run whose session is another's applies nothing, says so and fails`() throws {
      let directory = try TemporaryDirectory()
      let result = try run(
        directory.path, settings: ", session: \"TOMORROW\"",
        until: "datagrams of another session"
      ) { _, datagram in [datagram] }
      #expect(result.status == 69, "\(result.errors)")
      #expect(result.errors.contains("and ours is 'TOMORROW'"), "\(result.errors)")
      #expect(result.summary["feed", "messages"] == 0)
    }
  }
}
