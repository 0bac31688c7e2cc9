/// What went wrong without stopping the engine: counted, journalled, shown. Never renumber.
@frozen public enum AlarmCode: UInt16, BitwiseCopyable, Sendable, CaseIterable {
  /// A report names a reference we never used; nothing could be booked to an order.
  case unknownReference = 1
  /// The report is not possible in the order's state; it was not applied (executions always are).
  case illegalReport = 2
  /// More was executed than was open; kept and counted.
  case overfill = 3
  /// The venue echoed another client order id than ours.
  case echoMismatch = 4
  /// The same execution key came with other content; the first one stands.
  case executionMismatch = 5
  /// A bust of an execution that we do not have; it will be reversed if it comes.
  case unknownBust = 6
  /// An execution came for an order that was done.
  case lateExecution = 7
  /// An order we had closed by inference lives at the venue.
  case resurrected = 8
  /// The venue's terms differ from what was sent; the venue's rule.
  case revisedTerms = 9
  /// A number does not fit the instrument's exponents or 64 bits.
  case unrepresentable = 10
  /// The journal took no more, not even privileged records.
  case journalLost = 11
  /// The execution ledger is full: booked without protection against duplicates, firm stopped.
  case ledgerFull = 12
  /// A sequenced report came again or out of order.
  case repeatedReport = 13
  /// Numbers are missing in the venue's sequenced stream; the port is stopped, a fill may be missing.
  case streamGap = 14
  /// The venue has told all that it knows of an unresolved request, and no fate; closed by that evidence.
  case closedByEvidence = 15
  /// The liquidity flag is not in the fee schedule; the worst fee was booked.
  case unknownLiquidity = 16
  /// The update queue was full; a strategy missed a report.
  case updateLost = 17
  /// The venue expects a higher reference than ours; ours was raised.
  case referenceRaised = 18
  /// No request could be queued for a cancel that must go out.
  case cancelNotQueued = 19
  /// A port's references are used up.
  case referencesExhausted = 20
  /// A message of the venue's stream could not be decoded; the port is stopped, a fill may be missing.
  case undecodableReport = 21
  /// The venue counts executions of an order that we do not have, and did so when asked again; firm stopped.
  case executionsMissing = 22
  /// What became of a request could not be learned: it failed, or the venue can't be asked.
  case inquiryFailed = 23
  /// A report names a port that there is not; firm stopped, it may have been a fill.
  case unknownPort = 24
  /// Four fifths of something are used that there is a fixed number of; see ``EngineBound``.
  case boundNear = 25
}
