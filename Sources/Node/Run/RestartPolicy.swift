/// When an exchange that has died is started again: at once, then after pauses that double; and
/// only so often within a time, for one that cannot live must not be started for ever.
struct RestartPolicy {
  static let restartsMax = 8
  /// Nanoseconds of machine time, as all here.
  static let window: Int64 = 60_000_000_000
  static let firstPause: Int64 = 100_000_000
  static let longestPause: Int64 = 5_000_000_000

  /// When it died, as far as that still counts.
  private var deaths: [Int64] = []

  /// How long to wait before it is started again; nil when it has died too often: it is lost.
  mutating func died(at now: Int64) -> Int64? {
    deaths.removeAll { now &- $0 >= Self.window }
    guard deaths.count < Self.restartsMax else { return nil }
    defer { deaths.append(now) }
    guard !deaths.isEmpty else { return 0 }
    return min(Self.longestPause, Self.firstPause << Int64(deaths.count - 1))
  }
}
