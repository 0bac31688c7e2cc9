import Captures
import ExecutionCore
import Gateways

/// A captured UDP datagram as MoldUDP64, and what in it bears that out.
///
/// Twenty bytes of anything have a session, a sequence and a count. So a datagram is believed to be of a feed by
/// its blocks: they fit into it, and ITCH messages are in them, each of its type's one length.
struct MoldDatagram {
  enum Evidence {
    /// ITCH messages.
    case messages
    /// No messages, and nothing but a header with a session that can be read.
    case control
    /// A header, and nothing that it says of the rest is so.
    case none
  }

  let header: MoldHeader
  let evidence: Evidence
  /// Blocks that are whole, and where the last one of these ends.
  private(set) var whole = 0
  private(set) var end = MoldHeader.size
  /// Of these, those that are ITCH messages.
  private(set) var wellFormed = 0
  /// Messages that the capture has cut off.
  private(set) var cutOff = 0
  /// Its blocks fill it, whatever is in them.
  private(set) var isFitting = false
  /// It was sent with fewer messages than it says.
  private(set) var isTruncated = false
  /// It was sent with bytes behind its last message.
  private(set) var hasTrailing = false

  /// nil for what cannot be one: too short, or with a sequence beyond all.
  init?(_ packet: CapturedPacket) {
    let payload = unsafe packet.payload
    guard packet.transport == .udp, let header = unsafe MoldHeader(parsing: payload) else {
      return nil
    }
    self.header = header
    let isNamed = header.session.isReadable
    let count = header.isEndOfSession ? 0 : Int(header.count)
    guard !header.sequence.addingReportingOverflow(UInt64(count) + 1).overflow else { return nil }
    guard count > 0 else {
      evidence = isNamed && packet.sentCount == MoldHeader.size ? .control : .none
      return
    }
    // Ends with the datagram: each turn passes a block.
    while whole < count, end + 2 <= payload.count {
      let length = unsafe Int(payload[end]) << 8 | Int(payload[end + 1])
      guard end + 2 + length <= payload.count else { break }
      if length > 0, unsafe ITCHDecoder.length(of: payload[end + 2]) == length { wellFormed += 1 }
      end += 2 + length
      whole += 1
    }
    let isCut = packet.sentCount > payload.count
    if whole < count {
      // A block has two bytes at the least.
      let most = isCut ? (packet.sentCount - end) / 2 : 0
      cutOff = min(count - whole, max(0, most))
      isTruncated = whole + cutOff < count
    } else {
      hasTrailing = end < packet.sentCount
    }
    isFitting = !isTruncated && !hasTrailing
    evidence =
      wellFormed > 0
      ? (isFitting || isNamed ? .messages : .none)
      : isCut && isNamed && isFitting && whole == 0 ? .control : .none
  }

  var isSequenced: Bool { header.sequence != 0 }
  /// Sequences of whole blocks.
  var sequences: Range<UInt64> { header.sequence..<header.sequence &+ UInt64(whole) }
}

extension SessionName {
  /// Printable, or NUL throughout, as feeds without a session have it.
  fileprivate var isReadable: Bool {
    (0..<Self.size).allSatisfy { self[$0] >= 0x20 && self[$0] < 0x7f }
      || (0..<Self.size).allSatisfy { self[$0] == 0 }
  }
}
