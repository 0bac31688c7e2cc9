/// How long to wait before the next attempt to connect: exponential, bounded, with jitter from a
/// seed, so that a run is repeated exactly and many clients do not come back at once.
@frozen public struct ReconnectBackoff: BitwiseCopyable, Sendable {
  /// Nanoseconds before the first attempt again.
  public let first: Int64
  /// Nanoseconds at the most, before jitter.
  public let longest: Int64
  /// Attempts before it is given up.
  public let attemptsMax: Int
  /// Attempts since the last ``reset()``.
  public private(set) var attempts = 0
  private var state: UInt64

  /// Values out of range are brought into it: `first` 1 ms … 1 h, `longest` `first` … 1 h.
  public init(
    first: Int64 = 100_000_000, longest: Int64 = 10_000_000_000, attemptsMax: Int = 100,
    seed: UInt64
  ) {
    self.first = min(max(first, 1_000_000), 3_600_000_000_000)
    self.longest = min(max(longest, self.first), 3_600_000_000_000)
    self.attemptsMax = max(attemptsMax, 1)
    state = seed
  }
  /// Nanoseconds to wait, between half of the step and all of it; nil when the attempts are used
  /// up.
  public mutating func next() -> Int64? {
    guard attempts < attemptsMax else { return nil }
    let doublings = min(attempts, 32)
    let (scaled, overflow) = first.multipliedReportingOverflow(by: 1 << Int64(doublings))
    let step = overflow ? longest : min(scaled, longest)
    attempts += 1
    // SplitMix64, Steele, Lea and Flood 2014.
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    z ^= z >> 31
    let half = UInt64(step / 2)
    return Int64(half + z % (UInt64(step) - half + 1))
  }
  /// The connection is good again.
  public mutating func reset() { attempts = 0 }
}
