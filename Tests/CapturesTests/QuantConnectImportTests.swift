import ExecutionCore
import Foundation
import Testing

@testable import Captures

/// Writes a .zip of one member.
enum ZipWriter {
  static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = 0xffff_ffff
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xedb8_8320 : 0) }
    }
    return ~crc
  }

  /// `packed` is a deflate stream of `content`; nil stores it. With `isWide` the lengths stand in a Zip64 field.
  static func zip(
    _ name: String, _ content: [UInt8], packed: [UInt8]? = nil, isWide: Bool = false,
    comment: [UInt8] = []
  ) -> [UInt8] {
    let body = packed ?? content
    let method: UInt16 = packed == nil ? 0 : 8
    let small = { (count: Int) in isWide ? UInt32.max : UInt32(count) }
    var file = ByteSink()
    file.word(UInt32(0x0403_4b50))
    for word in [20, 0, method, 0, 0] { file.word(UInt16(word)) }
    file.word(crc32(content))
    file.word(UInt32(body.count))
    file.word(UInt32(content.count))
    file.word(UInt16(name.utf8.count))
    file.word(UInt16(3))
    file.bytes += Array(name.utf8) + [9, 9, 9] + body
    var extra = ByteSink()
    if isWide {
      extra.word(UInt16(1))
      extra.word(UInt16(16))
      extra.word(UInt64(content.count))
      extra.word(UInt64(body.count))
    }
    let directory = file.bytes.count
    file.word(UInt32(0x0201_4b50))
    for word in [20, 20, 0, method, 0, 0] { file.word(UInt16(word)) }
    file.word(crc32(content))
    file.word(small(body.count))
    file.word(small(content.count))
    file.word(UInt16(name.utf8.count))
    file.word(UInt16(extra.bytes.count))
    for _ in 0..<3 { file.word(UInt16(0)) }
    file.word(UInt32(0))
    file.word(UInt32(0))
    file.bytes += Array(name.utf8) + extra.bytes
    let size = file.bytes.count - directory
    file.word(UInt32(0x0605_4b50))
    for word in [0, 0, 1, 1] { file.word(UInt16(word)) }
    file.word(UInt32(size))
    file.word(UInt32(directory))
    file.word(UInt16(comment.count))
    return file.bytes + comment
  }
}

struct QuantConnectImportTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func run(_ files: [(String, [UInt8])]) throws -> (report: ImportReport, back: ReadBack) {
    let path = directory.url.appendingPathComponent("out.ntc").path
    var options = QuantConnectImport.Options()
    options.replaces = true
    let report = try QuantConnectImport.run(
      files.map { .bytes($0.1, name: $0.0) }, to: path, options: options)
    let back = try ReadBack(path: path)
    #expect(back.statedHash == report.hash && back.failure == nil)
    return (report, back)
  }

  private let quotes = Array(
    "14400151,0,0,140200,500,Q,1,0\r\n14400554.5,138400,700,0,0,P,1,0\n14400555,0,0,0,0,P,1,0\n"
      .utf8)
  private let trades = Array(
    "14400151,140200,100,Q,2000,0\n14400152,999999,1,Q,2000,1\nx,1,1,Q,0,0\n14400600,140000,5,D,0,0"
      .utf8)

  @Test func `quotes and trades are merged by time and each venue is an instrument`() throws {
    let (report, back) = try run([
      ("20131007_quote.zip", ZipWriter.zip("20131007_bac_Quote_Tick.csv", quotes)),
      ("20131007_trade.zip", ZipWriter.zip("20131007_bac_Trade_Tick.csv", trades, isWide: true)),
    ])
    #expect(back.header.instruments.map(\.symbol) == ["BAC.D", "BAC.P", "BAC.Q"])
    let records = back.records.map(\.record)
    #expect(String(decoding: records.map(\.kind), as: UTF8.self) == "QTQT")
    #expect(records.map(\.instrument) == [2, 2, 1, 0])
    let midnight: Int64 = 1_381_118_400_000_000_000  // 2013-10-07 04:00 UTC
    #expect(records[0].sessionTime == midnight + 14_400_151_000_000)
    #expect(records[0].side == FeedRecord.sell && records[0].askPrice == 140_200)
    #expect(records[2].side == FeedRecord.buy && records[2].quantity == 700)
    #expect(records[2].sessionTime == midnight + 14_400_554_500_000)
    #expect(report.messages == 7 && report.malformed == 1)
    #expect(report.firstMalformed == "20131007_trade.zip line 3: no time")
    #expect(report.others.map(\.count) == [1, 1])
  }

  @Test func `a zip is read however it is packed and whatever its comment is`() throws {
    // Stored blocks are deflate too.
    let count = UInt16(quotes.count)
    var deflated = ByteSink(bytes: [1])
    deflated.word(count)
    deflated.word(~count)
    let name = "20131007_bac_Quote_Tick.csv"
    let zips = [
      ZipWriter.zip(name, quotes), ZipWriter.zip(name, quotes, packed: deflated.bytes + quotes),
      ZipWriter.zip(name, quotes, isWide: true, comment: Array("PK\u{5}\u{6} a comment".utf8)),
    ]
    let hashes = try zips.map { try run([("20131007_quote.zip", $0)]).report.hash }
    #expect(Set(hashes).count == 1)
  }

  @Test func `a zip that is cut or damaged anywhere gives an error or the same`() throws {
    let name = "20131007_bac_Quote_Tick.csv"
    let whole = ZipWriter.zip(name, quotes, isWide: true)
    let expected = try run([("20131007_quote.zip", whole)]).report.hash
    for length in 0..<whole.count {
      #expect(throws: ImportFailure.self) {
        try run([("20131007_quote.zip", Array(whole[..<length]))])
      }
    }
    var numbers = SeededNumbers(state: 61)
    for place in whole.indices {
      var damaged = whole
      damaged[place] ^= UInt8(1 + numbers.below(255))
      // The member's name gives symbol and kind; what is not looked at changes nothing.
      guard let read = try? run([("20131007_quote.zip", damaged)]) else { continue }
      if read.report.hash != expected {
        #expect(read.back.header.instruments.first?.symbol != "BAC.P", "flipped at \(place)")
      }
    }
    for _ in 0..<2_000 {
      let bytes = (0..<numbers.below(200)).map { _ in UInt8(numbers.below(256)) }
      #expect(throws: ImportFailure.self) {
        try run([("20131007_quote.zip", Array("PK\u{3}\u{4}".utf8) + bytes)])
      }
    }
  }

  @Test func `no lines make it trap`() throws {
    var numbers = SeededNumbers(state: 62)
    let extremes = [
      "9223372036854775807", "-9223372036854775808", "-1", "", "x", "86400000", "\u{0}",
    ]
    for turn in 0..<300 {
      let isTrade = turn % 2 == 0
      var texts = String(decoding: isTrade ? trades : quotes, as: UTF8.self)
        .split(separator: "\n").map(String.init)
      for _ in 0...numbers.below(6) {
        let line = numbers.below(texts.count)
        var fields = texts[line].split(separator: ",", omittingEmptySubsequences: false)
          .map(String.init)
        fields[numbers.below(fields.count)] = extremes[numbers.below(extremes.count)]
        texts[line] = fields.joined(separator: ",")
      }
      let zip = ZipWriter.zip(
        "20131007_bac_\(isTrade ? "Trade" : "Quote")_Tick.csv",
        Array(texts.joined(separator: "\n").utf8))
      // A venue's name that no symbol can have is refused, all else is read.
      _ = try? run([("20131007_quote.zip", zip)])
    }
  }
}
