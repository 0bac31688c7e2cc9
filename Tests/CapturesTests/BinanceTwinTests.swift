import ExecutionCore
import Foundation
import Testing

@testable import Captures

/// A venue whose whole book is known at each update, and a collector that loses events and asks for snapshots late.
struct BinanceVenue {
  typealias Book = [Int: [Int: Int]]
  let isFutures: Bool
  var book: Book = [1: [:], -1: [:]]
  /// The book behind each update that an event or a snapshot ended with.
  var behind: [UInt64: Book] = [:]
  var update = 100
  /// `u` of the event before.
  var previous = 0
  var lines: [String] = []
  var lost = 0

  private func levels(_ side: Int, _ changes: [Int: [Int: Int]]) -> String {
    (changes[side] ?? [:]).map { #"["\#($0.key).50","\#($0.value).000"]"# }.joined(separator: ",")
  }

  mutating func event(_ numbers: inout SeededNumbers, isLost: Bool) {
    // Numbers of updates of other streams lie between those of this one on futures.
    let first = update + 1 + (isFutures ? numbers.below(5) : 0)
    update = first + numbers.below(4)
    var changes: Book = [1: [:], -1: [:]]
    for _ in 0..<numbers.below(6) {
      let side = numbers.below(2) == 0 ? 1 : -1
      let price = 500 - side * (1 + numbers.below(9))
      let size = numbers.below(3) == 0 ? 0 : 1 + numbers.below(99)
      changes[side]?[price] = size
      book[side]?[price] = size == 0 ? nil : size
    }
    behind[UInt64(update)] = book
    let chain = isFutures ? #""pu":\#(previous),"# : ""
    previous = update
    guard !isLost else {
      lost += 1
      return
    }
    lines.append(
      #"1 {"e":"depthUpdate","E":1,"s":"X","U":\#(first),"u":\#(update),"# + chain
        + #""b":[\#(levels(1, changes))],"a":[\#(levels(-1, changes))]}"#)
  }

  func snapshot() -> String {
    #"2 {"lastUpdateId":\#(update),"bids":[\#(levels(1, book))],"asks":[\#(levels(-1, book))]}"#
  }
}

struct BinanceTwinTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// Applies the records to dictionaries; wherever these say that the book is whole, it has to be the venue's.
  private func check(_ records: [Stamped], _ venue: BinanceVenue) -> (whole: Int, wrong: Int) {
    var book: BinanceVenue.Book = [1: [:], -1: [:]]
    var isWhole = false
    var isBuilding = false
    var counts = (whole: 0, wrong: 0)
    for record in records.map(\.record) {
      switch FeedRecord.Kind(rawValue: record.kind) {
      case .gap: (isWhole, isBuilding) = (false, false)
      case .clear:
        book = [1: [:], -1: [:]]
        (isWhole, isBuilding) = (false, true)
      case .level:
        let side = record.side == FeedRecord.buy ? 1 : -1
        // 10^-1 and 10^0: the numbers are x.50 and x.000.
        book[side]?[Int(record.price) / 10] = record.quantity == 0 ? nil : Int(record.quantity)
      default: break
      }
      guard record.flags.contains(.last) else { continue }
      if isBuilding, record.flags.contains(.snapshot) { (isWhole, isBuilding) = (true, false) }
      guard isWhole else { continue }
      counts.whole += 1
      if book != venue.behind[record.sequence] { counts.wrong += 1 }
    }
    return counts
  }

  @Test(arguments: [false, true])
  func `wherever the records say that the book is whole it is the venue's`(isFutures: Bool) throws {
    let path = directory.url.appendingPathComponent("out.ntc").path
    var options = BinanceImport.Options()
    options.replaces = true
    for _ in 0..<40 {
      let seed = UInt64.random(in: 0 ... .max)
      var numbers = SeededNumbers(state: seed)
      var venue = BinanceVenue(isFutures: isFutures)
      for _ in 0..<20 { venue.event(&numbers, isLost: true) }
      venue.lost = 0
      // Snapshots arrive so many events after they were taken.
      var waiting: (text: String, left: Int)?
      for _ in 0..<200 {
        venue.event(&numbers, isLost: numbers.below(25) == 0)
        if let one = waiting {
          waiting = one.left > 0 ? (one.text, one.left - 1) : nil
          if one.left == 0 { venue.lines.append(one.text) }
        } else if numbers.below(12) == 0 {
          waiting = (venue.snapshot(), numbers.below(8))
        }
      }
      let report = try BinanceImport.run(
        [.bytes(Array(venue.lines.joined(separator: "\n").utf8), name: "venue")], to: path,
        options: options)
      #expect(report.malformed == 0 && report.failure == nil, "seed \(seed)")
      let counts = check(try ReadBack(path: path).records, venue)
      #expect(counts.wrong == 0, "seed \(seed): \(counts)")
      #expect(counts.whole > 0, "seed \(seed): \(counts)")
      #expect(report.gaps == 0 || venue.lost > 0, "seed \(seed)")
    }
  }
}
