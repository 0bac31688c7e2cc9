/// An instrument as it was at start-up. 120 bytes.
///
/// The fields are those of ``InstrumentFacts``; see there what they mean.
@frozen public struct InstrumentRecord: BitwiseCopyable, Sendable {
  public var symbol: Symbol
  public var tick: Int64
  public var roundLot: Int64
  public var previousClose: Int64
  public var averageVolume: Int64
  public var lowerBand: Int64
  public var upperBand: Int64
  public var multiplier: Int64
  public var minimumNotional: Int64
  public var currency: UInt64
  public var instrument: InstrumentID
  public var priceExponent: Int8
  public var quantityExponent: Int8
  public var multiplierExponent: Int8
  public var allowsNegativePrices: UInt8
  public var shortable: UInt8
  /// ``ShortSaleRule``, then ``MarketStatus``.
  public var shortSale: UInt8
  public var status: UInt8
  public var reserved0: UInt8 = 0
  public var reserved1: UInt32 = 0

  public init(facts: InstrumentFacts, instrument: InstrumentID) {
    symbol = facts.symbol
    tick = facts.tick
    roundLot = facts.roundLot
    previousClose = facts.previousClose
    averageVolume = facts.averageVolume
    lowerBand = facts.lowerBand
    upperBand = facts.upperBand
    multiplier = facts.multiplier
    minimumNotional = facts.minimumNotional
    currency = facts.currency.raw
    priceExponent = facts.priceExponent
    quantityExponent = facts.quantityExponent
    multiplierExponent = facts.multiplierExponent
    allowsNegativePrices = facts.allowsNegativePrices ? 1 : 0
    shortable = facts.shortable ? 1 : 0
    shortSale = facts.shortSale.rawValue
    status = facts.status.rawValue
    self.instrument = instrument
  }

  /// As the configuration had it.
  public var facts: InstrumentFacts {
    var facts = InstrumentFacts(symbol: symbol)
    facts.tick = tick
    facts.roundLot = roundLot
    facts.previousClose = previousClose
    facts.averageVolume = averageVolume
    facts.lowerBand = lowerBand
    facts.upperBand = upperBand
    facts.multiplier = multiplier
    facts.minimumNotional = minimumNotional
    facts.currency = Currency(raw: currency)
    facts.priceExponent = priceExponent
    facts.quantityExponent = quantityExponent
    facts.multiplierExponent = multiplierExponent
    facts.allowsNegativePrices = allowsNegativePrices != 0
    facts.shortable = shortable != 0
    facts.shortSale = ShortSaleRule(rawValue: shortSale) ?? .unknown
    facts.status = MarketStatus(rawValue: status) ?? .unknown
    return facts
  }
}
