import Journal

/// A JSON value whose objects keep their order, so that the same summary is the same bytes.
enum JSONValue: Equatable {
  case null
  case bool(Bool)
  /// Text where it is beyond 2⁵³ (``JSONNumber``).
  case whole(Int128)
  case text(String)
  case array([JSONValue])
  case object([(String, JSONValue)])

  static func == (a: JSONValue, b: JSONValue) -> Bool { a.line == b.line }

  static func integer(_ value: some BinaryInteger) -> JSONValue { .whole(Int128(clamping: value)) }
  static func count(_ value: some BinaryInteger) -> JSONValue { .integer(value) }
  /// 10⁻⁸ units as exact decimal text: programs choose their own decimal type.
  static func money(_ raw: Int128, decimals: Int = 2) -> JSONValue {
    .text(Decimal8.text(raw, decimals: decimals))
  }

  /// On one line, without spaces.
  var line: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .whole(let value): JSONNumber.text(value)
    case .text(let value): Self.quote(value)
    case .array(let values): "[" + values.map(\.line).joined(separator: ",") + "]"
    case .object(let pairs):
      "{" + pairs.map { "\(Self.quote($0)):\($1.line)" }.joined(separator: ",") + "}"
    }
  }

  /// Indented by two spaces; what fits within `width` stands on one line.
  func pretty(indent: Int = 0, width: Int = 96) -> String {
    let short = line
    if short.utf8.count + indent <= width { return short }
    let inner = String(repeating: " ", count: indent + 2)
    let outer = String(repeating: " ", count: indent)
    switch self {
    case .array(let values):
      let rows = values.map { inner + $0.pretty(indent: indent + 2, width: width) }
      return "[\n" + rows.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let pairs):
      let rows = pairs.map { key, value in
        "\(inner)\(Self.quote(key)): \(value.pretty(indent: indent + 2, width: width))"
      }
      return "{\n" + rows.joined(separator: ",\n") + "\n\(outer)}"
    default: return short
    }
  }

  static func quote(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      default:
        if scalar.value < 0x20 {
          let digits = String(scalar.value, radix: 16)
          quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          quoted.unicodeScalars.append(scalar)
        }
      }
    }
    return quoted + "\""
  }
}
