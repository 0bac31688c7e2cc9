/// Why a request was not sent. In ``VenueReport/reason`` of a ``VenueReport/Kind/notSent`` report, and in
/// ``OrderUpdate/reason`` of a ``OrderUpdate/Kind/notSent`` update. Never renumber: the number is in the journal.
@frozen public enum NotSentCause: UInt16, BitwiseCopyable, Sendable, CaseIterable {
  /// There is no session that is logged in.
  case sessionDown = 1
  /// The gateway has no room: the caller had not asked.
  case noRoom = 2
  /// It waited longer than the maximum age.
  case tooOld = 3
  /// The last-hop fuse is open: a named person has to re-arm it.
  case fuse = 4
  /// The price is not a whole number of the venue's ticks.
  case priceNotExact = 5
  /// The price is below the venue's lowest or above its highest.
  case priceRange = 6
  /// The quantity is 0, negative or above the venue's largest.
  case quantityRange = 7
  /// The quantity is not a whole number of the venue's units.
  case quantityNotExact = 8
  /// The reference is 0 or does not fit the wire.
  case reference = 9
  /// The client order id with its incarnation does not fit the wire.
  case clientOrderID = 10
  /// A cancel, a mass cancel or the end of order entry went ahead of it: sent behind, it would have been new risk.
  case overtaken = 11
  /// The gateway has no such request, or does not know the instrument.
  case unsupported = 12
}
