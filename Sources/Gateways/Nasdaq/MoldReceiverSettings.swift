/// Settings of a ``MoldReceiver``. Times in nanoseconds of machine time.
@frozen public struct MoldReceiverSettings: BitwiseCopyable, Sendable {
  /// The one session that is applied. nil: nothing is, until ``MoldReceiver/adopt(session:)``. Never
  /// taken from a datagram: whoever can send one could choose it.
  public var session: SessionName?
  /// Sequence 0 is applied, in the order of arrival: for captures that were not numbered. On a feed that is
  /// numbered it is refused and counted.
  public var isUnsequenced = false
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
  /// A datagram that claims more than this many messages beyond what is known to exist moves nothing by
  /// itself: neither the end of the stream nor the window. It is believed once another line says as
  /// much, or the re-request server has what it speaks of, or when its line alone goes on
  /// from there, ``supportingPackets`` datagrams over ``supportingWaits``, while no line says anything else.
  public var plausibleAhead: UInt64 = 50_000
  public var supportingPackets: Int = 8
  /// Waits of `requestRetry` in which every line that lives is heard: two seconds, twice the heartbeat interval
  /// of the protocol. Counted as `repairWaitsMax` is.
  public var supportingWaits: UInt64 = 400
  /// Messages kept while a gap is open; a power of two.
  public var windowMessages: Int = 65_536
  /// Longest message that is kept out of order, without its length.
  public var windowMessageBytesMax: Int = 62
  /// Messages whose checksum is kept to compare lines; a power of two, 0 when there is one line.
  public var compareMessages: Int = 8_192

  public init() {}

  public static var linesMax: Int { 4 }
  /// Gaps that one line may open for nothing before its word alone is not taken any more.
  static var strikesMax: Int { 3 }

  /// The wait that follows a wait for nothing.
  func wait(after wait: Int64) -> Int64 {
    let longest = max(requestRetry, requestRetryMax)
    return wait >= longest / 2 ? longest : wait &* 2
  }
}
