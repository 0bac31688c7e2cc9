internal import CSupport

/// Everything the engine knows of a market: books, quotes, trading states and the data-quality gates.
///
/// A handle of one pointer into an arena, freely copied; one writer, the engine's thread; no locks, no
/// allocation after start-up. Deterministic: it reads no clock, session time comes with the records.
///
/// ## When a book is whole
/// Books become whole at the start of the day (sequence 1, or the S `O` event while no order is
/// live), when a gap has been filled by re-request before anything after it was applied
/// (``gapDetected()``, ``gapRepaired()``), or by a snapshot (``beginSnapshot()`` … ``endSnapshot(next:)``,
/// of one locate ``beginSnapshot(_:)`` … ``endSnapshot(_:)``). A record whose sequence is not the next
/// one means a loss: no book is whole until a snapshot. A book that had to drop an order is not whole.
@safe public struct MarketData: BitwiseCopyable {
  let state: UnsafeMutablePointer<MarketState>

  public var books: OrderBooks { @_noLocks get { unsafe state.pointee.books } }
  var feed: UnsafeMutablePointer<FeedState> {
    @_noLocks @inline(__always) get { unsafe state.pointee.feed }
  }
  var trade: UnsafeMutablePointer<MarketTrade> {
    @_noLocks @inline(__always) get { unsafe state.pointee.trade }
  }
  var resting: UnsafeMutablePointer<RestingOrder> {
    @_noLocks @inline(__always) get { unsafe state.pointee.resting }
  }
  var symbols: UnsafeMutablePointer<SymbolState> {
    @_noLocks @inline(__always) get { unsafe state.pointee.symbols }
  }
  /// What changes with a locate's every message lies beside its book.
  @_noLocks @inline(__always) func hot(_ locate: UInt16) -> UnsafeMutablePointer<QuoteState> {
    unsafe books.quote(locate)
  }
  var locates: UnsafeMutablePointer<UInt32> {
    @_noLocks @inline(__always) get { unsafe state.pointee.locates }
  }
  var settings: MarketDataSettings {
    @_noLocks @inline(__always) get { unsafe state.pointee.settings }
  }
  /// Instruments are 0 ..< this.
  public var instrumentCount: Int { @_noLocks get { unsafe state.pointee.instrumentCount } }

  /// Most instruments: locates are 16 bits.
  @inlinable public static var instrumentsMax: Int { OrderBooks.locates }

  /// Arena bytes that ``init(settings:symbols:arena:)`` takes.
  public static func bytes(for settings: MarketDataSettings, instruments: Int) -> UInt64 {
    let parts = [
      unsafe MemoryLayout<MarketState>.stride, MemoryLayout<FeedState>.stride,
      MemoryLayout<MarketTrade>.stride,
      MemoryLayout<RestingOrder>.stride, OrderBooks.locates * MemoryLayout<SymbolState>.stride,
      (instruments + 1) * MemoryLayout<UInt32>.stride,
      nameSlots(instruments) * MemoryLayout<SymbolEntry>.stride,
    ]
    return parts.reduce(OrderBooks.bytes(for: settings.capacity)) { $0 + UInt64($1) + 64 }
  }

  /// Takes its memory from an arena (an `nt_arena *`), which must outlive it.
  ///
  /// - Parameter symbols: the instruments' symbols (``SymbolCode``) in order of ``InstrumentID``.
  /// - Returns: nil when the arena has too little left, there are more than ``instrumentsMax``
  ///   symbols, or one stands twice or is 0.
  public init?(settings: MarketDataSettings, symbols: [UInt64], arena: OpaquePointer) {
    let slots = Self.nameSlots(symbols.count)
    guard symbols.count <= Self.instrumentsMax,
      let state = unsafe OrderBooks.take(MarketState.self, 1, arena),
      let books = unsafe OrderBooks(capacity: settings.capacity, arena: arena),
      let feed = unsafe OrderBooks.take(FeedState.self, 1, arena),
      let trade = unsafe OrderBooks.take(MarketTrade.self, 1, arena),
      let resting = unsafe OrderBooks.take(RestingOrder.self, 1, arena),
      let states = unsafe OrderBooks.take(SymbolState.self, OrderBooks.locates, arena),
      let locates = unsafe OrderBooks.take(UInt32.self, symbols.count + 1, arena),
      let names = unsafe OrderBooks.take(SymbolEntry.self, slots, arena)
    else { return nil }
    unsafe self.state = state
    unsafe state.pointee = MarketState(
      books: books, feed: feed, trade: trade, resting: resting, symbols: states, locates: locates,
      names: names, nameMask: slots - 1, instrumentCount: symbols.count, settings: settings)
    unsafe feed.pointee = FeedState()
    unsafe trade.pointee = MarketTrade()
    unsafe resting.pointee = RestingOrder()
    unsafe feed.pointee.isWhole = settings.startsWhole
    for (index, symbol) in symbols.enumerated() {
      guard symbol != 0, unsafe name(symbol).pointee.instrument == 0 else { return nil }
      unsafe name(symbol).pointee = SymbolEntry(
        symbol: symbol, instrument: UInt32(index) + 1, reserved: 0)
    }
  }

  /// A power of two, at most half full.
  private static func nameSlots(_ instruments: Int) -> Int {
    var slots = 16
    while slots < instruments * 2, slots < 1 << 20 { slots *= 2 }
    return slots
  }

  /// The entry of a symbol, or the free one where it would go.
  @_noLocks func name(_ symbol: UInt64) -> UnsafeMutablePointer<SymbolEntry> {
    let names = unsafe state.pointee.names
    let nameMask = unsafe state.pointee.nameMask
    var at = Int(truncatingIfNeeded: (symbol &* 0x9E37_79B9_7F4A_7C15) &>> 32) & nameMask
    // Ends: at least half of the entries are free.
    while true {
      let entry = unsafe names + at
      if unsafe entry.pointee.instrument == 0 || entry.pointee.symbol == symbol {
        return unsafe entry
      }
      at = (at &+ 1) & nameMask
    }
  }

  // MARK: Feed

  /// State and counters of the feed.
  public var feedState: FeedState { unsafe feed.pointee }

  /// The last trade applied; valid after a change with ``MarketChange/trade``.
  public var lastTrade: MarketTrade { @_noLocks get { unsafe trade.pointee } }

  /// The order that the last E, C, X, D, U acted on, as it was before.
  public var lastResting: RestingOrder { @_noLocks get { unsafe resting.pointee } }

  // MARK: Instruments

  /// The instrument that a locate is bound to; ``InstrumentID/none`` when it is not.
  @_noLocks public func instrument(_ locate: UInt16) -> InstrumentID {
    let bound = unsafe symbols[Int(locate)].instrument
    return bound == 0 ? .none : InstrumentID(raw: bound &- 1)
  }

  /// The locate of an instrument; nil before the feed has named it.
  @_noLocks public func locate(_ instrument: InstrumentID) -> UInt16? {
    guard instrument.raw < UInt32(truncatingIfNeeded: instrumentCount) else { return nil }
    let locate = unsafe locates[Int(instrument.raw)]
    return locate == 0 ? nil : UInt16(truncatingIfNeeded: locate &- 1)
  }

  /// The instrument with a symbol (``SymbolCode``); ``InstrumentID/none`` when there is none.
  @_noLocks public func instrument(symbol: UInt64) -> InstrumentID {
    let entry = unsafe name(symbol)
    let found = unsafe entry.pointee.instrument
    return found == 0 ? .none : InstrumentID(raw: found &- 1)
  }

  // MARK: Quotes

  /// Best bid and offer of a locate at exponent −8; 0 on an empty side.
  @_noLocks public func quote(_ locate: UInt16) -> Quote { Self.quote(books.top(locate)) }

  /// Best bid and offer of an instrument at exponent −8; nil before the feed has named it.
  @_noLocks public func quote(_ instrument: InstrumentID) -> Quote? {
    guard let locate = locate(instrument) else { return nil }
    return quote(locate)
  }

  @_noLocks static func quote(_ top: BookTop) -> Quote {
    Quote(
      bid: VenueTicks.price(top.bid), ask: VenueTicks.price(top.ask),
      bidQuantity: Quantity(raw: Int64(clamping: top.bidShares)),
      askQuantity: Quantity(raw: Int64(clamping: top.askShares)))
  }

  /// The last quote of a locate that passed all gates, and whether it still stands at `now`.
  @_noLocks public func goodQuote(_ locate: UInt16, now: Int64) -> GoodQuote {
    let hot = unsafe hot(locate)
    var top = BookTop()
    unsafe top.bid = hot.pointee.goodBid
    unsafe top.ask = hot.pointee.goodAsk
    unsafe top.bidShares = hot.pointee.goodBidShares
    unsafe top.askShares = hot.pointee.goodAskShares
    let time = unsafe hot.pointee.goodTime
    return GoodQuote(
      quote: Self.quote(top), time: time,
      isStale: time == 0 || !gates(locate, now: now).isEmpty || !top.isSame(as: books.top(locate)))
  }

  /// As above by instrument; nil before the feed has named it.
  @_noLocks public func goodQuote(_ instrument: InstrumentID, now: Int64) -> GoodQuote? {
    guard let locate = locate(instrument) else { return nil }
    return goodQuote(locate, now: now)
  }

  /// Price of the last trade in a locate in venue ticks, and its session time; 0 before the first.
  @_noLocks public func lastTrade(_ locate: UInt16) -> (ticks: UInt32, time: Int64) {
    let state = unsafe symbols + Int(locate)
    return unsafe (state.pointee.lastTradePrice, state.pointee.lastTradeTime)
  }

  // MARK: States

  /// Trading status: an operational halt or an open market-wide breach overrides what H said.
  @_noLocks public func status(_ locate: UInt16) -> TradingStatus {
    let state = unsafe symbols + Int(locate)
    let hot = unsafe hot(locate)
    if unsafe hot.pointee.operationalHalts & 1 != 0 { return .operationalHalt }
    let status = unsafe TradingStatus(wire: hot.pointee.tradingState)
    if status.isTrading, unsafe feed.pointee.breachTime != 0,
      unsafe state.pointee.statusTime <= feed.pointee.breachTime
    {
      return .halted
    }
    return status
  }

  /// ITCH Reg SHO action: `0` none, `1` or `2` restricted; 0 before the feed said.
  @_noLocks public func regSHO(_ locate: UInt16) -> UInt8 { unsafe hot(locate).pointee.regSHO }

  /// Collar of the last J; zeros before the first.
  @_noLocks public func collar(_ locate: UInt16) -> AuctionCollar {
    unsafe symbols[Int(locate)].collar
  }

  /// Reason of the last H, four ASCII bytes in memory order.
  @_noLocks public func haltReason(_ locate: UInt16) -> UInt32 {
    unsafe symbols[Int(locate)].haltReason
  }

  /// Round lot of R; 0 before it.
  @_noLocks public func roundLot(_ locate: UInt16) -> UInt32 {
    unsafe symbols[Int(locate)].roundLot
  }

  /// Session nanoseconds since the symbol's last message; `Int64.max` before the first.
  @_noLocks public func age(_ locate: UInt16, now: Int64) -> Int64 {
    let last = unsafe hot(locate).pointee.lastTime
    guard last != 0 else { return .max }
    let (age, overflow) = now.subtractingReportingOverflow(last)
    return overflow ? .max : age
  }

  /// Session nanoseconds since the feed's last message; `Int64.max` before the first.
  @_noLocks public func feedAge(now: Int64) -> Int64 {
    let last = unsafe feed.pointee.lastTime
    guard last != 0 else { return .max }
    let (age, overflow) = now.subtractingReportingOverflow(last)
    return overflow ? .max : age
  }

  /// The book holds every order of the feed.
  @_noLocks @inline(__always) public func isWhole(_ locate: UInt16) -> Bool {
    guard unsafe !feed.pointee.gapPending, unsafe !feed.pointee.loading else { return false }
    if !books.isComplete(locate) { return false }
    if unsafe feed.pointee.isWhole { return true }
    return unsafe symbols[Int(locate)].repairedAt == feed.pointee.losses &+ 1
  }

  /// The book would be whole but for a hole of the feed whose repair is under way and not late.
  ///
  /// Nothing new may rest on it. Whether what works already is left for so long is for a strategy to choose.
  @_noLocks public func awaitsRepair(_ locate: UInt16) -> Bool {
    guard unsafe feed.pointee.gapPending, unsafe !feed.pointee.repairIsLate,
      unsafe !feed.pointee.loading, books.isComplete(locate)
    else { return false }
    if unsafe feed.pointee.isWhole { return true }
    return unsafe symbols[Int(locate)].repairedAt == feed.pointee.losses &+ 1
  }

  /// The book is whole and the symbol is trading. Gates, session hours and risk limits are not in it.
  @_noLocks public func isTradable(_ locate: UInt16) -> Bool {
    isWhole(locate) && status(locate).isTrading
  }

  /// The gates that the present quote fails at a session time.
  @_noLocks public func gates(_ locate: UInt16, now: Int64) -> QualityGates {
    let hot = unsafe hot(locate)
    var gates = unsafe QualityGates(rawValue: hot.pointee.gates)
    if !isWhole(locate) { gates.formUnion(.gap) } else { gates.subtract(.gap) }
    let isOld = settings.staleAfter > 0 && age(locate, now: now) > settings.staleAfter
    let isSilent = settings.feedStaleAfter > 0 && feedAge(now: now) > settings.feedStaleAfter
    if isOld || isSilent { gates.formUnion(.stale) }
    return gates
  }
}

/// An entry of the symbol table.
struct SymbolEntry: BitwiseCopyable {
  var symbol: UInt64
  var instrument: UInt32
  var reserved: UInt32
}

/// What is behind the handle: the parts, and what is fixed at start-up.
@unsafe struct MarketState: BitwiseCopyable {
  var books: OrderBooks
  var feed: UnsafeMutablePointer<FeedState>
  var trade: UnsafeMutablePointer<MarketTrade>
  var resting: UnsafeMutablePointer<RestingOrder>
  var symbols: UnsafeMutablePointer<SymbolState>
  /// Locate of each instrument plus 1; 0 is none.
  var locates: UnsafeMutablePointer<UInt32>
  /// Open-addressed: symbol and instrument + 1.
  var names: UnsafeMutablePointer<SymbolEntry>
  var nameMask: Int
  var instrumentCount: Int
  var settings: MarketDataSettings
}
