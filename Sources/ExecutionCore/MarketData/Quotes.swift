/// The one view of the market: all that risk, strategies, marks and breakers read of an instrument.
///
/// Prices and quantities are at the instrument's exponents, whatever the feed has. Books write into it
/// (order by order, by price, or quotes without a book), each feed through a channel of its own, and
/// only by ``set(_:_:at:)``, ``setStates(_:status:shortSale:isComplete:)`` and the channel's changes: what
/// hangs together is written together, so that nothing can lag behind.
///
/// A handle, freely copied; one writer, the engine's thread; no locks, no allocation after start-up. An
/// unknown instrument has an empty quote, and fails every gate.
@safe public struct Quotes: BitwiseCopyable {
  private let rows: UnsafeMutablePointer<QuoteRow>
  private let channels: UnsafeMutablePointer<QuoteChannel>
  /// Instruments are 0 ..< this.
  public let count: Int
  let settings: QuoteSettings

  /// Most channels: a byte in a row.
  static var channelsMax: Int { 8 }

  static func bytes(instruments: Int) -> UInt64 {
    UInt64(
      max(1, instruments) * MemoryLayout<QuoteRow>.stride
        + channelsMax * MemoryLayout<QuoteChannel>.stride + 2 * 64)
  }

  /// Memory of the arena (an `nt_arena *`), which must outlive it; nil when it has too little left.
  ///
  /// - Parameter channels: of the feed of each instrument; missing ones are 0.
  init?(
    _ instruments: [InstrumentFacts], channels given: [Int?] = [], _ settings: QuoteSettings,
    arena: OpaquePointer
  ) {
    guard let rows = unsafe OrderBooks.take(QuoteRow.self, max(1, instruments.count), arena),
      let channels = unsafe OrderBooks.take(QuoteChannel.self, Self.channelsMax, arena)
    else { return nil }
    unsafe self.rows = rows
    unsafe self.channels = channels
    count = instruments.count
    self.settings = settings
    unsafe channels.initialize(repeating: QuoteChannel(), count: Self.channelsMax)
    unsafe rows.initialize(repeating: QuoteRow(), count: max(1, count))
    for (i, facts) in instruments.enumerated() {
      unsafe rows[i] = QuoteRow(facts)
      if i < given.count { unsafe rows[i].channel = UInt8(clamping: given[i] ?? 0) }
    }
  }

  /// An index from outside is checked by the caller; one outside is a programming error and traps.
  subscript(_ i: Int) -> QuoteRow {
    @_noLocks @inline(__always) unsafeAddress {
      precondition(UInt(bitPattern: i) < UInt(bitPattern: count))
      return unsafe UnsafePointer(rows + i)
    }
  }
  @_noLocks @inline(__always) private func row(_ i: Int) -> UnsafeMutablePointer<QuoteRow> {
    precondition(UInt(bitPattern: i) < UInt(bitPattern: count))
    return unsafe rows + i
  }
  /// Of the feed that writes an instrument.
  @_noLocks @inline(__always) func channel(of i: Int) -> QuoteChannel {
    unsafe channels[Int(self[i].channel) & (Self.channelsMax &- 1)]
  }
  @_noLocks @inline(__always) func channel(_ number: UInt8) -> UnsafeMutablePointer<QuoteChannel> {
    unsafe channels + Int(number) & (Self.channelsMax &- 1)
  }

  // MARK: Writing

  /// A message of a feed came; false when it is older than the one before.
  @_noLocks @inline(__always) func heard(_ number: UInt8, at time: Int64) -> Bool {
    let channel = unsafe channel(number)
    guard unsafe time >= channel.pointee.lastTime else { return false }
    unsafe channel.pointee.lastTime = time
    return true
  }

  /// A message about the instrument came.
  @_noLocks @inline(__always) func touch(_ i: Int, at time: Int64) {
    unsafe row(i).pointee.lastTime = time
  }

  /// The present quote, and all that follows from it: gates, the last good quote, since when it fails.
  ///
  /// - Parameters:
  ///   - quote: zeros for an empty side.
  ///   - time: session time.
  /// - Returns: whether a gate closed or opened.
  @_noLocks @inline(__always) func set(_ i: Int, _ quote: Quote, at time: Int64) -> Bool {
    let row = unsafe row(i)
    let before = unsafe row.pointee.gates
    let gates = unsafe gates(of: quote, row, at: time)
    if gates.isEmpty {
      if !before.isEmpty {
        unsafe row.pointee.failingSince = 0
        unsafe row.pointee.outlierSince = 0
      }
    } else {
      // Only one that stands without a break is taken for the new market.
      if !gates.contains(.outlier) { unsafe row.pointee.outlierSince = 0 }
      // What is overwritten now was the last good one.
      if before.isEmpty { unsafe row.pointee.keepGood() }
      if unsafe row.pointee.failingSince == 0 { unsafe row.pointee.failingSince = max(1, time) }
    }
    unsafe row.pointee.bid = quote.bid.raw
    unsafe row.pointee.ask = quote.ask.raw
    unsafe row.pointee.bidQuantity = quote.bidQuantity.raw
    unsafe row.pointee.askQuantity = quote.askQuantity.raw
    unsafe row.pointee.time = time
    guard gates.rawValue != before.rawValue else { return false }
    unsafe row.pointee.gates = gates
    return true
  }

  @_noLocks @inline(__always) private func gates(
    of quote: Quote, _ row: UnsafeMutablePointer<QuoteRow>, at time: Int64
  ) -> QualityGates {
    var gates: QualityGates = .empty
    let isTrue =
      unsafe row.pointee.isComplete && channel(row.pointee.channel).pointee.canBeBelieved
    if quote.bidQuantity.raw == 0 || quote.askQuantity.raw == 0 {
      gates = .oneSided
    } else if quote.bid.raw >= quote.ask.raw {
      gates = quote.bid.raw > quote.ask.raw ? .crossed : .locked
    } else if isTrue, unsafe isOutlier(quote, row, at: time) {
      gates = .outlier
    }
    if !isTrue { gates.formUnion(.gap) }
    return gates
  }

  /// |middle − last good middle| > fraction × |last good middle|, until it has stood long enough.
  @_noLocks @inline(__always) private func isOutlier(
    _ quote: Quote, _ row: UnsafeMutablePointer<QuoteRow>, at time: Int64
  ) -> Bool {
    guard settings.outlierParts > 0, unsafe row.pointee.hasGood else { return false }
    let isGood = unsafe row.pointee.gates.isEmpty
    // Sums of bid and ask: twice the middles. One that has none is never taken for good.
    let (sum, deep) = quote.bid.raw.addingReportingOverflow(quote.ask.raw)
    if deep { return true }
    var good = unsafe row.pointee.bid &+ row.pointee.ask
    if !isGood { good = unsafe row.pointee.keptBid &+ row.pointee.keptAsk }
    if isGood, sum == good { return false }
    let (difference, wide) = sum.subtractingReportingOverflow(good)
    let (moved, over) = difference.magnitude.multipliedReportingOverflow(by: 10_000)
    let (most, never) = good.magnitude.multipliedReportingOverflow(
      by: UInt64(settings.outlierParts))
    guard wide || over || moved > most, !never else { return false }
    if unsafe row.pointee.outlierSince == 0 { unsafe row.pointee.outlierSince = max(1, time) }
    return unsafe time &- row.pointee.outlierSince < settings.outlierAcceptedAfter
  }

  /// Whether and how the instrument trades, and whether its book has all orders. ``set(_:_:at:)`` is to follow
  /// when the latter changes.
  ///
  /// - Returns: whether the status, and whether the rule changed.
  @_noLocks func setStates(
    _ i: Int, status: MarketStatus, shortSale: ShortSaleRule, isComplete: Bool
  ) -> (status: Bool, shortSale: Bool) {
    let row = unsafe row(i)
    let changed = unsafe (
      row.pointee.status.code != status.code, row.pointee.shortSale.code != shortSale.code
    )
    unsafe row.pointee.status = status
    unsafe row.pointee.shortSale = shortSale
    unsafe row.pointee.isComplete = isComplete
    unsafe row.pointee.isNamed = true
    return changed
  }

  @_noLocks @inline(__always) func traded(_ i: Int, _ trade: LastTrade) {
    let row = unsafe row(i)
    unsafe row.pointee.tradePrice = trade.price.raw
    unsafe row.pointee.tradeQuantity = trade.quantity.raw
    unsafe row.pointee.tradeTime = trade.time
  }

  /// No feed speaks of the instrument any more: what was known before one did is left.
  @_noLocks func forget(_ i: Int) {
    let row = unsafe row(i)
    let old = unsafe row.pointee
    unsafe row.pointee = QuoteRow(
      status: old.givenStatus, shortSale: old.givenShortSale, priceScale: old.priceScale)
    unsafe row.pointee.channel = old.channel
  }

  // MARK: Reading

  @_noLocks @inline(__always) private func holds(_ instrument: InstrumentID) -> Int? {
    let i = Int(instrument.raw)
    return i < count ? i : nil
  }

  /// Best bid and offer; zeros for an empty side.
  @_noLocks @inline(__always) public func quote(_ instrument: InstrumentID) -> Quote {
    guard let i = holds(instrument) else {
      return Quote(
        bid: Price(raw: 0), ask: Price(raw: 0), bidQuantity: Quantity(raw: 0),
        askQuantity: Quantity(raw: 0))
    }
    return Quote(
      bid: Price(raw: self[i].bid), ask: Price(raw: self[i].ask),
      bidQuantity: Quantity(raw: self[i].bidQuantity),
      askQuantity: Quantity(raw: self[i].askQuantity))
  }

  /// The last quote that passed all gates, and whether it still stands at `now`.
  @_noLocks public func goodQuote(_ instrument: InstrumentID, now: Int64) -> GoodQuote {
    guard let i = holds(instrument) else {
      return GoodQuote(bid: Price(raw: 0), ask: Price(raw: 0), time: 0, isCurrent: false)
    }
    if self[i].gates.isEmpty {
      return GoodQuote(
        bid: Price(raw: self[i].bid), ask: Price(raw: self[i].ask), time: max(1, self[i].time),
        isCurrent: gates(instrument, now: now).isEmpty)
    }
    return GoodQuote(
      bid: Price(raw: self[i].keptBid), ask: Price(raw: self[i].keptAsk), time: self[i].keptTime,
      isCurrent: false)
  }

  /// The last print that counts in the volume; nil before the first.
  @_noLocks public func lastTrade(_ instrument: InstrumentID) -> LastTrade? {
    guard let i = holds(instrument), self[i].tradeTime != 0 else { return nil }
    return LastTrade(
      price: Price(raw: self[i].tradePrice), quantity: Quantity(raw: self[i].tradeQuantity),
      time: self[i].tradeTime)
  }

  /// The gates that the present quote fails at a session time.
  @_noLocks public func gates(_ instrument: InstrumentID, now: Int64) -> QualityGates {
    guard let i = holds(instrument) else { return QualityGates.oneSided.union(.gap) }
    var gates = self[i].gates
    gates.subtract(.gap)
    if !isWhole(instrument) { gates.formUnion(.gap) }
    let isOld = settings.staleAfter > 0 && age(instrument, now: now) > settings.staleAfter
    let isSilent =
      settings.feedStaleAfter > 0 && feedAge(instrument, now: now) > settings.feedStaleAfter
    if isOld || isSilent || channel(of: i).isLate { gates.formUnion(.stale) }
    return gates
  }

  /// Session time since which the present quote fails a gate, an age and a hole of the feed apart; 0 while it
  /// is good.
  @_noLocks public func failingSince(_ instrument: InstrumentID) -> Int64 {
    guard let i = holds(instrument) else { return 0 }
    return self[i].failingSince
  }

  /// Session nanoseconds since the instrument's last message; `Int64.max` before the first.
  @_noLocks public func age(_ instrument: InstrumentID, now: Int64) -> Int64 {
    guard let i = holds(instrument) else { return .max }
    return Self.age(of: self[i].lastTime, now: now)
  }

  /// Session nanoseconds since the last message of the instrument's feed; `Int64.max` before the first.
  @_noLocks public func feedAge(_ instrument: InstrumentID, now: Int64) -> Int64 {
    guard let i = holds(instrument) else { return .max }
    return Self.age(of: channel(of: i).lastTime, now: now)
  }

  @_noLocks static func age(of time: Int64, now: Int64) -> Int64 {
    guard time != 0 else { return .max }
    let (age, overflow) = now.subtractingReportingOverflow(time)
    return overflow ? .max : age
  }

  /// What the instrument's feed brings now was sent too long ago.
  @_noLocks public func isLate(_ instrument: InstrumentID) -> Bool {
    guard let i = holds(instrument) else { return false }
    return channel(of: i).isLate
  }

  /// A feed has said which of its numbers is the instrument.
  @_noLocks public func isNamed(_ instrument: InstrumentID) -> Bool {
    guard let i = holds(instrument) else { return false }
    return self[i].isNamed
  }

  /// Whether it trades, market hours apart: the feed's word, else the instruments file's.
  @_noLocks public func status(_ instrument: InstrumentID) -> MarketStatus {
    guard let i = holds(instrument) else { return .unknown }
    return self[i].status
  }

  /// The feed's word, else the instruments file's.
  @_noLocks public func shortSale(_ instrument: InstrumentID) -> ShortSaleRule {
    guard let i = holds(instrument) else { return .unknown }
    return self[i].shortSale
  }

  /// Of the instrument's feed.
  @_noLocks public func hours(_ instrument: InstrumentID) -> MarketHours {
    guard let i = holds(instrument) else { return .unknown }
    return channel(of: i).hours
  }

  /// The book holds every order of the feed.
  @_noLocks public func isWhole(_ instrument: InstrumentID) -> Bool {
    guard let i = holds(instrument) else { return false }
    let channel = channel(of: i)
    return self[i].isComplete && channel.canBeBelieved && !channel.gapPending
  }

  /// The book would be whole but for a hole of the feed whose repair is under way and not late.
  ///
  /// Nothing new may rest on it. Whether what works already is left for so long is for a strategy to choose.
  @_noLocks public func awaitsRepair(_ instrument: InstrumentID) -> Bool {
    guard let i = holds(instrument) else { return false }
    let channel = channel(of: i)
    return self[i].isComplete && channel.canBeBelieved && channel.gapPending
      && !channel.repairIsLate
  }
}

/// What the view holds of one instrument: two cache lines.
struct QuoteRow: BitwiseCopyable {
  // The first line: what checks and strategies look at.
  var bid: Int64 = 0
  var ask: Int64 = 0
  var bidQuantity: Int64 = 0
  var askQuantity: Int64 = 0
  /// Session time of the present quote, and of the instrument's last message.
  var time: Int64 = 0
  var lastTime: Int64 = 0
  /// 0 while the present quote is good.
  var failingSince: Int64 = 0
  /// That the present quote failed when it came; ages are told when it is looked at, and holes then too.
  var gates = QualityGates.oneSided
  var status = MarketStatus.unknown
  var shortSale = ShortSaleRule.unknown
  var channel: UInt8 = 0
  /// The feed has named it.
  var isNamed = false
  /// Of its own book nothing is missing.
  var isComplete = false
  /// What a price of an ITCH feed is multiplied by.
  var priceScale: UInt16 = 1

  // The second line. The last good quote, while the present one is not.
  var keptBid: Int64 = 0
  var keptAsk: Int64 = 0
  /// 0: none yet.
  var keptTime: Int64 = 0
  /// 0: none stands.
  var outlierSince: Int64 = 0
  var tradePrice: Int64 = 0
  var tradeQuantity: Int64 = 0
  var tradeTime: Int64 = 0
  /// Before a feed speaks.
  var givenStatus = MarketStatus.unknown
  var givenShortSale = ShortSaleRule.unknown
  var reserved0: UInt16 = 0
  var reserved1: UInt32 = 0

  init() {}
  init(_ facts: InstrumentFacts) {
    self.init(
      status: facts.status, shortSale: facts.shortSale,
      priceScale: UInt16(
        clamping: RiskInstrument.power(VenueTicks.exponent - Int(facts.priceExponent))))
  }
  @_noLocks init(status: MarketStatus, shortSale: ShortSaleRule, priceScale: UInt16) {
    self.status = status
    self.shortSale = shortSale
    self.priceScale = priceScale
    givenStatus = status
    givenShortSale = shortSale
  }

  /// A quote has been good.
  var hasGood: Bool { @_noLocks @inline(__always) get { gates.isEmpty || keptTime != 0 } }

  @_noLocks @inline(__always) mutating func keepGood() {
    keptBid = bid
    keptAsk = ask
    keptTime = max(1, time)
  }
}

/// What the gates compare with.
struct QuoteSettings: BitwiseCopyable {
  var staleAfter: Int64
  var feedStaleAfter: Int64
  var outlierParts: UInt32
  var outlierAcceptedAfter: Int64

  init(_ settings: MarketDataSettings) {
    staleAfter = settings.staleAfter
    feedStaleAfter = settings.feedStaleAfter
    outlierParts = settings.outlierParts
    outlierAcceptedAfter = settings.outlierAcceptedAfter
  }
}
