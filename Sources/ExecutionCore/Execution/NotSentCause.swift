/// Why a gateway withdrew a request instead of sending it. In ``VenueReport/orderState`` of a
/// ``VenueReport/Kind/notSent`` report. Never renumber: the number is in the journal.
@frozen public enum NotSentCause: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// There is no session that is logged in.
  case sessionDown = 1
  /// The gateway's send queue is full.
  case queueFull = 2
  /// It waited longer than the maximum age.
  case tooOld = 3
  /// The last-hop fuse is open: a named person has to re-arm it.
  case fuse = 4
  /// The price is not a whole number of the venue's ticks.
  case priceNotExact = 5
  /// The price is below one tick or above the venue's highest.
  case priceRange = 6
  /// The quantity is 0, negative or above the venue's largest.
  case quantityRange = 7
  /// The quantity is not a whole number of shares.
  case quantityNotExact = 8
  /// The venue reference is 0 or does not fit the wire.
  case reference = 9
  /// The client order id with its incarnation does not fit ClOrdID.
  case clientOrderID = 10
  /// A mass cancel or the end of order entry went ahead of it: sent behind, it would have been new
  /// risk, and its lower number would have been ignored without an answer.
  case overtaken = 11
}
