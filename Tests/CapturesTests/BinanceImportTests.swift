import ExecutionCore
import Foundation
import Testing

@testable import Captures

struct BinanceImportTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func run(
    _ lines: [String], options: BinanceImport.Options = BinanceImport.Options()
  ) throws(ImportFailure) -> (report: ImportReport, records: [Stamped], header: CaptureHeader) {
    let path = directory.url.appendingPathComponent("out.ntc").path
    var options = options
    options.replaces = true
    let report = try BinanceImport.run(
      [.bytes(Array(lines.joined(separator: "\n").utf8), name: "lines")], to: path,
      options: options)
    do throws(FeedError) {
      let back = try ReadBack(path: path)
      #expect(back.failure == nil && back.recordCount == report.records)
      #expect(back.statedHash == report.hash)
      return (report, back.records, back.header)
    } catch { throw .source(error) }
  }

  private func spot(_ first: Int, _ last: Int, bids: String = "", asks: String = "") -> String {
    #"5 {"stream":"x@depth","data":{"e":"depthUpdate","E":7,"s":"X","U":\#(first),"u":\#(last),"#
      + #""b":[\#(bids)],"a":[\#(asks)]}}"#
  }
  private func futures(_ previous: Int, _ first: Int, _ last: Int, bids: String = "") -> String {
    #"5 {"e":"depthUpdate","E":7,"T":6,"s":"X","U":\#(first),"u":\#(last),"pu":\#(previous),"#
      + #""b":[\#(bids)],"a":[]}"#
  }
  private func snapshot(_ number: Int, bids: String = #"["1.5","2"]"#) -> String {
    #"9 {"lastUpdateId":\#(number),"bids":[\#(bids)],"asks":[["2","0.25"]]}"#
  }
  private func kinds(_ records: [Stamped]) -> String {
    String(decoding: records.map(\.record.kind), as: UTF8.self)
  }

  @Test func `each message becomes the records that the page says`() throws {
    let (report, records, header) = try run([
      snapshot(9),
      spot(10, 12, bids: #"["1.50","0.00"],["1.25","3"]"#, asks: #"["2.000","1"]"#),
      #"6 {"u":13,"s":"X","b":"1.25","B":"3.00","a":"2.00","A":"1.0"}"#,
      #"7 {"e":"trade","E":8,"s":"X","t":77,"p":"1.75","q":"0.5","T":9,"m":true,"M":true}"#,
      #"8 {"e":"trade","E":8,"s":"X","t":78,"p":"1.75","q":"0.5","T":9,"m":false}"#,
      #"8 {"e":"aggTrade","E":8,"s":"X","a":1,"p":"1.75","q":"0.5","T":9,"m":false}"#,
      #"9 {"e":"kline","s":"X","k":{}}"#,
      #"9 {"e":"trade","E":8,"s":"X","t":79,"p":"0","q":"0","T":9,"X":"NA","m":false}"#,
    ])
    #expect(report.messages == 8 && report.malformed == 0 && report.gaps == 0)
    #expect(kinds(records) == "CLLLLLQTT")
    #expect(header.channel == "binance-spot" && header.instruments.count == 1)
    let instrument = header.instruments[0]
    #expect(instrument.symbol == "X" && instrument.contents == [.quotes, .levels, .trades])
    #expect(instrument.priceExponent == -2 && instrument.quantityExponent == -2)
    let first = records.map(\.record)
    #expect(first[0].flags == .snapshot && first[0].sequence == 9)
    // The venue's clock is 6,999,995 ns ahead of the collector's where both are first told.
    #expect(first[0].sessionTime == 7_000_004)
    #expect(first[1].price == 150 && first[1].quantity == 200 && first[1].side == FeedRecord.buy)
    #expect(first[2].flags == [.snapshot, .last] && first[2].side == FeedRecord.sell)
    #expect(first[3].quantity == 0 && first[3].sequence == 12 && first[3].flags == [])
    #expect(first[3].sessionTime == 7_000_000 && records[3].receiveTime == 5)
    #expect(first[5].flags == .last && first[5].price == 200 && first[5].quantity == 100)
    #expect(first[6].price == 125 && first[6].askPrice == 200 && first[6].askQuantity == 100)
    #expect(first[6].sessionTime == 7_000_001 && first[6].sequence == 13)
    #expect(first[7].side == FeedRecord.sell && first[7].reference == 77)
    #expect(first[7].sessionTime == 9_000_000 && first[8].side == FeedRecord.buy)
    #expect(report.others.contains { $0.name == "other messages" && $0.count == 1 })
    #expect(report.others.contains { $0.name.hasPrefix("aggregate") && $0.count == 1 })
    #expect(report.others.contains { $0.name == "trades of nothing" && $0.count == 1 })
  }

  @Test func `a book without a snapshot begins with a gap and a break makes another`() throws {
    let level = #"["1","1"]"#
    let spotRead = try run([
      spot(1, 3, bids: level), spot(4, 4, bids: level), spot(6, 8, bids: level),
      spot(6, 8, bids: level), spot(9, 9),
    ])
    #expect(kinds(spotRead.records) == "GLLGL" && spotRead.report.gaps == 1)
    #expect(spotRead.records[3].record.sequence == 8)
    let futuresRead = try run([
      futures(0, 2, 3, bids: level), futures(3, 7, 9, bids: level), futures(8, 10, 11, bids: level),
      futures(11, 12, 13, bids: level),
    ])
    #expect(kinds(futuresRead.records) == "GLLGLL" && futuresRead.report.gaps == 1)
    #expect(futuresRead.header.channel == "binance-usdm")
    #expect(futuresRead.records[1].record.sessionTime == 6_000_000)
  }

  @Test func `a snapshot that comes late is followed by what is newer than it`() throws {
    let level = #"["1","1"]"#
    let read = try run([
      spot(1, 3, bids: level), spot(4, 6, bids: level), spot(7, 7, bids: level), snapshot(5),
      spot(8, 8, bids: level),
    ])
    // Of the three events before it the second reaches over it, the third lies behind.
    #expect(kinds(read.records) == "GLLLCLLLLL" && read.report.gaps == 0)
    #expect(read.records.map(\.record.sequence) == [3, 3, 6, 7, 5, 5, 5, 6, 7, 8])
    #expect(read.records[7].receiveTime == 9 && read.records[7].record.sessionTime == 7_000_000)
    // Nothing before it reaches back to it.
    let late = try run([
      spot(1, 3, bids: level), spot(14, 16, bids: level), snapshot(10), spot(17, 17, bids: level),
    ])
    #expect(kinds(late.records) == "GLGLCLLGLL" && late.report.gaps == 2)
  }

  @Test func `behind a snapshot old events are dropped and the first has to reach it`() throws {
    let level = #"["1","1"]"#
    let reached = try run([
      snapshot(10), spot(8, 10, bids: level), spot(9, 11, bids: level), spot(12, 12, bids: level),
    ])
    #expect(kinds(reached.records) == "CLLLL" && reached.report.gaps == 0)
    let missed = try run([snapshot(10), spot(12, 13, bids: level)])
    #expect(kinds(missed.records) == "CLLGL" && missed.report.gaps == 1)
    // On futures the event that ends with the snapshot's number is still taken.
    let even = try run([
      snapshot(10), futures(4, 5, 9, bids: level), futures(9, 9, 10, bids: level),
      futures(10, 12, 14, bids: level),
    ])
    #expect(kinds(even.records) == "CLLLL" && even.report.gaps == 0)
    let hole = try run([snapshot(10), futures(11, 12, 14, bids: level)])
    #expect(kinds(hole.records) == "CLLGL" && hole.report.gaps == 1)
  }

  @Test func `a line that is malformed is counted with its place and no record`() throws {
    let good = spot(1, 1, bids: #"["1","1"]"#)
    let bad = [
      "", "x", "5", "5 ", "99999999999999999999 {}", "5 {", "5 []", good + "x",
      #"5 {"e":"depthUpdate","s":"X","U":3,"u":2,"b":[],"a":[]}"#,
      #"5 {"e":"depthUpdate","s":"X","U":"1","u":2,"b":[],"a":[]}"#,
      #"5 {"e":"depthUpdate","s":"X","U":1,"u":2,"b":[["1"]],"a":[]}"#,
      #"5 {"e":"depthUpdate","s":"X","U":1,"u":2,"b":[["1",1]],"a":[]}"#,
      #"5 {"e":"depthUpdate","s":"X","U":1,"u":2,"u":2,"b":[],"a":[]}"#,
      #"5 {"e":"trade","s":"X","t":1,"p":"1","q":"1","m":"true"}"#,
      #"5 {"e":"trade","s":"X","t":1,"p":"1e3","q":"1","m":true}"#,
      #"5 {"e":"trade","s":"Y Z","t":1,"p":"1","q":"1","m":true}"#,
      #"5 {"e":"trade","t":1,"p":"1","q":"1","m":true}"#,
      #"5 {"e":"trade","E":99999999999999999,"s":"X","t":1,"p":"1","q":"1","m":true}"#,
    ]
    for line in bad where line != "" {
      let read = try run([good, line, spot(2, 2, bids: #"["1","1"]"#)])
      #expect(read.report.malformed == 1, "\(line)")
      #expect(read.report.firstMalformed?.hasPrefix("lines line 2, offset ") == true, "\(line)")
      #expect(kinds(read.records) == "GLL", "\(line)")
    }
    #expect(throws: ImportFailure.self) { try run(Array(bad.prefix(6))) }
  }

  @Test func `a number that a stated exponent cannot hold ends the import with its line`() throws {
    var options = BinanceImport.Options()
    options.priceExponent = -1
    let read = try run(
      [spot(1, 1, bids: #"["1.5","1"]"#), spot(2, 2, bids: #"["1","1"],["1.25","1"]"#)],
      options: options)
    #expect(read.report.failure?.problem.hasPrefix("line 2: a price of 125 × 10^-2") == true)
    #expect(kinds(read.records) == "GL")
  }

  @Test func `two files are one stream and two symbols two instruments`() throws {
    let path = directory.url.appendingPathComponent("out.ntc").path
    let other = spot(40, 41, bids: #"["1.125","1"]"#).replacing("\"s\":\"X\"", with: "\"s\":\"Y\"")
    let parts = [spot(1, 1, bids: #"["1","1"]"#), spot(2, 2, bids: #"["1","1"]"#) + "\n" + other]
    let report = try BinanceImport.run(
      parts.map { .bytes(Array($0.utf8), name: "part") }, to: path)
    let back = try ReadBack(path: path)
    #expect(report.gaps == 0 && kinds(back.records) == "GLLGL")
    #expect(back.records.map(\.record.instrument) == [0, 0, 0, 1, 1])
    #expect(back.header.instruments.map(\.symbol) == ["X", "Y"])
    #expect(back.header.instruments.map(\.priceExponent) == [0, -3])
    #expect(back.header.source == "part, part")
  }

  @Test func `no bytes make it trap`() throws {
    var numbers = SeededNumbers(state: UInt64.random(in: 0 ... .max))
    let seed = numbers.state
    let good = Array(
      [
        snapshot(9), spot(10, 12, bids: #"["1.50","0.00"],["1.25","3"]"#), futures(12, 13, 15),
        #"6 {"u":13,"s":"X","b":"1.25","B":"3.00","a":"2.00","A":"1.0"}"#,
        #"7 {"e":"trade","E":8,"s":"X","t":77,"p":"1.75","q":"0.5","T":9,"m":true,"M":true}"#,
      ].joined(separator: "\n").utf8)
    let path = directory.url.appendingPathComponent("fuzz.ntc").path
    var options = BinanceImport.Options()
    options.replaces = true
    for _ in 0..<400 {
      var bytes = good
      for _ in 0...numbers.below(6) {
        let place = numbers.below(bytes.count)
        switch numbers.below(4) {
        case 0: bytes[place] = UInt8(numbers.below(256))
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(bytes[numbers.below(bytes.count)], at: place)
        default: bytes.removeLast(min(bytes.count - 1, numbers.below(20)))
        }
      }
      let report = try? BinanceImport.run([.bytes(bytes, name: "x")], to: path, options: options)
      if let report {
        #expect(try ReadBack(path: path).statedHash == report.hash, "seed \(seed)")
      }
    }
  }
}
