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
  @usableFromInline package let lineA: ConnectionID
  @usableFromInline package let lineB: ConnectionID
  private let requestSocket: ConnectionID
  /// Where re-requests go; `any(port: 0)` until it is known.
  @usableFromInline package var requestServer = Endpoint.any(port: 0)
  private let midnight: Int64
  private let records: UnsafeMutablePointer<MarketRecord>
  @usableFromInline package internal(set) var datagrams: UInt64 = 0
  @usableFromInline package internal(set) var bytes: UInt64 = 0
  @usableFromInline package internal(set) var malformed: UInt64 = 0
  /// What the receiver has said since the last ``takeEvents()``.
  @usableFromInline var events: MoldEvents = []

  /// Opens the two lines' sockets and one for re-requests.
  ///
  /// A line that is a multicast group is joined on `interface`; else it is an address of this machine,
  /// port 0 for any free one. Holes are repaired as `repair` says.
  package init(
    on reactor: inout Reactor, lineA atA: Endpoint, lineB atB: Endpoint, interface: UInt32,
    midnight: Int64, repair: MoldReceiverSettings = MoldReceiverSettings()
  ) throws(ReactorError) {
    var options = SocketOptions.direct
    options.reportsReceiveTime = true
    options.samplesReceiveTime = true
    options.receiveBufferBytes = Self.socketBytes
    let lineA = try reactor.openDatagram(bind: atA, options: options, token: Token.lineA)
    var ordinary = SocketOptions()
    ordinary.receiveBufferBytes = Self.socketBytes
    let lineB = try reactor.openDatagram(bind: atB, options: ordinary, token: Token.lineB)
    for (endpoint, line) in [(atA, lineA), (atB, lineB)] where endpoint.isMulticast {
      try reactor.join(group: endpoint.address, interface: interface, on: line)
    }
    let requestSocket = try reactor.openDatagram(
      bind: Endpoint(address: interface, port: 0), options: ordinary, token: Token.request)
    self.midnight = midnight
    self.lineA = lineA
    self.lineB = lineB
    self.requestSocket = requestSocket
    receiver = MoldReceiver(repair)
    unsafe records = .allocate(capacity: Self.batchMax)
    unsafe records.initialize(repeating: MarketRecord(), count: Self.batchMax)
  }

  deinit { unsafe records.deallocate() }

  /// Takes one datagram; `apply` gets the records of each contiguous run, in order.
  @usableFromInline
  package mutating func receive(
    _ datagram: UnsafeRawBufferPointer, token: UInt64,
    _ apply: (UnsafePointer<MarketRecord>, Int) -> Void
  ) {
    datagrams &+= 1
    bytes &+= UInt64(datagram.count)
    let line =
      token == Token.request ? receiver.requestLine : token == Token.lineB ? 1 : 0
    let midnight = midnight
    let records = unsafe records
    var bad = 0
    let found = unsafe receiver.receive(datagram, line: line) { span in
      unsafe bad &+= Self.decode(span, midnight: midnight, into: records, apply)
    }
    malformed &+= UInt64(bad)
    events.formUnion(found)
  }

  /// Decodes a run in batches; returns the malformed messages in it.
  @inline(__always)
  private static func decode(
    _ span: MoldSpan, midnight: Int64, into records: UnsafeMutablePointer<MarketRecord>,
    _ apply: (UnsafePointer<MarketRecord>, Int) -> Void
  ) -> Int {
    guard let base = unsafe span.framed.bindMemory(to: UInt8.self).baseAddress else { return 0 }
    var offset = 0
    var sequence = span.firstSequence
    var malformed = 0
    // Each turn consumes a frame at least, or ends.
    while unsafe offset < span.framed.count {
      let batch = unsafe ITCHDecoder.decodeFrames(
        base + offset, count: span.framed.count - offset, midnight: midnight,
        firstSequence: sequence, into: records, capacity: batchMax)
      if batch.records > 0 { unsafe apply(records, batch.records) }
      malformed &+= batch.malformed
      guard batch.consumed > 0 else { break }
      offset &+= batch.consumed
      if sequence != 0 { sequence &+= UInt64(batch.frames) }
    }
    return malformed
  }

  /// Sends the re-requests that are due. Bounded: a few at a time.
  @usableFromInline package mutating func request(_ reactor: inout Reactor, now: Int64) {
    guard requestServer.port != 0 else { return }
    unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { buffer in
      for _ in 0..<8 {
        let length = unsafe receiver.poll(now: now, into: buffer, &events)
        guard length > 0 else { return }
        _ = unsafe reactor.sendDatagram(
          UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<length]),
          to: requestServer, on: requestSocket)
      }
    }
  }

  /// Goes on behind a snapshot that ends before `sequence`; false when it is older than the feed. What
  /// else happened waits in ``takeEvents()``.
  @usableFromInline package mutating func splice(
    at sequence: UInt64, _ apply: (UnsafePointer<MarketRecord>, Int) -> Void
  ) -> Bool {
    let midnight = midnight
    let records = unsafe records
    var bad = 0
    let found = receiver.splice(at: sequence) { span in
      unsafe bad &+= Self.decode(span, midnight: midnight, into: records, apply)
    }
    malformed &+= UInt64(bad)
    guard let found else { return false }
    events.formUnion(found)
    return true
  }

  @inlinable package mutating func takeEvents() -> MoldEvents {
    defer { events = [] }
    return events
  }
}
