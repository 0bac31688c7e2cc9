/// The sending side of a MoldUDP64 feed: packs messages into datagrams, numbers them, sends
/// heartbeats when it is quiet and says when the session is over.
///
/// The bytes of `take`, `heartbeat` and `endOfSession` lie in this publisher's own buffer until its
/// next call; the same datagram goes to the A and to the B line. Threading: one thread. No
/// allocation after `init`. Source: MoldUDP64 1.00.
@safe public struct MoldPublisher: ~Copyable {
  @frozen public enum Appended: BitwiseCopyable, Sendable, Equatable {
    /// It got this sequence.
    case sequence(UInt64)
    /// The datagram has no room: send `take()` first, then append again.
    case full
    /// It would not even fit in an empty datagram.
    case tooLong
  }

  public let session: SessionName
  /// The sequence of the next message appended.
  public private(set) var nextSequence: UInt64
  public private(set) var datagrams: UInt64 = 0
  private let block: Block
  private let heartbeatInterval: Int64
  private var used = MoldHeader.size
  private var messages: UInt16 = 0
  private var sentAt: Int64

  /// - Parameters:
  ///   - datagramBytesMax: UDP payload that fits the path; 1,472 on Ethernet, brought into 64 …
  ///     65,507.
  ///   - heartbeatInterval: nanoseconds of silence before a heartbeat; one second in the spec.
  public init(
    session: SessionName, nextSequence: UInt64 = 1, datagramBytesMax: Int = 1_472,
    heartbeatInterval: Int64 = 1_000_000_000, now: Int64 = 0
  ) {
    self.session = session
    self.nextSequence = max(nextSequence, 1)
    self.heartbeatInterval = heartbeatInterval
    block = Block(count: min(max(datagramBytesMax, 64), 65_507))
    sentAt = now
  }

  /// Messages waiting in the datagram.
  public var pendingMessages: Int { Int(messages) }

  public mutating func append(_ message: UnsafeRawBufferPointer) -> Appended {
    let need = 2 &+ message.count
    guard message.count <= 0xffff, MoldHeader.size &+ need <= block.count else { return .tooLong }
    guard used &+ need <= block.count, messages < MoldHeader.endOfSession &- 1 else { return .full }
    block.writer.u16(used, UInt16(truncatingIfNeeded: message.count))
    unsafe block.writer.copy(used &+ 2, message)
    used &+= need
    messages &+= 1
    nextSequence &+= 1
    return .sequence(nextSequence &- 1)
  }

  /// The datagram with what was appended, or nothing; a new one begins.
  public mutating func take(now: Int64) -> UnsafeRawBufferPointer? {
    guard messages > 0 else { return nil }
    let length = used
    head(sequence: nextSequence &- UInt64(messages), count: messages, now: now)
    used = MoldHeader.size
    messages = 0
    return unsafe block.view.part(0, length)
  }

  /// A heartbeat, when the silence was long enough and nothing is waiting.
  public mutating func heartbeat(now: Int64) -> UnsafeRawBufferPointer? {
    guard messages == 0, now &- sentAt >= heartbeatInterval else { return nil }
    head(sequence: nextSequence, count: 0, now: now)
    return unsafe block.view.part(0, MoldHeader.size)
  }

  /// When ``heartbeat(now:)`` has one, if nothing is sent before.
  public var heartbeatDue: Int64 { sentAt &+ heartbeatInterval }

  /// The end of the session; repeat it for as long as receivers may listen. Take what waits first.
  public mutating func endOfSession(now: Int64) -> UnsafeRawBufferPointer? {
    guard messages == 0 else { return nil }
    head(sequence: nextSequence, count: MoldHeader.endOfSession, now: now)
    return unsafe block.view.part(0, MoldHeader.size)
  }

  private mutating func head(sequence: UInt64, count: UInt16, now: Int64) {
    sentAt = now
    datagrams &+= 1
    let header = MoldHeader(session: session, sequence: sequence, count: count)
    _ = unsafe header.write(into: block.writer.part(0, MoldHeader.size))
  }
}

/// The re-request server: answers requests from what a ``MessageStore`` still holds.
///
/// A request is answered with as many datagrams as it takes. What is older than the store is
/// answered with a heartbeat whose sequence is the oldest one held: ``MoldReceiver`` takes that as
/// "gone". Keeps no state between requests but counters. Threading: one thread.
@frozen public struct MoldRetransmitter: BitwiseCopyable, Sendable {
  public let session: SessionName
  /// Messages given for one request at most, whatever it asks for.
  public let messagesMax: Int
  public private(set) var requests: UInt64 = 0
  public private(set) var malformed: UInt64 = 0
  public private(set) var foreignSession: UInt64 = 0
  public private(set) var gone: UInt64 = 0
  public private(set) var messages: UInt64 = 0

  public init(session: SessionName, messagesMax: Int = 4_096) {
    self.session = session
    self.messagesMax = max(messagesMax, 1)
  }

  /// Reads a request; nil when it is not one of ours (counted). The result goes to
  /// ``answer(_:from:into:)``.
  public mutating func request(_ datagram: UnsafeRawBufferPointer) -> MoldHeader? {
    guard datagram.count == MoldHeader.size,
      var header = unsafe MoldHeader(parsing: datagram),
      header.sequence > 0, header.count > 0, !header.isEndOfSession
    else {
      malformed &+= 1
      return nil
    }
    guard header.session == session else {
      foreignSession &+= 1
      return nil
    }
    requests &+= 1
    header.count = UInt16(min(Int(header.count), messagesMax))
    return header
  }

  /// Writes the next datagram of the answer: its length, or 0 when the request is answered. The
  /// request is moved forward; call until 0. `out` is as long as a datagram may be.
  public mutating func answer(
    _ request: inout MoldHeader, from store: borrowing some MessageStore & ~Copyable,
    into out: UnsafeMutableRawBufferPointer
  ) -> Int {
    guard request.count > 0, out.count >= MoldHeader.size else { return 0 }
    if request.sequence < store.firstSequence {
      gone &+= 1
      request.count = 0
      return unsafe MoldHeader(session: session, sequence: store.firstSequence, count: 0)
        .write(into: out)
    }
    var used = MoldHeader.size
    var count: UInt16 = 0
    let writer = unsafe WireWriter(out)
    while count < request.count,
      let message = unsafe store.message(at: request.sequence &+ UInt64(count)),
      used &+ 2 &+ message.count <= writer.count
    {
      writer.u16(used, UInt16(message.count))
      unsafe writer.copy(used &+ 2, message)
      used &+= 2 &+ message.count
      count &+= 1
    }
    guard count > 0 else {
      request.count = 0
      return 0
    }
    let header = MoldHeader(session: session, sequence: request.sequence, count: count)
    _ = unsafe header.write(into: out)
    request.sequence &+= UInt64(count)
    request.count &-= count
    messages &+= UInt64(count)
    return used
  }

  /// Answers a request with as many datagrams as it takes.
  ///
  /// - Parameters:
  ///   - end: nothing from this sequence on is given out.
  ///   - send: false where a datagram does not leave: the rest would not either, and is asked for again.
  /// - Returns: the datagrams that were sent, and whether one was not.
  public mutating func answers(
    _ datagram: UnsafeRawBufferPointer, from store: borrowing some MessageStore & ~Copyable,
    before end: UInt64, into out: UnsafeMutableRawBufferPointer,
    _ send: (UnsafeRawBufferPointer) -> Bool
  ) -> (sent: UInt64, isCut: Bool) {
    guard var request = unsafe request(datagram) else { return (0, false) }
    var sent: UInt64 = 0
    // Bounded by the request's count.
    while request.sequence < end {
      request.count = UInt16(clamping: min(UInt64(request.count), end - request.sequence))
      let length = unsafe answer(&request, from: store, into: out)
      guard length > 0 else { break }
      guard unsafe send(UnsafeRawBufferPointer(rebasing: out[..<length])) else {
        return (sent, true)
      }
      sent &+= 1
    }
    return (sent, false)
  }
}
