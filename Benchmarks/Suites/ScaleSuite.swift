import BenchSupport
import CSupport
import ExecutionCore
import Foundation

/// Does a whole trading day fit in 2 GiB: 300 M messages, 1.7 M live orders, 8,192 symbols?
///
/// The stream is made block by block from a seed and never stored; each block goes through
/// `Driver.ingest` into a complete engine sized for a day. References are dense and ever-growing as on
/// NASDAQ, prices stay within a band around each symbol's middle, and popular symbols have more.
///
/// Why memory does not grow with the messages: the engine takes one arena at the start
/// (``BookCapacity/wholeDay`` and the order pool), and every structure in it holds what is *live*.
/// An order's place is free again when the order is gone, a level's when its last order is gone; a side has one
/// window for the day, and a price vector as long as the most levels outside of it ever were; the low bits of a
/// reference are all that is used of it. Nothing is kept by message. So the peak is reached with the
/// most live orders, in the first minutes, and the rest of the day adds nothing: the figure *peak growth
/// after the books were full* shows it.
///
/// Without `--scale` it stops after ``defaultSeconds`` of ingesting; `--scale 300000000` is the day.
enum ScaleSuite: Suite {
  static let name = "scale"
  static let question = "does a trading day (300 M messages, 1.7 M live orders) fit in 2 GiB?"
  static let symbols = 8_192
  static let liveOrders = 1_700_000
  static let dayMessages = 300_000_000
  static let defaultSeconds = 12.0
  static let limit = 2_048.0

  static func run(_ context: BenchContext) throws -> [Figure] {
    pin(context.processors[context.processors.count - 1])
    let isReset = PeakMemory.resetPeak()
    var bench = try ScaleBench(
      symbols: symbols, live: context.quick ? liveOrders / 100 : liveOrders,
      strategy: NoStrategy())
    try bench.open()
    try bench.fill()
    let full = PeakMemory.peakMebibytes()
    let wanted = context.quick ? dayMessages / 3_000 : context.scale ?? dayMessages
    let seconds = context.scale == nil ? defaultSeconds : .infinity
    try bench.trade(until: wanted, seconds: seconds, handicap: context.handicap)
    try bench.check()
    let peak = PeakMemory.peakMebibytes()
    let note = isReset ? nil : "of the whole process: the kernel did not reset the peak"
    return [
      Figure("messages", "msg", [Double(bench.messages)]),
      Figure("share of a day", "%", [100 * Double(bench.messages) / Double(dayMessages)]),
      Figure(
        "orders live at the peak", "orders", [Double(bench.peakLive)],
        limit: .init(
          value: Double(context.quick ? liveOrders / 100 : liveOrders), atLeast: true)),
      Figure("symbols", "symbols", [Double(symbols)]),
      Figure("the engine's arena", "MiB", [Double(bench.arenaBytes) / 1_048_576]),
      Figure(
        "peak resident memory", "MiB", [peak], limit: .init(value: limit, atLeast: false),
        note: note),
      Figure("peak growth after the books were full", "MiB", [peak - full]),
      Figure("messages through the whole engine", "M msg/s", [bench.millionsPerSecond]),
    ]
  }
}

/// What the kernel says of this process.
enum PeakMemory {
  /// Makes the peak begin at what is resident now; false where that is not allowed.
  static func resetPeak() -> Bool {
    (try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))) != nil
  }

  /// VmHWM.
  static func peakMebibytes() -> Double {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kibibytes = line.split(separator: " ").compactMap({ Double($0) }).first
    else { return .nan }
    return kibibytes / 1_024
  }
}

/// The engine of a day and the generator that feeds it.
struct ScaleBench<S: Strategy>: ~Copyable {
  static var block: Int { 4_096 }
  /// Messages of one datagram.
  static var batch: Int { 32 }
  /// Removals mostly concern young orders: seven of eight are of the last so many.
  private static var young: UInt64 { 65_536 }

  private struct Live {
    var reference: UInt32 = 0
    var shares: UInt32 = 0
    var symbol: UInt16 = 0
    var isBid = false
  }

  private var driver: Driver<S>
  private let lane: MemoryLane
  private let symbols: Int
  private let target: Int
  private let records: UnsafeMutablePointer<MarketRecord>
  private let live: UnsafeMutablePointer<Live>
  private let codes: UnsafeMutablePointer<UInt64>
  private let liveMax: Int
  private var liveCount = 0
  private var random = BenchRandom(seed: 20_191_230)
  private var reference: UInt32 = 0
  private var match: UInt64 = 0
  private var time: Int64 = 1_577_716_200_000_000_000
  private var nanosecondsSpent: Int64 = 0
  private(set) var messages = 0
  private(set) var peakLive: UInt64 = 0
  var arenaBytes: UInt64 { driver.engine.memory.bytes }
  var millionsPerSecond: Double { 1e3 * Double(messages) / Double(max(1, nanosecondsSpent)) }

  init(symbols: Int, live target: Int, strategy: S) throws {
    self.symbols = symbols
    self.target = target
    let lane = MemoryLane(bytes: 16 << 20)
    var configuration = BenchMarket.configuration(instruments: symbols)
    configuration.marketData.capacity = .wholeDay
    configuration.strategies = (0..<S.strategyCount).map {
      StrategyConfiguration(name: "bench\($0)", account: AccountID(raw: 0))
    }
    do {
      driver = Driver(
        engine: try Engine(configuration, lane: lane.lane), strategy: strategy)
    } catch { throw BenchError("\(error)") }
    self.lane = lane
    records = .allocate(capacity: Self.block)
    records.initialize(repeating: MarketRecord(), count: Self.block)
    codes = .allocate(capacity: symbols)
    codes.initialize(from: (0..<symbols).map(BenchMarket.symbol), count: symbols)
    // A block may overshoot.
    liveMax = target + 2 * Self.block
    live = .allocate(capacity: liveMax)
    live.initialize(repeating: Live(), count: liveMax)
  }

  deinit {
    records.deallocate()
    live.deallocate()
    codes.deallocate()
  }

  /// The beginning of the day: system event, directory and trading state of each symbol.
  mutating func open() throws {
    var count = 0
    func next(_ bench: inout Self, _ kind: UInt8, _ code: UInt8) -> UnsafeMutablePointer<
      MarketRecord
    > {
      let record = bench.header(bench.records + count, kind)
      record.pointee.code = UInt16(code)
      count += 1
      return record
    }
    _ = next(&self, ITCHDecoder.Kind.systemEvent, UInt8(ascii: "O"))
    for symbol in 0..<symbols {
      let directory = next(&self, ITCHDecoder.Kind.directory, 0)
      directory.pointee.locate = UInt16(symbol + 1)
      directory.pointee.symbol = BenchMarket.symbol(symbol)
      directory.pointee.shares = 100
      let action = next(&self, ITCHDecoder.Kind.tradingAction, UInt8(ascii: "T"))
      action.pointee.locate = UInt16(symbol + 1)
      action.pointee.symbol = BenchMarket.symbol(symbol)
      if count > Self.block - 2 {
        ingest(count, handicap: 0)
        count = 0
      }
    }
    ingest(count, handicap: 0)
  }

  /// Adds until the wanted number of orders is live.
  mutating func fill() throws {
    while liveCount < target {
      for i in 0..<Self.block { add(records + i) }
      ingest(Self.block, handicap: 0)
    }
  }

  /// The rest of the day, the number of live orders staying about what it is.
  mutating func trade(until wanted: Int, seconds: Double, handicap: Int64) throws {
    let end = seconds == .infinity ? Int64.max : nanoseconds() + Int64(seconds * 1e9)
    while messages < wanted, nanoseconds() < end {
      let count = min(Self.block, wanted - messages)
      for i in 0..<count { message(records + i) }
      ingest(count, handicap: handicap)
    }
  }

  /// Nanoseconds of a message, over so many more of the day.
  mutating func stretch(_ count: Int, handicap: Int64) throws -> Double {
    let before = (nanosecondsSpent, messages)
    try trade(until: messages + count, seconds: .infinity, handicap: handicap)
    return Double(nanosecondsSpent - before.0) / Double(max(1, messages - before.1))
  }

  /// Nothing was dropped, and the books hold exactly what the generator left alive.
  func check() throws {
    let counters = driver.engine.market.books.counters
    let feed = driver.engine.market.feedState
    guard counters.full == 0, counters.unknown == 0, counters.duplicate == 0,
      counters.overExecuted == 0, counters.live == UInt64(liveCount), feed.gaps == 0,
      feed.applied == UInt64(messages)
    else { throw BenchError("the books differ from the generator: \(counters), \(feed)") }
  }

  private mutating func ingest(_ count: Int, handicap: Int64) {
    let start = nanoseconds()
    var at = 0
    while at < count {
      let batch = min(Self.batch, count - at)
      driver.ingest(records + at, count: batch, machineTime: 0)
      at += batch
    }
    if handicap > 0 { spend(handicap * Int64(count)) }
    nanosecondsSpent += nanoseconds() - start
    peakLive = max(peakLive, driver.engine.market.books.live)
    lane.rewind()
  }

  // MARK: The generator

  private mutating func message(_ record: UnsafeMutablePointer<MarketRecord>) {
    let draw = random.below(100)
    let wantsMore = liveCount < target
    switch draw {
    case 0..<8: replace(record)
    case 8..<13: execute(record)
    case 13..<15: reduce(record)
    default:
      // Of the rest about half are adds, steered towards the target.
      if draw < (wantsMore ? 60 : 52) { add(record) } else { delete(record) }
    }
  }

  @discardableResult private mutating func header(
    _ record: UnsafeMutablePointer<MarketRecord>, _ kind: UInt8
  ) -> UnsafeMutablePointer<MarketRecord> {
    record.pointee = MarketRecord()
    messages += 1
    // 300 M messages between 9:30 and 16:00.
    time += 78_000
    record.pointee.sequence = UInt64(messages)
    record.pointee.sessionTime = time
    record.pointee.kind = kind
    return record
  }

  private mutating func add(_ record: UnsafeMutablePointer<MarketRecord>) {
    guard liveCount < liveMax else { return delete(record) }
    header(record, ITCHDecoder.Kind.add)
    // Skewed: the product of two draws.
    let symbol = Int(random.below(UInt64(symbols)) * (random.below(1_000) + 1) / 1_000)
    let isBid = random.below(2) == 0
    record.pointee.locate = UInt16(symbol + 1)
    record.pointee.symbol = codes[symbol]
    record.pointee.side = isBid ? UInt8(ascii: "B") : UInt8(ascii: "S")
    record.pointee.price = price(symbol, isBid)
    record.pointee.shares = UInt32(100 * (1 + random.below(9)))
    record.pointee.reference = UInt64(takeReference())
    live[liveCount] = Live(
      reference: reference, shares: record.pointee.shares, symbol: UInt16(symbol), isBid: isBid)
    liveCount += 1
  }

  /// 1 to 48 cents from the middle, more often near it.
  private mutating func price(_ symbol: Int, _ isBid: Bool) -> UInt32 {
    let middle = UInt32(200_000 + symbol * 100)
    let away = 100 * UInt32(1 + min(random.below(48), random.below(48)))
    return isBid ? middle - away : middle + away
  }

  private mutating func takeReference() -> UInt32 {
    reference += 1
    return reference
  }

  private mutating func pick() -> Int {
    let count = UInt64(liveCount)
    guard random.below(8) > 0, count > Self.young else { return Int(random.below(count)) }
    return Int(count - 1 - random.below(Self.young))
  }

  private mutating func remove(_ index: Int) {
    liveCount -= 1
    live[index] = live[liveCount]
  }

  private mutating func delete(_ record: UnsafeMutablePointer<MarketRecord>) {
    let index = pick()
    header(record, ITCHDecoder.Kind.delete)
    record.pointee.reference = UInt64(live[index].reference)
    remove(index)
  }

  private mutating func execute(_ record: UnsafeMutablePointer<MarketRecord>) {
    let index = pick()
    header(record, ITCHDecoder.Kind.executed)
    match += 1
    record.pointee.reference = UInt64(live[index].reference)
    record.pointee.second = match
    record.pointee.shares = live[index].shares
    remove(index)
  }

  private mutating func reduce(_ record: UnsafeMutablePointer<MarketRecord>) {
    let index = pick()
    guard live[index].shares > 1 else { return delete(record) }
    header(record, ITCHDecoder.Kind.cancel)
    record.pointee.reference = UInt64(live[index].reference)
    record.pointee.shares = 1 + UInt32(random.below(UInt64(live[index].shares - 1)))
    live[index].shares -= record.pointee.shares
  }

  private mutating func replace(_ record: UnsafeMutablePointer<MarketRecord>) {
    let index = pick()
    header(record, ITCHDecoder.Kind.replace)
    record.pointee.reference = UInt64(live[index].reference)
    live[index].reference = takeReference()
    live[index].shares = UInt32(100 * (1 + random.below(9)))
    record.pointee.second = UInt64(live[index].reference)
    record.pointee.shares = live[index].shares
    record.pointee.price = price(Int(live[index].symbol), live[index].isBid)
  }
}
