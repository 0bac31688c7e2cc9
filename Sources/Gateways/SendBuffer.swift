/// The bytes that a gateway has encoded and the socket is to take now. All of it is taken at once: what the
/// kernel leaves is the reactor's to finish, byte for byte.
@safe struct SendBuffer: ~Copyable {
  private let block: Block
  private(set) var count = 0

  init(bytes: Int) { block = Block(count: bytes) }

  var room: Int { block.count &- count }
  var bytes: UnsafeRawBufferPointer { unsafe block.view.part(0, count) }

  /// Where the next packet goes, to be pushed when it has been written; nil without so much room.
  @inline(__always) func tail(_ bytes: Int) -> UnsafeMutableRawBufferPointer? {
    guard bytes <= room else { return nil }
    return unsafe block.writer.part(count, bytes)
  }
  /// The first `bytes` of ``tail(_:)`` are a packet.
  @inline(__always) mutating func push(_ bytes: Int) {
    count = min(count &+ max(bytes, 0), block.count)
  }
  mutating func clear() { count = 0 }
}
