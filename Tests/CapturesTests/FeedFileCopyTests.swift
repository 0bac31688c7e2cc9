import ExecutionCore
import Foundation
import Testing

@testable import Captures

/// Feeds that can be read only once, or that change while they are read.
struct FeedFileCopyTests {
  let directory: TemporaryDirectory
  /// Deletes of 21 bytes, and now and then an add of 38.
  let frames: [UInt8]

  init() throws {
    directory = try TemporaryDirectory()
    frames = (0..<20_000).flatMap { index -> [UInt8] in
      let reference = (0..<8).map { UInt8(truncatingIfNeeded: index >> (8 * (7 - $0))) }
      if index % 7 == 0 {
        let stock = Array("AAPL    ".utf8)
        return [0, 36, 65, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9] + reference + [66, 0, 0, 0, 1] + stock
          + [0, 0, 0, 1]
      }
      return [0, 19, 68, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9] + reference
    }
  }

  private func references(_ input: consuming FeedInput) -> ([UInt64], FeedError?) {
    var file = FramedITCHFile(input: input, midnight: 0)
    var records = [MarketRecord](repeating: MarketRecord(), count: 1_000)
    var found: [UInt64] = []
    // Ends with the file.
    while true {
      let count = file.read(into: &records, capacity: records.count)
      guard count > 0 else { break }
      found += records[..<count].map(\.reference)
    }
    return (found, file.failure ?? file.damage)
  }

  // CASES.md, C3.
  @Test(arguments: [1, 2, 3, 20, 21, 22, 4_095, 192 << 10])
  func `what is read does not depend on how much is read at once`(_ pieceMax: Int) throws {
    let path = try directory.write(frames, "feed")
    let (found, failure) = references(try FeedInput(path: path, pieceMax: pieceMax))
    #expect(found == Array(0..<20_000) && failure == nil)
    let packed = try directory.write(try directory.compress(frames, "other"), "feed.gz")
    let (same, trouble) = references(try FeedInput(path: packed, pieceMax: pieceMax))
    #expect(same == found && trouble == nil)
  }

  @Test func `a pipe is copied once, and can be read as often as is wanted`() throws {
    let path = directory.url.path + "/pipe"
    try #require(mkfifo(path, 0o600) == 0)
    let bytes = frames
    let writer = Thread {
      let pipe = open(path, O_WRONLY)
      FileHandle(fileDescriptor: pipe, closeOnDealloc: true).write(Data(bytes))
    }
    writer.start()
    let file = try FeedFile(path: path)
    #expect(file.isCopied && !file.isFoundByPath)
    for _ in 0..<2 {
      let (found, failure) = references(try file.input())
      #expect(found.count == 20_000 && failure == nil)
    }
    let (again, _) = references(try FeedInput(path: file.inheritedPath))
    #expect(again.count == 20_000)
  }

  @Test func `a pipe that gives more than may be copied is refused, and says what to do`() throws {
    do throws(FeedError) {
      _ = try FeedFile(path: "/dev/zero", copiedMax: 1 << 20)
      Issue.record("all of /dev/zero was copied")
    } catch {
      #expect(error.problem == "gives more than 1 MiB, and can be read only once")
      #expect(error.remedy.contains("write it to a file"))
    }
  }

  @Test func `a regular file is the one that was opened, whatever takes its name`() throws {
    let path = try directory.write(frames, "feed")
    let file = try FeedFile(path: path)
    #expect(!file.isCopied && file.isFoundByPath)
    unlink(path)
    _ = try directory.write([1, 2, 3], "feed")
    let (found, failure) = references(try file.input())
    #expect(found.count == 20_000 && failure == nil)
  }

  @Test func `a file that is cut while it is read gives what there is, and then the place`() throws
  {
    let path = try directory.write(frames, "feed")
    var file = FramedITCHFile(input: try FeedInput(path: path, pieceMax: 4_096), midnight: 0)
    var records = [MarketRecord](repeating: MarketRecord(), count: 10)
    let first = file.read(into: &records, capacity: 10)
    #expect(first == 10)
    try #require(truncate(path, 100_000) == 0)
    // Ends with the file.
    while file.read(into: &records, capacity: 10) > 0 {}
    let ended = file.failure
    let failure = try #require(ended)
    #expect(failure.cause == .data && failure.offset == 100_000)
    #expect(failure.problem.contains("and had \(frames.count) bytes when it was opened"))
  }

  @Test func `damage is told with its first place`() throws {
    var bytes = frames
    // The type of the second message.
    bytes[38 + 2] = 0x7A
    let (found, damage) = references(FeedInput(bytes: Array(bytes.dropLast(3)), path: "feed"))
    #expect(found.count == 19_998)
    #expect(damage?.offset == 38)
    #expect(
      damage?.problem
        == "has 1 malformed messages, the first of them here, and ends inside its last message")
  }

  @Test func `addresses are read and written`() {
    for text in ["233.54.12.111", "0.0.0.0", "255.255.255.255", "ff15::1", "2001:db8::ff00:42"] {
      #expect(CapturedAddress(parsing: text)?.description == text)
    }
    for text in ["", "1.2.3", "256.1.1.1", "host", "::g"] {
      #expect(CapturedAddress(parsing: text) == nil)
    }
  }
}
