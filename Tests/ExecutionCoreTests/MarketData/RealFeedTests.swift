import Foundation
import Testing

@testable import ExecutionCore

/// The recorded files; disabled where ../shared/data is not there (see SharedData).
@Suite(.enabled(if: SharedData.isThere, "../shared/data is not there"))
struct RealFeedTests {
  @Test(arguments: SharedData.itchFiles)
  func `books equal the naive twin's along and at the end of a real file`(
    _ path: String
  ) throws {
    let bytes = try SharedData.bytes(path)
    let bench = try BookBench()
    var naive = NaiveBooks()
    let (records, batch) = decodeAll(bytes)
    #expect(batch.consumed == bytes.count)
    #expect(batch.malformed == 0)
    var at = 0
    for (index, record) in records.enumerated() {
      bench.apply(record)
      let length = Int(bytes[at]) * 256 + Int(bytes[at + 1])
      naive.apply(message: Array(bytes[at + 2..<at + 2 + length]))
      at += 2 + length
      if index % 2_500 == 0 { expectSame(bench.books, naive, "\(path) after \(index + 1)") }
    }
    expectSame(bench.books, naive, "\(path) at its end")
  }

  @Test(arguments: SharedData.itchFiles)
  func `a real file decoded and encoded again is the same bytes`(_ path: String) throws {
    let bytes = try SharedData.bytes(path)
    let midnight = SessionCalendar.midnight(try #require(SessionDate(parsing: "2019-12-30")))
    let (records, _) = decodeAll(bytes, midnight: midnight)
    var out = [UInt8](repeating: 0, count: bytes.count)
    var at = 0
    for record in records {
      at += withUnsafePointer(to: record) { record in
        out.withUnsafeMutableBufferPointer { buffer in
          guard let base = buffer.baseAddress else { return 0 }
          return ITCHEncoder.encodeFrame(
            record, midnight: midnight, into: base + at, capacity: buffer.count - at)
        }
      }
    }
    #expect(at == bytes.count)
    #expect(out == bytes)
  }

  @Test func `the stock directory of a real start of day names its symbols`() throws {
    let bench = try BookBench()
    let (records, _) = decodeAll(try SharedData.bytes(SharedData.itchFiles[2]))
    #expect(records[0].kind == UInt8(ascii: "S"))
    #expect(records[0].code == UInt16(UInt8(ascii: "O")))
    #expect(records.filter { $0.kind == UInt8(ascii: "R") }.count == 993)
    #expect(SymbolCode.decode(records[1].symbol) == "A")
    #expect(records[1].shares == 100)
    for record in records { bench.apply(record) }
    #expect(bench.books.counters.live == 0)
  }
}
