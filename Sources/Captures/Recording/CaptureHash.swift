public import ExecutionCore

/// The hash over all records of a recording, which an independent reader computes as well: FNV-1a of 64 bits over
/// the 72 canonical bytes of each record, its receive time last. Format.md has the layout.
public struct CaptureHash: Hashable, Sendable {
  public private(set) var value: UInt64
  public static var start: UInt64 { 0xcbf2_9ce4_8422_2325 }

  public init(_ value: UInt64 = CaptureHash.start) { self.value = value }

  public mutating func add(_ record: FeedRecord, receiveTime: Int64) {
    word(UInt64(bitPattern: record.sessionTime))
    word(record.sequence)
    word(UInt64(bitPattern: record.price))
    word(UInt64(bitPattern: record.quantity))
    word(UInt64(bitPattern: record.askPrice))
    word(UInt64(bitPattern: record.askQuantity))
    word(record.reference)
    word(
      UInt64(record.instrument) | UInt64(record.kind) << 32 | UInt64(record.side) << 40
        | UInt64(record.flags.rawValue) << 48 | UInt64(record.detail) << 56)
    word(UInt64(bitPattern: receiveTime))
  }

  private mutating func word(_ word: UInt64) {
    var state = value
    var rest = word
    for _ in 0..<8 {
      state = (state ^ (rest & 0xff)) &* 0x100_0000_01b3
      rest >>= 8
    }
    value = state
  }

  /// Sixteen hexadecimal digits.
  public var text: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
