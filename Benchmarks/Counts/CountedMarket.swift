import BenchSupport
import CSupport
import ExecutionCore

/// Decoding and books.
extension CountedOperation {
  private static let messages = 20_000
  private static let symbols = 64

  static var decoding: [CountedOperation] {
    let kinds: [(String, UInt8)] = [
      ("add", ITCHDecoder.Kind.add), ("executed", ITCHDecoder.Kind.executed),
      ("delete", ITCHDecoder.Kind.delete), ("replace", ITCHDecoder.Kind.replace),
    ]
    return kinds.map { name, kind in
      CountedOperation(name: "decode.\(name)", what: "one framed message, every field") {
        try decode(kind)
      }
    }
  }

  private static func decode(_ kind: UInt8) throws -> (Int, () -> Void) {
    var bytes: [UInt8] = []
    var frame = [UInt8](repeating: 0, count: 64)
    for i in 0..<512 {
      var record = market(kind, i)
      let n = ITCHEncoder.encodeFrame(&record, midnight: 0, into: &frame, capacity: frame.count)
      guard n > 0 else { throw BenchError("no frame of kind \(kind)") }
      bytes += frame[..<n]
    }
    let input = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
    input.initialize(from: bytes, count: bytes.count)
    let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: 512)
    records.initialize(repeating: MarketRecord(), count: 512)
    let count = bytes.count
    return (
      512 * 40,
      {
        for _ in 0..<40 {
          _ = ITCHDecoder.decodeFrames(
            input, count: count, midnight: 0, firstSequence: 1, into: records, capacity: 512)
        }
      }
    )
  }

  /// The i-th message of a kind; messages of one index are about one order.
  private static func market(_ kind: UInt8, _ i: Int) -> MarketRecord {
    var record = MarketRecord()
    let symbol = i % symbols
    let isBid = i / symbols % 2 == 0
    record.sessionTime = 36_000_000_000_000 + Int64(i) * 1_000
    record.kind = kind
    record.locate = UInt16(symbol + 1)
    record.symbol = BenchMarket.symbol(symbol)
    record.side = UInt8(ascii: isBid ? "B" : "S")
    // Within twenty cents of the touch on either side.
    let away = UInt32(i / (2 * symbols) % 20) * 100
    record.price = isBid ? 1_000_000 - away : 1_000_100 + away
    record.shares = 100
    record.reference = UInt64(1 + i)
    if kind == ITCHDecoder.Kind.replace {
      record.second = UInt64(1 + i + messages)
      record.side = 0
      record.symbol = 0
    }
    if kind == ITCHDecoder.Kind.executed || kind == ITCHDecoder.Kind.delete {
      record.side = 0
      record.symbol = 0
      record.price = 0
      record.shares = kind == ITCHDecoder.Kind.executed ? 40 : 0
    }
    return record
  }

  static var booking: [CountedOperation] {
    // One set of books through all four, in this order: each acts on what the one before left.
    let books = Books()
    let kinds: [(String, String, UInt8, Int)] = [
      ("add", "an order joins its level", ITCHDecoder.Kind.add, 0),
      ("executed", "a part of an order is executed", ITCHDecoder.Kind.executed, 0),
      ("replace", "an order is replaced at its price", ITCHDecoder.Kind.replace, 0),
      ("delete", "an order goes", ITCHDecoder.Kind.delete, messages),
    ]
    return kinds.map { name, what, kind, shift in
      CountedOperation(name: "books.\(name)", what: "MarketData.apply, gates on: \(what)") {
        let market = try books.market()
        let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: messages)
        for i in 0..<messages {
          var record = Self.market(kind, i)
          record.reference += UInt64(shift)
          (records + i).initialize(to: record)
        }
        return (
          messages,
          {
            for i in 0..<messages {
              market.prefetch(records, at: i, count: messages)
              _ = market.apply(records + i)
            }
          }
        )
      }
    }
  }

  private final class Books {
    private var made: MarketData?

    func market() throws -> MarketData {
      if let made { return made }
      let settings = MarketDataSettings(capacity: .small)
      var arena: OpaquePointer?
      let error = nt_arena_create(
        &arena, MarketData.bytes(for: settings, instruments: 0) + 4096,
        nt_arena_options(numa_node: -1, huge_pages: false, lock: false, prefault: true), nil)
      guard error == 0, let arena,
        let market = MarketData(settings: settings, symbols: [], arena: arena)
      else { throw BenchError("no memory for the books: errno \(error)") }
      made = market
      return market
    }
  }
}
