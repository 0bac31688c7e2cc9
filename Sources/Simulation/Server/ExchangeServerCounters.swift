/// What became of datagrams on the lines of a feed.
public struct FeedLineCounters: BitwiseCopyable, Hashable, Sendable {
  /// By setting.
  public var lost: UInt64 = 0
  public var duplicated: UInt64 = 0
  public var reordered: UInt64 = 0
  /// The kernel did not take it, or its socket had failed: the datagram is in nobody's hands and must be asked for
  /// again. Counted for each line.
  public var unsent: UInt64 = 0
  public init() {}
}

/// What the server did. Datagrams are counted once for all lines, faults for each.
public struct ExchangeServerCounters: BitwiseCopyable, Hashable, Sendable {
  public var datagrams: UInt64 = 0
  public var lines = FeedLineCounters()
  /// Datagrams that answered re-requests; and those that should have, and did not leave.
  public var answers: UInt64 = 0
  public var answersUnsent: UInt64 = 0
  /// Times that the socket of a line, or that of re-requests, failed; it is opened again.
  public var socketFailures: UInt64 = 0
  public var logins: UInt64 = 0
  public var loginsRefused: UInt64 = 0
  public var disconnects: UInt64 = 0
  public var snapshots: UInt64 = 0
  /// Snapshots that had been made for another client already.
  public var snapshotsReused: UInt64 = 0
  /// Connections that were closed because they had not logged in in time.
  public var loginsTimedOut: UInt64 = 0
  /// Connections that had not logged in and made room for a newer one.
  public var strangersDisplaced: UInt64 = 0
  /// Log-ins that had to wait: ``ExchangeServerLimits/loginsPerSecond`` and those of snapshots.
  public var loginsDelayed: UInt64 = 0
  /// Connections that were closed because they did not read what they were sent.
  public var slowReaders: UInt64 = 0
  /// Connections that were closed because they sent too many messages.
  public var ratesExceeded: UInt64 = 0
  public init() {}
}
