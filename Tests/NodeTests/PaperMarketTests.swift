import Captures
import ExecutionCore
import Gateways
import Simulation
import TestSupport
import Testing
import Transport

@testable import Node

/// What a paper broker publishes of a recording.
struct PaperMarketTests {
  /// Two instruments: one speaks all the time, one is told at the beginning and falls silent.
  private static func records(_ begin: Int64) -> [FeedRecord] {
    var records: [FeedRecord] = []
    func tell(
      _ kind: FeedRecord.Kind, _ instrument: UInt32, _ at: Int64, _ flags: FeedRecord.Flags,
      _ change: (inout FeedRecord) -> Void = { _ in }
    ) {
      var record = FeedRecord(kind, instrument: instrument, at: begin + at)
      record.flags = flags
      record.sequence = UInt64(records.count + 1)
      change(&record)
      records.append(record)
    }
    func level(
      _ instrument: UInt32, _ at: Int64, _ side: UInt8, _ price: Int64, _ quantity: Int64,
      _ flags: FeedRecord.Flags
    ) {
      tell(.level, instrument, at, flags) {
        $0.side = side
        $0.price = price
        $0.quantity = quantity
      }
    }
    for i in 0..<2 as Range<UInt32> {
      tell(.clear, i, 0, .snapshot)
      level(i, 0, FeedRecord.buy, 100, 5, .snapshot)
      level(i, 0, FeedRecord.sell, 101, 7, [.snapshot, .last])
    }
    // The silent one is halted, and nobody says it again.
    tell(.status, 1, 1, .last) { $0.detail = MarketStatus.halted.rawValue }
    for turn in 1...400 as ClosedRange<Int64> {
      level(0, turn * 20_000_000, FeedRecord.buy, 99, turn, .last)
    }
    return records
  }

  private static func record(_ path: String, _ records: [FeedRecord]) throws {
    var instruments = ["LOUD", "QUIET"].map {
      CapturedInstrument(symbol: $0, priceExponent: -2, quantityExponent: 0)
    }
    for i in instruments.indices { instruments[i].contents = [.levels] }
    var recorder = try CaptureRecorder(
      path: path, header: CaptureHeader(channel: "test", instruments: instruments))
    for record in records { try recorder.append(record, receiveTime: 0) }
    _ = try recorder.finish()
  }

  /// Plays a recording to a receiver that begins to listen late; what it has then.
  private func late(_ path: String, from: Int64) throws -> PriceMarket {
    let source = try PaperSource(recording: path)
    let begin = source.begin
    let instruments = source.instruments
    var market = try PaperMarket(source, name: path)
    let network = try MemoryNetwork(seed: 1)
    var settings = ReactorSettings()
    settings.network = network
    var server = try Reactor(settings)
    var core = try Reactor(settings)
    let line = try core.openDatagram(bind: .loopback(), token: 1)
    var publishing = PricePublisherSettings(session: SessionName("X")!)
    publishing.feedTo = [try core.localEndpoint(of: line)]
    var publisher = try PricePublisher(publishing, on: &server, token: 2)
    publisher.begin(now: network.now)
    var broker = PaperBroker(
      PaperSettings(
        instruments: instruments, accounts: [.init(name: "A", password: "b")]))
    let heard = try PriceMarket(instruments)
    for i in instruments.indices { heard.books.unbind(0, UInt32(i)) }
    var record = FeedRecord()
    for step in 0..<900 as Range<Int64> {
      let time = begin + step * 10_000_000
      _ = market.play(to: &broker, &publisher, until: time, most: 1_000)
      publisher.send(now: network.now, on: &server)
      server.submit()
      network.advance(to: network.now + 10_000_000)
      for i in 0..<max(0, core.poll(.spin)) {
        let event = core.event(i)
        guard event.kind == .received, time - begin >= from, var blocks = MoldBlocks(event.bytes)
        else { continue }
        while let message = blocks.next() {
          if let told = PriceMessage.instrument(message) {
            _ = heard.books.bind(
              0, told.number, told.symbol, priceExponent: told.priceExponent,
              quantityExponent: told.quantityExponent)
          } else if PriceMessage.read(message, sequence: 1, into: &record) {
            _ = heard.apply(record)
          }
        }
      }
    }
    return heard
  }

  @Test func `who comes late has the silent instruments too, and knows what is halted`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/r.ntc"
    try Self.record(path, Self.records(1_700_000_000_000_000_000))
    let heard = try late(path, from: 3_000_000_000)
    for i in 0..<2 as Range<UInt32> {
      let id = InstrumentID(raw: i)
      #expect(heard.books.isWhole(id), "\(i)")
      #expect(heard.quotes.quote(id).bid.raw == 100 && heard.quotes.quote(id).ask.raw == 101)
    }
    #expect(heard.quotes.status(InstrumentID(raw: 0)) == .trading)
    #expect(heard.quotes.status(InstrumentID(raw: 1)) == .halted)
    #expect(heard.counters.malformed == 0)
  }

  @Test func `a recording can begin later than its first record, and not behind its last`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/r.ntc"
    let begin: Int64 = 1_700_000_000_000_000_000
    try Self.record(path, Self.records(begin))
    let source = try PaperSource(recording: path, from: begin + 2_000_000_000)
    #expect(source.begin == begin + 2_000_000_000)
    var market = try PaperMarket(source, name: path)
    let next = market.nextTime()
    #expect(next ?? 0 >= begin + 2_000_000_000)
    let played = market.played
    #expect(played == 0)
    #expect {
      _ = try PaperSource(recording: path, from: begin + 60_000_000_000)
    } throws: {
      ($0 as? CommandFailure)?.code == .dataError
    }
  }

  @Test func `a day goes on where it would be by now, unless it is over, another one or unwanted`()
    throws
  {
    let directory = try TemporaryDirectory()
    let file = try PaperFile(directory.path)
    let first = try PaperDay(file, "market", longest: 60_000_000_000, isNew: false)
    // It died before its market began: the session that was told is still its.
    let again = try PaperDay(file, "market", longest: 60_000_000_000, isNew: false)
    #expect(again.session == first.session && again.elapsed == nil && again.note == nil)
    #expect(first.elapsed == nil && first.note == nil)
    try first.begin()
    let second = try PaperDay(file, "market", longest: 60_000_000_000, isNew: false)
    #expect(second.session == first.session)
    #expect(try #require(second.elapsed) < 60_000_000_000)
    let over = try PaperDay(file, "market", longest: 0, isNew: false)
    #expect(over.elapsed == nil && over.note?.contains("begins anew") == true)
    let other = try PaperDay(file, "market, speed 2", longest: 60_000_000_000, isNew: false)
    #expect(other.elapsed == nil && other.note?.contains("another market was played") == true)
    #expect(try PaperDay(file, "market", longest: 60_000_000_000, isNew: true).elapsed == nil)
    try RunDirectory.replace(directory.path + "/day", with: "nonsense")
    #expect {
      _ = try PaperDay(file, "market", longest: 60_000_000_000, isNew: false)
    } throws: {
      ($0 as? CommandFailure)?.code == .dataError
    }
  }
}
