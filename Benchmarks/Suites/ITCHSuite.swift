import BenchSupport
import CFloors
import CSupport
import ExecutionCore
import Simulation

/// How fast does one core decode ITCH, and keep full-depth order-by-order books from it?
enum ITCHSuite: Suite {
  static let name = "itch"
  static let question = "how many ITCH messages a second does one core decode, and book?"

  static func run(_ context: BenchContext) throws -> [Figure] {
    let stream =
      context.quick
      ? try ITCHStream(messages: 20_000, symbols: 100, liveOrders: 4_000)
      : try ITCHStream(messages: 6_000_000, symbols: 8_000)
    pin(context.processors[context.processors.count - 1])
    var walk: [Double] = []
    var decode: [Double] = []
    var books: [Double] = []
    var perMessage: [Double] = []
    var live = 0.0
    for _ in 0..<context.runs {
      walk.append(try stream.walk())
      decode.append(try stream.decode(handicap: context.handicap))
      let run = try stream.books(handicap: context.handicap)
      books.append(run.millions)
      perMessage.append(1e-3 / run.millions)
      live = Double(run.live)
    }
    return [
      Figure("floor: walking the frames", "M msg/s", walk),
      Figure(
        "decode, every field", "M msg/s", decode, limit: .init(value: 40, atLeast: true, slack: 2)),
      Figure("decode / floor", "x", zip(decode, walk).map { $0 / $1 }),
      Figure(
        "decode and full-depth books with queues", "M msg/s", books,
        limit: .init(value: 8, atLeast: true, slack: 2)),
      Figure("books / floor", "x", zip(books, walk).map { $0 / $1 }),
      Figure(
        "market-data operations a second (books)", "op/s", books.map { $0 * 1e6 },
        limit: .init(value: 33_481, atLeast: true)),
      Figure(
        "time of one message (books)", "ms", perMessage, limit: .init(value: 0.030, atLeast: false)),
      Figure("orders live at the end", "orders", [live]),
    ]
  }
}

/// A generated session in memory, as the frames of an ITCH file.
final class ITCHStream {
  let bytes: [UInt8]
  let messages: Int
  private static let batch = 512

  init(messages wanted: Int, symbols: Int, liveOrders: Int = 300_000) throws {
    var settings = GeneratorSettings(
      seed: 20_191_230, symbols: symbols, rate: 1_000_000, messagesMax: UInt64(wanted), midnight: 0)
    // By symbol, half on each side.
    settings.backgroundOrders = liveOrders / symbols
    var generator = MarketGenerator(settings: settings)
    var out: [UInt8] = []
    out.reserveCapacity(wanted * 34)
    var made = 0
    var frame = [UInt8](repeating: 0, count: 64)
    while var record = generator.next() {
      let n = ITCHEncoder.encodeFrame(&record, midnight: 0, into: &frame, capacity: frame.count)
      guard n > 0 else { throw BenchError("the generator made a message that has no encoding") }
      out += frame[0..<n]
      made += 1
    }
    bytes = out
    messages = made
  }

  func walk() throws -> Double {
    var frames: UInt64 = 0
    let start = nanoseconds()
    let sum = floor_frame_walk(bytes, bytes.count, &frames)
    let seconds = Double(nanoseconds() - start) / 1e9
    guard frames == UInt64(messages), sum > 0 else { throw BenchError("the floor lost frames") }
    return Double(messages) / seconds / 1e6
  }

  func decode(handicap: Int64) throws -> Double {
    let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: Self.batch)
    defer { records.deallocate() }
    var decoded = 0
    var check: UInt64 = 0
    let start = nanoseconds()
    try bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      var at = 0
      while at < buffer.count {
        let batch = ITCHDecoder.decodeFrames(
          base + at, count: buffer.count - at, midnight: 0, firstSequence: UInt64(decoded + 1),
          into: records, capacity: Self.batch)
        guard batch.consumed > 0, batch.malformed == 0 else {
          throw BenchError("the decoder stopped at byte \(at)")
        }
        decoded += batch.records
        at += batch.consumed
        check ^= records[batch.records - 1].reference
        if handicap > 0 { spend(handicap * Int64(batch.records)) }
      }
    }
    let seconds = Double(nanoseconds() - start) / 1e9
    guard decoded == messages, check != .max else { throw BenchError("the decoder lost messages") }
    return Double(messages) / seconds / 1e6
  }

  func books(handicap: Int64) throws -> (millions: Double, live: UInt64) {
    let settings = MarketDataSettings(capacity: .wholeDay)
    var arena: OpaquePointer?
    let error = nt_arena_create(
      &arena, MarketData.bytes(for: settings, instruments: 0) + 4096,
      nt_arena_options(numa_node: -1, huge_pages: true, lock: false, prefault: true), nil)
    guard error == 0, let arena else { throw BenchError("no memory for the books: errno \(error)") }
    defer { nt_arena_destroy(arena) }
    guard let market = MarketData(settings: settings, symbols: [], arena: arena) else {
      throw BenchError("the arena is too small for the books")
    }
    let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: Self.batch)
    defer { records.deallocate() }
    var applied = 0
    var changes = 0
    let start = nanoseconds()
    bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      var at = 0
      while at < buffer.count {
        let batch = ITCHDecoder.decodeFrames(
          base + at, count: buffer.count - at, midnight: 0, firstSequence: UInt64(applied + 1),
          into: records, capacity: Self.batch)
        for i in 0..<batch.records {
          market.prefetch(records, at: i, count: batch.records)
          if market.apply(records + i).contains(.topChanged) { changes &+= 1 }
        }
        applied += batch.records
        at += batch.consumed
        if handicap > 0 { spend(handicap * Int64(batch.records)) }
        if batch.consumed == 0 { return }
      }
    }
    let seconds = Double(nanoseconds() - start) / 1e9
    let counters = market.books.counters
    guard applied == messages, counters.unknown == 0, counters.full == 0, changes > 0 else {
      throw BenchError("the books lost messages: \(counters)")
    }
    return (Double(messages) / seconds / 1e6, counters.live)
  }
}
