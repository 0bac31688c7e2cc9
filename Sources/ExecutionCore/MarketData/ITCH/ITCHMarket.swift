internal import CSupport

/// An ITCH feed applied: books of all its locates, what it says of each, and all of it that concerns an
/// instrument of ours written into ``Quotes``.
///
/// A handle of one pointer into an arena, freely copied; one writer, the engine's thread; no locks, no
/// allocation after start-up. Deterministic: it reads no clock, session time comes with the records.
///
/// ## When a book is whole
/// Books become whole at the start of the day (sequence 1, or the S `O` event while no order is
/// live), when a gap has been filled by re-request before anything after it was applied
/// (``gapDetected()``, ``gapRepaired()``), or by a snapshot (``beginSnapshot()`` … ``endSnapshot(next:)``).
/// A record whose sequence is not the next one means a loss: no book is whole until a snapshot. A book that had
/// to drop an order is not whole.
@safe public struct ITCHMarket: BitwiseCopyable {
  let state: UnsafeMutablePointer<MarketState>

  public var books: OrderBooks { @_noLocks get { unsafe state.pointee.books } }
  /// What it has written of the instruments.
  public var quotes: Quotes { @_noLocks @inline(__always) get { unsafe state.pointee.quotes } }
  var feed: UnsafeMutablePointer<FeedState> {
    @_noLocks @inline(__always) get { unsafe state.pointee.feed }
  }
  var channel: UnsafeMutablePointer<QuoteChannel> {
    @_noLocks @inline(__always) get { unsafe state.pointee.channel }
  }
  var trade: UnsafeMutablePointer<MarketTrade> {
    @_noLocks @inline(__always) get { unsafe state.pointee.trade }
  }
  var resting: UnsafeMutablePointer<RestingOrder> {
    @_noLocks @inline(__always) get { unsafe state.pointee.resting }
  }
  /// What the feed says of a locate lies beside its book.
  @_noLocks @inline(__always) func stated(_ locate: UInt16) -> UnsafeMutablePointer<LocateState> {
    unsafe books.stated(locate)
  }
  var locates: UnsafeMutablePointer<UInt32> {
    @_noLocks @inline(__always) get { unsafe state.pointee.locates }
  }
  var settings: MarketDataSettings {
    @_noLocks @inline(__always) get { unsafe state.pointee.settings }
  }
  /// Instruments are 0 ..< this.
  public var instrumentCount: Int { @_noLocks get { quotes.count } }

  /// Most instruments: locates are 16 bits.
  @inlinable public static var instrumentsMax: Int { OrderBooks.locates }

  /// Arena bytes that ``init(settings:instruments:arena:)`` takes.
  public static func bytes(for settings: MarketDataSettings, instruments: Int) -> UInt64 {
    let parts = [
      unsafe MemoryLayout<MarketState>.stride, MemoryLayout<FeedState>.stride,
      MemoryLayout<MarketTrade>.stride, MemoryLayout<RestingOrder>.stride,
      (instruments + 1) * MemoryLayout<UInt32>.stride,
      nameSlots(instruments) * MemoryLayout<SymbolEntry>.stride,
    ]
    let books = OrderBooks.bytes(for: settings.capacity)
    return parts.reduce(books + Quotes.bytes(instruments: instruments)) { $0 + UInt64($1) + 64 }
  }

  /// As ``init(settings:instruments:arena:)``, of instruments of which nothing is known but their symbols
  /// (``SymbolCode``).
  public init?(settings: MarketDataSettings, symbols: [UInt64], arena: OpaquePointer) {
    unsafe self.init(
      settings: settings, instruments: symbols.map { InstrumentFacts(symbol: Symbol(code: $0)) },
      arena: arena)
  }

  /// Takes its memory from an arena (an `nt_arena *`), which must outlive it.
  ///
  /// - Parameter instruments: in order of ``InstrumentID``.
  /// - Returns: nil when the arena has too little left, there are more than ``instrumentsMax``
  ///   instruments, or a symbol stands twice or is 0.
  public init?(
    settings: MarketDataSettings, instruments: [InstrumentFacts], arena: OpaquePointer
  ) {
    guard let quotes = unsafe Quotes(instruments, QuoteSettings(settings), arena: arena) else {
      return nil
    }
    unsafe self.init(
      settings: settings, instruments: instruments, quotes: quotes, channel: 0, arena: arena)
  }

  /// As that, of a view that other feeds write into too: the instruments of its channel are the feed's.
  init?(
    settings: MarketDataSettings, instruments: [InstrumentFacts], quotes: Quotes,
    channel number: UInt8,
    arena: OpaquePointer
  ) {
    let slots = Self.nameSlots(instruments.count)
    guard instruments.count <= Self.instrumentsMax,
      let state = unsafe OrderBooks.take(MarketState.self, 1, arena),
      let books = unsafe OrderBooks(capacity: settings.capacity, arena: arena),
      let feed = unsafe OrderBooks.take(FeedState.self, 1, arena),
      let trade = unsafe OrderBooks.take(MarketTrade.self, 1, arena),
      let resting = unsafe OrderBooks.take(RestingOrder.self, 1, arena),
      let locates = unsafe OrderBooks.take(UInt32.self, instruments.count + 1, arena),
      let names = unsafe OrderBooks.take(SymbolEntry.self, slots, arena)
    else { return nil }
    unsafe self.state = state
    unsafe state.pointee = MarketState(
      books: books, quotes: quotes, channel: quotes.channel(number), feed: feed, trade: trade,
      resting: resting, locates: locates, names: names, nameMask: slots - 1, settings: settings)
    unsafe feed.pointee = FeedState()
    unsafe trade.pointee = MarketTrade()
    unsafe resting.pointee = RestingOrder()
    if settings.startsWhole { unsafe channel.pointee.becomeWhole() }
    for (index, facts) in instruments.enumerated() where quotes[index].channel == number {
      let code = facts.symbol.code
      let entry = unsafe name(code)
      guard code != 0, unsafe entry.pointee.instrument == 0 else { return nil }
      unsafe entry.pointee = SymbolEntry(
        symbol: code, instrument: UInt32(index) + 1,
        roundLot: UInt32(clamping: facts.roundLot))
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

  /// What of the feed bears on all of its instruments.
  public var channelState: QuoteChannel { @_noLocks get { unsafe channel.pointee } }

  /// Session nanoseconds since the feed's last message; `Int64.max` before the first.
  @_noLocks public func feedAge(now: Int64) -> Int64 {
    unsafe Quotes.age(of: channel.pointee.lastTime, now: now)
  }

  /// The last trade applied; valid after a change with ``MarketChange/trade``.
  public var lastTrade: MarketTrade { @_noLocks get { unsafe trade.pointee } }

  /// The last trade applied, of an instrument of ours and when it counts in the volume; else nil.
  var lastPrint: Trade? {
    @_noLocks get {
      let instrument = unsafe instrument(trade.pointee.locate)
      let i = Int(instrument.raw)
      guard i < instrumentCount, unsafe trade.pointee.isPrintable else { return nil }
      var resting: Side?
      if unsafe trade.pointee.aggressor == UInt8(ascii: "B") { resting = .sell }
      if unsafe trade.pointee.aggressor == UInt8(ascii: "S") { resting = .buy }
      return unsafe Trade(
        instrument: instrument,
        price: Price(raw: Int64(trade.pointee.price) &* Int64(quotes[i].priceScale)),
        quantity: Quantity(raw: Int64(clamping: trade.pointee.shares)), restingSide: resting,
        matchNumber: trade.pointee.matchNumber)
    }
  }

  /// The order that the last E, C, X, D, U acted on, as it was before.
  public var lastResting: RestingOrder { @_noLocks get { unsafe resting.pointee } }

  // MARK: Instruments

  /// The instrument that a locate is bound to; ``InstrumentID/none`` when it is not.
  @_noLocks @inline(__always) public func instrument(_ locate: UInt16) -> InstrumentID {
    // 0, which is none, less 1 is the number of none.
    unsafe InstrumentID(raw: stated(locate).pointee.instrument &- 1)
  }

  /// Whose book a record that has been applied changed: E, C, X, D and U act on that of the order they name,
  /// whatever locate they carry.
  @_noLocks @inline(__always) func instrument(
    touchedBy record: UnsafePointer<MarketRecord>
  ) -> InstrumentID {
    switch unsafe record.pointee.kind {
    case UInt8(ascii: "E"), UInt8(ascii: "C"), UInt8(ascii: "X"), UInt8(ascii: "D"),
      UInt8(ascii: "U"):
      unsafe instrument(resting.pointee.locate)
    default: unsafe instrument(record.pointee.locate)
    }
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

  /// Collar of the last J; zeros before the first.
  @_noLocks public func collar(_ locate: UInt16) -> AuctionCollar {
    unsafe stated(locate).pointee.collar
  }

  /// Reason of the last H, four ASCII bytes in memory order.
  @_noLocks public func haltReason(_ locate: UInt16) -> UInt32 {
    unsafe stated(locate).pointee.haltReason
  }

  /// Round lot of R; 0 before it.
  @_noLocks public func roundLot(_ locate: UInt16) -> UInt32 {
    unsafe stated(locate).pointee.roundLot
  }
}

/// An entry of the symbol table.
struct SymbolEntry: BitwiseCopyable {
  var symbol: UInt64
  var instrument: UInt32
  /// As it was given; see ``FeedDirectory``.
  var roundLot: UInt32
}

/// What is behind the handle: the parts, and what is fixed at start-up.
@unsafe struct MarketState: BitwiseCopyable {
  var books: OrderBooks
  var quotes: Quotes
  /// The feed's own in `quotes`.
  var channel: UnsafeMutablePointer<QuoteChannel>
  var feed: UnsafeMutablePointer<FeedState>
  var trade: UnsafeMutablePointer<MarketTrade>
  var resting: UnsafeMutablePointer<RestingOrder>
  /// Locate of each instrument plus 1; 0 is none.
  var locates: UnsafeMutablePointer<UInt32>
  /// Open-addressed: symbol and instrument + 1.
  var names: UnsafeMutablePointer<SymbolEntry>
  var nameMask: Int
  var settings: MarketDataSettings
}
