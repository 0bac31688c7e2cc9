import ExecutionCore
import Foundation
import Testing

@testable import Captures

/// Frames of ITCH messages, each behind its length.
struct ITCHFrames {
  var bytes: [UInt8] = []

  static func word<Word: FixedWidthInteger>(_ value: Word) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }
  mutating func message(_ kind: String, _ body: [UInt8], locate: UInt16 = 1) {
    let message =
      Array(kind.utf8) + Self.word(locate) + [0, 0] + [0, 0, 0, 0, 0, 9] + body
    bytes += Self.word(UInt16(message.count)) + message
  }
  mutating func add(
    _ order: UInt64, _ side: String, _ shares: UInt32, _ price: UInt32, _ stock: String = "AAPL",
    locate: UInt16 = 1
  ) {
    let name = Array((stock + "        ").utf8.prefix(8))
    message(
      "A", Self.word(order) + Array(side.utf8) + Self.word(shares) + name + Self.word(price),
      locate: locate)
  }
}

struct ITCHImportTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func run(_ bytes: [UInt8]) throws -> (report: ImportReport, back: ReadBack) {
    let path = directory.url.appendingPathComponent("out.ntc").path
    var options = ITCHImport.Options()
    options.replaces = true
    let report = try ITCHImport.run(
      .bytes(bytes, name: "20191230.itch"), to: path, options: options)
    let back = try ReadBack(path: path)
    #expect(back.statedHash == report.hash && back.failure == nil)
    return (report, back)
  }
  private func kinds(_ back: ReadBack) -> String {
    String(decoding: back.records.map(\.record.kind), as: UTF8.self)
  }

  @Test func `orders are told by their lives and unknown ones make nothing`() throws {
    var feed = ITCHFrames()
    let word32 = { (value: UInt32) in ITCHFrames.word(value) }
    let word64 = { (value: UInt64) in ITCHFrames.word(value) }
    feed.add(5, "B", 100, 1_500_000)
    feed.message("E", word64(5) + word32(30) + word64(77))
    feed.message("C", word64(5) + word32(10) + word64(78) + [0x59] + word32(1_490_000))
    feed.message("X", word64(5) + word32(20))
    feed.message("U", word64(5) + word64(6) + word32(50) + word32(1_510_000))
    feed.message("X", word64(5) + word32(1))
    feed.message("D", word64(6))
    feed.message("D", word64(6))
    feed.message(
      "P", word64(0) + [0x42] + word32(7) + Array("AAPL    ".utf8) + word32(9) + word64(80))
    feed.message("H", Array("AAPL    H    ".utf8) + [0])
    feed.add(9, "S", 1, 2, "MSFT", locate: 4)
    let (report, back) = try run(feed.bytes)
    #expect(kinds(back) == "GAEEXDADTHGA")
    #expect(report.messages == 11 && report.unknownOrders == 2 && report.malformed == 0)
    let records = back.records.map(\.record)
    #expect(records[1].side == FeedRecord.buy && records[1].price == 1_500_000)
    #expect(records[2].quantity == 30 && records[2].price == 0 && records[2].reference == 5)
    #expect(records[3].price == 1_490_000)
    #expect(records[5].reference == 5 && records[5].flags == [] && records[6].flags == .last)
    #expect(records[6].reference == 6 && records[6].side == FeedRecord.buy)
    #expect(records[6].sequence == 5 && records[5].sequence == 5)
    #expect(records[8].reference == 80 && records[8].side == 0)
    #expect(records[9].detail == MarketStatus.halted.rawValue)
    #expect(records[1].sessionTime == 1_577_682_000_000_000_009)
    #expect(back.header.instruments.map(\.symbol) == ["AAPL", "MSFT"])
    #expect(back.header.instruments[0].contents == [.orders, .trades])
  }

  @Test func `a file from the start of messages on needs no gap`() throws {
    var feed = ITCHFrames()
    feed.message("S", Array("O".utf8), locate: 0)
    feed.add(5, "B", 100, 1_500_000)
    #expect(kinds(try run(feed.bytes).back) == "A")
  }

  @Test func `no bytes make it trap`() throws {
    var feed = ITCHFrames()
    for order in 1...9 { feed.add(UInt64(order), order % 2 == 0 ? "B" : "S", 10, 100) }
    for order in 1...9 {
      feed.message(
        "E",
        ITCHFrames.word(UInt64(order)) + ITCHFrames.word(UInt32(order * 2)) + [
          0, 0, 0, 0, 0, 0, 0, 1,
        ])
    }
    var numbers = SeededNumbers(state: 81)
    for turn in 0..<300 {
      var bytes = feed.bytes
      for _ in 0...numbers.below(9) {
        bytes[numbers.below(bytes.count)] = UInt8(numbers.below(256))
      }
      if turn % 3 == 0 { bytes.removeLast(numbers.below(bytes.count)) }
      _ = try? run(bytes)
    }
    #expect(throws: ImportFailure.self) { try run([]) }
    #expect(throws: ImportFailure.self) { try run(Array("no feed at all".utf8)) }
  }
}
