/// The link layers that a capture may have.
public enum LinkType: UInt32, Sendable, CaseIterable {
  case null = 0
  case ethernet = 1
  case rawIPOld = 12
  case rawIP = 101
  case loop = 108
  case linuxCooked = 113
  case ipv4 = 228
  case linuxCooked2 = 276
}

/// A UDP datagram or TCP segment out of a capture.
@safe public struct CapturedPacket {
  public enum Transport: UInt8, Sendable {
    case tcp = 6
    case udp = 17
  }
  /// Capture time, nanoseconds since 1970 UTC.
  public var time: Int64
  /// Offset of the packet's record in the file, after decompression.
  public var offset: UInt64
  public var transport: Transport
  /// Host byte order.
  public var source: UInt32
  public var destination: UInt32
  public var sourcePort: UInt16
  public var destinationPort: UInt16
  /// TCP sequence number; 0 for UDP.
  public var tcpSequence: UInt32
  /// The capture holds less of it than the IP header says.
  public var isCut: Bool
  /// Valid until the capture is asked for the next packet.
  @unsafe public var payload: UnsafeRawBufferPointer
}

/// Why a captured frame gave no packet.
enum FrameSkip: Sendable {
  /// Not IPv4, or neither UDP nor TCP.
  case other
  /// Lengths inside it do not fit.
  case malformed
  /// A piece of a fragmented datagram.
  case fragment
}

/// Finds the UDP or TCP payload in a captured frame: by the lengths in the IP and UDP headers, never by
/// the frame's, which may have padding or a trailer (RFC 791, 768, 793; IEEE 802.1Q, 802.1ad).
@safe struct FrameParser {
  private static var tagsMax: Int { 4 }

  @unsafe private let frame: UnsafeRawBufferPointer
  private let count: Int

  init(_ frame: UnsafeRawBufferPointer) {
    unsafe self.frame = unsafe frame
    count = frame.count
  }

  func packet(_ link: LinkType, time: Int64, offset: UInt64) -> (CapturedPacket?, FrameSkip) {
    let start: Int?
    switch link {
    case .ethernet: start = afterEthernet()
    case .rawIP, .rawIPOld, .ipv4: start = 0
    case .linuxCooked: start = afterCooked(header: 16, protocolAt: 14)
    case .linuxCooked2: start = afterCooked(header: 20, protocolAt: 0)
    case .null, .loop: start = afterFamily()
    }
    guard let start else { return (nil, .other) }
    return ipv4(start, time: time, offset: offset)
  }

  private func word16(_ at: Int) -> Int { unsafe Int(frame[at]) << 8 | Int(frame[at + 1]) }
  private func word32(_ at: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: word16(at)) << 16 | UInt32(truncatingIfNeeded: word16(at + 2))
  }

  /// Behind the Ethernet header and its 802.1Q or 802.1ad tags, if IPv4 follows.
  private func afterEthernet() -> Int? {
    var at = 12
    var tags = 0
    while at + 2 <= count, tags <= Self.tagsMax {
      switch word16(at) {
      case 0x0800: return at + 2
      case 0x8100, 0x88a8, 0x9100:
        at += 4
        tags += 1
      default: return nil
      }
    }
    return nil
  }

  private func afterCooked(header: Int, protocolAt: Int) -> Int? {
    guard count >= header else { return nil }
    return word16(protocolAt) == 0x0800 ? header : nil
  }

  /// Behind the 4-byte address family of a BSD loopback, in either byte order; 2 is IPv4 everywhere.
  private func afterFamily() -> Int? {
    guard count >= 4 else { return nil }
    let family = word32(0)
    return family == 2 || family == 0x0200_0000 ? 4 : nil
  }

  private func ipv4(_ at: Int, time: Int64, offset: UInt64) -> (CapturedPacket?, FrameSkip) {
    guard count - at >= 20 else { return (nil, .malformed) }
    guard unsafe frame[at] >> 4 == 4 else { return (nil, .other) }
    let header = unsafe Int(frame[at] & 15) * 4
    let total = word16(at + 2)
    guard header >= 20, total >= header, at + header <= count else {
      return (nil, .malformed)
    }
    guard let transport = unsafe CapturedPacket.Transport(rawValue: frame[at + 9]) else {
      return (nil, .other)
    }
    // More fragments to come, or not the first of them.
    guard word16(at + 6) & 0x3fff == 0 else { return (nil, .fragment) }
    let there = min(total, count - at)
    let body = at + header
    var packet = unsafe CapturedPacket(
      time: time, offset: offset, transport: transport, source: word32(at + 12),
      destination: word32(at + 16), sourcePort: 0, destinationPort: 0, tcpSequence: 0,
      isCut: there < total, payload: UnsafeRawBufferPointer(start: nil, count: 0))
    guard let (first, end) = payload(transport, body: body, end: at + there, ipEnd: at + total)
    else { return (nil, .malformed) }
    packet.sourcePort = UInt16(truncatingIfNeeded: word16(body))
    packet.destinationPort = UInt16(truncatingIfNeeded: word16(body + 2))
    if transport == .tcp { packet.tcpSequence = word32(body + 4) }
    unsafe packet.payload = UnsafeRawBufferPointer(rebasing: frame[first..<end])
    return (packet, .other)
  }

  /// Where the payload lies: first byte, and the end of what was captured of it.
  private func payload(
    _ transport: CapturedPacket.Transport, body: Int, end: Int, ipEnd: Int
  ) -> (Int, Int)? {
    switch transport {
    case .udp:
      guard end - body >= 8 else { return nil }
      let length = word16(body + 4)
      guard length >= 8, body + length <= ipEnd else { return nil }
      return (body + 8, min(end, body + length))
    case .tcp:
      guard end - body >= 20 else { return nil }
      let header = unsafe Int(frame[body + 12] >> 4) * 4
      guard header >= 20, body + header <= end else { return nil }
      return (body + header, end)
    }
  }
}
