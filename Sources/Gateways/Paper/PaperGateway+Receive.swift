internal import ExecutionCore

/// What the broker says, and what it means.
extension PaperGateway {
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func receive(_ bytes: UnsafeRawBufferPointer, now: Int64) -> Int {
    var offset = 0
    // Each turn uses bytes, or ends.
    while mustClose == nil, reportRoom >= Self.reportsPerFrameMax, offset < bytes.count {
      let step = min(needed &- inputCount, bytes.count &- offset)
      unsafe input.writer.copy(
        inputCount, UnsafeRawBufferPointer(rebasing: bytes[offset..<offset &+ step]))
      inputCount &+= step
      offset &+= step
      guard inputCount >= PaperProtocol.headerBytes else { continue }
      guard let length = PaperProtocol.length(of: input.view.u8(2)),
        length &+ 1 == Int(input.view.u16(0))
      else {
        undecodable(UInt16(input.view.u8(2)), now: now)
        mustClose = .malformed
        break
      }
      guard inputCount == needed else { continue }
      lastHeard = now
      counters.messages &+= 1
      let header = PaperProtocol.headerBytes
      unsafe take(
        input.view.u8(2), WireView(input.view.part(header, inputCount &- header)), now: now)
      inputCount = 0
    }
    return offset
  }

  private var needed: Int {
    inputCount < PaperProtocol.headerBytes
      ? PaperProtocol.headerBytes : Int(input.view.u16(0)) &+ 2
  }

  private mutating func undecodable(_ kind: UInt16, now: Int64) {
    counters.undecodable &+= 1
    var r = blankReport(.undecodable, now: now)
    r.reason = kind
    report(r)
  }

  private mutating func take(_ kind: UInt8, _ v: WireView, now: Int64) {
    typealias Kind = PaperProtocol.Kind
    switch kind {
    case Kind.loggedIn:
      // What it has told it had: our books can't be made equal to what it has not any more.
      guard v.u64(8) >= sync.revisionTold else {
        mustClose = .forgotten
        return
      }
      sync.told(revision: v.u64(8))
      loggedIn(now: now)
    case Kind.loginRefused:
      switch v.u8(0) {
      case PaperProtocol.Refusal.version.rawValue: mustClose = .version
      case PaperProtocol.Refusal.notWritable.rawValue: mustClose = .notAvailable
      default: mustClose = .notAuthorised
      }
    case Kind.order: takeOrder(v, now: now)
    case Kind.execution: takeExecution(v, now: now)
    case Kind.queryEnd: takeEnd(v.u32(0), hasMore: v.u8(4) != 0, v.u64(5), now: now)
    case Kind.cash:
      adjustments &+= 1
      let amount = Int128(v.i64(33)) &<< 64 | Int128(v.u64(41))
      let (sum, isTooLarge) = adjusted.addingReportingOverflow(amount)
      adjusted = isTooLarge ? amount < 0 ? .min : .max : sum
      report(blankReport(.notice, now: now))
    case Kind.alive, Kind.position: break
    default: undecodable(UInt16(kind), now: now)
    }
  }

  // MARK: Orders

  private mutating func takeOrder(_ v: WireView, now: Int64) {
    guard let f = v.orderFrame() else {
      return undecodable(UInt16(PaperProtocol.Kind.order), now: now)
    }
    guard let name = PaperOrderID.read(v, 0) else {
      counters.foreignIdentifiers &+= 1
      return undecodable(UInt16(PaperProtocol.Kind.order), now: now)
    }
    isStirred = true
    sync.told(revision: f.revision)
    var r = blankReport(.notice, now: now)
    r.venueReference = name.reference
    r.clientOrderID = name.order
    r.venueOrderID = f.brokerID
    r.venueTime = f.time
    r.price = f.price
    r.priceExponent = f.priceExponent
    r.reason = f.reason
    if f.status == PaperStatus.unknown.rawValue { return takeUnknown(f, r, now: now) }
    guard let open = units(f.open, f), let executed = units(f.executed, f),
      let whole = units(f.quantity, f)
    else { return undecodable(UInt16(PaperProtocol.Kind.order), now: now) }
    r.quantity = open
    switch f.event {
    case PaperEvent.changeRefused.rawValue:
      r.kind = .modifyRejected
      return report(r)
    case PaperEvent.cancelRefused.rawValue:
      r.kind = .cancelRejected
      return report(r)
    case PaperEvent.answer.rawValue: return takeAnswer(f, r, executed: executed, whole: whole)
    default: break
    }
    guard !isSeen(f) else {
      repeated &+= 1
      return
    }
    tell(f, r, executed: executed, whole: whole)
  }

  /// The name of a refused request that the broker does not know.
  private mutating func takeUnknown(_ f: PaperOrderFrame, _ asked: VenueReport, now: Int64) {
    var r = asked
    switch f.event {
    case PaperEvent.changeRefused.rawValue: r.kind = .modifyRejected
    case PaperEvent.cancelRefused.rawValue: r.kind = .cancelRejected
    case PaperEvent.answer.rawValue:
      // Requests of a connection come in their order: what was asked before the question is there, or never will be.
      r.kind = .neverArrived
      fuse.closed(r.venueReference)
    default: return undecodable(UInt16(PaperProtocol.Kind.order), now: now)
    }
    report(r)
  }

  private mutating func tell(
    _ f: PaperOrderFrame, _ told: VenueReport, executed: Int64, whole: Int64
  ) {
    var r = told
    switch f.event {
    case PaperEvent.accepted.rawValue:
      r.kind = .accepted
      r.standing = .working
    case PaperEvent.rejected.rawValue:
      r.kind = .rejected
      fuse.closed(r.venueReference)
    case PaperEvent.changed.rawValue:
      r.kind = .modified
      fuse.atMost(r.venueReference, UInt64(max(0, r.quantity)))
    case PaperEvent.canceled.rawValue:
      r.kind = .canceled
      r.quantity = max(0, whole &- executed)
      fuse.closed(r.venueReference)
    // Its execution has said it.
    default: return
    }
    report(r)
  }

  /// How an order stands: as an inquiry asked, or because it has changed since it was last asked for.
  private mutating func takeAnswer(
    _ f: PaperOrderFrame, _ told: VenueReport, executed: Int64, whole: Int64
  ) {
    guard let status = PaperStatus(rawValue: f.status) else { return }
    // Odd: an inquiry's.
    if f.query & 1 == 1 {
      var r = told
      r.kind = .status
      r.executedQuantity = executed
      r.standing = standing(status)
      return report(r)
    }
    // What is over was told by a frame of its own, if that came: what works, and what was filled, executions tell.
    guard !isSeen(f) else { return }
    var missed = f
    switch status {
    case .canceled: missed.event = PaperEvent.canceled.rawValue
    case .rejected: missed.event = PaperEvent.rejected.rawValue
    case .working, .filled, .unknown: return
    }
    found &+= 1
    tell(missed, told, executed: executed, whole: whole)
  }

  private func standing(_ status: PaperStatus) -> VenueStanding {
    switch status {
    case .working: .working
    case .filled: .filled
    case .canceled: .canceled
    case .rejected: .rejected
    case .unknown: .unsaid
    }
  }

  /// Its revision has been here before; from now on it has.
  private func isSeen(_ f: PaperOrderFrame) -> Bool {
    guard f.revision != 0 else { return false }
    let at = Int(truncatingIfNeeded: f.revision) & (Self.seenSize &- 1)
    if seenRevisions[at] == f.revision { return true }
    seenRevisions[at] = f.revision
    return false
  }

  // MARK: Executions

  private mutating func takeExecution(_ v: WireView, now: Int64) {
    guard let f = v.executionFrame(), let name = PaperOrderID.read(v, 36) else {
      counters.foreignIdentifiers &+= 1
      return undecodable(UInt16(PaperProtocol.Kind.execution), now: now)
    }
    sync.told(execution: f.number)
    let at = Int(truncatingIfNeeded: f.number) & (Self.seenSize &- 1)
    let isSeen = seenExecutions[at] == f.number
    seenExecutions[at] = f.number
    if f.query != 0 {
      if isSeen { return }
      found &+= 1
    }
    guard let quantity = units(f.quantity, f) else {
      return undecodable(UInt16(PaperProtocol.Kind.execution), now: now)
    }
    isStirred = true
    fuse.reduced(name.reference, by: UInt64(max(0, quantity)))
    var r = blankReport(.executed, now: now)
    r.venueReference = name.reference
    r.clientOrderID = name.order
    r.executionID = f.id
    r.price = f.price
    r.priceExponent = f.priceExponent
    r.quantity = quantity
    r.liquidity = f.liquidity
    r.venueTime = f.time
    report(r)
  }

  /// A quantity at the exponent that the engine has for the instrument; nil when that is not exact, or the instrument
  /// is none of ours.
  private func units(_ quantity: Int64, _ f: PaperOrderFrame) -> Int64? {
    units(quantity, f.symbol, f.quantityExponent)
  }
  private func units(_ quantity: Int64, _ f: PaperExecutionFrame) -> Int64? {
    units(quantity, f.symbol, f.quantityExponent)
  }
  private func units(_ quantity: Int64, _ symbol: Symbol, _ exponent: Int8) -> Int64? {
    let entry = places[place(of: symbol)]
    guard entry != 0 else { return nil }
    return PaperProtocol.scaled(
      quantity, from: exponent, to: listings[Int(entry) &- 1].quantityExponent)
  }

  // MARK: Asking

  /// The next page of what is asked for again and again.
  mutating func askSync() {
    typealias Kind = PaperProtocol.Kind
    switch sync.stage {
    case .idle: return
    case .executions:
      guard let writer = room(for: Kind.queryExecutions) else { return sync.stop() }
      writer.u32(3, sync.ask())
      writer.u64(7, sync.execution)
      writer.name(15, .none)
      push(Kind.queryExecutions)
    case .orders:
      guard let writer = room(for: Kind.queryOrders) else { return sync.stop() }
      writer.u32(3, sync.ask())
      writer.u64(7, sync.revision)
      writer.u8(15, 0)
      push(Kind.queryOrders)
    }
  }

  /// The next question of an inquiry: another page of its order's executions, or how it stands.
  mutating func askInquiry(_ query: UInt32) {
    guard let inquiry = inquiries[query] else { return }
    typealias Kind = PaperProtocol.Kind
    let kind = inquiry.isStanding ? Kind.queryOrder : Kind.queryExecutions
    // Without room it is overdue in time, and has failed.
    guard let writer = room(for: kind) else { return }
    writer.u32(3, query)
    if inquiry.isStanding {
      PaperOrderID.write(writer, 7, inquiry.order, inquiry.reference)
    } else {
      writer.u64(7, inquiry.cursor)
      PaperOrderID.write(writer, 15, inquiry.order, inquiry.reference)
    }
    push(kind)
  }

  private mutating func takeEnd(_ query: UInt32, hasMore: Bool, _ cursor: UInt64, now: Int64) {
    if let inquiry = inquiries[query] {
      guard !inquiry.isStanding else {
        inquiries.remove(query)
        return answer(inquiry.reference, .answered, now: now)
      }
      inquiries.goOn(query, from: cursor, isStanding: !hasMore)
      return askInquiry(query)
    }
    guard query == sync.query, sync.isAsking else { return }
    let isLogin = sync.isLogin
    guard sync.answered(hasMore: hasMore, cursor) else { return askSync() }
    guard isLogin, !isCaughtUp else { return }
    isCaughtUp = true
    report(blankReport(.caughtUp, now: now))
  }

  mutating func answer(_ reference: UInt64, _ outcome: InquiryOutcome, now: Int64) {
    var r = blankReport(.inquiryAnswered, now: now)
    r.venueReference = reference
    r.reason = outcome.rawValue
    report(r)
  }
}
