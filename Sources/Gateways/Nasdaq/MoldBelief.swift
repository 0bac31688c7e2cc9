// What is believed of what the lines say. A sequence that a single datagram claims costs a stream that is
// wrongly taken for lost at the least, and every later message at the worst: so it moves nothing
// until a second source says the same.
//
// - Within ``MoldReceiverSettings/plausibleAhead`` of what is known to exist a line is believed at once: it may
//   have lost the messages between, and books with a hole must not be traded on. When it turns out that
//   nobody had what it spoke of (a snapshot asked for after its claim ends below it; gap after gap that
//   closes without the re-request server) the claim is forgotten and the line is *doubted*:
//   alone it opens no gap any more while another line is heard.
// - What lies further ahead, or comes from a doubted line, is a *candidate*: counted, kept nowhere, and
//   asked for at the re-request server. Another line, the server, or the same line going on and on
//   makes it believed; one datagram of the old numbering on its line refutes it.
// - A snapshot is believed where the lines have come to, or come to it soon.

/// What one line claims, and what its word is worth.
struct MoldLineBelief: BitwiseCopyable {
  /// Highest end that was believed of it since a snapshot was asked for last, and before that.
  var end: UInt64 = 0
  var endBefore: UInt64 = 0
  /// The end that it claims and nothing supports; 0: none. Since which wait undisputed, by how many datagrams,
  /// the last of them when.
  var candidate: UInt64 = 0
  var candidateSince: UInt64 = 0
  var candidatePackets = 0
  var candidateHeard: UInt64 = 0
  /// Datagrams that claimed it before anything of the stream was known: a snapshot tells whether that was plausible.
  var unjudged: UInt64 = 0
  /// Where it says that the session ends, and the wait at which it first said so; 0: nowhere.
  var sessionEnd: UInt64 = 0
  var sessionEndSince: UInt64 = 0
  /// ``MoldLineCounters/whole`` at the last look, and whether there were any between that look and the one before.
  var datagrams: UInt64 = 0
  var wasHeard = false
  var strikes = 0
  /// Messages of it that the re-request server has otherwise, disputes counted once.
  var contradictions = 0
  /// From the first to the last message of the dispute under way of which it says otherwise than what was delivered.
  private var disputedFirst: UInt64 = 0
  private var disputedEnd: UInt64 = 0
  var isDoubted = false
  /// It stands in ``MoldCounters/doubtedLines``.
  var isCounted = false

  mutating func disputesNothing() {
    disputedFirst = 0
    disputedEnd = 0
  }
  mutating func disputes(_ sequence: UInt64) {
    disputedFirst = disputedEnd == 0 ? sequence : min(disputedFirst, sequence)
    disputedEnd = max(disputedEnd, sequence &+ 1)
  }
  func hasDisputed(from first: UInt64, to end: UInt64) -> Bool {
    disputedFirst < end && disputedEnd > first
  }
}

/// What all lines claim, and what of it is known.
@safe struct MoldBeliefs: ~Copyable {
  let lines: HeapColumn<MoldLineBelief>
  /// Up to here more than one claim, or a message for each sequence, supports that the stream exists.
  var supportedEnd: UInt64 = 0
  /// A candidate, or an end of the session, waits for its second source: datagrams in order are looked at.
  var isUncertain = false
  /// The re-request server has contradicted a line too often.
  var isAnyContradicted = false
  /// Where two sources say that the session ends.
  var sessionEnd: UInt64 = 0
  /// Waits of `requestRetry` counted so far, and the machine time at which the next one is over.
  var waits: UInt64 = 0
  var nextWait: Int64 = 0
  /// The next look at who is heard.
  var nextLook: UInt64 = 0
  /// The next time that disputes are forgiven.
  var nextForgiving: UInt64 = 0
  /// The re-request server has been asked about a candidate; when to ask again, and the wait that ends then.
  var isProbing = false
  var probeDeadline: Int64 = 0
  var probeWait: Int64 = 0
  /// Who opened the gap that is open, up to where, and by a heartbeat where `gapMessages` is not 0: so many messages
  /// were missing, and so many had the re-request server brought before.
  var gapLine = -1
  var gapEnd: UInt64 = 0
  var gapMessages: UInt64 = 0
  var gapServed: UInt64 = 0
  /// Who moved the end of the gap on last, by a heartbeat or not.
  var lastLine = -1
  var lastIsAnnounced = false
  /// A snapshot that ends below what was delivered is taken: what was delivered last is not to be trusted.
  var mayGoBack = false

  init(lines: Int) { self.lines = HeapColumn(count: lines, repeating: MoldLineBelief()) }
  deinit { lines.free() }

  /// Another session: what was said in the one before does not count.
  mutating func clear() {
    for i in 0..<lines.count { lines[i] = MoldLineBelief() }
    supportedEnd = 0
    isUncertain = false
    isAnyContradicted = false
    sessionEnd = 0
    isProbing = false
    gapLine = -1
    gapMessages = 0
    mayGoBack = false
  }

  /// A snapshot is asked for: what has been claimed by now will be in it, if it is true.
  mutating func snapshotIsAsked() {
    for i in 0..<lines.count {
      lines[i].endBefore = lines[i].end
      lines[i].end = 0
    }
  }
}

extension MoldReceiver {
  /// The line has claimed what nobody had: while another line is heard, its word alone opens no gap.
  public func isDoubted(_ line: Int) -> Bool {
    beliefs.lines[min(max(line, 0), settings.lines)].isDoubted
  }

  func distance(_ a: UInt64, _ b: UInt64) -> UInt64 { a > b ? a &- b : b &- a }

  /// A line says that everything below `end` exists, with `messages` of it. Never inlined: beside the path of what
  /// comes in order.
  @inline(never)
  mutating func believes(
    _ end: UInt64, from first: UInt64, messages: UInt64, line: Int
  ) -> Bool {
    let known = max(nextSequence, beliefs.supportedEnd)
    if end > known, end > endSequence {
      // An answer may bring more than was asked for; one that begins beyond it is none.
      if line == settings.lines, first >= endSequence { return serverSupports(end, line: line) }
      let isNear = end &- known <= settings.plausibleAhead
      guard isNear, !(beliefs.lines[line].isDoubted && hearsOthers(than: line)) else {
        return becomesCandidate(end, from: first, line: line)
      }
    }
    if beliefs.isUncertain { saysNormal(line, after: end) }
    beliefs.lines[line].end = max(beliefs.lines[line].end, end)
    guard end > known else { return true }
    var supported = min(known &+ messages, end)
    for other in 0..<settings.lines where other != line {
      supported = max(supported, min(end, lineCounters[other].expected))
    }
    beliefs.supportedEnd = max(beliefs.supportedEnd, supported)
    return true
  }

  /// Counted and passed over.
  mutating func disbelieve(_ line: Int, messages: UInt64) {
    counters.implausible &+= 1
    lineCounters[line].implausible &+= 1
    counters.dropped &+= messages
  }

  /// Nothing supports it yet. True when this datagram is what was wanting.
  private mutating func becomesCandidate(_ end: UInt64, from first: UInt64, line: Int) -> Bool {
    let waits = beliefs.waits
    for other in 0..<settings.lines where other != line {
      let theirs = beliefs.lines[other].candidate
      if theirs != 0, distance(theirs, end) <= settings.plausibleAhead { return believe(end) }
    }
    var belief = beliefs.lines[line]
    if belief.candidate != 0, distance(first, belief.candidate) <= settings.plausibleAhead {
      belief.candidate = max(belief.candidate, end)
      belief.candidatePackets &+= 1
    } else {
      refute(line)
      belief.unjudged = 0
      belief.candidate = end
      belief.candidatePackets = 1
      belief.candidateSince = waits
    }
    belief.candidateHeard = waits
    let isFirst = !hasBegun && beliefs.supportedEnd == 0
    if isFirst { belief.unjudged &+= 1 }
    beliefs.lines[line] = belief
    beliefs.isUncertain = true
    if belief.candidatePackets >= settings.supportingPackets,
      waits &- belief.candidateSince >= settings.supportingWaits
    {
      return believe(end)
    }
    // Nothing is known to hold it against: the snapshot decides.
    if isFirst { giveUp() } else { disbelieve(line, messages: 0) }
    return false
  }

  /// What the line claimed before anything was known is held against it now.
  mutating func refute(_ line: Int) {
    counters.implausible &+= beliefs.lines[line].unjudged
    lineCounters[line].implausible &+= beliefs.lines[line].unjudged
    beliefs.lines[line].unjudged = 0
  }

  private mutating func believe(_ end: UInt64) -> Bool {
    beliefs.supportedEnd = max(beliefs.supportedEnd, end)
    for i in 0..<settings.lines where beliefs.lines[i].candidate != 0 {
      let candidate = beliefs.lines[i].candidate
      if distance(candidate, end) <= settings.plausibleAhead {
        beliefs.lines[i].end = max(beliefs.lines[i].end, candidate)
        beliefs.lines[i].candidate = 0
        beliefs.lines[i].unjudged = 0
        note(line: i, sequence: candidate, count: 0)
      }
    }
    return true
  }

  /// The re-request server has what a line claims; its word alone is as good as a line's.
  private mutating func serverSupports(_ end: UInt64, line: Int) -> Bool {
    if beliefs.isProbing {
      for i in 0..<settings.lines where beliefs.lines[i].candidate != 0 {
        let candidate = beliefs.lines[i].candidate
        if distance(candidate, end) <= settings.plausibleAhead { return believe(candidate) }
      }
    }
    disbelieve(line, messages: 0)
    return false
  }

  /// A re-request server's way of saying what the oldest message is that it still has.
  mutating func serverHas(from sequence: UInt64) {
    let line = settings.lines
    let known = max(max(nextSequence, beliefs.supportedEnd), endSequence)
    if sequence > known, sequence &- known > settings.plausibleAhead {
      if serverSupports(sequence, line: line) {
        extend(to: sequence, by: line, isAnnounced: false)
      }
      return
    }
    note(line: line, sequence: sequence, count: 0)
    if requests.isAsked(before: sequence, from: nextSequence) {
      counters.gone &+= 1
      giveUp()
    }
  }

  /// A datagram of the numbering that is known, while something waits for its second source. Never inlined: rare.
  @inline(never)
  mutating func saysNormal(_ line: Int, after: UInt64) {
    var isUncertain = false
    for i in 0...settings.lines {
      var belief = beliefs.lines[i]
      if belief.candidate != 0 {
        if i == line || belief.candidate <= nextSequence {
          if i == line { refute(i) }
          belief.unjudged = 0
          belief.candidate = 0
        } else if line < settings.lines {
          // Another line does not follow: it has to go on undisputed from here.
          belief.candidatePackets = 0
          belief.candidateSince = beliefs.waits
        }
      }
      if after > belief.sessionEnd { belief.sessionEnd = 0 }
      if belief.candidate != 0 || belief.sessionEnd != 0 { isUncertain = true }
      beliefs.lines[i] = belief
    }
    if endAnnounced, !ended, after > beliefs.sessionEnd { endAnnounced = false }
    beliefs.isUncertain = isUncertain || endAnnounced
  }

  // MARK: The end of the session

  /// One says that the session ends at `sequence`; a second one makes it so, or the same where the stream has
  /// come to that place and stood there for as long as every line that lives is heard.
  mutating func announceEnd(_ sequence: UInt64, line: Int) {
    guard !endAnnounced else { return }
    var isSupported = false
    for other in 0...settings.lines where other != line {
      if beliefs.lines[other].sessionEnd == sequence { isSupported = true }
    }
    if beliefs.lines[line].sessionEnd == sequence, nextSequence == sequence,
      !(isDoubted(line) && hearsOthers(than: line))
    {
      let waited = beliefs.waits &- beliefs.lines[line].sessionEndSince
      if waited >= settings.supportingWaits { isSupported = true }
    } else {
      beliefs.lines[line].sessionEnd = sequence
      beliefs.lines[line].sessionEndSince = beliefs.waits
    }
    beliefs.isUncertain = true
    guard isSupported else { return }
    endAnnounced = true
    beliefs.sessionEnd = sequence
  }

  /// A heartbeat: the session goes on.
  mutating func denyEnd(_ line: Int) {
    guard beliefs.isUncertain, line < settings.lines, !endAnnounced else { return }
    for i in 0...settings.lines { beliefs.lines[i].sessionEnd = 0 }
  }

  // MARK: Gaps for nothing

  mutating func gapIsOpened(by line: Int, isAnnounced: Bool) {
    beliefs.gapLine = line
    beliefs.gapEnd = endSequence
    beliefs.gapMessages = isAnnounced ? endSequence &- nextSequence : 0
    beliefs.gapServed = lineCounters[settings.lines].firstMessages
  }

  /// What a heartbeat said to be missing came of itself: it had not been sent yet.
  mutating func gapIsClosed() {
    let served = lineCounters[settings.lines].firstMessages &- beliefs.gapServed
    if beliefs.gapMessages > 0, served &* 2 < beliefs.gapMessages { strike(beliefs.gapLine) }
    gapIsAbandoned()
  }

  /// Its repair is given up: what becomes of it judges nobody.
  mutating func gapIsAbandoned() {
    beliefs.gapLine = -1
    beliefs.gapMessages = 0
  }

  /// The stream has come to where the gap ended when it was opened, and it is still open: another has said since that
  /// there is more. That is a gap of its own, or one who goes on claiming would never be judged.
  private mutating func splitGap() {
    guard hasGap, !awaitsSnapshot, nextSequence >= beliefs.gapEnd else { return }
    gapIsClosed()
    gapIsOpened(by: beliefs.lastLine, isAnnounced: beliefs.lastIsAnnounced)
  }

  private mutating func strike(_ line: Int) {
    guard line >= 0, line < settings.lines else { return }
    beliefs.lines[line].strikes &+= 1
    if beliefs.lines[line].strikes >= MoldReceiverSettings.strikesMax { doubt(line) }
  }

  mutating func doubt(_ line: Int) {
    guard !beliefs.lines[line].isDoubted else { return }
    beliefs.lines[line].isDoubted = true
    countDoubted(line)
  }

  mutating func countDoubted(_ line: Int) {
    guard !beliefs.lines[line].isCounted else { return }
    beliefs.lines[line].isCounted = true
    counters.doubtedLines &+= 1
  }

  /// Another line brings datagrams of our session, and what it brings is taken.
  func hearsOthers(than line: Int) -> Bool {
    for other in 0..<settings.lines where other != line && !isContradicted(other) {
      if beliefs.lines[other].wasHeard
        || beliefs.lines[other].datagrams != lineCounters[other].whole
      {
        return true
      }
    }
    return false
  }

  // MARK: Time

  /// Counts the waits by which a candidate, an end of the session and a doubted line are judged. To be called
  /// every few milliseconds; ``poll(now:into:_:)`` does.
  public mutating func tick(now: Int64) {
    guard now >= beliefs.nextWait else { return }
    beliefs.nextWait = now &+ settings.requestRetry
    beliefs.waits &+= 1
    splitGap()
    for i in 0..<settings.lines where beliefs.lines[i].candidate != 0 {
      // Nobody speaks of it any more.
      if beliefs.waits &- beliefs.lines[i].candidateHeard > settings.supportingWaits {
        refute(i)
        beliefs.lines[i].candidate = 0
      }
    }
    guard beliefs.waits >= beliefs.nextLook else { return }
    beliefs.nextLook = beliefs.waits &+ settings.supportingWaits
    if beliefs.waits >= beliefs.nextForgiving {
      beliefs.nextForgiving = beliefs.waits &+ MoldVote.forgivingWaits
      forgive()
    }
    for i in 0..<settings.lines {
      beliefs.lines[i].wasHeard = beliefs.lines[i].datagrams != lineCounters[i].whole
      beliefs.lines[i].datagrams = lineCounters[i].whole
    }
  }

  /// The request for the message just below what a candidate claims, when one is due; else 0.
  mutating func probe(
    now: Int64, _ session: SessionName, into out: UnsafeMutableRawBufferPointer
  ) -> Int {
    guard beliefs.isUncertain else { return 0 }
    var candidate: UInt64 = 0
    for i in 0..<settings.lines where candidate <= nextSequence {
      candidate = beliefs.lines[i].candidate
    }
    guard candidate > nextSequence else {
      if beliefs.isProbing, now >= beliefs.probeDeadline { beliefs.isProbing = false }
      return 0
    }
    guard !beliefs.isProbing || now >= beliefs.probeDeadline else { return 0 }
    beliefs.probeWait =
      beliefs.isProbing ? settings.wait(after: beliefs.probeWait) : settings.requestRetry
    beliefs.probeDeadline = now &+ beliefs.probeWait
    beliefs.isProbing = true
    counters.requests &+= 1
    return unsafe MoldHeader(session: session, sequence: candidate &- 1, count: 1).write(into: out)
  }
}
