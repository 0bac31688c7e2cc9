import BenchSupport
import CFloors
import CSupport
import ExecutionCore
import Foundation

/// A session of ITCH frames in memory, generated once and kept under `.bench`, with what the naive
/// twin says of it.
final class ITCHStream {
  let bytes: UnsafeBufferPointer<UInt8>
  let messages: Int
  /// Where the opening, which only adds, ends.
  private let openingBytes: Int
  private let openingMessages: Int
  /// The changes of best bids and offers by the twin.
  let expected: QuoteChanges
  private static let batch = 512
  /// Goes up when the generator changes, so that no older file is taken for its work.
  private static let version = 1

  init(_ settings: ITCHStreamMaker.Settings, cached: Bool) throws {
    let name =
      "itch-v\(Self.version)-\(settings.messages)-\(settings.symbols)-\(settings.live)-\(settings.seed)"
    let file = URL(fileURLWithPath: BenchContext.cache).appendingPathComponent(name + ".itch")
    let twin = URL(fileURLWithPath: BenchContext.cache).appendingPathComponent(name + ".changes")
    if cached, let kept = Self.load(file), let said = Self.changes(twin),
      Self.frames(kept, at: .max).frames == settings.messages
    {
      bytes = kept
      expected = said
    } else {
      bytes = Self.copy(try ITCHStreamMaker.make(settings))
      expected = ITCHTwin.changes(of: bytes)
      if cached { try Self.store(bytes, file, expected, twin) }
    }
    let all = Self.frames(bytes, at: .max)
    guard all.frames == settings.messages, all.bytes == bytes.count else {
      throw BenchError("the generated ITCH stream is not whole; remove .bench and run again")
    }
    messages = all.frames
    let opening = Self.frames(bytes, at: min(settings.live, settings.messages / 2))
    openingBytes = opening.bytes
    openingMessages = opening.frames
  }

  deinit { bytes.deallocate() }

  // MARK: Keeping

  private static func copy(_ bytes: some Sequence<UInt8>) -> UnsafeBufferPointer<UInt8> {
    let all = Array(bytes)
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: all.count)
    _ = buffer.initialize(from: all)
    return UnsafeBufferPointer(buffer)
  }

  private static func load(_ file: URL) -> UnsafeBufferPointer<UInt8>? {
    guard let data = try? Data(contentsOf: file, options: .alwaysMapped), !data.isEmpty else {
      return nil
    }
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: data.count)
    _ = data.copyBytes(to: buffer)
    return UnsafeBufferPointer(buffer)
  }

  private static func changes(_ file: URL) -> QuoteChanges? {
    guard let text = try? String(contentsOf: file, encoding: .utf8) else { return nil }
    let words = text.split(whereSeparator: \.isWhitespace).compactMap { UInt64($0) }
    return words.count == 2 ? QuoteChanges(count: words[0], hash: words[1]) : nil
  }

  /// Each file appears whole or not at all.
  private static func store(
    _ bytes: UnsafeBufferPointer<UInt8>, _ file: URL, _ changes: QuoteChanges, _ twin: URL
  ) throws {
    do {
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(buffer: bytes).write(to: file, options: .atomic)
      try Data("\(changes.count) \(changes.hash)\n".utf8).write(to: twin, options: .atomic)
      // Its way to the disk is not to go beside what is measured next.
      let kept = try FileHandle(forWritingTo: file)
      try kept.synchronize()
      try kept.close()
    } catch {
      throw BenchError("the ITCH stream cannot be kept in .bench: \(error.localizedDescription)")
    }
  }

  /// Frames and their bytes up to a number of them.
  private static func frames(
    _ bytes: UnsafeBufferPointer<UInt8>, at most: Int
  ) -> (frames: Int, bytes: Int) {
    var at = 0
    var frames = 0
    while frames < most, at + 2 <= bytes.count {
      let end = at + 2 + (Int(bytes[at]) << 8 | Int(bytes[at + 1]))
      guard end <= bytes.count else { break }
      at = end
      frames += 1
    }
    return (frames, at)
  }

  // MARK: Measuring, millions of messages a second

  func byteSum() throws -> Double {
    let start = nanoseconds()
    let sum = floor_byte_sum(bytes.baseAddress, bytes.count)
    let seconds = Double(nanoseconds() - start) / 1e9
    guard sum > 0 else { throw BenchError("the byte sum is 0") }
    return Double(messages) / seconds / 1e6
  }

  func walk() throws -> Double { try walk(floor_frame_walk) }
  /// The same, looking as far ahead as the decoder.
  func farWalk() throws -> Double { try walk(floor_far_walk) }

  private func walk(
    _ floor: @convention(c) (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt64>?) -> UInt64
  ) throws -> Double {
    var frames: UInt64 = 0
    let start = nanoseconds()
    let sum = floor(bytes.baseAddress, bytes.count, &frames)
    let seconds = Double(nanoseconds() - start) / 1e9
    guard frames == UInt64(messages), sum > 0 else { throw BenchError("the floor lost frames") }
    return Double(messages) / seconds / 1e6
  }

  func decode(handicap: Int64) throws -> Double {
    let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: Self.batch)
    defer { records.deallocate() }
    guard let base = bytes.baseAddress else { throw BenchError("no stream") }
    var decoded = 0
    var check: UInt64 = 0
    let start = nanoseconds()
    var at = 0
    while at < bytes.count {
      let batch = ITCHDecoder.decodeFrames(
        base + at, count: bytes.count - at, midnight: 0, firstSequence: UInt64(decoded + 1),
        into: records, capacity: Self.batch)
      guard batch.consumed > 0, batch.malformed == 0 else {
        throw BenchError("the decoder stopped at byte \(at)")
      }
      decoded += batch.records
      at += batch.consumed
      check ^= records[batch.records - 1].reference
      if handicap > 0 { spend(handicap * Int64(batch.records)) }
    }
    let seconds = Double(nanoseconds() - start) / 1e9
    guard decoded == messages, check != .max else { throw BenchError("the decoder lost messages") }
    return Double(messages) / seconds / 1e6
  }

  /// Decodes and books the whole stream through ``ITCHMarket`` with its gates, and emits every change
  /// of a best bid or offer; refuses when these are not the twin's.
  ///
  /// - Returns: over the whole stream, and over what comes behind the opening.
  func books(queues: Bool, handicap: Int64) throws -> (all: Double, flow: Double) {
    let made = try BenchBooks.wholeDay(queues: queues)
    defer { withExtendedLifetime(made) {} }
    let market = made.market
    let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: Self.batch)
    defer { records.deallocate() }
    var changes = QuoteChanges()
    let start = nanoseconds()
    let opened = play(
      market, records, from: 0, to: openingBytes, sequence: 1, handicap, &changes)
    let middle = nanoseconds()
    let rest = play(
      market, records, from: openingBytes, to: bytes.count, sequence: UInt64(opened + 1), handicap,
      &changes)
    let end = nanoseconds()
    let counters = market.books.counters
    guard opened + rest == messages, counters.unknown == 0, counters.full == 0 else {
      throw BenchError("the books lost messages: \(counters)")
    }
    guard changes == expected else {
      throw BenchError("the books' changes are not the twin's: \(changes), not \(expected)")
    }
    return (
      Double(messages) / Double(end - start) * 1e3, Double(rest) / Double(end - middle) * 1e3
    )
  }

  private func play(
    _ market: ITCHMarket, _ records: UnsafeMutablePointer<MarketRecord>, from: Int, to: Int,
    sequence: UInt64, _ handicap: Int64, _ changes: inout QuoteChanges
  ) -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    let books = market.books
    var applied = 0
    var at = from
    var found = changes
    while at < to {
      let batch = ITCHDecoder.decodeFrames(
        base + at, count: to - at, midnight: 0, firstSequence: sequence + UInt64(applied),
        into: records, capacity: Self.batch)
      for i in 0..<batch.records {
        guard market.apply(records, at: i, count: batch.records).contains(.topChanged) else {
          continue
        }
        let locate = records[i].locate
        let top = books.top(locate)
        found.add(
          locate: locate, bid: top.bid, ask: top.ask, bidShares: top.bidShares,
          askShares: top.askShares)
      }
      applied += batch.records
      at += batch.consumed
      if handicap > 0 { spend(handicap * Int64(batch.records)) }
      if batch.consumed == 0 { break }
    }
    changes = found
    return applied
  }
}
