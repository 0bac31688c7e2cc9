/// Messages that were delivered and of which another copy says otherwise: the re-request server is asked which it is. It
/// bears out what was delivered, or the books are taken from a snapshot; the line that it contradicts is struck.
struct MoldVote: BitwiseCopyable {
  /// Where they lie; equal: nothing is disputed.
  var first: UInt64 = 0
  var end: UInt64 = 0
  /// From here on nobody has been judged yet.
  var judgedEnd: UInt64 = 0
  /// One above the last message that is asked for now, when to ask again, and how often it was asked.
  var askedEnd: UInt64 = 0
  var deadline: Int64 = 0
  var asked = 0
  /// Some lie beyond ``messagesMax``: a snapshot decides about those.
  var isTooLong = false

  /// Times of asking without an answer after which a snapshot decides.
  static var askedMax: Int { 20 }
  /// Messages from the first to the last that are asked for, ``MoldReceiverSettings/requestMessagesMax`` at a time.
  static var messagesMax: UInt64 { 1_024 }
  /// Disputes that a line may lose before what it brings is set aside, and machine time in waits
  /// (``MoldReceiverSettings/requestRetry``) after which one of fewer is forgiven: noise is not a sick line.
  static var contradictionsMax: Int { 3 }
  static var forgivingWaits: UInt64 { 12_000 }
}

extension MoldReceiver {
  /// Something that was delivered is disputed, and nobody has settled it yet: no book is whole until then.
  public var isDisputed: Bool { vote.first < vote.end }

  /// A copy of a message that was delivered, or is about to be, says otherwise.
  mutating func dispute(_ sequence: UInt64, by line: Int) {
    if !isDisputed {
      vote = MoldVote(first: sequence, end: sequence, judgedEnd: sequence)
      for i in 0..<settings.lines { beliefs.lines[i].disputesNothing() }
    }
    if line >= 0, line < settings.lines { beliefs.lines[line].disputes(sequence) }
    let first = min(vote.first, sequence)
    let end = max(vote.end, sequence &+ 1)
    if end &- first <= MoldVote.messagesMax {
      vote.first = first
      vote.judgedEnd = min(vote.judgedEnd, first)
      vote.end = end
    } else {
      vote.isTooLong = true
    }
    events.insert(.disputed)
  }

  /// The re-request server's copy of a message: it says what was delivered, or something else.
  mutating func serverSays(_ sequence: UInt64, same: Bool, delivered by: Int?) {
    guard isDisputed, sequence >= vote.first, sequence < vote.end else { return }
    guard same else {
      if let by { contradict(by) }
      vote = MoldVote()
      events.insert(.disagreement)
      return
    }
    // Answers come in order; what was passed over is asked for again.
    guard sequence == vote.first else { return }
    vote.first &+= 1
    vote.asked = 0
    guard vote.first >= vote.askedEnd || !isDisputed else { return }
    // One answer, one verdict on each line that disputed a part of it: one that goes on altering is set aside while
    // the rest is asked for, and one whose single copy was damaged beside it is not.
    for i in 0..<settings.lines
    where beliefs.lines[i].hasDisputed(from: vote.judgedEnd, to: vote.first) {
      contradict(i)
    }
    vote.judgedEnd = vote.first
    vote.deadline = 0
    guard !isDisputed else { return }
    events.insert(vote.isTooLong ? .disagreement : .settled)
    vote = MoldVote()
  }

  /// The re-request server has told the line wrong. Once may be chance; from ``MoldVote/contradictionsMax`` on the
  /// line brings nothing first while another one is heard that it has not told wrong as often.
  private mutating func contradict(_ line: Int) {
    guard line >= 0, line < settings.lines, !isContradicted(line) else { return }
    beliefs.lines[line].contradictions += 1
    guard isContradicted(line) else { return }
    beliefs.isAnyContradicted = true
    countDoubted(line)
  }

  func isContradicted(_ line: Int) -> Bool {
    beliefs.lines[line].contradictions >= MoldVote.contradictionsMax
  }

  /// To be called once in ``MoldVote/forgivingWaits``.
  mutating func forgive() {
    for i in 0..<settings.lines where !isContradicted(i) && beliefs.lines[i].contradictions > 0 {
      beliefs.lines[i].contradictions -= 1
    }
  }

  /// The request for what is disputed, when one is due; else 0.
  mutating func askForDisputed(
    now: Int64, _ session: SessionName, into out: UnsafeMutableRawBufferPointer
  ) -> Int {
    guard isDisputed, now >= vote.deadline else { return 0 }
    guard vote.asked < MoldVote.askedMax else {
      vote = MoldVote()
      events.insert(.disagreement)
      return 0
    }
    vote.asked += 1
    vote.askedEnd = min(vote.end, vote.first &+ UInt64(settings.requestMessagesMax))
    vote.deadline = now &+ settings.requestRetry
    counters.requests &+= 1
    let count = UInt16(truncatingIfNeeded: vote.askedEnd &- vote.first)
    return unsafe MoldHeader(session: session, sequence: vote.first, count: count).write(into: out)
  }
}
