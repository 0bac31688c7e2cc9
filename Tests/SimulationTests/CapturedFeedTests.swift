import Captures
import ExecutionCore
import Foundation
import Gateways
import Testing

@testable import Simulation

/// What is read of a capture of MoldUDP64, and what is believed of what its datagrams claim.
struct CapturedFeedTests {
  struct Reading {
    var references: [UInt64] = []
    var faults = RecordingFaults()
    var notes: String { faults.notes.joined(separator: "\n") }
    var account: String { faults.account.joined(separator: "\n") }
  }

  static func read(
    _ bytes: [UInt8], _ choice: CaptureChoice = CaptureChoice(), capacity: Int = 7
  ) throws -> Reading {
    let path = NSTemporaryDirectory() + "captured-\(UUID().uuidString)"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    defer { unlink(path) }
    let file = try FeedFile(path: path)
    let survey = try RecordedFeed.survey(file, choice)
    var feed = try RecordedFeed(file, survey: survey, midnight: 0)
    var records = [MarketRecord](repeating: MarketRecord(), count: capacity)
    var reading = Reading()
    // Ends with the capture.
    while true {
      let count = feed.read(into: &records, capacity: capacity)
      guard count > 0 else { break }
      reading.references += records[..<count].map(\.reference)
    }
    reading.faults = feed.faults
    return reading
  }
  private func read(_ datagrams: [[UInt8]]) throws -> Reading {
    try Self.read(CaptureBuilder.of(datagrams))
  }
  private typealias Make = CaptureBuilder
  private static let last: UInt64 = .max - 9

  @Test func `a lone datagram at the end of all numbers makes no hole, wherever it stands`() throws
  {
    let far = Make.mold(Self.last...Self.last + 2)
    let near = [Make.mold(1...3), Make.mold(4...6)]
    for datagrams in [[far] + near, [near[0], far, near[1]], near + [far]] {
      let found = try read(datagrams)
      #expect(found.references == Array(1...6))
      #expect(found.faults.missing == 0)
      #expect(found.notes.contains("1 datagrams claim sequences far from all others"))
    }
    let other = try read([
      Make.mold(1...3), Make.mold(Self.last...Self.last, session: "OTHER00000"),
    ])
    #expect(other.references == [1, 2, 3] && other.faults.missing == 0)
  }

  @Test func `a sequence and a count that go beyond all numbers are no datagram of a feed`() throws
  {
    var beyond = Make.mold(1...20)
    beyond.replaceSubrange(10..<18, with: Make.big(.max - 5, 8))
    for datagrams in [[beyond, Make.mold(1...3)], [Make.mold(1...3), beyond]] {
      let found = try read(datagrams)
      #expect(found.references == [1, 2, 3] && found.faults.missing == 0)
      #expect(found.account.contains("1 UDP but not MoldUDP64"))
    }
  }

  @Test func `random datagrams beside the feed poison nothing`() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20 {
      var datagrams: [[UInt8]] = []
      for first in stride(from: UInt64(1), to: 100, by: 4) {
        datagrams.append(Make.mold(first...first + 3))
        let size = Int.random(in: 0...1_200, using: &random)
        datagrams.append((0..<size).map { _ in UInt8.random(in: 0...255, using: &random) })
        // The header of the feed, and nothing of it behind.
        datagrams.append(Make.control(7_000, count: 1) + [UInt8](repeating: 0xEE, count: size))
      }
      let found = try read(datagrams)
      #expect(found.references == Array(1...100))
      #expect(found.faults.missing == 0)
      #expect(found.notes.contains(" UDP but not MoldUDP64"))
    }
  }

  @Test func `a lone claim is believed where little stands against it, and not where much does`()
    throws
  {
    let few = try read([Make.mold(1...3), Make.mold(4_000_000...4_000_002)])
    #expect(few.references.count == 6 && few.faults.missing == 3_999_996)
    let many = (0..<20 as Range<UInt64>).map { Make.mold($0 + 1...$0 + 1) }
    let found = try read(many + [Make.mold(4_000_000...4_000_002)])
    #expect(found.references == Array(1...20) && found.faults.missing == 0)
    let supported = try read(
      many + [Make.mold(4_000_000...4_000_001), Make.mold(4_000_002...4_000_003)])
    #expect(supported.references.count == 24 && supported.faults.missing == 3_999_979)
  }

  @Test func `datagrams are read in the order of their sequences from the first on`() throws {
    let found = try read([Make.mold(11...20), Make.mold(1...10), Make.mold(21...22)])
    #expect(found.references == Array(1...22))
    #expect(found.faults.missing == 0)
    #expect(found.notes.contains("1 datagrams came out of order"))
  }

  @Test func `any order within the window gives the same messages, read in pieces of any size`()
    throws
  {
    let datagrams = (0..<60 as Range<UInt64>).map { Make.mold($0 * 3 + 1...$0 * 3 + 3) }
    for capacity in [1, 2, 7, 4_096] {
      let found = try Self.read(CaptureBuilder.of(datagrams.shuffled()), capacity: capacity)
      #expect(found.references == Array(1...180))
      #expect(found.faults.gaps == 0)
    }
  }

  @Test func `what comes behind the window is missing, and is told`() throws {
    let count = UInt64(DatagramWindow.datagramsMax) + 10
    var datagrams = (2...count).map { Make.mold($0...$0) }
    datagrams.insert(Make.control(1, count: 0), at: 0)
    datagrams.append(Make.mold(1...1))
    let found = try Self.read(CaptureBuilder.of(datagrams), capacity: 4_096)
    #expect(found.references == Array(2...count))
    #expect(found.faults.missing == 1)
    #expect(found.notes.contains("1 messages came too late to be put in order"))
  }

  @Test func `another session is not read, and both are named with their counts`() throws {
    let found = try read([
      Make.mold(1...2, session: "OTHER00000"), Make.mold(1...5),
      Make.mold(3...3, session: "OTHER00000"),
      Make.mold(6...6),
    ])
    #expect(found.references == Array(1...6))
    #expect(found.notes.contains("session SESSION001 to 233.54.12.111:26477 (6 messages) is read"))
    #expect(found.notes.contains("not session OTHER00000 to 233.54.12.111:26477 (3 messages)"))
  }

  // CASES.md, C1.
  @Test func `a packet of another session at the sequence that is due is not applied`() throws {
    let found = try read([
      Make.mold(1_000...1_000), Make.mold(1_001...1_001, session: "SESSION00B", price: 5),
      Make.mold(1_001...1_002),
    ])
    #expect(found.references == [1_000, 1_001, 1_002] && found.faults.missing == 0)
  }

  // CASES.md, C2.
  @Test func `the end of the session moves nothing, and what comes behind it is read`() throws {
    let found = try read([
      Make.mold(1_000...1_000), Make.control(1_004), Make.mold(1_001...1_003), Make.control(1_004),
    ])
    #expect(found.references == Array(1_000...1_003) && found.faults.missing == 0)
  }

  @Test func `a lost tail is told`() throws {
    let found = try read([Make.mold(1...1), Make.control(50)])
    #expect(found.references == [1])
    #expect(found.faults.missing == 48 && found.faults.gaps == 1)
    #expect(found.notes.contains("48 messages are missing at its end"))
    let denied = try read([Make.mold(1...1), Make.control(50), Make.mold(2...3), Make.control(4)])
    #expect(denied.faults.missing == 0, "the stream went on below")
    let absurd = try read([Make.mold(1...1), Make.control(Self.last)])
    #expect(absurd.faults.missing == 0)
  }

  @Test func `what the capture cut off is no malformed message, and is told as missing`() throws {
    var builder = CaptureBuilder()
    builder.snapLength = 200
    builder.datagram(Make.mold(1...10))
    builder.datagram(Make.mold(11...12))
    builder.datagram(Make.mold(13...20))
    let found = try Self.read(builder.bytes)
    #expect(found.references == [1, 2, 3, 4, 11, 12, 13, 14, 15, 16])
    #expect(found.faults.malformed == 0 && found.faults.trouble == nil)
    #expect(found.faults.missing == 10)
    #expect(found.notes.contains("the capture has cut 2 datagrams"))
    #expect(found.notes.contains("10 of their messages are missing"))
    // The other line's copy is whole.
    builder.snapLength = .max
    builder.datagram(Make.mold(1...10), to: [233, 49, 196, 111])
    builder.datagram(Make.mold(13...20), to: [233, 49, 196, 111])
    let whole = try Self.read(builder.bytes)
    #expect(whole.references == Array(1...20) && whole.faults.missing == 0)
  }

  @Test func `two lines give each sequence once, and copies that differ are counted`() throws {
    var builder = CaptureBuilder()
    for first in stride(from: UInt64(1), to: 21, by: 5) {
      builder.datagram(Make.mold(first...first + 4))
      builder.datagram(
        Make.mold(first...first + 4, price: first == 11 ? 5 : 1_000_000), to: [233, 49, 196, 111],
        port: 26_478)
    }
    let found = try Self.read(builder.bytes)
    #expect(found.references == Array(1...20))
    #expect(found.notes.contains("20 messages are there more than once"))
    #expect(found.notes.contains("5 of these differ from their first copy"))
    #expect(found.account.contains("4 duplicate packets"))
    var choice = CaptureChoice()
    choice.dedups = false
    #expect(try Self.read(builder.bytes, choice).references.count == 40)
    choice = CaptureChoice()
    choice.port = 26_478
    #expect(try Self.read(builder.bytes, choice).account.contains(" 0 duplicate packets"))
    choice.port = nil
    choice.group = CapturedAddress(ipv4: 0xE936_0C6F)
    #expect(try Self.read(builder.bytes, choice).account.contains("4 MoldUDP64 packets"))
  }

  @Test
  func `a session can be chosen, and one that is not there is an error that names those that are`()
    throws
  {
    let bytes = CaptureBuilder.of([Make.mold(1...5), Make.mold(8...9, session: "OTHER     ")])
    var choice = CaptureChoice()
    choice.session = SessionName("OTHER")
    #expect(try Self.read(bytes, choice).references == [8, 9])
    choice.session = SessionName("NONE")
    #expect(throws: FeedError.self) { _ = try Self.read(bytes, choice) }
    choice = CaptureChoice()
    choice.port = 1
    do throws(FeedError) {
      let path = NSTemporaryDirectory() + "captured-\(UUID().uuidString)"
      _ = FileManager.default.createFile(atPath: path, contents: Data(bytes))
      defer { unlink(path) }
      let file = try FeedFile(path: path)
      let survey = try RecordedFeed.survey(file, choice)
      _ = try RecordedFeed(file, survey: survey, midnight: 0)
      Issue.record("a feed of port 1 was found")
    } catch {
      #expect(error.problem.contains("no MoldUDP64 feed of port 1; it has session "))
    }
  }

  @Test(arguments: 1...4) func `any damage gives messages or errors, and ends`(_ seed: UInt64)
    throws
  {
    var state = seed
    func next(_ below: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % below
    }
    let whole = CaptureBuilder.of(
      (0..<30 as Range<UInt64>).map { Make.mold($0 * 3 + 1...$0 * 3 + 3) } + [Make.control(91)])
    for _ in 0..<150 {
      var bytes = whole
      for _ in 0..<1 + next(6) {
        bytes[24 + next(bytes.count - 24)] = [0, 1, 0x7F, 0x80, 0xFF, UInt8(next(256))][next(6)]
      }
      guard let found = try? Self.read(bytes) else { continue }
      #expect(found.references.count <= 90)
      #expect(found.faults.missing < 1 << 20, "seed \(seed)")
    }
  }

  @Test func `a capture without a feed says what its datagrams look like`() throws {
    let iex = [1, 0, 3, 0x80] + [UInt8](repeating: 0, count: 36)
    let found = try read([iex, iex])
    #expect(found.references.isEmpty)
    #expect(found.faults.failure?.problem.contains("they look like IEX-TP") == true)
  }
}
