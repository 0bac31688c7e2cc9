import BenchSupport
import CSupport
import ExecutionCore

/// Decoding and books.
extension CountedOperation {
  private static let messages = Flow.lives

  /// One figure for all kinds: they take the same way, without a branch by the kind, and each of these
  /// alone costs the same number of instructions.
  static var decoding: [CountedOperation] {
    [
      .init(
        name: "decode",
        what: "one framed message, every field: adds, executions, deletes, replaces",
        times: 40 * 512, prepare: decode)
    ]
  }

  private static func decode() throws -> (Int, () -> Void) {
    let kinds = [
      ITCHDecoder.Kind.add, ITCHDecoder.Kind.executed, ITCHDecoder.Kind.delete,
      ITCHDecoder.Kind.replace,
    ]
    var bytes: [UInt8] = []
    var frame = [UInt8](repeating: 0, count: 64)
    for i in 0..<512 {
      var record = Flow.message(kinds[i % kinds.count], i)
      let n = ITCHEncoder.encodeFrame(&record, midnight: 0, into: &frame, capacity: frame.count)
      guard n > 0 else { throw BenchError("no frame of kind \(record.kind)") }
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
    var made: BenchBooks?
    func books() throws -> BenchBooks {
      let now = try made ?? BenchBooks(MarketDataSettings(capacity: .small))
      made = now
      return now
    }
    let kinds: [(String, String, UInt8)] = [
      ("add", "an order joins its level", ITCHDecoder.Kind.add),
      ("executed", "a part of an order is executed", ITCHDecoder.Kind.executed),
      ("replace", "an order is replaced at its price", ITCHDecoder.Kind.replace),
      ("delete", "an order goes", ITCHDecoder.Kind.delete),
    ]
    return kinds.map { name, what, kind in
      CountedOperation(
        name: "books.\(name)", what: "one message prefetched and applied, gates on: \(what)",
        times: messages
      ) {
        let books = try books()
        let market = books.market
        let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: messages)
        for i in 0..<messages { (records + i).initialize(to: Flow.message(kind, i)) }
        return (
          messages,
          {
            for i in 0..<messages {
              _ = market.apply(records, at: i, count: messages)
            }
            withExtendedLifetime(books) {}
          }
        )
      }
    }
  }
}
