/// Messages ahead of a gap, by sequence, in slots of one size.
@safe struct MoldWindow: ~Copyable {
  /// `disputed`: the copy that was kept says otherwise. Neither is kept then, until the re-request server says which
  /// it is.
  enum Outcome: BitwiseCopyable { case kept, replacedOlder, duplicate, disputed, noRoom }

  private let slots: Int
  private let slotBytes: Int
  private let sequences: HeapColumn<UInt64>
  /// By slot, the sequence of which two copies say different things; 0: none.
  private let disputes: HeapColumn<UInt64>
  private let frames: Block
  private let scratch: Block
  /// Disputes that nobody has settled.
  private(set) var disputed = 0
  /// Messages that are kept now.
  private(set) var held = 0

  init(messages: Int, messageBytesMax: Int) {
    var count = 16
    while count < messages, count < 1 << 24 { count <<= 1 }
    slots = count
    slotBytes = 2 + min(max(messageBytesMax, 16), 0xffff)
    sequences = HeapColumn(count: count, repeating: 0)
    disputes = HeapColumn(count: count, repeating: 0)
    frames = Block(count: count * slotBytes)
    scratch = Block(count: max(64 * 1024, slotBytes))
  }
  deinit {
    sequences.free()
    disputes.free()
  }

  @inline(__always) private func slot(_ sequence: UInt64) -> Int {
    Int(truncatingIfNeeded: sequence & UInt64(slots &- 1))
  }
  @inline(__always) func holds(_ sequence: UInt64) -> Bool { sequences[slot(sequence)] == sequence }

  /// - Parameter isServer: it is the re-request server's word, which settles a dispute.
  mutating func keep(
    _ frame: UnsafeRawBufferPointer, sequence: UInt64, next: UInt64, newestWins: Bool,
    isServer: Bool
  ) -> Outcome {
    let index = slot(sequence)
    let there = sequences[index]
    if there == sequence {
      if unsafe isKept(frame, at: index) { return .duplicate }
      if disputes[index] == 0 { disputed &+= 1 }
      disputes[index] = sequence
      sequences[index] = 0
      held &-= 1
      return .disputed
    }
    if disputed > 0, disputes[index] == sequence {
      guard isServer else { return .noRoom }
      disputes[index] = 0
      disputed &-= 1
    }
    guard frame.count <= slotBytes, sequence > 0 else { return .noRoom }
    if !newestWins, sequence &- next >= UInt64(slots) { return .noRoom }
    if there > sequence { return .noRoom }
    sequences[index] = sequence
    unsafe frames.writer.copy(index &* slotBytes, frame)
    if there != 0 { return .replacedOlder }
    held &+= 1
    return .kept
  }

  /// From the first to the last of these messages that is disputed. None is any longer, whatever is done about it.
  mutating func settle(from: UInt64, to: UInt64) -> ClosedRange<UInt64>? {
    var found: ClosedRange<UInt64>? = nil
    var sequence = from
    while sequence < to, disputed > 0 {
      let index = slot(sequence)
      if disputes[index] == sequence {
        disputes[index] = 0
        disputed &-= 1
        found = (found?.lowerBound ?? sequence)...sequence
      }
      sequence &+= 1
    }
    return found
  }

  /// What is disputed below this is behind us.
  mutating func forgetDisputes(before sequence: UInt64) {
    guard disputed > 0 else { return }
    for i in 0..<slots where disputes[i] != 0 && disputes[i] < sequence {
      disputes[i] = 0
      disputed &-= 1
    }
  }

  private func isKept(_ frame: UnsafeRawBufferPointer, at index: Int) -> Bool {
    let view = frames.view
    let length = 2 &+ Int(view.u16(index &* slotBytes))
    guard length == frame.count else { return false }
    return unsafe view.part(index &* slotBytes, length).elementsEqual(frame)
  }

  /// As many contiguous messages from `sequence` as are kept and fit in one span, given out.
  mutating func take(from sequence: UInt64) -> MoldSpan? {
    var used = 0
    var count = 0
    let view = frames.view
    while held > 0 {
      let index = slot(sequence &+ UInt64(count))
      guard sequences[index] == sequence &+ UInt64(count) else { break }
      let length = 2 &+ Int(view.u16(index &* slotBytes))
      guard used &+ length <= scratch.count else { break }
      unsafe scratch.writer.copy(used, view.part(index &* slotBytes, length))
      sequences[index] = 0
      held &-= 1
      used &+= length
      count &+= 1
    }
    guard count > 0 else { return nil }
    return unsafe MoldSpan(
      firstSequence: sequence, messages: count, framed: scratch.view.part(0, used))
  }

  /// Forgets what is kept in `[from, to)`; how many there were.
  mutating func drop(from: UInt64, to: UInt64) -> Int {
    guard held > 0, to > from else { return 0 }
    var dropped = 0
    if to &- from >= UInt64(slots) {
      for i in 0..<slots where sequences[i] >= from && sequences[i] < to && sequences[i] != 0 {
        sequences[i] = 0
        dropped &+= 1
      }
    } else {
      var sequence = from
      while sequence < to {
        if holds(sequence), sequence != 0 {
          sequences[slot(sequence)] = 0
          dropped &+= 1
        }
        sequence &+= 1
      }
    }
    held &-= dropped
    return dropped
  }

  /// How many sequences of `[from, to)` are not kept.
  func missing(from: UInt64, to: UInt64) -> UInt64 {
    guard to > from else { return 0 }
    var count = to &- from
    guard held > 0 else { return count }
    // Further apart than the window is wide: while a snapshot is awaited the newest are kept.
    if count >= UInt64(slots) {
      for i in 0..<slots where sequences[i] >= from && sequences[i] < to { count &-= 1 }
      return count
    }
    var sequence = from
    while sequence < to {
      if holds(sequence) { count &-= 1 }
      sequence &+= 1
    }
    return count
  }

  /// The first sequence of `[from, to)` that is not kept; `to` when all are. Looks at one window.
  func firstMissing(from: UInt64, to: UInt64) -> UInt64 {
    var sequence = from
    var looked = 0
    while sequence < to, looked < slots, holds(sequence) {
      sequence &+= 1
      looked &+= 1
    }
    return sequence
  }

  /// The lowest sequence that is kept; nil where none is. Looks at all of it.
  var lowest: UInt64? {
    guard held > 0 else { return nil }
    var found = UInt64.max
    for i in 0..<slots where sequences[i] != 0 { found = min(found, sequences[i]) }
    return found
  }

  mutating func clear() {
    if disputed > 0 {
      for i in 0..<slots { disputes[i] = 0 }
      disputed = 0
    }
    guard held > 0 else { return }
    for i in 0..<slots { sequences[i] = 0 }
    held = 0
  }
}
