/// The link layers that a capture may have.
public enum LinkType: UInt32, Sendable, CaseIterable {
  case null = 0
  case ethernet = 1
  case rawIPOld = 12
  case rawIP = 101
  case loop = 108
  case linuxCooked = 113
  case ipv4 = 228
  case ipv6 = 229
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
  public var source: CapturedAddress
  public var destination: CapturedAddress
  public var sourcePort: UInt16
  public var destinationPort: UInt16
  /// TCP sequence number; 0 for UDP.
  public var tcpSequence: UInt32
  /// The capture holds less of it than the IP header says.
  public var isCut: Bool
  /// Bytes of the payload as it was sent; more than ``payload`` has when the capture cut it.
  public var sentCount: Int
  /// Valid until the capture is asked for the next packet.
  @unsafe public var payload: UnsafeRawBufferPointer
}

/// Why a captured frame gave no packet.
enum FrameSkip: Sendable {
  /// Not IP, or neither UDP nor TCP.
  case other
  /// Lengths inside it do not fit.
  case malformed
  /// A piece of a fragmented datagram.
  case fragment(DatagramFragment)
}

/// Finds the UDP or TCP payload in a captured frame: by the lengths in the IP and UDP headers, never by
/// the frame's, which may have padding or a trailer (RFC 791, 8200, 768, 793; IEEE 802.1Q, 802.1ad).
@safe struct FrameParser {
  private static var tagsMax: Int { 4 }
  /// Extension headers of IPv6 that are passed at the most.
  private static var extensionsMax: Int { 8 }

  @unsafe private let frame: UnsafeRawBufferPointer
  private let count: Int

  init(_ frame: UnsafeRawBufferPointer) {
    unsafe self.frame = unsafe frame
    count = frame.count
  }

  func packet(_ link: LinkType, time: Int64, offset: UInt64) -> (CapturedPacket?, FrameSkip) {
    let start: Int?
    switch link {
    case .ethernet: start = behindTags(typeAt: 12, next: 14)
    case .rawIP, .rawIPOld, .ipv4, .ipv6: start = 0
    case .linuxCooked: start = behindTags(typeAt: 14, next: 16)
    case .linuxCooked2: start = behindTags(typeAt: 0, next: 20)
    case .null, .loop: start = afterFamily()
    }
    guard let start else { return (nil, .other) }
    guard start < count else { return (nil, .malformed) }
    switch unsafe frame[start] >> 4 {
    case 4: return ipv4(start, time: time, offset: offset)
    case 6: return ipv6(start, time: time, offset: offset)
    default: return (nil, .other)
    }
  }

  private func word16(_ at: Int) -> Int { unsafe Int(frame[at]) << 8 | Int(frame[at + 1]) }
  private func word32(_ at: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: word16(at)) << 16 | UInt32(truncatingIfNeeded: word16(at + 2))
  }

  /// Behind a link header whose type stands at `typeAt`, and behind its 802.1Q or 802.1ad tags, if IP follows.
  private func behindTags(typeAt: Int, next: Int) -> Int? {
    var typeAt = typeAt
    var next = next
    var tags = 0
    while typeAt + 2 <= count, next <= count, tags <= Self.tagsMax {
      switch word16(typeAt) {
      case 0x0800: return unsafe next >= count || frame[next] >> 4 == 4 ? next : nil
      case 0x86dd: return unsafe next >= count || frame[next] >> 4 == 6 ? next : nil
      case 0x8100, 0x88a8, 0x9100, 0x9200, 0x9300:
        typeAt = next + 2
        next += 4
        tags += 1
      default: return nil
      }
    }
    return nil
  }

  /// Behind the 4-byte address family of a BSD loopback, in either byte order; 2 is IPv4 everywhere, and IPv6 is
  /// one number here and another there.
  private func afterFamily() -> Int? {
    guard count >= 4 else { return nil }
    let family = word32(0)
    return [2, 10, 24, 28, 30].contains(family) || [2, 10, 24, 28, 30].contains(family.byteSwapped)
      ? 4 : nil
  }

  private func ipv4(_ at: Int, time: Int64, offset: UInt64) -> (CapturedPacket?, FrameSkip) {
    guard count - at >= 20 else { return (nil, .malformed) }
    let header = unsafe Int(frame[at] & 15) * 4
    let total = word16(at + 2)
    guard header >= 20, total >= header, at + header <= count else {
      return (nil, .malformed)
    }
    guard let transport = unsafe CapturedPacket.Transport(rawValue: frame[at + 9]) else {
      return (nil, .other)
    }
    // More fragments to come, or not the first of them.
    let place = word16(at + 6)
    guard place & 0x3fff == 0 else {
      guard at + total <= count else { return (nil, .malformed) }
      let key = DatagramFragment.Key(
        source: CapturedAddress(ipv4: word32(at + 12)),
        destination: CapturedAddress(ipv4: word32(at + 16)),
        identification: UInt32(truncatingIfNeeded: word16(at + 4)), transport: transport.rawValue)
      let fragment = DatagramFragment(
        key: key, offset: (place & 0x1fff) * 8, isLast: place & 0x2000 == 0,
        body: at + header..<at + total)
      return (nil, .fragment(fragment))
    }
    let packet = unsafe CapturedPacket(
      time: time, offset: offset, transport: transport,
      source: CapturedAddress(ipv4: word32(at + 12)),
      destination: CapturedAddress(ipv4: word32(at + 16)), sourcePort: 0, destinationPort: 0,
      tcpSequence: 0, isCut: false, sentCount: 0,
      payload: UnsafeRawBufferPointer(start: nil, count: 0))
    return transported(packet, body: at + header, ipEnd: at + total)
  }

  private func ipv6(_ at: Int, time: Int64, offset: UInt64) -> (CapturedPacket?, FrameSkip) {
    guard count - at >= 40 else { return (nil, .malformed) }
    let end = at + 40 + word16(at + 4)
    var next = unsafe frame[at + 6]
    var body = at + 40
    var transport = CapturedPacket.Transport(rawValue: next)
    var passed = 0
    while transport == nil {
      guard passed < Self.extensionsMax else { return (nil, .malformed) }
      passed += 1
      let size: Int
      switch next {
      case 0, 43, 60, 135:
        guard body + 8 <= min(count, end) else { return (nil, .malformed) }
        size = unsafe (Int(frame[body + 1]) + 1) * 8
      case 51:
        guard body + 8 <= min(count, end) else { return (nil, .malformed) }
        size = unsafe (Int(frame[body + 1]) + 2) * 4
      case 44:
        guard body + 8 <= min(count, end) else { return (nil, .malformed) }
        let place = word16(body + 2)
        guard place & 0xfff9 == 0 else {
          guard end <= count else { return (nil, .malformed) }
          let key = DatagramFragment.Key(
            source: CapturedAddress(high: word64(at + 8), low: word64(at + 16)),
            destination: CapturedAddress(high: word64(at + 24), low: word64(at + 32)),
            identification: word32(body + 4), transport: unsafe frame[body])
          let fragment = DatagramFragment(
            key: key, offset: place & 0xfff8, isLast: place & 1 == 0, body: body + 8..<end)
          return (nil, .fragment(fragment))
        }
        size = 8
      default: return (nil, .other)
      }
      guard body + size <= min(count, end) else { return (nil, .malformed) }
      next = unsafe frame[body]
      body += size
      transport = CapturedPacket.Transport(rawValue: next)
    }
    guard let transport else { return (nil, .other) }
    let packet = unsafe CapturedPacket(
      time: time, offset: offset, transport: transport,
      source: CapturedAddress(high: word64(at + 8), low: word64(at + 16)),
      destination: CapturedAddress(high: word64(at + 24), low: word64(at + 32)), sourcePort: 0,
      destinationPort: 0, tcpSequence: 0, isCut: false, sentCount: 0,
      payload: UnsafeRawBufferPointer(start: nil, count: 0))
    return transported(packet, body: body, ipEnd: end)
  }

  private func word64(_ at: Int) -> UInt64 { UInt64(word32(at)) << 32 | UInt64(word32(at + 4)) }

  /// The packet with what its transport header at `body` says.
  private func transported(
    _ packet: CapturedPacket, body: Int, ipEnd: Int
  ) -> (CapturedPacket?, FrameSkip) {
    var packet = packet
    let end = min(ipEnd, count)
    packet.isCut = end < ipEnd
    guard let (first, last, sent) = payload(packet.transport, body: body, end: end, ipEnd: ipEnd)
    else { return (nil, .malformed) }
    packet.sourcePort = UInt16(truncatingIfNeeded: word16(body))
    packet.destinationPort = UInt16(truncatingIfNeeded: word16(body + 2))
    if packet.transport == .tcp { packet.tcpSequence = word32(body + 4) }
    packet.sentCount = sent
    unsafe packet.payload = UnsafeRawBufferPointer(rebasing: frame[first..<last])
    return (packet, .other)
  }

  /// Where the payload lies: first byte, and the end of what was captured of it; and how long it was.
  private func payload(
    _ transport: CapturedPacket.Transport, body: Int, end: Int, ipEnd: Int
  ) -> (Int, Int, Int)? {
    switch transport {
    case .udp:
      guard end - body >= 8 else { return nil }
      let length = word16(body + 4)
      guard length >= 8, body + length <= ipEnd else { return nil }
      return (body + 8, min(end, body + length), length - 8)
    case .tcp:
      guard end - body >= 20 else { return nil }
      let header = unsafe Int(frame[body + 12] >> 4) * 4
      guard header >= 20, body + header <= end else { return nil }
      return (body + header, end, ipEnd - body - header)
    }
  }
}
