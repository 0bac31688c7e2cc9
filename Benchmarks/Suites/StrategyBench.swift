import BenchSupport
import CCounted
import ExecutionCore
import Gateways

/// One run of a strategy through the market: decode, books, the strategy, risk, journal, OUCH encoding.
/// The venue takes every order that the exchange would take and lets it rest; it cancels what is not to
/// rest, and fills nothing.
final class StrategyBench {
  private let runner: BenchRunner
  private let market: StrategyMarket
  private let lane = MemoryLane(bytes: 16 << 20)
  private let records: UnsafeMutablePointer<MarketRecord>
  private let venue: StrategyVenue
  private(set) var requests = 0
  private var sequence: UInt64 = 1
  /// Requests that are encoded in one go, and rounds of answers; what is left goes with the next tick.
  private static let requestsMax = 4_096
  private static let roundsMax = 64
  private var played = 0
  private var isCounted = false

  init(_ strategy: BenchStrategy, _ market: StrategyMarket) throws {
    venue = try StrategyVenue(market)
    do {
      runner = strategy.make(try Engine(market.engine, lane: lane.lane))
    } catch { throw BenchError("\(error)") }
    self.market = market
    records = .allocate(capacity: StrategySuite.batch)
    records.initialize(repeating: MarketRecord(), count: StrategySuite.batch)
  }

  deinit {
    runner.close()
    records.deallocate()
  }

  /// Nanoseconds of a message: the p50 of the batches.
  func messages(handicap: Int64) throws -> Double {
    var gateway = try market.gateway()
    var samples: [UInt32] = []
    var at = 0
    while at < market.messages {
      let count = min(StrategySuite.batch, market.messages - at)
      let start = nanoseconds()
      let bytes = take(at, count, &gateway, start)
      spend(handicap * Int64(count))
      samples.append(UInt32(clamping: (nanoseconds() - start) / Int64(count)))
      answer(count, bytes, &gateway, start)
      at += count
    }
    _ = try check(gateway)
    return median(&samples)
  }

  /// One message at a time; kept are those that made a request.
  func ticks(_ ticks: inout StrategyTicks, handicap: Int64) throws {
    var gateway = try market.gateway()
    var samples: [UInt32] = []
    for at in 0..<market.messages {
      let start = nanoseconds()
      let bytes = take(at, 1, &gateway, start)
      spend(handicap)
      let end = nanoseconds()
      if bytes.count > 0 { samples.append(UInt32(clamping: end - start)) }
      answer(1, bytes, &gateway, start)
    }
    var refused: UInt64 = 0
    runner.engine { refused = $0.counters.refused }
    ticks.refusals = refusals()
    if !samples.isEmpty { ticks.samples.append(samples) }
    ticks.requests.append(Double(requests))
    ticks.ordering.append(Double(samples.count))
    ticks.refused.append(Double(refused))
    let found = try check(gateway)
    ticks.errors.append(Double(found.errors))
    for trouble in found.troubles where !ticks.troubles.contains(trouble) {
      ticks.troubles.append(trouble)
    }
  }

  func refusals() -> Refusals {
    var refusals = Refusals()
    runner.engine { engine in
      for code in RefusalCode.allCases where engine.refusals(code) > 0 {
        refusals.counts["\(code)"] = engine.refusals(code)
      }
    }
    return refusals
  }

  /// The market's next messages, answers of the venue included, at machine times that are the same
  /// every time. Returns how many there were: fewer at the market's end.
  ///
  /// - Parameter isCounted: callgrind counts now, and what the venue does it is not to count.
  @discardableResult
  func play(_ count: Int, _ gateway: inout OUCHGateway, isCounted: Bool = false) -> Int {
    self.isCounted = isCounted
    let start = played
    let end = min(market.messages, start + count)
    while played < end {
      let batch = min(StrategySuite.batch, end - played)
      let now = Int64(played + 1) * 1_000
      answer(batch, take(played, batch, &gateway, now), &gateway, now)
      played += batch
    }
    return end - start
  }

  /// What is measured: from the messages' bytes to those of the orders.
  private func take(
    _ at: Int, _ count: Int, _ gateway: inout OUCHGateway, _ now: Int64
  ) -> UnsafeRawBufferPointer {
    let start = market.offsets[at]
    let batch = ITCHDecoder.decodeFrames(
      market.bytes + start, count: market.offsets[at + count] - start,
      midnight: market.midnight, firstSequence: sequence, into: records, capacity: count)
    sequence += UInt64(batch.records)
    runner.ingest(records, batch.records, now)
    return encode(&gateway, now)
  }

  /// The engine's requests as bytes, as many as the gateway has room for.
  private func encode(_ gateway: inout OUCHGateway, _ now: Int64) -> UnsafeRawBufferPointer {
    var made = 0
    runner.engine { engine in
      while made < Self.requestsMax, gateway.hasRoom,
        let request = engine.nextRequest(machineTime: now)
      {
        _ = gateway.encode(request, now: now)
        engine.requestTaken()
        made += 1
      }
    }
    requests += made
    return gateway.output
  }

  /// Outside the measured time: the venue's answers, and what the strategy does about them, until
  /// neither has more to say.
  private func answer(
    _ count: Int, _ bytes: UnsafeRawBufferPointer, _ gateway: inout OUCHGateway, _ now: Int64
  ) {
    for i in 0..<count { venue.follow(records[i]) }
    let time = records[count - 1].sessionTime
    var bytes = bytes
    for _ in 0..<Self.roundsMax {
      // What has no room in one go follows in the next.
      while bytes.count > 0 {
        aside { venue.take(bytes, at: time) }
        gateway.sent(now: now)
        bytes = encode(&gateway, now)
      }
      report(&gateway, time, now)
      bytes = encode(&gateway, now)
      if bytes.count == 0 { break }
    }
    lane.rewind()
  }

  /// What the exchange does.
  private func aside(_ work: () -> Void) {
    guard isCounted else { return work() }
    withoutActuallyEscaping(work) { work in
      withUnsafePointer(to: work) {
        bench_uncounted(
          { $0?.assumingMemoryBound(to: (() -> Void).self).pointee() },
          UnsafeMutableRawPointer(mutating: $0))
      }
    }
  }

  private func report(_ gateway: inout OUCHGateway, _ time: Int64, _ now: Int64) {
    var offset = 0
    repeat {
      offset += venue.answers.withUnsafeBytes {
        gateway.receive(UnsafeRawBufferPointer(rebasing: $0[offset...]), now: now)
      }
      let reports = gateway.reports
      for report in reports { runner.apply(report, time, now) }
      // Each turn uses bytes or frees reports, or ends.
      if reports.isEmpty { break }
      gateway.clearReports()
    } while offset < venue.answers.count
    venue.clear()
  }

  /// What no right run has; throws where the market itself did not come through.
  func check(_ gateway: borrowing OUCHGateway) throws -> (errors: UInt64, troubles: [String]) {
    var feed = FeedState()
    var full: UInt64 = 0
    var wrong: [(name: String, count: UInt64)] = []
    var open = 0
    runner.engine {
      feed = $0.market.feedState
      full = $0.market.books.counters.full
      let counters = $0.counters
      wrong = [
        ("reports of unknown orders", counters.unknownOrders), ("overfills", counters.overfills),
        ("requests not sent", counters.notSent),
      ]
      open = $0.openOrderCount
    }
    guard feed.applied == UInt64(market.messages), feed.gaps == 0 else {
      throw BenchError("the engine took \(feed.applied) of \(market.messages) messages")
    }
    guard full == 0 else {
      throw BenchError(
        "\(full) orders of the market found no room in the books: give a configuration (--config) "
          + "with more runtime.book_orders_max")
    }
    wrong.append(("requests refused by the gateway", gateway.counters.notSent))
    wrong.append(("messages not understood", UInt64(venue.wrong) + gateway.counters.undecodable))
    wrong.append(
      ("orders that engine and fuse count apart", open == gateway.fuse.openOrders ? 0 : 1))
    if let cap = gateway.fuse.tripped { wrong.append(("trips of the fuse: \(cap)", 1)) }
    let found = wrong.filter { $0.count > 0 }
    return (found.reduce(0) { $0 + $1.count }, found.map { "\($0.count) \($0.name)" })
  }
}
