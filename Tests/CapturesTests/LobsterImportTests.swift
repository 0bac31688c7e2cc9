import ExecutionCore
import Foundation
import Testing

@testable import Captures

/// A venue with all of its orders, which writes what LOBSTER would: the messages that its best levels show, and the
/// rows. The naive twin of what the importer keeps.
struct LobsterVenue {
  struct Order {
    var number: Int
    var isBuy: Bool
    var price: Int
    var size: Int
  }
  var orders: [Order] = []
  var messages: [String] = []
  var rows: [String] = []
  let depth: Int
  var clock = 0
  var next = 1

  init(depth: Int) { self.depth = depth }

  func levels(_ isBuy: Bool) -> [(price: Int, size: Int)] {
    var sums: [Int: Int] = [:]
    for order in orders where order.isBuy == isBuy { sums[order.price, default: 0] += order.size }
    let best = sums.sorted { isBuy ? $0.key > $1.key : $0.key < $1.key }
    return best.prefix(depth).map { ($0.key, $0.value) }
  }

  func row() -> String {
    let asks = levels(false)
    let bids = levels(true)
    return (0..<depth).map { place in
      let ask = place < asks.count ? "\(asks[place].price),\(asks[place].size)" : "9999999999,0"
      let bid = place < bids.count ? "\(bids[place].price),\(bids[place].size)" : "-9999999999,0"
      return ask + "," + bid
    }.joined(separator: ",")
  }

  /// Does something, and tells it when the levels that can be seen change.
  mutating func step(_ numbers: inout SeededNumbers, isTold: Bool = true) {
    let before = row()
    clock += 1 + numbers.below(1_000)
    let time = "34200." + String(String(1_000_000_000 + clock).suffix(9))
    let message: (type: Int, order: Order, size: Int)
    let choice = numbers.below(5)
    if choice < 2 || orders.count < 4 {
      let isBuy = numbers.below(2) == 0
      let away = numbers.below(12)
      let order = Order(
        number: next, isBuy: isBuy, price: isBuy ? 999 - away : 1_001 + away,
        size: 1 + numbers.below(90))
      next += 1
      orders.append(order)
      message = (1, order, order.size)
    } else {
      let place = numbers.below(orders.count)
      var order = orders[place]
      let isWhole = order.size == 1 || choice == 2
      let size = isWhole ? order.size : 1 + numbers.below(order.size - 1)
      message = (choice == 4 ? 4 : isWhole ? 3 : 2, order, size)
      order.size -= size
      if order.size == 0 { orders.remove(at: place) } else { orders[place] = order }
    }
    guard isTold, row() != before else { return }
    let order = message.order
    messages.append(
      "\(time),\(message.type),\(order.number),\(message.size),\(order.price),"
        + (order.isBuy ? "1" : "-1"))
    rows.append(row())
  }
}

struct LobsterImportTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func run(
    _ messages: [String], _ rows: [String]? = nil, name: String = "XYZ_2012-06-21_1_2_message_3.csv"
  ) throws -> (report: ImportReport, back: ReadBack) {
    let path = directory.url.appendingPathComponent("out.ntc").path
    var options = LobsterImport.Options()
    options.replaces = true
    options.checks = true
    options.book = rows.map { .bytes(Array($0.joined(separator: "\n").utf8), name: "rows") }
    let report = try LobsterImport.run(
      .bytes(Array(messages.joined(separator: "\n").utf8), name: name), to: path, options: options)
    let back = try ReadBack(path: path)
    #expect(back.statedHash == report.hash && back.failure == nil)
    return (report, back)
  }
  private func kinds(_ back: ReadBack) -> String {
    String(decoding: back.records.map(\.record.kind), as: UTF8.self)
  }

  /// The best levels of the recorded orders behind each event, as rows.
  static func rows(_ records: [Stamped], depth: Int) -> [String] {
    var venue = LobsterVenue(depth: depth)
    var made: [String] = []
    var numbers: [UInt64: Int] = [:]
    for record in records.map(\.record) {
      let key = numbers[record.reference, default: numbers.count]
      numbers[record.reference] = key
      let place = venue.orders.firstIndex { $0.number == key }
      switch FeedRecord.Kind(rawValue: record.kind) {
      case .clear: venue.orders = []
      case .add:
        #expect(place == nil)
        venue.orders.append(
          LobsterVenue.Order(
            number: key, isBuy: record.side == FeedRecord.buy, price: Int(record.price),
            size: Int(record.quantity)))
      case .delete: if let place { venue.orders.remove(at: place) }
      case .cancel, .execute:
        guard let place else { break }
        venue.orders[place].size -= Int(record.quantity)
        if venue.orders[place].size <= 0 { venue.orders.remove(at: place) }
      default: break
      }
      if record.flags.contains(.last) { made.append(venue.row()) }
    }
    return made
  }

  @Test func `the recorded book is the venue's behind each message whatever goes on out of view`()
    throws
  {
    for turn in 0..<12 {
      // With the first an order comes to a price that is out of view, and as much leaves it.
      let seed = turn < 4 ? 8_219_406_580_516_717_066 : UInt64.random(in: 0 ... .max)
      var numbers = SeededNumbers(state: seed)
      var venue = LobsterVenue(depth: 1 + turn % 4)
      for _ in 0..<60 { venue.step(&numbers, isTold: false) }
      for _ in 0..<400 { venue.step(&numbers) }
      let (report, back) = try run(venue.messages, venue.rows)
      #expect(report.failure == nil && report.malformed == 0, "seed \(seed)")
      let rows = Self.rows(back.records, depth: venue.depth)
      // The first event is the book before the first message; each other is one message.
      #expect(Array(rows.dropFirst()) == venue.rows, "seed \(seed)")
      let count = { (name: String) in report.others.first { $0.name == name }?.count }
      #expect(count("rows that are equal") == venue.rows.count, "seed \(seed)")
    }
  }

  @Test func `a row that the messages do not lead to is told with its number`() throws {
    var numbers = SeededNumbers(state: 3)
    var venue = LobsterVenue(depth: 3)
    for _ in 0..<60 { venue.step(&numbers, isTold: false) }
    for _ in 0..<40 { venue.step(&numbers) }
    var fields = venue.rows[10].split(separator: ",").map(String.init)
    fields[1] = "\((Int(fields[1]) ?? 0) + 1)"
    venue.rows[10] = fields.joined(separator: ",")
    let report = try run(venue.messages, venue.rows).report
    #expect(report.failure?.problem.contains("lead to row 11 ") == true)
  }

  @Test func `without an order-book file unknown orders make nothing but trades`() throws {
    let (report, back) = try run([
      "34200.5,1,7,10,1000100,1", "34200.6,2,7,4,1000100,1", "34200.7,4,7,1,1000100,1",
      "34200.8,3,7,5,1000100,1", "34201,2,8,1,1000100,1", "34201,3,8,1,1000100,-1",
      "34202,4,8,3,1000100,-1", "34203.000000001,5,0,2,1000050,-1", "34204,6,-1,50,1000000,-1",
      "34204,6,0,50,1000000,-1", "34205,7,0,0,-1,-1", "34206,7,0,0,1,-1",
    ])
    #expect(kinds(back) == "GAXEDTTTHH")
    #expect(report.unknownOrders == 3 && report.malformed == 1)
    #expect(report.firstMalformed?.contains("line 9") == true)
    let records = back.records.map(\.record)
    let midnight: Int64 = 1_340_251_200_000_000_000  // 2012-06-21 04:00 UTC
    #expect(records[1].sessionTime == midnight + 34_200_500_000_000)
    #expect(records[2].quantity == 4 && records[3].quantity == 1 && records[3].price == 1_000_100)
    #expect(records[5].side == FeedRecord.buy && records[5].reference == 8)
    #expect(
      records[6].sessionTime == midnight + 34_203_000_000_001 && records[6].price == 1_000_050)
    #expect(records[7].side == 0)
    #expect(records[8].detail == MarketStatus.halted.rawValue)
    #expect(records[9].detail == MarketStatus.trading.rawValue)
    #expect(back.header.instruments[0].symbol == "XYZ" && back.header.day == 15_512)
  }

  @Test func `no lines make it trap`() throws {
    var numbers = SeededNumbers(state: 51)
    var venue = LobsterVenue(depth: 2)
    for _ in 0..<30 { venue.step(&numbers, isTold: false) }
    for _ in 0..<30 { venue.step(&numbers) }
    let extremes = [
      "9223372036854775807", "-9223372036854775808", "-1", "0", "", "x", "1,", ",", "1e9", "4",
    ]
    for _ in 0..<300 {
      var texts = [venue.messages, venue.rows]
      for _ in 0...numbers.below(8) {
        let which = numbers.below(2)
        let line = numbers.below(texts[which].count)
        var fields = texts[which][line].split(separator: ",").map(String.init)
        guard !fields.isEmpty else { continue }
        fields[numbers.below(fields.count)] = extremes[numbers.below(extremes.count)]
        texts[which][line] = fields.joined(separator: ",")
      }
      _ = try run(texts[0], texts[1])
    }
  }
}
