internal import CSupport

/// What a recording says of itself, at its beginning. Format.md has the layout.
///
/// ```swift
/// var header = CaptureHeader(channel: "binance-spot", instruments: [bitcoin])
/// header.source = "spot_btcusdt_20240808.gz"
/// ```
public struct CaptureHeader: Hashable, Sendable {
  public static var instrumentsMax: Int { 262_144 }
  public static var textMax: Int { 65_535 }
  static var bytesMax: Int { 32 << 20 }
  static var magic: [UInt8] { [0x89, 0x4e, 0x54, 0x43, 0x0d, 0x0a, 0x1a, 0x0a] }
  static var version: UInt16 { 1 }
  /// Bytes up to the header's own length, which says how many follow.
  static var prefix: Int { 16 }

  /// The feed: `binance-spot`.
  public var channel: String
  /// What it was made of, for people.
  public var source: String = ""
  /// The session's day as days since 1970-01-01; nil where it has none.
  public var day: Int32?
  /// By the numbers that records have in ``FeedRecord/instrument``.
  public var instruments: [CapturedInstrument]

  public init(channel: String, instruments: [CapturedInstrument]) {
    self.channel = channel
    self.instruments = instruments
  }

  /// What is out of range, in words; nil when it can be written.
  public var problem: String? {
    if channel.utf8.count > Self.textMax || source.utf8.count > Self.textMax {
      return "channel and source have at most \(Self.textMax) bytes"
    }
    if day == .min { return "the day is out of range" }
    if instruments.count > Self.instrumentsMax {
      return "there are at most \(Self.instrumentsMax) instruments"
    }
    for (index, instrument) in instruments.enumerated() {
      if let problem = instrument.problem { return "instrument \(index): \(problem)" }
    }
    return nil
  }

  func encoded() -> [UInt8] {
    var sink = ByteSink(bytes: Self.magic)
    sink.word(Self.version)
    sink.word(UInt16(0))
    sink.word(UInt32(0))
    sink.text(channel)
    sink.text(source)
    sink.word(day ?? .min)
    sink.word(UInt32(truncatingIfNeeded: instruments.count))
    for instrument in instruments {
      sink.shortText(instrument.symbol)
      sink.shortText(instrument.currency)
      sink.word(Int8(truncatingIfNeeded: instrument.priceExponent))
      sink.word(Int8(truncatingIfNeeded: instrument.quantityExponent))
      sink.word(instrument.contents.rawValue)
      sink.word(Int8(truncatingIfNeeded: instrument.multiplierExponent))
      sink.word(instrument.tick)
      sink.word(instrument.lot)
      sink.word(instrument.multiplier)
    }
    sink.word(UInt32(CaptureColumns.blockMax))
    sink.bytes.append(UInt8(CaptureColumn.allCases.count))
    for column in CaptureColumn.allCases {
      sink.shortText(column.rawValue)
      sink.bytes.append(column.width)
      sink.bytes.append(column.isSigned ? 1 : 0)
      sink.bytes.append(column.encoding.rawValue)
    }
    sink.put(UInt32(truncatingIfNeeded: sink.bytes.count + 4), at: 12)
    sink.word(Checksum.of(sink.bytes, from: 0, to: sink.bytes.count))
    return sink.bytes
  }

  /// Why a header is not believed.
  enum Problem: Error, Equatable {
    case notARecording
    case version(UInt16)
    case cut
    case damaged(String)
  }

  /// How many bytes the header has, by its first ``prefix`` ones.
  static func length(_ prefix: [UInt8]) throws(Problem) -> Int {
    let magicHere = prefix.prefix(magic.count)
    guard magicHere.elementsEqual(magic.prefix(magicHere.count)), !magicHere.isEmpty else {
      throw .notARecording
    }
    var source = ByteSource(prefix, from: magic.count)
    guard let version = source.word(UInt16.self), let reserved = source.word(UInt16.self),
      let length = source.word(UInt32.self)
    else { throw .cut }
    guard version == Self.version else { throw .version(version) }
    guard reserved == 0, length >= Self.prefix + 4, length <= bytesMax else {
      throw .damaged("a header of \(length) bytes")
    }
    return Int(length)
  }

  /// Takes the whole header, of the length that it states.
  init(decoding bytes: [UInt8]) throws(Problem) {
    let length = try Self.length(bytes)
    guard bytes.count >= length else { throw .cut }
    var check = ByteSource(bytes, from: length - 4, to: length)
    guard check.word(UInt32.self) == Checksum.of(bytes, from: 0, to: length - 4) else {
      throw .damaged("a header whose check sum is another")
    }
    var source = ByteSource(bytes, from: Self.prefix, to: length - 4)
    guard let channel = source.text(), let text = source.text(),
      let day = source.word(Int32.self), let count = source.word(UInt32.self),
      count <= Self.instrumentsMax
    else { throw .damaged("a header that does not fit its length") }
    self.init(channel: channel, instruments: [])
    self.source = text
    self.day = day == .min ? nil : day
    for _ in 0..<count { instruments.append(try Self.instrument(&source)) }
    if let problem { throw .damaged("a header with \(problem)") }
    try Self.checkColumns(&source)
    guard source.left == 0 else { throw .damaged("a header with bytes behind its end") }
  }

  private static func instrument(_ source: inout ByteSource) throws(Problem) -> CapturedInstrument {
    guard let symbol = source.shortText(), let currency = source.shortText(),
      let price = source.word(Int8.self), let quantity = source.word(Int8.self),
      let contents = source.word(UInt8.self), let exponent = source.word(Int8.self),
      let tick = source.word(Int64.self), let lot = source.word(Int64.self),
      let multiplier = source.word(Int64.self)
    else { throw .damaged("a table of instruments that does not fit its length") }
    var instrument = CapturedInstrument(
      symbol: symbol, priceExponent: Int(price), quantityExponent: Int(quantity))
    instrument.currency = currency
    instrument.contents = CapturedInstrument.Contents(rawValue: contents)
    instrument.multiplierExponent = Int(exponent)
    instrument.tick = tick
    instrument.lot = lot
    instrument.multiplier = multiplier
    return instrument
  }

  /// Version 1 has these columns and no others; the table is there for readers of other makes.
  private static func checkColumns(_ source: inout ByteSource) throws(Problem) {
    let wrong = Problem.damaged("columns that are not understood")
    guard source.word(UInt32.self) == UInt32(CaptureColumns.blockMax),
      source.word(UInt8.self) == UInt8(CaptureColumn.allCases.count)
    else { throw wrong }
    for column in CaptureColumn.allCases {
      guard source.shortText() == column.rawValue, source.word(UInt8.self) == column.width,
        source.word(UInt8.self) == (column.isSigned ? 1 : 0),
        source.word(UInt8.self) == column.encoding.rawValue
      else { throw wrong }
    }
  }
}
