/// A sequenced stream that can be read again: behind a MoldUDP64 re-request server, a SoupBinTCP
/// server's replay, or a snapshot service. The exchange gives its durable log this shape.
///
/// Sequences are dense and begin at 1.
public protocol MessageStore: ~Copyable {
  /// The oldest sequence that is still held; `nextSequence` when nothing is.
  var firstSequence: UInt64 { get }
  /// The sequence that the next message will get.
  var nextSequence: UInt64 { get }
  /// The message, valid until the store is next changed; nil when it is not held.
  func message(at sequence: UInt64) -> UnsafeRawBufferPointer?
}

/// A bounded ``MessageStore`` in memory: the newest messages, the oldest given up when it is full.
///
/// Threading: one thread. All memory is taken by `init`.
@safe public struct RetainedMessages: ~Copyable, MessageStore {
  private let block: Block
  private let offsets: HeapColumn<UInt64>
  private let lengths: HeapColumn<UInt16>
  /// Bytes ever written; a message lies at its offset modulo the block and never wraps.
  private var head: UInt64 = 0
  public private(set) var firstSequence: UInt64
  public private(set) var nextSequence: UInt64

  /// - Parameters:
  ///   - messages: how many are held at the most.
  ///   - bytes: how many bytes they may take together.
  ///   - firstSequence: the sequence of the first message.
  public init(messages: Int, bytes: Int, firstSequence: UInt64 = 1) {
    block = Block(count: max(bytes, 1))
    offsets = HeapColumn(count: max(messages, 1), repeating: 0)
    lengths = HeapColumn(count: max(messages, 1), repeating: 0)
    self.firstSequence = firstSequence
    nextSequence = firstSequence
  }
  deinit {
    offsets.free()
    lengths.free()
  }

  /// The sequence given to the message, or nil when it is longer than 65,535 bytes or than the
  /// store.
  @discardableResult
  public mutating func append(_ message: UnsafeRawBufferPointer) -> UInt64? {
    let length = message.count
    guard length <= Int(UInt16.max), length <= block.count else { return nil }
    let size = UInt64(block.count)
    var start = head
    // A message is contiguous: what is left at the end of the block is skipped when it does not
    // fit.
    if start % size + UInt64(length) > size { start += size - start % size }
    let end = start + UInt64(length)
    while firstSequence < nextSequence,
      nextSequence - firstSequence >= UInt64(offsets.count)
        || offsets[slot(firstSequence)] + size < end
    {
      firstSequence += 1
    }
    unsafe block.writer.copy(Int(start % size), message)
    offsets[slot(nextSequence)] = start
    lengths[slot(nextSequence)] = UInt16(length)
    head = end
    nextSequence += 1
    return nextSequence - 1
  }
  public func message(at sequence: UInt64) -> UnsafeRawBufferPointer? {
    guard sequence >= firstSequence, sequence < nextSequence else { return nil }
    let index = slot(sequence)
    return unsafe block.view.part(
      Int(offsets[index] % UInt64(block.count)), Int(lengths[index]))
  }
  private func slot(_ sequence: UInt64) -> Int { Int(sequence % UInt64(offsets.count)) }
}
