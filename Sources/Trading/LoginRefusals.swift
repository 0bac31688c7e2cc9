public import Gateways

/// The log-ins that a venue has refused in a row, and whether another one is worth while.
///
/// Before it has taken any, what we say of ourselves is likely wrong: who is not authorised is told at once, who finds
/// no session after ``unavailableMax``. After it has, the venue is at fault, and our orders work there: a session that
/// is not available is tried again for as long as a connection that breaks is, and an authorisation that has gone
/// ``unauthorisedMax`` times.
///
/// Threading: the hot thread.
@frozen @usableFromInline package struct LoginRefusals: BitwiseCopyable, Sendable {
  /// Machine time for which a session that is not available is tried before any log-in has been taken.
  @inlinable package static var unavailableMax: Int64 { 10_000_000_000 }
  /// Log-ins in a row that a venue may call not authorised after it has taken one.
  @inlinable package static var unauthorisedMax: Int { 5 }

  /// How many in a row.
  @usableFromInline package private(set) var count = 0
  /// What the last one came to.
  @usableFromInline package private(set) var last = Reconnecting.later
  /// A log-in has been taken before.
  @usableFromInline package private(set) var hasLoggedIn = false
  private var unauthorised = 0
  private var since: Int64 = 0

  @usableFromInline package init() {}

  /// One more. Returns the machine time by which the next attempt is to be made at the latest; nil: none is.
  @usableFromInline mutating func take(_ refusal: Reconnecting, now: Int64) -> Int64? {
    if count == 0 { since = now }
    count += 1
    last = refusal
    if refusal == .notAuthorised {
      unauthorised += 1
      return hasLoggedIn && unauthorised < Self.unauthorisedMax ? .max : nil
    }
    guard !hasLoggedIn else { return .max }
    let end = since &+ Self.unavailableMax
    return now < end ? end : nil
  }

  /// A log-in was taken.
  @usableFromInline mutating func taken() {
    hasLoggedIn = true
    count = 0
    unauthorised = 0
  }
}
