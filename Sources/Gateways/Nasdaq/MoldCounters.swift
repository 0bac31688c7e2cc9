/// What a ``MoldReceiver`` saw on one line. Plain counters, read at any time by the owning thread.
@frozen public struct MoldLineCounters: BitwiseCopyable, Sendable, Equatable {
  public var datagrams: UInt64 = 0
  public var heartbeats: UInt64 = 0
  /// Datagrams of our session whose lengths do not lie.
  var whole: UInt64 { datagrams &- malformed &- foreignSession }
  /// Messages that this line was the first to bring and that were delivered or kept.
  public var firstMessages: UInt64 = 0
  /// Messages that another line, or an earlier datagram, had brought.
  public var duplicateMessages: UInt64 = 0
  /// Messages that this line skipped, by its own numbering.
  public var missedMessages: UInt64 = 0
  public var malformed: UInt64 = 0
  /// Datagrams of a session that is not ours.
  public var foreignSession: UInt64 = 0
  /// Datagrams whose sequence nothing supports yet: see ``MoldReceiverSettings/plausibleAhead``. What a late start
  /// hears before its first snapshot is held against that.
  public var implausible: UInt64 = 0
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
  /// Messages that were not taken: ahead of a gap and without a place there (too far ahead, too long, not believed, or
  /// pushed out by newer ones while a snapshot is awaited), or of a line that is set aside. What of them exists is
  /// asked for again, or another line brings it.
  public var dropped: UInt64 = 0
  /// Messages that went through the out-of-order buffer.
  public var buffered: UInt64 = 0
  public var gaps: UInt64 = 0
  /// Messages first found missing when a gap opened or grew.
  public var missing: UInt64 = 0
  /// Re-requests that were sent; and those that could not be: ``MoldReceiver/requestsFailed(_:)``.
  public var requests: UInt64 = 0
  public var requestsUnsent: UInt64 = 0
  /// Times that re-requests did not bring what was missing in time: unanswered, or answered but behind what
  /// went missing meanwhile.
  public var repairsTooSlow: UInt64 = 0
  /// Times that the re-request server said that it no longer has what was asked for.
  public var gone: UInt64 = 0
  public var snapshotsNeeded: UInt64 = 0
  /// Messages that splices went over, lost or sent before a late start: what they did is in the snapshot.
  /// Where the feed is sequenced, `delivered` + `spliced` is the last sequence, and more where a snapshot went back
  /// behind what had been delivered, and that came again.
  public var spliced: UInt64 = 0
  /// Of these, messages that a splice went over without having them: their content is in the snapshot only. Those
  /// that were sent before a late start heard the feed are not in it.
  public var lost: UInt64 = 0
  /// Same sequence, different bytes on two lines: an alarm.
  public var disagreements: UInt64 = 0
  public var malformed: UInt64 = 0
  public var foreignSession: UInt64 = 0
  /// Datagrams that came before anybody had said which session is ours.
  public var unidentified: UInt64 = 0
  /// Datagrams whose sequence was not believed: it lies too far ahead and nothing supports it, it comes alone
  /// from a line that has claimed before what nobody had, it ends the session below what was delivered,
  /// or it is 0 on a feed that is sequenced. An alarm.
  public var implausible: UInt64 = 0
  /// Lines whose word alone is not taken any more: see ``MoldReceiver/isDoubted(_:)``; and those that the re-request
  /// server has contradicted three times, of which nothing is the first while another line is heard.
  public var doubtedLines: UInt64 = 0
  /// Snapshots refused because they end far beyond anything that the lines say.
  public var snapshotsImplausible: UInt64 = 0

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
  /// The first datagram of another session came: see ``MoldReceiver/foreignSession``. It was not applied.
  public static var sessionChanged: MoldEvents { MoldEvents(rawValue: 16) }
  /// The datagram was wrong; whatever of it was good has been used.
  public static var malformed: MoldEvents { MoldEvents(rawValue: 32) }
  /// What was delivered is wrong, or nobody could be found who says that it is not. Call
  /// ``MoldReceiver/distrust()``.
  public static var disagreement: MoldEvents { MoldEvents(rawValue: 64) }
  /// Two copies of one sequence have different bytes, and no two lines had said the same before: what was delivered
  /// may be wrong. The re-request server is asked: `poll` has the request.
  public static var disputed: MoldEvents { MoldEvents(rawValue: 128) }
  /// The re-request server bears out what was delivered.
  public static var settled: MoldEvents { MoldEvents(rawValue: 256) }
}
