import ExecutionCore
import Foundation
import Journal
import TestSupport

/// One run's fills, three times: as the slow matcher derives them from the feed and the exchange's
/// stored inputs, as the exchange reported them, and as our journal has them.
struct Derivation {
  typealias Fill = SlowMatcher.Fill

  let derived: [Fill]
  let reported: [Fill]
  let journalled: [Fill]
  /// Shares of ours that work at the end: number → open shares.
  let working: [Int: Int]
  let unsupported: [String]
  let inputs: Int
  /// The exchange's own report, whole.
  let report: SummaryJSON

  /// - Parameters:
  ///   - data: the run's `--data`.
  ///   - feed: the framed ITCH file that the exchange replayed, or a longer one that begins with
  ///   it.
  init(data: String, feed: String) throws {
    let messages = try RawFeed(path: feed).messages
    report = try SummaryJSON(String(contentsOfFile: data + "/exchange.json", encoding: .utf8))
    let applied = (report.root["feed_messages"] as? NSNumber)?.intValue ?? 0
    let inputs = try RawInput.read(directory: data + "/exchange")
    // "For a feed that has no S, R, H the exchange publishes S, R, H and Y first": those count as
    // messages of the feed. They name the symbols and let them trade.
    let opening = Self.openingCount(messages)
    var matcher = SlowMatcher()
    if opening > 0 {
      for message in messages where "AFP".contains(message.kind) {
        matcher.locates[message.text(24, 8)] = message.number(1, 2)
      }
    }
    var next = 0
    for position in 0...max(applied, inputs.last?.position ?? 0) {
      while next < inputs.count, inputs[next].position == position {
        let input = inputs[next]
        if input.kind == 2 { matcher.submit(input.message) } else { matcher.disconnect() }
        next += 1
      }
      let index = position - opening
      if position < applied, index >= 0 {
        guard index < messages.count else { throw TestTrouble("the feed is too short") }
        matcher.apply(messages[index])
      }
    }
    guard next == inputs.count else { throw TestTrouble("inputs out of order at \(next)") }
    self.inputs = inputs.count
    derived = matcher.fills
    unsupported = matcher.unsupported
    working = Dictionary(uniqueKeysWithValues: matcher.ours.map { ($0.number, $0.open) })
    reported = try Self.reported(report)
    journalled = try Self.journalled(data)
  }

  /// S (three times), R, H and Y of each symbol, where the file has none.
  private static func openingCount(_ messages: [RawMessage]) -> Int {
    var symbols: Set<String> = []
    for message in messages where "AFPRHY".contains(message.kind) {
      symbols.insert("AFP".contains(message.kind) ? message.text(24, 8) : message.text(11, 8))
    }
    func has(_ kind: Character) -> Bool { messages.contains { $0.kind == kind } }
    let each = (has("R") ? 0 : 1) + (has("H") ? 0 : 1) + (has("Y") ? 0 : 1)
    return (has("S") ? 0 : 3) + each * symbols.count
  }

  private static func reported(_ report: SummaryJSON) throws -> [Fill] {
    let executions = report.root["executions"] as? [[String: Any]] ?? []
    return executions.map { entry in
      func number(_ name: String) -> Int { (entry[name] as? NSNumber)?.intValue ?? -1 }
      func letter(_ name: String) -> Character { (entry[name] as? String)?.first ?? "?" }
      return Fill(
        number: number("user_ref_num"), symbol: entry["symbol"] as? String ?? "",
        side: letter("side"), shares: number("quantity"), price: number("price_ticks"),
        liquidity: letter("liquidity"), isBusted: entry["busted"] as? Bool ?? false)
    }
  }

  /// The execution records in order, each bust marked on its execution.
  static func journalled(_ data: String) throws -> [Fill] {
    var symbols: [UInt32: String] = [:]
    var fills: [Fill] = []
    var places: [UInt64: [Int]] = [:]
    _ = try JournalReader(data).read { record in
      switch record.type {
      case .instrumentDefined:
        if let payload = record.payload(as: InstrumentRecord.self) {
          symbols[payload.instrument.raw] = "\(payload.symbol)"
        }
      case .execution:
        guard let payload = record.payload(as: ExecutionRecord.self) else { break }
        if payload.flags & ExecutionRecord.bust != 0 {
          for at in places[payload.executionID.number ?? 0] ?? []
          where fills[at].number == Int(payload.venueReference) { fills[at].isBusted = true }
          break
        }
        places[payload.executionID.number ?? 0, default: []].append(fills.count)
        fills.append(
          Fill(
            number: Int(payload.venueReference), symbol: symbols[payload.instrument.raw] ?? "",
            side: letter(payload.side), shares: Int(payload.quantity),
            price: Int(payload.price / 10_000),
            liquidity: Character(Unicode.Scalar(payload.liquidity))))
      default: break
      }
      return true
    }
    return fills
  }

  /// The wire's letter of a ``Side`` of the journal.
  private static func letter(_ side: UInt8) -> Character {
    switch Side(rawValue: side) {
    case .buy: "B"
    case .sell: "S"
    case .sellShort: "T"
    case .sellShortExempt: "E"
    case nil: "?"
    }
  }

  /// Where the two lists part, in words; nil when they are one.
  static func difference(_ a: [Fill], _ b: [Fill]) -> String? {
    guard a != b else { return nil }
    let at = zip(a, b).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    let place = at ?? min(a.count, b.count)
    func part(_ fills: [Fill]) -> String {
      fills[min(place, fills.count)..<min(place + 3, fills.count)].map(\.description)
        .joined(separator: "; ")
    }
    return "\(a.count) and \(b.count) fills, they part at \(place): \(part(a)) | \(part(b))"
  }
}

extension JournalRecord {
  /// The payload as this layout; nil when it is shorter.
  func payload<T: BitwiseCopyable>(as: T.Type) -> T? {
    guard fits(T.self) else { return nil }
    return payload.withUnsafeBytes { $0.loadUnaligned(as: T.self) }
  }
}
