internal import ExecutionCore

/// A record as one line of JSON.
///
/// The keys `sequence`, `type`, `version`, `sessionTime` (nanoseconds since 1970 UTC), `machineTime`
/// (nanoseconds, 0 while the session is set up), `cause` (null, a record's sequence, or
/// `{"channel":…,"sequence":…}` of a feed), `account` and `strategy` (null for none) are in every
/// line; the payload's fields follow. Prices and quantities with decimals are strings
/// (`"287.2900"`), and so are hashes and venues' identifiers; whole quantities and numbers are numbers, but text
/// where they are beyond 2⁵³ (``JSONNumber``), as times are; enumerations are the names of their cases, absent
/// values are null. A payload that this build does not know is the field `payload` in hexadecimal.
public enum RecordJSON {
  public static func line(_ record: DecodedRecord) -> String {
    let header = record.header
    var text = "{\"sequence\":\(JSONNumber.text(header.sequence)),\"type\":\"\(record.type)\""
    text += ",\"version\":\(header.version)"
    text += ",\"sessionTime\":\(JSONNumber.text(header.sessionTime))"
    text += ",\"machineTime\":\(JSONNumber.text(header.machineTime)),\"cause\":"
    text += value(FieldValue.cause(header.cause))
    text += ",\"account\":" + (header.account == .max ? "null" : "\(header.account)")
    text += ",\"strategy\":" + (header.strategy == .max ? "null" : "\(header.strategy)")
    for field in record.fields {
      text += ",\"\(field.name)\":\(value(field.value))"
    }
    if record.clientOrderID != 0, !record.fields.contains(where: { $0.name == "clientOrderID" }) {
      text += ",\"clientOrderID\":\(JSONNumber.text(record.clientOrderID))"
    }
    if !record.symbol.isEmpty, record["symbol"] == .none {
      text += ",\"symbol\":\(quoted(record.symbol))"
    }
    return text + "}"
  }

  static func value(_ value: FieldValue) -> String {
    switch value {
    case .none: "null"
    case .integer(let number): JSONNumber.text(number)
    case .decimal(let raw, let exponent):
      exponent == 0 ? JSONNumber.text(raw) : "\"\(DecimalText.text(raw, exponent: exponent))\""
    case .name(let name): "\"\(name)\""
    case .flag(let flag): flag ? "true" : "false"
    case .text(let text): quoted(text)
    case .time(let time): JSONNumber.text(time)
    case .feed(let channel, let sequence):
      "{\"channel\":\(channel),\"sequence\":\(JSONNumber.text(sequence))}"
    }
  }

  static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case _ where scalar.value < 0x20:
        out += "\\u00" + hexadecimal([UInt8(truncatingIfNeeded: scalar.value)])
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}

/// Mantissa and exponent as decimal text.
enum DecimalText {
  /// At least four decimals when the exponent has them, trailing zeros behind those left out.
  static func text(_ raw: Int128, exponent: Int) -> String {
    if exponent >= 0 {
      return raw == 0 ? "0" : "\(raw)" + String(repeating: "0", count: min(exponent, 64))
    }
    let places = min(-exponent, 64)
    var digits = Array("\(raw.magnitude)".utf8)
    if digits.count <= places {
      digits = [UInt8](repeating: 0x30, count: places + 1 - digits.count) + digits
    }
    var decimals = digits.suffix(places)
    while decimals.count > 4, decimals.last == 0x30 { decimals.removeLast() }
    let sign = raw < 0 ? "-" : ""
    return sign + String(decoding: digits.dropLast(places), as: UTF8.self) + "."
      + String(decoding: decimals, as: UTF8.self)
  }
}
