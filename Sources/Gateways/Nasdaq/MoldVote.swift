/// Messages that were delivered and of which another copy says otherwise: the re-request server is asked which it is. It
/// bears out what was delivered, or the books are taken from a snapshot; the line that it contradicts is struck.
struct MoldVote: BitwiseCopyable {
  /// Where they lie; equal: nothing is disputed.
  var first: UInt64 = 0
  var end: UInt64 = 0
  /// Who contradicted what was delivered.
  var line = 0
  /// When to ask next, and how often it was asked.
  var deadline: Int64 = 0
  var asked = 0

  /// Times of asking without an answer after which a snapshot decides.
  static var askedMax: Int { 20 }
  /// Disputes that a line may lose before what it brings is set aside.
  static var contradictionsMax: Int { 3 }
}

extension MoldReceiver {
  /// Something that was delivered is disputed, and nobody has settled it yet: no book is whole until then.
  public var isDisputed: Bool { vote.first < vote.end }

  /// A copy of a message that was delivered, or is about to be, says otherwise.
  mutating func dispute(_ sequence: UInt64, by line: Int) {
    if isDisputed {
      vote.first = min(vote.first, sequence)
      vote.end = max(vote.end, sequence &+ 1)
    } else {
      vote = MoldVote(first: sequence, end: sequence &+ 1, line: line)
    }
    vote.deadline = 0
    guard vote.end &- vote.first <= UInt64(settings.requestMessagesMax) else {
      // More than one answer has.
      vote = MoldVote()
      events.insert(.disagreement)
      return
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
    guard !isDisputed else { return }
    contradict(vote.line)
    vote = MoldVote()
    events.insert(.settled)
  }

  /// The re-request server has told the line wrong. Once may be chance; from ``contradictionsMax`` on the line brings
  /// nothing first while another one is heard.
  private mutating func contradict(_ line: Int) {
    guard line >= 0, line < settings.lines else { return }
    beliefs.lines[line].contradictions += 1
    guard beliefs.lines[line].contradictions == MoldVote.contradictionsMax else { return }
    beliefs.isAnyContradicted = true
    counters.doubtedLines &+= 1
  }

  func isContradicted(_ line: Int) -> Bool {
    beliefs.lines[line].contradictions >= MoldVote.contradictionsMax
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
    vote.deadline = now &+ settings.requestRetry
    counters.requests &+= 1
    let count = UInt16(truncatingIfNeeded: vote.end &- vote.first)
    return unsafe MoldHeader(session: session, sequence: vote.first, count: count).write(into: out)
  }
}
