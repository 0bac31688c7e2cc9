internal import ExecutionCore

/// A connection of a ``PaperBroker``: the frame that is coming, and what is to be sent.
final class PaperClient {
  /// −1 before the log-in.
  var account: Int32 = -1
  private(set) var isClosing = false
  private var lastSpoken: Int64 = 0
  private let input = Block(count: PaperProtocol.frameBytesMax)
  private var inputCount = 0
  private let room: Block
  private var sentCount = 0
  private var count = 0
  /// Told later: what comes with latency, in its order, and what was delayed.
  private var held: [Held] = []
  private var heldFirst = 0
  private var delayed: [Held] = []

  private struct Held {
    var due: Int64
    var bytes: [UInt8]
  }

  init(outputBytes: Int) { room = Block(count: max(outputBytes, 4_096)) }

  var isLoggedIn: Bool { account >= 0 && !isClosing }

  /// Nothing more is taken or told: it is to be closed.
  func fail() { isClosing = true }
  /// As that, and what it was to be told is not.
  func forget() {
    isClosing = true
    sentCount = 0
    count = 0
    held = []
    heldFirst = 0
    delayed = []
  }

  // MARK: In

  /// Takes bytes up to the end of a frame; how many. One that is longer than any, or of no kind, ends the session.
  func take(_ bytes: UnsafeRawBufferPointer, malformed: inout UInt64) -> Int {
    var used = 0
    while used < bytes.count, needed > inputCount {
      let step = min(needed - inputCount, bytes.count - used)
      unsafe input.writer.copy(
        inputCount, UnsafeRawBufferPointer(rebasing: bytes[used..<used + step]))
      inputCount += step
      used += step
      if inputCount == PaperProtocol.headerBytes, !isHeaderGood {
        malformed += 1
        fail()
        return used
      }
    }
    return used
  }

  /// Bytes of the frame, as far as that is known.
  private var needed: Int {
    inputCount < PaperProtocol.headerBytes
      ? PaperProtocol.headerBytes : Int(input.view.u16(0)) + 2
  }
  private var isHeaderGood: Bool {
    PaperProtocol.length(of: input.view.u8(2)).map { $0 + 1 == Int(input.view.u16(0)) } ?? false
  }

  /// The frame, when it is whole.
  func frame() -> (kind: UInt8, payload: WireView)? {
    guard inputCount >= PaperProtocol.headerBytes, inputCount == needed else { return nil }
    let header = PaperProtocol.headerBytes
    return unsafe (input.view.u8(2), WireView(input.view.part(header, inputCount - header)))
  }
  func dropFrame() { inputCount = 0 }

  // MARK: Out

  var output: UnsafeRawBufferPointer { unsafe room.view.part(sentCount, count - sentCount) }
  func sent(_ bytes: Int) {
    sentCount = min(sentCount + max(0, bytes), count)
    if sentCount == count {
      sentCount = 0
      count = 0
    }
  }

  /// Writes a frame now; false without room, and then the session is of no use.
  @discardableResult
  func say(_ bytes: Int, now: Int64, _ write: (WireWriter) -> Int) -> Bool {
    guard !isClosing else { return false }
    if room.count - count < bytes, sentCount > 0 {
      room.move(from: sentCount, to: 0, count: count - sentCount)
      count -= sentCount
      sentCount = 0
    }
    guard room.count - count >= bytes else {
      fail()
      return false
    }
    count += unsafe write(WireWriter(room.writer.part(count, bytes)))
    lastSpoken = now
    return true
  }

  /// Tells a frame at a time of its own.
  ///
  /// - Parameter isDelayed: later than what comes after it may be told.
  /// - Returns: false when more waits than there is room for, and then the session is of no use.
  func tell(at due: Int64, isDelayed: Bool, _ write: (WireWriter) -> Int) -> Bool {
    guard !isClosing else { return false }
    let waiting = held.count - heldFirst + delayed.count
    guard waiting * PaperProtocol.frameBytesMax < room.count else {
      fail()
      return false
    }
    let scratch = Block(count: PaperProtocol.frameBytesMax)
    let length = write(scratch.writer)
    let bytes = unsafe Array(scratch.view.part(0, length))
    if isDelayed {
      delayed.append(Held(due: due, bytes: bytes))
    } else {
      held.append(Held(due: due, bytes: bytes))
    }
    return true
  }

  /// What is due is to be sent.
  func release(now: Int64) {
    while heldFirst < held.count, held[heldFirst].due <= now {
      say(held[heldFirst].bytes, now: now)
      heldFirst += 1
    }
    if heldFirst == held.count, heldFirst > 0 {
      held.removeAll(keepingCapacity: true)
      heldFirst = 0
    }
    guard !delayed.isEmpty else { return }
    for late in delayed where late.due <= now { say(late.bytes, now: now) }
    delayed.removeAll { $0.due <= now }
  }

  private func say(_ bytes: [UInt8], now: Int64) {
    say(bytes.count, now: now) { writer in
      unsafe bytes.withUnsafeBytes { unsafe writer.copy(0, $0) }
      return bytes.count
    }
  }

  func due(heartbeat: Int64) -> Int64 {
    var due = heldFirst < held.count ? held[heldFirst].due : Int64.max
    for late in delayed { due = min(due, late.due) }
    if isLoggedIn { due = min(due, lastSpoken + heartbeat) }
    return due
  }

  func keepAlive(now: Int64, after interval: Int64) {
    guard now - lastSpoken >= interval else { return }
    say(PaperProtocol.headerBytes, now: now) { $0.frame(PaperProtocol.Kind.alive, payload: 0) }
  }
}
