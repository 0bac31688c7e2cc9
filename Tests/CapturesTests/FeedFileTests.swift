import ExecutionCore
import Foundation
import Testing

@testable import Captures

struct FeedFileTests {
  let directory: TemporaryDirectory
  /// Deletes with increasing references; frames of 21 bytes.
  let frames: [UInt8]

  init() throws {
    directory = try TemporaryDirectory()
    frames = (0..<5_000).flatMap { index -> [UInt8] in
      let reference = (0..<8).map { UInt8(truncatingIfNeeded: index >> (8 * (7 - $0))) }
      return [0, 19, 68, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9] + reference
    }
  }

  struct Read {
    var references: [UInt64] = []
    var sequences: [UInt64] = []
    var malformed = 0
    var offset: UInt64 = 0
    var failure: FeedError?
  }

  func read(_ path: String, firstSequence: UInt64 = 0, capacity: Int = 64) throws -> Read {
    var file = try FramedITCHFile(path: path, midnight: 100, firstSequence: firstSequence)
    var records = [MarketRecord](repeating: MarketRecord(), count: capacity)
    var read = Read()
    while true {
      let count = file.read(into: &records, capacity: capacity)
      guard count > 0 else { break }
      read.references += records[..<count].map(\.reference)
      read.sequences += records[..<count].map(\.sequence)
      #expect(records[..<count].allSatisfy { $0.sessionTime == 109 })
    }
    read.malformed = file.malformed
    read.offset = file.offset
    read.failure = file.failure
    return read
  }

  @Test func `a raw file and its gz give the same records whatever they are called`() throws {
    let raw = try read(try directory.write(frames, "feed.gz"), firstSequence: 1)
    let archive = try directory.compress(frames, "feed")
    let packed = try read(try directory.write(archive, "feed.itch50"), firstSequence: 1)
    for feed in [raw, packed] {
      #expect(feed.references == (0..<5_000).map { UInt64($0) })
      #expect(feed.sequences == (1...5_000).map { UInt64($0) })
      #expect(feed.malformed == 0 && feed.failure == nil && feed.offset == UInt64(frames.count))
    }
  }

  @Test func `several gz members are one file`() throws {
    let archive = try directory.compress(frames, "feed")
    let twice = try read(try directory.write(archive + archive, "twice"))
    #expect(twice.references.count == 10_000 && twice.failure == nil)
  }

  @Test func `what is behind the last gz member is told, whatever it is`() throws {
    let archive = try directory.compress(frames, "feed")
    for junk in [[0], [0x1f], [0x1f, 0], [0, 0, 0], Array("more".utf8), [0x8b, 0x1f, 0x8b]] {
      let path = try directory.write(archive + archive + junk.map { UInt8($0) }, "junk")
      let feed = try read(path)
      #expect(feed.references.count == 10_000 && feed.malformed == 0)
      let failure = try #require(feed.failure, "\(junk)")
      #expect(failure.cause == .data && failure.offset == UInt64(2 * frames.count))
      #expect(failure.problem.contains("at its byte \(2 * archive.count) "), "\(failure)")
    }
    // A third member that ends in its magic.
    let begun = try read(try directory.write(archive + archive + [0x1f, 0x8b], "begun"))
    #expect(begun.references.count == 10_000)
    #expect(begun.failure?.problem == "the compressed file is cut")
  }

  @Test func `members that end anywhere in what is read at once are all found`() throws {
    var state: UInt64 = 7
    // Random bytes do not shrink: the members' ends fall on and around the pieces' bounds.
    let frames = (0..<3).map { _ in
      (0..<2_000).flatMap { _ -> [UInt8] in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let reference = (0..<8).map { UInt8(truncatingIfNeeded: state >> (8 * (7 - $0))) }
        return [0, 19, 68, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9] + reference
      }
    }
    let archives = try frames.map { try directory.compress($0, "member") }
    let head = archives[0]
    // A member's comment, of any length, moves all that follows.
    for ends in [-1, 0, 1, 2, 9, 10, 11] {
      let most = PackedInput.pieceMax + ends - head.count
      var first = Array(head[..<3]) + [head[3] | 0x10] + head[4..<10]
      first += [UInt8](repeating: 0x20, count: most - 1) + [0] + head[10...]
      let bytes = first + archives[1] + archives[2]
      let feed = try read(try directory.write(bytes, "members"))
      #expect(feed.failure == nil && feed.references.count == 6_000, "\(ends)")
      let junk = try read(try directory.write(first + [1], "behind"))
      #expect(junk.failure?.problem.contains("at its byte \(first.count) ") == true, "\(ends)")
    }
  }

  @Test func `a pipe is read raw or packed`() throws {
    let archive = try directory.compress(frames, "feed")
    for bytes in [frames, archive, archive + [9], [7], []] {
      let path = directory.url.path + "/pipe"
      try #require(mkfifo(path, 0o600) == 0)
      let writer = Thread {
        let pipe = open(path, O_WRONLY)
        FileHandle(fileDescriptor: pipe, closeOnDealloc: true).write(Data(bytes))
      }
      writer.start()
      let feed = try read(path)
      #expect(feed.references.count == (bytes.count > 1 ? 5_000 : 0))
      #expect(feed.malformed == (bytes == [7] ? 1 : 0))
      #expect((feed.failure != nil) == (bytes.count == archive.count + 1))
      unlink(path)
    }
  }

  @Test func `a gz that is cut gives what was read and then an error`() throws {
    let archive = try directory.compress(frames, "feed")
    for size in [12, 40, archive.count / 2, archive.count - 9, archive.count - 1] {
      let path = try directory.write(Array(archive[..<size]), "cut-\(size)")
      let feed = try read(path)
      let failure = try #require(feed.failure, "cut at \(size)")
      #expect(failure.cause == .data && failure.problem.contains("cut"))
      #expect(failure.description.hasPrefix("\(path) at offset "))
      #expect(feed.references == (0..<feed.references.count).map { UInt64($0) })
    }
    let almost = try read(try directory.write(Array(archive.dropLast(1)), "almost"))
    #expect(almost.references.count == 5_000)
  }

  @Test func `a gz that is damaged gives an error`() throws {
    var archive = try directory.compress(frames, "feed")
    archive[archive.count / 2] ^= 0xff
    archive[archive.count - 5] ^= 0xff
    let feed = try read(try directory.write(archive, "damaged"))
    #expect(feed.failure?.cause == .data)
  }

  @Test func `a cut last frame and a lone last byte count one each`() throws {
    for (rest, malformed) in [([0, 19, 68], 1), ([0], 1), ([0, 0], 1), ([], 0), ([0, 0, 0], 2)] {
      let bytes = Array(frames[..<210]) + rest.map { UInt8($0) }
      let feed = try read(try directory.write(bytes, "rest-\(rest.count)"))
      #expect(feed.references.count == 10)
      #expect(feed.malformed == malformed, "\(rest)")
      #expect(feed.offset == UInt64(bytes.count))
    }
  }

  @Test func `an empty file holds nothing and is no error`() throws {
    let feed = try read(try directory.write([], "empty"))
    #expect(feed.references.isEmpty && feed.malformed == 0 && feed.failure == nil)
  }

  @Test func `a file of malformed frames alone ends`() throws {
    let feed = try read(
      try directory.write([UInt8](repeating: 0, count: 20_001), "zeros"), capacity: 1)
    #expect(feed.references.isEmpty && feed.malformed == 10_001)
  }

  @Test func `a missing file, a directory and a capture are refused with reason and remedy`() throws
  {
    func failure(_ path: String) -> FeedError? {
      do throws(FeedError) {
        _ = try FramedITCHFile(path: path, midnight: 0)
        return nil
      } catch { return error }
    }
    let missing = try #require(failure("/nonexistent/feed"))
    #expect(missing.cause == .system(ENOENT))
    #expect(missing.description.hasPrefix("/nonexistent/feed: cannot be opened"))
    #expect(failure(directory.url.path)?.cause == .system(EISDIR))
    var writer = CaptureWriter()
    writer.pcapHeader()
    let capture = try #require(failure(try directory.write(writer.bytes, "capture.itch")))
    #expect(capture.cause == .data && capture.problem.contains("pcap"))
    do throws(FeedError) {
      _ = try PacketCapture(path: "/nonexistent/capture")
      Issue.record("a missing capture was opened")
    } catch {
      #expect(error.cause == .system(ENOENT))
    }
  }

  @Test func `kinds are told by content`() {
    #expect(FeedKind(firstBytes: [0xd4, 0xc3, 0xb2, 0xa1]) == .pcap)
    #expect(FeedKind(firstBytes: [0xa1, 0xb2, 0x3c, 0x4d]) == .pcap)
    #expect(FeedKind(firstBytes: [0x0a, 0x0d, 0x0d, 0x0a]) == .pcapng)
    #expect(FeedKind(firstBytes: [0x89, 0x4e, 0x54, 0x43]) == .recording)
    #expect(FeedKind(firstBytes: [0x89, 0x4e, 0x54, 0]) == .framedITCH)
    #expect(FeedKind(firstBytes: [0, 12, 83, 0]) == .framedITCH)
    #expect(FeedKind(firstBytes: [0, 12]) == .framedITCH)
  }

  @Test func `input can be skipped over windows and ends honestly`() throws {
    let archive = try directory.compress([UInt8](repeating: 7, count: 3_000_000), "sevens")
    var input = try FeedInput(path: try directory.write(archive, "sevens.z"))
    #expect(input.isCompressed && input.sizeIfKnown == nil)
    let skipped = input.skip(2_500_000)
    #expect(skipped && input.offset == 2_500_000)
    let left = input.window(1_000_000).count
    #expect(left == 500_000)
    let beyond = input.skip(500_001)
    #expect(!beyond)
  }
}
