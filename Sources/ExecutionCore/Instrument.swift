/// What is known of an instrument before the day begins: from the instruments file, overridden by the
/// feed. Plain data, given to the engine at start-up and journalled.
///
/// ```swift
/// var bitcoin = InstrumentFacts(symbol: "BTC-USD")
/// bitcoin.priceExponent = -2  // prices are whole cents
/// bitcoin.quantityExponent = -8
/// bitcoin.tick = 1  // 0.01
/// bitcoin.roundLot = 1_000  // 0.00001
/// bitcoin.minimumNotional = 5 * 100_000_000
/// ```
@frozen public struct InstrumentFacts: BitwiseCopyable, Sendable, Hashable {
  public var symbol: Symbol
  /// Smallest price increment at `priceExponent`, where a venue's grid has no step of its own.
  public var tick: Int64
  /// At `quantityExponent`.
  public var roundLot: Int64
  /// Previous close at `priceExponent`; 0 is unknown, and then the static collar refuses. Where
  /// `allowsNegativePrices` it is a price as any other.
  public var previousClose: Int64
  /// Average daily volume at `quantityExponent`; 0 is unknown.
  public var averageVolume: Int64
  /// Limit-up/limit-down bands at `priceExponent`; 0 when there are none.
  public var lowerBand: Int64
  public var upperBand: Int64
  /// How much one unit of quantity is of what the price is for, at `multiplierExponent`: 50 for an E-mini future.
  public var multiplier: Int64
  /// Orders for less, at 10⁻⁸ of the currency, are refused unless they reduce; 0: none.
  public var minimumNotional: Int64
  /// What prices are in.
  public var currency: Currency
  /// −12 to 2.
  public var priceExponent: Int8
  /// −9 to 0.
  public var quantityExponent: Int8
  /// −9 to 9.
  public var multiplierExponent: Int8
  /// Prices of 0 and below are prices: of spreads, of power, of oil for a day.
  public var allowsNegativePrices: Bool
  /// A locate is at hand.
  public var shortable: Bool
  /// Until the feed says; unknown refuses short sales.
  public var shortSale: ShortSaleRule
  /// Until the feed says; unknown refuses.
  public var status: MarketStatus

  /// A share, priced at 10⁻⁸ in steps of a cent.
  public init(symbol: Symbol) {
    self.symbol = symbol
    tick = 1_000_000
    roundLot = 100
    previousClose = 0
    averageVolume = 0
    lowerBand = 0
    upperBand = 0
    multiplier = 1
    minimumNotional = 0
    currency = .usDollar
    priceExponent = -8
    quantityExponent = 0
    multiplierExponent = 0
    allowsNegativePrices = false
    shortable = false
    shortSale = .unknown
    status = .unknown
  }

  /// The collar around it can be told.
  var knowsPreviousClose: Bool { previousClose > 0 || allowsNegativePrices }
}

/// What an instrument is called: 1 to 32 bytes of printable ASCII without blanks, or ``none``.
@frozen public struct Symbol: BitwiseCopyable, Hashable, Sendable {
  // Padded with zeros.
  var first: UInt64 = 0
  var second: UInt64 = 0
  var third: UInt64 = 0
  var fourth: UInt64 = 0

  @inlinable public static var bytesMax: Int { 32 }
  public static var none: Symbol { Symbol() }

  private init() {}

  /// nil when the text is empty, longer than 32 bytes, or not printable ASCII without blanks.
  public init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard (1...Self.bytesMax).contains(bytes.count),
      bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
    else { return nil }
    for (i, byte) in bytes.enumerated() { place(byte, at: i) }
  }

  /// Of a code, see ``SymbolCode``; none for 0.
  public init(code: UInt64) {
    for i in 0..<8 {
      let byte = UInt8(truncatingIfNeeded: code >> (8 * UInt64(i)))
      if byte == 0x20 || byte == 0 { return }
      place(byte, at: i)
    }
  }

  private mutating func place(_ byte: UInt8, at i: Int) {
    let bits = UInt64(byte) << UInt64(8 * (i % 8))
    switch i / 8 {
    case 0: first |= bits
    case 1: second |= bits
    case 2: third |= bits
    default: fourth |= bits
    }
  }

  /// As ``SymbolCode`` has it; 0 for one of more than eight bytes, and for none.
  public var code: UInt64 {
    guard second == 0 else { return 0 }
    return SymbolCode.encode(description) ?? 0
  }
  public var isNone: Bool { first == 0 }

  /// As it lies on a wire: 32 bytes in memory order, padded with zeros.
  public var words: InlineArray<4, UInt64> {
    @_noLocks get { [first, second, third, fourth] }
  }
  /// nil where a byte is not printable, or one stands behind the padding; of nothing, ``none``.
  #if !DEBUG
    @_noLocks
  #endif
  public init?(words: InlineArray<4, UInt64>) {
    var hasEnded = false
    for i in 0..<4 {
      for j in 0..<8 {
        let byte = UInt8(truncatingIfNeeded: words[i] >> UInt64(8 * j))
        if byte == 0 {
          hasEnded = true
          continue
        }
        guard !hasEnded, byte > 0x20, byte < 0x7f else { return nil }
      }
    }
    first = words[0]
    second = words[1]
    third = words[2]
    fourth = words[3]
  }
}

extension Symbol: CustomStringConvertible {
  /// Bytes that are not printable become `?`.
  public var description: String {
    var text = ""
    for word in [first, second, third, fourth] {
      for i in 0..<8 {
        let byte = UInt8(truncatingIfNeeded: word >> (8 * UInt64(i)))
        if byte == 0 { return text }
        text.unicodeScalars.append(byte > 0x20 && byte < 0x7f ? Unicode.Scalar(byte) : "?")
      }
    }
    return text
  }
}

extension Symbol: ExpressibleByStringLiteral {
  /// One that can't be a symbol is ``none``, which no engine takes.
  public init(stringLiteral text: String) { self = Symbol(text) ?? .none }
}

/// What prices are in: up to eight capital letters or digits, as ISO 4217 or a venue has it.
@frozen public struct Currency: BitwiseCopyable, Hashable, Sendable, CustomStringConvertible {
  /// Padded with zeros.
  public let raw: UInt64
  public init(raw: UInt64) { self.raw = raw }

  /// nil when the text is empty, longer than eight, or has other than capital letters and digits.
  public init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard (1...8).contains(bytes.count),
      bytes.allSatisfy({ (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) })
    else { return nil }
    raw = bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
  public static var usDollar: Currency { Currency(raw: 0x44_5355) }

  public var description: String { SymbolCode.decode(raw) }
}

/// A symbol of up to eight ASCII characters, padded with blanks, as one word in memory order: as some venues have it.
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
