import ExecutionCore
import Gateways
import Simulation
import Testing
import Trading
import Transport

/// A generated market on a publisher, its client on the other side of a network in memory, and the books of both.
struct PriceFeedBench: ~Copyable {
  static let begin: Int64 = 1_577_975_399_000_000_000
  static let session = SessionName("PRICES")!

  let network: MemoryNetwork
  var server: Reactor
  var core: Reactor
  var generator: PriceGenerator
  var next: FeedRecord
  var publisher: PricePublisher
  var client: PriceFeedClient
  let ours: PriceMarket
  let theirs: PriceMarket
  /// Network time at which the market began.
  let startedAt: Int64
  var events: MoldEvents = []
  var isNamed: [Bool]
  /// The client gets no answers.
  var isServerGone = false

  init(
    seed: UInt64, faults: FeedFaults = FeedFaults(),
    instruments change: ([InstrumentFacts]) -> [InstrumentFacts] = { $0 }
  ) throws {
    let network = try MemoryNetwork(seed: seed)
    var settings = ReactorSettings()
    settings.network = network
    var server = try Reactor(settings)
    var core = try Reactor(settings)
    var market = PriceGeneratorSettings(begin: Self.begin)
    market.seed = seed
    market.rate = 2_000
    market.instruments = 3
    var generator = PriceGenerator(market)
    let theirs = try PriceMarket(generator.instruments)
    let instruments = change(generator.instruments)
    let ours = try PriceMarket(instruments)
    // The feed says what its numbers are.
    for i in instruments.indices { ours.books.unbind(0, UInt32(i)) }
    var repair = MoldReceiverSettings()
    repair.session = Self.session
    var client = try PriceFeedClient(
      on: &core, lineA: .loopback(), lineB: .loopback(), interface: 0x7F00_0001,
      token: PriceFeedToken.first, channel: 0, instruments: instruments, midnight: Self.begin,
      speed: 100_000_000, repair: repair)
    var publishing = PricePublisherSettings(session: Self.session)
    publishing.feedTo = [
      try core.localEndpoint(of: client.lines.lineA),
      try core.localEndpoint(of: client.lines.lineB),
    ]
    publishing.faults = faults
    var publisher = try PricePublisher(publishing, on: &server, token: 3)
    client.lines.requestServer = publisher.rerequest
    publisher.begin(now: network.now)
    next = generator.next()
    startedAt = network.now
    isNamed = Array(repeating: false, count: generator.instruments.count)
    self.network = network
    self.server = server
    self.core = core
    self.generator = generator
    self.publisher = publisher
    self.client = client
    self.ours = ours
    self.theirs = theirs
  }

  var sessionTime: Int64 { Self.begin + network.now - startedAt }

  /// Everything that is due now, and then the clock goes on by so much.
  mutating func step(_ nanoseconds: Int64 = 500_000) {
    publish()
    for _ in 0..<4 {
      serve()
      hear()
    }
    client.lines.request(&core, now: network.now)
    take()
    _ = core.submit()
    network.advance(to: network.now + nanoseconds)
  }

  mutating func publish() {
    while next.sessionTime <= sessionTime {
      let i = Int(next.instrument)
      if !isNamed[i] || next.kind == FeedRecord.Kind.clear.rawValue {
        publisher.tell(generator.instruments[i], number: next.instrument)
        isNamed[i] = true
      }
      publisher.tell(next)
      _ = theirs.apply(next)
      next = generator.next()
    }
    publisher.send(now: network.now, on: &server)
    _ = server.submit()
  }

  mutating func serve() {
    for i in 0..<max(0, server.poll(.spin)) where !isServerGone {
      publisher.handle(server.event(i), on: &server)
    }
    _ = server.submit()
  }

  mutating func hear() {
    for i in 0..<max(0, core.poll(.spin)) {
      let event = core.event(i)
      guard event.kind == .received else { continue }
      let market = ours
      client.receive(event.bytes, token: event.token, now: network.now, books: market.books) {
        records, count in
        for j in 0..<count { _ = market.apply(records[j]) }
      }
      take()
    }
  }

  /// As the loop does it.
  mutating func take() {
    events.formUnion(client.takeEvents(ours.books, now: network.now))
  }

  mutating func run(seconds: Double) {
    let end = network.now + Int64(seconds * 1e9)
    while network.now < end { step() }
  }

  /// Nothing is under way: both have the same.
  mutating func settle() {
    for _ in 0..<400 {
      for _ in 0..<4 {
        serve()
        hear()
      }
      publisher.send(now: network.now, on: &server)
      _ = server.submit()
      client.lines.request(&core, now: network.now)
      take()
      _ = core.submit()
      network.advance(to: network.now + 5_000_000)
    }
  }

  /// Instruments whose books differ.
  var differing: [Int] {
    generator.instruments.indices.filter { i in
      let id = InstrumentID(raw: UInt32(i))
      guard ours.books.isWhole(id) == theirs.books.isWhole(id) else { return true }
      return [Side.buy, .sell].contains { side in
        let count = theirs.books.levels(id, side)
        guard ours.books.levels(id, side) == count else { return true }
        return (0..<count).contains {
          ours.books.level(id, side, depth: $0) != theirs.books.level(id, side, depth: $0)
        }
      }
    }
  }
  var wholeCount: Int {
    generator.instruments.indices.count { ours.quotes.isWhole(InstrumentID(raw: UInt32($0))) }
  }
}

@Suite struct PriceFeedTests {
  @Test func `a feed by price arrives as it was told`() throws {
    var bench = try PriceFeedBench(seed: 1)
    bench.run(seconds: 3)
    bench.settle()
    #expect(bench.differing.isEmpty)
    #expect(bench.wholeCount == 3)
    #expect(bench.client.named == 3)
    let counters = bench.client.lines.receiver.counters
    #expect(counters.delivered == bench.publisher.nextSequence - 1)
    #expect(counters.gaps == 0)
    // Told again three times, and passed over: the book was there.
    #expect(bench.ours.counters.refreshed > 100)
    #expect(bench.ours.counters.malformed == 0)
  }

  @Test(arguments: [2, 3, 4, 5] as [UInt64])
  func `lines that lose, double and reorder come to the same`(seed: UInt64) throws {
    var faults = FeedFaults()
    faults.seed = seed
    faults.loss = 200_000
    faults.duplication = 100_000
    faults.reordering = 100_000
    var bench = try PriceFeedBench(seed: seed, faults: faults)
    bench.run(seconds: 3)
    bench.settle()
    #expect(bench.differing.isEmpty, "seed \(seed)")
    #expect(bench.wholeCount == 3)
    #expect(bench.publisher.lines.lost > 100)
    #expect(bench.client.lines.receiver.counters.gaps > 0)
    #expect(bench.client.losses == 0)
    #expect(bench.client.lines.receiver.counters.delivered == bench.publisher.nextSequence - 1)
  }

  @Test
  func
    `what nobody can bring again is given up, and each book becomes whole when it is told again`()
    throws
  {
    var faults = FeedFaults()
    faults.seed = 9
    faults.loss = 20_000
    var bench = try PriceFeedBench(seed: 9, faults: faults)
    bench.isServerGone = true
    var wasBroken = false
    let end = bench.network.now + 20_000_000_000
    while bench.network.now < end {
      bench.step()
      if bench.client.lost > 0, bench.wholeCount < 3 { wasBroken = true }
      if wasBroken, bench.wholeCount == 3 { break }
    }
    #expect(bench.client.losses > 0)
    #expect(bench.client.lost > 0)
    #expect(wasBroken)
    #expect(bench.wholeCount == 3)
    for i in 0..<3 {
      let id = InstrumentID(raw: UInt32(i))
      let quote = bench.ours.quotes.quote(id)
      #expect(quote.bid.raw > 0 && quote.bid.raw < quote.ask.raw)
    }
  }

  @Test func `who comes late has every book after one round`() throws {
    var bench = try PriceFeedBench(seed: 6)
    // A day of messages that nobody was there for: too many to be asked for.
    for _ in 0..<60_000 {
      let i = Int(bench.next.instrument)
      if !bench.isNamed[i] { bench.isNamed[i] = true }
      bench.publisher.tell(bench.next)
      _ = bench.theirs.apply(bench.next)
      bench.next = bench.generator.next()
    }
    bench.publisher.begin(now: bench.network.now)
    let ahead = bench.next.sessionTime - bench.sessionTime
    bench.network.advance(to: bench.network.now + ahead)
    bench.run(seconds: 4)
    bench.settle()
    #expect(bench.wholeCount == 3)
    #expect(bench.differing.isEmpty)
    #expect(bench.client.losses == 0)
    // What was before it came is not lost.
    #expect(bench.client.lost == 0)
  }

  @Test func `one packet that claims to lie far ahead decides nothing`() throws {
    var bench = try PriceFeedBench(seed: 7)
    bench.isServerGone = true
    bench.run(seconds: 1)
    // Of our session, at a sequence that nothing contradicts yet.
    var forged = MoldPublisher(
      session: PriceFeedBench.session, nextSequence: bench.publisher.nextSequence + 30_000)
    var message = [UInt8](repeating: 0, count: PriceMessage.size)
    var record = FeedRecord(.level, instrument: 0, at: bench.sessionTime)
    record.side = FeedRecord.buy
    record.price = 9_999_999_99
    record.quantity = 1
    record.flags = .last
    _ = message.withUnsafeMutableBytes { PriceMessage.write(record, into: $0) }
    _ = message.withUnsafeBytes { forged.append($0) }
    let taken = forged.take(now: bench.network.now)
    let datagram = try #require(taken)
    let attacker = try bench.server.openDatagram(bind: .loopback(), token: 99)
    let sent = bench.server.sendDatagram(
      datagram, to: try bench.core.localEndpoint(of: bench.client.lines.lineA), on: attacker)
    #expect(sent == .queued)
    bench.run(seconds: 4)
    bench.isServerGone = false
    bench.run(seconds: 4)
    bench.settle()
    #expect(bench.wholeCount == 3)
    #expect(bench.differing.isEmpty)
    #expect(bench.ours.quotes.quote(InstrumentID(raw: 0)).bid.raw < 9_999_999_99)
  }

  @Test func `an instrument of another multiplier, currency or finer prices is not taken`() throws {
    var bench = try PriceFeedBench(seed: 8) { facts in
      var changed = facts
      changed[0].multiplier = 10
      changed[1].currency = Currency("EUR")!
      changed[2].priceExponent = 0
      return changed
    }
    bench.run(seconds: 2)
    bench.settle()
    #expect(bench.wholeCount == 0)
    #expect(bench.client.named == 0)
    #expect(bench.client.unequal >= 3)
    #expect(bench.ours.counters.unlisted > 100)
  }

  @Test func `a message that can't be read leaves no instrument whole until it is told again`()
    throws
  {
    var bench = try PriceFeedBench(seed: 10)
    bench.run(seconds: 1)
    #expect(bench.wholeCount == 3)
    var broken = FeedRecord(.level, instrument: 0, at: bench.sessionTime)
    broken.kind = UInt8(ascii: "A")
    bench.publisher.tell(broken)
    bench.publisher.send(now: bench.network.now, on: &bench.server)
    _ = bench.server.submit()
    bench.network.advance(to: bench.network.now + 100_000)
    bench.hear()
    #expect(bench.client.malformed == 1)
    #expect(bench.wholeCount == 0)
    bench.run(seconds: 2)
    bench.settle()
    #expect(bench.wholeCount == 3)
    #expect(bench.differing.isEmpty)
  }

  @Test func `the end of the feed is heard, and nothing is sent behind it`() throws {
    var bench = try PriceFeedBench(seed: 11)
    bench.run(seconds: 1)
    bench.publisher.end(now: bench.network.now, on: &bench.server)
    _ = bench.server.submit()
    let told = bench.publisher.nextSequence
    bench.settle()
    #expect(bench.events.contains(.endOfSession))
    #expect(bench.client.lines.receiver.counters.delivered == told - 1)
  }

  @Test func `any bytes are read or refused, and none are out of bounds`() {
    var random = SeededRandom(seed: 42)
    var record = FeedRecord()
    var good = 0
    for _ in 0..<20_000 {
      let length = Int(random.below(UInt64(80)))
      var bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      if length > 0, random.below(UInt64(2)) == 0 {
        bytes[0] = Array("CGHLQTI".utf8)[Int(random.below(UInt64(7)))]
      }
      let isRead = bytes.withUnsafeBytes { PriceMessage.read($0, sequence: 1, into: &record) }
      let told = bytes.withUnsafeBytes { PriceMessage.instrument($0) }
      if length != PriceMessage.size { #expect(!isRead && told == nil) }
      if isRead { good += 1 }
      #expect(!(isRead && told != nil))
    }
    #expect(good > 0)
  }

  @Test func `a record and an instrument are read as they were written`() throws {
    var record = FeedRecord(.quote, instrument: 77, at: 1_700_000_000_123_456_789)
    record.side = FeedRecord.sell
    record.flags = [.last, .refresh]
    record.detail = 3
    record.price = -5
    record.quantity = 1 << 40
    record.askPrice = .max
    record.askQuantity = 9
    record.reference = .max
    var bytes = [UInt8](repeating: 0, count: PriceMessage.size)
    #expect(bytes.withUnsafeMutableBytes { PriceMessage.write(record, into: $0) } == 56)
    var read = FeedRecord()
    #expect(bytes.withUnsafeBytes { PriceMessage.read($0, sequence: 12, into: &read) })
    record.sequence = 12
    #expect(read == record)
    var facts = InstrumentFacts(symbol: "A-SYMBOL-OF-THIRTY-TWO-BYTES-XYZ")
    facts.multiplier = 50
    facts.multiplierExponent = -2
    facts.priceExponent = -12
    facts.currency = Currency("USDT")!
    #expect(bytes.withUnsafeMutableBytes { PriceMessage.write(facts, number: 9, into: $0) } == 56)
    let told = try #require(bytes.withUnsafeBytes { PriceMessage.instrument($0) })
    #expect(told.symbol == facts.symbol && told.number == 9 && told.isWorth(facts))
    #expect(told.priceExponent == -12)
    facts.multiplier = 51
    #expect(!told.isWorth(facts))
  }
}
