/// SoupBinTCP packet types (spec 3.00, section 2; 4.00 adds a heartbeat time-out to the log-in).
public enum SoupPacketType {
  public static var debug: UInt8 { 0x2b }  // +
  public static var loginAccepted: UInt8 { 0x41 }  // A
  public static var loginRejected: UInt8 { 0x4a }  // J
  public static var sequencedData: UInt8 { 0x53 }  // S
  public static var serverHeartbeat: UInt8 { 0x48 }  // H
  public static var endOfSession: UInt8 { 0x5a }  // Z
  public static var loginRequest: UInt8 { 0x4c }  // L
  public static var unsequencedData: UInt8 { 0x55 }  // U
  public static var clientHeartbeat: UInt8 { 0x52 }  // R
  public static var logoutRequest: UInt8 { 0x4f }  // O
}

/// Why a SoupBinTCP connection must be closed.
@frozen public enum SoupFault: UInt8, BitwiseCopyable, Sendable, Error {
  /// A packet of length zero: there is no type.
  case zeroLength = 1
  /// A packet longer than the receiver's limit.
  case oversized = 2
  /// A packet type that the other side may not send, or not now.
  case unexpectedPacket = 3
  /// A packet whose length does not fit its type.
  case badLength = 4
  /// A sequence number that is not a number.
  case badNumber = 5
  /// The server is behind what we have: another stream, or one that lost messages.
  case sequenceBehind = 6
  /// The server begins beyond what we asked for: messages would be missing.
  case sequenceAhead = 7
  /// The server answered with another session than the one asked for.
  case wrongSession = 8
  /// Nothing was heard for the whole time-out.
  case timedOut = 9
}

extension SoupFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .zeroLength: "SoupBinTCP packet of length zero; the stream is not SoupBinTCP or is broken"
    case .oversized:
      "SoupBinTCP packet longer than the limit; the stream is not SoupBinTCP or is broken"
    case .unexpectedPacket: "SoupBinTCP packet of a type that is not allowed here"
    case .badLength: "SoupBinTCP packet whose length does not fit its type"
    case .badNumber: "SoupBinTCP sequence number that is not a decimal number"
    case .sequenceBehind:
      "SoupBinTCP server is behind the messages we already have: check the session's name first"
    case .sequenceAhead: "SoupBinTCP server no longer has the messages that we miss"
    case .wrongSession: "SoupBinTCP server answered with another session than was asked for"
    case .timedOut: "SoupBinTCP peer was silent for the whole time-out"
    }
  }
}

/// One whole packet. The payload is valid until the next call to what gave it.
@safe struct SoupPacket {
  let type: UInt8
  let payload: UnsafeRawBufferPointer
}

/// Cuts a byte stream into packets: a two-byte length (type included), the type, the payload.
///
/// A packet that lies whole in the input is given where it lies; only one that is split over reads
/// is put together in a buffer taken at start-up.
@safe struct SoupDeframer: ~Copyable {
  private let block: Block
  /// Bytes of the split packet that are in the block.
  private var held = 0
  private(set) var fault: SoupFault?

  /// - Parameter packetBytesMax: the longest packet taken, its two length bytes not counted.
  init(packetBytesMax: Int) {
    block = Block(count: 2 + min(max(packetBytesMax, 64), 0xffff))
  }
  mutating func clear() {
    held = 0
    fault = nil
  }

  /// The next packet, or nil when the input is used up or the stream is broken (`fault`).
  mutating func next(_ input: UnsafeRawBufferPointer, _ offset: inout Int) -> SoupPacket? {
    guard fault == nil else { return nil }
    let view = unsafe WireView(input)
    if held == 0, view.count &- offset >= 2 {
      let length = Int(view.u16(offset))
      guard check(length) else { return nil }
      if offset &+ 2 &+ length <= view.count {
        let packet = unsafe SoupPacket(
          type: view.u8(offset &+ 2), payload: view.part(offset &+ 3, length &- 1))
        offset &+= 2 &+ length
        return packet
      }
    }
    return assemble(view, &offset)
  }

  private mutating func check(_ length: Int) -> Bool {
    if length == 0 { fault = .zeroLength }
    if length > block.count &- 2 { fault = .oversized }
    return fault == nil
  }

  private mutating func assemble(_ view: WireView, _ offset: inout Int) -> SoupPacket? {
    fill(view, &offset, to: 2)
    guard held >= 2 else { return nil }
    let length = Int(block.view.u16(0))
    guard check(length) else { return nil }
    fill(view, &offset, to: 2 &+ length)
    guard held == 2 &+ length else { return nil }
    held = 0
    return unsafe SoupPacket(type: block.view.u8(2), payload: block.view.part(3, length &- 1))
  }
  private mutating func fill(_ view: WireView, _ offset: inout Int, to target: Int) {
    let take = min(target &- held, view.count &- offset)
    guard take > 0 else { return }
    unsafe block.writer.copy(held, view.part(offset, take))
    held &+= take
    offset &+= take
  }
}

/// Fixed-width ASCII of a log-in: six bytes of user name, ten of password.
@frozen public struct SoupCredentials: BitwiseCopyable, Sendable, Equatable {
  /// Of nobody.
  public static var blank: SoupCredentials {
    SoupCredentials(username: .blank, password: .blank)
  }
  /// The user name's bytes, left-justified; only the first six are used.
  public var username: SessionName
  public var password: SessionName

  /// nil when the name is longer than six or the password than ten printable ASCII characters.
  public init?(username: some StringProtocol, password: some StringProtocol) {
    guard username.utf8.count <= 6, let name = SessionName(username),
      let word = SessionName(password)
    else { return nil }
    self.username = name
    self.password = word
  }
  init(username: SessionName, password: SessionName) {
    self.username = username
    self.password = password
  }
}

/// What a log-in request says (sections 2.3.1): 46 bytes in 3.00, 51 in 4.00.
@frozen public struct SoupLogin: BitwiseCopyable, Sendable, Equatable {
  public var credentials: SoupCredentials
  /// Blank: the session that is active.
  public var session: SessionName
  /// The next sequence wanted; 0: begin with the newest message.
  public var sequence: UInt64
  /// 4.00 only: the server is to give up on a silent client after so many milliseconds; 0: not
  /// said.
  public var heartbeatTimeoutMilliseconds: UInt32

  static var size3: Int { 46 }
  static var size4: Int { 51 }

  public init(
    credentials: SoupCredentials, session: SessionName, sequence: UInt64,
    heartbeatTimeoutMilliseconds: UInt32 = 0
  ) {
    self.credentials = credentials
    self.session = session
    self.sequence = sequence
    self.heartbeatTimeoutMilliseconds = heartbeatTimeoutMilliseconds
  }
  init?(_ payload: UnsafeRawBufferPointer, _ fault: inout SoupFault?) {
    let view = unsafe WireView(payload)
    guard view.count == Self.size3 || view.count == Self.size4 else {
      fault = .badLength
      return nil
    }
    var name = SessionName.blank
    for i in 0..<6 { name[i] = view.u8(i) }
    guard let number = view.decimal(26, 20) else {
      fault = .badNumber
      return nil
    }
    var timeout: UInt64 = 0
    if view.count == Self.size4 {
      guard let given = view.decimal(46, 5) else {
        fault = .badNumber
        return nil
      }
      timeout = given
    }
    credentials = SoupCredentials(username: name, password: view.sessionName(6))
    session = view.sessionName(16)
    sequence = number
    heartbeatTimeoutMilliseconds = UInt32(truncatingIfNeeded: timeout)
  }
  /// The whole packet: bytes written, 0 when there is no room.
  func write(into out: UnsafeMutableRawBufferPointer, version4: Bool) -> Int {
    let size = version4 ? Self.size4 : Self.size3
    let writer = unsafe WireWriter(out)
    guard writer.count >= 3 &+ size else { return 0 }
    writer.u16(0, UInt16(size &+ 1))
    writer.u8(2, SoupPacketType.loginRequest)
    for i in 0..<6 { writer.u8(3 &+ i, credentials.username[i]) }
    writer.sessionName(9, credentials.password)
    writer.sessionName(19, session)
    writer.decimal(29, 20, sequence)
    if version4 { writer.decimal(49, 5, UInt64(heartbeatTimeoutMilliseconds)) }
    return 3 &+ size
  }
}

/// Whole packets that both sides write. Each gives the bytes written, 0 when there is no room.
enum SoupWrite {
  static func empty(_ type: UInt8, into out: UnsafeMutableRawBufferPointer) -> Int {
    unsafe data(type, UnsafeRawBufferPointer(start: nil, count: 0), into: out)
  }
  static func data(
    _ type: UInt8, _ payload: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer
  ) -> Int {
    let writer = unsafe WireWriter(out)
    let length = payload.count
    guard length < 0xffff, writer.count >= 3 &+ length else { return 0 }
    writer.u16(0, UInt16(truncatingIfNeeded: length &+ 1))
    writer.u8(2, type)
    unsafe writer.copy(3, payload)
    return 3 &+ length
  }
}
