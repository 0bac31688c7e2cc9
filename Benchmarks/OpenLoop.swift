import BenchSupport
import CSupport
import ExecutionCore
import Gateways

/// The sending end of an open loop: each message has an intended time, which travels with it, and is sent
/// then, or at once when that time has passed. A receiver that stalls does not stop the clock: the
/// messages that should have been sent meanwhile carry their intended times too, so its stall stands in
/// the latency of each of them (no coordinated omission).
///
/// Threading: ``run()`` is one pinned, spinning thread; the receiver is another.
final class OpenLoop: @unchecked Sendable {
  /// When messages are sent.
  enum Pace {
    /// So many a second, whatever the receiver does.
    case rate(Double)
    /// As fast as the ring takes them.
    case saturating
    /// The next when the last has been answered: what hides a stall, for comparison.
    case closed
  }

  /// An item of the ring: the intended time, then one frame with its length.
  static let payload = 64
  static let frameOffset = 8
  static let capacity: UInt64 = 65_536
  /// Session time goes on by so much with each message, whatever the rate, so that the same decisions
  /// are made at every rate.
  static let sessionStep: Int64 = 100_000

  private let frames: LoadFrames
  private let count: Int
  private let pace: Pace
  private let first: Int
  private let producer: UnsafeMutablePointer<nt_spsc_producer>
  private let answers: UnsafeMutablePointer<nt_ring_consumer>

  /// - Parameters:
  ///   - first: how many messages were sent before this stretch: session time goes on from there.
  ///   - ring: where messages go; `answers`: where the receiver says that it is done with one.
  init(
    _ frames: LoadFrames, count: Int, pace: Pace, first: Int, into ring: RingEnds,
    answers: RingEnds
  ) {
    self.frames = frames
    self.count = count
    self.pace = pace
    self.first = first
    producer = ring.producer
    self.answers = answers.consumer
  }

  func run() {
    let interval: Double =
      switch pace {
      case .rate(let perSecond): 1e9 / perSecond
      case .saturating, .closed: 0
      }
    let isClosed = if case .closed = pace { true } else { false }
    // The receiver has come to its loop by then.
    let start = nanoseconds() + 200_000
    while nanoseconds() < start { nt_pause() }
    for i in 0..<count {
      var due = start + Int64(Double(i) * interval)
      if interval > 0 {
        while nanoseconds() < due { nt_pause() }
      } else {
        due = nanoseconds()
      }
      var slot = nt_spsc_claim(producer)
      while slot == nil {
        nt_pause()
        slot = nt_spsc_claim(producer)
      }
      if let slot { frames.write(first + i, due: due, to: slot) }
      nt_spsc_publish(producer, 1)
      if isClosed { awaitAnswer() }
    }
  }

  private func awaitAnswer() {
    while nt_ring_peek(answers) == nil { nt_pause() }
    nt_ring_release(answers, 1)
  }
}

/// Frames that are sent in turn, again and again: each round leaves the books as it found them.
final class LoadFrames: @unchecked Sendable {
  /// One message in so many makes an order.
  static let orderEvery = 32
  private static let rounds = 512
  static let opened: Int64 = 37_800_000_000_000
  private let bytes: UnsafeMutablePointer<UInt8>
  private static let frameMax = OpenLoop.payload - OpenLoop.frameOffset
  private static let count = rounds * orderEvery

  /// Adds and deletes behind the best prices of random instruments, and in each round one better bid.
  init(instruments: Int) throws {
    bytes = .allocate(capacity: Self.count * Self.frameMax)
    bytes.initialize(repeating: 0, count: Self.count * Self.frameMax)
    var random = BenchRandom(seed: 1)
    for pair in 0..<(Self.count / 2) {
      let isBetter = pair % (Self.orderEvery / 2) == Self.orderEvery / 4
      var record = MarketRecord()
      let instrument = Int(random.below(UInt64(instruments)))
      record.locate = UInt16(instrument + 1)
      record.symbol = BenchMarket.symbol(instrument)
      let buys = isBetter || random.below(2) == 0
      record.side = UInt8(ascii: buys ? "B" : "S")
      let away = 100 * UInt32(1 + random.below(20))
      record.price = isBetter ? 999_950 : buys ? 999_900 - away : 1_000_100 + away
      record.shares = 100
      record.reference = UInt64(10_000_000 + pair)
      record.kind = ITCHDecoder.Kind.add
      try encode(&record, at: 2 * pair)
      record.kind = ITCHDecoder.Kind.delete
      try encode(&record, at: 2 * pair + 1)
    }
  }

  deinit { bytes.deallocate() }

  private func encode(_ record: inout MarketRecord, at i: Int) throws {
    let n = ITCHEncoder.encodeFrame(
      &record, midnight: 0, into: bytes + i * Self.frameMax, capacity: Self.frameMax)
    guard n > 0 else { throw BenchError("a message of the load has no encoding") }
  }

  /// Message `i` of all, with its session time, and the time at which it should have been sent.
  @inline(__always) func write(_ i: Int, due: Int64, to slot: UnsafeMutableRawPointer) {
    let frame = slot + OpenLoop.frameOffset
    frame.copyMemory(from: bytes + (i % Self.count) * Self.frameMax, byteCount: 40)
    slot.storeBytes(of: due, as: Int64.self)
    // Length, type, locate and tracking number, then six bytes of time.
    let time = UInt64(Self.opened + Int64(i) * OpenLoop.sessionStep)
    frame.storeBytes(
      of: UInt16(truncatingIfNeeded: time >> 32).bigEndian, toByteOffset: 7, as: UInt16.self)
    frame.storeBytes(
      of: UInt32(truncatingIfNeeded: time).bigEndian, toByteOffset: 9, as: UInt32.self)
  }
}
