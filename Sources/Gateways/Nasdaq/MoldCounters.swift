/// What a ``MoldReceiver`` saw on one line. Plain counters, read at any time by the owning thread.
@frozen public struct MoldLineCounters: BitwiseCopyable, Sendable, Equatable {
  public var datagrams: UInt64 = 0
  public var heartbeats: UInt64 = 0
  /// Messages that this line was the first to bring and that were delivered or kept.
  public var firstMessages: UInt64 = 0
  /// Messages that another line, or an earlier datagram, had brought.
  public var duplicateMessages: UInt64 = 0
  /// Messages that this line skipped, by its own numbering.
  public var missedMessages: UInt64 = 0
  public var malformed: UInt64 = 0
  /// Datagrams of a session that is not ours.
  public var foreignSession: UInt64 = 0
  /// The sequence that this line's next datagram should begin with; 0 before the first.
  public var expected: UInt64 = 0

  public init() {}
}

/// Counters of the merged stream.
///
/// `delivered` + `duplicates` + `dropped` + messages still kept = messages in well-formed blocks.
@frozen public struct MoldCounters: BitwiseCopyable, Sendable, Equatable {
  /// Messages handed to the decoder, in order.
  public var delivered: UInt64 = 0
  /// Of these, unsequenced ones.
  public var unsequenced: UInt64 = 0
  /// Messages that had been delivered or kept before.
  public var duplicates: UInt64 = 0
  /// Messages ahead of a gap that found no place: too far ahead, too long, or pushed out by newer
  /// ones while a snapshot is awaited. They are asked for again.
  public var dropped: UInt64 = 0
  /// Messages that went through the out-of-order buffer.
  public var buffered: UInt64 = 0
  public var gaps: UInt64 = 0
  /// Messages first found missing when a gap opened or grew.
  public var missing: UInt64 = 0
  public var requests: UInt64 = 0
  /// Times that re-requests did not bring what was missing in time: unanswered, or answered but behind what
  /// went missing meanwhile.
  public var repairsTooSlow: UInt64 = 0
  /// Times that the re-request server said that it no longer has what was asked for.
  public var gone: UInt64 = 0
  public var snapshotsNeeded: UInt64 = 0
  /// Messages that a splice went over without having them: their content is in the snapshot only. Those
  /// that were sent before a late start heard the feed are not in it.
  public var lost: UInt64 = 0
  /// Same sequence, different bytes on two lines: an alarm.
  public var disagreements: UInt64 = 0
  public var malformed: UInt64 = 0
  public var foreignSession: UInt64 = 0
  public var sessionChanges: UInt64 = 0

  public init() {}
}

/// What happened during one call, besides messages.
@frozen public struct MoldEvents: OptionSet, BitwiseCopyable, Sendable {
  public let rawValue: UInt16
  @_noLocks @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

  // An empty array literal would be an array first: `@_noLocks` rejects it.
  static var nothing: MoldEvents { @_noLocks get { MoldEvents(rawValue: 0) } }
  /// A sequence is missing: books are not whole. `poll` has requests to send.
  public static var gapOpened: MoldEvents { MoldEvents(rawValue: 1) }
  /// Nothing is missing any more.
  public static var gapClosed: MoldEvents { MoldEvents(rawValue: 2) }
  /// The gap cannot be repaired by re-requests: take a snapshot, then call
  /// ``MoldReceiver/splice(at:_:)``.
  public static var needsSnapshot: MoldEvents { MoldEvents(rawValue: 4) }
  /// The session is over and everything up to its end has been delivered.
  public static var endOfSession: MoldEvents { MoldEvents(rawValue: 8) }
  /// A datagram of another session came: see ``MoldReceiver/foreignSession``.
  public static var sessionChanged: MoldEvents { MoldEvents(rawValue: 16) }
  /// The datagram was wrong; whatever of it was good has been used.
  public static var malformed: MoldEvents { MoldEvents(rawValue: 32) }
  /// Two lines sent different bytes under one sequence.
  public static var disagreement: MoldEvents { MoldEvents(rawValue: 64) }
}

/// Settings of a ``MoldReceiver``. Times in nanoseconds of machine time.
@frozen public struct MoldReceiverSettings: BitwiseCopyable, Sendable {
  /// nil: the session of the first datagram is taken.
  public var session: SessionName?
  /// The sequence to begin at; 1 at the start of a day.
  public var firstSequence: UInt64 = 1
  /// Lines 0 up to this are feed lines; the next one is the re-request server's replies.
  public var lines: Int = 2
  /// Messages that one re-request asks for at most: what fits in a datagram.
  public var requestMessagesMax: Int = 32
  /// Machine time that a message may be missing before it is asked for: another line may bring it, or the
  /// network has only reordered it. Well below `repairWaitsMax` waits; 0: asked for at once.
  public var arbitrationWait: Int64 = 0
  /// Re-requests under way at once.
  public var requestsOutstandingMax: Int = 4
  /// Wait for an answer before asking again.
  public var requestRetry: Int64 = 5_000_000
  /// The wait doubles with each time of asking, up to this: a server that stands still for a while is
  /// not to find its socket full of one question when it goes on.
  public var requestRetryMax: Int64 = 40_000_000
  /// Waits of `requestRetry` that one message may stay missing, whatever else is repaired meanwhile, before
  /// a snapshot is needed: half a second. Nothing less ends a repair, and no number of questions
  /// without an answer does: a server that was not scheduled for a while is not gone. Counted at
  /// ``MoldReceiver/poll(now:into:_:)``, one for each wait at most, so that a thread of ours that was not
  /// scheduled does not give up either.
  public var repairWaitsMax: Int = 100
  /// A gap of more messages than this is not asked for: a snapshot is quicker.
  public var repairableMessagesMax: UInt64 = 50_000
  /// Messages kept while a gap is open; a power of two.
  public var windowMessages: Int = 65_536
  /// Longest message that is kept out of order, without its length.
  public var windowMessageBytesMax: Int = 62
  /// Messages whose checksum is kept to compare lines; a power of two, 0 when there is one line.
  public var compareMessages: Int = 8_192

  public init() {}

  public static var linesMax: Int { 4 }

  /// The wait that follows a wait for nothing.
  func wait(after wait: Int64) -> Int64 {
    let longest = max(requestRetry, requestRetryMax)
    return wait >= longest / 2 ? longest : wait &* 2
  }
}
