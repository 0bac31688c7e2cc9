import BenchSupport
import CSupport
import ExecutionCore
import Gateways

/// What does latency look like against load? An open loop: messages are sent at their intended times
/// whatever the engine does, and latency counts from there.
enum LoadSuite: Suite {
  static let name = "load"
  static let question = "what does latency look like against load, from the intended send time?"
  /// A second; what is above nine tenths of the saturation measured is left out.
  static let rates: [Double] = [10e3, 50e3, 100e3, 250e3, 500e3, 1e6, 2e6, 4e6, 8e6]
  static let seconds = 10.0

  static func run(_ context: BenchContext) throws -> [Figure] {
    guard context.processors.count >= 2 else { throw OneProcessorError() }
    let rounds = context.quick ? 1 : context.runs
    var bench = try LoadBench(context)
    // The first stretch warms up.
    var saturation: [Double] = []
    for i in 0...rounds {
      let stretch = try bench.stretch(.saturating, count: context.quick ? 20_000 : 1_000_000)
      if i > 0 { saturation.append(stretch.perSecond) }
    }
    let most = saturation.sorted()[saturation.count / 2]
    let wanted = rates.filter { $0 < 0.85 * most } + [0.5, 0.75, 0.9, 1].map { $0 * most }
    let stretchSeconds = context.quick ? 0.02 : seconds / Double(rounds * (wanted.count + 1))
    var points = wanted.sorted().map { LoadPoint(rate: $0) }
    var closed = LoadPoint(rate: 0)
    for _ in 0..<rounds {
      for i in points.indices {
        let count = Int(points[i].rate * stretchSeconds)
        points[i].take(try bench.stretch(.rate(points[i].rate), count: count))
      }
      closed.take(try bench.stretch(.closed, count: Int(200_000 * stretchSeconds) + 100))
    }
    keep(points, closed, context)
    return figures(saturation, points, closed)
  }

  private static func figures(
    _ saturation: [Double], _ points: [LoadPoint], _ closed: LoadPoint
  ) -> [Figure] {
    var figures = [
      Figure("saturation: as fast as the ring takes them", "M msg/s", saturation.map { $0 / 1e6 })
    ]
    for point in points where [100e3, 1e6].contains(point.rate) {
      for (share, runs) in zip(["p50", "p99", "p99.9"], point.percentiles) {
        figures.append(Figure("open loop, \(point.title) msg/s, \(share)", "us", runs))
      }
    }
    for (share, runs) in zip(["p50", "p99", "p99.9"], closed.percentiles) {
      figures.append(Figure("closed loop, \(share)", "us", runs, note: "hides what it waits for"))
    }
    return figures
  }

  private static func keep(_ points: [LoadPoint], _ closed: LoadPoint, _ context: BenchContext) {
    for point in points where rates.contains(point.rate) {
      context.keep(point.samples, as: "load-\(point.title)")
    }
    context.keep(closed.samples, as: "load-closed-loop")
    context.keep(
      Curve(
        name: "load", title: "latency against load, open loop, from the intended send time",
        xLabel: "messages/s", yLabel: "us", series: ["p50", "p99", "p99.9"], yIsLogarithmic: true,
        points: points.map { point in
          .init(
            x: point.rate,
            values: point.percentiles.map { $0.isEmpty ? .nan : $0.sorted()[$0.count / 2] })
        }))
  }
}

/// What was measured at one rate, over the rounds.
struct LoadPoint {
  var rate: Double
  /// p50, p99 and p99.9 of each round, microseconds.
  var percentiles: [[Double]] = [[], [], []]
  var samples: [UInt32] = []

  init(rate: Double) { self.rate = rate }

  var title: String { rate >= 1e6 ? "\(Int(rate / 1e6))M" : "\(Int(rate / 1e3))k" }

  mutating func take(_ stretch: LoadBench.Stretch) {
    let distribution = Distribution(stretch.samples)
    for (i, share) in [0.5, 0.99, 0.999].enumerated() {
      percentiles[i].append(distribution.percentile(share) / 1e3)
    }
    samples += stretch.samples
  }
}

/// Takes the offer whenever the bid of an instrument rises half a cent.
private struct LoadTaker: Strategy {
  private(set) var placed = 0
  private(set) var refused = 0

  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    let quote = desk.quote(instrument)
    guard quote.bid.raw == 9_999_500_000 else { return }
    let verdict = desk.place(
      instrument, .buy, price: quote.ask, quantity: Quantity(raw: 100),
      timeInForce: .immediateOrCancel)
    if case .accepted = verdict { placed += 1 } else { refused += 1 }
  }
}

/// The receiving end: the ring's consumer, the engine with its strategy, and the gateway's encoder.
///
/// A struct that cannot be copied, for the reason that ``EngineBench`` is one.
struct LoadBench: ~Copyable {
  struct Stretch {
    var samples: [UInt32]
    /// Messages a second from the first taken to the last done.
    var perSecond: Double
  }
  /// As many as a full datagram has.
  private static let batch = 32
  private static let instruments = 100
  private static let midnight: Int64 = 1_577_664_000_000_000_000

  private var driver: Driver<LoadTaker>
  private var gateway: OUCHGateway
  private let venue = BenchVenue()
  /// Answers of the venue that the gateway did not take.
  private var lost = 0
  private let lane: MemoryLane
  private let frames: LoadFrames
  private let records: UnsafeMutablePointer<MarketRecord>
  private let cpus: [Int32]
  private let handicap: Int64
  private var sequence: UInt64
  private var sent = 0

  init(_ context: BenchContext) throws {
    let lane = MemoryLane(bytes: 16 << 20)
    var configuration = BenchMarket.configuration(instruments: Self.instruments)
    configuration.marketData.capacity = .small
    var driver: Driver<LoadTaker>
    do {
      driver = Driver(
        engine: try Engine(configuration, lane: lane.lane), strategy: LoadTaker())
    } catch { throw BenchError("\(error)") }
    let gateway = try BenchMarket.gateway(
      symbols: (0..<Self.instruments).map(BenchMarket.symbol))
    BenchMarket.open(
      &driver, instruments: Self.instruments, at: Self.midnight + LoadFrames.opened - 1)
    let frames = try LoadFrames(instruments: Self.instruments)
    sequence = driver.engine.market.feedState.expected
    self.frames = frames
    self.gateway = gateway
    self.lane = lane
    self.driver = driver
    cpus = context.processors
    handicap = context.handicap
    records = .allocate(capacity: Self.batch)
    records.initialize(repeating: MarketRecord(), count: Self.batch)
  }

  deinit { records.deallocate() }

  /// Sends `count` messages at the pace and takes them; nanoseconds from the intended time of each to
  /// the end of its processing.
  mutating func stretch(_ pace: OpenLoop.Pace, count: Int) throws -> Stretch {
    let ring = try RingEnds(payload: UInt32(OpenLoop.payload), capacity: OpenLoop.capacity)
    let answers = try RingEnds(payload: 8, capacity: 64)
    defer {
      ring.close()
      answers.close()
    }
    let isClosed = if case .closed = pace { true } else { false }
    let loop = OpenLoop(
      frames, count: count, pace: pace, first: sent, into: ring, answers: answers)
    let before = driver.strategy.placed
    // From here on this thread must come to its loop: nothing is thrown before the sender ends.
    let thread = try PinnedThread(name: "load-sender", cpu: cpus[0]) { loop.run() }
    pin(cpus[cpus.count - 1])
    var samples = [UInt32](repeating: 0, count: count)
    let seconds = samples.withUnsafeMutableBufferPointer {
      take($0, from: ring.consumer, answers: isClosed ? answers.producer : nil)
    }
    thread.join()
    sent += count
    try check(placed: driver.strategy.placed - before, of: count)
    return Stretch(samples: samples, perSecond: Double(count) / seconds)
  }

  private func check(placed: Int, of count: Int) throws {
    // A stretch may begin and end anywhere within the frames' period.
    guard abs(placed - count / LoadFrames.orderEvery) <= 1, driver.strategy.refused == 0,
      driver.engine.openOrderCount == 0, gateway.counters.notSent == 0, lost == 0
    else {
      throw BenchError(
        "\(placed) orders for \(count) messages, \(driver.strategy.refused) refused, "
          + "\(driver.engine.openOrderCount) open, \(gateway.counters.notSent) not sent, "
          + "\(lost) answers lost")
    }
  }

  private mutating func take(
    _ samples: UnsafeMutableBufferPointer<UInt32>,
    from ring: UnsafeMutablePointer<nt_ring_consumer>,
    answers: UnsafeMutablePointer<nt_spsc_producer>?
  ) -> Double {
    var done = 0
    var first: Int64 = 0
    var end: Int64 = 0
    while done < samples.count {
      let ready = Int(nt_ring_available(ring, UInt64(Self.batch)))
      guard ready > 0 else {
        nt_pause()
        continue
      }
      let now = nanoseconds()
      if done == 0 { first = now }
      end = process(ring, ready, now)
      for i in 0..<ready {
        let due = nt_ring_peek_at(ring, UInt64(i)).load(as: Int64.self)
        samples[done + i] = UInt32(clamping: end - due)
      }
      nt_ring_release(ring, UInt64(ready))
      done += ready
      if let answers {
        var word: UInt64 = 0
        for _ in 0..<ready { while !nt_spsc_push(answers, &word, 8) { nt_pause() } }
      }
    }
    return Double(max(1, end - first)) / 1e9
  }

  /// A batch's frames become records, books, orders and bytes, and the venue's rejections of those
  /// orders come back; when it was done.
  private mutating func process(
    _ ring: UnsafeMutablePointer<nt_ring_consumer>, _ ready: Int, _ now: Int64
  ) -> Int64 {
    var made = 0
    for i in 0..<ready {
      let frame = (nt_ring_peek_at(ring, UInt64(i)) + OpenLoop.frameOffset)
        .assumingMemoryBound(to: UInt8.self)
      let length = 2 + Int(frame[0]) << 8 + Int(frame[1])
      let batch = ITCHDecoder.decodeFrames(
        frame, count: min(length, OpenLoop.payload - OpenLoop.frameOffset), midnight: Self.midnight,
        firstSequence: sequence, into: records + made, capacity: 1)
      made += batch.records
      sequence += UInt64(batch.records)
    }
    driver.ingest(records, count: made, machineTime: now)
    spend(handicap * Int64(ready))
    var hasOrders = false
    while let request = driver.engine.nextRequest(machineTime: now) {
      _ = gateway.encode(request, now: now)
      driver.engine.requestTaken()
      hasOrders = true
      gateway.sent(now: now)
      let packet = venue.rejection(of: request.venueReference, request.clientOrderID)
      if packet.map({ gateway.receive($0, now: now) == $0.count }) != true { lost += 1 }
      for report in gateway.reports {
        driver.apply(report, sessionTime: records[made - 1].sessionTime, machineTime: now)
      }
      gateway.clearReports()
    }
    if hasOrders { lane.rewind() }
    return nanoseconds()
  }
}
