/// What orders are held against: one table of limits, scope by kind, changed in whole versions; the message rates
/// that it sets; collars and ages; and what the quick pass works out of them.
///
/// A version is built aside, change by change, and comes into force at once or not at all. A place in the table is a
/// scope's number (the firm, the accounts, the strategies), or behind all scopes an instrument's.
@safe struct Limits {
  private(set) var table: Column<ScopeLimits>
  /// By scope: requests a second.
  var buckets: Column<TokenBucket>
  /// See ``InstrumentBounds`` and ``StrategyBounds``.
  private(set) var instrumentBounds: Column<InstrumentBounds>
  private(set) var strategyBounds: Column<StrategyBounds>
  private(set) var marketBounds = MarketBounds()
  private(set) var settings = RiskSettings()
  let scopeCount: Int
  private let accountCount: Int
  private let instrumentCount: Int
  private let strategyCount: Int
  /// Those of the instruments, each once, and which one an instrument has.
  private var scales: Column<LimitScale>
  private var scaleOf: Column<Int32>

  /// How often the table has been changed.
  private(set) var version: UInt32 = 0
  /// The next version: the table's rows with what is put aside, and which of them differ.
  private var draft: Column<ScopeLimits>
  private var isDrafted: Column<Bool>
  private var drafted: Column<Int32>
  private var draftedCount = 0
  private(set) var digest = LimitDigest()
  /// Of all rows; changed by taking the old one off and putting the new one on.
  private(set) var hash: UInt64 = 0

  init(_ b: inout ColumnBuilder, _ c: EngineConfiguration) {
    accountCount = c.accounts.count
    instrumentCount = c.instruments.count
    strategyCount = c.strategies.count
    scopeCount = 1 + accountCount + c.strategies.count
    let places = scopeCount + instrumentCount
    table = b.column(ScopeLimits(), places)
    buckets = b.column(TokenBucket(), scopeCount)
    instrumentBounds = b.column(InstrumentBounds(), c.venues.count * instrumentCount + 1)
    let kinds = Self.scales(c)
    scales = b.column(kinds[0], kinds.count)
    scaleOf = b.column(0, c.instruments.count)
    strategyBounds = b.column(StrategyBounds(), c.strategies.count * kinds.count)
    draft = b.column(ScopeLimits(), places)
    isDrafted = b.column(false, places)
    drafted = b.column(0, places)
  }

  private static func scales(_ c: EngineConfiguration) -> [LimitScale] {
    var found: [LimitScale] = []
    for facts in c.instruments where !found.contains(LimitScale(facts)) {
      found.append(LimitScale(facts))
    }
    return found
  }

  /// Once, when the columns are there.
  mutating func open(_ c: EngineConfiguration) {
    let kinds = Self.scales(c)
    for (i, scale) in kinds.enumerated() { scales[i] = scale }
    for (i, facts) in c.instruments.enumerated() {
      scaleOf[i] = Int32(kinds.firstIndex(of: LimitScale(facts)) ?? 0)
    }
    settings = RiskSettings(c)
    marketBounds = MarketBounds(c)
    let scopes = [c.firmLimits] + c.accounts.map(\.limits) + c.strategies.map(\.limits)
    for (place, limits) in scopes.enumerated() { table[place] = ScopeLimits(limits) }
    for i in 0..<instrumentCount {
      let id = InstrumentID(raw: UInt32(i))
      table[scopeCount + i] = ScopeLimits(
        c.instrumentLimits[id] ?? RiskLimits(), isRestricted: c.restricted.contains(id))
    }
    for place in 0..<table.count {
      draft[place] = table[place]
      hash &+= hash(of: place)
    }
    for scope in 0..<scopeCount { buckets[scope].change(table[scope], at: 0) }
  }

  // MARK: Places

  @inline(__always) func place(of account: AccountID) -> Int { 1 &+ Int(account.raw) }
  @inline(__always) func place(of strategy: StrategyID) -> Int {
    1 &+ accountCount &+ Int(strategy.raw)
  }
  @inline(__always) func place(ofInstrument i: Int) -> Int { scopeCount &+ i }

  // MARK: Versions

  /// The scope can have such a limit, and it can be so much. Whether it fits the others is seen when the version is whole.
  func isPossible(_ kind: LimitKind, _ value: Int128, at place: Int) -> Bool {
    let isOfInstrument = place >= scopeCount
    let isNone = value == Command.noLimit
    switch kind {
    case .orderNotional: return value >= 0
    case .orderQuantity, .position, .openOrders:
      return isNone || (0..<Int128(Int64.max)).contains(value)
    case .messagesPerSecond, .messageBurst, .messagesKeptForCancels:
      return !isOfInstrument && (isNone || (0..<Int128(Int64.max)).contains(value))
    case .restricted: return isOfInstrument && (0...1).contains(value)
    }
  }

  /// A change of the next version; nothing of it is in force yet.
  mutating func putAside(_ c: Command, _ kind: LimitKind, at place: Int) {
    if !isDrafted[place] {
      isDrafted[place] = true
      drafted[draftedCount] = Int32(truncatingIfNeeded: place)
      draftedCount &+= 1
    }
    draft[place].set(kind, c.limitValue)
    digest.add(c)
  }

  /// Every row of the next version can be in force.
  func isDraftPossible() -> Bool {
    for i in 0..<draftedCount {
      let place = Int(drafted[i])
      guard draft[place].isPossible(ofFirm: place == 0) else { return false }
    }
    return true
  }

  /// What is put aside is forgotten.
  mutating func dropDraft() {
    for i in 0..<draftedCount {
      let place = Int(drafted[i])
      isDrafted[place] = false
      draft[place] = table[place]
    }
    draftedCount = 0
    digest = LimitDigest()
  }

  /// What is put aside is in force, as the next version; the bounds of its places have to be worked out before the
  /// draft is dropped.
  mutating func commitDraft(at time: Int64) {
    for i in 0..<draftedCount {
      let place = Int(drafted[i])
      hash &-= hash(of: place)
      table[place] = draft[place]
      hash &+= hash(of: place)
      if place < scopeCount { buckets[place].change(table[place], at: time) }
    }
    version &+= 1
  }

  /// Places of the table that the draft changes.
  var draftedPlaces: Int { draftedCount }
  func draftedPlace(_ i: Int) -> Int { Int(drafted[i]) }

  // MARK: Bounds

  /// After a limit of the instrument changed.
  mutating func setBounds(
    instrument i: Int, venue: Int, _ facts: RiskInstrument, _ listing: Listing, takesPlain: Bool
  ) {
    instrumentBounds[venue &* instrumentCount &+ i] = InstrumentBounds(
      facts, listing, table[place(ofInstrument: i)], strategies: Int(scaleOf[i]) &* strategyCount,
      takesPlain: takesPlain)
  }

  /// After a limit of firm, account or strategy changed.
  mutating func setBounds(_ strategy: StrategyID, _ account: AccountID) {
    for kind in 0..<scales.count {
      strategyBounds[kind &* strategyCount &+ Int(strategy.raw)] = StrategyBounds(
        table[place(of: strategy)], account: table[place(of: account)], firm: table[0],
        scales[kind])
    }
  }

  // MARK: Hash and invariants

  private func hash(of place: Int) -> UInt64 {
    var h = StateHasher(seed: UInt64(truncatingIfNeeded: place))
    table[place].mix(into: &h)
    return h.value
  }

  mutating func mix(at time: Int64, into h: inout StateHasher) {
    h.mix(hash)
    h.mix(UInt64(version))
    h.mix(digest.count)
    h.mix(digest.value)
    for i in 0..<scopeCount {
      buckets[i].refill(at: time)
      h.mix(buckets[i].state)
    }
  }

  /// What does not hold of it by itself.
  func broken() -> [String] {
    var sum: UInt64 = 0
    var differing = 0
    for place in 0..<table.count {
      sum &+= hash(of: place)
      if draft[place] != table[place], !isDrafted[place] { differing += 1 }
    }
    var broken = sum == hash ? [] : ["the hash of the limits is not theirs"]
    if differing > 0 { broken.append("\(differing) limits differ from their draft") }
    if !table[0].isPossible(ofFirm: true) { broken.append("a limit of the firm is missing") }
    return broken
  }
}

/// Settings of the chain and its latches.
struct RiskSettings: BitwiseCopyable {
  var dynamicBasisPoints: Int64 = 0
  var dynamicAbsolute: Int64 = 0
  var dataAgeMax: Int64 = 0
  var goodQuoteAgeMax: Int64 = 0
  var symbolAgeMax: Int64 = 0
  var acknowledgeTimeout: Int64 = 0
  /// How long a request is left without an answer, and an inquiry that failed without another.
  var inquiryInterval: Int64 = 1_000_000_000
  /// See ``EngineConfiguration/portLatchesFirm``.
  var portLatchesFirm = false

  init() {}
  init(_ c: EngineConfiguration) {
    dynamicBasisPoints = c.dynamicCollar.basisPoints
    dynamicAbsolute = c.dynamicCollar.absolute
    dataAgeMax = c.dataAgeMax
    goodQuoteAgeMax = c.goodQuoteAgeMax
    symbolAgeMax = c.marketData.staleAfter
    acknowledgeTimeout = c.acknowledgeTimeout
    if c.acknowledgeTimeout > 0 { inquiryInterval = c.acknowledgeTimeout }
    portLatchesFirm = c.portLatchesFirm
  }
}
