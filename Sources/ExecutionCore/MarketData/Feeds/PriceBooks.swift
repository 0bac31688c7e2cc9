internal import CSupport

/// Books by price and plain quotes, of all feeds that bring ``FeedRecord``s, written into ``Quotes``.
///
/// A handle of one pointer into an arena, freely copied; one writer, the engine's thread; no locks, no allocation after
/// start-up. Deterministic: it reads no clock, session time comes with the records.
///
/// ## Whose quote it is
/// A level (L2) changes the instrument's book, and the record that ends the venue's event writes the best of it. A quote
/// (L1) writes itself. Where a feed brings both, the one with the higher sequence is the newer word.
///
/// ## When it is whole
/// A book is whole from a ``FeedRecord/Kind/clear`` on, of a snapshot when its last level is there, until a
/// ``FeedRecord/Kind/gap``, or until what is left at its touch is not better than a level that there was no room for. A
/// quote needs no book: it is whole by itself from the first one on, until a gap.
@safe public struct PriceBooks: BitwiseCopyable {
  let state: UnsafeMutablePointer<PriceBooksState>

  /// Numbers that one feed can have for its instruments: 0 ..< this.
  @inlinable public static var numbersMax: Int { 16_384 }
  /// No price or quantity of the core is larger.
  static var mantissaMax: UInt64 { 1 << 62 }

  var quotes: Quotes { @inline(__always) get { unsafe state.pointee.quotes } }
  /// Instruments are 0 ..< this.
  var count: Int { @inline(__always) get { books.count } }
  var books: Column<PriceBook> { @inline(__always) get { unsafe state.pointee.books } }
  var feeds: Column<PriceFeed> { @inline(__always) get { unsafe state.pointee.feeds } }

  /// Arena bytes for the instruments of the feeds by price.
  static func bytes(_ c: EngineConfiguration) -> UInt64 {
    let channels = c.channels()
    var bytes: UInt64 = 0
    for channel in channels.compactMap({ $0 }) where c.feeds[channel].kind == .prices {
      bytes += UInt64(2 * (c.feeds[channel].levelsMax * MemoryLayout<PriceLevel>.stride + 64))
    }
    for feed in c.feeds where feed.kind == .prices {
      bytes += UInt64(numbersMax * MemoryLayout<FeedBinding>.stride + 64)
    }
    return bytes
      + UInt64(
        (c.instruments.count + 1) * MemoryLayout<PriceBook>.stride
          + Quotes.channelsMax * MemoryLayout<PriceFeed>.stride
          + MemoryLayout<PriceBooksState>.stride + 4 * 64)
  }

  /// Memory of the arena (an `nt_arena *`), which must outlive it; nil when it has too little left. The configuration
  /// has been checked.
  init?(_ c: EngineConfiguration, _ quotes: Quotes, arena: OpaquePointer) {
    let count = c.instruments.count
    guard let state = unsafe OrderBooks.take(PriceBooksState.self, 1, arena),
      let books = unsafe OrderBooks.take(PriceBook.self, count + 1, arena),
      let feeds = unsafe OrderBooks.take(PriceFeed.self, Quotes.channelsMax, arena)
    else { return nil }
    unsafe books.initialize(repeating: PriceBook(), count: count + 1)
    unsafe feeds.initialize(repeating: PriceFeed(), count: Quotes.channelsMax)
    unsafe self.state = state
    unsafe state.pointee = PriceBooksState(
      quotes: quotes, books: Column(base: books, count: count),
      feeds: Column(base: feeds, count: Quotes.channelsMax))
    for (i, channel) in c.channels().enumerated() {
      guard let channel, c.feeds[channel].kind == .prices else { continue }
      let levels = c.feeds[channel].levelsMax
      guard let bids = unsafe OrderBooks.take(PriceLevel.self, levels, arena),
        let asks = unsafe OrderBooks.take(PriceLevel.self, levels, arena)
      else { return nil }
      self.books[i].bids = unsafe PriceSide(bids, capacity: levels)
      self.books[i].asks = unsafe PriceSide(asks, capacity: levels)
      self.books[i].facts = FeedFacts(c.instruments[i])
    }
    for (channel, feed) in c.feeds.enumerated() where feed.kind == .prices {
      guard let numbers = unsafe OrderBooks.take(FeedBinding.self, Self.numbersMax, arena) else {
        return nil
      }
      unsafe numbers.initialize(repeating: FeedBinding(), count: Self.numbersMax)
      self.feeds[channel].bindings = unsafe Column(base: numbers, count: Self.numbersMax)
      unsafe quotes.channel(UInt8(channel)).pointee.set(hours: feed.hours)
      // What is missing is missing of an instrument: each has a wholeness of its own.
      unsafe quotes.channel(UInt8(channel)).pointee.becomeWhole()
    }
  }

  // MARK: Instruments

  /// A feed says what it calls one of its numbers, and how its prices and quantities are written. Start-up or rare; the
  /// last word counts, and the same word again changes nothing.
  public func bind(
    _ channel: UInt8, _ number: UInt32, _ symbol: Symbol, priceExponent: Int8,
    quantityExponent: Int8
  ) -> FeedBindingResult {
    let feed = Int(channel)
    guard feed < Quotes.channelsMax, let bindings = feeds[feed].bindings else {
      return .noSuchFeed
    }
    guard number < UInt32(truncatingIfNeeded: Self.numbersMax) else { return .numberTooLarge }
    let before = bindings[Int(number)]
    let (found, result) = binding(
      channel, symbol, priceExponent: priceExponent, quantityExponent: quantityExponent)
    if found.instrument != 0, found.isSame(as: before) { return .bound }
    // What stands of it is nobody's any more; and one instrument has one number.
    if before.instrument != 0 { _ = lose(Int(before.instrument &- 1)) }
    if found.instrument != 0 {
      for other in 0..<Self.numbersMax where bindings[other].instrument == found.instrument {
        unbind(channel, UInt32(truncatingIfNeeded: other))
      }
    }
    bindings[Int(number)] = found
    return result
  }

  /// The number stands for an instrument of ours.
  public func isBound(_ channel: UInt8, _ number: UInt32) -> Bool {
    guard Int(channel) < Quotes.channelsMax, let bindings = feeds[Int(channel)].bindings,
      number < UInt32(truncatingIfNeeded: Self.numbersMax)
    else { return false }
    return bindings[Int(number)].instrument != 0
  }

  /// A number stands for nothing any more: what stands of it is nobody's.
  public func unbind(_ channel: UInt8, _ number: UInt32) {
    guard Int(channel) < Quotes.channelsMax, let bindings = feeds[Int(channel)].bindings,
      number < UInt32(truncatingIfNeeded: Self.numbersMax)
    else { return }
    let before = bindings[Int(number)].instrument
    bindings[Int(number)] = FeedBinding()
    if before != 0 { _ = lose(Int(before &- 1)) }
  }

  private func binding(
    _ channel: UInt8, _ symbol: Symbol, priceExponent: Int8, quantityExponent: Int8
  ) -> (FeedBinding, FeedBindingResult) {
    guard let i = find(symbol, channel) else { return (FeedBinding(), .unlisted) }
    let facts = books[i].facts
    guard
      let price = Self.power(Int(priceExponent) &- Int(facts.priceExponent)),
      let quantity = Self.power(Int(quantityExponent) &- Int(facts.quantityExponent))
    else { return (FeedBinding(), .tooFine) }
    return (
      FeedBinding(
        instrument: UInt32(truncatingIfNeeded: i) &+ 1, priceScale: price, quantityScale: quantity),
      .bound
    )
  }

  /// nil where it would be no whole number, or one that no mantissa survives.
  private static func power(_ exponent: Int) -> Int64? {
    guard exponent >= 0, exponent <= 18 else { return nil }
    var value: Int64 = 1
    var i = 0
    while i < exponent {
      value &*= 10
      i &+= 1
    }
    return value
  }

  /// The instrument of a feed with a symbol. Walks all of them.
  private func find(_ symbol: Symbol, _ channel: UInt8) -> Int? {
    var i = 0
    while i < count {
      if quotes[i].channel == channel, books[i].facts.isSymbol(symbol) { return i }
      i &+= 1
    }
    return nil
  }

  /// The channel is one of a feed by price.
  @inline(__always) func isFeed(_ channel: UInt8) -> Bool {
    Int(channel) < Quotes.channelsMax && feeds[Int(channel)].bindings != nil
  }

  // MARK: Looking

  /// Counters of a feed.
  public func counters(_ channel: UInt8) -> PriceFeedCounters {
    Int(channel) < Quotes.channelsMax ? feeds[Int(channel)].counters : PriceFeedCounters()
  }

  /// The last trade applied, valid after a change with ``MarketChange/trade``.
  var lastTrade: Trade { get { unsafe state.pointee.trade } }

  /// The level so many behind the best of a side; nil where there is none.
  public func level(_ instrument: InstrumentID, _ side: Side, depth: Int) -> DepthLevel? {
    let i = Int(instrument.raw)
    guard i < count, let found = side.isBuy ? books[i].bids[depth] : books[i].asks[depth] else {
      return nil
    }
    return DepthLevel(
      price: Price(raw: side.isBuy ? found.key : 0 &- found.key),
      quantity: Quantity(raw: found.quantity), orders: 0)
  }

  /// All of its levels are known: what a quote (L1) says beside them is not asked.
  public func isWhole(_ instrument: InstrumentID) -> Bool {
    Int(instrument.raw) < count && books[Int(instrument.raw)].isWhole
  }

  /// Levels of a side.
  public func levels(_ instrument: InstrumentID, _ side: Side) -> Int {
    let i = Int(instrument.raw)
    guard i < count else { return 0 }
    return side.isBuy ? books[i].bids.count : books[i].asks.count
  }
}

/// What came of telling an instrument's number. Only with ``bound`` its records are taken.
@frozen public enum FeedBindingResult: UInt8, BitwiseCopyable, Sendable {
  case bound = 0
  /// No instrument of ours in this feed.
  case unlisted = 1
  /// Prices or quantities of the feed are finer than the instrument's exponents: they would not be exact.
  case tooFine = 2
  case numberTooLarge = 3
  /// The channel is none of a feed by price.
  case noSuchFeed = 4
}

/// What became of a feed's records.
@frozen public struct PriceFeedCounters: BitwiseCopyable, Hashable, Sendable {
  public var applied: UInt64 = 0
  /// Of a kind, side, status, price or quantity that can't be: ignored.
  public var malformed: UInt64 = 0
  /// Of an instrument that is none of ours.
  public var unlisted: UInt64 = 0
  /// Prices or quantities too large at the instrument's exponents: the instrument is not whole.
  public var unrepresentable: UInt64 = 0
  /// Of orders (L3), which a book by price can't take: the instrument is not whole.
  public var orders: UInt64 = 0
  /// Quotes older than the one that stands: ignored.
  public var older: UInt64 = 0
  /// Gaps that the feed told, and messages in them as far as that is known.
  public var gaps: UInt64 = 0
  public var missing: UInt64 = 0
  /// Times that session time went backwards.
  public var backwards: UInt64 = 0
  /// Said again (``FeedRecord/Flags/refresh``) of what is whole: passed over.
  public var refreshed: UInt64 = 0
  public init() {}
}

/// What a feed's number stands for.
struct FeedBinding: BitwiseCopyable {
  /// The instrument's number and 1; 0: none of ours.
  var instrument: UInt32 = 0
  var priceScale: Int64 = 1
  var quantityScale: Int64 = 1

  func isSame(as other: FeedBinding) -> Bool {
    instrument == other.instrument && priceScale == other.priceScale
      && quantityScale == other.quantityScale
  }
}

/// What is fixed of an instrument.
struct FeedFacts: BitwiseCopyable {
  var symbol = Symbol.none
  var priceExponent: Int8 = 0
  var quantityExponent: Int8 = 0
  var allowsNegativePrices = false

  init() {}
  init(_ facts: InstrumentFacts) {
    symbol = facts.symbol
    priceExponent = facts.priceExponent
    quantityExponent = facts.quantityExponent
    allowsNegativePrices = facts.allowsNegativePrices
  }

  func isSymbol(_ other: Symbol) -> Bool {
    symbol.first == other.first && symbol.second == other.second && symbol.third == other.third
      && symbol.fourth == other.fourth && other.first != 0
  }
}

/// An instrument's book and where its quote comes from.
struct PriceBook: BitwiseCopyable {
  var bids = PriceSide()
  var asks = PriceSide()
  /// Of the message that made the present quote; 0: unnumbered, or none.
  var quoteSequence: UInt64 = 0
  /// All levels are known.
  var isWhole = false
  /// A snapshot is being built up.
  var isLoading = false
  /// A quote (L1) has been told since the last gap.
  var isQuoted = false
  /// The touch has moved since it was last written.
  var isTopNew = false
  var facts = FeedFacts()

  init() {}
}

/// A feed by price.
struct PriceFeed: BitwiseCopyable {
  /// By its numbers; nil: the channel is none.
  var bindings: Column<FeedBinding>?
  var counters = PriceFeedCounters()
  init() {}
}

/// What is behind the handle.
struct PriceBooksState: BitwiseCopyable {
  var quotes: Quotes
  var books: Column<PriceBook>
  var feeds: Column<PriceFeed>
  var trade = Trade(
    instrument: .none, price: Price(raw: 0), quantity: Quantity(raw: 0), restingSide: nil,
    matchNumber: 0)
}
