/// One piece of a fragmented IP datagram.
struct DatagramFragment: Sendable {
  /// What the pieces of one datagram have in common (RFC 791, 8200).
  struct Key: Hashable, Sendable {
    var source: CapturedAddress
    var destination: CapturedAddress
    var identification: UInt32
    var transport: UInt8
  }
  var key: Key
  /// Where it lies in the datagram.
  var offset: Int
  var isLast: Bool
  /// Where its bytes lie in the frame.
  var body: Range<Int>
}

/// Puts fragmented datagrams together; bounded.
///
/// Threading: one owner.
struct FragmentTable {
  static let datagramsMax = 64
  private static let piecesMax = 64
  /// The longest that IP can carry.
  static let bytesMax = 65_515

  fileprivate struct Datagram {
    var key: DatagramFragment.Key
    var bytes: [UInt8] = []
    /// Ascending and disjoint.
    var have: [Range<Int>] = []
    var total: Int?
    var pieces = 0
  }
  private var datagrams: [Datagram] = []

  /// Takes a piece; the datagram as an IP packet without options or extensions once it is whole, and of how many
  /// pieces it was.
  mutating func take(
    _ piece: DatagramFragment, of frame: UnsafeRawBufferPointer
  ) -> (packet: [UInt8], pieces: Int)? {
    let end = piece.offset + piece.body.count
    guard !piece.body.isEmpty, end <= Self.bytesMax else { return nil }
    var datagram = remove(piece.key) ?? Datagram(key: piece.key)
    guard datagram.pieces < Self.piecesMax, datagram.total.map({ end <= $0 }) ?? true else {
      return nil
    }
    if datagram.bytes.count < end {
      datagram.bytes += [UInt8](repeating: 0, count: end - datagram.bytes.count)
    }
    for (i, at) in piece.body.enumerated() {
      datagram.bytes[piece.offset + i] = unsafe frame[at]
    }
    datagram.pieces += 1
    if piece.isLast { datagram.total = end }
    datagram.add(piece.offset..<end)
    if let total = datagram.total, datagram.have == [0..<total] {
      return (Self.packet(piece.key, datagram.bytes), datagram.pieces)
    }
    // The oldest makes room.
    if datagrams.count >= Self.datagramsMax { datagrams.removeFirst() }
    datagrams.append(datagram)
    return nil
  }

  private mutating func remove(_ key: DatagramFragment.Key) -> Datagram? {
    datagrams.firstIndex { $0.key == key }.map { datagrams.remove(at: $0) }
  }

  private static func packet(_ key: DatagramFragment.Key, _ body: [UInt8]) -> [UInt8] {
    func big(_ value: UInt64, _ size: Int) -> [UInt8] {
      (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (size - 1 - $0))) }
    }
    if key.source.isIPv4 {
      return [0x45, 0] + big(UInt64(body.count + 20), 2) + [0, 0, 0, 0, 64, key.transport, 0, 0]
        + big(key.source.low, 4) + big(key.destination.low, 4) + body
    }
    return [0x60, 0, 0, 0] + big(UInt64(body.count), 2) + [key.transport, 64]
      + big(key.source.high, 8) + big(key.source.low, 8) + big(key.destination.high, 8)
      + big(key.destination.low, 8) + body
  }
}

extension FragmentTable.Datagram {
  fileprivate mutating func add(_ range: Range<Int>) {
    var merged = range
    var others: [Range<Int>] = []
    for one in have {
      if one.upperBound < merged.lowerBound || one.lowerBound > merged.upperBound {
        others.append(one)
      } else {
        merged = min(one.lowerBound, merged.lowerBound)..<max(one.upperBound, merged.upperBound)
      }
    }
    have = (others + [merged]).sorted { $0.lowerBound < $1.lowerBound }
  }
}
