import Captures
import Gateways

/// The first messages of each line of a session: lines of one feed say the same at the same sequence.
struct LineSamples: Sendable {
  /// Messages of a line that are kept.
  private static let messagesMax = 4_096

  private var digests: [CaptureLine: [UInt64: UInt64]] = [:]

  mutating func take(_ packet: CapturedPacket, _ datagram: MoldDatagram, _ line: CaptureLine) {
    guard datagram.isSequenced, (digests[line]?.count ?? 0) < Self.messagesMax else { return }
    let payload = unsafe packet.payload
    var at = MoldHeader.size
    for sequence in datagram.sequences {
      let length = unsafe Int(payload[at]) << 8 | Int(payload[at + 1])
      let message = unsafe UnsafeRawBufferPointer(rebasing: payload[at + 2..<at + 2 + length])
      // A later copy on the same line is none of the first.
      if digests[line]?[sequence] == nil {
        digests[line, default: [:]][sequence] = unsafe MessageDigests.digest(message)
      }
      at += 2 + length
    }
  }

  /// The lines in groups of those that say the same, the one with most messages first.
  func feeds(of lines: [CaptureLine: Int]) -> [[CaptureLine]] {
    func messages(_ lines: [CaptureLine], _ counts: [CaptureLine: Int]) -> Int {
      lines.reduce(0) { $0 + (counts[$1] ?? 0) }
    }
    var feeds: [[CaptureLine]] = []
    for line in lines.keys.sorted(by: { (lines[$1] ?? 0, $0) < (lines[$0] ?? 0, $1) }) {
      if let place = feeds.firstIndex(where: { $0.allSatisfy { !differ($0, line) } }) {
        feeds[place].append(line)
      } else {
        feeds.append([line])
      }
    }
    return feeds.sorted { messages($0, lines) > messages($1, lines) }
  }

  /// More of what both have differs than is the same.
  private func differ(_ a: CaptureLine, _ b: CaptureLine) -> Bool {
    guard let first = digests[a], let second = digests[b] else { return false }
    var same = 0
    var different = 0
    for (sequence, digest) in first {
      guard let other = second[sequence] else { continue }
      if other == digest { same += 1 } else { different += 1 }
    }
    return different > same
  }
}
