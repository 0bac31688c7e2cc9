public import Captures
public import ExecutionCore

/// A recorded feed as messages in order: framed ITCH, or a feed of a capture of MoldUDP64, raw or .gz.
///
/// Threading: one thread.
@safe public struct RecordedFeed: ~Copyable {
  private var framed: FramedITCHFile?
  private var captured: CapturedFeed?

  /// What a capture holds; nil of framed ITCH.
  public static func survey(
    _ file: borrowing FeedFile, _ choice: CaptureChoice
  ) throws(FeedError) -> CaptureSurvey? {
    var input = try file.input()
    let kind = input.kind()
    if kind == .recording { throw FeedError.recording(file.path) }
    guard kind != .framedITCH else {
      guard choice.words.isEmpty else {
        throw FeedError(
          path: file.path, offset: nil, cause: .data,
          problem: "is framed ITCH, which has no \(choice.words)",
          remedy: "leave --session, --port and --group out, or give a capture")
      }
      return nil
    }
    let survey = CaptureSurvey(try PacketCapture(input: input), path: file.path, choice: choice)
    guard let narrower = try survey.narrowed() else { return survey }
    return CaptureSurvey(
      try PacketCapture(input: file.input()), path: file.path, choice: narrower.choice
    ).remarking(narrower.remarks)
  }

  /// - Parameter survey: of this file; it says which feed of a capture is read.
  public init(
    _ file: borrowing FeedFile, survey: CaptureSurvey?, midnight: Int64
  ) throws(FeedError) {
    let input = try file.input()
    if let survey {
      captured = try CapturedFeed(
        try PacketCapture(input: input), survey: survey, midnight: midnight)
      framed = nil
    } else {
      framed = FramedITCHFile(input: input, midnight: midnight)
      captured = nil
    }
  }

  /// Decodes the next messages, at most `capacity`; 0 at the end.
  public mutating func read(
    into records: UnsafeMutablePointer<MarketRecord>, capacity: Int
  ) -> Int {
    let found = unsafe framed?.read(into: records, capacity: capacity)
    if let found { return found }
    return unsafe captured?.read(into: records, capacity: capacity) ?? 0
  }

  /// Content bytes passed, after decompression.
  public var offset: UInt64 {
    switch framed {
    case .some(let file): return file.offset
    case .none: break
    }
    switch captured {
    case .some(let feed): return feed.offset
    case .none: return 0
    }
  }

  /// What was wrong with what has been read so far.
  public var faults: RecordingFaults {
    switch framed {
    case .some(let file):
      return RecordingFaults(
        malformed: UInt64(file.malformed), failure: file.failure, damage: file.damage)
    case .none: break
    }
    switch captured {
    case .some(let feed): return feed.faults
    case .none: return RecordingFaults()
    }
  }
}

/// What a recording lacks.
public struct RecordingFaults: Sendable {
  /// Frames of an unknown type, or of a length that does not fit it; skipped.
  public var malformed: UInt64 = 0
  /// Of a capture: sequence numbers that it does not have, and the places where it does not have them.
  public var missing: UInt64 = 0
  public var gaps: UInt64 = 0
  /// Why it cannot be read further.
  public var failure: FeedError?
  /// What of it has been passed over because it is no message.
  public var damage: FeedError?
  /// Of a capture with a feed in it.
  var capture: CaptureAccount?
  /// Packets of a capture that were of no use, in words.
  var passedOver: [String] = []

  init(malformed: UInt64 = 0, failure: FeedError? = nil, damage: FeedError? = nil) {
    self.malformed = malformed
    self.failure = failure
    self.damage = damage
  }

  /// What a reader of the whole has to end with.
  public var trouble: FeedError? { failure ?? damage }

  /// For who only reads the recording: with what it was, and what was passed over.
  public var account: [String] {
    (capture.map { [$0.line] + $0.notes } ?? []) + passedOverNote
  }

  private var passedOverNote: [String] {
    passedOver.isEmpty ? [] : ["packets " + passedOver.joined(separator: ", ")]
  }

  /// In words, without the file's path: they go into reports.
  public var notes: [String] {
    var said: [String] = []
    if malformed > 0 { said.append("the recording has \(malformed) malformed messages: skipped") }
    said += (capture?.notes ?? []) + passedOverNote
    if missing > 0 {
      said.append(
        "the capture lacks \(missing) messages in \(gaps) gaps: the history is not whole there")
    }
    if let failure {
      let place = failure.offset.map { " at offset \($0)" } ?? ""
      said.append("the recording ends early\(place): \(failure.problem)")
    }
    return said
  }
}
