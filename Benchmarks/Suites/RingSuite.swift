import BenchSupport
import CFloors
import CSupport

/// How fast do items cross between two cores, one by one, in batches, and there and back?
enum RingSuite: Suite {
  static let name = "ring"
  static let question = "how fast do items cross between two pinned cores?"
  static let capacity: UInt64 = 4096
  /// Of 5 M items each, so that a median stands on 100 M.
  static let runsMin = 20

  static func run(_ context: BenchContext) throws -> [Figure] {
    guard context.processors.count >= 2 else { throw OneProcessorError() }
    var measured = Measured()
    let crowd = RingCrowd(
      count: context.quick ? 20_000 : 1_000_000, handicap: context.handicap,
      cpus: context.processors)
    // The first turn warms up.
    var discarded = Measured()
    try discarded.turn(context)
    // Throughput has two modes: many short runs in turn, and their median.
    for _ in 0..<(context.quick ? context.runs : max(context.runs, runsMin)) {
      try measured.turn(context)
    }
    for _ in 0..<context.runs { try measured.turn(crowd) }
    return measured.figures(crowd.manner)
  }

  /// What the runs gave, figure by figure.
  private struct Measured {
    var wide: [Double] = []
    var narrow: [Double] = []
    var wideBatched: [Double] = []
    var narrowBatched: [Double] = []
    var trip: [Double] = []
    var bounce: [Double] = []
    var many: [Double] = []
    var written: [Double] = []
    var received: [Double] = []

    mutating func turn(_ context: BenchContext) throws {
      let count: UInt64 = context.quick ? 50_000 : 5_000_000
      let trips = context.quick ? 2_000 : 50_000
      let plan = TransferPlan(count: count, handicap: context.handicap, cpus: context.processors)
      wide.append(try transfer(plan, payload: 64, batch: 1))
      narrow.append(try transfer(plan, payload: 8, batch: 1))
      wideBatched.append(try transfer(plan, payload: 64, batch: 32))
      narrowBatched.append(try transfer(plan, payload: 8, batch: 32))
      trip.append(try roundTrip(trips, context))
      bounce.append(try floorBounce(trips, turn: bounce.count, context))
    }

    mutating func turn(_ crowd: RingCrowd) throws {
      many.append(try crowd.manyProducers())
      let broadcast = try crowd.broadcast()
      written.append(broadcast.written)
      received.append(broadcast.received)
    }

    func figures(_ manner: String) -> [Figure] {
      let target = Figure.Limit(value: 0.033481, atLeast: true)
      return [
        Figure("SPSC 64 B, item by item", "M/s", wide, limit: target, note: beside(.ringWide)),
        Figure("SPSC 8 B, item by item", "M/s", narrow, limit: target, note: beside(.ringNarrow)),
        Figure("SPSC 64 B, batches of 32", "M/s", wideBatched),
        Figure("SPSC 8 B, batches of 32", "M/s", narrowBatched, note: beside(.ringBatched)),
        Figure(
          "SPSC 8 B, there and back, p50", "ns", trip, limit: .init(value: 30_000, atLeast: false)),
        Figure("floor: a word bounced over two lines, p50", "ns", bounce),
        Figure(
          "there and back / floor", "x", zip(trip, bounce).map { $0 / $1 }, goal: .ringHandOff),
        Figure("MPSC 64 B, two producers, \(manner)", "M/s", many, goal: .ringMany),
        Figure("broadcast 64 B, written, \(manner)", "M/s", written),
        Figure(
          "broadcast 64 B, received by the slower of two, \(manner)", "M/s", received,
          goal: .ringBroadcast),
      ]
    }
  }

  /// A goal that is a ratio to peers: `make bench-peers` measures both in one run.
  private static func beside(_ goal: Goal) -> String {
    "goal: \(goal.title)\(goal.bound.map { " >= \(number($0.value))" } ?? ""), by make bench-peers"
  }

  /// Millions of items a second, every item's words written by one end and checked by the other.
  private static func transfer(_ plan: TransferPlan, payload: UInt32, batch: UInt64) throws
    -> Double
  {
    let ends = try RingEnds(payload: payload, capacity: capacity)
    defer { ends.close() }
    let job = TransferJob(plan: plan, ends: ends, words: Int(payload / 8), batch: batch)
    let seconds = try job.run()
    guard job.wrong == 0 else { throw BenchError("\(job.wrong) items arrived damaged") }
    return Double(plan.count) / seconds / 1e6
  }

  private static func roundTrip(_ trips: Int, _ context: BenchContext) throws -> Double {
    let there = try RingEnds(payload: 8, capacity: capacity)
    let back = try RingEnds(payload: 8, capacity: capacity)
    defer {
      there.close()
      back.close()
    }
    let echo = EchoJob(from: there, to: back, count: trips, handicap: context.handicap)
    let thread = try PinnedThread(name: "ring-echo", cpu: context.processors[1]) { echo.run() }
    pin(context.processors[0])
    var samples = [UInt32](repeating: 0, count: trips)
    for i in 0..<trips {
      let start = nanoseconds()
      var word = UInt64(i)
      while !nt_spsc_push(there.producer, &word, 8) {}
      var item = nt_ring_peek(back.consumer)
      while item == nil { item = nt_ring_peek(back.consumer) }
      nt_ring_release(back.consumer, 1)
      samples[i] = UInt32(clamping: nanoseconds() - start)
    }
    thread.join()
    return median(&samples)
  }

  /// The two lines of the floor lie on its caller's stack, and what a line costs differs by a
  /// factor of two from page to page: a stack that no turn before had, as the rings are new ones.
  private static func floorBounce(_ trips: Int, turn: Int, _ context: BenchContext) throws
    -> Double
  {
    let bounce = BounceJob(trips: trips, cpus: context.processors)
    let thread = try PinnedThread(
      name: "ring-floor", cpu: context.processors[0], stackBytes: UInt64(1_024 + 64 * turn) << 10
    ) { bounce.run() }
    thread.join()
    guard bounce.error == 0 else {
      throw BenchError("the bounce floor could not pin: errno \(bounce.error)")
    }
    return median(&bounce.samples)
  }
}

/// Written by its thread, read after it has been joined.
private final class BounceJob: @unchecked Sendable {
  var samples: [UInt32]
  private(set) var error: Int32 = 0
  private let cpus: [Int32]

  init(trips: Int, cpus: [Int32]) {
    samples = [UInt32](repeating: 0, count: trips)
    self.cpus = cpus
  }
  func run() { error = floor_bounce(cpus[0], cpus[1], &samples, samples.count) }
}

struct TransferPlan {
  var count: UInt64
  var handicap: Int64
  var cpus: [Int32]
}

/// Both ends of one SPSC ring, each in a cache line of its own.
final class RingEnds: @unchecked Sendable {
  private let ring: OpaquePointer
  let producer: UnsafeMutablePointer<nt_spsc_producer>
  let consumer: UnsafeMutablePointer<nt_ring_consumer>

  init(payload: UInt32, capacity: UInt64) throws {
    var made: OpaquePointer?
    let options = nt_ring_options(
      kind: NT_RING_SPSC, payload_bytes: payload, capacity: capacity, tag: 1)
    let error = nt_ring_create(&made, options, nil)
    guard error == 0, let made else {
      throw BenchError("no ring: \(String(cString: nt_ring_error_text(error)))")
    }
    ring = made
    producer = Self.line(nt_spsc_producer.self)
    consumer = Self.line(nt_ring_consumer.self)
    guard nt_spsc_producer_open(producer, ring) == 0, nt_ring_consumer_open(consumer, ring) == 0
    else { throw BenchError("the ends of a new ring could not be opened") }
  }

  /// Zeroed, at the start of 128 bytes: Intel fetches lines in pairs.
  private static func line<T: BitwiseCopyable>(_: T.Type) -> UnsafeMutablePointer<T> {
    let raw = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 128)
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: 128)
    return raw.assumingMemoryBound(to: T.self)
  }

  func close() {
    nt_ring_close(ring)
    UnsafeMutableRawPointer(producer).deallocate()
    UnsafeMutableRawPointer(consumer).deallocate()
  }
}

/// One timed crossing: the producer on the calling thread, the consumer on a pinned one.
final class TransferJob: @unchecked Sendable {
  private let plan: TransferPlan
  private let ends: RingEnds
  private let words: Int
  private let batch: UInt64
  /// Written by the consumer, read after it has been joined.
  private(set) var wrong = 0

  init(plan: TransferPlan, ends: RingEnds, words: Int, batch: UInt64) {
    self.plan = plan
    self.ends = ends
    self.words = words
    self.batch = batch
  }

  func run() throws -> Double {
    let thread = try PinnedThread(name: "ring-consumer", cpu: plan.cpus[1]) { self.consume() }
    pin(plan.cpus[0])
    let start = nanoseconds()
    produce()
    thread.join()
    return Double(nanoseconds() - start) / 1e9
  }

  private func produce() {
    let producer = ends.producer
    var next: UInt64 = 0
    while next < plan.count {
      let wanted = min(batch, plan.count - next)
      let room = min(nt_spsc_free(producer, wanted), wanted)
      guard room > 0 else {
        nt_pause()
        continue
      }
      for i in 0..<room {
        let slot = nt_spsc_slot_at(producer, i).assumingMemoryBound(to: UInt64.self)
        for w in 0..<words { slot[w] = next &+ i &+ UInt64(w) }
        spend(plan.handicap)
      }
      nt_spsc_publish(producer, room)
      next += room
    }
  }

  private func consume() {
    var next: UInt64 = 0
    var damaged = 0
    while next < plan.count {
      let ready = batch == 1 ? peeked() : nt_ring_available(ends.consumer, batch)
      guard ready > 0 else {
        nt_pause()
        continue
      }
      for i in 0..<ready {
        let slot = nt_ring_peek_at(ends.consumer, i).assumingMemoryBound(to: UInt64.self)
        var differs: UInt64 = 0
        for w in 0..<words { differs |= slot[w] ^ (next &+ i &+ UInt64(w)) }
        damaged += differs == 0 ? 0 : 1
      }
      nt_ring_release(ends.consumer, ready)
      next += ready
    }
    wrong = damaged
  }

  @inline(__always)
  private func peeked() -> UInt64 { nt_ring_peek(ends.consumer) == nil ? 0 : 1 }
}

private final class EchoJob: @unchecked Sendable {
  private let from: RingEnds
  private let to: RingEnds
  private let count: Int
  private let handicap: Int64

  init(from: RingEnds, to: RingEnds, count: Int, handicap: Int64) {
    self.from = from
    self.to = to
    self.count = count
    self.handicap = handicap
  }

  func run() {
    for _ in 0..<count {
      var item = nt_ring_peek(from.consumer)
      while item == nil { item = nt_ring_peek(from.consumer) }
      var word = item.map { $0.load(as: UInt64.self) } ?? 0
      nt_ring_release(from.consumer, 1)
      spend(handicap)
      while !nt_spsc_push(to.producer, &word, 8) {}
    }
  }
}
