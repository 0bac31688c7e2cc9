public import Transport

/// What a ``TradingLoop`` is told.
@usableFromInline package struct TradingLoopSettings: Sendable {
  @usableFromInline package var wait: WaitStrategy
  /// Flow control of a `max` run: the exchange reads here what was consumed.
  @usableFromInline package var flow: FlowControl?
  @usableFromInline package var snapshotServer = Endpoint.any(port: 0)
  /// Who is named in the journal when the kill switch moves.
  @usableFromInline package var person = "operator"
  /// Machine time, counted by a ``LookClock``, that the end of a run waits for confirmations while none comes, and the
  /// longest that it may take: orders that work are left behind only where nothing can be done about them. The first
  /// is longer than a session takes to be found dead and made again.
  @usableFromInline package var stopMax: Int64 = 5_000_000_000
  @usableFromInline package var stopLongest: Int64 = 120_000_000_000
  /// The same that a session may take to be made again at the end where nothing works any more.
  @usableFromInline package var reconnectMax: Int64 = 3_000_000_000
  /// The same that the repair of a gap at the end may take; what is missing then is lost.
  @usableFromInline package var repairMax: Int64 = 1_000_000_000
  /// The same that a snapshot may wait for the lines to come to where it ends: longer than a line that lives is
  /// silent.
  @usableFromInline package var loadedMax: Int64 = 2_000_000_000
  /// The same that a feed may have orders and none of the instruments: after it another market is on.
  @usableFromInline package var namelessMax: Int64 = 2_000_000_000
  /// Machine time that a gap may be open before strategies withdraw.
  @usableFromInline package var gapGrace: Int64 = 0
  /// Of the ``Watchdog``.
  @usableFromInline package var lagMax: Int64 = 10_000_000
  @usableFromInline package var stallMin: Int64 = 100_000_000
  @usableFromInline package var pullAfter: Int64 = 500_000_000
  /// The channel of the feed of orders, where there is one.
  @usableFromInline package var ordersChannel: UInt8 = 0
  /// The channels of the feeds that end, one bit each: with the last of them the run does.
  @usableFromInline package var finiteFeeds: UInt8 = 1
  /// What people ask while it runs.
  @usableFromInline package var control: ControlRing?

  package init(wait: WaitStrategy, flow: FlowControl? = nil) {
    self.wait = wait
    self.flow = flow
  }
}

extension ReactorSettings {
  /// Those of a ``TradingLoop``: nothing that it touches later is touched first while it trades.
  package static func ofTradingLoop(on backEnd: ReactorBackEnd) -> ReactorSettings {
    var settings = ReactorSettings()
    settings.backEnd = backEnd
    settings.prefaults = true
    return settings
  }
}
