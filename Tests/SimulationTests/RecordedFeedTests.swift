import Captures
import ExecutionCore
import Foundation
import Testing
import Transport

@testable import Simulation

/// Recorded feeds that are not whole, or say things twice.
@Suite struct RecordedFeedTests {
  /// A file with these bytes, removed at the end.
  private final class File {
    let path = NSTemporaryDirectory() + "recorded-\(UUID().uuidString)"
    init(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
    deinit { unlink(path) }
  }

  private static func word(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(value >> UInt32(8 * $0) & 255) }
  }

  /// The header of a little-endian pcap of raw IP packets.
  private static let header =
    word(0xA1B2_C3D4) + [2, 0, 4, 0] + word(0) + word(0) + word(65_535) + word(101)

  private static let records = (1...9).map { Flow.add(UInt64($0), "B", 100, 1_000_000) }

  /// A datagram with the adds of these references, which are their sequence numbers too.
  private static func packet(_ range: ClosedRange<Int>, session: String = "SESSION001") -> [UInt8] {
    let framed = GeneratorTests.bytes(range.map { records[$0 - 1] }, midnight: 0)
    let mold =
      Array(session.utf8) + [0, 0, 0, 0, 0, 0, 0, UInt8(range.lowerBound), 0, UInt8(range.count)]
      + framed
    let udp = mold.count + 8
    let ip = udp + 20
    var out = [0x45, 0, UInt8(ip >> 8), UInt8(ip & 255), 0, 0, 0, 0, 64, 17, 0, 0]
    out += [127, 0, 0, 1, 127, 0, 0, 1, 0x30, 0, 0x30, 1, UInt8(udp >> 8), UInt8(udp & 255), 0, 0]
    out += mold
    return word(1) + word(1) + word(UInt32(out.count)) + word(UInt32(out.count)) + out
  }

  private func references(_ feed: ExchangeFeed) -> [UInt64] {
    var references: [UInt64] = []
    while let record = feed.next() {
      if record.kind == UInt8(ascii: "A") { references.append(record.reference) }
    }
    return references
  }

  /// Reads while the file is there.
  private func read(_ bytes: [UInt8]) throws -> (
    references: [UInt64], notes: [String], failure: String?
  ) {
    let file = try File(bytes)
    let feed = try ExchangeFeed(file: file.path, instruments: nil, midnight: 0)
    let found = references(feed)
    return (found, feed.notes.filter { !$0.contains("assumed") }, feed.failure?.problem)
  }

  @Test func `a capture of two lines gives each message once`() throws {
    let twice = [Self.packet(1...2), Self.packet(1...2), Self.packet(3...3), Self.packet(3...3)]
    let found = try read(Self.header + twice.joined())
    #expect(found.references == [1, 2, 3])
    #expect(found.failure == nil)
    #expect(!found.notes.contains { $0.contains("lacks") && $0.contains("capture") })
  }

  @Test func `a late packet of a capture is history too, and what never comes is said`() throws {
    let packets = [Self.packet(1...2), Self.packet(5...6), Self.packet(3...3), Self.packet(1...2)]
    let found = try read(Self.header + packets.joined())
    #expect(found.references == [1, 2, 3, 5, 6])
    #expect(found.notes.contains("1 datagrams came out of order: they are read in order"))
    #expect(
      found.notes.last
        == "the capture lacks 1 messages in 1 gaps: the history is not whole there")
  }

  @Test func `a capture that is cut is history up to there, and says so without its path`() throws {
    let whole = Self.header + Self.packet(1...2) + Self.packet(3...4)
    let found = try read(Array(whole.dropLast(9)))
    #expect(found.references == [1, 2])
    #expect(found.failure?.contains("the capture ends inside a packet") == true)
    let note = try #require(found.notes.last)
    #expect(note.hasPrefix("the recording ends early at offset "))
    #expect(!note.contains("recorded-"))
  }

  @Test func `malformed messages of a file are skipped and said`() throws {
    let good = GeneratorTests.bytes(Array(Self.records[0...2]), midnight: 0)
    let found = try read(good + [0, 0] + [0, 1, 0x7A] + good.prefix(20))
    #expect(found.references == [1, 2, 3])
    #expect(found.notes.last == "the recording has 3 malformed messages: skipped")
    #expect(
      found.failure
        == "has 2 malformed messages, the first of them here, and ends inside its last message"
    )
  }

  @Test func `a file that is cut between its two readings is told with its place`() throws {
    let file = try File(
      GeneratorTests.bytes((1...20_000).map { Flow.add(UInt64($0), "B", 1, 100) }, midnight: 0))
    let feed = try ExchangeFeed(file: file.path, instruments: nil, midnight: 0)
    #expect(feed.failure == nil)
    #expect(feed.next() != nil)
    try #require(truncate(file.path, 38 * 10_000) == 0)
    // The pieces that were read before are history too.
    #expect(references(feed).count < 20_000)
    let failure = try #require(feed.lateFailure)
    #expect(failure.problem.contains("it was cut while it was read"))
    let other = try ExchangeFeed(file: file.path, instruments: nil, midnight: 0)
    #expect(references(other).count == 10_000 && other.lateFailure == nil)
  }
}
