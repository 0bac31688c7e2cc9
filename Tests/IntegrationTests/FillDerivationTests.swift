import Foundation
import TestSupport
import Testing

/// Tests that start processes which trade: one at a time, because two threads of each may spin. They need real
/// sockets, because what they hold is the program with its exchange as another process, and the kernel between them;
/// what of the network goes wrong is played in SimulationTests, over one in memory.
@Suite(
  .serialized, .oneAtATime,
  .enabled(
    if: CommandProcess.executable != nil, "the needletail executable is not beside the tests"))
struct Integration {}

extension Integration {
  /// Every fill of a run was possible: an independent slow matcher derives the same ones.
  @Suite struct FillDerivationTests {
    private func check(_ run: Derivation, _ comment: String) {
      #expect(run.unsupported.isEmpty, "\(comment): \(run.unsupported)")
      #expect(!run.derived.isEmpty, "\(comment): nothing was traded")
      let byExchange = Derivation.difference(run.derived, run.reported)
      #expect(byExchange == nil, "\(comment), derived | reported: \(byExchange ?? "")")
      let byUs = Derivation.difference(run.derived, run.journalled)
      #expect(byUs == nil, "\(comment), derived | journalled: \(byUs ?? "")")
      #expect(run.working.isEmpty, "\(comment): \(run.working)")
    }

    private func trade(
      _ feed: String, _ data: String, _ more: String...
    ) throws -> SummaryJSON {
      let result = try CommandProcess.run(
        ["run", "--feed", feed, "--data", data, "--summary", "json"] + more)
      #expect(result.status == 0, "\(result.errors)\(result.output)")
      return try SummaryJSON(result.output)
    }

    @Test func `a lost, a doubled and a changed fill are told`() {
      let fill = SlowMatcher.Fill(
        number: 1, symbol: "QAAAZ", side: "B", shares: 100, price: 10_000, liquidity: "A")
      var other = fill
      other.side = "S"
      #expect(Derivation.difference([fill, other], [fill, other]) == nil)
      for wrong in [[fill], [fill, fill, other], [other, fill], [fill, fill]] {
        #expect(Derivation.difference([fill, other], wrong) != nil)
      }
    }

    // Reads ../shared/data, which is not part of the package.
    @Test(.enabled(if: SharedData.isThere, "the recorded feeds are not there"))
    func `every fill on the recorded feed over sockets is derived again`() throws {
      let directory = try TemporaryDirectory()
      let summary = try trade(SharedData.apple, directory.path, "--speed", "max")
      #expect(summary.broken.isEmpty)
      let run = try Derivation(data: directory.path, feed: SharedData.apple)
      check(run, "recorded, sockets")
      #expect(summary.standingFills == run.derived.count { !$0.isBusted })
    }

    // Reads ../shared/data, which is not part of the package.
    @Test(.enabled(if: SharedData.isThere, "the recorded feeds are not there"))
    func `every fill on the recorded feed in virtual time is derived again`() throws {
      let directory = try TemporaryDirectory()
      let summary = try trade(SharedData.apple, directory.path, "--virtual-time")
      #expect(summary.broken.isEmpty)
      check(try Derivation(data: directory.path, feed: SharedData.apple), "recorded, virtual")
    }

    /// Every style once, or with as many seeds as NEEDLETAIL_SEEDS says, for a longer look.
    private static let markets: [(String, Int)] = {
      let asked = ProcessInfo.processInfo.environment["NEEDLETAIL_SEEDS"].flatMap { Int($0) }
      let styles = ["calm", "volatile", "thin", "trending", "jumping", "halting"]
      return (0..<max(styles.count, asked ?? 0)).map { (styles[$0 % styles.count], 11 + $0) }
    }()

    @Test(arguments: markets)
    func `every fill on a generated market in virtual time is derived again`(
      _ style: String, _ seed: Int
    ) throws {
      let directory = try TemporaryDirectory()
      let feed = try generatedFeed(
        directory.path, seed: seed, style: style, "--symbols", "5", "--messages", "6000")
      let data = directory.path + "/data"
      _ = try trade(feed, data, "--virtual-time", "--seed", "\(seed)")
      check(try Derivation(data: data, feed: feed), "\(style), seed \(seed)")
    }

    @Test(arguments: [("volatile", 21), ("halting", 22), ("jumping", 23)])
    func `every fill on a generated market over sockets is derived again`(
      _ style: String, _ seed: Int
    ) throws {
      let directory = try TemporaryDirectory()
      let feed = try generatedFeed(
        directory.path, seed: seed, style: style, "--symbols", "5", "--messages", "6000")
      let data = directory.path + "/data"
      _ = try trade(feed, data, "--speed", "max")
      check(try Derivation(data: data, feed: feed), "\(style), seed \(seed)")
    }
  }
}

/// Writes a generated market to a file that can be replayed.
func generatedFeed(
  _ directory: String, seed: Int, style: String, _ more: String...
) throws -> String {
  // The date in the name is the session's.
  let file = "\(directory)/\(style)_\(seed)_20200102.itch50"
  let result = try CommandProcess.run(
    [
      "exchange", "--feed", "generated", "--seed", "\(seed)", "--style", style, "--date",
      "2020-01-02", "--write-feed", file,
    ] + more)
  #expect(result.status == 0, "\(result.errors)")
  return file
}
