/// How much of an ``ExchangeServer`` its peers may take, so that none can take it from the others.
///
/// Times in nanoseconds of machine time. What goes beyond is counted: ``ExchangeServerCounters``.
public struct ExchangeServerLimits: Hashable, Sendable {
  /// Whoever has not logged in so long after connecting is closed, whatever else he sends.
  public var loginTimeout: Int64 = 10_000_000_000
  /// Connections of each service that have not logged in: when one more comes, the oldest of them
  /// is closed. Who has logged in has a place of his own.
  public var strangersMax = 8
  /// Connections that have logged in to the snapshot service. When one more wants to, the oldest
  /// that has its whole snapshot is closed; while there is none, the log-in waits.
  public var snapshotsMax = 16
  /// A connection whose send queue does not move for so long is closed.
  public var drainTimeout: Int64 = 10_000_000_000
  /// Log-ins of one account a second, as many at once after a second without; the next one waits.
  /// Each may ask for the day's whole stream.
  public var loginsPerSecond = 20
  /// Snapshots a second, in the same way; one is used again as long as nothing was published.
  public var snapshotsPerSecond = 20
  /// Messages of a connection to order entry a second, in the same way; beyond it the connection is
  /// closed, and what the client had under way is not taken: it finds out by logging in again. To
  /// read it more slowly instead would let orders grow old in the kernel's buffers unseen.
  public var messagesPerSecond = 200_000

  public init() {}
}

/// So many a second, and as many at once after a second without any. Threading: one owner.
struct Allowance {
  private let interval: Int64
  private var due = Int64.min
  private static let window: Int64 = 1_000_000_000

  init(perSecond: Int) { interval = Self.window / Int64(clamping: max(1, perSecond)) }

  /// Takes one; false when there is none now.
  mutating func take(now: Int64) -> Bool {
    let start = max(due, now &- Self.window)
    guard start &+ interval <= now else { return false }
    due = start &+ interval
    return true
  }
}

/// Whether what is sent to a connection goes out. Threading: one owner.
struct Outlet {
  /// Bytes that were handed to the reactor.
  private var queued: UInt64 = 0
  private var gone: UInt64 = 0
  private var movedAt: Int64

  init(now: Int64) { movedAt = now }

  mutating func add(_ bytes: Int) { queued &+= UInt64(bytes) }

  /// Nothing has left the queue for so long, and something is in it.
  mutating func isStuck(unsent: Int, now: Int64, limit: Int64) -> Bool {
    let left = queued &- min(queued, UInt64(max(0, unsent)))
    if unsent == 0 || left != gone {
      gone = left
      movedAt = now
      return false
    }
    return now &- movedAt >= limit
  }
}
