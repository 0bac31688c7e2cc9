/// What is known of an instrument before the day begins: from the instruments file, overridden by the
/// feed. Plain data, given to the engine at start-up and journalled.
@frozen public struct InstrumentFacts: BitwiseCopyable, Sendable, Hashable {
  /// Eight padded ASCII bytes as the wire has them; see ``SymbolCode``.
  public var symbol: UInt64
  /// Smallest price increment at `priceExponent`, where a venue's grid has no step of its own.
  public var tick: Int64
  public var roundLot: Int64
  /// Previous close at `priceExponent`; 0 is unknown, and then the static collar refuses.
  public var previousClose: Int64
  /// Average daily volume in shares; 0 is unknown.
  public var averageVolume: Int64
  /// Limit-up/limit-down bands at `priceExponent`; 0 when there are none.
  public var lowerBand: Int64
  public var upperBand: Int64
  public var priceExponent: Int8
  public var quantityExponent: Int8
  /// A locate is at hand.
  public var shortable: Bool
  /// Until the feed says; unknown refuses short sales.
  public var shortSale: ShortSaleRule
  /// Until the feed says; unknown refuses.
  public var status: MarketStatus

  public init(symbol: UInt64) {
    self.symbol = symbol
    tick = 1_000_000
    roundLot = 100
    previousClose = 0
    averageVolume = 0
    lowerBand = 0
    upperBand = 0
    priceExponent = -8
    quantityExponent = 0
    shortable = false
    shortSale = .unknown
    status = .unknown
  }
}

/// A symbol of up to eight ASCII characters, padded with blanks, as one word in memory order.
public enum SymbolCode {
  /// nil when the text is empty, longer than eight, or not printable ASCII.
  public static func encode(_ text: some StringProtocol) -> UInt64? {
    let bytes = Array(text.utf8)
    guard (1...8).contains(bytes.count), bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      return nil
    }
    var word: UInt64 = 0
    for i in 0..<8 {
      word |= UInt64(i < bytes.count ? bytes[i] : 0x20) << (8 * UInt64(i))
    }
    return word
  }
  /// Without the padding; bytes that are not printable ASCII become `?`.
  public static func decode(_ word: UInt64) -> String {
    var text = ""
    for i in 0..<8 {
      let byte = UInt8(truncatingIfNeeded: word >> (8 * UInt64(i)))
      if byte == 0x20 || byte == 0 { break }
      text.unicodeScalars.append(byte > 0x20 && byte < 0x7f ? Unicode.Scalar(byte) : "?")
    }
    return text
  }
}
