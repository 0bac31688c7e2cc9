public import ExecutionCore

extension CapturedInstrument {
  /// How a recording describes an instrument of ours. What it does not hold is left out: previous
  /// close, volume, smallest notional, states.
  public init(_ facts: InstrumentFacts, contents: Contents) {
    self.init(
      symbol: "\(facts.symbol)", priceExponent: Int(facts.priceExponent),
      quantityExponent: Int(facts.quantityExponent))
    tick = facts.tick
    lot = facts.roundLot
    currency = "\(facts.currency)"
    multiplier = facts.multiplier
    multiplierExponent = Int(facts.multiplierExponent)
    self.contents = contents
  }

  /// The instrument as an engine or a market takes it: what the source does not say is the least that
  /// can be, a currency the dollar. It trades until the recording says otherwise.
  public var facts: InstrumentFacts {
    var facts = InstrumentFacts(symbol: Symbol(symbol) ?? .none)
    facts.priceExponent = Int8(clamping: priceExponent)
    facts.quantityExponent = Int8(clamping: quantityExponent)
    facts.multiplierExponent = Int8(clamping: multiplierExponent)
    facts.multiplier = max(1, multiplier)
    facts.tick = max(1, tick)
    facts.roundLot = max(1, lot)
    facts.currency = Currency(currency) ?? .usDollar
    facts.status = .trading
    return facts
  }
}
