import BenchSupport
import CSupport
import ExecutionCore
import Gateways
import Node
import Simulation

/// What does a strategy cost on a generated market, everything on? The user's own one, where their
/// executable gives it (perf/README.md, "Your own strategy"); else the product's market maker.
enum StrategySuite: Suite {
  static let name = "strategy"
  static let question =
    "what does a message cost with this strategy, and how long from tick to order?"
  static let batch = 16
  static let symbols = 20

  static func run(_ context: BenchContext) throws -> [Figure] {
    pin(context.processors[context.processors.count - 1])
    let strategy = context.strategy ?? BenchStrategy("market maker") { marketMaker() }
    let nothing = BenchStrategy("none") { NoStrategy() }
    let market = try StrategyMarket(messages: context.quick ? 20_000 : 500_000, symbols: symbols)
    var message: [Double] = []
    var empty: [Double] = []
    var ticks = StrategyTicks()
    for _ in 0..<context.runs {
      empty.append(try StrategyBench(nothing, market).messages(handicap: 0))
      message.append(try StrategyBench(strategy, market).messages(handicap: context.handicap))
      try StrategyBench(strategy, market).ticks(&ticks, handicap: context.handicap)
    }
    let name = strategy.name
    var figures = [
      Figure("\(name): a message, p50, batches of \(batch)", "ns", message),
      Figure("no strategy: the same", "ns", empty),
      Figure("\(name): tick to encoded order, p50", "ns", ticks.percentile(0.5)),
      Figure("the same, p99", "ns", ticks.percentile(0.99)),
      Figure("orders, replaces and cancels", "requests", ticks.requests),
      Figure("of \(market.messages) messages, these made one", "ticks", ticks.ordering),
      Figure("refused by the risk chain", "requests", ticks.refused, note: ticks.reasons),
      Figure(
        "errors", "count", ticks.errors, limit: .init(value: 0, atLeast: false), isFinal: true),
    ]
    if ticks.samples.isEmpty {
      for i in [2, 3] { figures[i].note = "it sent nothing: there is no latency to measure" }
    } else {
      context.keep(ticks.samples.flatMap { $0 }, as: "strategy-tick-to-order")
    }
    return figures
  }

  private static func marketMaker() -> MarketMaker {
    var parameters = MarketMaker.Parameters()
    parameters.instruments = symbols
    return MarketMaker(parameters)
  }
}

/// What was measured tick by tick, by run.
struct StrategyTicks {
  /// Nanoseconds of the ticks that made a request; a run without one has no entry.
  var samples: [[UInt32]] = []
  var requests: [Double] = []
  var ordering: [Double] = []
  var refused: [Double] = []
  var errors: [Double] = []
  /// Why the risk chain refused, over all runs.
  var refusals: [String: UInt64] = [:]

  /// The most frequent first; nil where nothing was refused.
  var reasons: String? {
    let sorted = refusals.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return sorted.isEmpty ? nil : sorted.map(\.key).joined(separator: ", ")
  }

  func percentile(_ share: Double) -> [Double] {
    samples.map { Distribution($0).percentile(share) }
  }
}

/// A generated session in memory, as frames.
final class StrategyMarket {
  let messages: Int
  let instruments: [InstrumentFacts]
  let bytes: UnsafeMutablePointer<UInt8>
  /// Where each frame begins, and the end of the last.
  let offsets: [Int]
  static let midnight: Int64 = 1_577_664_000_000_000_000

  init(messages wanted: Int, symbols: Int) throws {
    let settings = GeneratorSettings(
      seed: 20_191_230, symbols: symbols, rate: 20_000, messagesMax: UInt64(wanted),
      midnight: Self.midnight)
    var generator = MarketGenerator(settings: settings)
    instruments = generator.instruments
    var all: [UInt8] = []
    all.reserveCapacity(wanted * 40)
    var starts = [0]
    var frame = [UInt8](repeating: 0, count: 64)
    while var record = generator.next() {
      let n = ITCHEncoder.encodeFrame(
        &record, midnight: Self.midnight, into: &frame, capacity: frame.count)
      guard n > 0 else { throw BenchError("the generator made a message that has no encoding") }
      all += frame[0..<n]
      starts.append(all.count)
    }
    messages = starts.count - 1
    offsets = starts
    bytes = .allocate(capacity: all.count)
    bytes.initialize(from: all, count: all.count)
  }

  deinit { bytes.deallocate() }
}

/// One run of a strategy through the market: decode, books, the strategy, risk, journal, OUCH encoding.
/// The venue takes every order and lets it rest; it cancels what is not to rest, and fills nothing.
final class StrategyBench {
  private let runner: BenchRunner
  private let market: StrategyMarket
  private let lane = MemoryLane(bytes: 16 << 20)
  private let records: UnsafeMutablePointer<MarketRecord>
  /// What the last batch sent: an array would allocate within the measured time.
  private let sent: UnsafeMutablePointer<VenueRequest>
  private static let sentMax = 4_096
  private var open: [UInt64: Int64] = [:]
  private var requests = 0
  private var sequence: UInt64 = 1
  private static let strategiesMax = 64
  private var played = 0

  init(_ strategy: BenchStrategy, _ market: StrategyMarket) throws {
    var configuration = BenchMarket.configuration(instruments: 1)
    configuration.instruments = market.instruments
    configuration.strategies = (0..<Self.strategiesMax).map {
      StrategyConfiguration(name: "bench\($0)", account: AccountID(raw: 0))
    }
    configuration.marketData.capacity = .small
    do {
      runner = strategy.make(try Engine(configuration, lane: lane.lane))
    } catch { throw BenchError("\(error)") }
    self.market = market
    records = .allocate(capacity: StrategySuite.batch)
    records.initialize(repeating: MarketRecord(), count: StrategySuite.batch)
    sent = .allocate(capacity: Self.sentMax)
  }

  deinit {
    runner.close()
    records.deallocate()
    sent.deallocate()
  }

  /// Nanoseconds of a message: the p50 of the batches.
  func messages(handicap: Int64) throws -> Double {
    var gateway = try BenchMarket.gateway()
    var samples: [UInt32] = []
    var at = 0
    while at < market.messages {
      let count = min(StrategySuite.batch, market.messages - at)
      let start = nanoseconds()
      let sent = take(at, count, &gateway, start)
      spend(handicap * Int64(count))
      samples.append(UInt32(clamping: (nanoseconds() - start) / Int64(count)))
      answer(sent)
      at += count
    }
    _ = try check(gateway)
    return median(&samples)
  }

  /// One message at a time; kept are those that made a request.
  func ticks(_ ticks: inout StrategyTicks, handicap: Int64) throws {
    var gateway = try BenchMarket.gateway()
    var samples: [UInt32] = []
    for at in 0..<market.messages {
      let start = nanoseconds()
      let sent = take(at, 1, &gateway, start)
      spend(handicap)
      let end = nanoseconds()
      guard sent > 0 else { continue }
      samples.append(UInt32(clamping: end - start))
      answer(sent)
    }
    var refused: UInt64 = 0
    runner.engine { engine in
      refused = engine.counters.refused
      for code in RefusalCode.allCases where engine.refusals(code) > 0 {
        ticks.refusals["\(code)", default: 0] += engine.refusals(code)
      }
    }
    if !samples.isEmpty { ticks.samples.append(samples) }
    ticks.requests.append(Double(requests))
    ticks.ordering.append(Double(samples.count))
    ticks.refused.append(Double(refused))
    ticks.errors.append(try check(gateway))
  }

  /// The market's next messages, answers of the venue included, at machine times that are the same
  /// every time. Returns how many there were: fewer at the market's end.
  @discardableResult
  func play(_ count: Int, _ gateway: inout OUCHGateway) -> Int {
    let start = played
    let end = min(market.messages, start + count)
    while played < end {
      let batch = min(StrategySuite.batch, end - played)
      answer(take(played, batch, &gateway, Int64(played + 1) * 1_000))
      played += batch
    }
    return end - start
  }

  private func take(
    _ at: Int, _ count: Int, _ gateway: inout OUCHGateway, _ now: Int64
  ) -> Int {
    let start = market.offsets[at]
    let batch = ITCHDecoder.decodeFrames(
      market.bytes + start, count: market.offsets[at + count] - start,
      midnight: StrategyMarket.midnight, firstSequence: sequence, into: records, capacity: count)
    sequence += UInt64(batch.records)
    runner.ingest(records, batch.records, now)
    let out = sent
    var made = 0
    runner.engine { engine in
      while made < Self.sentMax, let request = engine.nextRequest(machineTime: now) {
        _ = gateway.encode(request, now: now)
        engine.requestTaken()
        (out + made).initialize(to: request)
        made += 1
      }
    }
    if made > 0 {
      let bytes = gateway.prepareSend(now: now)
      gateway.sent(bytes.count, now: now)
    }
    return made
  }

  // MARK: The venue

  /// Outside the measured time.
  private func answer(_ count: Int) {
    guard count > 0 else { return }
    requests += count
    for request in UnsafeBufferPointer(start: sent, count: count) {
      switch request.kind {
      case .new:
        report(.accepted, request, quantity: request.quantity)
        open[request.venueReference] = request.quantity
        if request.timeInForce == .immediateOrCancel { cancel(request, request.venueReference) }
      case .replace:
        guard open.removeValue(forKey: request.originalVenueReference) != nil else { continue }
        report(.replaced, request, quantity: request.quantity)
        open[request.venueReference] = request.quantity
      case .cancel: cancel(request, request.originalVenueReference)
      default: break
      }
    }
    lane.rewind()
  }

  private func cancel(_ request: VenueRequest, _ reference: UInt64) {
    guard let quantity = open.removeValue(forKey: reference) else { return }
    var named = request
    named.venueReference = reference
    report(.canceled, named, quantity: quantity)
  }

  private func report(_ kind: VenueReport.Kind, _ request: VenueRequest, quantity: Int64) {
    var report = VenueReport(kind: kind, venue: 0, account: request.account)
    report.venueReference = request.venueReference
    report.originalVenueReference = request.originalVenueReference
    report.clientOrderID = kind == .canceled ? .none : request.clientOrderID
    report.price = request.price
    report.quantity = quantity
    report.symbol = request.symbol
    report.side = request.side.rawValue
    report.venueOrderNumber = 1_000_000_000 + request.venueReference
    runner.apply(report, records[0].sessionTime, 0)
  }

  /// What no right run has; throws where the market itself did not come through.
  func check(_ gateway: borrowing OUCHGateway) throws -> Double {
    var feed = FeedState()
    var errors: UInt64 = 0
    runner.engine {
      feed = $0.market.feedState
      errors = $0.counters.unknownOrders + $0.counters.overfills + $0.counters.notSent
      if $0.openOrderCount != self.open.count { errors += 1 }
    }
    guard feed.applied == UInt64(market.messages), feed.gaps == 0 else {
      throw BenchError("the engine took \(feed.applied) of \(market.messages) messages")
    }
    return Double(errors + UInt64(gateway.counters.notSent))
  }
}
