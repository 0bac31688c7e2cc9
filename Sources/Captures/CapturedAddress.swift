internal import Glibc

/// An IPv4 or IPv6 address of a captured packet, in host byte order; an IPv4 address is the IPv6 one that stands
/// for it (RFC 4291, 2.5.5.2).
public struct CapturedAddress: Hashable, Sendable, CustomStringConvertible {
  public var high: UInt64
  public var low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
  public init(ipv4: UInt32) { self.init(high: 0, low: 0xffff_0000_0000 | UInt64(ipv4)) }

  /// `233.54.12.111` or `ff15::1`; nil when it is neither.
  public init?(parsing text: String) {
    var four = in_addr()
    if unsafe inet_pton(AF_INET, text, &four) == 1 {
      self.init(ipv4: UInt32(bigEndian: four.s_addr))
      return
    }
    var six = in6_addr()
    guard unsafe inet_pton(AF_INET6, text, &six) == 1 else { return nil }
    let words = unsafe withUnsafeBytes(of: &six) { bytes in
      (
        unsafe bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
        unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
      )
    }
    self.init(high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1))
  }

  public var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

  public var description: String {
    guard !isIPv4 else {
      return [24, 16, 8, 0].map { "\(low >> $0 & 255)" }.joined(separator: ".")
    }
    var words = (high.bigEndian, low.bigEndian)
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    unsafe withUnsafeBytes(of: &words) { bytes in
      _ = unsafe inet_ntop(AF_INET6, bytes.baseAddress, &text, socklen_t(INET6_ADDRSTRLEN))
    }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
