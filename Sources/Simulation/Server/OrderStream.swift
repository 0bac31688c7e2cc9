import Gateways

/// The sequenced OUCH stream of one account, kept whole for the day, so that any reconnect finds what it
/// missed.
///
/// Threading: one owner. Grows by doubling up to ``bytesMax``.
@safe final class OrderStream: MessageStore {
  static let bytesMax = 8 << 30

  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  /// Bytes of all messages.
  private(set) var used = 0
  /// Where each message ends.
  private var ends: [Int] = []

  var firstSequence: UInt64 { 1 }
  var nextSequence: UInt64 { UInt64(ends.count) + 1 }

  init() {
    capacity = 1 << 16
    unsafe base = .allocate(byteCount: capacity, alignment: 8)
  }
  deinit { unsafe base.deallocate() }

  /// False when the stream may not grow any more.
  func append(_ message: UnsafeRawBufferPointer) -> Bool {
    while used + message.count > capacity {
      guard capacity < Self.bytesMax else { return false }
      let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity * 2, alignment: 8)
      unsafe larger.copyMemory(from: base, byteCount: used)
      unsafe base.deallocate()
      unsafe base = larger
      capacity *= 2
    }
    if let from = message.baseAddress {
      unsafe (base + used).copyMemory(from: from, byteCount: message.count)
    }
    used += message.count
    ends.append(used)
    return true
  }

  func message(at sequence: UInt64) -> UnsafeRawBufferPointer? {
    guard sequence >= 1, sequence <= UInt64(ends.count) else { return nil }
    let index = Int(sequence) - 1
    let start = index > 0 ? ends[index - 1] : 0
    return unsafe UnsafeRawBufferPointer(start: base + start, count: ends[index] - start)
  }
}
