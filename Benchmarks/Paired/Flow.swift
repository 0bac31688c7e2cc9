import BenchSupport
import ExecutionCore

/// A fixed flow that can be played round and round: every order is added, executed in part, replaced and
/// deleted, each some hundred messages after the last; the end leaves nothing behind.
final class Flow {
  static let scratchCount = 512
  static let lives = 20_000
  private static let lag = 200
  private static let symbols = 64

  let records: UnsafeMutablePointer<MarketRecord>
  let count: Int
  let scratch = UnsafeMutablePointer<MarketRecord>.allocate(capacity: scratchCount)

  init() {
    let kinds = [
      ITCHDecoder.Kind.add, ITCHDecoder.Kind.executed, ITCHDecoder.Kind.replace,
      ITCHDecoder.Kind.delete,
    ]
    var made: [MarketRecord] = []
    made.reserveCapacity(Self.lives * 4)
    for i in 0..<Self.lives + 3 * Self.lag {
      for (step, kind) in kinds.enumerated() {
        let life = i - step * Self.lag
        if (0..<Self.lives).contains(life) { made.append(Self.message(kind, life)) }
      }
    }
    count = made.count
    records = .allocate(capacity: count)
    records.initialize(from: made, count: count)
    scratch.initialize(repeating: MarketRecord(), count: Self.scratchCount)
  }

  deinit {
    records.deallocate()
    scratch.deallocate()
  }

  /// The i-th life's message of a kind.
  static func message(_ kind: UInt8, _ i: Int) -> MarketRecord {
    var record = MarketRecord()
    let symbol = i % symbols
    let isBid = i / symbols % 2 == 0
    // Within twenty cents of the touch.
    let away = UInt32(i / (2 * symbols) % 20) * 100
    let price: UInt32 = isBid ? 1_000_000 - away : 1_000_100 + away
    record.sessionTime = 36_000_000_000_000 + Int64(i) * 1_000
    record.kind = kind
    record.locate = UInt16(symbol + 1)
    record.reference = UInt64(1 + i)
    switch kind {
    case ITCHDecoder.Kind.add:
      record.symbol = BenchMarket.symbol(symbol)
      record.side = UInt8(ascii: isBid ? "B" : "S")
      record.price = price
      record.shares = 100
    case ITCHDecoder.Kind.executed:
      record.shares = 40
    case ITCHDecoder.Kind.replace:
      record.second = UInt64(1 + i + lives)
      record.price = price
      record.shares = 100
    default:
      // Deleted under the number that the replace gave it.
      record.reference = UInt64(1 + i + lives)
    }
    return record
  }

  /// The flow as frames of a file; never freed, for the process measures and ends.
  func frames() throws -> UnsafeBufferPointer<UInt8> {
    var bytes: [UInt8] = []
    var frame = [UInt8](repeating: 0, count: 64)
    for i in 0..<count {
      var record = records[i]
      let n = ITCHEncoder.encodeFrame(&record, midnight: 0, into: &frame, capacity: frame.count)
      guard n > 0 else { throw BenchError("a message of the flow has no encoding") }
      bytes += frame[..<n]
    }
    let kept = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
    _ = kept.initialize(from: bytes)
    return UnsafeBufferPointer(kept)
  }
}
