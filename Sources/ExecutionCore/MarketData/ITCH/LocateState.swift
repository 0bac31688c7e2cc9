/// What the feed says of one of its locates, beside the locate's book; what concerns trading is in ``Quotes``.
struct LocateState: BitwiseCopyable {
  /// Instrument + 1; 0 is none of ours.
  var instrument: UInt32 = 0
  /// Letter of the last H, 0 before the first.
  var tradingState: UInt8 = 0
  /// Markets that are operationally halted: bit 0 Q, 1 B, 2 X, 3 other.
  var operationalHalts: UInt8 = 0
  /// Letter of the last Y, 0 before the first.
  var regSHO: UInt8 = 0
  /// What has been counted of its R, each once: bit 0 unlisted, 1 another round lot. See ``FeedDirectory``.
  var counted: UInt8 = 0
  /// Session time of the last H.
  var statusTime: Int64 = 0
  var collar = AuctionCollar()
  var roundLot: UInt32 = 0
  var haltReason: UInt32 = 0

  /// Nothing known.
  @_noLocks init() {}
}
