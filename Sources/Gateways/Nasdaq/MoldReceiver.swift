/// Puts the datagrams of a MoldUDP64 feed, from several lines and from the re-request server, into
/// one ordered stream: first good copy wins.
///
/// In order, a datagram's blocks go to the decoder where they lie. Ahead of a gap they are kept in
/// a bounded window taken at start-up and delivered when the gap closes. Missing ranges are asked
/// for again with a bounded number of requests, and when that fails ``MoldEvents/needsSnapshot`` is
/// said once; the window then keeps the newest messages until ``splice(at:_:)``.
///
/// What one datagram claims moves nothing that a second source could check: MoldBelief.swift. The session is
/// the owner's word, never a datagram's.
///
/// Sans-I/O: datagrams and times come in, requests go out through ``poll(now:into:_:)``. Threading:
/// one thread. No allocation after `init`. Source: MoldUDP64 1.00.
@safe public struct MoldReceiver: ~Copyable {
  public internal(set) var counters = MoldCounters()
  /// nil: nobody has said yet which it is, and nothing is applied.
  public private(set) var session: SessionName?
  /// The last session name that was not ours; meaningful after ``MoldEvents/sessionChanged``.
  public private(set) var foreignSession: SessionName = .blank
  /// The next sequence to be delivered.
  public internal(set) var nextSequence: UInt64
  /// One above the highest sequence known to exist.
  public internal(set) var endSequence: UInt64
  /// The stream of this session has begun: something of it was delivered, or a snapshot spliced.
  var hasBegun = false
  /// Of a late start, one above the highest sequence that existed when it first heard the feed; else 0.
  private(set) var lateStartEnd: UInt64 = 0
  /// Set from ``MoldEvents/needsSnapshot`` until ``splice(at:_:)``.
  public internal(set) var awaitsSnapshot = false
  /// The end of the session was announced by two sources (it may still be ahead of a gap).
  public internal(set) var endAnnounced = false
  public private(set) var ended = false

  let settings: MoldReceiverSettings
  var window: MoldWindow
  var requests: MoldRequests
  private var compare: MoldComparison
  let lineCounters: HeapColumn<MoldLineCounters>
  var beliefs: MoldBeliefs
  var vote = MoldVote()
  var events: MoldEvents = []

  /// Takes all its memory. Settings out of range are brought into it.
  public init(_ settings: MoldReceiverSettings = MoldReceiverSettings()) {
    var held = settings
    held.lines = min(max(settings.lines, 1), MoldReceiverSettings.linesMax)
    held.firstSequence = max(settings.firstSequence, 1)
    held.requestMessagesMax = min(max(settings.requestMessagesMax, 1), 0xfffe)
    held.plausibleAhead = max(settings.plausibleAhead, 1)
    self.settings = held
    session = held.session
    nextSequence = held.firstSequence
    endSequence = held.firstSequence
    window = MoldWindow(
      messages: held.windowMessages, messageBytesMax: held.windowMessageBytesMax)
    requests = MoldRequests(outstandingMax: held.requestsOutstandingMax)
    compare = MoldComparison(messages: held.lines > 1 ? held.compareMessages : 0)
    lineCounters = HeapColumn(count: held.lines + 1, repeating: MoldLineCounters())
    beliefs = MoldBeliefs(lines: held.lines + 1)
  }
  deinit { lineCounters.free() }

  /// Counters of one line; the line behind the last feed line is the re-request server's.
  public func line(_ index: Int) -> MoldLineCounters {
    lineCounters[min(max(index, 0), settings.lines)]
  }
  public var requestLine: Int { settings.lines }
  public var hasGap: Bool { nextSequence < endSequence }

  /// Takes one datagram.
  ///
  /// - Parameters:
  ///   - line: 0 … lines−1 for the feed, `requestLine` for a re-request server's reply.
  ///   - deliver: gets contiguous messages in order, none, one or several times.
  /// - Returns: what else happened.
  public mutating func receive(
    _ datagram: UnsafeRawBufferPointer, line: Int, _ deliver: (MoldSpan) -> Void
  ) -> MoldEvents {
    events = .nothing
    let line = min(max(line, 0), settings.lines)
    lineCounters[line].datagrams &+= 1
    guard let header = unsafe MoldHeader(parsing: datagram) else {
      return malformed(line)
    }
    guard accepts(header, line: line) else { return events }
    if header.isHeartbeat || header.isEndOfSession {
      lineCounters[line].heartbeats &+= 1
      announce(header, line: line)
    } else {
      unsafe messages(of: header, WireView(datagram), line: line, deliver)
    }
    finish(deliver)
    return events
  }

  /// Says which session is ours: what the configuration or the snapshot service's log-in names. One that is left
  /// for another (the day's next) is forgotten whole.
  public mutating func adopt(session: SessionName) {
    guard session != self.session else { return }
    let first = self.session == nil ? settings.firstSequence : 1
    self.session = session
    restart(at: first)
  }

  private mutating func restart(at sequence: UInt64) {
    nextSequence = sequence
    endSequence = sequence
    hasBegun = false
    lateStartEnd = 0
    awaitsSnapshot = false
    endAnnounced = false
    ended = false
    counters.dropped &+= UInt64(window.held)
    window.clear()
    requests.clear()
    compare.clear()
    beliefs.clear()
    vote = MoldVote()
    for i in 0...settings.lines { lineCounters[i].expected = 0 }
  }

  private mutating func malformed(_ line: Int) -> MoldEvents {
    counters.malformed &+= 1
    lineCounters[line].malformed &+= 1
    events.insert(.malformed)
    return events
  }

  /// Ours? What nobody has named is nobody's.
  private mutating func accepts(_ header: MoldHeader, line: Int) -> Bool {
    guard let session else {
      counters.unidentified &+= 1
      return false
    }
    if session == header.session { return true }
    counters.foreignSession &+= 1
    lineCounters[line].foreignSession &+= 1
    if foreignSession != header.session || counters.foreignSession == 1 {
      foreignSession = header.session
      events.insert(.sessionChanged)
    }
    return false
  }

  /// A heartbeat or the end of the session: its sequence is the next one that will be sent.
  private mutating func announce(_ header: MoldHeader, line: Int) {
    let sequence = header.sequence
    guard sequence > 0 else {
      if !settings.isUnsequenced { disbelieve(line, messages: 0) }
      return
    }
    if line == settings.lines, header.isHeartbeat { return serverHas(from: sequence) }
    if header.isEndOfSession, sequence < nextSequence { return disbelieve(line, messages: 0) }
    guard believes(sequence, from: sequence, messages: 0, line: line) else { return }
    note(line: line, sequence: sequence, count: 0)
    extend(to: sequence, by: line, isAnnounced: true)
    if header.isEndOfSession { announceEnd(sequence, line: line) } else { denyEnd(line) }
  }

  private mutating func messages(
    of header: MoldHeader, _ view: WireView, line: Int, _ deliver: (MoldSpan) -> Void
  ) {
    let overflow = header.sequence.addingReportingOverflow(UInt64(header.count)).overflow
    let walk = MoldWalk(view, count: Int(header.count))
    guard !overflow, walk.messages > 0 else {
      _ = malformed(line)
      return
    }
    if walk.fault != nil { _ = malformed(line) }
    if header.sequence == 0 {
      guard settings.isUnsequenced else {
        return disbelieve(line, messages: UInt64(walk.messages))
      }
      counters.delivered &+= UInt64(walk.messages)
      counters.unsequenced &+= UInt64(walk.messages)
      lineCounters[line].firstMessages &+= UInt64(walk.messages)
      unsafe deliver(
        MoldSpan(
          firstSequence: 0, messages: walk.messages,
          framed: view.part(MoldHeader.size, walk.end &- MoldHeader.size)))
      return
    }
    let first = header.sequence
    let after = first &+ UInt64(walk.messages)
    if beliefs.isAnyContradicted, isSetAside(line) {
      counters.dropped &+= UInt64(walk.messages)
      return
    }
    if first > nextSequence || awaitsSnapshot && after > nextSequence {
      guard believes(after, from: first, messages: UInt64(walk.messages), line: line) else {
        counters.dropped &+= UInt64(walk.messages)
        return
      }
    } else if beliefs.isUncertain {
      saysNormal(line, after: after)
    }
    note(line: line, sequence: first, count: UInt64(walk.messages))
    let isNext = first <= nextSequence && after > nextSequence && !awaitsSnapshot
    if compare.isOn {
      disagreements(view, first: first, messages: walk.messages, line: line, isNext: isNext)
    }
    if isNext {
      let skip = Int(nextSequence &- first)
      let offset = walk.offset(of: skip, in: view)
      let count = walk.messages &- skip
      if window.disputed > 0, let found = window.settle(from: nextSequence, to: after),
        line < settings.lines
      {
        dispute(found.lowerBound, by: -1)
        dispute(found.upperBound, by: -1)
      }
      duplicate(UInt64(skip), line: line)
      lineCounters[line].firstMessages &+= UInt64(count)
      unsafe inOrder(
        MoldSpan(
          firstSequence: nextSequence, messages: count,
          framed: view.part(offset, walk.end &- offset)),
        line: line, deliver)
    } else if after <= nextSequence {
      duplicate(UInt64(walk.messages), line: line)
    } else {
      keep(view, first: first, messages: walk.messages, line: line)
    }
    extend(to: after, by: line, isAnnounced: false)
  }

  private mutating func inOrder(_ span: MoldSpan, line: Int, _ deliver: (MoldSpan) -> Void) {
    let after = span.firstSequence &+ UInt64(span.messages)
    if window.held > 0 { keptBefore(window.drop(from: span.firstSequence, to: after), line: line) }
    nextSequence = after
    hasBegun = true
    counters.delivered &+= UInt64(span.messages)
    deliver(span)
  }

  /// So many of what a line brings in its turn had been kept: whoever brought them then was the first.
  @inline(never) private mutating func keptBefore(_ messages: Int, line: Int) {
    lineCounters[line].firstMessages &-= UInt64(messages)
    duplicate(UInt64(messages), line: line)
  }

  private mutating func duplicate(_ messages: UInt64, line: Int) {
    counters.duplicates &+= messages
    lineCounters[line].duplicateMessages &+= messages
  }

  /// Ahead of a gap: into the window.
  private mutating func keep(
    _ view: WireView, first: UInt64, messages: Int, line: Int
  ) {
    var offset = MoldHeader.size
    for i in 0..<messages {
      let length = Int(view.u16(offset))
      let sequence = first &+ UInt64(i)
      defer { offset &+= 2 &+ length }
      if sequence < nextSequence {
        duplicate(1, line: line)
        continue
      }
      switch unsafe window.keep(
        view.part(offset, 2 &+ length), sequence: sequence, next: nextSequence,
        newestWins: awaitsSnapshot, isServer: line == settings.lines)
      {
      case .kept:
        counters.buffered &+= 1
        lineCounters[line].firstMessages &+= 1
      case .replacedOlder:
        counters.buffered &+= 1
        counters.dropped &+= 1
        lineCounters[line].firstMessages &+= 1
      case .duplicate: duplicate(1, line: line)
      case .disputed:
        // Both copies; where they are compared before, it is counted there.
        counters.dropped &+= 2
        if sequence &- nextSequence >= UInt64(settings.compareMessages) {
          counters.disagreements &+= 1
        }
        requests.askAgain(from: sequence)
      case .noRoom: counters.dropped &+= 1
      }
    }
  }

  private mutating func disagreements(
    _ view: WireView, first: UInt64, messages: Int, line: Int, isNext: Bool
  ) {
    var offset = MoldHeader.size
    // What lies further ahead would push out what is next, and is compared where it is kept.
    let end = nextSequence &+ UInt64(settings.compareMessages)
    for i in 0..<messages where first &+ UInt64(i) < end {
      let length = Int(view.u16(offset))
      let checksum = view.crc32c(offset, 2 &+ length)
      let sequence = first &+ UInt64(i)
      let isDelivered = sequence < nextSequence
      let isKnown = line == settings.lines && compare.knows(sequence)
      let copy = compare.hear(sequence, checksum, line: line, replaces: !isDelivered && isNext)
      if copy != .same || isKnown {
        differs(sequence, copy, line: line, isKnown: isKnown, isNext: isNext)
      }
      offset &+= 2 &+ length
    }
  }

  /// A copy that says otherwise than the one before it, or the re-request server's. Never inlined: rare.
  @inline(never)
  private mutating func differs(
    _ sequence: UInt64, _ copy: MoldComparison.Copy, line: Int, isKnown: Bool, isNext: Bool
  ) {
    let isDelivered = sequence < nextSequence
    if copy != .same { counters.disagreements &+= 1 }
    if line == settings.lines, isDelivered {
      serverSays(
        sequence, same: isKnown && copy == .same,
        delivered: copy == .other ? compare.contradicted : nil)
    } else if copy == .other, isDelivered || isNext {
      // Who says otherwise than what is delivered.
      dispute(sequence, by: isDelivered ? line : compare.contradicted ?? -1)
    }
  }

  /// The re-request server has contradicted the line, and another one is heard: nothing that it brings is
  /// taken, nor opens it a dispute, nor moves it what is known of the line.
  @inline(never) private func isSetAside(_ line: Int) -> Bool {
    line < settings.lines && isContradicted(line) && hearsOthers(than: line)
  }

  /// Sequences up to `end` exist, as this line says.
  mutating func extend(to end: UInt64, by line: Int, isAnnounced: Bool) {
    guard end > endSequence else { return }
    let hadGap = hasGap
    let known = endSequence
    endSequence = end
    guard hasGap, !awaitsSnapshot else { return }
    beliefs.lastLine = line
    beliefs.lastIsAnnounced = isAnnounced
    counters.missing &+= window.missing(from: max(known, nextSequence), to: end)
    guard !hadGap else { return }
    if !hasBegun { lateStartEnd = end }
    counters.gaps &+= 1
    events.insert(.gapOpened)
    gapIsOpened(by: line, isAnnounced: isAnnounced)
  }

  mutating func note(line: Int, sequence: UInt64, count: UInt64) {
    let expected = lineCounters[line].expected
    if line < settings.lines, expected != 0, sequence > expected {
      lineCounters[line].missedMessages &+= sequence &- expected
    }
    let after = sequence &+ count
    if after > expected { lineCounters[line].expected = after }
  }

  /// Delivers what the window can now give, and says what has changed.
  mutating func finish(_ deliver: (MoldSpan) -> Void) {
    guard !awaitsSnapshot else { return }
    while window.held > 0, let span = window.take(from: nextSequence) {
      if compare.isOn { remember(span) }
      nextSequence = span.firstSequence &+ UInt64(span.messages)
      hasBegun = true
      counters.delivered &+= UInt64(span.messages)
      deliver(span)
    }
    if requests.open, !hasGap {
      requests.clear()
      events.insert(.gapClosed)
      gapIsClosed()
    }
    if hasGap {
      requests.open = true
      if endSequence &- nextSequence > settings.repairableMessagesMax { giveUp() }
    } else if endAnnounced, !ended, nextSequence == beliefs.sessionEnd {
      ended = true
      events.insert(.endOfSession)
    }
  }

  private mutating func remember(_ span: MoldSpan) {
    let view = unsafe WireView(span.framed)
    var offset = 0
    for i in 0..<span.messages {
      let length = 2 &+ Int(view.u16(offset))
      compare.note(span.firstSequence &+ UInt64(i), view.crc32c(offset, length))
      offset &+= length
    }
  }

  mutating func giveUp() {
    guard !awaitsSnapshot else { return }
    awaitsSnapshot = true
    gapIsAbandoned()
    requests.clear()
    beliefs.snapshotIsAsked()
    counters.snapshotsNeeded &+= 1
    events.insert(.needsSnapshot)
  }
}
