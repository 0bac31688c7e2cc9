import Captures
import ExecutionCore

/// How a recording's numbers are written for people and programs, and read from a command line.
enum CaptureText {
  private static let second: Int64 = 1_000_000_000

  /// `mantissa` × 10^`exponent`, exact: `61837.64`.
  static func decimal(_ mantissa: Int64, _ exponent: Int) -> String {
    let digits = String(mantissa.magnitude)
    let sign = mantissa < 0 ? "-" : ""
    guard exponent < 0 else {
      return sign + digits + (mantissa == 0 ? "" : String(repeating: "0", count: exponent))
    }
    let padded = String(repeating: "0", count: max(0, 1 - exponent - digits.count)) + digits
    return sign + padded.dropLast(-exponent) + "." + padded.suffix(-exponent)
  }

  /// `2024-08-08T23:54:15.208000000Z`.
  static func time(_ nanoseconds: Int64) -> String {
    let seconds = floorDivided(nanoseconds, second)
    let days = floorDivided(seconds, 86_400)
    let inDay = seconds - days * 86_400
    // Wraps twice at the earliest time, and is right.
    let fraction = String(nanoseconds &- seconds &* second + second).dropFirst()
    return
      "\(date(days))T\(two(inDay / 3_600)):\(two(inDay / 60 % 60)):\(two(inDay % 60)).\(fraction)Z"
  }

  /// `2024-08-08` of days since 1970, Gregorian.
  static func date(_ days: Int64) -> String {
    // Counted from 1 March of the year 0, so that the leap day is the last of its year.
    let shifted = days + 719_468
    let era = floorDivided(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * month + 2) / 5 + 1
    let year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
    let padded = String(repeating: "0", count: max(0, 4 - "\(year)".count)) + "\(year)"
    return "\(padded)-\(two(month < 10 ? month + 3 : month - 9))-\(two(day))"
  }

  private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }

  private static func floorDivided(_ a: Int64, _ b: Int64) -> Int64 {
    a / b - (a % b < 0 ? 1 : 0)
  }

  static let timeWanted =
    "a time of UTC such as 2024-08-08T23:54:15.208Z, or nanoseconds since 1970"

  /// RFC 3339 with a Z, at most nine digits of a second; or nanoseconds. nil for what is none.
  static func parseTime(_ text: String) -> Int64? {
    if let nanoseconds = Int64(text) { return nanoseconds }
    let halves = text.split(separator: "T", omittingEmptySubsequences: false)
    guard halves.count == 2, halves[1].hasSuffix("Z"), let days = days(halves[0])
    else { return nil }
    let clock = halves[1].dropLast().split(separator: ".", omittingEmptySubsequences: false)
    guard clock.count <= 2 else { return nil }
    let parts = clock[0].split(separator: ":", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { number($0, digits: 2...2) }
    guard parts.count == 3, numbers.count == 3, numbers[0] < 24, numbers[1] < 60, numbers[2] < 60
    else { return nil }
    var fraction: Int64 = 0
    if clock.count == 2 {
      guard let value = number(clock[1], digits: 1...9) else { return nil }
      fraction = (clock[1].utf8.count..<9).reduce(value) { power, _ in power * 10 }
    }
    let inDay = numbers[0] * 3_600 + numbers[1] * 60 + numbers[2]
    let (scaled, over) = (days * 86_400 + inDay)
      .multipliedReportingOverflow(by: second)
    let (sum, overSum) = scaled.addingReportingOverflow(fraction)
    return over || overSum ? nil : sum
  }

  /// Days since 1970 of `2024-08-08`; nil for what is no day.
  private static func days(_ text: Substring) -> Int64? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, let year = number(parts[0], digits: 4...4),
      let month = number(parts[1], digits: 2...2), let day = number(parts[2], digits: 2...2)
    else { return nil }
    // Counted from 1 March, so that the leap day is the last of its year.
    let shifted = month > 2 ? year : year - 1
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    let days =
      shifted * 365 + shifted / 4 - shifted / 100 + floorDivided(shifted, 400) + dayOfYear - 719_468
    return date(days) == text ? days : nil
  }

  private static func number(_ text: Substring, digits: ClosedRange<Int>) -> Int64? {
    guard digits.contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else {
      return nil
    }
    return Int64(text)
  }
}

extension FeedRecord.Kind {
  /// The word for people: `level`.
  var word: String { "\(self)" }
}

extension JSONValue {
  /// What a Double holds is a number, what it does not is text: many programs read numbers as Doubles.
  static func exact(_ value: some BinaryInteger) -> JSONValue {
    let most = 1 << 53
    return value <= most && value >= -most ? .integer(Int64(value)) : .text("\(value)")
  }
}

/// A record of a recording in words.
struct CaptureLine {
  let record: FeedRecord
  let receiveTime: Int64
  /// nil: it is about all of them.
  let instrument: CapturedInstrument?

  private func price(_ value: Int64) -> String {
    CaptureText.decimal(value, instrument?.priceExponent ?? 0)
  }
  private func quantity(_ value: Int64) -> String {
    CaptureText.decimal(value, instrument?.quantityExponent ?? 0)
  }
  private var side: String? {
    switch record.side {
    case FeedRecord.buy: "buy"
    case FeedRecord.sell: "sell"
    default: nil
    }
  }
  private var kind: String {
    FeedRecord.Kind(rawValue: record.kind)?.word ?? "kind-\(record.kind)"
  }
  private var flags: [String] {
    (record.flags.contains(.last) ? ["last"] : [])
      + (record.flags.contains(.snapshot) ? ["snapshot"] : [])
      + (record.flags.contains(.refresh) ? ["refresh"] : [])
  }

  static let heading =
    "session time                    symbol        what      "

  var text: String {
    var words = [
      CaptureText.time(record.sessionTime), HelpText.pad(instrument?.symbol ?? "(all)", 12),
      HelpText.pad(kind, 8),
    ]
    if record.kind == FeedRecord.Kind.quote.rawValue {
      if record.side != FeedRecord.sell {
        words.append("\(quantity(record.quantity)) @ \(price(record.price))")
      }
      words.append("|")
      if record.side != FeedRecord.buy {
        words.append("\(quantity(record.askQuantity)) @ \(price(record.askPrice))")
      }
    } else if record.price != 0 || record.quantity != 0 || side != nil {
      words.append(HelpText.pad(side ?? "-", 4))
      words.append("\(quantity(record.quantity)) @ \(price(record.price))")
    }
    if record.sequence != 0 { words.append("sequence \(record.sequence)") }
    if record.reference != 0 { words.append("reference \(record.reference)") }
    if record.detail != 0 { words.append("detail \(record.detail)") }
    return (words + flags).joined(separator: "  ")
  }

  /// Written out, not made of a ``JSONValue``: a recording has millions of lines.
  var json: String {
    var line = "{\"kind\":\"\(kind)\",\"symbol\":"
    line += instrument.map { JSONValue.quote($0.symbol) } ?? "null"
    line += ",\"sessionTime\":" + exact(record.sessionTime)
    line += ",\"receiveTime\":" + (receiveTime == 0 ? "null" : exact(receiveTime))
    line += ",\"sequence\":" + exact(record.sequence)
    line += ",\"reference\":" + exact(record.reference)
    line += side.map { ",\"side\":\"\($0)\"" } ?? ",\"side\":null"
    line += ",\"price\":\"" + price(record.price) + "\",\"quantity\":\"" + quantity(record.quantity)
    line += "\",\"askPrice\":\"" + price(record.askPrice) + "\",\"askQuantity\":\""
    line += quantity(record.askQuantity) + "\",\"flags\":["
    line += flags.map { "\"\($0)\"" }.joined(separator: ",")
    return line + "],\"detail\":\(record.detail)}"
  }

  /// As ``JSONValue/exact(_:)``.
  private func exact(_ value: some BinaryInteger) -> String {
    let most = 1 << 53
    return value <= most && value >= -most ? String(value) : "\"" + String(value) + "\""
  }
}
