internal import ExecutionCore

extension OUCHGateway {
  /// One message of the venue's stream.
  mutating func sequenced(_ message: UnsafeRawBufferPointer, sequence: UInt64, now: Int64) {
    counters.messages &+= 1
    if let fault = unsafe response.decode(message, skipped: &counters.skippedOptions) {
      lastFault = fault
      guard fault.isAppendage else {
        counters.undecodable &+= 1
        var lost = blankReport(.undecodable, now: now)
        lost.streamSequence = sequence
        lost.reason = message.count > 0 ? UInt16(unsafe message[0]) : 0
        report(lost)
        return
      }
      counters.damagedOptions &+= 1
    }
    var made = blankReport(kind(of: response.kind), now: now)
    made.streamSequence = sequence
    let time = settings.midnight.addingReportingOverflow(
      Int64(truncatingIfNeeded: response.timestamp & 0x7fff_ffff_ffff_ffff))
    made.venueTime = time.overflow ? settings.midnight : time.partialValue
    // An account query's answer has the next number there, which is no request's yet.
    let isAnswer = response.kind == .accountQueryResponse
    made.venueReference = isAnswer ? 0 : UInt64(response.userRefNum)
    made.quantity = Int64(response.quantity)
    made.price = Int64(truncatingIfNeeded: min(response.price, UInt64(Int64.max)))
    made.reason = response.reason
    made.side = OUCHConvert.side(response.side)
    name(response.orderReference, in: &made)
    made.executionID = VenueIdentifier(number: response.matchNumber)
    made.liquidity = response.liquidityFlag
    made.display = OUCHConvert.display(response.display)
    made.standing = standing
    made.originalVenueReference = UInt64(response.originalUserRefNum)
    echo(&made)
    restated(&made)
    count(made)
    report(made)
    // What an earlier client of this account asked is answered in its part of the stream.
    if isAnswer, sequence > client.historyEnd {
      answered(sequence, now: now)
    }
  }

  private func kind(of kind: OUCHResponse.Kind) -> VenueReport.Kind {
    switch kind {
    case .systemEvent: .notice
    case .accepted: .accepted
    case .replaced: .replaced
    case .canceled, .aiqCanceled: .canceled
    case .executed: .executed
    case .brokenTrade: .broken
    case .rejected: .rejected
    case .cancelPending: .cancelPending
    case .cancelReject: .cancelRejected
    case .priorityUpdate: .priorityUpdated
    case .restated: .restated
    case .modified: .modified
    case .massCancelResponse: .massCancelResponse
    case .disableEntryResponse: .entryDisabled
    case .enableEntryResponse: .entryEnabled
    // What it means is told apart from its place in the stream.
    case .accountQueryResponse: .notice
    }
  }

  /// Accepted and Replaced say whether the order lives: `D` is dead on arrival.
  private var standing: VenueStanding {
    switch response.kind {
    case .accepted, .replaced: response.orderState == 0x44 ? .canceled : .working
    default: .unsaid
    }
  }

  /// The order's reference number, and the one under which the market data shows it.
  private func name(_ number: UInt64, in made: inout VenueReport) {
    made.venueOrderID = VenueIdentifier(number: number)
    if number != 0 { made.bookReference = number | settings.bookReferenceBits }
  }

  /// ClOrdID, where the message has one.
  private mutating func echo(_ made: inout VenueReport) {
    switch response.kind {
    case .accepted, .replaced, .rejected, .brokenTrade:
      guard let (id, incarnation) = response.clOrdID.decoded else {
        counters.foreignIdentifiers &+= 1
        return
      }
      made.clientOrderID = id
      made.incarnation = incarnation
    default: break
    }
  }

  /// What a Restated message says, it says in its options.
  private func restated(_ made: inout VenueReport) {
    guard response.kind == .restated else { return }
    made.quantity = Int64(
      truncatingIfNeeded: response.options.value(.displayQuantity) ?? 0)
    made.price = Int64(truncatingIfNeeded: response.options.value(.displayPrice) ?? 0)
    name(response.options.value(.secondaryOrderReference) ?? 0, in: &made)
  }

  /// The fuse follows what is open.
  private mutating func count(_ made: VenueReport) {
    let reference = UInt64(response.userRefNum)
    let quantity = UInt64(response.quantity)
    switch response.kind {
    case .executed, .canceled, .aiqCanceled: fuse.reduced(reference, by: quantity)
    case .rejected: fuse.closed(reference)
    case .accepted:
      if response.orderState == 0x44 {
        fuse.closed(reference)
      } else {
        // Also of an order of an earlier process: a replay from the first message counts it again.
        fuse.opened(reference, quantity: quantity)
      }
    case .replaced:
      fuse.closed(UInt64(response.originalUserRefNum))
      if response.orderState != 0x44 { fuse.opened(reference, quantity: quantity) }
    case .modified: fuse.atMost(reference, quantity)
    default: break
    }
  }

  private mutating func answered(_ sequence: UInt64, now: Int64) {
    let next = UInt64(response.userRefNum)
    switch drain.answered() {
    case .askAgain: queryAccount()
    case .drained:
      isCaughtUp = true
      // What the venue expects next, and all above, never arrived.
      fuse.neverArrived(from: next)
      var caughtUp = blankReport(.caughtUp, now: now)
      caughtUp.streamSequence = sequence
      caughtUp.venueReference = next
      report(caughtUp)
    case .late(let answers):
      inquiries.answered(answers, next: next)
      answerInquiries(now: now)
      // How many are to come of the drain's own queries is an upper bound: one more, so that it is reached.
      if inquiries.isWaiting(after: answers) { queryAccount() }
    }
  }

  /// Says what the venue's counter means for each request that was asked about: at or above it, it never
  /// arrived; below, everything has been said. As many as the reports have room for, the rest next time.
  mutating func answerInquiries(now: Int64) {
    // Bounded by the inquiries: each turn takes one.
    while reportRoom >= Self.reportsPerMessageMax, let inquiry = inquiries.takeAnswered() {
      if inquiry.pending != 0 { tellFate(of: inquiry.pending, inquiry, now: now) }
      tellFate(of: inquiry.reference, inquiry, now: now)
      var end = blankReport(.inquiryAnswered, now: now)
      end.account = inquiry.account
      end.venueReference = inquiry.reference
      end.reason = InquiryOutcome.answered.rawValue
      report(end)
    }
  }

  private mutating func tellFate(
    of reference: UInt64, _ inquiry: OUCHInquiries.Inquiry, now: Int64
  ) {
    let arrived = reference < inquiry.next
    if !arrived { fuse.closed(reference) }
    var fate = blankReport(arrived ? .settled : .neverArrived, now: now)
    fate.account = inquiry.account
    fate.venueReference = reference
    report(fate)
  }
}
