/// Why an order was refused. The raw value is in the journal and in the summary; never renumber.
@frozen public enum RefusalCode: UInt16, BitwiseCopyable, Sendable, CaseIterable {
  case quantityLimit = 1
  case notionalLimit = 2
  case staticCollar = 3
  case dynamicCollar = 4
  case tickSize = 5
  case lotSize = 6
  case positionLimit = 7
  case openOrderLimit = 8
  case messageRate = 9
  case duplicateOrder = 10
  case halted = 11
  case sessionClosed = 12
  case staleData = 13
  case restricted = 14
  case shortSale = 15
  /// The scope is stopped; what is observed are its ``LatchCauses``.
  case latched = 16
  case bookNotWhole = 17
  case noReferencePrice = 18
  case unknownInstrument = 19
  case unknownAccount = 20
  case unknownStrategy = 21
  case unknownOrder = 22
  case poolFull = 23
  case journalUnavailable = 24
  case outboxFull = 25
  case venueDown = 26
  case badQuantity = 27
  case badPrice = 28
  case pendingRequest = 29
  case entryDisabled = 30
  case noInstrumentState = 31
  case arithmeticOverflow = 32
  case crossedBook = 33
  /// The order has been replaced as often as its client order id can tell apart.
  case incarnationLimit = 34
  /// A flag that means nothing here.
  case unknownFlag = 35
  /// The venue has no such request, time in force, display or flag.
  case notSupported = 36
  /// No port takes the account's orders in the instrument.
  case noRoute = 37
  /// What the feed brings now was sent too long ago. How long, its own clock alone would tell: there is no limit to
  /// show, and nothing observed.
  case lateData = 38
  /// The order comes to less money than the instrument's smallest.
  case minimumNotional = 39
}

/// Whose limit refused.
@frozen public enum RiskScope: UInt8, BitwiseCopyable, Sendable {
  case order = 1
  case strategy = 2
  case account = 3
  case firm = 4
  case instrument = 5
  /// One order-entry session at a venue.
  case port = 6
}

/// A refusal as a value: code, scope, the limit and what was observed, in the unit of the check.
@frozen public struct Refusal: BitwiseCopyable, Sendable, Equatable {
  public var code: RefusalCode
  public var scope: RiskScope
  public var limit: Int128
  public var observed: Int128
  @inlinable public init(_ code: RefusalCode, scope: RiskScope, limit: Int128, observed: Int128) {
    self.code = code
    self.scope = scope
    self.limit = limit
    self.observed = observed
  }
}

/// The answer to a request: a handle, or a refusal that has been journalled.
@frozen public enum Verdict: BitwiseCopyable, Sendable {
  case accepted(OrderHandle)
  case refused(Refusal)
}
