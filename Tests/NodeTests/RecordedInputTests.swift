import ExecutionCore
import Foundation
import TestSupport
import Testing

@testable import Node

/// Recorded feeds as commands are given them: through pipes, damaged, of another day, of another session.
@Suite(
  .enabled(
    if: CommandProcess.executable != nil, "the needletail executable is not beside the tests"))
final class RecordedInputTests {
  private let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let path = directory.path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }
  /// A generated market; its bytes.
  private func market(_ name: String, messages: Int = 3_000) throws -> String {
    let path = directory.path + "/" + name
    let result = try CommandProcess.run([
      "exchange", "--write-feed", path, "--messages", "\(messages)", "--seed", "3",
    ])
    try #require(result.status == 0, "\(result.errors)")
    return path
  }
  private func shell(_ script: String) throws -> CommandProcess {
    try CommandProcess.run(
      URL(fileURLWithPath: "/bin/sh"),
      ["-c", script.replacingOccurrences(of: "NEEDLETAIL", with: CommandProcess.located().path)])
  }
  private func run(_ feed: String, _ name: String, _ more: String...) throws -> CommandProcess {
    try CommandProcess.run(
      ["run", "--feed", feed, "--virtual-time", "--summary", "json", "--data"]
        + [directory.path + "/" + name] + more)
  }

  @Test func `standard input and a pipe give what the file gives`() throws {
    let feed = try market("m-20200102.itch")
    let book = try CommandProcess.run("book", feed, "--format", "json")
    for name in ["-", "/dev/stdin"] {
      let piped = try shell("cat \(feed) | NEEDLETAIL book \(name) --format json")
      #expect(piped.status == 0 && piped.output == book.output)
    }
    let whole = try SummaryJSON(run(feed, "whole").output)
    for (name, source) in [("a", "-"), ("b", "/dev/stdin")] {
      let piped = try shell(
        "cat \(feed) | NEEDLETAIL run --feed \(source) --date 2020-01-02 --virtual-time --summary json "
          + "--data \(directory.path)/\(name)")
      #expect(piped.status == 0, "\(piped.errors)")
      let summary = try SummaryJSON(piped.output)
      #expect(summary["feed", "messages"] == whole["feed", "messages"])
      #expect(summary["feed", "messages"] >= 3_000)
    }
  }

  @Test func `over sockets the exchange's process plays what came through a pipe`() throws {
    let feed = try market("m-20200102.itch")
    let piped = try shell(
      "cat \(feed) | NEEDLETAIL run --feed - --date 2020-01-02 --speed max --summary json --data "
        + "\(directory.path)/data")
    #expect(piped.status == 0, "\(piped.errors)")
    let summary = try SummaryJSON(piped.output)
    #expect(summary["feed", "messages"] + summary["feed", "by_snapshot"] >= 3_000)
    let files = try #require(FileManager.default.enumerator(atPath: directory.path + "/data"))
    for case let name as String in files {
      var status = stat()
      try #require(lstat(directory.path + "/data/" + name, &status) == 0)
      #expect(status.st_mode & 0o077 == 0, "\(name) is its owner's alone")
    }
  }

  @Test func `a raw file that is damaged or cut is traded, and exits 65 as it does with book`()
    throws
  {
    let feed = try market("m-20200102.itch")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: feed)))
    let cut = try write(Array(bytes.dropLast(5)), "cut-20200102.itch")
    bytes[2] = 0x7A
    let damaged = try write(bytes, "damaged-20200102.itch")
    for (name, said) in [
      (cut, "ends inside its last message"), (damaged, "offset 0: has 1 malformed messages"),
    ] {
      let book = try CommandProcess.run("book", name, "--format", "json")
      #expect(book.status == 65 && book.errors.contains(said), "\(book.errors)")
      #expect(book.output.contains(#""messages":2999,"#))
      let run = try run(name, "of-" + name.split(separator: "/").last!)
      #expect(run.status == 65 && run.errors.contains(said), "\(run.errors)")
      #expect(try SummaryJSON(run.output)["feed", "messages"] > 1_000)
    }
  }

  private static let recorded = 1_577_975_400  // 2020-01-02 14:30 UTC

  private func capture(_ datagrams: [[UInt8]], seconds: Int) -> [UInt8] {
    var bytes = BookFeed.pcap(datagrams)
    var at = 24
    while at + 16 <= bytes.count {
      let length = bytes[at + 8..<at + 12].reduce(0) { $0 << 8 | Int($1) }
      bytes.replaceSubrange(at..<at + 4, with: BookFeed.number(UInt64(seconds), 4))
      at += 16 + length
    }
    return bytes
  }

  @Test func `the day of a capture is New York's of its first packet, and contradictions are told`()
    throws
  {
    let adds = (1...40).map { BookFeed.add($0, $0 % 2 == 0 ? "B" : "S", 100, 10_000 + $0) }
    let bytes = capture([BookFeed.mold(1, adds)], seconds: Self.recorded)
    let plain = try write(bytes, "capture.pcap")
    let day = try run(plain, "a")
    #expect(try SummaryJSON(day.output).text("run", "session_date") == "2020-01-02")
    #expect(day.errors.contains("New York's day of the capture's first packet"))
    let other = try run(plain, "b", "--date", "2020-01-06")
    #expect(other.errors.contains("is 2020-01-06, and the capture's first packet is of 2020-01-02"))
    let named = try run(try write(bytes, "c-20191230.pcap"), "c", "--date", "2020-01-02")
    #expect(named.errors.contains("is 2020-01-02, and the feed file's name says 2019-12-30"))
  }

  @Test func `a capture without ITCH is refused with what it looks like, by run as by book`() throws
  {
    let iex = [1, 0, 3, 0x80] + [UInt8](repeating: 0, count: 36)
    let path = try write(BookFeed.pcap([iex]), "iex-20200102.pcap")
    for arguments in [["book", path], ["run", "--feed", path, "--data", directory.path + "/d"]] {
      let result = try CommandProcess.run(arguments)
      #expect(result.status == 65 && result.errors.contains("they look like IEX-TP"))
    }
  }

  @Test func `session, port and group choose the feed, and belong to captures`() throws {
    let path = try write(
      BookFeed.pcap([BookFeed.mold(1, [BookFeed.add(1, "B", 1, 10_000)])]), "c.pcap")
    #expect(BookRun(path, "--session", "SESSION001", "--port", "8738").code == 0)
    let group = BookRun(path, "--group", "239.0.0.2")
    #expect(group.code == 65 && group.err.contains("it has session SESSION001 to 239.0.0.1:8738"))
    #expect(BookRun(path, "--group", "nowhere").code == 64)
    #expect(BookRun(path, "--port", "0").code == 64)
    let raw = try write(BookFeed.frames([BookFeed.delete(1)]), "raw")
    #expect(BookRun(raw, "--session", "X").err.contains("is framed ITCH, which has no session X"))
    let generated = try CommandProcess.run("run", "--session", "X", "--virtual-time")
    #expect(generated.status == 64)
  }

  @Test func `a feed that cannot be written whole leaves no file`() throws {
    let full = try CommandProcess.run("exchange", "--write-feed", "/dev/full", "--messages", "10")
    #expect(full.status == 74 && full.errors.contains("No space left on device"))
    let nowhere = directory.path + "/none/feed"
    let result = try CommandProcess.run("exchange", "--write-feed", nowhere, "--messages", "10")
    #expect(result.status == 73)
    let limited = try shell(
      "ulimit -f 64; trap '' XFSZ; NEEDLETAIL exchange --write-feed \(directory.path)/f --messages 100000"
    )
    #expect(limited.status == 73 && limited.errors.contains("cannot be written"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
  }

  @Test func `a seed for an exchange that plays its own market is refused`() throws {
    let result = try CommandProcess.run(
      "run", "--exchange", "127.0.0.1:9", "--seed", "1", "--instruments", "x")
    #expect(result.status == 64 && result.errors.contains("leave '--seed' out"))
  }

  @Test func `a configuration is printed with what a file sets, and checked without a run`() throws
  {
    let path = directory.path + "/c.yaml"
    let text = """
      run: {seed: 9, speed: max}
      feeds:
        - name: nasdaq
          generator: {symbols: 3}
      venues: [{name: x, cancel_on_disconnect: true, fees: {added_per_share: -0.5}}]
      runtime:
        priority: 0
      restricted: [AAPL, "B.A"]
      accounts:
        - name: ONE
          limits: {order_quantity: 7}
      strategies: [{name: a, kind: taker, account: ONE, symbols: []}]
      """
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let printed = try CommandProcess.run("run", "--print-config", "--config", path)
    #expect(printed.status == 0 && printed.output.contains("  seed: 9\n"))
    #expect(printed.output.contains("# Symbols that may not be traded."))
    #expect(
      "\(try Configuration.parse(printed.output, file: "p"))"
        == "\(try Configuration.parse(text, file: "t"))")
    let good = try CommandProcess.run("run", "--check-config", "--config", path)
    #expect(good.status == 0 && good.output == "\(path): the configuration is good\n")
    try "run: {seed: x}\n".write(toFile: path, atomically: true, encoding: .utf8)
    for flag in ["--check-config", "--print-config"] {
      let bad = try CommandProcess.run("run", flag, "--config", path)
      #expect(bad.status == 78 && bad.errors.contains("\(path):1:13: run.seed: "))
    }
    #expect(try CommandProcess.run("run", "--check-config").status == 64)
  }

  @Test func `whole numbers beyond what a double has are text in every JSON`() {
    let exact = Int64(1) << 53 - 1
    #expect(JSONValue.integer(exact).line == "9007199254740991")
    #expect(JSONValue.integer(exact + 1).line == "\"9007199254740992\"")
    #expect(JSONValue.integer(-exact - 1).line == "\"-9007199254740992\"")
    #expect(JSONValue.count(UInt64.max).line == "\"18446744073709551615\"")
  }
}
