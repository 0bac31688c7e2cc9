/// The header of every MoldUDP64 datagram and of every re-request (spec 1.00, sections 3 and 4):
/// session 10 bytes, sequence 8, count 2; then, downstream, `count` blocks of a two-byte length and
/// that many bytes.
@frozen public struct MoldHeader: BitwiseCopyable, Hashable, Sendable {
  public var session: SessionName
  /// Sequence of the first message; of the next one in a heartbeat; 0: unsequenced.
  public var sequence: UInt64
  /// Messages in the datagram, or wanted by a re-request. 0 is a heartbeat, 0xFFFF the session's
  /// end.
  public var count: UInt16

  @inlinable public init(session: SessionName, sequence: UInt64, count: UInt16) {
    self.session = session
    self.sequence = sequence
    self.count = count
  }
  public static var size: Int { 20 }
  public static var endOfSession: UInt16 { 0xffff }
  @inlinable public var isHeartbeat: Bool { count == 0 }
  @inlinable public var isEndOfSession: Bool { count == 0xffff }

  /// nil when there are not even 20 bytes.
  public init?(parsing datagram: UnsafeRawBufferPointer) {
    let view = unsafe WireView(datagram)
    guard view.count >= Self.size else { return nil }
    self.init(session: view.sessionName(0), sequence: view.u64(10), count: view.u16(18))
  }
  /// Writes 20 bytes: 20, or 0 when there is no room.
  public func write(into out: UnsafeMutableRawBufferPointer) -> Int {
    let writer = unsafe WireWriter(out)
    guard writer.count >= Self.size else { return 0 }
    writer.sessionName(0, session)
    writer.u64(10, sequence)
    writer.u16(18, count)
    return Self.size
  }
}

/// Contiguous messages in order, framed as they came: a two-byte big-endian length before each, the
/// same framing as an ITCH file. Valid during the call that hands it over.
@frozen @safe public struct MoldSpan {
  /// Sequence of the first message; 0 when the source is unsequenced.
  public let firstSequence: UInt64
  public let messages: Int
  public let framed: UnsafeRawBufferPointer

  @inlinable public init(firstSequence: UInt64, messages: Int, framed: UnsafeRawBufferPointer) {
    self.firstSequence = firstSequence
    self.messages = messages
    unsafe self.framed = framed
  }
}

/// What is wrong with a datagram.
@frozen public enum MoldFault: UInt8, BitwiseCopyable, Sendable {
  /// The blocks end before the header's count is reached, or a block's length reaches past the end.
  case truncated = 2
  /// Bytes behind the last block. The blocks are good and are used.
  case trailingBytes = 3
}

/// Walks the message blocks of one datagram; for readers that want messages and not spans.
@safe public struct MoldBlocks {
  private let view: WireView
  private var offset: Int
  /// Blocks that the header still promises.
  public private(set) var remaining: Int
  /// Set when a length lied; the walk is over then.
  public private(set) var fault: MoldFault?
  public let header: MoldHeader

  /// nil when there are not even 20 bytes.
  public init?(_ datagram: UnsafeRawBufferPointer) {
    guard let header = unsafe MoldHeader(parsing: datagram) else { return nil }
    self.header = header
    unsafe view = WireView(datagram)
    offset = MoldHeader.size
    remaining = header.isEndOfSession ? 0 : Int(header.count)
    if remaining == 0, offset < view.count { fault = .trailingBytes }
  }
  /// The next message, or nil at the end or at a fault.
  public mutating func next() -> UnsafeRawBufferPointer? {
    guard remaining > 0, fault == nil else { return nil }
    guard offset &+ 2 <= view.count else {
      fault = .truncated
      return nil
    }
    let length = Int(view.u16(offset))
    guard offset &+ 2 &+ length <= view.count else {
      fault = .truncated
      return nil
    }
    let message = unsafe view.part(offset &+ 2, length)
    offset &+= 2 &+ length
    remaining &-= 1
    if remaining == 0, offset < view.count { fault = .trailingBytes }
    return unsafe message
  }
}

/// One pass over a datagram's blocks: how many are whole and where they end.
@safe struct MoldWalk {
  let messages: Int
  let end: Int
  let fault: MoldFault?

  init(_ view: WireView, count: Int) {
    var offset = MoldHeader.size
    var whole = 0
    while whole < count, offset &+ 2 <= view.count {
      let next = offset &+ 2 &+ Int(view.u16(offset))
      guard next <= view.count else { break }
      offset = next
      whole &+= 1
    }
    messages = whole
    end = offset
    fault = whole < count ? .truncated : offset < view.count ? .trailingBytes : nil
  }
  /// Where the block of this index begins.
  func offset(of index: Int, in view: WireView) -> Int {
    var offset = MoldHeader.size
    for _ in 0..<index { offset &+= 2 &+ Int(view.u16(offset)) }
    return offset
  }
}
