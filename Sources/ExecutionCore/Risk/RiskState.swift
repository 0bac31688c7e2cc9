/// What risk needs of an instrument, worked out at start-up so that no check divides.
struct RiskInstrument: BitwiseCopyable {
  var symbol: UInt64 = 0
  /// Static collar; unknown when `previousClose` is 0.
  var previousClose: Int64 = 0
  var lowest: Int64 = 0
  var highest: Int64 = 0
  var lowerBand: Int64 = 0
  var upperBand: Int64 = 0
  /// Price × quantity × this is money at 10⁻⁸.
  var moneyScale: Int64 = 1
  var priceExponent: Int8 = -8
  var quantityExponent: Int8 = 0
  var shortable = false
  var restricted = false
}

/// Whether a number is a multiple of another, by one multiplication (Granlund and Montgomery,
/// "Division by invariant integers using multiplication", section 9).
struct DivisibilityTest: BitwiseCopyable {
  private var inverse: UInt64
  private var shift: UInt64
  private var most: UInt64

  /// `divisor` is above 0.
  init(_ divisor: Int64) {
    let positive = UInt64(max(1, divisor))
    shift = UInt64(positive.trailingZeroBitCount)
    let odd = positive >> shift
    // Newton's iteration for the inverse modulo 2⁶⁴: each step doubles the correct bits, from 3.
    var x = odd
    for _ in 0..<5 { x = x &* (2 &- odd &* x) }
    inverse = x
    most = UInt64.max / positive
  }

  func divides(_ n: Int64) -> Bool {
    let product = n.magnitude &* inverse
    let rotated = (product &>> shift) | (product &<< (64 &- shift))
    return rotated <= most
  }
}

/// The limits of one scope; `.max` where it sets none.
struct ScopeLimits: BitwiseCopyable {
  var orderNotional: Int128 = .max
  var orderQuantity: Int64 = .max
  var position: Int64 = .max
  var openOrders: Int64 = .max

  init() {}
  init(_ limits: RiskLimits) {
    orderQuantity = limits.orderQuantity ?? .max
    orderNotional = limits.orderNotional?.raw ?? .max
    position = limits.position ?? .max
    openOrders = limits.openOrders.map(Int64.init) ?? .max
  }
}

/// Settings of the chain and its latches.
struct RiskSettings: BitwiseCopyable {
  var dynamicBasisPoints: Int64 = 0
  var dynamicAbsolute: Int64 = 0
  var dataAgeMax: Int64 = 0
  var goodQuoteAgeMax: Int64 = 0
  var symbolAgeMax: Int64 = 0
  var acknowledgeTimeout: Int64 = 0
  /// How long a request is left without an answer, and an inquiry that failed without another.
  var inquiryInterval: Int64 = 1_000_000_000
  /// See ``EngineConfiguration/portLatchesFirm``.
  var portLatchesFirm = false
  /// A journal record was lost: no new orders any more in this process.
  var journalLost = false
  /// How many the journal has not been told of yet.
  var recordsLost: UInt64 = 0
}

/// Requests a second in session time. Tokens are counted in billionths, so that nothing is divided.
struct TokenBucket: BitwiseCopyable {
  static var unit: Int64 { 1_000_000_000 }
  private var tokens: Int64 = 0
  private var rate: Int64 = 0
  private var capacity: Int64 = 0
  private var kept: Int64 = 0
  private var refilledAt: Int64 = 0
  private(set) var isLimited = false

  init(_ rate: MessageRate?) {
    guard let rate else { return }
    isLimited = true
    self.rate = Int64(rate.perSecond)
    capacity = Int64(rate.burst) &* Self.unit
    kept = Int64(rate.keptForCancels) &* Self.unit
    tokens = capacity
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
  /// Whole tokens that orders may use, and that there were when full: for the refusal.
  var available: Int64 { max(0, (tokens &- kept) / Self.unit) }
  var orderBurst: Int64 { (capacity &- kept) / Self.unit }
}
