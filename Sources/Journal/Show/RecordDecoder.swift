public import ExecutionCore

/// One value of a decoded record.
public enum FieldValue: Sendable, Equatable {
  /// Absent: an id, letter, position or name that means none.
  case none
  case integer(Int128)
  /// Mantissa and decimal exponent.
  case decimal(Int128, exponent: Int)
  case name(String)
  case flag(Bool)
  case text(String)
  /// Nanoseconds since 1970 UTC.
  case time(Int64)
  case feed(channel: UInt16, sequence: UInt64)
}

/// A record with its payload's fields, ready to be printed.
public struct DecodedRecord: Sendable {
  public var header: RecordHeader
  public var type: RecordType
  public var fields: [(name: String, value: FieldValue)] = []
  /// From the instrument or the symbol field; empty where the record is of no instrument.
  public var symbol = ""
  /// The client order it belongs to, found by the venue's reference where the report has no other; 0
  /// when there is none.
  public var clientOrderID: UInt64 = 0

  public init(header: RecordHeader, type: RecordType) {
    self.header = header
    self.type = type
  }

  /// A field by name; `none` where the type has no such field.
  public subscript(_ name: String) -> FieldValue {
    fields.first { $0.name == name }?.value ?? .none
  }
}

/// Turns records into fields. Keeps what earlier records said of instruments and references, so it
/// must see all records in order.
///
/// Threading: a value.
public struct RecordDecoder: Sendable {
  private struct Instrument {
    var symbol: String
    var priceExponent: Int
    var quantityExponent: Int
  }
  private var instruments: [UInt32: Instrument] = [:]
  private struct Reference: Hashable {
    var port: UInt16
    var number: UInt64
  }
  /// By their intents.
  private var orders: [Reference: (clientOrderID: UInt64, instrument: UInt32)] = [:]

  public init() {}

  /// A payload whose version or size is not known is given as the field `payload` in hexadecimal.
  public mutating func decode(_ record: JournalRecord) -> DecodedRecord {
    var decoded = DecodedRecord(header: record.header, type: record.type)
    if record.type == .configuration, record.header.version == record.type.version {
      let lines = String(decoding: record.payload.filter { $0 != 0 }, as: UTF8.self)
      let text = lines.split(separator: "\n").joined(separator: "; ")
      decoded.fields = [("text", text.isEmpty ? .none : .text(text))]
      return decoded
    }
    guard let layout = RecordLayout.of(record.type), record.header.version == record.type.version,
      record.payloadCount >= layout.size, record.payloadCount < layout.size + 8
    else {
      decoded.fields = [("payload", .text(hexadecimal(record.payload)))]
      return decoded
    }
    let facts = context(record, layout)
    decoded.symbol = facts.symbol
    for field in layout.fields {
      decoded.fields.append((field.name, value(field, record, facts)))
    }
    if record.type == .refusal { putInUnits(&decoded, facts) }
    if record.type == .command { sayLimits(&decoded) }
    remember(record, layout, facts)
    decoded.clientOrderID = order(of: record, layout, decoded)
    return decoded
  }

  /// A refusal's limit and what was observed, in the unit of its check.
  private func putInUnits(_ refusal: inout DecodedRecord, _ facts: Instrument) {
    guard case .name(let name) = refusal["code"],
      let code = RefusalCode.allCases.first(where: { "\($0)" == name })
    else { return }
    for i in refusal.fields.indices where ["limit", "observed"].contains(refusal.fields[i].name) {
      guard case .integer(let raw) = refusal.fields[i].value else { continue }
      refusal.fields[i].value = value(raw, of: code, refusal["scope"], facts)
    }
  }

  /// What a command's two words of value are: a limit in its unit, or the version that changes are to become.
  private func sayLimits(_ command: inout DecodedRecord) {
    let words = ["value", "valueHigh"].map { command[$0] }
    command.fields.removeAll { $0.name == "valueHigh" }
    guard case .integer(let low) = words[0], case .integer(let high) = words[1],
      let i = command.fields.firstIndex(where: { $0.name == "value" })
    else { return }
    switch command["command"] {
    case .name("\(Command.Kind.setLimit)"):
      let value = high << 64 | Int128(UInt64(truncatingIfNeeded: low))
      let isMoney = command["limit"] == .name("\(LimitKind.orderNotional)")
      command.fields[i].value =
        value == .max ? .none : isMoney ? .decimal(value, exponent: -8) : .integer(value)
    case .name("\(Command.Kind.commitLimits)"):
      command.fields[i] = (name: "version", value: .integer(high + 1))
    default: break
    }
  }

  private func value(
    _ raw: Int128, of code: RefusalCode, _ scope: FieldValue, _ facts: Instrument
  ) -> FieldValue {
    let byte = UInt8(exactly: raw)
    switch code {
    case .notionalLimit, .minimumNotional: return .decimal(raw, exponent: -8)
    case .staticCollar, .dynamicCollar, .badPrice, .tickSize, .crossedBook:
      return .decimal(raw, exponent: facts.priceExponent)
    case .shortSale where scope == .name("\(RiskScope.instrument)"):
      return .decimal(raw, exponent: facts.priceExponent)
    case .quantityLimit, .positionLimit, .lotSize, .badQuantity, .shortSale:
      return .decimal(raw, exponent: facts.quantityExponent)
    case .halted, .noInstrumentState:
      return byte.flatMap(MarketStatus.init).map { .name("\($0)") } ?? .integer(raw)
    case .sessionClosed:
      return byte.flatMap(MarketHours.init).map { .name("\($0)") } ?? .integer(raw)
    case .latched:
      let causes = LatchCauses(raw: UInt32(truncatingIfNeeded: raw)).all
      return .name(causes.isEmpty ? "none" : causes.map { "\($0)" }.joined(separator: ", "))
    default: return .integer(raw)
    }
  }

  private func context(_ record: JournalRecord, _ layout: RecordLayout) -> Instrument {
    let id =
      layout.instrument.flatMap { record.load($0, as: UInt32.self) }
      ?? reference(record, layout).flatMap { orders[$0]?.instrument } ?? .max
    var facts =
      instruments[id] ?? Instrument(symbol: "", priceExponent: -8, quantityExponent: 0)
    if let place = layout.symbol {
      // What is no symbol is shown as far as it can be.
      let characters = text(record, place, Symbol.bytesMax).unicodeScalars
      facts.symbol = String(
        String.UnicodeScalarView(
          characters.map { $0.isASCII && $0.value > 0x20 && $0.value != 0x7f ? $0 : "?" }))
    }
    if let raw = layout.priceExponent.flatMap({ record.load($0, as: Int8.self) }) {
      facts.priceExponent = Int(raw)
    }
    if let raw = layout.quantityExponent.flatMap({ record.load($0, as: Int8.self) }) {
      facts.quantityExponent = Int(raw)
    }
    return facts
  }

  private mutating func remember(
    _ record: JournalRecord, _ layout: RecordLayout, _ facts: Instrument
  ) {
    switch record.type {
    case .instrumentDefined:
      if let id = layout.instrument.flatMap({ record.load($0, as: UInt32.self) }) {
        instruments[id] = facts
      }
    case .sessionStarted: orders.removeAll()
    case .intent:
      let reference = Reference(
        port: port(record, layout), number: number("venueReference", record, layout))
      let instrument = layout.instrument.flatMap { record.load($0, as: UInt32.self) } ?? .max
      orders[reference] = (number("clientOrderID", record, layout), instrument)
    default: break
    }
  }

  /// Of a record that names its order by the venue's reference; nil of another.
  private func reference(_ record: JournalRecord, _ layout: RecordLayout) -> Reference? {
    guard [.report, .handedOver, .withdrawn].contains(record.type) else { return nil }
    return Reference(
      port: port(record, layout), number: number("venueReference", record, layout))
  }

  private func number(
    _ name: String, _ record: JournalRecord, _ layout: RecordLayout
  ) -> UInt64 {
    layout.field(name).flatMap { record.load($0.offset, as: UInt64.self) } ?? 0
  }

  private func port(_ record: JournalRecord, _ layout: RecordLayout) -> UInt16 {
    layout.field("port").flatMap { record.load($0.offset, as: UInt16.self) } ?? 0
  }

  private func order(
    of record: JournalRecord, _ layout: RecordLayout, _ decoded: DecodedRecord
  ) -> UInt64 {
    if case .integer(let id) = decoded["clientOrderID"], id != 0 {
      return UInt64(truncatingIfNeeded: id)
    }
    return reference(record, layout).flatMap { orders[$0]?.clientOrderID } ?? 0
  }

  /// Zero-padded UTF-8.
  private func text(_ record: JournalRecord, _ offset: Int, _ width: Int) -> String {
    let bytes = (0..<width).map { record.load(offset + $0, as: UInt8.self) ?? 0 }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  private func value(_ field: RecordField, _ record: JournalRecord, _ facts: Instrument)
    -> FieldValue
  {
    let raw = unsigned(field, record)
    let signed = Int64(bitPattern: raw)
    switch field.kind {
    case .unsigned: return .integer(Int128(raw))
    case .word: return .text("\(raw)")
    case .signed: return .integer(Int128(extended(raw, field.width)))
    case .identifier: return raw == UInt64(UInt32.max) ? .none : .integer(Int128(raw))
    case .price: return .decimal(Int128(signed), exponent: facts.priceExponent)
    case .quantity: return .decimal(Int128(signed), exponent: facts.quantityExponent)
    case .money: return .decimal(Int128(signed), exponent: -8)
    case .wide:
      let high = record.load(field.offset + 8, as: Int64.self) ?? 0
      return .integer(Int128(high) << 64 | Int128(raw))
    case .letter:
      guard raw != 0 else { return .none }
      guard raw > 0x20, raw < 0x7f else { return .integer(Int128(raw)) }
      return .text(String(Unicode.Scalar(UInt8(truncatingIfNeeded: raw))))
    case .time: return signed == 0 ? .none : .time(signed)
    case .feed: return FieldValue.cause(raw)
    case .handle:
      let slot = UInt32(truncatingIfNeeded: raw)
      return slot == .max ? .none : .text("\(slot):\(raw >> 32)")
    case .flag: return .flag(raw != 0)
    case .text:
      let text = text(record, field.offset, field.width)
      return text.isEmpty ? .none : .text(text)
    case .venueIdentifier:
      let bytes = (0..<field.width).map { record.load(field.offset + $0, as: UInt8.self) ?? 0 }
      if bytes.prefix(8).allSatisfy({ $0 == 0 }) {
        let number = record.load(field.offset + 8, as: UInt64.self) ?? 0
        return number == 0 ? .none : .text("\(number)")
      }
      return .text(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
    case .portOrNone: return raw == UInt64(UInt16.max) ? .none : .integer(Int128(raw))
    case .name(let lookup):
      if let name = lookup(raw) { return .name(name) }
      return raw == 0 ? .none : .integer(Int128(raw))
    }
  }

  private func unsigned(_ field: RecordField, _ record: JournalRecord) -> UInt64 {
    switch field.width {
    case 1: UInt64(record.load(field.offset, as: UInt8.self) ?? 0)
    case 2: UInt64(record.load(field.offset, as: UInt16.self) ?? 0)
    case 4: UInt64(record.load(field.offset, as: UInt32.self) ?? 0)
    default: record.load(field.offset, as: UInt64.self) ?? 0
    }
  }

  private func extended(_ raw: UInt64, _ width: Int) -> Int64 {
    switch width {
    case 1: Int64(Int8(truncatingIfNeeded: raw))
    case 2: Int64(Int16(truncatingIfNeeded: raw))
    case 4: Int64(Int32(truncatingIfNeeded: raw))
    default: Int64(bitPattern: raw)
    }
  }
}

extension FieldValue {
  /// A `cause`: a place in a feed, or the sequence of a record; none for 0.
  static func cause(_ raw: UInt64) -> FieldValue {
    if raw == 0 { return .none }
    if raw >> 63 == 0 { return .integer(Int128(raw)) }
    return .feed(
      channel: UInt16(truncatingIfNeeded: raw >> 48) & 0x7fff, sequence: raw & 0xffff_ffff_ffff)
  }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".unicodeScalars)
  var text = ""
  for byte in bytes {
    text.unicodeScalars.append(digits[Int(byte >> 4)])
    text.unicodeScalars.append(digits[Int(byte & 15)])
  }
  return text
}
