/// Datagrams of a capture that came before their turn, in the order of their sequences; bounded.
///
/// Threading: one owner.
struct DatagramWindow {
  /// A second of the busiest feed.
  static let datagramsMax = 1 << 14
  static let bytesMax = 32 << 20

  struct Held {
    var sequence: UInt64
    var messages: Int
    /// Whole blocks only.
    var blocks: [UInt8]
    var isLate: Bool
  }

  private var held: [Held] = []
  private var first = 0
  private var bytes = 0

  var isEmpty: Bool { first == held.count }
  var isFull: Bool { held.count - first >= Self.datagramsMax || bytes >= Self.bytesMax }
  var firstSequence: UInt64? { isEmpty ? nil : held[first].sequence }

  /// Behind those of the same sequence.
  mutating func insert(_ datagram: Held) {
    bytes += datagram.blocks.count
    var low = first
    var high = held.count
    if let last = held.last, !isEmpty, last.sequence <= datagram.sequence { low = high }
    while low < high {
      let middle = (low + high) / 2
      if held[middle].sequence <= datagram.sequence { low = middle + 1 } else { high = middle }
    }
    held.insert(datagram, at: low)
  }

  mutating func removeFirst() -> Held? {
    guard !isEmpty else { return nil }
    let datagram = held[first]
    held[first].blocks = []
    bytes -= datagram.blocks.count
    first += 1
    // What was taken is given back in pieces, so that taking costs the same however many there are.
    if first == held.count || first >= Self.datagramsMax {
      held.removeFirst(first)
      first = 0
    }
    return datagram
  }
}
