/// Trading states, the stock directory, and how books become whole.
extension MarketData {
  /// Applies the records that are not orders or trades.
  @_noLocks @inline(never) func applyState(_ r: UnsafePointer<MarketRecord>) -> MarketChange {
    typealias Kind = ITCHDecoder.Kind
    let locate = unsafe r.pointee.locate
    let state = unsafe symbols + Int(locate)
    let hot = unsafe hot(locate)
    let low = unsafe UInt8(truncatingIfNeeded: r.pointee.code)
    switch unsafe r.pointee.kind {
    case Kind.systemEvent:
      return applySystemEvent(low)
    case Kind.directory:
      unsafe state.pointee.roundLot = r.pointee.shares
      return unsafe bind(locate, r.pointee.symbol)
    case Kind.tradingAction:
      let before = status(locate)
      unsafe state.pointee.statusTime = r.pointee.sessionTime
      unsafe state.pointee.haltReason = UInt32(truncatingIfNeeded: r.pointee.detail)
      // A state that is not known stands for no state: risk refuses.
      unsafe hot.pointee.tradingState = low
      return status(locate).code == before.code ? .empty : .statusChanged
    case Kind.operationalHalt:
      return unsafe applyOperationalHalt(r)
    case Kind.regSHO:
      let before = unsafe hot.pointee.regSHO
      unsafe hot.pointee.regSHO = low
      return before == low ? .empty : .regSHOChanged
    case Kind.auctionCollar:
      unsafe state.pointee.collar.upper = r.pointee.price
      unsafe state.pointee.collar.lower = r.pointee.shares
      unsafe state.pointee.collar.reference = UInt32(truncatingIfNeeded: r.pointee.detail)
      unsafe state.pointee.collar.extensions = UInt32(truncatingIfNeeded: r.pointee.detail >> 32)
      return .collarChanged
    case Kind.breakerLevels:
      unsafe feed.pointee.breakerLevel1 = r.pointee.reference
      unsafe feed.pointee.breakerLevel2 = r.pointee.second
      unsafe feed.pointee.breakerLevel3 = r.pointee.detail
      return .marketChanged
    case Kind.breakerStatus:
      unsafe feed.pointee.breachedLevel = max(feed.pointee.breachedLevel, low)
      unsafe feed.pointee.breachTime = r.pointee.sessionTime
      return MarketChange.marketChanged.union(.statusChanged)
    case Kind.broken:
      return .tradeBroken
    default:
      return .empty
    }
  }

  @_noLocks private func applySystemEvent(_ event: UInt8) -> MarketChange {
    unsafe feed.pointee.systemEvent = event
    var change = MarketChange.marketChanged
    // Start of messages: nothing came before, so nothing is missing.
    if event == UInt8(ascii: "O"), books.live == 0, unsafe !feed.pointee.isWhole,
      unsafe !feed.pointee.loading, unsafe feed.pointee.losses == 0
    {
      unsafe feed.pointee.isWhole = true
      change.formUnion(.wholenessChanged)
    }
    return change
  }

  @_noLocks private func applyOperationalHalt(
    _ r: UnsafePointer<MarketRecord>
  ) -> MarketChange {
    let hot = unsafe hot(r.pointee.locate)
    let market: UInt8 =
      switch unsafe UInt8(truncatingIfNeeded: r.pointee.code >> 8) {
      case UInt8(ascii: "Q"): 1
      case UInt8(ascii: "B"): 2
      case UInt8(ascii: "X"): 4
      default: 8
      }
    let before = unsafe status(r.pointee.locate)
    if unsafe UInt8(truncatingIfNeeded: r.pointee.code) == UInt8(ascii: "T") {
      unsafe hot.pointee.operationalHalts &= ~market
    } else {
      unsafe hot.pointee.operationalHalts |= market
    }
    return unsafe status(r.pointee.locate).code == before.code ? .empty : .statusChanged
  }

  /// Binds a locate to the instrument of that symbol, if there is one; the last word counts.
  @_noLocks func bind(_ locate: UInt16, _ symbol: UInt64) -> MarketChange {
    let state = unsafe symbols + Int(locate)
    books.setSymbol(locate, symbol)
    let wanted = unsafe name(symbol).pointee.instrument
    let bound = unsafe state.pointee.instrument
    guard wanted != bound else { return .empty }
    if bound != 0 { unsafe locates[Int(bound &- 1)] = 0 }
    unsafe state.pointee.instrument = wanted
    guard wanted != 0 else { return .empty }
    let old = unsafe locates[Int(wanted &- 1)]
    if old != 0 { unsafe symbols[Int(old &- 1)].instrument = 0 }
    unsafe locates[Int(wanted &- 1)] = UInt32(locate) &+ 1
    return .bound
  }

  /// Gives the states of the instruments file before the feed speaks; the feed overrides them.
  @_noLocks public func seed(_ locate: UInt16, tradingState: UInt8, regSHO: UInt8, time: Int64) {
    let state = unsafe symbols + Int(locate)
    let hot = unsafe hot(locate)
    unsafe hot.pointee.tradingState = tradingState
    unsafe hot.pointee.regSHO = regSHO
    unsafe state.pointee.statusTime = time
  }

  // MARK: Becoming whole

  /// A hole was seen and is being re-requested; nothing after it has been applied. No book is whole meanwhile.
  @_noLocks public func gapDetected() {
    unsafe feed.pointee.gapPending = true
    unsafe feed.pointee.repairIsLate = false
    unsafe feed.pointee.gaps &+= 1
  }

  /// The hole is still there after the time that strategies are to bear it: ``awaitsRepair(_:)`` ends.
  @_noLocks public func repairIsLate() { unsafe feed.pointee.repairIsLate = true }

  /// The hole was filled and its messages applied in order: the books are as whole as before it. Then
  /// ``Engine/booksAreWhole()``.
  @_noLocks public func gapRepaired() { unsafe feed.pointee.gapPending = false }

  /// The hole could not be filled, or messages were lost otherwise: no book is whole until a snapshot.
  @_noLocks public func gapLost(missing: UInt64) {
    unsafe feed.pointee.gapPending = false
    unsafe feed.pointee.missing &+= missing
    unsafe feed.pointee.isWhole = false
    unsafe feed.pointee.losses &+= 1
  }

  /// Empties every book to load a snapshot of all of them; nothing is tradable until ``endSnapshot(next:)``.
  @_noLocks public func beginSnapshot() {
    unsafe feed.pointee.loading = true
    books.resetAll()
  }

  /// The snapshot is loaded; the feed goes on at `next`. Live records kept back meanwhile are applied
  /// now: those below `next` are in the snapshot and are ignored, one above it is a gap. Before them
  /// ``Engine/booksAreWhole()``.
  @_noLocks public func endSnapshot(next: UInt64) {
    unsafe feed.pointee.loading = false
    unsafe feed.pointee.gapPending = false
    unsafe feed.pointee.isWhole = true
    unsafe feed.pointee.expected = next
    var locate = 0
    while locate < OrderBooks.locates {
      let code = UInt16(truncatingIfNeeded: locate)
      if books.hasOrders(code) { _ = unsafe examine(code, time: hot(code).pointee.lastTime) }
      locate &+= 1
    }
  }

  /// A quote's gates anew, of a book as it stands.
  func reexamine(_ locate: UInt16) {
    _ = unsafe examine(locate, time: hot(locate).pointee.lastTime)
  }

  /// Empties one book to load its own snapshot. It is not whole until ``endSnapshot(_:)``.
  @_noLocks public func beginSnapshot(_ locate: UInt16) {
    books.reset(locate)
    books.setLoading(locate, true)
    unsafe symbols[Int(locate)].repairedAt = 0
  }

  /// One book's snapshot is loaded, and records up to the present sequence are in it.
  @_noLocks public func endSnapshot(_ locate: UInt16) {
    books.setLoading(locate, false)
    unsafe symbols[Int(locate)].repairedAt = feed.pointee.losses &+ 1
    _ = unsafe examine(locate, time: hot(locate).pointee.lastTime)
  }

  /// A new session or day: every book is emptied, states and counters of the feed start afresh;
  /// bindings of locates go too.
  @_noLocks public func startSession() {
    books.resetAll()
    unsafe feed.pointee = FeedState()
    unsafe feed.pointee.isWhole = settings.startsWhole
    var locate = 0
    while locate < OrderBooks.locates {
      books.setSymbol(UInt16(truncatingIfNeeded: locate), 0)
      unsafe (symbols + locate).pointee = SymbolState()
      unsafe hot(UInt16(truncatingIfNeeded: locate)).pointee = QuoteState()
      locate &+= 1
    }
    var instrument = 0
    while instrument < instrumentCount {
      unsafe locates[instrument] = 0
      instrument &+= 1
    }
  }
}
