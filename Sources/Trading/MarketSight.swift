/// Whether market data comes that orders may rest on, and if not, what is missing.
@usableFromInline package enum TradingSight: UInt64, Sendable {
  case clear = 0
  case silent = 1
  /// A part is missing for longer than ``TradingLoopSettings/gapGrace``.
  case gap = 2
  /// The books are awaited from a snapshot.
  case snapshot = 3
}

/// What a ``TradingLoop`` sees of the market, and for how long it was to be seen.
@usableFromInline package struct MarketSight: Sendable {
  @usableFromInline var state = TradingSight.clear
  /// Strategies have been told that they do not see the market.
  @usableFromInline var isBlind = false
  /// Machine time at which the hole opened that is open now.
  @usableFromInline var gapSince: Int64 = 0
  @usableFromInline var tickedAt: Int64 = 0
  /// Machine time since trading began in which new orders could rest on the market, and in which not.
  @usableFromInline package internal(set) var sightedFor: Int64 = 0
  @usableFromInline package internal(set) var blindFor: Int64 = 0

  /// In five seconds or more of trading no new order could ever rest on it; less than that is no evidence.
  package var sawNothing: Bool { sightedFor == 0 && blindFor >= 5_000_000_000 }

  @inlinable package init() {}

  /// Whether strategies see it has changed, and they are to be told. Without a session nothing can be withdrawn: then it
  /// is told when the session is there.
  @inlinable mutating func isNewlyBlind(isReady: Bool) -> Bool {
    let isBlindNow = state != .clear && isReady
    guard isBlindNow != isBlind else { return false }
    isBlind = isBlindNow
    return true
  }

  /// The time since the last tick, by what is seen at its end.
  @inlinable mutating func count(_ isSighted: Bool, hasBegun: Bool, now: Int64) {
    let since = now &- tickedAt
    tickedAt = now
    guard hasBegun else { return }
    if isSighted { sightedFor &+= since } else { blindFor &+= since }
  }
}
