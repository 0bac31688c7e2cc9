import ExecutionCore
import Foundation
import Testing

@testable import Captures

/// The recorded files beside the repository: in ../shared/data or under NEEDLETAIL_SHARED.
enum RecordedFiles {
  static let root: URL = {
    if let named = ProcessInfo.processInfo.environment["NEEDLETAIL_SHARED"] {
      return URL(fileURLWithPath: named).appendingPathComponent("data")
    }
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return package.deletingLastPathComponent().appendingPathComponent("shared/data")
  }()
  static var areThere: Bool {
    FileManager.default.fileExists(atPath: root.appendingPathComponent("crypto_ws").path)
  }
  static func path(_ name: String) -> String { root.appendingPathComponent(name).path }
}

/// Imports of real files. The hashes are those that Tests/Interop/captures.py finds in the same files by itself.
@Suite(.enabled(if: RecordedFiles.areThere, "../shared/data is not there"))
struct RealImportTests {
  let directory: TemporaryDirectory
  var output: String { directory.url.appendingPathComponent("out.ntc").path }

  init() throws { directory = try TemporaryDirectory() }

  @Test func `Binance's spot stream leads from its snapshot on without a gap`() throws {
    let report = try BinanceImport.run(
      [.file(RecordedFiles.path("crypto_ws/spot_btcusdt_20240808.gz"))], to: output)
    #expect(report.hash.text == "2c56e5e70836eae9")
    #expect(report.messages == 41_249 && report.records == 163_905)
    #expect(report.gaps == 0 && report.malformed == 0 && report.failure == nil)
    let back = try ReadBack(path: output, capacity: 4_096)
    #expect(back.failure == nil && back.recordCount == 163_905)
    let instrument = try #require(back.header.instruments.first)
    #expect(instrument.symbol == "BTCUSDT" && instrument.priceExponent == -2)
    #expect(instrument.contents == [.quotes, .levels, .trades])
  }

  @Test(arguments: [
    ("esh4-glbx-mdp3-20231224.mbo.dbn.zst", 8_725, "a6d8de6b90337fe6"),
    ("orderbooks_mbo_2024-05-08T00-00-00_2024-05-08T00-00-02.dbn.zst", 13_796, "7f9fd19747ac67f9"),
    ("futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.dbn.zst", 2_288, "5de3d626ce9b63f8"),
  ]) func `a file of Databento's is read whole`(name: String, messages: Int, hash: String) throws {
    let report = try DatabentoImport.run(.file(RecordedFiles.path("cme/" + name)), to: output)
    #expect(report.messages == messages && report.hash.text == hash)
    #expect(report.failure == nil && report.malformed == 0 && report.unknownOrders == 0)
  }

  @Test func `LOBSTER's messages lead to each of the venue's rows`() throws {
    let stem = RecordedFiles.path("lobster/AAPL_2012-06-21_34200000_57600000_")
    var options = LobsterImport.Options()
    options.book = .file(stem + "orderbook_10.csv")
    options.checks = true
    let report = try LobsterImport.run(
      .file(stem + "message_10.csv"), to: output, options: options)
    #expect(report.failure == nil && report.messages == 999 && report.malformed == 0)
    let rows = try String(contentsOfFile: stem + "orderbook_10.csv", encoding: .utf8)
      .split(whereSeparator: \.isNewline).map(String.init)
    let made = LobsterImportTests.rows(try ReadBack(path: output).records, depth: 10)
    #expect(rows.count == 999 && Array(made.dropFirst()) == rows)
  }

  @Test func `Lean's ticks of a day are merged`() throws {
    let files = ["quote", "trade"].map {
      ImportSource.file(RecordedFiles.path("us_equity_tick/ibm/20131007_\($0).zip"))
    }
    let report = try QuantConnectImport.run(files, to: output)
    #expect(report.messages == 133_360 && report.records == 133_359)
    #expect(report.hash.text == "8bb8556fa422839b" && report.malformed == 0)
  }

  @Test func `a file of ITCH that begins in the day leads to its known orders`() throws {
    var options = ITCHImport.Options()
    options.day = SessionDate(year: 2019, month: 12, day: 30)
    let report = try ITCHImport.run(
      .file(RecordedFiles.path("itch/AAPL_20191230_0935_part1_25000msgs.itch50")), to: output,
      options: options)
    #expect(report.messages == 25_000 && report.records == 23_647)
    #expect(report.hash.text == "8dbbc8b0ce0e3700" && report.unknownOrders == 2_268)
  }
}
