/// Where a snapshot ends, beside what the lines say: see ``MoldReceiver/standing(of:)``.
@frozen public enum MoldStanding: BitwiseCopyable, Sendable, Equatable {
  /// The lines have come to it.
  case fits
  /// The lines have nearly come to it: look again.
  case early
  /// Older than what was delivered: another one is needed.
  case older
  /// Far beyond anything that the lines say: another one is needed.
  case implausible
}

/// The stream by a snapshot: what is given up for one, whether one fits, and where it goes on behind it.
extension MoldReceiver {
  /// What was delivered last cannot be read, so the books cannot be trusted: a snapshot is needed, be it
  /// one that ends a little below it.
  public mutating func distrust() -> MoldEvents {
    events = .nothing
    vote = MoldVote()
    beliefs.mayGoBack = true
    giveUp()
    return events
  }

  /// May a snapshot that ends before `sequence` be spliced in?
  public func standing(of sequence: UInt64) -> MoldStanding {
    if sequence < nextSequence {
      let isNear = nextSequence &- sequence <= settings.plausibleAhead
      return beliefs.mayGoBack && isNear && sequence > 0 ? .fits : .older
    }
    var speaks = false
    var isNear = false
    var isNumbered = false
    for i in 0..<settings.lines {
      let expected = lineCounters[i].expected
      let candidate = beliefs.lines[i].candidate
      if expected != 0 || candidate != 0 { speaks = true }
      if expected >= sequence { return .fits }
      if expected != 0 {
        isNumbered = true
        if sequence &- expected <= settings.plausibleAhead { isNear = true }
      }
      guard candidate != 0, distance(candidate, sequence) <= settings.plausibleAhead else {
        continue
      }
      if candidate >= sequence { return .fits }
      isNear = true
    }
    if isNear { return .early }
    guard speaks else { return .fits }
    // All that the lines say may be a claim that nothing supports, and that lies far above.
    return !isNumbered && isClaimedBeyond(sequence) ? .fits : .implausible
  }

  private func isClaimedBeyond(_ sequence: UInt64) -> Bool {
    for i in 0..<settings.lines where beliefs.lines[i].candidate > sequence { return true }
    return false
  }

  /// A snapshot that ends at `sequence` decides: what was claimed before it was asked for and lies above is
  /// false, and who claimed it alone is doubted. But what was kept from `sequence` on without a hole is there.
  ///
  /// - Returns: the end of the stream as that, and what has been said since, tells it.
  mutating func endAfterSnapshot(_ sequence: UInt64) -> UInt64 {
    let held = window.firstMissing(from: sequence, to: .max)
    for i in 0..<settings.lines {
      let claim = beliefs.lines[i].endBefore
      beliefs.lines[i].endBefore = 0
      if distance(beliefs.lines[i].candidate, held) > settings.plausibleAhead { refute(i) }
      beliefs.lines[i].unjudged = 0
      beliefs.lines[i].candidate = 0
      guard claim > held else { continue }
      var isSupported = false
      for other in 0..<settings.lines where other != i {
        if lineCounters[other].expected >= claim { isSupported = true }
      }
      guard !isSupported else { continue }
      doubt(i)
      lineCounters[i].expected = min(lineCounters[i].expected, held)
    }
    var end = held
    for i in 0..<settings.lines {
      var claim = beliefs.lines[i].end
      if beliefs.lines[i].isDoubted, hearsOthers(than: i) {
        var others: UInt64 = 0
        for other in 0..<settings.lines where other != i {
          others = max(others, beliefs.lines[other].end)
        }
        claim = min(claim, others)
        beliefs.lines[i].end = claim
      }
      end = max(end, claim)
    }
    beliefs.supportedEnd = sequence
    beliefs.mayGoBack = false
    return end
  }

  /// Messages known to exist below `sequence` that were neither delivered nor kept: what a splice there
  /// gives up. 0 before the stream has begun, since a late start has lost nothing; nor has it lost what
  /// was sent before it heard the feed when re-requests brought the first part of that. A snapshot may
  /// also be ahead of the feed: what the feed has not come to yet is not missing.
  public func unseen(before sequence: UInt64) -> UInt64 {
    guard hasBegun, sequence > nextSequence else { return 0 }
    return window.missing(
      from: max(nextSequence, lateStartEnd), to: min(sequence, endSequence))
  }

  /// Where a stream that needs no snapshot goes on behind what it could not get: at the first message that is kept, or
  /// else at the end of what is known to exist. For ``splice(at:_:)``, once ``MoldEvents/needsSnapshot`` is said.
  public var resumption: UInt64 { window.lowest ?? endSequence }

  /// Messages known to exist that were neither delivered nor kept: what a feed that ends now has lost. Of
  /// a late start that never got its books, those before its first message too.
  public var missing: UInt64 { window.missing(from: nextSequence, to: endSequence) }

  /// A snapshot ends where nothing supports it, and was not taken.
  public mutating func refuseSnapshot() { counters.snapshotsImplausible &+= 1 }

  /// The books have been taken from a snapshot that ends before `sequence`: goes on from there.
  /// Delivers what was kept from `sequence` on; a gap above it is told (``MoldEvents/gapOpened``) and
  /// repaired as usual. What was claimed before the snapshot was asked for, and lies above it, is forgotten.
  ///
  /// - Returns: what else happened, the end of the session too. nil, and nothing was changed, where
  ///   ``standing(of:)`` is anything but ``MoldStanding/fits``; one that is implausible is counted.
  public mutating func splice(
    at sequence: UInt64, _ deliver: (MoldSpan) -> Void
  ) -> MoldEvents? {
    let standing = standing(of: sequence)
    guard standing == .fits else {
      if standing == .implausible { refuseSnapshot() }
      return nil
    }
    counters.lost &+= unseen(before: sequence)
    countSpliced(to: sequence)
    counters.duplicates &+= UInt64(window.drop(from: nextSequence, to: sequence))
    window.forgetDisputes(before: sequence)
    nextSequence = sequence
    hasBegun = true
    let wasAwaited = awaitsSnapshot
    let claimed = endAfterSnapshot(sequence)
    endSequence = wasAwaited ? claimed : max(claimed, endSequence)
    counters.dropped &+= UInt64(window.drop(from: endSequence, to: .max))
    awaitsSnapshot = false
    // What was disputed is in the snapshot, or comes again.
    vote = MoldVote()
    requests.clear()
    events = .nothing
    finish(deliver)
    if hasGap { openedGap() }
    return events
  }

  /// A gap is left above a splice: a new one, whose messages nobody has counted yet.
  private mutating func openedGap() {
    counters.gaps &+= 1
    counters.missing &+= window.missing(from: nextSequence, to: endSequence)
    events.insert(.gapOpened)
    // Who said first that there is more, nobody knows any more.
    gapIsOpened(by: -1, isAnnounced: false)
  }

  /// Also back, behind a snapshot that was believed and should not have been.
  private mutating func countSpliced(to sequence: UInt64) {
    if sequence >= nextSequence {
      counters.spliced &+= sequence &- nextSequence
    } else {
      counters.spliced &-= min(counters.spliced, nextSequence &- sequence)
    }
  }
}
