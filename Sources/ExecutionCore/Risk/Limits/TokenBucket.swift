/// Requests a second in session time. Tokens are counted in billionths, so that nothing is divided.
struct TokenBucket: BitwiseCopyable {
  static var unit: Int64 { 1_000_000_000 }
  private var tokens: Int64 = 0
  private var rate: Int64 = 0
  private var capacity: Int64 = 0
  private var kept: Int64 = 0
  private var refilledAt: Int64 = 0
  private(set) var isLimited = false

  /// Of nothing limited.
  init() {}

  /// Full if nothing was limited before; else with what it had, as far as that still fits.
  mutating func change(_ limits: ScopeLimits, at time: Int64) {
    refill(at: time)
    guard limits.hasMessageRate else { return self = TokenBucket() }
    rate = limits.messagesPerSecond
    capacity = limits.messageBurst &* Self.unit
    kept = limits.messagesKeptForCancels &* Self.unit
    tokens = isLimited ? min(tokens, capacity) : capacity
    if !isLimited { refilledAt = max(0, time) }
    isLimited = true
  }

  /// Time that runs backwards or stands still brings nothing.
  mutating func refill(at time: Int64) {
    guard isLimited, time > refilledAt else { return }
    let (elapsed, wide) = time.subtractingReportingOverflow(refilledAt)
    refilledAt = time
    let (gain, over) = elapsed.multipliedReportingOverflow(by: rate)
    let (sum, more) = tokens.addingReportingOverflow(gain)
    tokens = wide || over || more ? capacity : min(capacity, sum)
  }
  /// Refills and asks.
  @inline(__always) mutating func refilledAllows(at time: Int64) -> Bool {
    if !isLimited { return true }
    refill(at: time)
    return allowsOrder
  }
  /// Whether a request that is not a cancel may go.
  var allowsOrder: Bool { !isLimited || tokens &- kept >= Self.unit }
  /// Takes one token; a cancel goes even when there is none.
  mutating func take() {
    guard isLimited else { return }
    tokens = max(0, tokens &- Self.unit)
  }
  @inline(__always) mutating func refillAndTake(at time: Int64) {
    guard isLimited else { return }
    refill(at: time)
    take()
  }
  /// For the state's hash.
  var state: Int64 { tokens }
  /// Whole tokens that orders may use when it is full: for the refusal.
  var orderBurst: Int64 { (capacity &- kept) / Self.unit }
}
