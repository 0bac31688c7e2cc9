/// One decoded market-data message: 64 bytes, one cache line, no padding.
///
/// Made by ``ITCHDecoder`` from NASDAQ TotalView-ITCH 5.0; numbers are in host byte order, prices in
/// the venue's own ticks (10⁻⁴ dollars), symbols as the eight padded ASCII bytes lie on the wire.
/// Fields that a message type does not have are 0. The aliases below name the fields that two
/// message types share.
@frozen public struct MarketRecord: BitwiseCopyable, Sendable {
  /// Session time: nanoseconds since 1970 UTC.
  public var sessionTime: Int64
  /// MoldUDP64 sequence number; 0 when the source is not sequenced.
  public var sequence: UInt64
  /// The ITCH message type, an ASCII letter.
  public var kind: UInt8
  /// `B` or `S` (orders, trades), imbalance direction (I); 0 elsewhere.
  public var side: UInt8
  public var locate: UInt16
  public var tracking: UInt16
  /// Printable (C), cross type (Q, I), trading state (H), Reg SHO action (Y), event code (S): one
  /// ASCII letter in the low byte; a second code, where the type has one, in the high byte.
  public var code: UInt16
  /// Order reference (A, F, E, C, X, D, U: the original), paired shares (I), shares (Q).
  public var reference: UInt64
  /// New reference (U), match number (E, C, P, Q, B), imbalance shares (I).
  public var second: UInt64
  /// Symbol (R, H, Y, L, A, F, P, Q, I, K, J, h, O), or the reason's bytes where there is none.
  public var symbol: UInt64
  /// Shares (A, F, E, C, X, U, P), far price (I), round lot (R).
  public var shares: UInt32
  /// Price (A, F, C, U, P, Q), near price (I), upper auction collar (J).
  public var price: UInt32
  /// Type-specific remainder; see ``ITCHDecoder`` for each type's use. MPID (F) in the low half.
  public var detail: UInt64

  @_noLocks @inlinable public init() {
    sessionTime = 0
    sequence = 0
    kind = 0
    side = 0
    locate = 0
    tracking = 0
    code = 0
    reference = 0
    second = 0
    symbol = 0
    shares = 0
    price = 0
    detail = 0
  }
  @inlinable public var newReference: UInt64 { @_noLocks get { second } }
  @inlinable public var matchNumber: UInt64 { @_noLocks get { second } }
}
