/// What kind of day the generator makes.
public enum MarketStyle: String, Sendable, CaseIterable {
  case calm
  case volatile
  case thin
  case trending
  case jumping
  case halting
}

/// Parameters of a generated market. The flow is a function of these alone.
public struct GeneratorSettings: Hashable, Sendable {
  public var seed: UInt64
  public var style: MarketStyle
  /// 1 … ``symbolsMax``; activity falls as 1/rank (Zipf).
  public var symbols: Int
  /// Messages a second of session time, over all symbols.
  public var rate: Int64
  /// All messages, opening and end included; nil is endless unless a duration is given.
  public var messagesMax: UInt64?
  /// Session nanoseconds from the opening to the end; nil is endless unless a count is given.
  public var duration: Int64?
  /// Session time of midnight Eastern (nanoseconds since 1970 UTC).
  public var midnight: Int64
  /// Nanoseconds from midnight to the opening: 9:30 by default.
  public var opening: Int64
  /// Standard deviation of a symbol's value in a second, parts per million; nil is the style's.
  public var volatility: Int64?
  /// Usual spread in ticks; nil is the style's.
  public var spread: Int64?
  /// Orders that a symbol's side usually has; nil is the style's.
  public var depth: Int?
  /// Orders far from the market that each symbol opens with: for books of millions of live orders.
  public var backgroundOrders: Int

  public static let symbolsMax = 12_000
  public static let rateMax: Int64 = 100_000_000

  public init(
    seed: UInt64, style: MarketStyle = .calm, symbols: Int = 20, rate: Int64 = 5_000,
    messagesMax: UInt64? = nil, duration: Int64? = nil, midnight: Int64
  ) {
    self.seed = seed
    self.style = style
    self.symbols = min(max(symbols, 1), Self.symbolsMax)
    self.rate = min(max(rate, 1), Self.rateMax)
    self.messagesMax = messagesMax
    self.duration = duration
    self.midnight = midnight
    opening = 34_200_000_000_000
    volatility = nil
    spread = nil
    depth = nil
    backgroundOrders = 0
  }
}

/// The numbers behind a style.
struct StyleNumbers: Sendable {
  /// Parts per million in a second.
  var volatility: Int64
  /// Ticks.
  var spread: Int64
  /// Orders a side.
  var depth: Int
  /// Parts per million in a second, up or down by symbol.
  var drift: Int64 = 0
  /// Jumps of a symbol in a million seconds, and their size in parts per million.
  var jumpsPerMegasecond: Int64 = 0
  var jumpSize: Int64 = 0
  /// Halts of a symbol in a million seconds, and their length in nanoseconds.
  var haltsPerMegasecond: Int64 = 0
  var haltLength: Int64 = 0

  init(volatility: Int64, spread: Int64, depth: Int) {
    self.volatility = volatility
    self.spread = spread
    self.depth = depth
  }

  init(_ settings: GeneratorSettings) {
    switch settings.style {
    case .calm: self.init(volatility: 40, spread: 2, depth: 40)
    case .volatile: self.init(volatility: 250, spread: 4, depth: 30)
    case .thin: self.init(volatility: 80, spread: 10, depth: 8)
    case .trending:
      self.init(volatility: 60, spread: 2, depth: 40)
      drift = 40
    case .jumping:
      self.init(volatility: 50, spread: 3, depth: 30)
      jumpsPerMegasecond = 100_000
      jumpSize = 3_000
    case .halting:
      self.init(volatility: 100, spread: 3, depth: 30)
      haltsPerMegasecond = 50_000
      haltLength = 2_000_000_000
    }
    volatility = min(max(settings.volatility ?? volatility, 0), 100_000)
    spread = min(max(settings.spread ?? spread, 1), 1_000)
    depth = min(max(settings.depth ?? depth, 2), 100_000)
  }
}
