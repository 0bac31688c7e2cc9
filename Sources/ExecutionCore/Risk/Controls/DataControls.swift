/// The market that an order stands on: session, status, whole book, a quote that is good and not old.
extension EngineState {
  /// Session, status and the data that the order stands on.
  mutating func checkMarket(_ t: OrderTerms, reducing: Bool) -> Refusal? {
    let instrument = InstrumentID(raw: UInt32(t.instrument))
    let hours = quotes.hours(instrument)
    guard hours.isOpen || !ports.listings[t.listing].needsMarketHours else {
      return Refusal(
        .sessionClosed, scope: .instrument, limit: Int128(MarketHours.open.code),
        observed: Int128(hours.code))
    }
    let status = quotes.status(instrument)
    guard quotes.isNamed(instrument), status.code != MarketStatus.unknown.code else {
      return Refusal(
        .noInstrumentState, scope: .instrument, limit: Int128(MarketStatus.trading.code),
        observed: 0)
    }
    guard status.isTrading else {
      return Refusal(
        .halted, scope: .instrument, limit: Int128(MarketStatus.trading.code),
        observed: Int128(status.code))
    }
    guard quotes.isWhole(instrument) else {
      return Refusal(.bookNotWhole, scope: .instrument, limit: 1, observed: 0)
    }
    guard quotes.goodQuote(instrument, now: sessionTime).isKnown else {
      return Refusal(.noReferencePrice, scope: .instrument, limit: 0, observed: 0)
    }
    return reducing ? nil : checkData(instrument)
  }

  /// The quote is not crossed, and neither it nor the feed is too old.
  private mutating func checkData(_ instrument: InstrumentID) -> Refusal? {
    let gates = quotes.gates(instrument, now: sessionTime)
    if gates.contains(.crossed) {
      let quote = quotes.quote(instrument)
      return Refusal(
        .crossedBook, scope: .instrument, limit: Int128(quote.ask.raw),
        observed: Int128(quote.bid.raw))
    }
    let age = quotes.feedAge(instrument, now: sessionTime)
    guard age <= limits.settings.dataAgeMax, age >= 0 else {
      return Refusal(
        .staleData, scope: .instrument, limit: Int128(limits.settings.dataAgeMax),
        observed: Int128(age))
    }
    if quotes.isLate(instrument) {
      return Refusal(.lateData, scope: .instrument, limit: 0, observed: 0)
    }
    if gates.contains(.stale) {
      return Refusal(
        .staleData, scope: .instrument, limit: Int128(limits.settings.symbolAgeMax),
        observed: Int128(quotes.age(instrument, now: sessionTime)))
    }
    // The present quote fails a gate, and the last good one is being kept: not for ever.
    let since = quotes.failingSince(instrument)
    let kept = since == 0 ? 0 : sessionTime &- since
    guard kept <= limits.settings.goodQuoteAgeMax else {
      return Refusal(
        .staleData, scope: .instrument, limit: Int128(limits.settings.goodQuoteAgeMax),
        observed: Int128(kept))
    }
    return nil
  }
}

extension Quotes {
  /// The market is open, the instrument trades, its book is whole, and its present quote fails no gate and is
  /// not old. False is no verdict.
  @inline(__always) func passes(_ i: Int, now: Int64, _ bounds: MarketBounds) -> Bool {
    let channel = channel(of: i)
    // `now` is never below 0, so that a difference that wraps is below 0.
    let silence = now &- channel.lastTime
    let age = now &- self[i].lastTime
    return channel.isOpenAndWhole && silence >= 0 && silence <= bounds.feedAgeMax && age >= 0
      && age <= bounds.symbolAgeMax && self[i].gates.isEmpty && self[i].status.isTrading
  }
}
