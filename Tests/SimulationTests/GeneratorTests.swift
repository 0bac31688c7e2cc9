import ExecutionCore
import Foundation
import Simulation
import Testing

@Suite struct GeneratorTests {
  static func settings(
    _ style: MarketStyle, seed: UInt64, symbols: Int = 10, messages: UInt64 = 8_000
  ) -> GeneratorSettings {
    GeneratorSettings(
      seed: seed, style: style, symbols: symbols, rate: 2_000, messagesMax: messages,
      midnight: 1_577_682_000_000_000_000)
  }

  static func all(_ settings: GeneratorSettings) -> [MarketRecord] {
    var generator = MarketGenerator(settings: settings)
    var records: [MarketRecord] = []
    while let record = generator.next() { records.append(record) }
    return records
  }

  /// Bytes on the wire, so that every field counts.
  static func bytes(_ records: [MarketRecord], midnight: Int64) -> [UInt8] {
    var out: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64)
    for var record in records {
      let length = buffer.withUnsafeMutableBufferPointer {
        ITCHEncoder.encodeFrame(
          &record, midnight: midnight, into: $0.baseAddress!, capacity: $0.count)
      }
      #expect(length > 0)
      out += buffer[..<length]
    }
    return out
  }

  @Test(arguments: MarketStyle.allCases)
  func `the same settings give the same bytes and another seed gives others`(
    _ style: MarketStyle
  ) {
    let settings = Self.settings(style, seed: 42, messages: 3_000)
    let once = Self.bytes(Self.all(settings), midnight: settings.midnight)
    #expect(once == Self.bytes(Self.all(settings), midnight: settings.midnight))
    let other = Self.settings(style, seed: 43, messages: 3_000)
    #expect(once != Self.bytes(Self.all(other), midnight: settings.midnight))
  }

  @Test(arguments: MarketStyle.allCases, [UInt64(1), 9])
  func `a naive book sees no unknown order and no lock or cross`(
    _ style: MarketStyle, _ seed: UInt64
  ) {
    var subscriber = Subscriber()
    var best: [UInt16: (bid: UInt32, ask: UInt32)] = [:]
    var core = ExchangeCore()
    var last = Int64.min
    for record in Self.all(Self.settings(style, seed: seed)) {
      #expect(record.sessionTime >= last)
      last = record.sessionTime
      subscriber.apply(record)
      core.apply(record)
      core.clearOutput()
      guard record.locate > 0 else { continue }
      let bid = core.bestPrice(locate: record.locate, isBuy: true) ?? 0
      let ask = core.bestPrice(locate: record.locate, isBuy: false) ?? .max
      best[record.locate] = (bid, ask)
      if bid >= ask { Issue.record("crossed: \(bid) \(ask), style \(style), seed \(seed)") }
    }
    #expect(subscriber.unknown == 0)
    #expect(subscriber.excess == 0)
    #expect(subscriber.duplicates == 0)
    #expect(core.verify() == [])
    #expect(core.counters.unknownReferences == 0)
    #expect(core.counters.excessShares == 0)
    #expect(best.count == 10)
  }

  @Test func `the mix of messages is that of a real feed`() {
    let records = Self.all(Self.settings(.calm, seed: 3, symbols: 5, messages: 25_000))
    var counts: [UInt8: Int] = [:]
    for record in records { counts[record.kind, default: 0] += 1 }
    func share(_ kinds: String) -> Double {
      Double(kinds.utf8.reduce(0) { $0 + (counts[$1] ?? 0) }) / Double(records.count)
    }
    #expect((0.38...0.55).contains(share("AF")))
    #expect((0.30...0.46).contains(share("D")))
    #expect((0.03...0.12).contains(share("U")))
    #expect((0.02...0.15).contains(share("EC")))
    #expect((0.005...0.05).contains(share("X")))
    #expect((0.001...0.03).contains(share("P")))
  }

  @Test func `the day begins with its events and states and ends with its events`() {
    let records = Self.all(Self.settings(.calm, seed: 3, symbols: 2, messages: 2_000))
    #expect(records.count == 2_000)
    let head = String(decoding: records.prefix(8).map(\.kind), as: UTF8.self)
    #expect(head == "SRHYRHYS")
    let events = records.filter { $0.kind == UInt8(ascii: "S") }.map { UInt8($0.code) }
    #expect(String(decoding: events, as: UTF8.self) == "OSQMEC")
    #expect(records.suffix(3).allSatisfy { $0.kind == UInt8(ascii: "S") })
  }

  @Test func `the rate holds in session time`() throws {
    let settings = Self.settings(.calm, seed: 5, messages: 30_000)
    let records = Self.all(settings).filter {
      $0.sessionTime >= settings.midnight + settings.opening
    }
    let first = try #require(records.first).sessionTime
    let last = try #require(records.last).sessionTime
    let seconds = Double(last - first) / 1e9
    #expect((1_600.0...2_400).contains(Double(records.count) / seconds))
  }

  @Test func `a duration ends an endless market`() throws {
    var settings = Self.settings(.calm, seed: 5)
    settings.messagesMax = nil
    settings.duration = 500_000_000
    let records = Self.all(settings)
    let last = try #require(records.last)
    #expect(last.kind == UInt8(ascii: "S"))
    let open = settings.midnight + settings.opening
    #expect((0.49e9...0.6e9).contains(Double(last.sessionTime - open)))
  }

  @Test func `halting markets halt and resume`() {
    var settings = Self.settings(.halting, seed: 8, symbols: 5, messages: 25_000)
    settings.rate = 500
    let states = Self.all(settings).filter { $0.kind == UInt8(ascii: "H") }.map {
      UInt8($0.code & 0xff)
    }
    #expect(states.contains(UInt8(ascii: "H")))
    #expect(states.filter { $0 == UInt8(ascii: "T") }.count > 5)
  }

  @Test func `background orders make large books`() {
    var settings = Self.settings(.calm, seed: 8, symbols: 4, messages: 50_000)
    settings.backgroundOrders = 5_000
    var core = ExchangeCore()
    for record in Self.all(settings) {
      core.apply(record)
      core.clearOutput()
    }
    let live = core.knownLocates.reduce(0) { $0 + core.displayedOrders(locate: $1).count }
    #expect(live > 15_000)
  }

  @Test func `a written market reads back as the same messages`() throws {
    let settings = Self.settings(.volatile, seed: 4, messages: 1_000)
    let path = NSTemporaryDirectory() + "feed-\(UUID().uuidString).itch50"
    defer { unlink(path) }
    let result = try FeedWriter.write(settings, to: path)
    #expect(result.messages == 1_000)
    let records = try SharedData.records(
      of: URL(fileURLWithPath: path), midnight: settings.midnight)
    let written = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    #expect(UInt64(written.count) == result.bytes)
    #expect(Self.bytes(records, midnight: settings.midnight) == written)
    #expect(written == Self.bytes(Self.all(settings), midnight: settings.midnight))
  }

  @Test func `an endless market is not written`() {
    var settings = Self.settings(.calm, seed: 4)
    settings.messagesMax = nil
    #expect(throws: StoreError.self) { try FeedWriter.write(settings, to: "/dev/null") }
  }

  @Test func `random numbers are what they were`() {
    var random = SeededRandom(seed: 1)
    let first = (0..<4).map { _ in random.next() }
    var again = SeededRandom(seed: 1)
    #expect(first == (0..<4).map { _ in again.next() })
    #expect(Set(first).count == 4)
    var sum: Int64 = 0
    for _ in 0..<20_000 { sum += random.exponential(mean: 1_000) }
    #expect((950...1_050).contains(sum / 20_000))
    var squares: Int64 = 0
    for _ in 0..<20_000 {
      let x = random.gaussian(deviation: 1_000)
      squares += x * x
    }
    #expect((900_000...1_100_000).contains(squares / 20_000))
    for _ in 0..<1_000 { #expect(random.below(UInt64(7)) < 7) }
  }
}
