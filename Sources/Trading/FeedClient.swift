public import ExecutionCore
package import Gateways
package import Transport

/// The market-data end of the hot thread for the feed of orders: its lines and the decoder. Datagrams go in, batches of
/// records come out.
///
/// Threading: the hot thread. No allocation after `init`.
@safe @usableFromInline package struct FeedClient: ~Copyable {
  /// What the reactor's events of its sockets carry, and the two behind it.
  @inlinable package static var token: UInt64 { 1 }
  /// Records of one batch: more than a datagram can hold.
  static let batchMax = 4_096

  @usableFromInline package var lines: FeedLines
  private let midnight: Int64
  private let records: UnsafeMutablePointer<MarketRecord>
  private let times: UnsafeMutablePointer<FeedTimes>
  /// Messages of a known type that cannot be read: after one of these the books are taken from a snapshot.
  @usableFromInline package internal(set) var malformed: UInt64 = 0
  /// Messages of a type that is not known, which are passed over.
  @usableFromInline package internal(set) var skipped: UInt64 = 0

  /// Opens its sockets, see ``FeedLines``. `speed` is that of the ``SessionClock``.
  package init(
    on reactor: inout Reactor, lineA atA: Endpoint, lineB atB: Endpoint, interface: UInt32,
    midnight: Int64, speed: Int64?, repair: MoldReceiverSettings = MoldReceiverSettings()
  ) throws(ReactorError) {
    self.midnight = midnight
    lines = try FeedLines(
      on: &reactor, lineA: atA, lineB: atB, interface: interface, token: Self.token, repair: repair)
    unsafe records = .allocate(capacity: Self.batchMax)
    unsafe records.initialize(repeating: MarketRecord(), count: Self.batchMax)
    unsafe times = .allocate(capacity: 1)
    unsafe times.initialize(to: FeedTimes(midnight: midnight, speed: speed))
  }

  /// Of a run without a feed of orders.
  package init(off midnight: Int64) {
    self.midnight = midnight
    lines = FeedLines(off: Self.token)
    unsafe records = .allocate(capacity: 1)
    unsafe records.initialize(to: MarketRecord())
    unsafe times = .allocate(capacity: 1)
    unsafe times.initialize(to: FeedTimes(midnight: midnight, speed: nil))
  }

  deinit {
    unsafe records.deallocate()
    unsafe times.deallocate()
  }

  /// Messages whose time was not taken: it stood alone, far from those before and behind it.
  @usableFromInline package var implausibleTimes: UInt64 { unsafe times.pointee.implausible }

  /// Takes one datagram; `apply` gets the records of each contiguous run, in order. `market` hears of messages
  /// that cannot be applied before what comes behind them is.
  @usableFromInline
  package mutating func receive(
    _ datagram: UnsafeRawBufferPointer, token: UInt64, now: Int64, market: ITCHMarket?,
    _ apply: (UnsafePointer<MarketRecord>, Int) -> Void
  ) {
    lines.datagrams &+= 1
    lines.bytes &+= UInt64(datagram.count)
    let room = unsafe room(now, market)
    var faults = FeedFaultCounts()
    unsafe lines.receive(datagram, token: token) { span in
      unsafe Self.decode(span, room, &faults, apply)
    }
    if faults.isAny { take(faults) }
  }

  /// What decoding needs, apart from the receiver that calls it.
  @unsafe private struct Room {
    var midnight: Int64
    var datagram: UInt64
    var now: Int64
    var records: UnsafeMutablePointer<MarketRecord>
    var times: UnsafeMutablePointer<FeedTimes>
    var market: ITCHMarket?
  }
  @inline(__always) private func room(_ now: Int64, _ market: ITCHMarket?) -> Room {
    unsafe Room(
      midnight: midnight, datagram: lines.datagrams, now: now, records: records, times: times,
      market: market)
  }

  /// Decodes a run in batches.
  @inline(__always)
  private static func decode(
    _ span: MoldSpan, _ room: Room, _ faults: inout FeedFaultCounts,
    _ apply: (UnsafePointer<MarketRecord>, Int) -> Void
  ) {
    guard let base = unsafe span.framed.bindMemory(to: UInt8.self).baseAddress else { return }
    let records = unsafe room.records
    var offset = 0
    var sequence = span.firstSequence
    // Each turn consumes a frame at least, or ends.
    while unsafe offset < span.framed.count {
      let batch = unsafe ITCHDecoder.decodeFrames(
        base + offset, count: span.framed.count - offset, midnight: room.midnight,
        firstSequence: sequence, into: records, capacity: batchMax)
      if batch.malformed > 0 {
        unsafe applyAround(base + offset, batch, sequence, room, &faults, apply)
      } else if batch.records > 0 {
        unsafe room.times.pointee.check(records, batch.records, of: room.datagram, now: room.now)
        unsafe apply(records, batch.records)
      }
      guard batch.consumed > 0 else { break }
      offset &+= batch.consumed
      if sequence != 0 { sequence &+= UInt64(batch.frames) }
    }
  }

  /// A batch with frames that gave no record: the market passes over each in its place.
  @inline(never)
  private static func applyAround(
    _ bytes: UnsafePointer<UInt8>, _ batch: ITCHBatch, _ first: UInt64, _ room: Room,
    _ faults: inout FeedFaultCounts, _ apply: (UnsafePointer<MarketRecord>, Int) -> Void
  ) {
    let records = unsafe room.records
    var offset = 0
    var begun = 0
    var reached = 0
    /// What lies before a frame that gave no record.
    func take() {
      guard reached > begun else { return }
      let count = reached &- begun
      unsafe room.times.pointee.check(records + begun, count, of: room.datagram, now: room.now)
      unsafe apply(records + begun, count)
      begun = reached
    }
    for frame in 0..<batch.frames {
      let length = unsafe Int(bytes[offset]) << 8 | Int(bytes[offset &+ 1])
      let kind = unsafe length > 0 ? bytes[offset &+ 2] : 0
      offset &+= 2 &+ length
      if length > 0, ITCHDecoder.length(of: kind) == length {
        reached &+= 1
        continue
      }
      take()
      let isUnknown = FeedFaultCounts.isUnknownType(kind)
      if isUnknown { faults.skipped &+= 1 } else { faults.malformed &+= 1 }
      guard let market = unsafe room.market else { continue }
      if first != 0 { market.skip(1, from: first &+ UInt64(frame)) }
      // Whatever it was, some book lacks it: nothing behind it is traded on.
      if !isUnknown { market.gapLost(missing: 0) }
    }
    take()
  }

  /// Never inlined: rare.
  @inline(never) private mutating func take(_ faults: FeedFaultCounts) {
    malformed &+= faults.malformed
    skipped &+= faults.skipped
    if faults.malformed > 0 { lines.events.formUnion(lines.receiver.distrust()) }
  }

  /// The time to apply a snapshot's message at: orders may be as old as they like, but none is of the future.
  @usableFromInline package mutating func timeInSnapshot(_ time: Int64, now: Int64) -> Int64 {
    unsafe times.pointee.isAhead(time)
      ? times.pointee.judge(time, of: lines.datagrams, now: now) : time
  }

  /// Goes on behind a snapshot that ends before `sequence`, where ``MoldReceiver/standing(of:)`` says that it fits;
  /// else it counts it. What else happened waits in ``FeedLines/takeEvents()``.
  @usableFromInline package mutating func splice(
    at sequence: UInt64, now: Int64, market: ITCHMarket?,
    _ apply: (UnsafePointer<MarketRecord>, Int) -> Void
  ) {
    let room = unsafe room(now, market)
    var faults = FeedFaultCounts()
    let found = lines.receiver.splice(at: sequence) { span in
      unsafe Self.decode(span, room, &faults, apply)
    }
    if let found { lines.events.formUnion(found) }
    if faults.isAny { take(faults) }
  }

}

/// Frames of a run that gave no record.
///
/// ITCH 5.0 gives each type one length. A type that is not known is of a later version: nothing of ours depends
/// on it, and it is passed over. A known type of any other length, longer ones too, or what is no
/// type at all, is a message that some book lacks.
@usableFromInline struct FeedFaultCounts {
  @usableFromInline var malformed: UInt64 = 0
  @usableFromInline var skipped: UInt64 = 0
  @usableFromInline init() {}
  @usableFromInline var isAny: Bool { malformed | skipped != 0 }

  /// A letter that is no type of ours.
  @usableFromInline static func isUnknownType(_ kind: UInt8) -> Bool {
    let isLetter = (kind >= 0x41 && kind <= 0x5a) || (kind >= 0x61 && kind <= 0x7a)
    return isLetter && ITCHDecoder.length(of: kind) == 0
  }
}
