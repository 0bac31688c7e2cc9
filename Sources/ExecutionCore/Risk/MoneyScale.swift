/// What the product of a price and a quantity of an instrument is multiplied and divided by to be money at 10⁻⁸: its
/// exponents and its multiplier.
///
/// Money holds most products exactly. Where price and quantity together are finer than 10⁻⁸ each value is rounded to
/// the nearest 10⁻⁸, half away from zero, once: what is booked and what is taken back are the same.
struct MoneyScale: BitwiseCopyable, Equatable {
  private(set) var factor: Int64 = 1
  /// A power of ten.
  private(set) var divisor: Int64 = 1

  /// Finest sum of exponents, and the largest factor.
  static var exponentMin: Int { -26 }
  static var factorMax: Int128 { 1_000_000_000_000_000 }

  init() {}
  /// The configuration has been checked.
  init(_ facts: InstrumentFacts) {
    let scale = Self.wide(facts)
    factor = Int64(clamping: scale.factor)
    divisor = Int64(clamping: scale.divisor)
  }

  /// In lowest terms as far as tens go.
  static func wide(_ facts: InstrumentFacts) -> (factor: Int128, divisor: Int128) {
    let exponent =
      Int(facts.priceExponent) + Int(facts.quantityExponent) + Int(facts.multiplierExponent) + 8
    var factor = Int128(facts.multiplier)
    var divisor: Int128 = 1
    for _ in 0..<max(0, exponent) { factor *= 10 }
    for _ in 0..<max(0, 0 - exponent) { divisor *= 10 }
    while divisor > 1, factor % 10 == 0 {
      factor /= 10
      divisor /= 10
    }
    return (factor, divisor)
  }

  /// Money for a quantity at a price; nil where 128 bits are too few for it.
  func money(_ price: Int64, _ quantity: Int64) -> Int128? {
    let (product, over) = (Int128(price) &* Int128(quantity)).multipliedReportingOverflow(
      by: Int128(factor))
    guard !over else { return nil }
    if divisor == 1 { return product }
    let (whole, rest) = product.quotientAndRemainder(dividingBy: Int128(divisor))
    guard rest.magnitude &* 2 >= UInt128(divisor) else { return whole }
    return product < 0 ? whole &- 1 : whole &+ 1
  }

  /// For a limit: whatever the sign, and rounded up.
  func magnitude(_ price: Int64, _ quantity: Int64) -> Int128? {
    let (product, over) = (Int128(price) &* Int128(quantity)).multipliedReportingOverflow(
      by: Int128(factor))
    guard !over, product != .min else { return nil }
    let magnitude = product < 0 ? 0 &- product : product
    if divisor == 1 { return magnitude }
    let (whole, rest) = magnitude.quotientAndRemainder(dividingBy: Int128(divisor))
    return rest == 0 ? whole : whole &+ 1
  }
}

extension InstrumentFacts {
  /// What a quantity at a price comes to, its multiplier included: rounded to the nearest 10⁻⁸ of the currency, half away
  /// from zero, where exponents are finer than that. nil where 128 bits are too few for it. Cold: works the scale out.
  ///
  /// ```swift
  /// future.value(of: Quantity(raw: 2), at: Price(raw: 5_000_25))  // of an E-mini at 10⁻²: 500,025.00
  /// ```
  public func value(of quantity: Quantity, at price: Price) -> Money? {
    guard problem == nil else { return nil }
    return MoneyScale(self).money(price.raw, quantity.raw).map { Money(raw: $0) }
  }
}

extension FeeSchedule {
  /// What an execution costs, as the engine books it; nil for a flag that is in neither table, where there is one.
  public func fee(
    _ liquidity: UInt8, of quantity: Quantity, at price: Price, in instrument: InstrumentFacts
  ) -> Int64? {
    let isOnePrice = perUnit.isEmpty && perNotional.isEmpty
    guard isOnePrice || perUnit[liquidity] != nil || perNotional[liquidity] != nil else {
      return nil
    }
    let fee = Fee(
      perUnit: isOnePrice ? unknown : perUnit[liquidity] ?? 0,
      perNotional: perNotional[liquidity] ?? 0)
    return fee.of(
      quantity.raw, unit: RiskInstrument.power(0 - Int(instrument.quantityExponent)),
      value: instrument.value(of: quantity, at: price)?.raw)
  }
}

/// Where the limits of firm, account and strategy, which are the same for all instruments, hold for those of one kind:
/// their quantities are in whole units, their notionals at 10⁻⁸.
struct LimitScale: BitwiseCopyable, Hashable {
  /// Mantissas of a whole unit.
  let unit: Int64
  /// See ``MoneyScale``.
  let divisor: Int64

  init(_ facts: InstrumentFacts) {
    unit = RiskInstrument.power(0 - Int(facts.quantityExponent))
    divisor = MoneyScale(facts).divisor
  }

  /// `.max`, which is no limit, stays.
  static func scaled(_ limit: Int64, by power: Int64) -> Int64 {
    let (product, over) = limit.multipliedReportingOverflow(by: power)
    return over ? .max : product
  }
}

extension InstrumentFacts {
  /// What a quantity comes to at a price, both at the instrument's exponents; nil where no money can hold it, or the facts
  /// are none that an engine takes.
  ///
  /// ```swift
  /// let lot = bitcoin.notional(price: bitcoin.previousClose, quantity: bitcoin.roundLot)
  /// ```
  public func notional(price: Int64, quantity: Int64) -> Money? {
    guard (-12...2).contains(priceExponent), (-9...0).contains(quantityExponent),
      (-9...9).contains(multiplierExponent), multiplier > 0
    else { return nil }
    return MoneyScale(self).money(price, quantity).map { Money(raw: $0) }
  }
}
