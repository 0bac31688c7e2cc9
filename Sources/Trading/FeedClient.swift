public import ExecutionCore
public import Gateways
public import Transport

/// The market-data end of the hot thread: the feed's sockets, the MoldUDP64 receiver and the decoder.
/// Datagrams go in, batches of records come out.
///
/// Threading: the hot thread. No allocation after `init`.
@safe @usableFromInline package struct FeedClient: ~Copyable {
  /// What the reactor's events of these sockets carry.
  @usableFromInline package enum Token {
    @inlinable package static var lineA: UInt64 { 1 }
    @inlinable package static var lineB: UInt64 { 2 }
    @inlinable package static var request: UInt64 { 3 }
  }
  /// Records of one batch: more than a datagram can hold.
  static let batchMax = 4_096
  /// Asked of the kernel for each socket: room for bursts.
  package static let socketBytes: Int32 = 4 << 20

  @usableFromInline package internal(set) var receiver: MoldReceiver
  /// `none` while it is not open: one that failed is opened again by ``request(_:now:)``.
  @usableFromInline package private(set) var lineA = ConnectionID.none
  @usableFromInline package private(set) var lineB = ConnectionID.none
  package private(set) var requestSocket = ConnectionID.none
  /// Where they are bound, and the interface of their groups.
  private var places: (lineA: Endpoint, lineB: Endpoint, request: Endpoint)
  private let interface: UInt32
  private var openAt: Int64 = 0
  /// Machine time between two attempts at opening a socket again.
  static let openWait: Int64 = 250_000_000
  /// Times that a socket failed, or could not be opened again, and why the last did.
  @usableFromInline package private(set) var failures: UInt64 = 0
  @usableFromInline package private(set) var lastFailure: Int32 = 0
  /// Datagrams that the reactor had dropped when it was last asked.
  private var requestsSeenDropped: UInt64 = 0
  /// Where re-requests go; `any(port: 0)` until it is known.
  @usableFromInline package var requestServer = Endpoint.any(port: 0)
  private let midnight: Int64
  private let records: UnsafeMutablePointer<MarketRecord>
  private let times: UnsafeMutablePointer<FeedTimes>
  @usableFromInline package internal(set) var datagrams: UInt64 = 0
  @usableFromInline package internal(set) var bytes: UInt64 = 0
  /// Messages of a known type that cannot be read: after one of these the books are taken from a snapshot.
  @usableFromInline package internal(set) var malformed: UInt64 = 0
  /// Messages of a type that is not known, which are passed over.
  @usableFromInline package internal(set) var skipped: UInt64 = 0
  /// Datagrams that came to the re-request socket from elsewhere than the server: they are not looked into.
  @usableFromInline package internal(set) var answersRefused: UInt64 = 0
  /// What the receiver has said since the last ``takeEvents()``.
  @usableFromInline var events: MoldEvents = []

  /// Opens the two lines' sockets and one for re-requests.
  ///
  /// A line that is a multicast group is joined on `interface`; else it is an address of this machine,
  /// port 0 for any free one. Holes are repaired as `repair` says. `speed` is that of the ``SessionClock``.
  package init(
    on reactor: inout Reactor, lineA atA: Endpoint, lineB atB: Endpoint, interface: UInt32,
    midnight: Int64, speed: Int64?, repair: MoldReceiverSettings = MoldReceiverSettings()
  ) throws(ReactorError) {
    self.midnight = midnight
    self.interface = interface
    places = (atA, atB, Endpoint(address: interface, port: 0))
    receiver = MoldReceiver(repair)
    unsafe records = .allocate(capacity: Self.batchMax)
    unsafe records.initialize(repeating: MarketRecord(), count: Self.batchMax)
    unsafe times = .allocate(capacity: 1)
    unsafe times.initialize(to: FeedTimes(midnight: midnight, speed: speed))
    try open(on: &reactor)
    // Opened again they are where they were: the venue sends there.
    places.lineA.port = try reactor.localEndpoint(of: lineA).port
    places.lineB.port = try reactor.localEndpoint(of: lineB).port
  }

  /// Those that are not open, each by itself: where one cannot be opened the others are all the same.
  private mutating func open(on reactor: inout Reactor) throws(ReactorError) {
    var failure: ReactorError?
    var options = SocketOptions()
    options.receiveBufferBytes = Self.socketBytes
    options.reportsReceiveTime = true
    Self.open(&lineB, at: places.lineB, interface, options, Token.lineB, &reactor, &failure)
    options.isDirect = true
    options.samplesReceiveTime = true
    Self.open(&lineA, at: places.lineA, interface, options, Token.lineA, &reactor, &failure)
    options = SocketOptions()
    options.receiveBufferBytes = Self.socketBytes
    options.reportsPeer = true
    Self.open(
      &requestSocket, at: places.request, interface, options, Token.request, &reactor, &failure)
    if let failure { throw failure }
  }

  private static func open(
    _ socket: inout ConnectionID, at place: Endpoint, _ interface: UInt32,
    _ options: SocketOptions, _ token: UInt64, _ reactor: inout Reactor,
    _ failure: inout ReactorError?
  ) {
    guard socket == .none else { return }
    do throws(ReactorError) {
      socket = try open(place, interface, options, token, &reactor)
    } catch {
      failure = failure ?? error
    }
  }

  private static func open(
    _ place: Endpoint, _ interface: UInt32, _ options: SocketOptions, _ token: UInt64,
    _ reactor: inout Reactor
  ) throws(ReactorError) -> ConnectionID {
    let socket = try reactor.openDatagram(bind: place, options: options, token: token)
    guard place.isMulticast else { return socket }
    do throws(ReactorError) {
      try reactor.join(group: place.address, interface: interface, on: socket)
    } catch {
      _ = reactor.close(socket)
      throw error
    }
    return socket
  }

  /// One of its sockets has failed, or what was queued there to be sent has. Never inlined: rare.
  @inline(never) @usableFromInline package mutating func failed(
    _ event: borrowing ReactorEvent, _ reactor: inout Reactor, now: Int64
  ) {
    guard event.kind == .failed else {
      if event.kind == .sendFailed { requestsDropped(reactor.counters.droppedDatagrams) }
      return
    }
    switch event.connection {
    case .none: return
    case lineA: lineA = .none
    case lineB: lineB = .none
    case requestSocket: requestSocket = .none
    default: return
    }
    _ = reactor.close(event.connection)
    failures &+= 1
    lastFailure = event.errorNumber
    openAt = now
  }

  /// Nothing but re-requests leaves as datagrams: the reactor counts them, for one event may be of several.
  private mutating func requestsDropped(_ dropped: UInt64) {
    receiver.requestsFailed(dropped &- requestsSeenDropped)
    requestsSeenDropped = dropped
  }

  @inline(never) private mutating func openAgain(_ reactor: inout Reactor, now: Int64) {
    guard now >= openAt else { return }
    openAt = now &+ Self.openWait
    do throws(ReactorError) {
      try open(on: &reactor)
    } catch {
      failures &+= 1
      lastFailure = error.errorNumber
    }
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
    datagrams &+= 1
    bytes &+= UInt64(datagram.count)
    let line =
      token == Token.request ? receiver.requestLine : token == Token.lineB ? 1 : 0
    let room = unsafe room(now, market)
    var faults = FeedFaultCounts()
    let found = unsafe receiver.receive(datagram, line: line) { span in
      unsafe Self.decode(span, room, &faults, apply)
    }
    events.formUnion(found)
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
      midnight: midnight, datagram: datagrams, now: now, records: records, times: times,
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
    if faults.malformed > 0 { events.formUnion(receiver.distrust()) }
  }

  /// The time to apply a snapshot's message at: orders may be as old as they like, but none is of the future.
  @usableFromInline package mutating func timeInSnapshot(_ time: Int64, now: Int64) -> Int64 {
    unsafe times.pointee.isAhead(time) ? times.pointee.judge(time, of: datagrams, now: now) : time
  }

  /// The session is known: what comes from now on is applied.
  @usableFromInline package mutating func adopt(_ session: SessionName) {
    receiver.adopt(session: session)
  }

  /// Whether what came to the re-request socket comes from the server; counted where not. Of a server that listens on
  /// every address only the port is known.
  @usableFromInline mutating func isAnswer(from peer: Endpoint) -> Bool {
    let isServer =
      requestServer.address == 0
      ? peer.port == requestServer.port && peer.port != 0 : peer == requestServer
    if !isServer { answersRefused &+= 1 }
    return isServer
  }

  /// Sends the re-requests that are due, and opens what has failed. Bounded: a few at a time.
  @usableFromInline package mutating func request(_ reactor: inout Reactor, now: Int64) {
    if lineA == .none || lineB == .none || requestSocket == .none { openAgain(&reactor, now: now) }
    guard requestServer.port != 0 else {
      // Nobody can be asked.
      if receiver.isDisputed { events.formUnion(receiver.distrust()) }
      return receiver.tick(now: now)
    }
    unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { buffer in
      for _ in 0..<8 {
        let length = unsafe receiver.poll(now: now, into: buffer, &events)
        guard length > 0 else { return }
        let result = unsafe reactor.sendDatagram(
          UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<length]),
          to: requestServer, on: requestSocket)
        // The next one would not leave either: it keeps its turn.
        guard result == .queued else { return receiver.requestsFailed(1) }
      }
    }
  }

  /// Goes on behind a snapshot that ends before `sequence`, where ``MoldReceiver/standing(of:)`` says that it fits;
  /// else it counts it. What else happened waits in ``takeEvents()``.
  @usableFromInline package mutating func splice(
    at sequence: UInt64, now: Int64, market: ITCHMarket?,
    _ apply: (UnsafePointer<MarketRecord>, Int) -> Void
  ) {
    let room = unsafe room(now, market)
    var faults = FeedFaultCounts()
    let found = receiver.splice(at: sequence) { span in
      unsafe Self.decode(span, room, &faults, apply)
    }
    if let found { events.formUnion(found) }
    if faults.isAny { take(faults) }
  }

  @inlinable package mutating func takeEvents() -> MoldEvents {
    defer { events = [] }
    return events
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
