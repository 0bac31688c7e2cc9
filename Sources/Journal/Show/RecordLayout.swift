internal import ExecutionCore

/// How the bytes of one field are to be read.
enum FieldKind: Sendable {
  case unsigned
  case signed
  /// 64 bits that are no count.
  case word
  /// A dense id; all bits set is none.
  case identifier
  /// At the price exponent that goes with the record, likewise quantities.
  case price
  case quantity
  /// 10⁻⁸ of the currency.
  case money
  /// 128 bits in two words.
  case wide
  /// One ASCII letter; 0 is none.
  case letter
  /// Session time: nanoseconds since 1970 UTC.
  case time
  /// ``FeedPosition/cause``; 0 is none.
  case feed
  /// Pool slot and generation.
  case handle
  case flag
  /// Zero-padded UTF-8 of the field's width.
  case text
  /// ``VenueIdentifier``: text or a number.
  case venueIdentifier
  /// A port; all bits set is none.
  case portOrNone
  /// The name of a numbered case; numbers without one are shown as numbers.
  case name(@Sendable (UInt64) -> String?)
}

struct RecordField: Sendable {
  var name: String
  var offset: Int
  var width: Int
  var kind: FieldKind
}

/// Where the fields of a record type lie, taken from the structs that the engine writes.
struct RecordLayout: Sendable {
  /// Bytes of the payload, before padding.
  var size: Int
  var fields: [RecordField]
  /// Places of what other fields depend on.
  var instrument: Int?
  var symbol: Int?
  var priceExponent: Int?
  var quantityExponent: Int?

  func field(_ name: String) -> RecordField? { fields.first { $0.name == name } }
}

/// Collects the fields of one payload struct.
struct LayoutBuilder<Payload> {
  var layout: RecordLayout

  init(_: Payload.Type) { layout = RecordLayout(size: MemoryLayout<Payload>.size, fields: []) }

  /// The byte at which the compiler put a stored property.
  func offset<Value>(_ path: KeyPath<Payload, Value>) -> Int {
    guard let offset = MemoryLayout<Payload>.offset(of: path) else {
      preconditionFailure("only stored properties are in a record")
    }
    return offset
  }

  func adding<Value>(
    _ name: String, _ path: KeyPath<Payload, Value>, _ kind: FieldKind
  ) -> LayoutBuilder {
    var copy = self
    copy.layout.fields.append(
      RecordField(
        name: name, offset: offset(path), width: MemoryLayout<Value>.size, kind: kind))
    return copy
  }

  /// A field that says how others are to be read; it is shown as well.
  func instrument(_ path: KeyPath<Payload, InstrumentID>) -> LayoutBuilder {
    var copy = adding("instrument", path, .identifier)
    copy.layout.instrument = offset(path)
    return copy
  }

  func symbol(_ path: KeyPath<Payload, Symbol>) -> LayoutBuilder {
    var copy = adding("symbol", path, .text)
    copy.layout.symbol = offset(path)
    return copy
  }

  func exponents(
    price: KeyPath<Payload, Int8>, quantity: KeyPath<Payload, Int8>?
  ) -> LayoutBuilder {
    var copy = self
    copy.layout.priceExponent = offset(price)
    copy.layout.quantityExponent = quantity.map { offset($0) }
    return copy
  }
}

extension FieldKind {
  /// The names of a set of ``LatchCause``.
  static var latchCauses: FieldKind {
    .name { raw in
      let names = LatchCauses(raw: UInt32(truncatingIfNeeded: raw)).all.map { "\($0)" }
      return names.isEmpty ? "none" : names.joined(separator: ", ")
    }
  }
  static var runEnd: FieldKind {
    .name { raw in RunEnd(raw: UInt32(truncatingIfNeeded: raw))?.text }
  }
  static var latchCause: FieldKind {
    .name { raw in
      if raw == UInt64(Command.everyCause) { return "every cause" }
      return UInt8(exactly: raw).flatMap(LatchCause.init).map { "\($0)" }
    }
  }

  /// The case names of an enum whose raw value is in the record.
  static func cases<E: RawRepresentable & Sendable>(_: E.Type) -> FieldKind
  where E.RawValue: FixedWidthInteger {
    .name { raw in
      guard let value = E.RawValue(exactly: raw) else { return nil }
      return E(rawValue: value).map { "\($0)" }
    }
  }
}
