import Foundation
import TestSupport
import Testing

@testable import Node

/// What one run of the command gave.
struct BookRun {
  var code: Int32
  var out: String
  var err: String

  init(_ arguments: String...) {
    let lines = Lines()
    code = BookCommand.run(
      arguments: arguments, output: { lines.out.append($0) },
      errorOutput: { lines.err.append($0) })
    out = lines.out.joined(separator: "\n")
    err = lines.err.joined(separator: "\n")
  }
  private final class Lines {
    var out: [String] = []
    var err: [String] = []
  }
}

/// Framed messages and captures by hand.
struct BookFeed {
  var bytes: [UInt8] = []

  static func number(_ value: UInt64, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (size - 1 - $0))) }
  }
  static func head(_ kind: Character, _ locate: UInt16) -> [UInt8] {
    [kind.asciiValue ?? 0] + number(UInt64(locate), 2) + [UInt8](repeating: 0, count: 8)
  }
  static func stock(_ text: String) -> [UInt8] {
    Array(text.utf8) + [UInt8](repeating: 0x20, count: 8 - text.utf8.count)
  }
  static func add(
    _ reference: UInt64, _ side: Character, _ shares: UInt64, _ price: UInt64,
    locate: UInt16 = 13, stock name: String = "AAPL"
  ) -> [UInt8] {
    head("A", locate) + number(reference, 8) + [side.asciiValue ?? 0] + number(shares, 4)
      + stock(name) + number(price, 4)
  }
  static func delete(_ reference: UInt64) -> [UInt8] { head("D", 13) + number(reference, 8) }
  static func executed(_ reference: UInt64, _ shares: UInt64) -> [UInt8] {
    head("E", 13) + number(reference, 8) + number(shares, 4) + number(1, 8)
  }
  static func replace(_ old: UInt64, _ new: UInt64, _ shares: UInt64, _ price: UInt64) -> [UInt8] {
    head("U", 13) + number(old, 8) + number(new, 8) + number(shares, 4) + number(price, 4)
  }
  static func directory(_ name: String, locate: UInt16) -> [UInt8] {
    head("R", locate) + stock(name) + [UInt8](repeating: 0x20, count: 20)
  }

  static func frame(_ message: [UInt8]) -> [UInt8] { number(UInt64(message.count), 2) + message }
  static func frames(_ messages: [[UInt8]]) -> [UInt8] { messages.flatMap(frame) }

  static func mold(_ sequence: UInt64, _ messages: [[UInt8]], count: Int? = nil) -> [UInt8] {
    Array("SESSION001".utf8) + number(sequence, 8) + number(UInt64(count ?? messages.count), 2)
      + frames(messages)
  }
  static func pcap(_ datagrams: [[UInt8]], link: UInt8 = 1) -> [UInt8] {
    var file: [UInt8] = [0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4]
    file += [UInt8](repeating: 0, count: 8) + [0, 0, 0xff, 0xff, 0, 0, 0, link]
    for payload in datagrams {
      let udp = number(0x1111_2222, 4) + number(UInt64(payload.count + 8), 2) + [0, 0] + payload
      let ip: [UInt8] =
        [0x45, 0] + number(UInt64(udp.count + 20), 2) + [0, 0, 0, 0, 9, 17, 0, 0]
        + [10, 0, 0, 1, 239, 0, 0, 1]
      let frame = [UInt8](repeating: 0, count: 12) + [8, 0] + ip + udp + [0xee, 0xee]
      file += number(1, 4) + number(0, 4) + number(UInt64(frame.count), 4)
      file += number(UInt64(frame.count), 4) + frame
    }
    return file
  }
}

struct BookCommandTests {
  let directory: URL

  init() throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent(
      "needletail-book-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  }

  func file(_ bytes: [UInt8], _ name: String = "feed") throws -> String {
    let url = directory.appendingPathComponent(name)
    try Data(bytes).write(to: url)
    return url.path
  }
  func remove() { try? FileManager.default.removeItem(at: directory) }

  @Test func `the JSON has exactly the documented keys in their order`() throws {
    defer { remove() }
    let bytes = BookFeed.frames([
      BookFeed.directory("MSFT", locate: 7),
      BookFeed.add(1, "B", 100, 2_872_900), BookFeed.add(2, "B", 100, 2_872_900),
      BookFeed.add(3, "S", 300, 2_873_250), BookFeed.add(4, "B", 7, 5, locate: 7, stock: "WRONG"),
      BookFeed.delete(99), BookFeed.replace(3, 1, 5, 5), BookFeed.executed(3, 100),
      BookFeed.add(9, "S", 1, 10, locate: 8, stock: "GONE"), BookFeed.delete(9),
      [0x7a, 1], [],
    ])
    let run = BookRun(try file(bytes), "--format", "json")
    #expect(run.code == 65)
    #expect(run.err.contains("2 malformed messages, the first of them here"))
    let types = #""types":{"A":5,"D":2,"E":1,"R":1,"U":1},"malformed":2,"#
    let orders = #""orders":{"added":5,"unknown":1,"duplicate":1,"live":4},"#
    let msft = #"{"symbol":"MSFT","locate":7,"bids":[["0.0005",7,1]],"asks":[]}"#
    let aapl =
      #"{"symbol":"AAPL","locate":13,"bids":[["287.2900",200,2]],"asks":[["287.3250",200,1]]}"#
    #expect(
      run.out == #"{"bytes":\#(bytes.count),"messages":10,"# + types + orders
        + #""books":[\#(msft),\#(aapl)]}"#)
    #expect(run.err.contains("named another stock"))
  }

  @Test func `levels and symbols choose what is shown`() throws {
    defer { remove() }
    var messages = (0..<9).map { BookFeed.add(UInt64($0), "B", 1, 10_000 - UInt64($0) * 100) }
    messages.append(BookFeed.add(100, "S", 1, 20_000, locate: 14, stock: "MSFT"))
    let path = try file(BookFeed.frames(messages))
    func levels(_ run: BookRun) -> Int { run.out.components(separatedBy: "[\"").count - 1 }
    #expect(levels(BookRun(path, "--format", "json")) == 6)
    #expect(levels(BookRun(path, "--format", "json", "--levels", "20")) == 10)
    #expect(levels(BookRun(path, "--format", "json", "--levels", "1")) == 2)
    let one = BookRun(path, "--format", "json", "--symbol", "MSFT")
    #expect(one.out.contains("MSFT") && !one.out.contains("AAPL"))
    #expect(one.out.contains(#""live":10"#))
    let both = BookRun(path, "--format=json", "--symbol", "MSFT", "--symbol", "AAPL")
    #expect(both.out.contains("MSFT") && both.out.contains("AAPL"))
    let none = BookRun(path, "--format", "json", "--symbol", "NONE", "--symbol", "MSFT")
    #expect(none.out.contains("MSFT") && none.code == 0)
    #expect(none.err.contains("no order of a symbol NONE") && !none.err.contains("symbol MSFT"))
  }

  @Test func `the text has the counts and both sides of a book`() throws {
    defer { remove() }
    let path = try file(
      BookFeed.frames([BookFeed.add(1, "B", 100, 2_872_900), BookFeed.add(2, "S", 50, 2_873_000)]))
    let run = BookRun(path)
    #expect(run.code == 0 && run.err.isEmpty)
    #expect(run.out.contains("76 bytes, 2 messages, 0 malformed"))
    #expect(run.out.contains("AAPL (locate 13)"))
    #expect(run.out.contains("       1        100    287.2900 |    287.3000         50       1"))
  }

  @Test func `wrong command lines exit 64 and say what is right`() throws {
    defer { remove() }
    let path = try file([])
    for arguments in [
      [], [path, path], [path, "--levels", "0"], [path, "--levels", "x"],
      [path, "--format", "xml"],
      [path, "--symbol", "TOOLONGNAME"], [path, "--symbol", ""], [path, "--what"],
    ] {
      var err: [String] = []
      var out: [String] = []
      let code = BookCommand.run(
        arguments: arguments, output: { out.append($0) }, errorOutput: { err.append($0) })
      #expect(code == 64, "\(arguments)")
      #expect(out.isEmpty && !err.isEmpty)
    }
    #expect(BookRun(path).code == 0)
  }

  @Test func `a missing file exits 66 and is named`() {
    defer { remove() }
    let run = BookRun("/nonexistent/feed.itch50")
    #expect(run.code == 66 && run.out.isEmpty)
    #expect(run.err.contains("/nonexistent/feed.itch50: cannot be opened"))
  }

  @Test func `a file that is cut anywhere inside a message prints what was read and exits 65`()
    throws
  {
    defer { remove() }
    let whole = BookFeed.frames([BookFeed.add(1, "B", 100, 10_000), BookFeed.delete(1)])
    for size in 0...whole.count {
      let run = BookRun(try file(Array(whole[..<size])), "--format", "json")
      let isWhole = size == 0 || size == 38 || size == whole.count
      #expect(run.code == (isWhole ? 0 : 65))
      #expect(size < 39 || isWhole || run.err.contains("at offset 38: ends inside its last"))
      #expect(run.out.contains(#""malformed":\#(isWhole ? 0 : 1),"#), "\(size)")
      #expect(run.out.contains(#""bytes":\#(size),"#))
    }
  }

  @Test func `a capture is applied in the order of its sequences, gaps and duplicates told`()
    throws
  {
    defer { remove() }
    let packets = [
      BookFeed.mold(5, [BookFeed.add(1, "B", 1, 10_000)]),
      BookFeed.mold(5, [BookFeed.add(1, "B", 1, 10_000)]),
      BookFeed.mold(9, [BookFeed.delete(1), BookFeed.add(2, "B", 1, 10_000)]),
      BookFeed.mold(6, [BookFeed.add(3, "B", 1, 10_000)]),
      BookFeed.mold(0, [BookFeed.add(4, "B", 1, 10_000)]),
      BookFeed.mold(11, [], count: 0), BookFeed.mold(11, [], count: 0xffff),
    ]
    let bytes = BookFeed.pcap(packets)
    let run = BookRun(try file(bytes), "--format", "json")
    #expect(run.code == 0)
    #expect(run.out.contains(#""added":4,"unknown":0,"duplicate":0,"live":3"#))
    #expect(run.out.contains(#""bytes":\#(bytes.count),"messages":5,"#))
    #expect(
      run.err.contains(
        "7 MoldUDP64 packets, 1 gaps (2 messages missing), 1 duplicate packets, 1 late packets"))
  }

  @Test func `a packet with fewer messages than it says is cut and one with more bytes is told`()
    throws
  {
    defer { remove() }
    let bytes = BookFeed.pcap([
      BookFeed.mold(1, [BookFeed.delete(1)], count: 3),
      BookFeed.mold(2, [BookFeed.delete(1), BookFeed.delete(2)], count: 1),
      BookFeed.mold(3, [[], [0x7a]]), [1, 2, 3],
    ])
    let run = BookRun(try file(bytes), "--format", "json")
    #expect(run.out.contains(#""messages":2,"types":{"D":2},"malformed":3,"#))
    #expect(run.err.contains("1 UDP but not MoldUDP64"))
    #expect(run.err.contains("1 with bytes behind their last message"))
  }

  @Test func `captures of no use exit 65 with the reason`() throws {
    defer { remove() }
    let link = BookRun(try file(BookFeed.pcap([], link: 105)))
    #expect(link.code == 65 && link.err.contains("link type 105") && link.out.isEmpty)
    let other = BookRun(try file(BookFeed.pcap([[1, 2]])), "--format", "json")
    #expect(other.code == 65 && other.err.contains("none of its 1 packets"))
    let whole = BookFeed.pcap([BookFeed.mold(1, [BookFeed.delete(1)])])
    let cut = BookRun(try file(whole + Array(whole[24..<60])), "--format", "json")
    #expect(cut.code == 65 && cut.err.contains("the capture ends inside"))
    #expect(cut.out.contains(#""messages":1,"#))
    #expect(BookRun(try file(BookFeed.pcap([]))).code == 0)
  }

  @Test func `a capture of which nothing is well-formed says what it looks like and exits 65`()
    throws
  {
    defer { remove() }
    func little(_ value: UInt64, _ size: Int) -> [UInt8] { BookFeed.number(value, size).reversed() }
    let heartbeat = little(10, 2) + little(0, 2) + little(12, 2) + little(1, 2) + little(6, 2)
    let cme = little(7, 4) + little(1_478_908_800_000_000_000, 8) + heartbeat
    let iex = [1, 0] + little(0x8003, 2) + [UInt8](repeating: 0, count: 36)
    let strange = BookFeed.mold(1, [[0x7a, 1], []])
    for (payload, name) in [
      (cme, ", they look like CME MDP 3.0 ("), (iex, ", they look like IEX-TP (TOPS or DEEP) ("),
      (strange, "message ("),
    ] {
      let bytes = BookFeed.pcap([payload, payload])
      let run = BookRun(try file(bytes), "--format", "json")
      #expect(run.code == 65, "\(name)")
      #expect(run.out.hasPrefix(#"{"bytes":\#(bytes.count),"messages":0,"types":{},"malformed":"#))
      let said = "none of its 2 datagrams holds a well-formed ITCH 5.0 message"
      #expect(run.err.contains(said) && run.err.contains(name), "\(run.err)")
      #expect(run.err.contains("give a capture of Nasdaq TotalView-ITCH 5.0 over MoldUDP64"))
      #expect(!run.err.contains("MoldUDP64 packets"), "its gaps are none")
    }
    let mixed = BookRun(try file(BookFeed.pcap([cme, BookFeed.mold(1, [BookFeed.delete(1)])])))
    #expect(mixed.code == 0 && mixed.err.contains("1 MoldUDP64 packets"))
    #expect(mixed.err.contains("1 UDP but not MoldUDP64"))
    let silent = BookRun(try file(BookFeed.pcap([BookFeed.mold(1, []), BookFeed.mold(1, [])])))
    #expect(silent.code == 0, "heartbeats are well-formed: \(silent.err)")
  }

  // Reads ../shared/data, which is not part of the package.
  @Test(.enabled(if: SharedData.isThere, "the recorded feeds are not there"))
  func `the captures of other exchanges' protocols are named`() {
    defer { remove() }
    for (name, protocolName) in [
      ("/cme/CME_MDP3_20161112_AB_feed.pcapng.gz", "CME MDP 3.0"),
      ("/iex/Deep.IexTp.v1.0/Heartbeat.pcap", "IEX-TP"),
      ("/iex/Tops.IexTp.v1.6/QuoteUpdateMessage.pcap", "IEX-TP"),
    ] {
      let run = BookRun(SharedData.directory + name, "--format", "json")
      #expect(run.code == 65 && run.err.contains(protocolName), "\(name): \(run.err)")
    }
  }

  @Test func `a raw file without one well-formed message exits 65 and says what is expected`()
    throws
  {
    defer { remove() }
    let run = BookRun(try file(Array("symbol,tick\nAAPL,0.01\n".utf8)))
    #expect(run.code == 65 && run.err.contains("expected is framed ITCH 5.0"))
  }

  /// Packs a file, which gets `.gz` behind its name; its bytes.
  private func gzipped(_ path: String) throws -> [UInt8] {
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    gzip.arguments = ["gzip", "-n", path]
    try gzip.run()
    gzip.waitUntilExit()
    try #require(gzip.terminationStatus == 0)
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + ".gz")))
  }

  @Test func `a gz with other bytes behind it prints what was read and exits 65`() throws {
    defer { remove() }
    let frames = BookFeed.frames((0..<300).map { BookFeed.add($0, "B", 1, 10_000) })
    let path = try file(frames, "feed.itch")
    let archive = try gzipped(path)
    let twice = BookRun(try file(archive + archive, "twice"), "--format", "json")
    #expect(twice.code == 0 && twice.err.isEmpty && twice.out.contains(#""messages":600,"#))
    let junk = BookRun(try file(archive + Array("junk".utf8), "junk"), "--format", "json")
    #expect(junk.code == 65)
    #expect(junk.out.hasPrefix(#"{"bytes":\#(frames.count),"messages":300,"#))
    #expect(junk.err.contains("goes on at its byte \(archive.count) with what is no .gz member"))
  }

  @Test func `a gz that is cut prints what was read and exits 65`() throws {
    defer { remove() }
    let frames = BookFeed.frames((0..<3_000).map { BookFeed.add($0, "B", 1, 10_000) })
    let path = try file(frames, "feed.itch")
    let archive = try gzipped(path)
    let whole = BookRun(path + ".gz", "--format", "json")
    #expect(whole.code == 0)
    #expect(whole.out.hasPrefix(#"{"bytes":\#(frames.count),"messages":3000,"#))
    let cut = BookRun(try file(Array(archive.dropLast(20)), "cut"), "--format", "json")
    #expect(cut.code == 65)
    #expect(cut.out.hasPrefix(#"{"bytes":"#))
    #expect(cut.err.contains("cut at offset ") && cut.err.contains("the compressed file is cut"))
  }

  @Test func `books of random prices far from any touch are whole`() throws {
    defer { remove() }
    var state: UInt64 = 99
    let messages = (0..<4_000).map { index -> [UInt8] in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return BookFeed.add(
        state, index % 2 == 0 ? "B" : "S", 1, state >> 32, locate: UInt16(index % 4))
    }
    let run = BookRun(try file(BookFeed.frames(messages)), "--format", "json")
    #expect(run.code == 0 && run.err.isEmpty)
    #expect(run.out.contains(#""live":4000"#))
  }
}
