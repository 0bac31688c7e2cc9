/// Applying records. On the engine's thread, one writer.
extension PriceBooks {
  /// What a record changed, and of which instrument; `none` when it is about all of the feed.
  @frozen @usableFromInline struct Effect: BitwiseCopyable {
    var change = MarketChange.empty
    var instrument = InstrumentID.none
    init() {}
    init(_ change: MarketChange) { self.change = change }
    init(_ change: MarketChange, _ i: Int) {
      self.change = change
      instrument = InstrumentID(raw: UInt32(truncatingIfNeeded: i))
    }
  }

  /// Applies one record of a feed. What can't be believed is counted and changes nothing.
  func apply(_ r: FeedRecord, _ channel: UInt8) -> Effect {
    let feed = Int(channel)
    guard feed < Quotes.channelsMax, let bindings = feeds[feed].bindings else { return Effect() }
    feeds[feed].counters.applied &+= 1
    let time = r.sessionTime
    if !quotes.heard(channel, at: time) { feeds[feed].counters.backwards &+= 1 }
    let number = r.instrument
    guard number < UInt32(truncatingIfNeeded: Self.numbersMax) else {
      return applyToAll(r, channel)
    }
    let binding = bindings[Int(number)]
    let bound = binding.instrument
    guard bound != 0 else {
      feeds[feed].counters.unlisted &+= 1
      return Effect()
    }
    let i = Int(bound &- 1)
    if r.flags.rawValue & FeedRecord.Flags.refresh.rawValue != 0, isKnown(r.kind, i) {
      feeds[feed].counters.refreshed &+= 1
      quotes.touch(i, at: time)
      return Effect()
    }
    // The raw values of ``FeedRecord/Kind``: what comes from outside may be none.
    let change: MarketChange
    switch r.kind {
    case 0x4c: change = level(r, i, binding, feed)
    case 0x51: change = quote(r, i, binding, feed)
    case 0x54: change = trade(r, i, binding, feed)
    default: change = state(r, i, feed)
    }
    // What can't be is no sign of life.
    if !change.contains(.anomaly) { quotes.touch(i, at: time) }
    return Effect(change, i)
  }

  /// There is nothing to be learnt from what is said again. Never inlined: beside the path of what is new.
  @inline(never) private func isKnown(_ kind: UInt8, _ i: Int) -> Bool {
    switch kind {
    case FeedRecord.Kind.quote.rawValue: books[i].isQuoted
    // It may be what was lost.
    case FeedRecord.Kind.status.rawValue: false
    default: books[i].isWhole
    }
  }

  // MARK: Books

  @inline(__always) private func level(
    _ r: FeedRecord, _ i: Int, _ binding: FeedBinding,
    _ feed: Int
  ) -> MarketChange {
    let isBid = r.side == FeedRecord.buy
    guard isBid || r.side == FeedRecord.sell else { return malformed(feed) }
    let (price, quantity) = scaled(r.price, r.quantity, binding)
    guard isFit(price, quantity, i) else { return refuse(price, quantity, i, feed) }
    var side: PriceSide.Change
    if isBid {
      side =
        quantity == 0
        ? books[i].bids.remove(price) : books[i].bids.set(price, quantity)
    } else {
      let key = 0 &- price
      side =
        quantity == 0
        ? books[i].asks.remove(key) : books[i].asks.set(key, quantity)
    }
    var change = MarketChange.empty
    switch side {
    case .nothing: break
    case .depth: change = .depthChanged
    case .top:
      change = .depthChanged
      books[i].isTopNew = true
    }
    guard r.flags.rawValue & FeedRecord.Flags.last.rawValue != 0 else {
      return change
    }
    return change.union(endEvent(r, i))
  }

  /// The venue's event is told whole: its touch is one that was there.
  @inline(__always) private func endEvent(_ r: FeedRecord, _ i: Int) -> MarketChange {
    var change = MarketChange.empty
    let ends = books[i].isLoading
    let isCut = books[i].bids.isCut || books[i].asks.isCut
    if ends || isCut { change = settle(i) }
    guard books[i].isTopNew else { return change }
    let sequence = r.sequence
    // A quote that is newer stands; and so does any where the book is not whole.
    let isNews =
      books[i].isWhole
      ? sequence >= books[i].quoteSequence : !books[i].isQuoted
    guard isNews else { return change }
    books[i].isTopNew = false
    books[i].quoteSequence = sequence
    return change.union(write(top(i), i, at: r.sessionTime))
  }

  /// A snapshot ends, or a book that was cut has to show that its touch is known.
  @inline(never) private func settle(_ i: Int) -> MarketChange {
    if books[i].isLoading {
      books[i].isLoading = false
      books[i].isWhole = true
    }
    let isKnown = books[i].bids.isTopKnown && books[i].asks.isTopKnown
    if !isKnown { books[i].isWhole = false }
    return tellWhole(i)
  }

  /// The view says whether the instrument is whole; the gate of a quote that stands goes with it.
  private func tellWhole(_ i: Int) -> MarketChange {
    let isComplete = books[i].isWhole || books[i].isQuoted
    guard quotes[i].isComplete != isComplete || !quotes[i].isNamed else { return .empty }
    let row = quotes[i]
    _ = quotes.setStates(i, status: row.status, shortSale: row.shortSale, isComplete: isComplete)
    books[i].isTopNew = true
    return .wholenessChanged
  }

  @inline(__always) private func top(_ i: Int) -> Quote {
    let bid = books[i].bids[0]
    let ask = books[i].asks[0]
    return Quote(
      bid: Price(raw: bid?.key ?? 0), ask: Price(raw: 0 &- (ask?.key ?? 0)),
      bidQuantity: Quantity(raw: bid?.quantity ?? 0),
      askQuantity: Quantity(raw: ask?.quantity ?? 0))
  }

  @inline(__always) private func write(
    _ quote: Quote, _ i: Int, at time: Int64
  ) -> MarketChange {
    quotes.set(i, quote, at: time)
      ? MarketChange.topChanged.union(.qualityChanged) : .topChanged
  }

  // MARK: Quotes

  @inline(__always) private func quote(
    _ r: FeedRecord, _ i: Int, _ binding: FeedBinding,
    _ feed: Int
  ) -> MarketChange {
    let sequence = r.sequence
    if sequence != 0, sequence < books[i].quoteSequence {
      feeds[feed].counters.older &+= 1
      return .empty
    }
    let side = r.side
    guard side == 0 || side == FeedRecord.buy || side == FeedRecord.sell else {
      return malformed(feed)
    }
    var quote = quotes.quote(InstrumentID(raw: UInt32(truncatingIfNeeded: i)))
    if side != FeedRecord.sell {
      let (price, quantity) = scaled(r.price, r.quantity, binding)
      guard isFitOrEmpty(price, quantity, i) else {
        return refuse(price, quantity, i, feed)
      }
      quote.bid = Price(raw: quantity == 0 ? 0 : price)
      quote.bidQuantity = Quantity(raw: quantity)
    }
    if side != FeedRecord.buy {
      let (price, quantity) = scaled(r.askPrice, r.askQuantity, binding)
      guard isFitOrEmpty(price, quantity, i) else {
        return refuse(price, quantity, i, feed)
      }
      quote.ask = Price(raw: quantity == 0 ? 0 : price)
      quote.askQuantity = Quantity(raw: quantity)
    }
    var change = MarketChange.empty
    if !books[i].isQuoted {
      books[i].isQuoted = true
      change = tellWhole(i)
    }
    books[i].isTopNew = false
    books[i].quoteSequence = sequence
    return change.union(write(quote, i, at: r.sessionTime))
  }

  // MARK: Trades

  private func trade(
    _ r: FeedRecord, _ i: Int, _ binding: FeedBinding,
    _ feed: Int
  ) -> MarketChange {
    let (price, quantity) = scaled(r.price, r.quantity, binding)
    guard isFit(price, quantity, i), quantity > 0 else {
      // A print that can't be held says nothing of the book.
      if quantity == .min || price == .min {
        feeds[feed].counters.unrepresentable &+= 1
        return .empty
      }
      return malformed(feed)
    }
    var resting: Side?
    if r.side == FeedRecord.buy { resting = .sell }
    if r.side == FeedRecord.sell { resting = .buy }
    unsafe state.pointee.trade = Trade(
      instrument: InstrumentID(raw: UInt32(truncatingIfNeeded: i)), price: Price(raw: price),
      quantity: Quantity(raw: quantity), restingSide: resting, matchNumber: r.reference)
    quotes.traded(
      i,
      LastTrade(
        price: Price(raw: price), quantity: Quantity(raw: quantity), time: r.sessionTime))
    return .trade
  }

  // MARK: Believing

  /// At the instrument's exponents; `.min` for what is too large there.
  @inline(__always) private func scaled(
    _ price: Int64, _ quantity: Int64, _ binding: FeedBinding
  ) -> (Int64, Int64) {
    let (p, wide) = price.multipliedReportingOverflow(by: binding.priceScale)
    let (q, over) = quantity.multipliedReportingOverflow(by: binding.quantityScale)
    return (
      wide || p.magnitude > Self.mantissaMax ? .min : p,
      over || q.magnitude > Self.mantissaMax ? .min : q
    )
  }

  @inline(__always) private func isFit(
    _ price: Int64, _ quantity: Int64, _ i: Int
  ) -> Bool {
    let isPrice = price > 0 || books[i].facts.allowsNegativePrices && price != .min
    return isPrice && quantity >= 0
  }

  /// Where nobody bids, the price is nothing.
  @inline(__always) private func isFitOrEmpty(
    _ price: Int64, _ quantity: Int64, _ i: Int
  ) -> Bool {
    quantity == 0 || isFit(price, quantity, i)
  }

  /// What stands is no longer all that there is, where a level or a quote could not be held.
  @inline(never) private func refuse(
    _ price: Int64, _ quantity: Int64, _ i: Int, _ feed: Int
  ) -> MarketChange {
    guard price == .min || quantity == .min else { return malformed(feed) }
    feeds[feed].counters.unrepresentable &+= 1
    return lose(i)
  }

  @inline(never) private func malformed(
    _ feed: Int
  ) -> MarketChange {
    feeds[feed].counters.malformed &+= 1
    return .anomaly
  }

  // MARK: States

  @inline(never) private func state(
    _ r: FeedRecord, _ i: Int, _ feed: Int
  ) -> MarketChange {
    switch r.kind {
    case 0x43: return clear(r, i)
    case 0x47:
      feeds[feed].counters.gaps &+= 1
      feeds[feed].counters.missing &+= UInt64(max(0, r.quantity))
      return lose(i)
    case 0x48:
      let detail = r.detail
      guard let status = MarketStatus(code: detail) else { return malformed(feed) }
      let row = quotes[i]
      let changed = quotes.setStates(
        i, status: status, shortSale: row.shortSale, isComplete: row.isComplete)
      return changed.status ? .statusChanged : .empty
    case 0x41, 0x4d, 0x58, 0x44, 0x45:
      feeds[feed].counters.orders &+= 1
      return lose(i)
    default:
      return malformed(feed)
    }
  }

  private func clear(_ r: FeedRecord, _ i: Int) -> MarketChange {
    let flags = r.flags.rawValue
    let isLast = flags & FeedRecord.Flags.last.rawValue != 0
    let isSnapshot = flags & FeedRecord.Flags.snapshot.rawValue != 0
    books[i].bids.clear()
    books[i].asks.clear()
    books[i].isLoading = isSnapshot && !isLast
    books[i].isWhole = !isSnapshot || isLast
    books[i].quoteSequence = r.sequence
    let change = tellWhole(i)
    // While it is built up nothing stands there; a quote that does not come from the book stays.
    if books[i].isQuoted { return change }
    books[i].isTopNew = true
    return change.union(write(top(i), i, at: r.sessionTime))
  }

  /// Messages are missing: what stands is not all that there is.
  func lose(_ i: Int) -> MarketChange {
    books[i].isWhole = false
    books[i].isLoading = false
    books[i].isQuoted = false
    books[i].quoteSequence = 0
    let change = tellWhole(i)
    guard !change.isEmpty else { return change }
    let quote = quotes.quote(InstrumentID(raw: UInt32(truncatingIfNeeded: i)))
    return change.union(write(quote, i, at: quotes[i].time))
  }

  /// A record about all instruments of the feed.
  @inline(never) private func applyToAll(
    _ r: FeedRecord, _ channel: UInt8
  ) -> Effect {
    let feed = Int(channel)
    let kind = r.kind
    guard r.instrument == FeedRecord.all,
      kind == FeedRecord.Kind.clear.rawValue || kind == FeedRecord.Kind.gap.rawValue
        || kind == FeedRecord.Kind.status.rawValue
    else {
      _ = malformed(feed)
      return Effect()
    }
    if kind == FeedRecord.Kind.gap.rawValue {
      return Effect(lose(channel, missing: UInt64(max(0, r.quantity))))
    }
    var effect = Effect()
    var i = 0
    while i < count {
      if quotes[i].channel == channel { effect.change.formUnion(state(r, i, feed)) }
      i &+= 1
    }
    effect.change.formUnion(.marketChanged)
    return effect
  }

  // MARK: The feed's holes

  /// A hole was seen and is being re-requested; nothing after it has been applied. No quote of the feed is whole
  /// meanwhile.
  public func gapDetected(_ channel: UInt8) {
    if isFeed(channel) { unsafe quotes.channel(channel).pointee.openGap() }
  }
  /// The hole was filled and its messages applied in order.
  public func gapRepaired(_ channel: UInt8) {
    if isFeed(channel) { unsafe quotes.channel(channel).pointee.closeGap() }
  }
  /// The hole is still there after the time that strategies are to bear it: ``Quotes/awaitsRepair(_:)`` ends.
  public func repairIsLate(_ channel: UInt8) {
    if isFeed(channel) { unsafe quotes.channel(channel).pointee.findRepairLate() }
  }
  /// What is applied from now on was sent too long ago for anything new to rest on it; and no longer.
  public func set(_ channel: UInt8, late: Bool) {
    if isFeed(channel) { unsafe quotes.channel(channel).pointee.set(late: late) }
  }
  /// Session nanoseconds since the feed's last message; `Int64.max` before the first.
  public func feedAge(_ channel: UInt8, now: Int64) -> Int64 {
    isFeed(channel)
      ? unsafe Quotes.age(of: quotes.channel(channel).pointee.lastTime, now: now) : .max
  }

  /// Messages of the feed are lost for good: none of its instruments is whole until it is told anew.
  @discardableResult
  public func lose(_ channel: UInt8, missing: UInt64 = 0) -> MarketChange {
    guard isFeed(channel) else { return .empty }
    let feed = Int(channel)
    feeds[feed].counters.gaps &+= 1
    feeds[feed].counters.missing &+= missing
    var i = 0
    while i < count {
      if quotes[i].channel == channel { _ = lose(i) }
      i &+= 1
    }
    return MarketChange.marketChanged.union(.wholenessChanged)
  }
}
