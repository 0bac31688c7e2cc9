public import ExecutionCore
public import Gateways
package import Transport

/// The market-data end of the hot thread for one feed by price: its lines, the decoder, and how it goes on behind what
/// is lost. Datagrams go in, batches of records come out.
///
/// There is no snapshot to be asked for: what can't be had again is given up, no instrument of the feed is whole any more,
/// and each becomes so when the feed next tells it.
///
/// Threading: the hot thread. No allocation after `init`.
@safe @usableFromInline package struct PriceFeedClient: ~Copyable {
  /// Records of one batch: more than a datagram can hold.
  static var batchMax: Int { 2_048 }
  /// A market that never closes may be recorded over midnight, and for days.
  static var days: Int64 { 400 }

  @usableFromInline package var lines: FeedLines
  /// The feed's place in ``EngineConfiguration/feeds``.
  @usableFromInline package let channel: UInt8
  private let records: UnsafeMutablePointer<FeedRecord>
  private let times: UnsafeMutablePointer<FeedTimes>
  /// Ours: what money comes to by them.
  private let facts: UnsafeMutablePointer<InstrumentFacts>
  private let factCount: Int
  /// Messages that can't be read, or of a kind that no feed by price has.
  @usableFromInline package private(set) var malformed: UInt64 = 0
  /// Instruments of the feed that are none of ours; and that can't be ours, by exponents, multiplier or currency. Each
  /// time that the feed names one.
  @usableFromInline package private(set) var unlisted: UInt64 = 0
  @usableFromInline package private(set) var unequal: UInt64 = 0
  /// Instruments of ours that it has named.
  @usableFromInline package private(set) var named: UInt64 = 0
  /// Times that messages were given up, and the messages.
  @usableFromInline package private(set) var losses: UInt64 = 0
  @usableFromInline package private(set) var lost: UInt64 = 0
  /// What was missing is given up; it goes on when more has come, which is then known not to be the claim of one packet.
  @usableFromInline package private(set) var isResuming = false
  private var bufferedBefore: UInt64 = 0
  @usableFromInline package internal(set) var sight = MarketSight()

  /// Opens its sockets, see ``FeedLines``.
  ///
  /// - Parameters:
  ///   - instruments: by the engine's numbers.
  ///   - channel: the feed's place in ``EngineConfiguration/feeds``.
  ///   - speed: of the ``SessionClock``.
  package init(
    on reactor: inout Reactor, lineA atA: Endpoint, lineB atB: Endpoint, interface: UInt32,
    token: UInt64, channel: UInt8, instruments: [InstrumentFacts], midnight: Int64, speed: Int64?,
    repair: MoldReceiverSettings = MoldReceiverSettings()
  ) throws(ReactorError) {
    self.channel = channel
    lines = try FeedLines(
      on: &reactor, lineA: atA, lineB: atB, interface: interface, token: token, repair: repair)
    unsafe records = .allocate(capacity: Self.batchMax)
    unsafe records.initialize(repeating: FeedRecord(), count: Self.batchMax)
    unsafe times = .allocate(capacity: 1)
    unsafe times.initialize(
      to: FeedTimes(midnight: midnight, speed: speed, days: Self.days))
    factCount = instruments.count
    unsafe facts = .allocate(capacity: max(1, factCount))
    for (i, one) in instruments.enumerated() { unsafe (facts + i).initialize(to: one) }
  }

  deinit {
    unsafe records.deallocate()
    unsafe times.deallocate()
    unsafe facts.deallocate()
  }

  /// Messages whose time was not taken: see ``FeedTimes``.
  @usableFromInline package var implausibleTimes: UInt64 { unsafe times.pointee.implausible }

  /// Takes one datagram; `apply` gets the records of each contiguous run, in order.
  @usableFromInline
  package mutating func receive(
    _ datagram: UnsafeRawBufferPointer, token: UInt64, now: Int64, books: PriceBooks,
    _ apply: (UnsafePointer<FeedRecord>, Int) -> Void
  ) {
    lines.datagrams &+= 1
    lines.bytes &+= UInt64(datagram.count)
    let room = unsafe room(now, books)
    var found = Found()
    unsafe lines.receive(datagram, token: token) { span in
      unsafe Self.decode(span, room, &found, apply)
    }
    if found.isAny { take(found) }
    guard isResuming, lines.receiver.counters.buffered != bufferedBefore else { return }
    unsafe resume(room, books, apply)
  }

  /// What decoding needs, apart from the receiver that calls it.
  @unsafe private struct Room {
    var channel: UInt8
    var datagram: UInt64
    var now: Int64
    var records: UnsafeMutablePointer<FeedRecord>
    var times: UnsafeMutablePointer<FeedTimes>
    var facts: UnsafeMutablePointer<InstrumentFacts>
    var factCount: Int
    var books: PriceBooks
  }
  @inline(__always) private func room(_ now: Int64, _ books: PriceBooks) -> Room {
    unsafe Room(
      channel: channel, datagram: lines.datagrams, now: now, records: records, times: times,
      facts: facts, factCount: factCount, books: books)
  }

  /// What of a run gave no record.
  private struct Found {
    var malformed: UInt64 = 0
    var unlisted: UInt64 = 0
    var unequal: UInt64 = 0
    var named: UInt64 = 0
    var isAny: Bool { malformed | unlisted | unequal | named != 0 }
  }

  /// Decodes a run in batches.
  @inline(__always)
  private static func decode(
    _ span: MoldSpan, _ room: Room, _ found: inout Found,
    _ apply: (UnsafePointer<FeedRecord>, Int) -> Void
  ) {
    guard let base = unsafe span.framed.baseAddress else { return }
    let records = unsafe room.records
    let bytes = unsafe span.framed.count
    var offset = 0
    var count = 0
    var sequence = span.firstSequence
    // Each turn consumes a frame; the receiver has checked that they are whole.
    while offset &+ 2 <= bytes {
      let length =
        unsafe Int(base.load(fromByteOffset: offset, as: UInt8.self)) << 8
        | Int(base.load(fromByteOffset: offset &+ 1, as: UInt8.self))
      guard offset &+ 2 &+ length <= bytes else { break }
      let message = unsafe UnsafeRawBufferPointer(start: base + offset + 2, count: length)
      if unsafe PriceMessage.read(message, sequence: sequence, into: &records[count]) {
        count &+= 1
      } else {
        // Of what lies before it, first.
        if count > 0 { unsafe hand(count, room, apply) }
        count = 0
        unsafe takeOther(message, room, &found)
      }
      if count == batchMax {
        unsafe hand(count, room, apply)
        count = 0
      }
      offset &+= 2 &+ length
      sequence &+= 1
    }
    if count > 0 { unsafe hand(count, room, apply) }
  }

  @inline(__always)
  private static func hand(
    _ count: Int, _ room: Room, _ apply: (UnsafePointer<FeedRecord>, Int) -> Void
  ) {
    unsafe room.times.pointee.check(room.records, count, of: room.datagram, now: room.now)
    unsafe apply(room.records, count)
  }

  /// An instrument, or what can't be read. Never inlined: once for each instrument in a second.
  @inline(never)
  private static func takeOther(
    _ message: UnsafeRawBufferPointer, _ room: Room, _ found: inout Found
  ) {
    guard let told = unsafe PriceMessage.instrument(message) else {
      found.malformed &+= 1
      // Whatever it was, some instrument lacks it: nothing behind it is traded on.
      unsafe room.books.lose(room.channel)
      return
    }
    guard let facts = unsafe Self.facts(told.symbol, room) else {
      found.unlisted &+= 1
      return unsafe room.books.unbind(room.channel, told.number)
    }
    guard told.isWorth(facts) else {
      found.unequal &+= 1
      return unsafe room.books.unbind(room.channel, told.number)
    }
    let isNew = unsafe !room.books.isBound(room.channel, told.number)
    let result = unsafe room.books.bind(
      room.channel, told.number, told.symbol, priceExponent: told.priceExponent,
      quantityExponent: told.quantityExponent)
    switch result {
    case .bound: if isNew { found.named &+= 1 }
    case .unlisted: found.unlisted &+= 1
    case .tooFine, .numberTooLarge, .noSuchFeed: found.unequal &+= 1
    }
  }

  private static func facts(_ symbol: Symbol, _ room: Room) -> InstrumentFacts? {
    for i in unsafe 0..<room.factCount where unsafe room.facts[i].symbol == symbol {
      return unsafe room.facts[i]
    }
    return nil
  }

  /// Never inlined: rare.
  @inline(never) private mutating func take(_ found: Found) {
    malformed &+= found.malformed
    unlisted &+= found.unlisted
    unequal &+= found.unequal
    named &+= found.named
  }

  // MARK: Losses

  /// Messages are missing that are asked for.
  @usableFromInline package var isMissing: Bool {
    lines.receiver.hasGap || lines.receiver.isDisputed
  }

  /// The receiver has said something that ``takeEvents(_:now:)`` is to do.
  @inline(__always) @usableFromInline package var hasEvents: Bool { !lines.events.isEmpty }

  /// What the receiver has said since it was last asked, done to the books: a hole opens, closes or is given up.
  @usableFromInline package mutating func takeEvents(
    _ books: PriceBooks, now: Int64
  ) -> MoldEvents {
    var events = lines.takeEvents()
    // One of two copies is wrong, and it may be the one that is in the books.
    if events.contains(.disagreement) { events.formUnion(lines.receiver.distrust()) }
    if events.contains(.gapOpened) || events.contains(.disputed) {
      books.gapDetected(channel)
      // A dispute in a hole that is open makes that no younger.
      if events.contains(.gapOpened) || !lines.receiver.hasGap { sight.gapSince = now }
    }
    if events.contains(.gapClosed) || events.contains(.settled), !isMissing {
      books.gapRepaired(channel)
    }
    if events.contains(.needsSnapshot) { giveUp(books) }
    return events
  }

  /// What is missing can't be had: no instrument of the feed is whole. It goes on with what comes next.
  private mutating func giveUp(_ books: PriceBooks) {
    guard !isResuming else { return }
    isResuming = true
    bufferedBefore = lines.receiver.counters.buffered
    books.gapRepaired(channel)
    books.lose(channel)
  }

  /// The run ends, and what is missing is not repaired any more.
  @usableFromInline package mutating func loseMissing(_ books: PriceBooks) {
    guard lines.receiver.hasGap else { return }
    books.lose(channel)
    guard lines.receiver.counters.delivered > 0 else { return }
    lost &+= lines.receiver.missing
    losses &+= 1
  }

  /// Goes on at the lowest message that is kept: one packet that claims to lie far ahead does not decide where.
  @inline(never) private mutating func resume(
    _ room: Room, _ books: PriceBooks, _ apply: (UnsafePointer<FeedRecord>, Int) -> Void
  ) {
    let next = lines.receiver.resumption
    let unseen = lines.receiver.unseen(before: next)
    var found = Found()
    let events = lines.receiver.splice(at: next) { span in
      unsafe Self.decode(span, room, &found, apply)
    }
    guard let events else { return }
    lines.events.formUnion(events)
    // Who came late has lost nothing.
    lost &+= unseen
    if unseen > 0 { losses &+= 1 }
    isResuming = false
    if found.isAny { take(found) }
  }
}
