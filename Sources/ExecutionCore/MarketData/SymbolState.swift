/// What changes with a locate's every message, beside its book, in the same cache line.
struct QuoteState: BitwiseCopyable {
  var lastTime: Int64 = 0
  var goodTime: Int64 = 0
  var goodBidShares: UInt64 = 0
  var goodAskShares: UInt64 = 0
  var goodBid: UInt32 = 0
  var goodAsk: UInt32 = 0
  var tradingState: UInt8 = 0
  /// Markets that are operationally halted: bit 0 Q, 1 B, 2 X, 3 other.
  var operationalHalts: UInt8 = 0
  var regSHO: UInt8 = 0
  /// Gates that were closed at the last look, `stale` apart.
  var gates: UInt8 = 0
  /// An outlier stands, since ``SymbolState/outlierSince``.
  var outlierStands = false

  /// Nothing known.
  @_noLocks init() {}
}

/// The rest of what is known of one locate: 64 bytes.
struct SymbolState: BitwiseCopyable {
  var lastTradeTime: Int64 = 0
  /// Session time since which an outlier stands.
  var outlierSince: Int64 = 0
  /// Session time of the last H.
  var statusTime: Int64 = 0
  var collar = AuctionCollar()
  var roundLot: UInt32 = 0
  var haltReason: UInt32 = 0
  /// Instrument + 1; 0 is not bound.
  var instrument: UInt32 = 0
  /// Repaired alone after this many losses of the feed, plus 1; 0 never.
  var repairedAt: UInt32 = 0
  var lastTradePrice: UInt32 = 0
  var reserved: UInt32 = 0

  /// Nothing known.
  @_noLocks init() {}
}
