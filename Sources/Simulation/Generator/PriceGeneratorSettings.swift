/// Parameters of a generated market by price. The flow is a function of these alone.
///
/// ```swift
/// var settings = PriceGeneratorSettings(begin: 1_723_161_600_000_000_000)
/// settings.style = .volatile
/// ```
///
/// ``PriceGenerator`` takes what is out of its range as the nearest that is in it.
public struct PriceGeneratorSettings: Hashable, Sendable {
  public static let instrumentsMax = 256
  public static let rateMax: Int64 = 1_000_000
  /// In the year 2223.
  public static let beginMax: Int64 = 8_000_000_000_000_000_000

  public var seed: UInt64 = 1
  public var style = MarketStyle.calm
  /// 1 … ``instrumentsMax``; activity falls as 1/rank (Zipf).
  public var instruments = 2
  /// Records a second of session time, all instruments together, 1 … ``rateMax``.
  public var rate: Int64 = 500
  /// Session time of the first record, nanoseconds since 1970 UTC, 0 … ``beginMax``.
  public var begin: Int64
  /// Session nanoseconds after which an instrument's book is told whole again, 1 ms to 1 h. Longer
  /// where more than half of the records would be of that: at 500 a second from 7 instruments on.
  public var snapshotInterval: Int64 = 1_000_000_000

  public init(begin: Int64) { self.begin = begin }

  /// With everything in its range.
  var bounded: PriceGeneratorSettings {
    var settings = self
    settings.instruments = min(max(instruments, 1), Self.instrumentsMax)
    settings.rate = min(max(rate, 1), Self.rateMax)
    settings.begin = min(max(begin, 0), Self.beginMax)
    settings.snapshotInterval = min(max(snapshotInterval, 1_000_000), 3_600_000_000_000)
    return settings
  }
}

/// The numbers of ``PriceGenerator`` that follow from its settings.
struct PricePace: Sendable {
  /// Levels that a side usually has.
  let levels: Int
  /// No side has more.
  var levelsMax: Int { levels + 4 }
  /// Session nanoseconds from a snapshot to the next one, which is of the next instrument.
  let snapshotStep: Int64
  /// Session nanoseconds that a record takes on the average, snapshots left out.
  let meanGap: Int64

  init(_ settings: PriceGeneratorSettings, _ style: StyleNumbers) {
    levels = min(20, style.depth)
    let second: Int64 = 1_000_000_000
    let told = Int64(settings.instruments * (1 + 2 * levels))
    let interval = max(settings.snapshotInterval, 2 * told * second / settings.rate)
    snapshotStep = interval / Int64(settings.instruments)
    meanGap = max(1, interval / max(1, settings.rate * interval / second - told))
  }
}
