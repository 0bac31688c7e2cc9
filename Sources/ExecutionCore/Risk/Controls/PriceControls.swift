/// At what price: what the venue takes, its grid, the collars around the previous close and around the middle of the
/// last good quote.
extension EngineState {
  mutating func checkVenuePrice(_ t: OrderTerms) -> Refusal? {
    let least = ports.listings[t.listing].priceMin
    let most = ports.listings[t.listing].priceMax
    guard t.price >= least, t.price <= most else {
      return Refusal(
        .badPrice, scope: .order, limit: Int128(t.price < least ? least : most),
        observed: Int128(t.price))
    }
    return nil
  }

  mutating func checkTick(_ t: OrderTerms) -> Refusal? {
    guard ports.listings[t.listing].isOnGrid(t.price) else {
      return Refusal(
        .tickSize, scope: .instrument, limit: Int128(ports.listings[t.listing].step(at: t.price)),
        observed: Int128(t.price))
    }
    return nil
  }

  /// The exchange's price bands, and unless the order is reducing our own around the previous close.
  mutating func checkStaticCollar(_ t: OrderTerms, reducing: Bool) -> Refusal? {
    func refusal(_ limit: Int64) -> Refusal {
      Refusal(.staticCollar, scope: .instrument, limit: Int128(limit), observed: Int128(t.price))
    }
    let r = instruments[t.instrument]
    if r.lowerBand > 0, t.price < r.lowerBand { return refusal(r.lowerBand) }
    if r.upperBand > 0, t.price > r.upperBand { return refusal(r.upperBand) }
    if reducing { return nil }
    guard r.knowsPreviousClose else { return refusal(r.previousClose) }
    if t.price < r.lowest { return refusal(r.lowest) }
    return t.price > r.highest ? refusal(r.highest) : nil
  }

  /// All is doubled instead of halved, and multiplied by the 10,000 basis points of the whole instead of divided.
  mutating func checkDynamicCollar(_ t: OrderTerms) -> Refusal? {
    let good = quotes.goodQuote(InstrumentID(raw: UInt32(t.instrument)), now: sessionTime)
    let doubled = Int128(good.bid.raw) + Int128(good.ask.raw)
    let distance = (Int128(t.price) * 2 - doubled).magnitude
    let share = doubled.magnitude * UInt128(limits.settings.dynamicBasisPoints)
    let absolute = UInt128(limits.settings.dynamicAbsolute) * 20_000
    let width = max(share, absolute)
    guard distance * 10_000 <= width else {
      // The last price to the inside that would have passed.
      let reach = Int128(clamping: width / 10_000)
      let above = Int128(t.price) * 2 > doubled
      let twice = above ? doubled + reach : doubled - reach
      let isWhole = twice & 1 == 0
      let bound = above || isWhole ? twice >> 1 : (twice >> 1) + 1
      return Refusal(.dynamicCollar, scope: .instrument, limit: bound, observed: Int128(t.price))
    }
    return nil
  }

  /// Range, bands and static collar in one, and the grid of its prices.
  @inline(__always) mutating func passesPrice(_ t: OrderTerms) -> Bool {
    let i = t.listing
    return t.price >= limits.instrumentBounds[i].lowest
      && t.price <= limits.instrumentBounds[i].highest
      && limits.instrumentBounds[i].priceTest.divides(t.price)
  }

  /// Of a quote that has passed, see ``Quotes/passes(_:now:_:)``, and of a price that has, which can be doubled.
  @inline(__always) mutating func passesDynamicCollar(_ t: OrderTerms) -> Bool {
    let i = t.instrument
    let (doubled, deep) = quotes[i].bid.addingReportingOverflow(quotes[i].ask)
    let (share, wide) = doubled.multipliedReportingOverflow(by: limits.marketBounds.collarShare)
    let distance = ((t.price &* 2) &- doubled).magnitude
    let (scaled, over) = distance.multipliedReportingOverflow(by: 10_000)
    return !deep && !wide && !over
      && scaled <= max(share, limits.marketBounds.collarAbsolute).magnitude
  }
}
