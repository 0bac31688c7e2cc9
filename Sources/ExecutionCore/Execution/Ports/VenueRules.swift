/// What a venue takes: ranges, the grid of its prices, when it takes orders. Risk holds every order against
/// the rules of the venue that it goes to.
///
/// ```swift
/// var rules = VenueRules()
/// rules.quantities = 1...999_999
/// rules.prices = DecimalRange(1...1_999_999_900, exponent: -4)  // 0.0001 to 199,999.99
/// rules.grid = PriceGrid(exponent: -4, bands: [.init(from: 0, step: 1), .init(from: 10_000)])
/// ```
public struct VenueRules: Sendable, Hashable {
  /// Of one order, at the instrument's quantity exponent.
  public var quantities: ClosedRange<Int64> = 1...1_000_000_000
  /// Of an order's limit.
  public var prices = DecimalRange(1...Int64.max, exponent: -8)
  public var grid = PriceGrid()
  /// Quantities that are no multiple of the round lot are good.
  public var takesOddLots = true
  public var hours = OrderHours.marketHours

  public init() {}
}

/// When a venue takes orders.
@frozen public enum OrderHours: UInt8, BitwiseCopyable, Sendable {
  /// While the market is open, as the market data says.
  case marketHours = 0
  case always = 1
}

/// A range of decimals: mantissas with one exponent.
public struct DecimalRange: Sendable, Hashable {
  public var mantissas: ClosedRange<Int64>
  public var exponent: Int8
  public init(_ mantissas: ClosedRange<Int64>, exponent: Int8) {
    self.mantissas = mantissas
    self.exponent = exponent
  }
}

/// The steps of a venue's prices: from each band's lowest price on, multiples of its step.
public struct PriceGrid: Sendable, Hashable {
  public struct Band: Sendable, Hashable {
    public var from: Int64
    /// 0: the instrument's own tick.
    public var step: Int64
    public init(from: Int64, step: Int64 = 0) {
      self.from = from
      self.step = step
    }
  }
  /// Most bands.
  public static var bandsMax: Int { 8 }
  /// Of `from` and `step`.
  public var exponent: Int8
  /// Rising; prices below the first belong to it.
  public var bands: [Band]

  /// Without bands: the instrument's tick everywhere.
  public init(exponent: Int8 = -8, bands: [Band] = [Band(from: 0)]) {
    self.exponent = exponent
    self.bands = bands
  }
}

/// A mantissa at another exponent; nil when that is not exact or too large.
@inline(__always) func rescaled(_ mantissa: Int64, from: Int8, to: Int8) -> Int64? {
  var shift = Int(from) &- Int(to)
  guard shift >= -18, shift <= 18 else { return mantissa == 0 ? 0 : nil }
  var value = mantissa
  while shift > 0 {
    let (next, over) = value.multipliedReportingOverflow(by: 10)
    if over { return nil }
    value = next
    shift &-= 1
  }
  while shift < 0 {
    guard value % 10 == 0 else { return nil }
    value /= 10
    shift &+= 1
  }
  return value
}
