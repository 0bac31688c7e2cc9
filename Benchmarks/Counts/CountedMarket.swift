import BenchSupport
import CSupport
import ExecutionCore

/// Decoding and books.
extension CountedOperation {
  private static let messages = Flow.lives

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
      var record = Flow.message(kind, i)
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

  static var booking: [CountedOperation] {
    // One set of books through all four, in this order: each acts on what the one before left.
    let books = Books()
    let kinds: [(String, String, UInt8)] = [
      ("add", "an order joins its level", ITCHDecoder.Kind.add),
      ("executed", "a part of an order is executed", ITCHDecoder.Kind.executed),
      ("replace", "an order is replaced at its price", ITCHDecoder.Kind.replace),
      ("delete", "an order goes", ITCHDecoder.Kind.delete),
    ]
    return kinds.map { name, what, kind in
      CountedOperation(name: "books.\(name)", what: "MarketData.apply, gates on: \(what)") {
        let market = try books.market()
        let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: messages)
        for i in 0..<messages { (records + i).initialize(to: Flow.message(kind, i)) }
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
