import Foundation

/// Reads a feed and keeps books in the slowest and plainest way, and writes the JSON that
/// `needletail book` has to print: an oracle that shares no code with it.
struct BookTwin {
  struct Order {
    var locate: Int
    var isBid: Bool
    var shares: Int
    var price: Int
  }
  static let lengths: [String: Int] = [
    "S": 12, "R": 39, "H": 25, "Y": 20, "L": 26, "V": 35, "W": 12, "K": 28, "J": 35, "h": 21,
    "A": 36, "F": 40, "E": 31, "C": 36, "X": 23, "D": 19, "U": 35, "P": 44, "Q": 40, "B": 19,
    "I": 50, "N": 20, "O": 48,
  ]

  var bytes = 0
  var types: [String: Int] = [:]
  var malformed = 0
  var added = 0
  var unknown = 0
  var duplicate = 0
  var orders: [Int: Order] = [:]
  var directory: [Int: String] = [:]
  var fromOrders: [Int: String] = [:]

  init(itch file: [UInt8]) {
    bytes = file.count
    frames(file[...], most: .max)
  }

  /// Ethernet captures of MoldUDP64 only, as the recorded ones are: little-endian pcap headers, perhaps
  /// one VLAN tag, IPv4 without options.
  init(pcap file: [UInt8]) {
    bytes = file.count
    var at = 24
    while at + 16 <= file.count {
      let length = Int(file[at + 8]) | Int(file[at + 9]) << 8
      let frame = Array(file[at + 16..<at + 16 + length])
      let ip = frame[12] == 0x81 ? 18 : 14
      let end = ip + Int(frame[ip + 2]) << 8 + Int(frame[ip + 3])
      let mold = frame[(ip + 28)..<end]
      let count = number(frame, ip + 28 + 18, 2)
      frames(mold.dropFirst(20), most: count)
      at += 16 + length
    }
  }

  private mutating func frames(_ stream: ArraySlice<UInt8>, most: Int) {
    var at = stream.startIndex
    var done = 0
    while at < stream.endIndex, done < most {
      let bytes = Array(stream[at...].prefix(2))
      let length = bytes.count == 2 ? number(bytes, 0, 2) : Int.max / 2
      guard at + 2 + length <= stream.endIndex else {
        malformed += 1
        return
      }
      message(Array(stream[(at + 2)..<(at + 2 + length)]))
      at += 2 + length
      done += 1
    }
  }

  private mutating func message(_ m: [UInt8]) {
    let kind = m.isEmpty ? "" : String(decoding: m[..<1], as: UTF8.self)
    guard Self.lengths[kind] == m.count else {
      malformed += 1
      return
    }
    types[kind, default: 0] += 1
    let locate = number(m, 1, 2)
    let reference = m.count >= 19 ? number(m, 11, 8) : 0
    switch kind {
    case "R": directory[locate] = text(m, 11)
    case "A", "F":
      if fromOrders[locate] == nil { fromOrders[locate] = text(m, 24) }
      if orders[reference] != nil {
        duplicate += 1
      } else {
        added += 1
        orders[reference] = Order(
          locate: locate, isBid: m[19] == 0x42, shares: number(m, 20, 4), price: number(m, 32, 4))
      }
    case "E", "C", "X":
      if let order = orders[reference] {
        let left = order.shares - number(m, 19, 4)
        orders[reference]?.shares = left
        if left <= 0 { orders[reference] = nil }
      } else {
        unknown += 1
      }
    case "D":
      if orders.removeValue(forKey: reference) == nil { unknown += 1 }
    case "U":
      let new = number(m, 19, 8)
      if orders[new] != nil { duplicate += 1 }
      if orders[reference] == nil { unknown += 1 }
      guard orders[new] == nil, var order = orders.removeValue(forKey: reference) else { return }
      order.shares = number(m, 27, 4)
      order.price = number(m, 31, 4)
      orders[new] = order
    default: break
    }
  }

  func json(levels: Int) -> String {
    let kinds = types.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
    let locates = Set(orders.values.map(\.locate)).sorted()
    let books = locates.map { locate in
      "{\"symbol\":\"\(directory[locate] ?? fromOrders[locate] ?? "")\",\"locate\":\(locate),"
        + "\"bids\":\(side(locate, true, levels)),\"asks\":\(side(locate, false, levels))}"
    }
    return "{\"bytes\":\(bytes),\"messages\":\(types.values.reduce(0, +)),"
      + "\"types\":{\(kinds.joined(separator: ","))},\"malformed\":\(malformed),"
      + "\"orders\":{\"added\":\(added),\"unknown\":\(unknown),\"duplicate\":\(duplicate),"
      + "\"live\":\(orders.count)},\"books\":[\(books.joined(separator: ","))]}"
  }

  private func side(_ locate: Int, _ isBid: Bool, _ levels: Int) -> String {
    let mine = orders.values.filter { $0.locate == locate && $0.isBid == isBid }
    let prices = Set(mine.map(\.price)).sorted { isBid ? $0 > $1 : $0 < $1 }
    let rows = prices.prefix(levels).map { price in
      let level = mine.filter { $0.price == price }
      let dollars = String(format: "%d.%04d", price / 10_000, price % 10_000)
      return "[\"\(dollars)\",\(level.reduce(0) { $0 + $1.shares }),\(level.count)]"
    }
    return "[\(rows.joined(separator: ","))]"
  }

  private func number(_ m: [UInt8], _ at: Int, _ size: Int) -> Int {
    m[at..<at + size].reduce(0) { $0 << 8 | Int($1) }
  }
  private func text(_ m: [UInt8], _ at: Int) -> String {
    String(decoding: m[at..<at + 8], as: UTF8.self).trimmingCharacters(in: .whitespaces)
  }
}
