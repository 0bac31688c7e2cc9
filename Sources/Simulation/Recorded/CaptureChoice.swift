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

  public init() {}

  func takes(_ packet: CapturedPacket) -> Bool {
    (port ?? packet.destinationPort) == packet.destinationPort
      && (group ?? packet.destination) == packet.destination
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

extension SessionName {
  /// Without blanks and without what cannot be printed; what is nothing then is said in words.
  public var inWords: String {
    let text = String(leftJustified.description.prefix { $0 != " " })
    return text.allSatisfy { $0 == "?" } ? "without a name" : text
  }
}
