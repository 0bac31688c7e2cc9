import Foundation
import TestSupport
import Testing

extension Integration {
  /// The command's summary has what the README promises; the objects' fields are NodeTests'
  /// business.
  @Suite struct WholeRunTests {
    @Test func `a run over sockets ends with every object of the summary`() throws {
      let directory = try TemporaryDirectory()
      let feed = try generatedFeed(
        directory.path, seed: 51, style: "volatile", "--messages", "10000")
      let result = try CommandProcess.run([
        "run", "--feed", feed, "--speed", "max", "--data", directory.path + "/data", "--summary",
        "json",
      ])
      #expect(result.status == 0, "\(result.errors)\(result.output)")
      let summary = try SummaryJSON(result.output)
      #expect(
        Set(summary.root.keys).isSuperset(of: [
          "feed", "orders", "fills", "positions", "pnl", "latency", "journal", "invariants",
        ]))
      for field in ["sent", "acknowledged", "filled", "cancelled", "rejected"] {
        #expect(summary["orders", field] >= 0, "orders.\(field)")
      }
      let orders = try #require(summary.root["orders"] as? [String: Any])
      #expect(orders["refused"] is [String: Any])
      #expect(summary["orders", "acknowledged"] > 0)
      let latency = try #require(summary.root["latency"] as? [String: Any])
      let stages = try #require(latency["stages"] as? [String: [String: Any]])
      #expect(
        Set(stages.keys) == [
          "receive", "decode", "book", "strategy", "risk", "encode", "submit",
        ])
      for (name, stage) in stages {
        #expect(
          Set(stage.keys) == ["count", "p50", "p90", "p99", "p99.9", "max"], "latency of \(name)")
      }
      let invariants = try #require(summary.root["invariants"] as? [String: Any])
      #expect(invariants["hold"] as? Bool == true)
      #expect(summary.broken.isEmpty)
    }

    // Reads ../shared/data, which is not part of the package.
    @Test(.enabled(if: SharedData.isThere, "the recorded feeds are not there"))
    func `the recorded feed in virtual time depends on the seed of the jitter and nothing else`()
      throws
    {
      let directory = try TemporaryDirectory()
      let config = directory.path + "/c.yaml"
      try "virtual_time: {jitter_nanoseconds: 50000}\n".write(
        toFile: config, atomically: true, encoding: .utf8)
      func journal(_ name: String, _ seed: String) throws -> Data {
        let data = "\(directory.path)/\(name)"
        let result = try CommandProcess.run([
          "run", "--feed", SharedData.apple, "--virtual-time", "--config", config, "--seed", seed,
          "--data", data, "--summary", "json",
        ])
        #expect(result.status == 0, "\(result.errors)\(result.output)")
        let summary = try SummaryJSON(result.output)
        #expect(summary.broken.isEmpty)
        #expect(summary["orders", "sent"] > 0 && summary["fills", "count"] > 0)
        let orders = try #require(summary.root["orders"] as? [String: Any])
        #expect(!((orders["refused"] as? [String: Any])?.isEmpty ?? true), "refusals by code")
        let files = try FileManager.default.contentsOfDirectory(atPath: data)
          .filter { $0.hasPrefix("journal-") }.sorted()
        #expect(!files.isEmpty)
        return try files.reduce(into: Data()) {
          $0 += try Data(contentsOf: URL(fileURLWithPath: data + "/" + $1))
        }
      }
      let one = try journal("a", "5")
      #expect(try one == journal("b", "5"))
      #expect(try one != journal("c", "6"))
    }
  }
}
