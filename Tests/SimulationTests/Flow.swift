import ExecutionCore
import Gateways
import Foundation
import Simulation
import Testing

/// Hand-made history and requests, and what the tests look at.
enum Flow {
  static let symbol = SymbolCode.encode("QTEST") ?? 0
  static let locate: UInt16 = 7

  static func record(_ kind: Character, time: Int64 = 0) -> MarketRecord {
    var record = MarketRecord()
    record.kind = kind.asciiValue ?? 0
    record.locate = locate
    record.sessionTime = time
    return record
  }
  static func add(
    _ reference: UInt64, _ side: Character, _ shares: UInt32, _ price: UInt32
  ) -> MarketRecord {
    var record = record("A")
    record.reference = reference
    record.side = side.asciiValue ?? 0
    record.shares = shares
    record.price = price
    record.symbol = symbol
    return record
  }
  static func execute(_ reference: UInt64, _ shares: UInt32, match: UInt64) -> MarketRecord {
    var record = record("E")
    record.reference = reference
    record.shares = shares
    record.second = match
    return record
  }
  static func executeAt(
    _ reference: UInt64, _ shares: UInt32, price: UInt32, match: UInt64, printable: Character = "Y"
  ) -> MarketRecord {
    var record = execute(reference, shares, match: match)
    record.kind = UInt8(ascii: "C")
    record.price = price
    record.code = UInt16(printable.asciiValue ?? 0)
    return record
  }
  static func reduce(_ reference: UInt64, _ shares: UInt32) -> MarketRecord {
    var record = record("X")
    record.reference = reference
    record.shares = shares
    return record
  }
  static func delete(_ reference: UInt64) -> MarketRecord {
    var record = record("D")
    record.reference = reference
    return record
  }
  static func replace(
    _ reference: UInt64, by new: UInt64, _ shares: UInt32, _ price: UInt32
  ) -> MarketRecord {
    var record = record("U")
    record.reference = reference
    record.second = new
    record.shares = shares
    record.price = price
    return record
  }
  static func trade(_ shares: UInt32, _ price: UInt32, match: UInt64) -> MarketRecord {
    var record = record("P")
    record.side = UInt8(ascii: "B")
    record.shares = shares
    record.price = price
    record.second = match
    record.symbol = symbol
    return record
  }
  static func cross(_ shares: UInt64, _ price: UInt32, match: UInt64) -> MarketRecord {
    var record = record("Q")
    record.reference = shares
    record.price = price
    record.second = match
    record.symbol = symbol
    record.code = UInt16(UInt8(ascii: "O"))
    return record
  }
  static func broken(match: UInt64) -> MarketRecord {
    var record = record("B")
    record.second = match
    return record
  }
  static func action(_ state: Character) -> MarketRecord {
    var record = record("H")
    record.symbol = symbol
    record.code = UInt16(state.asciiValue ?? 0)
    return record
  }
  static func shortSale(_ action: Character) -> MarketRecord {
    var record = record("Y")
    record.symbol = symbol
    record.code = UInt16(action.asciiValue ?? 0)
    return record
  }
  static func system(_ code: Character) -> MarketRecord {
    var record = record("S")
    record.locate = 0
    record.code = UInt16(code.asciiValue ?? 0)
    return record
  }

  static func enter(
    _ number: UInt32, _ side: Character, _ shares: UInt32, _ price: UInt64,
    timeInForce: Character = "0", display: Character = "Y"
  ) -> OUCHRequest {
    var request = OUCHRequest(.enter)
    request.userRefNum = number
    request.side = side.asciiValue ?? 0
    request.quantity = shares
    request.price = price
    request.symbol = symbol
    request.timeInForce = timeInForce.asciiValue ?? 0
    request.display = display.asciiValue ?? 0
    return request
  }
  static func replace(
    order: UInt32, by number: UInt32, _ shares: UInt32, _ price: UInt64,
    timeInForce: Character = "0"
  ) -> OUCHRequest {
    var request = OUCHRequest(.replace)
    request.originalUserRefNum = order
    request.userRefNum = number
    request.quantity = shares
    request.price = price
    request.timeInForce = timeInForce.asciiValue ?? 0
    request.display = UInt8(ascii: "Y")
    return request
  }
  static func cancel(_ number: UInt32, to total: UInt32 = 0) -> OUCHRequest {
    var request = OUCHRequest(.cancel)
    request.userRefNum = number
    request.quantity = total
    return request
  }
  static func numbered(_ kind: OUCHRequest.Kind, _ number: UInt32) -> OUCHRequest {
    var request = OUCHRequest(kind)
    request.userRefNum = number
    return request
  }
}

/// A core with one account and the test symbol, checked after every step.
struct TestExchange {
  var core: ExchangeCore
  var subscriber = Subscriber()
  /// Events of the last step, log-in included for the first.
  var events: [OUCHResponse] = []
  var published: [MarketRecord] = []

  init(_ settings: ExchangeSettings = ExchangeSettings(), accounts: Int = 1) {
    core = ExchangeCore(settings: settings)
    var facts = InstrumentFacts(symbol: Symbol(code: Flow.symbol))
    facts.status = .trading
    facts.shortSale = .unrestricted
    core.define(facts, locate: Flow.locate)
    for _ in 0..<accounts { _ = core.openAccount() }
    core.clearOutput()
  }

  private mutating func finish() {
    events = core.events.map(\.event)
    published = core.published.map(\.record)
    for message in core.published { subscriber.apply(message.record) }
    core.clearOutput()
    #expect(core.verify() == [])
    #expect(subscriber.orders(of: Flow.locate) == core.displayedOrders(locate: Flow.locate))
  }
  mutating func history(_ records: MarketRecord...) {
    for record in records { core.apply(record) }
    finish()
  }
  mutating func submit(_ requests: OUCHRequest..., account: UInt32 = 0) {
    for request in requests { core.submit(request, account: account, at: 0) }
    finish()
  }
  mutating func change(_ body: (inout ExchangeCore) -> Void) {
    body(&core)
    finish()
  }
  /// Kinds of the last step's events, as letters.
  var kinds: String {
    String(decoding: events.map(\.kind.rawValue), as: UTF8.self)
  }
  var publishedKinds: String {
    String(decoding: published.map(\.kind), as: UTF8.self)
  }
  /// The last step's executions as "number:shares@price flag".
  var executions: [String] {
    events.filter { $0.kind == .executed }.map {
      "\($0.userRefNum):\($0.quantity)@\($0.price) \(Unicode.Scalar($0.liquidityFlag))"
    }
  }
}

/// A naive subscriber's books: what a client that believes every message has.
struct Subscriber {
  struct Entry {
    var order: DisplayedOrder
    var arrival: Int
  }
  private(set) var live: [UInt64: Entry] = [:]
  /// Messages that named an order that was not there.
  private(set) var unknown = 0
  private(set) var excess = 0
  private(set) var duplicates = 0
  private var arrivals = 0

  mutating func apply(_ record: MarketRecord) {
    switch record.kind {
    case UInt8(ascii: "A"), UInt8(ascii: "F"):
      insert(
        record.reference, record.locate, record.symbol, record.side == UInt8(ascii: "B"),
        record.price, record.shares)
    case UInt8(ascii: "E"), UInt8(ascii: "C"), UInt8(ascii: "X"):
      guard let entry = live[record.reference] else {
        unknown += 1
        return
      }
      if record.shares > entry.order.shares { excess += 1 }
      let left = entry.order.shares - min(entry.order.shares, record.shares)
      live[record.reference]?.order.shares = left
      if left == 0 { live[record.reference] = nil }
    case UInt8(ascii: "D"):
      if live.removeValue(forKey: record.reference) == nil { unknown += 1 }
    case UInt8(ascii: "U"):
      guard let entry = live.removeValue(forKey: record.reference) else {
        unknown += 1
        return
      }
      insert(
        record.newReference, entry.order.locate, entry.order.symbol, entry.order.isBuy,
        record.price, record.shares)
    default: break
    }
  }

  private mutating func insert(
    _ reference: UInt64, _ locate: UInt16, _ symbol: UInt64, _ isBuy: Bool, _ price: UInt32,
    _ shares: UInt32
  ) {
    guard live[reference] == nil else {
      duplicates += 1
      return
    }
    arrivals += 1
    live[reference] = Entry(
      order: DisplayedOrder(
        reference: reference, locate: locate, symbol: symbol, isBuy: isBuy, price: price,
        shares: shares), arrival: arrivals)
  }

  /// In the order of ``ExchangeCore/displayedOrders(locate:)``.
  func orders(of locate: UInt16) -> [DisplayedOrder] {
    live.values.filter { $0.order.locate == locate }.sorted { a, b in
      if a.order.isBuy != b.order.isBuy { return a.order.isBuy }
      if a.order.price != b.order.price {
        return a.order.isBuy ? a.order.price > b.order.price : a.order.price < b.order.price
      }
      return a.arrival < b.arrival
    }.map(\.order)
  }
}

/// The package's shared market data, where it is.
enum SharedData {
  static let root: URL = {
    if let path = ProcessInfo.processInfo.environment["NEEDLETAIL_SHARED"] {
      return URL(fileURLWithPath: path)
    }
    return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared")
  }()
  static let apple = root.appendingPathComponent(
    "data/itch/AAPL_20191230_0935_part1_25000msgs.itch50")
  static var hasApple: Bool { FileManager.default.fileExists(atPath: apple.path) }

  /// The records of a framed ITCH file.
  static func records(of file: URL, midnight: Int64) throws -> [MarketRecord] {
    let bytes = [UInt8](try Data(contentsOf: file))
    var records = [MarketRecord](repeating: MarketRecord(), count: bytes.count / 14 + 1)
    let capacity = records.count
    let found = bytes.withUnsafeBufferPointer { bytes in
      records.withUnsafeMutableBufferPointer { records -> ITCHBatch? in
        guard let base = bytes.baseAddress, let into = records.baseAddress else { return nil }
        return ITCHDecoder.decodeFrames(
          base, count: bytes.count, midnight: midnight, firstSequence: 0, into: into,
          capacity: capacity)
      }
    }
    return Array(records.prefix(found?.records ?? 0))
  }
}
