import Captures
import ExecutionCore
import Foundation
import Testing

@testable import Node

/// A folder with a small recording of two symbols, which goes with the value.
private final class SmallCapture {
  let directory = NSTemporaryDirectory() + "needletail-capture-" + UUID().uuidString
  var lines: String { directory + "/lines" }
  var file: String { directory + "/small.ntc" }
  var other: String { directory + "/other.ntc" }

  init() throws {
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true)
    let texts = (1...6).map { number in
      let symbol = number % 3 == 0 ? "ETHUSDT" : "BTCUSDT"
      return
        #"\#(number) {"e":"depthUpdate","E":\#(number)000,"s":"\#(symbol)","U":\#(number),"#
        + #""u":\#(number),"pu":\#(number - 1),"b":[["1.5","\#(number)"]],"a":[["2","0.25"]]}"#
    }
    try write(texts)
    #expect(run("import", "binance", lines, "--output", file) == 0)
  }
  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func write(_ texts: [String]) throws {
    try texts.joined(separator: "\n").write(toFile: lines, atomically: true, encoding: .utf8)
  }
  func run(_ arguments: String...) -> Int32 { CaptureCommand.run(arguments: arguments) }
  func damage(_ path: String, at place: Int) throws {
    var bytes = try #require(FileManager.default.contents(atPath: path))
    bytes[place < 0 ? bytes.count + place : place] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
  }
}

@Suite struct CaptureCommandTests {
  @Test func `what is imported is shown and summed up and cut`() throws {
    let capture = try SmallCapture()
    #expect(capture.run("stat", capture.file) == 0)
    #expect(capture.run("stat", capture.file, "--format", "json") == 0)
    #expect(capture.run("show", capture.file, "--limit", "3") == 0)
    #expect(capture.run("show", capture.file, "--format", "json", "--symbol", "BTCUSDT") == 0)
    let stat = try CaptureStat(path: capture.file)
    #expect(stat.isWhole && stat.records == 16 && stat.perInstrument == [10, 6])
    #expect(stat.json.contains(#""kinds":{"level":12,"gap":4}"#))
    #expect(stat.json.contains(#""channel":"binance-usdm","source":"lines","day":"1970-01-01""#))
    #expect(stat.text.contains("BTCUSDT: 10 records, L2, price 10^-1, quantity 10^-2"))
  }

  @Test func `a cut begins with a gap and has the instruments that were named`() throws {
    let capture = try SmallCapture()
    #expect(
      capture.run(
        "cut", capture.file, "--from", "1970-01-01T00:00:03.5Z", "--to", "6000000000000",
        "--symbol", "ETHUSDT", "--output", capture.other) == 0)
    let stat = try CaptureStat(path: capture.other)
    #expect(stat.header.instruments.map(\.symbol) == ["ETHUSDT"])
    #expect(stat.kinds.map(\.kind) == [.level, .gap] && stat.kinds.map(\.count) == [2, 2])
    let all = capture.directory + "/all.ntc"
    #expect(capture.run("cut", capture.file, "--output", all) == 0)
    #expect(try CaptureStat(path: all).hash == CaptureStat(path: capture.file).hash)
    #expect(capture.run("cut", capture.file, "--output", all) == 73)
    #expect(capture.run("cut", capture.file, "--output", all, "--replace") == 0)
  }

  @Test func `exit codes are those of sysexits`() throws {
    let capture = try SmallCapture()
    for wrong in [
      [], ["show"], ["stat", "a", "b"], ["import", "binance"], ["import", "binance", "x"],
      ["import", "binanc", "x", "--output", "y"], ["import", "lobster", "a", "b", "--output", "y"],
      ["show", capture.file, "--from", "yesterday"], ["show", capture.file, "--limit", "-1"],
      ["show", capture.file, "--from", "2", "--to", "1"],
      ["show", capture.file, "--symbol", "DOGEUSDT"], ["cut", capture.file],
      ["import", "binance", "x", "--output", "y", "--price-exponent", "3"],
      ["import", "lobster", "x", "--output", "y", "--date", "tomorrow"],
    ] {
      #expect(CaptureCommand.run(arguments: wrong) == 64, "\(wrong)")
    }
    for verb in ["show", "stat"] {
      #expect(capture.run(verb, "/nowhere.ntc") == 66)
      #expect(capture.run(verb, capture.directory) == 66)
      #expect(capture.run(verb, capture.lines) == 65)
    }
    #expect(capture.run("import", "binance", "/nowhere", "--output", capture.other) == 66)
    #expect(capture.run("import", "binance", capture.lines, "--output", capture.file) == 73)
    #expect(capture.run("import", "binance", capture.lines, "--output", "/nowhere/x.ntc") == 73)
    #expect(capture.run("import", "databento", capture.lines, "--output", capture.other) == 65)
    #expect(capture.run("import", "quantconnect", capture.lines, "--output", capture.other) == 65)
    #expect(capture.run("import", "lobster", capture.lines, "--output", capture.other) == 65)
    #expect(!FileManager.default.fileExists(atPath: capture.other))
  }

  @Test func `what is whole of a damaged recording and of a malformed source is told`() throws {
    let capture = try SmallCapture()
    let whole = try CaptureStat(path: capture.file)
    // In the tail: the blocks are read without the index.
    try capture.damage(capture.file, at: -1)
    #expect(capture.run("stat", capture.file) == 65)
    #expect(capture.run("show", capture.file) == 65)
    let damaged = try CaptureStat(path: capture.file)
    #expect(!damaged.isFinished && damaged.hash == whole.hash && damaged.failure != nil)
    #expect(capture.run("cut", capture.file, "--output", capture.other) == 65)
    #expect(try CaptureStat(path: capture.other).isWhole)
    try capture.write(["5 {", #"6 {"e":"trade","s":"X","t":1,"p":"1","q":"1","m":true}"#])
    #expect(
      capture.run("import", "binance", capture.lines, "--output", capture.other, "--replace") == 65)
    #expect(try CaptureStat(path: capture.other).records == 1)
  }

  @Test(arguments: ["prices", "orders"])
  func `a generated recording is whole and the same each time`(_ kind: String) throws {
    let capture = try SmallCapture()
    func make(_ path: String, _ more: String...) -> Int32 {
      CaptureCommand.run(
        arguments: ["generate", path, "--kind", kind, "--seconds", "5", "--rate", "1000"] + more)
    }
    #expect(make(capture.other, "--seed", "7", "--style", "volatile", "--symbols", "3") == 0)
    let made = try CaptureStat(path: capture.other)
    #expect(made.isWhole && made.header.instruments.count == 3 && made.records > 4_000)
    #expect(made.header.channel == "generated" && made.header.source.contains("\(kind), seed 7"))
    #expect(made.text.contains("day 2020-01-02"))
    let contents: CapturedInstrument.Contents = kind == "prices" ? .levels : .orders
    #expect(made.header.instruments.allSatisfy { $0.contents == [contents, .trades] })
    // It is not replaced unless that is said, and then it has the same records.
    #expect(make(capture.other, "--seed", "8") == 73)
    #expect(try CaptureStat(path: capture.other).hash == made.hash)
    #expect(
      make(capture.other, "--seed", "7", "--style", "volatile", "--symbols", "3", "--replace") == 0)
    #expect(try CaptureStat(path: capture.other).hash == made.hash)
    #expect(make(capture.other, "--seed", "8", "--replace", "--date", "2024-08-08") == 0)
    let other = try CaptureStat(path: capture.other)
    #expect(other.hash != made.hash && other.text.contains("day 2024-08-08"))
    let times = try #require(other.times)
    #expect(times.upperBound - times.lowerBound < 6_100_000_000)
  }

  @Test(arguments: [("prices", "e16c4d1bea2d499c"), ("orders", "acd299b3165052dc")])
  func `a generated recording is the same on every machine`(
    _ kind: String, _ hash: String
  ) throws {
    let capture = try SmallCapture()
    let more = ["--kind", kind, "--seed", "5", "--style", "jumping", "--seconds", "10"]
    #expect(CaptureCommand.run(arguments: ["generate", capture.other] + more) == 0)
    #expect(try CaptureStat(path: capture.other).hash.text == hash)
  }

  @Test func `generated orders are those of the feed that the exchange writes`() throws {
    let capture = try SmallCapture()
    let feed = capture.directory + "/feed"
    let same = ["--seed", "3", "--symbols", "4", "--rate", "500", "--style", "halting"]
    let write = ["exchange", "--write-feed", feed, "--duration", "8"] + same
    #expect(CommandTable.main(write) == .ok)
    let date = ["--date", "2020-01-02", "--output", capture.other]
    #expect(CaptureCommand.run(arguments: ["import", "itch", feed] + date) == 0)
    let made = capture.directory + "/made.ntc"
    let generate = ["generate", made, "--kind", "orders", "--seconds", "8"] + same
    #expect(CaptureCommand.run(arguments: generate) == 0)
    let stat = try CaptureStat(path: made)
    #expect(try stat.hash == CaptureStat(path: capture.other).hash && stat.records > 1_000)
  }

  @Test func `what generate does not take is refused before a file is made`() throws {
    let capture = try SmallCapture()
    let path = capture.other
    for wrong in [
      ["--kind", "quotes"], ["--style", "wild"], ["--symbols", "257"], ["--symbols", "0"],
      ["--rate", "1000001"], ["--rate", "0"], ["--seconds", "0"], ["--seconds", "86401"],
      ["--date", "yesterday"], ["--seed", "-1"], ["--kind", "orders", "--symbols", "12001"],
    ] {
      #expect(CaptureCommand.run(arguments: ["generate", path] + wrong) == 64, "\(wrong)")
    }
    #expect(CaptureCommand.run(arguments: ["generate"]) == 64)
    #expect(capture.run("generate", "/nowhere/x.ntc") == 73)
    for left in [path, path + ".partial"] {
      #expect(!FileManager.default.fileExists(atPath: left))
    }
  }

  @Test func `records are lines for people and objects for programs`() {
    var bitcoin = CapturedInstrument(symbol: "BTCUSDT", priceExponent: -2, quantityExponent: -5)
    bitcoin.contents = .levels
    var record = FeedRecord(.level, instrument: 0, at: 1_723_161_255_208_000_000)
    record.price = 6_183_764
    record.quantity = 154_698
    record.side = FeedRecord.sell
    record.sequence = 50_093_239_202
    record.flags = [.last]
    let line = CaptureLine(record: record, receiveTime: 0, instrument: bitcoin)
    #expect(
      line.text
        == "2024-08-08T23:54:15.208000000Z  BTCUSDT       level     sell  1.54698 @ 61837.64  "
        + "sequence 50093239202  last")
    #expect(
      line.json
        == #"{"kind":"level","symbol":"BTCUSDT","sessionTime":"1723161255208000000","#
        + #""receiveTime":null,"sequence":50093239202,"reference":0,"side":"sell","#
        + #""price":"61837.64","quantity":"1.54698","askPrice":"0.00","askQuantity":"0.00000","#
        + #""flags":["last"],"detail":0}"#)
    record.kind = 1
    let all = CaptureLine(record: record, receiveTime: 5, instrument: nil)
    #expect(all.json.contains(#""kind":"kind-1","symbol":null"#))
  }

  @Test func `numbers are exact and times are read as they are written`() {
    let decimals: [(Int64, Int, String)] = [
      (6_183_764, -2, "61837.64"), (-5, -2, "-0.05"), (0, -3, "0.000"), (7, 0, "7"), (7, 2, "700"),
      (0, 2, "0"), (.min, 0, "-9223372036854775808"), (.min, -18, "-9.223372036854775808"),
    ]
    for (mantissa, exponent, text) in decimals {
      #expect(CaptureText.decimal(mantissa, exponent) == text)
    }
    for time: Int64 in [0, -1, .min, .max, 1_723_161_255_208_000_001, 951_782_400_000_000_000] {
      let text = CaptureText.time(time)
      let formatter = ISO8601DateFormatter()
      let seconds = time / 1_000_000_000 - (time % 1_000_000_000 < 0 ? 1 : 0)
      let date = Date(timeIntervalSince1970: TimeInterval(seconds))
      #expect(text.prefix(19) == formatter.string(from: date).prefix(19), "\(text)")
      if time > 1_700_000_000_000_000_000, time < .max {
        #expect(CaptureText.parseTime(text) == time)
      }
    }
    #expect(CaptureText.parseTime("2024-08-08T23:54:15.2Z") == 1_723_161_255_200_000_000)
    #expect(CaptureText.parseTime("-5") == -5)
    for text in [
      "", "x", "2024-08-08", "2024-08-08T23:54:15", "2024-08-08T24:00:00Z", "2024-13-08T23:00:00Z",
      "2024-08-08T23:54:15.Z", "2024-08-08T23:54:15.1234567890Z", "20240808T23:54:15Z",
      "2024-08-08T23:54Z", "99999999999999999999",
    ] {
      #expect(CaptureText.parseTime(text) == nil, "\(text)")
    }
  }
}
