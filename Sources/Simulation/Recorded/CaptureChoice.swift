public import Captures
public import Gateways

/// Which of the feeds in a capture is read; what is not named is chosen by what the capture has most messages of.
public struct CaptureChoice: Hashable, Sendable {
  /// The MoldUDP64 session; blanks on either side do not count.
  public var session: SessionName?
  /// UDP port that datagrams went to.
  public var port: UInt16?
  /// Address that they went to, of a multicast group mostly.
  public var group: CapturedAddress?
  /// Each sequence once, in order, whichever line it came by; otherwise every datagram as it was captured.
  public var dedups = true

  /// Only these lines, where a session's name stands for more than one feed; nil: all.
  var lines: Set<CaptureLine>?

  public init() {}

  func takes(_ packet: CapturedPacket) -> Bool {
    guard (port ?? packet.destinationPort) == packet.destinationPort,
      (group ?? packet.destination) == packet.destination
    else { return false }
    return lines?.contains(CaptureLine(packet)) ?? true
  }

  /// In words, behind "of" or "to".
  var words: String {
    var words: [String] = []
    if let session { words.append("session \(session.inWords)") }
    if let port { words.append("port \(port)") }
    if let group { words.append("address \(group)") }
    return words.joined(separator: ", ")
  }
}

/// Where datagrams went to.
struct CaptureLine: Hashable, Sendable, Comparable, CustomStringConvertible {
  var address: CapturedAddress
  var port: UInt16
  var description: String { address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }

  init(_ packet: CapturedPacket) {
    address = packet.destination
    port = packet.destinationPort
  }
  static func < (a: Self, b: Self) -> Bool {
    (a.address.high, a.address.low, a.port) < (b.address.high, b.address.low, b.port)
  }
}

extension SessionName {
  /// Without blanks and without what cannot be printed; what is nothing then is said in words.
  public var inWords: String {
    let text = String(leftJustified.description.prefix { $0 != " " })
    return text.allSatisfy { $0 == "?" } ? "without a name" : text
  }
}
