public import ExecutionCore

/// The messages of a feed by price, as they lie in MoldUDP64: see `Protocol.md`, beside this file.
///
/// Sans-I/O. Threading: any. Nothing is allocated.
public enum PriceMessage {
  /// Of every message.
  @inlinable public static var size: Int { 56 }
  /// `I`.
  @inlinable public static var instrumentKind: UInt8 { 0x49 }

  /// Writes a record: ``size`` bytes, or 0 when there is no room. Its sequence is the message's, and is not written.
  public static func write(_ r: FeedRecord, into out: UnsafeMutableRawBufferPointer) -> Int {
    let writer = unsafe WireWriter(out)
    guard writer.count >= size else { return 0 }
    writer.u8(0, r.kind)
    writer.u8(1, r.side)
    writer.u8(2, r.flags.rawValue)
    writer.u8(3, r.detail)
    writer.u32(4, r.instrument)
    writer.u64(8, UInt64(bitPattern: r.sessionTime))
    writer.u64(16, UInt64(bitPattern: r.price))
    writer.u64(24, UInt64(bitPattern: r.quantity))
    writer.u64(32, UInt64(bitPattern: r.askPrice))
    writer.u64(40, UInt64(bitPattern: r.askQuantity))
    writer.u64(48, r.reference)
    return size
  }

  /// Reads a record; false for one of another length, or of a kind that no feed by price has. What its fields say is
  /// ``PriceBooks``' to judge.
  #if !DEBUG
    @_noLocks
  #endif
  public static func read(
    _ message: UnsafeRawBufferPointer, sequence: UInt64, into r: inout FeedRecord
  ) -> Bool {
    let view = unsafe WireView(message)
    guard view.count == size, isRecord(view.u8(0)) else { return false }
    r.kind = view.u8(0)
    r.side = view.u8(1)
    r.flags = FeedRecord.Flags(rawValue: view.u8(2))
    r.detail = view.u8(3)
    r.instrument = view.u32(4)
    r.sessionTime = Int64(bitPattern: view.u64(8))
    r.price = Int64(bitPattern: view.u64(16))
    r.quantity = Int64(bitPattern: view.u64(24))
    r.askPrice = Int64(bitPattern: view.u64(32))
    r.askQuantity = Int64(bitPattern: view.u64(40))
    r.reference = view.u64(48)
    r.sequence = sequence
    return true
  }

  /// C, G, H, L, Q, T: the raw values of ``FeedRecord/Kind`` that are none of orders.
  @_noLocks @inline(__always) private static func isRecord(_ kind: UInt8) -> Bool {
    switch kind {
    case 0x43, 0x47, 0x48, 0x4c, 0x51, 0x54: true
    default: false
    }
  }

  // MARK: Instruments

  /// Writes what a feed calls an instrument: ``size`` bytes, or 0 when there is no room.
  public static func write(
    _ facts: InstrumentFacts, number: UInt32, into out: UnsafeMutableRawBufferPointer
  ) -> Int {
    let writer = unsafe WireWriter(out)
    guard writer.count >= size else { return 0 }
    writer.u8(0, instrumentKind)
    writer.u8(1, UInt8(bitPattern: facts.priceExponent))
    writer.u8(2, UInt8(bitPattern: facts.quantityExponent))
    writer.u8(3, UInt8(bitPattern: facts.multiplierExponent))
    writer.u32(4, number)
    for i in 0..<4 { writer.raw64(8 + 8 * i, facts.symbol.words[i]) }
    writer.u64(40, UInt64(bitPattern: facts.multiplier))
    writer.raw64(48, facts.currency.raw)
    return size
  }

  /// An instrument as a feed states it.
  @frozen public struct Instrument: BitwiseCopyable, Sendable, Hashable {
    public var number: UInt32 = 0
    public var symbol = Symbol.none
    public var priceExponent: Int8 = 0
    public var quantityExponent: Int8 = 0
    public var multiplierExponent: Int8 = 0
    public var multiplier: Int64 = 1
    public var currency = Currency.usDollar
    public init() {}

    /// Money comes to the same by these facts.
    public func isWorth(_ facts: InstrumentFacts) -> Bool {
      multiplier == facts.multiplier && multiplierExponent == facts.multiplierExponent
        && currency == facts.currency
    }
  }

  /// nil for anything that is not ``instrumentKind``, or has another length, or no symbol.
  public static func instrument(_ message: UnsafeRawBufferPointer) -> Instrument? {
    let view = unsafe WireView(message)
    guard view.count == size, view.u8(0) == instrumentKind,
      let symbol = Symbol(words: [view.raw64(8), view.raw64(16), view.raw64(24), view.raw64(32)]),
      !symbol.isNone
    else { return nil }
    var found = Instrument()
    found.number = view.u32(4)
    found.symbol = symbol
    found.priceExponent = Int8(bitPattern: view.u8(1))
    found.quantityExponent = Int8(bitPattern: view.u8(2))
    found.multiplierExponent = Int8(bitPattern: view.u8(3))
    found.multiplier = Int64(bitPattern: view.u64(40))
    found.currency = Currency(raw: view.raw64(48))
    return found
  }
}
