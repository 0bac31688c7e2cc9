public import ExecutionCore

/// The instruments file: what is known of each symbol before the day begins, and the session date.
///
/// CSV with a header line. Columns, in any order: symbol, tick, round lot, previous close, average
/// volume, shortable, Reg SHO, trading state, session date; optional: lower band, upper band. Prices are
/// dollars with up to eight decimals.
public struct InstrumentsFile: Sendable, Hashable {
  public var instruments: [InstrumentFacts]
  public var date: SessionDate

  public init(instruments: [InstrumentFacts], date: SessionDate) {
    self.instruments = instruments
    self.date = date
  }

  /// Symbols that one file may have at the most.
  public static let instrumentsMax = 65_535
  /// Bytes that one file may have at the most.
  public static let bytesMax = 64 << 20

  /// What is wrong with an instruments file, where, and what is allowed.
  public struct ParseError: Error, Hashable, CustomStringConvertible {
    public var file: String
    /// From 1.
    public var line: Int
    /// Name of the column, empty when the whole line or file is meant.
    public var column: String
    public var problem: String
    public var allowed: String

    public var description: String {
      let place = column.isEmpty ? "line \(line)" : "line \(line), column \"\(column)\""
      return "\(file): \(place): \(problem); allowed: \(allowed)"
    }
  }

  enum Heading: String, CaseIterable {
    case symbol
    case tick
    case roundLot = "round lot"
    case previousClose = "previous close"
    case averageVolume = "average volume"
    case shortable
    case regSHO = "reg sho"
    case tradingState = "trading state"
    case sessionDate = "session date"
    case lowerBand = "lower band"
    case upperBand = "upper band"

    var isOptional: Bool { self == .lowerBand || self == .upperBand }
    var title: String { self == .regSHO ? "Reg SHO" : rawValue }
  }

  /// All columns, as ``text`` has them.
  public static let columns = Heading.allCases.map(\.title)

  /// Reads the text of an instruments file; `name` is used in errors only.
  public init(parsing text: String, name: String) throws(ParseError) {
    var reader = InstrumentsReader(name: name)
    var line = 0
    // Of characters: a carriage return and a line feed are one.
    for raw in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      line += 1
      let trimmed = InstrumentsReader.trim(raw)
      if trimmed.isEmpty || trimmed.hasPrefix("#") { continue }
      try reader.take(trimmed, line: line)
    }
    guard let date = reader.date, !reader.instruments.isEmpty else {
      throw ParseError(
        file: name, line: line, column: "", problem: "no instruments",
        allowed: "a header line and at least one line for a symbol")
    }
    instruments = reader.instruments
    self.date = date
  }

  /// The file's text; ``init(parsing:name:)`` gives the same value back.
  public var text: String {
    var lines = [Self.columns.joined(separator: ",")]
    for facts in instruments {
      let exponent = facts.priceExponent
      func price(_ value: Int64) -> String { FixedDecimal.text(value, exponent: exponent) }
      lines.append(
        [
          "\(facts.symbol)", price(facts.tick), "\(facts.roundLot)",
          price(facts.previousClose), "\(facts.averageVolume)", facts.shortable ? "yes" : "no",
          Self.letter(facts.shortSale.itch), Self.letter(facts.status.itch), date.text,
          facts.lowerBand == 0 ? "" : price(facts.lowerBand),
          facts.upperBand == 0 ? "" : price(facts.upperBand),
        ].joined(separator: ","))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func letter(_ code: UInt8) -> String {
    code == 0 ? "" : String(Unicode.Scalar(code))
  }
}

/// Reads one line after another.
struct InstrumentsReader {
  let name: String
  var date: SessionDate?
  var instruments: [InstrumentFacts] = []
  private var places: [InstrumentsFile.Heading: Int] = [:]
  private var titles = 0
  private var seen: Set<UInt64> = []
  private var line = 0

  init(name: String) { self.name = name }

  static func trim(_ text: Substring) -> Substring {
    var part = text
    while let first = part.unicodeScalars.first,
      first == " " || first == "\t" || first == "\u{FEFF}"
    {
      part = Substring(part.unicodeScalars.dropFirst())
    }
    while let last = part.unicodeScalars.last, last == " " || last == "\t" || last == "\r" {
      part = Substring(part.unicodeScalars.dropLast())
    }
    return part
  }

  private func fail(
    _ column: InstrumentsFile.Heading?, _ problem: String, allowed: String
  ) -> InstrumentsFile.ParseError {
    InstrumentsFile.ParseError(
      file: name, line: line, column: column?.title ?? "", problem: problem, allowed: allowed)
  }

  mutating func take(
    _ text: Substring, line: Int
  ) throws(InstrumentsFile.ParseError) {
    self.line = line
    let fields = text.split(separator: ",", omittingEmptySubsequences: false).map(Self.trim)
    if places.isEmpty { return try takeHeader(fields) }
    guard fields.count == titles else {
      throw fail(
        nil, "\(fields.count) fields where the header has \(titles)", allowed: "\(titles) fields")
    }
    guard instruments.count < InstrumentsFile.instrumentsMax else {
      throw fail(
        nil, "more than \(InstrumentsFile.instrumentsMax) symbols",
        allowed: "up to \(InstrumentsFile.instrumentsMax) lines")
    }
    instruments.append(try facts(fields))
  }

  private mutating func takeHeader(_ fields: [Substring]) throws(InstrumentsFile.ParseError) {
    let all = InstrumentsFile.Heading.allCases.map(\.title).joined(separator: ", ")
    titles = fields.count
    for (place, field) in fields.enumerated() {
      let wanted = String(field.map { $0 == "_" ? " " : $0 }).lowercased()
      guard let column = InstrumentsFile.Heading(rawValue: wanted) else {
        throw fail(nil, "unknown column \"\(field)\" in the header", allowed: all)
      }
      guard places[column] == nil else {
        throw fail(column, "the column is there twice", allowed: "each column once")
      }
      places[column] = place
    }
    for column in InstrumentsFile.Heading.allCases where !column.isOptional {
      guard places[column] != nil else {
        throw fail(column, "the column is missing from the header", allowed: all)
      }
    }
  }

  private mutating func facts(
    _ fields: [Substring]
  ) throws(InstrumentsFile.ParseError) -> InstrumentFacts {
    func field(_ column: InstrumentsFile.Heading) -> Substring {
      places[column].map { fields[$0] } ?? ""
    }
    guard let symbol = SymbolCode.encode(field(.symbol)) else {
      throw fail(
        .symbol, "\"\(field(.symbol))\"", allowed: "one to eight printable ASCII characters")
    }
    guard seen.insert(symbol).inserted else {
      throw fail(.symbol, "\"\(field(.symbol))\" is there twice", allowed: "each symbol once")
    }
    var facts = InstrumentFacts(symbol: Symbol(code: symbol))
    facts.tick = try price(field(.tick), .tick, atLeast: 1)
    facts.roundLot = try whole(field(.roundLot), .roundLot, 1...1_000_000)
    facts.previousClose = try price(field(.previousClose), .previousClose, atLeast: 0)
    facts.averageVolume = try whole(field(.averageVolume), .averageVolume, 0...1_000_000_000_000)
    switch field(.shortable).lowercased() {
    case "yes", "true", "1", "y": facts.shortable = true
    case "no", "false", "0", "n": facts.shortable = false
    default:
      throw fail(.shortable, "\"\(field(.shortable))\"", allowed: "yes, no")
    }
    facts.shortSale = ShortSaleRule(itch: try code(field(.regSHO), .regSHO, "012"))
    facts.status = MarketStatus(itch: try code(field(.tradingState), .tradingState, "THPQ"))
    facts.lowerBand = try price(field(.lowerBand), .lowerBand, atLeast: 0)
    facts.upperBand = try price(field(.upperBand), .upperBand, atLeast: 0)
    if facts.upperBand > 0, facts.lowerBand > facts.upperBand {
      throw fail(.lowerBand, "it is above the upper band", allowed: "at most the upper band")
    }
    try takeDate(field(.sessionDate))
    return facts
  }

  private mutating func takeDate(_ text: Substring) throws(InstrumentsFile.ParseError) {
    guard let date = SessionDate(parsing: text) else {
      throw fail(.sessionDate, "\"\(text)\"", allowed: "a date as 2019-12-30")
    }
    guard self.date == nil || self.date == date else {
      throw fail(
        .sessionDate, "\(text) where earlier lines have \(self.date?.text ?? "")",
        allowed: "one date for the whole file")
    }
    self.date = date
  }

  /// The highest price that ITCH can say.
  private static let priceMax = Int64(UInt32.max) * 10_000

  private func price(
    _ text: Substring, _ column: InstrumentsFile.Heading, atLeast least: Int64
  ) throws(InstrumentsFile.ParseError) -> Int64 {
    if text.isEmpty, least == 0 { return 0 }
    guard let value = FixedDecimal.parse(text), value >= least, value <= Self.priceMax else {
      throw fail(
        column, "\"\(text)\"",
        allowed: least > 0
          ? "dollars above 0 and up to 429496.7295, up to eight decimals"
          : "dollars from 0 to 429496.7295, up to eight decimals, or nothing when unknown")
    }
    return value
  }

  private func whole(
    _ text: Substring, _ column: InstrumentsFile.Heading, _ range: ClosedRange<Int64>
  ) throws(InstrumentsFile.ParseError) -> Int64 {
    guard let value = Int64(text), range.contains(value) else {
      throw fail(
        column, "\"\(text)\"",
        allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  private func code(
    _ text: Substring, _ column: InstrumentsFile.Heading, _ letters: String
  ) throws(InstrumentsFile.ParseError) -> UInt8 {
    if text.isEmpty { return 0 }
    guard let byte = text.utf8.first, text.utf8.count == 1, letters.utf8.contains(byte) else {
      throw fail(
        column, "\"\(text)\"",
        allowed: letters.map { "\($0)" }.joined(separator: ", ") + ", or nothing when unknown")
    }
    return byte
  }
}

/// Decimals with eight places as whole numbers.
enum FixedDecimal {
  /// nil when the text is no decimal number, has more than eight decimals, or is too large.
  static func parse(_ text: some StringProtocol) -> Int64? {
    var value: Int64 = 0
    var decimals = -1
    var digits = 0
    for byte in text.utf8 {
      if byte == UInt8(ascii: "."), decimals < 0 {
        decimals = 0
        continue
      }
      guard (0x30...0x39).contains(byte), decimals < 8 else { return nil }
      let product = value.multipliedReportingOverflow(by: 10)
      let sum = product.partialValue.addingReportingOverflow(Int64(byte - 0x30))
      guard !product.overflow, !sum.overflow else { return nil }
      value = sum.partialValue
      digits += 1
      if decimals >= 0 { decimals += 1 }
    }
    guard digits > 0 else { return nil }
    for _ in max(decimals, 0)..<8 {
      let product = value.multipliedReportingOverflow(by: 10)
      guard !product.overflow else { return nil }
      value = product.partialValue
    }
    return value
  }

  /// At least two decimals, as many as are needed.
  static func text(_ value: Int64, exponent: Int8) -> String {
    let places = max(0, Int(-exponent))
    var digits = String(value.magnitude)
    while digits.count <= places { digits = "0" + digits }
    var whole = String(digits.dropLast(places))
    var fraction = String(digits.suffix(places))
    while fraction.count > 2, fraction.last == "0" { fraction.removeLast() }
    if value < 0 { whole = "-" + whole }
    return fraction.isEmpty ? whole : "\(whole).\(fraction)"
  }
}
