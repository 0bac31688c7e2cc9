import ExecutionCore
import Foundation
import Testing

@testable import Captures

/// Writes Databento files byte by byte.
struct DatabentoFile {
  var version: UInt8 = 1
  var bytes: [UInt8] = []

  init(version: UInt8 = 1, symbols: [(String, UInt32)] = [("ESM4", 7)]) {
    let length = version == 1 ? 22 : 71
    var head = ByteSink()
    head.bytes += padded("GLBX.MDP3", 16)
    head.word(UInt16(0))
    for _ in 0..<(version == 1 ? 4 : 3) { head.word(UInt64.max) }
    head.bytes += [1, 0, 0]
    if version > 1 { head.word(UInt16(length)) }
    head.bytes += [UInt8](repeating: 0, count: 100 - head.bytes.count)
    for _ in 0..<4 { head.word(UInt32(0)) }
    head.word(UInt32(symbols.count))
    for (symbol, number) in symbols {
      head.bytes += padded(symbol, length)
      head.word(UInt32(1))
      head.word(UInt32(20_240_508))
      head.word(UInt32(20_240_509))
      head.bytes += padded("\(number)", length)
    }
    var file = ByteSink(bytes: Array("DBN".utf8) + [version])
    file.word(UInt32(head.bytes.count))
    bytes = file.bytes + head.bytes
  }

  private func padded(_ text: String, _ count: Int) -> [UInt8] {
    Array(text.utf8) + [UInt8](repeating: 0, count: count - text.utf8.count)
  }

  mutating func order(
    _ action: String, _ side: String, _ order: UInt64 = 0, _ price: Int64 = 0, _ size: UInt32 = 0,
    flags: UInt8 = 0x80, instrument: UInt32 = 7
  ) {
    var sink = ByteSink(bytes: [14, 0xa0, 1, 0])
    sink.word(instrument)
    sink.word(UInt64(1_000))
    sink.word(order)
    sink.word(price)
    sink.word(size)
    sink.bytes += [flags, 0] + Array(action.utf8) + Array(side.utf8)
    sink.word(UInt64(1_005))
    sink.word(UInt32(0))
    sink.word(UInt32(9))
    bytes += sink.bytes
  }

  mutating func quote(
    _ action: String, bid: Int64, _ bidSize: UInt32, ask: Int64, _ askSize: UInt32
  ) {
    var sink = ByteSink(bytes: [20, 1, 1, 0])
    sink.word(UInt32(7))
    sink.word(UInt64(1_000))
    sink.word(Int64(55))
    sink.word(UInt32(3))
    sink.bytes += Array(action.utf8) + Array("B".utf8) + [0x80, 0]
    sink.word(UInt64(1_005))
    sink.word(UInt32(0))
    sink.word(UInt32(9))
    sink.word(bid)
    sink.word(ask)
    sink.word(bidSize)
    sink.word(askSize)
    sink.word(UInt64(0))
    bytes += sink.bytes
  }
}

struct DatabentoImportTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func run(_ bytes: [UInt8]) throws -> (report: ImportReport, back: ReadBack) {
    let path = directory.url.appendingPathComponent("out.ntc").path
    var options = DatabentoImport.Options()
    options.replaces = true
    let report = try DatabentoImport.run(
      .bytes(bytes, name: "file.dbn"), to: path, options: options)
    let back = try ReadBack(path: path)
    #expect(back.statedHash == report.hash && back.failure == nil)
    return (report, back)
  }
  private func kinds(_ back: ReadBack) -> String {
    String(decoding: back.records.map(\.record.kind), as: UTF8.self)
  }

  @Test(arguments: [1, 2]) func `orders become records and trades and fills change no book`(
    version: Int
  ) throws {
    var file = DatabentoFile(version: UInt8(version))
    file.order("R", "N", flags: 0x20)
    file.order("A", "B", 1, 100, 10, flags: 0xa0)
    file.order("A", "A", 2, 105, 4)
    file.order("M", "A", 2, 104, 5)
    // A fill of 3: the trade, the fill, and what the order is then.
    file.order("T", "B", 0, 104, 3, flags: 0)
    file.order("F", "A", 2, 104, 3, flags: 0)
    file.order("C", "A", 2, 104, 3)
    file.order("C", "A", 99, 104, 1)
    file.order("N", "N")
    let (report, back) = try run(file.bytes)
    #expect(kinds(back) == "CAAMTXX")
    #expect(report.messages == 9 && report.unknownOrders == 1 && report.malformed == 0)
    #expect(report.others.contains { $0.name.hasPrefix("fills") && $0.count == 1 })
    let records = back.records.map(\.record)
    #expect(records[0].flags == .snapshot && records[1].flags == [.snapshot, .last])
    #expect(records[2].price == 105 && records[2].side == FeedRecord.sell)
    #expect(records[4].side == FeedRecord.buy && records[4].flags == [])
    #expect(records[5].quantity == 3 && records[5].reference == 2 && records[5].flags == .last)
    #expect(back.records[1].receiveTime == 1_005 && records[1].sessionTime == 1_000)
    #expect(back.header.instruments[0].symbol == "ESM4")
    #expect(back.header.instruments[0].priceExponent == -9)
    #expect(back.header.instruments[0].contents == [.orders, .trades])
  }

  @Test func `an event that ends with a fill ends with the record before it`() throws {
    var file = DatabentoFile()
    file.order("T", "B", 0, 104, 3, flags: 0)
    file.order("F", "A", 2, 104, 3)
    let (_, back) = try run(file.bytes)
    #expect(kinds(back) == "GT" && back.records[1].record.flags == .last)
  }

  @Test func `a book begins with a clear or a gap and one that may be bad has a gap`() throws {
    var snapshot = DatabentoFile()
    snapshot.order("A", "B", 1, 100, 10, flags: 0xa0)
    #expect(kinds(try run(snapshot.bytes).back) == "CA")
    var open = DatabentoFile()
    open.order("A", "B", 1, 100, 10)
    open.order("A", "B", 2, 100, 10, flags: 0x84)
    let (report, back) = try run(open.bytes)
    #expect(kinds(back) == "GAGA" && report.gaps == 1)
  }

  @Test func `quotes are told with the trades before them`() throws {
    var file = DatabentoFile(symbols: [("ESM4", 7), ("ESU4", 8)])
    file.quote("A", bid: 50, 1, ask: .max, 0)
    file.quote("T", bid: 50, 1, ask: 60, 2)
    let (_, back) = try run(file.bytes)
    #expect(kinds(back) == "QTQ" && back.header.instruments.map(\.symbol) == ["ESM4", "ESU4"])
    let records = back.records.map(\.record)
    #expect(records[0].price == 50 && records[0].askPrice == 0 && records[0].askQuantity == 0)
    #expect(records[1].price == 55 && records[1].quantity == 3 && records[1].flags == [])
    #expect(records[2].askPrice == 60 && records[2].askQuantity == 2 && records[2].flags == .last)
  }

  @Test func `a file that is cut or damaged anywhere gives a part and says so`() throws {
    var file = DatabentoFile(version: 2)
    for order in 1...6 { file.order("A", "B", UInt64(order), 100, 10) }
    let whole = try run(file.bytes).back.records
    for length in 0..<file.bytes.count {
      do {
        let (report, back) = try run(Array(file.bytes[..<length]))
        #expect(back.records == Array(whole[..<back.records.count]), "cut at \(length)")
        #expect(report.failure != nil || length == file.bytes.count - 56 * (6 - report.messages))
      } catch let error as ImportFailure {
        guard case .source = error else {
          Issue.record("\(error)")
          continue
        }
      }
    }
    var numbers = SeededNumbers(state: 41)
    for _ in 0..<300 {
      var bytes = file.bytes
      for _ in 0...numbers.below(4) {
        bytes[numbers.below(bytes.count)] = UInt8(numbers.below(256))
      }
      _ = try? run(bytes)
    }
  }

  @Test func `zstd is undone in any pieces and a frame that is cut or damaged is told`() throws {
    var file = DatabentoFile()
    var numbers = SeededNumbers(state: 5)
    for order in 1...9_000 {
      file.order("A", "B", UInt64(order), numbers.extreme(), UInt32(numbers.below(1_000)))
    }
    let packer = try #require(BlockPacker())
    let half = file.bytes.count / 2 + 3
    var frames: [UInt8] = []
    for part in [Array(file.bytes[..<half]), Array(file.bytes[half...])] {
      var out = [UInt8](repeating: 0, count: part.count + 10_000)
      let count = try #require(packer.pack(part, part.count, into: &out, at: 0))
      frames += out[..<count]
    }
    let (report, back) = try run(frames)
    #expect(report.failure == nil && report.messages == 9_000)
    #expect(try run(file.bytes).report.hash == report.hash)
    let cut = try run(Array(frames.dropLast(100)))
    #expect(cut.report.failure?.problem == "the compressed file is cut")
    #expect(cut.back.records == Array(back.records[..<cut.back.records.count]))
    var damaged = frames
    damaged[frames.count / 2] ^= 0xff
    #expect((try? run(damaged))?.report.failure != nil)
  }
}
