import BenchSupport
import ExecutionCore
import Foundation
import Testing

@testable import NeedletailBench

private let bench = Program("own-strategy-bench")

/// The beginning of the built-in market, as a file of framed ITCH, as .gz and as a capture of MoldUDP64.
private struct Files {
  let folder = Folder()
  let market: StrategyMarket

  init(messages: Int = 6_000) throws {
    market = try StrategyMarket(messages: messages)
    let end = market.offsets[market.messages]
    let framed = Data(bytes: market.bytes, count: end)
    try framed.write(to: URL(fileURLWithPath: folder.path("day.itch")))
    try framed.write(to: URL(fileURLWithPath: folder.path("packed.itch")))
    let gzip = try Program(path: "/usr/bin/env").run("gzip", "-n", folder.path("packed.itch"))
    try #require(gzip.code == 0, "\(gzip.errors)")
    try capture(framed).write(to: URL(fileURLWithPath: folder.path("day.pcap")))
  }

  func write(_ text: String, _ name: String) throws -> String {
    try WholeFile.write(text, to: folder.path(name))
    return folder.path(name)
  }

  /// Twenty messages a datagram.
  private func capture(_ framed: Data) -> Data {
    var out = Data([0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0] + [UInt8](repeating: 0, count: 8))
    out += [0xff, 0xff, 0, 0, 1, 0, 0, 0]
    for first in stride(from: 0, to: market.messages, by: 20) {
      let count = min(20, market.messages - first)
      let blocks = framed[market.offsets[first]..<market.offsets[first + count]]
      let mold =
        Array("SESSION001".utf8) + big(UInt64(first + 1)) + big(UInt16(count)) + Array(blocks)
      let udp = [0, 1, 0, 2] + big(UInt16(mold.count + 8)) + [0, 0] + mold
      let ip =
        [0x45, 0] + big(UInt16(udp.count + 20)) + [0, 0, 0, 0, 64, 17, 0, 0] + [10, 0, 0, 1]
      let packet = [UInt8](repeating: 0, count: 12) + [8, 0] + ip + [224, 0, 0, 1] + udp
      let length = big(UInt32(packet.count)).reversed()
      out += [UInt8](repeating: 0, count: 8) + Array(length) + Array(length) + packet
    }
    return out
  }

  private func big<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }
}

/// The market that a strategy is measured in may be the user's own.
@Suite struct OwnMarketTests {
  @Test func `feed and configuration are taken out of a command line wherever they stand`() throws {
    var words = ["count", "--feed", "a.pcap", "--list", "--config", "b.yaml"]
    let choice = try MarketChoice(taking: &words)
    #expect(words == ["count", "--list"])
    #expect(choice.words == ["--feed", "a.pcap", "--config", "b.yaml"])
    #expect(choice.name == "the market of a.pcap with b.yaml")
    #expect(MarketChoice().words.isEmpty && !MarketChoice().isOwn)
    for wrong in [["--feed"], ["count", "--config"], ["--feed", ""]] {
      var words = wrong
      #expect(throws: AcceptedFileError.self) { try MarketChoice(taking: &words) }
    }
  }

  @Test func `one market is the same raw, packed and captured, and plays as the built-in one does`()
    throws
  {
    let files = try Files()
    var found: [StrategyMarket] = []
    for name in ["day.itch", "packed.itch.gz", "day.pcap"] {
      var choice = MarketChoice()
      choice.feed = files.folder.path(name)
      found.append(try choice.market(messages: 10_000))
    }
    let end = files.market.offsets[files.market.messages]
    for market in found {
      #expect(market.messages == 6_000 && market.offsets == files.market.offsets)
      #expect(memcmp(market.bytes, files.market.bytes, end) == 0)
      #expect(market.identity == found[0].identity)
      #expect(market.identity.hasPrefix("feed of 6000 messages "))
      #expect(try requests(in: market) == requests(in: files.market))
    }
    var choice = MarketChoice()
    choice.feed = files.folder.path("day.itch")
    let beginning = try choice.market(messages: 4_000)
    #expect(beginning.messages == 4_000 && beginning.identity != found[0].identity)
  }

  @Test
  func `the configuration's limits bind the strategy, and are part of what a file is made for`()
    throws
  {
    let files = try Files()
    var choice = MarketChoice()
    choice.feed = files.folder.path("day.itch")
    let without = try choice.market(messages: 6_000)
    choice.configuration = try files.write(
      "limits:\n  order_quantity: 99\naccounts:\n  - name: A\n", "tight.yaml")
    let tight = try choice.market(messages: 6_000)
    #expect(tight.engine.firmLimits.orderQuantity == 99)
    #expect(tight.engine.accounts.map(\.name) == ["A"])
    #expect(tight.identity.hasPrefix(without.identity + ", configuration "))
    #expect(try requests(in: tight) == 0)
    #expect(try requests(in: without) > 0)
    choice.configuration = try files.write("limits:\n  order_quantity: 100\n", "wide.yaml")
    let wide = try choice.market(messages: 6_000)
    #expect(wide.identity != tight.identity)
    #expect(try requests(in: wide) > 0)
  }

  @Test func `a configuration alone chooses the generated market`() throws {
    let files = try Files()
    var choice = MarketChoice()
    choice.configuration = try files.write(
      "run:\n  seed: 7\nfeeds:\n  - name: equities\n    generator:\n      symbols: 3\n",
      "three.yaml")
    let market = try choice.market(messages: 5_000)
    #expect(market.messages == 5_000 && market.engine.instruments.count == 3)
  }

  private func requests(in market: StrategyMarket) throws -> Int {
    let run = try StrategyBench(BenchStrategy("buyer") { Buyer() }, market)
    var gateway = try market.gateway()
    run.play(market.messages, &gateway)
    let found = try run.check(gateway)
    #expect(found.errors == 0, "\(found.troubles)")
    return run.requests
  }
}

/// What is wrong with a market is said before anything is measured.
@Suite(.enabled(if: bench.isBuilt)) struct OwnMarketCommandTests {
  private static let commands = [
    ["count"], ["compare", "--base", bench.path], ["--suite", "strategy", "--gate"],
  ]

  @Test(arguments: commands)
  func `a file that is wrong is named with what to do`(_ command: [String]) throws {
    let files = try Files(messages: 500)
    let text = try files.write("no market at all, and long enough to be one", "text.itch")
    let packed = try Data(contentsOf: URL(fileURLWithPath: files.folder.path("packed.itch.gz")))
    let cut = files.folder.path("cut.itch.gz")
    try packed.prefix(packed.count / 2).write(to: URL(fileURLWithPath: cut))
    let yaml = try files.write("limits:\n  order_quantity: many\n", "bad.yaml")
    for (words, code, said) in [
      (["--feed", "/nonexistent.pcap"], 66, "feed /nonexistent.pcap: No such file or directory"),
      (["--feed", files.folder.path("")], 66, "is a directory; name a file with '--feed'"),
      (["--feed", text], 65, "\(text): has no ITCH 5.0 message"),
      (["--feed", cut], 65, "the compressed file is cut; get the whole file again"),
      (["--config", "/nonexistent.yaml"], 66, "/nonexistent.yaml: No such file or directory"),
      (["--config", yaml], 78, "\(yaml):2:19: limits.order_quantity: 'many' is refused"),
      (["--feed"], 64, "--feed needs a file"),
    ] as [([String], Int32, String)] {
      let end = try bench.run(command + words)
      #expect(end.code == code, "\(words): \(end.errors)")
      #expect(end.errors.contains(said), "\(end.errors)")
      #expect(end.output.isEmpty)
    }
  }

  @Test(arguments: [["--suite", "ring"], ["books", "x"], ["machine"]])
  func `where no strategy plays a market is refused`(_ command: [String]) throws {
    let end = try bench.run(command + ["--feed", "day.itch"])
    #expect(end.code == 64 && end.errors.contains("--feed and --config choose the market"))
    let ours = try Program("needletail-bench").run(["count", "--config", "x.yaml"])
    #expect(ours.code == 64 && ours.errors.contains("'count' plays none"), "\(ours.errors)")
  }

  @Test func `the processes that count and time play the market that they are given`() throws {
    let files = try Files()
    let feed = ["--feed", files.folder.path("day.pcap")]
    let counted = try bench.run(["counted", "strategy.message"] + feed)
    #expect(counted.output.contains("counted strategy.message 6000"), "\(counted.errors)")
    let failed = PairedJudgement(
      ["strategy": slower, "strategy p90": slower], figures: ["strategy"], programs: [.base: "/b"])
    let rounds = PairedRounds(base: "/b", creep: nil, market: try strategy(feed).market)
    #expect(
      failed.lines(rounds).first?.hasSuffix(
        "compare --figure strategy --base /b --feed \(feed[1])") == true)
  }

  /// This build a fifth slower than the base, where a tenth is told from nothing.
  private var slower: PairedSamples {
    var made = PairedSamples()
    for _ in 0..<10 { made.add([.base: 100, .new: 120, .same: 120, .more: 132]) }
    return made
  }

  @Test func `a market too short for a percentile is refused by compare`() throws {
    let files = try Files(messages: 4_000)
    let end = try bench.run(
      "compare", "--base", bench.path, "--feed", files.folder.path("day.itch"))
    #expect(end.code == 65)
    #expect(end.errors.contains("has 4000 messages: compare needs 4400 at least"), "\(end.errors)")
  }

  @Test func `counts of another market are refused before anything is counted`() throws {
    let files = try Files()
    let file = try files.write(
      #"{"swift": "1", "architecture": "a", "dispatch": "d", "market": "built-in","#
        + #" "operations": {"ring": {"instructions": 1, "dataReferences": 1, "misses": 0}}}"#,
      "counts.json")
    let feed = files.folder.path("day.itch")
    let end = try bench.run("count", "--swift", "1", "--thresholds", file, "--feed", feed)
    #expect(end.code == 65 && end.output.isEmpty)
    #expect(
      end.errors.contains("\(file): market: its counts are of 'built-in', this run plays 'feed of"),
      "\(end.errors)")
  }

  private func strategy(_ words: [String]) throws -> BenchStrategy {
    var words = words
    var strategy = BenchStrategy("buyer") { Buyer() }
    strategy.market = try MarketChoice(taking: &words)
    return strategy
  }
}

/// Buys at the offer whenever nothing is open.
private struct Buyer: Strategy {
  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    guard desk.isTradable(instrument), desk.openOrderCount(instrument) == 0 else { return }
    _ = desk.place(
      instrument, .buy, price: desk.quote(instrument).ask, quantity: Quantity(raw: 100),
      timeInForce: .immediateOrCancel)
  }
}
