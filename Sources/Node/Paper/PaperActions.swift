import ExecutionCore
import Foundation
import Gateways
import Simulation

/// The file of `--actions`: dividends, funding, splits and settlements, a line each.
enum PaperActions {
  static let bytesMax = 4 << 20
  static let heading = "time,symbol,action,value"
  private static let allowed =
    "dividend DOLLARS, funding RATE, split NEW:OLD, settlement PRICE:PRICE-BEFORE"

  /// In the order of their times, those of one time as they stand.
  static func read(
    _ path: String, _ instruments: [InstrumentFacts]
  ) throws(CommandFailure) -> [PaperAction] {
    let text = try InputFile.text(
      path, atMost: bytesMax, what: "actions file", option: "--actions")
    let known = Dictionary(
      instruments.map { ("\($0.symbol)", $0) }, uniquingKeysWith: { first, _ in first })
    var actions: [PaperAction] = []
    for (i, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = line.trimmingCharacters(in: .whitespaces)
      guard !line.isEmpty, !line.hasPrefix("#"), line != heading else { continue }
      do throws(Malformed) {
        actions.append(try action(line, known))
      } catch {
        throw CommandFailure(.dataError, "actions file \(path): line \(i + 1): \(error.why)")
      }
    }
    return actions.enumerated()
      .sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
  }

  private struct Malformed: Error {
    var why: String
    init(_ why: String) { self.why = why }
  }

  private static func action(
    _ line: String, _ known: [String: InstrumentFacts]
  ) throws(Malformed) -> PaperAction {
    let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      .map { $0.trimmingCharacters(in: .whitespaces) }
    guard fields.count == 4 else { throw Malformed("four fields are needed: \(heading)") }
    guard let time = time(fields[0]) else {
      throw Malformed("'\(fields[0])' is no time as 2024-08-08T16:00:00Z")
    }
    guard let facts = known[fields[1]] else {
      let names = known.keys.sorted()
      throw Malformed(
        "'\(fields[1])' is none of the market's instruments\(Nearest.hint(fields[1], among: names))"
      )
    }
    guard let kind = kind(fields[2], fields[3], facts) else {
      throw Malformed("'\(fields[2]) \(fields[3])' is none of: \(allowed)")
    }
    return PaperAction(kind, facts.symbol, at: time)
  }

  private static func kind(
    _ word: String, _ value: String, _ facts: InstrumentFacts
  ) -> PaperAction.Kind? {
    let pair = value.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    switch word {
    case "dividend": return Decimal8(value).map { .dividend(perUnit: Money(raw: Int128($0.raw))) }
    case "funding":
      // More than the whole position is a slip of the point.
      return Decimal8(value).flatMap {
        $0.raw.magnitude <= 100_000_000 ? .funding(rate: $0.raw) : nil
      }
    case "split":
      guard pair.count == 2, let new = Int64(pair[0]), let old = Int64(pair[1]),
        (1...1_000_000).contains(new), (1...1_000_000).contains(old)
      else { return nil }
      return .split(numerator: new, denominator: old)
    case "settlement":
      guard pair.count == 2, let at = price(pair[0], facts), let before = price(pair[1], facts)
      else { return nil }
      return .settlement(at: at, before: before)
    default: return nil
    }
  }

  /// At the instrument's exponent; nil where it has more decimals than that, or is too large.
  private static func price(_ text: String, _ facts: InstrumentFacts) -> Price? {
    guard let decimal = Decimal(string: text, locale: Locale(identifier: "en_US_POSIX")),
      text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == "." || $0 == "-") })
    else { return nil }
    let sign: FloatingPointSign = decimal.isSignMinus ? .minus : .plus
    let scaled = Decimal(
      sign: sign, exponent: -Int(facts.priceExponent), significand: decimal.magnitude)
    return Int64("\(scaled)").map { Price(raw: $0) }
  }

  /// UTC, in whole seconds.
  private static func time(_ text: String) -> Int64? {
    let parts = text.split(separator: "T", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].utf8.count == 9, parts[1].hasSuffix("Z"),
      let date = SessionDate(parsing: String(parts[0]))
    else { return nil }
    let clock = parts[1].dropLast().split(separator: ":", omittingEmptySubsequences: false)
    guard clock.count == 3, let hour = Int64(clock[0]), let minute = Int64(clock[1]),
      let second = Int64(clock[2]), (0...23).contains(hour), (0...59).contains(minute),
      (0...59).contains(second)
    else { return nil }
    let days = Int64(date.daysSince1970)
    return (days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000_000
  }
}

extension PaperAction {
  /// For people.
  var inWords: String {
    switch kind {
    case .dividend(let perUnit):
      "a dividend of \(Decimal8.text(perUnit.raw, decimals: 8)) on \(symbol)"
    case .funding(let rate): "funding of \(Decimal8(raw: rate)) on \(symbol)"
    case .split(let new, let old): "a split \(new):\(old) of \(symbol)"
    case .settlement: "the day's settlement of \(symbol)"
    }
  }
}
