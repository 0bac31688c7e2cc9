/// What a recording says of one of its instruments: how its integers are to be read.
///
/// ```swift
/// var bitcoin = CapturedInstrument(symbol: "BTCUSDT", priceExponent: -2, quantityExponent: -5)
/// bitcoin.contents = [.quotes, .levels, .trades]
/// ```
public struct CapturedInstrument: Hashable, Sendable {
  /// Which kinds of data a recording has of it.
  public struct Contents: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// L1: best bid and offer.
    public static var quotes: Contents { Contents(rawValue: 1) }
    /// L2: a book by price.
    public static var levels: Contents { Contents(rawValue: 2) }
    /// L3: a book by order.
    public static var orders: Contents { Contents(rawValue: 4) }
    public static var trades: Contents { Contents(rawValue: 8) }

    /// `L1 L2 L3 trades`, those that there are.
    public var names: [String] {
      let all: [(Contents, String)] = [
        (.quotes, "L1"), (.levels, "L2"), (.orders, "L3"), (.trades, "trades"),
      ]
      return all.filter { contains($0.0) }.map(\.1)
    }
  }

  public static var symbolMax: Int { 32 }
  public static var currencyMax: Int { 8 }

  /// As the venue writes it, at most ``symbolMax`` bytes of UTF-8.
  public var symbol: String
  /// A price is its mantissa × 10^this; -12 to 2.
  public var priceExponent: Int
  /// A quantity is its mantissa × 10^this; -9 to 0.
  public var quantityExponent: Int
  /// The price step as a mantissa at ``priceExponent``; 0: the source does not say.
  public var tick: Int64 = 0
  /// The quantity step as a mantissa at ``quantityExponent``; 0: the source does not say.
  public var lot: Int64 = 0
  /// What prices are in, at most ``currencyMax`` bytes; empty: the source does not say.
  public var currency: String = ""
  /// What one unit of quantity is worth at a price of 1: this × 10^``multiplierExponent``.
  public var multiplier: Int64 = 1
  /// -18 to 18.
  public var multiplierExponent: Int = 0
  public var contents: Contents = []

  public init(symbol: String, priceExponent: Int, quantityExponent: Int) {
    self.symbol = symbol
    self.priceExponent = priceExponent
    self.quantityExponent = quantityExponent
  }

  /// What is out of range, in words; nil when nothing is.
  public var problem: String? {
    let isText = { (text: String) in text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f } }
    if symbol.isEmpty || symbol.utf8.count > Self.symbolMax || !isText(symbol) {
      return "a symbol has 1 to \(Self.symbolMax) bytes, none of them a space or control character"
    }
    if currency.utf8.count > Self.currencyMax || !isText(currency) {
      return "a currency has at most \(Self.currencyMax) bytes, none a space or control character"
    }
    if !(-12...2).contains(priceExponent) { return "a price exponent is -12 to 2" }
    if !(-9...0).contains(quantityExponent) { return "a quantity exponent is -9 to 0" }
    if tick < 0 || lot < 0 { return "tick and lot are not negative" }
    if multiplier <= 0 || !(-18...18).contains(multiplierExponent) {
      return "a multiplier is above 0, at an exponent of -18 to 18"
    }
    return nil
  }
}
