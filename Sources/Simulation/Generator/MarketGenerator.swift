public import ExecutionCore

/// Makes a day of NASDAQ TotalView-ITCH 5.0 messages from a seed: opening, flow, end.
///
/// Every message is valid by construction: the generator keeps the books, names live orders only, never
/// crosses, executes the front of the best queue. Integers only, so the same settings give the same
/// bytes everywhere. Prices wander around a hidden value of each symbol; orders follow it.
///
/// Threading: one owner. Memory grows with symbols and live orders.
public struct MarketGenerator: Sendable {
  public let settings: GeneratorSettings
  /// Messages made so far.
  public private(set) var messages: UInt64 = 0
  /// What the instruments file of this market says: previous close, volume, states.
  public private(set) var instruments: [InstrumentFacts] = []

  var random: SeededRandom
  let style: StyleNumbers
  var book = ExchangeBook()
  var symbols: [GeneratedSymbol] = []
  var time: Int64
  private var weights: [UInt64] = []
  private var pending: [MarketRecord] = []
  private var pendingIndex = 0
  private var nextReference: UInt64 = 1
  private var nextMatch: UInt64 = 1
  private var lastMatch: (number: UInt64, locate: UInt16)?
  private var phase = Phase.opening

  private enum Phase { case opening, flow, ending, done }

  /// Longest wait that the generator makes for a message that some symbol can have.
  private static let triesMax = 64

  public init(settings: GeneratorSettings) {
    self.settings = settings
    random = SeededRandom(seed: settings.seed)
    style = StyleNumbers(settings)
    time = settings.midnight &+ settings.opening &- 1_000_000_000
    makeSymbols()
  }

  /// The next message; nil after the last.
  public mutating func next() -> MarketRecord? {
    while pendingIndex >= pending.count {
      pending.removeAll(keepingCapacity: true)
      pendingIndex = 0
      switch phase {
      case .opening:
        open()
        phase = .flow
      case .flow:
        if isAtEnd {
          phase = .ending
        } else {
          flow()
        }
      case .ending:
        for code in "MEC".utf8 {
          time &+= 1_000
          systemEvent(code)
        }
        phase = .done
      case .done: return nil
      }
    }
    defer { pendingIndex += 1 }
    messages &+= 1
    return pending[pendingIndex]
  }

  private var isAtEnd: Bool {
    if let most = settings.messagesMax, messages &+ 3 >= most { return true }
    if let duration = settings.duration {
      return time &- settings.midnight &- settings.opening >= duration
    }
    return false
  }

  // MARK: - Opening

  private mutating func makeSymbols() {
    var total: UInt64 = 0
    for rank in 0..<settings.symbols {
      total += 1_000_000_000 / UInt64(rank + 1)
      weights.append(total)
      // $20 to $420, whole cents.
      let price = 200_000 + Int64(random.below(UInt64(40_000))) * 100
      let symbol = Self.symbolCode(rank)
      symbols.append(
        GeneratedSymbol(
          symbol: symbol, value: price * 1_000, lastEvent: time, isUp: random.below(UInt64(2)) == 0)
      )
      var facts = InstrumentFacts(symbol: Symbol(code: symbol))
      facts.previousClose = price * 10_000
      facts.averageVolume = Int64(20_000_000 / (rank + 1)) + 10_000
      facts.shortable = true
      facts.shortSale = .unrestricted
      facts.status = .trading
      instruments.append(facts)
    }
  }

  /// Names of three or four letters that are no listed companies' on purpose: Q and Z at the ends.
  private static func symbolCode(_ rank: Int) -> UInt64 {
    var letters: [UInt8] = [UInt8(ascii: "Q")]
    var rest = rank
    for _ in 0..<3 {
      letters.append(UInt8(ascii: "A") + UInt8(rest % 26))
      rest /= 26
    }
    letters.append(UInt8(ascii: "Z"))
    var word: UInt64 = 0
    for i in 0..<8 { word |= UInt64(i < letters.count ? letters[i] : 0x20) << UInt64(8 * i) }
    return word
  }

  private mutating func open() {
    systemEvent(UInt8(ascii: "O"))
    for index in symbols.indices { announce(index) }
    time &+= 1_000
    systemEvent(UInt8(ascii: "S"))
    for index in symbols.indices {
      for isBuy in [true, false] {
        for _ in 0..<settings.backgroundOrders / 2 { addBackground(index, isBuy: isBuy) }
        for _ in 0..<style.depth { add(index, isBuy: isBuy) }
      }
    }
    time = max(time, settings.midnight &+ settings.opening)
    systemEvent(UInt8(ascii: "Q"))
    for index in symbols.indices { cross(index) }
  }

  /// Stock directory, trading action, Reg SHO (ITCH 5.0, sections 1.2.1 to 1.2.3).
  private mutating func announce(_ index: Int) {
    var record = header(UInt8(ascii: "R"), index)
    record.shares = 100
    record.side = UInt8(ascii: "N")
    // Market category Q, financial status N.
    record.code = UInt16(UInt8(ascii: "Q")) | UInt16(UInt8(ascii: "N")) << 8
    // Issue classification C, sub-type Z and blank, production, no threshold, no IPO, tier 1, no ETP.
    for (place, letter) in "CZ PNN1N".utf8.enumerated() {
      record.detail |= UInt64(letter) << UInt64(8 * place)
    }
    record.reference = UInt64(UInt8(ascii: "N"))
    put(record)
    action(index, state: UInt8(ascii: "T"))
    record = header(UInt8(ascii: "Y"), index)
    record.code = UInt16(UInt8(ascii: "0"))
    put(record)
  }

  mutating func action(_ index: Int, state: UInt8) {
    var record = header(UInt8(ascii: "H"), index)
    record.code = UInt16(state) | 0x2000
    record.detail = 0x2020_2020
    put(record)
  }

  /// The opening cross: Q prints, and never fills continuous orders.
  private mutating func cross(_ index: Int) {
    var record = header(UInt8(ascii: "Q"), index)
    record.reference = UInt64(100 * (1 + random.below(UInt64(200))))
    record.price = UInt32(clamping: symbols[index].value / 100_000 * 100)
    record.second = takeMatch()
    record.code = UInt16(UInt8(ascii: "O"))
    put(record)
  }

  // MARK: - Flow

  private mutating func flow() {
    let mean = 1_000_000_000 / settings.rate
    // Half of the messages come in clusters.
    let isClustered = random.below(UInt64(2)) == 0
    time &+= max(1, random.exponential(mean: isClustered ? mean / 10 : mean * 19 / 10))
    for _ in 0..<Self.triesMax {
      let index = pickSymbol()
      age(index)
      if act(index) { return }
    }
  }

  private mutating func pickSymbol() -> Int {
    let ticket = random.below(weights[weights.count - 1])
    var low = 0
    var high = weights.count - 1
    while low < high {
      let middle = (low + high) / 2
      if weights[middle] <= ticket { low = middle + 1 } else { high = middle }
    }
    return low
  }

  // MARK: - Helpers

  func header(_ kind: UInt8, _ index: Int) -> MarketRecord {
    var record = MarketRecord()
    record.kind = kind
    record.locate = UInt16(index + 1)
    record.sessionTime = time
    record.symbol = symbols[index].symbol
    return record
  }

  private mutating func systemEvent(_ code: UInt8) {
    var record = MarketRecord()
    record.kind = UInt8(ascii: "S")
    record.sessionTime = time
    record.code = UInt16(code)
    put(record)
  }

  mutating func put(_ record: MarketRecord) { pending.append(record) }

  mutating func takeReference() -> UInt64 {
    defer { nextReference &+= random.below(UInt64(8)) == 0 ? 3 : 1 }
    return nextReference
  }

  mutating func takeMatch() -> UInt64 {
    defer { nextMatch &+= 1 }
    return nextMatch
  }

  mutating func remember(match: UInt64, locate: UInt16) { lastMatch = (match, locate) }

  mutating func takeLastMatch() -> (number: UInt64, locate: UInt16)? {
    defer { lastMatch = nil }
    return lastMatch
  }
}

/// One symbol of a generated market.
struct GeneratedSymbol: BitwiseCopyable, Sendable {
  var symbol: UInt64
  /// The hidden value in 10⁻⁷ dollars.
  var value: Int64
  var lastEvent: Int64
  var isUp: Bool
  /// Session time at which a halt ends; 0 when there is none.
  var haltedUntil: Int64 = 0
  /// Live orders near the market by side.
  var bids: Int = 0
  var asks: Int = 0
}
