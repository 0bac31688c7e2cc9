/// An instrument at a venue: what the venue's rules come to for it, at the instrument's exponents.
struct Listing: BitwiseCopyable {
  /// What the venue does not trade takes nothing.
  var quantityMin: Int64 = 1
  var quantityMax: Int64 = 0
  var priceMin: Int64 = 1
  var priceMax: Int64 = 0
  var lot: Int64 = 1
  var lotTest = DivisibilityTest(1)
  var needsMarketHours = true
  var bandCount: UInt8 = 1
  var bands = InlineArray<8, PriceBand>(repeating: PriceBand())

  init() {}

  /// The venue's rules for an instrument; the configuration has been checked.
  init(_ facts: InstrumentFacts, _ rules: VenueRules) {
    quantityMin = rules.quantities.lowerBound
    quantityMax = rules.quantities.upperBound
    priceMin = Self.bound(rules.prices.mantissas.lowerBound, rules.prices, facts, up: true)
    if !facts.allowsNegativePrices { priceMin = max(1, priceMin) }
    priceMax = Self.bound(rules.prices.mantissas.upperBound, rules.prices, facts, up: false)
    lot = rules.takesOddLots ? 1 : facts.roundLot
    lotTest = DivisibilityTest(lot)
    needsMarketHours = rules.hours == .marketHours
    bandCount = UInt8(clamping: rules.grid.bands.count)
    for (i, band) in rules.grid.bands.prefix(PriceGrid.bandsMax).enumerated() {
      bands[i] = PriceBand(band, exponent: rules.grid.exponent, facts)
    }
  }

  /// A bound at the instrument's exponent, to the inside where it lies between two mantissas.
  private static func bound(
    _ mantissa: Int64, _ range: DecimalRange, _ facts: InstrumentFacts, up: Bool
  ) -> Int64 {
    let shift = Int(range.exponent) - Int(facts.priceExponent)
    let power = Int128(RiskInstrument.power(abs(shift)))
    let wide = Int128(mantissa)
    if shift >= 0 { return Int64(clamping: wide * power) }
    let (whole, rest) = wide.quotientAndRemainder(dividingBy: power)
    if rest == 0 { return Int64(clamping: whole) }
    // Division cuts towards zero.
    return Int64(clamping: up ? whole + (rest > 0 ? 1 : 0) : whole - (rest < 0 ? 1 : 0))
  }

  // Mutating, though they only read: a struct of this size would be copied.

  /// The band that a price belongs to.
  mutating func band(of price: Int64) -> Int {
    var found = 0
    for i in 1..<max(1, Int(bandCount)) where price >= bands[i].from { found = i }
    return found
  }
  /// The step of the grid at a price.
  mutating func step(at price: Int64) -> Int64 { bands[band(of: price)].step }
  mutating func isOnGrid(_ price: Int64) -> Bool { bands[band(of: price)].test.divides(price) }
}

/// Prices from here on are multiples of the step.
struct PriceBand: BitwiseCopyable {
  var from: Int64 = 0
  var step: Int64 = 1
  var test = DivisibilityTest(1)

  init() {}
  init(_ band: PriceGrid.Band, exponent: Int8, _ facts: InstrumentFacts) {
    from = rescaled(band.from, from: exponent, to: facts.priceExponent) ?? .max
    let own = rescaled(band.step, from: exponent, to: facts.priceExponent)
    step = band.step == 0 ? facts.tick : max(1, own ?? .max)
    test = DivisibilityTest(step)
  }
}
