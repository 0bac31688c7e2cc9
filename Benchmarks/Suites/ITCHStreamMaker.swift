import BenchSupport
import CSupport
import ExecutionCore

/// Makes the benchmark's ITCH session: the mix of messages of a NASDAQ day, symbols by Zipf's law,
/// references as four matching engines number them, prices near a walking touch with a tail far
/// from it. The bytes are a function of the settings alone.
///
/// Books of the product are kept beside it, so that executions name the first order of the best level;
/// the suite holds their changes against those of a twin that shares nothing with them.
struct ITCHStreamMaker {
  struct Settings: Hashable {
    var messages: Int
    var symbols: Int
    /// Orders added before anything else happens, and kept about that many.
    var live: Int
    var seed: UInt64 = 20_191_230
  }

  private let settings: Settings
  private var random: BenchRandom
  private let arena: OpaquePointer
  private let books: OrderBooks
  private let resting: UnsafeMutablePointer<RestingOrder>
  /// Live references of each symbol, and some that are not any more; newest last.
  private var references: [[UInt64]]
  /// Ticks of 100; the walking value of each symbol.
  private var values: [Int]
  private let codes: [UInt64]
  /// Cumulated weights of the symbols, in 2³².
  private var weights: [UInt32] = []
  private var engines: [UInt64] = [1_000_000, 700_000, 1_400_000, 400_000]
  private var matchNumber: UInt64 = 10_000
  private var time: Int64 = 34_200_000_000_000
  private(set) var bytes: [UInt8] = []
  private(set) var messages = 0

  static func make(_ settings: Settings) throws -> [UInt8] {
    var maker = try ITCHStreamMaker(settings)
    defer { maker.finish() }
    for _ in 0..<min(settings.live, settings.messages) {
      maker.add(maker.symbol(), isOpening: true)
    }
    while maker.messages < settings.messages { maker.step() }
    return maker.bytes
  }

  private init(_ settings: Settings) throws {
    self.settings = settings
    random = BenchRandom(seed: settings.seed)
    var capacity = BookCapacity(orders: max(settings.live * 2, 1 << 16))
    capacity.ladderSlots += 64 * settings.symbols
    var made: OpaquePointer?
    let error = nt_arena_create(
      &made, OrderBooks.bytes(for: capacity),
      nt_arena_options(numa_node: -1, huge_pages: true, lock: false, prefault: false), nil)
    guard error == 0, let arena = made, let books = OrderBooks(capacity: capacity, arena: arena)
    else { throw BenchError("no memory to generate the ITCH stream: errno \(error)") }
    self.arena = arena
    self.books = books
    resting = .allocate(capacity: 1)
    resting.initialize(to: RestingOrder())
    references = Array(repeating: [], count: settings.symbols)
    values = (0..<settings.symbols).map { 500 + ($0 &* 7_919) % 30_000 }
    codes = (0..<settings.symbols).map { SymbolCode.encode("S\($0)") ?? 0 }
    // Zipf, flattened at the head: the first of 8,000 symbols has a hundredth of the messages.
    let raw = (0..<settings.symbols).map { 1 / (Double($0) + 12) }
    let sum = raw.reduce(0, +)
    var total = 0.0
    for weight in raw {
      total += weight / sum
      weights.append(UInt32(min(total, 1) * 4_294_967_295))
    }
    bytes.reserveCapacity(settings.messages * 33)
  }

  private func finish() {
    resting.deallocate()
    nt_arena_destroy(arena)
  }

  // MARK: Flow

  private mutating func step() {
    let symbol = symbol()
    if random.below(24) == 0 { values[symbol] += random.below(2) == 0 ? -1 : 1 }
    let part = random.below(10_000)
    // Adds and what takes orders away hold each other in balance at the wanted number.
    let wantsMore = Int(books.live) < settings.live
    switch part {
    case 0..<8_600:
      let adds = wantsMore ? part < 4_700 : part < 4_300
      if adds { add(symbol, isOpening: false) } else { delete(symbol) }
    case 8_600..<9_350: replace(symbol)
    case 9_350..<9_650: execute(symbol)
    case 9_650..<9_800: cancel(symbol)
    case 9_800..<9_930: trade(symbol)
    default: imbalance(symbol)
    }
  }

  private mutating func symbol() -> Int {
    let point = UInt32(truncatingIfNeeded: random.next())
    var low = 0
    var high = weights.count - 1
    while low < high {
      let middle = (low + high) / 2
      if weights[middle] < point { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private mutating func add(_ symbol: Int, isOpening: Bool) {
    let isBid = random.below(2) == 0
    var record = record(random.below(64) == 0 ? UInt8(ascii: "F") : UInt8(ascii: "A"), symbol)
    if record.kind == UInt8(ascii: "F") { record.detail = 0x5A44_4C4E }
    record.reference = reference(symbol)
    record.side = isBid ? UInt8(ascii: "B") : UInt8(ascii: "S")
    record.shares = shares()
    record.price = price(symbol, isBid: isBid, isFar: isOpening && random.below(4) > 0)
    references[symbol].append(record.reference)
    put(record)
  }

  private mutating func delete(_ symbol: Int) {
    guard let reference = pick(symbol) else { return add(symbol, isOpening: false) }
    var record = record(UInt8(ascii: "D"), symbol)
    record.reference = reference
    put(record)
  }

  private mutating func replace(_ symbol: Int) {
    guard let old = pick(symbol), let order = books.order(old) else {
      return add(symbol, isOpening: false)
    }
    var record = record(UInt8(ascii: "U"), symbol)
    record.reference = old
    record.second = reference(symbol)
    record.shares = random.below(3) == 0 ? shares() : order.shares
    record.price = price(symbol, isBid: order.side == UInt8(ascii: "B"), isFar: false)
    references[symbol].append(record.second)
    put(record)
  }

  private mutating func execute(_ symbol: Int) {
    var walk = books.orders(UInt16(symbol + 1), random.below(2) == 0 ? .bid : .ask)
    guard let order = books.next(&walk) else { return add(symbol, isOpening: false) }
    var record = record(
      random.below(40) == 0 ? UInt8(ascii: "C") : UInt8(ascii: "E"), symbol)
    record.reference = order.reference
    record.shares =
      random.below(2) == 0 ? order.shares : 1 + UInt32(random.below(UInt64(max(1, order.shares))))
    record.second = nextMatch()
    if record.kind == UInt8(ascii: "C") {
      record.code = UInt16(UInt8(ascii: "Y"))
      record.price = order.price
    }
    put(record)
  }

  private mutating func cancel(_ symbol: Int) {
    guard let reference = pick(symbol), let order = books.order(reference), order.shares > 1 else {
      return add(symbol, isOpening: false)
    }
    var record = record(UInt8(ascii: "X"), symbol)
    record.reference = reference
    record.shares = 1 + UInt32(random.below(UInt64(order.shares - 1)))
    put(record)
  }

  private mutating func trade(_ symbol: Int) {
    var record = record(UInt8(ascii: "P"), symbol)
    record.side = UInt8(ascii: "B")
    record.shares = shares()
    record.price = UInt32(max(1, values[symbol])) * 100
    record.second = nextMatch()
    put(record)
  }

  private mutating func imbalance(_ symbol: Int) {
    var record = record(UInt8(ascii: "I"), symbol)
    record.reference = 1_000
    record.second = random.below(5_000)
    record.side = UInt8(ascii: "N")
    record.code = UInt16(UInt8(ascii: "O"))
    put(record)
  }

  // MARK: Fields

  /// A live order of the symbol: mostly one of the newest, sometimes the best of a side.
  private mutating func pick(_ symbol: Int) -> UInt64? {
    if random.below(5) == 0 {
      var walk = books.orders(UInt16(symbol + 1), random.below(2) == 0 ? .bid : .ask)
      if let order = books.next(&walk) { return order.reference }
    }
    // Ends: every turn takes one away.
    while !references[symbol].isEmpty {
      let count = UInt64(references[symbol].count)
      let back = random.below(10) == 0 ? random.below(count) : random.below(min(count, 24))
      let at = Int(count - 1 - back)
      let reference = references[symbol][at]
      references[symbol].remove(at: at)
      if books.order(reference) != nil {
        references[symbol].append(reference)
        return reference
      }
    }
    return nil
  }

  /// Near the touch, never crossing it; a few sub-penny, a few far away.
  private mutating func price(_ symbol: Int, isBid: Bool, isFar: Bool) -> UInt32 {
    // Sum of two draws: small distances are the usual ones.
    var away = Int(min(random.below(24), random.below(24)))
    if isFar { away += Int(random.below(120)) }
    if random.below(400) == 0 { away += Int(random.below(20_000)) }
    var ticks = isBid ? values[symbol] - 1 - away : values[symbol] + 1 + away
    let top = books.top(UInt16(symbol + 1))
    if isBid, top.askShares > 0 { ticks = min(ticks, Int(top.ask) / 100 - 1) }
    if !isBid, top.bidShares > 0 { ticks = max(ticks, Int(top.bid) / 100 + 1) }
    let whole = UInt32(max(1, ticks)) * 100
    return random.below(1_000) == 0 && ticks > 2 ? (isBid ? whole - 50 : whole + 50) : whole
  }

  private mutating func shares() -> UInt32 {
    switch random.below(10) {
    case 0: 1 + UInt32(random.below(99))
    case 1..<9: 100 * (1 + UInt32(random.below(5)))
    default: 100 * (1 + UInt32(random.below(50)))
    }
  }

  private mutating func reference(_ symbol: Int) -> UInt64 {
    let engine = symbol & 3
    engines[engine] += 1
    return engines[engine] * 4 + UInt64(engine)
  }

  private mutating func nextMatch() -> UInt64 {
    matchNumber += 1
    return matchNumber
  }

  private mutating func record(_ kind: UInt8, _ symbol: Int) -> MarketRecord {
    var record = MarketRecord()
    record.kind = kind
    record.locate = UInt16(symbol + 1)
    time += Int64(random.below(4_000))
    record.sessionTime = time
    switch kind {
    case UInt8(ascii: "A"), UInt8(ascii: "F"), UInt8(ascii: "P"), UInt8(ascii: "I"):
      record.symbol = codes[symbol]
    default: break
    }
    return record
  }

  private mutating func put(_ record: MarketRecord) {
    var record = record
    _ = books.apply(&record, resting: resting)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { frame in
      guard let base = frame.baseAddress else { return }
      let n = ITCHEncoder.encodeFrame(&record, midnight: 0, into: base, capacity: 64)
      bytes.append(contentsOf: frame[0..<n])
    }
    messages += 1
  }
}
