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
      counters.badAppendages &+= 1
    }
    var made = blankReport(kind(of: response.kind), now: now)
    made.streamSequence = sequence
    let time = settings.midnight.addingReportingOverflow(
      Int64(truncatingIfNeeded: response.timestamp & 0x7fff_ffff_ffff_ffff))
    made.venueTime = time.overflow ? settings.midnight : time.partialValue
    made.venueReference = UInt64(response.userRefNum)
    made.quantity = Int64(response.quantity)
    made.price = Int64(truncatingIfNeeded: min(response.price, UInt64(Int64.max)))
    made.reason = response.reason
    made.symbol = response.symbol
    made.side = OUCHConvert.side(response.side)
    made.venueOrderNumber = response.orderReference
    made.matchNumber = response.matchNumber
    made.liquidity = response.liquidityFlag
    made.timeInForce = response.timeInForce
    made.display = response.display
    made.orderState = response.orderState
    made.originalVenueReference = UInt64(response.originalUserRefNum)
    echo(&made)
    restated(&made)
    count(made)
    report(made)
    // What an earlier client of this account asked is answered in its part of the stream.
    if response.kind == .accountQueryResponse, sequence > client.historyEnd {
      answered(sequence, now: now)
    }
  }

  private func kind(of kind: OUCHResponse.Kind) -> VenueReport.Kind {
    switch kind {
    case .systemEvent: .systemEvent
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
    case .accountQueryResponse: .accountQueryResponse
    }
  }

  /// ClOrdID, where the message has one.
  private mutating func echo(_ made: inout VenueReport) {
    switch response.kind {
    case .accepted, .replaced, .rejected, .brokenTrade:
      guard let (id, incarnation) = response.clOrdID.decoded else {
        counters.foreignClOrdIDs &+= 1
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
    made.venueOrderNumber = response.options.value(.secondaryOrderReference) ?? 0
  }

  /// The fuse follows what is open.
  private mutating func count(_ made: VenueReport) {
    let reference = response.userRefNum
    switch response.kind {
    case .executed, .canceled, .aiqCanceled: fuse.reduced(reference, by: response.quantity)
    case .rejected: fuse.closed(reference)
    case .accepted:
      if response.orderState == 0x44 {
        fuse.closed(reference)
      } else {
        // Also of an order of an earlier process: a replay from the first message counts it again.
        fuse.opened(reference, quantity: response.quantity)
      }
    case .replaced:
      fuse.closed(response.originalUserRefNum)
      if response.orderState != 0x44 { fuse.opened(reference, quantity: response.quantity) }
    case .modified: fuse.atMost(reference, response.quantity)
    default: break
    }
  }

  private mutating func answered(_ sequence: UInt64, now: Int64) {
    switch drain.answered() {
    case .late: break
    case .askAgain: queryAccount()
    case .drained:
      isCaughtUp = true
      // What the venue expects next, and all above, never arrived.
      fuse.neverArrived(from: response.userRefNum)
      var caughtUp = blankReport(.caughtUp, now: now)
      caughtUp.streamSequence = sequence
      caughtUp.venueReference = UInt64(response.userRefNum)
      report(caughtUp)
    }
  }
}
