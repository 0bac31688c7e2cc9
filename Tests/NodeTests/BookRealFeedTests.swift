import Foundation
import Testing

@testable import Node

/// The recorded feeds beside the repository: in ../shared/data or under NEEDLETAIL_SHARED.
enum RecordedFeeds {
  static let root: URL = {
    if let named = ProcessInfo.processInfo.environment["NEEDLETAIL_SHARED"] {
      return URL(fileURLWithPath: named).appendingPathComponent("data")
    }
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return package.deletingLastPathComponent().appendingPathComponent("shared/data")
  }()
  static var isThere: Bool {
    FileManager.default.fileExists(atPath: root.appendingPathComponent("itch").path)
  }
  static func files(_ folder: String, _ end: String) -> [String] {
    let path = root.appendingPathComponent(folder).path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { $0.hasSuffix(end) }.sorted().map { "\(folder)/\($0)" }
  }
  static let feeds = files("itch", ".itch50")
  static let captures =
    files("moldudp64/Nasdaq.Equities.TotalView.Itch.v5.0", ".pcap")
    + files("moldudp64/Nasdaq.Equities.TotalView.Itch.v5.0.20230822", ".pcap")
}

/// `needletail book` on every recorded feed. The data lies beside the repository, in ../shared/data or
/// under NEEDLETAIL_SHARED; without it this suite is disabled and says so.
@Suite(.enabled(if: RecordedFeeds.isThere, "../shared/data is not there"))
struct BookRealFeedTests {
  func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: RecordedFeeds.root.appendingPathComponent(path)))
  }
  func command(_ path: String, levels: Int) -> BookRun {
    BookRun(
      RecordedFeeds.root.appendingPathComponent(path).path, "--format", "json", "--levels",
      "\(levels)")
  }

  @Test func `every recorded feed is there`() {
    #expect(RecordedFeeds.feeds.count == 3)
    #expect(RecordedFeeds.captures.count == 23)
  }

  @Test(arguments: RecordedFeeds.feeds)
  func `a recorded feed gives the naive twin's JSON`(_ path: String) throws {
    let twin = BookTwin(itch: try bytes(path))
    for levels in [1, 5, 1_000] {
      let run = command(path, levels: levels)
      #expect(run.code == 0)
      #expect(run.out == twin.json(levels: levels))
    }
  }

  @Test(arguments: RecordedFeeds.captures)
  func `a recorded capture gives the naive twin's JSON`(_ path: String) throws {
    let run = command(path, levels: 5)
    #expect(run.code == 0)
    #expect(run.out == BookTwin(pcap: try bytes(path)).json(levels: 5))
  }

  @Test func `the jump in the sequence of a recorded capture is told`() {
    let run = command(
      "moldudp64/Nasdaq.Equities.TotalView.Itch.v5.0/Multiple.Packets.pcap", levels: 1)
    #expect(run.err.contains("2 MoldUDP64 packets, 1 gaps (4244620 messages missing)"))
  }

  @Test func `a recorded capture decodes to known fields`() {
    let run = command(
      "moldudp64/Nasdaq.Equities.TotalView.Itch.v5.0.20230822/AddOrderNoMPID.pcap", levels: 5)
    #expect(
      run.out.contains(
        #"{"symbol":"IVOO","locate":5528,"bids":[["87.3900",1600,1]],"asks":[]}"#))
    #expect(
      run.out.contains(#"{"symbol":"XLF","locate":11112,"bids":[],"asks":[["33.9500",4100,2]]}"#))
  }

  @Test func `a recorded feed cut at any byte of its first frames is the twin's`() throws {
    let whole = Array(try bytes(RecordedFeeds.feeds[1]).prefix(300))
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(
      "needletail-cut-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: path) }
    var ends: Set<Int> = [0]
    var end = 0
    while end + 2 <= whole.count {
      end += 2 + (Int(whole[end]) << 8 | Int(whole[end + 1]))
      ends.insert(end)
    }
    for size in 0...whole.count {
      try Data(whole[..<size]).write(to: path)
      let run = BookRun(path.path, "--format", "json")
      #expect(run.code == (ends.contains(size) ? 0 : 65), "\(size) bytes")
      #expect(run.out == BookTwin(itch: Array(whole[..<size])).json(levels: 5), "\(size) bytes")
    }
  }
}
