public import ExecutionCore

/// A file of ITCH messages, each behind a 2-byte big-endian length, raw or .gz.
///
/// Malformed frames are skipped and counted; a cut last frame or a lone last byte counts as one. Either is
/// ``damage``.
/// Threading: one thread.
@safe public struct FramedITCHFile: ~Copyable {
  /// A frame is at most its length word and 65,535 bytes.
  static var frameMax: Int { 65_537 }

  private var input: FeedInput
  /// Session nanoseconds since 1970 UTC of the day's midnight, US Eastern; see ``SessionCalendar``.
  public let midnight: Int64
  /// Malformed frames so far, a cut end included.
  public private(set) var malformed = 0
  /// Frames so far, malformed ones included.
  public private(set) var frames = 0
  private var firstSequence: UInt64
  private var isDone = false
  /// Where the first malformed frame begins.
  private var firstMalformed: UInt64?
  /// It ends inside its last frame.
  private var isCut = false
  /// What of the content is asked for: a whole frame, when a shorter window had none.
  private var wanted = Self.windowWanted
  private static var windowWanted: Int { 256 }

  /// Reads from the start of `input`.
  ///
  /// - Parameter firstSequence: of the first frame; 0 gives every record 0 (unsequenced).
  public init(input: consuming FeedInput, midnight: Int64, firstSequence: UInt64 = 0) {
    self.input = input
    self.midnight = midnight
    self.firstSequence = firstSequence
  }

  /// Opens a file; throws ``FeedError`` when it cannot be opened, or holds a capture instead.
  public init(path: String, midnight: Int64, firstSequence: UInt64 = 0) throws(FeedError) {
    var input = try FeedInput(path: path)
    let kind = input.kind()
    if kind == .recording { throw FeedError.recording(path) }
    guard kind == .framedITCH else {
      throw FeedError(
        path: path, offset: 0, cause: .data, problem: "is a \(kind.rawValue) capture",
        remedy: "give a file of framed ITCH messages")
    }
    self.init(input: input, midnight: midnight, firstSequence: firstSequence)
  }

  /// Decodes the next records, at most `capacity`.
  ///
  /// - Returns: how many records were written; 0 at the end, and then ``failure`` says whether the
  ///   content ended before its time.
  public mutating func read(
    into records: UnsafeMutablePointer<MarketRecord>, capacity: Int
  ) -> Int {
    while !isDone {
      let window = unsafe input.window(wanted)
      guard let base = unsafe window.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
        isDone = true
        return 0
      }
      let batch = unsafe ITCHDecoder.decodeFrames(
        base, count: window.count, midnight: midnight, firstSequence: firstSequence,
        into: records, capacity: capacity)
      if batch.malformed > 0, firstMalformed == nil {
        unsafe findMalformed(UnsafeRawBufferPointer(rebasing: window[..<batch.consumed]))
      }
      input.consume(batch.consumed)
      malformed += batch.malformed
      frames += batch.frames
      if firstSequence != 0 { firstSequence &+= UInt64(batch.frames) }
      let hadWhole = wanted == Self.frameMax
      wanted = batch.consumed == 0 ? Self.frameMax : Self.windowWanted
      if batch.records > 0 { return batch.records }
      guard batch.consumed == 0, hadWhole else { continue }
      // The window holds a whole frame if there is one: what is left is a cut end.
      isDone = true
      guard window.count > 0 else { return 0 }
      malformed += 1
      isCut = true
      if firstMalformed == nil { firstMalformed = input.offset }
      input.consume(window.count)
    }
    return 0
  }

  /// Walks whole frames of which one is malformed.
  private mutating func findMalformed(_ frames: UnsafeRawBufferPointer) {
    var at = 0
    // Each turn passes a frame.
    while at + 2 <= frames.count {
      let length = unsafe Int(frames[at]) << 8 | Int(frames[at + 1])
      guard at + 2 + length <= frames.count else { return }
      guard length > 0, unsafe ITCHDecoder.length(of: frames[at + 2]) == length else {
        firstMalformed = input.offset + UInt64(at)
        return
      }
      at += 2 + length
    }
  }

  /// Content bytes passed, after decompression.
  public var offset: UInt64 { input.offset }
  /// Why the content ended before its end; nil when all was read.
  public var failure: FeedError? { input.failure }
  /// What of the content that was read is no well-formed message; nil when all is.
  public var damage: FeedError? {
    guard malformed > 0 else { return nil }
    let others = malformed - (isCut ? 1 : 0)
    let cut = isCut ? "ends inside its last message" : nil
    let bad = others > 0 ? "has \(others) malformed messages, the first of them here" : nil
    return FeedError(
      path: input.path, offset: firstMalformed, cause: .data,
      problem: [bad, cut].compactMap { $0 }.joined(separator: ", and "),
      remedy: "get the whole file again; all the others have been read")
  }
}

extension FeedInput {
  /// What the content is, by its first bytes. Consumes nothing.
  public mutating func kind() -> FeedKind {
    let window = unsafe window(4)
    return unsafe FeedKind(firstBytes: Array(window.prefix(4)))
  }
}
