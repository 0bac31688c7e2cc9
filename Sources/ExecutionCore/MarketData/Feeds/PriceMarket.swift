internal import CSupport

/// The books by price and the quotes of one feed by themselves, without an engine: for who shows a market, or fills
/// orders at it.
///
/// ```swift
/// let market = try PriceMarket([bitcoin])
/// let effect = market.apply(record)  // of instrument 0, at its exponents
/// if effect.quoteChanged { show(market.quotes.quote(effect.instrument)) }
/// ```
///
/// A record's ``FeedRecord/instrument`` is a place in the list of instruments. Threading: one thread. Takes its memory when
/// it is made.
@safe public final class PriceMarket {
  public let quotes: Quotes
  public let books: PriceBooks
  private let arena: OpaquePointer

  /// Throws for instruments that no engine would take, and when there is no memory.
  ///
  /// - Parameter levelsMax: of each side of each book.
  public init(
    _ instruments: [InstrumentFacts], levelsMax: Int = 1_024
  ) throws(EngineConfigurationError) {
    var c = EngineConfiguration(
      instruments: instruments, accounts: [AccountConfiguration(name: "none")],
      strategies: [StrategyConfiguration(name: "none", account: AccountID(raw: 0))], venues: [])
    c.feeds = [
      FeedConfiguration(name: "feed", kind: .prices, hours: .open, levelsMax: levelsMax)
    ]
    try c.checkMarket()
    var made: OpaquePointer?
    var report = nt_arena_report()
    let bytes = Quotes.bytes(instruments: instruments.count) + PriceBooks.bytes(c) + 4_096
    let options = nt_arena_options(numa_node: -1, huge_pages: false, lock: false, prefault: false)
    let error = unsafe nt_arena_create(&made, bytes, options, &report)
    guard error == 0, let arena = unsafe made else {
      throw .outOfMemory(bytes: bytes, errno: Int32(error))
    }
    let channels = [Int?](repeating: 0, count: instruments.count)
    guard
      let quotes = unsafe Quotes(
        instruments, channels: channels, QuoteSettings(c.marketData), arena: arena),
      let books = unsafe PriceBooks(c, quotes, arena: arena)
    else {
      unsafe nt_arena_destroy(arena)
      throw .outOfMemory(bytes: bytes, errno: 12)
    }
    unsafe self.arena = arena
    self.quotes = quotes
    self.books = books
    for (i, facts) in instruments.enumerated() {
      _ = books.bind(
        0, UInt32(i), facts.symbol, priceExponent: facts.priceExponent,
        quantityExponent: facts.quantityExponent)
    }
  }

  deinit { unsafe nt_arena_destroy(arena) }

  /// Applies a record; what it changed for whom.
  public func apply(_ record: FeedRecord) -> MarketEffect {
    let applied = books.apply(record, 0)
    var effect = MarketEffect()
    effect.instrument = applied.instrument
    effect.quoteChanged = applied.change.contains(.topChanged)
    effect.stateChanged =
      applied.change.contains(.statusChanged) || applied.change.contains(.wholenessChanged)
      || applied.change.contains(.marketChanged)
    if applied.change.contains(.trade) {
      effect.hasTrade = true
      effect.trade = books.lastTrade
    }
    return effect
  }

  public var counters: PriceFeedCounters { books.counters(0) }
}
