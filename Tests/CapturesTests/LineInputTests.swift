import Foundation
import Testing

@testable import Captures

struct LineInputTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func lines(_ input: consuming FeedInput) -> (
    lines: [[UInt8]], long: [Int], offset: UInt64
  ) {
    var input = LineInput(input)
    var found: [[UInt8]] = []
    var long: [Int] = []
    while let line = input.next() {
      found.append(Array(line))
      if input.isTooLong { long.append(input.number) }
    }
    return (found, long, input.offset)
  }

  @Test func `lines of any length are the same raw, packed and in memory`() throws {
    var numbers = SeededNumbers(state: 71)
    var bytes: [UInt8] = []
    var expected: [[UInt8]] = []
    // Together more than the buffers hold, so that lines lie across each of their bounds.
    while bytes.count < 5 << 20 {
      let length = [0, 1, 200, 16_383, 16_384, 40_000, 300_000][numbers.below(7)]
      let line = [UInt8](repeating: UInt8(97 + numbers.below(26)), count: length)
      expected.append(line)
      bytes += line + (numbers.below(2) == 0 ? [13, 10] : [10])
    }
    let last = Array("the last".utf8)
    for end in [[], last] {
      let whole = bytes + end
      let wanted = expected + (end.isEmpty ? [] : [end])
      let raw = try directory.write(whole, "raw")
      let packed = try directory.write(try directory.compress(whole, "pack"), "packed")
      let inputs = [
        lines(try FeedInput(path: raw)), lines(try FeedInput(path: packed)),
        lines(FeedInput(bytes: whole, path: "memory")),
      ]
      for input in inputs {
        #expect(input.lines == wanted && input.long.isEmpty)
        #expect(input.offset == UInt64(whole.count))
      }
    }
  }

  @Test func `a line that is longer than any is given in pieces that are marked`() throws {
    let long = [UInt8](repeating: 97, count: 5 << 19)
    let bytes = [98, 10] + long + [10, 99]
    let packed = try directory.write(try directory.compress(bytes, "pack"), "packed")
    for read in [
      lines(FeedInput(bytes: bytes, path: "memory")), lines(try FeedInput(path: packed)),
    ] {
      #expect(read.lines.map(\.count) == [1, 1 << 20, 1 << 20, 1 << 19, 1])
      #expect(read.long == [2, 3] && read.offset == UInt64(bytes.count))
    }
  }
}
