/// A configuration as lines of text, `name = value`, that a journal carries: read by people, and read back where
/// a run is recovered.
///
/// One description, ``EngineConfiguration/describe(_:)``, writes and reads it, so that the two can't disagree.
/// Cold; instruments lie in records of their own.
struct ConfigurationText {
  /// Written so far, without what is only said for people.
  private(set) var lines: [String] = []
  private var values: [String: String] = [:]
  private var path: [String] = []
  private let isReading: Bool
  /// The first thing that could not be read.
  private(set) var problem: String?

  /// To be written.
  init() { isReading = false }

  /// To be read.
  init(reading text: String) {
    isReading = true
    // By bytes: what a character is depends on what stands beside it.
    for line in text.utf8.split(separator: 10) {
      let bytes = Array(line)
      guard
        let at = bytes.indices.dropLast(2).first(where: { bytes[$0...].starts(with: [32, 61, 32]) })
      else { continue }
      values[String(decoding: bytes[..<at], as: UTF8.self)] = String(
        decoding: bytes[(at + 3)...], as: UTF8.self)
    }
  }

  private mutating func fail(_ name: String, _ what: String) {
    if problem == nil { problem = "the configuration's \(full(name)) \(what)" }
  }
  private func full(_ name: String) -> String { (path + [name]).joined(separator: ".") }

  /// A value as text: written as it is, or what was read in its place.
  private mutating func exchange(_ name: String, _ text: String) -> String {
    guard isReading else {
      lines.append("\(full(name)) = \(text)")
      return text
    }
    guard let found = values[full(name)] else {
      fail(name, "is missing")
      return text
    }
    return found
  }

  mutating func number<T: FixedWidthInteger>(_ name: String, _ value: inout T) {
    let text = exchange(name, "\(value)")
    if let read = T(text) { value = read } else { fail(name, "is no number that fits: \(text)") }
  }

  mutating func flag(_ name: String, _ value: inout Bool) {
    let text = exchange(name, "\(value)")
    if let read = Bool(text) { value = read } else { fail(name, "is neither true nor false") }
  }

  /// Line ends and backslashes are written as `\n` and `\\`.
  mutating func text(_ name: String, _ value: inout String) {
    var written = ""
    for character in value.unicodeScalars {
      switch character {
      case "\\": written += "\\\\"
      case "\n": written += "\\n"
      default: written.unicodeScalars.append(character)
      }
    }
    let read = exchange(name, written)
    value = ""
    var isEscaped = false
    for character in read.unicodeScalars {
      if isEscaped {
        value.unicodeScalars.append(character == "n" ? "\n" : character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else {
        value.unicodeScalars.append(character)
      }
    }
  }

  /// An enumeration by its number.
  mutating func choice<E: RawRepresentable>(_ name: String, _ value: inout E)
  where E.RawValue: FixedWidthInteger {
    var raw = value.rawValue
    number(name, &raw)
    if let read = E(rawValue: raw) { value = read } else { fail(name, "has no meaning: \(raw)") }
  }

  /// `none` where there is no value.
  mutating func number<T: FixedWidthInteger>(_ name: String, _ value: inout T?) {
    let text = exchange(name, value.map { "\($0)" } ?? "none")
    if text == "none" {
      value = nil
    } else if let read = T(text) {
      value = read
    } else {
      fail(name, "is no number that fits: \(text)")
    }
  }

  mutating func group(_ name: String, _ body: (inout ConfigurationText) -> Void) {
    path.append(name)
    body(&self)
    path.removeLast()
  }

  /// Elements under their numbers, behind how many there are.
  mutating func list<T>(
    _ name: String, _ values: inout [T], empty: T,
    _ body: (inout ConfigurationText, inout T) -> Void
  ) {
    group(name) { text in
      var count = values.count
      text.number("count", &count)
      // An element has a line at least.
      guard text.problem == nil, count >= 0, !text.isReading || count <= text.values.count else {
        text.fail("count", "is no length of a list")
        return
      }
      if count > values.count { values += [T](repeating: empty, count: count - values.count) }
      if count < values.count { values.removeLast(values.count - count) }
      for i in 0..<count { text.group("\(i)") { body(&$0, &values[i]) } }
    }
  }
}

extension EngineConfiguration {
  /// All that decides what the engine does, instruments apart.
  var text: String {
    var text = ConfigurationText()
    var copy = self
    copy.describe(&text)
    return text.lines.map { $0 + "\n" }.joined()
  }

  /// FNV-1a over ``text`` and the instruments.
  var hash: UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { hash = Self.mixed(hash, byte) }
    for facts in instruments {
      let record = InstrumentRecord(facts: facts, instrument: .none)
      hash = unsafe withUnsafeBytes(of: record) { unsafe $0.reduce(hash, Self.mixed) }
    }
    return hash
  }

  private static func mixed(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
    (hash ^ UInt64(byte)) &* 0x100_0000_01b3
  }

  /// As ``text`` has it; throws what can't be read.
  init(text: String, instruments: [InstrumentFacts]) throws(ReplayError) {
    self.init(instruments: instruments, accounts: [], strategies: [], venues: [])
    var reading = ConfigurationText(reading: text)
    describe(&reading)
    if let problem = reading.problem { throw .unreadableConfiguration(problem) }
  }

  fileprivate mutating func describe(_ text: inout ConfigurationText) {
    describeWho(&text)
    let feed = FeedConfiguration(name: "", kind: .orders)
    text.list("feeds", &feeds, empty: feed) { $1.describe(&$0) }
    text.list("venues", &venues, empty: VenueConfiguration(name: "")) { $1.describe(&$0) }
    text.list("ports", &ports, empty: .empty) { $1.describe(&$0) }
    text.list("routes", &routes, empty: RouteConfiguration(account: .init(raw: 0), ports: [])) {
      $1.describe(&$0)
    }
    describePositions(&text)
    describeLimits(&text)
    describeSizes(&text)
  }

  private mutating func describeWho(_ text: inout ConfigurationText) {
    text.list("accounts", &accounts, empty: AccountConfiguration(name: "")) { text, account in
      text.text("name", &account.name)
      text.number("cash", &account.cash.raw)
      text.choice("capacity", &account.capacity)
      text.group("limits") { account.limits.describe(&$0) }
    }
    let nobody = StrategyConfiguration(name: "", account: AccountID(raw: 0))
    text.list("strategies", &strategies, empty: nobody) { text, strategy in
      text.text("name", &strategy.name)
      text.number("account", &strategy.account.raw)
      text.group("limits") { strategy.limits.describe(&$0) }
    }
  }

  private mutating func describePositions(_ text: inout ConfigurationText) {
    let none = OpeningPosition(
      account: AccountID(raw: 0), strategy: StrategyID(raw: 0), instrument: .none, quantity: 0,
      cost: .zero)
    text.list("openingPositions", &openingPositions, empty: none) { text, position in
      text.number("account", &position.account.raw)
      text.number("strategy", &position.strategy.raw)
      text.number("instrument", &position.instrument.raw)
      text.number("venue", &position.venue.raw)
      text.number("quantity", &position.quantity)
      text.number("cost", &position.cost.raw)
    }
  }

  private mutating func describeLimits(_ text: inout ConfigurationText) {
    text.group("firm") { firmLimits.describe(&$0) }
    var byInstrument = instrumentLimits.sorted { $0.key.raw < $1.key.raw }
    text.list("instrumentLimits", &byInstrument, empty: (.none, RiskLimits())) { text, entry in
      var key = entry.key.raw
      text.number("instrument", &key)
      entry.value.describe(&text)
      entry = (InstrumentID(raw: key), entry.value)
    }
    instrumentLimits = Dictionary(byInstrument.map { ($0.key, $0.value) }) { first, _ in first }
    var closed = restricted.map(\.raw).sorted()
    text.list("restricted", &closed, empty: 0) { $0.number("instrument", &$1) }
    restricted = Set(closed.map { InstrumentID(raw: $0) })
    text.group("staticCollar") { staticCollar.describe(&$0) }
    text.group("dynamicCollar") { dynamicCollar.describe(&$0) }
    text.number("dataAgeMax", &dataAgeMax)
    text.number("goodQuoteAgeMax", &goodQuoteAgeMax)
    text.number("duplicateWindow", &duplicateWindow)
    text.number("duplicatesMax", &duplicatesMax)
    text.number("acknowledgeTimeout", &acknowledgeTimeout)
    text.flag("portLatchesFirm", &portLatchesFirm)
    text.number("standingCauses", &standingCauses.raw)
    text.number("outboxAgeMax", &outboxAgeMax)
  }

  private mutating func describeSizes(_ text: inout ConfigurationText) {
    text.number("tradingDay", &tradingDay)
    text.number("firstClientOrderID", &firstClientOrderID)
    text.number("poolCapacity", &poolCapacity)
    text.number("ordersPerDayMax", &ordersPerDayMax)
    text.number("executionsMax", &executionsMax)
    text.number("outboxCapacity", &outboxCapacity)
    text.number("timersMax", &timersMax)
    text.number("stateHashRecords", &stateHashRecords)
    text.number("stateHashInterval", &stateHashInterval)
    text.group("marketData") { marketData.describe(&$0) }
  }
}

extension SessionOrigin {
  /// What is only said for people: who runs it, where, since when, and whatever else the run is made of.
  var text: String {
    let who = [
      "run.build = \(build)", "run.host = \(host)", "run.user = \(user)", "run.utc = \(utc)",
      "run.machineTime = \(machineTime)",
    ]
    let lines = (who + settings.map { "run.settings.\($0)" })
    return lines.map { $0.split(whereSeparator: \.isNewline).joined(separator: " ") + "\n" }
      .joined()
  }
}

extension RiskLimits {
  fileprivate mutating func describe(_ text: inout ConfigurationText) {
    text.number("orderQuantity", &orderQuantity)
    var notional = orderNotional?.raw
    text.number("orderNotional", &notional)
    orderNotional = notional.map { Money(raw: $0) }
    text.number("position", &position)
    text.number("openOrders", &openOrders)
    var rate = messageRate?.perSecond
    text.number("messagesPerSecond", &rate)
    guard let perSecond = rate else { return messageRate = nil }
    var limit = messageRate ?? MessageRate(perSecond: perSecond, burst: 0, keptForCancels: 0)
    limit.perSecond = perSecond
    text.number("messageBurst", &limit.burst)
    text.number("messagesKeptForCancels", &limit.keptForCancels)
    messageRate = limit
  }
}

extension PriceCollar {
  fileprivate mutating func describe(_ text: inout ConfigurationText) {
    text.number("basisPoints", &basisPoints)
    text.number("absolute", &absolute)
  }
}

extension MarketDataSettings {
  fileprivate mutating func describe(_ text: inout ConfigurationText) {
    text.number("orders", &capacity.orders)
    text.number("levels", &capacity.levels)
    text.number("windows", &capacity.windows)
    text.number("ladderSlots", &capacity.ladderSlots)
    text.flag("queues", &capacity.queues)
    text.number("staleAfter", &staleAfter)
    text.number("feedStaleAfter", &feedStaleAfter)
    text.number("outlierParts", &outlierParts)
    text.number("outlierAcceptedAfter", &outlierAcceptedAfter)
    text.flag("bindsAtFirstAdd", &bindsAtFirstAdd)
    text.flag("startsWhole", &startsWhole)
  }
}

extension FeedConfiguration {
  fileprivate mutating func describe(_ text: inout ConfigurationText) {
    text.text("name", &name)
    text.choice("kind", &kind)
    text.choice("hours", &hours)
    text.number("levelsMax", &levelsMax)
    text.some("instruments", &instruments)
  }
}

extension ConfigurationText {
  /// A set of instruments; nil is all.
  fileprivate mutating func some(_ name: String, _ value: inout Set<InstrumentID>?) {
    var isAll = value == nil
    flag(name + "All", &isAll)
    guard !isAll else { return value = nil }
    var some = (value ?? []).map(\.raw).sorted()
    list(name, &some, empty: 0) { $0.number("instrument", &$1) }
    value = Set(some.map { InstrumentID(raw: $0) })
  }
}

extension PortConfiguration {
  fileprivate static var empty: PortConfiguration {
    PortConfiguration(name: "", venue: VenueID(raw: 0), accounts: [])
  }
  fileprivate mutating func describe(_ text: inout ConfigurationText) {
    text.text("name", &name)
    text.number("venue", &venue.raw)
    text.list("accounts", &accounts, empty: AccountID(raw: 0)) { $0.number("account", &$1.raw) }
    text.number("firstReference", &firstReference)
    text.flag("isUpAtStart", &isUpAtStart)
  }
}

extension RouteConfiguration {
  fileprivate mutating func describe(_ text: inout ConfigurationText) {
    text.number("account", &account.raw)
    var only = instrument?.raw
    text.number("instrument", &only)
    instrument = only.map { InstrumentID(raw: $0) }
    text.list("ports", &ports, empty: .first) { $0.number("port", &$1.raw) }
  }
}

extension VenueConfiguration {
  fileprivate mutating func describe(_ text: inout ConfigurationText) {
    text.text("name", &name)
    text.group("rules") { rules.describe(&$0) }
    text.group("capabilities") { capabilities.describe(&$0) }
    text.number("feeUnknown", &fees.unknown)
    var perUnit = fees.perUnit.sorted { $0.key < $1.key }
    text.list("fees", &perUnit, empty: (0, 0)) { text, fee in
      var (flag, amount) = fee
      text.number("flag", &flag)
      text.number("perUnit", &amount)
      fee = (flag, amount)
    }
    fees.perUnit = Dictionary(perUnit.map { ($0.key, $0.value) }) { first, _ in first }
    var perNotional = fees.perNotional.sorted { $0.key < $1.key }
    text.list("feesByNotional", &perNotional, empty: (0, 0)) { text, fee in
      var (flag, amount) = fee
      text.number("flag", &flag)
      text.number("perNotional", &amount)
      fee = (flag, amount)
    }
    fees.perNotional = Dictionary(perNotional.map { ($0.key, $0.value) }) { first, _ in first }
    text.some("instruments", &instruments)
  }
}

extension VenueRules {
  fileprivate mutating func describe(_ text: inout ConfigurationText) {
    text.range("quantity", &quantities)
    text.range("price", &prices.mantissas)
    text.number("priceExponent", &prices.exponent)
    text.number("gridExponent", &grid.exponent)
    text.list("grid", &grid.bands, empty: PriceGrid.Band(from: 0)) { text, band in
      text.number("from", &band.from)
      text.number("step", &band.step)
    }
    text.flag("takesOddLots", &takesOddLots)
    text.choice("hours", &hours)
  }
}

extension ConfigurationText {
  fileprivate mutating func range(_ name: String, _ value: inout ClosedRange<Int64>) {
    var lower = value.lowerBound
    var upper = value.upperBound
    number(name + "Min", &lower)
    number(name + "Max", &upper)
    if lower <= upper { value = lower...upper } else { fail(name, "ends before it begins") }
  }
}

extension VenueCapabilities {
  fileprivate mutating func describe(_ text: inout ConfigurationText) {
    text.choice("replacing", &replacing)
    text.flag("reducesInPlace", &reducesInPlace)
    text.flag("cancelsPart", &cancelsPart)
    text.flag("quantityIsWhole", &quantityIsWhole)
    text.flag("cancelsAll", &cancelsAll)
    text.flag("switchesEntry", &switchesEntry)
    text.flag("answersInquiries", &answersInquiries)
    text.choice("timesInForce", &timesInForce)
    text.choice("flags", &flags)
    text.choice("displays", &displays)
    text.number("replacesMax", &replacesMax)
    text.number("referenceMax", &referenceMax)
  }
}
