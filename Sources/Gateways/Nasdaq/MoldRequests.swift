/// One re-request under way.
struct MoldRequestUnderWay: BitwiseCopyable {
  var first: UInt64 = 0
  /// One above the last; equal to `first` when the place is free.
  var end: UInt64 = 0
  /// When to ask again, and the wait that ends then.
  var deadline: Int64 = 0
  var wait: Int64 = 0
}

/// The re-requests under way, a bounded number of them.
@safe struct MoldRequests: ~Copyable {
  let underWay: HeapColumn<MoldRequestUnderWay>
  /// Everything missing below this has been asked for.
  var askedThrough: UInt64 = 0
  /// A gap is open, so `poll` has work.
  var open = false
  /// What is missing below this has waited for the other line, and may be asked for.
  private(set) var askableEnd: UInt64 = 0
  /// What is missing below this has waited since `waitBegan`.
  private var waitEnd: UInt64 = 0
  private var waitBegan: Int64 = 0
  /// What was missing when the count of waits began lies below this.
  private var repairEnd: UInt64 = 0
  private var repairWaits = 0
  private var nextRepairWait: Int64 = 0

  init(outstandingMax: Int) {
    underWay = HeapColumn(count: min(max(outstandingMax, 1), 64), repeating: MoldRequestUnderWay())
  }
  deinit { underWay.free() }

  mutating func clear() {
    for i in 0..<underWay.count { underWay[i] = MoldRequestUnderWay() }
    askedThrough = 0
    open = false
    askableEnd = 0
    waitEnd = 0
    repairEnd = 0
  }

  /// What had been kept from there on is missing again.
  mutating func askAgain(from sequence: UInt64) { askedThrough = min(askedThrough, sequence) }

  /// Moves ``askableEnd`` on to where everything was known to exist one wait ago.
  mutating func arbitrate(now: Int64, end: UInt64, wait: Int64) {
    if wait <= 0 {
      askableEnd = end
      return
    }
    if waitEnd > askableEnd, now &- waitBegan >= wait { askableEnd = waitEnd }
    if waitEnd <= askableEnd, end > askableEnd {
      waitEnd = end
      waitBegan = now
    }
  }

  /// Does the repair keep up? False when what was missing `waitsMax` waits ago still is.
  mutating func keepsUp(now: Int64, next: UInt64, end: UInt64, wait: Int64, waitsMax: Int) -> Bool {
    if next >= repairEnd {
      repairEnd = end
      repairWaits = 0
      nextRepairWait = now &+ wait
    } else if now >= nextRepairWait {
      repairWaits &+= 1
      nextRepairWait = now &+ wait
    }
    return repairWaits < waitsMax
  }

  /// Is a sequence asked for that lies below `sequence` and has not been delivered?
  func isAsked(before sequence: UInt64, from next: UInt64) -> Bool {
    for i in 0..<underWay.count {
      let request = underWay[i]
      if request.first < request.end, request.end > next, request.first < sequence { return true }
    }
    return false
  }
}

extension MoldReceiver {
  /// Writes the next re-request that is due: 20 bytes for the re-request server, or 0 when there is
  /// none. Call until it gives 0, after every `receive` that opened a gap and on a timer.
  ///
  /// `now` is machine time in nanoseconds. `events` gets ``MoldEvents/needsSnapshot`` when something
  /// has been missing for too long.
  public mutating func poll(
    now: Int64, into out: UnsafeMutableRawBufferPointer, _ events: inout MoldEvents
  ) -> Int {
    tick(now: now)
    guard let session, out.count >= MoldHeader.size else { return 0 }
    self.events = .nothing
    let disputed = unsafe askForDisputed(now: now, session, into: out)
    events.formUnion(self.events)
    guard disputed == 0 else { return disputed }
    let probed = unsafe probe(now: now, session, into: out)
    guard probed == 0, requests.open, !awaitsSnapshot else { return probed }
    self.events = .nothing
    defer { events.formUnion(self.events) }
    requests.arbitrate(now: now, end: endSequence, wait: settings.arbitrationWait)
    guard
      requests.keepsUp(
        now: now, next: nextSequence, end: endSequence, wait: settings.requestRetry,
        waitsMax: settings.repairWaitsMax)
    else {
      counters.repairsTooSlow &+= 1
      giveUp()
      return 0
    }
    var free: Int? = nil
    for i in 0..<requests.underWay.count {
      var request = requests.underWay[i]
      request.first = window.firstMissing(from: max(request.first, nextSequence), to: request.end)
      if request.first >= request.end {
        requests.underWay[i] = MoldRequestUnderWay()
        if free == nil { free = i }
        continue
      }
      if request.first != requests.underWay[i].first {
        // Something came: the waits begin anew with the shortest.
        request.wait = settings.requestRetry
        request.deadline = min(request.deadline, now &+ request.wait)
        requests.underWay[i] = request
      }
      guard now >= request.deadline else { continue }
      request.wait = settings.wait(after: request.wait)
      request.deadline = now &+ request.wait
      requests.underWay[i] = request
      return unsafe write(request, session, out)
    }
    guard let free else { return 0 }
    let askable = min(requests.askableEnd, endSequence)
    let from = window.firstMissing(from: max(requests.askedThrough, nextSequence), to: askable)
    guard from < askable else { return 0 }
    let end = endOfRequest(from: from, to: askable)
    let request = MoldRequestUnderWay(
      first: from, end: end, deadline: now &+ settings.requestRetry, wait: settings.requestRetry)
    requests.underWay[free] = request
    requests.askedThrough = end
    return unsafe write(request, session, out)
  }

  /// One above the last missing message that a request which begins at `from` asks for.
  ///
  /// It goes over what is kept: a few messages sent twice cost less than a request for every small hole,
  /// of which heavy loss makes more than can be asked for.
  private func endOfRequest(from: UInt64, to limit: UInt64) -> UInt64 {
    let reach = UInt64(settings.requestMessagesMax)
    let last = limit &- from > reach ? from &+ reach : limit
    var end = from &+ 1
    var sequence = end
    while sequence < last {
      if !window.holds(sequence) { end = sequence &+ 1 }
      sequence &+= 1
    }
    return end
  }

  private mutating func write(
    _ request: MoldRequestUnderWay, _ session: SessionName, _ out: UnsafeMutableRawBufferPointer
  ) -> Int {
    counters.requests &+= 1
    let count = UInt16(truncatingIfNeeded: request.end &- request.first)
    return unsafe MoldHeader(session: session, sequence: request.first, count: count)
      .write(into: out)
  }

  /// So many of the re-requests that ``poll(now:into:_:)`` gave could not be sent: they are none. What they asked for
  /// is asked for again when their wait is over, as where a request is lost under way.
  public mutating func requestsFailed(_ count: UInt64) {
    counters.requests &-= min(counters.requests, count)
    counters.requestsUnsent &+= count
  }
}
