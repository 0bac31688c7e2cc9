/// Trading states, the stock directory, and how books become whole.
extension ITCHMarket {
  /// Applies the records that are not orders or trades.
  @_noLocks @inline(never) func applyState(_ r: UnsafePointer<MarketRecord>) -> MarketChange {
    typealias Kind = ITCHDecoder.Kind
    let locate = unsafe r.pointee.locate
    let stated = unsafe stated(locate)
    let low = unsafe UInt8(truncatingIfNeeded: r.pointee.code)
    switch unsafe r.pointee.kind {
    case Kind.systemEvent:
      return applySystemEvent(low)
    case Kind.directory:
      unsafe stated.pointee.roundLot = r.pointee.shares
      unsafe compare(r)
      return unsafe bind(locate, r.pointee.symbol)
    case Kind.tradingAction:
      unsafe stated.pointee.statusTime = r.pointee.sessionTime
      unsafe stated.pointee.haltReason = UInt32(truncatingIfNeeded: r.pointee.detail)
      unsafe stated.pointee.tradingState = low
      return publishStates(locate)
    case Kind.operationalHalt:
      unsafe applyOperationalHalt(r)
      return publishStates(locate)
    case Kind.regSHO:
      unsafe stated.pointee.regSHO = low
      return publishStates(locate)
    case Kind.auctionCollar:
      unsafe stated.pointee.collar.upper = r.pointee.price
      unsafe stated.pointee.collar.lower = r.pointee.shares
      unsafe stated.pointee.collar.reference = UInt32(truncatingIfNeeded: r.pointee.detail)
      unsafe stated.pointee.collar.extensions = UInt32(truncatingIfNeeded: r.pointee.detail >> 32)
      return .collarChanged
    case Kind.breakerLevels:
      unsafe feed.pointee.breakerLevel1 = r.pointee.reference
      unsafe feed.pointee.breakerLevel2 = r.pointee.second
      unsafe feed.pointee.breakerLevel3 = r.pointee.detail
      return .marketChanged
    case Kind.breakerStatus:
      unsafe feed.pointee.breachedLevel = max(feed.pointee.breachedLevel, low)
      unsafe feed.pointee.breachTime = r.pointee.sessionTime
      publishAll(statesOnly: true)
      return MarketChange.marketChanged.union(.statusChanged)
    case Kind.broken:
      return .tradeBroken
    default:
      return .empty
    }
  }

  @_noLocks private func applySystemEvent(_ event: UInt8) -> MarketChange {
    unsafe channel.pointee.set(hours: MarketHours(itch: event))
    // Start of messages: nothing came before, so nothing is missing.
    guard event == UInt8(ascii: "O"), books.live == 0, unsafe !channel.pointee.isLoading,
      unsafe !feed.pointee.hasLost
    else { return .marketChanged }
    return MarketChange.marketChanged.union(becomeWhole())
  }

  @_noLocks private func applyOperationalHalt(_ r: UnsafePointer<MarketRecord>) {
    let stated = unsafe stated(r.pointee.locate)
    let market: UInt8 =
      switch unsafe UInt8(truncatingIfNeeded: r.pointee.code >> 8) {
      case UInt8(ascii: "Q"): 1
      case UInt8(ascii: "B"): 2
      case UInt8(ascii: "X"): 4
      default: 8
      }
    if unsafe UInt8(truncatingIfNeeded: r.pointee.code) == UInt8(ascii: "T") {
      unsafe stated.pointee.operationalHalts &= ~market
    } else {
      unsafe stated.pointee.operationalHalts |= market
    }
  }

  /// Holds R against what was given at start-up; see ``FeedDirectory``.
  @_noLocks private func compare(_ r: UnsafePointer<MarketRecord>) {
    let entry = unsafe name(r.pointee.symbol)
    let stated = unsafe stated(r.pointee.locate)
    let feed = unsafe feed
    if unsafe entry.pointee.instrument == 0 {
      guard unsafe stated.pointee.counted & 1 == 0 else { return }
      unsafe stated.pointee.counted |= 1
      unsafe feed.pointee.directory.unlisted &+= 1
      unsafe feed.pointee.directory.lastUnlisted = r.pointee.symbol
      return
    }
    guard unsafe r.pointee.shares != entry.pointee.roundLot, unsafe stated.pointee.counted & 2 == 0
    else { return }
    unsafe stated.pointee.counted |= 2
    unsafe feed.pointee.directory.unequalLots &+= 1
    unsafe feed.pointee.directory.lastUnequalLot = r.pointee.symbol
    unsafe feed.pointee.directory.lastLot = r.pointee.shares
  }

  /// Binds a locate to the instrument of that symbol, if there is one; the last word counts.
  @_noLocks func bind(_ locate: UInt16, _ symbol: UInt64) -> MarketChange {
    let stated = unsafe stated(locate)
    books.setSymbol(locate, symbol)
    let wanted = unsafe name(symbol).pointee.instrument
    let bound = unsafe stated.pointee.instrument
    guard wanted != bound else { return .empty }
    if bound != 0 {
      unsafe locates[Int(bound &- 1)] = 0
      quotes.forget(Int(bound &- 1))
    }
    unsafe stated.pointee.instrument = wanted
    guard wanted != 0 else { return .empty }
    let old = unsafe locates[Int(wanted &- 1)]
    if old != 0 {
      unsafe self.stated(UInt16(truncatingIfNeeded: old &- 1)).pointee.instrument = 0
    } else {
      unsafe feed.pointee.directory.named &+= 1
    }
    unsafe locates[Int(wanted &- 1)] = UInt32(locate) &+ 1
    publish(locate)
    return .bound
  }

  // MARK: Into the view

  /// Writes all of what is known of a locate into the view, if it is an instrument of ours.
  @_noLocks @inline(never) func publish(_ locate: UInt16) {
    _ = publishStates(locate)
    let bound = unsafe stated(locate).pointee.instrument
    guard bound != 0 else { return }
    let i = Int(bound &- 1)
    _ = unsafe setTop(locate, i, at: channel.pointee.lastTime)
  }

  @_noLocks private func publishStates(_ locate: UInt16) -> MarketChange {
    let bound = unsafe stated(locate).pointee.instrument
    guard bound != 0 else { return .empty }
    let i = Int(bound &- 1)
    let letter = unsafe stated(locate).pointee.regSHO
    let changed = quotes.setStates(
      i, status: status(locate, of: i),
      shortSale: letter == 0 ? quotes[i].givenShortSale : ShortSaleRule(itch: letter),
      isComplete: !books.hasDropped(locate))
    var change = MarketChange.empty
    if changed.status { change.formUnion(.statusChanged) }
    if changed.shortSale { change.formUnion(.shortSaleChanged) }
    return change
  }

  /// What H said, or the instruments file before it; an operational halt or a market-wide breach since then
  /// overrides it.
  @_noLocks private func status(_ locate: UInt16, of i: Int) -> MarketStatus {
    let stated = unsafe stated(locate)
    let letter = unsafe stated.pointee.tradingState
    let status = letter == 0 ? quotes[i].givenStatus : MarketStatus(itch: letter)
    guard status.isTrading else { return status }
    let breach = unsafe feed.pointee.breachTime
    let isBreached = unsafe breach != 0 && stated.pointee.statusTime <= breach
    return unsafe isBreached || stated.pointee.operationalHalts & 1 != 0 ? .halted : status
  }

  @_noLocks private func publishAll(statesOnly: Bool = false) {
    var i = 0
    while i < instrumentCount {
      let bound = unsafe locates[i]
      let locate = UInt16(truncatingIfNeeded: bound &- 1)
      if bound != 0, statesOnly { _ = publishStates(locate) }
      if bound != 0, !statesOnly { publish(locate) }
      i &+= 1
    }
  }

  // MARK: Becoming whole

  /// A hole was seen and is being re-requested; nothing after it has been applied. No book is whole meanwhile.
  @_noLocks public func gapDetected() {
    unsafe channel.pointee.openGap()
    unsafe feed.pointee.gaps &+= 1
  }

  /// The hole is still there after the time that strategies are to bear it: ``Quotes/awaitsRepair(_:)`` ends.
  @_noLocks public func repairIsLate() { unsafe channel.pointee.findRepairLate() }

  /// What is applied from now on was sent too long ago for anything new to rest on it, until ``feedIsTimely()``: the
  /// thread was not run, or reads more slowly than data comes.
  @_noLocks public func feedIsLate() { unsafe channel.pointee.set(late: true) }
  @_noLocks public func feedIsTimely() { unsafe channel.pointee.set(late: false) }

  /// The hole was filled and its messages applied in order: the books are as whole as before it.
  @_noLocks public func gapRepaired() { unsafe channel.pointee.closeGap() }

  /// The hole could not be filled, or messages were lost otherwise: no book is whole until a snapshot.
  @_noLocks public func gapLost(missing: UInt64) {
    unsafe feed.pointee.missing &+= missing
    lose()
  }

  /// Empties every book to load a snapshot of all of them; nothing is tradable until ``endSnapshot(next:)``.
  @_noLocks public func beginSnapshot() {
    unsafe channel.pointee.beginLoading()
    books.resetAll()
    publishAll()
  }

  /// The snapshot is loaded; the feed goes on at `next`. Live records kept back meanwhile are applied
  /// now: those below `next` are in the snapshot and are ignored, one above it is a gap.
  @_noLocks public func endSnapshot(next: UInt64) {
    unsafe channel.pointee.endLoading()
    unsafe feed.pointee.expected = next
    publishAll()
  }

  /// A new session or day: every book is emptied, states and counters of the feed start afresh;
  /// bindings of locates go too.
  @_noLocks public func startSession() {
    books.resetAll()
    unsafe feed.pointee = FeedState()
    unsafe channel.pointee = QuoteChannel()
    if settings.startsWhole { unsafe channel.pointee.becomeWhole() }
    var locate = 0
    while locate < OrderBooks.locates {
      books.setSymbol(UInt16(truncatingIfNeeded: locate), 0)
      unsafe stated(UInt16(truncatingIfNeeded: locate)).pointee = LocateState()
      locate &+= 1
    }
    var instrument = 0
    while instrument < instrumentCount {
      unsafe locates[instrument] = 0
      quotes.forget(instrument)
      instrument &+= 1
    }
  }
}
